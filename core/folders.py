"""The folders of the FTP account (operator's card, B-4), and what a path there tells."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from core.layouts import fold

PARIS = ZoneInfo("Europe/Paris")

Folder = Literal[
    "account_status",
    "rated_cdrs",
    "billed_cdrs",
    "sims",
    "documents",
    "client_invoices",
    "operator_invoices",
    "personalisation",
    "tariffs",
    "other",
]

#: Folded names of the first part of a path; Factures has two sides below it.
_NAMES: dict[str, Folder] = {
    "accountstatus": "account_status",
    "ratedcdrs": "rated_cdrs",
    "billedcdrs": "billed_cdrs",
    "cartessim": "sims",
    "documents": "documents",
    "personnalisation": "personalisation",
    "tablestarifaires": "tariffs",
}
FRENCH: dict[Folder, str] = {
    "account_status": "AccountStatus",
    "rated_cdrs": "RatedCDRs",
    "billed_cdrs": "BilledCDRs",
    "sims": "Cartes SIM",
    "documents": "Documents",
    "client_invoices": "Factures/Clients",
    "operator_invoices": "Factures/Intégrateur",
    "personalisation": "Personnalisation",
    "tariffs": "Tables tarifaires",
    "other": "autre dossier",
}

_STAMP = re.compile(
    r"(?<!\d)(20\d{2})[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?:[-_.T]?([01]\d|2[0-3])[-_.h:]?([0-5]\d)(?:[.:]?([0-5]\d))?)?(?!\d{3})"
)
_MONTH = re.compile(r"(?<!\d)(20\d{2})[-_. /]?(0[1-9]|1[0-2])(?!\d)")
_MONTH_FIRST = re.compile(r"(?<!\d)(0[1-9]|1[0-2])[-_. /](20\d{2})(?!\d)")
MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
_FOLDED_MONTHS = [fold(month) for month in MONTHS]
_ANY_MONTH = "|".join(_FOLDED_MONTHS)
_WORDS = re.compile(rf"({_ANY_MONTH})[^\d]{{0,3}}(20\d{{2}})|(20\d{{2}})[^\d]{{0,3}}({_ANY_MONTH})")


def folder_of(path: str) -> Folder:
    """Which folder of the card a path belongs to, whatever its case and accents."""
    parts = [fold(part) for part in path.split("/")[:-1]]
    if not parts:
        return "other"
    if parts[0] == "factures":
        if len(parts) > 1 and parts[1].startswith("client"):
            return "client_invoices"
        if len(parts) > 1 and parts[1].startswith(("integrateur", "operateur")):
            return "operator_invoices"
        return "other"
    return _NAMES.get(parts[0], "other")


def stamp_of(path: str) -> int | None:
    """UTC seconds of the date (and hour, Paris) in a file's name; None without one."""
    found = _STAMP.search(path.rsplit("/", 1)[-1])
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=PARIS)
    except ValueError:
        return None
    return int(local.astimezone(UTC).timestamp())


def month_of(path: str) -> int:
    """YYYYMM from a path (`2026-10`, `202610`, `10-2026`, `octobre 2026`, or a full date); 0 without one.

    The nearest to the file counts: its own name first, then its folders.
    """
    for part in reversed(path.split("/")):
        if found := _MONTH.search(part):
            return int(found[1]) * 100 + int(found[2])
        if found := _MONTH_FIRST.search(part):
            return int(found[2]) * 100 + int(found[1])
        if found := _STAMP.search(part):
            return int(found[1]) * 100 + int(found[2])
        if found := _WORDS.search(fold(part)):
            name, year = (found[1], found[2]) if found[1] else (found[4], found[3])
            return int(year) * 100 + _FOLDED_MONTHS.index(name) + 1
    if found := re.search(r"(?:^|/)(20\d{2})/(0[1-9]|1[0-2])/", path):
        return int(found[1]) * 100 + int(found[2])
    return 0


@dataclass(frozen=True)
class InvoicePath:
    """What the path of an invoice tells: `month` YYYYMM or 0, `client` or ""."""

    side: Literal["operator", "client"]
    month: int
    client: str


def invoice_of(path: str) -> InvoicePath | None:
    """An invoice, when the path is that of a PDF under Factures; None otherwise."""
    folder = folder_of(path)
    if folder not in ("client_invoices", "operator_invoices") or not path.lower().endswith(".pdf"):
        return None
    month = month_of(path)
    if folder == "operator_invoices":
        return InvoicePath("operator", month, "")
    return InvoicePath("client", month, _client_in(path))


_NO_NAMES = ("facture", "fact", "fac", "client", "avoir")


def _client_in(path: str) -> str:
    """A sub-folder of its own that is no month, else the words of the file's name without date or number."""
    parts = path.split("/")
    for part in parts[2:-1]:
        if not month_of(part) and not part.strip().isdigit():
            return part.strip()
    stem = parts[-1].rsplit(".", 1)[0]
    pieces = re.split(r"\s+-\s+|_", stem)
    names = [name for piece in pieces if (name := _without_references(piece))]
    return " ".join(names)


def _without_references(piece: str) -> str:
    """A piece of a file's name without the word "facture", dates and references; "" when no word is left."""
    words = [
        word for word in piece.split() if fold(word) not in _NO_NAMES and not re.search(r"\d{5,}|\d-\d|[A-Z]\d", word)
    ]
    return " ".join(words) if any(re.search(r"[^\W\d_]{2,}", word) for word in words) else ""

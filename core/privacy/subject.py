"""Who is meant by a number or a name, and which cards and rejected rows are of his lines."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from core import clients
from core.forgotten import naming
from core.numbers import NumberError, msisdn, show
from core.rejects import content_of
from core.vault import Vault


class PrivacyError(Exception):
    """It is not clear who is meant, or nothing is held; the message says so in French."""


@dataclass(frozen=True)
class Subject:
    """Whose data are meant. `name`: the number as it is shown, or the client's name; `msisdns`: the lines; `client_id`:
    None when one line is meant, and not its client."""

    name: str
    msisdns: tuple[str, ...]
    client_id: int | None = None

    @property
    def values(self) -> dict[str, Any]:
        """For queries: the lines as texts, and as CDRs write them."""
        return {
            "msisdns": json.dumps(self.msisdns),
            "lines": json.dumps([int(number) for number in self.msisdns]),
            "client": -1 if self.client_id is None else self.client_id,
        }


def subject(db: Database, words: str) -> Subject:
    """Who is meant by a number, or by words that are one client's alone.

    :raises PrivacyError: nobody, or several.
    """
    try:
        number = msisdn(words)
    except NumberError:
        return _client(db, words)
    found = Subject(show(number), (number,))
    held = [f"{table} WHERE msisdn = ?" for table in ("lines", "line_changes", "sims")]
    held.append("usage_by_line WHERE line = CAST(? AS INTEGER)")
    if not any(db.execute(f"SELECT 1 FROM {where} LIMIT 1", (number,)).fetchone() for where in held):
        raise PrivacyError(f"Rien n'est gardé du {show(number)}.")
    return found


def _client(db: Database, words: str) -> Subject:
    found = clients.find(db, words)
    names = ", ".join(client.name for client in found.clients) + (", …" if found.others else "")
    # What is handed over, or erased, must be of nobody else: the nearest name is not good enough.
    if found.corrected or not found.clients:
        near = f" Noms proches : {names}." if names else ""
        raise PrivacyError(f"Ni un numéro, ni le nom d'un client : « {words} ».{near}")
    if not found.sure:
        raise PrivacyError(f"Plusieurs clients ressemblent à « {words} », en choisir un : {names}.")
    client = found.clients[0]
    rows = db.execute("SELECT msisdn FROM lines WHERE client_id = ? ORDER BY msisdn", (client.id,))
    return Subject(client.name, tuple(number for (number,) in rows), client.id)


#: In queries, with `Subject.values`.
OF_LINES = "msisdn IN (SELECT value FROM json_each(:msisdns))"


# -- His cards


def cards_of(db: Database, msisdns: Sequence[str]) -> list[str]:
    """The cards in the store that were delivered for these lines or are on them, as written there: with their check
    digit or without."""
    return sorted({iccid for cards in cards_by_line(db, msisdns).values() for iccid in cards})


def cards_by_line(db: Database, msisdns: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {number: set() for number in msisdns}
    values = (json.dumps(list(msisdns)),)
    among = "msisdn IN (SELECT value FROM json_each(?))"
    for number, iccid in db.execute(f"SELECT msisdn, iccid FROM sims WHERE {among}", values):
        found[number].add(iccid)
    on_lines = db.execute(f"SELECT msisdn, iccid FROM lines WHERE {among} AND iccid != ''", values).fetchall()
    for number, on_line in on_lines:
        found[number] |= {iccid for (iccid,) in db.execute(f"SELECT iccid FROM sims WHERE {WRITTEN}", ways(on_line))}
    return found


#: Which ICCIDs are a card's, whether its check digit is written or not.
WRITTEN = "(iccid IN (:whole, :shorter) OR iccid BETWEEN :whole || '0' AND :whole || '9' AND length(iccid) = :longer)"


def ways(iccid: str) -> dict[str, Any]:
    return {"whole": iccid, "shorter": iccid[:-1], "longer": len(iccid) + 1}


# -- Rows set aside that name him


@dataclass(frozen=True)
class Aside:
    """A row set aside, as far as a key opens it."""

    file_id: int
    path: str
    line: int
    reason: str
    content: str


def aside_rows(db: Database, vault: Vault) -> list[Aside]:
    rows = db.execute(
        "SELECT file_id, path, folder, line, rejects.reason, content FROM rejects CROSS JOIN files "
        "ON files.id = file_id ORDER BY path, line"
    )
    return [
        Aside(file_id, path, line, reason, content_of(vault, file_id, folder, line, content))
        for file_id, path, folder, line, reason, content in rows
    ]


def rejects_of(db: Database, who: Subject, aside: list[Aside]) -> list[Aside]:
    """Those that name one of the lines or their cards."""
    return naming_rows(aside, who.msisdns, cards_of(db, who.msisdns))


def naming_rows(aside: list[Aside], msisdns: Iterable[str], cards: Iterable[str]) -> list[Aside]:
    pattern = naming(frozenset(msisdns), frozenset(cards))
    return [it for it in aside if pattern.search(it.reason) or pattern.search(it.content)]

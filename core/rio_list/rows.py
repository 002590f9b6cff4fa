"""A row of a list of RIOs: its verdict in words, and how its RIO is masked."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from core import rio, rio_words
from core.numbers import NumberError, msisdn

Judged = Literal["Juste", "Faux", "Non vérifiable", "Illisible"]
JUDGED: tuple[Judged, ...] = ("Juste", "Faux", "Non vérifiable", "Illisible")

#: What stands for a correction that is not to be seen.
ASK_IN_CHAT = "oui, demander dans le chat"

_MOST_TOLD = 10

#: RIOs of one number that may be wrong in a list before no other of it is checked.
MOST_WRONG = 5


@dataclass(frozen=True)
class Annotated:
    """The list with its verdicts, as a file of the same kind.

    `rows` are those that hold anything: `right`, `wrong`, `unverifiable` (the form is right, there is no readable
    number), `held` (not checked, as too many of its number were tried) and `unread` (no RIO in the row) make them up.
    `proposals`: how many get a correction, O and 0 exchanged. `first_wrong`: row in the spreadsheet and reason, without
    any code. `columns`: those that were read, RIO first. `failures`: numbers, and how many RIOs of this list did not go
    with each.
    """

    name: str
    content: bytes
    rows: int
    right: int
    wrong: int
    unverifiable: int
    unread: int
    proposals: int
    first_wrong: tuple[tuple[int, str], ...]
    columns: tuple[str, ...]
    failures: tuple[tuple[str, int], ...] = ()
    held: int = 0


@dataclass(frozen=True)
class Row:
    """What is added to a row. `code`: the RIO as read; `own`: a number that its cell holds too; `number`: the one that
    it was checked with."""

    judged: Judged
    explanation: str
    proposal: str = ""
    operator: str = ""
    reason: str = ""
    code: str = ""
    own: str = ""
    number: str = ""


SEPARATORS = re.compile(r"[\s.\-_/:;,()\u00a0\u202f]+")
FIGURE = re.compile(r"\d+(?:[.,]\d+)?E[+-]?\d+", re.IGNORECASE)
_NO_RIO = "Il n'y a pas de RIO sur cette ligne."
_FIGURE_RIO = (
    "Le tableur a fait de ce RIO un nombre, des signes sont perdus : mettre la colonne au format Texte et le ressaisir."
)
_FIGURE_NUMBER = (
    "Le tableur a abîmé le numéro (écriture du genre 3,36E+10), des chiffres sont perdus : mettre la colonne au format"
    " Texte et le ressaisir."
)
_TOO_MANY = "Trop de RIO faux ont été essayés pour ce numéro : celui-ci n'a pas été vérifié."
_ODD_NUMBER = "Le numéro ne se lit pas : un numéro français a 10 chiffres (14 pour une ligne machine à machine)."
LONGEST = 300


def judge(written: str, beside: str) -> Row:
    """Judge the RIO of a cell with the number of another, or else of the same."""
    written, beside = plain(written)[:LONGEST], plain(beside)[:LONGEST]
    code, own = SEPARATORS.sub("", written).upper(), ""
    if len(code) != 12:
        if FIGURE.fullmatch(written):
            return Row("Illisible", _FIGURE_RIO, code=code)
        code, own = rio.read(written)
    if not _may_be_rio(code):
        return Row("Illisible", _NO_RIO, own=own)
    number, unreadable = own, ""
    if beside:
        try:
            number = msisdn(beside)
        except NumberError:
            unreadable = "" if own else _FIGURE_NUMBER if FIGURE.fullmatch(beside) else _ODD_NUMBER
    verdict = rio.check(code, number)
    if verdict.right:
        return Row("Juste", rio_words.RIGHT, operator=verdict.operator, code=code, own=own, number=number)
    if verdict.right is None:
        said = f"{rio_words.UNVERIFIABLE} {unreadable}".strip()
        return Row("Non vérifiable", said, code=code, own=own)
    reason = rio_words.fault(verdict)
    if verdict.correction:
        advice = "Confusion probable entre O et 0 : voir la proposition, à confirmer avec le client."
    else:
        advice = rio_words.ASK_AGAIN
    return Row(
        "Faux",
        f"{reason} {advice}",
        verdict.correction,
        "",
        reason,
        code,
        own,
        number if verdict.is_guess else "",
    )


def _may_be_rio(code: str) -> bool:
    """Whether a text was meant as a RIO, and is not a remark ("en attente") or a number."""
    if not any(sign.isalpha() for sign in code):
        return False
    return any(sign.isdigit() for sign in code) or rio.check(code).fault is None


def plain(text: str) -> str:
    """A cell without what spreadsheets are made to keep a text by: ="01…" and '01…."""
    text = text.strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1].strip()
    return text.lstrip("'").strip()


class Tally:
    """The rows judged so far."""

    def __init__(self, columns: tuple[str, ...], held: frozenset[str] = frozenset()) -> None:
        self._columns = columns
        self._held = held
        self._held_rows = 0
        #: By number, the RIOs that did not go with it.
        self._wrong: dict[str, set[str]] = {}
        self._counts = dict.fromkeys(JUDGED, 0)
        self._proposals = 0
        self._first_wrong: list[tuple[int, str]] = []
        self._judge = cache(judge)  # the same pair may come again

    def judge(self, place: int, written: str, number: str) -> Row:
        row = self._judge(written, number)
        wrong = self._wrong.setdefault(row.number, set()) if row.number else set()
        if row.number in self._held or (len(wrong) >= MOST_WRONG and row.code not in wrong):
            row = Row("Non vérifiable", _TOO_MANY, code=row.code, own=row.own)
            self._held_rows += 1
        elif row.judged == "Faux":
            wrong.add(row.code)
        self._counts[row.judged] += 1
        self._proposals += bool(row.proposal)
        if row.judged == "Faux" and len(self._first_wrong) < _MOST_TOLD:
            proposed = " O et 0 sont sans doute confondus." if row.proposal else ""
            self._first_wrong.append((place, row.reason + proposed))
        return row

    def result(self, name: str, content: bytes) -> Annotated:
        counts = self._counts
        return Annotated(
            name=name,
            content=content,
            rows=sum(counts.values()),
            right=counts["Juste"],
            wrong=counts["Faux"],
            unverifiable=counts["Non vérifiable"] - self._held_rows,
            unread=counts["Illisible"],
            proposals=self._proposals,
            first_wrong=tuple(self._first_wrong),
            columns=self._columns,
            held=self._held_rows,
            failures=tuple((number, len(codes)) for number, codes in self._wrong.items() if codes),
        )


# -- What must not be seen

_ANY_RIO = re.compile(
    r"(?<![A-Z0-9+])[A-Z0-9]{2}[ .\-_/]*[E-Z][ .\-_/]*(?:[A-Z0-9][ .\-_/]?){5}[A-Z0-9][ .\-_/]*[A-Z0-9+]{3}"
    r"(?![A-Z0-9+])",
    re.IGNORECASE,
)
_HIDDEN = "•" * 9


def masked(text: str, row: Row | None) -> str:
    """A cell of the RIO column that no longer tells its RIO."""
    if row is None or not row.code:
        return hidden(text)
    return f"{row.code[:3]}{_HIDDEN} {row.own}".strip()


def hidden(text: str) -> str:
    """A text in which whatever looks like a RIO is masked."""

    def mask(found: re.Match[str]) -> str:
        signs = SEPARATORS.sub("", found[0])
        return signs[:3] + _HIDDEN if re.search(r"\d", signs) else found[0]

    return _ANY_RIO.sub(mask, text)

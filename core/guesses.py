"""What the columns of an unknown file may be, from their names and from what their cells look like."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from core import numbers
from core.layouts import Layouts, fold

Table = Literal["rated_cdrs", "billed_cdrs", "account_status", "sims"]
TABLES: tuple[Table, ...] = get_args(Table)

#: What the reader of each kind of file takes; a column of another field is recognised, and left.
_CDR_FIELDS = (
    "msisdn caller start time called type duration volume quantity unit zone amount out_of_bundle in_bundle client"
)
_STATUS_FIELDS = "msisdn iccid imsi client status plan options activation rio"
USED: Mapping[Table, frozenset[str]] = {
    "rated_cdrs": frozenset(_CDR_FIELDS.split()),
    "billed_cdrs": frozenset(_CDR_FIELDS.split()),
    "account_status": frozenset(_STATUS_FIELDS.split()),
    "sims": frozenset(["iccid", "imsi", "msisdn", "pin", "puk", "pin2", "puk2"]),
}


@dataclass(frozen=True)
class Guess:
    """What a column that no layout knows may be. `field`: "" when nothing tells; `sure`: name or content leave hardly
    a doubt; `alias`: the name to write for it; `others`: fields that its content would allow too."""

    place: int
    header: str
    field: str
    sure: bool
    alias: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A file's first rows by columns. `headers`: "" for a column without name; `known`: the fields that the layouts
    recognise, at their places."""

    headers: list[str]
    columns: list[list[str]]
    rows: int
    known: dict[int, str]
    has_header: bool

    def cells(self, place: int) -> list[str]:
        """The cells of a column that are not blank."""
        return [text for text in self.columns[place] if text]

    def filled(self, place: int) -> float:
        return len(self.cells(place)) / self.rows if self.rows else 0.0


def guess_columns(grid: Grid, layouts: Layouts, table: Table) -> list[Guess]:
    """One for each column that no layout knows (of a file without header, for each column), in their order."""
    known = set(grid.known.values())
    places = [
        place
        for place, header in enumerate(grid.headers)
        if place not in grid.known
        and not (header and grid.known and layouts.column(header))
        and (header or not grid.has_header)
    ]
    content = _Content(grid, layouts, table, known)
    told = {place: content.fields(place) for place in places}
    taken = _taken_by(known)
    chosen: dict[int, tuple[str, bool]] = {}
    # The sure ones first: they leave less to the others.
    for wants_sure in (True, False):
        for place in places:
            if place in chosen:
                continue
            for name, sure in told[place]:
                if sure >= wants_sure and name not in taken:
                    chosen[place] = name, sure
                    taken |= _taken_by({name})
                    break
    return [
        Guess(
            place,
            grid.headers[place],
            name := chosen.get(place, ("", False))[0],
            chosen.get(place, ("", False))[1],
            alias_for(grid.headers[place], name, layouts) if name else "",
            tuple(other for other, _ in told[place] if other != name and other not in known),
        )
        for place in places
    ]


def _taken_by(names: set[str]) -> set[str]:
    """Fields that another column cannot be any more."""
    taken = set(names)
    for either, other in (("msisdn", "caller"), ("out_of_bundle", "in_bundle")):
        if {either, other} & names:
            taken |= {either, other}
    return taken


class _Content:
    """What the cells and the names of a file's columns make them likely to be."""

    def __init__(self, grid: Grid, layouts: Layouts, table: Table, known: set[str]) -> None:
        self._grid, self._layouts, self._table, self._known = grid, layouts, table, known
        places = range(len(grid.headers))
        self._mobile = [
            place for place in places if grid.filled(place) > 0.9 and most(grid.cells(place), _is_mobile, 0.95)
        ]
        self._dates = [place for place in places if most(grid.cells(place), _is_date)]
        self._times = [place for place in places if most(grid.cells(place), has_time)]

    def fields(self, place: int) -> list[tuple[str, bool]]:
        """The fields that the column may be, likeliest first, and whether each is nearly sure."""
        cells = self._grid.cells(place)
        header = self._grid.headers[place]
        hint = hint_of(header, self._layouts)
        told: dict[str, bool] = {}
        for name, is_sure in self._by_content(place, cells, hint[0]) if cells else ():
            if name in USED[self._table]:
                told.setdefault(name, is_sure)
        found = list(told.items())
        if not hint[0] or hint[0] not in USED[self._table]:
            return found
        if hint[0] in told:
            # Its name and its content agree.
            dated = hint[0] == "start" and len(self._times or self._dates) > 1
            sure = told[hint[0]] or (hint[1] and not dated)
            return [(hint[0], sure), *((name, False) for name in told if name != hint[0])]
        if not any(sure for _, sure in found) and (not cells or _fits(hint[0], cells)):
            return [(hint[0], False), *found]
        return found

    def _by_content(self, place: int, cells: list[str], hint: str) -> Iterator[tuple[str, bool]]:
        """Likeliest first."""
        is_cdr = self._table in ("rated_cdrs", "billed_cdrs")
        if most(cells, is_iccid):
            yield "iccid", True
        elif most(cells, _is_imsi):
            yield "imsi", True
        elif self._table == "account_status" and most(cells, lambda text: bool(RIO.fullmatch(text))):
            yield "rio", True
        elif self._table == "sims" and most(cells, is_puk):
            only = "puk" not in self._known and self._alike(is_puk) == 1
            yield "puk", only
            yield "puk2", False
        elif self._table == "sims" and most(cells, lambda text: len(text) == 4 and text.isdigit()):
            yield "pin", False
            yield "pin2", False
        elif most(cells, has_time) or most(cells, _is_date):
            alone = len(self._dates) + len(self._times) == 1
            if is_cdr:
                yield "start", most(cells, has_time) and len(self._times) == 1
            yield "activation", alone and hint == "activation"
        elif most(cells, _reads_like_phone) or (is_cdr and self._reads_like_called(cells, hint)):
            yield from self._phone(place, hint, is_cdr)
        elif most(cells, _CLOCK.fullmatch):
            hours = most(cells, _TIME_OF_DAY.fullmatch, 1) and not self._times
            if hours:
                yield "time", False
            yield "duration", not hours
        elif most(cells, _WITH_VOLUME_UNIT.fullmatch, 0.8):
            yield "volume", True
        elif any(not _INTEGER.fullmatch(it) for it in cells) and most(cells, _LETTER_DURATION.fullmatch):
            yield "duration", True
        elif most(cells, _EUROS.fullmatch):
            yield "amount", hint != "amount_with_tax"
        else:
            yield from self._words_or_figures(cells, hint)

    def _phone(self, place: int, hint: str, is_cdr: bool) -> Iterator[tuple[str, bool]]:
        line_known = bool({"msisdn", "caller"} & self._known)
        if not is_cdr:
            yield "msisdn", not line_known
            return
        if hint in ("msisdn", "caller") and not line_known:
            yield hint, place in self._mobile
        elif place in self._mobile and not line_known:
            # The line of a CDR is always one of ours, and always there; a called number can be anything or nothing.
            only = self._mobile == [place] or "called" in self._known
            yield "msisdn", only and hint != "called"
        yield "called", False
        yield "msisdn", False

    def _words_or_figures(self, cells: list[str], hint: str) -> Iterator[tuple[str, bool]]:
        layouts = self._layouts
        if most(cells, _DECIMAL.fullmatch, 0.5) and most(cells, is_figure):
            yield "amount", False
            yield "volume", False
            return
        if most(cells, is_figure):
            if hint == "amount":
                yield "amount", False
            yield "duration", False
            yield "volume", False
            yield "quantity", False
            yield "amount", False
            return
        if most(cells, lambda text: _is_unit(text, layouts)):
            yield "unit", "unit" not in self._known
        if most(cells, lambda text: layouts.status(text) != "unknown", 0.6):
            yield "status", True
        if most(cells, lambda text: layouts.kind(text) != "other", 0.8):
            yield "type", True
        elif most(cells, lambda text: layouts.yes(text) is not None or layouts.out_of_bundle(text) is not None):
            yield "out_of_bundle", False
            yield "in_bundle", False
        elif most(cells, lambda text: any(sign.isalpha() for sign in text), 0.7):
            distinct = len(set(cells))
            if distinct <= 8:
                yield "type", False
                yield "status", False
            yield "client", False
            yield "zone", False
            yield "plan", False

    def _reads_like_called(self, cells: list[str], hint: str) -> bool:
        """Short codes and foreign numbers stand among French ones."""
        return most(cells, _is_callable, 0.95) and (hint == "called" or most(cells, is_phone, 0.4))

    def _alike(self, test: Callable[[str], object]) -> int:
        return sum(most(self._grid.cells(place), test) for place in range(len(self._grid.headers)))


def hint_of(header: str, layouts: Layouts) -> tuple[str, bool]:
    """The field that a column's name makes think of ("" for none), and whether a known name is in it."""
    folded = fold(header)
    if not folded:
        return "", False
    aliases = {fold(alias): name for name, words in layouts.raw["columns"].items() for alias in words}
    words = {fold(word) for word in re.split(r"[\s_\-.'’/()\[\]]+", header)} - {""}
    within = [alias for alias in aliases if len(alias) >= 4 and (alias in words or folded.startswith(alias))]
    if "ttc" in words or folded.endswith("ttc"):
        return "amount_with_tax", False
    for name, hints in _HINTS.items():
        if any(word in words or (len(word) >= 5 and word in folded) for word in hints):
            # A known name in it says the same, or says less: "numéro vers".
            return name, any(aliases[alias] == name for alias in within)
    if within:
        return aliases[max(within, key=len)], True
    close = difflib.get_close_matches(folded, list(aliases), 1, 0.85)
    return (aliases[close[0]], False) if close else ("", False)


def _fits(name: str, cells: Sequence[str]) -> bool:
    """Whether a name's word for it is not contradicted by the cells."""
    figures = most(cells, is_figure)
    if name in ("duration", "volume", "amount", "quantity"):
        return figures
    if name in ("client", "zone", "plan", "type", "status"):
        return not figures
    return name == "called" and most(cells, _is_callable)


def alias_for(header: str, name: str, layouts: Layouts) -> str:
    """What to write in [columns] so that this header is read as that field; "" when nothing would do.

    A unit in the header (`Temps (s)`, `temps_sec`) must stay out of the name, to be read as one.
    """
    if not header:
        return ""
    candidates = [header]
    parts = re.fullmatch(r"(.*?)\s*[(\[]\s*([^)\]]*?)\s*[)\]]\s*", header)
    if parts:
        candidates += [f"{parts[1]} {parts[2]}", parts[1]]
    written = re.fullmatch(r"(.*?)[\s_\-.]+(?:en[\s_\-.]+)?(\w+)", header)
    if name in ("duration", "volume"):
        for found in (parts, written):
            if found and layouts.factor(name, found[2]) is not None:
                candidates.insert(0, found[1])
    candidates.append(re.sub(r"\bn[°º]\s*", "numéro ", header, flags=re.IGNORECASE))
    for alias in candidates:
        known = with_alias(layouts, name, alias).column(header)
        if known and known[0] == name:
            return alias.strip()
    return ""


def with_alias(layouts: Layouts, name: str, alias: str) -> Layouts:
    """The layouts with one more name for a field."""
    # A word has one meaning: the newest, as when the user's file is merged.
    others = {
        field: [word for word in words if fold(word) != fold(alias)] for field, words in layouts.raw["columns"].items()
    }
    return Layouts(layouts.raw | {"columns": others | {name: [*others[name], alias]}})


def stated_name(header: str, name: str, layouts: Layouts) -> str:
    """What [stated] must call the column of a header that the layouts know, for its unit to be found there."""
    for candidate in (bare(header), *layouts.raw["columns"][name]):
        known = Layouts(layouts.raw | {"stated": {candidate: _ANY_UNIT}}).column(header)
        if known and known[1] == _ANY_UNIT:
            return str(candidate)
    return bare(header)


_ANY_UNIT = "?"


def bare(header: str) -> str:
    """The name of a column without the unit in parentheses, as [stated] must have it."""
    parts = re.fullmatch(r"(.*?)\s*[(\[][^)\]]*[)\]]\s*", header)
    return parts[1] if parts else header


#: Words of names that no list has and that tell something; a guess by them alone is never sure.
_HINTS = {
    "caller": ("appelant", "emetteur"),
    "msisdn": ("abonne",),
    "called": ("appele", "destinataire", "vers", "contact"),
    "puk": ("deblocage", "puk", "puck"),
    "pin": ("pin",),
    "iccid": ("puce",),
    "duration": ("chrono", "temps", "secondes", "minutes"),
    "volume": ("octets", "trafic"),
    "amount": ("cout", "prix", "tarif", "montant", "euro", "euros"),
    "type": ("genre", "categorie", "service"),
    "client": ("entreprise", "titulaire"),
    "status": ("situation",),
    "activation": ("activation", "activee", "active"),
    "termination": ("resiliation", "resilie"),
    "start": ("moment", "jour", "debut", "quand"),
    "zone": ("zone", "pays"),
}

_DATE = r"(?:\d{4}-\d\d-\d\d|\d\d([/.-])\d\d\1\d{4}|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
_DATE_ALONE = re.compile(_DATE, re.ASCII)
_DATE_AND_TIME = re.compile(rf"{_DATE}[T ]?\s*(?:\d{{1,2}}:\d\d(?::\d\d(?:[.,]\d+)?)?|\d{{6}}).*|1\d{{9}}", re.ASCII)
_CLOCK = re.compile(r"\d{1,3}:\d\d(?::\d\d)?", re.ASCII)
_TIME_OF_DAY = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?", re.ASCII)
_LETTER_DURATION = re.compile(r"(?=.*\d)(?:\d+\s*h)?\s*(?:\d+\s*m(?:in|n)?)?\s*(?:\d+\s*s(?:ec)?)?", re.IGNORECASE)
_WITH_VOLUME_UNIT = re.compile(r"[\d\s.,\u00a0\u202f]+\s*[kmgt]?(?:o|b|octets|bytes)", re.IGNORECASE)
_INTEGER = re.compile(r"\d{1,12}", re.ASCII)
_DECIMAL = re.compile(r"-?\d[\d\u00a0\u202f ]*[.,]\d+", re.ASCII)
_EUROS = re.compile(r"-?\d[\d\u00a0\u202f .,]*\s*(?:€|EUR)", re.IGNORECASE)
#: A mobile number that a spreadsheet wrote as 3,36123E+10 or 6,12346E+08.
_EATEN_PHONE = re.compile(r"3[.,]3[67]\d*E\+?10|[67][.,]\d+E\+?0?8", re.IGNORECASE)
_MOBILE_COUNTRIES = ("208", "340", "742", "647", "308")
RIO = re.compile(r"(?<![0-9A-Z])[0-9]{2}[A-Z][0-9A-Z]{6}[0-9A-Z+]{3}(?![0-9A-Z])", re.IGNORECASE)


# -- What a cell looks like


def most(cells: Sequence[str], test: Callable[[str], object], share: float = 0.9) -> bool:
    return bool(cells) and sum(bool(test(text)) for text in cells) >= share * len(cells)


def is_name(text: str) -> bool:
    """Whether a cell could be a column's name: words, and nothing that is data."""
    if not text or len(text) > 60 or not any(sign.isalpha() for sign in text):
        return False
    return not (
        re.search(r"\d{5,}", text)
        or _DATE_AND_TIME.fullmatch(text)
        or _WITH_VOLUME_UNIT.fullmatch(text)
        or (text[0].isdigit() and _LETTER_DURATION.fullmatch(text))
        or _EUROS.fullmatch(text)
        or re.fullmatch(r"\d+([.,]\d+)?E\+?\d+", text)
    )


def is_iccid(text: str) -> bool:
    try:
        numbers.iccid(text)
    except numbers.NumberError:
        return False
    return True


def _is_imsi(text: str) -> bool:
    return len(text) == 15 and text.isdigit() and text.startswith(_MOBILE_COUNTRIES)


def is_puk(text: str) -> bool:
    return len(text) == 8 and text.isdigit()


def is_phone(text: str) -> bool:
    """A French number, written so that it is hardly anything else (a SIREN has nine digits too)."""
    try:
        canonical = numbers.msisdn(text)
    except numbers.NumberError:
        return False
    return len(re.sub(r"\D", "", text)) >= 10 or canonical[1] in "67"


def _reads_like_phone(text: str) -> bool:
    return is_phone(text) or bool(_EATEN_PHONE.fullmatch(text))


def _is_mobile(text: str) -> bool:
    return bool(_EATEN_PHONE.fullmatch(text)) or (is_phone(text) and numbers.msisdn(text)[:2] in ("06", "07"))


def _is_callable(text: str) -> bool:
    return bool(re.fullmatch(r"\+?[\d .]{2,20}[#*]?", text))


def _is_date(text: str) -> bool:
    return bool(_DATE_ALONE.fullmatch(text))


def is_compact_date(text: str) -> bool:
    return len(text) == 8 and _is_date(text)


def has_time(text: str) -> bool:
    return bool(_DATE_AND_TIME.fullmatch(text))


def is_figure(text: str) -> bool:
    return bool(_INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text))


def _is_unit(text: str, layouts: Layouts) -> bool:
    known = any(layouts.factor(quantity, text) is not None for quantity in ("duration", "volume"))
    return known or layouts.counts(text)


# -- Words of TOML


def quoted(text: str) -> str:
    """A TOML string."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def listed(words: Iterable[str]) -> str:
    """A TOML array of strings."""
    return f"[{', '.join(quoted(word) for word in words)}]"

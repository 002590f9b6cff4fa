"""How a file of the operator is read, told column by column, and what could make an unknown one readable.

Nothing is stored. Codes (PIN, PUK, RIO) and called numbers leave this module masked: what it returns can be shown.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import BinaryIO, Literal

from core import numbers
from core.folders import FRENCH as FOLDERS
from core.folders import MONTHS, PARIS, folder_of, month_of, stamp_of
from core.guesses import (
    RIO,
    TABLES,
    USED,
    Grid,
    Guess,
    Table,
    alias_for,
    bare,
    guess_columns,
    has_time,
    is_compact_date,
    is_figure,
    is_iccid,
    is_name,
    is_phone,
    is_puk,
    listed,
    most,
    quoted,
    stated_name,
    with_alias,
)
from core.layouts import Layouts, fold
from core.readers import Reject, Waiting
from core.readers.account_status import read_account_status
from core.readers.cdrs import Cdr, Total, read_cdrs
from core.readers.columns import NOTHING, durations, volumes
from core.readers.sheet import FRENCH, Portion, Sheet, read_sheet
from core.readers.sims import read_sims

#: Secrets: a cell of theirs is never shown.
CODES = ("pin", "puk", "pin2", "puk2", "rio")

#: Rows whose cells are looked at one by one: for samples, and to guess what a column holds.
_LOOKED_AT = 1000
_SAMPLES = 3
_FIRST = 5

Use = Literal["read", "second", "unused", "unknown"]
UnitFrom = Literal["header", "column", "cells", "nothing", ""]


@dataclass(frozen=True)
class SeenColumn:
    """A column as written and what it became. `field`: "" when no name is known; `unit_from`: what states the unit,
    "nothing" when it is missing, "" when the field has none; `samples`: distinct cells, codes and numbers masked."""

    place: int
    header: str
    field: str
    use: Use
    unit: str
    unit_from: UnitFrom
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Doubt:
    """What could be read otherwise, a French sentence; `write`: lines for layouts.toml, "" when none would help."""

    sentence: str
    write: str = ""


@dataclass(frozen=True)
class SetAside:
    """A rejected row that can be shown. `content` is "" for SIM listings."""

    line: int
    reason: str
    content: str


@dataclass(frozen=True)
class Inspection:
    """A file as it would be read now.

    `table` is None when nothing tells the kind of file; `header_line`: 0 without header; `waiting`: why the file would
    wait, "" when it would go in; `rows`: those that would go in; `amount`: their sum in millionths of a euro, None
    without any; `cdrs` or `texts`: the first rows, typed.
    """

    table: Table | None
    recognised: bool
    encoding: str = ""
    separator: str = ""
    header_line: int = 0
    columns: tuple[SeenColumn, ...] = ()
    waiting: str = ""
    rows: int = 0
    rejected: int = 0
    first_rejects: tuple[SetAside, ...] = ()
    totals: tuple[Total, ...] = ()
    amount: int | None = None
    cdrs: tuple[Cdr, ...] = ()
    texts: tuple[Mapping[str, str], ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def goes_in_whole(self) -> bool:
        return not self.waiting and not self.rejected


@dataclass(frozen=True)
class UnitQuestion:
    """A duration or a volume whose unit nothing states. `name`: what [stated] must call it."""

    name: str
    header: str
    quantity: Literal["duration", "volume"]
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Suggestion:
    """What layouts.toml could say so that the file is read.

    `headerless`: the file has no header, and there is a guess for each column; `samples`: by place of column;
    `types` and `status`: words that no list has; `unit_words`: units, each with "duration", "volume" or "" (either);
    `missing`: fields that no column can be for; `waiting`: why the file would wait now, "" when it would not.
    """

    table: Table
    headerless: bool
    guesses: tuple[Guess, ...]
    samples: Mapping[int, tuple[str, ...]]
    units: tuple[UnitQuestion, ...]
    types: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    unit_words: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    waiting: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.guesses or self.units or self.types or self.status or self.unit_words or self.missing)


def table_of(path: str) -> Table | None:
    """The kind of file that the folders of a path tell, the deepest first; None when none is known."""
    parts = path.replace("\\", "/").split("/")
    for start in reversed(range(len(parts) - 1)):
        folder = folder_of("/".join(parts[start:]))
        if folder in TABLES:
            return folder
    return None


def inspect(source: bytes | BinaryIO, layouts: Layouts, path: str = "", table: Table | None = None) -> Inspection:
    """Read a file as the service would, and tell how.

    :param source: the file; a stream must allow to go back to its beginning.
    :param path: its name, at best with its folder: its month, and the kind of file when `table` is not given.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    view, table = _look(stream, layouts, table or table_of(path))
    if view is None:
        return Inspection(table, recognised=False, waiting=_reason_to_wait(stream, layouts, table))
    columns = tuple(_seen(view, layouts, table)) if table else ()
    if table is None:
        return Inspection(None, False, view.sheet.encoding, view.sheet.separator, view.header_line, columns)
    result = _read(stream, layouts, table, path)
    doubts = _doubts(view, layouts, table, columns, result, path)
    separator = view.sheet.separator
    first = sorted(result.rejects, key=lambda reject: reject.line)[:_FIRST]
    return Inspection(
        table,
        view.recognised,
        view.sheet.encoding,
        separator,
        view.header_line,
        columns,
        result.waiting,
        result.rows,
        len(result.rejects),
        tuple(_showable(reject, columns, separator, table) for reject in first),
        tuple(result.totals),
        result.amount,
        tuple(result.cdrs),
        tuple(result.texts),
        tuple(doubts),
    )


def suggest(source: bytes | BinaryIO, layouts: Layouts, path: str = "", table: Table | None = None) -> Suggestion:
    """What to write so that the file is read.

    :raises Waiting: it is no table at all.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    view, table = _look(stream, layouts, table or table_of(path))
    if view is None or table is None:
        raise Waiting(_reason_to_wait(stream, layouts, table))
    headerless = view.header_line == 0 and not view.recognised
    guesses = [*_quantities(view, layouts), *guess_columns(view.grid, layouts, table)]
    result = _read(stream, layouts, table, path)
    questions = list(_unit_questions(view, layouts, table, guesses))
    found = {*view.sheet.columns} if view.recognised else set()
    found |= {guess.field for guess in guesses if guess.field}
    return Suggestion(
        table,
        headerless,
        tuple(guesses),
        {guess.place: _guess_samples(view, guess, table) for guess in guesses},
        tuple(questions),
        tuple(word for word in sorted(result.unknown_types) if word != "(vide)"),
        tuple(sorted(result.unknown_status)),
        tuple(_unknown_units(view, layouts)),
        tuple(_missing(table, found)),
        result.waiting,
    )


# -- Looking at the cells


@dataclass
class _View:
    """The file's sheet and cells, whether the layouts know its columns (`recognised`) or not."""

    sheet: Sheet
    recognised: bool
    header_line: int
    records: list[list[str]] = field(default_factory=list)
    #: Fields whose plain numbers have no unit, with the reason to wait.
    unitless: dict[str, str] = field(default_factory=dict)
    days: "_Days" = field(default_factory=lambda: _Days())  # noqa: PLW0108 (defined below)
    marks: "dict[str, _Marks]" = field(default_factory=dict)
    unit_words: set[str] = field(default_factory=set)
    #: First durations of two parts, as long as no other form came: "12:05" is minutes and seconds.
    two_parts: str | None = ""

    @property
    def header(self) -> list[str]:
        return [*self.sheet.header, *[""] * self.sheet.width][: self.sheet.width]

    @cached_property
    def grid(self) -> Grid:
        # A grand total holds no communication, and would make its columns look like nothing known.
        rows = [[*record, *[""] * self.sheet.width] for record in self.records if not _is_total(record)]
        known = {place: name for name, (place, _) in self.sheet.columns.items()} if self.recognised else {}
        return Grid(
            self.header,
            [[row[place] for row in rows] for place in range(self.sheet.width)],
            len(rows),
            known,
            has_header=self.recognised or self.header_line > 0,
        )


class _AnyHeader(Layouts):
    """Takes whatever reads like the name of a column for one."""

    def column(self, header: str) -> tuple[str, str] | None:
        return (fold(header), "") if is_name(header) else None

    def headerless(self, folder: str) -> list[list[str]]:
        return []


class _NoHeader(Layouts):
    """Knows no column, and takes a file of any width."""

    def column(self, header: str) -> tuple[str, str] | None:
        return None

    def headerless(self, folder: str) -> list[list[str]]:
        return [[""] * width for width in range(200, 1, -1)]


def _look(stream: BinaryIO, layouts: Layouts, table: Table | None) -> tuple[_View | None, Table | None]:
    sheet = _try(stream, Layouts(layouts.raw | {"headerless": []}))
    if sheet:
        view = _View(sheet, recognised=True, header_line=sheet._line - 1)
        table = table or _table_of_fields(sheet.columns)
        _fill(view, layouts)
        return view, table
    for each in (table,) if table else TABLES:
        if sheet := _try(stream, layouts, FOLDERS[each]):
            view = _View(sheet, recognised=True, header_line=0)
            _fill(view, layouts)
            return view, each
    sheet = _try(stream, _AnyHeader(layouts.raw))
    if sheet and all(is_name(cell) for cell in sheet.header if cell):
        view = _View(sheet, recognised=False, header_line=sheet._line - 1)
    elif sheet := _try(stream, _NoHeader(layouts.raw)):
        view = _View(sheet, recognised=False, header_line=0)
    else:
        return None, table
    _fill(view, layouts)
    return view, table or _table_of_content(view, layouts)


def _try(stream: BinaryIO, layouts: Layouts, folder: str = "") -> Sheet | None:
    stream.seek(0)
    try:
        return read_sheet(stream, layouts, folder)
    except Waiting:
        return None


def _fill(view: _View, layouts: Layouts) -> None:
    try:
        for portion in view.sheet.portions():
            wanted = _LOOKED_AT - len(view.records)
            view.records += [portion.record(row) for row in range(min(wanted, len(portion)))]
            if not view.recognised:
                if len(view.records) >= _LOOKED_AT:
                    return
                continue
            _look_at_quantities(view, portion, layouts)
            if not view.days.settled and "start" in view.sheet.columns:
                view.days.add(portion.cells("start").distinct[0])
            for name in ("amount", "volume", "duration", "quantity"):
                if name in view.sheet.columns:
                    view.marks.setdefault(name, _Marks()).add(portion.cells(name).distinct[0])
    except Waiting:
        return  # a damaged archive: the reader says so


def _look_at_quantities(view: _View, portion: Portion, layouts: Layouts) -> None:
    sheet = view.sheet
    if "unit" in sheet.columns:
        for unit in portion.cells("unit").distinct[0]:
            known = any(layouts.factor(quantity, unit) is not None for quantity in ("duration", "volume"))
            if unit and not known and not layouts.counts(unit):
                view.unit_words.add(unit)
    for name, parse in (("duration", durations), ("volume", volumes)):
        if name in sheet.columns and name not in view.unitless and ("unit" not in sheet.columns or sheet.unit(name)):
            try:
                parse(portion.cells(name), sheet.unit(name), layouts)
            except Waiting as waiting:
                view.unitless[name] = str(waiting)
    if view.two_parts is not None and "duration" in sheet.columns:
        for text in portion.cells("duration").distinct[0]:
            if re.fullmatch(r"\d{1,3}:\d\d", text):
                view.two_parts = view.two_parts or text
            elif text.strip("0"):
                view.two_parts = None
                break


def _table_of_fields(fields: Iterable[str]) -> Table:
    """AccountStatus can have a date too (that of the state), CDRs a status too (that of the call)."""
    known = set(fields)
    if "puk" in known:
        return "sims"
    if known & {"type", "duration", "volume", "quantity", "caller", "called", "amount"}:
        return "rated_cdrs"
    return "account_status" if known & {"status", "iccid", "plan", "options", "activation", "rio"} else "rated_cdrs"


def _table_of_content(view: _View, layouts: Layouts) -> Table:
    columns = [view.grid.cells(place) for place in range(view.sheet.width)]
    if any(most(cells, is_iccid) for cells in columns) and any(most(cells, is_puk) for cells in columns):
        return "sims"
    if any(most(cells, has_time) for cells in columns):
        return "rated_cdrs"
    if any(most(cells, lambda word: layouts.status(word) != "unknown", 0.6) for cells in columns):
        return "account_status"
    return "rated_cdrs"


def _is_total(record: Sequence[str]) -> bool:
    return any(fold(cell).startswith(("total", "grandtotal", "soustotal")) for cell in record)


# -- Columns as they are read


def _seen(view: _View, layouts: Layouts, table: Table) -> Iterator[SeenColumn]:
    for place, header in enumerate(view.header):
        name = view.grid.known.get(place, "")
        use: Use = "unknown"
        unit = ""
        if name:
            use, unit = "read" if name in USED[table] else "unused", view.sheet.columns[name][1]
        elif view.recognised and (known := layouts.column(header)):
            name, use = known[0], "second"
        samples = _samples(view.grid.cells(place), name, table)
        unit_from = _unit_from(view, name, unit) if use == "read" else ""
        yield SeenColumn(place, header, name, use, unit, unit_from, samples)


def _unit_from(view: _View, name: str, unit: str) -> UnitFrom:
    if name == "start":
        return "header" if unit else ""
    if name not in ("duration", "volume", "quantity"):
        return ""
    if name in view.unitless:
        return "nothing"
    if unit:
        return "header"
    if "unit" in view.sheet.columns:
        return "column"
    return "nothing" if name == "quantity" else "cells"


def _samples(cells: Sequence[str], name: str, table: Table) -> tuple[str, ...]:
    found: list[str] = []
    for text in cells:
        shown = shorten(mask(text, name, table))
        if shown not in found:
            found.append(shown)
        if len(found) == _SAMPLES:
            break
    return tuple(found)


def shorten(text: str, most: int = 32) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


_SHORT_DIGITS = re.compile(r"\d(?:[ \u00a0\u202f]?\d){2,7}", re.ASCII)
_FOREIGN = re.compile(r"(?:\+|00)\d[\d .-]{6,18}", re.ASCII)
_CODE_LENGTHS = (4, 8)


def mask(text: str, name: str, table: Table) -> str:
    """A cell that can be shown: dots for a code, and for what could be one in a column that is not known for sure."""
    if name in CODES:
        return "•" * len(text)
    # A listing whose columns are taken for others still shows no code.
    if table == "sims" and _SHORT_DIGITS.fullmatch(text):
        return "•" * len(text)
    if name == "called":
        return numbers.mask(numbers.called(text))
    if name:
        return text
    if table == "account_status" and text.isdigit() and len(text) in _CODE_LENGTHS and not is_compact_date(text):
        return "•" * len(text)
    if is_phone(text) or _FOREIGN.fullmatch(text):
        return numbers.mask(numbers.called(text))
    return RIO.sub(lambda found: "•" * len(found[0]), text)


def _showable(reject: Reject, columns: Sequence[SeenColumn], separator: str, table: Table) -> SetAside:
    """The row without its codes and called numbers; nothing of it for a SIM listing."""
    if table == "sims":
        reason = re.sub(r"« ([^»]*) »", lambda found: f"« {mask(found[1], '', table)} »", reject.reason)
        return SetAside(reject.line, reason, "")
    cells = _cells(reject.content, separator)
    aligned = len(cells) == len(columns)
    shown = [mask(cell, columns[place].field if aligned else "", table) for place, cell in enumerate(cells)]
    return SetAside(reject.line, reject.reason, shorten(f"{separator} ".join(shown), 100))


def _cells(content: str, separator: str) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(content, newline=""), delimiter=separator, skipinitialspace=True))
    except csv.Error:
        rows = []
    # A quote out of order: several rows in one, or none.
    cells = rows[0] if len(rows) == 1 else re.split(rf"[{re.escape(separator)}\n]", content)
    return [cell.strip().strip('"') for cell in cells]


# -- The reading itself


@dataclass
class _Result:
    waiting: str = ""
    rows: int = 0
    rejects: list[Reject] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    amount: int | None = None
    cdrs: list[Cdr] = field(default_factory=list)
    texts: list[Mapping[str, str]] = field(default_factory=list)
    unknown_types: set[str] = field(default_factory=set)
    unknown_status: set[str] = field(default_factory=set)


def _read(stream: BinaryIO, layouts: Layouts, table: Table, path: str) -> _Result:
    """As `core.intake` does."""
    result = _Result()
    stream.seek(0)
    try:
        if table == "sims":
            listing = read_sims(stream.read(), layouts)
            result.rows, result.rejects = len(listing.rows), listing.rejects
            result.texts = [
                {name: mask(text, name, table) for name, text in row.items()} for row in listing.rows[:_FIRST]
            ]
        elif table == "account_status":
            status = read_account_status(stream.read(), layouts)
            rows = status.lines + status.sims
            result.rows, result.rejects = len(rows), status.rejects
            result.texts = [{name: mask(text, name, table) for name, text in row.items()} for row in rows[:_FIRST]]
            result.unknown_status = {row["word"] for row in rows if row["status"] == "unknown"}
        else:
            file = read_cdrs(stream, layouts, month_of(path), FOLDERS[table])
            for batch in file.batches():
                result.rows += len(batch)
                result.cdrs += batch.rows(_FIRST - len(result.cdrs))
                known = batch.amount[batch.amount != NOTHING]
                if len(known):
                    result.amount = (result.amount or 0) + int(known.sum())
            result.rejects, result.totals, result.unknown_types = file.sheet.rejects, file.totals, file.unknown_types
    except Waiting as waiting:
        result = _Result(waiting=str(waiting))
    return result


def _reason_to_wait(stream: BinaryIO, layouts: Layouts, table: Table | None) -> str:
    stream.seek(0)
    try:
        read_sheet(stream, layouts, FOLDERS[table] if table else "")
    except Waiting as waiting:
        return str(waiting)
    return "aucune ligne d'en-tête n'est reconnue"


# -- What could be read otherwise


class _Days:
    """Whether the dates of a file could be read the other way round."""

    def __init__(self) -> None:
        self.settled = False
        self.days: set[str] = set()

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            if len(text) < 10 or not text[:2].isdigit() or text[2] not in "/.-" or text[5] != text[2]:
                continue
            if text[:2] > "12":
                self.settled = True
                self.days.clear()
                return
            if text[:2] != text[3:5]:
                self.days.add(text[:10])

    def doubt(self, stamp: int | None) -> str | None:
        """A date that has two readings; None when the file, or the date in its name, leaves no doubt."""
        if self.settled or not self.days:
            return None
        first = min(self.days, key=lambda day: (day[6:], day[3:5], day[:2]))
        if stamp:
            near = datetime.fromtimestamp(stamp, PARIS).date().toordinal()
            usual, swapped = (self._gap(near, order) for order in ("%d%m%Y", "%m%d%Y"))
            if usual <= 7 < swapped:
                return None
        return first

    def _gap(self, near: int, order: str) -> int:
        """Days between the name's date and the nearest of the file's, read in that order."""
        days = [re.sub(r"\D", "", day) for day in self.days]
        try:
            return min(abs(datetime.strptime(day, order).toordinal() - near) for day in days)
        except ValueError:
            return 10**6


class _Marks:
    """Whether a mark before three digits separates thousands or decimals in a column: 1.234."""

    _DOUBTFUL = re.compile(r"[1-9]\d{0,2}([.,])\d{3}", re.ASCII)
    #: The mark is a decimal one for sure; a group of thousands has three digits and does not follow a lone 0.
    _DECIMAL = re.compile(r"-?(?:0([.,])\d+|\d+([.,])(?:\d{1,2}|\d{4,}))", re.ASCII)

    def __init__(self) -> None:
        self._examples: dict[str, str] = {}
        self._decimal: set[str] = set()

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            plain = re.sub(r"\s|€|EUR|[KMGko]?o$", "", text)
            if found := self._DOUBTFUL.fullmatch(plain.lstrip("-")):
                self._examples.setdefault(found[1], text)
            elif found := self._DECIMAL.fullmatch(plain):
                self._decimal.add(found[1] or found[2])
            elif "." in plain and "," in plain:
                self._decimal.add(max(".,", key=plain.rfind))

    @property
    def doubtful(self) -> list[str]:
        return [text for mark, text in self._examples.items() if mark not in self._decimal]


def _doubts(
    view: _View, layouts: Layouts, table: Table, columns: Sequence[SeenColumn], result: _Result, path: str
) -> Iterator[Doubt]:
    if not view.recognised:
        return
    yield from _second_columns(view, layouts, table)
    yield from _missing_units(view, layouts)
    if table in ("rated_cdrs", "billed_cdrs"):
        yield from _readings(view, stamp_of(path))
        if result.totals and result.amount is not None:
            yield from _totals(result)
    for unit in sorted(view.unit_words):
        yield Doubt(
            f"L'unité « {unit} » n'est pas connue : ses rangées sont écartées.",
            f"[units.volume]   # ou [units.duration]\n{quoted(unit)} = …   # combien d'octets (secondes) en fait une",
        )
    if words := sorted(word for word in result.unknown_types if word != "(vide)"):
        yield Doubt(
            "Types de communication inconnus, comptés comme « autre » (ce qui convient à un abonnement) : "
            f"{', '.join(words[:10])}.",
            f"[kinds]\n… = {listed(words)}   # voice, sms, mms, data ou premium",
        )
    if "(vide)" in result.unknown_types:
        yield Doubt("Des rangées n'ont pas de type de communication : elles sont comptées comme « autre ».")
    if words := sorted(result.unknown_status):
        yield Doubt(
            f"Statuts inconnus, montrés tels quels : {', '.join(words[:10])}.",
            f"[status]\n… = {listed(words)}   "
            "# stock, reserved, active, suspended, suspended_by_operator ou terminated",
        )
    for guess in guess_columns(view.grid, layouts, table):
        if guess.field and (guess.sure or guess.field in ("msisdn", "called", "amount")):
            yield Doubt(
                f"La colonne « {guess.header or guess.place + 1} » est ignorée, et ressemble à : {FRENCH[guess.field]} "
                f"(ex. {', '.join(columns[guess.place].samples)}).",
                f"[columns]\n{guess.field} = [{quoted(guess.alias)}]" if guess.alias else "",
            )


#: A column is put out of the way by the name of a field that such files never use.
_OTHERWISE = " ; si c'est l'autre la bonne, donner à celle-ci le sens d'un champ sans usage ici."


def _second_columns(view: _View, layouts: Layouts, table: Table) -> Iterator[Doubt]:
    columns = view.sheet.columns
    for place, header in enumerate(view.sheet.header):
        known = layouts.column(header)
        if known and known[0] in columns and columns[known[0]][0] != place:
            first = view.sheet.header[columns[known[0]][0]]
            same = fold(first) == fold(header)
            yield Doubt(
                f"Les colonnes « {first} » (n° {columns[known[0]][0] + 1}) et « {header} » (n° {place + 1}) veulent "
                f"toutes deux dire : {FRENCH[known[0]]}. Seule la première compte" + ("." if same else _OTHERWISE),
                "" if same else f"[columns]\nimei = [{quoted(bare(first))}]",
            )
    if table in ("rated_cdrs", "billed_cdrs") and {"caller", "msisdn"} <= columns.keys():
        caller, line = (view.sheet.header[columns[name][0]] for name in ("caller", "msisdn"))
        if any(record[columns["caller"][0]] != record[columns["msisdn"][0]] for record in view.records):
            yield Doubt(
                f"« {caller} » et « {line} » disent tous deux de quelle ligne il s'agit, et diffèrent : « {caller} » "
                "compte" + _OTHERWISE,
                f"[columns]\nimei = [{quoted(bare(caller))}]",
            )
    if table in ("rated_cdrs", "billed_cdrs") and {"out_of_bundle", "in_bundle"} <= columns.keys():
        out, inside = (view.sheet.header[columns[name][0]] for name in ("out_of_bundle", "in_bundle"))
        yield Doubt(f"« {out} » et « {inside} » disent la même chose : seule « {out} » compte.")


_CHOICES = {"duration": "s, min ou ms", "volume": "o, ko, mo ou go"}


def _missing_units(view: _View, layouts: Layouts) -> Iterator[Doubt]:
    for name in view.unitless:
        header = view.sheet.header[view.sheet.columns[name][0]]
        if unit := view.sheet.unit(name):
            yield Doubt(
                f"L'unité « {unit} » de la colonne « {header} » n'est pas connue : le fichier attendrait.",
                f"[units.{name}]\n{quoted(unit)} = …   # combien "
                + ("de secondes" if name == "duration" else "d'octets")
                + " en fait une",
            )
        else:
            yield Doubt(
                f"Rien ne dit l'unité de « {header} » : le fichier attendrait. À demander à l'opérateur.",
                f'[stated]\n{quoted(stated_name(header, name, layouts))} = "…"   # {_CHOICES[name]}',
            )


def _readings(view: _View, stamp: int | None) -> Iterator[Doubt]:
    if day := view.days.doubt(stamp):
        date = f"{'1er' if day[:2] == '01' else int(day[:2])} {MONTHS[int(day[3:5]) - 1]}"
        yield Doubt(
            f"Aucun jour ne dépasse 12 : « {day} » est lu à la française, {date}. Si le mois est écrit en premier, "
            "le fichier ne peut pas être lu ainsi : en parler à l'opérateur."
        )
    for name, marks in view.marks.items():
        header = view.sheet.header[view.sheet.columns[name][0]]
        for text in marks.doubtful:
            mark = "le point" if "." in text else "la virgule"
            yield Doubt(
                f"Dans « {header} », {mark} de « {text} » est pris pour la marque des décimales ; rien dans le fichier "
                "ne dit que ce n'est pas celle des milliers."
            )
    if view.two_parts and not re.search("mm:ss", view.sheet.unit("duration")):
        minutes, seconds = view.two_parts.split(":")
        yield Doubt(
            f"Les durées ont deux parties : « {view.two_parts} » est lu {int(minutes)} min {seconds} s, et non "
            f"{int(minutes)} h {seconds} min."
        )


def _totals(result: _Result) -> Iterator[Doubt]:
    """A total may be rounded to the cent; that of a client or a line is smaller than the sum."""
    given = [total for total in result.totals if total.amount is not None]
    assert result.amount is not None
    if given and not any(abs((total.amount or 0) - result.amount) <= 10_000 for total in given):
        last = given[-1]
        aside = f", sans les {len(result.rejects)} rangées écartées" if result.rejects else ""
        yield Doubt(
            f"Le total de la ligne {last.line} ({_exact(last.amount or 0)} €) n'est pas la somme des rangées lues "
            f"({_exact(result.amount)} €{aside})."
        )


def _exact(millionths: int) -> str:
    whole, rest = divmod(abs(millionths), 1_000_000)
    decimals = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if millionths < 0 else ''}{whole},{decimals}"


# -- What would complete the layouts


def _unit_questions(view: _View, layouts: Layouts, table: Table, guesses: Sequence[Guess]) -> Iterator[UnitQuestion]:
    for name in view.unitless:
        place = view.sheet.columns[name][0]
        header = view.sheet.header[place]
        if not view.sheet.unit(name):
            samples = _samples(view.grid.cells(place), name, table)
            yield UnitQuestion(stated_name(header, name, layouts), header, _quantity(name), samples)
    if "unit" in view.grid.known.values() or any(guess.field == "unit" for guess in guesses):
        return
    for guess in guesses:
        cells = view.grid.cells(guess.place)
        if guess.field in _CHOICES and any(is_figure(text) and text.strip("0.,") for text in cells):
            known = with_alias(layouts, guess.field, guess.alias)
            seen = known.column(guess.header)
            if seen is None or not seen[1]:
                name = stated_name(guess.header, guess.field, known)
                samples = _guess_samples(view, guess, table)
                yield UnitQuestion(name, guess.header, _quantity(guess.field), samples)


def _quantity(name: str) -> Literal["duration", "volume"]:
    return "duration" if name == "duration" else "volume"


def _unknown_units(view: _View, layouts: Layouts) -> Iterator[tuple[str, str]]:
    for name in view.unitless:
        if unit := view.sheet.unit(name):
            yield unit, name
    for unit in sorted(view.unit_words):
        yield unit, ""


def _missing(table: Table, found: set[str]) -> Iterator[str]:
    """Fields that the reader cannot do without, and that no column is or may be."""
    if table == "sims":
        needed: tuple[set[str], ...] = ({"iccid"}, {"puk"})
    elif table == "account_status":
        needed = ({"msisdn", "iccid"}, {"status"})
    else:
        needed = ({"msisdn", "caller"}, {"start"}, {"type"}, {"duration", "volume", "quantity"})
    for either in needed:
        if not either & found:
            yield " ou ".join(sorted(FRENCH[name] for name in either))


def _quantities(view: _View, layouts: Layouts) -> Iterator[Guess]:
    """A column that only says "quantity", with no unit beside it, must be called a duration or a volume."""
    known = {name: place for place, name in view.grid.known.items()}
    if "quantity" in known and not known.keys() & {"unit", "duration", "volume"}:
        place = known["quantity"]
        header = view.header[place]
        alias = alias_for(header, "duration", layouts)
        yield Guess(place, header, "duration", sure=False, alias=alias, others=("volume",))


def _guess_samples(view: _View, guess: Guess, table: Table) -> tuple[str, ...]:
    # Only what hides a code is taken from a guess; what it is not sure of stays as an unknown column's.
    return _samples(view.grid.cells(guess.place), guess.field if guess.field in CODES else "", table)

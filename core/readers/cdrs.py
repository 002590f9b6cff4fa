"""RatedCDRs and BilledCDRs: the detail of voice, SMS and data, by batches of typed columns."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

import numpy as np

from core.folders import PARIS
from core.kinds import KINDS, Kind
from core.layouts import Layouts, fold
from core.readers import Waiting
from core.readers.columns import (
    NOTHING,
    Array,
    Column,
    amounts,
    called_numbers,
    day_alone,
    durations,
    each,
    first_faults,
    instants,
    lines,
    local_days,
    months_of,
    volumes,
)
from core.readers.sheet import Cells, Portion, Sheet, read_sheet


@dataclass(frozen=True)
class Nature:
    """What a communication is. `kind`: a place in `core.kinds.KINDS`; `out_of_bundle`: 1, 0, or -1 when not said;
    `zone` and `type`: the operator's words."""

    kind: int
    out_of_bundle: int
    zone: str
    type: str


@dataclass(frozen=True)
class Batch:
    """Typed CDRs, one array a column.

    `line`: the MSISDN without its leading 0, 0 for a row of the account. `start`: UTC seconds; `day`: days since 1970
    and `month`: YYYYMM of the local day. `id`: see `core.store.schema`. `called`: a French number without its leading
    0, 0 for none, -1, -2… for the first, second… of `called_texts`. `amount`: millionths of a euro, `NOTHING` for none.
    `nature` and `client`: places in `natures` and `clients`.
    """

    line: Array
    start: Array
    day: Array
    month: Array
    id: Array
    nature: Array
    called: Array
    seconds: Array
    bytes: Array
    amount: Array
    client: Array
    natures: list[Nature]
    clients: list[str]
    called_texts: list[str]

    def __len__(self) -> int:
        return len(self.line)

    def rows(self, most: int | None = None) -> "Iterator[Cdr]":
        """The first rows, or all, one by one: to be shown, for it is slow."""
        for row in range(len(self) if most is None else min(most, len(self))):
            nature = self.natures[self.nature[row]]
            called, amount = int(self.called[row]), int(self.amount[row])
            yield Cdr(
                msisdn=f"0{self.line[row]}" if self.line[row] else "",
                start=int(self.start[row]),
                month=int(self.month[row]),
                kind=KINDS[nature.kind],
                type=nature.type,
                called=f"0{called}" if called > 0 else self.called_texts[-1 - called] if called else "",
                seconds=int(self.seconds[row]),
                bytes=int(self.bytes[row]),
                amount=None if amount == NOTHING else amount,
                out_of_bundle=nature.out_of_bundle,
                zone=nature.zone,
                client=self.clients[self.client[row]],
                id=int(self.id[row]),
            )


@dataclass(frozen=True)
class Cdr:
    """One row of a batch, as people read it; see `Batch`. `msisdn`: "" for a row of the account."""

    msisdn: str
    start: int
    month: int
    kind: Kind
    type: str
    called: str
    seconds: int
    bytes: int
    amount: int | None
    out_of_bundle: int
    zone: str
    client: str
    id: int


@dataclass(frozen=True)
class Total:
    """A row that sums up the file: no communication. `amount` in millionths of a euro, None when it gives none."""

    line: int
    amount: int | None


@dataclass
class CdrFile:
    """A file of CDRs that is being read: `rejects`, `totals` and the rest are whole once `batches` are at their end.

    `unknown_types`: words of the type column that no list has (their kind is "other").
    """

    sheet: Sheet
    totals: list[Total] = field(default_factory=list)
    unknown_types: set[str] = field(default_factory=set)
    _batches: Iterator[Batch] = field(default_factory=lambda: iter(()))

    def batches(self) -> Iterator[Batch]:
        """The rows, once.

        :raises Waiting: the file turns out to be damaged, or a unit is missing.
        """
        return self._batches


def read_cdrs(
    source: bytes | BinaryIO, layouts: Layouts, file_month: int = 0, folder: str = "", portion: int | None = None
) -> CdrFile:
    """Recognise a file of CDRs.

    :param file_month: YYYYMM that the file's path tells: rows of the account without a date belong to it; 0 for none.
    :param folder: where on the FTP it lies.
    :raises Waiting: a column or a unit is missing.
    """
    sheet = read_sheet(source, layouts, folder, *([portion] if portion else []))
    if "caller" not in sheet.columns:
        sheet.require("msisdn")
    sheet.require("start", "type")
    if "duration" not in sheet.columns and "volume" not in sheet.columns and "quantity" not in sheet.columns:
        sheet.require("duration", "volume")
    file = CdrFile(sheet)
    file._batches = _Reading(file, layouts, file_month).batches()
    return file


class _Reading:
    def __init__(self, file: CdrFile, layouts: Layouts, file_month: int) -> None:
        self._file = file
        self._sheet = file.sheet
        self._layouts = layouts
        self._line_column = "caller" if "caller" in file.sheet.columns else "msisdn"
        self._account_start = (
            int(datetime(file_month // 100, file_month % 100, 1, tzinfo=PARIS).timestamp()) if file_month else 0
        )
        # Hashes of the identities so far, sorted: identical rows of a file are told apart by their rank.
        self._seen = np.zeros(0, np.uint64)

    def batches(self) -> Iterator[Batch]:
        for portion in self._sheet.portions():
            if len(portion):
                yield self._batch(portion)

    def _batch(self, portion: Portion) -> Batch:
        starts = portion.cells("start")
        if "time" in self._sheet.columns:
            starts = starts.beside(portion.cells("time"))
        line = lines(portion.cells(self._line_column))
        start = instants(starts, self._sheet.unit("start"))
        amount = amounts(portion.cells("amount"))
        no_number, left_out = self._rows_without_line(portion, line, start, amount)
        seconds = self._quantity(portion, "duration")
        bytes_ = self._quantity(portion, "volume")
        out_of_bundle = self._out_of_bundle(portion)
        faults = first_faults(
            no_number, line.faults, start.faults, seconds.faults, bytes_.faults, amount.faults, out_of_bundle.faults
        )
        good = portion.set_aside({row: reason for row, reason in faults.items() if row not in left_out})
        good[list(left_out)] = False
        natures, nature = self._natures(portion, out_of_bundle, good)
        clients, client = portion.cells("client").distinct
        called, called_texts = called_numbers(portion.cells("called"))
        columns = {
            "line": line.values,
            "start": start.values,
            "nature": nature,
            "called": called,
            "seconds": seconds.values,
            "bytes": bytes_.values,
            "amount": amount.values,
            "client": client,
        }
        if not good.all():
            columns = {name: values[good] for name, values in columns.items()}
        day = local_days(columns["start"])
        return Batch(
            **columns,
            day=day,
            month=months_of(day),
            id=self._identities(columns, natures, clients, called_texts),
            natures=natures,
            clients=clients,
            called_texts=called_texts,
        )

    def _rows_without_line(
        self, portion: Portion, line: Column, start: Column, amount: Column
    ) -> tuple[dict[int, str], set[int]]:
        """What is wrong with rows that have no line, and which of them are no communication (blank, or a total)."""
        faults: dict[int, str] = {}
        left_out: set[int] = set()
        last = len(portion) - 1 if portion.is_last else -1
        for row in sorted({*np.flatnonzero(line.values == 0).tolist(), *line.faults}):
            cells = portion.record(row)
            if not any(cells):
                left_out.add(row)
            elif self._is_total(cells, row == last, row in line.faults):
                left_out.add(row)
                value = int(amount.values[row])
                known = row not in amount.faults and value != NOTHING
                self._file.totals.append(Total(int(portion.lines[row]), value if known else None))
            elif row not in line.faults:
                described = self._cell(cells, "type") or self._cell(cells, "zone")
                if not self._cell(cells, "client") and not (self._cell(cells, "amount") and described):
                    faults[row] = "aucun numéro de ligne"
                elif any(self._cell(cells, name).strip("0:., ") for name in ("called", *_PARSERS)):
                    faults[row] = "aucun numéro de ligne, et pourtant une communication"
                elif row in start.faults and (day := day_alone(self._cell(cells, "start"))) is not None:
                    del start.faults[row]  # a fee has no hour
                    start.values[row] = day
                elif start.faults.get(row) == "date absente":
                    if self._account_start:
                        del start.faults[row]
                        start.values[row] = self._account_start
                    else:
                        faults[row] = "ligne de compte sans date, et le nom du fichier ne dit pas le mois"
        return faults, left_out

    def _is_total(self, cells: list[str], last: bool, odd_line: bool) -> bool:
        """Whether a row without a good line sums up the file: it says so, or it is the last and holds figures alone."""
        if odd_line:
            return _says_total(self._cell(cells, self._line_column))
        client = self._cell(cells, "client")
        if _says_total(client) and (self._cell(cells, "type") or self._cell(cells, "zone")):
            return False  # a fee of a client of that name
        if any(_says_total(cell) for cell in cells):
            return True
        return (
            last
            and not client
            and not any(sign.isalpha() for cell in cells for sign in cell.upper().replace("EUR", ""))
        )

    def _cell(self, cells: list[str], name: str) -> str:
        place = self._sheet.columns[name][0] if name in self._sheet.columns else len(cells)
        return cells[place] if place < len(cells) else ""

    def _quantity(self, portion: Portion, name: str) -> Column:
        """Seconds ("duration") or bytes ("volume"): from their own column, or where a unit column says they are."""
        sheet, parse = self._sheet, _PARSERS[name]
        if "unit" not in sheet.columns or sheet.unit(name):
            if "quantity" in sheet.columns and not {"duration", "volume"} & sheet.columns.keys():
                raise Waiting("la colonne « quantité » n'a pas de colonne « unité » à côté d'elle")
            return parse(portion.cells(name), sheet.unit(name), self._layouts)
        # One column, whatever its name, holds seconds on some rows and bytes on others.
        candidates = [name, "quantity", *_PARSERS]
        written = next((it for it in candidates if it in sheet.columns and not sheet.unit(it)), name)
        cells = portion.cells(written)
        units, codes = portion.cells("unit").distinct
        values = np.zeros(len(portion), np.int64)
        faults: dict[int, str] = {}
        for code, unit in enumerate(units):
            rows = np.flatnonzero(codes == code)
            read = self._of_unit(cells.take(rows), name, unit)
            values[rows] = read.values
            faults |= {int(rows[row]): reason for row, reason in read.faults.items()}
        return Column(values, faults)

    def _of_unit(self, cells: Cells, name: str, unit: str) -> Column:
        """The quantities of the rows that have this unit, which may be another quantity's."""
        if self._layouts.factor(name, unit) is not None:
            return _PARSERS[name](cells, unit, self._layouts)
        nothing = Column(np.zeros(len(cells), np.int64))
        if self._layouts.counts(unit) or any(self._layouts.factor(it, unit) is not None for it in _PARSERS):
            return nothing
        texts, codes = cells.distinct
        reason = f"unité inconnue : « {unit} »" if unit else "unité absente"
        # One SMS needs no unit.
        wrong = [code for code, text in enumerate(texts) if text and (unit or text not in ("0", "1"))]
        nothing.faults.update(dict.fromkeys(np.flatnonzero(np.isin(codes, wrong)).tolist(), reason))
        return nothing

    def _out_of_bundle(self, portion: Portion) -> Column:
        """1, 0, or -1 when the file does not say."""
        name, yes, no = ("out_of_bundle", 1, 0) if "out_of_bundle" in self._sheet.columns else ("in_bundle", 0, 1)

        def parse(word: str) -> int:
            if (out := self._layouts.out_of_bundle(word)) is not None:
                return int(out)
            said = self._layouts.yes(word)
            if said is None:
                raise ValueError(f"ni oui ni non : « {word} »")
            return yes if said else no

        return each(portion.cells(name), parse, blank=-1)

    def _natures(self, portion: Portion, out_of_bundle: Column, good: Array) -> tuple[list[Nature], Array]:
        types, type_codes = portion.cells("type").distinct
        zones, zone_codes = portion.cells("zone").distinct
        codes = (type_codes.astype(np.int64) * len(zones) + zone_codes) * 3 + out_of_bundle.values + 1
        found, places = np.unique(codes, return_inverse=True)
        kinds = [KINDS.index(self._layouts.kind(word)) if word else KINDS.index("other") for word in types]
        natures = [
            Nature(
                kinds[code // 3 // len(zones)],
                code % 3 - 1,
                zones[code // 3 % len(zones)],
                types[code // 3 // len(zones)],
            )
            for code in found.tolist()
        ]
        for place in np.unique(places[good]).tolist():
            if natures[place].kind == KINDS.index("other"):
                self._file.unknown_types.add(natures[place].type or "(vide)")
        return natures, places

    def _identities(
        self, columns: dict[str, Array], natures: list[Nature], clients: list[str], called_texts: list[str]
    ) -> Array:
        """47 bits of each row, and of its rank among identical rows of the file.

        The type's own word is left out: the operator may write it otherwise when it delivers the row again. So is the
        client, but on rows of the account, which have nothing else to tell them apart.
        """
        of_nature = _hashes([f"{it.kind} {it.out_of_bundle} {it.zone}" for it in natures])
        of_called = _hashes(called_texts)
        of_client = _hashes([fold(name) for name in clients])
        called = columns["called"].astype(np.uint64)
        worded = columns["called"] < 0
        called[worded] = of_called[-1 - columns["called"][worded]]
        mixed = _mix(of_nature[columns["nature"]] ^ _mix(called))
        for name in ("seconds", "bytes", "amount"):
            mixed = _mix(mixed ^ columns[name].astype(np.uint64))
        account = columns["line"] == 0
        if account.any():
            mixed[account] = _mix(mixed[account] ^ of_client[columns["client"][account]])
        rank = self._ranks(_mix(_mix(mixed ^ columns["line"].astype(np.uint64)) ^ columns["start"].astype(np.uint64)))
        again = rank > 0
        if again.any():
            mixed[again] = _mix(mixed[again] + rank[again])
        return (mixed >> np.uint64(17)).astype(np.int64)

    def _ranks(self, rows: Array) -> Array:
        """How many identical rows of the file precede each row."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        first = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(rows) else np.zeros(0, bool)
        begins = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
        before = np.searchsorted(self._seen, ordered, "right") - np.searchsorted(self._seen, ordered, "left")
        ranks = np.zeros(len(rows), np.uint64)
        ranks[order] = (np.arange(len(rows)) - begins + before).astype(np.uint64)
        self._seen = np.sort(np.concatenate([self._seen, ordered]), kind="stable")
        return ranks


_PARSERS = {"duration": durations, "volume": volumes}


def _says_total(cell: str) -> bool:
    return fold(cell).startswith(("total", "grandtotal", "totaux", "soustotal"))


def _hashes(texts: list[str]) -> Array:
    return np.array(
        [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") for text in texts or [""]],
        np.uint64,
    )


def _mix(values: Array) -> Array:
    """Each bit of the result depends on all those of the value (the finalizer of SplitMix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: Any = values ^ (values >> np.uint64(31))
    return np.asarray(result)

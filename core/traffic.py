"""CDRs in the store: each communication once, whatever files it comes in, and its totals in the same transaction."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from sqlite_utils import Database

from core import copies
from core.clients import client_id
from core.folders import month_of
from core.forgotten import Forgotten, first_day
from core.layouts import Layouts
from core.ledger import File
from core.ledger import file as ledger_file
from core.readers import Reject
from core.readers.cdrs import Batch, CdrFile, Nature, read_cdrs
from core.readers.columns import NOTHING, Array
from core.totals import recount

Item = TypeVar("Item")

RATED, BILLED = 0, 1

#: Rows in one INSERT: Python's cost of a statement is shared by that many.
_ROWS = 50
#: Rows turned into Python objects at once.
_SLICE = 20_000

#: Such as what a cut row left of a name.
_DELETE_UNUSED_CLIENTS = (
    "DELETE FROM clients WHERE id NOT IN (SELECT client_id FROM usage_by_line) "
    "AND NOT EXISTS (SELECT 1 FROM lines WHERE client_id = clients.id)"
)


@dataclass
class Taken:
    """What a file gave: `new` rows were not in the store; `old` ones are left out, for their month was purged or they
    were erased (`core.forgotten`). `amount`: of all its rows, in millionths of a euro."""

    rows: int = 0
    new: int = 0
    old: int = 0
    amount: int = 0
    months: set[int] = field(default_factory=set)
    rejects: list[Reject] = field(default_factory=list)
    unknown_types: list[str] = field(default_factory=list)
    # Rows that the store had from this very file, of the same client.
    _own: int = 0
    _days: tuple[int, int] | None = None


class Traffic:
    """Takes files of CDRs, within the caller's transaction."""

    def __init__(self, db: Database, data: Path, layouts: Layouts) -> None:
        self._db = db
        self._data = data
        self._layouts = layouts
        self._natures: dict[Nature, int] = {}
        self._clients: dict[str, int] = {}
        self._forgotten = Forgotten(0, {}, frozenset())

    def take(self, file: File, source: int) -> Taken:
        """Take the file's rows; those that its former version gave and this one lacks are gone.

        :param source: RATED or BILLED.
        :raises Waiting: the file cannot be read as it stands; the caller undoes what was done.
        """
        # Numbers given in a transaction that was undone are no longer there.
        self._natures, self._clients = {}, {}
        self._forgotten = Forgotten.load(self._db)
        before = self._db.execute(
            "SELECT rows - known_rows, first_month, last_month, first_day, last_day FROM files WHERE id = ?", (file.id,)
        ).fetchone()
        if before[1] is None:
            taken = self._insert(file, source, careful=False)
        else:
            with _undoable(self._db, "grown") as undo:
                taken = self._insert(file, source, careful=True)
                if shrunk := taken._own != before[0]:
                    undo()
                    self._natures, self._clients = {}, {}  # some were made since
            if shrunk:
                self._forget(file, source, *before[1:])
                taken = self._insert(file, source, careful=True)
        first, last = (min(taken.months), max(taken.months)) if taken.months else (None, None)
        days = taken._days or (None, None)
        self._db.execute(
            "UPDATE files SET rows = ?, known_rows = ?, rejected_rows = ?, first_month = ?, last_month = ?, "
            "first_day = ?, last_day = ? WHERE id = ?",
            (
                taken.rows,
                taken.rows - taken.new - taken._own,
                len(taken.rejects),
                first,
                last,
                *days,
                file.id,
            ),
        )
        if before[1] is not None and shrunk:
            # Rows that other files also held had been counted once, under this file.
            for other in self._overlapping(file, before[1], before[2]):
                found = self._insert(other, source, careful=True)
                self._db.execute("UPDATE files SET known_rows = known_rows - ? WHERE id = ?", (found.new, other.id))
            self._db.execute(_DELETE_UNUSED_CLIENTS)
        return taken

    # -- Rows

    def _insert(self, file: File, source: int, *, careful: bool) -> Taken:
        """Insert the rows that no file gave yet, and add them to the totals.

        :param careful: look first which rows are there; else they are thought to be new, which is quicker.
        """
        taken = Taken()
        totals = _Totals()
        with copies.open_copy(self._data, file.path) as stream:
            read = read_cdrs(stream, self._layouts, month_of(file.path), file.path.split("/", 1)[0])
            for batch, sums in _ahead(_prepared(whole, self._forgotten, taken) for whole in read.batches()):
                natures = np.array([self._nature(nature) for nature in batch.natures] or [0], np.int64)
                clients = np.array([self._client(name) for name in batch.clients] or [0], np.int64)
                columns = {"nature_id": natures[batch.nature], "client_id": clients[batch.client]}
                new = np.ones(len(batch), bool)
                if not careful:
                    with _undoable(self._db, "batch") as undo:
                        if self._insert_rows(file, source, batch, columns, new) < len(batch):
                            undo()
                            careful = True  # and so are probably the rows to come
                if careful:
                    known, owners, named = self._known(source, batch)
                    new[known] = False
                    # A row that was cut within its client's name is the same row, and says something else.
                    taken._own += int(((owners == file.id) & (named == columns["client_id"][known])).sum())
                    self._insert_rows(file, source, batch, columns, new)
                taken.new += int(new.sum())
                totals.add(sums if new.all() else _sums(batch, new), natures, clients)
        totals.write(self._db, source)
        taken.rejects = [*read.sheet.rejects, *_wrong_total(read, taken)]
        taken.unknown_types = sorted(read.unknown_types)
        return taken

    def _insert_rows(self, file: File, source: int, batch: Batch, columns: dict[str, Array], new: Array) -> int:
        """Insert the rows that are `new`; returns how many the store did not have."""
        before = self._db.conn.total_changes
        prefix = (
            "INSERT OR IGNORE INTO cdrs (source, file_id, day, line, start, id, nature_id, called, seconds, bytes, "
            "amount, client_id) VALUES "
        )
        arrays = [batch.day, batch.line, batch.start, batch.id, columns["nature_id"], batch.called, batch.seconds]
        arrays += [batch.bytes, batch.amount, columns["client_id"]]
        if not new.all():
            arrays = [array[new] for array in arrays]
        for begin in range(0, len(arrays[0]), _SLICE):
            pieces = [array[begin : begin + _SLICE] for array in arrays]
            lists = [piece.tolist() for piece in pieces]
            for row in np.flatnonzero(pieces[5] <= 0).tolist():
                lists[5][row] = batch.called_texts[-1 - lists[5][row]] if lists[5][row] else None
            for row in np.flatnonzero(pieces[8] == NOTHING).tolist():
                lists[8][row] = None
            _insert_values(self._db, prefix, f"({source}, {file.id}, {', '.join('?' * 10)})", lists)
        return self._db.conn.total_changes - before

    def _known(self, source: int, batch: Batch) -> tuple[Array, Array, Array]:
        """The places of the rows that the store has, the file that each of them came with, and its client's id."""
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS arrived (place INTEGER PRIMARY KEY, day INT, line INT, start INT, id INT)"
        )
        self._db.execute("DELETE FROM arrived")
        lists = [
            np.arange(len(batch)).tolist(),
            *(it.tolist() for it in (batch.day, batch.line, batch.start, batch.id)),
        ]
        _insert_values(self._db, "INSERT INTO arrived VALUES ", "(?, ?, ?, ?, ?)", lists)
        # CROSS JOIN: the order of the loops is meant, the store's table is the large one.
        found = self._db.execute(
            "SELECT place, file_id, client_id FROM arrived CROSS JOIN cdrs ON cdrs.source = ? AND "
            "cdrs.day = arrived.day AND cdrs.line = arrived.line AND cdrs.start = arrived.start AND "
            "cdrs.id = arrived.id",
            (source,),
        ).fetchall()
        places, owners, clients = np.array(found, np.int64).reshape(-1, 3).T
        return places, owners, clients

    def _nature(self, nature: Nature) -> int:
        if nature not in self._natures:
            values = (nature.kind, nature.out_of_bundle, nature.zone, nature.type)
            self._db.execute(
                "INSERT OR IGNORE INTO natures (kind, out_of_bundle, zone, type) VALUES (?, ?, ?, ?)", values
            )
            (self._natures[nature],) = self._db.execute(
                "SELECT id FROM natures WHERE (kind, out_of_bundle, zone, type) = (?, ?, ?, ?)", values
            ).fetchone()
        return self._natures[nature]

    def _client(self, name: str) -> int:
        if name not in self._clients:
            self._clients[name] = client_id(self._db, name) or 0
        return self._clients[name]

    # -- A file that was replaced

    def _forget(self, file: File, source: int, first_month: int, last_month: int, from_day: int, last_day: int) -> None:
        """Take back all that the file gave; the totals of its months are counted again, but those of purged ones."""
        first_month = max(first_month, self._forgotten.first_kept)
        from_day = max(from_day, self._forgotten.first_day)
        self._db.execute(
            "DELETE FROM cdrs WHERE source = ? AND day BETWEEN ? AND ? AND file_id = ?",
            (source, from_day, last_day, file.id),
        )
        values = {"source": source, "first": first_month, "last": last_month}
        values["first_day"] = first_day(first_month)
        values["last_day"] = first_day(last_month + 1 if last_month % 100 < 12 else last_month + 89) - 1
        for statement in recount():
            self._db.execute(statement, values)

    def _overlapping(self, file: File, first_month: int, last_month: int) -> list[File]:
        rows = self._db.execute(
            "SELECT id FROM files WHERE folder = ? AND state = 'read' AND known_rows > 0 AND id != ? "
            "AND first_month <= ? AND last_month >= ? ORDER BY id",
            (file.folder, file.id, last_month, first_month),
        )
        return [ledger_file(self._db, file_id) for (file_id,) in rows.fetchall()]


def _wrong_total(read: CdrFile, taken: Taken) -> list[Reject]:
    """The grand total, when the file has one, all rows were read, and it says something else than their sum."""
    announced = [total for total in read.totals if total.amount is not None]
    if len(announced) != 1 or read.sheet.rejects or announced[0].amount == taken.amount:
        return []
    (total,) = announced
    assert total.amount is not None
    said, summed = (
        f"{amount / 1_000_000:.6f}".rstrip("0").rstrip(".").replace(".", ",") for amount in (total.amount, taken.amount)
    )
    reason = (
        f"le total annoncé ({said} €) n'est pas la somme des rangées ({summed} €) : le fichier est peut-être incomplet"
    )
    return [Reject(total.line, reason, "")]


# -- Totals

_SUMMED = ("count", "seconds", "bytes", "amount")
#: table -> its key after the source, and what it holds: sums, but for the last start.
_GRAINS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "usage_by_line": (("month", "line", "client_id", "kind", "out_of_bundle"), (*_SUMMED, "last_start")),
    "usage_by_day": (("client_id", "day", "kind", "out_of_bundle"), _SUMMED),
    "usage_by_zone": (("month", "client_id", "nature_id"), _SUMMED),
}
_UPDATES = {
    "amount": "amount = coalesce(amount + excluded.amount, amount, excluded.amount)",
    "last_start": "last_start = max(last_start, excluded.last_start)",
}


class _Totals:
    """The sums of a file's new rows, at the three grains of the store."""

    def __init__(self) -> None:
        self._parts: dict[str, list[pa.Table]] = {table: [] for table in _GRAINS}

    def add(self, sums: dict[str, pa.Table], natures: Array, clients: Array) -> None:
        """Add those of a batch, in which natures and clients have the places of that batch."""
        for table, summed in sums.items():
            part = summed
            for name, ids in (("nature_id", natures), ("client_id", clients)):
                if name in part.column_names:
                    places = part[name].to_numpy()
                    part = part.set_column(part.column_names.index(name), name, pa.array(ids[places]))
            self._parts[table].append(part)

    def write(self, db: Database, source: int) -> None:
        for table, parts in self._parts.items():
            if not parts:
                continue
            keys, values = _GRAINS[table]
            whole = _grouped(pa.concat_tables(parts), keys, values).sort_by([(key, "ascending") for key in keys])
            names = (*keys, *values)
            lists = {name: whole[name].fill_null(NOTHING).to_numpy().tolist() for name in names}
            lists["amount"] = [None if amount == NOTHING else amount for amount in lists["amount"]]
            updates = ", ".join(_UPDATES.get(name, f"{name} = {name} + excluded.{name}") for name in values)
            _insert_values(
                db,
                f"INSERT INTO {table} (source, {', '.join(names)}) VALUES ",
                f"({source}, {', '.join('?' * len(names))})",
                list(lists.values()),
                f" ON CONFLICT DO UPDATE SET {updates}",
            )


def _sums(batch: Batch, new: Array | None = None) -> dict[str, pa.Table]:
    """The totals of a batch, or of its `new` rows, at each grain."""
    kinds = np.array([nature.kind for nature in batch.natures] or [0], np.int64)
    outs = np.array([nature.out_of_bundle for nature in batch.natures] or [0], np.int64)
    arrays = {
        "month": batch.month,
        "line": batch.line,
        "day": batch.day,
        "client_id": batch.client.astype(np.int64),
        "nature_id": batch.nature.astype(np.int64),
        "kind": kinds[batch.nature],
        "out_of_bundle": outs[batch.nature],
        "count": np.ones(len(batch), np.int64),
        "seconds": batch.seconds,
        "bytes": batch.bytes,
        "last_start": batch.start,
    }
    columns = {name: pa.array(array) for name, array in arrays.items()}
    columns["amount"] = pa.array(batch.amount, mask=batch.amount == NOTHING)
    rows = pa.table(columns)
    if new is not None:
        rows = rows.filter(pa.array(new))
    return {table: _grouped(rows, keys, values) for table, (keys, values) in _GRAINS.items()}


def _grouped(rows: pa.Table, keys: Sequence[str], values: Sequence[str]) -> pa.Table:
    """Each distinct key once. A sum of amounts is null when none is given."""
    functions = {name: "max" if name == "last_start" else "sum" for name in values}
    found = rows.group_by(list(keys), use_threads=False).aggregate(list(functions.items()))
    return found.select([*keys, *(f"{name}_{function}" for name, function in functions.items())]).rename_columns(
        [*keys, *values]
    )


# -- Plumbing


def _prepared(whole: Batch, forgotten: Forgotten, taken: Taken) -> "tuple[Batch, dict[str, pa.Table]]":
    """The rows that may come in, in the order of the store's key, so that they are written side by side; and their
    totals. All are counted in `taken`."""
    taken.rows += len(whole)
    taken.amount += int(whole.amount[whole.amount != NOTHING].sum())
    taken.months |= set(np.unique(whole.month).tolist())
    if len(whole):
        first, last = int(whole.day.min()), int(whole.day.max())
        days = taken._days or (first, last)
        taken._days = (min(first, days[0]), max(last, days[1]))
    order = np.lexsort((whole.start, whole.line, whole.day))
    barred = _barred(whole, forgotten)
    if barred.any():
        taken.old += int(barred.sum())
        order = order[~barred[order]]
    columns = {
        name: getattr(whole, name)[order]
        for name in ("line", "start", "day", "month", "id", "nature", "called", "seconds", "bytes", "amount", "client")
    }
    ordered = Batch(**columns, natures=whole.natures, clients=whole.clients, called_texts=whole.called_texts)
    return ordered, _sums(ordered)


def _barred(batch: Batch, forgotten: Forgotten) -> Array:
    """Which rows are not to come in."""
    barred = batch.day < forgotten.first_day
    if forgotten.lines:
        pairs = sorted((int(msisdn), erased.cdrs_until) for msisdn, erased in forgotten.lines.items())
        lines, until = np.array(pairs, np.int64).T
        places = np.minimum(np.searchsorted(lines, batch.line), len(lines) - 1)
        barred |= (lines[places] == batch.line) & (batch.day <= until[places])
    return np.asarray(barred)


def _ahead(batches: Iterator[Item]) -> Iterator[Item]:
    """The same batches; the next one is read while this one is written, for SQLite lets other threads run."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _insert_values(db: Database, prefix: str, row: str, lists: Sequence[list[Any]], suffix: str = "") -> None:
    """Insert columns of values, many rows a statement."""
    count, width = len(lists[0]), len(lists)
    flat: list[Any] = [None] * (count * width)
    for place, values in enumerate(lists):
        flat[place::width] = values
    whole = count - count % _ROWS
    step = _ROWS * width
    if whole:
        statement = prefix + ", ".join([row] * _ROWS) + suffix
        db.conn.executemany(statement, (flat[at : at + step] for at in range(0, whole * width, step)))
    if count > whole:
        db.execute(prefix + ", ".join([row] * (count - whole)) + suffix, flat[whole * width :])


@contextmanager
def _undoable(db: Database, name: str) -> Iterator[Any]:
    """A savepoint; calling what is yielded takes back what was done since."""
    db.execute(f"SAVEPOINT {name}")
    yield lambda: db.execute(f"ROLLBACK TO {name}")
    db.execute(f"RELEASE {name}")

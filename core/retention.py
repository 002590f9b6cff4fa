"""CDRs and their files go when the law's time is over: whole months, so that nothing older than the term is left.

CPCE, L34-1, L34-2 and R10-14: traffic data are kept as long as billing needs them, at most one year. A month goes as
soon as its first day is older than today less `ORIGYNE_RETENTION_MONTHS`. Totals and invoices stay (Code de commerce,
L123-22: ten years).

The month that is kept first is written down before anything is deleted, and no file brings back what is before it:
whenever a purge is cut short, the next one goes on where it stopped, and the end is the same.
"""

import json
import logging
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from core import copies, events, store
from core.folders import PARIS
from core.forgotten import FIRST_KEPT, first_day, first_kept
from core.soundness import old_ones
from core.totals import BY_DAY, BY_LINE, BY_ZONE, GRAINS, MONTH

log = logging.getLogger(__name__)

#: Seconds between two passes that tell of a clock that leapt (or of a service that was off: then the purge waits as
#: well), and for which nothing is purged then.
LONG_OFF, GRACE = 7 * 86400, 3 * 86400

_PURGING, _PURGED_ON = "purging", "purged_on"


@dataclass(frozen=True)
class Month:
    """CDRs of a month (YYYYMM), of the daily files and of the billed ones."""

    month: int
    rated: int
    billed: int


@dataclass(frozen=True)
class Purge:
    """What a purge deletes, or did. `first_kept`: the oldest month that stays (YYYYMM); `files`: the paths of those
    whose copies go; `rejects`: rows of theirs that were set aside."""

    first_kept: int
    months: tuple[Month, ...] = ()
    files: tuple[str, ...] = ()
    rejects: int = 0

    @property
    def rows(self) -> int:
        return sum(it.rated + it.billed for it in self.months)

    def __bool__(self) -> bool:
        return bool(self.months or self.files)


def oldest_kept(now: int, months: int) -> int:
    """The oldest month (YYYYMM) none of whose days is older than today, in Paris, less that many months."""
    today = datetime.fromtimestamp(now, PARIS).date()
    # On the first of a month, the month that begins on the limit itself still stays.
    count = today.year * 12 + today.month - 1 - months + (today.day > 1)
    return count // 12 * 100 + count % 12 + 1


def plan(db: Database, now: int, months: int) -> Purge:
    """What `purge` would delete now; changes nothing."""
    kept = max(oldest_kept(now, months), first_kept(db))
    counted: dict[int, list[int]] = {}
    for source in (0, 1):
        for month, count in db.execute(
            f"SELECT {MONTH} AS month, count(*) FROM cdrs WHERE source = ? AND day < ? GROUP BY month",
            (source, first_day(kept)),
        ):
            counted.setdefault(month, [0, 0])[source] = count
    return _purge(db, kept, counted)


def is_due(db: Database, now: int) -> bool:
    """Whether no purge came to its end today."""
    row = db.execute("SELECT value FROM marks WHERE name = ?", (_PURGED_ON,)).fetchone()
    return row is None or int(row[0]) != _today(now)  # a clock that ran ahead must not stop it for long


def seems_ahead(db: Database, now: int, months: int) -> bool:
    """Whether all CDRs of the store would be past their term: by a wrong clock rather than a year without files."""
    days = [db.execute("SELECT max(day) FROM cdrs WHERE source = ?", (source,)).fetchone()[0] for source in (0, 1)]
    newest = max((day for day in days if day is not None), default=None)
    return newest is not None and newest < first_day(oldest_kept(now, months))


def leapt(db: Database, now: int) -> bool:
    """Whether the clock went forward by more than a service is off (`LONG_OFF`), since the last pass or within the last
    days (`GRACE`): until it was looked at, nothing goes for good."""
    later = now
    for (ended,) in db.execute("SELECT ended_clock FROM passes ORDER BY id DESC"):
        if later - ended > LONG_OFF:
            return True
        if now - ended > GRACE:
            return False
        later = ended
    return False


def raise_floor(db: Database, now: int, months: int) -> int:
    """From now on no CDR older than the term comes in. Returns the oldest month that is kept; it never goes back."""
    kept = max(oldest_kept(now, months), first_kept(db))
    if kept != first_kept(db):
        with db.atomic():
            _mark(db, FIRST_KEPT, str(kept))
    return kept


def purge(db: Database, data: Path, now: int, months: int) -> Purge:
    """Delete what is past its term, and say it by an event. Under `sync.lock`.

    :param months: `ORIGYNE_RETENTION_MONTHS`.
    :raises OSError: a copy cannot be removed; the next purge tries again.
    """
    kept = raise_floor(db, now, months)
    for source in (0, 1):
        _delete_rows(db, source, first_day(kept))
    row = db.execute("SELECT value FROM marks WHERE name = ?", (_PURGING,)).fetchone()
    counted = {int(month): counts for month, counts in json.loads(row[0]).items()} if row else {}
    done = _purge(db, kept, counted)
    with db.atomic():
        _mark(db, _PURGED_ON, str(_today(now)))
        db.execute("DELETE FROM marks WHERE name = ?", (_PURGING,))
        if done:
            for path in done.files:
                db.execute("DELETE FROM rejects WHERE file_id = (SELECT id FROM files WHERE path = ?)", (path,))
                db.execute("UPDATE files SET state = 'purged', reason = '', rejected_rows = 0 WHERE path = ?", (path,))
            told = [it.month for it in done.months]
            events.write(
                db,
                "cdrs.purged",
                None,
                rows=done.rows,
                first_month=min(told, default=0),
                last_month=max(told, default=0),
                files=len(done.files),
                rejects=done.rejects,
                kept=kept,
            )
    # After the ledger: a copy that outlives it is removed the next time.
    for (path,) in db.execute("SELECT path FROM files WHERE state = 'purged'").fetchall():
        copies.remove(data, path)
    for aside in old_ones(data / store.FILE_NAME, now):
        aside.unlink()
    remove_unfinished(data)
    empty_log(db)
    if done:
        log.info("purged: %s CDRs, %s files; kept from %s on", done.rows, len(done.files), kept)
    return done


def empty_log(db: Database) -> None:
    """Pages as they were before a deletion stand in the log too, until it is written anew; who reads meanwhile is not
    waited for, and the next purge does it."""
    db.execute("PRAGMA busy_timeout = 200")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.execute("PRAGMA busy_timeout = 10000")


def remove_unfinished(data: Path) -> None:
    """A store that a rebuild which broke off left behind: it holds what goes of the other. Under `sync.lock`."""
    shutil.rmtree(data / store.WORKSHOP, ignore_errors=True)


def carry_over(db: Database) -> None:
    """From the store attached as `old` into a new one whose ledger is that store's, before its files are read: what no
    file gives any more. Those are totals of purged months, CDRs that are kept though their file was purged, what was
    erased on demand, and the clients and natures that all these name, under their numbers."""
    kept = _first_kept_of_old(db)
    values = {"kept": kept, "day": first_day(kept) if kept else -(10**9)}
    with db.atomic():
        db.execute("INSERT INTO marks SELECT * FROM old.marks WHERE name IN (?, ?)", (FIRST_KEPT, _PURGED_ON))
        for table in ("erasures", "erased_cards", *(grain.erased for grain in GRAINS)):
            db.execute(f"INSERT INTO {table} SELECT * FROM old.{table}")
        db.execute(
            "INSERT INTO cdrs SELECT * FROM old.cdrs WHERE day >= :day "
            "AND file_id IN (SELECT id FROM files WHERE state = 'purged')",
            values,
        )
        for grain in GRAINS:
            before = "day < :day" if grain.table == BY_DAY else "month < :kept"
            parts = (
                grain.taken(f"old.{grain.table}", before),
                grain.taken(grain.erased, f"NOT ({before})"),
                grain.rows("day >= :day", "old.natures"),
            )
            db.execute(f"INSERT INTO {grain.table} {grain.summed(' UNION ALL '.join(parts))}", values)
        for named, column, tables in (
            ("clients", "client_id", ("cdrs", BY_LINE, BY_DAY, BY_ZONE)),
            ("natures", "nature_id", ("cdrs", BY_ZONE)),
        ):
            used = " UNION ".join(f"SELECT {column} FROM {table}" for table in tables)
            db.execute(f"INSERT INTO {named} SELECT * FROM old.{named} WHERE id IN ({used})")


# -- What goes


def _delete_rows(db: Database, source: int, before: int) -> None:
    """One day a transaction: readers and the log of a store that serves questions meanwhile never wait for a month."""
    while True:
        (day,) = db.execute("SELECT min(day) FROM cdrs WHERE source = ?", (source,)).fetchone()
        if day is None or day >= before:
            return
        with db.atomic():
            deleted = db.execute("DELETE FROM cdrs WHERE source = ? AND day = ?", (source, day)).rowcount
            (month,) = db.execute(f"SELECT {MONTH} FROM (SELECT ? AS day)", (day,)).fetchone()
            row = db.execute("SELECT value FROM marks WHERE name = ?", (_PURGING,)).fetchone()
            counted = json.loads(row[0]) if row else {}
            counts = counted.setdefault(str(month), [0, 0])
            counts[source] += deleted
            _mark(db, _PURGING, json.dumps(counted))


def _purge(db: Database, kept: int, counted: dict[int, list[int]]) -> Purge:
    files = _files(db, kept)
    rejects = sum(
        db.execute("SELECT count(*) FROM rejects WHERE file_id = ?", (number,)).fetchone()[0] for number, _ in files
    )
    months = tuple(Month(month, *counts) for month, counts in sorted(counted.items()))
    return Purge(kept, months, tuple(path for _, path in files), rejects)


def _files(db: Database, kept: int) -> list[tuple[int, str]]:
    """Files of CDRs that begin before that month. One that gave no row tells at the earliest of the month before the
    one that dates it."""
    rows = db.execute(
        "SELECT id, path, first_month, coalesce(as_of, modified_at, fetched_clock) FROM files "
        "WHERE folder IN ('rated_cdrs', 'billed_cdrs') AND state NOT IN ('purged', 'fetched', 'retry') ORDER BY path"
    )
    return [(number, path) for number, path, month, at in rows if (month or _month_before(at)) < kept]


def _month_before(at: int) -> int:
    here = datetime.fromtimestamp(at, PARIS)
    return here.year * 100 + here.month - 1 if here.month > 1 else (here.year - 1) * 100 + 12


def _today(now: int) -> int:
    here = datetime.fromtimestamp(now, PARIS).date()
    return first_day(here.year * 100 + here.month) + here.day - 1


def _first_kept_of_old(db: Database) -> int:
    row = db.execute("SELECT value FROM old.marks WHERE name = ?", (FIRST_KEPT,)).fetchone()
    return int(row[0]) if row else 0


def _mark(db: Database, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", (name, value))

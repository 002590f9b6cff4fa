"""`telecom.db`: what the operator delivered. The sync worker is its only writer.

Times are UTC seconds, amounts millionths of a euro, volumes bytes, durations seconds; numbers, ICCIDs and
codes are text. Columns named `…_clock` hold this machine's own time; all others derive from the files alone,
so that two stores fed with the same files hold the same, once what is sealed (`core.vault`) is opened.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock
from sqlite_utils import Database, Migrations

from core.store.schema import migrations

FILE_NAME = "telecom.db"

#: The folder of a store that is made anew (`core.rebuild`), until it is whole.
WORKSHOP = "rebuild"


def open_to_write(data: Path) -> Database:
    """The store, created or brought to the newest schema. One process at a time writes."""
    db = create(data / FILE_NAME, migrations)
    db.execute("PRAGMA cache_size = -65536")  # kibibytes: a million rows are put in order there, not on the disk
    return db


def open_to_read(data: Path) -> Database:
    """The store for questions only; `open_to_write` must have been called once before.

    :raises sqlite3.OperationalError: there is no store.
    """
    db = connect(data / FILE_NAME)
    db.execute("PRAGMA query_only = ON")
    return db


def create(path: Path, schema: Migrations) -> Database:
    """A store brought to its newest schema, readable by its owner only.

    It appears whole: a reader never finds half a schema. Processes that open it at once wait for each other, since
    SQLite's own patience (`busy_timeout`) does not cover the change to WAL, nor one migration made twice.
    """
    with FileLock(path.with_name(f"{path.name}.lock")):
        if not path.exists():
            _create_whole(path, schema)
        db = connect(path)
        _bring_up(db, schema)
    return db


def connect(path: Path) -> Database:
    """A connection to a store that is there, as all ours are: foreign keys on, patient when another process writes.

    :raises sqlite3.OperationalError: it is not there.
    """
    db = _Store(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True))
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA busy_timeout = 10000")
    db.execute("PRAGMA synchronous = FULL")  # what is acknowledged must survive a power cut
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten; SQLite is not built so everywhere
    return db


class _Store(Database):
    """A transaction takes its turn to write as it begins. SQLite refuses at once, whatever its patience, to let one
    write that has read before while another process wrote."""

    @contextmanager
    def atomic(self) -> Iterator[Database]:
        if self.conn.in_transaction:
            with super().atomic():
                yield self
            return
        self.conn.execute("BEGIN IMMEDIATE")
        try:
            yield self
            self.conn.execute("COMMIT")
        except BaseException:
            self.conn.rollback()  # nothing where the fault undid it already
            raise


def _create_whole(path: Path, schema: Migrations) -> None:
    new = path.with_name(f"{path.name}.new")
    # Left by a crash, or by who deleted the store alone: SQLite would put an old log's pages into the new store.
    for left in (new, *(it.with_name(f"{it.name}-{part}") for it in (new, path) for part in ("wal", "shm", "journal"))):
        left.unlink(missing_ok=True)
    new.touch(mode=0o600)
    with closing(connect(new)) as db:
        _bring_up(db, schema)
    new.replace(path)


def _bring_up(db: Database, schema: Migrations) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    schema.apply(db)

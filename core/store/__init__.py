"""`telecom.db`: what the operator delivered. The sync worker is its only writer.

Times are UTC seconds, amounts millionths of a euro, volumes bytes, durations seconds; numbers, ICCIDs and
codes are text. Columns named `…_clock` hold this machine's own time; all others derive from the files alone,
so that two stores fed with the same files hold the same, once what is sealed (`core.vault`) is opened.
"""

from pathlib import Path

from sqlite_utils import Database, Migrations

from core.store.schema import migrations

FILE_NAME = "telecom.db"

#: The folder of a store that is made anew (`core.rebuild`), until it is whole.
WORKSHOP = "rebuild"


def open_to_write(data: Path) -> Database:
    """The store, created or brought to the newest schema. One process at a time."""
    db = create(data / FILE_NAME, migrations)
    db.execute("PRAGMA cache_size = -65536")  # kibibytes: a million rows are put in order there, not on the disk
    return db


def open_to_read(data: Path) -> Database:
    """The store for questions only; `open_to_write` must have been called once before."""
    db = connect(data / FILE_NAME)
    db.execute("PRAGMA query_only = ON")
    return db


def create(path: Path, schema: Migrations) -> Database:
    """A store brought to its newest schema, readable by its owner only."""
    path.touch(mode=0o600)
    db = connect(path)
    schema.apply(db)
    return db


def connect(path: Path) -> Database:
    """A connection as all ours are: WAL, foreign keys on, patient when another process writes."""
    db = Database(path)
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA busy_timeout = 10000")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # what is acknowledged must survive a power cut
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten; SQLite is not built so everywhere
    return db

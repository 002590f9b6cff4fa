"""`desk.db`: people, what they wrote, what is to be sent to them, and who asked what. The bot process writes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from bot.desk.schema import migrations
from core.store import create

FILE_NAME = "desk.db"


def open_desk(data: Path) -> Database:
    """The desk's store, created or brought to the newest schema."""
    return create(data / FILE_NAME, migrations)


@contextmanager
def lightly(db: Database) -> Iterator[None]:
    """A transaction that does not wait for the disk: for what only has to outlive this process.

    A power cut can undo it, as if it had not been made yet; what is written durably afterwards makes it durable too.
    """
    db.execute("PRAGMA synchronous = NORMAL")
    try:
        with db.atomic():
            yield
    finally:
        db.execute("PRAGMA synchronous = FULL")

"""`desk.db`: people, what they wrote, what is to be sent to them, and who asked what. The bot process writes it."""

from pathlib import Path

from sqlite_utils import Database

from bot.desk.schema import migrations
from core.store import connect

FILE_NAME = "desk.db"


def open_desk(data: Path) -> Database:
    """The desk's store, created or brought to the newest schema."""
    path = data / FILE_NAME
    path.touch(mode=0o600)
    db = connect(path)
    migrations.apply(db)
    return db

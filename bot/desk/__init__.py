"""`desk.db`: people, what they wrote, what is to be sent to them, and who asked what. The bot process writes it."""

from pathlib import Path

from sqlite_utils import Database

from bot.desk.schema import migrations
from core.store import create

FILE_NAME = "desk.db"


def open_desk(data: Path) -> Database:
    """The desk's store, created or brought to the newest schema."""
    return create(data / FILE_NAME, migrations)

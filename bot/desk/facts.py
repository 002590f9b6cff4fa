"""What the running service found out, and commands beside it need to know."""

from typing import Literal

from sqlite_utils import Database

#: bot_username: the robot's name in Telegram, without @.
Name = Literal["bot_username"]


def get(db: Database, name: Name) -> str:
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def put(db: Database, name: Name, value: str) -> None:
    with db.atomic():
        db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

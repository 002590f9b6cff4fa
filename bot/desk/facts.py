"""What the running service found out, and commands beside it need to know."""

from typing import Literal

from sqlite_utils import Database

#: bot_username: the robot's name in Telegram, without @. selftest_mails: the Message-IDs of the last mails that the bot
#: wrote to itself (JSON); selftest_file: a file that a self-test put on the FTP and did not remove yet, "" for none.
Name = Literal["bot_username", "selftest_mails", "selftest_file"]


def get(db: Database, name: Name) -> str:
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def put(db: Database, name: Name, value: str) -> None:
    with db.atomic():
        db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

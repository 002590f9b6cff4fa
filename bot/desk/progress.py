"""How far the bot has come: in what it reads from elsewhere, and when the dossier was sent (UTC seconds).

`judged_pass`: the pass after which it was last seen which faults of files are over; `guesses_told`: when it was last
told that unknown chats guess at codes (UTC seconds). `purged_on`: the day of the last purge (days since 1970).
`told_until`: when the last pass ended whose events were told (UTC seconds): all that was fetched by then is.
`restored_at`: when a backup was put in place (UTC seconds); `doubted_pass`: see `bot.notices.doubt`, 0 for none.
`clock`: when it was last tried whether the store can be written; `leapt_at`: when the clock was last seen to have leapt
forward (UTC seconds, see `bot.clock`).
"""

from typing import Literal

from sqlite_utils import Database

Name = Literal[
    "event_cursor",
    "telegram_offset",
    "dossier_sent",
    "judged_pass",
    "guesses_told",
    "purged_on",
    "told_until",
    "restored_at",
    "doubted_pass",
    "clock",
    "leapt_at",
]


def get(db: Database, name: Name) -> int:
    row = db.execute("SELECT value FROM progress WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def put(db: Database, name: Name, value: int) -> None:
    """To be called in the transaction of what was made of what was read."""
    db.execute("INSERT OR REPLACE INTO progress (name, value) VALUES (?, ?)", (name, value))

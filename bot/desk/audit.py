"""Who asked what, by which door, and whether he got it."""

import time
from typing import Literal

from sqlite_utils import Database

#: unverified: nobody vouched for a mail's sender; forged: the receiving server said that it was not his; asked in chat:
#: a sensitive question by mail; not passed on: words that the bot did not understand, shown to the technical contact.
Outcome = Literal[
    "answered", "refused", "not understood", "unverified", "failed", "forged", "asked in chat", "not passed on"
]


def was_lately(db: Database, person: str, outcome: Outcome, seconds: int) -> bool:
    """Whether this person met this outcome within the last `seconds`."""
    found = db.execute(
        "SELECT 1 FROM audit WHERE person = ? AND outcome = ? AND at > ? LIMIT 1",
        (person, outcome, int(time.time()) - seconds),
    )
    return found.fetchone() is not None


def how_often(db: Database, person: str, outcome: Outcome, seconds: int) -> int:
    """How often this person met this outcome within the last `seconds`."""
    found = db.execute(
        "SELECT count(*) FROM audit WHERE person = ? AND outcome = ? AND at > ?",
        (person, outcome, int(time.time()) - seconds),
    )
    return int(found.fetchone()[0])


def record(db: Database, person: str, door: str, command: str, outcome: Outcome) -> None:
    """To be called in the transaction of the answer. The command's name only: its arguments can be codes."""
    db.execute(
        "INSERT INTO audit (at, person, door, command, outcome) VALUES (?, ?, ?, ?, ?)",
        (int(time.time()), person, door, command, outcome),
    )

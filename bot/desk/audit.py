"""Who asked what, by which door, and whether he got it."""

import time
from typing import Literal

from sqlite_utils import Database

Outcome = Literal["answered", "refused", "not understood", "unverified", "failed"]


def was_lately(db: Database, person: str, outcome: Outcome, seconds: int) -> bool:
    """Whether this person met this outcome within the last `seconds`."""
    found = db.execute(
        "SELECT 1 FROM audit WHERE person = ? AND outcome = ? AND at > ? LIMIT 1",
        (person, outcome, int(time.time()) - seconds),
    )
    return found.fetchone() is not None


def record(db: Database, person: str, door: str, command: str, outcome: Outcome) -> None:
    """To be called in the transaction of the answer. The command's name only: its arguments can be codes."""
    db.execute(
        "INSERT INTO audit (at, person, door, command, outcome) VALUES (?, ?, ?, ?, ?)",
        (int(time.time()), person, door, command, outcome),
    )

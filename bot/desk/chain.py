"""The chain of the audit: each row's hash covers the row and the hash before it, so that none can be changed, taken out
or put in between without all that follow showing it.

Who can write into the store could make the whole chain anew: the newest hash is therefore written to the log each day,
and `origyne-bot audit verify --head` says whether one noted earlier still stands in the chain.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

#: The columns that are covered, in this order.
COVERED = ("id", "at", "person", "door", "command", "outcome", "about", "shown", "why")


def link(before: str, row: Iterable[Any]) -> str:
    """The hash of a row (its `COVERED` columns) that comes after the one with the hash `before`."""
    return hashlib.sha256(f"{before}\n{json.dumps(list(row), ensure_ascii=False)}".encode()).hexdigest()


def chain_all(db: Database) -> None:
    """Give every row its hash, from the anchor on; for rows that were written before there was a chain."""
    (before,) = db.execute("SELECT hash FROM audit_anchor").fetchone()
    for row in db.execute(f"SELECT {', '.join(COVERED)} FROM audit ORDER BY id").fetchall():
        before = link(before, row)
        db.execute("UPDATE audit SET hash = ? WHERE id = ?", (before, row[0]))

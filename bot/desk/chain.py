"""The chain of the audit: each row's hash covers the row and the hash before it, so that none can be changed, taken out
or put in between without all that follow showing it.

Who can write into the store could make the whole chain anew: the newest hash is therefore written to the log each day,
and `origyne-bot audit verify --head` says whether one noted earlier still stands in the chain.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlite_utils import Database

#: The columns that are covered, in this order.
COVERED = ("id", "at", "person", "door", "command", "outcome", "about", "shown", "why")

#: What is wrong with a chain: a row's hash; rows before one are missing; there is not one anchor.
Fault = Literal["", "changed", "missing", "anchor"]

#: Signs of a hash that are enough to know it by.
SHORTEST_HEAD = 8


@dataclass(frozen=True)
class Verdict:
    """What a walk along the chain found.

    `rows`: how many stand there; `first_at`, `last_at`: UTC seconds, 0 without rows. `head`: the newest row and its
    hash, or those of the last one that was purged. `purged`: the last row that was purged, 0 for none, and its time
    (UTC seconds). `broken`: the first row that is not as it was written, or that comes after missing ones, 0 for none.
    `noted`: the row whose hash was noted earlier, 0 where none has it any more, None where none was given or where its
    row was purged since (`noted_is_purged`).
    """

    rows: int
    first_at: int
    last_at: int
    head: tuple[int, str]
    purged: tuple[int, int] = (0, 0)
    broken: int = 0
    fault: Fault = ""
    noted: int | None = None
    noted_is_purged: bool = False

    @property
    def is_whole(self) -> bool:
        return not self.fault and self.noted != 0


def link(before: str, row: Iterable[Any]) -> str:
    """The hash of a row (its `COVERED` columns) that comes after the one with the hash `before`."""
    return hashlib.sha256(f"{before}\n{json.dumps(list(row), ensure_ascii=False)}".encode()).hexdigest()


def chain_all(db: Database) -> None:
    """Give every row its hash, from the anchor on; for rows that were written before there was a chain.

    They are numbered anew where a number is missing, for from now on one that is missing was taken out.
    """
    last, before = db.execute("SELECT id, hash FROM audit_anchor").fetchone()
    for row in db.execute(f"SELECT {', '.join(COVERED)} FROM audit ORDER BY id").fetchall():
        last += 1
        before = link(before, (last, *row[1:]))
        db.execute("UPDATE audit SET id = ?, hash = ? WHERE id = ?", (last, before, row[0]))


def verify(db: Database, noted: str = "") -> Verdict:
    """Walk along the whole chain, as it stands at one moment.

    :param noted: a head that was told earlier, "" for none: `ROW:HASH`, or a hash; `SHORTEST_HEAD` signs of it do.
    """
    with db.atomic():
        return _walk(db, noted.strip().lower())


def purge(db: Database, until: int) -> int:
    """Take the oldest rows out, up to the first that is not older than `until` (UTC seconds); the chain goes on from
    the last of them. Returns how many.

    A row is never taken out from among younger ones, wherever the clock stood when it was written.
    """
    with db.atomic():
        # Taken first: nobody records meanwhile.
        db.execute("UPDATE audit_anchor SET at = at")
        kept = db.execute("SELECT min(id) FROM audit WHERE at >= ?", (until,)).fetchone()[0]
        last = db.execute(
            "SELECT id, hash, at FROM audit WHERE id < ? ORDER BY id DESC LIMIT 1",
            (kept if kept is not None else 2**62,),
        ).fetchone()
        if last is None:
            return 0
        # The trigger lets go of what is not beyond the anchor.
        db.execute("UPDATE audit_anchor SET id = ?, hash = ?, at = ?", last)
        return int(db.execute("DELETE FROM audit WHERE id <= ?", (last[0],)).rowcount)


def _walk(db: Database, noted: str) -> Verdict:
    anchors = db.execute("SELECT id, hash, at FROM audit_anchor").fetchall()
    if len(anchors) != 1:
        return Verdict(0, 0, 0, (0, ""), broken=0, fault="anchor", noted=0 if noted else None)
    last, before, purged_at = anchors[0]
    number, _, beginning = noted.rpartition(":")
    purged = (last, purged_at)
    found = last if noted and before and before.startswith(beginning) else 0
    rows, first_at, last_at, broken = 0, 0, 0, 0
    fault: Fault = ""
    for *row, written in db.execute(f"SELECT {', '.join(COVERED)}, hash FROM audit ORDER BY id"):
        rows, first_at, last_at = rows + 1, first_at or row[1], row[1]
        if not fault:
            fault = "missing" if row[0] != last + 1 else "" if written == link(before, row) else "changed"
            broken = row[0] if fault else 0
        last, before = row[0], written
        # Beyond a fault a hash proves nothing any more.
        if noted and not fault and before.startswith(beginning):
            found = last
    if found and number not in ("", str(found)):
        found = 0
    gone = bool(noted) and not found and number.isdecimal() and int(number) < purged[0]
    return Verdict(
        rows,
        first_at,
        last_at,
        (last, before),
        purged,
        broken,
        fault,
        noted=(None if gone else found) if noted else None,
        noted_is_purged=gone,
    )

"""Addresses that mails could not be delivered to. A mark goes when a mail comes from there, when the profile changes,
or after a week without another failure: that a server took a mail proves nothing."""

from dataclasses import dataclass

from sqlite_utils import Database

#: Seconds that a mark lasts after the last failure.
KEPT = 7 * 24 * 3600

DAY = 24 * 3600


@dataclass(frozen=True)
class Faulty:
    """`since`: of the first failure (UTC seconds); `reason`: of the last (French); `mails`: how many failed."""

    address: str
    since: int
    reason: str
    mails: int


def mark(db: Database, address: str, reason: str, now: int) -> bool:
    """A mail could not be delivered there; in the caller's transaction. Whether that is to be told: once a day."""
    address = address.lower()
    db.execute("DELETE FROM faulty_addresses WHERE last_at <= ?", (now - KEPT,))
    db.execute(
        "INSERT INTO faulty_addresses (address, since, last_at, reason, mails, told_at) VALUES (?, ?, ?, ?, 1, 0) "
        "ON CONFLICT (address) DO UPDATE SET last_at = excluded.last_at, reason = excluded.reason, mails = mails + 1",
        (address, now, now, reason),
    )
    told = db.execute(
        "UPDATE faulty_addresses SET told_at = ? WHERE address = ? AND told_at <= ?", (now, address, now - DAY)
    )
    return told.rowcount == 1


def clear(db: Database, address: str) -> None:
    """Somebody reads what comes there, or says that the address is another one now; in the caller's transaction."""
    db.execute("DELETE FROM faulty_addresses WHERE address = ?", (address.lower(),))


def marked(db: Database, now: int) -> list[Faulty]:
    """The addresses that are marked now, the oldest mark first."""
    rows = db.execute(
        "SELECT address, since, reason, mails FROM faulty_addresses WHERE last_at > ? ORDER BY since, address",
        (now - KEPT,),
    )
    return [Faulty(*row) for row in rows]

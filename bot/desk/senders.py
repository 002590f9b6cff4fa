"""How often each address writes to the bot, and which strangers were told that it is private."""

from sqlite_utils import Database

#: Mails of one address that are looked at within an hour; the rest waits.
MOST_AN_HOUR = 30

#: Strangers who are answered within a day, all together: forged senders would make the bot a spammer.
MOST_STRANGERS_A_DAY = 20

HOUR, DAY = 3600, 86400


def wait_of(db: Database, address: str, now: int) -> int:
    """Seconds until a mail of this address can be looked at, 0 when it can be now."""
    row = db.execute(
        "SELECT at FROM senders WHERE address = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        (address.lower(), now - HOUR, MOST_AN_HOUR - 1),
    ).fetchone()
    return max(1, int(row[0]) + HOUR - now) if row else 0


def count(db: Database, address: str, now: int) -> None:
    """A mail of this address is looked at; in the transaction that ends it."""
    db.execute("DELETE FROM senders WHERE at <= ?", (now - HOUR,))
    db.execute("INSERT INTO senders (address, at) VALUES (?, ?)", (address.lower(), now))


def tell_stranger(db: Database, address: str, now: int) -> bool:
    """Whether this unknown address is told now that the bot is private: once a day at most."""
    db.execute("DELETE FROM mail_strangers WHERE told_at <= ?", (now - DAY,))
    (told,) = db.execute("SELECT count(*) FROM mail_strangers").fetchone()
    if told >= MOST_STRANGERS_A_DAY:
        return False
    added = db.execute("INSERT OR IGNORE INTO mail_strangers (address, told_at) VALUES (?, ?)", (address.lower(), now))
    return added.rowcount == 1

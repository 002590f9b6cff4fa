"""Messages of a chat that are to go after a while: those with codes."""

from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True)
class Fleeting:
    """`due_at`: UTC seconds; `tries`: attempts that failed."""

    chat_id: int
    message_id: int
    due_at: int
    tries: int


def add(db: Database, chat_id: int, message_id: int, due_at: int) -> None:
    """To be called in the transaction that strikes the message off the outbox, or before its words are in it."""
    db.execute(
        "INSERT INTO fleeting (chat_id, message_id, due_at) VALUES (?, ?, ?) "
        "ON CONFLICT (chat_id, message_id) DO UPDATE SET due_at = excluded.due_at",
        (chat_id, message_id, due_at),
    )


def due(db: Database, now: int) -> list[Fleeting]:
    """Those that are to go now, oldest first."""
    rows = db.execute(
        "SELECT chat_id, message_id, due_at, tries FROM fleeting WHERE due_at <= ? ORDER BY due_at LIMIT 100", (now,)
    )
    return [Fleeting(*row) for row in rows.fetchall()]


def next_due(db: Database) -> int | None:
    """When the next one is to go (UTC seconds), None when there is none."""
    row = db.execute("SELECT min(due_at) FROM fleeting").fetchone()
    return None if row[0] is None else int(row[0])


def gone(db: Database, message: Fleeting) -> None:
    with db.atomic():
        db.execute("DELETE FROM fleeting WHERE chat_id = ? AND message_id = ?", (message.chat_id, message.message_id))


def later(db: Database, message: Fleeting, due_at: int) -> None:
    """It could not be deleted: tried again then."""
    with db.atomic():
        db.execute(
            "UPDATE fleeting SET due_at = ?, tries = tries + 1 WHERE chat_id = ? AND message_id = ?",
            (due_at, message.chat_id, message.message_id),
        )

"""Mails and chat messages that belong together: a month's invoices, an alert with its all-clear, a question to the
staff.

Each person who is written to in a thread by mail has a secret of his own there: it stands in the Reply-To of what only
he gets, and so tells whose answer comes back, and to what.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

#: notice: what nobody asked for; contact: a question to the staff; mail: a question that came by mail.
Kind = Literal["notice", "contact", "mail"]

_COLUMNS = "id, key, kind, subject, person_id, chat_id, question_id, opened_at, closed_at"


@dataclass(frozen=True)
class Thread:
    """See `bot.desk.schema`."""

    id: int
    key: str
    kind: Kind
    subject: str
    person_id: str
    chat_id: int
    question_id: int
    opened_at: int
    closed_at: int | None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True)
class Member:
    """How a person is written to in a thread; `first_id`, `last_id`: Message-IDs in his mailbox, "" for none yet."""

    person_id: str
    token: str
    first_id: str
    last_id: str


def open_thread(
    db: Database, kind: Kind, key: str, subject: str, *, person_id: str = "", chat_id: int = 0, question_id: int = 0
) -> Thread:
    """The thread of that key, opened if need be; in the caller's transaction."""
    db.execute(
        "INSERT INTO threads (key, kind, subject, person_id, chat_id, question_id, opened_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        (key, kind, subject, person_id, chat_id, question_id, int(time.time())),
    )
    found = by_key(db, key)
    assert found
    return found


def by_key(db: Database, key: str) -> Thread | None:
    return _one(db, "key = ?", key)


def by_id(db: Database, thread_id: int) -> Thread | None:
    return _one(db, "id = ?", thread_id)


def by_message(db: Database, chat_id: int, message_id: int) -> Thread | None:
    """The thread that a message of a chat belongs to."""
    return _one(
        db, "id = (SELECT thread_id FROM thread_messages WHERE chat_id = ? AND message_id = ?)", chat_id, message_id
    )


def by_token(db: Database, token: str) -> tuple[Thread, str] | None:
    """The thread and the person that a secret stands for."""
    row = db.execute("SELECT thread_id, person_id FROM thread_members WHERE token = ?", (token,)).fetchone()
    thread = by_id(db, row[0]) if row else None
    return (thread, str(row[1])) if thread else None


def by_mail(db: Database, message_id: str) -> tuple[Thread, str] | None:
    """The thread of a mail that we wrote, and the person that it was written to."""
    row = db.execute(
        "SELECT thread_id, person_id FROM outbox WHERE message_id = ? AND message_id != '' AND channel = 'mail' "
        "AND thread_id != 0",
        (message_id,),
    ).fetchone()
    thread = by_id(db, row[0]) if row else None
    return (thread, str(row[1])) if thread else None


def member(db: Database, thread_id: int, person_id: str) -> Member:
    """How a person is written to in a thread, with a secret of his own; in the caller's transaction."""
    db.execute(
        "INSERT INTO thread_members (thread_id, person_id, token) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        # Small letters and digits alone: servers may change the case of what stands before the @.
        (thread_id, person_id, secrets.token_hex(12)),
    )
    row = db.execute(
        "SELECT person_id, token, first_id, last_id FROM thread_members WHERE thread_id = ? AND person_id = ?",
        (thread_id, person_id),
    ).fetchone()
    return Member(*row)


def add_mail(db: Database, thread_id: int, person_id: str, message_id: str) -> None:
    """A mail of the thread lies in this person's mailbox: one of ours, or one that he wrote."""
    member(db, thread_id, person_id)
    db.execute(
        "UPDATE thread_members SET first_id = iif(first_id = '', ?, first_id), last_id = ? "
        "WHERE thread_id = ? AND person_id = ?",
        (message_id, message_id, thread_id, person_id),
    )


def add_message(db: Database, thread_id: int, chat_id: int, message_id: int) -> None:
    """A message of a chat belongs to the thread."""
    db.execute(
        "INSERT OR REPLACE INTO thread_messages (chat_id, message_id, thread_id) VALUES (?, ?, ?)",
        (chat_id, message_id, thread_id),
    )


def messages_of(db: Database, thread_id: int) -> list[tuple[int, int]]:
    """(chat, message) of the thread, oldest first in each chat."""
    rows = db.execute(
        "SELECT chat_id, message_id FROM thread_messages WHERE thread_id = ? ORDER BY chat_id, message_id", (thread_id,)
    )
    return [(chat_id, message_id) for chat_id, message_id in rows]


def move_chat(db: Database, old: int, new: int) -> None:
    """A chat has another id, and numbers its messages anew."""
    db.execute("DELETE FROM thread_messages WHERE chat_id = ?", (old,))
    db.execute("UPDATE threads SET chat_id = ?, question_id = 0 WHERE chat_id = ?", (new, old))


def spoke(db: Database, thread_id: int, person_id: str) -> None:
    """This person wrote there himself."""
    member(db, thread_id, person_id)
    db.execute(
        "UPDATE thread_members SET spoke_at = ? WHERE thread_id = ? AND person_id = ?",
        (int(time.time()), thread_id, person_id),
    )


def spoke_at(db: Database, thread_id: int, person_id: str) -> int:
    """When this person last wrote there by mail (UTC seconds), 0 for never."""
    row = db.execute(
        "SELECT spoke_at FROM thread_members WHERE thread_id = ? AND person_id = ?", (thread_id, person_id)
    ).fetchone()
    return int(row[0]) if row else 0


def who_spoke(db: Database, thread_id: int) -> list[str]:
    """The persons who wrote there by mail."""
    rows = db.execute(
        "SELECT person_id FROM thread_members WHERE thread_id = ? AND spoke_at != 0 ORDER BY person_id", (thread_id,)
    )
    return [person_id for (person_id,) in rows]


def open_contacts(db: Database, person_id: str) -> list[Thread]:
    """The questions to the staff that this person opened and that nobody ended, newest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM threads WHERE kind = 'contact' AND person_id = ? AND closed_at IS NULL "
        "ORDER BY id DESC",
        (person_id,),
    )
    return [Thread(*row) for row in rows]


def is_member(db: Database, thread_id: int, person_id: str) -> bool:
    """Whether this person was written to there by mail."""
    found = db.execute(
        "SELECT 1 FROM thread_members WHERE thread_id = ? AND person_id = ? AND last_id != ''", (thread_id, person_id)
    )
    return found.fetchone() is not None


def mails_since(db: Database, thread_id: int, since: int) -> int:
    """How many mails of it were written since then (UTC seconds) to the one who got most."""
    found = db.execute(
        "SELECT count(*) FROM outbox WHERE thread_id = ? AND channel = 'mail' AND created_at >= ? "
        "GROUP BY person_id ORDER BY 1 DESC LIMIT 1",
        (thread_id, since),
    )
    row = found.fetchone()
    return int(row[0]) if row else 0


def close(db: Database, thread_id: int) -> None:
    db.execute("UPDATE threads SET closed_at = ? WHERE id = ? AND closed_at IS NULL", (int(time.time()), thread_id))


def reopen(db: Database, thread_id: int) -> None:
    db.execute("UPDATE threads SET closed_at = NULL WHERE id = ?", (thread_id,))


def puzzle(db: Database, thread_id: int) -> None:
    """Somebody is told in the thread that the bot did not understand him."""
    db.execute("UPDATE threads SET puzzled_at = ? WHERE id = ?", (int(time.time()), thread_id))


def puzzled_at(db: Database, thread_id: int) -> int:
    """When that was last told there (UTC seconds), 0 for never."""
    return int(db.execute("SELECT puzzled_at FROM threads WHERE id = ?", (thread_id,)).fetchone()[0])


def _one(db: Database, where: str, *values: str | int) -> Thread | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM threads WHERE {where}", values).fetchone()
    return Thread(*row) if row else None

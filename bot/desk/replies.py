"""Which messages answer which one in a chat, so that a question that is edited edits its answer."""

import time
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

Kind = Literal["text", "file"]

#: Seconds that is remembered: nobody edits an older question, and Telegram lets nothing older be deleted.
KEPT = 3 * 24 * 3600


@dataclass(frozen=True)
class Reply:
    """One message of an answer. `kind`: an edit can turn no file (or picture) into a text."""

    message_id: int
    kind: Kind


def record(db: Database, chat_id: int, question_id: int, part: int, reply: Reply) -> None:
    """To be called in the transaction that strikes the message off the outbox; the same part again takes its place."""
    now = int(time.time())
    db.execute("DELETE FROM replies WHERE at < ?", (now - KEPT,))
    db.execute(
        "INSERT OR REPLACE INTO replies (chat_id, question_id, part, message_id, kind, at) VALUES (?, ?, ?, ?, ?, ?)",
        (chat_id, question_id, part, reply.message_id, reply.kind, now),
    )


def replies_to(db: Database, chat_id: int, question_id: int) -> dict[int, Reply]:
    """The messages that answer a question, by their part."""
    rows = db.execute(
        "SELECT part, message_id, kind FROM replies WHERE chat_id = ? AND question_id = ?", (chat_id, question_id)
    )
    return {part: Reply(message_id, kind) for part, message_id, kind in rows}


def forget(db: Database, chat_id: int, question_id: int, from_part: int) -> None:
    """The answer has only that many parts left."""
    db.execute(
        "DELETE FROM replies WHERE chat_id = ? AND question_id = ? AND part >= ?", (chat_id, question_id, from_part)
    )


def forget_chat(db: Database, chat_id: int) -> None:
    db.execute("DELETE FROM replies WHERE chat_id = ?", (chat_id,))

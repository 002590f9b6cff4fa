"""What goes with the rights of a person: what waits for him, and what he began. Each in the caller's transaction."""

import json
from collections.abc import Collection

from sqlite_utils import Database


def take_back(db: Database, person_id: str, chats: Collection[int], addresses: Collection[str]) -> None:
    """Nothing that was written for him leaves any more, and nothing that he began goes on.

    What is being sent at this moment may still arrive; a failure of it is not tried again (`Outbox.again`).

    :param addresses: those that are nobody else's, lower case.
    """
    _drop(db, "person_id = ?", person_id)
    for address in addresses:
        _drop(db, "channel = 'mail' AND lower(recipient) = ?", address)
        for table in ("awaited_files", "awaited_words"):
            db.execute(f"DELETE FROM {table} WHERE conversation = ?", (f"mail:{address}",))
    for chat_id in chats:
        empty_chat(db, chat_id)
    for table in ("waiting_news", "drafts", "address_codes", "alerts", "thread_members"):
        db.execute(f"DELETE FROM {table} WHERE person_id = ?", (person_id,))
    for held_id, readers in db.execute("SELECT id, readers FROM held").fetchall():
        others = [reader for reader in json.loads(readers) if reader != person_id]
        if others:
            db.execute("UPDATE held SET readers = ? WHERE id = ?", (json.dumps(others), held_id))
        else:
            db.execute("DELETE FROM held_files WHERE held_id = ?", (held_id,))
            db.execute("DELETE FROM held WHERE id = ?", (held_id,))


def empty_chat(db: Database, chat_id: int) -> None:
    """What was to be sent there, and what was said there, is nothing to whoever has the chat from now on. Messages with
    codes are still taken away from it."""
    _drop(db, "channel = 'chat' AND recipient = ?", str(chat_id))
    for table in ("awaited_files", "awaited_words"):
        # In private, in a group (chat:GROUP:USER, and a private chat has the number of its user), and what was said.
        db.execute(
            f"DELETE FROM {table} WHERE conversation = ? OR substr(conversation, 1, ?) = ? OR conversation LIKE ? "
            "OR conversation LIKE ?",
            (
                f"chat:{chat_id}",
                len(f"chat:{chat_id}:"),
                f"chat:{chat_id}:",
                f"chat:%:{chat_id}",
                f"chat:%:{chat_id}:said-%",
            ),
        )
    for table in ("confirmations", "thread_messages", "replies"):
        db.execute(f"DELETE FROM {table} WHERE chat_id = ?", (chat_id,))


def drop_codes(db: Database, chats: Collection[int]) -> None:
    """What shows a code, and was written for who may not see it any more, does not leave."""
    for chat_id in chats:
        _drop(
            db, "channel = 'chat' AND json_extract(CAST(payload AS TEXT), '$.fleeting') AND recipient = ?", str(chat_id)
        )


def _drop(db: Database, where: str, value: str) -> None:
    db.execute(
        "UPDATE outbox SET state = 'dropped', payload = NULL, attachment = NULL "
        f"WHERE state IN ('queued', 'sending', 'failed') AND {where}",
        (value,),
    )

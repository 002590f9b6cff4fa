"""What comes from Telegram, whichever way: which kinds we want, and to which conversation each belongs."""

from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from bot.desk.people import People

KINDS = ("message", "edited_message", "callback_query", "my_chat_member")


class ReceivingError(Exception):
    """Updates cannot be received; the message says why, in French. `wait`: seconds before another try is worth it."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def conversation_of(update: Mapping[str, Any]) -> str:
    """What is answered one after the other, while no conversation waits for another: `chat:ID` in private, and
    `chat:ID:PERSON` in a group, where people do not wait for each other.

    What is shaped otherwise is kept all the same, as `chat:0`: whoever answers it sets it aside.
    """
    try:
        body = next(update[kind] for kind in KINDS if kind in update)
        chat = (body["message"] if "callback_query" in update else body)["chat"]
        if chat["type"] == "private":
            return f"chat:{int(chat['id'])}"
        return f"chat:{int(chat['id'])}:{int(body['from']['id'])}"
    except (StopIteration, KeyError, TypeError, ValueError):
        return "chat:0"


def is_of_stranger(db: Database, conversation: str) -> bool:
    """Whether nobody we know speaks in it, as far as its name tells."""
    *_, speaker = conversation.split(":")
    return People(db).by_chat(int(speaker)) is None

"""A group that becomes a supergroup has another id; all that is kept under the old one follows."""

from dataclasses import replace

from bot.desk import replies, threads
from bot.house import House
from bot.telegram.drawing import Message


def follow(house: House, old: int, new: int) -> None:
    """Write to `new` what was meant for `old`, and go on with its conversations there. The same again changes nothing.
    In the caller's transaction, if there is one.

    Messages are numbered anew there: what would answer, edit or delete one by its old number no longer does.
    """
    with house.desk.atomic():
        house.outbox.readdress("chat", str(old), str(new), _without_numbers)
        house.people.move_chat(old, new)
        house.inbox.move(f"chat:{old}", f"chat:{new}")
        replies.forget_chat(house.desk, old)
        threads.move_chat(house.desk, old, new)


def without_numbers(message: Message) -> Message:
    """A message as it can be sent in a chat that numbers its messages otherwise."""
    return replace(message, reply_to=0, edits=0, holder=0, question=0, again=False)


def _without_numbers(payload: bytes) -> bytes:
    return without_numbers(Message.restored(payload, None)).payload()

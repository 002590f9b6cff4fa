"""A question, whichever door it came by."""

from dataclasses import dataclass, field
from typing import Literal

Door = Literal["chat", "mail", "terminal"]
Role = Literal["technique", "comptabilité", "équipe", "admin"]


@dataclass(frozen=True)
class Person:
    """Somebody the bot knows, with what he may do."""

    id: str
    name: str
    roles: frozenset[Role]


@dataclass(frozen=True)
class SentFile:
    """A file that came with a question. `as_photo`: Telegram recompressed it, its density is lost."""

    name: str
    content: bytes = field(repr=False)
    as_photo: bool = False


@dataclass(frozen=True)
class Ask:
    """One question: a command's name, its arguments, who asks and by which door.

    `conversation`: where it was asked ("chat:…", "mail:…"), `message`: the chat message that asks; `thread`: of the
    desk, which it was asked in, 0 for none; `under`: the text of the message that it was written under; `confirmed`: he
    was asked whether he really wants it, and said so within the time for it; `edited`: the message was answered before,
    with other words (one that is asked again after a crash was not).
    """

    command: str
    arguments: str
    person: Person
    door: Door
    private: bool = True
    files: tuple[SentFile, ...] = ()
    conversation: str = ""
    message: int = 0
    thread: int = 0
    under: str = field(default="", repr=False)
    confirmed: bool = False
    edited: bool = False

    @property
    def shows_codes(self) -> bool:
        """Whether a code may be shown where the answer goes: to one person, and never by mail."""
        return self.private and self.door != "mail"

"""How a command declares itself, and what it is given to answer with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlite_utils import Database

from core.settings import Settings
from handlers.answer import Answer
from handlers.ask import Ask, Role

EVERYONE: frozenset[Role] = frozenset({"technique", "comptabilité", "équipe", "admin"})
TECHNICAL: frozenset[Role] = frozenset({"technique", "équipe", "admin"})


@dataclass(frozen=True)
class Context:
    """What handlers answer with. `telecom`: the store, read only. `upload`: puts bytes at a path of the FTP.

    `now`: UTC seconds.
    """

    telecom: Database
    settings: Settings
    upload: Callable[[bytes, str], Awaitable[None]]
    now: Callable[[], int]


@dataclass(frozen=True)
class Command:
    """One command, the same by chat, mail and terminal.

    `summary`: one line, for /aide and Telegram's menu. `usage`: with its arguments. `sensitive`: its question or its
    answer can take a line over: private chat or terminal only, never by mail. Examples are given without slash.
    """

    name: str
    summary: str
    usage: str
    examples: tuple[str, ...]
    run: Callable[[Ask, Context], Awaitable[Answer]]
    aliases: tuple[str, ...] = ()
    roles: frozenset[Role] = field(default=EVERYONE)
    sensitive: bool = False

    def how_to(self, why: str) -> Answer:
        """The refusal of a wrong argument: what was wrong, the usage, an example."""
        return Answer(
            title=why,
            lines=(f"Usage : /{self.usage}", *(f"Exemple : /{example}" for example in self.examples[:1])),
            refused=True,
        )

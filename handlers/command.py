"""How a command declares itself, and what it is given to answer with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlite_utils import Database

from core.settings import Settings
from core.vault import Vault
from core.workshop import Workshop
from handlers.answer import Answer
from handlers.ask import Ask, Role
from handlers.desk import Desk

EVERYONE: frozenset[Role] = frozenset({"technique", "comptabilité", "équipe", "admin"})
TECHNICAL: frozenset[Role] = frozenset({"technique", "équipe", "admin"})
ADMIN: frozenset[Role] = frozenset({"admin"})


@dataclass(frozen=True)
class Context:
    """What handlers answer with. `telecom`: the store, read only. `now`: UTC seconds. `desk`: the running bot.

    `vault`: what opens the codes that the store holds sealed. `workshop`: where spreadsheets are made and read;
    `studio`: where charts are drawn, a process of its own, so that no picture, and no answer behind it, waits for a
    long spreadsheet.
    """

    telecom: Database
    settings: Settings
    desk: Desk
    now: Callable[[], int]
    vault: Vault = field(default_factory=Vault)
    workshop: Workshop = field(default_factory=Workshop)
    studio: Workshop = field(default_factory=Workshop)

    def close(self) -> None:
        """End both processes."""
        self.workshop.close()
        self.studio.close()


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command, the same by chat, mail and terminal. Who may ask it is always said: nobody else may.

    `summary`: one line, for /aide and Telegram's menu. `usage`: with its arguments. Examples are without slash.
    `spoken`: words that mean it where one speaks to the robot alone, and are words like others in a mail.
    `roles`: who may ask it, each by himself. `private`: private chat or terminal only, as it changes what others may.
    `sensitive`: its question or its answer can take a line over: private chat or terminal only, never by mail.
    `confirmed`: what it shows or changes takes a second touch, or a yes in a terminal.
    `for_admin`: what of it is an administrator's alone, in private, confirmed (French), "" for nothing.
    `takes_files`: a file can come with it. `files_by_mail`: of a sensitive one, its files may come by mail all the
    same, for what goes back there holds no code. `harmless`: of a sensitive one, arguments (folded, see
    `core.layouts.fold`) that may be asked anywhere without a file, for question and answer hold no code.
    `free_text`: its arguments are any words, so that in a mail a line that only begins with its name is none.
    """

    name: str
    summary: str
    usage: str
    examples: tuple[str, ...]
    run: Callable[[Ask, Context], Awaitable[Answer]]
    roles: frozenset[Role]
    aliases: tuple[str, ...] = ()
    spoken: tuple[str, ...] = ()
    sensitive: bool = False
    private: bool = False
    confirmed: bool = False
    for_admin: str = ""
    takes_files: bool = False
    files_by_mail: bool = False
    harmless: frozenset[str] = frozenset()
    free_text: bool = False

    def how_to(self, why: str) -> Answer:
        """The refusal of a wrong argument: what was wrong, the usage, an example."""
        return Answer(
            title=why,
            lines=(f"Usage : /{self.usage}", *(f"Exemple : /{example}" for example in self.examples[:1])),
            refused=True,
        )

"""What commands ask of the running bot, beside the operator's data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from core.profile import Profile
from handlers.ask import Person

#: What a person can be told of in the chat.
Topic = Literal["lines", "cdrs", "sims", "documents", "faults", "late", "troubles"]
TOPICS: tuple[Topic, ...] = get_args(Topic)


@dataclass(frozen=True)
class Alerts:
    """What a person wants to hear of in his chat; mail is not concerned.

    `quiet`: from which hour to which (Paris) messages that nobody asked for make no sound, None when they always do.
    """

    muted: frozenset[Topic] = frozenset()
    quiet: tuple[int, int] | None = None


@dataclass(frozen=True)
class SyncReport:
    """How a pass over the FTP that was asked for went. `ended`: False while it still goes on.

    `error`: why the FTP could not be followed to the end, `failed`: why files were refused (French).
    """

    ended: bool
    fetched: int = 0
    read: int = 0
    waiting: int = 0
    error: str = ""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """How the running bot is. `faults`: what does not work now (French), with since when (UTC seconds);
    `waiting`: messages to be sent, by channel ("chat", "mail")."""

    faults: tuple[tuple[str, int], ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)


class Desk(Protocol):
    """The bot as commands see it."""

    async def upload(self, content: bytes, path: str) -> None:
        """Put bytes at a path of the FTP.

        :raises core.ftp.FtpError: that failed; nothing was replaced.
        """

    async def sync(self, person: Person) -> SyncReport:
        """Make a pass over the FTP now, and wait a little for its end. Where it lasts longer, the person is told in his
        chat how it ended."""

    def profile(self) -> Profile:
        """The integrator, as known now: what was said by /profil, else by the settings."""

    def placed(self, name: str) -> bytes | None:
        """The picture ("logo", "bandeau") that stands in Personnalisation, as far as known; None without one."""

    def state(self) -> State: ...

    def alerts_of(self, person: Person) -> Alerts: ...

    def set_alerts(self, person: Person, alerts: Alerts) -> None: ...

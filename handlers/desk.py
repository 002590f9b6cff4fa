"""What commands ask of the running bot, beside the operator's data."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from core.profile import Name, Profile
from handlers.answer import Answer
from handlers.ask import Ask, Person, Role

#: What a person can be told of in the chat.
Topic = Literal["invoices", "lines", "cdrs", "sims", "documents", "faults", "late", "troubles"]
TOPICS: tuple[Topic, ...] = get_args(Topic)


@dataclass(frozen=True)
class Alerts:
    """What a person wants to hear of in his chat; mail is not concerned.

    `quiet`: from which hour to which (Paris) messages that nobody asked for make no sound; the same hour twice: they
    always do; None: as the settings say.
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
class Trip:
    """A round trip on a channel, for a test of it. `done`: what was done (French: "envoyé puis retrouvé"), in how many
    seconds, with those of each step; `fault`: what failed and what to do (French), "" when all went well."""

    channel: str
    done: str
    seconds: float
    steps: tuple[tuple[str, float], ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Selftest:
    """A test of all channels that was asked for. `trips`: () while it goes on; `joined`: another question began it;
    `elsewhere`: another process makes one, and none was made."""

    trips: tuple[Trip, ...] = ()
    joined: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class Standing:
    """A fault that stands: what does not work (French), since when (UTC seconds), and what to do.

    `subject`: one word for machines.
    """

    words: str
    since: int
    subject: str = ""
    to_do: str = ""


@dataclass(frozen=True)
class State:
    """How the running bot is. `faults`: what does not work now; `waiting`: messages to be sent, by channel ("chat",
    "mail"), and `oldest`: when the first of them was written; `failed`: those that could not be delivered; `aside`:
    mails that could not be dealt with; `sent`, `received`: when that last went well, by channel; `stumbling`: parts of
    the service that start again and again; `backup_at`: the newest backup, None where none is to be made. Times: UTC
    seconds, 0 for never."""

    faults: tuple[Standing, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    faulty: tuple["FaultyAddress", ...] = ()
    aside: int = 0
    oldest: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, int] = field(default_factory=dict)
    received: Mapping[str, int] = field(default_factory=dict)
    stumbling: tuple["Stumbling", ...] = ()
    backup_at: int | None = None


@dataclass(frozen=True)
class Stumbling:
    """A part of the service (French) that stumbled `times` times in a row, last at `at` (UTC seconds)."""

    name: str
    times: int
    at: int


@dataclass(frozen=True)
class Audited:
    """A row of the audit: who asked what, by which door, and what became of it. `at`: UTC seconds; `person`: an id, or
    where somebody unknown wrote from; `name`: "" of an unknown one; `about`: the line, card or client in question;
    `shown`: the kind of what was shown (French); `why`: of a refusal, or the reason that was given."""

    id: int
    at: int
    person: str
    name: str
    door: str
    command: str
    outcome: str
    about: str = ""
    shown: str = ""
    why: str = ""


@dataclass(frozen=True)
class AuditPage:
    """Some rows of the audit, newest first; `total`: how many there are in all; `period`: the one that the words named
    ("octobre 2026"), or ""."""

    rows: tuple[Audited, ...]
    total: int
    period: str = ""


@dataclass(frozen=True)
class FaultyAddress:
    """An address that mails do not reach: since when (UTC seconds), and why (French)."""

    address: str
    since: int
    reason: str


@dataclass(frozen=True)
class KnownPerson:
    """Somebody who has rights, or had some. Times: UTC seconds, 0 for never.

    `addresses`: further ones that he writes from; `granted`: the roles given by hand, among his; `chats_since`: when
    each of his chats was bound; `last_seen`: when he last asked something by chat or mail; `invited_until`: when the
    code that he did not use yet ends; `revoked_at`: when all rights were taken.
    """

    person: Person
    email: str
    addresses: tuple[str, ...] = ()
    granted: frozenset[Role] = frozenset()
    chats_since: tuple[int, ...] = ()
    last_seen: int = 0
    invited_until: int = 0
    revoked_at: int = 0


class NotAdmitted(Exception):
    """Somebody's rights cannot be changed like that; the message says why, in French, as a sentence."""


@dataclass(frozen=True)
class Draft:
    """A picture that waits for a person's word. `token` names it; `picture`: "logo", "bandeau", or "" while unsaid."""

    token: str
    picture: str
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Conversation:
    """A question to the staff. `number` names it; `opened_at`: UTC seconds; `to`: the addresses that it went to."""

    number: int
    subject: str
    opened_at: int
    to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """What became of words for a conversation: sent; held, to leave with the next ones; said before (by a message that
    was edited since); unknown, or not this person's; there is nobody to read them; too many wait.

    `to`: the addresses that they go to.
    """

    outcome: Literal["sent", "held", "said before", "unknown", "nobody", "too many"]
    to: tuple[str, ...] = ()


def token_of(content: bytes) -> str:
    """What names a picture in a button or a reply."""
    return hashlib.sha256(content).hexdigest()[:8]


class Desk(Protocol):
    """The bot as commands see it."""

    # -- the integrator

    def profile(self) -> Profile:
        """The integrator, as known now: what was said by /profil, else by the settings."""

    def set_profile(self, person: Person, name: Name, value: str) -> None:
        """Give a field its (canonical) value. A mailbox that receives mails of its own is told that they go elsewhere
        from now on."""

    def is_verified(self, address: str) -> bool:
        """Whether somebody proved to read what is mailed there."""

    def mail_code(self, person: Person, name: Name, address: str) -> None:
        """Mail a code to an address, which becomes the field's value when the code comes back."""

    def waiting_addresses(self) -> Mapping[Name, str]:
        """The addresses whose code has not come back yet."""

    def take_code(self, code: str) -> Name | None:
        """The field whose address a code proves, which has that value now; None when it is wrong or too old."""

    def is_enrolled(self) -> bool:
        """Whether the technical contact can be written to in a chat."""

    # -- people

    def people(self) -> list[KnownPerson]:
        """Who has rights, then those whose rights were taken."""

    def planned(self, name: str, email: str, roles: frozenset[Role]) -> KnownPerson:
        """Who would be known, and with which roles, after `invite`; nothing changes. His id is "" while he is nobody.

        :raises NotAdmitted: these cannot be invited.
        """

    def invite(self, by: str, name: str, email: str, roles: frozenset[Role]) -> KnownPerson:
        """Give these roles, beside those he has, to who reads this address, and mail him a code for his Telegram.

        :param by: the name of who invites.
        :raises NotAdmitted: see `planned`.
        """

    def revoke(self, person_id: str) -> bool:
        """Take all rights of a person, at once. Whether he had some."""

    # -- pictures

    def add_draft(self, person: Person, picture: str, name: str, content: bytes) -> Draft: ...

    def draft(self, person: Person, token: str) -> Draft | None:
        """A picture of this person's that still waits; None when it does not."""

    def drop_draft(self, person: Person, token: str) -> None: ...

    async def place(self, person: Person, picture: str, content: bytes, extension: str) -> str:
        """Put a picture into Personnalisation on the FTP, the former one being kept beside under a dated name; its
        drafts are forgotten. Returns the path.

        :raises core.ftp.FtpError: that failed; the former one stands where it stood.
        """

    def placed(self, name: str) -> bytes | None:
        """The picture ("logo", "bandeau") that stands in Personnalisation, as far as known; None without one."""

    # -- the dossier

    async def folders(self) -> list[str]:
        """The folders of the FTP account, those below Factures included ("Factures/Clients").

        :raises core.ftp.FtpError: the FTP cannot be read.
        """

    def dossier_sent(self) -> int:
        """When the dossier was sent (UTC seconds), 0 when it was not."""

    def send_dossier(self, dossier: Answer) -> None:
        """Mail the dossier to the operator's technical administrator."""

    # -- questions to the staff

    def staff_of(self, person: Person) -> tuple[str, ...]:
        """The addresses of the staff, but for this person's own."""

    def contacts(self, person: Person) -> list[Conversation]:
        """The questions of this person's that nobody ended, newest first."""

    def open_contact(self, ask: Ask, words: str, about: Answer | None) -> Conversation | None:
        """Mail a question, with the files that came with it, to the staff; None when it left before.

        :param about: the bot's answer that the question is about.
        """

    def say(self, ask: Ask, number: int, words: str) -> Said:
        """Mail what is added to a conversation, or answered to a notice, to those who are in it."""

    def close_contact(self, ask: Ask, number: int) -> Conversation | None:
        """End a conversation, and tell those who are in it; None when it is not open, or not this person's."""

    # -- rights

    def whom_to_ask(self) -> str:
        """Who gives rights: the administrators' names, else the technical contact's."""

    def address_of(self, person: Person) -> str:
        """The person's own address, "" when none is known."""

    def mail_password(self, person: Person, about: str, password: str) -> None:
        """Mail him the password of a file that he was given in the chat.

        :param about: what the file is.
        """

    def rio_wait(self, number: str) -> int:
        """Seconds before a RIO of this number is checked again, 0 for at once."""

    def rio_held(self) -> frozenset[str]:
        """The numbers whose RIOs are not checked now, as too many did not go with them."""

    def rio_failed(self, person: Person, failures: Iterable[tuple[str, int]]) -> None:
        """RIOs that did not go with their number, and how many of each. Too many are told to those in charge."""

    # -- the service

    async def sync(self, person: Person) -> SyncReport:
        """Make a pass over the FTP now, and wait a little for its end. Where it lasts longer, the person is told in his
        chat how it ended."""

    async def selftest(self, person: Person, *, wait: bool) -> Selftest:
        """Make a real round trip on each channel, in this person's chat where it is Telegram's turn; one test at a
        time.

        :param wait: for its end; else he is told in his chat how it ended.
        """

    def state(self) -> State: ...

    def audit(self, words: str, offset: int, limit: int) -> AuditPage:
        """The rows of the audit that all of the words are found in (`bot.desk.audit.search`)."""

    def alerts_of(self, person: Person) -> Alerts: ...

    def set_alerts(self, person: Person, alerts: Alerts) -> None: ...

    def topics_of(self, person: Person) -> tuple[Topic, ...]:
        """What can reach this person's chats at all, by the table of routes."""

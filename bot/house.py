"""What the rooms of the running bot share: the settings, the two stores, and what is built on them."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from bot.desk import alerts, buttons, open_desk
from bot.desk.inbox import Inbox
from bot.desk.outbox import Channel, Outbox
from bot.desk.people import People
from bot.mail.letter import Letter, compose
from bot.telegram.drawing import Message, draw
from core import store
from core.ftp import connect
from core.profile import Profile
from core.settings import Settings
from handlers.answer import Answer, Button
from handlers.ask import Person
from handlers.command import Context
from handlers.desk import Alerts, State, SyncReport, Topic

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class House:
    """`data`: the data folder. All of it belongs to the event loop's thread."""

    settings: Settings
    data: Path
    desk: Database
    people: People
    inbox: Inbox
    outbox: Outbox
    context: Context
    own: "BotDesk"

    def write_letter(self, letter: Letter) -> None:
        """Put a mail into the outbox, in the caller's transaction."""
        name = f"{self.settings.operator_name} · assistant Origyne"
        message = compose(letter, name, self.settings.bot_email)
        self.outbox.add(
            "mail",
            letter.to,
            message.as_bytes(),
            subject=letter.subject,
            message_id=str(message["Message-ID"]),
        )

    def write_chat(
        self, chat_id: int, answers: list[Answer], *, question: int = 0, again: bool = False, edits: int = 0
    ) -> None:
        """Put what answers a message into the outbox, in the caller's transaction; see `drawing.draw`."""
        self._post(chat_id, draw(answers, self._data_of, question=question, again=again, edits=edits))

    def tell(self, person_id: str, parts: list[tuple[Topic, Answer]]) -> None:
        """Put what nobody asked for into the outbox, for the chats of a person, but for what he muted; in the caller's
        transaction."""
        wanted = alerts.alerts_of(self.desk, person_id)
        told = [answer for topic, answer in parts if topic not in wanted.muted]
        if not told:
            return
        silent = alerts.is_quiet(wanted, self.context.now())
        for chat_id in self.people.chats_of(person_id):
            self._post(chat_id, draw(told, self._data_of, silent=silent))

    def _data_of(self, button: Button) -> str:
        return buttons.data_of(self.desk, button)

    def _post(self, chat_id: int, messages: list[Message]) -> None:
        channel: Channel = "chat"
        for message in messages:
            self.outbox.add(channel, str(chat_id), message.payload(), attachment=message.attachment)


class BotDesk:
    """`handlers.desk.Desk`. The service says how it makes a pass and what does not work; without it, a pass is a
    process of its own."""

    def __init__(self, settings: Settings, desk: Database, outbox: Outbox) -> None:
        self._settings = settings
        self._desk = desk
        self._outbox = outbox
        self.make_pass: Callable[[], Coroutine[Any, Any, SyncReport]] = sync_once
        self.faults: Callable[[], tuple[tuple[str, int], ...]] = tuple
        #: Seconds that a question waits for the end of a pass, None for as long as it takes; then who is told.
        self.patience: float | None = None
        self.ended_later: Callable[[Person, SyncReport], None] = lambda person, report: None
        self._passes: set[asyncio.Task[SyncReport]] = set()

    async def upload(self, content: bytes, path: str) -> None:
        async with connect(self._settings.ftp) as ftp:
            await ftp.upload(content, path)

    async def sync(self, person: Person) -> SyncReport:
        making = asyncio.create_task(self.make_pass())
        # Somebody else's question must not wait behind a pass, nor this person's next one.
        await asyncio.wait({making}, timeout=self.patience)
        if making.done():
            return making.result()
        self._passes.add(making)
        making.add_done_callback(lambda made: self._ended(person, made))
        return SyncReport(False)

    def _ended(self, person: Person, made: "asyncio.Task[SyncReport]") -> None:
        self._passes.discard(made)
        if not made.cancelled() and made.exception() is None:
            self.ended_later(person, made.result())

    def close(self) -> None:
        """Nobody is told of the passes that still go on."""
        for making in list(self._passes):
            making.cancel()

    def profile(self) -> Profile:
        return Profile(
            operator_name=self._settings.operator_name,
            accounting_email=self._settings.accounting_email,
            technical_email=self._settings.technical_email,
            technical_contact=self._settings.technical_contact,
        )

    def placed(self, name: str) -> bytes | None:
        return None

    def state(self) -> State:
        return State(self.faults(), {"chat": self._outbox.waiting("chat"), "mail": self._outbox.waiting("mail")})

    def alerts_of(self, person: Person) -> Alerts:
        return alerts.alerts_of(self._desk, person.id)

    def set_alerts(self, person: Person, wanted: Alerts) -> None:
        alerts.set_alerts(self._desk, person.id, wanted)


async def sync_once() -> SyncReport:
    """One pass, in a process of its own; it waits while another one is made."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "core.worker",
        "--once",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaints = await process.communicate()
    if process.returncode:
        log.error("the sync worker ended (%s): %s", process.returncode, complaints.decode(errors="replace")[-500:])
        return SyncReport(True, error="le programme qui lit les fichiers s'est arrêté ; voir son message")
    return report_of(json.loads(said))


def report_of(said: dict[str, Any]) -> SyncReport:
    """What the sync worker says of a pass."""
    failed = tuple(reason for _, reason in said["failed"])
    return SyncReport(True, said["fetched"], said["read"], said["waiting"], said["error"], failed)


def open_house(settings: Settings) -> House:
    """Open both stores (created if need be) and make the known people those of the settings.

    :raises SettingsError: the data folder cannot be used.
    """
    data = settings.open_data_folder()
    store.open_to_write(data).close()  # the schema must be there before the first question
    desk = open_desk(data)
    people = People(desk)
    people.follow(settings)
    outbox = Outbox(desk)
    own = BotDesk(settings, desk, outbox)
    context = Context(store.open_to_read(data), settings, own, lambda: int(time.time()))
    return House(settings, data, desk, people, Inbox(desk), outbox, context, own)

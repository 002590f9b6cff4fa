"""What the rooms of the running bot share: the settings, the two stores, and what is built on them."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from bot.bot_desk import BotDesk
from bot.desk import alerts, open_desk, threads
from bot.desk.inbox import Inbox
from bot.desk.outbox import Outbox
from bot.desk.people import People
from bot.mail.letter import Letter
from core import store
from core.profile import Profile
from core.settings import Settings
from handlers.answer import Answer
from handlers.command import Context
from handlers.desk import Topic


@dataclass(frozen=True)
class House:
    """`data`: the data folder. `telling`: held by who turns events into notices. `damaged`: set by who meets a damaged
    store, and ends the service. All of it belongs to the event loop's thread."""

    settings: Settings
    data: Path
    desk: Database
    people: People
    inbox: Inbox
    outbox: Outbox
    context: Context
    own: BotDesk
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    damaged: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def profile(self) -> Profile:
        """The integrator, as known now."""
        return self.own.profile()

    def write_letter(self, letter: Letter) -> None:
        """Put a mail into the outbox, in the caller's transaction."""
        self.own.write_letter(letter)

    def write_chat(
        self,
        chat_id: int,
        answers: list[Answer],
        *,
        question: int = 0,
        again: bool = False,
        edits: int = 0,
        thread: int = 0,
    ) -> None:
        """Put what answers a message into the outbox, in the caller's transaction; see `drawing.draw`."""
        self.own.write_chat(chat_id, answers, question=question, again=again, edits=edits, thread=thread)

    def tell(
        self,
        person_id: str,
        parts: list[tuple[Topic, Answer]],
        *,
        thread: int = 0,
        follows: bool = False,
        urgent: bool = False,
    ) -> None:
        """Put what nobody asked for into the outbox, for the chats of a person, but for what he muted; in the caller's
        transaction. `thread`: what who answers it answers (`bot.desk.threads`); `follows`: shown as a reply to what was
        last said there; `urgent`: sounds also when the settings want silence, not when he does."""
        wanted = alerts.alerts_of(self.desk, person_id)
        told = [answer for topic, answer in parts if topic not in wanted.muted]
        if not told:
            return
        silent = alerts.is_quiet(wanted, self.settings.quiet, self.context.now(), urgent=urgent)
        before = dict(threads.messages_of(self.desk, thread)) if follows else {}
        for chat_id in self.people.chats_of(person_id):
            self.own.write_chat(chat_id, told, silent=silent, thread=thread, reply_to=before.get(chat_id, 0))


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
    telecom = store.open_to_read(data)
    own = BotDesk(settings, desk, outbox, telecom)
    context = Context(telecom, settings, own, lambda: int(time.time()), settings.vault)
    return House(settings, data, desk, people, Inbox(desk), outbox, context, own)

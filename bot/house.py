"""What the rooms of the running bot share: the settings, the two stores, and what is built on them."""

import time
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from bot.desk import open_desk
from bot.desk.inbox import Inbox
from bot.desk.outbox import Channel, Outbox
from bot.desk.people import People
from bot.mail.letter import Letter, compose
from bot.telegram.drawing import Message
from core import store
from core.ftp import connect
from core.settings import Settings
from handlers.command import Context


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

    def write_chat(self, chat_id: int, messages: list[Message]) -> None:
        """Put chat messages into the outbox, in the caller's transaction."""
        channel: Channel = "chat"
        for message in messages:
            self.outbox.add(channel, str(chat_id), message.payload(), attachment=message.attachment)


def open_house(settings: Settings) -> House:
    """Open both stores (created if need be) and make the known people those of the settings.

    :raises SettingsError: the data folder cannot be used.
    """
    data = settings.open_data_folder()
    store.open_to_write(data).close()  # the schema must be there before the first question
    desk = open_desk(data)
    people = People(desk)
    people.follow(settings)

    async def upload(content: bytes, path: str) -> None:
        async with connect(settings.ftp) as ftp:
            await ftp.upload(content, path)

    context = Context(store.open_to_read(data), settings, upload, lambda: int(time.time()))
    return House(settings, data, desk, people, Inbox(desk), Outbox(desk), context)

"""What is said to the bot by chat and by mail, from the inbox to the outbox, for tests without the whole service."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime

from telegram import Bot

from bot.clerk import Clerk
from bot.house import House
from bot.mail.reading import sender_of
from bot.sandbox.botapi import Phone
from bot.telegram.poller import poll
from bot.telegram.sender import Sender
from core.settings import Settings
from tests.handlers.filled import settings
from tests.peers.ftp import FtpPeer

NUMBER = "0639980001"
TRUSTED = "mx.telecom.example"
VOUCHED = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=telecom.example"


@asynccontextmanager
async def clerk_at_work(house: House, bot: Bot) -> AsyncIterator[Clerk]:
    clerk = Clerk(house, bot, asyncio.Event())
    task = asyncio.create_task(clerk.run())
    try:
        yield clerk
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settle(house: House, seconds: float = 30) -> None:
    """Wait until nothing waits for an answer."""
    async with asyncio.timeout(seconds):
        while house.inbox.new():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def fetch(house: House, bot: Bot) -> None:
    """Write down what is pending, as the poller does, and stop polling."""
    before = count_of(house)
    arrived = asyncio.Event()
    task = asyncio.create_task(poll(bot, house.desk, arrived.set, lambda _: None))
    async with asyncio.timeout(5):
        await arrived.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert count_of(house) > before


def count_of(house: House) -> int:
    return int(house.desk.execute("SELECT count(*) FROM inbox").fetchone()[0])


async def answer(house: House, bot: Bot) -> None:
    """What was said since the last time is fetched, answered and sent."""
    await fetch(house, bot)
    async with clerk_at_work(house, bot):
        await settle(house)
    await deliver(house, bot)


async def deliver(house: House, bot: Bot) -> None:
    await Sender(house, bot).deliver()


def said(phone: Phone) -> list[str]:
    return [message.text or message.caption for message in phone.messages]


def with_ftp(configured: Settings, peer: FtpPeer) -> Settings:
    return settings(
        configured.data,
        telegram_api=configured.telegram_api,
        ftp_host=peer.host,
        ftp_port=peer.port,
        ftp_login=peer.login,
        ftp_password=peer.password,
    )


def write(
    house: House,
    text: str = f"status {NUMBER}",
    *,
    frm: str = "Camille Martin <technique@telecom.example>",
    subject: str = "Une question",
    headers: str = VOUCHED,
    key: str = "INBOX/1/1",
    age: int = 0,
    message_id: str = "<question@poste.example>",
    to: str = "robot@telecom.example",
) -> None:
    """A mail arrives in the inbox."""
    date = format_datetime(datetime.fromtimestamp(time.time() - age, UTC))
    raw = (
        f"{headers}\r\nFrom: {frm}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: {date}\r\n"
        f"Message-ID: {message_id}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
    house.inbox.add("mail", key, f"mail:{sender_of(raw.encode())}", raw.encode(), message_id)


async def replies(house: House, bot: Bot, seconds: float = 30) -> list[EmailMessage]:
    async with clerk_at_work(house, bot):
        await settle(house, seconds)
    found = [
        message_from_bytes(payload, policy=default)
        for (payload,) in house.desk.execute(
            "SELECT payload FROM outbox WHERE channel = 'mail' AND payload IS NOT NULL ORDER BY id"
        )
    ]
    return [message for message in found if isinstance(message, EmailMessage)]


def body(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    assert part
    return str(part.get_content())


def words_of(message: EmailMessage) -> str:
    """Its text on one line, wherever it was wrapped."""
    return " ".join(body(message).split())

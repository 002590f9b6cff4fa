"""A word to the technical contact that needs neither the disk nor the outbox: sent at once, and kept nowhere."""

import asyncio
import html
import logging
from collections.abc import Collection
from dataclasses import dataclass

from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.mail import smtp
from bot.mail.letter import Letter, compose
from bot.telegram.client import make_bot
from core.settings import Settings
from core.trace import trace
from handlers.answer import Answer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Readers:
    """Who is told. `chats`: private ones; who cannot be reached there is written to at `address`."""

    chats: tuple[int, ...]
    address: str
    name: str
    house: str


async def tell(settings: Settings, readers: Readers, answer: Answer) -> bool:
    """By Telegram, else by mail. Whether somebody was reached.

    It has its own thread, event loop and connections: the service's own wait for stores that do not answer.
    """
    return await asyncio.to_thread(lambda: asyncio.run(_tell(settings, readers, answer)))


async def _tell(settings: Settings, readers: Readers, answer: Answer) -> bool:
    if await _by_chat(settings, readers.chats, answer):
        log.info("told by chat, without the outbox: %s", answer.title)
        return True
    if await _by_mail(settings, readers, answer):
        log.info("told by mail, without the outbox: %s", answer.title)
        return True
    return False


async def _by_chat(settings: Settings, chats: Collection[int], answer: Answer) -> bool:
    if not chats:
        return False
    words = "\n".join([f"<b>{html.escape(answer.title)}</b>", *(html.escape(line) for line in answer.lines)])
    reached = False
    try:
        async with make_bot(settings.telegram) as bot:
            for chat_id in chats:
                try:
                    await bot.send_message(chat_id, words, parse_mode=ParseMode.HTML)
                    reached = True
                except TelegramError as error:
                    log.error("emergency, by chat: %s", type(error).__name__)
    except TelegramError as error:  # its message can hold the token
        log.error("emergency, by chat: %s", type(error).__name__)
    return reached


async def _by_mail(settings: Settings, readers: Readers, answer: Answer) -> bool:
    subject = f"{readers.house} : {answer.title.removeprefix('⚠️ ')}"
    foot = "Message automatique, envoyé directement : le robot n'a pas pu le garder."
    letter = Letter(readers.address, subject, (answer,), f"Bonjour {readers.name},", foot)
    try:
        message = compose(letter, readers.house, settings.bot_email)
        return bool((await smtp.send(settings.smtp, message, [readers.address])).accepted)
    except smtp.MailError as error:
        log.error("emergency, by mail: %s", error)
    except Exception as error:
        log.error("emergency, by mail: %s", trace(error))
    return False

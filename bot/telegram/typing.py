"""« … écrit » in the chat, while an answer takes its time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import TelegramError

log = logging.getLogger(__name__)

#: Seconds before it shows: a quick answer is announced by nothing.
FIRST = 0.4

#: Telegram shows it for five seconds, or until a message comes.
EVERY = 4.5


@asynccontextmanager
async def typing(bot: Bot, chat_id: int) -> AsyncIterator[None]:
    """Show it as long as the block takes; that it cannot be shown disturbs nothing."""
    showing: list[asyncio.Task[None]] = []

    def begin() -> None:
        showing.append(asyncio.create_task(_show(bot, chat_id)))

    timer = asyncio.get_running_loop().call_later(FIRST, begin)
    try:
        yield
    finally:
        timer.cancel()
        for task in showing:
            task.cancel()


async def _show(bot: Bot, chat_id: int) -> None:
    while True:
        try:
            await bot.send_chat_action(chat_id, ChatAction.TYPING)
        except (TelegramError, RuntimeError) as error:
            log.info("typing not shown: %s", type(error).__name__)
        await asyncio.sleep(EVERY)

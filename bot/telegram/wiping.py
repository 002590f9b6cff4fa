"""Deleting the messages that show codes, once their time is over."""

import asyncio
import logging
import time
from contextlib import suppress

from telegram import Bot
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.desk import fleeting
from bot.desk.fleeting import Fleeting
from bot.house import House
from bot.telegram.client import seconds_of

log = logging.getLogger(__name__)

#: Seconds between two attempts at most, and how many are made: after two days Telegram deletes nothing any more.
_LONGEST_WAIT, _MOST_TRIES = 600, 48 * 6

#: Seconds between two looks for what was shown meanwhile.
_LOOK = 5.0


async def wipe(house: House, bot: Bot) -> None:
    """For ever; after a restart, what became due meanwhile goes first."""
    while True:
        for message in fleeting.due(house.desk, int(time.time())):
            await _delete(house, bot, message)
        due = fleeting.next_due(house.desk)
        await asyncio.sleep(_LOOK if due is None else min(_LOOK, max(0.1, due - time.time())))


async def _delete(house: House, bot: Bot, message: Fleeting) -> None:
    try:
        await bot.delete_message(message.chat_id, message.message_id)
    except BadRequest as error:
        # Deleted by hand, as a rule. What Telegram does not let go loses at least its words.
        if "not found" not in error.message.lower():
            with suppress(TelegramError):
                await bot.edit_message_text("Code effacé.", message.chat_id, message.message_id)
    except TelegramError as error:  # also while the robot is blocked: who lets it in again has the message still
        wait = seconds_of(error) if isinstance(error, RetryAfter) else min(_LONGEST_WAIT, 5 * 2**message.tries)
        if message.tries < _MOST_TRIES:
            fleeting.later(house.desk, message, int(time.time() + wait) + 1)
            return
        log.error("a message with a code could not be deleted: %s", type(error).__name__)
    fleeting.gone(house.desk, message)

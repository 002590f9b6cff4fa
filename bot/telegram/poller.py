"""Polling: each update is in the inbox before Telegram is told, by the next poll's offset, that we have it."""

import asyncio
import json
import logging
import time
from collections.abc import Callable

from sqlite_utils import Database
from telegram import Bot
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.desk import lightly, progress
from bot.desk.inbox import Inbox
from bot.telegram.client import POLL_SECONDS, seconds_of
from bot.telegram.updates import KINDS, ReceivingError, conversation_of, is_of_stranger

log = logging.getLogger(__name__)

#: A poll of our own that a crash or a lost network left open ends within that time (seconds).
OWN_POLL = POLL_SECONDS + 5.0

#: Each poll of ours would in turn cut the other program's: seldom is better than often.
CONFLICT_WAIT = 600.0

_OTHER = (
    "un autre programme relève déjà les messages de ce robot Telegram (409) : arrêter l'autre, ou changer de jeton "
    "avec @BotFather"
)

#: Seconds between what came and the next request.
BREATH = 0.01


async def poll(bot: Bot, db: Database, arrived: Callable[[], None], found: Callable[[str], None]) -> None:
    """Write updates down for ever.

    :param arrived: called after each batch.
    :param found: told after each poll why it failed (French), or "" when it worked.

    :raises ReceivingError: another poller runs, which was there twice in a row, or the token is refused.
    """
    inbox = Inbox(db)
    delay = 1.0
    alone = True
    while True:
        try:
            updates = await bot.get_updates(
                offset=progress.get(db, "telegram_offset") or None, timeout=POLL_SECONDS, allowed_updates=KINDS
            )
        except Conflict as error:
            if not alone:
                raise ReceivingError(_OTHER, wait=CONFLICT_WAIT) from error
            alone = False
            log.warning("polling: another poll is open, perhaps one of ours")
            found(_OTHER)
            await asyncio.sleep(OWN_POLL)
        except InvalidToken as error:
            raise ReceivingError("Telegram refuse le jeton : le vérifier dans ORIGYNE_TELEGRAM_TOKEN") from error
        except RetryAfter as error:
            await _left_in_peace(seconds_of(error), found)
        except (NetworkError, TelegramError) as error:
            log.warning("polling: %s", type(error).__name__)
            found(f"Telegram n'est pas joignable ({type(error).__name__})")
            await asyncio.sleep(delay)
            delay = min(delay * 2, 60.0)
        else:
            delay = 1.0
            alone = True
            found("")
            if not updates:
                continue
            with lightly(db):
                for update in updates:
                    raw = update.to_dict()
                    conversation = conversation_of(raw)
                    inbox.add(
                        "chat",
                        str(update.update_id),
                        conversation,
                        json.dumps(raw).encode(),
                        stranger=is_of_stranger(db, conversation),
                    )
            arrived()
            # To ask for more takes as long as an answer: the answer goes first.
            await asyncio.sleep(BREATH)
            # On disk, and all before it: only then is Telegram told, by the next request.
            with db.atomic():
                progress.put(db, "telegram_offset", updates[-1].update_id + 1)


async def _left_in_peace(seconds: float, found: Callable[[str], None]) -> None:
    """Wait as long as Telegram wants, and say so now and then."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        found("Telegram demande d'attendre avant de relever les messages (429)")
        await asyncio.sleep(min(left, 60.0))

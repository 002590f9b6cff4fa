"""Polling: each update is in the inbox before Telegram is told, by the next poll's offset, that we have it."""

import asyncio
import json
import logging
from collections.abc import Callable

from sqlite_utils import Database
from telegram import Bot
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.desk import progress
from bot.desk.inbox import Inbox
from bot.telegram.client import POLL_SECONDS

log = logging.getLogger(__name__)

_KINDS = ["message", "edited_message", "callback_query", "my_chat_member"]


#: Each poll of ours would in turn cut the other program's: seldom is better than often.
CONFLICT_WAIT = 600.0


class PollingError(Exception):
    """Polling does not work; the message says why, in French. `wait`: seconds before it is worth another try."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


async def poll(bot: Bot, db: Database, arrived: Callable[[], None], found: Callable[[str], None]) -> None:
    """Write updates down for ever.

    :param arrived: called after each batch.
    :param found: told after each poll why it failed (French), or "" when it worked.

    :raises PollingError: another poller runs, or the token is refused.
    """
    inbox = Inbox(db)
    delay = 1.0
    while True:
        try:
            updates = await bot.get_updates(
                offset=progress.get(db, "telegram_offset") or None, timeout=POLL_SECONDS, allowed_updates=_KINDS
            )
        except Conflict as error:
            raise PollingError(
                "un autre programme relève déjà les messages de ce robot Telegram (409) : arrêter l'autre, "
                "ou changer de jeton avec @BotFather",
                wait=CONFLICT_WAIT,
            ) from error
        except InvalidToken as error:
            raise PollingError("Telegram refuse le jeton : le vérifier dans ORIGYNE_TELEGRAM_TOKEN") from error
        except RetryAfter as error:
            await asyncio.sleep(_seconds(error))
        except (NetworkError, TelegramError) as error:
            log.warning("polling: %s", type(error).__name__)
            found(f"Telegram n'est pas joignable ({type(error).__name__})")
            await asyncio.sleep(delay)
            delay = min(delay * 2, 60.0)
        else:
            delay = 1.0
            found("")
            if not updates:
                continue
            with db.atomic():
                progress.put(db, "telegram_offset", updates[-1].update_id + 1)
                for update in updates:
                    raw = update.to_dict()
                    inbox.add("chat", str(update.update_id), _conversation(raw), json.dumps(raw).encode())
            arrived()


def _seconds(error: RetryAfter) -> float:
    value = error.retry_after
    return float(value) if isinstance(value, int | float) else value.total_seconds()


def _conversation(update: dict[str, object]) -> str:
    """chat:ID, so that one chat's messages are answered in their order, and no chat waits for another."""
    for kind in ("message", "edited_message", "my_chat_member"):
        body = update.get(kind)
        if isinstance(body, dict):
            return f"chat:{body['chat']['id']}"
    query = update.get("callback_query")
    if isinstance(query, dict) and isinstance(query.get("message"), dict):
        return f"chat:{query['message']['chat']['id']}"
    return "chat:0"

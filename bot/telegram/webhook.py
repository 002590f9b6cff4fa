"""A webhook: Telegram brings each update to us, and is told that we have it once it is in the inbox."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web
from sqlite_utils import Database
from telegram import Bot
from telegram.error import BadRequest, InvalidToken, TelegramError

from bot.desk.inbox import Inbox
from bot.telegram.updates import KINDS, ReceivingError, conversation_of, is_of_stranger
from core.settings import TelegramAccess

log = logging.getLogger(__name__)

#: Bytes of an update, at most; Telegram's own are a hundred times smaller.
MOST_BYTES = 1024 * 1024

#: Seconds that an update may take to come, once it is announced.
PATIENCE = 10.0

#: Seconds between two looks at what Telegram says of its deliveries.
CHECK = 60.0

HEADER = "X-Telegram-Bot-Api-Secret-Token"


def secret_of(token: str) -> str:
    """What Telegram shows with each update, to be told from anybody else; it tells nothing about the token."""
    return hmac.new(token.encode(), b"origyne-bot webhook", hashlib.sha256).hexdigest()


async def receive(
    bot: Bot,
    access: TelegramAccess,
    db: Database,
    arrived: Callable[[], None],
    found: Callable[[str], None],
    check: float = CHECK,
) -> None:
    """Listen, tell Telegram where, and write updates down for ever. When this ends, the webhook is taken away; what
    Telegram has not delivered by then waits there.

    :param arrived: called after each update.
    :param found: told now and then why updates do not come (French), or "" when they do.
    :param check: seconds between two of those.

    :raises ReceivingError: the address cannot be listened at, or Telegram refuses it.
    """
    host, port = access.listen
    application = web.Application(client_max_size=MOST_BYTES)
    door = _Door(secret_of(access.token), db, arrived)
    application.router.add_post(urlsplit(access.webhook).path or "/", door.open)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ReceivingError(
                f"on ne peut pas écouter sur {host}:{port} ({error.strerror}) : vérifier ORIGYNE_TELEGRAM_LISTEN"
            ) from error
        await _announce(bot, access)
        found("")
        while True:
            await asyncio.sleep(check)
            found(await _look(bot, access))
    finally:
        with suppress(TelegramError, TimeoutError, RuntimeError):
            async with asyncio.timeout(2.5):
                await bot.delete_webhook()
        await runner.cleanup()


class _Door:
    def __init__(self, secret: str, db: Database, arrived: Callable[[], None]) -> None:
        self._secret = secret.encode()
        self._db = db
        self._inbox = Inbox(db)
        self._arrived = arrived

    async def open(self, request: web.Request) -> web.Response:
        shown = request.headers.get(HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(shown, self._secret):
            log.warning("webhook: a call without Telegram's secret was refused")
            raise web.HTTPForbidden
        try:
            async with asyncio.timeout(PATIENCE):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        try:
            update = json.loads(body)
            key = str(int(update["update_id"]))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            log.warning("webhook: what came is no update")
            raise web.HTTPBadRequest from None
        conversation = conversation_of(update)
        self._inbox.add("chat", key, conversation, body, stranger=is_of_stranger(self._db, conversation))
        self._arrived()
        return web.Response()


async def _announce(bot: Bot, access: TelegramAccess) -> None:
    try:
        await bot.set_webhook(
            access.webhook,
            secret_token=secret_of(access.token),
            allowed_updates=KINDS,
            max_connections=1,  # several would bring what one person says in any order
        )
    except InvalidToken:
        raise ReceivingError("Telegram refuse le jeton : le vérifier dans ORIGYNE_TELEGRAM_TOKEN") from None
    except BadRequest as error:
        raise ReceivingError(
            f"Telegram refuse l'adresse du webhook ({error.message}) : vérifier ORIGYNE_TELEGRAM_WEBHOOK"
        ) from error
    except TelegramError as error:
        raise ReceivingError(f"Telegram n'est pas joignable ({type(error).__name__})") from error


async def _look(bot: Bot, access: TelegramAccess) -> str:
    """Why updates do not come, or ""; an address that somebody else set is set right."""
    try:
        info = await bot.get_webhook_info()
    except TelegramError as error:
        return f"Telegram n'est pas joignable ({type(error).__name__})"
    if info.url != access.webhook:
        log.warning("webhook: somebody else changed the address")
        await _announce(bot, access)
        return ""
    if info.pending_update_count and info.last_error_message:
        return f"Telegram n'arrive pas à livrer sur {access.webhook} ({info.last_error_message})"
    return ""

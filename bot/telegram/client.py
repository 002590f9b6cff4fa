"""Telegram's Bot API client. Its address is a setting: Telegram's own, or a local server's."""

import logging

from telegram import Bot
from telegram.request import HTTPXRequest

from core.settings import TelegramAccess

#: A long poll waits that long (seconds) for an update; Telegram allows 50.
POLL_SECONDS = 30


def make_bot(access: TelegramAccess) -> Bot:
    """A client; to be used as `async with make_bot(…)`."""
    # httpx logs each URL at INFO, and the URL holds the token.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return Bot(
        access.token,
        base_url=f"{access.api}/bot",
        base_file_url=f"{access.api}/file/bot",
        request=HTTPXRequest(connection_pool_size=16, read_timeout=20, connect_timeout=10, media_write_timeout=60),
        get_updates_request=HTTPXRequest(connection_pool_size=1, read_timeout=POLL_SECONDS + 15, connect_timeout=10),
    )

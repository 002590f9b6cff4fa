"""Telegram's Bot API client. Its address is a setting: Telegram's own, or a local server's."""

import logging

import httpx
from telegram import Bot
from telegram.error import RetryAfter
from telegram.request import HTTPXRequest

from core.settings import TelegramAccess

#: A long poll waits that long (seconds) for an update; Telegram allows 50.
POLL_SECONDS = 30

#: Seconds that an answer is waited for. Who gives up too soon sends a second copy of what had arrived: an answer that
#: takes twenty seconds is slow, and no loss.
_ANSWER = 45.0

#: Connections at a time; whoever sends leaves some of them to questions, downloads and the like.
CONNECTIONS = 64

#: Seconds that an idle connection is kept. httpx's own five would make nearly every answer wait for a TLS handshake.
_IDLE = 55.0


def make_bot(access: TelegramAccess) -> Bot:
    """A client; to be used as `async with make_bot(…)`."""
    # httpx logs each URL at INFO, and the URL holds the token.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=16, keepalive_expiry=_IDLE)
    return Bot(
        access.token,
        base_url=f"{access.api}/bot",
        base_file_url=f"{access.api}/file/bot",
        request=HTTPXRequest(
            read_timeout=_ANSWER,
            connect_timeout=10,
            pool_timeout=10,
            media_write_timeout=60,
            httpx_kwargs={"limits": limits},
        ),
        get_updates_request=HTTPXRequest(connection_pool_size=1, read_timeout=POLL_SECONDS + 15, connect_timeout=10),
    )


def seconds_of(error: RetryAfter) -> float:
    """How long Telegram wants to be left in peace."""
    value = error.retry_after
    return float(value) if isinstance(value, int | float) else value.total_seconds()

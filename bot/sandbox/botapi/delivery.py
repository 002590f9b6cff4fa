"""Bringing updates to a webhook: one at a time, in their order, again until it says that it has them."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp

from bot.sandbox.botapi.world import Json, Webhook, World

LOOPBACK = ("127.0.0.1", "::1", "localhost")

_PATIENCE = aiohttp.ClientTimeout(total=10)
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0  # seconds; the hosted one waits longer


async def deliver(world: World) -> None:
    """For ever; without webhook, updates wait for who fetches them."""
    delay = _FIRST_DELAY
    async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
        while not world.closed:
            webhook, update = world.webhook, world.first_update()
            if webhook is None or update is None:
                await world.bell.wait(60)
                continue
            fault = await _bring(session, webhook, update)
            if fault:
                world.delivery_failed(fault)
                # Not the bell: a new update brings the one before it no sooner.
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
            else:
                world.delivered(update)
                delay = _FIRST_DELAY


async def _bring(session: aiohttp.ClientSession, webhook: Webhook, update: Json) -> str:
    """Why it was not taken, or ""."""
    if urlsplit(webhook.url).hostname not in LOOPBACK:
        return "Failed to resolve host: Name or service not known"  # nothing leaves this machine
    headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
    try:
        async with session.post(webhook.url, json=update, headers=headers) as answer:
            with suppress(aiohttp.ClientError):
                await answer.read()
            if 200 <= answer.status <= 299:
                return ""
            return f"Wrong response from the webhook: {answer.status} {answer.reason}"
    except TimeoutError:
        return "Read timeout expired"
    except aiohttp.ClientError:
        return "Connection refused"

"""The guides of a page each, as pages."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from bot.sandbox.page.parts import Tell


class GuidesPart:
    """Pages to read and to print; nothing of them changes."""

    name = "guides"

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return []

    async def snapshot(self) -> object:
        return {}

    async def follow(self, tell: Tell) -> None:
        await asyncio.Event().wait()

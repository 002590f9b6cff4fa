"""What goes wrong on request: Telegram's server, the FTP, the robot itself."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from bot.sandbox.house import Sandbox
from bot.sandbox.page.journal import JournalPart
from bot.sandbox.page.parts import Tell


class FaultsPart:
    """Events: `faults`."""

    name = "faults"

    def __init__(self, sandbox: Sandbox, journal: JournalPart) -> None:
        self._box = sandbox
        self._journal = journal

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return []

    async def snapshot(self) -> object:
        return {}

    async def follow(self, tell: Tell) -> None:
        await asyncio.Event().wait()

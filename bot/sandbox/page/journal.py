"""The time line: what people did, and what the robot did of it, with its delays."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path

from aiohttp import web

from bot.sandbox.page.parts import Tell
from bot.sandbox.page.servicelog import Happening, Kind, ServiceLog, Tail

_KEPT = 500
#: Seconds between two looks at the service's log.
_LOOK = 0.2


class JournalPart:
    """Events: `entry`."""

    name = "journal"

    def __init__(self, log: Path) -> None:
        self._tail = Tail(log)
        self._service = ServiceLog()
        self._entries: deque[dict[str, object]] = deque(maxlen=_KEPT)
        self._newest = 0
        self._chains = count(1)
        self._news = asyncio.Event()

    def add(self, kind: Kind, text: str, delay: float | None = None) -> None:
        """Write down what happened now.

        :param delay: seconds since what it answers to, where that is known.
        """
        self._keep(Happening(time.time(), kind, text, delay))

    def deposited(self, kind: Kind, text: str, files: int) -> None:
        """Write down that somebody has just put so many files on the FTP: what the robot does of them is told as the
        sequel."""
        now, chain = time.time(), f"d{next(self._chains)}"
        self._service.deposited(now, chain, files)
        self._keep(Happening(now, kind, text, chain=chain))

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return []

    async def snapshot(self) -> object:
        return list(self._entries)

    async def follow(self, tell: Tell) -> None:
        told = 0
        while True:
            self._news.clear()
            for line in await asyncio.to_thread(self._tail.lines):
                for happening in self._service.happenings(line):
                    self._keep(happening)
            untold = self._newest - told
            for entry in list(self._entries)[-untold:] if untold else []:
                tell("entry", entry)
            told = self._newest
            try:
                async with asyncio.timeout(_LOOK):
                    await self._news.wait()
            except TimeoutError:
                pass

    def _keep(self, happening: Happening) -> None:
        self._newest += 1
        self._entries.append({"id": self._newest, **asdict(happening)})
        self._news.set()

"""The time line: what people did, and what the robot did of it, with its delays."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from aiohttp import web

from bot.sandbox.page.parts import Tell

#: Somebody's act (`person`, `operator`), what the robot did (`read`, `event`, `notice`, `answer`), what went wrong, and
#: its end.
Kind = Literal["person", "operator", "read", "event", "notice", "answer", "fault", "recovery"]

_KEPT = 500


@dataclass(frozen=True)
class Entry:
    """`at`: seconds since 1970. `delay`: seconds since what it answers to, where that is known."""

    id: int
    at: float
    kind: Kind
    text: str
    delay: float | None = None


class JournalPart:
    """Events: `entry`."""

    name = "journal"

    def __init__(self, log: Path) -> None:
        self._log = log
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._numbers = count(1)
        self._news = asyncio.Event()

    def add(self, kind: Kind, text: str, delay: float | None = None) -> None:
        """Write down what happened now."""
        self._entries.append(Entry(next(self._numbers), time.time(), kind, text, delay))
        self._news.set()

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return []

    async def snapshot(self) -> object:
        return [asdict(entry) for entry in self._entries]

    async def follow(self, tell: Tell) -> None:
        told = 0
        while True:
            self._news.clear()
            for entry in tuple(self._entries):
                if entry.id > told:
                    tell("entry", asdict(entry))
                    told = entry.id
            await self._news.wait()

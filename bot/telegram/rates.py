"""How often the bot writes: what Telegram allows, with a little room, so that it need not refuse anything.

Telegram's rules (its FAQ for bots): about one message a second in a chat, 20 a minute in a group, 30 a second in all.
Editing a message counts as writing one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiolimiter import AsyncLimiter


@dataclass(frozen=True)
class Pace:
    """`burst` messages at once, then `per_second`: within t seconds never more than burst + t * per_second."""

    burst: int
    per_second: float


PRIVATE = Pace(3, 1.0)
#: At most 20 within any minute.
GROUP = Pace(5, 15 / 60)
#: At most 30 within any second.
OVERALL = Pace(5, 25.0)
#: The same, as Telegram sees it; see `Rates.under_way`.
MOST_A_SECOND = 30
#: Unknown chats, all together: they take no turn of anybody we know.
STRANGERS = Pace(5, 1.0)

#: Chats that are remembered before those that have been quiet for long enough are forgotten.
_MOST_REMEMBERED = 1000


class Rates:
    """Kept in memory: after a restart each chat has its burst again, and Telegram's own refusals are obeyed anyway."""

    def __init__(self) -> None:
        self._overall = _limiter(OVERALL)
        self._strangers = _limiter(STRANGERS)
        self._chats: dict[int, AsyncLimiter] = {}
        self._places = asyncio.Semaphore(MOST_A_SECOND)

    async def turn(self, chat_id: int, *, stranger: bool = False) -> None:
        """Wait until one more message may be written in this chat. Whoever waits for his own chat keeps no other
        waiting."""
        if stranger:
            await self._strangers.acquire()
        else:
            await self._of(chat_id).acquire()
        await self._overall.acquire()

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """Around a call that had its turn. Calls wait for connections and come late, several at once: Telegram counts
        one somewhere between its beginning and its answer. Its place is free a second after the answer, so that no
        second sees more than `MOST_A_SECOND`."""
        await self._places.acquire()
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(1.0, self._places.release)

    @property
    def remembered(self) -> int:
        """How many chats are remembered."""
        return len(self._chats)

    def _of(self, chat_id: int) -> AsyncLimiter:
        limiter = self._chats.get(chat_id)
        if limiter is None:
            if len(self._chats) >= _MOST_REMEMBERED:
                # One that has its whole burst again is like a new one.
                self._chats = {chat: it for chat, it in self._chats.items() if not it.has_capacity(it.max_rate)}
            limiter = self._chats[chat_id] = _limiter(PRIVATE if chat_id > 0 else GROUP)
        return limiter


def _limiter(pace: Pace) -> AsyncLimiter:
    return AsyncLimiter(pace.burst, pace.burst / pace.per_second)

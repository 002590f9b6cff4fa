"""What is silent for too long is told on a channel that works, and started again where that helps."""

import asyncio
from collections.abc import Callable

from bot.house import House
from bot.pulse import Pulse
from bot.supervision import Loops
from bot.troubles import Troubles


class Watchdog:
    """:param ring: called when there is something to send."""

    def __init__(self, house: House, pulse: Pulse, loops: Loops, troubles: Troubles, ring: Callable[[], None]) -> None:
        self._house = house
        self._pulse = pulse
        self._loops = loops
        self._troubles = troubles
        self._ring = ring

    async def run(self) -> None:
        await asyncio.Event().wait()

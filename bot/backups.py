"""The backup that the service makes once a day."""

import asyncio
from collections.abc import Callable

from bot.house import House
from bot.troubles import Subject


async def daily(house: House, found: Callable[[Subject, str], None]) -> None:
    """For ever.

    :param found: told how it went: a French reason, or "".
    """
    await asyncio.Event().wait()

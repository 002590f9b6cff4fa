"""The clerk takes what is in the inbox to whoever answers it: each conversation in order, none waiting for another."""

import asyncio
import logging
import time

from telegram import Bot

from bot.desk import audit
from bot.desk.inbox import MOST_TRIES, Item, Postponed
from bot.house import House
from bot.mail.answering import answer_mail
from bot.poison import set_aside
from bot.telegram import answering
from core.trace import trace

log = logging.getLogger(__name__)


class Clerk:
    """`posted` is rung whenever there may be something to send."""

    def __init__(self, house: House, bot: Bot, posted: asyncio.Event) -> None:
        self._house = house
        self._bot = bot
        self._posted = posted
        self.arrived = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[int, float] = {}

    async def run(self) -> None:
        """For ever; what is under way when this is cancelled stays in the inbox."""
        try:
            while True:
                self.arrived.clear()
                for item in self._house.inbox.new():
                    # The first that waits holds back the rest of its conversation, for order's sake.
                    if item.conversation in self._busy:
                        continue
                    self._busy[item.conversation] = asyncio.create_task(self._take(item))
                try:
                    async with asyncio.timeout(1.0):  # what waits for its next try rings no bell
                        await self.arrived.wait()
                except TimeoutError:
                    pass
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _take(self, item: Item) -> None:
        try:
            if self._not_before.get(item.id, 0.0) > time.monotonic():
                return
            # An item is given up before it is tried once more, for a try can also end with the process.
            if item.tries >= MOST_TRIES:
                self._give_up(item)
                return
            if item.door == "chat" and not _is_ready(self._bot):
                return  # no attempt: Telegram was not reached since the start
            self._house.inbox.begin(item)
            if item.door == "mail":
                await answer_mail(item, self._house)
            else:
                await answering.answer_update(item, self._house, self._bot)
            self._not_before.pop(item.id, None)
            self._posted.set()
        except Postponed as later:
            self._house.inbox.postpone(item)
            self._not_before[item.id] = time.monotonic() + later.seconds
        except Exception as error:
            log.error("%s item %s: %s", item.door, item.id, trace(error))
            self._house.inbox.stumbled(item, f"erreur interne ({type(error).__name__})")
            self._not_before[item.id] = time.monotonic() + 2.0**item.tries
        finally:
            del self._busy[item.conversation]
            if item.id not in self._not_before and (item.door == "mail" or _is_ready(self._bot)):
                self.arrived.set()

    def _give_up(self, item: Item) -> None:
        with self._house.desk.atomic():
            if item.door == "mail":
                set_aside(self._house, item)
            else:
                self._house.inbox.failed(item)
                audit.record(self._house.desk, item.conversation, item.door, "", "failed")
                answering.failure(item, self._house)
        self._not_before.pop(item.id, None)
        self._posted.set()


def _is_ready(bot: Bot) -> bool:
    """Whether the bot knows its own name, which tells what a group says to it."""
    try:
        return bool(bot.username)
    except RuntimeError:
        return False

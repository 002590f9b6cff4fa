"""The clerk takes what is in the inbox to whoever answers it: each conversation in order, none waiting for another.

Strangers alone wait for each other: a flood of theirs takes neither the memory nor the turn of anybody we know.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from telegram import Bot

from bot.desk import audit
from bot.desk.inbox import MOST_TRIES, Item, Postponed
from bot.house import House
from bot.mail.answering import answer_mail
from bot.poison import set_aside
from bot.telegram import answering
from core import disk, logs
from core.soundness import is_damage
from core.trace import trace

log = logging.getLogger(__name__)

#: Strangers who are attended to at the same moment, and the seconds that each of them then leaves to everybody else.
STRANGERS_AT_ONCE, BREATH = 2, 0.02


#: Seconds before a question is looked at again after the disk did not take its answer.
REFUSED_PAUSE = 10.0


class Clerk:
    """`posted` is rung whenever there may be something to send."""

    def __init__(self, house: House, bot: Bot, posted: asyncio.Event) -> None:
        self._house = house
        self._bot = bot
        self._posted = posted
        self.arrived = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._strangers = 0
        self._not_before: dict[str, float] = {}
        self._begun: set[int] = set()  # items whose attempt is counted, and did not come to its end

    async def run(self) -> None:
        """For ever; what is under way when this is cancelled stays in the inbox."""
        try:
            while True:
                self.arrived.clear()
                for item in self._next():
                    if item.stranger and self._strangers >= STRANGERS_AT_ONCE:
                        break  # they come last
                    self._strangers += item.stranger
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

    def _next(self) -> list[Item]:
        """What can be taken now."""
        now = time.monotonic()
        later = (conversation for conversation, due in self._not_before.items() if due > now)
        # The first that waits holds back the rest of its conversation, for order's sake. Until Telegram was reached,
        # what came from there is no attempt at all.
        return self._house.inbox.new({*self._busy, *later}, ("chat", "mail") if _is_ready(self._bot) else ("mail",))

    async def _take(self, item: Item) -> None:
        name = f"q{item.id}"
        try:
            try:
                with logs.about(name):
                    logs.begin(name)
                    await self._attend_to(item)
            finally:
                if item.stranger:
                    await asyncio.sleep(BREATH)
        finally:
            self._strangers -= item.stranger
            del self._busy[item.conversation]
            if item.conversation not in self._not_before:
                self.arrived.set()

    async def _attend_to(self, head: Item) -> None:
        try:
            item = self._house.inbox.taken(head)
            # An item is given up before it is tried once more, for a try can also end with the process.
            if item.id not in self._begun:
                if item.tries >= MOST_TRIES:
                    self._give_up(item)
                    return
                self._house.inbox.begin(item)
                self._begun.add(item.id)
            if item.door == "mail":
                await answer_mail(item, self._house)
            else:
                await answering.answer_update(item, self._house, self._bot)
            self._begun.discard(item.id)
            self._not_before.pop(item.conversation, None)
            self._posted.set()
        except asyncio.CancelledError:  # the service stops, which is no fault of the question
            self._house.inbox.postpone(head)
            raise
        except Postponed as later:
            self._not_before[head.conversation] = time.monotonic() + later.seconds
            self._ended(head, partial(self._house.inbox.postpone, head))
        except Exception as error:
            log.error("%s item %s: %s", head.door, head.id, trace(error))
            if is_damage(error):
                self._house.damaged.set()
            if is_damage(error) or disk.refusal_of(error):  # no fault of the question, which waits for the disk
                self._not_before[head.conversation] = time.monotonic() + REFUSED_PAUSE
                return
            self._not_before[head.conversation] = time.monotonic() + 2.0**head.tries
            reason = f"erreur interne ({type(error).__name__})"
            self._ended(head, partial(self._house.inbox.stumbled, head, reason))

    def _ended(self, item: Item, write: Callable[[], None]) -> None:
        """An attempt ended; where that cannot be written, the next one is counted as the same."""
        try:
            write()
        except Exception as error:
            if not disk.refusal_of(error):
                raise
            log.error("%s item %s: %s", item.door, item.id, trace(error))
        else:
            self._begun.discard(item.id)

    def _give_up(self, item: Item) -> None:
        with self._house.desk.atomic():
            if item.door == "mail":
                set_aside(self._house, item)
            else:
                self._house.inbox.failed(item)
                audit.record(self._house.desk, item.conversation, item.door, "", "failed")
                answering.failure(item, self._house)
        self._not_before.pop(item.conversation, None)
        self._posted.set()


def _is_ready(bot: Bot) -> bool:
    """Whether the bot knows its own name, which tells what a group says to it."""
    try:
        return bool(bot.username)
    except RuntimeError:
        return False

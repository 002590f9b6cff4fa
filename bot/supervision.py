"""The loops of the service: each is started again when it stumbles, later each time, and none takes the others down."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

log = logging.getLogger(__name__)

#: Seconds, at most, before a loop that stumbles is started again.
LONGEST_DELAY = 60.0

#: A loop that ran for so long (seconds) was well: its next fault is a new one.
STEADY = 300.0

#: Seconds in which a loop ends that has something to bring to its end; the others take none.
LEAVING = {"sync": 10.0, "chat outbox": 6.0, "mail": 4.0}


@dataclass(frozen=True)
class LoopState:
    """`running_since`: UTC seconds, 0 while it waits to be started again; `restarts`: since the service started;
    `fault`: the kind of the last one, "" when there was none."""

    running_since: int = 0
    restarts: int = 0
    fault: str = ""
    fault_at: int = 0


class Loops:
    """:param stumbled: told of each fault, which it logs, and says how long (seconds) the loop waits at least."""

    def __init__(self, stumbled: Callable[[str, Exception], float]) -> None:
        self._stumbled = stumbled
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._states: dict[str, LoopState] = {}

    @property
    def states(self) -> Mapping[str, LoopState]:
        return self._states

    def start(self, name: str, make: Callable[[], Awaitable[None]]) -> None:
        self._states[name] = LoopState()
        self._tasks[name] = asyncio.create_task(self._keep(name, make), name=name)

    async def leave(self) -> None:
        await leave(list(self._tasks.values()))

    async def _keep(self, name: str, make: Callable[[], Awaitable[None]]) -> None:
        delay = 1.0
        while True:
            started = time.monotonic()
            self._states[name] = replace(self._states[name], running_since=int(time.time()))
            least = 0.0
            try:
                await make()
            except Exception as error:
                least = self._stumbled(name, error)
                self._states[name] = replace(self._states[name], fault=type(error).__name__, fault_at=int(time.time()))
            if time.monotonic() - started > STEADY:
                delay = 1.0
            state = self._states[name]
            self._states[name] = replace(state, running_since=0, restarts=state.restarts + 1)
            await asyncio.sleep(max(delay, least))
            delay = min(delay * 2, LONGEST_DELAY)


async def leave(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """End all loops. A library can lose a cancellation that comes at the same moment as an answer (`asyncio.wait_for`
    does, until Python 3.12): who still runs after the time that leaving takes him is cancelled once more."""
    began = time.monotonic()
    for task in tasks:
        task.cancel()
    while left := [task for task in tasks if not task.done()]:
        await asyncio.wait(left, timeout=0.2)
        for task in left:
            if not task.done() and time.monotonic() - began > LEAVING.get(task.get_name(), 1.0):
                log.warning("%s did not stop and is told again", task.get_name())
                task.cancel()

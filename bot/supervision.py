"""The loops of the service: each is started again when it stumbles, later each time, and none takes the others down."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

log = logging.getLogger(__name__)

#: Seconds before a loop that stumbled is started again: after the first time, and at most.
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0

#: A loop that ran for so long (seconds) was well: its next fault is a new one.
STEADY = 300.0

#: How people call the loops.
NAMES = {
    "sync": "FTP",
    "notices": "avis",
    "chat": "Telegram, réception",
    "chat outbox": "Telegram, envoi",
    "chat wiping": "codes à effacer du chat",
    "mail": "courriel, réception",
    "mail outbox": "courriel, envoi",
    "clerk": "réponses",
    "purge": "effacement à terme",
    "workshop": "tableurs et images",
    "storage": "place sur le disque",
    "clock": "horloge",
    "watchdog": "surveillance",
    "systemd": "signes de vie",
    "health": "état du service",
    "metrics": "mesures",
    "backup": "sauvegarde",
}

#: Seconds in which a loop ends that has something to bring to its end; the others take none.
LEAVING = {"sync": 5.5, "chat": 5.0, "chat outbox": 5.0, "mail outbox": 5.0, "mail": 3.0, "clerk": 3.0}

#: Seconds after which who has not ended is left behind: what was under way is then as after a crash.
LONGEST_LEAVE = 7.0


class LoopEnded(Exception):
    """A loop ended that is to run for ever."""


@dataclass(frozen=True)
class LoopState:
    """`running_since`: UTC seconds, 0 while it waits to be started again; `restarts`: since the service started;
    `in_a_row`: those after which it did not run well; `fault`: the kind of the last one, "" when there was none."""

    running_since: int = 0
    restarts: int = 0
    in_a_row: int = 0
    fault: str = ""
    fault_at: int = 0


@dataclass
class _Loop:
    name: str
    make: Callable[[], Awaitable[None]]
    state: LoopState = field(default_factory=LoopState)
    keeper: "asyncio.Task[None] | None" = None
    attempt: "asyncio.Task[None] | None" = None
    broken_off: str = ""
    steady_at: float = 0.0


class Loops:
    """:param stumbled: told of each fault, which it logs, and says how long (seconds) the loop waits at least."""

    def __init__(self, stumbled: Callable[[str, Exception], float]) -> None:
        self._stumbled = stumbled
        self._loops: dict[str, _Loop] = {}

    @property
    def states(self) -> Mapping[str, LoopState]:
        return {name: _seen(loop) for name, loop in self._loops.items()}

    def start(self, name: str, make: Callable[[], Awaitable[None]]) -> None:
        self._loops[name] = loop = _Loop(name, make)
        loop.keeper = asyncio.create_task(self._keep(loop), name=f"{name}, kept")

    def restart(self, name: str, why: str) -> bool:
        """Break off what a loop does, which is started again soon. False when it is not running."""
        loop = self._loops[name]
        if loop.attempt is None or loop.attempt.done():
            return False
        log.warning("%s is broken off: %s", name, why)
        loop.broken_off = why
        loop.attempt.cancel()
        return True

    async def leave(self) -> None:
        """End all of them; see `leave`."""
        for loop in self._loops.values():
            if loop.keeper:
                loop.keeper.cancel()
        await leave([loop.attempt for loop in self._loops.values() if loop.attempt and not loop.attempt.done()])

    async def _keep(self, loop: _Loop) -> None:
        delay = FIRST_DELAY
        while True:
            loop.broken_off = ""
            loop.steady_at = time.monotonic() + STEADY
            loop.state = replace(loop.state, running_since=int(time.time()))
            # A task of its own: who cancels the loop from inside does not end who keeps it.
            loop.attempt = asyncio.create_task(_whole(loop.make), name=loop.name)
            await asyncio.wait({loop.attempt})
            least = self._ended(loop, loop.attempt)
            if time.monotonic() >= loop.steady_at:
                delay = FIRST_DELAY
            await asyncio.sleep(max(delay, least))
            delay = min(delay * 2, LONGEST_DELAY)

    def _ended(self, loop: _Loop, attempt: "asyncio.Task[None]") -> float:
        """Note how a loop ended; how long (seconds) it waits at least."""
        state, least, fault = _seen(loop), 0.0, "silence"
        if not (attempt.cancelled() and loop.broken_off):
            error = LoopEnded("it was cancelled") if attempt.cancelled() else attempt.exception()
            error = error or LoopEnded("it returned")
            fault = type(error).__name__
            if isinstance(error, Exception):
                least = self._stumbled(loop.name, error)
        loop.state = LoopState(0, state.restarts + 1, state.in_a_row + 1, fault, int(time.time()))
        return least


def _seen(loop: _Loop) -> LoopState:
    is_steady = loop.state.running_since and time.monotonic() >= loop.steady_at
    return replace(loop.state, in_a_row=0) if is_steady else loop.state


async def _whole(make: Callable[[], Awaitable[None]]) -> None:
    await make()


async def leave(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """End all loops. A library can lose a cancellation that comes at the same moment as an answer (`asyncio.wait_for`
    does, until Python 3.12): who still runs after the time that leaving takes him is cancelled once more, and left
    behind after `LONGEST_LEAVE`."""
    began = time.monotonic()
    for task in tasks:
        task.cancel()
    while left := [task for task in tasks if not task.done()]:
        await asyncio.wait(left, timeout=0.2)
        waited = time.monotonic() - began
        for task in left:
            if not task.done() and waited > LEAVING.get(task.get_name(), 1.0):
                log.warning("%s did not stop and is told again", task.get_name())
                task.cancel()
        if waited > LONGEST_LEAVE:
            log.warning("left behind: %s", ", ".join(task.get_name() for task in left))
            return
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            log.warning("%s ended with %s", task.get_name(), type(error).__name__)

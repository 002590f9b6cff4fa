"""Faults in bursts, drawn from a seed, with quiet times between, in which everything has to recover."""

import asyncio
import logging
import random
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from bot.sandbox.botapi import Fault
from tests.soak.relay import Relay
from tests.soak.watch import children
from tests.soak.world import World

log = logging.getLogger(__name__)


QUICK = (
    "all killed",
    "service killed",
    "worker killed",
    "FTP cut amid a file",
    "SMTP answer lost after DATA",
    "IMAP cut",
    "Bot API sendMessage disconnect_after",
    "Bot API getUpdates truncated",
)


@dataclass(frozen=True)
class Plan:
    """Seconds: `begin` before the first burst, then `burst` of faults and `quiet`, alternately; nothing in the last
    `end`. `pause`: least and most between two faults of a burst.

    `only`: the kinds that a short run has time for, () for all: no time-out, and none that is tried again late.
    `kills`: shares of the whole time between which processes are ended; in the rest they grow old.
    """

    begin: float
    burst: float
    quiet: float
    end: float
    pause: tuple[float, float]
    longest: float
    kills: tuple[tuple[float, float], ...]
    only: tuple[str, ...] = ()

    @classmethod
    def of(cls, seconds: float) -> "Plan":
        if seconds < 150:
            return cls(4, 9, 5, 4, (0.5, 1.5), 2, ((0, 1),), QUICK)
        if seconds < 900:
            return cls(20, 25, 25, 20, (1.0, 6.0), 8, ((0, 0.4),))
        return cls(60, 60, 60, 240, (2.0, 10.0), 20, ((0, 0.4), (0.85, 1)))


class Faults:
    """`happened`: how often each kind did; `violations`: what the service did wrong under one."""

    def __init__(self, world: World, seed: int, seconds: float) -> None:
        self.happened: Counter[str] = Counter()
        self.violations: list[str] = []
        self.plan = Plan.of(seconds)
        self._world = world
        self._seconds = seconds
        self._random = random.Random(f"faults {seed}")
        self._deck: list[str] = []
        self._running: set[asyncio.Task[None]] = set()
        self._service_busy = asyncio.Lock()

    async def happen(self, at_quiet: Callable[[], Awaitable[None]]) -> None:
        """From now until `seconds` are over; `at_quiet` is called at the end of each quiet time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        last = began + self._seconds - self.plan.end
        await asyncio.sleep(self.plan.begin)
        while loop.time() < last:
            burst_ends = min(loop.time() + self.plan.burst, last)
            # However slowly they follow each other, none of a short run's kinds is left out.
            while loop.time() < burst_ends or set(self.plan.only) - self.happened.keys():
                self._begin((loop.time() - began) / self._seconds)
                await asyncio.sleep(self._random.uniform(*self.plan.pause))
            await self.heal()
            await asyncio.sleep(min(self.plan.quiet, max(0.0, began + self._seconds - loop.time())))
            await at_quiet()
        await self.heal()

    async def heal(self) -> None:
        await asyncio.gather(*self._running)
        for relay in self._world.relays:
            relay.heal()
        self._world.api.heal()
        self._world.mail.answers_to_lose = 0

    def _begin(self, share: float) -> None:
        kinds = dict(self._of_networks)
        if any(begin <= share < end for begin, end in self.plan.kills):
            kinds |= self._of_processes
        if self.plan.only:
            kinds = {name: kinds[name] for name in self.plan.only}
        name = self._drawn(kinds)
        self.happened[name] += 1
        log.info("fault: %s", name)
        task = asyncio.get_running_loop().create_task(kinds[name]())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _drawn(self, kinds: Collection[str]) -> str:
        """Each kind once, in some order, before any comes again."""
        if not (possible := [name for name in self._deck if name in kinds]):
            possible = self._random.sample(sorted(kinds), len(kinds))
            self._deck += possible
        self._deck.remove(possible[0])
        return possible[0]

    @property
    def _while(self) -> float:
        return self._random.uniform(0.3, 1.0) * self.plan.longest

    # -- networks and servers

    @property
    def _of_networks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        world, draw = self._world, self._random
        found: dict[str, Callable[[], Awaitable[None]]] = {
            "IMAP half open": lambda: self._do(world.imap.lose),
            "FTP cut amid a file": lambda: self._do(lambda: world.ftp.cut_after(draw.randint(1, 8000))),
            "SMTP cut amid a mail": lambda: self._do(lambda: world.smtp.cut_after(draw.randint(500, 9000))),
            "SMTP answer lost after DATA": self._lose_answer,
        }
        greetings = {"FTP": b"421 try later\r\n", "SMTP": b"421 4.3.2 try later\r\n", "IMAP": b"* BYE try later\r\n"}
        for name, relay in zip(("FTP", "SMTP", "IMAP", "Bot API"), world.relays, strict=True):
            found[f"{name} cut"] = self._cut(relay)
            found[f"{name} stalled"] = self._stall(relay)
            found[f"{name} refuses"] = self._refuse(relay, b"")
            if name in greetings:
                found[f"{name} says try later"] = self._refuse(relay, greetings[name])
        answers: tuple[tuple[str, Fault, int], ...] = (
            ("sendMessage", "429", 1),
            ("*", "502", 3),
            ("sendMessage", "html", 1),
            ("sendMessage", "timeout_after", 1),
            ("sendMessage", "truncated", 1),
            ("sendMessage", "disconnect_after", 1),
            ("sendPhoto", "disconnect", 1),
            ("editMessageText", "timeout", 1),
            ("getUpdates", "truncated", 1),
            ("getUpdates", "disconnect_after", 2),
            ("getFile", "500", 1),
        )
        for method, fault, times in answers:
            found[f"Bot API {method} {fault}"] = self._answer(method, fault, times)
        return found

    async def _do(self, fault: Callable[[], None]) -> None:
        fault()

    async def _lose_answer(self) -> None:
        self._world.mail.answers_to_lose += 1

    def _cut(self, relay: Relay) -> Callable[[], Awaitable[None]]:
        return lambda: self._do(relay.cut)

    def _stall(self, relay: Relay) -> Callable[[], Awaitable[None]]:
        async def stall() -> None:
            relay.stall()
            await asyncio.sleep(self._while)
            relay.heal()

        return stall

    def _refuse(self, relay: Relay, words: bytes) -> Callable[[], Awaitable[None]]:
        async def refuse() -> None:
            relay.refusal = words
            relay.cut()
            await asyncio.sleep(self._while)
            relay.refusal = None

        return refuse

    def _answer(self, method: str, fault: Fault, times: int) -> Callable[[], Awaitable[None]]:
        return lambda: self._do(lambda: self._world.api.fail_next(method, fault, times, retry_after=2))

    # -- processes

    @property
    def _of_processes(self) -> dict[str, Callable[[], Awaitable[None]]]:
        service = self._world.service
        return {
            "all killed": self._ended(service.kill),
            "service killed": self._ended(service.kill_alone),
            "service stopped": self._ended(self._stop),
            "worker killed": self._kill_child("core.worker"),
            "workshop killed": self._kill_child("core.workshop"),
            "all paused": self._pause,
        }

    def _stop(self) -> None:
        try:
            status = self._world.service.stop()
        except subprocess.TimeoutExpired as error:
            self.violations.append(f"the service did not stop within {error.timeout} s")
        else:
            if status:
                self.violations.append(f"the service stopped with status {status}")

    def _ended(self, end: Callable[[], object]) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            async with self._service_busy:
                await asyncio.to_thread(end)
                await asyncio.sleep(self._random.uniform(0.1, 2.0))
                self._world.service.start()
                await asyncio.sleep(1)

        return run

    def _kill_child(self, program: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            async with self._service_busy:
                for process in children(self._world.service.pid):
                    if program in process.program:
                        with suppress(ProcessLookupError):
                            process.kill()

        return run

    async def _pause(self) -> None:
        async with self._service_busy:
            self._world.service.pause()
            await asyncio.sleep(self._while)
            self._world.service.resume()

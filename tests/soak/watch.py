"""What the service takes of the machine, and what waits in its stores, every few seconds."""

import asyncio
import os
import signal
import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.soak.world import BOT, World

#: Bytes.
_PAGE = os.sysconf("SC_PAGE_SIZE")

#: Megabytes.
LARGEST_WORKSHOP = 350.0


@dataclass(frozen=True)
class Process:
    pid: int
    program: str

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Usage:
    """One process at one moment, `at` seconds after the start. `program`: service, worker, workshop."""

    at: float
    pid: int
    program: str
    megabytes: float
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Waiting:
    """What waited at one moment; `oldest`: seconds of the oldest parcel; sizes in bytes."""

    at: float
    inbox: int = 0
    to_file: int = 0
    chat: int = 0
    mail: int = 0
    failed: int = 0
    oldest: int = 0
    events: int = 0
    unread_files: int = 0
    unconfirmed: int = 0
    in_mailbox: int = 0
    telecom: int = 0
    telecom_log: int = 0
    desk: int = 0
    desk_log: int = 0

    @property
    def queued(self) -> int:
        own = self.inbox + self.to_file + self.chat + self.mail + self.events + self.unread_files
        return own + self.unconfirmed + self.in_mailbox


class Watch:
    """`usages` and `waiting` are what was seen so far."""

    def __init__(self, world: World) -> None:
        self.usages: list[Usage] = []
        self.waiting: list[Waiting] = []
        self._world = world
        self._began = time.monotonic()

    async def look_every(self, seconds: float) -> None:
        while True:
            await self.look()
            await asyncio.sleep(seconds)

    async def look(self) -> Waiting | None:
        at = round(time.monotonic() - self._began, 1)
        self.usages += _usages(self._world.service.pid, at)
        waiting = await asyncio.to_thread(self._what_waits, at)
        in_mailbox = len(await self._world.mail.messages(BOT))
        if waiting:
            waiting = Waiting(**asdict(waiting) | {"unconfirmed": self._world.api.pending, "in_mailbox": in_mailbox})
            self.waiting.append(waiting)
            with (self._world.folder / "samples.txt").open("a") as file:
                print(waiting, file=file)
                for usage in self.usages:
                    if usage.at == at:
                        print(usage, file=file)
        return waiting

    def _what_waits(self, at: float) -> Waiting | None:
        data = self._world.service.data
        try:
            with closing(read_only(data / "desk.db")) as desk, closing(read_only(data / "telecom.db")) as telecom:
                parcels = dict(
                    desk.execute(
                        "SELECT channel, count(*) FROM outbox WHERE state IN ('queued', 'sending') GROUP BY channel"
                    )
                )
                oldest = _one(desk, "SELECT min(created_at) FROM outbox WHERE state IN ('queued', 'sending')")
                cursor = _one(desk, "SELECT coalesce(max(value), 0) FROM progress WHERE name = 'event_cursor'")
                last = _one(telecom, "SELECT coalesce(max(last_event), 0) FROM passes")
                return Waiting(
                    at,
                    inbox=_one(desk, "SELECT count(*) FROM inbox WHERE state = 'new'"),
                    to_file=_one(desk, "SELECT count(*) FROM inbox WHERE filing != ''"),
                    chat=parcels.get("chat", 0),
                    mail=parcels.get("mail", 0),
                    failed=_one(desk, "SELECT count(*) FROM outbox WHERE state = 'failed'"),
                    oldest=int(time.time()) - oldest if oldest else 0,
                    events=max(0, last - cursor),
                    unread_files=_one(telecom, "SELECT count(*) FROM files WHERE state IN ('fetched', 'retry')"),
                    telecom=_size(data / "telecom.db"),
                    telecom_log=_size(data / "telecom.db-wal"),
                    desk=_size(data / "desk.db"),
                    desk_log=_size(data / "desk.db-wal"),
                )
        except sqlite3.OperationalError:  # not there yet
            return None


def read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _one(db: sqlite3.Connection, query: str) -> int:
    return db.execute(query).fetchone()[0] or 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


# -- processes


def children(pid: int) -> list[Process]:
    """Below a process, at any depth."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for word in (task / "children").read_text().split():
                child = int(word)
                found.append(Process(child, _program(child)))
                found += children(child)
    return found


def _program(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _usages(service: int, at: float) -> list[Usage]:
    if not service:
        return []
    found = [_usage(service, "service", at)]
    for child in children(service):
        name = next((name for name in ("worker", "workshop") if f"core.{name}" in child.program), "")
        if name:
            found.append(_usage(child.pid, name, at))
    return [usage for usage in found if usage]


def _usage(pid: int, program: str, at: float) -> Usage | None:
    own = Path(f"/proc/{pid}")
    try:
        pages = int((own / "statm").read_text().split()[1])
        descriptors = len(list((own / "fd").iterdir()))
        threads = len(list((own / "task").iterdir()))
    except OSError:
        return None
    return Usage(at, pid, program, round(pages * _PAGE / 1e6, 1), descriptors, threads)


# -- what it tells


@dataclass(frozen=True)
class Growth:
    """A process that grew old: what it took (medians) in the first and in the second half of its life, its youth left
    out; `an_hour`: megabytes by least squares."""

    program: str
    pid: int
    seconds: float
    megabytes: tuple[float, float]
    descriptors: tuple[float, float]
    threads: tuple[float, float]
    an_hour: float

    @property
    def is_flat(self) -> bool:
        """At most 15 % more memory (8 MB of a small process); 3 more descriptors and threads.

        The workshop's memory stands still only after some forty charts, at half as much again: it has a ceiling."""
        before, after = self.megabytes
        ceiling = LARGEST_WORKSHOP if self.program == "workshop" else max(before * 1.15, before + 8)
        return (
            after <= ceiling
            and self.descriptors[1] <= self.descriptors[0] + 3
            and self.threads[1] <= self.threads[0] + 3
        )


def growths(usages: Sequence[Usage], least: float) -> list[Growth]:
    """Of every process that lived for `least` seconds; the first third of its life (a minute at least) is its youth:
    libraries are loaded, caches filled."""
    found = []
    for pid in dict.fromkeys(usage.pid for usage in usages):
        life = [usage for usage in usages if usage.pid == pid]
        seconds = life[-1].at - life[0].at
        if seconds < least:
            continue
        youth = life[0].at + max(60.0, seconds / 3)
        grown = [usage for usage in life if usage.at >= youth]
        if len(grown) < 8:
            continue
        half = len(grown) // 2

        def both(value: Callable[[Usage], float], grown: list[Usage] = grown, half: int = half) -> tuple[float, float]:
            return statistics.median(map(value, grown[:half])), statistics.median(map(value, grown[half:]))

        slope = statistics.linear_regression([it.at for it in grown], [it.megabytes for it in grown]).slope
        found.append(
            Growth(
                life[0].program,
                pid,
                seconds,
                both(lambda it: it.megabytes),
                both(lambda it: it.descriptors),
                both(lambda it: it.threads),
                round(slope * 3600, 1),
            )
        )
    return found

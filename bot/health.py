"""How the service is, in a file that other processes read (`origyne-bot status`, a container's health check).

The stores are read beside the event loop, by connections of their own, and the file is written there: no answer waits
for it. Where it cannot be written (a full disk) it stays as it was, and its age tells.
"""

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from sqlite_utils import Database

from bot import __version__
from bot.desk import FILE_NAME as DESK_FILE
from bot.house import House
from bot.pulse import Pulse, Sign
from bot.queues import Queues, look
from bot.supervision import Loops, LoopState
from core import backup, freshness, store
from core.freshness import LastPass
from core.settings import Settings
from handlers.desk import Standing

FILE_NAME = "health.json"

#: Seconds between two writings.
INTERVAL = 5.0

#: Since when this process runs (UTC seconds).
_STARTED = int(time.time())


@dataclass(frozen=True)
class Stores:
    """What the stores and the machine tell. `queues`: None when a store cannot be read now; `backup_at`: UTC seconds of
    the newest backup, 0 for none; the rest in bytes, `memory` that of the service's own process."""

    queues: Queues | None = None
    last_pass: LastPass | None = None
    backup_at: int = 0
    disk_free: int = 0
    disk_size: int = 0
    memory: int = 0


@dataclass(frozen=True)
class Health:
    """Times are UTC seconds. `stopped_at`: 0 until the service stops, and for ever when it is killed; `faults`: what
    does not work now; `signs`: when each part last did what it is there for."""

    version: str
    pid: int
    started_at: int
    written_at: int
    stopped_at: int = 0
    loops: Mapping[str, LoopState] = field(default_factory=dict)
    signs: Mapping[Sign, int] = field(default_factory=dict)
    faults: tuple[Standing, ...] = ()
    stores: Stores = Stores()


_ADAPTER = TypeAdapter(Health)


async def keep(house: House, pulse: Pulse, loops: Loops) -> None:
    """Write it down for ever, and that the service stops when it does."""
    house.own.loops = lambda: loops.states
    health = await take(house, pulse, loops)
    writing: asyncio.Future[None] | None = None
    try:
        while True:
            writing = asyncio.ensure_future(asyncio.to_thread(write, house.data, health))
            await asyncio.shield(writing)
            await asyncio.sleep(INTERVAL)
            health = await take(house, pulse, loops)
    except asyncio.CancelledError:
        if writing:
            await asyncio.wait([writing])  # its thread goes on, and must not have the last word
        now = int(time.time())
        write(house.data, replace(health, written_at=now, stopped_at=now))
        raise


async def take(house: House, pulse: Pulse, loops: Loops) -> Health:
    """How it is now."""
    stores = await asyncio.to_thread(_measure, house.settings, house.data)
    return Health(
        __version__,
        os.getpid(),
        _STARTED,
        int(time.time()),
        loops=loops.states,
        signs=pulse.all(),
        faults=house.own.faults(),
        stores=stores,
    )


def write(data: Path, health: Health) -> None:
    """Put it in the place of the former one, readable by its owner only."""
    part = data / f".{FILE_NAME}.part"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as to:
            to.write(_ADAPTER.dump_json(health, indent=1))
        part.replace(data / FILE_NAME)
    except OSError:
        with suppress(OSError):
            part.unlink()


def read(data: Path) -> Health | None:
    """What the service last wrote, None where it never did."""
    try:
        return _ADAPTER.validate_json((data / FILE_NAME).read_bytes())
    except (OSError, ValidationError):
        return None


@contextmanager
def looking(data: Path) -> Iterator[tuple[Database, Database]]:
    """Both stores, desk first, only to be read.

    :raises sqlite3.DatabaseError: one is not there, or cannot be read.
    """
    with closing(store.connect(data / DESK_FILE)) as desk, closing(store.open_to_read(data)) as telecom:
        desk.execute("PRAGMA query_only = ON")
        yield desk, telecom


def _measure(settings: Settings, data: Path) -> Stores:
    queues, last_pass = None, None
    with suppress(sqlite3.Error), looking(data) as (desk, telecom):  # who works with them says so
        queues, last_pass = look(desk, telecom, int(time.time())), freshness.last_pass(telecom)
    disk = shutil.disk_usage(data)
    newest = backup.newest(settings)
    return Stores(queues, last_pass, newest.at if newest else 0, disk.free, disk.total, _memory())


def _memory() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # not Linux
        return 0

"""Whether a service uses a data folder: one at a time does, and commands that leave it something to do ask."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import getpid
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "service.lock"

#: Who holds the lock, for people; what counts is the lock, which ends with its process.
PID = "service.pid"

#: Seconds: a command that asks `is_running` holds the lock for a moment.
_PATIENCE = 2.0


class AlreadyRunning(Exception):
    """Another service uses this data folder."""


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Be the service of a data folder.

    :raises AlreadyRunning: it has one.
    """
    lock = FileLock(data / LOCK)
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise AlreadyRunning(f"un service tourne déjà sur le dossier {data}{_holder(data)}") from None
    try:
        with suppress(OSError):  # a full disk is said otherwise
            (data / PID).write_text(f"{getpid()}\n", "ascii")
        yield
    finally:
        with suppress(OSError):
            (data / PID).unlink(missing_ok=True)
        lock.release()


def is_running(data: Path) -> bool:
    lock = FileLock(data / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _holder(data: Path) -> str:
    try:
        return f" (processus {int((data / PID).read_text('ascii'))})"
    except (OSError, ValueError):
        return ""

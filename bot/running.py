"""Whether a service uses a data folder, for commands that leave it something to do."""

from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "service.lock"


def is_running(data: Path) -> bool:
    lock = FileLock(data / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False

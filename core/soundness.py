"""Whether a store's file is what SQLite wrote, and what becomes of one that is not."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

#: The exit status of a process that met a damaged store: the next start mends it.
DAMAGED = 3

#: A store of so many bytes is read whole at each start, which takes a second or two. Of a larger one that costs half a
#: minute of silence a start, and SQLite survives crashes: its length, its schema and the beginning of each table are
#: looked at, and the rest only where something was wrong before; each daily backup reads its copy whole.
SMALL = 512 * 1024 * 1024

#: Seconds that a file which was set aside is kept: it holds what goes of the store.
ASIDE_KEPT = 30 * 86400

#: Begins every file of SQLite 3.
_MAGIC = b"SQLite format 3\x00"

#: There as long as something was wrong with a store and no start has looked into it.
_SUSPECT = "suspect"

_ASIDE = ("damaged", "replaced")


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is damaged; a full disk or a lock is no damage."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.DatabaseError) and code is not None and code & 0xFF in _CODES


_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def suspect(data: Path) -> None:
    """Something is wrong with a store: the next start reads both whole."""
    (data / _SUSPECT).touch(mode=0o600)


def is_suspected(data: Path) -> bool:
    return (data / _SUSPECT).exists()


def trust(data: Path) -> None:
    """Both stores were read whole, or made anew."""
    (data / _SUSPECT).unlink(missing_ok=True)


def fault(path: Path, *, whole: bool) -> str:
    """What is wrong with a store that is there (French), "" where nothing is. Nobody else may write meanwhile.

    :param whole: read all of it, however large.
    :raises sqlite3.OperationalError: it cannot be looked at, which is no damage: rights, a lock, a disk that fails.
    """
    if path.stat().st_size == 0:
        return "le fichier est vide"
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return "ce n'est pas une base SQLite"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as db:
            db.execute("PRAGMA busy_timeout = 10000")
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in tables:
                db.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()
            return first_fault(db) if whole or path.stat().st_size <= SMALL else ""
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return "une partie du fichier est abîmée"
        raise


def first_fault(db: sqlite3.Connection) -> str:
    """Of all pages (French), "" where nothing is wrong with any."""
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return "" if found == "ok" else "une partie du fichier est abîmée"


def set_aside(path: Path, *, damaged: bool) -> Path | None:
    """Give a store another name, with its log, under which SQLite can still open it; None where there is none.

    What only serves processes that have it open goes.
    """
    at = int(time.time())
    while (new := path.with_name(f"{path.name}.{at}.{_ASIDE[0] if damaged else _ASIDE[1]}")).exists():
        at += 1
    moved = path.exists()
    if moved:
        path.rename(new)
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        wal.rename(new.with_name(f"{new.name}-wal")) if moved else wal.unlink()
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return new if moved else None


def put_in_place(made: Path, path: Path, *, damaged: bool) -> None:
    """Let a whole store that nobody has open take the place of one that is set aside. Cut short in between, there is
    none: never an empty one, which would pass for sound."""
    with made.open("rb+") as file:
        os.fsync(file.fileno())
    set_aside(path, damaged=damaged)
    made.rename(path)
    sync_folder(path.parent)


def times_damaged(path: Path, since: int) -> int:
    """How often a damaged file of that name was set aside since then (UTC seconds)."""
    return sum(at >= since and it.name.endswith(_ASIDE[0]) for it, at in _set_aside(path))


def old_ones(path: Path, now: int) -> list[Path]:
    """What was set aside of that store so long ago that it goes."""
    return [it for it, at in _set_aside(path) if at < now - ASIDE_KEPT]


def _set_aside(path: Path) -> list[tuple[Path, int]]:
    found = []
    for it in path.parent.glob(f"{path.name}.*"):
        stamp, _, kind = it.name.removeprefix(f"{path.name}.").partition(".")
        if stamp.isdecimal() and kind.removesuffix("-wal") in _ASIDE:
            found.append((it, int(stamp)))
    return found


def sync_folder(folder: Path) -> None:
    """Make what was renamed there outlive a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

"""The mirror: new and changed files of the FTP account, copied into the data folder and written into the ledger.

A file is taken once its size and time stand still; `.tmp` and `.part` files wait for their final name.
A file that disappears from the server (after about 90 days) stays here.
"""

import asyncio
import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlite_utils import Database

from core.folders import folder_of, stamp_of
from core.ftp import Entry, FtpError, FtpSession, connect
from core.intake import MIRROR
from core.settings import FtpAccess

log = logging.getLogger(__name__)

#: After that many files that could not be fetched, the fault is the server's or the disk's.
_MOST_FAILURES = 3

_UNFINISHED = (".tmp", ".part", ".filepart", ".partial")


@dataclass(frozen=True)
class Progress:
    """How far the pass is: files and bytes fetched so far, of how many."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int


@dataclass(frozen=True)
class Fetched:
    """What a pass brought: `files` new or changed ones; `waiting`: still growing, left for the next pass."""

    files: int
    waiting: int


async def mirror(
    access: FtpAccess, db: Database, data: Path, progress: Callable[[Progress], None] = lambda _: None
) -> Fetched:
    """Fetch what is new or changed. Each file is whole on disk before the ledger names it.

    :raises FtpError: the server cannot be reached, refuses, or breaks off; what was fetched by then stays.
    """
    async with connect(access) as session:
        wanted = [entry for entry in await session.list_files() if _is_new(db, data, entry)]
        for sentence in session.ignored:
            log.warning("%s", sentence)
        unfinished = sum(entry.path.lower().endswith(_UNFINISHED) for entry in wanted)
        wanted = [entry for entry in wanted if not entry.path.lower().endswith(_UNFINISHED)]
        if not wanted:
            return Fetched(0, unfinished)
        # A file that is being sent shows by a second look, a little later.
        await asyncio.sleep(access.settle_seconds)
        seen = {entry.path: entry for entry in await session.list_files()}
    still = [entry for entry in wanted if seen.get(entry.path) == entry]
    still.sort(key=lambda entry: (stamp_of(entry.path) or 0, entry.path))
    fetched = await _fetch_all(access, db, data, still, progress)
    return Fetched(fetched, len(wanted) - len(still) + unfinished)


async def _fetch_all(
    access: FtpAccess, db: Database, data: Path, entries: list[Entry], progress: Callable[[Progress], None]
) -> int:
    """Fetch in order. A file that fails is left for the next pass, and must not hold back those after it."""
    of_bytes = sum(entry.size for entry in entries)
    failures: list[FtpError] = []
    left, done, files = deque(entries), 0, 0
    while left:
        async with connect(access) as session:
            try:
                while left:
                    progress(Progress(files, len(entries), done, of_bytes))
                    entry = left.popleft()
                    await _fetch(session, db, data, entry)
                    done, files = done + entry.size, files + 1
            except FtpError as error:
                failures.append(error)
                if len(failures) == _MOST_FAILURES:
                    break
    progress(Progress(files, len(entries), done, of_bytes))
    if failures:
        raise failures[0]
    return files


def _is_new(db: Database, data: Path, entry: Entry) -> bool:
    known = db.execute("SELECT size, stamp FROM files WHERE path = ?", (entry.path,)).fetchone()
    return known is None or tuple(known) != (entry.size, entry.stamp) or not _inside(data / MIRROR, entry.path).exists()


async def _fetch(session: FtpSession, db: Database, data: Path, entry: Entry) -> None:
    target = _inside(data / MIRROR, entry.path)
    # The copy that the ledger names stays whole until the ledger names the new one.
    arriving = data / "arriving" / hashlib.sha256(entry.path.encode()).hexdigest()
    try:
        for folder in (arriving.parent, target.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FtpError(f"{target} : écriture impossible ({error.strerror}).", permanent=False) from error
    await session.download(entry, arriving)
    digest = await asyncio.to_thread(_sha256, arriving)
    stamp = stamp_of(entry.path)
    modified = None if stamp else await session.modified(entry)
    with db.atomic():
        db.execute(
            "INSERT INTO files (path, folder, size, stamp, sha256, modified_at, as_of, state, fetched_clock) "
            "VALUES (:path, :folder, :size, :stamp, :sha256, :modified, :as_of, 'fetched', :clock) "
            "ON CONFLICT (path) DO UPDATE SET size = excluded.size, stamp = excluded.stamp, "
            "modified_at = excluded.modified_at, fetched_clock = excluded.fetched_clock, "
            # The same bytes under a new date are no new version, and need not be read again.
            "version = version + (sha256 != excluded.sha256), "
            "state = iif(sha256 = excluded.sha256, state, 'fetched'), "
            "sha256 = excluded.sha256",
            {
                "path": entry.path,
                "folder": folder_of(entry.path),
                "size": entry.size,
                "stamp": entry.stamp,
                "sha256": digest,
                "modified": int(modified.timestamp()) if modified else None,
                "as_of": stamp,
                "clock": int(time.time()),
            },
        )
        # Within the transaction: a crash on either side of it fetches the file again, and loses nothing.
        try:
            arriving.replace(target)
        except OSError as error:
            raise FtpError(f"{target} : écriture impossible ({error.strerror}).", permanent=False) from error


def _inside(folder: Path, path: str) -> Path:
    """:raises FtpError: the path would leave the folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part in ("..", "") or "\x00" in part for part in parts):
        raise FtpError(f"le serveur FTP annonce un nom de fichier impossible : « {path} »", permanent=True)
    return folder.joinpath(*parts)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

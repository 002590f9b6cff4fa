"""The mirror: new and changed files of the FTP account, copied into the data folder and written into the ledger.

A file is taken once its size and time stand still; `.tmp` and `.part` files wait for their final name.
A file that disappears from the server (after about 90 days) stays here.
"""

import asyncio
import hashlib
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from core import copies, disk, sealing
from core.folders import folder_of, stamp_of
from core.ftp import Entry, FtpError, FtpSession, connect, sync_file
from core.settings import FtpAccess
from core.system_words import in_french

log = logging.getLogger(__name__)

#: After that many files in a row that broke off (on each of several connections, two), the fault is the server's or the
#: disk's: a server that falls silent must not be waited for at each file anew.
_MOST_FAILURES = 3
#: Files that the server refuses for good do not hold back the others, up to that many.
_MOST_REFUSED = 50

#: A connection for less than that many files is not worth its opening.
_FILES_A_CONNECTION = 4

_UNFINISHED = (".tmp", ".part", ".filepart", ".partial")

#: Where files lie while they come, below the data folder; what a cut left there is completed by the next pass.
_ARRIVING = "arriving"


@dataclass(frozen=True)
class Progress:
    """How far the pass is: files and bytes fetched so far, of how many. Told with each block, so that a long file is
    seen to come."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int


@dataclass(frozen=True)
class Fetched:
    """What a pass brought: `files` new or changed ones; `waiting`: still growing, left for the next pass.

    `failed`: those that the server refused, or that broke off, with the reason (French); the next pass tries again.
    `ignored`: what the server's listings held that is no file that could be fetched, one French sentence each.
    `moving`: the paths that were new or other than known, fetched or not; all others are as they were at the last pass.
    """

    files: int
    waiting: int
    failed: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    moving: frozenset[str] = field(default=frozenset(), compare=False)


class MirrorError(FtpError):
    """The FTP could not be followed to the end; `fetched` files had come by then. Its cause is a refusal of
    `core.disk` where it is this machine that could not write."""

    def __init__(self, cause: FtpError, fetched: int) -> None:
        super().__init__(str(cause), permanent=cause.permanent)
        self.fetched = fetched


async def mirror(
    access: FtpAccess, db: Database, data: Path, progress: Callable[[Progress], None] = lambda _: None
) -> Fetched:
    """Fetch what is new or changed. Each file is whole on disk before the ledger names it.

    :raises FtpError: the server cannot be reached, refuses, or breaks off; what was fetched by then stays.
    """
    async with connect(access) as session:
        known = {path: (size, stamp) for path, size, stamp in db.execute("SELECT path, size, stamp FROM files")}
        purged = {path for (path,) in db.execute("SELECT path FROM files WHERE state = 'purged'")}
        wanted = [entry for entry in await session.list_files() if _is_new(known, purged, data, entry)]
        moving = frozenset(entry.path for entry in wanted)
        ignored = tuple(session.ignored)
        unfinished = sum(entry.path.lower().endswith(_UNFINISHED) for entry in wanted)
        wanted = [entry for entry in wanted if not entry.path.lower().endswith(_UNFINISHED)]
        if not wanted:
            return Fetched(0, unfinished, ignored=ignored)
        # A file that is being sent shows by a second look, a little later.
        await asyncio.sleep(access.settle_seconds)
        seen = {entry.path: entry for entry in await session.look_again(wanted)}
    still = [entry for entry in wanted if seen.get(entry.path) == entry]
    # What broke off before comes last: files that always do must not keep away those behind them.
    still.sort(key=lambda entry: (_part(data, entry).exists(), stamp_of(entry.path) or 0, entry.path))
    fetching = _Fetching(access, db, data, still, progress)
    await fetching.run()
    waiting = len(wanted) - len(still) + unfinished
    return Fetched(fetching.files, waiting, tuple(fetching.failed), ignored, moving)


def _is_new(known: dict[str, tuple[int, str]], purged: set[str], data: Path, entry: Entry) -> bool:
    """Files past retention have no copy any more, and stay away (`core.retention`).

    :raises FtpError: the path would leave the folder of the copies.
    """
    try:
        is_there = copies.exists(data, entry.path) or entry.path in purged
        return not is_there or known.get(entry.path) != (entry.size, entry.stamp)
    except copies.PathError as error:
        raise FtpError(
            f"le serveur FTP annonce un nom de fichier impossible : « {entry.path} »", permanent=True
        ) from error


def _part(data: Path, entry: Entry) -> Path:
    """Where this version of the file lies while it comes."""
    key = hashlib.sha256(f"{entry.path}\0{entry.size}\0{entry.stamp}".encode()).hexdigest()
    return data / _ARRIVING / key


@dataclass(frozen=True)
class _Arrived:
    """A whole file that the ledger does not name yet."""

    entry: Entry
    part: Path
    sha256: str
    modified: datetime | None


class _Fetching:
    """Several connections that take files from one list, in order, and one writer of the ledger."""

    def __init__(
        self,
        access: FtpAccess,
        db: Database,
        data: Path,
        entries: list[Entry],
        progress: Callable[[Progress], None],
    ) -> None:
        self.files = 0
        self.failed: list[tuple[str, str]] = []
        self._access = access
        self._db = db
        self._data = data
        self._left = deque(entries)
        self._total = Progress(0, len(entries), 0, sum(entry.size for entry in entries))
        self._bytes = 0
        self._progress = progress
        self._arrived: asyncio.Queue[_Arrived | None] = asyncio.Queue()
        self._connections = min(access.connections, -(-len(entries) // _FILES_A_CONNECTION))
        self._refused = self._cut = 0
        self._broken: FtpError | None = None
        self._unconnected: FtpError | None = None

    async def run(self) -> None:
        """:raises MirrorError: no connection goes on, or one file after the other fails."""
        if not self._left:
            return
        self._tell()
        try:
            (self._data / _ARRIVING).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._data, error) from error
        writer = asyncio.create_task(self._write())
        fetchers = [asyncio.create_task(self._fetch()) for _ in range(self._connections)]
        try:
            await asyncio.gather(*fetchers)
        finally:
            for task in fetchers:
                task.cancel()
            await asyncio.gather(*fetchers, return_exceptions=True)
            self._arrived.put_nowait(None)
            await writer
        if self._left and not self._broken:
            self._broken = self._unconnected
        if self._broken:
            raise MirrorError(self._broken, self.files) from self._broken.__cause__
        if not self.failed:
            for left in (self._data / _ARRIVING).iterdir():
                left.unlink()  # beginnings of versions that are no longer there

    async def _fetch(self) -> None:
        """One connection after the other, until nothing is left."""
        while self._left and not self._broken:
            try:
                async with connect(self._access) as session:
                    await self._fetch_by(session)
            except FtpError as error:
                # A server that allows fewer connections refuses some; those that it took go on.
                self._unconnected = error
                return

    async def _fetch_by(self, session: FtpSession) -> None:
        """Fetch until nothing is left or this connection fails."""
        while self._left and not self._broken:
            entry = self._left.popleft()
            if shortage := _shortage(self._data, entry):
                log.warning("%s", shortage)
                self.failed.append((entry.path, shortage))
                continue
            part = _part(self._data, entry)
            try:
                digest = await session.fetch(entry, part, lambda _: self._tell())
                modified = None if stamp_of(entry.path) else await session.modified(entry)
            except FtpError as error:
                if error.__cause__ and disk.refusal_of(error.__cause__):
                    part.unlink(missing_ok=True)  # what people ask and are answered needs its room
                self._failed(entry, error)
                return
            await self._arrived.put(_Arrived(entry, part, digest, modified))

    def _failed(self, entry: Entry, error: FtpError) -> None:
        log.warning("%s", error)
        self.failed.append((entry.path, str(error)))
        if error.__cause__ and disk.refusal_of(error.__cause__):
            self._broken = error
            return
        self._refused += error.permanent
        self._cut += not error.permanent
        if self._cut >= max(_MOST_FAILURES, 2 * self._connections) or self._refused > _MOST_REFUSED:
            self._broken = self._broken or error

    def _tell(self) -> None:
        self._progress(Progress(self.files, self._total.of_files, self._bytes, self._total.of_bytes))

    # -- The ledger

    async def _write(self) -> None:
        """Whatever arrived meanwhile goes into one transaction."""
        last = False
        while not last:
            batch = [await self._arrived.get()]
            while not self._arrived.empty():
                batch.append(self._arrived.get_nowait())
            last = None in batch
            arrived = [it for it in batch if it]
            try:
                # The copy that the ledger names must survive a power cut.
                await asyncio.to_thread(_sync_all, [it.part for it in arrived])
                recorded = self._record(arrived)
            except (OSError, sqlite3.OperationalError) as error:
                self._broken = _unwritable(self._data, error)
                self._broken.__cause__ = error
                return
            for it, done in zip(arrived, recorded, strict=True):
                if done:
                    self._cut = 0
                    self.files += 1
                    self._bytes += it.entry.size
                    self._tell()

    def _record(self, arrived: list[_Arrived]) -> list[bool]:
        """Put the copies in their places and into the ledger; says of each whether it could be."""
        done = []
        with self._db.atomic():
            for it in arrived:
                target = copies.plain_path(self._data, it.entry.path)
                # A crash on either side of the transaction's end fetches the file again, and loses nothing.
                try:
                    is_lost = not copies.exists(self._data, it.entry.path)
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    it.part.replace(target)
                except OSError as error:
                    fault = _unwritable(target, error)
                    fault.__cause__ = error
                    self._failed(it.entry, fault)
                    done.append(False)
                    continue
                self._db.execute(_LEDGER, _values(it))
                if is_lost and self._db.execute(_IS_READ_AS_IT_IS, (it.entry.path,)).fetchone():
                    sealing.missed(self._db)  # its copy was given up with its codes (core.sealing)
                done.append(True)
        return done


def _unwritable(where: Path, error: Exception) -> FtpError:
    if refusal := disk.refusal_of(error):
        return FtpError(disk.unwritten(error, refusal), permanent=False)
    words = in_french(error) if isinstance(error, OSError) else type(error).__name__
    return FtpError(f"{where} : écriture impossible ({words}).", permanent=False)


def _shortage(data: Path, entry: Entry) -> str:
    """Why there is no room for a file (French), or ""; what it leaves must do for everything else."""
    try:
        free, reserve = disk.free(data), disk.reserve(data)
    except OSError:
        return ""
    if free - entry.size >= reserve:
        return ""
    return (
        f"{entry.path} : pas assez de place sur le disque ({free / 1e6:.0f} Mo libres, le fichier en prend "
        f"{entry.size / 1e6:.0f}, et {reserve / 1e6:.0f} restent pour le robot). Il est pris dès qu'il y en a."
    )


def _sync_all(paths: list[Path]) -> None:
    for path in paths:
        sync_file(path)


_LEDGER = (
    "INSERT INTO files (path, folder, size, stamp, sha256, modified_at, as_of, state, fetched_clock) "
    "VALUES (:path, :folder, :size, :stamp, :sha256, :modified, :as_of, 'fetched', :clock) "
    "ON CONFLICT (path) DO UPDATE SET size = excluded.size, stamp = excluded.stamp, "
    "modified_at = excluded.modified_at, fetched_clock = excluded.fetched_clock, "
    # The same bytes under a new date are no new version, and need not be read again.
    "version = version + (sha256 != excluded.sha256), "
    "state = iif(sha256 = excluded.sha256, state, 'fetched'), "
    "sha256 = excluded.sha256"
)

_IS_READ_AS_IT_IS = "SELECT 1 FROM files WHERE path = ? AND state = 'read' AND folder IN ('sims', 'account_status')"


def _values(arrived: _Arrived) -> dict[str, object]:
    entry = arrived.entry
    return {
        "path": entry.path,
        "folder": folder_of(entry.path),
        "size": entry.size,
        "stamp": entry.stamp,
        "sha256": arrived.sha256,
        "modified": int(arrived.modified.timestamp()) if arrived.modified else None,
        "as_of": stamp_of(entry.path),
        "clock": int(time.time()),
    }

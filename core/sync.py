"""One pass over the FTP account: mirror, then intake; and the ledger of passes."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import disk, logs, retention, sealing, store
from core.ftp import FtpError
from core.intake import Intake
from core.layouts import LayoutError
from core.mirror import Fetched, MirrorError, Progress, mirror
from core.settings import Settings
from core.trace import trace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pass:
    """What a pass did. `error`: why the FTP could not be followed to the end (French), "" when it could.

    `failed`: files that the server refused, with the reason (French); "" instead of a file for what is no single one's.
    `unwritten`: whether it is this machine's disk or store that the error is about.
    """

    fetched: int
    read: int
    waiting: int
    error: str = ""
    failed: tuple[tuple[str, str], ...] = ()
    unwritten: bool = False
    number: int = 0


_AHEAD = (
    "Toutes les communications gardées auraient passé leur terme : l'horloge de la machine est sans doute fausse. Rien "
    "n'a été effacé ; si sa date est juste, « origyne-bot purge » le fait."
)


class Syncer:
    """Makes passes; what reads files stays loaded between them.

    :param clock: UTC seconds, by which CDRs are past retention.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._data = settings.open_data_folder()
        self._starts = True

    async def run(
        self,
        fetching: Callable[[Progress], None] = lambda _: None,
        reading: Callable[[int, int], None] = lambda done, total: None,
        waiting: Callable[[], None] = lambda: None,
    ) -> Pass:
        """Make one pass; waits while another process makes one.

        :param fetching: told how the transfer goes.
        :param reading: told how many files are read, of how many.
        :param waiting: called now and then while another process makes a pass.
        :raises LayoutError: the user's layouts.toml cannot be used; nothing is read until it is mended.
        """
        try:
            async with _turn(FileLock(self._data / "sync.lock"), waiting):
                db = store.open_to_write(self._data)
                try:
                    (number,) = db.execute("SELECT coalesce(max(id), 0) + 1 FROM passes").fetchone()
                    with logs.about(f"p{number}"):
                        return replace(await self._run(db, fetching, reading), number=number)
                except sqlite3.OperationalError:
                    with suppress(sqlite3.OperationalError):
                        retention.empty_log(db)  # what was undone took room there
                    raise
                finally:
                    db.close()
        except (sqlite3.OperationalError, OSError) as error:
            refusal = disk.refusal_of(error)
            if refusal is None:
                raise
            log.error("the pass could not write: %s", trace(error))
            return Pass(0, 0, 0, disk.unwritten(error, refusal), unwritten=True)

    async def _run(
        self, db: Database, fetching: Callable[[Progress], None], reading: Callable[[int, int], None]
    ) -> Pass:
        started = int(self._clock())
        error, unwritten = "", False
        fetched = Fetched(0, 0)
        try:
            fetched = await mirror(self._settings.ftp, db, self._data, fetching)
        except FtpError as ftp_error:
            # What had arrived by then is read all the same.
            error = str(ftp_error)
            fetched = Fetched(ftp_error.fetched if isinstance(ftp_error, MirrorError) else 0, 0)
            log.warning("%s", error)
            if ftp_error.__cause__ and disk.refusal_of(ftp_error.__cause__):
                return Pass(fetched.files, 0, 0, error, unwritten=True)
        sealing.note_key(db, self._settings.vault)
        now = int(self._clock())
        failed = fetched.failed
        if fetched.ignored:
            more = f" ; {len(fetched.ignored) - 1} autres au journal" if len(fetched.ignored) > 1 else ""
            failed = (*failed, ("", f"Dans la liste des fichiers, {fetched.ignored[0]}{more}."))
        if retention.seems_ahead(db, now, self._settings.retention_months):
            failed = (*failed, ("", _AHEAD))
        elif not retention.leapt(db, now):
            retention.raise_floor(db, now, self._settings.retention_months)
        try:
            intake = Intake(db, self._data, self._settings.shortest_status, self._settings.vault)
        except LayoutError:
            self._purge(db, now)  # no term waits for a file to be mended
            raise
        files = intake.pending(retry_waiting=self._starts)
        self._starts = False
        unchanged = set() if error else _other_than(db, fetched.moving)
        unsettled = 0
        for number, file_id in enumerate(files):
            reading(number, len(files))
            unsettled += not intake.read(file_id, just_came=file_id not in unchanged)
        reading(len(files), len(files))
        try:
            intake.compress()
        except OSError as fault:  # the copies are as good as before
            if not (refusal := disk.refusal_of(fault)):
                raise
            error, unwritten = error or disk.unwritten(fault, refusal), True
        self._purge(db, now)
        with db.atomic():
            db.execute(
                "INSERT INTO passes (started_clock, ended_clock, fetched, last_event, error) "
                "VALUES (?, ?, ?, (SELECT coalesce(max(id), 0) FROM events), ?)",
                (started, int(self._clock()), fetched.files, error),
            )
            # One row a pass for ever would be the largest table of a quiet account.
            db.execute("DELETE FROM passes WHERE id <= (SELECT max(id) FROM passes) - 1000")
        return Pass(fetched.files, len(files) - unsettled, fetched.waiting + unsettled, error, failed, unwritten)

    def _purge(self, db: Database, now: int) -> None:
        """Once a day; what cannot be purged must not stop what arrives."""
        months = self._settings.retention_months
        if retention.is_due(db, now) and not (retention.seems_ahead(db, now, months) or retention.leapt(db, now)):
            try:
                retention.purge(db, self._data, now, months)
            except OSError as fault:
                log.error("purge: %s", fault)


def _other_than(db: Database, paths: Collection[str]) -> set[int]:
    return {file_id for file_id, path in db.execute("SELECT id, path FROM files") if path not in paths}


@asynccontextmanager
async def _turn(lock: FileLock, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the lock; whoever waits for it can still be stopped."""
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            waiting()
            await asyncio.sleep(0.2)
    try:
        yield
    finally:
        lock.release()

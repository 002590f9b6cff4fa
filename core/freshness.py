"""How fresh the store is: what came in each folder, how the passes over the FTP go, when the next one is, what is late.

Every function takes the time, in UTC seconds, and asks no clock.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from core import deliveries
from core.deliveries import CAME_AT, Kind, Late, Rhythm, Rules
from core.folders import FRENCH, PARIS, Folder
from core.settings import Settings

_TELLS_OF = "coalesce(as_of, modified_at, fetched_clock)"


@dataclass(frozen=True)
class FolderState:
    """What came in a folder of the card. `path`, `at`: its newest file, and when that came (UTC seconds).

    `files`: how many there are; `today`: those that came since midnight in Paris; `waiting`: those that wait for a
    person's word. `rejected`: rows set aside in all its files; for AccountStatus, where the same rows come again each
    hour, in the newest one alone.
    """

    folder: Folder
    path: str = ""
    at: int = 0
    files: int = 0
    today: int = 0
    waiting: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class LastPass:
    """A pass over the FTP that came to its end. `error`: why it could not follow the FTP to the end (French), or ""."""

    started: int
    ended: int
    fetched: int
    error: str


@dataclass(frozen=True)
class PassError:
    """An error that `times` passes in a row had. `first`, `last`: when those ended; `lasts`: the newest pass has it."""

    error: str
    first: int
    last: int
    times: int
    lasts: bool


def folders(db: Database, now: int) -> list[FolderState]:
    """Each folder of the card in its order; files that lie in no folder of the card only where there are any."""
    here = datetime.fromtimestamp(now, PARIS)
    midnight = int(here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    counts = {
        row[0]: row[1:]
        for row in db.execute(
            "SELECT folder, count(*), sum(at >= ?), sum(state IN ('waiting', 'retry')), sum(rejected_rows) "
            f"FROM (SELECT folder, {CAME_AT} AS at, state, rejected_rows FROM files) GROUP BY folder",
            (midnight,),
        )
    }
    return [_state(db, folder, counts) for folder in FRENCH if folder in counts or folder != "other"]


def _state(db: Database, folder: Folder, counts: dict[Folder, tuple[int, int, int, int]]) -> FolderState:
    if folder not in counts:
        return FolderState(folder)
    files, today, waiting, rejected = counts[folder]
    path, at = db.execute(
        f"SELECT path, {CAME_AT} AS at FROM files WHERE folder = ? "
        f"ORDER BY at DESC, {_TELLS_OF} DESC, path DESC LIMIT 1",
        (folder,),
    ).fetchone()
    if folder == "account_status":
        newest = db.execute(
            "SELECT rejected_rows FROM files WHERE folder = ? AND state = 'read' "
            f"ORDER BY {_TELLS_OF} DESC, path DESC LIMIT 1",
            (folder,),
        ).fetchone()
        rejected = newest[0] if newest else 0
    return FolderState(folder, path, at, files, today, waiting, rejected)


def last_pass(db: Database) -> LastPass | None:
    """The last pass that came to its end, None before the first."""
    row = db.execute(
        "SELECT started_clock, ended_clock, fetched, error FROM passes ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return LastPass(*row) if row else None


def last_errors(db: Database, most: int = 3) -> list[PassError]:
    """The newest errors of passes, newest first; passes in a row with the same one count as one."""
    found: list[PassError] = []
    after = ""  # the error of the pass that followed
    is_newest = True
    for ended, error in db.execute("SELECT ended_clock, error FROM passes ORDER BY id DESC"):
        if error and error == after:
            last = found[-1]
            found[-1] = PassError(error, ended, last.last, last.times + 1, last.lasts)
        elif error:
            if len(found) == most:
                break
            found.append(PassError(error, ended, ended, 1, is_newest))
        after, is_newest = error, False
    return found


def rhythm_of(settings: Settings) -> Rhythm:
    return Rhythm(settings.ftp_interval, settings.ftp_interval_outside)


def next_pass(rhythm: Rhythm, now: int, last_ended: int | None) -> int:
    """When the next pass begins at the latest (UTC seconds): sooner when a file was growing, or the FTP failed.

    :param last_ended: when the last one ended, None when there was none.
    """
    return now if last_ended is None else max(now, last_ended + rhythm.until_next(last_ended))


def late(db: Database, now: int, settings: Settings) -> dict[Kind, Late]:
    """The kinds of file that are overdue, by the rules of the settings."""
    rules = Rules(settings.late_status, settings.late_rated, settings.late_billed)
    return {found.kind: found for found in deliveries.late(now, deliveries.read(db), rules)}

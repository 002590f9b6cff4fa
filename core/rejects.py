"""Rows set aside, and files that wait for a person's word."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from core.folders import Folder
from core.forgotten import Forgotten
from core.readers import Reject


@dataclass(frozen=True)
class WaitingFile:
    path: str
    reason: str


@dataclass(frozen=True)
class FileWithRejects:
    """`as_of`: the time that the file tells of (UTC seconds); `rows`: those that went in."""

    path: str
    folder: Folder
    as_of: int
    rows: int
    rejected: int


@dataclass(frozen=True)
class RejectedRow:
    line: int
    reason: str
    content: str


def waiting_files(db: Database) -> list[WaitingFile]:
    rows = db.execute("SELECT path, reason FROM files WHERE state IN ('waiting', 'retry') ORDER BY path")
    return [WaitingFile(*row) for row in rows]


def files_with_rejects(db: Database, path: str = "") -> list[FileWithRejects]:
    """Newest first; only those of a path, or whose path ends so, when one is given."""
    rows = db.execute(
        "SELECT path, folder, coalesce(as_of, modified_at, fetched_clock) AS at, rows, "
        "(SELECT count(*) FROM rejects WHERE file_id = files.id) AS rejected FROM files "
        "WHERE rejected > 0 AND (:path = '' OR path = :path OR path LIKE '%/' || :path) ORDER BY at DESC, path",
        {"path": path},
    )
    return [FileWithRejects(*row) for row in rows]


def rows_of(db: Database, path: str, most: int) -> list[RejectedRow]:
    """The first rejected rows of a file."""
    rows = db.execute(
        "SELECT line, rejects.reason, content FROM rejects JOIN files ON files.id = file_id WHERE path = ? "
        "ORDER BY line LIMIT ?",
        (path, most),
    )
    return [RejectedRow(*row) for row in rows]


def without_values(reason: str) -> str:
    """A reason without the cells that it quotes: where columns are shifted, one can be a code or a called number."""
    return re.sub(r"«[^»]*\d[^»]*(?:»|$)", "« … »", reason)


def set_aside(db: Database, file_id: int, rejects: Iterable[Reject]) -> None:
    """Keep a file's rejected rows; of those that name what was erased on demand, not what they hold."""
    forgotten = Forgotten.load(db)
    db.conn.executemany(
        "INSERT OR REPLACE INTO rejects (file_id, line, reason, content) VALUES (?, ?, ?, ?)",
        [
            (file_id, it.line, without_values(it.reason), "")
            if forgotten.names(it.content) or forgotten.names(it.reason)
            else (file_id, it.line, it.reason, it.content)
            for it in rejects
        ],
    )


def accept(db: Database, path: str) -> bool:
    """A person's word that a waiting file is right as it is; whether there is such a file."""
    with db.atomic():
        changed = db.execute(
            "UPDATE files SET accepted = version, state = 'retry' WHERE path = ? AND state IN ('waiting', 'retry')",
            (path,),
        )
        return changed.rowcount > 0

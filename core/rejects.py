"""Rows set aside, and files that wait for a person's word."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from core.copies import CODED
from core.folders import Folder
from core.forgotten import Forgotten
from core.ledger import File
from core.readers import Reject
from core.reasons import fit_to_tell, without_values
from core.sealing import place
from core.vault import Vault, VaultError


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


def rows_of(db: Database, path: str, most: int, vault: Vault | None = None) -> list[RejectedRow]:
    """The first rejected rows of a file; "" for what a row holds, where it can hold codes and no key opens it."""
    rows = db.execute(
        "SELECT file_id, folder, line, rejects.reason, content FROM rejects JOIN files ON files.id = file_id "
        "WHERE path = ? ORDER BY line LIMIT ?",
        (path, most),
    )
    return [
        RejectedRow(line, reason, content_of(vault, file_id, folder, line, content))
        for file_id, folder, line, reason, content in rows
    ]


def of_file(db: Database, file: File, vault: Vault) -> list[Reject]:
    """All rejected rows of a file, as `rows_of`."""
    rows = db.execute("SELECT line, reason, content FROM rejects WHERE file_id = ? ORDER BY line", (file.id,))
    return [
        Reject(line, reason, content_of(vault, file.id, file.folder, line, content)) for line, reason, content in rows
    ]


def set_aside(db: Database, file: File, rejects: Iterable[Reject], vault: Vault) -> None:
    """Keep a file's rejected rows, sealed where they can hold codes; of those that name what was erased on demand, not
    what they hold."""
    forgotten = Forgotten.load(db)
    rows = []
    for it in rejects:
        reason, content = it.reason, it.content
        if forgotten.names(content) or forgotten.names(reason):
            reason, content = without_values(reason), ""
        if file.folder in CODED:
            content = vault.keep(content, _place(file.id, it.line))
        rows.append((file.id, it.line, fit_to_tell(file.folder, reason), content))
    db.conn.executemany("INSERT OR REPLACE INTO rejects (file_id, line, reason, content) VALUES (?, ?, ?, ?)", rows)


def content_of(vault: Vault | None, file_id: int, folder: str, line: int, content: str) -> str:
    """What a rejected row holds; "" where it can hold codes and no key opens it."""
    if folder not in CODED:
        return content
    try:
        return vault.open(content, _place(file_id, line)) if vault else ""
    except VaultError:
        return ""


def accept(db: Database, path: str) -> bool:
    """A person's word that a waiting file is right as it is; whether there is such a file."""
    with db.atomic():
        changed = db.execute(
            "UPDATE files SET accepted = version, state = 'retry' WHERE path = ? AND state IN ('waiting', 'retry')",
            (path,),
        )
        return changed.rowcount > 0


def _place(file_id: int, line: int) -> str:
    return place("rejects", file_id, line, "content")

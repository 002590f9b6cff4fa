"""One row of the ledger of files, as the intake sees it."""

from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True)
class File:
    """`as_of`: the time that the file tells of (UTC seconds). `told`: the version whose events were written;
    `accepted`: the version that a person let in; `waited`: why it waits, "" when it does not."""

    id: int
    path: str
    folder: str
    version: int
    as_of: int
    sha256: str
    told: int
    accepted: int
    waited: str


def file(db: Database, file_id: int) -> File:
    row = db.execute(
        "SELECT id, path, folder, version, coalesce(as_of, modified_at, fetched_clock), sha256, told, accepted, "
        "iif(state IN ('waiting', 'retry'), reason, '') FROM files WHERE id = ?",
        (file_id,),
    ).fetchone()
    return File(*row)

"""Pictures that wait for a person's word, and those that were put on the FTP."""

import time

from sqlite_utils import Database

from handlers.desk import Draft, token_of

#: Seconds that a picture waits.
KEPT = 7 * 24 * 3600

#: The most that waits for one person: pictures, and bytes of them all. The newest stays in any case.
MOST, MOST_BYTES = 20, 30 * 1024 * 1024


def add_draft(db: Database, person_id: str, picture: str, name: str, content: bytes) -> Draft:
    """Keep a picture; the same one again is the same draft."""
    token = token_of(content)
    now = int(time.time())
    with db.atomic():
        db.execute("DELETE FROM drafts WHERE at < ?", (now - KEPT,))
        db.execute(
            "INSERT OR REPLACE INTO drafts (token, person_id, picture, name, content, at) VALUES (?, ?, ?, ?, ?, ?)",
            (token, person_id, picture, name, content, now),
        )
        _keep_newest(db, person_id)
    return Draft(token, picture, name, content)


def draft(db: Database, person_id: str, token: str) -> Draft | None:
    row = db.execute(
        "SELECT token, picture, name, content FROM drafts WHERE person_id = ? AND token = ? AND at >= ? "
        "ORDER BY picture DESC",  # one that is said to be something before one that is not
        (person_id, token, int(time.time()) - KEPT),
    ).fetchone()
    return Draft(*row) if row else None


def forget_drafts(db: Database, person_id: str, picture: str) -> None:
    """One of them was taken: the others of the same kind are of no use any more."""
    with db.atomic():
        db.execute(
            "DELETE FROM drafts WHERE person_id = :person AND (picture = :picture OR picture = '' AND token IN "
            "(SELECT token FROM drafts WHERE person_id = :person AND picture = :picture))",
            {"person": person_id, "picture": picture},
        )


def forget_draft(db: Database, person_id: str, token: str) -> None:
    """It was given up; what else waits is another picture."""
    with db.atomic():
        db.execute("DELETE FROM drafts WHERE person_id = ? AND token = ?", (person_id, token))


def _keep_newest(db: Database, person_id: str) -> None:
    """The oldest that are too many go."""
    size = 0
    rows = db.execute(
        "SELECT rowid, length(content) FROM drafts WHERE person_id = ? ORDER BY at DESC, rowid DESC", (person_id,)
    ).fetchall()
    for place, (row, length) in enumerate(rows):
        size += length
        if place and (place >= MOST or size > MOST_BYTES):
            db.execute("DELETE FROM drafts WHERE rowid = ?", (row,))


def record_placed(db: Database, picture: str, path: str, content: bytes) -> None:
    with db.atomic():
        db.execute(
            "INSERT OR REPLACE INTO pictures (picture, path, content, at) VALUES (?, ?, ?, ?)",
            (picture, path, content, int(time.time())),
        )


def placed(db: Database, picture: str) -> tuple[bytes, int] | None:
    """What was put on the FTP, and when (UTC seconds)."""
    row = db.execute("SELECT content, at FROM pictures WHERE picture = ?", (picture,)).fetchone()
    return (bytes(row[0]), row[1]) if row else None

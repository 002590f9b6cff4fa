"""What was said in threads and waits a little, so that a flood leaves as few mails."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from handlers.answer import Answer, OutFile


@dataclass(frozen=True)
class Held:
    """`readers`: the ids of whom it is for."""

    readers: tuple[str, ...]
    part: Answer


def hold(db: Database, thread_id: int, readers: Sequence[str], part: Answer) -> None:
    """Keep what is said (its title, lines and files) for later; in the caller's transaction."""
    held = db.execute(
        "INSERT INTO held (thread_id, readers, title, lines, at) VALUES (?, ?, ?, ?, ?)",
        (thread_id, json.dumps(readers), part.title, json.dumps(part.lines, ensure_ascii=False), int(time.time())),
    )
    for file in part.files:
        db.execute(
            "INSERT INTO held_files (held_id, name, content) VALUES (?, ?, ?)",
            (held.lastrowid, file.name, file.content),
        )


def how_many(db: Database, thread_id: int) -> int:
    return int(db.execute("SELECT count(*) FROM held WHERE thread_id = ?", (thread_id,)).fetchone()[0])


def threads_with_some(db: Database) -> list[int]:
    return [thread_id for (thread_id,) in db.execute("SELECT DISTINCT thread_id FROM held ORDER BY thread_id")]


def release(db: Database, thread_id: int) -> list[Held]:
    """All that is kept of a thread, oldest first, which is kept no longer; in the caller's transaction."""
    found = []
    rows = db.execute("SELECT id, readers, title, lines FROM held WHERE thread_id = ? ORDER BY id", (thread_id,))
    for held_id, readers, title, lines in rows.fetchall():
        files = db.execute("SELECT name, content FROM held_files WHERE held_id = ? ORDER BY id", (held_id,)).fetchall()
        part = Answer(title, tuple(json.loads(lines)), files=tuple(OutFile(*file) for file in files))
        found.append(Held(tuple(json.loads(readers)), part))
        db.execute("DELETE FROM held_files WHERE held_id = ?", (held_id,))
    db.execute("DELETE FROM held WHERE thread_id = ?", (thread_id,))
    return found

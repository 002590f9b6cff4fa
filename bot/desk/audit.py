"""Who asked what, by which door, what was shown of what, and whether he got it: append-only, chained (bot.desk.chain).

Neither what was typed nor what was answered is kept: both can hold codes.
"""

import time
from typing import Literal

from sqlite_utils import Database

from bot.desk.chain import COVERED, link
from handlers.answer import Answer

#: denied: he lacks the right; refused: asked wrongly, or not possible; unverified: nobody vouched for a mail's sender;
#: forged: the receiving server said that it was not his; asked in chat: a sensitive question by mail; not passed on:
#: words that the bot did not understand, shown to the technical contact; done: by hand, from a terminal.
Outcome = Literal[
    "answered",
    "denied",
    "refused",
    "not understood",
    "unverified",
    "failed",
    "forged",
    "asked in chat",
    "not passed on",
    "done",
]


def was_lately(db: Database, person: str, outcome: Outcome, seconds: int) -> bool:
    """Whether this person met this outcome within the last `seconds`."""
    found = db.execute(
        "SELECT 1 FROM audit WHERE person = ? AND outcome = ? AND at > ? LIMIT 1",
        (person, outcome, int(time.time()) - seconds),
    )
    return found.fetchone() is not None


def how_often(db: Database, person: str, outcome: Outcome, seconds: int) -> int:
    """How often this person met this outcome within the last `seconds`."""
    found = db.execute(
        "SELECT count(*) FROM audit WHERE person = ? AND outcome = ? AND at > ?",
        (person, outcome, int(time.time()) - seconds),
    )
    return int(found.fetchone()[0])


def record(
    db: Database,
    person: str,
    door: str,
    command: str,
    outcome: Outcome,
    *,
    about: str = "",
    shown: str = "",
    why: str = "",
) -> None:
    """Add a row; to be called in the transaction of the answer, after its first write, or in one that begins with this.

    :param person: his id; of an unknown one where he wrote from, "" for a mail.
    :param command: its name only, as its arguments can be codes.
    :param about: the line, card or client in question; `shown`: the kind of what was shown; `why`: of a refusal, or the
        reason that was given.
    """
    # Taken first: two processes never chain on the same row.
    db.execute("UPDATE audit_anchor SET at = at")
    last, before = head(db)
    row = (last + 1, int(time.time()), person, door, command, outcome, about, shown, why)
    db.execute(
        f"INSERT INTO audit ({', '.join(COVERED)}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, link(before, row)),
    )


def record_answer(
    db: Database, person: str, door: str, command: str, answer: Answer, outcome: Outcome | None = None
) -> None:
    """Add the row of an answer; see `record`."""
    outcome = outcome or outcome_of(answer)
    about = answer.about if outcome == "answered" else ""
    record(db, person, door, command, outcome, about=about, shown=shown(answer), why=answer.why)


def head(db: Database) -> tuple[int, str]:
    """The newest row and its hash, or those of the last one that was purged."""
    row = db.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    row = row or db.execute("SELECT id, hash FROM audit_anchor").fetchone()
    return int(row[0]), str(row[1])


def outcome_of(answer: Answer) -> Outcome:
    if answer.denied:
        return "denied"
    return "refused" if answer.refused else "answered"


def shown(answer: Answer) -> str:
    """The kind of what an answer shows, in French; never the thing itself."""
    if answer.refused:
        return ""
    if answer.shows:
        return answer.shows
    kinds = [code.label for code in answer.codes]
    kinds += ["tableau"] if answer.table else []
    kinds += ["graphique"] if answer.picture else []
    kinds += ["fichier"] * bool(answer.files)
    return ", ".join(kinds) or "texte"

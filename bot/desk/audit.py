"""Who asked what, by which door, what was shown of what, and whether he got it: append-only, chained (bot.desk.chain).

Neither what was typed nor what was answered is kept: both can hold codes.
"""

import getpass
import logging
import re
import time
from typing import Literal

from sqlite_utils import Database

from bot.desk import chain
from bot.desk.chain import COVERED, Verdict, link
from core import numbers
from core.layouts import fold
from handlers import french
from handlers.answer import Answer
from handlers.audit import DOORS, OUTCOMES
from handlers.desk import Audited, AuditPage
from handlers.periods import take_period

log = logging.getLogger(__name__)

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


#: Rows that one unknown chat, all unknown addresses, or who borrows one name add within an hour: no flood fills the
#: disk.
MOST_AN_HOUR = 50


def was_lately(db: Database, person: str, outcome: Outcome, seconds: int) -> bool:
    """Whether this person met this outcome within the last `seconds`."""
    found = db.execute(
        "SELECT 1 FROM audit WHERE person = ? AND outcome = ? AND at > ? AND at <= ? LIMIT 1",
        (person, outcome, *_last(seconds)),
    )
    return found.fetchone() is not None


def how_often(db: Database, person: str, outcome: Outcome, seconds: int) -> int:
    """How often this person met this outcome within the last `seconds`."""
    found = db.execute(
        "SELECT count(*) FROM audit WHERE person = ? AND outcome = ? AND at > ? AND at <= ?",
        (person, outcome, *_last(seconds)),
    )
    return int(found.fetchone()[0])


def _last(seconds: int) -> tuple[int, int]:
    """From when until when. Rows are never changed: a clock that went back leaves some of a time to come."""
    now = int(time.time())
    return now - seconds, now


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
    """Add a row, in a transaction of its own or in that of the answer, after its first write or as its first.

    :param person: his id; of an unknown one where he wrote from, "" for a mail.
    :param command: its name only, as its arguments can be codes.
    :param about: the line, card or client in question; `shown`: the kind of what was shown; `why`: of a refusal, or the
        reason that was given.
    """
    with db.atomic():
        # Taken first: two processes never chain on the same row.
        db.execute("UPDATE audit_anchor SET at = at")
        last, before = head(db)
        row = (last + 1, int(time.time()), person, door, command, outcome, about, shown, why)
        db.execute(
            f"INSERT INTO audit ({', '.join(COVERED)}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, link(before, row)),
        )


def record_unknown(db: Database, person: str, door: str, command: str, outcome: Outcome) -> None:
    """`record`, for what anybody can bring about: beyond `MOST_AN_HOUR` nothing is added, as the last row says."""
    before = how_often(db, person, outcome, 3600)
    if before < MOST_AN_HOUR:
        why = "la suite de l'heure n'est pas notée" if before == MOST_AN_HOUR - 1 else ""
        record(db, person, door, command, outcome, why=why)


def record_answer(
    db: Database, person: str, door: str, command: str, answer: Answer, outcome: Outcome | None = None
) -> None:
    """Add the row of an answer; see `record`."""
    outcome = outcome or outcome_of(answer)
    about = answer.about if outcome in ("answered", "refused") else ""
    record(db, person, door, command, outcome, about=about, shown=shown(answer), why=answer.why)


def record_by_hand(db: Database, command: str, *, about: str = "", shown: str = "") -> None:
    """Add the row of a command that somebody with a shell ran, by his name there; see `record`."""
    record(db, f"terminal:{getpass.getuser()}", "terminal", command, "done", about=about, shown=shown)


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


# -- search

#: A number as people write it, among other words.
_NUMBER = re.compile(r"(?<!\w)(?:(?:\+|00)33[ .]?|0)[1-9](?:[ .]?\d\d){4}(?!\w)")


def search(
    db: Database,
    words: str = "",
    *,
    person: str = "",
    since: int | None = None,
    until: int | None = None,
    limit: int = 50,
    offset: int = 0,
    now: int | None = None,
) -> AuditPage:
    """The rows that all of the words are found in: of a person's id or name, a command, a door, an outcome (French), a
    line, card or client, what was shown, why; a period among them (« hier », « octobre », 2026-11-26) bounds the time.

    :param person: an id, or what a name begins with.
    :param since: UTC seconds, included; `until`: not included.
    :param now: UTC seconds, which « hier » is reckoned from.
    """
    words = _NUMBER.sub(lambda found: numbers.msisdn(found[0]), words)
    rest, period = take_period(words, int(time.time()) if now is None else now)
    conditions: list[str] = []
    values: list[str | int] = []
    bounds = [(since, "at >= ?"), (until, "at < ?")]
    if period:
        bounds += [(french.start_of(period.first), "at >= ?"), (french.start_of(period.last + 1), "at < ?")]
    for bound, condition in bounds:
        if bound is not None:
            conditions.append(condition)
            values.append(bound)
    if person:
        _add(conditions, values, *_of_person(db, person))
    for word in rest.split():
        _add(conditions, values, *_of_word(db, word))
    where = " AND ".join(conditions) or "1"
    (total,) = db.execute(f"SELECT count(*) FROM audit WHERE {where}", values).fetchone()
    found = db.execute(
        "SELECT audit.id, at, person, coalesce(people.name, ''), door, command, outcome, about, shown, why FROM audit "
        f"LEFT JOIN people ON people.id = audit.person WHERE {where} ORDER BY audit.id DESC LIMIT ? OFFSET ?",
        [*values, limit, offset],
    )
    return AuditPage(tuple(Audited(*row) for row in found), int(total), period.words if period else "")


def _add(conditions: list[str], values: list[str | int], condition: str, given: list[str]) -> None:
    conditions.append(f"({condition})")
    values += given


def _of_person(db: Database, word: str) -> tuple[str, list[str]]:
    ids = [word, *_people(db, word)]
    return f"person IN ({', '.join('?' * len(ids))}) OR person LIKE ? ESCAPE '\\'", [*ids, f"{_escaped(word)}%"]


def _of_word(db: Database, word: str) -> tuple[str, list[str]]:
    """Where a word may stand; what stands for something else in the store is looked up first."""
    folded = fold(word)
    known = [
        ("person", _people(db, word)),
        ("outcome", [name for name, said in OUTCOMES.items() if folded and folded in fold(said)]),
        ("door", [name for name, said in DOORS.items() if folded and fold(said).startswith(folded)]),
    ]
    conditions = [f"{column} IN ({', '.join('?' * len(names))})" for column, names in known if names]
    values = [name for _, names in known for name in names]
    for column in ("person", "command", "about", "shown", "why"):
        # Where a word begins: « Léa » is not in « tableau ».
        conditions.append(f"' ' || replace({column}, ':', ' ') LIKE ? ESCAPE '\\'")
        values.append(f"% {_escaped(word.lstrip('/') or word)}%")
    return " OR ".join(conditions), values


def _people(db: Database, word: str) -> list[str]:
    """The ids of those whose name has this word, or whose address this is."""
    folded = fold(word)
    return [
        person
        for person, name, email in db.execute("SELECT id, name, email FROM people").fetchall()
        if (folded and any(fold(part).startswith(folded) for part in name.split())) or word.lower() == email.lower()
    ]


def _escaped(word: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", word)


# -- the proof


def verify(db: Database, head: str = "") -> Verdict:
    """Whether the audit is as it was written; see `bot.desk.chain.verify`.

    :param head: one that was told earlier, "" for none.
    """
    return chain.verify(db, head)


def head_in_words(db: Database) -> str:
    """The newest row and its hash, as `verify` takes them: to be noted where nobody writes who can write here."""
    number, written = head(db)
    return f"{number}:{written}"


def purge(db: Database, before: int) -> int:
    """Take out the rows older than that (UTC seconds), the oldest first, in one transaction; says how many.

    The head is logged: with it a later `verify` proves that nothing was taken from the end, nor made anew.
    """
    gone = chain.purge(db, before)
    log.info("audit: %s rows purged, head %s", gone, head_in_words(db))
    return gone

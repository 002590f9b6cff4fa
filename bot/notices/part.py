"""A piece of a digest: what is shown of it, and the whole of its table as a spreadsheet has it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.folders import PARIS
from core.workbook import Column
from handlers import french
from handlers.answer import Answer
from handlers.desk import Topic

#: Lines that name files, one each; the rest is counted.
MOST_LINES = 20


@dataclass(frozen=True)
class Part:
    """`headline`: the same in a subject. `sheet`: the name of its sheet, of 31 signs at most; `columns`, `rows`: what
    stands there, in the store's units."""

    topic: Topic
    headline: str
    answer: Answer
    sheet: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str | int | None, ...], ...] = field(default=(), repr=False)


def first_of(lines: Sequence[str]) -> list[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"… et {french.whole(more)} autres."] if more > 0 else [])]


def listed(words: Sequence[str]) -> str:
    """facture, relevé et avoir."""
    return " et ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def times(count: int, at: int, now: int) -> str:
    """12 fois depuis hier à 14:00."""
    return f"{french.whole(count)} fois depuis {since(at, now)}"


def since(at: int, now: int) -> str:
    """14:00; hier à 14:00; le 24/11 à 14:00. UTC seconds."""
    when, here = datetime.fromtimestamp(at, PARIS), datetime.fromtimestamp(now, PARIS)
    days = (here.date() - when.date()).days
    if days > 1:
        return f"le {french.moment(at, now)}"
    return f"{'hier à ' if days else ''}{when:%H:%M}"

"""When chat messages that nobody asked for make no sound, by the settings (`ORIGYNE_QUIET_…`)."""

from dataclasses import dataclass
from datetime import datetime

from core.folders import PARIS
from core.holidays import MAINLAND, holiday
from core.hours import Span, read_span, show_span, within
from core.layouts import fold

WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True)
class Quiet:
    """`hours`: each day (Paris), None for never; `weekdays`: whole days, Monday 0; `holidays`: those of `place` too."""

    hours: Span | None = None
    weekdays: frozenset[int] = frozenset()
    holidays: bool = False
    place: str = MAINLAND

    def covers(self, now: int) -> bool:
        """:param now: UTC seconds."""
        here = datetime.fromtimestamp(now, PARIS)
        return (
            (self.hours is not None and within(self.hours, here.hour * 60 + here.minute))
            or here.weekday() in self.weekdays
            or (self.holidays and bool(holiday(here.date(), self.place)))
        )

    def in_words(self) -> str:
        """de 20 h à 8 h, le dimanche et les jours fériés; "" for never."""
        days = [f"le {WEEKDAYS[day]}" for day in sorted(self.weekdays)]
        days += ["les jours fériés"] if self.holidays else []
        listed = [show_span(self.hours)] if self.hours else []
        listed += days
        return " et ".join(filter(None, [", ".join(listed[:-1]), *listed[-1:]]))


def read_hours(words: str) -> Span | None:
    """:raises ValueError: no hours (French)."""
    span = read_span(words)
    if span is None or span[0] == span[1]:
        raise ValueError(f"« {words} » : écrire des heures comme 20h-8h, ou rien pour toujours sonner")
    return span


def read_days(words: str) -> tuple[frozenset[int], bool]:
    """The days of the week, and whether holidays.

    :raises ValueError: something is no day (French).
    """
    weekdays: set[int] = set()
    holidays = False
    for word in filter(None, map(str.strip, words.replace(";", ",").replace(" et ", ",").split(","))):
        folded = fold(word).removesuffix("s")
        if folded in ("ferie", "jourferie", "joursferie"):
            holidays = True
        elif folded in ("weekend", "finsdesemaine", "findesemaine"):
            weekdays |= {5, 6}
        elif folded in WEEKDAYS:
            weekdays.add(WEEKDAYS.index(folded))
        else:
            raise ValueError(f"« {word} » n'est pas un jour ; écrire par exemple : samedi, dimanche, fériés")
    return frozenset(weekdays), holidays

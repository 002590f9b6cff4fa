"""Days counted from one to another, and periods added to a day: months from quantième to quantième, as the law does.

Code de procédure civile, article 641: a period in months or years ends on the day that bears the same number in its
last month, without such a day on the last of that month; months are counted first, then days.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

from core.duration.faults import DurationError

FIRST, LAST = date(1900, 1, 1), date(2200, 12, 31)


@dataclass(frozen=True)
class Span:
    """A period of whole months and days; years are 12 months, weeks 7 days."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True)
class Measure:
    """From one day to a later one. `days`: how many lie between, the first not counted.

    `months`, `days_beyond`: as many whole months, then days. `weekdays`: Mondays to Fridays, both days counted,
    public holidays or not.
    """

    first: date
    last: date
    days: int
    months: int
    days_beyond: int
    weekdays: int

    @property
    def parts(self) -> tuple[tuple[int, int, int], ...]:
        """The days, month by month (year, month, days), or year by year (year, 0, days) when that is more than a year.

        The first day is not counted, the last one is.
        """
        yearly = self.months >= 12
        found: list[tuple[int, int, int]] = []
        place = self.first
        while place < self.last:
            begins = place + timedelta(days=1)
            month = 12 if yearly else begins.month
            end = min(date(begins.year, month, days_in(begins.year, month)), self.last)
            found.append((begins.year, 0 if yearly else month, (end - place).days))
            place = end
        return tuple(found)

    @property
    def both_counted(self) -> int:
        return self.days + 1


def add(day: date, span: Span, sign: int = 1) -> date:
    """The day that lies a span later, or earlier (`sign` -1).

    :raises DurationError: beyond the years that are calculated.
    """
    month = day.year * 12 + day.month - 1 + sign * span.months
    year, month = divmod(month, 12)
    try:
        moved = date(year, month + 1, min(day.day, days_in(year, month + 1))) + timedelta(days=sign * span.days)
    except (ValueError, OverflowError):
        raise _beyond() from None
    return within(moved)


def within(day: date) -> date:
    """The day itself.

    :raises DurationError: beyond the years that are calculated.
    """
    if not FIRST <= day <= LAST:
        raise _beyond()
    return day


def measure(first: date, last: date) -> Measure:
    """:param last: not before `first`."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if add(first, Span(months)) > last:
        months -= 1
    days = (last - first).days
    weeks, rest = divmod(days + 1, 7)
    weekdays = 5 * weeks + sum((first.weekday() + extra) % 7 < 5 for extra in range(rest))
    return Measure(first, last, days, months, (last - add(first, Span(months))).days, weekdays)


def days_in(year: int, month: int) -> int:
    """How many days a month has.

    :raises ValueError: no such year or month.
    """
    if not 1 <= year <= 9999:
        raise ValueError(year)
    return calendar.monthrange(year, month)[1]


def _beyond() -> DurationError:
    return DurationError(f"Les dates vont de {FIRST.year} à {LAST.year}.")

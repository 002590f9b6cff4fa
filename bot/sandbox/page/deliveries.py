"""What the operator of the sandbox delivers next: its clock goes on by an hour, a day or a month."""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from bot.sandbox.operator import (
    ACTIVE,
    RESERVED,
    SUSPENDED,
    SUSPENDED_BY_OPERATOR,
    TERMINATED,
    Operator,
    billing_time,
    following_month,
)
from core.folders import PARIS

#: What a line can be changed to: the operator's own words.
STATUSES = (ACTIVE, SUSPENDED, SUSPENDED_BY_OPERATOR, RESERVED, TERMINATED)

#: Deliveries are from 8:00 to 20:00, Monday to Saturday.
_FIRST, _LAST = 8, 20
_SUNDAY = 6
_RATED = (10, 14, 19)

#: Lines with a state that other places tell of; they change when somebody asks only.
_NAMED = 5
#: What happens to lines by itself, and how often beside the others.
_CHANGES = {
    (ACTIVE, SUSPENDED): 4,
    (SUSPENDED, ACTIVE): 4,
    (RESERVED, ACTIVE): 3,
    (SUSPENDED_BY_OPERATOR, ACTIVE): 1,
    (SUSPENDED, TERMINATED): 1,
}


@dataclass(frozen=True)
class _Delivery:
    at: datetime
    status: bool
    rated: bool


class Deliveries:
    """Any thread may call it. Each call returns the files written, in their order.

    :param today: the day whose morning, 8:00 in Paris, the operator's tree shows.
    """

    def __init__(self, operator: Operator, today: date) -> None:
        self._operator = operator
        self._now = datetime.combine(today, time(_FIRST), PARIS)
        self._unbilled = next(month for month in operator.months if billing_time(month) > self._now)
        self._random = random.Random(f"deliveries {today}")
        self._asked: dict[str, str] = {}
        self._ever_asked: set[str] = set()
        self._one = threading.Lock()

    @property
    def now(self) -> datetime:
        """How far the deliveries have come, in Paris."""
        return self._now

    @property
    def asked(self) -> dict[str, str]:
        """The states asked for, by MSISDN, which the next AccountStatus will tell."""
        return dict(self._asked)

    def hour(self) -> list[Path]:
        """The next hour of the calendar."""
        with self._one, self._operator.tree.at_once():
            return self._deliver(_hourly(_next_hour(self._now)))

    def day(self) -> list[Path]:
        """Each hour that is left of the day, or of the next delivery day when none is."""
        with self._one, self._operator.tree.at_once():
            paths = []
            day = _next_hour(self._now).date()
            while (at := _next_hour(self._now)).date() == day:
                paths += self._deliver(_hourly(at))
            return paths

    def month(self) -> list[Path]:
        """What is left of the month, a file of each kind a day, up to the day that it is billed; its invoices."""
        with self._one, self._operator.tree.at_once():
            paths, month = [], self._unbilled
            for delivery in self._until(billing_time(month)):
                paths += self._deliver(delivery)
            return paths

    def change_line(self, msisdn: str, status: str) -> None:
        """Give a line another state, one of `STATUSES`.

        Raises:
            LookupError: the operator has no such line.
        """
        with self._one:
            self._operator.line(msisdn)
            self._operator.change_line(msisdn, status=status)
            self._asked[msisdn] = status
            self._ever_asked.add(msisdn)

    def _until(self, end: datetime) -> Iterator[_Delivery]:
        """A RatedCDRs and an AccountStatus a day, then an AccountStatus at `end`, or at the first hour after it."""
        day = self._now.date()
        while day <= end.date():
            for hour in (_RATED[-1], _LAST):
                at = datetime.combine(day, time(hour), PARIS)
                if self._now < at < end and day.weekday() != _SUNDAY:
                    yield _Delivery(at, status=hour == _LAST, rated=hour != _LAST)
            day += timedelta(days=1)
        yield _Delivery(_next_hour(end - timedelta(hours=1)), status=True, rated=False)

    def _deliver(self, delivery: _Delivery) -> list[Path]:
        paths = []
        self._now = delivery.at
        if delivery.status:
            if not self._asked:
                self._change_some()
            paths.append(self._operator.deliver_status(delivery.at))
            self._asked.clear()
        if delivery.rated:
            paths.append(self._operator.deliver_all_rated(delivery.at))
        while billing_time(self._unbilled) <= self._now:
            paths += self._bill(self._unbilled)
            self._unbilled = following_month(self._unbilled)
        return paths

    def _bill(self, month: str) -> list[Path]:
        return [
            self._operator.deliver_billed(month),
            self._operator.deliver_operator_invoice(month),
            *self._operator.deliver_client_invoices(month),
        ]

    def _change_some(self) -> None:
        """A line or two change their state."""
        for _ in range(self._random.choice((1, 1, 2))):
            others = [it for it in self._operator.lines[_NAMED:] if it.client and it.msisdn not in self._ever_asked]
            possible = [change for change in _CHANGES if any(it.status == change[0] for it in others)]
            if not possible:
                return
            before, after = self._random.choices(possible, [_CHANGES[change] for change in possible])[0]
            line = self._random.choice([it for it in others if it.status == before])
            self._operator.change_line(line.msisdn, status=after)


def _hourly(at: datetime) -> _Delivery:
    return _Delivery(at, status=True, rated=at.hour in _RATED)


def _next_hour(after: datetime) -> datetime:
    at = after + timedelta(hours=1)
    if at.hour > _LAST:
        at = datetime.combine(at.date() + timedelta(days=1), time(_FIRST), PARIS)
    at = max(at, datetime.combine(at.date(), time(_FIRST), PARIS))
    while at.weekday() == _SUNDAY:
        at = datetime.combine(at.date() + timedelta(days=1), time(_FIRST), PARIS)
    return at

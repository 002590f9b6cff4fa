"""Invented calls, messages and data sessions, drawn from a seed."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

#: Called numbers are drawn above the operator's own lines, within the same numbers kept for fiction.
FIRST_CALLED, LAST_CALLED = 5000, 9999


@dataclass(frozen=True, slots=True)
class Cdr:
    """`start` in Europe/Paris; `type` one of Voix, SMS, MMS, Data; `amount` in millionths of a euro, without tax."""

    start: datetime
    caller: str
    called: str
    type: str
    seconds: int
    kilobytes: int
    destination: str
    amount: int
    out_of_bundle: bool
    client: str


@dataclass(frozen=True)
class Usage:
    """What the CDRs of a client in a month add up to; `amount` in millionths of a euro, without tax."""

    voice_seconds: int = 0
    voice_count: int = 0
    sms_count: int = 0
    mms_count: int = 0
    data_count: int = 0
    data_bytes: int = 0
    amount: int = 0


def total(cdrs: Iterable[Cdr]) -> Usage:
    seconds = kilobytes = amount = 0
    counts = {"Voix": 0, "SMS": 0, "MMS": 0, "Data": 0}
    for cdr in cdrs:
        counts[cdr.type] += 1
        seconds += cdr.seconds
        kilobytes += cdr.kilobytes
        amount += cdr.amount
    return Usage(seconds, counts["Voix"], counts["SMS"], counts["MMS"], counts["Data"], kilobytes * 1024, amount)


@dataclass(frozen=True)
class Caller:
    msisdn: str
    client: str


@dataclass(frozen=True)
class _Destination:
    """`price`: ten-thousandths of a euro for a second, a message or a kilobyte; 0 within the bundle."""

    name: str
    weight: int
    price: int = 0
    called: str = ""


_TYPES = {"Voix": 50, "SMS": 28, "MMS": 2, "Data": 20}
_DESTINATIONS = {
    "Voix": (
        _Destination("France", 79),
        _Destination("Messagerie", 8, called="888"),
        _Destination("Serveur RIO", 1, called="3179"),
        _Destination("Itinérance Union européenne", 8),
        _Destination("Itinérance Suisse", 3, price=50),
        _Destination("Itinérance États-Unis", 1, price=158),
    ),
    "SMS": (
        _Destination("France", 93),
        _Destination("Itinérance Union européenne", 4),
        _Destination("Itinérance Suisse", 3, price=1200),
    ),
    "MMS": (_Destination("France", 95), _Destination("Itinérance Suisse", 5, price=3000)),
    "Data": (
        _Destination("Internet France", 91),
        _Destination("Itinérance Union européenne", 7),
        _Destination("Itinérance Suisse", 2, price=2),
    ),
}


class Traffic:
    """A reproducible source of CDRs."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"traffic {seed}")

    def draw(self, callers: Sequence[Caller], since: datetime, until: datetime, rows: int) -> list[Cdr]:
        """CDRs that start in [since, until), in order, busier when people work."""
        hours = list(_hours(since, until))
        if not callers or not hours:
            return []
        chosen_hours = self._random.choices(hours, [hour.weight for hour in hours], k=rows)
        chosen_callers = self._random.choices(callers, [_activity(caller) for caller in callers], k=rows)
        starts = sorted(hour.start + timedelta(seconds=self._random.randrange(hour.seconds)) for hour in chosen_hours)
        return [self._cdr(caller, start) for caller, start in zip(chosen_callers, starts, strict=True)]

    def _cdr(self, caller: Caller, start: datetime) -> Cdr:
        kind = self._random.choices(list(_TYPES), list(_TYPES.values()))[0]
        destinations = _DESTINATIONS[kind]
        destination = self._random.choices(destinations, [d.weight for d in destinations])[0]
        called = destination.called or f"063998{self._random.randint(FIRST_CALLED, LAST_CALLED)}"
        seconds = kilobytes = 0
        if kind == "Voix":
            seconds = 1 + int(self._random.expovariate(1 / 150))
        elif kind == "Data":
            called = ""
            median = 5.5 if destination.price else 9.0
            kilobytes = 1 + int(self._random.lognormvariate(median, 1.3))
        quantity = seconds or kilobytes or 1
        return Cdr(
            start=start.astimezone(PARIS),
            caller=caller.msisdn,
            called=called,
            type=kind,
            seconds=seconds,
            kilobytes=kilobytes,
            destination=destination.name,
            amount=quantity * destination.price * 100,
            out_of_bundle=destination.price > 0,
            client=caller.client,
        )


def busy_days(since: datetime, until: datetime) -> float:
    """How much traffic a span sees, in ordinary weekdays."""
    return sum(hour.weight for hour in _hours(since, until)) / _WEEKDAY


@dataclass(frozen=True)
class _Hour:
    start: datetime
    seconds: int
    weight: float


_BY_HOUR = (0.02,) * 7 + (0.3,) + (1.0,) * 11 + (0.5,) * 3 + (0.1,) * 2
_BY_DAY = (1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.2)
_WEEKDAY = sum(_BY_HOUR)


def _hours(since: datetime, until: datetime) -> Iterable[_Hour]:
    # In UTC, so that no start falls in the hour that a clock change skips.
    start, end = since.astimezone(UTC), until.astimezone(UTC)
    while start < end:
        following = min(start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1), end)
        local = start.astimezone(PARIS)
        seconds = int((following - start).total_seconds())
        if seconds:
            yield _Hour(start, seconds, _BY_HOUR[local.hour] * _BY_DAY[local.weekday()] * seconds / 3600)
        start = following


def _activity(caller: Caller) -> float:
    """Some lines call ten times as much as others, always the same ones."""
    return 0.3 + int(caller.msisdn[-4:]) * 7919 % 100 / 37

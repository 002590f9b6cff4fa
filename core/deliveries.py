"""When the operator delivers, when to look for it, and what is overdue.

Operator's card, B-4: AccountStatus every hour and RatedCDRs two to six times a day, Monday to Saturday from 8:00 to
20:00 (Europe/Paris); BilledCDRs every month. Every function takes the time, in UTC seconds, and asks no clock.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

from sqlite_utils import Database

from core.folders import PARIS, month_of

#: The window of delivery, in hours of Paris, and the day of the week without any.
OPENS, CLOSES = 8, 20
_SUNDAY = 6

#: Seconds after the window's end in which the last delivery of the day is still looked for.
MARGIN = 30 * 60

#: Seconds before a pass is made again that left a growing file behind, and one that the FTP failed.
SOON_GROWING, SOON_FAILED = 30, 120

#: By noon of its day a monthly file is due.
_NOON = 12

#: A file whose name dates it that much (seconds) before it was fetched is history, and no delivery of the day. Three
#: days hold a Saturday's CDRs that come on Monday evening.
_HISTORY = 3 * 86400

#: A billing run up to that day of a month bills the month before, even where it holds its first communications.
_MIDDLE = 15

Kind = Literal["account_status", "rated_cdrs", "billed_cdrs"]
KINDS: tuple[Kind, ...] = get_args(Kind)


# -- the window


def is_open(now: int) -> bool:
    """Whether the operator delivers at this time."""
    return opening(now) <= now < closing(now) and _local(now).weekday() != _SUNDAY


def opening(now: int) -> int:
    """8:00 in Paris on the day of `now`, whichever day that is."""
    return _at(_local(now).date(), OPENS)


def closing(now: int) -> int:
    """20:00 in Paris on the day of `now`, whichever day that is."""
    return _at(_local(now).date(), CLOSES)


def next_opening(now: int) -> int:
    """The first time after `now` at which the window opens."""
    day = _local(now).date()
    while day.weekday() == _SUNDAY or _at(day, OPENS) <= now:
        day += timedelta(days=1)
    return _at(day, OPENS)


def next_closing(now: int) -> int:
    """The first time after `now` at which the window closes."""
    return closing(now if is_open(now) else next_opening(now))


@dataclass(frozen=True)
class Rhythm:
    """Seconds between two passes, inside the window and outside."""

    inside: int
    outside: int

    def until_next(self, now: int, *, growing: int = 0, failed: int = 0) -> int:
        """Seconds until the next pass, never past the opening of the window.

        :param growing: passes in a row, up to now, that left a file behind because it was growing. The next one comes
            soon, then later each time: a `.part` file that nobody takes away must not keep the bot busy for ever.
        :param failed: passes in a row that the FTP failed, or in which it refused a file. One hiccup of the night is
            mended before it counts as a fault that lasts.
        """
        pause = self.inside if is_open(now) or is_open(now - MARGIN) else self.outside
        if not is_open(now):
            pause = min(pause, next_opening(now) - now)
        for soon, times in ((SOON_GROWING, growing), (SOON_FAILED, failed)):
            if times:
                pause = min(pause, soon * 2 ** min(times - 1, 12))
        return pause


# -- what came


@dataclass(frozen=True)
class Delivery:
    """A file that came. `at`: UTC seconds; `month`: the last that a BilledCDRs file bills (YYYYMM), else 0."""

    path: str
    at: int
    month: int = 0

    def bills(self, month: int) -> bool:
        """Whether this BilledCDRs file has the bill of a month (YYYYMM)."""
        middle = _at(date(month // 100, month % 100, _MIDDLE), 0)
        return self.month >= month and self.at >= middle


@dataclass(frozen=True)
class Deliveries:
    """What came so far: the newest AccountStatus and RatedCDRs file, and all BilledCDRs, newest month last.

    `began`: UTC seconds that the first AccountStatus or RatedCDRs tells of; None as long as neither came.
    """

    account_status: Delivery | None = None
    rated_cdrs: Delivery | None = None
    billed_cdrs: tuple[Delivery, ...] = ()
    began: int | None = None

    def newest(self, kind: Kind) -> Delivery | None:
        if kind == "billed_cdrs":
            return self.billed_cdrs[-1] if self.billed_cdrs else None
        return self.account_status if kind == "account_status" else self.rated_cdrs

    def billing(self, month: int) -> Delivery | None:
        """The BilledCDRs file that has the bill of a month (YYYYMM), or None."""
        return next((delivery for delivery in self.billed_cdrs if delivery.bills(month)), None)


#: SQL of when a file came. Our own clock dates it, for names can be in UTC, or tell the day alone.
CAME_AT = (
    f"iif(coalesce(as_of, modified_at, fetched_clock) >= fetched_clock - {_HISTORY}, fetched_clock, "
    "coalesce(as_of, modified_at, fetched_clock))"
)

# A file was delivered once it was fetched, also when nobody can read it yet; "kept" is what is no table.
_CAME = (
    f"SELECT path, {CAME_AT} AS at, coalesce(as_of, modified_at, fetched_clock) AS tells_of, "
    "iif(state IN ('read', 'retry'), last_month, NULL) AS last_month "
    "FROM files WHERE folder = :folder AND state != 'kept'"
)


def read(db: Database) -> Deliveries:
    """What came so far, from the ledger of files of `telecom.db`."""
    (began,) = db.execute(
        "SELECT min(coalesce(as_of, modified_at, fetched_clock)) FROM files "
        "WHERE folder IN ('account_status', 'rated_cdrs') AND state != 'kept'"
    ).fetchone()
    rows = db.execute(_CAME, {"folder": "billed_cdrs"})
    billed = [Delivery(path, at, _billed_month(path, at, last_month)) for path, at, _, last_month in rows]
    billed.sort(key=lambda delivery: (delivery.month, delivery.at, delivery.path))
    return Deliveries(_newest(db, "account_status"), _newest(db, "rated_cdrs"), tuple(billed), began)


def _newest(db: Database, kind: Kind) -> Delivery | None:
    row = db.execute(
        f"SELECT path, at FROM ({_CAME}) ORDER BY at DESC, tells_of DESC, path DESC LIMIT 1",
        {"folder": kind},
    ).fetchone()
    return Delivery(*row) if row else None


def _billed_month(path: str, at: int, last_month: int | None) -> int:
    """From its rows, else from its name; a file that tells neither bills the month before it came."""
    here = _local(at)
    # One communication with a wrong date must not stand for the bills of a year to come.
    return min(last_month or month_of(path) or _month_before(here), here.year * 100 + here.month)


# -- what is overdue


@dataclass(frozen=True)
class Rules:
    """What is late; 0 switches a rule off.

    `status_hours`: hours of open window without AccountStatus. `rated_hour`: hour of the day (Paris) by which RatedCDRs
    must have come. `billed_day`: day of the month by whose noon the BilledCDRs of the month before must have come.
    """

    status_hours: int
    rated_hour: int
    billed_day: int

    def watches(self, kind: Kind) -> bool:
        value = {
            "account_status": self.status_hours,
            "rated_cdrs": self.rated_hour,
            "billed_cdrs": self.billed_day,
        }[kind]
        return value > 0


@dataclass(frozen=True)
class Late:
    """A kind of file that is overdue.

    `since`: UTC seconds; for AccountStatus when the last one came, or the window opened after it; for the others when
    they were due. `month`: the one that BilledCDRs are missed for (YYYYMM), else 0. `last`: the newest file of the
    kind.
    """

    kind: Kind
    since: int
    month: int
    last: Delivery | None


def late(now: int, deliveries: Deliveries, rules: Rules) -> list[Late]:
    """What is overdue at this time. Nothing becomes overdue while the window is closed.

    A kind that never came is not missed: perhaps this account has none. BilledCDRs alone are, once the account
    lived through a whole month.
    """
    if not is_open(now):
        return []
    judged = (
        _late_status(now, deliveries.account_status, rules.status_hours),
        _late_rated(now, deliveries.rated_cdrs, rules.rated_hour),
        _late_billed(now, deliveries, rules.billed_day),
    )
    return [found for found in judged if found]


def _late_status(now: int, last: Delivery | None, hours: int) -> Late | None:
    if not hours or last is None:
        return None
    since = max(last.at, opening(now))
    return Late("account_status", since, 0, last) if now - since > hours * 3600 else None


def _late_rated(now: int, last: Delivery | None, hour: int) -> Late | None:
    if not hour or last is None:
        return None
    today = _local(now).date()
    due = _at(today, hour)
    return Late("rated_cdrs", due, 0, last) if now >= due and last.at < _at(today, 0) else None


def _late_billed(now: int, deliveries: Deliveries, day: int) -> Late | None:
    if not day:
        return None
    here = _local(now)
    due_on = here.date().replace(day=day)
    if due_on.weekday() == _SUNDAY:
        due_on += timedelta(days=1)
    due = _at(due_on, _NOON)
    month = _month_before(here)
    if now < due or deliveries.billing(month):
        return None
    lived = deliveries.began is not None and deliveries.began < _at(date(month // 100, month % 100, 1), 0)
    return Late("billed_cdrs", due, month, deliveries.newest("billed_cdrs")) if lived else None


# -- Paris


def _local(now: int) -> datetime:
    return datetime.fromtimestamp(now, PARIS)


def _at(day: date, hour: int) -> int:
    return int(datetime.combine(day, time(hour), PARIS).timestamp())


def _month_before(here: datetime) -> int:
    last = here.date().replace(day=1) - timedelta(days=1)
    return last.year * 100 + last.month

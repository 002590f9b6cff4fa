"""Traffic by local day, line or destination, of a client or a line, over any range of days.

Days are days since 1970 in Paris, ranges include both ends. Where a row names no client, its line's present one
counts, as in `core.usage`. Whole months come from totals where there are any, the rest from the CDRs of each day and
line: what is read depends on the client's own traffic, not on the store's.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlite_utils import Database

from core.clients import Client
from core.folders import PARIS
from core.kinds import KINDS
from core.usage import BILLED, RATED, Total, source_of

Key = TypeVar("Key", int, str)

_EPOCH = date(1970, 1, 1).toordinal()


def date_of(day: int) -> date:
    """The date of a day since 1970."""
    return date.fromordinal(day + _EPOCH)


def day_of(when: date) -> int:
    """The days since 1970 of a date."""
    return when.toordinal() - _EPOCH


def month_of(day: int) -> int:
    """YYYYMM."""
    when = date_of(day)
    return when.year * 100 + when.month


def days_of(month: int) -> tuple[int, int]:
    """The first and the last day of a month (YYYYMM)."""
    year, number = divmod(month, 100)
    return day_of(date(year, number, 1)), day_of(date(year + number // 12, number % 12 + 1, 1)) - 1


def months_between(first: int, last: int) -> list[int]:
    """The months (YYYYMM) that a range of days touches, in their order."""
    found = [month_of(first)]
    while (following := days_of(found[-1])[1] + 1) <= last:
        found.append(month_of(following))
    return found


def billed_months(db: Database, first: int, last: int) -> tuple[int, ...]:
    """Those of the months that a range touches whose billing file came."""
    return tuple(month for month in months_between(first, last) if source_of(db, month) == BILLED)


@dataclass(frozen=True)
class Known:
    """The days that the operator's files tell of, whoever's traffic it is: before `first` and after `last` nothing is
    known, 0 and -1 when nothing is at all. `partial`: the last day was not over when its last file was written."""

    first: int
    last: int
    partial: bool

    def __contains__(self, day: int) -> bool:
        return self.first <= day <= self.last


def known_days(db: Database, first: int, last: int, billed: tuple[int, ...] = ()) -> Known:
    """Which days of a range the files read so far tell of."""
    rated = db.execute(
        "SELECT min(first_day), max(last_day), max(coalesce(as_of, modified_at, fetched_clock)) FROM files "
        "WHERE folder = 'rated_cdrs' AND state IN ('read', 'purged') AND last_day IS NOT NULL"
    ).fetchone()
    begins, ends, partial = [], [], False
    if rated[0] is not None:
        # A wrong date in a file can lie years ahead; no file tells of what comes after it.
        written = day_of(datetime.fromtimestamp(rated[2], PARIS).date())
        newest = min(rated[1], written)
        begins, ends, partial = [rated[0]], [newest], newest == written
    for month in billed:
        begins.append(days_of(month)[0])
        ends.append(days_of(month)[1])
    if not begins or (begin := max(first, min(begins))) > (end := min(last, max(ends))):
        return Known(0, -1, partial=False)
    return Known(begin, end, partial and end == ends[0] and month_of(end) not in billed)


def by_day(
    db: Database, of: Client | str, first: int, last: int, billed: tuple[int, ...] = ()
) -> dict[int, list[Total]]:
    """Days on which there was traffic, in their order, each by kind.

    :param of: a client, or a line's MSISDN.
    :param billed: the months (YYYYMM) that are counted from BilledCDRs; the others are from RatedCDRs.
    """
    return _summed(db, of, "day", first, last, billed)


def by_line(db: Database, of: Client, first: int, last: int, billed: tuple[int, ...] = ()) -> dict[int, list[Total]]:
    """Lines that had traffic, each by kind; the key is the MSISDN without its 0, and 0 for rows of the account."""
    return _summed(db, of, "line", first, last, billed)


def by_zone(
    db: Database, of: Client | str, first: int, last: int, billed: tuple[int, ...] = ()
) -> dict[str, list[Total]]:
    """Destinations in the operator's words, each by kind."""
    return _summed(db, of, "zone", first, last, billed)


def by_kind(db: Database, of: Client | str, first: int, last: int, billed: tuple[int, ...] = ()) -> list[Total]:
    """The whole range; what is left of it once CDRs are purged, for their totals stay."""
    found = _summed(db, of, "line" if isinstance(of, Client) else "kind", first, last, billed)
    return merged(found.values())


def merged(totals: Iterable[list[Total]]) -> list[Total]:
    """Totals added up by kind."""
    found: dict[str, Total] = {}
    for total in (total for several in totals for total in several):
        former = found.get(total.kind)
        found[total.kind] = added(former, total) if former else total
    return [found[kind] for kind in KINDS if kind in found]


def added(one: Total, other: Total) -> Total:
    return Total(
        one.kind,
        one.count + other.count,
        one.seconds + other.seconds,
        one.bytes + other.bytes,
        plus(one.amount, other.amount),
        plus(one.out_of_bundle, other.out_of_bundle),
    )


def plus(one: int | None, other: int | None) -> int | None:
    """The sum of amounts that may be unknown."""
    if one is None or other is None:
        return other if one is None else one
    return one + other


# -- Queries

_VALUES = "kind, out_of_bundle, count, seconds, bytes, amount"
_CDR = "kind, out_of_bundle, 1 AS count, seconds, bytes, amount"

# Rows that name the client. CROSS JOIN: the order of the loops is meant.
_NAMED_DAYS = f"""
    SELECT day AS key, {_VALUES} FROM usage_by_day
        WHERE source = :source AND client_id = :client AND day BETWEEN :first AND :last"""
_NAMED_LINES = f"""
    SELECT line AS key, {_VALUES} FROM usage_by_line
        WHERE source = :source AND month = :month AND client_id = :client"""
_NAMED_ZONES = f"""
    SELECT zone AS key, {_VALUES} FROM usage_by_zone CROSS JOIN natures ON natures.id = nature_id
        WHERE source = :source AND month = :month AND client_id = :client"""
_NAMED_CDRS = f"""
    SELECT {{key}} AS key, {_CDR} FROM
        (SELECT DISTINCT day FROM usage_by_day
            WHERE source = :source AND client_id = :client AND day BETWEEN :first AND :last) AS days
        CROSS JOIN (SELECT DISTINCT line FROM usage_by_line
            WHERE source = :source AND month = :month AND client_id = :client) AS own
        CROSS JOIN cdrs ON source = :source AND cdrs.day = days.day AND cdrs.line = own.line AND client_id = :client
        CROSS JOIN natures ON natures.id = nature_id"""

# Rows that name none, of the lines that are the client's.
_UNNAMED_LINES = f"""
    SELECT line AS key, {_VALUES} FROM lines CROSS JOIN usage_by_line ON source = :source AND month = :month
        AND line = CAST(msisdn AS INTEGER) AND usage_by_line.client_id = 0 WHERE lines.client_id = :client"""
_UNNAMED_CDRS = f"""
    SELECT {{key}} AS key, {_CDR} FROM
        (SELECT DISTINCT day FROM usage_by_day
            WHERE source = :source AND client_id = 0 AND day BETWEEN :first AND :last) AS days
        CROSS JOIN (SELECT CAST(msisdn AS INTEGER) AS line FROM lines WHERE client_id = :client) AS own
        CROSS JOIN cdrs ON source = :source AND cdrs.day = days.day AND cdrs.line = own.line AND client_id = 0
        CROSS JOIN natures ON natures.id = nature_id"""

_LINE_MONTH = f"""
    SELECT kind AS key, {_VALUES} FROM usage_by_line WHERE source = :source AND month = :month AND line = :line"""
_LINE_CDRS = f"""
    SELECT {{key}} AS key, {_CDR} FROM
        (WITH RECURSIVE days (day) AS (VALUES (:first) UNION ALL SELECT day + 1 FROM days WHERE day < :last)
            SELECT day FROM days) AS days
        CROSS JOIN cdrs ON source = :source AND cdrs.day = days.day AND cdrs.line = :line
        CROSS JOIN natures ON natures.id = nature_id"""

_TOTALS = """
    SELECT key, kind, sum(count), sum(seconds), sum(bytes), sum(amount), sum(amount) FILTER (WHERE out_of_bundle = 1)
    FROM ({rows}) GROUP BY key, kind ORDER BY key, kind"""
_COLUMNS = {"day": "cdrs.day", "line": "cdrs.line", "zone": "zone", "kind": "kind"}


def _rows(of: Client | str, key: str, *, whole: bool) -> str:
    """The query that gives the rows of a part of a month, or of a whole one."""
    if isinstance(of, str):
        return _LINE_MONTH if whole and key == "kind" else _LINE_CDRS.format(key=_COLUMNS[key])
    named, unnamed = _NAMED_CDRS, _UNNAMED_CDRS
    if key == "day":
        named = _NAMED_DAYS
    elif whole:
        named = _NAMED_LINES if key == "line" else _NAMED_ZONES
        unnamed = _UNNAMED_LINES if key == "line" else unnamed
    return " UNION ALL ".join((named, unnamed)).format(key=_COLUMNS[key])


def _summed(
    db: Database, of: Client | str, key: str, first: int, last: int, billed: tuple[int, ...]
) -> dict[Key, list[Total]]:
    found: dict[Key, list[list[Total]]] = defaultdict(list)
    for month in months_between(first, last):
        begin, end = days_of(month)
        values = {"month": month, "first": max(first, begin), "last": min(last, end)}
        values["source"] = BILLED if month in billed else RATED
        values |= {"client": of.id} if isinstance(of, Client) else {"line": int(of)}
        rows = _rows(of, key, whole=first <= begin and end <= last)
        for its, kind, *sums in db.execute(_TOTALS.format(rows=rows), values):
            found[its].append([Total(KINDS[kind], *sums)])
    return {its: merged(found[its]) for its in sorted(found)}

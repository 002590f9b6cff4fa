"""Consumption, from the totals kept at intake."""

from dataclasses import dataclass
from datetime import date

from sqlite_utils import Database

from core.clients import Client
from core.kinds import KINDS, Kind

#: As in the store; the same as in `core.traffic`, which what answers people must not import.
RATED, BILLED = 0, 1

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Total:
    """Traffic of one kind. `amount`: millionths of a euro, excluding tax; None when the files give none."""

    kind: Kind
    count: int
    seconds: int
    bytes: int
    amount: int | None
    out_of_bundle: int | None


@dataclass(frozen=True)
class LineTotal:
    msisdn: str
    amount: int | None
    seconds: int
    bytes: int


@dataclass(frozen=True)
class ZoneTotal:
    """Traffic of one kind to one destination, in the operator's words, "" where the files name none."""

    zone: str
    kind: Kind
    count: int
    seconds: int
    bytes: int
    amount: int | None


@dataclass(frozen=True)
class Delivery:
    """A file that came: its path and the time it tells of (UTC seconds)."""

    path: str
    as_of: int


def months(db: Database) -> list[int]:
    """Months (YYYYMM) in which there is any traffic, newest first."""
    found: set[int] = set()
    for source in (RATED, BILLED):
        # One step down the key a month, for SQLite reads the whole table for a DISTINCT.
        month = 10**6
        while row := db.execute(
            "SELECT month FROM usage_by_line WHERE source = ? AND month < ? ORDER BY month DESC LIMIT 1",
            (source, month),
        ).fetchone():
            month = row[0]
            found.add(month)
    return sorted(found, reverse=True)


def source_of(db: Database, month: int) -> int:
    """BILLED once the month's billing file came, RATED before."""
    billed = db.execute("SELECT 1 FROM usage_by_line WHERE source = ? AND month = ? LIMIT 1", (BILLED, month))
    return BILLED if billed.fetchone() else RATED


# Where a row names no client, the line's present one counts; most accounts have no such row. Rows of a line lie side by
# side in the table: "+" keeps SQLite from looking up each of them in the index by client.
_HAS_UNNAMED = "EXISTS (SELECT 1 FROM usage_by_line WHERE source = :source AND month = :month AND client_id = 0)"
_UNNAMED = f"""
    FROM lines CROSS JOIN usage_by_line ON source = :source AND month = :month AND line = CAST(msisdn AS INTEGER)
        AND +usage_by_line.client_id = 0
    WHERE lines.client_id = :client AND {_HAS_UNNAMED}
"""
_OWN_LINES = """
    SELECT DISTINCT line FROM usage_by_line
    WHERE source = :source AND month = :month AND client_id = :client AND line != 0
"""
# Where all rows name a client: half the time of what follows, for nothing has to be put in order.
_DEAREST_LINES = f"""
    SELECT line, (SELECT sum(amount) FROM usage_by_line AS totals WHERE source = :source AND month = :month
        AND totals.line = own.line AND +totals.client_id = :client) AS amount
    FROM ({_OWN_LINES}) AS own ORDER BY amount DESC
"""
#: As many lines that cost the same as are looked at one by one.
_MOST_DEAREST = 50
_LINES_OF_CLIENT = f"""
    SELECT own.line AS line, amount, seconds, bytes FROM ({_OWN_LINES}) AS own
        CROSS JOIN usage_by_line AS totals ON source = :source AND month = :month AND totals.line = own.line
            AND +totals.client_id = :client
    UNION ALL
    SELECT line, amount, seconds, bytes {_UNNAMED}
"""
# By kind, from what is summed by client, which is fifty times fewer rows.
_KINDS_OF_CLIENT = f"""
    SELECT {{columns}} FROM usage_by_zone CROSS JOIN natures ON natures.id = nature_id
        WHERE source = :source AND month = :month AND client_id = :client
    UNION ALL
    SELECT {{columns}} {_UNNAMED}
"""
# By destination: rows that name no client are summed for no line, so that they are read themselves.
_ZONES_OF_CLIENT = """
    SELECT zone, kind, count, seconds, bytes, amount FROM usage_by_zone CROSS JOIN natures ON natures.id = nature_id
        WHERE source = :source AND month = :month AND client_id = :client
    UNION ALL
    SELECT zone, kind, 1, seconds, bytes, amount FROM
        (SELECT DISTINCT day FROM usage_by_day
            WHERE source = :source AND client_id = 0 AND day BETWEEN :first AND :last) AS days
        CROSS JOIN lines
        CROSS JOIN cdrs ON source = :source AND cdrs.day = days.day AND line = CAST(msisdn AS INTEGER)
            AND cdrs.client_id = 0
        CROSS JOIN natures ON natures.id = nature_id
        WHERE lines.client_id = :client
            AND EXISTS (SELECT 1 FROM usage_by_line WHERE source = :source AND month = :month AND client_id = 0)
"""
_ZONES_OF_LINE = """
    SELECT zone, kind, 1 AS count, seconds, bytes, amount FROM
        (WITH RECURSIVE days (day) AS (VALUES (:first) UNION ALL SELECT day + 1 FROM days WHERE day < :last)
            SELECT day FROM days) AS days
        CROSS JOIN cdrs ON source = :source AND cdrs.day = days.day AND line = :line
        CROSS JOIN natures ON natures.id = nature_id
"""
_OF_LINE = "SELECT {columns} FROM usage_by_line WHERE source = :source AND month = :month AND line = :line"


def of_client(db: Database, client: Client, month: int, source: int) -> list[Total]:
    """A client's month, by kind."""
    return _totals(db, _KINDS_OF_CLIENT, {"client": client.id, "month": month, "source": source})


def of_line(db: Database, msisdn: str, month: int, source: int) -> list[Total]:
    """A line's month, by kind."""
    return _totals(db, _OF_LINE, {"line": int(msisdn), "month": month, "source": source})


def _totals(db: Database, which: str, values: dict[str, object]) -> list[Total]:
    rows = which.format(columns="kind, out_of_bundle, count, seconds, bytes, amount")
    found = db.execute(
        "SELECT kind, sum(count), sum(seconds), sum(bytes), sum(amount), sum(amount) FILTER (WHERE out_of_bundle = 1) "
        f"FROM ({rows}) GROUP BY kind ORDER BY kind",
        values,
    )
    return [Total(KINDS[row[0]], *row[1:]) for row in found]


def top_lines(db: Database, client: Client, month: int, source: int, most: int = 5) -> list[LineTotal]:
    """The client's lines that cost most in the month, then those that talked most."""
    values = {"client": client.id, "month": month, "source": source}
    (unnamed,) = db.execute(f"SELECT {_HAS_UNNAMED}", values).fetchone()
    dearest = [] if unnamed else db.execute(_DEAREST_LINES, values).fetchall()
    # Those that cost as much as the last of them may have talked more.
    last = dearest[most - 1][1] if len(dearest) > most else None
    dearest = [line for line, amount in dearest if last is None or (amount is not None and amount >= last)][
        : _MOST_DEAREST + 1
    ]
    if not unnamed and len(dearest) <= _MOST_DEAREST:
        of_line = "SELECT line, sum(amount), sum(seconds), sum(bytes) FROM usage_by_line WHERE source = :source "
        of_line += "AND month = :month AND line = :line AND +client_id = :client"
        rows = [db.execute(of_line, {**values, "line": line}).fetchone() for line in dearest]
        rows.sort(key=lambda row: (row[1] is None, -(row[1] or 0), -row[2], row[0]))
    else:
        rows = db.execute(
            f"SELECT line, sum(amount), sum(seconds), sum(bytes) FROM ({_LINES_OF_CLIENT}) GROUP BY line "
            "ORDER BY sum(amount) DESC, sum(seconds) DESC, line LIMIT :most",
            {**values, "most": most},
        ).fetchall()
    return [LineTotal(f"0{line}", *sums) for line, *sums in rows[:most]]


def zones_of_client(db: Database, client: Client, month: int, source: int, most: int = 1000) -> list[ZoneTotal]:
    """A client's destinations of the month, those that cost most first, then those that talked most."""
    return _zones(db, _ZONES_OF_CLIENT, {"client": client.id, "month": month}, month, source, most)


def zones_of_line(db: Database, msisdn: str, month: int, source: int, most: int = 1000) -> list[ZoneTotal]:
    """A line's destinations of the month, in the same order, as long as its communications themselves are kept."""
    return _zones(db, _ZONES_OF_LINE, {"line": int(msisdn)}, month, source, most)


def _zones(db: Database, which: str, values: dict[str, object], month: int, source: int, most: int) -> list[ZoneTotal]:
    first = date(month // 100, month % 100, 1)
    following = date(month // 100 + month % 100 // 12, month % 100 % 12 + 1, 1)
    days = {"first": first.toordinal() - _EPOCH, "last": following.toordinal() - _EPOCH - 1}
    rows = db.execute(
        f"SELECT zone, kind, sum(count), sum(seconds), sum(bytes), sum(amount) FROM ({which}) GROUP BY zone, kind "
        "ORDER BY sum(amount) DESC, sum(seconds) DESC, sum(bytes) DESC, sum(count) DESC, zone, kind LIMIT :most",
        {**values, **days, "source": source, "most": most},
    )
    return [ZoneTotal(zone, KINDS[kind], *sums) for zone, kind, *sums in rows]


def last_traffic(db: Database, msisdn: str) -> tuple[int, Kind] | None:
    """Start (UTC seconds) and kind of the line's last CDR, or None."""
    for month in months(db):
        row = db.execute(
            "SELECT last_start, kind FROM usage_by_line WHERE source = ? AND month = ? AND line = ? "
            "ORDER BY last_start DESC LIMIT 1",
            (RATED, month, int(msisdn)),
        ).fetchone()
        if row:
            return int(row[0]), KINDS[row[1]]
    return None


def last_delivery(db: Database, folder: str, month: int = 0) -> Delivery | None:
    """The newest file read in a folder of the card (see `core.folders.Folder`), or None.

    :param month: only files with rows of this month (YYYYMM), 0 for all.
    """
    row = db.execute(
        "SELECT path, coalesce(as_of, modified_at, fetched_clock) FROM files WHERE folder = :folder "
        "AND state IN ('read', 'purged') AND (:month = 0 OR :month BETWEEN first_month AND last_month) "
        "ORDER BY 2 DESC LIMIT 1",
        {"folder": folder, "month": month},
    ).fetchone()
    return Delivery(*row) if row else None


@dataclass(frozen=True)
class ClientTotal:
    name: str
    count: int
    amount: int | None


def by_client(db: Database, month: int, source: int) -> list[ClientTotal]:
    """Each client's month; lines that belong to nobody known come last, under a dash."""
    rows = db.execute(
        "SELECT coalesce(clients.name, '—'), sum(totals.count), sum(totals.amount) FROM ("
        "SELECT client_id, count, amount FROM usage_by_zone "
        "WHERE source = :source AND month = :month AND client_id != 0 "
        "UNION ALL SELECT lines.client_id, count, amount FROM usage_by_line AS unnamed "
        "LEFT JOIN lines ON lines.msisdn = '0' || unnamed.line "
        "WHERE source = :source AND month = :month AND unnamed.client_id = 0) AS totals "
        "LEFT JOIN clients ON clients.id = totals.client_id "
        "GROUP BY clients.id ORDER BY clients.name IS NULL, clients.name",
        {"source": source, "month": month},
    )
    return [ClientTotal(*row) for row in rows]


def months_of_files(db: Database, paths: list[str]) -> list[int]:
    """The months (YYYYMM) in which these CDR files hold rows."""
    found: set[int] = set()
    for path in paths:
        first, last = db.execute("SELECT first_month, last_month FROM files WHERE path = ?", (path,)).fetchone()
        if first:
            found |= {month for month in months(db) if first <= month <= last}
    return sorted(found)

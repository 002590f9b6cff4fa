"""Consumption, from the totals kept at intake."""

import difflib
from dataclasses import dataclass

from sqlite_utils import Database

from core.layouts import fold

RATED, BILLED = 0, 1


@dataclass(frozen=True)
class Client:
    id: int
    name: str


@dataclass(frozen=True)
class Total:
    """Traffic of one kind. `amount`: millionths of a euro, excluding tax; None when the files give none."""

    kind: str
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
class Delivery:
    """A file that came: its path and the time it tells of (UTC seconds)."""

    path: str
    as_of: int


def find_clients(db: Database, words: str) -> list[Client]:
    """Clients whose name holds each of the words, without accents; else the nearest names. Exact match alone."""
    clients = [
        (Client(number, name), folded)
        for number, name, folded in db.execute("SELECT id, name, folded FROM clients ORDER BY name")
    ]
    wanted = fold(words)
    if not wanted:
        return []
    exact = [client for client, folded in clients if folded == wanted]
    pieces = [fold(word) for word in words.split()]
    holding = [client for client, folded in clients if all(piece in folded for piece in pieces)]
    if exact or holding:
        return exact or holding
    near = difflib.get_close_matches(wanted, [folded for _, folded in clients], n=5, cutoff=0.6)
    return [client for name in near for client, folded in clients if folded == name]


def months(db: Database) -> list[int]:
    """Months (YYYYMM) in which there is any traffic, newest first."""
    return [month for (month,) in db.execute("SELECT DISTINCT month FROM usage ORDER BY month DESC")]


def source_of(db: Database, month: int) -> int:
    """BILLED once the month's billing file came, RATED before."""
    billed = db.execute("SELECT 1 FROM usage WHERE source = ? AND month = ? LIMIT 1", (BILLED, month))
    return BILLED if billed.fetchone() else RATED


# Where a row names no client, the line's present one counts.
_OF_CLIENT = (
    "(usage.client_id = :client OR (usage.client_id = 0 AND usage.msisdn IN "
    "(SELECT msisdn FROM lines WHERE lines.client_id = :client)))"
)
_OF_LINE = "usage.msisdn = :msisdn"


def of_client(db: Database, client: Client, month: int, source: int) -> list[Total]:
    """A client's month, by kind."""
    return _totals(db, _OF_CLIENT, {"client": client.id, "month": month, "source": source})


def of_line(db: Database, msisdn: str, month: int, source: int) -> list[Total]:
    """A line's month, by kind."""
    return _totals(db, _OF_LINE, {"msisdn": msisdn, "month": month, "source": source})


def _totals(db: Database, which: str, values: dict[str, object]) -> list[Total]:
    rows = db.execute(
        "SELECT kind, sum(count), sum(seconds), sum(bytes), sum(amount), "
        "sum(amount) FILTER (WHERE out_of_bundle = 1) FROM usage "
        f"WHERE source = :source AND month = :month AND {which} GROUP BY kind",
        values,
    )
    order = ("voice", "sms", "mms", "data", "premium", "other")
    return sorted((Total(*row) for row in rows), key=lambda total: order.index(total.kind))


def top_lines(db: Database, client: Client, month: int, source: int, most: int = 5) -> list[LineTotal]:
    """The client's lines that cost most in the month, then those that talked most."""
    rows = db.execute(
        "SELECT msisdn, sum(amount), sum(seconds), sum(bytes) FROM usage "
        f"WHERE source = :source AND month = :month AND {_OF_CLIENT} GROUP BY msisdn "
        "ORDER BY sum(amount) DESC, sum(seconds) DESC, msisdn LIMIT :most",
        {"client": client.id, "month": month, "source": source, "most": most},
    )
    return [LineTotal(*row) for row in rows]


def last_traffic(db: Database, msisdn: str) -> tuple[int, str] | None:
    """Start (UTC seconds) and kind of the line's last CDR, or None."""
    row = db.execute(
        "SELECT start, kind FROM cdrs WHERE source = ? AND msisdn = ? AND month = "
        "(SELECT max(month) FROM usage WHERE source = ? AND msisdn = ?) ORDER BY start DESC LIMIT 1",
        (RATED, msisdn, RATED, msisdn),
    ).fetchone()
    return (int(row[0]), str(row[1])) if row else None


def last_delivery(db: Database, folder: str, month: int = 0) -> Delivery | None:
    """The newest file read in a folder of the card (see `core.folders.Folder`), or None.

    :param month: only files with rows of this month (YYYYMM), 0 for all.
    """
    row = db.execute(
        "SELECT path, coalesce(as_of, modified_at, fetched_clock) FROM files WHERE folder = :folder "
        "AND state = 'read' AND (:month = 0 OR :month BETWEEN first_month AND last_month) ORDER BY 2 DESC LIMIT 1",
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
        "SELECT coalesce(clients.name, '—'), sum(usage.count), sum(usage.amount) FROM usage "
        "LEFT JOIN lines ON lines.msisdn = usage.msisdn "
        "LEFT JOIN clients ON clients.id = iif(usage.client_id, usage.client_id, lines.client_id) "
        "WHERE source = ? AND month = ? GROUP BY clients.id ORDER BY clients.name IS NULL, clients.name",
        (source, month),
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

"""What can be exported: each table's columns, their units, and the query that gives them.

PIN, PUK and RIO are credentials and stand in no export; called numbers are shown without their last four digits
(order of 31/12/2013, CNIL norm NS-47).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlite_utils import Database

from core.folders import PARIS
from core.kinds import KINDS
from core.numbers import mask

#: How many rows are in memory at once.
CHUNK = 50_000

Form = Literal["text", "whole", "euros", "moment", "day"]

_NS47 = "last four digits hidden"


@dataclass(frozen=True)
class Column:
    """`form`: text; whole number; euros (millionths in `convert`'s result); moment (UTC seconds); day (since 1970)."""

    name: str
    meaning: str
    form: Form = "text"
    convert: Callable[[Any], Any] = field(default=lambda value: value, repr=False)


@dataclass(frozen=True)
class Export:
    """`of_month`: whether it can be limited to a month; `query` has the parameters of `Choice.values`."""

    name: str
    what: str
    columns: tuple[Column, ...]
    query: str
    of_month: bool = True


@dataclass(frozen=True)
class Choice:
    """What is wanted of it. `month`: YYYYMM, 0 for all; `client`: its id in the store, 0 for all."""

    month: int = 0
    client: int = 0

    @property
    def values(self) -> dict[str, int]:
        first, last = -(10**9), 10**9
        if self.month:
            year, month = divmod(self.month, 100)
            following = date(year + month // 12, month % 12 + 1, 1)
            first, last = days_since_1970(date(year, month, 1)), days_since_1970(following) - 1
        start = _midnight(first) if self.month else first
        end = _midnight(last + 1) - 1 if self.month else 10**12
        return {"month": self.month, "client": self.client, "first": first, "last": last, "start": start, "end": end}


def days_since_1970(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


def day_of(number: int) -> date:
    return date.fromordinal(number + date(1970, 1, 1).toordinal())


def _midnight(day: int) -> int:
    local = day_of(day)
    return int(datetime(local.year, local.month, local.day, tzinfo=PARIS).timestamp())


def _number(line: int | None) -> str:
    return f"0{line}" if line else ""


def _called(called: int | str | None) -> str:
    return "" if called is None else mask(_number(called) if isinstance(called, int) else called)


def _kind(kind: int) -> str:
    return KINDS[kind]


def _out(value: int) -> str:
    return {1: "yes", 0: "no"}.get(value, "")


def _source(value: int) -> str:
    return "billed" if value else "rated"


def _month(value: int) -> str:
    return f"{value // 100}-{value % 100:02}"


# A row that names no client is of its line's present one.
_CLIENTS = (
    "LEFT JOIN lines ON {of}.client_id = 0 AND lines.msisdn = '0' || {of}.line "
    "LEFT JOIN clients ON clients.id = iif({of}.client_id, {of}.client_id, lines.client_id) "
)
_OF_CLIENT = "(:client = 0 OR clients.id = :client)"

_LINE_COLUMNS = (
    Column("msisdn", "the line's number, national form"),
    Column("iccid", "its SIM card"),
    Column("imsi", "its IMSI"),
    Column("client", "its client"),
    Column("status", "stock, reserved, active, suspended, suspended_by_operator, terminated, unknown"),
    Column("operator_status", "the operator's own word"),
    Column("plan", "its plan"),
    Column("activated_on", "in the operator's words"),
    Column("since", "first state with this status, Europe/Paris", "moment"),
    Column("gone_at", "first state that no longer lists the line, Europe/Paris; empty while it is listed", "moment"),
    Column("file", "the last file that changed it"),
)
_LINES = (
    "SELECT msisdn, iccid, imsi, clients.name, status, word, plan, activated_on, since, gone_at, files.path FROM lines "
    "JOIN files ON files.id = file_id LEFT JOIN clients ON clients.id = client_id "
    f"WHERE {_OF_CLIENT} ORDER BY msisdn"
)

_CDR_COLUMNS = (
    Column("msisdn", "the line's number; empty for a row of the account", convert=_number),
    Column("start", "Europe/Paris", "moment"),
    Column("day", "local day", "day"),
    Column("kind", "voice, sms, mms, data, premium, other", convert=_kind),
    Column("type", "the operator's own word"),
    Column("called", f"called number, {_NS47}", convert=_called),
    Column("duration_s", "seconds", "whole"),
    Column("volume_bytes", "bytes", "whole"),
    Column("amount_eur", "euros, excluding tax; empty when the file gives none", "euros"),
    Column("out_of_bundle", "yes, no, or empty when the file does not say", convert=_out),
    Column("zone", "destination, the operator's words"),
    Column("client", "the row's client, else the line's present one"),
    Column("file", "the file it came with first"),
)


def cdr_query(source: int) -> str:
    return (
        "SELECT cdrs.line, start, day, kind, type, called, seconds, bytes, amount, out_of_bundle, zone, clients.name, "
        "files.path FROM cdrs CROSS JOIN natures ON natures.id = nature_id CROSS JOIN files ON files.id = cdrs.file_id "
        f"{_CLIENTS.format(of='cdrs')}"
        f"WHERE source = {source} AND day BETWEEN :first AND :last AND {_OF_CLIENT} "
        "ORDER BY day, cdrs.line, start, cdrs.id"
    )


_USAGE = (
    "SELECT month, source, usage.line, clients.name, kind, out_of_bundle, count, seconds, bytes, amount "
    f"FROM usage_by_line AS usage {_CLIENTS.format(of='usage')}"
    f"WHERE (:month = 0 OR month = :month) AND {_OF_CLIENT} ORDER BY month, source, usage.line, clients.name, kind"
)

EXPORTS = (
    Export("lines", "the lines as they are now", _LINE_COLUMNS, _LINES, of_month=False),
    Export(
        "history",
        "what changed on the lines",
        (
            Column("msisdn", "the line's number"),
            Column("client", "its present client"),
            Column("at", "time of the state in which it was seen, Europe/Paris", "moment"),
            Column("change", "new, activated, suspended, resumed, terminated, status, sim, client, plan, vanished…"),
            Column("before", "the operator's own words"),
            Column("after", "the operator's own words"),
            Column("file", "the file in which it was seen"),
        ),
        "SELECT line_changes.msisdn, clients.name, at, change, before, after, files.path FROM line_changes "
        "JOIN files ON files.id = line_changes.file_id LEFT JOIN lines ON lines.msisdn = line_changes.msisdn "
        "LEFT JOIN clients ON clients.id = lines.client_id "
        f"WHERE at BETWEEN :start AND :end AND {_OF_CLIENT} ORDER BY at, line_changes.msisdn, line_changes.id",
    ),
    Export("cdrs", "communications of the daily files (RatedCDRs)", _CDR_COLUMNS, cdr_query(0)),
    Export("billed", "communications and fees of the monthly files (BilledCDRs)", _CDR_COLUMNS, cdr_query(1)),
    Export(
        "sims",
        "SIM cards; their codes are in no export",
        (
            Column("iccid", "the card"),
            Column("imsi", "its IMSI"),
            Column("msisdn", "the line it was delivered for, if any"),
            Column("status", "stock, reserved…, when a state lists the card"),
            Column("seen_at", "time of the newest file that names it, Europe/Paris", "moment"),
            Column("file", "that file"),
        ),
        "SELECT sims.iccid, sims.imsi, sims.msisdn, sims.status, seen_at, files.path FROM sims "
        "JOIN files ON files.id = sims.file_id "
        "LEFT JOIN lines ON lines.iccid = sims.iccid LEFT JOIN clients ON clients.id = lines.client_id "
        f"WHERE {_OF_CLIENT} ORDER BY sims.iccid",
        of_month=False,
    ),
    Export(
        "rejects",
        "rows set aside; `origyne-bot rejects` shows what they hold",
        (
            Column("file", "the file"),
            Column("line", "line in the file, 1 is the first", "whole"),
            Column("reason", "why, in French"),
        ),
        "SELECT path, line, rejects.reason FROM rejects JOIN files ON files.id = file_id "
        "WHERE (:month = 0 OR :month BETWEEN coalesce(first_month, :month) AND coalesce(last_month, :month)) "
        "AND :client = 0 ORDER BY path, line",
    ),
    Export(
        "usage",
        "totals by line and month",
        (
            Column("month", "YYYY-MM", convert=_month),
            Column("source", "rated (daily files) or billed", convert=_source),
            Column("msisdn", "the line's number; empty for rows of the account", convert=_number),
            Column("client", "the rows' client, else the line's present one"),
            Column("kind", "voice, sms, mms, data, premium, other", convert=_kind),
            Column("out_of_bundle", "yes, no, or empty when the files do not say", convert=_out),
            Column("count", "communications", "whole"),
            Column("duration_s", "seconds", "whole"),
            Column("volume_bytes", "bytes", "whole"),
            Column("amount_eur", "euros, excluding tax; empty when the files give none", "euros"),
        ),
        _USAGE,
    ),
)


def export_named(name: str) -> Export:
    return next(export for export in EXPORTS if export.name == name)


def chunks(db: Database, export: Export, choice: Choice, size: int = CHUNK) -> Iterator[list[tuple[Any, ...]]]:
    """The rows, converted, some at a time; never all of them in memory."""
    cursor = db.execute(export.query, choice.values)
    converters = [column.convert for column in export.columns]
    while rows := cursor.fetchmany(size):
        yield [tuple(convert(value) for convert, value in zip(converters, row, strict=True)) for row in rows]


def euros(millionths: int | None) -> str:
    """Exactly, with six decimals: `-0.150000`; "" for none."""
    if millionths is None:
        return ""
    sign = "-" if millionths < 0 else ""
    return f"{sign}{abs(millionths) // 1_000_000}.{abs(millionths) % 1_000_000:06d}"


def moment(seconds: int | None) -> str:
    """ISO 8601 with its offset, Europe/Paris; "" for none."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, PARIS).isoformat()


def documentation() -> str:
    """The columns of each export, as Markdown."""
    parts = []
    for export in EXPORTS:
        columns = "; ".join(f"`{column.name}` {column.meaning}" for column in export.columns)
        parts.append(f"- **{export.name}**, {export.what}: {columns}.")
    return "\n".join(parts)

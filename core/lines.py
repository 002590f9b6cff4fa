"""Lines: their present state, and how a person's words find them."""

import re
from dataclasses import dataclass

from sqlite_utils import Database

from core.numbers import NumberError, msisdn


@dataclass(frozen=True)
class Line:
    """`status`: one of the store's; `word`, `options`: in the operator's own words. Times in UTC seconds.

    `since`: the first state that shows this status; `changed`: the state before it showed another. `gone_at`: the first
    state that no longer lists the line, None while it is listed; this does not say that it is terminated. `seen_at`,
    `path`: the last state that lists it.
    """

    msisdn: str
    iccid: str
    client: str
    status: str
    word: str
    plan: str
    options: str
    activated_on: str
    since: int
    changed: bool
    gone_at: int | None
    seen_at: int
    path: str


_SELECT = (
    "SELECT lines.msisdn, iccid, coalesce(clients.name, ''), status, word, plan, options, activated_on, since, "
    "EXISTS (SELECT 1 FROM line_changes WHERE line_changes.msisdn = lines.msisdn AND at = since "
    "AND change IN ('activated', 'suspended', 'resumed', 'terminated', 'status')), gone_at "
    "FROM lines LEFT JOIN clients ON clients.id = client_id "
)


def find(db: Database, words: str) -> list[Line]:
    """The lines that a number in any usual form, an ICCID or its last digits (4 at least) name.

    Cards can print the last 13 digits of the ICCID only, and factory files can lack its check digit.
    """
    try:
        exact = _lines(db, "WHERE lines.msisdn = ?", msisdn(words))
    except NumberError:
        exact = []
    digits = re.sub(r"\D", "", words)
    if exact or len(digits) < 4:
        return exact
    return _lines(
        db,
        "WHERE iccid = ? OR iccid = ? OR substr(iccid, -length(?)) = ? OR substr(lines.msisdn, -length(?)) = ? "
        "ORDER BY lines.msisdn LIMIT 21",
        digits,
        digits[:-1] if len(digits) in (19, 20) else digits,
        *[digits] * 4,
    )


def _lines(db: Database, where: str, *values: str) -> list[Line]:
    rows = db.execute(_SELECT + where, values).fetchall()
    return [Line(*(*row, *_last_seen(db, gone_at=row[-1]))) for row in rows]


_NEWEST = "SELECT json_extract(value, '$.as_of'), json_extract(value, '$.path') FROM marks WHERE name = 'lines'"
_LAST_BEFORE = (
    "SELECT coalesce(as_of, modified_at, fetched_clock) AS at, path FROM files "
    "WHERE folder = 'account_status' AND state = 'read' AND at < ? ORDER BY at DESC, path DESC LIMIT 1"
)


def _last_seen(db: Database, gone_at: int | None) -> tuple[int, str]:
    """Time and path of the newest AccountStatus, or of the last one before a line was gone."""
    row = (db.execute(_NEWEST) if gone_at is None else db.execute(_LAST_BEFORE, (gone_at,))).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "")

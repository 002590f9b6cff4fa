"""Lines: their present state, and how a person's words find them."""

import re
from dataclasses import dataclass

from sqlite_utils import Database

from core.numbers import NumberError, msisdn


@dataclass(frozen=True)
class Line:
    """`status`: one of the store's; `word`: the operator's own. Times in UTC seconds; `path`: the file that says so.

    `since`: the first state that shows this status; `changed`: the state before it showed another.
    """

    msisdn: str
    iccid: str
    client: str
    status: str
    word: str
    plan: str
    activated_on: str
    since: int
    changed: bool
    seen_at: int
    path: str


_SELECT = (
    "SELECT lines.msisdn, iccid, coalesce(clients.name, ''), status, word, plan, activated_on, since, "
    "EXISTS (SELECT 1 FROM line_changes WHERE line_changes.msisdn = lines.msisdn AND at = since "
    "AND change IN ('activated', 'suspended', 'resumed', 'terminated', 'status')), seen_at, files.path "
    "FROM lines JOIN files ON files.id = lines.file_id LEFT JOIN clients ON clients.id = client_id "
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
    return [Line(*row) for row in db.execute(_SELECT + where, values)]

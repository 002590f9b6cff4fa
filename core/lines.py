"""Lines: their present state, what became of them, and how a person's words find them."""

import re
from dataclasses import dataclass

from sqlite_utils import Database

from core.numbers import NumberError, msisdn
from core.sealing import place
from core.vault import Vault, VaultError, is_sealed


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


@dataclass(frozen=True)
class Change:
    """What changed on a line. `change`: one of the store's, see `core.store.schema`. `at`, `path`: of the AccountStatus
    that shows it. `before`, `after`: in the operator's own words, "" for a RIO, which is a credential."""

    at: int
    change: str
    before: str
    after: str
    path: str


@dataclass(frozen=True)
class ClientLines:
    """How many lines a client has by status, without those that are gone. `client_id`: None for lines of no client."""

    client_id: int | None
    name: str
    by_status: dict[str, int]


#: In a set of statuses, and among counts: lines that the AccountStatus no longer lists, whatever their last status.
GONE = "gone"

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


def listing(
    db: Database, client_id: int | None = None, statuses: frozenset[str] = frozenset(), offset: int = 0, limit: int = 20
) -> tuple[list[Line], int]:
    """A page of lines by number, and how many there are in all.

    :param client_id: None for the lines of all.
    :param statuses: those wanted, `GONE` among them or not; none for all lines that are not gone.
    """
    wanted = sorted(statuses - {GONE})
    kept = []
    if wanted or not statuses:
        of_status = f" AND status IN ({', '.join('?' * len(wanted))})" if wanted else ""
        kept.append(f"gone_at IS NULL{of_status}")
    if GONE in statuses:
        kept.append("gone_at IS NOT NULL")
    values: list[str | int] = list(wanted)
    where = f"WHERE ({' OR '.join(kept)})"
    if client_id is not None:
        where += " AND client_id = ?"
        values.append(client_id)
    (total,) = db.execute(f"SELECT count(*) FROM lines {where}", values).fetchone()
    return _lines(db, f"{where} ORDER BY lines.msisdn LIMIT ? OFFSET ?", *values, limit, offset), int(total)


def counts(db: Database, client_id: int | None = None) -> dict[str, int]:
    """How many lines have each status, and how many are `GONE`; what has none is left out."""
    where, values = ("", []) if client_id is None else ("WHERE client_id = ? ", [client_id])
    found: dict[str, int] = {}
    for status, is_gone, count in db.execute(
        f"SELECT status, gone_at IS NOT NULL, count(*) FROM lines {where}GROUP BY client_id, status, gone_at", values
    ):
        name = GONE if is_gone else status
        found[name] = found.get(name, 0) + count
    return found


def by_client(db: Database) -> list[ClientLines]:
    """All clients by name, those without lines too, then the lines that belong to none."""
    found: dict[int | None, dict[str, int]] = {}
    for client_id, status, count in db.execute(
        "SELECT client_id, status, count(*) FROM lines WHERE gone_at IS NULL GROUP BY client_id, status"
    ):
        found.setdefault(client_id, {})[status] = count
    clients = db.execute("SELECT id, name FROM clients ORDER BY folded")
    of_clients = [ClientLines(number, name, found.get(number, {})) for number, name in clients]
    return of_clients + ([ClientLines(None, "", found[None])] if None in found else [])


def history(db: Database, msisdn: str, offset: int = 0, limit: int = 20) -> tuple[list[Change], int]:
    """A page of what changed on a line, newest first, and how many changes there are in all."""
    (total,) = db.execute("SELECT count(*) FROM line_changes WHERE msisdn = ?", (msisdn,)).fetchone()
    rows = db.execute(
        "SELECT at, change, iif(change = 'rio', '', before), iif(change = 'rio', '', after), path FROM line_changes "
        "CROSS JOIN files ON files.id = file_id WHERE msisdn = ? ORDER BY at DESC, line_changes.id DESC "
        "LIMIT ? OFFSET ?",
        (msisdn, limit, offset),
    )
    return [Change(*row) for row in rows], int(total)


def has_rio(db: Database, msisdn: str) -> bool:
    """Whether the operator's files give the RIO of a line of ours."""
    return db.execute("SELECT 1 FROM lines WHERE msisdn = ? AND rio != ''", (msisdn,)).fetchone() is not None


def rio(db: Database, msisdn: str, vault: Vault) -> str:
    """The RIO of a line of ours, "" when no file gives it. A credential: it stays out of any log.

    :raises VaultError: there is one, and no key of ours opens it.
    """
    row = db.execute("SELECT rio FROM lines WHERE msisdn = ?", (msisdn,)).fetchone()
    if row is None or not row[0]:
        return ""
    if not is_sealed(row[0]):
        raise VaultError("le RIO n'est pas encore chiffré : la prochaine passe le fait", missing=False)
    return vault.open(row[0], place("lines", msisdn, "rio"))


def near(db: Database, words: str, most: int = 8) -> list[Line]:
    """Lines whose number is the one given but for one digit, or for two neighbours that are swapped.

    Swaps first, then lines that are not gone, by number. A number that is not full has none.
    """
    try:
        number = msisdn(words)
    except NumberError:
        return []
    swapped = {number[: at - 1] + number[at] + number[at - 1] + number[at + 1 :] for at in range(2, len(number))}
    changed = {number[:at] + digit + number[at + 1 :] for at in range(1, len(number)) for digit in "0123456789"}
    wanted = sorted((swapped | changed) - {number})
    found = _lines(db, f"WHERE lines.msisdn IN ({', '.join('?' * len(wanted))})", *wanted)
    found.sort(key=lambda line: (line.msisdn not in swapped, line.gone_at is not None, line.msisdn))
    return found[:most]


def _lines(db: Database, where: str, *values: str | int) -> list[Line]:
    rows = db.execute(_SELECT + where, values).fetchall()
    seen = {gone_at: _last_seen(db, gone_at) for gone_at in {row[-1] for row in rows}}
    return [Line(*(*row, *seen[row[-1]])) for row in rows]


_NEWEST = "SELECT json_extract(value, '$.as_of'), json_extract(value, '$.path') FROM marks WHERE name = 'lines'"
_LAST_BEFORE = (
    "SELECT coalesce(as_of, modified_at, fetched_clock) AS at, path FROM files "
    "WHERE folder = 'account_status' AND state = 'read' AND at < ? ORDER BY at DESC, path DESC LIMIT 1"
)


def _last_seen(db: Database, gone_at: int | None) -> tuple[int, str]:
    """Time and path of the newest AccountStatus, or of the last one before a line was gone."""
    row = (db.execute(_NEWEST) if gone_at is None else db.execute(_LAST_BEFORE, (gone_at,))).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "")

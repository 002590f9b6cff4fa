"""SIM cards: what the listings of orders and the AccountStatus say of them, together, and their codes (sealed).

Each can write an ICCID with its check digit or, as factory files do, without it. Two writings are of one card when they
are equal, or when the longer is the other and one digit more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from core.numbers import NumberError, luhn_is_right, msisdn
from core.sealing import place
from core.vault import Vault, VaultError, is_sealed

#: Fewer last digits name no card; that many are printed on one, with its check digit or without.
FEWEST_DIGITS, PRINTED_DIGITS = 4, 13

#: The columns of the codes; `core.vault` opens them.
CODES = ("pin", "puk", "pin2", "puk2")

_LENGTHS = (18, 19, 20)


@dataclass(frozen=True)
class Card:
    """A card. Times in UTC seconds.

    `seen_at`, `path`: of the newest listing that names it, else of an AccountStatus.
    `msisdn`: the line that it is on, "" for none; `client`, `line_status`, `gone`: that line's, `gone` saying that the
    AccountStatus no longer lists it. `delivered_for`: the number that its listing gives, perhaps of a line that has
    another card by now. `status`, `word`: its own, when an AccountStatus names it without a line.
    """

    iccid: str
    imsi: str
    msisdn: str
    client: str
    line_status: str
    gone: bool
    delivered_for: str
    status: str
    word: str
    seen_at: int
    path: str
    has_puk: bool

    @property
    def is_odd(self) -> bool:
        """Whether its 19 digits do not end with their check digit: one of them may be wrong."""
        return len(self.iccid) == 19 and not luhn_is_right(self.iccid)


@dataclass(frozen=True)
class Codes:
    """The codes of a card, "" where its listing gives none. They are credentials, and stay out of any log.

    `path`, `seen_at`: of the newest listing that names the card (UTC seconds).
    """

    pin: str = field(repr=False)
    puk: str = field(repr=False)
    pin2: str = field(repr=False)
    puk2: str = field(repr=False)
    path: str
    seen_at: int


@dataclass(frozen=True)
class Order:
    """A listing of cards. `at`: UTC seconds."""

    path: str
    at: int
    cards: int


@dataclass(frozen=True)
class Stock:
    """How many cards there are.

    `on_lines`: on a line, whatever its status; `used`: on none any more, as the line has another card since; `spare`:
    the others, by their own status, "" for those that no AccountStatus names. `orders`: newest first.
    """

    on_lines: int
    used: int
    spare: dict[str, int]
    orders: tuple[Order, ...]


def find(db: Database, words: str, most: int = 21) -> list[Card]:
    """The cards that a line's number, an ICCID with or without its check digit, or its last digits (4 at least) name.

    A line's number names the card that the line has now.
    """
    try:
        number = msisdn(words)
    except NumberError:
        number = ""
    if number and (cards := _of_line(db, number)):
        return cards
    digits = re.sub(r"\D", "", words)
    if len(digits) < FEWEST_DIGITS or len(digits) > _LENGTHS[-1]:
        return []
    found = _written(db, digits) if len(digits) in _LENGTHS else _ending(db, digits, most)
    return list(dict.fromkeys(_card(db, iccid) for iccid in found))[:most]


def is_puk(db: Database, number: str, vault: Vault) -> bool:
    """Whether a number is the PUK, or the second one, of a known card; without a key that cannot be told."""
    for mark in vault.marks(number):
        for column in ("puk_mark", "puk2_mark"):
            found = db.execute(f"SELECT 1 FROM sims WHERE {column} != '' AND {column} = ? LIMIT 1", (mark,))
            if found.fetchone():
                return True
    return False


def has_puk(db: Database, iccid: str) -> bool:
    """Whether a listing gives the card's PUK. Needs no key."""
    row = _row_with_codes(db, iccid)
    return row is not None and bool(row[2])


def codes(db: Database, iccid: str, vault: Vault) -> Codes | None:
    """The codes of the card of that ICCID, None when no listing gives any.

    Where several cards could be meant there are none: a few wrong PUKs destroy a card.

    :raises VaultError: there are codes, and no key of ours opens them.
    """
    row = _row_with_codes(db, iccid)
    if row is None:
        return None
    written, *sealed, path, seen_at = row
    opened = {
        name: _opened(code, place("sims", written, name), vault) for name, code in zip(CODES, sealed, strict=True)
    }
    return Codes(**opened, path=path, seen_at=seen_at)


def _opened(code: str, where: str, vault: Vault) -> str:
    if code and not is_sealed(code):
        raise VaultError("les codes d'avant ne sont pas encore chiffrés : la prochaine passe le fait", missing=False)
    return vault.open(code, where)


def _row_with_codes(db: Database, iccid: str) -> tuple[Any, ...] | None:
    """Its ICCID, four codes as the store has them, path and time."""
    rows = db.execute(
        f"SELECT iccid, {', '.join(CODES)}, path, seen_at FROM sims CROSS JOIN files ON files.id = file_id "
        f"WHERE {_SAME} AND (pin, puk, pin2, puk2) != ('', '', '', '')",
        _writings(iccid),
    ).fetchall()
    meant = _meant(iccid, [row[0] for row in rows])
    return next((row for row in rows if row[0] == meant), None)


def stock(db: Database, orders: int = 5) -> Stock:
    """All cards counted, and the newest orders. Reads all cards: about 50 ms for 100,000."""
    (on_lines,) = db.execute("SELECT count(DISTINCT iccid) FROM lines WHERE iccid != ''").fetchone()
    # Most cards are written alike everywhere; of the others few are left to be compared here.
    lines = db.execute("SELECT iccid FROM lines WHERE iccid != '' AND iccid NOT IN (SELECT iccid FROM sims)")
    carried = {iccid for (iccid,) in lines}
    carried_but_for_key = {iccid[:-1] for iccid in carried if len(iccid) > _LENGTHS[0]}
    former = {iccid for (iccid,) in db.execute("SELECT before FROM line_changes WHERE change = 'sim'")}
    used = 0
    spare: dict[str, int] = {}
    for iccid, status, has_successor in db.execute(
        "SELECT iccid, status, EXISTS (SELECT 1 FROM lines WHERE lines.msisdn = sims.msisdn AND lines.iccid != '') "
        "FROM sims WHERE iccid NOT IN (SELECT iccid FROM lines)"
    ):
        if iccid[:-1] in carried or iccid in carried_but_for_key:
            continue
        if has_successor or iccid in former:
            used += 1
        else:
            spare[status] = spare.get(status, 0) + 1
    return Stock(int(on_lines), used, spare, tuple(listings(db, orders)))


def listings(db: Database, most: int = 5) -> list[Order]:
    """The newest listings of cards that were read."""
    rows = db.execute(
        "SELECT path, coalesce(as_of, modified_at, fetched_clock) AS at, rows FROM files "
        "WHERE folder = 'sims' AND state = 'read' ORDER BY at DESC, path DESC LIMIT ?",
        (most,),
    )
    return [Order(*row) for row in rows]


# -- One card, in several writings

_SAME = "(iccid IN (:whole, :shorter) OR (iccid BETWEEN :whole || '0' AND :whole || '9' AND length(iccid) = :longer))"


def _writings(iccid: str) -> dict[str, str | int]:
    return {"whole": iccid, "shorter": iccid[:-1] if len(iccid) > _LENGTHS[0] else iccid, "longer": len(iccid) + 1}


def _meant(iccid: str, candidates: Iterable[str]) -> str | None:
    """Which writing is of the same card: the same, else the only one, else the only one with a right check digit."""
    others = set(candidates)
    if iccid in others:
        return iccid
    if len(others) > 1:
        others = {other for other in others if luhn_is_right(max(other, iccid, key=len))}
    return others.pop() if len(others) == 1 else None


def _card(db: Database, iccid: str) -> Card:
    """The card of an ICCID that the store has; its longest writing counts."""
    writings = _writings(iccid)
    listed = db.execute(
        "SELECT iccid, imsi, sims.msisdn, status, word, seen_at, path, puk != '' FROM sims "
        f"CROSS JOIN files ON files.id = file_id WHERE {_SAME}",
        writings,
    ).fetchall()
    meant = _meant(iccid, [row[0] for row in listed])
    sim = next((row for row in listed if row[0] == meant), ("", "", "", "", "", 0, "", 0))
    puks = [row[0] for row in listed if row[-1]]
    carried = db.execute(
        "SELECT iccid, imsi, lines.msisdn, coalesce(clients.name, ''), status, gone_at IS NOT NULL FROM lines "
        f"LEFT JOIN clients ON clients.id = client_id WHERE {_SAME} ORDER BY gone_at IS NOT NULL, msisdn",
        writings,
    ).fetchall()
    meant = _meant(iccid, [row[0] for row in carried])
    line = next((row for row in carried if row[0] == meant), None)
    number = client = line_status = ""
    gone = False
    if line:
        number, client, line_status, gone = line[2], line[3], line[4], bool(line[5])
    elif sim[2] and (other := _line(db, sim[2])) and not other[0]:
        # A line whose card no state tells has the one that was delivered for it.
        number, client, line_status, gone = sim[2], other[1], other[2], bool(other[3])
    elif sim[2] and not _line(db, sim[2]):
        number = sim[2]
    seen_at, path = sim[5], sim[6]
    if line and not seen_at:
        seen_at, path = _last_state(db)
    written = max(iccid, sim[0], line[0] if line else "", key=len)
    imsi = (line[1] if line else "") or sim[1]
    has_puk = _meant(iccid, puks) is not None
    return Card(written, imsi, number, client, line_status, gone, sim[2], sim[3], sim[4], seen_at, path, has_puk)


def _line(db: Database, number: str) -> tuple[str, str, str, int] | None:
    """Its card, client, status and whether it is gone."""
    row: tuple[str, str, str, int] | None = db.execute(
        "SELECT iccid, coalesce(clients.name, ''), status, gone_at IS NOT NULL FROM lines "
        "LEFT JOIN clients ON clients.id = client_id WHERE msisdn = ?",
        (number,),
    ).fetchone()
    return row


def _last_state(db: Database) -> tuple[int, str]:
    row = db.execute(
        "SELECT json_extract(value, '$.as_of'), json_extract(value, '$.path') FROM marks WHERE name = 'lines'"
    ).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "")


def _of_line(db: Database, number: str) -> list[Card]:
    line = _line(db, number)
    if line and line[0]:
        return [_card(db, line[0])]
    rows = db.execute("SELECT iccid FROM sims WHERE msisdn = ? ORDER BY seen_at DESC, iccid LIMIT 21", (number,))
    cards = dict.fromkeys(_card(db, iccid) for (iccid,) in rows.fetchall())
    return [card for card in cards if card.msisdn == number]


# -- By what is written on a card


def _written(db: Database, iccid: str) -> list[str]:
    """An ICCID in full: that one, else those that are it without or with a check digit."""
    union = f"SELECT iccid FROM sims WHERE {_SAME} UNION SELECT iccid FROM lines WHERE {_SAME}"
    found = [row[0] for row in db.execute(union, _writings(iccid))]
    return [iccid] if iccid in found else found


def _ending(db: Database, digits: str, most: int) -> list[str]:
    """Last digits; of a whole printed number the check digit may be missing, here or in the files."""
    if len(digits) < PRINTED_DIGITS - 1:
        test, endings = "substr(iccid, -length(:digits)) = :digits", {"digits": digits}
    else:
        test = (
            "(substr(iccid, -length(:digits)) = :digits OR substr(iccid, -length(:fewer)) = :fewer "
            "OR substr(iccid, -length(:digits) - 1, length(:digits)) = :digits)"
        )
        endings = {"digits": digits, "fewer": digits[:-1]}
    found: set[str] = set()
    for table in ("sims", "lines"):
        rows = db.execute(f"SELECT iccid FROM {table} WHERE {test} LIMIT :most", {**endings, "most": most})
        found |= {iccid for (iccid,) in rows}
    exact = {iccid for iccid in found if iccid.endswith(digits)}
    return sorted(exact or found)

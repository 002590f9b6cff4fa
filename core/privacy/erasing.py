"""What can go of a line or a client for good, what stays, and why; it comes in again neither with a later file nor with
a store made anew (`core.forgotten`)."""

import json
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from core.forgotten import first_day, save
from core.privacy.subject import OF_LINES, WRITTEN, Subject, aside_rows, cards_by_line, cards_of, naming_rows, ways
from core.reasons import without_values
from core.retention import empty_log, remove_unfinished
from core.totals import GRAINS
from core.vault import Vault


@dataclass(frozen=True)
class LineErasure:
    """What goes of a line that is no longer in service. `status`: the store's, "gone" when no state lists it, "" when
    none ever did. `cards`: their ICCIDs; `coded`: how many have codes. `rejects`: file and line of rows set aside.
    `rows`: CDRs of billed months; `unbilled`: those that stay until they are past their term."""

    msisdn: str
    status: str
    changes: int
    events: int
    cards: tuple[str, ...]
    coded: int
    has_rio: bool
    rejects: tuple[tuple[int, int], ...]
    rows: int
    unbilled: int

    @property
    def is_empty(self) -> bool:
        return not (self.changes or self.events or self.cards or self.has_rio or self.rejects or self.rows)


@dataclass(frozen=True)
class Erasure:
    """`lines`: what goes; `in_service`: lines of which nothing does, with their status. `until`: CDRs go up to that
    day (days since 1970), the last of the months that are billed."""

    who: Subject
    lines: tuple[LineErasure, ...]
    in_service: tuple[tuple[str, str], ...]
    until: int

    @property
    def is_empty(self) -> bool:
        return all(line.is_empty for line in self.lines)


def plan_erasure(db: Database, who: Subject, vault: Vault) -> Erasure:
    """What `erase` would do; changes nothing."""
    (billed,) = db.execute("SELECT max(month) FROM usage_by_line WHERE source = 1").fetchone()
    until = first_day(billed + 1 if billed % 100 < 12 else billed + 89) - 1 if billed else 0
    over, in_service = [], []
    for number in who.msisdns:
        row = db.execute(
            "SELECT iif(gone_at IS NULL, status, iif(status = 'terminated', status, 'gone')), rio != '' "
            "FROM lines WHERE msisdn = ?",
            (number,),
        ).fetchone()
        status, has_rio = row or ("", 0)
        if status in ("terminated", "gone", ""):
            over.append((number, status, bool(has_rio)))
        else:
            in_service.append((number, status))
    numbers = [number for number, *_ in over]
    cards = cards_by_line(db, numbers)
    taken = _taken(db, {iccid for those in cards.values() for iccid in those})
    counted, changes, told = _counted(db, numbers, until), _changes_of(db, numbers), _events_of(db, numbers)
    aside = naming_rows(aside_rows(db, vault), numbers, {iccid for those in cards.values() for iccid in those})
    found = []
    for number, status, has_rio in over:
        kept = sorted(cards[number] - taken)
        coded = sum(db.execute(f"SELECT {_CODED} FROM sims WHERE iccid = ?", (iccid,)).fetchone()[0] for iccid in kept)
        rejects = tuple((it.file_id, it.line) for it in naming_rows(aside, [number], cards[number])) if aside else ()
        rows = counted.get(int(number), (0, 0))
        found.append(
            LineErasure(
                number, status, changes.get(number, 0), told.get(number, 0), tuple(kept), coded, has_rio, rejects, *rows
            )
        )
    return Erasure(who, tuple(found), tuple(in_service), until)


_CODED = "(pin, puk, pin2, puk2, msisdn) != ('', '', '', '', '')"


def _counted(db: Database, msisdns: list[str], until: int) -> dict[int, tuple[int, int]]:
    """CDRs of each line up to that day, and after it."""
    rows = db.execute(
        "SELECT line, sum(day <= :until), sum(day > :until) FROM cdrs "
        "WHERE line IN (SELECT value FROM json_each(:lines)) GROUP BY line",
        {"until": until, "lines": json.dumps([int(number) for number in msisdns])},
    )
    return {line: (rows, unbilled) for line, rows, unbilled in rows}


def _changes_of(db: Database, msisdns: list[str]) -> dict[str, int]:
    query = f"SELECT msisdn, count(*) FROM line_changes WHERE {OF_LINES} GROUP BY msisdn"
    return dict(db.execute(query, {"msisdns": json.dumps(msisdns)}))


def _events_of(db: Database, msisdns: list[str]) -> dict[str, int]:
    rows = db.execute(
        "SELECT json_extract(data, '$.msisdn') AS msisdn, count(*) FROM events "
        f"WHERE kind LIKE 'line.%' AND {OF_LINES} GROUP BY 1",
        {"msisdns": json.dumps(msisdns)},
    )
    return dict(rows)


def _taken(db: Database, cards: set[str]) -> set[str]:
    """Cards that went on to a line in service: they are that line's."""
    in_service = f"SELECT msisdn FROM lines WHERE {WRITTEN} AND gone_at IS NULL AND status != 'terminated'"
    others = {number for iccid in cards for (number,) in db.execute(in_service, ways(iccid))}
    return set(cards_of(db, sorted(others))) if others else set()


def erase(db: Database, data: Path, erasure: Erasure, now: int) -> None:
    """Do what the plan says, in one transaction. Under `sync.lock`, with a plan made under it.

    :raises OSError: what must not come back cannot be written down beside the store; nothing is erased.
    """
    numbers = [line.msisdn for line in erasure.lines]
    values = {
        "msisdns": json.dumps(numbers),
        "lines": json.dumps([int(number) for number in numbers]),
        "until": erasure.until,
        "now": now,
    }
    rows = "line IN (SELECT value FROM json_each(:lines)) AND day <= :until"
    with db.atomic():
        db.execute(
            "INSERT INTO erasures (msisdn, state_until, cdrs_until, erased_clock) SELECT value, "
            "coalesce((SELECT json_extract(value, '$.as_of') FROM marks WHERE name = 'lines'), 0), :until, :now "
            "FROM json_each(:msisdns) WHERE 1 ON CONFLICT (msisdn) DO UPDATE SET state_until = excluded.state_until, "
            "cdrs_until = max(cdrs_until, excluded.cdrs_until), erased_clock = excluded.erased_clock",
            values,
        )
        for grain in GRAINS:
            db.execute(f"INSERT INTO {grain.erased} {grain.summed(grain.rows(rows))}", values)
        db.execute(f"DELETE FROM cdrs WHERE {rows}", values)
        db.execute(f"DELETE FROM line_changes WHERE {OF_LINES}", values)
        db.execute(
            "DELETE FROM events WHERE kind LIKE 'line.%' "
            "AND json_extract(data, '$.msisdn') IN (SELECT value FROM json_each(:msisdns))",
            values,
        )
        db.execute(f"UPDATE lines SET iccid = '', imsi = '', rio = '', options = '' WHERE {OF_LINES}", values)
        cards = [(iccid,) for line in erasure.lines for iccid in line.cards]
        db.conn.executemany("INSERT OR IGNORE INTO erased_cards (iccid) VALUES (?)", cards)
        db.conn.executemany(
            "UPDATE sims SET msisdn = '', pin = '', puk = '', pin2 = '', puk2 = '', puk_mark = '', puk2_mark = '' "
            "WHERE iccid = ?",
            cards,
        )
        for file_id, line in {place for it in erasure.lines for place in it.rejects}:
            (reason,) = db.execute(
                "SELECT reason FROM rejects WHERE file_id = ? AND line = ?", (file_id, line)
            ).fetchone()
            db.execute(
                "UPDATE rejects SET content = '', reason = ? WHERE file_id = ? AND line = ?",
                (without_values(reason), file_id, line),
            )
        save(db, data)
    remove_unfinished(data)
    empty_log(db)

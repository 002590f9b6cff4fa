"""What must not come in again, in whatever file it stands: CDRs of months that were purged, and what was erased of a
line on demand (see `core.retention` and `core.privacy`)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core.export.appearing import appearing_file
from core.numbers import COUNTRY_CODES

#: The mark that holds the oldest month whose CDRs are kept.
FIRST_KEPT = "first_kept"

#: What was erased, beside the store.
BESIDE = "erasures.json"
_LINE = "msisdn, state_until, cdrs_until, erased_clock"

#: Cells of an AccountStatus that say more than that the line was there.
_TELLING = ("iccid", "imsi", "rio", "options")


@dataclass(frozen=True)
class Erased:
    """See `core.store.schema`, erasures."""

    state_until: int
    cdrs_until: int


@dataclass(frozen=True)
class Forgotten:
    """`first_kept`: the oldest month whose CDRs are kept (YYYYMM), 0 while none was purged."""

    first_kept: int
    lines: Mapping[str, Erased]
    cards: frozenset[str]

    @classmethod
    def load(cls, db: Database) -> "Forgotten":
        lines = {
            msisdn: Erased(state_until, cdrs_until)
            for msisdn, state_until, cdrs_until in db.execute("SELECT msisdn, state_until, cdrs_until FROM erasures")
        }
        cards = frozenset(iccid for (iccid,) in db.execute("SELECT iccid FROM erased_cards"))
        return cls(first_kept(db), lines, cards)

    @property
    def first_day(self) -> int:
        """Days since 1970 of the first day whose CDRs are kept."""
        return first_day(self.first_kept) if self.first_kept else -(10**9)

    def is_old_state(self, msisdn: str, as_of: int) -> bool:
        """Whether a state of that time tells of a line's erased past."""
        return msisdn in self.lines and as_of <= self.lines[msisdn].state_until

    def bare(self, row: dict[str, str], as_of: int) -> dict[str, str]:
        """A row of an AccountStatus, without what was erased of its line. A line that is in service again has all of
        its new life."""
        msisdn = row["msisdn"]
        if msisdn in self.lines and (self.is_old_state(msisdn, as_of) or row["status"] == "terminated"):
            return {**row, **dict.fromkeys(_TELLING, "")}
        return row

    def has_card(self, iccid: str) -> bool:
        """Whether that card's codes were erased, written with its check digit or without."""
        return bool(self.cards) and (iccid in self.cards or iccid[:-1] in self.cards or iccid in self._without_digit)

    def names(self, text: str) -> bool:
        """Whether a row set aside names an erased line or card."""
        if not (self.lines or self.cards):
            return False
        return self._number.search(text) is not None

    @cached_property
    def _without_digit(self) -> frozenset[str]:
        return frozenset(iccid[:-1] for iccid in self.cards)

    @cached_property
    def _number(self) -> re.Pattern[str]:
        return naming(self.lines, self.cards)


def save(db: Database, data: Path) -> None:
    """Write beside the store what was erased, so that a store made anew from the copies alone, when this one is lost,
    brings nothing of it back; in the transaction that erases.

    :raises OSError: it cannot be written.
    """
    found = {
        "lines": db.execute(f"SELECT {_LINE} FROM erasures ORDER BY msisdn").fetchall(),
        "cards": [iccid for (iccid,) in db.execute("SELECT iccid FROM erased_cards ORDER BY iccid")],
    }
    with appearing_file(data / BESIDE) as part:
        part.write_text(json.dumps(found), "utf-8")


def restore(db: Database, data: Path) -> None:
    """Take what was erased from beside a store that is lost."""
    if not (data / BESIDE).exists():
        return
    found = json.loads((data / BESIDE).read_text("utf-8"))
    with db.atomic():
        db.conn.executemany(f"INSERT OR REPLACE INTO erasures ({_LINE}) VALUES (?, ?, ?, ?)", found["lines"])
        cards = [(iccid,) for iccid in found["cards"]]
        db.conn.executemany("INSERT OR REPLACE INTO erased_cards (iccid) VALUES (?)", cards)


def first_kept(db: Database) -> int:
    """The oldest month whose CDRs are kept (YYYYMM), 0 while none was purged."""
    row = db.execute("SELECT value FROM marks WHERE name = ?", (FIRST_KEPT,)).fetchone()
    return int(row[0]) if row else 0


def first_day(month: int) -> int:
    """Days since 1970 of a month's first day."""
    return date(month // 100, month % 100, 1).toordinal() - date(1970, 1, 1).toordinal()


def naming(msisdns: Mapping[str, Any] | frozenset[str], iccids: frozenset[str]) -> re.Pattern[str]:
    """Finds these lines and cards in a row, in any of the usual writings (domain, section 3)."""
    between = r"[ .\-/\u00a0\u202f]?"
    prefix = rf"(?:(?:\+|00)?(?:{'|'.join(COUNTRY_CODES)}){between}(?:\(?0\)?{between})?|0{between})?"
    national = "|".join(between.join(msisdn[1:]) for msisdn in sorted(msisdns))
    cards = "|".join(rf"{iccid}\d?|{iccid[:-1]}" for iccid in sorted(iccids))
    ways = [rf"{prefix}(?:{national})"] * bool(national) + [f"(?:{cards})"] * bool(cards)
    return re.compile(rf"(?<!\d)(?:{'|'.join(ways)})(?!\d)" if ways else r"(?!)")

"""Faults of files that come again and again: told once, then once a day with how often, until they are over.

An hourly file with the same fault would be a notice an hour. What is the same: the kind of fault, the folder, and the
reason but for its figures and quoted words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlite_utils import Database

from bot.desk import faults
from bot.desk.faults import CALM, DAY, Fault
from bot.notices.news import News
from core.layouts import fold
from handlers import french

_FAULTS = ("file.waiting", "file.rejects")
_PREFIX = "file."

#: What shows that files of its folder are read again.
_READ = ("rated.arrived", "billed.arrived", "sims.arrived", "file.mended", "line.", "lines.")


@dataclass
class Sifted:
    """`news`: what is to be told, the ends of faults among it; `faults`: as they are to be kept."""

    news: list[News] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)

    def keep(self, db: Database) -> None:
        """In the transaction of the notices."""
        for fault in self.faults.values():
            faults.keep(db, fault)


def sift(db: Database, found: Sequence[News], now: int) -> Sifted:
    """Leave out what was told lately.

    :param now: UTC seconds.
    """
    known = faults.known(db, _PREFIX)
    sifted = Sifted()
    told: set[str] = set()
    for it in found:
        if it.kind not in _FAULTS:
            sifted.news.append(it)
            continue
        key = _key(it)
        before = sifted.faults.get(key) or known.get(key)
        fault = before.came(str(it.data["reason"]), now) if before else Fault(key, str(it.data["reason"]), now, now)
        if key in told or not fault.is_open or now - fault.told_at >= DAY:
            told.add(key)
            again = fault.times if before and fault.is_open and key not in sifted.faults else 0
            sifted.news.append(replace(it, data={**it.data, "times": again, "since": fault.told_at}))
            fault = fault.told(now)
        sifted.faults[key] = fault
    _end(sifted, known, found, now)
    return sifted


def _key(it: News) -> str:
    reason = re.sub(r"«[^»]*»|\d+", "", str(it.data["reason"]))
    return f"{it.kind}:{it.path.rpartition('/')[0]}:{fold(reason)[:80]}"


def _end(sifted: Sifted, known: dict[str, Fault], found: Iterable[News], now: int) -> None:
    """Faults whose folder was read without them, or that did not come for a day, are over."""
    read = {it.path.rpartition("/")[0] for it in found if it.kind.startswith(_READ)}
    faulty = {key.split(":")[1] for key in sifted.faults}
    for key, fault in known.items():
        if not fault.is_open or key in sifted.faults or (fault.relapses and now - fault.last_at < CALM):
            continue
        kind, folder, _ = key.split(":", 2)
        if (folder in read and folder not in faulty) or now - fault.last_at >= DAY:
            sifted.faults[key] = fault.gone(now).cleared(now)
            since = french.moment(fault.began_at, now)
            data = {"reason": fault.reason, "since": since, "folder": folder}
            sifted.news.append(News(f"{kind}.over", folder, data))

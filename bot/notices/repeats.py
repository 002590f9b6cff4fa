"""Faults of files that come again and again: told once, then once a day with how often, until they are over.

An hourly file with the same fault would be a notice an hour. What is the same: the kind of fault, the folder, and the
reason but for its figures and quoted words. Whether one is over is asked of the store, after each pass: who mended a
layout hears so at once, and nobody hears so of a file that still waits.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlite_utils import Database

from bot.desk import faults, progress
from bot.desk.faults import Fault
from bot.notices.news import News
from core.layouts import fold

_FAULTS = ("file.waiting", "file.rejects")
_PREFIX = "file."


@dataclass
class Sifted:
    """`news`: what is to be told, reminders and ends of faults among it; `faults`: as they are to be kept;
    `forgotten`: the keys of those that are not; `last_pass`: the one after which that was asked; `is_new`: whether
    anything of it is not kept yet."""

    news: list[News] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    last_pass: int = 0
    is_new: bool = False

    def keep(self, db: Database) -> None:
        """In the transaction of the notices."""
        for fault in self.faults.values():
            faults.keep(db, fault)
        for key in self.forgotten:
            faults.forget(db, key)
        progress.put(db, "judged_pass", self.last_pass)


def sift(desk: Database, telecom: Database, found: Sequence[News], now: int) -> Sifted:
    """Leave out what was told lately, add what is over.

    :param now: UTC seconds.
    """
    known = faults.known(desk, _PREFIX)
    (last_pass,) = telecom.execute("SELECT coalesce(max(id), 0) FROM passes").fetchone()
    sifted = Sifted(last_pass=last_pass)
    for it in found:
        if it.kind not in _FAULTS:
            sifted.news.append(it)
            continue
        key, reason = key_of(it), str(it.data["reason"])
        fault, before = sifted.faults.get(key), known.get(key)
        if before is not None and before.is_open:
            sifted.faults[key] = (fault or before).came(reason, now)
            continue
        # All files of one pass are told together.
        sifted.news.append(it)
        if fault is None:
            fault = before.came(reason, now) if before else Fault(key, reason, now, now)
            sifted.faults[key] = fault.told(now)
    _remind(sifted, known, now)
    passed = progress.get(desk, "judged_pass") != last_pass
    _end(sifted, known, telecom, passed, now)
    sifted.is_new = bool(passed or sifted.faults or sifted.forgotten)
    return sifted


def key_of(it: News) -> str:
    """What is the same fault."""
    reason = re.sub(r"«[^»]*»|\d+", "", str(it.data["reason"]))
    return f"{it.kind}:{it.path.rpartition('/')[0]}:{fold(reason)[:80]}"


def _remind(sifted: Sifted, known: dict[str, Fault], now: int) -> None:
    """Faults that kept coming for a day."""
    for key, before in known.items():
        fault = sifted.faults.get(key, before)
        if fault.is_to_be_recalled(now):
            kind, folder, _ = key.split(":", 2)
            data = {"reason": fault.reason, "times": fault.times, "since": fault.told_at}
            sifted.news.append(News(f"{kind}.again", folder, data))
            sifted.faults[key] = fault.told(now)


def _end(sifted: Sifted, known: dict[str, Fault], telecom: Database, passed: bool, now: int) -> None:
    """:param passed: whether the FTP was looked at since this was asked last."""
    for key, fault in known.items():
        if fault.is_forgotten(now) and key not in sifted.faults:
            sifted.forgotten.append(key)
            continue
        if key in sifted.faults or not fault.is_open or not passed:
            continue
        kind, folder, _ = key.split(":", 2)
        if kind == "file.waiting":
            present = _waiting(telecom, folder)
            left = len(present)
        else:
            present = _rejected(telecom, folder)
            left = _set_aside(telecom, folder)
        judged = replace(fault, gone_at=None) if key in present else fault.gone(now)
        if judged.is_over(now, 0):
            sifted.news.append(
                News(f"{kind}.over", folder, {"reason": fault.reason, "since": fault.began_at, "left": left})
            )
            judged = judged.cleared(now)
        if judged != fault:
            sifted.faults[key] = judged


_IN = "substr(path, 1, length(:folder) + 1) = :folder || '/'"


def _waiting(telecom: Database, folder: str) -> set[str]:
    rows = telecom.execute(
        f"SELECT path, reason FROM files WHERE state IN ('waiting', 'retry') AND {_IN}", {"folder": folder}
    )
    return {key_of(News("file.waiting", path, {"reason": reason})) for path, reason in rows}


def _rejected(telecom: Database, folder: str) -> set[str]:
    """The faults of the newest file: what was set aside of older ones stays there, which is no new fault."""
    rows = telecom.execute(
        "SELECT path, rejects.reason FROM rejects JOIN files ON files.id = file_id "
        f"WHERE file_id = (SELECT id FROM files WHERE state = 'read' AND {_IN} "
        "ORDER BY coalesce(as_of, modified_at, fetched_clock) DESC, id DESC LIMIT 1)",
        {"folder": folder},
    )
    return {key_of(News("file.rejects", path, {"reason": reason})) for path, reason in rows}


def _set_aside(telecom: Database, folder: str) -> int:
    (count,) = telecom.execute(
        f"SELECT count(*) FROM rejects JOIN files ON files.id = file_id WHERE {_IN}", {"folder": folder}
    ).fetchone()
    return int(count)

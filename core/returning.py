"""A `telecom.db` of the past made today's: what was erased since stays erased, what came since is read again."""

import hashlib
import json
from collections import defaultdict
from pathlib import Path

from sqlite_utils import Database

from core import copies
from core.folders import folder_of, stamp_of
from core.forgotten import BESIDE, restore
from core.privacy.erasing import Erasure, LineErasure, erase
from core.privacy.subject import Subject, aside_rows, cards_by_line, naming_rows
from core.vault import Vault, VaultError


def erase_again(db: Database, data: Path, scratch: Path, vault: Vault) -> int:
    """Erase what `erasures.json` says was erased on demand, as far as the store still has it; how many lines.

    :param scratch: a folder that may be written.
    """
    if not (data / BESIDE).exists():
        return 0
    said = json.loads((data / BESIDE).read_text("utf-8"))
    known = set(db.execute("SELECT msisdn, state_until, cdrs_until FROM erasures").fetchall())
    by_day: dict[int, list[str]] = defaultdict(list)
    for msisdn, state_until, cdrs_until, _ in said["lines"]:
        if (msisdn, state_until, cdrs_until) not in known:
            by_day[cdrs_until].append(msisdn)
    erased = {str(iccid) for iccid in said["cards"]}
    for day, numbers in by_day.items():
        cards = {number: its & erased for number, its in cards_by_line(db, numbers).items()}
        aside = aside_rows(db, vault)
        lines = tuple(
            LineErasure(
                number, "", 0, 0, tuple(sorted(cards[number])), 0, False,
                tuple((it.file_id, it.line) for it in naming_rows(aside, [number], cards[number])), 0, 0,
            )
            for number in numbers
        )  # fmt: skip
        erase(db, scratch, Erasure(Subject("", tuple(numbers)), lines, (), day), 0)
    restore(db, data)
    return sum(map(len, by_day.values()))


def take_up(db: Database, data: Path, since: int, told_until: int | None, vault: Vault) -> int:
    """Let the files whose copies are younger than the store be read by the next pass; how many.

    :param since: UTC seconds of the store.
    :param told_until: what was fetched by then (UTC seconds) was told, and is not told again; None: all was.
    """
    known = {path: (version, digest) for path, version, digest in db.execute("SELECT path, version, sha256 FROM files")}
    found = 0
    with db.atomic():
        for path in copies.paths(data):
            came = int(copies.came_at(data, path))
            version, digest = known.get(path, (0, ""))
            if version and came < since - _SLACK:
                continue
            told = told_until is None or came <= told_until
            try:
                new, size = fingerprint(data, path, vault)
            except VaultError:
                continue  # the mirror fetches it again, if the server still has it
            if new == digest:
                continue
            found += 1
            db.execute(
                "INSERT INTO files (path, folder, size, stamp, sha256, as_of, state, version, told, fetched_clock) "
                "VALUES (:path, :folder, :size, '', :digest, :as_of, 'fetched', 1, :told, :came) "
                "ON CONFLICT (path) DO UPDATE SET size = :size, stamp = '', sha256 = :digest, state = 'fetched', "
                "version = version + 1, told = iif(:told, version + 1, told), fetched_clock = :came",
                {
                    "path": path, "folder": folder_of(path), "size": size, "digest": new, "as_of": stamp_of(path),
                    "told": told, "came": came,
                },
            )  # fmt: skip
    return found


#: Seconds by which the copy of a file may look older than the backup that does not know it.
_SLACK = 3600


def fingerprint(data: Path, path: str, vault: Vault) -> tuple[str, int]:
    """The SHA-256 of a file's content, and its size in bytes.

    :raises VaultError: its copy does not open.
    """
    digest, size = hashlib.sha256(), 0
    with copies.open_copy(data, path, vault) as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def go_on_after(db: Database, event: int) -> None:
    """Later events are numbered after that one: people were told of it."""
    with db.atomic():
        (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'").fetchone()
        if last < event:
            db.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
            db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (event,))

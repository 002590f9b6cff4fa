"""The store made anew from the kept files: the same ledger and events, everything else read again."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from filelock import FileLock
from sqlite_utils import Database

from core import copies, store
from core.folders import folder_of, stamp_of
from core.forgotten import restore
from core.intake import CLOSED, Intake, closed
from core.retention import carry_over
from core.returning import fingerprint
from core.settings import Settings
from core.soundness import put_in_place
from core.vault import Vault, VaultError


def rebuild(
    settings: Settings,
    reading: Callable[[int, int], None] = lambda done, total: None,
    told_until: int | None = None,
) -> int:
    """Read all kept files again, with the present layouts, and put the result in the store's place at once.

    The running service sees the store as it was, then as it is. Nothing is announced again. Without a store, or with
    one that SQLite cannot read, the ledger is made from the copies too, and the damaged file is kept beside.

    :param reading: told how many files are read, of how many.
    :param told_until: where the ledger is lost, what was fetched later (UTC seconds) is announced; None: nothing is.
    :returns: how many files were read.
    :raises LayoutError: the user's layouts.toml cannot be used.
    :raises VaultError: sealed copies do not open, and the present store has what they hold; nothing is changed. Where
        there is no store, they wait for their key, and all others are read.
    """
    data = settings.open_data_folder()
    with FileLock(data / "sync.lock"):
        workshop = data / store.WORKSHOP
        shutil.rmtree(workshop, ignore_errors=True)  # what an interrupted one left
        workshop.mkdir(mode=0o700)
        with closing(store.open_to_write(workshop)) as new:
            sound = _is_sound(data / store.FILE_NAME)
            if sound:
                _check_copies(data, settings.vault)
                store.open_to_write(data).close()  # an older schema's ledger has fewer columns
                _copy_old(new, data / store.FILE_NAME)
            else:
                _ledger_from_copies(new, data, settings.vault, told_until)
                restore(new, data)
            intake = Intake(new, data, settings.shortest_status, settings.vault)
            files = intake.pending()
            for number, file_id in enumerate(files):
                reading(number, len(files))
                intake.read(file_id)
            reading(len(files), len(files))
            if sound:
                _check_read(new, data)
                with closing(store.open_to_write(data)) as present:
                    new.conn.backup(present.conn)  # one transaction of the present store
        if not sound:
            put_in_place(workshop / store.FILE_NAME, data / store.FILE_NAME, damaged=True)
        shutil.rmtree(workshop)
        return len(files)


def _is_sound(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with closing(store.connect(path)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok" and db.table("files").exists())
    except sqlite3.DatabaseError:
        return False


def _copy_old(new: Database, old: Path) -> None:
    """What does not come from the files' content, or no longer can."""
    new.execute("ATTACH ? AS old", (str(old),))
    _copy_ledger(new)
    carry_over(new)
    new.execute("DETACH old")


def _copy_ledger(new: Database) -> None:
    """All files count as told."""
    columns = ", ".join(column.name for column in new.table("files").columns)
    with new.atomic():
        new.execute(f"INSERT INTO files ({columns}) SELECT {columns} FROM old.files")
        new.execute("UPDATE files SET told = version WHERE state NOT IN ('waiting', 'retry', 'fetched')")
        new.execute(
            "UPDATE files SET state = 'fetched', rows = 0, known_rows = 0, rejected_rows = 0, first_month = NULL, "
            "last_month = NULL, first_day = NULL, last_day = NULL WHERE state = 'read'"
        )
        for table in ("events", "passes"):
            new.execute(f"INSERT INTO {table} SELECT * FROM old.{table}")
        new.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        new.execute("INSERT INTO sqlite_sequence SELECT * FROM old.sqlite_sequence WHERE name = 'events'")


def _check_copies(data: Path, vault: Vault) -> None:
    """:raises VaultError: some do not open."""
    whys = [why for path in copies.paths(data) if (why := copies.why_closed(data, path, vault))]
    if whys:
        many = "1 copie chiffrée ne s'ouvre" if len(whys) == 1 else f"{len(whys)} copies chiffrées ne s'ouvrent"
        raise VaultError(
            f"{many} pas ({whys[0]}) : ce qu'elles contiennent manquerait à la base refaite, rien n'a été changé. "
            "« origyne-bot key status » dit quoi faire",
            missing=True,
        )


def _check_read(new: Database, data: Path) -> None:
    """:raises VaultError: a copy that was read before turned out to be damaged within."""
    with closing(store.open_to_read(data)) as present:
        read = {path for (path,) in present.execute("SELECT path FROM files WHERE state = 'read'")}
    rows = new.execute("SELECT path, reason FROM files WHERE state = 'waiting' AND instr(reason, ?)", (CLOSED,))
    if whys := [f"{path} : {reason}" for path, reason in rows if path in read]:
        raise VaultError(
            f"{whys[0]}. Ce que ce fichier a donné manquerait à la base refaite, rien n'a été changé", missing=False
        )


def _ledger_from_copies(new: Database, data: Path, vault: Vault, told_until: int | None) -> None:
    with new.atomic():
        for path in copies.paths(data):
            if why := copies.why_closed(data, path, vault):
                new.execute(
                    "INSERT INTO files (path, folder, size, stamp, sha256, as_of, state, reason, told, fetched_clock) "
                    "VALUES (?, ?, 0, '', '', ?, 'waiting', ?, 1, ?)",
                    (path, folder_of(path), stamp_of(path), closed(why), int(time.time())),
                )
                continue
            digest, size = fingerprint(data, path, vault)
            told = told_until is None or int(copies.came_at(data, path)) <= told_until
            new.execute(
                "INSERT INTO files (path, folder, size, stamp, sha256, as_of, state, told, fetched_clock) "
                "VALUES (?, ?, ?, '', ?, ?, 'fetched', ?, ?)",
                (path, folder_of(path), size, digest, stamp_of(path), told, int(time.time())),
            )
        # Later events must come after any that people were told of.
        new.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (int(time.time()),))

"""All that is sealed in the store: the clear codes of an older one, a key that comes late, another key, a lost one.

What stands in a column is bound to its row and column (`place`). Whatever is done here can break off anywhere, and is
ended by doing it again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import copies
from core.reasons import fit_to_tell
from core.vault import KEY_SIGNS, MARK, UNKEPT, Vault, VaultError, is_sealed

#: Rows of `marks`: the store holds codes that are not sealed yet, or did until its free pages are overwritten; files
#: with codes were read without a key, so that some are not kept.
_CLEAR, _UNKEPT = "codes_clear", "codes_unkept"

#: Rows that change in one transaction.
_BATCH = 5000


@dataclass(frozen=True)
class _Columns:
    """Where sealed values stand. `marked`: those that can be looked up, each by its column `…_mark`."""

    table: str
    key: tuple[str, ...]
    names: tuple[str, ...]
    marked: tuple[str, ...] = ()
    where: str = "1"


_CODED_FILES = "file_id IN (SELECT id FROM files WHERE folder IN ('sims', 'account_status'))"
_ALL = (
    _Columns("sims", ("iccid",), ("pin", "puk", "pin2", "puk2"), ("puk", "puk2")),
    _Columns("lines", ("msisdn",), ("rio",)),
    _Columns("rejects", ("file_id", "line"), ("content",), where=_CODED_FILES),
)


@dataclass(frozen=True)
class Sealed:
    """How many codes and rejected rows the store holds, and copies of files the folder, by what can be done with them.

    `newest`: sealed with the key that seals now; `older`: with another one of ours; `closed`: with none of ours, or
    damaged; `unkept`: read while there was no key; `clear`: not sealed yet, which the next pass does.
    """

    newest: int = 0
    older: int = 0
    closed: int = 0
    unkept: int = 0
    clear: int = 0
    newest_copies: int = 0
    older_copies: int = 0
    closed_copies: int = 0


@dataclass(frozen=True)
class Rotated:
    """`values`, `copies`: sealed anew; `closed`: values and copies that none of the keys opens, left as they are."""

    values: int
    copies: int
    closed: int


def place(table: str, *key_and_column: str | int) -> str:
    """What a sealed value is bound to."""
    return " ".join((table, *map(str, key_and_column)))


def settle(db: Database, vault: Vault) -> None:
    """Seal what an older store holds in clear; without a key it is taken out, and read again once there is one. What
    it was told of its files goes without codes too.

    No page of the file keeps it: the store is written anew, which takes its size once more on the disk.
    """
    if not _is_marked(db, _CLEAR):
        return
    for columns in _ALL:
        _rewrite(db, vault, columns, lambda value, where: "" if is_sealed(value) else vault.keep(value, where))
    _mend_reasons(db)
    if not vault.has_key:
        missed(db)
    if overwrite_free_pages(db):
        _unmark(db, _CLEAR)


def missed(db: Database) -> None:
    """Files with codes are read while there is no key."""
    if not _is_marked(db, _UNKEPT):
        with db.atomic():
            db.execute("INSERT INTO marks (name, value) VALUES (?, '')", (_UNKEPT,))


def has_missed(db: Database) -> bool:
    return _is_marked(db, _UNKEPT)


def caught_up(db: Database) -> None:
    """What was missed is read again; in the caller's transaction."""
    db.execute("DELETE FROM marks WHERE name = ?", (_UNKEPT,))


def note_key(db: Database, vault: Vault) -> None:
    """Note the key that passes seal with from now on."""
    if key_in_use(db) != vault.name:
        with db.atomic():
            db.execute("INSERT OR REPLACE INTO marks (name, value) VALUES ('sealing_key', ?)", (vault.name,))


def key_in_use(db: Database) -> str:
    """The name of the key that the last pass sealed with, "" for none."""
    row = db.execute("SELECT value FROM marks WHERE name = 'sealing_key'").fetchone()
    return str(row[0]) if row else ""


def rotate(db: Database, data: Path, vault: Vault, progress: Callable[[int], None] = lambda done: None) -> Rotated:
    """Seal everything with the newest key; nothing else writes into the store or the copies meanwhile.

    :raises VaultError: there is no key.
    """
    if not vault.has_key:
        raise VaultError("la clé de chiffrement manque (ORIGYNE_SECRET_KEY)", missing=True)
    settle(db, vault)
    closed = 0

    def anew(value: str, where: str) -> str:
        nonlocal closed
        if value == UNKEPT or vault.is_newest(value):
            return ""
        try:
            return vault.seal(vault.open(value, where), where)
        except VaultError:
            closed += 1
            return ""

    values = sum(_rewrite(db, vault, columns, anew) for columns in _ALL)
    done = 0
    for path, key in copies.sealed_with(data).items():
        if key == vault.newest:
            continue
        try:
            done += copies.seal(data, path, vault)
        except VaultError:
            closed += 1
        progress(done)
    if values:
        overwrite_free_pages(db)  # what the former key opens
    return Rotated(values, done, closed)


def forget_closed(db: Database, data: Path, vault: Vault) -> Rotated:
    """Give up what none of our keys opens: those copies go, and what the FTP still has is fetched and read again by the
    next pass. Nothing else writes into the store or the copies meanwhile.

    :returns: what was given up, with `closed` 0.
    :raises VaultError: there is no key, so that it is not known what its key will open.
    """
    if not vault.has_key:
        raise VaultError("la clé de chiffrement manque (ORIGYNE_SECRET_KEY)", missing=True)

    def gone(value: str, where: str) -> str:
        if value == UNKEPT or not is_sealed(value):
            return ""
        try:
            vault.open(value, where)
        except VaultError:
            return UNKEPT
        return ""

    missed(db)  # first: a crash after it costs a reading, and before it the codes
    values = sum(_rewrite(db, vault, columns, gone) for columns in _ALL)
    closed = [path for path in copies.sealed_with(data) if copies.why_closed(data, path, vault)]
    for path in closed:
        copies.remove(data, path)
    return Rotated(values, len(closed), 0)


def count(db: Database, data: Path, vault: Vault) -> Sealed:
    """Counts without opening anything; some 0.2 s for 100,000 cards."""
    found = {"newest": 0, "older": 0, "closed": 0, "unkept": 0, "clear": 0}
    for columns in _ALL:
        for name in columns.names:
            for begin, number in db.execute(
                f"SELECT substr({name}, 1, {KEY_SIGNS}), count(*) FROM {columns.table} "
                f"WHERE {name} != '' AND {columns.where} GROUP BY 1"
            ):
                found[_kind(begin, vault)] += number
    keys = list(copies.sealed_with(data).values())
    newest = sum(key == vault.newest for key in keys)
    ours = sum(vault.has_key_named(key) for key in keys)
    return Sealed(**found, newest_copies=newest, older_copies=ours - newest, closed_copies=len(keys) - ours)


def overwrite_free_pages(db: Database) -> bool:
    """Write the store and its journal anew, so that nothing is left of what was replaced; whether that went to the end:
    who reads meanwhile can hold the journal."""
    with db.ensure_autocommit_on():
        db.execute("VACUUM")
    (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


# --


def _kind(begin: str, vault: Vault) -> str:
    if begin == UNKEPT:
        return "unkept"
    if not begin.startswith(MARK):
        return "clear"
    if begin == vault.seals_as():
        return "newest"
    return "older" if vault.opens(begin) else "closed"


def _rewrite(db: Database, vault: Vault, columns: _Columns, anew: Callable[[str, str], str]) -> int:
    """Replace values by what `anew` makes of each and its place, "" to leave it; how many were replaced."""
    written = 0
    for rows in _batches(db, columns):
        changes: dict[str, list[tuple[Any, ...]]] = {name: [] for name in columns.names}
        for row in rows:
            key = row[: len(columns.key)]
            for name, value in zip(columns.names, row[len(columns.key) :], strict=True):
                where = place(columns.table, *key, name)
                if value and (new := anew(value, where)):
                    mark = [vault.find_mark(new, where)] if name in columns.marked else []
                    changes[name].append((new, *mark, *key))
        with db.atomic():
            for name, values in changes.items():
                also = f", {name}_mark = ?" if name in columns.marked else ""
                of = " AND ".join(f"{part} = ?" for part in columns.key)
                db.conn.executemany(f"UPDATE {columns.table} SET {name} = ?{also} WHERE {of}", values)
                written += len(values)
    return written


def _mend_reasons(db: Database) -> None:
    """Reasons that were written down before they went without codes and called numbers."""
    for select, update in (
        ("SELECT reason, folder, id FROM files WHERE reason != ''", "UPDATE files SET reason = ? WHERE id = ?"),
        (
            "SELECT rejects.reason, folder, file_id, line FROM rejects JOIN files ON files.id = file_id",
            "UPDATE rejects SET reason = ? WHERE file_id = ? AND line = ?",
        ),
        (
            "SELECT json_extract(data, '$.reason'), folder, events.id FROM events JOIN files ON files.id = file_id "
            "WHERE kind IN ('file.rejects', 'file.waiting')",
            "UPDATE events SET data = json_set(data, '$.reason', ?) WHERE id = ?",
        ),
    ):
        rows = [(fit_to_tell(folder, reason), reason, key) for reason, folder, *key in db.execute(select)]
        with db.atomic():
            db.conn.executemany(update, [(fit, *key) for fit, reason, key in rows if fit != reason])


def _batches(db: Database, columns: _Columns) -> Iterator[list[tuple[Any, ...]]]:
    key = ", ".join(columns.key)
    holds = " OR ".join(f"{name} != ''" for name in columns.names)
    select = f"SELECT {key}, {', '.join(columns.names)} FROM {columns.table} WHERE ({holds}) AND {columns.where}"
    after, values = "", ()
    while rows := db.execute(f"{select}{after} ORDER BY {key} LIMIT {_BATCH}", values).fetchall():
        yield rows
        after, values = f" AND ({key}) > ({', '.join('?' * len(columns.key))})", rows[-1][: len(columns.key)]


def _is_marked(db: Database, name: str) -> bool:
    return db.execute("SELECT 1 FROM marks WHERE name = ?", (name,)).fetchone() is not None


def _unmark(db: Database, name: str) -> None:
    with db.atomic():
        db.execute("DELETE FROM marks WHERE name = ?", (name,))

"""Backups: a folder each (`2026-11-26_033000`) with both stores and what cannot be had again, made beside the service.

`desk.db` is copied before `telecom.db`: the cursor over events that it holds then never lies beyond the events that the
other copy has, and no event is skipped. What lies between the two copies is told after a restore, as doubtful.

The key of the codes is never part of one; `backup.json` has its name. Where the folder of the backups is not in the
data folder (another disk), the operator's files are copied beside them, once for all backups.

A folder has the backups of one data folder: `installation` there is a name that its backups bear. Two services that
shared one would delete each other's, and mend their stores with those of the other house.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from core import copies, store
from core.background import step_back
from core.export.appearing import appearing_folder
from core.folders import PARIS
from core.settings import Settings
from core.soundness import first_fault, is_damage
from core.system_words import in_french

#: Copied in this order, see above.
STORES = ("desk.db", store.FILE_NAME)

#: Where the operator's files are, beside the backups; shaped as the data folder is.
FILES = "files"

#: Bytes that a backup leaves free on the disk.
LEFT_FREE = 500 * 1024 * 1024

_LETTER = "backup.json"
_INSTALLATION = "installation"
_VERSION = 1
_OTHERS = ("erasures.json", "layouts.toml", "routes.toml")
_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d{6}")
_BLOCK = 1024 * 1024

#: Seconds by which a clock is put right unnoticed; a backup of a later time is of a clock that ran ahead.
AHEAD = 3600

#: Pages of a step: between two of them who writes gets his turn.
_PAGES = 256


class BackupError(Exception):
    """There is no backup (French). `damaged`: the store that is, "" when none is."""

    def __init__(self, words: str, *, damaged: str = "") -> None:
        super().__init__(words)
        self.damaged = damaged


@dataclass(frozen=True)
class Backup:
    """`at`: UTC seconds; `size`: bytes, without the operator's files; `key`: the name of the key that sealed, "" for
    none; `of`: the installation that it is of; `files`: the name of each, with its SHA-256 and its size in bytes."""

    path: Path
    at: int
    key: str
    of: str
    files: dict[str, tuple[str, int]]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.files.values())

    @property
    def stores(self) -> tuple[str, ...]:
        return tuple(name for name in STORES if name in self.files)

    @property
    def copies(self) -> Path:
        """Where the operator's files may be, shaped as a data folder."""
        return self.path.parent / FILES


def newest(settings: Settings) -> Backup | None:
    """The newest one in the folder of the settings, as it was written; whether it still is so, `faults` says."""
    return next(iter(ours(settings.data, settings.backups)), None)


def ours(data: Path, root: Path) -> list[Backup]:
    """Those of a folder that are of this data folder, the newest first."""
    return [it for it in find(root) if it.of == _installation(data)]


def be(data: Path, backup: Backup) -> None:
    """From now on this data folder is what that backup is of: its backups go on in the same folder."""
    part = data / f".{_INSTALLATION}.part"
    part.write_text(backup.of, "ascii")
    part.replace(data / _INSTALLATION)


def find(root: Path) -> list[Backup]:
    """All backups of a folder, the newest first, those of a clock that ran ahead last; none where it cannot be read."""
    try:
        found = [read(path) for path in root.iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return []
    now = time.time()
    return sorted((it for it in found if it), key=lambda it: (it.at <= now + AHEAD, it.at, it.path.name), reverse=True)


def read(path: Path) -> Backup | None:
    """The backup in that folder, None where there is none."""
    try:
        said = json.loads((path / _LETTER).read_text("utf-8"))
        files = {str(name): (str(of["sha256"]), int(of["size"])) for name, of in said["files"].items()}
        return Backup(path, int(said["at"]), str(said["key"]), str(said["of"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def faults(backup: Backup) -> list[str]:
    """What is wrong with a backup (French): each file is compared with what was written, each store is read whole."""
    found = []
    for name, (digest, size) in backup.files.items():
        path = backup.path / name
        if not path.is_file():
            found.append(f"{name} manque")
        elif path.stat().st_size != size or _sha256(path) != digest:
            found.append(f"{name} n'est plus ce qui a été écrit")
        elif name in STORES and (why := _fault(path)):
            found.append(f"{name} : {why}")
    return found or ([] if backup.stores else ["aucune base"])


def make(data: Path, root: Path, key: str, kept: int = 0) -> Backup:
    """Make one now, whoever writes meanwhile; it appears whole or not at all.

    :param root: the folder of the backups, made if need be.
    :param key: the name of the key that seals now (`Vault.name`).
    :param kept: how many stay, this one included; older ones go once it is whole. 0: all stay.
    :raises BackupError: no room, a damaged store, a folder that cannot be written or has backups of another data
        folder, another backup under way.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(root / "backup.lock", timeout=0):
            for left in root.glob(".*.part"):
                shutil.rmtree(left, ignore_errors=True)  # of one that broke off
            return _make(data, root, key, kept)
    except Timeout:
        raise BackupError("une autre sauvegarde est en cours") from None
    except OSError as error:
        raise BackupError(f"{root} : écriture impossible ({in_french(error)})") from error


def _make(data: Path, root: Path, key: str, kept: int) -> Backup:
    stores = [name for name in STORES if (data / name).exists()]
    if not stores:
        raise BackupError(f"il n'y a encore aucune base dans {data}")
    of = _installation(data) or _named(data)
    if any(it.of != of for it in find(root)):
        raise BackupError(
            f"{root} a les sauvegardes d'une autre installation du robot : en donner un autre à celle-ci "
            "(ORIGYNE_BACKUP_FOLDER), ou, si c'est elle qui revient, « origyne-bot restore » d'abord"
        )
    aside = not root.resolve().is_relative_to(data.resolve())
    missing = list(_missing(data, root / FILES)) if aside else []
    _check_room(root, data, stores, missing)
    at = int(time.time())
    while (root / _name(at)).exists():
        at += 1
    final = root / _name(at)
    with appearing_folder(final, lambda: None) as part:
        for name in stores:
            _copy_store(data / name, part / name)
        for name in _OTHERS:
            if (data / name).is_file():
                shutil.copyfile(data / name, part / name)
        for path in part.iterdir():
            path.chmod(0o600)
        files = {path.name: (_sha256(path), path.stat().st_size) for path in sorted(part.iterdir())}
        letter = {
            "version": _VERSION,
            "at": at,
            "key": key,
            "of": of,
            "files": {name: {"sha256": digest, "size": size} for name, (digest, size) in files.items()},
        }
        (part / _LETTER).touch(mode=0o600)
        (part / _LETTER).write_text(json.dumps(letter, indent=1), "utf-8")
    backup = Backup(final, at, key, of, files)
    if aside:
        _copy_files(data, root / FILES, missing)
        _follow_removals(data, backup)
    for old in find(root)[kept:] if kept else []:
        shutil.rmtree(old.path)
    return backup


def _name(at: int) -> str:
    return f"{datetime.fromtimestamp(at, PARIS):%Y-%m-%d_%H%M%S}"


def _installation(data: Path) -> str:
    """The name of a data folder, "" until its first backup."""
    try:
        return (data / _INSTALLATION).read_text("ascii")
    except FileNotFoundError:
        return ""


def _named(data: Path) -> str:
    path = data / _INSTALLATION
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(8), "ascii")
    return _installation(data)


def _check_room(root: Path, data: Path, stores: list[str], missing: list[Path]) -> None:
    """:raises BackupError: the disk would be full."""
    parts = [data / f"{name}{end}" for name in stores for end in ("", "-wal")]
    needed = sum(path.stat().st_size for path in [*parts, *(data / it for it in missing)] if path.exists())
    free = shutil.disk_usage(root).free
    if free < needed + LEFT_FREE:
        raise BackupError(
            f"pas assez de place dans {root} : il faut {_megabytes(needed)} et en laisser {_megabytes(LEFT_FREE)}, "
            f"il y a {_megabytes(free)} ; faire de la place, ou donner un autre dossier (ORIGYNE_BACKUP_FOLDER)"
        )


def _megabytes(size: int) -> str:
    return f"{-(-size // 10**6)} Mo"


# -- the stores


def _copy_store(live: Path, to: Path) -> None:
    """As it stands at one moment, into a file of its own that needs no log.

    :raises BackupError: the store is damaged.
    """
    to.touch(mode=0o600)
    try:
        with (
            closing(sqlite3.connect(f"{live.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as source,
            closing(sqlite3.connect(to, isolation_level=None)) as target,
        ):
            source.execute("PRAGMA busy_timeout = 10000")
            target.execute("PRAGMA journal_mode = OFF")  # whole or not at all: its folder sees to that
            target.execute("PRAGMA synchronous = OFF")
            # Read from one moment on: a writer neither waits for the copy nor makes it begin again.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(target, pages=_PAGES)
            source.execute("ROLLBACK")
            target.execute("PRAGMA journal_mode = DELETE")
        why = _fault(to)
    except sqlite3.OperationalError as error:
        raise BackupError(f"{live.name} n'a pas pu être copiée ({in_french(error)})") from error
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        why = "une partie du fichier est abîmée"
    if why:
        raise BackupError(f"la base {live} est abîmée ({why})", damaged=live.name)


def _fault(path: Path) -> str:
    """Of a copy that nobody writes (French), "" where nothing is wrong."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            return first_fault(db)
    except sqlite3.DatabaseError as error:
        return f"elle ne se lit pas ({in_french(error)})"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- the operator's files, on another disk


def _held(folder: Path) -> Iterator[Path]:
    """The operator's files of a data folder, or of what is shaped so, relative to it."""
    for place in (copies.MIRROR, copies.KEPT):
        for path in (folder / place).rglob("*"):
            if path.is_file() and not (path.name.startswith(".") and path.name.endswith(".part")):
                yield path.relative_to(folder)


def _missing(source: Path, target: Path) -> Iterator[Path]:
    for it in _held(source):
        here, there = (source / it).stat(), target / it
        if not there.is_file() or (there.stat().st_size, there.stat().st_mtime_ns) != (here.st_size, here.st_mtime_ns):
            yield it


def bring_back_files(backup: Backup, data: Path) -> int:
    """Copy the operator's files that lie beside a backup and that the data folder has in no form; how many."""
    wanted = [it for it in _held(backup.copies) if not copies.exists(data, _path_of(it))]
    return _copy_files(backup.copies, data, wanted)


def _copy_files(source: Path, target: Path, wanted: list[Path]) -> int:
    done = 0
    for it in wanted:
        to = target / it
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = to.with_name(f".{to.name}.part")
        try:
            shutil.copy2(source / it, part)
        except FileNotFoundError:
            continue  # compressed or purged meanwhile: the next one has it
        part.chmod(0o600)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(to)
        done += 1
    return done


def _follow_removals(data: Path, backup: Backup) -> None:
    """What was purged goes there too, and what took another form (compressed, sealed) leaves the former one. A file
    that is only gone here stays: its loss is what backups are for."""
    purged: set[str] = set()
    if store.FILE_NAME in backup.files:
        uri = f"{(backup.path / store.FILE_NAME).absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as db:
            purged = {path for (path,) in db.execute("SELECT path FROM files WHERE state = 'purged'")}
    for it in list(_held(backup.copies)):
        path = _path_of(it)
        if not (data / it).exists() and (path in purged or copies.exists(data, path)):
            (backup.copies / it).unlink()


def _path_of(it: Path) -> str:
    """The path on the FTP of a copy."""
    place, *parts = it.parts
    path = PurePosixPath(*parts).as_posix()
    return path if place == copies.MIRROR else path.removesuffix(PurePosixPath(path).suffix)


# -- a process of its own, for the service


def main() -> None:
    """`python -m core.backup DATA ROOT KEY KEPT`: says on standard output how it went, as JSON."""
    data, root, key, kept = sys.argv[1:]
    step_back()
    try:
        made = make(Path(data), Path(root), key, int(kept))
    except BackupError as error:
        print(json.dumps({"error": str(error), "damaged": error.damaged}))
    else:
        print(json.dumps({"error": "", "damaged": "", "path": str(made.path), "size": made.size}))


if __name__ == "__main__":
    main()

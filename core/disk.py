"""What a disk or a store can refuse: to be told from faults of ours, and said in French.

SQLite's codes are those of its documentation ("Result and Error Codes"), the system's those of errno(3).
"""

import errno
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: full: no room; closed: read-only, or taken away; locked: another process writes; broken: the device fails.
Why = Literal["full", "closed", "locked", "broken"]

#: Of these bytes of a disk, or of that share of a small one, no file of the operator takes any: who answers people
#: needs them.
_RESERVE, _SHARE = 64 * 1024 * 1024, 50


@dataclass(frozen=True)
class Refusal:
    """Nothing is lost by it: what was to be written is as good as before, and is written once that is possible."""

    why: Why

    @property
    def reason(self) -> str:
        """French."""
        return _FRENCH[self.why]


def refusal_of(error: BaseException) -> Refusal | None:
    """The refusal that an error is about, None for any other fault."""
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", None) or 0
        why = _OF_SQLITE.get(code) or _OF_SQLITE.get(code & 0xFF)
    elif isinstance(error, OSError):
        why = _OF_SYSTEM.get(error.errno or 0)
    else:
        why = None
    return Refusal(why) if why else None


def unwritten(error: BaseException, refusal: Refusal) -> str:
    """What a pass that could not write says (French)."""
    where = "La base telecom.db" if isinstance(error, sqlite3.Error) else "Le dossier de données"
    return f"{where} ne peut pas être écrit{'e' if where[1] == 'a' else ''} : {refusal.reason}. {_KEPT}"


def free(folder: Path) -> int:
    """Bytes that we can still write on the disk of a folder.

    :raises OSError: it cannot be asked.
    """
    return shutil.disk_usage(folder).free


def total(folder: Path) -> int:
    """Bytes that the disk of a folder has in all.

    :raises OSError: it cannot be asked.
    """
    return shutil.disk_usage(folder).total


def reserve(folder: Path) -> int:
    """Bytes of that disk that are to stay free for what people ask and are answered."""
    return min(_RESERVE, total(folder) // _SHARE)


def weight(path: Path) -> int:
    """Bytes that a file, or all of a folder, takes; what vanishes meanwhile takes none."""
    if not path.is_dir():
        return _size(path)
    return sum(_size(Path(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0


_KEPT = (
    "Rien n'est perdu : les fichiers restent sur le FTP ou dans le dossier de données, une prochaine passe les prend."
)

_FRENCH: dict[Why, str] = {
    "full": "le disque est plein",
    "closed": "le disque, ou le dossier de données, ne se laisse plus écrire (lecture seule)",
    "locked": "un autre programme tient la base et ne la rend pas",
    "broken": "le disque rend des erreurs",
}

_OF_SQLITE: dict[int, Why] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_IOERR_SHMSIZE: "full",  # whoever opens a store first makes room for its index
    sqlite3.SQLITE_READONLY: "closed",
    sqlite3.SQLITE_CANTOPEN: "closed",
    sqlite3.SQLITE_PERM: "closed",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_IOERR: "broken",
}

_OF_SYSTEM: dict[int, Why] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",
    errno.EROFS: "closed",
    errno.EIO: "broken",
}

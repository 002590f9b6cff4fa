"""The mirror's copies of the operator's files, as received: whole under `ftp/`, or compressed under `kept/` once read.

A path that has both is at its newest under `ftp/`.
"""

import gzip
import os
import shutil
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

#: Where the mirror puts what it fetches, below the data folder.
MIRROR = "ftp"

#: Where tables that have been read are kept, each with `.gz` after its name.
KEPT = "kept"

#: CSVs shrink to a fifth; a higher level takes three times as long for a tenth less.
_LEVEL = 1


class PathError(ValueError):
    """A path that would leave the folder of the copies; no server has a reason to announce one."""


def plain_path(data: Path, path: str) -> Path:
    """Where the mirror puts the file of that path on the FTP.

    :raises PathError: the path would leave the folder.
    """
    return data.joinpath(MIRROR, *_parts(path))


def _kept_path(data: Path, path: str) -> Path:
    *folders, name = _parts(path)
    return data.joinpath(KEPT, *folders, f"{name}.gz")


def _parts(path: str) -> tuple[str, ...]:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part in ("..", "") or "\x00" in part for part in parts):
        raise PathError(path)
    return parts


def exists(data: Path, path: str) -> bool:
    return plain_path(data, path).is_file() or _kept_path(data, path).is_file()


def open_copy(data: Path, path: str) -> BinaryIO:
    """The file's bytes as the operator sent them.

    :raises FileNotFoundError: there is no copy.
    """
    plain = plain_path(data, path)
    if plain.is_file() or not (kept := _kept_path(data, path)).is_file():
        return plain.open("rb")
    return cast(BinaryIO, gzip.open(kept, "rb"))


def content(data: Path, path: str) -> bytes:
    """All of the file's bytes; see `open_copy`."""
    with open_copy(data, path) as file:
        return file.read()


def compress(data: Path, path: str) -> None:
    """Keep the file compressed; a crash at any point leaves at least one whole copy."""
    plain, kept = plain_path(data, path), _kept_path(data, path)
    if not plain.is_file() or plain.name.lower().endswith(".gz"):
        return
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = kept.with_name(f".{kept.name}.part")
    with plain.open("rb") as source, part.open("wb") as target:
        with gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=target, mtime=0) as packed:
            shutil.copyfileobj(source, packed, 1024 * 1024)
        target.flush()
        os.fsync(target.fileno())
    part.replace(kept)
    plain.unlink()


def paths(data: Path) -> list[str]:
    """The paths on the FTP of all files that have a copy, sorted."""
    plain = data / MIRROR
    kept = data / KEPT
    found = {path.relative_to(plain).as_posix() for path in plain.rglob("*") if path.is_file()}
    found |= {
        path.relative_to(kept).as_posix().removesuffix(".gz")
        for path in kept.rglob("*.gz")
        if path.is_file() and not path.name.startswith(".")
    }
    return sorted(found)

"""The mirror's copies of the operator's files, as received: whole under `ftp/`, or compressed under `kept/` once read.

Those of the folders that hold codes (`CODED`) are sealed there as well, when there is a key. A path that has a copy in
both places is at its newest under `ftp/`.
"""

import gzip
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from core.sealed_file import SealedReader, SealingWriter, key_name
from core.vault import Vault, VaultError

#: Where the mirror puts what it fetches, below the data folder.
MIRROR = "ftp"

#: Where tables that have been read are kept, each with `.gz` after its name.
KEPT = "kept"

#: The folders whose files hold PIN, PUK or RIO (`core.folders`).
CODED = ("sims", "account_status")

_SEALED = ".sealed"

#: CSVs shrink to a fifth; a higher level takes three times as long for a tenth less.
_LEVEL = 1

_BLOCK = 1024 * 1024


class PathError(ValueError):
    """A path that would leave the folder of the copies; no server has a reason to announce one."""


def plain_path(data: Path, path: str) -> Path:
    """Where the mirror puts the file of that path on the FTP.

    :raises PathError: the path would leave the folder.
    """
    return data.joinpath(MIRROR, *_parts(path))


def _kept_path(data: Path, path: str, suffix: str = ".gz") -> Path:
    *folders, name = _parts(path)
    return data.joinpath(KEPT, *folders, name + suffix)


def _parts(path: str) -> tuple[str, ...]:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part in ("..", "") or "\x00" in part for part in parts):
        raise PathError(path)
    return parts


def exists(data: Path, path: str) -> bool:
    return any(it.is_file() for it in _all_copies(data, path))


def came_at(data: Path, path: str) -> float:
    """When the newest copy was written here (UTC seconds): as it was fetched, compressed or sealed.

    :raises FileNotFoundError: there is no copy.
    """
    found = [it.stat().st_mtime for it in _all_copies(data, path) if it.is_file()]
    if not found:
        raise FileNotFoundError(path)
    return max(found)


def is_clear(data: Path, path: str) -> bool:
    """Whether there is a copy that can be read without a key."""
    plain, kept, _ = _all_copies(data, path)
    return plain.is_file() or kept.is_file()


def why_closed(data: Path, path: str, vault: Vault) -> str:
    """Why the only copy cannot be opened (French); "" when it can, or when there is none."""
    try:
        open_copy(data, path, vault).close()
    except FileNotFoundError:
        return ""
    except VaultError as error:
        return str(error)
    return ""


def open_copy(data: Path, path: str, vault: Vault | None = None) -> BinaryIO:
    """The file's bytes as the operator sent them.

    :param vault: opens sealed copies; those of `CODED` folders can be.
    :raises FileNotFoundError: there is no copy.
    :raises VaultError: it is sealed, and its key is not among the vault's, or it was changed.
    """
    plain, kept, sealed = _all_copies(data, path)
    if not plain.is_file():
        if kept.is_file():
            return cast(BinaryIO, gzip.open(kept, "rb"))
        if sealed.is_file():
            return cast(BinaryIO, _Unsealed(SealedReader(sealed, vault or Vault(), _place(path))))
    return plain.open("rb")


def content(data: Path, path: str, vault: Vault | None = None) -> bytes:
    """All of the file's bytes; see `open_copy`."""
    with open_copy(data, path, vault) as file:
        return file.read()


def compress(data: Path, path: str) -> None:
    """Keep the file compressed; a crash at any point leaves at least one whole copy."""
    plain, kept, sealed = _all_copies(data, path)
    if not plain.is_file() or plain.name.lower().endswith(".gz"):
        return
    with (
        plain.open("rb") as source,
        _replacing(kept) as target,
        gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=target, mtime=0) as packed,
    ):
        shutil.copyfileobj(source, packed, _BLOCK)
    sealed.unlink(missing_ok=True)  # of an older version, when there was a key
    plain.unlink()


def seal(data: Path, path: str, vault: Vault) -> bool:
    """Keep the file compressed and sealed with the key that seals now, whether or not it was sealed with another.

    A crash at any point leaves at least one whole copy.

    :returns: whether there was something to do.
    :raises VaultError: there is no key, or none that opens the copy.
    """
    plain, kept, sealed = _all_copies(data, path)
    clear = [it for it in (kept, plain) if it.is_file()]
    if not clear and (not sealed.is_file() or key_name(sealed) == vault.newest):
        return False
    with open_copy(data, path, vault) as source, _replacing(sealed) as target:
        writer = SealingWriter(target, vault, _place(path))
        with gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=cast(BinaryIO, writer), mtime=0) as packed:
            shutil.copyfileobj(source, packed, _BLOCK)
        writer.finish()
    _part(kept).unlink(missing_ok=True)  # of a compression that broke off when there was no key
    for it in clear:  # the newest last
        it.unlink()
    return True


def remove(data: Path, path: str) -> None:
    """Remove every copy of the file, if there is any, and what a crash left of one."""
    plain, kept, sealed = _all_copies(data, path)
    for copy in (plain, kept, sealed, _part(kept), _part(sealed)):
        copy.unlink(missing_ok=True)


def paths(data: Path) -> list[str]:
    """The paths on the FTP of all files that have a copy, sorted."""
    plain = data / MIRROR
    kept = data / KEPT
    found = {path.relative_to(plain).as_posix() for path in plain.rglob("*") if path.is_file()}
    for suffix in (".gz", _SEALED):
        found |= {
            path.relative_to(kept).as_posix().removesuffix(suffix)
            for path in kept.rglob(f"*{suffix}")
            if path.is_file() and not path.name.startswith(".")
        }
    return sorted(found)


def sealed_with(data: Path) -> dict[str, bytes]:
    """The paths on the FTP of all sealed copies, and what names the key of each; b"" for a damaged one."""
    kept = data / KEPT
    return {
        path.relative_to(kept).as_posix().removesuffix(_SEALED): key_name(path)
        for path in sorted(kept.rglob(f"*{_SEALED}"))
        if path.is_file() and not path.name.startswith(".")
    }


# --


def _all_copies(data: Path, path: str) -> tuple[Path, Path, Path]:
    """Where the plain copy, the compressed and the sealed one are, or would be."""
    return plain_path(data, path), _kept_path(data, path), _kept_path(data, path, _SEALED)


def _place(path: str) -> str:
    return f"copies {path}"


@contextmanager
def _replacing(final: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its place once it is whole and on the disk."""
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = _part(final)
    try:
        with part.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
    except BaseException:
        part.unlink(missing_ok=True)  # on a full disk its room is needed
        raise
    part.replace(final)


def _part(final: Path) -> Path:
    return final.with_name(f".{final.name}.part")


class _Unsealed(gzip.GzipFile):
    """What a sealed copy holds, unpacked."""

    def __init__(self, sealed: SealedReader) -> None:
        self._sealed = io.BufferedReader(sealed, _BLOCK)
        super().__init__(fileobj=self._sealed)

    def close(self) -> None:
        super().close()
        self._sealed.close()

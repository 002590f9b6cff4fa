"""Files and folders that appear whole or not at all, readable by their owner only."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing_file(to: Path) -> Iterator[Path]:
    """A place beside to write in; what is there at the end takes the place of `to`, unless an error comes first."""
    number, name = tempfile.mkstemp(prefix=f".{to.name}.", suffix=".part", dir=to.parent)
    os.close(number)
    part = Path(name)
    try:
        yield part
        _sync(part)
        part.replace(to)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(to.parent)


@contextmanager
def appearing_folder(to: Path, may_replace: Callable[[], None]) -> Iterator[Path]:
    """The same for a folder; the former one stays until the new one has its name.

    :param may_replace: raises when what is at `to` must stay; called at the beginning and again just before the end.
    """
    may_replace()
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=".part", dir=to.parent))
    part, former = beside / "new", beside / "former"
    try:
        part.mkdir(mode=0o700)
        yield part
        for path in sorted(part.rglob("*")):
            _sync(path)
        may_replace()
        if to.exists():
            to.rename(former)
        try:
            part.rename(to)
        except BaseException:
            if former.exists():
                former.rename(to)
            raise
        _sync(to.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

"""A disk of a few megabytes to be filled, and other programs that hold a store."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

#: Bytes of one write that fills the disk, from many to one page.
_BLOCKS = (1024 * 1024, 64 * 1024, 4096)


@dataclass(frozen=True)
class SmallDisk:
    """`folder`: where it is mounted; `filler`: what takes its room."""

    folder: Path

    @property
    def filler(self) -> Path:
        return self.folder / "autre-programme.bin"

    def fill(self) -> None:
        """Another program takes all the room that is left."""
        with self.filler.open("ab", buffering=0) as file:
            for block in _BLOCKS:
                with suppress(OSError):
                    while file.write(bytes(block)):
                        pass

    def free(self) -> None:
        """It gives it back."""
        self.filler.unlink(missing_ok=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """One that is mounted at `data` of the test's folder; a container that may not mount has none."""
    folder = tmp_path / "data"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here; refusals of SQLite itself are tested all the same")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)


_HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA busy_timeout = 60000")
db.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another(store: Path) -> Iterator[None]:
    """Another process writes a store, and comes to no end."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        try:
            yield
        finally:
            other.stdin.close()

"""Files on the operator's FTP, as its programs write them: each appears whole, and bears its delivery's time."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


class Tree:
    """Writes under `root`: a file is written aside, then renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._aside: Path | None = None  # where files wait within `at_once`
        self._held: list[tuple[Path, Path]] = []  # those that do, and their places

    def write(self, name: str, content: bytes, at: datetime) -> Path:
        """A file of a delivery; `name` is its path under the root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._aside / str(len(self._held)) if self._aside else path.with_name(path.name + ".tmp")
        aside.write_bytes(content)
        os.utime(aside, (at.timestamp(), at.timestamp()))
        if self._aside:
            self._held.append((aside, path))
            return path
        return aside.replace(path)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is written meanwhile appears together at the end, as a batch of the operator's does."""
        with tempfile.TemporaryDirectory(dir=self.root.parent) as aside:
            self._aside = Path(aside)
            try:
                yield
            finally:
                self._aside = None
                for made, path in self._held:
                    made.replace(path)
                self._held.clear()

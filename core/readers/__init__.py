"""From a file's bytes to typed rows, one reader a folder of the FTP.

What cannot be read is never dropped nor guessed: a row becomes a `Reject`, a whole file raises `Waiting`.
"""

import os
from dataclasses import dataclass

# pyarrow's own allocator keeps what was freed: a third more memory at the peak of a large file. Read at its import.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


class Waiting(Exception):
    """The file cannot be read as it stands and waits for a person's word; the message says why, in French."""


@dataclass(frozen=True)
class Reject:
    """A row set aside: its line in the file (1 is the first), why (French), and what it holds."""

    line: int
    reason: str
    content: str

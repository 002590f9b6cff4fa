"""What a command answers, as data: each channel draws it its own way."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """Rows of texts under headers; `right` names the columns (by index) that hold figures."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True)
class OutFile:
    """A file that goes with an answer or a notice."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Button:
    """A next question that one touch asks; `command` is what would be typed (64 bytes at most)."""

    label: str
    command: str


@dataclass(frozen=True)
class Answer:
    """`freshness` dates the facts ("état au 23/11 14:00"); `refused`: not answered, and why is in `lines`.

    `awaits_file`: the command that the next file sent in this conversation belongs to ("upload logo").
    """

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    files: tuple[OutFile, ...] = ()
    buttons: tuple[Button, ...] = ()
    freshness: str = ""
    refused: bool = False
    awaits_file: str = ""

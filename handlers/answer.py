"""What a command answers, as data: each channel draws it its own way."""

from dataclasses import dataclass, field, replace

from core.daily_chart import DailyChart


@dataclass(frozen=True)
class Table:
    """Rows of texts under headers; `right` names the columns (by index) that hold figures."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True)
class OutFile:
    """A file that goes with an answer or a notice. `command`: what asks for it alone, "" when nothing does."""

    name: str
    content: bytes = field(repr=False)
    command: str = ""


@dataclass(frozen=True)
class Button:
    """A next question that one touch asks; `command` is what would be typed.

    `in_place`: its answer takes the place of the message that the button stands under (another page, a switch).
    `confirms`: touching it confirms what the message asks: works once, for a few minutes, in that chat alone; later it
    only asks again.
    """

    label: str
    command: str
    in_place: bool = False
    confirms: bool = False


@dataclass(frozen=True)
class Code:
    """A code that can take a line over, and what it is; shown to one person, never kept or passed on."""

    label: str
    code: str = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """`thread`: of the desk, which who answers this answers, 0 for none.
    `freshness` dates the facts ("état au 23/11 14:00"); `refused`: not answered, and why is in `lines`.

    `picture`: drawn by whoever shows the answer, after its text. `codes`: for private chat and terminal only.
    `awaits_file`: the command that the next file sent in this conversation belongs to ("upload logo");
    `awaits_words`: the one that the next plain words belong to ("profil siret"), in private chat.
    `about`: the line, card or client that the answer is about, for the audit: never words that were typed, nor a code;
    `shows`: the kind of what is shown there, "" where it is plain to see (`bot.desk.audit.shown`); `why`: the reason
    that he gave. `denied`: refused for want of a right, not for what was asked. `fleeting`: the message goes after a
    set time, as one with codes always does.
    """

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    files: tuple[OutFile, ...] = ()
    buttons: tuple[Button, ...] = ()
    freshness: str = ""
    refused: bool = False
    awaits_file: str = ""
    awaits_words: str = ""
    thread: int = 0
    picture: DailyChart | None = None
    codes: tuple[Code, ...] = ()
    about: str = ""
    shows: str = ""
    why: str = ""
    denied: bool = False
    fleeting: bool = False

    def of(self, about: str) -> "Answer":
        """The same, about this line, card or client."""
        return replace(self, about=about)

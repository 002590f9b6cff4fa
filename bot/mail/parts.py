"""What a mail shows of an answer, the same in its text and in its HTML: rows that are not too many, and what chat shows
as buttons, as replies."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from bot.mail.attachments import LeftOut, as_it_travels
from bot.mail.codes import without_codes
from core.layouts import fold
from handlers import french, registry
from handlers.answer import Answer, Button, Table

#: Replies that are shown under an answer, and files that are named when they do not go along.
MOST_REPLIES, MOST_NAMED = 12, 100

#: Rows that are shown of a table that a spreadsheet has whole.
_BESIDE_A_SHEET = 25

#: Signs that a telephone shows side by side: a table that needs more has its cells one below the other there.
_PHONE = 45


@dataclass(frozen=True)
class Reply:
    """A question that a reply asks. `href`: what prepares it, "" where only a reply to this very mail is believed."""

    label: str
    command: str
    href: str


@dataclass(frozen=True)
class Part:
    """`more`: what the table lacks; `stacked`: the table is too wide for a telephone; `in_chat`: what can be asked
    there alone."""

    title: str
    lines: tuple[str, ...]
    table: Table | None
    more: str
    stacked: bool
    replies: tuple[Reply, ...]
    in_chat: tuple[str, ...]
    freshness: str


@dataclass(frozen=True)
class Cut:
    """How much of an answer is shown."""

    rows: int
    lines: int


def part_of(answer: Answer, cut: Cut, touch: str, subject: str, files: Sequence[str]) -> Part:
    """
    :param touch: the address that a prepared reply goes to, "" for none.
    :param subject: of the mail.
    :param files: the names of those that go along.
    """
    table, more = _on_lines(answer.table), ""
    lines = tuple(line for text in answer.lines for line in text.splitlines() or [""])
    whole = next((file.name for file in answer.files if file.name in files and _is_sheet(file.name)), "")
    most_rows = min(cut.rows, _BESIDE_A_SHEET) if whole else cut.rows
    if table and len(table.rows) > most_rows:
        more = f"… et {french.whole(len(table.rows) - most_rows)} autres" + (
            f" : voir {whole}, ci-joint." if whole else "."
        )
        table = replace(table, rows=table.rows[:most_rows])
    if len(lines) > cut.lines:
        lines = (*lines[: cut.lines], f"… et {french.whole(len(lines) - cut.lines)} autres lignes.")
    if table and not table.rows:
        table, lines = None, ("Rien à montrer.", *lines)
    asked_here = [button for button in answer.buttons if not _is_sensitive(button)]
    return Part(
        _on_a_line(answer.title),
        lines,
        table,
        more,
        bool(table and _is_wide(table)),
        tuple(
            Reply(button.label, button.command, _mailto(touch, subject, button.command) if touch else "")
            for button in asked_here[:MOST_REPLIES]
        ),
        tuple(button.label for button in answer.buttons if _is_sensitive(button)),
        answer.freshness,
    )


def _on_lines(table: Table | None) -> Table | None:
    """What stands in a cell stands on a line, whoever wrote it."""
    if table is None:
        return None
    rows = tuple(tuple(map(_on_a_line, row)) for row in table.rows)
    return Table(tuple(map(_on_a_line, table.headers)), rows, table.right)


def _on_a_line(text: str) -> str:
    return " ".join(text.splitlines())


def _is_sheet(name: str) -> bool:
    return name.lower().endswith((".xlsx", ".csv"))


def _is_sensitive(button: Button) -> bool:
    name, _, arguments = button.command.partition(" ")
    command = registry.named(name)
    return bool(command and command.sensitive and fold(arguments) not in command.harmless)


def _mailto(address: str, subject: str, command: str) -> str:
    """What opens a mail that asks this; RFC 6068. A "+" that is left as it is becomes a space in some programs."""
    again = subject if re.match(r"\s*re\s*:", subject, re.IGNORECASE) else f"Re: {subject}"
    return f"mailto:{quote(address, safe='@')}?subject={quote(again, safe='')}&body={quote(command, safe='')}"


def _is_wide(table: Table) -> bool:
    columns = zip(table.headers, *table.rows, strict=True)
    return sum(max(map(_unbroken, column)) + 2 for column in columns) > _PHONE


def _unbroken(cell: str) -> int:
    """Signs of a cell that stay on one line."""
    return len(cell) if is_short(cell) else max(map(len, re.split(r"[ \-/]", cell)))


def is_short(cell: str) -> bool:
    """Whether a cell is not to be broken: a number, a date."""
    return len(cell) <= 14


# -- files that do not go along


def left_out(files: Sequence[LeftOut], room: int) -> Answer:
    """How to have the files that the mail only names."""
    alone = [file for file in files if file.command and as_it_travels(file.size) <= room]
    offered, named = alone[:MOST_REPLIES], alone[MOST_REPLIES:]
    others = [file for file in files if file not in alone]
    lines = ["Tous ensemble, ils pèsent trop pour un courriel."] if len(files) > 1 or alone else []
    if named:
        lines.append(
            f"Chacun vient par une réponse comme « {offered[0].command} » ; sans bouton ici : {_names(named)}."
        )
    if others:
        lines.append(f"À prendre sur le FTP : {_names(others)}.")
    return Answer(
        french.count(len(files), "fichier non joint", "fichiers non joints"),
        tuple(lines),
        buttons=tuple(Button(f"📄 {_weighed(file)}", file.command) for file in offered),
    )


def _names(files: Sequence[LeftOut]) -> str:
    more = len(files) - MOST_NAMED
    return ", ".join(map(_weighed, files[:MOST_NAMED])) + (f" et {french.whole(more)} autres" if more > 0 else "")


def _weighed(file: LeftOut) -> str:
    return f"{file.name}{french.NBSP}({french.volume(file.size)})" if file.size else file.name


# -- what mailboxes show beside the subject


def preview(parts: Iterable[Part], files: Sequence[str], subject: str) -> str:
    """What a list of mails shows after the subject: what the subject does not say yet."""
    parts = list(parts)
    said = [part.title for part in parts if fold(part.title) not in fold(subject)]
    if files:
        said.append(
            f"{'Ci-joint' if len(files) == 1 else french.count(len(files), 'pièce jointe', 'pièces jointes')} : "
            f"{', '.join(files[:3])}{'…' if len(files) > 3 else ''}"
        )
    for part in parts:
        said += [line for line in part.lines[:2] if line]
        said += [" ".join(filter(None, row)) for row in part.table.rows[:2]] if part.table else []
    words = " · ".join(dict.fromkeys(it for it in said if it == without_codes(it)))
    return words if len(words) <= _PREVIEW else words[:_PREVIEW].rsplit(" ", 1)[0] + " …"


_PREVIEW = 140

"""A mail's text, for who reads no HTML: prose in lines of 76, tables aligned, commands and links whole."""

import re
import textwrap
import unicodedata
from collections.abc import Sequence

from bot.mail.parts import Part, Reply
from handlers.answer import Table

#: Signs of a line of prose, and of a title's or a table's, which is shown as a list where it needs more.
WIDTH, _WIDE = 76, 100

REPLIES = "Pour continuer, répondre à ce courriel avec l'une de ces lignes :"
IN_CHAT = "À demander dans le chat, jamais par courriel :"


def text_of(greeting: str, parts: Sequence[Part], foot: str) -> str:
    blocks = [greeting] if greeting else []
    blocks += ["\n".join(_lines(part)) for part in parts]
    return "\n\n".join([*blocks, "-- \n" + "\n".join(_wrapped(foot))]) + "\n"


def _lines(part: Part) -> list[str]:
    lines = _wrapped(part.title, _WIDE)
    lines.append("-" * max(3, *map(_width, lines)))
    if part.table:
        lines += _table(part.table)
        lines += [*([part.more] if part.more else []), ""]
    for line in part.lines:
        lines += _wrapped(line)
    if part.replies:
        lines += ["", REPLIES, *map(_reply, part.replies)]
    if part.in_chat:
        lines += ["", f"{IN_CHAT} {', '.join(part.in_chat)}."]
    if part.freshness:
        lines += ["", *_wrapped(part.freshness)]
    return [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]


def _reply(reply: Reply) -> str:
    return f"  {reply.label} : répondre « {reply.command} »"


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    """Lines of prose; what belongs to a bullet stands below its words. No word or link is broken, no command either
    between its name and what follows it; signs that a space precedes in French stay with their words."""
    hanging = "  " if text[:2] in ("• ", "→ ", "- ") else ""
    kept = re.sub(r"(?<!\S)(/\w+) (?=\S)", "\\1\0", text)
    kept = re.sub(r" (?=[:;?!»](?!\S))|(?<=«) ", "\0", kept)
    lines = textwrap.wrap(kept, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines] or [""]


def _table(table: Table) -> list[str]:
    rows = [table.headers, *table.rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > _WIDE:
        return _listed(table)
    rule = tuple("-" * width for width in widths)
    return [
        "  ".join(
            _filled(cell, width, right=place in table.right)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (table.headers, rule, *table.rows)
    ]


def _listed(table: Table) -> list[str]:
    lines: list[str] = []
    for row in table.rows:
        named = [f"  {header} : {cell}" for header, cell in zip(table.headers[1:], row[1:], strict=True) if cell]
        lines += [row[0] or "—", *named]
    return lines


def _filled(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(cell))
    return space + cell if right else cell + space


def _width(text: str) -> int:
    """Columns that a text takes in a fixed font."""
    return sum(
        0 if unicodedata.combining(sign) or sign == "\ufe0f" else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )

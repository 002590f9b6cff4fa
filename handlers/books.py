"""Spreadsheets on request: the word "tableur" after a question."""

import re
from collections.abc import Callable
from typing import ParamSpec

from core import books
from core.lines import Line
from core.numbers import show
from core.workshop import WorkshopError
from handlers.answer import Answer, OutFile
from handlers.command import Context

Given = ParamSpec("Given")

#: What asks for a spreadsheet, as an argument.
SHEET = "tableur"

_SHEET = re.compile(r"(?:^|\s)(?:en |au format )?(?:tableur|excel|xlsx|fichier)\s*$", re.IGNORECASE)


def asked(words: str) -> tuple[str, bool]:
    """The words without the one that asks for a spreadsheet, and whether it stood there."""
    rest = _SHEET.sub("", words)
    return rest.strip(), rest != words


async def made(
    title: str, name: str, context: Context, work: Callable[Given, bytes], *given: Given.args, **named: Given.kwargs
) -> Answer:
    """The answer with a spreadsheet that the workshop makes.

    :param name: of the file, without ending.
    """
    try:
        content = await context.workshop.make(work, *given, **named)
    except WorkshopError as error:
        return Answer("Le tableur n'a pas pu être fait.", (f"{error}. Le redemander un peu plus tard.",), refused=True)
    return Answer(title, files=(OutFile(f"{file_name(name)}.xlsx", content),))


async def of_line(line: Line, context: Context) -> Answer:
    """All that is known of a line."""
    return await made(
        f"{show(line.msisdn)} : état, historique et conso",
        f"Ligne {line.msisdn}",
        context,
        books.line,
        context.settings.data,
        line.msisdn,
    )


def file_name(words: str) -> str:
    """Words that can be a file's name on any machine."""
    return " ".join(re.sub(r'[\\/:*?"<>|\x00-\x1f]', " ", words).split())[:80] or "fichier"

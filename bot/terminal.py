"""An `Answer` in a terminal: texts, a table, and its files saved beside."""

import os
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from handlers.answer import Answer


def draw(answer: Answer, console: Console) -> None:
    """Print an answer; what comes from outside is never read as markup."""
    console.print(_text(answer.title, style="bold red" if answer.refused else "bold"))
    if answer.table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for place, header in enumerate(answer.table.headers):
            table.add_column(_text(header), justify="right" if place in answer.table.right else "left")
        for row in answer.table.rows:
            table.add_row(*(_text(cell) for cell in row))
        console.print(table)
    for line in answer.lines:
        console.print(_text(line))
    for code in answer.codes:
        console.print(_text(f"{code.label} : {code.code}"))
    for button in answer.buttons:
        console.print(_text(f"  → {button.label} : /{button.command}", style="cyan"))
    if answer.freshness:
        console.print(_text(answer.freshness, style="dim italic"))


def save_files(answer: Answer, folder: Path, console: Console) -> None:
    """Write the answer's files into a folder, for their owner alone; one that exists is kept, the new one gets a
    number."""
    for file in answer.files:
        name = _name(file.name)
        path = folder / name
        number = 1
        while (descriptor := _created(path)) is None:
            number += 1
            path = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
        with os.fdopen(descriptor, "wb") as to:
            to.write(file.content)
        console.print(_text(f"Fichier enregistré : {path}"))


def _created(path: Path) -> int | None:
    """A new file, opened; None where there is one, or a link, of that name."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None


def _text(said: str, style: str = "") -> Text:
    """A text as it is, but for what moves the cursor, rings or turns the writing around; no-break spaces are spaces."""
    plain = "".join(" " if sign.isspace() and sign != "\n" else sign for sign in said)
    return Text("".join(sign for sign in plain if sign.isprintable() or sign == "\n"), style=style)


def _name(said: str) -> str:
    """A file's name that stays in its folder, and that the disk takes."""
    plain = "".join(sign for sign in said.replace("\\", "/").rpartition("/")[2] if sign.isprintable())
    stem, dot, suffix = plain.lstrip(".").rpartition(".")
    return f"{stem[:100]}{dot}{suffix[:50]}" or "fichier"

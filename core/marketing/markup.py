"""The light markup in which the models are written, a line a block:

    # Title; a further one begins an annex, on a page of its own
    : under the title
    ## Article, numbered
    ### heading without number
    Text: a numbered clause within an article, plain elsewhere
    = text that is plain anywhere
    - item of a list
    > warning, in a frame
    | label | value |      a form; with a line |---| under the first row, a table with a header

In a text: **bold**, [[to be filled in by hand]], {name} of a value, // a new line in a cell. Quotes, apostrophes and
spaces are written as on any keyboard: French typography is made of them here. Values are data: none of it is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

NBSP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Span:
    """`is_open`: somebody still has to fill it in."""

    text: str
    bold: bool = False
    is_open: bool = False


Kind = Literal["title", "annex", "subtitle", "article", "heading", "clause", "plain", "item", "warning"]
Line = tuple[Span, ...]
Cell = tuple[Line, ...]


@dataclass(frozen=True)
class Text:
    kind: Kind
    line: Line


@dataclass(frozen=True)
class Grid:
    """`header`: empty for a form, whose first column holds the labels."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


Block = Text | Grid


def parse(source: str, values: Mapping[str, Span]) -> list[Block]:
    """:raises KeyError: the text names a value that there is not."""
    blocks: list[Block] = []
    within = False  # an article
    rows: list[str] = []
    for written in [*source.splitlines(), ""]:
        line = written.strip()
        if line.startswith("|"):
            rows.append(line)
            continue
        if rows:
            blocks.append(_grid(rows, values))
            rows = []
        if not line:
            continue
        mark, _, rest = line.partition(" ")
        if mark == "#":
            kind: Kind = "annex" if blocks else "title"
            within = False
        elif mark in _MARKS:
            kind = _MARKS[mark]
            within = kind == "article" or (within and kind != "heading")
        else:
            kind, rest = "clause" if within else "plain", line
        blocks.append(Text(kind, _line(rest, values)))
    return blocks


def text_of(line: Line) -> str:
    return "".join(span.text for span in line)


def french(text: str) -> str:
    """What was typed, with the apostrophes and the no-break spaces of French typography."""
    text = text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    for pattern, wanted in _SPACES:
        text = pattern.sub(wanted, text)
    return text


# -- Within a line

_MARKS: dict[str, Kind] = {
    ":": "subtitle",
    "##": "article",
    "###": "heading",
    "=": "plain",
    "-": "item",
    ">": "warning",
}

_SPACES = (
    (re.compile(r" (?=[:;!?»%€])"), NBSP),
    (re.compile(r"« "), f"«{NBSP}"),
    (re.compile(r"(?<=\d) (?=(?:mois|jours?|ans?|heures?|euros?|h)\b)"), NBSP),
    (re.compile(r"(?<=\b[LRD]\.) (?=\d)"), NBSP),
    (re.compile(r"\b([Aa]rticles?|[Aa]nnexe|n°|le|au|à|de) (?=(?:[LRD]\.\s)?\d)"), rf"\1{NBSP}"),
    (re.compile(r"(?<=☐) "), NBSP),
)

_TOKEN = re.compile(r"(\*\*|\[\[.+?\]\]|\{\w+\})")


def _line(written: str, values: Mapping[str, Span]) -> Line:
    return tuple(_spans(written.strip(), values))


def _spans(written: str, values: Mapping[str, Span]) -> Iterator[Span]:
    bold = False
    for part in _TOKEN.split(written):
        if part == "**":
            bold = not bold
        elif part.startswith("[["):
            yield Span(f"[{french(part[2:-2])}]", bold, True)
        elif part.startswith("{") and part.endswith("}"):
            value = values[part[1:-1]]
            yield Span(value.text, bold, value.is_open)
        elif part:
            yield Span(french(part), bold)


def _grid(rows: list[str], values: Mapping[str, Span]) -> Grid:
    headed = len(rows) > 1 and set(rows[1]) <= set("|- ")
    cells = [_cells(row, values) for place, row in enumerate(rows) if not (headed and place == 1)]
    return Grid(cells[0], tuple(cells[1:])) if headed else Grid((), tuple(cells))


def _cells(row: str, values: Mapping[str, Span]) -> tuple[Cell, ...]:
    return tuple(
        tuple(_line(part, values) for part in cell.split("//"))
        for cell in row.removeprefix("|").removesuffix("|").split("|")
    )

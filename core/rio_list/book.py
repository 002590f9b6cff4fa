"""A list of RIOs as a spreadsheet (.xlsx), which keeps its forms, its other sheets and its formulas."""

import io
import re
import warnings
import zipfile
from copy import copy
from typing import TYPE_CHECKING, Any

from core.rio_list.bounds import MAX_UNPACKED, RioListError, bound
from core.rio_list.columns import Layout, find_columns, letters, no_column, text_at
from core.rio_list.rows import ASK_IN_CHAT, Tally, hidden, masked

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet


def annotate_book(content: bytes, hide: bool, held: frozenset[str]) -> tuple[bytes, Tally]:
    """The first sheet that has RIOs with its verdicts, and what was found.

    :raises RioListError: not a spreadsheet of this kind, too large, damaged, or without RIOs.
    """
    has_formulas = _inspect(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote cells
        return _checked(content, has_formulas, hide, held)


def _checked(content: bytes, has_formulas: bool, hide: bool, held: frozenset[str]) -> tuple[bytes, Tally]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), keep_links=False)
        values = openpyxl.load_workbook(io.BytesIO(content), data_only=True) if has_formulas else book
    except Exception:  # a library's error quotes cells, and there is no end to what it may be
        raise _damaged() from None
    chosen = None
    for sheet in book.worksheets:
        grid = _grid(values[sheet.title])
        layout = find_columns(grid)
        if layout:
            chosen = sheet, grid, layout
            break
    if chosen is None:
        raise no_column(next((grid for sheet in values.worksheets if (grid := _grid(sheet))), []))
    tally = _fill(*chosen, hide, held)
    if hide:
        _hide_elsewhere(book)
    book.template = False
    to = io.BytesIO()
    try:
        book.save(to)
    except Exception:
        raise _damaged() from None
    return to.getvalue(), tally


def _damaged() -> RioListError:
    return RioListError(
        "Le classeur est abîmé et ne s'ouvre pas. L'ouvrir dans un tableur et l'enregistrer de nouveau."
    )


_EXPANDED = re.compile(rb'<(?:\w+:)?(?:mergeCell|hyperlink)\b[^>]*?\bref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')


def _inspect(content: bytes) -> bool:
    """Refuse what is no spreadsheet or would fill the memory, before it is opened; says whether it has formulas."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if "xl/workbook.xml" not in names:
                if "xl/workbook.bin" in names or "content.xml" in names:
                    raise RioListError("Ce format de classeur (.ods, .xlsb) n'est pas lu. L'enregistrer en .xlsx.")
                raise RioListError("Le fichier n'est pas un tableur. Envoyer un fichier .xlsx ou .csv.")
            if any(member.flag_bits & 1 for member in members):
                raise RioListError("Le classeur est protégé par un mot de passe. L'enregistrer sans mot de passe.")
            if sum(member.file_size for member in members) > MAX_UNPACKED or len(members) > 2000:
                raise RioListError("Le classeur est trop grand une fois ouvert. Ne garder que la feuille des RIO.")
            formulas, cells = False, 0
            for member in members:
                part = _part(archive, member)
                if not member.filename.endswith((".xml", ".rels")):
                    continue
                if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
                    raise _damaged()
                if member.filename.startswith("xl/worksheets/"):
                    formulas = formulas or re.search(rb"<(?:\w+:)?f[ >/]", part) is not None
                    cells += len(re.findall(rb"<(?:\w+:)?c[ >/]", part)) + _expanded(part)
                    bound(len(re.findall(rb"<(?:\w+:)?row[ >/]", part)), 0, cells)
            return formulas
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError):
        raise _damaged() from None
    except Exception as error:
        if isinstance(error, RioListError):
            raise
        raise _damaged() from None


def _part(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A part of no more than its announced size, which `read` without a size takes for no limit.

    :raises BadZipFile: it is another one.
    """
    with archive.open(member) as stream:
        part = stream.read(member.file_size)
        stream.read(1)  # the end, where the checksum is looked at
    return part


def _expanded(part: bytes) -> int:
    """How many cells merged or linked ranges stand for."""
    return sum(
        (_place(last) - _place(first) + 1) * (int(bottom) - int(top) + 1)
        for first, top, last, bottom in _EXPANDED.findall(part)
    )


def _place(letters: bytes) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + letter - ord("A") + 1
    return place


def _grid(sheet: "Worksheet") -> list[list[str]]:
    """The texts of a sheet; only cells that hold something make it larger."""
    filled = [
        (number, column, text)
        for (number, column), cell in sheet._cells.items()
        if cell.value is not None and (text := _shown(cell.value))
    ]
    rows = max((number for number, _, _ in filled), default=0)
    width = max((column for _, column, _ in filled), default=0)
    bound(rows, width, len(filled))
    grid: list[list[str]] = [[] for _ in range(rows)]
    for number, column, text in filled:
        row = grid[number - 1]
        row.extend([""] * (column - len(row)))
        row[column - 1] = text
    return grid


def _shown(value: object) -> str:
    """A value as text: a whole number without its .0."""
    if isinstance(value, float) and abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return str(value).strip()


_FILLS = {
    "Juste": ("C6EFCE", "006100"),
    "Faux": ("FFC7CE", "9C0006"),
    "Non vérifiable": ("FFEB9C", "7F4F00"),
    "Illisible": ("FFEB9C", "7F4F00"),
}
_WIDTHS = (16, 60, 20, 20)


def _fill(sheet: "Worksheet", grid: list[list[str]], layout: Layout, hide: bool, held: frozenset[str]) -> Tally:
    """Write the verdicts into a sheet."""
    from openpyxl.styles import Font, PatternFill

    tally = Tally(layout.names, held)
    styles: dict[str, Any] = {}
    merged = {place for area in sheet.merged_cells.ranges for place in area.cells}
    start = 0 if layout.header is None else layout.header + 1
    code = layout.rio + 1
    for number, texts in enumerate(grid):
        added: tuple[str, ...] = ("", "", "", "")
        own = (cell for place, cell in enumerate(texts) if place not in layout.added)
        if number >= start and any(own):
            beside = "" if layout.number is None else text_at(texts, layout.number)
            row = tally.judge(number + 1, text_at(texts, layout.rio), beside)
            proposal = ASK_IN_CHAT if hide and row.proposal else row.proposal
            added = (row.judged, row.explanation, proposal, row.operator)
            if hide and text_at(texts, layout.rio):
                _write(_cell(sheet, number + 1, code), masked(text_at(texts, layout.rio), row))
        elif number < start - 1:
            continue
        elif layout.header is not None and number == layout.header:
            added = layout.titles
        for place, text in zip(layout.added, added, strict=True):
            if (number + 1, place + 1) in merged or (not text and (number + 1, place + 1) not in sheet._cells):
                continue
            cell = _cell(sheet, number + 1, place + 1)
            _write(cell, text or None)
            if number == layout.header:
                cell._style = copy(_cell(sheet, number + 1, code)._style)
            elif text in _FILLS and place == layout.added[0]:
                if text not in styles:
                    ground, ink = _FILLS[text]
                    cell.fill = PatternFill("solid", start_color=ground, end_color=ground)
                    cell.font = Font(name="Calibri", color=ink, bold=True)
                    styles[text] = cell._style
                cell._style = copy(styles[text])
    _arrange(sheet, layout, len(grid))
    return tally


def _cell(sheet: "Worksheet", row: int, column: int) -> Any:
    return sheet.cell(row, column)


def _write(cell: Any, text: str | None) -> None:
    """A text that stays one, whatever it begins with."""
    cell.value = text
    if text is not None:
        cell.data_type = "s"


def _arrange(sheet: "Worksheet", layout: Layout, rows: int) -> None:
    """Widths, the header always in sight, filters over all columns."""
    for place, width in zip(layout.added, _WIDTHS, strict=True):
        sheet.column_dimensions[letters(place)].width = width
    if layout.header is None:
        return
    if not sheet.freeze_panes:
        sheet.freeze_panes = f"A{layout.header + 2}"
    # A table has filters of its own, and two on the same cells make a file that spreadsheets mend or refuse.
    if not sheet.tables:
        last = max(layout.added)
        had = re.fullmatch(r"\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)", sheet.auto_filter.ref or "")
        first, top, bottom = (had[1], int(had[2]), int(had[4])) if had else ("A", layout.header + 1, rows)
        sheet.auto_filter.ref = f"{first}{top}:{letters(last)}{max(bottom, rows)}"


def _hide_elsewhere(book: "Workbook") -> None:
    """Mask what looks like a RIO in all cells, and leave out what may keep a copy of cells."""
    from openpyxl.formatting.formatting import ConditionalFormattingList

    for sheet in book.worksheets:
        sheet._pivots = []  # type: ignore[attr-defined]
        sheet.data_validations.dataValidation = []
        sheet.conditional_formatting = ConditionalFormattingList()
        for cell in sheet._cells.values():
            if cell.comment is not None:
                cell.comment = None
            if isinstance(cell.value, str):
                harmless = hidden(cell.value)
                if harmless != cell.value:
                    _write(cell, harmless)
            elif cell.value is not None and cell.data_type == "f":
                _write(cell, None)  # an array's formula, which may hold anything
    for name in list(book.defined_names):
        del book.defined_names[name]

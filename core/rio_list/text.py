"""A list of RIOs as text: encoding, separator and quotes as they come; back in UTF-8 with BOM, as Excel reads it."""

import csv
import io
import re
from collections.abc import Iterator

from core.rio_list.bounds import HEADER_ROWS, MAX_ROWS, RioListError, bound, too_many_rows
from core.rio_list.columns import find_columns, no_column, text_at
from core.rio_list.rows import ASK_IN_CHAT, Tally, masked


def annotate_text(content: bytes, hide: bool, held: frozenset[str]) -> tuple[bytes, Tally]:
    """The list with its verdicts, in its own separator, and what was found.

    :raises RioListError: not text, or no RIO in it.
    """
    text = _decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    if re.match(r"\s*<(!doctype|html|table|\?xml)", text, re.IGNORECASE):
        raise RioListError("Le fichier est une page web, non un tableur. L'enregistrer en .xlsx ou en .csv.")
    hint = re.match(r"sep=(.)\n", text)  # for spreadsheets alone
    text = text[hint.end() :] if hint else text
    separator = hint[1] if hint else _separator(text)
    rows = list(_records(text, separator))
    bound(len(rows), max(map(len, rows), default=0), sum(map(len, rows)))
    grid = [[cell.strip() for cell in row] for row in rows]
    layout = find_columns(grid)
    if layout is None:
        raise no_column(grid)
    tally = Tally(layout.names, held)
    to = io.StringIO()
    writer = csv.writer(
        to, delimiter=separator, quoting=csv.QUOTE_ALL if text.lstrip().startswith('"') else csv.QUOTE_MINIMAL
    )
    width = max(*map(len, rows), max(layout.added) + 1)
    for number, row in enumerate(rows):
        cells = row + [""] * (width - len(row))
        added: tuple[str, ...] = ("", "", "", "")
        judged = None
        own = (cell for place, cell in enumerate(grid[number]) if place not in layout.added)
        if number == layout.header:
            added = layout.titles
        elif (layout.header is None or number > layout.header) and any(own):
            beside = "" if layout.number is None else text_at(grid[number], layout.number)
            judged = tally.judge(number + 1 + bool(hint), text_at(grid[number], layout.rio), beside)
            proposal = ASK_IN_CHAT if hide and judged.proposal else judged.proposal
            added = (judged.judged, judged.explanation, proposal, judged.operator)
        if hide:
            cells = [masked(cell, judged if place == layout.rio else None) for place, cell in enumerate(cells)]
        cells = [_harmless(cell) for cell in cells]
        for place, cell in zip(layout.added, added, strict=True):
            cells[place] = cell
        writer.writerow(cells if row or any(added) else [])
    return ("\ufeff" + (hint[0] if hint else "") + to.getvalue()).encode(), tally


def _decoded(content: bytes) -> str:
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise RioListError("Le classeur est protégé par un mot de passe. L'enregistrer sans mot de passe en .xlsx.")
        raise RioListError("Ce classeur est d'un ancien format (.xls). L'enregistrer en .xlsx ou en .csv.")
    try:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return content.decode("utf-16")
        if b"\x00" not in content and not content.startswith((b"%PDF", b"{\\rtf")):
            return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            return _western(content)
    raise RioListError("Le fichier n'est ni un tableur .xlsx ni un texte .csv. L'enregistrer dans l'un de ces formats.")


def _western(content: bytes) -> str:
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _separator(text: str) -> str:
    """The sign that cuts most of the first rows into the same number of cells, two at least; `;` when none does."""
    head = [line for line in text[:200_000].split("\n")[:60] if line.strip()]
    best, found = (0.0, 0), ";"
    for separator in ";\t|,":
        widths = [len(row) for row in _records("\n".join(head[:50]), separator) if row] or [1]
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        if usual > 1 and (widths.count(usual) / len(widths), usual) > best:
            best, found = (widths.count(usual) / len(widths), usual), separator
    return found


def _records(text: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=separator != "\t")
    try:
        for number, row in enumerate(reader):
            if number > MAX_ROWS + HEADER_ROWS:
                raise too_many_rows()
            yield row
    except csv.Error:
        raise RioListError(
            f"La ligne {reader.line_num} ne se lit pas (un guillemet n'est sans doute pas fermé). La corriger."
        ) from None


#: What a spreadsheet would take for a formula; numbers are not, nor what only keeps a text a text.
_FORMULA = re.compile(r'(?!="[\w +.\-]*"$)[=@\t\r]|[+\-](?![0-9][0-9 ().,]*$)')


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell

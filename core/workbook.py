"""A spreadsheet for people (XLSX): a first sheet that says what the others are, then tables to sort and filter.

Values are given in the store's units. Texts are texts, whatever they begin with; dates, durations and amounts are the
spreadsheet's own, shown as the reader's country does. Light to import: xlsxwriter is loaded when a book is made.
"""

import io
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from core import daily
from core.folders import PARIS

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: Rows of a sheet, its header not counted: more is no reading for people, and takes too long.
MOST_ROWS = 200_000

NBSP = "\u00a0"

#: What a column holds, in the store's units, and what the spreadsheet makes of it.
Form = Literal[
    "text",
    "whole",
    "euros",
    "tiny euros",
    "outside",
    "change",
    "duration",
    "volume",
    "second",
    "minute",
    "day",
    "month",
    "percent",
]

_EUROS = f'#,##0.00"{NBSP}€";[Red]-#,##0.00"{NBSP}€";"–"'
_FORMATS: dict[Form, str] = {
    "whole": '#,##0;[Red]-#,##0;"–"',
    "euros": _EUROS,
    # What one communication costs can be less than a cent.
    "tiny euros": f'#,##0.00##"{NBSP}€";[Red]-#,##0.00##"{NBSP}€";"–"',
    # Out of bundle: what is nothing, and what the files do not say, is left blank.
    "outside": f'#,##0.00"{NBSP}€";[Red]-#,##0.00"{NBSP}€";',
    "change": f'+#,##0.00"{NBSP}€";-#,##0.00"{NBSP}€";"–"',
    "duration": '[h]:mm:ss;-[h]:mm:ss;"–"',
    "volume": '#,##0.0;-#,##0.0;"–"',
    "second": "dd/mm/yyyy hh:mm:ss",
    "minute": "dd/mm/yyyy hh:mm",
    "day": "dd/mm/yyyy",
    "month": "[$-40C]mmmm yyyy",  # in French on any machine
    "percent": f'+0.0"{NBSP}%";-0.0"{NBSP}%";"–"',
}
_WIDTHS: dict[Form, int] = {
    "second": 19,
    "minute": 16,
    "day": 11,
    "month": 16,
    "euros": 12,
    "tiny euros": 12,
    "outside": 12,
}

#: A spreadsheet counts days from the end of 1899.
_EPOCH = 25_569
#: Signs that a cell can hold.
_CELL = 32_767


@dataclass(frozen=True)
class Column:
    title: str
    form: Form = "text"


@dataclass(frozen=True)
class Table:
    """A small table of the first sheet. `total`: its last row, in bold."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    total: Sequence[Any] = ()


class Book:
    """A workbook whose first sheet, written last, says what the others are."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.facts: list[tuple[str, str | int]] = []
        self.tables: list[Table] = []
        self.notes: list[str] = []
        self._content = io.BytesIO()

    def __enter__(self) -> "Book":
        import xlsxwriter

        # Rows wait in files of their own, so that a long sheet takes no memory.
        self._waiting = tempfile.TemporaryDirectory(prefix="origyne-bot-")
        options = {"constant_memory": True, "tmpdir": self._waiting.name}
        self._book: Workbook = xlsxwriter.Workbook(self._content, options)
        self._book.set_properties({"title": self.title})
        self._formats: dict[Form, Format] = {
            form: self._book.add_format({"num_format": text, **_placed(form)}) for form, text in _FORMATS.items()
        }
        self._formats["text"] = self._book.add_format({"indent": 1})
        self._totals: dict[Form, Format] = {
            form: self._book.add_format({"num_format": text, "bold": True, "top": 1}) for form, text in _FORMATS.items()
        }
        self._totals["text"] = self._book.add_format({"bold": True, "top": 1, "indent": 1})
        head = {"bold": True, "font_color": "#FFFFFF", "bg_color": _BLUE, "valign": "vcenter", "text_wrap": True}
        self._head = self._book.add_format({**head, "indent": 1})
        self._head_right = self._book.add_format({**head, "align": "right"})
        self._big = self._book.add_format({"bold": True, "font_size": 16, "font_color": _BLUE, "indent": 1})
        self._heading = self._book.add_format({"bold": True, "font_size": 12, "font_color": _BLUE, "indent": 1})
        self._label = self._book.add_format({"font_color": "#5A6472", "indent": 1})
        self._value = self._book.add_format({"bold": True, "align": "left"})
        self._value_day = self._book.add_format({"bold": True, "align": "left", "num_format": _FORMATS["day"]})
        self._note = self._book.add_format({"italic": True, "font_color": "#5A6472", "indent": 1})
        self._first = self._new_sheet("Résumé")
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.cleanup()

    def sheet(self, name: str, columns: tuple[Column, ...], rows: Iterable[Sequence[Any]]) -> int:
        """Add a sheet; returns how many rows it has, `MOST_ROWS` at most."""
        sheet = self._new_sheet(name)
        sheet.freeze_panes(1, 1)
        sheet.repeat_rows(0)
        sheet.set_row(0, 32)
        self._write_head(sheet, 0, columns)
        widths = [max(_WIDTHS.get(column.form, 10), _width(column.title) + 3) for column in columns]
        count = 0
        for row in rows:
            if count == MOST_ROWS:
                limit = f"{MOST_ROWS:,}".replace(",", NBSP)
                self.notes.append(
                    f"La feuille « {name} » s'arrête à {limit} lignes{NBSP}: demander une période plus courte."
                )
                break
            count += 1
            self._write_row(sheet, count, columns, row, self._formats)
            for place, value in enumerate(row):
                if isinstance(value, str) and len(value) >= widths[place]:
                    widths[place] = min(len(value) + 2, 48)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.autofilter(0, 0, max(count, 1), len(columns) - 1)
        if not count:
            sheet.write_string(1, 0, "(rien)", self._note)
        # Numbers of lines and cards are texts, and meant so.
        sheet.ignore_errors({"number_stored_as_text": f"A1:Z{count + 1}"})
        return count

    def finished(self) -> bytes:
        self._write_first()
        self._book.close()
        return self._content.getvalue()

    def _new_sheet(self, name: str) -> "Worksheet":
        sheet: Worksheet = self._book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        sheet.set_footer(f"&L{self.title[:100].replace('&', '&&')} · &A&R&P / &N")
        return sheet

    def _write_first(self) -> None:
        sheet = self._first
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 7, 17)
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, self.title[:_CELL], self._big)
        at = 2
        for label, value in self.facts:
            if value == "":
                continue
            sheet.write_string(at, 0, label, self._label)
            if isinstance(value, int):
                sheet.write_number(at, 1, value + _EPOCH, self._value_day)
            else:
                sheet.write_string(at, 1, value[:_CELL], self._value)
            at += 1
        for table in self.tables:
            at += 1
            sheet.write_string(at, 0, table.title, self._heading)
            self._write_head(sheet, at + 1, table.columns)
            at += 2
            for row in table.rows:
                self._write_row(sheet, at, table.columns, row, self._formats)
                at += 1
            if table.total:
                self._write_row(sheet, at, table.columns, table.total, self._totals)
                at += 1
        for note in self.notes:
            at += 1
            sheet.write_string(at, 0, note, self._note)
        sheet.ignore_errors({"number_stored_as_text": f"A1:H{at + 1}"})

    def _write_head(self, sheet: "Worksheet", at: int, columns: tuple[Column, ...]) -> None:
        for place, column in enumerate(columns):
            left = column.form == "text" or column.form in _LEFT
            sheet.write_string(at, place, column.title, self._head if left else self._head_right)

    def _write_row(
        self,
        sheet: "Worksheet",
        at: int,
        columns: tuple[Column, ...],
        row: Sequence[Any],
        formats: "dict[Form, Format]",
    ) -> None:
        for place, (column, value) in enumerate(zip(columns, row, strict=True)):
            form = formats[column.form]
            if value is None or value == "":  # blank, for who sorts and filters
                if formats is self._totals:
                    sheet.write_blank(at, place, None, form)
            elif isinstance(value, str):  # also what should have been a date, and is not
                sheet.write_string(at, place, value[:_CELL], formats["text"])
            else:
                sheet.write_number(at, place, _number(value, column.form), form)


_BLUE = "#1F3A5F"


def _placed(form: Form) -> dict[str, Any]:
    return {"align": "left", "indent": 1} if form in _LEFT else {"align": "right"}


_LEFT: frozenset[Form] = frozenset({"second", "minute", "day", "month"})


def _width(title: str) -> int:
    """Signs that a header takes on two lines, where it is long."""
    words = title.split()
    halves = [max(len(" ".join(words[:at])), len(" ".join(words[at:]))) for at in range(1, len(words))]
    return min(halves) if len(title) > 12 and halves else len(title)


def _number(value: float, form: Form) -> float:
    if form in ("euros", "tiny euros", "outside", "change"):
        return value / 1_000_000
    if form == "duration":
        return value / 86_400
    if form == "volume":
        return value / 1_048_576  # as French operators count
    if form == "day":
        return value + _EPOCH
    if form == "month":
        return daily.days_of(int(value))[0] + _EPOCH
    if form in ("second", "minute"):
        local = datetime.fromtimestamp(value, PARIS)
        return (value + local.utcoffset().total_seconds()) / 86_400 + _EPOCH  # type: ignore[union-attr]
    return value

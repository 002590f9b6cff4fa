"""An export as one file: CSV, JSON or XLSX. It appears whole or not at all."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from sqlite_utils import Database

from core.export.tables import Choice, Column, Export, chunks, day_of, euros, moment
from core.folders import PARIS

FORMATS = ("csv", "json", "xlsx")

#: Rows of a sheet of a spreadsheet, its header not counted.
_SHEET = 1_048_575

Told = Callable[[int], None]


def write(db: Database, export: Export, choice: Choice, to: Path, form: str, told: Told = lambda _: None) -> int:
    """Write an export; returns how many rows it has.

    :param form: one of `FORMATS`.
    :param told: how many rows are written so far.
    :raises OSError: the file cannot be written; nothing is left of it.
    """
    writer = {"csv": _write_csv, "json": _write_json, "xlsx": _write_xlsx}[form]
    with _appearing(to) as part:
        return writer(chunks(db, export, choice), export.columns, part, told)


@contextmanager
def _appearing(to: Path) -> Iterator[Path]:
    part = to.with_name(f".{to.name}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(to)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


_Chunks = Iterator[list[tuple[Any, ...]]]


def _frame(rows: list[tuple[Any, ...]], columns: tuple[Column, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[column.name for column in columns], dtype=object)
    for column in columns:
        if convert := _AS_TEXT.get(column.form):
            frame[column.name] = [convert(value) for value in frame[column.name]]
    return frame


_AS_TEXT: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: "" if value is None else value,
    "euros": euros,
    "moment": moment,
    "day": lambda value: day_of(value).isoformat(),
}


def _write_csv(rows: _Chunks, columns: tuple[Column, ...], to: Path, told: Told) -> int:
    """Comma-separated UTF-8 with decimal points, for programs (RFC 4180)."""
    count = 0
    with to.open("w", encoding="utf-8", newline="") as file:
        _frame([], columns).to_csv(file, index=False, lineterminator="\r\n")
        for chunk in rows:
            frame = _frame(chunk, columns)
            for column in columns:
                if column.form == "text":
                    frame[column.name] = [_harmless(value) for value in frame[column.name]]
            frame.to_csv(file, index=False, header=False, lineterminator="\r\n")
            count += len(chunk)
            told(count)
    return count


def _harmless(text: str) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe; +33… is a number, and stays."""
    if text[:1] in ("=", "@", "\t", "\r") or (text[:1] in ("+", "-") and not text[1:].replace(" ", "").isalnum()):
        return f"'{text}"
    return text


def _write_json(rows: _Chunks, columns: tuple[Column, ...], to: Path, told: Told) -> int:
    """An array of objects, one a line. Amounts are texts, so that no reader rounds them."""
    count = 0
    with to.open("w", encoding="utf-8") as file:
        file.write("[")
        for chunk in rows:
            for row in _frame(chunk, columns).to_dict("records"):
                file.write(",\n" if count else "\n")
                json.dump(row, file, ensure_ascii=False)
                count += 1
            told(count)
        file.write("\n]\n")
    return count


def _write_xlsx(rows: _Chunks, columns: tuple[Column, ...], to: Path, told: Told) -> int:
    """For people: dates and figures in the spreadsheet's own forms. Texts are texts, whatever they begin with."""
    count = 0
    with xlsxwriter.Workbook(str(to), {"constant_memory": True, "strings_to_formulas": False}) as book:
        formats = {
            "euros": book.add_format({"num_format": "#,##0.00####"}),
            "moment": book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"}),
            "day": book.add_format({"num_format": "dd/mm/yyyy"}),
            "whole": book.add_format({"num_format": "#,##0"}),
        }
        bold = book.add_format({"bold": True})
        sheet = _new_sheet(book, columns, bold)
        for chunk in rows:
            for row in chunk:
                if count and count % _SHEET == 0:
                    sheet = _new_sheet(book, columns, bold)
                _write_row(sheet, count % _SHEET + 1, row, columns, formats)
                count += 1
            told(count)
    return count


def _new_sheet(book: Any, columns: tuple[Column, ...], bold: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, {"text": 22, "moment": 19, "day": 11}.get(column.form, 14))
        sheet.write_string(0, place, column.name, bold)
    return sheet


def _write_row(sheet: Any, number: int, row: tuple[Any, ...], columns: tuple[Column, ...], formats: Any) -> None:
    for place, (column, value) in enumerate(zip(columns, row, strict=True)):
        if value is None or value == "":
            continue
        if column.form == "text":
            sheet.write_string(number, place, value)
        elif column.form == "moment":
            local = datetime.fromtimestamp(value, PARIS).replace(tzinfo=None)
            sheet.write_datetime(number, place, local, formats["moment"])
        elif column.form == "day":
            sheet.write_datetime(number, place, datetime.combine(day_of(value), datetime.min.time()), formats["day"])
        else:
            exact = value / 1_000_000 if column.form == "euros" else value
            sheet.write_number(number, place, exact, formats[column.form])

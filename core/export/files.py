"""An export as one file: CSV, JSON or XLSX. It appears whole or not at all."""

import errno
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter
from sqlite_utils import Database
from xlsxwriter.exceptions import XlsxWriterException

from core.export.appearing import appearing_file
from core.export.tables import Choice, Column, Export, chunks
from core.folders import PARIS

FORMATS = ("csv", "json", "xlsx")

#: Rows of a sheet of a spreadsheet, its header not counted.
_SHEET = 1_048_575
#: Signs that a cell of a spreadsheet can hold.
_CELL = 32_767
#: A spreadsheet counts days from the end of 1899.
_EPOCH = 25_569

#: What a spreadsheet may take for a formula; numbers are not, in whatever groups, with or without their last digits.
_FORMULA = r"^[=@\t\r\n]|^[+\-]"
_PLAIN_NUMBER = r"^[+\-][0-9][0-9X ().]*$"

Told = Callable[[int], None]
_Batches = Iterator[pa.RecordBatch]


def write(db: Database, export: Export, choice: Choice, to: Path, form: str, told: Told = lambda _: None) -> int:
    """Write an export; returns how many rows it has.

    :param form: one of `FORMATS`.
    :param told: how many rows are written so far.
    :raises OSError: the file cannot be written; nothing is left of it.
    """
    writer = {"csv": _write_csv, "json": _write_json, "xlsx": _write_xlsx}[form]
    with appearing_file(to) as part:
        return writer(chunks(db, export, choice), export.columns, part, told)


def _write_csv(batches: _Batches, columns: tuple[Column, ...], to: Path, told: Told) -> int:
    """Comma-separated UTF-8 with decimal points, for programs (RFC 4180)."""
    count = 0
    with to.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=[column.name for column in columns]).to_csv(file, index=False, lineterminator="\r\n")
        for batch in batches:
            frame = _frame(batch, columns, harmless=True)
            frame.to_csv(file, index=False, header=False, lineterminator="\r\n")
            count += len(frame)
            told(count)
    return count


def _write_json(batches: _Batches, columns: tuple[Column, ...], to: Path, told: Told) -> int:
    """An array of objects, one a line. Amounts are texts, so that no reader rounds them."""
    count = 0
    with to.open("w", encoding="utf-8") as file:
        file.write("[")
        for batch in batches:
            frame = _frame(batch, columns)
            text = frame.to_json(orient="records", lines=True, force_ascii=False).rstrip("\n")
            # pandas writes each / as \/, which is right and hard to read.
            file.write(",\n" if count else "\n")
            file.write(text.replace("\\/", "/").replace("\n", ",\n"))
            count += len(frame)
            told(count)
        file.write("\n]\n")
    return count


def _frame(batch: pa.RecordBatch, columns: tuple[Column, ...], *, harmless: bool = False) -> pd.DataFrame:
    """The rows with all but numbers as texts; `harmless`: none of them a formula."""
    series = {}
    for column, array in zip(columns, batch.columns, strict=True):
        series[column.name] = _shown(array, column, harmless=harmless).to_pandas()
    return pd.DataFrame(series)


def _shown(array: pa.Array, column: Column, *, harmless: bool) -> pa.Array:
    if column.form == "moment":
        return _moments(array)
    if column.form in ("euros", "day"):
        return array.cast(pa.string())
    return _harmless(array) if column.form == "text" and harmless else array


def _harmless(texts: pa.Array) -> pa.Array:
    """A text that a spreadsheet would take for a formula gets an apostrophe; +33… is a number, and stays."""
    formula = pc.match_substring_regex(texts, _FORMULA)
    if not pc.any(formula).as_py():
        return texts
    formula = pc.and_not(formula, pc.match_substring_regex(texts, _PLAIN_NUMBER))
    return pc.if_else(formula, pc.binary_join_element_wise("'", texts, ""), texts)


def _local(moments: pa.Array) -> tuple[Any, Any]:
    """The clock in Paris, as seconds since 1970 there, and how far it is ahead of UTC; where there is no time, zero."""
    seconds = moments.cast(pa.int64()).fill_null(0).to_numpy()
    clock = pd.to_datetime(pd.Series(seconds), unit="s", utc=True).dt.tz_convert(PARIS).dt.tz_localize(None)
    local = clock.to_numpy().astype("datetime64[s]").astype(np.int64)
    return local, local - seconds


def _moments(moments: pa.Array) -> pa.Array:
    """ISO 8601 with its offset, which tells the two hours of October's night apart."""
    local, ahead = _local(moments)
    clock = pa.array(np.datetime_as_string(local.astype("datetime64[s]")))
    distinct, places = np.unique(ahead, return_inverse=True)
    offsets = pa.array([f"{'-' if it < 0 else '+'}{abs(it) // 3600:02}:{abs(it) % 3600 // 60:02}" for it in distinct])
    texts = pc.binary_join_element_wise(clock, offsets.take(pa.array(places)), "")
    return pc.if_else(moments.is_valid(), texts, None)


# -- Spreadsheets


def _write_xlsx(batches: _Batches, columns: tuple[Column, ...], to: Path, told: Told) -> int:
    """For people: dates and figures in the spreadsheet's own forms. Texts are texts, whatever they begin with."""
    count = 0
    # Rows wait in files of their own until the book is closed: in a folder that goes away with an interrupted export.
    with tempfile.TemporaryDirectory(prefix=f"{to.name}.", dir=to.parent) as waiting:
        book = xlsxwriter.Workbook(str(to), {"constant_memory": True, "tmpdir": waiting})
        book.use_zip64()
        formats = {
            "text": None,
            "euros": book.add_format({"num_format": "#,##0.00####"}),
            "moment": book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"}),
            "day": book.add_format({"num_format": "dd/mm/yyyy"}),
            "whole": book.add_format({"num_format": "#,##0"}),
        }
        bold = book.add_format({"bold": True})
        cell_formats = [formats[column.form] for column in columns]
        sheet = _new_sheet(book, columns, bold)
        for batch in batches:
            cells = [_cells(array, column) for array, column in zip(batch.columns, columns, strict=True)]
            for row in zip(*cells, strict=True):
                if count and count % _SHEET == 0:
                    sheet = _new_sheet(book, columns, bold)
                _write_row(sheet, count % _SHEET + 1, row, cell_formats)
                count += 1
            told(count)
        try:
            book.close()
        except XlsxWriterException as error:  # it wraps the disk's own error
            cause = error.args[0] if error.args else None
            raise cause if isinstance(cause, OSError) else OSError(errno.EIO, str(error)) from error
    return count


def _cells(array: pa.Array, column: Column) -> list[Any]:
    if column.form == "euros":
        return [None if value is None else float(value) for value in array.to_pylist()]
    if column.form == "moment":
        days = _local(array)[0] / 86400 + _EPOCH
        return [day if known else None for day, known in zip(days.tolist(), array.is_valid().to_pylist(), strict=True)]
    if column.form == "day":
        return [None if value is None else value + _EPOCH for value in array.cast(pa.int32()).to_pylist()]
    cells: list[Any] = array.to_pylist()
    return cells


def _new_sheet(book: Any, columns: tuple[Column, ...], bold: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, {"text": 22, "moment": 19, "day": 11}.get(column.form, 14))
        sheet.write_string(0, place, column.name, bold)
    return sheet


def _write_row(sheet: Any, number: int, row: tuple[Any, ...], formats: list[Any]) -> None:
    for place, value in enumerate(row):
        if value is None:
            continue
        if isinstance(value, str):
            sheet.write_string(number, place, value[:_CELL])
        else:
            sheet.write_number(number, place, value, formats[place])

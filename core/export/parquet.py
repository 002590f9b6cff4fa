"""CDRs and totals as a Parquet data set, partitioned by source and month as Hive does.

DuckDB, Spark, ClickHouse and Trino read it as it is: `FOLDER/cdrs/source=rated/month=2026-10/part-0.parquet`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlite_utils import Database

from core import usage
from core.export.tables import Choice, Column, Export, chunks, export_named

#: Says that a folder is a data set of ours, which may be replaced.
MARKER = "_origyne_export"

_SOURCES = {"rated": "cdrs", "billed": "billed"}

_TYPES = {
    "text": pa.string(),
    "whole": pa.int64(),
    "euros": pa.decimal128(18, 6),
    "moment": pa.timestamp("s", tz="UTC"),
    "day": pa.date32(),
}
#: Few values on many rows.
_WORDS = ("kind", "type", "out_of_bundle", "zone", "client", "file", "status", "operator_status", "plan", "source")


class NotOurs(Exception):
    """The folder exists and is no data set of ours; nothing was touched."""


def write(db: Database, folder: Path, told: Callable[[int], None] = lambda _: None) -> int:
    """Write the data set; it takes the place of the former one at once. Returns how many rows it has.

    :raises NotOurs: the folder holds something else.
    :raises OSError: it cannot be written; the former one stays.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise NotOurs(folder)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        (part / MARKER).touch()
        count = 0
        for path, export, choice in _parts(db):
            count += _write_part(db, part / path, export, choice, lambda done, before=count: told(before + done))  # type: ignore[misc]
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return count


def _parts(db: Database) -> Iterator[tuple[str, Export, Choice]]:
    for month in sorted(usage.months(db)):
        name = f"{month // 100}-{month % 100:02}"
        for source, export in _SOURCES.items():
            yield f"cdrs/source={source}/month={name}/part-0.parquet", export_named(export), Choice(month)
        yield f"usage/month={name}/part-0.parquet", export_named("usage"), Choice(month)
    yield "lines/part-0.parquet", export_named("lines"), Choice()


def _write_part(db: Database, to: Path, export: Export, choice: Choice, told: Callable[[int], None]) -> int:
    """One file, by row groups; none when there are no rows."""
    # The month of a file is in the folder's name.
    columns = [column for column in export.columns if not (column.name == "month" and choice.month)]
    places = [export.columns.index(column) for column in columns]
    schema = pa.schema([(column.name, _type(column)) for column in columns])
    count = 0
    writer: Any = None
    try:
        for rows in chunks(db, export, choice, 250_000):
            if writer is None:
                to.parent.mkdir(parents=True)
                writer = pq.ParquetWriter(to, schema, compression="zstd")
            by_column = list(zip(*rows, strict=True))
            arrays = [_array(by_column[place], column) for place, column in zip(places, columns, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
            count += len(rows)
            told(count)
    finally:
        if writer is not None:
            writer.close()
    return count


def _type(column: Column) -> Any:
    return pa.dictionary(pa.int32(), pa.string()) if column.name in _WORDS else _TYPES[column.form]


def _array(values: tuple[Any, ...], column: Column) -> Any:
    if column.name in _WORDS:
        return pa.array(values, pa.string()).dictionary_encode()
    if column.form == "euros":
        # Millionths are the decimal's own digits: 64 bits, and the sign in 64 more.
        whole = pa.array(values, pa.int64())
        low = whole.fill_null(0).to_numpy()
        digits = pa.py_buffer(np.stack([low, low >> 63], axis=1).tobytes())
        return pa.Array.from_buffers(_TYPES["euros"], len(whole), [whole.buffers()[0], digits], whole.null_count)
    return pa.array(values, _TYPES[column.form])

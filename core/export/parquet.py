"""CDRs and totals as a Parquet data set, partitioned by source and month as Hive does.

DuckDB, Spark, ClickHouse and Trino read it as it is: `FOLDER/cdrs/source=rated/month=2026-10/part-0.parquet`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlite_utils import Database

from core import usage
from core.export.appearing import appearing_folder
from core.export.tables import BY_DAY, BY_ZONE, CHUNK, Choice, Export, chunks, export_named, month_name, schema_of

#: Says that a folder is a data set of ours, which may be replaced. Readers pass over names that begin so.
MARKER = "_origyne_export"

#: Chunks in a row group, by which readers skip what they do not want: half a million rows.
_GROUP = 10

_SOURCES = {"rated": usage.RATED, "billed": usage.BILLED}
_CDRS = {"rated": "cdrs", "billed": "billed"}
#: Columns that the names of the folders tell.
_KEYS = ("source", "month")


class NotOurs(Exception):
    """`path`: what exists there and is not of a data set of ours; nothing was touched."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


def write(db: Database, folder: Path, told: Callable[[int], None] = lambda _: None) -> int:
    """Write the data set; it takes the place of the former one once it is whole. Returns how many rows it has.

    :raises NotOurs: the folder holds something else.
    :raises OSError: it cannot be written; the former one stays.
    """
    folder = folder.resolve()
    count = 0
    with appearing_folder(folder, partial(_may_replace, folder)) as part:
        (part / MARKER).touch()
        for path, export, choice in _parts(db):
            for written in _write_part(db, part / path, export, choice):
                count += written
                told(count)
    return count


def _may_replace(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotOurs(folder)
    if any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise NotOurs(folder)
    for path in folder.rglob("*"):
        if not path.is_dir() and path.name != MARKER and not path.match("part-*.parquet"):
            raise NotOurs(path)


def _parts(db: Database) -> Iterator[tuple[str, Export, Choice]]:
    for month in sorted(usage.months(db)):
        for name, source in _SOURCES.items():
            file = f"source={name}/month={month_name(month)}/part-0.parquet"
            choice = Choice(month, source=source)
            yield f"cdrs/{file}", export_named(_CDRS[name]), choice
            yield f"usage_by_line/{file}", export_named("usage"), choice
            yield f"usage_by_day/{file}", BY_DAY, choice
            yield f"usage_by_zone/{file}", BY_ZONE, choice
    yield "lines/part-0.parquet", export_named("lines"), Choice()


def _write_part(db: Database, to: Path, export: Export, choice: Choice) -> Iterator[int]:
    """One file, or none when there are no rows; how many rows each row group has."""
    schema = schema_of(tuple(column for column in export.columns if column.name not in _KEYS))
    batches = chunks(db, export, choice, CHUNK)
    group = list(islice(batches, _GROUP))
    if not group:
        return
    to.parent.mkdir(parents=True)
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        while group:
            table = pa.Table.from_batches(group).select(schema.names)
            writer.write_table(table, row_group_size=len(table))
            yield len(table)
            group = list(islice(batches, _GROUP))

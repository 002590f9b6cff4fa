"""What a store says, without its own numbers for files, clients and natures, nor this machine's own times."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from core.sealing import place
from core.store import FILE_NAME
from core.vault import Vault, is_sealed

#: With an invented key, as `tests.handlers.filled` has it.
VAULT = Vault([b"an invented key of 32 bytes long"])

_FILE = "(SELECT path FROM files WHERE files.id = file_id)"
_CLIENT = "(SELECT name FROM clients WHERE clients.id = client_id)"
_NATURE = (
    "(SELECT kind || '/' || out_of_bundle || '/' || zone || '/' || type FROM natures WHERE natures.id = nature_id)"
)

#: Which of several files a communication came with first depends on the order in which they were read.
_OF_THE_ORDER = {("cdrs", "file_id"), ("files", "known_rows")}
_SKIPPED = {"passes", "_sqlite_migrations", "marks", "sqlite_sequence", "sqlite_stat1"}

SEALED = {"sims": ("pin", "puk", "pin2", "puk2"), "lines": ("rio",), "rejects": ("content",)}
_KEYS = {"sims": ("sims.iccid",), "lines": ("lines.msisdn",), "rejects": ("rejects.file_id", "rejects.line")}


def open_by_sql(db: sqlite3.Connection) -> None:
    """Let queries say `opened(column, place)`."""
    db.create_function("opened", 2, lambda value, where: VAULT.open(value, where) if is_sealed(value) else value)


def opened(table: str, column: str) -> str:
    """What opens a sealed column, in SQL."""
    where = " || ' ' || ".join([f"'{place(table)}'", *_KEYS[table], f"'{column}'"])
    return f"opened({column}, {where})"


def contents(data: Path, *, any_order: bool = False) -> dict[str, list[tuple[Any, ...]]]:
    """Every table, its rows in an order that their content gives.

    :param any_order: leave out what depends on the order in which the files were read.
    """
    with closing(sqlite3.connect(data / FILE_NAME)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        open_by_sql(db)
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} - _SKIPPED
        return {table: _rows(db, table, any_order) for table in sorted(tables)}


def _rows(db: sqlite3.Connection, table: str, any_order: bool) -> list[tuple[Any, ...]]:
    chosen = []
    for _, name, *_ in db.execute(f"PRAGMA table_info({table})"):
        if name == "id" and table != "cdrs":
            continue
        if name.endswith("_clock") or name in ("accepted", "stamp") or (any_order and (table, name) in _OF_THE_ORDER):
            continue
        said = {"file_id": _FILE, "client_id": _CLIENT, "nature_id": _NATURE}.get(name, name)
        chosen.append(opened(table, name) if name in SEALED.get(table, ()) else said)
    return sorted(db.execute(f"SELECT {', '.join(chosen)} FROM {table}").fetchall(), key=repr)

"""The telecom part: FTP mirror, file readers, SQLite store, events, RIO, numbers, pictures."""

import sys


def _load_sqlite_utils_alone() -> None:
    """sqlite-utils loads pandas and numpy where they are installed, for inserts that nobody here makes.

    The processes that answer people would pay for it with their start and their memory.
    """
    if "sqlite_utils" in sys.modules:
        return
    absent = [name for name in ("pandas", "numpy") if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import sqlite_utils  # noqa: F401
    finally:
        for name in absent:
            del sys.modules[name]


_load_sqlite_utils_alone()

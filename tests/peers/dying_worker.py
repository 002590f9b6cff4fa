"""The sync worker, which kills itself (-9) at a chosen point: `python -m tests.peers.dying_worker POINT`.

A point is a step that others could see: an SQL statement of the store, a file opened to be written, renamed or removed.
With POINT 0 it dies nowhere, and says on standard error how many points it went through.
"""

import itertools
import os
import signal
import sys
from typing import Any

from sqlite_utils import Database

from core import store, worker

_points = itertools.count(1)
_last = int(sys.argv[1])


def _point() -> None:
    if next(_points) == _last:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    data = os.environ["ORIGYNE_DATA"]
    if event in ("os.rename", "os.remove", "open") and str(arguments[0]).startswith(data):
        is_read = event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if not is_read:
            _point()


_connect = store.connect


def _watched(*arguments: Any) -> Database:
    db = _connect(*arguments)
    db.conn.set_trace_callback(lambda _: _point())
    return db


if __name__ == "__main__":
    store.connect = _watched
    sys.addaudithook(_watch)
    try:
        worker.main()
    finally:
        print(next(_points) - 1, file=sys.stderr)

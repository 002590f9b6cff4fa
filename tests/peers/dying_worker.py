"""The sync worker, which kills itself (-9) at a chosen point of a pass.

A point is a step that others could see: an SQL statement of the store, a file opened to be written, renamed or removed.
Each pass has a process of its own, forked from one that has already imported what takes longer than the pass.
"""

import contextlib
import io
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from sqlite_utils import Database

from core import store, worker

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.peers.dying_worker", "core.delta", "core.traffic", "pandas"])


def make_pass(settings: Mapping[str, str], point: int = 0, *, patience: float = 60) -> int:
    """A pass with these settings (as in `.env`), during which the worker dies at a point; without (0), how many points
    there are."""
    receiving, sending = _forking.Pipe(duplex=False)
    process = _forking.Process(target=_work, args=(dict(settings), point, sending))
    process.start()
    sending.close()
    process.join(patience)
    assert process.exitcode == (-signal.SIGKILL if point else 0), f"{process.exitcode} at point {point}"
    if point:
        return 0
    points, report = receiving.recv()
    assert '"error": ""' in report
    return int(points)


def _work(settings: dict[str, str], last: int, sending: Connection) -> None:
    os.environ.update(settings)
    sys.argv[1:] = ["--once"]
    points = itertools.count(1)

    def point() -> None:
        if next(points) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("os.rename", "os.remove", "open") and str(arguments[0]).startswith(settings["ORIGYNE_DATA"]):
            is_read = event == "open" and not (
                isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            )
            if not is_read:
                point()

    connect = store.connect

    def watched(*arguments: Any) -> Database:
        db = connect(*arguments)
        db.conn.set_trace_callback(lambda _: point())
        return db

    store.connect = watched
    sys.addaudithook(watch)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        worker.main()
    sending.send((next(points) - 1, said.getvalue()))

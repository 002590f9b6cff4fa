"""Passes over the FTP that people ask of the running service."""

import asyncio
from typing import Any

from bot.passes import report_of
from handlers.desk import SyncReport


class Orders:
    """Passes that people ask for: each is a line on the sync worker's standard input, and what it says of the pass
    that it began after that line is the answer."""

    def __init__(self) -> None:
        self._worker: asyncio.StreamWriter | None = None
        self._given = self._done = 0
        self._waiting: list[tuple[int, asyncio.Future[SyncReport]]] = []

    def begin(self, worker: asyncio.StreamWriter) -> None:
        """A worker runs, which nobody asked anything yet."""
        self._worker, self._given, self._done = worker, 0, 0

    def end(self) -> None:
        """The worker ended; who waits for it is told so."""
        self._worker = None
        stopped = SyncReport(True, error="le programme qui lit les fichiers s'est arrêté ; il redémarre")
        self._answer(self._given, stopped)

    def done(self, said: dict[str, Any]) -> None:
        """What the worker said of a pass."""
        self._done = int(said["asked"])
        self._answer(self._done, report_of(said))

    async def make_pass(self) -> SyncReport:
        """One pass that begins from now on, and how it ended."""
        worker = self._worker
        if worker is None or worker.is_closing():
            return SyncReport(True, error="le programme qui lit les fichiers redémarre ; réessayer dans une minute")
        # The pass of the last but one line is still to end: that of the last has not begun, and will do for both.
        if self._given - self._done < 2:
            self._given += 1
            worker.write(b"\n")
        waiting: asyncio.Future[SyncReport] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._given, waiting))
        try:
            return await waiting
        finally:
            self._waiting = [(number, it) for number, it in self._waiting if it is not waiting]

    def _answer(self, done: int, report: SyncReport) -> None:
        for number, waiting in self._waiting:
            if number <= done and not waiting.done():
                waiting.set_result(report)

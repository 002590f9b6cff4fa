"""The workshop: a process aside in which charts and spreadsheets are made and spreadsheets are read.

pandas, matplotlib and their like are imported there only, so that whoever answers people stays quick and light. It is
not the sync worker, which can be busy for minutes and steps back for everything else.
"""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")

#: Seconds that one piece of work may take.
PATIENCE = 60.0


class WorkshopError(Exception):
    """The workshop could not end a piece of work: it died of it (memory), or took too long."""


class Workshop:
    """Started with its first piece of work; one piece at a time."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def make(self, work: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
        """Run a function there. It is a module's own, imports what is heavy in its body, and takes and gives what can
        be pickled.

        :raises WorkshopError: the process died or took longer than `PATIENCE`; what the function itself raises is
            raised here.
        """
        assert not named
        loop = asyncio.get_running_loop()
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent
            )
        pool = self._pool
        try:
            async with asyncio.timeout(PATIENCE):
                return await loop.run_in_executor(pool, work, *given)
        except BrokenProcessPool as error:
            self._forget(pool)
            raise WorkshopError("le programme qui fait les tableurs et les images s'est arrêté") from error
        except TimeoutError as error:
            if not asyncio.current_task().cancelling():  # type: ignore[union-attr]
                self._forget(pool)
                raise WorkshopError(f"le travail dure plus de {PATIENCE:.0f} secondes") from error
            raise

    def close(self) -> None:
        """Stop the process; the next piece of work starts another."""
        if self._pool is not None:
            self._forget(self._pool)

    def _forget(self, pool: ProcessPoolExecutor) -> None:
        """End a process that may be stuck; work that waited for it fails."""
        if self._pool is pool:
            self._pool = None
        for process in list((pool._processes or {}).values()):
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """Whoever kills the service must not leave this process behind."""
    parent = multiprocessing.parent_process()
    assert parent

    def watch() -> None:
        parent.join()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()

"""The sync worker's process, as a loop of the service keeps it."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.orders import Orders
from core import logs

log = logging.getLogger(__name__)

#: Seconds that the worker is given to leave a file in good order when the service stops.
GRACE = 4.0

#: Seconds without a word, past the beginning of a pass, after which the worker is taken for stuck. It says a word
#: every few seconds while files come and after each that it read; the largest takes it some minutes.
PATIENCE = 1800.0

#: Bytes of a line of its, at most: a report names each file that failed.
_LONGEST_LINE = 16 * 1024 * 1024


class SyncWorker:
    """:param heard: given what the worker says of each pass.
    :param lost: given its status when it ended by itself.
    """

    def __init__(
        self, orders: Orders, heard: Callable[[Mapping[str, Any]], Awaitable[None]], lost: Callable[[int], None]
    ) -> None:
        self._orders = orders
        self._heard = heard
        self._lost = lost
        self._speaks_by = time.monotonic() + PATIENCE

    @property
    def overdue(self) -> float:
        """Seconds past the time by which the worker was to say something; negative before."""
        return time.monotonic() - self._speaks_by

    async def run(self) -> None:
        """Run the worker; it ends when its standard input does."""
        self._speaks_by = time.monotonic() + PATIENCE
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "core.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        assert worker.stdin
        assert worker.stdout
        self._orders.begin(worker.stdin)
        try:
            async for line in worker.stdout:
                said = json.loads(line)
                self._speaks_by = time.monotonic() + said.get("next", 0) + PATIENCE
                if "fetched" in said:
                    with logs.about(f"p{said['number']}" if said["number"] else ""):
                        await self._heard(said)
                    self._orders.done(said)
        finally:
            self._orders.end()
            worker.stdin.close()
            try:
                async with asyncio.timeout(GRACE):
                    await worker.wait()
            except TimeoutError:
                log.info("the sync worker does not end by itself: what it was at is begun again at the next start")
            finally:
                if worker.returncode is None:
                    worker.kill()
            await worker.wait()
        self._lost(worker.returncode or 0)
        raise RuntimeError(f"the sync worker ended ({worker.returncode})")

"""The sync worker, a process of its own: `python -m core.worker`.

It makes passes at the rhythm of the operator's deliveries (see `core.deliveries`), or at once when a line comes on
standard input, and says on standard output, as one JSON object a line, how each pass ended, how many of those lines
had come when it began (`asked`) and in how many seconds the next one is to begin (`next`); while one lasts, an empty
object now and then. It stops when standard input ends, so that it never outlives the service; with
`--once`, after one pass. A damaged store ends it with the status `soundness.DAMAGED`. pandas is imported here only:
chat answers stay quick while a month of CDRs loads.
"""

import asyncio
import json
import signal
import sqlite3
import sys
import time
from dataclasses import asdict

from core import logs
from core.background import step_back
from core.deliveries import Rhythm
from core.layouts import LayoutError
from core.settings import Settings, SettingsError
from core.soundness import DAMAGED, is_damage, suspect
from core.sync import Pass, Syncer

#: Seconds between two words about a pass that lasts.
WORD = 10.0


class _Voice:
    """What is said on standard output."""

    def __init__(self) -> None:
        self._spoke = time.monotonic()

    def report(self, report: Pass, asked: int = 0, until_next: int = 0) -> None:
        self._say({**asdict(report), "asked": asked, "next": until_next})

    def at_work(self) -> None:
        if time.monotonic() - self._spoke >= WORD:
            self._say({})

    def _say(self, words: dict[str, object]) -> None:
        self._spoke = time.monotonic()
        print(json.dumps(words, ensure_ascii=False), flush=True)


class _Orders:
    """What comes on standard input: an order a line. `given`: how many came."""

    def __init__(self) -> None:
        self.given = 0
        self.came = asyncio.Event()

    async def listen(self) -> None:
        """Until the end."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            self.given += 1
            self.came.set()


async def _once(settings: Settings) -> None:
    try:
        report = await Syncer(settings).run()
    except LayoutError as error:
        report = Pass(0, 0, 0, str(error))
    _Voice().report(report)


async def _work(settings: Settings) -> None:
    syncer = Syncer(settings)
    rhythm = Rhythm(settings.ftp_interval, settings.ftp_interval_outside)
    growing = failed = 0
    voice, orders = _Voice(), _Orders()
    ended = asyncio.create_task(orders.listen())
    while True:
        orders.came.clear()
        asked = orders.given
        making = asyncio.create_task(
            syncer.run(lambda _: voice.at_work(), lambda done, total: voice.at_work(), voice.at_work)
        )
        await asyncio.wait({making, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            making.cancel()
            return
        try:
            report = await making
        except LayoutError as error:
            report = Pass(0, 0, 0, str(error))
        failed = failed + 1 if report.error or report.failed else 0
        # What arrives meanwhile shows that somebody sends: the next growing file is worth a quick look again.
        growing = (1 if report.fetched else growing + 1) if report.waiting else 0
        until_next = rhythm.until_next(int(time.time()), growing=growing, failed=failed)
        voice.report(report, asked, until_next)
        ordered = asyncio.create_task(orders.came.wait())
        await asyncio.wait({ordered, ended}, timeout=until_next, return_when=asyncio.FIRST_COMPLETED)
        ordered.cancel()
        if ended.done():
            return


def main() -> None:
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.exit(str(error))
    logs.set_up(settings, whole_stream=True, objects=settings.log_format == "json", process="worker")
    if "--once" not in sys.argv[1:]:  # somebody waits for it
        step_back()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it too; its end is its parent's matter
    try:
        logs.run(_once(settings) if "--once" in sys.argv[1:] else _work(settings))
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        suspect(settings.data)
        sys.exit(DAMAGED)


if __name__ == "__main__":
    main()

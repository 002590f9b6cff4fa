"""The sync worker, a process of its own: `python -m core.worker`.

It makes passes at the rhythm of the operator's deliveries (see `core.deliveries`), or at once when a line comes on
standard input, and says on standard output, as one JSON object a line, how each pass ended and how many of those
lines had come when it began (`asked`). It stops when standard input ends, so that it never outlives the service; with
`--once`, after one pass. A damaged store ends it with the status `soundness.DAMAGED`. pandas is imported here only:
chat answers stay quick while a month of CDRs loads.
"""

import asyncio
import json
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


def _say(report: Pass, asked: int = 0) -> None:
    print(json.dumps({**asdict(report), "asked": asked}, ensure_ascii=False), flush=True)


async def _once(settings: Settings) -> None:
    try:
        report = await Syncer(settings).run()
    except LayoutError as error:
        report = Pass(0, 0, 0, str(error))
    _say(report)


async def _work(settings: Settings) -> None:
    syncer = Syncer(settings)
    rhythm = Rhythm(settings.ftp_interval, settings.ftp_interval_outside)
    growing = failed = asked = 0
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orders = asyncio.create_task(reader.readline())
    while True:
        asked_before = asked
        making = asyncio.create_task(syncer.run())
        await asyncio.wait({making, orders}, return_when=asyncio.FIRST_COMPLETED)
        if orders.done() and not orders.result():
            making.cancel()
            return
        try:
            report = await making
        except LayoutError as error:
            report = Pass(0, 0, 0, str(error))
        _say(report, asked_before)
        failed = failed + 1 if report.error or report.failed else 0
        # What arrives meanwhile shows that somebody sends: the next growing file is worth a quick look again.
        growing = (1 if report.fetched else growing + 1) if report.waiting else 0
        await asyncio.wait({orders}, timeout=rhythm.until_next(int(time.time()), growing=growing, failed=failed))
        if orders.done():
            if not orders.result():
                return
            asked += 1
            orders = asyncio.create_task(reader.readline())


def main() -> None:
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.exit(str(error))
    logs.set_up(settings, whole_stream=True, objects=settings.log_format == "json", process="worker")
    if "--once" not in sys.argv[1:]:  # somebody waits for it
        step_back()
    try:
        logs.run(_once(settings) if "--once" in sys.argv[1:] else _work(settings))
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        suspect(settings.data)
        sys.exit(DAMAGED)


if __name__ == "__main__":
    main()

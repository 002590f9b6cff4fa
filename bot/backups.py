"""The backup that the service makes once a day, in a process of its own that lets everything else go first."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime

from bot.house import House
from bot.troubles import Subject
from core import backup as backups
from core import soundness
from core.folders import PARIS

log = logging.getLogger(__name__)

#: Minutes of the day (Paris): the operator delivers nothing, and nobody asks.
QUIET_FROM, QUIET_TO = 3 * 60 + 30, 5 * 60

#: Seconds: an older backup is made good at any hour, once the service has run for so long.
LATEST, SETTLED = 26 * 3600, 600.0

#: Seconds between two looks, and after a failure.
LOOK, AFTER_FAILURE = 60.0, 3600.0


async def daily(house: House, found: Callable[[Subject, str], None]) -> None:
    """For ever.

    :param found: told how it went: a French reason, or "".
    """
    settings = house.settings
    began = time.monotonic()
    while settings.backups_kept:
        newest = await asyncio.to_thread(backups.newest, settings)
        wait = LOOK
        if is_due(newest.at if newest else 0, house.context.now(), time.monotonic() - began):
            reason = await _make(house)
            found("backup", reason)
            wait = AFTER_FAILURE if reason else LOOK
        elif newest:
            found("backup", "")  # also one that somebody made by hand
        await asyncio.sleep(wait)
    await asyncio.Event().wait()


def is_due(newest: int, now: int, ran: float) -> bool:
    """:param newest, now: UTC seconds, of the newest backup (0: there is none) and now; ran: seconds of the service."""
    if newest > now + backups.AHEAD:  # of a clock that ran ahead
        newest = 0
    here = datetime.fromtimestamp(now, PARIS)
    minute = here.hour * 60 + here.minute
    if QUIET_FROM <= minute < QUIET_TO:
        quiet = here.replace(hour=QUIET_FROM // 60, minute=QUIET_FROM % 60, second=0, microsecond=0)
        return newest < quiet.timestamp()
    return now - newest > LATEST and ran >= SETTLED


async def _make(house: House) -> str:
    """Why there is none (French), "" where there is."""
    settings = house.settings
    making = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "core.backup",
        str(house.data),
        str(settings.backups),
        settings.vault.name,
        str(settings.backups_kept),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await making.communicate()
    finally:
        if making.returncode is None:
            making.kill()  # what it began is cleared away by the next one
            await making.wait()
    if making.returncode:
        return "le programme qui la fait s'est arrêté ; voir le journal du service"
    report = json.loads(said)
    if report["damaged"]:
        soundness.suspect(house.data)
        return f"{report['error']} ; redémarrer le service, qui la remet en état"
    if report["error"]:
        return str(report["error"])
    log.info("backup: %s, %s bytes", report["path"], report["size"])
    return ""

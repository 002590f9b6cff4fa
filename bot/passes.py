"""Passes over the FTP: made on their own, and told in the same words whoever made them."""

import asyncio
import json
import logging
import sys
from typing import Any

from handlers.desk import SyncReport

log = logging.getLogger(__name__)


async def sync_once() -> SyncReport:
    """One pass, in a process of its own; it waits while another one is made."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "core.worker",
        "--once",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaints = await process.communicate()
    if process.returncode:
        log.error("the sync worker ended (%s): %s", process.returncode, complaints.decode(errors="replace")[-500:])
        return SyncReport(True, error="le programme qui lit les fichiers s'est arrêté ; voir son message")
    return report_of(json.loads(said))


def report_of(said: dict[str, Any]) -> SyncReport:
    """What the sync worker says of a pass."""
    failed = tuple(reason for _, reason in said["failed"])
    return SyncReport(True, said["fetched"], said["read"], said["waiting"], said["error"], failed)

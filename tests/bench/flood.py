"""`/status` of a known person while a thousand strangers write by chat and a thousand mails of strangers come.

The whole service, a process of its own, polls a local Bot API server and reads a mailbox over IMAP; one mail in fifty
weighs 12 MB. The same person asks before (idle) and during the flood. `python -m tests.bench.flood [--strangers N]`.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from sqlite_utils import Database

from bot.desk import FILE_NAME
from bot.sandbox.botapi import BotApi
from core.settings import PREFIX
from tests.bench import flooded_mailbox
from tests.bench.chat import SERVICE_TOKEN, Asked, enrol, process, settings_of
from tests.bench.store import load_lines
from tests.bench.table import Result, report

STRANGERS = 1000
ASKED = 60

#: Seconds in which the service has taken all of the flood, or the benchmark fails.
PATIENCE = 600.0


async def measure(work: Path, strangers: int) -> list[Result]:
    data, server = work / "data", work / "mail"
    data.mkdir()
    server.mkdir()
    load_lines(data)
    async with (
        BotApi(SERVICE_TOKEN) as api,
        process({}, work / "mail.log", "tests.bench.flooded_mailbox", str(server), str(strangers)),
    ):
        while not (server / "ports.json").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        environment = {**settings_of(data, api.url), **_mail(server)}
        enrol(data, environment)
        async with process(environment, work / "service.log", "bot", "serve") as service:
            asked = Asked(api)
            assert "0639000001" in (await asked.answers("/status 0639000001")).replace(" ", "")
            await asyncio.sleep(8)  # the workshop's start is nobody's answer
            idle = [await asked.time(f"/status 0639{number:06}") for number in range(ASKED)]
            before = _resident(service.pid, "VmRSS")
            Path(f"/proc/{service.pid}/clear_refs").write_text("5")  # the peak begins anew
            (server / "go").touch()
            for number in range(strangers):
                api.phone(7_000_000 + number, "Inconnu").send("/status 0639000001")
            flooded = [await asked.time("/status 0639000001", patience=PATIENCE)]
            first, started = flooded[0], time.monotonic()
            while not _is_over(data, server, strangers):
                assert time.monotonic() - started < PATIENCE, "the flood was not taken"
                flooded.append(await asked.time(f"/status 0639{len(flooded):06}", patience=PATIENCE))
            peak = _resident(service.pid, "VmHWM")
            told = sum("privé" in call.call.parameters.get("text", "") for call in api.calls)
    flooded.sort()
    worst = flooded[max(0, int(len(flooded) * 0.95) - 1)]
    title = f"/status while {strangers:,} strangers and {strangers:,} mails come"
    return [
        Result(f"{title}: median", median(flooded) * 1e3, median(idle) * 1e3, 5.0, f"ms, of {len(flooded)}; idle"),
        Result(f"{title}: 19 of 20", worst * 1e3, median(idle) * 1e3, 20.0, "ms; idle median"),
        Result(f"{title}: the one behind them all", first * 1e3, median(idle) * 1e3, 150.0, "ms; idle median"),
        Result(f"{title}: memory of the service", peak, before, 1.25, "MB resident, peak; before"),
        Result(f"{title}: told that it is private", told, strangers, 0.1, "messages; strangers"),
    ]


def _mail(server: Path) -> dict[str, str]:
    ports = json.loads((server / "ports.json").read_text())
    values = {
        "BOT_EMAIL": flooded_mailbox.BOT,
        "IMAP_PORT": str(ports["imap"]),
        "IMAP_LOGIN": flooded_mailbox.BOT,
        "IMAP_PASSWORD": flooded_mailbox.PASSWORD,
        "IMAP_TLS": "starttls",
        "TLS_CA": str(server / "sandbox-ca.pem"),
    }
    return {f"{PREFIX}{name}": value for name, value in values.items()}


def _resident(pid: int, name: str) -> float:
    """Megabytes, as the kernel counts them."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


def _is_over(data: Path, server: Path, strangers: int) -> bool:
    if not (server / "gone").exists():
        return False
    with closing(Database(data / FILE_NAME)) as desk:
        done = desk.execute("SELECT count(*) FROM inbox WHERE door = 'mail' AND state != 'new'").fetchone()[0]
        new = desk.execute("SELECT count(*) FROM inbox WHERE state = 'new'").fetchone()[0]
    return bool(done >= strangers and not new)


def results(strangers: int = STRANGERS) -> list[Result]:
    work = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        return asyncio.run(measure(work, strangers))
    except Exception:
        for log in work.glob("*.log"):
            print(log.name, log.read_text("utf-8", "replace")[-3000:], file=sys.stderr)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strangers", type=int, default=STRANGERS)
    sys.exit(report(results(parser.parse_args().strangers)))

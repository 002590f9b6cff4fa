"""How soon an answer comes: `/status`, `/rio` and `/conso`, against a handler that only echoes.

The whole service, a process of its own, polls a local Bot API server; each question is asked in turn with an echo of
the same service, and with one of a bare bot of python-telegram-bot that writes nothing down. The time is from the
message in the server to the reply's text there. `python -m tests.bench.chat [--rows N]`.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import date
from itertools import count, cycle
from pathlib import Path
from statistics import median

from bot.desk import open_desk
from bot.desk.people import TECHNICAL, People
from bot.sandbox.botapi import BotApi, Phone
from core import rio, store
from core.settings import PREFIX, Settings
from tests.bench.store import TOP, deliver, load_lines, take_pending
from tests.bench.table import Result, report
from tests.bench.traffic import CLIENTS, LINES, cdr_file, client_name

#: So that none of them is asked more often than Telegram lets a bot write to it (once a second).
CHATS = 60
PAUSE = 0.05

ASKED = 150
COMMANDS = ("/status", "/rio", "/conso")
NO_BAR = 1000.0
SERVICE_TOKEN, BARE_TOKEN = "123456789:bench-token-of-no-bot", "987654321:bench-token-of-no-bot"

#: The client that is asked for most: 500 lines.
MONTH = "octobre 2026"


def settings_of(data: Path, url: str) -> dict[str, str]:
    values = {
        "OPERATOR_NAME": "Télécom Exemple",
        "ACCOUNTING_EMAIL": "compta@telecom.example",
        "TECHNICAL_EMAIL": "technique@telecom.example",
        "TECHNICAL_CONTACT": "Camille Martin",
        "BOT_EMAIL": "robot@telecom.example",
        "DATA": str(data),
        "TELEGRAM_TOKEN": SERVICE_TOKEN,
        "TELEGRAM_API": url,
        # Nothing answers there: passes only read what lies in the mirror.
        "FTP_HOST": "127.0.0.1",
        "FTP_PORT": "9",
        "FTP_LOGIN": "bench",
        "FTP_PASSWORD": "bench",
        "FTP_TLS": "none",
        "FTP_INTERVAL": "3600",
        "LATE_STATUS": "0",
        "LATE_RATED": "0",
        "LATE_BILLED": "0",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "9",
        "IMAP_HOST": "127.0.0.1",
        "IMAP_PORT": "9",
        "IMAP_LOGIN": "bench",
        "IMAP_PASSWORD": "bench",
    }
    return {f"{PREFIX}{name}": value for name, value in values.items()}


@asynccontextmanager
async def process(environment: dict[str, str], log: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("ab") as output:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            cwd=TOP,
            env={**{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}, **environment},
            stdout=output,
            stderr=output,
        )
        try:
            yield started
        finally:
            started.terminate()
            await started.wait()


class Asked:
    """Asks in turn, each time from another chat, and keeps how long the reply took."""

    def __init__(self, api: BotApi) -> None:
        self._phones = cycle([api.phone(4_200_000 + number, "Camille", started=True) for number in range(CHATS)])

    async def time(self, text: str, *, picture: bool = False, patience: float = 60) -> float:
        """Seconds until the reply's text.

        :param picture: wait until its picture came too, before anything else is asked.
        :param patience: seconds that the text may take.
        """
        phone = next(self._phones)
        before = time.perf_counter()
        sent = phone.send(text)
        await phone.wait(lambda message: message.message_id > sent.message_id and bool(message.text), timeout=patience)
        took = time.perf_counter() - before
        if picture:
            await phone.wait(lambda message: message.message_id > sent.message_id and bool(message.photo), timeout=60)
        await asyncio.sleep(PAUSE)
        return took

    def say(self, text: str) -> None:
        next(self._phones).send(text)

    async def answers(self, text: str) -> str:
        phone: Phone = next(self._phones)
        return (await phone.ask(text, timeout=60)).text


def questions() -> Iterator[dict[str, str]]:
    for number in count():
        msisdn = f"0639{number * 7919 % LINES:06d}"
        nine = "01EB0R1SO"
        yield {
            "/status": f"/status {msisdn}",
            "/rio": f"/rio {nine}{rio.key(nine, msisdn)} {msisdn}",
            "/conso": f"/conso {client_name(number % CLIENTS)} {MONTH}",
        }


async def measure(work: Path, rows: int) -> list[Result]:
    data = work / "data"
    deliver(data, "RatedCDRs/RatedCDRs_202610.csv", lambda to: cdr_file(to, rows, date(2026, 10, 1), 31, seed=1))
    take_pending(data)
    load_lines(data)
    async with BotApi(SERVICE_TOKEN) as api, BotApi(BARE_TOKEN, "bare_bot") as bare_api:
        environment = settings_of(data, api.url)
        enrol(data, environment)
        async with (
            process(environment, work / "service.log", "tests.bench.echoing_service"),
            process({"BARE_TOKEN": BARE_TOKEN}, work / "bare.log", "tests.bench.bare_bot", bare_api.url),
        ):
            service, bare = Asked(api), Asked(bare_api)
            for first in ("/status 0639000001", f"/conso {client_name(1)} {MONTH}"):
                assert "0639" in (await service.answers(first)).replace(" ", "")
            await bare.answers("bonjour")
            await asyncio.sleep(8)  # the workshop's start is nobody's answer
            idle = await _rounds(service, bare, ASKED)
            busy = await _while_loading(data, rows, service, bare)
    results = []
    for taken, bar, state in ((idle, 1.5, ""), (busy, 2.0, ", while months of CDRs load")):
        for command in COMMANDS:
            for other, most in (("/echo", bar), ("bare", NO_BAR)):
                whose = "an echo of the same service" if other == "/echo" else "a bare echo bot (no bar)"
                results.append(
                    Result(
                        f"{command}{state}: update to reply with {rows:,} CDRs, against {whose}",
                        median(taken[command]) * 1e3,
                        median(taken[other]) * 1e3,
                        most,
                        f"ms; median of {len(taken[command])}, in turn",
                    )
                )
    return results


def enrol(data: Path, environment: dict[str, str]) -> None:
    """Bind all chats to the technical contact, as his codes would."""
    with closing(open_desk(data)) as desk:
        people = People(desk)
        people.follow(Settings.load(environment, Path("/nonexistent")))
        now = int(time.time())
        for number in range(CHATS):
            with desk.atomic():
                code = people.new_code(TECHNICAL, now)
            assert people.enrol(4_200_000 + number, code, now)


async def _rounds(
    service: Asked, bare: Asked, most: int, going_on: "asyncio.Task[None] | None" = None
) -> dict[str, list[float]]:
    """Ask `most` times, or as long as something goes on."""
    taken: dict[str, list[float]] = {name: [] for name in (*COMMANDS, "/echo", "bare")}
    for number, asked in enumerate(questions()):
        if number >= most or (going_on and going_on.done()):
            break
        for command, text in asked.items():
            # While something loads, a picture is not waited for: it has the same machine to share.
            taken[command].append(await service.time(text, picture=command == "/conso" and not going_on))
            taken["/echo"].append(await service.time(f"/echo {text}"))
            taken["bare"].append(await bare.time(text))
    return taken


async def _while_loading(data: Path, rows: int, service: Asked, bare: Asked) -> dict[str, list[float]]:
    """The same while the service's own worker reads months of CDRs."""
    months = range(1, 10)
    for month in months:
        cdr_file(data / f"{month}.csv", rows, date(2026, month, 1), 28, seed=month)
    # All at once: the worker makes passes of its own, and must not begin with the first of them.
    for month in months:
        path = f"RatedCDRs/RatedCDRs_2026{month:02}.csv"
        deliver(data, path, (data / f"{month}.csv").replace)
    service.say("/sync")
    await asyncio.sleep(1.5)  # the worker has begun

    async def read() -> None:
        with closing(store.open_to_read(data)) as db:
            while db.execute("SELECT count(*) FROM files WHERE state = 'fetched'").fetchone()[0]:  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    reading = asyncio.create_task(read())
    taken = await _rounds(service, bare, 10_000, reading)
    await reading  # how it ended is to be known
    return taken


def results(rows: int = 1_000_000) -> list[Result]:
    work = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        return asyncio.run(measure(work, rows))
    except Exception:
        for log in work.glob("*.log"):
            print(log.name, log.read_text("utf-8", "replace")[-3000:], file=sys.stderr)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="CDRs that stand for a million")
    sys.exit(report(results(parser.parse_args().rows)))


if __name__ == "__main__":
    main()

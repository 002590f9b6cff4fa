"""The sync worker is killed at many moments of its work; what it leaves in the end must not show it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.operator import Operator
from core import copies
from core.store import FILE_NAME
from tests.core.contents import VAULT, contents
from tests.handlers.filled import KEY
from tests.peers.dying_worker import make_pass
from tests.peers.ftp import FtpPeer

#: A worker lets all others go first: on a busy machine that takes its time.
PATIENCE = 150


@dataclass
class Worker:
    """`python -m core.worker` on a data folder of its own, started again as often as it is killed."""

    data: Path
    ftp: FtpPeer
    kills: list[int] = field(default_factory=list)  # the progress at which each one hit

    def run_to_the_end(self) -> None:
        process = self._start()
        assert process.stdout
        assert process.stdin
        while (report := process.stdout.readline()) == b"{}\n":
            pass  # a pass that lasts gives signs of life
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        process.stdout.close()
        assert b'"error": ""' in report

    def run_dying(self, point: int) -> None:
        """A pass during which the worker kills itself at a point."""
        make_pass(self._settings(), point, patience=PATIENCE)

    def run_counting(self) -> int:
        """A pass to its end, and how many points it has at which the worker could have died."""
        return make_pass(self._settings(), patience=PATIENCE)

    def run_until(self, progress: int, then_wait: float) -> None:
        """Kill the worker a little after its progress, see `progress`, has come so far."""
        passes = self._passes()
        process = self._start()
        deadline = time.monotonic() + PATIENCE
        while self.progress() < progress and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(then_wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == -signal.SIGKILL and self._passes() == passes:
            self.kills.append(self.progress())

    def progress(self) -> int:
        """Files fetched and files read, since ever."""
        return int(self._ask("SELECT 2 * total(version) - count(*) FILTER (WHERE state = 'fetched') FROM files") or 0)

    def _passes(self) -> int:
        return int(self._ask("SELECT count(*) FROM passes") or 0)

    def _ask(self, sql: str) -> Any:
        if not (self.data / FILE_NAME).exists():
            return None
        with closing(sqlite3.connect(self.data / FILE_NAME, timeout=10)) as db:
            try:
                return db.execute(sql).fetchone()[0]
            except sqlite3.OperationalError:  # no table yet
                return None

    def _start(self) -> subprocess.Popen[bytes]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("ORIGYNE_")}
        return subprocess.Popen(
            [sys.executable, "-m", "core.worker"],
            cwd=Path(__file__).parents[2],
            env={**others, **self._settings()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _settings(self) -> dict[str, str]:
        access = self.ftp.access()
        settings = {
            "OPERATOR_NAME": "Télécom Exemple",
            "ACCOUNTING_EMAIL": "compta@exemple.fr",
            "TECHNICAL_EMAIL": "technique@exemple.fr",
            "TECHNICAL_CONTACT": "Camille Martin",
            "BOT_EMAIL": "robot@exemple.fr",
            "TELEGRAM_TOKEN": "123456789:un-jeton-de-test",
            "DATA": str(self.data),
            "SECRET_KEY": KEY,
            "FTP_HOST": access.host,
            "FTP_PORT": str(access.port),
            "FTP_LOGIN": access.login,
            "FTP_PASSWORD": access.password,
            "FTP_TLS": "none",
            "FTP_SETTLE": "0.05",
            "FTP_INTERVAL": "3600",
            "SMTP_HOST": "localhost",
            "IMAP_HOST": "localhost",
            "IMAP_LOGIN": "robot",
            "IMAP_PASSWORD": "x",
        }
        return {f"ORIGYNE_{name}": value for name, value in settings.items()}


def kept(data: Path) -> dict[str, bytes]:
    return {path: copies.content(data, path, VAULT) for path in copies.paths(data)}


def kill_at_many_moments(worker: Worker, total: int, kills: int) -> None:
    """Kills spread over the work, each a few milliseconds further from the last thing that was written."""
    start = worker.progress()
    for number in range(1, kills + 1):
        worker.run_until(start + number * (total - start) // (kills + 1), then_wait=0.0017 * (number % 7))


def redeliver(operator: Operator, root: Path) -> None:
    """Files that come twice, grow under their name or shrink, and lines that change."""
    rated = sorted((root / "RatedCDRs").iterdir())
    for path, next_one in zip(rated[-8:-1], rated[-7:], strict=False):
        lines = path.read_bytes().splitlines(keepends=True)
        following = next_one.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[: len(lines) // 2], *following[1:]]))
    shutil.copy(rated[0], rated[0].with_name("copie.csv"))
    operator.change_line("0639980001", status="Suspendue")
    operator.deliver_status(datetime(2026, 11, 4, 10))


@pytest.mark.timeout(600)
def test_a_worker_killed_at_many_moments_loses_nothing_and_counts_nothing_twice(
    embedded_ftp: FtpPeer, tmp_path: Path
) -> None:
    operator = Operator(embedded_ftp.root, today=date(2026, 11, 4), lines=40, clients=4, months=2)
    operator.fill()
    undisturbed, killed = Worker(tmp_path / "undisturbed", embedded_ftp), Worker(tmp_path / "killed", embedded_ftp)

    undisturbed.run_to_the_end()
    kill_at_many_moments(killed, undisturbed.progress(), kills=14)
    killed.run_to_the_end()
    assert contents(killed.data) == contents(undisturbed.data)

    redeliver(operator, embedded_ftp.root)
    kill_at_many_moments(killed, undisturbed.progress() + 18, kills=6)
    killed.run_to_the_end()
    undisturbed.run_to_the_end()

    assert contents(killed.data) == contents(undisturbed.data)
    assert kept(killed.data) == kept(undisturbed.data)
    rows = contents(killed.data)
    assert len(rows["cdrs"]) > 500
    assert rows["events"]
    assert len(killed.kills) >= 16, f"only {len(killed.kills)} of 20 kills hit during the work"
    assert len(set(killed.kills)) >= 12, "the kills hit the same few moments"


#: Points at which the worker dies, in a first pass and in one that replaces files.
POINTS = 18


@pytest.mark.timeout(600)
def test_a_worker_killed_at_each_of_many_points_leaves_nothing_wrong(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    operator = Operator(embedded_ftp.root, today=date(2026, 11, 4), lines=24, clients=3, months=1)
    operator.fill()
    first = Worker(tmp_path / "first", embedded_ftp)
    steps = first.run_counting()
    expected = contents(first.data)
    assert len(expected["cdrs"]) > 50
    for point in spread(steps):
        killed = Worker(tmp_path / f"killed-{point}", embedded_ftp)
        killed.run_dying(point)
        killed.run_counting()
        assert contents(killed.data) == expected, f"killed at point {point} of {steps}"

    redeliver(operator, embedded_ftp.root)
    starts = [shutil.copytree(first.data, tmp_path / f"again-{number}") for number in range(POINTS)]
    steps = first.run_counting()
    expected = contents(first.data)
    for point, data in zip(spread(steps), starts, strict=True):
        killed = Worker(data, embedded_ftp)
        killed.run_dying(point)
        killed.run_counting()
        assert contents(killed.data) == expected, f"killed at point {point} of {steps} of the second pass"
        assert kept(killed.data) == kept(first.data)


def spread(steps: int) -> list[int]:
    assert steps > 5 * POINTS
    return [1 + number * (steps - 1) // POINTS for number in range(POINTS)]

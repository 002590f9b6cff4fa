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
from core.intake import MIRROR
from core.store import FILE_NAME
from tests.peers.ftp import FtpPeer

PATIENCE = 60


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
        report = process.stdout.readline()
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        process.stdout.close()
        assert b'"error": ""' in report

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
        access = self.ftp.access()
        settings = {
            "OPERATOR_NAME": "Télécom Exemple",
            "ACCOUNTING_EMAIL": "compta@exemple.fr",
            "TECHNICAL_EMAIL": "technique@exemple.fr",
            "TECHNICAL_CONTACT": "Camille Martin",
            "BOT_EMAIL": "robot@exemple.fr",
            "TELEGRAM_TOKEN": "123456789:un-jeton-de-test",
            "DATA": str(self.data),
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
        others = {name: value for name, value in os.environ.items() if not name.startswith("ORIGYNE_")}
        return subprocess.Popen(
            [sys.executable, "-m", "core.worker"],
            cwd=Path(__file__).parents[2],
            env={**others, **{f"ORIGYNE_{name}": value for name, value in settings.items()}},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def content(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table without this machine's own times; the library's table of migrations has nothing else."""
    with closing(sqlite3.connect(data / FILE_NAME)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in set(tables) - {"passes", "_sqlite_migrations"}:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(column for column in columns if not column.endswith("_clock"))
            found[table] = db.execute(f"SELECT {kept} FROM {table} ORDER BY {kept}").fetchall()
        return found


def copies(data: Path) -> dict[str, bytes]:
    folder = data / MIRROR
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kill_at_many_moments(worker: Worker, total: int, kills: int) -> None:
    """Kills spread over the work, each a few milliseconds further from the last thing that was written."""
    start = worker.progress()
    for number in range(1, kills + 1):
        worker.run_until(start + number * (total - start) // (kills + 1), then_wait=0.0017 * (number % 7))


@pytest.mark.timeout(150)
def test_a_worker_killed_at_many_moments_loses_nothing_and_counts_nothing_twice(
    embedded_ftp: FtpPeer, tmp_path: Path
) -> None:
    operator = Operator(embedded_ftp.root, today=date(2026, 11, 4), lines=40, clients=4, months=2)
    operator.fill()
    undisturbed, killed = Worker(tmp_path / "undisturbed", embedded_ftp), Worker(tmp_path / "killed", embedded_ftp)

    undisturbed.run_to_the_end()
    kill_at_many_moments(killed, undisturbed.progress(), kills=14)
    killed.run_to_the_end()
    assert content(killed.data) == content(undisturbed.data)

    # Again with files that come twice, grow under their name or shrink, and lines that change.
    rated = sorted((embedded_ftp.root / "RatedCDRs").iterdir())
    for number, path in enumerate(rated[-8:-1]):
        lines = path.read_bytes().splitlines(keepends=True)
        following = rated[number - 7].read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[: len(lines) // 2], *following[1:]]))
    shutil.copy(rated[0], rated[0].with_name("copie.csv"))
    operator.change_line("0639980001", status="Suspendue")
    operator.deliver_status(datetime(2026, 11, 4, 10))
    kill_at_many_moments(killed, undisturbed.progress() + 18, kills=6)
    killed.run_to_the_end()
    undisturbed.run_to_the_end()

    assert content(killed.data) == content(undisturbed.data)
    assert copies(killed.data) == copies(undisturbed.data)
    rows = content(killed.data)
    assert len(rows["cdrs"]) > 500
    assert rows["events"]
    assert len(killed.kills) >= 16, f"only {len(killed.kills)} of 20 kills hit during the work"
    assert len(set(killed.kills)) >= 12, "the kills hit the same few moments"

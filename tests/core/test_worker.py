"""The sync worker as the service runs it: a process that obeys its standard input."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from core import background
from tests.core.test_settings import GOOD
from tests.peers.ftp import FtpPeer

#: It lets all others go first: on a busy machine that takes its time.
PATIENCE = 150


def ftp_settings(ftp: FtpPeer, data: Path) -> dict[str, str]:
    """For a worker whose next pass of its own is a day away."""
    settings = {
        "DATA": str(data),
        "FTP_HOST": ftp.host,
        "FTP_PORT": str(ftp.port),
        "FTP_LOGIN": ftp.login,
        "FTP_PASSWORD": ftp.password,
        "FTP_TLS": "none",
        "FTP_SETTLE": "0.05",
        "FTP_INTERVAL": "86400",
        "FTP_INTERVAL_OUTSIDE": "86400",
    }
    return {f"ORIGYNE_{name}": value for name, value in settings.items()}


@pytest.fixture
def worker(embedded_ftp: FtpPeer, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """One whose next pass of its own is a day away."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("ORIGYNE_")}
    with subprocess.Popen(
        [sys.executable, "-m", "core.worker"],
        cwd=Path(__file__).parents[2],
        env={**others, **GOOD, **ftp_settings(embedded_ftp, tmp_path / "data")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


def _report(worker: subprocess.Popen[str]) -> dict[str, Any]:
    assert worker.stdout
    while not (report := json.loads(worker.stdout.readline())):
        pass  # a pass that lasts gives signs of life
    assert isinstance(report, dict)
    return report


def test_an_order_makes_a_pass_at_once(worker: subprocess.Popen[str], embedded_ftp: FtpPeer) -> None:
    assert worker.stdin
    assert _report(worker)["fetched"] == 0
    (embedded_ftp.root / "Documents").mkdir()
    (embedded_ftp.root / "Documents" / "contrat.pdf").write_bytes(b"%PDF")
    worker.stdin.write("\n")
    worker.stdin.flush()
    assert _report(worker)["fetched"] == 1


def test_a_file_under_its_unfinished_name_is_reported_as_waiting(
    worker: subprocess.Popen[str], embedded_ftp: FtpPeer
) -> None:
    assert worker.stdin
    _report(worker)
    (embedded_ftp.root / "RatedCDRs").mkdir()
    (embedded_ftp.root / "RatedCDRs" / "r.csv.part").write_bytes(b"MSISDN")
    worker.stdin.write("\n")
    worker.stdin.flush()
    report = _report(worker)
    assert (report["fetched"], report["waiting"]) == (0, 1)


def test_what_the_worker_says_of_a_pass_tells_when_the_next_one_is_due(worker: subprocess.Popen[str]) -> None:
    assert 0 < _report(worker)["next"] <= 86400


def test_the_worker_ends_with_its_standard_input_also_while_another_process_makes_a_pass(
    embedded_ftp: FtpPeer, worker: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert worker.stdin
    _report(worker)
    with FileLock(tmp_path / "data" / "sync.lock"):
        worker.stdin.write("\n")
        worker.stdin.flush()
        worker.send_signal(signal.SIGINT)  # Ctrl-C, which is its parent's matter
        worker.stdin.close()
        assert worker.wait(PATIENCE) == 0


def test_the_worker_lets_others_go_first_and_is_not_left_out(worker: subprocess.Popen[str]) -> None:
    _report(worker)
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) == os.getpriority(os.PRIO_PROCESS, 0) + background.STEPS
    assert os.sched_getscheduler(worker.pid) == os.sched_getscheduler(0)


def test_the_worker_ends_with_its_standard_input(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin
    _report(worker)
    worker.stdin.close()
    assert worker.wait(PATIENCE) == 0

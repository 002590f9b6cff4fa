"""The FTP, against lftp, rclone and curl: `python -m tests.bench.ftp`. It needs root and these Debian packages."""

import argparse
import asyncio
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median

from core import store
from core.mirror import mirror
from core.settings import FtpAccess
from tests.bench.table import Result, report
from tests.peers.ftp import FtpPeer, vsftpd_running
from tests.peers.latency import at_distance

ROUND_TRIP = 0.020
RUNS = 3
CONNECTIONS = 4


def timed(call: Callable[[], object]) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def pass_over(access: FtpAccess, data: Path) -> float:
    """Seconds of a pass of the mirror, in a process of its own as the worker is; its start is not counted."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_pass, (access, data))


def _pass(access: FtpAccess, data: Path) -> float:
    data.mkdir(exist_ok=True)
    with closing(store.open_to_write(data)) as db:
        before = time.perf_counter()
        asyncio.run(mirror(access, db, data))
        return time.perf_counter() - before


def nothing_changed(work: Path, files: int, folders: int) -> Result:
    with vsftpd_running() as ftp, at_distance(ftp.port, ROUND_TRIP) as port:
        for number in range(files):
            path = ftp.root / f"Documents/{number % folders:02}/{number}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % number)
        near = replace(ftp.access(settle_seconds=0))
        pass_over(near, work / "data")
        there = replace(near, host="127.0.0.1", port=port)
        ours = [pass_over(there, work / "data") for _ in range(RUNS)]
        _lftp(ftp, ftp.port, work / "lftp")
        theirs = timed(lambda: _lftp(ftp, port, work / "lftp"))
    return Result(
        f"nothing changed, {files:,} files in {folders} folders, against lftp mirror",
        median(ours),
        theirs,
        0.05,
        f"s; {ROUND_TRIP * 1000:.0f} ms round trip, vsftpd; median of {RUNS}, one run of theirs",
    )


def _lftp(ftp: FtpPeer, port: int, target: Path) -> None:
    commands = f"set ssl:verify-certificate no; set ftp:ssl-allow no; mirror / {target}; quit"
    address = f"ftp://{ftp.login}:{ftp.password}@127.0.0.1:{port}"
    subprocess.run(["lftp", "-c", f"open {address}; {commands}"], check=True, stdout=subprocess.DEVNULL)


def first_sync(work: Path, files: int, size: int) -> Result:
    with vsftpd_running() as ftp, at_distance(ftp.port, ROUND_TRIP) as port:
        for number in range(files):
            path = ftp.root / f"RatedCDRs/RatedCDRs_202611{number % 28 + 1:02}_{number:06}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))
        access = replace(ftp.access(settle_seconds=0), host="127.0.0.1", port=port, connections=CONNECTIONS)
        ours, theirs = [], []
        for run in range(RUNS):
            ours.append(pass_over(access, work / f"first{run}"))
            theirs.append(timed(lambda: _rclone(ftp, port, work / f"rclone{run}")))  # noqa: B023
    return Result(
        f"first sync of {files:,} files of {size / 1000:.0f} kB, against rclone with as many connections",
        median(ours),
        median(theirs),
        1.1,
        f"s; {ROUND_TRIP * 1000:.0f} ms round trip, vsftpd, {CONNECTIONS} connections; median of {RUNS}, interleaved",
    )


def _rclone(ftp: FtpPeer, port: int, target: Path) -> None:
    obscured = subprocess.run(["rclone", "obscure", ftp.password], check=True, capture_output=True, text=True).stdout
    options = [f"--ftp-port={port}", f"--ftp-user={ftp.login}", f"--ftp-pass={obscured.strip()}"]
    options += [f"--transfers={CONNECTIONS}", f"--checkers={CONNECTIONS}", "--ftp-host=127.0.0.1", "--config=/dev/null"]
    subprocess.run(["rclone", "copy", ":ftp:/", str(target), *options], check=True, capture_output=True)


def one_file(work: Path, size: int) -> Result:
    with vsftpd_running() as ftp:
        (ftp.root / "Documents").mkdir()
        with (ftp.root / "Documents/grand.bin").open("wb") as file:
            for _ in range(size // 1_000_000):
                file.write(os.urandom(1_000_000))
        access = ftp.access(settle_seconds=0)
        address = f"ftp://127.0.0.1:{ftp.port}/Documents/grand.bin"
        ours, theirs = [], []
        for run in range(RUNS + 2):
            ours.append(pass_over(access, work / f"one{run}"))
            command = ["curl", "-s", "-u", f"{ftp.login}:{ftp.password}", address, "-o", str(work / "curl.bin")]
            theirs.append(timed(lambda: subprocess.run(command, check=True)))  # noqa: B023
            shutil.rmtree(work / f"one{run}")
            (work / "curl.bin").unlink()
    return Result(
        f"one file of {size // 1_000_000} MB, against curl",
        median(ours),
        median(theirs),
        2.0,
        f"s; vsftpd, no distance; a whole pass (listing, SHA-256, fsync, ledger); median of {RUNS + 2}, interleaved",
    )


def results(files: int = 10_000, folders: int = 60, first: int = 4000, megabytes: int = 200) -> list[Result]:
    missing = [name for name in ("lftp", "rclone", "curl") if not shutil.which(name)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)} (Debian packages of the same names)")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        work = Path(folder)
        found = [one_file(work, megabytes * 1_000_000), first_sync(work, first, 20_000)]
        return [*found, nothing_changed(work, files, folders)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--folders", type=int, default=60)
    parser.add_argument("--first", type=int, default=4000)
    parser.add_argument("--megabytes", type=int, default=200)
    options = parser.parse_args()
    sys.exit(report(results(options.files, options.folders, options.first, options.megabytes)))


if __name__ == "__main__":
    main()

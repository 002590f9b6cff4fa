"""The store: a million CDRs in, one more file, and what answers cost. `python -m tests.bench.store [--rows N]`."""

import argparse
import asyncio
import csv
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from statistics import median

from core import clients, lines, store, usage
from core.background import step_back
from core.copies import MIRROR
from core.folders import folder_of, stamp_of
from core.intake import Intake
from tests.bench.table import Result, report
from tests.bench.traffic import CLIENTS, LINES, cdr_file, client_name

TOP = Path(__file__).parents[2]
RUNS = 5
MEBI = 1024 * 1024


def deliver(data: Path, path: str, write: Callable[[Path], None]) -> None:
    """A file as the mirror leaves it: a copy, and a row in the ledger."""
    target = data / MIRROR / path
    write(target)
    with closing(store.open_to_write(data)) as db, db.atomic():
        db.execute(
            "INSERT INTO files (path, folder, size, stamp, sha256, as_of, state, fetched_clock) "
            "VALUES (?, ?, ?, '', ?, ?, 'fetched', 0)",
            (path, folder_of(path), target.stat().st_size, path, stamp_of(path)),
        )


def take_pending(data: Path) -> None:
    """Read what was delivered, and bring it from the journal into the store's own file."""
    with closing(store.open_to_write(data)) as db:
        intake = Intake(db, data)
        for file_id in intake.pending():
            intake.read(file_id)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def child(*arguments: str) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a whole process of this module."""
    before = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.store", *arguments], cwd=TOP)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - before, used.ru_maxrss / 1024


def a_file_in(work: Path, rows: int) -> list[Result]:
    source = work / "cdrs.csv"
    cdr_file(source, rows, date(2026, 10, 1), 31, seed=1)
    ours: list[float] = []
    memory: list[float] = []
    shell: list[float] = []
    for run in range(RUNS):
        data = work / f"in{run}"
        deliver(data, "RatedCDRs/RatedCDRs_202610.csv", lambda target: _link(source, target))
        seconds, peak = child("take", str(data))
        ours.append(seconds)
        memory.append(peak)
        shell.append(_timed(lambda: _import(source, work / "raw.db")))
        size = (data / store.FILE_NAME).stat().st_size
        if run:
            shutil.rmtree(data)
    insert_all, _ = child("insert-all", str(source), str(work / "utils.db"))
    what = f"{rows:,} CDRs, file to committed"
    again = child("take", str(_again(work, source)))[0]
    print(f"(the same file under another name, all its rows known: {again / median(ours):.2f} x a first time)")
    whole = f"whole process, with checkpoint; median of {RUNS}, interleaved"
    return [
        Result(f"{what}, against sqlite3 .import", median(ours), median(shell), 1.4, f"s; {whole}"),
        Result(
            f"{what}, against sqlite-utils insert_all",
            median(ours),
            insert_all,
            0.30,
            "s; whole process, one run of theirs",
        ),
        Result("memory for it", max(memory), 500, 1.0, "MiB; greatest resident size, against the bar"),
        Result(
            "bytes a CDR in the store, totals included",
            size / rows,
            80,
            1.0,
            "bytes; file size after checkpoint, against the bar",
        ),
    ]


def _again(work: Path, source: Path) -> Path:
    data = work / "in0"
    deliver(data, "RatedCDRs/RatedCDRs_copie_202610.csv", lambda target: _link(source, target))
    return data


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _timed(call: Callable[[], object]) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def _import(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    commands = [".mode csv", ".separator ;", f".import {source} raw"]
    subprocess.run(["sqlite3", str(target), *commands], check=True)


def _insert_all(source: str, target: str) -> None:
    from sqlite_utils import Database

    Path(target).unlink(missing_ok=True)
    with Path(source).open(encoding="cp1252", newline="") as file:
        Database(target)["raw"].insert_all(csv.DictReader(file, delimiter=";"))


def growing_store(work: Path, millions: Sequence[int], rows: int) -> list[Result]:
    """Stores of several sizes, loaded by the intake a month of `rows` CDRs after the other."""
    small, large = work / "small", work / "large"
    results: list[Result] = []
    for number in range(millions[-1]):
        year, month = 2025 + number // 12, number % 12 + 1
        path = f"RatedCDRs/RatedCDRs_{year}{month:02}.csv"
        deliver(large, path, lambda target: cdr_file(target, rows, date(year, month, 1), 28, seed=number))  # noqa: B023
        take_pending(large)
        (large / MIRROR / path).unlink()
        if number + 1 == millions[0]:
            load_lines(large)
            shutil.copytree(large, small)
        if number + 1 == millions[1]:
            results += _answers(small, large, rows, millions)
    times: dict[Path, list[float]] = {small: [], large: []}
    for run in range(7):
        for data in (small, large):
            # A day after all others, as a new file's is.
            path = f"RatedCDRs/RatedCDRs_20270{run + 1}01_120000.csv"
            deliver(data, path, lambda target: cdr_file(target, 20_000, date(2027, run + 1, 1), 1, seed=1000 + run))  # noqa: B023
            with closing(store.open_to_write(data)) as db:
                intake = Intake(db, data)
                (file_id,) = intake.pending()
                before = time.perf_counter()
                intake.read(file_id)
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                times[data].append(time.perf_counter() - before)
    results.append(
        Result(
            f"one more file of 20,000 CDRs, {millions[-1] * rows:,} in the store, against {millions[0] * rows:,}",
            median(times[large]) * 1000,
            median(times[small]) * 1000,
            1.25,
            "ms; with checkpoint, warm process, median of 7, interleaved",
        )
    )
    return results


def load_lines(data: Path) -> None:
    rows = [
        f"Société Exemple {number // 500:03d};0639{number:06d};8933019900000{number:06d};Active;Pro 5 Go"
        for number in range(LINES)
    ]
    content = "\r\n".join(["Client;Ligne;NSCE;Statut;Forfait", *rows, ""]).encode("cp1252")

    def write(target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    deliver(data, "AccountStatus/AccountStatus_20261124_080000.csv", write)
    take_pending(data)


def _answers(small: Path, large: Path, rows: int, millions: Sequence[int]) -> list[Result]:
    chance = random.Random(1)
    numbers = [f"0639{chance.randrange(LINES):06d}" for _ in range(5000)]
    few, many = store.open_to_read(small), store.open_to_read(large)
    bare = sqlite3.connect(large / store.FILE_NAME)
    ours, theirs = [], []
    for number in numbers:
        ours.append(_timed(lambda: lines.find(many, number)))  # noqa: B023
        theirs.append(_timed(lambda: bare.execute("SELECT * FROM lines WHERE msisdn = ?", (number,)).fetchone()))  # noqa: B023
    at_few, at_many = [], []
    for _ in range(100):
        name = client_name(chance.randrange(CLIENTS))
        at_few.append(_timed(lambda: _month(few, name)))  # noqa: B023
        at_many.append(_timed(lambda: _month(many, name)))  # noqa: B023
    for db in (few, many, bare):
        db.close()
    size = f"{millions[1] * rows:,} CDRs"
    return [
        Result(
            f"/status data look-up at {size}, against a bare sqlite3 primary-key read",
            median(ours) * 1e6,
            median(theirs) * 1e6,
            4.0,
            "µs; median of 5,000, interleaved",
        ),
        Result(
            f"a month of a 500-line client at {size}, against at {millions[0] * rows:,}",
            median(at_many) * 1e3,
            median(at_few) * 1e3,
            1.25,
            "ms; totals and top lines, median of 100, interleaved",
        ),
    ]


def _month(db: "store.Database", name: str) -> None:
    (client,) = clients.find(db, name).clients
    assert usage.of_client(db, client, 202501, usage.RATED)
    assert usage.top_lines(db, client, 202501, usage.RATED)


def loop_delay(work: Path, rows: int) -> list[Result]:
    """How late an event loop wakes while the worker, a process that steps back, loads a file."""
    data = work / "loop"
    deliver(
        data, "RatedCDRs/RatedCDRs_202610.csv", lambda target: cdr_file(target, rows, date(2026, 10, 1), 31, seed=1)
    )
    idle = asyncio.run(_delays(None))
    busy = asyncio.run(_delays(data))
    return [
        Result(
            f"event-loop delay (p99) while {rows:,} CDRs load, against idle",
            _p99(busy) * 1e3,
            _p99(idle) * 1e3,
            3.0,
            f"ms; a sleep of 1 ms, {len(busy):,} and {len(idle):,} times",
        )
    ]


async def _delays(data: Path | None) -> list[float]:
    found: list[float] = []
    command = [sys.executable, "-m", "tests.bench.store", "take", str(data), "--back"]
    process = await asyncio.create_subprocess_exec(*command, cwd=TOP) if data else None
    until = time.perf_counter() + 5
    while process.returncode is None if process else time.perf_counter() < until:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        found.append(time.perf_counter() - before - 0.001)
    return found


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def results(rows: int = 1_000_000, millions: Sequence[int] = (1, 10, 20)) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        work = Path(folder)
        found = a_file_in(work, rows)
        found += loop_delay(work, rows)
        return found + growing_store(work, millions, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="CDRs that stand for a million")
    commands = parser.add_subparsers(dest="command")
    take = commands.add_parser("take")
    take.add_argument("data", type=Path)
    take.add_argument("--back", action="store_true")
    insert = commands.add_parser("insert-all")
    insert.add_argument("paths", nargs=2)
    options = parser.parse_args()
    if options.command == "take":
        if options.back:
            step_back()
        take_pending(options.data)
    elif options.command == "insert-all":
        _insert_all(*options.paths)
    else:
        sys.exit(report(results(options.rows)))


if __name__ == "__main__":
    main()

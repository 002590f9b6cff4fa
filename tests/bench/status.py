"""AccountStatus: the same lines an hour later, against a merge in pandas. `python -m tests.bench.status`."""

import argparse
import hashlib
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import pandas as pd
from sqlite_utils import Database

from core import ledger, store
from core.copies import MIRROR
from core.folders import folder_of, stamp_of
from core.history import History
from core.layouts import Layouts
from tests.bench.table import Result, report

LINES = 100_000
RUNS = 7
HEADER = "Date de l'état;Client;Numéro de ligne;NSCE;IMSI;Statut;Date activation;Forfait;RIO"


class Account:
    """A store, and the files that an operator delivers of its lines, as the synthetic operator writes them."""

    def __init__(self, data: Path, lines: int) -> None:
        self.data = data
        self.db: Database = store.open_to_write(data)
        self._random = random.Random(1)
        self._rows = [self._row(number) for number in range(lines)]
        self._clock = datetime(2026, 11, 2, 8)
        self._stamp = self._clock
        self.path = ""
        self.take(self.deliver())

    def _row(self, number: int) -> list[str]:
        word = self._random.choices(["Active", "Suspendue", "Réservée", "Résiliée"], [90, 5, 3, 2])[0]
        activated = f"{self._random.randrange(1, 29):02}/0{self._random.randrange(1, 10)}/2026"
        return [
            f"Société {number % 400}", f"06{number:08}", f"893301990{number:09}1", f"20801{number:010}", word,
            activated, f"Pro {number % 7} Go", f"01E{number:06}ABC",
        ]  # fmt: skip

    def change(self, share: float) -> None:
        for number in self._random.sample(range(len(self._rows)), int(len(self._rows) * share)):
            row = self._rows[number]
            row[4] = "Suspendue" if row[4] == "Active" else "Active"

    def deliver(self, *, new_stamp: bool = True) -> int:
        """The next file, under another name; with the time of the former in its rows when `new_stamp` is false."""
        self._clock += timedelta(hours=1)
        self._stamp = self._clock if new_stamp else self._stamp
        stamp = f"{self._stamp:%d/%m/%Y %H:%M:%S}"
        content = "\r\n".join([HEADER, *(";".join([stamp, *row]) for row in self._rows), ""]).encode("cp1252")
        self.path = f"AccountStatus/AccountStatus_{self._clock:%Y%m%d_%H%M%S}.csv"
        target = self.data / MIRROR / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        with self.db.atomic():
            self.db.execute(
                "INSERT INTO files (path, folder, size, stamp, sha256, as_of, state, fetched_clock) "
                "VALUES (?, ?, ?, '', ?, ?, 'fetched', 0)",
                (
                    self.path,
                    folder_of(self.path),
                    len(content),
                    hashlib.sha256(content).hexdigest(),
                    stamp_of(self.path),
                ),
            )
            return int(self.db.execute("SELECT max(id) FROM files").fetchone()[0])

    def take(self, file_id: int) -> None:
        """As the sync worker does: a new pass, one transaction, committed."""
        history = History(self.db, self.data, Layouts.load(self.data), shortest=80)
        with self.db.atomic():
            self.db.execute("UPDATE files SET state = 'read' WHERE id = ?", (file_id,))
            assert not history.take(ledger.file(self.db, file_id))
            self.db.execute("UPDATE files SET told = version WHERE id = ?", (file_id,))


def merged(old: Path, new: Path) -> int:
    """How many lines changed, by pandas: the stamp's column apart."""
    tables = [
        pd.read_csv(path, sep=";", dtype=str, encoding="cp1252", na_filter=False).iloc[:, 1:] for path in (old, new)
    ]
    both = tables[0].merge(tables[1], on="Numéro de ligne", how="outer", suffixes=("", "_new"), indicator=True)
    changed = both["_merge"] != "both"
    for name in tables[0].columns.drop("Numéro de ligne"):
        changed |= both[name] != both[f"{name}_new"]
    return int(changed.sum())


def measure(lines: int = LINES, runs: int = RUNS) -> list[Result]:
    """Three hours a run, each taken by both: nothing changed; only the stamp in each row; 0.5 % of the lines."""
    cases: dict[str, tuple[bool, float, float]] = {
        "unchanged, the same bytes": (False, 0.0, 0.05),
        "unchanged but for the hour in each row": (True, 0.0, math.inf),  # told, and held to nothing
        "0.5 % changed": (False, 0.005, 0.30),
        "0.5 % changed, and the hour in each row": (True, 0.005, math.inf),
    }
    ours: dict[str, list[float]] = {case: [] for case in cases}
    theirs: dict[str, list[float]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as folder:
        account = Account(Path(folder), lines)
        with closing(account.db):
            for _ in range(runs):
                for case, (new_stamp, share, _) in cases.items():
                    former = account.data / MIRROR / account.path
                    account.change(share)
                    file_id = account.deliver(new_stamp=new_stamp)
                    path = account.data / MIRROR / account.path
                    ours[case].append(_timed(lambda file_id=file_id: account.take(file_id)))
                    theirs[case].append(_timed(lambda old=former, new=path: merged(old, new)))
            changes = account.db.execute("SELECT count(*) FROM line_changes").fetchone()[0]
            assert changes == 2 * runs * int(lines * 0.005), changes
    return [
        Result(
            f"AccountStatus of {lines:,} lines: {case}",
            median(ours[case]),
            median(theirs[case]),
            bar,
            "s, committed; pandas reads both files, merges, compares",
        )
        for case, (_, _, bar) in cases.items()
    ]


def _timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    sys.exit(report(measure(arguments.lines, arguments.runs)))

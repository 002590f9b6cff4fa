"""A client found by what was typed, against rapidfuzz's own search over the names. `python -m tests.bench.names`."""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from rapidfuzz import fuzz, process

from core import clients, store
from tests.bench.table import Result, report
from tests.corpus.clients import names

ROUNDS = 30


def _timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def _among(folder: Path, companies: list[str], bar: float) -> Result:
    with closing(store.open_to_write(folder)) as db, db.atomic():
        for company in companies:
            clients.client_id(db, company)
    one = companies[len(companies) // 3]
    typed = (one, "boulangerie", one[:-6] + "w", "zzzzzz yyyyy xxxxx")
    ours, theirs = [], []
    with closing(store.open_to_read(folder)) as db:
        clients.find(db, one)  # reads the names, once
        for _ in range(ROUNDS):
            ours.append(_timed(lambda: [clients.find(db, words) for words in typed]))
            theirs.append(
                _timed(
                    lambda: [
                        process.extract(words, companies, scorer=fuzz.WRatio, limit=clients.MOST) for words in typed
                    ]
                )
            )
    return Result(
        f"a client among {len(companies):,}: by his name, a word, an error and nonsense, against rapidfuzz's WRatio",
        median(ours) * 1e3,
        median(theirs) * 1e3,
        bar,
        f"ms for the four; median of {ROUNDS}, interleaved",
    )


def results() -> list[Result]:
    several = [f"{name} {number}" for number in range(17) for name in names()]
    with tempfile.TemporaryDirectory(prefix="bench-") as few, tempfile.TemporaryDirectory(prefix="bench-") as many:
        return [_among(Path(few), names(), 0.8), _among(Path(many), several, 0.8)]


if __name__ == "__main__":
    sys.exit(report(results()))

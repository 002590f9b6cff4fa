"""`python -m tests.soak [--minutes 60] [--seed N] [--folder F]`: ends with status 1 on any violation."""

import argparse
import asyncio
import logging
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.run import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--folder", type=Path, help="where it runs (empty, or not there yet); kept")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="origyne-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    for noisy in ("mail.log", "asyncio"):  # links that break, as they should
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    logging.getLogger("tests.soak").setLevel(logging.INFO)
    print(f"{given.minutes:g} minutes, seed {given.seed}, in {folder}", flush=True)
    report = asyncio.run(soak(folder, given.minutes * 60, given.seed))
    print(report, flush=True)
    (folder / "report.txt").write_text(f"{report}\n", "utf-8")
    if report.violations:
        print(f"Everything is kept in {folder}", flush=True)
    elif not given.folder:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())

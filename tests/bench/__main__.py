"""All benchmarks, in one table: `make bench` (about twenty minutes, as root)."""

import sys

from tests.bench import chat, flood, ftp, names, status, store
from tests.bench.table import report

if __name__ == "__main__":
    sys.exit(
        report(
            [*store.results(), *status.measure(), *names.results(), *chat.results(), *flood.results(), *ftp.results()]
        )
    )

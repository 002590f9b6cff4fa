"""The operator's days, whose clock runs fast: what it delivers, in which way, and the truth about it."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from bot.sandbox.companies import CONTRACT, OPERATOR
from bot.sandbox.documents import specimen_pdf
from bot.sandbox.operator import (
    ACCOUNT_STATUS,
    ACTIVE,
    DOCUMENTS,
    RATED_CDRS,
    RESERVED,
    SUSPENDED,
    SUSPENDED_BY_OPERATOR,
    TARIFFS,
    TERMINATED,
    Line,
    Operator,
)
from bot.sandbox.tree import Tree
from core.folders import PARIS

#: Hours of Paris at which an AccountStatus comes, Monday to Saturday (operator's card, B-4).
HOURS = range(8, 21)

#: Days after which files of those two folders go from the server; the card's 90 would only make every listing longer.
KEPT_DAYS = 20

#: How a notice says each kind of change.
WORDS = {
    "line.activated": "activée",
    "line.suspended": "suspendue",
    "line.resumed": "rétablie",
    "line.terminated": "résiliée",
    "line.sim": "SIM changée",
}


@dataclass(frozen=True)
class Change:
    """A line's change, as the AccountStatus of `at` (UTC seconds) is the first to say it."""

    msisdn: str
    kind: str
    at: int


@dataclass
class Life:
    """`day_seconds`: how long a day lasts, of which its thirteen hours of delivery are most."""

    root: Path
    scratch: Path
    first: date
    seed: int
    lines: int
    clients: int
    day_seconds: float
    changes: list[Change] = field(default_factory=list)
    #: Rows of each rated file that nobody can read.
    unreadable: dict[str, int] = field(default_factory=dict)
    days: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    #: Paths of the files that came since the first morning.
    sent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._random = random.Random(f"life {self.seed}")
        self.operator = Operator(self.root, self.first, self.seed, self.lines, self.clients, months=2)
        self._sending: set[asyncio.Task[None]] = set()
        self._today: list[tuple[str, bytes]] = []

    def begin(self) -> None:
        """The tree as it stands on the first morning."""
        self.operator.fill(unreadable=0)
        self.told = {line.msisdn: line for line in self.operator.lines}

    @property
    def months(self) -> list[str]:
        """Those that have communications, as `2026-10`."""
        return sorted({f"{cdr.start:%Y-%m}" for cdr in self.operator.cdrs})

    async def live(self, until: float) -> None:
        """Day after day, until the loop's clock says `until`; then what is being sent comes to its end."""
        loop = asyncio.get_running_loop()
        day = self.first + timedelta(days=1)
        while loop.time() < until:
            if day.weekday() < 6:
                await self._day(day, until)
            self.days += 1
            day += timedelta(days=1)
        await asyncio.gather(*self._sending)

    async def _day(self, day: date, until: float) -> None:
        loop = asyncio.get_running_loop()
        self._today = []
        rated = set(self._random.sample(list(HOURS)[1:], self._random.randint(2, 6)))
        self._forget(day)
        for hour in HOURS:
            due = loop.time() + self.day_seconds / len(HOURS)
            at = datetime.combine(day, time(hour), PARIS)
            if hour == 9:
                self._monthly(day)
            if hour in rated:
                self._rated(at)
            self._status(at)
            self._now_and_then(at)
            # Late or not, no hour is left out.
            await asyncio.sleep(max(0.01, due - loop.time()))
            if loop.time() > until:
                return

    # -- lines

    def _status(self, at: datetime) -> None:
        lines = self.operator.lines
        for line in self._random.sample(lines, self._random.choice((0, 0, 1, 1, 2, 3))):
            self._change(line)
        ((name, content),) = self._delivered(lambda: [self.operator.deliver_status(at)])
        for line in self.operator.lines:
            if kind := _kind(self.told[line.msisdn], line):
                self.changes.append(Change(line.msisdn, kind, int(at.timestamp())))
        self.told = {line.msisdn: line for line in self.operator.lines}
        self._send(name, content, in_pieces=0.05)

    def _change(self, line: Line) -> None:
        change = self.operator.change_line
        if line.status == ACTIVE and line.client:
            drawn = self._random.random()
            if drawn < 0.02:
                change(line.msisdn, status=TERMINATED)
            elif drawn < 0.1 and (spare := self._spare()):
                change(line.msisdn, iccid=spare)
            else:
                change(line.msisdn, status=SUSPENDED_BY_OPERATOR if drawn < 0.2 else SUSPENDED)
        elif line.status in (SUSPENDED, SUSPENDED_BY_OPERATOR, RESERVED):
            change(line.msisdn, status=ACTIVE)

    def _spare(self) -> str:
        used = {line.iccid for line in self.operator.lines} | {sim.iccid for sim in self.operator.sims if sim.msisdn}
        return next((sim.iccid for sim in self.operator.sims if sim.iccid not in used), "")

    # -- communications

    def _rated(self, at: datetime) -> None:
        bad, rows = int(self._random.random() < 0.05), self._random.randint(20, 120)
        ((name, content),) = self._delivered(lambda: [self.operator.deliver_rated(at, rows, unreadable=bad)])
        self.unreadable[name] = bad
        self._today.append((name, content))
        self._send(name, content, in_pieces=0.2)
        drawn = self._random.random()
        if drawn < 0.1:
            again = name.replace(".csv", "_bis.csv")
            self.unreadable[again] = bad
            self._send(again, content)
            self._count("a rated file comes twice")
        elif drawn < 0.2 and len(self._today) > 1:
            head, *_ = content.splitlines(keepends=True)
            rows_of_day = [row for _, file in self._today for row in file.splitlines(keepends=True)[1:]]
            merged = name.replace(".csv", "_cumul.csv")
            self.unreadable[merged] = sum(self.unreadable[file] for file, _ in self._today)
            self._send(merged, b"".join([head, *rows_of_day]))
            self._count("a cumulative rated file")

    def _monthly(self, day: date) -> None:
        """On the third, or the first day of delivery after it, the last month is billed."""
        third = day.replace(day=3)
        if day != (third if third.weekday() < 6 else third + timedelta(days=1)):
            return
        month = f"{day.replace(day=1) - timedelta(days=1):%Y-%m}"
        bill = self.operator
        for name, content in self._delivered(
            lambda: [
                bill.deliver_billed(month),
                bill.deliver_operator_invoice(month),
                *bill.deliver_client_invoices(month),
            ]
        ):
            self._send(name, content)
        self._count("a month is billed")

    def _now_and_then(self, at: datetime) -> None:
        drawn = self._random.random()
        if drawn < 0.02:
            ((name, content),) = self._delivered(lambda: [self.operator.deliver_sim_listing(at, 10)])
            self._send(name, content)
            self._count("a listing of cards")
        elif drawn < 0.03:
            self._count("a document")
            number = self.counts["a document"]
            paper = specimen_pdf(f"Avenant {number}", OPERATOR, at.date(), CONTRACT)
            self._send(f"{DOCUMENTS}/Avenant {number} - SPÉCIMEN.pdf", paper)
        elif drawn < 0.035:
            self._count("a table of tariffs")
            number = self.counts["a table of tariffs"]
            self._send(f"{TARIFFS}/Tarifs {number}.csv", f"zone;prix\r\nFrance;{number}\r\n".encode())

    # -- how files come

    def _delivered(self, deliver: Callable[[], list[Path]]) -> list[tuple[str, bytes]]:
        """What the operator writes, with the paths on the server, but where nobody fetches it."""
        self.operator.tree = Tree(self.scratch)
        try:
            paths = deliver()
        finally:
            self.operator.tree = Tree(self.root)
        found = [(path.relative_to(self.scratch).as_posix(), path.read_bytes()) for path in paths]
        for path in paths:
            path.unlink()
        return found

    def _send(self, name: str, content: bytes, in_pieces: float = 0.0) -> None:
        """As the operator's server gets them: renamed at the end, or (`in_pieces`: how often) growing under the final
        name."""
        self.sent.add(name)
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._random.random() < in_pieces:
            task = asyncio.get_running_loop().create_task(self._grow(path, content))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            self._count("a file grows under its final name")
            return
        aside = path.with_name(path.name + ".tmp")
        aside.write_bytes(content)
        aside.replace(path)

    async def _grow(self, path: Path, content: bytes) -> None:
        cuts = sorted(self._random.randrange(1, len(content)) for _ in range(2))
        for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with path.open("ab") as file:
                file.write(content[start:end])
            # Longer than a file must stand still, shorter than the way to the next pass: see `core.history.Unsettled`.
            await asyncio.sleep(self._random.uniform(0.1, 1.2))

    def _forget(self, day: date) -> None:
        """Old files go from the server, as theirs do."""
        oldest = day - timedelta(days=KEPT_DAYS)
        for folder in (ACCOUNT_STATUS, RATED_CDRS):
            for path in (self.root / folder).iterdir():
                if path.name.split("_")[1] < f"{oldest:%Y%m%d}":
                    path.unlink()

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _kind(before: Line, after: Line) -> str:
    """The one thing that changed, "" for nothing."""
    if before.iccid != after.iccid:
        return "line.sim"
    if before.status == after.status:
        return ""
    if after.status == TERMINATED:
        return "line.terminated"
    if after.status in (SUSPENDED, SUSPENDED_BY_OPERATOR):
        return "line.suspended"
    return "line.resumed" if before.status != RESERVED else "line.activated"

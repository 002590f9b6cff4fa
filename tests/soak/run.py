"""One soak from its beginning to its verdict."""

import asyncio
import logging
import re
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from tests.soak import invariants
from tests.soak.faults import Faults
from tests.soak.invariants import Seen
from tests.soak.life import Life
from tests.soak.people import People
from tests.soak.watch import Growth, Waiting, Watch, growths, read_only
from tests.soak.world import World

log = logging.getLogger(__name__)

#: Days of the operator's that a long run shows.
DAYS = 90
#: A shorter day leaves no time to fetch what comes within it.
SHORTEST_DAY = 8.0
#: Seconds that what waits is given to leave at the end, beyond the time at which the last of it is due again.
PATIENCE = 90.0
LONGEST_DRAIN = 1500.0
#: A link that was lost without a word is noticed when IDLE is renewed: `bot.mail.imap.IDLE_SECONDS`, and some.
HALF_OPEN = 400.0

#: Seconds that a process must have lived for its growth to be judged: the workshop learns a new kind of work late.
SHORTEST_LIFE = 900.0

#: So often may the service end by itself before there is no use in going on.
MOST_ENDS = 5


@dataclass
class Report:
    """What a run did, saw, and found wrong (`violations`)."""

    seed: int
    seconds: float
    violations: list[str]
    figures: dict[str, object]
    faults: Counter[str]
    doubles: list[str]
    growths: list[Growth]
    errors: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [f"Soak of {self.seconds / 60:.1f} minutes, seed {self.seed}", ""]
        lines += [f"  {name:<42} {value}" for name, value in self.figures.items()]
        lines += ["", f"Faults: {self.faults.total()}"]
        lines += [f"  {count:>4}  {name}" for name, count in sorted(self.faults.items())]
        lines += ["", f"Copies that people saw, all marked uncertain in the outbox: {len(self.doubles)}"]
        lines += [f"  {count:>4}  {what}" for what, count in Counter(self.doubles).most_common(10)]
        lines += ["", "Processes that grew old (medians of both halves, youth left out):"]
        for it in self.growths:
            lines.append(
                f"  {it.program:<9} {it.seconds / 60:5.1f} min  {it.megabytes[0]:.1f} -> {it.megabytes[1]:.1f} MB "
                f"({it.an_hour:+.1f} MB an hour), descriptors {it.descriptors[0]:g} -> {it.descriptors[1]:g}, "
                f"threads {it.threads[0]:g} -> {it.threads[1]:g}"
            )
        lines += ["", "Errors in the service's log:"]
        lines += [f"  {count:>4}  {what}" for what, count in self.errors.most_common(15)]
        lines += ["", f"Violations: {len(self.violations)}"]
        kinds = dict.fromkeys(it.partition(":")[0] for it in self.violations)
        for kind in kinds:
            of_it = [it for it in self.violations if it.partition(":")[0] == kind]
            lines += [f"  {it}" for it in of_it[:8]]
            lines += [f"  … and {len(of_it) - 8} more"] if len(of_it) > 8 else []
        return "\n".join(lines)


async def soak(folder: Path, seconds: float, seed: int, lines: int = 150, clients: int = 8) -> Report:
    """Run for `seconds` (and the time that what waits then takes to leave), in an empty folder."""
    # Early in a month, so that even a short run sees one billed.
    first = (date.today() - timedelta(days=DAYS + 10)).replace(day=1)
    scratch = folder / "scratch"
    async with World(folder) as world:
        life = Life(world.root, scratch, first, seed, lines, clients, max(SHORTEST_DAY, seconds / DAYS))
        await asyncio.to_thread(life.begin)
        people, faults, watch = People(world, life, seed, seconds), Faults(world, seed, seconds), Watch(world)
        seen = Seen(world, life, people, watch, max(SHORTEST_LIFE, seconds / 5))
        early: list[str] = []
        world.service.start()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.look_every(10 if seconds > 300 else 2))
            guard = group.create_task(_revive(world, early))
            await people.enrol()
            await _first_reading(world)
            log.info("the chat is bound and all is read, the soak begins")
            until = asyncio.get_running_loop().time() + seconds

            async def look() -> None:
                early.extend(await asyncio.to_thread(lambda: list(invariants.light(seen))))
                log.info(
                    "quiet, day %d, %s, %d violations so far",
                    life.days,
                    watch.waiting[-1:],
                    len(early) + len(faults.violations),
                )

            await asyncio.gather(life.live(until), people.live(until), faults.happen(look))
            log.info("draining")
            drained = await _drain(world, life, watch)
            watching.cancel()
            guard.cancel()
        status = await asyncio.to_thread(world.service.stop)
        if status:
            early.append(f"the service stopped with status {status}")
        await watch.look()
        violations = early + faults.violations + await asyncio.to_thread(invariants.final, seen)
        figures = _figures(seen, drained)
        return Report(
            seed,
            seconds,
            violations,
            figures,
            faults.happened,
            seen.doubles,
            growths(watch.usages, seen.oldest_least),
            _errors(world.service.words),
        )


async def _first_reading(world: World) -> None:
    """Until then the operator takes no file away."""
    async with asyncio.timeout(600):
        while True:
            with suppress(sqlite3.OperationalError), closing(read_only(world.service.data / "telecom.db")) as db:
                if db.execute("SELECT 1 FROM passes WHERE fetched > 0").fetchone():
                    return
            await asyncio.sleep(0.2)


async def _revive(world: World, early: list[str]) -> None:
    """A service that ends although nobody ended it is a violation; it goes on, as under systemd.

    :raises RuntimeError: it ends again and again.
    """
    for _ in range(MOST_ENDS):
        while not world.service.died:  # noqa: ASYNC110 - a process rings no bell
            await asyncio.sleep(0.5)
        early.append("the service ended by itself")
        log.error("the service ended by itself")
        world.service.start()
    raise RuntimeError(world.service.words[-2000:])


async def _drain(world: World, life: Life, watch: Watch) -> float:
    """Wait until nothing waits any more; the seconds that it took."""
    began = time.monotonic()
    deadline = began + PATIENCE
    calm = 0
    while calm < 3 and time.monotonic() < deadline:
        await asyncio.sleep(1)
        waiting = await watch.look()
        rest = await asyncio.to_thread(_left, world, life)
        calm = calm + 1 if waiting and not waiting.queued and not rest.files and not rest.codes else 0
        if waiting and waiting.in_mailbox:
            deadline = max(deadline, began + HALF_OPEN)
        if rest.due_in > 0:
            deadline = min(max(deadline, time.monotonic() + rest.due_in + PATIENCE / 2), began + LONGEST_DRAIN)
    return round(time.monotonic() - began, 1)


@dataclass(frozen=True)
class _Left:
    """`files` that were not fetched; `codes` that a chat still shows; `due_in`: seconds until the last parcel is."""

    files: int
    codes: int
    due_in: float


def _left(world: World, life: Life) -> _Left:
    data = world.service.data
    telecom, desk = read_only(data / "telecom.db"), read_only(data / "desk.db")
    try:
        paths = {path for (path,) in telecom.execute("SELECT path FROM files")}
        (due,) = desk.execute("SELECT max(next_try_at) FROM outbox WHERE state IN ('queued', 'sending')").fetchone()
        codes, gone_at = desk.execute("SELECT count(*), max(due_at) FROM fleeting").fetchone()
    finally:
        telecom.close()
        desk.close()
    return _Left(len(life.sent - paths), codes, max(due or 0, gone_at or 0) - time.time())


def _figures(seen: Seen, drained: float) -> dict[str, object]:
    waiting, ledger = seen.watch.waiting, seen.people.ledger

    def most(of: str) -> int:
        return max(getattr(it, of) for it in waiting)

    ((events,),) = seen.query("telecom", "SELECT count(*) FROM events")
    ((sent,),) = seen.query("desk", "SELECT count(*) FROM outbox WHERE state = 'sent'")
    peak = {
        program: max((it.megabytes for it in seen.watch.usages if it.program == program), default=0)
        for program in ("service", "worker", "workshop")
    }
    last: Waiting = waiting[-1]
    return {
        "days of the operator's": seen.life.days,
        "files that came": len(seen.life.sent),
        "communications": len(seen.life.operator.cdrs),
        "changes of lines": len(seen.life.changes),
        "AccountStatus that came late": len(invariants.late_states(seen)),
        "invoices": len(seen.life.operator.invoices),
        **seen.life.counts,
        "events": events,
        "questions in the chat": len(ledger.chat),
        "corrections, buttons": (sum(it.corrections for it in ledger.chat), ledger.presses),
        "questions by mail": len(ledger.mails),
        "words to the staff, and back": (len(ledger.to_staff), len(ledger.to_chat)),
        "mails and messages sent": sent,
        "starts of the service": seen.world.service.starts,
        "most that waited: inbox, chat, mail, events": tuple(map(most, ("inbox", "chat", "mail", "events"))),
        "oldest that waited (s)": most("oldest"),
        "until all had left (s)": drained,
        "most memory (MB)": peak,
        "stores at the end (MB)": (round(last.telecom / 1e6, 1), round(last.desk / 1e6, 1)),
        "largest logs of the stores (MB)": (round(most("telecom_log") / 1e6, 1), round(most("desk_log") / 1e6, 1)),
    }


def _errors(words: str) -> Counter[str]:
    """What the log says at ERROR, without what differs from one to the next."""
    lines = re.findall(r"^.*\bERROR\b +(.*)$", words, re.MULTILINE)
    return Counter(re.sub(r"\d+", "N", line)[:150] for line in lines)

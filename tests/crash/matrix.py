"""Which kills there are, the runs with them, and what they showed."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.crash.flows import Flow
from tests.crash.outcome import Difference, Outcome, compare, outcome_of
from tests.crash.stage import Kill, Prepared, Stage, keep_running, stage


@dataclass(frozen=True)
class Undisturbed:
    """A run without kills: its outcome, and the points in the order in which they were passed."""

    flow: Flow
    outcome: Outcome
    points: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """A run with the kills that were made, which can be fewer than were planned. `fault`: what did not come to its end,
    or ""."""

    flow: Flow
    planned: tuple[Kill, ...]
    killed: tuple[str, ...]
    difference: Difference
    fault: str = ""

    @property
    def is_wrong(self) -> bool:
        return bool(self.fault) or self.difference.is_wrong

    def __str__(self) -> str:
        lines = [f"{self.flow.name}, killed at {', '.join(map(str, self.planned))}"]
        lines += [f"  {self.fault}"] if self.fault else []
        lines += [f"  lost: {where}: {what}" for where, what in self.difference.lost]
        lines += [f"  doubled: {where}: {what}" for where, what in self.difference.doubled]
        return "\n".join(lines)


async def undisturbed(prepared: Prepared, flow: Flow, folder: Path) -> Undisturbed:
    record = folder / "points"
    async with stage(prepared, folder) as its_stage:
        await _play(its_stage, flow, [], record)
        outcome = await outcome_of(its_stage)
    points = tuple(record.read_text().splitlines())
    shutil.rmtree(folder)
    return Undisturbed(flow, outcome, points)


async def disturbed(prepared: Prepared, model: Undisturbed, kills: Sequence[Kill], folder: Path) -> Run:
    async with stage(prepared, folder) as its_stage:
        fault, difference = "", Difference((), (), ())
        try:
            await _play(its_stage, model.flow, list(kills))
            difference = compare(model.outcome, await outcome_of(its_stage))
        except (AssertionError, TimeoutError) as error:
            fault = f"{error}"
        run = Run(model.flow, tuple(kills), tuple(its_stage.service.kills), difference, fault)
    if not run.is_wrong:
        shutil.rmtree(folder)
    return run


async def _play(its_stage: Stage, flow: Flow, kills: list[Kill], record: Path | None = None) -> None:
    """The flow to its end, with the service down after it."""
    await flow.before(its_stage)
    running = asyncio.create_task(keep_running(its_stage, kills, record))
    playing = asyncio.create_task(_to_the_end(its_stage, flow))
    try:
        await asyncio.wait({running, playing}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            await running  # it says why it ended
        await playing
    finally:
        for task in (running, playing):
            task.cancel()
            with suppress(asyncio.CancelledError, AssertionError):
                await task
        its_stage.service.kill_all()


async def _to_the_end(its_stage: Stage, flow: Flow) -> None:
    await flow.during(its_stage)
    await its_stage.quiet()


# -- which kills


def kills_of(model: Undisturbed, idle: Undisturbed) -> list[Kill]:
    """At each point of a flow, the first or the last time, but for those that an idle service passes as often. Every
    third kills one process alone."""
    passed, passed_idle = Counter(model.points), Counter(idle.points)
    own = [(point, times) for point, times in passed.items() if times > passed_idle[point]]
    return [
        Kill(point, times if number % 2 else passed_idle[point] + 1, alone=number % 3 == 2)
        for number, (point, times) in enumerate(own)
    ]


def kills_idle(idle: Undisturbed) -> list[Kill]:
    return [Kill(point, alone=number % 3 == 2) for number, point in enumerate(dict.fromkeys(idle.points))]

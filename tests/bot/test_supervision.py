"""A loop that stumbles is started again, later each time, and takes no other down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
import pytest_asyncio

from bot import supervision
from bot.supervision import LoopEnded, Loops

pytestmark = pytest.mark.asyncio


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Kept:
    """Loops whose faults are noted, and delays too short to wait for."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, Exception]] = []
        self.least = 0.0
        self.loops = Loops(self._stumbled)
        self.delays: list[float] = []

    def _stumbled(self, name: str, error: Exception) -> float:
        self.faults.append((name, error))
        return self.least


@pytest_asyncio.fixture
async def kept(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    monkeypatch.setattr(supervision, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(supervision, "LONGEST_DELAY", 0.04)
    kept = Kept()
    yield kept
    await kept.loops.leave()


class Steady:
    """A loop that runs for ever, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0

    async def run(self) -> None:
        self.begun += 1
        await asyncio.Event().wait()


async def _raises() -> None:
    raise OSError("no such thing")


async def _returns() -> None:
    await asyncio.sleep(0)


async def _cancels_itself() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(1)


async def _lets_a_cancellation_out() -> None:
    raise asyncio.CancelledError


async def _in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raises())


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (_raises, "OSError"),
        (_returns, "LoopEnded"),
        (_cancels_itself, "LoopEnded"),
        (_lets_a_cancellation_out, "LoopEnded"),
        (_in_a_group, "ExceptionGroup"),
    ],
)
async def test_whatever_ends_a_loop_it_is_started_again_and_the_others_go_on(
    kept: Kept, wrong: Callable[[], "asyncio.Future[None]"], fault: str
) -> None:
    steady = Steady()
    kept.loops.start("steady", steady.run)
    kept.loops.start("wrong", wrong)
    await until(lambda: kept.loops.states["wrong"].restarts >= 3)
    assert {name for name, _ in kept.faults} == {"wrong"}
    assert kept.loops.states["wrong"].fault == fault
    assert kept.loops.states["wrong"].in_a_row >= 3
    assert kept.loops.states["steady"].restarts == 0
    assert kept.loops.states["steady"].running_since > 0
    assert steady.begun == 1


async def test_a_function_that_fails_before_it_begins_is_a_fault_like_another(kept: Kept) -> None:
    def no_coroutine() -> "asyncio.Future[None]":
        raise KeyError("x")

    kept.loops.start("odd", no_coroutine)
    await until(lambda: kept.loops.states["odd"].restarts >= 2)
    assert isinstance(kept.faults[0][1], KeyError)


async def test_delays_grow_to_their_limit_and_begin_anew_after_a_steady_run(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    ends = asyncio.Event()
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 6:
            monkeypatch.setattr(supervision, "STEADY", 0.0)  # from now on every run is a steady one
        if len(waits) == 9:
            ends.set()
            await asyncio.Event().wait()
        await real(0)

    monkeypatch.setattr(supervision.asyncio, "sleep", sleep)
    monkeypatch.setattr(supervision, "FIRST_DELAY", 1.0)
    monkeypatch.setattr(supervision, "LONGEST_DELAY", 60.0)
    kept.loops.start("wrong", _raises)
    await ends.wait()
    monkeypatch.undo()
    assert waits == [1, 2, 4, 8, 16, 32, 1, 1, 1]


async def test_a_fault_that_wants_more_patience_gets_it(kept: Kept) -> None:
    kept.least = 3600.0
    kept.loops.start("wrong", _raises)
    await until(lambda: kept.faults)
    await asyncio.sleep(0.1)
    assert kept.loops.states["wrong"].restarts == 1
    assert kept.loops.states["wrong"].running_since == 0


async def test_a_loop_that_is_broken_off_is_started_again_and_is_no_fault_of_its_own(kept: Kept) -> None:
    steady, other = Steady(), Steady()
    kept.loops.start("steady", steady.run)
    kept.loops.start("other", other.run)
    await until(lambda: steady.begun and other.begun)
    assert kept.loops.restart("steady", "a test wants it")
    await until(lambda: steady.begun == 2)
    assert kept.loops.states["steady"].restarts == 1
    assert kept.loops.states["steady"].fault == "silence"
    assert kept.faults == []
    assert other.begun == 1


async def test_a_loop_that_waits_to_be_started_again_cannot_be_broken_off(kept: Kept) -> None:
    kept.least = 3600.0
    kept.loops.start("wrong", _raises)
    await until(lambda: kept.faults)
    await asyncio.sleep(0)
    assert not kept.loops.restart("wrong", "a test wants it")


async def test_all_end_when_they_are_told_to_and_none_is_started_again(kept: Kept) -> None:
    async def stubborn() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    async def fails_at_its_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LoopEnded("at the end")

    steady = Steady()
    for name, make in (("mail outbox", stubborn), ("x", fails_at_its_end), ("y", steady.run), ("z", _raises)):
        kept.loops.start(name, make)
    await until(lambda: steady.begun)
    await kept.loops.leave()
    before = (steady.begun, len(kept.faults))
    await asyncio.sleep(0.2)
    assert (steady.begun, len(kept.faults)) == before


async def test_who_does_not_end_at_all_is_left_behind(monkeypatch: pytest.MonkeyPatch, kept: Kept) -> None:
    monkeypatch.setattr(supervision, "LONGEST_LEAVE", 0.5)
    monkeypatch.setitem(supervision.LEAVING, "deaf", 0.1)
    ends = asyncio.Event()

    async def deaf() -> None:
        while not ends.is_set():
            with suppress(asyncio.CancelledError):
                await ends.wait()

    task = asyncio.create_task(deaf(), name="deaf")
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await supervision.leave([task])
    assert not task.done()
    ends.set()
    await task

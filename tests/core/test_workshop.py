"""The workshop as the service uses it: a process that works for its parent, and for nobody else."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.workshop import Workshop, WorkshopError

TOP = Path(__file__).parents[2]


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    made = Workshop()
    yield made
    made.close()


def process_id() -> int:
    return os.getpid()


def double(number: int, *, plus: int = 0) -> int:
    return 2 * number + plus


def size(content: bytes) -> tuple[int, bytes]:
    return len(content), content


def chatter() -> str:
    print("this is no answer")
    subprocess.run(["echo", "nor is this"], check=True)
    return "done"


def refuse(what: str) -> None:
    raise LookupError(f"no {what}")


class Demanding(Exception):
    """An exception that can be packed and not unpacked, as some are."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def demand() -> None:
    raise Demanding("this", "that")


def unpackable() -> object:
    return lambda: None


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    sys.exit(3)


def stay(path: str, seconds: float) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(seconds)


def stay_until(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def is_there(process: int) -> bool:
    """Whether it runs; a zombie that nobody has waited for yet does not, once its other threads have ended too."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    return "\nState:\tZ" not in status or "\nThreads:\t1\n" not in status


def wait_until_gone(process: int) -> None:
    until = time.monotonic() + 60
    while is_there(process):
        assert time.monotonic() < until, f"{process} is still there"
        time.sleep(0.01)


def pid_in(path: Path) -> int:
    until = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return int(path.read_text())


async def test_work_is_done_in_another_process_that_stays(workshop: Workshop) -> None:
    first = await workshop.make(process_id)
    assert first != os.getpid()
    assert await workshop.make(process_id) == first


async def test_what_is_given_and_made_goes_through_whole(workshop: Workshop) -> None:
    assert await workshop.make(double, 4, plus=1) == 9
    content = os.urandom(1 << 20) * 5
    assert await workshop.make(size, content) == (len(content), content)


async def test_what_work_prints_spoils_no_answer(workshop: Workshop, capfd: pytest.CaptureFixture[str]) -> None:
    assert await workshop.make(chatter) == "done"
    assert await workshop.make(double, 2) == 4
    assert capfd.readouterr().out == ""


async def test_pieces_of_work_asked_at_once_are_made_one_after_the_other(workshop: Workshop) -> None:
    assert await asyncio.gather(*[workshop.make(double, number) for number in range(20)]) == list(range(0, 40, 2))


async def test_the_loop_is_free_while_work_is_done(workshop: Workshop, tmp_path: Path) -> None:
    working = asyncio.create_task(workshop.make(stay_until, tmp_path / "enough"))
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert not working.done()
    (tmp_path / "enough").touch()
    await working


async def test_an_exception_arrives_with_where_it_was_raised(workshop: Workshop) -> None:
    with pytest.raises(LookupError, match="no month") as raised:
        await workshop.make(refuse, "month")
    assert "in refuse" in raised.value.__notes__[0]
    assert await workshop.make(double, 2) == 4


async def test_an_exception_that_cannot_be_unpacked_arrives_by_its_words(workshop: Workshop) -> None:
    with pytest.raises(WorkshopError, match="Demanding : this and that"):
        await workshop.make(demand)


async def test_a_result_that_cannot_be_packed_is_an_error_of_that_work_alone(workshop: Workshop) -> None:
    with pytest.raises(Exception, match="pickle"):
        await workshop.make(unpackable)
    assert await workshop.make(double, 2) == 4


@pytest.mark.parametrize("deadly", [die, leave])
async def test_work_that_kills_its_process_is_told_and_the_next_finds_another(
    workshop: Workshop, deadly: Callable[[], None]
) -> None:
    with pytest.raises(WorkshopError, match="s'est arrêté"):
        await workshop.make(deadly)
    assert await workshop.make(double, 2) == 4


async def test_a_process_killed_between_two_pieces_of_work_is_replaced(workshop: Workshop) -> None:
    first = await workshop.make(process_id)
    os.kill(first, signal.SIGKILL)
    wait_until_gone(first)
    assert await workshop.make(process_id) != first


async def test_work_that_takes_too_long_is_ended_and_its_wait_for_others_does_not_count(tmp_path: Path) -> None:
    workshop = Workshop(patience=6)  # a new process, which the one behind needs too, can take a while
    try:
        late = asyncio.create_task(workshop.make(stay, str(tmp_path / "pid"), 60))
        behind = asyncio.create_task(workshop.make(double, 2))
        with pytest.raises(WorkshopError, match="plus de 6 secondes"):
            await late
        assert await behind == 4
        wait_until_gone(pid_in(tmp_path / "pid"))
    finally:
        workshop.close()


async def test_who_stops_waiting_disturbs_nobody(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await workshop.make(stay, str(tmp_path / "pid"), 0.5)
    assert await workshop.make(double, 21) == 42


async def test_closing_ends_the_process_and_the_work_in_it(tmp_path: Path) -> None:
    workshop = Workshop()
    making = asyncio.create_task(workshop.make(stay, str(tmp_path / "pid"), 60))
    behind = asyncio.create_task(workshop.make(double, 2))
    process = await asyncio.to_thread(pid_in, tmp_path / "pid")
    workshop.close()
    wait_until_gone(process)
    for waiting in (making, behind):
        with pytest.raises(WorkshopError, match="s'arrête"):
            await waiting
    with pytest.raises(WorkshopError, match="s'arrête"):
        await workshop.make(double, 2)


def test_another_loop_of_events_finds_the_same_process(workshop: Workshop) -> None:
    assert asyncio.run(workshop.make(process_id)) == asyncio.run(workshop.make(process_id))


PARENT = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from core.workshop import Workshop
from tests.core.test_workshop import stay
workshop = Workshop()
asyncio.run(workshop.make(stay, sys.argv[1], float(sys.argv[2])))
{end}
"""


def parent(path: Path, seconds: float, end: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-X", "dev", "-c", PARENT.format(end=end), str(path), str(seconds)]
    return subprocess.Popen(command, cwd=TOP, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.parametrize("seconds", [0, 60], ids=["idle", "at work"])
def test_the_process_ends_with_a_parent_that_is_killed(tmp_path: Path, seconds: float) -> None:
    with parent(tmp_path / "pid", seconds, "import time; time.sleep(60)") as started:
        process = pid_in(tmp_path / "pid")
        time.sleep(0.2)
        assert is_there(process)
        started.kill()
        wait_until_gone(process)
        assert started.stderr
        assert started.stderr.read() == ""


@pytest.mark.parametrize("end", ["workshop.close()", ""], ids=["closed", "left"])
def test_a_parent_that_ends_leaves_no_process_and_says_nothing(tmp_path: Path, end: str) -> None:
    with parent(tmp_path / "pid", 0, end) as started:
        process = pid_in(tmp_path / "pid")
        assert started.stderr
        said = started.stderr.read()
        assert started.wait(timeout=60) == 0
    wait_until_gone(process)
    # Whoever leaves without closing is told so by Python's developer mode, and by nothing else.
    assert said == "" or (not end and "ResourceWarning: subprocess" in said and "Traceback" not in said)


def test_ctrl_c_in_the_terminal_ends_both_with_one_traceback_at_most(tmp_path: Path) -> None:
    with parent(tmp_path / "pid", 60, "") as started:
        process = pid_in(tmp_path / "pid")
        os.killpg(started.pid, signal.SIGINT)
        assert started.stderr
        said = started.stderr.read()
    wait_until_gone(process)
    assert started.returncode == -signal.SIGINT
    assert said.count("KeyboardInterrupt") <= 1 + said.count("During handling")
    assert "in serve" not in said


def test_a_parent_started_as_the_service_is_starts_no_second_service(tmp_path: Path) -> None:
    """`python -m PACKAGE` whose main has no guard, as `bot/__main__.py`."""
    package = tmp_path / "unguarded"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import asyncio\nfrom core.workshop import Workshop\nfrom unguarded.work import work\n"
        "print('service', flush=True)\nworkshop = Workshop()\n"
        "print(asyncio.run(workshop.make(work)))\nworkshop.close()\n"
    )
    (package / "work.py").write_text("import sys\ndef work():\n    return 'bot.cli' in sys.modules\n")
    environment = {**os.environ, "PYTHONPATH": f"{TOP}{os.pathsep}{tmp_path}"}
    said = subprocess.run(
        [sys.executable, "-m", "unguarded"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert (said.stdout, said.stderr) == ("service\nFalse\n", "")


async def test_one_process_does_all_the_work_and_stays_warm(workshop: Workshop) -> None:
    assert len({await workshop.make(os.getpid) for _ in range(50)}) == 1

"""The demo's scenario really happens, from the first step to the last: the README shows what it printed."""

import io
import re
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from bot.sandbox.demo import play, serve
from tests.peers.browser import running_demo

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


@pytest.mark.timeout(900)
async def test_every_step_of_the_demo_happens_and_the_readme_shows_each() -> None:
    said = io.StringIO()
    status = await play(Console(file=said, width=100, highlight=False))
    assert status == 0, said.getvalue()[-3000:]
    steps = re.findall(r"^(\d+)\. (.+)$", said.getvalue(), re.MULTILINE)
    assert steps
    shown = README.split("<!-- transcript -->")[1]
    assert [title for _, title in steps if title not in shown] == []


def at_work_in(folder: Path) -> list[str]:
    """The processes that run in a folder, or did when it was there."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if str(link.readlink()).startswith(str(folder)):
                found.append(link.parent.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_ends_with_its_terminal_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with running_demo({"TMPDIR": str(tmp_path)}) as demo:
        (folder,) = tmp_path.glob("origyne-bot-*/")
        assert at_work_in(folder)
        demo.process.send_signal(number)
        demo.process.wait(120)
    assert demo.process.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert at_work_in(folder) == []


async def test_a_port_that_is_taken_is_said_and_the_demo_ends() -> None:
    said = io.StringIO()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert await serve(Console(file=said, width=100, highlight=False), port) == 1
    assert f"sur le port {port} : un autre programme l'utilise" in said.getvalue()

"""The mark that chooses what a server does wrong: `@pytest.mark.fault("drop mid-file", times=2)`.

The name says which server: its fixture (`SERVERS`) is the server with that fault, and a sound one without the mark.
`times`: how often, once if it is not said. What else the mark holds is the server's own: see `OddFtp.misbehave`
(`only`) and `BotApi.fail_next` (`method`, `chat_id`, …).
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio

from bot.sandbox.botapi import BotApi
from bot.sandbox.botapi.server import Fault
from core.settings import FtpAccess
from tests.peers.misbehaving import ftp, imap, smtp
from tests.peers.misbehaving.ftp import OddFtp
from tests.peers.misbehaving.imap import OddImap
from tests.peers.misbehaving.smtp import OddSmtp

#: The fixture of each server, and the names of what it can do wrong.
SERVERS: Mapping[str, Collection[str]] = {
    "odd_ftp": ftp.FAULTS,
    "odd_smtp": smtp.FAULTS,
    "odd_imap": imap.FAULTS,
    "api": get_args(Fault),
}


def each(*names: str, **more: object) -> list[Any]:
    """Parameters of a test that each of these faults is to meet: its name, and the mark."""
    return [pytest.param(name, marks=pytest.mark.fault(name, **more), id=name) for name in names]


def plan(api: BotApi, request: pytest.FixtureRequest) -> None:
    """Make a Bot API server do what the test's marks say."""
    for name, options in _chosen(request, "api"):
        api.fail_next(options.pop("method", "sendMessage"), name, **options)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A name that no server knows, or whose server the test does not use, would let it pass for the wrong reason."""
    for mark in item.iter_markers("fault"):
        server = next((fixture for fixture, names in SERVERS.items() if mark.args[0] in names), None)
        if server is None:
            pytest.fail(f"no server knows the fault {mark.args[0]!r}", pytrace=False)
        if server not in getattr(item, "fixturenames", ()):
            pytest.fail(f"the fault {mark.args[0]!r} needs the fixture {server}", pytrace=False)


@pytest_asyncio.fixture
async def odd_ftp(request: pytest.FixtureRequest, tmp_path: Path) -> OddFtp:
    """To be run by the test, or by the fixture `odd_access`."""
    root = tmp_path / "ftp"
    root.mkdir()
    odd = OddFtp(root)
    for name, options in _chosen(request, "odd_ftp"):
        odd.misbehave(name, **options)
    return odd


@pytest_asyncio.fixture
async def odd_access(odd_ftp: OddFtp) -> AsyncIterator[FtpAccess]:
    """How to reach `odd_ftp`, which runs."""
    async with odd_ftp.running() as access:
        yield access


@pytest.fixture
def odd_smtp(request: pytest.FixtureRequest) -> OddSmtp:
    """To be run by the test."""
    return next((smtp.with_fault(name, **options) for name, options in _chosen(request, "odd_smtp")), OddSmtp())


@pytest.fixture
def odd_imap(request: pytest.FixtureRequest) -> OddImap:
    """To be run by the test, which gives it its mails."""
    chosen = ((imap.FAULTS[name], options.get("times", 1)) for name, options in _chosen(request, "odd_imap"))
    return next((make(times) for make, times in chosen), OddImap())


def _chosen(request: pytest.FixtureRequest, server: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    for mark in request.node.iter_markers("fault"):
        if mark.args[0] in SERVERS[server]:
            yield mark.args[0], dict(mark.kwargs)

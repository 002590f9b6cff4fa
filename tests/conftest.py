"""Fixtures of all rooms: real servers on loopback (see `tests/peers/`)."""

import multiprocessing.util
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.peers.tls",
    "tests.peers.ftp",
    "tests.peers.tokens",
    "tests.peers.mail",
    "tests.peers.misbehaving.marks",
    "tests.peers.pressure",
    "tests.peers.browser",
]

# A store on a busy disk takes its time; only a test that hangs is at fault, and has its own limit.
settings.register_profile("origyne", deadline=None)
settings.load_profile("origyne")


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Its own for each process that runs tests: services with the same token, which share a lock there, do not meet."""
    tmp_path_factory.getbasetemp()  # stays where pytest looks after it
    multiprocessing.util.get_temp_dir()  # outlives the tests
    with tempfile.TemporaryDirectory(prefix="origyne-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o1777)  # open to the users of the servers, as /tmp is
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", folder)
            patch.setattr(tempfile, "tempdir", folder)
            yield


@pytest.fixture(scope="session", autouse=True)
def own_turn() -> Iterator[None]:
    """The process that runs the tests lets nobody go first (`core.background`): its later tests would starve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "nice", lambda steps: 0, raising=False)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files go by their name alone, so that some that wait and some that reckon run at any time."""
    items.sort(key=lambda item: (item.path.name, item.path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what the services that it ran wrote last."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if report.failed and folder:
        for log in sorted(folder.rglob("service.log")):
            last = log.read_text("utf-8", "replace")[-5000:]
            report.sections.append((str(log.relative_to(folder)), last))
    return report

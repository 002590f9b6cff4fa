"""What servers can do wrong: each named fault is met by a test, and a name that is none fails the test that uses it."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.misbehaving.marks import SERVERS, pytest_runtest_setup

TESTS = Path(__file__).parent


def _marks() -> Iterator[pytest.Mark]:
    """All marks of the tests that meet faults, and of their parameters."""
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_text("utf-8")
        if "mark.fault" not in source and "misbehaving.marks" not in source:
            continue  # to import all of them takes long
        module = importlib.import_module(".".join(path.relative_to(TESTS.parent).with_suffix("").parts))
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            for mark in getattr(test, "pytestmark", ()):
                yield mark
                if mark.name == "parametrize":
                    for parameter in mark.args[1]:
                        yield from getattr(parameter, "marks", ())


def test_each_named_fault_of_each_server_is_met_by_a_test() -> None:
    met = {mark.args[0] for mark in _marks() if mark.name == "fault"}
    for server, faults in SERVERS.items():
        assert set(faults) - met == set(), f"no test meets these faults of {server}"


def test_a_name_says_which_server() -> None:
    names = [name for faults in SERVERS.values() for name in faults]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("drop mid-fiel", "no server knows the fault 'drop mid-fiel'"),
        ("drop mid-file", "the fault 'drop mid-file' needs the fixture odd_ftp"),
    ],
)
def test_a_fault_that_would_not_happen_fails_its_test(request: pytest.FixtureRequest, fault: str, told: str) -> None:
    request.node.add_marker(pytest.mark.fault(fault))
    with pytest.raises(pytest.fail.Exception, match=told):
        pytest_runtest_setup(request.node)

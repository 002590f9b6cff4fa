"""Each promise has its tests: those that `promises.md` names exist and are not switched off."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]

#: What the project promises; each begins rows of the table.
PROMISES = (
    "A file on the FTP",
    "A row that cannot be read",
    "A notice",
    "A chat update",
    "A mail",
    "A command by mail",
    "A secret",
    "A channel that dies",
)

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[tuple[str, str]]:
    """Promise and tests, as the table gives them."""
    lines = (Path(__file__).parent / "promises.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [(promise, tests) for promise, tests in cells[1:]]


def named() -> list[tuple[str, str]]:
    return sorted({found for _, tests in rows() for found in _TEST.findall(tests)})


@cache
def functions_of(path: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse((TOP / path).read_text("utf-8"))
    return {it.name: it for it in tree.body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_promise_has_its_rows() -> None:
    begun = [found[1] for promise, _ in rows() if (found := re.match(r"\*\*(.+?)\*\*", promise))]
    assert begun == list(PROMISES)


@pytest.mark.parametrize(("promise", "tests"), rows())
def test_every_row_names_tests_and_nothing_else(promise: str, tests: str) -> None:
    assert _TEST.search(tests)
    assert not _TEST.sub("", tests).replace(",", "").strip()


@pytest.mark.parametrize(("path", "name"), named())
def test_a_test_that_a_promise_rests_on_exists_and_is_not_switched_off(path: str, name: str) -> None:
    assert (TOP / path).is_file()
    found = functions_of(path)
    assert name in found
    marks = " ".join(map(ast.unparse, found[name].decorator_list))
    assert not re.search(r"\b(skip|xfail)\b", marks)

"""A pass from the FTP to the store, over an AccountStatus that is still being written."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from bot.sandbox.ftpserver import SandboxFtp
from bot.sandbox.operator import Operator
from core.settings import FtpAccess
from core.store import open_to_read
from core.sync import Syncer
from tests.handlers.filled import NOW, make_pass, settings, small_operator, write_status

#: Of twenty-four lines; enough not to look cut short.
LISTED = 21


@pytest.fixture
async def operator(tmp_path: Path) -> Operator:
    operator = small_operator(tmp_path / "operator")
    assert (await make_pass(operator.root, tmp_path)).waiting == 0
    return operator


def rows(data: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(open_to_read(data)) as db:
        return db.execute(sql).fetchall()


def vanished(data: Path) -> int:
    return len(rows(data, "SELECT 1 FROM events WHERE kind = 'line.vanished'"))


def listed(data: Path) -> int:
    return len(rows(data, "SELECT 1 FROM lines WHERE gone_at IS NULL"))


def cut(path: Path) -> bytes:
    """Leave the header and so many whole rows; returns the others."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + LISTED]))
    return b"".join(lines[1 + LISTED :])


async def test_a_file_that_stands_still_at_a_rows_end_and_then_grows_says_of_no_line_that_it_vanished(
    operator: Operator, tmp_path: Path
) -> None:
    growing = write_status(operator.root, "1400", [])
    rest = cut(growing)
    passed = await make_pass(operator.root, tmp_path)
    assert (passed.fetched, passed.read, passed.waiting) == (1, 0, 1)
    with growing.open("ab") as file:
        file.write(rest)
    passed = await make_pass(operator.root, tmp_path)
    assert (passed.fetched, passed.read, passed.waiting) == (1, 1, 0)
    assert (vanished(tmp_path), listed(tmp_path)) == (0, 24)
    assert rows(tmp_path, "SELECT 1 FROM events WHERE kind = 'file.waiting'") == []


async def test_a_pass_that_finds_it_growing_or_cannot_look_reads_nothing_out_of_what_came_before(
    operator: Operator, tmp_path: Path
) -> None:
    growing = write_status(operator.root, "1400", [])
    rest = cut(growing)
    await make_pass(operator.root, tmp_path)

    async with SandboxFtp(operator.root, "demo", "another password") as ftp:
        access = FtpAccess(ftp.host, ftp.port, "demo", "a wrong password")
        refused = await Syncer(settings(tmp_path, access), clock=lambda: NOW).run()
    assert refused.error
    assert (refused.read, refused.waiting) == (0, 1)

    async def grow() -> None:
        for number in range(len(rest)):
            with growing.open("ab") as file:
                file.write(rest[number : number + 1])
            await asyncio.sleep(0.01)

    task = asyncio.create_task(grow())
    passed = await make_pass(operator.root, tmp_path)
    assert not task.done()
    assert (passed.fetched, passed.read) == (0, 0)
    assert passed.waiting
    await task
    passed = await make_pass(operator.root, tmp_path)
    assert (passed.fetched, passed.read, passed.waiting) == (1, 1, 0)
    assert (vanished(tmp_path), listed(tmp_path)) == (0, 24)


async def test_lines_that_are_no_longer_listed_are_told_once_the_next_pass_finds_the_same_file(
    operator: Operator, tmp_path: Path
) -> None:
    cut(write_status(operator.root, "1400", []))
    await make_pass(operator.root, tmp_path)
    assert (vanished(tmp_path), listed(tmp_path)) == (0, 24)
    passed = await make_pass(operator.root, tmp_path)
    assert (passed.fetched, passed.read, passed.waiting) == (0, 1, 0)
    assert (vanished(tmp_path), listed(tmp_path)) == (3, LISTED)
    await make_pass(operator.root, tmp_path)
    assert vanished(tmp_path) == 3


async def test_they_are_told_at_once_where_a_later_file_came_too(operator: Operator, tmp_path: Path) -> None:
    cut(write_status(operator.root, "1400", []))
    write_status(operator.root, "1500", [])  # as the hour before
    passed = await make_pass(operator.root, tmp_path)
    assert (passed.read, passed.waiting) == (2, 0)
    assert vanished(tmp_path) == 3

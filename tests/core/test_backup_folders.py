"""Folders of backups that others write too, that a wrong clock dated, or that do not let themselves be read."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import backups as daily
from core import backup as backups
from core.backup import Backup, BackupError
from tests.core.test_backup import desk, make
from tests.core.test_intake import Telecom, cdr, cdr_file

CDRS = "RatedCDRs/RatedCDRs_20261123_140000.csv"
DAY = 86400


def house(data: Path) -> Telecom:
    data.mkdir(mode=0o700)
    telecom = Telecom(data)
    telecom.take(CDRS, cdr_file(cdr(), cdr(2)))
    desk(data).close()
    return telecom


@contextmanager
def at(monkeypatch: pytest.MonkeyPatch, moment: float) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: moment)
        yield


def test_two_services_never_share_a_folder_of_backups(tmp_path: Path) -> None:
    ours, theirs, root = house(tmp_path / "ours"), house(tmp_path / "theirs"), tmp_path / "disk"
    first = make(theirs, 1, root)
    assert backups.ours(ours.data, root) == []
    with pytest.raises(BackupError, match="ORIGYNE_BACKUP_FOLDER"):
        make(ours, 1, root)
    assert backups.find(root) == [first]
    assert backups.ours(theirs.data, root) == [first]
    assert make(theirs, 1, root) in backups.find(root)


def test_backups_of_a_clock_that_ran_ahead_neither_hold_up_nor_outlive_later_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    telecom, root, now = house(tmp_path / "data"), tmp_path / "disk", time.time()
    with at(monkeypatch, now - 3 * DAY):
        make(telecom, 2, root)
    with at(monkeypatch, now + 400 * DAY):
        ahead = make(telecom, 2, root)
    newest = backups.ours(telecom.data, root)[0]
    assert newest.at < now
    assert daily.is_due(newest.at, int(now), 9999.0)
    made = make(telecom, 2, root)
    assert backups.ours(telecom.data, root)[0] == made
    assert made in backups.find(root)
    assert ahead not in backups.find(root)


def test_where_all_are_of_a_clock_that_ran_ahead_one_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    telecom, root, now = house(tmp_path / "data"), tmp_path / "disk", time.time()
    with at(monkeypatch, now + 400 * DAY):
        ahead = make(telecom, 2, root)
    assert backups.ours(telecom.data, root)[0] == ahead
    assert daily.is_due(ahead.at, int(now), 9999.0)


def as_nobody(root: Path) -> list[Backup]:
    """What another user finds there."""
    if os.geteuid():
        pytest.skip("only root can be somebody else")
    os.seteuid(65534)
    try:
        return backups.find(root)
    finally:
        os.seteuid(0)


def test_a_folder_that_does_not_let_itself_be_read_has_no_backup(tmp_path: Path) -> None:
    root = tmp_path / "disk" / "backups"
    made = make(house(tmp_path / "data"), 0, root)
    assert backups.find(root) == [made]
    assert as_nobody(root) == []


def test_who_is_put_back_on_another_machine_goes_on_in_his_folder(tmp_path: Path) -> None:
    telecom, root = house(tmp_path / "data"), tmp_path / "disk"
    made = make(telecom, 0, root)
    there = house(tmp_path / "there")
    with pytest.raises(BackupError):
        make(there, 0, root)
    backups.be(there.data, made)
    assert make(there, 0, root) in backups.find(root)

"""Backups, made beside who writes: each store as of one moment, whole or not there at all."""

import hashlib
import json
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from core import backup as backups
from core import copies
from core.backup import Backup, BackupError
from core.store import FILE_NAME as TELECOM
from tests.core.contents import contents
from tests.core.test_intake import Telecom, cdr, cdr_file

CDRS = "RatedCDRs/RatedCDRs_20261101_080000.csv"

#: Writes rows of one number, a hundred in each transaction, until it is killed.
WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA busy_timeout = 10000")
number = db.execute("SELECT coalesce(max(batch), 0) FROM written").fetchone()[0]
while True:
    number += 1
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO written VALUES (?, ?)", [(number, "x" * 500)] * 100)
    db.execute("COMMIT")
    print(number, flush=True)
"""


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    """Two files read, and a desk that is no more than a table."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    telecom = Telecom(data)
    telecom.take(CDRS, cdr_file(cdr(), cdr(2)))
    desk(data).close()
    return telecom


def desk(data: Path) -> sqlite3.Connection:
    db = sqlite3.connect(data / "desk.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE IF NOT EXISTS written (batch INT, text TEXT)")
    return db


def fill(db: sqlite3.Connection, rows: int) -> None:
    db.execute("BEGIN")
    db.executemany("INSERT INTO written VALUES (0, ?)", [("y" * 4000,)] * rows)
    db.execute("COMMIT")


def make(telecom: Telecom, kept: int = 0, root: Path | None = None) -> Backup:
    return backups.make(telecom.data, root or telecom.data / "backups", "01020304", kept)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_backup_is_a_folder_with_both_stores_that_only_its_owner_reads(telecom: Telecom) -> None:
    (telecom.data / "erasures.json").write_text("{}", "utf-8")
    (telecom.data / "oauth.json").write_text("{}", "utf-8")
    made = make(telecom)
    assert {path.name for path in made.path.iterdir()} == {"desk.db", TELECOM, "erasures.json", "backup.json"}
    assert mode_of(made.path) == 0o700
    assert {mode_of(path) for path in made.path.iterdir()} == {0o600}
    assert backups.faults(made) == []
    assert backups.read(made.path) == made
    assert contents(made.path) == contents(telecom.data)
    said = json.loads((made.path / "backup.json").read_text("utf-8"))
    assert said["key"] == "01020304"
    assert said["files"][TELECOM]["sha256"] == hashlib.sha256((made.path / TELECOM).read_bytes()).hexdigest()


def test_a_store_that_is_written_meanwhile_is_copied_as_of_one_moment(telecom: Telecom) -> None:
    with closing(desk(telecom.data)) as db:
        fill(db, 4000)  # several steps of the copy
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(telecom.data / "desk.db")], stdout=subprocess.PIPE)
    try:
        assert writer.stdout
        first = int(writer.stdout.readline())
        made = make(telecom)
        last = int(writer.stdout.readline())
    finally:
        writer.kill()
        writer.wait()
    with closing(sqlite3.connect(made.path / "desk.db")) as copy:
        batches = copy.execute(
            "SELECT batch, count(*) FROM written WHERE batch > 0 GROUP BY batch ORDER BY 1"
        ).fetchall()
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert batches == [(number, 100) for number in range(1, len(batches) + 1)]
    assert len(batches) >= first
    assert last > first  # nobody held up the writer


@pytest.mark.parametrize("after", [0.0, 0.1])
def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(telecom: Telecom, after: float) -> None:
    with closing(desk(telecom.data)) as db:
        fill(db, 8000)
    root = telecom.data / "backups"
    making = subprocess.Popen([sys.executable, "-m", "core.backup", str(telecom.data), str(root), "", "3"])
    while not list(root.glob(".*.part")) and making.poll() is None:
        time.sleep(0.002)
    time.sleep(after)
    making.send_signal(signal.SIGKILL)
    making.wait()
    assert [backups.faults(it) for it in backups.find(root)] in ([], [[]])  # it may have been quicker
    made = make(telecom, kept=1)
    assert backups.find(root) == [made]
    assert backups.faults(made) == []
    assert list(root.glob(".*.part")) == []


def test_older_ones_go_once_the_new_one_is_whole(telecom: Telecom) -> None:
    made = [make(telecom, kept=2) for _ in range(3)]
    assert backups.find(telecom.data / "backups") == [made[2], made[1]]
    (telecom.data / "desk.db").write_bytes(b"x" * 5000)
    with pytest.raises(BackupError):
        make(telecom, kept=1)
    assert backups.find(telecom.data / "backups") == [made[2], made[1]]


def test_none_goes_where_no_number_is_said(telecom: Telecom) -> None:
    assert len({make(telecom).path for _ in range(3)}) == 3
    assert len(backups.find(telecom.data / "backups")) == 3


def test_a_disk_that_would_be_full_takes_none(telecom: Telecom, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(telecom.data)._replace(free=backups.LEFT_FREE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BackupError, match="pas assez de place"):
        make(telecom)
    assert backups.find(telecom.data / "backups") == []


def test_a_folder_that_cannot_be_made_is_said(telecom: Telecom, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="écriture impossible"):
        make(telecom, root=tmp_path / "file")


def test_one_at_a_time(telecom: Telecom) -> None:
    root = telecom.data / "backups"
    root.mkdir()
    with FileLock(root / "backup.lock"), pytest.raises(BackupError, match="en cours"):
        make(telecom)


def test_a_damaged_store_is_named_and_gives_no_backup(telecom: Telecom) -> None:
    telecom.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    telecom.db.close()
    with (telecom.data / TELECOM).open("r+b") as file:
        file.seek(3 * 8192)
        file.write(b"\xff" * 4 * 8192)
    with pytest.raises(BackupError, match="abîmée") as failed:
        make(telecom)
    assert failed.value.damaged == TELECOM
    assert backups.find(telecom.data / "backups") == []


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_backup_that_was_damaged_since_is_not_whole(telecom: Telecom, damage: str) -> None:
    made = make(telecom)
    path = made.path / TELECOM
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-100] if damage == "cut" else content[:-100] + bytes(100))
    if damage == "changed":
        path.write_bytes(content[:5000] + b"?" + content[5001:])
    (found,) = backups.faults(made)
    assert found.startswith(TELECOM)


def test_a_folder_without_its_letter_is_no_backup(telecom: Telecom) -> None:
    made = make(telecom)
    (made.path / "backup.json").write_text("{", "utf-8")
    assert backups.read(made.path) is None
    assert backups.find(made.path.parent) == []


# -- The operator's files


def held(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_on_another_disk_the_operators_files_go_along_once(telecom: Telecom, tmp_path: Path) -> None:
    other = tmp_path / "other disk"
    telecom.put("Documents/Kbis.pdf", b"%PDF")
    telecom.intake.compress()
    made = make(telecom, root=other)
    assert held(made.copies) == {"ftp/Documents/Kbis.pdf", f"kept/{CDRS}.gz"}
    before = (made.copies / "kept" / f"{CDRS}.gz").stat().st_ino
    telecom.take(CDRS.replace("_08", "_09"), cdr_file(cdr(3)))
    again = make(telecom, root=other)
    assert again.copies == made.copies
    assert f"ftp/{CDRS.replace('_08', '_09')}" in held(made.copies)
    assert (made.copies / "kept" / f"{CDRS}.gz").stat().st_ino == before
    assert make(telecom).path.parent == telecom.data / "backups"
    assert not (telecom.data / "backups" / "files").exists()


def test_what_is_compressed_or_purged_here_is_so_there_and_what_is_lost_here_stays(
    telecom: Telecom, tmp_path: Path
) -> None:
    other = tmp_path / "other disk"
    second, third = (CDRS.replace("_08", hour) for hour in ("_09", "_10"))
    telecom.take(second, cdr_file(cdr(3)))
    telecom.take(third, cdr_file(cdr(4)))
    made = make(telecom, root=other)
    assert held(made.copies) == {f"ftp/{CDRS}", f"ftp/{second}", f"ftp/{third}"}
    telecom.intake.compress()
    copies.remove(telecom.data, second)
    copies.remove(telecom.data, third)
    with telecom.db.atomic():
        telecom.db.execute("UPDATE files SET state = 'purged' WHERE path = ?", (second,))
    make(telecom, root=other)
    assert held(made.copies) == {f"kept/{CDRS}.gz", f"ftp/{third}"}
    copies.remove(telecom.data, CDRS)
    assert backups.bring_back_files(made, telecom.data) == 2
    assert copies.content(telecom.data, CDRS) == cdr_file(cdr(), cdr(2)).encode()


def test_the_process_says_how_it_went(telecom: Telecom) -> None:
    command = [sys.executable, "-m", "core.backup", str(telecom.data), str(telecom.data / "backups"), "", "3"]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (said["error"], said["path"]) == ("", str(backups.find(telecom.data / "backups")[0].path))
    telecom.db.close()
    for name in (TELECOM, "desk.db"):
        (telecom.data / name).unlink()
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert "aucune base" in said["error"]

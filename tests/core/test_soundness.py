"""A damaged store is told from what a disk or another process refuses, and nothing that is set aside is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core import soundness, store
from core.store import FILE_NAME


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store.open_to_write(tmp_path).close()
    return tmp_path / FILE_NAME


def test_a_sound_store_has_no_fault_and_its_log_counts(path: Path) -> None:
    with closing(store.connect(path)) as db, closing(store.connect(path)):
        db.execute("INSERT INTO marks VALUES ('a', 'b')")
        assert path.with_name(f"{FILE_NAME}-wal").stat().st_size > 0
        db.conn.commit()
        assert soundness.fault(path, whole=True) == ""


def test_each_kind_of_damage_has_its_words(path: Path) -> None:
    content = path.read_bytes()
    for damaged, words in (
        (b"", "vide"),
        (b"x" * len(content), "pas une base SQLite"),
        (content[: len(content) // 2], "abîmée"),
        (content[:8192] + b"\xa5" * (len(content) - 8192), "abîmée"),
        (content[:16] + b"\xa5" * 200 + content[216:], "abîmée"),
    ):
        path.write_bytes(damaged)
        assert words in soundness.fault(path, whole=False), damaged[:20]


def test_a_lock_or_a_full_disk_is_no_damage(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=0)) as db, closing(sqlite3.connect(path, timeout=0)) as other:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as locked:
            other.execute("BEGIN IMMEDIATE")
    assert not soundness.is_damage(locked.value)
    assert not soundness.is_damage(sqlite3.IntegrityError("unique"))
    path.write_bytes(b"x" * 5000)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.DatabaseError) as broken:
        db.execute("SELECT * FROM files")
    assert soundness.is_damage(broken.value)


def test_what_is_set_aside_keeps_its_log_and_takes_no_others_place(path: Path) -> None:
    content = path.read_bytes()
    for number in (1, 2):
        path.write_bytes(content + bytes([number]))
        path.with_name(f"{FILE_NAME}-wal").write_bytes(bytes([number]))
        path.with_name(f"{FILE_NAME}-shm").touch()
        aside = soundness.set_aside(path, damaged=True)
        assert aside
        assert aside.read_bytes() == content + bytes([number])
        assert aside.with_name(f"{aside.name}-wal").read_bytes() == bytes([number])
    assert len(list(path.parent.glob(f"{FILE_NAME}.*.damaged"))) == 2
    assert soundness.times_damaged(path, 0) == 2
    assert not path.with_name(f"{FILE_NAME}-shm").exists()
    assert soundness.set_aside(path, damaged=True) is None
    old = path.with_name(f"{FILE_NAME}.1000.replaced-wal")
    old.touch()
    assert soundness.old_ones(path, 1000 + soundness.ASIDE_KEPT + 1) == [old]

"""How a store comes to be: whole, once, whoever opens it at the same moment."""

import multiprocessing
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlite_utils import Database

from bot.desk import FILE_NAME as DESK
from bot.desk import open_desk
from bot.desk.schema import migrations as desk_migrations
from core import clients, store
from core.store.schema import migrations

STORES = pytest.mark.parametrize(
    ("open_store", "name", "schema"),
    [(store.open_to_write, store.FILE_NAME, migrations), (open_desk, DESK, desk_migrations)],
    ids=["telecom", "desk"],
)


def _open(open_store: Callable[[Path], Database], data: Path, together: Barrier, said: Any) -> None:
    together.wait()
    try:
        with closing(open_store(data)) as db:
            said.put(sorted(db.table_names()))
    except Exception as error:
        said.put(repr(error))


def _opened_at_once(open_store: Callable[[Path], Database], data: Path) -> list[object]:
    """What four processes find that open the store at the same moment: the names of its tables, or an error."""
    system = multiprocessing.get_context("fork")
    together, said = system.Barrier(4), system.Queue()
    processes = [system.Process(target=_open, args=(open_store, data, together, said)) for _ in range(4)]
    for process in processes:
        process.start()
    found = [said.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    return found


@STORES
@pytest.mark.parametrize("age", ["new", "older"])
def test_processes_that_open_a_store_at_once_all_find_it_whole(
    tmp_path: Path, open_store: Callable[[Path], Database], name: str, schema: Any, age: str
) -> None:
    for number in range(5):
        data = tmp_path / str(number)
        data.mkdir()
        if age == "older":
            with closing(Database(data / name)) as old:
                schema.apply(old, stop_before=schema.pending(old)[1].name)
        found = _opened_at_once(open_store, data)
        with closing(Database(data / name)) as db:
            assert schema.pending(db) == []
            assert found == [sorted(db.table_names())] * 4


@STORES
def test_a_store_appears_whole(
    tmp_path: Path,
    open_store: Callable[[Path], Database],
    name: str,
    schema: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost_power(old: object, new: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lost_power)
        with pytest.raises(KeyboardInterrupt):
            open_store(tmp_path)
    assert not (tmp_path / name).exists()
    for suffix in ("", "-wal"):  # the worst that a crash leaves
        (tmp_path / f"{name}.new{suffix}").write_bytes(b"half a page")

    with closing(open_store(tmp_path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(f"{name}.new*"))


def test_the_log_of_a_store_that_was_deleted_does_not_come_back(tmp_path: Path) -> None:
    log = tmp_path / f"{store.FILE_NAME}-wal"
    with closing(store.open_to_write(tmp_path)) as db:
        with db.atomic():
            clients.client_id(db, "Dupont BTP")
        left = log.read_bytes()  # as a killed service leaves it
    (tmp_path / store.FILE_NAME).unlink()
    log.write_bytes(left)

    with closing(store.open_to_write(tmp_path)) as db:
        assert db.execute("SELECT count(*) FROM clients").fetchone() == (0,)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_who_only_reads_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        store.open_to_read(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_any_name_holds_a_store(tmp_path: Path) -> None:
    data = tmp_path / "Données d'été ?mode=ro&x#1 100%"
    data.mkdir()
    store.open_to_write(data).close()
    with closing(store.open_to_read(data)) as db:
        assert db.table("files").exists()

"""What the system refuses is said in French, wherever it comes from."""

import asyncio
import errno
import sqlite3
from pathlib import Path

import pytest

from core.system_words import in_french
from tests.peers.programs import free_port


async def test_a_connection_that_is_refused_is_not_told_in_pythons_words() -> None:
    with pytest.raises(ConnectionRefusedError) as refused:
        await asyncio.open_connection("127.0.0.1", free_port())
    assert in_french(refused.value) == "connexion refusée"


def test_a_file_in_the_place_of_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError) as in_the_way:
        (tmp_path / "file").mkdir(exist_ok=True)
    assert in_french(in_the_way.value) == "un fichier de ce nom est à cette place"


def test_a_file_that_is_no_database_is_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.DatabaseError) as damaged:
        sqlite3.connect(tmp_path / "x.db").execute("SELECT * FROM sqlite_master")
    assert in_french(damaged.value).startswith("la base est abîmée")


def test_what_has_no_better_words_keeps_the_systems_own() -> None:
    assert in_french(OSError(errno.EXDEV, "x")) == "Invalid cross-device link"
    assert in_french(OSError("sans numéro")) == "sans numéro"

"""What somebody with a shell reads or changes stands in the audit too, by his name there."""

import getpass
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from bot.cli import main
from bot.desk import open_desk
from core.settings import Settings
from tests.handlers.filled import settings


@pytest.fixture
def data(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(filled, tmp_path / "data")
    given = settings(tmp_path / "data")
    monkeypatch.setattr(Settings, "load", lambda: given)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("typed", "row"),
    [
        ("export cdrs --output x.csv", ("export", "done", "", "cdrs")),
        ("outbox show 1", ("outbox show", "done", "", "")),
        ("mail show 1", ("mail show", "done", "", "")),
        ("people list", ("people list", "done", "", "")),
        ("people revoke comptabilite --yes --chats", ("people revoke", "done", "comptabilite", "chats seulement")),
        ("people roles technique technique admin", ("people roles", "done", "technique", "technique, admin")),
        ("people invite Léa lea@exemple.fr équipe", ("people invite", "done", "lea", "équipe")),
        ("people revoke comptabilite --yes", ("people revoke", "done", "comptabilite", "")),
        ("purge --dry-run", ("purge", "done", "", "simulation")),
        ("privacy export 0639980001 --to remis", ("privacy export", "done", "0639980001", None)),
        ("audit verify", ("audit verify", "done", "", "audit")),
        ("key status", ("key", "done", "", None)),
    ],
)
def test_a_command_of_the_terminal_is_in_the_audit(
    data: Path, typed: str, row: tuple[str, str, str, str | None]
) -> None:
    with pytest.raises(SystemExit):
        main(typed.split())
    with closing(open_desk(data)) as desk:
        (found,) = desk.execute("SELECT person, door, command, outcome, about, shown FROM audit").fetchall()
    assert found[:2] == (f"terminal:{getpass.getuser()}", "terminal")
    assert found[2:5] == row[:3]
    assert row[3] is None or found[5] == row[3]

"""What a terminal says when a command cannot be done: what is wrong, in French, and what to do."""

import os
from pathlib import Path

import pytest

from bot.desk import FILE_NAME
from core.settings import Settings
from tests.bot.typed import Typed
from tests.handlers.filled import settings


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    configured = settings(tmp_path / "data")
    monkeypatch.setattr(Settings, "load", lambda: configured)
    return configured


def test_outside_the_installation_it_is_said_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("ORIGYNE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    typed = Typed(capsys)
    for command in ("status", "unit", "backup list", "doctor"):
        said = typed(command)
        assert (typed.status, len(said.splitlines())) == (2, 2), command
        assert f"aucun fichier .env dans {tmp_path}" in said


def test_a_damaged_store_is_no_unexpected_error(configured: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    (configured.open_data_folder() / FILE_NAME).write_bytes(b"no store at all " * 500)
    typed = Typed(capsys)
    for command in ("outbox", "ask etat"):
        said = typed(command)
        assert typed.status == 3
        assert "Redémarrer le service" in said
        assert "Error" not in said


def test_without_any_backup_nobody_is_sent_to_look_at_them(
    configured: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = Typed(capsys)
    said = typed("restore")
    assert typed.status == 1
    assert f"Il n'y en a aucune dans {configured.backups}" in said
    assert "backup list" not in said

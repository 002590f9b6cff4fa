"""`origyne-bot key`, as who types it sees it, and what doctor and rejects say."""

import base64
import io
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from bot import files_command, key_command
from bot.desk import open_desk
from bot.running import LOCK
from core import lines, sealing, sims, store
from core.settings import Settings
from core.vault import read_keys
from tests.core.contents import VAULT
from tests.core.test_intake import CARD, Telecom, status_at
from tests.core.test_sealing import LISTED, LISTING, NUMBER, OTHER_KEY, OTHER_RIO, RIO, status
from tests.core.test_settings import GOOD
from tests.handlers.filled import KEY

OTHER = base64.urlsafe_b64encode(b"another invented key of 32 bytes").decode()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of one card and ten lines, filled with `KEY`, in the environment of a service."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    monkeypatch.setenv("ORIGYNE_DATA", str(data))
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    telecom = Telecom(data)
    telecom.put(LISTING, LISTED)
    telecom.put(status_at(8), status() + f"{NUMBER};;{OTHER_RIO}\n")
    telecom.read()
    telecom.intake.compress()
    telecom.db.close()
    return data


def said(*arguments: str) -> tuple[int, str]:
    parser = ArgumentParser()
    key_command.declare(parser)
    return printed(key_command.run, parser.parse_args(arguments))


def printed(run: Callable[[Namespace, Console, Console], int], options: Namespace) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    consoles = [Console(file=it, highlight=False, soft_wrap=True, width=200) for it in (out, err)]
    status = run(options, *consoles)
    return status, out.getvalue() + err.getvalue()


def recorded(data: Path) -> list[tuple[str, str]]:
    with closing(open_desk(data)) as desk:
        rows = desk.execute("SELECT door, shown FROM audit WHERE command = 'key' AND outcome = 'done' ORDER BY id")
        return [(door, shown.partition(" ")[0]) for door, shown in rows]


def test_a_new_key_fits_the_settings_and_it_is_said_where_to_keep_it(data: Path) -> None:
    status, text = said("new")
    assert status == 0
    (key,) = re.findall(r"^ORIGYNE_SECRET_KEY=(\S+)$", text, re.MULTILINE)
    assert len(read_keys(key)) == 1
    assert ".env" in text
    assert "ailleurs" in text
    assert said("new")[1] != text
    assert recorded(data) == [("terminal", "new")] * 2
    with closing(open_desk(data)) as desk:
        assert key not in str(desk.execute("SELECT * FROM audit").fetchall())


def test_a_key_can_be_made_before_anything_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORIGYNE_DATA", raising=False)
    status, text = said("new")
    assert (status, "ORIGYNE_SECRET_KEY=" in text) == (0, True)
    assert list(tmp_path.iterdir()) == []


def test_the_state_says_that_the_key_is_good(data: Path) -> None:
    status, text = said()
    assert status == 0
    assert "La clé est là ; 5 codes et 2 copies de fichiers" in text
    assert key_command.state(Settings.load())[0] == "ok"
    assert recorded(data) == [("terminal", "status")]


def test_without_a_key_the_state_says_what_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ORIGYNE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", "")
    level, text = key_command.state(Settings.load())
    assert level == "warning"
    assert "la base ne garde pas les PUK, PIN et RIO reçus" in text
    assert "restent en clair sur le disque ; tout le reste marche" in text
    assert "origyne-bot key new" in text


@pytest.mark.parametrize("key", ["", OTHER])
def test_the_state_says_that_the_key_of_what_is_kept_is_missing(
    data: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", key)
    status, text = said("status")
    assert status == 1
    assert "5 codes et 2 copies de fichiers sont chiffrés" in text
    assert "key forget" in text
    assert key_command.state(Settings.load())[0] == "fault"
    assert not key or key not in text


def test_a_rotation_seals_all_anew_and_says_that_the_former_key_may_go(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", f"{OTHER},{KEY}")
    assert "key rotate" in said("status")[1]
    status, text = said("rotate")
    assert status == 0
    assert "5 codes et 2 copies de fichiers sont chiffrés de nouveau" in text
    assert "peuvent être retirées" in text
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", OTHER)
    assert said("status")[0] == 0
    with closing(store.open_to_read(data)) as db:
        assert lines.rio(db, NUMBER, OTHER_KEY) == RIO
        found = sims.codes(db, CARD, OTHER_KEY)
        assert found
        assert found.puk == "00012345"
    assert ("terminal", "rotate") in recorded(data)


def test_a_rotation_without_the_former_key_warns_not_to_remove_any(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", OTHER)
    status, text = said("rotate")
    assert status == 1
    assert "n'en retirer aucune" in text
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", "")
    status, text = said("rotate")
    assert status == 1
    assert "clé de chiffrement manque" in text
    with closing(store.open_to_read(data)) as db:
        assert lines.rio(db, NUMBER, VAULT) == RIO


def test_a_rotation_waits_for_a_service_that_still_seals_with_the_former_key(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", f"{OTHER},{KEY}")
    with closing(store.open_to_write(data)) as db:
        sealing.note_key(db, VAULT)
    with FileLock(data / LOCK):
        status, text = said("rotate")
        assert status == 1
        assert "le redémarrer" in text
        with closing(store.open_to_write(data)) as db:
            sealing.note_key(db, Settings.load().vault)
        assert said("rotate")[0] == 0


def test_a_rotation_waits_for_the_pass_that_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_command, "_PATIENCE", 0.1)
    with FileLock(data / "sync.lock"):
        status, text = said("rotate")
    assert status == 1
    assert "Une passe est en cours" in text


def test_a_lost_key_is_given_up_only_after_a_word(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", OTHER)
    status, text = said("forget")
    assert status == 1
    assert "--yes" in text
    with closing(store.open_to_read(data)) as db:
        assert lines.rio(db, NUMBER, VAULT) == RIO
    status, text = said("forget", "--yes")
    assert status == 0
    assert "5 codes et 2 copies de fichiers sont abandonnés" in text
    assert said("status")[0] == 0  # some are missing, and the next pass brings them


def test_rejects_shows_a_row_without_its_codes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Namespace(file=status_at(8), all=False)
    _, text = printed(files_command.show_rejects, options)
    assert "063998XXXX;;•••" in text
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", "")
    _, text = printed(files_command.show_rejects, options)
    assert "ligne 12 : statut absent" in text
    assert "063998" not in text


def test_a_rebuild_without_the_key_says_why_not(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", "")
    status, text = printed(files_command.rebuild_store, Namespace())
    assert status == 1
    assert "2 copies chiffrées ne s'ouvrent pas" in text

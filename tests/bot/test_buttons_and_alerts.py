"""What stands behind a button, and what a person hears of."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from bot.desk import alerts, buttons, open_desk
from bot.desk.buttons import Pressed
from bot.desk.people import TECHNICAL
from core.folders import PARIS
from core.quiet import Quiet
from core.vault import Vault, VaultError, new_key, read_keys
from handlers.answer import Button
from handlers.desk import TOPICS, Alerts

VAULT, CHAT = Vault(read_keys(new_key())), 4200001


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Database]:
    desk = open_desk(tmp_path)
    desk.execute(
        "INSERT INTO people (id, name, roles, email) VALUES (?, 'Camille', '[]', 'c@telecom.example')", [TECHNICAL]
    )
    desk.conn.commit()
    yield desk
    desk.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=90), st.booleans())
def test_any_command_fits_a_button_and_comes_back(desk: Database, command: str, in_place: bool) -> None:
    data = buttons.data_of(desk, VAULT, CHAT, Button("x", command, in_place))
    assert 1 <= len(data.encode()) <= buttons.MOST_BYTES
    assert buttons.read(desk, VAULT, CHAT, data) == Pressed(command, in_place)


def test_a_short_command_is_the_button_s_data_itself(desk: Database) -> None:
    assert buttons.data_of(desk, VAULT, CHAT, Button("x", "status 0639980001")) == "status 0639980001"
    assert buttons.data_of(desk, VAULT, CHAT, Button("x", "lignes page 2", in_place=True)) == "~lignes page 2"


def test_a_button_of_an_older_version_still_answers(desk: Database) -> None:
    assert buttons.read(desk, VAULT, CHAT, "conso 0639980001") == Pressed("conso 0639980001", False)


def test_the_same_long_command_is_kept_once(desk: Database) -> None:
    for _ in range(3):
        buttons.data_of(desk, VAULT, CHAT, Button("x", "factures " + "x" * 100))
    assert desk.execute("SELECT count(*) FROM buttons").fetchone() == (1,)


def test_a_button_that_nobody_knows_asks_nothing(desk: Database) -> None:
    assert buttons.read(desk, VAULT, CHAT, "#0123456789abcdef01234567") == Pressed("", False)


def confirming(command: str = "puk 0639980001") -> Button:
    return Button("Montrer", command, in_place=True, confirms=True)


def test_a_touch_confirms_once(desk: Database) -> None:
    data = buttons.data_of(desk, VAULT, CHAT, confirming())
    assert len(data.encode()) <= buttons.MOST_BYTES
    assert "puk" not in data
    assert buttons.read(desk, VAULT, CHAT, data) == Pressed("puk 0639980001", True, confirms=True, confirmed=True)
    buttons.used(desk, CHAT, data)
    assert buttons.read(desk, VAULT, CHAT, data) == Pressed("puk 0639980001", True, confirms=True, confirmed=False)


def test_a_touch_in_another_chat_confirms_nothing(desk: Database) -> None:
    data = buttons.data_of(desk, VAULT, CHAT, confirming())
    assert buttons.read(desk, VAULT, CHAT + 1, data) == Pressed("", True, confirms=True, confirmed=False)


def test_a_touch_that_comes_late_only_asks_again(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    data = buttons.data_of(desk, VAULT, CHAT, confirming())
    late = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: late)
    assert buttons.read(desk, VAULT, CHAT, data) == Pressed("puk 0639980001", True, confirms=True, confirmed=False)


def test_what_is_to_be_confirmed_is_kept_sealed(desk: Database) -> None:
    buttons.data_of(desk, VAULT, CHAT, confirming("rio 01E4K7P2QEM3 0639980001"))
    assert "01E4K7P2QEM3" not in str(desk.execute("SELECT * FROM confirmations").fetchall())


def test_words_for_the_staff_are_kept_without_their_codes(desk: Database) -> None:
    words = "contact " + "Le RIO 01E4K7P2QEM3 du 0639980001 est refusé " + "x" * 60
    data = buttons.data_of(desk, VAULT, CHAT, Button("L'envoyer à l'équipe", words))
    assert "01E4K7P2QEM3" not in str(desk.execute("SELECT * FROM buttons").fetchall())
    assert buttons.read(desk, VAULT, CHAT, data).command == words.replace("01E4K7P2QEM3", "•••")


def test_without_a_key_no_code_is_kept(desk: Database) -> None:
    with pytest.raises(VaultError):
        buttons.data_of(desk, Vault(), CHAT, confirming("rio 01E4K7P2QEM3 0639980001"))
    assert desk.execute("SELECT count(*) FROM confirmations").fetchone() == (0,)
    data = buttons.data_of(desk, Vault(), CHAT, confirming())
    assert buttons.read(desk, Vault(), CHAT, data).confirmed


def test_who_said_nothing_hears_of_everything(desk: Database) -> None:
    assert alerts.alerts_of(desk, TECHNICAL) == Alerts()


def test_what_was_chosen_is_kept(desk: Database) -> None:
    for wanted in (Alerts(frozenset(TOPICS[:2]), (20, 8)), Alerts(frozenset(), (0, 0)), Alerts(frozenset(), None)):
        alerts.set_alerts(desk, TECHNICAL, wanted)
        assert alerts.alerts_of(desk, TECHNICAL) == wanted


@pytest.mark.parametrize(
    ("quiet", "hour", "expected"),
    [
        ((20, 8), 19, False),
        ((20, 8), 20, True),
        ((20, 8), 0, True),
        ((20, 8), 7, True),
        ((20, 8), 8, False),
        ((12, 14), 11, False),
        ((12, 14), 13, True),
        ((12, 14), 14, False),
        (None, 3, False),
        ((0, 0), 3, False),
    ],
)
def test_the_hours_without_sound_are_those_of_paris(quiet: tuple[int, int] | None, hour: int, expected: bool) -> None:
    for day in (datetime(2026, 11, 24, hour, 30, tzinfo=PARIS), datetime(2026, 7, 14, hour, 30, tzinfo=PARIS)):
        assert alerts.is_quiet(Alerts(quiet=quiet), Quiet(), int(day.timestamp())) is expected


NIGHT = int(datetime(2026, 11, 24, 23, 0, tzinfo=PARIS).timestamp())
AT_NIGHT = Quiet(hours=(20 * 60, 8 * 60))


def test_who_said_nothing_has_the_silence_of_the_settings() -> None:
    assert alerts.is_quiet(Alerts(), AT_NIGHT, NIGHT)
    assert not alerts.is_quiet(Alerts(), AT_NIGHT, NIGHT, urgent=True)


@pytest.mark.parametrize("urgent", [False, True])
def test_a_person_s_own_hours_win_over_the_settings(urgent: bool) -> None:
    assert not alerts.is_quiet(Alerts(quiet=(0, 0)), AT_NIGHT, NIGHT, urgent=urgent)
    assert alerts.is_quiet(Alerts(quiet=(22, 6)), Quiet(), NIGHT, urgent=urgent)

"""What came in each folder, how the passes go, when the next one is, and what is late."""

from pathlib import Path
from typing import Any

import pytest

from core import freshness
from core.deliveries import Rhythm
from core.freshness import FolderState, LastPass, PassError
from core.settings import Settings
from tests.core.test_deliveries import RHYTHM, paris
from tests.core.test_intake import CDR_HEADER, Telecom, cdr, cdr_file, status_at, status_file
from tests.core.test_settings import GOOD

NOW = paris("2026-11-24 12:00")
LINE = "0639980001;;;Active;Dupont BTP;"


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    return Telecom(tmp_path)


def came(telecom: Telecom, path: str, content: str, when: str) -> None:
    telecom.take(path, content)
    telecom.rows("UPDATE files SET fetched_clock = ? WHERE path = ?", paris(when), path)


def of(telecom: Telecom, folder: str, now: int = NOW) -> FolderState:
    (state,) = [state for state in freshness.folders(telecom.db, now) if state.folder == folder]
    return state


# -- Folders


def test_a_folder_tells_its_newest_file_and_how_many_came(telecom: Telecom) -> None:
    came(telecom, "AccountStatus/AccountStatus_20261123_200000.csv", status_file(LINE), "2026-11-23 20:01")
    for hour in (8, 9, 10):
        came(telecom, status_at(hour), status_file(LINE), f"2026-11-24 {hour:02}:04")
    assert of(telecom, "account_status") == FolderState(
        "account_status", status_at(10), paris("2026-11-24 10:04"), files=4, today=3, waiting=0, rejected=0
    )


def test_today_begins_at_midnight_in_paris(telecom: Telecom) -> None:
    came(telecom, status_at(8), status_file(LINE), "2026-11-24 08:04")
    assert of(telecom, "account_status", paris("2026-11-24 23:59")).today == 1
    assert of(telecom, "account_status", paris("2026-11-25 00:00")).today == 0


def test_of_files_that_came_at_once_the_newest_is_the_one_that_tells_of_the_newest_time(telecom: Telecom) -> None:
    for hour in (10, 9, 8):
        came(telecom, status_at(hour), status_file(LINE), "2026-11-24 10:30")
    assert of(telecom, "account_status").path == status_at(10)


def test_history_that_the_first_pass_brings_did_not_come_today(telecom: Telecom) -> None:
    old = "RatedCDRs/RatedCDRs_20261001_1000.csv"
    came(telecom, old, cdr_file(cdr()), "2026-11-24 09:00")
    assert (of(telecom, "rated_cdrs").at, of(telecom, "rated_cdrs").today) == (paris("2026-10-01 10:00"), 0)


def test_a_folder_counts_the_files_that_wait_and_the_rows_set_aside(telecom: Telecom) -> None:
    for number in (1, 2):
        name = f"RatedCDRs/RatedCDRs_20261124_1{number}00.csv"
        came(telecom, name, cdr_file(cdr(minute=number), "x;y", "z"), "2026-11-24 11:30")
    came(telecom, "RatedCDRs/RatedCDRs_20261124_1300.csv", "Rien;ici\n1;2\n", "2026-11-24 11:40")
    assert (of(telecom, "rated_cdrs").waiting, of(telecom, "rated_cdrs").rejected) == (1, 4)


def test_a_row_that_each_hour_s_state_has_wrong_counts_once(telecom: Telecom) -> None:
    for hour in (8, 9, 10):
        came(telecom, status_at(hour), status_file(LINE, "06;;;Active;;"), f"2026-11-24 {hour:02}:04")
    assert of(telecom, "account_status").rejected == 1


def test_each_folder_of_the_card_is_told_also_when_nothing_came(telecom: Telecom) -> None:
    states = freshness.folders(telecom.db, NOW)
    assert [state.folder for state in states] == [
        "account_status", "rated_cdrs", "billed_cdrs", "sims", "documents", "client_invoices", "operator_invoices",
        "personalisation", "tariffs",
    ]  # fmt: skip
    assert set(states) == {FolderState(state.folder) for state in states}


def test_other_folders_are_told_once_there_is_one(telecom: Telecom) -> None:
    came(telecom, "lisez-moi.txt", "bonjour", "2026-11-24 09:00")
    assert freshness.folders(telecom.db, NOW)[-1].path == "lisez-moi.txt"


# -- Passes


def passes(telecom: Telecom, *errors: str) -> None:
    for number, error in enumerate(errors):
        telecom.rows(
            "INSERT INTO passes (started_clock, ended_clock, fetched, last_event, error) VALUES (?, ?, 2, 0, ?)",
            number * 100,
            number * 100 + 10,
            error,
        )


def test_the_last_pass_is_told_with_its_error(telecom: Telecom) -> None:
    assert freshness.last_pass(telecom.db) is None
    passes(telecom, "", "le FTP ne répond pas")
    assert freshness.last_pass(telecom.db) == LastPass(100, 110, 2, "le FTP ne répond pas")


def test_errors_of_passes_in_a_row_are_one(telecom: Telecom) -> None:
    passes(telecom, "a", "a", "", "a", "b", "b", "b")
    assert freshness.last_errors(telecom.db) == [
        PassError("b", 410, 610, 3, lasts=True),
        PassError("a", 310, 310, 1, lasts=False),
        PassError("a", 10, 110, 2, lasts=False),
    ]


def test_an_error_that_went_away_lasts_no_more(telecom: Telecom) -> None:
    passes(telecom, "a", "a", "")
    assert freshness.last_errors(telecom.db) == [PassError("a", 10, 110, 2, lasts=False)]


def test_the_oldest_of_the_errors_asked_for_is_told_from_its_beginning(telecom: Telecom) -> None:
    passes(telecom, "c", "b", "b", "a")
    assert [(it.error, it.first) for it in freshness.last_errors(telecom.db, most=2)] == [("a", 310), ("b", 110)]


def test_passes_without_error_have_none(telecom: Telecom) -> None:
    passes(telecom, "", "")
    assert freshness.last_errors(telecom.db) == []


@pytest.mark.parametrize(
    ("ended", "now", "then"),
    [
        ("2026-11-24 10:00", "2026-11-24 10:02", "2026-11-24 10:05"),
        ("2026-11-24 22:00", "2026-11-24 22:10", "2026-11-24 23:00"),
        ("2026-11-24 07:30", "2026-11-24 07:31", "2026-11-24 08:00"),
        ("2026-11-24 10:00", "2026-11-24 10:20", "2026-11-24 10:20"),  # it is late: any moment now
    ],
)
def test_the_next_pass_follows_the_rhythm(ended: str, now: str, then: str) -> None:
    assert freshness.next_pass(RHYTHM, paris(now), paris(ended)) == paris(then)


def test_before_the_first_pass_the_next_one_is_now() -> None:
    assert freshness.next_pass(RHYTHM, NOW, None) == NOW


def settings(**others: Any) -> Settings:
    given = {f"ORIGYNE_{name}".upper(): str(value) for name, value in others.items()}
    return Settings.load(GOOD | given, env_file=Path("/nowhere"))


def test_the_rhythm_is_that_of_the_settings() -> None:
    assert freshness.rhythm_of(settings(ftp_interval=60, ftp_interval_outside=600)) == Rhythm(60, 600)


# -- Late


def test_what_is_late_is_told_by_its_kind(telecom: Telecom) -> None:
    came(telecom, status_at(8), status_file(LINE), "2026-11-24 08:04")
    came(telecom, "RatedCDRs/RatedCDRs_20261124_0900.csv", f"{CDR_HEADER}\n{cdr()}\n", "2026-11-24 09:04")
    assert freshness.late(telecom.db, paris("2026-11-24 10:00"), settings()) == {}
    late = freshness.late(telecom.db, paris("2026-11-24 11:00"), settings())
    assert {kind: found.since for kind, found in late.items()} == {"account_status": paris("2026-11-24 08:04")}
    assert freshness.late(telecom.db, paris("2026-11-24 11:00"), settings(late_status=0)) == {}

"""A delivery that is late is told once, and so is its end, through restarts and crashes."""

import json
import sqlite3
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from bot.desk.people import TECHNICAL
from bot.house import House, open_house
from bot.lateness import judge
from core import store
from core.folders import PARIS, folder_of, stamp_of
from core.settings import Settings

CHAT = 7001
TECHNIQUE, COMPTA = "technique@client.test", "compta@client.test"

# 24 November 2026 is a Tuesday.


def paris(words: str) -> int:
    """UTC seconds of "2026-11-24 10:00" in Paris."""
    return int(datetime.fromisoformat(words).replace(tzinfo=PARIS).timestamp())


def _settings(folder: Path, **changes: Any) -> Settings:
    return Settings.model_validate(
        {
            "operator_name": "Télécom Exemple",
            "accounting_email": COMPTA,
            "technical_email": TECHNIQUE,
            "technical_contact": "Camille Martin",
            "bot_email": "robot@client.test",
            "data": folder / "data",
            "telegram_token": "123456789:test-token-of-no-bot",
            "ftp_host": "localhost",
            "ftp_login": "o",
            "ftp_password": "p",
            "smtp_host": "localhost",
            "imap_host": "localhost",
            "imap_login": "robot",
            "imap_password": "p",
            **changes,
        }
    )


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = open_house(_settings(tmp_path))
    now = house.context.now()
    assert house.people.enrol(CHAT, house.people.new_code(TECHNICAL, now), now)
    return house


def _restarted(house: House, **changes: Any) -> House:
    house.desk.close()
    house.context.telecom.close()
    return open_house(house.settings.model_copy(update=changes))


def _deliver(house: House, path: str, fetched: str, month: int = 0) -> None:
    """What the worker leaves in the ledger of files."""
    db = store.open_to_write(house.data)
    with db.atomic():
        db.execute(
            "INSERT INTO files (path, folder, size, stamp, sha256, as_of, state, last_month, fetched_clock) "
            "VALUES (?, ?, 1, '', ?, ?, 'read', ?, ?)",
            (path, folder_of(path), path, stamp_of(path), month or None, paris(fetched)),
        )
    db.close()


def _status(house: House, fetched: str) -> None:
    stamp = f"{datetime.fromisoformat(fetched):%Y%m%d_%H0000}"
    _deliver(house, f"AccountStatus/AccountStatus_{stamp}.csv", fetched)


def _queued(house: House) -> list[tuple[str, str, str]]:
    """(channel, recipient, what is said) of each parcel so far."""
    found = []
    rows = house.desk.execute("SELECT channel, recipient, payload FROM outbox ORDER BY id")
    for channel, recipient, payload in rows:
        if channel == "chat":
            found.append((channel, recipient, str(json.loads(payload)["html"])))
            continue
        message = message_from_bytes(payload, policy=default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(preferencelist=("plain",))
        assert body is not None
        found.append((channel, recipient, f"{message['Subject']}\n{body.get_content()}"))
    return found


def _chat(house: House) -> list[str]:
    """The first line of each chat message."""
    return [text.splitlines()[0] for channel, _, text in _queued(house) if channel == "chat"]


ALERT, ALL_CLEAR = "<b>⚠️ AccountStatus en retard</b>", "<b>AccountStatus : les fichiers arrivent de nouveau</b>"


def test_a_late_account_status_is_told_by_mail_and_chat_with_what_came_last(house: House) -> None:
    _status(house, "2026-11-24 08:05")
    assert not judge(house, paris("2026-11-24 10:05"))
    assert judge(house, paris("2026-11-24 10:10"))
    (mail, to, letter), (chat, chat_id, said) = _queued(house)
    assert (mail, to, chat, chat_id) == ("mail", TECHNIQUE, "chat", str(CHAT))
    assert letter.startswith("Télécom Exemple : AccountStatus en retard\nBonjour Camille Martin,")
    for text in (letter, said):
        assert "depuis le 24/11 à 08:05" in text
        assert "Dernier reçu : AccountStatus_20261124_080000.csv, le 24/11 à 08:05." in text
        assert "demander à l'opérateur" in text
        assert "origyne-bot doctor" in text


def test_an_alert_is_told_once_and_the_all_clear_names_the_file_that_came(house: House) -> None:
    _status(house, "2026-11-24 08:05")
    assert [judge(house, paris(f"2026-11-24 {hour}:10")) for hour in (10, 11, 12)] == [True, False, False]
    _status(house, "2026-11-24 13:05")
    assert [judge(house, paris(f"2026-11-24 13:{minute}")) for minute in (10, 15)] == [True, False]
    assert _chat(house) == [ALERT, ALL_CLEAR]
    last = _queued(house)[-1][2]
    assert "Reçu : AccountStatus_20261124_130000.csv, le 24/11 à 13:05." in last
    assert "depuis le 24/11 à 08:05" in last


def test_after_an_all_clear_the_next_lateness_is_told_again(house: House) -> None:
    _status(house, "2026-11-24 08:05")
    judge(house, paris("2026-11-24 10:10"))
    _status(house, "2026-11-24 11:05")
    judge(house, paris("2026-11-24 11:10"))
    judge(house, paris("2026-11-24 13:10"))
    _status(house, "2026-11-24 14:05")
    judge(house, paris("2026-11-24 14:10"))
    assert _chat(house) == [ALERT, ALL_CLEAR, ALERT, ALL_CLEAR]


def test_a_restart_makes_no_second_alert_and_swallows_no_all_clear(house: House) -> None:
    _status(house, "2026-11-24 08:05")
    judge(house, paris("2026-11-24 10:10"))
    house = _restarted(house)
    assert not judge(house, paris("2026-11-24 10:15"))
    _status(house, "2026-11-24 11:05")
    house = _restarted(house)
    assert judge(house, paris("2026-11-24 11:10"))
    house = _restarted(house)
    assert not judge(house, paris("2026-11-24 11:15"))
    assert _chat(house) == [ALERT, ALL_CLEAR]


@pytest.mark.parametrize("all_clear", [False, True])
def test_what_fails_half_way_is_told_whole_at_the_next_pass(house: House, all_clear: bool) -> None:
    _status(house, "2026-11-24 08:05")
    if all_clear:
        judge(house, paris("2026-11-24 10:10"))
        _status(house, "2026-11-24 10:15")
    before = _queued(house)
    # The mail is written first: it must not stay behind alone.
    house.desk.execute(
        "CREATE TRIGGER full BEFORE INSERT ON outbox WHEN NEW.channel = 'chat' "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    with pytest.raises(sqlite3.DatabaseError):
        judge(house, paris("2026-11-24 10:20"))
    assert _queued(house) == before
    house.desk.execute("DROP TRIGGER full")
    assert judge(house, paris("2026-11-24 10:25"))
    assert [channel for channel, _, _ in _queued(house)[len(before) :]] == ["mail", "chat"]
    assert not judge(house, paris("2026-11-24 10:30"))


def test_an_alert_left_open_on_saturday_is_not_told_again_on_monday(house: House) -> None:
    _status(house, "2026-11-28 15:05")
    moments = ("2026-11-28 17:10", "2026-11-28 20:10", "2026-11-29 12:00", "2026-11-30 08:30", "2026-11-30 10:30")
    assert [judge(house, paris(moment)) for moment in moments] == [True, False, False, False, False]
    _status(house, "2026-11-30 11:05")
    assert judge(house, paris("2026-11-30 11:10"))
    assert _chat(house) == [ALERT, ALL_CLEAR]


def test_a_file_that_comes_after_the_window_ends_the_alert_too(house: House) -> None:
    _status(house, "2026-11-24 17:05")
    judge(house, paris("2026-11-24 19:10"))
    _status(house, "2026-11-24 20:20")
    assert judge(house, paris("2026-11-24 20:21"))
    assert _chat(house) == [ALERT, ALL_CLEAR]


def test_a_late_copy_of_an_old_file_ends_no_alert(house: House) -> None:
    _status(house, "2026-11-24 08:05")
    judge(house, paris("2026-11-24 10:10"))
    _deliver(house, "AccountStatus/AccountStatus_20261110_080000.csv", "2026-11-24 10:12")
    assert not judge(house, paris("2026-11-24 10:15"))


def test_a_file_that_the_ftp_refuses_is_not_the_operator_s_delay(house: House) -> None:
    _status(house, "2026-11-24 08:05")
    assert not judge(house, paris("2026-11-24 10:10"), ["AccountStatus/AccountStatus_20261124_090000.csv"])
    assert judge(house, paris("2026-11-24 10:15"), ["Documents/contrat.pdf"])


def test_rated_cdrs_missed_for_two_days_are_told_once(house: House) -> None:
    _deliver(house, "RatedCDRs/RatedCDRs_20261123_180000.csv", "2026-11-23 18:05")
    moments = ("2026-11-24 11:55", "2026-11-24 12:00", "2026-11-24 21:00", "2026-11-25 09:00", "2026-11-25 12:00")
    assert [judge(house, paris(moment)) for moment in moments] == [False, True, False, False, False]
    _deliver(house, "RatedCDRs/RatedCDRs_20261125_120000.csv", "2026-11-25 12:05")
    assert judge(house, paris("2026-11-25 12:10"))
    alert, all_clear = (text for channel, _, text in _queued(house) if channel == "chat")
    assert "<b>⚠️ RatedCDRs en retard</b>" in alert
    assert "attendu avant le 24/11 à 12:00" in alert
    assert "Dernier reçu : RatedCDRs_20261123_180000.csv, le 23/11 à 18:05." in alert
    assert "Reçu : RatedCDRs_20261125_120000.csv, le 25/11 à 12:05." in all_clear


def _with_fresh_daily_files(house: House, day: str) -> None:
    _status(house, f"{day} 11:59")
    _deliver(house, f"RatedCDRs/RatedCDRs_{day.replace('-', '')}_090000.csv", f"{day} 09:05")


def test_a_missing_bill_is_told_to_accounting_too_and_its_end_as_well(house: House) -> None:
    _deliver(house, "RatedCDRs/RatedCDRs_20260901_120000.csv", "2026-09-01 12:05")
    _deliver(house, "BilledCDRs/BilledCDRs_202609.csv", "2026-10-03 09:00", month=202609)
    _with_fresh_daily_files(house, "2026-11-05")
    assert judge(house, paris("2026-11-05 12:00"))
    assert [(channel, to) for channel, to, _ in _queued(house)] == [
        ("mail", TECHNIQUE),
        ("chat", str(CHAT)),
        ("mail", COMPTA),
    ]
    for _, _, queued in _queued(house):
        text = " ".join(queued.split())  # a mail's prose is in short lines
        assert "Le relevé de facturation d'octobre 2026 manque ; il était attendu avant le 05/11 à 12:00." in text
        assert "Dernier reçu : BilledCDRs_202609.csv, le 03/10 à 09:00." in text
    _deliver(house, "BilledCDRs/BilledCDRs_202610.csv", "2026-11-05 12:20", month=202610)
    assert judge(house, paris("2026-11-05 12:30"))
    ends = _queued(house)[3:]
    assert [to for _, to, _ in ends] == [TECHNIQUE, str(CHAT), COMPTA]
    for _, _, text in ends:
        assert "BilledCDRs : le relevé d'octobre 2026 est arrivé" in text
        assert "Reçu : BilledCDRs_202610.csv, le 05/11 à 12:20." in text


def test_one_person_who_does_both_jobs_reads_of_a_missing_bill_once(house: House) -> None:
    house = _restarted(house, accounting_email=TECHNIQUE)
    _deliver(house, "RatedCDRs/RatedCDRs_20260901_120000.csv", "2026-09-01 12:05")
    _with_fresh_daily_files(house, "2026-11-05")
    assert judge(house, paris("2026-11-05 12:00"))
    assert [to for channel, to, _ in _queued(house) if channel == "mail"] == [TECHNIQUE]
    assert "Aucun n'est encore venu sur ce compte." in _queued(house)[0][2]


def test_a_bill_that_ends_one_alert_leaves_room_for_the_next_month_s(house: House) -> None:
    _deliver(house, "RatedCDRs/RatedCDRs_20260901_120000.csv", "2026-09-01 12:05")
    _with_fresh_daily_files(house, "2026-11-05")
    judge(house, paris("2026-11-05 12:00"))
    _with_fresh_daily_files(house, "2026-12-05")
    assert not judge(house, paris("2026-12-05 12:00"))
    _deliver(house, "BilledCDRs/BilledCDRs_202610.csv", "2026-12-05 12:05", month=202610)
    assert judge(house, paris("2026-12-05 12:10"))
    titles = [title for title in _chat(house) if "Billed" in title]
    assert titles == [
        "<b>⚠️ BilledCDRs en retard</b>",
        "<b>BilledCDRs : le relevé d'octobre 2026 est arrivé</b>",
        "<b>⚠️ BilledCDRs en retard</b>",
    ]
    assert "novembre 2026" in _queued(house)[-1][2]


def test_a_new_account_is_told_nothing_at_its_first_passes(house: House) -> None:
    assert not judge(house, paris("2026-11-24 15:00"))
    _status(house, "2026-11-24 15:05")
    _deliver(house, "Documents/Contrat_20130310.pdf", "2026-11-24 15:05")
    assert not judge(house, paris("2026-11-24 15:06"))
    assert _queued(house) == []


def test_a_rule_switched_off_is_told_no_more_not_even_its_end(house: House) -> None:
    _status(house, "2026-11-24 08:05")
    judge(house, paris("2026-11-24 10:10"))
    house = _restarted(house, late_status=0)
    assert not judge(house, paris("2026-11-24 10:15"))
    house = _restarted(house, late_status=2)
    _status(house, "2026-11-24 11:05")
    assert not judge(house, paris("2026-11-24 11:10"))
    assert _chat(house) == [ALERT]


def test_a_contact_without_chat_is_told_by_mail(tmp_path: Path) -> None:
    house = open_house(_settings(tmp_path))
    _status(house, "2026-11-24 08:05")
    assert judge(house, paris("2026-11-24 10:10"))
    assert [(channel, to) for channel, to, _ in _queued(house)] == [("mail", TECHNIQUE)]

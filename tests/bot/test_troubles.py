"""A channel that dies is told on another one, once it lasts, and so is its return."""

import json
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from pathlib import Path

import pytest

from bot.desk import threads
from bot.desk.people import TECHNICAL
from bot.house import House, open_house
from bot.troubles import Subject, Troubles
from core.folders import PARIS
from core.settings import Settings

CHAT = 7001


@pytest.fixture
def house(tmp_path: Path) -> House:
    settings = Settings.model_validate(
        {
            "operator_name": "Télécom Exemple",
            "accounting_email": "compta@client.test",
            "technical_email": "technique@client.test",
            "technical_contact": "Camille Martin",
            "bot_email": "robot@client.test",
            "data": tmp_path / "data",
            "telegram_token": "123456789:test-token-of-no-bot",
            "ftp_host": "localhost",
            "ftp_login": "o",
            "ftp_password": "p",
            "smtp_host": "localhost",
            "imap_host": "localhost",
            "imap_login": "robot",
            "imap_password": "p",
        }
    )
    house = open_house(settings)
    now = house.context.now()
    code = house.people.new_code(TECHNICAL, now)
    assert house.people.enrol(CHAT, code, now)
    return house


def _queued(house: House) -> list[tuple[str, str]]:
    """(channel, what is said) of each parcel."""
    found = []
    for channel, subject, payload in house.desk.execute("SELECT channel, subject, payload FROM outbox ORDER BY id"):
        found.append((channel, subject or json.loads(payload)["html"]))
    return found


def test_a_fault_that_mends_itself_is_told_to_nobody(house: House) -> None:
    troubles = Troubles(house)
    troubles.report("smtp", "connexion refusée")
    assert not troubles.tell()
    assert not troubles.clear("smtp")
    assert _queued(house) == []


@pytest.mark.parametrize(
    ("subject", "channels"),
    [("smtp", ["chat"]), ("imap", ["chat"]), ("telegram", ["mail"]), ("ftp", ["mail", "chat"])],
)
def test_a_fault_that_lasts_is_told_on_the_channels_that_work(
    house: House, subject: Subject, channels: list[str]
) -> None:
    troubles = Troubles(house)
    troubles.report(subject, "connexion refusée")
    assert troubles.tell(patience=0)
    assert [channel for channel, _ in _queued(house)] == channels


def test_a_fault_is_told_once_and_so_is_its_end(house: House) -> None:
    troubles = Troubles(house)
    for reason in ("connexion refusée", "pas de réponse"):
        troubles.report("smtp", reason)
        troubles.tell(patience=0)
    assert troubles.clear("smtp")
    assert not troubles.clear("smtp")
    (_, first), (_, last) = _queued(house)
    assert "Les courriels ne partent plus" in first
    assert "connexion refusée" in first
    assert "Les courriels partent de nouveau" in last


@pytest.mark.parametrize("subject", ["imap", "telegram", "ftp"])
def test_who_has_no_chat_yet_is_told_by_mail(tmp_path: Path, house: House, subject: Subject) -> None:
    house.desk.execute("DELETE FROM chats")
    troubles = Troubles(house)
    troubles.report(subject, "connexion refusée")
    troubles.tell(patience=0)
    assert [channel for channel, _ in _queued(house)] == ["mail"]


class Clock:
    """Hours since the beginning, instead of ours."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hour = 0.0
        monkeypatch.setattr("bot.troubles._now", lambda: BEGAN + int(self.hour * 3600))


BEGAN = 1_795_500_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def _restarted(house: House) -> House:
    house.desk.close()
    house.context.telecom.close()
    return open_house(house.settings)


def test_a_restart_neither_tells_a_fault_again_nor_forgets_its_end(house: House, clock: Clock) -> None:
    troubles = Troubles(house)
    troubles.report("ftp", "connexion refusée")
    troubles.tell(patience=0)
    again = _restarted(house)
    troubles = Troubles(again)
    (fault,) = troubles.present()
    assert (fault.words, fault.since) == ("Le FTP de l'opérateur ne se lit plus : connexion refusée", BEGAN)
    assert fault.subject == "ftp"
    clock.hour = 1
    troubles.report("ftp", "connexion refusée")
    assert not troubles.tell(patience=0)
    assert troubles.clear("ftp")
    assert not Troubles(again).clear("ftp")
    assert [text for channel, text in _queued(again) if channel == "mail"] == [
        "Télécom Exemple : Le FTP de l'opérateur ne se lit plus",
        "Télécom Exemple : Le FTP de l'opérateur se lit de nouveau",
    ]


def test_a_fault_that_flaps_is_told_twice_then_once_a_day_with_how_often(house: House, clock: Clock) -> None:
    troubles = Troubles(house)
    for tenth in range(26 * 3):  # every twenty minutes, for ten minutes
        clock.hour = tenth / 3
        troubles.report("ftp", "connexion refusée")
        troubles.tell(patience=0)
        clock.hour = tenth / 3 + 1 / 6
        troubles.clear("ftp")
        troubles.tell(patience=0)
    told = [text.splitlines()[:2] for channel, text in _queued(house) if channel == "chat"]
    titles = [lines[0] for lines in told]
    broken, mended = "<b>⚠️ Le FTP de l'opérateur ne se lit plus</b>", "<b>Le FTP de l'opérateur se lit de nouveau</b>"
    assert titles == [broken, mended, broken, broken]
    assert told[2][1].startswith("De nouveau depuis le")
    assert told[3][1].startswith("Par moments, 72 fois depuis hier à ")
    clock.hour = 30
    assert troubles.tell()
    assert mended in [text.splitlines()[0] for channel, text in _queued(house) if channel == "chat"][-1]


def test_a_short_hiccup_after_the_end_is_told_to_nobody(house: House, clock: Clock) -> None:
    troubles = Troubles(house)
    troubles.report("ftp", "connexion refusée")
    troubles.tell(patience=0)
    troubles.clear("ftp")
    before = _queued(house)
    for hour in (1.0, 2.0, 3.0):
        clock.hour = hour
        troubles.report("ftp", "connexion refusée")
        troubles.tell()
        troubles.clear("ftp")
    assert _queued(house) == before
    assert troubles.present() == ()


def test_an_alert_and_its_end_are_one_conversation(house: House) -> None:
    troubles = Troubles(house)
    troubles.report("ftp", "connexion refusée")
    troubles.tell(patience=0)
    ((thread,),) = house.desk.execute("SELECT thread_id FROM outbox WHERE channel = 'mail'").fetchall()
    threads.add_message(house.desk, thread, CHAT, 77)  # Telegram took the alert
    troubles.clear("ftp")
    rows = house.desk.execute("SELECT channel, payload FROM outbox ORDER BY id").fetchall()
    first, last = (message_from_bytes(payload) for channel, payload in rows if channel == "mail")
    assert last["In-Reply-To"] == first["Message-ID"]
    assert [json.loads(payload)["reply_to"] for channel, payload in rows if channel == "chat"] == [0, 77]


@pytest.mark.parametrize(
    ("subject", "moment", "silent"),
    [
        ("imap", "2026-11-24 23:00", False),
        ("backup", "2026-11-25 03:35", True),  # all goes on
        ("ftp", "2026-11-24 23:00", True),  # nothing is delivered then
        ("ftp", "2026-11-11 12:00", False),  # a holiday, on which files come
    ],
)
def test_what_stops_sounds_in_quiet_hours_where_it_cannot_wait(
    house: House, subject: Subject, moment: str, silent: bool
) -> None:
    now = int(datetime.fromisoformat(moment).replace(tzinfo=PARIS).timestamp())
    quiet = house.settings.model_copy(update={"quiet_hours": "20h-8h", "quiet_days": "fériés"})
    house = replace(house, settings=quiet, context=replace(house.context, now=lambda: now))
    troubles = Troubles(house)
    troubles.report(subject, "connexion refusée")
    troubles.tell(patience=0)
    troubles.clear(subject)
    rows = house.desk.execute("SELECT payload FROM outbox WHERE channel = 'chat' ORDER BY id").fetchall()
    # Its end can wait.
    assert [json.loads(payload)["silent"] for (payload,) in rows] == [silent, True]

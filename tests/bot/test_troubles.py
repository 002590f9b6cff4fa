"""A channel that dies is told on another one, once it lasts, and so is its return."""

import json
from pathlib import Path

import pytest

from bot.desk.people import TECHNICAL
from bot.house import House, open_house
from bot.troubles import Subject, Troubles
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

"""`origyne-bot people`, as it is typed: what it says, what it leaves behind, and what it is to a running service."""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from bot import cli
from bot.desk import open_desk
from bot.desk.people import TECHNICAL, People
from bot.enrolment import know_robot
from bot.house import House, open_house
from bot.sandbox.botapi import BotApi, Phone
from core.settings import Settings
from handlers import registry
from tests.bot.talking import body
from tests.bot.typed import Typed
from tests.handlers.filled import settings, small_operator
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.service import TOKEN, Service, env_of

LEA = "lea@telecom.example"
CHAT, NUMBER = 4200101, "0639980001"
PATIENCE = 60.0


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose commands are typed in its folder."""
    configured = settings(tmp_path / "data", telegram_api="http://127.0.0.1:9/")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Settings, "load", lambda: configured)
    house = open_house(configured)
    know_robot(house.desk, "origyne_demo_bot")
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], house: House) -> Typed:
    return Typed(capsys)


def letters(house: House, to: str) -> list[str]:
    rows = house.desk.execute(
        "SELECT payload FROM outbox WHERE channel = 'mail' AND state = 'queued' AND recipient = ? ORDER BY id", (to,)
    )
    return [words(payload) for (payload,) in rows]


def words(payload: bytes) -> str:
    message = message_from_bytes(payload, policy=default)
    assert isinstance(message, EmailMessage)
    return body(message)


def done(house: House) -> list[tuple[str, str, str]]:
    return list(
        house.desk.execute("SELECT command, outcome, about FROM audit WHERE door = 'terminal' ORDER BY id").fetchall()
    )


def test_who_is_invited_is_mailed_a_link_and_the_audit_says_who_did_it(typed: Typed, house: House) -> None:
    told = typed("people", "invite", "Léa Martin", LEA, "compta", "equipe")
    assert typed.status == 0
    assert "Léa Martin (lea-martin) : comptabilité, équipe." in told
    assert "Le service ne tourne pas" in told
    (letter,) = letters(house, LEA)
    assert re.search(r"https://t\.me/origyne_demo_bot\?start=[\w-]{20,}", letter)
    assert done(house) == [("people invite", "done", "lea-martin")]
    (person,) = house.desk.execute("SELECT person FROM audit WHERE door = 'terminal'").fetchone()
    assert person.startswith("terminal:")


def test_the_code_stands_nowhere_but_in_the_mail(typed: Typed, house: House) -> None:
    told = typed("people", "invite", "Léa Martin", LEA, "équipe")
    code = re.search(r"start=([\w-]+)", letters(house, LEA)[0])
    assert code
    assert code[1] not in told + typed("people", "list") + typed("outbox") + typed("outbox", "show", "1")
    assert code[1] not in str(house.desk.execute("SELECT * FROM codes").fetchall())


def test_before_telegram_said_the_robots_name_the_mail_has_the_code_without_a_link(typed: Typed, house: House) -> None:
    house.desk.execute("DELETE FROM facts")
    assert "sans lien" in typed("people", "invite", "Léa Martin", LEA, "équipe")
    assert typed.status == 0
    (letter,) = letters(house, LEA)
    assert "t.me" not in letter
    assert "/start " in letter


def test_the_list_shows_everybody_with_roles_addresses_and_chats(typed: Typed, house: House) -> None:
    typed("people", "invite", "Léa Martin", LEA, "équipe")
    now = int(time.time())
    with house.desk.atomic():
        house.people.enrol(CHAT, house.people.new_code(TECHNICAL, now), now)
        house.own.admission.add_address("lea-martin", "lea@maison.example")
    told = typed("people", "list")
    assert told.startswith("4 personnes avec accès")
    blocks = {block.split()[0]: block for block in told.split("\n\n")[1:]}
    assert "Telegram : depuis le" in blocks["technique"]
    assert "Telegram : invité jusqu'au" in blocks["lea-martin"]
    assert "Adresses : lea@telecom.example, lea@maison.example" in blocks["lea-martin"]
    assert "Dernière question : jamais" in blocks["lea-martin"]
    assert "(donné à la main : équipe)" in blocks["lea-martin"]
    assert "à la main" not in blocks["technique"]
    assert typed("people").startswith("4 personnes")


def test_only_the_terminal_makes_an_administrator(typed: Typed, house: House) -> None:
    assert "technique, admin" in typed("people", "roles", "technique", "technique", "admin")
    assert house.people.by_id(TECHNICAL).person.roles == {"technique", "admin"}  # type: ignore[union-attr]
    assert "Camille Martin : technique." in typed("people", "roles", "technique", "technique")
    assert house.people.by_id(TECHNICAL).person.roles == {"technique"}  # type: ignore[union-attr]


def test_a_removal_is_asked_first(typed: Typed, house: House) -> None:
    typed("people", "invite", "Léa Martin", LEA, "équipe")
    assert "ajouter --yes" in typed("people", "revoke", "lea-martin")
    assert typed.status == 1
    assert house.people.by_email(LEA)
    assert "n'a plus de droits" in typed("people", "revoke", LEA, "--yes")
    assert typed.status == 0
    assert house.people.by_email(LEA) is None
    assert letters(house, LEA) == []
    assert "retirés le" in typed("people", "list")


def test_a_removal_says_who_keeps_his_rights_at_the_same_address(
    typed: Typed, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = settings(tmp_path / "data", accounting_email="technique@telecom.example")
    monkeypatch.setattr(Settings, "load", lambda: shared)
    both = "est l'adresse de plusieurs : comptabilite, technique"
    assert both in typed("people", "roles", "technique@telecom.example", "technique")
    assert "aussi l'adresse de comptabilite" in typed("people", "revoke", "technique", "--yes")
    assert "Comptabilité : comptabilité." in typed("people", "roles", "technique@telecom.example", "comptabilité")


def test_chats_alone_are_cut(typed: Typed, house: House) -> None:
    now = int(time.time())
    with house.desk.atomic():
        house.people.enrol(CHAT, house.people.new_code(TECHNICAL, now), now)
    assert "1 chat coupé" in typed("people", "revoke", "technique", "--chats", "--yes")
    assert house.people.by_chat(CHAT) is None
    assert house.people.by_email("technique@telecom.example")


def test_addresses_are_added_and_removed(typed: Typed, house: House) -> None:
    assert "Peut aussi écrire de : camille@maison.example" in typed(
        "people", "addresses", "technique", "--add", "Camille@maison.example"
    )
    assert house.people.by_email("camille@maison.example").person.id == TECHNICAL  # type: ignore[union-attr]
    assert "camille@maison" not in typed("people", "addresses", "technique", "--remove", "camille@maison.example")
    assert house.people.by_email("camille@maison.example") is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("invite", "Léa Martin", "lea@telecom", "équipe"), "n'est pas une adresse"),
        (("invite", "Léa Martin", LEA, "patron"), "n'est pas un rôle"),
        (("invite", "Léa\nMartin\x1b", LEA, "équipe"), "Il faut un nom"),
        (("revoke", "personne", "--yes"), "n'a pas accès"),
        (("roles", "technique", "équipe"), "vient des réglages"),
        (("addresses", "technique", "--add", "compta@telecom.example"), "est l'adresse de Comptabilité"),
        (("addresses", "technique", "--remove", "compta@telecom.example"), "n'est pas une adresse ajoutée"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    typed: Typed, house: House, words: tuple[str, ...], why: str
) -> None:
    before = house.desk.execute("SELECT * FROM people").fetchall()
    assert why in typed("people", *words)
    assert typed.status == 1
    assert house.desk.execute("SELECT * FROM people").fetchall() == before
    assert done(house) == []


def test_the_table_of_rights_is_printed_for_each_command(typed: Typed) -> None:
    told = typed("people", "rights")
    assert typed.status == 0
    for command in registry.commands():
        (line,) = [line for line in told.splitlines() if line.startswith(f"/{command.name} ")]
        assert [cell == "oui" for cell in line.split()[1:5]] == [
            role in command.roles for role in ("technique", "comptabilité", "équipe", "admin")
        ]


# Beside a running service


@pytest.fixture
def env(embedded_ftp: FtpPeer) -> FtpPeer:
    small_operator(embedded_ftp.root)
    return embedded_ftp


async def letter_to(mail: MailPeer, user: str, subject: str) -> str:
    """The words of the first mail with this subject."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for raw in await asyncio.to_thread(mail.messages, user):
            message = message_from_bytes(raw, policy=default)
            if subject in str(message["Subject"]):
                return words(raw)
        await asyncio.sleep(0.2)
    raise AssertionError(f"no mail « {subject} »")


async def until(condition: object, phone: Phone) -> None:
    deadline = time.monotonic() + PATIENCE
    while {it.command for it in phone.menu} & {"rejets", "aide"} != condition:
        assert time.monotonic() < deadline, [it.command for it in phone.menu]
        await asyncio.sleep(0.1)


async def test_the_whole_life_of_a_person_beside_a_running_service(
    env: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    mail = embedded_mail
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(env, mail, api) | {"ORIGYNE_STAFF_EMAILS": ""})
        service.start()
        try:
            await letter_to(mail, "technique", "relier votre Telegram")
            command = await asyncio.to_thread(
                service.run, "people", "invite", "Léa Martin", mail.address("equipe"), "comptabilité"
            )
            assert command.returncode == 0, command.stderr
            invitation = await letter_to(mail, "equipe", "votre accès à l'assistant")
            code = re.search(r"https://t\.me/\w+\?start=(\S+)", invitation)
            assert code

            phone = api.phone(CHAT, "Léa")
            assert "Bonjour Léa Martin" in (await phone.ask(f"/start {code[1]}", timeout=PATIENCE)).text
            await letter_to(mail, "equipe", "un Telegram est relié à votre nom")
            await until({"aide"}, phone)
            assert "n'est pas ouverte" in (await phone.ask("/rejets", timeout=PATIENCE)).text

            await asyncio.to_thread(service.run, "people", "roles", "lea-martin", "technique")
            await until({"aide", "rejets"}, phone)
            answer = await phone.ask(f"/status {NUMBER}", timeout=PATIENCE)
            assert "06 39 98 00 01" in answer.text

            command = await asyncio.to_thread(service.run, "people", "revoke", "lea-martin", "--yes")
            assert command.returncode == 0, command.stderr
            await until(set(), phone)
            phone.press(answer, "Historique")
            assert (await phone.wait(timeout=PATIENCE)).text == "Ce robot est privé."
            with closing(open_desk(service.data)) as desk:
                assert People(desk).by_chat(CHAT) is None
        finally:
            await asyncio.to_thread(service.stop)


async def test_a_link_is_written_by_a_process_that_asks_telegram_for_the_robots_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with BotApi("123456789:an-invented_token") as api:
        configured = settings(tmp_path / "data", telegram_api=api.url)
        monkeypatch.setattr(Settings, "load", lambda: configured)
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(cli.main, ["people", "invite", "Léa Martin", LEA, "équipe"])
    assert not ended.value.code
    assert "sans lien" not in capsys.readouterr().out
    with closing(open_desk(configured.data)) as desk:
        (payload,) = desk.execute("SELECT payload FROM outbox WHERE recipient = ?", (LEA,)).fetchone()
    assert f"https://t.me/{api.username}?start=" in words(payload)

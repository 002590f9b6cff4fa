"""Every command, asked by every role, by every door: what happens is what `rights.txt` says.

The commands are those that declare themselves, so that a new one without a row fails.
"""

import argparse
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console
from telegram import Bot

from bot import ask_command
from bot.bot_desk import BotDesk
from bot.house import House, open_house
from bot.sandbox.botapi import BotApi, Phone
from core.settings import Settings
from handlers import registry
from handlers.ask import Role
from handlers.command import Command
from handlers.desk import Selftest, SyncReport
from tests.bot.talking import TRUSTED, VOUCHED, answer, count_of, fetch, replies, said, write
from tests.handlers.filled import settings

ROLES: tuple[Role, ...] = ("technique", "comptabilité", "équipe", "admin")
DOORS = ("private", "group", "mail", "unverified", "terminal")


@dataclass(frozen=True)
class Row:
    roles: dict[Role, str]
    doors: dict[str, str]

    def expected(self, role: Role, door: str) -> str:
        return self.doors[door] if self.roles[role] == "oui" else "non"


def table() -> dict[str, Row]:
    rows = {}
    for line in (Path(__file__).parent / "rights.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, *cells = line.replace("|", "").split()
        assert name not in rows, f"two rows: {name}"
        assert len(cells) == len(ROLES) + len(DOORS), line
        rows[name] = Row(dict(zip(ROLES, cells, strict=False)), dict(zip(DOORS, cells[len(ROLES) :], strict=True)))
    return rows


TABLE = table()
every_command = pytest.mark.parametrize("command", registry.commands(), ids=lambda command: command.name)


def test_every_command_has_its_row_and_every_row_its_command() -> None:
    assert set(TABLE) == {command.name for command in registry.commands()}


@dataclass(frozen=True)
class Somebody:
    id: str
    role: Role
    email: str
    phone: Phone


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


@pytest_asyncio.fixture
async def people(house: House, api: BotApi) -> list[Somebody]:
    """One person a role, who has no other."""
    house.own.make_pass = _no_pass
    house.own.selftest = _no_selftest  # type: ignore[method-assign]
    return [somebody(house, api, role, number) for number, role in enumerate(ROLES)]


async def _no_pass() -> SyncReport:
    return SyncReport(ended=True)


async def _no_selftest(*_: object, wait: bool) -> Selftest:
    return Selftest()


def somebody(house: House, api: BotApi, role: Role, number: int) -> Somebody:
    name = f"Essai {number}"
    email = f"essai{number}@telecom.example"
    with house.desk.atomic():
        person_id = house.people.admit(name, email, [role])
        code = house.people.new_code(person_id, house.context.now())
    chat_id = 4210000 + number
    assert house.people.enrol(chat_id, code, house.context.now())
    return Somebody(person_id, role, email, api.phone(chat_id, name, started=True))


def outcomes(house: House, door: str) -> dict[str, str]:
    """What the audit says of each person's question: the last row is of the answer."""
    rows = house.desk.execute("SELECT person, door, outcome FROM audit ORDER BY id").fetchall()
    found: dict[str, str] = {}
    for person, its_door, outcome in rows:
        if its_door in {"private": ("chat",), "group": ("groupe",), "terminal": ("terminal",)}.get(door, ("mail",)):
            found[person] = MEANS[outcome]
    return found


#: What an outcome of the audit means in the table. Asked wrongly is not forbidden.
MEANS = {
    "answered": "oui",
    "refused": "oui",
    "denied": "non",
    "unverified": "non",
    "asked in chat": "chat",
    "not understood": "?",
    "failed": "?",
}


def expected(people: list[Somebody], command: Command, door: str) -> dict[str, str]:
    return {person.id: TABLE[command.name].expected(person.role, door) for person in people}


@every_command
async def test_in_a_private_chat(house: House, bot: Bot, people: list[Somebody], command: Command) -> None:
    for person in people:
        person.phone.send(f"/{command.examples[0]}")
    await answer(house, bot)
    assert outcomes(house, "private") == expected(people, command, "private")


@every_command
async def test_in_a_group(
    house: House,
    bot: Bot,
    api: BotApi,
    people: list[Somebody],
    command: Command,
) -> None:
    for number, person in enumerate(people):  # each in his own, for Telegram's pace in groups
        group = api.group(-1001234 - number, "Équipe technique")
        person.phone.in_group(group).send(f"/{command.examples[0]}")
    await answer(house, bot)
    assert outcomes(house, "group") == expected(people, command, "group")


@every_command
async def test_by_mail(house: House, bot: Bot, people: list[Somebody], command: Command) -> None:
    for number, person in enumerate(people):
        write(
            house, f"/{command.examples[0]}", frm=person.email, key=f"INBOX/1/{number}", message_id=f"<{number}@poste>"
        )
    await replies(house, bot)
    assert outcomes(house, "mail") == expected(people, command, "mail")


@every_command
async def test_by_a_mail_that_nobody_vouches_for(
    house: House,
    bot: Bot,
    people: list[Somebody],
    command: Command,
) -> None:
    for number, person in enumerate(people):
        write(
            house,
            f"/{command.examples[0]}",
            frm=person.email,
            headers="X-Nothing: 1",
            key=f"INBOX/1/{number}",
            message_id=f"<{number}@poste>",
        )
    await replies(house, bot)
    assert outcomes(house, "unverified") == expected(people, command, "unverified")
    assert set(expected(people, command, "unverified").values()) == {"non"}


@pytest.fixture
def at_terminal(configured: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    monkeypatch.setattr(Settings, "load", lambda: configured)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(BotDesk, "sync", _no_sync)
    monkeypatch.setattr(BotDesk, "selftest", _no_selftest)
    house = open_house(configured)
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


async def _no_sync(desk: BotDesk, person: object) -> SyncReport:
    return SyncReport(ended=True)


@every_command
def test_at_a_terminal(at_terminal: House, command: Command) -> None:
    for number, role in enumerate(ROLES):
        with at_terminal.desk.atomic():
            at_terminal.people.admit(f"Essai {number}", f"essai{number}@telecom.example", [role])
        options = argparse.Namespace(
            question=command.examples[0], person=f"essai{number}@telecom.example", file=[], yes=True
        )
        ask_command.ask(options, Console(file=io.StringIO()), Console(file=io.StringIO()))
        who = at_terminal.people.by_email(f"essai{number}@telecom.example")
        assert who
        assert outcomes(at_terminal, "terminal")[who.person.id] == TABLE[command.name].expected(role, "terminal")


async def test_who_is_not_known_is_told_one_sentence_whatever_he_asks(
    house: House,
    bot: Bot,
    api: BotApi,
) -> None:
    stranger = api.phone(4299999, "Inconnu", started=True)
    group = api.group(-1001235, "Ailleurs")
    for command in registry.commands():
        stranger.send(f"/{command.examples[0]}")
        stranger.in_group(group).send(f"/{command.examples[0]}")
    while count_of(house) < 2 * len(registry.commands()):
        await fetch(house, bot)
    stranger.send("/status 0639980001")
    await answer(house, bot)
    assert said(stranger) == ["Ce robot est privé."]
    assert [message.text for message in stranger.in_group(group).messages] == []


async def test_who_is_not_known_by_mail_gets_one_refusal_that_tells_nothing(house: House, bot: Bot) -> None:
    for number, command in enumerate(registry.commands()):
        write(
            house,
            f"/{command.examples[0]}",
            frm="inconnu@ailleurs.example",
            headers=VOUCHED.replace("header.from=telecom.example", "header.from=ailleurs.example"),
            key=f"INBOX/1/{number}",
            message_id=f"<{number}@poste>",
        )
    (refusal,) = await replies(house, bot)
    text = refusal.as_string()
    assert "0639980001" not in text.replace(" ", "")
    assert "Dupont" not in text

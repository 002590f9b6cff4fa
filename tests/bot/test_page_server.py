"""The page's server: who may ask, what a browser that comes is shown, and faults on request."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import aiohttp
import pytest
import pytest_asyncio

from bot.sandbox.botapi import Message
from bot.sandbox.house import TECHNICAL, Sandbox
from bot.sandbox.page import Page, page_of
from core.folders import PARIS
from tests.bot.asking import done, events, everything

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

LINE = "0639980001"
PATIENCE = 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """With the operator's files read, and the technical contact's telephone linked."""
    async with Sandbox() as sandbox:
        code: list[str] = []
        await sandbox.mail.wait_for(TECHNICAL, lambda raw: "première lecture" in str(_mail(raw)["Subject"]), PATIENCE)
        await sandbox.mail.wait_for(TECHNICAL, lambda raw: bool(code.extend(_codes(raw)) or code), PATIENCE)
        await sandbox.phone.ask(code[0], PATIENCE)
        yield sandbox


@pytest_asyncio.fixture(loop_scope="module")
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with page_of(sandbox) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def client(page: Page) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(page.url) as session:
        yield session


def _mail(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def _codes(raw: bytes) -> list[str]:
    body = _mail(raw).get_body(("plain",))
    return re.findall(r"/start \S+", body.get_content()) if body else []


async def answer(sandbox: Sandbox, question: int) -> Message:
    """The robot's answer to a message of the telephone."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for message in sandbox.phone.messages:
                if message.reply_to == question:
                    return message
            await sandbox.phone.changed(1)


async def test_a_browser_that_comes_is_shown_all_there_is(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    shown = await everything(client)
    texts = [message["text"] for message in shown["chat"]["messages"]]
    assert any("ce chat est relié" in text for text in texts)
    assert "status" in [command["command"] for command in shown["chat"]["menu"]]


async def test_a_message_comes_to_the_browser_as_it_stands_now(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    stream = events(client)
    await anext(stream)
    sent = await done(client, "/chat/send", text=LINE)
    async with asyncio.timeout(PATIENCE):
        async for name, data in stream:
            if name == "message" and data["reply_to"] == sent["message_id"]:
                break
    assert data["text"] == (await answer(sandbox, sent["message_id"])).text
    assert not data["mine"]


@pytest.mark.parametrize(
    "headers", [{"Host": "origyne.example"}, {"Origin": "http://elsewhere.example"}, {"Origin": "null"}], ids=str
)
async def test_no_other_site_may_ask_the_page(client: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    async with client.post("/chat/send", json={"text": "/aide"}, headers=headers) as refused:
        assert refused.status == 403


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/events"])
async def test_what_the_page_serves_runs_nothing_from_elsewhere(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.status == 200
        if path != "/events":
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_what_cannot_be_done_is_said_in_french(client: aiohttp.ClientSession) -> None:
    for path, members, words in (
        ("/chat/send", {"text": "  "}, "de 1 à 4 096 caractères"),
        ("/chat/press", {"message_id": 999_999, "button": "x"}, "n'est plus là"),
        ("/faults/telegram", {"fault": "inconnue"}, "n'existe pas"),
        ("/faults/cut", {"server": "inconnu"}, "n'existe pas"),
    ):
        async with client.post(path, json=members) as refused:
            assert refused.status == 422
            assert words in (await refused.json())["error"]


@pytest.mark.parametrize("fault", ["429", "502"])
async def test_an_answer_that_telegram_refuses_comes_once_and_the_journal_says_both(
    client: aiohttp.ClientSession, sandbox: Sandbox, fault: str
) -> None:
    await done(client, "/faults/telegram", fault=fault)
    sent = await done(client, "/chat/send", text=LINE)
    await answer(sandbox, sent["message_id"])
    async with asyncio.timeout(PATIENCE):
        while "Le message est passé" not in [entry["text"] for entry in (await everything(client))["journal"]]:
            await sandbox.phone.changed(1)
    journal = (await everything(client))["journal"]
    assert any(entry["kind"] == "fault" and f"({fault})" in entry["text"] for entry in journal)
    answers = [message for message in sandbox.phone.messages if message.reply_to == sent["message_id"]]
    assert len([message for message in answers if "06 39 98 00 01" in message.text]) == 1


async def test_an_answer_whose_receipt_telegram_loses_comes_a_second_time_rather_than_never(
    client: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    await done(client, "/faults/telegram", fault="timeout_after")
    sent = await done(client, "/chat/send", text=LINE)
    shown = await answer(sandbox, sent["message_id"])
    told = [entry["text"] for entry in (await everything(client))["journal"] if entry["kind"] == "fault"]
    assert any("sa réponse au robot se perd" in text for text in told)
    async with asyncio.timeout(2 * PATIENCE):  # the robot waits for Telegram's word as long as a slow one may take
        while not any(it.message_id > shown.message_id and it.text == shown.text for it in sandbox.phone.messages):
            await sandbox.phone.changed(1)


async def test_what_is_written_to_a_killed_robot_is_answered_once_it_runs_again(
    client: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    assert (await done(client, "/faults/cut", server="robot"))["cut"] == ["robot"]
    assert not sandbox.running
    sent = await done(client, "/chat/send", text=LINE)
    assert (await done(client, "/faults/restore", server="robot"))["cut"] == []
    assert "06 39 98 00 01" in (await answer(sandbox, sent["message_id"])).text


async def test_a_file_that_comes_while_the_ftp_is_cut_is_read_when_it_is_back(
    client: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    await done(client, "/faults/cut", server="ftp")
    path = sandbox.operator.deliver_sim_listing(datetime.now(PARIS))
    await done(client, "/faults/restore", server="ftp")
    async with asyncio.timeout(PATIENCE):
        while path.name not in "".join(message.text for message in sandbox.phone.messages):
            await sandbox.phone.changed(1)


async def test_a_mail_that_waits_for_its_server_goes_when_it_is_back(
    client: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    async def changes_mailed() -> int:
        return sum(
            "changement de ligne" in str(_mail(raw)["Subject"]) for raw in await sandbox.mail.messages(TECHNICAL)
        )

    def changes_told() -> int:
        return sum("changement de ligne" in message.text for message in sandbox.phone.messages)

    told, mailed = changes_told(), await changes_mailed()
    await done(client, "/faults/cut", server="mail")
    sandbox.operator.change_line(LINE, status="Suspendue")
    sandbox.operator.deliver_status(datetime.now(PARIS))
    async with asyncio.timeout(PATIENCE):
        while changes_told() == told:
            await sandbox.phone.changed(1)
    assert await changes_mailed() == mailed
    await done(client, "/faults/restore", server="mail")
    async with asyncio.timeout(PATIENCE):
        while await changes_mailed() == mailed:
            await sandbox.phone.changed(0.2)

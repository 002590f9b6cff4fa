"""The running service and its chat: what a restart, a second service and people who leave do to it."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from bot.sandbox import pictures
from bot.sandbox.botapi import BotApi, Message, Phone
from bot.sandbox.operator import PERSONALISATION
from bot.supervision import leave
from tests.handlers.filled import small_operator
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.misbehaving import Link
from tests.peers.service import TOKEN, Service, env_of

PATIENCE = 60.0


@dataclass
class Gate(Link):
    """A relay that keeps what has these bytes in it, and all that comes after, until it is opened; nothing is lost.

    `shut`: without them it keeps nothing; `keeps`: whether something waits in front of it.
    """

    at: bytes = b""
    shut: bool = True
    keeps: bool = False
    _opened: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        self.shut = False
        self._opened.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            if self.shut and self.at in chunk:
                self.keeps = True
                await self._opened.wait()
            writer.write(chunk)
            await writer.drain()
        writer.close()


async def mail_to_technique(mail: MailPeer, words: str) -> str:
    """The words of the first mail with this subject."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for raw in await asyncio.to_thread(mail.messages, "technique"):
            message = message_from_bytes(raw, policy=default)
            if words in str(message["Subject"]):
                part = message.get_body(preferencelist=("plain",))  # type: ignore[attr-defined]
                return str(part.get_content())
        await asyncio.sleep(0.2)
    raise AssertionError(f"no mail « {words} »")


async def enrolled(api: BotApi, mail: MailPeer) -> Phone:
    phone = api.phone(7001, "Camille")
    code = re.search(r"/start (\S+)", await mail_to_technique(mail, "relier votre Telegram"))
    assert code
    welcome = await phone.ask(f"/start {code[1]}", timeout=PATIENCE)
    assert "Bonjour Camille Martin" in welcome.text
    return phone


async def answer_to(phone: Phone, question: str) -> Message:
    """What the bot says under a question: a notice of the first pass may come before it."""
    asked = phone.send(question).message_id
    return await phone.wait(lambda message: message.reply_to == asked, timeout=PATIENCE)


@pytest.fixture
def env(embedded_ftp: FtpPeer) -> FtpPeer:
    small_operator(embedded_ftp.root)
    return embedded_ftp


async def test_a_file_that_was_asked_for_is_still_awaited_after_a_crash(
    env: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(env, embedded_mail, api))
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await answer_to(phone, "/upload logo")
            await asyncio.to_thread(service.kill)
            phone.send_file("logo.png", pictures.logo())
            service.start()
            # What was being sent at the crash can come once more before it.
            shown = await phone.wait(lambda message: "Logo conforme" in message.text, timeout=PATIENCE)
            await asyncio.to_thread(service.kill)
            phone.press(shown, "✅ Déposer")
            service.start()
            await phone.wait(lambda message: "déposé" in message.text, timeout=PATIENCE)
        finally:
            await asyncio.to_thread(service.stop)
    assert (env.root / PERSONALISATION / "logo.png").read_bytes() == pictures.logo()


async def test_a_person_who_blocks_the_bot_is_told_by_mail_and_comes_back_by_writing(
    env: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(env, embedded_mail, api))
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await mail_to_technique(embedded_mail, "remière lecture")
            phone.block_bot()
            words = await mail_to_technique(embedded_mail, "votre chat Telegram n'est plus joignable")
            assert "débloquer le robot" in words
            answer = await answer_to(phone, "/status 0639980001")
            assert "06 39 98 00 01" in answer.text
        finally:
            await asyncio.to_thread(service.stop)


async def test_a_pass_that_is_asked_for_is_made_and_told(env: FtpPeer, embedded_mail: MailPeer, tmp_path: Path) -> None:
    async with BotApi(TOKEN) as api:
        slow = {"ORIGYNE_FTP_INTERVAL": "3600", "ORIGYNE_FTP_INTERVAL_OUTSIDE": "3600"}
        service = Service(tmp_path, env_of(env, embedded_mail, api) | slow)
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await mail_to_technique(embedded_mail, "remière lecture")
            (env.root / "Documents").mkdir(exist_ok=True)
            (env.root / "Documents" / "Note.pdf").write_bytes(b"%PDF-1.4 note")
            phone.send("/sync")
            told = await phone.wait(lambda message: message.text.startswith("Passe terminée"), timeout=PATIENCE)
            assert "1 fichier reçu" in told.text
            phone.send("/sync")
            await phone.wait(lambda message: "rien de nouveau" in message.text, timeout=PATIENCE)
        finally:
            await asyncio.to_thread(service.stop)


async def test_a_pass_that_lasts_holds_no_question_up_and_is_told_when_it_ends(
    env: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    gate = Gate(env.port, shut=False)
    async with BotApi(TOKEN) as api, gate.running() as port:
        slow = {"ORIGYNE_FTP_INTERVAL": "3600", "ORIGYNE_FTP_INTERVAL_OUTSIDE": "3600", "ORIGYNE_FTP_PORT": str(port)}
        service = Service(tmp_path, env_of(env, embedded_mail, api) | slow)
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await mail_to_technique(embedded_mail, "remière lecture")
            (env.root / "Documents").mkdir(exist_ok=True)
            (env.root / "Documents" / "Note.pdf").write_bytes(b"%PDF-1.4 note")
            gate.shut = True
            phone.send("/sync")
            phone.send("/status 0639980001")
            await phone.wait(lambda message: message.text.startswith("La passe sur le FTP est en cours."), PATIENCE)
            status = await phone.wait(lambda message: "06 39 98 00 01 : " in message.text, timeout=PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while not gate.keeps:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert not [message for message in phone.messages if message.text.startswith("Passe terminée")]
            assert status.reply_to
            gate.open()
            told = await phone.wait(lambda message: message.text.startswith("Passe terminée"), timeout=PATIENCE)
            assert "1 fichier reçu" in told.text
        finally:
            await asyncio.to_thread(service.stop)


async def test_a_second_service_with_the_same_token_says_so_and_lets_the_first_one_be(
    env: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    async with BotApi(TOKEN) as api:
        given = env_of(env, embedded_mail, api)
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        first, second = Service(tmp_path / "one", given), Service(tmp_path / "two", given)
        first.start()
        try:
            phone = api.phone(7001, "Camille")
            await phone.ask("bonjour", timeout=PATIENCE)
            second.start()
            async with asyncio.timeout(PATIENCE):
                while "un autre service de cette machine" not in second.words:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            other = api.phone(7002, "Bruno")
            assert (await other.ask("bonjour", timeout=PATIENCE)).text == "Ce robot est privé."
            assert await asyncio.to_thread(second.stop) == 0
        finally:
            await asyncio.to_thread(second.stop)
            await asyncio.to_thread(first.stop)
        # Neither tells of a conflict; three figures alone may be those of a time of day.
        assert "another poll" not in first.words + second.words
        assert "(409)" not in first.words + second.words
        assert TOKEN not in first.words + second.words


async def test_a_loop_that_loses_its_cancellation_is_told_again() -> None:
    async def loses_one() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    tasks = [asyncio.create_task(loses_one(), name="mail outbox"), asyncio.create_task(asyncio.sleep(3600), name="x")]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await leave(tasks)
    assert all(task.cancelled() for task in tasks)

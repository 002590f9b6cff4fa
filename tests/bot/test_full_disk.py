"""The unmodified service on a disk that is full: it lives, loses nothing, doubles nothing, and says what is wrong."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from bot.sandbox.botapi import BotApi, Phone
from bot.sandbox.operator import SUSPENDED, Operator
from core.folders import PARIS
from tests.bot.test_service import TODAY, _enrol, _mail_to, _write
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.pressure import SmallDisk
from tests.peers.service import TOKEN, Service, env_of

PATIENCE = 120.0

QUESTION = "/status 06 39 98 00 01"


def _operator(ftp: FtpPeer) -> Operator:
    operator = Operator(ftp.root, today=TODAY, lines=24, clients=3, months=1)
    operator.fill()
    return operator


async def _until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(look):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


def _subjects(mail: MailPeer, user: str) -> list[str]:
    found = []
    for raw in mail.messages(user):
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        found.append(str(message["Subject"]))
    return found


def _texts(phone: Phone) -> list[str]:
    return [it.text for it in phone.messages]


@pytest.mark.timeout(400)
async def test_a_full_disk_loses_nothing_doubles_nothing_and_is_said_by_a_message_that_needs_none(
    small_disk: SmallDisk, embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    operator, mail = _operator(embedded_ftp), embedded_mail
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(embedded_ftp, mail, api))
        phone = api.phone(user_id=7001, first_name="Camille")
        service.start()
        try:
            await _mail_to(mail, "technique", "remière lecture")
            await _enrol(mail, phone)
            assert "06 39 98 00 01" in (await phone.ask(QUESTION, timeout=PATIENCE)).text
            before = len(phone.messages)

            await asyncio.to_thread(small_disk.fill)
            phone.send(QUESTION)
            await _write(mail, "technique", "Pendant la panne", "status 0639980001\n")
            operator.change_line("0639980001", status=SUSPENDED)
            operator.deliver_status(datetime(2026, 11, 24, 9, tzinfo=PARIS))
            alarm = await phone.wait(lambda message: "ne peut plus rien écrire" in message.text, timeout=PATIENCE)
            assert "le disque est plein" in alarm.text
            assert "Rien n'est perdu" in alarm.text
            await _until(lambda: "stumbled" in service.words)
            # Nobody was told that we have what is not on the disk.
            assert api.pending >= 1
            assert len(phone.messages) == before + 1
            assert "Re: Pendant la panne" not in await asyncio.to_thread(_subjects, mail, "technique")

            small_disk.free()
            await _until(lambda: any("Forfait :" in it for it in _texts(phone)[before:]))
            await _until(lambda: any("changement de ligne" in it for it in _texts(phone)))
            await _mail_to(mail, "technique", "Re: Pendant la panne")
            await _until(lambda: any("écrit de nouveau" in it for it in _texts(phone)))
            await _until(lambda: api.pending == 0)
            # Each once.
            texts = _texts(phone)[before:]
            assert sum("ne peut plus rien écrire" in it for it in texts) == 1
            assert sum("écrit de nouveau" in it for it in texts) == 1
            assert sum("Forfait :" in it for it in texts) == 1
            assert sum("changement de ligne" in it for it in texts) == 1
            subjects = await asyncio.to_thread(_subjects, mail, "technique")
            assert subjects.count("Re: Pendant la panne") == 1
            with closing(sqlite3.connect(small_disk.folder / "desk.db")) as desk:
                assert desk.execute("SELECT count(*) FROM outbox WHERE uncertain").fetchone() == (0,)
                assert desk.execute("SELECT count(*) FROM inbox WHERE state != 'done'").fetchone() == (0,)
            assert await asyncio.to_thread(service.stop) == 0
            # While it runs, it writes one every few seconds that is there for a moment (`bot.health`).
            assert not list(small_disk.folder.rglob("*.part"))
        finally:
            await asyncio.to_thread(service.stop)

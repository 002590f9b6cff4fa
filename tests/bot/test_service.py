"""The unmodified service against real servers: what its three people live."""

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from bot.desk import FILE_NAME as DESK
from bot.sandbox.botapi import BotApi, Phone
from bot.sandbox.operator import PERSONALISATION, SUSPENDED, Operator
from bot.sandbox.pictures import banner, logo
from core.folders import PARIS
from core.store import open_to_read
from handlers import french, registry
from tests.core.contents import contents
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.service import TOKEN, Service, env_of

TODAY = date(2026, 11, 24)
PATIENCE = 60.0


@pytest.fixture(params=["vsftpd_tls", "proftpd_tls"])
def operator_ftp(request: pytest.FixtureRequest) -> FtpPeer:
    peer = request.getfixturevalue(request.param)
    assert isinstance(peer, FtpPeer)
    return peer


def _filled(ftp: FtpPeer) -> Operator:
    operator = Operator(ftp.root, today=TODAY, lines=60, clients=5, months=2)
    operator.fill()
    return operator


def _parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain",))
    return str(part.get_content()) if part else ""


async def _mail_to(mail: MailPeer, user: str, words: str) -> EmailMessage:
    deadline = time.monotonic() + PATIENCE
    subjects: list[str] = []
    while time.monotonic() < deadline:
        found = [_parsed(raw) for raw in await asyncio.to_thread(mail.messages, user)]
        subjects = [str(message["Subject"]) for message in found]
        for message in found:
            if words in str(message["Subject"]):
                return message
        await asyncio.sleep(0.3)
    raise AssertionError(f"no mail « {words} » for {user}; there are {subjects}")


async def _enrol(mail: MailPeer, phone: Phone) -> None:
    invitation = await _mail_to(mail, "technique", "relier votre Telegram")
    code = re.search(r"/start (\S+)", _text(invitation))
    assert code
    welcome = await phone.ask(f"/start {code[1]}", timeout=PATIENCE)
    assert "Bonjour Camille Martin" in welcome.text


async def _write(mail: MailPeer, user: str, subject: str, text: str, *, verified: bool = True) -> str:
    message = EmailMessage()
    message["From"] = mail.address(user)
    message["To"] = mail.address("bot")
    message["Subject"] = subject
    # As long as Outlook's, which no header line holds.
    message["Message-ID"] = f"<{'PR3P195MB0923' * 4}{time.monotonic_ns()}@PR3P195MB0923.EURP195.PROD.OUTLOOK.TEST>"
    message.set_content(text)
    await asyncio.to_thread(mail.deliver, message.as_bytes(), ["bot"], user=user if verified else None)
    return str(message["Message-ID"])


async def test_the_service_does_its_main_job_on_real_servers_with_tls(
    operator_ftp: FtpPeer, postfix_dovecot: MailPeer, tmp_path: Path
) -> None:
    operator = _filled(operator_ftp)
    mail = postfix_dovecot
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(operator_ftp, mail, api))
        phone = api.phone(user_id=7001, first_name="Camille")
        service.start()
        try:
            # FTP to SQLite, and what each person is told of it.
            digest = await _mail_to(mail, "technique", "remière lecture")
            assert "Bonjour Camille Martin" in _text(digest)
            assert "60 lignes" in _text(digest)
            assert digest["Auto-Submitted"] == "auto-generated"
            assert digest["Message-ID"]
            assert digest["Date"]
            assert digest.get_body(preferencelist=("html",)) is not None
            bills = await _mail_to(
                mail, "compta", "facture Origyne, 5 factures clients et relevé de facturation d'octobre 2026"
            )
            assert len(list(bills.iter_attachments())) == 6

            await _enrol(mail, phone)
            technical = [it.name for it in registry.commands() if "technique" in it.roles]
            # Its own call, beside the welcome.
            await _until(lambda: [command.command for command in phone.menu] == technical)

            # A new invoice: its PDF, to accounting.
            invoice = operator.deliver_operator_invoice("2026-11")
            letter = await _mail_to(mail, "compta", "facture Origyne de novembre 2026")
            attached = {part.get_filename(): part.get_content() for part in letter.iter_attachments()}
            assert attached == {invoice.name: invoice.read_bytes()}

            # A line changes: chat and mail, once each.
            operator.change_line("0639980001", status=SUSPENDED)
            operator.deliver_status(datetime(2026, 11, 24, 9, tzinfo=PARIS))
            notice = await phone.wait(lambda message: "changement de ligne" in message.text, timeout=PATIENCE)
            assert "06 39 98 00 01" in notice.text
            assert "suspendue" in notice.text
            await _mail_to(mail, "technique", "1 changement de ligne")

            # Questions in chat.
            status = await phone.ask("/status 06 39 98 00 01", timeout=PATIENCE)
            assert "suspendue" in status.text
            assert "état au 24/11 à 09:00" in status.text
            assert "AccountStatus_20261124_090000.csv" in status.text
            assert "RIO correct" in (await phone.ask("/rio 01PEROY4P4TR 0612345678", timeout=PATIENCE)).text
            assert "RIO faux" in (await phone.ask("/rio check 01PEROY4P4RT 0612345678", timeout=PATIENCE)).text
            truth = operator.usage("Dupont BTP", "2026-10")
            conso = await phone.ask("/conso DUPONT 2026-10", timeout=PATIENCE)
            assert french.euros(truth.amount) in conso.text
            assert "dernier fichier BilledCDRs_202610.csv" in conso.text
            picture = await phone.wait(lambda message: message.photo is not None, timeout=PATIENCE)
            assert picture.reply_to is None

            # The logo, wrong then right.
            await phone.ask("/upload logo", timeout=PATIENCE)
            phone.send_file("faux.png", logo(96, 95))
            assert "96 × 95" in (await phone.wait(1, timeout=PATIENCE)).text
            assert not (operator_ftp.root / PERSONALISATION / "logo.png").exists()
            phone.send_file("juste.png", logo())
            shown = await phone.wait(lambda message: "conforme" in message.text, timeout=PATIENCE)
            phone.press(shown, "✅ Déposer")
            assert await phone.wait(lambda message: "déposé" in message.text, timeout=PATIENCE)
            assert (operator_ftp.root / PERSONALISATION / "logo.png").read_bytes() == logo()

            # A question by mail, answered in its thread.
            asked = await _write(mail, "compta", "Question", "Bonjour,\n\nconso DUPONT 2026-10\n\nMerci\n")
            reply = await _mail_to(mail, "compta", "Re: Question")
            assert reply["In-Reply-To"] == asked
            assert asked in reply["References"]
            assert french.euros(truth.amount) in _text(reply)

            # Somebody who is not who he says he is: nothing runs.
            faked = await _write(mail, "compta", "Faux", "conso DUPONT 2026-10\n", verified=False)
            asked = await _write(mail, "technique", "État", "status 0639980001\n")
            await _mail_to(mail, "technique", "Re: État")
            # It was dealt with too, and all that came of it was sent.
            dealt_with = "SELECT count(*) FROM inbox WHERE message_id = ? AND state = 'done'"
            await _until(lambda: _desk(service.data, dealt_with, faked) == 1)
            await _until(lambda: _desk(service.data, "SELECT count(*) FROM outbox WHERE state != 'sent'") == 0)
            found = [_parsed(raw)["Subject"] for raw in await asyncio.to_thread(mail.messages, "compta")]
            assert "Re: Faux" not in found

            # The same handlers in a terminal, beside the running service.
            asked_here = await asyncio.to_thread(service.run, "ask", "status 0639980001")
            assert asked_here.returncode == 0
            assert "suspendue" in asked_here.stdout
            (tmp_path / "bandeau.png").write_bytes(banner())
            shown_here = await asyncio.to_thread(service.run, "ask", "upload bandeau", "--file", "bandeau.png")
            assert shown_here.returncode == 0, shown_here.stdout
            assert (tmp_path / "Aperçu facture.pdf").read_bytes().startswith(b"%PDF")
            accept = re.search(r"/(upload accepter \w+)", shown_here.stdout)
            assert accept
            placed = await asyncio.to_thread(service.run, "ask", accept[1])
            assert placed.returncode == 0, placed.stdout
            assert (operator_ftp.root / PERSONALISATION / "bandeau.png").read_bytes() == banner()
            refused = await asyncio.to_thread(
                service.run, "ask", "rio 01PEROY4P4TR 0612345678", "--as", mail.address("compta")
            )
            assert refused.returncode == 1
            assert (await asyncio.to_thread(service.run, "ask", "bonjour")).returncode == 1

            doctor = await asyncio.to_thread(service.run, "doctor")
            assert doctor.returncode == 0, doctor.stdout
            for subject in (
                "Réglages",
                "Dossier de données",
                "FTP",
                "Courriel sortant",
                "Courriel entrant",
                "Telegram",
            ):
                assert f"✓ {subject}" in doctor.stdout
        finally:
            status_code = await asyncio.to_thread(service.stop)
        assert status_code == 0
        assert TOKEN not in service.words
        assert operator_ftp.password not in service.words


async def test_a_service_killed_amid_a_sync_ends_with_the_same_store_and_announces_everything_once(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    _filled(embedded_ftp)
    async with BotApi(TOKEN) as api:
        env = env_of(embedded_ftp, embedded_mail, api)
        calm, torn = tmp_path / "calm", tmp_path / "torn"
        for folder in (calm, torn):
            folder.mkdir()
        undisturbed = Service(calm, env)
        assert (await asyncio.to_thread(undisturbed.run, "sync")).returncode == 0

        service = Service(torn, env)
        kills = 0
        for files in (3, 20, 40, 60):
            service.start()
            try:
                await _until(lambda files=files: _count(service.data, "SELECT count(*) FROM files") >= files)  # type: ignore[misc]
                kills += _count(service.data, "SELECT count(*) FROM passes") == 0
            finally:
                service.kill()
        service.start()
        try:
            await _until(lambda: _count(service.data, "SELECT count(*) FROM passes") >= 1)
            await _mail_to(embedded_mail, "technique", "remière lecture")
            await _mail_to(embedded_mail, "compta", "5 factures clients et relevé de facturation d'octobre 2026")
        finally:
            service.stop()
        assert kills >= 3, "the kills came too late to prove anything"
        assert contents(service.data) == contents(undisturbed.data)
        subjects = [str(_parsed(raw)["Subject"]) for raw in embedded_mail.messages("compta")]
        assert len(subjects) == len(set(subjects)), subjects


async def test_a_second_service_on_the_same_data_says_why_it_does_not_start(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(embedded_ftp, embedded_mail, api))
        service.start()
        try:
            await _until(lambda: "service started" in service.words)
            second = await asyncio.to_thread(service.run, "serve")
        finally:
            service.stop()
    assert second.returncode == 2
    assert "un service tourne déjà" in second.stderr


async def test_doctor_names_each_server_that_does_not_answer(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    async with BotApi(TOKEN) as api:
        env = env_of(embedded_ftp, embedded_mail, api)
        env["ORIGYNE_FTP_PASSWORD"] = "not-the-one"
        env["ORIGYNE_TELEGRAM_TOKEN"] = "987654321:another-token-of-no-bot"
        doctor = await asyncio.to_thread(Service(tmp_path, env).run, "doctor")
    assert doctor.returncode == 1
    assert "✗ FTP" in doctor.stdout
    assert "✗ Telegram : jeton refusé" in doctor.stdout
    assert "✓ Courriel sortant" in doctor.stdout
    assert "not-the-one" not in doctor.stdout + doctor.stderr
    assert "another-token-of-no-bot" not in doctor.stdout + doctor.stderr


async def _until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(Exception):  # the store may not be there yet
            if true():
                return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


def _desk(data: Path, sql: str, *values: str) -> int:
    with closing(sqlite3.connect(f"file:{data / DESK}?mode=ro", uri=True)) as db:
        return int(db.execute(sql, values).fetchone()[0])


def _count(data: Path, sql: str) -> int:
    db = open_to_read(data)
    try:
        return int(db.execute(sql).fetchone()[0])
    finally:
        db.close()

"""The service ends when it is told to, whatever is going on, and what was under way is neither lost nor half-done."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

from bot.desk import FILE_NAME as DESK
from bot.house import open_house
from bot.mail.letter import Letter
from bot.running import LOCK, PID, held, is_running
from bot.sandbox import pictures
from bot.sandbox.botapi import BotApi
from bot.sandbox.operator import PERSONALISATION
from core.settings import Settings
from core.store import FILE_NAME as STORE
from handlers.answer import Answer
from tests.bot.test_chat_service import PATIENCE, Gate, answer_to, enrolled
from tests.bot.test_mail_flows import mail_to, send
from tests.handlers.filled import small_operator
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.misbehaving import HOST, Link, OddSmtp
from tests.peers.misbehaving.serving import Handler
from tests.peers.service import TOKEN, Service, env_of

#: What the service promises (seconds).
PROMISED = 10.0


class Mute(Handler):
    """A server of any protocol that takes connections and says nothing."""

    def __init__(self) -> None:
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await asyncio.Event().wait()


def mute_env(port: int, **more: object) -> dict[str, str]:
    """Settings whose servers are all at this port."""
    values: dict[str, object] = {
        "OPERATOR_NAME": "Télécom Exemple",
        "ACCOUNTING_EMAIL": "compta@client.test",
        "TECHNICAL_EMAIL": "technique@client.test",
        "TECHNICAL_CONTACT": "Camille Martin",
        "BOT_EMAIL": "robot@client.test",
        "DATA": "data",
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API": f"http://{HOST}:{port}",
        "FTP_HOST": HOST,
        "FTP_PORT": port,
        "FTP_LOGIN": "o",
        "FTP_PASSWORD": "p",
        "FTP_TLS": "none",
        "SMTP_HOST": HOST,
        "SMTP_PORT": port,
        "SMTP_TLS": "none",
        "IMAP_HOST": HOST,
        "IMAP_PORT": port,
        "IMAP_LOGIN": "robot",
        "IMAP_PASSWORD": "p",
        "IMAP_TLS": "none",
        **more,
    }
    return {f"ORIGYNE_{name}": str(value) for name, value in values.items()}


async def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(sqlite3.OperationalError):  # the store may not be there yet
            if await asyncio.to_thread(true):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to be")


async def stopped(service: Service) -> int:
    """SIGTERM, and the exit status, in the time that is promised."""
    return await asyncio.to_thread(service.stop, PROMISED)


def write_mail(folder: Path, env: dict[str, str], to: str = "compta@client.test") -> None:
    """Something to send, before the service starts."""
    settings = Settings.load(env)
    house = open_house(settings.model_copy(update={"data": folder / "data"}))
    with house.desk.atomic():
        house.write_letter(Letter(to=to, subject="Facture", greeting="Bonjour,", parts=(Answer("Voici"),)))
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


def rows(data: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{data / DESK}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def mails(data: Path) -> list[tuple[object, ...]]:
    return rows(data, "SELECT state, uncertain FROM outbox WHERE subject LIKE '%Facture' ORDER BY id")


# -- servers that say nothing


async def test_with_servers_that_say_nothing_it_ends_in_time_and_the_mail_under_way_waits(tmp_path: Path) -> None:
    mute = Mute()
    async with mute.running() as port:
        env = mute_env(port)
        write_mail(tmp_path, env)
        service = Service(tmp_path, env)
        service.start()
        try:
            await until(lambda: mute.connections >= 4)  # FTP, SMTP, IMAP and Telegram
            await until(lambda: mails(service.data) == [("sending", 0)])
            assert await stopped(service) == 0
        finally:
            await asyncio.to_thread(service.stop)
    assert "INFO bot.service stopped" in service.words
    assert mails(service.data) == [("sending", 0)]
    # The next service sends it, as one that may have arrived.
    smtp = OddSmtp()
    async with mute.running() as port, smtp.running() as smtp_port:
        service = Service(tmp_path, mute_env(port, SMTP_PORT=smtp_port))
        service.start()
        try:
            await until(lambda: mails(service.data) == [("sent", 1)])
        finally:
            await asyncio.to_thread(service.stop)
    assert len(smtp.taken) == 1


async def test_a_second_signal_hurries(tmp_path: Path) -> None:
    mute = Mute()
    async with mute.running() as port:
        env = mute_env(port)
        write_mail(tmp_path, env)
        service = Service(tmp_path, env)
        service.start()
        try:
            await until(lambda: mute.connections >= 4 and mails(service.data) == [("sending", 0)])
            # The second comes at once, and is another number: two of the same that wait to be heard are one.
            os.kill(service.pid, signal.SIGINT)
            assert await stopped(service) == 0
        finally:
            await asyncio.to_thread(service.stop)
    assert "not all ended in time" in service.words
    assert mails(service.data) == [("sending", 0)]


async def test_a_mail_and_a_message_under_way_are_brought_to_their_end(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    small_operator(embedded_ftp.root)
    smtp = OddSmtp()
    async with BotApi(TOKEN) as api, smtp.running() as smtp_port:
        env = env_of(embedded_ftp, embedded_mail, api)
        service = Service(tmp_path, env)
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            assert await stopped(service) == 0
            # Both wait until the service was told to stop, whichever of them comes first.
            mail = Gate(smtp_port, at=b"<equipe@client.test>")  # whom nothing else is written to
            chat = Gate(urlsplit(api.url).port or 0, at=b"/sendMessage ")
            async with mail.running() as mail_port, chat.running() as chat_port:
                others = {"SMTP_PORT": mail_port, "SMTP_TLS": "none", "SMTP_LOGIN": "", "SMTP_PASSWORD": ""}
                others |= {"TELEGRAM_API": f"http://{HOST}:{chat_port}"}
                env |= {f"ORIGYNE_{name}": str(value) for name, value in others.items()}
                write_mail(tmp_path, env, to="equipe@client.test")
                service = Service(tmp_path, env)
                phone.send("/aide")
                service.start()
                await until(lambda: mail.keeps and chat.keeps)
                stopping = asyncio.create_task(stopped(service))
                await until(lambda: service.words.count("INFO bot.service stopping") == 2)
                await asyncio.sleep(2)  # of the four seconds that they are given
                assert mails(service.data) == [("sending", 0)]
                mail.open()
                chat.open()
                assert await stopping == 0
        finally:
            await asyncio.to_thread(service.stop)
    assert service.words.count("INFO bot.service stopped") == 2
    assert rows(service.data, "SELECT channel FROM outbox WHERE state = 'sending' OR uncertain = 1") == []
    assert mails(service.data) == [("sent", 0)]
    assert sum(b"To: equipe@client.test" in mail for mail in smtp.taken) == 1


# -- amid a pass, a picture, a lock, a picture that is drawn


def files(data: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{data / STORE}?mode=ro", uri=True)) as db:
        return db.execute("SELECT path, size FROM files").fetchall()


#: What the clerk has to do: its door, and how often it was begun.
WORK = "SELECT door, tries FROM inbox WHERE state = 'new' ORDER BY door"


async def test_a_pass_a_picture_on_its_way_and_a_workshop_that_hangs(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    """All at once: the FTP falls silent amid a pass and amid an upload, and what draws is stopped amid a mail."""
    small_operator(embedded_ftp.root)
    link = Link(embedded_ftp.port)
    async with BotApi(TOKEN) as api, link.running() as port:
        env = env_of(embedded_ftp, embedded_mail, api) | {"ORIGYNE_FTP_PORT": str(port)}
        service = Service(tmp_path, env)
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await until(lambda: "pass: " in service.words)
            await answer_to(phone, "/upload logo")
            phone.send_file("logo.png", pictures.logo())
            shown = await phone.wait(lambda message: "Logo conforme" in message.text, timeout=PATIENCE)
            link.silent = True
            (embedded_ftp.root / "Documents").mkdir(exist_ok=True)
            (embedded_ftp.root / "Documents" / "Contrat.pdf").write_bytes(b"%PDF" + bytes(1_000_000))
            phone.press(shown, "✅ Déposer")
            await until(lambda: link.under_way == 2)  # a pass and the upload
            workshops = children(service.pid, "core.workshop")
            assert workshops
            for pid in workshops:
                os.kill(pid, signal.SIGSTOP)
            await send(embedded_mail, "compta", "/conso Dupont octobre 2026")
            await until(lambda: rows(service.data, WORK) == [("chat", 1), ("mail", 1)])
            assert await stopped(service) == 0
            assert "INFO bot.service stopped" in service.words
            assert children(0, str(tmp_path)) == []
            assert rows(service.data, WORK) == [("chat", 0), ("mail", 0)]
            assert "Documents/Contrat.pdf" not in [path for path, _ in files(service.data)]
            link.cut()
            link.silent = False
            service.start()
            await phone.wait(lambda message: "déposé" in message.text, timeout=PATIENCE)
            answer = await mail_to(embedded_mail, "compta", "Re: Bonjour")
            assert "image/png" in [part.get_content_type() for part in answer.walk()]
            await until(lambda: ("Documents/Contrat.pdf", 1_000_004) in files(service.data))
        finally:
            await asyncio.to_thread(service.stop)
    assert (embedded_ftp.root / PERSONALISATION / "logo.png").read_bytes() == pictures.logo()
    assert sorted(it.name for it in (embedded_ftp.root / PERSONALISATION).iterdir()) == ["logo.png"]
    assert sum("déposé" in message.text for message in phone.messages) == 1


async def test_a_store_that_another_program_holds_does_not_hold_up_the_end(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    """The service waits for it on its event loop, where no signal is heard."""
    small_operator(embedded_ftp.root)
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(embedded_ftp, embedded_mail, api))
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await until(lambda: rows(service.data, "SELECT 1 FROM outbox WHERE state != 'sent'") == [])
            with closing(sqlite3.connect(service.data / DESK, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                phone.send("/aide conso")
                await asyncio.sleep(1)
                assert await stopped(service) == 0
            assert not any(message.text.startswith("/conso :") for message in phone.messages)
            service.start()
            await phone.wait(lambda message: message.text.startswith("/conso :"), timeout=PATIENCE)
        finally:
            await asyncio.to_thread(service.stop)


def children(pid: int, words: str) -> list[int]:
    """Processes whose command line holds these words, of one parent (0 for any)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if words in (folder / "cmdline").read_text() and parent == (pid or parent):
                found.append(int(folder.name))
    return found


# -- one at a time


async def test_a_second_service_names_the_first_one_and_a_dead_one_s_lock_is_no_obstacle(tmp_path: Path) -> None:
    mute = Mute()
    async with mute.running() as port:
        service = Service(tmp_path, mute_env(port))
        service.start()
        try:
            await until(lambda: "service started" in service.words)
            first = service.pid
            second = await asyncio.to_thread(service.run, "serve")
            assert second.returncode == 2
            assert "un service tourne déjà" in second.stderr
            assert f"(processus {first})" in second.stderr
            await asyncio.to_thread(service.kill)
            assert (service.data / LOCK).exists()
            assert (service.data / PID).read_text("ascii") == f"{first}\n"
            service.start()
            await until(lambda: service.words.count("service started") == 2)
            assert await stopped(service) == 0
        finally:
            await asyncio.to_thread(service.stop)
    assert not (service.data / PID).exists()


async def test_a_command_that_asks_whether_a_service_runs_does_not_keep_one_from_starting(tmp_path: Path) -> None:
    asking = True

    def ask() -> None:
        while asking:
            is_running(tmp_path)

    asker = asyncio.create_task(asyncio.to_thread(ask))
    try:
        for _ in range(50):
            with held(tmp_path):
                await asyncio.sleep(0.001)
    finally:
        asking = False
        await asker

"""The service's own loops, and real servers: a mail that comes back, and mails that cannot leave."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from bot import service
from bot.desk import audit, faulty, open_desk, progress
from bot.desk.outbox import Outbox
from bot.house import House, open_house
from bot.mail import smtp
from bot.mail.letter import Letter
from core.settings import Settings
from handlers.answer import Answer
from tests.peers.mail import GONE, MailPeer
from tests.peers.misbehaving import HOST, OddSmtp

SOON = 10**10  # a time after every next try


@contextmanager
def opened(data: Path, **more: object) -> Iterator[House]:
    house = open_house(
        Settings.model_validate(
            {
                "operator_name": "Télécom Exemple",
                "accounting_email": "compta@client.test",
                "technical_email": "technique@client.test",
                "technical_contact": "Camille Martin",
                "bot_email": "bot@client.test",
                "data": data,
                "telegram_token": "123456789:test-token-of-no-bot",
                "ftp_host": "localhost",
                "ftp_login": "o",
                "ftp_password": "p",
                "smtp_host": HOST,
                "imap_host": "localhost",
                "imap_login": "robot",
                "imap_password": "p",
                **more,
            }
        )
    )
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


@asynccontextmanager
async def served(data: Path, peer: MailPeer) -> AsyncIterator[tuple[House, service._Service]]:
    """A service that sends and receives mail, and deals with it."""
    out, box = peer.smtp("bot"), peer.imap("bot")
    given = {
        "smtp_port": out.port,
        "smtp_login": out.login,
        "smtp_password": out.password,
        "smtp_tls": out.tls,
        "imap_host": box.host,
        "imap_port": box.port,
        "imap_login": box.login,
        "imap_password": box.password,
        "imap_tls": box.tls,
        "tls_ca": box.ca_file,
        "mail_trusted_server": peer.server_name,
    }
    with opened(data, **given) as house:
        running = service._Service(house)
        loops = (running._postman.run, running._receive_mail, running._clerk.run)
        tasks = [asyncio.create_task(loop()) for loop in loops]
        try:
            yield house, running
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def write(house: House, to: str) -> None:
    with house.desk.atomic():
        house.write_letter(Letter(to=to, subject="Facture", greeting="Bonjour,", parts=(Answer("Voici"),)))


def states(house: House) -> list[str]:
    rows = house.desk.execute("SELECT state FROM outbox WHERE subject LIKE '%Facture' ORDER BY id").fetchall()
    return [state for (state,) in rows]


async def test_a_mail_that_comes_back_from_a_real_server_is_told_and_sent_anew_elsewhere(
    postfix_dovecot: MailPeer, tmp_path: Path
) -> None:
    peer = postfix_dovecot
    async with served(tmp_path, peer) as (house, running):
        write(house, GONE)
        await until(lambda: states(house) == ["failed"])
        (marked,) = faulty.marked(house.desk, house.context.now())
        assert marked.address == GONE

        # There is no chat: the technical contact hears of it by mail.
        (raw,) = await asyncio.to_thread(peer.wait_for, "technique")
        told = message_from_bytes(raw, policy=default)
        assert "un courriel est revenu" in told["Subject"]

        # Another process changes the queue of the service that runs.
        beside = open_desk(house.data)
        outbox = Outbox(beside)
        (entry,) = [it for it in outbox.unsettled(0) if it.recipient == GONE]
        payload, _ = outbox.content(entry.id)
        assert payload
        assert outbox.retry(entry, "compta@client.test", payload.replace(GONE.encode(), b"compta@client.test"))
        beside.close()
        running._postman.posted.set()  # else within half a minute
        (raw,) = await asyncio.to_thread(peer.wait_for, "compta")
        assert message_from_bytes(raw, policy=default)["Message-ID"] == entry.message_id
        await until(lambda: states(house) == ["sent"])


async def post(house: House, rounds: int) -> None:
    running = service._Service(house)
    running._postman.connection = smtp.Connection(house.settings.smtp)
    for _ in range(rounds):
        for parcel in house.outbox.due("mail", SOON):
            await running._postman.post(parcel)
    await running._postman.connection.close()


async def test_while_the_account_is_refused_no_mail_is_given_up(tmp_path: Path) -> None:
    server = OddSmtp(answers={"EHLO": "250-odd.test\r\n250 AUTH PLAIN LOGIN", "AUTH": "535 5.7.8 no"})
    async with server.running() as port:
        with opened(tmp_path, smtp_port=port, smtp_tls="none", smtp_login="bot", smtp_password="p") as house:
            write(house, "compta@client.test")
            await post(house, 12)
            assert states(house) == ["queued"]


async def test_a_mail_that_cannot_be_sent_stops_no_other(tmp_path: Path) -> None:
    server = OddSmtp()
    async with server.running() as port:
        with opened(tmp_path, smtp_port=port, smtp_tls="none") as house:
            house.outbox.add("mail", "technique@client.test", b"no mail at all", subject="Facture")
            write(house, "compta@client.test")
            await post(house, 2)
            assert states(house) == ["queued", "sent"]


async def test_a_mail_that_was_refused_says_so_by_mail_where_there_is_no_chat(tmp_path: Path) -> None:
    server = OddSmtp(answers={"RCPT <compta@client.test>": "552 5.2.2 full"})
    async with server.running() as port:
        with opened(tmp_path, smtp_port=port, smtp_tls="none") as house:
            write(house, "compta@client.test")
            await post(house, 2)
            assert states(house) == ["failed"]
            (told,) = server.taken
            assert b"To: technique@client.test" in told
            assert [it.address for it in faulty.marked(house.desk, house.context.now())] == ["compta@client.test"]


async def test_the_service_forgets_what_was_sent_a_week_ago(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        write(house, "compta@client.test")
        (parcel,) = house.outbox.due("mail", SOON)
        house.outbox.sent(parcel)
        house.desk.execute("UPDATE outbox SET sent_at = sent_at - 7 * 86400 - 60")
        purging = asyncio.create_task(service._Service(house)._purge())
        await until(lambda: house.outbox.content(parcel.id) == (None, None))
        purging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await purging


async def test_the_service_purges_once_a_day_and_notes_the_head_of_the_audit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "bot.service")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # the same day to the end
    monkeypatch.setattr(service, "PURGE_INTERVAL", 0.0)
    looks: list[int] = []
    with opened(tmp_path) as house:
        monkeypatch.setattr(house.outbox, "forget_sent", looks.append)
        with house.desk.atomic():
            house.desk.execute("INSERT INTO buttons (token, command, at) VALUES ('old', 'status', 1)")
            audit.record(house.desk, "technique", "chat", "status", "answered")
        head = audit.head(house.desk)
        for _ in range(2):  # started again on the same day
            looks.clear()
            purging = asyncio.create_task(service._Service(house)._purge())
            await until(lambda: len(looks) >= 2)  # once more after a whole one
            purging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await purging
        assert progress.get(house.desk, "purged_on") == now // 86400
        assert house.desk.table("buttons").count == 0
    said = [record.getMessage() for record in caplog.records if record.name == "bot.service"]
    assert said.count("purged: 1 of buttons") == 1
    assert said.count(f"audit head: {head[0]} {head[1]}") == 1

"""The unmodified service on damaged stores, its daily backup, and its end when a store breaks while it runs."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from bot import backups as daily
from bot.desk import FILE_NAME as DESK
from bot.house import House
from bot.sandbox.botapi import BotApi, Phone
from bot.sandbox.operator import SUSPENDED, Operator
from bot.troubles import Subject
from core import backup as backups
from core import soundness, store
from core.folders import PARIS
from core.settings import Settings
from core.store import FILE_NAME as TELECOM
from tests.bot.posting import Ledger, a_mail, in_idle, receiving
from tests.core.contents import contents
from tests.handlers.filled import TODAY, settings
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.service import TOKEN, Service, env_of

PATIENCE = 90.0


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


def mails(peer: MailPeer, user: str) -> list[EmailMessage]:
    return [
        it for raw in peer.messages(user) if isinstance(it := message_from_bytes(raw, policy=default), EmailMessage)
    ]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain",))
    return str(part.get_content()) if part else ""


async def mail_to(peer: MailPeer, user: str, words: str) -> EmailMessage:
    found: list[EmailMessage] = []

    def look() -> bool:
        found[:] = [it for it in mails(peer, user) if words in str(it["Subject"])]
        return bool(found)

    await until(look)
    return found[0]


async def enrolled(api: BotApi, peer: MailPeer) -> Phone:
    phone = api.phone(user_id=7001, first_name="Camille")
    code = re.search(r"/start (\S+)", text_of(await mail_to(peer, "technique", "relier votre Telegram")))
    assert code
    await phone.ask(f"/start {code[1]}", timeout=PATIENCE)
    return phone


async def status_of(phone: Phone, number: str) -> str:
    """What the bot says under the question: notices of the start may come before it."""
    asked = phone.send(f"/status {number}").message_id
    return (await phone.wait(lambda message: message.reply_to == asked, timeout=PATIENCE)).text


def filled(ftp: FtpPeer) -> Operator:
    operator = Operator(ftp.root, today=TODAY, lines=12, clients=2, months=2)
    operator.fill()
    return operator


def close_log(path: Path) -> None:
    with closing(store.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def all_sent(data: Path) -> bool:
    with closing(store.connect(data / DESK)) as desk:
        return desk.execute("SELECT 1 FROM outbox WHERE state IN ('queued', 'sending')").fetchone() is None


def subjects(peer: MailPeer) -> list[str]:
    return sorted(str(it["Subject"]) for user in ("technique", "compta") for it in mails(peer, user))


async def test_a_service_starts_on_damaged_stores_mends_them_and_says_so(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    operator, mail = filled(embedded_ftp), embedded_mail
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(embedded_ftp, mail, api))
        service.start()
        try:
            phone = await enrolled(api, mail)
            await mail_to(mail, "technique", "remière lecture")
            await mail_to(mail, "compta", "relevé de facturation")
            done = await asyncio.to_thread(service.run, "backup")
            assert done.returncode == 0, done.stderr
            operator.change_line("0639980001", status=SUSPENDED)
            operator.deliver_status(datetime(2026, 11, 24, 9, tzinfo=PARIS))
            await mail_to(mail, "technique", "1 changement de ligne")
            await until(lambda: all_sent(service.data))
            await asyncio.to_thread(service.stop)
            before, told = contents(service.data), subjects(mail)

            # telecom.db, with garbage in its middle.
            close_log(service.data / TELECOM)
            with (service.data / TELECOM).open("r+b") as file:
                file.seek(file.seek(0, 2) // 2)
                file.write(b"\xa5" * 8 * 8192)
            service.start()
            alert = await mail_to(mail, "technique", "Les bases ont été remises en état")
            assert "telecom.db était abîmée" in text_of(alert)
            assert "sauvegarde du" in text_of(alert)
            await phone.wait(lambda message: "remises en état" in message.text, timeout=PATIENCE)
            await until(lambda: contents(service.data)["lines"] == before["lines"])  # after the first pass
            assert "suspendue" in await status_of(phone, "0639980001")
            after = contents(service.data)
            for table in ("cdrs", "lines", "line_changes", "sims", "usage_by_line", "invoices"):
                assert after[table] == before[table], table
            # A later notice than any that the first pass could bring.
            operator.change_line("0639980006", status=SUSPENDED)
            operator.deliver_status(datetime(2026, 11, 24, 10, tzinfo=PARIS))
            last = await mail_to(mail, "technique", "00 06 suspendue")
            await until(lambda: all_sent(service.data))
            await asyncio.to_thread(service.stop)
            assert subjects(mail) == sorted([*told, str(alert["Subject"]), str(last["Subject"])])

            # desk.db, cut short: the chat is bound as it was, and what was told since is told once more, marked.
            close_log(service.data / DESK)
            content = (service.data / DESK).read_bytes()
            (service.data / DESK).write_bytes(content[: len(content) // 2])
            service.start()
            marked = await mail_to(mail, "technique", "(peut-être déjà reçu)")
            assert "changement de ligne" in str(marked["Subject"])
            assert "suspendue" in await status_of(phone, "0639980006")
            assert any("desk.db était abîmée" in text_of(it) for it in mails(mail, "technique"))
        finally:
            await asyncio.to_thread(service.stop)


async def test_a_store_that_breaks_while_the_service_runs_ends_it_and_the_next_start_mends_it(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    filled(embedded_ftp)
    async with BotApi(TOKEN) as api:
        service = Service(tmp_path, env_of(embedded_ftp, embedded_mail, api))
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await mail_to(embedded_mail, "technique", "remière lecture")
            assert (await asyncio.to_thread(service.run, "backup")).returncode == 0
            with (service.data / TELECOM).open("r+b") as file:
                end = file.seek(0, 2)
                file.seek(8192)
                file.write(b"\xa5" * (end - 8192))
            phone.send("/conso DUPONT 2026-10")
            await until(lambda: service._process and service._process.poll() is not None)
            assert service._process
            assert service._process.returncode == soundness.DAMAGED
            assert "une base est abîmée" in service.words
            service.start()
            assert "telecom.db était abîmée" in text_of(
                await mail_to(embedded_mail, "technique", "Les bases ont été remises en état")
            )
            await phone.wait(
                lambda message: "conso" in message.text.lower() or "DUPONT" in message.text, timeout=PATIENCE
            )
        finally:
            await asyncio.to_thread(service.stop)


async def test_after_a_restore_a_mail_that_stayed_and_was_answered_is_not_answered_again(
    embedded_mail: MailPeer,
) -> None:
    embedded_mail.deliver(a_mail("répondu").as_bytes(), ["bot"])
    first = Ledger()
    with receiving(embedded_mail.imap("bot"), first) as receiver:
        await first.holds(1)
        first.waiting = {first.mails[0].uid: ""}  # marked as seen, and left where it is
        receiver.file_now()
        await first.has_filed(1)
    embedded_mail.deliver(a_mail("nouveau").as_bytes(), ["bot"])
    embedded_mail.wait_for("bot", 2)
    restored = Ledger()
    with receiving(embedded_mail.imap("bot"), restored, seen_until=datetime.now(PARIS).date()):
        await restored.holds(1)
        await in_idle(restored)
    assert restored.subjects() == ["nouveau"]


# -- the daily one


@pytest.mark.parametrize(
    ("newest", "now", "ran", "due"),
    [
        (None, "26/11 03:29", 10.0, False),
        (None, "26/11 03:30", 10.0, True),
        ("25/11 03:30", "26/11 03:30", 10.0, True),
        ("26/11 03:30", "26/11 03:31", 9999.0, False),
        ("26/11 03:30", "27/11 03:29", 9999.0, False),
        ("25/11 14:00", "26/11 15:59", 9999.0, False),
        ("25/11 14:00", "26/11 16:01", 9999.0, True),
        ("25/11 14:00", "26/11 16:01", 10.0, False),
        (None, "26/11 12:00", 9999.0, True),
    ],
)
def test_a_backup_is_due_in_the_quiet_hours_or_when_the_last_one_is_old(
    newest: str | None, now: str, ran: float, due: bool
) -> None:
    def at(words: str) -> int:
        return int(datetime.strptime(f"2026/{words}", "%Y/%d/%m %H:%M").replace(tzinfo=PARIS).timestamp())

    assert daily.is_due(at(newest) if newest else 0, at(now), ran) == due


@pytest.fixture
def configured(filled_data: Path) -> Settings:
    return settings(filled_data)


@pytest.fixture
def filled_data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_the_service_makes_one_beside_and_says_when_it_cannot(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "SETTLED", 0.0)
    monkeypatch.setattr(daily, "LOOK", 0.1)
    monkeypatch.setattr(daily, "AFTER_FAILURE", 0.1)
    found: list[tuple[Subject, str]] = []
    root = house.settings.backups
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file where the folder should be", "utf-8")
    task = asyncio.create_task(daily.daily(house, lambda subject, reason: found.append((subject, reason))))
    try:
        await until(lambda: found)
        assert found[0][0] == "backup"
        assert "écriture impossible" in found[0][1]
        root.unlink()
        await until(lambda: ("backup", "") in found)
    finally:
        task.cancel()
    (made,) = backups.find(root)
    assert backups.faults(made) == []
    assert set(made.stores) == {DESK, TELECOM}
    assert time.time() - made.at < 3600

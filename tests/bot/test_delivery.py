"""Mails that come back or are refused, and mails that cannot be dealt with: what is kept, marked, told, and to whom."""

import json
import logging
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk import faulty
from bot.desk.outbox import Entry, envid_of
from bot.desk.people import ACCOUNTING, TECHNICAL
from bot.house import House
from bot.mail.letter import Letter
from bot.mail.refusals import understood
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram.sender import Sender
from core.settings import Settings
from handlers.answer import Answer
from tests.bot.talking import TRUSTED, VOUCHED, body, clerk_at_work, deliver, said, settle, write
from tests.handlers.filled import settings

COMPTA, CAMILLE = "compta@telecom.example", "technique@telecom.example"
FULL = "552 5.2.2 Mailbox full"


@pytest.fixture
def configured(tmp_path: Path, api: BotApi) -> Settings:
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


def sent(house: House, to: str = COMPTA, person_id: str = ACCOUNTING, subject: str = "Facture d'octobre 2026") -> Entry:
    """A mail of ours that its server took."""
    house.write_letter(Letter(to=to, subject=subject, parts=(Answer("Votre facture"),), person_id=person_id))
    parcel = house.outbox.due("mail", house.context.now())[-1]
    house.outbox.sending(parcel)
    house.outbox.sent(parcel)
    return entry(house, parcel.id)


def entry(house: House, parcel_id: int) -> Entry:
    found = house.outbox.entry(parcel_id)
    assert found
    return found


def report(
    message_id: str,
    to: str = COMPTA,
    *,
    envid: str = "",
    action: str = "failed",
    status: str = "5.2.2",
    answer: str = FULL,
) -> bytes:
    """A delivery report as postfix writes it."""
    envelope = f"Original-Envelope-Id: {envid}\n" if envid else ""
    returned = f"From: robot@telecom.example\nTo: {to}\nSubject: Facture\nMessage-ID: {message_id}\n"
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.telecom.example (Mail Delivery System)\nTo: robot@telecom.example\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\n\n'
        f"--b1\nContent-Type: text/plain\n\nI'm sorry.\n"
        f"--b1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.telecom.example\n{envelope}\n"
        f"Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {answer}\n\n"
        f"--b1\nContent-Type: text/rfc822-headers\n\n{returned}\n--b1--\n"
    ).encode()


async def receive(house: House, bot: Bot, *mails: bytes) -> None:
    for mail in mails:
        house.inbox.add(
            "mail", f"INBOX/1/{house.desk.execute('SELECT count(*) FROM inbox').fetchone()[0]}", "mail", mail
        )
    async with clerk_at_work(house, bot):
        await settle(house)
    await deliver(house, bot)


def letters(house: House, to: str) -> list[EmailMessage]:
    """The mails that wait for somebody."""
    rows = house.desk.execute(
        "SELECT payload FROM outbox WHERE channel = 'mail' AND state = 'queued' AND recipient = ? ORDER BY id", (to,)
    )
    found = [message_from_bytes(payload, policy=default) for (payload,) in rows]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def addresses(house: House) -> list[str]:
    return [it.address for it in faulty.marked(house.desk, house.context.now())]


# What comes back


async def test_a_mail_that_comes_back_is_told_with_its_reason_and_what_to_do(
    house: House, bot: Bot, camille: Phone
) -> None:
    mail = sent(house)
    await receive(house, bot, report(mail.message_id))
    (told,) = said(camille)
    for words in (
        "Un courriel est revenu",
        f"la comptabilité, {COMPTA}",
        "Facture d'octobre 2026",
        "la boîte du destinataire est pleine (552 5.2.2)",
        f"origyne-bot outbox retry {mail.id}",
        "/factures",
    ):
        assert words in told
    now = entry(house, mail.id)
    assert (now.state, now.error) == ("failed", f"revenu : {FULL} 5.2.2")
    assert now.has_content
    assert addresses(house) == [COMPTA]


async def test_a_report_that_only_says_the_envelopes_name_counts(house: House, bot: Bot, camille: Phone) -> None:
    mail = sent(house)
    await receive(house, bot, report("", envid=envid_of(mail.message_id)))
    assert entry(house, mail.id).state == "failed"


@pytest.mark.parametrize(
    ("message_id", "to"), [("<invented@telecom.example>", COMPTA), ("", COMPTA), (None, "autre@telecom.example")]
)
async def test_a_report_that_names_no_mail_of_ours_marks_nothing_and_is_silent(
    house: House,
    bot: Bot,
    camille: Phone,
    caplog: pytest.LogCaptureFixture,
    message_id: str | None,
    to: str,
) -> None:
    mail = sent(house)
    with caplog.at_level(logging.DEBUG, "bot"):
        await receive(house, bot, report(mail.message_id if message_id is None else message_id, to))
    assert entry(house, mail.id).state == "sent"
    assert addresses(house) == []
    assert said(camille) == []
    assert to not in caplog.text
    assert "names no mail of ours" in caplog.text


async def test_nobody_answers_a_report(house: House, bot: Bot, camille: Phone) -> None:
    mail = sent(house)
    await receive(house, bot, report(mail.message_id), report("<invented@telecom.example>"))
    assert house.outbox.waiting("mail") == 0


async def test_an_address_is_told_of_once_a_day_however_many_mails_come_back(
    house: House, bot: Bot, camille: Phone
) -> None:
    await receive(house, bot, *(report(sent(house).message_id) for _ in range(3)))
    assert len(said(camille)) == 1
    assert house.outbox.failures("mail") == 3
    house.desk.execute("UPDATE faulty_addresses SET told_at = told_at - ?", (faulty.DAY,))
    await receive(house, bot, report(sent(house).message_id))
    assert len(said(camille)) == 2


async def test_the_same_report_twice_is_no_news(house: House, bot: Bot, camille: Phone) -> None:
    mail = sent(house)
    await receive(house, bot, report(mail.message_id))
    house.desk.execute("DELETE FROM faulty_addresses")
    await receive(house, bot, report(mail.message_id))
    assert len(said(camille)) == 1
    assert addresses(house) == []


async def test_a_mail_that_is_late_is_noted_and_told_only_once_it_failed(
    house: House, bot: Bot, camille: Phone
) -> None:
    mail = sent(house)
    late = report(mail.message_id, action="delayed", status="4.4.1", answer="connection timed out")
    await receive(house, bot, late)
    assert (entry(house, mail.id).state, entry(house, mail.id).error[:10]) == ("sent", "retardé : ")
    assert said(camille) == []
    assert addresses(house) == []
    await receive(house, bot, report(mail.message_id, status="4.4.7", answer="delivery time expired"))
    assert "n'a pas pu être joint à temps" in said(camille)[0]


async def test_a_mail_that_was_too_large_says_nothing_about_its_address(house: House, bot: Bot, camille: Phone) -> None:
    mail = sent(house)
    await receive(house, bot, report(mail.message_id, status="5.3.4", answer="552 5.3.4 message too big"))
    assert "trop gros" in said(camille)[0]
    assert "ORIGYNE_MAIL_MAX_MB" in said(camille)[0]
    assert addresses(house) == []


async def test_where_there_is_no_chat_the_technical_contact_is_told_by_mail(house: House, bot: Bot) -> None:
    mail = sent(house)
    await receive(house, bot, report(mail.message_id))
    (letter,) = letters(house, CAMILLE)
    assert "un courriel est revenu" in letter["Subject"]


async def test_the_technical_address_that_fails_is_told_in_the_chat_else_to_accounting(
    house: House, bot: Bot, api: BotApi
) -> None:
    mail = sent(house, CAMILLE, TECHNICAL, "Changements de lignes")
    await receive(house, bot, report(mail.message_id, CAMILLE, status="5.1.1", answer="550 5.1.1 User unknown"))
    assert letters(house, CAMILLE) == []
    (letter,) = letters(house, COMPTA)
    assert "/profil technique ADRESSE" in " ".join(body(letter).split())


# Marks


async def test_a_mail_from_the_address_clears_its_mark(house: House, bot: Bot, camille: Phone) -> None:
    mail = sent(house)
    await receive(house, bot, report(mail.message_id))
    write(house, "aide", frm=f"Compta <{COMPTA}>", key="INBOX/9/1")
    await receive(house, bot)
    assert addresses(house) == []


async def test_a_forged_mail_clears_no_mark(house: House, bot: Bot, camille: Phone) -> None:
    mail = sent(house)
    await receive(house, bot, report(mail.message_id))
    write(house, frm=f"Compta <{COMPTA}>", headers=VOUCHED.replace("pass", "fail"), key="INBOX/9/1")
    await receive(house, bot)
    assert addresses(house) == [COMPTA]


def test_a_new_address_clears_the_mark_of_the_former(house: House) -> None:
    faulty.mark(house.desk, COMPTA, "pleine", house.context.now())
    contact = house.people.by_id(TECHNICAL)
    assert contact
    house.own.set_profile(contact.person, "accounting_email", "nouvelle@telecom.example")
    assert addresses(house) == []


def test_a_mark_goes_a_week_after_the_last_failure(house: House) -> None:
    now = house.context.now()
    faulty.mark(house.desk, COMPTA, "pleine", now - faulty.KEPT - 200)
    assert faulty.marked(house.desk, now) == []
    faulty.mark(house.desk, COMPTA, "pleine", now - 100)
    faulty.mark(house.desk, COMPTA.upper(), "inconnue", now)
    (marked,) = faulty.marked(house.desk, now + faulty.KEPT - 1)
    assert (marked.since, marked.reason, marked.mails) == (now - 100, "inconnue", 2)


# What Telegram does not take


async def test_a_message_that_telegram_refuses_is_told_by_mail_once_a_day(
    house: House, bot: Bot, camille: Phone
) -> None:
    contact = house.people.by_id(TECHNICAL)
    assert contact
    (chat,) = house.people.chats_of(TECHNICAL)
    for _ in range(2):
        payload = json.dumps({"html": "", "buttons": []}).encode()  # nothing to show
        house.outbox.add("chat", str(chat), payload)
    await Sender(house, bot).deliver()
    assert house.outbox.failures("chat") == 2
    (letter,) = letters(house, CAMILLE)
    assert "message n'a pas pu être remis dans Telegram" in letter["Subject"]
    assert re.search(r"origyne-bot outbox retry \d+", " ".join(body(letter).split()))


# Mails that cannot be dealt with


async def test_a_mail_that_cannot_be_read_is_reported_once_with_the_command(
    house: House, bot: Bot, camille: Phone
) -> None:
    await receive(house, bot, b"From: a@x.test, b@x.test\n\nstatus", b"\x00\x01")
    (told,) = said(camille)
    (first, second) = house.inbox.aside("mail")
    assert "n'a pas pu être traité" in told
    assert f"origyne-bot mail show {first.id}" in told
    assert f"origyne-bot mail replay {first.id}" in told
    assert first.reason.startswith("illisible")
    assert second.reason.startswith("illisible")
    assert house.outbox.waiting("mail") == 0


async def broken(house: House, bot: Bot, monkeypatch: pytest.MonkeyPatch, **mail: str) -> None:
    """A mail comes that no command can answer."""

    async def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("with words of the mail")

    from bot.mail import replies

    with monkeypatch.context() as patch:
        patch.setattr(replies, "answers", fails)
        patch.setattr("bot.clerk.MOST_TRIES", 1)
        write(house, **mail)
        async with clerk_at_work(house, bot):
            await settle(house, 20)
    await deliver(house, bot)


async def test_a_mail_that_fails_each_time_is_reported_and_its_author_told(
    house: House, bot: Bot, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await broken(house, bot, monkeypatch, frm=f"Compta <{COMPTA}>", subject="puk 12345678")
    (told,) = said(camille)
    assert "erreur interne (ZeroDivisionError)" in told
    assert COMPTA in told
    assert "12345678" not in told
    assert "words of the mail" not in told
    (letter,) = letters(house, COMPTA)
    assert "Je n'ai pas pu traiter ce courriel" in body(letter)


async def test_who_is_not_vouched_for_is_told_nothing_of_a_mail_that_fails(
    house: House, bot: Bot, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.clerk.MOST_TRIES", 1)
    monkeypatch.setattr("bot.mail.answering.bounces.take", fails)
    write(house, frm=f"Compta <{COMPTA}>", headers="X-None: 1")
    await receive(house, bot)
    assert len(said(camille)) == 1
    assert house.outbox.waiting("mail") == 0


async def test_a_mail_set_aside_is_answered_once_it_is_replayed_however_old(
    house: House, bot: Bot, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await broken(house, bot, monkeypatch, text="aide")
    house.desk.execute("UPDATE inbox SET received_at = received_at - 864000")
    (aside,) = house.inbox.aside("mail")
    old = aside.payload.replace(b"Date: ", b"Date: Mon, 02 Nov 2026 09:00:00 +0000\r\nX-Former-Date: ")
    house.desk.execute("UPDATE inbox SET received_at = strftime('%s', '2026-11-02 10:00')")
    assert house.inbox.replay(aside, old)
    await receive(house, bot)
    assert house.inbox.aside("mail") == []
    assert "Je n'ai pas pu" not in body(letters(house, CAMILLE)[-1])


# What servers say


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            "550 5.1.1 <x@y.test>: Recipient address rejected: User unknown in virtual mailbox table",
            "unknown",
            "existe",
        ),
        ("Aucun destinataire accepté : x@y.test : 550 5.1.1 no such user.", "unknown", "n'existe pas, ou plus (550 5"),
        ("550 5.4.1 Recipient address rejected: Access denied", "unknown", "(550 5.4.1)"),
        ("552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]", "full", "pleine"),
        ("452-4.2.2 The recipient's inbox is out of storage space", "full", "pleine"),
        ("552 5.3.4 Message size exceeds fixed limit", "size", "trop gros"),
        ("127.0.0.1:2525 : le serveur refuse le courriel (554 5.7.1 spam).", "policy", "indésirable (554 5.7.1)"),
        ("550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]", "policy", "indésirable"),
        ("550 5.7.26 This mail is unauthenticated", "sender", "ne croit pas"),
        ("450 4.2.0 <x@y.test>: Recipient address rejected: Greylisted", "later", "fait attendre"),
        ("450 4.1.1 <x@y.test>: unverified address: Address lookup failed", "later", "pour le moment"),
        ("421 4.3.2 try later", "later", "pour le moment (421 4.3.2)"),
        ("550 5.2.1 This mailbox has been disabled", "closed", "fermée"),
        ("550 no", "unknown", "(550)"),
        ("599 5.0.0 no", "other", "refuse ce courriel (599 5.0.0)"),
        ("smtp.exemple.fr:587 : le serveur ne répond pas à temps.", "other", "smtp.exemple.fr:587 : le serveur ne ré"),
        ("127.0.0.1:550 : connexion refusée", "other", "127.0.0.1:550 : connexion refusée"),
    ],
)
def test_a_servers_refusal_is_said_in_plain_words(answer: str, kind: str, words: str) -> None:
    refusal = understood(answer)
    assert refusal.kind == kind
    assert words in str(refusal)

"""Hostile mails: their size, their shape, their headers, who they pose as, and how many they are."""

import asyncio
import shutil
import threading
import time
import tracemalloc
from contextlib import suppress
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk import senders, threads
from bot.desk.people import TECHNICAL
from bot.house import House
from bot.mail import first_look
from bot.mail.bounded import MOST_HEADERS
from bot.mail.imap import LARGEST, NotNow
from bot.mail.letter import Letter, compose
from bot.mail.reading import MailUnreadable, read, sender_of
from bot.sandbox.botapi import BotApi
from core.settings import Settings
from handlers.answer import Answer, OutFile, Table
from tests.bot.posting import Ledger, receiving
from tests.bot.talking import NUMBER, TRUSTED, VOUCHED, body, replies, write
from tests.handlers.filled import settings
from tests.peers.mail import MailPeer, eventually

KNOWN = "technique@telecom.example"
STRANGER = "inconnu@ailleurs.example"
PASSED = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=ailleurs.example"
FORGED = f"Authentication-Results: {TRUSTED}; dmarc=fail header.from=telecom.example"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


def audit(house: House) -> list[tuple[str, str, str]]:
    return list(house.desk.execute("SELECT person, command, outcome FROM audit WHERE door = 'mail' ORDER BY id"))


def head(sender: str = KNOWN, verdict: str = VOUCHED, to: str = "robot@telecom.example", more: str = "") -> bytes:
    return f"{verdict}\r\nFrom: {sender}\r\nTo: {to}\r\nSubject: Bonjour\r\n{more}\r\n".encode()


# -- size and shape


def nested(levels: int) -> bytes:
    opened = "".join(
        f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n" for level in range(levels)
    )
    return f"From: {KNOWN}\r\n{opened}\r\n/status {NUMBER}\r\n".encode()


@pytest.mark.parametrize("levels", [21, 1000, 100_000])
def test_parts_within_parts_without_end_are_refused_before_they_are_parsed(levels: int) -> None:
    with pytest.raises(MailUnreadable):
        read(nested(levels), TRUSTED)


def test_thousands_of_parts_are_refused() -> None:
    parts = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 5000
    with pytest.raises(MailUnreadable, match="parties"):
        read(head(more="Content-Type: multipart/mixed; boundary=b\r\n") + parts, TRUSTED)


def test_mails_within_mails_without_end_are_refused() -> None:
    with pytest.raises(MailUnreadable):
        read(b"From: a@b.fr\r\nContent-Type: message/rfc822\r\n\r\n" * 5000, TRUSTED)


def test_headers_without_end_are_refused() -> None:
    with pytest.raises(MailUnreadable, match="en-têtes"):
        read(b"X-Flood: " + b"x" * 1000 * 1000 + b"\r\n", TRUSTED)


def test_fifty_thousand_headers_take_no_square_of_their_number() -> None:
    def seconds(count: int) -> float:
        raw = head(more="".join(f"X-{n}: x\r\n" for n in range(count))) + b"bonjour"
        return min(_timed(partial(_read, raw)) for _ in range(3))

    few, many = seconds(1500), seconds(12_000)
    assert many < 8 * few * 4


def _read(raw: bytes) -> None:
    with suppress(MailUnreadable):
        read(raw, TRUSTED)


def _timed(work: object) -> float:
    before = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - before


@pytest.mark.parametrize(
    "value",
    [
        "(" * 20_000,
        "=?utf-8?q?" + "=41" * 5000,
        "<" * 8000 + "@",
        '"' * 15_999,
        "a@b.fr," * 5000,
        "=?utf-8?b?" + "A" * 9000 + "?=",
    ],
)
@pytest.mark.parametrize("name", ["From", "Subject", "References", "Content-Type", "Authentication-Results"])
def test_a_header_made_to_hang_the_reader_is_read_or_refused(name: str, value: str) -> None:
    raw = f"From: {KNOWN}\r\n{name}: {value}\r\n\r\nbonjour\r\n".encode()
    assert _timed(partial(_read, raw)) < 20


@pytest.mark.parametrize(
    "charset", ["zip", "rot13", "punycode", "idna", "unicode_escape", "../../etc/passwd", "a" * 999]
)
def test_an_encoding_that_is_none_runs_no_codec(charset: str) -> None:
    more = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n"
    mail = read(head(more=more) + b"\\x2fstatus 0639980001", TRUSTED)
    assert not any(word.startswith("/status") for word in mail.own_words)


async def test_a_huge_mail_of_a_stranger_is_never_fetched_whole(any_mail: MailPeer) -> None:
    raw = head(STRANGER, "X-A: b") + b"0639980001\r\n" * 800_000
    any_mail.deliver(raw, ["bot"], sender=STRANGER)
    any_mail.wait_for("bot")
    ledger = Ledger()
    tracemalloc.start()
    try:
        with receiving(any_mail.imap("bot"), ledger, look=lambda headers: 0):
            await ledger.holds(1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (mail,) = ledger.mails
    assert mail.truncated
    assert b"0639980001" not in mail.content
    assert (sender_of(mail.content), len(mail.content) < 5000) == (STRANGER, True)
    assert peak < 60_000_000


async def test_a_report_is_fetched_as_far_as_it_may_be(any_mail: MailPeer) -> None:
    any_mail.deliver(head(STRANGER, "X-A: b") + b"0639980001\r\n" * 100_000, ["bot"], sender=STRANGER)
    any_mail.wait_for("bot")
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger, look=lambda headers: 100_000):
        await ledger.holds(1)
    assert (len(ledger.mails[0].content), ledger.mails[0].truncated) == (100_000, True)


async def test_a_mail_that_there_is_no_room_for_stays_on_the_server_until_there_is(any_mail: MailPeer) -> None:
    any_mail.deliver(head(STRANGER, "X-A: b") + b"bonjour", ["bot"], sender=STRANGER)
    any_mail.wait_for("bot")
    room = threading.Event()
    asked: list[bytes] = []

    def look(headers: bytes) -> int:
        asked.append(headers)
        if not room.is_set():
            raise NotNow
        return LARGEST

    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger, look=look, poll_seconds=0.2):
        await asyncio.to_thread(eventually, lambda: list(asked), lambda found: len(found) >= 2)
        assert ledger.mails == []
        room.set()
        await ledger.holds(1)


# -- what of it is taken


def test_all_of_a_mail_of_a_known_person_is_taken(house: House) -> None:
    assert first_look.most_of(house, head()) == LARGEST


def test_only_the_headers_of_a_strangers_mail_are_taken(house: House) -> None:
    assert first_look.most_of(house, head(STRANGER, PASSED)) == 0


def test_only_the_headers_of_a_mail_in_a_borrowed_name_are_taken(house: House) -> None:
    assert first_look.most_of(house, head(verdict=FORGED)) == 0


def test_who_answers_with_the_secret_of_a_thread_is_no_stranger(house: House) -> None:
    with house.desk.atomic():
        thread = threads.open_thread(house.desk, "contact", "contact:1", "Avis")
        token = threads.member(house.desk, thread.id, TECHNICAL).token
    assert first_look.most_of(house, head(STRANGER, PASSED, f"robot+{token}@telecom.example")) == LARGEST
    assert first_look.most_of(house, head(STRANGER, PASSED, "robot+guessed@telecom.example")) == 0


def test_the_beginning_of_what_programs_report_is_taken(house: House) -> None:
    report = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"
    assert first_look.most_of(house, head("MAILER-DAEMON@mx.example", PASSED, more=report)) == first_look.REPORT


def test_headers_that_nobody_can_read_bring_a_little_of_the_mail(house: House) -> None:
    assert first_look.most_of(house, b"From: a@b.fr, c@d.fr\r\n\r\n") == first_look.UNREADABLE
    assert first_look.most_of(house, b"X: " + b"x" * (MOST_HEADERS + 1)) == first_look.UNREADABLE


def test_mails_that_wait_are_bounded_in_all(house: House) -> None:
    block = bytes(16 * 1024 * 1024)
    for number in range(first_look.MOST_WAITING // len(block) + 1):
        house.inbox.add("mail", f"INBOX/1/{number}", f"mail:{KNOWN}", block)
    with pytest.raises(NotNow):
        first_look.most_of(house, head())
    assert first_look.most_of(house, head(STRANGER, PASSED)) == 0


# -- who it poses as


async def test_a_mail_in_a_borrowed_name_runs_nothing(house: House, bot: Bot) -> None:
    write(house, f"/status {NUMBER}", headers=FORGED)
    assert await replies(house, bot) == []
    assert audit(house) == [(TECHNICAL, "", "forged")]


async def test_a_verdict_that_came_with_the_mail_vouches_for_nobody(house: House, bot: Bot) -> None:
    forged = f"Authentication-Results: {TRUSTED}; dmarc=fail\r\n{VOUCHED}"
    write(house, f"/status {NUMBER}", headers=forged)
    assert await replies(house, bot) == []


@pytest.mark.parametrize(
    "frm",
    [
        f"{KNOWN}, {STRANGER}",
        f'"{KNOWN}" <{STRANGER}>',
        f"<{KNOWN}> <{STRANGER}>",
        f"=?utf-8?q?technique=40telecom.example?= <{STRANGER}>",
        f"{KNOWN} ({STRANGER})\r\nFrom: {STRANGER}",
        "tеchnique@telecom.example",  # a Cyrillic letter
        "technique@telecom.example.ailleurs.example",
        "TECHNIQUE@TELECOM.EXAMPLE\u0131",
    ],
)
async def test_a_sender_that_reads_as_two_is_not_the_known_one(house: House, bot: Bot, frm: str) -> None:
    write(house, f"/status {NUMBER}", frm=frm, headers=PASSED)
    assert not any(NUMBER in body(reply).replace(" ", "") for reply in await replies(house, bot))
    assert not any(outcome == "answered" for _, _, outcome in audit(house))


@pytest.mark.parametrize(
    "mark", ["> ", ">> ", "| ", "On 23/11, Camille wrote:\r\n> ", "Le 23/11, Camille a écrit :\r\n> "]
)
async def test_a_command_that_is_quoted_does_not_run(house: House, bot: Bot, mark: str) -> None:
    write(house, f"Merci.\r\n\r\n{mark}/status {NUMBER}", headers=f"{VOUCHED}\r\nIn-Reply-To: <x@y.example>")
    assert not any(command == "status" for _, command, _ in audit(house)) or await replies(house, bot) == []
    assert not any("active" in body(reply) for reply in await replies(house, bot))


async def test_a_stranger_is_told_nothing_of_a_number(house: House, bot: Bot) -> None:
    write(house, f"/status {NUMBER}", frm=STRANGER, headers=PASSED)
    (reply,) = await replies(house, bot)
    assert NUMBER not in body(reply).replace(" ", "")
    assert "robot" in body(reply)


async def test_the_bot_is_no_amplifier_of_forged_senders(house: House, bot: Bot) -> None:
    for number in range(200):
        sender = f"victime{number}@ailleurs.example"
        write(house, "bonjour " * 5, frm=sender, headers=PASSED, key=f"INBOX/1/{number}", message_id=f"<{number}@x>")
    assert len(await replies(house, bot)) <= senders.MOST_STRANGERS_A_DAY


async def test_our_own_mail_that_comes_back_is_not_answered(house: House, bot: Bot) -> None:
    write(house, f"/status {NUMBER}", frm="robot@telecom.example", headers=VOUCHED)
    assert await replies(house, bot) == []


# -- header injection


HOSTILE = "Dupont\r\nBcc: victime@ailleurs.example\r\n\r\n<script>alert(1)</script>\0\x1b[2J\u202eexe.fdp"


def composed(letter: Letter, name: str = "Télécom") -> EmailMessage:
    import email
    import email.policy

    raw = compose(letter, name, "robot@telecom.example").as_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize("place", ["subject", "name", "in_reply_to", "references", "title", "file", "cell"])
def test_no_text_from_outside_adds_a_header_to_what_we_write(place: str) -> None:
    answer = Answer(
        HOSTILE if place == "title" else "Titre",
        table=Table(("A",), ((HOSTILE if place == "cell" else "b",),)),
        files=(OutFile(HOSTILE if place == "file" else "a.csv", b"x"),),
    )
    letter = Letter(
        KNOWN,
        HOSTILE if place == "subject" else "Sujet",
        (answer,),
        in_reply_to=f"<a@b>{HOSTILE}" if place == "in_reply_to" else "",
        references=(f"<a@b>{HOSTILE}",) if place == "references" else (),
    )
    message = composed(letter, HOSTILE if place == "name" else "Télécom")
    assert "Bcc" not in message
    assert all("\n" not in str(value) and "\r" not in str(value) for _, value in message.items())
    for part in message.walk():
        assert "Bcc" not in part
        assert "\0" not in (part.get_filename() or "")


def test_no_text_from_outside_is_html_in_what_we_write() -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt;<a href='javascript:alert(1)'>x</a>"
    answer = Answer(hostile, (hostile,), table=Table((hostile,), ((hostile,),)), freshness=hostile)
    page = composed(Letter(KNOWN, hostile, (answer,), greeting=hostile, foot=hostile)).get_body(("html",))
    assert page
    content = str(page.get_content())
    assert "<script" not in content
    assert "<img src=x" not in content
    assert "href='javascript" not in content
    assert 'href="javascript' not in content

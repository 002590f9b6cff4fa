"""The real service at its loudest, on real servers: what people, files and servers tell it is in no log, no mail's
subject and no report."""

import asyncio
import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import formatdate, make_msgid
from pathlib import Path

import pytest

from bot.sandbox.botapi import BotApi, Message, Phone
from bot.sandbox.operator import SIM_CARDS, Operator
from core import rio
from core.numbers import show
from core.redact import sasl_writings
from tests.handlers.filled import KEY, small_operator
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.service import TOKEN, Service, env_of

PATIENCE = 60.0

LINE = "0639980001"
PUK, PUK2, PIN = "60718293", "71829304", "4821"
REJECTED_PUK, REJECTED_PIN = "93847561", "8475"
MAILED_PUK, ASKED_NUMBER = "55443322", "0639987766"
WORD = "mot-que-personne-ne-doit-lire"


class LoudService(Service):
    program = ("tests.peers.loud_service",)


@dataclass
class Watched:
    """Secrets, each under its name."""

    secrets: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, secret: str) -> str:
        assert len(secret) >= 8, f"{name} is too short to be looked for"
        self.secrets[name] = secret
        return secret

    def add_number(self, name: str, number: str) -> None:
        for writing in (number, show(number), f"33{number[1:]}", number[1:]):
            self.add(f"{name} ({writing})", writing)

    def found_in(self, text: str) -> dict[str, str]:
        """What stands in a text, and the first line where it does. A PIN is short: parts of times are like it."""
        looked_for = {name: re.escape(secret) for name, secret in self.secrets.items()}
        looked_for |= {"PIN": rf"(?<![\d.,:]){PIN}(?!\d)", "rejected PIN": rf"(?<![\d.,:]){REJECTED_PIN}(?!\d)"}
        found = {name: re.search(form, text) for name, form in looked_for.items()}
        return {name: _line_of(text, match.start())[:300] for name, match in found.items() if match}


def _line_of(text: str, place: int) -> str:
    return text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0]


def deliver_sims(operator: Operator) -> None:
    """The card of a line has codes that can be looked for; one more row cannot be read."""
    iccid = operator.line(LINE).iccid
    path = next(path for path in (operator.root / SIM_CARDS).iterdir() if iccid.encode() in path.read_bytes())
    lines = path.read_text("cp1252").splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith((iccid, f'"{iccid}')))
    lines[place] = f"{iccid};208019900000001;{LINE};{PIN};{PUK};;{PUK2}"
    lines.append(f"8933;208019900000002;;{REJECTED_PIN};{REJECTED_PUK};;")
    path.write_bytes("\r\n".join([*lines, ""]).encode("cp1252"))


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


async def mail_to(mail: MailPeer, user: str, words: str) -> EmailMessage:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for message in map(parsed, await asyncio.to_thread(mail.messages, user)):
            if words in str(message["Subject"]):
                return message
        await asyncio.sleep(0.2)
    raise AssertionError(f"no mail « {words} » for {user}")


async def write(mail: MailPeer, user: str, subject: str, text: str) -> None:
    message = EmailMessage()
    message["From"] = mail.address(user)
    message["To"] = mail.address("bot")
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="client.test")
    message.set_content(text)
    await asyncio.to_thread(mail.deliver, message.as_bytes(), ["bot"], user=user)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.fixture
def watched(embedded_ftp: FtpPeer, embedded_mail: MailPeer) -> Watched:
    watched = Watched()
    watched.add("token", TOKEN.partition(":")[2])
    watched.add("key", KEY)
    watched.add("FTP password", embedded_ftp.password)
    password = watched.add("mail password", embedded_mail.passwords["bot"])
    for number, writing in enumerate(sasl_writings(embedded_mail.address("bot"), password)):
        watched.add(f"mail password as SASL sends it ({number})", writing)
    for name, code in (("PUK", PUK), ("PUK2", PUK2), ("rejected PUK", REJECTED_PUK)):
        watched.add(name, code)
    watched.add("mailed PUK", MAILED_PUK)
    watched.add("word of an exception", WORD)
    watched.add_number("number asked for", ASKED_NUMBER)
    return watched


@pytest.fixture
def env(embedded_ftp: FtpPeer, embedded_mail: MailPeer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    return {"ORIGYNE_LOG_LEVEL": "debug", "ORIGYNE_SECRET_KEY": KEY}


async def test_nothing_secret_is_in_a_log_a_subject_or_a_report(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path, watched: Watched, env: dict[str, str]
) -> None:
    operator = small_operator(embedded_ftp.root)
    deliver_sims(operator)
    mail = embedded_mail
    for line in operator.lines:
        if line.rio:
            watched.add(f"RIO of {line.msisdn}", line.rio)
    for cdr in operator.cdrs[:200]:
        if len(cdr.called) == 10:
            watched.add_number("called number", cdr.called)
    wrong = "01PABC123" + rio.key("01PABC123", ASKED_NUMBER)
    watched.add("RIO that was asked", wrong)
    async with BotApi(TOKEN) as api:
        service = LoudService(tmp_path, env_of(embedded_ftp, mail, api) | env)
        service.start()
        try:
            phone = api.phone(7001, "Camille")
            await enrol(mail, phone, watched)
            await mail_to(mail, "technique", "remière lecture")
            # Codes, asked and shown.
            asked = await said(phone, f"/puk {LINE}", "le montrer")
            phone.press(asked, "Montrer le code")
            await phone.wait(lambda message: PUK in message.text and PIN in message.text, timeout=PATIENCE)
            await said(phone, f"/rio {wrong} {show(ASKED_NUMBER)}", "RIO")
            await said(phone, f"rio {operator.line(LINE).rio} {LINE}", "RIO correct")
            # A crash within a handler, and words in which nobody finds a command.
            phone.send(f"/bonnet {wrong} {ASKED_NUMBER} {PUK}")
            await until(lambda: "ValueError in loud_service.py" in service.words)
            await said(phone, f"mon puk est {PUK}, mon pin {PIN}, appelez le {show(ASKED_NUMBER)}", "")
            # A mail with codes in its subject.
            await write(mail, "technique", f"PUK {MAILED_PUK} RIO {wrong}", f"aide\n\npuk {MAILED_PUK}\n")
            await until(lambda: any("Re:" in subject for subject in subjects(mail)))
            listing = next(path.name for path in (operator.root / SIM_CARDS).iterdir())
            reports = [
                (await said(phone, "/etat", "FTP")).text,
                (await said(phone, "/rejets", "de côté")).text,
                (await said(phone, f"/rejets {listing}", "de côté")).text,
                *await asyncio.to_thread(reports_of, service, listing),
            ]
            audited = await asyncio.to_thread(service.run, "audit")
        finally:
            await asyncio.to_thread(service.stop)
    assert "rangée de côté" in "".join(reports), "the rejected row is told of"
    log = service.words
    for loud in (
        "httpcore",
        "telegram",
        "aioftp",
        "asyncio",
        "Bot API endpoint",
        "LOGIN",
        "KeyError in loud_service.py",
    ):
        assert loud in log, f"{loud} said nothing: this proves nothing"
    assert watched.found_in(log) == {}
    assert watched.found_in("\n".join(subjects(mail))) == {}
    assert watched.found_in("\n".join(reports)) == {}
    # The audit says which line was in question, and nothing else.
    assert ASKED_NUMBER in audited.stdout
    assert {name for name in watched.found_in(audited.stdout) if not name.startswith("number asked for")} == set()


async def said(phone: Phone, text: str, words: str) -> Message:
    """What the bot says to a text; notices may come in between."""
    sent = phone.send(text)
    return await phone.wait(lambda message: message.reply_to == sent.message_id and words in message.text, PATIENCE)


async def enrol(mail: MailPeer, phone: Phone, watched: Watched) -> None:
    part = (await mail_to(mail, "technique", "relier votre Telegram")).get_body(preferencelist=("plain",))
    assert part
    code = re.search(r"/start (\S+)", str(part.get_content()))
    assert code
    watched.add("enrolment code", code[1])
    await phone.ask(f"/start {code[1]}", timeout=PATIENCE)


def subjects(mail: MailPeer) -> list[str]:
    """Of all that was mailed to people."""
    return [str(parsed(raw)["Subject"]) for user in ("technique", "compta", "equipe") for raw in mail.messages(user)]


def reports_of(service: Service, listing: str) -> list[str]:
    """What the commands print beside the running service."""
    listed = service.run("outbox", "--all")
    numbers = re.findall(r"^ *(\d+) ", listed.stdout, re.MULTILINE)
    assert numbers
    shown = [service.run("outbox", "show", number) for number in numbers]
    commands = [["doctor"], ["mail"], ["rejects"], ["rejects", f"{SIM_CARDS}/{listing}"]]
    done = [listed, *shown, *(service.run(*command) for command in commands)]
    return [each.stdout + each.stderr for each in done]


async def test_a_wrong_password_is_in_no_log_and_no_report(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path, env: dict[str, str]
) -> None:
    watched = Watched()
    token = "987654321:" + watched.add("token", "another-token-of-no-bot")
    env |= {
        "ORIGYNE_TELEGRAM_TOKEN": token,
        "ORIGYNE_FTP_PASSWORD": watched.add("FTP password", "wr0ng \"ftp' pass"),
        "ORIGYNE_SMTP_PASSWORD": watched.add("SMTP password", "wr0ng-smtp-password"),
        "ORIGYNE_IMAP_PASSWORD": watched.add("IMAP password", 'wr0ng"imap\\pass'),
    }
    watched.add("SMTP password, in base64", base64.b64encode(b"wr0ng-smtp-password").decode())
    env = {name: value.replace("'", "\\'") for name, value in env.items()}  # as `.env` quotes it
    async with BotApi(TOKEN) as api:
        service = LoudService(tmp_path, env_of(embedded_ftp, embedded_mail, api) | env)
        service.start()
        try:
            await until(lambda: "AUTHENTICATIONFAILED" in service.words or "IMAP: " in service.words)
            await until(lambda: "Telegram refuse le jeton" in service.words)
            await until(lambda: "ORIGYNE_FTP_PASSWORD" in service.words)
            doctor = await asyncio.to_thread(service.run, "doctor")
        finally:
            await asyncio.to_thread(service.stop)
    for subject in ("FTP", "Courriel sortant", "Courriel entrant", "Telegram"):
        assert f"✗ {subject}" in doctor.stdout
    assert watched.found_in(service.words) == {}
    assert watched.found_in(doctor.stdout + doctor.stderr) == {}
    assert "wr0ng" not in service.words + doctor.stdout + doctor.stderr

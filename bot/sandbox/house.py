"""The whole assistant on loopback: an operator's FTP, a mail server, a Bot API server, and the unmodified service."""

import asyncio
import mimetypes
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from bot.mail import smtp
from bot.sandbox.botapi import BotApi, Phone
from bot.sandbox.ftpserver import SandboxFtp
from bot.sandbox.mailserver import SandboxMail
from bot.sandbox.operator import Operator
from core.folders import PARIS
from core.settings import PREFIX, MailAccess
from core.vault import new_key

DOMAIN = "telecom-exemple.test"
ACCOUNTING, TECHNICAL, STAFF, BOT = (f"{name}@{DOMAIN}" for name in ("compta", "technique", "equipe", "robot"))
#: The customers' own mailbox, and another one of the accountant's, which the bot does not know yet.
SERVICE, OTHER_ACCOUNTING = f"clients@{DOMAIN}", f"factures@{DOMAIN}"
#: Somebody who is invited, named nowhere in the settings.
GUEST, GUEST_NAME = f"lea@{DOMAIN}", "Léa Bernard"
#: The operator's technical administrator.
ADMIN = "admin@origyne.test"
MAILBOXES = (ACCOUNTING, TECHNICAL, STAFF, BOT, SERVICE, OTHER_ACCOUNTING, GUEST, ADMIN)
CONTACT = "Camille Martin"
OPERATOR_NAME = "Télécom Exemple"

#: Seconds that the service is given to stop.
GRACE = 15


def delivery_day(now: datetime) -> date:
    """The last day, Monday to Saturday, whose first delivery (8:00 in Paris) has come."""
    day = now.astimezone(PARIS)
    if day.hour < 8:
        day -= timedelta(days=1)
    while day.weekday() == 6:
        day -= timedelta(days=1)
    return day.date()


@dataclass(frozen=True)
class _Passwords:
    ftp: str
    mail: dict[str, str]
    token: str
    key: str


class Sandbox:
    """Everything, in a folder of its own, while the context lasts. `log`: where the service writes its log."""

    def __init__(self, today: date | None = None) -> None:
        self.today = today or delivery_day(datetime.now(PARIS))
        self._stack = AsyncExitStack()
        # Made for this run only: not even a sandbox needs a password in a file.
        self._passwords = _Passwords(
            secrets.token_urlsafe(12),
            {address: secrets.token_urlsafe(12) for address in MAILBOXES},
            f"{secrets.randbelow(9 * 10**8) + 10**8}:{secrets.token_urlsafe(26)}",
            new_key(),
        )
        self._process: asyncio.subprocess.Process | None = None
        self._output: IO[bytes] | None = None

    async def __aenter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="origyne-bot-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.log = self.folder / "service.log"
        root = self.folder / "ftp"
        root.mkdir()
        self.operator = Operator(root, today=self.today)
        await asyncio.to_thread(self.operator.fill)
        self.ftp = await self._stack.enter_async_context(SandboxFtp(root, "demo", self._passwords.ftp))
        self.mail = await self._stack.enter_async_context(SandboxMail(self._passwords.mail, self.folder))
        self.api = await self._stack.enter_async_context(BotApi(self._passwords.token))
        self.phone: Phone = self.api.phone(user_id=700_000_001, first_name=CONTACT.split(maxsplit=1)[0])
        await self.start_service()
        self._stack.push_async_callback(self.stop_service)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the service, as a `.env` file would hold them."""
        values = {
            "OPERATOR_NAME": OPERATOR_NAME,
            "ACCOUNTING_EMAIL": ACCOUNTING,
            "TECHNICAL_EMAIL": TECHNICAL,
            "TECHNICAL_CONTACT": CONTACT,
            "STAFF_EMAILS": STAFF,
            "BOT_EMAIL": BOT,
            "ADMIN_EMAIL": ADMIN,
            "DATA": str(self.folder / "data"),
            "LOG_FORMAT": "json",
            "SECRET_KEY": self._passwords.key,
            "TELEGRAM_TOKEN": self._passwords.token,
            "TELEGRAM_API": self.api.url,
            "FTP_HOST": self.ftp.host,
            "FTP_PORT": str(self.ftp.port),
            "FTP_LOGIN": "demo",
            "FTP_PASSWORD": self._passwords.ftp,
            "FTP_TLS": "none",
            "FTP_INTERVAL": "1",
            # The same at any hour of any day.
            "FTP_INTERVAL_OUTSIDE": "1",
            "LATE_STATUS": "0",
            "LATE_RATED": "0",
            "LATE_BILLED": "0",
            "FTP_SETTLE": "0.5",
            "SMTP_HOST": "localhost",
            "SMTP_PORT": str(self.mail.smtp_port),
            "SMTP_LOGIN": BOT,
            "SMTP_PASSWORD": self._passwords.mail[BOT],
            "SMTP_TLS": "starttls",
            "IMAP_HOST": "localhost",
            "IMAP_PORT": str(self.mail.imap_port),
            "IMAP_LOGIN": BOT,
            "IMAP_PASSWORD": self._passwords.mail[BOT],
            "IMAP_TLS": "starttls",
            "MAIL_TRUSTED_SERVER": self.mail.server_name,
            "TLS_CA": str(self.mail.ca_file),
        }
        return {f"{PREFIX}{name}": value for name, value in values.items()}

    @property
    def ftp_account(self) -> tuple[str, str]:
        """Login and password of the integrator's account on `ftp`."""
        return "demo", self._passwords.ftp

    def smtp_of(self, address: str) -> MailAccess:
        """How the person with this mailbox sends."""
        return self._mail_access(self.mail.smtp_port, address)

    def imap_of(self, address: str) -> MailAccess:
        """How the person with this mailbox reads it."""
        return self._mail_access(self.mail.imap_port, address)

    def _mail_access(self, port: int, address: str) -> MailAccess:
        return MailAccess("localhost", port, address, self._passwords.mail[address], "starttls", self.mail.ca_file)

    async def start_service(self) -> None:
        """`origyne-bot serve`, configured by its environment alone."""
        await self.stop_service()
        self._output = self.log.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "serve",
            cwd=self.folder,
            env=self._process_environment,
            stdout=self._output,
            stderr=self._output,
            # Ctrl-C in the demo's terminal stops the demo, which then stops the service.
            start_new_session=True,
        )

    async def type(self, *words: str) -> str:
        """What `origyne-bot` prints at a terminal of the machine, beside the running service.

        Raises:
            OSError: it ended with another status than 0; the message is what it printed.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *words,
            cwd=self.folder,
            env=self._process_environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed = (await process.communicate())[0].decode("utf-8", "replace").strip()
        if process.returncode:
            raise OSError(printed)
        return printed

    @property
    def _process_environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        return {**others, **self.environment, "TMPDIR": str(self.folder)}  # what it leaves there goes with the rest

    async def stop_service(self) -> None:
        if self._process is None or self._output is None:
            return
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(GRACE):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._output.close()
        self._process = None

    async def kill_service(self) -> None:
        """End it as a power cut does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def write_mail(
        self,
        sender: str,
        subject: str,
        text: str,
        *,
        answers: EmailMessage | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> str:
        """Send a mail to the bot, as one of the people does from his mailbox; returns its Message-ID.

        :param answers: the mail that it is a reply to. :param files: what is attached, by name.
        """
        message = EmailMessage()
        message["From"] = sender
        to = str(answers["Reply-To"] or BOT) if answers else BOT
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(PARIS))
        message["Message-ID"] = make_msgid(domain=DOMAIN)
        if answers:
            message["In-Reply-To"] = message["References"] = answers["Message-ID"]
        message.set_content(text)
        for name, content in (files or {}).items():
            kind, _, subtype = (mimetypes.guess_type(name)[0] or "application/octet-stream").partition("/")
            message.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
        await smtp.send(self.smtp_of(sender), message, [to])
        return str(message["Message-ID"])

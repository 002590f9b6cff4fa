"""The unmodified service, as a process of its own, configured by a `.env` file alone."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bot.sandbox.botapi import BotApi
from core.settings import PREFIX
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer

#: An invented key for the codes, which `tests.core.contents` opens them with.
KEY = base64.urlsafe_b64encode(b"an invented key of 32 bytes long").decode()

TOKEN = "123456789:test-token-of-no-bot"


def env_of(ftp: FtpPeer, mail: MailPeer, api: BotApi) -> dict[str, str]:
    """The settings for these servers, by their names in `.env`."""
    imap = mail.imap("bot")
    values = {
        "OPERATOR_NAME": "Télécom Exemple",
        "ACCOUNTING_EMAIL": mail.address("compta"),
        "TECHNICAL_EMAIL": mail.address("technique"),
        "TECHNICAL_CONTACT": "Camille Martin",
        "STAFF_EMAILS": mail.address("equipe"),
        "BOT_EMAIL": mail.address("bot"),
        "DATA": "data",
        "SECRET_KEY": KEY,
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API": api.url,
        "FTP_HOST": ftp.host,
        "FTP_PORT": ftp.port,
        "FTP_LOGIN": ftp.login,
        "FTP_PASSWORD": ftp.password,
        "FTP_TLS": ftp.tls,
        "FTP_INTERVAL": 1,
        # The same at any hour of any day.
        "FTP_INTERVAL_OUTSIDE": 1,
        "LATE_STATUS": 0,
        "LATE_RATED": 0,
        "LATE_BILLED": 0,
        "FTP_SETTLE": 0.3,
        "SMTP_HOST": mail.smtp_host,
        "SMTP_PORT": mail.smtp_port,
        "SMTP_LOGIN": mail.address("bot"),
        "SMTP_PASSWORD": mail.passwords["bot"],
        "SMTP_TLS": "starttls",
        "IMAP_HOST": imap.host,
        "IMAP_PORT": imap.port,
        "IMAP_LOGIN": imap.login,
        "IMAP_PASSWORD": imap.password,
        "IMAP_TLS": imap.tls,
        "MAIL_TRUSTED_SERVER": mail.server_name,
        "TLS_CA": mail.ca_file,
    }
    return {f"{PREFIX}{name}": str(value) for name, value in values.items()}


class Service:
    """`origyne-bot` in a folder that holds its `.env`; `program`: the module that serves, with its arguments."""

    program: tuple[str, ...] = ("bot", "serve")

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "service.log"
        (folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in env.items()), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.program],
                cwd=self.folder,
                env=_bare_environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of `origyne-bot`, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=self.folder,
            env=_bare_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def kill(self) -> None:
        """As a power cut does: the service and its worker, at once."""
        assert self._process
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def stop(self, seconds: float = 15) -> int:
        """SIGTERM, and the exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self._process = None

    @property
    def words(self) -> str:
        return self.log.read_text("utf-8", "replace")


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}

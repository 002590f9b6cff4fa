"""All servers that the service speaks to, through relays, and the service itself as a process group of its own."""

import asyncio
import os
import secrets
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.sandbox.botapi import BotApi
from bot.sandbox.ftpserver import SandboxFtp
from bot.sandbox.mailserver import SandboxMail
from core.settings import PREFIX, MailAccess
from tests.peers.ftp import FtpPeer
from tests.peers.mail import DOMAIN, MailPeer
from tests.peers.service import Service, env_of
from tests.soak.relay import HOST, Relay

USERS = ("bot", "compta", "technique", "equipe", "inconnu")
BOT, ACCOUNTING, TECHNICAL, STAFF, STRANGER = (f"{name}@{DOMAIN}" for name in USERS)


class ForgetfulMail(SandboxMail):
    """Keeps what came for each mailbox, and loses its answer to a mail that it took as often as `answers_to_lose`
    says."""

    def __init__(self, passwords: dict[str, str], folder: Path) -> None:
        super().__init__(passwords, folder)
        self.arrived: dict[str, list[bytes]] = {address: [] for address in passwords}
        self.answers_to_lose = 0

    async def deliver(self, content: bytes, accounts: set[str]) -> None:
        await super().deliver(content, accounts)
        for account in accounts:
            self.arrived[account].append(content)
        # What comes for the robot is people's own, who do not write twice.
        if self.answers_to_lose and BOT not in accounts:
            self.answers_to_lose -= 1
            for connection in tuple(self.smtp_connections):
                if connection.transport is not None:
                    connection.transport.abort()
            await asyncio.sleep(0)


class RunningService(Service):
    """The unmodified service. `died`: it ended although nobody ended it."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        super().__init__(folder, env)
        self.starts = 0
        self._is_wanted = False

    def start(self) -> None:
        super().start()
        self.starts += 1
        self._is_wanted = True

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def died(self) -> bool:
        return self._is_wanted and self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        self._is_wanted = False
        super().kill()

    def kill_alone(self) -> None:
        """As the kernel does when memory runs out: its worker and its workshop have to notice."""
        assert self._process
        self._is_wanted = False
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        self._is_wanted = False
        return super().stop()

    def pause(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self.pid:
            os.killpg(self.pid, signal.SIGCONT)


class World:
    """In `folder`, while the context lasts; the service is not started by it, and stopped with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "ftp"
        self.passwords = {user: secrets.token_urlsafe(12) for user in USERS}
        self.ftp_password = secrets.token_urlsafe(12)
        # Its own, for services with the same one share a lock.
        self.token = f"{secrets.randbelow(9 * 10**8) + 10**8}:{secrets.token_urlsafe(26)}"
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        enter = self._stack.enter_async_context
        self.root.mkdir(parents=True)
        ftp = await enter(SandboxFtp(self.root, "demo", self.ftp_password))
        addresses = {f"{user}@{DOMAIN}": password for user, password in self.passwords.items()}
        self.mail = await enter(ForgetfulMail(addresses, self.folder))
        self.api = await enter(BotApi(self.token))
        self.ftp = await enter(Relay(ftp.port, is_ftp=True))
        self.smtp = await enter(Relay(self.mail.smtp_port))
        self.imap = await enter(Relay(self.mail.imap_port))
        self.telegram = await enter(Relay(int(self.api.url.rpartition(":")[2])))
        served = self.folder / "service"
        served.mkdir()
        self.service = RunningService(served, self._env())
        self._stack.push_async_callback(self._stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def relays(self) -> tuple[Relay, ...]:
        return (self.ftp, self.smtp, self.imap, self.telegram)

    @property
    def secrets(self) -> list[str]:
        return [self.token, self.ftp_password, *self.passwords.values()]

    def access(self, address: str) -> MailAccess:
        """The mailbox of one of the people, who has a network of his own."""
        password = self.passwords[address.partition("@")[0]]
        return MailAccess(HOST, self.mail.smtp_port, address, password, "starttls", self.mail.ca_file)

    def _env(self) -> dict[str, str]:
        ftp = FtpPeer("soak", HOST, self.ftp.port, "demo", self.ftp_password, self.root)
        mail = MailPeer(
            HOST, self.smtp.port, HOST, None, self.imap.port, self.passwords, self.mail.ca_file, self.mail.server_name
        )
        others = {"TELEGRAM_TOKEN": self.token, "TELEGRAM_API": f"http://{HOST}:{self.telegram.port}"}
        # So that codes are seen to go.
        others["CODES_MINUTES"] = "1"
        return env_of(ftp, mail, self.api) | {f"{PREFIX}{name}": value for name, value in others.items()}

    async def _stop(self) -> None:
        if self.service.pid:
            self.service.resume()
            await asyncio.to_thread(self.service.stop)

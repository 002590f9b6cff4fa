"""Where one run is played: servers of its own, a data folder that was prepared, and the service, which may die."""

import asyncio
import copy
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import TypeVar

from bot.desk import FILE_NAME as DESK
from bot.desk import progress
from bot.desk.people import TECHNICAL
from bot.house import open_house
from bot.sandbox.botapi import BotApi, Phone
from bot.sandbox.botapi import Message as Shown
from bot.sandbox.ftpserver import SandboxFtp
from bot.sandbox.mailserver import SandboxMail, vouched
from bot.sandbox.operator import Operator
from bot.sandbox.tree import Tree
from core.settings import FtpAccess
from core.store import FILE_NAME as TELECOM
from core.sync import Syncer
from tests.handlers.filled import NOW, PASSWORD, TODAY, settings
from tests.peers.ftp import FtpPeer
from tests.peers.mail import DOMAIN, HOST, PASSWORDS, MailPeer
from tests.peers.service import Service, env_of

PLACE = Path(__file__).parents[2]
POINTS = Path(__file__).parent / "points"

CAMILLE = 4200001
NUMBER = "0639980001"

#: Seconds that anything may take; only what hangs takes them. The worker steps back for all others, and on a busy
#: machine waits long for its turn.
PATIENCE = 240.0

#: Beside those of the other tests, the customers' own mailbox.
MAILBOXES = {**PASSWORDS, "clients": "mdp-de-clients"}

T = TypeVar("T")


class NeverCame(AssertionError):
    """What should have come did not."""


@dataclass(frozen=True)
class Kill:
    """At a point, the nth time that a process comes by it. `alone`: that process alone, not its whole group; `like`:
    the point is a pattern, for the first of several."""

    point: str
    nth: int = 1
    alone: bool = False
    like: bool = False

    def __str__(self) -> str:
        return f"{self.point} (n° {self.nth}{', alone' if self.alone else ''})"


@dataclass(frozen=True)
class Prepared:
    """A data folder after the operator's first files were read and told, with Camille's chat bound to it."""

    folder: Path
    operator: Operator


async def prepare(folder: Path) -> Prepared:
    root = folder / "ftp"
    root.mkdir(parents=True)
    operator = Operator(root, TODAY, lines=12, clients=3, months=2)
    operator.fill()
    async with SandboxFtp(root, "demo", PASSWORD) as ftp:
        access = FtpAccess(ftp.host, ftp.port, "demo", PASSWORD)
        names = {"accounting": "compta", "technical": "technique", "staff": "equipe", "bot": "bot"}
        addresses = {
            f"{role}_email{'s' if role == 'staff' else ''}": f"{user}@{DOMAIN}" for role, user in names.items()
        }
        chosen = settings(folder / "data", access, **addresses)
        await Syncer(chosen, clock=lambda: NOW).run()
    house = open_house(chosen)
    house.people.enrol(CAMILLE, house.people.new_code(TECHNICAL, NOW), NOW)
    with house.desk.atomic():
        (last,) = house.context.telecom.execute("SELECT max(id) FROM events").fetchone()
        progress.put(house.desk, "event_cursor", last)
    house.context.close()
    house.desk.close()
    house.context.telecom.close()
    return Prepared(folder, operator)


class _Watched(Service):
    """The service with named points, see `points/sitecustomize.py`."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        super().__init__(folder, env)
        self.groups: list[int] = []

    def begin(self, kill: Kill | None, record: Path | None) -> None:
        watched = {"CRASH_DATA": str(self.data), "CRASH_NOTE": str(self.folder / f"killed-{len(self.groups):03d}")}
        if record:
            watched["CRASH_RECORD"] = str(record)
        if kill:
            watched |= {"CRASH_AT": kill.point if kill.like else re.escape(kill.point), "CRASH_NTH": str(kill.nth)}
            watched |= {"CRASH_ALONE": "1"} if kill.alone else {}
        others = {name: value for name, value in os.environ.items() if not name.startswith("ORIGYNE_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.program],
                cwd=self.folder,
                env={**others, **watched, "PYTHONPATH": f"{POINTS}{os.pathsep}{PLACE}"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.groups.append(self._process.pid)

    def wait(self) -> int:
        assert self._process
        return self._process.wait()

    def kill_all(self) -> None:
        """Whatever is left of it."""
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self._process:
            self._process.wait()

    @property
    def kills(self) -> list[str]:
        return [note.read_text().strip() for note in sorted(self.folder.glob("killed-*"))]


@dataclass
class Stage:
    """`written`: mails to the robot; `deaths`: of the service; `sending`: what it was sending to chats then, with its
    number in the outbox."""

    folder: Path
    operator: Operator
    mail: SandboxMail
    boxes: MailPeer
    api: BotApi
    phone: Phone
    service: _Watched
    deaths: int = 0
    written: int = 0
    sending: list[tuple[int, bytes]] = field(default_factory=list)

    # -- what people do

    def press(self, message: Shown, label: str) -> None:
        found = [it for it in message.labels if label in it]
        assert found, f"no button « {label} » under {message}"
        self.phone.press(message, found[0])

    async def write(
        self,
        user: str,
        subject: str,
        text: str,
        *,
        answers: EmailMessage | None = None,
        verified: bool = True,
    ) -> None:
        """A mail arrives in the robot's mailbox, of somebody whom its server vouches for or not."""
        message = EmailMessage()
        message["From"] = f"{user}@{DOMAIN}"
        message["To"] = str(answers["Reply-To"]) if answers else f"bot@{DOMAIN}"
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(UTC))
        self.written += 1
        message["Message-ID"] = f"<{self.written}@poste.test>"
        if answers:
            message["In-Reply-To"] = message["References"] = str(answers["Message-ID"])
        message.set_content(text)
        await self.drop(message.as_bytes(), f"{user}@{DOMAIN}" if verified else None)

    async def drop(self, raw: bytes, login: str | None) -> None:
        content = vouched(re.sub(rb"\r?\n", b"\r\n", raw), login)
        await self.mail.deliver(content, {f"bot@{DOMAIN}"})

    # -- what people see

    async def shown(self, words: str, times: int = 1) -> Shown:
        """The last message of Camille's chat that says this, once so many do."""

        def look() -> list[Shown]:
            return [it for it in self.phone.messages if words in (it.text or it.caption or "") and not it.deleted]

        return (await until(look, lambda found: len(found) >= times, f"« {words} » in the chat"))[-1]

    async def mailed(self, user: str, words: str) -> EmailMessage:
        """The last mail in a mailbox that says this."""
        while_waiting = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < while_waiting:
            for raw in reversed(await self.mail.messages(f"{user}@{DOMAIN}")):
                message = parsed(raw)
                if words in f"{message['Subject']}\n{text_of(message)}":
                    return message
            await asyncio.sleep(0.03)
        raise NeverCame(f"no mail « {words} » for {user}")

    # -- the service

    async def quiet(self) -> None:
        """Wait until nothing is on its way any more."""
        calm = 0
        last: list[str] = []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while calm < 2:
            last = await self._busy()
            calm = 0 if last else calm + 1
            if loop.time() > deadline:
                raise NeverCame(f"it never was quiet: {', '.join(last)}")
            await asyncio.sleep(0.05)

    async def _busy(self) -> list[str]:
        try:
            with closing(_read_only(self.service.data / DESK)) as desk:
                busy = [name for name, sql in _WORK.items() if desk.execute(sql).fetchone()[0]]
                cursor = desk.execute("SELECT value FROM progress WHERE name = 'event_cursor'").fetchone()[0]
            with closing(_read_only(self.service.data / TELECOM)) as telecom:
                known = dict(telecom.execute("SELECT path, size FROM files").fetchall())
                unread = telecom.execute("SELECT count(*) FROM files WHERE state IN ('fetched', 'retry')").fetchone()[0]
                last_event = telecom.execute("SELECT max(id) FROM events").fetchone()[0]
            root = self.operator.root
            tree = {it.relative_to(root).as_posix(): it.stat().st_size for it in root.rglob("*.*")}
        except (sqlite3.Error, OSError) as error:  # a store that is not there yet, a file that is just renamed
            return [f"being changed ({error})"]
        if self.api.pending:
            busy.append("updates")
        if await self.mail.messages(f"bot@{DOMAIN}"):
            busy.append("mailbox")
        if cursor != last_event:
            busy.append("events")
        if unread or tree.items() - known.items():
            busy.append("files")
        return busy


#: Work that `desk.db` shows.
_WORK = {
    "inbox": "SELECT count(*) FROM inbox WHERE state = 'new' OR filing != ''",
    "outbox": "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')",
    "held": "SELECT count(*) FROM held",
}

_tokens = count(200_000_000)


@asynccontextmanager
async def stage(prepared: Prepared, folder: Path) -> AsyncIterator[Stage]:
    """Fresh servers and a copy of what was prepared."""
    root = folder / "ftp"
    shutil.copytree(prepared.folder / "data", folder / "data")
    shutil.copytree(prepared.folder / "ftp", root)
    operator = copy.deepcopy(prepared.operator)
    operator.tree = Tree(root)
    accounts = {f"{user}@{DOMAIN}": password for user, password in MAILBOXES.items()}
    async with (
        SandboxFtp(root, "demo", PASSWORD) as ftp,
        SandboxMail(accounts, folder) as mail,
        BotApi(f"{next(_tokens)}:test-token-of-no-bot") as api,
    ):
        boxes = MailPeer(HOST, mail.smtp_port, HOST, None, mail.imap_port, MAILBOXES, mail.ca_file, mail.server_name)
        peer = FtpPeer("embedded", ftp.host, ftp.port, "demo", PASSWORD, root)
        env = env_of(peer, boxes, api)
        changes = {"TELEGRAM_TOKEN": api.token, "FTP_SETTLE": "0.05", "ADMIN_EMAIL": f"equipe@{DOMAIN}"}
        service = _Watched(folder, env | {f"ORIGYNE_{name}": value for name, value in changes.items()})
        phone = api.phone(CAMILLE, "Camille", started=True)
        try:
            yield Stage(folder, operator, mail, boxes, api, phone, service)
        finally:
            service.kill_all()


async def keep_running(stage: Stage, kills: list[Kill], record: Path | None = None) -> None:
    """Start the service, with each of the kills in turn, and start it again whenever it was killed.

    :raises AssertionError: it ended in another way.
    """
    left = list(kills)
    while True:
        stage.service.begin(left.pop(0) if left else None, record)
        ended = await asyncio.to_thread(stage.service.wait)
        assert ended == -signal.SIGKILL, f"the service ended ({ended}): {stage.service.words[-3000:]}"
        stage.deaths += 1
        with closing(sqlite3.connect(_copied(stage.service.data / DESK, stage.folder / "looked-at"))) as desk:
            stage.sending += desk.execute(
                "SELECT id, payload FROM outbox WHERE state = 'sending' AND channel = 'chat'"
            ).fetchall()


def _copied(store: Path, folder: Path) -> Path:
    """A copy with its log: who opens a store after a crash also mends it, and that is for the service to do."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for part in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copy(f"{store}{part}", folder / f"{store.name}{part}")
    return folder / store.name


def _read_only(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True, timeout=5)


async def until(look: Callable[[], T], good: Callable[[T], bool], what: str) -> T:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while not good(seen := look()):
        if loop.time() > deadline:
            raise NeverCame(f"{what} never came; there is {seen!r}")
        await asyncio.sleep(0.02)
    return seen


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    return " ".join(str(part.get_content()).split()) if part else ""

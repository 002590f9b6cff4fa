"""The sandbox's mail servers: SMTP (aiosmtpd) and IMAP (pymap), in memory, on free ports of 127.0.0.1.

They speak the real protocols, with STARTTLS, and deliver to their own accounts only: no mail leaves.
"""

import asyncio
import hmac
import logging
import re
import ssl
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.mailbox import MailboxData
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import FetchRequirement
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

log = logging.getLogger(__name__)

HOST = "127.0.0.1"

#: Seconds after which those in IDLE are told of a mail again.
_REMINDERS = (0.2, 1.0, 3.0)
SERVER_NAME = "mx.sandbox.test"


class SandboxMail:
    """Mailboxes for `accounts` (address -> password), while the context lasts.

    `smtp_port` and `imap_port` speak STARTTLS with a certificate for localhost and 127.0.0.1, signed by the
    authority in `ca_file` (written into `folder`). As a receiving server it vouches for what it takes in, under
    `server_name`: `dmarc=pass` when the sender had logged in as the very address in From, else `dmarc=fail`.
    """

    server_name = SERVER_NAME

    def __init__(self, accounts: Mapping[str, str], folder: Path) -> None:
        self.ca_file = folder / "sandbox-ca.pem"
        self.smtp_port = 0
        self.imap_port = 0
        self._passwords = {address.lower(): password for address, password in accounts.items()}
        self._arrival = asyncio.Condition()
        self._delivered = dict.fromkeys(self._passwords, 0)
        self._servers: list[asyncio.Server] = []
        self._imap_tasks: set[asyncio.Task[None]] = set()
        self.smtp_connections: set[_Smtp] = set()

    async def __aenter__(self) -> Self:
        # aiosmtpd warns there, at each login, about a property that only itself uses.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        tls = self._certified()
        self._mailboxes = await self._imap_accounts(tls)
        self._imap = IMAPServer(self._mailboxes, self._mailboxes.config)
        self._tls = tls
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen: on free ports at first, later on the same ones."""
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(lambda: _Smtp(self, self._tls), HOST, self.smtp_port)
        imap = await asyncio.start_server(self._serve_imap, HOST, self.imap_port)
        self._servers = [smtp, imap]
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        self.imap_port = imap.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut every connection and take no other; the mailboxes stay."""
        for server in self._servers:
            server.close()
        await self.disconnect_everyone()

    async def disconnect_everyone(self) -> None:
        """Cut every connection, as a server that restarts does; the mailboxes stay."""
        for connection in tuple(self.smtp_connections):
            if connection.transport is not None:
                connection.transport.close()
        tasks = tuple(self._imap_tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def messages(self, address: str) -> list[bytes]:
        """What the INBOX of `address` holds, oldest first."""
        async with self._identity(address).new_session() as session:
            inbox = await session.mailbox_set.get_mailbox("INBOX")
            loaded = [await mail.load_content(FetchRequirement.CONTENT) async for mail in inbox.messages()]
            return [bytes(mail.content) for mail in loaded]

    async def wait_for(self, address: str, predicate: Callable[[bytes], bool], seconds: float = 10.0) -> bytes:
        """The first mail of `address` that satisfies `predicate`, now or as soon as it comes.

        :raises TimeoutError: none came.
        """
        async with asyncio.timeout(seconds), self._arrival:
            while True:
                for content in await self.messages(address):
                    if predicate(content):
                        return content
                await self._arrival.wait()

    async def arrivals(self, known: Mapping[str, int], seconds: float) -> dict[str, int]:
        """How many mails each account was ever brought, as soon as that is not `known`; after `seconds` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._arrival:
                await self._arrival.wait_for(lambda: self._delivered != known)
        return dict(self._delivered)

    def account_of(self, recipient: str) -> str | None:
        """The account that a recipient's mail goes to; `local+token@domain` goes to `local@domain`."""
        local, _, domain = recipient.lower().rpartition("@")
        account = f"{local.partition('+')[0]}@{domain}"
        return account if account in self._passwords else None

    def knows(self, login: str, password: str) -> bool:
        expected = self._passwords.get(login.lower())
        return expected is not None and hmac.compare_digest(expected.encode(), password.encode())

    async def deliver(self, content: bytes, accounts: set[str]) -> None:
        """Put a mail into the INBOX of each account, and tell those who wait for it."""
        for account in accounts:
            async with self._identity(account).new_session() as session:
                await session.append_messages("INBOX", [AppendMessage(content, datetime.now(UTC))])
                self._remind(await session.mailbox_set.get_mailbox("INBOX"))
            self._delivered[account] += 1
        async with self._arrival:
            self._arrival.notify_all()

    def _remind(self, inbox: MailboxData) -> None:
        """Tell those in IDLE of the mail again; who knows of it already is told nothing.

        pymap waits for the next change without a look at what changed since the command before, so that a mail which
        comes just as IDLE begins would be told of with the next one only.
        """
        for seconds in _REMINDERS:
            asyncio.get_running_loop().call_later(seconds, inbox._updated.set)

    def _identity(self, address: str) -> Identity:
        return Identity(address.lower(), self._mailboxes, None, frozenset())

    def _certified(self) -> ssl.SSLContext:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost", HOST).configure_cert(context)
        return context

    async def _imap_accounts(self, tls: ssl.SSLContext) -> Login:
        config = _ImapConfig(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=HOST,
            port=0,
            ssl_context=tls,
            hash_context=Cleartext(),  # everything here lasts as long as the process
            demo_data=False,
            demo_user="",
            demo_password="",
        )
        login = Login(config)
        for address, password in self._passwords.items():
            await Identity(address, login, None, frozenset()).set(UserMetadata(config, address, password=password))
        return login

    async def _serve_imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._imap_tasks.add(task)
        try:
            await self._imap(reader, writer, SocketInfo.get(writer, None))
        except Exception as error:  # a client that vanishes amid a command or a handshake
            log.debug("An IMAP connection ended: %r", error)
        finally:
            self._imap_tasks.discard(task)
            with suppress(OSError):
                writer.close()


class _ImapConfig(Config):
    @property
    def greeting(self) -> bytes:
        return f"{SERVER_NAME} ready".encode()  # pymap's own asks the DNS for the machine's name


class _Smtp(SMTP):
    """One SMTP connection."""

    def __init__(self, mail: SandboxMail, tls: ssl.SSLContext) -> None:
        acceptance = _Acceptance(mail)
        super().__init__(
            acceptance,
            hostname=SERVER_NAME,
            ident="sandbox",
            tls_context=tls,
            authenticator=acceptance.verify,
            loop=asyncio.get_running_loop(),
        )
        self._open_connections = mail.smtp_connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open_connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._open_connections.discard(self)


class _Acceptance:
    """What one connection may hand in: anybody's mail, for the sandbox's own accounts."""

    def __init__(self, mail: SandboxMail) -> None:
        self._mail = mail
        self._login: str | None = None

    def verify(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        login, password = given.login.decode(errors="replace"), given.password.decode(errors="replace")
        if not self._mail.knows(login, password):
            return AuthResult(success=False, handled=False)
        self._login = login
        return AuthResult(success=True, auth_data=given)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._mail.account_of(address) is None:
            return f"550 5.1.1 <{address}>: mailbox unknown here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        trace = f"Return-Path: <{envelope.mail_from or ''}>\r\n".encode()
        content = trace + vouched(envelope.original_content or b"", self._login)
        accounts = {self._mail.account_of(address) for address in envelope.rcpt_tos}
        await self._mail.deliver(content, {account for account in accounts if account})
        return "250 2.0.0 delivered"


def vouched(content: bytes, login: str | None) -> bytes:
    """A mail with this server's own verdict on its author, and with no other that claims to be its own.

    :param login: the address that the sender logged in as, if any.
    """
    head, separator, body = _split(content)
    fields = [field for field in re.split(rb"\r?\n(?![ \t])", head) if field and not _claims_to_be_ours(field)]
    author = _author(head)
    verdict = "pass" if login and author and author.lower() == login.lower() else "fail"
    domain = author.rpartition("@")[2] if author else "unknown"
    ours = f"Authentication-Results: {SERVER_NAME}; dmarc={verdict} header.from={domain}".encode()
    return b"\r\n".join([ours, *fields]) + separator + body


def _split(content: bytes) -> tuple[bytes, bytes, bytes]:
    end = re.search(rb"\r?\n\r?\n", content)
    if end is None:
        return content, b"\r\n\r\n", b""
    return content[: end.start()], b"\r\n\r\n", content[end.end() :]


def _claims_to_be_ours(field: bytes) -> bool:
    name, _, value = field.partition(b":")
    if name.strip().lower() != b"authentication-results":
        return False
    value = re.sub(rb"\([^()]*\)", b" ", value)  # RFC 8601 allows comments before the name
    server = re.match(rb'\s*"?([^\s;"]*)', value)
    return server is not None and server[1].lower() == SERVER_NAME.encode()


def _author(head: bytes) -> str | None:
    """The one address in From; None if there is not exactly one, or if it cannot be read."""
    try:
        fields = message_from_bytes(head + b"\r\n\r\n", policy=policy.default).get_all("From", [])
        addresses = [address.addr_spec for field in fields for address in field.addresses]
    except Exception:  # the parser stumbles on some malformed headers, in many ways
        return None
    only = addresses[0] if len(addresses) == 1 else ""
    return only if re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", only) else None

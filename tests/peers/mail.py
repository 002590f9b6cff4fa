"""Mail servers for the tests: postfix with dovecot, and the sandbox's own, behind one face."""

import asyncio
import contextlib
import email
import email.policy
import os
import pwd
import re
import secrets
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest
from imap_tools import BaseMailBox, MailBoxStartTls

from bot.sandbox.mailserver import SandboxMail
from core.settings import MailAccess, tls_context
from tests.peers.programs import free_port, program
from tests.peers.tls import Authority
from tests.peers.tokens import TokenServer

HOST = "127.0.0.1"
DOMAIN = "client.test"
PASSWORDS = {
    "bot": "mdp-du-bot",
    "compta": "mdp-de-compta",
    "technique": "mdp-de-technique",
    "equipe": "mdp-de-equipe",
}
#: Postfix takes mail for it, dovecot knows nobody of that name: it comes back.
GONE = f"parti@{DOMAIN}"
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace")

T = TypeVar("T")


@dataclass(frozen=True)
class MailPeer:
    """An SMTP server (STARTTLS) with mailboxes for `passwords` (user -> password) at client.test.

    `imap_port` is IMAPS, absent from the sandbox's server. Wherever a user is asked for, `bot` means
    `bot@client.test`.
    """

    smtp_host: str
    smtp_port: int
    imap_host: str
    imap_port: int | None
    imap_starttls_port: int
    passwords: Mapping[str, str]
    ca_file: Path
    server_name: str

    def address(self, user: str) -> str:
        return user if "@" in user else f"{user}@{DOMAIN}"

    def smtp(self, user: str) -> MailAccess:
        return MailAccess(
            self.smtp_host,
            self.smtp_port,
            self.address(user),
            self._password(user),
            tls="starttls",
            ca_file=self.ca_file,
        )

    def imap(self, user: str) -> MailAccess:
        """IMAPS where there is, else STARTTLS."""
        if self.imap_port is None:
            return self.imap_starttls(user)
        return MailAccess(
            self.imap_host,
            self.imap_port,
            self.address(user),
            self._password(user),
            tls="tls",
            ca_file=self.ca_file,
        )

    def imap_starttls(self, user: str) -> MailAccess:
        return MailAccess(
            self.imap_host,
            self.imap_starttls_port,
            self.address(user),
            self._password(user),
            tls="starttls",
            ca_file=self.ca_file,
        )

    def deliver(
        self, raw: bytes, recipients: Sequence[str], *, user: str | None = None, sender: str | None = None
    ) -> None:
        """Hand a mail to the server, logged in as `user` or not at all; `sender` is the envelope's."""
        author = email.message_from_bytes(raw, policy=email.policy.default)["From"]
        if sender is None:
            sender = author.addresses[0].addr_spec if author else ""
        with smtplib.SMTP(self.smtp_host, self.smtp_port, timeout=20) as client:
            client.starttls(context=tls_context(self.ca_file))
            if user is not None:
                client.login(self.address(user), self._password(user))
            content = re.sub(rb"\r?\n", b"\r\n", raw)
            refused = client.sendmail(sender, [self.address(name) for name in recipients], content)
            assert not refused, refused

    @contextmanager
    def mailbox(self, user: str, folder: str = "INBOX") -> Iterator[BaseMailBox]:
        """A connection of that person's own, beside the bot's."""
        box = MailBoxStartTls(
            self.imap_host, self.imap_starttls_port, timeout=20, ssl_context=tls_context(self.ca_file)
        )
        with box.login(self.address(user), self._password(user), initial_folder=folder):
            yield box

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """What a folder holds, oldest first; nothing is marked as seen."""
        with self.mailbox(user, folder) as box:
            found = []
            for uid in box.uids(charset=None):
                _, data = box.client.uid("FETCH", uid, "(UID BODY.PEEK[])")
                found += [item[1] for item in data if isinstance(item, tuple)]
            return found

    def flags(self, user: str, folder: str = "INBOX") -> list[tuple[str, ...]]:
        """The flags of each mail of a folder, oldest first."""
        with self.mailbox(user, folder) as box:
            return [mail.flags for mail in box.fetch(mark_seen=False, charset=None, headers_only=True)]

    def wait_for(self, user: str, count: int = 1, seconds: float = 60.0) -> list[bytes]:
        """The mails of INBOX, once there are `count`."""
        return eventually(lambda: self.messages(user), lambda found: len(found) >= count, seconds)

    def put(self, user: str, raw: bytes, folder: str = "INBOX", *, at: datetime | None = None) -> None:
        """Lay a mail into a folder, beside SMTP; `at`: when it came."""
        with self.mailbox(user) as box:
            box.append(re.sub(rb"\r?\n", b"\r\n", raw), folder, dt=at)

    def empty(self) -> None:
        """Remove every mail and every folder but INBOX."""
        for user in self.passwords:
            with self.mailbox(user) as box:
                box.delete(box.uids(charset=None))
                for folder in box.folder.list():
                    if folder.name != "INBOX":
                        box.folder.delete(folder.name)

    def _password(self, user: str) -> str:
        return self.passwords[user.partition("@")[0]]


def eventually(look: Callable[[], T], good: Callable[[T], bool], seconds: float = 60.0) -> T:
    """What `look` gives once it is good; fails with the last thing seen."""
    deadline = time.monotonic() + seconds
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"after {seconds} s still: {seen!r}"
        time.sleep(0.05)
    return seen


@pytest.fixture
def embedded_mail(tmp_path: Path) -> Iterator[MailPeer]:
    """The sandbox's servers, in a loop of their own: the test's stays free."""
    accounts = {f"{user}@{DOMAIN}": password for user, password in PASSWORDS.items()}
    ready: list[SandboxMail] = []
    started, finish = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with SandboxMail(accounts, tmp_path) as mail:
            ready.append(mail)
            started.set()
            await finish.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="sandbox mail")
    thread.start()
    assert started.wait(20)
    mail = ready[0]
    yield MailPeer(HOST, mail.smtp_port, HOST, None, mail.imap_port, PASSWORDS, mail.ca_file, mail.server_name)
    loops[0].call_soon_threadsafe(finish.set)
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def postfix_dovecot(postfix_dovecot_servers: MailPeer) -> MailPeer:
    """Debian's postfix and dovecot, with empty mailboxes."""
    postfix_dovecot_servers.empty()
    return postfix_dovecot_servers


@pytest.fixture(params=["embedded", "postfix_dovecot"])
def any_mail(request: pytest.FixtureRequest) -> MailPeer:
    name = "embedded_mail" if request.param == "embedded" else "postfix_dovecot"
    peer: MailPeer = request.getfixturevalue(name)
    return peer


@pytest.fixture(scope="session")
def postfix_dovecot_servers(authority: Authority, token_servers: TokenServer) -> Iterator[MailPeer]:
    """Private instances of both, for the whole session; they let people in by password, or by token (XOAUTH2)."""
    master = program("master", "postfix")
    dovecot = program("dovecot", "dovecot-imapd")
    if os.geteuid() != 0:
        reason = "postfix and dovecot change users at each delivery: run these tests as root"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    # Not under pytest's folder: that one is closed to the servers' users, and too deep for socket names.
    folder = Path(tempfile.mkdtemp(prefix="mail-"))
    folder.chmod(0o755)
    smtp, imap, imaps, lmtp = free_port(), free_port(), free_port(), free_port()
    for source, name in ((authority.certificate, "certificate.pem"), (authority.key, "key.pem")):
        shutil.copy(source, folder / name)
    _write_dovecot(folder, imap=imap, imaps=imaps, lmtp=lmtp)
    (folder / "tokens").write_text(_TOKENS.format(url=token_servers.url))
    _write_postfix(folder, master.parent, smtp=smtp, lmtp=lmtp)
    try:
        with (
            _running([dovecot, "-F", "-c", folder / "dovecot.conf"], folder, "dovecot", [imap, imaps, lmtp]),
            _running([master, "-c", folder / "postfix", "-d"], folder, "postfix", [smtp]),
        ):
            yield MailPeer(HOST, smtp, HOST, imaps, imap, PASSWORDS, authority.ca_file, f"mx.{DOMAIN}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def prefixed_dovecot(authority: Authority) -> Iterator[MailPeer]:
    """A dovecot as some hosts have it: own folders begin with INBOX., and nothing can be moved but by copying.

    There is no SMTP: mails are put in by `put`.
    """
    dovecot = program("dovecot", "dovecot-imapd")
    folder = Path(tempfile.mkdtemp(prefix="mail-"))
    folder.chmod(0o755)
    imap, imaps, lmtp = free_port(), free_port(), free_port()
    for source, name in ((authority.certificate, "certificate.pem"), (authority.key, "key.pem")):
        shutil.copy(source, folder / name)
    _write_dovecot(folder, imap=imap, imaps=imaps, lmtp=lmtp)
    written = (folder / "dovecot.conf").read_text()
    written = written.replace("  inbox = yes\n", "  inbox = yes\n  prefix = INBOX.\n  separator = .\n")
    (folder / "tokens").write_text(_TOKENS.format(url=f"http://{HOST}:1"))
    (folder / "dovecot.conf").write_text(written + "\nimap_capability = IMAP4rev1 IDLE UIDPLUS NAMESPACE LITERAL+\n")
    try:
        with _running([dovecot, "-F", "-c", folder / "dovecot.conf"], folder, "dovecot", [imap, imaps, lmtp]):
            yield MailPeer(HOST, 0, HOST, imaps, imap, PASSWORDS, authority.ca_file, f"mx.{DOMAIN}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(command: Sequence[object], folder: Path, name: str, ports: Sequence[int]) -> Iterator[None]:
    """A server in the foreground, in a process group of its own, once it answers on its ports."""
    output = folder / f"{name}.out"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=out, cwd=folder, start_new_session=True
        )
    try:
        for port in ports:
            _wait_for_greeting(process, port, [output, folder / f"{name}.log"])
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def _wait_for_greeting(process: subprocess.Popen[bytes], port: int, logs: Sequence[Path]) -> None:
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            said = "\n".join(log.read_text(errors="replace") for log in logs if log.exists())
            pytest.fail(f"{process.args!r} does not listen on {port}:\n{said}")
        time.sleep(0.05)


def _write_dovecot(folder: Path, *, imap: int, imaps: int, lmtp: int) -> None:
    owner = pwd.getpwnam("mail")
    homes = folder / "homes"
    homes.mkdir()
    os.chown(homes, owner.pw_uid, owner.pw_gid)
    users = folder / "users"
    users.write_text(
        "".join(
            f"{user}@{DOMAIN}:{{PLAIN}}{password}:{owner.pw_uid}:{owner.pw_gid}::{homes}/{user}::\n"
            for user, password in PASSWORDS.items()
        )
    )
    users.chmod(0o644)
    (folder / "dovecot.conf").write_text(
        f"""
protocols = imap lmtp
listen = {HOST}
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot-state
log_path = {folder}/dovecot.log
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
auth_mechanisms = plain login xoauth2
mail_location = maildir:~/Maildir
first_valid_uid = 1
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
mail_max_userip_connections = 100
auth_failure_delay = 0
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/tokens
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""
    )


#: Whose a token is, is asked for of who gave it.
_TOKENS = """
introspection_url = {url}/introspect
introspection_mode = auth
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
"""


def _write_postfix(folder: Path, daemons: Path, *, smtp: int, lmtp: int) -> None:
    settings = folder / "postfix"
    settings.mkdir()
    postfix = pwd.getpwnam("postfix")
    data = folder / "postfix-data"
    data.mkdir()
    os.chown(data, postfix.pw_uid, postfix.pw_gid)
    spool = folder / "spool"
    spool.mkdir()
    (spool / "pid").mkdir()
    for queue in (*QUEUES, "private", "public"):
        (spool / queue).mkdir(mode=0o700)
        os.chown(spool / queue, postfix.pw_uid, 0)
    # The verdict goes from smtpd to cleanup under a name that no sender can guess: the one check drops every
    # header that claims to be ours, the other turns ours into what it stands for.
    verdict = f"X-Verdict-{secrets.token_hex(8)}"
    ours = re.escape(f"mx.{DOMAIN}")
    (settings / "header_checks").write_text(
        f'/^Authentication-Results[[:space:]]*:([[:space:]]|\\([^)]*\\))*"?{ours}[[:space:];"]/ IGNORE\n'
        f"/^{verdict}: (.*)$/ REPLACE Authentication-Results: mx.{DOMAIN}; dmarc=$1 header.from={DOMAIN}\n"
    )
    (settings / "authenticated").write_text(f"/./ PREPEND {verdict}: pass\n")
    (settings / "mailboxes").write_text("".join(f"{user}@{DOMAIN} here\n" for user in PASSWORDS) + f"{GONE} here\n")
    (settings / "main.cf").write_text(
        f"""
compatibility_level = 3.6
myhostname = mx.{DOMAIN}
mydestination =
mynetworks =
inet_interfaces = {HOST}
inet_protocols = ipv4
config_directory = {settings}
queue_directory = {spool}
data_directory = {data}
daemon_directory = {daemons}
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:no local mail here
default_transport = error:no mail leaves this machine
relay_transport = error:no mail leaves this machine
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = texthash:{settings}/mailboxes
virtual_transport = lmtp:inet:{HOST}:{lmtp}
recipient_delimiter = +
header_checks = regexp:{settings}/header_checks
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_data_restrictions =
  check_sasl_access regexp:{settings}/authenticated,
  permit_sasl_authenticated,
  check_client_access static:{{PREPEND {verdict}: fail}}
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
"""
    )
    (settings / "master.cf").write_text(
        f"""
{HOST}:{smtp} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
    )

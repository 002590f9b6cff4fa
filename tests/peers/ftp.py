"""Real FTP servers on loopback, each with a folder of its own, and aioftp's server, which knows MLSD."""

import asyncio
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aioftp
import pytest

from core.settings import FtpAccess, FtpTls
from tests.peers.programs import free_port, program
from tests.peers.tls import Authority

NOBODY = 65534  # proftpd and pure-ftpd read and write as this user, whoever runs the tests


@dataclass(frozen=True)
class FtpPeer:
    """A server that runs; `root` is the folder that the account sees as `/`."""

    name: str
    host: str
    port: int
    login: str
    password: str = field(repr=False)
    root: Path
    tls: FtpTls = "none"
    ca_file: Path | None = None

    def access(self, settle_seconds: float = 0.1) -> FtpAccess:
        return FtpAccess(
            host=self.host,
            port=self.port,
            login=self.login,
            password=self.password,
            tls=self.tls,
            ca_file=self.ca_file,
            settle_seconds=settle_seconds,
        )


@dataclass(frozen=True)
class _Ground:
    """Where one server stands: `root` is served, `private` holds its configuration."""

    name: str
    port: int
    password: str = field(repr=False)
    root: Path
    private: Path

    def peer(self, authority: Authority | None = None) -> FtpPeer:
        return FtpPeer(
            name=self.name,
            host="localhost",
            port=self.port,
            login="origyne",
            password=self.password,
            root=self.root,
            tls="explicit" if authority else "none",
            ca_file=authority.ca_file if authority else None,
        )


@contextmanager
def _ground(name: str) -> Iterator[_Ground]:
    # Not under tmp_path, which is closed to the servers' user; and what a test creates must be open to it.
    base = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    umask = os.umask(0)
    try:
        base.chmod(0o755)
        root, private = base / "root", base / "private"
        root.mkdir(mode=0o777)
        private.mkdir(mode=0o755)
        yield _Ground(name, free_port(), secrets.token_urlsafe(12), root, private)
    finally:
        os.umask(umask)
        shutil.rmtree(base, ignore_errors=True)


def _needs_root(daemon: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"{daemon} changes user for its account: it must be started by root")


@contextmanager
def _running(ground: _Ground, command: list[str | Path]) -> Iterator[None]:
    journal = ground.private / "journal"
    with journal.open("wb") as output:
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        # The first connection stays open: proftpd sleeps for a while each time that a session ends.
        with _greeted(ground, daemon, journal):
            yield
    finally:
        with suppress(ProcessLookupError):  # it did not start
            os.killpg(daemon.pid, signal.SIGKILL)  # its own group: the daemon and the processes of its sessions
        daemon.wait(30)


def _greeted(ground: _Ground, daemon: subprocess.Popen[bytes], journal: Path) -> socket.socket:
    deadline = time.monotonic() + 60
    while daemon.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            probe = socket.create_connection(("127.0.0.1", ground.port), timeout=2)
            if probe.recv(3) == b"220":
                return probe
            probe.close()
        time.sleep(0.02)
    pytest.fail(f"{ground.name} did not start: {journal.read_text(errors='replace')}")


@contextmanager
def _vsftpd(authority: Authority | None = None, max_clients: int = 0) -> Iterator[FtpPeer]:
    daemon = program("vsftpd", "vsftpd")
    _needs_root("vsftpd")
    with _ground("vsftpd") as ground:
        empty = ground.private / "empty"
        empty.mkdir(mode=0o755)
        users = ground.private / "users"
        users.write_text(f"origyne:{_crypt(ground.password)}\n")
        # PAM is vsftpd's only way to a password, and looks for a service in this folder only.
        service = Path("/etc/pam.d") / f"origyne-tests-{ground.port}"
        service.write_text(f"auth required {_pam_pwdfile(daemon)} pwdfile={users}\naccount required pam_permit.so\n")
        service.chmod(0o644)
        options = {
            "listen": "YES",
            "listen_address": "127.0.0.1",
            "listen_port": ground.port,
            "background": "NO",
            "anonymous_enable": "NO",
            "local_enable": "YES",
            "pam_service_name": service.name,
            "guest_enable": "YES",
            "guest_username": "daemon",  # of those that Debian has, one whose home exists
            "virtual_use_local_privs": "YES",
            "local_root": ground.root,
            "chroot_local_user": "YES",
            "allow_writeable_chroot": "YES",
            "write_enable": "YES",
            "connect_from_port_20": "NO",
            "secure_chroot_dir": empty,
            "vsftpd_log_file": ground.private / "vsftpd.log",
            "seccomp_sandbox": "NO",
            "isolate": "NO",
            "isolate_network": "NO",
            "max_clients": max_clients,
        }
        if authority:
            options |= {
                "ssl_enable": "YES",
                "force_local_logins_ssl": "YES",
                "force_local_data_ssl": "YES",
                "require_ssl_reuse": "YES",
                "ssl_ciphers": "HIGH",
                "rsa_cert_file": authority.certificate,
                "rsa_private_key_file": authority.key,
            }
        configuration = ground.private / "vsftpd.conf"
        configuration.write_text("".join(f"{name}={value}\n" for name, value in options.items()))
        configuration.chmod(0o600)
        try:
            with _running(ground, [daemon, configuration]):
                yield ground.peer(authority)
        finally:
            service.unlink()


def _pam_pwdfile(daemon: Path) -> Path:
    for folder in ("lib", "usr/lib"):
        for module in daemon.parents[2].glob(f"{folder}/*/security/pam_pwdfile.so"):
            return module
    return program("pam_pwdfile.so", "libpam-pwdfile")  # absent: says so


@contextmanager
def _proftpd(authority: Authority | None = None) -> Iterator[FtpPeer]:
    daemon = program("proftpd", "proftpd-core")
    _needs_root("proftpd")
    with _ground("proftpd") as ground:
        users = ground.private / "users"
        users.write_text(f"origyne:{_crypt(ground.password)}:{NOBODY}:{NOBODY}::{ground.root}:/bin/false\n")
        users.chmod(0o600)
        lines = [
            "ServerType standalone",
            "ServerName proftpd",
            "DefaultAddress 127.0.0.1",
            "UseIPv6 off",
            f"Port {ground.port}",
            "User nobody",
            "Group nogroup",
            "AuthOrder mod_auth_file.c",
            f"AuthUserFile {users}",
            "RequireValidShell off",
            "UseReverseDNS off",
            "WtmpLog off",
            f"DefaultRoot {ground.root}",
            f"PidFile {ground.private}/pid",
            f"ScoreboardFile {ground.private}/scoreboard",
            "<IfModule mod_delay.c>",
            "  DelayEngine off",
            "</IfModule>",
            f"SystemLog {ground.private}/system.log",
            f"TransferLog {ground.private}/transfer.log",
        ]
        if authority:
            lines += [
                *_proftpd_modules(daemon, "mod_tls.c"),
                "TLSEngine on",
                "TLSRequired on",
                f"TLSRSACertificateFile {authority.certificate}",
                f"TLSRSACertificateKeyFile {authority.key}",
                f"TLSLog {ground.private}/tls.log",
            ]
        configuration = ground.private / "proftpd.conf"
        configuration.write_text("\n".join(lines) + "\n")
        with _running(ground, [daemon, "-n", "-c", configuration]):
            yield ground.peer(authority)


def _proftpd_modules(daemon: Path, module: str) -> list[str]:
    folder = daemon.parents[1] / "lib" / "proftpd"
    return [f"ModulePath {folder}", f"LoadModule {module}"]


def _crypt(password: str) -> str:
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), f"$6${secrets.token_hex(8)}$".encode())
    assert isinstance(hashed, bytes)
    return hashed.decode()


@contextmanager
def _pure_ftpd(authority: Authority | None = None) -> Iterator[FtpPeer]:
    daemon = program("pure-ftpd", "pure-ftpd")
    pure_pw = program("pure-pw", "pure-ftpd")
    _needs_root("pure-ftpd")
    with _ground("pure-ftpd") as ground:
        users, base = ground.private / "users", ground.private / "users.pdb"
        # Written by hand: pure-pw's own hashes take two seconds to check at each login.
        users.write_text(f"origyne:{_crypt(ground.password)}:{NOBODY}:{NOBODY}::{ground.root}/./{':' * 12}\n")
        subprocess.run([pure_pw, "mkdb", base, "-f", users], check=True)
        command: list[str | Path] = [daemon, "-S", f"127.0.0.1,{ground.port}", "-l", f"puredb:{base}"]
        command += ["-E", "-A", "-H", "-u", "1", "-g", ground.private / "pid"]
        if authority:
            both = ground.private / "certificate.pem"
            both.write_bytes(authority.key.read_bytes() + authority.certificate.read_bytes())
            both.chmod(0o600)
            command += ["-Y", "3", "-2", both]
        with _running(ground, command):
            yield ground.peer(authority)


@contextmanager
def _embedded() -> Iterator[FtpPeer]:
    with _ground("aioftp") as ground:
        started, loop = threading.Event(), asyncio.new_event_loop()
        user = aioftp.User("origyne", ground.password, base_path=ground.root)
        stop = asyncio.Event()

        async def serve() -> None:
            server = aioftp.Server([user])
            await server.start("127.0.0.1", ground.port)
            started.set()
            await stop.wait()
            await server.close()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
        thread.start()
        assert started.wait(60), "aioftp.Server did not start"
        try:
            yield ground.peer()
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(60)
            loop.close()


@contextmanager
def vsftpd_running() -> Iterator[FtpPeer]:
    """For what is no test."""
    with _vsftpd() as peer:
        yield peer


@pytest.fixture
def vsftpd() -> Iterator[FtpPeer]:
    with _vsftpd() as peer:
        yield peer


@pytest.fixture
def vsftpd_tls(authority: Authority) -> Iterator[FtpPeer]:
    with _vsftpd(authority) as peer:
        yield peer


@pytest.fixture
def vsftpd_of_two() -> Iterator[FtpPeer]:
    """It lets two clients in; a third connection, of ours, is the test's own."""
    with _vsftpd(max_clients=3) as peer:
        yield peer


@pytest.fixture
def proftpd() -> Iterator[FtpPeer]:
    with _proftpd() as peer:
        yield peer


@pytest.fixture
def proftpd_tls(authority: Authority) -> Iterator[FtpPeer]:
    with _proftpd(authority) as peer:
        yield peer


@pytest.fixture
def pure_ftpd() -> Iterator[FtpPeer]:
    with _pure_ftpd() as peer:
        yield peer


@pytest.fixture
def pure_ftpd_tls(authority: Authority) -> Iterator[FtpPeer]:
    with _pure_ftpd(authority) as peer:
        yield peer


@pytest.fixture
def embedded_ftp() -> Iterator[FtpPeer]:
    with _embedded() as peer:
        yield peer


REAL = ("vsftpd", "vsftpd_tls", "proftpd", "proftpd_tls", "pure_ftpd", "pure_ftpd_tls")
SECURE = ("vsftpd_tls", "proftpd_tls", "pure_ftpd_tls")


def _chosen(request: pytest.FixtureRequest) -> FtpPeer:
    peer = request.getfixturevalue(request.param)
    assert isinstance(peer, FtpPeer)
    return peer


@pytest.fixture(params=[*REAL, "embedded_ftp"])
def any_ftp(request: pytest.FixtureRequest) -> FtpPeer:
    """Each server in turn."""
    return _chosen(request)


@pytest.fixture(params=REAL)
def real_ftp(request: pytest.FixtureRequest) -> FtpPeer:
    """Each daemon in turn, plain and with TLS."""
    return _chosen(request)


@pytest.fixture(params=SECURE)
def secure_ftp(request: pytest.FixtureRequest) -> FtpPeer:
    """Each daemon in turn, with TLS only."""
    return _chosen(request)

"""Where the real servers' programs are; absent, a test is skipped on a laptop and fails in CI."""

import os
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import pytest

#: `.ci/servers` unpacks here the Debian packages that cannot be installed beside each other.
UNPACKED = Path(__file__).parents[2] / ".servers"


def program(name: str, package: str) -> Path:
    """Path of a server's program: unpacked for the tests, or installed.

    Absent: the test is skipped, or fails when `CI=true`, with the package to install.
    """
    search = os.pathsep.join(
        [
            *(str(UNPACKED / package / part) for part in ("usr/sbin", "usr/bin", "usr/lib/dovecot")),
            os.environ.get("PATH", ""),
            "/usr/sbin",
            "/sbin",
            "/usr/lib/postfix/sbin",
        ]
    )
    found = shutil.which(name, path=search)
    if found:
        return Path(found)
    reason = f"{name} is missing: run .ci/servers, or install the Debian package {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing uses at this moment, below those that the kernel gives out by itself: tests
    that run beside this one hardly take it before its server does."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port

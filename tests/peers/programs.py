"""Where the real servers' programs are; absent, a test is skipped on a laptop and fails in CI."""

import errno
import os
import secrets
import shutil
import socket
from collections import deque
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


#: Each holds a port that was given lately, in UDP, which no server here uses: whoever looks for one passes it over.
_claims: deque[socket.socket] = deque()
_MOST_CLAIMS = 30


def free_port() -> int:
    """A port of 127.0.0.1 that nothing uses at this moment, below those that the kernel gives out by itself, and that
    no other test takes before its server does."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError as error:
            claim.close()
            if error.errno == errno.EADDRINUSE:
                continue
            raise
        _claims.append(claim)
        if len(_claims) > _MOST_CLAIMS:
            _claims.popleft().close()
        return port

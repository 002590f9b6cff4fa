"""An FTP server that does one named thing wrong: aioftp's, some of whose commands are done otherwise."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aioftp
from aioftp.common import Connection

from core.settings import FtpAccess
from tests.peers.misbehaving.serving import HOST

PASSWORD = "a-password-nobody-sees"

#: Bytes a second of "slow drip".
DRIP = 50


@dataclass
class OddFtp:
    """An account over `root` that misbehaves as planned. `commands`: what it was told; `hits`: faults that happened;
    `unknown`: commands that it does not know."""

    root: Path
    commands: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    _planned: list["_Planned"] = field(default_factory=list)

    def misbehave(self, name: str, times: int = 1, only: str = "") -> None:
        """Do `name`, of `FAULTS`, at the next commands that it concerns, or at those alone whose argument, or whose
        listed file, ends with `only`."""
        self._planned.append(_Planned(name, FAULTS[name], times, only))

    def heal(self) -> None:
        """Forget what has not happened yet."""
        self._planned.clear()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FtpAccess]:
        """How to reach it, while it runs."""
        # aioftp tells a client that goes away amid a command with a traceback.
        logging.getLogger("aioftp.server").setLevel(logging.CRITICAL)
        asyncio.get_running_loop().set_exception_handler(_quietly)
        server = _Server(self)
        await server.start(HOST)
        try:
            yield FtpAccess(HOST, server.server_port, "origyne", PASSWORD, settle_seconds=0.05, connections=1)
        finally:
            await server.close()

    def next(self, command: str, argument: str) -> "_Planned | None":
        """The fault that hits this command, if any."""
        for planned in self._planned:
            fault = planned.fault
            if planned.left and command in fault.commands and (fault.lists or argument.endswith(planned.only)):
                planned.left -= 1
                self.hits.append(planned.name)
                return planned
        return None


def _quietly(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """aioftp leaves tasks behind whose client went away. Told by the collector amid pytest's own reading of sources,
    their tracebacks end it (SystemError of Python 3.11's parser)."""
    if not isinstance(context.get("exception"), ConnectionError):
        loop.default_exception_handler(context)


_Real = Callable[[Connection, str], Awaitable[bool]]
_Act = Callable[["_Call"], Awaitable[bool]]


@dataclass(frozen=True)
class _Fault:
    """`lists`: it is the listing that is wrong, and `only` names a file in it."""

    commands: Sequence[str]
    act: _Act
    lists: bool = False


@dataclass
class _Planned:
    name: str
    fault: _Fault
    left: int
    only: str


class _Server(aioftp.Server):
    def __init__(self, odd: OddFtp) -> None:
        super().__init__(
            [aioftp.User("origyne", PASSWORD, base_path=odd.root)],
            wait_future_timeout=10,
            ipv4_pasv_forced_response_address="192.0.2.1",  # whom nobody should believe
        )
        self._odd = odd
        for command, real in list(self.commands_mapping.items()):
            self.commands_mapping[command] = self._perhaps(command, real)

    async def greeting(self, connection: Connection, rest: object) -> bool:
        return await self._perhaps("greeting", super().greeting)(connection, "")

    def _perhaps(self, command: str, real: _Real) -> _Real:
        async def handler(connection: Connection, rest: str) -> bool:
            argument = "" if command == "pass" else str(rest)
            self._odd.commands.append(f"{command.upper()} {argument}".strip())
            if command in self._odd.unknown:
                connection.response("500", "what?")
                return True
            if planned := self._odd.next(command, argument):
                return await planned.fault.act(_Call(self, connection, command, rest, real, planned.only))
            return await real(connection, rest)

        return handler


@dataclass(frozen=True)
class _Call:
    """A command that is done otherwise."""

    server: _Server
    connection: Connection
    command: str
    argument: str
    real: _Real
    only: str

    @property
    def path(self) -> Path:
        real, _ = self.server.get_paths(self.connection, self.argument)
        return Path(real)

    def say(self, code: str, words: str) -> bool:
        self.connection.response(code, words)
        return True

    async def stream(self) -> aioftp.ThrottleStreamIO:
        """The data connection, once the transfer is said to begin."""
        self.say("150", "here it comes")
        stream: aioftp.ThrottleStreamIO = await self.connection["data_connection"]
        del self.connection.data_connection
        return stream

    async def send(self, content: bytes) -> None:
        """All of it, and the end of the data connection."""
        stream = await self.stream()
        await stream.write(content)
        stream.close()

    async def lines(self) -> list[bytes]:
        """The folder's true listing."""
        build = self.server.build_mlsx_string if self.command == "mlsd" else self.server.build_list_string
        folder = self.path  # without an argument, where CWD led
        return [(await build(self.connection, path)).encode() for path in sorted(folder.iterdir())]

    def drop(self) -> bool:
        self.connection.command_connection.writer.transport.abort()
        return False

    async def silence(self) -> bool:
        await asyncio.Event().wait()
        return True


# -- what it does


def _say(code: str, words: str) -> _Act:
    async def act(call: _Call) -> bool:
        call.say(code, words)
        return not code.startswith("421")  # after which it closes

    return act


async def _drop(call: _Call) -> bool:
    return call.drop()


async def _drop_when_done(call: _Call) -> bool:
    Path(call.connection.rename_from).rename(call.path)
    return call.drop()


async def _silence(call: _Call) -> bool:
    return await call.silence()


async def _drop_mid_file(call: _Call) -> bool:
    content = call.path.read_bytes()
    await call.send(content[call.connection.restart_offset : len(content) // 2])
    return call.drop()


async def _altered(call: _Call) -> bool:
    await call.send(call.path.read_bytes().replace(b"\r\n", b"\n"))
    return call.say("226", "done")


async def _drip(call: _Call) -> bool:
    content = call.path.read_bytes() if call.command == "retr" else b"x" * 10_000
    content = content[call.connection.restart_offset :]
    stream = await call.stream()
    for at in range(len(content)):
        await stream.write(content[at : at + 1])
        await asyncio.sleep(1 / DRIP)
    stream.close()
    return call.say("226", "at last")


async def _endless(call: _Call) -> bool:
    stream = await call.stream()
    with suppress(OSError):
        while True:
            await stream.write(b"x" * 65536)
    return call.drop()


async def _never_226(call: _Call) -> bool:
    if call.command == "retr":
        await call.send(call.path.read_bytes()[call.connection.restart_offset :])
    else:
        stream = await call.stream()
        call.path.write_bytes(await stream.read())
    return await call.silence()


def _half_then(code: str, words: str) -> _Act:
    """An upload of which half is kept; "" to drop the connection then."""

    async def act(call: _Call) -> bool:
        stream = await call.stream()
        begun = await stream.read(65536)
        call.path.write_bytes(begun[: len(begun) // 2])
        stream.writer.transport.abort()
        return call.say(code, words) if code else call.drop()

    return act


def _listing(change: Callable[[_Call, list[bytes]], list[bytes]]) -> _Act:
    async def act(call: _Call) -> bool:
        await call.send(b"".join(line + b"\r\n" for line in change(call, await call.lines())))
        return call.say("226", "done")

    return act


def _nothing(call: _Call, lines: list[bytes]) -> list[bytes]:
    return []


def _garbage(call: _Call, lines: list[bytes]) -> list[bytes]:
    half = lines[0][: len(lines[0]) // 3]
    outside = [re.sub(rb"[^ ]+$", b"../../etc/cron.d/evil", line) for line in lines]
    binary = bytes(byte for byte in range(256) if byte not in b"\r\n")
    many = [b"Le serveur vous salue bien, %d fois" % number for number in range(10_000)]
    return [b"", binary, half, *outside, b"x" * 5000, *lines, *many, half]


def _sized(more: int) -> Callable[[_Call, list[bytes]], list[bytes]]:
    def change(call: _Call, lines: list[bytes]) -> list[bytes]:
        def other(found: re.Match[bytes]) -> bytes:
            return b"%b%d" % (found[1], int(found[2]) + more)

        size = rb"(?i)(size=)(\d+)" if call.command == "mlsd" else rb"^((?:\S+\s+){4})(\d+)"
        return [re.sub(size, other, line) if line.endswith(call.only.encode()) else line for line in lines]

    return change


_LISTINGS = ("mlsd", "list")

FAULTS: Mapping[str, _Fault] = {
    "421 at login": _Fault(["greeting"], _say("421", "Too many connections, come back later")),
    "password refused": _Fault(["pass"], _say("530", f"Login incorrect for {PASSWORD}")),
    "550 on EPSV": _Fault(["epsv"], _say("550", "Permission denied")),
    "550 on EPSV and PASV": _Fault(["epsv", "pasv"], _say("550", "Permission denied")),
    "drop mid-file": _Fault(["retr"], _drop_mid_file),
    "file altered": _Fault(["retr"], _altered),
    "550 on STOR": _Fault(["stor"], _say("550", "Permission denied")),
    "550 on DELE": _Fault(["dele"], _say("550", "Permission denied")),
    "silence at RETR": _Fault(["retr"], _silence),
    "slow drip": _Fault(["retr"], _drip),
    "endless file": _Fault(["retr"], _endless),
    "never a 226": _Fault(["retr", "stor"], _never_226),
    "size announced too large": _Fault(_LISTINGS, _listing(_sized(+7)), lists=True),
    "size announced too small": _Fault(_LISTINGS, _listing(_sized(-7)), lists=True),
    "listing of garbage": _Fault(_LISTINGS, _listing(_garbage), lists=True),
    "listing empty": _Fault(_LISTINGS, _listing(_nothing), lists=True),
    "listing by drip": _Fault(_LISTINGS, _drip, lists=True),
    "disk full amid an upload": _Fault(["stor"], _half_then("452", "No space left on device")),
    "quota exceeded amid an upload": _Fault(["stor"], _half_then("552", "Quota exceeded")),
    "drop amid an upload": _Fault(["stor"], _half_then("", "")),
    "drop before a renaming": _Fault(["rnto"], _drop),
    "drop after a renaming": _Fault(["rnto"], _drop_when_done),
}

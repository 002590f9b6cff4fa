"""An FTP server inside the process, on loopback, for the demo and the tests."""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

import aioftp
from aioftp.common import Connection
from aioftp.server import ConnectionConditions, PathPermissions


class SandboxFtp:
    """One user, whose home is `root`, may read and write there and nowhere else.

    async with SandboxFtp(root, "demo", "secret") as ftp:
        ... connect to 127.0.0.1, ftp.port
    """

    host = "127.0.0.1"

    def __init__(self, root: Path, login: str, password: str) -> None:
        user = aioftp.User(login, password, base_path=root.resolve())
        # One second, aioftp's default, is too short for a data connection on a busy machine.
        self._server = _Server([user], wait_future_timeout=10)
        self.port = 0

    async def __aenter__(self) -> Self:
        # aioftp tells a client that goes away amid a command, as a stopping service does, with a traceback.
        logging.getLogger("aioftp.server").setLevel(logging.CRITICAL)
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen: on a free port at first, later on the same one."""
        await self._server.start(self.host, self.port)
        self.port = self._server.server_port

    async def stop(self) -> None:
        """Cut every connection and take no other."""
        await self._server.close()


class _Server(aioftp.Server):
    @staticmethod
    def get_paths(connection: Connection, path: str | PurePosixPath) -> tuple[Path, PurePosixPath]:
        """aioftp resolves "..", and this a symbolic link that leads out: it reads as the root."""
        real, virtual = aioftp.Server.get_paths(connection, path)
        root = connection.user.base_path
        if not real.resolve().is_relative_to(root):
            return root, PurePosixPath("/")
        return real, virtual

    async def dispatcher(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection; one that `close` cuts ends quietly, where asyncio 3.11 would print a trace."""
        with suppress(asyncio.CancelledError):
            await super().dispatcher(reader, writer)

    @ConnectionConditions(ConnectionConditions.login_required, ConnectionConditions.rename_from_required)
    @PathPermissions(PathPermissions.writable)
    async def rnto(self: aioftp.Server, connection: Connection, rest: str | PurePosixPath) -> bool:
        """Rename over an existing file, as the operator's own server does; aioftp's refuses."""
        target, _ = self.get_paths(connection, rest)
        source = connection.rename_from
        del connection.rename_from
        await connection.path_io.rename(source, target)
        connection.response("250", "")
        return True

"""A TCP relay whose links break in the ways that a network has."""

import asyncio
import re
from contextlib import suppress
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"

#: Where an FTP server says that it waits for a data connection: EPSV, PASV.
_EPSV = re.compile(rb"229 [^\r\n]*\(\|\|\|(\d+)\|\)")
_PASV = re.compile(rb"227 [^\r\n]*\(\d+,\d+,\d+,\d+,(\d+),(\d+)\)")


class _Link:
    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter, *, is_data: bool) -> None:
        self.ends = (client, server)
        self.is_data = is_data
        self.is_lost = False

    def cut(self) -> None:
        for end in self.ends:
            end.transport.abort()


class Relay:
    """Passes on what is said between clients and the server at `target`, a port of this machine.

    :param is_ftp: FTP's data connections go through it too.
    """

    def __init__(self, target: int, *, is_ftp: bool = False) -> None:
        self.port = 0
        #: What who connects is told before he is sent away; None to let him in.
        self.refusal: bytes | None = None
        self._target = target
        self._is_ftp = is_ftp
        self._flows = asyncio.Event()
        self._flows.set()
        self._left: int | None = None
        self._links: set[_Link] = set()
        self._servers: set[asyncio.Server] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.port = await self._listen(self._target, is_data=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- what can go wrong

    def cut(self) -> None:
        """Break all links."""
        for link in tuple(self._links):
            link.cut()

    def cut_after(self, count: int) -> None:
        """Break the link that passes on the `count`th byte from now; of FTP's, amid a file."""
        self._left = count

    def stall(self) -> None:
        """Nothing passes until `flow`; nothing is lost."""
        self._flows.clear()

    def lose(self) -> None:
        """The links of now pass on nothing any more and stay open, as when a router forgets them."""
        for link in self._links:
            link.is_lost = True

    def heal(self) -> None:
        self.refusal = None
        self._left = None
        self._flows.set()

    # -- links

    async def _listen(self, target: int, *, is_data: bool) -> int:
        server: asyncio.Server

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._tasks.add(task)
            try:
                if is_data:  # one connection, as the server itself takes
                    server.close()
                    self._servers.discard(server)
                with suppress(OSError, EOFError):
                    await self._link(reader, writer, target, is_data=is_data)
            finally:
                writer.transport.abort()
                self._tasks.discard(task)

        server = await asyncio.start_server(accepted, HOST, 0)
        self._servers.add(server)
        if is_data:  # nobody may come for it
            asyncio.get_running_loop().call_later(60, server.close)
            asyncio.get_running_loop().call_later(60, self._servers.discard, server)
        return int(server.sockets[0].getsockname()[1])

    async def _link(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int, *, is_data: bool
    ) -> None:
        if self.refusal is not None and not is_data:
            writer.write(self.refusal)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return
        server_reader, server_writer = await asyncio.open_connection(HOST, target)
        link = _Link(writer, server_writer, is_data=is_data)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pass(link, reader, server_writer, is_reply=False),
                self._pass(link, server_reader, writer, is_reply=True),
            )
            for end in link.ends:
                end.close()
        finally:
            self._links.discard(link)
            link.ends[1].transport.abort()

    async def _pass(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        while chunk := await reader.read(16384):
            await self._flows.wait()
            if link.is_lost:
                continue
            if self._is_ftp and is_reply and not link.is_data:
                chunk = await self._redirected(chunk)
            if self._left is not None and (link.is_data or not self._is_ftp):
                if len(chunk) > self._left:
                    writer.write(chunk[: self._left])
                    with suppress(OSError):
                        await writer.drain()
                    self._left = None
                    link.cut()
                    return
                self._left -= len(chunk)
            writer.write(chunk)
            await writer.drain()
        if link.is_lost:
            await asyncio.Event().wait()
        with suppress(OSError):
            writer.write_eof()

    async def _redirected(self, chunk: bytes) -> bytes:
        """An answer to PASV or EPSV that leads here."""
        if found := _EPSV.search(chunk):
            port = await self._listen(int(found[1]), is_data=True)
            return chunk[: found.start(1)] + str(port).encode() + chunk[found.end(1) :]
        if found := _PASV.search(chunk):
            port = await self._listen(int(found[1]) * 256 + int(found[2]), is_data=True)
            return chunk[: found.start(1)] + b"%d,%d" % divmod(port, 256) + chunk[found.end(2) :]
        return chunk

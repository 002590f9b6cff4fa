"""A network that is cut, or falls silent."""

import asyncio
from dataclasses import dataclass, field

from tests.peers.misbehaving.serving import HOST, Handler


@dataclass
class Link(Handler):
    """A relay to `port` that can be cut, or fall silent without a word as a lost network does."""

    port: int
    silent: bool = False
    accepted: int = 0
    under_way: int = 0
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        for writer in self._open:
            writer.close()
        self._open.clear()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.under_way += 1
        try:
            await self._relay(reader, writer)
        finally:
            self.under_way -= 1

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(HOST, self.port)
        self._open += [writer, back_writer]
        try:
            await asyncio.gather(self._pass(reader, back_writer), self._pass(back_reader, writer))
        finally:
            back_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            if not self.silent:
                writer.write(chunk)
                await writer.drain()
        writer.close()

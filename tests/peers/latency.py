"""A distance to an FTP server on this machine: each byte takes its time, on the control and the data connections."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_EPSV = re.compile(rb"229 [^\r\n]*\(\|\|\|(\d+)\|\)")
_PASV = re.compile(rb"227 [^\r\n]*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)")
_BLOCK = 256 * 1024


class _Distance:
    """Relays of one server. `one_way`: seconds that anything takes in each direction."""

    def __init__(self, port: int, one_way: float) -> None:
        self._port = port
        self._one_way = one_way

    async def serve(self) -> int:
        self._server = await asyncio.start_server(self._control, "127.0.0.1", 0, limit=_BLOCK)
        return int(self._server.sockets[0].getsockname()[1])

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._relay(reader, writer, self._port, rewriting=True)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, *, rewriting: bool
    ) -> None:
        # Opening takes a round trip too: the client is connected to us already, so that its first byte waits for it.
        await asyncio.sleep(2 * self._one_way)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port, limit=_BLOCK)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pipe(reader, back, False), self._pipe(there, writer, rewriting))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rewriting: bool) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def send() -> None:
            while True:
                due, block = await waiting.get()
                if (left := due - loop.time()) > 0:
                    await asyncio.sleep(left)
                if not block:
                    return
                writer.write(block)
                await writer.drain()

        sending = asyncio.create_task(send())
        with suppress(OSError):
            while block := await reader.read(_BLOCK):
                if rewriting:
                    block = await self._with_our_port(block)
                await waiting.put((loop.time() + self._one_way, block))
        await waiting.put((loop.time() + self._one_way, b""))
        with suppress(OSError):
            await sending
        with suppress(OSError):
            writer.close()

    async def _with_our_port(self, reply: bytes) -> bytes:
        """The server's port for data, replaced by one of ours that leads there."""
        if found := _EPSV.search(reply):
            port = await self._data_port(int(found[1]))
            return reply.replace(b"|||" + found[1] + b"|", b"|||%d|" % port)
        if found := _PASV.search(reply):
            port = await self._data_port(int(found[5]) * 256 + int(found[6]))
            return reply.replace(found[0], b"227 Passive (127,0,0,1,%d,%d)" % divmod(port, 256))
        return reply

    async def _data_port(self, port: int) -> int:
        opened: list[asyncio.Server] = []

        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            opened[0].close()
            await self._relay(reader, writer, port, rewriting=False)

        server = await asyncio.start_server(data, "127.0.0.1", 0, limit=_BLOCK)
        opened.append(server)
        return int(server.sockets[0].getsockname()[1])


@contextmanager
def at_distance(port: int, round_trip: float) -> Iterator[int]:
    """A port of 127.0.0.1 that leads to the FTP server on `port`, `round_trip` seconds away."""
    command = [sys.executable, "-m", "tests.peers.latency", str(port), str(round_trip / 2)]
    relay = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    assert relay.stdout
    try:
        yield int(relay.stdout.readline())
    finally:
        relay.kill()
        relay.communicate()


async def _main() -> None:
    print(await _Distance(int(sys.argv[1]), float(sys.argv[2])).serve(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())

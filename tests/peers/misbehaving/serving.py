"""What a server that misbehaves stands on: a port on loopback, in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"

#: Instead of an answer: close the connection, or say nothing more.
DROP, SILENCE = "drop", "silence"

#: A fault that hits whenever it can.
ALWAYS = 1_000_000


class Handler:
    """A server whose connections are each a call."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its port, while it runs."""
        tasks: set[asyncio.Task[None]] = set()

        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            tasks.add(task)
            with suppress(OSError, EOFError):
                await self(reader, writer)
            writer.close()

        server = await asyncio.start_server(connection, HOST, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

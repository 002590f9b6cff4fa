"""Mail servers that do one named thing wrong; each lives in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"

#: Instead of an answer: close the connection, or say nothing more.
DROP, SILENCE = "drop", "silence"


@asynccontextmanager
async def _serving(handle: "_Handler") -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with suppress(OSError, EOFError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(connection, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Handler:
    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


@dataclass
class OddSmtp(_Handler):
    """An SMTP server without TLS that answers `answers[verb]` where it should say yes.

    A verb may be followed by its argument (`RCPT <a@b.fr>`); `.` is the end of a mail. `taken`: mails received.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its port, while it runs."""
        async with _serving(self) as port:
            yield port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 odd.test ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            address = line.partition(":")[2].split()[:1]
            answer = self.answers.get(" ".join([verb, *address]), self.answers.get(verb))
            if not await self._say(writer, answer or {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok")):
                return
            if verb == "DATA" and answer is None:
                self.taken.append(await reader.readuntil(b"\r\n.\r\n"))
                if not await self._say(writer, self.answers.get(".", "250 taken")):
                    return
            if verb == "QUIT":
                return

    async def _say(self, writer: asyncio.StreamWriter, answer: str) -> bool:
        if answer == DROP:
            return False
        if answer == SILENCE:
            await asyncio.Event().wait()
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


@dataclass
class OddImap(_Handler):
    """An IMAP server without TLS, for one person, that holds `mails` (UID -> content).

    `on_idle`, `idle_says`: mails that come as IDLE begins, and what is said of it, in one packet with its answer.
    `after_search`: mails that come after the first search, told in the answer to it and never again.
    `hides`: UIDs that it lists, and never gives. `refuses`: how commands begin that it answers NO to.
    `commands`: what it was told.
    """

    mails: dict[int, bytes] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1 IDLE"
    idle_says: Sequence[bytes] = ()
    hides: frozenset[int] = frozenset()
    commands: list[str] = field(default_factory=list)
    refuses: tuple[str, ...] = ()
    after_search: dict[int, bytes] = field(default_factory=dict)
    on_idle: Mapping[int, bytes] = field(default_factory=dict)
    drop_in_idle: bool = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its port, while it runs."""
        async with _serving(self) as port:
            yield port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK odd\r\n")
        while line := (await reader.readline()).decode().strip():
            tag, _, command = line.partition(" ")
            self.commands.append(command)
            if self.refuses and command.startswith(self.refuses):
                writer.write(f"{tag} NO not here\r\n".encode())
                continue
            if command == "IDLE":
                self.mails.update(self.on_idle)
                writer.write(b"".join([b"+ idling\r\n", *self.idle_says]))
                if self.drop_in_idle:
                    return
                await reader.readline()
            else:
                writer.write(b"".join(self._answer(command)))
            writer.write(f"{tag} OK done\r\n".encode())
            await writer.drain()
            if command == "LOGOUT":
                return

    def _answer(self, command: str) -> list[bytes]:
        words = command.split()
        if words[0] == "CAPABILITY":
            return [f"* CAPABILITY {self.capabilities}\r\n".encode()]
        if words[0] == "SELECT":
            return [f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\n".encode()]
        if words[0] == "LOGOUT":
            return [b"* BYE\r\n"]
        if words[:2] == ["UID", "SEARCH"]:
            uids = self.mails if words[2] == "ALL" else ()
            answer = [f"* SEARCH {' '.join(map(str, uids))}\r\n".encode()]
            if uids is self.mails and self.after_search:
                self.mails.update(self.after_search)
                self.after_search.clear()
                answer.append(b"* %d EXISTS\r\n" % len(self.mails))
            return answer
        if words[:2] == ["UID", "FETCH"]:
            wanted = [int(uid) for uid in words[2].split(",")]
            if "RFC822.SIZE" in command:
                return [f"* 1 FETCH (UID {uid} RFC822.SIZE {len(self.mails[uid])})\r\n".encode() for uid in wanted]
            given = [uid for uid in wanted if uid not in self.hides]
            return [_fetched(uid, self.mails[uid]) for uid in given]
        return []


def _fetched(uid: int, content: bytes) -> bytes:
    return b"* 1 FETCH (BODY[] {%d}\r\n%b UID %d)\r\n" % (len(content), content, uid)


@dataclass
class Link(_Handler):
    """A relay to `port` that can be cut, or fall silent without a word as a lost network does."""

    port: int
    silent: bool = False
    accepted: int = 0
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its own port, while it runs."""
        async with _serving(self) as port:
            yield port

    def cut(self) -> None:
        for writer in self._open:
            writer.close()
        self._open.clear()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
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

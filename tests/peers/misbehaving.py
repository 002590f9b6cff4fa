"""Mail servers that do one named thing wrong; each lives in the test's own loop."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from imap_tools.imap_utf7 import utf7_decode

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


# -- SMTP


@dataclass
class OddSmtp(_Handler):
    """An SMTP server without TLS that answers `answers[verb]` where it should say yes.

    A verb may be followed by its argument (`RCPT <a@b.fr>`); `.` is the end of a mail. Of a list, each answer is given
    once, then yes. `offers`: extensions. `taken`: mails received, and not refused; `commands`: what it was told;
    `connections`: how often somebody came; `closes_after`: it closes without a word after so many mails of a
    connection; `slow`: seconds before each answer.
    """

    answers: Mapping[str, str | list[str]] = field(default_factory=dict)
    offers: Sequence[str] = ()
    taken: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    closes_after: int = 1_000
    slow: float = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its port, while it runs."""
        async with _serving(self) as port:
            yield port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        taken = 0
        writer.write(b"220 odd.test ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            verb = line.split()[0].upper()
            address = line.partition(":")[2].split()[:1]
            answer = self._instead(" ".join([verb, *address])) or self._instead(verb)
            if not await self._say(writer, answer or self._yes(verb)):
                return
            if verb == "DATA" and answer is None:
                content = await reader.readuntil(b"\r\n.\r\n")
                answer = self._instead(".") or "250 taken"
                if answer[0] not in "45":
                    self.taken.append(content)
                    taken += 1
                if not await self._say(writer, answer) or taken >= self.closes_after:
                    return
            if verb == "QUIT":
                return

    def _instead(self, key: str) -> str | None:
        answer = self.answers.get(key)
        if isinstance(answer, list):
            return answer.pop(0) if answer else None
        return answer

    def _yes(self, verb: str) -> str:
        if verb == "EHLO":
            lines = ["odd.test", *self.offers]
            return "\r\n".join(f"250{'-' if line is not lines[-1] else ' '}{line}" for line in lines)
        return {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok")

    async def _say(self, writer: asyncio.StreamWriter, answer: str) -> bool:
        if answer == DROP:
            return False
        if answer == SILENCE:
            await asyncio.Event().wait()
        await asyncio.sleep(self.slow)
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


#: SMTP servers that take a mail in the end: each does one thing wrong once.
WRONG_ONCE: Mapping[str, Callable[[], OddSmtp]] = {
    "drop at once": lambda: OddSmtp({"EHLO": [DROP]}),
    "drop after MAIL": lambda: OddSmtp({"MAIL": [DROP]}),
    "drop after RCPT": lambda: OddSmtp({"RCPT": [DROP]}),
    "drop at DATA": lambda: OddSmtp({"DATA": [DROP]}),
    "drop after DATA": lambda: OddSmtp({".": [DROP]}),
    "silence after DATA": lambda: OddSmtp({".": [SILENCE]}),
    "silence after MAIL": lambda: OddSmtp({"MAIL": [SILENCE]}),
    "greylisting": lambda: OddSmtp({"RCPT": ["450 4.2.0 greylisted, come back later"]}),
    "4xx at MAIL": lambda: OddSmtp({"MAIL": ["451 4.3.2 not now"]}),
    "4xx at DATA": lambda: OddSmtp({"DATA": ["451 4.3.2 not now"]}),
    "4xx after DATA": lambda: OddSmtp({".": ["451 4.3.0 queue file write error"]}),
    "421 at MAIL": lambda: OddSmtp({"MAIL": ["421 4.3.2 shutting down"]}),
    "421 at RCPT": lambda: OddSmtp({"RCPT": ["421 4.7.0 too many connections"]}),
    "421 after DATA": lambda: OddSmtp({".": ["421 4.3.2 shutting down"]}),
    "slow server": lambda: OddSmtp(slow=0.1),
    "connection closed between two mails": lambda: OddSmtp(closes_after=1),
    "drop after QUIT": lambda: OddSmtp({"QUIT": [DROP]}),
    "nonsense after DATA": lambda: OddSmtp({".": ["banana"]}),
}

#: Of these, the ones that take it without saying so.
TAKEN_UNSAID = ("drop after DATA", "silence after DATA", "nonsense after DATA")

#: SMTP servers that never take a mail, and what is told of it.
NEVER: Mapping[str, tuple[Callable[[], OddSmtp], str]] = {
    "recipient refused": (lambda: OddSmtp({"RCPT": "550 5.1.1 unknown"}), "550 5.1.1 unknown"),
    "mailbox full": (lambda: OddSmtp({"RCPT": "552 5.2.2 quota exceeded"}), "552 5.2.2 quota exceeded"),
    "mail refused": (lambda: OddSmtp({".": "554 5.7.1 looks like spam"}), "554 5.7.1 looks like spam"),
    "too big by SIZE": (lambda: OddSmtp(offers=["SIZE 100"]), "trop gros"),
    "too big at MAIL": (lambda: OddSmtp({"MAIL": "552 5.3.4 too big"}, ["SIZE"]), "trop gros"),
    "too big after DATA": (lambda: OddSmtp({".": "552 message exceeds fixed limit"}), "trop gros"),
}


# -- IMAP


@dataclass
class OddImap(_Handler):
    """An IMAP server without TLS, for one person, that holds `mails` (UID -> content).

    `on_idle`, `idle_says`: mails that come as IDLE begins, and what is said of it, in one packet with its answer;
    `before_idle`: what is said before that answer.
    `after_search`: mails that come after the first search, told in the answer to it and never again.
    `hides`: UIDs that it lists, and never gives; `gone`: that it lists, and then knows nothing of.
    `stray`: it tells of another mail's flags, and gives another mail, before the one that it is asked for.
    `always_news`: every search is answered with news that are none.
    `refuses`: how commands begin that it answers NO to, each once where it is a list.
    `prefix`: where the person's own folders begin; elsewhere none can be made. `folders`: name -> mails moved there.
    `drop_in_idle`, `drop_after_move`: it closes the connection there. `commands`: what it was told.
    """

    mails: dict[int, bytes] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1 IDLE"
    uidvalidity: int = 7
    idle_says: Sequence[bytes] = ()
    before_idle: bytes = b""
    hides: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()
    stray: bool = False
    always_news: bool = False
    commands: list[str] = field(default_factory=list)
    refuses: tuple[str, ...] | list[str] = ()
    after_search: dict[int, bytes] = field(default_factory=dict)
    on_idle: Mapping[int, bytes] = field(default_factory=dict)
    drop_in_idle: bool = False
    drop_after_move: bool = False
    silent_in_idle: bool = False
    prefix: str = ""
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    subscribed: list[str] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its port, while it runs."""
        async with _serving(self) as port:
            yield port

    def count(self, begins: str) -> int:
        """How many commands began like that."""
        return sum(command.startswith(begins) for command in self.commands)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK odd\r\n")
        while line := (await reader.readline()).decode().strip():
            tag, _, command = line.partition(" ")
            self.commands.append(command)
            if self._refuses(command):
                writer.write(f"{tag} NO not here\r\n".encode())
                continue
            if command == "IDLE":
                self.mails.update(self.on_idle)
                writer.write(b"".join([self.before_idle, b"+ idling\r\n", *self.idle_says]))
                if self.drop_in_idle:
                    return
                await reader.readline()
                if self.silent_in_idle:
                    await asyncio.Event().wait()
            else:
                writer.write(b"".join(self._answer(command)))
                if self.drop_after_move and command.startswith("UID MOVE"):
                    self.drop_after_move = False
                    return
            writer.write(f"{tag} OK done\r\n".encode())
            await writer.drain()
            if command == "LOGOUT":
                return

    def _refuses(self, command: str) -> bool:
        refused = next((start for start in self.refuses if command.startswith(start)), None)
        if refused and isinstance(self.refuses, list):
            self.refuses.remove(refused)
        return refused is not None

    def _answer(self, command: str) -> list[bytes]:
        words = command.split()
        names = [utf7_decode(name.encode()) for name in re.findall(r'"([^"]*)"', command)]
        match words[0], words[1] if words[0] == "UID" else "":
            case "CAPABILITY", _:
                return [f"* CAPABILITY {self.capabilities}\r\n".encode()]
            case "SELECT", _:
                head = f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.uidvalidity}] fine\r\n"
                return [head.encode(), b"* OK [UIDNEXT %d] fine\r\n" % (max(self.mails, default=0) + 1)]
            case "STATUS", _:
                return [b'* STATUS "INBOX" (MESSAGES %d)\r\n' % len(self.mails)]
            case "NAMESPACE", _:
                return [f'* NAMESPACE (("{self.prefix}" ".")) NIL NIL\r\n'.encode()]
            case "LIST", _:
                wanted = re.findall(r'"([^"]*)"', command)[-1]
                return [f'* LIST () "." "{wanted}"\r\n'.encode()] if names[-1] in self.folders else []
            case "CREATE", _:
                assert names[0].startswith(self.prefix), f"a person cannot make {names[0]!r}"
                self.folders.setdefault(names[0], [])
            case "SUBSCRIBE", _:
                self.subscribed.append(names[0])
            case "LOGOUT", _:
                return [b"* BYE\r\n"]
            case "UID", "SEARCH":
                return self._searched(words)
            case "UID", "FETCH":
                return self._fetched(words, "RFC822.SIZE" in command)
            case "UID", "STORE":
                flagged = self.seen if "Seen" in command else self.deleted
                flagged.update(map(int, words[2].split(",")))
            case "UID", "MOVE" | "COPY":
                for uid in set(map(int, words[2].split(","))) & self.mails.keys():
                    self.folders[names[0]].append(self.mails[uid])
                    if words[1] == "MOVE":
                        del self.mails[uid]
            case "UID", "EXPUNGE":
                for uid in set(map(int, words[2].split(","))) & self.deleted:
                    del self.mails[uid]
        return []

    def _searched(self, words: list[str]) -> list[bytes]:
        uids = sorted(self.mails.keys() | self.gone)
        if words[2] == "UID":  # n:*, whose end may lie before its beginning
            begin = int(words[3].partition(":")[0])
            uids = [uid for uid in uids if uid >= min(begin, max(uids))]
        answer = [f"* SEARCH {' '.join(map(str, uids))}\r\n".encode()]
        if self.after_search or self.always_news:
            self.mails.update(self.after_search)
            self.after_search.clear()
            answer.append(b"* %d EXISTS\r\n" % len(self.mails))
        return answer

    def _fetched(self, words: list[str], sizes: bool) -> list[bytes]:
        wanted = [uid for uid in map(int, words[2].split(",")) if uid in self.mails]
        if sizes:
            return [f"* 1 FETCH (UID {uid} RFC822.SIZE {len(self.mails[uid])})\r\n".encode() for uid in wanted]
        given = [_fetched(uid, self.mails[uid]) for uid in wanted if uid not in self.hides]
        if self.stray:
            return [b"* 2 FETCH (FLAGS (\\Seen))\r\n", _fetched(9999, b"Subject: somebody else's\r\n\r\n"), *given]
        return given


def _fetched(uid: int, content: bytes) -> bytes:
    return b"* 1 FETCH (BODY[] {%d}\r\n%b UID %d)\r\n" % (len(content), content, uid)


# -- the network


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

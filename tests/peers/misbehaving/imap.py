"""An IMAP server that does one named thing wrong."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from imap_tools.imap_utf7 import utf7_decode

from tests.peers.misbehaving.serving import ALWAYS, Handler


@dataclass
class OddImap(Handler):
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


#: Servers that do one thing wrong; a test gives each the mails that it needs.
FAULTS: Mapping[str, Callable[[int], OddImap]] = {
    "no IDLE": lambda _: OddImap(capabilities="IMAP4rev1"),
    "IDLE refused": lambda times: OddImap(refuses=("IDLE",) if times >= ALWAYS else ["IDLE"] * times),
    "drop in IDLE": lambda _: OddImap(drop_in_idle=True),
    "silence after DONE": lambda _: OddImap(silent_in_idle=True),
    "news with the answer to IDLE": lambda _: OddImap(on_idle={1: _ONE}, idle_says=[b"* 1 EXISTS\r\n"]),
    "news before the answer to IDLE": lambda _: OddImap(on_idle={1: _ONE}, before_idle=b"* 1 EXISTS\r\n"),
    "news in the answer to a search": lambda _: OddImap(after_search={2: b"Subject: 2\r\n\r\n"}),
    "news in every answer": lambda _: OddImap(always_news=True),
    "listed and not given": lambda _: OddImap(hides=frozenset({1})),
    "listed and gone": lambda _: OddImap(gone=frozenset({1})),
    "stray FETCH": lambda _: OddImap(stray=True),
    "drop after MOVE": lambda _: OddImap(capabilities="IMAP4rev1 IDLE MOVE", drop_after_move=True),
}

_ONE = b"Subject: 1\r\n\r\n"

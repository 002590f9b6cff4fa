"""Python loads this by itself at the start of the service and of its sync worker, where the harness puts this folder
first on their path (`tests.crash.stage`): the program itself is unmodified.

It names each step that somebody else could see: commits of the two stores, what is said to a server and
what it answers, files that appear below the data folder, the worker's word on a pass. Told so by its environment, it
writes the names down in their order, or kills (-9) at one of them.

CRASH_DATA: the data folder. CRASH_RECORD: the file that the names go to. CRASH_AT, CRASH_NTH: the points, as a pattern,
and at which time that one of them comes by. CRASH_ALONE: this process alone dies, not its whole group, as a power cut
does. CRASH_NOTE: the file that then says so; once it is there, nobody dies any more.
"""

import builtins
import os
import re
import signal
import socket
import sqlite3
import ssl
import sys
import threading
import weakref
from pathlib import Path
from urllib.parse import unquote


def _role() -> str:
    words = sys.orig_argv
    return "worker" if "core.worker" in words else "service" if words[-2:] == ["bot", "serve"] else ""


class _Points:
    """Counted by this process alone: the service and its worker have different ones."""

    def __init__(self) -> None:
        environment = os.environ
        self.data = environment["CRASH_DATA"]
        self._at, self._left = re.compile(environment.get("CRASH_AT", "(?!)")), int(environment.get("CRASH_NTH", "1"))
        self._alone, self._note = "CRASH_ALONE" in environment, environment.get("CRASH_NOTE", "")
        record = environment.get("CRASH_RECORD", "")
        self._record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if record else None
        self._lock = threading.RLock()

    def reached(self, name: str) -> None:
        with self._lock:
            name = f"{ROLE}: {name}"
            if self._record is not None:
                os.write(self._record, f"{name}\n".encode())
            if not self._at.fullmatch(name):
                return
            self._left -= 1
            if self._left == 0 and not Path(self._note).exists():
                os.write(os.open(self._note, os.O_WRONLY | os.O_CREAT), f"{name}\n".encode())
                if self._alone:
                    os.kill(os.getpid(), signal.SIGKILL)
                os.killpg(os.getpgrp(), signal.SIGKILL)


# -- the stores

_WRITES = re.compile(
    r"\s*(?:WITH\b.*?\)\s*)?(?P<verb>INSERT|REPLACE|UPDATE|DELETE)(?:\s+OR\s+\w+)?(?:\s+(?:INTO|FROM))?\s+(?P<table>\w+)",
    re.IGNORECASE | re.DOTALL,
)
_STATE = re.compile(r"SET\s+state\s*=\s*'(\w+)'", re.IGNORECASE)


def _written(sql: str) -> str:
    found = _WRITES.match(sql)
    if not found:
        return ""
    state = _STATE.search(sql)
    return f"{found['verb'].upper()} {found['table']}{f' {state[1]}' if state else ''}"


def _watch_stores() -> None:
    class Watched(sqlite3.Connection):
        store = ""

        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self._changes: dict[str, None] = {}

        def execute(self, sql, *parameters):
            return self._watched(sql, lambda: super(Watched, self).execute(sql, *parameters))

        def executemany(self, sql, *parameters):
            return self._watched(sql, lambda: super(Watched, self).executemany(sql, *parameters))

        def _watched(self, sql, run):
            if sql.strip(" ;").upper() == "COMMIT":
                changes, self._changes = ", ".join(sorted(self._changes)), {}
                if not changes:
                    return run()
                points.reached(f"{self.store}: before the commit of {changes}")
                result = run()
                points.reached(f"{self.store}: after the commit of {changes}")
                return result
            if sql.lstrip().upper().startswith("ROLLBACK"):
                self._changes = {}
            if written := _written(sql):
                self._changes[written] = None  # nobody sees it before the commit
            return run()

    connect = sqlite3.connect

    def connect_watched(database, *arguments, **named):
        path = unquote(str(database).removeprefix("file://").partition("?")[0])
        if not path.startswith(points.data):
            return connect(database, *arguments, **named)
        watched = type("Watched", (Watched,), {"store": Path(path).name})
        return connect(database, *arguments, factory=watched, **named)

    sqlite3.connect = connect_watched


# -- files


def _watch_files() -> None:
    def file_of(path: object) -> str:
        """Without what differs from run to run."""
        text = str(Path(os.fsdecode(path)).absolute()) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not text.startswith(points.data) or text.endswith((".lock", ".log")):
            return ""
        return re.sub(r"\d+", "#", re.sub(r"[0-9a-f]{16,}", "…", text[len(points.data) :].lstrip("/")))

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int):
            if arguments[2] & (os.O_WRONLY | os.O_RDWR) and (name := file_of(arguments[0])):
                points.reached(f"opens {name}")
        elif event == "os.rename" and (name := file_of(arguments[1])):
            points.reached(f"renames to {name}")
        elif event == "os.remove" and (name := file_of(arguments[0])):
            points.reached(f"removes {name}")

    sys.addaudithook(watch)


# -- servers

_HTTP = re.compile(rb"(?:GET|POST) (?:/bot[^/ ]+/(?P<method>\w+)|/file/bot[^ ]+)")
_SMTP = re.compile(rb"(?P<verb>EHLO|STARTTLS|MAIL|RCPT|DATA)\b", re.IGNORECASE)
_IMAP = re.compile(rb"[A-P]{4}\d+ (?P<verb>(?:UID )?[A-Z]+)")
_FTP = re.compile(rb"(?P<verb>MLSD|LIST|RETR|STOR|RNFR|RNTO|DELE|MKD|MDTM|SIZE) ")
#: What a command of the above is answered: begun, done, and go on.
_REPLY = re.compile(rb"(?:150|226|250|213|350)[ -]")


def _said(data: bytes) -> str:
    if found := _HTTP.match(data):
        return f"telegram {found['method'].decode() if found['method'] else 'file'}"
    for server, pattern in (("imap", _IMAP), ("smtp", _SMTP), ("ftp", _FTP)):
        if found := pattern.match(data):
            return f"{server} {found['verb'].decode().upper()}"
    return ""


class _Wires:
    """What was said last on each connection, and is to be answered."""

    def __init__(self) -> None:
        self._asked: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()
        self._content_next: weakref.WeakSet[object] = weakref.WeakSet()

    def sends(self, wire: object, data: object) -> None:
        begin = bytes(memoryview(data)[:200])  # type: ignore[arg-type]
        said = "smtp content" if wire in self._content_next else _said(begin)
        if said:
            self._content_next.discard(wire)
            self._asked[wire] = said
            points.reached(f"before {said}")

    def heard(self, wire: object, answer: bytes) -> None:
        if not answer or not (asked := self._asked.get(wire)):
            return
        if asked.startswith("ftp"):  # a transfer is answered twice
            if _REPLY.match(answer):
                points.reached(f"answered {asked}: {answer[:3].decode()}")
            return
        del self._asked[wire]
        if asked == "smtp DATA":
            self._content_next.add(wire)
        points.reached(f"answered {asked}")


def _watch_servers() -> None:
    wires = _Wires()

    def watch(kind: type, sending: tuple[str, ...], receiving: tuple[str, ...], into: tuple[str, ...]) -> None:
        def send(name):
            original = getattr(kind, name)

            def watched(self, data, *others):
                wires.sends(self, data)
                return original(self, data, *others)

            setattr(kind, name, watched)

        def receive(name):
            original = getattr(kind, name)

            def watched(self, *arguments):
                answer = original(self, *arguments)
                if isinstance(answer, bytes):
                    wires.heard(self, answer)
                elif answer and len(arguments) > 1:  # SSLObject.read into a buffer
                    wires.heard(self, bytes(memoryview(arguments[1])[: min(answer, 4)]))
                return answer

            setattr(kind, name, watched)

        def receive_into(name):
            original = getattr(kind, name)

            def watched(self, buffer, *others):
                count = original(self, buffer, *others)
                wires.heard(self, bytes(memoryview(buffer)[: min(count, 4)]))
                return count

            setattr(kind, name, watched)

        for name in sending:
            send(name)
        for name in receiving:
            receive(name)
        for name in into:
            receive_into(name)

    # asyncio's plain and encrypted connections, then imaplib's.
    watch(socket.socket, ("send",), ("recv",), ("recv_into",))
    watch(ssl.SSLObject, ("write",), ("read",), ())
    watch(ssl.SSLSocket, ("send",), (), ("recv_into",))


def _watch_words() -> None:
    """The worker's word on a pass."""
    say = builtins.print

    def watched(*words, **named):
        if words and str(words[0]).startswith('{"fetched"'):
            points.reached("before it says how the pass ended")
            say(*words, **named)
            points.reached("after it said how the pass ended")
        else:
            say(*words, **named)

    builtins.print = watched


if any("core.workshop" in word for word in sys.orig_argv):
    os.nice(10)  # it gets ready for charts that most runs do not ask for, beside other runs
ROLE = _role() if "CRASH_DATA" in os.environ else ""
if ROLE:
    points = _Points()
    _watch_stores()
    _watch_files()
    _watch_servers()
    if ROLE == "worker":
        _watch_words()

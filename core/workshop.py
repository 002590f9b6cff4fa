"""The workshop: a process aside in which charts and spreadsheets are made and spreadsheets are read.

pandas, matplotlib and their like are imported there only, so that whoever answers people stays quick and light. It is
not the sync worker, which can be busy for minutes and steps back for everything else.

Work goes in on the process's standard input and comes out on its standard output, as pickles with their length before
them, between a service and its own child. It ends with its standard input, so that it never outlives who started it,
however that one ends, also in the midst of a piece of work.
"""

import asyncio
import io
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Any, ParamSpec, TypeVar

from core import logs

Given = ParamSpec("Given")
Made = TypeVar("Made")

#: Seconds that one piece of work may take; what it waits for others does not count.
PATIENCE = 60.0

_CLOSED = "l'assistant s'arrête"
_COMMAND = (sys.executable, "-c", "from core.workshop import serve; serve()")
_LENGTH = struct.Struct(">Q")


class WorkshopError(Exception):
    """The workshop could not end a piece of work: it died of it (memory), or took too long."""


class Workshop:
    """Started with its first piece of work; one piece at a time, in the order in which they come."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._wanted: queue.SimpleQueue[tuple[bytes, Future[Any]] | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    async def make(self, work: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
        """Run a function there. It is a module's own, imports what is heavy in its body, and takes and gives what can
        be pickled. Work that nobody waits for any more is not begun; what was begun ends for nobody.

        :raises WorkshopError: the process died or took longer than `PATIENCE`; what the function itself raises is
            raised here, with a note that says where.
        """
        request = pickle.dumps((work, given, named))
        future: Future[Made] = Future()
        with self._guard:
            if self._closed:
                raise WorkshopError(_CLOSED)
            self._wanted.put((request, future))
            if not self._thread:
                # A daemon: whoever leaves without closing does not wait for work that nobody will see.
                self._thread = threading.Thread(target=self._work, name="workshop", daemon=True)
                self._thread.start()
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Stop the process and what it does; nothing can be made after that."""
        with self._guard:
            self._closed = True
            self._wanted.put(None)
            process = self._process
        if process:
            process.kill()
            process.wait()

    # -- In a thread of its own

    def _work(self) -> None:
        while wanted := self._wanted.get():
            request, future = wanted
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._exchange(request))
                except BaseException as error:
                    future.set_exception(error)
            del wanted, request, future  # what was made can be large
        if self._process:
            self._forget(self._process)

    def _exchange(self, request: bytes) -> Any:
        process = self._running()
        assert process.stdin
        assert process.stdout
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._patience, give_up)
        timer.daemon = True
        timer.start()
        try:
            _send(process.stdin, request)
            reply = _receive(process.stdout)
        except OSError:
            reply = None
        finally:
            timer.cancel()
        if reply is None:
            self._forget(process)
            if self._closed:
                raise WorkshopError(_CLOSED)
            if late.is_set():
                raise WorkshopError(f"le travail dure plus de {self._patience:.0f} secondes")
            raise WorkshopError("le programme qui fait les tableurs et les images s'est arrêté")
        good, made = pickle.loads(reply)  # noqa: S301 - from our own child  # nosec B301
        if not good:
            raise made
        return made

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is not None:  # it died between two pieces of work
            self._forget(self._process)
        with self._guard:
            if self._closed:
                raise WorkshopError(_CLOSED)
            if not self._process:
                # A fixed command, with this very interpreter.
                self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # nosec B603
                assert self._process.stdin
                _send(self._process.stdin, pickle.dumps((sys.path, logs.are_objects())))
            return self._process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        with self._guard:
            self._process = None
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream
            with suppress(OSError):  # what could not be written to it is of no use any more
                stream.close()


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(_LENGTH.pack(len(message)) + message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """A whole message, or None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


# -- The other side


def serve() -> None:
    """What the process does, until its standard input ends."""
    # Ctrl-C reaches it too; its end is its parent's matter.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the work prints must not get into the answers
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    sys.path[:], objects = pickle.loads(requests.get())  # noqa: S301 - from our own parent  # nosec B301
    logs.set_up(whole_stream=True, objects=objects, process="workshop")
    sys.stdout = sys.stderr
    while True:
        reply = _done(requests.get())
        try:
            _send(said, reply)
        except BrokenPipeError:
            os._exit(0)


def _listen(stream: io.BufferedReader, requests: "queue.SimpleQueue[bytes]") -> None:
    while (request := _receive(stream)) is not None:
        requests.put(request)
    os._exit(0)  # nobody is left to work for, whatever is being done


def _done(request: bytes) -> bytes:
    try:
        work, given, named = pickle.loads(request)  # noqa: S301 - from our own parent  # nosec B301
        return pickle.dumps((True, work(*given, **named)))
    except Exception as error:
        where = "".join(traceback.format_tb(error.__traceback__)[1:])
        try:
            error.add_note(f"In the workshop:\n{where}")
            reply = pickle.dumps((False, error))
            pickle.loads(reply)  # noqa: S301 - some exceptions can only be packed  # nosec B301
            return reply
        except Exception:
            return pickle.dumps((False, WorkshopError(f"{type(error).__name__} : {error}")))

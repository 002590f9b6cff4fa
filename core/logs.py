"""What the processes write about themselves: one set-up for the service, the sync worker and the commands, in which no
secret gets through, whatever library says it.

Each record is redacted (`core.redact`) as the finished text that it is, arguments and stack included; of an exception
only its kind and its places are told, for its words can be those of a person or of a server. Where standard error is
the log, what is written there past the logging library is redacted as well: warnings, what other handlers say, the
dialogue that `imaplib` shows.

What is said while something is dealt with bears its name (`about`): q123 for what lies in the inbox under that number,
p45 for a pass over the FTP, n678 for the notices up to an event. The outbox keeps it (`cause`), so that one name leads
from a question to its answer.
"""

import asyncio
import atexit
import copy
import io
import json
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from core.redact import Redactor, sasl_writings
from core.trace import trace, whole_trace

if TYPE_CHECKING:  # the workshop starts without it
    from core.settings import Settings

Result = TypeVar("Result")

#: How a record reads in a file, or in the journal of the machine; `about` is "[q123] ", or nothing.
LINE = "%(asctime)s %(levelname)s %(name)s %(about)s%(message)s"

#: They log the address of each request.
_TALKATIVE = ("httpx", "httpcore")

#: Names whose beginning is remembered.
_MOST_BEGUN = 1000

log = logging.getLogger(__name__)

_about: ContextVar[str] = ContextVar("about", default="")
_begun: OrderedDict[str, float] = OrderedDict()


@contextmanager
def about(name: str) -> Iterator[None]:
    """What is logged, and written into the outbox, within this is about that; "" for nothing that has a name."""
    before = _about.set(name)
    try:
        yield
    finally:
        _about.reset(before)


def begin(name: str) -> None:
    """It is taken up now; see `in_time`."""
    _begun[name] = time.monotonic()
    _begun.move_to_end(name)
    if len(_begun) > _MOST_BEGUN:
        _begun.popitem(last=False)


def cause() -> str:
    """The name of what is dealt with, "" for none."""
    return _about.get()


def in_time(began: float) -> str:
    """How long something took (`time.monotonic`), and how long what it is about, where that was taken up lately."""
    now = time.monotonic()
    taken = _begun.get(_about.get())
    after = f", {now - taken:.3f} s after it was taken" if taken else ""
    return f" in {now - began:.3f} s{after}"


def set_up(
    settings: "Settings | None" = None,
    level: int | None = None,
    *,
    form: str = LINE,
    handler: logging.Handler | None = None,
    whole_stream: bool = False,
    objects: bool = False,
    process: str = "",
) -> None:
    """Log to standard error; a second call takes the place of the first.

    :param settings: whose secrets are known; without them, what has the form of one is all that is found.
    :param level: else that of the settings.
    :param handler: what shows the records, else standard error plainly.
    :param whole_stream: standard error is the log, and all that is written there is redacted.
    :param objects: each line is a JSON object, also what is written past the logging library.
    :param process: what such an object calls this process.
    """
    redact = Redactor(secrets_of(settings) if settings else ())
    formatter = ObjectFormatter(process, redact) if objects else RedactingFormatter(form, redact)
    if whole_stream:
        _redact_stream(formatter.past)
    handler = handler or _ToStandardError()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for former in [it for it in root.handlers if isinstance(it.formatter, RedactingFormatter)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level if level is not None else _level(settings))
    if logging.lastResort:
        logging.lastResort.setFormatter(RedactingFormatter("%(message)s", redact))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda said: _told("an error that nobody could be given", said.exc_value)
    threading.excepthook = lambda said: _told(f"the thread {said.thread.name if said.thread else '?'}", said.exc_value)


def are_objects() -> bool:
    """Whether this process logs JSON objects, as those that it starts are to do."""
    return any(isinstance(it.formatter, ObjectFormatter) for it in logging.getLogger().handlers)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run`, where what goes wrong in a task that nobody waits for is told like everything else."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(_lost)
        return runner.run(work)


def secrets_of(settings: "Settings") -> list[str]:
    """All that the settings hold and that nobody may read, also as it travels."""
    given = [getattr(settings, name).get_secret_value() for name in SECRET_FIELDS]
    found = [secret.strip() for secret in given if secret.strip()]
    found += [key.strip() for key in settings.secret_key.get_secret_value().split(",") if key.strip()]
    for access in (settings.imap, settings.smtp):
        found += sasl_writings(access.login, access.password)
    return found


#: The settings that are secrets; a test compares them with the settings' own types.
SECRET_FIELDS = (
    "secret_key",
    "telegram_token",
    "ftp_password",
    "smtp_password",
    "imap_password",
    "oauth_client_secret",
    "oauth_refresh_token",
)


class RedactingFormatter(logging.Formatter):
    """A formatter whose finished text holds no secret.

    :param form: ends with the message; what stands before it is of our own making.
    """

    def __init__(self, form: str, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._form = form.removesuffix("%(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        name = _about.get()
        values = {**vars(record), "asctime": self.formatTime(record), "about": f"[{name}] " if name else ""}
        return self._form % values + self._said(record)

    def past(self, text: str) -> str:
        """What was written past the logging library, as it is shown."""
        return self._redact(text)

    def _said(self, record: logging.LogRecord) -> str:
        # Another handler's formatter may have kept the exception's words in the record.
        record = copy.copy(record)
        record.exc_text = None
        return self._redact(super().format(record))

    def formatException(  # noqa: N802
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return whole_trace(ei[1]) if ei[1] else ""


class ObjectFormatter(RedactingFormatter):
    """One JSON object a line. `time` is UTC; `process`: service, worker or workshop."""

    def __init__(self, process: str, redact: Callable[[str], str]) -> None:
        super().__init__("%(message)s", redact)
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        return self._object(record.created, record.levelname, record.name, self._said(record))

    def past(self, text: str) -> str:
        return "\n".join(
            self._object(time.time(), "WARNING", "stderr", line) for line in self._redact(text).split("\n")
        )

    def _object(self, at: float, level: str, logger: str, message: str) -> str:
        told = {
            "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level,
            "logger": logger,
            "message": message,
            "about": _about.get(),
            "process": self._process,
        }
        return json.dumps(told, ensure_ascii=False)


def _level(settings: "Settings | None") -> int:
    return logging.getLevelNamesMapping()[settings.log_level.upper()] if settings else logging.WARNING


# -- what nobody catches


def _uncaught(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _told("the process", error)


def _told(where: str, error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        log.error("%s stumbled: %s", where, whole_trace(error))


def _lost(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's own words name the task or the handle with its arguments, and the exception with its words."""
    error = context.get("exception")
    task = context.get("task") or context.get("future")
    name = f" ({task.get_name()})" if isinstance(task, asyncio.Task) else ""
    log.error("%s%s%s", context.get("message", "?"), name, f": {trace(error, 16)}" if error else "")


# -- standard error


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Whatever standard error is by then; beneath what redacts it, for a record is redacted already."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr.stream if isinstance(sys.stderr, RedactedStream) else sys.stderr


class RedactedStream(io.TextIOBase):
    """Passes on whole lines, redacted.

    :param show: what makes of them what is passed on.
    """

    def __init__(self, stream: TextIO, show: Callable[[str], str]) -> None:
        super().__init__()
        self.stream = stream
        self._show = show
        self._begun = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        with self._lock:
            whole, newline, self._begun = (self._begun + text).rpartition("\n")
            if newline:
                self.stream.write(self._show(whole) + newline)
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def finish(self) -> None:
        """Pass on what has no end of line yet."""
        with self._lock:
            if self._begun:
                self.stream.write(self._show(self._begun))
            self._begun = ""
            self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding


def _redact_stream(show: Callable[[str], str]) -> None:
    stream = sys.stderr.stream if isinstance(sys.stderr, RedactedStream) else sys.stderr
    redacted = RedactedStream(stream, show)
    sys.stderr = redacted
    atexit.register(redacted.finish)

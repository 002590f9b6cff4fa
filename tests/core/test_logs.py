"""What reaches a log, whoever writes it and however it fails."""

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import SecretStr

from core import logs
from core.logs import RedactedStream, RedactingFormatter
from core.redact import DOTS, Redactor
from core.settings import Settings
from core.trace import trace, whole_trace
from core.workshop import Workshop
from tests.core.test_settings import GOOD

SECRET = "hunter2-and-more"


def logged(write: str, **env: str) -> str:
    """What a process of ours logs: the set-up, then these lines."""
    lines = f"""
import asyncio, logging, sys, threading, warnings
from core import logs
from core.settings import Settings
settings = Settings.load()
logs.set_up(settings, whole_stream=True)
log = logging.getLogger("anylibrary")
SECRET = {SECRET!r}
{write}
"""
    done = subprocess.run(
        [sys.executable, "-c", lines],
        cwd=Path(__file__).parents[2],
        env={**GOOD, "ORIGYNE_FTP_PASSWORD": SECRET, "PATH": "", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    return done.stderr


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    given = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("anylibrary", logging.ERROR, "x.py", 1, message, args, given)


# -- the finished text


def test_a_record_is_redacted_with_its_arguments() -> None:
    shown = RedactingFormatter("%(name)s %(message)s", Redactor([SECRET])).format(record("login %s: %r", "o", SECRET))
    assert shown == "anylibrary login o: '•••'"


def test_a_secret_in_two_parts_of_a_record_is_one_in_its_text() -> None:
    shown = RedactingFormatter("%(message)s", Redactor([SECRET])).format(record("%s%s", SECRET[:5], SECRET[5:]))
    assert shown == DOTS


def test_of_an_exception_the_kind_and_the_place_are_told_and_no_word() -> None:
    def fail() -> None:
        try:
            raise KeyError("the inner secret")
        except KeyError:
            raise ValueError("the outer secret") from None

    try:
        fail()
    except ValueError as error:
        shown = RedactingFormatter("%(message)s", Redactor()).format(record("stumbled", error=error))
    assert shown.startswith("stumbled\nValueError in test_logs.py:")
    assert "secret" not in shown


def test_what_another_handler_kept_of_an_exception_is_not_passed_on() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        said = record("stumbled", error=error)
    logging.Formatter().format(said)
    assert SECRET in str(said.exc_text)
    assert SECRET not in RedactingFormatter("%(message)s", Redactor()).format(said)


def test_what_led_to_an_error_is_told_by_its_places() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        lines, shortly = whole_trace(error).splitlines(), trace(error)
    assert shortly == lines[0]
    assert [line.partition(" in ")[0] for line in lines] == ["ValueError", "after KeyError"]
    group = ExceptionGroup("words", [ValueError("one"), KeyError("two")])
    assert whole_trace(group).splitlines() == ["ExceptionGroup", "with ValueError", "with KeyError"]


def test_an_error_that_caused_itself_is_told_once() -> None:
    one, two = ValueError("1"), KeyError("2")
    one.__cause__, two.__cause__ = two, one
    assert whole_trace(one).splitlines() == ["ValueError", "after KeyError"]


# -- what it is about


def test_what_is_said_within_bears_its_name() -> None:
    said = logged(
        "with logs.about('q12'):\n    log.info('one')\n    with logs.about('n5'):\n        log.info('two')\n"
        "    log.info('three')\nlog.info('four')"
    )
    assert [line.partition(" INFO ")[2] for line in said.splitlines()] == [
        "anylibrary [q12] one",
        "anylibrary [n5] two",
        "anylibrary [q12] three",
        "anylibrary four",
    ]


def test_tasks_and_threads_of_a_question_bear_its_name_and_those_of_another_do_not() -> None:
    said = logged(
        "async def say(name):\n    with logs.about(name):\n        await asyncio.sleep(0)\n"
        "        await asyncio.gather(asyncio.to_thread(log.info, name), asyncio.create_task(later(name)))\n"
        "async def later(name):\n    await asyncio.sleep(0.01); log.info(name)\n"
        "async def main():\n    await asyncio.gather(say('q1'), say('q2'))\n"
        "logs.run(main())"
    )
    lines = [line.split()[-2:] for line in said.splitlines()]
    assert sorted(lines) == [["[q1]", "q1"], ["[q1]", "q1"], ["[q2]", "q2"], ["[q2]", "q2"]]


def test_how_long_a_question_took_is_said_where_it_was_taken_up() -> None:
    began = time.monotonic() - 2
    name = f"q{time.monotonic_ns()}"  # of no question of another test in this process
    with logs.about(name):
        alone = re.fullmatch(r" in (\d+\.\d{3}) s", logs.in_time(began))
        taken = time.monotonic()
        logs.begin(name)
        both = re.fullmatch(r" in (\d+\.\d{3}) s, (\d+\.\d{3}) s after it was taken", logs.in_time(began))
        ended = time.monotonic()
    assert alone
    assert both
    assert 2 <= float(alone[1]) <= float(both[1]) <= ended - began + 0.001
    assert float(both[2]) <= ended - taken + 0.001


# -- objects


OBJECTS = "logs.set_up(settings, whole_stream=True, objects=True, process='service')\n"


@pytest.mark.parametrize(
    ("write", "logger", "level", "message"),
    [
        ("log.info('« dit » %s', '\"là\"')", "anylibrary", "INFO", '« dit » "là"'),
        ("log.error('two\\nlines')", "anylibrary", "ERROR", "two\nlines"),
        (
            "warnings.warn_explicit('beware', UserWarning, 'x.py', 3)",
            "stderr",
            "WARNING",
            "x.py:3: UserWarning: beware",
        ),
        ("print('past the library', file=sys.stderr)", "stderr", "WARNING", "past the library"),
        ("sys.stderr.write('without an end')", "stderr", "WARNING", "without an end"),
        ("logging.getLogger().handlers.clear(); log.error('refused')", "stderr", "WARNING", "refused"),
    ],
)
def test_each_line_is_an_object_whoever_writes_it(write: str, logger: str, level: str, message: str) -> None:
    said = json.loads(logged(f"{OBJECTS}with logs.about('q9'):\n    {write}\n    sys.stderr.flush()").splitlines()[0])
    assert (said["logger"], said["level"], said["message"]) == (logger, level, message)
    assert (said["about"], said["process"]) == ("" if message == "without an end" else "q9", "service")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["time"])


def test_an_object_of_an_exception_tells_its_places_and_no_word() -> None:
    said = json.loads(logged(f"{OBJECTS}try:\n    int(SECRET)\nexcept ValueError:\n    log.exception('refused')"))
    assert said["message"].startswith("refused\nValueError in <string>:")


async def test_what_is_written_in_the_workshop_is_an_object_where_the_service_writes_objects(
    capfd: pytest.CaptureFixture[str],
) -> None:
    handler = logging.NullHandler()
    logs.set_up(handler=handler, objects=True, process="service")
    try:
        workshop = Workshop()
        await workshop.make(warnings.warn, "PUK 12345678")
        workshop.close()
    finally:
        logging.getLogger().removeHandler(handler)
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {line["process"] for line in said} == {"workshop"}
    assert any("PUK •••" in line["message"] for line in said)


# -- the secrets of the settings


def test_each_setting_that_is_a_secret_is_known_as_one() -> None:
    def holds_secret(kind: object) -> bool:
        return kind is SecretStr or (get_origin(kind) is not None and any(map(holds_secret, get_args(kind))))

    fields = {name for name, field in Settings.model_fields.items() if holds_secret(field.annotation)}
    assert fields == set(logs.SECRET_FIELDS)


def test_each_key_is_a_secret_of_its_own() -> None:
    keys = ("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=")
    settings = Settings.load({**GOOD, "ORIGYNE_SECRET_KEY": ",".join(keys)}, Path("/nonexistent"))
    assert set(keys) <= set(logs.secrets_of(settings))


# -- a whole process


@pytest.mark.parametrize(
    "write",
    [
        "log.error('refused: %s', SECRET)",
        "log.error('refused: ' + SECRET)",
        "log.error('refused: %(p)s', {'p': SECRET})",
        "log.error('refused', extra={'p': SECRET}); log.error('%r', [b'x' + SECRET.encode()])",
        "log.error('%d', SECRET)",  # the logging library then shows the arguments by itself
        "print('refused:', SECRET, file=sys.stderr)",
        "sys.stderr.write(SECRET[:6]); sys.stderr.write(SECRET[6:] + '\\n')",
        "sys.stderr.write('without an end of line: ' + SECRET)",
        "warnings.warn('refused: ' + SECRET)",
        "raise ValueError(SECRET)",
        "threading.Thread(target=lambda: int(SECRET), name='reader').start()",
        "class Odd:\n    def __del__(self):\n        raise ValueError(SECRET)\nOdd()",
        "other = logging.StreamHandler(); log.addHandler(other); log.error('refused: %s', SECRET)",
        "try:\n    int(SECRET)\nexcept ValueError:\n    log.exception('refused')",
        "logging.getLogger().handlers.clear(); log.error('refused: %s', SECRET)",
        "async def main():\n    asyncio.create_task(lost()); await asyncio.sleep(0.05)\n"
        "async def lost():\n    raise ValueError(SECRET)\n"
        "logs.run(main())",
        "async def main():\n    asyncio.get_running_loop().call_soon(int, SECRET); await asyncio.sleep(0.05)\n"
        "logs.run(main())",
        "import imaplib\nimaplib.Debug = 4\nimaplib.IMAP4._mesg(None, '> A1 LOGIN bot ' + SECRET)",
    ],
)
@pytest.mark.parametrize("objects", [False, True])
def test_no_way_to_standard_error_tells_a_secret(write: str, objects: bool) -> None:
    said = logged(f"logs.set_up(settings, whole_stream=True, objects={objects})\n{write}")
    assert said.strip(), "nothing was said at all"
    assert SECRET not in said
    assert SECRET[:6] not in said


def test_what_is_lost_in_a_task_is_told_by_its_place() -> None:
    said = logged(
        "async def main():\n    asyncio.create_task(lost(), name='a task'); await asyncio.sleep(0.05)\n"
        "async def lost():\n    raise ValueError(SECRET)\n"
        "logs.run(main())"
    )
    assert "Task exception was never retrieved (a task): ValueError in <string>:" in said


@pytest.mark.parametrize("level", ["debug", "INFO", "warning", "error"])
def test_the_level_is_a_setting(level: str) -> None:
    said = logged("for n in ('debug', 'info', 'warning', 'error'): getattr(log, n)(n)", ORIGYNE_LOG_LEVEL=level)
    heard = [line.split()[-1] for line in said.splitlines()]
    names = ["debug", "info", "warning", "error"]
    assert heard == names[names.index(level.lower()) :]


def test_the_libraries_that_log_addresses_are_quiet() -> None:
    for name in ("httpx", "httpcore.connection"):
        assert logged(f"logging.getLogger({name!r}).info('GET')", ORIGYNE_LOG_LEVEL="debug") == ""


def test_a_second_set_up_takes_the_place_of_the_first() -> None:
    said = logged("logs.set_up(settings, form='%(message)s', whole_stream=True); log.error('once')")
    assert said == "once\n"


def test_a_level_that_does_not_exist_is_a_fault_of_the_settings() -> None:
    assert "ORIGYNE_LOG_LEVEL : « loud » n'est pas possible" in logged("", ORIGYNE_LOG_LEVEL="loud")


async def test_what_is_written_in_the_workshop_goes_the_same_way(capfd: pytest.CaptureFixture[str]) -> None:
    workshop = Workshop()
    await workshop.make(warnings.warn, "PUK 12345678")
    await workshop.make(print, "called 06 39 98 00 01")
    workshop.close()
    said = capfd.readouterr()
    assert said.out == ""
    assert "PUK •••" in said.err
    assert "called 06 39 98 XX XX" in said.err


# -- the stream


def test_lines_are_passed_on_whole_in_their_order() -> None:
    under = io.StringIO()
    stream = RedactedStream(under, Redactor([SECRET]))
    for part in ("one ", "two\nth", "ree\n", "", "four ", SECRET):
        assert stream.write(part) == len(part)
    assert under.getvalue() == "one two\nthree\n"
    stream.finish()
    assert under.getvalue() == "one two\nthree\nfour •••"


def test_work_returns_its_result() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 5

    assert logs.run(work()) == 5

"""Words made to be taken for something else: commands, numbers, SQL, patterns, escape codes of a terminal."""

import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from bot.house import House
from bot.mail.codes import without_codes
from bot.sandbox.botapi import BotApi
from bot.terminal import draw, save_files
from core.settings import Settings
from handlers import registry
from handlers.answer import Answer, Button, Code, OutFile, Table
from handlers.ask import Ask, Person
from handlers.understand import understand
from tests.bot.talking import NUMBER, TRUSTED
from tests.handlers.filled import settings

ANYBODY = Person("technique", "Camille Martin", frozenset({"technique", "comptabilité", "équipe", "admin"}))


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


# -- SQL, in every argument of every command

SQL = (
    "'; DROP TABLE lines; --",
    '" OR "1"="1',
    "0639980001' UNION SELECT puk FROM sims --",
    "%",
    "_" * 10,
    "*",
    "x' AND randomblob(1000000000) --",
    "\\'; ATTACH DATABASE '/tmp/evil.db' AS e; --",
    "NULL",
    "MATCH * NEAR(",
)


@pytest.mark.parametrize("command", registry.commands(), ids=lambda command: command.name)
async def test_words_of_sql_are_words_to_every_command(house: House, command: object) -> None:
    name = command.name  # type: ignore[attr-defined]
    before = _schema(house)
    lines = house.context.telecom.execute("SELECT count(*) FROM lines").fetchone()
    if name in ("sync", "upload"):
        words: tuple[str, ...] = SQL[:2]  # they wait for a server
    else:
        words = SQL
    for argument in words:
        answer = await registry.answer(Ask(name, argument, ANYBODY, "chat", True), house.context)
        assert "syntax error" not in str(answer)
        assert not answer.codes
    assert _schema(house) == before
    assert house.context.telecom.execute("SELECT count(*) FROM lines").fetchone() == lines


def _schema(house: House) -> list[tuple[str, ...]]:
    return [
        row
        for db in (house.context.telecom, house.desk)
        for row in db.execute("SELECT type, name FROM sqlite_master ORDER BY name")
    ]


async def test_a_wildcard_lists_no_more_than_its_own_letters(house: House) -> None:
    for word in ("%", "_", "%%%", "____"):
        answer = await registry.answer(Ask("conso", word, ANYBODY, "chat", True), house.context)
        assert "Dupont" not in answer.title
        assert answer.table is None


# -- patterns made to take for ever: four times the words may take four times as long, not sixteen


def growth(work: Callable[[str], object], text: Callable[[int], str]) -> float:
    """How much longer it takes for a text four times as long, at its least of five, each.

    What disturbed one look disturbs not all three; what grows with the square (16) does so in each.
    """

    def least(size: int) -> float:
        words = text(size)
        taken = []
        for _ in range(5):
            before = time.process_time()
            work(words)
            taken.append(time.process_time() - before)
        return max(min(taken), 2e-4)  # below that it is the clock's

    found = least(16_000) / least(4000)
    for _ in range(2):
        if found >= 9:
            found = min(found, least(16_000) / least(4000))
    return found


BOMBS: dict[str, Callable[[int], str]] = {
    "spaces": lambda size: "conso " + " " * size + "x",
    "digits": lambda size: "0" * size + "x",
    "groups of digits": lambda size: "06 " * (size // 3) + "x",
    "plus signs": lambda size: "+33" * (size // 3),
    "brackets": lambda size: "(" * size,
    "dots": lambda size: "1." * (size // 2) + "x",
    "dashes": lambda size: "-" * size + "1",
    "words": lambda size: "du 1 au " * (size // 8),
    "colons": lambda size: "1:" * (size // 2) + "x",
    "hours": lambda size: "1h" * (size // 2) + "x",
    "commas": lambda size: "a," * (size // 2),
    "quotes": lambda size: "«" * size,
    "RIO": lambda size: "01E" * (size // 3) + "+",
    "dates": lambda size: "01/01/" * (size // 6),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_question_made_to_take_for_ever_is_understood_in_the_time_of_its_length(bomb: str) -> None:
    assert growth(understand, BOMBS[bomb]) < 9


@pytest.mark.parametrize("bomb", BOMBS)
def test_codes_are_looked_for_in_the_time_of_a_subject_s_length(bomb: str) -> None:
    assert growth(without_codes, BOMBS[bomb]) < 9


@pytest.mark.parametrize(
    "expression", ["9**9**9", "(" * 5000 + ")" * 5000, "9" * 10_000, "1h*" * 3000 + "1", "9999999999999999h*9999999999"]
)
async def test_an_expression_of_time_made_to_fill_the_memory_is_refused_or_short(house: House, expression: str) -> None:
    answer = await registry.answer(Ask("duree", expression, ANYBODY, "chat", True), house.context)
    assert len(str(answer)) < 5000


async def test_an_invitation_made_to_take_for_ever_is_read_in_the_time_of_its_length(house: House) -> None:
    asked = Ask("inviter", "@" * 4000 + "\nx\ny", ANYBODY, "chat", True)
    assert (await registry.answer(asked, house.context)).refused


# -- letters that look like others


@pytest.mark.parametrize(
    "text",
    [
        "/ѕtatus 0639980001",  # a Cyrillic letter
        "/status\u200b 0639980001x",
        "／status 0639980001",
        "\u202e1000899360 sutats/",
        "/puｋ\u0000 0639980001",
    ],
)
def test_a_command_in_other_letters_is_never_a_sensitive_one(text: str) -> None:
    said = understand(text)
    assert said is None or said[0] not in ("puk", "inviter", "retirer")


@pytest.mark.parametrize("digits", ["٠٦٣٩٩٨٠٠٠١", "０６３９９８０００１", "𝟎𝟔𝟑𝟗𝟗𝟖𝟎𝟎𝟎𝟏", "०६३९९८०००१"])
async def test_digits_of_other_scripts_are_the_same_number_or_none(house: House, digits: str) -> None:
    answer = await registry.answer(Ask("status", digits, ANYBODY, "chat", True), house.context)
    said = str(answer).replace(" ", "").replace("\u202f", "")
    assert answer.refused or NUMBER in said or "inconnu" in said.lower()


# -- the terminal

ESCAPES = "\x1b[2J\x1b]0;evil\x07\x1b]8;;http://evil.example\x1b\\x\x1b[31m\x9b31m\x08\x7f\r\x85\u2028\u202ePDF"
MARKUP = "[bold red]x[/] [link=http://evil.example]y[/link] [/"


def printed(answer: Answer) -> str:
    to = io.StringIO()
    draw(answer, Console(file=to, width=200, force_terminal=True, color_system=None))
    return to.getvalue()


def test_no_text_from_outside_moves_the_cursor_of_a_terminal() -> None:
    hostile = f"Dupont{ESCAPES}"
    answer = Answer(
        hostile,
        (hostile,),
        table=Table((hostile,), ((hostile,),)),
        buttons=(Button(hostile, hostile),),
        codes=(Code(hostile, hostile),),
        freshness=hostile,
    )
    shown = printed(answer)
    assert "Dupont" in shown
    assert not set(shown) & set("\x1b\x07\x08\x7f\r\x9b\x85\u202e")


def test_no_text_from_outside_is_read_as_markup() -> None:
    shown = printed(Answer(MARKUP, (MARKUP,), table=Table((MARKUP,), ((MARKUP,),)), freshness=MARKUP))
    assert shown.count(MARKUP) == 5


def test_a_file_saved_from_a_terminal_stays_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    names = ("../evil.csv", "/etc/evil", "..", ".", "", "a\0b", "x\x1b[2J.csv", "n" * 400, "a/b", ".bashrc")
    to = io.StringIO()
    save_files(Answer("x", files=tuple(OutFile(name, b"x") for name in names)), folder, Console(file=to, width=300))
    saved = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(saved) == len(names)
    assert all(path.parent == folder for path in saved)
    assert not any(set(path.name) & set("\x1b\0/") for path in saved)
    assert "\x1b" not in to.getvalue()

"""A mail that a crash kept from being answered: answered once, and never in the way of the next one."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk.inbox import MOST_TRIES
from bot.house import House, open_house
from bot.mail.answering import answer_mail
from bot.sandbox.botapi import BotApi
from core.settings import Settings
from tests.bot.talking import TRUSTED, body, replies, words_of, write
from tests.handlers.filled import settings


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


async def test_a_mail_that_kills_the_process_each_time_is_set_aside_and_the_next_is_answered(
    house: House, bot: Bot
) -> None:
    write(house, "conso Dupont", key="INBOX/1/1", message_id="<1@poste.example>")
    for _ in range(MOST_TRIES):
        house.inbox.begin(house.inbox.new()[0])
    write(house, key="INBOX/1/2", message_id="<2@poste.example>")
    told = await replies(house, bot)
    assert any("n'a pas pu être traité" in words_of(it) or "Je n'ai pas pu traiter" in words_of(it) for it in told)
    assert any("06 39 98 00 01 : active" in body(it) for it in told)
    assert house.desk.execute("SELECT state FROM inbox ORDER BY id").fetchall() == [("failed",), ("done",)]


#: Kills, spread over the statements that answering a mail takes.
KILLS = 12


def test_a_process_that_dies_at_any_step_of_answering_a_mail_answers_it_once(filled: Path, tmp_path: Path) -> None:
    shutil.copytree(filled, tmp_path / "data")
    given = settings(tmp_path / "data", mail_trusted_server=TRUSTED)
    house = open_house(given)
    write(house)
    steps = counted(given, tmp_path / "undisturbed")
    died = 0
    for kill in range(KILLS):
        died += dies(given, 1 + kill * steps // KILLS)
        house.inbox._db.execute("UPDATE inbox SET tries = 0")  # it is the crash that is tested, not its patience
    assert died > KILLS // 2
    assert not dies(given, 0)
    assert house.desk.execute("SELECT state, filing FROM inbox").fetchall() == [("done", "handled")]
    assert house.desk.execute("SELECT count(*) FROM outbox WHERE channel = 'mail'").fetchone() == (1,)
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


def counted(given: Settings, copy: Path) -> int:
    """How many statements on the desk answering takes, in a copy of the data."""
    shutil.copytree(given.data, copy)
    return asyncio.run(answer_what_waits(given.model_copy(update={"data": copy}), 0))


def dies(given: Settings, step: int) -> bool:
    """Answer what waits in a process that dies before the statement of that number; whether it came so far."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(answer_what_waits(given, step))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


async def answer_what_waits(given: Settings, last: int) -> int:
    house, steps = open_house(given), 0

    def count(_: str) -> None:
        nonlocal steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

    for head in house.inbox.new():
        house.desk.conn.set_trace_callback(count)
        item = house.inbox.taken(head)
        house.inbox.begin(item)
        await answer_mail(item, house)
        house.desk.conn.set_trace_callback(None)
    house.context.close()
    house.desk.close()
    house.context.telecom.close()
    return steps

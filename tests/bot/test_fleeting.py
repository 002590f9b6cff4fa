"""Messages that show a code go after a while: whatever Telegram says, and across a restart."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk import fleeting
from bot.house import House
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram.sender import Sender
from bot.telegram.wiping import wipe
from core.settings import Settings
from handlers.answer import Answer, Code, OutFile
from tests.bot.conftest import CAMILLE
from tests.bot.talking import answer, said
from tests.handlers.filled import settings

SHOWN = Answer("PUK de la SIM", codes=(Code("Code PUK", "12345678"),))


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, codes_minutes=1)


async def show(house: House, bot: Bot, *answers: Answer) -> None:
    with house.desk.atomic():
        for answer in answers:
            house.write_chat(CAMILLE, [answer])
    await Sender(house, bot).deliver()


def make_due(house: House) -> None:
    house.desk.execute("UPDATE fleeting SET due_at = ?", (int(time.time()) - 1,))
    house.desk.conn.commit()


@asynccontextmanager
async def wiping(house: House, bot: Bot) -> AsyncIterator[None]:
    task = asyncio.create_task(wipe(house, bot))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(done: object, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not done():  # type: ignore[operator]  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_message_with_a_code_is_deleted_when_its_time_is_over(house: House, bot: Bot, camille: Phone) -> None:
    await show(house, bot, SHOWN)
    (message,) = camille.conversation
    (waiting,) = fleeting.due(house.desk, int(time.time()) + 61)
    assert (waiting.chat_id, waiting.message_id) == (CAMILLE, message.message_id)
    assert fleeting.due(house.desk, int(time.time()) + 50) == []
    make_due(house)
    async with wiping(house, bot):
        # It goes from the chat a moment before that is written down.
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it.message_id for it in camille.conversation if not it.deleted] == []


async def test_other_messages_stay(house: House, bot: Bot, camille: Phone) -> None:
    await show(house, bot, Answer("État de la ligne"), SHOWN)
    assert len(fleeting.due(house.desk, int(time.time()) + 100)) == 1
    make_due(house)
    async with wiping(house, bot):
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it.text for it in camille.conversation if not it.deleted] == ["État de la ligne"]


async def test_a_file_that_is_not_to_stay_goes_too(house: House, bot: Bot, camille: Phone) -> None:
    await show(house, bot, Answer("Détail", files=(OutFile("detail.xlsx", b"PK"),), fleeting=True))
    (message,) = camille.messages
    assert not message.protected  # Telegram would let nobody save the file
    make_due(house)
    async with wiping(house, bot):
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it for it in camille.conversation if not it.deleted] == []


@pytest.mark.parametrize("fault", ["429", "500", "502"])
async def test_what_could_not_be_deleted_is_deleted_later(
    house: House, bot: Bot, api: BotApi, camille: Phone, fault: str
) -> None:
    await show(house, bot, SHOWN)
    make_due(house)
    api.fail_next("deleteMessage", fault, retry_after=1)  # type: ignore[arg-type]
    async with wiping(house, bot):
        await until(lambda: fleeting.next_due(house.desk) not in (None, 0) and _tries(house) == 1)
        make_due(house)
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it for it in camille.conversation if not it.deleted] == []


def _tries(house: House) -> int:
    row = house.desk.execute("SELECT tries FROM fleeting").fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize("call", ["sendMessage", "editMessageText"])
async def test_a_code_whose_number_telegram_could_not_tell_goes_too(
    house: House, bot: Bot, api: BotApi, camille: Phone, call: str
) -> None:
    api.fail_next(call, "disconnect_after")
    await show(house, bot, SHOWN)
    house.desk.execute("UPDATE outbox SET next_try_at = 0")
    house.desk.conn.commit()
    await Sender(house, bot).deliver()
    assert [text for text in said(camille) if "12345678" in text] == ["PUK de la SIM\nCode PUK : 12345678"]
    make_due(house)
    async with wiping(house, bot):
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it.text for it in camille.conversation if not it.deleted and it.text != "🔒"] == []


async def test_a_service_that_ends_while_a_code_is_shown_leaves_none_behind(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    with house.desk.atomic():
        house.write_chat(CAMILLE, [SHOWN])
    api.fail_next("editMessageText", "timeout_after")
    sending = asyncio.create_task(Sender(house, bot).deliver())
    await until(lambda: "PUK de la SIM\nCode PUK : 12345678" in said(camille))
    sending.cancel()
    make_due(house)
    async with wiping(house, bot):
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it for it in camille.conversation if not it.deleted] == []


async def test_who_blocks_the_robot_does_not_keep_a_code(house: House, bot: Bot, camille: Phone) -> None:
    await show(house, bot, SHOWN)
    camille.block_bot()
    make_due(house)
    async with wiping(house, bot):
        await until(lambda: _tries(house) == 1)
        camille.unblock_bot()
        make_due(house)
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it for it in camille.conversation if not it.deleted] == []


async def test_one_that_the_person_deleted_himself_is_forgotten(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    await show(house, bot, SHOWN)
    await bot.delete_message(CAMILLE, camille.messages[0].message_id)
    make_due(house)
    async with wiping(house, bot):
        await until(lambda: fleeting.next_due(house.desk) is None)


async def test_the_question_goes_and_the_code_comes_in_its_place_then_goes(
    house: House, bot: Bot, camille: Phone
) -> None:
    camille.send("/puk 0639980001")
    await answer(house, bot)
    (asked,) = camille.messages
    assert "le montrer ?" in asked.text
    camille.press(asked, "Montrer le code")
    await answer(house, bot)
    shown = [it for it in camille.messages if not it.deleted]
    assert [("Code PUK" in it.text, it.protected) for it in shown] == [(True, True)]
    make_due(house)
    async with wiping(house, bot):
        await until(lambda: fleeting.next_due(house.desk) is None)
    assert [it for it in camille.messages if not it.deleted] == []


async def test_a_second_touch_only_asks_again(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("/puk 0639980001")
    await answer(house, bot)
    (asked,) = camille.messages
    camille.press(asked, "Montrer le code")
    camille.press(asked, "Montrer le code")
    await answer(house, bot)
    texts = [it.text for it in camille.messages if not it.deleted]
    assert sum("Code PUK" in text for text in texts) <= 1
    assert any("le montrer ?" in text for text in texts)
    outcomes = [row[0] for row in house.desk.execute("SELECT shown FROM audit WHERE command = 'puk' ORDER BY id")]
    assert outcomes == ["confirmation", "Code PUK, Code PUK2, Code PIN d'origine", "confirmation"]


async def test_who_lost_his_rights_meanwhile_sees_nothing(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("/puk 0639980001")
    await answer(house, bot)
    (asked,) = camille.messages
    house.desk.execute("UPDATE people SET roles = '[]'")
    house.desk.conn.commit()
    camille.press(asked, "Montrer le code")
    await answer(house, bot)
    assert not any("Code PUK" in text for text in said(camille))

"""Polling: what comes is on disk before Telegram is told so, and faults are told apart. To whom an update belongs."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlite_utils import Database
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import Conflict

from bot.desk import open_desk, progress
from bot.desk.inbox import Inbox
from bot.sandbox.botapi import BotApi
from bot.telegram import poller
from bot.telegram.client import make_bot
from bot.telegram.lock import token_lock
from bot.telegram.poller import poll
from bot.telegram.updates import ReceivingError, conversation_of
from core.settings import TelegramAccess

TOKEN = "123456789:test-token-of-no-bot"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Database]:
    db = open_desk(tmp_path)
    yield db
    db.close()


async def _poll_until(api: BotApi, desk: Database, found: list[str], arrivals: int) -> None:
    """Poll until so many batches came."""
    arrived = asyncio.Semaphore(0)
    async with make_bot(TelegramAccess(TOKEN, api.url)) as bot:
        polling = asyncio.create_task(poll(bot, desk, arrived.release, found.append))
        try:
            async with asyncio.timeout(20):
                before = progress.get(desk, "telegram_offset")
                for _ in range(arrivals):
                    await arrived.acquire()
                while progress.get(desk, "telegram_offset") == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        finally:
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling


async def test_what_came_is_in_the_inbox_and_is_not_asked_for_again(desk: Database) -> None:
    async with BotApi(TOKEN) as api:
        phone = api.phone(user_id=7001, first_name="Camille")
        phone.send("/status 0639980001")
        await _poll_until(api, desk, [], 1)
        phone.send("/aide")
        await _poll_until(api, desk, [], 1)
    assert desk.execute("SELECT count(*), count(DISTINCT key) FROM inbox").fetchone() == (2, 2)
    assert [item.conversation for item in Inbox(desk).new()] == ["chat:7001"]
    assert progress.get(desk, "telegram_offset") > 0


async def test_what_was_written_down_and_not_acknowledged_comes_again_and_is_kept_once(desk: Database) -> None:
    async with BotApi(TOKEN) as api:
        api.phone(user_id=7001, first_name="Camille").send("/aide")
        async with make_bot(TelegramAccess(TOKEN, api.url)) as bot:
            arrived = asyncio.Event()
            polling = asyncio.create_task(poll(bot, desk, arrived.set, lambda _: None))
            async with asyncio.timeout(20):
                await arrived.wait()
            polling.cancel()  # as a crash does, before Telegram is told
            with suppress(asyncio.CancelledError):
                await polling
        assert progress.get(desk, "telegram_offset") == 0
        assert api.pending == 1
        await _poll_until(api, desk, [], 1)
    assert desk.execute("SELECT count(*) FROM inbox").fetchone() == (1,)


async def test_what_came_before_the_start_is_read(desk: Database) -> None:
    async with BotApi(TOKEN) as api:
        api.phone(user_id=7001, first_name="Camille").send("/aide")
        await _poll_until(api, desk, [], 1)
    assert len(Inbox(desk).new()) == 1


async def test_a_server_that_stumbles_is_asked_again_and_nothing_is_lost(desk: Database) -> None:
    found: list[str] = []
    async with BotApi(TOKEN) as api:
        api.fail_next("getUpdates", "502")
        api.fail_next("getUpdates", "truncated")
        api.phone(user_id=7001, first_name="Camille").send("/aide")
        await _poll_until(api, desk, found, 1)
    assert len(Inbox(desk).new()) == 1
    assert "n'est pas joignable" in found[0]
    assert found[-1] == ""


async def test_a_second_poller_is_told_apart_and_waited_for(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "OWN_POLL", 0.2)
    async with BotApi(TOKEN) as api, make_bot(TelegramAccess(TOKEN, api.url)) as bot:
        ours = asyncio.create_task(poll(bot, desk, lambda: None, lambda fault: None))
        await asyncio.sleep(0.3)
        async with make_bot(TelegramAccess(TOKEN, api.url)) as other:

            async def insist() -> None:
                while True:
                    with suppress(Conflict):
                        await other.get_updates(timeout=5)

            theirs = asyncio.create_task(insist())
            with pytest.raises(ReceivingError, match="un autre programme") as caught:
                await asyncio.wait_for(ours, 30)
            theirs.cancel()
            with suppress(asyncio.CancelledError):
                await theirs
    assert caught.value.wait >= 60


async def test_a_refused_token_is_said_without_the_token(desk: Database) -> None:
    wrong = "987654321:another-token-of-no-bot"
    async with BotApi(TOKEN) as api:
        bot = make_bot(TelegramAccess(wrong, api.url))
        with pytest.raises(ReceivingError, match="ORIGYNE_TELEGRAM_TOKEN") as caught:
            await poll(bot, desk, lambda: None, lambda fault: None)
        await bot.shutdown()
    assert wrong not in str(caught.value)


async def test_in_a_group_each_person_has_his_own_conversation(desk: Database) -> None:
    async with BotApi(TOKEN) as api:
        group = api.group(-500, "Chantier")
        camille, bruno = api.phone(7001, "Camille"), api.phone(7002, "Bruno")
        camille.in_group(group).send("/aide")
        bruno.in_group(group).send("/aide")
        camille.send("/aide")
        await _poll_until(api, desk, [], 1)
    assert [item.conversation for item in Inbox(desk).new()] == ["chat:-500:7001", "chat:-500:7002", "chat:7001"]


async def test_a_button_of_a_group_belongs_to_who_touched_it(desk: Database) -> None:
    async with BotApi(TOKEN) as api, make_bot(TelegramAccess(TOKEN, api.url)) as bot:
        camille = api.phone(7001, "Camille").in_group(api.group(-500, "Chantier"))
        keyboard = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Oui", callback_data="oui"))
        asked = await bot.send_message(-500, "?", reply_markup=keyboard)
        camille.press(asked.message_id, "Oui")
        await _poll_until(api, desk, [], 1)
    assert [item.conversation for item in Inbox(desk).new()] == ["chat:-500:7001"]


@pytest.mark.parametrize(
    "odd",
    [{}, {"message": None}, {"message": {"chat": {"id": "x", "type": "private"}}}, {"callback_query": {"id": "1"}}],
)
def test_an_update_of_an_unknown_shape_is_kept_too(odd: dict[str, object]) -> None:
    assert conversation_of(odd) == "chat:0"


# One service of this machine for a token


def test_a_second_service_with_the_same_token_is_refused_until_the_first_one_ends() -> None:
    access = TelegramAccess(TOKEN, "http://127.0.0.1:9")
    with token_lock(access):
        with pytest.raises(ReceivingError, match="un autre service de cette machine") as caught, token_lock(access):
            pass
        assert caught.value.wait >= 60
        with (
            token_lock(TelegramAccess(TOKEN, "http://127.0.0.1:10")),
            token_lock(TelegramAccess("1:other", access.api)),
        ):
            pass
    with token_lock(access):
        pass


def test_a_lock_s_name_does_not_hold_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with token_lock(TelegramAccess(TOKEN)):
        (path,) = tmp_path.iterdir()
        assert TOKEN.partition(":")[2] not in path.name
        assert path.read_bytes() == b""


def test_a_lock_that_cannot_be_made_forbids_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with token_lock(TelegramAccess(TOKEN)):
        pass
    assert "no lock for the token" in caplog.text


async def test_while_telegram_wants_to_be_left_in_peace_that_is_said_and_nothing_is_lost(desk: Database) -> None:
    async with BotApi(TOKEN) as api:
        api.fail_next("getUpdates", "429", retry_after=1)
        api.phone(user_id=7001, first_name="Camille").send("/aide")
        found: list[str] = []
        await _poll_until(api, desk, found, 1)
    assert "429" in found[0]
    assert found[-1] == ""

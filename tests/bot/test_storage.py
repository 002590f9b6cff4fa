"""What happens when the disk or a store does not take what must be written."""

import asyncio
import errno
import multiprocessing
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from telegram import Bot

from bot import clerk, storage
from bot.clerk import Clerk
from bot.desk import FILE_NAME, open_desk, progress
from bot.desk.inbox import Item
from bot.house import House
from bot.sandbox.botapi import BotApi, Phone
from bot.storage import Storage, patiently
from bot.telegram.drawing import Message
from bot.telegram.sender import Sender
from core import disk, store
from core.disk import Why
from core.settings import Settings
from tests.bot.conftest import CAMILLE
from tests.handlers.filled import settings
from tests.peers.pressure import held_by_another

AT_ONCE: dict[Why, float] = {"full": 0, "closed": 0, "broken": 0, "locked": 0}


@pytest.fixture
def configured(tmp_path: Path, api: BotApi) -> Settings:
    return settings(tmp_path / "data", telegram_api=api.url)


async def _until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _said(phone: Phone) -> list[str]:
    return [it.text for it in phone.messages]


# -- others who write


def _write_for_ever(path: Path, begun: Event, enough: Event) -> None:
    with closing(store.connect(path)) as db:
        while not enough.is_set():
            with db.atomic():
                progress.put(db, "guesses_told", progress.get(db, "guesses_told") + 1)
            begun.set()


def test_who_reads_and_then_writes_waits_for_another_process_that_writes_all_the_time(tmp_path: Path) -> None:
    system = multiprocessing.get_context("fork")
    begun, enough = system.Event(), system.Event()
    with closing(open_desk(tmp_path)) as desk:
        other = system.Process(target=_write_for_ever, args=(tmp_path / FILE_NAME, begun, enough))
        other.start()
        try:
            assert begun.wait(60)
            for _ in range(30):
                with desk.atomic():
                    told = progress.get(desk, "guesses_told")
                    time.sleep(0.005)  # the other would write meanwhile
                    progress.put(desk, "event_cursor", progress.get(desk, "event_cursor") + 1)
                    assert progress.get(desk, "guesses_told") == told
        finally:
            enough.set()
            other.join()
        assert progress.get(desk, "event_cursor") == 30


def test_a_transaction_that_fails_leaves_nothing_and_lets_the_next_one_begin(tmp_path: Path) -> None:
    with closing(open_desk(tmp_path)) as desk:
        try:
            with desk.atomic():
                progress.put(desk, "event_cursor", 7)
                with desk.atomic():
                    desk.execute("INSERT INTO progress (name) VALUES (NULL)")
        except sqlite3.IntegrityError:
            pass
        assert progress.get(desk, "event_cursor") == 0
        with desk.atomic():
            progress.put(desk, "event_cursor", 8)
        assert progress.get(desk, "event_cursor") == 8


# -- what is told, and by which way


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, ""), "le disque est plein"),
        (OSError(errno.EROFS, ""), "lecture seule"),
        (OSError(errno.EIO, ""), "le disque rend des erreurs"),
    ],
)
async def test_what_stops_all_writing_is_said_without_the_outbox_and_so_is_its_end(
    house: House, camille: Phone, error: OSError, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Storage(house, patience=AT_ONCE)
    watch.note(error)
    assert await watch.look()
    assert await watch.look()
    (alarm,) = _said(camille)
    assert words in alarm
    assert "Rien n'est perdu" in alarm
    monkeypatch.setattr(storage, "RECENT", 0.0)
    assert not await watch.look()
    assert not await watch.look()
    assert len(_said(camille)) == 2
    assert "Le robot écrit de nouveau" in _said(camille)[-1]
    assert house.desk.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


async def test_a_store_that_another_program_holds_is_said_once_it_lasts(house: House, camille: Phone) -> None:
    early, late = Storage(house), Storage(house, patience=AT_ONCE)
    with held_by_another(house.data / FILE_NAME):
        for watch in (early, late):
            refusal = await watch.look()
            assert refusal
            assert refusal.why == "locked"
        (alarm,) = _said(camille)
        assert "un autre programme tient la base" in alarm
    assert not await late.look()
    assert "Le robot écrit de nouveau" in _said(camille)[-1]


async def test_a_disk_that_fills_is_told_before_it_is_full(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    watch = Storage(house, told.append)
    monkeypatch.setattr(disk, "free", lambda folder: 50 * 1024 * 1024)
    await watch.look()
    assert "il reste 50,0" in told[-1]
    assert "telecom.db" in told[-1]
    monkeypatch.setattr(disk, "free", lambda folder: 50 * 1024**4)
    await watch.look()
    assert told[-1] == ""


async def test_a_start_waits_for_its_disk(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SOON", 0.01)
    tries = iter([OSError(errno.ENOSPC, ""), sqlite3.OperationalError("no such table")])

    def open_up() -> None:
        raise next(tries)

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await patiently(configured, open_up)


# -- nothing lost, nothing twice


def _fill(house: House) -> None:
    """No row more goes into the outbox; what is there can be changed."""
    (pages,) = house.desk.execute("PRAGMA page_count").fetchone()
    house.desk.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    for size in (4000, 400, 40, 1):
        with suppress(sqlite3.OperationalError):
            while True:
                with house.desk.atomic():
                    house.outbox.add("mail", "x@telecom.example", bytes(size))
    house.desk.execute("UPDATE outbox SET state = 'dropped'")


async def test_a_question_that_the_disk_did_not_let_answer_waits_and_loses_no_try(
    house: House, bot: Bot, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clerk, "REFUSED_PAUSE", 0.05)
    _fill(house)
    question = camille.send("/aide")
    (update,) = await bot.get_updates()
    house.desk.execute("PRAGMA max_page_count = 1073741823").fetchone()
    house.inbox.add("chat", str(update.update_id), f"chat:{CAMILLE}", update.to_json().encode())
    (pages,) = house.desk.execute("PRAGMA page_count").fetchone()
    house.desk.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    _fill(house)
    refused = 0
    attend = Clerk._attend_to

    async def counted(self: Clerk, item: Item) -> None:
        nonlocal refused
        await attend(self, item)
        refused += house.inbox.new() != []

    monkeypatch.setattr(Clerk, "_attend_to", counted)
    at_work = asyncio.create_task(Clerk(house, bot, asyncio.Event()).run())
    await _until(lambda: refused > 5)
    assert [item.tries for item in house.inbox.new()] == [1]
    house.desk.execute("PRAGMA max_page_count = 1073741823").fetchone()
    await _until(lambda: not house.inbox.new())
    at_work.cancel()
    await asyncio.gather(at_work, return_exceptions=True)
    answers = house.desk.execute("SELECT count(*) FROM outbox WHERE channel = 'chat' AND state = 'queued'")
    assert answers.fetchone()[0] >= 1
    assert house.desk.execute("SELECT state FROM inbox").fetchall() == [("done",)]
    assert question.text == "/aide"


async def test_what_telegram_took_while_the_disk_refused_is_not_sent_again(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    with house.desk.atomic():
        house.outbox.add("chat", str(CAMILLE), Message("bonjour").payload())
        house.outbox.add("chat", str(CAMILLE), Message("et encore").payload())
    api.fail_next("sendMessage", "slow", after=0.5)
    sender = Sender(house, bot)
    at_work = asyncio.create_task(sender.run())
    await _until(lambda: house.desk.execute("SELECT 1 FROM outbox WHERE state = 'sending'").fetchone())
    house.desk.execute("PRAGMA query_only = ON")
    await _until(lambda: len(_said(camille)) == 1 and not sender._busy)
    house.desk.execute("PRAGMA query_only = OFF")
    assert house.outbox.pay()
    sender.posted.set()
    await _until(lambda: not house.outbox.waiting("chat"))
    at_work.cancel()
    await asyncio.gather(at_work, return_exceptions=True)
    assert _said(camille) == ["bonjour", "et encore"]
    assert house.desk.execute("SELECT DISTINCT state, uncertain FROM outbox").fetchall() == [("sent", 0)]

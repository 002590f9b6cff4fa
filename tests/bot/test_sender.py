"""Sending to chats: in order, side by side, at Telegram's rates, through refusals and crashes; with a Bot API server on
loopback."""

import asyncio
import html
import itertools
import math
import random
import selectors
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk import replies
from bot.desk.people import TECHNICAL
from bot.desk.replies import Reply
from bot.house import House, open_house
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram.client import make_bot
from bot.telegram.dead import BLOCKED, DEACTIVATED, REMOVED, UNKNOWN, lose_chat, reason_of
from bot.telegram.drawing import Message, draw
from bot.telegram.migration import follow
from bot.telegram.rates import Pace, Rates
from bot.telegram.sender import Sender
from bot.telegram.typing import typing
from core.daily_chart import DailyChart
from core.settings import Settings
from handlers.answer import Answer, Button, Code, OutFile
from tests.bot.conftest import CAMILLE
from tests.handlers.filled import settings

BRUNO = 4200002
GROUP, SUPERGROUP = -500, -1000500

#: When what Telegram refused is tried again.
REFUSED = "SELECT next_try_at FROM outbox WHERE next_try_at > 0"


@pytest.fixture
def configured(tmp_path: Path, api: BotApi) -> Settings:
    return settings(tmp_path / "data", telegram_api=api.url)


@pytest.fixture
def bruno(api: BotApi) -> Phone:
    return api.phone(BRUNO, "Bruno", started=True)


@pytest.fixture
def sender(house: House, bot: Bot) -> Sender:
    return Sender(house, bot)


def post(house: House, *messages: Message | str, chat_id: int = CAMILLE) -> None:
    with house.desk.atomic():
        for message in messages:
            made = Message(message) if isinstance(message, str) else message
            house.outbox.add("chat", str(chat_id), made.payload(), attachment=made.attachment)


@asynccontextmanager
async def at_work(sender: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_sent(house: House, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while house.outbox.waiting("chat"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def said(phone: Phone) -> list[str]:
    return [message.text or message.caption for message in phone.messages if not message.deleted]


def states(house: House) -> list[tuple[str, int]]:
    return list(house.desk.execute("SELECT state, uncertain FROM outbox WHERE channel = 'chat' ORDER BY id"))


def letters(house: House) -> list[tuple[str, str, str]]:
    """To whom, subject and words of the mails that wait."""
    found = []
    for (payload,) in house.desk.execute("SELECT payload FROM outbox WHERE channel = 'mail' ORDER BY id"):
        mail = message_from_bytes(payload, policy=default)
        part = mail.get_body(preferencelist=("plain",))  # type: ignore[attr-defined]
        found.append((str(mail["To"]), str(mail["Subject"]), " ".join(part.get_content().split())))
    return found


def came(api: BotApi, *methods: str) -> list[tuple[str, float]]:
    """The chat and the time of the calls that the server saw."""
    return [(it.call.text("chat_id"), it.at) for it in api.calls if it.call.method in methods]


# What is sent


async def test_a_message_comes_with_its_rows_of_buttons(house: House, sender: Sender, camille: Phone) -> None:
    post(house, Message("<b>Ligne</b>", buttons=((("Conso", "conso 1"), ("SIM", "sim 1")), (("Suite", "page 2"),))))
    await sender.deliver()
    (message,) = camille.messages
    assert message.text == "Ligne"
    assert [[(it.label, it.callback_data) for it in row] for row in message.buttons] == [
        [("Conso", "conso 1"), ("SIM", "sim 1")],
        [("Suite", "page 2")],
    ]


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("file", [b"contenu", None])
async def test_sound_and_protection_are_as_asked(
    house: House, sender: Sender, camille: Phone, silent: bool, protected: bool, file: bytes | None
) -> None:
    post(house, Message("texte", file_name="a.txt", attachment=file, silent=silent, protected=protected))
    await sender.deliver()
    (message,) = camille.messages
    assert (message.silent, message.protected) == (silent, protected)


async def test_an_answer_stands_under_its_question(house: House, sender: Sender, camille: Phone) -> None:
    question = camille.send("/aide")
    answer = Answer("Réponse", ("x" * 1100,), files=(OutFile("a.txt", b"x"),))
    with house.desk.atomic():
        house.write_chat(CAMILLE, [answer], question=question.message_id)
    await sender.deliver()
    text, file = camille.messages
    assert (text.reply_to, file.reply_to) == (question.message_id, None)
    assert file.document
    assert (file.document.name, file.document.content) == ("a.txt", b"x")
    assert replies.replies_to(house.desk, CAMILLE, question.message_id) == {
        0: Reply(text.message_id, "text"),
        1: Reply(file.message_id, "file"),
    }


async def test_a_picture_is_drawn_and_sent(house: House, sender: Sender, camille: Phone) -> None:
    post(house, Message("Trafic", picture=DailyChart("Dupont", "", "0639980001", 20_700, 20_730)))
    await sender.deliver()
    (message,) = camille.messages
    assert message.photo is not None
    assert message.caption == "Trafic"


async def test_a_picture_waits_for_no_spreadsheet(house: House, sender: Sender, camille: Phone, tmp_path: Path) -> None:
    working = asyncio.create_task(house.context.workshop.make(_wait_for, tmp_path / "enough"))
    post(house, Message("", picture=DailyChart("Dupont", "", "0639980001", 20_700, 20_730)))
    await sender.deliver()
    assert [message.photo is not None for message in camille.messages] == [True]
    assert not working.done()
    (tmp_path / "enough").touch()
    await working


def _wait_for(path: Path) -> None:
    """In the workshop: work that lasts until a file is there."""
    while not path.exists():
        time.sleep(0.01)


async def test_a_picture_that_cannot_be_drawn_holds_nothing_up(
    house: House, sender: Sender, camille: Phone, configured: Settings
) -> None:
    (configured.data / "telecom.db").unlink()
    (configured.data / "telecom.db").mkdir()
    post(house, Message("", picture=DailyChart("Dupont", "", "0639980001", 20_700, 20_730)), "ensuite")
    await sender.deliver()
    assert said(camille) == ["ensuite"]
    assert states(house) == [("failed", 0), ("sent", 0)]


async def test_what_cannot_be_read_holds_nothing_up(house: House, sender: Sender, camille: Phone) -> None:
    house.outbox.add("chat", str(CAMILLE), b"no message at all")
    post(house, "ensuite")
    await sender.deliver()
    assert said(camille) == ["ensuite"]


async def test_html_that_telegram_refuses_loses_its_tags_and_no_words(
    house: House, sender: Sender, camille: Phone
) -> None:
    post(house, Message("<b>a <i>b</b></i> <code>c</code> <tg-spoiler>d</tg-spoiler> &lt;e&gt; &amp; f"))
    post(house, Message("<b>x", file_name="a.txt", attachment=b"x"))
    await sender.deliver()
    assert said(camille) == ["a b c d <e> & f", "x"]


async def test_a_message_that_telegram_refuses_holds_nothing_up(house: House, sender: Sender, camille: Phone) -> None:
    post(house, "x" * 5000, "ensuite")
    await sender.deliver()
    assert said(camille) == ["ensuite"]
    assert states(house) == [("failed", 0), ("sent", 0)]


async def test_a_code_that_is_refused_is_not_kept(house: House, sender: Sender, camille: Phone) -> None:
    post(house, Message("PUK 12345678" * 500, protected=True))
    await sender.deliver()
    assert "12345678" not in repr(list(house.desk.execute("SELECT * FROM outbox")))


# Edits


async def test_a_message_takes_the_place_of_another(house: House, sender: Sender, camille: Phone) -> None:
    post(house, Message("page 1", buttons=((("Suite", "page 2"),),)))
    await sender.deliver()
    post(house, Message("page 2", edits=camille.messages[0].message_id))
    await sender.deliver()
    (message,) = camille.messages
    assert (message.text, message.labels, message.edited) == ("page 2", [], True)


async def test_a_message_that_is_as_it_was_counts_as_sent(house: House, sender: Sender, camille: Phone) -> None:
    post(house, "page 1")
    await sender.deliver()
    post(house, Message("page 1", edits=camille.messages[0].message_id))
    await sender.deliver()
    assert said(camille) == ["page 1"]
    assert states(house) == [("sent", 0), ("sent", 0)]


@pytest.mark.parametrize("gone", ["deleted", "file", "somebody's", "unknown"])
async def test_what_cannot_be_edited_is_sent_anew(
    house: House, sender: Sender, bot: Bot, camille: Phone, gone: str
) -> None:
    match gone:
        case "deleted":
            number = (await bot.send_message(CAMILLE, "x")).message_id
            await bot.delete_message(CAMILLE, number)
        case "file":
            number = (await bot.send_document(CAMILLE, b"x", filename="x.txt", caption="page 1")).message_id
        case "somebody's":
            number = camille.send("/aide").message_id
        case _:
            number = 999
    post(house, Message("page 2", edits=number))
    await sender.deliver()
    assert said(camille)[-1] == "page 2"
    assert states(house) == [("sent", 0)]


async def test_a_code_never_stands_in_a_message_that_can_be_passed_on(
    house: House, sender: Sender, camille: Phone
) -> None:
    post(house, "page 1")
    await sender.deliver()
    (message,) = draw([Answer("SIM", codes=(Code("PUK", "12345678"),))], edits=camille.messages[0].message_id)
    post(house, message)
    await sender.deliver()
    first, second = camille.messages
    assert first.deleted
    assert second.protected
    assert "12345678" in second.text


class Dialog:
    """A question that is asked, then asked otherwise."""

    def __init__(self, house: House, sender: Sender, phone: Phone) -> None:
        self._house, self._sender, self._phone = house, sender, phone
        self.question = phone.send("/status").message_id

    async def answer(self, *answers: Answer, again: bool = False) -> list[str]:
        with self._house.desk.atomic():
            self._house.write_chat(CAMILLE, list(answers), question=self.question, again=again)
        await self._sender.deliver()
        return said(self._phone)


@pytest.fixture
def dialog(house: House, sender: Sender, camille: Phone) -> Dialog:
    return Dialog(house, sender, camille)


LONG = Answer("Long", tuple("x" * 1000 for _ in range(10)))
FILED = Answer("Fichier", files=(OutFile("a.txt", b"a"),))


async def test_an_edited_question_edits_its_answer(dialog: Dialog, camille: Phone) -> None:
    await dialog.answer(Answer("un"))
    assert await dialog.answer(Answer("deux"), again=True) == ["deux"]
    assert await dialog.answer(Answer("trois"), again=True) == ["trois"]
    assert len(camille.messages) == 1


async def test_a_shorter_answer_leaves_nothing_of_the_longer_one(dialog: Dialog, house: House, camille: Phone) -> None:
    assert len(await dialog.answer(LONG)) == 3
    assert await dialog.answer(Answer("court"), again=True) == ["court"]
    assert list(replies.replies_to(house.desk, CAMILLE, dialog.question)) == [0]
    assert len(await dialog.answer(LONG, again=True)) == 3


async def test_a_longer_answer_goes_on_below(dialog: Dialog, camille: Phone) -> None:
    await dialog.answer(Answer("court"))
    texts = await dialog.answer(LONG, again=True)
    assert len(texts) == 3
    assert texts[0].startswith("Long")
    assert camille.messages[0].edited


async def test_a_file_gives_way_to_a_new_one(dialog: Dialog, camille: Phone) -> None:
    await dialog.answer(FILED)
    await dialog.answer(Answer("Fichier", files=(OutFile("b.txt", b"b"),)), again=True)
    left = [message.document.name for message in camille.messages if message.document and not message.deleted]
    assert left == ["b.txt"]


async def test_a_file_where_a_text_stood_takes_its_place(dialog: Dialog, camille: Phone) -> None:
    await dialog.answer(LONG)
    texts = await dialog.answer(FILED, again=True)
    assert texts == ["Fichier"]
    await dialog.answer(Answer("court"), again=True)
    assert said(camille) == ["court"]


async def test_a_question_edited_before_its_answer_was_recorded_gets_one(dialog: Dialog, camille: Phone) -> None:
    assert await dialog.answer(Answer("un"), again=True) == ["un"]
    assert camille.messages[0].reply_to == dialog.question


async def test_a_code_after_an_edit_is_protected(dialog: Dialog, camille: Phone) -> None:
    await dialog.answer(Answer("Ligne inconnue"))
    await dialog.answer(Answer("SIM", codes=(Code("PUK", "12345678"),)), again=True)
    assert [(message.deleted, message.protected) for message in camille.messages] == [(True, False), (False, True)]


async def test_an_answer_is_edited_after_a_restart_too(
    dialog: Dialog, house: House, bot: Bot, camille: Phone, configured: Settings
) -> None:
    await dialog.answer(Answer("un"))
    again = open_house(configured)
    with again.desk.atomic():
        again.write_chat(CAMILLE, [Answer("deux")], question=dialog.question, again=True)
    await Sender(again, bot).deliver()
    again.desk.close()
    again.context.telecom.close()
    assert said(camille) == ["deux"]


async def test_an_edit_that_is_tried_again_deletes_and_sends_nothing_twice(
    dialog: Dialog, house: House, api: BotApi, camille: Phone
) -> None:
    await dialog.answer(FILED)
    api.fail_next("sendDocument", "429", retry_after=1)
    with house.desk.atomic():
        house.write_chat(CAMILLE, [FILED], question=dialog.question, again=True)
    async with at_work(dialog._sender):
        await until_sent(house)
    left = [message.document.name for message in camille.messages if message.document and not message.deleted]
    assert left == ["a.txt"]


# Order, and chats side by side


async def test_a_chat_s_messages_keep_their_order_through_faults(
    house: House, sender: Sender, api: BotApi, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.desk.outbox.CHAT_DELAYS", (0.2,) * 9)
    monkeypatch.setattr("bot.desk.outbox.CHAT_DOUBT", (0.2,) * 9)
    texts = [str(number) for number in range(6)]
    for fault in ("502", "disconnect", "500"):
        api.fail_next("sendMessage", fault)  # type: ignore[arg-type]
    post(house, *texts)
    async with at_work(sender):
        await until_sent(house)
    assert said(camille) == texts


async def test_a_chat_that_is_slow_holds_no_other_up(
    house: House, sender: Sender, api: BotApi, camille: Phone, bruno: Phone
) -> None:
    api.fail_next("sendMessage", "timeout", chat_id=CAMILLE)
    post(house, "lent")
    post(house, "vite", chat_id=BRUNO)
    async with at_work(sender):
        assert (await bruno.wait(timeout=30)).text == "vite"
        post(house, "encore", chat_id=BRUNO)
        sender.posted.set()
        assert (await bruno.wait(timeout=30)).text == "encore"
    assert said(camille) == []


async def test_what_is_posted_while_others_are_sent_is_sent(
    house: House, sender: Sender, camille: Phone, bruno: Phone
) -> None:
    async with at_work(sender):
        for number in range(20):
            post(house, f"{number}", chat_id=BRUNO if number % 2 else CAMILLE)
            sender.posted.set()
            await asyncio.sleep(0.002)
        await until_sent(house)
    assert said(camille) == [str(number) for number in range(0, 20, 2)]
    assert said(bruno) == [str(number) for number in range(1, 20, 2)]


# Rates


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most that came within any window of that length."""
    return max(sum(1 for other in times if begin <= other < begin + seconds) for begin in times)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each turn was waited for: on a machine that is slow, what follows a turn tells nothing of it."""
    found: list[float] = []
    turn = Rates.turn

    async def measured(rates: Rates, chat_id: int, *, stranger: bool = False) -> None:
        began = time.monotonic()
        await turn(rates, chat_id, stranger=stranger)
        found.append(time.monotonic() - began)

    monkeypatch.setattr(Rates, "turn", measured)
    return found


def is_paced(times: Sequence[float], began: float, pace: Pace) -> bool:
    """Whether none came before its turn, the first of which was after `began`. Of two messages the first can have been
    under way for longer: what lies between them says nothing."""
    turns = (max(0, number + 1 - pace.burst) / pace.per_second for number in range(len(times)))
    return all(at - began >= turn - 0.001 for at, turn in zip(times, turns, strict=True))


async def test_the_server_sees_a_private_chat_written_to_three_times_at_once_then_once_a_second(
    house: House, sender: Sender, api: BotApi, camille: Phone, waits: list[float]
) -> None:
    post(house, *(str(number) for number in range(6)))
    began = time.monotonic()
    async with at_work(sender):
        await until_sent(house)
    times = [at for _, at in came(api, "sendMessage")]
    assert len(times) == len(waits) == 6
    assert max(waits[:3]) < 0.5, "the burst waited"
    assert is_paced(times, began, Pace(3, 1.0))
    assert said(camille) == [str(number) for number in range(6)]


async def test_the_server_sees_a_group_written_to_at_its_own_pace(
    house: House, sender: Sender, api: BotApi, waits: list[float]
) -> None:
    api.group(GROUP, "Chantier")
    post(house, *(str(number) for number in range(7)), chat_id=GROUP)
    began = time.monotonic()
    async with at_work(sender):
        await until_sent(house)
    times = [at for _, at in came(api, "sendMessage")]
    assert len(times) == len(waits) == 7
    assert max(waits[:5]) < 0.5, "the burst waited"
    assert is_paced(times, began, Pace(5, 0.25))


async def test_the_server_sees_no_more_than_thirty_a_second_in_all(house: House, sender: Sender, api: BotApi) -> None:
    chats = range(BRUNO, BRUNO + 60)
    for chat_id in chats:
        api.phone(chat_id, "Quelqu'un", started=True)
        house.people.enrol(chat_id, house.people.new_code(TECHNICAL, int(time.time())), int(time.time()))
        post(house, "à tous", chat_id=chat_id)
    async with at_work(sender):
        await until_sent(house)
    calls = came(api, "sendMessage")
    assert Counter(chat for chat, _ in calls) == Counter(str(chat_id) for chat_id in chats)
    assert most_within([at for _, at in calls], 1.0) <= 30


async def test_edits_count_as_messages(house: House, sender: Sender, api: BotApi, bot: Bot, camille: Phone) -> None:
    number = (await bot.send_message(CAMILLE, "0")).message_id
    post(house, *(Message(str(count), edits=number) for count in range(1, 6)))
    began = time.monotonic()
    async with at_work(sender):
        await until_sent(house)
    times = [at for _, at in came(api, "editMessageText")]
    assert len(times) == 5
    assert is_paced(times, began, Pace(3, 1.0))


class _LeapingClock(asyncio.SelectorEventLoop):
    """An event loop that never waits: its clock leaps to what is due next."""

    def __init__(self) -> None:
        self.clock = 0.0
        loop = self

        class Selector(selectors.SelectSelector):
            def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
                found = super().select(0)
                # A clock that stood still while something is ready would let nobody's fraction of a turn come.
                loop.clock += 1e-6 if found or not timeout else timeout
                return found

        super().__init__(Selector())

    def time(self) -> float:
        return self.clock


def hours_of(chats: Sequence[int], each: int) -> dict[int, list[float]]:
    """When each of that many messages for each of these chats has its turn, all asked for at once."""
    loop = _LeapingClock()
    turns: dict[int, list[float]] = {chat: [] for chat in chats}

    async def write(rates: Rates, chat: int) -> None:
        for _ in range(each):
            await rates.turn(chat)
            turns[chat].append(loop.time())

    async def write_all() -> None:
        rates = Rates()
        await asyncio.gather(*(write(rates, chat) for chat in chats))

    try:
        loop.run_until_complete(write_all())
    finally:
        loop.close()
    return turns


def test_a_group_gets_no_more_than_twenty_within_any_minute() -> None:
    (times,) = hours_of([GROUP], 200).values()
    assert most_within(times, 60) <= 20
    assert times[-1] < 200 * 60 / 15, "no slower than need be"


def test_a_private_chat_gets_one_a_second_in_the_long_run() -> None:
    (times,) = hours_of([CAMILLE], 300).values()
    assert most_within(times, 60) <= 63
    assert 296 <= times[-1] <= 298


def test_all_chats_together_get_no_more_than_thirty_within_any_second() -> None:
    turns = hours_of(range(1, 1000), 2)
    times = sorted(time for of_chat in turns.values() for time in of_chat)
    assert most_within(times, 1.0) <= 30
    assert times[-1] < 1998 / 24


@pytest.mark.parametrize("seed", range(5))
def test_however_late_calls_arrive_no_second_sees_more_than_thirty(seed: int) -> None:
    chance = random.Random(seed)
    arrived: list[float] = []

    async def write(rates: Rates, chat: int) -> None:
        await rates.turn(chat)
        async with rates.under_way():
            await asyncio.sleep(jam(loop.time()))
            arrived.append(loop.time())
            await asyncio.sleep(chance.random())

    def jam(now: float) -> float:
        """Half of the time nothing gets through, then all that waited does."""
        return 2 - now % 4 if now % 4 < 2 else chance.random() / 10

    async def write_all() -> None:
        rates = Rates()
        await asyncio.gather(*(write(rates, chat) for chat in range(1, 400)))

    loop = _LeapingClock()
    try:
        loop.run_until_complete(write_all())
    finally:
        loop.close()
    assert len(arrived) == 399
    assert most_within(arrived, 1.0) <= 30


def test_no_chat_waits_because_another_one_does() -> None:
    async def lone() -> float:
        rates = Rates()
        busy = asyncio.gather(*(rates.turn(GROUP) for _ in range(100)))
        await asyncio.sleep(10)
        before = loop.time()
        await rates.turn(CAMILLE)
        busy.cancel()
        with suppress(asyncio.CancelledError):
            await busy
        return loop.time() - before

    loop = _LeapingClock()
    try:
        assert loop.run_until_complete(lone()) < 0.01
    finally:
        loop.close()


def test_quiet_chats_are_forgotten() -> None:
    async def write() -> int:
        rates = Rates()
        most = 0
        for chat in range(1, 20_000):
            await rates.turn(chat)
            most = max(most, rates.remembered)
        return most

    loop = _LeapingClock()
    try:
        assert loop.run_until_complete(write()) <= 1000
    finally:
        loop.close()


async def test_what_telegram_asks_to_wait_is_waited(
    house: House, sender: Sender, api: BotApi, camille: Phone, bruno: Phone
) -> None:
    api.fail_next("sendMessage", "429", retry_after=3, chat_id=CAMILLE)
    began = time.monotonic()
    post(house, "un", "deux")
    async with at_work(sender):
        while not (found := house.desk.execute(REFUSED).fetchone()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert found[0] <= math.ceil(time.time() + 3), "no longer than it asked for"
        # Neither a new message nor a bell lifts it, and nobody else waits for it.
        post(house, "trois")
        sender.posted.set()
        post(house, "à Bruno", chat_id=BRUNO)
        sender.posted.set()
        assert (await bruno.wait(timeout=30)).text == "à Bruno"
        await until_sent(house)
    assert came(api, "sendMessage")[0][0] == str(BRUNO)
    times = [at for chat, at in came(api, "sendMessage") if chat == str(CAMILLE)]
    assert times[0] - began >= 3
    assert said(camille) == ["un", "deux", "trois"]
    assert {row[0] for row in states(house)} == {"sent"}


async def test_what_telegram_asks_to_wait_is_waited_across_a_restart(
    house: House, sender: Sender, bot: Bot, api: BotApi, camille: Phone
) -> None:
    api.fail_next("sendMessage", "429", retry_after=60)
    post(house, "un")
    asked = int(time.time())
    await sender.deliver()
    await Sender(house, bot).deliver()
    assert said(camille) == []
    assert house.outbox.ready("chat", asked + 59) == []
    assert house.outbox.ready("chat", int(time.time()) + 61) == [str(CAMILLE)]


# Crashes


async def test_a_message_that_was_being_sent_at_a_crash_is_sent_again_and_marked(
    house: House, sender: Sender, bot: Bot, api: BotApi, camille: Phone, configured: Settings
) -> None:
    api.fail_next("sendMessage", "timeout_after")
    post(house, "un", "deux")
    task = asyncio.create_task(sender.deliver())
    await camille.wait(timeout=30)
    assert states(house) == [("sending", 0), ("queued", 0)]
    # What another process finds on disk is what a crash leaves.
    shutil.copytree(configured.data, configured.data.parent / "crashed")
    task.cancel()
    crashed = open_house(configured.model_copy(update={"data": configured.data.parent / "crashed"}))
    async with at_work(Sender(crashed, bot)):
        await until_sent(crashed)
    assert states(crashed) == [("sent", 1), ("sent", 0)]
    assert said(camille) == ["un", "un", "deux"]
    crashed.desk.close()
    crashed.context.telecom.close()


async def test_a_stop_lets_what_is_being_sent_end(house: House, sender: Sender, api: BotApi, camille: Phone) -> None:
    post(house, *(str(number) for number in range(10)))
    async with at_work(sender):
        await camille.wait(timeout=30)
    sent = said(camille)
    assert len(sent) < 10
    assert [row[0] for row in states(house)] == ["sent"] * len(sent) + ["queued"] * (10 - len(sent))


@pytest.mark.parametrize(
    ("fault", "uncertain"), [("disconnect_after", 1), ("truncated", 1), ("500", 0), ("502", 0), ("html", 0)]
)
async def test_a_copy_is_marked_where_the_answer_was_lost(
    house: House, sender: Sender, api: BotApi, camille: Phone, fault: str, uncertain: int
) -> None:
    api.fail_next("sendMessage", fault)  # type: ignore[arg-type]
    post(house, "un")
    await sender.deliver()
    assert states(house) == [("queued", uncertain)]


async def test_what_never_left_is_certain(house: House, camille: Phone, configured: Settings) -> None:
    nobody = replace(configured.telegram, api="http://127.0.0.1:9")
    post(house, "un")
    bot = make_bot(nobody)
    await Sender(house, bot).deliver()
    await bot.shutdown()
    assert states(house) == [("queued", 0)]


# Chats that are lost


async def test_a_chat_that_blocks_the_bot_is_left_alone_and_its_person_told_by_mail_once(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    rung: list[str] = []
    camille.block_bot()
    post(house, "un", "deux")
    await Sender(house, bot, lambda: rung.append("mail")).deliver()
    assert states(house) == [("failed", 0), ("failed", 0)]
    assert "deux" not in repr(list(house.desk.execute("SELECT payload FROM outbox WHERE channel = 'chat'")))
    assert len(came(api, "sendMessage")) == 1
    assert house.people.chats_of(TECHNICAL) == []
    assert house.people.by_chat(CAMILLE)
    ((to, subject, words),) = letters(house)
    assert to == "technique@telecom.example"
    assert subject == "Télécom Exemple : votre chat Telegram n'est plus joignable"
    assert "débloquer le robot" in words
    assert rung == ["mail"]

    post(house, "trois")
    await Sender(house, bot).deliver()
    lose_chat(house, CAMILLE, BLOCKED)
    assert len(letters(house)) == 1


async def test_notices_leave_a_dead_chat_out(house: House, camille: Phone) -> None:
    lose_chat(house, CAMILLE, BLOCKED)
    house.tell(TECHNICAL, [("lines", Answer("1 changement de ligne"))])
    assert states(house) == []


async def test_a_chat_that_comes_back_is_written_to_and_can_be_lost_again(
    house: House, sender: Sender, camille: Phone
) -> None:
    assert lose_chat(house, CAMILLE, BLOCKED)
    house.people.revive(CAMILLE)
    house.tell(TECHNICAL, [("lines", Answer("1 changement de ligne"))])
    await sender.deliver()
    assert said(camille) == ["1 changement de ligne"]
    assert lose_chat(house, CAMILLE, BLOCKED)
    assert len(letters(house)) == 2


async def test_a_chat_that_the_bot_never_met_is_lost_too(house: House, sender: Sender, camille: Phone) -> None:
    """As after a change of the token: the person never wrote to the new bot."""
    now = int(time.time())
    house.people.enrol(BRUNO, house.people.new_code(TECHNICAL, now), now)
    post(house, "un", chat_id=BRUNO)
    await sender.deliver()
    assert house.people.chats_of(TECHNICAL) == [CAMILLE]
    assert UNKNOWN in letters(house)[0][2]


async def test_a_group_that_the_bot_was_removed_from_is_nobody_s_loss(
    house: House, sender: Sender, api: BotApi, camille: Phone
) -> None:
    camille.in_group(api.group(GROUP, "Chantier")).block_bot()
    post(house, "un", "deux", chat_id=GROUP)
    await sender.deliver()
    assert [row[0] for row in states(house)] == ["failed", "failed"]
    assert letters(house) == []
    assert house.people.chats_of(TECHNICAL) == [CAMILLE]


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ("Forbidden: bot was blocked by the user", BLOCKED),
        ("Forbidden: user is deactivated", DEACTIVATED),
        ("Forbidden: bot was kicked from the supergroup chat", REMOVED),
        ("Forbidden: bot is not a member of the supergroup chat", REMOVED),
        ("Forbidden: bot can't initiate conversation with a user", UNKNOWN),
        ("Chat not found", UNKNOWN),
    ],
)
def test_the_reason_is_told_in_french(refusal: str, reason: str) -> None:
    assert reason_of(refusal) == reason


# Groups that move


async def test_a_group_that_moved_gets_what_waited_there_at_once(
    house: House, sender: Sender, api: BotApi, camille: Phone
) -> None:
    group = api.group(GROUP, "Chantier")
    old = camille.in_group(group)
    question = old.send("/aide")
    with house.desk.atomic():
        house.write_chat(GROUP, [Answer("avant")], question=question.message_id)
    await sender.deliver()
    house.inbox.await_next("files", f"chat:{GROUP}:{CAMILLE}", "upload logo", int(time.time()) + 60)
    house.inbox.add("chat", "1", f"chat:{GROUP}:{CAMILLE}", b"{}")
    house.inbox.add("chat", "2", f"chat:{GROUP}0", b"{}")  # another chat, whose number begins alike
    with house.desk.atomic():
        house.write_chat(GROUP, [Answer("un")], question=question.message_id, again=True)
        house.write_chat(GROUP, [Answer("deux")], question=question.message_id)
    there = camille.in_group(group.upgrade(SUPERGROUP, by=camille))
    await sender.deliver()

    assert said(there) == ["un", "deux"]
    assert said(old) == ["avant"]
    assert house.inbox.awaited("files", f"chat:{SUPERGROUP}:{CAMILLE}", int(time.time())) == "upload logo"
    assert [item.conversation for item in house.inbox.new()] == [f"chat:{SUPERGROUP}:{CAMILLE}", f"chat:{GROUP}0"]
    # Messages are numbered anew there: no old number may be taken for one of those.
    assert house.desk.execute("SELECT count(*) FROM replies WHERE chat_id = ?", (GROUP,)).fetchone() == (0,)


async def test_following_twice_changes_nothing(house: House) -> None:
    post(house, "un", chat_id=GROUP)
    for _ in range(2):
        follow(house, GROUP, SUPERGROUP)
    assert house.outbox.ready("chat", int(time.time())) == [str(SUPERGROUP)]


async def test_a_bound_chat_that_moves_stays_bound(house: House) -> None:
    now = int(time.time())
    house.people.enrol(GROUP, house.people.new_code(TECHNICAL, now), now)
    follow(house, GROUP, SUPERGROUP)
    assert house.people.chats_of(TECHNICAL) == [SUPERGROUP]


# « … écrit »


async def test_a_quick_answer_is_announced_by_nothing(bot: Bot, api: BotApi, camille: Phone) -> None:
    async with typing(bot, CAMILLE):
        await asyncio.sleep(0.2)
    await asyncio.sleep(0.4)
    assert came(api, "sendChatAction") == []


async def test_a_slow_answer_is_announced_and_again_as_long_as_it_takes(
    bot: Bot, api: BotApi, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.typing.EVERY", 0.3)
    began = time.monotonic()
    async with asyncio.timeout(30), typing(bot, CAMILLE):
        while len(came(api, "sendChatAction")) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        showing = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "_show"]  # type: ignore[union-attr]
    times = [at for _, at in came(api, "sendChatAction")]
    assert times[0] - began >= 0.4 - 0.001
    assert all(later - at >= 0.3 - 0.001 for at, later in itertools.pairwise(times))
    # One call may be under way. Who makes them has ended: no more can come.
    assert len(showing) == 1
    await asyncio.wait(showing, timeout=30)
    assert showing[0].cancelled()


async def test_a_failure_to_announce_disturbs_nothing(
    bot: Bot, api: BotApi, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.typing.EVERY", 0.05)
    api.fail_next("sendChatAction", "502")
    camille.block_bot()
    async with asyncio.timeout(30), typing(bot, CAMILLE):
        # It failed, was refused, and is tried all the same.
        while len(came(api, "sendChatAction")) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert api.faults_left == 0
    assert {it.status for it in api.calls if it.call.method == "sendChatAction"} == {403}
    with pytest.raises(ZeroDivisionError):
        async with typing(bot, CAMILLE):
            raise ZeroDivisionError


def test_the_words_of_a_button_are_kept_in_the_outbox(house: House) -> None:
    (message,) = draw([Answer("x", buttons=(Button("Conso", "conso 0639980001"),))])
    assert html.unescape(Message.restored(message.payload(), None).buttons[0][0][1]) == "conso 0639980001"

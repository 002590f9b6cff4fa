"""Hostile chats: strangers who guess, buttons that were never ours, a webhook that anybody can call, floods."""

import asyncio
import inspect
import json
import shutil
import time
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk.audit import MOST_AN_HOUR
from bot.desk.inbox import MOST_STRANGERS
from bot.desk.people import CODE_LIFE, MOST_FAILURES, MOST_TOLD, TECHNICAL
from bot.house import House
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram import webhook
from bot.telegram.drawing import draw
from bot.telegram.webhook import MOST_BYTES, secret_of
from core.settings import Settings, TelegramAccess
from handlers.answer import Answer, Button, Table
from tests.bot.conftest import CAMILLE
from tests.bot.talking import NUMBER, TRUSTED, answer, clerk_at_work, fetch, said, settle
from tests.bot.test_webhook import call, listening, update
from tests.handlers.filled import settings
from tests.peers.programs import free_port

STRANGER = 4200002
PRIVATE = ["Ce robot est privé."]
TOKEN = "123456789:an-invented_token"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


@pytest.fixture
def stranger(api: BotApi) -> Phone:
    return api.phone(STRANGER, "Inconnu")


def code(house: House, at: int = 0) -> str:
    with house.desk.atomic():
        return house.people.new_code(TECHNICAL, at or int(time.time()))


def audit(house: House) -> list[tuple[str, str]]:
    return list(house.desk.execute("SELECT command, outcome FROM audit WHERE door = 'chat' ORDER BY id"))


def press(api: BotApi, phone: Phone, data: str, chat_id: int = 0) -> None:
    """A button is touched that nobody ever showed."""
    chat = {"id": chat_id or phone.chat_id, "type": "private", "first_name": "x"}
    shown = phone.messages[-1].message_id if phone.messages else 1
    message = {"message_id": shown, "date": 0, "chat": chat, "text": "x"}
    query = {"id": "1", "from": phone.user.as_json(), "chat_instance": "1", "data": data, "message": message}
    phone._world.add_update("callback_query", query)


# -- deep links


async def test_a_link_that_was_used_lets_nobody_else_in(house: House, bot: Bot, api: BotApi, stranger: Phone) -> None:
    used = code(house)
    first = api.phone(CAMILLE, "Camille")
    first.send(f"/start {used}")
    await answer(house, bot)
    stranger.send(f"/start {used}")
    await answer(house, bot)
    assert said(stranger) == PRIVATE
    assert house.people.by_chat(STRANGER) is None
    assert house.people.by_chat(CAMILLE)


async def test_a_link_that_is_too_old_lets_nobody_in(house: House, bot: Bot, stranger: Phone) -> None:
    stranger.send(f"/start {code(house, int(time.time()) - CODE_LIFE - 1)}")
    await answer(house, bot)
    assert (said(stranger), house.people.by_chat(STRANGER)) == (PRIVATE, None)


async def test_who_guesses_codes_is_not_listened_to_even_with_the_right_one(
    house: House, bot: Bot, stranger: Phone
) -> None:
    right = code(house)
    for number in range(MOST_FAILURES):
        stranger.send(f"/start guess-{number}")
    stranger.send(f"/start {right}")
    await answer(house, bot)
    assert (said(stranger), house.people.by_chat(STRANGER)) == (PRIVATE, None)


async def test_a_code_is_kept_nowhere_as_it_is(house: House, bot: Bot, stranger: Phone) -> None:
    right = code(house)
    stranger.send(f"/start {right}")
    await answer(house, bot)
    house.desk.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = "".join(str(row) for table in house.desk.table_names() for row in house.desk[table].rows)
    assert right not in kept


@pytest.mark.parametrize("written", ["' OR 1=1 --", "%", "_" * 22, "\0", "a" * 4000, "../../x", "{}", "*"])
async def test_words_that_are_no_code_let_nobody_in(house: House, bot: Bot, stranger: Phone, written: str) -> None:
    code(house)
    stranger.send(f"/start {written}")
    await answer(house, bot)
    assert house.people.by_chat(STRANGER) is None


# -- strangers


@pytest.mark.parametrize("text", [f"/status {NUMBER}", NUMBER, "/puk", "/aide", "/inviter", "status", "/start"])
async def test_a_stranger_learns_nothing_whatever_he_asks(house: House, bot: Bot, stranger: Phone, text: str) -> None:
    stranger.send(text)
    await answer(house, bot)
    assert said(stranger) == PRIVATE


async def test_a_stranger_s_button_runs_nothing(house: House, bot: Bot, api: BotApi, stranger: Phone) -> None:
    stranger.send("bonjour")
    await answer(house, bot)
    press(api, stranger, f"status {NUMBER}")
    await answer(house, bot)
    assert said(stranger) == PRIVATE
    assert not any(outcome == "answered" for _, outcome in audit(house))


async def test_a_hundred_strangers_are_not_all_answered(house: House, bot: Bot, api: BotApi) -> None:
    for number in range(3 * MOST_TOLD):
        api.phone(7_000_000 + number, "Inconnu").send("bonjour")
    await fetch(house, bot)
    async with clerk_at_work(house, bot):
        await settle(house)
    (waiting,) = house.desk.execute("SELECT count(*) FROM outbox WHERE channel = 'chat'").fetchone()
    assert waiting == MOST_TOLD


async def test_a_stranger_fills_no_audit(house: House, bot: Bot, stranger: Phone) -> None:
    for number in range(MOST_AN_HOUR + 10):
        stranger.send(f"bonjour {number}")
    await answer(house, bot)
    rows = list(house.desk.execute("SELECT why FROM audit WHERE person = ?", (f"chat {STRANGER}",)))
    assert len(rows) == MOST_AN_HOUR
    assert rows[-1] == ("la suite de l'heure n'est pas notée",)


# -- buttons


@pytest.mark.parametrize(
    "data",
    ["!guess", "!", "*guess", "#1", "inviter a@b.fr Dupont technique", "x" * 64, "\0", "retirer technique", "'; --"],
)
async def test_a_button_that_we_never_showed_changes_nothing(
    house: House, bot: Bot, api: BotApi, camille: Phone, data: str
) -> None:
    people = list(house.desk.execute("SELECT * FROM people ORDER BY id"))
    press(api, camille, data)
    await answer(house, bot)
    assert list(house.desk.execute("SELECT * FROM people ORDER BY id")) == people
    assert not any(outcome == "answered" and command for command, outcome in audit(house))


async def _puk_button(house: House, bot: Bot, camille: Phone) -> str:
    camille.send(f"/puk {NUMBER}")
    await answer(house, bot)
    (asked,) = camille.messages
    ((button,),) = asked.buttons
    assert "!" in button.callback_data
    return button.callback_data


def codes_shown(phone: Phone) -> int:
    return sum("<tg-spoiler>" in message.html and not message.deleted for message in phone.messages)


async def test_a_confirmation_of_one_chat_confirms_nothing_in_another(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    now = int(time.time())
    house.people.enrol(STRANGER, house.people.new_code(TECHNICAL, now), now)
    other = api.phone(STRANGER, "Camille", started=True)
    press(api, other, await _puk_button(house, bot, camille))
    await answer(house, bot)
    assert codes_shown(other) == 0


async def test_a_confirmation_works_once(house: House, bot: Bot, api: BotApi, camille: Phone) -> None:
    data = await _puk_button(house, bot, camille)
    press(api, camille, data)
    press(api, camille, data)
    await answer(house, bot)
    assert codes_shown(camille) == 1


async def test_a_confirmation_that_is_too_old_shows_no_code(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    data = await _puk_button(house, bot, camille)
    house.desk.execute("UPDATE confirmations SET until = 1")
    house.desk.conn.commit()
    press(api, camille, data)
    await answer(house, bot)
    assert codes_shown(camille) == 0


async def test_the_button_of_who_lost_his_rights_shows_no_code(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    data = await _puk_button(house, bot, camille)
    house.desk.execute("UPDATE people SET revoked_at = 1, roles = '[]' WHERE id = ?", (TECHNICAL,))
    house.desk.conn.commit()
    press(api, camille, data)
    await answer(house, bot)
    assert codes_shown(camille) == 0


async def test_a_message_that_names_another_bot_is_not_for_us(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    group = {"id": -500, "type": "group", "title": "Équipe"}
    _say(camille, chat=group, text=f"/status@another_bot {NUMBER}")
    _say(camille, chat=group, text=f"/status@{bot.username}x {NUMBER}")
    await answer(house, bot)
    assert audit(house) == []


# -- what the Bot API says


async def test_a_file_whose_size_is_a_lie_is_refused_before_it_is_fetched(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    document = {"file_id": "x", "file_unique_id": "x", "file_name": "logo.png", "file_size": 2**40}
    _say(camille, document=document)
    await answer(house, bot)
    assert "20 Mo" in said(camille)[-1]
    assert not [made for made in api.calls if made.call.method.lower() == "getfile"]


def _say(phone: Phone, **content: object) -> None:
    chat = {"id": phone.chat_id, "type": "private", "first_name": "Camille"}
    message = {"message_id": 900, "date": 0, "chat": chat, "from": phone.user.as_json(), **content}
    phone._world.add_update("message", message)


async def test_a_file_s_name_leads_nowhere(house: House, bot: Bot, camille: Phone, configured: Settings) -> None:
    before = {path for path in Path(configured.data).parent.rglob("*") if path.is_file()}
    camille.send_file("../../../evil.csv", b"RIO;Num\xc3\xa9ro\n01E4K7P2QEM3;0639980001\n", caption="/rio")
    await answer(house, bot)
    new = {path for path in Path(configured.data).parent.rglob("*") if path.is_file()} - before
    assert not any("evil" in path.name for path in new)
    assert all("/" not in message.document.name for message in camille.messages if message.document)


@pytest.mark.parametrize(
    "content",
    [
        {"message": {"chat": {"id": "x"}}},
        {"message": []},
        {"message": {"chat": {"id": 1, "type": "private"}, "from": None, "text": 5, "message_id": 1}},
        {"callback_query": {"from": {"id": CAMILLE}, "data": 7}},
        {"my_chat_member": {"chat": {}}},
        {"message": {"message_id": 1, "migrate_to_chat_id": "x", "chat": {"id": CAMILLE, "type": "group"}}},
        {"edited_message": {"x": "y" * 100_000}},
    ],
    ids=lambda content: next(iter(content)),
)
async def test_an_update_of_another_shape_stops_nobody(
    house: House, bot: Bot, camille: Phone, content: dict[str, object]
) -> None:
    from bot.telegram.updates import conversation_of, is_of_stranger

    raw = {"update_id": 99_999, **content}
    conversation = conversation_of(raw)
    stranger = is_of_stranger(house.desk, conversation)
    house.inbox.add("chat", "99999", conversation, json.dumps(raw).encode(), stranger=stranger)
    camille.send("/aide")
    await fetch(house, bot)
    async with clerk_at_work(house, bot), asyncio.timeout(30):
        while not house.desk.execute("SELECT 1 FROM audit WHERE command = 'aide'").fetchone():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# -- what is drawn


def test_no_text_from_outside_is_html_in_a_chat() -> None:
    hostile = "<b>x</b><script>&lt;</code></b><a href='tg://user?id=1'>x</a>" + NUMBER
    answered = Answer(hostile, (hostile,), Table(("a", "b"), ((hostile, hostile),)), freshness=hostile)
    for message in draw([answered]):
        assert "<script" not in message.html
        assert "<a " not in message.html


def test_a_text_cut_in_two_breaks_no_tag() -> None:
    from bot.telegram.drawing import MOST_SIGNS, TAG

    for message in draw([Answer("<&>" * 5000, ("&amp;" * 3000, "x" * 10_000))]):
        assert len(message.html) <= MOST_SIGNS
        assert "<" not in TAG.sub("", message.html)
        assert all(piece.partition(";")[1] for piece in message.html.split("&")[1:])


def test_a_button_holds_no_more_than_telegram_keeps(house: House) -> None:
    house.write_chat(CAMILLE, [Answer("x", buttons=(Button("é" * 500, "status " + "é" * 5000),))])
    (payload,) = house.desk.execute("SELECT payload FROM outbox").fetchone()
    assert all(len(data.encode()) <= 64 for row in json.loads(payload)["buttons"] for _, data in row)


# -- the webhook


@pytest.fixture
def access(api: BotApi) -> TelegramAccess:
    port = free_port()
    return TelegramAccess(TOKEN, api.url, f"http://127.0.0.1:{port}/telegram", ("127.0.0.1", port))


@pytest.mark.parametrize("secret", ["none", "", "x", secret_of(TOKEN)[:-1], secret_of("1:other"), "A" * 4000])
async def test_a_webhook_call_without_the_secret_is_refused(
    house: House, bot: Bot, access: TelegramAccess, secret: str
) -> None:
    async with listening(bot, access, house.desk) as door:
        assert await call(access, update(), secret=secret) == 403
        assert door.texts() == []


def test_the_secret_is_compared_in_constant_time() -> None:
    source = inspect.getsource(webhook._Door.open)
    assert "hmac.compare_digest" in source
    assert "==" not in source.split("compare_digest")[1].split("raise")[0]


async def test_a_webhook_body_without_end_is_refused(house: House, bot: Bot, access: TelegramAccess) -> None:
    async with listening(bot, access, house.desk) as door:
        assert await call(access, b"x" * (MOST_BYTES + 1), secret=secret_of(TOKEN)) == 413
        assert door.texts() == []


@pytest.mark.parametrize(
    "content",
    [b"[" * 500_000, b'{"update_id": 1e999}', b'{"update_id": [1]}', b"\xff\xfe", b"1"],
    ids=["deep", "endless", "list", "bytes", "number"],
)
async def test_a_webhook_body_made_to_break_the_reader_is_refused(
    house: House, bot: Bot, access: TelegramAccess, content: bytes
) -> None:
    async with listening(bot, access, house.desk) as door:
        assert await call(access, content, secret=secret_of(TOKEN)) == 400
        assert await call(access, update(2), secret=secret_of(TOKEN)) == 200
        assert len(door.texts()) == 1


# -- floods


def flood(house: House, count: int, stranger: bool = True, size: int = 1000) -> None:
    for number in range(count):
        house.inbox.add("chat", f"f{number}", f"chat:{7_000_000 + number}", b"x" * size, stranger=stranger)


def test_what_waits_is_not_read_into_memory(house: House) -> None:
    flood(house, 1000, size=100_000)
    waiting = house.inbox.new()
    assert len(waiting) == MOST_STRANGERS
    assert all(item.payload == b"" for item in waiting)


def test_who_is_known_comes_before_all_strangers(house: House) -> None:
    flood(house, 200)
    house.inbox.add("chat", "known", f"chat:{CAMILLE}", b"x")
    assert house.inbox.new()[0].conversation == f"chat:{CAMILLE}"


def test_one_stranger_s_thousand_messages_keep_no_other_waiting_for_ever(house: House) -> None:
    for number in range(1000):
        house.inbox.add("chat", f"f{number}", "chat:7", b"x", stranger=True)
    house.inbox.add("chat", "other", "chat:8", b"x", stranger=True)
    assert [item.conversation for item in house.inbox.new()] == ["chat:7"]
    assert [item.conversation for item in house.inbox.new({"chat:7"})] == ["chat:8"]


def test_what_somebody_wrote_before_he_was_known_keeps_its_order(house: House) -> None:
    house.inbox.add("chat", "1", "chat:9", b"first", stranger=True)
    house.inbox.add("chat", "2", "chat:9", b"second")
    (first,) = house.inbox.new()
    assert house.inbox.taken(first).payload == b"first"


async def test_a_known_person_is_answered_while_strangers_wait(
    house: House, bot: Bot, api: BotApi, camille: Phone
) -> None:
    for number in range(90):
        api.phone(7_000_000 + number, "Inconnu").send(f"/status {NUMBER}")
    camille.send(f"/status {NUMBER}")
    await fetch(house, bot)
    async with clerk_at_work(house, bot), asyncio.timeout(30):
        while not house.desk.execute("SELECT 1 FROM audit WHERE command = 'status'").fetchone():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        (waiting,) = house.desk.execute("SELECT count(*) FROM inbox WHERE state = 'new'").fetchone()
    assert waiting > 45

"""The webhook: only Telegram is let in, and is told that an update is ours once it is on disk."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlite_utils import Database
from telegram import Bot

from bot.desk import FILE_NAME, open_desk
from bot.desk.inbox import Inbox
from bot.doctor import examine
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram import webhook
from bot.telegram.client import make_bot
from bot.telegram.updates import ReceivingError
from bot.telegram.webhook import HEADER, MOST_BYTES, secret_of
from core.settings import TelegramAccess
from tests.handlers.filled import settings
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.programs import free_port
from tests.peers.service import TOKEN, Service, env_of

CAMILLE = 7001


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Database]:
    db = open_desk(tmp_path)
    yield db
    db.close()


@pytest_asyncio.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi(TOKEN) as api:
        yield api


@pytest.fixture
def access(api: BotApi) -> TelegramAccess:
    port = free_port()
    return TelegramAccess(TOKEN, api.url, f"http://127.0.0.1:{port}/telegram", ("127.0.0.1", port))


@pytest_asyncio.fixture
async def bot(access: TelegramAccess) -> AsyncIterator[Bot]:
    async with make_bot(access) as bot:
        yield bot


@pytest.fixture
def camille(api: BotApi) -> Phone:
    return api.phone(CAMILLE, "Camille", started=True)


@dataclass
class Listening:
    """A webhook that is at work; `arrived` counts, `found` are the faults that it told."""

    desk: Database
    arrived: int = 0
    found: list[str] = field(default_factory=list)

    def texts(self) -> list[str]:
        rows = self.desk.execute("SELECT payload FROM inbox ORDER BY id")
        return [json.loads(payload)["message"]["text"] for (payload,) in rows]

    async def until_written(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.texts()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def bell(self) -> None:
        self.arrived += 1


@asynccontextmanager
async def listening(bot: Bot, access: TelegramAccess, desk: Database, check: float = 60) -> AsyncIterator[Listening]:
    state = Listening(desk)
    task = asyncio.create_task(webhook.receive(bot, access, desk, state.bell, state.found.append, check))
    try:
        async with asyncio.timeout(10):
            while not state.found and not task.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield state
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest_asyncio.fixture
async def open_door(bot: Bot, access: TelegramAccess, desk: Database) -> AsyncIterator[Listening]:
    async with listening(bot, access, desk) as state:
        yield state


def update(number: int = 1, text: str = "/aide") -> dict[str, object]:
    chat = {"id": CAMILLE, "type": "private", "first_name": "Camille"}
    message = {"message_id": 1, "date": 0, "chat": chat, "from": {**chat, "is_bot": False}, "text": text}
    return {"update_id": number, "message": message}


async def call(
    access: TelegramAccess, content: bytes | dict[str, object], *, secret: str | None = None, path: str = ""
) -> int:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    url = access.webhook.replace("/telegram", path) if path else access.webhook
    headers = {HEADER: secret_of(TOKEN) if secret is None else secret} if secret != "none" else {}
    async with httpx.AsyncClient() as client:
        return (await client.post(url, content=body, headers=headers)).status_code


# Who is let in


async def test_an_update_with_the_secret_is_written_down(open_door: Listening, access: TelegramAccess) -> None:
    assert await call(access, update(text="/aide")) == 200
    assert open_door.texts() == ["/aide"]
    assert open_door.arrived == 1
    assert [item.conversation for item in Inbox(open_door.desk).new()] == [f"chat:{CAMILLE}"]


@pytest.mark.parametrize("secret", ["none", "", "x", "é", secret_of(TOKEN)[:-1], secret_of("123456789:another-token")])
async def test_who_does_not_know_the_secret_is_refused(
    open_door: Listening, access: TelegramAccess, secret: str
) -> None:
    url, content = access.webhook, json.dumps(update()).encode()
    headers = {HEADER.encode(): secret.encode()} if secret != "none" else {}
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, content=content, headers=headers)
    assert answer.status_code == 403
    assert open_door.texts() == []


def test_the_secret_tells_nothing_of_the_token() -> None:
    assert len(secret_of(TOKEN)) == 64
    assert TOKEN.partition(":")[2] not in secret_of(TOKEN)
    assert secret_of(TOKEN) == secret_of(TOKEN)


async def test_another_path_is_nobody_s(open_door: Listening, access: TelegramAccess) -> None:
    for path in ("/", "/telegram/", "/telegram/x", "/Telegram"):
        assert await call(access, update(), path=path) == 404
    async with httpx.AsyncClient() as client:
        assert (await client.get(access.webhook)).status_code == 405
    assert open_door.texts() == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b'"x"', b"{}", b'{"update_id": "x"}', b'{"update_id": null}', b"\xff\xfe"]
)
async def test_what_is_no_update_is_refused(open_door: Listening, access: TelegramAccess, content: bytes) -> None:
    assert await call(access, content) == 400
    assert await call(access, update()) == 200


async def test_what_is_too_large_is_refused(open_door: Listening, access: TelegramAccess) -> None:
    assert await call(access, b" " * (MOST_BYTES + 1)) == 413
    assert await call(access, update(text="x" * 4096)) == 200


async def test_what_does_not_come_to_its_end_is_dropped(
    open_door: Listening, access: TelegramAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.webhook.PATIENCE", 0.2)
    reader, writer = await asyncio.open_connection(*access.listen)
    head = f"POST /telegram HTTP/1.1\r\nHost: x\r\n{HEADER}: {secret_of(TOKEN)}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b'{"update_id"')
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 408")
    writer.close()
    assert open_door.texts() == []


# Once, in order, on disk before it is acknowledged


async def test_an_update_that_comes_twice_is_one(open_door: Listening, access: TelegramAccess) -> None:
    for _ in range(2):
        assert await call(access, update()) == 200
    assert open_door.texts() == ["/aide"]


async def test_an_update_is_on_disk_when_it_is_acknowledged(
    open_door: Listening, access: TelegramAccess, tmp_path: Path
) -> None:
    assert await call(access, update()) == 200
    other = Database(tmp_path / FILE_NAME)
    assert other.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
    other.close()


async def test_an_update_that_cannot_be_written_down_is_not_acknowledged(
    open_door: Listening, access: TelegramAccess, api: BotApi, camille: Phone
) -> None:
    open_door.desk.execute("ALTER TABLE inbox RENAME TO away")
    assert await call(access, update()) == 500
    camille.send("un")
    await asyncio.sleep(0.3)
    open_door.desk.execute("ALTER TABLE away RENAME TO inbox")
    await open_door.until_written(1)
    assert open_door.texts() == ["un"]


async def test_what_is_said_comes_in_its_order(
    open_door: Listening, api: BotApi, camille: Phone, bot: Bot, access: TelegramAccess
) -> None:
    texts = [str(number) for number in range(30)]
    for text in texts:
        camille.send(text)
    await open_door.until_written(30)
    assert open_door.texts() == texts
    info = await bot.get_webhook_info()
    assert (info.url, info.max_connections, info.pending_update_count) == (access.webhook, 1, 0)
    assert info.allowed_updates is not None
    assert set(info.allowed_updates) == {"message", "edited_message", "callback_query", "my_chat_member"}


# Coming and going


async def test_what_waited_at_telegram_is_brought_and_what_comes_after_the_end_waits_there(
    bot: Bot, access: TelegramAccess, desk: Database, api: BotApi, camille: Phone
) -> None:
    camille.send("avant")
    async with listening(bot, access, desk) as state:
        await state.until_written(1)
    camille.send("après")
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("", 1)
    (left,) = await bot.get_updates()
    assert left.message
    assert left.message.text == "après"
    assert state.texts() == ["avant"]


async def test_an_address_that_somebody_else_set_is_set_right(
    bot: Bot, access: TelegramAccess, desk: Database, camille: Phone
) -> None:
    async with listening(bot, access, desk, check=0.1) as state:
        await bot.set_webhook("https://example.org/other")
        camille.send("un")
        await state.until_written(1)


async def test_what_telegram_cannot_deliver_is_told(
    bot: Bot, access: TelegramAccess, desk: Database, camille: Phone
) -> None:
    async with listening(bot, access, desk, check=0.1) as state:
        desk.execute("ALTER TABLE inbox RENAME TO away")
        camille.send("un")
        async with asyncio.timeout(10):
            while not state.found[-1]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert "n'arrive pas à livrer" in state.found[-1]
        assert "500 Internal Server Error" in state.found[-1]
        desk.execute("ALTER TABLE away RENAME TO inbox")
        async with asyncio.timeout(10):
            while state.found[-1]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert state.texts() == ["un"]


async def test_a_port_that_is_taken_is_said(bot: Bot, access: TelegramAccess, desk: Database) -> None:
    with socket.create_server(access.listen), pytest.raises(ReceivingError, match="ORIGYNE_TELEGRAM_LISTEN"):
        await webhook.receive(bot, access, desk, lambda: None, lambda _: None)


async def test_an_address_that_telegram_refuses_is_said(bot: Bot, access: TelegramAccess, desk: Database) -> None:
    other = TelegramAccess(TOKEN, access.api, "http://192.0.2.1/telegram", access.listen)
    with pytest.raises(ReceivingError, match="ORIGYNE_TELEGRAM_WEBHOOK"):
        await webhook.receive(bot, other, desk, lambda: None, lambda _: None)


# The doctor


async def verdict(tmp_path: Path, api: BotApi, **others: object) -> tuple[str, str]:
    given = settings(tmp_path / "data", telegram_api=api.url, telegram_token=TOKEN, **others)
    (found,) = [finding async for finding in examine(given) if finding.subject == "Telegram"]
    return found.level, found.text


async def test_the_doctor_finds_a_webhook_that_works(
    open_door: Listening, api: BotApi, access: TelegramAccess, tmp_path: Path
) -> None:
    found = await verdict(tmp_path, api, telegram_webhook=access.webhook)
    assert found == ("ok", f"robot @origyne_demo_bot, webhook {access.webhook}")


async def test_the_doctor_finds_a_webhook_of_another_program(api: BotApi, bot: Bot, tmp_path: Path) -> None:
    await bot.set_webhook("https://example.org/other")
    level, text = await verdict(tmp_path, api)
    assert (level, "un autre programme" in text) == ("warning", True)


async def test_the_doctor_says_why_telegram_cannot_deliver(
    api: BotApi, bot: Bot, access: TelegramAccess, camille: Phone, tmp_path: Path
) -> None:
    await bot.set_webhook(access.webhook)  # where nobody listens
    camille.send("un")
    async with asyncio.timeout(5):
        while not (await bot.get_webhook_info()).last_error_message:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    level, text = await verdict(tmp_path, api, telegram_webhook=access.webhook)
    assert level == "fault"
    assert "Connection refused" in text


# The whole service


async def test_the_service_answers_through_its_webhook_and_takes_it_away_when_it_stops(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    port = free_port()
    async with BotApi(TOKEN) as api:
        env = env_of(embedded_ftp, embedded_mail, api) | {
            "ORIGYNE_TELEGRAM_WEBHOOK": f"http://127.0.0.1:{port}/telegram",
            "ORIGYNE_TELEGRAM_LISTEN": f"127.0.0.1:{port}",
        }
        service = Service(tmp_path, env)
        phone = api.phone(CAMILLE, "Camille")
        service.start()
        try:
            assert (await phone.ask("bonjour", timeout=60)).text == "Ce robot est privé."
            doctor = await asyncio.to_thread(service.run, "doctor")
            assert f"webhook http://127.0.0.1:{port}/telegram" in doctor.stdout
        finally:
            assert await asyncio.to_thread(service.stop) == 0
        assert not [answered for answered in api.calls if answered.call.method == "getUpdates"]
        async with make_bot(TelegramAccess(TOKEN, api.url)) as bot:
            assert (await bot.get_webhook_info()).url == ""

        # Back to polling, with what was said meanwhile.
        other = api.phone(7002, "Bruno")
        other.send("bonjour")
        polling = Service(tmp_path, env_of(embedded_ftp, embedded_mail, api))
        polling.start()
        try:
            assert (await other.wait(timeout=60)).text == "Ce robot est privé."
        finally:
            await asyncio.to_thread(polling.stop)
        assert TOKEN not in service.words
        assert secret_of(TOKEN) not in service.words


async def test_a_webhook_that_a_killed_service_left_is_taken_away_by_one_that_polls(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    port = free_port()
    async with BotApi(TOKEN) as api:
        env = env_of(embedded_ftp, embedded_mail, api)
        address = f"http://127.0.0.1:{port}/telegram"
        hooked = {"ORIGYNE_TELEGRAM_WEBHOOK": address, "ORIGYNE_TELEGRAM_LISTEN": f"127.0.0.1:{port}"}
        service = Service(tmp_path, env | hooked)
        phone = api.phone(CAMILLE, "Camille")
        service.start()
        await phone.ask("bonjour", timeout=60)
        await asyncio.to_thread(service.kill)
        other = api.phone(7002, "Bruno")
        other.send("bonjour")
        polling = Service(tmp_path, env)
        polling.start()
        try:
            assert (await other.wait(timeout=60)).text == "Ce robot est privé."
        finally:
            await asyncio.to_thread(polling.stop)

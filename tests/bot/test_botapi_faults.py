"""A Bot API server that does one thing wrong: what is told, what is sent again, and that nothing is lost or doubled."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from telegram import Bot
from telegram.error import Conflict

from bot.desk.inbox import Inbox
from bot.house import House
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram.client import make_bot
from bot.telegram.poller import poll
from bot.telegram.sender import Sender
from core.settings import Settings, TelegramAccess
from tests.bot.test_chat_service import PATIENCE, answer_to, enrolled, mail_to_technique
from tests.bot.test_sender import at_work, post, said, states, until_sent
from tests.handlers.filled import settings, small_operator
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.misbehaving import ALWAYS, HOST, OddFtp
from tests.peers.misbehaving.ftp import PASSWORD
from tests.peers.misbehaving.marks import each
from tests.peers.service import TOKEN, Service, env_of


@pytest.fixture
def configured(tmp_path: Path, api: BotApi) -> Settings:
    return settings(tmp_path / "data", telegram_api=api.url)


@pytest_asyncio.fixture
async def bot(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Bot]:
    """Where no answer ever comes, it waits for one as long as a test can bear; else a machine that stalls is no fault
    of Telegram's."""
    if any(mark.args[0].startswith("timeout") for mark in request.node.iter_markers("fault")):
        monkeypatch.setattr("bot.telegram.client._ANSWER", 1.5)
    async with make_bot(configured.telegram) as bot:
        yield bot


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.desk.outbox.CHAT_DELAYS", (0.1,) * 9)
    monkeypatch.setattr("bot.desk.outbox.CHAT_DOUBT", (0.1,) * 9)
    monkeypatch.setattr("bot.telegram.sender.TOKEN_WAIT", 0.1)


#: What happens to a message at which the server fails twice: how often it comes, and whether it is marked doubtful.
OUTCOMES = {
    "401": (1, 0),
    "429": (1, 0),
    "500": (1, 0),
    "502": (1, 0),
    "html": (1, 0),
    "timeout": (1, 1),
    "timeout_after": (3, 1),
    "disconnect": (1, 1),
    "disconnect_after": (3, 1),
    "truncated": (3, 1),
}


@pytest.mark.parametrize("fault", each(*OUTCOMES, times=2))
async def test_a_message_comes_through_once_and_is_marked_wherever_its_answer_was_lost(
    house: House, bot: Bot, camille: Phone, soon: None, fault: str
) -> None:
    copies, doubtful = OUTCOMES[fault]
    post(house, "un", "deux")
    async with at_work(Sender(house, bot)):
        await until_sent(house)
    assert said(camille) == ["un"] * copies + ["deux"]
    assert states(house) == [("sent", doubtful), ("sent", 0)]


@pytest.mark.fault("slow", after=0.7)
async def test_an_answer_that_is_slow_is_waited_for_and_sends_no_second_copy(
    house: House, bot: Bot, camille: Phone, soon: None
) -> None:
    post(house, "un", "deux")
    async with at_work(Sender(house, bot)):
        await until_sent(house)
    assert said(camille) == ["un", "deux"]
    assert states(house) == [("sent", 0), ("sent", 0)]


@pytest.mark.fault("401", times=ALWAYS)
async def test_a_refused_token_gives_no_message_up_however_long_it_lasts(
    house: House, bot: Bot, api: BotApi, camille: Phone, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.sender.TOKEN_WAIT", 0.0)
    sender = Sender(house, bot)
    post(house, "un")
    for _ in range(15):  # more often than what fails is tried
        (parcel,) = house.outbox.due("chat", 10**10)
        await sender.send(parcel)
    assert house.desk.execute("SELECT state, tries, uncertain FROM outbox").fetchall() == [("queued", 0, 0)]
    api.heal()
    async with at_work(sender):
        await until_sent(house)
    assert said(camille) == ["un"]


#: How polling goes through a fault that hits twice: what is told, in French.
POLLING = {
    "429": "Telegram demande d'attendre",
    "500": "Telegram n'est pas joignable",
    "502": "Telegram n'est pas joignable",
    "html": "Telegram n'est pas joignable",
    "disconnect": "Telegram n'est pas joignable",
    "disconnect_after": "Telegram n'est pas joignable",
    "truncated": "Telegram n'est pas joignable",
}


@pytest.mark.parametrize("fault", each(*POLLING, method="getUpdates"))
async def test_an_update_is_written_down_once_through_a_poll_that_fails(
    house: House, bot: Bot, camille: Phone, fault: str
) -> None:
    arrived = asyncio.Event()
    told: list[str] = []
    camille.send("/aide")
    polling = asyncio.create_task(poll(bot, house.desk, arrived.set, told.append))
    try:
        async with asyncio.timeout(20):
            await arrived.wait()
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
    assert POLLING[fault] in told[0]
    assert told[-1] == ""
    assert len(Inbox(house.desk).new()) == 1


@pytest.mark.fault("409", method="getUpdates")
async def test_a_poll_that_a_crash_left_open_is_waited_out(
    house: House, bot: Bot, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.telegram.poller.OWN_POLL", 0.2)
    arrived = asyncio.Event()
    told: list[str] = []
    camille.send("/aide")
    polling = asyncio.create_task(poll(bot, house.desk, arrived.set, told.append))
    try:
        async with asyncio.timeout(20):
            await arrived.wait()
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
    assert ["un autre programme" in told[0], told[1:]] == [True, [""]]


# -- The whole service


class HastyService(Service):
    program = ("tests.peers.hasty_service",)


def one_status(root: Path, scratch: Path) -> None:
    """The state of some lines, and nothing else that would have to be read."""
    small_operator(scratch)
    status = max(scratch.glob("AccountStatus/*.csv"))
    (root / "AccountStatus").mkdir()
    shutil.copy(status, root / "AccountStatus" / status.name)


async def test_a_refused_token_is_told_by_mail_and_what_was_said_meanwhile_is_answered_once(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    one_status(embedded_ftp.root, tmp_path / "operator")
    async with BotApi(TOKEN) as api:
        service = HastyService(tmp_path, env_of(embedded_ftp, embedded_mail, api))
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await mail_to_technique(embedded_mail, "remière lecture")
            api.fail_next("*", "401", times=ALWAYS)
            words = await mail_to_technique(embedded_mail, "Le robot Telegram ne r")
            assert "Telegram refuse le jeton : le vérifier dans ORIGYNE_TELEGRAM_TOKEN" in " ".join(words.split())
            assert ALWAYS - api.faults_left < 200  # no loop that spins
            phone.send("/status 0639980001")
            api.heal()
            await phone.wait(lambda message: "06 39 98 00 01 : " in message.text, timeout=PATIENCE)
            await mail_to_technique(embedded_mail, "de nouveau")
        finally:
            await asyncio.to_thread(service.stop)
        answers = [message for message in phone.messages if "06 39 98 00 01 : " in message.text]
        assert len(answers) == 1
        assert TOKEN not in service.words


async def test_another_poller_is_told_by_mail_and_the_robot_comes_back_when_it_stops(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    one_status(embedded_ftp.root, tmp_path / "operator")
    async with BotApi(TOKEN) as api, make_bot(TelegramAccess(TOKEN, api.url)) as other:
        service = HastyService(tmp_path, env_of(embedded_ftp, embedded_mail, api))
        service.start()

        async def insist() -> None:
            while True:
                with suppress(Conflict):
                    await other.get_updates(timeout=20)

        try:
            phone = await enrolled(api, embedded_mail)
            await mail_to_technique(embedded_mail, "remière lecture")
            theirs = asyncio.create_task(insist())
            words = await mail_to_technique(embedded_mail, "Le robot Telegram ne r")
            assert re.search(r"un autre programme relève déjà .* \(409\) : arrêter l'autre", " ".join(words.split()))
            theirs.cancel()
            with suppress(asyncio.CancelledError):
                await theirs
            assert "06 39 98 00 01" in (await answer_to(phone, "/status 0639980001")).text
        finally:
            await asyncio.to_thread(service.stop)


async def test_an_answer_after_twenty_seconds_and_an_ftp_that_hangs_hold_nobody_else_up(
    odd_ftp: OddFtp, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    one_status(odd_ftp.root, tmp_path / "operator")
    async with BotApi(TOKEN) as api, odd_ftp.running() as access:
        peer = FtpPeer("odd", HOST, access.port, access.login, PASSWORD, odd_ftp.root)
        service = Service(tmp_path, env_of(peer, embedded_mail, api))
        service.start()
        try:
            phone = await enrolled(api, embedded_mail)
            await mail_to_technique(embedded_mail, "remière lecture")
            odd_ftp.misbehave("listing by drip", ALWAYS)
            phone.send("/sync")
            await phone.wait(lambda message: message.text.startswith("La passe sur le FTP est en cours"), PATIENCE)
            api.fail_next("sendMessage", "slow", chat_id=phone.chat_id)
            slow = phone.send("/status 0639980001")
            await phone.wait(lambda message: "06 39 98 00 01 : " in message.text, timeout=PATIENCE)
            other = api.phone(7002, "Bruno")
            assert (await other.ask("bonjour", timeout=10)).text == "Ce robot est privé."
            assert "06 39 98 00 02" in (await answer_to(phone, "/status 0639980002")).text
        finally:
            await asyncio.to_thread(service.stop)
        assert sum(message.reply_to == slow.message_id for message in phone.messages) == 1

"""What is silent for too long is started again and told, on a channel that works, and so is its end."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from bot import service
from bot.house import House, open_house
from bot.mail.receiving import receive
from bot.notices import routes
from bot.orders import Orders
from bot.pulse import Pulse, Sign
from bot.sandbox.botapi import BotApi
from bot.supervision import Loops
from bot.sync_worker import PATIENCE, SyncWorker
from bot.troubles import Subject, Troubles
from bot.watchdog import Watchdog
from core.settings import Settings
from tests.bot.test_stop import children
from tests.bot.test_troubles import house as _house
from tests.core.test_settings import GOOD
from tests.core.test_worker import ftp_settings
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.service import TOKEN, env_of

house = _house

pytestmark = pytest.mark.asyncio

_LIVELY: frozenset[Sign] = frozenset({"poll", "imap"})

LOOPS = ("sync", "chat", "mail", "chat outbox", "mail outbox", "clerk")


class Clock:
    """Seconds that pass when a test wants them to; both clocks go together."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._monotonic, self._time = time.monotonic, time.time

    def monotonic(self) -> float:
        return self._monotonic() + self.passed

    def time(self) -> float:
        return self._time() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(time, "time", clock.time)
    return clock


async def turns() -> None:
    """Let what was begun or broken off come to where it is so: turns of the loop, and no time, which could be over
    before the first of them."""
    for _ in range(20):
        await asyncio.sleep(0)


class Watched:
    """A service whose loops do nothing, but are counted."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house = house
        self.clock = clock
        self.begun: dict[str, int] = dict.fromkeys(LOOPS, 0)
        self.pulse = Pulse()
        self.troubles = Troubles(house)
        self.loops = Loops(lambda name, error: 0.0)
        self.worker = SyncWorker(Orders(), None, None)  # type: ignore[arg-type]
        self.dog = Watchdog(house, self.pulse, self.loops, self.troubles, self.worker, lambda: None)

    async def begin(self) -> None:
        for name in LOOPS:
            self.loops.start(name, lambda name=name: self._loop(name))  # type: ignore[misc]
        await turns()

    async def _loop(self, name: str) -> None:
        self.begun[name] += 1
        await asyncio.Event().wait()

    async def after(self, seconds: float) -> None:
        """Let time pass, and look; what was broken off has ended then."""
        self.clock.passed += seconds
        self.dog.look()
        await turns()

    @property
    def broken_off(self) -> list[str]:
        return [name for name, state in self.loops.states.items() if state.restarts]

    def present(self) -> list[str]:
        return [fault.words for fault in self.troubles.present()]

    def told(self) -> list[tuple[str, str]]:
        """(channel, title) of what is said."""
        self.troubles.tell()
        rows = self.house.desk.execute("SELECT channel, subject, payload FROM outbox ORDER BY id").fetchall()
        return [(channel, subject or json.loads(payload)["html"].splitlines()[0]) for channel, subject, payload in rows]


@pytest.fixture
async def watched(house: House, clock: Clock) -> Any:
    watched = Watched(house, clock)
    await watched.begin()
    yield watched
    await watched.loops.leave()


async def test_who_works_is_left_alone(watched: Watched) -> None:
    for _ in range(30):
        for sign in _LIVELY:
            watched.pulse.beat(sign)
        await watched.after(170)
        watched.worker._speaks_by = time.monotonic() + PATIENCE
    assert watched.broken_off == []
    assert watched.present() == []
    assert watched.dog.is_well()


async def test_a_poll_that_gives_no_sign_is_broken_off_and_told_by_mail(watched: Watched) -> None:
    watched.pulse.beat("poll")
    await watched.after(181)
    assert watched.broken_off == ["chat"]
    (words,) = watched.present()
    assert (
        words == "Le robot Telegram ne répond plus : Telegram n'a rien répondu depuis 3 min ; la connexion est refaite."
    )
    assert watched.told() == []
    watched.clock.passed += 301
    assert [channel for channel, _ in watched.told()] == ["mail"]


async def test_telegram_that_fails_is_not_telegram_that_is_silent(watched: Watched) -> None:
    for _ in range(20):
        watched.pulse.stir("poll")
        watched.pulse.beat("imap")
        await watched.after(60)
    assert watched.broken_off == []
    assert watched.pulse.silence("poll") > 1000


async def test_a_mailbox_that_gives_no_sign_is_opened_anew_and_told_in_the_chat(watched: Watched) -> None:
    for _ in range(5):
        watched.pulse.beat("poll")
        await watched.after(150)
    assert watched.broken_off == ["mail"]
    watched.clock.passed += 301
    assert [channel for channel, _ in watched.told()] == ["chat"]


async def test_a_large_mail_may_take_its_time(watched: Watched) -> None:
    watched.pulse.stir("imap", 1800)
    await _quietly(watched, 2400, but=("imap",))
    assert watched.broken_off == []
    await _quietly(watched, 200, but=("imap",))
    assert watched.broken_off == ["mail"]


async def test_a_worker_that_says_nothing_is_ended_and_told(watched: Watched) -> None:
    for _ in range(13):
        watched.pulse.beat("poll")
        watched.pulse.beat("imap")
        await watched.after(140)
    assert watched.broken_off == ["sync"]
    (words,) = watched.present()
    assert words.startswith(
        "Le FTP de l'opérateur ne se lit plus : le programme qui lit les fichiers ne répondait plus"
    )


async def test_who_cannot_be_broken_off_makes_the_service_unwell(house: House, clock: Clock) -> None:
    watched = Watched(house, clock)
    ends = asyncio.Event()

    async def deaf() -> None:
        while not ends.is_set():
            try:
                await ends.wait()
            except asyncio.CancelledError:
                continue

    for name in LOOPS:
        watched.loops.start(name, deaf if name == "chat" else asyncio.Event().wait)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    for _ in range(6):
        watched.pulse.beat("imap")
        assert watched.dog.is_well()
        await watched.after(150)
    watched.pulse.beat("imap")
    await watched.after(300)
    assert not watched.dog.is_well()
    ends.set()
    await watched.loops.leave()


async def test_a_worker_that_stopped_amid_its_work_is_ended_and_another_one_goes_on(
    house: House, embedded_ftp: FtpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (GOOD | ftp_settings(embedded_ftp, tmp_path / "worker")).items():
        monkeypatch.setenv(name, value)
    reports: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    orders, troubles = Orders(), Troubles(house)
    loops = Loops(lambda name, error: 0.0)
    worker = SyncWorker(orders, reports.put, lambda status: None)
    dog = Watchdog(house, Pulse(), loops, troubles, worker, lambda: None)
    loops.start("sync", worker.run)
    for name in ("chat", "mail", "chat outbox", "mail outbox"):
        loops.start(name, asyncio.Event().wait)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(60):
            await reports.get()
            asked = asyncio.create_task(orders.make_pass())
            assert (await asked).error == ""
            (pid,) = children(os.getpid(), "core.worker")
            os.kill(pid, signal.SIGSTOP)
            asked = asyncio.create_task(orders.make_pass())
            dog.look()
            assert not loops.states["sync"].restarts
            worker._speaks_by = time.monotonic() - 1
            dog.look()
            assert "s'est arrêté" in (await asked).error
            while not reports.empty():
                reports.get_nowait()
            await reports.get()
        (other,) = children(os.getpid(), "core.worker")
        assert other != pid
        assert [fault.subject for fault in troubles.present()] == ["ftp"]
    finally:
        await loops.leave()
    assert children(os.getpid(), "core.worker") == []


# -- what waits to be sent


def _mail(house: House, to: str = "compta@client.test") -> None:
    with house.desk.atomic():
        house.outbox.add("mail", to, b"x", subject="Facture")


async def _quietly(watched: Watched, seconds: int, but: tuple[Sign, ...] = ()) -> None:
    """Time passes, while nothing else is amiss."""
    for _ in range(seconds // 100):
        for sign in _LIVELY - {*but}:
            watched.pulse.beat(sign)
        watched.worker._speaks_by = time.monotonic() + PATIENCE
        await watched.after(100)


async def test_a_mail_that_is_due_and_does_not_leave_is_told_in_the_chat_and_sending_begins_anew(
    watched: Watched,
) -> None:
    _mail(watched.house)
    await _quietly(watched, 900)
    assert watched.present() == []
    await _quietly(watched, 200)
    assert watched.broken_off == ["mail outbox"]
    (words,) = watched.present()
    assert words.startswith("Des courriels attendent sans partir : le plus ancien attend depuis")
    watched.clock.passed += 301
    assert watched.told()[-1][0] == "chat"
    assert "courriels attendent sans partir" in watched.told()[-1][1]
    (parcel,) = watched.house.outbox.due("mail", int(time.time()))
    watched.pulse.beat("mail sent")
    watched.house.outbox.sent(parcel)
    await _quietly(watched, 100)
    assert watched.present() == []
    assert "sont partis" in watched.told()[-1][1]


async def test_a_mail_that_is_being_sent_for_ever_is_one_that_does_not_leave(watched: Watched) -> None:
    _mail(watched.house)
    (parcel,) = watched.house.outbox.due("mail", int(time.time()))
    assert watched.house.outbox.sending(parcel)
    await _quietly(watched, 1200)
    assert watched.broken_off == ["mail outbox"]


async def test_what_a_server_put_off_waits_without_an_alarm(watched: Watched) -> None:
    _mail(watched.house)
    _mail(watched.house)  # behind it, and as old
    parcel = watched.house.outbox.due("mail", int(time.time()))[0]
    watched.house.outbox.again(parcel, "450 later", after=4000)
    await _quietly(watched, 3600)
    assert watched.broken_off == []
    assert watched.present() == []


async def test_a_channel_that_is_known_to_fail_is_told_once_and_not_for_its_queue(watched: Watched) -> None:
    _mail(watched.house)
    watched.troubles.report("smtp", "connexion refusée")
    await _quietly(watched, 3000)
    assert watched.broken_off == []
    assert [words.partition(" :")[0] for words in watched.present()] == ["Les courriels ne partent plus"]


async def test_a_long_queue_that_moves_is_no_alarm(watched: Watched) -> None:
    for number in range(40):
        _mail(watched.house, f"client{number}@client.test")
    for parcel in watched.house.outbox.due("mail", int(time.time()))[:30]:
        watched.house.outbox.sent(parcel)
        watched.pulse.beat("mail sent")
        await _quietly(watched, 100)
    assert watched.broken_off == []


async def test_one_chat_that_is_forgotten_while_others_are_served_is_told_too(watched: Watched) -> None:
    with watched.house.desk.atomic():
        watched.house.outbox.add("chat", "7001", b'{"html": "x"}')
    for _ in range(37):
        watched.pulse.beat("chat sent")
        await _quietly(watched, 100)
    assert watched.broken_off == ["chat outbox"]
    watched.clock.passed += 301
    assert watched.told()[-1][0] == "mail"


async def test_after_a_restart_the_end_of_a_queue_is_told_once_it_is_true(house: House, clock: Clock) -> None:
    before = Troubles(house)
    before.report("mail_queue", "le plus ancien attend depuis 15 min")
    clock.passed += 400
    assert before.tell()
    _mail(house, "equipe@client.test")
    watched = Watched(house, clock)
    await watched.begin()
    await _quietly(watched, 200)
    assert any("attendent sans partir" in words for words in watched.present())
    house.desk.execute("DELETE FROM outbox WHERE channel = 'mail'")
    await _quietly(watched, 100)
    assert watched.present() == []
    await watched.loops.leave()


async def test_a_loop_that_stumbles_again_and_again_is_told_with_its_name(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.supervision.FIRST_DELAY", 0.001)
    monkeypatch.setattr("bot.supervision.LONGEST_DELAY", 0.001)
    watched = Watched(house, clock)

    async def stumbles() -> None:
        if watched.loops.states["clerk"].restarts < 20:
            raise ValueError
        await asyncio.Event().wait()

    for name in LOOPS:
        watched.loops.start(name, stumbles if name == "clerk" else asyncio.Event().wait)  # type: ignore[arg-type]
    async with asyncio.timeout(30):
        while watched.loops.states["clerk"].restarts < 20:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await watched.after(1)
    (words,) = watched.present()
    assert words == "Une partie du service s'arrête et redémarre sans cesse : « réponses », 20 fois de suite."
    await _quietly(watched, 400)
    assert watched.present() == []
    await watched.loops.leave()


# -- signs of life


async def test_signs_of_life_come_from_what_really_worked(
    embedded_ftp: FtpPeer, embedded_mail: MailPeer, tmp_path: Path
) -> None:
    async with BotApi(TOKEN) as api:
        settings = Settings.load(env_of(embedded_ftp, embedded_mail, api), tmp_path / "none")
        house = open_house(settings.model_copy(update={"data": tmp_path / "data"}))
        running = service._Service(house)
        pulse = running._pulse
        loops = (
            running._chat,
            running._send_chat,
            running._receive_mail,
            running._postman.run,
            running._clerk.run,
            running._notices,
        )
        tasks = [asyncio.create_task(loop()) for loop in loops]
        try:
            api.phone(7001, "Camille").send("bonjour")  # a stranger, who is answered all the same
            message = b"From: compta@client.test\r\nSubject: Bonjour\r\n\r\nBonjour\r\n"
            await asyncio.to_thread(embedded_mail.deliver, message, ["bot"])
            async with asyncio.timeout(60):  # the first code goes out by mail
                wanted = {"poll", "chat sent", "imap", "mail received", "mail sent", "notices"}
                while not pulse.all().keys() >= wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert "worker" not in pulse.all()
            assert pulse.stillness("poll") < 60
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            house.context.close()
            house.desk.close()
            house.context.telecom.close()


async def test_a_mailbox_that_cannot_be_opened_gives_a_sign_but_does_not_work(house: House) -> None:
    pulse = Pulse()
    pulse.stir("imap", -1000)
    arrived, faults = asyncio.Event(), asyncio.Queue[str]()
    receiving = asyncio.create_task(receive(house, arrived.set, asyncio.Event(), faults.put_nowait, pulse))
    try:
        async with asyncio.timeout(60):
            assert "localhost:993" in await faults.get()
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    assert "imap" not in pulse.all()
    assert pulse.stillness("imap") < 60


# -- the words


async def test_each_fault_has_its_place_among_the_notices() -> None:
    for subject in get_args(Subject):
        assert routes.topic_of(f"trouble.{subject}") == "troubles"


async def test_how_the_service_is_fits_in_a_line(house: House) -> None:
    troubles = Troubles(house)
    assert troubles.in_a_line() == "En service."
    troubles.report("smtp", "connexion refusée")
    assert troubles.in_a_line().startswith("En service, mais : Les courriels ne partent plus (depuis le ")

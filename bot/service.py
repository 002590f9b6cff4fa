"""The running service: each channel a loop of its own, restarted when it stumbles, none taking the others down."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from telegram.error import InvalidToken, TelegramError

from bot import backups, health, lateness, mending, metrics
from bot.clerk import Clerk
from bot.clock import Clock, may_purge
from bot.desk import FILE_NAME, audit, progress, retention
from bot.enrolment import follow_rights, know_robot, mail_code
from bot.house import House, open_house
from bot.mail.receiving import receive
from bot.mail.sending import Postman
from bot.notices import routes
from bot.notices.digest import notify
from bot.orders import Orders
from bot.pulse import Pulse
from bot.running import held
from bot.stopping import Stop
from bot.storage import Storage, patiently
from bot.supervision import Loops
from bot.sync_worker import SyncWorker
from bot.systemd import Notifier
from bot.telegram import webhook
from bot.telegram.client import make_bot
from bot.telegram.lock import token_lock
from bot.telegram.poller import poll
from bot.telegram.sender import Sender
from bot.telegram.updates import ReceivingError
from bot.telegram.wiping import wipe
from bot.troubles import Subject, Troubles
from bot.watchdog import Watchdog
from core import charts, soundness
from core.settings import Settings
from core.trace import trace
from handlers.answer import Answer
from handlers.ask import Person

log = logging.getLogger(__name__)

#: Seconds between two looks for what is not to be kept any longer.
PURGE_INTERVAL = 3600.0

#: Seconds between two looks at whose rights changed, for the menus.
MENU_INTERVAL = 2.0

#: Seconds that who asked for a pass waits for its end.
PASS_PATIENCE = 3.0

#: Seconds after the start at which the workshop gets ready, so that the first chart is there at once; a machine that
#: is busy is looked at again after as many.
WARM_UP_AFTER = 5.0


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    :raises AlreadyRunning: the data folder has its service.
    :raises SettingsError: the data folder cannot be used.
    :raises MendingError: a store is damaged and cannot be made anew.
    :raises StoreDamaged: a store turned out to be damaged; the next start mends it.
    """
    notifier = Notifier()
    with held(await patiently(settings, settings.open_data_folder)):
        try:
            with notifier.patience("Les bases sont vérifiées et ouvertes."):
                mended = await patiently(settings, lambda: mending.mend(settings))
                house = await patiently(settings, lambda: open_house(settings))
            await _Service(house, mended, notifier).run()
            damaged = house.damaged.is_set()
        except sqlite3.DatabaseError as error:
            if not soundness.is_damage(error):
                raise
            damaged = True
        if damaged:
            soundness.suspect(settings.data)
            raise StoreDamaged("une base est abîmée")


class StoreDamaged(Exception):
    """A store turned out to be damaged while it was used (French)."""


class _Service:
    """:param mended: what was wrong with the stores at the start and was mended (French), to be told."""

    def __init__(self, house: House, mended: Sequence[str] = (), notifier: Notifier | None = None) -> None:
        self._house = house
        self._mended = mended
        self._notifier = notifier or Notifier({})
        self._bot = make_bot(house.settings.telegram)
        self._pulse = Pulse()
        self._postman = Postman(house, partial(self._found, "smtp"), self._ring, self._pulse)
        self._sender = Sender(house, self._bot, self._postman.posted.set, partial(self._pulse.beat, "chat sent"))
        self._dealt_with = asyncio.Event()
        self._clerk = Clerk(house, self._bot, _All(self._postman.posted, self._sender.posted, self._dealt_with))
        self._chat_ready = asyncio.Event()
        self._troubles = Troubles(house)
        self._loops = Loops(self._stumbled)
        self._storage = Storage(house, partial(self._found, "disk"), self._ring)
        self._orders = Orders()
        self._worker = SyncWorker(self._orders, self._pass_made, self._worker_lost)
        self._watchdog = Watchdog(house, self._pulse, self._loops, self._troubles, self._worker, self._ring)
        house.own.faults = self._troubles.present
        house.own.make_pass = self._orders.make_pass
        house.own.patience = PASS_PATIENCE
        house.own.tell_later = self._tell_later

    async def run(self) -> None:
        stop = Stop()
        stop.start()
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "sync": self._worker.run,
            "notices": self._notices,
            "chat": self._chat,
            "chat outbox": self._send_chat,
            "chat wiping": self._wipe_chat,
            "mail outbox": self._postman.run,
            "mail": self._receive_mail,
            "clerk": self._clerk.run,
            "purge": self._purge,
            "workshop": self._warm_up,
            "watchdog": self._watchdog.run,
            "systemd": partial(self._notifier.keep, self._watchdog.is_well, self._troubles.in_a_line),
            "storage": self._storage.run,
            "clock": Clock(self._house, self._clock_changed).run,
            "health": partial(health.keep, self._house, self._pulse, self._loops),
            "metrics": partial(metrics.serve, self._house, self._pulse, self._loops),
            "backup": partial(backups.daily, self._house, self._found),
        }
        mending.tell(self._house, self._mended)
        for name, make in loops.items():
            self._loops.start(name, make)
        self._notifier.ready()
        log.info("service started, data in %s", self._house.data)
        try:
            await _first(stop.asked, self._house.damaged)
        finally:
            log.info("stopping")
            self._notifier.stopping()
            await self._loops.leave()
            with suppress(TelegramError, RuntimeError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._bot.shutdown()
            self._house.own.close()
            self._house.context.close()
            self._house.desk.close()
            self._house.context.telecom.close()
            log.info("stopped")

    def _stumbled(self, name: str, error: Exception) -> float:
        """A loop stumbled; how long (seconds) it waits at least."""
        if isinstance(error, ReceivingError):
            log.error("%s: %s", name, error)
            self._found("telegram", str(error))
            return error.wait
        log.error("%s stumbled: %s", name, trace(error))
        if soundness.is_damage(error):
            self._house.damaged.set()
        self._storage.note(error)
        return 0.0

    def _ring(self) -> None:
        self._postman.posted.set()
        self._sender.posted.set()

    def _clock_changed(self) -> None:
        self._troubles.reload()
        self._ring()

    # -- files

    async def _pass_made(self, report: Mapping[str, Any]) -> None:
        log.info("pass: %s fetched, %s read%s", report["fetched"], report["read"], _because(report["error"]))
        self._pulse.beat("worker")
        unwritten = report["error"] if report["unwritten"] else ""
        self._found("intake", unwritten)
        if not unwritten:
            self._found("ftp", report["error"])
        self._found("ftp_files", " ".join(reason for _, reason in report["failed"][:3]))
        await self._notify()
        # Where the FTP could not be read nobody knows what lies there.
        if not report["error"]:
            refused = [path for path, _ in report["failed"]]
            if lateness.judge(self._house, self._house.context.now(), refused):
                self._ring()

    def _worker_lost(self, status: int) -> None:
        if status == soundness.DAMAGED:
            self._house.damaged.set()
        self._found("ftp", "le programme qui lit les fichiers s'est arrêté ; voir le journal du service")

    def _tell_later(self, person: Person, answer: Answer) -> None:
        """What somebody asked for lasted longer than he was kept waiting."""
        with self._house.desk.atomic():
            for chat_id in self._house.people.chats_of(person.id):
                self._house.write_chat(chat_id, [answer])
        self._ring()

    async def _notify(self) -> None:
        if await notify(self._house):
            self._ring()
        _, fault = routes.in_force(self._house.data)
        self._found("routes", fault)

    async def _notices(self) -> None:
        """Passes made by hand (`origyne-bot sync`) are noticed too; and faults that last; and that the technical
        address changed before anybody's chat was bound."""
        while True:
            await self._notify()
            self._pulse.beat("notices")
            if self._chat_ready.is_set() and mail_code(self._house):
                self._ring()
            if self._troubles.tell():
                self._ring()
            if self._house.own.bridge.post_held():
                self._ring()
            await asyncio.sleep(10)

    def _found(self, subject: Subject, fault: str) -> None:
        """How something goes: a French reason, or "" when it works."""
        if fault:
            self._troubles.report(subject, fault)
        elif self._troubles.clear(subject):
            self._ring()

    # -- chat

    async def _chat(self) -> None:
        access = self._house.settings.telegram
        # Held as long as updates are received: two services would take them from each other.
        with token_lock(access):
            try:
                await self._bot.initialize()
                await self._bot.delete_webhook()  # one that was set forbids polling
            except InvalidToken:
                # Its message holds the token.
                raise ReceivingError("Telegram refuse le jeton : le vérifier dans ORIGYNE_TELEGRAM_TOKEN") from None
            except TelegramError as error:
                raise ReceivingError(f"Telegram n'est pas joignable ({type(error).__name__})") from None
            know_robot(self._house.desk, self._bot.username)
            self._chat_ready.set()
            if mail_code(self._house):
                self._ring()
            menus = asyncio.create_task(self._show_menus())
            try:
                self._pulse.stir("poll")
                arrived = self._clerk.arrived.set
                if access.webhook:
                    await webhook.receive(self._bot, access, self._house.desk, arrived, self._telegram_found)
                else:
                    await poll(self._bot, self._house.desk, arrived, self._telegram_found)
            finally:
                menus.cancel()

    def _telegram_found(self, fault: str) -> None:
        (self._pulse.stir if fault else self._pulse.beat)("poll")
        self._found("telegram", fault)

    async def _show_menus(self) -> None:
        """Rights also change by commands in other processes."""
        while True:
            try:
                await follow_rights(self._house, self._bot)
            except Exception as error:  # menus are a convenience: no question waits for them
                log.error("menus: %s", trace(error))
            await asyncio.sleep(MENU_INTERVAL)

    async def _send_chat(self) -> None:
        await self._chat_ready.wait()
        await self._sender.run()

    async def _wipe_chat(self) -> None:
        await self._chat_ready.wait()
        await wipe(self._house, self._bot)

    async def _purge(self) -> None:
        """Nothing is kept longer than it may be needed; once a day, and the head of the audit is noted then."""
        desk, settings = self._house.desk, self._house.settings
        while True:
            now = int(time.time())
            self._house.outbox.forget_sent(now)
            await self._house.own.round_trips.clear()
            if progress.get(desk, "purged_on") != now // 86400 and may_purge(desk, now):
                for gone in retention.purge(desk, settings, now):
                    log.info("purged: %s of %s", gone.count, gone.rule.table)
                    await asyncio.sleep(0)  # whoever waits for an answer comes first
                if audited := retention.purge_audit(desk, settings, now):
                    log.info("purged: %s of audit", audited)
                for aside in soundness.old_ones(self._house.data / FILE_NAME, now):
                    aside.unlink()
                log.info("audit head: %s %s", *audit.head(desk))
                with desk.atomic():
                    progress.put(desk, "purged_on", now // 86400)
            await asyncio.sleep(PURGE_INTERVAL)

    # -- charts

    async def _warm_up(self) -> None:
        await asyncio.sleep(WARM_UP_AFTER)
        while os.getloadavg()[0] > (os.cpu_count() or 1):  # noqa: ASYNC110 - nobody tells when it is over
            await asyncio.sleep(WARM_UP_AFTER)
        await self._house.context.studio.make(charts.warm_up)
        await asyncio.Event().wait()

    # -- mail

    async def _receive_mail(self) -> None:
        arrived, found = self._clerk.arrived.set, partial(self._found, "imap")
        await receive(self._house, arrived, self._dealt_with, found, self._pulse)


class _All(asyncio.Event):
    """Rings several bells at once."""

    def __init__(self, *bells: asyncio.Event) -> None:
        super().__init__()
        self._bells = bells

    def set(self) -> None:
        for bell in self._bells:
            bell.set()


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def _because(error: str) -> str:
    return f", but: {error}" if error else ""

"""The running service: each channel a loop of its own, restarted when it stumbles, none taking the others down."""

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from typing import TypeVar

from filelock import FileLock, Timeout
from telegram.error import InvalidToken, TelegramError

from bot import backups, health, lateness, metrics
from bot.clerk import Clerk
from bot.desk import audit, progress, retention
from bot.desk.inbox import mail_key
from bot.desk.outbox import Parcel, envid_of
from bot.enrolment import follow_rights, know_robot, mail_code
from bot.house import House, open_house
from bot.mail import first_look, smtp
from bot.mail.imap import CONNECTED, RawMail, Receiver
from bot.mail.reading import message_id_of, sender_of
from bot.notices import routes
from bot.notices.digest import notify
from bot.orders import Orders
from bot.pulse import Pulse
from bot.running import LOCK
from bot.storage import Storage
from bot.supervision import Loops
from bot.telegram import webhook
from bot.telegram.client import make_bot
from bot.telegram.lock import token_lock
from bot.telegram.poller import poll
from bot.telegram.sender import Sender
from bot.telegram.updates import ReceivingError
from bot.telegram.wiping import wipe
from bot.troubles import Subject, Troubles
from bot.undelivered import tell_mail
from bot.watchdog import Watchdog
from core import charts, mending
from core.settings import Settings
from core.trace import trace
from handlers.answer import Answer
from handlers.ask import Person

log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: Seconds that the sync worker is given to end a file when the service stops.
WORKER_GRACE = 8.0


#: Seconds between two tries while the mail server refuses the account.
ACCOUNT_WAIT = 300.0

#: Seconds between two looks for what is not to be kept any longer.
PURGE_INTERVAL = 3600.0

#: Seconds between two looks at whose rights changed, for the menus.
MENU_INTERVAL = 2.0

#: Seconds that who asked for a pass waits for its end.
PASS_PATIENCE = 3.0

#: Seconds after the start at which the workshop gets ready, so that the first chart is there at once.
WARM_UP_AFTER = 5.0


class AlreadyRunning(Exception):
    """Another service uses this data folder."""


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    :raises AlreadyRunning: the data folder has its service.
    :raises SettingsError: the data folder cannot be used.
    """
    lock = FileLock(settings.open_data_folder() / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyRunning(f"un service tourne déjà sur le dossier {settings.data}") from None
    try:
        mended = mending.mend(settings)
        await _Service(open_house(settings), mended).run()
    finally:
        lock.release()


class _Service:
    """:param mended: what was wrong with the stores at the start and was mended (French), to be told."""

    def __init__(self, house: House, mended: Sequence[str] = ()) -> None:
        self._house = house
        self._mended = mended
        self._bot = make_bot(house.settings.telegram)
        self._posted_mail = asyncio.Event()
        self._sender = Sender(house, self._bot, self._posted_mail.set)
        self._dealt_with = asyncio.Event()
        self._smtp = smtp.Connection(house.settings.smtp)
        self._clerk = Clerk(house, self._bot, _All(self._posted_mail, self._sender.posted, self._dealt_with))
        self._chat_ready = asyncio.Event()
        self._troubles = Troubles(house)
        self._pulse = Pulse()
        self._loops = Loops(self._stumbled)
        self._storage = Storage(house)
        self._orders = Orders()
        house.own.faults = self._troubles.present
        house.own.make_pass = self._orders.make_pass
        house.own.patience = PASS_PATIENCE
        house.own.tell_later = self._tell_later

    async def run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "sync": self._sync,
            "notices": self._notices,
            "chat": self._chat,
            "chat outbox": self._send_chat,
            "chat wiping": self._wipe_chat,
            "mail outbox": self._send_mail,
            "mail": self._receive_mail,
            "clerk": self._answer,
            "purge": self._purge,
            "workshop": self._warm_up,
            "watchdog": Watchdog(self._house, self._pulse, self._loops, self._troubles, self._ring).run,
            "health": partial(health.keep, self._house, self._pulse, self._loops),
            "metrics": partial(metrics.serve, self._house, self._pulse, self._loops),
            "backup": partial(backups.daily, self._house, self._found),
        }
        for name, make in loops.items():
            self._loops.start(name, make)
        log.info("service started, data in %s", self._house.data)
        try:
            await stop.wait()
        finally:
            log.info("stopping")
            await self._loops.leave()
            with suppress(TelegramError, RuntimeError):
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
        self._storage.note(error)
        return 0.0

    def _ring(self) -> None:
        self._posted_mail.set()
        self._sender.posted.set()

    # -- files

    async def _sync(self) -> None:
        """Run the sync worker; it ends when its standard input does."""
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "core.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert worker.stdin
        assert worker.stdout
        self._orders.begin(worker.stdin)
        try:
            async for line in worker.stdout:
                report = json.loads(line)
                log.info("pass: %s fetched, %s read%s", report["fetched"], report["read"], _because(report["error"]))
                self._found("ftp", report["error"])
                self._found("ftp_files", " ".join(reason for _, reason in report["failed"][:3]))
                await self._notify()
                # Where the FTP could not be read nobody knows what lies there.
                if not report["error"]:
                    refused = [path for path, _ in report["failed"]]
                    if lateness.judge(self._house, self._house.context.now(), refused):
                        self._ring()
                self._orders.done(report)
        finally:
            self._orders.end()
            worker.stdin.close()
            try:
                async with asyncio.timeout(WORKER_GRACE):
                    await worker.wait()
            except TimeoutError:
                worker.kill()  # a file half read is read again from its beginning
                await worker.wait()
        self._found("ftp", "le programme qui lit les fichiers s'est arrêté ; voir le journal du service")
        raise RuntimeError(f"the sync worker ended ({worker.returncode})")

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
                arrived = self._clerk.arrived.set
                if access.webhook:
                    await webhook.receive(self._bot, access, self._house.desk, arrived, self._telegram_found)
                else:
                    await poll(self._bot, self._house.desk, arrived, self._telegram_found)
            finally:
                menus.cancel()

    def _telegram_found(self, fault: str) -> None:
        self._found("telegram", fault)

    async def _show_menus(self) -> None:
        """Rights also change by commands in other processes."""
        while True:
            try:
                await follow_rights(self._house, self._bot)
            except Exception as error:  # menus are a convenience: no question waits for them
                log.error("menus: %s", trace(error))
            await asyncio.sleep(MENU_INTERVAL)

    async def _answer(self) -> None:
        await self._clerk.run()

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
            if progress.get(desk, "purged_on") < now // 86400:
                for gone in retention.purge(desk, settings, now):
                    log.info("purged: %s of %s", gone.count, gone.rule.table)
                    await asyncio.sleep(0)  # whoever waits for an answer comes first
                if audited := retention.purge_audit(desk, settings, now):
                    log.info("purged: %s of audit", audited)
                log.info("audit head: %s %s", *audit.head(desk))
                with desk.atomic():
                    progress.put(desk, "purged_on", now // 86400)
            await asyncio.sleep(PURGE_INTERVAL)

    # -- charts

    async def _warm_up(self) -> None:
        await asyncio.sleep(WARM_UP_AFTER)
        await self._house.context.studio.make(charts.warm_up)
        await asyncio.Event().wait()

    # -- mail

    async def _send_mail(self) -> None:
        """Send what is due, for ever, one mail after the other."""
        outbox = self._house.outbox
        if lost := outbox.recover("mail"):
            log.warning("mail: %s parcels were being sent at the last stop: sent again, marked uncertain", lost)
        while True:
            self._posted_mail.clear()
            while parcels := outbox.due("mail", int(time.time())):
                for parcel in parcels:
                    await self._post(parcel)
            await self._smtp.close()
            due = outbox.next_try("mail")
            wait = 30.0 if due is None else min(30.0, max(0.2, due - time.time()))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._posted_mail.wait()

    async def _post(self, parcel: Parcel) -> None:
        outbox = self._house.outbox
        if not outbox.sending(parcel):
            return
        try:
            message = message_from_bytes(parcel.payload, policy=SMTP)
            assert isinstance(message, EmailMessage)
            envid = envid_of(str(message["Message-ID"]))
            delivery = await self._smtp.send(message, [parcel.recipient], envid=envid)
        except smtp.MailError as error:
            # A refused account is no fault of this mail, which waits until the settings are mended.
            for_good = error.permanent and not error.of_account
            after = ACCOUNT_WAIT if error.of_account else None
            if for_good or not outbox.again(parcel, str(error), after=after, uncertain=error.uncertain):
                self._undelivered(parcel, str(error))
            if error.of_account or not error.permanent:
                self._found("smtp", f"{error} Les courriels sont gardés et partiront ensuite.")
            return
        except Exception as error:  # one mail that cannot be sent stops no other
            log.error("mail parcel %s: %s", parcel.id, trace(error))
            reason = f"erreur interne ({type(error).__name__})"
            if not outbox.again(parcel, reason, uncertain=True):
                self._undelivered(parcel, reason)
            return
        self._found("smtp", "")
        if delivery.refused:
            self._undelivered(parcel, next(iter(delivery.refused.values())))
        elif delivery.deferred:
            reason = next(iter(delivery.deferred.values()))
            if not outbox.again(parcel, reason):
                self._undelivered(parcel, reason)
        else:
            outbox.sent(parcel)

    def _undelivered(self, parcel: Parcel, reason: str) -> None:
        log.error("mail parcel %s refused: %s", parcel.id, reason)
        with self._house.desk.atomic():
            self._house.outbox.failed(parcel, reason)
            tell_mail(self._house, parcel, reason)
        self._ring()

    async def _receive_mail(self) -> None:
        loop = asyncio.get_running_loop()
        inbox = self._house.inbox

        def known(folder: str, uidvalidity: int) -> set[int]:
            return _on(loop, lambda: inbox.mail_uids(folder, uidvalidity))

        def keep(mail: RawMail) -> None:
            key = mail_key(mail.folder, mail.uidvalidity, mail.uid)
            conversation, message_id = f"mail:{sender_of(mail.content)}", message_id_of(mail.content)
            stranger = first_look.is_strangers(mail.most)
            add = partial(inbox.add, truncated=mail.truncated, stranger=stranger)
            _on(loop, lambda: add("mail", key, conversation, mail.content, message_id))
            loop.call_soon_threadsafe(self._clerk.arrived.set)

        def look(headers: bytes) -> int:
            return _on(loop, lambda: first_look.most_of(self._house, headers))

        def tell(state: str) -> None:
            fault = "" if state == CONNECTED else state
            loop.call_soon_threadsafe(self._found, "imap", fault)

        def to_file(folder: str, uidvalidity: int) -> dict[int, str | None]:
            waiting = _on(loop, lambda: inbox.to_file(folder, uidvalidity))
            return {uid: folders[filing] for uid, filing in waiting.items()}

        def filed(folder: str, uidvalidity: int, uids: list[int]) -> None:
            _on(loop, lambda: inbox.filed(folder, uidvalidity, uids))

        settings = self._house.settings
        folders = {"handled": settings.handled_folder, "set aside": settings.set_aside_folder, "removed": None}
        receiver = Receiver(settings.imap, known, keep, look=look, to_file=to_file, filed=filed, on_state=tell)
        receiver.start()
        filing = asyncio.create_task(self._file_mail(receiver))
        try:
            await asyncio.to_thread(receiver.join)
        finally:
            filing.cancel()
            await asyncio.to_thread(receiver.stop)
        raise RuntimeError("the mail receiver ended")

    async def _file_mail(self, receiver: Receiver) -> None:
        """Wake the receiver whenever a mail was dealt with."""
        while True:
            await self._dealt_with.wait()
            self._dealt_with.clear()
            if self._house.inbox.waits_for_filing():
                receiver.file_now()


class _All(asyncio.Event):
    """Rings several bells at once."""

    def __init__(self, *bells: asyncio.Event) -> None:
        super().__init__()
        self._bells = bells

    def set(self) -> None:
        for bell in self._bells:
            bell.set()


def _on(loop: asyncio.AbstractEventLoop, call: Callable[[], Result]) -> Result:
    """Run `call` on the loop's thread, where the desk's connection lives, and wait for it."""

    async def run() -> Result:
        return call()

    return asyncio.run_coroutine_threadsafe(run(), loop).result(timeout=60)


def _because(error: str) -> str:
    return f", but: {error}" if error else ""

"""A real round trip on each channel: what is sent comes back, and nothing of it stays.

What a crash may leave behind is written down: the mail goes from the mailbox whenever it comes (`is_ours`), the message
goes as one with a code does (`bot.telegram.wiping`), the file is removed by the next test or by the service that starts
(`RoundTrips.clear`).
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.utils import formataddr, localtime

from filelock import FileLock, Timeout
from sqlite_utils import Database
from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError, TimedOut

from bot.desk import facts, fleeting
from bot.desk.inbox import Inbox
from bot.desk.profile import profile_of
from bot.mail import smtp
from bot.mail.faults import MailError
from bot.mail.finding import take_out
from bot.running import is_running
from bot.telegram.client import make_bot, seconds_of
from core.folders import FRENCH
from core.ftp import FtpError, FtpSession, connect
from core.settings import Settings
from core.trace import trace
from handlers.desk import Trip

log = logging.getLogger(__name__)

LOCK = "selftest.lock"

#: No reader takes a file of that name (`core.mirror`), and none that the operator reads is called so.
FILE_BEGINS = "autotest-"

#: Mails to itself that the bot remembers; an older one that still comes is filed as any of its own.
_REMEMBERED = 20

#: Seconds for a look that says where a mail is that did not come, or for the removal of a file.
_AFTERWARDS = 20.0

#: Seconds after which a message that a crash kept from being deleted goes.
_FLEETING = 60


class RoundTrips:
    """`mail_seconds`: for the sending, and again until the mail is found; `chat_seconds`, `ftp_seconds`: for all of a
    trip."""

    def __init__(self, settings: Settings, desk: Database) -> None:
        self._settings = settings
        self._desk = desk
        self._lock = FileLock(settings.data / LOCK)
        self.mail_seconds = 60.0
        self.chat_seconds = 30.0
        self.ftp_seconds = 60.0

    def begin(self) -> bool:
        """Whether a test may be made: nobody makes one, here or in another process. To be followed by `run`."""
        if self._lock.is_locked:
            return False
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    async def run(self, chat_id: int) -> tuple[Trip, ...]:
        """All trips at once, each with its own limit.

        :param chat_id: where the message goes, 0 when there is no chat.
        """
        seconds = 2 * self.mail_seconds + _AFTERWARDS
        try:
            return tuple(
                await asyncio.gather(
                    _trip("Courriel", "envoyé puis retrouvé", seconds, self._mail),
                    _trip("Telegram", "envoyé puis effacé", self.chat_seconds, lambda it: self._chat(it, chat_id)),
                    _trip("FTP", "écrit, relu et retiré", self.ftp_seconds + _AFTERWARDS, self._ftp),
                )
            )
        finally:
            self._lock.release()

    async def clear(self) -> None:
        """Remove the file that a test left on the FTP; where that fails, it is tried again at the next call."""
        if not facts.get(self._desk, "selftest_file") or not self.begin():
            return
        try:
            await self._withdraw()
        except FtpError as error:
            log.warning("a file of a self-test stays on the FTP: %s", error)
        finally:
            self._lock.release()

    # -- mail

    async def _mail(self, steps: "_Steps") -> None:
        message = self._message()
        message_id = str(message["Message-ID"])
        _remember(self._desk, message_id)
        try:
            await smtp.send(self._settings.smtp, message, [self._address], seconds=max(self.mail_seconds, 1.0))
        except MailError as error:
            refused = error.permanent and not error.of_account
            raise _Failed(f"pas envoyé : {error}{self._subaddress_hint if refused else ''}") from error
        steps.done("envoi")
        if not is_running(self._settings.data):
            place = await self._looked_for(message_id, self.mail_seconds)
        elif await self._received(message_id):
            place = self._settings.imap.folder
        else:
            place = await self._looked_for(message_id, 0)
            if place == self._settings.imap.folder:
                raise _Failed(
                    f"arrivé dans la boîte, mais le service ne l'y a pas vu en {self.mail_seconds:.0f} s : "
                    "regarder /etat, puis le journal du service."
                )
        if not place:
            raise _Failed(
                f"pas retrouvé après {self.mail_seconds:.0f} s : le serveur l'a pris, puis gardé ou jeté. Vérifier que "
                f"{self._settings.bot_email} (ORIGYNE_BOT_EMAIL) est bien l'adresse de cette boîte, et la file du "
                f"serveur de courriel.{self._subaddress_hint} S'il vient plus tard, il s'efface de lui-même."
            )
        if place != self._settings.imap.folder:
            raise _Failed(
                f"arrivé dans « {place} » : le serveur prend le robot pour un indésirable. Lui dire d'accepter "
                f"{self._settings.bot_email}, et vérifier SPF et DKIM."
            )
        steps.done("arrivée")

    @property
    def _address(self) -> str:
        """Where answers to the bot's mails go, so that this way is tested too."""
        local, _, domain = self._settings.bot_email.rpartition("@")
        return f"{local}{'' if self._settings.mail_subaddress == 'none' else '+autotest'}@{domain}"

    @property
    def _subaddress_hint(self) -> str:
        if self._settings.mail_subaddress == "none":
            return ""
        return f" Si ce serveur ne prend pas {self._address} : ORIGYNE_MAIL_SUBADDRESS=none."

    def _message(self) -> EmailMessage:
        address = self._settings.bot_email
        operator = profile_of(self._desk, self._settings).operator_name
        message = EmailMessage()
        message["From"] = formataddr((f"{operator} · assistant Origyne", address))
        message["To"] = self._address
        message["Subject"] = f"Autotest de l'assistant de {operator} : à ignorer, s'efface de lui-même"
        message["Date"] = localtime()
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("Le robot vérifie qu'un courriel part et arrive. Rien à faire : celui-ci s'efface.\n")
        return message

    async def _received(self, message_id: str) -> bool:
        """Wait until the running service has it: its own receiving is what is tested."""
        inbox, until = Inbox(self._desk), time.monotonic() + self.mail_seconds
        while not inbox.has_mail(message_id):
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(0.1)
        return True

    async def _looked_for(self, message_id: str, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds + _AFTERWARDS):
                return await asyncio.to_thread(take_out, self._settings.imap, message_id, seconds)
        except TimeoutError:
            raise _Failed("envoyé, mais la boîte de réception ne répond pas ; voir ORIGYNE_IMAP_HOST.") from None
        except MailError as error:
            raise _Failed(f"envoyé, mais la boîte de réception ne se lit pas : {error}") from error

    # -- chat

    async def _chat(self, steps: "_Steps", chat_id: int) -> None:
        if not chat_id:
            raise _Failed(
                "pas essayé : aucun Telegram n'est relié à votre nom. Ouvrir le lien du courriel d'invitation ; "
                "« origyne-bot people invite » en envoie un autre."
            )
        sent = False
        try:
            async with make_bot(self._settings.telegram) as bot:
                steps.done("connexion")
                message_id = await _said(bot, chat_id)
                sent = True
                with self._desk.atomic():
                    fleeting.add(self._desk, chat_id, message_id, int(time.time()) + _FLEETING)
                steps.done("envoi")
                await bot.delete_message(chat_id, message_id)
                fleeting.gone(self._desk, fleeting.Fleeting(chat_id, message_id, 0, 0))
                steps.done("effacement")
        except TelegramError as error:
            reason = _telegram_words(error, self._settings)
            if sent:
                raise _Failed(f"envoyé, mais pas effacé : {reason} Le service l'effacera.") from None
            # It may be there: nobody knows its number.
            by_hand = " S'il apparaît quand même, l'effacer à la main." if isinstance(error, TimedOut) else ""
            raise _Failed(f"pas envoyé : {reason}{by_hand}") from None

    # -- FTP

    async def _ftp(self, steps: "_Steps") -> None:
        name = f"{FILE_BEGINS}{secrets.token_hex(8)}.tmp"
        # Every byte, ends of lines in all forms: a transfer as text would show.
        content = b"Autotest de origyne-bot, peut etre efface.\r\n\n" + bytes(range(256)) + secrets.token_bytes(2048)
        facts.put(self._desk, "selftest_file", name)
        fault = f"pas fini après {self.ftp_seconds:.0f} s ; voir ORIGYNE_FTP_HOST et le pare-feu."
        try:
            async with (
                asyncio.timeout(self.ftp_seconds),
                connect(self._settings.ftp, patience=max(self.ftp_seconds / 2, 1.0)) as ftp,
            ):
                steps.done("connexion")
                await ftp.upload(content, f"{_FOLDER}/{name}")
                steps.done("écriture et relecture")
                await self._removed_by(ftp)
                steps.done("retrait")
            return
        except FtpError as error:
            fault = str(error)
        except TimeoutError:
            pass
        try:
            await self._withdraw()
        except FtpError:
            if steps.has("écriture et relecture"):
                fault += (
                    f" À retirer à la main si cela dure : {_FOLDER}/{name} ; vérifier que ce compte peut y effacer."
                )
        raise _Failed(fault)

    async def _withdraw(self) -> None:
        """Remove what a test left there, over a connection of its own.

        :raises FtpError: that failed.
        """
        try:
            async with asyncio.timeout(_AFTERWARDS), connect(self._settings.ftp, patience=_AFTERWARDS / 2) as ftp:
                await self._removed_by(ftp)
        except TimeoutError:
            raise FtpError("Retrait d'un fichier d'autotest : le serveur ne répond pas.", permanent=False) from None

    async def _removed_by(self, ftp: FtpSession) -> None:
        await ftp.remove(_FOLDER, FILE_BEGINS)
        facts.put(self._desk, "selftest_file", "")


def is_ours(desk: Database, message_id: str) -> bool:
    """Whether a mail is one that the bot wrote to itself for a test."""
    return bool(message_id) and message_id in _remembered(desk)


_FOLDER = FRENCH["personalisation"]


class _Failed(Exception):
    """A trip failed; the message says why, and what to do, in French."""


class _Steps:
    """How long each step of a trip took."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self.all: list[tuple[str, float]] = []

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def done(self, step: str) -> None:
        now = time.monotonic()
        self.all.append((step, now - self._last))
        self._last = now

    def has(self, step: str) -> bool:
        return step in dict(self.all)


async def _trip(channel: str, done: str, limit: float, go: Callable[[_Steps], Awaitable[None]]) -> Trip:
    steps, fault = _Steps(), ""
    try:
        async with asyncio.timeout(limit):
            await go(steps)
    except _Failed as failed:
        fault = str(failed)
    except TimeoutError:
        fault = f"pas de réponse en {limit:.0f} s ; vérifier la connexion, puis « origyne-bot doctor »."
    except Exception as error:  # one trip that stumbles hides no other
        log.error("self-test, %s: %s", channel, trace(error))
        fault = f"erreur interne ({type(error).__name__}) ; voir le journal."
    return Trip(channel, done, steps.seconds, tuple(steps.all), fault)


def _remember(desk: Database, message_id: str) -> None:
    facts.put(desk, "selftest_mails", json.dumps([*_remembered(desk), message_id][-_REMEMBERED:]))


def _remembered(desk: Database) -> list[str]:
    return list(json.loads(facts.get(desk, "selftest_mails") or "[]"))


async def _said(bot: Bot, chat_id: int) -> int:
    """The message that was written; Telegram's wish to be left in peace for a while is obeyed, within the trip's time.

    :raises TelegramError: it was not.
    """
    while True:
        try:
            sent = await bot.send_message(
                chat_id, "Autotest : ce message s'efface de lui-même.", disable_notification=True
            )
        except RetryAfter as error:
            await asyncio.sleep(seconds_of(error))
        else:
            return sent.message_id


def _telegram_words(error: TelegramError, settings: Settings) -> str:
    """What failed, and what to do; never in Telegram's own words where these can hold the token."""
    match error:
        case InvalidToken():
            return "jeton refusé ; le reprendre chez @BotFather (ORIGYNE_TELEGRAM_TOKEN)."
        case Forbidden():
            return "ce chat est fermé au robot ; le débloquer dans Telegram et lui écrire un mot."
        case BadRequest():
            return "Telegram refuse ce message ou ce chat ; relier de nouveau le chat (origyne-bot people invite)."
        case TimedOut():
            return f"{settings.telegram_api} ne répond pas à temps ; réessayer, puis vérifier la connexion."
    return f"{settings.telegram_api} répond par une erreur ({type(error).__name__}) ; réessayer dans quelques minutes."

"""When the disk does not take what must be written: who is told, and how, since the outbox cannot be written then.

Nothing is lost meanwhile: what is not on the disk is acknowledged to nobody. Telegram keeps its updates, the mailbox
its mails, the FTP its files, and each loop goes on once it can write. Nobody is answered before that, for an answer
that nothing remembers would be given again at each try.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from bot import emergency
from bot.desk import FILE_NAME, progress
from bot.desk.people import TECHNICAL
from bot.emergency import Readers
from bot.house import House
from core import disk, store
from core.disk import Refusal, Why
from core.settings import Settings, SettingsError
from core.trace import trace
from handlers import french
from handlers.answer import Answer

log = logging.getLogger(__name__)

Opened = TypeVar("Opened")

#: Seconds between two looks, and while something is wrong.
INTERVAL, SOON = 30.0, 5.0

#: Seconds that a fault lasts before somebody is told: a store may be held by a command that does its work.
PATIENCE: dict[Why, float] = {"full": 15.0, "closed": 15.0, "broken": 15.0, "locked": 300.0}

#: Seconds between two words of the same fault.
AGAIN = 3600.0

#: Seconds for which a loop that stumbled over the disk counts, whatever a look finds: a little room is not enough.
RECENT = 20.0

#: Free bytes below which the disk is as good as full; and below which it is told early: these, or that share of it.
_NONE, _LITTLE, _SHARE = 1024 * 1024, 200 * 1024 * 1024, 50

#: Seconds that a look waits for a store that another process writes.
_TURN = 2.0


class Storage:
    """:param short: told, now and then, why there will be no room before long (French), or "".
    :param ring: called when there is something to send again.
    :param patience: see `PATIENCE`.
    """

    def __init__(
        self,
        house: House,
        short: Callable[[str], None] = lambda _: None,
        ring: Callable[[], None] = lambda: None,
        patience: dict[Why, float] = PATIENCE,
    ) -> None:
        self._house = house
        self._short = short
        self._ring = ring
        self._alarm = _Alarm(house.settings, patience)
        self._noted: tuple[Refusal, float] | None = None
        self._wake = asyncio.Event()

    def note(self, error: Exception) -> None:
        """A loop stumbled over this; told if the disk or a store is the cause, and that lasts."""
        if refusal := disk.refusal_of(error):
            self._noted = (refusal, time.monotonic())
            self._wake.set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._wake.clear()
            refusal = await self.look()
            if self._house.outbox.pay():
                self._ring()
            await asyncio.sleep(SOON)
            if not refusal:
                with suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL - SOON):
                        await self._wake.wait()

    async def look(self) -> Refusal | None:
        """One look: what does not let us write, if anything does; whoever is to hear of it does."""
        data = self._house.data
        refusal = await asyncio.to_thread(_refusal, data)
        if not refusal and self._noted and time.monotonic() - self._noted[1] < RECENT:
            refusal = self._noted[0]
        with suppress(sqlite3.Error):  # as they were known last
            self._alarm.readers = readers_of(self._house)
        if not refusal:
            self._short(await asyncio.to_thread(_shortage, data))
        await self._alarm.go(refusal)
        return refusal


async def patiently(settings: Settings, open_up: Callable[[], Opened]) -> Opened:
    """Open the stores; where the disk does not let us, say so and wait: a service that ends and is started again would
    have to say it each time.

    :raises SettingsError: the data folder cannot be used, for another reason.
    """
    alarm = _Alarm(settings, PATIENCE)
    alarm.readers = _readers_of_store(settings)
    while True:
        try:
            opened = open_up()
        except (sqlite3.OperationalError, OSError, SettingsError) as error:
            refusal = disk.refusal_of(
                error.__cause__ if isinstance(error, SettingsError) and error.__cause__ else error
            )
            if refusal is None:
                raise
            log.error("the stores cannot be opened yet: %s (%s)", refusal.reason, trace(error))
            await alarm.go(refusal)
            await asyncio.sleep(SOON)
        else:
            await alarm.go(None)
            return opened


def readers_of(house: House) -> Readers:
    """Who is told when nothing can be written."""
    profile, contact = house.profile, house.people.by_id(TECHNICAL)
    return Readers(
        tuple(chat for chat in house.people.chats_of(TECHNICAL) if chat > 0),
        contact.email if contact else house.settings.technical_email,
        contact.person.name if contact else house.settings.technical_contact,
        profile.operator_name,
    )


class _Alarm:
    """What was told of a fault, in memory alone: it begins when nothing can be kept."""

    def __init__(self, settings: Settings, patience: dict[Why, float]) -> None:
        self._settings = settings
        self._patience = patience
        self._why: Refusal | None = None
        self._began = 0.0
        self._began_at = 0
        self._told: float | None = None
        self.readers = _of_settings(settings)

    async def go(self, refusal: Refusal | None) -> None:
        """How it is now."""
        if refusal is None:
            if self._told is not None:
                await emergency.tell(self._settings, self.readers, _end(self._began_at))
            self._why, self._told = None, None
            return
        if self._why is None:
            self._began, self._began_at = time.monotonic(), int(time.time())
            log.error("nothing can be written: %s", refusal.reason)
        self._why = refusal
        now = time.monotonic()
        lasted = now - self._began >= self._patience[refusal.why]
        if lasted and (self._told is None or now - self._told >= AGAIN):
            answer = _alert(refusal, self._began_at, self._settings.data)
            if await emergency.tell(self._settings, self.readers, answer):
                self._told = now


def _alert(refusal: Refusal, since: int, data: Path) -> Answer:
    lines = [f"Depuis le {french.moment(since)} : {refusal.reason}."]
    with suppress(OSError):
        lines[0] = f"{lines[0]} Dossier : {data} ; il y reste {french.volume(disk.free(data))}."
    kept = "Rien n'est perdu : Telegram garde les messages, la boîte aux lettres les courriels, le FTP les fichiers. "
    return Answer(
        "⚠️ Le robot ne peut plus rien écrire",
        (*lines, f"{kept}Tout repart seul, et chacun a sa réponse, dès que le robot peut écrire.", _TO_DO[refusal.why]),
    )


_TO_DO: dict[Why, str] = {
    "full": "Que faire : libérer de la place sur ce disque, ou l'agrandir. Ne rien effacer dans le dossier du robot.",
    "closed": "Que faire : voir pourquoi ce disque est en lecture seule (« dmesg », « mount »), et le rétablir.",
    "broken": "Que faire : voir l'état de ce disque (« dmesg ») ; s'il meurt, remettre une sauvegarde sur un autre.",
    "locked": "Que faire : arrêter l'autre programme qui tient les bases (« fuser -v » sur les fichiers .db le dit).",
}


def _end(since: int) -> Answer:
    return Answer(
        "Le robot écrit de nouveau",
        (
            f"La panne a duré depuis le {french.moment(since)}.",
            "Ce qui attendait est traité maintenant ; rien n'a été perdu.",
        ),
    )


def _refusal(data: Path) -> Refusal | None:
    """Try to write. What is written tells a later start what time it was (`bot.clock`)."""
    try:
        if disk.free(data) < _NONE:
            return Refusal("full")
        with closing(store.connect(data / FILE_NAME)) as db:
            db.execute(f"PRAGMA busy_timeout = {int(_TURN * 1000)}")
            with db.atomic():
                progress.put(db, "clock", int(time.time()))
    except (sqlite3.OperationalError, OSError) as error:
        refusal = disk.refusal_of(error)
        if refusal is None:
            raise
        return refusal
    return None


def _shortage(data: Path) -> str:
    """Why there will be no room before long (French), or ""."""
    try:
        free = disk.free(data)
        if free >= max(_LITTLE, disk.total(data) // _SHARE):
            return ""
        parts = sorted(((disk.weight(path), path.name) for path in data.iterdir()), reverse=True)
    except OSError:
        return ""
    heaviest = ", ".join(f"{name} {french.volume(weight)}" for weight, name in parts[:3] if weight)
    whole = french.volume(sum(weight for weight, _ in parts))
    return (
        f"il reste {french.volume(free)} sur le disque de {data}. Le dossier du robot y prend {whole} ({heaviest}). "
        "Libérer de la place, ou agrandir le disque : une fois plein, le robot ne répond plus, sans rien perdre."
    )


def _of_settings(settings: Settings) -> Readers:
    return Readers((), settings.technical_email, settings.technical_contact, settings.operator_name)


def _readers_of_store(settings: Settings) -> Readers:
    """As the store knows them, if it lets itself be read."""
    known = _of_settings(settings)
    try:
        with closing(sqlite3.connect(f"{(settings.data / FILE_NAME).absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT chat_id FROM chats WHERE person_id = ? AND chat_id > 0 AND dead_at IS NULL", (TECHNICAL,)
            )
            return Readers(tuple(chat for (chat,) in rows), known.address, known.name, known.house)
    except sqlite3.Error:
        return known

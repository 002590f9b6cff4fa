"""Receiving mail, as a loop of the service: the receiver's thread on one side, the desk on the other."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from bot.desk import progress
from bot.desk.inbox import mail_key
from bot.house import House
from bot.mail import first_look
from bot.mail.imap import CONNECTED, RawMail, Receiver
from bot.mail.reading import message_id_of, sender_of
from bot.pulse import Pulse
from core.folders import PARIS

Result = TypeVar("Result")

#: Seconds that a large mail may take to come: LARGEST, at 17 kB a second.
LONGEST_FETCH = 1800.0


async def receive(
    house: House,
    arrived: Callable[[], None],
    dealt_with: asyncio.Event,
    found: Callable[[str], None],
    pulse: Pulse,
) -> None:
    """Write mails down, and file those that were dealt with, for ever.

    :param arrived: called after each mail.
    :param dealt_with: rung whenever there may be something to file.
    :param found: told why the mailbox cannot be read (French), or "" when it can.
    """
    loop = asyncio.get_running_loop()
    inbox = house.inbox

    def known(folder: str, uidvalidity: int) -> set[int]:
        return _on(loop, lambda: inbox.mail_uids(folder, uidvalidity))

    def keep(mail: RawMail) -> None:
        key = mail_key(mail.folder, mail.uidvalidity, mail.uid)
        conversation, message_id = f"mail:{sender_of(mail.content)}", message_id_of(mail.content)
        stranger = first_look.is_strangers(mail.most)
        add = partial(inbox.add, truncated=mail.truncated, stranger=stranger)
        _on(loop, lambda: add("mail", key, conversation, mail.content, message_id))
        loop.call_soon_threadsafe(pulse.beat, "mail received")
        loop.call_soon_threadsafe(pulse.stir, "imap")
        loop.call_soon_threadsafe(arrived)

    def look(headers: bytes) -> int:
        loop.call_soon_threadsafe(pulse.stir, "imap", LONGEST_FETCH)
        return _on(loop, lambda: first_look.most_of(house, headers))

    def tell(state: str) -> None:
        loop.call_soon_threadsafe(found, "" if state == CONNECTED else state)

    def looked(went_well: bool) -> None:
        loop.call_soon_threadsafe(pulse.beat if went_well else pulse.stir, "imap")

    def to_file(folder: str, uidvalidity: int) -> dict[int, str | None]:
        waiting = _on(loop, lambda: inbox.to_file(folder, uidvalidity))
        return {uid: folders[filing] for uid, filing in waiting.items()}

    def filed(folder: str, uidvalidity: int, uids: list[int]) -> None:
        _on(loop, lambda: inbox.filed(folder, uidvalidity, uids))

    settings = house.settings
    folders = {"handled": settings.handled_folder, "set aside": settings.set_aside_folder, "removed": None}
    receiver = Receiver(
        settings.imap,
        known,
        keep,
        look=look,
        to_file=to_file,
        filed=filed,
        on_state=tell,
        on_look=looked,
        seen_until=_seen_until(house),
    )
    pulse.stir("imap")
    receiver.start()
    filing = asyncio.create_task(_file(house, receiver, dealt_with))
    try:
        # Not joined by a thread of the loop's own: the end of the service would wait for it.
        while receiver.is_alive():  # noqa: ASYNC110
            await asyncio.sleep(1.0)
    finally:
        filing.cancel()
        await asyncio.to_thread(receiver.stop)
    raise RuntimeError("the mail receiver ended")


async def _file(house: House, receiver: Receiver, dealt_with: asyncio.Event) -> None:
    """Wake the receiver whenever a mail was dealt with."""
    while True:
        await dealt_with.wait()
        dealt_with.clear()
        if house.inbox.waits_for_filing():
            receiver.file_now()


def _seen_until(house: House) -> date | None:
    """Where mails stay where they are, who was answered between a backup and its return can only be told by that."""
    restored_at = progress.get(house.desk, "restored_at")
    if not restored_at or (house.settings.handled_folder and house.settings.set_aside_folder):
        return None
    return datetime.fromtimestamp(restored_at, PARIS).date()


def _on(loop: asyncio.AbstractEventLoop, call: Callable[[], Result]) -> Result:
    """Run `call` on the loop's thread, where the desk's connection lives, and wait for it."""

    async def run() -> Result:
        return call()

    return asyncio.run_coroutine_threadsafe(run(), loop).result(timeout=60)

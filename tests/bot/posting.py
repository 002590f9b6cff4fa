"""Mails to send and to find, and what a receiver's owner writes down."""

import asyncio
import email
import email.policy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from bot.mail.imap import CONNECTED, RawMail, Receiver
from core.settings import MailAccess
from tests.peers.mail import eventually
from tests.peers.misbehaving import HOST

PDF = bytes(range(256)) * 40


def a_mail(
    subject: str = "Relevé d’été — 15 €", sender: str = "bot@client.test", to: str = "compta@client.test"
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="client.test")
    mail.set_content("Voilà les 12 € de l’été.\n.\n..deux points 😀\n" + "é" * 1200 + "\n")
    return mail


def read(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def odd(port: int) -> MailAccess:
    return MailAccess(HOST, port, login="", password="", tls="none")


class Ledger:
    """What a receiver's owner writes down; `refuse`: called before, and may raise or block.

    `waiting`: mails that were dealt with, by UID, and where they go; `filed`: those of which it was told that they are
    there.
    """

    def __init__(self, refuse: Callable[[RawMail], None] | None = None) -> None:
        self.mails: list[RawMail] = []
        self.tries: list[int] = []
        self.states: list[str] = []
        self.waiting: dict[int, str] = {}
        self.filed: list[int] = []
        self._refuse = refuse or (lambda mail: None)

    def known(self, folder: str, uidvalidity: int) -> set[int]:
        return {mail.uid for mail in self.mails if (mail.folder, mail.uidvalidity) == (folder, uidvalidity)}

    def keep(self, mail: RawMail) -> None:
        self.tries.append(mail.uid)
        self._refuse(mail)
        self.mails.append(mail)

    def to_file(self, folder: str, uidvalidity: int) -> dict[int, str]:
        known = self.known(folder, uidvalidity)
        return {uid: target for uid, target in self.waiting.items() if uid in known}

    def is_filed(self, folder: str, uidvalidity: int, uids: list[int]) -> None:
        self.filed += uids
        for uid in uids:
            del self.waiting[uid]

    async def has_filed(self, count: int) -> None:
        await asyncio.to_thread(eventually, lambda: list(self.filed), lambda uids: len(uids) >= count)

    def subjects(self) -> list[str]:
        return [read(mail.content)["Subject"] for mail in self.mails]

    async def holds(self, count: int) -> None:
        await asyncio.to_thread(eventually, lambda: list(self.mails), lambda mails: len(mails) >= count)

    async def state(self, good: Callable[[list[str]], bool]) -> None:
        await asyncio.to_thread(eventually, lambda: list(self.states), good)


@contextmanager
def receiving(access: MailAccess, ledger: Ledger, **options: object) -> Iterator[Receiver]:
    receiver = Receiver(
        access,
        ledger.known,
        ledger.keep,
        to_file=ledger.to_file,
        filed=ledger.is_filed,
        on_state=ledger.states.append,
        **options,  # type: ignore[arg-type]
    )
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
        assert not receiver.is_alive()


async def in_idle(ledger: Ledger) -> None:
    """Let the receiver look once and settle into its wait."""
    await ledger.state(lambda states: CONNECTED in states)
    await asyncio.sleep(0.5)

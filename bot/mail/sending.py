"""Sending what the outbox holds for mailboxes: one mail after the other."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial

from bot.desk.outbox import Parcel, envid_of
from bot.house import House
from bot.mail import smtp
from bot.pulse import Pulse
from bot.undelivered import tell_mail
from core import logs
from core.trace import trace

log = logging.getLogger(__name__)

#: Seconds between two tries while the mail server refuses the account.
ACCOUNT_WAIT = 300.0

#: Seconds that the mail under way is given to end when the service stops: cut off, it would go out twice.
GRACE = 4.0


class Postman:
    """`posted` is to be rung whenever there may be something to send.

    :param found: told how sending goes: a French reason, or "" when a server took a mail.
    :param wrote: called when a mail that was not delivered made something be written.
    """

    def __init__(self, house: House, found: Callable[[str], None], wrote: Callable[[], None], pulse: Pulse) -> None:
        self._house = house
        self._outbox = house.outbox
        self._found = found
        self._wrote = wrote
        self._pulse = pulse
        self.connection = smtp.Connection(house.settings.smtp)
        self.posted = asyncio.Event()

    async def run(self) -> None:
        """For ever. When this is cancelled, the mail under way is given a little time to end."""
        if lost := self._outbox.recover("mail"):
            log.warning("mail: %s parcels were being sent at the last stop: sent again, marked uncertain", lost)
        while True:
            self.posted.clear()
            while parcels := self._outbox.due("mail", int(time.time())):
                for parcel in parcels:
                    await self._to_its_end(parcel)
            await self.connection.close()
            due = self._outbox.next_try("mail")
            wait = 30.0 if due is None else min(30.0, max(0.2, due - time.time()))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self.posted.wait()

    async def _to_its_end(self, parcel: Parcel) -> None:
        with logs.about(parcel.cause):
            posting = asyncio.create_task(self.post(parcel))
        try:
            await asyncio.shield(posting)
        except asyncio.CancelledError:
            try:
                await asyncio.wait({posting}, timeout=GRACE)
            finally:
                posting.cancel()
            await asyncio.gather(posting, return_exceptions=True)
            raise

    async def post(self, parcel: Parcel) -> None:
        """One attempt; its outcome is in the outbox when this returns."""
        if not self._outbox.sending(parcel):
            return
        begun, settle = time.monotonic(), self._outbox.settle
        try:
            message = message_from_bytes(parcel.payload, policy=SMTP)
            assert isinstance(message, EmailMessage)
            envid = envid_of(str(message["Message-ID"]))
            delivery = await self.connection.send(message, [parcel.recipient], envid=envid)
        except smtp.MailError as error:
            # A refused account is no fault of this mail, which waits until the settings are mended.
            after = ACCOUNT_WAIT if error.of_account else None
            if error.permanent and not error.of_account:
                settle(partial(self._undelivered, parcel, str(error)))
            else:
                settle(partial(self._later, parcel, str(error), after=after, uncertain=error.uncertain))
            if error.of_account or not error.permanent:
                self._found(f"{error} Les courriels sont gardés et partiront ensuite.")
            return
        except Exception as error:  # one mail that cannot be sent stops no other
            log.error("mail parcel %s: %s", parcel.id, trace(error))
            settle(partial(self._later, parcel, f"erreur interne ({type(error).__name__})", uncertain=True))
            return
        self._pulse.beat("mail sent")
        if delivery.refused:
            settle(partial(self._undelivered, parcel, next(iter(delivery.refused.values()))))
        elif delivery.deferred:
            settle(partial(self._later, parcel, next(iter(delivery.deferred.values()))))
        else:
            settle(partial(self._outbox.sent, parcel))
            log.info("sent: mail parcel %s%s", parcel.id, logs.in_time(begun))
        self._found("")

    def _later(self, parcel: Parcel, reason: str, *, after: float | None = None, uncertain: bool = False) -> None:
        if not self._outbox.again(parcel, reason, after=after, uncertain=uncertain):
            self._undelivered(parcel, reason)

    def _undelivered(self, parcel: Parcel, reason: str) -> None:
        log.error("mail parcel %s refused: %s", parcel.id, reason)
        with self._house.desk.atomic():
            self._outbox.failed(parcel, reason)
            tell_mail(self._house, parcel, reason)
        self._wrote()

"""Sending mail over SMTP: one connection a mail, and an exact account of who got it."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from bot.mail.faults import MailError, in_words, without_secret
from core.settings import MailAccess, tls_context

__all__ = ["Delivery", "MailError", "check", "send"]

#: Seven bits in headers and bodies: every server takes that, with or without SMTPUTF8 and 8BITMIME.
#: Headers that were read back are left as they were written: folded anew, a long Message-ID would be an encoded word.
WIRE = SMTP_POLICY.clone(cte_type="7bit", refold_source="none")

BARE_ADDRESS = re.compile(r"[^\s<>(),;:@\x00-\x1f\x7f-\U0010ffff]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True)
class Delivery:
    """Whom the server took the mail for.

    `refused`: address -> the server's reason, for good (5xx).
    `deferred`: address -> the server's reason, for now (4xx): send the same mail to these again later.
    """

    accepted: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    deferred: Mapping[str, str] = field(default_factory=dict)


async def send(
    access: MailAccess, message: EmailMessage, recipients: Sequence[str], *, seconds: float = 60.0
) -> Delivery:
    """Send one mail; `recipients` is the envelope, whatever To and Cc say.

    :param seconds: for the whole conversation, connection included.
    :raises ValueError: Message-ID, Date or From is missing, Bcc is present, or nobody is to receive it.
    :raises MailError: nobody received it, or nobody knows (`uncertain`).
    """
    sender = _checked_sender(message, recipients)
    content = message.as_bytes(policy=WIRE)
    client = _client(access, seconds)
    data_begun = False
    try:
        async with asyncio.timeout(seconds):
            await _enter(client, access)
            size = [f"SIZE={len(content)}"] if client.supports_extension("size") else []
            await client.mail(sender, options=size)
            delivery = await _name_recipients(client, access, recipients)
            data_begun = True
            await client.data(content)
        await _leave(client)
        return delivery
    except (SMTPException, OSError, TimeoutError) as error:
        raise _mail_error(error, access, data_begun=data_begun) from error
    finally:
        client.close()


async def check(access: MailAccess, *, seconds: float = 30.0) -> str:
    """Connect, log in and leave without sending anything; a French summary.

    :raises MailError: with what to mend.
    """
    client = _client(access, seconds)
    try:
        async with asyncio.timeout(seconds):
            await _enter(client, access)
        await _leave(client)
    except (SMTPException, OSError, TimeoutError) as error:
        raise _mail_error(error, access, data_begun=False) from error
    finally:
        client.close()
    link = "en clair" if access.tls == "none" else "chiffrée"
    who = f"authentifiée ({access.login})" if access.login else "sans authentification"
    return f"SMTP {access.host}:{access.port} : connexion {link}, {who}."


def _checked_sender(message: EmailMessage, recipients: Sequence[str]) -> str:
    for name in ("Message-ID", "Date", "From"):
        if not message[name]:
            raise ValueError(f"a mail without {name} cannot be sent")
    if "Bcc" in message:
        raise ValueError("Bcc would be shown to everyone: name hidden recipients in the envelope only")
    if not recipients:
        raise ValueError("a mail needs at least one recipient")
    return parseaddr(str(message["Sender"] or message["From"]))[1]


def _client(access: MailAccess, seconds: float) -> SMTP:
    return SMTP(
        hostname=access.host,
        port=access.port,
        use_tls=access.tls == "tls",
        start_tls=access.tls == "starttls",
        tls_context=None if access.tls == "none" else tls_context(access.ca_file),
        timeout=seconds,
    )


async def _enter(client: SMTP, access: MailAccess) -> None:
    await client.connect()
    if access.login:
        await client.login(access.login, access.password)


async def _leave(client: SMTP) -> None:
    # The mail is already the server's: a failed QUIT must not read as a failed mail.
    with suppress(SMTPException, OSError, TimeoutError):
        await client.quit(timeout=5)


async def _name_recipients(client: SMTP, access: MailAccess, recipients: Sequence[str]) -> Delivery:
    """Say RCPT TO for each.

    :raises MailError: not one was accepted; permanent only if every refusal is.
    """
    accepted: list[str] = []
    refused: dict[str, str] = {}
    deferred: dict[str, str] = {}
    for recipient in dict.fromkeys(recipients):
        if not BARE_ADDRESS.fullmatch(recipient):  # aiosmtplib would send to whatever address it finds in it
            refused[recipient] = "adresse impossible (espace, lettre accentuée ou signe interdit)"
            continue
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            if error.code == 421:  # the server is closing: it has refused the connection, not the address
                raise
            reason = f"{error.code} {without_secret(error.message, access)}"
            (deferred if error.code < 500 else refused)[recipient] = reason
        else:
            accepted.append(recipient)
    if not accepted:
        told = " ; ".join(f"{address} : {reason}" for address, reason in (refused | deferred).items())
        raise MailError(f"Aucun destinataire accepté : {told}.", permanent=not deferred)
    return Delivery(tuple(accepted), refused, deferred)


def _mail_error(error: Exception, access: MailAccess, *, data_begun: bool) -> MailError:
    if isinstance(error, SMTPAuthenticationError) and error.code >= 500:
        return MailError(
            f"{access.host}:{access.port} : identifiant ou mot de passe refusé pour {access.login} "
            f"({error.code}) ; vérifier ORIGYNE_SMTP_LOGIN et ORIGYNE_SMTP_PASSWORD.",
            permanent=True,
            of_account=True,
        )
    if isinstance(error, SMTPResponseException) and error.code >= 400:
        answer = f"{error.code} {without_secret(error.message, access)}"
        return MailError(
            f"{access.host}:{access.port} : le serveur refuse le courriel ({answer}).",
            permanent=error.code >= 500,
        )
    if isinstance(error, SMTPResponseException):
        sentence = f"{access.host}:{access.port} : réponse inattendue ({without_secret(error.message, access)})."
    else:
        sentence = in_words(error, access)
    if data_begun:
        sentence += " Le courriel a peut-être été pris quand même."
    return MailError(sentence, uncertain=data_begun)

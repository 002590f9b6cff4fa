"""Sending mail over SMTP: an exact account of who got it, and of what nobody knows."""

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
    SMTPHeloError,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from bot.mail import oauth
from bot.mail.faults import MailError, in_words, refused_login, without_secret
from core.settings import MailAccess, tls_context

__all__ = ["Connection", "Delivery", "MailError", "check", "send"]

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
    access: MailAccess, message: EmailMessage, recipients: Sequence[str], *, envid: str = "", seconds: float = 60.0
) -> Delivery:
    """Send one mail over a connection of its own; see `Connection`."""
    connection = Connection(access, seconds)
    try:
        return await connection.send(message, recipients, envid=envid)
    finally:
        await connection.close()


class Connection:
    """Mails of a batch go one after the other over one connection, made at the first; a fault ends it, and the next
    mail makes another.

    :param seconds: for one mail, the connection included.
    """

    def __init__(self, access: MailAccess, seconds: float = 60.0) -> None:
        self._access = access
        self._seconds = seconds
        self._client: SMTP | None = None

    async def send(self, message: EmailMessage, recipients: Sequence[str], *, envid: str = "") -> Delivery:
        """Send one mail; `recipients` is the envelope, whatever To and Cc say.

        :param envid: what a report that it was not delivered names it by (RFC 3461), where the server can say it.
        :raises ValueError: Message-ID, Date or From is missing, Bcc is present, or nobody is to receive it.
        :raises MailError: nobody received it, or nobody knows (`uncertain`).
        """
        sender = _checked_sender(message, recipients)
        content = message.as_bytes(policy=WIRE)
        data_begun = False
        try:
            async with asyncio.timeout(self._seconds):
                client = await self._begin(sender, content, envid)
                delivery = await _name_recipients(client, self._access, recipients)
                data_begun = True
                await client.data(content)
            return delivery
        except (SMTPException, OSError, TimeoutError) as error:
            self._drop()
            raise _mail_error(error, self._access, len(content), data_begun=data_begun) from error
        except BaseException:
            self._drop()
            raise

    async def close(self) -> None:
        """Take leave, after a batch; the next mail connects again."""
        if self._client:
            await _leave(self._client)
        self._drop()

    def _drop(self) -> None:
        if self._client:
            self._client.close()
            self._client = None

    async def _begin(self, sender: str, content: bytes, envid: str) -> SMTP:
        """Say MAIL FROM. A server may have closed a connection that waited for this mail: it is made again."""
        if self._client:
            try:
                await _name_sender(self._client, sender, content, envid)
                return self._client
            except (SMTPException, OSError) as error:
                self._drop()
                if isinstance(error, SMTPResponseException) and error.code != 421:
                    raise
        self._client = _client(self._access, self._seconds)
        await _enter(self._client, self._access)
        await _name_sender(self._client, sender, content, envid)
        return self._client


async def check(access: MailAccess, *, seconds: float = 30.0) -> str:
    """Connect, log in and leave without sending anything; a French summary.

    :raises MailError: with what to mend.
    """
    client = _client(access, seconds)
    try:
        async with asyncio.timeout(seconds):
            await _enter(client, access)
        reports, most = client.supports_extension("dsn"), _most_bytes(client)
        await _leave(client)
    except (SMTPException, OSError, TimeoutError) as error:
        raise _mail_error(error, access, 0, data_begun=False) from error
    finally:
        client.close()
    link = "en clair" if access.tls == "none" else "chiffrée"
    way = ", par jeton OAuth2" if access.oauth else ", par mot de passe"
    who = f"authentifiée ({access.login}{way})" if access.login else "sans authentification"
    told = "le serveur rend compte des non-remises (DSN)" if reports else "le serveur n'offre pas DSN"
    size = f", et prend jusqu'à {_megabytes(most)}" if most else ""
    return f"SMTP {access.host}:{access.port} : connexion {link}, {who} ; {told}{size}."


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
        start_tls=False,  # see `_enter`
        tls_context=None if access.tls == "none" else tls_context(access.ca_file),
        timeout=seconds,
    )


async def _enter(client: SMTP, access: MailAccess) -> None:
    """Connect and log in.

    :raises MailError: the link would be in clear where it must not, or the account is refused.
    """
    await client.connect()
    await _greet(client)
    if access.tls == "starttls":
        if not client.supports_extension("starttls"):
            raise _without_tls(access)
        await client.starttls()
        await _greet(client)  # what was offered in clear counts no longer
    if not access.login:
        return
    try:
        if access.oauth is None:
            await client.login(access.login, access.password)
        else:
            await _bring_token(client, access)
    except SMTPAuthenticationError as error:
        if error.code >= 500:
            raise refused_login(access, "SMTP", str(error.code)) from None
        raise MailError(f"{access.host}:{access.port} : pas de connexion pour le moment ({error.code}).") from None


async def _greet(client: SMTP) -> None:
    try:
        await client.ehlo()
    except SMTPHeloError as error:
        if error.code == 421:
            raise
        await client.helo()


async def _bring_token(client: SMTP, access: MailAccess) -> None:
    token = await asyncio.to_thread(oauth.access_token, access)
    try:
        await client.auth_xoauth2(access.login, token)
    except SMTPAuthenticationError:
        # Revoked before its end; one more that is refused is no accident.
        token = await asyncio.to_thread(oauth.access_token, access, refused=token)
        await client.auth_xoauth2(access.login, token)


async def _name_sender(client: SMTP, sender: str, content: bytes, envid: str) -> None:
    """Say MAIL FROM.

    :raises MailError: the server said beforehand that it does not take so large a mail.
    """
    options = []
    if client.supports_extension("size"):
        most = _most_bytes(client)
        if 0 < most < len(content):
            raise _too_big(client.hostname or "", len(content), most)
        options.append(f"SIZE={len(content)}")
    if client.supports_extension("dsn"):
        options.append("RET=HDRS")
        if envid:
            options.append(f"ENVID={_xtext(envid)}")
    await client.mail(sender, options=options)


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
    options = ["NOTIFY=FAILURE"] if client.supports_extension("dsn") else []
    for recipient in dict.fromkeys(recipients):
        if not BARE_ADDRESS.fullmatch(recipient):  # aiosmtplib would send to whatever address it finds in it
            refused[recipient] = "adresse impossible (espace, lettre accentuée ou signe interdit)"
            continue
        try:
            await client.rcpt(recipient, options=options)
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


def _mail_error(error: Exception, access: MailAccess, size: int, *, data_begun: bool) -> MailError:
    if isinstance(error, SMTPResponseException) and error.code >= 400:
        enhanced = _ENHANCED.match(error.message)
        if enhanced[0] in _TOO_BIG if enhanced else error.code == 552:
            return _too_big(access.host, size, 0)
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


#: "Message length exceeds" and "Message too big" (RFC 3463, 3.3, 3.4).
_ENHANCED, _TOO_BIG = re.compile(r"[245]\.\d{1,3}\.\d{1,3}"), ("5.2.3", "5.3.4")


def _too_big(host: str, size: int, most: int) -> MailError:
    limit = f", qui en prend {_megabytes(most)}" if most else ""
    return MailError(
        f"courriel trop gros pour {host} ({_megabytes(size)}{limit}) ; baisser ORIGYNE_MAIL_MAX_MB.", permanent=True
    )


def _without_tls(access: MailAccess) -> MailError:
    return MailError(
        f"{access.host}:{access.port} : le serveur n'offre pas STARTTLS : rien n'est envoyé en clair. Vérifier le port "
        "et ORIGYNE_SMTP_TLS ; si cela marchait hier, quelqu'un s'est peut-être mis entre les deux."
    )


def _most_bytes(client: SMTP) -> int:
    """The largest mail that the server says it takes, 0 when it does not say (RFC 1870)."""
    said = client.esmtp_extensions.get("size", "").strip()
    return int(said) if said.isascii() and said.isdecimal() else 0


def _megabytes(size: int) -> str:
    return f"{max(size / 1_000_000, 0.1):.1f} Mo".replace(".", ",")


def _xtext(text: str) -> str:
    """RFC 3461, 4."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text if c.isascii())

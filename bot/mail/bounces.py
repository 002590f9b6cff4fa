"""What a delivery report says: which addresses a mail did not reach, and why; by RFC 3464, else in words."""

import re
from dataclasses import dataclass
from email.message import EmailMessage, Message
from typing import Literal, cast

from bot.mail.bounded import FAULTS, header

Action = Literal["failed", "delayed"]


@dataclass(frozen=True)
class Undelivered:
    """`status`: as RFC 3463 writes it ("5.1.1"), "" when unknown; `diagnostic`: the server's words, on one line."""

    address: str
    status: str
    action: Action
    diagnostic: str


@dataclass(frozen=True)
class Bounce:
    """A delivery report. `message_id`: of our mail, and `envid`: the envelope's own name (RFC 3461); "" when unknown.

    Anybody can write one: whoever acts upon it looks first whether the Message-ID is one of ours.
    """

    recipients: tuple[Undelivered, ...]
    message_id: str
    envid: str


#: Recipients that one report is read for.
_MOST = 100


def is_report(message: EmailMessage) -> bool:
    """A report of delivery or of reading (RFC 6522); it is no person's mail."""
    return message.get_content_type() in ("multipart/report", "message/delivery-status")


def bounce_of(message: EmailMessage, sender: str, body: str) -> Bounce | None:
    """The report that this mail is; None when it is none, or tells of mails that arrived.

    :param body: the mail's text; servers that write no RFC 3464 say it there.
    """
    blocks = [block for part in _parts(message) for block in _blocks(part)]
    failures = [failure for block in blocks[: _MOST + 1] if (failure := _failure(block))]
    if not blocks and _is_daemon(message, sender):
        failures = _told(header(message, "X-Failed-Recipients"), header(message, "Subject"), body)
    if not failures:
        return None
    envid = next((found for block in blocks if (found := header(block, "Original-Envelope-Id"))), "")
    return Bounce(tuple(failures), _returned_id(message, body), envid)


def _parts(message: EmailMessage) -> list[EmailMessage]:
    """The mail itself and its parts, without those of mails that it brings: a person may forward a report."""
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        return [message]
    return [part for part in message.get_payload() if isinstance(part, EmailMessage)]


def _blocks(part: EmailMessage) -> list[EmailMessage]:
    if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
        return []
    return [block for block in part.get_payload() if isinstance(block, EmailMessage)] if part.is_multipart() else []


def _failure(block: EmailMessage) -> Undelivered | None:
    written = header(block, "Original-Recipient") or header(block, "Final-Recipient")
    address = re.sub(r"^[\w-]+\s*;\s*", "", written).strip().strip("<>").lower()
    status = _status(header(block, "Status"))
    action = header(block, "Action").split(" ")[0].strip(";(").lower()
    if not action:
        action = {"5": "failed", "4": "delayed"}.get(status[:1], "")
    if "@" not in address or action not in ("failed", "delayed"):
        return None
    diagnostic = re.sub(r"^[\w-]+\s*;\s*", "", header(block, "Diagnostic-Code"))
    return Undelivered(address, status or _status(diagnostic), cast(Action, action), diagnostic[:500])


def _status(text: str) -> str:
    found = re.search(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)", text[:2000])
    return found[0] if found else ""


# -- servers that write no RFC 3464: qmail, old Exim


_DAEMON = re.compile(r"mailer-?daemon|postmaster|mail-?daemon", re.IGNORECASE)
_ADDRESS_LINE = re.compile(r"\s*<?([^\s<>:;,()]{1,64}@[\w.-]{1,250}[\w])>?\s*:?\s*")
_COPY = re.compile(
    r"-+ ?(?:below this line is a copy|this is a copy of|original message|the header|copie du message"
    r"|message d['’]origine"
    r"|included is a copy|the body of the message|en-têtes).*",
    re.IGNORECASE,
)
_LATE = re.compile(
    r"\bdelayed\b|delay(?:ed)? (?:notification|\d)|not yet been delivered|will (?:keep|continue) (?:try|to try)"
    r"|en attente"
    r"|retardée?|différée?|warning: message",
    re.IGNORECASE,
)


def _is_daemon(message: EmailMessage, sender: str) -> bool:
    return "X-Failed-Recipients" in message or bool(_DAEMON.match(sender.partition("@")[0]))


def _told(failed: str, subject: str, body: str) -> list[Undelivered]:
    """What a daemon says in words: each address on its own line, the reason below it."""
    lines = body[:20_000].split("\n")
    end = next((place for place, line in enumerate(lines) if _COPY.match(line.strip())), len(lines))
    lines = lines[:end]
    action: Action = "delayed" if _LATE.search(subject[:300] + "\n" + "\n".join(lines)[:5000]) else "failed"
    reasons: dict[str, str] = {address.strip().lower(): "" for address in failed.split(",") if "@" in address}
    for place, line in enumerate(lines):
        if found := _ADDRESS_LINE.fullmatch(line):
            reason: list[str] = []
            for below in lines[place + 1 :]:
                if not below.strip() or _ADDRESS_LINE.fullmatch(below):
                    break
                reason.append(below.strip())
            if reason or found[1].lower() not in reasons:
                reasons[found[1].lower()] = " ".join(reason)[:500]
    return [Undelivered(address, _status(why), action, why) for address, why in list(reasons.items())[:_MOST]]


# -- our mail


def _returned_id(message: EmailMessage, body: str) -> str:
    """The Message-ID of the mail that came back, whole, by its headers, or copied below the daemon's words."""
    for part in _parts(message):
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global") and part.is_multipart():
            inner = part.get_payload(0)
            if isinstance(inner, EmailMessage) and (found := _id(header(inner, "Message-ID"))):
                return found
        elif kind.endswith(("rfc822-headers", "/global-headers", "/rfc822")) and (found := _id_in(_text(part))):
            return found
    return _id_in(body)


def _text(part: Message) -> str:
    try:
        content = part.get_payload(decode=True)
        return content.decode("latin-1") if isinstance(content, bytes) else part.as_string()
    except FAULTS:
        return ""


def _id_in(text: str) -> str:
    found = re.search(r"^\s*message-id:\s*(<[^<>\s]{1,400}>)", text[:200_000], re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""


def _id(value: str) -> str:
    found = re.search(r"<[^<>\s]{1,400}>", value)
    return found[0] if found else ""

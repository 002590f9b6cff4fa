"""What a mail says: who wrote it, whether the receiving server vouches for that, and which questions it asks.

Quoted text and signatures never run.
"""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

from bot.mail.automatic import is_automatic
from bot.mail.bounces import Bounce, bounce_of
from bot.mail.bounded import FAULTS, MailUnreadable, header, headers_of, message_of, raw_headers
from bot.mail.contents import cleaned, contents_of, files_for_commands
from bot.mail.quoting import split
from bot.mail.verdict import Verdict, author_of, verdict_of
from bot.mail.verdict import sender_of as _sender
from handlers.ask import SentFile

__all__ = ["Mail", "MailUnreadable", "message_id_of", "read", "sender_of"]

#: Where an address that a mail was written to may stand; a reply's token is part of it.
_RECIPIENTS = ("To", "Cc", "Delivered-To", "X-Original-To", "X-Forwarded-To", "Envelope-To")

#: Addresses and Message-IDs of a mail that are read.
_MOST = 200

_REPLY = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)*(?:re|réf?|rép|tr|fw|fwd|aw|wg|sv|antw|rv|res|i|r)\s*(?:\[\d+\]|\(\d+\))?\s*:",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mail:
    """A mail as read.

    `own_text`: what its author wrote himself, for a person to read; `own_words`: what may hold questions, one text a
    line, the subject first when it is not a reply's; `cut`: quotes, signatures and forwarded text, so that each line of
    the body stands in `own_text` or in `cut`. `author`: the display name, "" when there is none. `recipients`: lower
    case. `sent_at`: UTC seconds, as its sender's clock says.
    """

    sender: str
    subject: str
    message_id: str
    references: tuple[str, ...]
    in_reply_to: str
    own_words: tuple[str, ...]
    files: tuple[SentFile, ...]
    automatic: bool
    verdict: Verdict
    sent_at: float | None
    author: str = ""
    recipients: tuple[str, ...] = ()
    own_text: str = ""
    cut: str = ""
    bounce: Bounce | None = None


def read(raw: bytes, trusted_server: str) -> Mail:
    """Read a mail.

    :param trusted_server: the name under which the receiving server writes Authentication-Results; "" for none.
    :raises MailUnreadable: not a mail, out of bounds, or so broken that nobody knows who wrote it.
    """
    message = message_of(raw)
    sender = _sender(message)
    if not sender:
        raise MailUnreadable("expéditeur absent, multiple ou ambigu")
    try:
        return _read(message, sender, trusted_server)
    except FAULTS as error:
        raise MailUnreadable("contenu illisible : l'écrire à nouveau en texte simple") from error


def _read(message: EmailMessage, sender: str, trusted_server: str) -> Mail:
    subject = cleaned(header(message, "Subject"))
    contents = contents_of(message)
    own_text, cut = split(contents.lines)
    words = [line.strip() for line in own_text.split("\n") if line.strip()]
    in_reply_to = _ids(header(message, "In-Reply-To"))
    if not in_reply_to and subject.strip() and not _REPLY.match(subject):
        words = [subject.strip(), *words]
    body = "\n".join(line.text for line in contents.lines)
    return Mail(
        sender=sender,
        subject=subject,
        message_id=(_ids(header(message, "Message-ID")) or ("",))[0],
        references=_ids(header(message, "References")),
        in_reply_to=in_reply_to[0] if in_reply_to else "",
        own_words=tuple(words),
        files=files_for_commands(contents, own_text, subject),
        automatic=is_automatic(message, sender, subject),
        verdict=verdict_of(message, sender, trusted_server),
        sent_at=_date(message),
        author=author_of(message),
        recipients=_recipients(message),
        own_text=own_text,
        cut=cut,
        bounce=bounce_of(message, sender, body),
    )


def message_id_of(raw: bytes) -> str:
    """The Message-ID of a mail, "" when it has none that can be read."""
    head = re.split(rb"\r?\n\r?\n", raw[:65536], maxsplit=1)[0]
    found = re.search(rb"^message-id:\s*(<[^<>\s]+>)", head, re.IGNORECASE | re.MULTILINE)
    return found[1].decode("ascii", "replace") if found else ""


def sender_of(raw: bytes) -> str:
    """The sender's address (lower case) of a mail that nobody has read yet, "" when that cannot be told."""
    try:
        return _sender(headers_of(raw)).lower()
    except FAULTS:
        return ""


def _ids(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"<[^<>\s]{1,400}>", text)[-_MOST:])


def _date(message: EmailMessage) -> float | None:
    try:
        return parsedate_to_datetime(header(message, "Date")).timestamp()
    except (*FAULTS, OverflowError, OSError):
        return None


def _recipients(message: EmailMessage) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in (value for name in _RECIPIENTS for value in raw_headers(message, name)):
        try:
            found.update((address.lower(), None) for _, address in getaddresses([value]) if "@" in address)
        except FAULTS:
            continue
    return tuple(found)[:_MOST]

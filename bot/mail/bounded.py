"""A mail's bytes as a message, within bounds: what is too long or too deep is refused before anything is parsed."""

import re
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import EmailPolicy

#: Bytes of a mail, of its headers, and signs of one header.
MOST_BYTES, MOST_HEADERS, MOST_HEADER = 40_000_000, 256_000, 16_000

#: Signs of a header with parameters (Content-Type…): the email package takes the square of their number.
MOST_PARAMETERS = 2_500

#: Parts, and levels of parts within parts.
MOST_PARTS, MOST_LEVELS = 300, 20

#: What the email package raises on broken mails, apart from its own errors; RecursionError on nested comments.
FAULTS = (MessageError, ValueError, LookupError, AttributeError, TypeError, AssertionError, RecursionError)


class MailUnreadable(Exception):
    """Nothing, or nothing certain, can be read in these bytes; says why in French, for the person who looks at it."""


class _Policy(EmailPolicy):
    """Headers within bounds; their raw bytes read as UTF-8, else as windows-1252."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        most = MOST_PARAMETERS if name.lower().startswith("content-") else MOST_HEADER
        return name, _decoded(value[:most])


_POLICY = _Policy()


def message_of(raw: bytes) -> EmailMessage:
    """Parse a mail.

    :raises MailUnreadable: too large, too many parts or headers, or no mail at all.
    """
    _check(raw)
    try:
        message = message_from_bytes(raw, policy=_POLICY)
    except FAULTS as error:
        raise MailUnreadable("structure illisible : l'écrire à nouveau en texte simple") from error
    assert isinstance(message, EmailMessage)
    return message


def headers_of(raw: bytes) -> EmailMessage:
    """The headers alone, of a mail that may be cut off; what does not fit is left."""
    message = BytesHeaderParser(policy=_POLICY).parsebytes(raw[:MOST_HEADERS])
    assert isinstance(message, EmailMessage)
    return message


def header(message: EmailMessage, name: str) -> str:
    """A header decoded, on one line; "" when there is none or nobody can read it."""
    try:
        return " ".join(str(message.get(name, "") or "").split())
    except FAULTS:
        return ""


def raw_headers(message: EmailMessage, name: str) -> list[str]:
    """The values of a header as written, on one line each, from the top."""
    return [" ".join(str(value).split()) for key, value in message.raw_items() if key.lower() == name.lower()]


_MULTIPART = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(rb"\bboundary\s*=\s*(?:\"([^\"\r\n]{1,250})\"|([^\s;\"]{1,250}))", re.IGNORECASE)


def _check(raw: bytes) -> None:
    if len(raw) > MOST_BYTES:
        raise MailUnreadable(f"plus de {MOST_BYTES // 1_000_000} Mo : envoyer les fichiers en plusieurs courriels")
    end = re.search(rb"\r?\n\r?\n|\r\r", raw[: MOST_HEADERS + 4])
    if not end and len(raw) > MOST_HEADERS:
        raise MailUnreadable("en-têtes trop longs : ce n'est pas un courriel ordinaire")
    if len(_MULTIPART.findall(raw)) > MOST_LEVELS:
        raise MailUnreadable("trop de courriels ou de parties imbriqués : ne renvoyer que l'essentiel")
    boundaries = {quoted or bare for quoted, bare in _BOUNDARY.findall(raw)}
    if len(boundaries) > MOST_LEVELS or sum(raw.count(b"\n--" + boundary) for boundary in boundaries) > MOST_PARTS:
        raise MailUnreadable(f"plus de {MOST_PARTS} parties : joindre moins de fichiers à la fois")


def _decoded(value: str) -> str:
    if value.isascii():
        return value
    written = value.encode("utf-8", "surrogateescape")
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        return written.decode("cp1252", "replace")

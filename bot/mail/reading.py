"""What a mail says: who wrote it, whether the receiving server vouches for that, and which questions it asks.

Quoted text and signatures never run.
"""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Literal

from handlers.ask import SentFile

#: What the trusted receiving server says of the sender: "none" when it says nothing.
Verdict = Literal["pass", "fail", "none"]


@dataclass(frozen=True)
class Mail:
    """A mail as read. `own_words`: subject (when it is not a reply's) and body without quotes, one text a line."""

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


class MailUnreadable(Exception):
    """No mail can be read in these bytes."""


def read(raw: bytes, trusted_server: str) -> Mail:
    """Read a mail.

    :param trusted_server: the name under which the receiving server writes Authentication-Results; "" for none.
    :raises MailUnreadable: not a mail, or so broken that nobody knows who wrote it.
    """
    try:
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        senders = [address for _, address in getaddresses([str(value) for value in message.get_all("From", [])])]
        subject = _header(message, "Subject")
        body = _body(message)
        files = tuple(_files(message))
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, IndexError) as error:
        raise MailUnreadable(type(error).__name__) from error
    if len(senders) != 1 or "@" not in senders[0]:
        raise MailUnreadable("expéditeur absent ou multiple")
    in_reply_to = _ids(_header(message, "In-Reply-To"))
    references = _ids(_header(message, "References"))
    words = own_words(body)
    if not in_reply_to and not re.match(r"\s*(re|réf?|tr|fw|fwd|aw)\s*:", subject, re.IGNORECASE):
        words = [subject.strip(), *words]
    return Mail(
        sender=senders[0],
        subject=subject,
        message_id=(_ids(_header(message, "Message-ID")) or ("",))[0],
        references=references,
        in_reply_to=in_reply_to[0] if in_reply_to else "",
        own_words=tuple(words),
        files=files,
        automatic=_is_automatic(message, senders[0]),
        verdict=_verdict(message, senders[0], trusted_server),
        sent_at=_date(message),
    )


def message_id_of(raw: bytes) -> str:
    """The Message-ID of a mail, "" when it has none that can be read."""
    found = re.search(rb"^message-id:\s*(<[^<>\s]+>)", raw[:65536], re.IGNORECASE | re.MULTILINE)
    return found[1].decode("ascii", "replace") if found else ""


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, "") or "")
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, IndexError):
        return ""


def _ids(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"<[^<>\s]+>", text))


def _date(message: EmailMessage) -> float | None:
    try:
        return parsedate_to_datetime(_header(message, "Date")).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _is_automatic(message: EmailMessage, sender: str) -> bool:
    """Robots, lists and absence notices: never answered, or two robots would answer each other for ever."""
    if _header(message, "Auto-Submitted").strip().lower() not in ("", "no"):
        return True
    if _header(message, "Precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return True
    if any(message.get(name) for name in ("X-Auto-Response-Suppress", "List-Id", "X-Autoreply", "X-Autorespond")):
        return True
    if message.get_content_type() == "multipart/report" or _header(message, "Return-Path").strip() == "<>":
        return True
    local = sender.partition("@")[0].lower()
    return local in ("mailer-daemon", "postmaster", "noreply", "no-reply", "ne-pas-repondre", "nepasrepondre")


def _verdict(message: EmailMessage, sender: str, trusted: str) -> Verdict:
    """Authentication-Results (RFC 8601) of the trusted server alone, newest first; DMARC, else SPF or DKIM aligned."""
    if not trusted:
        return "none"
    domain = sender.rpartition("@")[2].lower()
    for value in message.get_all("Authentication-Results", []):
        server, _, results = re.sub(r"\([^()]*\)", " ", str(value)).partition(";")
        if (server.split() or [""])[0].lower() != trusted.lower():
            continue
        found: dict[str, list[tuple[str, str]]] = {}
        for result in results.split(";"):
            if method := re.match(r"\s*(dmarc|spf|dkim)\s*=\s*(\w+)", result, re.IGNORECASE):
                found.setdefault(method[1].lower(), []).append((method[2].lower(), result.lower()))
        if "dmarc" in found:
            return "pass" if found["dmarc"][0][0] == "pass" else "fail"
        for method_name in ("dkim", "spf"):
            for outcome, result in found.get(method_name, []):
                named = re.search(r"(?:header\.d|header\.i|smtp\.mailfrom)\s*=\s*(?:\S*@)?([\w.-]+)", result)
                if outcome == "pass" and named and named[1].strip(".") == domain:
                    return "pass"
        # The topmost one of the trusted server is its last word; older ones below can be forged.
        return "fail" if found else "none"
    return "none"


def _body(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    content = part.get_content()
    text = content if isinstance(content, str) else content.decode("latin-1")
    return _text_of_html(text) if part.get_content_type() == "text/html" else text


def _files(message: EmailMessage) -> list[SentFile]:
    files = []
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        name = part.get_filename()
        if name and isinstance(content, bytes):
            files.append(SentFile(name, content))
    return files


class _Text(HTMLParser):
    """The text of an HTML body, without what it quotes."""

    _BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table"})
    _SILENT = frozenset({"style", "script", "head", "title", "blockquote"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        quoted = tag == "div" and any("gmail_quote" in (value or "") for name, value in attrs if name == "class")
        if tag in self._SILENT or quoted or (self._silent and tag == self._silent[0]):
            self._silent.append(tag)
        elif tag in self._BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()
        elif tag in self._BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _text_of_html(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.pieces)


_SPACE = r"[\s\u00a0\u202f]*"
# "Le lun. 23 nov. 2026 à 10:12, Untel <a@b> a écrit :", on one line or two; a person's own "Le client a écrit : …"
# has neither a date with digits nor an address, and goes on after the colon.
_ATTRIBUTION = re.compile(rf"^(le|on)\b.*(\d|@).*(a{_SPACE}écrit|wrote){_SPACE}:{_SPACE}$", re.IGNORECASE)
_CUT = re.compile(
    rf"^(-{{2,}}{_SPACE}(message d['’]origine|original message|message transféré|forwarded message){_SPACE}-*"
    rf"|_{{10,}}|-{_SPACE}-{_SPACE}$|--{_SPACE}$"
    rf"|(de|from){_SPACE}:{_SPACE}.*@.*|(envoyé|sent){_SPACE}:.*\d.*"
    rf"|envoyé de mon .*|envoyé depuis .*|sent from my .*|début du message (réexpédié|transféré).*)$",
    re.IGNORECASE,
)


def own_words(body: str) -> list[str]:
    """The lines that the sender wrote himself: quotes, what follows their announcement, and signatures are left."""
    lines = [line.strip() for line in body.replace("\r", "").split("\n")]
    own: list[str] = []
    for number, line in enumerate(lines):
        following = next((other for other in lines[number + 1 :] if other), "")
        if _CUT.match(line) or _ATTRIBUTION.match(line):
            break
        if re.match(r"^(le|on)\b", line, re.IGNORECASE) and _ATTRIBUTION.match(f"{line} {following}"):
            break
        if line and not line.startswith((">", "|")):
            own.append(line)
    return own

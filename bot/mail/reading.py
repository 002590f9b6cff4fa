"""What a mail says: who wrote it, whether the receiving server vouches for that, and which questions it asks.

Quoted text and signatures never run.
"""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Literal

from bot.mail.bounces import Bounce
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
    author: str = ""
    recipients: tuple[str, ...] = ()
    own_text: str = ""
    cut: str = ""
    bounce: Bounce | None = None


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
        sender = _sender(message)
        subject = _header(message, "Subject")
        body = _body(message)
        files = tuple(_files(message))
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, IndexError) as error:
        raise MailUnreadable(type(error).__name__) from error
    if not sender:
        raise MailUnreadable("expéditeur absent ou multiple")
    in_reply_to = _ids(_header(message, "In-Reply-To"))
    references = _ids(_header(message, "References"))
    words = own_words(body)
    if not in_reply_to and not re.match(r"\s*(re|réf?|tr|fw|fwd|aw)\s*:", subject, re.IGNORECASE):
        words = [subject.strip(), *words]
    return Mail(
        sender=sender,
        subject=subject,
        message_id=(_ids(_header(message, "Message-ID")) or ("",))[0],
        references=references,
        in_reply_to=in_reply_to[0] if in_reply_to else "",
        own_words=tuple(words),
        files=files,
        automatic=_is_automatic(message, sender),
        verdict=_verdict(message, sender, trusted_server),
        sent_at=_date(message),
        recipients=_recipients(message),
        own_text="\n\n".join(words[1:] if words and words[0] == subject.strip() else words),
    )


def message_id_of(raw: bytes) -> str:
    """The Message-ID of a mail, "" when it has none that can be read."""
    found = re.search(rb"^message-id:\s*(<[^<>\s]+>)", raw[:65536], re.IGNORECASE | re.MULTILINE)
    return found[1].decode("ascii", "replace") if found else ""


def sender_of(raw: bytes) -> str:
    """The sender's address (lower case) of a mail that nobody has read yet, "" when that cannot be told."""
    try:
        message = BytesHeaderParser(policy=default).parsebytes(raw[:65536])
        return _sender(message).lower()
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, IndexError):
        return ""


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, "") or "")
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, IndexError):
        return ""


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\([^()]*\)")


def _bare(value: str) -> str:
    """A header's value without its quoted strings and comments, in which a stranger can write what he likes."""
    bare = _QUOTED.sub('""', value)
    while bare != (bare := _COMMENT.sub(" ", bare)):
        pass
    return bare


def _sender(message: EmailMessage) -> str:
    """The one address of From; "" when there is none, or when two readers could take it for two different ones."""
    written = [str(value) for name, value in message.raw_items() if name.lower() == "from"]
    if len(written) != 1 or _bare(re.sub(r"=\?[^?\s]*\?[bq]\?[^?\s]*\?=", "", written[0], flags=re.I)).count("@") != 1:
        return ""
    addresses = [address for _, address in getaddresses([_header(message, "From")]) if "@" in address]
    return addresses[0] if len(addresses) == 1 else ""


def _recipients(message: EmailMessage) -> tuple[str, ...]:
    written = [_header(message, name) for name in ("To", "Cc", "Delivered-To", "X-Original-To", "X-Forwarded-To")]
    return tuple(dict.fromkeys(address.lower() for _, address in getaddresses(written) if "@" in address))


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
        server, _, results = _bare(str(value)).partition(";")
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
    plain, html = (message.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    text = _content(plain) if plain else ""
    return text if text.strip() or not html else _text_of_html(_content(html))


def _content(part: Message) -> str:
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a charset that nobody knows: commands are ASCII
        return raw.decode("latin-1")


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
    rf"^(-{{2,}}{_SPACE}((message|courriel|mail|e-mail) (d['’]origine|original|initial|transféré|réexpédié)"
    rf"|(original|forwarded) message){_SPACE}-*"
    rf"|_{{10,}}|-{_SPACE}-{_SPACE}$|--{_SPACE}$"
    rf"|(de|from){_SPACE}:{_SPACE}.*@.*|(envoyé|sent){_SPACE}:.*\d.*"
    rf"|envoyé (de mon|depuis|à partir d).*|sent from my .*|(obtenir|get|télécharger) outlook (pour|for) .*"
    rf"|début du message (réexpédié|transféré).*)$",
    re.IGNORECASE,
)


def own_words(body: str) -> list[str]:
    """The lines that the sender wrote himself: quotes, what follows their announcement, and signatures are left.

    An answer below its quote is read when each quoted line is marked (>), after a blank line: one that follows the
    mark at once can be the rest of a quoted line that was wrapped.
    """
    lines = [line.strip() for line in body.replace("\r", "").split("\n")]
    own: list[str] = []
    quoting = False
    skipped = 0
    for number, line in enumerate(lines):
        if number < skipped:
            continue
        if line.startswith((">", "|")) or not line:
            quoting = bool(line)
            continue
        if quoting:
            continue
        if _CUT.match(line):
            break
        if after := _after_attribution(lines, number):
            if not next((other for other in lines[after:] if other), "").startswith(">"):
                break
            skipped = after
            continue
        own.append(line)
    return own


def _after_attribution(lines: list[str], number: int) -> int:
    """Where what an attribution announces begins, when one stands on this line, or on it and the next; 0 when none."""
    line = lines[number]
    if _ATTRIBUTION.match(line):
        return number + 1
    following = next((place for place in range(number + 1, len(lines)) if lines[place]), 0)
    if following and _ATTRIBUTION.match(f"{line} {lines[following]}"):
        return following + 1
    return 0

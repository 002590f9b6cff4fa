"""Mails as people's programs write them: each with its own way to quote what it answers, in text and in HTML."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage, Message
from email.utils import format_datetime, formataddr, make_msgid
from html import escape
from typing import Literal

from core.folders import MONTHS, PARIS

Form = Literal["gmail", "outlook", "apple", "thunderbird"]

#: The programs, and what they are called.
FORMS: dict[Form, str] = {
    "gmail": "Gmail",
    "outlook": "Outlook",
    "apple": "Apple Mail",
    "thunderbird": "Thunderbird",
}

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_SHORT_MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")

#: Signs of a line of plain text, beyond which Gmail breaks what it says of a quote.
_GMAIL_WIDTH = 78


@dataclass(frozen=True)
class Draft:
    """What somebody writes. `author`: (name, address); `to`: addresses; `files`: (name, type, content)."""

    author: tuple[str, str]
    to: Sequence[str]
    subject: str
    text: str
    files: Sequence[tuple[str, str, bytes]] = ()


def written(draft: Draft, form: Form, answered: EmailMessage | None = None) -> EmailMessage:
    """The mail that a program sends, with Message-ID and Date.

    :param answered: what it is a reply to, quoted whole with the pictures that stand in it.
    """
    message = EmailMessage()
    message["From"] = formataddr(draft.author)
    message["To"] = ", ".join(draft.to)
    message["Subject"] = draft.subject
    message["Date"] = format_datetime(datetime.now(PARIS))
    message["Message-ID"] = make_msgid(domain=draft.author[1].rpartition("@")[2])
    if answered is not None:
        message["In-Reply-To"] = one_line(answered["Message-ID"])
        known = one_line(answered["References"] or answered["In-Reply-To"])
        message["References"] = f"{known} {one_line(answered['Message-ID'])}".strip()
    if form in _PROGRAMS:
        message[_PROGRAMS[form][0]] = _PROGRAMS[form][1]
    quoted = _Quoted(answered) if answered is not None else None
    plain, html = _WRITERS[form](draft.text.strip(), quoted)
    message.set_content(plain)
    message.add_alternative(html, subtype="html")
    if answered is not None:
        _take_pictures_along(message, answered, html)
    for name, kind, content in draft.files:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub or "octet-stream", filename=name)
    return message


def subject_of_reply(subject: str, form: Form) -> str:
    """The subject with one sign of a reply, as the program writes it."""
    if re.match(r"\s*re\s*:", subject, re.IGNORECASE):
        return subject
    return f"{'RE' if form == 'outlook' else 'Re'}: {subject}"


def quote_of(answered: EmailMessage, form: Form) -> str:
    """What a reply quotes, as it stands in its text."""
    return _WRITERS[form]("", _Quoted(answered))[0].strip()


def text_of(message: EmailMessage) -> str:
    """The plain text, "" without one."""
    return _decoded(message.get_body(("plain",))).replace("\r\n", "\n")


def html_of(message: EmailMessage) -> str:
    """The HTML, "" without any."""
    return _decoded(message.get_body(("html",)))


def one_line(field: object) -> str:
    """A header, unfolded; "" for none."""
    return " ".join(str(field or "").split())


def _decoded(part: Message | None) -> str:
    content = part.get_payload(decode=True) if part is not None else None
    if part is None or not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


class _Quoted:
    """The mail that is answered, as programs speak of it."""

    def __init__(self, mail: EmailMessage) -> None:
        (sender, *_) = (*mail["From"].addresses, None) if mail["From"] else (None,)
        self.name = str(sender.display_name or sender.addr_spec) if sender else ""
        self.address = str(sender.addr_spec) if sender else ""
        self.to = one_line(mail["To"])
        self.subject = one_line(mail["Subject"])
        self.message_id = one_line(mail["Message-ID"]).strip("<>")
        self.at = ((mail["Date"] and mail["Date"].datetime) or datetime.now(PARIS)).astimezone(PARIS)
        self.text = text_of(mail).rstrip()
        self.html = _body_of(html_of(mail)) or _paragraph(self.text)

    @property
    def marked(self) -> str:
        """The text with a mark before each line."""
        return "\n".join(f"> {line}".rstrip() for line in self.text.split("\n"))

    @property
    def short_date(self) -> str:
        """24 nov. 2026 à 10:05"""
        return f"{self.at.day} {_SHORT_MONTHS[self.at.month - 1]} {self.at.year} à {self.at:%H:%M}"


Writer = Callable[[str, _Quoted | None], tuple[str, str]]


def _gmail(text: str, quoted: _Quoted | None) -> tuple[str, str]:
    own = f'<div dir="ltr">{_lines_in(text, "div")}</div>'
    if quoted is None:
        return f"{text}\n", own
    when = f"Le {_DAYS[quoted.at.weekday()][:3]}. {quoted.short_date}, {quoted.name}"
    said = f"{when} <{quoted.address}> a écrit :"
    if len(said) > _GMAIL_WIDTH:
        said = f"{when} <\n{quoted.address}> a écrit :"
    plain = f"{text}\n\n{said}\n\n{quoted.marked}\n"
    address = escape(quoted.address)
    html = (
        f'{own}<br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">{escape(when)} &lt;'
        f'<a href="mailto:{address}">{address}</a>&gt; a écrit&nbsp;:<br></div><blockquote class="gmail_quote" '
        'style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">'
        f"{quoted.html}</blockquote></div>"
    )
    return plain, html


def _outlook(text: str, quoted: _Quoted | None) -> tuple[str, str]:
    style = 'class="elementToProof" style="font-family: Aptos, Calibri, Helvetica, sans-serif; font-size: 12pt;"'
    own = _lines_in(text, "div", style)
    head = (
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
        '<style type="text/css" style="display:none;"> P {margin-top:0;margin-bottom:0;} </style></head>'
        '<body dir="ltr">'
    )
    if quoted is None:
        return f"{text}\n", f"{head}{own}</body></html>"
    fields = {
        "De": f"{quoted.name} <{quoted.address}>",
        "Envoyé": f"{_DAYS[quoted.at.weekday()]} {quoted.at.day} {MONTHS[quoted.at.month - 1]} {quoted.at:%Y %H:%M}",
        "À": quoted.to,
        "Objet": quoted.subject,
    }
    block = "\n".join(f"{name} : {value}" for name, value in fields.items())
    plain = f"{text}\n\n{'_' * 32}\n{block}\n\n{quoted.text}\n"
    shown = "<br>".join(f"<b>{name} :</b> {escape(value)}" for name, value in fields.items())
    html = (
        f'{head}{own}<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">'
        f'<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt">{shown}</font>'
        f"<div>&nbsp;</div></div><div>{quoted.html}</div></body></html>"
    )
    return plain, html


def _apple(text: str, quoted: _Quoted | None) -> tuple[str, str]:
    head = (
        '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head>'
        '<body style="overflow-wrap: break-word; -webkit-nbsp-mode: space; line-break: after-white-space;">'
    )
    own = _lines_in(text, "div")
    if quoted is None:
        return f"{text}\n", f"{head}{own}</body></html>"
    said = f"Le {quoted.short_date}, {quoted.name} <{quoted.address}> a écrit :"
    plain = f"{text}\n\n> {said}\n>\n{quoted.marked}\n"
    html = (
        f'{head}{own}<div><br><blockquote type="cite"><div>{escape(said)}</div>'
        f'<br class="Apple-interchange-newline"><div>{quoted.html}</div></blockquote></div><br></body></html>'
    )
    return plain, html


def _thunderbird(text: str, quoted: _Quoted | None) -> tuple[str, str]:
    """Its reply stands below the quote, as long as nobody sets it otherwise."""
    head = '<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head><body>'
    own = "".join(f"<p>{_breaks(block)}</p>" for block in re.split(r"\n{2,}", text) if block)
    if quoted is None:
        return f"{text}\n", f"{head}{own}</body></html>"
    said = f"Le {quoted.at:%d/%m/%Y à %H:%M}, {quoted.name} a écrit :"
    plain = f"{said}\n{quoted.marked}\n\n{text}\n"
    html = (
        f'{head}<div class="moz-cite-prefix">{escape(said)}<br></div>'
        f'<blockquote type="cite" cite="mid:{escape(quoted.message_id)}">{quoted.html}</blockquote>{own}</body></html>'
    )
    return plain, html


_WRITERS: dict[Form, Writer] = {"gmail": _gmail, "outlook": _outlook, "apple": _apple, "thunderbird": _thunderbird}
#: What a program names itself in.
_PROGRAMS: dict[Form, tuple[str, str]] = {
    "apple": ("X-Mailer", "Apple Mail (2.3864.300.41.1.7)"),
    "thunderbird": ("User-Agent", "Mozilla Thunderbird"),
}


def _lines_in(text: str, tag: str, attributes: str = "") -> str:
    """Each line in an element of its own."""
    opened = f"<{tag} {attributes}>" if attributes else f"<{tag}>"
    return "".join(f"{opened}{escape(line) or '<br>'}</{tag}>" for line in text.split("\n"))


def _paragraph(text: str) -> str:
    return f"<p>{_breaks(text)}</p>"


def _breaks(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _body_of(html: str) -> str:
    """What stands within the body: another mail's body has no place for more."""
    found = re.search(r"<body\b[^>]*>(.*?)(?:</body>|\Z)", html, re.IGNORECASE | re.DOTALL)
    return (found[1] if found else html).strip()


def _take_pictures_along(message: EmailMessage, answered: EmailMessage, html: str) -> None:
    page = message.get_body(("html",))
    for content_id, part in pictures_of(answered):
        content = part.get_payload(decode=True)
        if page is not None and isinstance(content, bytes) and f"cid:{content_id}" in html:
            page.add_related(
                content,
                part.get_content_maintype(),
                part.get_content_subtype(),
                cid=f"<{content_id}>",
                disposition="inline",
                filename=part.get_filename() or None,
            )


def pictures_of(message: EmailMessage) -> Iterator[tuple[str, EmailMessage]]:
    """What may stand in the HTML, each with its Content-ID."""
    for part in message.walk():
        content_id = one_line(part["Content-ID"]).strip("<>")
        if content_id and not part.is_multipart() and isinstance(part, EmailMessage):
            yield content_id, part

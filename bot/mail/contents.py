"""What a mail holds: the lines of its text, and the files that came with it."""

import codecs
import re
from dataclasses import dataclass, field, replace
from email.message import EmailMessage

from bot.mail.bounded import FAULTS, header
from bot.mail.markup import Line, lines_of
from core.layouts import fold
from handlers.ask import SentFile

#: Signs of a text that are read; no person writes more, and the rest is kept as cut.
MOST_TEXT = 200_000

#: Parts that belong to the mail's own seal and are nothing for people.
_SEALS = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")

# Encodings of text; others that Python knows are no charsets (zip, rot13) or take for ever (punycode, idna).
_CHARSET = re.compile(r"(?:utf|iso|latin|ascii|cp|windows|koi8|mac|gb|big5|euc|shift|hz|johab|tis|kz|ptcp|hp)[\w-]*")

# Written for nobody to see, or to turn what is seen around.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


@dataclass(frozen=True)
class Picture:
    """A picture that stands beside the text. `name`: as its sender's program wrote it."""

    content_id: str
    file: SentFile


@dataclass(frozen=True)
class Contents:
    """`lines`: of the text; `html`: those of the HTML version, () when it has none; `inline`: pictures shown in it."""

    lines: tuple[Line, ...]
    html: tuple[Line, ...]
    files: tuple[SentFile, ...]
    inline: tuple[Picture, ...]


def contents_of(message: EmailMessage) -> Contents:
    found = _Found()
    _read(message, found)
    shown = {picture for line in (*found.lines, *found.html) for picture in line.pictures}
    hidden = [picture.file for picture in found.inline if picture.content_id not in shown]
    inline = tuple(picture for picture in found.inline if picture.content_id in shown)
    return Contents(tuple(found.lines), tuple(found.html), (*found.files, *hidden), inline)


@dataclass
class _Found:
    lines: list[Line] = field(default_factory=list)
    html: list[Line] = field(default_factory=list)
    files: list[SentFile] = field(default_factory=list)
    inline: list[Picture] = field(default_factory=list)

    def add(self, lines: list[Line]) -> None:
        self.lines += ([Line("")] if self.lines and lines else []) + lines


def _read(part: EmailMessage, found: _Found) -> None:
    kind = part.get_content_type()
    if kind in _SEALS:
        return
    if kind.startswith("multipart/") and part.is_multipart():
        parts = [it for it in part.get_payload() if isinstance(it, EmailMessage)]
        if kind == "multipart/alternative":
            _read_alternative(parts, found)
        else:
            for each in parts[:1] if kind == "multipart/report" else parts:  # a report's others are for programs
                _read(each, found)
    elif kind.startswith("message/"):
        _keep_mail(part, kind, found.files)
    elif kind == "text/plain" and not _is_file(part):
        found.add(_plain_lines(part))
    elif kind == "text/html" and not _is_file(part):
        lines = lines_of(cleaned(_text(part)))
        found.add(lines)
        found.html += lines
    elif kind != "text/calendar" or _is_file(part):
        _keep(part, kind, found)


def _read_alternative(parts: list[EmailMessage], found: _Found) -> None:
    """One text in several forms: the plain one, unless it is empty."""
    versions: list[list[Line]] = []
    for part in parts:
        version = replace(found, lines=[])  # the other lists are shared
        _read(part, version)
        versions.append(version.lines)
    found.add(next((version for version in versions if any(line.text.strip() for line in version)), []))


def _is_file(part: EmailMessage) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_name(part))


def _name(part: EmailMessage) -> str:
    try:
        name = part.get_filename() or ""
    except FAULTS:
        return ""
    return " ".join(_INVISIBLE.sub("", str(name)).replace("\\", "/").rpartition("/")[2].split())[:200]


def _keep(part: EmailMessage, kind: str, found: _Found) -> None:
    content = _bytes(part)
    name = _name(part)
    content_id = header(part, "Content-ID").strip("<> ")
    if kind.startswith("image/") and content_id:  # some programs call what they show inline an attachment
        found.inline.append(Picture(content_id, SentFile(name or f"image.{kind[6:]}", content)))
    elif name:
        found.files.append(SentFile(name, content))


def _keep_mail(part: EmailMessage, kind: str, files: list[SentFile]) -> None:
    """A mail that came along is a file for people; none of its words or files are the sender's."""
    if kind != "message/rfc822" or not part.is_multipart():
        return
    inner = part.get_payload(0)
    if isinstance(inner, EmailMessage):
        subject = re.sub(r"[^\w .,'’-]+", " ", header(inner, "Subject")).strip()[:80]
        try:
            files.append(SentFile(_name(part) or f"{subject or 'courriel'}.eml", inner.as_bytes()))
        except FAULTS:
            return


def files_for_commands(contents: Contents, own_text: str, subject: str) -> tuple[SentFile, ...]:
    """The mail's files, and a logo or banner that its sender's program shows in the text.

    A picture shown in the text is mostly a signature's, often named logo.png. It is a file only where nothing else came
    along, his own words or the subject speak of a logo or a banner, and it stands among his own words: Apple Mail shows
    what one attaches that way.
    """
    if contents.files or not re.search(r"logo|bandeau|banniere", fold(f"{subject} {own_text}")):
        return contents.files
    said = " ".join(own_text.split())
    own: set[str] = set()
    for line in contents.html:
        if line.kind == "rest" or " ".join(cleaned(line.text).split()) not in said:
            break
        own.update(line.pictures if line.kind == "own" else ())
    return tuple(picture.file for picture in contents.inline if picture.content_id in own)


# -- text


def _plain_lines(part: EmailMessage) -> list[Line]:
    text = cleaned(_text(part))
    lines = text[:MOST_TEXT].split("\n")
    if part.get_param("format", "") and str(part.get_param("format")).lower() == "flowed":
        lines = _flowed(lines, joined=str(part.get_param("delsp", "")).lower() == "yes")
    more = [Line(text[MOST_TEXT:], "rest")] if len(text) > MOST_TEXT else []
    return [Line(line) for line in lines] + more


def cleaned(text: str) -> str:
    """A text without what nobody sees; every line ends with a line feed."""
    return _INVISIBLE.sub("", re.sub(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", "\n", text))


def _flowed(lines: list[str], *, joined: bool) -> list[str]:
    """Paragraphs whole again (RFC 3676). A short line is left: its space is a person's, not the program's.

    :param joined: the space before a break is the program's too (delsp).
    """
    whole: list[str] = []
    open_depth = -1
    for line in lines:
        depth = len(line) - len(line.lstrip(">"))
        text = line[depth:].removeprefix(" ")
        if depth == open_depth and text:
            whole[-1] = (whole[-1][:-1] if joined else whole[-1]) + text
        else:
            whole.append(line if depth else text)
        open_depth = depth if text.endswith(" ") and text != "-- " and len(line) >= 55 else -1
    return whole


def _text(part: EmailMessage) -> str:
    """A part decoded as a browser does: latin-1 is windows-1252, and what is not UTF-8 is that as well."""
    raw = _bytes(part)
    try:
        charset = codecs.lookup(str(part.get_content_charset("utf-8"))).name
    except (LookupError, ValueError):
        charset = "utf-8"
    if not _CHARSET.fullmatch(charset):
        charset = "utf-8"
    if charset in ("iso8859-1", "ascii", "cp1252"):
        charset = "utf-8" if charset == "ascii" else "cp1252"
    try:
        return raw.decode(charset)
    except UnicodeDecodeError as error:
        cut_off = error.end >= len(raw) - 3
        return raw.decode("cp1252" if charset == "utf-8" and not cut_off else charset, "replace")


def _bytes(part: EmailMessage) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except FAULTS:
        content = None
    return content if isinstance(content, bytes) else b""

"""What the bot writes by mail: answers and notices as one message, in text and in HTML, with its files."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from bot.mail.attachments import LeftOut, attach, room_for_files, within_budget
from bot.mail.codes import without_codes
from bot.mail.folding import Folding
from bot.mail.page import page_of
from bot.mail.parts import Cut, left_out, part_of, preview
from bot.mail.plain import text_of
from core.folders import MONTHS
from handlers import french
from handlers.answer import Answer, OutFile
from handlers.ask import Role

#: Rows of a table, and lines of an answer, that a mail shows; the rest is counted.
MOST_ROWS, MOST_LINES = 60, 400

#: Bytes of HTML: Gmail hides what follows 102 kB, foot included. Rows, then lines, are cut until it fits.
MOST_HTML = 90_000
_TIGHTER = (Cut(30, 200), Cut(15, 100), Cut(6, 40), Cut(2, 10))

#: Signs of a subject; no list of mails shows more.
_MOST_SUBJECT = 150

#: Mails of a thread that the next one names.
_MOST_REFERENCES = 20

FOOT = (
    "Message automatique. Répondre à ce courriel pour demander autre chose, une question par ligne, par exemple : aide"
)

#: For `bot.notices`.
MOST_ATTACHED = 7 * 1024 * 1024


_POLICY = Folding(linesep="\r\n")


@dataclass(frozen=True)
class Letter:
    """`person_id`: whose mailbox `to` is, "" for nobody that the bot knows; `thread`: of `bot.desk.threads`, 0 for
    none: the mail then continues what lies in that mailbox, and the answer comes back to a secret of its own.
    `foot`: "" for how to ask by a reply. `in_reply_to`: the Message-ID of what it answers; `references`: of what it
    continues, oldest first. `reply_to`: who answers are for, when they are not for the bot. `left`: files that are
    named with how to ask for them, beside those of the parts for which compose finds no room. `secret`: it holds a code
    that lets somebody in, and is not kept."""

    to: str
    subject: str
    parts: tuple[Answer, ...]
    greeting: str = ""
    foot: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reply_to: str = ""
    person_id: str = ""
    thread: int = 0
    left: tuple[LeftOut, ...] = ()
    secret: bool = False


@dataclass(frozen=True)
class Letterhead:
    """What all mails of an integrator have in common. `logo`: a small PNG or JPEG, anything else is left out; `colour`:
    #rrggbb; `most_megabytes`: of a whole mail; files that do not go in are named."""

    logo: bytes = field(repr=False, default=b"")
    colour: str = ""
    most_megabytes: int = 10


def compose(
    letter: Letter, sender_name: str, sender: str, head: Letterhead = Letterhead(), *, touch: str = ""
) -> EmailMessage:
    """The whole message, with Message-ID, Date and Auto-Submitted; every text of a header on one line.

    :param touch: the address that a reply which one touch prepares goes to; "" where only a true reply is believed.
    """
    subject = subject_of(letter)
    message = EmailMessage(policy=_POLICY)
    message["From"] = formataddr((one_line(sender_name), sender))
    message["To"] = letter.to
    if letter.reply_to:
        message["Reply-To"] = letter.reply_to
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.fromtimestamp(int(time.time()), UTC))
    # The Message-ID is also what an answer must name: nobody can guess it. Short, so that it stays on one line.
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
    _continue(message, letter)
    message["Auto-Submitted"] = "auto-replied" if letter.in_reply_to else "auto-generated"
    # Exchange is to answer nothing but that it could not deliver (NDR).
    message["X-Auto-Response-Suppress"] = "DR, RN, NRN, OOF, AutoReply"

    room = room_for_files(head.most_megabytes)
    files, heavy = within_budget(_files(letter.parts), room, lambda file: len(file.content))
    left = [*(LeftOut(one_line(file.name), len(file.content), file.command) for file in heavy), *letter.left]
    answers = [*letter.parts, *([left_out(left, room)] if left else [])]
    _write(message, letter, answers, [one_line(file.name) for file in files], sender_name, head, touch)
    for file in files:
        attach(message, file, one_line(file.name))
    message["Content-Language"] = "fr"  # last, for the library moves what begins like that into the parts
    return message


def subject_of(letter: Letter) -> str:
    """The subject as it is sent: on one line, short, without codes: each server and telephone on its way shows it."""
    subject = one_line(letter.subject)
    for code in (code.code for part in letter.parts for code in part.codes):
        subject = subject.replace(code, "•••")
    subject = without_codes(subject)
    return subject if len(subject) <= _MOST_SUBJECT else f"{subject[:_MOST_SUBJECT].rstrip()}…"


def foot_for(roles: Iterable[Role], now: int) -> str:
    """How to ask by a reply, with questions that who reads it may want to ask.

    :param now: UTC seconds.
    """
    here = french.today(now)
    month = MONTHS[here.month - 2]
    if "comptabilité" in roles:
        examples = f"factures {month}, ou conso suivi du nom d'un client"
    else:
        examples = "status suivi d'un numéro de ligne, ou conso suivi du nom d'un client"
    return (
        "Message automatique. Répondre à ce courriel pour demander autre chose, une question par ligne ; "
        f"par exemple : {examples}."
    )


def one_line(text: str) -> str:
    """A text that can stand in a header: what would begin a second line is a space."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _continue(message: EmailMessage, letter: Letter) -> None:
    """In the reader's mailbox, it stands below what it answers or continues."""
    named = list(dict.fromkeys([*letter.references, *([letter.in_reply_to] if letter.in_reply_to else [])]))
    if named:
        message["In-Reply-To"] = one_line(letter.in_reply_to or named[-1])
        # The first one is the thread's; the others are the last.
        message["References"] = one_line(" ".join([*named[:1], *named[1:][-_MOST_REFERENCES:]]))


def _files(parts: Iterable[Answer]) -> list[OutFile]:
    """Each file once, even where two answers bring it."""
    return list({(file.name, file.content): file for part in parts for file in part.files}.values())


def _write(
    message: EmailMessage,
    letter: Letter,
    answers: list[Answer],
    names: list[str],
    sender_name: str,
    head: Letterhead,
    touch: str,
) -> None:
    """Both bodies, with the logo within the HTML one; as much of long tables as both can show."""
    subject, foot = str(message["Subject"]), letter.foot or FOOT
    kind = _picture(head.logo)
    content_id = f"logo.{str(message['Message-ID'])[1:-1]}" if kind else ""
    for cut in (Cut(MOST_ROWS, MOST_LINES), *_TIGHTER):
        parts = [part_of(answer, cut, touch, subject, names) for answer in answers]
        html = page_of(
            subject,
            one_line(sender_name),
            letter.greeting,
            parts,
            foot,
            preview=preview(parts, names, subject),
            logo=content_id,
            colour=head.colour,
        )
        if len(html.encode()) <= MOST_HTML:
            break
    message.set_content(text_of(letter.greeting, parts, foot))
    message.add_alternative(html, subtype="html")
    page = message.get_body(("html",))
    if kind and page is not None:
        page.add_related(
            head.logo,
            "image",
            kind,
            cid=f"<{content_id}>",
            disposition="inline",
            filename=f"logo.{kind.replace('jpeg', 'jpg')}",
        )


def _picture(content: bytes) -> str:
    """The kind of a picture that every mail program shows; "" for anything else, or one that makes each mail heavy."""
    if len(content) > 100_000:
        return ""
    return "png" if content.startswith(b"\x89PNG\r\n") else "jpeg" if content.startswith(b"\xff\xd8\xff") else ""

"""What the bot writes by mail: answers and notices as one message, in text and in HTML, with its files."""

import mimetypes
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, formataddr

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.mail.attachments import LeftOut
from handlers.answer import Answer, Table

#: Rows of a table that a mail shows; the rest is counted.
MOST_ROWS = 60

#: Attachments of one mail, in bytes before encoding; mail servers often stop at 25 MB encoded.
MOST_ATTACHED = 15 * 1024 * 1024

#: What chat shows as buttons: questions that a reply may ask.
REPLIES = "Pour continuer, répondre à ce courriel avec l'une de ces lignes :"
MOST_REPLIES = 12

FOOT = "Message automatique. Répondre à ce courriel pour poser une question, par exemple : status 0639980001"

_templates = Environment(
    loader=PackageLoader("bot.mail"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


class _OneIdALine(EmailPolicy):
    """The library would write a long Message-ID as an encoded word, which breaks the thread."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name in ("In-Reply-To", "References"):
            ids = value.encode("ascii", "ignore").decode().split()
            return (f"{name}: " + f"{self.linesep} ".join(ids) + self.linesep).encode()
        return super().fold_binary(name, value)


_POLICY = _OneIdALine(linesep="\r\n")


@dataclass(frozen=True)
class Letter:
    """`person_id`: whose mailbox `to` is, "" for nobody that the bot knows; `thread`: of `bot.desk.threads`, 0 for
    none: the mail then continues what lies in that mailbox, and the answer comes back to a secret of its own.
    `in_reply_to`, `references`: Message-IDs that it continues beside. `reply_to`: who answers are for, when they are
    not for the bot. `left`: files that are named with how to ask for them, beside those of the parts for which compose
    finds no room."""

    to: str
    subject: str
    parts: tuple[Answer, ...]
    greeting: str = ""
    foot: str = FOOT
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reply_to: str = ""
    person_id: str = ""
    thread: int = 0
    left: tuple[LeftOut, ...] = ()


def compose(letter: Letter, sender_name: str, sender: str) -> EmailMessage:
    """The whole message, with Message-ID, Date and Auto-Submitted; every text of a header on one line."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = formataddr((one_line(sender_name), sender))
    message["To"] = letter.to
    if letter.reply_to:
        message["Reply-To"] = letter.reply_to
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(int(time.time()), UTC))
    # The Message-ID is also what an answer must name: nobody can guess it. Short, so that it stays on one line.
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-replied" if letter.in_reply_to else "auto-generated"
    if letter.in_reply_to:
        message["In-Reply-To"] = one_line(letter.in_reply_to)
        named = dict.fromkeys([*letter.references[-20:], letter.in_reply_to])
        message["References"] = one_line(" ".join(named))
    message.set_content(_text(letter))
    html = _templates.get_template("letter.html.j2").render(
        letter=letter, most_rows=MOST_ROWS, replies=REPLIES, most_replies=MOST_REPLIES
    )
    message.add_alternative(html, subtype="html")
    for file in (file for part in letter.parts for file in part.files):
        kind, _, subtype = (mimetypes.guess_type(file.name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=one_line(file.name))
    return message


def one_line(text: str) -> str:
    """A text that can stand in a header: what would begin a second line is a space."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _text(letter: Letter) -> str:
    blocks = [letter.greeting] if letter.greeting else []
    for part in letter.parts:
        block = [part.title, "-" * min(len(part.title), 72)]
        if part.table:
            block += _text_table(part.table)
        block += part.lines
        if part.buttons:
            block += [REPLIES, *(f"  {button.command}" for button in part.buttons[:MOST_REPLIES])]
        if part.freshness:
            block.append(f"({part.freshness})")
        blocks.append("\n".join(block))
    blocks.append(f"-- \n{letter.foot}")
    return "\n\n".join(blocks) + "\n"


def _text_table(table: Table) -> list[str]:
    rows = [table.headers, *table.rows[:MOST_ROWS]]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.headers))]
    lines = [
        "  ".join(
            cell.rjust(width) if place in table.right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    if len(table.rows) > MOST_ROWS:
        lines.append(f"… et {len(table.rows) - MOST_ROWS} autres")
    return lines

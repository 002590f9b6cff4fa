"""An `Answer` as Telegram messages: HTML, everything escaped, split between lines."""

import json
import re
from dataclasses import dataclass, field
from html import escape, unescape

from handlers.answer import Answer, Button

#: Telegram's limit of a message's text, and of a button's data in bytes.
MOST_SIGNS = 4096
MOST_CALLBACK_BYTES = 64

#: Rows of a table that a phone shows without tiring.
MOST_ROWS = 30


@dataclass(frozen=True)
class Message:
    """One Telegram message. `html`: its text, or the caption of `attachment`."""

    html: str
    buttons: tuple[Button, ...] = ()
    reply_to: int = 0
    file_name: str = ""
    attachment: bytes | None = field(default=None, repr=False)

    def payload(self) -> bytes:
        """What the outbox keeps of it, beside the attachment."""
        return json.dumps(
            {
                "html": self.html,
                "buttons": [[button.label, button.command] for button in self.buttons],
                "reply_to": self.reply_to,
                "file_name": self.file_name,
            },
            ensure_ascii=False,
        ).encode()

    @classmethod
    def restored(cls, payload: bytes, attachment: bytes | None) -> "Message":
        raw = json.loads(payload)
        buttons = tuple(Button(label, command) for label, command in raw["buttons"])
        return cls(raw["html"], buttons, raw["reply_to"], raw["file_name"], attachment)


def draw(answers: list[Answer], reply_to: int = 0) -> list[Message]:
    """The messages that show these answers, one after the other; the last text carries the buttons."""
    lines: list[str] = []
    for answer in answers:
        lines += ([""] if lines else []) + _lines(answer)
    texts = _split(lines)
    buttons = tuple(
        button for answer in answers for button in answer.buttons if len(button.command.encode()) <= MOST_CALLBACK_BYTES
    )
    last = len(texts) - 1
    messages = [
        Message(text, buttons if number == last else (), reply_to if number == 0 else 0)
        for number, text in enumerate(texts)
    ]
    messages += [
        Message("", file_name=file.name, attachment=file.content) for answer in answers for file in answer.files
    ]
    return messages


def _lines(answer: Answer) -> list[str]:
    drawn = [f"<b>{escape(answer.title, quote=False)}</b>"]
    if answer.table:
        rows = answer.table.rows
        for row in rows[:MOST_ROWS]:
            first, *rest = [escape(cell, quote=False) for cell in row]
            drawn.append(f"<b>{first}</b> · " + " · ".join(cell for cell in rest if cell) if rest else first)
        if len(rows) > MOST_ROWS:
            drawn.append(f"… et {len(rows) - MOST_ROWS} autres")
    drawn += [escape(line, quote=False) for line in answer.lines]
    if answer.freshness:
        drawn.append(f"<i>{escape(answer.freshness, quote=False)}</i>")
    return drawn


_TAG = re.compile(r"</?[bi]>")


def _split(lines: list[str]) -> list[str]:
    """Each line closes its own tags, so that any border between lines is safe; a line too long is cut as text."""
    texts: list[str] = []
    current = ""
    for line in lines:
        for piece in _pieces(line):
            if current and len(current) + 1 + len(piece) > MOST_SIGNS:
                texts.append(current)
                current = piece
            else:
                current = f"{current}\n{piece}" if current else piece
    # Telegram refuses a message that shows nothing.
    return [text for text in (*texts, current) if unescape(_TAG.sub("", text)).strip()]


def _pieces(line: str) -> list[str]:
    if len(line) <= MOST_SIGNS:
        return [line]
    # Only plain lines grow that long; an escaped sign (&amp;) must not be cut in two.
    plain = _TAG.sub("", line)
    pieces = []
    while len(plain) > MOST_SIGNS:
        cut = plain.rfind(" ", 0, MOST_SIGNS)
        cut = cut if cut > 0 else MOST_SIGNS
        entity = plain.rfind("&", cut - 8, cut)
        if entity > 0 and ";" not in plain[entity:cut]:
            cut = entity
        pieces.append(plain[:cut])
        plain = plain[cut:].lstrip()
    return [*pieces, plain]

"""An `Answer` as Telegram messages: HTML, everything escaped, split between lines."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from html import escape, unescape
from typing import Any

from core.daily_chart import DailyChart
from handlers.answer import Answer, Button

#: Telegram's limits of a message's text, and of the words that come with a file.
MOST_SIGNS = 4096
MOST_CAPTION_SIGNS = 1024

#: Rows of a table that a phone shows without tiring.
MOST_ROWS = 30

#: Signs of labels that a phone shows side by side, and buttons.
_MOST_ROW_SIGNS, _MOST_ROW_BUTTONS = 34, 4

#: What is written with tags, to show what a text says without them.
TAG = re.compile(r"</?(?:b|i|code|tg-spoiler)>")

#: Phone numbers, SIM cards and RIOs: one touch copies them.
_COPIED = re.compile(
    r"(?<![\w+])(?:0\d(?: \d\d){4}(?: \d\d \d\d)?|89\d{16,18}|\d{2}[PE][A-Z0-9]{6}[A-Z0-9+]{3})(?![\w+])"
)


@dataclass(frozen=True)
class Message:
    """One Telegram message. `html`: its text, or the caption of its file or picture.

    `buttons`: rows of labels with the data that Telegram is given for each. `silent`: makes no sound. `protected`:
    cannot be passed on; `fleeting`: goes after a set time.
    `edits`: the message whose place it takes, 0 for a new one; `holder`: the message that was sent to hold it, without
    its words, 0 for none yet.
    `thread`: of `bot.desk.threads`, which who answers this message answers; 0 for none.
    `question`: the message that it answers, as the `part`th of `parts`, 0 for none; `again`: that question was edited,
    so that this takes the place of the same part of its former answer.
    """

    html: str = field(repr=False)
    buttons: tuple[tuple[tuple[str, str], ...], ...] = ()
    reply_to: int = 0
    file_name: str = ""
    attachment: bytes | None = field(default=None, repr=False)
    picture: DailyChart | None = None
    silent: bool = False
    protected: bool = False
    fleeting: bool = False
    edits: int = 0
    holder: int = 0
    question: int = 0
    part: int = 0
    parts: int = 0
    again: bool = False
    thread: int = 0

    def payload(self) -> bytes:
        """What the outbox keeps of it, beside the attachment."""
        kept = asdict(replace(self, attachment=None))
        del kept["attachment"]
        return json.dumps(kept, ensure_ascii=False).encode()

    @classmethod
    def restored(cls, payload: bytes, attachment: bytes | None) -> "Message":
        raw = json.loads(payload)
        buttons = tuple(tuple((label, data) for label, data in row) for row in _rows(raw.pop("buttons")))
        picture = DailyChart(**chart) if (chart := raw.pop("picture", None)) else None
        if picture:
            picture = replace(picture, billed_months=tuple(picture.billed_months))
        return cls(**raw, buttons=buttons, picture=picture, attachment=attachment)


def _rows(kept: list[Any]) -> list[Any]:
    """An outbox written by an older version has one button a row, and no rows."""
    return [[row] if row and isinstance(row[0], str) else row for row in kept]


def draw(
    answers: list[Answer],
    data_of: Callable[[Button], str] = lambda button: button.command,
    *,
    question: int = 0,
    again: bool = False,
    edits: int = 0,
    silent: bool = False,
    thread: int = 0,
    reply_to: int = 0,
) -> list[Message]:
    """The messages that show these answers, one after the other; the last text carries the buttons.

    :param data_of: what Telegram is given for a button.
    :param question: the message that they answer; `again`: it was edited.
    :param edits: the message whose place the first text takes.
    :param reply_to: the message that they stand under, without being its answer.
    """
    lines: list[str] = []
    for answer in answers:
        lines += ([""] if lines else []) + _lines(answer)
    texts = _split(lines)
    buttons = [button for answer in answers for button in answer.buttons]
    rows = tuple(tuple((button.label, data_of(button)) for button in row) for row in _side_by_side(buttons))
    last = len(texts) - 1
    messages = [Message(text, rows if number == last else ()) for number, text in enumerate(texts)]
    messages += [Message("", picture=answer.picture) for answer in answers if answer.picture]
    files = [file for answer in answers for file in answer.files]
    if len(files) == len(messages) == 1 and len(unescape(TAG.sub("", texts[0]))) <= MOST_CAPTION_SIGNS:
        # A file with a few words is one message.
        messages = [replace(messages[0], file_name=files[0].name, attachment=files[0].content)]
    else:
        messages += [Message("", file_name=file.name, attachment=file.content) for file in files]
    protected = any(answer.codes for answer in answers)
    fleeting = protected or any(answer.fleeting for answer in answers)
    return [
        replace(
            message,
            reply_to=(reply_to or question) if number == 0 and not edits else 0,
            edits=edits if number == 0 else 0,
            question=question,
            part=number,
            parts=len(messages),
            again=again,
            silent=silent,
            protected=protected,
            fleeting=fleeting,
            thread=thread,
        )
        for number, message in enumerate(messages)
    ]


def _lines(answer: Answer) -> list[str]:
    drawn = [_bold(answer.title)]
    if answer.table:
        rows = answer.table.rows
        for row in rows[:MOST_ROWS]:
            first, *rest = row
            told = " · ".join(_plain(cell) for cell in rest if cell)
            drawn.append(f"{_bold(first)} · {told}" if told else _plain(first) if not rest else _bold(first))
        if len(rows) > MOST_ROWS:
            drawn.append(f"… et {len(rows) - MOST_ROWS} autres")
    drawn += [_plain(line) for line in answer.lines]
    # Hidden until touched: neither a notification nor who looks over the shoulder shows it.
    drawn += [f"{_escaped(it.label)} : <tg-spoiler>{_escaped(it.code)}</tg-spoiler>" for it in answer.codes]
    if answer.freshness:
        drawn.append(f"<i>{_escaped(answer.freshness)}</i>")
    return drawn


def _escaped(text: str) -> str:
    return escape(text, quote=False)


def _plain(text: str) -> str:
    return _COPIED.sub(r"<code>\g<0></code>", _escaped(text))


def _bold(text: str) -> str:
    """In bold, but for what is copied: Telegram allows nothing else around that."""
    inside = _COPIED.sub(r"</b><code>\g<0></code><b>", _escaped(text))
    return re.sub(r"<b>(\s*)</b>", r"\1", f"<b>{inside}</b>")


def _side_by_side(buttons: list[Button]) -> list[list[Button]]:
    """Short labels share a row; those that turn pages have their own."""
    rows: list[list[Button]] = []
    for button in buttons:
        row = rows[-1] if rows else []
        fits = sum(len(it.label) + 2 for it in row) + len(button.label) <= _MOST_ROW_SIGNS
        if row and fits and len(row) < _MOST_ROW_BUTTONS and row[0].in_place == button.in_place:
            row.append(button)
        else:
            rows.append([button])
    return rows


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
    return [text for text in (*texts, current) if unescape(TAG.sub("", text)).strip()]


def _pieces(line: str) -> list[str]:
    if len(line) <= MOST_SIGNS:
        return [line]
    # Only plain lines grow that long; an escaped sign (&amp;) must not be cut in two.
    plain = TAG.sub("", line)
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

"""What a run comes to: what people see, what lies on the FTP, what the stores say; and how two runs differ."""

import asyncio
import hashlib
import json
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

from bot.desk import FILE_NAME as DESK
from bot.sandbox.botapi import Message
from bot.telegram.drawing import TAG
from bot.telegram.sender import _HOLDS
from core import copies
from core.folders import PARIS
from tests.core.contents import VAULT, contents
from tests.crash.stage import MAILBOXES, Stage, parsed, text_of
from tests.peers.mail import DOMAIN

DAY = 86400

#: (where, what it says): a place, such as a chat, a mailbox or a table, and one thing that is there.
Item = tuple[str, str]


@dataclass(frozen=True)
class Outcome:
    """`shown`: in its order in each chat. `marked`: what may be there once more, for its parcel is marked uncertain."""

    items: Counter[Item]
    shown: dict[str, list[str]] = field(default_factory=dict)
    marked: Counter[Item] = field(default_factory=Counter)


@dataclass(frozen=True)
class Difference:
    """`lost` and `doubled`, against the undisturbed run; `marked`: doubled, and said to be uncertain."""

    lost: tuple[Item, ...]
    doubled: tuple[Item, ...]
    marked: tuple[Item, ...]

    @property
    def is_wrong(self) -> bool:
        return bool(self.lost or self.doubled)


def compare(undisturbed: Outcome, disturbed: Outcome) -> Difference:
    lost = list((undisturbed.items - disturbed.items).elements())
    more = disturbed.items - undisturbed.items
    marked = more & disturbed.marked
    for chat, said in undisturbed.shown.items():
        once = list(dict.fromkeys(it for it in disturbed.shown.get(chat, []) if it in said))
        if not lost and once != list(dict.fromkeys(said)):
            lost.append((chat, f"its order, which is {once}"))
    return Difference(tuple(lost), tuple((more - marked).elements()), tuple(marked.elements()))


async def outcome_of(stage: Stage) -> Outcome:
    """To be called once all is quiet and the service is down."""
    data = stage.service.data
    shown = {
        f"chat {chat.id}": [_shown(it) for it in chat.messages.values() if it.sender.is_bot and not it.deleted]
        for chat in stage.api._world.chats.values()
    }
    items: Counter[Item] = Counter((chat, words) for chat, said in shown.items() for words in said)
    uncertain = _uncertain(data)
    marked = Counter(
        item
        for parcel, payload in stage.sending
        if parcel in uncertain
        for item in _copies(uncertain[parcel][0], payload)
    )
    for user in MAILBOXES:
        for folder, content in await _mails(stage, user):
            message = parsed(content)
            files = [f"{it.get_filename()} {_short(it.get_payload(decode=True))}" for it in message.iter_attachments()]
            item = (f"mailbox {user} {folder}", _alike(f"{message['Subject']} | {text_of(message)} | {sorted(files)}"))
            items[item] += 1
            # At most as many copies as there were attempts of which nobody knows the end.
            if any(message_id == message["Message-ID"] for _, message_id in uncertain.values()):
                marked[item] = stage.deaths
    items.update(("ftp", _alike(f"{path} {_short(content)}")) for path, content in _tree(stage.operator.root))
    kept = ((path, copies.content(data, path, VAULT)) for path in copies.paths(data))
    items.update(("kept", _alike(f"{path} {_short(content)}")) for path, content in kept)
    stored = contents(data).items()
    items.update((f"telecom.db {table}", _alike(repr(row))) for table, rows in stored for row in rows)
    items.update(_desk(data))
    return Outcome(items, shown, marked)


# -- what people see


def _shown(message: Message) -> str:
    file = message.document.name if message.document else "photo" if message.photo else ""
    return _words(message.text or message.caption, message.labels, file)


def _copies(recipient: str, payload: bytes) -> Iterator[Item]:
    """What a chat shows once more if its parcel, which was being sent, had arrived."""
    kept = json.loads(payload)
    labels = [label for row in kept["buttons"] for label, _ in row]
    text = unescape(TAG.sub("", kept["html"]))
    yield f"chat {recipient}", _words(text, labels, kept["file_name"] or ("photo" if kept["picture"] else ""))
    if kept["protected"]:
        yield f"chat {recipient}", _HOLDS


def _words(text: str, labels: Iterable[str], file: str) -> str:
    return _alike(" | ".join([text, *labels, *([file] if file else [])]))


async def _mails(stage: Stage, user: str) -> list[tuple[str, bytes]]:
    def of_all_folders() -> list[tuple[str, bytes]]:
        with stage.boxes.mailbox(user) as box:
            names = [folder.name for folder in box.folder.list()]
        return [(name, raw) for name in names for raw in stage.boxes.messages(user, name)]

    if user == "bot":
        return await asyncio.to_thread(of_all_folders)
    return [("INBOX", raw) for raw in await stage.mail.messages(f"{user}@{DOMAIN}")]


def _tree(root: Path) -> list[tuple[str, bytes]]:
    return [(it.relative_to(root).as_posix(), it.read_bytes()) for it in sorted(root.rglob("*")) if it.is_file()]


def _alike(text: str) -> str:
    """Without what differs from run to run: codes, and the moment."""
    text = re.sub(r"\b\d{3} \d{3}\b(?! \d)", "CODE", text)
    text = re.sub(r"\b\d{10}\b", lambda it: "MAINTENANT" if abs(int(it[0]) - time.time()) < DAY else it[0], text)
    today = datetime.now(PARIS)
    for day in (today, today - timedelta(days=1)):
        text = re.sub(rf"{day:%d/%m}(/{day:%Y})?( à)? \d\d:\d\d", "MAINTENANT", text)
        text = re.sub(rf"{day:%Y-?%m-?%d}[-_T ]?\d\d[:h-]?\d\d([:-]?\d\d)?", "MAINTENANT", text)
    return text


def _short(content: object) -> str:
    return hashlib.sha256(content).hexdigest()[:12] if isinstance(content, bytes) else ""


# -- what the desk says

_TABLES = {
    "inbox": "door, state, filing, message_id",
    "outbox": "channel, recipient, subject, state",
    "audit": "person, door, command, outcome, about, shown, why",
    "threads": "kind, subject, person_id, chat_id, closed_at IS NULL",
    "thread_members": "person_id",
    "profile": "name, value",
    "mailboxes": "address",
    "address_codes": "name, address",
    "drafts": "person_id, picture, name",
    "pictures": "picture, path",
    # What each message was taken for bears its number, which a copy before it makes another one.
    "awaited_words": "iif(instr(conversation, ':said-'), 'said', conversation), command",
    "awaited_files": "conversation, command",
    "strangers": "chat_id, failures",
    "alerts": "person_id, muted, quiet_from, quiet_to",
    "mail_strangers": "address",
    "waiting_news": "person_id, channel, kind, path",
    "held": "readers, title, lines",
    "faults": "key",
}


def _desk(data: Path) -> Iterator[Item]:
    with closing(sqlite3.connect(data / DESK)) as desk:
        assert desk.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for table, columns in _TABLES.items():
            for row in desk.execute(f"SELECT {columns} FROM {table}"):
                yield f"desk.db {table}", _alike(repr(row))


def _uncertain(data: Path) -> dict[int, tuple[str, str]]:
    """Recipient and Message-ID of the parcels that say that a copy may exist, by their numbers."""
    with closing(sqlite3.connect(data / DESK)) as desk:
        rows = desk.execute("SELECT id, recipient, message_id FROM outbox WHERE uncertain = 1").fetchall()
    return {number: (recipient, message_id) for number, recipient, message_id in rows}

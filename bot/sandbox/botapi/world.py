"""What Telegram knows: people, chats, messages, files, and the updates that wait for the bot."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from bot.sandbox.botapi.calls import ApiError, bad_request
from bot.sandbox.botapi.entities import Entity
from bot.sandbox.botapi.photos import PhotoSize

Json = dict[str, object]

_UPDATES_KEPT = 24 * 3600  # seconds; Telegram forgets what no bot fetched
CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_LONGEST_POLL = 50.0
_ONLY_WHEN_ASKED = {"chat_member", "message_reaction", "message_reaction_count"}


@dataclass(frozen=True)
class User:
    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = ""
    is_bot: bool = False

    def as_json(self) -> Json:
        named = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name, **_present(named)}


@dataclass(frozen=True)
class File:
    """A document, or one size of a photo (which has a width and a height, and no name)."""

    file_id: str
    path: str
    name: str
    mime: str
    content: bytes = field(repr=False)
    width: int = 0
    height: int = 0

    def as_json(self) -> Json:
        same = {"file_id": self.file_id, "file_unique_id": self.file_id[-15:], "file_size": len(self.content)}
        if self.width:
            return {**same, "width": self.width, "height": self.height}
        return {**same, "file_name": self.name, "mime_type": self.mime}


@dataclass(frozen=True)
class Button:
    label: str
    callback_data: str = ""
    url: str = ""

    def as_json(self) -> Json:
        return {"text": self.label, **_present({"callback_data": self.callback_data, "url": self.url})}


@dataclass(frozen=True)
class Message:
    """A message as it stands now; `born` and `revision` order what happened in the whole of Telegram."""

    message_id: int
    chat_id: int
    sender: User
    date: int
    born: int
    revision: int
    text: str = ""
    caption: str = ""
    html: str = ""  # as it was sent, tags included
    entities: tuple[Entity, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    document: File | None = None
    photo_sizes: tuple[File, ...] = ()
    reply_to: int | None = None
    media_group_id: str = ""
    silent: bool = False
    protected: bool = False
    edited_at: int | None = None
    deleted: bool = False
    service: Mapping[str, object] = field(default_factory=dict)

    @property
    def photo(self) -> File | None:
        """The largest size of the photo."""
        return self.photo_sizes[-1] if self.photo_sizes else None

    @property
    def edited(self) -> bool:
        return self.edited_at is not None

    @property
    def labels(self) -> list[str]:
        return [button.label for row in self.buttons for button in row]

    def __str__(self) -> str:
        marks = [mark for mark, present in (("edited", self.edited), ("deleted", self.deleted)) if present]
        file = self.document.name if self.document else "photo" if self.photo else ""
        parts = [f"#{self.message_id}", *marks, f"[{file}]" if file else "", repr(self.text or self.caption)]
        return " ".join(part for part in [*parts, *(f"<{label}>" for label in self.labels)] if part)


@dataclass
class Chat:
    id: int
    kind: Literal["private", "group", "supergroup"]
    title: str = ""
    user: User | None = None
    reachable: bool = False  # a person must write first; a bot must be a member
    blocked: bool = False
    moved_to: int | None = None
    messages: dict[int, Message] = field(default_factory=dict)

    def as_json(self) -> Json:
        if self.user is None:
            return {"id": self.id, "type": self.kind, "title": self.title}
        person = self.user.as_json()
        names: Json = {key: person[key] for key in ("first_name", "last_name", "username") if key in person}
        return {"id": self.id, "type": self.kind, **names}

    @property
    def instance(self) -> str:
        """The identifier of this chat in callback queries."""
        return str(int.from_bytes(hashlib.sha256(str(self.id).encode()).digest()[:7]))


@dataclass(frozen=True)
class Command:
    """A line of the menu that Telegram shows beside the text field."""

    command: str
    description: str

    def as_json(self) -> Json:
        return {"command": self.command, "description": self.description}


@dataclass(frozen=True)
class Press:
    """A callback query and when it was made."""

    query_id: str
    user_id: int
    at: float


@dataclass(frozen=True)
class Toast:
    """The bot's answer to a callback query."""

    query_id: str
    text: str
    alert: bool


@dataclass(frozen=True)
class Webhook:
    """Where updates are brought to."""

    url: str
    secret: str = ""
    max_connections: int = 40


class Bell:
    """Wakes everybody who waits for something to happen."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return at the next ring, or once the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            pass


class World:
    """The whole state. Only the event loop touches it."""

    def __init__(self, token: str, username: str, now: Callable[[], float]) -> None:
        self.now = now
        self.bot = User(int(token.partition(":")[0]), "Origyne", username=username, is_bot=True)
        self.chats: dict[int, Chat] = {}
        self.met: set[int] = set()  # people seen in a group
        self.files: dict[str, File] = {}
        self.presses: dict[str, Press] = {}
        self.toasts: list[Toast] = []
        self.commands: dict[tuple[str, str], list[Command]] = {}  # by scope and language
        self.webhook: Webhook | None = None
        self.delivery_fault: tuple[int, str] | None = None  # when the last delivery failed, and why
        self.bell = Bell()
        self.closed = False
        self.allowed: frozenset[str] | None = None
        self._updates: list[tuple[int, float, Json]] = []
        self._update_ids = count(700_000_001)
        self._message_ids = count(1)
        self._revisions = count(1)
        self._file_numbers = count(1)
        self._query_ids = count(4_000_000_001)
        self._polls = 0

    def chat(self, chat_id: int) -> Chat:
        """The chat that the bot may write to, or the error that the Bot API gives."""
        chat = self.chats.get(chat_id)
        if chat is None:
            raise bad_request("chat not found")
        if chat.moved_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.moved_to,
            )
        if chat.blocked and chat.kind == "private":
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat.blocked:
            raise ApiError(403, f"Forbidden: bot was kicked from the {chat.kind} chat")
        if not chat.reachable and chat.id in self.met:
            raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        if not chat.reachable:
            raise bad_request("chat not found")
        return chat

    def publish(self, chat: Chat, sender: User, **content: object) -> Message:
        """Put a new message into a chat. `content` holds fields of Message."""
        born = next(self._revisions)
        blank = Message(next(self._message_ids), chat.id, sender, int(self.now()), born, born)
        message = replace(blank, **content)  # type: ignore[arg-type]
        chat.messages[message.message_id] = message
        self.bell.ring()
        return message

    def change(self, chat: Chat, message: Message, **content: object) -> Message:
        changed = replace(message, revision=next(self._revisions), **content)  # type: ignore[arg-type]
        chat.messages[message.message_id] = changed
        self.bell.ring()
        return changed

    def keep_document(self, name: str, mime: str, content: bytes) -> File:
        extension = re.sub(r"[^A-Za-z0-9.]", "", name[name.rfind(".") :]) if "." in name else ""
        number = next(self._file_numbers)
        return self._keep(File(_file_id("BQ", number), f"documents/file_{number}{extension}", name, mime, content))

    def keep_photo(self, sizes: Iterable[PhotoSize]) -> tuple[File, ...]:
        kept: list[File] = []
        for size in sizes:
            number = next(self._file_numbers)
            path = f"photos/file_{number}.jpg"
            file = File(_file_id("Ag", number), path, "", "image/jpeg", size.content, size.width, size.height)
            kept.append(self._keep(file))
        return tuple(kept)

    def new_press(self, user: User) -> Press:
        press = Press(str(next(self._query_ids)), user.id, self.now())
        self.presses[press.query_id] = press
        return press

    def add_update(self, kind: str, content: Json) -> None:
        """Queue an update, unless the bot's last `allowed_updates` leaves it out."""
        wanted = kind not in _ONLY_WHEN_ASKED if self.allowed is None else kind in self.allowed
        if wanted:
            self._updates.append((next(self._update_ids), self.now(), {kind: content}))
            self.bell.ring()

    @property
    def pending(self) -> int:
        return len(self._updates)

    def drop_updates(self) -> None:
        self._updates.clear()

    def first_update(self) -> Json | None:
        """What is to be brought next."""
        self._forget_old()
        return {"update_id": self._updates[0][0], **self._updates[0][2]} if self._updates else None

    def delivered(self, update: Json) -> None:
        self._updates = [waiting for waiting in self._updates if waiting[0] != update["update_id"]]

    def delivery_failed(self, fault: str) -> None:
        self.delivery_fault = (int(self.now()), fault)

    async def poll(self, offset: int, limit: int, seconds: float) -> list[Json]:
        """getUpdates: what is pending, as soon as there is something. A later poll ends this one."""
        if self.webhook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._polls += 1
        number = self._polls
        self.bell.ring()
        self._acknowledge(offset)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(seconds, _LONGEST_POLL)
        while True:
            if number != self._polls:
                raise ApiError(409, CONFLICT)
            left = deadline - loop.time()
            if self._updates or left <= 0 or self.closed:
                return [{"update_id": number, **content} for number, _, content in self._updates[:limit]]
            await self.bell.wait(left)

    def message_json(self, message: Message, with_reply: bool = True) -> Json:
        chat = self.chats[message.chat_id]
        shown: Json = {
            "message_id": message.message_id,
            "from": message.sender.as_json(),
            "chat": chat.as_json(),
            "date": message.date,
            **message.service,
        }
        prefix = "" if message.text else "caption_"
        replied = chat.messages.get(message.reply_to) if message.reply_to else None
        if replied is not None and with_reply and not replied.deleted:
            shown["reply_to_message"] = self.message_json(replied, with_reply=False)
        optional: Json = {
            "edit_date": message.edited_at,
            "text": message.text,
            "caption": message.caption,
            f"{prefix}entities": [entity.as_json() for entity in message.entities],
            "document": message.document.as_json() if message.document else None,
            "photo": [size.as_json() for size in message.photo_sizes],
            "media_group_id": message.media_group_id,
            "has_protected_content": message.protected,
        }
        if message.buttons:
            rows = [[button.as_json() for button in row] for row in message.buttons]
            optional["reply_markup"] = {"inline_keyboard": rows}
        return {**shown, **_present(optional)}

    def _acknowledge(self, offset: int) -> None:
        self._forget_old()
        if offset < 0:
            self._updates = self._updates[offset:]
        elif offset:
            self._updates = [update for update in self._updates if update[0] >= offset]

    def _forget_old(self) -> None:
        oldest = self.now() - _UPDATES_KEPT
        self._updates = [update for update in self._updates if update[1] >= oldest]

    def _keep(self, file: File) -> File:
        self.files[file.file_id] = file
        return file


def _present(values: Mapping[str, object]) -> Json:
    return {name: value for name, value in values.items() if value not in (None, "", [], False)}


def _file_id(prefix: str, number: int) -> str:
    return f"{prefix}ACAgQAAx{hashlib.sha256(f'{prefix}{number}'.encode()).hexdigest()[:40]}"

"""The other side of the chat: what a person does with a telephone, and sees on it."""

import asyncio
import mimetypes
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bot.sandbox.botapi.entities import bot_commands
from bot.sandbox.botapi.methods import LONGEST_TEXT
from bot.sandbox.botapi.photos import recompress
from bot.sandbox.botapi.world import Button, Chat, Command, Json, Message, Toast, User, World

if TYPE_CHECKING:
    from bot.sandbox.botapi.server import BotApi


class NothingCame(TimeoutError):
    """The bot did not write what was waited for; the message lists what it did write."""


class Group:
    """A group chat that the bot is in."""

    def __init__(self, world: World, chat: Chat) -> None:
        self._world = world
        self.chat = chat

    @property
    def chat_id(self) -> int:
        return self.chat.id

    def upgrade(self, new_chat_id: int, by: "Phone") -> "Group":
        """Become a supergroup with another chat id: the old one answers with the new one from now on."""
        old = self.chat
        new = Chat(new_chat_id, "supergroup", old.title, reachable=True)
        self._world.chats[new_chat_id] = new
        leaving = self._world.publish(old, by.user, service={"migrate_to_chat_id": new_chat_id})
        arriving = self._world.publish(new, by.user, service={"migrate_from_chat_id": old.id})
        old.moved_to = new_chat_id
        for message in (leaving, arriving):
            self._world.add_update("message", self._world.message_json(message))
        return Group(self._world, new)


class Phone:
    """One person in one chat with the bot: private, or a group through `in_group`.

    What is done here happens at once; `wait` and `ask` give the bot the time to react.
    """

    def __init__(self, api: "BotApi", world: World, user: User, chat: Chat) -> None:
        self.user = user
        self._api = api
        self._world = world
        self._chat = chat
        self._seen: dict[int, int] = {}  # what a wait returned or passed over: message, revision

    @property
    def user_id(self) -> int:
        return self.user.id

    @property
    def chat_id(self) -> int:
        return self._chat.id

    @property
    def messages(self) -> list[Message]:
        """What the bot wrote in this chat, in order, as it stands now; deleted ones are marked."""
        return [message for message in self.conversation if message.sender == self._world.bot]

    @property
    def conversation(self) -> list[Message]:
        """What everybody wrote in this chat."""
        return list(self._chat.messages.values())

    @property
    def toasts(self) -> list[Toast]:
        """What the bot answered to this person's presses."""
        mine = {press.query_id for press in self._world.presses.values() if press.user_id == self.user.id}
        return [toast for toast in self._world.toasts if toast.query_id in mine]

    @property
    def menu(self) -> list[Command]:
        """The commands that Telegram proposes to this person here: those of the narrowest scope that has any."""
        chat = self._chat.id
        if self._chat.kind == "private":
            scopes = [f"chat:{chat}", "all_private_chats", "default"]
        else:
            scopes = [f"chat_member:{chat}:{self.user.id}", f"chat:{chat}", "all_group_chats", "default"]
        for scope in scopes:
            for language in (self.user.language_code, ""):
                if commands := self._world.commands.get((scope, language)):
                    return commands
        return []

    def in_group(self, group: Group) -> "Phone":
        """The same person in a group."""
        return Phone(self._api, self._world, self.user, group.chat)

    def send(self, text: str, reply_to: Message | None = None) -> Message:
        """Send a text; the application takes off the spaces at both ends."""
        text = _sendable(text)
        return self._publish(text=text, entities=bot_commands(text), reply_to=reply_to and reply_to.message_id)

    def send_file(self, name: str, content: bytes, caption: str = "", mime: str = "") -> Message:
        """Send a document: its bytes arrive as they are."""
        mime = mime or mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = self._world.keep_document(name, mime, content)
        return self._publish(document=file, caption=caption, entities=bot_commands(caption))

    def send_photo(self, content: bytes, caption: str = "") -> Message:
        """Send a picture as a photo: it arrives recompressed, in several sizes, without its density."""
        sizes = self._world.keep_photo(recompress(content))
        return self._publish(photo_sizes=sizes, caption=caption, entities=bot_commands(caption))

    def edit(self, message: Message | int, text: str) -> Message:
        """Change the text (or the caption) of one of this person's messages."""
        old = self._message(message)
        if old.sender != self.user:
            raise ValueError(f"#{old.message_id} was written by {old.sender.first_name}: only its author can edit it")
        text = _sendable(text)
        content: Json = {"text": text} if old.text else {"caption": text}
        now = int(self._world.now())
        new = self._world.change(self._chat, old, edited_at=now, entities=bot_commands(text), **content)
        if self._bot_sees(new):
            self._world.add_update("edited_message", self._world.message_json(new))
        return new

    def press(self, message: Message | int, button: str) -> str:
        """Touch a button, by its label or its callback data; returns the id of the callback query.

        Raises:
            LookupError: the message, as it stands now, has no such button.
        """
        current = self._message(message)
        found = _find(current, button)
        if not found.callback_data:
            raise LookupError(f"{button!r} opens {found.url}: the bot hears nothing of it")
        press = self._world.new_press(self.user)
        query: Json = {
            "id": press.query_id,
            "from": self.user.as_json(),
            "message": self._world.message_json(current),
            "chat_instance": self._chat.instance,
            "data": found.callback_data,
        }
        self._world.add_update("callback_query", query)
        return press.query_id

    def block_bot(self) -> None:
        """Block the bot; in a group, remove it."""
        self._set_blocked(True)

    def unblock_bot(self) -> None:
        self._set_blocked(False)

    async def wait(self, until: int | Callable[[Message], bool] = 1, timeout: float = 10) -> Message:  # noqa: ASYNC109
        """Wait for the bot to write, and return the message that was waited for.

        `until`: how many new messages, or what must be true of one that is new or has changed. New means since the
        last message that `wait` or `ask` returned here, so nothing is missed between two waits.

        Raises:
            NothingCame: `timeout` seconds passed.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            found = self._reached(until)
            if found is not None:
                return found
            left = deadline - loop.time()
            if left <= 0:
                raise NothingCame(self._what_came(until, timeout))
            await self._world.bell.wait(left)

    async def changed(self, seconds: float) -> None:
        """Return once anything happens in Telegram, or the time is over."""
        await self._world.bell.wait(seconds)

    async def ask(self, text: str, timeout: float = 10) -> Message:  # noqa: ASYNC109
        """Send a text and return the bot's next message."""
        self._see(self.messages)
        self.send(text)
        return await self.wait(1, timeout)

    def _publish(self, **content: object) -> Message:
        if self._chat.kind == "private":
            if self._chat.blocked:
                self.unblock_bot()
            self._chat.reachable = True
        else:
            self._world.met.add(self.user.id)
        message = self._world.publish(self._chat, self.user, **content)
        if self._bot_sees(message):
            self._world.add_update("message", self._world.message_json(message))
        return message

    def _bot_sees(self, message: Message) -> bool:
        """Privacy mode: in a group, a bot gets commands and replies to its own messages only."""
        if self._chat.blocked or self._chat.moved_to is not None:
            return False
        if self._chat.kind == "private":
            return True
        replied = self._chat.messages.get(message.reply_to or 0)
        if replied is not None and replied.sender == self._world.bot:
            return True
        words = message.text or message.caption
        addressee = words.split(maxsplit=1)[0].partition("@")[2] if words.startswith("/") else None
        return addressee is not None and addressee.lower() in {"", self._world.bot.username.lower()}

    def _message(self, message: Message | int) -> Message:
        number = message if isinstance(message, int) else message.message_id
        current = self._chat.messages.get(number)
        if current is None or current.deleted:
            raise LookupError(f"there is no message #{number} in this chat (any more)")
        return current

    def _set_blocked(self, blocked: bool) -> None:
        self._chat.blocked = blocked
        gone: Json = {"status": "kicked", "until_date": 0} if self._chat.kind == "private" else {"status": "left"}
        bot: Json = {"user": self._world.bot.as_json()}
        before, after = ({"status": "member"}, gone) if blocked else (gone, {"status": "member"})
        change: Json = {
            "chat": self._chat.as_json(),
            "from": self.user.as_json(),
            "date": int(self._world.now()),
            "old_chat_member": {**before, **bot},
            "new_chat_member": {**after, **bot},
        }
        self._world.add_update("my_chat_member", change)

    def _reached(self, until: int | Callable[[Message], bool]) -> Message | None:
        if isinstance(until, int):
            new = [message for message in self.messages if message.message_id not in self._seen]
            passed = new[:until]
            found = passed[-1] if len(passed) == until else None
        else:
            changed = self._unseen()
            found = next((message for message in changed if until(message)), None)
            passed = changed[: changed.index(found) + 1] if found else []
        if found is not None:
            self._see(passed)
        return found

    def _unseen(self) -> list[Message]:
        """Messages that are new or have changed, in the order in which that happened."""
        unseen = (message for message in self.messages if message.revision > self._seen.get(message.message_id, 0))
        return sorted(unseen, key=lambda message: message.revision)

    def _see(self, messages: Iterable[Message]) -> None:
        self._seen.update((message.message_id, message.revision) for message in messages)

    def _what_came(self, until: int | Callable[[Message], bool], seconds: float) -> str:
        new = self._unseen()
        wanted = f"{until} new message(s)" if isinstance(until, int) else "a message that fits"
        lines = [f"{self.user.first_name} waited {seconds:g} s for {wanted} from the bot."]
        lines += [f"New since the last wait ({len(new)}):", *(f"  {message}" for message in new)]
        lines += ["Before:", *(f"  {message}" for message in self.messages if message not in new)]
        refused = [answered for answered in self._api.calls if answered.description][-5:]
        lines += ["Refused lately:"] if refused else []
        lines += [f"  {answered.call.method}: {answered.status} {answered.description}" for answered in refused]
        lines.append(f"Updates that the bot has not fetched or not confirmed: {self._world.pending}")
        return "\n".join(lines)


def _sendable(text: str) -> str:
    if not 1 <= len(text.strip()) <= LONGEST_TEXT:
        raise ValueError(f"no telephone sends {len(text)} characters in one message")
    return text.strip()


def _find(message: Message, button: str) -> Button:
    buttons = [item for row in message.buttons for item in row]
    for item in buttons:
        if button in {item.label, item.callback_data}:
            return item
    raise LookupError(f"no button {button!r} under {message}")

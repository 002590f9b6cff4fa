"""The methods of the Bot API that the bot uses, with the limits and the wordings of the hosted one."""

import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

from bot.sandbox.botapi.calls import Call, Upload, as_parameters, bad_request
from bot.sandbox.botapi.delivery import LOOPBACK
from bot.sandbox.botapi.entities import BadHtml, Entity, parse_html, trim
from bot.sandbox.botapi.photos import BadPhoto, recompress
from bot.sandbox.botapi.world import Button, Chat, Command, File, Json, Message, Toast, Webhook, World

LONGEST_TEXT = 4096  # code points: 4096 emoji pass, although they are 8192 UTF-16 units
LONGEST_CAPTION = 1024
LONGEST_CALLBACK_DATA = 64  # bytes
LONGEST_TOAST = 200
LARGEST_DOWNLOAD = 20 * 1024 * 1024
CALLBACK_LIFE = 15.0  # seconds; Telegram documents no figure
DELETABLE_FOR = 48 * 3600
_MOST_BUTTONS = 100
_MOST_COMMANDS = 100
_album_numbers = count(13_000_000_000_000_001)


def get_me(world: World, _call: Call) -> object:
    abilities = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
    return {**world.bot.as_json(), **abilities}


def get_chat(world: World, call: Call) -> object:
    required = {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": False,
            "limited_gifts": False,
            "unique_gifts": False,
            "premium_subscription": False,
            "gifts_from_channels": False,
        },
    }
    return {**_chat(world, call).as_json(), **required}


def set_webhook(world: World, call: Call) -> object:
    url, secret = call.text("url"), call.text("secret_token")
    if not url:
        return delete_webhook(world, call)
    parts = urlsplit(url)
    # As a local Bot API server: without TLS on one machine.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    connections = call.number("max_connections", 40)
    if not 1 <= connections <= 100:
        raise bad_request("max_connections must be between 1 and 100")
    allow(world, call)
    world.webhook = Webhook(url, secret, connections)
    world.delivery_fault = None
    _drop_if_asked(world, call)
    world.bell.ring()
    return True


def delete_webhook(world: World, call: Call) -> object:
    world.webhook = None
    world.delivery_fault = None
    _drop_if_asked(world, call)
    return True


def get_webhook_info(world: World, _call: Call) -> object:
    info: Json = {
        "url": world.webhook.url if world.webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": world.pending,
    }
    if world.webhook:
        info["max_connections"] = world.webhook.max_connections
        if world.allowed is not None:
            info["allowed_updates"] = sorted(world.allowed)
    if world.delivery_fault:
        info["last_error_date"], info["last_error_message"] = world.delivery_fault
    return info


def allow(world: World, call: Call) -> None:
    """Which kinds of updates come from now on; without the parameter, those as before."""
    allowed = call.nested("allowed_updates")
    if isinstance(allowed, list):
        world.allowed = frozenset(map(str, allowed)) or None


def set_my_commands(world: World, call: Call) -> object:
    commands = call.nested("commands")
    if not isinstance(commands, list) or not all(isinstance(command, dict) for command in commands):
        raise bad_request("can't parse commands: expected an Array of BotCommand")
    if len(commands) > _MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    kept: list[Command] = []
    for command in commands:
        name, description = str(command.get("command", "")).removeprefix("/"), str(command.get("description", ""))
        if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(description) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        kept.append(Command(name, description))
    world.commands[_scope(call)] = kept
    return True


def get_my_commands(world: World, call: Call) -> object:
    return [command.as_json() for command in world.commands.get(_scope(call), [])]


def delete_my_commands(world: World, call: Call) -> object:
    world.commands.pop(_scope(call), None)
    return True


def accept(_world: World, _call: Call) -> object:
    """Methods that only change how the bot looks in the real application."""
    return True


def send_message(world: World, call: Call) -> object:
    chat = _chat(world, call)
    words = _text(call)
    if len(words.plain) > LONGEST_TEXT:
        raise bad_request("message is too long")
    return _publish(world, chat, call, text=words.plain, html=words.source, entities=words.entities)


def send_document(world: World, call: Call) -> object:
    chat = _chat(world, call)
    caption = _caption(call)
    file = _document(world, _attached(call, call.text("document"), "document"), call.text("document"))
    return _publish(world, chat, call, document=file, **caption.as_caption())


def send_photo(world: World, call: Call) -> object:
    chat = _chat(world, call)
    caption = _caption(call)
    sizes = _photo(world, _attached(call, call.text("photo"), "photo"), call.text("photo"))
    return _publish(world, chat, call, photo_sizes=sizes, **caption.as_caption())


def send_media_group(world: World, call: Call) -> object:
    chat = _chat(world, call)
    media = call.nested("media")
    if not isinstance(media, list) or not all(isinstance(item, dict) for item in media):
        raise bad_request("can't parse media: expected an Array of InputMedia")
    if not media:
        raise bad_request("there are no messages to send")
    if len(media) > 10:
        raise bad_request("too many messages to send as an album")
    kinds = {str(item.get("type")) for item in media}
    for kind in kinds - {"photo", "document"}:
        raise bad_request(f'can\'t parse InputMedia: type "{kind}" is unsupported')
    if len(kinds) > 1:
        raise bad_request("document can't be mixed with other media types")
    contents: list[dict[str, object]] = []
    for item in media:  # all are read before one is shown: an album comes whole or not at all
        given = str(item.get("media", ""))
        content = _caption(Call(call.method, as_parameters(item))).as_caption()
        upload = _attached(call, given, "")
        if item["type"] == "document":
            content["document"] = _document(world, upload, given)
        else:
            content["photo_sizes"] = _photo(world, upload, given)
        contents.append(content)
    album = str(next(_album_numbers)) if len(contents) > 1 else ""
    return [_publish(world, chat, call, media_group_id=album, **content) for content in contents]


def send_chat_action(world: World, call: Call) -> object:
    _chat(world, call)
    if not re.fullmatch(r"typing|find_location|choose_sticker|(upload|record)_[a-z_]+", call.text("action")):
        raise bad_request("wrong parameter action in request")
    return True


def edit_message_text(world: World, call: Call) -> object:
    chat, message = _own_message(world, call)
    if not message.text:
        raise bad_request("there is no text in the message to edit")
    words = _text(call)
    if len(words.plain) > LONGEST_TEXT:
        raise bad_request("MESSAGE_TOO_LONG")
    buttons = _buttons(call)
    return _edit(world, chat, message, text=words.plain, entities=words.entities, buttons=buttons, html=words.source)


def edit_message_caption(world: World, call: Call) -> object:
    chat, message = _own_message(world, call)
    if message.text:
        raise bad_request("there is no caption in the message to edit")
    words = _caption(call, too_long="MEDIA_CAPTION_TOO_LONG")
    return _edit(world, chat, message, buttons=_buttons(call), **words.as_caption())


def edit_message_reply_markup(world: World, call: Call) -> object:
    chat, message = _own_message(world, call)
    return _edit(world, chat, message, buttons=_buttons(call))


def delete_message(world: World, call: Call) -> object:
    chat = _chat(world, call)
    message = chat.messages.get(call.number("message_id"))
    if message is None or message.deleted:
        raise bad_request("message to delete not found")
    _delete(world, chat, message)
    return True


def delete_messages(world: World, call: Call) -> object:
    """Several at once; those that are not there are passed over."""
    chat = _chat(world, call)
    numbers = call.nested("message_ids")
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= 100 or not all(isinstance(it, int) for it in numbers):
        raise bad_request("can't parse message identifiers: expected an Array of 1-100 Integer")
    for number in numbers:
        message = chat.messages.get(number)
        if message is not None and not message.deleted:
            _delete(world, chat, message)
    return True


def answer_callback_query(world: World, call: Call) -> object:
    press = world.presses.get(call.text("callback_query_id"))
    if press is None or world.now() - press.at > CALLBACK_LIFE:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    text = call.text("text")
    if len(text) > LONGEST_TOAST:
        raise bad_request("MESSAGE_TOO_LONG")
    world.toasts.append(Toast(press.query_id, text, call.flag("show_alert")))
    world.bell.ring()
    return True


def get_file(world: World, call: Call) -> object:
    file = world.files.get(call.text("file_id"))
    if file is None:
        raise bad_request("invalid file_id")
    if len(file.content) > LARGEST_DOWNLOAD:
        raise bad_request("file is too big")
    return {
        "file_id": file.file_id,
        "file_unique_id": file.as_json()["file_unique_id"],
        "file_size": len(file.content),
        "file_path": file.path,
    }


# getUpdates is not here: the server waits for it.
METHODS: dict[str, Callable[[World, Call], object]] = {
    "getme": get_me,
    "getchat": get_chat,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
    "deletemycommands": delete_my_commands,
    "setmyname": accept,
    "setmydescription": accept,
    "setmyshortdescription": accept,
    "setchatmenubutton": accept,
    "sendmessage": send_message,
    "senddocument": send_document,
    "sendphoto": send_photo,
    "sendmediagroup": send_media_group,
    "sendchataction": send_chat_action,
    "editmessagetext": edit_message_text,
    "editmessagecaption": edit_message_caption,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "deletemessages": delete_messages,
    "answercallbackquery": answer_callback_query,
    "getfile": get_file,
}


@dataclass(frozen=True)
class _Words:
    plain: str
    source: str
    entities: tuple[Entity, ...]

    def as_caption(self) -> dict[str, object]:
        return {"caption": self.plain, "html": self.source, "entities": self.entities}


def _chat(world: World, call: Call) -> Chat:
    if not call.text("chat_id"):
        raise bad_request("chat_id is empty")
    try:
        return world.chat(int(call.text("chat_id")))
    except ValueError:
        raise bad_request("chat not found") from None


def _own_message(world: World, call: Call) -> tuple[Chat, Message]:
    chat = _chat(world, call)
    message = chat.messages.get(call.number("message_id"))
    if message is None or message.deleted:
        raise bad_request("message to edit not found")
    if message.sender != world.bot:
        raise bad_request("message can't be edited")
    return chat, message


def _text(call: Call) -> _Words:
    if not call.text("text"):
        raise bad_request("message text is empty")
    words = _words(call, "text", "entities")
    if not words.plain:
        raise bad_request("text must be non-empty")
    return words


def _caption(call: Call, too_long: str = "message caption is too long") -> _Words:
    words = _words(call, "caption", "caption_entities")
    if len(words.plain) > LONGEST_CAPTION:
        raise bad_request(too_long)
    return words


def _words(call: Call, name: str, entities_name: str) -> _Words:
    source, mode = call.text(name), call.text("parse_mode").lower()
    if mode == "html":
        try:
            plain, entities = trim(*parse_html(source))
        except BadHtml as problem:
            raise bad_request(f"can't parse entities: {problem}") from None
        return _Words(plain, source, entities)
    if mode:
        raise bad_request("unsupported parse_mode")  # Markdown is left out: the bot writes HTML
    given = call.nested(entities_name) or []
    if not isinstance(given, list):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    plain, entities = trim(source, [_entity(item) for item in given])
    return _Words(plain, source, entities)


def _entity(given: object) -> Entity:
    try:
        assert isinstance(given, dict)
        url, language = str(given.get("url") or ""), str(given.get("language") or "")
        return Entity(str(given["type"]), int(given["offset"]), int(given["length"]), url, language)
    except (AssertionError, KeyError, ValueError):
        raise bad_request("can't parse entities: can't parse MessageEntity") from None


def _buttons(call: Call) -> tuple[tuple[Button, ...], ...]:
    markup = call.nested("reply_markup")
    if markup is None:
        return ()
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("can't parse inline keyboard: expected an Array of Array of InlineKeyboardButton")
    buttons = tuple(tuple(_button(item) for item in row) for row in rows if row)
    if sum(len(row) for row in buttons) > _MOST_BUTTONS:
        raise bad_request("reply markup is too long")
    return buttons


def _button(given: object) -> Button:
    if not isinstance(given, dict) or not given.get("text"):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    data, url = str(given.get("callback_data") or ""), str(given.get("url") or "")
    if not data and not url:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
            if "callback_data" not in given
            else "BUTTON_DATA_INVALID"
        )
    if len(data.encode()) > LONGEST_CALLBACK_DATA:
        raise bad_request("BUTTON_DATA_INVALID")
    if url and not re.match(r"(https?|tg)://\S+$", url):
        raise bad_request("BUTTON_URL_INVALID")
    return Button(str(given["text"]), data, url)


def _attached(call: Call, given: str, name: str) -> Upload | None:
    """The file part that a parameter means: the one it names, or the one that bears its name."""
    if given.startswith("attach://"):
        upload = call.files.get(given.removeprefix("attach://"))
        if upload is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return upload
    return None if given else call.files.get(name)


def _document(world: World, upload: Upload | None, file_id: str) -> File:
    if upload is None:
        return _known_file(world, file_id)
    if not upload.content:
        raise bad_request("file must be non-empty")
    mime = upload.mime
    if mime in {"", "application/octet-stream"}:
        mime = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
    return world.keep_document(upload.name, mime, upload.content)


def _photo(world: World, upload: Upload | None, file_id: str) -> tuple[File, ...]:
    if upload is None:
        file = _known_file(world, file_id)
        if not file.width:
            raise bad_request("type of file mismatch")
        return (file,)
    if not upload.content:
        raise bad_request("file must be non-empty")
    try:
        return world.keep_photo(recompress(upload.content))
    except BadPhoto as problem:
        raise bad_request(str(problem)) from None


def _known_file(world: World, file_id: str) -> File:
    if not file_id:
        raise bad_request("there is no file in the request")
    if file_id not in world.files:
        raise bad_request("wrong file identifier/HTTP URL specified")
    return world.files[file_id]


def _publish(world: World, chat: Chat, call: Call, **content: object) -> Json:
    reply = call.nested("reply_parameters")
    replied = int(reply.get("message_id", 0)) if isinstance(reply, dict) else call.number("reply_to_message_id")
    lenient = isinstance(reply, dict) and bool(reply.get("allow_sending_without_reply"))
    if replied and (replied not in chat.messages or chat.messages[replied].deleted):
        if not lenient:
            raise bad_request("message to be replied not found")
        replied = 0
    message = world.publish(
        chat,
        world.bot,
        buttons=_buttons(call),
        reply_to=replied or None,
        silent=call.flag("disable_notification"),
        protected=call.flag("protect_content"),
        **content,
    )
    return world.message_json(message)


def _delete(world: World, chat: Chat, message: Message) -> None:
    if chat.kind != "private" and message.sender != world.bot:
        raise bad_request("message can't be deleted")
    if world.now() - message.date > DELETABLE_FOR:
        raise bad_request("message can't be deleted for everyone")
    world.change(chat, message, deleted=True)


def _edit(world: World, chat: Chat, message: Message, **content: object) -> Json:
    seen = {name: value for name, value in content.items() if name != "html"}
    if all(getattr(message, name) == value for name, value in seen.items()):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same "
            "as a current content and reply markup of the message"
        )
    return world.message_json(world.change(chat, message, edited_at=int(world.now()), **content))


def _scope(call: Call) -> tuple[str, str]:
    scope = call.nested("scope") or {"type": "default"}
    if not isinstance(scope, dict):
        raise bad_request("can't parse BotCommandScope: expected an Object")
    parts = [scope[name] for name in ("type", "chat_id", "user_id") if scope.get(name)]
    return ":".join(map(str, parts)), call.text("language_code")


def _drop_if_asked(world: World, call: Call) -> None:
    if call.flag("drop_pending_updates"):
        world.drop_updates()

"""From an update of Telegram to an answer in the outbox."""

import json
import logging
import re
from dataclasses import dataclass, field, replace
from typing import Any

from telegram import Bot
from telegram.error import TelegramError

from bot.desk import audit, buttons, threads
from bot.desk.inbox import Item
from bot.desk.people import Contact
from bot.desk.threads import Thread
from bot.enrolment import show_menu, tell_of_guesses
from bot.house import House
from bot.telegram.dead import BLOCKED, REMOVED, lose_chat
from bot.telegram.migration import follow
from bot.telegram.typing import typing
from core.pictures import MAX_BYTES
from handlers import registry
from handlers.answer import Answer, Button
from handlers.ask import Ask, SentFile
from handlers.understand import understand, understand_file

log = logging.getLogger(__name__)

#: A file, or words, that were asked for are awaited that long (seconds).
AWAIT = 3600

_GONE = ("kicked", "left")

#: What a person says without words; the rest (a pinned message, a new title) is said by Telegram itself.
_SAID = frozenset({"document", "photo", "sticker", "voice", "video", "video_note", "audio", "animation", "location"})


@dataclass(frozen=True)
class _Incoming:
    """What an update says, without what we do not use.

    `edited`: the message was answered before, with other words. `in_place`: a button whose answer takes the place of
    its message; `button`: the data of one that confirms, and `confirmed`: whether it does, in time. `answers`: the
    message that this one was written under, `under` its text, and `about` the conversation that its buttons are for.
    """

    chat_id: int
    user_id: int
    private: bool
    text: str
    message_id: int
    file_id: str = ""
    file_name: str = ""
    file_size: int = 0
    as_photo: bool = False
    query_id: str = ""
    to_bot: bool = field(default=True)
    edited: bool = False
    in_place: bool = False
    answers: int = 0
    button: str = ""
    confirmed: bool = False
    under: str = field(default="", repr=False)
    about: int = 0


async def answer_update(item: Item, house: House, bot: Bot) -> None:
    """Answer one update: its answer, and that it is answered, in one transaction."""
    update = json.loads(item.payload)
    if _moves(update):
        with house.desk.atomic():
            follow(house, *_moves(update))
            house.inbox.done(item)
        return
    if member := update.get("my_chat_member"):
        _follow_membership(item, house, member)
        return
    incoming = _incoming(update, bot)
    if incoming and incoming.query_id:
        await _stop_waiting(bot, incoming.query_id)
        incoming = _pressed(incoming, house)
    if incoming is None or not incoming.to_bot:
        with house.desk.atomic():
            house.inbox.done(item)
        return
    contact = house.people.by_chat(incoming.chat_id if incoming.private else incoming.user_id)
    words = incoming.text.split()
    if contact and incoming.private:
        house.people.revive(incoming.chat_id)
    if words and words[0].partition("@")[0] == "/start" and incoming.private:
        await _start(item, house, bot, incoming, contact, words[1] if len(words) > 1 else "")
    elif contact is None:
        _stranger(item, house, incoming)
    else:
        await _answer(item, house, bot, incoming, contact)


def _moves(update: dict[str, Any]) -> tuple[int, int] | tuple[()]:
    """The old and the new id of a group that became a supergroup."""
    message = update.get("message") or {}
    new = message.get("migrate_to_chat_id")
    return (message["chat"]["id"], new) if new else ()


def _follow_membership(item: Item, house: House, member: dict[str, Any]) -> None:
    chat_id = member["chat"]["id"]
    with house.desk.atomic():
        if member["new_chat_member"]["status"] in _GONE:
            lose_chat(house, chat_id, BLOCKED if member["chat"]["type"] == "private" else REMOVED)
        else:
            house.people.revive(chat_id)
        house.inbox.done(item)


def _incoming(update: dict[str, Any], bot: Bot) -> _Incoming | None:
    query = update.get("callback_query")
    if query:
        message = query.get("message")
        if not message:
            return None
        chat = message["chat"]
        return _Incoming(
            chat["id"],
            query["from"]["id"],
            chat["type"] == "private",
            query.get("data", ""),
            message["message_id"],
            query_id=query["id"],
        )
    message = update.get("message") or update.get("edited_message")
    if not message or "from" not in message:
        return None
    chat = message["chat"]
    # A contact that is shared is asked about as if its number were typed.
    text = message.get("text") or message.get("caption") or (message.get("contact") or {}).get("phone_number", "")
    if not text and not set(message) & _SAID:
        return None
    document = message.get("document") or {}
    photo = (message.get("photo") or [{}])[-1]
    private = chat["type"] == "private"
    answered = message.get("reply_to_message") or {}
    reply = answered.get("from") or {}
    mention = re.compile(rf"@{re.escape(bot.username)}\b", re.IGNORECASE)
    # "/status@another_bot" is said to the other.
    command = text.startswith("/") and "@" not in text.split(maxsplit=1)[0]
    addressed = command or bool(mention.search(text)) or reply.get("id") == bot.id
    return _Incoming(
        chat_id=chat["id"],
        user_id=message["from"]["id"],
        private=private,
        text=mention.sub("", text).strip(),
        message_id=message["message_id"],
        file_id=document.get("file_id") or photo.get("file_id") or "",
        file_name=document.get("file_name") or ("photo.jpg" if photo else "fichier"),
        file_size=document.get("file_size") or photo.get("file_size") or 0,
        as_photo=bool(photo) and not document,
        to_bot=private or addressed,
        edited="edited_message" in update,
        answers=answered.get("message_id") or 0,
        under=answered.get("text") or answered.get("caption") or "",
        about=_conversation(answered) if reply.get("id") == bot.id else 0,
    )


#: What the buttons below a message of a conversation ask (`bot.bridge`).
_OF_CONVERSATION = re.compile(r"(?:contact|clore) #(\d{1,9})")


def _conversation(shown: dict[str, Any]) -> int:
    """The number of the conversation that the buttons of a message of ours are for, 0 without."""
    rows = (shown.get("reply_markup") or {}).get("inline_keyboard") or []
    found = (_OF_CONVERSATION.fullmatch(str(button.get("callback_data"))) for row in rows for button in row)
    return next((int(it[1]) for it in found if it), 0)


def _pressed(incoming: _Incoming, house: House) -> _Incoming:
    pressed = buttons.read(house.desk, house.context.vault, incoming.chat_id, incoming.text)
    return replace(
        incoming,
        text=pressed.command,
        in_place=pressed.in_place,
        button=incoming.text if pressed.confirms else "",
        confirmed=pressed.confirmed,
    )


async def _stop_waiting(bot: Bot, query_id: str) -> None:
    """Ends the little clock on the touched button; after a restart the query can be too old, which matters not."""
    try:
        await bot.answer_callback_query(query_id)
    except TelegramError as error:
        log.info("callback query not acknowledged: %s", type(error).__name__)


async def _start(item: Item, house: House, bot: Bot, incoming: _Incoming, contact: Contact | None, code: str) -> None:
    is_new = contact is None
    with house.desk.atomic():
        house.inbox.done(item)
        if contact is None and code:
            contact = house.people.enrol(incoming.chat_id, code, house.context.now())
        if contact:
            house.write_chat(incoming.chat_id, [_welcome(house, contact)])
            audit.record(house.desk, contact.person.id, "chat", "start", "answered", about="chat relié" * is_new)
        if contact and is_new:
            house.own.admission.tell_bound(contact)
    if contact is None:
        _stranger(item, house, incoming, tried=bool(code))
        return
    await show_menu(bot, incoming.chat_id, contact.person)


def _welcome(house: House, contact: Contact) -> Answer:
    news = ("Les nouveautés techniques arriveront ici.",) if "technique" in contact.person.roles else ()
    return Answer(
        f"Bonjour {contact.person.name}, ce chat est relié à {house.profile.operator_name}.",
        (*news, "Un numéro de ligne donne son état, un nom de client sa conso.", "Pour le reste :"),
        buttons=(Button("Tout ce que je sais faire", "aide"),),
    )


def _stranger(item: Item, house: House, incoming: _Incoming, *, tried: bool = False) -> None:
    """One neutral sentence, once, that tells nothing; groups get none. `tried`: it said a code, which was wrong."""
    with house.desk.atomic():
        house.inbox.done(item)
        audit.record_unknown(house.desk, f"chat {incoming.chat_id}", "chat", "start" if tried else "", "refused")
        if tried:
            tell_of_guesses(house, incoming.chat_id)
        if incoming.private and house.people.tell_stranger(incoming.chat_id, house.context.now()):
            house.write_chat(incoming.chat_id, [Answer("Ce robot est privé.")])


async def _answer(item: Item, house: House, bot: Bot, incoming: _Incoming, contact: Contact) -> None:
    now = house.context.now()
    awaited = house.inbox.awaited("words", item.conversation, now)
    # A correction is of what its message answered, whatever was asked since.
    said = house.inbox.answered(item.conversation, incoming.message_id, now) if incoming.edited else awaited
    thread = _thread(house, incoming)
    to_thread = _to_thread(house, incoming, thread)
    is_said = bool(said) and _is_plain(incoming) and to_thread is None
    dialog = understand(f"{said} {incoming.text}", house.context.telecom) if is_said else None
    understood = to_thread or _understood(item, house, incoming)
    if incoming.file_size > MAX_BYTES:
        answer, command = Answer("Ce fichier dépasse 20 Mo, la limite de Telegram pour un robot.", refused=True), ""
        outcome: audit.Outcome = "refused"
    elif thread and not incoming.text and not incoming.file_id:
        said_so = ("Un texte, une photo ou un fichier se transmet ; un vocal ou un autocollant, non.",)
        answer, command, outcome = Answer("Rien n'est parti.", said_so, refused=True), "", "refused"
    elif dialog is None and understood is None:
        answer, command = _not_understood(incoming, contact, house), ""
        outcome = "not understood"
    else:
        async with typing(bot, incoming.chat_id):
            files = await _files(bot, incoming)
            for command, arguments in filter(None, (dialog, understood)):
                ask = Ask(
                    command,
                    arguments,
                    contact.person,
                    "chat",
                    incoming.private,
                    files,
                    conversation=item.conversation,
                    message=incoming.message_id,
                    thread=thread.id if thread else 0,
                    under=incoming.under,
                    confirmed=incoming.confirmed,
                    edited=incoming.edited,
                )
                answer = await registry.answer(ask, house.context)
                if not answer.refused:
                    break  # else what was no answer in the dialog may be a question of its own
        if awaited.startswith("profil") and awaited != "profil code" and command != "profil":
            answer = replace(answer, buttons=(*answer.buttons, Button("Reprendre le profil", awaited)))
        outcome = audit.outcome_of(answer)
    with house.desk.atomic():
        house.inbox.done(item)
        # Who lost his rights while his answer was made does not get it.
        if not _may_still(house, incoming, contact):
            audit.record(house.desk, contact.person.id, "chat", command, "denied", why="accès retiré entre-temps")
            return
        if incoming.button:
            buttons.used(house.desk, incoming.chat_id, incoming.button)
        if incoming.file_id or understood or dialog:
            house.inbox.await_next("files", item.conversation, answer.awaits_file, now + AWAIT)
            words = answer.awaits_words if incoming.private else ""
            house.inbox.await_next("words", item.conversation, words, now + AWAIT)
        if dialog:
            house.inbox.remember(item.conversation, incoming.message_id, said, now, now + AWAIT)
        house.write_chat(
            incoming.chat_id,
            [answer],
            question=0 if incoming.query_id else incoming.message_id,
            again=incoming.edited,
            edits=incoming.message_id if incoming.in_place else 0,
            thread=answer.thread,
        )
        door = "chat" if incoming.private else "groupe"
        audit.record_answer(house.desk, contact.person.id, door, command, answer, outcome)


def _may_still(house: House, incoming: _Incoming, contact: Contact) -> bool:
    """Whether he has every role that he had when he asked."""
    now = house.people.by_chat(incoming.chat_id if incoming.private else incoming.user_id)
    return now is not None and now.person.id == contact.person.id and house.people.has_still(contact)


def _is_plain(incoming: _Incoming) -> bool:
    """Whether these are words that can answer what the bot asked: no button, no file, and no command."""
    if not incoming.text or incoming.file_id or incoming.query_id or incoming.text.startswith("/"):
        return False
    return len(incoming.text.split()) > 1 or registry.named(incoming.text, spoken=False) is None


def _understood(item: Item, house: House, incoming: _Incoming) -> tuple[str, str] | None:
    """The command that a text, or a file with its caption, is for."""
    said = understand(incoming.text, house.context.telecom) if incoming.text else None
    if not incoming.file_id:
        return said
    if said and registry.named(said[0]).takes_files:  # type: ignore[union-attr]
        return said
    by_name = understand_file(incoming.file_name, incoming.text, alone=True)
    if by_name is None or (by_name[0] == "upload" and not by_name[1]):
        awaited = house.inbox.awaited("files", item.conversation, house.context.now())
        return understand(awaited, house.context.telecom) if awaited else by_name
    return by_name


async def _files(bot: Bot, incoming: _Incoming) -> tuple[SentFile, ...]:
    if not incoming.file_id:
        return ()
    file = await bot.get_file(incoming.file_id)
    content = bytes(await file.download_as_bytearray())
    return (SentFile(incoming.file_name, content, incoming.as_photo),)


def _thread(house: House, incoming: _Incoming) -> Thread | None:
    """What a message that was written under another belongs to."""
    if not incoming.answers:
        return None
    found = threads.by_message(house.desk, incoming.chat_id, incoming.answers)
    # A message that Telegram took as the service was killed has a number that nobody wrote down.
    return found or (threads.by_id(house.desk, incoming.about) if incoming.about else None)


def _to_thread(house: House, incoming: _Incoming, thread: Thread | None) -> tuple[str, str] | None:
    """Words, or a file, under a message of a conversation are for who reads it by mail; under a notice, unless they
    ask something of the bot."""
    if thread is None or thread.kind == "mail" or incoming.query_id or incoming.text.startswith("/"):
        return None
    if not incoming.text and not incoming.file_id:
        return None  # a voice, a sticker
    if thread.kind == "notice" and understand(incoming.text, house.context.telecom):
        return None
    return "contact", f"#{thread.id} {incoming.text}"


def _not_understood(incoming: _Incoming, contact: Contact, house: House) -> Answer:
    if incoming.file_id:
        return Answer(
            "Que faire de ce fichier ?",
            ("Pour le logo : /upload logo, puis le fichier. Pour le bandeau : /upload bandeau.",),
            buttons=(Button("C'est le logo", "upload logo"), Button("C'est le bandeau", "upload bandeau")),
            refused=True,
        )
    if incoming.query_id:
        return Answer("Ce bouton n'est plus connu : poser la question de nouveau.", refused=True)
    word, _, arguments = incoming.text.strip().lstrip("/").partition(" ")
    close = registry.nearest(word, contact.person)
    lines: tuple[str, ...] = ("Un numéro de ligne, un nom de client ou une commande : /aide les donne toutes.",)
    to_staff: tuple[Button, ...] = ()
    if incoming.text.strip() and house.own.staff_of(contact.person):
        to_staff = (Button("L'envoyer à l'équipe", f"contact {incoming.text.strip()}"),)
    if close is None:
        return Answer("Je n'ai pas compris.", lines, buttons=to_staff, refused=True)
    meant = f"{close.name} {arguments}".strip()
    return Answer(
        "Je n'ai pas compris.",
        (f"Vouliez-vous dire /{close.usage} ?", *lines),
        buttons=(Button(f"/{meant}"[:40], meant), *to_staff),
        refused=True,
    )


def failure(item: Item, house: House) -> None:
    """The words for a question that could not be answered, in the transaction that sets it aside."""
    chat_id, user_id = _speakers(item.conversation)
    if chat_id and house.people.by_chat(user_id):
        answer = Answer(
            "Je n'ai pas pu traiter ce message : une erreur s'est produite de mon côté.",
            ("Elle est notée. La question peut être posée autrement, ou un peu plus tard.",),
        )
        house.write_chat(chat_id, [answer])


def _speakers(conversation: str) -> tuple[int, int]:
    """The chat, and who speaks there: chat:CHAT in private, chat:CHAT:USER in a group."""
    _, chat_id, user_id, *_ = (*conversation.split(":"), "", "")
    return int(chat_id or 0), int(user_id or chat_id or 0)

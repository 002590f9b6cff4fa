"""How chats come to be known, by a one-time code that was mailed, and what their menus show."""

import hashlib
import json

from sqlite_utils import Database
from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.desk import facts, progress
from bot.desk.people import MOST_FAILURES, PAUSE, TECHNICAL
from bot.house import House
from bot.undelivered import tell_technical
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Person

_DAY = 86400


def know_robot(desk: Database, username: str) -> None:
    """Remember the robot's name, for links that other processes write. Another robot shows no menu yet."""
    if facts.get(desk, "bot_username") == username:
        return
    with desk.atomic():
        facts.put(desk, "bot_username", username)
        desk.execute("DELETE FROM menus")


def mail_code(house: House) -> bool:
    """Mail a code to the technical contact when he needs one (`People.needs_code`). Whether there is a mail to send."""
    if not house.people.needs_code(TECHNICAL, house.context.now()):
        return False
    with house.desk.atomic():
        house.people.lock()
        contact = house.people.by_id(TECHNICAL)
        if contact is None or not house.people.needs_code(TECHNICAL, house.context.now()):
            return False
        house.own.admission.mail_code(contact)
    return True


def tell_of_guesses(house: House, chat_id: int) -> None:
    """Tell the technical contact that an unknown chat guesses at codes, once a day; in the caller's transaction."""
    now = house.context.now()
    if not house.people.is_paused(chat_id, now) or progress.get(house.desk, "guesses_told") > now - _DAY:
        return
    progress.put(house.desk, "guesses_told", now)
    told = Answer(
        "⚠️ Un chat inconnu essaie des codes d'accès",
        (
            f"{MOST_FAILURES} codes faux de suite : ce chat n'est plus écouté pendant {PAUSE // 3600} h. "
            "Il n'a rien appris.",
            "Si c'est une personne invitée, la réinviter lui envoie un nouveau code : /inviter, ou « origyne-bot "
            "people invite » sur le serveur du robot.",
        ),
    )
    tell_technical(house, told)


async def show_menu(bot: Bot, chat_id: int, person: Person) -> bool:
    """The commands that this person may use, in his chat's menu alone: an unknown chat is shown none. Whether nothing
    is left to do there."""
    commands = [BotCommand(command.name, command.summary) for command in registry.commands_of(person)]
    try:
        await bot.set_my_commands(commands, scope=BotCommandScopeChat(chat_id))
    except (BadRequest, Forbidden):
        return True  # nothing can be shown there
    except TelegramError:
        return False  # a convenience: tried again by `follow_rights`
    return True


async def follow_rights(house: House, bot: Bot) -> None:
    """Make the menu of each chat that of its person as he is now, and take that of a chat which is nobody's now."""
    shown = dict(house.desk.execute("SELECT chat_id, shown FROM menus").fetchall())
    for contact in house.people.everyone():
        menu = _menu_of(contact.person)
        for chat_id in house.people.chats_of(contact.person.id):
            if shown.get(chat_id) != menu and await show_menu(bot, chat_id, contact.person):
                _remember(house.desk, chat_id, menu)
    for chat_id in shown:
        if house.people.by_chat(chat_id) is None and await _take_menu(bot, chat_id):
            with house.desk.atomic():
                house.desk.execute("DELETE FROM menus WHERE chat_id = ?", (chat_id,))


async def _take_menu(bot: Bot, chat_id: int) -> bool:
    """Whether nothing is left to take."""
    try:
        await bot.delete_my_commands(scope=BotCommandScopeChat(chat_id))
    except (BadRequest, Forbidden):
        return True  # that chat is no more
    except TelegramError:
        return False
    return True


def _menu_of(person: Person) -> str:
    commands = [(command.name, command.summary) for command in registry.commands_of(person)]
    return hashlib.sha256(json.dumps(commands).encode()).hexdigest()


def _remember(desk: Database, chat_id: int, menu: str) -> None:
    with desk.atomic():
        desk.execute("INSERT OR REPLACE INTO menus (chat_id, shown) VALUES (?, ?)", (chat_id, menu))

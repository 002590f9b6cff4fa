"""How the technical contact's chat comes to be known: a one-time code, mailed to the technical address."""

from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import TelegramError

from bot.desk.people import CODE_LIFE, TECHNICAL
from bot.house import House
from bot.mail.letter import Letter
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Person


def mail_code(house: House, username: str) -> bool:
    """Mail a code to the technical contact when he has neither a chat nor a code that still works."""
    contact = house.people.by_id(TECHNICAL)
    now = house.context.now()
    if contact is None or not house.people.needs_code(TECHNICAL, now):
        return False
    with house.desk.atomic():
        code = house.people.new_code(TECHNICAL, now)
        part = Answer(
            "Relier votre Telegram",
            (
                f"Ouvrir ce lien sur le téléphone où Telegram est installé : https://t.me/{username}?start={code}",
                f"Ou écrire au robot @{username} : /start {code}",
                f"Ce code sert une seule fois, dans les {CODE_LIFE // 86400} jours. Ne pas le transmettre : "
                "il donne accès à l'état des lignes.",
            ),
        )
        house.write_letter(
            Letter(
                to=contact.email,
                subject=f"{house.profile.operator_name} : relier votre Telegram à l'assistant",
                greeting=f"Bonjour {contact.person.name},",
                parts=(part,),
            )
        )
    return True


async def show_menu(bot: Bot, chat_id: int, person: Person) -> bool:
    """The commands that this person may use, in his chat's menu alone: an unknown chat is shown none."""
    commands = [BotCommand(command.name, command.summary) for command in registry.commands_of(person)]
    try:
        return await bot.set_my_commands(commands, scope=BotCommandScopeChat(chat_id))
    except TelegramError:
        return False  # a convenience: tried again at the next start

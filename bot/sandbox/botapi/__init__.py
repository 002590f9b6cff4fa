"""A local Telegram Bot API server with both its sides: the bot's (HTTP) and people's telephones.

    async with BotApi("123456:secret") as api:
        phone = api.phone(42, "Alice")
        …                                   # the bot polls f"{api.url}/bot"
        answer = await phone.ask("/aide")

It holds to the hosted API where a bot can tell the difference: limits, errors with their wording, long polling,
photos that lose their density. Texts: HTML or explicit entities, no Markdown. Flood limits: on request only.
"""

from bot.sandbox.botapi.calls import Call, Upload
from bot.sandbox.botapi.entities import Entity
from bot.sandbox.botapi.phone import Group, NothingCame, Phone
from bot.sandbox.botapi.server import Answered, BotApi, Fault
from bot.sandbox.botapi.world import Button, Command, File, Message, Toast, User

__all__ = [
    "Answered",
    "BotApi",
    "Button",
    "Call",
    "Command",
    "Entity",
    "Fault",
    "File",
    "Group",
    "Message",
    "NothingCame",
    "Phone",
    "Toast",
    "Upload",
    "User",
]

"""Sending what the outbox holds for chats, and telling a temporary refusal from a permanent one."""

import html
import logging
import re

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.desk.outbox import Outbox, Parcel
from bot.desk.people import People
from bot.telegram.drawing import Message

log = logging.getLogger(__name__)


async def send(bot: Bot, outbox: Outbox, people: People, parcel: Parcel) -> None:
    """One attempt; its outcome is in the outbox when this returns."""
    message = Message.restored(parcel.payload, parcel.attachment)
    outbox.sending(parcel)
    try:
        await _post(bot, int(parcel.recipient), message)
    # BadRequest and TimedOut are both NetworkError: the order of these lines is the rule.
    except RetryAfter as error:
        value = error.retry_after
        wait = float(value) if isinstance(value, int | float) else value.total_seconds()
        outbox.again(parcel, "Telegram demande d'attendre", after=wait)
    except Forbidden as error:
        people.forget_chat(int(parcel.recipient))
        outbox.failed(parcel, f"le chat n'est plus joignable ({error.message})")
    except (BadRequest, ChatMigrated) as error:
        outbox.failed(parcel, f"Telegram refuse le message ({error.message})")
        log.error("chat parcel %s refused: %s", parcel.id, error.message)
    except TimedOut:
        # The server may have it: the copy that follows is marked.
        outbox.again(parcel, "Telegram n'a pas répondu à temps", uncertain=True)
    except NetworkError as error:
        outbox.again(parcel, f"Telegram n'est pas joignable ({type(error).__name__})")
    except TelegramError as error:
        outbox.again(parcel, f"Telegram a répondu par une erreur ({type(error).__name__})")
    else:
        outbox.sent(parcel)


async def _post(bot: Bot, chat_id: int, message: Message) -> None:
    reply = ReplyParameters(message.reply_to, allow_sending_without_reply=True) if message.reply_to else None
    if message.attachment is not None:
        await bot.send_document(
            chat_id,
            message.attachment,
            filename=message.file_name,
            caption=message.html or None,
            parse_mode=ParseMode.HTML,
            reply_parameters=reply,
        )
        return
    keyboard = (
        InlineKeyboardMarkup(
            [[InlineKeyboardButton(button.label, callback_data=button.command)] for button in message.buttons]
        )
        if message.buttons
        else None
    )
    try:
        await bot.send_message(
            chat_id, message.html, parse_mode=ParseMode.HTML, reply_markup=keyboard, reply_parameters=reply
        )
    except BadRequest as error:
        if "parse entities" not in error.message:
            raise
        # Our own HTML was refused: the words matter more than the bold.
        plain = html.unescape(re.sub(r"</?[bi]>", "", message.html))
        await bot.send_message(chat_id, plain, reply_markup=keyboard, reply_parameters=reply)

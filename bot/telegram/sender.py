"""Sending what the outbox holds for chats: each chat in its order, none waiting for another."""

import asyncio
import html
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

import httpx
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram import Message as Shown
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.desk import fleeting, replies, threads
from bot.desk.outbox import Parcel
from bot.desk.replies import Reply
from bot.house import House
from bot.telegram import dead, migration
from bot.telegram.client import CONNECTIONS, seconds_of
from bot.telegram.drawing import TAG, Message
from bot.telegram.rates import Rates
from bot.undelivered import tell_chat
from core import charts, disk, logs
from core.trace import trace

log = logging.getLogger(__name__)

Showing = TypeVar("Showing")

#: Seconds that what is being sent is given to end when the service stops.
GRACE = 4.0

#: Seconds before a chat is looked at again after the disk did not take that something is being sent there.
REFUSED_PAUSE = 15.0

#: Seconds between two tries while Telegram refuses the token.
TOKEN_WAIT = 60.0

#: Chats that are written to at the same moment.
_AT_ONCE = CONNECTIONS - 16

#: A message cannot be edited (any more): it is sent anew.
_NOT_EDITABLE = ("message to edit not found", "message can't be edited", "there is no text in", "message_id_invalid")

#: What a message says until its code is in it.
_HOLDS = "🔒"

#: What never left this machine cannot have arrived.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Sender:
    """`posted` is to be rung whenever there may be something to send.

    :param wrote: called when sending a message made a mail be written.
    :param took: called when Telegram took a message.
    """

    def __init__(
        self, house: House, bot: Bot, wrote: Callable[[], None] = lambda: None, took: Callable[[], None] = lambda: None
    ) -> None:
        self._house = house
        self._outbox = house.outbox
        self._bot = bot
        self._wrote = wrote
        self._took = took
        self._rates = Rates()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._sending: set[str] = set()
        self._stopping = False
        self.posted = asyncio.Event()

    async def run(self) -> None:
        """For ever. When this is cancelled, what is being sent is given a little time to end."""
        if lost := self._outbox.recover("chat"):
            log.warning("chat: %s parcels were being sent at the last stop: sent again, marked uncertain", lost)
        try:
            while True:
                self.posted.clear()
                self._begin()
                await asyncio.sleep(0)  # what is to be sent goes first
                due = self._outbox.next_try("chat")
                wait = 30.0 if due is None else min(30.0, max(0.2, due - time.time()))
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self.posted.wait()
        finally:
            await self._end()

    async def deliver(self) -> None:
        """Send what is due now, and what that leaves due; then return."""
        while self._outbox.ready("chat", int(time.time())):
            self._begin()
            await asyncio.gather(*self._busy.values())

    def _begin(self) -> None:
        for recipient in self._outbox.ready("chat", int(time.time())):
            if recipient not in self._busy:
                self._busy[recipient] = asyncio.create_task(self._serve(recipient))

    async def _end(self) -> None:
        self._stopping = True
        tasks = dict(self._busy)
        for recipient, task in tasks.items():
            if recipient not in self._sending:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks.values(), timeout=GRACE)
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        self._stopping = False

    async def _serve(self, recipient: str) -> None:
        """Send to one chat all that is due, in its order."""
        try:
            due = True
            while due and not self._stopping:
                chat_id = int(recipient)
                is_known = chat_id < 0 or self._house.people.by_chat(chat_id) is not None
                await self._rates.turn(chat_id, stranger=not is_known)
                async with self._room:
                    # Meanwhile the chat can have been lost, or have moved.
                    if parcel := self._outbox.next_of("chat", recipient, int(time.time())):
                        self._sending.add(recipient)
                        with logs.about(parcel.cause):
                            await self.send(parcel)
                        self._sending.discard(recipient)
                due = self._outbox.is_due("chat", recipient, int(time.time()))
        except Exception as error:
            log.error("sending to a chat stumbled: %s", trace(error))
            await asyncio.sleep(REFUSED_PAUSE if disk.refusal_of(error) else 1)
        finally:
            self._sending.discard(recipient)
            del self._busy[recipient]
            self.posted.set()  # what must be tried later sets the next alarm

    async def send(self, parcel: Parcel) -> None:
        """One attempt; its outcome is in the outbox when this returns."""
        begun = time.monotonic()
        try:
            message, picture = await self._prepare(parcel)
        except Exception as error:
            log.error("chat parcel %s cannot be made: %s", parcel.id, trace(error))
            self._give_up(parcel, None, f"le message n'a pas pu être préparé ({type(error).__name__})")
            return
        if not self._outbox.sending(parcel):
            return
        chat_id, settle = int(parcel.recipient), self._outbox.settle
        try:
            try:
                shown = await self._show(parcel, chat_id, message, picture)
            except ChatMigrated as moved:
                log.info("a group has another id now")
                migration.follow(self._house, chat_id, moved.new_chat_id)
                chat_id, message = moved.new_chat_id, migration.without_numbers(message)
                shown = await self._show(parcel, chat_id, message, picture)
        # BadRequest and TimedOut are both NetworkError: the order of these lines is the rule.
        except RetryAfter as error:
            after = seconds_of(error)
            settle(lambda: self._outbox.again(parcel, "Telegram demande d'attendre", after=after))
        except InvalidToken:
            # No fault of this message, which certainly did not arrive: it waits until the token is mended.
            settle(lambda: self._outbox.again(parcel, "Telegram refuse le jeton", after=TOKEN_WAIT))
        except Forbidden as error:
            settle(partial(self._lost, parcel, chat_id, error, message))
        except (BadRequest, ChatMigrated) as error:
            if "chat not found" in error.message.lower():
                settle(partial(self._lost, parcel, chat_id, error, message))
                return
            log.error("chat parcel %s refused: %s", parcel.id, error.message)
            settle(partial(self._give_up, parcel, message, f"Telegram refuse le message ({error.message})"))
        except NetworkError as error:
            uncertain = isinstance(error.__cause__, httpx.HTTPError) and not isinstance(error.__cause__, _NEVER_SENT)
            reason = f"Telegram n'est pas joignable ({type(error).__name__})"
            settle(partial(self._later, parcel, message, reason, uncertain))
        except TelegramError as error:
            # Such as half an answer: the server may have done it.
            reason = f"Telegram a répondu par une erreur ({type(error).__name__})"
            settle(partial(self._later, parcel, message, reason, True))
        except Exception as error:
            log.error("chat parcel %s: %s", parcel.id, trace(error))
            settle(partial(self._later, parcel, message, f"erreur interne ({type(error).__name__})", True))
        else:
            settle(partial(self._sent, parcel, chat_id, message, shown))
            self._took()
            log.info("sent: chat parcel %s%s", parcel.id, logs.in_time(begun))

    def _sent(self, parcel: Parcel, chat_id: int, message: Message, message_id: int) -> None:
        desk = self._house.desk
        with desk.atomic():
            self._outbox.sent(parcel)
            if message.question:
                reply = Reply(message_id, "text" if _is_text(message) else "file")
                replies.record(desk, chat_id, message.question, message.part, reply)
                if message.again and message.part == message.parts - 1:
                    replies.forget(desk, chat_id, message.question, message.parts)
            if message.fleeting:
                fleeting.add(desk, chat_id, message_id, self._end_of_codes())
            if message.thread:
                threads.add_message(desk, message.thread, chat_id, message_id)

    def _later(self, parcel: Parcel, message: Message, reason: str, uncertain: bool) -> None:
        if not self._outbox.again(parcel, reason, uncertain=uncertain):
            self._give_up(parcel, message, reason)

    def _give_up(self, parcel: Parcel, message: Message | None, reason: str) -> None:
        with self._house.desk.atomic():
            # Codes are kept nowhere.
            self._outbox.failed(parcel, reason, keep=message is None or not message.protected)
            tell_chat(self._house, parcel, reason)
        self._wrote()

    def _lost(self, parcel: Parcel, chat_id: int, error: TelegramError, message: Message) -> None:
        reason = dead.reason_of(error.message)
        log.warning("a chat is lost: %s", error.message)
        with self._house.desk.atomic():
            wrote = dead.lose_chat(self._house, chat_id, reason)
            self._outbox.failed(parcel, f"le chat n'est plus joignable ({reason})", keep=False)
        if wrote:
            self._wrote()

    async def _prepare(self, parcel: Parcel) -> tuple[Message, bytes | None]:
        message = Message.restored(parcel.payload, parcel.attachment)
        if message.picture is None:
            return message, None
        return message, await self._house.context.studio.make(charts.draw, self._house.data, message.picture)

    # -- one message

    async def _show(self, parcel: Parcel, chat_id: int, message: Message, picture: bytes | None) -> int:
        """Make it seen, by as many calls as that takes; each may be made again after a crash. The number it has."""
        place = message.holder or message.edits
        unwanted: list[int] = []
        if message.again:
            former = replies.replies_to(self._house.desk, chat_id, message.question)
            if message.part == message.parts - 1:
                unwanted += [reply.message_id for part, reply in former.items() if part >= message.parts]
            if same := former.get(message.part):
                place = same.message_id
                if same.kind != "text":
                    unwanted.append(place)
                    place = 0
        # A message that was sent unprotected stays so, whatever it is made to say.
        if place and not message.holder and (message.protected or not _is_text(message)):
            unwanted.append(place)
            place = 0
        if unwanted:
            with suppress(BadRequest):  # too old to be deleted
                await self._bot.delete_messages(chat_id, unwanted)
            await self._rates.turn(chat_id)
        if place:
            try:
                await self._edit(chat_id, place, message)
            except BadRequest as error:
                words = error.message.lower()
                if "message is not modified" in words:
                    return place
                if not any(sign in words for sign in _NOT_EDITABLE):
                    raise
                await self._rates.turn(chat_id)
            else:
                return place
        if message.protected and _is_text(message):
            held = await self._hold(parcel, chat_id, message)
            await self._edit(chat_id, held.holder, held)
            return held.holder
        return (await self._post(chat_id, message, picture)).message_id

    async def _hold(self, parcel: Parcel, chat_id: int, message: Message) -> Message:
        """Send a message without the words, to be edited: of one whose number Telegram could not tell us any more, the
        code would stay for ever."""
        held = replace(
            message, holder=(await self._post(chat_id, replace(message, html=_HOLDS, buttons=()), None)).message_id
        )
        with self._house.desk.atomic():
            self._outbox.rewrite(parcel, held.payload())
            fleeting.add(self._house.desk, chat_id, held.holder, self._end_of_codes())
        await self._rates.turn(chat_id)
        return held

    def _end_of_codes(self) -> int:
        return int(time.time()) + 60 * self._house.settings.codes_minutes

    async def _edit(self, chat_id: int, message_id: int, message: Message) -> None:
        async def edit(words: str, mode: ParseMode | None) -> object:
            return await self._bot.edit_message_text(
                words, chat_id, message_id, parse_mode=mode, reply_markup=_keyboard(message)
            )

        await self._worded(chat_id, message, edit)

    async def _post(self, chat_id: int, message: Message, picture: bytes | None) -> Shown:
        reply = ReplyParameters(message.reply_to, allow_sending_without_reply=True) if message.reply_to else None

        async def post(words: str, mode: ParseMode | None) -> Shown:
            if picture is not None:
                return await self._bot.send_photo(
                    chat_id,
                    picture,
                    caption=words or None,
                    parse_mode=mode,
                    reply_markup=_keyboard(message),
                    reply_parameters=reply,
                    disable_notification=message.silent,
                    protect_content=message.protected,
                )
            if message.attachment is not None:
                return await self._bot.send_document(
                    chat_id,
                    message.attachment,
                    filename=message.file_name,
                    caption=words or None,
                    parse_mode=mode,
                    reply_markup=_keyboard(message),
                    reply_parameters=reply,
                    disable_notification=message.silent,
                    protect_content=message.protected,
                )
            return await self._bot.send_message(
                chat_id,
                words,
                parse_mode=mode,
                reply_markup=_keyboard(message),
                reply_parameters=reply,
                disable_notification=message.silent,
                protect_content=message.protected,
            )

        return await self._worded(chat_id, message, post)

    async def _worded(
        self, chat_id: int, message: Message, show: Callable[[str, ParseMode | None], Awaitable[Showing]]
    ) -> Showing:
        try:
            async with self._rates.under_way():
                return await show(message.html, ParseMode.HTML)
        except BadRequest as error:
            if "parse entities" not in error.message:
                raise
            log.error("our HTML was refused: %s", error.message)
        # The words matter more than the bold.
        await self._rates.turn(chat_id)
        async with self._rates.under_way():
            return await show(html.unescape(TAG.sub("", message.html)), None)


def _is_text(message: Message) -> bool:
    return message.attachment is None and message.picture is None


def _keyboard(message: Message) -> InlineKeyboardMarkup | None:
    if not message.buttons:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in message.buttons]
    )

"""The local Bot API server, as two unrelated clients see it: python-telegram-bot, and aiogram with strict models."""

import asyncio
import html
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiogram import Bot as AiogramBot
from aiogram import exceptions as aiogram_errors
from aiogram import types as aiogram_types
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import Application, CommandHandler, ContextTypes
from telegram.request import HTTPXRequest

from bot.sandbox.botapi import BotApi, NothingCame, Phone
from bot.sandbox.botapi.entities import BadHtml, parse_html, trim, utf16_length

TOKEN = "123456789:an-invented_token"
ALICE = 4200001
MEBIBYTE = 1024 * 1024


@dataclass
class Clock:
    seconds: float = 1_795_500_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def api(clock: Clock) -> AsyncIterator[BotApi]:
    async with BotApi(TOKEN, now=clock) as api:
        yield api


@pytest.fixture
def alice(api: BotApi) -> Phone:
    return api.phone(ALICE, "Alice", "Martin", username="alice_m", started=True)


# One for all: loading the authorities anew for each client takes most of a test's time.
NO_AUTHORITIES: dict[str, Any] = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}


def ptb(api: BotApi, token: str = TOKEN, read_timeout: float = 30) -> Bot:
    return Bot(
        token,
        base_url=f"{api.url}/bot",
        base_file_url=f"{api.url}/file/bot",
        request=HTTPXRequest(read_timeout=read_timeout, httpx_kwargs=NO_AUTHORITIES),
        get_updates_request=HTTPXRequest(read_timeout=read_timeout, httpx_kwargs=NO_AUTHORITIES),
    )


@pytest_asyncio.fixture
async def bot(api: BotApi) -> AsyncIterator[Bot]:
    async with ptb(api) as bot:
        yield bot


@pytest_asyncio.fixture
async def aiogram(api: BotApi) -> AsyncIterator[AiogramBot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(api.url))
    async with AiogramBot(TOKEN, session=session) as bot:
        yield bot


async def fetch(bot: Bot, after: Update | None = None) -> Update:
    """The next update; the ones before it are confirmed."""
    (update, *_) = await bot.get_updates(offset=after.update_id + 1 if after else None, timeout=5)
    return update


async def until_polled(api: BotApi) -> None:
    """Wait until a poll has come to the server."""
    async with asyncio.timeout(30):
        while not api._world._polls:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def pressed(bot: Bot, phone: Phone, data: str = "oui") -> CallbackQuery:
    keyboard = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Oui", callback_data=data))
    message = await bot.send_message(phone.chat_id, "Confirmez-vous ?", reply_markup=keyboard)
    phone.press(message.message_id, "Oui")
    query = (await fetch(bot)).callback_query
    assert query is not None
    return query


def picture(width: int = 760, height: int = 95, kind: str = "JPEG", dpi: int = 300) -> bytes:
    written = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(written, kind, dpi=(dpi, dpi))
    return written.getvalue()


# --- who the bot is, and how its requests may come


async def test_the_bot_learns_its_own_name(bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username) == (123456789, True, "origyne_demo_bot")


async def test_a_wrong_token_is_refused(api: BotApi) -> None:
    with pytest.raises(InvalidToken, match="was rejected by the server"):
        await ptb(api, "123456789:another").initialize()


async def test_a_malformed_token_is_not_found(api: BotApi) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{api.url}/botnonsense/getMe")
    assert (answer.status_code, answer.json()["error_code"]) == (404, 404)


async def test_an_unknown_method_is_not_found(bot: Bot) -> None:
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("sendTelepathy")


@pytest.mark.parametrize("way", ["query", "form", "json", "multipart", "other case"])
async def test_parameters_come_whichever_way(api: BotApi, alice: Phone, way: str) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Oui", "callback_data": "oui"}]]}
    flat = {"chat_id": str(ALICE), "text": "été", "reply_markup": json.dumps(keyboard)}
    url = f"{api.url}/bot{TOKEN}/sendMessage"
    async with httpx.AsyncClient() as client:
        match way:
            case "query":
                answer = await client.get(url, params=flat)
            case "form":
                answer = await client.post(url, data=flat)
            case "json":
                answer = await client.post(url, json={"chat_id": ALICE, "text": "été", "reply_markup": keyboard})
            case "multipart":
                parts = {name: (None, value.encode()) for name, value in flat.items()}
                answer = await client.post(url, files=parts)
            case _:
                answer = await client.post(url.replace("sendMessage", "SENDMESSAGE"), data=flat)
    assert answer.status_code == 200, answer.text
    assert (alice.messages[-1].text, alice.messages[-1].labels) == ("été", ["Oui"])


async def test_json_that_does_not_parse_is_refused_in_the_protocol_s_own_form(api: BotApi) -> None:
    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{api.url}/bot{TOKEN}/sendMessage", content=b"{", headers=headers)
    assert answer.status_code == 400
    assert answer.json() == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: can't parse request JSON object",
    }


# --- texts


async def test_a_message_reaches_the_phone_and_comes_back_to_the_bot(bot: Bot, alice: Phone, clock: Clock) -> None:
    sent = await bot.send_message(ALICE, "Bonjour")
    assert (sent.text, sent.chat.id, sent.chat.first_name, sent.chat.type) == ("Bonjour", ALICE, "Alice", "private")
    assert sent.from_user is not None
    assert sent.from_user.is_bot
    assert sent.date.timestamp() == clock.seconds
    assert [(message.message_id, message.text) for message in alice.messages] == [(sent.message_id, "Bonjour")]


async def test_html_becomes_text_and_entities_in_utf_16_units(bot: Bot, alice: Phone) -> None:
    source = '😀 <b>gras <i>et</i></b> <a href="https://example.org/a?b=1&amp;c=2">lien</a> &lt;é&#233;&gt;'
    sent = await bot.send_message(ALICE, source, parse_mode="HTML")
    assert sent.text == "😀 gras et lien <éé>"
    assert [(entity.type, entity.offset, entity.length) for entity in sent.entities] == [
        ("bold", 3, 7),
        ("italic", 8, 2),
        ("text_link", 11, 4),
    ]
    assert sent.parse_entity(sent.entities[2]) == "lien"
    assert sent.entities[2].url == "https://example.org/a?b=1&c=2"
    (seen,) = alice.messages
    assert (seen.text, seen.html) == (sent.text, source)
    assert [entity.type for entity in seen.entities] == ["bold", "italic", "text_link"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("<strong>x</strong>", "bold"),
        ("<em>x</em>", "italic"),
        ("<ins>x</ins>", "underline"),
        ("<del>x</del>", "strikethrough"),
        ("<S>x</S>", "strikethrough"),
        ("<code>x</code>", "code"),
        ("<pre>x</pre>", "pre"),
        ("<tg-spoiler>x</tg-spoiler>", "spoiler"),
        ('<span class="tg-spoiler">x</span>', "spoiler"),
        ("<blockquote>x</blockquote>", "blockquote"),
        ("<blockquote expandable>x</blockquote>", "expandable_blockquote"),
        ("<b>x</>", "bold"),
    ],
)
async def test_each_tag_is_known(bot: Bot, alice: Phone, source: str, kind: str) -> None:
    sent = await bot.send_message(ALICE, source, parse_mode="HTML")
    assert (sent.text, [entity.type for entity in sent.entities]) == ("x", [kind])


async def test_a_code_block_keeps_its_language(bot: Bot, alice: Phone) -> None:
    sent = await bot.send_message(ALICE, '<pre><code class="language-python">x = 1</code></pre>', parse_mode="HTML")
    assert [(entity.type, entity.language) for entity in sent.entities] == [("pre", "python")]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("é <b>x", "can't find end tag corresponding to start tag b"),
        ("é <x>", 'unsupported start tag "x" at byte offset 3'),
        ("<br/>", 'unsupported start tag "br/" at byte offset 0'),
        ("<!-- x -->", 'unsupported start tag "!--" at byte offset 0'),
        ("1 < 2", 'unsupported start tag "" at byte offset 2'),
        ("1 <", "unclosed start tag at byte offset 2"),
        ("x</b>", "unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b><i>x</b></i>", 'unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("<b>x</b", "unclosed end tag at byte offset 4"),
        ("<a href>x</a>", 'expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ('<a href="https://x', "unclosed start tag at byte offset 0"),
        ('<span class="red">x</span>', 'tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
async def test_bad_html_is_refused_in_telegram_s_words(bot: Bot, alice: Phone, source: str, why: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        await bot.send_message(ALICE, source, parse_mode="HTML")
    assert refusal.value.message.lower() == f"can't parse entities: {why}".lower()
    assert alice.messages == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_text_comes_through_as_it_was(text: str) -> None:
    assert parse_html(html.escape(text)) == (text, ())


@given(st.text(st.sampled_from("<>/ ab=\"'&;#x😀\n")))
def test_html_is_read_or_refused_never_worse(source: str) -> None:
    try:
        text, entities = trim(*parse_html(source))
    except BadHtml:
        return
    assert text == text.strip()
    assert all(0 <= entity.offset < entity.offset + entity.length <= utf16_length(text) for entity in entities)


async def test_without_parse_mode_tags_are_text(bot: Bot, alice: Phone) -> None:
    sent = await bot.send_message(ALICE, "<b>x</b>")
    assert (sent.text, sent.entities) == ("<b>x</b>", ())


@pytest.mark.parametrize(
    ("source", "entities"),
    [
        ("<b>a <code>b</code> c</b>", [("bold", 0, 2), ("code", 2, 1), ("bold", 3, 2)]),
        ("<code><b>x</b></code>", [("code", 0, 1)]),
        ("<tg-spoiler><code>1234</code></tg-spoiler>", [("code", 0, 4)]),  # nothing is hidden
        ("<b><i>x</i></b>", [("bold", 0, 1), ("italic", 0, 1)]),
        ("<tg-spoiler><b>x</b>y</tg-spoiler>", [("spoiler", 0, 2), ("bold", 0, 1)]),
    ],
)
async def test_code_is_nothing_but_code(
    bot: Bot, alice: Phone, source: str, entities: list[tuple[str, int, int]]
) -> None:
    sent = await bot.send_message(ALICE, source, parse_mode="HTML")
    assert sorted((it.type, it.offset, it.length) for it in sent.entities) == sorted(entities)


async def test_explicit_entities_are_kept(bot: Bot, alice: Phone) -> None:
    sent = await bot.send_message(ALICE, "un mot", entities=[MessageEntity("bold", 3, 3)])
    assert [(entity.type, entity.offset, entity.length) for entity in sent.entities] == [("bold", 3, 3)]


async def test_spaces_at_both_ends_are_trimmed_and_entities_follow(bot: Bot, alice: Phone) -> None:
    sent = await bot.send_message(ALICE, "\n 😀 <b>gras </b>\n", parse_mode="HTML")
    assert sent.text == "😀 gras"
    assert [(entity.offset, entity.length) for entity in sent.entities] == [(3, 4)]


async def test_a_text_holds_4096_characters_after_the_tags_are_read(bot: Bot, alice: Phone) -> None:
    await bot.send_message(ALICE, f"<b>{'😀' * 4096}</b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(ALICE, "é" * 4097)
    with pytest.raises(BadRequest, match="Message_too_long"):
        await bot.edit_message_text("é" * 4097, ALICE, alice.messages[0].message_id)
    assert [len(message.text) for message in alice.messages] == [4096]


@pytest.mark.parametrize(("text", "why"), [("", "text is empty"), (" \n", "must be non-empty"), ("<b></b>", "non-emp")])
async def test_an_empty_text_is_refused(bot: Bot, alice: Phone, text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        await bot.send_message(ALICE, text, parse_mode="HTML")


async def test_a_reply_shows_what_it_answers(bot: Bot, alice: Phone) -> None:
    asked = alice.send("Où en est ma ligne ?")
    sent = await bot.send_message(ALICE, "Active", reply_parameters=ReplyParameters(asked.message_id))
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "Où en est ma ligne ?"
    assert alice.messages[-1].reply_to == asked.message_id


async def test_a_reply_to_nothing_is_refused_unless_it_may_go_without(bot: Bot, alice: Phone) -> None:
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ALICE, "x", reply_parameters=ReplyParameters(999))
    lenient = ReplyParameters(999, allow_sending_without_reply=True)
    assert (await bot.send_message(ALICE, "x", reply_parameters=lenient)).reply_to_message is None


async def test_the_options_of_a_message_are_accepted(bot: Bot, alice: Phone) -> None:
    quiet = LinkPreviewOptions(is_disabled=True)
    sent = await bot.send_message(
        ALICE, "x", disable_notification=True, protect_content=True, link_preview_options=quiet
    )
    assert sent.has_protected_content
    assert alice.messages[-1].silent
    assert alice.messages[-1].protected


# --- who can be written to


async def test_a_stranger_is_a_chat_not_found_until_they_write(bot: Bot, api: BotApi) -> None:
    bruno = api.phone(4200002, "Bruno")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(bruno.chat_id, "x")
    bruno.send("/start")
    await bot.send_message(bruno.chat_id, "x")
    assert len(bruno.messages) == 1


async def test_somebody_met_in_a_group_only_cannot_be_written_to(bot: Bot, api: BotApi) -> None:
    bruno = api.phone(4200002, "Bruno")
    bruno.in_group(api.group(-500, "Chantier")).send("/aide")
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(bruno.chat_id, "x")


async def test_a_blocked_bot_is_forbidden_and_hears_of_it(bot: Bot, alice: Phone) -> None:
    alice.block_bot()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ALICE, "x")
    change = (await fetch(bot)).my_chat_member
    assert change is not None
    assert (change.from_user.id, change.old_chat_member.status, change.new_chat_member.status) == (
        ALICE,
        "member",
        "kicked",
    )
    alice.send("Me revoilà")
    await bot.send_message(ALICE, "x")


async def test_a_bot_removed_from_a_group_is_forbidden(bot: Bot, api: BotApi, alice: Phone) -> None:
    in_group = alice.in_group(api.group(-500, "Chantier"))
    await bot.send_message(-500, "x")
    in_group.block_bot()
    with pytest.raises(Forbidden, match="bot was kicked from the group chat"):
        await bot.send_message(-500, "x")


async def test_a_group_that_becomes_a_supergroup_gives_its_new_id(bot: Bot, api: BotApi, alice: Phone) -> None:
    group = api.group(-500, "Chantier")
    group.upgrade(-1000500, by=alice)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(-500, "x")
    assert moved.value.new_chat_id == -1000500
    assert (await bot.send_message(-1000500, "x")).chat.type == "supergroup"
    told = (await fetch(bot)).message
    assert told is not None
    assert told.migrate_to_chat_id == -1000500


async def test_a_chat_can_be_looked_up(bot: Bot, alice: Phone) -> None:
    chat = await bot.get_chat(ALICE)
    assert (chat.first_name, chat.username, chat.type) == ("Alice", "alice_m", "private")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.get_chat(1)


async def test_a_chat_action_must_be_one_that_exists(bot: Bot, api: BotApi, alice: Phone) -> None:
    assert await bot.send_chat_action(ALICE, "typing")
    assert api.calls[-1].call.text("action") == "typing"
    with pytest.raises(BadRequest, match="Wrong parameter action"):
        await bot.send_chat_action(ALICE, "thinking")


# --- files


async def test_a_document_arrives_byte_for_byte_under_its_name(bot: Bot, alice: Phone) -> None:
    content = bytes(range(256)) * 40
    sent = await bot.send_document(
        ALICE, InputFile(content, filename="relevé d'août.csv"), caption="<b>Août</b>", parse_mode="HTML"
    )
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("relevé d'août.csv", len(content))
    assert (sent.caption, sent.caption_entities[0].type) == ("Août", "bold")
    document = alice.messages[-1].document
    assert document is not None
    assert (document.name, document.content, document.mime) == ("relevé d'août.csv", content, "text/csv")


async def test_what_a_person_sends_as_a_file_keeps_its_bytes(bot: Bot, alice: Phone) -> None:
    content = picture()
    alice.send_file("bandeau.jpg", content, caption="/upload bandeau")
    message = (await fetch(bot)).message
    assert message is not None
    assert message.document is not None
    assert (message.document.file_name, message.document.mime_type) == ("bandeau.jpg", "image/jpeg")
    assert message.caption_entities[0].type == "bot_command"
    file = await message.document.get_file()
    assert bytes(await file.download_as_bytearray()) == content


async def test_what_a_person_sends_as_a_photo_loses_its_density(bot: Bot, alice: Phone) -> None:
    content = picture(1900, 1000)
    assert Image.open(BytesIO(content)).info["dpi"] == (300, 300)
    alice.send_photo(content, caption="mon logo")
    message = (await fetch(bot)).message
    assert message is not None
    assert message.caption == "mon logo"
    assert message.effective_attachment == message.photo
    assert [(size.width, size.height) for size in message.photo] == [(90, 47), (320, 168), (800, 421), (1280, 674)]
    downloaded = bytes(await (await message.photo[-1].get_file()).download_as_bytearray())
    received = Image.open(BytesIO(downloaded))
    assert (received.format, received.size) == ("JPEG", (1280, 674))
    assert "dpi" not in received.info


async def test_a_small_photo_is_not_enlarged(bot: Bot, alice: Phone) -> None:
    sent = await bot.send_photo(ALICE, picture(60, 60, "PNG"))
    assert [(size.width, size.height) for size in sent.photo] == [(60, 60)]
    assert alice.messages[-1].photo is not None


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"not a picture", "Image_process_failed"), (picture(2100, 100), "Photo_invalid_dimensions")],
)
async def test_a_picture_that_cannot_be_a_photo_is_refused(bot: Bot, alice: Phone, content: bytes, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        await bot.send_photo(ALICE, content)


async def test_a_file_can_be_sent_again_by_its_identifier(bot: Bot, alice: Phone) -> None:
    first = await bot.send_document(ALICE, InputFile(b"contenu", filename="cgv.pdf"))
    assert first.document is not None
    await bot.send_document(ALICE, first.document.file_id)
    assert [message.document and message.document.content for message in alice.messages] == [b"contenu", b"contenu"]
    photo = await bot.send_photo(ALICE, picture())
    again = await bot.send_photo(ALICE, photo.photo[-1].file_id)
    assert again.photo[-1].file_id == photo.photo[-1].file_id
    with pytest.raises(BadRequest, match="Wrong file identifier"):
        await bot.send_document(ALICE, "invented")


async def test_a_caption_holds_1024_characters(bot: Bot, alice: Phone) -> None:
    await bot.send_document(ALICE, InputFile(b"x", filename="x.txt"), caption="é" * 1024)
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_document(ALICE, InputFile(b"x", filename="x.txt"), caption="é" * 1025)


async def test_an_empty_file_is_refused(bot: Bot, alice: Phone) -> None:
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_document(ALICE, InputFile(b"", filename="x.txt"))


async def test_an_album_comes_in_one_group(bot: Bot, alice: Phone) -> None:
    album = [
        InputMediaDocument(b"un", filename="un.txt", caption="<i>Deux fichiers</i>", parse_mode="HTML"),
        InputMediaDocument(b"deux", filename="deux.txt"),
    ]
    sent = await bot.send_media_group(ALICE, album)
    assert len({message.media_group_id for message in sent}) == 1
    assert sent[0].media_group_id
    assert sent[0].caption_entities[0].type == "italic"
    received = [message.document for message in alice.messages]
    assert [(file.name, file.content) for file in received if file] == [("un.txt", b"un"), ("deux.txt", b"deux")]


async def test_an_album_of_photos_and_files_is_refused_whole(bot: Bot, alice: Phone) -> None:
    with pytest.raises(BadRequest, match="can't be mixed with other media types"):
        await bot.send_media_group(ALICE, [InputMediaDocument(b"un", filename="un.txt"), InputMediaPhoto(picture())])
    assert alice.messages == []


async def test_an_album_holds_ten_items(bot: Bot, alice: Phone) -> None:
    album = [InputMediaDocument(b"x", filename=f"{number}.txt") for number in range(11)]
    with pytest.raises(BadRequest, match="Too many messages to send as an album"):
        await bot.send_media_group(ALICE, album)
    assert len(await bot.send_media_group(ALICE, album[:10])) == 10


async def test_a_file_above_20_mb_cannot_be_fetched(bot: Bot, alice: Phone) -> None:
    alice.send_file("juste.bin", bytes(20 * MEBIBYTE))
    alice.send_file("trop.bin", bytes(20 * MEBIBYTE + 1))
    first, second = await bot.get_updates(timeout=5)
    assert first.message is not None
    assert second.message is not None
    assert first.message.document is not None
    assert second.message.document is not None
    file = await first.message.document.get_file()
    assert len(await file.download_as_bytearray()) == 20 * MEBIBYTE
    with pytest.raises(BadRequest, match="File is too big"):
        await second.message.document.get_file()


@pytest.mark.parametrize("excess", [1, 3 * MEBIBYTE])
async def test_a_file_above_50_mb_cannot_be_sent(bot: Bot, alice: Phone, excess: int) -> None:
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(ALICE, InputFile(bytes(50 * MEBIBYTE + excess), filename="x.bin"), write_timeout=60)
    assert alice.messages == []
    await bot.send_document(ALICE, InputFile(bytes(50 * MEBIBYTE), filename="x.bin"), write_timeout=60)


async def test_an_unknown_file_is_not_found(api: BotApi, bot: Bot, alice: Phone) -> None:
    with pytest.raises(BadRequest, match="Invalid file_id"):
        await bot.get_file("invented")
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{api.url}/file/bot{TOKEN}/documents/file_9.csv")
        stranger = await client.get(f"{api.url}/file/bot1:wrong/documents/file_9.csv")
    assert (answer.status_code, stranger.status_code) == (404, 401)


# --- buttons


async def test_a_press_reaches_the_bot_and_its_answer_the_phone(bot: Bot, alice: Phone) -> None:
    query = await pressed(bot, alice, "activer:0612345678")
    assert (query.data, query.from_user.id) == ("activer:0612345678", ALICE)
    assert query.message is not None
    assert query.message.message_id == alice.messages[-1].message_id
    assert query.chat_instance
    await query.answer("C'est noté", show_alert=True)
    assert [(toast.query_id, toast.text, toast.alert) for toast in alice.toasts] == [(query.id, "C'est noté", True)]


async def test_the_chat_instance_is_that_of_the_chat(bot: Bot, api: BotApi, alice: Phone) -> None:
    bruno = api.phone(4200002, "Bruno", started=True)
    first = await pressed(bot, alice)
    await bot.get_updates(offset=-1)
    confirmed = await fetch(bot)
    again = await _press_after(bot, alice, confirmed)
    other = await _press_after(bot, bruno, again)
    assert again.callback_query is not None
    assert other.callback_query is not None
    assert first.chat_instance == again.callback_query.chat_instance
    assert first.chat_instance != other.callback_query.chat_instance


async def _press_after(bot: Bot, phone: Phone, after: Update) -> Update:
    keyboard = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Oui", callback_data="oui"))
    message = await bot.send_message(phone.chat_id, "Encore ?", reply_markup=keyboard)
    phone.press(message.message_id, "oui")
    return await fetch(bot, after)


async def test_a_query_gets_too_old_to_answer(bot: Bot, alice: Phone, clock: Clock) -> None:
    query = await pressed(bot, alice)
    clock.seconds += 16
    with pytest.raises(BadRequest, match="Query is too old and response timeout expired or query id is invalid"):
        await query.answer()
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("1")
    assert alice.toasts == []


async def test_callback_data_holds_64_bytes(bot: Bot, alice: Phone) -> None:
    assert (await pressed(bot, alice, "é" * 32)).data == "é" * 32
    with pytest.raises(BadRequest, match="Button_data_invalid"):
        await pressed(bot, alice, "é" * 32 + "x")


async def test_a_button_that_does_nothing_is_refused(bot: Bot, alice: Phone) -> None:
    keyboard = InlineKeyboardMarkup.from_button(InlineKeyboardButton("Rien"))
    with pytest.raises(BadRequest, match="text buttons are unallowed"):
        await bot.send_message(ALICE, "x", reply_markup=keyboard)


async def test_a_person_can_only_press_what_is_there(bot: Bot, alice: Phone) -> None:
    buttons = [InlineKeyboardButton("Oui", callback_data="o"), InlineKeyboardButton("Aide", url="https://example.org")]
    message = await bot.send_message(ALICE, "?", reply_markup=InlineKeyboardMarkup.from_row(buttons))
    with pytest.raises(LookupError, match=r"no button 'Non' under .*<Oui> <Aide>"):
        alice.press(message.message_id, "Non")
    with pytest.raises(LookupError, match=r"opens https://example\.org"):
        alice.press(message.message_id, "Aide")
    await bot.delete_message(ALICE, message.message_id)
    with pytest.raises(LookupError, match="no message"):
        alice.press(message.message_id, "Oui")


# --- changing what was sent


async def test_an_edited_text_replaces_the_old_one_and_its_buttons(bot: Bot, alice: Phone) -> None:
    query = await pressed(bot, alice)
    edited = await query.edit_message_text("<b>Fait</b>", parse_mode="HTML")
    assert not isinstance(edited, bool)
    assert edited.edit_date is not None
    assert edited.text == "Fait"
    (seen,) = alice.messages
    assert (seen.text, seen.html, seen.labels, seen.edited) == ("Fait", "<b>Fait</b>", [], True)


async def test_an_edit_that_changes_nothing_is_refused(bot: Bot, alice: Phone) -> None:
    message = await bot.send_message(ALICE, "<b>Fait</b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="Message is not modified: specified new message content and reply markup"):
        await message.edit_text("<strong>Fait</strong>", parse_mode="HTML")
    await message.edit_text("Fait")
    with pytest.raises(BadRequest, match="Message is not modified"):
        await message.edit_reply_markup(None)


async def test_buttons_alone_can_change(bot: Bot, alice: Phone) -> None:
    message = await bot.send_message(ALICE, "Choisir")
    await message.edit_reply_markup(InlineKeyboardMarkup.from_button(InlineKeyboardButton("A", callback_data="a")))
    assert (alice.messages[-1].text, alice.messages[-1].labels) == ("Choisir", ["A"])
    await message.edit_reply_markup(None)
    assert alice.messages[-1].labels == []


async def test_a_caption_can_change(bot: Bot, alice: Phone) -> None:
    message = await bot.send_document(ALICE, InputFile(b"x", filename="x.txt"), caption="avant")
    await message.edit_caption("<i>après</i>", parse_mode="HTML")
    assert (alice.messages[-1].caption, alice.messages[-1].entities[0].type) == ("après", "italic")
    with pytest.raises(BadRequest, match="Media_caption_too_long"):
        await message.edit_caption("é" * 1025)
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await message.edit_text("x")
    text = await bot.send_message(ALICE, "texte")
    with pytest.raises(BadRequest, match="There is no caption in the message to edit"):
        await text.edit_caption("x")


async def test_only_the_bot_s_own_messages_can_be_edited(bot: Bot, alice: Phone) -> None:
    theirs = alice.send("bonjour")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", ALICE, theirs.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", ALICE, 999)


async def test_a_message_is_deleted_once_and_within_48_hours(bot: Bot, alice: Phone, clock: Clock) -> None:
    first, second = await bot.send_message(ALICE, "un"), await bot.send_message(ALICE, "deux")
    await first.delete()
    assert [message.deleted for message in alice.messages] == [True, False]
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await first.delete()
    clock.seconds += 48 * 3600 + 1
    with pytest.raises(BadRequest, match="can't be deleted for everyone"):
        await second.delete()


async def test_several_messages_are_deleted_at_once_and_missing_ones_passed_over(bot: Bot, alice: Phone) -> None:
    sent = [(await bot.send_message(ALICE, text)).message_id for text in ("un", "deux", "trois")]
    for _ in range(2):
        assert await bot.delete_messages(ALICE, [sent[0], sent[2], 999])
    assert [message.deleted for message in alice.messages] == [True, False, True]
    with pytest.raises(BadRequest, match="message identifiers"):
        await bot.delete_messages(ALICE, [])


# --- what people do


async def test_commands_are_marked_in_utf_16_units(bot: Bot, alice: Phone) -> None:
    alice.send("😀 /conso 0612345678, ou/pas, /aide@origyne_demo_bot")
    message = (await fetch(bot)).message
    assert message is not None
    assert list(message.parse_entities(["bot_command"]).values()) == ["/conso", "/aide@origyne_demo_bot"]
    assert message.entities[0].offset == 3


async def test_an_edit_by_a_person_is_its_own_update(bot: Bot, alice: Phone) -> None:
    sent = alice.send("/conso 0612345687")
    alice.edit(sent, "/conso 0612345678")
    first, second = await bot.get_updates(timeout=5)
    assert first.message is not None
    assert first.message.text == "/conso 0612345687"
    assert second.edited_message is not None
    assert second.edited_message.message_id == sent.message_id
    assert second.edited_message.text == "/conso 0612345678"
    assert second.edited_message.edit_date is not None


async def test_a_person_cannot_edit_what_the_bot_wrote(bot: Bot, alice: Phone) -> None:
    message = await bot.send_message(ALICE, "x")
    with pytest.raises(ValueError, match="only its author"):
        alice.edit(message.message_id, "y")


@pytest.mark.parametrize("text", [" \n", "x" * 4097])
async def test_a_person_cannot_send_what_no_telephone_sends(alice: Phone, text: str) -> None:
    with pytest.raises(ValueError, match="no telephone sends"):
        alice.send(text)


async def test_in_a_group_the_bot_sees_commands_and_replies_only(bot: Bot, api: BotApi, alice: Phone) -> None:
    in_group = alice.in_group(api.group(-500, "Chantier"))
    in_group.send("quelle belle journée")
    in_group.send("/aide@another_bot")
    in_group.send("/aide@origyne_demo_bot")
    in_group.send("/aide")
    await bot.send_message(-500, "Voici l'aide")
    in_group.send("merci", reply_to=in_group.messages[-1])
    updates = await bot.get_updates(timeout=5)
    assert [update.message.text for update in updates if update.message] == ["/aide@origyne_demo_bot", "/aide", "merci"]
    first = updates[0].message
    assert first is not None
    assert (first.chat.id, first.chat.title, first.chat.type) == (-500, "Chantier", "group")
    assert first.from_user is not None
    assert first.from_user.id == ALICE
    assert alice.messages == []


# --- fetching updates


async def test_an_update_stays_until_a_later_offset_confirms_it(bot: Bot, alice: Phone) -> None:
    alice.send("un")
    alice.send("deux")
    first, second = await bot.get_updates()
    assert second.update_id == first.update_id + 1
    assert len(await bot.get_updates()) == 2
    assert [update.update_id for update in await bot.get_updates(offset=second.update_id)] == [second.update_id]
    assert len(await bot.get_updates()) == 1
    assert await bot.get_updates(offset=second.update_id + 1) == ()
    assert await bot.get_updates() == ()


async def test_a_limit_leaves_the_others_for_later(bot: Bot, alice: Phone) -> None:
    for text in ("un", "deux", "trois"):
        alice.send(text)
    texts = [update.message.text for update in await bot.get_updates(limit=2) if update.message]
    assert texts == ["un", "deux"]
    last = [update.message.text for update in await bot.get_updates(offset=-1) if update.message]
    assert last == ["trois"]


async def test_only_allowed_kinds_of_updates_come_and_the_choice_is_kept(bot: Bot, alice: Phone) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    query = await pressed(bot, alice)
    alice.send("personne n'écoute")
    updates = await bot.get_updates()
    assert [update.callback_query and update.callback_query.id for update in updates] == [query.id]
    await bot.get_updates(offset=updates[-1].update_id + 1, allowed_updates=[])
    alice.send("à nouveau")
    assert [update.message and update.message.text for update in await bot.get_updates()] == ["à nouveau"]


async def test_a_long_poll_returns_when_something_happens(api: BotApi, bot: Bot, alice: Phone) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=60))
    await until_polled(api)
    await bot.get_me()
    await asyncio.sleep(0.05)
    assert not poll.done()
    alice.send("enfin")
    (update,) = await asyncio.wait_for(poll, 30)
    assert update.message is not None
    assert update.message.text == "enfin"


async def test_a_long_poll_ends_empty_after_its_timeout(bot: Bot) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await bot.get_updates(timeout=1) == ()
    assert loop.time() - began >= 1


async def test_the_older_of_two_polls_is_in_conflict(api: BotApi, bot: Bot, alice: Phone) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=30))
    await until_polled(api)
    async with ptb(api) as other:
        newer = asyncio.create_task(other.get_updates(timeout=30))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await asyncio.wait_for(older, 25)
        alice.send("pour le second")
        assert len(await asyncio.wait_for(newer, 25)) == 1


async def test_a_webhook_forbids_polling_until_it_is_deleted(bot: Bot, alice: Phone) -> None:
    await bot.set_webhook("https://example.org/hook")
    alice.send("un")
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("https://example.org/hook", 1)
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


@pytest.mark.parametrize(
    ("url", "secret", "why"),
    [
        ("http://example.org/hook", "", "An https url must be provided"),
        ("example.org", "", "An https url must be provided"),
        ("https://example.org/hook", "a secret", "unallowed characters"),
    ],
)
async def test_a_webhook_that_cannot_be_is_refused(bot: Bot, url: str, secret: str, why: str) -> None:
    with pytest.raises(BadRequest, match=re.compile(why, re.IGNORECASE)):
        await bot.set_webhook(url, secret_token=secret or None)
    assert (await bot.get_webhook_info()).url == ""


async def test_nothing_is_brought_to_another_machine(bot: Bot, alice: Phone) -> None:
    await bot.set_webhook("https://example.org/hook")
    alice.send("un")
    async with asyncio.timeout(30):
        while not (info := await bot.get_webhook_info()).last_error_message:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert "resolve host" in info.last_error_message
    assert info.pending_update_count == 1


@dataclass
class Hook:
    """A web server that takes updates; what it answers next is said beforehand, else 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    came: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.came.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""), await request.json()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def texts(self) -> list[str]:
        return [update["message"]["text"] for _, update in self.came]


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    application = web.Application()
    application.router.add_post("/hook", hook.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def _until_fetched(api: BotApi) -> None:
    async with asyncio.timeout(30):
        while api.pending:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_updates_are_brought_in_order_with_the_secret(api: BotApi, bot: Bot, alice: Phone, hook: Hook) -> None:
    alice.send("avant")
    await bot.set_webhook(hook.url, secret_token="un-secret_1")
    for text in ("un", "deux"):
        alice.send(text)
    await _until_fetched(api)
    assert hook.texts() == ["avant", "un", "deux"]
    assert {secret for secret, _ in hook.came} == {"un-secret_1"}
    first, second, third = (update["update_id"] for _, update in hook.came)
    assert first < second < third


async def test_an_update_is_brought_again_until_it_is_taken(api: BotApi, bot: Bot, alice: Phone, hook: Hook) -> None:
    hook.answers = [500, 404]
    await bot.set_webhook(hook.url)
    alice.send("un")
    alice.send("deux")
    await _until_fetched(api)
    assert hook.texts() == ["un", "un", "un", "deux"]
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 404 Not Found"


async def test_only_the_kinds_that_a_webhook_asks_for_are_brought(
    api: BotApi, bot: Bot, alice: Phone, hook: Hook
) -> None:
    await bot.set_webhook(hook.url, allowed_updates=["message"])
    alice.edit(alice.send("un"), "deux")
    await _until_fetched(api)
    assert hook.texts() == ["un"]


async def test_what_was_not_brought_can_be_fetched_once_the_webhook_is_gone(
    api: BotApi, bot: Bot, alice: Phone, hook: Hook
) -> None:
    hook.answers = [503] * 50
    await bot.set_webhook(hook.url)
    alice.send("un")
    async with asyncio.timeout(30):
        while not hook.came:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await bot.delete_webhook()
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "un"


async def test_updates_that_nobody_fetches_are_forgotten_after_a_day(bot: Bot, alice: Phone, clock: Clock) -> None:
    alice.send("hier")
    clock.seconds += 24 * 3600 + 1
    alice.send("aujourd'hui")
    assert [update.message and update.message.text for update in await bot.get_updates()] == ["aujourd'hui"]


# --- the menu


async def test_commands_are_kept_by_scope_and_language(bot: Bot, alice: Phone) -> None:
    await bot.set_my_commands([("aide", "Aide")])
    await bot.set_my_commands([("conso", "Consommation")], scope=BotCommandScopeAllPrivateChats(), language_code="fr")
    assert await bot.get_my_commands() == (BotCommand("aide", "Aide"),)
    assert await bot.get_my_commands(scope=BotCommandScopeAllPrivateChats()) == ()
    assert [command.command for command in alice.menu] == ["conso"]
    await bot.set_my_commands([("puk", "Code PUK")], scope=BotCommandScopeChat(ALICE))
    assert [command.command for command in alice.menu] == ["puk"]
    await bot.delete_my_commands(scope=BotCommandScopeChat(ALICE))
    assert [command.command for command in alice.menu] == ["conso"]
    assert await bot.get_my_commands(scope=BotCommandScopeAllPrivateChats(), language_code="fr") == (
        BotCommand("conso", "Consommation"),
    )


@pytest.mark.parametrize("name", ["Aide", "durée", "a-b", "x" * 33])
async def test_a_command_s_name_is_plain(bot: Bot, name: str) -> None:
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([(name, "Description")])


async def test_the_bot_can_describe_itself(bot: Bot) -> None:
    assert await bot.set_my_description("Assistant")
    assert await bot.set_my_short_description("Assistant")


# --- misbehaviour on request


Sent = Callable[[Bot], Awaitable[object]]


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        ("401", InvalidToken, False),
        ("409", Conflict, False),
        ("429", RetryAfter, False),
        ("500", NetworkError, False),
        ("502", NetworkError, False),
        ("html", NetworkError, False),
        ("timeout", TimedOut, False),
        ("timeout_after", TimedOut, True),
        ("disconnect", NetworkError, False),
        ("disconnect_after", NetworkError, True),
        ("truncated", NetworkError, True),
        ("slow", TimedOut, True),
    ],
)
async def test_a_fault_happens_once_and_only_some_let_the_message_through(
    api: BotApi, bot: Bot, alice: Phone, fault: str, error: type[TelegramError], done: bool
) -> None:
    # Only what no answer ends is to take its time: a machine that stalls is no fault of the others.
    patience = 1.5 if error is TimedOut else 30
    api.fail_next("sendMessage", fault, retry_after=7)  # type: ignore[arg-type]
    with pytest.raises(TelegramError) as failure:
        await bot.send_message(ALICE, "un", read_timeout=patience)
    assert type(failure.value) is error
    assert len(alice.messages) == done
    await bot.send_message(ALICE, "deux")
    assert alice.messages[-1].text == "deux"


async def test_flood_control_says_how_long_to_wait(api: BotApi, bot: Bot, alice: Phone) -> None:
    api.fail_next("sendMessage", "429", retry_after=7)
    with pytest.raises(RetryAfter, match="Retry in 7 seconds"):
        await bot.send_message(ALICE, "un")


async def test_a_slow_answer_is_a_true_one(api: BotApi, bot: Bot, alice: Phone) -> None:
    api.fail_next("sendMessage", "slow", after=0.3)
    sent = asyncio.create_task(bot.send_message(ALICE, "un"))
    shown = await alice.wait(timeout=25)
    assert not sent.done()
    assert (await sent).message_id == shown.message_id


async def test_a_fault_can_repeat_spare_the_other_methods_and_be_healed(api: BotApi, bot: Bot, alice: Phone) -> None:
    api.fail_next("sendMessage", "502", times=3)
    for _ in range(2):
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.send_message(ALICE, "x")
    await bot.get_me()
    api.heal()
    await bot.send_message(ALICE, "x")
    assert [answered.status for answered in api.calls if answered.call.method == "sendMessage"] == [200]


async def test_a_fault_of_sending_waits_for_a_message_and_is_told(api: BotApi, bot: Bot, alice: Phone) -> None:
    api.fail_next("send", "502")
    await bot.send_chat_action(ALICE, "typing")
    assert api.misbehaved == []
    with pytest.raises(NetworkError):
        await bot.send_document(ALICE, b"x", filename="x.txt")
    assert api.misbehaved == [("senddocument", "502")]
    await bot.send_message(ALICE, "x")


async def test_a_fault_can_be_for_one_chat(api: BotApi, bot: Bot, alice: Phone) -> None:
    bruno = api.phone(4200002, "Bruno", started=True)
    api.fail_next("sendMessage", "502", chat_id=bruno.chat_id)
    await bot.send_message(ALICE, "x")
    with pytest.raises(NetworkError):
        await bot.send_message(bruno.chat_id, "x")
    await bot.send_message(bruno.chat_id, "x")


async def test_every_method_can_fail(api: BotApi, bot: Bot, alice: Phone) -> None:
    alice.send("x")
    api.fail_next("*", "disconnect", times=2)
    with pytest.raises(NetworkError):
        await bot.get_updates()
    with pytest.raises(NetworkError):
        await bot.send_message(ALICE, "x")
    assert len(await bot.get_updates()) == 1


async def test_a_download_can_be_cut(api: BotApi, bot: Bot, alice: Phone) -> None:
    alice.send_file("x.bin", bytes(1000))
    message = (await fetch(bot)).message
    assert message is not None
    assert message.document is not None
    file = await message.document.get_file()
    api.fail_next("file", "truncated")
    with pytest.raises(NetworkError):
        await file.download_as_bytearray()
    assert len(await file.download_as_bytearray()) == 1000


async def test_the_server_stops_while_a_poll_waits(clock: Clock) -> None:
    async with BotApi(TOKEN, now=clock) as api:
        bot = ptb(api)
        await bot.initialize()
        poll = asyncio.create_task(bot.get_updates(timeout=40))
        await until_polled(api)
    assert await asyncio.wait_for(poll, 30) == ()
    await bot.shutdown()


# --- the telephone, with a real application behind


@pytest_asyncio.fixture
async def application(bot: Bot) -> AsyncIterator[None]:
    async def help_(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.effective_message is not None
        await update.effective_message.reply_text("Un instant…")
        answer = await update.effective_message.reply_text("Voici")
        await answer.edit_text("Voici l'aide")

    application = Application.builder().bot(bot).build()
    application.add_handler(CommandHandler("aide", help_))
    async with application:
        assert application.updater is not None
        await application.updater.start_polling(timeout=5)
        await application.start()
        yield
        await application.updater.stop()
        await application.stop()


@pytest.mark.usefixtures("application")
async def test_a_person_asks_and_the_next_message_is_the_answer(bot: Bot, alice: Phone) -> None:
    await bot.send_message(ALICE, "Un avis d'avant la question")
    assert (await alice.ask("/aide")).text == "Un instant…"
    assert (await alice.wait()).text.startswith("Voici")
    assert (await alice.wait(lambda message: message.edited)).text == "Voici l'aide"
    assert (await alice.ask("/aide")).text == "Un instant…"


@pytest.mark.usefixtures("application")
async def test_several_messages_can_be_waited_for_at_once(alice: Phone) -> None:
    alice.send("/aide")
    await alice.wait(2)
    first, second = alice.messages
    assert first.text == "Un instant…"
    assert second.text.startswith("Voici")


async def test_an_edit_between_two_waits_hides_no_message(bot: Bot, alice: Phone) -> None:
    first = await bot.send_message(ALICE, "un")
    await bot.send_message(ALICE, "deux")
    await first.edit_text("un, corrigé")
    assert (await alice.wait()).text == "un, corrigé"
    assert (await alice.wait()).text == "deux"


async def test_waiting_in_vain_tells_what_did_come(bot: Bot, alice: Phone) -> None:
    await bot.send_message(ALICE, "avant")
    await alice.wait()
    await bot.send_message(ALICE, "autre chose")
    with pytest.raises(BadRequest):
        await bot.send_message(ALICE, "<b>mal formé", parse_mode="HTML")
    alice.send("/aide")
    with pytest.raises(NothingCame) as complaint:
        await alice.wait(lambda message: message.text == "Voici l'aide", timeout=0.05)
    told = str(complaint.value)
    assert "Alice waited 0.05 s" in told
    assert told.index("'autre chose'") < told.index("Before:") < told.index("'avant'")
    assert "sendMessage: 400 Bad Request: can't parse entities" in told
    assert "not confirmed: 1" in told


# --- the same, seen by aiogram


async def test_aiogram_reads_the_bot_and_the_chat(aiogram: AiogramBot, alice: Phone) -> None:
    assert (await aiogram.me()).username == "origyne_demo_bot"
    assert (await aiogram.get_chat(ALICE)).first_name == "Alice"
    assert (await aiogram.get_webhook_info()).url == ""


async def test_aiogram_sends_edits_and_deletes(aiogram: AiogramBot, alice: Phone) -> None:
    button = aiogram_types.InlineKeyboardButton(text="Oui", callback_data="oui")
    keyboard = aiogram_types.InlineKeyboardMarkup(inline_keyboard=[[button]])
    asked = alice.send("?")
    sent = await aiogram.send_message(
        ALICE,
        "😀 <b>gras</b>",
        parse_mode="HTML",
        reply_markup=keyboard,
        reply_parameters=aiogram_types.ReplyParameters(message_id=asked.message_id),
    )
    assert sent.reply_markup is not None
    assert (sent.html_text, sent.reply_markup.inline_keyboard[0][0].callback_data) == ("😀 <b>gras</b>", "oui")
    assert sent.reply_to_message is not None
    edited = await aiogram.edit_message_text("fait", chat_id=ALICE, message_id=sent.message_id)
    assert isinstance(edited, aiogram_types.Message)
    assert edited.edit_date is not None
    assert await aiogram.delete_message(ALICE, sent.message_id)
    assert alice.messages[-1].deleted
    assert await aiogram.send_chat_action(ALICE, "typing")


async def test_aiogram_sends_files_photos_and_albums(aiogram: AiogramBot, alice: Phone) -> None:
    def file(name: str) -> aiogram_types.BufferedInputFile:
        return aiogram_types.BufferedInputFile(b"contenu", name)

    document = await aiogram.send_document(ALICE, file("cgv.pdf"), caption="CGV")
    assert document.document is not None
    assert (document.document.file_name, document.document.mime_type) == ("cgv.pdf", "application/pdf")
    photo = await aiogram.send_photo(ALICE, aiogram_types.BufferedInputFile(picture(), "bandeau.jpg"))
    assert photo.photo is not None
    assert photo.photo[-1].width == 760
    album: list[aiogram_types.MediaUnion] = [
        aiogram_types.InputMediaDocument(media=file(name)) for name in ("un.txt", "deux.txt")
    ]
    assert len(await aiogram.send_media_group(ALICE, album)) == 2
    assert [message.document.name for message in alice.messages if message.document] == [
        "cgv.pdf",
        "un.txt",
        "deux.txt",
    ]


async def test_aiogram_reads_every_kind_of_update(aiogram: AiogramBot, api: BotApi, alice: Phone) -> None:
    group = api.group(-500, "Chantier")
    alice.edit(alice.send("/aide"), "/conso")
    alice.send_file("x.csv", b"a;b")
    alice.send_photo(picture())
    button = aiogram_types.InlineKeyboardButton(text="Oui", callback_data="oui")
    keyboard = aiogram_types.InlineKeyboardMarkup(inline_keyboard=[[button]])
    asked = await aiogram.send_message(ALICE, "?", reply_markup=keyboard)
    query_id = alice.press(asked.message_id, "Oui")
    alice.in_group(group).send("/aide")
    alice.in_group(group).block_bot()
    alice.block_bot()
    alice.unblock_bot()
    group.upgrade(-1000500, by=alice)
    updates = await aiogram.get_updates(timeout=1)
    assert [update.event_type for update in updates] == [
        "message",
        "edited_message",
        "message",
        "message",
        "callback_query",
        "message",
        "my_chat_member",
        "my_chat_member",
        "my_chat_member",
        "message",
        "message",
    ]
    assert updates[0].message is not None
    assert updates[0].message.entities is not None
    assert updates[0].message.entities[0].extract_from("/aide") == "/aide"
    photo = updates[3].message
    assert photo is not None
    assert photo.photo is not None
    file = await aiogram.get_file(photo.photo[-1].file_id)
    assert file.file_path is not None
    downloaded = await aiogram.download_file(file.file_path)
    assert downloaded is not None
    assert Image.open(downloaded).size == (760, 95)
    assert await aiogram.answer_callback_query(query_id, text="noté")
    assert await aiogram.get_updates(offset=updates[-1].update_id + 1) == []


async def test_aiogram_reads_the_commands(aiogram: AiogramBot) -> None:
    commands = [aiogram_types.BotCommand(command="aide", description="Aide")]
    scope = aiogram_types.BotCommandScopeChat(chat_id=ALICE)
    assert await aiogram.set_my_commands(commands, scope=scope)
    (kept,) = await aiogram.get_my_commands(scope=scope)
    assert (kept.command, kept.description) == ("aide", "Aide")
    assert await aiogram.delete_my_commands(scope=scope)
    assert await aiogram.get_my_commands(scope=scope) == []


async def test_aiogram_tells_the_errors_apart(aiogram: AiogramBot, api: BotApi, alice: Phone) -> None:
    with pytest.raises(aiogram_errors.TelegramBadRequest, match="chat not found"):
        await aiogram.send_message(1, "x")
    with pytest.raises(aiogram_errors.TelegramBadRequest, match="can't parse entities"):
        await aiogram.send_message(ALICE, "<b>", parse_mode="HTML")
    api.fail_next("sendMessage", "429", retry_after=7)
    with pytest.raises(aiogram_errors.TelegramRetryAfter) as flood:
        await aiogram.send_message(ALICE, "x")
    assert flood.value.retry_after == 7
    api.fail_next("sendMessage", "502")
    with pytest.raises(aiogram_errors.TelegramServerError):
        await aiogram.send_message(ALICE, "x")
    api.group(-500, "Chantier").upgrade(-1000500, by=alice)
    with pytest.raises(aiogram_errors.TelegramMigrateToChat) as moved:
        await aiogram.send_message(-500, "x")
    assert moved.value.migrate_to_chat_id == -1000500
    alice.block_bot()
    with pytest.raises(aiogram_errors.TelegramForbiddenError, match="bot was blocked by the user"):
        await aiogram.send_message(ALICE, "x")


async def test_aiogram_gets_the_conflict_of_two_polls(aiogram: AiogramBot, api: BotApi, alice: Phone) -> None:
    older = asyncio.create_task(aiogram.get_updates(timeout=30))
    await until_polled(api)
    newer = asyncio.create_task(aiogram.get_updates(timeout=30))
    with pytest.raises(aiogram_errors.TelegramConflictError):
        await asyncio.wait_for(older, 25)
    alice.send("x")
    assert len(await asyncio.wait_for(newer, 25)) == 1

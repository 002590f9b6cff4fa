"""Questions by chat and by mail, from the inbox to the outbox, with a Bot API server on loopback."""

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk.inbox import MOST_TRIES
from bot.desk.people import TECHNICAL
from bot.enrolment import mail_code, show_menu
from bot.house import House, open_house
from bot.sandbox import pictures
from bot.sandbox.botapi import BotApi, Group, Phone
from bot.telegram.client import make_bot
from core.settings import Settings
from handlers.answer import Answer
from handlers.desk import TOPICS, Alerts
from tests.bot.conftest import CAMILLE
from tests.bot.talking import (
    NUMBER,
    TRUSTED,
    VOUCHED,
    answer,
    clerk_at_work,
    deliver,
    fetch,
    said,
    settle,
    with_ftp,
)
from tests.handlers.filled import settings
from tests.peers.ftp import FtpPeer

STRANGER, OTHER = 4200002, 4200003
RIO = "01E4K7P2QEM3"
FORGED = f"Authentication-Results: {TRUSTED}; dmarc=fail header.from=telecom.example"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


@pytest.fixture
def stranger(api: BotApi) -> Phone:
    return api.phone(STRANGER, "Inconnu")


def audit(house: House) -> list[tuple[str, str, str, str]]:
    return list(house.desk.execute("SELECT person, door, command, outcome FROM audit ORDER BY id"))


# Chat: who may talk


async def test_an_unknown_chat_is_told_one_neutral_sentence_once(house: House, bot: Bot, stranger: Phone) -> None:
    for text in ("bonjour", f"/status {NUMBER}", "/aide", "/start"):
        stranger.send(text)
        await answer(house, bot)
    assert said(stranger) == ["Ce robot est privé."]


async def test_what_an_unknown_chat_tried_is_in_the_audit(house: House, bot: Bot, stranger: Phone) -> None:
    stranger.send(f"/status {NUMBER}")
    await answer(house, bot)
    assert audit(house) == [(f"chat {STRANGER}", "chat", "", "refused")]


async def test_an_unknown_chat_sees_no_menu(house: House, bot: Bot, camille: Phone, stranger: Phone) -> None:
    contact = house.people.by_chat(CAMILLE)
    assert contact
    await show_menu(bot, CAMILLE, contact.person)
    assert [command.command for command in camille.menu][:2] == ["status", "conso"]
    assert stranger.menu == []


async def test_start_with_the_code_of_the_mail_binds_the_chat(house: House, bot: Bot, stranger: Phone) -> None:
    mail_code(house)
    (parcel,) = house.outbox.due("mail", int(time.time()))
    assert parcel.recipient == "technique@telecom.example"
    code = parcel.payload.decode().partition("/start ")[2].split()[0]
    stranger.send(f"/start {code}")
    await answer(house, bot)
    assert said(stranger)[0].startswith("Bonjour Camille Martin, ce chat est relié à Télécom Exemple.")
    stranger.send(NUMBER)
    await answer(house, bot)
    assert "06 39 98 00 01 : active" in said(stranger)[1]


async def test_the_code_is_in_no_subject(house: House) -> None:
    mail_code(house)
    (parcel,) = house.outbox.due("mail", int(time.time()))
    message = message_from_bytes(parcel.payload, policy=default)
    code = parcel.payload.decode().partition("/start ")[2].split()[0]
    assert code not in message["Subject"]
    assert code not in parcel.subject


async def test_a_code_is_mailed_once_while_it_works(house: House) -> None:
    assert mail_code(house)
    assert not mail_code(house)


async def test_start_with_a_used_code_tells_nothing(
    house: House, bot: Bot, camille: Phone, stranger: Phone, api: BotApi
) -> None:
    now = int(time.time())
    code = house.people.new_code(TECHNICAL, now)
    house.people.enrol(OTHER, code, now)
    stranger.send(f"/start {code}")
    await answer(house, bot)
    assert said(stranger) == ["Ce robot est privé."]


async def test_start_with_an_expired_code_tells_nothing(house: House, bot: Bot, stranger: Phone) -> None:
    code = house.people.new_code(TECHNICAL, int(time.time()) - 8 * 24 * 3600)
    stranger.send(f"/start {code}")
    await answer(house, bot)
    assert said(stranger) == ["Ce robot est privé."]


async def test_after_wrong_codes_the_right_one_still_tells_nothing_for_a_while(
    house: House, bot: Bot, stranger: Phone
) -> None:
    code = house.people.new_code(TECHNICAL, int(time.time()))
    for guess in ("a", "b", "c", "d", "e", code):
        stranger.send(f"/start {guess}")
    await answer(house, bot)
    assert said(stranger) == ["Ce robot est privé."]


async def test_start_in_a_known_chat_does_not_use_a_code_up(house: House, bot: Bot, camille: Phone) -> None:
    now = int(time.time())
    code = house.people.new_code(TECHNICAL, now)
    camille.send(f"/start {code}")
    await answer(house, bot)
    assert house.people.enrol(OTHER, code, now)


async def test_who_blocks_the_bot_is_unknown_afterwards(house: House, bot: Bot, camille: Phone) -> None:
    camille.block_bot()
    await answer(house, bot)
    assert house.people.chats_of(TECHNICAL) == []


async def test_a_chat_that_refuses_what_is_sent_is_forgotten(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(NUMBER)
    await fetch(house, bot)
    async with clerk_at_work(house, bot):
        await settle(house)
    camille.block_bot()
    await deliver(house, bot)
    assert house.people.chats_of(TECHNICAL) == []


# Chat: questions


async def test_a_question_is_answered_under_itself(house: House, bot: Bot, camille: Phone) -> None:
    question = camille.send(f"/status {NUMBER}")
    await answer(house, bot)
    (message,) = camille.messages
    assert message.text.startswith("🟢 06 39 98 00 01 : active")
    assert message.reply_to == question.message_id


async def test_a_button_asks_the_next_question(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(NUMBER)
    await answer(house, bot)
    query = camille.press(camille.messages[0], "Conso")
    await answer(house, bot)
    assert said(camille)[1].startswith("06 39 98 00 01 : conso")
    assert [toast.query_id for toast in camille.toasts] == [query]


async def test_what_is_not_understood_proposes_the_nearest_command(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(f"/statsu {NUMBER}")
    await answer(house, bot)
    assert "Vouliez-vous dire /status" in said(camille)[0]


async def test_the_audit_tells_who_asked_what_without_its_argument(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(f"/rio {RIO} {NUMBER}")
    await answer(house, bot)
    assert audit(house) == [(TECHNICAL, "chat", "rio", "answered")]
    assert RIO not in json.dumps([list(row) for row in house.desk.execute("SELECT * FROM audit")])


async def test_a_rio_stays_in_no_table_once_it_is_answered(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(f"/rio {RIO} {NUMBER}")
    await answer(house, bot)
    for table in ("inbox", "outbox", "audit"):
        assert RIO not in repr(list(house.desk.execute(f"SELECT * FROM {table}")))


async def test_an_edited_question_edits_its_answer(house: House, bot: Bot, camille: Phone) -> None:
    question = camille.send("/status 0639980002")
    await answer(house, bot)
    camille.edit(question, f"/status {NUMBER}")
    await answer(house, bot)
    (message,) = camille.messages
    assert message.edited
    assert message.text.startswith("🟢 06 39 98 00 01 : active")


async def test_an_edited_question_whose_answer_has_a_file_less_leaves_none_behind(
    house: House, bot: Bot, camille: Phone
) -> None:
    question = camille.send("/factures Facture_Origyne_202610_FO2610-001.pdf")
    await answer(house, bot)
    assert [message.document is not None for message in camille.messages] == [True]
    camille.edit(question, "/status 0639980001")
    await answer(house, bot)
    file, text = camille.messages
    assert text.text.startswith("🟢 06 39 98 00 01")
    assert file.deleted


async def test_a_page_is_turned_where_it_stands(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("/lignes")
    await answer(house, bot)
    (message,) = camille.messages
    camille.press(message, "2/3 ▶")
    await answer(house, bot)
    (turned,) = camille.messages
    assert turned.edited
    assert "(9 à 16)" in turned.text


async def test_a_button_of_a_message_from_before_a_restart_still_answers(
    house: House, bot: Bot, camille: Phone, configured: Settings
) -> None:
    camille.send("/factures origyne")
    await answer(house, bot)
    again = open_house(configured)
    (message,) = camille.messages
    assert len(message.buttons[0][0].callback_data.encode()) <= 64
    camille.press(message, message.labels[0])
    await answer(again, bot)
    again.desk.close()
    again.context.telecom.close()
    assert camille.messages[-1].document


async def test_a_button_that_nobody_knows_any_more_says_so(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("/factures origyne")
    await answer(house, bot)
    with house.desk.atomic():
        house.desk.execute("DELETE FROM buttons")
    camille.press(camille.messages[0], camille.messages[0].labels[0])
    await answer(house, bot)
    assert said(camille)[1].startswith("Ce bouton n'est plus connu")


async def says(house: House, bot: Bot, phone: Phone, **content: object) -> None:
    """A message that has this instead of a text, which the telephone here cannot send."""
    phone.send("x")
    await fetch(house, bot)
    row = next(house.desk.query("SELECT id, payload FROM inbox"))
    update = json.loads(row["payload"])
    del update["message"]["text"]
    update["message"].update(content)
    with house.desk.atomic():
        house.desk.execute("UPDATE inbox SET payload = ? WHERE id = ?", (json.dumps(update).encode(), row["id"]))
    async with clerk_at_work(house, bot):
        await settle(house)
    await deliver(house, bot)


async def test_a_contact_that_is_shared_asks_for_its_line(house: House, bot: Bot, camille: Phone) -> None:
    await says(house, bot, camille, contact={"phone_number": "+33639980001", "first_name": "Accueil"})
    assert said(camille)[0].startswith("🟢 06 39 98 00 01 : active")


async def test_what_telegram_says_by_itself_is_no_question(house: House, bot: Bot, camille: Phone) -> None:
    await says(house, bot, camille, pinned_message={"message_id": 1})
    assert said(camille) == []


async def test_what_is_muted_reaches_no_chat_and_the_quiet_hours_make_no_sound(
    house: House, bot: Bot, camille: Phone
) -> None:
    contact = house.people.by_id(TECHNICAL)
    assert contact
    for alerts in (Alerts(frozenset({"cdrs"}), (0, 12)), Alerts(frozenset({"cdrs"}), (12, 0))):
        house.own.set_alerts(contact.person, alerts)
        with house.desk.atomic():
            house.tell(TECHNICAL, [("lines", Answer("Une ligne")), ("cdrs", Answer("Des CDR"))])
            house.tell(TECHNICAL, [("cdrs", Answer("Des CDR"))])
    await deliver(house, bot)
    assert said(camille) == ["Une ligne", "Une ligne"]
    assert sorted(message.silent for message in camille.messages) == [False, True]


async def test_an_answer_makes_its_sound_at_any_hour(house: House, bot: Bot, camille: Phone) -> None:
    contact = house.people.by_id(TECHNICAL)
    assert contact
    house.own.set_alerts(contact.person, Alerts(frozenset(TOPICS), (0, 23)))
    camille.send(NUMBER)
    await answer(house, bot)
    assert [message.silent for message in camille.messages] == [False]


async def test_a_spreadsheet_without_words_is_a_list_of_rios(house: House, bot: Bot, camille: Phone) -> None:
    camille.send_file("liste.csv", f"RIO;Numéro\r\n{RIO};{NUMBER}\r\n".encode())
    await answer(house, bot)
    assert said(camille)[0].startswith("liste.csv : 1 RIO vérifié\n✅ 1 juste")
    (document,) = [message.document for message in camille.messages]
    assert document
    assert RIO.encode() in document.content


async def test_a_list_of_rios_by_mail_comes_back_without_a_whole_rio(house: House, bot: Bot) -> None:
    listed = EmailMessage()
    listed["From"], listed["To"], listed["Subject"] = "technique@telecom.example", "robot@telecom.example", "Liste"
    listed["Message-ID"] = "<liste@telecom.example>"
    listed["Date"] = format_datetime(datetime.now(UTC))
    listed.set_content("Bonjour,\nvoici.\n")
    listed.add_attachment(
        f"RIO;Numéro\r\n{RIO};{NUMBER}\r\n".encode(), maintype="text", subtype="csv", filename="liste.csv"
    )
    house.inbox.add("mail", "INBOX/1/77", "mail", f"{VOUCHED}\r\n".encode() + listed.as_bytes())
    async with clerk_at_work(house, bot):
        await settle(house)
    (parcel,) = house.outbox.due("mail", int(time.time()))
    reply = message_from_bytes(parcel.payload, policy=default)
    assert isinstance(reply, EmailMessage)
    (file,) = reply.iter_attachments()
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert "Juste" in content.decode("utf-8-sig")
    assert RIO not in content.decode("utf-8-sig")
    assert RIO not in str(reply.get_body(("plain",)))


async def test_an_update_delivered_twice_is_answered_once(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(NUMBER)
    await fetch(house, bot)
    row = next(house.desk.query("SELECT door, key, conversation, payload FROM inbox"))
    async with clerk_at_work(house, bot):
        await settle(house)
    house.inbox.add(row["door"], row["key"], row["conversation"], row["payload"])
    assert house.inbox.new() == []
    await deliver(house, bot)
    assert len(camille.messages) == 1


async def test_a_crash_before_the_answer_loses_no_question(
    house: House, bot: Bot, camille: Phone, configured: Settings
) -> None:
    camille.send(NUMBER)
    await fetch(house, bot)
    again = open_house(configured)
    async with clerk_at_work(again, bot):
        await settle(again)
    await deliver(again, bot)
    again.desk.close()
    again.context.telecom.close()
    assert len(camille.messages) == 1


async def test_a_question_waits_while_telegram_was_not_reached_since_the_start(
    house: House, bot: Bot, camille: Phone, configured: Settings
) -> None:
    camille.send(NUMBER)
    await fetch(house, bot)
    unready = make_bot(configured.telegram)
    async with clerk_at_work(house, unready):
        await asyncio.sleep(0.3)
        (item,) = house.inbox.new()
        assert item.tries == 0
        async with unready:
            await settle(house)
    await deliver(house, bot)
    assert len(camille.messages) == 1


# Chat: groups


@pytest.fixture
def group(api: BotApi) -> Group:
    return api.group(-100123, "Exploitation")


async def test_a_known_person_is_answered_in_a_group(house: House, bot: Bot, camille: Phone, group: Group) -> None:
    there = camille.in_group(group)
    there.send(f"/status {NUMBER}")
    await answer(house, bot)
    assert "06 39 98 00 01 : active" in said(there)[0]
    assert said(camille) == []


async def test_a_stranger_is_told_nothing_in_a_group(house: House, bot: Bot, stranger: Phone, group: Group) -> None:
    there = stranger.in_group(group)
    there.send(f"/status {NUMBER}")
    await answer(house, bot)
    assert said(there) == []


async def test_a_sensitive_question_is_refused_in_a_group(house: House, bot: Bot, camille: Phone, group: Group) -> None:
    there = camille.in_group(group)
    there.send(f"/rio {RIO} {NUMBER}")
    await answer(house, bot)
    assert "conversation privée" in said(there)[0]
    assert RIO not in said(there)[0]


async def test_a_code_sent_to_a_group_binds_nothing(house: House, bot: Bot, stranger: Phone, group: Group) -> None:
    code = house.people.new_code(TECHNICAL, int(time.time()))
    stranger.in_group(group).send(f"/start {code}")
    await answer(house, bot)
    assert house.people.chats_of(TECHNICAL) == []


@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("on se voit demain", False),
        (f"le {NUMBER} ne marche plus", False),
        (f"/status@another_bot {NUMBER}", False),
        (f"/status@origyne_demo_bot {NUMBER}", True),
        (f"/status@Origyne_Demo_Bot {NUMBER}", True),
        (f"@origyne_demo_bot {NUMBER}", True),
        (f"@ORIGYNE_DEMO_BOT status {NUMBER}", True),
    ],
)
async def test_in_a_group_only_what_is_said_to_the_bot_is_answered(
    house: House, bot: Bot, camille: Phone, group: Group, text: str, answered: bool
) -> None:
    # As a bot without privacy mode gets it: all that is said.
    there = camille.in_group(group)
    chat = {"id": group.chat_id, "type": "supergroup", "title": "Exploitation"}
    message = {"message_id": 1, "date": 0, "chat": chat, "from": {"id": CAMILLE}, "text": text}
    house.inbox.add("chat", "1", f"chat:{group.chat_id}", json.dumps({"update_id": 1, "message": message}).encode())
    async with clerk_at_work(house, bot):
        await settle(house)
    await deliver(house, bot)
    assert bool(said(there)) == answered


# Chat: files


async def test_the_upload_dialog_survives_restarts(
    bot: Bot, api: BotApi, house: House, camille: Phone, configured: Settings, embedded_ftp: FtpPeer
) -> None:
    camille.send("/upload logo")
    await answer(house, bot)
    with closing_house(with_ftp(configured, embedded_ftp)) as again:
        camille.send_file("image.bin", pictures.logo())
        await answer(again, bot)
    with closing_house(with_ftp(configured, embedded_ftp)) as again:
        camille.press(next(message for message in camille.messages if "✅ Déposer" in message.labels), "✅ Déposer")
        await answer(again, bot)
    assert any(text.startswith("✅ Logo déposé") for text in said(camille))
    assert (embedded_ftp.root / "Personnalisation/logo.png").read_bytes() == pictures.logo()


@contextmanager
def closing_house(configured: Settings) -> Iterator[House]:
    house = open_house(configured)
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


async def test_a_photo_is_refused_then_the_file_is_still_awaited(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("/upload logo")
    await answer(house, bot)
    camille.send_photo(pictures.logo())
    await answer(house, bot)
    assert "arrivée comme photo" in said(camille)[1]
    camille.send_file("logo.png", pictures.logo(dpi=72))
    await answer(house, bot)
    assert said(camille)[2].startswith("❌ Logo refusé")


async def test_another_question_ends_the_wait_for_a_file(house: House, bot: Bot, camille: Phone) -> None:
    for text in ("/upload bandeau", NUMBER):
        camille.send(text)
        await answer(house, bot)
    camille.send_file("image.png", pictures.logo())
    await answer(house, bot)
    assert said(camille)[2].startswith("✅ Logo conforme")


async def test_a_file_with_its_command_as_caption_needs_no_dialog(house: House, bot: Bot, camille: Phone) -> None:
    camille.send_file("logo.png", pictures.logo(dpi=72), caption="/upload logo")
    await answer(house, bot)
    assert said(camille)[0].startswith("❌ Logo refusé")


# Chat: what goes wrong


async def test_a_poison_item_is_given_up_and_does_not_block_the_next(house: House, bot: Bot, camille: Phone) -> None:
    house.inbox.add("chat", "0", f"chat:{CAMILLE}", b"no JSON at all")
    camille.send(NUMBER)
    await fetch(house, bot)
    async with clerk_at_work(house, bot):
        await settle(house, 20)
    await deliver(house, bot)
    assert [text.split(" :")[0] for text in said(camille)] == ["Je n'ai pas pu traiter ce message", "🟢 06 39 98 00 01"]
    (tries,) = house.desk.execute("SELECT tries FROM inbox WHERE key = '0'").fetchone()
    assert tries == MOST_TRIES


async def test_a_poison_item_keeps_no_other_chat_waiting(house: House, bot: Bot, camille: Phone) -> None:
    house.inbox.add("chat", "0", f"chat:{OTHER}", b"no JSON at all")
    camille.send(NUMBER)
    await fetch(house, bot)
    async with clerk_at_work(house, bot), asyncio.timeout(2):
        while not house.outbox.due("chat", int(time.time())):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_item_that_kills_the_process_each_time_is_given_up(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(NUMBER)
    await fetch(house, bot)
    for _ in range(MOST_TRIES):
        house.inbox.begin(house.inbox.new()[0])
    async with clerk_at_work(house, bot):
        await settle(house)
    await deliver(house, bot)
    assert said(camille)[0].startswith("Je n'ai pas pu traiter ce message")


async def test_the_token_is_in_no_log(
    house: House, bot: Bot, camille: Phone, configured: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    house.inbox.add("chat", "0", f"chat:{OTHER}", b"no JSON at all")
    camille.send(f"/rio {RIO} {NUMBER}")
    await fetch(house, bot)
    async with clerk_at_work(house, bot):
        await asyncio.sleep(0.2)
    await deliver(house, bot)
    assert "an-invented_token" not in caplog.text
    assert RIO not in caplog.text

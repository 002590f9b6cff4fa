"""The detail with whole called numbers, asked in a chat: a reason, a touch, a closed file; its password by mail."""

import io
import logging
import re
import shutil
from pathlib import Path

import openpyxl
import pytest
from telegram import Bot

from bot import cli
from bot.desk import audit
from bot.desk.people import TECHNICAL
from bot.house import House
from bot.sandbox.botapi import BotApi, Message, Phone
from core.settings import Settings
from tests.bot.talking import NUMBER, TRUSTED, answer, body, replies, said, words_of, write
from tests.core.test_locked import opened
from tests.handlers.filled import settings

WHY = "litige sur la facture d'octobre"
LABEL = "Préparer le fichier"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED, codes_minutes=3)


@pytest.fixture
def camille(camille: Phone, house: House) -> Phone:
    """Who is an administrator too."""
    with house.desk.atomic():
        house.people.grant(TECHNICAL, ["admin"])
    return camille


async def says(house: House, bot: Bot, phone: Phone, *texts: str) -> Message:
    for text in texts:
        phone.send(text)
        await answer(house, bot)
    return phone.messages[-1]


async def touches(house: House, bot: Bot, phone: Phone, message: Message, label: str = LABEL) -> Message:
    phone.press(message, label)
    await answer(house, bot)
    return phone.messages[-1]


async def asked(house: House, bot: Bot, phone: Phone) -> Message:
    return await says(house, bot, phone, f"/cdr {NUMBER} octobre complet", WHY)


async def password_of(house: House, bot: Bot) -> str:
    found = [re.search(r"Mot de passe : (\S+)", body(mail)) for mail in await replies(house, bot)]
    (password,) = [it[1] for it in found if it]
    return str(password)


def files(phone: Phone) -> list[Message]:
    return [message for message in phone.messages if message.document]


def rows(house: House) -> list[tuple[str, ...]]:
    return house.desk.execute(
        "SELECT door, outcome, about, shown, why FROM audit WHERE command = 'cdr' ORDER BY id"
    ).fetchall()


async def test_the_reason_then_a_touch_then_a_file_that_the_mailed_password_opens(
    house: House, bot: Bot, camille: Phone
) -> None:
    question = await says(house, bot, camille, f"/cdr {NUMBER} octobre complet")
    assert "pour quel motif" in question.text
    question = await says(house, bot, camille, WHY)
    assert WHY in question.text
    assert question.labels == [LABEL]
    assert not files(camille)
    await touches(house, bot, camille, question)
    (sent,) = files(camille)
    assert sent.document
    assert "s'efface dans 3" in sent.caption
    # It can be saved, which Telegram allows of no protected message; and the question has gone.
    assert not sent.protected
    assert question.message_id not in [it.message_id for it in camille.messages if not it.deleted]
    password = await password_of(house, bot)
    book = openpyxl.load_workbook(io.BytesIO(opened(sent.document.content, password)))
    called = [str(row[3].value) for row in book["Communications"].iter_rows(min_row=2) if row[3].value]
    assert called
    assert not any("X" in number for number in called)
    assert not any(number.encode() in sent.document.content for number in called)
    assert not any(number in "\n".join(said(camille)) for number in called if len(number) > 4)
    assert password not in "\n".join(said(camille))


async def test_the_audit_says_who_of_which_line_and_why_and_no_password(house: House, bot: Bot, camille: Phone) -> None:
    await touches(house, bot, camille, await asked(house, bot, camille))
    password = await password_of(house, bot)
    assert rows(house)[1:] == [
        ("chat", "answered", NUMBER, "confirmation", WHY),
        ("chat", "answered", NUMBER, "détail complet", WHY),
    ]
    everything = house.desk.execute("SELECT * FROM audit").fetchall()
    assert password not in repr(everything)
    assert not audit.verify(house.desk).broken


async def test_its_message_goes_after_the_set_time(house: House, bot: Bot, camille: Phone) -> None:
    sent = await touches(house, bot, camille, await asked(house, bot, camille))
    waiting = house.desk.execute("SELECT message_id FROM fleeting").fetchall()
    assert waiting == [(sent.message_id,)]


async def test_a_touch_that_comes_too_late_only_asks_again(house: House, bot: Bot, camille: Phone) -> None:
    question = await asked(house, bot, camille)
    with house.desk.atomic():
        house.desk.execute("UPDATE confirmations SET until = 1")
    again = await touches(house, bot, camille, question)
    assert again.labels == [LABEL]
    assert not files(camille)
    await touches(house, bot, camille, again)
    assert len(files(camille)) == 1


async def test_a_second_touch_makes_no_second_file(house: House, bot: Bot, camille: Phone) -> None:
    question = await asked(house, bot, camille)
    camille.press(question, LABEL)
    camille.press(question, LABEL)
    await answer(house, bot)
    assert len(files(camille)) == 1
    assert len([mail for mail in await replies(house, bot) if "Mot de passe" in body(mail)]) == 1


async def test_who_is_no_administrator_any_more_gets_nothing(house: House, bot: Bot, camille: Phone) -> None:
    question = await asked(house, bot, camille)
    with house.desk.atomic():
        house.people.grant(TECHNICAL, [])
    told = await touches(house, bot, camille, question)
    assert told.text.startswith("Le détail complet n'est pas ouvert à votre rôle.")
    assert rows(house)[-1][:4] == ("chat", "denied", "", "")
    assert await replies(house, bot) == []
    assert not files(camille)


async def test_a_number_in_place_of_a_reason_asks_for_its_line(house: House, bot: Bot, camille: Phone) -> None:
    told = await says(house, bot, camille, f"/cdr {NUMBER} octobre complet", NUMBER)
    assert told.text.startswith("🟢 06 39 98 00 01 : active")


@pytest.mark.parametrize("word", ["annuler", "non"])
async def test_a_word_gives_it_up_and_what_follows_is_no_reason(
    house: House, bot: Bot, camille: Phone, word: str
) -> None:
    told = await says(house, bot, camille, f"/cdr {NUMBER} octobre complet", word)
    assert told.text == "Rien n'est préparé."
    assert LABEL not in (await says(house, bot, camille, WHY)).labels


async def test_a_group_gets_none_of_it(house: House, bot: Bot, api: BotApi, camille: Phone) -> None:
    group = api.group(-1001234, "Équipe technique")
    there = camille.in_group(group)
    there.send(f"/cdr {NUMBER} octobre complet motif {WHY}")
    await answer(house, bot)
    told = there.messages[-1]
    assert "conversation privée" in told.text
    assert not files(there)
    assert not told.labels
    assert rows(house) == [("groupe", "denied", "", "", "")]


@pytest.mark.parametrize("words", [f"/cdr {NUMBER} octobre complet motif {WHY}", f"cdr {NUMBER} octobre complet"])
async def test_a_mail_gets_none_of_it(house: House, bot: Bot, camille: Phone, words: str) -> None:
    write(house, words)
    (mail,) = await replies(house, bot)
    assert "Le détail complet ne se demande qu'en conversation privée" in words_of(mail)
    assert not list(mail.iter_attachments())
    assert not files(camille)


async def test_a_sentence_in_a_mail_gets_the_usual_detail(house: House, bot: Bot, camille: Phone) -> None:
    write(house, f"Pouvez-vous m'envoyer le CDR complet du {NUMBER} en octobre ?")
    (mail,) = await replies(house, bot)
    (book,) = [part.get_payload(decode=True) for part in mail.iter_attachments() if part.get_filename()]
    assert isinstance(book, bytes)
    called = [row[3].value for row in openpyxl.load_workbook(io.BytesIO(book))["Communications"].iter_rows(min_row=2)]
    assert any("XX XX" in str(number) for number in called)
    assert not any(re.fullmatch(r"0\d( \d\d){4}", str(number)) for number in called)


async def test_the_queue_shows_no_password_and_keeps_none_once_it_is_sent(
    house: House,
    bot: Bot,
    camille: Phone,
    configured: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await touches(house, bot, camille, await asked(house, bot, camille))
    password = await password_of(house, bot)
    monkeypatch.setattr(Settings, "load", lambda: configured)
    (parcel,) = house.outbox.due("mail", 2**40)
    for words in (["outbox"], ["outbox", "show", str(parcel.id)], ["outbox", "--all"]):
        with pytest.raises(SystemExit):
            cli.main(words)
    shown = "".join(capsys.readouterr())
    assert "Mot de passe : •••" in shown
    assert password not in shown
    assert password not in repr(parcel)
    assert house.outbox.sending(parcel)
    house.outbox.sent(parcel)
    assert house.outbox.content(parcel.id) == (None, None)


async def test_no_log_and_no_answer_holds_the_password(
    house: House, bot: Bot, camille: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await touches(house, bot, camille, await asked(house, bot, camille))
        password = await password_of(house, bot)
    assert caplog.records
    assert password not in caplog.text
    tables = [name for (name,) in house.desk.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    holding = {name for name in tables if password in repr(house.desk.execute(f"SELECT * FROM {name}").fetchall())}
    assert holding <= {"outbox"}


def test_the_terminal_saves_it_open_once_it_is_confirmed(
    house: House, camille: Phone, configured: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "load", lambda: configured)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    question = f"cdr {NUMBER} octobre complet motif {WHY}"
    assert _typed(question) == 1
    assert list(folder.iterdir()) == []
    assert _typed(question, "--yes") == 0
    (file,) = folder.iterdir()
    called = [row[3].value for row in openpyxl.load_workbook(file)["Communications"].iter_rows(min_row=2)]
    assert any(re.fullmatch(r"0\d( \d\d){4}", str(number)) for number in called)
    assert rows(house)[-1] == ("terminal", "answered", NUMBER, "détail complet", WHY)
    assert house.outbox.waiting("mail") == 0


def _typed(question: str, *options: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["ask", question, "--as", TECHNICAL, *options])
    return int(ended.value.code or 0)

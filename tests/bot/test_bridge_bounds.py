"""Questions to the staff within bounds: mailboxes that answer by themselves, a crash, long mails, who left."""

import shutil
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk import threads
from bot.desk.inbox import Inbox, Item
from bot.desk.people import ACCOUNTING, TECHNICAL
from bot.house import House
from bot.mail.letter import Letter
from bot.sandbox.botapi import BotApi, Phone
from core.settings import Settings
from handlers.answer import Answer
from tests.bot.talking import TRUSTED, VOUCHED, answer, body, replies, said, write
from tests.bot.test_bridge import DOMINIQUE, TEAM, answer_mail, asked, mails
from tests.handlers.filled import settings

COMPTA = "compta@telecom.example"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(
        tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED, staff_emails=f"{TEAM}, {DOMINIQUE}"
    )


async def test_who_left_the_staff_reads_no_more_says_no_more_and_closes_nothing(
    house: House, bot: Bot, camille: Phone, configured: Settings
) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[DOMINIQUE], "Oui ?", frm=DOMINIQUE)
    await mails(house, bot)
    house.people.follow(configured.model_copy(update={"staff_emails": (TEAM,)}))
    camille.send("Cela reste entre nous.", reply_to=camille.messages[-1])
    await answer(house, bot)
    assert DOMINIQUE not in await mails(house, bot), "what waited for him is dropped, and no more is written"
    answer_mail(house, found[DOMINIQUE], "Je suis parti.\r\n\r\n/clore", frm=DOMINIQUE, number=2)
    await mails(house, bot)
    assert not any("Je suis parti" in text for text in said(camille)), "his secret lets him in no more"
    assert threads.open_contacts(house.desk, TECHNICAL)


async def test_a_question_by_mail_leaves_once_though_the_bot_stumbles_after_it(
    house: House, bot: Bot, camille: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(house, "/contact Il manque la facture de Durand", frm=COMPTA)
    done, tries = Inbox.done, 0

    def stumble(inbox: Inbox, item: Item, *, file: bool = True) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError
        done(inbox, item, file=file)

    monkeypatch.setattr(Inbox, "done", stumble)
    found: dict[str, int] = {}
    for message in await replies(house, bot, seconds=15):
        found[str(message["To"])] = found.get(str(message["To"]), 0) + 1
    assert found == {TEAM: 1, DOMINIQUE: 1, COMPTA: 1}


async def test_a_long_mail_is_one_message_and_a_file(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    text = "\r\n".join(f"Ligne {number} d'un très long courriel de l'équipe" for number in range(900))
    answer_mail(house, found[TEAM], text, frm=TEAM)
    await mails(house, bot)
    *_, shown, file = camille.messages
    assert "Ligne 3 d'un" in shown.text
    assert "La suite est dans le fichier." in shown.text
    assert file.document
    assert b"Ligne 899" in file.document.content


async def test_a_code_below_the_word_that_names_it_does_not_leave(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille, "/contact Voici le PUK :\n12345678\nà donner au client")
    assert "12345678" not in found[TEAM].as_string()


async def test_a_file_left_aside_is_named_once_to_who_reads_by_mail(house: House, bot: Bot, camille: Phone) -> None:
    write(house, "/contact Il manque la facture", frm=COMPTA)
    first = (await mails(house, bot))[TEAM][0]
    back = EmailMessage(policy=default)
    back["Authentication-Results"] = VOUCHED.partition(": ")[2]
    back["From"], back["To"], back["Subject"] = TEAM, str(first["Reply-To"]), f"Re: {first['Subject']}"
    back["Message-ID"], back["In-Reply-To"] = "<file@poste.example>", str(first["Message-ID"])
    back.set_content("Voici.")
    back.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="carte.exe")
    house.inbox.add("mail", "INBOX/1/5", f"mail:{TEAM}", back.as_bytes(), "<file@poste.example>")
    assert body((await mails(house, bot))[COMPTA][-1]).count("carte.exe") == 1


# Mailboxes that answer everything by themselves, and do not say so


async def mails_of_robots(house: House, bot: Bot, robots: dict[str, str]) -> int:
    """How many mails are written until nobody has more to answer, a minute passing each time; `robots`: whose mailbox,
    and the address that answers for it."""
    seen = 0
    for _ in range(30):
        house.desk.execute("UPDATE outbox SET created_at = created_at - 61")
        house.own.bridge.post_held()
        written = await replies(house, bot)
        fresh, seen = written[seen:], len(written)
        if not fresh:
            return seen
        for number, message in enumerate(fresh, seen * 100):
            if robot := robots.get(str(message["To"])):
                answer_mail(house, message, f"Demande enregistrée sous le n° {number}.", frm=robot, number=number)
    raise AssertionError("they go on for ever")


async def test_two_robots_among_the_staff_stop(house: House, bot: Bot, camille: Phone) -> None:
    await asked(house, bot, camille)
    await mails_of_robots(house, bot, {TEAM: TEAM, DOMINIQUE: DOMINIQUE})


async def test_a_robot_with_another_address_hears_no_echo(house: House, bot: Bot, camille: Phone) -> None:
    await asked(house, bot, camille)
    assert await mails_of_robots(house, bot, {TEAM: "support@telecom.example"}) == 3


async def test_a_robot_in_the_accounting_mailbox_is_told_once(house: House, bot: Bot, camille: Phone) -> None:
    contact = house.people.by_id(ACCOUNTING)
    assert contact
    with house.desk.atomic():
        thread = threads.open_thread(house.desk, "notice", "invoices:202610", "Factures d'octobre")
        house.write_letter(Letter(COMPTA, "Avis", (Answer("T"),), person_id=ACCOUNTING, thread=thread.id))
    assert await mails_of_robots(house, bot, {COMPTA: COMPTA}) == 2


async def test_who_got_a_forwarded_notice_is_heard_in_the_chat(house: House, bot: Bot, camille: Phone) -> None:
    with house.desk.atomic():
        thread = threads.open_thread(house.desk, "notice", "lines:2026-11-25", "1 changement de ligne")
        to = "technique@telecom.example"
        house.write_letter(Letter(to, "Avis", (Answer("T"),), person_id=TECHNICAL, thread=thread.id))
    (notice,) = await replies(house, bot)
    headers = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=dupont.example"
    answer_mail(house, notice, "C'est bien moi.", frm="paul@dupont.example", headers=headers)
    await mails(house, bot)
    assert "C'est bien moi." in said(camille)[-1]
    assert "non vérifié" in said(camille)[-1]

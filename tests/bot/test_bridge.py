"""Questions to the staff: from the chat to mailboxes and back, with a Bot API server on loopback."""

import json
import shutil
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk import threads
from bot.desk.people import ACCOUNTING, TECHNICAL
from bot.house import House
from bot.mail.letter import Letter
from bot.sandbox import pictures
from bot.sandbox.botapi import BotApi, Phone
from bot.telegram.migration import follow
from core import sims
from core.settings import Settings
from handlers.answer import Answer
from tests.bot.conftest import CAMILLE
from tests.bot.talking import (
    NUMBER,
    TRUSTED,
    VOUCHED,
    answer,
    body,
    clerk_at_work,
    deliver,
    fetch,
    replies,
    said,
    settle,
    words_of,
    write,
)
from tests.handlers.filled import settings

TEAM, DOMINIQUE = "equipe@telecom.example", "dominique@telecom.example"
FORGED = f"Authentication-Results: {TRUSTED}; dmarc=fail header.from=telecom.example"
UNSAID = "X-Nothing: 1"
QUESTION = "Durand demande une ligne de plus, qui s'en charge ?"
RIO = "01E4K7P2QEM3"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(
        tmp_path / "data",
        telegram_api=api.url,
        mail_trusted_server=TRUSTED,
        staff_emails=f"{TEAM}, {DOMINIQUE}",
    )


async def mails(house: House, bot: Bot) -> dict[str, list[EmailMessage]]:
    """What was written, by who gets it, once all that came was dealt with and the chat has its messages."""
    found: dict[str, list[EmailMessage]] = {}
    for message in await replies(house, bot):
        found.setdefault(str(message["To"]), []).append(message)
    await deliver(house, bot)
    return found


def answer_mail(
    house: House, mail: EmailMessage, text: str, *, frm: str, number: int = 1, headers: str = VOUCHED
) -> None:
    """Somebody answers a mail of ours, its text quoted below his own."""
    quoted = "\r\n".join(f"> {line}" for line in body(mail).splitlines())
    write(
        house,
        f"{text}\r\n\r\nLe 24/11/2026 à 10:05, Robot a écrit :\r\n{quoted}",
        frm=frm,
        to=str(mail["Reply-To"]),
        subject=f"Re: {mail['Subject']}",
        headers=f"{headers}\r\nIn-Reply-To: {mail['Message-ID']}",
        key=f"INBOX/1/{number}",
        message_id=f"<{number}@poste.example>",
    )


async def asked(house: House, bot: Bot, camille: Phone, text: str = f"/contact {QUESTION}") -> dict[str, EmailMessage]:
    camille.send(text)
    await answer(house, bot)
    return {to: found[-1] for to, found in (await mails(house, bot)).items()}


async def test_a_question_leaves_for_each_of_the_staff(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    assert set(found) == {TEAM, DOMINIQUE}
    assert found[TEAM]["Subject"].startswith("Télécom Exemple : question de Camille Martin — Durand demande")
    assert QUESTION in words_of(found[TEAM])
    assert found[TEAM]["Reply-To"] != found[DOMINIQUE]["Reply-To"]
    assert said(camille)[-1].startswith(f"Envoyé à l'équipe : {DOMINIQUE}, {TEAM}")


async def test_alone_it_asks_what_to_say_and_plain_words_leave(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("/contact")
    await answer(house, bot)
    assert said(camille)[-1].startswith("Que dire à l'équipe ?")
    found = await asked(house, bot, camille, QUESTION)
    assert QUESTION in words_of(found[TEAM])


async def test_a_staff_answer_comes_under_the_question_with_its_author(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Je m'en occupe ce matin.\n\nDominique", frm=f"Dominique Roy <{TEAM}>")
    await mails(house, bot)
    shown = camille.messages[-1]
    assert shown.text.startswith(f"💬 Équipe · Dominique Roy ({TEAM})\nJe m'en occupe ce matin.")
    assert QUESTION not in shown.text
    assert shown.reply_to == camille.messages[0].reply_to  # the question, as the first confirmation


async def test_the_others_of_the_staff_see_it_and_its_author_does_not(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Je m'en occupe.", frm=TEAM)
    after = await mails(house, bot)
    assert [len(after[to]) for to in (TEAM, DOMINIQUE)] == [1, 2]
    copy = after[DOMINIQUE][-1]
    assert "Je m'en occupe." in body(copy)
    assert copy["In-Reply-To"] == found[DOMINIQUE]["Message-ID"]
    assert copy["Subject"].startswith("Re: ")


async def test_a_reply_in_the_chat_goes_back_into_the_mail_thread(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Quel forfait ?", frm=TEAM)
    await mails(house, bot)
    camille.send("Le forfait 20 Go, merci", reply_to=camille.messages[-1])
    await answer(house, bot)
    after = await mails(house, bot)
    assert said(camille)[-1] == "Transmis à l'équipe."
    for to in (TEAM, DOMINIQUE):
        assert "Le forfait 20 Go, merci" in body(after[to][-1])
    assert after[TEAM][-1]["In-Reply-To"] == "<1@poste.example>"
    assert found[TEAM]["Message-ID"] in after[TEAM][-1]["References"]


async def test_a_reply_under_an_answer_whose_number_a_crash_lost_goes_back_too(
    house: House, bot: Bot, camille: Phone
) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Je m'en occupe.", frm=TEAM)
    await mails(house, bot)
    with house.desk.atomic():  # Telegram took the message, and its number was never written down
        house.desk.execute("DELETE FROM thread_messages WHERE message_id = ?", (camille.messages[-1].message_id,))
    camille.send("Merci, c'est noté", reply_to=camille.messages[-1])
    await answer(house, bot)
    assert "Merci, c'est noté" in words_of((await mails(house, bot))[TEAM][-1])
    assert said(camille)[-1].startswith("Transmis à l'équipe")


async def test_a_number_under_an_answer_of_the_staff_is_for_the_staff(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Quelle ligne ?", frm=TEAM)
    await mails(house, bot)
    camille.send(NUMBER, reply_to=camille.messages[-1])
    await answer(house, bot)
    assert NUMBER in body((await mails(house, bot))[TEAM][-1])
    assert "active" not in said(camille)[-1]


async def test_a_command_under_an_answer_of_the_staff_is_a_command(house: House, bot: Bot, camille: Phone) -> None:
    await asked(house, bot, camille)
    camille.send(f"/status {NUMBER}", reply_to=camille.messages[-1])
    await answer(house, bot)
    assert "06 39 98 00 01 : active" in said(camille)[-1]
    assert len((await mails(house, bot))[TEAM]) == 1


async def test_the_button_answers_by_the_next_words(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Quel forfait ?", frm=TEAM)
    await mails(house, bot)
    camille.press(camille.messages[-1], "Répondre")
    await answer(house, bot)
    camille.send("Le 20 Go")
    await answer(house, bot)
    assert "Le 20 Go" in body((await mails(house, bot))[TEAM][-1])


async def test_files_cross_both_ways(house: House, bot: Bot, camille: Phone) -> None:
    camille.send_file("photo.png", pictures.logo(), caption="/contact Cette carte est-elle la bonne ?")
    await answer(house, bot)
    found = (await mails(house, bot))[TEAM][0]
    (file,) = found.iter_attachments()
    assert file.get_content() == pictures.logo()
    back = EmailMessage(policy=default)
    back["Authentication-Results"] = VOUCHED.partition(": ")[2]
    back["From"], back["To"], back["Subject"] = TEAM, str(found["Reply-To"]), f"Re: {found['Subject']}"
    back["Message-ID"], back["In-Reply-To"] = "<file@poste.example>", str(found["Message-ID"])
    back.set_content("Non, celle-ci.")
    back.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="carte été.pdf")
    back.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="carte.exe")
    house.inbox.add("mail", "INBOX/1/5", f"mail:{TEAM}", back.as_bytes(), "<file@poste.example>")
    await mails(house, bot)
    documents = [message.document for message in camille.messages if message.document]
    assert [(it.name, it.content) for it in documents] == [("carte été.pdf", b"%PDF-1.4")]
    assert any("carte.exe" in text and "laissée de côté" in text for text in said(camille))


async def test_a_code_does_not_leave_by_mail(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille, f"/contact Le RIO {RIO} est-il bon ?")
    assert RIO not in found[TEAM].as_string()
    assert "masqué" in words_of(found[TEAM])


async def test_a_code_in_a_file_s_name_does_not_leave_by_mail(house: House, bot: Bot, camille: Phone) -> None:
    camille.send_file(f"RIO {RIO}.pdf", b"%PDF-1.4", caption="/contact Est-il bon ?")
    await answer(house, bot)
    found = (await mails(house, bot))[TEAM][0]
    assert [file.get_filename() for file in found.iter_attachments()] == ["RIO •••.pdf"]
    assert "masqué" in words_of(found)


async def test_the_question_tells_the_answer_that_it_is_about(house: House, bot: Bot, camille: Phone) -> None:
    camille.send(f"/status {NUMBER}")
    await answer(house, bot)
    camille.press(camille.messages[-1], "Demander à l'équipe")
    await answer(house, bot)
    found = await asked(house, bot, camille, "Pourquoi pas de trafic ?")
    assert "Pourquoi pas de trafic ?" in words_of(found[TEAM])
    assert "06 39 98 00 01 : active" in words_of(found[TEAM])


async def test_what_the_bot_does_not_understand_can_go_to_the_staff(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("Il faudrait revoir le portage de Durand")
    await answer(house, bot)
    camille.press(camille.messages[-1], "L'envoyer à l'équipe")
    await answer(house, bot)
    assert "revoir le portage de Durand" in words_of((await mails(house, bot))[TEAM][0])


# Who


async def test_words_that_nobody_vouches_for_are_shown_as_such_and_run_nothing(
    house: House, bot: Bot, camille: Phone
) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], f"Oui.\r\n/status {NUMBER}\r\n/clore", frm=TEAM, headers=UNSAID)
    after = await mails(house, bot)
    assert "expéditeur non vérifié" in said(camille)[-1]
    assert len(after[TEAM]) == 1
    assert threads.open_contacts(house.desk, TECHNICAL)


async def test_a_forged_answer_reaches_nobody(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Payez ici.", frm=TEAM, headers=FORGED)
    after = await mails(house, bot)
    assert not any("Payez ici" in text for text in said(camille))
    assert len(after[DOMINIQUE]) == 1


async def test_an_unknown_address_with_the_secret_is_shown_unverified(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    headers = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=perso.example"
    answer_mail(house, found[TEAM], "Depuis mon autre boîte : oui.", frm="dominique@perso.example", headers=headers)
    await mails(house, bot)
    assert said(camille)[-1].startswith("💬 dominique@perso.example — ⚠️ expéditeur non vérifié")


async def test_a_robot_of_the_staff_says_nothing_in_the_chat(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    before = len(camille.messages)
    answer_mail(house, found[TEAM], "Je suis absent.", frm=TEAM, headers=f"{VOUCHED}\r\nAuto-Submitted: auto-replied")
    await mails(house, bot)
    assert len(camille.messages) == before


async def test_the_same_mail_twice_is_shown_once(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Oui.", frm=TEAM)
    await mails(house, bot)
    before = len(camille.messages)
    row = house.desk.execute("SELECT payload FROM inbox WHERE door = 'mail'").fetchone()
    assert row == (None,)
    write(house, "Oui.", frm=TEAM, to=str(found[TEAM]["Reply-To"]), key="INBOX/2/1", message_id="<1@poste.example>")
    await mails(house, bot)
    assert len(camille.messages) == before


async def test_what_a_crash_cut_off_before_its_answer_is_answered_as_the_first_time(
    house: House, bot: Bot, camille: Phone
) -> None:
    """The question, then words in its conversation, were taken to the staff, and the answers were not written down."""

    async def answered_twice() -> None:
        await fetch(house, bot)
        number, came = house.desk.execute("SELECT id, payload FROM inbox ORDER BY id DESC").fetchone()
        for _ in range(2):
            with house.desk.atomic():
                house.desk.execute("UPDATE inbox SET state = 'new', payload = ? WHERE id = ?", (came, number))
            async with clerk_at_work(house, bot):
                await settle(house)
            await deliver(house, bot)

    question = camille.send(f"/contact {QUESTION}")
    await answered_twice()
    camille.send("C'est urgent", reply_to=question)
    await answered_twice()
    asked, asked_again, added, added_again = said(camille)
    assert asked.startswith("Envoyé à l'équipe")
    assert added.startswith("Transmis à l'équipe")
    assert (asked_again, added_again) == (asked, added)
    assert len((await mails(house, bot))[TEAM]) == 2


async def test_an_edited_question_does_not_leave_twice(house: House, bot: Bot, camille: Phone) -> None:
    question = camille.send(f"/contact {QUESTION}")
    await answer(house, bot)
    camille.edit(question, f"/contact {QUESTION} Vite.")
    await answer(house, bot)
    assert len((await mails(house, bot))[TEAM]) == 1
    assert "déjà parti" in said(camille)[-1]


# The end


async def test_clore_tells_the_staff_and_an_answer_opens_it_again(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    camille.send("/clore")
    await answer(house, bot)
    after = await mails(house, bot)
    assert "Camille Martin a clos cette conversation." in body(after[TEAM][-1])
    assert threads.open_contacts(house.desk, TECHNICAL) == []
    answer_mail(house, found[TEAM], "Trop tard ?", frm=TEAM)
    await mails(house, bot)
    assert "Trop tard ?" in said(camille)[-1]
    assert "rouverte" in said(camille)[-1]
    assert len(threads.open_contacts(house.desk, TECHNICAL)) == 1


async def test_the_staff_ends_it_by_mail(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "/clore", frm=TEAM)
    after = await mails(house, bot)
    assert "a clos cette conversation" in said(camille)[-1]
    assert "close" in body(after[TEAM][-1])
    assert threads.open_contacts(house.desk, TECHNICAL) == []


async def test_of_several_it_asks_which_one(house: House, bot: Bot, camille: Phone) -> None:
    await asked(house, bot, camille)
    await asked(house, bot, camille, "/contact Une autre question")
    camille.send("/clore")
    await answer(house, bot)
    assert said(camille)[-1].startswith("2 conversations : laquelle clore ?")
    camille.press(camille.messages[-1], next(label for label in labels(camille) if label.startswith("Clore n°")))
    await answer(house, bot)
    assert len(threads.open_contacts(house.desk, TECHNICAL)) == 1


def labels(phone: Phone) -> list[str]:
    return [button.label for row in phone.messages[-1].buttons for button in row]


# By mail


async def test_the_accountant_asks_by_mail_and_is_answered_by_mail(house: House, bot: Bot, camille: Phone) -> None:
    write(house, "Bonjour,\n\n/contact Il manque la facture\nde Durand.\n", frm="compta@telecom.example")
    found = await mails(house, bot)
    assert "Il manque la facture" in body(found[TEAM][0])
    assert "de Durand." in body(found[TEAM][0])
    assert "Envoyé à l'équipe" in body(found["compta@telecom.example"][0])
    answer_mail(house, found[TEAM][0], "Je la renvoie.", frm=TEAM, number=2)
    after = await mails(house, bot)
    assert "Je la renvoie." in body(after["compta@telecom.example"][-1])
    assert said(camille) == []


# Notices


def notice(house: House, *person_ids: str) -> dict[str, EmailMessage]:
    """A notice in the chat of the technical contact and in mailboxes."""
    with house.desk.atomic():
        thread = threads.open_thread(house.desk, "notice", "lines:2026-11-25", "1 changement de ligne")
        for person_id in person_ids:
            contact = house.people.by_id(person_id)
            assert contact
            letter = Letter(contact.email, "Avis", (Answer("Ligne"),), person_id=person_id, thread=thread.id)
            house.write_letter(letter)
        house.own.write_chat(CAMILLE, [Answer("1 changement de ligne")], thread=thread.id)
    return {}


async def test_a_staff_reply_to_a_notice_comes_under_it_in_the_chat(house: House, bot: Bot, camille: Phone) -> None:
    notice(house, f"equipe:{TEAM}")
    found = (await mails(house, bot))[TEAM][0]
    answer_mail(house, found, "C'est normal, le client a changé de carte.", frm=TEAM)
    await mails(house, bot)
    assert "C'est normal" in said(camille)[-1]
    assert camille.messages[-1].reply_to == camille.messages[0].message_id
    camille.send("Merci, noté", reply_to=camille.messages[-1])
    await answer(house, bot)
    assert "Merci, noté" in body((await mails(house, bot))[TEAM][-1])


async def test_a_question_that_answers_a_notice_is_for_the_bot(house: House, bot: Bot, camille: Phone) -> None:
    notice(house, f"equipe:{TEAM}")
    found = (await mails(house, bot))[TEAM][0]
    answer_mail(house, found, f"status {NUMBER}", frm=TEAM)
    after = await mails(house, bot)
    assert "06 39 98 00 01 : active" in body(after[TEAM][-1])
    assert said(camille) == ["1 changement de ligne"]


async def test_the_accountants_words_about_a_notice_are_passed_on_and_told_so(
    house: House, bot: Bot, camille: Phone
) -> None:
    notice(house, ACCOUNTING)
    found = (await mails(house, bot))["compta@telecom.example"][0]
    answer_mail(house, found, "Le montant de Durand me surprend.", frm="compta@telecom.example")
    after = await mails(house, bot)
    assert "Le montant de Durand me surprend." in said(camille)[-1]
    assert "a été transmis à Camille Martin" in words_of(after["compta@telecom.example"][-1])


async def test_words_under_a_notice_in_the_chat_go_to_the_staff(house: House, bot: Bot, camille: Phone) -> None:
    notice(house, TECHNICAL)
    await mails(house, bot)
    camille.send("Qui a demandé cette suspension ?", reply_to=camille.messages[-1])
    await answer(house, bot)
    after = await mails(house, bot)
    assert "Qui a demandé cette suspension ?" in body(after[TEAM][-1])
    assert "1 changement de ligne" in str(after[TEAM][-1]["Subject"])


async def test_a_colleague_answers_what_was_forwarded_to_him(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Je reprends le sujet.", frm=DOMINIQUE)
    after = await mails(house, bot)
    assert said(camille)[-1].startswith(f"💬 Équipe · {DOMINIQUE}\nJe reprends le sujet.")
    assert "Je reprends le sujet." in body(after[TEAM][-1])
    assert len(after[DOMINIQUE]) == 1


async def test_a_reply_is_for_the_staff_even_amid_a_dialog(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Quel SIRET ?", frm=TEAM)
    await mails(house, bot)
    shown = camille.messages[-1]
    camille.send("/profil siret")
    await answer(house, bot)
    camille.send("123 456 782 00010", reply_to=shown)
    await answer(house, bot)
    assert "123 456 782 00010" in body((await mails(house, bot))[TEAM][-1])


async def test_a_file_after_the_button_goes_to_the_staff(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    answer_mail(house, found[TEAM], "Une photo ?", frm=TEAM)
    await mails(house, bot)
    camille.press(camille.messages[-1], "Répondre")
    await answer(house, bot)
    camille.send_photo(pictures.logo())
    await answer(house, bot)
    (file,) = (await mails(house, bot))[TEAM][-1].iter_attachments()
    assert file.get_content_type() == "image/jpeg"


async def test_a_question_of_a_group_that_moved_is_answered_there(house: House, bot: Bot, camille: Phone) -> None:
    with house.desk.atomic():
        thread = threads.open_thread(
            house.desk, "contact", "contact:chat:-100", "Question", chat_id=-100, question_id=7
        )
        threads.add_message(house.desk, thread.id, -100, 7)
    follow(house, -100, -1001)
    moved = threads.by_id(house.desk, thread.id)
    assert moved
    assert (moved.chat_id, moved.question_id) == (-1001, 0)
    assert threads.messages_of(house.desk, thread.id) == []


# Nothing lost, nothing twice, no code


async def test_a_puk_that_the_bot_knows_does_not_leave_unnamed(house: House, bot: Bot, camille: Phone) -> None:
    (card,) = house.context.telecom.execute("SELECT iccid FROM sims WHERE puk != '' LIMIT 1").fetchone()
    codes = sims.codes(house.context.telecom, card, house.context.vault)
    assert codes
    puk = codes.puk
    found = await asked(house, bot, camille, f"/contact Voici : {puk[:4]} {puk[4:]}, et le dossier 20261124")
    for written in (found[TEAM].as_string(), str(found[TEAM]["Subject"]), words_of(found[TEAM])):
        assert puk not in written.replace(" ", "")
    assert "le dossier 20261124" in words_of(found[TEAM])


async def test_what_the_staff_wrote_goes_by_mail_where_the_chat_is_lost(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    camille.block_bot()
    back = with_file(found[TEAM], "Je m'en occupe ce soir.", "carte.pdf", b"%PDF-1.4")
    house.inbox.add("mail", "INBOX/1/1", f"mail:{TEAM}", back, "<file@poste.example>")
    await mails(house, bot)
    to_camille = (await mails(house, bot))["technique@telecom.example"]
    shown = next(mail for mail in to_camille if "Je m'en occupe ce soir." in body(mail))
    assert [part.get_content() for part in shown.iter_attachments()] == [b"%PDF-1.4"]
    answer_mail(house, shown, "Merci, à demain.", frm="technique@telecom.example", number=7)
    assert "Merci, à demain." in body((await mails(house, bot))[TEAM][-1])


def with_file(mail: EmailMessage, text: str, name: str, content: bytes) -> bytes:
    """An answer to a mail of ours, with a file."""
    back = EmailMessage(policy=default)
    back["Authentication-Results"] = VOUCHED.partition(": ")[2]
    back["From"], back["To"], back["Subject"] = TEAM, str(mail["Reply-To"]), f"Re: {mail['Subject']}"
    back["Message-ID"], back["In-Reply-To"] = "<file@poste.example>", str(mail["Message-ID"])
    back.set_content(text)
    back.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return back.as_bytes()


async def test_many_messages_in_a_row_leave_as_one_mail(house: House, bot: Bot, camille: Phone) -> None:
    await asked(house, bot, camille)
    for number in range(6):
        camille.send(f"Ligne {number}", reply_to=camille.messages[0])
        await answer(house, bot)
    before = (await mails(house, bot))[TEAM]
    assert not house.own.bridge.post_held()
    assert said(camille)[-1].startswith("Transmis à l'équipe.\nIl partira dans la minute")
    house.desk.execute("UPDATE outbox SET created_at = created_at - 61")
    assert house.own.bridge.post_held()
    after = (await mails(house, bot))[TEAM]
    assert len(after) == len(before) + 1
    assert ["Ligne 3" in body(after[-1]), "Ligne 4" in body(after[-1]), "Ligne 5" in body(after[-1])] == [True] * 3
    assert all(sum(f"Ligne {number}" in body(mail) for mail in after) == 1 for number in range(6))
    assert not house.own.bridge.post_held()


async def test_files_that_find_no_room_in_one_mail_follow_in_the_next(house: House, bot: Bot, camille: Phone) -> None:
    for writer in (house.own, house.own.bridge):
        writer._settings = house.settings.model_copy(update={"mail_max_mb": 1})
    found = await asked(house, bot, camille)
    # Half of it is for files, which weigh a third more on their way.
    heavy, room = b"\0" * 400_000, b"\1" * 300_000
    back = with_file(found[TEAM], "Trois pièces.", "trop.bin", heavy)
    message = message_from_bytes(back, policy=default)
    assert isinstance(message, EmailMessage)
    for name in ("une.bin", "deux.bin"):
        message.add_attachment(room, maintype="application", subtype="octet-stream", filename=name)
    house.inbox.add("mail", "INBOX/1/1", f"mail:{TEAM}", message.as_bytes(), "<file@poste.example>")
    copies = (await mails(house, bot))[DOMINIQUE][1:]
    assert [[part.get_filename() for part in copy.iter_attachments()] for copy in copies] == [["une.bin"], ["deux.bin"]]
    assert "trop.bin" in body(copies[0])
    assert "trop lourde" in body(copies[0])
    in_chat = [shown.document.name for shown in camille.messages if shown.document]
    assert in_chat == ["trop.bin", "une.bin", "deux.bin"]


async def test_who_answers_from_another_address_is_not_sent_his_own_words(
    house: House, bot: Bot, camille: Phone
) -> None:
    found = await asked(house, bot, camille)
    headers = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=perso.example"
    answer_mail(house, found[TEAM], "Depuis chez moi.", frm="dominique@perso.example", headers=headers)
    after = await mails(house, bot)
    assert [len(after[to]) for to in (TEAM, DOMINIQUE)] == [1, 2]
    assert "non vérifié" in body(after[DOMINIQUE][-1])


async def test_our_own_mail_that_a_list_sends_back_goes_nowhere(house: House, bot: Bot, camille: Phone) -> None:
    found = await asked(house, bot, camille)
    before = len(camille.messages)
    house.inbox.add("mail", "INBOX/1/1", f"mail:{TEAM}", found[TEAM].as_bytes(), str(found[TEAM]["Message-ID"]))
    after = await mails(house, bot)
    assert len(camille.messages) == before
    assert [len(after[to]) for to in (TEAM, DOMINIQUE)] == [1, 1]


async def test_a_mailbox_with_two_roles_gets_one_mail_and_its_answer_arrives(
    house: House, bot: Bot, camille: Phone
) -> None:
    both = house.settings.model_copy(update={"staff_emails": ("compta@telecom.example", "robot@telecom.example")})
    house.people.follow(both)
    found = await asked(house, bot, camille)
    assert set(found) == {"compta@telecom.example"}
    answer_mail(house, found["compta@telecom.example"], "C'est fait.", frm="compta@telecom.example")
    after = await mails(house, bot)
    assert "C'est fait." in said(camille)[-1]
    assert len(after["compta@telecom.example"]) == 1


async def test_a_voice_is_not_passed_on_and_it_is_said(house: House, bot: Bot, camille: Phone) -> None:
    await asked(house, bot, camille)
    under = camille.messages[-1].message_id
    update = {
        "update_id": 900,
        "message": {
            "message_id": 90,
            "date": 0,
            "chat": {"id": CAMILLE, "type": "private"},
            "from": {"id": CAMILLE},
            "voice": {"file_id": "invented", "duration": 3},
            "reply_to_message": {"message_id": under, "from": {"id": bot.id}},
        },
    }
    house.inbox.add("chat", "900", f"chat:{CAMILLE}", json.dumps(update).encode())
    assert len((await mails(house, bot))[TEAM]) == 1
    assert said(camille)[-1].startswith("Rien n'est parti.")


# In other words, from other places


async def test_contact_under_a_message_of_a_conversation_goes_on_with_it(
    house: House, bot: Bot, camille: Phone
) -> None:
    await asked(house, bot, camille)
    camille.send("/contact C'est urgent", reply_to=camille.messages[-1])
    await answer(house, bot)
    assert len(threads.open_contacts(house.desk, TECHNICAL)) == 1
    assert "C'est urgent" in body((await mails(house, bot))[TEAM][-1])


async def test_words_after_the_end_open_it_again_and_the_staff_is_told(house: House, bot: Bot, camille: Phone) -> None:
    await asked(house, bot, camille)
    camille.send("/clore")
    await answer(house, bot)
    camille.send("Encore un mot", reply_to=camille.messages[0])
    await answer(house, bot)
    last = body((await mails(house, bot))[TEAM][-1])
    assert "Encore un mot" in last
    assert "rouverte" in last


async def test_a_notice_is_quoted_for_the_staff_who_did_not_get_it(house: House, bot: Bot, camille: Phone) -> None:
    notice(house, TECHNICAL)
    await mails(house, bot)
    for words in ("Qui a demandé cette suspension ?", "Personne ?"):
        camille.send(words, reply_to=camille.messages[0])
        await answer(house, bot)
    first, second = (await mails(house, bot))[TEAM]
    assert "À propos de l'avis : 1 changement de ligne" in body(first)
    assert "À propos de l'avis" not in body(second)


async def test_a_question_by_mail_is_one_conversation_in_that_mailbox(house: House, bot: Bot, camille: Phone) -> None:
    accountant = "compta@telecom.example"
    write(house, "/contact Il manque une facture", frm=accountant)
    confirmed = (await mails(house, bot))[accountant][0]
    answer_mail(house, confirmed, "Celle de Durand.", frm=accountant, number=2)
    question = (await mails(house, bot))[TEAM]
    assert "Celle de Durand." in body(question[-1])
    answer_mail(house, question[-1], "Je la renvoie.", frm=TEAM, number=3)
    mine = (await mails(house, bot))[accountant]
    assert [mail["In-Reply-To"] for mail in mine] == ["<question@poste.example>", "<2@poste.example>"]
    assert "Je la renvoie." in body(mine[-1])
    assert "Camille" not in "".join(map(body, mine))
    assert said(camille) == []


async def test_a_question_of_a_group_is_answered_in_it_without_codes(
    house: House, bot: Bot, camille: Phone, api: BotApi
) -> None:
    there = camille.in_group(api.group(-100500, "Chantier"))
    question = there.send("/contact Quel est le RIO ?")
    await answer(house, bot)
    found = {to: sent[-1] for to, sent in (await mails(house, bot)).items()}
    answer_mail(house, found[TEAM], f"C'est {RIO}.", frm=TEAM)
    await mails(house, bot)
    shown = there.messages[-1]
    assert shown.text.startswith(f"💬 Équipe · {TEAM}\nC'est •••.")
    assert shown.reply_to == question.message_id
    there.press(shown, "Répondre")
    await answer(house, bot)
    assert "en réponse à ce message" in there.messages[-1].text
    there.send("Merci bien", reply_to=there.messages[-1])
    await answer(house, bot)
    assert "Merci bien" in body((await mails(house, bot))[TEAM][-1])
    assert said(camille) == []


async def test_a_group_that_put_the_bot_out_loses_no_answer(
    house: House, bot: Bot, camille: Phone, api: BotApi
) -> None:
    there = camille.in_group(api.group(-100500, "Chantier"))
    there.send("/contact Qui suit Durand ?")
    await answer(house, bot)
    found = (await mails(house, bot))[TEAM][0]
    there.block_bot()
    answer_mail(house, found, "Dominique.", frm=TEAM)
    await mails(house, bot)
    assert "Dominique." in body((await mails(house, bot))["technique@telecom.example"][-1])

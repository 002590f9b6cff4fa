"""Questions by mail: who may ask, what is understood, what is answered; from the inbox to the outbox."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk import threads
from bot.desk.people import ACCOUNTING, TECHNICAL
from bot.house import House, open_house
from bot.mail.letter import Letter
from bot.mail.questions import is_courtesy
from bot.mail.reading import read
from bot.sandbox import pictures
from bot.sandbox.botapi import BotApi, Phone
from core.settings import Settings
from handlers.answer import Answer
from tests.bot.talking import (
    NUMBER,
    TRUSTED,
    VOUCHED,
    answer,
    body,
    clerk_at_work,
    deliver,
    replies,
    said,
    with_ftp,
    words_of,
    write,
)
from tests.handlers.filled import settings
from tests.peers.ftp import FtpPeer

RIO = "01E4K7P2QEM3"
OF_STRANGER = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=dupont.example"
FORGED = f"Authentication-Results: {TRUSTED}; dmarc=fail header.from=telecom.example"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(
        tmp_path / "data",
        telegram_api=api.url,
        mail_trusted_server=TRUSTED,
        staff_emails="equipe@telecom.example, dominique@telecom.example",
    )


@contextmanager
def closing_house(configured: Settings) -> Iterator[House]:
    house = open_house(configured)
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


def token_of(message: EmailMessage) -> str:
    """The secret part of its Reply-To."""
    found = re.fullmatch(r"robot\+(\w+)@telecom\.example", str(message["Reply-To"]))
    assert found
    return found[1]


def notice_to(house: House, person_id: str, key: str = "lines:2026-11-25") -> tuple[str, str]:
    """A notice of ours in this person's mailbox: its Message-ID and the address to answer to."""
    contact = house.people.by_id(person_id)
    assert contact
    with house.desk.atomic():
        thread = threads.open_thread(house.desk, "notice", key, "Avis")
        house.write_letter(Letter(contact.email, "Avis", (Answer("T"),), person_id=person_id, thread=thread.id))
        token = threads.member(house.desk, thread.id, person_id).token
    (message_id,) = house.desk.execute("SELECT message_id FROM outbox ORDER BY id DESC").fetchone()
    return str(message_id), f"robot+{token}@telecom.example"


def said_by_mail(house: House) -> int:
    return int(house.desk.execute("SELECT count(*) FROM outbox WHERE channel = 'mail'").fetchone()[0])


def audit(house: House) -> list[tuple[str, str, str, str]]:
    return list(house.desk.execute("SELECT person, door, command, outcome FROM audit ORDER BY id"))


async def test_a_verified_mail_is_answered_in_its_thread(house: House, bot: Bot) -> None:
    write(house, headers=f"{VOUCHED}\r\nReferences: <older@poste.example>\r\nIn-Reply-To: <older@poste.example>")
    (reply,) = await replies(house, bot)
    assert reply["To"] == "technique@telecom.example"
    assert reply["Subject"] == "Re: Une question"
    assert reply["In-Reply-To"] == "<question@poste.example>"
    assert reply["References"].split() == ["<older@poste.example>", "<question@poste.example>"]
    assert body(reply).startswith("Bonjour Camille Martin,")
    assert "06 39 98 00 01 : active" in body(reply)


async def test_a_question_in_the_subject_is_answered(house: House, bot: Bot) -> None:
    write(house, "", subject=f"status {NUMBER}")
    (reply,) = await replies(house, bot)
    assert "06 39 98 00 01 : active" in body(reply)


async def test_a_subject_that_is_already_a_reply_is_kept(house: House, bot: Bot) -> None:
    write(house, subject="Re: Une question")
    (reply,) = await replies(house, bot)
    assert reply["Subject"] == "Re: Une question"


async def test_several_questions_are_answered_in_one_mail(house: House, bot: Bot) -> None:
    write(house, f"Bonjour,\nstatus {NUMBER}\nconso Dupont octobre\n0639980002")
    (reply,) = await replies(house, bot)
    told = body(reply)
    assert told.index("00 01 : active") < told.index("conso d'octobre 2026") < told.index("00 02 : suspendue")
    assert [row[2:] for row in audit(house)] == [("status", "answered"), ("conso", "answered"), ("status", "answered")]


async def test_the_same_question_twice_is_answered_once(house: House, bot: Bot) -> None:
    write(house, f"status {NUMBER}\nstatus {NUMBER}")
    (reply,) = await replies(house, bot)
    assert body(reply).count("06 39 98 00 01 : active") == 1


async def test_more_than_ten_questions_are_cut_and_said_so(house: House, bot: Bot) -> None:
    write(house, "\n".join(f"status 06399800{number:02}" for number in range(1, 15)))
    (reply,) = await replies(house, bot)
    assert "Seules les 10 premières questions ont été traitées." in body(reply)
    assert len(audit(house)) == 10


async def test_a_quoted_question_does_not_run(house: House, bot: Bot) -> None:
    write(house, f"status {NUMBER}\n\nLe 24/11/2026 à 10:05, Robot a écrit :\n> status 0639980002\n")
    (reply,) = await replies(house, bot)
    assert "00 02" not in body(reply)
    assert len(audit(house)) == 1


async def test_a_mail_without_a_question_is_told_how_to_ask(house: House, bot: Bot) -> None:
    write(house, "Bonjour, comment allez-vous ?")
    (reply,) = await replies(house, bot)
    assert "Je n'ai reconnu aucune question" in body(reply)
    assert "rio" not in body(reply)
    assert audit(house) == [(TECHNICAL, "mail", "", "not understood")]


async def test_a_stranger_gets_one_polite_refusal_a_day(house: House, bot: Bot) -> None:
    for number in range(3):
        write(
            house,
            frm="inconnu@dupont.example",
            headers=OF_STRANGER,
            key=f"INBOX/1/{number}",
            message_id=f"<{number}@dupont.example>",
        )
    (reply,) = await replies(house, bot)
    assert reply["To"] == "inconnu@dupont.example"
    assert "Cette adresse est celle d'un robot." in body(reply)
    assert "active" not in body(reply)


async def test_all_strangers_together_get_few_refusals_a_day(house: House, bot: Bot) -> None:
    for number in range(25):
        write(
            house,
            frm=f"i{number}@dupont.example",
            headers=OF_STRANGER,
            key=f"INBOX/1/{number}",
            message_id=f"<{number}@dupont.example>",
        )
    assert len(await replies(house, bot)) == 20


@pytest.mark.parametrize("headers", [f"{OF_STRANGER}\r\nAuto-Submitted: auto-generated", FORGED])
async def test_a_robot_and_a_forged_stranger_get_nothing(house: House, bot: Bot, headers: str) -> None:
    write(house, frm="inconnu@dupont.example", headers=headers)
    assert await replies(house, bot) == []


async def test_a_stranger_who_did_not_write_to_the_robot_itself_gets_nothing(house: House, bot: Bot) -> None:
    write(house, frm="inconnu@dupont.example", to="tous@telecom.example", headers=OF_STRANGER)
    assert await replies(house, bot) == []


async def test_a_forged_sender_gets_nothing_and_the_chat_is_told_once(house: House, bot: Bot, camille: Phone) -> None:
    write(house, frm="compta@telecom.example", headers=FORGED)
    write(house, frm="compta@telecom.example", headers=FORGED, key="INBOX/1/2", message_id="<2@poste.example>")
    assert await replies(house, bot) == []
    assert audit(house) == [(ACCOUNTING, "mail", "", "forged")] * 2
    await deliver(house, bot)
    (told,) = said(camille)
    assert "Un courriel au nom de compta@telecom.example a été refusé" in told


async def test_a_failed_verdict_refuses_even_with_a_right_secret(house: House, bot: Bot) -> None:
    ours, address = notice_to(house, TECHNICAL)
    write(house, headers=f"{FORGED}\r\nIn-Reply-To: {ours}", to=address)
    assert len(await replies(house, bot)) == 1  # the notice
    assert audit(house) == [(TECHNICAL, "mail", "", "forged")]


async def test_a_sender_whom_nobody_vouches_for_runs_nothing_and_is_told(house: House, bot: Bot) -> None:
    write(house, headers="X-Nothing: 1")
    (reply,) = await replies(house, bot)
    assert "rien n'a été exécuté" in words_of(reply)
    assert "active" not in body(reply)


async def test_a_verdict_of_another_server_runs_nothing(house: House, bot: Bot) -> None:
    write(house, headers=VOUCHED.replace(TRUSTED, "mx.evil.example"))
    (reply,) = await replies(house, bot)
    assert "rien n'a été exécuté" in words_of(reply)


@pytest.mark.parametrize(
    "text", [f"puk {NUMBER}", f"Pouvez-vous me donner le PUK du {NUMBER} ?", f"rio {RIO} {NUMBER}"]
)
async def test_a_sensitive_question_is_confirmed_in_the_chat_and_answered_there(
    house: House, bot: Bot, camille: Phone, text: str
) -> None:
    write(house, text)
    (reply,) = await replies(house, bot)
    assert "à confirmer dans Telegram" in body(reply)
    assert RIO not in reply.as_string()
    await deliver(house, bot)
    (asked,) = camille.messages
    assert asked.text.startswith("Demandé par courriel :")
    assert RIO not in asked.text
    camille.press(asked, "C'est bien moi, répondre ici")
    await answer(house, bot)
    (answered,) = [message for message in camille.messages if not message.deleted]
    assert re.search(r"Code PUK :|✅ RIO correct", answered.text)
    assert len(await replies(house, bot)) == 1


async def test_a_sensitive_question_of_who_has_no_chat_is_refused(house: House, bot: Bot) -> None:
    write(house, f"rio {RIO} {NUMBER}")
    (reply,) = await replies(house, bot)
    assert "aucun chat n'est relié à votre nom" in words_of(reply)
    assert RIO not in reply.as_string()
    assert audit(house) == [(TECHNICAL, "mail", "rio", "refused")]


async def test_a_sensitive_question_of_another_role_is_refused(house: House, bot: Bot, camille: Phone) -> None:
    write(house, f"puk {NUMBER}", frm="compta@telecom.example")
    (reply,) = await replies(house, bot)
    assert "n'est pas ouverte à votre rôle" in body(reply)
    await deliver(house, bot)
    assert said(camille) == []


@pytest.mark.parametrize(
    "subject", [f"rio check {RIO} {NUMBER}", f"Re: rio {RIO}", f"Portage : le RIO est {RIO}, merci", RIO, f"RE: {RIO}"]
)
async def test_a_code_in_a_subject_is_not_repeated(house: House, bot: Bot, subject: str) -> None:
    write(house, subject=subject)
    (reply,) = await replies(house, bot)
    assert RIO not in reply["Subject"]
    assert RIO not in repr(list(house.desk.execute("SELECT subject FROM outbox")))


async def test_a_role_that_lacks_the_command_is_refused_by_mail(house: House, bot: Bot) -> None:
    write(house, "upload logo", frm="compta@telecom.example")
    (reply,) = await replies(house, bot)
    assert "n'est pas ouverte à votre rôle" in body(reply)


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <x.example>", "X-Auto-Response-Suppress: All"],
)
async def test_an_automatic_mail_is_never_answered(house: House, bot: Bot, header: str) -> None:
    write(house, headers=f"{VOUCHED}\r\n{header}")
    assert await replies(house, bot) == []


async def test_the_robots_own_mail_is_never_answered(house: House, bot: Bot, configured: Settings) -> None:
    own = open_house(settings(configured.data, staff_emails="robot@telecom.example", mail_trusted_server=TRUSTED))
    write(own, frm="robot@telecom.example")
    assert await replies(own, bot) == []
    own.desk.close()
    own.context.telecom.close()


async def test_a_mail_that_is_days_old_is_left_alone(house: House, bot: Bot) -> None:
    write(house, age=4 * 24 * 3600)
    assert await replies(house, bot) == []


async def test_a_mail_that_was_moved_is_answered_once(house: House, bot: Bot) -> None:
    write(house)
    assert len(await replies(house, bot)) == 1
    write(house, key="INBOX/2/1")
    assert len(await replies(house, bot)) == 1


async def test_a_mail_that_nobody_can_read_does_not_block_the_next(house: House, bot: Bot) -> None:
    house.inbox.add("mail", "INBOX/1/0", "mail", b"\r\n")
    write(house)
    report, reply = await replies(house, bot)
    assert "n'a pas pu être traité" in words_of(report)
    assert "06 39 98 00 01 : active" in body(reply)
    assert house.desk.execute("SELECT state FROM inbox ORDER BY id").fetchall() == [("failed",), ("done",)]


@pytest.mark.parametrize(("subject", "text"), [("upload logo", "Voici."), ("Images", "Bonjour, voici notre logo.")])
async def test_a_mail_with_the_logo_puts_it_on_the_ftp_once_a_reply_says_so(
    bot: Bot, configured: Settings, embedded_ftp: FtpPeer, subject: str, text: str
) -> None:
    message = EmailMessage(policy=default)
    message["Authentication-Results"] = VOUCHED.partition(": ")[2]
    message["From"] = "technique@telecom.example"
    message["Subject"] = subject
    message["Message-ID"] = "<logo@poste.example>"
    message.set_content(text)
    message.add_attachment(pictures.logo(), maintype="image", subtype="png", filename="image été.png")
    peer = with_ftp(configured, embedded_ftp).model_copy(update={"mail_trusted_server": TRUSTED})
    placed = embedded_ftp.root / "Personnalisation/logo.png"
    with closing_house(peer) as there:
        there.inbox.add("mail", "INBOX/1/1", "mail", message.as_bytes())
        (reply,) = await replies(there, bot, seconds=30)
        assert "✅ Logo conforme" in body(reply)
        assert not placed.exists()
        line = re.search(r"upload accepter \w+", body(reply))
        assert line
        write(there, line[0], key="INBOX/1/2", message_id="<oui@poste.example>", subject=str(reply["Subject"]))
        *_, done = await replies(there, bot, seconds=30)
        assert "✅ Logo déposé" in body(done)
    assert placed.read_bytes() == pictures.logo()


# Mail without a server that vouches


@pytest.fixture
def unvouched(configured: Settings, house: House) -> Iterator[House]:
    there = open_house(settings(configured.data, mail_trusted_server=""))
    yield there
    there.desk.close()
    there.context.telecom.close()


def our_mail_to(house: House, address: str) -> str:
    house.write_letter(Letter(address, "Avis", (Answer("T"),)))
    (message_id,) = house.desk.execute("SELECT message_id FROM outbox ORDER BY id DESC").fetchone()
    house.desk.execute("UPDATE outbox SET state = 'sent', payload = x'' ")
    return str(message_id)


async def test_the_secret_of_a_thread_runs_for_its_own_person(unvouched: House, bot: Bot) -> None:
    _, address = notice_to(unvouched, TECHNICAL)
    write(unvouched, headers="X-Nothing: 1", to=address.upper())
    *_, reply = await replies(unvouched, bot)
    assert "06 39 98 00 01 : active" in body(reply)


async def test_the_secret_of_another_runs_nothing(unvouched: House, bot: Bot) -> None:
    _, address = notice_to(unvouched, ACCOUNTING)
    write(unvouched, headers="X-Nothing: 1", to=address)
    await replies(unvouched, bot)
    assert audit(unvouched) == [(TECHNICAL, "mail", "", "unverified")]


async def test_a_reply_to_our_own_mail_runs(unvouched: House, bot: Bot) -> None:
    ours = our_mail_to(unvouched, "technique@telecom.example")
    write(unvouched, headers=f"In-Reply-To: {ours}", subject="Re: Avis")
    *_, reply = await replies(unvouched, bot)
    assert "06 39 98 00 01 : active" in body(reply)


async def test_a_new_mail_runs_nothing_even_with_a_verdict(unvouched: House, bot: Bot) -> None:
    write(unvouched)
    (reply,) = await replies(unvouched, bot)
    assert "rien n'a été exécuté" in words_of(reply)


async def test_a_reply_to_a_mail_that_another_received_runs_nothing(unvouched: House, bot: Bot) -> None:
    ours = our_mail_to(unvouched, "compta@telecom.example")
    write(unvouched, headers=f"In-Reply-To: {ours}", subject="Re: Avis")
    *_, reply = await replies(unvouched, bot)
    assert "rien n'a été exécuté" in words_of(reply)


async def test_a_reply_to_a_mail_that_was_never_sent_runs_nothing(unvouched: House, bot: Bot) -> None:
    write(unvouched, headers="In-Reply-To: <0123456789abcdef0123456789abcdef@telecom.example>", subject="Re: Avis")
    (reply,) = await replies(unvouched, bot)
    assert "rien n'a été exécuté" in words_of(reply)


# What is understood


async def test_an_answer_s_own_answer_comes_back_to_a_secret_of_its_thread(house: House, bot: Bot) -> None:
    write(house)
    (reply,) = await replies(house, bot)
    write(
        house, "0639980002", key="INBOX/1/2", message_id="<2@poste.example>", subject="Re: Une question",
        to=str(reply["Reply-To"]), headers=f"{VOUCHED}\r\nIn-Reply-To: {reply['Message-ID']}",
    )  # fmt: skip
    _, second = await replies(house, bot)
    assert token_of(second) == token_of(reply)
    assert second["In-Reply-To"] == "<2@poste.example>"
    assert "06 39 98 00 02" in body(second)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Bonjour,\n\nPouvez-vous m'envoyer la conso de\nDupont en octobre 2026 ?\n\nMerci", "conso d'octobre 2026"),
        ("Bonjour, quel est l'état de la ligne 06 39 98 00 01 ?", "06 39 98 00 01 : active"),
        ("Merci de me renvoyer les factures de Dupont.", "Dupont BTP"),
        ("/status 0639980001", "06 39 98 00 01 : active"),
        ("Status : 0639980001", "06 39 98 00 01 : active"),
    ],
)
async def test_a_plain_sentence_is_understood(house: House, bot: Bot, text: str, told: str) -> None:
    write(house, text, frm="compta@telecom.example" if "status" not in text.lower() else "technique@telecom.example")
    (reply,) = await replies(house, bot)
    assert told in body(reply)
    assert "pas compris" not in body(reply)
    assert "aucune question" not in body(reply)


@pytest.mark.parametrize(
    "text", ["Merci !", "Bien reçu, bonne journée.", "Bonjour,\n\nParfait, merci beaucoup.\n\nCordialement"]
)
async def test_mere_thanks_are_not_answered(house: House, bot: Bot, text: str) -> None:
    write(house, text, subject="Re: Une question")
    assert await replies(house, bot) == []


@pytest.mark.parametrize(
    "text",
    [
        "Factures bien arrivées chez nous ce matin.",
        "Durée de l'engagement à revoir avec le client la semaine prochaine.",
        "Contact pris avec le client, il rappelle demain.",
    ],
)
async def test_a_sentence_that_begins_like_a_command_runs_nothing(house: House, bot: Bot, text: str) -> None:
    write(house, text)
    (reply,) = await replies(house, bot)
    assert "Je n'ai reconnu aucune question" in body(reply)
    assert text[:40] in words_of(reply)
    assert {outcome for *_, outcome in audit(house)} == {"not understood"}


async def test_what_was_not_understood_is_told_beside_what_was(house: House, bot: Bot) -> None:
    write(house, f"Bonjour,\n\nstatus {NUMBER}\n\nEt où en est le portage de Durand ?\n\nMerci")
    (reply,) = await replies(house, bot)
    assert "06 39 98 00 01 : active" in body(reply)
    assert "Ce que je n'ai pas compris" in body(reply)
    assert "Et où en est le portage de Durand ?" in body(reply)
    assert "Merci »" not in body(reply)


async def test_a_reply_that_is_all_quote_is_told_so(house: House, bot: Bot) -> None:
    write(house, f"Le 24/11/2026 à 10:05, Robot a écrit :\n> status {NUMBER}\n", subject="Re: Avis")
    (reply,) = await replies(house, bot)
    assert "que du texte cité" in body(reply)
    assert "active" not in body(reply)


async def test_who_is_not_understood_twice_in_a_thread_is_shown_to_the_technical_contact(
    house: House, bot: Bot, camille: Phone
) -> None:
    ours, address = notice_to(house, ACCOUNTING, "mail:x")
    house.desk.execute("UPDATE threads SET kind = 'mail'")
    for number in range(4):
        write(
            house, "Il manque quelque chose pour Durand", frm="compta@telecom.example", key=f"INBOX/1/{number}",
            message_id=f"<{number}@poste.example>", subject="Re: Avis", to=address,
            headers=f"{VOUCHED}\r\nIn-Reply-To: {ours}",
        )  # fmt: skip
    _, reply = await replies(house, bot)  # the first is our notice
    assert "Je n'ai reconnu aucune question" in body(reply)
    await deliver(house, bot)
    (told,) = said(camille)
    assert told.startswith("compta@telecom.example m'écrit, et je ne comprends pas")
    assert "Il manque quelque chose pour Durand" in told


async def test_two_files_are_each_taken_for_what_they_are(house: House, bot: Bot) -> None:
    message = EmailMessage(policy=default)
    message["Authentication-Results"] = VOUCHED.partition(": ")[2]
    message["From"] = "technique@telecom.example"
    message["Subject"] = "Nos images"
    message["Message-ID"] = "<images@poste.example>"
    message.set_content("Bonjour, voici.")
    message.add_attachment(pictures.logo(), maintype="image", subtype="png", filename="logo.png")
    message.add_attachment(
        f"RIO;Numéro\r\n{RIO};{NUMBER}\r\n".encode(), maintype="text", subtype="csv", filename="liste.csv"
    )
    house.inbox.add("mail", "INBOX/1/1", "mail", message.as_bytes())
    (reply,) = await replies(house, bot, seconds=30)
    assert "✅ Logo conforme" in body(reply)
    assert "liste.csv : 1 RIO vérifié" in body(reply)
    assert [command for _, _, command, _ in audit(house)] == ["upload", "rio"]


# Rates and loops


async def test_who_writes_too_much_waits_and_loses_nothing(house: House, bot: Bot) -> None:
    now = house.context.now()
    for number in range(30):
        house.desk.execute("INSERT INTO senders VALUES ('technique@telecom.example', ?)", (now - number,))
    write(house)
    write(house, frm="compta@telecom.example", text="conso Dupont octobre", key="INBOX/1/2", message_id="<2@x.example>")
    async with clerk_at_work(house, bot):
        async with asyncio.timeout(10):
            while said_by_mail(house) < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert house.desk.execute("SELECT state, tries FROM inbox ORDER BY id").fetchall() == [("new", 0), ("done", 1)]
    house.desk.execute("DELETE FROM senders")
    assert len(await replies(house, bot)) == 2


async def test_our_own_mail_that_comes_back_under_another_name_is_left_alone(house: House, bot: Bot) -> None:
    ours, _ = notice_to(house, TECHNICAL)
    write(house, message_id=ours)
    assert len(await replies(house, bot)) == 1


async def test_a_robot_that_says_nothing_of_it_gets_one_answer(house: House, bot: Bot) -> None:
    """It answers each answer by the same words, as an original mail."""
    write(
        house, "Votre message a bien été enregistré par nos services.", subject="Accusé", message_id="<0@poste.example>"
    )
    for number in range(1, 4):
        found = await replies(house, bot)
        write(
            house, "Votre message a bien été enregistré par nos services.", subject="Re: Accusé",
            to=str(found[-1]["Reply-To"]), key=f"INBOX/2/{number}", message_id=f"<{number}@poste.example>",
            headers=f"{VOUCHED}\r\nIn-Reply-To: {found[-1]['Message-ID']}",
        )  # fmt: skip
    assert len(await replies(house, bot)) == 1


async def test_a_robot_that_begins_a_new_thread_each_time_gets_few_answers(house: House, bot: Bot) -> None:
    for number in range(9):
        write(
            house, "Votre demande est enregistrée.", subject=f"[Ticket {number}] Demande", key=f"INBOX/1/{number}",
            message_id=f"<{number}@poste.example>",
        )  # fmt: skip
    assert len(await replies(house, bot)) == 5


async def test_one_refusal_is_told_once(house: House, bot: Bot) -> None:
    write(house, f"puk {NUMBER}\npuk 0639980002", frm="compta@telecom.example")
    (reply,) = await replies(house, bot)
    assert words_of(reply).count("n'est pas ouverte à votre rôle") == 1


# Courtesy


@pytest.mark.parametrize(
    "line",
    [
        "Bonjour Camille,",
        "Bonjour à tous",
        "Merci beaucoup pour votre retour rapide.",
        "Bien reçu, merci et bonne journée !",
        "OK, c'est noté.",
        "Parfait, merci Camille",
        "Très bien, bon week-end",
        "Sincères salutations",
    ],
)
def test_what_only_greets_thanks_or_takes_leave_is_courtesy(line: str) -> None:
    assert is_courtesy(line)


@pytest.mark.parametrize(
    "line",
    [
        "Merci de résilier la ligne de Durand",
        "Merci de m'envoyer le Kbis.",
        "OK pour la suspension de Durand",
        "OK pour l'envoi",
        "Bonjour, il manque la facture de Durand",
        "Super, mais Durand attend toujours sa carte",
        "Entendu, suspendez la ligne",
        "Reçu, mais le montant est faux",
        "Merci mais ce n'est pas la bonne facture",
    ],
)
def test_what_says_more_is_no_courtesy(line: str) -> None:
    assert not is_courtesy(line)


# HTML that nobody sees


@pytest.mark.parametrize(
    "hidden",
    [
        "<div hidden>{}</div>",
        '<div style="opacity:0">{}</div>',
        '<div style="font-size:1px">{}</div>',
        '<div style="max-height:0;overflow:hidden">{}</div>',
        '<div style="color:transparent">{}</div>',
        '<div style="position:absolute;left:-9999px">{}</div>',
        "<template>{}</template>",
        "<noscript>{}</noscript>",
    ],
)
def test_hidden_html_is_not_the_senders_words(hidden: str) -> None:
    html = f"<body><p>Voir ci-dessous.</p>{hidden.format('status 0639980001')}</body>"
    raw = f"From: technique@telecom.example\r\nContent-Type: text/html\r\n\r\n{html}"
    assert read(raw.encode(), TRUSTED).own_words == ("Voir ci-dessous.",)

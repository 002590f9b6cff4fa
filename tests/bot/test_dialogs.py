"""Questions that the bot asks back: what is typed next belongs to them, and nothing else is lost by it."""

import asyncio
import re
import shutil
from email.message import EmailMessage
from pathlib import Path

import pytest
from telegram import Bot

from bot.desk.people import ACCOUNTING, TECHNICAL
from bot.house import House, open_house
from bot.sandbox.botapi import BotApi, Phone
from core.settings import Settings
from tests.bot.talking import NUMBER, TRUSTED, answer, body, deliver, replies, said, write
from tests.handlers.filled import make_pass, settings, small_operator


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    operator = small_operator(folder / "ftp")
    asyncio.run(make_pass(operator.root, folder / "data"))
    return folder / "data"


@pytest.fixture
def configured(filled: Path, tmp_path: Path, api: BotApi) -> Settings:
    shutil.copytree(filled, tmp_path / "data")
    return settings(tmp_path / "data", telegram_api=api.url, mail_trusted_server=TRUSTED)


async def says(house: House, bot: Bot, phone: Phone, *texts: str) -> str:
    """Say these one after the other, and what the last one is answered."""
    for text in texts:
        phone.send(text)
        await answer(house, bot)
    return said(phone)[-1]


# In the chat


async def test_plain_words_answer_what_was_asked(house: House, bot: Bot, camille: Phone) -> None:
    told = await says(house, bot, camille, "/profil siret", "123 456 782 00010")
    assert told.startswith("✅ SIRET : 123 456 782 00010")
    assert house.profile.siret == "12345678200010"


async def test_a_number_answers_the_question_rather_than_asks_for_its_line(
    house: House, bot: Bot, camille: Phone
) -> None:
    assert (await says(house, bot, camille, "/profil telephone", NUMBER)).startswith("✅ Téléphone client")


async def test_a_number_that_is_no_answer_asks_for_its_line(house: House, bot: Bot, camille: Phone) -> None:
    told = await says(house, bot, camille, "/profil suite", "/profil siret", NUMBER)
    assert told.startswith("🟢 06 39 98 00 01 : active")
    assert "Reprendre le profil" in camille.messages[-1].labels


async def test_a_command_is_never_taken_for_an_answer(house: House, bot: Bot, camille: Phone) -> None:
    told = await says(house, bot, camille, "/profil nom", f"/status {NUMBER}")
    assert told.startswith("🟢 06 39 98 00 01 : active")
    assert house.profile.operator_name == "Télécom Exemple"
    assert "Reprendre le profil" in camille.messages[-1].labels


async def test_after_another_question_plain_words_are_words_again(house: House, bot: Bot, camille: Phone) -> None:
    await says(house, bot, camille, "/profil nom", f"/status {NUMBER}", "Dupont BTP")
    assert house.profile.operator_name == "Télécom Exemple"
    assert any(text.startswith("Dupont BTP : conso") for text in said(camille))


async def test_a_wrong_answer_is_asked_again_until_it_is_right(house: House, bot: Bot, camille: Phone) -> None:
    assert "clé du SIRET" in await says(house, bot, camille, "/profil siret", "123 456 782 00011")
    assert (await says(house, bot, camille, "123 456 782 00010")).startswith("✅ SIRET")


async def test_a_correction_of_an_earlier_answer_is_not_taken_for_the_next_one(
    house: House, bot: Bot, camille: Phone
) -> None:
    camille.send("/profil suite")
    await answer(house, bot)
    address = camille.send("12 rue de l'Exemple, 00000 Ville-Fictive")
    await answer(house, bot)
    camille.edit(address, "123 456 782 00010")
    await answer(house, bot)
    assert house.profile.siret == ""


async def test_a_corrected_answer_corrects_what_it_answered(house: House, bot: Bot, camille: Phone) -> None:
    camille.send("/profil suite")
    await answer(house, bot)
    address = camille.send("12 rue de l'Exemle, 00000 Ville-Fictive")
    await answer(house, bot)
    await says(house, bot, camille, "123 456 782 00010")
    camille.edit(address, "12 rue de l'Exemple, 00000 Ville-Fictive")
    await answer(house, bot)
    assert house.profile.address == "12 rue de l'Exemple, 00000 Ville-Fictive"
    assert house.profile.siret == "12345678200010"
    assert not any("pas compris" in text for text in said(camille))


async def test_a_commands_bare_name_is_no_answer(house: House, bot: Bot, camille: Phone) -> None:
    assert not (await says(house, bot, camille, "/profil nom", "aide")).startswith("✅")
    assert house.profile.operator_name == "Télécom Exemple"


async def test_a_name_that_begins_like_its_field_is_kept_whole(house: House, bot: Bot, camille: Phone) -> None:
    await says(house, bot, camille, "/profil nom", "Opérateur Alpha Exemple")
    assert house.profile.operator_name == "Opérateur Alpha Exemple"


async def test_a_month_asked_while_a_code_is_awaited_is_no_guess(house: House, bot: Bot, camille: Phone) -> None:
    await says(house, bot, camille, "/profil vérifier compta")
    code = code_of((await replies(house, bot))[-1])
    for _ in range(5):
        await says(house, bot, camille, "/profil code", "Dupont BTP 2026-10")
    assert (await says(house, bot, camille, f"/profil code {code}")).startswith("✅")


async def test_what_one_telephone_is_asked_another_of_the_same_person_does_not_answer(
    house: House, bot: Bot, camille: Phone, api: BotApi
) -> None:
    now = house.context.now()
    house.people.enrol(4200002, house.people.new_code(TECHNICAL, now), now)
    other = api.phone(4200002, "Camille", started=True)
    await says(house, bot, camille, "/profil suite", "/profil siret")
    assert (await says(house, bot, other, NUMBER)).startswith("🟢 06 39 98 00 01 : active")
    assert (await says(house, bot, camille, "123 456 782 00010")).startswith("✅ SIRET")


async def test_what_was_asked_before_a_restart_is_answered_after_it(
    house: House, bot: Bot, camille: Phone, configured: Settings
) -> None:
    await says(house, bot, camille, "/profil siret")
    again = open_house(configured)
    try:
        assert (await says(again, bot, camille, "123 456 782 00010")).startswith("✅ SIRET")
    finally:
        again.context.close()
        again.desk.close()
        again.context.telecom.close()


async def test_in_a_group_nothing_is_awaited(house: House, bot: Bot, camille: Phone, api: BotApi) -> None:
    there = camille.in_group(api.group(-100123, "Exploitation"))
    await says(house, bot, there, "/profil nom", "/dossier")
    kept = house.desk.execute("SELECT count(*) FROM awaited_words").fetchone()
    assert kept == (0,)


# By mail


def code_of(message: EmailMessage) -> str:
    found = re.search(r"Votre code : (\d{3} \d{3})", body(message))
    assert found
    return found[1]


async def asks_for(house: House, bot: Bot, camille: Phone, address: str) -> EmailMessage:
    """The accounting address is to be this one; the mail that went there."""
    await says(house, bot, camille, f"/profil compta {address}")
    return (await replies(house, bot))[-1]


def answers(message: EmailMessage) -> str:
    """The headers of a reply, which no server vouches for."""
    return f"X-Mailer: Poste\r\nIn-Reply-To: {message['Message-ID']}"


def wrong(code: str) -> str:
    return "000 000" if code != "000 000" else "111 111"


NEW = "factures@telecom.example"


async def test_a_reply_with_the_code_takes_the_address(house: House, bot: Bot, camille: Phone) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    write(
        house,
        f"Bonjour,\n\nle code : {code_of(mail)}\n\n> ancien texte",
        frm=NEW,
        headers=answers(mail),
        subject="Re: confirmer",
    )
    *_, former, thanks = await replies(house, bot)
    assert former["To"] == "compta@telecom.example"
    assert thanks["To"] == NEW
    assert "Merci" in body(thanks)
    assert thanks["In-Reply-To"] == "<question@poste.example>"
    assert house.profile.accounting_email == NEW
    accountant = house.people.by_id(ACCOUNTING)
    assert accountant
    assert accountant.email == NEW
    await deliver(house, bot)
    assert f"{NEW} a confirmé" in said(camille)[-1]


async def test_an_address_that_its_code_takes_is_in_the_audit(house: House, bot: Bot, camille: Phone) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    write(house, f"le code : {code_of(mail)}", frm=NEW, headers=answers(mail), subject="Re: confirmer")
    await replies(house, bot)
    (row,) = house.desk.execute("SELECT command, outcome, shown FROM audit WHERE door = 'mail'")
    assert row == ("profil", "answered", "adresse confirmée")


async def test_a_new_mail_with_the_code_counts_when_its_server_vouches_for_it(
    house: House, bot: Bot, camille: Phone
) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    write(house, "Voilà.", frm=NEW, subject=f"Code {code_of(mail)}")
    thanks = (await replies(house, bot))[-1]
    assert house.profile.accounting_email == NEW
    assert not re.search(r"\d", thanks["Subject"])


async def test_the_code_is_found_beside_a_signatures_numbers(house: House, bot: Bot, camille: Phone) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    signed = f"SIRET 123 456 782 00010\nCapital de 100 000 euros\nCode : {code_of(mail)}"
    write(house, signed, frm=NEW, headers=answers(mail), subject="Re: confirmer")
    await replies(house, bot)
    assert house.profile.accounting_email == NEW


async def test_the_line_that_the_chat_names_is_understood_from_the_new_address(
    house: House, bot: Bot, camille: Phone
) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    write(house, f"profil code {code_of(mail)}", frm=NEW, headers=answers(mail), subject="Re: confirmer")
    await replies(house, bot)
    assert house.profile.accounting_email == NEW


async def test_a_quoted_code_confirms_nothing(house: House, bot: Bot, camille: Phone) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    write(
        house,
        f"Je n'ai rien demandé !\n\n> Votre code : {code_of(mail)}",
        frm=NEW,
        headers=answers(mail),
        subject="Re: confirmer",
    )
    await replies(house, bot)
    assert house.profile.accounting_email == "compta@telecom.example"


async def test_the_code_from_another_address_confirms_nothing(house: House, bot: Bot, camille: Phone) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    write(house, code_of(mail), frm="quelquun@ailleurs.example", headers=answers(mail), subject="Re: confirmer")
    await replies(house, bot)
    assert house.profile.accounting_email == "compta@telecom.example"


async def test_guesses_by_mail_end_the_code_and_are_told(house: House, bot: Bot, camille: Phone) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    for number in range(5):
        write(
            house,
            wrong(code_of(mail)),
            frm=NEW,
            headers=answers(mail),
            key=f"INBOX/1/{number}",
            message_id=f"<{number}@poste.example>",
        )
    write(house, code_of(mail), frm=NEW, headers=answers(mail), key="INBOX/1/9", message_id="<9@poste.example>")
    told = await replies(house, bot)
    assert "pas le code attendu" in body(told[-2])
    assert "celle d'un robot" in body(told[-1])  # the code is gone, and with it whatever made him known
    assert house.profile.accounting_email == "compta@telecom.example"


async def test_a_forged_sender_neither_guesses_nor_uses_the_tries_up(house: House, bot: Bot, camille: Phone) -> None:
    mail = await asks_for(house, bot, camille, NEW)
    guesses = [wrong(code_of(mail))] * 5 + [code_of(mail)]
    for number, guess in enumerate(guesses):
        write(
            house,
            guess,
            frm=NEW,
            headers=f"X-Mailer: Poste\r\nIn-Reply-To: <{number}@telecom.example>",
            key=f"INBOX/1/{number}",
            message_id=f"<{number}@poste.example>",
        )
    assert len(await replies(house, bot)) == 1  # nobody is answered
    assert house.profile.accounting_email == "compta@telecom.example"
    assert (await says(house, bot, camille, code_of(mail))).startswith(f"✅ {NEW} est vérifiée")


async def test_questions_with_six_digits_are_no_guesses(house: House, bot: Bot, camille: Phone) -> None:
    await says(house, bot, camille, "/profil vérifier compta")
    code = code_of((await replies(house, bot))[-1])
    for number in range(5):
        write(
            house,
            "sim 000012",
            frm="compta@telecom.example",
            key=f"INBOX/1/{number}",
            message_id=f"<{number}@poste.example>",
        )
    await replies(house, bot)
    assert (await says(house, bot, camille, code)).startswith("✅ compta@telecom.example est vérifiée")


async def test_fields_are_given_by_mail_one_a_line(house: House, bot: Bot) -> None:
    write(house, "profil siret 123 456 782 00010\nprofil cout appel non surtaxé\n")
    (reply,) = await replies(house, bot)
    assert "✅ SIRET : 123 456 782 00010" in body(reply)
    assert house.profile.phone_cost == "appel non surtaxé"


async def test_a_question_by_mail_says_the_line_that_answers_it(house: House, bot: Bot) -> None:
    write(house, "profil suite")
    (reply,) = await replies(house, bot)
    assert "Répondre par une ligne comme : profil adresse 12 rue de l'Exemple" in body(reply)
    assert "passer" not in body(reply)


async def test_the_code_that_binds_the_chat_proves_the_technical_address(house: House, camille: Phone) -> None:
    assert house.own.is_verified("technique@telecom.example")


async def test_a_code_to_bind_a_chat_is_of_no_use_once_the_technical_address_changed(
    house: House, bot: Bot, camille: Phone, api: BotApi
) -> None:
    with house.desk.atomic():
        old = house.people.new_code("technique", house.context.now())
    await says(house, bot, camille, "/profil technique nouvelle@telecom.example")
    await says(house, bot, camille, code_of((await replies(house, bot))[-1]))
    assert house.profile.technical_email == "nouvelle@telecom.example"
    other = api.phone(4200009, "Autre")
    assert "privé" in await says(house, bot, other, f"/start {old}")

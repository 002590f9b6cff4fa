"""/profil: one question after the other, each value checked, addresses taken once their code is back."""

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from bot.bot_desk import BotDesk
from core.profile import Profile
from handlers.ask import Person
from handlers.command import Context
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN, Say, words

STAFF = Person("equipe:equipe@telecom.example", "equipe@telecom.example", frozenset({"équipe"}))

Mails = Callable[[], list[EmailMessage]]


@pytest.fixture
def mails(context: Context) -> Mails:
    """What is in the outbox, oldest first."""

    def mails() -> list[EmailMessage]:
        assert isinstance(context.desk, BotDesk)
        rows = context.desk._desk.execute("SELECT payload FROM outbox WHERE channel = 'mail' ORDER BY id")
        found = [message_from_bytes(payload, policy=default) for (payload,) in rows]
        assert all(isinstance(message, EmailMessage) for message in found)
        return [message for message in found if isinstance(message, EmailMessage)]

    return mails


def text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    assert part
    return str(part.get_content())


def code_in(message: EmailMessage) -> str:
    found = re.search(r"Votre code : (\d{3}) (\d{3})", text(message))
    assert found
    return found[1] + found[2]


# What is known


async def test_the_profile_begins_with_what_the_settings_say(say: Say, context: Context) -> None:
    assert context.desk.profile() == Profile(
        operator_name="Télécom Exemple",
        accounting_email="compta@telecom.example",
        technical_email="technique@telecom.example",
        technical_contact="Camille Martin",
    )
    told = words(await say("profil"))
    assert "• Nom : Télécom Exemple" in told
    assert "⬜ SIRET : manque" in told
    assert "compta@telecom.example (non vérifiée)" in told


async def test_it_offers_to_fill_what_is_missing(say: Say) -> None:
    answer = await say("profil")
    assert answer.buttons[0].label == "Remplir ce qui manque (6)"
    assert answer.buttons[0].command == "profil suite"


async def test_somebody_who_may_not_change_it_is_offered_nothing(say: Say) -> None:
    assert not (await say("profil", person=STAFF)).buttons


# One after the other


async def test_the_first_question_is_the_first_thing_missing(say: Say) -> None:
    answer = await say("profil suite")
    assert answer.title.startswith("Quelle est l'adresse de la société")
    assert "(encore 6)" in answer.title
    assert answer.awaits_words == "profil suite adresse"


async def test_an_answer_is_kept_and_the_next_question_follows(say: Say, context: Context) -> None:
    answer = await say("profil suite adresse 12 rue de l'Exemple\n00000 Ville-Fictive")
    assert answer.title == "✅ Adresse : 12 rue de l'Exemple, 00000 Ville-Fictive"
    assert "Quel est le SIRET" in words(answer)
    assert answer.awaits_words == "profil suite siret"
    assert context.desk.profile().address == "12 rue de l'Exemple, 00000 Ville-Fictive"


async def test_a_wrong_answer_is_told_why_and_asked_again(say: Say, context: Context) -> None:
    answer = await say("profil suite siret 123 456 782 00011")
    assert answer.refused
    assert "clé du SIRET" in words(answer)
    assert answer.awaits_words == "profil suite siret"
    assert context.desk.profile().siret == ""


async def test_the_vat_number_is_offered_once_the_siret_is_known(say: Say) -> None:
    answer = await say("profil suite siret 123 456 782 00010")
    assert [button.label for button in answer.buttons] == ["FR 11 123 456 782"]
    after = await say(answer.buttons[0].command)
    assert after.title == "✅ TVA : FR 11 123 456 782"


async def test_usual_costs_are_one_touch_away(say: Say, context: Context) -> None:
    answer = await say("profil suite telephone 06 39 98 00 00")
    button = next(button for button in answer.buttons if "non surtaxé" in button.label)
    await say(button.command)
    assert context.desk.profile().phone_cost == "appel non surtaxé"


async def test_a_question_can_wait(say: Say, context: Context) -> None:
    answer = await say("profil suite adresse passer")
    assert answer.awaits_words == "profil suite siret"
    assert context.desk.profile().address == ""


async def test_the_dialog_can_be_stopped_and_says_what_is_missing(say: Say) -> None:
    answer = await say("profil suite siret stop")
    assert not answer.awaits_words
    assert "l'adresse, le SIRET" in words(answer)
    assert answer.buttons[0].command == "profil suite"


async def test_it_goes_on_where_it_was_left(say: Say) -> None:
    await say("profil suite adresse 12 rue de l'Exemple, 00000 Ville-Fictive")
    assert (await say("profil suite")).awaits_words == "profil suite siret"


async def test_at_its_end_it_says_which_addresses_are_not_verified(say: Say, mails: Mails) -> None:
    for answer in (
        "adresse 12 rue de l'Exemple, 00000 Ville-Fictive",
        "siret 12345678200010",
        "tva FR11123456782",
        "telephone 0639980000",
        "cout gratuit",
    ):
        await say(f"profil suite {answer}")
    answer = await say("profil suite email clients@telecom.example")
    assert "clients@telecom.example" in words(answer)
    assert answer.awaits_words == "profil code"
    code = code_in(mails()[-1])
    done = await say(f"profil code {code}")
    assert "✅ clients@telecom.example est vérifiée" in words(done)
    end = await say("profil suite")
    assert end.title == "Le profil est complet."
    assert {"profil vérifier compta", "profil vérifier technique", "dossier"} == {it.command for it in end.buttons}


# One by one


@pytest.mark.parametrize(
    "text", ["profil siret 12345678200010", "/profil SIRET : 123 456 782 00010", "profil modifier siret 12345678200010"]
)
async def test_a_value_can_be_given_at_once(say: Say, context: Context, text: str) -> None:
    assert (await say(text)).title == "✅ SIRET : 123 456 782 00010"
    assert context.desk.profile().siret == "12345678200010"


async def test_a_field_alone_is_asked_with_what_it_is_today(say: Say) -> None:
    answer = await say("profil nom")
    assert "Aujourd'hui : Télécom Exemple" in words(answer)
    assert answer.awaits_words == "profil nom :"


async def test_a_change_says_what_was_there(say: Say, context: Context) -> None:
    answer = await say("profil nom Autre Exemple Télécom")
    assert "Avant : Télécom Exemple" in words(answer)
    assert context.desk.profile().operator_name == "Autre Exemple Télécom"


async def test_a_siret_that_contradicts_the_vat_number_is_told(say: Say) -> None:
    await say("profil tva FR39356000000")
    assert "⚠️" in words(await say("profil siret 12345678200010"))


async def test_an_unknown_field_is_told_with_those_there_are(say: Say) -> None:
    answer = await say("profil capital 10 000")
    assert answer.refused
    assert "siret" in words(answer)


async def test_staff_may_look_but_not_change(say: Say, context: Context) -> None:
    answer = await say("profil nom Autre", person=STAFF)
    assert answer.refused
    assert "Camille Martin" in words(answer)
    assert context.desk.profile().operator_name == "Télécom Exemple"


async def test_who_may_not_change_it_is_not_asked_either(say: Say) -> None:
    for person in (STAFF, ACCOUNTANT):
        answer = await say("profil suite", person=person)
        assert answer.refused
        assert not answer.awaits_words


@pytest.mark.parametrize("said", ["passer", "stop", "ok", "non"])
async def test_a_word_that_means_no_change_is_no_name(say: Say, context: Context, said: str) -> None:
    assert "ne change pas" in words(await say(f"profil nom : {said}"))
    assert context.desk.profile().operator_name == "Télécom Exemple"


async def test_the_accountant_may_change_his_own_address_alone(say: Say, mails: Mails) -> None:
    assert (await say("profil technique a@telecom.example", person=ACCOUNTANT)).refused
    assert not mails()
    assert not (await say("profil compta factures@telecom.example", person=ACCOUNTANT)).refused
    assert mails()[-1]["To"] == "factures@telecom.example"


# Addresses


async def test_an_address_is_taken_only_once_its_code_is_back(say: Say, context: Context, mails: Mails) -> None:
    asked = await say("profil compta factures@telecom.example")
    assert asked.awaits_words == "profil code"
    assert context.desk.profile().accounting_email == "compta@telecom.example"
    (mail,) = mails()
    assert mail["To"] == "factures@telecom.example"
    answer = await say(f"profil code {code_in(mail)}")
    assert "✅ factures@telecom.example est vérifiée" in words(answer)
    assert context.desk.profile().accounting_email == "factures@telecom.example"
    assert context.desk.is_verified("Factures@telecom.example")


async def test_the_former_accounting_address_is_told_where_things_go_now(say: Say, mails: Mails) -> None:
    await say("profil compta factures@telecom.example")
    await say(f"profil code {code_in(mails()[-1])}")
    told = mails()[-1]
    assert told["To"] == "compta@telecom.example"
    assert "factures@telecom.example" in text(told)
    assert "Camille Martin" in text(told)


async def test_the_code_stands_in_no_subject(say: Say, mails: Mails) -> None:
    await say("profil compta factures@telecom.example")
    (mail,) = mails()
    assert code_in(mail)[:3] not in mail["Subject"]


async def test_a_wrong_code_changes_nothing_and_may_be_read_again(say: Say, context: Context, mails: Mails) -> None:
    await say("profil compta factures@telecom.example")
    right = code_in(mails()[-1])
    wrong = "000000" if right != "000000" else "111111"
    answer = await say(f"profil code {wrong}")
    assert answer.refused
    assert answer.awaits_words == "profil code"
    assert context.desk.profile().accounting_email == "compta@telecom.example"
    assert not (await say(f"profil code {right}")).refused


async def test_five_wrong_codes_end_it(say: Say, context: Context, mails: Mails) -> None:
    await say("profil compta factures@telecom.example")
    right = code_in(mails()[-1])
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        answer = await say(f"profil code {wrong}")
    assert "Trop d'essais" in words(answer)
    assert (await say(f"profil code {right}")).refused
    assert context.desk.profile().accounting_email == "compta@telecom.example"


async def test_a_code_said_again_is_answered_the_same_and_changes_nothing(
    say: Say, context: Context, mails: Mails
) -> None:
    await say("profil compta factures@telecom.example")
    code = code_in(mails()[-1])
    first = await say(f"profil code {code}")
    assert (await say(f"profil code {code}")).title == first.title
    assert len(mails()) == 2  # the code, and one word to the former address


async def test_a_used_code_does_not_bring_its_address_back(say: Say, context: Context, mails: Mails) -> None:
    await say("profil compta factures@telecom.example")
    first = code_in(mails()[-1])
    await say(f"profil code {first}")
    await say("profil vérifier technique")
    await say(f"profil code {code_in(mails()[-1])}")
    await say("profil compta technique@telecom.example")
    assert (await say(f"profil code {first}")).refused
    assert context.desk.profile().accounting_email == "technique@telecom.example"


async def test_a_question_answered_twice_after_a_crash_mails_one_code(say: Say, mails: Mails) -> None:
    await say("profil compta factures@telecom.example")
    await say("profil compta factures@telecom.example")
    (mail,) = mails()
    assert not (await say(f"profil code {code_in(mail)}")).refused


async def test_a_code_of_an_address_that_was_given_up_takes_it_no_more(
    say: Say, context: Context, mails: Mails
) -> None:
    await say("profil vérifier compta")
    await say(f"profil code {code_in(mails()[-1])}")
    await say("profil compta faute@telecom.example")
    late = code_in(mails()[-1])
    await say("profil compta compta@telecom.example")
    assert not context.desk.waiting_addresses()
    assert (await say(f"profil code {late}")).refused
    assert context.desk.profile().accounting_email == "compta@telecom.example"


async def test_stop_gives_up_an_address_that_waits(say: Say, context: Context) -> None:
    await say("profil compta faute@telecom.example")
    assert "ne change pas" in words(await say("profil compta : stop"))
    assert not context.desk.waiting_addresses()


async def test_one_code_proves_an_address_for_all_that_wait_for_it(say: Say, context: Context, mails: Mails) -> None:
    await say("profil compta bureau@telecom.example")
    await say("profil email bureau@telecom.example")
    answer = await say(f"profil code {code_in(mails()[0])}")
    assert "C'est aussi l'adresse du service client." in words(answer)
    assert context.desk.profile().service_email == "bureau@telecom.example"
    assert context.desk.profile().accounting_email == "bureau@telecom.example"
    assert not context.desk.waiting_addresses()


async def test_a_code_is_not_seen_in_a_colour(say: Say, context: Context) -> None:
    await say("profil compta factures@telecom.example")
    await say("profil couleur : 182054")
    assert context.desk.profile().colour == "#182054"


async def test_stop_leaves_the_question_for_the_code(say: Say, context: Context) -> None:
    await say("profil compta factures@telecom.example")
    answer = await say("profil code stop")
    assert not answer.awaits_words
    assert context.desk.waiting_addresses() == {"accounting_email": "factures@telecom.example"}


async def test_the_former_technical_address_is_not_sent_to_the_new_one(say: Say, mails: Mails) -> None:
    await say("profil technique nouvelle@telecom.example")
    await say(f"profil code {code_in(mails()[-1])}")
    told = mails()[-1]
    assert told["To"] == "technique@telecom.example"
    assert "prévenir la comptabilité (compta@telecom.example)" in text(told)


async def test_the_bots_own_address_is_nobodys(say: Say, mails: Mails) -> None:
    assert (await say("profil compta Robot@telecom.example")).refused
    assert not mails()


async def test_another_case_is_the_same_address(say: Say, context: Context, mails: Mails) -> None:
    await say("profil vérifier compta")
    await say(f"profil code {code_in(mails()[-1])}")
    answer = await say("profil compta Compta@telecom.example")
    assert "prévenue" not in words(answer)
    assert len(mails()) == 1


async def test_a_code_that_comes_amid_the_questions_is_taken_and_the_question_stays(
    say: Say, context: Context, mails: Mails
) -> None:
    await say("profil suite email clients@telecom.example")
    answer = await say(f"profil suite siret {code_in(mails()[-1])}")
    assert "✅ clients@telecom.example est vérifiée" in words(answer)
    assert answer.awaits_words == "profil suite siret"
    assert context.desk.profile().service_email == "clients@telecom.example"


async def test_an_address_of_the_settings_is_verified_in_the_same_way(say: Say, context: Context, mails: Mails) -> None:
    await say("profil vérifier compta")
    (mail,) = mails()
    assert mail["To"] == "compta@telecom.example"
    await say(f"profil code {code_in(mail)}")
    assert context.desk.is_verified("compta@telecom.example")
    assert len(mails()) == 1  # nothing changed: nobody is told


async def test_a_verified_address_serves_elsewhere_without_another_code(
    say: Say, context: Context, mails: Mails
) -> None:
    await say("profil vérifier technique")
    await say(f"profil code {code_in(mails()[-1])}")
    await say("profil email technique@telecom.example")
    assert context.desk.profile().service_email == "technique@telecom.example"
    assert len(mails()) == 1


# Settings and profile


async def test_settings_that_are_changed_back_bring_no_overruled_word_back(say: Say, context: Context) -> None:
    await say("profil nom Autre Exemple Télécom")
    assert isinstance(context.desk, BotDesk)
    db, outbox = context.desk._desk, context.desk._outbox
    BotDesk(context.settings.model_copy(update={"operator_name": "Troisième Exemple"}), db, outbox)
    assert BotDesk(context.settings, db, outbox).profile().operator_name == "Télécom Exemple"


async def test_settings_that_change_later_are_the_newer_word(say: Say, context: Context) -> None:
    await say("profil nom Autre Exemple Télécom")
    assert isinstance(context.desk, BotDesk)
    later = context.settings.model_copy(update={"operator_name": "Troisième Exemple"})
    assert BotDesk(later, context.desk._desk, context.desk._outbox).profile().operator_name == "Troisième Exemple"


async def test_who_asks_is_the_person_that_the_profile_names(say: Say, context: Context) -> None:
    await say("profil contact Dominique Durand")
    assert isinstance(context.desk, BotDesk)
    contact = context.desk._people.by_id(TECHNICIAN.id)
    assert contact
    assert contact.person.name == "Dominique Durand"

"""/rio: the vectors of the specification, and a reason in French for each fault."""

import io
from dataclasses import replace

import openpyxl
import pytest

from bot.bot_desk import BotDesk
from core.vault import Vault
from handlers import registry, rio
from handlers.answer import Answer
from handlers.ask import Ask, Door, SentFile
from handlers.command import Context
from tests.corpus.rio import VALID
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN, Say, words


@pytest.mark.parametrize(("rio", "number"), VALID)
async def test_a_right_rio_is_said_right(say: Say, rio: str, number: str) -> None:
    answer = await say(f"/rio {rio} {number}")
    assert answer.title.startswith(f"✅ RIO correct : {rio}")
    assert not answer.refused


async def test_a_right_key_does_not_promise_a_port(say: Say) -> None:
    told = words(await say("/rio 01E4K7P2QEM3 0639980001"))
    assert "seul l'opérateur actuel confirmera" in told
    assert "Ne pas résilier la ligne avant son portage." in told


@pytest.mark.parametrize(
    ("rio", "number", "reason"),
    [
        ("01PEROY4P4TR", "0612345679", "La clé (trois derniers signes) ne correspond pas"),
        ("01PER0Y4P4TR", "0612345678", "Confusion probable entre O et 0 : 01PEROY4P4TR serait juste"),
        ("01EEROY4P4TR", "0612345678", "La clé"),
        ("01PEROY4P4RT", "0612345678", "La clé"),
        ("04A1B2C3D4E5", "0612345678", "Le troisième signe doit être P (grand public) ou E (entreprise)"),
        ("01PEROY4P4T", "0612345678", "Un RIO a 12 signes, celui-ci en a 11."),
        ("01PEROY4P4TRX", "0612345678", "Un RIO a 12 signes, celui-ci en a 13."),
        ("01PÉROY4P4TR", "0612345678", "Un RIO n'a que des lettres sans accent, des chiffres et le signe +."),
        ("ABPEROY4P4TR", "0612345678", "le code de l'opérateur, doivent être des chiffres"),
        ("01PERO+4P4TR", "0612345678", "la référence du contrat, sont des lettres et des chiffres"),
    ],
)
async def test_a_wrong_rio_is_said_wrong_and_why(say: Say, rio: str, number: str, reason: str) -> None:
    answer = await say(f"/rio {rio} {number}")
    assert answer.title.startswith(f"❌ RIO faux : {rio}")
    assert reason in words(answer)


async def test_without_a_likely_correction_the_client_is_to_ask_again(say: Say) -> None:
    assert "rappeler le 3179" in words(await say("/rio 01PEROY4P4TR 0612345679"))


@pytest.mark.parametrize("prefix", ["check", "CHECK", "vérifier", "verif", "vérifie"])
async def test_the_word_check_may_come_first(say: Say, prefix: str) -> None:
    assert (await say(f"/rio {prefix} 01E4K7P2QEM3 06 39 98 00 01")).title.startswith("✅")


async def test_the_number_may_come_first(say: Say) -> None:
    assert (await say("/rio 06 39 98 00 01 01E4K7P2QEM3")).title.startswith("✅")


@pytest.mark.parametrize("written", ["01e4k7p2qem3", "01 E 4K7P2Q EM3", "01-E-4K7P2Q-EM3", "01E4K7P2Q EM3"])
async def test_a_rio_may_be_in_small_letters_or_in_groups(say: Say, written: str) -> None:
    assert (await say(f"/rio {written} +33 6 39 98 00 01")).title.startswith("✅")


async def test_the_plus_of_a_key_is_no_separator(say: Say) -> None:
    assert "01PABC123SE+" in (await say("/rio 01PABC123SE+ 0639980048")).title


async def test_a_rio_alone_is_not_judged_and_asks_for_the_number(say: Say) -> None:
    answer = await say("/rio 01E4K7P2QEM3")
    assert answer.title.startswith("❔ 01E4K7P2QEM3")
    assert "Envoyer aussi le numéro" in words(answer)


async def test_a_rio_alone_names_no_operator(say: Say) -> None:
    # Overseas the same code means another operator, and only the number tells where the line is.
    assert "Orange" not in words(await say("/rio 01E4K7P2QEM3"))


async def test_a_rio_alone_with_a_wrong_form_is_wrong(say: Say) -> None:
    assert (await say("/rio 04A1B2C3D4E5")).title == "❌ RIO faux : 04A1B2C3D4E5"


async def test_a_number_alone_asks_for_the_rio(say: Say) -> None:
    answer = await say("/rio 0639989999")
    assert answer.refused
    assert "3179" in answer.title


async def test_the_stored_rio_of_a_line_is_shown_once_that_is_confirmed(say: Say) -> None:
    asked = await say("/rio 0639980001")
    assert asked.title == "RIO du 06 39 98 00 01 : le montrer ?"
    assert asked.codes == ()
    assert [button.confirms for button in asked.buttons] == [True]
    shown = await say("/rio 0639980001", confirmed=True)
    assert [code.code for code in shown.codes] == ["01E4K7P2QEM3"]
    assert "01E4K7P2QEM3" not in repr(shown)
    assert "Ce message s'efface dans 5 minutes." in shown.lines


async def test_without_a_key_the_stored_rio_is_not_asked_for_twice(say: Say, context: Context) -> None:
    answer = await say("/rio 0639980001", context=replace(context, vault=Vault()))
    assert answer.refused
    assert "la clé de chiffrement manque" in answer.title


async def test_too_many_wrong_rios_of_a_number_are_slowed_down_and_told(say: Say, context: Context) -> None:
    desk = context.desk
    for sign in "ABCDE":
        assert (await say(f"/rio 01E4K7P2QEM{sign} 0639980077")).title.startswith("❌ RIO faux")
    waits = await say("/rio 01E4K7P2QEMF 0639980077")
    assert waits.refused
    assert waits.title == "Trop de RIO faux ont été essayés pour le 06 39 98 00 77."
    assert (await say("/rio 01E4K7P2QEM3 0639980001")).title.startswith("✅"), "another number is not concerned"
    assert isinstance(desk, BotDesk)
    (told,) = [bytes(payload).decode() for (payload,) in desk._desk.execute("SELECT payload FROM outbox")]
    assert "essay" in told


async def test_a_rio_of_a_wrong_form_is_no_guess(say: Say) -> None:
    for sign in "ABCDEFGH":
        assert "faux" in (await say(f"/rio 01A4K7P2QEM{sign} 0639980077")).title


async def test_a_zero_written_as_an_o_is_no_way_to_guess(say: Say) -> None:
    for sign in "ABCDE":
        assert "faux" in (await say(f"/rio O1E4K7P2QEM{sign} 0639980077")).title
    assert (await say("/rio O1E4K7P2QEMF 0639980077")).refused


async def test_several_rios_at_once_are_no_way_to_guess(say: Say) -> None:
    guesses = " ".join(f"01E4K7P2Q{sign}M3" for sign in "ABCDEFGH")
    answer = await say(f"/rio {guesses} 0639980001")
    assert answer.refused
    assert answer.title == "Un seul RIO à la fois ; pour plusieurs, envoyer un tableur."


async def test_a_list_is_no_way_to_guess(say: Say) -> None:
    guesses = "\n".join(f"0639980077;01E4K7P2QE{a}{b}" for a in "ABC" for b in "DEF")
    made = await say("rio", files=(SentFile("liste.csv", f"numero;rio\n{guesses}\n".encode()),))
    assert "❌ 5 faux" in made.lines
    assert (await say("/rio 01E4K7P2QEMF 0639980077")).refused
    again = await say("rio", files=(SentFile("liste.csv", b"numero;rio\n0639980077;01E4K7P2QEMG\n"),))
    assert "⏳ 1 non vérifié : trop d'essais pour le même numéro" in again.lines
    assert b"Trop de RIO faux" in again.files[0].content.decode("utf-8-sig").encode()


@pytest.mark.parametrize("text", ["/rio", "/rio check", "/rio   "])
async def test_nothing_to_check_asks_for_it(say: Say, text: str) -> None:
    answer = await say(text)
    assert answer.refused
    assert "Usage : /rio RIO NUMÉRO, ou un tableur de RIO" in answer.lines


async def test_a_mainland_operator_is_named_with_its_offer(say: Say) -> None:
    assert "Opérateur actuel : Orange\nOffre : grand public (P)" in words(await say("/rio 01PEROY4P4TR 0612345678"))


async def test_a_business_offer_is_named(say: Say) -> None:
    assert "Offre : entreprise (E)" in words(await say("/rio 01E4K7P2QEM3 0639980001"))


# The workbook that checks RIOs without the bot


def sheet_names(answer: Answer) -> list[str]:
    (file,) = answer.files
    assert file.name == "Vérification RIO.xlsx"
    return openpyxl.load_workbook(io.BytesIO(file.content)).sheetnames


async def test_the_workbook_is_sent_when_asked_for(say: Say) -> None:
    answer = await say("/rio modèle")
    assert sheet_names(answer) == ["RIO", "Mode d'emploi", "Calcul"]
    assert len(answer.lines) == 2


@pytest.mark.parametrize("word", ["modele", "Modèle", "le modèle", "fichier", "excel", "tableur"])
@pytest.mark.parametrize(("door", "private"), [("mail", True), ("chat", False)])
def test_the_workbook_holds_no_code_and_may_be_asked_anywhere(word: str, door: Door, private: bool) -> None:
    assert registry.refusal(Ask("rio", word, TECHNICIAN, door, private), rio.COMMAND) is None


async def test_a_picture_at_the_foot_of_a_mail_does_not_hinder_the_workbook(context: Context) -> None:
    logo = SentFile("logo.png", b"")
    assert sheet_names(await registry.answer(Ask("rio", "modele", TECHNICIAN, "mail", True, (logo,)), context))


async def test_a_list_with_the_words_of_the_workbook_is_still_checked(say: Say) -> None:
    listed = SentFile("liste.csv", b"RIO;Num\r\n01E4K7P2QEM3;0639980001\r\n")
    assert (await say("/rio fichier", files=(listed,))).title == "liste.csv : 1 RIO vérifié"


async def test_a_list_is_not_checked_in_a_group_by_calling_it_a_workbook(context: Context) -> None:
    listed = SentFile("liste.csv", b"RIO;Num\r\n01E4K7P2QEM3;0639980001\r\n")
    answer = await registry.answer(Ask("rio", "fichier", TECHNICIAN, "chat", False, (listed,)), context)
    assert answer.refused
    assert "conversation privée" in answer.title


@pytest.mark.parametrize("door", ["mail", "chat"])
@pytest.mark.parametrize("words", ["modele 01E4K7P2QEM3 0639980001", "01E4K7P2QEM3 modele", ""])
async def test_a_rio_beside_the_word_stays_private(context: Context, door: Door, words: str) -> None:
    assert (await registry.answer(Ask("rio", words, TECHNICIAN, door, False), context)).refused


async def test_a_role_without_rio_does_not_get_the_workbook(context: Context) -> None:
    answer = await registry.answer(Ask("rio", "modele", ACCOUNTANT, "mail"), context)
    assert answer.refused
    assert not answer.files

"""/sim and /puk: a card is found however it is named, and a code is given only when one card is meant."""

from dataclasses import replace

import pytest

from core.numbers import show
from core.vault import Vault
from handlers.answer import Button
from handlers.ask import Ask
from handlers.command import Context
from handlers.registry import answer as answer_to
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN, Filled, Say, words


async def test_the_stock_adds_up(say: Say, context: Context) -> None:
    answer = await say("sim")
    assert answer.title.endswith("cartes SIM connues")
    assert any(line.startswith("Sur une ligne : ") for line in answer.lines)
    assert any(line.startswith("Sur aucune ligne : ") for line in answer.lines)


@pytest.mark.parametrize("cut", [0, 6, 13])
async def test_a_card_is_found_by_its_number_or_its_end(say: Say, filled: Filled, cut: int) -> None:
    card = filled.operator.line("0639980001").iccid
    answer = await say(f"sim {card[-cut:]}")
    assert answer.title == f"SIM {card}"
    assert "Ligne : 06 39 98 00 01" in answer.lines


async def test_codes_are_those_of_the_listing(say: Say, filled: Filled) -> None:
    listed = {sim.iccid: sim for sim in filled.operator.sims}
    for line in filled.operator.lines:
        if line.iccid not in listed:
            continue
        answer = await say(f"puk {line.msisdn}", confirmed=True)
        card = listed[line.iccid]
        assert [code.code for code in answer.codes] == [card.puk1, card.puk2, card.pin1]
        assert card.puk1 not in words(answer)
        assert card.puk1 not in repr(answer)


async def test_a_code_is_shown_once_that_is_confirmed(say: Say, filled: Filled) -> None:
    asked = await say("puk 0639980001")
    card = filled.operator.line("0639980001").iccid
    assert asked.title == f"PUK de la SIM {card} : le montrer ?"
    assert asked.codes == ()
    assert asked.buttons == (Button("Montrer le code", f"puk {card}", in_place=True, confirms=True),)
    assert "Ce message s'efface dans 5 minutes." in (await say("puk 0639980001", confirmed=True)).lines


async def test_without_a_key_no_code_is_shown_and_the_rest_works(say: Say, context: Context) -> None:
    keyless = replace(context, vault=Vault())
    answer = await say("puk 0639980001", confirmed=True, context=keyless)
    assert answer.refused
    assert "la clé de chiffrement manque" in answer.title
    assert (await say("sim 0639980001", context=keyless)).title.startswith("SIM ")


async def test_the_title_says_which_card_and_line(say: Say, filled: Filled) -> None:
    answer = await say("puk 0639980001", confirmed=True)
    assert answer.title == f"PUK de la SIM {filled.operator.line('0639980001').iccid}"
    assert f"Ligne : {show('0639980001')} · Dupont BTP" in answer.lines


async def test_of_several_cards_no_code_is_given(say: Say) -> None:
    answer = await say("puk 7777")
    assert answer.codes == ()
    assert "laquelle ?" in answer.title
    assert answer.buttons


async def test_a_card_without_listing_says_that_its_code_is_not_known(say: Say) -> None:
    answer = await say("puk 0639981000")
    assert answer.codes == ()
    assert answer.title.endswith(" : inconnu")


@pytest.mark.parametrize("text", ["puk", "puk 12", "puk bonjour"])
async def test_a_wrong_argument_gets_the_usage(say: Say, text: str) -> None:
    answer = await say(text)
    assert answer.refused
    assert "Usage : /puk NUMÉRO ou ICCID" in answer.lines


async def test_codes_are_for_technical_people_in_private_alone(context: Context) -> None:
    for person, door, private in (
        (ACCOUNTANT, "chat", True),
        (TECHNICIAN, "chat", False),
        (TECHNICIAN, "mail", True),
    ):
        answer = await answer_to(Ask("puk", "0639980001", person, door, private), context)  # type: ignore[arg-type]
        assert answer.refused
        assert answer.codes == ()

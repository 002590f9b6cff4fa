"""What the audit is told an answer is about: lines, cards and clients as the store names them, never what was typed."""

import pytest

from tests.handlers.conftest import Filled, Say

OF_LINE = [
    "status 0639980001",
    "conso 06 39 98 00 01",
    "historique 0639980001",
    "rio 0639980001",
    "cdr 0639980001 octobre",
]


@pytest.mark.parametrize("text", OF_LINE)
async def test_of_a_line_its_number(say: Say, text: str) -> None:
    assert (await say(text)).about == "0639980001"


@pytest.mark.parametrize("text", ["puk 0639980001", "sim 0639980001"])
async def test_of_a_card_its_iccid_and_line(say: Say, filled: Filled, text: str) -> None:
    iccid = filled.operator.line("0639980001").iccid
    assert (await say(text)).about == f"SIM {iccid} · 0639980001"


@pytest.mark.parametrize("text", ["conso dupont octobre", "lignes dupond btp", "lignes dupont tableur"])
async def test_of_a_client_its_name(say: Say, text: str) -> None:
    assert (await say(text)).about == "Dupont BTP"


async def test_of_a_rio_the_number_alone(say: Say) -> None:
    answer = await say("rio 01E4K7P2QEM3 0639980001")
    assert answer.about == "0639980001"
    assert "01E4K7P2QEM3" not in answer.about

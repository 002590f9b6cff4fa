"""/lignes, /clients and /historique: lists in pages, and what changed."""

import io
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from core import store
from core.numbers import show
from handlers.command import Context
from handlers.paging import PAGE
from tests.handlers.conftest import Filled, Say, words
from tests.handlers.filled import make_pass, small_operator

DUPONT = "Dupont BTP"


async def test_all_lines_of_a_client_in_pages(say: Say, context: Context) -> None:
    (total,) = context.telecom.execute(
        "SELECT count(*) FROM lines JOIN clients ON clients.id = client_id WHERE name = ? AND gone_at IS NULL", [DUPONT]
    ).fetchone()
    seen: list[str] = []
    command = "lignes dupont"
    while command:
        answer = await say(command)
        assert answer.title.startswith(f"{DUPONT} : {total} lignes (")
        assert answer.table
        assert len(answer.table.rows) <= PAGE
        seen += [row[0] for row in answer.table.rows]
        command = next((button.command for button in answer.buttons if button.label.endswith("▶")), "")
    assert len(seen) == len(set(seen)) == total
    assert seen == sorted(seen)


async def test_a_page_is_turned_in_place_and_back(say: Say) -> None:
    second = await say("lignes dupont page 2")
    (back,) = [button for button in second.buttons if button.label.startswith("◀")]
    assert back.in_place
    assert (await say(back.command)) == (await say("lignes Dupont BTP"))


async def test_every_line_of_a_page_is_a_touch_away(say: Say) -> None:
    answer = await say("lignes dupont")
    assert answer.table
    assert [button.label for button in answer.buttons][: len(answer.table.rows)] == [
        row[0] for row in answer.table.rows
    ]
    assert show("0639980001") in (await say(answer.buttons[0].command)).title


@pytest.mark.parametrize(
    ("words_", "title"),
    [
        ("résiliées", "Tous les clients : 1 ligne résiliée"),
        ("resiliees", "Tous les clients : 1 ligne résiliée"),
        ("disparues", "Tous les clients : aucune ligne disparue de l'état"),
        ("inconnues", "Tous les clients : 1 ligne d'état inconnu"),
        ("dupont réservées", f"{DUPONT} : 1 ligne réservée"),
    ],
)
async def test_lines_by_state(say: Say, words_: str, title: str) -> None:
    assert (await say(f"lignes {words_}")).title == title


@pytest.mark.parametrize("word", ["suspendues", "suspendue", "SUSPENDUES"])
async def test_suspended_are_those_by_the_operator_too(say: Say, filled: Filled, word: str) -> None:
    there = {show(line.msisdn) for line in filled.operator.lines if line.status.startswith(("Suspendue", "Suspended"))}
    answer = await say(f"lignes {word}")
    assert answer.title == f"Tous les clients : {len(there)} lignes suspendues"
    assert answer.table
    assert {row[0] for row in answer.table.rows} == there


async def test_the_counts_by_state_are_told(say: Say) -> None:
    assert re.search(r"\d+ actives, 1 suspendue, 1 suspendue par l'opérateur", words(await say("lignes dupont")))


async def test_the_spreadsheet_holds_all_of_them(say: Say, context: Context) -> None:
    (file,) = (await say("lignes dupont tableur")).files
    assert file.name == "Lignes Dupont BTP.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(file.content), read_only=True)
    cells = {str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row}
    numbers = [
        number
        for (number,) in context.telecom.execute(
            "SELECT msisdn FROM lines JOIN clients ON clients.id = client_id WHERE name = ?", [DUPONT]
        )
    ]
    assert numbers
    assert set(numbers) <= cells


@pytest.mark.parametrize(
    ("text", "command"), [("supendues", "suspendues"), ("dupont supendues", "Dupont BTP suspendues")]
)
async def test_a_mistyped_state_is_proposed(say: Say, text: str, command: str) -> None:
    answer = await say(f"lignes {text}")
    assert "vouliez-vous dire suspendues ?" in answer.title
    assert [button.command for button in answer.buttons] == [f"lignes {command}"]


@pytest.mark.parametrize("command", ["lignes", "clients", "factures", "documents", "rejets"])
async def test_beyond_the_last_page_is_the_last_page(say: Say, command: str) -> None:
    answer = await say(f"{command} page 999")
    assert answer.table
    assert answer.table.rows
    assert not [button for button in answer.buttons if button.label.endswith("▶")]


async def test_a_client_is_no_line_and_leads_to_its_lines(say: Say) -> None:
    answer = await say("historique dupont")
    assert answer.title == "Dupont BTP est un client : de quelle ligne ?"
    assert (await say(answer.buttons[0].command)).title.startswith(f"{DUPONT} : ")


async def test_an_unknown_client_of_lines_is_said_so(say: Say) -> None:
    assert (await say("lignes zzzzzz")).refused


async def test_clients_with_their_lines(say: Say, filled: Filled) -> None:
    answer = await say("clients")
    assert answer.title == f"{len(filled.operator.clients)} clients"
    assert answer.table
    assert [row[0] for row in answer.table.rows if row[0] != "Sans client"] == [
        button.label for button in answer.buttons if button.command.startswith("clients ") and button.label != "Tableur"
    ]


async def test_one_client(say: Say) -> None:
    answer = await say("clients dupont")
    assert answer.title == DUPONT
    assert [button.label for button in answer.buttons] == ["Conso", "Lignes", "Factures"]


async def test_clients_as_a_spreadsheet(say: Say) -> None:
    (file,) = (await say("clients tableur")).files
    assert file.name == "Clients.xlsx"


async def test_what_changed_newest_first(tmp_path: Path, context: Context, say: Say) -> None:
    operator = small_operator(tmp_path / "ftp")
    await make_pass(operator.root, tmp_path / "data")
    for hour, status in ((9, "Suspendue"), (10, "Active")):
        operator.change_line("0639980001", status=status)
        operator.deliver_status(datetime(2026, 11, 24, hour))
        await make_pass(operator.root, tmp_path / "data")
    db = store.open_to_read(tmp_path / "data")
    answer = await say("historique 0639980001", context=replace(context, telecom=db))
    db.close()
    assert answer.title == "06 39 98 00 01 : 2 changements"
    assert answer.table
    assert answer.table.rows == (
        ("24/11 à 10:00", "rétablie", "Suspendue → Active"),
        ("24/11 à 09:00", "suspendue", "Active → Suspendue"),
    )


async def test_a_line_that_never_changed_says_so(say: Say) -> None:
    answer = await say("historique 0639980005")
    assert answer.title == "06 39 98 00 05 : aucun changement connu"
    assert "inchangée depuis" in answer.lines[0]

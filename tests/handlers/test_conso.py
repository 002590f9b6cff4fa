"""/conso: a month of a client or a line, as the operator's own truth has it."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.traffic import Usage, total
from core import store
from core.numbers import show
from handlers import french
from handlers.answer import Answer
from handlers.command import Context
from tests.handlers.conftest import Filled, Say, words
from tests.handlers.filled import make_pass

DUPONT = "Dupont BTP"


def rows(answer: Answer) -> dict[str, tuple[str, ...]]:
    assert answer.table, answer.title
    return {row[0]: row[1:] for row in answer.table.rows}


def figures(usage: Usage) -> dict[str, tuple[str, str]]:
    """Count and quantity of each kind, as the table must show them."""
    found = {
        "Voix": (usage.voice_count, french.duration(usage.voice_seconds)),
        "SMS": (usage.sms_count, ""),
        "MMS": (usage.mms_count, ""),
        "Data": (usage.data_count, french.volume(usage.data_bytes)),
    }
    return {kind: (french.whole(count), quantity) for kind, (count, quantity) in found.items() if count}


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
@pytest.mark.parametrize("client", [DUPONT, "Boulangerie Pâquerette & Fils", "Garage de l'Étoile"])
async def test_the_figures_are_the_operators_own(say: Say, filled: Filled, client: str, month: str) -> None:
    truth = filled.operator.usage(client, month)
    shown = rows(await say(f"conso {client} {month}"))
    assert {kind: row[:2] for kind, row in shown.items() if kind != "Total HT"} == figures(truth)
    assert shown["Total HT"] == ("", "", french.euros(truth.amount))


@pytest.mark.parametrize("month", [10, 11])
async def test_the_figures_of_a_line_are_the_operators_own(say: Say, filled: Filled, month: int) -> None:
    truth = total(cdr for cdr in filled.operator.cdrs if cdr.caller == "0639980001" and cdr.start.month == month)
    shown = rows(await say(f"conso 06 39 98 00 01 2026-{month}"))
    assert {kind: row[:2] for kind, row in shown.items() if kind != "Total HT"} == figures(truth)
    assert shown["Total HT"][2] == french.euros(truth.amount)


@pytest.mark.parametrize("name", ["boulangerie", "PAQUERETTE", "pâquerette fils", "Boulangerie Pâquerette & Fils"])
async def test_a_piece_of_the_name_is_enough_without_accents_or_case(say: Say, name: str) -> None:
    assert (await say(f"conso {name} octobre")).title == "Boulangerie Pâquerette & Fils : conso d'octobre 2026"


async def test_a_mistyped_name_finds_the_nearest(say: Say) -> None:
    assert (await say("conso dupond btp octobre")).title == f"{DUPONT} : conso d'octobre 2026"


@pytest.mark.parametrize(
    "month",
    [
        "2026-10", "2026/10", "10/2026", "10-2026", "202610", "octobre", "Octobre", "OCTOBRE 2026", "octobre 2026",
        "oct", "oct.", "oct. 2026", "d'octobre", "d’octobre 2026", "de octobre", "en octobre", "pour octobre 2026",
        "au mois d'octobre", "mois dernier", "le mois dernier", "du mois précédent",
    ],
)  # fmt: skip
async def test_the_month_may_be_said_in_any_usual_form(say: Say, month: str) -> None:
    assert (await say(f"conso dupont {month}")).title == f"{DUPONT} : conso d'octobre 2026"


async def test_the_month_may_come_first(say: Say) -> None:
    assert (await say("conso octobre 2026 dupont")).title == f"{DUPONT} : conso d'octobre 2026"


async def test_without_a_month_it_is_the_newest_known(say: Say) -> None:
    assert (await say("conso dupont")).title == f"{DUPONT} : conso de novembre 2026"


async def test_this_month_is_the_present_one(say: Say) -> None:
    assert (await say("conso dupont ce mois-ci")).title == f"{DUPONT} : conso de novembre 2026"


async def test_a_month_to_come_is_that_of_last_year(say: Say) -> None:
    assert "en décembre 2025" in (await say("conso dupont décembre")).title


async def test_a_month_without_traffic_names_the_months_known(say: Say) -> None:
    answer = await say("conso dupont janvier 2025")
    assert answer.title == "Dupont BTP : aucun trafic en janvier 2025"
    assert answer.lines == ("Mois connus : novembre 2026, octobre 2026.",)


async def test_several_clients_are_proposed_by_buttons_that_work(say: Say) -> None:
    answer = await say("conso erie octobre")
    assert answer.title == "2 clients ressemblent à «\N{NO-BREAK SPACE}erie\N{NO-BREAK SPACE}» : lequel ?"
    titles = [(await say(button.command)).title for button in answer.buttons]
    assert titles == [
        "Boulangerie Pâquerette & Fils : conso d'octobre 2026",
        'Menuiserie "Le Chêne" : conso d\'octobre 2026',
    ]


async def test_a_long_name_with_accents_still_fits_into_a_button(say: Say, tmp_path: Path, context: Context) -> None:
    root = tmp_path / "ftp"
    (root / "RatedCDRs").mkdir(parents=True)
    names = [f"{'É' * 30} Éléphant {place}" for place in ("Été", "Hiver")]
    lines = ["Date et heure;Numéro appelant;Numéro appelé;Type;Durée (s);Montant HT;Client"]
    lines += [f"02/11/2026 10:00:00;063998000{n};0639985000;Voix;60;0,10;{name}" for n, name in enumerate(names)]
    (root / "RatedCDRs" / "RatedCDRs_20261102_1900_01.csv").write_bytes("\r\n".join([*lines, ""]).encode("cp1252"))
    await make_pass(root, tmp_path / "data")
    db = store.open_to_read(tmp_path / "data")
    answer = await say("conso éléphant", context=replace(context, telecom=db))
    db.close()
    assert len(answer.buttons) == 2
    assert all(len(button.command.encode()) <= 64 for button in answer.buttons)


async def test_an_unknown_client_is_said_so(say: Say) -> None:
    answer = await say("conso zzzzzz octobre")
    assert answer.refused
    assert answer.title == "Aucun client ne ressemble à «\N{NO-BREAK SPACE}zzzzzz\N{NO-BREAK SPACE}»."


async def test_without_argument_it_asks_whose(say: Say) -> None:
    answer = await say("/conso")
    assert answer.refused
    assert "Usage : /conso CLIENT ou NUMÉRO [MOIS]" in answer.lines


async def test_a_month_alone_asks_whose(say: Say) -> None:
    assert (await say("/conso octobre")).refused


async def test_a_billed_month_says_that_it_is_billed_and_by_which_file(say: Say) -> None:
    told = (await say("conso dupont octobre")).freshness
    assert told.startswith("d'après la facturation")
    assert "BilledCDRs_202610.csv" in told


async def test_a_month_that_is_not_billed_says_so_and_its_last_file(say: Say, filled: Filled) -> None:
    told = (await say("conso dupont novembre")).freshness
    last = max(path.name for path in (filled.operator.root / "RatedCDRs").iterdir())
    assert told.startswith("d'après les relevés quotidiens, non encore facturés")
    assert last in told


async def test_the_dearest_lines_are_told_first(say: Say, filled: Filled) -> None:
    amounts: dict[str, int] = {}
    for cdr in filled.operator.cdrs:
        if cdr.client == DUPONT and cdr.start.month == 10:
            amounts[cdr.caller] = amounts.get(cdr.caller, 0) + cdr.amount
    dearest = max(amounts, key=lambda number: amounts[number])
    answer = await say("conso dupont octobre")
    first = answer.lines[answer.lines.index("Premières lignes :") + 1]
    assert first.startswith(f"{show(dearest)} : {french.euros(amounts[dearest])}")


async def test_what_is_out_of_bundle_is_told_apart(say: Say, filled: Filled) -> None:
    outside = sum(
        cdr.amount
        for cdr in filled.operator.cdrs
        if cdr.client == DUPONT and cdr.start.month == 10 and cdr.out_of_bundle
    )
    assert f"Hors forfait : {french.euros(outside)} HT" in words(await say("conso dupont octobre"))


async def test_no_called_number_is_ever_shown(say: Say, filled: Filled) -> None:
    called = {show(cdr.called) for cdr in filled.operator.cdrs if len(cdr.called) == 10}
    told = words(await say("conso dupont octobre")) + words(await say("conso 0639980001 octobre"))
    assert not any(number in told for number in called)


async def test_before_the_first_file_it_says_that_nothing_came(tmp_path: Path, context: Context, say: Say) -> None:
    store.open_to_write(tmp_path).close()
    db = store.open_to_read(tmp_path)
    answer = await say("conso dupont", context=replace(context, telecom=db))
    db.close()
    assert answer.title == "Aucun relevé de communications n'a encore été reçu de l'opérateur."

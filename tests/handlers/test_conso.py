"""/conso: a month of a client or a line, as the operator's own truth has it."""

import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from bot.sandbox.traffic import Usage, total
from core import store
from core.daily import date_of
from core.numbers import show
from handlers import french
from handlers.answer import Answer
from handlers.command import Context
from tests.handlers.conftest import Filled, Say, words
from tests.handlers.filled import make_pass, settings

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
    assert "décembre 2025" in (await say("conso dupont décembre")).title


async def test_a_line_without_traffic_says_so(say: Say) -> None:
    assert (await say("conso 0639980004 octobre")).title == "06 39 98 00 04 : aucun trafic en octobre 2026"


async def test_a_line_that_nobody_knows_is_not_said_to_have_no_traffic(say: Say) -> None:
    answer = await say("conso 0639989001")
    assert answer.refused
    assert "06 39 98 00 01 · Dupont BTP" in answer.lines


async def test_a_time_of_which_no_file_tells_is_not_said_to_have_no_traffic(say: Say) -> None:
    assert (await say("conso dupont aujourd'hui")).title == "Dupont BTP : aucun relevé reçu pour le 24 novembre 2026"
    answer = await say("conso dupont janvier 2025")
    assert answer.title == "Dupont BTP : aucun relevé reçu pour janvier 2025"
    assert answer.lines == ("Mois connus : novembre 2026, octobre 2026.",)


async def test_several_clients_are_proposed_by_buttons_that_work(say: Say) -> None:
    answer = await say("conso erie octobre")
    assert answer.title == "«\N{NO-BREAK SPACE}erie\N{NO-BREAK SPACE}» : lequel de ces clients ?"
    titles = [(await say(button.command)).title for button in answer.buttons]
    assert sorted(titles) == [
        "Boulangerie Pâquerette & Fils : conso d'octobre 2026",
        'Menuiserie "Le Chêne" : conso d\'octobre 2026',
    ]


async def test_a_name_that_holds_a_month_comes_before_the_month(say: Say, named: Context) -> None:
    assert (await say("conso Garage de Mars", context=named)).title == "Garage de Mars : conso de novembre 2026"
    march = await say("conso Garage de Mars mars 2026", context=named)
    assert march.title == "Garage de Mars : aucun relevé reçu pour mars 2026"


async def test_of_two_clients_as_near_none_is_picked(say: Say, named: Context) -> None:
    answer = await say("conso Martim", context=named)
    assert [button.label for button in answer.buttons] == ["Martin A", "Martin B"]
    assert answer.table is None


async def test_how_a_mistyped_name_was_read_is_said_first(say: Say) -> None:
    answer = await say("conso duont btp octobre")
    assert answer.lines[0] == f"«\N{NO-BREAK SPACE}duont btp\N{NO-BREAK SPACE}» lu comme {DUPONT}."


@pytest.fixture
async def named(tmp_path: Path, context: Context) -> AsyncIterator[Context]:
    """A store with clients of these names, who each spoke a minute in November."""
    root = tmp_path / "ftp"
    (root / "RatedCDRs").mkdir(parents=True)
    lines = ["Date et heure;Numéro appelant;Numéro appelé;Type;Durée (s);Montant HT;Client"]
    for number, name in enumerate(("Garage de Mars", "Martin A", "Martin B")):
        lines.append(f"02/11/2026 10:00:00;063998000{number};0639985000;Voix;60;0,10;{name}")
    (root / "RatedCDRs" / "RatedCDRs_20261102_1900_01.csv").write_bytes("\r\n".join([*lines, ""]).encode("cp1252"))
    await make_pass(root, tmp_path / "data")
    db = store.open_to_read(tmp_path / "data")
    yield replace(context, telecom=db, settings=settings(tmp_path / "data"))
    db.close()


# Other periods, and what stands beside the totals


async def test_several_months_are_added_up(say: Say, filled: Filled) -> None:
    parts = [filled.operator.usage(DUPONT, month) for month in ("2026-10", "2026-11")]
    answer = await say("conso dupont octobre à novembre")
    assert answer.title == f"{DUPONT} : conso d'octobre à novembre 2026"
    assert rows(answer)["Total HT"][2] == french.euros(sum(part.amount for part in parts))
    assert rows(answer)["Voix"][:2] == (
        french.whole(sum(part.voice_count for part in parts)),
        french.duration(sum(part.voice_seconds for part in parts)),
    )


@pytest.mark.parametrize("who", [DUPONT, "0639980001"])
async def test_some_days_are_counted_from_the_communications_themselves(say: Say, filled: Filled, who: str) -> None:
    truth = total(
        cdr
        for cdr in filled.operator.cdrs
        if who in (cdr.client, cdr.caller) and cdr.start.month == 10 and 5 <= cdr.start.day <= 11
    )
    answer = await say(f"conso {who} du 5 au 11 octobre")
    assert "du 5 au 11 octobre 2026" in answer.title
    assert {kind: row[:2] for kind, row in rows(answer).items() if kind != "Total HT"} == figures(truth)


async def test_a_month_is_compared_with_the_one_before(say: Say, filled: Filled) -> None:
    before = filled.operator.usage(DUPONT, "2026-10").amount
    (told,) = [line for line in (await say("conso dupont novembre")).lines if line.startswith("En octobre 2026")]
    assert told == f"En octobre 2026 : {french.euros(before)} HT (mois entier)"
    assert not [line for line in (await say("conso dupont octobre")).lines if line.startswith("En septembre")]


async def test_destinations_are_told_dearest_first(say: Say, context: Context) -> None:
    answer = await say("conso dupont octobre")
    zones = answer.lines[answer.lines.index("Par destination :") + 1 : answer.lines.index("Premières lignes :")]
    amounts = [
        float(found[1].replace("\u202f", "").replace(",", "."))
        for zone in zones
        if (found := re.search(r" : (\S+)\s€", zone))
    ]
    assert len(amounts) >= 2
    assert amounts == sorted(amounts, reverse=True)


async def test_what_comes_next_is_a_touch_away(say: Say) -> None:
    of_client = await say("conso dupont novembre")
    assert [button.label for button in of_client.buttons] == ["Tableur", "Octobre 2026", "Lignes"]
    assert (await say(of_client.buttons[1].command)).title == f"{DUPONT} : conso d'octobre 2026"
    of_line = await say("conso 0639980001 novembre")
    assert [button.label for button in of_line.buttons] == ["Tableur", "Octobre 2026", "Détail", "État"]


async def test_its_picture_shows_the_same_days(say: Say) -> None:
    picture = (await say("conso dupont octobre")).picture
    assert picture
    assert (date_of(picture.first), date_of(picture.last)) == (date(2026, 10, 1), date(2026, 10, 31))
    assert (picture.client, picture.msisdn, picture.billed_months) == ("dupontbtp", "", (202610,))


async def test_as_a_spreadsheet_it_holds_every_line(say: Say, filled: Filled) -> None:
    answer = await say("conso dupont octobre tableur")
    (file,) = answer.files
    assert file.name == "Conso Dupont BTP 2026-10.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(file.content), read_only=True)
    cells = {str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row}
    callers = {cdr.caller for cdr in filled.operator.cdrs if cdr.client == DUPONT and cdr.start.month == 10}
    assert callers
    assert callers <= cells


async def test_an_unknown_client_is_said_so(say: Say) -> None:
    answer = await say("conso zzzzzz octobre")
    assert answer.refused
    assert answer.title == "Aucun client ne ressemble à «\N{NO-BREAK SPACE}zzzzzz\N{NO-BREAK SPACE}»."


async def test_without_argument_it_asks_whose(say: Say) -> None:
    answer = await say("/conso")
    assert answer.refused
    assert "Usage : /conso CLIENT ou NUMÉRO [MOIS ou PÉRIODE]" in answer.lines


@pytest.mark.parametrize("word", ["octbre", "octobr", "otcobre", "ocotbre"])
async def test_a_mistyped_month_is_proposed(say: Say, word: str) -> None:
    answer = await say(f"conso dupont {word}")
    assert answer.refused
    assert answer.title.endswith("n'est pas un mois : vouliez-vous dire octobre 2026 ?")
    assert (await say(answer.buttons[0].command)).title == f"{DUPONT} : conso d'octobre 2026"


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

"""/status: a line's state, with its date, however the line is named."""

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from core import store
from handlers import registry
from handlers.ask import Ask
from handlers.command import Context
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN, Filled, Say, words
from tests.handlers.filled import NOW, PARIS, make_pass, small_operator, write_status


@pytest.mark.parametrize(
    "number",
    [
        "0639980001",
        "06 39 98 00 01",
        "06.39.98.00.01",
        "06-39-98-00-01",
        "06\u00a039\u202f98 00 01",
        "+33639980001",
        "+33 6 39 98 00 01",
        "+33 (0)6 39 98 00 01",
        "0033639980001",
        "33639980001",
        "639980001",
    ],
)
async def test_a_number_in_any_usual_form_finds_its_line(say: Say, number: str) -> None:
    answer = await say(f"/status {number}")
    assert answer.title == "🟢 06 39 98 00 01 : active"


async def test_a_line_tells_its_client_plan_card_and_start(say: Say, filled: Filled) -> None:
    line = filled.operator.line("0639980001")
    assert line.activated_on
    answer = await say("status 0639980001")
    told = words(answer)
    assert f"Client : {line.client}" in told
    assert f"Forfait : {line.plan}" in told
    assert f"SIM : {line.iccid}" in told
    assert "Mise en service : " in told


async def test_a_line_never_tells_its_rio(say: Say, filled: Filled) -> None:
    assert filled.operator.line("0639980001").rio not in words(await say("status 0639980001"))


async def test_the_iccid_finds_its_line(say: Say, filled: Filled) -> None:
    iccid = filled.operator.line("0639980001").iccid
    assert (await say(f"status {iccid}")).title.startswith("🟢 06 39 98 00 01")


async def test_the_thirteen_last_digits_that_a_card_prints_find_its_line(say: Say, filled: Filled) -> None:
    iccid = filled.operator.line("0639980001").iccid
    assert (await say(f"status {iccid[-13:]}")).title.startswith("🟢 06 39 98 00 01")


async def test_the_iccid_alone_without_a_command_finds_its_line(say: Say, filled: Filled) -> None:
    iccid = filled.operator.line("0639980001").iccid
    assert (await say(f"{iccid[:10]} {iccid[10:]}")).title.startswith("🟢 06 39 98 00 01")


async def test_the_last_digits_of_one_line_show_it(say: Say) -> None:
    assert (await say("status 1000")).title.startswith("❔ 06 39 98 10 00")


async def test_the_last_digits_of_two_lines_propose_both(say: Say) -> None:
    answer = await say("status 5555")
    assert answer.title == "2 lignes correspondent : laquelle ?"
    assert [button.command for button in answer.buttons] == ["status 0639981200", "status 0639981201"]


async def test_the_last_digits_of_more_than_twenty_lines_ask_for_more_of_them(say: Say) -> None:
    answer = await say("status 7777")
    assert answer.refused
    assert "en donner davantage" in answer.title


async def test_three_digits_are_too_few(say: Say) -> None:
    answer = await say("status 001")
    assert answer.refused
    assert "Usage : /status" in words(answer)


async def test_an_unknown_number_is_said_so(say: Say) -> None:
    answer = await say("status 0639987654")
    assert answer.title == "Aucune ligne ne correspond à «\N{NO-BREAK SPACE}06 39 98 76 54\N{NO-BREAK SPACE}»."
    assert answer.refused


async def test_without_argument_it_asks_which_line_with_an_example(say: Say) -> None:
    answer = await say("/status")
    assert answer.refused
    assert answer.title == "Quelle ligne ?"
    assert "Exemple : /status 0639980001" in answer.lines


async def test_a_word_is_no_line(say: Say) -> None:
    assert "n'est ni un numéro ni un ICCID" in (await say("status bonjour")).title


@pytest.mark.parametrize(
    ("number", "title"),
    [
        ("0639980002", "🟠 06 39 98 00 02 : suspendue"),
        ("0639980003", "🟠 06 39 98 00 03 : suspendue par l'opérateur"),
        ("0639980004", "⚪ 06 39 98 00 04 : réservée"),
        ("0639980005", "🔴 06 39 98 00 05 : résiliée"),
        ("0639980024", "⚪ 06 39 98 00 24 : en stock"),
    ],
)
async def test_each_state_has_its_word_and_mark(say: Say, number: str, title: str) -> None:
    assert (await say(f"status {number}")).title == title


async def test_an_unknown_status_word_is_shown_as_it_is(say: Say) -> None:
    assert "« Gelée » (mot de l'opérateur)" in (await say("status 0639981000")).title


async def test_a_line_in_stock_has_no_client(say: Say) -> None:
    assert "Client : aucun" in (await say("status 0639980024")).lines


@pytest.mark.parametrize("question", ["0639980001", "5555", "0639987654"])
async def test_the_freshness_is_always_told(say: Say, question: str) -> None:
    answer = await say(f"status {question}")
    assert re.fullmatch(
        r"état au 24/11 à 08:\d\d \(il y a .+\), fichier AccountStatus_20261124_08\d{4}\.csv", answer.freshness
    )


async def test_the_age_of_the_state_is_the_time_since_its_file(say: Say) -> None:
    assert "état au 24/11 à 08:30 (il y a 30\u00a0min)" in (await say("status 5555")).freshness


async def test_the_last_traffic_is_that_of_the_last_cdr(say: Say, filled: Filled) -> None:
    last = max(
        (cdr for cdr in filled.operator.cdrs if cdr.caller == "0639980001"), key=lambda cdr: cdr.start.timestamp()
    )
    assert any(f"{last.start:%d/%m à %H:%M}" in line for line in (await say("status 0639980001")).lines)


async def test_a_line_without_traffic_says_so(say: Say) -> None:
    assert "Dernier trafic : aucun connu" in (await say("status 0639980024")).lines


async def test_one_touch_asks_for_the_consumption(say: Say) -> None:
    buttons = {button.label: button.command for button in (await say("status 0639980001")).buttons}
    assert list(buttons) == ["Conso", "Historique", "PUK", "Exporter", "Demander à l'équipe"]
    assert (await say(buttons["Conso"])).title.startswith("06 39 98 00 01 : conso")
    assert (await say(buttons["Historique"])).title.startswith("06 39 98 00 01 : ")
    assert (await say(buttons["PUK"], confirmed=True)).codes
    (file,) = (await say(buttons["Exporter"])).files
    assert file.name == "Ligne 0639980001.xlsx"


async def test_a_digit_too_wrong_proposes_the_lines_that_are_near(say: Say) -> None:
    answer = await say("status 0639989001")
    assert "06 39 98 00 01 · Dupont BTP" in answer.lines
    assert (await say(answer.buttons[0].command)).title == "🟢 06 39 98 00 01 : active"


async def test_who_may_not_see_codes_has_no_button_for_them(say: Say, context: Context) -> None:
    labels = {button.label for button in (await say("status 0639980001", person=ACCOUNTANT)).buttons}
    assert "PUK" not in labels
    for door, private in (("chat", False), ("mail", True)):
        ask = Ask("status", "0639980001", TECHNICIAN, door, private)  # type: ignore[arg-type]
        assert "PUK" not in {button.label for button in (await registry.answer(ask, context)).buttons}


async def test_options_are_told(say: Say, filled: Filled) -> None:
    line = next(line for line in filled.operator.lines if line.options)
    assert f"Options : {line.options}" in (await say(f"status {line.msisdn}")).lines


async def test_an_active_line_without_traffic_for_days_is_pointed_out(
    tmp_path: Path, context: Context, say: Say
) -> None:
    root = tmp_path / "ftp"
    for folder in ("RatedCDRs", "AccountStatus"):
        (root / folder).mkdir(parents=True)
    write_status(
        root, "0800", [("Dupont BTP", f"063998000{n}", f"893301990000000{n:04}", "Active") for n in range(1, 4)]
    )
    rows = [
        "Date et heure;Numéro appelant;Numéro appelé;Type;Durée (s);Montant HT",
        "10/11/2026 10:00:00;0639980001;0639985000;Voix;60;0,10",
        "22/11/2026 10:00:00;0639980002;0639985000;Voix;60;0,10",
    ]
    (root / "RatedCDRs" / "RatedCDRs_20261123_1900_01.csv").write_bytes("\r\n".join([*rows, ""]).encode("cp1252"))
    await make_pass(root, tmp_path / "data")
    db = store.open_to_read(tmp_path / "data")
    here = replace(context, telecom=db)
    assert "⚠️ Ligne active sans trafic depuis 13 jours." in (await say("status 0639980001", context=here)).lines
    assert "⚠️" not in words(await say("status 0639980002", context=here))
    db.close()


async def test_traffic_after_a_suspension_is_pointed_out(tmp_path: Path, context: Context, say: Say) -> None:
    operator = small_operator(tmp_path / "ftp")
    data = tmp_path / "data"
    await make_pass(operator.root, data)
    operator.change_line("0639980001", status="Suspendue")
    operator.deliver_status(datetime(2026, 11, 24, 9, 0))
    row = ["24/11/2026 09:30:00;0639980001;0639985000;Voix;60;;France;0,0000;Non;Dupont BTP"]
    header = (operator.root / "RatedCDRs").glob("*.csv").__next__().read_bytes().decode("cp1252").splitlines()[0]
    (operator.root / "RatedCDRs" / "RatedCDRs_20261124_1000_01.csv").write_bytes(
        "\r\n".join([header, *row, ""]).encode("cp1252")
    )
    await make_pass(operator.root, data)
    db = store.open_to_read(data)
    answer = await say("status 0639980001", context=replace(context, telecom=db))
    db.close()
    assert "⚠️ Du trafic a été vu depuis la suspension." in answer.lines


async def test_before_the_first_file_it_says_that_nothing_came(tmp_path: Path, context: Context, say: Say) -> None:
    store.open_to_write(tmp_path).close()
    db = store.open_to_read(tmp_path)
    answer = await say("status 0639980001", context=replace(context, telecom=db))
    db.close()
    assert answer.title == "Aucun état des lignes n'a encore été reçu de l'opérateur."


async def test_a_state_of_last_year_shows_its_year(context: Context, say: Say) -> None:
    later = int(datetime(2027, 1, 4, 9, 0, tzinfo=PARIS).timestamp())
    assert later > NOW
    answer = await say("status 0639980001", context=replace(context, now=lambda: later))
    assert "état au 24/11/2026 à 08:30" in answer.freshness


async def test_a_cell_that_looks_like_markup_is_only_a_word(tmp_path: Path, context: Context, say: Say) -> None:
    root, data = tmp_path / "ftp", tmp_path / "data"
    (root / "AccountStatus").mkdir(parents=True)
    write_status(root, "0800", [("<b>Exemple</b> & Fils", "0639980001", "8933019900000000017", "Active")])
    await make_pass(root, data)
    db = store.open_to_read(data)
    answer = await say("status 0639980001", context=replace(context, telecom=db))
    db.close()
    assert "Client : <b>Exemple</b> & Fils" in answer.lines


async def test_a_suspended_line_says_since_when(tmp_path: Path, context: Context, say: Say) -> None:
    root = tmp_path / "ftp"
    (root / "AccountStatus").mkdir(parents=True)
    for hour, status in (("0800", "Active"), ("0900", "Suspendue"), ("1000", "Suspendue")):
        write_status(root, hour, [("Dupont BTP", "0639980001", "8933019900000000012", status)])
    await make_pass(root, tmp_path / "data")
    answer = await say("status 0639980001", context=replace(context, telecom=store.open_to_read(tmp_path / "data")))
    assert "Depuis : état du 24/11 à 09:00" in answer.lines


async def test_a_line_that_was_already_suspended_at_first_sight_does_not_pretend_to_know_since_when(
    tmp_path: Path, context: Context, say: Say
) -> None:
    root = tmp_path / "ftp"
    (root / "AccountStatus").mkdir(parents=True)
    write_status(root, "0800", [("Dupont BTP", "0639980001", "8933019900000000012", "Suspendue")])
    await make_pass(root, tmp_path / "data")
    answer = await say("status 0639980001", context=replace(context, telecom=store.open_to_read(tmp_path / "data")))
    assert "Depuis : déjà dans l'état du 24/11 à 08:00, ou avant" in answer.lines


async def test_a_line_that_the_state_no_longer_lists_is_said_so_and_not_terminated(
    tmp_path: Path, context: Context, say: Say
) -> None:
    operator = small_operator(tmp_path / "ftp")
    path = write_status(operator.root, "0830", [("Dupont BTP", "0639980001", "8933019900000000012", "Active")])
    content = path.read_bytes().splitlines(keepends=True)
    path.with_name("AccountStatus_20261124_090000.csv").write_bytes(
        b"".join(line for line in content if b"0639980001" not in line)
    )
    await make_pass(operator.root, tmp_path / "data")
    await make_pass(operator.root, tmp_path / "data")  # the same file once more: it is not being written
    later = replace(context, telecom=store.open_to_read(tmp_path / "data"))
    answer = await say("status 0639980001", context=later)
    assert answer.title == (
        "❔ 06 39 98 00 01 : n'est plus dans l'état des lignes depuis le 24/11 à 09:00 ; dernier état connu : active"
    )
    assert "état au 24/11 à 08:30" in answer.freshness
    assert "résiliée" not in words(answer)

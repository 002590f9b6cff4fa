"""Spreadsheets that people ask for, read back by another reader than what wrote them."""

import io
import re
import tempfile
import zipfile
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from core import books, daily, store, usage, workbook
from core.clients import Client
from core.workshop import Workshop
from tests.core.test_daily import BILLED_OCTOBER, CAFE, DUPONT, ROWS
from tests.core.test_intake import Telecom, cdr_file, status_file
from tests.core.test_locked import opened

OCTOBER, NOVEMBER = daily.days_of(202610), daily.days_of(202611)
RIO = "01E4K7P2QEM3"
CODES = ("0042", "98765432", "4321", "12345678")
CARD = "8933019900000000018"
STATE = (
    f"0639980001;{CARD};208010000000001;Active;Dupont BTP;Pro",
    "0639980002;;2;Active;Dupont BTP;=1+1",
    "0639980003;;3;Réservée;;",
    "0639980007;;7;Active;Café de l'Été;",
    *(f"063998009{number};;;Disponible;;" for number in range(3)),
)

Sheets = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("books")
    telecom = Telecom(data)
    telecom.take("AccountStatus/AccountStatus_20261124_080000.csv", status_file(*STATE))
    later = (STATE[0].replace("Active", "Suspendue"), *STATE[1:3], *STATE[4:])
    telecom.take("AccountStatus/AccountStatus_20261124_090000.csv", status_file(*later, "0639980004;;;Active;;"))
    telecom.take("RatedCDRs/RatedCDRs_20261104_1900.csv", cdr_file(*ROWS))
    telecom.take("BilledCDRs/BilledCDRs_202610.csv", BILLED_OCTOBER)
    header = "NSCE;IMSI;Numéro;PIN1;PUK1;PIN2;PUK2\n"
    telecom.take("Cartes SIM/SIM_20261120_CMD0001.csv", f"{header}{CARD};1;0639980001;{';'.join(CODES)}\n")
    with telecom.db.atomic():
        telecom.db.execute("UPDATE lines SET rio = ?", (RIO,))
        telecom.db.execute(
            "INSERT INTO line_changes (msisdn, at, change, before, after, file_id) "
            "SELECT msisdn, since, 'rio', rio, rio, file_id FROM lines"
        )
    telecom.db.close()
    return data


def sheets(content: bytes) -> Sheets:
    """The values of each sheet, without rows that are all empty."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {
        sheet.title: [row for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row)]
        for sheet in book.worksheets
    }


def facts(first: list[tuple[Any, ...]]) -> dict[str, Any]:
    return {str(row[0]): row[1] for row in first if row[0] and row[1] is not None and not any(row[2:])}


def rows_of(sheet: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    head, *rows = sheet
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def every_book(data: Path) -> dict[str, bytes]:
    return {
        "client": books.conso(data, DUPONT, "", (202610, 202611), 0, 0),
        "days": books.conso(data, DUPONT, "", (), OCTOBER[1], NOVEMBER[0] + 5),
        "consumption of a line": books.conso(data, "", "0639980001", (202611,), 0, 0),
        "cdr": books.cdr(data, "0639980001", OCTOBER[0], NOVEMBER[1]),
        "whole cdr": books.cdr(data, "0639980001", OCTOBER[0], NOVEMBER[1], books.Whole("Alix", "=1+1")),
        "line": books.line(data, "0639980001"),
        "lines": books.lines(data, "", ()),
        "clients": books.clients(data, 202611),
    }


def amount_of(data: Path, folded: str, month: int) -> float:
    with closing(store.open_to_read(data)) as db:
        client = Client(*db.execute("SELECT id, name FROM clients WHERE folded = ?", (folded,)).fetchone())
        return sum(it.amount or 0 for it in usage.of_client(db, client, month, usage.source_of(db, month))) / 1e6


def test_a_client_s_book_says_whose_when_and_from_which_files(data: Path) -> None:
    first = sheets(books.conso(data, DUPONT, "", (202610, 202611), 0, 0))["Résumé"]
    told = facts(first)
    assert first[0][0] == "Dupont BTP\u00a0: consommation"
    assert told["Client"] == "Dupont BTP"
    assert told["Période"] == "d'octobre 2026 à novembre 2026"
    assert told["Connu"] == "jusqu'au 04/11/2026 (dernier jour incomplet)"
    assert "BilledCDRs_202610.csv" in told["Facturation (BilledCDRs)"]
    assert "RatedCDRs_20261104_1900.csv, du 04/11/2026 à 19:00" in told["Relevés quotidiens (RatedCDRs)"]


@pytest.mark.parametrize("name", ["Par ligne", "Par jour", "Par destination"])
def test_each_sheet_adds_up_to_the_month(data: Path, name: str) -> None:
    for folded in (DUPONT, CAFE):
        for month in (202610, 202611):
            rows = rows_of(sheets(books.conso(data, folded, "", (month,), 0, 0))[name])
            total = sum(row["Montant HT"] or 0 for row in rows if isinstance(row["Montant HT"], int | float))
            assert total == pytest.approx(amount_of(data, folded, month))


def test_every_line_of_the_client_has_its_row_the_dearest_first(data: Path) -> None:
    rows = rows_of(sheets(books.conso(data, DUPONT, "", (202611,), 0, 0))["Par ligne"])
    assert [(row["Ligne"], row["Statut"]) for row in rows] == [
        ("0639980004", None),  # it names the client in its communications, and belongs to nobody
        ("0639980001", "suspendue"),
        ("0639980002", "active"),
    ]
    assert rows[1]["Voix"] == timedelta(seconds=90)
    assert rows[1]["Data (Mo)"] == 1


def test_days_are_dates_and_known_days_without_traffic_stand_there(data: Path) -> None:
    rows = rows_of(sheets(books.conso(data, CAFE, "", (202611,), 0, 0))["Par jour"])
    assert [row["Date"] for row in rows] == [datetime(2026, 11, day) for day in (1, 2, 3, 4)]
    assert [row["Communications"] for row in rows] == [0, 0, 1, 0]
    assert rows[0]["Jour"] == "dimanche"


def test_a_range_of_days_takes_each_month_from_its_own_source(data: Path) -> None:
    content = sheets(books.conso(data, DUPONT, "", (), OCTOBER[1], NOVEMBER[0]))
    assert facts(content["Résumé"])["Période"] == "du 31/10/2026 au 01/11/2026"
    assert [(row["Source"], row["Communications"]) for row in rows_of(content["Par jour"])] == [
        ("facturation", 1),
        ("relevés quotidiens", 2),
    ]


def test_communications_have_their_local_time_and_no_whole_called_number(data: Path) -> None:
    content = books.cdr(data, "0639980001", *OCTOBER)
    ((_, row),) = enumerate(rows_of(sheets(content)["Communications"]))
    assert row == {
        "Date et heure": datetime(2026, 10, 30, 10),
        "Type": "Voix",
        "Genre": "Voix",
        "Numéro appelé": "06 39 98 XX XX",
        "Destination": "Suisse",
        "Durée": timedelta(seconds=90),
        "Data (Mo)": 0,
        "Montant HT": 1.5,
        "Forfait": None,
        "Source": "facturation",
    }
    assert "0639981234" not in everything(content)


def test_called_numbers_are_whole_for_who_says_why_and_the_book_says_so(data: Path) -> None:
    content = sheets(books.cdr(data, "0639980001", *OCTOBER, books.Whole("Alix Moreau", "litige sur la facture")))
    (row,) = rows_of(content["Communications"])
    (masked,) = rows_of(sheets(books.cdr(data, "0639980001", *OCTOBER))["Communications"])
    assert row == masked | {"Numéro appelé": "06 39 98 12 34"}
    told = facts(content["Résumé"])
    assert (told["Demandé par"], told["Motif"]) == ("Alix Moreau", "litige sur la facture")
    notes = [str(cells[0]) for cells in content["Résumé"]]
    assert any("Numéros appelés entiers" in note for note in notes)
    assert not any("cachés" in note for note in notes)


def test_whole_numbers_are_shown_as_they_came_and_never_as_formulas(tmp_path: Path) -> None:
    called = ("0639981234", "07000639981234", "3179", "+41 79 000 12 34", "=1+1", "@SUM(A1)", "-2+3", "")
    rows = "".join(f"0{day}/10/2026 10:00:00;0639980001;{it};Voix;1;60;;\n" for day, it in enumerate(called, 1))
    telecom = Telecom(tmp_path)
    telecom.take("BilledCDRs/BilledCDRs_202610.csv", BILLED_OCTOBER.splitlines()[0] + "\n" + rows)
    telecom.db.close()
    content = books.cdr(tmp_path, "0639980001", *OCTOBER, books.Whole("=cmd", '=HYPERLINK("https://example.org")'))
    assert not re.search(r"<f[ >]", everything(content))
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [row[3] for row in book["Communications"].iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == [
        "06 39 98 12 34",
        "07 00 06 39 98 12 34",
        "3179",
        "+41790001234",
        "=1+1",
        "@SUM(A1)",
        "2+3",  # a dash separates digits
        None,
    ]
    assert {cell.data_type for cell in cells[:-1]} == {"s"}


def test_a_password_closes_the_book_and_nothing_of_it_is_in_clear(data: Path) -> None:
    asked = books.Whole("Alix Moreau", "litige sur la facture", "k3fa-k3fa-k3fa-k3fa")
    closed = books.cdr(data, "0639980001", *OCTOBER, asked)
    assert not zipfile.is_zipfile(io.BytesIO(closed))
    assert all(clear.encode() not in closed for clear in ("06 39 98", "Alix", "litige", "k3fa"))
    ((row,),) = [rows_of(sheets(opened(closed, asked.password))["Communications"])]
    assert row["Numéro appelé"] == "06 39 98 12 34"
    assert asked.password not in repr(asked)


def test_rated_communications_say_whether_they_are_in_the_bundle(data: Path) -> None:
    rows = rows_of(sheets(books.cdr(data, "0639980001", *NOVEMBER))["Communications"])
    assert [row["Forfait"] for row in rows] == ["hors forfait", "dans le forfait", None]
    assert [row["Montant HT"] for row in rows] == [0.1, 0.2, None]
    assert rows[1]["Date et heure"] == datetime(2026, 11, 1, 23, 59, 59)


def test_a_line_s_book_has_its_state_history_and_months(data: Path) -> None:
    content = sheets(books.line(data, "0639980001"))
    told = facts(content["Résumé"])
    assert (told["Ligne"], told["Statut"], told["Carte SIM"]) == ("06 39 98 00 01", "suspendue", CARD)
    assert told["Depuis l'état du"] == "24/11/2026 à 09:00"
    changes = rows_of(content["Historique"])
    assert {row["Changement"]: (row["Avant"], row["Après"]) for row in changes} == {
        "RIO changé": (None, None),
        "suspendue": ("Active", "Suspendue"),
    }
    months = rows_of(content["Conso par mois"])
    assert {(row["Mois"], row["Source"]) for row in months} == {
        (datetime(2026, 11, 1), "relevés quotidiens"),
        (datetime(2026, 10, 1), "facturation"),
    }


def test_a_line_that_is_gone_says_since_when(data: Path) -> None:
    told = facts(sheets(books.line(data, "0639980007"))["Résumé"])
    assert told["Disparue depuis l'état du"] == "24/11/2026 à 09:00"


def test_lines_are_listed_by_client_and_status_as_asked(data: Path) -> None:
    def listed(folded: str, statuses: tuple[str, ...]) -> list[str]:
        return [row["Ligne"] for row in rows_of(sheets(books.lines(data, folded, statuses))["Lignes"])]

    assert listed("", ())[:5] == ["0639980001", "0639980002", "0639980003", "0639980004", "0639980090"]
    assert listed("", ("reserved", "gone")) == ["0639980003", "0639980007"]
    assert listed("", ("gone",)) == ["0639980007"]
    assert listed(DUPONT, ()) == ["0639980001", "0639980002"]
    assert listed(DUPONT, ("suspended",)) == ["0639980001"]


def test_a_listed_line_has_its_last_traffic_and_the_month(data: Path) -> None:
    row, *_ = rows_of(sheets(books.lines(data, DUPONT, ()))["Lignes"])
    assert row["Dernier trafic"] == datetime(2026, 11, 2, 10)
    assert row["Voix novembre"] == timedelta(seconds=90)
    assert row["Montant HT novembre"] == pytest.approx(0.3)


def test_clients_compare_a_month_with_the_one_before(data: Path) -> None:
    content = sheets(books.clients(data, 202611))
    rows = {row["Client"]: row for row in rows_of(content["Clients"])}
    assert list(rows) == ["Café de l'Été", "Dupont BTP", "(sans client)"]
    dupont = rows["Dupont BTP"]
    assert (dupont["Lignes"], dupont["Actives"], dupont["Suspendues"]) == (2, 1, 1)
    assert dupont["Novembre HT"] == pytest.approx(amount_of(data, DUPONT, 202611))
    assert dupont["Octobre HT"] == pytest.approx(amount_of(data, DUPONT, 202610))
    assert dupont["Écart"] == pytest.approx(dupont["Novembre HT"] - dupont["Octobre HT"])
    assert dupont["Écart %"] == pytest.approx(100 * dupont["Écart"] / dupont["Octobre HT"])
    assert rows["(sans client)"]["Novembre HT"] == 1
    assert any("jusqu'au 04/11/2026" in str(row[0]) for row in content["Résumé"])


def test_january_is_compared_with_the_december_before(data: Path) -> None:
    assert facts(sheets(books.clients(data, 202701))["Résumé"])["Comparé à"] == "décembre 2026"


@pytest.mark.parametrize("unknown", [("nobody", ""), ("", "")])
def test_a_client_that_is_not_known_is_an_error(data: Path, unknown: tuple[str, str]) -> None:
    with pytest.raises(LookupError):
        books.conso(data, *unknown, (202611,), 0, 0)
    with pytest.raises(LookupError):
        books.line(data, "0639989999")


def everything(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return "\n".join(parts.read(name).decode() for name in parts.namelist() if name.endswith(".xml"))


def test_no_book_holds_a_code_or_a_rio(data: Path) -> None:
    for name, content in every_book(data).items():
        found = everything(content)
        assert RIO not in found, name
        values = {str(cell) for rows in sheets(content).values() for row in rows for cell in row}
        assert values.isdisjoint(CODES), name


def test_no_cell_is_a_formula(data: Path) -> None:
    for name, content in every_book(data).items():
        assert not re.search(r"<f[ >]", everything(content)), name
    rows = rows_of(sheets(books.lines(data, DUPONT, ()))["Lignes"])
    assert rows[1]["Forfait"] == "=1+1"


def test_each_sheet_is_ready_to_be_read_sorted_and_printed(data: Path) -> None:
    for name, content in every_book(data).items():
        book = openpyxl.load_workbook(io.BytesIO(content))
        first, *others = book.worksheets
        assert first.title == "Résumé", name
        assert first.page_setup.orientation == "landscape"
        for sheet in others:
            assert sheet.freeze_panes == "B2", (name, sheet.title)
            assert sheet.auto_filter.ref
            properties = sheet.sheet_properties.pageSetUpPr
            assert properties
            assert (properties.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
            assert sheet.print_title_rows == "$1:$1"


def test_a_sheet_that_is_too_long_is_cut_and_says_so(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    content = sheets(books.cdr(data, "0639980001", *NOVEMBER))
    assert len(content["Communications"]) == 3
    assert any("s'arrête à 2 lignes" in str(row[0]) for row in content["Résumé"])


def test_the_totals_stay_when_the_detail_is_no_longer_kept(data: Path, tmp_path: Path) -> None:
    with closing(store.connect(data / store.FILE_NAME)) as db:
        db.execute("VACUUM INTO ?", (str(tmp_path / store.FILE_NAME),))
    with closing(store.connect(tmp_path / store.FILE_NAME)) as db, db.atomic():
        db.execute("DELETE FROM cdrs")
    for content in (
        books.cdr(tmp_path, "0639980001", *NOVEMBER),
        books.conso(tmp_path, "", "0639980001", (202611,), 0, 0),
    ):
        first = sheets(content)["Résumé"]
        assert any("n'est plus conservé" in str(row[0]) for row in first)
        assert ("Total", 3) in [row[:2] for row in first]


def test_a_book_leaves_no_file_behind(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    books.lines(data, "", ())
    monkeypatch.setattr(books, "_state", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        books.lines(data, "", ())
    assert list(tmp_path.iterdir()) == []


async def test_it_is_made_in_the_workshop(data: Path) -> None:
    workshop = Workshop()
    try:
        assert sheets(await workshop.make(books.line, data, "0639980001"))["Résumé"]
    finally:
        workshop.close()

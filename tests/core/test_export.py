import csv
import json
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.dataset as ds
import pytest

from bot.cli import main
from core import store
from core.export import files, parquet
from core.export.tables import EXPORTS, Choice, chunks, documentation, export_named
from tests.core.test_intake import Telecom, cdr_file, status_file

CARD = "8933019900000000018"
STATUS = "AccountStatus/AccountStatus_20261124_080000.csv"
ROWS = (
    "0639980001;24/11/2026 10:00:00;Voix;60;;0,10;Dupont BTP;Oui",
    "0639980001;31/10/2026 23:59:59;Data;;1024;-12,345678;=1+1;Non",
    "0639980002;25/10/2026 02:30:00;SMS;;;;;",
)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A data folder; the second line belongs to its client by the state alone."""
    (tmp_path / "data").mkdir()
    telecom = Telecom(tmp_path / "data")
    state = (f"0639980001;{CARD};1;Active;Dupont BTP;Pro", "0639980002;;2;Suspendue;Café de l'Été;")
    telecom.take(STATUS, status_file(*state))
    telecom.take(STATUS.replace("_08", "_09"), status_file(state[0].replace("Active", "Suspendue"), state[1]))
    telecom.take("RatedCDRs/RatedCDRs_20261124_1000.csv", cdr_file(*ROWS, "x;y"))
    telecom.take(
        "Cartes SIM/SIM_20261120_CMD0001.csv", f"NSCE;IMSI;Numéro;PIN1;PUK1\n{CARD};1;0639980001;0042;98765432\n"
    )
    header = "Date;Appelant;Appelé;Type;Montant HT;Durée (s);Client;Destination\n"
    telecom.take(
        "BilledCDRs/BilledCDRs_202610.csv",
        f"{header}24/10/2026 10:00:00;0639980001;0639981234;Voix;1,5;90;Dupont BTP;France\n"
        ";;;Abonnement;12;;Dupont BTP;\n",
    )
    telecom.db.close()
    return tmp_path / "data"


def exported(data: Path, name: str, form: str, choice: Choice = Choice()) -> Path:  # noqa: B008
    to = data / f"{name}.{form}"
    with closing(store.open_to_read(data)) as db:
        files.write(db, export_named(name), choice, to, form)
    return to


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_communications_are_exported_with_their_units(filled: Path) -> None:
    october, night, november = read_csv(exported(filled, "cdrs", "csv"))
    assert november == {
        "msisdn": "0639980001",
        "start": "2026-11-24T10:00:00+01:00",
        "day": "2026-11-24",
        "kind": "voice",
        "type": "Voix",
        "called": "",
        "duration_s": "60",
        "volume_bytes": "0",
        "amount_eur": "0.100000",
        "out_of_bundle": "yes",
        "zone": "",
        "client": "Dupont BTP",
        "file": "RatedCDRs/RatedCDRs_20261124_1000.csv",
    }
    assert (october["start"], october["amount_eur"], october["client"]) == (
        "2026-10-25T02:30:00+02:00",
        "",
        "Café de l'Été",
    )
    assert (night["day"], night["amount_eur"], night["volume_bytes"]) == ("2026-10-31", "-12.345678", "1048576")


def test_a_text_is_never_a_formula(filled: Path) -> None:
    assert read_csv(exported(filled, "cdrs", "csv"))[1]["client"] == "'=1+1"
    assert json.loads(exported(filled, "cdrs", "json").read_text())[1]["client"] == "=1+1"
    sheet = openpyxl.load_workbook(exported(filled, "cdrs", "xlsx")).active
    assert sheet is not None
    cell = sheet["L3"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_called_numbers_hide_their_last_digits(filled: Path) -> None:
    fee, call = read_csv(exported(filled, "billed", "csv"))
    assert call["called"] == "06 39 98 XX XX"
    assert (fee["msisdn"], fee["client"], fee["amount_eur"]) == ("", "Dupont BTP", "12.000000")


def test_a_month_and_a_client_limit_what_is_exported(filled: Path) -> None:
    assert [row["day"] for row in read_csv(exported(filled, "cdrs", "csv", Choice(month=202610)))] == [
        "2026-10-25",
        "2026-10-31",
    ]
    with closing(store.open_to_read(filled)) as db:
        (client,) = db.execute("SELECT id FROM clients WHERE name LIKE 'Caf%'").fetchone()
    assert [row["msisdn"] for row in read_csv(exported(filled, "cdrs", "csv", Choice(client=client)))] == ["0639980002"]
    assert [row["msisdn"] for row in read_csv(exported(filled, "lines", "csv", Choice(client=client)))] == [
        "0639980002"
    ]


def test_a_spreadsheet_has_dates_and_figures_of_its_own(filled: Path) -> None:
    sheet = openpyxl.load_workbook(exported(filled, "usage", "xlsx")).active
    assert sheet is not None
    header, *rows = sheet.iter_rows(values_only=True)
    first = dict(zip(header, rows[-1], strict=True))
    assert (first["month"], first["source"], first["kind"], first["amount_eur"]) == ("2026-11", "rated", "voice", 0.1)
    sheet = openpyxl.load_workbook(exported(filled, "history", "xlsx")).active
    assert sheet is not None
    assert sheet["C2"].value == datetime(2026, 11, 24, 9)
    assert sheet["D2"].value == "suspended"


def test_a_spreadsheet_goes_on_with_another_sheet(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_SHEET", 2)
    book = openpyxl.load_workbook(exported(filled, "cdrs", "xlsx"))
    assert [sheet.max_row for sheet in book.worksheets] == [3, 2]


@pytest.mark.parametrize("form", files.FORMATS)
@pytest.mark.parametrize("name", [export.name for export in EXPORTS])
def test_no_export_holds_a_code(filled: Path, name: str, form: str) -> None:
    path = exported(filled, name, form)
    content = path.read_bytes()
    if form == "xlsx":
        book = openpyxl.load_workbook(path)
        content = repr([list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]).encode()
    assert content
    for secret in (b"98765432", b"0042", b"0639981234"):
        assert secret not in content


def test_rows_are_read_some_at_a_time(filled: Path) -> None:
    with closing(store.open_to_read(filled)) as db:
        sizes = [len(rows) for rows in chunks(db, export_named("cdrs"), Choice(), size=2)]
    assert sizes == [2, 1]


def test_an_interrupted_export_leaves_nothing(filled: Path) -> None:
    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with closing(store.open_to_read(filled)) as db, pytest.raises(KeyboardInterrupt):
        files.write(db, export_named("cdrs"), Choice(), filled / "out.csv", "csv", stop)
    assert list(filled.glob("*out.csv*")) == []


# -- Parquet


def written(data: Path) -> Path:
    folder = data / "parquet"
    with closing(store.open_to_read(data)) as db:
        assert parquet.write(db, folder) > 5
    return folder


def test_the_data_set_is_partitioned_as_hive_does(filled: Path) -> None:
    folder = written(filled)
    table = ds.dataset(folder / "cdrs", partitioning="hive").to_table().sort_by("start")
    rows: list[dict[str, Any]] = table.to_pylist()
    assert [(row["source"], row["month"], row["amount_eur"]) for row in rows] == [
        ("billed", "2026-10", Decimal("12.000000")),
        ("billed", "2026-10", Decimal("1.500000")),
        ("rated", "2026-10", None),
        ("rated", "2026-10", Decimal("-12.345678")),
        ("rated", "2026-11", Decimal("0.100000")),
    ]
    assert rows[-1]["start"] == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert rows[-1]["day"] == date(2026, 11, 24)
    lines = ds.dataset(folder / "lines").to_table()
    assert lines["msisdn"].to_pylist() == ["0639980001", "0639980002"]


def test_a_new_data_set_takes_the_place_of_the_former_one_only(filled: Path) -> None:
    folder = written(filled)
    assert written(filled) == folder
    (filled / "mine").mkdir()
    (filled / "mine" / "thesis.txt").write_text("years of work")
    with closing(store.open_to_read(filled)) as db, pytest.raises(parquet.NotOurs):
        parquet.write(db, filled / "mine")
    assert (filled / "mine" / "thesis.txt").read_text() == "years of work"


# -- The command


@pytest.fixture
def run(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name, value in {
        "OPERATOR_NAME": "Télécom", "ACCOUNTING_EMAIL": "a@b.test", "TECHNICAL_EMAIL": "t@b.test",
        "TECHNICAL_CONTACT": "Camille", "BOT_EMAIL": "r@b.test", "DATA": str(filled), "FTP_HOST": "x", "FTP_LOGIN": "x",
        "FTP_PASSWORD": "x", "SMTP_HOST": "x", "IMAP_HOST": "x", "IMAP_LOGIN": "x", "IMAP_PASSWORD": "x",
        "TELEGRAM_TOKEN": "123456789:an-invented_token",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ORIGYNE_{name}", value)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["export", *arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return command


def test_the_command_names_the_file_after_what_it_holds(run: Any, tmp_path: Path) -> None:
    assert run("cdrs", "--month", "octobre 2026") == (0, "cdrs_2026-10.csv : 2 rangées.\n")
    assert run("cdrs", "--client", "cafe", "--format", "json") == (0, "cdrs_cafedelete.json : 1 rangée.\n")
    status, said = run("cdrs", "--month", "2026-10")
    assert (status, "existe déjà" in said) == (1, True)
    assert run("cdrs", "--month", "2026-10", "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "Que faut-il exporter"),
        (("lines", "--month", "2026-10"), 2, "pas de mois"),
        (("cdrs", "--month", "brumaire"), 2, "Mois non compris"),
        (("cdrs", "--client", "zzz"), 1, "Aucun client"),
        (("rejects", "--client", "dupont"), 2, "pas de client"),
        (("lines", "--output", "/nowhere/x.csv"), 1, "ne s'écrit pas"),
    ],
)
def test_a_wrong_wish_is_told_in_french(run: Any, arguments: tuple[str, ...], status: int, words: str) -> None:
    got, said = run(*arguments)
    assert (got, words in said) == (status, True), said


def test_the_columns_are_documented(run: Any) -> None:
    status, said = run("--columns")
    assert status == 0
    for export in EXPORTS:
        assert all(f"`{column.name}`" in said for column in export.columns)
    assert documentation() in said

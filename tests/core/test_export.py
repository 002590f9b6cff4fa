"""Exports, read back by other readers than what wrote them."""

import csv
import json
import os
import re
import shutil
import signal
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from bot.cli import main
from bot.export_command import _stoppable
from core import store
from core.export import files, parquet
from core.export.tables import EXPORTS, Choice, chunks, documentation, export_named
from tests.core.test_intake import Telecom, cdr_file, status_file

CARD = "8933019900000000018"
RIO = "01E4K7P2QEM3"
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
    with telecom.db.atomic():
        telecom.db.execute("UPDATE lines SET rio = ?", (RIO,))
        telecom.db.execute(
            "INSERT INTO line_changes (msisdn, at, change, before, after, file_id) "
            "SELECT msisdn, since, 'rio', rio, rio, file_id FROM lines"
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


ODD = {
    '=HYPERLINK("x")': "'",
    "+A1": "'",
    "-cmd|' /C calc'!A0": "'",
    "-2+3": "'",
    "@SUM(1)": "'",
    "\t=1": "'",
    "+44 7700 90XXXX": "",
    "+33639980001": "",
    'a "b", c;d': "",
    "two\r\nlines\rhere\nthere": "",
    "É€ \u202f/ \\ \\/ ’": "",
    " space ": "",
    "null": "",
}


@pytest.fixture
def odd(filled: Path) -> Path:
    """The same, with a line a text that is odd."""
    db = store.open_to_write(filled)
    with db.atomic():
        for number, text in enumerate(ODD):
            db.execute(
                "INSERT INTO lines SELECT ?, iccid, imsi, client_id, status, word, ?, '', rio, since, NULL, file_id, "
                "options FROM lines WHERE msisdn = '0639980001'",
                (f"06399900{number:02}", text),
            )
    db.close()
    return filled


def test_odd_texts_come_back_as_they_are(odd: Path) -> None:
    expected = dict(enumerate(ODD))
    rows = read_csv(exported(odd, "lines", "csv"))[2:]
    assert [row["plan"] for row in rows] == [f"{before}{text}" for text, before in ODD.items()]
    rows = json.loads(exported(odd, "lines", "json").read_text("utf-8"))[2:]
    assert dict(enumerate(row["plan"] for row in rows)) == expected
    sheet = openpyxl.load_workbook(exported(odd, "lines", "xlsx")).active
    assert sheet is not None
    cells = [sheet.cell(row, 7) for row in range(4, 4 + len(ODD))]
    assert {cell.data_type for cell in cells} == {"s"}
    # OOXML writes a carriage return so, and openpyxl leaves it.
    assert [str(cell.value).replace("_x000D_", "\r") for cell in cells] == list(ODD)
    table = ds.dataset(written(odd) / "lines").to_table().sort_by("msisdn")
    assert table["plan"].to_pylist()[2:] == list(ODD)


def test_what_has_no_value_is_null_for_programs(filled: Path) -> None:
    (row,) = [
        row for row in json.loads(exported(filled, "cdrs", "json").read_text("utf-8")) if row["msisdn"] == "0639980002"
    ]
    assert (row["amount_eur"], row["called"], row["duration_s"]) == (None, None, 0)
    fee, _ = json.loads(exported(filled, "billed", "json").read_text("utf-8"))
    assert (fee["msisdn"], fee["amount_eur"]) == (None, "12.000000")


def test_both_hours_of_october_s_night_are_told_apart(filled: Path) -> None:
    db = store.open_to_write(filled)
    with db.atomic():
        db.execute("UPDATE cdrs SET start = start + 3600 WHERE line = 639980002")
    db.close()
    assert read_csv(exported(filled, "cdrs", "csv"))[0]["start"] == "2026-10-25T02:30:00+01:00"


def test_a_card_that_was_on_two_lines_is_one_card(odd: Path) -> None:
    assert [row["iccid"] for row in read_csv(exported(odd, "sims", "csv"))] == [CARD]
    with closing(store.open_to_read(odd)) as db:
        (client,) = db.execute("SELECT client_id FROM lines WHERE msisdn = '0639980001'").fetchone()
    assert len(read_csv(exported(odd, "sims", "csv", Choice(client=client)))) == 1
    assert read_csv(exported(odd, "sims", "csv", Choice(client=client + 1))) == []


def test_reasons_do_not_quote_numbers_or_codes(filled: Path) -> None:
    db = store.open_to_write(filled)
    with db.atomic():
        (file,) = db.execute("SELECT id FROM files WHERE folder = 'sims'").fetchone()
        for line, quoted in enumerate(("98765432", "01E4K7P2QEM3", "06 39 98 12 34", "Kio"), 10):
            db.execute("INSERT INTO rejects VALUES (?, ?, ?, ?)", (file, line, f"illisible : « {quoted} » ici", quoted))
    db.close()
    rows = read_csv(exported(filled, "rejects", "csv"))
    told = [row["reason"] for row in rows if row["file"].startswith("Cartes SIM")]
    assert told == ["illisible : « … » ici"] * 3 + ["illisible : « Kio » ici"]


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
    first = next(row for cells in rows if (row := dict(zip(header, cells, strict=True)))["month"] == "2026-11")
    assert (first["month"], first["source"], first["kind"], first["amount_eur"]) == ("2026-11", "rated", "voice", 0.1)
    sheet = openpyxl.load_workbook(exported(filled, "history", "xlsx")).active
    assert sheet is not None
    seen = {(row[2], row[3]) for row in sheet.iter_rows(values_only=True)}
    assert (datetime(2026, 11, 24, 9), "suspended") in seen


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
    for secret in (b"98765432", b'"0042"', b",0042,", b"'0042'", b"0639981234", b"06 39 98 12 34", RIO.encode()):
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


@pytest.mark.parametrize("form", files.FORMATS)
def test_an_export_that_fails_leaves_the_former_file(filled: Path, form: str) -> None:
    folder = filled / "out"
    folder.mkdir()
    former = folder / "former"
    former.write_text("the former one")

    def stop(count: int) -> None:
        raise OSError

    with closing(store.open_to_read(filled)) as db, pytest.raises(OSError):  # noqa: PT011
        files.write(db, export_named("cdrs"), Choice(), former, form, stop)
    assert (list(folder.iterdir()), former.read_text()) == ([former], "the former one")


def test_a_spreadsheet_whose_folder_goes_away_is_an_error_of_the_disk(filled: Path) -> None:
    folder = filled / "out"
    folder.mkdir()
    with closing(store.open_to_read(filled)) as db, pytest.raises(OSError, match="No such file"):
        files.write(db, export_named("cdrs"), Choice(), folder / "x.xlsx", "xlsx", lambda _: shutil.rmtree(folder))


def test_a_termination_ends_the_command_as_an_interruption_does() -> None:
    with pytest.raises(SystemExit), _stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_what_is_exported_is_for_its_owner_only(filled: Path) -> None:
    assert exported(filled, "cdrs", "csv").stat().st_mode & 0o777 == 0o600
    assert exported(filled, "cdrs", "xlsx").stat().st_mode & 0o777 == 0o600
    assert written(filled).stat().st_mode & 0o777 == 0o700


def test_an_export_shows_one_state_of_the_store(filled: Path) -> None:
    with closing(store.open_to_read(filled)) as db, closing(store.open_to_write(filled)) as worker:
        db.execute("BEGIN")
        batches = chunks(db, export_named("cdrs"), Choice(), size=1)
        count = len(next(batches))
        with worker.atomic():
            worker.execute("DELETE FROM cdrs")
        assert count + sum(len(batch) for batch in batches) == 3
        assert len(list(chunks(db, export_named("billed"), Choice()))) == 1


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


def test_totals_stand_beside_the_communications(filled: Path) -> None:
    folder = written(filled)
    assert {path.name for path in folder.iterdir()} == {
        "_origyne_export", "cdrs", "usage_by_line", "usage_by_day", "usage_by_zone", "lines",
    }  # fmt: skip
    for name in ("usage_by_line", "usage_by_day", "usage_by_zone"):
        rows = ds.dataset(folder / name, partitioning="hive").to_table().to_pylist()
        assert sum(row["count"] for row in rows) == 5
        assert sum(row["amount_eur"] or 0 for row in rows) == Decimal("1.254322")
        assert {(row["source"], row["month"]) for row in rows} == {
            ("billed", "2026-10"),
            ("rated", "2026-10"),
            ("rated", "2026-11"),
        }


def test_every_row_group_of_the_data_set_is_large(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "CHUNK", 1)
    monkeypatch.setattr(parquet, "_GROUP", 2)
    file = pq.ParquetFile(written(filled) / "cdrs/source=rated/month=2026-10/part-0.parquet")
    assert [file.metadata.row_group(it).num_rows for it in range(file.num_row_groups)] == [2]
    assert {file.metadata.row_group(0).column(it).compression for it in range(3)} == {"ZSTD"}


def test_duckdb_reads_the_data_set_as_it_is(filled: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="pip install duckdb")
    folder = written(filled)
    with duckdb.connect() as reader:
        found = reader.execute(
            f"SELECT source, month, count(*), sum(amount_eur), min(start) AT TIME ZONE 'UTC', min(day), max(called) "
            f"FROM read_parquet('{folder}/cdrs/**/*.parquet', hive_partitioning = true) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert found[0][:4] == ("billed", "2026-10", 2, Decimal("13.500000"))
    assert found[0][6] == "06 39 98 XX XX"
    assert found[2][:6] == (
        "rated", "2026-11", 1, Decimal("0.100000"), datetime(2026, 11, 24, 9), date(2026, 11, 24),
    )  # fmt: skip


def test_a_file_put_into_a_data_set_is_never_lost(filled: Path) -> None:
    folder = written(filled)
    (folder / "cdrs" / "notes.txt").write_text("mine")
    with closing(store.open_to_read(filled)) as db, pytest.raises(parquet.NotOurs, match=r"notes\.txt"):
        parquet.write(db, folder)
    assert (folder / "cdrs" / "notes.txt").read_text() == "mine"


def test_an_interrupted_data_set_leaves_the_former_one(filled: Path) -> None:
    folder = written(filled)
    before = sorted(folder.rglob("*"))
    beside = sorted(filled.iterdir())

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with closing(store.open_to_read(filled)) as db, pytest.raises(KeyboardInterrupt):
        parquet.write(db, folder, stop)
    assert sorted(folder.rglob("*")) == before
    assert sorted(filled.iterdir()) == beside


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


def test_the_name_of_the_file_tells_its_format(run: Any, tmp_path: Path) -> None:
    assert run("lines", "--output", "lignes.xlsx")[0] == 0
    assert openpyxl.load_workbook(tmp_path / "lignes.xlsx")
    assert run("lines", "--output", "lignes.txt", "--format", "json")[0] == 0
    assert len(json.loads((tmp_path / "lignes.txt").read_text())) == 2


def test_a_month_without_a_year_is_the_last_one_past(run: Any, tmp_path: Path) -> None:
    assert run("cdrs", "--month", "octobre")[0] == 0
    (written_file,) = tmp_path.glob("cdrs_*.csv")
    assert re.fullmatch(r"cdrs_20[2-9]\d-10\.csv", written_file.name)


def test_a_device_is_never_replaced(run: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    status, said = run("cdrs", "--output", "pipe", "--force")
    assert (status, "n'est pas un fichier" in said) == (1, True)
    assert (tmp_path / "pipe").is_fifo()


def test_several_clients_are_listed_and_none_is_taken(run: Any, tmp_path: Path) -> None:
    status, said = run("cdrs", "--client", "t")
    assert (status, "Café de l'Été" in said) == (1, True)
    assert list(tmp_path.glob("cdrs*")) == []


def test_the_data_set_is_made_by_the_command(run: Any, tmp_path: Path) -> None:
    assert run("--parquet", "ensemble")[0] == 0
    assert (tmp_path / "ensemble" / "lines" / "part-0.parquet").is_file()
    assert run("--parquet", "ensemble")[0] == 0
    status, said = run("--parquet", ".")
    assert (status, "contient autre chose" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "Que faut-il exporter"),
        (("--parquet", "x", "--month", "2026-10"), 2, "enlever --month"),
        (("cdrs", "--client", "dupond btp"), 1, "Noms proches : Dupont BTP"),
        (("cdrs", "--output", "."), 1, "n'est pas un fichier"),
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

import gzip
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import numbers
from core.layouts import LayoutError, Layouts, fold
from core.readers import Reject, Waiting
from core.readers.account_status import AccountStatus, read_account_status
from core.readers.cdrs import Cdr, Total, read_cdrs
from core.readers.columns import (
    Column,
    amounts,
    called_numbers,
    durations,
    instants,
    lines,
    local_days,
    volumes,
)
from core.readers.sheet import Cells
from core.readers.sims import SimListing, read_sims

FILES = Path(__file__).parents[1] / "corpus" / "files"
LAYOUTS = Layouts.load()
NBSP, NARROW = "\u00a0", "\u202f"


@dataclass
class Cdrs:
    """A whole file, read to its end."""

    rows: list[Cdr]
    rejects: list[Reject]
    unknown_types: list[str]
    totals: list[Total]


def cdrs(content: str | bytes, layouts: Layouts = LAYOUTS, *, file_month: int = 0, portion: int = 1 << 20) -> Cdrs:
    raw = content.encode() if isinstance(content, str) else content
    file = read_cdrs(raw, layouts, file_month, "RatedCDRs", portion)
    rows = [row for batch in file.batches() for row in batch.rows()]
    return Cdrs(rows, file.sheet.rejects, sorted(file.unknown_types), file.totals)


def named(rows: list[Cdr]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def row_of(header: str, row: str, layouts: Layouts = LAYOUTS) -> dict[str, Any]:
    """The only row of a file of two lines."""
    read = cdrs(f"{header}\n{row}\n", layouts)
    assert read.rejects == []
    (only,) = named(read.rows)
    return only


def reason_of(header: str, row: str) -> str:
    """Why the only row of a file of two lines is set aside."""
    read = cdrs(f"{header}\n{row}\n")
    assert read.rows == []
    (reject,) = read.rejects
    assert reject.line == 2
    return reject.reason


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


HEADER = "Ligne;Date;Type;Durée (s)"


# -- Whole files


def test_a_rated_file_in_cp1252_is_read() -> None:
    read = cdrs((FILES / "rated_cp1252.csv").read_bytes())
    first, second, third = named(read.rows)
    assert first["msisdn"] == "0639980001"
    assert first["start"] == utc(2026, 11, 24, 8, 5, 7)
    assert first["month"] == 202611
    assert (first["kind"], first["seconds"], first["amount"], first["out_of_bundle"]) == ("voice", 125, 150_000, 1)
    assert (first["zone"], first["client"]) == ("Étranger", "Dupont BTP")
    assert (second["msisdn"], second["bytes"], second["seconds"]) == ("0639980002", 2048 * 1024, 0)
    assert (third["called"], third["client"]) == ("3179", "Café de l'Été")


def test_a_bad_row_is_set_aside_with_its_line_and_reason_while_the_others_go_in() -> None:
    read = cdrs((FILES / "rated_cp1252.csv").read_bytes())
    assert len(read.rows) == 3
    (reject,) = read.rejects
    assert reject.line == 4
    assert "tableur" in reject.reason
    assert reject.content.startswith("24/11/2026 09:07:00;3,3640E+10;")


def test_a_billed_file_in_utf8_with_bom_and_quotes_is_read() -> None:
    first, second, fee = named(cdrs((FILES / "billed_utf8_bom.csv").read_bytes()).rows)
    assert (first["client"], first["amount"], first["out_of_bundle"]) == ("Dupont, BTP", 150_000, 1)
    assert second["client"] == 'Atelier "Les Halles"'
    assert second["zone"] == "Internet\nFrance"
    assert (second["bytes"], second["amount"], second["out_of_bundle"]) == (1_048_576, 1_500_000, 0)
    assert (fee["msisdn"], fee["client"], fee["amount"]) == ("", "Dupont, BTP", 150_000_000)


def test_a_grand_total_is_no_communication() -> None:
    read = cdrs((FILES / "billed_utf8_bom.csv").read_bytes())
    assert read.rejects == []
    assert read.totals == [Total(6, 151_650_000)]


def test_an_account_status_with_tabs_padding_and_stock_is_read() -> None:
    read = read_account_status((FILES / "status_tab.txt").read_bytes(), LAYOUTS)
    assert [(row["msisdn"], row["client"], row["status"]) for row in read.lines] == [
        ("0639980001", "Dupont BTP", "active"),
        ("0639980003", "Dupont BTP", "suspended_by_operator"),
        ("0639980004", "Dupont BTP", "unknown"),
    ]
    assert read.lines[2]["word"] == "En attente de portage"
    assert [(row["iccid"], row["status"]) for row in read.sims] == [("8933019900000000026", "stock")]
    assert read.rejects == []


def test_leading_zeros_of_codes_are_kept() -> None:
    read = read_sims((FILES / "sims_pipe.csv").read_bytes(), LAYOUTS)
    first = read.rows[0]
    assert (first["iccid"], first["pin"], first["puk"]) == ("8933019900000000018", "0042", "00012345")
    assert (first["pin2"], first["puk2"], first["msisdn"]) == ("0007", "00000001", "0639980001")
    assert len(read.rows) == 2


def test_codes_and_cards_that_a_spreadsheet_ate_are_set_aside_without_showing_the_code() -> None:
    read = read_sims((FILES / "sims_pipe.csv").read_bytes(), LAYOUTS)
    assert [reject.line for reject in read.rejects] == [4, 5]
    assert read.rejects[0].reason == "le code PIN n'a pas 4 chiffres (un zéro de tête a pu être perdu par un tableur)"
    assert "ICCID abîmé par un tableur" in read.rejects[1].reason


def test_a_card_without_iccid_is_set_aside() -> None:
    read = read_sims(b"NSCE;PUK\n;12345678\n", LAYOUTS)
    assert [reject.reason for reject in read.rejects] == ["ICCID absent"]


# -- Habits of writing


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_each_separator_is_recognised(separator: str) -> None:
    content = f"{HEADER}\n0639980001;24/11/2026 10:00:00;Voix;60\n".replace(";", separator)
    assert named(cdrs(content).rows)[0]["seconds"] == 60


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1"])
def test_each_encoding_is_recognised(encoding: str) -> None:
    content = f"{HEADER};Client\n0639980001;24/11/2026 10:00:00;Voix;60;Électricité Générale\n".encode(encoding)
    assert named(cdrs(content).rows)[0]["client"] == "Électricité Générale"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_end_of_line_is_recognised(end: str) -> None:
    lines = [HEADER, "0639980001;24/11/2026 10:00:00;Voix;60", "0639980002;hier;Voix;60", ""]
    read = cdrs(end.join(lines))
    assert len(read.rows) == 1
    assert read.rejects[0].line == 3


def test_a_last_line_without_end_is_read() -> None:
    assert len(cdrs(f"{HEADER}\n0639980001;24/11/2026 10:00:00;Voix;60").rows) == 1


def test_blank_lines_are_nothing_and_count_as_lines() -> None:
    read = cdrs(f"{HEADER}\n\n0639980001;24/11/2026 10:00:00;Voix;60\n;;;\n   \n06;x;Voix;60\n\n")
    assert len(read.rows) == 1
    assert [reject.line for reject in read.rejects] == [6]


def test_quoted_and_padded_cells_are_bared() -> None:
    row = row_of('"Ligne" ; "Date";"Type" ;"Durée (s)"', ' "0639980001" ;"24/11/2026 10:00:00"; Voix ;" 60 "')
    assert (row["msisdn"], row["seconds"]) == ("0639980001", 60)


def test_a_stray_quote_spoils_no_other_row() -> None:
    rows = [f'063998000{n};24/11/2026 10:00:00;Voix;60;Vis 5" inox {n}' for n in range(1, 6)]
    read = cdrs("\n".join([f"{HEADER};Client", *rows]))
    assert [row["client"] for row in named(read.rows)] == [f'Vis 5" inox {n}' for n in range(1, 6)]


def test_two_stray_quotes_in_a_row_spoil_nothing() -> None:
    row = row_of(f"{HEADER};Client;Pays", '0639980001;24/11/2026 10:00:00;Voix;60;Vis 5" inox;Tube 6" acier')
    assert (row["client"], row["zone"]) == ('Vis 5" inox', 'Tube 6" acier')


def test_an_unclosed_quote_loses_nothing_in_silence() -> None:
    content = (
        f'{HEADER};Client\n0639980001;24/11/2026 10:00:00;Voix;60;A\n0639980002;x;Voix;60;"B\n0639980003;y;Voix;6;C\n'
    )
    read = cdrs(content)
    assert len(read.rows) == 1
    assert "0639980003" in "".join(reject.content for reject in read.rejects)


def test_a_row_with_another_number_of_cells_is_set_aside_with_both_numbers() -> None:
    read = cdrs(f"{HEADER}\n0639980001;24/11/2026 10:00:00;Voix\n0639980001;24/11/2026 10:00:00;Voix;60\n")
    assert len(read.rows) == 1
    assert [(reject.line, reject.reason) for reject in read.rejects] == [(2, "3 colonnes au lieu de 4")]


@pytest.mark.parametrize(("of_header", "of_rows"), [(";", ";"), ("", ";"), (";", "")])
def test_a_separator_at_the_end_of_lines_is_no_column(of_header: str, of_rows: str) -> None:
    assert row_of(HEADER + of_header, f"0639980001;24/11/2026 10:00:00;Voix;60{of_rows}")["seconds"] == 60


def test_a_title_above_the_header_is_passed_over() -> None:
    content = f"Export du 24/11/2026\nClient;Dupont\n\n{HEADER}\n0639980001;24/11/2026 10:00:00;Voix;60\n06;;;\n"
    read = cdrs(content)
    assert len(read.rows) == 1
    assert read.rejects[0].line == 6


def test_a_gzip_file_is_unpacked() -> None:
    assert len(cdrs(gzip.compress((FILES / "rated_cp1252.csv").read_bytes())).rows) == 3


def test_a_file_of_a_header_alone_has_no_rows() -> None:
    read = cdrs(HEADER + "\n")
    assert (read.rows, read.rejects) == ([], [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "vide"),
        (b"\xef\xbb\xbf\r\n  \n", "vide"),
        (b"\x1f\x8b\x08\x00trop court", "gzip"),
        (gzip.compress(b"Ligne;Date\n" * 99, mtime=0)[:-12], "gzip"),
        (b"%PDF-1.7\x00\x01", "n'est pas un texte"),
        (b"PK\x03\x04\x00\x00", "n'est pas un texte"),
        (b"0639980001;24/11/2026 10:00:00;Voix;60\n", "en-tête"),
        (b"Bonjour,\nvoici le fichier.\n", "en-tête"),
    ],
)
def test_a_file_that_cannot_be_read_waits_and_says_why(content: bytes, said: str) -> None:
    with pytest.raises(Waiting, match=said):
        cdrs(content)


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("Date;Type;Durée (s)", "numéro de ligne"),
        ("Ligne;Type;Durée (s)", "date"),
        ("Ligne;Date;Durée (s)", "type de communication"),
        ("Ligne;Date;Type", "durée, volume"),
    ],
)
def test_a_missing_column_is_named_with_the_header_and_what_to_do(header: str, missing: str) -> None:
    with pytest.raises(Waiting) as caught:
        cdrs(f"{header}\nx;y;z\n")
    message = str(caught.value)
    assert f"colonne introuvable : {missing}." in message
    assert " | ".join(header.split(";")) in message
    assert "layouts.toml" in message


def test_an_account_status_without_status_waits() -> None:
    with pytest.raises(Waiting, match="statut"):
        read_account_status(b"Ligne;Client\n0639980001;Dupont\n", LAYOUTS)


def test_a_listing_without_puk_waits() -> None:
    with pytest.raises(Waiting, match="code PUK"):
        read_sims(b"NSCE;PIN\n8933019900000000018;0000\n", LAYOUTS)


# -- Amounts


@pytest.mark.parametrize(
    ("written", "millionths"),
    [
        ("0,15", 150_000),
        ("0.15", 150_000),
        ("12", 12_000_000),
        (f"1{NBSP}234,56{NBSP}€", 1_234_560_000),
        (f"1{NARROW}234,56 €", 1_234_560_000),
        ("1 234,56 €", 1_234_560_000),
        ("1.234,56", 1_234_560_000),
        ("1,234.56", 1_234_560_000),
        ("0,000001", 1),
        ("-3,20", -3_200_000),
        ("4 EUR", 4_000_000),
        ("", None),
    ],
)
def test_an_amount_is_read_exactly(written: str, millionths: int | None) -> None:
    row = row_of(f"{HEADER};Montant HT", f"0639980001;24/11/2026 10:00:00;Voix;60;{written}")
    assert row["amount"] == millionths


@pytest.mark.parametrize("written", ["gratuit", "0,0000001", "1e400", "NaN", "inf", "9" * 20, "1,2,3"])
def test_an_amount_that_cannot_be_read_is_set_aside(written: str) -> None:
    reason = reason_of(f"{HEADER};Montant HT", f"0639980001;24/11/2026 10:00:00;Voix;60;{written}")
    assert "montant" in reason
    assert written in reason


@pytest.mark.parametrize("header", ["Montant TTC", "Montant (TTC)", "montant_ttc"])
def test_an_amount_with_tax_is_not_taken_for_one_without(header: str) -> None:
    assert row_of(f"{HEADER};{header}", "0639980001;24/11/2026 10:00:00;Voix;60;1,20")["amount"] is None


# -- Dates and times


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-24 10:05:07",
        "2026-11-24T10:05:07",
        "2026-11-24 10:05:07.123",
        "24/11/2026 10:05:07",
        "24-11-2026 10:05:07",
        "24.11.2026 10:05:07",
        "20261124100507",
        "20261124 100507",
        "20261124T100507",
        "2026-11-24T09:05:07Z",
        "2026-11-24 10:05:07+01:00",
        "2026-11-24 04:05:07 -0500",
        str(utc(2026, 11, 24, 9, 5, 7)),
    ],
)
def test_each_form_of_date_is_read(written: str) -> None:
    assert row_of(HEADER, f"0639980001;{written};Voix;60")["start"] == utc(2026, 11, 24, 9, 5, 7)


def test_a_date_without_seconds_is_read() -> None:
    assert row_of(HEADER, "0639980001;24/11/2026 9:05;Voix;60")["start"] == utc(2026, 11, 24, 8, 5)


def test_date_and_time_in_two_columns_are_joined() -> None:
    row = row_of("Ligne;Date appel;Heure;Type;Durée (s)", "0639980001;24/11/2026;10:05:07;Voix;60")
    assert row["start"] == utc(2026, 11, 24, 9, 5, 7)


@pytest.mark.parametrize("header", ["Date (UTC)", "start_utc", "Date GMT", "Date (GMT)"])
def test_a_header_that_says_utc_is_believed(header: str) -> None:
    row = row_of(f"Ligne;{header};Type;Durée (s)", "0639980001;2026-07-01 10:00:00;Voix;60")
    assert row["start"] == utc(2026, 7, 1, 10)


def test_wall_clock_time_is_that_of_paris_in_summer_and_winter() -> None:
    assert row_of(HEADER, "0639980001;01/07/2026 10:00:00;Voix;60")["start"] == utc(2026, 7, 1, 8)
    assert row_of(HEADER, "0639980001;01/12/2026 10:00:00;Voix;60")["start"] == utc(2026, 12, 1, 9)


def test_several_forms_of_date_may_share_a_file() -> None:
    read = cdrs(f"{HEADER}\n0639980001;24/11/2026 10:00:00;Voix;60\n0639980001;2026-11-24 10:00:00;Voix;60\n")
    assert len({row["start"] for row in named(read.rows)}) == 1


@pytest.mark.parametrize("written", ["29/03/2026 02:00:00", "29/03/2026 02:59:59"])
def test_the_hour_that_march_skips_is_set_aside(written: str) -> None:
    assert reason_of(HEADER, f"0639980001;{written};Voix;60") == (
        f"heure qui n'existe pas (passage à l'heure d'été) : « {written} »"
    )


def test_the_hours_around_march_s_change_are_read() -> None:
    read = cdrs(f"{HEADER}\n0639980001;29/03/2026 01:59:59;Voix;1\n0639980001;29/03/2026 03:00:00;Voix;1\n")
    assert [row["start"] for row in named(read.rows)] == [utc(2026, 3, 29, 0, 59, 59), utc(2026, 3, 29, 1)]


def test_of_the_hour_that_october_repeats_the_first_is_taken() -> None:
    assert row_of(HEADER, "0639980001;25/10/2026 02:30:00;Voix;60")["start"] == utc(2026, 10, 25, 0, 30)
    assert row_of(HEADER, "0639980001;25/10/2026 03:00:00;Voix;60")["start"] == utc(2026, 10, 25, 2)


def test_the_month_is_that_of_the_local_day() -> None:
    assert row_of(HEADER, "0639980001;01/11/2026 00:30:00;Voix;60")["month"] == 202611
    assert row_of("Ligne;Date (UTC);Type;Durée (s)", "0639980001;2026-10-31 23:30:00;Voix;60")["month"] == 202611


@pytest.mark.parametrize("written", ["31/02/2026 10:00:00", "24/13/2026 10:00:00", "24/11/2026 25:00:00",
                                     "0000-00-00 00:00:00", "01/01/1900 00:00:00"])  # fmt: skip
def test_an_impossible_date_is_set_aside(written: str) -> None:
    assert reason_of(HEADER, f"0639980001;{written};Voix;60") == f"date impossible : « {written} »"


@pytest.mark.parametrize("written", ["hier", "24/11/2026", "24/11/26 10:00:00", "11-24-2026", "٢٤/١١/٢٠٢٦ 10:00:00"])
def test_an_unreadable_date_is_set_aside(written: str) -> None:
    assert reason_of(HEADER, f"0639980001;{written};Voix;60") == f"date illisible : « {written} »"


def test_an_absent_date_is_set_aside() -> None:
    assert reason_of(HEADER, "0639980001;;Voix;60") == "date absente"


# -- Durations and volumes


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("01:02:03", 3723),
        ("62:03", 3723),
        ("1h02m03s", 3723),
        ("1h 2min 3s", 3723),
        ("62m03s", 3723),
        ("3723s", 3723),
        ("100:00:00", 360_000),
        ("00:00:00", 0),
        ("0", 0),
        ("", 0),
    ],
)
@pytest.mark.parametrize("header", ["Durée", "Durée (hh:mm:ss)", "Durée (s)"])
def test_a_duration_that_says_its_unit_is_read_under_any_header(header: str, written: str, seconds: int) -> None:
    row = row_of(f"Ligne;Date;Type;{header}", f"0639980001;24/11/2026 10:00:00;Voix;{written}")
    assert row["seconds"] == seconds


@pytest.mark.parametrize(
    ("header", "written", "seconds"),
    [
        ("Durée (s)", "90", 90),
        ("Durée en secondes", "90", 90),
        ("dureesec", "90", 90),
        ("duree_secondes", "90", 90),
        ("duration_secs", "90", 90),
        ("billsec", "90", 90),
        ("Durée (min)", "1,5", 90),
        ("Durée (ms)", "90000", 90),
        ("duration_ms", "90400", 90),
    ],
)
def test_the_unit_of_a_duration_stands_in_the_header(header: str, written: str, seconds: int) -> None:
    row = row_of(f"Ligne;Date;Type;{header}", f"0639980001;24/11/2026 10:00:00;Voix;{written}")
    assert row["seconds"] == seconds


@pytest.mark.parametrize(
    ("header", "written", "octets"),
    [
        ("Volume (octets)", "2048", 2048),
        ("Volume (Ko)", "2", 2048),
        ("volume_mo", "1,5", 1_572_864),
        ("Volume data (Go)", "1", 1_073_741_824),
        ("chargedvolumeko", "2", 2048),
        ("Volume", "12,5 Mo", 13_107_200),
        ("Volume (Ko)", "3 Mo", 3_145_728),
        ("Volume (Ko)", f"1{NBSP}024", 1_048_576),
        ("Volume", "0", 0),
    ],
)
def test_the_unit_of_a_volume_stands_in_the_header_or_the_cell(header: str, written: str, octets: int) -> None:
    row = row_of(f"Ligne;Date;Type;{header}", f"0639980001;24/11/2026 10:00:00;Data;{written}")
    assert row["bytes"] == octets


@pytest.mark.parametrize("header", ["Quantité", "Durée", "Volume"])
@pytest.mark.parametrize(
    ("written", "unit", "seconds", "octets"),
    [("90", "s", 90, 0), ("2", "min", 120, 0), ("2", "Ko", 0, 2048), ("1,5", "Mo", 0, 1_572_864), ("3", "SMS", 0, 0)],
)
def test_a_unit_column_says_what_each_quantity_is(
    header: str, written: str, unit: str, seconds: int, octets: int
) -> None:
    row = row_of(f"Ligne;Date;Type;{header};Unité", f"0639980001;24/11/2026 10:00:00;x;{written};{unit}")
    assert (row["seconds"], row["bytes"]) == (seconds, octets)


def test_an_unknown_unit_is_set_aside_and_not_taken_for_nothing() -> None:
    reason = reason_of("Ligne;Date;Type;Quantité;Unité", "0639980001;24/11/2026 10:00:00;Data;5;parsecs")
    assert reason == "unité inconnue : « parsecs »"


def test_a_quantity_without_its_unit_is_set_aside() -> None:
    reason = reason_of("Ligne;Date;Type;Quantité;Unité", "0639980001;24/11/2026 10:00:00;Voix;60;")
    assert reason == "unité absente"


def test_one_message_needs_no_unit() -> None:
    row = row_of("Ligne;Date;Type;Quantité;Unité", "0639980001;24/11/2026 10:00:00;SMS;1;")
    assert (row["seconds"], row["bytes"]) == (0, 0)


@pytest.mark.parametrize(("header", "what"), [("Durée", "durée"), ("Volume", "volume")])
@pytest.mark.parametrize("written", ["60", "60,5", f"1{NBSP}234"])
def test_a_number_without_unit_makes_the_file_wait(header: str, what: str, written: str) -> None:
    with pytest.raises(Waiting) as caught:
        cdrs(f"Ligne;Date;Type;{header}\n0639980001;24/11/2026 10:00:00;Voix;{written}\n")
    assert f"rien ne dit l'unité de la colonne « {what} » (exemple : {written})" in str(caught.value)
    assert "layouts.toml" in str(caught.value)


@pytest.mark.parametrize("header", ["Durée (lunes)", "Durée (hh:mm)"])
def test_an_unknown_unit_of_the_header_makes_the_file_wait(header: str) -> None:
    with pytest.raises(Waiting, match="unité inconnue"):
        cdrs(f"Ligne;Date;Type;{header}\n0639980001;24/11/2026 10:00:00;Voix;01:30\n")


def test_a_quantity_without_unit_column_makes_the_file_wait() -> None:
    with pytest.raises(Waiting, match="unité"):
        cdrs("Ligne;Date;Type;Quantité\n0639980001;24/11/2026 10:00:00;Voix;60\n")


@pytest.mark.parametrize("written", ["-5", "long", "1:2:3:4", "9" * 30, "9" * 5000, "999999999999:00:00"])
def test_a_duration_that_cannot_be_read_is_set_aside(written: str) -> None:
    assert "durée" in reason_of(HEADER, f"0639980001;24/11/2026 10:00:00;Voix;{written}")


@pytest.mark.parametrize("written", ["-5", "lourd", "5 parsecs", "9" * 15 + " Go"])
def test_a_volume_that_cannot_be_read_is_set_aside(written: str) -> None:
    assert "volume" in reason_of("Ligne;Date;Type;Volume (Ko)", f"0639980001;24/11/2026 10:00:00;Data;{written}")


# -- Words


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Voix", "voice"), ("voice", "voice"), ("Appel", "voice"), ("Messagerie", "voice"), ("Appel entrant", "voice"),
        ("SMS", "sms"), ("Texto", "sms"), ("MMS", "mms"), ("DATA", "data"), ("GPRS", "data"), ("3G", "data"),
        ("4G", "data"), ("5G", "data"), ("Données", "data"), ("SMS roaming", "sms"), ("Data roaming", "data"),
        ("SVA", "premium"), ("Surtaxé", "premium"), ("WHA", "premium"), ("Voix surtaxée SVA", "premium"),
        ("SMS surtaxé", "sms"),
    ],
)  # fmt: skip
def test_each_word_of_traffic_has_its_kind(word: str, kind: str) -> None:
    assert row_of(HEADER, f"0639980001;24/11/2026 10:00:00;{word};60")["kind"] == kind


def test_an_unknown_type_goes_in_as_other_and_is_reported() -> None:
    read = cdrs(f"{HEADER}\n0639980001;24/11/2026 10:00:00;Télépathie;60\n0639980001;24/11/2026 10:00:00;;60\n")
    assert [row["kind"] for row in named(read.rows)] == ["other", "other"]
    assert read.unknown_types == ["(vide)", "Télépathie"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Disponible", "stock"), ("Available", "stock"), ("Réservée", "reserved"), ("RESERVEE", "reserved"),
        ("Active", "active"), ("activée", "active"), ("Suspendue", "suspended"), ("Suspended", "suspended"),
        ("Suspended by the provider (anti-fraud)", "suspended_by_operator"), ("Résiliée", "terminated"),
        ("Terminated", "terminated"), ("Terminaison", "terminated"), ("Volée", "unknown"),
    ],
)  # fmt: skip
def test_each_word_of_status_has_its_meaning_and_is_kept(word: str, status: str) -> None:
    read = read_account_status(f"Ligne;Statut\n0639980001;{word}\n".encode(), LAYOUTS)
    (row,) = read.lines
    assert (row["status"], row["word"]) == (status, word)


def test_a_row_of_account_status_without_line_or_card_is_set_aside() -> None:
    read = read_account_status(b"Ligne;NSCE;Statut\n;;Active\n0639980001;;\n", LAYOUTS)
    assert [reject.reason for reject in read.rejects] == ["ni numéro de ligne ni ICCID", "statut absent"]


def test_of_a_line_named_twice_the_working_row_is_its_state() -> None:
    content = b"Ligne;Statut\n0639980001;Terminated\n0639980001;Active\n0639980001;Suspended\n"
    read = read_account_status(content, LAYOUTS)
    assert [row["status"] for row in read.lines] == ["active"]
    assert [reject.line for reject in read.rejects] == [2, 4]
    assert "plusieurs fois" in read.rejects[0].reason


@pytest.mark.parametrize(
    ("header", "word", "said"),
    [
        ("Hors forfait", "Oui", 1), ("Hors forfait", "Non", 0), ("Hors forfait", "", -1), ("HF", "HF", 1),
        ("HF", "Inclus", 0), ("inbundle", "yes", 0), ("inbundle", "no", 1), ("Inclus", "1", 0),
        ("Inclus", "Inclus", 0), ("Inclus", "Hors forfait", 1), ("Inclus", "HF", 1),
    ],
)  # fmt: skip
def test_in_or_out_of_bundle_is_read_from_either_column(header: str, word: str, said: int) -> None:
    row = row_of(f"{HEADER};{header}", f"0639980001;24/11/2026 10:00:00;Voix;60;{word}")
    assert row["out_of_bundle"] == said


def test_a_bundle_word_that_says_neither_is_set_aside() -> None:
    reason = reason_of(f"{HEADER};Hors forfait", "0639980001;24/11/2026 10:00:00;Voix;60;peut-être")
    assert reason == "ni oui ni non : « peut-être »"


def test_the_calling_column_is_the_line_where_another_number_stands_too() -> None:
    row = row_of("Numéro;Appelant;Date;Type;Durée (s)", "1;0639980001;24/11/2026 10:00:00;Voix;60")
    assert row["msisdn"] == "0639980001"


# -- Identities


def test_two_identical_rows_of_one_file_are_two() -> None:
    row = "0639980001;24/11/2026 10:00:00;Voix;60\n"
    first, second = named(cdrs(f"{HEADER}\n{row}{row}").rows)
    assert first["id"] != second["id"]


def test_a_row_is_the_same_in_another_layout() -> None:
    one = row_of(f"{HEADER};Montant HT", "06 39 98 00 01;24/11/2026 10:00:00;Voix;60;0,10")
    other = row_of("montant,type,start,calling,duration", "0.1000,voice,2026-11-24T09:00:00Z,+33639980001,00:01:00")
    assert one | {"type": ""} == other | {"type": ""}


def test_the_order_of_rows_changes_no_identity() -> None:
    rows = [f"063998000{n % 3};24/11/2026 10:00:0{n % 2};Voix;{n % 4}\n" for n in range(12)]
    first, second = (named(cdrs(HEADER + "\n" + "".join(some)).rows) for some in (rows, rows[::-1]))
    keys, others = ({(row["msisdn"], row["start"], row["id"]) for row in rows} for rows in (first, second))
    assert keys == others
    assert len(keys) == len({(r["msisdn"], r["start"], r["seconds"]) for r in first})


def test_a_file_reads_the_same_by_portions_of_any_size() -> None:
    rows = [f"063998000{n % 3};24/11/2026 10:00:0{n % 2};Voix;{n % 4}\r\n" for n in range(50)]
    rows[20] = "3,3640E+10;24/11/2026 10:00:00;Voix;1\r\n"
    rows[30] = '\r\n"0639980001";24/11/2026 10:00:00;"Voix\r\nroaming";1\r\n'
    content = (HEADER + "\r\n" + "".join(rows)).encode()
    whole = cdrs(content)
    assert [reject.line for reject in whole.rejects] == [22]
    assert len(whole.rows) == 49
    for size in (1, 40, 100, 333):
        assert cdrs(content, portion=size) == whole


# -- The user's layouts


def user_layouts(tmp_path: Path, toml: str) -> Layouts:
    (tmp_path / "layouts.toml").write_text(toml, "utf-8")
    return Layouts.load(tmp_path)


def test_the_user_s_file_adds_an_alias_without_code(tmp_path: Path) -> None:
    header, row = "Abonné;Quand;Nature;Chrono", "0639980001;24/11/2026 10:00:00;Voix;60"
    with pytest.raises(Waiting):
        cdrs(f"{header}\n{row}\n")
    layouts = user_layouts(
        tmp_path,
        '[columns]\nmsisdn = ["abonné"]\nstart = ["quand"]\nduration = ["chrono"]\n[stated]\n"Chrono" = "s"\n',
    )
    assert row_of(header, row, layouts)["seconds"] == 60


def test_the_user_s_meaning_of_a_header_wins_over_the_packaged_one(tmp_path: Path) -> None:
    layouts = user_layouts(tmp_path, '[columns]\ntype = ["Destination"]\n')
    assert row_of("Ligne;Date;Destination;Durée (s)", "0639980001;24/11/2026 10:00:00;SMS;0", layouts)["kind"] == "sms"


def test_the_user_s_file_adds_units_statuses_and_kinds(tmp_path: Path) -> None:
    layouts = user_layouts(
        tmp_path,
        '[units.duration]\nquart = 900\n[status]\nsuspended = ["Gelée"]\n[kinds]\nvoice = ["Télé-phonie"]\n',
    )
    row = row_of("Ligne;Date;Type;Durée (quart)", "0639980001;24/11/2026 10:00:00;Télé-phonie;2", layouts)
    assert (row["seconds"], row["kind"], layouts.status("gelee")) == (1800, "voice", "suspended")


@pytest.mark.parametrize(
    "toml",
    [
        "[columns\n",
        'colonnes = ["x"]\n',
        '[columns]\ninvente = ["x"]\n',
        '[columns]\nmsisdn = "ligne"\n',
        "[columns]\nmsisdn = [1]\n",
        'columns = "x"\n',
        '[units.duration]\nh = "une heure"\n',
        "[units.volume]\nh = true\n",
        "[stated]\nduree = 1\n",
        "[units.distance]\nkm = 1\n",
    ],
)
def test_a_bad_layouts_file_is_reported_with_its_path(tmp_path: Path, toml: str) -> None:
    with pytest.raises(LayoutError) as caught:
        user_layouts(tmp_path, toml)
    assert str(tmp_path / "layouts.toml") in str(caught.value)


def test_a_layouts_file_that_is_no_utf8_is_reported_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "layouts.toml").write_bytes('[columns]\nmsisdn = ["abonné"]\n'.encode("cp1252"))
    with pytest.raises(LayoutError, match=r"layouts\.toml"):
        Layouts.load(tmp_path)


def test_the_packaged_table_stays_as_it_is(tmp_path: Path) -> None:
    user_layouts(tmp_path, '[columns]\nmsisdn = ["abonné"]\n')
    assert Layouts.load().column("abonné") is None


ALIASES = {
    "msisdn": "msisdn numero numeroligne ligne ndi tel telephone gsm mobile numabo",
    "caller": "numeroappelant appelant caller calling anumber",
    "iccid": "iccid nsce simsn simserial numerosim sim carte cartesim numerodeserie",
    "imsi": "imsi himsi imsiappelant",
    "imei": "imei imeiappelant",
    "status": "statut status etat etatsim etatligne simstatus",
    "client": "client nomclient raisonsociale compte account accountid customername societe",
    "options": "options option services optionsactives",
    "pin": "pin pin1 codepin",
    "puk": "puk puk1 puck1 puck codepuk",
    "pin2": "pin2",
    "puk2": "puk2 puck2",
    "rio": "rio coderio",
    "activation": "dateactivation datemiseenservice activationdate",
    "termination": "dateresiliation terminationdate",
    "start": "date datedebut dateheure dateappel horodatage starttime start callstart creationdatetime",
    "time": "heure heuredebut time",
    "called": "numeroappele appele called callednumber callee bnumber correspondant phonenumber dialed",
    "type": "type typeappel typecommunication calltype servicetypename nature",
    "duration": "duree dureesec dureesecondes duration durationsecs billsec sessiontime",
    "volume": "volume volumedata volumetotal chargedvolume",
    "quantity": "quantite quantity conso",
    "zone": "destination destinationname designation libelle libellezone codezone ratezonename pays",
    "amount": "montant montantht coutht prixht pricewithouttax cost charge chargedamount",
    "amount_with_tax": "montantttc",
    "out_of_bundle": "horsforfait hf",
    "in_bundle": "inclus bundle inbundle",
}


@pytest.mark.parametrize("field", ALIASES)
def test_each_alias_seen_in_public_layouts_is_known(field: str) -> None:
    assert {alias: (LAYOUTS.column(alias) or ("",))[0] for alias in ALIASES[field].split()} == dict.fromkeys(
        ALIASES[field].split(), field
    )


@pytest.mark.parametrize("header", ["\ufeffN° de Ligne", "NUMÉRO_LIGNE", '"Numéro - ligne"', "numéro ligne "])
def test_a_header_is_compared_without_case_accents_or_marks(header: str) -> None:
    assert LAYOUTS.column(header) == ("msisdn", "")


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


# -- Any bytes

READERS: list[Callable[..., AccountStatus | Cdrs | SimListing]] = [
    read_account_status,
    cdrs,
    read_sims,
]
HEADERS = {
    read_account_status: b"Ligne;NSCE;Statut;Client\n",
    cdrs: b"Ligne;Date;Type;Duree (s);Volume;Montant HT;HF\n",
    read_sims: b"NSCE;PUK;PIN;Numero\n",
}
pieces = st.sampled_from([
    b";", b"\n", b'"', b",", b"\t", b"|", b"\r\n", b" ", b"0639980001", b"24/11/2026 10:00:00", b"Voix", b"12,5 Mo",
    b"8933019900000000018", b"12345678", b"\x00", b"\xe9", b"\xc3\xa9", b"\xff", b"'", b"01:02:03", b"oui", b"-1",
    b"1e9", b"Active", b"\x1a", b"\xef\xbb\xbf", b"\x0b", b"\xe2\x80\xa8", b"99999999999999999999", b"NaN", b"=",
])  # fmt: skip
bodies = st.lists(st.one_of(pieces, st.binary(max_size=6)), max_size=60).map(b"".join)


@pytest.mark.parametrize("reader", READERS)
@given(content=st.one_of(st.binary(max_size=400), bodies))
def test_any_bytes_give_rows_or_wait(
    reader: Callable[[bytes, Layouts], AccountStatus | Cdrs | SimListing], content: bytes
) -> None:
    try:
        reader(content, LAYOUTS)
    except Waiting as waiting:
        assert str(waiting)  # noqa: PT017


@pytest.mark.parametrize("reader", READERS)
@given(body=bodies)
def test_any_rows_below_a_good_header_go_in_or_are_set_aside(
    reader: Callable[[bytes, Layouts], AccountStatus | Cdrs | SimListing], body: bytes
) -> None:
    try:
        read = reader(HEADERS[reader] + body, LAYOUTS)
    except Waiting:
        return
    assert all(reject.line >= 2 and reject.reason for reject in read.rejects)
    assert len({reject.line for reject in read.rejects}) == len(read.rejects)


cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=";\n\r\x00"), max_size=8)


@given(st.lists(st.tuples(cells, cells), max_size=20))
def test_no_row_is_ever_lost(clients: list[tuple[str, str]]) -> None:
    lines = [f"{n:010d};24/11/2026 10:00:00;Voix;60;{one};{other}" for n, (one, other) in enumerate(clients)]
    read = cdrs("\n".join([f"{HEADER};Client;Pays", *lines]))
    kept = "\n".join([*(row["msisdn"] for row in named(read.rows)), *(reject.content for reject in read.rejects)])
    assert [n for n in range(len(clients)) if f"{n:010d}" not in kept] == []


# -- All rows at once, or one by one: the same


def cells_of(texts: list[str]) -> Cells:
    return Cells(pa.array([text.encode() for text in texts], pa.binary()), ("utf-8", "latin-1"))


def one_by_one(column: Callable[[Cells], Column], texts: list[str]) -> list[tuple[int, str]]:
    """Each text alone with an odd one beside it: nothing is read at once then but by chance."""
    read = [column(cells_of([text])) for text in texts]
    return [(int(it.values[0]), it.faults.get(0, "")) for it in read]


def together(column: Callable[[Cells], Column], texts: list[str]) -> list[tuple[int, str]]:
    read = column(cells_of(texts))
    return [(int(value), read.faults.get(row, "")) for row, value in enumerate(read.values.tolist())]


figures = st.one_of(
    st.from_regex(r"-?[0-9]{1,12}([.,][0-9]{1,7})?", fullmatch=True),
    st.from_regex(r" ?[0-9]{1,3}([\u00a0 ][0-9]{3}){0,3}(,[0-9]{2})? ?€?", fullmatch=True),
    st.sampled_from(["", "0", "1e5", "abc", "12:34", "1,5 Mo", "--1", "1.234,56", "٣"]),
)


@given(st.lists(figures, min_size=1, max_size=30))
def test_quantities_read_together_are_those_read_by_themselves(texts: list[str]) -> None:
    for column in (
        amounts,
        lambda cells: durations(cells, "s", LAYOUTS),
        lambda cells: durations(cells, "ms", LAYOUTS),
        lambda cells: durations(cells, "min", LAYOUTS),
        lambda cells: volumes(cells, "ko", LAYOUTS),
        lambda cells: volumes(cells, "to", LAYOUTS),
    ):
        assert together(column, texts) == one_by_one(column, texts)


@given(st.lists(st.from_regex(r"[0-9]{1,9}([.,][0-9]{1,6})?", fullmatch=True), min_size=1, max_size=30))
def test_plain_figures_are_exact(texts: list[str]) -> None:
    exact = [Fraction(text.replace(",", ".")) for text in texts]
    assert amounts(cells_of(texts)).values.tolist() == [value * 1_000_000 for value in exact]
    for unit, factor in (("s", Fraction(1)), ("ms", Fraction(1, 1000)), ("min", Fraction(60))):
        read = durations(cells_of(texts), unit, LAYOUTS).values.tolist()
        assert read == [round(value * factor) for value in exact]
    assert volumes(cells_of(texts), "ko", LAYOUTS).values.tolist() == [round(value * 1024) for value in exact]


moments = st.datetimes(datetime(1985, 1, 1), datetime(2105, 1, 1))
forms = [
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%Y%m%d%H%M%S",
]


@given(st.lists(st.tuples(moments, st.sampled_from(forms)), min_size=1, max_size=30), st.sampled_from(["", "utc"]))
def test_dates_read_together_are_those_that_the_calendar_gives(written: list[tuple[datetime, str]], unit: str) -> None:
    texts = [moment.strftime(form) for moment, form in written]
    zone = ZoneInfo("UTC" if unit else "Europe/Paris")
    for text, (moment, form), (value, fault) in zip(
        texts, written, together(lambda cells: instants(cells, unit), texts), strict=True
    ):
        local = datetime.strptime(text, form).replace(tzinfo=zone)
        skipped = local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None)
        if skipped or moment.year not in range(1990, 2100):
            assert fault
        else:
            assert (value, fault) == (int(local.timestamp()), "")
            (day,) = local_days(np.array([value])).tolist()
            assert date(1970, 1, 1) + timedelta(days=day) == local.astimezone(ZoneInfo("Europe/Paris")).date()


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31)])
def test_each_minute_of_a_day_on_which_the_clocks_change_is_read(day: date) -> None:
    texts = [f"{day:%d/%m/%Y} {minute // 60:02d}:{minute % 60:02d}:00" for minute in range(24 * 60)]
    read = together(instants, texts)
    assert read == one_by_one(instants, texts)
    missing = [text for text, (_, fault) in zip(texts, read, strict=True) if fault]
    assert len(missing) == (60 if day.month == 3 else 0)


numbers_written = st.one_of(
    st.from_regex(r"(0|\+33|33|0033|\+33 |)[1-9][0-9]{8}", fullmatch=True),
    st.from_regex(r"(\+|00)?[0-9]{2,14}", fullmatch=True),
    st.sampled_from(
        ["", "Messagerie", "3179", "+441632960961", "07001234567890", "06 39 98 00 01", "3,36E+10", "٠٦٣٩٩٨٠٠٠١"]
    ),
)


@given(st.lists(numbers_written, min_size=1, max_size=30))
def test_numbers_read_together_are_those_read_by_themselves(texts: list[str]) -> None:
    for text, (value, fault) in zip(texts, together(lines, texts), strict=True):
        try:
            expected = numbers.msisdn(text) if text else ""
        except numbers.NumberError as error:
            assert fault == str(error)  # noqa: PT017
        else:
            assert (f"0{value}" if value else "") == expected
    values, words = called_numbers(cells_of(texts))
    shown = [f"0{value}" if value > 0 else words[-1 - value] if value else "" for value in values.tolist()]
    assert shown == [numbers.called(text) if text else "" for text in texts]

import re
import tomllib
from pathlib import Path

import pytest

from core.folders import FRENCH as FOLDERS
from core.guesses import Guess, alias_for, hint_of, with_alias
from core.inspection import Inspection, SeenColumn, inspect, suggest, table_of
from core.layouts import Layouts
from core.readers import Waiting
from core.readers.cdrs import Total

FILES = Path(__file__).parents[1] / "corpus" / "files"
SAMPLES = sorted(path for path in FILES.iterdir() if path.suffix not in (".toml", "") and path.name[0] != ".")
KINDS = {"rated": "rated_cdrs", "billed": "billed_cdrs", "status": "account_status", "sims": "sims"}
LAYOUTS = Layouts.load()
HEADER = "Ligne;Date;Type;Durée (s)"
ROW = "0639980001;24/11/2026 10:00:00;Voix;60"


def looked_at(content: str, path: str = "RatedCDRs/x.csv", layouts: Layouts = LAYOUTS) -> Inspection:
    return inspect(content.encode(), layouts, path)


def column(found: Inspection, header: str) -> SeenColumn:
    return next(seen for seen in found.columns if seen.header == header)


def sentences(found: Inspection) -> str:
    return "\n".join(f"{doubt.sentence}\n{doubt.write}" for doubt in found.doubts)


def guessed(content: str, path: str = "RatedCDRs/x.csv") -> dict[str, Guess]:
    return {guess.header: guess for guess in suggest(content.encode(), LAYOUTS, path).guesses}


# -- Any file


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_each_file_of_the_corpus_can_be_looked_at(path: Path) -> None:
    told = path.with_name(path.name.split(".")[0] + ".toml")
    expected = tomllib.loads(told.read_text("utf-8")) if told.is_file() else {}
    found = inspect(path.read_bytes(), LAYOUTS, path.name)
    if expected and found.recognised and not expected.get("waiting"):
        assert (found.encoding, found.separator) == (expected["encoding"], expected["separator"])
        assert found.header_line == expected["header"]
    try:
        suggest(path.read_bytes(), LAYOUTS, path.name)
    except Waiting:
        assert found.waiting


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_file_with_a_known_header_tells_its_kind_without_its_folder(path: Path) -> None:
    found = inspect(path.read_bytes(), LAYOUTS)
    kind = KINDS[path.name.split("_")[0]]
    if found.recognised:
        assert found.table == ("rated_cdrs" if kind == "billed_cdrs" else kind)


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("RatedCDRs/x.csv", "rated_cdrs"),
        ("/home/camille/Documents/billedcdrs/2026/x.csv", "billed_cdrs"),
        ("data/ftp/Cartes SIM/x.csv", "sims"),
        ("data\\kept\\AccountStatus\\x.csv.gz", "account_status"),
        ("Documents/x.csv", None),
        ("x.csv", None),
    ],
)
def test_the_folders_of_a_path_tell_the_kind_of_file(path: str, table: str | None) -> None:
    assert table_of(path) == table


# -- What is told


def test_each_column_is_told_with_what_it_became_its_unit_and_samples() -> None:
    found = looked_at(
        f"{HEADER};Volume;Unité;Couleur\n{ROW};;;bleu\n0639980002;24/11/2026 10:01:00;Data;;3,5;Mo;vert\n"
    )
    assert (found.encoding, found.separator, found.header_line) == ("utf-8", ";", 1)
    line, duration, volume, colour = (column(found, name) for name in ("Ligne", "Durée (s)", "Volume", "Couleur"))
    assert (line.field, line.use, line.samples) == ("msisdn", "read", ("0639980001", "0639980002"))
    assert (duration.field, duration.unit, duration.unit_from) == ("duration", "s", "header")
    assert (volume.field, volume.unit_from) == ("volume", "column")
    assert (colour.field, colour.use, colour.samples) == ("", "unknown", ("bleu", "vert"))
    assert found.rows == 2
    assert found.goes_in_whole


def test_a_title_above_the_header_counts_in_its_line() -> None:
    assert looked_at(f"Export du 24/11/2026\n\n{HEADER}\n{ROW}\n").header_line == 3


def test_rejects_are_told_with_line_and_reason_and_called_numbers_stay_masked() -> None:
    found = looked_at(f'{HEADER};Appelé;Client\n06;x;Voix;1;0639985001;"Dupont; BTP"\n')
    (reject,) = found.first_rejects
    assert (reject.line, found.rejected, found.goes_in_whole) == (2, 1, False)
    assert "06 39 98 XX XX" in reject.content
    assert "Dupont; BTP" in reject.content
    assert "5001" not in reject.content


def test_a_row_of_another_width_shows_no_number_in_full() -> None:
    found = looked_at(f"{HEADER};Appelé\n{ROW};0639985001;de trop\n{ROW};+447700900123;de trop\n")
    assert [reject.line for reject in found.first_rejects] == [2, 3]
    assert not any("5001" in reject.content or "0123" in reject.content for reject in found.first_rejects)


def test_totals_are_told_apart_from_rows() -> None:
    found = looked_at(f"{HEADER};Montant HT\n{ROW};1,50\nTotal;;;;1,50\n")
    assert (found.rows, found.totals, found.amount) == (1, (Total(3, 1_500_000),), 1_500_000)
    assert found.doubts == ()


def test_a_file_that_waits_still_tells_its_columns() -> None:
    found = looked_at("Ligne;Date;Durée (s)\n0639980001;24/11/2026 10:00:00;60\n")
    assert "type de communication" in found.waiting
    assert column(found, "Ligne").samples == ("0639980001",)


def test_an_unknown_header_is_shown_as_it_is() -> None:
    found = looked_at("Abonné|Quand|Genre\n0639980001|24/11/2026 10:00:00|Voix\n")
    assert not found.recognised
    assert (found.separator, found.header_line, [seen.header for seen in found.columns]) == (
        "|",
        1,
        ["Abonné", "Quand", "Genre"],
    )


# -- Codes


@pytest.mark.parametrize(
    "content",
    [
        "NSCE;PIN;PUK\n8933019900000000018;4321;87654321\n",
        "NSCE;PIN;PUK\n8933019900000000018;4321;87654321;1\n",
        "NSCE;PIN;PUK\n87654321;4321;8933019900000000018\n",
        "Puce;Code A;Code B\n8933019900000000018;4321;87654321\n",
        "8933019900000000018;4321;87654321\n8933019900000000026;4321;87654321\n",
        "NSCE;PIN;PUK\n8933019900000000018;4321;8765 4321\n",
    ],
)
@pytest.mark.parametrize("path", ["Cartes SIM/x.csv", "x.csv"])
def test_a_code_of_a_card_is_never_told(content: str, path: str) -> None:
    found = looked_at(content, path)
    told = repr(found) + (repr(suggest(content.encode(), LAYOUTS, path)) if found.columns else "")
    assert "4321" not in told


@pytest.mark.parametrize("header", ["RIO", "Mention"])
def test_a_rio_is_never_told(header: str) -> None:
    found = looked_at(f"Ligne;Statut;{header}\n0639980001;Active;01E4K7P2QEM3\n", "AccountStatus/x.csv")
    assert "01E4K7P2QEM3" not in repr(found)
    assert column(found, header).samples == ("•" * 12,)


# -- What is ambiguous


def test_of_two_columns_for_one_field_the_first_counts_and_it_is_said() -> None:
    found = looked_at(f"{HEADER};Numéro\n{ROW};0639980009\n")
    assert column(found, "Numéro").use == "second"
    assert "« Ligne » (n° 1) et « Numéro » (n° 5)" in sentences(found)


def test_what_is_said_to_write_makes_the_other_column_count() -> None:
    content = f"{HEADER};Numéro\n{ROW};0639980009\n"
    (doubt,) = looked_at(content).doubts
    own = tomllib.loads(doubt.write)["columns"]
    found = looked_at(content, layouts=with_alias(LAYOUTS, "imei", own["imei"][0]))
    assert column(found, "Numéro").use == "read"
    assert found.cdrs[0].msisdn == "0639980009"


def test_a_unit_that_nothing_states_is_a_question_and_no_guess() -> None:
    found = looked_at(f"Ligne;Date;Type;Durée\n{ROW}\n")
    assert "rien ne dit l'unité" in found.waiting
    assert column(found, "Durée").unit_from == "nothing"
    assert '[stated]\n"Durée" = "…"   # s, min ou ms' in sentences(found)


def test_both_missing_units_are_told_at_once() -> None:
    found = looked_at(f"Ligne;Date;Type;Durée;Volume\n{ROW};3\n")
    assert {seen.header for seen in found.columns if seen.unit_from == "nothing"} == {"Durée", "Volume"}


@pytest.mark.parametrize(
    ("day", "path", "is_doubtful"),
    [
        ("05/11/2026", "RatedCDRs/x.csv", True),
        ("13/11/2026", "RatedCDRs/x.csv", False),
        ("11/11/2026", "RatedCDRs/x.csv", False),
        ("2026-11-05", "RatedCDRs/x.csv", False),
        ("05/11/2026", "RatedCDRs/x_20261106.csv", False),
        ("05/11/2026", "RatedCDRs/x_20260511.csv", True),
    ],
)
def test_dates_that_read_both_ways_are_told_unless_the_file_s_name_decides(
    day: str, path: str, is_doubtful: bool
) -> None:
    found = looked_at(f"{HEADER}\n0639980001;{day} 10:00:00;Voix;60\n", path)
    assert ("à la française" in sentences(found)) == is_doubtful


@pytest.mark.parametrize(
    ("cells", "is_doubtful"),
    [
        (["1.234"], True),
        (["1,234", "12"], True),
        (["1.234", "0.5"], False),
        (["1.234", "0.500"], False),
        (["1,234", "12,50"], False),
        (["1.234,50", "1.234"], True),
        (["0,125"], False),
        (["12,50"], False),
    ],
)
def test_a_mark_that_could_be_a_thousands_mark_is_told(cells: list[str], is_doubtful: bool) -> None:
    found = looked_at("\n".join([f"{HEADER};Montant HT", *(f"{ROW};{cell}" for cell in cells)]))
    assert ("milliers" in sentences(found)) == is_doubtful


def test_durations_of_two_parts_are_told_unless_the_header_says() -> None:
    assert "12 min 05 s" in sentences(looked_at("Ligne;Date;Type;Durée\n" + ROW.replace(";60", ";12:05")))
    assert not looked_at("Ligne;Date;Type;Durée (mm:ss)\n" + ROW.replace(";60", ";12:05")).doubts


def test_unknown_types_status_words_and_units_are_told() -> None:
    assert "Pigeon" in sentences(looked_at(f"{HEADER}\n{ROW.replace('Voix', 'Pigeon')}\n"))
    assert "Perdue" in sentences(looked_at("Ligne;Statut\n0639980001;Perdue\n", "AccountStatus/x.csv"))
    assert "parsec" in sentences(looked_at(f"Ligne;Date;Type;Quantité;Unité\n{ROW};parsec\n"))


def test_an_ignored_column_that_looks_like_a_number_is_told() -> None:
    found = looked_at(f"{HEADER};Zzz\n{ROW};0639985001\n")
    assert "« Zzz » est ignorée, et ressemble à : numéro appelé" in sentences(found)


def test_a_total_that_is_not_the_sum_is_told() -> None:
    found = looked_at(f"{HEADER};Montant HT\n{ROW};1,50\nTotal;;;;2,00\n")
    assert "(2,00 €) n'est pas la somme des rangées lues (1,50 €)" in sentences(found)


def test_totals_of_clients_are_no_doubt_when_the_last_is_the_sum() -> None:
    found = looked_at(f"{HEADER};Montant HT\n{ROW};1,50\nTotal A;;;;1,50\n{ROW};2\nTotal B;;;;2\nTotal;;;;3,50\n")
    assert (len(found.totals), found.doubts) == (3, ())


# -- What an unknown column may be


def test_names_and_cells_together_leave_hardly_a_doubt() -> None:
    guesses = guessed(
        "Abonné|Quand|Vers|Genre|Prix HT\n"
        "0639980001|24/11/2026 08:00:00|0639985701|Voix|0,03\n"
        "0639980002|24/11/2026 08:01:00|3179|Data|0,00\n"
    )
    assert {name: guess.field for name, guess in guesses.items()} == {
        "Abonné": "msisdn",
        "Quand": "start",
        "Vers": "called",
        "Genre": "type",
        "Prix HT": "amount",
    }
    assert {name for name, guess in guesses.items() if guess.sure} >= {"Abonné", "Quand", "Genre", "Prix HT"}


def test_plain_figures_alone_are_never_sure() -> None:
    guess = guessed(f"{HEADER};Zzz\n{ROW};125\n")["Zzz"]
    assert not guess.sure
    assert {guess.field, *guess.others} == {"volume", "quantity", "amount"}


def test_two_columns_of_mobile_numbers_that_nothing_tells_apart_are_not_sure() -> None:
    guesses = guessed("A;B;Date;Type;Durée (s)\n0639980001;0639980002;24/11/2026 10:00:00;Voix;60\n")
    assert [(guess.field, guess.sure) for guess in guesses.values()] == [("msisdn", False), ("called", False)]


def test_no_field_is_given_to_two_columns() -> None:
    content = "A;B;C;D;Date;Type\n" + "0639980001;0639980002;12;15;24/11/2026 10:00:00;Voix\n" * 3
    fields = [guess.field for guess in guessed(content).values() if guess.field]
    assert len(fields) == len(set(fields))


def test_a_card_listing_is_guessed_by_its_digits() -> None:
    guesses = guessed("Puce;Identité;Déblocage\n8933019900000000018;208019900000001;00012345\n", "Cartes SIM/x.csv")
    assert [(guess.field, guess.sure) for guess in guesses.values()] == [
        ("iccid", True),
        ("imsi", True),
        ("puk", True),
    ]


def test_a_file_without_header_gets_a_guess_a_column() -> None:
    found = suggest(f"{ROW};0,15\n{ROW};0,20\n".encode(), LAYOUTS, "RatedCDRs/x.csv")
    assert found.headerless
    assert [guess.field if guess.sure else "" for guess in found.guesses] == ["msisdn", "start", "type", "", ""]
    assert [(question.name, question.quantity) for question in found.units] == [("", "duration")]


def test_a_quantity_without_unit_column_must_be_called_something() -> None:
    found = suggest(b"Ligne;Date;Type;Conso\n" + ROW.encode(), LAYOUTS, "RatedCDRs/x.csv")
    (guess,) = found.guesses
    assert (guess.field, guess.sure, guess.others) == ("duration", False, ("volume",))
    assert [question.name for question in found.units] == ["Conso"]


def test_nothing_is_suggested_for_a_known_file() -> None:
    assert suggest(f"{HEADER}\n{ROW}\n".encode(), LAYOUTS, "RatedCDRs/x.csv").is_empty


@pytest.mark.parametrize(
    ("header", "field", "unit"),
    [
        ("Chrono", "duration", ""),
        ("Chrono (s)", "duration", "s"),
        ("Chrono_sec", "duration", "sec"),
        ("Trafic en Mo", "volume", "mo"),
        ("Chrono (appel)", "duration", ""),
        ("N° abonné", "msisdn", ""),
        ("Appel (vers)", "called", ""),
        ('Dit "vers"', "called", ""),
    ],
)
def test_the_name_to_write_is_one_that_the_header_is_read_by(header: str, field: str, unit: str) -> None:
    alias = alias_for(header, field, LAYOUTS)
    assert with_alias(LAYOUTS, field, alias).column(header) == (field, unit)


def test_a_name_close_to_a_known_one_is_a_hint() -> None:
    assert hint_of("Destinaton", LAYOUTS) == ("zone", False)
    assert hint_of("Montant TTC (€)", LAYOUTS)[0] == "amount_with_tax"
    assert hint_of("Zzz", LAYOUTS) == ("", False)


def test_the_folders_have_french_names() -> None:
    assert all(re.fullmatch(r"[\w ]+", FOLDERS[table]) for table in KINDS.values())  # type: ignore[index]

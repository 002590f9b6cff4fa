"""Figures, times and words in French form."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.folders import MONTHS
from handlers import french
from handlers.french import NBSP, THIN
from tests.handlers.filled import NOW, PARIS


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=PARIS).timestamp())  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (999, "999"), (1000, f"1{THIN}000"), (1234567, f"1{THIN}234{THIN}567"), (-1000, f"-1{THIN}000")],
)
def test_thousands_are_apart(value: int, shown: str) -> None:
    assert french.whole(value) == shown


@pytest.mark.parametrize(
    ("millionths", "shown"),
    [
        (0, "0,00"),
        (1_234_560_000, f"1{THIN}234,56"),
        (4_999, "0,00"),
        (5_000, "0,01"),
        (14_999, "0,01"),
        (15_000, "0,02"),
        (995_000, "1,00"),
        (999_994_999, "999,99"),
        (999_995_000, f"1{THIN}000,00"),
        (-1_500_000, "-1,50"),
        (-5_000, "-0,01"),
        (-4_999, "0,00"),
    ],
)
def test_an_amount_is_rounded_to_the_cent_half_up(millionths: int, shown: str) -> None:
    assert french.euros(millionths) == f"{shown}{NBSP}€"


def test_an_amount_that_no_file_gives_is_a_dash() -> None:
    assert french.euros(None) == "—"


@given(st.integers(-(10**15), 10**15))
def test_a_shown_amount_is_within_half_a_cent(millionths: int) -> None:
    shown = french.euros(millionths).removesuffix(f"{NBSP}€").replace(THIN, "").replace(",", "")
    assert abs(int(shown) * 10_000 - millionths) <= 5_000


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (7530, "2 h 05 min"),
        (3600 * 1234, f"1{THIN}234 h 00 min"),
    ],
)
def test_a_duration_has_two_units(seconds: int, shown: str) -> None:
    assert french.duration(seconds) == shown.replace(" ", NBSP)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (0, "0 o"),
        (1023, "1023 o"),
        (1024, "1,0 Ko"),
        (1536, "1,5 Ko"),
        (150 * 1024, "150 Ko"),
        (5 * 1024**2, "5,0 Mo"),
        (int(1.2 * 1024**3), "1,2 Go"),
        (3 * 1024**4, "3,0 To"),
        (5000 * 1024**4, "5000 To"),
    ],
)
def test_a_volume_is_in_the_unit_that_reads_best(octets: int, shown: str) -> None:
    assert french.volume(octets) == shown.replace(" ", NBSP)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (NOW, "à l'instant"),
        (NOW - 59, "à l'instant"),
        (NOW + 600, "à l'instant"),
        (NOW - 60, f"il y a 1{NBSP}min"),
        (NOW - 3599, f"il y a 59{NBSP}min"),
        (NOW - 3600, f"il y a 1{NBSP}h"),
        (NOW - 47 * 3600, f"il y a 47{NBSP}h"),
        (NOW - 48 * 3600, f"il y a 2{NBSP}jours"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: int, shown: str) -> None:
    assert french.age(seconds, NOW) == shown


def test_a_moment_of_this_year_has_no_year() -> None:
    assert french.moment(at(2026, 11, 23, 14, 5), NOW) == "23/11 à 14:05"


def test_a_moment_of_another_year_has_it() -> None:
    assert french.moment(at(2025, 12, 31, 23, 59), NOW) == "31/12/2025 à 23:59"


def test_a_moment_is_told_in_paris_time_in_summer_and_winter() -> None:
    assert french.moment(1_782_900_000, NOW) == "01/07 à 12:00"
    assert french.moment(1_795_516_200, NOW) == "24/11 à 11:30"


@pytest.mark.parametrize(("number", "shown"), [(0, "0 ligne"), (1, "1 ligne"), (2, "2 lignes")])
def test_a_count_agrees_with_its_noun(number: int, shown: str) -> None:
    assert french.count(number, "ligne") == shown


def test_a_count_takes_an_irregular_plural() -> None:
    assert french.count(3, "fichier attend", "fichiers attendent") == "3 fichiers attendent"


@pytest.mark.parametrize(
    ("month", "shown"),
    [(202610, "d'octobre 2026"), (202611, "de novembre 2026"), (202604, "d'avril 2026"), (202608, "d'août 2026")],
)
def test_a_month_is_elided_before_a_vowel(month: int, shown: str) -> None:
    assert french.of_month(month) == shown


def test_a_month_that_no_path_tells_is_unknown() -> None:
    assert french.month(0) == "mois inconnu"
    assert french.of_month(0) == "d'un mois inconnu"


@pytest.mark.parametrize("name", MONTHS)
def test_each_month_is_understood_by_its_name(name: str) -> None:
    number = MONTHS.index(name) + 1
    year = 2026 if number <= 11 else 2025
    assert french.take_month(f"Dupont {name}", NOW) == ("Dupont", year * 100 + number)


@pytest.mark.parametrize(
    "words", ["Dupont", "Marsault", "Entreprise Exemple 13", "2026", "06 39 98 00 01", "Dupont 13/2026"]
)
def test_words_without_a_month_stay_as_they_are(words: str) -> None:
    assert french.take_month(words, NOW) == (words, 0)


def test_the_last_month_named_counts_for_a_client_can_be_called_so() -> None:
    assert french.take_month("Garage de Mars octobre", NOW) == ("Garage de Mars", 202610)


def test_the_month_before_january_is_december() -> None:
    assert french.take_month("Dupont mois dernier", at(2026, 1, 15)) == ("Dupont", 202512)


def test_the_present_month_is_that_of_paris() -> None:
    # Half past midnight in Paris on the first is still the last day of the month before in UTC.
    assert french.take_month("Dupont ce mois", at(2026, 11, 1, 0, 30)) == ("Dupont", 202611)


@given(st.text(max_size=60))
def test_any_text_holds_a_month_or_none(words: str) -> None:
    rest, month = french.take_month(words, NOW)
    assert len(rest) <= len(words)
    assert month == 0 or 1 <= month % 100 <= 12

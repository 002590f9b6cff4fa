"""Periods as people write them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.daily import date_of
from handlers.periods import Period, days, take_period
from tests.handlers.filled import NOW  # 24/11/2026 at 9:00


def taken(words: str) -> tuple[str, Period]:
    rest, period = take_period(words, NOW)
    assert period, words
    return rest, period


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("Dupont octobre 2026", "2026-10"),
        ("Dupont en octobre", "2026-10"),
        ("Dupont déc.", "2025-12"),
        ("Dupont 2026-10", "2026-10"),
        ("Dupont 10/2026", "2026-10"),
        ("Dupont ce mois", "2026-11"),
        ("Dupont mois dernier", "2026-10"),
        ("Dupont de septembre à novembre", "2026-09..2026-11"),
        ("Dupont oct à déc 2025", "2025-10..2025-12"),
        ("Dupont novembre à février", "2025-11..2026-02"),
        ("Dupont 09/2026-10/2026", "2026-09..2026-10"),
        ("Dupont 2026-09..2026-11", "2026-09..2026-11"),
        ("Dupont T3", "2026-07..2026-09"),
        ("Dupont 2026", "2026-01..2026-12"),
        ("Dupont en 2025", "2025-01..2025-12"),
        ("Dupont l'année dernière", "2025-01..2025-12"),
        ("Dupont 3 derniers mois", "2026-09..2026-11"),
        ("Dupont du 1er au 15 octobre", "2026-10-01..2026-10-15"),
        ("Dupont du 1er au 31 octobre", "2026-10"),
        ("Dupont du 28 septembre au 3 octobre", "2026-09-28..2026-10-03"),
        ("Dupont du 20 décembre au 5 janvier", "2025-12-20..2026-01-05"),
        ("Dupont 01/10-15/10", "2026-10-01..2026-10-15"),
        ("Dupont du 01/10/2026 au 15/10/2026", "2026-10-01..2026-10-15"),
        ("Dupont 2026-10-01..2026-10-15", "2026-10-01..2026-10-15"),
        ("Dupont le 12 octobre", "2026-10-12..2026-10-12"),
        ("Dupont 12/10", "2026-10-12..2026-10-12"),
        ("Dupont depuis le 10 novembre", "2026-11-10..2026-11-24"),
        ("Dupont aujourd'hui", "2026-11-24..2026-11-24"),
        ("Dupont hier", "2026-11-23..2026-11-23"),
        ("Dupont avant-hier", "2026-11-22..2026-11-22"),
        ("Dupont cette semaine", "2026-11-23..2026-11-24"),
        ("Dupont la semaine dernière", "2026-11-16..2026-11-22"),
        ("Dupont 7 derniers jours", "2026-11-18..2026-11-24"),
    ],
)
def test_a_period_is_taken_out_of_the_words(words: str, command: str) -> None:
    rest, period = taken(words)
    assert (rest, period.command) == ("Dupont", command)


@pytest.mark.parametrize(
    "words", ["Dupont", "06 39 98 00 01", "06 39 98 20 26", "0639982026", "8933019900000000012", "A à Z", "Octave"]
)
def test_what_holds_no_period_stays_whole(words: str) -> None:
    assert take_period(words, NOW) == (words, None)


@pytest.mark.parametrize("words", ["Dupont 31/02/2026", "Dupont du 31 au 32 octobre 2026-13"])
def test_a_day_that_does_not_exist_is_no_period(words: str) -> None:
    rest, period = take_period(words, NOW)
    assert period is None or "32" in rest


@pytest.mark.parametrize(
    ("words", "of"),
    [
        ("octobre 2026", "d'octobre 2026"),
        ("novembre 2026", "de novembre 2026"),
        ("août à octobre 2026", "d'août à octobre 2026"),
        ("décembre 2025 à janvier 2026", "de décembre 2025 à janvier 2026"),
        ("2026", "de l'année 2026"),
        ("du 1 au 15 octobre", "du 1er au 15 octobre 2026"),
        ("hier", "du 23 novembre 2026"),
    ],
)
def test_it_is_said_in_french(words: str, of: str) -> None:
    _, period = taken(f"x {words}")
    assert period.of == of


@given(st.dates(min_value=date_of(19000), max_value=date_of(21000)), st.integers(0, 700))
def test_a_period_asked_by_its_own_command_is_the_same(first: date, length: int) -> None:
    period = days(first, first + timedelta(days=length))
    rest, again = taken(f"Dupont {period.command}")
    assert (rest, again) == ("Dupont", period)


@given(st.text(max_size=40))
def test_any_words_are_read_without_a_fault(words: str) -> None:
    rest, period = take_period(words, NOW)
    assert period is None or period.first <= period.last
    assert isinstance(rest, str)

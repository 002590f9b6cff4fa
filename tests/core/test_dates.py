"""Days between dates and ends of commitments, against a calendar counted day by day."""

from bisect import bisect_left
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import duration
from core.duration import Between, Day, DurationError, Moved
from core.duration.dates import WEEKDAYS
from core.duration.days import Span, add, measure

TODAY = date(2026, 11, 24)


def answer(text: str) -> Between | Moved | Day:
    found = duration.answer(duration.understand(text), TODAY)
    assert isinstance(found, Between | Moved | Day)
    return found


def between(text: str) -> Between:
    found = answer(text)
    assert isinstance(found, Between)
    return found


def moved(text: str) -> Moved:
    found = answer(text)
    assert isinstance(found, Moved)
    return found


def fault(text: str) -> str:
    with pytest.raises(DurationError) as raised:
        answer(text)
    return str(raised.value).replace("\u00a0", " ")


# -- A calendar of its own: one day after the other


def _length(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


CALENDAR = [
    (year, month, day)
    for year in range(1900, 2201)
    for month in range(1, 13)
    for day in range(1, _length(year, month) + 1)
]
#: The first of January 1900 was a Monday.
MONDAY_FIRST = 0


def place(day: date) -> int:
    return bisect_left(CALENDAR, (day.year, day.month, day.day))


def months_later(day: date, months: int) -> date:
    """The same number in a later month, or the last day that there is, going back one by one."""
    year, month, number = day.year, day.month, day.day
    for _ in range(abs(months)):
        month += 1 if months > 0 else -1
        if month in (0, 13):
            year, month = (year - 1, 12) if month == 0 else (year + 1, 1)
    while (year, month, number) not in _DAYS:
        number -= 1
    return date(year, month, number)


_DAYS = frozenset(CALENDAR)
_days = st.dates(date(1900, 1, 1), date(2200, 12, 31))
_early = st.dates(date(1910, 1, 1), date(2190, 12, 31))


@given(_days, _days)
def test_days_between_are_those_counted_one_by_one(a: date, b: date) -> None:
    first, last = min(a, b), max(a, b)
    counted = CALENDAR[place(first) : place(last)]
    found = between(f"du {first:%d/%m/%Y} au {last:%d/%m/%Y}").measure
    assert (found.first, found.last) == (first, last)
    assert found.days == len(counted)
    assert found.both_counted == len(counted) + 1


@given(_days, st.integers(0, 800))
def test_mondays_to_fridays_are_those_counted_one_by_one(first: date, days: int) -> None:
    begin = place(first)
    end = min(begin + days, len(CALENDAR) - 1)
    expected = sum((MONDAY_FIRST + number) % 7 < 5 for number in range(begin, end + 1))
    assert measure(first, date(*CALENDAR[end])).weekdays == expected


@given(_days, _days)
def test_months_and_days_lead_from_one_date_to_the_other(a: date, b: date) -> None:
    first, last = min(a, b), max(a, b)
    found = measure(first, last)
    turn = months_later(first, found.months)
    assert place(last) - place(turn) == found.days_beyond >= 0
    # One month more would be too many.
    if last < date(2200, 11, 30):
        assert months_later(first, found.months + 1) > last


@given(_days, st.integers(0, 1200))
def test_the_days_of_each_month_or_year_make_the_whole(first: date, days: int) -> None:
    begin = place(first)
    end = min(begin + days, len(CALENDAR) - 1)
    found = measure(first, date(*CALENDAR[end])).parts
    counted = Counter((year, month) for year, month, _ in CALENDAR[begin + 1 : end + 1])
    if any(month == 0 for _, month, _ in found):
        counted = Counter((year, 0) for year, _, _ in CALENDAR[begin + 1 : end + 1])
    assert {(year, month): days for year, month, days in found} == counted


@given(_early, st.integers(-110, 110))
def test_months_are_added_from_quantieme_to_quantieme(day: date, months: int) -> None:
    expected = months_later(day, months)
    assert add(day, Span(months=abs(months)), 1 if months >= 0 else -1) == expected
    sign = "+" if months >= 0 else "-"
    assert moved(f"{day:%d/%m/%Y} {sign} {abs(months)} mois").end == expected


@given(_early, st.integers(-3000, 3000))
def test_days_are_added_one_by_one(day: date, days: int) -> None:
    expected = date(*CALENDAR[place(day) + days])
    assert moved(f"{day:%d/%m/%Y} {'+' if days >= 0 else '-'} {abs(days)} jours").end == expected


@given(_early, st.integers(0, 60), st.integers(0, 400))
def test_months_are_counted_first_then_days(day: date, months: int, days: int) -> None:
    expected = date(*CALENDAR[place(months_later(day, months)) + days])
    assert moved(f"{day:%d/%m/%Y} + {months} mois et {days} jours").end == expected


@given(_early, st.integers(1, 120))
def test_a_commitment_ends_on_the_eve_of_its_quantieme_or_with_its_last_month(day: date, months: int) -> None:
    found = moved(f"{day:%d/%m/%Y} + {months} mois")
    assert found.last_day
    end = months_later(day, months)
    assert place(found.last_day) == (place(end) - 1 if end.day == day.day else place(end))
    if end.day != day.day:  # nothing of that month is left out
        assert (found.last_day.year, found.last_day.month, found.last_day.day + 1) not in _DAYS


WRITINGS = {
    "12/03/2026": "{d:02}/{m:02}/{y}",
    "12-03-2026": "{d:02}-{m:02}-{y}",
    "12.03.2026": "{d:02}.{m:02}.{y}",
    "1/3/2026": "{d}/{m}/{y}",
    "2026-03-12": "{y}-{m:02}-{d:02}",
    "2026/03/12": "{y}/{m:02}/{d:02}",
    "12 mars 2026": "{d} {name} {y}",
    "12 MARS 2026": "{d} {upper} {y}",
    "jeudi 12 mars 2026": "{weekday} {d} {name} {y}",
    "jeudi 12/03/2026": "{weekday} {d:02}/{m:02}/{y}",
}
_NAMES = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


@pytest.mark.parametrize("writing", WRITINGS)
@given(_days)
def test_each_writing_of_a_date_is_read_back_as_what_it_was(writing: str, day: date) -> None:
    name = _NAMES[day.month - 1]
    text = WRITINGS[writing].format(
        d=day.day, m=day.month, y=day.year, name=name, upper=name.upper(), weekday=WEEKDAYS[place(day) % 7]
    )
    assert answer(text) == Day(day)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_year_of_two_figures_is_of_this_century(day: date) -> None:
    assert answer(f"{day.day}/{day.month}/{day:%y}") == Day(day)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1er avril 2026", date(2026, 4, 1)),
        ("le 1er avril 2026", date(2026, 4, 1)),
        ("12 fevrier 2026", date(2026, 2, 12)),
        ("12 févr. 2026", date(2026, 2, 12)),
        ("12 juil 2026", date(2026, 7, 12)),
        ("12 juin 2026", date(2026, 6, 12)),
        ("12 déc. 2026", date(2026, 12, 12)),
        ("12 aout 2026", date(2026, 8, 12)),
        ("aujourd'hui", TODAY),
        ("aujourd’hui", TODAY),
        ("Aujourd'hui", TODAY),
        ("demain", date(2026, 11, 25)),
        ("après-demain", date(2026, 11, 26)),
        ("hier", date(2026, 11, 23)),
        ("avant-hier", date(2026, 11, 22)),
        ("avant hier", date(2026, 11, 22)),
    ],
)
def test_a_day_is_read_in_words(text: str, day: date) -> None:
    assert answer(text) == Day(day)


# -- From one date to another

_A, _B = date(2026, 3, 12), date(2026, 11, 5)


@pytest.mark.parametrize(
    "text",
    [
        "du 12/03/2026 au 05/11/2026",
        "Du 12/03/2026 au 05/11/2026 ?",
        "de 12/03/2026 à 05/11/2026",
        "entre le 12/03/2026 et le 05/11/2026",
        "entre 12/03/2026 et 05/11/2026",
        "12/03/2026 au 05/11/2026",
        "12/03/2026 → 05/11/2026",
        "12/03/2026 -> 05/11/2026",
        "2026-03-12..2026-11-05",
        "12/03/2026 - 05/11/2026",
        "12/03/2026-05/11/2026",
        "12.03.2026 – 05.11.2026",
        "05/11/2026 - 12/03/2026",
        "05/11/2026 moins 12/03/2026",
        "du 12 mars 2026 au 5 novembre 2026",
        "du jeudi 12 mars 2026 au jeudi 5 novembre 2026",
        "du 12 mars au 5 novembre 2026",
        "depuis le 12/03/2026 jusqu'au 05/11/2026",
        "combien de jours du 12/03/2026 au 05/11/2026 ?",
        "nombre de jours entre le 12/03/2026 et le 05/11/2026",
        "durée du 12/03/2026 au 05/11/2026",
        "du 12/03/2026\nau 05/11/2026",
        "du 12/03/26 au 5/11/26",
        "du 12/03 au 05/11/2026",
    ],
)
def test_a_period_is_read_in_its_usual_writings(text: str) -> None:
    found = between(text)
    assert (found.measure.first, found.measure.last) == (_A, _B)
    assert not found.turned
    assert found.notes == ()


def test_a_period_is_measured_in_days_weeks_and_months() -> None:
    found = between("du 12/03/2026 au 05/11/2026").measure
    assert (found.days, found.both_counted, found.months, found.days_beyond) == (238, 239, 7, 24)
    assert found.weekdays == 171


def test_a_period_that_ends_before_it_begins_is_turned_and_that_is_told() -> None:
    found = between("du 05/11/2026 au 12/03/2026")
    assert (found.measure.first, found.measure.last) == (_A, _B)
    assert found.turned


def test_a_subtraction_begins_with_the_later_date() -> None:
    assert not between("05/11/2026 - 12/03/2026").turned


def test_a_period_of_one_day_has_no_day_between() -> None:
    assert between("du 12/03/2026 au 12/03/2026").measure.days == 0


def test_a_period_of_a_month_need_not_name_it_twice() -> None:
    found = between("du 12 au 15 mars 2026").measure
    assert (found.first, found.last) == (date(2026, 3, 12), date(2026, 3, 15))
    found = between("entre le 1er et le 15 mars 2026").measure
    assert (found.first, found.last) == (date(2026, 3, 1), date(2026, 3, 15))


def test_today_can_end_or_begin_a_period() -> None:
    assert between("depuis le 01/11/2026").measure.days == 23
    assert between("jusqu'au 01/12/2026").measure.days == 7
    assert between("d'aujourd'hui au 01/12/2026").measure.days == 7


def test_a_year_that_stands_nowhere_is_this_one_and_that_is_told() -> None:
    found = between("du 12 mars au 5 novembre")
    assert (found.measure.first, found.measure.last) == (_A, _B)
    assert found.notes == ("Sans année : lu 2026.",)


def test_without_years_the_end_follows_the_beginning() -> None:
    found = between("du 15 novembre au 3 janvier")
    assert (found.measure.first, found.measure.last) == (date(2026, 11, 15), date(2027, 1, 3))
    assert found.notes == ("Sans année : lu 2026 et 2027.",)


def test_a_beginning_without_year_precedes_its_end() -> None:
    assert between("du 15 novembre au 3 janvier 2027").measure.first == date(2026, 11, 15)
    assert between("du 15 novembre 2026 au 3 janvier").measure.last == date(2027, 1, 3)


def test_a_weekday_that_is_not_the_date_s_is_told() -> None:
    found = answer("lundi 12 mars 2026")
    assert found == Day(date(2026, 3, 12), ("Le 12/03/2026 est un jeudi, et non un lundi.",))


# -- A period added


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("12/03/2026 + 24 mois", date(2028, 3, 12)),
        ("12/03/2026+24mois", date(2028, 3, 12)),
        ("12 mars 2026 + 24 mois", date(2028, 3, 12)),
        ("12/03/2026 plus 24 mois", date(2028, 3, 12)),
        ("24 mois à partir du 12/03/2026", date(2028, 3, 12)),
        ("24 mois à compter du 12/03/2026", date(2028, 3, 12)),
        ("24 mois après le 12/03/2026", date(2028, 3, 12)),
        ("24 mois depuis le 12 mars 2026", date(2028, 3, 12)),
        ("engagement de 24 mois à partir du 12/03/2026", date(2028, 3, 12)),
        ("12/03/2026 + 2 ans", date(2028, 3, 12)),
        ("12/03/2026 + 1 an", date(2027, 3, 12)),
        ("12/03/2026 + un an", date(2027, 3, 12)),
        ("12/03/2026 + 2 années", date(2028, 3, 12)),
        ("12/03/2026 + 1 an 6 mois", date(2027, 9, 12)),
        ("12/03/2026 + 1 an et 6 mois", date(2027, 9, 12)),
        ("12/03/2026 + 1 an + 6 mois", date(2027, 9, 12)),
        ("12/03/2026 + 30 jours", date(2026, 4, 11)),
        ("12/03/2026 + 30 j", date(2026, 4, 11)),
        ("12/03/2026 + 3 semaines", date(2026, 4, 2)),
        ("12/03/2026 - 1 mois", date(2026, 2, 12)),
        ("12/03/2026 − 1 mois", date(2026, 2, 12)),
        ("12/03/2026 moins 1 mois", date(2026, 2, 12)),
        ("1 mois avant le 12/03/2026", date(2026, 2, 12)),
        ("12/03/2026 + 24 mois - 1 jour", date(2028, 3, 11)),
        ("12/03 + 30 jours", date(2026, 4, 11)),
        ("1er avril + 2 ans", date(2028, 4, 1)),
        ("aujourd'hui + 24 mois", date(2028, 11, 24)),
        ("24 mois à partir d'aujourd'hui", date(2028, 11, 24)),
        ("demain + 1 mois", date(2026, 12, 25)),
        ("hier + 1 mois", date(2026, 12, 23)),
        ("dans 30 jours", date(2026, 12, 24)),
        ("dans 3 mois", date(2027, 2, 24)),
        ("il y a 3 mois", date(2026, 8, 24)),
        ("31/01/2026 + 1 mois", date(2026, 2, 28)),
        ("31/01/2028 + 1 mois", date(2028, 2, 29)),
        ("30/01/2026 + 1 mois", date(2026, 2, 28)),
        ("29/02/2028 + 12 mois", date(2029, 2, 28)),
        ("29/02/2028 + 48 mois", date(2032, 2, 29)),
        ("31/03/2026 - 1 mois", date(2026, 2, 28)),
        ("31/08/2026 + 1 mois", date(2026, 9, 30)),
        ("31/12/2026 + 2 mois", date(2027, 2, 28)),
        ("28/02/2027 + 12 mois", date(2028, 2, 28)),
        ("31/01/2026 + 1 mois 1 jour", date(2026, 3, 1)),
    ],
)
def test_a_period_is_added_to_a_date(text: str, end: date) -> None:
    assert moved(text).end == end


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("12/03/2026 + 24 mois", date(2028, 3, 11)),
        ("01/01/2026 + 12 mois", date(2026, 12, 31)),
        ("12/03/2026 + 30 jours", date(2026, 4, 10)),
        ("31/01/2026 + 1 mois", date(2026, 2, 28)),
        ("29/02/2028 + 12 mois", date(2029, 2, 28)),
        ("31/01/2026 + 1 mois 1 jour", date(2026, 2, 28)),
        ("12/03/2026 - 1 mois", None),
        ("12/03/2026 + 24 mois - 1 jour", None),
        ("12/03/2026 + 0 jour", None),
    ],
)
def test_the_last_day_of_a_commitment_is_the_eve_of_its_end(text: str, last: date | None) -> None:
    assert moved(text).last_day == last


def test_a_month_that_is_too_short_is_told() -> None:
    assert moved("31/01/2026 + 1 mois").moves[0].cut
    assert not moved("28/01/2026 + 1 mois").moves[0].cut
    assert not moved("31/01/2026 + 28 jours").moves[0].cut


# -- Faults


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("31/02/2026 + 1 mois", "« 31/02/2026 » n'existe pas : février 2026 a 28 jours"),
        ("30/02/2028", "février 2028 a 29 jours"),
        ("31 avril 2026", "« 31 avril 2026 » n'existe pas : avril 2026 a 30 jours"),
        ("29 février", "« 29 février » n'existe pas : février 2026 a 28 jours"),
        ("du 12/03/2026 au 31/11/2026", "« 31/11/2026 » n'existe pas"),
        ("03/25/2026", "« 03/25/2026 » : il n'y a pas de mois 25 (une date s'écrit jour/mois/année)"),
        ("2026-25-03", "il n'y a pas de mois 25"),
        ("00/03/2026", "il n'y a pas de jour 0"),
        ("32/03/2026", "il n'y a pas de jour 32"),
        ("12/03/202", "une année s'écrit avec 4 chiffres, ou 2"),
        ("12/03/20260", "une année s'écrit avec 4 chiffres, ou 2"),
        ("12/03/1899", "les dates vont de 1900 à 2200"),
        ("12/03/2201", "les dates vont de 1900 à 2200"),
        ("12/03/2026 + 200 ans", "Les dates vont de 1900 à 2200"),
        ("12/03/2026 - 200 ans", "Les dates vont de 1900 à 2200"),
        ("12/03/2026 + 999999999999 jours", "Les dates vont de 1900 à 2200"),
        ("12/03/2026 + 999999999999 ans", "Les dates vont de 1900 à 2200"),
        ("12/03/2026 + 1,5 mois", "« 1,5 mois » : il faut un nombre entier"),
        ("12/03/2026 + 5 h", "« 5 h » : à une date s'ajoutent des jours"),
        ("12/03/2026 + 24", "« 24 » : à une date s'ajoutent des jours"),
        ("12/03/2026 + 24 moi", "« 24 moi »"),
        ("12/03/2026 Dupont", "« Dupont » ne se lit pas dans un calcul de dates"),
        ("12/03/2026 x 2", "« x » ne se lit pas dans un calcul de dates"),
        ("12/03/2026 +", "Ce calcul de dates est incomplet"),
        ("du 12/03/2026", "Ce calcul de dates est incomplet"),
        ("12/03/2026 05/11/2026", "Ce calcul de dates est incomplet"),
        ("du 12/03/2026 au 05/11/2026 au 06/11/2026", "Ce calcul de dates est incomplet"),
        ("12/03/2026 " * 30, "La question est trop longue"),
    ],
)
def test_a_fault_says_where_it_is_and_why(text: str, told: str) -> None:
    assert told in fault(text)

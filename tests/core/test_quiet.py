"""Hours and days without sound, public holidays by region, as the settings say them."""

from datetime import date, datetime
from pathlib import Path

import pytest

from core.folders import PARIS
from core.holidays import REGIONS, holiday, is_worked, region
from core.hours import read_span, read_time
from core.quiet import Quiet, read_days, read_hours
from tests.core.test_settings import faults, load


def paris(words: str) -> int:
    return int(datetime.fromisoformat(words).replace(tzinfo=PARIS).timestamp())


@pytest.mark.parametrize(
    ("words", "minutes"),
    [("18h", 1080), ("8h30", 510), ("8 h 30", 510), ("à 18h", 1080), ("18:30", 1110), ("24h", 0), ("7", 420)],
)
def test_a_time_is_read_as_people_write_it(words: str, minutes: int) -> None:
    assert read_time(words) == minutes


@pytest.mark.parametrize("words", ["25h", "8h75", "midi", "", "8h-20h"])
def test_what_is_no_time_is_none(words: str) -> None:
    assert read_time(words) is None


@pytest.mark.parametrize("words", ["20h-8h", "20h - 8h", "de 20h à 8h", "20-8", "20:00-08:00", "entre 20h et 8h"])
def test_hours_are_read_as_people_write_them(words: str) -> None:
    assert read_span(words) == (1200, 480)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("2026-11-24 19:59", False), ("2026-11-24 20:00", True), ("2026-11-25 07:59", True), ("2026-11-25 08:00", False)],
)
def test_quiet_hours_go_over_midnight(moment: str, expected: bool) -> None:
    assert Quiet(hours=read_hours("20h-8h")).covers(paris(moment)) is expected


def test_a_quiet_day_is_quiet_all_day_long() -> None:
    quiet = Quiet(None, *read_days("dimanche, fériés"))
    assert quiet.covers(paris("2026-11-29 12:00"))  # a Sunday
    assert quiet.covers(paris("2026-11-11 12:00"))  # a Wednesday
    assert not quiet.covers(paris("2026-11-12 12:00"))


def test_without_settings_nothing_is_quiet(tmp_path: Path) -> None:
    quiet = load(tmp_path).quiet
    assert quiet == Quiet()
    assert not quiet.covers(paris("2026-11-29 03:00"))
    assert quiet.in_words() == ""


def test_the_settings_say_it_and_it_is_said_back(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        ORIGYNE_QUIET_HOURS="20h-8h30",
        ORIGYNE_QUIET_DAYS="week-end, jours fériés",
        ORIGYNE_HOLIDAYS="la reunion",
    )
    assert settings.quiet == Quiet((1200, 510), frozenset({5, 6}), holidays=True, place="La Réunion")
    assert settings.quiet.in_words().replace("\u00a0", " ") == (
        "de 20 h à 8 h 30, le samedi, le dimanche et les jours fériés"
    )


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ORIGYNE_QUIET_HOURS", "la nuit", "écrire des heures comme 20h-8h"),
        ("ORIGYNE_QUIET_HOURS", "8h-8h", "écrire des heures comme 20h-8h"),
        ("ORIGYNE_QUIET_DAYS", "dimanche, demain", "« demain » n'est pas un jour"),
        ("ORIGYNE_HOLIDAYS", "Belgique", "« Belgique » n'est pas une région connue ; il y a métropole, Alsace-Moselle"),
    ],
)
def test_what_means_nothing_is_told_with_what_to_write(tmp_path: Path, variable: str, value: str, said: str) -> None:
    (fault,) = faults(tmp_path, **{variable: value})
    assert fault.startswith(f"{variable} : ")
    assert said in fault


def test_holidays_are_those_of_the_region_in_french() -> None:
    friday = date(2026, 4, 3)
    assert holiday(date(2026, 7, 14)) == "Fête nationale"
    assert (holiday(friday), holiday(friday, "Alsace-Moselle")) == ("", "Vendredi saint")
    assert holiday(date(2026, 12, 20), "La Réunion")
    assert not holiday(date(2026, 12, 20))


@pytest.mark.parametrize("name", REGIONS)
def test_each_region_has_its_new_year(name: str) -> None:
    assert region(name.upper()) == name
    assert holiday(date(2026, 1, 1), name)


def test_saturday_is_worked_by_one_meaning_and_a_holiday_by_none() -> None:
    saturday, holiday_wednesday, tuesday = date(2026, 11, 28), date(2026, 11, 11), date(2026, 11, 24)
    assert [is_worked(saturday, days) for days in ("tous", "ouvrés", "ouvrables")] == [True, False, True]
    assert [is_worked(holiday_wednesday, days) for days in ("tous", "ouvrés", "ouvrables")] == [True, False, False]
    assert is_worked(tuesday, "ouvrés")

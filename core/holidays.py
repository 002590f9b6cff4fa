"""Public holidays of France by region, and the days that people work (Code du travail, L3133-1 and L3134-13)."""

from datetime import date
from functools import lru_cache
from typing import Literal

from core.layouts import fold

#: What a region is called, and its name in the library `holidays`.
REGIONS: dict[str, str] = {
    "métropole": "",
    "Alsace-Moselle": "57",
    "Guadeloupe": "971",
    "Martinique": "972",
    "Guyane": "973",
    "La Réunion": "974",
    "Mayotte": "976",
    "Saint-Barthélemy": "BL",
    "Saint-Martin": "MF",
    "Saint-Pierre-et-Miquelon": "PM",
    "Nouvelle-Calédonie": "NC",
    "Polynésie française": "PF",
    "Wallis-et-Futuna": "WF",
}
MAINLAND = "métropole"

#: Days of the week that people work: "ouvrés" Monday to Friday, "ouvrables" Monday to Saturday; neither on a holiday.
Days = Literal["tous", "ouvrés", "ouvrables"]
_WORKED: dict[Days, int] = {"tous": 7, "ouvrés": 5, "ouvrables": 6}


def region(words: str) -> str:
    """The region that a person names; "" when it is none. Réunion, alsace, moselle are enough."""
    wanted = fold(words).replace("la", "", 1) if fold(words).startswith("la") else fold(words)
    if wanted in ("alsace", "moselle"):
        return "Alsace-Moselle"
    return next((name for name in REGIONS if fold(name.removeprefix("La ")) == wanted), "")


def holiday(day: date, place: str = MAINLAND) -> str:
    """The French name of the public holiday that `day` is in a region of `REGIONS`, "" when it is none."""
    return _of_year(place, day.year).get(day, "")


def is_worked(day: date, days: Days, place: str = MAINLAND) -> bool:
    """Whether `day` is one of these days."""
    return days == "tous" or (day.weekday() < _WORKED[days] and not holiday(day, place))


@lru_cache(64)
def _of_year(place: str, year: int) -> dict[date, str]:
    # Loaded where the first day is asked for: it takes longer than all of ours.
    import holidays

    return dict(holidays.country_holidays("FR", subdiv=REGIONS[place] or None, years=year, language="fr"))

"""Periods in a person's words: a month, several, a year, some days."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from core.daily import date_of, day_of, days_of
from core.folders import MONTHS
from core.layouts import fold
from handlers import french

#: No answer covers more: the law keeps communications for a year, and totals are looked at by the year.
MOST_MONTHS = 24

#: Signs that are wrong in the name of a month that is still recognised.
_MOST_ERRORS = 2


@dataclass(frozen=True)
class Period:
    """`first`, `last`: days since 1970 in Paris, both included. `months`: YYYYMM, when it is made of whole months.

    `words`: "octobre 2026", "du 1er au 15 octobre 2026".
    """

    first: int
    last: int
    months: tuple[int, ...]
    words: str

    @property
    def of(self) -> str:
        """d'octobre 2026, de novembre 2026, du 1er au 15 octobre 2026."""
        return self.words if self.words.startswith(("du ", "de ", "d'")) else _of(self.words)

    @property
    def command(self) -> str:
        """The period as a command's argument that always means the same, whenever it is asked."""
        if len(self.months) == 1:
            return iso(self.months[0])
        if self.months:
            return f"{iso(self.months[0])}..{iso(self.months[-1])}"
        return f"{date_of(self.first).isoformat()}..{date_of(self.last).isoformat()}"


def _of(words: str) -> str:
    return f"d'{words}" if words[0] in "ao" else f"de {words}"


def iso(month: int) -> str:
    """2026-10."""
    return f"{month // 100}-{month % 100:02}"


def whole_months(first: int, last: int) -> Period:
    """From one month to another (YYYYMM), both included."""
    months: list[int] = []
    month = first
    while month <= last and len(months) < MOST_MONTHS:
        months.append(month)
        month = following(month)
    words = french.month(months[0])
    if len(months) > 1:
        same_year = months[0] // 100 == months[-1] // 100
        start = MONTHS[months[0] % 100 - 1] if same_year else french.month(months[0])
        words = f"{_of(start)} à {french.month(months[-1])}"
        if same_year and months[0] % 100 == 1 and months[-1] % 100 == 12:
            words = f"de l'année {months[0] // 100}"
    return Period(days_of(months[0])[0], days_of(months[-1])[1], tuple(months), words)


def days(first: date, last: date) -> Period:
    """From one day to another, both included; whole months where it is made of them."""
    first, last = min(first, last), max(first, last)
    if first.day == 1 and (last + timedelta(days=1)).day == 1:
        return whole_months(first.year * 100 + first.month, last.year * 100 + last.month)
    if first == last:
        words = f"du {_day(first)} {french.month(_month(first))}"
    elif _month(first) == _month(last):
        words = f"du {_day(first)} au {_day(last)} {french.month(_month(last))}"
    else:
        start = MONTHS[first.month - 1] if first.year == last.year else french.month(_month(first))
        words = f"du {_day(first)} {start} au {_day(last)} {french.month(_month(last))}"
    return Period(day_of(first), day_of(last), (), words)


def following(month: int) -> int:
    return month + 1 if month % 100 < 12 else month + 89


def before(month: int) -> int:
    return month - 1 if month % 100 > 1 else month - 89


def take_period(words: str, now: int) -> tuple[str, Period | None]:
    """Take a period out of a person's words: what is left of them, and the period, None when there is none.

    :param now: UTC seconds. What has no year is the last one past.
    """
    today = french.today(now).date()
    for pattern, read in _FORMS:
        for found in re.finditer(pattern, words, re.IGNORECASE):
            period = read(found, today)
            if period is None:
                continue
            rest = f"{words[: found.start()]} {words[found.end() :]}"
            return _without_hanging(rest), period
    rest, month = french.take_month(words, now)
    if month:
        return _without_hanging(rest), whole_months(month, month)
    if year := re.search(rf"(?<=[^\W\d]\s){_YEAR}$", words.strip()):
        return words.strip()[: year.start()].strip(), _year(year, today)
    return words.strip(), None


def nearly(word: str) -> str:
    """The month that a mistyped word resembles, "" for none."""
    folded = fold(word)
    names = {fold(name): name for name in MONTHS}
    if len(folded) < 3 or folded in names:
        return ""
    found = process.extractOne(folded, names.keys(), scorer=DamerauLevenshtein.distance, score_cutoff=_MOST_ERRORS)
    return names[found[0]] if found else ""


def _without_hanging(rest: str) -> str:
    """What is left, without the small words that led to the period."""
    return re.sub(
        r"(?:\s+(?:en|de|du|pour|sur|au|le|la|les|mois))+\s*$", "", " ".join(rest.split()), flags=re.IGNORECASE
    )


# -- What is written

_NAME = (
    r"(janvier|janv|jan|février|fevrier|févr|fevr|fév|fev|mars|avril|avr|mai|juin|juillet|juil|août|aout|"
    r"septembre|sept|octobre|oct|novembre|nov|décembre|decembre|déc|dec)\.?"
)
_YEAR = r"(20\d{2})"
_DAY = r"(0?[1-9]|[12]\d|3[01])(?:er)?"
_NUMBER = r"(0?[1-9]|1[0-2])"
_TO = r"\s*(?:\.\.+|à|a|au|-|–|jusqu'à|jusqu’à|jusqu'en)\s*"

_Read = Callable[["re.Match[str]", date], "Period | None"]


def _named(name: str) -> int:
    folded = fold(name)
    return next(number for number, month in enumerate(MONTHS, 1) if fold(month).startswith(folded[:4].rstrip(".")))


def _iso_days(found: "re.Match[str]", _: date) -> Period | None:
    first, last = _date(found[1], found[2], found[3]), _date(found[4], found[5], found[6])
    return days(first, last) if first and last else None


def _iso_day(found: "re.Match[str]", _: date) -> Period | None:
    day = _date(found[1], found[2], found[3])
    return days(day, day) if day else None


def _iso_months(found: "re.Match[str]", _: date) -> Period | None:
    return _between(int(found[1]) * 100 + int(found[2]), int(found[3]) * 100 + int(found[4]))


def _slash_months(found: "re.Match[str]", _: date) -> Period | None:
    return _between(int(found[2]) * 100 + int(found[1]), int(found[4]) * 100 + int(found[3]))


def _between(first: int, last: int) -> Period | None:
    return whole_months(first, last) if first <= last else None


def _slash_days(found: "re.Match[str]", today: date) -> Period | None:
    last = _past(found[6] or found[3], found[5], found[4], today)
    first = _past(found[3] or (str(last.year) if last else None), found[2], found[1], today)
    if first and last and first > last and not found[3]:
        first = _date(str(last.year - 1), found[2], found[1])
    return days(first, last) if first and last else None


def _slash_day(found: "re.Match[str]", today: date) -> Period | None:
    day = _past(found[3], found[2], found[1], today)
    return days(day, day) if day else None


def _named_days(found: "re.Match[str]", today: date) -> Period | None:
    """du 1 au 15 octobre 2026; du 28 septembre au 3 octobre."""
    last = _past(found[6], str(_named(found[5])), found[4], today)
    if last is None:
        return None
    month = str(_named(found[2])) if found[2] else str(last.month)
    first = _date(found[3] or str(last.year), month, found[1])
    if first and first > last and not found[3]:
        first = _date(str(last.year - 1), month, found[1])
    return days(first, last) if first else None


def _named_day(found: "re.Match[str]", today: date) -> Period | None:
    day = _past(found[3], str(_named(found[2])), found[1], today)
    return days(day, day) if day else None


def _since(found: "re.Match[str]", today: date) -> Period | None:
    day = _past(found[3], str(_named(found[2])), found[1], today)
    return days(day, today) if day else None


def _since_slash(found: "re.Match[str]", today: date) -> Period | None:
    day = _past(found[3], found[2], found[1], today)
    return days(day, today) if day else None


def _named_months(found: "re.Match[str]", today: date) -> Period | None:
    last_year = int(found[4]) if found[4] else today.year - (_named(found[3]) > today.month)
    last = last_year * 100 + _named(found[3])
    first_year = int(found[2]) if found[2] else last_year - (_named(found[1]) > _named(found[3]))
    return _between(first_year * 100 + _named(found[1]), last)


def _quarter(found: "re.Match[str]", today: date) -> Period | None:
    number = int(found[1])
    year = int(found[2]) if found[2] else today.year - (3 * number - 2 > today.month)
    return whole_months(year * 100 + 3 * number - 2, year * 100 + 3 * number)


def _year(found: "re.Match[str]", today: date) -> Period | None:
    return whole_months(int(found[1]) * 100 + 1, int(found[1]) * 100 + 12)


def _last_year(_: "re.Match[str]", today: date) -> Period:
    return whole_months((today.year - 1) * 100 + 1, (today.year - 1) * 100 + 12)


def _this_year(_: "re.Match[str]", today: date) -> Period:
    return whole_months(today.year * 100 + 1, today.year * 100 + today.month)


def _last_days(found: "re.Match[str]", today: date) -> Period | None:
    count = int(found[1] or found[2])
    return days(today - timedelta(days=count - 1), today) if 1 <= count <= 366 else None


def _last_months(found: "re.Match[str]", today: date) -> Period | None:
    count = int(found[1] or found[2])
    if not 1 <= count <= MOST_MONTHS:
        return None
    last = first = _month(today)
    for _ in range(count - 1):
        first = before(first)
    return whole_months(first, last)


def _week(found: "re.Match[str]", today: date) -> Period:
    monday = today - timedelta(days=today.weekday())
    if re.match("cette", found[0], re.IGNORECASE):
        return days(monday, today)
    return days(monday - timedelta(days=7), monday - timedelta(days=1))


def _day_before(back: int) -> _Read:
    return lambda _, today: days(today - timedelta(days=back), today - timedelta(days=back))


_FORMS: tuple[tuple[str, _Read], ...] = (
    (rf"\b{_YEAR}-(\d\d)-(\d\d){_TO}{_YEAR}-(\d\d)-(\d\d)\b", _iso_days),
    (rf"\b{_YEAR}-(\d\d)-(\d\d)\b", _iso_day),
    (rf"\b(?:de )?{_YEAR}[-/]{_NUMBER}{_TO}{_YEAR}[-/]{_NUMBER}\b", _iso_months),
    (rf"\b(?:de )?{_NUMBER}/{_YEAR}{_TO}{_NUMBER}/{_YEAR}\b", _slash_months),
    (
        rf"(?:\bdu )?\b{_DAY}[/.]{_NUMBER}(?:[/.]{_YEAR})?{_TO}{_DAY}[/.]{_NUMBER}(?:[/.]{_YEAR})?(?![\d/])",
        _slash_days,
    ),
    (rf"\bdu {_DAY}(?:\s+{_NAME}(?:\s+{_YEAR})?)?\s+au\s+{_DAY}\s+{_NAME}(?:\s+{_YEAR})?(?!\w)", _named_days),
    (rf"\bdepuis (?:le )?{_DAY}\s+{_NAME}(?:\s+{_YEAR})?(?!\w)", _since),
    (rf"\bdepuis (?:le )?{_DAY}/{_NUMBER}(?:/{_YEAR})?(?![\d/])", _since_slash),
    (rf"(?:\ble )?\b{_DAY}\s+{_NAME}(?:\s+{_YEAR})?(?!\w)", _named_day),
    (rf"(?:\ble )?(?<![\d/]){_DAY}/{_NUMBER}(?:/{_YEAR})?(?![\d/])", _slash_day),
    (
        rf"(?:\bde )?\b{_NAME}(?:\s+{_YEAR})?\s*(?:à|a|au|-|–|jusqu'à|jusqu'en)\s*{_NAME}(?:\s+{_YEAR})?(?!\w)",
        _named_months,
    ),
    (rf"\b(?:t|trimestre )([1-4])(?:\s+{_YEAR})?\b", _quarter),
    (
        r"\b(?:l'|l’)?(?:année|annee|an) (?:dernière|derniere|précédente|precedente|passée|passee|dernier|passé)\b",
        _last_year,
    ),
    (r"\bcette (?:année|annee)\b", _this_year),
    (rf"\b(?:en |(?:l'|l’)?(?:année|annee) ){_YEAR}\b", _year),
    (r"\b(?:les )?(\d{1,3}) derniers? jours?\b|\b(?:les )?derniers (\d{1,3}) jours\b", _last_days),
    (r"\b(?:les )?(\d{1,2}) derniers? mois\b|\b(?:les )?derniers (\d{1,2}) mois\b", _last_months),
    (r"\bcette semaine\b|\b(?:la )?semaine (?:dernière|derniere|passée|passee|précédente|precedente)\b", _week),
    (r"\baujourd['’]hui\b", _day_before(0)),
    (r"\bavant[- ]hier\b", _day_before(2)),
    (r"\bhier\b", _day_before(1)),
)


# -- Days


def _date(year: str | None, month: str, day: str) -> date | None:
    try:
        return date(int(year or 0), int(month), int(day))
    except ValueError:
        return None


def _past(year: str | None, month: str, day: str, today: date) -> date | None:
    """The day; without a year the last one past."""
    if year:
        return _date(year, month, day)
    found = _date(str(today.year), month, day)
    if found is None or found > today:
        found = _date(str(today.year - 1), month, day)
    return found


def _month(day: date) -> int:
    return day.year * 100 + day.month


def _day(day: date) -> str:
    return "1er" if day.day == 1 else str(day.day)

"""Figures, times and words in French form."""

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from core.daily import date_of
from core.folders import MONTHS
from core.layouts import fold
from core.words import CHANGE, KIND, STATUS

__all__ = ["CHANGE", "KIND", "STATUS"]

PARIS = ZoneInfo("Europe/Paris")

#: Narrow no-break space, between thousands and before units.
THIN = "\u202f"
NBSP = "\u00a0"

KIND_IN_SENTENCE = {kind: word if word.isupper() else word.lower() for kind, word in KIND.items()}


def whole(value: int) -> str:
    """12 345."""
    return f"{value:,}".replace(",", THIN)


def euros(millionths: int | None) -> str:
    """1 234,56 €; rounded half up to the cent, on show only."""
    if millionths is None:
        return "—"
    cents = (abs(millionths) + 5_000) // 10_000
    sign = "-" if millionths < 0 and cents else ""
    return f"{sign}{whole(cents // 100)},{cents % 100:02}{NBSP}€"


def duration(seconds: int) -> str:
    """2 h 05 min, 3 min 20 s, 12 s."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{whole(hours)}{NBSP}h{NBSP}{minutes:02}{NBSP}min"
    return f"{minutes}{NBSP}min{NBSP}{rest:02}{NBSP}s" if minutes else f"{rest}{NBSP}s"


def volume(octets: int) -> str:
    """1,2 Go; 1 Ko is 1 024 octets, as French operators count."""
    size = float(octets)
    for unit in ("o", "Ko", "Mo", "Go", "To"):
        if size < 1024 or unit == "To":
            digits = 0 if unit == "o" or size >= 100 else 1
            return f"{size:.{digits}f}".replace(".", ",") + NBSP + unit
        size /= 1024
    raise AssertionError


def moment(seconds: int, now: int | None = None) -> str:
    """24/11 à 08:00, with the year when it is not this one."""
    when = datetime.fromtimestamp(seconds, PARIS)
    year = datetime.fromtimestamp(now, PARIS).year if now else datetime.now(PARIS).year
    return when.strftime("%d/%m à %H:%M" if when.year == year else "%d/%m/%Y à %H:%M")


def age(seconds: int, now: int) -> str:
    """il y a 35 min, il y a 3 h, il y a 2 jours."""
    minutes = max(0, now - seconds) // 60
    if minutes < 1:
        return "à l'instant"
    if minutes < 60:
        return f"il y a {minutes}{NBSP}min"
    if minutes < 48 * 60:
        return f"il y a {minutes // 60}{NBSP}h"
    return f"il y a {minutes // 1440}{NBSP}jours"


def count(number: int, one: str, many: str = "") -> str:
    """1 ligne, 12 lignes."""
    return f"{whole(number)} {one if number < 2 else many or one + 's'}"


def quoted(words: str, most: int = 40) -> str:
    """« what a person wrote », cut when it is long; the quotes never stand alone on a line."""
    words = words.strip()
    return f"«{NBSP}{words if len(words) <= most else words[:most] + '…'}{NBSP}»"


def month(yyyymm: int) -> str:
    """octobre 2026."""
    return f"{MONTHS[yyyymm % 100 - 1]} {yyyymm // 100}" if yyyymm else "mois inconnu"


def of_month(yyyymm: int) -> str:
    """d'octobre 2026, de novembre 2026."""
    if not yyyymm:
        return "d'un mois inconnu"
    name = month(yyyymm)
    return f"d'{name}" if name[0] in "ao" else f"de {name}"


def today(now: int) -> datetime:
    return datetime.fromtimestamp(now, UTC).astimezone(PARIS)


def start_of(day: int) -> int:
    """When a day (since 1970) begins in Paris, in UTC seconds."""
    return int(datetime.combine(date_of(day), time.min, PARIS).timestamp())


def take_month(words: str, now: int) -> tuple[str, int]:
    """Take a month out of a person's words: what is left of them, and YYYYMM (0 when there is none).

    2026-10, 10/2026, octobre, octobre 2026, oct., ce mois, mois dernier. A month without year is the last one past.
    """
    here = today(now)
    present = here.year * 100 + here.month
    previous = present - 1 if here.month > 1 else (here.year - 1) * 100 + 12
    for pattern, value in (
        (r"\b(?:le |du )?mois (?:dernier|précédent|precedent)\b", previous),
        (r"\bce mois(?:-ci)?\b", present),
    ):
        if re.search(pattern, words, re.IGNORECASE):
            return _without(words, pattern), value
    if found := re.search(r"\b(20\d{2})[-/.](0?[1-9]|1[0-2])\b", words):
        return _without(words, re.escape(found[0])), int(found[1]) * 100 + int(found[2])
    if found := re.search(r"(?<![\d/.-])(0?[1-9]|1[0-2])[-/.](20\d{2})\b", words):
        return _without(words, re.escape(found[0])), int(found[2]) * 100 + int(found[1])
    if found := re.search(r"\b(20\d{2})(0[1-9]|1[0-2])\b", words):
        return _without(words, re.escape(found[0])), int(found[1]) * 100 + int(found[2])
    # The last one is the month: a client's name, which can hold another (Garage de Mars), comes first.
    for found in reversed(list(re.finditer(_NAMED_MONTH, words, re.IGNORECASE))):
        number = _month_named(fold(found[1]))
        if not number:
            continue
        year = int(found[2]) if found[2] else here.year - (number > here.month)
        rest = f"{words[: found.start()]} {words[found.end() :]}"
        return " ".join(rest.split()), year * 100 + number
    return words.strip(), 0


_NAMED_MONTH = r"\b(?:(?:en |pour |au mois )?(?:d['’]|de )?)([^\W\d_]{3,9})\b\.?(?:\s+(20\d{2})\b)?"


#: Whole names, and the usual short forms; no shorter prefix, for client names begin with them too.
_SHORT = {"janv": 1, "jan": 1, "fevr": 2, "fev": 2, "avr": 4, "juil": 7, "sept": 9, "oct": 10, "nov": 11, "dec": 12}


def _month_named(folded: str) -> int:
    names = [fold(name) for name in MONTHS]
    return names.index(folded) + 1 if folded in names else _SHORT.get(folded, 0)


def _without(words: str, pattern: str) -> str:
    return " ".join(re.sub(pattern, " ", words, count=1, flags=re.IGNORECASE).split())

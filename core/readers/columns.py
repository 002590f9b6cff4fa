"""From columns of texts to typed columns: dates, durations, volumes, amounts, numbers.

Each function returns the values and, beside them, why a cell cannot be read ("" when it can).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from core.folders import PARIS
from core.layouts import Layouts
from core.readers import Waiting

MILLIONTHS = 1_000_000
#: No call, session or price reaches it, and a month of such rows still fits the store's integers.
_MOST = 10**15


@dataclass(frozen=True)
class Column:
    """One value and one fault a row; a value whose fault is not empty means nothing."""

    values: list[Any]
    faults: list[str]


def each(texts: list[str], parse: Callable[[str], Any], blank: Any = None) -> Column:
    """Parse each distinct text once. `parse` raises ValueError with the reason; `blank` stands for ""."""
    known: dict[str, tuple[Any, str]] = {"": (blank, "")}
    for text in texts:
        if text not in known:
            try:
                known[text] = parse(text), ""
            except ValueError as error:
                known[text] = blank, str(error)
    return Column([known[text][0] for text in texts], [known[text][1] for text in texts])


def first_fault(*faults: list[str]) -> list[str]:
    """Row by row, the first fault that is not empty."""
    return [next(filter(None, those), "") for those in zip(*faults, strict=True)]


# A French file never writes the month before the day.
_DAYS = (
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",
    r"(?P<day>\d\d)(?P<mark>[/.-])(?P<month>\d\d)(?P=mark)(?P<year>\d{4})",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
)
# A fraction of a second is below what is stored.
_TIMES = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?",
    r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)",
)
_FORMS = tuple(
    re.compile(rf"{day}{between}{time}(?: ?(?P<offset>Z|[+-]\d\d:?\d\d))?", re.ASCII)
    for day in _DAYS
    for between, time in ((r"[T ]\s*", _TIMES[0]), (r"[T ]?", _TIMES[1]))
)
_UNIX = re.compile(r"1\d{9}", re.ASCII)

#: Years in which a mobile line can have called; others come from a clock that was never set.
_YEARS = range(1990, 2100)


def instants(texts: list[str], unit: str = "") -> Column:
    """UTC seconds from dates and times in any form of the domain.

    A wall-clock time is Europe/Paris unless `unit` is "utc"; in October's repeated hour the first is taken.
    """
    zone = ZoneInfo("UTC") if unit == "utc" else PARIS
    column = each(texts, lambda text: _instant(text, zone), blank=0)
    return Column(
        column.values,
        [fault or ("" if text else "date absente") for text, fault in zip(texts, column.faults, strict=True)],
    )


def _instant(text: str, zone: ZoneInfo) -> int:
    if _UNIX.fullmatch(text):
        return int(text)
    found = next((found for form in _FORMS if (found := form.fullmatch(text))), None)
    if found is None:
        raise ValueError(f"date illisible : « {text} »")
    year, month, day, hour, minute, second = (
        int(found[part] or 0) for part in ("year", "month", "day", "hour", "minute", "second")
    )
    try:
        if year not in _YEARS:
            raise ValueError(year)
        as_utc = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        raise ValueError(f"date impossible : « {text} »") from None
    if written := found["offset"]:
        return as_utc - _seconds_of(written)
    offset = _offset(year, month, day, hour, zone)
    if offset is None:
        raise ValueError(f"heure qui n'existe pas (passage à l'heure d'été) : « {text} »")
    return as_utc - offset


def _seconds_of(offset: str) -> int:
    if offset == "Z":
        return 0
    seconds = int(offset[1:3]) * 3600 + int(offset[-2:]) * 60
    return -seconds if offset[0] == "-" else seconds


@lru_cache(maxsize=4096)
def _offset(year: int, month: int, day: int, hour: int, zone: ZoneInfo) -> int | None:
    """Seconds ahead of UTC during a local hour, the first of the two in October; None when a clock change skips it."""
    local = datetime(year, month, day, hour, tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).hour != hour:
        return None
    offset = local.utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


_CLOCK = re.compile(r"(?:(\d{1,9}):)?(\d{1,3}):(\d{2})")
_LETTERS = re.compile(
    r"(?:(\d{1,9})\s*h(?:eures?)?)?\s*(?:(\d{1,9})\s*m(?:in|n)?)?\s*(?:(\d{1,9})\s*s(?:ec)?)?", re.IGNORECASE
)


def durations(texts: list[str], unit: str, layouts: Layouts) -> Column:
    """Seconds. `HH:MM:SS`, `MM:SS` and `1h02m03s` say their unit; a plain number takes the header's.

    :raises Waiting: plain numbers, and nothing states their unit.
    """
    factor = _factor("duration", "durée", unit, texts, layouts)

    def parse(text: str) -> int:
        written = _CLOCK.fullmatch(text) or _LETTERS.fullmatch(text)
        if written and any(written.groups()):
            hours, minutes, seconds = (int(part or 0) for part in written.groups())
            return _whole(Decimal(hours * 3600 + minutes * 60 + seconds), text, "durée")
        return _whole(_decimal(text, "durée") * factor, text, "durée")

    return each(texts, parse, blank=0)


def volumes(texts: list[str], unit: str, layouts: Layouts) -> Column:
    """Bytes. `12,5 Mo` says its unit; a plain number takes the header's.

    :raises Waiting: plain numbers, and nothing states their unit.
    """
    factor = _factor("volume", "volume", unit, texts, layouts)

    def parse(text: str) -> int:
        written = re.fullmatch(r"([\d\s.,\u00a0\u202f]+?)\s*([A-Za-z]+)", text)
        if written:
            own = layouts.factor("volume", written[2])
            if own is None:
                raise ValueError(f"unité de volume inconnue : « {text} »")
            return _whole(_decimal(written[1], "volume") * Decimal(own), text, "volume")
        return _whole(_decimal(text, "volume") * factor, text, "volume")

    return each(texts, parse, blank=0)


#: A header such as "Durée (hh:mm:ss)" states a form, which the cells show anyway, and no unit.
_CLOCK_FORM = re.compile(r"(h{1,2}:)?m{1,2}:s{1,2}")


def _factor(quantity: str, french: str, unit: str, texts: list[str], layouts: Layouts) -> Decimal:
    if unit and not _CLOCK_FORM.fullmatch(unit):
        known = layouts.factor(quantity, unit)
        if known is None:
            raise Waiting(f"unité inconnue pour la colonne « {french} » : « {unit} ». L'ajouter dans layouts.toml.")
        return Decimal(str(known))
    plain = next((text for text in texts if _NUMBER.fullmatch(text) and text.strip("0.,")), "")
    if plain:
        raise Waiting(
            f"rien ne dit l'unité de la colonne « {french} » (exemple : {plain}). "
            'L\'écrire dans layouts.toml, section [stated] : nom de la colonne = "s", "ko"…'
        )
    return Decimal(1)


_BLANKS = re.compile(r"[\s\u00a0\u202f'’]")
_NUMBER = re.compile(r"[\d\s.,\u00a0\u202f'’]+")


def _decimal(text: str, french: str) -> Decimal:
    plain = _BLANKS.sub("", text)
    if "," in plain and "." in plain:
        # The last mark is the decimal one: 1.234,56 or 1,234.56.
        thousands = "." if plain.rindex(",") > plain.rindex(".") else ","
        plain = plain.replace(thousands, "")
    try:
        value = Decimal(plain.replace(",", "."))
    except InvalidOperation:
        raise ValueError(f"{french} illisible : « {text} »") from None
    if not value.is_finite() or abs(value) > _MOST:
        raise ValueError(f"{french} illisible : « {text} »")
    return value


def _whole(value: Decimal, text: str, french: str) -> int:
    if value < 0:
        raise ValueError(f"{french} négative : « {text} »" if french == "durée" else f"volume négatif : « {text} »")
    if value > _MOST:
        raise ValueError(f"{french} illisible : « {text} »")
    return int(value.to_integral_value())


def amounts(texts: list[str]) -> Column:
    """Millionths of a euro, exactly; None for an empty cell."""

    def parse(text: str) -> int:
        euros = re.sub(r"(€|EUR)", "", text, flags=re.IGNORECASE)
        exact = _decimal(euros, "montant") * MILLIONTHS
        if exact != exact.to_integral_value():
            raise ValueError(f"montant plus fin qu'un millionième d'euro : « {text} »")
        if abs(exact) > _MOST:
            raise ValueError(f"montant illisible : « {text} »")
        return int(exact)

    return each(texts, parse)

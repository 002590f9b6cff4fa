"""From columns of texts to typed columns: dates, durations, volumes, amounts, numbers.

Each function returns the values and, beside them, why a cell cannot be read ("" when it can).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd

from core.layouts import Layouts
from core.readers import Waiting

Texts = "pd.Series[str]"

MILLIONTHS = 1_000_000
PARIS = "Europe/Paris"


@dataclass(frozen=True)
class Column:
    """`values` and `faults` share the sheet's index; a value whose fault is not empty means nothing."""

    values: "pd.Series[Any]"
    faults: "pd.Series[str]"


def each(texts: "pd.Series[str]", parse: Callable[[str], Any], blank: Any = None) -> Column:
    """Parse each distinct text once. `parse` raises ValueError with the reason; `blank` stands for ""."""
    codes, distinct = pd.factorize(texts)
    values: list[Any] = []
    faults: list[str] = []
    for text in distinct:
        value, fault = blank, ""
        if text:
            try:
                value = parse(str(text))
            except ValueError as error:
                fault = str(error)
        values.append(value)
        faults.append(fault)
    return Column(
        pd.Series([values[code] for code in codes], index=texts.index, dtype="object"),
        pd.Series([faults[code] for code in codes], index=texts.index, dtype="object"),
    )


# Day and time forms; a French file never writes the month before the day.
_DATES = {
    r"\d{4}-\d{2}-\d{2}": "%Y-%m-%d",
    r"\d{2}/\d{2}/\d{4}": "%d/%m/%Y",
    r"\d{2}-\d{2}-\d{4}": "%d-%m-%Y",
    r"\d{2}\.\d{2}\.\d{4}": "%d.%m.%Y",
    r"\d{8}": "%Y%m%d",
}
_TIMES = {r"\d{2}:\d{2}:\d{2}": "%H:%M:%S", r"\d{2}:\d{2}": "%H:%M", r"\d{6}": "%H%M%S"}
_FORMS = [
    *((rf"{day} {time}", f"{d} {t}") for day, d in _DATES.items() for time, t in _TIMES.items()),
    (r"\d{14}", "%Y%m%d%H%M%S"),
]
_UNIX = r"1\d{9}"
_WITH_OFFSET = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})"


def instants(texts: "pd.Series[str]", unit: str = "") -> Column:
    """UTC seconds from dates and times in any form of the domain.

    A wall-clock time is Europe/Paris unless `unit` is "utc"; in October's repeated hour the first is taken.
    """
    texts = texts.str.replace("T", " ", regex=False)
    # A fraction of a second is below what is stored.
    texts = texts.str.replace(r"(:\d{2})[.,]\d+$", r"\1", regex=True)
    seconds = pd.Series(0, index=texts.index, dtype="int64")
    faults = pd.Series("", index=texts.index, dtype="object")
    left = texts
    for form, pattern in _in_likely_order(left):
        if left.empty:
            break
        found = left[left.str.fullmatch(form)]
        if found.empty:
            continue
        times = pd.to_datetime(found, format=pattern, errors="coerce")
        impossible = times.isna()
        faults[found.index[impossible]] = "date impossible : « " + found[impossible] + " »"
        zone = "UTC" if unit == "utc" else PARIS
        local = times[~impossible].dt.tz_localize(
            zone, ambiguous=np.ones(int((~impossible).sum()), dtype=bool), nonexistent="NaT"
        )
        absent = local.index[local.isna()]
        faults[absent] = "heure qui n'existe pas (passage à l'heure d'été) : « " + found[absent] + " »"
        known = local.dropna()
        seconds[known.index] = known.dt.tz_convert("UTC").dt.as_unit("s").astype("int64")
        left = left.drop(found.index)
    unix = left[left.str.fullmatch(_UNIX)]
    seconds[unix.index] = unix.astype("int64")
    left = left.drop(unix.index)
    offset = left[left.str.fullmatch(_WITH_OFFSET)]
    if len(offset):
        times = pd.to_datetime(offset, utc=True, errors="coerce", format="ISO8601")
        known = times.dropna()
        seconds[known.index] = known.dt.as_unit("s").astype("int64")
        left = left.drop(known.index)
    faults[left.index] = np.where(left == "", "date absente", "date illisible : « " + left + " »")
    return Column(seconds, faults)


def _in_likely_order(texts: "pd.Series[str]") -> list[tuple[str, str]]:
    if texts.empty:
        return []
    first = str(texts.iloc[0])
    return sorted(_FORMS, key=lambda form: re.fullmatch(form[0], first) is None)


_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{2})")
_LETTERS = re.compile(r"(?:(\d+)\s*h(?:eures?)?)?\s*(?:(\d+)\s*m(?:in|n)?)?\s*(?:(\d+)\s*s(?:ec)?)?", re.IGNORECASE)


def durations(texts: "pd.Series[str]", unit: str, layouts: Layouts) -> Column:
    """Seconds. `HH:MM:SS`, `MM:SS` and `1h02m03s` say their unit; a plain number takes the header's.

    :raises Waiting: plain numbers, and nothing states their unit.
    """
    factor = _factor("duration", "durée", unit, texts, layouts)

    def parse(text: str) -> int:
        if clock := _CLOCK.fullmatch(text):
            hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            return hours * 3600 + minutes * 60 + seconds
        if (letters := _LETTERS.fullmatch(text)) and any(letters.groups()):
            hours, minutes, seconds = (int(part or 0) for part in letters.groups())
            return hours * 3600 + minutes * 60 + seconds
        return _whole(_decimal(text, "durée") * factor, text, "durée")

    return each(texts, parse, blank=0)


def volumes(texts: "pd.Series[str]", unit: str, layouts: Layouts) -> Column:
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


def _factor(quantity: str, french: str, unit: str, texts: "pd.Series[str]", layouts: Layouts) -> Decimal:
    known = layouts.factor(quantity, unit) if unit else None
    if unit and known is None:
        raise Waiting(f"unité inconnue pour la {french} : « {unit} ». L'ajouter dans layouts.toml.")
    if known is None:
        plain = texts[texts.str.fullmatch(r"\d+([.,]\d+)?") & ~texts.str.fullmatch(r"0+([.,]0+)?")]
        if len(plain):
            raise Waiting(
                f"rien ne dit l'unité de la colonne « {french} » (exemple : {plain.iloc[0]}). "
                'L\'écrire dans layouts.toml, section [stated] : nom de la colonne = "s", "ko"…'
            )
    return Decimal(str(known)) if known is not None else Decimal(1)


_BLANKS = re.compile(r"[\s\u00a0\u202f'’]")


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
    if not value.is_finite() or abs(value) > Decimal(10) ** 15:
        raise ValueError(f"{french} illisible : « {text} »")
    return value


def _whole(value: Decimal, text: str, french: str) -> int:
    if value < 0:
        raise ValueError(f"{french} négative : « {text} »" if french == "durée" else f"volume négatif : « {text} »")
    return int(value.to_integral_value())


def amounts(texts: "pd.Series[str]") -> Column:
    """Millionths of a euro, exactly; None for an empty cell."""

    def parse(text: str) -> int:
        euros = re.sub(r"(€|EUR)", "", text, flags=re.IGNORECASE)
        exact = _decimal(euros, "montant") * MILLIONTHS
        if exact != exact.to_integral_value():
            raise ValueError(f"montant plus fin qu'un millionième d'euro : « {text} »")
        if abs(exact) > 2**62:
            raise ValueError(f"montant illisible : « {text} »")
        return int(exact)

    return each(texts, parse)

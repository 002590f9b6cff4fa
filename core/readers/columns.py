"""From cells to typed columns: dates, durations, volumes, amounts, numbers.

The usual forms of a cell are read all at once; any other goes, once for each distinct text, through a parser that
knows them all and gives the reason when it cannot. Both ways give the same values, which a test compares.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core import numbers
from core.folders import PARIS
from core.layouts import Layouts
from core.readers import Waiting
from core.readers.sheet import Cells

Array = np.ndarray[Any, Any]

MILLIONTHS = 1_000_000
#: No call, session or price reaches it, and a month of such rows still fits the store's integers.
_MOST = 10**15
#: Stands for no amount.
NOTHING = np.iinfo(np.int64).min


@dataclass
class Column:
    """One value a row; `faults`: why some rows cannot be read (their value means nothing)."""

    values: Array
    faults: dict[int, str] = field(default_factory=dict)


def each(cells: Cells, parse: Callable[[str], Any], blank: Any, dtype: type = np.int64) -> Column:
    """Parse each distinct text once. `parse` raises ValueError with the reason; `blank` stands for ""."""
    texts, codes = cells.distinct
    values: Array = np.empty(max(len(texts), 1), dtype)
    bad: dict[int, str] = {}
    for code, text in enumerate(texts):
        values[code] = blank
        if text:
            try:
                values[code] = parse(text)
            except (ValueError, OverflowError) as error:
                bad[code] = str(error)
    return Column(values[codes], _at_rows(codes, bad))


def _at_rows(codes: Array, bad: dict[int, str]) -> dict[int, str]:
    if not bad:
        return {}
    rows = np.flatnonzero(np.isin(codes, list(bad)))
    return {int(row): bad[int(codes[row])] for row in rows}


def first_faults(*columns: dict[int, str]) -> dict[int, str]:
    """For each row that has faults, that of the first column."""
    found: dict[int, str] = {}
    for faults in columns:
        for row, reason in faults.items():
            found.setdefault(row, reason)
    return found


# -- Dates

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

#: The same forms where each part has a fixed place, for all rows at once.
_PICTURES = tuple(
    day + between + time
    for day in ("DD/MM/YYYY", "YYYY-MM-DD", "DD-MM-YYYY", "DD.MM.YYYY", "YYYYMMDD")
    for between, time in ((" ", "hh:mm:ss"), ("T", "hh:mm:ss"), (" ", "hh:mm"), ("T", "hh:mm"), ("", "hhmmss"))
)


def instants(cells: Cells, unit: str = "") -> Column:
    """UTC seconds from dates and times in any form of the domain.

    A wall-clock time is Europe/Paris unless `unit` is "utc"; in October's repeated hour the first is taken.
    """
    zone = ZoneInfo("UTC") if unit == "utc" else PARIS
    values = np.zeros(len(cells), np.int64)
    left = np.ones(len(cells), bool)
    lengths, raw, offsets = _bytes(cells)
    for picture in _pictures_of(cells):
        rows = np.flatnonzero(left & (lengths == len(picture)))
        if len(rows):
            signs = _matrix(raw, offsets, rows, len(picture), all_rows=len(rows) == len(cells))
            read, good = _pictured(signs, picture, zone)
            values[rows[good]] = read[good]
            left[rows[good]] = False
    faults: dict[int, str] = {}
    rows = np.flatnonzero(left)
    if len(rows):
        rest = each(cells.take(rows), lambda text: _instant(text, zone), blank=0)
        values[rows] = rest.values
        faults = {int(rows[row]): reason for row, reason in rest.faults.items()}
        texts, codes = cells.take(rows).distinct
        blank = {code: "date absente" for code, text in enumerate(texts) if not text}
        faults |= {int(rows[row]): reason for row, reason in _at_rows(codes, blank).items()}
    return Column(values, faults)


def _pictures_of(cells: Cells) -> list[str]:
    """The pictures that some of the first cells have."""
    texts = {raw.decode("latin-1") for raw in cells.array.slice(0, 100).to_pylist()}
    return [picture for picture in _PICTURES if any(_has_picture(text, picture) for text in texts)]


def _has_picture(text: str, picture: str) -> bool:
    return len(text) == len(picture) and all(
        sign.isdigit() if mark in "YMDhms" else sign == mark for sign, mark in zip(text, picture, strict=True)
    )


def _bytes(cells: Cells) -> tuple[Array, Array, Array]:
    """Length of each cell, all bytes, and where each cell begins among them."""
    array = cells.array
    if not len(array):
        return np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(1, np.int32)
    _, places, data = array.buffers()
    offsets = np.frombuffer(places, np.int32)[array.offset : array.offset + len(array) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return np.diff(offsets), raw, offsets


def _matrix(raw: Array, offsets: Array, rows: Array, width: int, *, all_rows: bool) -> Array:
    """The bytes of cells that have the same length, one row a cell."""
    if all_rows:
        return raw[offsets[0] : offsets[-1]].reshape(-1, width)
    return raw[offsets[rows][:, None] + np.arange(width)]


def _pictured(signs: Array, picture: str, zone: ZoneInfo) -> tuple[Array, Array]:
    """UTC seconds of the rows that have this picture and whose hour is plain; which rows those are."""
    digits = signs - ord("0")  # of unsigned bytes: anything else is above 9
    good = np.ones(len(signs), bool)
    parts: dict[str, Array] = {}
    for place, mark in enumerate(picture):
        if mark in "YMDhms":
            digit = digits[:, place]
            good &= digit <= 9
            parts[mark] = parts[mark] * 10 + digit if mark in parts else digit.astype(np.int32)
        else:
            good &= signs[:, place] == ord(mark)
    year, month, day = parts["Y"], parts["M"], parts["D"]
    hour, minute = parts["h"], parts["m"]
    second = parts.get("s", np.zeros(len(signs), np.int32))
    good &= (year >= _YEARS.start) & (year < _YEARS.stop) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    codes = np.where(good, ((year - _YEARS.start) * 12 + month - 1) * 31 + day - 1, 0)
    days, shifts = _calendar(zone.key)
    good &= days[codes] >= 0
    shift = shifts[codes]
    for row in np.flatnonzero(good & (shift == _SHIFTING)).tolist():
        # The hour that does not exist is left to the parser that says so.
        ahead = _offset(int(year[row]), int(month[row]), int(day[row]), int(hour[row]), zone)
        good[row], shift[row] = ahead is not None, ahead or 0
    values = days[codes].astype(np.int64) * 86400 + hour * 3600 + minute * 60 + second - shift
    return values, good


#: A day on which the clocks change: its hours are looked at one by one.
_SHIFTING = np.iinfo(np.int32).min


@cache
def _calendar(zone: str) -> tuple[Array, Array]:
    """For each date of the years, by (year, month, day) code: days since 1970 (-1: no such date), and the seconds that
    the zone's clock is ahead of UTC all that day."""
    days = np.full(len(_YEARS) * 12 * 31, -1, np.int32)
    shifts = np.zeros(len(days), np.int32)
    clock = ZoneInfo(zone)
    for month in range(len(_YEARS) * 12):
        first = date(_YEARS.start + month // 12, month % 12 + 1, 1)
        count = monthrange(first.year, first.month)[1]
        begin = first.toordinal() - date(1970, 1, 1).toordinal()
        days[month * 31 : month * 31 + count] = np.arange(begin, begin + count)
        ahead = [_ahead(first, 0, clock), _ahead(first, count, clock)]
        if ahead[0] != ahead[1]:  # a clock changes once a month at most
            ahead = [_ahead(first, later, clock) for later in range(count + 1)]
            for day in range(count):
                shifts[month * 31 + day] = ahead[day] if ahead[day] == ahead[day + 1] else _SHIFTING
        else:
            shifts[month * 31 : month * 31 + count] = ahead[0]
    return days, shifts


def _ahead(first: date, later: int, clock: ZoneInfo) -> int:
    day = first + timedelta(days=later)
    offset = datetime(day.year, day.month, day.day, tzinfo=clock).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


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


def day_alone(text: str) -> int | None:
    """UTC seconds at which a date without hour begins in Paris; None for anything else."""
    try:
        return _instant(f"{text.strip()} 00:00:00", PARIS)
    except ValueError:
        return None


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


def local_days(starts: Array) -> Array:
    """Days since 1970 of the local day (Paris) of each instant. There, a day begins on a whole hour of UTC."""
    if not len(starts):
        return np.zeros(0, np.int64)
    hours = starts // 3600
    first, last = int(hours.min()), int(hours.max())
    if last - first < 50_000:
        return np.asarray(np.array([_local_day(hour) for hour in range(first, last + 1)], np.int64)[hours - first])
    distinct, codes = np.unique(hours, return_inverse=True)
    return np.asarray(np.array([_local_day(hour) for hour in distinct.tolist()], np.int64)[codes])


@lru_cache(maxsize=65536)
def _local_day(hour: int) -> int:
    local = datetime.fromtimestamp(hour * 3600, PARIS)
    return local.toordinal() - date(1970, 1, 1).toordinal()


def months_of(days: Array) -> Array:
    """YYYYMM of each day."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return (1970 + months // 12) * 100 + months % 12 + 1


# -- Quantities

_CLOCK = re.compile(r"(?:(\d{1,9}):)?(\d{1,3}):(\d{2})")
_LETTERS = re.compile(
    r"(?:(\d{1,9})\s*h(?:eures?)?)?\s*(?:(\d{1,9})\s*m(?:in|n)?)?\s*(?:(\d{1,9})\s*s(?:ec)?)?", re.IGNORECASE
)


def durations(cells: Cells, unit: str, layouts: Layouts) -> Column:
    """Seconds. `HH:MM:SS`, `MM:SS` and `1h02m03s` say their unit; a plain number takes the header's.

    :raises Waiting: plain numbers, and nothing states their unit.
    """
    factor = _factor("duration", "durée", unit, cells, layouts)

    def parse(text: str) -> int:
        written = _CLOCK.fullmatch(text) or _LETTERS.fullmatch(text)
        if written and any(written.groups()):
            hours, minutes, seconds = (int(part or 0) for part in written.groups())
            return _whole(Fraction(hours * 3600 + minutes * 60 + seconds), text, "durée")
        return _whole(Fraction(_decimal(text, "durée")) * factor, text, "durée")

    return _numeric(cells, parse, factor, blank=0)


_WITH_UNIT = re.compile(r"([\d\s.,\u00a0\u202f]+?)\s*([A-Za-z]+)")


def volumes(cells: Cells, unit: str, layouts: Layouts) -> Column:
    """Bytes. `12,5 Mo` says its unit; a plain number takes the header's.

    :raises Waiting: plain numbers, and nothing states their unit.
    """
    factor = _factor("volume", "volume", unit, cells, layouts)

    def parse(text: str) -> int:
        if written := _WITH_UNIT.fullmatch(text):
            own = layouts.factor("volume", written[2])
            if own is None:
                raise ValueError(f"unité de volume inconnue : « {text} »")
            return _whole(Fraction(_decimal(written[1], "volume")) * Fraction(str(own)), text, "volume")
        return _whole(Fraction(_decimal(text, "volume")) * factor, text, "volume")

    return _numeric(cells, parse, factor, blank=0)


def amounts(cells: Cells) -> Column:
    """Millionths of a euro, exactly; `NOTHING` for an empty cell."""

    def parse(text: str) -> int:
        euros = re.sub(r"(€|EUR)", "", text, flags=re.IGNORECASE)
        exact = _decimal(euros, "montant") * MILLIONTHS
        if exact != exact.to_integral_value():
            raise ValueError(f"montant plus fin qu'un millionième d'euro : « {text} »")
        if abs(exact) > _MOST:
            raise ValueError(f"montant illisible : « {text} »")
        return int(exact)

    return _numeric(cells, parse, Fraction(MILLIONTHS), blank=NOTHING, signed=True)


def _numeric(
    cells: Cells, parse: Callable[[str], int], factor: Fraction, *, blank: int, signed: bool = False
) -> Column:
    """Numbers times a factor, rounded to the nearest whole (halves to even): plain ones at once, others by `parse`."""
    encoded = cells.array.dictionary_encode()
    texts, codes = encoded.dictionary, encoded.indices.to_numpy()
    values: Array = np.full(max(len(texts), 1), blank, np.int64)
    # At most nine digits before the mark: times the largest unit, they fit 64 bits.
    plain = pc.match_substring_regex(texts, r"^-?\d{1,9}([.,]\d{1,6})?$" if signed else r"^\d{1,9}([.,]\d{1,6})?$")
    quick = plain.to_numpy(zero_copy_only=False) & (factor.numerator <= 9 * 10**6)
    if quick.any():
        dotted = pc.replace_substring(texts.filter(pa.array(quick)).cast(pa.string()), ",", ".")
        exact = np.frombuffer(pc.cast(dotted, pa.decimal128(18, 6)).buffers()[1], np.int64)[::2]
        values[np.flatnonzero(quick)] = _scaled(exact[: int(quick.sum())], factor)
    bad: dict[int, str] = {}
    for code in np.flatnonzero(~quick).tolist():
        text = cells._text(texts[code].as_py())
        if text:
            try:
                values[code] = parse(text)
            except ValueError as error:
                bad[code] = str(error)
    return Column(values[codes], _at_rows(codes, bad))


def _scaled(millionths: Array, factor: Fraction) -> Array:
    """Millionths times the factor, in wholes, halves to even."""
    ratio = factor / MILLIONTHS
    whole = millionths // ratio.denominator
    rest = millionths - whole * ratio.denominator
    twice = 2 * (rest * ratio.numerator)
    over, left = np.divmod(twice // 2, ratio.denominator)
    scaled = whole * ratio.numerator + over
    odd = (scaled & 1) == 1
    up = (2 * left > ratio.denominator) | ((2 * left == ratio.denominator) & odd)
    return np.asarray(scaled + up)


#: A header such as "Durée (hh:mm:ss)" states a form, which the cells show anyway, and no unit.
_CLOCK_FORM = re.compile(r"(h{1,2}:)?m{1,2}:s{1,2}")


def _factor(quantity: str, french: str, unit: str, cells: Cells, layouts: Layouts) -> Fraction:
    if unit and not _CLOCK_FORM.fullmatch(unit):
        known = layouts.factor(quantity, unit)
        if known is None:
            raise Waiting(f"unité inconnue pour la colonne « {french} » : « {unit} ». L'ajouter dans layouts.toml.")
        return Fraction(str(known))
    plain = next((text for text in cells.distinct[0] if _NUMBER.fullmatch(text) and text.strip("0.,")), "")
    if plain:
        raise Waiting(
            f"rien ne dit l'unité de la colonne « {french} » (exemple : {plain}). "
            'L\'écrire dans layouts.toml, section [stated] : nom de la colonne = "s", "ko"…'
        )
    return Fraction(1)


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


def _whole(value: Fraction, text: str, french: str) -> int:
    if value < 0:
        raise ValueError(f"{french} négative : « {text} »" if french == "durée" else f"volume négatif : « {text} »")
    if value > _MOST:
        raise ValueError(f"{french} illisible : « {text} »")
    return round(value)  # halves to even


# -- Numbers

#: What precedes the nine national digits in the usual writings, by length.
_PREFIXES = {10: b"0", 11: b"33", 12: b"+33", 13: b"0033"}


def lines(cells: Cells) -> Column:
    """MSISDNs without their leading 0, as the store has them; 0 for an empty cell."""
    values, left = _national_numbers(cells)
    rows = np.flatnonzero(left)
    if not len(rows):
        return Column(values)
    rest = each(cells.take(rows), lambda text: int(numbers.msisdn(text)), blank=0)
    values[rows] = rest.values
    return Column(values, {int(rows[row]): reason for row, reason in rest.faults.items()})


def called_numbers(cells: Cells) -> tuple[Array, list[str]]:
    """Called numbers: French ones without their leading 0; -1, -2… for the first, second… of the texts; 0 for none."""
    values, left = _national_numbers(cells)
    texts: list[str] = []
    rows = np.flatnonzero(left)
    if len(rows):
        distinct, codes = cells.take(rows).distinct
        read = np.zeros(max(len(distinct), 1), np.int64)
        for code, text in enumerate(distinct):
            number_or_text = numbers.called(text)
            if _is_canonical(number_or_text):
                read[code] = int(number_or_text)
            elif number_or_text:
                texts.append(number_or_text)
                read[code] = -len(texts)
        values[rows] = read[codes]
    return values, texts


def _national_numbers(cells: Cells) -> tuple[Array, Array]:
    """The nine digits of the cells that are French numbers in a usual writing; which cells are left."""
    values = np.zeros(len(cells), np.int64)
    left = np.ones(len(cells), bool)
    lengths, raw, offsets = _bytes(cells)
    for length, prefix in _PREFIXES.items():
        rows = np.flatnonzero(lengths == length)
        if not len(rows):
            continue
        signs = _matrix(raw, offsets, rows, length, all_rows=len(rows) == len(cells))
        digits = signs[:, -9:] - ord("0")
        good = (digits <= 9).all(axis=1) & (digits[:, 0] > 0)
        for place, sign in enumerate(prefix):
            good &= signs[:, place] == sign
        number = np.zeros(len(rows), np.int64)
        for place in range(9):
            number = number * 10 + digits[:, place]
        values[rows[good]] = number[good]
        left[rows[good]] = False
    return values, left


def _is_canonical(text: str) -> bool:
    """Whether the number and its integer say the same: one leading 0, then another digit."""
    return len(text) in (10, 14) and text.isascii() and text.isdigit() and text[0] == "0" and text[1] != "0"

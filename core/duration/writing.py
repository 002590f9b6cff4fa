"""How durations are written: the usual writings are read, and one is shown.

Exact throughout: a duration is a `Fraction` of seconds, and only what is shown is rounded, to the millisecond.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from core.duration.faults import DurationError, quoted

#: What `1:23` is: hours and minutes, as a spreadsheet reads it, or minutes and seconds.
TwoParts = Literal["h:mm", "mm:ss"]

Unit = Literal["semaine", "j", "h", "min", "s", "ms"]
SECONDS: dict[Unit, Fraction] = {
    "semaine": Fraction(604_800),
    "j": Fraction(86_400),
    "h": Fraction(3600),
    "min": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 1000),
}

#: Digits of a number before its comma, and behind it.
MOST_DIGITS = 12

NBSP, THIN, MINUS = "\u00a0", "\u202f", "\u2212"

#: Before what is rounded.
ABOUT = f"≈{NBSP}"


# -- Read


@dataclass(frozen=True)
class Written:
    """A duration (`seconds`) and where it ends in the text. `two_parts`: it is one of those read in two ways."""

    seconds: Fraction
    end: int
    two_parts: bool = False


def duration_at(text: str, start: int, two_parts: TwoParts = "h:mm") -> Written | None:
    """The duration that begins at a place of a text; None where none does.

    1:23, 1:23:45, 1 h 23 min 45 s, 2h15, 1 min 30, 1,5 h, 45', 30", 1 j 3 h, 2 semaines.

    :raises DurationError: one that cannot be, as 1:75.
    """
    if found := _CLOCK.match(text, start):
        return _clock(found, two_parts)
    seconds, end = Fraction(0), start
    last: _Part | None = None
    while (last is None or last.unit) and (part := _part(text, end, last.unit if last else None)):
        if last and last.decimal:
            raise DurationError(
                f"{quoted(text[start : part.end])} : la virgule ne va qu'à la dernière unité, comme dans 1,5 h."
            )
        seconds, end, last = seconds + part.seconds, part.end, part
    return Written(seconds, end) if last else None


def number_at(text: str, start: int) -> tuple[Fraction, int] | None:
    """The bare number that begins at a place of a text, and where it ends: 3, 1,5, 1 000.

    :raises DurationError: it is too long to mean something.
    """
    found = _NUMBER.match(text, start)
    return (_number(found[0]), found.end()) if found else None


_NUMBER = re.compile(rf"(?:[0-9]{{1,3}}(?:[ {NBSP}{THIN}][0-9]{{3}})+(?![0-9])|[0-9]+)(?:[.,][0-9]+)?")
_PLAIN_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
#: Minutes behind hours, seconds behind minutes, without their unit: 2h15.
_UNNAMED = re.compile(r"[0-9]{1,2}(?![0-9.,:])")
_CLOCK = re.compile(r"[0-9]+(?::[0-9]+)+(?:[.,][0-9]+)?")
_SPACES = re.compile(r"\s*")
#: A unit ends where no letter follows, but for the sign of a product: 2hx3.
_UNIT = re.compile(
    r"\s*(?:(?:(?P<semaine>semaines?|sem\.?)|(?P<ms>millisecondes?|ms)|(?P<min>minutes?|mins?\.?|mn\.?|m)"
    r"|(?P<s>secondes?|secs?\.?|s)|(?P<j>jours?|jrs?\.?|j)|(?P<h>heures?|hrs?\.?|h))"
    r"(?![^\W\d_](?<![xX]))(?!x[^\W\d_])"
    r"|(?P<quotes>\"|″|”|''|’’|′′)|(?P<quote>'|′|’))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Part:
    """`unit`: None when nothing can follow."""

    seconds: Fraction
    end: int
    unit: Unit | None
    decimal: bool = False


def _part(text: str, start: int, last: Unit | None) -> _Part | None:
    """A number with its unit, which is smaller than the last one; behind hours and minutes it may go without."""
    spaces = _SPACES.match(text, start) if last else None
    begin = spaces.end() if spaces else start
    if last in ("semaine", "j") and (clock := _CLOCK.match(text, begin)) and clock[0].count(":") == 2:
        return _Part(_clock(clock, "h:mm").seconds, clock.end(), None)
    found = (_PLAIN_NUMBER if last else _NUMBER).match(text, begin)
    if not found:
        return None
    if unit := _UNIT.match(text, found.end()):
        name = _named(unit)
        if last and SECONDS[name] >= SECONDS[last]:
            return None
        return _Part(_number(found[0]) * SECONDS[name], unit.end(), name, bool(re.search("[.,]", found[0])))
    if last in ("h", "min") and (unnamed := _UNNAMED.match(text, begin)):
        following: Unit = "min" if last == "h" else "s"
        if int(unnamed[0]) > 59:
            raise DurationError(
                f"{quoted(text[max(0, start - 8) : unnamed.end()].lstrip())} : {unnamed[0]} {following} après les "
                f"{'heures' if last == 'h' else 'minutes'}, il en faut 59 au plus."
            )
        return _Part(int(unnamed[0]) * SECONDS[following], unnamed.end(), None)
    return None


def _named(unit: "re.Match[str]") -> Unit:
    if unit["quotes"] or unit["quote"]:
        return "s" if unit["quotes"] else "min"
    return next(name for name in SECONDS if unit[name])


def _clock(found: "re.Match[str]", two_parts: TwoParts) -> Written:
    written = found[0]
    clock, _, decimals = written.replace(",", ".").partition(".")
    parts = clock.split(":")
    if len(parts) > 3:
        raise DurationError(f"{quoted(written)} a {len(parts)} parties : au plus heures:minutes:secondes.")
    names = ["heures", "minutes", "secondes"] if len(parts) == 3 or two_parts == "h:mm" else ["minutes", "secondes"]
    if decimals and (len(parts) == 2 and two_parts == "h:mm"):
        raise DurationError(
            f"{quoted(written)} est lu heures:minutes, et des minutes n'y ont pas de virgule.",
            ((f"0:{written}", f"0:{written}"),) if len(parts[0]) <= 2 and int(parts[0]) <= 59 else (),
        )
    for name, part in zip(names[1:], parts[1:], strict=False):
        if len(part) > 2 or int(part) > 59:
            raise DurationError(f"{quoted(written)} : {part} {name}, il en faut 59 au plus.")
    seconds = Fraction(0)
    for part in parts:
        seconds = 60 * seconds + _number(part)
    if names[len(parts) - 1] == "minutes":
        seconds *= 60
    if decimals:
        seconds += _number(f"0.{decimals}")
    return Written(seconds, found.end(), len(parts) == 2)


def _number(written: str) -> Fraction:
    digits = re.sub(rf"[ {NBSP}{THIN}]", "", written).replace(",", ".")
    if any(len(part) > MOST_DIGITS for part in digits.split(".")):
        raise DurationError(f"{quoted(written)} : {MOST_DIGITS} chiffres au plus, avant comme après la virgule.")
    return Fraction(digits)


# -- Show


def is_shown_whole(seconds: Fraction) -> bool:
    """Whether what is shown of a duration is all of it, and not rounded to the millisecond."""
    return (seconds * 1000).denominator == 1


def show(seconds: Fraction) -> str:
    """−14 min, 2 h 05 min, 1 h 23 min 45 s, 12,5 s; hours are not turned into days."""
    sign, hours, minutes, rest, thousandths = _parts(seconds)
    told = [(hours, "h"), (minutes, "min"), (rest, "s")]
    while len(told) > 1 and told[0][0] == 0:
        del told[0]
    while len(told) > 1 and told[-1][0] == 0 and not (told[-1][1] == "s" and thousandths):
        del told[-1]
    words = [f"{whole(value) if place == 0 else f'{value:02}'}" for place, (value, _) in enumerate(told)]
    if told[-1][1] == "s":
        words[-1] += _decimals(thousandths)
    return sign + NBSP.join(f"{word}{NBSP}{unit}" for word, (_, unit) in zip(words, told, strict=True))


def show_in_days(seconds: Fraction) -> str:
    """1 j 3 h 10 min; "" for what is shorter than a day."""
    days, rest = divmod(Fraction(_thousandths(seconds), 1000), SECONDS["j"])
    if not days:
        return ""
    sign = MINUS if seconds < 0 else ""
    return f"{sign}{whole(days)}{NBSP}j" + (f"{NBSP}{show(rest)}" if rest else "")


def clock(seconds: Fraction) -> str:
    """2:22:45, as a spreadsheet takes it."""
    sign, hours, minutes, rest, thousandths = _parts(seconds)
    return f"{sign and '-'}{hours}:{minutes:02}:{rest:02}{_decimals(thousandths)}"


def decimal(value: Fraction, places: int) -> str:
    """8 565, 2,25, and ≈ 2,3792 where that is rounded (half up)."""
    scale = 10**places
    rounded = (abs(value) * scale * 2 + 1) // 2
    exact = rounded == abs(value) * scale
    sign = MINUS if value < 0 and rounded else ""
    digits = f"{rounded % scale:0{places}}".rstrip("0") if places else ""
    return f"{'' if exact else ABOUT}{sign}{whole(rounded // scale)}{',' + digits if digits else ''}"


def whole(value: int) -> str:
    """12 345."""
    return f"{value:,}".replace(",", THIN)


def _thousandths(seconds: Fraction) -> int:
    """Milliseconds, without sign, rounded half up."""
    return (abs(seconds) * 2000 + 1) // 2


def _parts(seconds: Fraction) -> tuple[str, int, int, int, int]:
    """Sign, hours, minutes, seconds and milliseconds."""
    total = _thousandths(seconds)
    minutes, rest = divmod(total, 60_000)
    return MINUS if seconds < 0 and total else "", minutes // 60, minutes % 60, rest // 1000, rest % 1000


def _decimals(thousandths: int) -> str:
    return f",{thousandths:03}".rstrip("0") if thousandths else ""

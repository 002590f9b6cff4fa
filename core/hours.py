"""Times of the day as people write them: 18h, 8h30, 20h-8h, de 8 h à 20 h. All in minutes since midnight."""

import re

#: From when to when; what begins later than it ends goes over midnight. The same twice is never.
Span = tuple[int, int]

_TIME = r"(\d{1,2})(?:\s*[h:]\s*([0-5]\d)?)?(?:\s*heures?)?"
_ONE = re.compile(rf"^(?:[àa]\s+|vers\s+)?{_TIME}$")
_SPAN = re.compile(rf"^(?:de\s+|entre\s+)?{_TIME}\s*(?:-|–|[àa]|et)\s*{_TIME}$")


def read_time(words: str) -> int | None:
    """None when it is no time of the day."""
    found = _ONE.match(words.strip().lower())
    return _minutes(found[1], found[2]) if found else None


def read_span(words: str) -> Span | None:
    """None when it is no span; 24h is midnight."""
    found = _SPAN.match(words.strip().lower())
    if not found:
        return None
    begin, end = _minutes(found[1], found[2]), _minutes(found[3], found[4])
    return None if begin is None or end is None else (begin, end)


def within(span: Span, minute: int) -> bool:
    begin, end = span
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def show_time(minute: int) -> str:
    """18 h, 8 h 30; with no-break spaces."""
    hours, rest = divmod(minute, 60)
    return f"{hours}\u00a0h" + (f"\u00a0{rest:02}" if rest else "")


def show_span(span: Span) -> str:
    """de 20 h à 8 h."""
    return f"de {show_time(span[0])} à {show_time(span[1])}"


def _minutes(hours: str, rest: str | None) -> int | None:
    minute = int(hours) * 60 + int(rest or 0)
    return minute % 1440 if minute <= 1440 else None

"""Questions about dates: from one to another, and a period added to one, in a person's words."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from core.duration import days
from core.duration.days import Measure, Span
from core.duration.faults import DurationError, quoted
from core.folders import MONTHS

#: No question about dates is longer (signs).
MOST_SIGNS = 200

WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True)
class Between:
    """From one date to another. `turned`: the later one was written first, as no subtraction does.

    `notes`: how what was not plain was read (French).
    """

    measure: Measure
    turned: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Move:
    """A period, as it was told ("24 mois"), added (`sign` 1) or taken away (-1).

    `turn`: where its months lead to, before its days are counted. `cut`: that month has no day of the same number.
    """

    told: str
    span: Span
    sign: int
    before: date
    turn: date
    after: date

    @property
    def cut(self) -> bool:
        return bool(self.span.months) and self.turn.day != self.before.day


@dataclass(frozen=True)
class Moved:
    """A date, and where the periods lead to. `notes`: see `Between`."""

    start: date
    moves: tuple[Move, ...]
    notes: tuple[str, ...] = ()

    @property
    def end(self) -> date:
        return self.moves[-1].after

    @property
    def last_day(self) -> date | None:
        """The last day of a commitment that begins on the start: the eve of the same number, or the last of a month
        that has none. None for what goes back."""
        if any(move.sign < 0 for move in self.moves) or self.end == self.start:
            return None
        last = self.moves[-1]
        return self.end if last.cut and not last.span.days else self.end - timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """A date alone. `notes`: see `Between`."""

    day: date
    notes: tuple[str, ...] = ()


def is_about_dates(text: str) -> bool:
    """Whether a date, or a period that only a date gives a length to, is in the text."""
    items = _read(text[: MOST_SIGNS + 1])
    # Without its year, 12/03 is a division as well: the rest of the sentence decides.
    sure = any(item.kind == "C" or (item.kind == "D" and not _DAY_AND_MONTH.fullmatch(item.text)) for item in items)
    return sure or any(
        pattern.fullmatch(_shape(items)) for pattern in (*_CALCULATIONS, _FROM_TODAY, _UNTIL, _SINCE, _ALONE)
    )


def looks_like(text: str) -> bool:
    """Whether a text is a calculation on dates and nothing else, right or wrong."""
    return len(text) <= MOST_SIGNS and any(pattern.fullmatch(_shape(_read(text))) for pattern in _CALCULATIONS)


def answer(text: str, today: date) -> Between | Moved | Day:
    """What a question about dates comes to.

    :raises DurationError: it cannot be calculated.
    """
    if len(text) > MOST_SIGNS:
        raise DurationError(f"La question est trop longue : {MOST_SIGNS} signes au plus pour des dates.")
    items = _read(text)
    shape = _shape(items)
    written = [item.written for item in items if item.written]
    spans = [item for item in items if item.kind in ("S", "C")]
    if _FROM_TO.fullmatch(shape):
        return _between(written, today, subtracted=" - " in shape)
    if _MOVED.fullmatch(shape):
        signs = [1 if sign == "+" else -1 for sign in re.findall("[+-]", shape)]
        return _moved(written[0], list(zip(signs, spans, strict=True)), today)
    if _AFTER.fullmatch(shape) or _BEFORE.fullmatch(shape):
        return _moved(written[0], [(1 if _AFTER.fullmatch(shape) else -1, spans[0])], today)
    if _FROM_TODAY.fullmatch(shape):
        return _moved(_TODAY, [(1 if shape.startswith("dans") else -1, spans[0])], today)
    if _UNTIL.fullmatch(shape):
        return _between([_TODAY, written[0]], today)
    if _SINCE.fullmatch(shape):
        return _between([written[0], _TODAY], today)
    if _ALONE.fullmatch(shape):
        (day,), notes = _resolved(written, today)
        return Day(day, notes)
    raise _not_understood(items)


# -- What is written


@dataclass(frozen=True)
class _Written:
    """A date as written; what is missing is None. `offset`: days from today, for "demain"."""

    text: str
    day: int = 0
    month: int | None = None
    year: int | None = None
    offset: int | None = None
    weekday: str = ""


_TODAY = _Written("aujourd'hui", offset=0)


@dataclass(frozen=True)
class _Item:
    """`kind`: D a date, N a day of a month to be named later, S a period, C one of months or years, w a word."""

    kind: Literal["D", "N", "S", "C", "w"]
    text: str
    written: _Written | None = None


_NAME = (
    "janvier|janv|jan|février|fevrier|févr|fevr|fév|fev|mars|avril|avr|mai|juin|juillet|juil|août|aout|"
    "septembre|sept|octobre|oct|novembre|nov|décembre|decembre|déc|dec"
)
_OFFSETS = {"avant-hier": -2, "hier": -1, "aujourd'hui": 0, "ce jour": 0, "demain": 1, "apres-demain": 2}
_ONE_SPAN = r"(?:[0-9]+(?:[.,][0-9]+)?|une?)\s*(?:années?|annees?|ans?|mois|semaines?|sem|jours?|j)(?![^\W_])"
#: Where a date can begin: within no other number.
_START = r"(?<![0-9/,:])(?<![0-9][.])"
_ITEM = re.compile(
    rf"""
    (?:(?P<weekday>{"|".join(WEEKDAYS)})\s+(?:le\s+)?(?=[0-9]))?
    (?:
      {_START}(?P<d>[0-9]{{1,2}})(?P<mark>[/.-])(?P<m>[0-9]{{1,2}})(?P=mark)(?P<y>[0-9]{{2,6}})(?![0-9])
    | {_START}(?P<iy>[0-9]{{4}})(?P<imark>[/.-])(?P<im>[0-9]{{1,2}})(?P=imark)(?P<id>[0-9]{{1,2}})(?![0-9])
    | {_START}(?P<nd>[0-9]{{1,2}})(?:er)?\s+(?P<name>{_NAME})(?![^\W_])\.?(?:\s+(?P<ny>[0-9]{{4}})(?![0-9]))?
    )
    | (?P<offset>avant[ -]hier|hier|aujourd\s?['’]\s?hui|ce\s+jour|apr[èe]s[ -]demain|demain)(?![^\W_])
    | (?P<span>{_ONE_SPAN}(?:\s*(?:,|et\b)?\s*{_ONE_SPAN})*)
    | (?<![0-9/.,:])(?P<sd>[0-9]{{1,2}})/(?P<sm>[0-9]{{1,2}})(?![0-9/:])(?![.,][0-9])
    | (?P<alone>[0-9]{{1,2}}(?:er)?(?=\s+(?:au|et\s+le)\b))
    | (?P<word>[^\W\d_]+['’]?|\.\.+|->|[0-9]+|\S)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def _read(text: str) -> list[_Item]:
    return [_item(found) for found in _ITEM.finditer(text)]


def _item(found: "re.Match[str]") -> _Item:
    text = found[0]
    weekday = (found["weekday"] or "").lower()
    if found["d"]:
        century = 2000 if len(found["y"]) == 2 else 0
        written = _Written(text, int(found["d"]), int(found["m"]), century + int(found["y"]), weekday=weekday)
        return _Item("D", text, written)
    if found["iy"]:
        return _Item("D", text, _Written(text, int(found["id"]), int(found["im"]), int(found["iy"]), weekday=weekday))
    if found["nd"]:
        year = int(found["ny"]) if found["ny"] else None
        return _Item("D", text, _Written(text, int(found["nd"]), _month(found["name"]), year, weekday=weekday))
    if found["offset"]:
        word = re.sub(r"\s*'\s*", "'", _plain(found["offset"]))
        word = re.sub(r"[ -](?=hier|demain)", "-", word)
        return _Item("D", text, _Written(text, offset=_OFFSETS[" ".join(word.split())]))
    if found["span"]:
        return _Item("C" if re.search("mois|an", text, re.IGNORECASE) else "S", text)
    if found["sd"]:
        return _Item("D", text, _Written(text, int(found["sd"]), int(found["sm"])))
    if found["alone"]:
        return _Item("N", text, _Written(text, int(re.sub(r"\D", "", text))))
    return _Item("w", text)


def _month(name: str) -> int:
    plain = _plain(name)
    return next(number for number, month in enumerate(MONTHS, 1) if _plain(month).startswith(plain[:4]))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


# -- What is asked


def _shape(items: list[_Item]) -> str:
    """A question with its dates and periods as letters: "du D au D", "D + C"."""
    words = [_SIGNS.get(word := _plain(item.text), word) if item.kind == "w" else item.kind for item in items]
    return " ".join(words)


_SIGNS = {"plus": "+", "moins": "-", "−": "-", "–": "-", "—": "-", "→": "au", "->": "au", "?": "", "=": "", ".": ""}
_FROM_TO = re.compile(
    r"(?:(?:du |de |d' |des le |depuis le |depuis |a partir du |le )?[DN] (?:au|a|jusqu' au|jusqu' a|\.\.+|-) (?:le )?D"
    r"|entre (?:le )?[DN] et (?:le )?D) *"
)
_MOVED = re.compile(r"(?:le |du |a partir du )?D(?: [+-] [SC])+ *")
_AFTER = re.compile(
    r"(?:(?:un )?engagement (?:de |d' )?|delai de |\+ )?[SC] "
    r"(?:a partir|a compter|a dater|apres|depuis|des)(?: du| de| d'| le)? D *"
)
_BEFORE = re.compile(r"[SC] avant (?:le )?D *")
_FROM_TODAY = re.compile(r"(?:dans|il y a) [SC] *")
_UNTIL = re.compile(r"jusqu' (?:au|a) D *")
_SINCE = re.compile(r"depuis (?:le )?D *")
_ALONE = re.compile(r"(?:le )?D *")
_CALCULATIONS = (_FROM_TO, _MOVED, _AFTER, _BEFORE)
_DAY_AND_MONTH = re.compile("[0-9]{1,2}/[0-9]{1,2}")


def _not_understood(items: list[_Item]) -> DurationError:
    spans = [item for item in items if item.kind == "C"]
    if spans and not any(item.written for item in items):
        alone = len(items) == 1
        return DurationError(
            f"{quoted(spans[0].text)} : un mois n'a pas toujours la même longueur, il faut une date de départ.",
            (("À partir d'aujourd'hui", f"aujourd'hui + {spans[0].text}"),) if alone else (),
        )
    for item, following in zip(items, [*items[1:], None], strict=True):
        if item.kind != "w" or _plain(item.text) in _KNOWN:
            continue
        if item.text.isdigit():
            piece = f"{item.text} {following.text}" if following and following.kind == "w" else item.text
            return DurationError(
                f"{quoted(piece)} : à une date s'ajoutent des jours, des semaines, des mois ou des années entières."
            )
        return DurationError(f"{quoted(item.text)} ne se lit pas dans un calcul de dates.")
    return DurationError("Ce calcul de dates est incomplet : il y faut deux dates, ou une date et une période.")


#: Words that may stand in a question, though not at any place.
_KNOWN = frozenset(
    {"du", "de", "d'", "des", "le", "au", "a", "et", "entre", "jusqu'", "depuis", "partir", "compter", "dater", "apres"}
    | {"avant", "dans", "il", "y", "engagement", "un", "delai", "+", "->", *_SIGNS}
)


# -- Days


def _between(written: list[_Written], today: date, *, subtracted: bool = False) -> Between:
    (first, last), notes = _resolved(written, today)
    turned = first > last
    return Between(days.measure(min(first, last), max(first, last)), turned and not subtracted, notes)


def _moved(start: _Written, spans: list[tuple[int, _Item]], today: date) -> Moved:
    (day,), notes = _resolved([start], today)
    moves: list[Move] = []
    place = day
    for sign, item in spans:
        span = _span(item.text)
        turn, after = days.add(place, Span(span.months), sign), days.add(place, span, sign)
        moves.append(Move(" ".join(item.text.split()), span, sign, place, turn, after))
        place = after
    return Moved(day, tuple(moves), notes)


def _span(text: str) -> Span:
    span = Span()
    for count, unit in re.findall(r"([0-9]+(?:[.,][0-9]+)?|une?)\s*([^\W\d_]+)", text, re.IGNORECASE):
        if re.search("[.,]", count):
            raise DurationError(
                f"{quoted(f'{count} {unit}')} : il faut un nombre entier de jours, de mois ou d'années."
            )
        number = 1 if count.lower().startswith("un") else int(count)
        kind = _plain(unit)[:1] if _plain(unit) != "mois" else "m"
        months = {"a": 12 * number, "m": number}.get(kind, 0)
        extra = {"s": 7 * number, "j": number}.get(kind, 0)
        span = Span(span.months + months, span.days + extra)
    return span


def _resolved(written: list[_Written], today: date) -> tuple[list[date], tuple[str, ...]]:
    """The days that are meant. A month or a year that is missing is that of the date behind, else of the date before;
    a year that stands nowhere is this one, and the end of a period lies after its beginning."""
    notes: list[str] = []
    named = [each for each in written if each.offset is None]
    if any(each.year is None for each in named):
        named = _with_years(named, today)
        years = sorted({each.year or 0 for each in named})
        if all(each.year is None for each in written if each.offset is None):
            notes.append(f"Sans année : lu {' et '.join(map(str, years))}.")
    found: list[date] = []
    for each in written:
        if each.offset is not None:
            found.append(days.within(today + timedelta(days=each.offset)))
            continue
        day = _day(named.pop(0))
        if each.weekday and each.weekday != WEEKDAYS[day.weekday()]:
            notes.append(f"Le {day:%d/%m/%Y} est un {WEEKDAYS[day.weekday()]}, et non un {each.weekday}.")
        found.append(day)
    return found, tuple(notes)


def _with_years(named: list[_Written], today: date) -> list[_Written]:
    first, last = named[0], named[-1]
    if first.month is None:
        first = replace(first, month=last.month)
    if first.year is None and last.year is not None and len(named) == 2:
        first = replace(first, year=last.year - (_place(first) > _place(last)))
    first = replace(first, year=first.year or today.year)
    if len(named) == 1:
        return [first]
    if last.year is None:
        assert first.year
        last = replace(last, year=first.year + (_place(last) < _place(first)))
    return [first, last]


def _place(written: _Written) -> tuple[int, int]:
    return written.month or 0, written.day


def _day(written: _Written) -> date:
    """:raises DurationError: no such day."""
    year, month, day = written.year or 0, written.month or 0, written.day
    said = quoted(written.text)
    if len(str(year)) != 4:
        raise DurationError(f"{said} : une année s'écrit avec 4 chiffres, ou 2.")
    if not 1 <= month <= 12:
        raise DurationError(f"{said} : il n'y a pas de mois {month} (une date s'écrit jour/mois/année).")
    if not 1 <= day <= 31:
        raise DurationError(f"{said} : il n'y a pas de jour {day}.")
    if not days.FIRST.year <= year <= days.LAST.year:
        raise DurationError(f"{said} : les dates vont de {days.FIRST.year} à {days.LAST.year}.")
    if day > days.days_in(year, month):
        raise DurationError(f"{said} n'existe pas : {MONTHS[month - 1]} {year} a {days.days_in(year, month)} jours.")
    return date(year, month, day)

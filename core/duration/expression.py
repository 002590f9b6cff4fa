"""Durations and numbers put together by + − × ÷ and parentheses, exactly, with the steps that lead to the result."""

import itertools
import re
from dataclasses import dataclass, field
from fractions import Fraction

from core.duration.faults import DurationError, quoted
from core.duration.signs import Token, pieces, tokens
from core.duration.writing import (
    ABOUT,
    MOST_DIGITS,
    NBSP,
    SECONDS,
    TwoParts,
    Unit,
    decimal,
    is_shown_whole,
    show,
    whole,
)

#: Bounds against what is no honest question: signs of a text, parentheses within each other, seconds of a result.
MOST_SIGNS = 20_000
MOST_DEPTH = 40
MOST_SECONDS = 10**12

#: An exact result of more divisions than this helps nobody, and takes long.
_MOST_DENOMINATOR = 10**40

#: Operands that a step shows, and steps; a long column is only added up.
_MOST_SHOWN = 8


@dataclass(frozen=True)
class Column:
    """What several durations, one a line or behind `;`, make beside their sum (seconds).

    `heading`: the words above them, "" for none.
    """

    count: int
    mean: Fraction
    least: Fraction
    most: Fraction
    heading: str = ""


@dataclass(frozen=True)
class Calculation:
    """`value`: seconds, or a bare number when one duration was divided by another (`is_duration` False).

    `steps`: each operation with its result. `two_parts`: the first writing like 1:23 that was met, with its seconds;
    `more_two_parts`: whether there are others.
    """

    value: Fraction
    is_duration: bool
    steps: tuple[str, ...]
    two_parts: tuple[str, Fraction] | None = None
    more_two_parts: bool = False
    column: Column | None = None


def evaluate(text: str, two_parts: TwoParts = "h:mm", unit: Unit | None = None) -> Calculation:
    """Calculate an expression; several, on lines of their own or behind `;`, are added up.

    :param two_parts: what 1:23 is.
    :param unit: that of a number that stands where a duration should; None when that is a fault.
    :raises DurationError: it cannot be calculated.
    """
    if len(text) > MOST_SIGNS:
        raise DurationError(f"Le calcul est trop long : {whole(MOST_SIGNS)} signes au plus.")
    lines, heading = pieces(text)
    if not lines:
        raise DurationError("Il n'y a rien à calculer.")
    readers = [_Reader(line, two_parts, unit) for line in lines]
    values = [reader.result(alone=len(lines) == 1) for reader in readers]
    steps = [step for reader in readers for step in reader.steps]
    met = [(token.text, token.value) for reader in readers for token in reader.tokens if token.two_parts]
    first, more = (met[0], len(set(met)) > 1) if met else (None, False)
    if len(values) == 1:
        (value,) = values
        return Calculation(value.amount, value.is_time, tuple(steps or _in_seconds(value)), first, more)
    amounts = [value.amount for value in values]
    total = _sum(amounts, text)
    column = Column(len(amounts), total / len(amounts), min(amounts), max(amounts), heading)
    if len(steps) > _MOST_SHOWN:
        steps = []
    if len(amounts) <= _MOST_SHOWN:
        steps.append(_step(_chain([(1, value) for value in values]), show(total), exact=is_shown_whole(total)))
    return Calculation(total, True, tuple(steps), first, more, column)


def looks_like(text: str) -> bool:
    """Whether a text is an expression and nothing else, right or wrong: every sign of it is known, one duration at
    least is in it, and something is calculated."""
    if len(text) > MOST_SIGNS or not re.search("[0-9]", text) or _is_between_hours(text):
        return False
    lines, heading = pieces(text)
    if heading:
        return False
    read = [tokens(line) for line in lines]
    if not all(map(_holds_together, read)):
        return False
    times = [token for line in read for token in line if token.kind == "time"]
    if any(token.kind == "operator" and token.written != "et" for line in read for token in line[1:]):
        return bool(times)
    # A column; of two parts, its lines are as likely hours of the day.
    return len(times) == len(read) > 1 and not any(token.two_parts for token in times)


def _holds_together(line: list[Token]) -> bool:
    """Whether all signs are known, and numbers and durations have one between them; 0639980001 is no number to add."""
    known = not any(token.kind == "unknown" or _IDENTIFIER.search(token.text) for token in line)
    operands = [token.kind in ("time", "number") for token in line]
    return bool(line) and known and not any(a and b for a, b in itertools.pairwise(operands))


#: A phone number or a card's.
_IDENTIFIER = re.compile("[0-9]{9}")


def is_duration(text: str) -> bool:
    """Whether a text is one duration, and nothing else."""
    return [token.kind for token in tokens(text)] == ["time"]


def _is_between_hours(text: str) -> bool:
    """10h-12h, 8:00-12:00 / 14:00-18:00: when somebody can be reached, no difference."""
    return all(map(_is_range, re.split("[/;,\n]", text)))


def _is_range(text: str) -> bool:
    if len(text) > 40 or not (found := _RANGE.fullmatch(text.strip())):
        return False
    begins, ends = (60 * int(found[at]) + int(found[at + 1] or 0) for at in (1, 3))
    return begins < ends <= 24 * 60


_RANGE = re.compile(r"([0-9]{1,2})\s*[h:]\s*([0-9]{0,2})\s*[-–—]\s*([0-9]{1,2})\s*[h:]\s*([0-9]{0,2})", re.IGNORECASE)


# -- Values


@dataclass(frozen=True)
class _Value:
    """`text`: the piece that it was read from. `is_ratio`: a number that durations gave, and nobody wrote."""

    amount: Fraction
    is_time: bool
    text: str
    is_ratio: bool = False

    @property
    def shown(self) -> str:
        if self.is_time:
            return show(self.amount)
        as_written = decimal(self.amount, MOST_DIGITS)
        return decimal(self.amount, 4) if as_written.startswith(ABOUT) else as_written


@dataclass
class _Reader:
    """Reads one expression, each rule a method, and writes each operation down.

    sum: product (+ product)*; product: signed (× signed)*; signed: −* (duration | number | "(" sum ")").
    """

    text: str
    two_parts: TwoParts
    unit: Unit | None
    tokens: list[Token] = field(init=False)
    steps: list[str] = field(default_factory=list)
    _place: int = 0
    _depth: int = 0

    def __post_init__(self) -> None:
        self.tokens = tokens(self.text, self.two_parts)

    def result(self, *, alone: bool) -> _Value:
        """:param alone: whether nothing else is added to it, so that a ratio may come out."""
        value = self._sum()
        if token := self._next():
            if token.fault:
                raise token.fault
            if token.kind == "unknown":
                raise self._unknown(token)
            if token.kind == "close":
                raise DurationError(f"Une parenthèse se ferme sans avoir été ouverte : {quoted(self._around(token))}.")
            before = self.tokens[self._place - 1]
            raise DurationError(
                f"Il manque un signe (+, −, × ou ÷) entre {quoted(before.text)} et {quoted(token.text)}.",
            )
        return value if value.is_time or (alone and value.is_ratio) else self._as_time(value)

    def _sum(self) -> _Value:
        start = self._place
        terms = [(1, self._product())]
        while (token := self._next()) and token.kind == "operator" and token.written in ("+", "−", "et"):
            self._place += 1
            terms.append((-1 if token.written == "−" else 1, self._product()))
        if len(terms) == 1:
            return terms[0][1]
        if any(value.is_time for _, value in terms):
            terms = [(sign, value if value.is_time else self._as_time(value)) for sign, value in terms]
        text = self._between(start)
        total = _sum([sign * value.amount for sign, value in terms], text)
        made = _Value(total, terms[0][1].is_time, text, any(value.is_ratio for _, value in terms))
        self._write(_chain(terms) if len(terms) <= _MOST_SHOWN else f"{len(terms)} termes", made)
        return made

    def _product(self) -> _Value:
        start = self._place
        value = self._signed()
        while (token := self._next()) and token.kind == "operator" and token.written in ("×", "÷"):
            self._place += 1
            by = self._signed()
            text = self._between(start)
            made = _times(value, by, text) if token.written == "×" else _over(value, by, text)
            left, right = (f"({each.shown})" if each.amount < 0 else each.shown for each in (value, by))
            self._write(f"{left} {token.written} {right}", made)
            value = made
        return value

    def _signed(self) -> _Value:
        start = self._place
        sign = 1
        while (token := self._next()) and token.kind == "operator" and token.written in ("+", "−"):
            self._place += 1
            sign = -sign if token.written == "−" else sign
        value = self._primary()
        return value if sign > 0 else _Value(-value.amount, value.is_time, self._between(start), value.is_ratio)

    def _primary(self) -> _Value:
        token = self._next()
        if token is None:
            raise DurationError(f"Le calcul s'arrête trop tôt : il manque une durée après {quoted(self.text[-20:])}.")
        if token.fault:
            raise token.fault
        self._place += 1
        if token.kind in ("time", "number"):
            return _Value(_bounded(token.value, token.text), token.kind == "time", token.text)
        if token.kind == "open":
            return self._parenthesis(token)
        if token.kind == "unknown":
            raise self._unknown(token)
        raise DurationError(f"Il manque une durée ou un nombre avant {quoted(self._around(token))}.")

    def _parenthesis(self, token: Token) -> _Value:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise DurationError(f"Trop de parenthèses les unes dans les autres : {MOST_DEPTH} au plus.")
        value = self._sum()
        closing = self._next()
        if closing and closing.kind == "unknown":
            raise self._unknown(closing)
        if not closing or closing.kind != "close":
            raise DurationError(f"Une parenthèse n'est pas fermée : {quoted(self.text[token.start :])}.")
        self._place += 1
        self._depth -= 1
        return value

    def _next(self) -> Token | None:
        return self.tokens[self._place] if self._place < len(self.tokens) else None

    def _between(self, start: int) -> str:
        return self.text[self.tokens[start].start : self.tokens[self._place - 1].end]

    def _around(self, token: Token) -> str:
        return self.text[max(0, token.start - 12) : token.end + 12]

    def _unknown(self, token: Token) -> DurationError:
        if token.text.startswith(":"):
            return DurationError(
                "Le signe « : » ne se lit qu'à l'intérieur d'une durée (1:23) ; pour diviser, écrire « / » : "
                f"{quoted(self._around(token))}."
            )
        begins = re.search(r"[^\s+*/×÷()\[\]]*$", self.text[max(0, token.start - 30) : token.start])
        piece = (begins[0] if begins else "") + token.text
        return DurationError(f"{quoted(piece)} n'est ni une durée, ni un nombre, ni un signe.")

    def _as_time(self, value: _Value) -> _Value:
        """A bare number where a duration should stand: in the unit that was said for all of them."""
        if value.is_ratio:
            raise DurationError(f"{quoted(value.text)} donne un nombre, qui ne s'ajoute pas à une durée.")
        if not self.unit:
            raise UnitMissing(value.text)
        return _Value(_bounded(value.amount * SECONDS[self.unit], value.text), True, value.text)

    def _write(self, operation: str, made: _Value) -> None:
        exact = is_shown_whole(made.amount) if made.is_time else not made.shown.startswith(ABOUT)
        self.steps.append(_step(operation, made.shown.removeprefix(ABOUT), exact=exact))


class UnitMissing(DurationError):
    """A bare number stands where a duration should."""

    def __init__(self, piece: str) -> None:
        short = piece if len(piece) <= 12 else "…"
        super().__init__(f"{quoted(piece)} quoi ? Écrire {short} min, ou {short} s.")


def _times(value: _Value, by: _Value, text: str) -> _Value:
    if value.is_time and by.is_time:
        raise DurationError(f"{quoted(text)} : deux durées ne se multiplient pas ; multiplier par un nombre.")
    made = _bounded(value.amount * by.amount, text)
    return _Value(made, value.is_time or by.is_time, text, value.is_ratio or by.is_ratio)


def _over(value: _Value, by: _Value, text: str) -> _Value:
    if not by.amount:
        raise DurationError(f"{quoted(text)} : on ne divise pas par zéro.")
    if by.is_time and not value.is_time:
        raise DurationError(f"{quoted(text)} : un nombre ne se divise pas par une durée.")
    made = _bounded(value.amount / by.amount, text)
    return _Value(made, value.is_time and not by.is_time, text, by.is_time or value.is_ratio or by.is_ratio)


def _sum(amounts: list[Fraction], text: str) -> Fraction:
    """Bounded on the way: of a thousand fractions with nothing in common the last would take for ever."""
    total = Fraction(0)
    for amount in amounts:
        total = _bounded(total + amount, text)
    return total


def _bounded(amount: Fraction, text: str) -> Fraction:
    if abs(amount) > MOST_SECONDS:
        raise DurationError(f"{quoted(text)} : c'est trop grand pour être une durée (plus de 30 000 ans).")
    if amount.denominator > _MOST_DENOMINATOR:
        raise DurationError(f"{quoted(text)} : trop de divisions pour un résultat exact.")
    return amount


# -- Steps


def _chain(terms: list[tuple[int, _Value]]) -> str:
    """1 h 23 min + 59 min − 5 min."""
    told = ""
    for sign, value in terms:
        shown = value.shown if value.amount >= 0 or not told else f"({value.shown})"
        told += f" {'+' if sign > 0 else '−'} {shown}" if told else shown
    return told


def _step(operation: str, shown: str, *, exact: bool) -> str:
    return f"{operation} {'=' if exact else '≈'} {shown}"


def _in_seconds(value: _Value) -> list[str]:
    """3725 s = 1 × 3 600 s + 2 × 60 s + 5 s; nothing to say of what is shorter than a minute."""
    hours, rest = divmod(abs(value.amount), 3600)
    minutes, seconds = divmod(rest, 60)
    told = [f"{whole(hours)} × {whole(3600)}{NBSP}s"] if hours else []
    told += [f"{minutes} × 60{NBSP}s"] if minutes else []
    if not told or value.amount < 0:
        return []
    told += [f"{decimal(seconds, 3).removeprefix(ABOUT)}{NBSP}s"] if seconds else []
    return [_step(" ".join(value.text.split()), " + ".join(told), exact=is_shown_whole(value.amount))]

"""The signs of an expression: its lines, and the numbers, durations and operators of each."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from core.duration.faults import DurationError
from core.duration.writing import NBSP, THIN, TwoParts, duration_at, number_at


@dataclass(frozen=True)
class Token:
    """`written`: an operator's usual sign, a parenthesis. `fault`: why a number or a duration cannot be one."""

    kind: Literal["number", "time", "operator", "open", "close", "unknown"]
    text: str
    start: int
    value: Fraction = Fraction(0)
    written: str = ""
    two_parts: bool = False
    fault: DurationError | None = None

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def pieces(text: str) -> tuple[list[str], str]:
    """The expressions of a text, and the words above them; a line that begins or ends with an operator goes on."""
    text = text.rstrip(f" \t\r\n=?!.{NBSP}{THIN}")
    lines = [line.strip().removeprefix("=").strip() for line in re.split(r"[\n\r\t;]+", text)]
    lines = [line for line in lines if line]
    heading = lines.pop(0) if len(lines) > 1 and re.fullmatch(r"[^\W\d_][^0-9+*/×÷=]*", lines[0]) else ""
    found: list[str] = []
    for line in lines:
        if found and (_GOES_ON.match(line) or _HANGS.search(found[-1][-20:])):
            found[-1] += f" {line}"
        else:
            found.append(line)
    return found, heading


def tokens(text: str, two_parts: TwoParts = "h:mm") -> list[Token]:
    """The signs of a text, up to the first that is unknown."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        found.append(_token(text, place, two_parts))
        if found[-1].kind == "unknown":
            break
        place = found[-1].end
    return found


# -- Signs

#: A minus that touches its number is the sign of it, as in a column of gaps.
_GOES_ON = re.compile(
    r"[+*/×÷·]|[-−–—]\s|(?:x|fois|plus|moins|et|divis\w+ par|multipli\w+ par)(?![^\W\d_])", re.IGNORECASE
)
_HANGS = re.compile(r"[+*/×÷·(−–—-]$|\b(?:x|fois|plus|moins|par|et)$", re.IGNORECASE)
_OPERATOR = re.compile(
    rf"(?P<plus>\+|plus\b)|(?P<minus>[-−–—]|moins\b)"
    rf"|(?P<times>[*×·]|x(?![^\W\d_])|fois\b|multipli\w{{1,4}}[\s{NBSP}]+par\b)|(?P<over>[/÷]|divis\w{{1,4}}[\s{NBSP}]+par\b)"
    r"|(?P<and>et\b)|(?P<open>[(\[])|(?P<close>[)\]])",
    re.IGNORECASE,
)
_SIGN = {"plus": "+", "minus": "−", "times": "×", "over": "÷", "and": "et", "open": "(", "close": ")"}
_WORD = re.compile(r"[^\s+*/×÷()\[\]]+|.", re.DOTALL)


def _token(text: str, place: int, two_parts: TwoParts) -> Token:
    if found := _OPERATOR.match(text, place):
        name = str(found.lastgroup)
        kind: Literal["open", "close", "operator"] = (
            "open" if name == "open" else "close" if name == "close" else "operator"
        )
        return Token(kind, found[0], place, written=_SIGN[name])
    try:
        if time := duration_at(text, place, two_parts):
            return Token("time", text[place : time.end], place, time.seconds, two_parts=time.two_parts)
        if number := number_at(text, place):
            return Token("number", text[place : number[1]], place, number[0])
    except DurationError as error:
        wrong = _WORD.match(text, place)
        assert wrong
        return Token("time", wrong[0], place, fault=error)
    unknown = _WORD.match(text, place)
    assert unknown
    return Token("unknown", unknown[0], place)

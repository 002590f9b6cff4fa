"""RIO, the operator identity statement needed to port a number: `OO Q RRRRRR CCC`.

Sources: Arcep decisions 2012-0576, article 13 (mobile) and 2013-0830, article 12 (fixed); the inter-operator
specification for the key. A RIO with its number is enough to take a line over: never log either.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.numbers import NumberError, msisdn

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+"

#: Mainland mobile operators; elsewhere the same codes mean others, and none is named.
MAINLAND_OPERATORS = {
    "01": "Orange",
    "02": "SFR",
    "03": "Bouygues Telecom",
    "04": "Free Mobile",
    "56": "Bazile",
}

_OVERSEAS = ("0690", "0691", "0692", "0693", "0694", "0696", "0697", "0639")
_MAINLAND_EXAMPLES = "063998"  # kept for fiction by Arcep, within Mayotte's 0639
_SEPARATORS = re.compile(r"[\s.\-_/:;,()\u00a0\u202f]+")

_LONGEST = 20  # signs of a number in its longest writing, 0033 before machine-to-machine digits

Fault = Literal["length", "signs", "operator", "quality", "reference", "key"]


@dataclass(frozen=True)
class Verdict:
    """What was found of a RIO.

    `right`: True, False, or None when the form is right and the key could not be checked for want of a number.
    `correction`: the RIO with O and 0 exchanged somewhere, whose key is right: to be proposed, never assumed.
    """

    rio: str
    number: str
    right: bool | None
    fault: Fault | None = None
    operator: str = ""
    quality: Literal["", "particulier", "entreprise", "fixe"] = ""
    correction: str = ""

    @property
    def is_guess(self) -> bool:
        """Whether its key was weighed and is wrong, be it with O and 0 exchanged: many tries find the right one."""
        if self.right is not False or not self.number or len(self.rio) != 12:
            return False
        form = self.rio[:2].replace("O", "0") + self.rio[2].replace("0", "O") + self.rio[3:]
        return _fault_of_form(self.rio, self.number) is None or _fault_of_form(form, self.number) is None


def key(nine: str, number: str) -> str:
    """The three signs that close a RIO.

    :param nine: operator, quality and reference (9 signs of `ALPHABET`).
    :param number: the national number with its leading 0 (10 digits, 14 for machine-to-machine).
    """
    a = b = c = 0
    for sign in nine + number:
        value = ALPHABET.index(sign)
        a, b, c = (a + value) % 37, (2 * b + value) % 37, (4 * c + value) % 37
    return ALPHABET[a] + ALPHABET[b] + ALPHABET[c]


def check(rio: str, number: str = "") -> Verdict:
    """Judge a RIO, with its number where there is one (canonical form, see `core.numbers.msisdn`).

    An operator code that nobody knows never makes a RIO invalid.
    """
    rio = _SEPARATORS.sub("", rio).upper()
    fault = _fault_of_form(rio, number)
    if fault is None and number and key(rio[:9], number) != rio[9:]:
        fault = "key"
    if fault:
        return Verdict(rio, number, False, fault, correction=_correction(rio, number))
    mobile = _is_mobile(rio, number)
    quality: Literal["particulier", "entreprise", "fixe"] = (
        "fixe" if not mobile else "entreprise" if rio[2] == "E" else "particulier"
    )
    # Without the number nothing tells a mainland line from an overseas one, where 01 to 04 mean others.
    mainland = bool(number) and (number.startswith(_MAINLAND_EXAMPLES) or not number.startswith(_OVERSEAS))
    operator = MAINLAND_OPERATORS.get(rio[:2], "") if mobile and mainland else ""
    return Verdict(rio, number, True if number else None, None, operator, quality)


def read(text: str) -> tuple[str, str]:
    """The RIO and the number in a text, in any order and spacing; what is not found is empty.

    `+` is a sign of the key, never a separator. Several readings possible: the one whose key is right wins.
    """
    words = [word for word in _SEPARATORS.split(text.strip()) if word]
    numbers = [(number, start, end) for number, start, end in _runs(words, _number)]
    readings: list[tuple[int, str, str]] = []
    for rio, start, end in _runs(words, _twelve_signs):
        apart = [number for number, first, last in numbers if last <= start or end <= first] or [""]
        for number in apart:
            verdict = check(rio, number)
            has_form = verdict.fault in (None, "key")
            likely = 8 * (verdict.right is True) + 4 * has_form + 2 * bool(number) + rio[:2].isdigit()
            readings.append((likely, rio, number))
    if readings:
        _, rio, number = max(readings, key=lambda reading: reading[0])
        return rio, number
    # No twelve signs anywhere: tell the number from the rest, so that the fault can be named.
    if numbers:
        number, start, end = numbers[0]
        return "".join(words[:start] + words[end:]).upper(), number
    return "".join(words).upper(), ""


def count(text: str) -> int:
    """How many words of a text, each by itself, may be a RIO."""
    return sum(bool(_twelve_signs(word)) and any(map(str.isdigit, word)) for word in _SEPARATORS.split(text))


def _runs(words: list[str], wanted: Callable[[str], str]) -> list[tuple[str, int, int]]:
    """What neighbouring words together are, and between which places."""
    found = []
    for start in range(len(words)):
        together = ""
        for end in range(start + 1, len(words) + 1):
            together += words[end - 1]
            if len(together) > _LONGEST:
                break
            if what := wanted(together):
                found.append((what, start, end))
    return found


def _number(text: str) -> str:
    try:
        return msisdn(text)
    except NumberError:
        return ""


def _twelve_signs(text: str) -> str:
    rio = text.upper()
    return rio if len(rio) == 12 and all(sign in ALPHABET for sign in rio) and re.search("[A-Z]", rio) else ""


def _is_mobile(rio: str, number: str) -> bool:
    if number:
        return number.startswith(("06", "07"))
    return rio[:2].isdigit() and rio[2] in "PE"


def _fault_of_form(rio: str, number: str) -> Fault | None:
    if len(rio) != 12:
        return "length"
    if any(sign not in ALPHABET for sign in rio):
        return "signs"
    if "+" in rio[:3]:
        return "operator" if "+" in rio[:2] else "quality"
    if number.startswith(("06", "07")):
        if not rio[:2].isdigit():
            return "operator"
        if rio[2] not in "PE":
            return "quality"
    # A fixed line has the operator's own letter; without the number, it can be either.
    elif not "F" <= rio[2] <= "Z" and (number or not (rio[:2].isdigit() and rio[2] == "E")):
        return "quality"
    if "+" in rio[3:9]:
        return "reference"
    return None


def _correction(rio: str, number: str) -> str:
    """The same RIO with the fewest exchanges of O and 0 that make its form and key right, or nothing.

    What an exchange adds to the key does not depend on the others. So the sums over one half of the doubtful signs are
    looked up among those over the other: twelve zeros have 4,095 choices, and may stand in each row of a list.
    """
    if len(rio) != 12 or not number or any(sign not in ALPHABET for sign in rio):
        return ""
    doubtful = [place for place, sign in enumerate(rio) if sign in "O0"]
    gaps = tuple(
        (ALPHABET.index(right) - ALPHABET.index(written)) % 37
        for right, written in zip(key(rio[:9], number), rio[9:], strict=True)
    )
    last = 8 + len(number)
    changes = {}
    for place in doubtful:
        change = (ALPHABET.index("0") - ALPHABET.index("O")) * (1 if rio[place] == "O" else -1)
        changes[place] = (
            (change, change * pow(2, last - place, 37), change * pow(4, last - place, 37))
            if place < 9
            else tuple(-change * (sign == place) for sign in (9, 10, 11))
        )
    half = len(doubtful) // 2
    closing: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for places, gap in _sums(doubtful[half:], changes, (0, 0, 0)):
        closing.setdefault(gap, []).append(places)
    fitting = [
        first + then
        for first, gap in _sums(doubtful[:half], changes, gaps)
        for then in closing.get(tuple(-each % 37 for each in gap), [])
        if first or then
    ]
    for places in sorted(fitting, key=lambda places: (len(places), places)):
        other = "".join({"O": "0", "0": "O"}[sign] if place in places else sign for place, sign in enumerate(rio))
        if _fault_of_form(other, number) is None:
            return other
    return ""


def _sums(
    places: list[int], changes: dict[int, tuple[int, ...]], start: tuple[int, ...]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Each choice of some places, none and all included, and what they add up to from `start`."""
    sums: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((), start)]
    for place in places:
        change = changes[place]
        sums += [
            ((*chosen, place), tuple((one + other) % 37 for one, other in zip(total, change, strict=True)))
            for chosen, total in sums
        ]
    return sums

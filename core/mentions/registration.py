"""SIRET, VAT number and SIREN in a banner's text: what their keys tell right, and what looks like them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum.exceptions import ValidationError
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret
from stdnum.fr import tva as stdnum_tva

from core.mentions.text import LIKE_DIGITS, digits_of

_LIKE = "[0-9OoQDIil|SsB]"
_GAP = r"[ .,·\-]{0,2}"
_WIDE_GAP = r"[ .,·\-\n]{0,3}"  # a number of which reading made two lines

#: How many of a SIRET's 14 signs are digits as they stand.
_LEAST = 9


@dataclass(frozen=True)
class Number:
    """`value`: canonical, or as many digits as there are; "" when nothing was found. `right`: by its key.

    `span`: where it stands. `bare`: a VAT number without its FR.
    """

    value: str = ""
    right: bool = False
    span: tuple[int, int] = (0, 0)
    bare: bool = False


def find_siret(text: str) -> Number:
    """One whose keys are right (La Poste's exception included); else what has the look of one."""
    for before, sign, gap, after in (
        ("(?<![0-9])", "[0-9]", _GAP, "(?![0-9])"),
        ("(?<![0-9A-Za-z])", _LIKE, _GAP, "(?![0-9A-Za-z])"),
        ("(?<![0-9])", "[0-9]", _WIDE_GAP, "(?![0-9])"),
        ("(?<=SIRET: )", _LIKE, _GAP, "(?=[1I](?![0-9]))"),  # a bar behind it, read as a digit
    ):
        for found, digits in _runs(f"{before}(?=({sign}(?:{gap}{sign}){{13}}){after})", text):
            if siret_is_right(digits):
                return Number(digits, True, found.span(1))
    for found, digits in _runs(rf"(?<![0-9])(?=([0-9](?:{_GAP}[0-9]){{13}})(?![0-9]))", text):
        grouped = re.fullmatch(r"[0-9]{14}|[0-9]{3}\W*[0-9]{3}\W*[0-9]{3}\W+[0-9]{5}", found[1])
        if grouped or text[: found.start()].endswith("SIRET: "):
            return Number(digits, False, found.span(1))
    if labelled := re.search(rf"SIRET: ([0-9](?:{_GAP}[0-9]){{10,15}})(?![0-9])", text):
        return Number(digits_of(labelled[1]), False, labelled.span(1))
    return Number()


def find_vat(text: str) -> Number:
    """A French one whose keys are right; else what has the look of one."""
    wrong = Number()
    for sign, gap in (("[0-9]", _GAP), (_LIKE, _GAP), ("[0-9]", _WIDE_GAP)):
        for found in re.finditer(
            rf"(?=(F ?R[ .:\-]{{0,2}}((?:[0-9A-Za-z|]{gap}){{2}}{sign}(?:{gap}{sign}){{8}})))", text
        ):
            raw = re.sub(r"[^0-9A-Za-z|]", "", found[2])
            siren = raw[2:].translate(LIKE_DIGITS)
            # A key can hold letters: as it stands first.
            for key in (raw[:2].upper(), raw[:2].translate(LIKE_DIGITS)):
                if _valid(stdnum_tva.validate, f"FR{key}{siren}"):
                    return Number(f"FR{key}{siren}", True, found.span(1))
            if raw.isdigit() and not wrong.value and not text[found.end(1) : found.end(1) + 1].isdigit():
                wrong = Number(f"FR{raw}", False, found.span(1))
    if wrong.value:
        return wrong
    for found in re.finditer(rf"TVA: [^0-9\n]{{0,25}}([0-9](?:{_GAP}[0-9]){{10}})(?![0-9])", text):
        value = f"FR{digits_of(found[1])}"
        return Number(value, _valid(stdnum_tva.validate, value), found.span(1), bare=True)
    if labelled := re.search(rf"(?<![A-Za-z])FR ?([0-9](?:{_GAP}[0-9]){{8,12}})(?![0-9])", text):
        return Number(f"FR{digits_of(labelled[1])}", False, labelled.span())
    return Number()


def find_siren(text: str) -> str:
    """The nine digits of a company, in a text without its SIRET and VAT number; "" without them."""
    for found in re.finditer(rf"(?<![0-9])([0-9](?:{_GAP}[0-9]){{8}})(?![0-9])", text):
        labelled = re.search(r"(?:SIRET|SIREN|RCS): [^0-9\n]{0,40}$", text[: found.start()])
        if labelled or _valid(stdnum_siren.validate, digits_of(found[1])):
            return digits_of(found[1])
    return ""


def siret_is_right(value: str) -> bool:
    return _valid(stdnum_siret.validate, value)


def _runs(pattern: str, text: str) -> Iterator[tuple[re.Match[str], str]]:
    for found in re.finditer(pattern, text):
        if len(digits_of(found[1])) >= _LEAST:
            yield found, digits_of(found[1].translate(LIKE_DIGITS))


def _valid(check: Callable[[str], str], value: str) -> bool:
    try:
        check(value)
    except ValidationError:
        return False
    return True

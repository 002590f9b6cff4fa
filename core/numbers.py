"""Phone numbers, SIM serial numbers, and how they are written (domain: section 5, "Other identifiers").

The canonical MSISDN is the national number with its leading 0: 10 digits, or 14 for machine-to-machine.
No numbering plan is consulted: a number that stands in the operator's own file is never refused for its range.
"""

import re

#: +33, and the overseas departments' own codes, which all precede the same nine national digits.
COUNTRY_CODES = ("33", "590", "594", "596", "262")

_SEPARATORS = re.compile(r"[\s.\-_/()\u00a0\u202f\u2007'\u2019]")
_SPREADSHEET = re.compile(r"^\d+([.,]\d+)?E\+?\d+$", re.IGNORECASE)
_DECIMAL_PART = re.compile(r"^([1-9]\d{8}|33\d{9})[.,]0$")  # a spreadsheet's too: 612345678.0
_ATTACHED_ZERO = re.compile(r"^((?:\+|00)\d{2,3}\s*)\(0\)")


class NumberError(ValueError):
    """A text that is no phone number or no ICCID; the message says why, in French."""


def msisdn(text: str) -> str:
    """The canonical form of a French number in any usual writing.

    :raises NumberError: not a number, or one that a spreadsheet destroyed (`3,36123E+10`).
    """
    written = text.strip()
    if _SPREADSHEET.match(written):
        raise NumberError(f"numéro abîmé par un tableur : « {written} » (des chiffres sont perdus)")
    digits = _SEPARATORS.sub("", _ATTACHED_ZERO.sub(r"\1", _DECIMAL_PART.sub(r"\1", written)))
    international = digits.startswith(("+", "00"))
    digits = digits.removeprefix("+").removeprefix("00") if international else digits
    if not digits.isascii() or not digits.isdigit():
        raise NumberError(f"« {written} » n'est pas un numéro de téléphone")
    for code in COUNTRY_CODES:
        national = digits.removeprefix(code)
        if national != digits and (len(national) == 9 or (code == "33" and _is_m2m(national))):
            return "0" + national
        # "+33 06…": the national 0 was left behind the country code.
        if national != digits and len(national) == 10 and national.startswith("0"):
            return national
    if not international:
        if (len(digits) == 10 or (len(digits) == 14 and digits.startswith("07"))) and digits.startswith("0"):
            return digits
        if (len(digits) == 9 or _is_m2m(digits)) and not digits.startswith("0"):
            return "0" + digits
    raise NumberError(
        f"« {written} » n'est pas un numéro français (10 chiffres, ou 14 pour une ligne machine à machine)"
    )


def _is_m2m(national: str) -> bool:
    return len(national) == 13 and national.startswith("70")


def show(number: str) -> str:
    """The number in French groups: `06 39 98 00 01`."""
    if len(number) in (10, 14) and number.isdigit():
        return " ".join(number[i : i + 2] for i in range(0, len(number), 2))
    return number


def called(text: str) -> str:
    """A called number as stored: canonical when French, else its digits (short codes, foreign numbers)."""
    try:
        return msisdn(text)
    except NumberError:
        written = text.strip()
        return written if any(sign.isalpha() for sign in written) else _SEPARATORS.sub("", written)


def mask(number: str) -> str:
    """The number with its last four digits hidden (order of 31/12/2013, CNIL norm NS-47).

    Numbers of four digits or fewer are short codes (3179), not persons, and stay as they are.
    """
    digits = [i for i, sign in enumerate(number) if sign.isdigit()]
    if len(digits) <= 4:
        return number
    hidden = set(digits[-4:])
    return show_masked("".join("X" if i in hidden else sign for i, sign in enumerate(number)))


def show_masked(number: str) -> str:
    return " ".join(number[i : i + 2] for i in range(0, len(number), 2)) if len(number) == 10 else number


def iccid(text: str) -> str:
    """A SIM serial number: 18 to 20 digits beginning with 89 (factory files can lack the check digit).

    :raises NumberError: other signs, another length, or a number that a spreadsheet destroyed.
    """
    written = text.strip()
    if _SPREADSHEET.match(written):
        raise NumberError(f"ICCID abîmé par un tableur : « {written} » (des chiffres sont perdus)")
    digits = _SEPARATORS.sub("", written).removesuffix("F").removesuffix("f")
    if not (digits.isascii() and digits.isdigit() and 18 <= len(digits) <= 20 and digits.startswith("89")):
        raise NumberError(f"« {written} » n'est pas un ICCID (19 ou 20 chiffres qui commencent par 89)")
    return digits


def luhn_is_right(digits: str) -> bool:
    """Whether the last digit is the Luhn key of the others."""
    total = 0
    for place, sign in enumerate(reversed(digits)):
        value = int(sign) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0

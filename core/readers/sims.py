"""Cartes SIM: one listing for each order, with PIN and PUK codes. The codes are text: a leading 0 is part of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

from core import numbers
from core.layouts import Layouts
from core.readers import Reject
from core.readers.columns import each, first_fault
from core.readers.sheet import read_sheet


@dataclass
class SimListing:
    """`rows`: iccid, imsi, msisdn, pin, puk, pin2, puk2, all texts."""

    rows: list[dict[str, str]]
    rejects: list[Reject]


def read_sims(content: bytes, layouts: Layouts) -> SimListing:
    """:raises Waiting: no column for the ICCID or the PUK."""
    sheet = read_sheet(content, layouts)
    sheet.require("iccid", "puk")
    typed = {
        "iccid": each(sheet.texts("iccid"), numbers.iccid, blank=""),
        "msisdn": each(sheet.texts("msisdn"), numbers.msisdn, blank=""),
        "pin": each(sheet.texts("pin"), _digits(4, "PIN"), blank=""),
        "puk": each(sheet.texts("puk"), _digits(8, "PUK"), blank=""),
        "pin2": each(sheet.texts("pin2"), _digits(4, "PIN2"), blank=""),
        "puk2": each(sheet.texts("puk2"), _digits(8, "PUK2"), blank=""),
    }
    no_card = ["" if text else "ICCID absent" for text in sheet.texts("iccid")]
    good = sheet.set_aside(first_fault(no_card, *(column.faults for column in typed.values())))
    columns = {name: column.values for name, column in typed.items()} | {"imsi": sheet.texts("imsi")}
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return SimListing(list(compress(rows, good)), sheet.rejects)


def _digits(count: int, what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        # The code itself stays out of the reason: reasons are shown and mailed.
        if not re.fullmatch(rf"\d{{{count}}}", text):
            lost = " (un zéro de tête a pu être perdu par un tableur)" if text.isdigit() else ""
            raise ValueError(f"le code {what} n'a pas {count} chiffres{lost}")
        return text

    return parse

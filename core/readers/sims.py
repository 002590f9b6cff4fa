"""Cartes SIM: one listing for each order, with PIN and PUK codes. The codes are text: a leading 0 is part of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

from core import numbers
from core.layouts import Layouts
from core.readers import Reject
from core.readers.columns import each, first_faults
from core.readers.sheet import read_sheet


@dataclass
class SimListing:
    """`rows`: iccid, imsi, msisdn, pin, puk, pin2, puk2, all texts."""

    rows: list[dict[str, str]]
    rejects: list[Reject]


def read_sims(content: bytes, layouts: Layouts) -> SimListing:
    """:raises Waiting: no column for the ICCID or the PUK."""
    sheet = read_sheet(content, layouts, "Cartes SIM")
    sheet.require("iccid", "puk")
    rows = sheet.whole()
    parsers = {
        "iccid": numbers.iccid,
        "msisdn": numbers.msisdn,
        "pin": _digits(4, "PIN"),
        "puk": _digits(8, "PUK"),
        "pin2": _digits(4, "PIN2"),
        "puk2": _digits(8, "PUK2"),
    }
    typed = {name: each(rows.cells(name), parse, blank="", dtype=object) for name, parse in parsers.items()}
    no_card = {
        row: "ICCID absent" for row, text in enumerate(rows.texts("iccid")) if not text and any(rows.record(row))
    }
    faults = first_faults(no_card, *(column.faults for column in typed.values()))
    good = rows.set_aside(faults)
    good &= typed["iccid"].values != ""  # a blank row
    columns = {name: column.values.tolist() for name, column in typed.items()} | {"imsi": rows.texts("imsi")}
    found = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return SimListing(list(compress(found, good.tolist())), sheet.rejects)


def _digits(count: int, what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        # The code itself stays out of the reason: reasons are shown and mailed.
        if not re.fullmatch(rf"\d{{{count}}}", text):
            lost = " (un zéro de tête a pu être perdu par un tableur)" if text.isdigit() else ""
            raise ValueError(f"le code {what} n'a pas {count} chiffres{lost}")
        return text

    return parse

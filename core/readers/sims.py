"""Cartes SIM: one listing for each order, with PIN and PUK codes. The codes are text: a leading 0 is part of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from core import numbers
from core.layouts import Layouts
from core.readers import Reject
from core.readers.columns import each
from core.readers.sheet import read_sheet


@dataclass
class SimListing:
    """`rows`: iccid, imsi, msisdn, pin, puk, pin2, puk2, all texts."""

    rows: pd.DataFrame
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
    faults = pd.Series("", index=sheet.cells.index, dtype="object")
    for column in typed.values():
        faults = faults.where(faults != "", column.faults)
    faults = faults.where((faults != "") | (typed["iccid"].values != ""), "ICCID absent")
    bad = faults.index[faults != ""]
    sheet.set_aside(list(bad), list(faults[bad]))
    rows = pd.DataFrame({name: column.values.drop(bad) for name, column in typed.items()})
    rows["imsi"] = sheet.texts("imsi")
    return SimListing(rows, sheet.rejects)


def _digits(count: int, what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        # The code itself stays out of the reason: reasons are shown and mailed.
        if not re.fullmatch(rf"\d{{{count}}}", text):
            lost = " (un zéro de tête a pu être perdu par un tableur)" if text.isdigit() else ""
            raise ValueError(f"le code {what} n'a pas {count} chiffres{lost}")
        return text

    return parse

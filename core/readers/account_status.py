"""AccountStatus: every hour, the list and state of the clients' SIM cards."""

from dataclasses import dataclass
from itertools import compress

from core import numbers
from core.layouts import Layouts
from core.readers import Reject
from core.readers.columns import each, first_fault
from core.readers.sheet import read_sheet

#: When a file names a line several times, the row nearest to a working line is its state.
_NEAREST = ("active", "suspended", "suspended_by_operator", "reserved", "stock", "unknown", "terminated")


Row = dict[str, str]


@dataclass
class AccountStatus:
    """`lines`: rows with a number; `sims`: rows that only name a card. Both hold texts and a `status`."""

    lines: list[Row]
    sims: list[Row]
    rejects: list[Reject]


def read_account_status(content: bytes, layouts: Layouts) -> AccountStatus:
    """:raises Waiting: no column for the line and the card, or none for the status."""
    sheet = read_sheet(content, layouts)
    if "iccid" not in sheet.columns:
        sheet.require("msisdn")
    sheet.require("status")
    msisdn = each(sheet.texts("msisdn"), numbers.msisdn, blank="")
    iccid = each(sheet.texts("iccid"), numbers.iccid, blank="")
    words = sheet.texts("status")
    nobody = [
        "" if any(ids) else "ni numéro de ligne ni ICCID"
        for ids in zip(sheet.texts("msisdn"), sheet.texts("iccid"), strict=True)
    ]
    silent = ["" if word else "statut absent" for word in words]
    faults = first_fault(msisdn.faults, iccid.faults, nobody, silent)
    columns = {
        "msisdn": msisdn.values,
        "iccid": iccid.values,
        "imsi": sheet.texts("imsi"),
        "client": sheet.texts("client"),
        "status": each(words, layouts.status).values,
        "word": words,
        "plan": sheet.texts("plan"),
        "activated_on": sheet.texts("activation"),
        "rio": sheet.texts("rio"),
    }
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    _keep_one_each(rows, faults)
    good = list(compress(rows, sheet.set_aside(faults)))
    return AccountStatus(
        [row for row in good if row["msisdn"]], [row for row in good if not row["msisdn"]], sheet.rejects
    )


def _keep_one_each(rows: list[Row], faults: list[str]) -> None:
    nearest: dict[str, int] = {}
    for place, row in enumerate(rows):
        if faults[place] or not row["msisdn"]:
            continue
        other = nearest.setdefault(row["msisdn"], place)
        if other == place:
            continue
        kept, left = sorted((other, place), key=lambda it: _NEAREST.index(rows[it]["status"]))
        nearest[row["msisdn"]] = kept
        faults[left] = "ligne présente plusieurs fois dans le fichier ; une autre rangée donne son état"

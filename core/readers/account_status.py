"""AccountStatus: every hour, the list and state of the clients' SIM cards."""

from dataclasses import dataclass
from itertools import compress

from core import numbers
from core.layouts import Layouts
from core.readers import Reject
from core.readers.columns import each, first_faults
from core.readers.sheet import read_sheet

#: When a file names a line several times, the row nearest to a working line is its state.
_NEAREST = ("active", "suspended", "suspended_by_operator", "reserved", "stock", "unknown", "terminated")
REPEATED = "ligne présente plusieurs fois dans le fichier ; une autre rangée donne son état"

#: The columns that are read, in the layouts' words; nothing else of a row means anything here.
FIELDS = ("msisdn", "iccid", "imsi", "client", "status", "plan", "options", "activation", "rio")


Row = dict[str, str]


@dataclass
class AccountStatus:
    """`lines`: rows with a number; `sims`: rows that only name a card. Both hold texts and a `status`.

    A row has `options` when the file has such a column: an empty cell says that the line has none.
    """

    lines: list[Row]
    sims: list[Row]
    rejects: list[Reject]


def read_account_status(content: bytes, layouts: Layouts) -> AccountStatus:
    """:raises Waiting: no column for the line and the card, or none for the status."""
    sheet = read_sheet(content, layouts, "AccountStatus")
    if "iccid" not in sheet.columns:
        sheet.require("msisdn")
    sheet.require("status")
    cells = sheet.whole()
    msisdn = each(cells.cells("msisdn"), numbers.msisdn, blank="", dtype=object)
    iccid = each(cells.cells("iccid"), numbers.iccid, blank="", dtype=object)
    words = cells.texts("status")
    nobody: dict[int, str] = {}
    blank: set[int] = set()
    for row, ids in enumerate(zip(cells.texts("msisdn"), cells.texts("iccid"), strict=True)):
        if not any(ids):
            if any(cells.record(row)):
                nobody[row] = "ni numéro de ligne ni ICCID"
            else:
                blank.add(row)
    silent = {row: "statut absent" for row, word in enumerate(words) if not word and row not in blank}
    faults = first_faults(msisdn.faults, iccid.faults, nobody, silent)
    columns = {
        "msisdn": msisdn.values.tolist(),
        "iccid": iccid.values.tolist(),
        "imsi": cells.texts("imsi"),
        "client": cells.texts("client"),
        "status": each(cells.cells("status"), layouts.status, blank="unknown", dtype=object).values.tolist(),
        "word": words,
        "plan": cells.texts("plan"),
        "activated_on": cells.texts("activation"),
        "rio": cells.texts("rio"),
    }
    if "options" in sheet.columns:
        columns["options"] = cells.texts("options")
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    _keep_one_each(rows, faults)
    good = list(compress(rows, cells.set_aside(faults).tolist()))
    return AccountStatus(
        [row for row in good if row["msisdn"]],
        [row for row in good if not row["msisdn"] and row["iccid"]],
        sheet.rejects,
    )


def _keep_one_each(rows: list[Row], faults: dict[int, str]) -> None:
    nearest: dict[str, int] = {}
    for place, row in enumerate(rows):
        if place in faults or not row["msisdn"]:
            continue
        other = nearest.setdefault(row["msisdn"], place)
        if other == place:
            continue
        kept, left = sorted((other, place), key=lambda it: _NEAREST.index(rows[it]["status"]))
        nearest[row["msisdn"]] = kept
        faults[left] = REPEATED

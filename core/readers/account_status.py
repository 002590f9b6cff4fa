"""AccountStatus: every hour, the list and state of the clients' SIM cards."""

from dataclasses import dataclass

import pandas as pd

from core import numbers
from core.layouts import Layouts
from core.readers import Reject
from core.readers.columns import each
from core.readers.sheet import read_sheet

#: When a file names a line several times, the row nearest to a working line is its state.
_NEAREST = ("active", "suspended", "suspended_by_operator", "reserved", "stock", "unknown", "terminated")


@dataclass
class AccountStatus:
    """`lines`: rows with a number; `sims`: rows that only name a card. Both hold texts and a `status`."""

    lines: pd.DataFrame
    sims: pd.DataFrame
    rejects: list[Reject]


def read_account_status(content: bytes, layouts: Layouts) -> AccountStatus:
    """:raises Waiting: no column for the line and the card, or none for the status."""
    sheet = read_sheet(content, layouts)
    if "iccid" not in sheet.columns:
        sheet.require("msisdn")
    sheet.require("status")
    msisdn = each(sheet.texts("msisdn"), numbers.msisdn, blank="")
    iccid = each(sheet.texts("iccid"), numbers.iccid, blank="")
    faults = msisdn.faults.where(msisdn.faults != "", iccid.faults)
    empty = (sheet.texts("msisdn") == "") & (sheet.texts("iccid") == "")
    faults = faults.where((faults != "") | ~empty, "ni numéro de ligne ni ICCID")
    words = sheet.texts("status")
    faults = faults.where((faults != "") | (words != ""), "statut absent")
    rows = pd.DataFrame(
        {
            "msisdn": msisdn.values,
            "iccid": iccid.values,
            "imsi": sheet.texts("imsi"),
            "client": sheet.texts("client"),
            "status": each(words, layouts.status, blank="unknown").values,
            "word": words,
            "plan": sheet.texts("plan"),
            "activated_on": sheet.texts("activation"),
            "rio": sheet.texts("rio"),
        }
    )
    good = rows[faults == ""]
    numbered = good[good["msisdn"] != ""]
    order = numbered["status"].map({status: place for place, status in enumerate(_NEAREST)})
    numbered = numbered.loc[order.sort_values(kind="stable").index]
    twice = numbered.index[numbered["msisdn"].duplicated()]
    faults[twice] = "ligne présente plusieurs fois dans le fichier ; une autre rangée donne son état"
    bad = faults.index[faults != ""]
    sheet.set_aside(list(bad), list(faults[bad]))
    lines = numbered.drop(index=twice).sort_index()
    return AccountStatus(lines, good[good["msisdn"] == ""], sheet.rejects)

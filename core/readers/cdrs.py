"""RatedCDRs and BilledCDRs: the detail of voice, SMS and data."""

import hashlib
from dataclasses import dataclass, field

import pandas as pd

from core import numbers
from core.layouts import Layouts
from core.readers import Reject, Waiting
from core.readers.columns import Column, amounts, durations, each, instants, volumes
from core.readers.sheet import Sheet, read_sheet

#: Fields of `cdrs.rows`, in the order of the table `cdrs` (client is a name, "" when the row has none).
FIELDS = (
    "month",
    "msisdn",
    "start",
    "id",
    "kind",
    "called",
    "seconds",
    "bytes",
    "amount",
    "out_of_bundle",
    "zone",
    "client",
)


@dataclass
class Cdrs:
    """Typed CDRs. `unknown_types`: words of the type column that no list has (their kind is "other")."""

    rows: pd.DataFrame
    rejects: list[Reject]
    unknown_types: list[str] = field(default_factory=list)


def read_cdrs(content: bytes, layouts: Layouts) -> Cdrs:
    """:raises Waiting: a column or a unit is missing."""
    sheet = read_sheet(content, layouts)
    line = "caller" if "caller" in sheet.columns else "msisdn"
    if line not in sheet.columns:
        sheet.require("msisdn")
    sheet.require("start", "type")
    if "duration" not in sheet.columns and "volume" not in sheet.columns and "quantity" not in sheet.columns:
        sheet.require("duration", "volume")
    starts = sheet.texts("start")
    if "time" in sheet.columns:
        starts = starts + " " + sheet.texts("time")
    seconds, octets = _quantities(sheet, layouts)
    typed = {
        "msisdn": each(sheet.texts(line), numbers.msisdn, blank=""),
        "start": instants(starts, sheet.unit("start")),
        "seconds": seconds,
        "bytes": octets,
        "amount": amounts(sheet.texts("amount")),
        "out_of_bundle": _out_of_bundle(sheet, layouts),
    }
    faults = pd.Series("", index=sheet.cells.index, dtype="object")
    for column in typed.values():
        faults = faults.where(faults != "", column.faults)
    faults = faults.where(
        (faults != "") | (sheet.texts(line) != ""), "aucun numéro de ligne (ligne de compte ou de total)"
    )
    bad = faults.index[faults != ""]
    sheet.set_aside(list(bad), list(faults[bad]))
    rows = pd.DataFrame({name: column.values.drop(bad) for name, column in typed.items()})
    types = sheet.texts("type")
    kinds = each(types, layouts.kind, blank="other").values
    rows["kind"] = kinds
    rows["called"] = each(sheet.texts("called"), numbers.called, blank="").values
    rows["zone"] = sheet.texts("zone")
    rows["client"] = sheet.texts("client")
    rows["month"] = _months(rows["start"])
    rows["id"] = _identities(rows)
    unknown = sorted(set(types[kinds == "other"]))
    return Cdrs(rows[list(FIELDS)], sheet.rejects, [word or "(vide)" for word in unknown])


def _quantities(sheet: Sheet, layouts: Layouts) -> tuple[Column, Column]:
    """Seconds and bytes, from their own columns or from a quantity whose unit stands beside it."""
    seconds = durations(sheet.texts("duration"), sheet.unit("duration"), layouts)
    octets = volumes(sheet.texts("volume"), sheet.unit("volume"), layouts)
    if "quantity" not in sheet.columns or {"duration", "volume"} & sheet.columns.keys():
        return seconds, octets
    if "unit" not in sheet.columns:
        raise Waiting("la colonne « quantité » n'a pas de colonne « unité » à côté d'elle")
    quantity, units = sheet.texts("quantity"), sheet.texts("unit")
    for word in sorted(set(units)):
        those = units.index[units == word]
        for name, column in (("duration", seconds), ("volume", octets)):
            if word and layouts.factor(name, word) is not None:
                parse = durations if name == "duration" else volumes
                read = parse(quantity[those], word, layouts)
                column.values[those] = read.values
                column.faults[those] = read.faults
    return seconds, octets


def _out_of_bundle(sheet: Sheet, layouts: Layouts) -> Column:
    """1, 0, or -1 when the file does not say."""
    name, yes, no = ("out_of_bundle", 1, 0) if "out_of_bundle" in sheet.columns else ("in_bundle", 0, 1)

    def parse(word: str) -> int:
        said = layouts.yes(word)
        if said is None:
            raise ValueError(f"ni oui ni non : « {word} »")
        return yes if said else no

    return each(sheet.texts(name), parse, blank=-1)


def _months(starts: "pd.Series[int]") -> "pd.Series[int]":
    local = pd.to_datetime(starts.astype("int64"), unit="s", utc=True).dt.tz_convert("Europe/Paris")
    return local.dt.year * 100 + local.dt.month


def _identities(rows: pd.DataFrame) -> "pd.Series[int]":
    """A 63-bit identity of what the primary key does not hold, and of the rank among identical rows."""
    content = ["kind", "called", "seconds", "bytes", "amount", "out_of_bundle", "zone"]
    everything = ["msisdn", "start", *content]
    rank = rows.groupby(everything, dropna=False, sort=False).cumcount()
    texts = zip(*(rows[name] for name in content), rank, strict=True)
    return pd.Series(
        [int.from_bytes(hashlib.blake2b(repr(cells).encode(), digest_size=8).digest(), "big") >> 1 for cells in texts],
        index=rows.index,
        dtype="int64",
    )

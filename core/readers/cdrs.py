"""RatedCDRs and BilledCDRs: the detail of voice, SMS and data."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import compress
from typing import Any

from core import numbers
from core.folders import PARIS
from core.layouts import Layouts
from core.readers import Reject, Waiting
from core.readers.columns import Column, amounts, durations, each, first_fault, instants, volumes
from core.readers.sheet import Sheet, read_sheet

#: The cells of a row, in their order (client is a name, "" when the row has none).
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
    """Typed CDRs, see `FIELDS`. `unknown_types`: words of the type column that no list has (their kind is "other")."""

    rows: list[tuple[Any, ...]]
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
        starts = [f"{day} {time}".strip() for day, time in zip(starts, sheet.texts("time"), strict=True)]
    typed = {
        "msisdn": each(sheet.texts(line), numbers.msisdn, blank=""),
        "start": instants(starts, sheet.unit("start")),
        "seconds": _quantity(sheet, "duration", layouts),
        "bytes": _quantity(sheet, "volume", layouts),
        "amount": amounts(sheet.texts("amount")),
        "out_of_bundle": _out_of_bundle(sheet, layouts),
    }
    types = sheet.texts("type")
    typed["kind"] = each(types, layouts.kind, blank="other")
    typed["called"] = each(sheet.texts("called"), numbers.called, blank="")
    # A row of an account or of a grand total lacks more than its line: the line says best what it is.
    no_line = ["" if text else "aucun numéro de ligne (ligne de compte ou de total)" for text in sheet.texts(line)]
    good = sheet.set_aside(first_fault(no_line, *(column.faults for column in typed.values())))
    columns = {name: column.values for name, column in typed.items()}
    columns |= {"zone": sheet.texts("zone"), "client": sheet.texts("client")}
    columns = {name: list(compress(values, good)) for name, values in columns.items()}
    columns["month"] = [_month(start // 3600) for start in columns["start"]]
    columns["id"] = _identities(columns)
    unknown = {word for word, kind in zip(compress(types, good), columns["kind"], strict=True) if kind == "other"}
    rows = list(zip(*(columns[name] for name in FIELDS), strict=True))
    return Cdrs(rows, sheet.rejects, sorted(word or "(vide)" for word in unknown))


_PARSERS = {"duration": durations, "volume": volumes}


def _quantity(sheet: Sheet, name: str, layouts: Layouts) -> Column:
    """Seconds ("duration") or bytes ("volume"): from their own column, or where a unit column says that they are."""
    parse = _PARSERS[name]
    if "unit" not in sheet.columns or sheet.unit(name):
        if "quantity" in sheet.columns and not {"duration", "volume"} & sheet.columns.keys():
            raise Waiting("la colonne « quantité » n'a pas de colonne « unité » à côté d'elle")
        return parse(sheet.texts(name), sheet.unit(name), layouts)
    # One column, whatever its name, holds seconds on some rows and bytes on others.
    candidates = [name, "quantity", *_PARSERS]
    written = next((it for it in candidates if it in sheet.columns and not sheet.unit(it)), name)
    column = Column([], [])
    for text, unit in zip(sheet.texts(written), sheet.texts("unit"), strict=True):
        value, fault = 0, ""
        if text and layouts.factor(name, unit) is not None:
            read = parse([text], unit, layouts)
            value, fault = read.values[0], read.faults[0]
        elif text and not unit:
            fault = "" if text in ("0", "1") else "unité absente"  # one SMS needs none
        elif text and all(layouts.factor(other, unit) is None for other in _PARSERS) and not layouts.counts(unit):
            fault = f"unité inconnue : « {unit} »"
        column.values.append(value)
        column.faults.append(fault)
    return column


def _out_of_bundle(sheet: Sheet, layouts: Layouts) -> Column:
    """1, 0, or -1 when the file does not say."""
    name, yes, no = ("out_of_bundle", 1, 0) if "out_of_bundle" in sheet.columns else ("in_bundle", 0, 1)

    def parse(word: str) -> int:
        if (out := layouts.out_of_bundle(word)) is not None:
            return int(out)
        said = layouts.yes(word)
        if said is None:
            raise ValueError(f"ni oui ni non : « {word} »")
        return yes if said else no

    return each(sheet.texts(name), parse, blank=-1)


@lru_cache(maxsize=4096)
def _month(hour: int) -> int:
    """YYYYMM in Paris, where a month begins on a whole hour of UTC. `hour`: hours since 1970."""
    local = datetime.fromtimestamp(hour * 3600, PARIS)
    return local.year * 100 + local.month


def _identities(columns: dict[str, list[Any]]) -> list[int]:
    """A 63-bit identity of each row, and of its rank among identical rows of the file."""
    everything = ("msisdn", "start", "kind", "called", "seconds", "bytes", "amount", "out_of_bundle", "zone")
    ranks: dict[int, int] = {}
    identities = []
    for cells in zip(*(columns[name] for name in everything), strict=True):
        identity = _hash(cells)
        ranks[identity] = rank = ranks.get(identity, -1) + 1
        identities.append(_hash((identity, rank)) if rank else identity)
    return identities


def _hash(cells: tuple[object, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(repr(cells).encode(), digest_size=8).digest(), "big") >> 1

"""What can be exported: each table's columns, their units, and the query that gives them.

PIN, PUK and RIO are credentials and stand in no export; called numbers are shown without their last four digits
(order of 31/12/2013, CNIL norm NS-47).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from sqlite_utils import Database

from core.folders import PARIS
from core.kinds import KINDS
from core.numbers import mask
from core.reasons import without_values

#: How many rows are in memory at once.
CHUNK = 50_000

#: What a column holds, and as what it is kept from the query to the file.
Form = Literal["text", "whole", "euros", "moment", "day"]
TYPES: dict[Form, Any] = {
    "text": pa.string(),
    "whole": pa.int64(),
    "euros": pa.decimal128(18, 6),
    "moment": pa.timestamp("s", tz="UTC"),
    "day": pa.date32(),
}


@dataclass(frozen=True)
class Column:
    """`form` says what the query gives: a text, a number, millionths of a euro, UTC seconds, days since 1970.

    `convert`: what makes that of a value of the store, None where it is that already; "" is no text.
    """

    name: str
    meaning: str
    form: Form = "text"
    convert: Callable[[Any], Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Export:
    """`of_month`, `of_client`: whether it can be limited to one; `query` has the parameters of `Choice.values`."""

    name: str
    what: str
    columns: tuple[Column, ...]
    query: str
    of_month: bool = True
    of_client: bool = True


@dataclass(frozen=True)
class Choice:
    """What is wanted of it. `month`: YYYYMM, 0 for all; `client`: its id in the store, 0 for all; `source`: of totals,
    0 rated, 1 billed, -1 both."""

    month: int = 0
    client: int = 0
    source: int = -1

    @property
    def values(self) -> dict[str, int]:
        first, last = -(10**9), 10**9
        if self.month:
            year, month = divmod(self.month, 100)
            following = date(year + month // 12, month % 12 + 1, 1)
            first, last = days_since_1970(date(year, month, 1)), days_since_1970(following) - 1
        start = _midnight(first) if self.month else first
        end = _midnight(last + 1) - 1 if self.month else 10**12
        days = {"first": first, "last": last, "start": start, "end": end}
        return {"month": self.month, "client": self.client, "source": self.source, **days}


def days_since_1970(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


def _midnight(day: int) -> int:
    local = date.fromordinal(day + date(1970, 1, 1).toordinal())
    return int(datetime(local.year, local.month, local.day, tzinfo=PARIS).timestamp())


def _number(line: int) -> str:
    return f"0{line}" if line else ""


def _called(called: int | str | None) -> str:
    if isinstance(called, int):
        return _french(called // 10_000)
    return mask(called) if called else ""


@lru_cache(200_000)
def _french(beginning: int) -> str:
    """A French number without its last four digits; many have the same others."""
    return mask(f"0{beginning}0000")


def _kind(kind: int) -> str:
    return KINDS[kind]


def _out(value: int) -> str:
    return {1: "yes", 0: "no"}.get(value, "")


def _source(value: int) -> str:
    return "billed" if value else "rated"


def month_name(month: int) -> str:
    return f"{month // 100}-{month % 100:02}"


# A row that names no client is of its line's present one.
_CLIENTS = (
    "LEFT JOIN lines ON {of}.client_id = 0 AND lines.msisdn = '0' || {of}.line "
    "LEFT JOIN clients ON clients.id = iif({of}.client_id, {of}.client_id, lines.client_id) "
)
_OF_CLIENT = "(:client = 0 OR clients.id = :client)"
_OF_SOURCE = "(:source = -1 OR source = :source)"

_SUMS = (
    Column("count", "nombre de communications", "whole"),
    Column("duration_s", "durée, en secondes", "whole"),
    Column("volume_bytes", "volume, en octets", "whole"),
    Column("amount_eur", "montant hors taxes, en euros ; vide si les fichiers n'en donnent pas", "euros"),
)
_KIND = Column("kind", f"genre : {', '.join(KINDS)}", convert=_kind)
_OUT = Column("out_of_bundle", "hors forfait : yes, no, ou vide si le fichier ne le dit pas", convert=_out)
_NUMBER = Column("msisdn", "numéro de la ligne ; vide pour une rangée du compte", convert=_number)
_MONTH = Column("month", "mois, AAAA-MM", convert=month_name)
_SOURCE = Column("source", "rated (fichiers quotidiens) ou billed (facturation)", convert=_source)
_CLIENT = Column("client", "client nommé par la rangée, sinon client actuel de la ligne")
_NAMED_CLIENT = Column("client", "client nommé par les rangées ; vide si elles n'en nomment pas")
_DAY = Column("day", "jour à Paris", "day")
_TYPE = Column("type", "type, selon l'opérateur")
_ZONE = Column("zone", "destination, selon l'opérateur")

_CDR_COLUMNS = (
    _NUMBER,
    Column("start", "début, à l'heure de Paris", "moment"),
    _DAY,
    _KIND,
    _TYPE,
    Column("called", "numéro appelé, sans ses quatre derniers chiffres", convert=_called),
    *_SUMS[1:],
    _OUT,
    _ZONE,
    _CLIENT,
    Column("file", "premier fichier qui donne la rangée"),
)


def _cdr_query(source: int) -> str:
    return (
        "SELECT cdrs.line, start, day, kind, type, called, seconds, bytes, amount, out_of_bundle, zone, clients.name, "
        "files.path FROM cdrs CROSS JOIN natures ON natures.id = nature_id CROSS JOIN files ON files.id = cdrs.file_id "
        f"{_CLIENTS.format(of='cdrs')}"
        f"WHERE source = {source} AND day BETWEEN :first AND :last AND {_OF_CLIENT} "
        "ORDER BY day, cdrs.line, start, cdrs.id"
    )


# NOT INDEXED: in the order of the primary key nothing has to be sorted.
_USAGE = (
    "SELECT month, source, usage.line, clients.name, kind, out_of_bundle, count, seconds, bytes, amount "
    f"FROM usage_by_line AS usage NOT INDEXED {_CLIENTS.format(of='usage')}"
    f"WHERE (:month = 0 OR month = :month) AND {_OF_SOURCE} AND {_OF_CLIENT} "
    "ORDER BY source, month, usage.line, usage.client_id, kind, out_of_bundle"
)

EXPORTS = (
    Export(
        "lines",
        "les lignes, dans leur état actuel",
        (
            Column("msisdn", "numéro de la ligne"),
            Column("iccid", "sa carte SIM"),
            Column("imsi", "son IMSI"),
            Column("client", "son client"),
            Column("status", "stock, reserved, active, suspended, suspended_by_operator, terminated, unknown"),
            Column("operator_status", "le même, selon l'opérateur"),
            Column("plan", "forfait"),
            Column("options", "options, selon l'opérateur"),
            Column("activated_on", "mise en service, telle que l'opérateur l'écrit"),
            Column("since", "heure du premier état qui lui donne ce statut", "moment"),
            Column("gone_at", "heure du premier état qui ne la cite plus ; vide tant qu'elle est citée", "moment"),
            Column("file", "dernier fichier qui l'a changée"),
        ),
        "SELECT msisdn, iccid, imsi, clients.name, status, word, plan, options, activated_on, since, gone_at, "
        "files.path FROM lines CROSS JOIN files ON files.id = file_id LEFT JOIN clients ON clients.id = client_id "
        f"WHERE {_OF_CLIENT} ORDER BY msisdn",
        of_month=False,
    ),
    Export(
        "history",
        "ce qui a changé sur les lignes",
        (
            Column("msisdn", "numéro de la ligne"),
            Column("client", "son client actuel"),
            Column("at", "heure de l'état où cela s'est vu", "moment"),
            Column(
                "change",
                "new, activated, suspended, resumed, terminated, status, sim, client, plan, options, imsi, activation, "
                "rio, vanished, returned",
            ),
            Column("before", "avant, selon l'opérateur"),
            Column("after", "après, selon l'opérateur"),
            Column("file", "fichier où cela s'est vu"),
        ),
        "SELECT line_changes.msisdn, clients.name, at, change, iif(change = 'rio', '', before), "
        "iif(change = 'rio', '', after), files.path FROM line_changes "
        "CROSS JOIN files ON files.id = line_changes.file_id "
        "LEFT JOIN lines ON lines.msisdn = line_changes.msisdn LEFT JOIN clients ON clients.id = lines.client_id "
        f"WHERE at BETWEEN :start AND :end AND {_OF_CLIENT} ORDER BY at, line_changes.id",
    ),
    Export("cdrs", "les communications des fichiers quotidiens (RatedCDRs)", _CDR_COLUMNS, _cdr_query(0)),
    Export("billed", "les communications et frais de la facturation (BilledCDRs)", _CDR_COLUMNS, _cdr_query(1)),
    Export(
        "sims",
        "les cartes SIM, sans leurs codes",
        (
            Column("iccid", "numéro de la carte"),
            Column("imsi", "son IMSI"),
            Column("msisdn", "ligne pour laquelle elle a été livrée, s'il y en a une"),
            Column("status", "stock, reserved…, quand un état cite la carte"),
            Column("seen_at", "heure du dernier fichier qui la cite", "moment"),
            Column("file", "ce fichier"),
        ),
        # A card that was on several lines is one card.
        "SELECT sims.iccid, sims.imsi, sims.msisdn, sims.status, seen_at, files.path FROM sims "
        "CROSS JOIN files ON files.id = sims.file_id WHERE :client = 0 OR EXISTS "
        "(SELECT 1 FROM lines WHERE lines.iccid = sims.iccid AND lines.client_id = :client) ORDER BY sims.iccid",
        of_month=False,
    ),
    Export(
        "rejects",
        "les rangées mises de côté, sans leur contenu (origyne-bot rejects le montre)",
        (
            Column("file", "fichier"),
            Column("line", "ligne dans le fichier ; 1 est la première", "whole"),
            Column("reason", "raison ; les valeurs citées qui ont des chiffres sont cachées", convert=without_values),
        ),
        "SELECT path, line, rejects.reason FROM rejects JOIN files ON files.id = file_id "
        "WHERE :month = 0 OR :month BETWEEN coalesce(first_month, :month) AND coalesce(last_month, :month) "
        "ORDER BY path, line",
        of_client=False,
    ),
    Export(
        "usage",
        "les totaux par ligne et par mois",
        (_MONTH, _SOURCE, _NUMBER, _CLIENT, _KIND, _OUT, *_SUMS),
        _USAGE,
    ),
)

#: Totals that stand in the Parquet data set only. They are kept without lines, so that rows without client have none.
BY_DAY = Export(
    "usage_by_day",
    "les totaux par client et par jour",
    (_NAMED_CLIENT, _DAY, _KIND, _OUT, *_SUMS),
    "SELECT clients.name, day, kind, out_of_bundle, count, seconds, bytes, amount FROM usage_by_day AS usage "
    "LEFT JOIN clients ON clients.id = usage.client_id "
    f"WHERE day BETWEEN :first AND :last AND {_OF_SOURCE} ORDER BY source, client_id, day, kind, out_of_bundle",
)
BY_ZONE = Export(
    "usage_by_zone",
    "les totaux par client, destination et type",
    (_NAMED_CLIENT, _KIND, _OUT, _ZONE, _TYPE, *_SUMS),
    "SELECT clients.name, kind, out_of_bundle, zone, type, count, seconds, bytes, amount FROM usage_by_zone AS usage "
    "CROSS JOIN natures ON natures.id = nature_id LEFT JOIN clients ON clients.id = usage.client_id "
    f"WHERE (:month = 0 OR month = :month) AND {_OF_SOURCE} ORDER BY source, month, client_id, nature_id",
)


def export_named(name: str) -> Export:
    return next(export for export in EXPORTS if export.name == name)


def chunks(db: Database, export: Export, choice: Choice, size: int = CHUNK) -> Iterator[pa.RecordBatch]:
    """The rows, some at a time, never all of them in memory; columns are of `TYPES`, null where there is no value."""
    cursor = db.execute(export.query, choice.values)
    schema = schema_of(export.columns)
    while rows := cursor.fetchmany(size):
        by_column = zip(zip(*rows, strict=True), export.columns, strict=True)
        yield pa.RecordBatch.from_arrays([_array(values, column) for values, column in by_column], schema=schema)


def schema_of(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([(column.name, TYPES[column.form]) for column in columns])


def _array(values: tuple[Any, ...], column: Column) -> pa.Array:
    if convert := column.convert:
        values = tuple(convert(value) for value in values)
    if column.form == "text":
        return pa.array([value or None for value in values], pa.string())
    if column.form == "euros":
        # Millionths are the decimal's own digits: 64 bits, and the sign in 64 more.
        whole = pa.array(values, pa.int64())
        low = whole.fill_null(0).to_numpy()
        digits = pa.py_buffer(np.stack([low, low >> 63], axis=1).tobytes())
        return pa.Array.from_buffers(TYPES["euros"], len(whole), [whole.buffers()[0], digits], whole.null_count)
    return pa.array(values, TYPES[column.form])


def expected(db: Database, export: Export, choice: Choice) -> int | None:
    """How many rows communications have, from their totals; None where that is not known without counting."""
    if export.name not in ("cdrs", "billed") or choice.client:
        return None
    row = db.execute(
        "SELECT sum(count) FROM usage_by_line WHERE source = :source AND (:month = 0 OR month = :month)",
        {"source": int(export.name == "billed"), "month": choice.month},
    ).fetchone()
    return int(row[0] or 0)


_FORMS = """\
| dans | heure | jour | montant | sans valeur |
|---|---|---|---|---|
| CSV | ISO 8601 de Paris, avec décalage | AAAA-MM-JJ | six décimales exactes, avec un point | vide |
| JSON | de même | de même | le même, en texte | null |
| XLSX | date du tableur, à l'heure de Paris | date du tableur | nombre du tableur | vide |
| Parquet | timestamp UTC | date32 | decimal(18,6) | null |"""


def documentation() -> str:
    """The columns of each export and what they are in each format, as Markdown."""
    parts = []
    for export in (*EXPORTS, BY_DAY, BY_ZONE):
        columns = " ; ".join(f"`{column.name}` {column.meaning.replace(' ; ', ', ')}" for column in export.columns)
        only = "" if export in EXPORTS else " (Parquet seulement)"
        parts.append(f"- **{export.name}**{only}, {export.what} : {columns}.")
    return "\n".join([*parts, "", _FORMS])

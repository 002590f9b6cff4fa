"""Spreadsheets (XLSX) that people ask for; made in the workshop (`core.workshop`), and imported light elsewhere.

Each begins with a sheet "Résumé" that says of whom, of when and from which files it is. Texts are texts, whatever they
begin with; dates, durations and amounts are the spreadsheet's own. Called numbers lack their last four digits (order of
31/12/2013, CNIL norm NS-47); PIN, PUK and RIO stand nowhere.
"""

import io
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlite_utils import Database

from core import daily, store, usage
from core.clients import Client
from core.folders import MONTHS, PARIS
from core.kinds import KINDS
from core.lines import GONE
from core.numbers import mask, show
from core.usage import BILLED, RATED, Total
from core.words import CHANGE, KIND, STATUS

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: Rows of a sheet, its header not counted: more is no reading for people, and takes too long.
MOST_ROWS = 200_000

NBSP = "\u00a0"

#: What a column holds, in the store's units, and what the spreadsheet makes of it.
Form = Literal[
    "text",
    "whole",
    "euros",
    "tiny euros",
    "outside",
    "change",
    "duration",
    "volume",
    "second",
    "minute",
    "day",
    "month",
    "percent",
]

_EUROS = f'#,##0.00"{NBSP}€";[Red]-#,##0.00"{NBSP}€";"–"'
_FORMATS: dict[Form, str] = {
    "whole": '#,##0;[Red]-#,##0;"–"',
    "euros": _EUROS,
    # What one communication costs can be less than a cent.
    "tiny euros": f'#,##0.00##"{NBSP}€";[Red]-#,##0.00##"{NBSP}€";"–"',
    # Out of bundle: what is nothing, and what the files do not say, is left blank.
    "outside": f'#,##0.00"{NBSP}€";[Red]-#,##0.00"{NBSP}€";',
    "change": f'+#,##0.00"{NBSP}€";-#,##0.00"{NBSP}€";"–"',
    "duration": '[h]:mm:ss;-[h]:mm:ss;"–"',
    "volume": '#,##0.0;-#,##0.0;"–"',
    "second": "dd/mm/yyyy hh:mm:ss",
    "minute": "dd/mm/yyyy hh:mm",
    "day": "dd/mm/yyyy",
    "month": "[$-40C]mmmm yyyy",  # in French on any machine
    "percent": f'+0.0"{NBSP}%";-0.0"{NBSP}%";"–"',
}
_WIDTHS: dict[Form, int] = {
    "second": 19,
    "minute": 16,
    "day": 11,
    "month": 16,
    "euros": 12,
    "tiny euros": 12,
    "outside": 12,
}

#: A spreadsheet counts days from the end of 1899.
_EPOCH = 25_569
#: Signs that a cell can hold.
_CELL = 32_767

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_IN_BUNDLE = {1: "hors forfait", 0: "dans le forfait"}
_SOURCES = {RATED: "relevés quotidiens", BILLED: "facturation"}
_FOLDERS = {RATED: "rated_cdrs", BILLED: "billed_cdrs"}


@dataclass(frozen=True)
class _Column:
    title: str
    form: Form = "text"


@dataclass(frozen=True)
class _Table:
    """A small table of the first sheet. `total`: its last row, in bold."""

    title: str
    columns: tuple[_Column, ...]
    rows: Sequence[Sequence[Any]]
    total: Sequence[Any] = ()


_QUANTITIES = (
    _Column("Nombre", "whole"),
    _Column("Durée", "duration"),
    _Column("Data (Mo)", "volume"),
    _Column("Montant HT", "euros"),
    _Column("dont hors forfait", "outside"),
)
_BY_KIND = (
    _Column("Communications", "whole"),
    _Column("Voix", "duration"),
    _Column("SMS", "whole"),
    _Column("MMS", "whole"),
    _Column("Data (Mo)", "volume"),
    _Column("N° spéciaux", "duration"),
    _Column("Montant HT", "euros"),
    _Column("dont hors forfait", "outside"),
)


# -- What a client or a line consumed


def conso(data: Path, client_folded: str, msisdn: str, months: tuple[int, ...], first: int, last: int) -> bytes:
    """The consumption of a client or a line: by kind, line, day and destination.

    :param client_folded: the client's folded name, "" for a line; `msisdn`: "" for a client.
    :param months: YYYYMM, when the period is made of whole months; `first`, `last`: its days since 1970 in Paris.
    :raises LookupError: the store has no such client.
    """
    if months:
        first, last = daily.days_of(min(months))[0], daily.days_of(max(months))[1]
    with closing(_open(data)) as db:
        of: Client | str = msisdn or _client(db, client_folded)
        name = show(msisdn) if msisdn else _client(db, client_folded).name
        billed = daily.billed_months(db, first, last)
        total = daily.by_kind(db, of, first, last, billed)
        days = daily.by_day(db, of, first, last, billed)
        with _Book(f"{name}{NBSP}: consommation") as book:
            book.facts += [("Ligne" if msisdn else "Client", name)]
            if msisdn:
                book.facts += [("Client", _client_of(db, msisdn))]
            book.facts += _dated(db, first, last, billed)
            book.tables.append(_kinds(total))
            if len(daily.months_between(first, last)) > 1:
                book.tables.append(_months(db, of, first, last, billed))
            zones = _zones(daily.by_zone(db, of, first, last, billed))
            book.tables.append(_top_zones(zones))
            if isinstance(of, Client):
                by_line = daily.by_line(db, of, first, last, billed)
                head = (_Column("Ligne"), _Column("Statut"), _Column("Forfait"))
                book.sheet("Par ligne", (*head, *_BY_KIND), _lines_of(db, of, by_line))
            known = daily.known_days(db, first, last, billed)
            head = (_Column("Date", "day"), _Column("Jour"), _Column("Source"))
            every_day = sorted({*days, *range(known.first, known.last + 1)})
            book.sheet("Par jour", (*head, *_BY_KIND), (_day(day, days.get(day, []), billed) for day in every_day))
            book.sheet("Par destination", (_Column("Destination"), _Column("Genre"), *_QUANTITIES), zones)
            if sum(it.count for it in total) > sum(it.count for it in daily.merged(days.values())):
                book.notes.append(
                    "Le détail d'une partie de la période n'est plus conservé"
                    f"{NBSP}: les feuilles par jour et par destination sont incomplètes, les totaux sont entiers."
                )
            return book.finished()


def cdr(data: Path, msisdn: str, first: int, last: int) -> bytes:
    """Each communication of a line, called numbers without their last four digits.

    :param first, last: days since 1970 in Paris. A month whose billing came is taken from it, others from the daily
        files.
    """
    with closing(_open(data)) as db:
        billed = daily.billed_months(db, first, last)
        total = daily.by_kind(db, msisdn, first, last, billed)
        with _Book(f"{show(msisdn)}{NBSP}: détail des communications") as book:
            book.facts += [("Ligne", show(msisdn)), ("Client", _client_of(db, msisdn))]
            book.facts += _dated(db, first, last, billed)
            book.tables.append(_kinds(total))
            written = book.sheet(
                "Communications",
                (
                    _Column("Date et heure", "second"),
                    _Column("Type"),
                    _Column("Genre"),
                    _Column("Numéro appelé"),
                    _Column("Destination"),
                    _Column("Durée", "duration"),
                    _Column("Data (Mo)", "volume"),
                    _Column("Montant HT", "tiny euros"),
                    _Column("Forfait"),
                    _Column("Source"),
                ),
                _cdrs(db, msisdn, first, last, billed),
            )
            book.notes.append(
                "Les quatre derniers chiffres des numéros appelés sont cachés (arrêté du 31/12/2013, norme CNIL NS-47)."
            )
            if written < min(MOST_ROWS, sum(it.count for it in total)):
                book.notes.append(
                    "Le détail d'une partie de la période n'est plus conservé"
                    f"{NBSP}: seuls les totaux ci-dessus sont entiers."
                )
            return book.finished()


# -- What lines are


def line(data: Path, msisdn: str) -> bytes:
    """All that is known of a line: its state, what changed, what it consumed by month.

    :raises LookupError: the store has no such line.
    """
    with closing(_open(data)) as db:
        row = db.execute(
            "SELECT status, word, since, gone_at, coalesce(clients.name, ''), plan, options, iccid, imsi, activated_on "
            "FROM lines LEFT JOIN clients ON clients.id = client_id WHERE msisdn = ?",
            (msisdn,),
        ).fetchone()
        if not row:
            raise LookupError(f"no line {msisdn}")
        status, word, since, gone_at, client, plan, options, iccid, imsi, activated_on = row
        with _Book(f"{show(msisdn)}{NBSP}: état, historique et consommation") as book:
            book.facts += [
                ("Ligne", show(msisdn)),
                ("Client", client),
                ("Statut", STATUS.get(status, word)),
                ("Statut selon l'opérateur", word),
                ("Depuis l'état du", _moment(since)),
                *([("Disparue depuis l'état du", _moment(gone_at))] if gone_at is not None else []),
                ("Forfait", plan),
                ("Options", options),
                ("Carte SIM", iccid),
                ("IMSI", imsi),
                ("Mise en service", _activation(activated_on)),
                ("Dernier trafic", _last_traffic(db, msisdn)),
                *_state(db),
            ]
            changes = db.execute(
                "SELECT at, change, before, after, path FROM line_changes CROSS JOIN files ON files.id = file_id "
                "WHERE msisdn = ? ORDER BY at DESC, line_changes.id DESC",
                (msisdn,),
            )
            book.sheet(
                "Historique",
                (
                    _Column("Vu dans l'état du", "minute"),
                    _Column("Changement"),
                    _Column("Avant"),
                    _Column("Après"),
                    _Column("Fichier"),
                ),
                (_change(*change) for change in changes),
            )
            book.sheet(
                "Conso par mois",
                (_Column("Mois", "month"), _Column("Source"), _Column("Genre"), *_QUANTITIES),
                (
                    (month, _SOURCES[source], KIND[total.kind], *_quantities(total))
                    for month in usage.months(db)
                    for source in [usage.source_of(db, month)]
                    for total in usage.of_line(db, msisdn, month, source)
                ),
            )
            return book.finished()


def lines(data: Path, client_folded: str, statuses: tuple[str, ...]) -> bytes:
    """The list of lines, with the newest month's consumption.

    :param client_folded: the client's folded name, "" for the lines of all.
    :param statuses: those wanted, `core.lines.GONE` among them or not; none for all lines that are not gone.
    :raises LookupError: the store has no such client.
    """
    with closing(_open(data)) as db:
        client = _client(db, client_folded) if client_folded else None
        months = usage.months(db)
        month = months[0] if months else 0
        source = usage.source_of(db, month) if month else RATED
        with _Book("Lignes" + (f"{NBSP}: {client.name}" if client else "")) as book:
            wanted = [STATUS.get(it, "de statut inconnu") for it in statuses if it != GONE]
            wanted += ["disparue de l'état"] if GONE in statuses else []
            book.facts += [
                ("Client", client.name if client else "tous"),
                ("Lignes", ", ".join(wanted) or "toutes celles que l'état cite"),
                *_state(db),
            ]
            if month:
                book.facts += [("Conso du mois", _month_words(month)), *_deliveries(db, [month], source)]
            rows = list(_line_rows(db, client, statuses, months, month, source))
            by_status = Counter(row[1] for row in rows)
            ranked = sorted(by_status.items(), key=lambda it: -it[1])
            book.tables.append(
                _Table("Par statut", (_Column("Statut"), _Column("Lignes", "whole")), ranked, ("Total", len(rows)))
            )
            in_month = f" {MONTHS[month % 100 - 1]}" if month else ""
            book.sheet(
                "Lignes",
                (
                    _Column("Ligne"),
                    _Column("Statut"),
                    _Column("Depuis", "minute"),
                    _Column("Forfait"),
                    _Column("Options"),
                    _Column("Carte SIM"),
                    _Column("Mise en service", "day"),
                    _Column("Dernier trafic", "minute"),
                    _Column(f"Voix{in_month}", "duration"),
                    _Column(f"SMS{in_month}", "whole"),
                    _Column(f"Data{in_month} (Mo)", "volume"),
                    _Column(f"Montant HT{in_month}", "euros"),
                    *(() if client else (_Column("Client"),)),
                ),
                rows,
            )
            return book.finished()


def clients(data: Path, month: int) -> bytes:
    """Every client: its lines by status, its month and the month before.

    :param month: YYYYMM.
    """
    before = month - 1 if month % 100 > 1 else month - 89
    with closing(_open(data)) as db:
        sources = {each: usage.source_of(db, each) for each in (month, before)}
        euros = _euros_of(month, before)
        with _Book(f"Clients{NBSP}: lignes et consommation") as book:
            book.facts += [("Mois", _month_words(month)), ("Comparé à", _month_words(before)), *_state(db)]
            book.facts += _deliveries(db, [month], sources[month])
            known = daily.known_days(db, *daily.days_of(month), (month,) if sources[month] == BILLED else ())
            if daily.days_of(month)[0] <= known.last < daily.days_of(month)[1]:
                book.notes.append(
                    f"Le mois n'est connu que jusqu'au {_date(known.last)}{NBSP}: il se compare mal à un mois entier."
                )
            rows = list(_client_rows(db, month, before, sources))
            book.tables.append(
                _Table(
                    "Ensemble",
                    (_Column(""), _Column("Clients", "whole"), _Column("Lignes", "whole"), *euros),
                    [],
                    (
                        "Tous les clients",
                        sum(row[0] != _NOBODY for row in rows),
                        sum(row[1] for row in rows),
                        *_compared(_sum(row[11] for row in rows), _sum(row[13] for row in rows)),
                    ),
                )
            )
            book.sheet(
                "Clients",
                (
                    _Column("Client"),
                    _Column("Lignes", "whole"),
                    _Column("Actives", "whole"),
                    _Column("Suspendues", "whole"),
                    _Column("Réservées", "whole"),
                    _Column("En stock", "whole"),
                    _Column("Résiliées", "whole"),
                    _Column("Autres", "whole"),
                    _Column("Voix", "duration"),
                    _Column("SMS", "whole"),
                    _Column("Data (Mo)", "volume"),
                    euros[0],
                    _Column("dont hors forfait", "outside"),
                    *euros[1:],
                ),
                rows,
            )
            return book.finished()


# -- Their rows


def _euros_of(month: int, before: int) -> tuple[_Column, ...]:
    return (
        _Column(f"{MONTHS[month % 100 - 1].capitalize()} HT", "euros"),
        _Column(f"{MONTHS[before % 100 - 1].capitalize()} HT", "euros"),
        _Column("Écart", "change"),
        _Column("Écart %", "percent"),
    )


_NOBODY = "(sans client)"


def _open(data: Path) -> Database:
    return store.open_to_read(data)


def _client(db: Database, folded: str) -> Client:
    row = db.execute("SELECT id, name FROM clients WHERE folded = ?", (folded,)).fetchone()
    if not row:
        raise LookupError(f"no client {folded}")
    return Client(*row)


def _client_of(db: Database, msisdn: str) -> str:
    row = db.execute("SELECT name FROM lines JOIN clients ON clients.id = client_id WHERE msisdn = ?", (msisdn,))
    found = row.fetchone()
    return str(found[0]) if found else ""


def _kinds(totals: list[Total]) -> _Table:
    rows = [(KIND[total.kind], *_quantities(total)) for total in totals]
    return _Table("Par genre", (_Column("Genre"), *_QUANTITIES), rows, ("Total", *_sum_of(totals)))


def _quantities(total: Total) -> tuple[Any, ...]:
    return total.count, total.seconds, total.bytes, total.amount, total.out_of_bundle


def _sum_of(totals: Iterable[Total]) -> tuple[Any, ...]:
    several = list(totals)
    return (
        sum(it.count for it in several),
        sum(it.seconds for it in several),
        sum(it.bytes for it in several),
        _sum(it.amount for it in several),
        _sum(it.out_of_bundle for it in several),
    )


def _sum(amounts: Iterable[int | None]) -> int | None:
    """None where no amount is known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _in_columns(totals: list[Total]) -> tuple[Any, ...]:
    """Totals as `_BY_KIND` has them."""
    of = {total.kind: total for total in totals}
    nothing = Total("other", 0, 0, 0, None, None)
    count, _, octets, amount, outside = _sum_of(totals)
    return (
        count,
        of.get("voice", nothing).seconds,
        of.get("sms", nothing).count,
        of.get("mms", nothing).count,
        octets,
        of.get("premium", nothing).seconds,
        amount,
        outside,
    )


def _months(db: Database, of: Client | str, first: int, last: int, billed: tuple[int, ...]) -> _Table:
    rows = []
    for month in daily.months_between(first, last):
        begin, end = daily.days_of(month)
        totals = daily.by_kind(db, of, max(first, begin), min(last, end), billed)
        rows.append((month, *_sum_of(totals)))
    return _Table("Par mois", (_Column("Mois", "month"), *_QUANTITIES), rows)


def _zones(zones: dict[str, list[Total]]) -> list[tuple[Any, ...]]:
    rows = [
        (zone or "(non précisée)", KIND[it.kind], *_quantities(it)) for zone, totals in zones.items() for it in totals
    ]
    return sorted(rows, key=lambda row: (-(row[5] or 0), -row[2], row[0]))


def _top_zones(rows: list[tuple[Any, ...]], most: int = 10) -> _Table:
    """By destination alone, the dearest first."""
    found: dict[str, list[Any]] = {}
    for zone, _, *quantities in rows:
        former = found.setdefault(zone, [0, 0, 0, None, None])
        found[zone] = [*(a + b for a, b in zip(former[:3], quantities[:3], strict=True))]
        found[zone] += [daily.plus(a, b) for a, b in zip(former[3:], quantities[3:], strict=True)]
    ranked = sorted(found.items(), key=lambda it: (-(it[1][3] or 0), -it[1][0], it[0]))
    title = "Par destination" if len(ranked) <= most else f"Les {most} premières destinations"
    return _Table(title, (_Column("Destination"), *_QUANTITIES), [(zone, *rest) for zone, rest in ranked[:most]])


def _lines_of(db: Database, client: Client, totals: dict[int, list[Total]]) -> list[tuple[Any, ...]]:
    """Every line of the client, and those that were; the dearest first."""
    states = {
        int(msisdn): (STATUS.get(status, word) if gone_at is None else CHANGE["vanished"], plan)
        for msisdn, status, word, plan, gone_at in db.execute(
            "SELECT msisdn, status, word, plan, gone_at FROM lines WHERE client_id = ?", (client.id,)
        )
    }
    rows = []
    for number in sorted({*totals, *states}):
        status, plan = states.get(number, ("", ""))
        name = f"0{number}" if number else "(compte)"
        rows.append((name, status, plan, *_in_columns(totals.get(number, []))))
    return sorted(rows, key=lambda row: (-(row[9] or 0), -row[4], row[0]))


def _day(day: int, totals: list[Total], billed: tuple[int, ...]) -> tuple[Any, ...]:
    source = BILLED if daily.month_of(day) in billed else RATED
    return day, _DAYS[daily.date_of(day).weekday()], _SOURCES[source], *_in_columns(totals)


def _cdrs(db: Database, msisdn: str, first: int, last: int, billed: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    for month in daily.months_between(first, last):
        begin, end = daily.days_of(month)
        source = BILLED if month in billed else RATED
        rows = db.execute(
            "WITH RECURSIVE days (day) AS (VALUES (?) UNION ALL SELECT day + 1 FROM days WHERE day < ?) "
            "SELECT start, type, kind, called, zone, seconds, bytes, amount, out_of_bundle FROM days "
            "CROSS JOIN cdrs ON source = ? AND cdrs.day = days.day AND line = ? "
            "CROSS JOIN natures ON natures.id = nature_id",
            (max(first, begin), min(last, end), source, int(msisdn)),
        )
        for start, word, kind, called, zone, seconds, octets, amount, outside in rows:
            yield (
                start,
                word,
                KIND[KINDS[kind]],
                _called(called),
                zone,
                seconds,
                octets,
                amount,
                _IN_BUNDLE.get(outside, ""),
                _SOURCES[source],
            )


def _called(called: int | str | None) -> str:
    if isinstance(called, int):
        return _french(called // 10_000)
    return mask(called) if called else ""


@lru_cache(100_000)
def _french(beginning: int) -> str:
    """A French number without its last four digits; many have the same others."""
    return mask(f"0{beginning}0000")


def _change(at: int, change: str, before: str, after: str, path: str) -> tuple[Any, ...]:
    if change == "rio":  # a credential
        before = after = ""
    return at, CHANGE.get(change, change), before, after, path


def _line_rows(
    db: Database, client: Client | None, statuses: tuple[str, ...], months: list[int], month: int, source: int
) -> Iterator[tuple[Any, ...]]:
    wanted = sorted({*statuses} - {GONE})
    kept = []
    if wanted or not statuses:
        kept.append("gone_at IS NULL" + (f" AND status IN ({', '.join('?' * len(wanted))})" if wanted else ""))
    if GONE in statuses:
        kept.append("gone_at IS NOT NULL")
    where, values = f"({' OR '.join(kept)})", list[Any](wanted)
    if client:
        where += " AND lines.client_id = ?"
        values.append(client.id)
    totals = _totals_by_line(db, where, values, month, source)
    last = dict(
        db.execute(
            f"SELECT line, max(last_start) FROM lines CROSS JOIN (VALUES {', '.join(['(?)'] * len(months))}) AS known "
            "CROSS JOIN usage_by_line ON source = ? AND month = known.column1 AND line = CAST(msisdn AS INTEGER) "
            f"WHERE {where} GROUP BY line",
            (*months, RATED, *values),
        )
        if months
        else ()
    )
    rows = db.execute(
        "SELECT msisdn, coalesce(clients.name, ''), status, word, since, gone_at, plan, options, iccid, activated_on "
        f"FROM lines LEFT JOIN clients ON clients.id = client_id WHERE {where} ORDER BY msisdn",
        values,
    )
    for msisdn, name, status, word, since, gone_at, plan, options, iccid, activated_on in rows:
        number = int(msisdn)
        _, voice, sms, _, octets, _, amount, _ = _in_columns(totals.get(number, []))
        told = STATUS.get(status, word) if gone_at is None else CHANGE["vanished"]
        at = since if gone_at is None else gone_at
        state = (msisdn, told, at, plan, options, iccid, _activation(activated_on), last.get(number))
        yield *state, voice, sms, octets, amount, *(() if client else (name,))


def _totals_by_line(db: Database, where: str, values: list[Any], month: int, source: int) -> dict[int, list[Total]]:
    found: dict[int, list[Total]] = {}
    for number, kind, *sums in db.execute(
        "SELECT line, kind, sum(count), sum(seconds), sum(bytes), sum(amount), "
        "sum(amount) FILTER (WHERE out_of_bundle = 1) FROM lines CROSS JOIN usage_by_line ON source = ? AND month = ? "
        f"AND line = CAST(msisdn AS INTEGER) WHERE {where} GROUP BY line, kind",
        (source, month, *values),
    ):
        found.setdefault(number, []).append(Total(KINDS[kind], *sums))
    return found


def _client_rows(db: Database, month: int, before: int, sources: dict[int, int]) -> Iterator[tuple[Any, ...]]:
    lines_of: dict[int, dict[str, int]] = {}
    for number, status, count in db.execute(
        "SELECT coalesce(client_id, 0), status, count(*) FROM lines WHERE gone_at IS NULL GROUP BY 1, 2"
    ):
        lines_of.setdefault(number, {})[status] = count
    totals, former = _by_client(db, month, sources[month]), _by_client(db, before, sources[before])
    names = dict(db.execute("SELECT id, name FROM clients ORDER BY folded"))
    nobody = {0: _NOBODY} if 0 in lines_of or 0 in totals or 0 in former else {}
    for number, name in (*names.items(), *nobody.items()):
        by_status = lines_of.get(number, {})
        count = sum(by_status.values())
        shown = [
            by_status.get("active", 0),
            by_status.get("suspended", 0) + by_status.get("suspended_by_operator", 0),
            by_status.get("reserved", 0),
            by_status.get("stock", 0),
            by_status.get("terminated", 0),
        ]
        _, voice, sms, _, octets, _, amount, outside = _in_columns(totals.get(number, []))
        was = _sum(it.amount for it in former.get(number, []))
        compared = _compared(amount, was)
        yield name, count, *shown, count - sum(shown), voice, sms, octets, compared[0], outside, *compared[1:]


def _by_client(db: Database, month: int, source: int) -> dict[int, list[Total]]:
    """A month by client, 0 for lines that belong to nobody known."""
    found: dict[int, list[Total]] = {}
    for number, kind, *sums in db.execute(
        "SELECT coalesce(iif(totals.client_id, totals.client_id, lines.client_id), 0) AS client, kind, sum(count), "
        "sum(seconds), sum(bytes), sum(amount), sum(amount) FILTER (WHERE out_of_bundle = 1) "
        "FROM usage_by_line AS totals LEFT JOIN lines ON totals.client_id = 0 AND lines.msisdn = '0' || totals.line "
        "WHERE source = ? AND month = ? GROUP BY client, kind",
        (source, month),
    ):
        found.setdefault(number, []).append(Total(KINDS[kind], *sums))
    return found


def _compared(amount: int | None, was: int | None) -> tuple[Any, ...]:
    """The two months, their difference, and in percent of the former where that says something."""
    if amount is None and was is None:
        return None, None, None, None
    difference = (amount or 0) - (was or 0)
    return amount, was, difference, 100 * difference / was if was and was > 0 else None


# -- Of when it is


def _dated(db: Database, first: int, last: int, billed: tuple[int, ...]) -> list[tuple[str, str]]:
    months = daily.months_between(first, last)
    begin, end = daily.days_of(months[0])[0], daily.days_of(months[-1])[1]
    if (begin, end) == (first, last):
        words = _month_words(months[0])
        if len(months) > 1:
            words = ("d'" if words[0] in "ao" else "de ") + f"{words} à {_month_words(months[-1])}"
    else:
        words = _date(first) if first == last else f"du {_date(first)} au {_date(last)}"
    known = daily.known_days(db, first, last, billed)
    told = [("Période", words)]
    if known.last < known.first:
        told.append(("Connu", "aucun fichier ne porte sur cette période"))
    elif known.first > first or known.last < last or known.partial:
        since = f"du {_date(known.first)} " if known.first > first else ""
        told.append(
            ("Connu", f"{since}jusqu'au {_date(known.last)}" + (" (dernier jour incomplet)" if known.partial else ""))
        )
    told += _deliveries(db, [month for month in months if month in billed], BILLED)
    told += _deliveries(db, [month for month in months if month not in billed], RATED)
    return told


def _deliveries(db: Database, months: list[int], source: int) -> list[tuple[str, str]]:
    """The newest file of the newest of these months that has one."""
    for month in reversed(months):
        if delivery := usage.last_delivery(db, _FOLDERS[source], month):
            folder = "BilledCDRs" if source == BILLED else "RatedCDRs"
            label = "Facturation (BilledCDRs)" if source == BILLED else f"Relevés quotidiens ({folder})"
            name = delivery.path.rsplit("/", 1)[-1]
            return [(label, f"dernier fichier {name}, du {_moment(delivery.as_of)}")]
    return []


def _state(db: Database) -> list[tuple[str, str]]:
    delivery = usage.last_delivery(db, "account_status")
    if not delivery:
        return []
    name = delivery.path.rsplit("/", 1)[-1]
    return [("État des lignes", f"{_moment(delivery.as_of)}, fichier {name}")]


def _last_traffic(db: Database, msisdn: str) -> str:
    found = usage.last_traffic(db, msisdn)
    return f"{_moment(found[0])} ({KIND[found[1]]})" if found else ""


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, PARIS).strftime("%d/%m/%Y à %H:%M")


def _date(day: int) -> str:
    return daily.date_of(day).strftime("%d/%m/%Y")


def _month_words(month: int) -> str:
    return f"{MONTHS[month % 100 - 1]} {month // 100}"


def _activation(text: str) -> str | int:
    """The day since 1970, where the operator's text is a date in a usual writing."""
    for pattern, form in ((r"\d{4}-\d\d-\d\d(?!\d)", "%Y-%m-%d"), (r"\d\d/\d\d/\d{4}(?!\d)", "%d/%m/%Y")):
        if found := re.match(pattern, text):
            try:
                return daily.day_of(datetime.strptime(found[0], form).date())
            except ValueError:
                return text
    return text


# -- The spreadsheet itself


class _Book:
    """A workbook whose first sheet, written last, says what the others are."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.facts: list[tuple[str, str | int]] = []
        self.tables: list[_Table] = []
        self.notes: list[str] = []
        self._content = io.BytesIO()

    def __enter__(self) -> "_Book":
        import xlsxwriter

        # Rows wait in files of their own, so that a long sheet takes no memory.
        self._waiting = tempfile.TemporaryDirectory(prefix="origyne-bot-")
        options = {"constant_memory": True, "tmpdir": self._waiting.name}
        self._book: Workbook = xlsxwriter.Workbook(self._content, options)
        self._book.set_properties({"title": self.title})
        self._formats: dict[Form, Format] = {
            form: self._book.add_format({"num_format": text, **_placed(form)}) for form, text in _FORMATS.items()
        }
        self._formats["text"] = self._book.add_format({"indent": 1})
        self._totals: dict[Form, Format] = {
            form: self._book.add_format({"num_format": text, "bold": True, "top": 1}) for form, text in _FORMATS.items()
        }
        self._totals["text"] = self._book.add_format({"bold": True, "top": 1, "indent": 1})
        head = {"bold": True, "font_color": "#FFFFFF", "bg_color": _BLUE, "valign": "vcenter", "text_wrap": True}
        self._head = self._book.add_format({**head, "indent": 1})
        self._head_right = self._book.add_format({**head, "align": "right"})
        self._big = self._book.add_format({"bold": True, "font_size": 16, "font_color": _BLUE, "indent": 1})
        self._heading = self._book.add_format({"bold": True, "font_size": 12, "font_color": _BLUE, "indent": 1})
        self._label = self._book.add_format({"font_color": "#5A6472", "indent": 1})
        self._value = self._book.add_format({"bold": True, "align": "left"})
        self._value_day = self._book.add_format({"bold": True, "align": "left", "num_format": _FORMATS["day"]})
        self._note = self._book.add_format({"italic": True, "font_color": "#5A6472", "indent": 1})
        self._first = self._new_sheet("Résumé")
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.cleanup()

    def sheet(self, name: str, columns: tuple[_Column, ...], rows: Iterable[Sequence[Any]]) -> int:
        """Add a sheet; returns how many rows it has, `MOST_ROWS` at most."""
        sheet = self._new_sheet(name)
        sheet.freeze_panes(1, 1)
        sheet.repeat_rows(0)
        sheet.set_row(0, 32)
        self._write_head(sheet, 0, columns)
        widths = [max(_WIDTHS.get(column.form, 10), _width(column.title) + 3) for column in columns]
        count = 0
        for row in rows:
            if count == MOST_ROWS:
                limit = f"{MOST_ROWS:,}".replace(",", NBSP)
                self.notes.append(
                    f"La feuille « {name} » s'arrête à {limit} lignes{NBSP}: demander une période plus courte."
                )
                break
            count += 1
            self._write_row(sheet, count, columns, row, self._formats)
            for place, value in enumerate(row):
                if isinstance(value, str) and len(value) >= widths[place]:
                    widths[place] = min(len(value) + 2, 48)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.autofilter(0, 0, max(count, 1), len(columns) - 1)
        if not count:
            sheet.write_string(1, 0, "(rien)", self._note)
        # Numbers of lines and cards are texts, and meant so.
        sheet.ignore_errors({"number_stored_as_text": f"A1:Z{count + 1}"})
        return count

    def finished(self) -> bytes:
        self._write_first()
        self._book.close()
        return self._content.getvalue()

    def _new_sheet(self, name: str) -> "Worksheet":
        sheet: Worksheet = self._book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        sheet.set_footer(f"&L{self.title.replace('&', '&&')} · &A&R&P / &N")
        return sheet

    def _write_first(self) -> None:
        sheet = self._first
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 7, 17)
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, self.title[:_CELL], self._big)
        at = 2
        for label, value in self.facts:
            if value == "":
                continue
            sheet.write_string(at, 0, label, self._label)
            if isinstance(value, int):
                sheet.write_number(at, 1, value + _EPOCH, self._value_day)
            else:
                sheet.write_string(at, 1, value[:_CELL], self._value)
            at += 1
        for table in self.tables:
            at += 1
            sheet.write_string(at, 0, table.title, self._heading)
            self._write_head(sheet, at + 1, table.columns)
            at += 2
            for row in table.rows:
                self._write_row(sheet, at, table.columns, row, self._formats)
                at += 1
            if table.total:
                self._write_row(sheet, at, table.columns, table.total, self._totals)
                at += 1
        for note in self.notes:
            at += 1
            sheet.write_string(at, 0, note, self._note)
        sheet.ignore_errors({"number_stored_as_text": f"A1:H{at + 1}"})

    def _write_head(self, sheet: "Worksheet", at: int, columns: tuple[_Column, ...]) -> None:
        for place, column in enumerate(columns):
            left = column.form == "text" or column.form in _LEFT
            sheet.write_string(at, place, column.title, self._head if left else self._head_right)

    def _write_row(
        self,
        sheet: "Worksheet",
        at: int,
        columns: tuple[_Column, ...],
        row: Sequence[Any],
        formats: "dict[Form, Format]",
    ) -> None:
        for place, (column, value) in enumerate(zip(columns, row, strict=True)):
            form = formats[column.form]
            if value is None:
                if formats is self._totals:
                    sheet.write_blank(at, place, None, form)
            elif isinstance(value, str):  # also what should have been a date, and is not
                sheet.write_string(at, place, value[:_CELL], formats["text"])
            else:
                sheet.write_number(at, place, _number(value, column.form), form)


_BLUE = "#1F3A5F"


def _placed(form: Form) -> dict[str, Any]:
    return {"align": "left", "indent": 1} if form in _LEFT else {"align": "right"}


_LEFT: frozenset[Form] = frozenset({"second", "minute", "day", "month"})


def _width(title: str) -> int:
    """Signs that a header takes on two lines, where it is long."""
    words = title.split()
    halves = [max(len(" ".join(words[:at])), len(" ".join(words[at:]))) for at in range(1, len(words))]
    return min(halves) if len(title) > 12 and halves else len(title)


def _number(value: float, form: Form) -> float:
    if form in ("euros", "tiny euros", "outside", "change"):
        return value / 1_000_000
    if form == "duration":
        return value / 86_400
    if form == "volume":
        return value / 1_048_576  # as French operators count
    if form == "day":
        return value + _EPOCH
    if form == "month":
        return daily.days_of(int(value))[0] + _EPOCH
    if form in ("second", "minute"):
        local = datetime.fromtimestamp(value, PARIS)
        return (value + local.utcoffset().total_seconds()) / 86_400 + _EPOCH  # type: ignore[union-attr]
    return value

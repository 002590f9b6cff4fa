"""Spreadsheets (XLSX) that people ask for; made in the workshop (`core.workshop`), and imported light elsewhere.

Each begins with a sheet "Résumé" that says of whom, of when and from which files it is. Texts are texts, whatever they
begin with; dates, durations and amounts are the spreadsheet's own. Called numbers lack their last four digits (order of
31/12/2013, CNIL norm NS-47), but for who gave a reason to see them (`Whole`); PIN, PUK and RIO stand nowhere.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import daily, store, usage
from core.clients import Client
from core.folders import MONTHS, PARIS
from core.kinds import KINDS
from core.lines import GONE
from core.locked import locked
from core.numbers import mask, show
from core.usage import BILLED, RATED, Total
from core.words import CHANGE, KIND, STATUS
from core.workbook import MOST_ROWS, NBSP, Book, Column, Table

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_IN_BUNDLE = {1: "hors forfait", 0: "dans le forfait"}
_SOURCES = {RATED: "relevés quotidiens", BILLED: "facturation"}
_FOLDERS = {RATED: "rated_cdrs", BILLED: "billed_cdrs"}


_QUANTITIES = (
    Column("Nombre", "whole"),
    Column("Durée", "duration"),
    Column("Data (Mo)", "volume"),
    Column("Montant HT", "euros"),
    Column("dont hors forfait", "outside"),
)
_BY_KIND = (
    Column("Communications", "whole"),
    Column("Voix", "duration"),
    Column("SMS", "whole"),
    Column("MMS", "whole"),
    Column("Data (Mo)", "volume"),
    Column("N° spéciaux", "duration"),
    Column("Montant HT", "euros"),
    Column("dont hors forfait", "outside"),
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
        with Book(f"{name}{NBSP}: consommation") as book:
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
                head = (Column("Ligne"), Column("Statut"), Column("Forfait"))
                book.sheet("Par ligne", (*head, *_BY_KIND), _lines_of(db, of, by_line))
            known = daily.known_days(db, first, last, billed)
            head = (Column("Date", "day"), Column("Jour"), Column("Source"))
            every_day = sorted({*days, *range(known.first, known.last + 1)})
            book.sheet("Par jour", (*head, *_BY_KIND), (_day(day, days.get(day, []), billed) for day in every_day))
            book.sheet("Par destination", (Column("Destination"), Column("Genre"), *_QUANTITIES), zones)
            if sum(it.count for it in total) > sum(it.count for it in daily.merged(days.values())):
                book.notes.append(
                    "Le détail d'une partie de la période n'est plus conservé"
                    f"{NBSP}: les feuilles par jour et par destination sont incomplètes, les totaux sont entiers."
                )
            return book.finished()


@dataclass(frozen=True)
class Whole:
    """Called numbers are wanted whole: by whom, and why. `password`: what the book opens with, "" for one that is open
    to all."""

    by: str
    why: str
    password: str = field(default="", repr=False)


def cdr(data: Path, msisdn: str, first: int, last: int, whole: Whole | None = None) -> bytes:
    """Each communication of a line, called numbers without their last four digits.

    :param first, last: days since 1970 in Paris. A month whose billing came is taken from it, others from the daily
        files.
    :param whole: that called numbers are shown whole, which the book says, with for whom.
    """
    with closing(_open(data)) as db:
        billed = daily.billed_months(db, first, last)
        total = daily.by_kind(db, msisdn, first, last, billed)
        with Book(f"{show(msisdn)}{NBSP}: détail des communications") as book:
            book.facts += [("Ligne", show(msisdn)), ("Client", _client_of(db, msisdn))]
            book.facts += _dated(db, first, last, billed)
            if whole:
                book.facts += [("Demandé par", whole.by), ("Motif", whole.why)]
            book.tables.append(_kinds(total))
            written = book.sheet(
                "Communications",
                (
                    Column("Date et heure", "second"),
                    Column("Type"),
                    Column("Genre"),
                    Column("Numéro appelé"),
                    Column("Destination"),
                    Column("Durée", "duration"),
                    Column("Data (Mo)", "volume"),
                    Column("Montant HT", "tiny euros"),
                    Column("Forfait"),
                    Column("Source"),
                ),
                _cdrs(db, msisdn, first, last, billed, _whole if whole else _called),
            )
            book.notes.append(
                f"Numéros appelés entiers, pour le seul motif ci-dessus{NBSP}: ne pas transmettre, et effacer ensuite."
                if whole
                else "Les quatre derniers chiffres des numéros appelés sont cachés (arrêté du 31/12/2013, norme CNIL "
                "NS-47)."
            )
            if written < min(MOST_ROWS, sum(it.count for it in total)):
                book.notes.append(
                    "Le détail d'une partie de la période n'est plus conservé"
                    f"{NBSP}: seuls les totaux ci-dessus sont entiers."
                )
            content = book.finished()
    return locked(content, whole.password) if whole and whole.password else content


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
        with Book(f"{show(msisdn)}{NBSP}: état, historique et consommation") as book:
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
                    Column("Vu dans l'état du", "minute"),
                    Column("Changement"),
                    Column("Avant"),
                    Column("Après"),
                    Column("Fichier"),
                ),
                (_change(*change) for change in changes),
            )
            book.sheet(
                "Conso par mois",
                (Column("Mois", "month"), Column("Source"), Column("Genre"), *_QUANTITIES),
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
        with Book("Lignes" + (f"{NBSP}: {client.name}" if client else "")) as book:
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
                Table("Par statut", (Column("Statut"), Column("Lignes", "whole")), ranked, ("Total", len(rows)))
            )
            in_month = f" {MONTHS[month % 100 - 1]}" if month else ""
            book.sheet(
                "Lignes",
                (
                    Column("Ligne"),
                    Column("Statut"),
                    Column("Depuis", "minute"),
                    Column("Forfait"),
                    Column("Options"),
                    Column("Carte SIM"),
                    Column("Mise en service", "day"),
                    Column("Dernier trafic", "minute"),
                    Column(f"Voix{in_month}", "duration"),
                    Column(f"SMS{in_month}", "whole"),
                    Column(f"Data{in_month} (Mo)", "volume"),
                    Column(f"Montant HT{in_month}", "euros"),
                    *(() if client else (Column("Client"),)),
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
        with Book(f"Clients{NBSP}: lignes et consommation") as book:
            book.facts += [("Mois", _month_words(month)), ("Comparé à", _month_words(before)), *_state(db)]
            book.facts += _deliveries(db, [month], sources[month])
            known = daily.known_days(db, *daily.days_of(month), (month,) if sources[month] == BILLED else ())
            if daily.days_of(month)[0] <= known.last < daily.days_of(month)[1]:
                book.notes.append(
                    f"Le mois n'est connu que jusqu'au {_date(known.last)}{NBSP}: il se compare mal à un mois entier."
                )
            rows = list(_client_rows(db, month, before, sources))
            book.tables.append(
                Table(
                    "Ensemble",
                    (Column(""), Column("Clients", "whole"), Column("Lignes", "whole"), *euros),
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
                    Column("Client"),
                    Column("Lignes", "whole"),
                    Column("Actives", "whole"),
                    Column("Suspendues", "whole"),
                    Column("Réservées", "whole"),
                    Column("En stock", "whole"),
                    Column("Résiliées", "whole"),
                    Column("Autres", "whole"),
                    Column("Voix", "duration"),
                    Column("SMS", "whole"),
                    Column("Data (Mo)", "volume"),
                    euros[0],
                    Column("dont hors forfait", "outside"),
                    *euros[1:],
                ),
                rows,
            )
            return book.finished()


# -- Their rows


def tables(title: str, sheets: Sequence[tuple[str, tuple[Column, ...], Sequence[Sequence[Any]]]]) -> bytes:
    """Tables, each with its name and columns, as one spreadsheet."""
    with Book(title) as book:
        for name, columns, rows in sheets:
            book.facts.append((name, f"{book.sheet(name, columns, rows)} rangées"))
        return book.finished()


def _euros_of(month: int, before: int) -> tuple[Column, ...]:
    return (
        Column(f"{MONTHS[month % 100 - 1].capitalize()} HT", "euros"),
        Column(f"{MONTHS[before % 100 - 1].capitalize()} HT", "euros"),
        Column("Écart", "change"),
        Column("Écart %", "percent"),
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


def _kinds(totals: list[Total]) -> Table:
    rows = [(KIND[total.kind], *_quantities(total)) for total in totals]
    return Table("Par genre", (Column("Genre"), *_QUANTITIES), rows, ("Total", *_sum_of(totals)))


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


def _months(db: Database, of: Client | str, first: int, last: int, billed: tuple[int, ...]) -> Table:
    rows = []
    for month in daily.months_between(first, last):
        begin, end = daily.days_of(month)
        totals = daily.by_kind(db, of, max(first, begin), min(last, end), billed)
        rows.append((month, *_sum_of(totals)))
    return Table("Par mois", (Column("Mois", "month"), *_QUANTITIES), rows)


def _zones(zones: dict[str, list[Total]]) -> list[tuple[Any, ...]]:
    rows = [
        (zone or "(non précisée)", KIND[it.kind], *_quantities(it)) for zone, totals in zones.items() for it in totals
    ]
    return sorted(rows, key=lambda row: (-(row[5] or 0), -row[2], row[0]))


def _top_zones(rows: list[tuple[Any, ...]], most: int = 10) -> Table:
    """By destination alone, the dearest first."""
    found: dict[str, list[Any]] = {}
    for zone, _, *quantities in rows:
        former = found.setdefault(zone, [0, 0, 0, None, None])
        found[zone] = [*(a + b for a, b in zip(former[:3], quantities[:3], strict=True))]
        found[zone] += [daily.plus(a, b) for a, b in zip(former[3:], quantities[3:], strict=True)]
    ranked = sorted(found.items(), key=lambda it: (-(it[1][3] or 0), -it[1][0], it[0]))
    title = "Par destination" if len(ranked) <= most else f"Les {most} premières destinations"
    return Table(title, (Column("Destination"), *_QUANTITIES), [(zone, *rest) for zone, rest in ranked[:most]])


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


def _cdrs(
    db: Database,
    msisdn: str,
    first: int,
    last: int,
    billed: tuple[int, ...],
    written: Callable[[int | str | None], str],
) -> Iterator[tuple[Any, ...]]:
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
                written(called),
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


def _whole(called: int | str | None) -> str:
    return show(f"0{called}" if isinstance(called, int) else called or "")


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

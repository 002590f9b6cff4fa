"""/conso: what a client or a line consumed in a month, or any period."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core import books as core_books
from core import clients, daily, store, usage
from core.clients import Client
from core.daily_chart import DailyChart
from core.layouts import fold
from core.numbers import show
from core.usage import BILLED, RATED, Total
from handlers import books, french, periods, which
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.periods import Period

#: Destinations and lines that a phone shows; the spreadsheet has all.
_MOST_ZONES = 4
_MOST_LINES = 5


@dataclass(frozen=True)
class _Who:
    """A client, or a line's number; `said`: how the words were understood, where that is not plain."""

    name: str
    client: Client | None = None
    msisdn: str = ""
    said: str = ""

    @property
    def words(self) -> str:
        """What asks for it again."""
        return self.client.name if self.client else self.msisdn


async def run(ask: Ask, context: Context) -> Answer:
    words, as_sheet = books.asked(ask.arguments)
    words = which.plain(words)
    known = usage.months(context.telecom)
    if not known:
        return Answer("Aucun relevé de communications n'a encore été reçu de l'opérateur.")
    # A name can hold a month or a year (Garage de Mars): as a whole it comes first.
    exact = clients.is_name(context.telecom, words)
    rest, period = (words, None) if exact else periods.take_period(words, context.now())
    if not rest:
        return COMMAND.how_to("La consommation de quel client, ou de quelle ligne ?")
    period = period or periods.whole_months(known[0], known[0])
    who = _who(rest, period, context)
    if isinstance(who, Answer):
        return who
    if as_sheet:
        answer = await _sheet(who, period, context)
    elif period.months:
        answer = _of_months(who, period, known, context)
    else:
        answer = await _of_days(who, period, context)
    return answer.of(who.msisdn or who.name)


def _who(words: str, period: Period, context: Context) -> _Who | Answer:
    if number := which.number_in(words):
        return _Who(show(number), msisdn=number)
    found = which.client(words, lambda name: f"conso {name} {period.command}", context)
    if isinstance(found, Answer):
        return _mistyped_month(words, context) or found
    client, said = found
    return _Who(client.name, client, said=said)


def _mistyped_month(words: str, context: Context) -> Answer | None:
    """A last word that is nearly a month, behind a client's name."""
    *name, last = words.split()
    month = periods.nearly(last) if name else ""
    found = clients.find(context.telecom, which.plain(" ".join(name)))
    if not month or not found.sure:
        return None
    _, period = periods.take_period(month, context.now())
    assert period
    asked = f"conso {found.clients[0].name} {period.command}"
    return Answer(
        f"{french.quoted(last)} n'est pas un mois : vouliez-vous dire {period.words} ?",
        buttons=(Button(f"{found.clients[0].name}, {period.words}"[:40], asked),),
        refused=True,
    )


# -- Whole months


def _of_months(who: _Who, period: Period, known: list[int], context: Context) -> Answer:
    sources = {month: usage.source_of(context.telecom, month) for month in period.months if month in known}
    totals = daily.merged(_totals(who, month, source, context) for month, source in sources.items())
    freshness = _freshness(sources, context)
    if not totals:
        return _nothing(who, period, known, freshness, context)
    told: list[str] = []
    if len(period.months) == 1:
        told += _against(who, period.months[0], sources[period.months[0]], known, totals, context)
        told += _zones(who, period.months[0], sources[period.months[0]], context)
        if who.client:
            top = usage.top_lines(context.telecom, who.client, period.months[0], sources[period.months[0]], _MOST_LINES)
            told += ["Premières lignes :", *(f"{show(line.msisdn)} : {_line(line)}" for line in top)] if top else []
    billed = tuple(month for month, source in sources.items() if source == BILLED)
    return _answer(who, period, totals, told, freshness, billed)


def _totals(who: _Who, month: int, source: int, context: Context) -> list[Total]:
    if who.client:
        return usage.of_client(context.telecom, who.client, month, source)
    return usage.of_line(context.telecom, who.msisdn, month, source)


def _sum(amounts: Iterable[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _against(who: _Who, month: int, source: int, known: list[int], totals: list[Total], context: Context) -> list[str]:
    """What the month before came to, by files of the same kind: a bill holds fees that daily files lack."""
    former = periods.before(month)
    if former not in known:
        return []
    same = _totals(who, former, source, context)
    before, now = _sum(total.amount for total in same), _sum(total.amount for total in totals)
    if before is None or now is None:
        return []
    here = french.today(context.now())
    told = f"En {french.month(former)} : {french.euros(before)} HT"
    if month == here.year * 100 + here.month:
        return [f"{told} (mois entier)"]
    if before:
        change = round((now - before) * 100 / abs(before))
        told += f" ({'+' if change >= 0 else '−'}{french.whole(abs(change))}{french.NBSP}%)"
    return [told]


def _zones(who: _Who, month: int, source: int, context: Context) -> list[str]:
    if who.client:
        zones = usage.zones_of_client(context.telecom, who.client, month, source)
    else:
        zones = usage.zones_of_line(context.telecom, who.msisdn, month, source)
    by_zone: dict[str, list[usage.ZoneTotal]] = {}
    for zone in zones:
        if zone.zone:
            by_zone.setdefault(zone.zone, []).append(zone)
    if len(by_zone) < 2:
        return []
    dearest = sorted(by_zone.items(), key=lambda it: -(_sum(zone.amount for zone in it[1]) or 0))
    told = [f"{name} : {_zone(those)}" for name, those in dearest[:_MOST_ZONES]]
    left = len(by_zone) - len(told)
    words = french.count(left, "autre, dans le tableur", "autres, dans le tableur")
    return ["Par destination :", *told, *([f"… et {words}"] if left else [])]


def _zone(zones: list[usage.ZoneTotal]) -> str:
    """34,13 €, 1 h 47 min, 9 SMS."""
    amount = _sum(zone.amount for zone in zones)
    seconds, octets = sum(zone.seconds for zone in zones), sum(zone.bytes for zone in zones)
    parts = [french.euros(amount)] if amount is not None else []
    parts += [french.duration(seconds)] if seconds else []
    parts += [french.volume(octets)] if octets else []
    parts += [f"{french.whole(zone.count)} {french.KIND[zone.kind]}" for zone in zones if zone.kind in ("sms", "mms")]
    return ", ".join(parts) or french.count(sum(zone.count for zone in zones), "communication")


def _line(line: usage.LineTotal) -> str:
    parts = [french.euros(line.amount)] if line.amount is not None else []
    parts += [f"voix {french.duration(line.seconds)}"] if line.seconds else []
    parts += [f"data {french.volume(line.bytes)}"] if line.bytes else []
    return ", ".join(parts)


# -- Days


async def _of_days(who: _Who, period: Period, context: Context) -> Answer:
    # Communications themselves are read here, not their totals: in a thread, with a connection of its own.
    totals, billed = await asyncio.to_thread(_days, context.settings.data, who, period)
    months = daily.months_between(period.first, period.last)
    freshness = _freshness({month: BILLED if month in billed else RATED for month in months}, context)
    if not totals:
        return _nothing(who, period, usage.months(context.telecom), freshness, context)
    return _answer(who, period, totals, [], freshness, billed)


def _days(data: Path, who: _Who, period: Period) -> tuple[list[Total], tuple[int, ...]]:
    db = store.open_to_read(data)
    try:
        billed = daily.billed_months(db, period.first, period.last)
        return daily.by_kind(db, who.client or who.msisdn, period.first, period.last, billed), billed
    finally:
        db.close()


# -- What is said


def _answer(
    who: _Who, period: Period, totals: list[Total], told: list[str], freshness: str, billed: tuple[int, ...]
) -> Answer:
    rows = [
        (french.KIND[total.kind], french.whole(total.count), _quantity(total), french.euros(total.amount))
        for total in totals
    ]
    amount = _sum(total.amount for total in totals)
    outside = _sum(total.out_of_bundle for total in totals)
    if amount is not None:
        rows.append(("Total HT", "", "", french.euros(amount)))
    title = f"{who.name} : conso {period.of}"
    question = f"conso {who.words} {period.command}"
    buttons = [Button("Tableur", f"{question} {books.SHEET}")]
    if len(period.months) == 1:
        former = periods.before(period.months[0])
        buttons.append(Button(french.month(former).capitalize(), f"conso {who.words} {periods.iso(former)}"))
    if who.client:
        buttons.append(Button("Lignes", f"lignes {who.client.name}"))
    else:
        buttons.append(Button("Détail", f"cdr {who.msisdn} {period.command}"))
        buttons.append(Button("État", f"status {who.msisdn}"))
    return Answer(
        title,
        tuple(
            filter(None, [who.said, f"Hors forfait : {french.euros(outside)} HT" if outside is not None else "", *told])
        ),
        table=Table(("Type", "Nombre", "Quantité", "Montant HT"), tuple(rows), frozenset({1, 2, 3})),
        buttons=tuple(buttons),
        freshness=freshness,
        picture=DailyChart(
            title,
            fold(who.client.name) if who.client else "",
            who.msisdn,
            period.first,
            period.last,
            billed,
        ),
    )


def _nothing(who: _Who, period: Period, known: list[int], freshness: str, context: Context) -> Answer:
    """No traffic, which is not the same as no file of that time, nor as no such line."""
    if who.msisdn:
        line = which.line(who.msisdn, lambda msisdn: f"conso {msisdn} {period.command}", COMMAND, context)
        if isinstance(line, Answer):
            return line
    when = period.words
    if len(period.months) == 1:
        when = f"en {period.words}"
    elif not period.months and period.first == period.last:
        when = f"le {period.words.removeprefix('du ')}"
    billed = daily.billed_months(context.telecom, period.first, period.last)
    told = daily.known_days(context.telecom, period.first, period.last, billed)
    is_told = told.first <= period.last and period.first <= told.last
    months = ", ".join(french.month(month) for month in known[:6])
    return Answer(
        f"{who.name} : aucun trafic {when}" if is_told else f"{who.name} : aucun relevé reçu pour {_for(period)}",
        tuple(filter(None, [who.said, f"Mois connus : {months}."])),
        buttons=tuple(
            Button(french.month(month).capitalize(), f"conso {who.words} {periods.iso(month)}") for month in known[:3]
        ),
        freshness=freshness if is_told else "",
    )


def _for(period: Period) -> str:
    """octobre 2026; le 25 novembre 2026; la période du 1er au 15 octobre 2026."""
    if len(period.months) == 1:
        return period.words
    if period.first == period.last:
        return f"le {period.words.removeprefix('du ')}"
    return f"la période {period.words}"


def _quantity(total: Total) -> str:
    if total.kind == "data" or (total.bytes and not total.seconds):
        return french.volume(total.bytes)
    return french.duration(total.seconds) if total.seconds else ""


def _freshness(sources: dict[int, int], context: Context) -> str:
    """Where the figures come from, and the newest file of each kind."""
    told = []
    for source, folder, words in (
        (BILLED, "billed_cdrs", "d'après la facturation"),
        (RATED, "rated_cdrs", "d'après les relevés quotidiens, non encore facturés"),
    ):
        months = [month for month, of in sources.items() if of == source]
        if not months:
            continue
        delivery = usage.last_delivery(context.telecom, folder, max(months))
        if delivery:
            received = french.moment(delivery.as_of, context.now())
            told.append(f"{words} ; dernier fichier {delivery.path.rsplit('/', 1)[-1]} du {received}")
        else:
            told.append(words)
    return " ; ".join(told)


async def _sheet(who: _Who, period: Period, context: Context) -> Answer:
    title = f"{who.name} : conso {period.of}"
    return await books.made(
        title,
        f"Conso {who.name} {period.command}",
        context,
        core_books.conso,
        context.settings.data,
        fold(who.client.name) if who.client else "",
        who.msisdn,
        period.months,
        period.first,
        period.last,
    )


COMMAND = Command(
    name="conso",
    summary="La consommation d'un client ou d'une ligne",
    usage="conso CLIENT ou NUMÉRO [MOIS ou PÉRIODE]",
    examples=("conso Dupont octobre", "conso DUPONT 2026-10", "conso 0639980001", "conso Dupont du 1 au 15 octobre"),
    aliases=("consommation", "consos"),
    run=run,
    roles=EVERYONE,
)

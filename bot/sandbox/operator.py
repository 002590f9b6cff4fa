"""The operator Origyne as its FTP account shows it, with one integrator: all of it invented, drawn from a seed.

The same seed and the same day give the same bytes. Numbers are of 06 39 98 xx xx, kept by Arcep for fiction.
Nothing here imports the readers of these files: what `Operator` knows is an independent truth to hold them to.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from bot.sandbox import pictures
from bot.sandbox.companies import COMPANY_EXTRACT, CONTRACT, INTEGRATOR, OPERATOR, Client, invented_clients
from bot.sandbox.documents import Invoice, Item, invoice_pdf, specimen_pdf
from bot.sandbox.tables import billed_row, english_csv, french_csv, rated_row
from bot.sandbox.traffic import FIRST_CALLED, PARIS, Caller, Cdr, Traffic, Usage, busy_days, total
from bot.sandbox.tree import Tree
from core import rio

ACCOUNT_STATUS = "AccountStatus"
RATED_CDRS = "RatedCDRs"
BILLED_CDRS = "BilledCDRs"
SIM_CARDS = "Cartes SIM"
DOCUMENTS = "Documents"
CLIENT_INVOICES = "Factures/Clients"
OPERATOR_INVOICES = "Factures/Intégrateur"
PERSONALISATION = "Personnalisation"
TARIFFS = "Tables tarifaires"
FOLDERS = (
    ACCOUNT_STATUS,
    RATED_CDRS,
    BILLED_CDRS,
    SIM_CARDS,
    DOCUMENTS,
    CLIENT_INVOICES,
    OPERATOR_INVOICES,
    PERSONALISATION,
    TARIFFS,
)

ACTIVE = "Active"
SUSPENDED = "Suspendue"
SUSPENDED_BY_OPERATOR = "Suspended by the provider (anti-fraud)"
TERMINATED = "Résiliée"
RESERVED = "Réservée"
AVAILABLE = "Disponible"

#: The first lines have one each, in this order, and `fill` never changes those.
_FIRST_STATUSES = (ACTIVE, SUSPENDED, SUSPENDED_BY_OPERATOR, RESERVED, TERMINATED)


@dataclass(frozen=True, slots=True)
class Line:
    """`client` is "" for a line in stock; `status` and `options` are the operator's own words."""

    msisdn: str
    iccid: str
    imsi: str
    client: str
    status: str
    activated_on: date | None
    plan: str
    rio: str
    options: str = ""


@dataclass(frozen=True, slots=True)
class Sim:
    """A card as its order's listing shows it; `msisdn` is "" for a spare one."""

    iccid: str
    imsi: str
    msisdn: str
    pin1: str
    puk1: str
    pin2: str
    puk2: str


class Operator:
    """Writes the operator's files under `root`, and knows what they say.

    :param today: the day whose morning `fill` shows.
    :param lines: how many, 1 to 4,999. The first are those of "Dupont BTP": 0639980001 is active,
        0002 suspended, 0003 suspended by the operator, 0004 reserved, 0005 terminated.
    :param months: how many months of CDRs, the current one counted.

    A moment without time zone is a Paris one.
    """

    def __init__(
        self,
        root: Path,
        today: date = date(2026, 11, 24),
        seed: int = 2026,
        lines: int = 400,
        clients: int = 12,
        months: int = 3,
    ) -> None:
        if not 1 <= lines < FIRST_CALLED or clients < 1 or months < 1:
            raise ValueError("an operator has 1 to 4,999 lines, a client and a month at least")
        self.tree = Tree(root)
        self.today = today
        self._random = random.Random(f"operator {seed}")
        self._random_options = random.Random(f"options {seed}")
        self._traffic = Traffic(seed)
        self._months = [_month_before(today, count) for count in reversed(range(months))]
        self._opening = _first_day(self._months[0])
        self._clients = invented_clients(clients)
        self._orders: list[tuple[date, list[Sim]]] = []
        self._lines = {line.msisdn: line for line in self._new_lines(lines)}
        self._cdrs: list[Cdr] = []
        self._invoices: list[Invoice] = []
        self._rated_files: dict[date, int] = {}
        self._rated_until = _paris(datetime.combine(self._opening, time()))
        self._clock = _paris(datetime.combine(today, time(8)))

    @property
    def root(self) -> Path:
        return self.tree.root

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines.values())

    @property
    def clients(self) -> tuple[Client, ...]:
        return self._clients

    @property
    def sims(self) -> tuple[Sim, ...]:
        """Every card of the listings delivered, in their order."""
        return tuple(sim for _, sims in self._orders for sim in sims)

    @property
    def cdrs(self) -> tuple[Cdr, ...]:
        """Every CDR written in a rated file, but those made unreadable."""
        return tuple(self._cdrs)

    @property
    def invoices(self) -> tuple[Invoice, ...]:
        return tuple(self._invoices)

    @property
    def months(self) -> tuple[str, ...]:
        """`2026-09`, `2026-10`…, the current one last."""
        return tuple(self._months)

    def line(self, msisdn: str) -> Line:
        return self._lines[msisdn]

    def usage(self, client: str, month: str) -> Usage:
        """What the rated CDRs of a client in a month (`2026-10`, of their start in Paris) add up to."""
        return total(cdr for cdr in self._of_month(month) if cdr.client == client)

    def fill(self, unreadable: int = 1) -> None:
        """Write the whole tree as it stands at 8:00 today.

        :param unreadable: rows of the last rated file whose number a spreadsheet destroyed; they count nowhere.
        """
        if self._cdrs:
            raise RuntimeError("this operator has already filled its tree")
        for folder in FOLDERS:
            (self.tree.root / folder).mkdir(parents=True, exist_ok=True)
        self._write_documents()
        for number, (ordered_on, sims) in enumerate(self._orders, start=1):
            self._write_sims(_paris(datetime.combine(ordered_on, time(8))), number, sims)
        self._fill_rated(unreadable)
        for month in self._months[:-1]:
            if billing_time(month) <= self._clock:
                self.deliver_billed(month)
                self.deliver_operator_invoice(month)
                self.deliver_client_invoices(month)
        self._fill_statuses()

    def change_line(self, msisdn: str, *, status: str | None = None, iccid: str | None = None) -> None:
        """Change a line; the next AccountStatus says it. A new card brings its IMSI when a listing has it."""
        line = self._lines[msisdn]
        if iccid is not None:
            known = next((sim.imsi for sim in self.sims if sim.iccid == iccid), line.imsi)
            line = replace(line, iccid=iccid, imsi=known)
        if status is not None:
            line = replace(line, status=status)
        self._lines[msisdn] = line

    def deliver_status(self, at: datetime) -> Path:
        """The hourly AccountStatus, with the present states."""
        at = self._passes(at)
        for line in self.lines:
            if line.status == ACTIVE and line.activated_on is None:
                self._lines[line.msisdn] = replace(line, activated_on=at.date())
        header = (
            "Date de l'état", "Client", "Numéro de ligne", "NSCE", "IMSI",
            "Statut", "Date activation", "Forfait", "RIO", "Options",
        )  # fmt: skip
        rows = (
            (
                f"{at:%d/%m/%Y %H:%M:%S}",
                line.client,
                line.msisdn,
                line.iccid,
                line.imsi,
                line.status,
                f"{line.activated_on:%d/%m/%Y}" if line.activated_on else "",
                line.plan,
                line.rio,
                line.options,
            )
            for line in self.lines
        )
        return self.tree.write(f"{ACCOUNT_STATUS}/AccountStatus_{at:%Y%m%d_%H%M%S}.csv", french_csv(header, rows), at)

    def deliver_rated(self, at: datetime, rows: int = 40, *, unreadable: int = 0) -> Path:
        """CDRs of the time since the last rated file (of the last six hours, when that is over a day)."""
        at = self._passes(at)
        since = self._rated_until
        if not timedelta() < at - since <= timedelta(days=1):
            since = at - timedelta(hours=6)
        return self._write_rated(since, at, rows, unreadable)

    def deliver_all_rated(self, at: datetime) -> Path:
        """The CDRs of all the time since the last rated file, as many as `fill` writes for as long."""
        at = self._passes(at)
        return self._write_rated(self._rated_until, at, self._usual_rows(at), 0)

    def deliver_billed(self, month: str, *, with_account_rows: bool = False) -> Path:
        """The CDRs that start in a month, in another layout than the rated ones.

        :param with_account_rows: add rows that carry no line: two subscriptions and a grand total.
        """
        header = (
            "customername", "calling", "called", "start", "servicetypename", "duration_secs",
            "Charged volume (octets)", "destinationname", "pricewithouttax", "inbundle",
        )  # fmt: skip
        cdrs = sorted(self._of_month(month), key=lambda cdr: (cdr.client, cdr.caller, cdr.start))
        rows = [billed_row(cdr) for cdr in cdrs]
        if with_account_rows:
            for client in self._clients[:2]:
                rows.append((client.name, "", "", f"{month}-01 00:00:00", "abonnement", "", "", "", "150.0000", ""))
            amount = sum(cdr.amount for cdr in cdrs) + 2 * 150_000_000
            rows.append(("TOTAL", "", "", "", "", "", "", "", f"{amount / 1e6:.4f}", ""))
        name = f"{BILLED_CDRS}/BilledCDRs_{month.replace('-', '')}.csv"
        return self.tree.write(name, english_csv(header, rows), self._billed_at(month))

    def deliver_operator_invoice(self, month: str) -> Path:
        """The operator's invoice to the integrator: 60 % of the public prices."""
        items = [
            replace(item, unit_price=item.unit_price * 60 // 100)
            for item in self._items(month, (client.name for client in self._clients))
        ]
        compact = month.replace("-", "")
        invoice = Invoice(
            f"FO{compact[2:]}-001", month, _last_day(month), OPERATOR, INTEGRATOR, tuple(items),
            _summary(total(self._of_month(month))),
        )  # fmt: skip
        self._invoices.append(invoice)
        name = f"{OPERATOR_INVOICES}/{month}/Facture_Origyne_{compact}_{invoice.number}.pdf"
        return self.tree.write(name, invoice_pdf(invoice), self._billed_at(month))

    def deliver_client_invoices(self, month: str) -> list[Path]:
        """The integrator's invoice to each client, with its logo at the top and its banner at the foot."""
        logo, banner = pictures.logo(), pictures.banner()
        compact = month.replace("-", "")
        paths = []
        for number, client in enumerate(self._clients, start=1):
            items = tuple(self._items(month, [client.name]))
            invoice = Invoice(
                f"FC{compact[2:]}-{number:03d}", month, _last_day(month), INTEGRATOR, client.company, items,
                _summary(self.usage(client.name, month)),
            )  # fmt: skip
            self._invoices.append(invoice)
            plain_name = client.name.replace('"', "")
            name = f"Facture_{compact}_{plain_name}_{invoice.number}.pdf"
            content = invoice_pdf(invoice, logo, banner)
            paths.append(self.tree.write(f"{CLIENT_INVOICES}/{month}/{name}", content, self._billed_at(month)))
        return paths

    def deliver_sim_listing(self, at: datetime, count: int = 10) -> Path:
        """The listing of a new order of spare cards."""
        at = self._passes(at)
        self._orders.append((at.date(), []))
        for _ in range(count):
            self._new_sim("")
        return self._write_sims(at, len(self._orders), self._orders[-1][1])

    # What stands at the opening

    def _new_lines(self, count: int) -> Iterator[Line]:
        # Each client has a line as far as there are some, the first ones have more; the last lines are in stock.
        served = count - count // 20
        places = list(range(len(self._clients)))[:served]
        places += self._random.choices(places, [1 / (2 + place) for place in places], k=served - len(places))
        owners = [self._clients[place].name for place in sorted(places)]
        # Cards are ordered before the months that the CDRs show, and during them.
        orders = [
            (0.0, self._opening - timedelta(days=184)),
            (0.5, self._opening - timedelta(days=62)),
            (0.85, self._opening),
        ]
        for number in range(1, count + 1):
            if orders and (number - 1) / count >= orders[0][0]:
                self._orders.append((orders.pop(0)[1], []))
            yield self._new_line(number, owners[number - 1] if number <= served else "")
        for _ in range(20):
            self._new_sim("")

    def _new_line(self, number: int, client: str) -> Line:
        msisdn = f"063998{number:04d}"
        sim = self._new_sim(msisdn)
        status = self._random.choices(_FIRST_STATUSES, [86, 6, 1, 3, 4])[0]
        if not client:
            status = AVAILABLE
        elif number <= len(_FIRST_STATUSES):
            status = _FIRST_STATUSES[number - 1]
        activated_on = None
        if status not in (RESERVED, AVAILABLE):
            activated_on = min(self._orders[-1][0] + timedelta(days=self._random.randint(2, 30)), self.today)
        reference = "".join(self._random.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=6))
        # The first line has the RIO of the project's documentation.
        nine = f"01E{'4K7P2Q' if number == 1 else reference}"
        plan = self._random.choices(list(_PLANS), [5, 3, 2])[0]
        return Line(
            msisdn=msisdn,
            iccid=sim.iccid,
            imsi=sim.imsi,
            client=client,
            status=status,
            activated_on=activated_on,
            plan=plan if client else "",
            rio="" if status in (TERMINATED, AVAILABLE) else nine + rio.key(nine, msisdn),
            options=self._some_options() if client else "",
        )

    def _some_options(self) -> str:
        """None, one or two; drawn apart, so that all else stays as it was without them."""
        return ", ".join(self._random_options.sample(_OPTIONS, self._random_options.choice((0, 1, 1, 2))))

    def _new_sim(self, msisdn: str) -> Sim:
        serial = 1 + sum(len(sims) for _, sims in self._orders)
        first_18 = f"89330199{serial:010d}"
        sim = Sim(
            iccid=first_18 + _luhn_digit(first_18),
            imsi=f"2080199{serial:08d}",
            msisdn=msisdn,
            pin1=f"{self._random.randrange(10**4):04d}",
            puk1=f"{self._random.randrange(10**8):08d}",
            pin2=f"{self._random.randrange(10**4):04d}",
            puk2=f"{self._random.randrange(10**8):08d}",
        )
        self._orders[-1][1].append(sim)
        return sim

    # The tree of the morning

    def _fill_rated(self, unreadable: int) -> None:
        days = (self._opening + timedelta(days=n) for n in range((self.today - self._opening).days))
        deliveries = [
            _paris(datetime.combine(day, time(hour)))
            for day in days
            if day.weekday() < 6
            for hour in self._random.choice(((10, 19), (10, 14, 19)))
        ]
        for at in deliveries:
            rows = self._usual_rows(at)
            self._write_rated(self._rated_until, at, rows, unreadable if at == deliveries[-1] else 0)

    def _usual_rows(self, until: datetime) -> int:
        return round(1.1 * len(self._lines) * busy_days(self._rated_until, until))

    def _fill_statuses(self) -> None:
        """The hours of the last three delivery days, with a few lines that change on the way."""
        days = [day for n in range(4) if (day := self.today - timedelta(days=n)).weekday() < 6][:3]
        moments = [
            at
            for day in reversed(days)
            for hour in range(8, 21)
            if (at := _paris(datetime.combine(day, time(hour)))) <= self._clock
        ]
        changes = self._few_changes()
        for place, at in enumerate(moments):
            if place and place % 4 == 0 and changes:
                msisdn, status, iccid = changes.pop(0)
                self.change_line(msisdn, status=status, iccid=iccid)
            self.deliver_status(at)

    def _few_changes(self) -> list[tuple[str, str | None, str | None]]:
        """An activation, two suspensions, a resumption, a new card; fewer when there are few lines."""

        def some(status: str, count: int) -> list[str]:
            others = self.lines[len(_FIRST_STATUSES) :]
            those = [line.msisdn for line in others if line.status == status]
            return self._random.sample(those, min(count, len(those)))

        suspended, active = some(SUSPENDED, 1), some(ACTIVE, 3)
        spare = next(sim.iccid for sim in self.sims if not sim.msisdn)
        return [
            *((msisdn, ACTIVE, None) for msisdn in some(RESERVED, 1)),
            *((msisdn, SUSPENDED, None) for msisdn in active[:2]),
            *((msisdn, ACTIVE, None) for msisdn in suspended),
            *((msisdn, None, spare) for msisdn in active[2:]),
        ]

    def _write_documents(self) -> None:
        at = _paris(datetime.combine(self._opening, time(8)))
        contract = specimen_pdf("Contrat d'intégrateur", OPERATOR, self._opening, CONTRACT)
        self.tree.write(f"{DOCUMENTS}/Contrat intégrateur - SPÉCIMEN.pdf", contract, at)
        extract = specimen_pdf("Extrait Kbis", INTEGRATOR, self._opening, COMPANY_EXTRACT)
        self.tree.write(f"{DOCUMENTS}/Kbis Télécom Exemple - SPÉCIMEN.pdf", extract, at)

    # Rows and files

    def _of_month(self, month: str) -> Iterator[Cdr]:
        first, following = _first_day(month), _last_day(month) + timedelta(days=1)
        return (cdr for cdr in self._cdrs if first <= cdr.start.date() < following)

    def _items(self, month: str, clients: Iterable[str]) -> Iterator[Item]:
        """The subscriptions of the lines in service in a month, and what is out of bundle, at public prices."""
        names = set(clients)
        billed = [
            line
            for line in self.lines
            if line.client in names
            and line.status in (ACTIVE, SUSPENDED, SUSPENDED_BY_OPERATOR)
            and line.activated_on
            and line.activated_on <= _last_day(month)
        ]
        for plan, price in _PLANS.items():
            if count := sum(line.plan == plan for line in billed):
                yield Item(f"Abonnement {plan}", count, price)
        millionths = sum(cdr.amount for cdr in self._of_month(month) if cdr.client in names)
        yield Item("Communications hors forfait", 1, (millionths + 5_000) // 10_000)

    def _write_rated(self, since: datetime, at: datetime, rows: int, unreadable: int) -> Path:
        callers = [
            Caller(line.msisdn, line.client)
            for line in self.lines
            if line.status == ACTIVE and line.client and line.activated_on and line.activated_on <= since.date()
        ]
        cdrs = self._traffic.draw(callers, since, at, rows)
        self._cdrs += cdrs
        self._rated_until = at
        written = [rated_row(cdr) for cdr in cdrs]
        for place in range(min(unreadable, len(cdrs))):
            date_and_time, _, *others = written[2 * place]
            written.insert(2 * place + 1, (date_and_time, "3,3640E+10", *others))
        self._rated_files[at.date()] = sequence = self._rated_files.get(at.date(), 0) + 1
        header = (
            "Date et heure", "Numéro appelant", "Numéro appelé", "Type", "Durée (s)",
            "Volume (Ko)", "Destination", "Montant HT", "Hors forfait", "Client",
        )  # fmt: skip
        name = f"{RATED_CDRS}/RatedCDRs_{at:%Y%m%d_%H%M}_{sequence:02d}.csv"
        return self.tree.write(name, french_csv(header, written), at)

    def _write_sims(self, at: datetime, number: int, sims: Sequence[Sim]) -> Path:
        header = ("NSCE", "IMSI", "Numéro", "PIN1", "PUK1", "PIN2", "PUK2")
        rows = ((sim.iccid, sim.imsi, sim.msisdn, sim.pin1, sim.puk1, sim.pin2, sim.puk2) for sim in sims)
        return self.tree.write(f"{SIM_CARDS}/SIM_{at:%Y%m%d}_CMD{number:04d}.csv", french_csv(header, rows), at)

    def _passes(self, at: datetime) -> datetime:
        at = _paris(at)
        self._clock = max(self._clock, at)
        while self._months[-1] < f"{at:%Y-%m}":
            self._months.append(following_month(self._months[-1]))
        return at

    def _billed_at(self, month: str) -> datetime:
        # Billed before its time, a month bears the time of the last delivery, not one to come.
        return min(billing_time(month), self._clock)


def billing_time(month: str) -> datetime:
    """The third of the following month: the last evening's CDRs have come by then, a Sunday between or not."""
    return _paris(datetime.combine(_last_day(month) + timedelta(days=3), time(9)))


def following_month(month: str) -> str:
    """`2027-01` after `2026-12`."""
    return f"{_last_day(month) + timedelta(days=1):%Y-%m}"


def _summary(usage: Usage) -> tuple[tuple[str, str], ...]:
    hours, minutes = divmod(round(usage.voice_seconds / 60), 60)
    gigabytes = f"{usage.data_bytes / 1024**3:.2f}".replace(".", ",")
    return (
        (f"Appels ({_count(usage.voice_count)})", f"{hours} h {minutes:02d} min"),
        ("SMS", _count(usage.sms_count)),
        ("MMS", _count(usage.mms_count)),
        (f"Internet mobile ({_count(usage.data_count)} sessions)", f"{gigabytes} Go"),
    )


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\u00a0")


def _luhn_digit(digits: str) -> str:
    doubled = (int(sign) * (1 if place % 2 else 2) for place, sign in enumerate(reversed(digits)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def _paris(moment: datetime) -> datetime:
    return moment.replace(tzinfo=PARIS) if moment.tzinfo is None else moment.astimezone(PARIS)


def _first_day(month: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}", month):
        raise ValueError(f"a month is written 2026-10, not {month}")
    return date.fromisoformat(f"{month}-01")


def _last_day(month: str) -> date:
    return (_first_day(month) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _month_before(day: date, count: int) -> str:
    place = day.year * 12 + day.month - 1 - count
    return f"{place // 12:04d}-{place % 12 + 1:02d}"


#: Public prices of a month, in cents, without tax.
_PLANS = {"Pro Essentiel 5 Go": 990, "Pro Illimité 40 Go": 1990, "Data 100 Go": 2490}

_OPTIONS = ("Roaming Europe", "Data 4G", "Blocage SVA", "Blocage international", "Messagerie visuelle")

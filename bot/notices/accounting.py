"""What is told of invoices, with their PDFs, and of billing.

Operator's card, B-5: invoices and accounting communications go to the accounting address.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.house import House
from bot.mail.attachments import LeftOut, within_budget
from bot.notices.news import News
from bot.notices.part import Part, listed
from core import copies, usage
from core.usage import ClientTotal
from core.workbook import Column
from handlers import french
from handlers.answer import Answer, Button, OutFile, Table

KINDS = frozenset({"invoice.operator", "invoice.client", "billed.arrived"})

_COPY = "Copie pour consultation : la facture légale est celle reçue par votre plateforme agréée."

#: Months that are told client by client; of more, a first start for instance, only the newest is.
_MOST_MONTHS = 2


@dataclass(frozen=True)
class Said:
    """`subject`: all of it in a line; `month`: the newest one (YYYYMM), 0 for none."""

    parts: tuple[Part, ...]
    subject: str
    month: int


def say(house: House, news: Sequence[News]) -> Said:
    """One digest of all of it, without the PDFs."""
    operator = _sorted(news, "invoice.operator")
    clients = _sorted(news, "invoice.client")
    billed = [it for it in news if it.kind == "billed.arrived"]
    months = usage.months_of_files(house.context.telecom, [it.path for it in billed])
    totals = {month: usage.by_client(house.context.telecom, month, usage.BILLED) for month in months}
    parts = []
    if operator:
        parts.append(_invoices("facture Origyne", "factures Origyne", operator, () if clients else (_COPY,)))
    if clients:
        parts.append(_invoices("facture client", "factures clients", clients, (_COPY,)))
    if billed:
        parts += _billing(billed, totals)
    of_invoices = [it.data["month"] for it in (*operator, *clients)]
    known = sorted({month for month in (*of_invoices, *months) if month})
    return Said(
        tuple(parts),
        _subject(len(operator), len(clients), totals if billed else None, of_invoices, months),
        max(known, default=0),
    )


def attached(house: House, news: Sequence[News], room: int) -> tuple[dict[str, OutFile], tuple[LeftOut, ...]]:
    """The PDFs of invoices by their paths, the newest month first, as long as the mail stays light enough; then what is
    left.

    :param room: see `bot.mail.attachments.room_for_files`.
    """
    invoices = [it for it in news if it.kind != "billed.arrived"]
    sizes: dict[str, int] = {}
    for it in invoices:
        path = house.data / copies.MIRROR / it.path
        if path.is_file():
            sizes[it.path] = path.stat().st_size
    newest = sorted(
        (it for it in invoices if it.path in sizes),
        key=lambda it: (-it.data["month"], it.kind == "invoice.client", it.path),
    )
    kept, heavy = within_budget(newest, room, lambda it: sizes[it.path])
    files = {
        it.path: OutFile(it.name, (house.data / copies.MIRROR / it.path).read_bytes(), command=f"factures {it.path}")
        for it in kept
    }
    left = [LeftOut(it.name, sizes[it.path], f"factures {it.path}") for it in heavy]
    # A copy that is gone from the disk must not hold back all other notices.
    left += [LeftOut(it.name, 0) for it in invoices if it.path not in sizes]
    return files, tuple(left)


def _sorted(news: Sequence[News], kind: str) -> list[News]:
    return sorted((it for it in news if it.kind == kind), key=lambda it: (it.data["month"], it.path))


def _subject(
    operator: int,
    clients: int,
    totals: dict[int, list[ClientTotal]] | None,
    of_invoices: Sequence[int],
    billed: Sequence[int],
) -> str:
    """facture Origyne, 12 factures clients et relevé de facturation d'octobre 2026, 1 234,56 € HT."""
    pieces = []
    if operator:
        pieces.append("facture Origyne" if operator == 1 else f"{french.whole(operator)} factures Origyne")
    if clients:
        pieces.append("facture client" if clients == 1 else f"{french.whole(clients)} factures clients")
    if totals is None:
        return f"{listed(pieces)} {_of_period(of_invoices)}"
    amount = sum(_amount(each) for each in totals.values())
    statement = f"relevé de facturation {_of_period(billed)}" + (f", {french.euros(amount)} HT" if amount else "")
    if not pieces:
        return statement
    if set(of_invoices) == set(billed):
        return f"{listed([*pieces, statement])}"
    return f"{listed(pieces)} {_of_period(of_invoices)} ; {statement}"


def _of_period(months: Sequence[int]) -> str:
    """d'octobre 2026; de septembre et octobre 2026; de mai à octobre 2026."""
    known = sorted({month for month in months if month})
    if not known:
        return "d'un mois inconnu"
    first, last = known[0], known[-1]
    if first == last:
        return french.of_month(first)
    begin = french.of_month(first).split()
    words = " ".join(begin[:-1] if first // 100 == last // 100 else begin)
    return f"{words} {'et' if len(known) == 2 else 'à'} {french.month(last)}"


def _invoices(one: str, many: str, invoices: list[News], lines: tuple[str, ...]) -> Part:
    with_client = invoices[0].kind == "invoice.client"
    with_month = len({it.data["month"] for it in invoices}) > 1  # else the title says it
    rows = tuple(
        (
            *((it.data["client"] or "—",) if with_client else ()),
            *((french.month(it.data["month"]),) if with_month else ()),
            it.name + (" (remplace la précédente)" if it.data["replaced"] else ""),
        )
        for it in invoices
    )
    newest = max(it.data["month"] for it in invoices)
    headers = (*(("Client",) if with_client else ()), *(("Mois",) if with_month else ()), "Fichier")
    counted = one if len(invoices) == 1 else f"{french.whole(len(invoices))} {many}"
    title = f"{counted} {_of_period([it.data['month'] for it in invoices])}"
    return Part(
        "invoices",
        title,
        Answer(
            title[0].upper() + title[1:],
            lines,
            table=Table(headers, rows),
            # For who reads it in a chat, where no PDFs go along.
            buttons=(
                Button("📄 Les PDF", " ".join(["factures", *([] if with_client else ["origyne"]), *_iso(newest)])),
            ),
        ),
        "Factures clients" if with_client else "Factures Origyne",
        (*((Column("Client"),) if with_client else ()), Column("Mois", "month"), Column("Fichier"), Column("Remplace")),
        tuple(
            (
                *((it.data["client"],) if with_client else ()),
                it.data["month"] or None,
                it.name,
                "la précédente" if it.data["replaced"] else "",
            )
            for it in invoices
        ),
    )


def _iso(month: int) -> list[str]:
    return [f"{month // 100}-{month % 100:02}"] if month else []


def _billing(billed: Sequence[News], totals: dict[int, list[ClientTotal]]) -> list[Part]:
    parts = [
        Part(
            "invoices",
            "relevé de facturation",
            Answer(
                "Relevé de facturation (BilledCDRs)",
                table=Table(
                    ("Fichier", "Communications", "Mises de côté"),
                    tuple((it.name, french.whole(it.data["rows"]), french.whole(it.data["rejected"])) for it in billed),
                    frozenset({1, 2}),
                ),
            ),
            "Relevés",
            (Column("Fichier"), Column("Communications", "whole"), Column("Mises de côté", "whole")),
            tuple((it.name, it.data["rows"], it.data["rejected"]) for it in billed),
        )
    ]
    if len(totals) > _MOST_MONTHS:
        parts.append(_by_month(totals))
        totals = dict([max(totals.items())])
    return [*parts, *(_by_client(month, clients) for month, clients in totals.items())]


def _by_month(totals: dict[int, list[ClientTotal]]) -> Part:
    rows = [(month, sum(it.count for it in clients), _amount(clients)) for month, clients in totals.items()]
    return Part(
        "invoices",
        "totaux par mois",
        Answer(
            "Totaux par mois",
            table=Table(
                ("Mois", "Communications", "Montant HT"),
                tuple(
                    (french.month(month), french.whole(count), french.euros(amount)) for month, count, amount in rows
                ),
                frozenset({1, 2}),
            ),
        ),
        "Par mois",
        (Column("Mois", "month"), Column("Communications", "whole"), Column("Montant HT", "euros")),
        tuple(rows),
    )


def _by_client(month: int, clients: list[ClientTotal]) -> Part:
    count = french.count(sum(it.count for it in clients), "communication")
    name = french.month(month).capitalize()
    return Part(
        "invoices",
        f"{french.month(month)} par client",
        Answer(
            f"{name} par client",
            # Not a row of the table, whose end a long one loses.
            (f"Total : {count}, {french.euros(_amount(clients))} HT",),
            table=Table(
                ("Client", "Communications", "Montant HT"),
                tuple((it.name, french.whole(it.count), french.euros(it.amount)) for it in clients),
                frozenset({1, 2}),
            ),
        ),
        f"{name} par client",
        (Column("Client"), Column("Communications", "whole"), Column("Montant HT", "euros")),
        tuple((it.name, it.count, it.amount) for it in clients),
    )


def _amount(clients: Sequence[ClientTotal]) -> int:
    return sum(it.amount or 0 for it in clients)

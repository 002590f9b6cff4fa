"""What the accounting address is told: invoices with their PDFs, billing figures, and a subject that says it all.

Operator's card, B-5: invoices and accounting communications go to the accounting address.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.house import House
from bot.mail.attachments import LeftOut, room_for_files, within_budget
from bot.notices.news import News
from core import usage
from core.copies import MIRROR
from handlers import french
from handlers.answer import Answer, OutFile, Table

KINDS = frozenset({"invoice.operator", "invoice.client", "billed.arrived"})

_COPY = "Copie pour consultation : la facture légale est celle reçue par votre plateforme agréée."


@dataclass(frozen=True)
class Said:
    """`subject`: all of it in a line; `month`: the newest one (YYYYMM), 0 for none; `left`: files that stay behind."""

    parts: tuple[Answer, ...]
    subject: str
    month: int
    left: tuple[LeftOut, ...] = ()


def say(house: House, news: Sequence[News]) -> Said:
    """One digest of all of it."""
    operator = _sorted(news, "invoice.operator")
    clients = _sorted(news, "invoice.client")
    billed = [it for it in news if it.kind == "billed.arrived"]
    months = usage.months_of_files(house.context.telecom, [it.path for it in billed]) if billed else []
    files, left = _attached(house, [*operator, *clients])
    parts = []
    if operator:
        parts.append(_invoices(_counted(operator, "facture Origyne", "factures Origyne"), operator, files))
    if clients:
        parts.append(_invoices(_counted(clients, "facture client", "factures clients"), clients, files))
    parts += _billing(house, billed, months)
    of_invoices = [it.data["month"] for it in (*operator, *clients)]
    known = sorted({month for month in (*of_invoices, *months) if month})
    return Said(
        tuple(parts), _subject(house, operator, clients, months if billed else None, known), max(known, default=0), left
    )


def _sorted(news: Sequence[News], kind: str) -> list[News]:
    return sorted((it for it in news if it.kind == kind), key=lambda it: (it.data["month"], it.path))


def _counted(invoices: list[News], one: str, many: str) -> str:
    count = one if len(invoices) == 1 else f"{len(invoices)} {many}"
    return f"{count} {_of_period([it.data['month'] for it in invoices])}"


def _subject(
    house: House, operator: list[News], clients: list[News], billed: list[int] | None, months: list[int]
) -> str:
    """facture Origyne, 12 factures clients et relevé de facturation d'octobre 2026, 1 234,56 € HT."""
    pieces = []
    if operator:
        pieces.append("facture Origyne" if len(operator) == 1 else f"{len(operator)} factures Origyne")
    if clients:
        pieces.append(french.count(len(clients), "facture client", "factures clients"))
    if billed is not None:
        pieces.append("relevé de facturation")
    listed = " et ".join(filter(None, [", ".join(pieces[:-1]), *pieces[-1:]]))
    total = ""
    if billed:
        amount = sum(_amount(house, month) for month in billed)
        total = f", {french.euros(amount)} HT" if amount else ""
    return f"{listed} {_of_period(months)}{total}"


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


def _invoices(title: str, invoices: list[News], files: dict[str, OutFile]) -> Answer:
    with_client = invoices[0].kind == "invoice.client"
    rows = tuple(
        (
            *((it.data["client"] or "—",) if with_client else ()),
            french.month(it.data["month"]),
            it.name + (" (remplace la précédente)" if it.data["replaced"] else ""),
        )
        for it in invoices
    )
    return Answer(
        title[0].upper() + title[1:],
        (_COPY,),
        table=Table((*(("Client",) if with_client else ()), "Mois", "Fichier"), rows),
        files=tuple(files[it.path] for it in invoices if it.path in files),
    )


def _attached(house: House, invoices: list[News]) -> tuple[dict[str, OutFile], tuple[LeftOut, ...]]:
    """The newest invoices first, as long as the mail stays light enough; then what is left."""
    sizes: dict[str, int] = {}
    for it in invoices:
        path = house.data / MIRROR / it.path
        # A copy that is gone from the disk must not hold back all other notices.
        sizes[it.path] = path.stat().st_size if path.is_file() else 0
    room = room_for_files(house.settings.mail_max_mb)
    newest = sorted((it for it in invoices if sizes[it.path]), key=lambda it: -it.data["month"])
    kept, heavy = within_budget(newest, room, lambda it: sizes[it.path])
    files = {
        it.path: OutFile(it.name, (house.data / MIRROR / it.path).read_bytes(), command=f"factures {it.path}")
        for it in kept
    }
    gone = [it for it in invoices if not sizes[it.path]]
    left = tuple(LeftOut(it.name, sizes[it.path], f"factures {it.path}") for it in (*heavy, *gone))
    return files, left


def _billing(house: House, billed: list[News], months: list[int]) -> list[Answer]:
    if not billed:
        return []
    parts = [
        Answer(
            "Relevé de facturation (BilledCDRs)",
            table=Table(
                ("Fichier", "Communications", "Mises de côté"),
                tuple((it.name, french.whole(it.data["rows"]), french.whole(it.data["rejected"])) for it in billed),
                frozenset({1, 2}),
            ),
        )
    ]
    for month in months:
        totals = usage.by_client(house.context.telecom, month, usage.BILLED)
        count = french.count(sum(total.count for total in totals), "communication")
        parts.append(
            Answer(
                f"{french.month(month).capitalize()} par client",
                # Not a row of the table, whose end a long one loses.
                (f"Total : {count}, {french.euros(_amount(house, month))} HT",),
                table=Table(
                    ("Client", "Communications", "Montant HT"),
                    tuple((total.name, french.whole(total.count), french.euros(total.amount)) for total in totals),
                    frozenset({1, 2}),
                ),
            )
        )
    return parts


def _amount(house: House, month: int) -> int:
    return sum(total.amount or 0 for total in usage.by_client(house.context.telecom, month, usage.BILLED))

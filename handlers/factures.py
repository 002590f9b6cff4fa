"""/factures: the invoices, of the operator and of the clients, and their PDFs."""

from core import clients, copies, documents, usage
from core.layouts import fold
from handlers import files, french, which
from handlers.answer import Answer, Button, OutFile, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.paging import Page, fetched, take_page

_COPY = "Copie pour consultation : la facture légale est celle reçue par votre plateforme agréée."
_OPERATOR = ("origyne", "operateur", "integrateur")

#: Invoices of a page by mail: they come along when a client, a month or Origyne is named.
_BY_MAIL = 20


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    if words.lower().endswith(".pdf"):
        return files.fetched(words, COMMAND, context, (_COPY,))
    rest, month = french.take_month(words, context.now())
    rest = which.plain(rest)
    side: documents.Side | None = "operator" if fold(rest) in _OPERATOR else None
    client, said = "" if side else rest, ""
    if client and (meant := clients.find(context.telecom, client)).sure:
        said = f"{french.quoted(client)} lu comme {meant.clients[0].name}." if meant.corrected else ""
        client = meant.clients[0].name
    along = ask.door == "mail" and bool(rest or month)
    if along:
        page = Page(page.number, _BY_MAIL)
    page, shown, total = fetched(
        page, lambda offset, limit: documents.invoices(context.telecom, side, client, month, offset, limit)
    )
    if client and not total:
        found = which.client(client, lambda name: f"factures {name} {_iso(month)}".strip(), context)
        if isinstance(found, Answer):
            return found
    whose = "Origyne" if side else client
    counted = " ".join(filter(None, [_counted(total, whose), french.of_month(month) if month else ""]))
    title = f"{whose} : {counted}" if whose else counted
    came = [usage.last_delivery(context.telecom, folder) for folder in ("client_invoices", "operator_invoices")]
    delivery = max(filter(None, came), key=lambda it: it.as_of, default=None)
    if not total:
        return Answer(title, tuple(filter(None, [said, "Les factures sont classées par mois : /factures les donne."])))
    attached = _attached(shown, context) if along else {}
    command = " ".join(filter(None, ["factures", whose.lower() if side else client, _iso(month)]))
    return Answer(
        title + page.range(total),
        tuple(filter(None, [said, _COPY if attached else ""])),
        table=Table(
            ("Facture de", "Mois", "Fichier"),
            tuple((_whose(it), french.month(it.month), it.path.rsplit("/", 1)[-1]) for it in shown),
        ),
        files=tuple(attached.values()),
        buttons=(
            *(Button(f"📄 {_label(it)}", f"factures {it.path}") for it in shown if it.path not in attached),
            *page.buttons(command, total),
        ),
        freshness=files.freshness(delivery, context),
    )


def _attached(shown: list[documents.Invoice], context: Context) -> dict[str, OutFile]:
    """The PDFs by their paths, but for copies that are gone."""
    found = {}
    for it in shown:
        if copies.exists(context.settings.data, it.path):
            content = copies.content(context.settings.data, it.path)
            found[it.path] = OutFile(it.path.rsplit("/", 1)[-1], content, f"factures {it.path}")
    return found


def _counted(total: int, whose: str) -> str:
    none = "aucune facture" if whose else "Aucune facture"
    return french.count(total, "facture") if total else none


def _whose(invoice: documents.Invoice) -> str:
    return "Origyne" if invoice.side == "operator" else invoice.client or "client non nommé"


def _label(invoice: documents.Invoice) -> str:
    return f"{_whose(invoice)}, {french.month(invoice.month)}"


def _iso(month: int) -> str:
    return f"{month // 100}-{month % 100:02}" if month else ""


COMMAND = Command(
    name="factures",
    summary="Les factures, et leurs PDF",
    usage="factures [CLIENT ou Origyne] [MOIS]",
    examples=("factures octobre", "factures Dupont", "factures Origyne 2026-10"),
    spoken=("facture",),
    run=run,
    roles=EVERYONE,
)

"""/conso: what a client or a line consumed in a month."""

from core import usage
from core.numbers import NumberError, msisdn, show
from handlers import french
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    words, month = french.take_month(ask.arguments, context.now())
    known = usage.months(context.telecom)
    if not known:
        return Answer("Aucun relevé de communications n'a encore été reçu de l'opérateur.")
    if not words:
        return COMMAND.how_to("La consommation de quel client, ou de quelle ligne ?")
    month = month or known[0]
    source = usage.source_of(context.telecom, month)
    try:
        number = msisdn(words)
    except NumberError:
        number = ""
    if number:
        totals = usage.of_line(context.telecom, number, month, source)
        return _totals(show(number), totals, (), month, source, context)
    clients = usage.find_clients(context.telecom, words)
    if len(clients) == 1:
        client = clients[0]
        totals = usage.of_client(context.telecom, client, month, source)
        top = usage.top_lines(context.telecom, client, month, source)
        told = tuple(f"{show(line.msisdn)} : {_line(line)}" for line in top)
        return _totals(client.name, totals, told, month, source, context)
    if not clients:
        return Answer(
            f"Aucun client ne ressemble à {french.quoted(words)}.", ("Un morceau du nom suffit.",), refused=True
        )
    iso = f"{month // 100}-{month % 100:02}"
    return Answer(
        f"{len(clients)} clients ressemblent à {french.quoted(words)} : lequel ?",
        tuple(client.name for client in clients[:20]),
        buttons=tuple(Button(client.name, f"conso {_short(client.name)} {iso}") for client in clients[:8]),
    )


def _short(name: str) -> str:
    """What fits beside the command and the month in a button's 64 bytes; a piece of the name finds the client too."""
    return name.encode()[:50].decode(errors="ignore")


def _line(line: usage.LineTotal) -> str:
    parts = [french.euros(line.amount)] if line.amount is not None else []
    parts += [f"voix {french.duration(line.seconds)}"] if line.seconds else []
    parts += [f"data {french.volume(line.bytes)}"] if line.bytes else []
    return ", ".join(parts)


def _totals(
    who: str, totals: list[usage.Total], top: tuple[str, ...], month: int, source: int, context: Context
) -> Answer:
    freshness = _freshness(month, source, context)
    if not totals:
        known = ", ".join(french.month(known) for known in usage.months(context.telecom)[:6])
        return Answer(
            f"{who} : aucun trafic en {french.month(month)}", (f"Mois connus : {known}.",), freshness=freshness
        )
    rows = [
        (french.KIND[total.kind], french.whole(total.count), _quantity(total), french.euros(total.amount))
        for total in totals
    ]
    amounts = [total.amount for total in totals if total.amount is not None]
    outside = [total.out_of_bundle for total in totals if total.out_of_bundle is not None]
    if amounts:
        rows.append(("Total HT", "", "", french.euros(sum(amounts))))
    told = [f"Hors forfait : {french.euros(sum(outside))} HT"] if outside else []
    if top:
        told += ["Premières lignes :", *top]
    return Answer(
        f"{who} : conso {french.of_month(month)}",
        tuple(told),
        table=Table(("Type", "Nombre", "Quantité", "Montant HT"), tuple(rows), frozenset({1, 2, 3})),
        freshness=freshness,
    )


def _quantity(total: usage.Total) -> str:
    if total.kind == "data" or (total.bytes and not total.seconds):
        return french.volume(total.bytes)
    return french.duration(total.seconds) if total.seconds else ""


def _freshness(month: int, source: int, context: Context) -> str:
    folder = "billed_cdrs" if source == usage.BILLED else "rated_cdrs"
    delivery = usage.last_delivery(context.telecom, folder, month)
    what = "d'après la facturation" if source == usage.BILLED else "d'après les relevés quotidiens, non encore facturés"
    if not delivery:
        return what
    received = french.moment(delivery.as_of, context.now())
    return f"{what} ; dernier fichier {delivery.path.rsplit('/', 1)[-1]} du {received}"


COMMAND = Command(
    name="conso",
    summary="La consommation d'un client ou d'une ligne",
    usage="conso CLIENT ou NUMÉRO [MOIS]",
    examples=("conso Dupont octobre", "conso DUPONT 2026-10", "conso 0639980001"),
    aliases=("consommation",),
    run=run,
)

"""/clients: every client, with its lines."""

from core import books as core_books
from core import lines, usage
from handlers import books, french, which
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.paging import fetched, take_page


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    words, as_sheet = books.asked(words)
    delivery = usage.last_delivery(context.telecom, "account_status")
    if not delivery:
        return Answer("Aucun état des lignes n'a encore été reçu de l'opérateur.")
    if as_sheet:
        here = french.today(context.now())
        months = usage.months(context.telecom)
        month = months[0] if months else here.year * 100 + here.month
        title = f"Les clients : lignes et conso {french.of_month(month)}"
        return await books.made(title, "Clients", context, core_books.clients, context.settings.data, month)
    if words:
        found = which.client(words, lambda name: f"clients {name}", context)
        if isinstance(found, Answer):
            return found
        client, said = found
        (those,) = [each for each in lines.by_client(context.telecom) if each.client_id == client.id]
        return Answer(
            client.name,
            tuple(filter(None, [said, _lines(those)])),
            buttons=(
                Button("Conso", f"conso {client.name}"),
                Button("Lignes", f"lignes {client.name}"),
                Button("Factures", f"factures {client.name}"),
            ),
            freshness=which.state_of(delivery.as_of, delivery.path, context.now()),
        )
    every = lines.by_client(context.telecom)
    named = sum(1 for each in every if each.name)
    page, shown, _ = fetched(page, lambda offset, limit: (every[offset : offset + limit], len(every)))
    return Answer(
        french.count(named, "client") + page.range(len(every)),
        table=Table(("Client", "Lignes"), tuple((each.name or "Sans client", _lines(each)) for each in shown)),
        buttons=(
            *(Button(each.name, f"clients {each.name}") for each in shown if each.name),
            *page.buttons("clients", len(every)),
            Button("Tableur", f"clients {books.SHEET}"),
        ),
        freshness=which.state_of(delivery.as_of, delivery.path, context.now()),
    )


def _lines(client: lines.ClientLines) -> str:
    """34 lignes, dont 2 suspendues."""
    total = sum(client.by_status.values())
    suspended = client.by_status.get("suspended", 0) + client.by_status.get("suspended_by_operator", 0)
    terminated = client.by_status.get("terminated", 0)
    odd = [
        french.count(number, *words)
        for number, words in ((suspended, ("suspendue", "suspendues")), (terminated, ("résiliée", "résiliées")))
        if number
    ]
    return french.count(total, "ligne") + (f", dont {' et '.join(odd)}" if odd else "")


COMMAND = Command(
    name="clients",
    summary="Les clients et leurs lignes",
    usage="clients [CLIENT]",
    examples=("clients", "clients Dupont"),
    spoken=("client",),
    run=run,
    roles=EVERYONE,
)

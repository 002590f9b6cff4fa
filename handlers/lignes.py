"""/lignes: the lines, of a client or all, in a status or all."""

from rapidfuzz import fuzz, process

from core import books as core_books
from core import clients, lines, usage
from core.clients import Client
from core.layouts import fold
from core.numbers import show
from handlers import books, french, which
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.paging import fetched, take_page

#: What people write for statuses, as folded beginnings of words; "vanished" is no status of the store.
_STATUSES = {
    "activ": "active",
    "suspendu": "suspended",
    "resili": "terminated",
    "reserv": "reserved",
    "stock": "stock",
    "disponible": "stock",
    "inconnu": "unknown",
    "disparu": "gone",
}
#: Of a hundred: how much a mistyped state resembles one.
_LIKE_ENOUGH = 75

#: One line, several.
_SHOWN = {
    "active": ("active", "actives"),
    "suspended": ("suspendue", "suspendues"),
    "suspended_by_operator": ("suspendue par l'opérateur", "suspendues par l'opérateur"),
    "terminated": ("résiliée", "résiliées"),
    "reserved": ("réservée", "réservées"),
    "stock": ("en stock", "en stock"),
    "unknown": ("d'état inconnu", "d'état inconnu"),
    "gone": ("disparue de l'état", "disparues de l'état"),
}


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    words, as_sheet = books.asked(words)
    words, kept = _take_statuses(words)
    client, said = None, ""
    if words:
        found = which.client(words, lambda name: f"lignes {name} {_asked(kept)}".strip(), context)
        if isinstance(found, Answer):
            return _mistyped(words, kept, context) or found
        client, said = found
    delivery = usage.last_delivery(context.telecom, "account_status")
    if not delivery:
        return Answer("Aucun état des lignes n'a encore été reçu de l'opérateur.")
    freshness = which.state_of(delivery.as_of, delivery.path, context.now())
    whose = client.name if client else "Tous les clients"
    command = " ".join(filter(None, ["lignes", client.name if client else "", _asked(kept)]))
    about = client.name if client else ""
    if as_sheet:
        folded = fold(client.name) if client else ""
        title = f"{whose} : lignes {_which(kept, 2)}".rstrip()
        made = await books.made(
            title, f"Lignes {whose}", context, core_books.lines, context.settings.data, folded, tuple(sorted(kept))
        )
        return made.of(about)
    whom = client.id if client else None
    page, shown, total = fetched(page, lambda offset, limit: lines.listing(context.telecom, whom, kept, offset, limit))
    if not total:
        return Answer(
            f"{whose} : aucune ligne {_which(kept, 1)}".rstrip(),
            tuple(filter(None, [said, _counts(client, context)])),
            freshness=freshness,
        )
    rows = tuple(
        (show(line.msisdn), *(() if client else (line.client or "sans client",)), which.in_short(line), line.plan)
        for line in shown
    )
    headers = ("Ligne", *(() if client else ("Client",)), "État", "Forfait")
    return Answer(
        f"{whose} : {french.count(total, 'ligne')} {_which(kept, total)}".rstrip() + page.range(total),
        tuple(filter(None, [said, "" if kept else _counts(client, context)])),
        table=Table(headers, rows),
        buttons=(
            *(Button(show(line.msisdn), f"status {line.msisdn}") for line in shown),
            *page.buttons(command, total),
            Button("Tableur", f"{command} {books.SHEET}"),
        ),
        freshness=freshness,
        about=about,
    )


def _take_statuses(words: str) -> tuple[str, frozenset[str]]:
    """The words without those that name a status, and the statuses; "suspendues" are those by the operator too."""
    rest: list[str] = []
    statuses: list[str] = []
    for word in words.replace(",", " ").split():
        folded = fold(word)
        status = next((status for begin, status in _STATUSES.items() if folded.startswith(begin)), "")
        if not status:
            rest.append(word)
            continue
        statuses += ["suspended", "suspended_by_operator"] if status == "suspended" else [status]
    return " ".join(rest), frozenset(statuses)


def _mistyped(words: str, kept: frozenset[str], context: Context) -> Answer | None:
    """A word that is nearly a state, beside a client's name or alone."""
    *name, last = words.split()
    near = process.extractOne(
        fold(last), _STATUSES.keys(), scorer=fuzz.partial_ratio, score_cutoff=_LIKE_ENOUGH, processor=None
    )
    client = clients.find(context.telecom, " ".join(name)) if name else None
    if not near or (client and not client.sure):
        return None
    meant = _asked(kept | {_STATUSES[near[0]]})
    asked = " ".join(filter(None, ["lignes", client.clients[0].name if client else "", meant]))
    return Answer(
        f"{french.quoted(last)} n'est pas un état : vouliez-vous dire {meant} ?",
        buttons=(Button(f"/{asked}"[:40], asked),),
        refused=True,
    )


def _asked(statuses: frozenset[str]) -> str:
    """Statuses as arguments."""
    words = {"stock": "stock", "unknown": "inconnues", "gone": "disparues", "suspended_by_operator": "suspendues"}
    return " ".join(dict.fromkeys(words.get(status, _SHOWN[status][1]) for status in sorted(statuses)))


def _which(statuses: frozenset[str], count: int) -> str:
    """actives; suspendues ou résiliées."""
    shown = statuses - {"suspended_by_operator"} if "suspended" in statuses else statuses
    return " ou ".join(_SHOWN[status][count > 1] for status in sorted(shown))


def _counts(client: Client | None, context: Context) -> str:
    """34 actives, 2 suspendues."""
    counts = lines.counts(context.telecom, client.id if client else None)
    return ", ".join(french.count(counts[status], *words) for status, words in _SHOWN.items() if counts.get(status))


COMMAND = Command(
    name="lignes",
    summary="Les lignes, d'un client ou toutes, par état",
    usage="lignes [CLIENT] [ÉTAT]",
    examples=("lignes Dupont", "lignes Dupont suspendues", "lignes résiliées"),
    spoken=("ligne", "parc"),
    run=run,
    roles=EVERYONE,
)

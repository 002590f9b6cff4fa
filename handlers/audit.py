"""/audit: who asked what, by which door, and what became of it."""

from handlers import french
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import ADMIN, Command, Context
from handlers.desk import Audited
from handlers.paging import fetched, take_page

#: What became of a question, as `bot.desk.audit` names it and as people say it.
OUTCOMES = {
    "answered": "répondu",
    "denied": "refusé : pas le droit",
    "refused": "refusé",
    "not understood": "pas compris",
    "unverified": "refusé : expéditeur non attesté",
    "failed": "échec",
    "forged": "refusé : expéditeur usurpé",
    "asked in chat": "renvoyé au chat",
    "not passed on": "non transmis",
    "done": "fait",
}
DOORS = {"chat": "chat", "groupe": "groupe", "mail": "courriel", "terminal": "terminal", "service": "service"}


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    period = ""

    def fetch(offset: int, limit: int) -> tuple[list[Audited], int]:
        nonlocal period
        found = context.desk.audit(words, offset, limit)
        period = found.period
        return list(found.rows), found.total

    page, rows, total = fetched(page, fetch)
    command = f"audit {words}" if words else "audit"
    if not total:
        if not words:
            return Answer("Le journal d'audit est vide.", shows="audit")
        told = (f"Cherché sur la période {period}.",) if period else ()
        return Answer(
            f"Rien dans l'audit pour {french.quoted(words)}.",
            (*told, "On cherche par personne, commande, numéro, client, issue (« refusé ») ou période (« hier »)."),
            buttons=(Button("Les dernières entrées", "audit"),),
            shows="audit",
        )
    title = f"Audit : {french.count(total, 'entrée')}{page.range(total)}"
    return Answer(
        f"{title} pour {french.quoted(words)}" if words else title,
        table=Table(
            ("Quand", "Qui", "Par", "Quoi", "Issue"),
            tuple(_row(row, context.now()) for row in rows),
        ),
        buttons=page.buttons(command, total),
        shows="audit",
    )


def _row(row: Audited, now: int) -> tuple[str, ...]:
    return (french.moment(row.at, now), who(row), DOORS.get(row.door, row.door), what(row), became(row))


def who(row: Audited) -> str:
    """A name where there is one; of a stranger what is known of him."""
    return row.name or row.person or "expéditeur inconnu"


def what(row: Audited) -> str:
    """The command, and what it was about."""
    slash = "" if row.door == "terminal" else "/"
    return " ".join(
        part for part in (f"{slash}{row.command}" if row.command else "(aucune commande)", row.about) if part
    )


def became(row: Audited) -> str:
    """The outcome, what was shown, and why."""
    told = OUTCOMES.get(row.outcome, row.outcome)
    if row.shown:
        told += f" ({row.shown})"
    return f"{told} : {row.why}" if row.why else told


COMMAND = Command(
    name="audit",
    summary="Qui a demandé quoi, et ce qu'il en a vu",
    usage="audit [MOTS]",
    examples=("audit", "audit puk hier", "audit refusé octobre", "audit 0639980001"),
    aliases=("journal",),
    run=run,
    roles=ADMIN,
    private=True,
    free_text=True,
)

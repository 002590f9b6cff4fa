"""/historique: what changed on a line, and when."""

from core import lines
from core.lines import Line
from core.numbers import show
from handlers import french, which
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.paging import Page, fetched, take_page


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    line = which.line(words, lambda msisdn: f"historique {msisdn}", COMMAND, context)
    if isinstance(line, Answer):
        return line
    return _of(line, page, context).of(line.msisdn)


def _of(line: Line, page: Page, context: Context) -> Answer:
    now = context.now()
    msisdn = line.msisdn
    page, changes, total = fetched(page, lambda offset, limit: lines.history(context.telecom, msisdn, offset, limit))
    freshness = which.state_of(line.seen_at, line.path, now)
    buttons = (
        *page.buttons(f"historique {line.msisdn}", total),
        Button("État de la ligne", f"status {line.msisdn}"),
    )
    if not total:
        return Answer(
            f"{show(line.msisdn)} : aucun changement connu",
            (f"Présente et inchangée depuis l'état du {french.moment(line.since, now)}, ou avant.",),
            buttons=buttons,
            freshness=freshness,
        )
    return Answer(
        f"{show(line.msisdn)} : {french.count(total, 'changement')}{page.range(total)}",
        table=Table(
            ("Vu le", "Changement", "Détail"),
            tuple((french.moment(it.at, now), french.CHANGE[it.change], _detail(it)) for it in changes),
        ),
        buttons=buttons,
        freshness=freshness,
    )


def _detail(change: lines.Change) -> str:
    return " → ".join(word for word in (change.before, change.after) if word)


COMMAND = Command(
    name="historique",
    summary="Ce qui a changé sur une ligne, et quand",
    usage="historique NUMÉRO",
    examples=("historique 0639980001",),
    aliases=("histo",),
    spoken=("changements",),
    run=run,
    roles=EVERYONE,
)

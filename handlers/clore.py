"""/clore: end a question to the staff."""

import re

from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    words = ask.arguments.strip()
    found = re.fullmatch(r"(?:#|n°)?\s*(\d+)", words)
    if words and not found:
        return COMMAND.how_to(f"{french.quoted(words)} n'est pas le numéro d'une conversation.")
    number = int(found[1]) if found else ask.thread
    opened = context.desk.contacts(ask.person)
    if not number and len(opened) == 1:
        number = opened[0].number
    if not number:
        return _which(ask, context)
    closed = context.desk.close_contact(ask, number)
    if closed is None and not found:
        return _which(ask, context)  # written under a notice, or under what is closed
    if closed is None:
        return Answer(f"La conversation n° {number} n'existe pas, ou n'est pas la vôtre.", refused=True)
    return Answer(f"Conversation n° {number} close.", (closed.subject, "Une réponse de l'équipe la rouvrirait."))


def _which(ask: Ask, context: Context) -> Answer:
    opened = context.desk.contacts(ask.person)
    if not opened:
        return Answer("Aucune conversation avec l'équipe n'est ouverte.")
    now = context.now()
    return Answer(
        f"{french.count(len(opened), 'conversation')} : laquelle clore ?",
        tuple(f"n° {it.number}, {french.moment(it.opened_at, now)} : {it.subject}" for it in opened),
        buttons=tuple(Button(f"Clore n° {it.number}", f"clore #{it.number}") for it in opened),
    )


COMMAND = Command(
    name="clore",
    summary="Terminer une conversation avec l'équipe",
    usage="clore [NUMÉRO]",
    examples=("clore", "clore 12"),
    run=run,
    roles=EVERYONE,
)

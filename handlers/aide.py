"""/aide: what can be asked, generated from the commands' own declarations."""

from handlers import french, registry
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import Command, Context


async def run(ask: Ask, _: Context) -> Answer:
    name = ask.arguments.strip().lstrip("/")
    if name:
        command = registry.named(name)
        if command is None or not command.roles & ask.person.roles:
            return COMMAND.how_to(f"Aucune commande ne s'appelle {french.quoted(name)}.")
        told = [f"Usage : /{command.usage}", *(f"Exemple : /{example}" for example in command.examples)]
        if command.sensitive:
            told.append("Réservée au chat privé.")
        return Answer(f"/{command.name} : {command.summary}", tuple(told))
    told = [f"/{command.usage} : {command.summary}" for command in registry.commands_of(ask.person)]
    return Answer("Voici ce que je sais faire :", (*told, "Un numéro de ligne seul donne son état."))


COMMAND = Command(
    name="aide",
    summary="Ce que je sais faire",
    usage="aide [COMMANDE]",
    examples=("aide", "aide conso"),
    aliases=("help", "?"),
    run=run,
)

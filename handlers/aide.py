"""/aide: what can be asked, generated from the commands' own declarations."""

from handlers import french, registry
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context


async def run(ask: Ask, _: Context) -> Answer:
    name = ask.arguments.strip().lstrip("/")
    if name:
        return _of_command(name, ask)
    told: list[str] = []
    may = {command.name: command for command in registry.commands_of(ask.person)}
    for group, names in registry.GROUPS.items():
        listed = [f"/{name} : {may[name].summary}" for name in names if name in may]
        told += ["", f"{group} :", *listed] if listed else []
    return Answer(
        "Voici ce que je sais faire",
        (
            *told,
            "",
            "Un numéro de ligne seul donne son état" + (" ; un RIO seul est vérifié." if "rio" in may else "."),
            "Le détail d'une commande : /aide conso",
        ),
    )


def _of_command(name: str, ask: Ask) -> Answer:
    command = registry.named(name)
    if command is None or not command.roles & ask.person.roles:
        close = registry.nearest(name, ask.person)
        return Answer(
            f"Aucune commande ne s'appelle {french.quoted(name)}.",
            ((f"Vouliez-vous dire /{close.name} ?",) if close else ("/aide les donne toutes.",)),
            buttons=(Button(f"/aide {close.name}", f"aide {close.name}"),) if close else (),
            refused=True,
        )
    told = [f"Usage : /{command.usage}", *(f"Exemple : /{example}" for example in command.examples)]
    others = [alias for alias in (*command.aliases, *command.spoken) if alias.isalpha()]
    if others:
        told.append(f"Aussi : {', '.join(f'/{alias}' for alias in others)}")
    free = sorted(word for word in command.harmless if f"{command.name} {word}" in command.examples)
    if command.private:
        told.append("Réservée au chat privé et au terminal.")
    elif command.sensitive:
        told.append("Réservée au chat privé" + "".join(f", sauf /{command.name} {word}" for word in free) + ".")
    return Answer(f"/{command.name} : {command.summary}", tuple(told))


COMMAND = Command(
    name="aide",
    summary="Ce que je sais faire",
    usage="aide [COMMANDE]",
    examples=("aide", "aide conso"),
    aliases=("help", "?"),
    run=run,
    roles=EVERYONE,
)

"""/retirer: all rights of a person, at once."""

from handlers import french, rights
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import ADMIN, Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    said = ask.arguments.strip().lower()
    if not said:
        return COMMAND.how_to("Retirer ses droits à qui ? /inviter, seul, montre qui a accès.")
    people = [it for it in context.desk.people() if not it.revoked_at]
    found = next((it for it in people if said in (it.person.id.lower(), it.email.lower(), *it.addresses)), None)
    if found is None:
        return COMMAND.how_to(f"{french.quoted(said)} n'a pas accès.")
    if "admin" in found.person.roles:
        return Answer(
            "Les droits d'un administrateur ne se retirent pas dans un chat.",
            (f"Sur le serveur du robot : origyne-bot people revoke {found.person.id}",),
            refused=True,
            about=found.person.id,
        )
    others = [it for it in people if it is not found and found.email.lower() in (it.email.lower(), *it.addresses)]
    shared = tuple(
        f"Son adresse est aussi celle de {it.person.id}, qui garde ses droits par courriel." for it in others
    )
    if not ask.confirmed:
        return Answer(
            f"Retirer tous ses droits à {found.person.name} ({found.email}) ?",
            (
                f"Rôles : {rights.in_words(found.person.roles)}.",
                "Aussitôt : ses chats ne sont plus reconnus, ses codes ne valent plus rien, et ce qui devait lui être "
                "envoyé ne part pas. Cette personne n'en est pas avertie.",
                *shared,
            ),
            buttons=(Button("Retirer", f"retirer {found.person.id}", in_place=True, confirms=True),),
            about=found.person.id,
            shows="confirmation",
        )
    context.desk.revoke(found.person.id)
    return Answer(
        f"{found.person.name} n'a plus de droits.",
        (*shared, f"Pour les rendre : /inviter {found.person.name} {found.email} RÔLE…"),
        about=found.person.id,
        shows="droits retirés",
    )


COMMAND = Command(
    name="retirer",
    summary="Retirer tous ses droits à quelqu'un",
    usage="retirer PERSONNE",
    examples=("retirer lea-martin", "retirer lea@exemple.fr"),
    run=run,
    roles=ADMIN,
    private=True,
    confirmed=True,
    free_text=True,
)

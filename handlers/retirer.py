"""/retirer: all rights of a person, at once."""

from handlers import french, rights
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import ADMIN, Command, Context
from handlers.desk import KnownPerson


async def run(ask: Ask, context: Context) -> Answer:
    said = ask.arguments.strip().lower()
    if not said:
        return COMMAND.how_to("Retirer ses droits à qui ? /inviter, seul, montre qui a accès.")
    known = context.desk.people()
    people = [it for it in known if not it.revoked_at]
    found = next((it for it in people if said in (it.person.id.lower(), it.email.lower(), *it.addresses)), None)
    former = next((it for it in known if it.revoked_at and said == it.person.id.lower()), None)
    if found is None and former and ask.confirmed:
        return _removed(former, ())  # the touch is answered after a crash, which came between
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
    return _removed(found, shared)


def _removed(gone: KnownPerson, shared: tuple[str, ...]) -> Answer:
    return Answer(
        f"{gone.person.name} n'a plus de droits.",
        (*shared, f"Pour les rendre : /inviter {gone.person.name} {gone.email} RÔLE…"),
        about=gone.person.id,
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

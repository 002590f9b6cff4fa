"""/inviter: who has access, and somebody new, with a role and a code for his Telegram."""

import re

from handlers import french, rights
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask, Role
from handlers.command import ADMIN, Command, Context
from handlers.desk import KnownPerson, NotAdmitted


async def run(ask: Ask, context: Context) -> Answer:
    words = " ".join(ask.arguments.split())
    if not words:
        return _everyone(context)
    found = re.fullmatch(r"(.*?)[\s<(]*([^\s<(]*@[^\s>)]*)[\s>)]*(.*)", words)
    if not found:
        return COMMAND.how_to("Il faut un nom, une adresse et un rôle.")
    name, email, said = found[1], found[2], re.split(r"[\s,;]+", found[3].strip())
    roles: list[Role] = []
    for word in filter(None, said):
        role = rights.role_named(word)
        if role is None:
            return COMMAND.how_to(f"{french.quoted(word)} n'est pas un rôle : technique, comptabilité ou équipe.")
        if role == "admin":
            return Answer(
                "Le rôle admin ne se donne pas dans un chat.",
                ("Sur le serveur du robot, une fois la personne invitée : origyne-bot people roles PERSONNE RÔLE…",),
                refused=True,
            )
        roles.append(role)
    try:
        planned = context.desk.planned(name, email, frozenset(roles))
        if not ask.confirmed:
            return _asked(planned, f"inviter {name.strip()} {email} {' '.join(roles)}", context)
        done = context.desk.invite(ask.person.name, name, email, frozenset(roles))
    except NotAdmitted as refused:
        return COMMAND.how_to(str(refused))
    return Answer(
        f"Invitation envoyée à {done.email}.",
        (
            f"{done.person.name} : {rights.in_words(done.person.roles)}.",
            f"Le code du courriel relie son Telegram jusqu'au {french.moment(done.invited_until, context.now())}.",
            f"Pour revenir en arrière : /retirer {done.person.id}",
        ),
        about=done.person.id,
        shows="invitation",
    )


def _asked(planned: KnownPerson, command: str, context: Context) -> Answer:
    what = [f"Rôles : {rights.in_words(planned.person.roles)}."]
    if planned.revoked_at:
        when = french.moment(planned.revoked_at, context.now())
        what.append(f"Ses droits ont été retirés le {when} ({planned.person.id}) : ils lui seront rendus.")
    elif planned.person.id:
        what.append(
            f"Cette adresse est celle de {planned.person.id}, qui a déjà accès : un nouveau code lui sera envoyé."
        )
    else:
        what.append("Cette personne pourra interroger le robot, par courriel dès maintenant.")
    what.append("Un code à usage unique y part par courriel ; les précédents ne valent plus rien.")
    return Answer(
        f"Inviter {planned.person.name} ({planned.email}) ?",
        tuple(what),
        buttons=(Button("Inviter", command, in_place=True, confirms=True),),
        shows="confirmation",
    )


def _everyone(context: Context) -> Answer:
    people = [it for it in context.desk.people() if not it.revoked_at]
    now = context.now()
    return Answer(
        f"{french.count(len(people), 'personne')} ont accès" if len(people) > 1 else "Une personne a accès",
        ("Inviter : /inviter NOM ADRESSE RÔLE…", "Retirer tous ses droits à quelqu'un : /retirer PERSONNE"),
        table=Table(
            ("Personne", "Nom", "Rôles", "Telegram"),
            tuple((it.person.id, it.person.name, rights.in_words(it.person.roles), chats(it, now)) for it in people),
        ),
        shows="personnes",
    )


def chats(person: KnownPerson, now: int) -> str:
    """Since when a person is in the chat, or what is awaited for that."""
    if person.chats_since:
        return f"depuis le {french.moment(person.chats_since[0], now)}"
    return f"invité jusqu'au {french.moment(person.invited_until, now)}" if person.invited_until else "—"


COMMAND = Command(
    name="inviter",
    summary="Donner accès à quelqu'un, voir qui a accès",
    usage="inviter NOM ADRESSE RÔLE…",
    examples=("inviter Léa Martin lea@exemple.fr équipe", "inviter"),
    aliases=("invite",),
    run=run,
    roles=ADMIN,
    private=True,
    confirmed=True,
    free_text=True,
)

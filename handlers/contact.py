"""/contact: a question to the staff, who answer by mail; their answers come back where it was asked."""

import re
from dataclasses import replace

from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.desk import Conversation

#: Conversations that a phone shows.
_MOST = 6

_NUMBERED = re.compile(r"^#\s*(\d+)\s*(.*)$", re.DOTALL)

#: "? status 0639980001" asks what to say about that answer, "? status 0639980001 ? words" says it.
_ABOUT = re.compile(r"^\?\s*([^?]+?)\s*(?:\?\s*(.*))?$", re.DOTALL)


async def run(ask: Ask, context: Context) -> Answer:
    staff = context.desk.staff_of(ask.person)
    words = ask.arguments.strip()
    if numbered := _NUMBERED.match(words):
        return _say(ask, context, int(numbered[1]), numbered[2].strip())
    if ask.door == "chat" and ask.thread and (words or ask.files):
        return _say(ask, context, ask.thread, words)  # written under one of its messages
    if not staff:
        return _nobody(ask)
    asked, words = _about(words)
    if not words and not ask.files:
        return _what(ask, context, asked)
    about = await _answer_to(asked, ask, context) if asked else None
    opened = context.desk.open_contact(ask, words, about)
    if opened is None:
        return _said_before()
    return _left(opened, ask).of(about.about if about else "")


def _say(ask: Ask, context: Context, number: int, words: str) -> Answer:
    again = f"contact #{number}"
    if not words and not ask.files:
        how = {"chat": () if ask.private else ("L'écrire en réponse à ce message.",)}
        return Answer(
            "Que répondre ?",
            how.get(ask.door, (f"L'écrire après la commande : /{again} suivi du message.",)),
            awaits_words=again,
            awaits_file=again,
            thread=number,
        )
    said = context.desk.say(ask, number, words)
    if said.outcome == "said before":
        return _said_before()
    if said.outcome == "unknown":
        return Answer(f"La conversation n° {number} n'existe pas, ou n'est pas la vôtre.", refused=True)
    if said.outcome == "nobody":
        return _nobody(ask)
    if said.outcome == "too many":
        return Answer(
            "Trop de messages en une minute.", ("Celui-ci n'est pas parti : en regrouper plusieurs.",), refused=True
        )
    to = "à l'équipe" if set(said.to) <= set(context.desk.staff_of(ask.person)) else f"à {', '.join(said.to)}"
    # Many within a minute leave as one mail.
    later = ("Il partira dans la minute, avec les suivants.",) if said.outcome == "held" else ()
    return Answer(f"Transmis {to}.", later, thread=number)


def _nobody(ask: Ask) -> Answer:
    if "équipe" in ask.person.roles:
        return Answer(
            "Personne d'autre n'est dans l'équipe.",
            ("Ajouter une adresse au réglage ORIGYNE_STAFF_EMAILS, puis redémarrer le service.",),
            refused=True,
        )
    return Answer(
        "Aucune adresse de l'équipe n'est réglée.",
        ("L'ajouter au réglage ORIGYNE_STAFF_EMAILS, puis redémarrer le service.",),
        refused=True,
    )


def _what(ask: Ask, context: Context, asked: str) -> Answer:
    opened = context.desk.contacts(ask.person)[:_MOST]
    again = f"contact ? {asked} ?" if asked else "contact"
    return Answer(
        f"Que dire à l'équipe à propos de {french.quoted(asked)} ?" if asked else "Que dire à l'équipe ?",
        (
            "L'écrire ici : cela part par courriel, et la réponse revient ici."
            if ask.door == "chat" and ask.private
            else "L'écrire après la commande : /contact suivi du message.",
            *(_shown(it, context) for it in ([] if asked else opened)),
        ),
        buttons=() if asked else tuple(Button(f"Répondre n° {it.number}", f"contact #{it.number}") for it in opened),
        awaits_words=again,
        awaits_file=again,
    )


def _shown(conversation: Conversation, context: Context) -> str:
    since = french.moment(conversation.opened_at, context.now())
    return f"Ouverte : n° {conversation.number}, {since}, {conversation.subject}"


def _left(opened: Conversation, ask: Ask) -> Answer:
    where = {"chat": "ici", "mail": "par courriel"}.get(ask.door, "dans votre chat, ou par courriel")
    return Answer(
        f"Envoyé à l'équipe : {', '.join(opened.to)}",
        (f"La réponse arrivera {where}. Conversation n° {opened.number}.",),
        # In a mail, that reply would be for the staff.
        buttons=() if ask.door == "mail" else (Button("Clore", f"clore #{opened.number}"),),
        thread=opened.number,
    )


def _said_before() -> Answer:
    return Answer("Ce message est déjà parti.", ("Une correction se dit dans un nouveau message.",))


def _about(words: str) -> tuple[str, str]:
    """The question whose answer it is about, "" for none, and the words."""
    found = _ABOUT.match(words)
    return (found[1], (found[2] or "").strip()) if found else ("", words)


async def _answer_to(question: str, ask: Ask, context: Context) -> Answer:
    """What the bot answers to it, as a mail may show it; else the question."""
    from handlers import registry
    from handlers.understand import understand

    found = understand(question)
    command = registry.named(found[0]) if found else None
    if found is None or command is None:
        return Answer(question)
    again = Ask(*found, ask.person, "mail")
    if registry.refusal(again, command):
        return Answer(f"/{command.name}")  # which may hold a code
    return replace(await command.run(again, context), files=(), buttons=(), picture=None)


COMMAND = Command(
    name="contact",
    summary="Écrire à l'équipe, et lire sa réponse ici",
    usage="contact MESSAGE",
    examples=("contact Durand demande une ligne de plus, qui s'en charge ?", "contact"),
    spoken=("équipe",),
    run=run,
    roles=EVERYONE,
    takes_files=True,
    free_text=True,
)

"""What is shown only once somebody said that he really wants it, and where it goes after a while."""

from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import Context

#: What to do about a code that cannot be opened.
CALL_ADMINISTRATOR = "Prévenir qui exploite le robot : « origyne-bot doctor » dit pourquoi."

NO_KEY = Answer(
    "Les codes ne sont ni gardés ni montrés : la clé de chiffrement manque.",
    ("Qui exploite le robot la met dans ORIGYNE_SECRET_KEY (« origyne-bot key new » en donne une).",),
    refused=True,
)


def whom_to_ask(asking: str, whom: str) -> str:
    """Whom somebody without a right turns to, both by name: not to himself."""
    if whom == asking:
        return "Il se donne sur le serveur du robot : origyne-bot people roles."
    return f"Pour l'obtenir, s'adresser à {whom}."


def confirm(title: str, lines: tuple[str, ...], label: str, command: str) -> Answer:
    """The question that a touch confirms; what it asks then comes in its place."""
    return Answer(title, lines, buttons=(Button(label, command, in_place=True, confirms=True),), shows="confirmation")


def told(ask: Ask, context: Context) -> tuple[str, ...]:
    """That what is shown does not stay, where that is so."""
    if ask.door != "chat":
        return ()
    return (f"Ce message s'efface dans {french.count(context.settings.codes_minutes, 'minute')}.",)

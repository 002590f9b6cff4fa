"""The detail of a line's communications with whole called numbers: for an administrator alone, who says why.

The law hides their last four digits unless there is a reason to see them (order of 31/12/2013, CNIL norm NS-47), and a
chat never shows them: what comes there is a workbook that a password closes, and the password goes another way.
"""

import re
from dataclasses import replace

from core import books as core_books
from core.layouts import fold
from core.locked import new_password
from core.numbers import show
from core.redact import Redactor
from handlers import books, confirming, french
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import ADMIN, Context
from handlers.periods import Period

#: Signs of a reason.
FEWEST_SIGNS, MOST_SIGNS = 10, 300
_FEWEST_LETTERS = 5

#: What the audit calls it.
SHOWN = "détail complet"

_WHY = re.compile(r"(?<!\w)motif(?!\w)\s*:?", re.IGNORECASE)
#: A whole month ("mois complet", "octobre entier") has its numbers masked as any other.
_WHOLE = re.compile(
    r"(?<!\w)(?<!\bmois )(?:(?:avec\s+)?(?:le\s+)?d[ée]tail\s+)?"
    r"(?:(?:avec\s+)?(?:les\s+)?num[ée]ros\s+(?:entiers|complets)"
    r"|compl(?:et|ète|ete)s?|d[ée]masqu[ée]e?s?|non[ -]masqu[ée]e?s?|sans\s+masque|en\s+clair)(?!\w)",
    re.IGNORECASE,
)
_REDACTED = Redactor()
_STOP = frozenset({"stop", "non", "annuler", "annule", "abandonner", "quitter"})


def taken(words: str) -> tuple[str, str | None]:
    """Take what asks for whole numbers out of a person's words: what is left, and the reason, "" while it is unsaid;
    None where whole numbers are not asked for."""
    why = _WHY.search(words)
    question = words[: why.start()] if why else words
    rest = _WHOLE.sub(" ", question)
    if rest == question:
        return words, None
    return " ".join(rest.split()), " ".join(words[why.end() :].split()) if why else ""


def argument(why: str) -> str:
    """What `taken` takes, for the same question about another line."""
    return f" complet motif {why}" if why else " complet"


def refusal(ask: Ask, context: Context) -> Answer | None:
    """Why this person does not see whole numbers, or not here; None where he may."""
    usual = "Sans « complet », le détail vient avec les quatre derniers chiffres des numéros appelés cachés."
    if not ADMIN & ask.person.roles:
        return Answer(
            "Le détail complet n'est pas ouvert à votre rôle.",
            (
                "Il faut le rôle administrateur.",
                confirming.whom_to_ask(ask.person.name, context.desk.whom_to_ask()),
                usual,
            ),
            refused=True,
            denied=True,
        )
    if not ask.shows_codes:
        return Answer(
            "Le détail complet ne se demande qu'en conversation privée avec le robot.",
            ("Qui a appelé qui est protégé par la loi : cela ne passe ni par courriel ni dans un groupe.", usual),
            refused=True,
            denied=True,
        )
    return None


async def answer(ask: Ask, number: str, period: Period, why: str, context: Context) -> Answer:
    """The next step towards the book: its reason, a touch that confirms, the book itself."""
    command = f"cdr {number} {period.command} complet motif"
    unfit = _unfit(why, ask, number, period, command)
    if unfit:
        return unfit.of(number)
    why = _REDACTED(why)  # it stays in the audit, where neither a code nor a whole called number does
    address = "" if ask.door == "terminal" else context.desk.address_of(ask.person)
    if ask.door != "terminal" and not address:
        return Answer(
            "Le mot de passe du fichier n'a pas où aller.",
            ("Aucune adresse de courriel n'est connue pour vous.",),
            refused=True,
            about=number,
        )
    if not ask.confirmed:
        return replace(_question(ask, number, period, why, address, command, context), about=number, why=why)
    return replace(await _made(ask, number, period, why, address, context), about=number, why=why)


def _unfit(why: str, ask: Ask, number: str, period: Period, command: str) -> Answer | None:
    """What is said to who gave no reason, or one that says nothing."""
    if fold(why) in _STOP:
        return Answer("Rien n'est préparé.")
    if not why:
        title = f"{show(number)} : pour quel motif le détail complet {period.of} ?"
    elif len(why) > MOST_SIGNS:
        title = f"Ce motif est trop long : {MOST_SIGNS} signes au plus."
    elif len(why) < FEWEST_SIGNS or sum(map(str.isalpha, why)) < _FEWEST_LETTERS:
        title = f"Ce motif est trop court : {FEWEST_SIGNS} signes au moins, en mots."
    else:
        return None
    lines = [
        "Le dire en quelques mots : litige sur une facture, demande écrite du titulaire…",
        "Le motif reste au journal, avec votre nom et la ligne.",
    ]
    if ask.door == "terminal":
        lines.append(f"Exemple : {command} litige sur la facture d'octobre")
    # A reason that is none may be another question.
    refused = bool(why) or ask.door == "terminal"
    return Answer(title, tuple(lines), awaits_words=command, refused=refused, shows="motif demandé")


def _question(ask: Ask, number: str, period: Period, why: str, address: str, command: str, context: Context) -> Answer:
    if ask.door == "terminal":
        told = ["Le fichier s'enregistre dans le dossier courant, sans mot de passe : le protéger, puis l'effacer."]
    else:
        told = [
            f"Le fichier vient ici, fermé par un mot de passe qui part à {address}.",
            f"L'enregistrer aussitôt : son message s'efface après {_minutes(context)}.",
        ]
    return confirming.confirm(
        f"{show(number)} : préparer le détail complet {period.of} ?",
        (
            "Il dit qui a été appelé, quand et combien de temps, sans rien cacher.",
            f"Motif, gardé au journal : {french.quoted(why, MOST_SIGNS)}",
            *told,
        ),
        "Préparer le fichier",
        f"{command} {why}",
    )


async def _made(ask: Ask, number: str, period: Period, why: str, address: str, context: Context) -> Answer:
    title = f"{show(number)} : détail complet {period.of}"
    password = new_password() if address else ""
    made = await books.made(
        title,
        f"Communications {number} {period.command} complet",
        context,
        core_books.cdr,
        context.settings.data,
        number,
        period.first,
        period.last,
        core_books.Whole(ask.person.name, why, password),
    )
    if made.refused:
        return made
    if not address:
        return replace(made, lines=("Les numéros appelés y sont entiers : l'effacer ensuite.",), shows=SHOWN)
    context.desk.mail_password(ask.person, title, password)
    return replace(
        made,
        lines=(
            f"Le mot de passe part à {address}. Excel et LibreOffice le demandent à l'ouverture.",
            f"Enregistrer le fichier aussitôt : ce message s'efface dans {_minutes(context)}.",
        ),
        shows=SHOWN,
        fleeting=True,
    )


def _minutes(context: Context) -> str:
    return french.count(context.settings.codes_minutes, "minute")

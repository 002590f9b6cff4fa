"""All commands, found in their own files; who may ask what; and the answer to a question."""

import importlib
import logging
import pkgutil
from functools import cache
from typing import get_args

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

import handlers
from core.layouts import fold
from handlers import confirming
from handlers.answer import Answer
from handlers.ask import Ask, Person, Role
from handlers.command import Command, Context

log = logging.getLogger(__name__)

#: Telegram's menu follows this order, and /aide shows these groups; what is not named here comes last, by name.
GROUPS: dict[str, tuple[str, ...]] = {
    "Une ligne, un client": ("status", "conso", "rio", "puk", "lignes", "clients", "historique", "cdr", "sim"),
    "Papiers et calculs": ("factures", "documents", "duree"),
    "Ouvrir le compte": ("dossier", "profil", "upload", "bandeau", "marketing"),
    "L'équipe": ("contact", "clore"),
    "Les accès": ("inviter", "retirer", "audit"),
    "Le robot": ("alertes", "etat", "rejets", "sync", "selftest", "aide"),
}
_ORDER = tuple(name for names in GROUPS.values() for name in names)

#: How much a mistyped command resembles the right one: two signs wrong in six.
_LIKE_ENOUGH = 0.6


@cache
def commands() -> tuple[Command, ...]:
    """Every command declared by a file of `handlers/`."""
    modules = (importlib.import_module(f"handlers.{found.name}") for found in pkgutil.iter_modules(handlers.__path__))
    found = [module.COMMAND for module in modules if hasattr(module, "COMMAND")]
    return tuple(
        sorted(found, key=lambda command: (_ORDER.index(command.name) if command.name in _ORDER else 99, command.name))
    )


def commands_of(person: Person) -> list[Command]:
    return [command for command in commands() if command.roles & person.roles]


def named(word: str, *, spoken: bool = True) -> Command | None:
    """The command of that name or alias, without regard to case and accents.

    :param spoken: whether everyday words count too.
    """
    folded = _folded(word)
    return next((command for command in commands() if folded in _names(command, spoken=spoken)), None)


@cache
def _names(command: Command, *, spoken: bool) -> frozenset[str]:
    return frozenset(map(_folded, (command.name, *command.aliases, *(command.spoken if spoken else ()))))


def nearest(word: str, person: Person) -> Command | None:
    """The command that a mistyped word resembles, among those that this person may use."""
    names = {name: command for command in commands_of(person) for name in _names(command, spoken=True)}
    found = process.extractOne(_folded(word), names.keys(), scorer=DamerauLevenshtein.normalized_similarity)
    return names[found[0]] if found and found[1] >= _LIKE_ENOUGH else None


def _folded(name: str) -> str:
    return fold(name) or name


def refusal(ask: Ask, command: Command, whom: str = "") -> Answer | None:
    """Why this person may not ask this here, or None.

    :param whom: who gives rights, by name.
    """
    if not command.roles & ask.person.roles:
        *others, last = (role for role in get_args(Role) if role in command.roles)
        needed = f"{', '.join(others)} ou {last}" if others else last
        return _denied(
            f"/{command.name} n'est pas ouverte à votre rôle.",
            f"Il faut le rôle {needed}.",
            *((confirming.whom_to_ask(ask.person.name, whom),) if whom else ()),
        )
    if command.private and not ask.shows_codes:
        return _denied(
            f"/{command.name} ne se demande qu'en conversation privée avec le robot.",
            "Elle touche aux droits ou aux données d'autres personnes.",
        )
    hidden = command.files_by_mail and ask.files and ask.private
    harmless = fold(ask.arguments) in command.harmless and not ask.files
    if command.sensitive and not (ask.shows_codes or hidden or harmless):
        return _denied(
            f"/{command.name} ne se demande qu'en conversation privée avec le robot.",
            "Un RIO ou un code permet de prendre une ligne : il ne passe ni par courriel ni dans un groupe.",
        )
    return None


def _denied(title: str, *lines: str) -> Answer:
    return Answer(title, lines, refused=True, denied=True)


async def answer(ask: Ask, context: Context) -> Answer:
    """Answer a question, after the rights were looked at."""
    command = named(ask.command)
    if command is None:
        raise LookupError(ask.command)
    log.info("taken: %s, /%s", ask.door, command.name)  # never the words
    return refusal(ask, command, context.desk.whom_to_ask()) or await command.run(ask, context)

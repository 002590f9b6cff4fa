"""Who may ask what, as a table: made of the commands' own declarations, so that none is forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from core.layouts import fold
from handlers import registry
from handlers.ask import Role

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class Right:
    """A command, and who may ask it where.

    `in_groups`, `by_mail`: whether a question of those roles is answered there; `partly`: only some questions are (its
    files, or arguments that hold no code). `confirmed`: what it shows or changes takes a second touch.
    `for_admin`: what of it is an administrator's alone (French), "" for nothing.
    """

    command: str
    summary: str
    roles: frozenset[Role]
    in_groups: bool
    by_mail: bool
    partly: bool
    confirmed: bool
    for_admin: str


def table() -> tuple[Right, ...]:
    """A row for each command, in the order of the menu."""
    return tuple(
        Right(
            command.name,
            command.summary,
            command.roles,
            in_groups=not (command.private or command.sensitive),
            by_mail=not (command.private or command.sensitive),
            partly=command.sensitive and not command.private and bool(command.files_by_mail or command.harmless),
            confirmed=command.confirmed,
            for_admin=command.for_admin,
        )
        for command in registry.commands()
    )


def in_words(roles: Iterable[Role]) -> str:
    """technique, équipe: in the order of the table."""
    have = set(roles)
    return ", ".join(role for role in ROLES if role in have)


def role_named(word: str) -> Role | None:
    """The role that a word means, without regard to case and accents."""
    return _WORDS.get(fold(word))


_WORDS: dict[str, Role] = {
    "technique": "technique",
    "tech": "technique",
    "comptabilite": "comptabilité",
    "compta": "comptabilité",
    "comptable": "comptabilité",
    "equipe": "équipe",
    "staff": "équipe",
    "admin": "admin",
    "administrateur": "admin",
}

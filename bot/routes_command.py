"""`origyne-bot routes`: who is told of what, by which channel and when, in words."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.desk import open_desk
from bot.desk.people import Contact, People
from bot.notices.routes import USER_FILE, Route, Routes, RoutesError, packaged_text
from core.layouts import fold
from core.settings import Settings

ANSWERED, UNUSABLE = 0, 2

_BY = {"mail": "courriel", "chat": "chat"}
_NAMES = {"technique": "technique", "comptabilite": "comptabilité", "equipe": "équipe"}


def show_routes(options: Namespace, out: Console, err: Console) -> int:
    """The table in force, or the packaged file with its explanations."""
    if options.example:
        out.print(Text(packaged_text()))
        return ANSWERED
    settings = Settings.load()
    data = settings.open_data_folder()
    try:
        routes = Routes.load(data)
    except RoutesError as error:
        err.print(Text("La table des avis ne se lit pas ; celle d'origine vaut en attendant :", style="bold red"))
        for fault in error.faults:
            err.print(Text(f"  • {fault}"))
        err.print(Text("Des exemples : origyne-bot routes --example"))
        return UNUSABLE
    table = Table("Quoi", "Qui, par où et quand", box=None, pad_edge=False)
    for what, found, own in routes.table():
        table.add_row(Text(what + (" *" if own else "")), Text("\n".join(_in_words(found)) or "personne"))
    out.print(table)
    out.print("")
    with closing(open_desk(data)) as desk:
        people = People(desk)
        people.follow(settings)
        for line in _who(people, routes):
            out.print(Text(line))
    if routes.own:
        out.print(Text(f"* d'après {data / USER_FILE}"))
    else:
        out.print(
            Text(f"La règle d'origine. Pour la changer : écrire {data / USER_FILE} (origyne-bot routes --example).")
        )
    quiet = settings.quiet.in_words()
    but = "sauf pour une panne ou une ligne que l'opérateur suspend de lui-même."
    out.print(Text(f"Le chat ne sonne pas {quiet}, {but}" if quiet else "Le chat sonne à toute heure."))
    return ANSWERED


def _who(people: People, routes: Routes) -> Iterator[str]:
    """The addresses of each role; what reaches nobody."""
    for role, name in _NAMES.items():
        own = [it for it in people.everyone() if role in {fold(it_role) for it_role in it.person.roles}]
        yield f"{name} : {', '.join(_address(people, it) for it in own) or 'personne'}"
    named = {route.reader for line in routes.lines.values() for route in line if "@" in route.reader}
    for address in sorted(named):
        if people.by_email(address) is None:
            yield f"! {address} n'est pas connue : rien n'y part. L'ajouter à ORIGYNE_STAFF_EMAILS."


def _address(people: People, contact: Contact) -> str:
    return contact.email + (" et son chat" if people.chats_of(contact.person.id) else " (pas encore de chat)")


def _in_words(found: tuple[Route, ...]) -> list[str]:
    """One line a reader and time: "technique : courriel et chat, aussitôt"."""
    by_reader: dict[tuple[str, str], list[str]] = {}
    for route in found:
        by_reader.setdefault((route.reader, route.in_words()), []).append(_BY[route.channel])
    return [
        f"{_NAMES.get(reader, reader)} : {' et '.join(channels)}, {when}"
        for (reader, when), channels in by_reader.items()
    ]

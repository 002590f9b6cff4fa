"""`origyne-bot people`: who has access, invited, changed and removed by who has the machine, beside a running service.

The service looks at rights at each question and before each answer leaves, so that a change made here needs no bell.
"""

import argparse
import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing

from rich.console import Console
from rich.text import Text
from telegram.error import TelegramError

from bot.desk import audit, facts
from bot.enrolment import know_robot
from bot.house import House, open_house
from bot.outbox_command import is_confirmed
from bot.running import is_running
from bot.telegram.client import make_bot
from bot.terminal import draw
from core.settings import Settings
from handlers import french, rights
from handlers.answer import Answer, Table
from handlers.ask import Role
from handlers.desk import KnownPerson, NotAdmitted
from handlers.inviter import chats

DONE, REFUSED = 0, 1


def declare(command: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    command.set_defaults(action="list")
    actions = command.add_subparsers(title="actions", metavar="ACTION")
    person = argparse.ArgumentParser(add_help=False)
    person.add_argument("id", metavar="PERSONNE", help="comme « people list » la nomme, ou son adresse")

    action = actions.add_parser("list", help="qui a accès, par quels rôles, adresses et chats")
    action.set_defaults(action="list")

    action = actions.add_parser("invite", help="donner accès à quelqu'un, et lui envoyer un code pour son Telegram")
    action.add_argument("name", metavar="NOM", help="par exemple : 'Léa Martin'")
    action.add_argument("email", metavar="ADRESSE")
    action.add_argument("roles", nargs="+", metavar="RÔLE", help="technique, comptabilité, équipe, admin")
    action.set_defaults(action="invite")

    action = actions.add_parser("revoke", parents=[person], help="retirer tous ses droits à quelqu'un, aussitôt")
    action.add_argument("--chats", action="store_true", help="ses chats seulement : il garde ses droits par courriel")
    action.add_argument("--yes", action="store_true", help="sans demander")
    action.set_defaults(action="revoke")

    action = actions.add_parser("roles", parents=[person], help="les rôles de quelqu'un, à partir de maintenant")
    action.add_argument("roles", nargs="+", metavar="RÔLE", help="technique, comptabilité, équipe, admin")
    action.set_defaults(action="roles")

    action = actions.add_parser("addresses", parents=[person], help="les adresses d'où quelqu'un écrit")
    action.add_argument("--add", metavar="ADRESSE", default="", help="en ajouter une")
    action.add_argument("--remove", metavar="ADRESSE", default="", help="en enlever une qui fut ajoutée")
    action.set_defaults(action="addresses")

    action = actions.add_parser("rights", help="la table des droits : qui peut demander quoi")
    action.set_defaults(action="rights")


def run(options: argparse.Namespace, out: Console, err: Console) -> int:
    """`options.action`: list, invite, revoke, roles, addresses or rights."""
    if options.action == "rights":
        draw(_rights(), out)
        return DONE
    house = open_house(Settings.load())
    with closing(house.context), closing(house.desk), closing(house.context.telecom):
        try:
            return _ACTIONS[options.action](options, house, out)
        except NotAdmitted as refused:
            err.print(Text(str(refused)))
            return REFUSED


# -- actions


def _list(_: argparse.Namespace, house: House, out: Console) -> int:
    now = house.context.now()
    people = house.own.people()
    _note(house, "list")
    out.print(Text(f"{french.count(sum(not it.revoked_at for it in people), 'personne')} avec accès", style="bold"))
    for it in people:
        out.print()
        out.print(Text(f"{it.person.id} : {it.person.name}", style="dim" if it.revoked_at else "bold"))
        for line in _lines(it, now):
            out.print(Text(f"  {line}", style="dim" if it.revoked_at else ""))
    return DONE


def _lines(person: KnownPerson, now: int) -> Iterator[str]:
    if person.revoked_at:
        yield f"Droits retirés le {french.moment(person.revoked_at, now)}"
        yield f"Adresse : {person.email}"
        return
    by_hand = person.granted & person.person.roles
    yield f"Rôles : {rights.in_words(person.person.roles)}" + (
        f" (donné à la main : {rights.in_words(by_hand)})" if by_hand else ""
    )
    yield f"Adresses : {', '.join((person.email, *person.addresses))}"
    yield f"Telegram : {chats(person, now)}"
    if len(person.chats_since) > 1:
        yield f"  et {french.count(len(person.chats_since) - 1, 'autre chat', 'autres chats')}"
    yield f"Dernière question : {french.moment(person.last_seen, now) if person.last_seen else 'jamais'}"


def _invite(options: argparse.Namespace, house: House, out: Console) -> int:
    roles = _roles(options.roles)
    house.own.planned(options.name, options.email, roles)
    if not facts.get(house.desk, "bot_username"):
        asyncio.run(_ask_name(house))
    by = house.profile.technical_contact
    with house.desk.atomic():
        done = house.own.invite(by, options.name, options.email, roles)
        _note(house, "invite", done.person.id, rights.in_words(roles))
    until = french.moment(done.invited_until, house.context.now())
    out.print(
        Text(
            f"{done.person.name} ({done.person.id}) : {rights.in_words(done.person.roles)}. "
            f"L'invitation part à {done.email} ; son code vaut jusqu'au {until}."
        )
    )
    if not facts.get(house.desk, "bot_username"):
        out.print("Le nom du robot n'est pas connu (Telegram n'a pas répondu) : le courriel a le code, sans lien.")
    if not is_running(house.data):
        out.print("Le service ne tourne pas : elle partira quand il démarrera (origyne-bot serve).")
    return DONE


async def _ask_name(house: House) -> None:
    """Before the service ran for the first time nobody knows the robot's name but Telegram."""
    try:
        async with make_bot(house.settings.telegram) as bot:
            know_robot(house.desk, bot.username)
    except TelegramError:
        return


def _revoke(options: argparse.Namespace, house: House, out: Console) -> int:
    person = _person(options.id, house)
    if options.chats:
        loss = f"Les chats de {person.person.name} ne seront plus reconnus ; ses droits par courriel restent."
    else:
        loss = (
            f"{person.person.name} ({rights.in_words(person.person.roles)}) perd tous ses droits, aussitôt : chats, "
            "codes, et ce qui attend de lui être envoyé."
        )
    if not is_confirmed(loss, options, out):
        out.print("Rien n'a changé. Sans terminal, ajouter --yes.")
        return REFUSED
    with house.desk.atomic():
        if options.chats:
            number = house.own.admission.unbind(person.person.id)
            said = f"{french.count(number, 'chat coupé', 'chats coupés')}. Pour en relier un autre : people invite."
        else:
            house.own.revoke(person.person.id)
            said = f"{person.person.name} n'a plus de droits. Pour les rendre : people invite."
        _note(house, "revoke", person.person.id, "chats seulement" if options.chats else "")
    out.print(Text(said))
    others = [it for it in house.own.people() if not it.revoked_at and it.person.id != person.person.id]
    for it in others if not options.chats else []:
        if person.email.lower() in (it.email.lower(), *it.addresses):
            out.print(Text(f"Attention : {person.email} est aussi l'adresse de {it.person.id}, qui garde ses droits."))
    return DONE


def _set_roles(options: argparse.Namespace, house: House, out: Console) -> int:
    person = _person(options.id, house)
    with house.desk.atomic():
        done = house.own.admission.set_roles(person.person.id, _roles(options.roles))
        _note(house, "roles", person.person.id, rights.in_words(done.person.roles))
    out.print(Text(f"{done.person.name} : {rights.in_words(done.person.roles)}."))
    return DONE


def _addresses(options: argparse.Namespace, house: House, out: Console) -> int:
    person = _person(options.id, house)
    with house.desk.atomic():
        if options.add:
            house.own.admission.add_address(person.person.id, options.add)
        if options.remove:
            house.own.admission.remove_address(person.person.id, options.remove)
        _note(house, "addresses", person.person.id, "changées" if options.add or options.remove else "")
    out.print(Text(f"{person.person.name} reçoit ses courriels à {person.email}, et peut écrire de là."))
    for address in house.people.addresses_of(person.person.id):
        out.print(Text(f"Peut aussi écrire de : {address}"))
    return DONE


_ACTIONS: dict[str, Callable[[argparse.Namespace, House, Console], int]] = {
    "list": _list,
    "invite": _invite,
    "revoke": _revoke,
    "roles": _set_roles,
    "addresses": _addresses,
}


def _person(said: str, house: House) -> KnownPerson:
    """Somebody with rights, by his id or an address."""
    people = [it for it in house.own.people() if not it.revoked_at]
    word = said.lower()
    found = [it for it in people if it.person.id.lower() == word]
    found = found or [it for it in people if word in (it.email.lower(), *it.addresses)]
    if not found:
        raise NotAdmitted(f"« {said} » n'a pas accès. Ont accès : {', '.join(it.person.id for it in people)}.")
    if len(found) > 1:
        raise NotAdmitted(f"{said} est l'adresse de plusieurs : {', '.join(it.person.id for it in found)}.")
    return found[0]


def _roles(words: list[str]) -> frozenset[Role]:
    found = set()
    for word in words:
        role = rights.role_named(word)
        if role is None:
            raise NotAdmitted(f"« {word} » n'est pas un rôle : {', '.join(rights.ROLES)}.")
        found.add(role)
    return frozenset(found)


def _note(house: House, action: str, about: str = "", given: str = "") -> None:
    audit.record_by_hand(house.desk, f"people {action}", about=about, shown=given)


# -- the table of rights


def _rights() -> Answer:
    table = rights.table()
    rows = tuple(
        (f"/{it.command}", *("oui" if role in it.roles else "—" for role in rights.ROLES), _marks(it)) for it in table
    )
    return Answer(
        "Qui peut demander quoi",
        (
            "",
            "1 : jamais dans un groupe ni par courriel, seulement en chat privé et au terminal.",
            "2 : de même, sauf ses fichiers ou ce qui ne contient aucun code.",
            "3 : ce qui est sensible se confirme par un bouton.",
            *(
                f"4 : {it.for_admin}, à un administrateur seul, en privé, avec un motif."
                for it in table
                if it.for_admin
            ),
            "Les commandes du terminal (people, key, purge…) sont à qui a accès à la machine.",
        ),
        table=Table(("Commande", *rights.ROLES, "Où"), rows),
    )


def _marks(right: rights.Right) -> str:
    marks = ["2" if right.partly else "1"] if not right.by_mail else []
    return " ".join([*marks, *(["3"] if right.confirmed else []), *(["4"] if right.for_admin else [])])

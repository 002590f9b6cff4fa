"""Letting people in, and out: an invitation by mail, roles and addresses given and taken by hand.

What a person may do follows from `bot.desk.people`; here is what may be changed, and who is told of it.
"""

import time
from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from sqlite_utils import Database

from bot.desk import facts
from bot.desk.people import ACCOUNTING, CODE_LIFE, TECHNICAL, Contact, People
from bot.mail.letter import Letter
from core.profile import FIELDS, Profile, ProfileError
from core.settings import Settings
from handlers import french
from handlers.answer import Answer
from handlers.ask import Person, Role
from handlers.desk import KnownPerson, NotAdmitted
from handlers.rights import in_words

#: Signs of a name.
_MOST_NAME = 60

_EMAIL = next(field for field in FIELDS if field.name == "technical_email")


class Writer(Protocol):
    """Who writes mails, in the caller's transaction."""

    def profile(self) -> Profile: ...

    def write_letter(self, letter: Letter) -> None: ...


class Admission:
    """Each change is one transaction, whichever process makes it: the running service asks for rights at each question
    and before each answer leaves."""

    def __init__(self, settings: Settings, desk: Database, people: People, writer: Writer) -> None:
        self._settings = settings
        self._desk = desk
        self._people = people
        self._writer = writer

    # -- in

    def planned(self, name: str, email: str, roles: Collection[Role]) -> KnownPerson:
        """See `handlers.desk.Desk.planned`."""
        name, email = _name(name), self._address(email)
        if not roles:
            raise NotAdmitted("Il faut au moins un rôle : technique, comptabilité ou équipe.")
        found = self._people.by_email(email)
        if found:
            all_roles = found.person.roles | frozenset(roles)
            return KnownPerson(replace(found.person, roles=all_roles), found.email)
        # Whoever had this address and lost his rights comes back as himself.
        former = next((it for it in self._people.known(_now()) if it.email.lower() == email.lower()), None)
        if former:
            back = self._people.of_settings(former.person.id) | frozenset(roles)
            return KnownPerson(replace(former.person, roles=back), former.email, revoked_at=former.revoked_at)
        return KnownPerson(Person("", name, frozenset(roles)), email)

    def invite(self, by: str, name: str, email: str, roles: Collection[Role]) -> KnownPerson:
        """See `handlers.desk.Desk.invite`."""
        with self._desk.atomic():
            self._people.lock()
            self.planned(name, email, roles)
            person_id = self._people.admit(_name(name), self._address(email), roles)
            contact = self._people.by_id(person_id)
            assert contact
            self.mail_code(contact, by)
        return self._known(person_id)

    def mail_code(self, contact: Contact, by: str = "") -> None:
        """Mail a code that binds a chat to this person, in the place of every earlier one; in the caller's transaction.

        :param by: the name of who invites him, "" where the bot itself does.
        """
        operator = self._writer.profile().operator_name
        code = self._people.new_code(contact.person.id, _now())
        robot = facts.get(self._desk, "bot_username")
        link = (
            f"Ouvrir ce lien sur le téléphone où Telegram est installé : https://t.me/{robot}?start={code}",
            f"Ou écrire au robot @{robot} : /start {code}",
        )
        invited = (
            f"{by} vous ouvre l'assistant de {operator} ({in_words(contact.person.roles)}).",
            f"Par courriel : écrire de cette adresse à {self._settings.bot_email}.",
        )
        part = Answer(
            "Relier votre Telegram",
            (
                *(invited if by else ()),
                *(link if robot else (f"Écrire au robot, dans Telegram : /start {code}",)),
                f"Ce code sert une seule fois, dans les {CODE_LIFE // 3600} heures. Ne pas le transmettre : "
                "il donne accès à l'état des lignes.",
            ),
        )
        about = "votre accès à l'assistant" if by else "relier votre Telegram à l'assistant"
        self._write(contact, f"{operator} : {about}", part, secret=True)

    def tell_bound(self, contact: Contact) -> None:
        """Tell his mailbox that a chat is bound to his name, and what to do if it is not his; in the caller's
        transaction."""
        operator, person_id = self._writer.profile().operator_name, contact.person.id
        part = Answer(
            "Un Telegram est relié à votre nom",
            (
                f"Depuis le {french.moment(_now())}, avec le code qui vous a été envoyé ici.",
                f"Si ce n'est pas vous, prévenir tout de suite {self._whom_to_tell(contact)}.",
                *(self._how_to_cut(person_id) if {"admin", "technique"} & contact.person.roles else ()),
            ),
        )
        self._write(contact, f"{operator} : un Telegram est relié à votre nom", part)

    def _how_to_cut(self, person_id: str) -> tuple[str, ...]:
        return (
            f"Pour couper ce chat, sur le serveur du robot : origyne-bot people revoke {person_id} --chats",
            f"Pour retirer tous vos droits : la même commande sans --chats, ou /retirer {person_id}, que les "
            "administrateurs peuvent écrire au robot.",
        )

    def _whom_to_tell(self, contact: Contact) -> str:
        others = [it for it in self._people.everyone() if it.email.lower() != contact.email.lower()]
        admins = [it for it in others if "admin" in it.person.roles]
        first = [it for wanted in (TECHNICAL, ACCOUNTING) for it in others if it.person.id == wanted]
        whom = next(iter([*admins, *first, *others]), None)
        return f"{whom.person.name} ({whom.email})" if whom else "qui tient le serveur du robot"

    def _write(self, contact: Contact, subject: str, part: Answer, *, secret: bool = False) -> None:
        self._writer.write_letter(
            Letter(
                to=contact.email,
                subject=subject,
                greeting=f"Bonjour {contact.person.name},",
                parts=(part,),
                person_id=contact.person.id,
                secret=secret,
            )
        )

    # -- changes

    def set_roles(self, person_id: str, roles: Collection[Role]) -> KnownPerson:
        """Give these roles, and take those that were given by hand and are not among them.

        :raises NotAdmitted: there is no such person, or no role would be left, or one is that of the settings.
        """
        with self._desk.atomic():
            self._people.lock()
            contact = self._with_rights(person_id)
            fixed = self._people.of_settings(person_id)
            if lost := fixed - set(roles):
                raise NotAdmitted(
                    f"Le rôle {in_words(lost)} de {contact.person.name} vient des réglages : le garder dans la liste, "
                    "changer les réglages, ou tout retirer avec « people revoke »."
                )
            self._people.grant(person_id, roles)
        return self._known(person_id)

    def add_address(self, person_id: str, address: str) -> None:
        """:raises NotAdmitted: there is no such person, or it is somebody's address."""
        address = self._address(address)
        with self._desk.atomic():
            self._people.lock()
            self._with_rights(person_id)
            owner = self._people.by_email(address)
            if owner and owner.person.id == person_id:
                raise NotAdmitted(f"{address} est déjà une adresse de {owner.person.name}.")
            if owner:
                raise NotAdmitted(f"{address} est l'adresse de {owner.person.name} ({owner.person.id}).")
            self._people.add_address(person_id, address)

    def remove_address(self, person_id: str, address: str) -> None:
        """:raises NotAdmitted: it is no further address of this person."""
        with self._desk.atomic():
            if not self._people.remove_address(person_id, address):
                raise NotAdmitted(f"{address} n'est pas une adresse ajoutée à {person_id}.")

    # -- out

    def revoke(self, person_id: str) -> bool:
        """Take all rights, at once. Whether he had some."""
        with self._desk.atomic():
            return self._people.revoke(person_id, _now())

    def unbind(self, person_id: str) -> int:
        """Make his chats unknown ones; he keeps his rights. How many they were."""
        with self._desk.atomic():
            self._people.lock()
            return self._people.unbind(person_id)

    # --

    def _with_rights(self, person_id: str) -> Contact:
        contact = self._people.by_id(person_id)
        if contact is None:
            known = ", ".join(it.person.id for it in self._people.everyone())
            raise NotAdmitted(f"« {person_id} » n'est pas connu. Personnes connues : {known}.")
        if not contact.person.roles:
            raise NotAdmitted(f"{contact.person.name} n'a plus de droits : l'inviter de nouveau.")
        return contact

    def _known(self, person_id: str) -> KnownPerson:
        return next(it for it in self._people.known(_now()) if it.person.id == person_id)

    def _address(self, written: str) -> str:
        try:
            address = _EMAIL.check(written, Profile())
        except ProfileError as error:
            words = str(error)
            raise NotAdmitted(f"{words[:1].upper()}{words[1:]}.") from None
        if address.lower() == self._settings.bot_email.lower():
            raise NotAdmitted(f"{address} est l'adresse du robot.")
        return address


def _name(written: str) -> str:
    name = " ".join(written.split())
    if not any(sign.isalpha() for sign in name) or not name.isprintable() or len(name) > _MOST_NAME or "@" in name:
        raise NotAdmitted(f"Il faut un nom de personne, de {_MOST_NAME} signes au plus : Léa Martin.")
    return name


def _now() -> int:
    return int(time.time())

"""Who tries one RIO after the other for the same number is slowed down, and those in charge are told."""

import time
from collections.abc import Iterable
from typing import Protocol

from sqlite_utils import Database

from bot.desk import rio_failures
from bot.desk.people import People
from bot.mail.letter import Letter
from core.numbers import show
from core.profile import Profile
from handlers.answer import Answer
from handlers.ask import Person


class Writer(Protocol):
    """Who writes to chats and mailboxes, in the caller's transaction."""

    def profile(self) -> Profile: ...

    def write_letter(self, letter: Letter) -> None: ...

    def write_chat(self, chat_id: int, answers: list[Answer]) -> None: ...


class RioWatch:
    def __init__(self, desk: Database, people: People, writer: Writer) -> None:
        self._desk = desk
        self._people = people
        self._writer = writer

    def wait(self, number: str) -> int:
        """See `handlers.desk.Desk.rio_wait`."""
        return rio_failures.wait_of(self._desk, number, int(time.time()))

    def held(self) -> frozenset[str]:
        """See `handlers.desk.Desk.rio_held`."""
        return rio_failures.held(self._desk, int(time.time()))

    def failed(self, person: Person, failures: Iterable[tuple[str, int]]) -> None:
        """See `handlers.desk.Desk.rio_failed`."""
        now = int(time.time())
        with self._desk.atomic():
            many = [it for it, times in failures if rio_failures.add(self._desk, it, person.id, now, times)]
            if many:
                self._warn(many)

    def _warn(self, numbers: list[str]) -> None:
        """In the chats of those in charge; by mail where there is none."""
        ids = {it for number in numbers for it in rio_failures.who_failed(self._desk, number)}
        names = ", ".join(who.person.name for it in sorted(ids) if (who := self._people.by_id(it)))
        shown = ", ".join(map(show, numbers[:3])) + (f" et {len(numbers) - 3} autres" if len(numbers) > 3 else "")
        told = Answer(
            f"⚠️ Trop de RIO faux essayés pour le {shown}",
            (
                f"Demandés par {names}, au moins {rio_failures.FREE} en un jour.",
                "Les prochains essais attendent, de plus en plus longtemps. Si ce n'est pas une erreur de recopie, "
                "quelqu'un cherche peut-être à prendre ce numéro.",
            ),
        )
        in_charge = [it for it in self._people.everyone() if {"technique", "admin"} & it.person.roles]
        chats = dict.fromkeys(chat for it in in_charge for chat in self._people.chats_of(it.person.id) if chat > 0)
        for chat_id in chats:
            self._writer.write_chat(chat_id, [told])
        if not chats:
            subject = f"{self._writer.profile().operator_name} : trop de RIO faux essayés"
            for contact in in_charge or self._people.everyone()[:1]:
                greeting = f"Bonjour {contact.person.name},"
                self._writer.write_letter(
                    Letter(contact.email, subject, (told,), greeting, person_id=contact.person.id)
                )

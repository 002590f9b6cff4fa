"""Whose word a mail is: who wrote it, whether that is certain, and which thread it answers.

A command runs for a known person whom the trusted receiving server vouches for. Where that server never says anything,
a mail that carries the secret of a thread, or names a mail of ours, which went to that very person, stands in.
"""

from dataclasses import dataclass
from typing import Literal

from bot.desk import threads
from bot.desk.people import Contact
from bot.desk.threads import Thread
from bot.house import House
from bot.mail.reading import Mail

#: vouched: it is his; unverified: nobody says so; forged: the receiving server says that it is not.
Trust = Literal["vouched", "unverified", "forged"]

#: Message-IDs of a mail's References that are looked up, newest first.
_MOST_REFERENCES = 50


@dataclass(frozen=True)
class Standing:
    """`contact`: the known person whose address the sender has; `thread`: what the mail answers; `member`: the person
    that its secret, or the mail it names, was written to, "" for none."""

    trust: Trust
    contact: Contact | None
    thread: Thread | None
    member: str


def standing(house: House, mail: Mail) -> Standing:
    contact = house.people.by_email(mail.sender)
    thread, member = _thread(house, mail)
    written_to = house.people.by_id(member)
    if member and not (written_to and written_to.person.roles):
        thread, member = None, ""  # the secret of somebody who lost his rights lets nobody in
    shared = contact and written_to and written_to.person.roles and written_to.email.lower() == mail.sender.lower()
    if thread and thread.kind == "contact" and shared:
        contact = written_to  # of the persons who share the address, the one who was written to
    return Standing(_trust(house, mail, contact, member), contact, thread, member)


def names_ours(house: House, mail: Mail) -> bool:
    """Whether this answers a mail that we wrote to this very address."""
    return any(house.outbox.is_ours(message_id, mail.sender) for message_id in _named(mail))


def _trust(house: House, mail: Mail, contact: Contact | None, member: str) -> Trust:
    if house.settings.mail_trusted_server:
        return {"pass": "vouched", "fail": "forged", "none": "unverified"}[mail.verdict]  # type: ignore[return-value]
    own = contact is not None and member == contact.person.id
    return "vouched" if own or names_ours(house, mail) else "unverified"


def _thread(house: House, mail: Mail) -> tuple[Thread | None, str]:
    """By the secret that it was written to, else by the mails of ours that it names, the last one first."""
    local, _, domain = house.settings.bot_email.lower().rpartition("@")
    for address in mail.recipients:
        name, _, at = address.rpartition("@")
        base, plus, token = name.partition("+")
        if plus and (base, at) == (local, domain) and (found := threads.by_token(house.desk, token)):
            return found
    for message_id in _named(mail):
        if found := threads.by_mail(house.desk, message_id):
            return found
    return None, ""


def _named(mail: Mail) -> list[str]:
    named = (mail.in_reply_to, *reversed(mail.references[-_MOST_REFERENCES:]))
    return list(dict.fromkeys(message_id for message_id in named if message_id))

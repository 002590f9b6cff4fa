"""From a mail to what becomes of it: an answer in its thread, words for people, or nothing."""

import asyncio
import logging
import re

from bot import bounces, selftest
from bot.desk import audit, senders, threads
from bot.desk.inbox import Item, Postponed
from bot.desk.people import TECHNICAL, Contact
from bot.desk.senders import DAY
from bot.desk.threads import Thread
from bot.house import House
from bot.mail import replies
from bot.mail.imap import LARGEST
from bot.mail.letter import Letter
from bot.mail.questions import Asked, asked, only_commands
from bot.mail.reading import Mail, MailUnreadable, read
from bot.mail.standing import Standing, names_ours, standing
from bot.poison import set_aside
from core.profile import FIELDS
from handlers.answer import Answer
from handlers.understand import understand

log = logging.getLogger(__name__)

#: A mail that lay longer than this (seconds) in the mailbox before the bot first saw it is left as it is.
TOO_OLD = 3 * 24 * 3600


async def answer_mail(item: Item, house: House) -> None:
    """Deal with one mail: what is written because of it, and that it is dealt with, in one transaction.

    :raises Postponed: its sender writes too much.
    """
    try:
        # Beside the loop, for a large one takes its time, and nobody else is to wait for it.
        mail = await asyncio.to_thread(read, item.payload, house.settings.mail_trusted_server)
    except MailUnreadable as error:
        log.warning("mail set aside: %s", error)
        with house.desk.atomic():
            set_aside(house, item, f"illisible ({error})")
        return
    if _asks_nothing(item, house, mail):
        return
    stands = standing(house, mail)
    if stands.trust == "forged":
        _forged(item, house, stands)
        return
    if stands.contact is None and not stands.member and mail.sender.lower() not in _waiting(house):
        _stranger(item, house, mail)
        return
    if wait := senders.wait_of(house.desk, mail.sender, house.context.now()):
        raise Postponed(wait)
    if _brings_code(item, house, mail):
        return
    if stands.trust == "vouched" and stands.contact:
        await _answer(item, house, mail, stands, stands.contact)
    else:
        _unverified(item, house, mail, stands)


def _asks_nothing(item: Item, house: House, mail: Mail) -> bool:
    """Bounces, robots, our own mail, what was dealt with under another UID, what was old when it was first seen."""
    is_old = mail.sent_at is not None and mail.sent_at < item.received_at - TOO_OLD
    with house.desk.atomic():
        if selftest.is_ours(house.desk, mail.message_id):
            house.inbox.done(item, remove=True)
            return True
        nothing = (
            bounces.take(house, mail)
            or mail.automatic
            or mail.sender.lower() == house.settings.bot_email.lower()
            or house.outbox.wrote(mail.message_id)
            or house.inbox.already_answered(item, mail.message_id)
        )
        if nothing or is_old:
            house.inbox.done(item, file=nothing)
    return nothing or is_old


def _done(item: Item, house: House, mail: Mail) -> None:
    house.inbox.done(item)
    senders.count(house.desk, mail.sender, house.context.now())


# -- who may not ask


def _forged(item: Item, house: House, stands: Standing) -> None:
    """Nothing runs and nobody is answered. Who bears a name that we know is told in the chat, once a day."""
    who = stands.contact
    with house.desk.atomic():
        house.inbox.done(item)
        if who is None:
            return
        if not audit.was_lately(house.desk, who.person.id, "forged", DAY):
            told = Answer(
                f"⚠️ Un courriel au nom de {who.email} a été refusé",
                (
                    "Le serveur de réception dit qu'il ne vient pas de cette adresse : rien n'a été exécuté.",
                    "Si cette personne l'a bien écrit, ses réglages de messagerie (SPF, DKIM, DMARC) sont à revoir.",
                ),
            )
            house.tell(TECHNICAL, [("troubles", told)])
        audit.record_unknown(house.desk, who.person.id, "mail", "", "forged")
    log.warning("mail in the name of %s refused", who.person.id)


def _stranger(item: Item, house: House, mail: Mail) -> None:
    """One polite refusal a day at most, to who wrote to the bot itself."""
    local, _, domain = house.settings.bot_email.lower().rpartition("@")
    to_us = any(re.fullmatch(rf"{re.escape(local)}(\+.*)?@{re.escape(domain)}", it) for it in mail.recipients)
    with house.desk.atomic():
        house.inbox.done(item)
        audit.record_unknown(house.desk, "", "mail", "", "refused")
        if to_us and senders.tell_stranger(house.desk, mail.sender, house.context.now()):
            house.write_letter(
                Letter(
                    to=mail.sender,
                    subject=replies.subject_of("Votre message"),
                    greeting="Bonjour,",
                    parts=(
                        Answer(
                            "Cette adresse est celle d'un robot.",
                            ("Il ne répond qu'aux personnes qu'il connaît : votre message n'a été lu par personne.",),
                        ),
                    ),
                    foot=f"Message automatique de l'assistant de {house.profile.operator_name}.",
                    in_reply_to=mail.message_id,
                    references=mail.references,
                )
            )


def _unverified(item: Item, house: House, mail: Mail, stands: Standing) -> None:
    """Nothing runs. Words that answer a thread reach the chat, marked; else who seems to write is told, once a day."""
    contact = stands.contact
    person_id = contact.person.id if contact else ""
    told = audit.was_lately(house.desk, person_id, "unverified", DAY)
    with house.desk.atomic():
        _done(item, house, mail)
        audit.record(house.desk, person_id, "mail", "", "unverified")
        if stands.thread and house.own.bridge.take_mail(
            mail, stands.thread, person_id, verified=False, reached=stands.member
        ):
            return
        if contact and not told:
            answer = Answer(
                "Je n'ai pas pu vérifier que ce courriel vient bien de vous : rien n'a été exécuté.",
                ("Répondre à l'un de mes courriels, plutôt que d'en écrire un nouveau, suffit en général.",),
                refused=True,
            )
            replies.reply(house, mail, contact, None, [answer])
    log.warning("mail of %s not vouched for", person_id or "a stranger")


# -- a code that proves an address


def _waiting(house: House) -> set[str]:
    return {address.lower() for address in house.own.waiting_addresses().values()}


def _brings_code(item: Item, house: House, mail: Mail) -> bool:
    """Whether this is the code that was mailed to this very address, which proves that somebody reads it.

    A forged sender neither guesses at a code nor uses its tries up: his server vouches for him, or he names our mail,
    which he alone received.
    """
    if mail.sender.lower() not in _waiting(house) or not (mail.verdict == "pass" or names_ours(house, mail)):
        return False
    codes = _codes(mail)
    if not codes:
        return False
    with house.desk.atomic():
        taken = (house.own.take_mailed_code(code, mail.sender) for code in codes)
        proved = next((name for name in taken if name), None)
        if proved:
            field = next(field for field in FIELDS if field.name == proved)
            told = Answer(f"Merci : cette adresse est confirmée, c'est maintenant {field.french}.")
            house.tell(TECHNICAL, [("troubles", Answer(f"✅ {mail.sender} a confirmé {field.french}."))])
        elif house.people.by_email(mail.sender):
            return False  # it may ask something else
        else:
            told = Answer(
                "Ce n'est pas le code attendu.", ("Le relire dans notre courriel, ou en faire envoyer un autre.",)
            )
        _done(item, house, mail)
        who = house.people.by_email(mail.sender)
        shown = "adresse confirmée" * bool(proved)
        outcome: audit.Outcome = "answered" if proved else "refused"
        audit.record(house.desk, who.person.id if who else "", "mail", "profil", outcome, shown=shown)
        house.write_letter(
            Letter(
                to=mail.sender,
                subject=replies.subject_of(_SIX.sub("", mail.subject).strip() or "Votre adresse"),
                parts=(told,),
                greeting="Bonjour,",
                foot=f"Message automatique de l'assistant de {house.profile.operator_name}.",
                in_reply_to=mail.message_id,
                references=mail.references,
            )
        )
    return True


#: A code, that is no part of a longer number.
_SIX = re.compile(r"(?<!\d)(?<!\d[ .\u00a0\u202f])\d{3}[ \u00a0\u202f]?\d{3}(?![ .\u00a0\u202f]?\d)")

#: Numbers of one mail that are taken for codes.
_MOST_CODES = 3


def _codes(mail: Mail) -> list[str]:
    """What may be the code: six digits in a line that asks nothing else (a SIM's last digits, a sum)."""
    lines = [line for line in mail.own_words if (said := understand(line)) is None or said[0] == "profil"]
    found = dict.fromkeys(re.sub(r"\D", "", code) for line in lines for code in _SIX.findall(line))
    return list(found)[:_MOST_CODES]


# -- what is asked


async def _answer(item: Item, house: House, mail: Mail, stands: Standing, contact: Contact) -> None:
    """What the mail asks is answered in its thread; what it says to people goes to them."""
    if item.truncated:
        _too_large(item, house, mail, contact)
        return
    said = asked(mail, house.context.telecom, house.context.now())
    thread = stands.thread if stands.member == contact.person.id or _is_colleague(stands, contact) else None
    to_people = thread is not None and _is_for_people(house, said, mail, contact, thread)
    if to_people and thread and thread.kind == "contact":
        said = only_commands(said)
    result = await replies.answers(house, mail, contact, said, thread, to_people=to_people)
    with house.desk.atomic():
        _done(item, house, mail)
        # Who lost his rights while his answer was made does not get it.
        if not house.people.has_still(contact):
            audit.record(house.desk, contact.person.id, "mail", "", "denied", why="accès retiré entre-temps")
            return
        spoke_at = threads.spoke_at(house.desk, thread.id, contact.person.id) if thread else 0
        bridged = bool(
            to_people
            and thread
            and house.own.bridge.take_mail(mail, thread, contact.person.id, verified=True, reached=stands.member)
        )
        others = replies.told(house, mail, contact, thread, result, bridged=bridged, spoke_at=spoke_at)
        parts = [*result.parts, *others]
        if parts:
            replies.reply(house, mail, contact, thread or threads.by_id(house.desk, result.thread), parts)
        for message in result.in_chat:
            for chat_id in replies.private_chats(house, contact):
                house.write_chat(chat_id, [message])
        for command, outcome in result.outcomes:
            audit.record(house.desk, contact.person.id, "mail", command, outcome)
        for command, answer in result.answered:
            audit.record_answer(house.desk, contact.person.id, "mail", command, answer)


def _is_colleague(stands: Standing, contact: Contact) -> bool:
    """Whether one of the staff answers what was forwarded to him."""
    return stands.thread is not None and stands.thread.kind != "mail" and "équipe" in contact.person.roles


def _too_large(item: Item, house: House, mail: Mail, contact: Contact) -> None:
    answer = Answer(
        "Je n'ai lu que l'en-tête de ce courriel.",
        (
            f"Il dépasse {LARGEST // 1024 // 1024} Mo, ou il est arrivé avant que votre adresse ne soit connue.",
            "Le renvoyer, avec des pièces jointes plus légères.",
        ),
        refused=True,
    )
    with house.desk.atomic():
        _done(item, house, mail)
        audit.record(house.desk, contact.person.id, "mail", "", "refused")
        replies.reply(house, mail, contact, None, [answer])


def _is_for_people(house: House, said: Asked, mail: Mail, contact: Contact, thread: Thread) -> bool:
    """Whether the mail's own words go to people: always in a conversation, unless it is but commands; of who answers
    a notice, when they say more than questions for the bot."""
    if thread.kind == "contact":
        sure = only_commands(said)
        return bool(sure.others or mail.files or not sure.questions)
    # The technical contact, who is to read them, has somebody to answer once they wrote.
    heard = contact.person.id != TECHNICAL or bool(threads.who_spoke(house.desk, thread.id))
    return thread.kind == "notice" and heard and bool(said.others)

"""From a mail to an answer in the outbox, in the same thread."""

import logging
import re
import time
from dataclasses import replace

from bot.desk import audit
from bot.desk.inbox import Item
from bot.desk.people import TECHNICAL, Contact
from bot.house import House
from bot.mail.letter import Letter
from bot.mail.reading import Mail, MailUnreadable, read
from bot.pictures import as_file
from core.profile import FIELDS
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import Command
from handlers.understand import understand, understand_file

log = logging.getLogger(__name__)

#: Questions answered in one mail.
MOST_QUESTIONS = 10

#: A mail that lay longer than this (seconds) in the mailbox before the bot first saw it is left as it is.
TOO_OLD = 3 * 24 * 3600


async def answer_mail(item: Item, house: House) -> None:
    """Answer one mail: its answer, and that it is answered, in one transaction."""
    try:
        mail = read(item.payload, house.settings.mail_trusted_server)
    except MailUnreadable as error:
        log.warning("mail set aside: %s", error)
        with house.desk.atomic():
            house.inbox.failed(item)
        return
    if _brings_code(item, house, mail):
        return
    contact = house.people.by_email(mail.sender)
    if contact is None or _is_left_alone(item, house, mail):
        with house.desk.atomic():
            house.inbox.done(item)
        return
    if not _is_vouched_for(house, mail):
        _unverified(item, house, mail, contact)
        return
    answers, commands = await _answers(house, mail, contact)
    with house.desk.atomic():
        house.inbox.done(item)
        _reply(house, mail, contact, answers)
        for command, outcome in commands:
            audit.record(house.desk, contact.person.id, "mail", command, outcome)


def _brings_code(item: Item, house: House, mail: Mail) -> bool:
    """Whether this is the code that was mailed to this very address, which proves that somebody reads it.

    A forged sender neither guesses at a code nor uses its tries up: his server vouches for him, or he names our mail,
    which he alone received.
    """
    waiting = {address.lower() for address in house.own.waiting_addresses().values()}
    if mail.automatic or mail.sender.lower() not in waiting or not (mail.verdict == "pass" or _names_ours(house, mail)):
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
        house.inbox.done(item)
        subject = _SIX.sub("", mail.subject).strip() or "Votre adresse"
        house.write_letter(
            Letter(
                to=mail.sender,
                subject=subject if subject.lower().startswith("re:") else f"Re: {subject}",
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


def _is_left_alone(item: Item, house: House, mail: Mail) -> bool:
    return (
        mail.automatic
        or mail.sender.lower() == house.settings.bot_email.lower()
        or house.inbox.already_answered(item, mail.message_id)
        or (mail.sent_at is not None and mail.sent_at < time.time() - TOO_OLD)
    )


def _is_vouched_for(house: House, mail: Mail) -> bool:
    """The trusted server's word; where it never gives one, an answer to a mail that only this person received."""
    if house.settings.mail_trusted_server:
        return mail.verdict == "pass"
    return _names_ours(house, mail)


def _names_ours(house: House, mail: Mail) -> bool:
    """Whether this answers a mail that we wrote to this very address."""
    named = {mail.in_reply_to, *mail.references} - {""}
    return any(house.outbox.is_ours(message_id, mail.sender) for message_id in named)


def _unverified(item: Item, house: House, mail: Mail, contact: Contact) -> None:
    """Nothing runs. A failed verdict is a likely forgery and gets no answer; a missing one is explained, once a day."""
    told = audit.was_lately(house.desk, contact.person.id, "unverified", 24 * 3600)
    with house.desk.atomic():
        house.inbox.done(item)
        audit.record(house.desk, contact.person.id, "mail", "", "unverified")
        if mail.verdict == "none" and not told:
            answer = Answer(
                "Je n'ai pas pu vérifier que ce courriel vient bien de vous : rien n'a été exécuté.",
                ("Répondre à l'un de mes courriels, plutôt que d'en écrire un nouveau, suffit en général.",),
                refused=True,
            )
            _reply(house, mail, contact, [answer])
    log.warning("mail of %s not vouched for (%s)", contact.person.id, mail.verdict)


async def _answers(house: House, mail: Mail, contact: Contact) -> tuple[list[Answer], list[tuple[str, audit.Outcome]]]:
    answers: list[Answer] = []
    outcomes: list[tuple[str, audit.Outcome]] = []
    questions = dict.fromkeys(found for words in mail.own_words if (found := understand(words)))
    if not questions:  # a list of RIOs says itself what it is for
        said = "\n".join(mail.own_words)
        questions = dict.fromkeys(found for file in mail.files if (found := understand_file(file.name, said)))
    for name, arguments in list(questions)[:MOST_QUESTIONS]:
        ask = Ask(name, arguments, contact.person, "mail", private=True, files=mail.files)
        answer = await registry.answer(ask, house.context)
        answer = replace(answer, files=(*answer.files, *await as_file(answer, house)))
        answers.append(answer)
        outcomes.append((name, "refused" if answer.refused else "answered"))
    if len(questions) > MOST_QUESTIONS:
        answers.append(Answer(f"Seules les {MOST_QUESTIONS} premières questions ont été traitées.", refused=True))
    if not questions:
        commands = [command for command in registry.commands_of(contact.person) if not command.sensitive]
        answers.append(
            Answer(
                "Je n'ai reconnu aucune question dans ce courriel.",
                ("Une question par ligne, par exemple :", *(_example(command) for command in commands)),
                refused=True,
            )
        )
        outcomes.append(("", "not understood"))
    return answers, outcomes


#: A RIO wherever it stands: what is in a subject is seen by every server and telephone on the way.
_RIO = re.compile(r"\b\d{2}[ .-]?[PE][ .-]?[A-Z0-9]{6}[ .-]?[A-Z0-9+]{3}(?![A-Z0-9+])", re.IGNORECASE)


def _without_codes(subject: str) -> str:
    """The subject to answer under; none when it was a question that holds codes."""
    asked = understand(re.sub(r"^\s*(re|ré)\s*:\s*", "", subject, flags=re.IGNORECASE))
    command = registry.named(asked[0]) if asked else None
    return "" if command and command.sensitive else _RIO.sub("(RIO)", subject).strip()


def _example(command: Command) -> str:
    return f"{command.examples[0]}   ({command.summary})"


def _reply(house: House, mail: Mail, contact: Contact, answers: list[Answer]) -> None:
    subject = _without_codes(mail.subject) or "Votre question"
    house.write_letter(
        Letter(
            to=mail.sender,
            subject=subject if subject.lower().startswith("re:") else f"Re: {subject}",
            parts=tuple(answers),
            greeting=f"Bonjour {contact.person.name}," if "technique" in contact.person.roles else "Bonjour,",
            in_reply_to=mail.message_id,
            references=mail.references,
        )
    )

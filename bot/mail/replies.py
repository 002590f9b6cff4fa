"""What answers a mail: each question by its command, what goes by chat instead, and what was not understood."""

import re
import time
from dataclasses import dataclass, field, replace

from bot.desk import audit, threads
from bot.desk.people import TECHNICAL, Contact
from bot.desk.senders import DAY
from bot.desk.threads import Thread
from bot.house import House
from bot.mail.codes import without_codes
from bot.mail.letter import Letter
from bot.mail.questions import Asked, Question
from bot.mail.reading import Mail
from bot.pictures import as_file
from handlers import registry
from handlers.answer import Answer, Button
from handlers.ask import Ask, SentFile
from handlers.command import Command
from handlers.understand import understand, understand_file

#: Questions answered in one mail.
MOST_QUESTIONS = 10

#: Lines that are shown as not understood, and signs of each.
_MOST_OTHERS, _MOST_SIGNS = 5, 120

#: How often a day one person is told that nothing was understood.
_MOST_PUZZLED = 5


@dataclass
class Answered:
    """`parts`: what the mail that answers says; `in_chat`: what is asked back in the sender's chat; `others`: what was
    not understood."""

    parts: list[Answer] = field(default_factory=list)
    in_chat: list[Answer] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    #: The conversation that was opened, where that is all that was asked.
    thread: int = 0
    outcomes: list[tuple[str, audit.Outcome]] = field(default_factory=list)
    #: What commands answered, for the audit.
    answered: list[tuple[str, Answer]] = field(default_factory=list)


async def answers(
    house: House, mail: Mail, contact: Contact, said: Asked, thread: Thread | None, *, to_people: bool
) -> Answered:
    """Answer what was asked, by the commands themselves; files that no question is for say what they are for.

    :param to_people: the mail's words, and so its files, are for people.
    """
    result = Answered(others=list(said.others))
    questions = list(said.questions)
    files = () if to_people else mail.files
    if files and not any(_takes_files(question) for question in questions):
        questions += _of_files(files, mail, result, alone=not questions)
    for question in questions[:MOST_QUESTIONS]:
        command = registry.named(question.name)
        assert command
        ask = Ask(
            question.name,
            question.arguments,
            contact.person,
            "mail",
            files=_files_for(question, mail) if command.takes_files else (),
            conversation=f"mail:{mail.message_id or time.time_ns()}",
            thread=thread.id if thread else 0,
        )
        if command.roles & contact.person.roles and command.sensitive and registry.refusal(ask, command):
            _ask_in_chat(house, contact, question, result)
            continue
        answer = await registry.answer(ask, house.context)
        if answer.refused and question.may_be_prose:
            result.others.append(question.said)
            result.outcomes.append((question.name, "not understood"))
            continue
        shown = replace(answer, files=(*answer.files, *await as_file(answer, house)))
        if shown not in result.parts:  # one refusal for all that his role lacks
            result.parts.append(shown)
        result.answered.append((question.name, answer))
        result.thread = answer.thread if len(questions) == 1 else 0
    if len(questions) > MOST_QUESTIONS:
        result.parts.append(Answer(f"Seules les {MOST_QUESTIONS} premières questions ont été traitées.", refused=True))
    return result


def told(
    house: House,
    mail: Mail,
    contact: Contact,
    thread: Thread | None,
    result: Answered,
    *,
    bridged: bool,
    spoke_at: int,
) -> list[Answer]:
    """What else the mail that answers says: what went to people, what was not understood; in the caller's transaction.

    Nobody is told twice in a thread within a day that he was not understood, or that his words went to people, nor
    often in all his threads: two robots would go on for ever. What he writes then is shown to the technical contact.

    :param spoke_at: when he last wrote to people in this thread before (UTC seconds), 0 for never.
    """
    if bridged and spoke_at > time.time() - DAY:
        return []
    if bridged:
        # Who answers in his own name sees the answer come; the accountant is told where his words went.
        ours = (
            thread is not None
            and thread.kind == "notice"
            and not {"équipe", "admin", "technique"} & contact.person.roles
        )
        return [Answer(f"Votre message a été transmis à {house.profile.technical_contact}.")] if ours else []
    if result.parts or result.in_chat:
        asking = [line for line in result.others if "?" in line or understand(line)]
        if not asking:
            return []
        result.outcomes.append(("", "not understood"))
        return [Answer("Ce que je n'ai pas compris", (*_shown(asking), _HOW), refused=True)]
    if not result.others and not mail.files and (mail.own_text.strip() or not mail.cut.strip()):
        return []  # thanks, or nothing at all
    puzzled_often = audit.how_often(house.desk, contact.person.id, "not understood", DAY) >= _MOST_PUZZLED
    result.outcomes.append(("", "not understood"))
    if puzzled_often or _was_puzzled(house, thread):
        _show_to_technical(house, mail, contact)
        return []
    puzzled = open_thread(house, mail, contact, thread)
    threads.puzzle(house.desk, puzzled.id)
    return [_not_understood(house, contact, result)]


def _was_puzzled(house: House, thread: Thread | None) -> bool:
    return bool(thread and threads.puzzled_at(house.desk, thread.id) > time.time() - DAY)


def _show_to_technical(house: House, mail: Mail, contact: Contact) -> None:
    if contact.person.id == TECHNICAL or audit.was_lately(house.desk, contact.person.id, "not passed on", DAY):
        return
    audit.record(house.desk, contact.person.id, "mail", "", "not passed on")
    words = " ".join(mail.own_text.split())
    shown = Answer(
        f"{contact.email} m'écrit, et je ne comprends pas",
        (without_codes(words)[:300] + ("…" if len(words) > 300 else ""),),
    )
    house.tell(TECHNICAL, [("troubles", shown)])


def _not_understood(house: House, contact: Contact, result: Answered) -> Answer:
    commands = [command for command in registry.commands_of(contact.person) if not command.sensitive]
    examples = [_example(command) for command in commands if command.name in _EXAMPLES] or list(
        map(_example, commands[:4])
    )
    lines = _shown(result.others) or ["Je n'y ai lu que du texte cité : écrire au-dessus, ou dans un nouveau courriel."]
    return Answer(
        "Je n'ai reconnu aucune question dans ce courriel.",
        (*lines, "Une question par ligne, par exemple :", *examples),
        refused=True,
    )


_HOW = "Une question par ligne, comme « status 0639980001 » ou « conso Dupont octobre »."

#: Commands that are shown to who was not understood.
_EXAMPLES = ("status", "conso", "factures", "lignes", "contact", "aide")


def _example(command: Command) -> str:
    # Never a line that is a command by itself: another robot may send it back.
    return f"• {'/' if command.free_text else ''}{command.examples[0]}   ({command.summary})"


def _shown(lines: list[str]) -> list[str]:
    safe = without_codes("\n".join(lines)).split("\n") if lines else []  # a code may stand below its name
    shown = [f"« {line[:_MOST_SIGNS]}{'…' if len(line) > _MOST_SIGNS else ''} »" for line in safe]
    more = len(shown) - _MOST_OTHERS
    return shown[:_MOST_OTHERS] + ([f"… et {more} autres lignes"] if more > 0 else [])


# -- files


def _takes_files(question: Question) -> bool:
    command = registry.named(question.name)
    return bool(command and command.takes_files)


def _files_for(question: Question, mail: Mail) -> tuple[SentFile, ...]:
    """The file that the question was made of, or all."""
    own = tuple(file for file in mail.files if file.name == question.said)
    return own or mail.files


def _of_files(files: tuple[SentFile, ...], mail: Mail, result: Answered, *, alone: bool) -> list[Question]:
    """The questions that files are; `alone`: there is no other, so that a picture is for the bot."""
    found = []
    for file in files:
        understood = understand_file(file.name, mail.own_text, alone=alone)
        if understood:
            found.append(Question(*understood, file.name, slash=True))
        elif alone:
            result.others.append(f"{file.name} (pièce jointe)")
    return found


# -- codes


def _ask_in_chat(house: House, contact: Contact, question: Question, result: Answered) -> None:
    """What can take a line over is confirmed in the sender's chat, and answered there."""
    shown = f"{question.name} {without_codes(question.arguments)}".strip()
    if not private_chats(house, contact):
        result.parts.append(
            Answer(
                f"« {shown} » ne se demande qu'en conversation privée avec le robot.",
                (
                    "Un RIO ou un code permet de prendre une ligne : il ne passe pas par courriel, et aucun chat n'est "
                    "relié à votre nom.",
                ),
                refused=True,
            )
        )
        result.outcomes.append((question.name, "refused"))
        return
    asked = f"{question.name} {question.arguments}".strip()
    # Without a key, a question that holds a code is kept nowhere.
    can_ask = house.context.vault.has_key or without_codes(asked) == asked
    result.in_chat.append(
        Answer(
            f"Demandé par courriel : {shown}",
            (
                "Un code ne part pas par courriel : la réponse s'affiche ici, si la demande est bien de vous."
                if can_ask
                else "Un code ne part pas par courriel : si la demande est bien de vous, la poser ici.",
                "Sinon, ne rien toucher, et changer le mot de passe de votre messagerie : quelqu'un d'autre y écrit.",
            ),
            buttons=(Button("C'est bien moi, répondre ici", asked, in_place=True, confirms=True),) if can_ask else (),
        )
    )
    result.parts.append(
        Answer(
            f"« {shown} » : à confirmer dans Telegram",
            (
                "Un code ne passe pas par courriel. Toucher le bouton que je viens d'envoyer : la réponse s'y affiche."
                if can_ask
                else "Un code ne passe pas par courriel : poser la question dans le chat.",
            ),
        )
    )
    result.outcomes.append((question.name, "asked in chat"))


def private_chats(house: House, contact: Contact) -> list[int]:
    """The chats where this person is alone with the bot; a group has a negative number."""
    return [chat_id for chat_id in house.people.chats_of(contact.person.id) if chat_id > 0]


# -- the mail


def subject_of(subject: str) -> str:
    """The subject of an answer."""
    return subject if re.match(r"(re|ré)\s*:", subject, re.IGNORECASE) else f"Re: {subject}"


def open_thread(house: House, mail: Mail, contact: Contact, thread: Thread | None) -> Thread:
    """The thread that answers to this mail belong to: the one that it continues, else its own."""
    key = f"mail:{mail.message_id or time.time_ns()}"
    return thread or threads.open_thread(house.desk, "mail", key, _subject(mail), person_id=contact.person.id)


def _subject(mail: Mail) -> str:
    """The subject to answer under; a neutral one when it was a question that holds codes."""
    question = understand(re.sub(r"^\s*(re|ré)\s*:\s*", "", mail.subject, flags=re.IGNORECASE))
    command = registry.named(question[0]) if question else None
    return (
        "Votre question" if command and command.sensitive else without_codes(mail.subject).strip() or "Votre question"
    )


def reply(house: House, mail: Mail, contact: Contact, thread: Thread | None, parts: list[Answer]) -> None:
    """Answer in the mail's thread; in the caller's transaction."""
    thread = open_thread(house, mail, contact, thread)
    house.write_letter(
        Letter(
            to=mail.sender,
            subject=subject_of(_subject(mail)),
            parts=tuple(parts),
            greeting=f"Bonjour {contact.person.name}," if "technique" in contact.person.roles else "Bonjour,",
            in_reply_to=mail.message_id,
            references=mail.references,
            person_id=contact.person.id,
            thread=thread.id,
            # A reply there is for people.
            foot=house.own.bridge.foot(thread, contact) if thread.kind == "contact" else "",
        )
    )

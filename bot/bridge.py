"""Between a chat and mailboxes: a question to the staff, what they answer, and what people write back to a notice.

Each thread has members by mail and at most one side in a chat. What a member writes goes to all others, never to
himself, and only his own words do.
"""

import re
import time
from collections.abc import Iterable
from typing import Protocol

from sqlite_utils import Database

from bot.desk import threads
from bot.desk.people import TECHNICAL, Contact, People
from bot.desk.threads import Thread
from bot.mail.codes import without_codes
from bot.mail.letter import Letter
from bot.mail.reading import Mail
from core.profile import Profile
from core.settings import Settings
from handlers import french
from handlers.answer import Answer, Button, OutFile
from handlers.ask import Ask, Person, SentFile
from handlers.desk import Conversation, Said

#: Signs of the first words of a question that its subject shows.
_MOST_SUBJECT = 60

#: Messages of one thread that leave by mail within a minute.
_MOST_A_MINUTE = 10

#: Files that are programs: named, never passed on.
_PROGRAM = re.compile(
    r"\.(?:exe|com|bat|cmd|msi|scr|pif|js|jse|vbs|vbe|wsf|hta|ps1|jar|lnk|reg|dll|apk|iso|img|chm|cpl)$", re.IGNORECASE
)

_MASKED = "Un code (RIO, PUK…) a été masqué : il ne passe pas par courriel."


class Writer(Protocol):
    """Who writes mails and messages, in the caller's transaction."""

    def profile(self) -> Profile: ...

    def write_letter(self, letter: Letter) -> None: ...

    def write_chat(self, chat_id: int, answers: list[Answer], *, thread: int = 0, reply_to: int = 0) -> None: ...


class Bridge:
    def __init__(self, settings: Settings, desk: Database, people: People, writer: Writer) -> None:
        self._settings = settings
        self._desk = desk
        self._people = people
        self._writer = writer

    # -- from a chat, a terminal, or a mail that asks for it

    def staff(self, person_id: str) -> list[Contact]:
        """The staff but for a person, and for the mailbox that he or the bot reads."""
        own = {self._settings.bot_email.lower(), self._email_of(person_id).lower()}
        return [
            contact
            for contact in self._people.everyone()
            if "équipe" in contact.person.roles and contact.person.id != person_id and contact.email.lower() not in own
        ]

    def contacts(self, person: Person) -> list[Conversation]:
        return [self._conversation(thread) for thread in threads.open_contacts(self._desk, person.id)]

    def open_contact(self, ask: Ask, words: str, about: Answer | None) -> Conversation | None:
        name = _one_line(without_codes(words)) or "pièce jointe"
        short = name if len(name) <= _MOST_SUBJECT else f"{name[:_MOST_SUBJECT].rstrip()}…"
        subject = f"{self._writer.profile().operator_name} : question de {ask.person.name} — {short}"
        # The same message again, after a crash or an edit, is the same question.
        key = f"contact:{ask.conversation}:{ask.message or time.time_ns()}"
        with self._desk.atomic():
            if threads.by_key(self._desk, key):
                return None
            thread = threads.open_thread(
                self._desk,
                "contact",
                key,
                subject,
                person_id=ask.person.id,
                chat_id=_chat_of(ask),
                question_id=ask.message,
            )
            if thread.chat_id and ask.message:
                threads.add_message(self._desk, thread.id, thread.chat_id, ask.message)
            asked = Answer(f"{ask.person.name} demande", tuple(_paragraphs(words)))
            parts = [asked] if about is None else [asked, _about(about)]
            self._mail(thread, self.staff(ask.person.id), parts, ask.files)
        return self._conversation(thread)

    def say(self, ask: Ask, number: int, words: str) -> Said:
        with self._desk.atomic():
            thread = threads.by_id(self._desk, number)
            if thread is None or not self._is_in(ask, thread):
                return "unknown"
            chat_id = _chat_of(ask)
            if chat_id and ask.message:
                said = threads.by_message(self._desk, chat_id, ask.message)
                if said and said.id == thread.id:
                    return "said before"
            if threads.mails_since(self._desk, thread.id, int(time.time()) - 60) >= _MOST_A_MINUTE:
                return "too many"
            if chat_id and ask.message:
                threads.add_message(self._desk, thread.id, chat_id, ask.message)
            threads.reopen(self._desk, thread.id)
            part = Answer(ask.person.name, tuple(_paragraphs(words)))
            self._mail(thread, self._readers(thread, ask.person.id), [part], ask.files)
            if _chat_of(ask) != thread.chat_id and thread.person_id not in ("", ask.person.id):
                self._show(thread, part, ask.files)
        return "sent"

    def close_contact(self, ask: Ask, number: int) -> Conversation | None:
        with self._desk.atomic():
            thread = threads.by_id(self._desk, number)
            if thread is None or thread.kind != "contact" or not thread.is_open or not self._is_in(ask, thread):
                return None
            threads.close(self._desk, thread.id)
            told = Answer(f"{ask.person.name} a clos cette conversation.", ("Une réponse la rouvre.",))
            self._mail(thread, self._readers(thread, ask.person.id), [told], ())
            if ask.person.id != thread.person_id:
                self._show(thread, told, ())
        return self._conversation(thread)

    def _is_in(self, ask: Ask, thread: Thread) -> bool:
        """Whether a person may speak in a thread: it is his, he was written to in it, or it goes on in his chat."""
        if ask.person.id == thread.person_id or threads.is_member(self._desk, thread.id, ask.person.id):
            return True
        chat_id = _chat_of(ask)
        return chat_id != 0 and any(chat == chat_id for chat, _ in threads.messages_of(self._desk, thread.id))

    # -- from a mailbox

    def take_mail(self, mail: Mail, thread: Thread, person_id: str, *, verified: bool) -> bool:
        """See `take_mail` below."""
        if thread.kind == "mail" or not (mail.own_text.strip() or mail.files):
            return False
        contact = self._people.by_id(person_id) if person_id else None
        name = mail.author or (contact.person.name if contact else "")
        who = f"{name} ({mail.sender})" if name and name != mail.sender else mail.sender
        title = f"💬 {who}" + ("" if verified else " — ⚠️ expéditeur non vérifié")
        lines = _paragraphs(mail.own_text)
        if thread.kind == "notice":
            lines = [f"À propos de « {thread.subject} » :", *lines]
        if not thread.is_open:
            lines = [*lines, "(La conversation était close : elle est rouverte.)"]
            threads.reopen(self._desk, thread.id)
        if contact and verified:
            threads.add_mail(self._desk, thread.id, person_id, mail.message_id)
            threads.spoke(self._desk, thread.id, person_id)
        part = Answer(title, tuple(lines))
        self._show(thread, part, mail.files, author=person_id)
        self._mail(thread, self._readers(thread, person_id), [part], mail.files)
        return True

    # -- to the chat side

    def _show(self, thread: Thread, part: Answer, files: Iterable[SentFile], *, author: str = "") -> None:
        """To who opened the thread, or whom the notice is for: in the chat where he asked, else in his own, else by
        mail."""
        person_id = thread.person_id or TECHNICAL
        if person_id == author:
            return
        kept, refused = _passed_on(files)
        lines = (*part.lines, *refused)
        chats = self._chats(thread, person_id)
        if not chats:
            contact = self._people.by_id(person_id)
            if contact:
                self._mail(thread, [contact], [Answer(part.title, lines)], files)
            return
        for chat_id in chats:
            shown = lines if chat_id > 0 else tuple(map(without_codes, lines))
            answer = Answer(part.title, shown, files=kept, buttons=_buttons(thread))
            self._writer.write_chat(chat_id, [answer], thread=thread.id, reply_to=self._under(thread, chat_id))

    def _chats(self, thread: Thread, person_id: str) -> list[int]:
        own = self._people.chats_of(person_id)
        if thread.chat_id:
            # A group is nobody's own.
            return [thread.chat_id] if thread.chat_id < 0 or thread.chat_id in own else own
        # Who asked by mail is answered by mail.
        return [] if thread.key.startswith("contact:mail:") else own

    def _under(self, thread: Thread, chat_id: int) -> int:
        """The message that an answer stands under: the question, or the notice."""
        if chat_id == thread.chat_id:
            return thread.question_id
        first = [message for chat, message in threads.messages_of(self._desk, thread.id) if chat == chat_id]
        return first[0] if first else 0

    # -- to mailboxes

    def _readers(self, thread: Thread, author: str) -> list[Contact]:
        """Who reads by mail what `author` wrote: those who wrote by mail, and the staff where it is asked."""
        readers = {contact.person.id: contact for contact in self.staff(author)} if thread.kind == "contact" else {}
        for person_id in threads.who_spoke(self._desk, thread.id):
            if person_id not in (author, thread.person_id) and (contact := self._people.by_id(person_id)):
                readers.setdefault(person_id, contact)
        if not readers and thread.kind == "notice" and author == TECHNICAL:
            readers = {contact.person.id: contact for contact in self.staff(author)}
        # Whose chat shows it reads it there.
        chat_side = thread.person_id or TECHNICAL
        return [contact for person_id, contact in sorted(readers.items()) if person_id != chat_side]

    def _mail(self, thread: Thread, readers: list[Contact], parts: list[Answer], files: Iterable[SentFile]) -> None:
        kept, refused = _passed_on(files)
        safe = [_masked(part) for part in parts]
        if any(masked.lines != part.lines for masked, part in zip(safe, parts, strict=True)):
            refused = (*refused, _MASKED)
        first = safe[0]
        safe[0] = Answer(first.title, (*first.lines, *refused), files=kept)
        operator = self._writer.profile().operator_name
        for reader in readers:
            subject = thread.subject if thread.kind == "contact" else f"{operator} : {thread.subject}"
            is_first = not threads.member(self._desk, thread.id, reader.person.id).last_id
            self._writer.write_letter(
                Letter(
                    to=reader.email,
                    subject=subject if is_first else f"Re: {subject}",
                    greeting="Bonjour,",
                    parts=tuple(safe),
                    foot=self._foot(thread, reader),
                    person_id=reader.person.id,
                    thread=thread.id,
                )
            )

    def _foot(self, thread: Thread, reader: Contact) -> str:
        asker = self._people.by_id(thread.person_id or TECHNICAL)
        whom = asker.person.name if asker and asker.person.id != reader.person.id else "l'équipe"
        end = " ; /clore, seul sur une ligne, termine la conversation" if thread.kind == "contact" else ""
        return f"Répondre à ce courriel suffit : {whom} lit votre réponse{end}. Conversation n° {thread.id}."

    # --

    def _conversation(self, thread: Thread) -> Conversation:
        to = tuple(contact.email for contact in self.staff(thread.person_id))
        return Conversation(thread.id, thread.subject.partition(" : ")[2], thread.opened_at, to)

    def _email_of(self, person_id: str) -> str:
        contact = self._people.by_id(person_id)
        return contact.email if contact else ""


def _chat_of(ask: Ask) -> int:
    """The chat where it was asked, 0 for none."""
    door, _, rest = ask.conversation.partition(":")
    return int(rest.partition(":")[0]) if door == "chat" else 0


def _buttons(thread: Thread) -> tuple[Button, ...]:
    reply = Button("Répondre", f"contact #{thread.id}")
    return (reply, Button("Clore", f"clore #{thread.id}")) if thread.kind == "contact" else (reply,)


def _paragraphs(words: str) -> list[str]:
    return [line.rstrip() for line in words.strip().split("\n") if line.strip()]


def _one_line(words: str) -> str:
    return " ".join(words.split())


def _about(answer: Answer) -> Answer:
    """An answer of the bot's as it stands in a question about it."""
    fresh = (answer.freshness,) if answer.freshness else ()
    return Answer(f"À propos de cette réponse : {answer.title}", (*answer.lines, *fresh), table=answer.table)


def _masked(part: Answer) -> Answer:
    return Answer(without_codes(part.title), tuple(map(without_codes, part.lines)), table=part.table)


def _passed_on(files: Iterable[SentFile]) -> tuple[tuple[OutFile, ...], tuple[str, ...]]:
    """The files that go on, and words about those that do not."""
    kept = tuple(OutFile(file.name, file.content) for file in files if not _PROGRAM.search(file.name))
    refused = tuple(
        f"Pièce jointe laissée de côté : {french.quoted(file.name)} (programme)"
        for file in files
        if _PROGRAM.search(file.name)
    )
    return kept, refused

"""Between a chat and mailboxes: a question to the staff, what they answer, and what people write back to a notice.

Each thread has members by mail and at most one side in a chat. What a member writes goes to all others, never to
himself, and only his own words do.
"""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from sqlite_utils import Database

from bot.desk import held, threads
from bot.desk.people import TECHNICAL, Contact, People
from bot.desk.threads import Thread
from bot.mail.attachments import as_it_travels, room_for_files, within_budget
from bot.mail.codes import without_codes
from bot.mail.letter import Letter
from bot.mail.reading import Mail
from core.profile import Profile
from core.settings import Settings
from handlers import french
from handlers.answer import Answer, Button, OutFile
from handlers.ask import Ask, Person, Role, SentFile
from handlers.desk import Conversation, Said

#: Signs of the first words of a question that its subject shows.
_MOST_SUBJECT = 60

#: Mails of one thread that one reader gets within a minute; what is said beyond waits, and leaves as one.
_MOST_A_MINUTE = 4

#: Mails within an hour after which what others write by mail goes no more to mailboxes, but to the chat alone: two that
#: answer by themselves would go on for ever.
_MOST_AN_HOUR = 12

#: Signs of a mail that a chat shows; the whole is in a file then.
_MOST_SHOWN = 3000

#: What may wait so in one thread.
_MOST_HELD = 20

#: Bytes of a file that Telegram takes from a robot.
_MOST_IN_CHAT = 50_000_000

#: Files that are programs: named, never passed on. Windows leaves out dots and spaces at the end of a name.
_PROGRAM = re.compile(
    r"\.(?:exe|com|bat|cmd|msi|scr|pif|js|jse|vbs|vbe|wsf|hta|ps1|jar|lnk|reg|dll|apk|iso|img|chm|cpl)[. ]*$",
    re.IGNORECASE,
)

#: What may be a PUK.
_EIGHT = re.compile(r"(?<![\d+])(?<!\d )\d{4} ?\d{4}(?! ?\d)")

_MASKED = "Un code (RIO, PUK…) a été masqué : il ne passe pas par courriel."

_NOT_MAILED = "(Trop de courriels en une heure : celui-ci n'a pas été envoyé aux collègues.)"

_REOPENED = "(La conversation était close : elle est rouverte.)"


class Writer(Protocol):
    """Who writes mails and messages, in the caller's transaction."""

    def profile(self) -> Profile: ...

    def write_letter(self, letter: Letter) -> None: ...

    def write_chat(
        self, chat_id: int, answers: list[Answer], *, thread: int = 0, reply_to: int = 0, person_id: str = ""
    ) -> None: ...

    def is_code(self, number: str) -> bool:
        """Whether a number is the PUK of one of the operator's cards."""


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
        name = _one_line(self._without_codes(words)) or "pièce jointe"
        short = name if len(name) <= _MOST_SUBJECT else f"{name[:_MOST_SUBJECT].rstrip()}…"
        subject = f"{self._writer.profile().operator_name} : question de {ask.person.name} — {short}"
        # The same message or mail again, after a crash or an edit, is the same question: what it was answered may not
        # have been written down before the crash.
        key = f"contact:{ask.conversation}:{ask.message or ('' if ask.door == 'mail' else time.time_ns())}"
        with self._desk.atomic():
            if asked_before := threads.by_key(self._desk, key):
                is_same = not ask.edited and asked_before.subject == subject
                return self._conversation(asked_before) if is_same else None
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
            if ask.conversation.startswith("mail:<"):
                # The answers stand below the question in the mailbox that it left from.
                threads.add_mail(self._desk, thread.id, ask.person.id, ask.conversation.removeprefix("mail:"))
            when = french.moment(thread.opened_at, thread.opened_at)
            asked = Answer(f"{ask.person.name} demande, le {when}", tuple(_paragraphs(words)))
            parts = [asked] if about is None else [asked, _about(about)]
            self._mail(thread, self.staff(ask.person.id), parts, ask.files)
        return self._conversation(thread)

    def say(self, ask: Ask, number: int, words: str) -> Said:
        chat_id = _chat_of(ask)
        with self._desk.atomic():
            thread = threads.by_id(self._desk, number)
            if thread is None or thread.kind == "mail" or not self._is_in(ask, thread):
                return Said("unknown")
            if chat_id and ask.message:
                said = threads.by_message(self._desk, chat_id, ask.message)
                if said and said.id == thread.id:
                    to = tuple(reader.email for reader in self._readers(thread, ask.person.id))
                    return Said("said before" if ask.edited else "sent", to)
            readers = self._readers(thread, ask.person.id)
            is_shown = _side(thread) != ask.person.id and chat_id != thread.chat_id
            if not readers and not is_shown:
                return Said("nobody")
            if held.how_many(self._desk, thread.id) >= _MOST_HELD:
                return Said("too many")
            if chat_id and ask.message:
                threads.add_message(self._desk, thread.id, chat_id, ask.message)
            lines = [*_paragraphs(words), *self._reopened(thread)]
            part = Answer(ask.person.name, tuple(lines))
            leaves = self._mail(thread, readers, [part, *self._quoted(ask, thread, readers)], ask.files)
            if is_shown:
                self._show(thread, part, ask.files)
        return Said("sent" if leaves else "held", tuple(reader.email for reader in readers))

    def _reopened(self, thread: Thread) -> list[str]:
        if thread.is_open:
            return []
        threads.reopen(self._desk, thread.id)
        return [_REOPENED]

    def _quoted(self, ask: Ask, thread: Thread, readers: list[Contact]) -> list[Answer]:
        """The notice that words are about, for readers who did not get it."""
        if thread.kind != "notice" or not ask.under:
            return []
        if all(threads.is_member(self._desk, thread.id, reader.person.id) for reader in readers):
            return []
        title, *lines = ask.under.strip().split("\n")
        return [Answer(f"À propos de l'avis : {title}", tuple(lines))]

    def close_contact(self, ask: Ask, number: int) -> Conversation | None:
        with self._desk.atomic():
            thread = threads.by_id(self._desk, number)
            if thread is None or thread.kind != "contact" or not self._is_in(ask, thread):
                return None
            if not thread.is_open:  # perhaps by the same words, whose answer a crash cut off
                return self._conversation(thread)
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

    def take_mail(self, mail: Mail, thread: Thread, person_id: str, *, verified: bool, reached: str = "") -> bool:
        """Write what a mail says into its thread: to the chat, and to the other members; in the caller's transaction.

        :param person_id: who wrote it, "" for somebody unknown.
        :param reached: the member whose secret it bears, who may be the one who wrote it from another address.
        :returns: False when it says nothing, or when the thread is no conversation.
        """
        if thread.kind == "mail" or not (mail.own_text.strip() or mail.files):
            return False
        contact = self._people.by_id(person_id) if person_id else None
        title = f"💬 {_author(mail, contact if verified else None)}"
        if not verified:
            title += " — ⚠️ expéditeur non vérifié"
        lines = _paragraphs(mail.own_text)
        if thread.kind == "notice":
            lines = [f"À propos de « {thread.subject} » :", *lines]
        lines += self._reopened(thread)
        if contact and verified:
            threads.add_mail(self._desk, thread.id, person_id, mail.message_id)
            threads.spoke(self._desk, thread.id, person_id)
        part = Answer(title, tuple(lines))
        author = person_id or reached
        readers = self._readers(thread, author)
        in_chat = bool(self._chats(thread, _side(thread)))
        if threads.mails_since(self._desk, thread.id, int(time.time()) - 3600) < _MOST_AN_HOUR:
            self._mail(thread, readers, [part], mail.files)
        elif not in_chat:
            return True
        elif readers:
            part = replace(part, lines=(*part.lines, _NOT_MAILED))
        # A chat answers nothing by itself: what an unknown address writes to its person is shown there.
        self._show(thread, part, mail.files, author=person_id if in_chat else author)
        return True

    # -- to the chat side

    def _show(self, thread: Thread, part: Answer, files: Sequence[SentFile], *, author: str = "") -> None:
        """To who opened the thread, or whom the notice is for: in the chat where he asked, else in his own, else by
        mail."""
        person_id = _side(thread)
        if person_id == author:
            return
        contact = self._known(person_id)
        chats = self._chats(thread, person_id) if contact else []
        if contact and not chats:
            self._mail(thread, [contact], [part], files)
        kept, refused = _passed_on(files, _MOST_IN_CHAT)
        for chat_id in chats:
            shown, whole = _shortened(part if chat_id > 0 else self._safe(part))
            self._writer.write_chat(
                chat_id,
                [Answer(part.title, (*shown, *refused), files=(*whole, *kept), buttons=_buttons(thread))],
                thread=thread.id,
                reply_to=self._under(thread, chat_id),
                person_id=person_id,
            )

    def not_shown(self, thread_id: int, person_id: str, text: str, file: OutFile | None) -> None:
        """What was written for a person's chat, which nothing reaches any more, goes to him by mail; in the caller's
        transaction."""
        thread, contact = threads.by_id(self._desk, thread_id), self._known(person_id)
        if thread is None or contact is None:
            return
        title, *lines = text.strip().split("\n")
        files = [SentFile(file.name, file.content)] if file else []
        self._mail(thread, [contact], [Answer(title or "💬", tuple(lines))], files)

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
        """Who reads by mail what `author` wrote: those who wrote by mail, and the staff where it is asked. A mailbox
        with two roles reads once."""
        readers = self.staff(author) if thread.kind == "contact" else []
        readers += [
            contact
            for person_id in threads.who_spoke(self._desk, thread.id)
            if (contact := self._known(person_id)) is not None
        ]
        side = _side(thread)
        if not readers and thread.kind == "notice" and author == TECHNICAL:
            readers = self.staff(author)
        # Whose chat shows it reads it there.
        known = {self._email_of(side).lower(), self._email_of(author).lower()}
        found: dict[str, Contact] = {}
        for reader in readers:
            if reader.email.lower() not in known:
                found.setdefault(reader.email.lower(), reader)
        return sorted(found.values(), key=lambda reader: reader.person.id)

    def _mail(self, thread: Thread, readers: list[Contact], parts: list[Answer], files: Sequence[SentFile]) -> bool:
        """Write to readers, or keep it for later where they were written to enough; whether it leaves now."""
        named = [replace(file, name=self._without_codes(file.name)) for file in files]
        kept, refused = _passed_on(named, self._room)
        safe = [self._safe(part) for part in parts]
        if safe != parts or [file.name for file in named] != [file.name for file in files]:
            refused = (*refused, _MASKED)
        safe[0] = replace(safe[0], lines=(*safe[0].lines, *refused), files=kept)
        waits = held.how_many(self._desk, thread.id) or self._is_flooded(thread.id)
        if not waits:
            for reader in readers:
                self._post(thread, reader, safe)
        elif readers:
            for part in safe:
                held.hold(self._desk, thread.id, [reader.person.id for reader in readers], part)
        return not waits

    def post_held(self) -> bool:
        """Mail what waited long enough, each reader's as one; whether there was some."""
        due = [thread_id for thread_id in held.threads_with_some(self._desk) if not self._is_flooded(thread_id)]
        for thread_id in due:
            with self._desk.atomic():
                said = held.release(self._desk, thread_id)
                thread = threads.by_id(self._desk, thread_id)
                for person_id in dict.fromkeys(reader for it in said for reader in it.readers):
                    reader = self._known(person_id)
                    if thread and reader:
                        self._post(thread, reader, _joined([it.part for it in said if person_id in it.readers]))
        return bool(due)

    def _is_flooded(self, thread_id: int) -> bool:
        return threads.mails_since(self._desk, thread_id, int(time.time()) - 60) >= _MOST_A_MINUTE

    def _post(self, thread: Thread, reader: Contact, parts: list[Answer]) -> None:
        operator = self._writer.profile().operator_name
        subject = thread.subject if thread.kind == "contact" else f"{operator} : {thread.subject}"
        for mail in _in_mails(parts, self._room):
            is_first = not threads.member(self._desk, thread.id, reader.person.id).last_id
            self._writer.write_letter(
                Letter(
                    to=reader.email,
                    subject=subject if is_first else f"Re: {subject}",
                    greeting="Bonjour,",
                    parts=tuple(mail),
                    foot=self.foot(thread, reader),
                    person_id=reader.person.id,
                    thread=thread.id,
                )
            )

    @property
    def _room(self) -> int:
        return room_for_files(self._settings.mail_max_mb)

    def foot(self, thread: Thread, reader: Contact) -> str:
        """What stands below each mail of a conversation."""
        asker = self._people.by_id(_side(thread))
        whom = asker.person.name if asker and asker.person.id != reader.person.id else "l'équipe"
        end = " ; /clore, seul sur une ligne, termine la conversation" if thread.kind == "contact" else ""
        return f"Répondre à ce courriel suffit : {whom} lit votre réponse{end}. Conversation n° {thread.id}."

    # -- codes

    def _safe(self, part: Answer) -> Answer:
        mask = self._without_codes
        # A code may stand below the word that says what it is.
        lines = tuple(mask("\n".join(part.lines)).split("\n")) if part.lines else ()
        table = part.table
        if table:
            table = replace(table, rows=tuple(tuple(map(mask, row)) for row in table.rows))
        return replace(part, title=mask(part.title), lines=lines, table=table)

    def _without_codes(self, text: str) -> str:
        """The same, but for codes: those that are called so, and the PUKs of the operator's cards."""

        def mask(found: re.Match[str]) -> str:
            return "•••" if self._writer.is_code(found[0].replace(" ", "")) else found[0]

        return _EIGHT.sub(mask, without_codes(text))

    # --

    def _conversation(self, thread: Thread) -> Conversation:
        to = tuple(contact.email for contact in self.staff(thread.person_id))
        return Conversation(thread.id, thread.subject.partition(" : ")[2], thread.opened_at, to)

    def _known(self, person_id: str) -> Contact | None:
        """A person of the settings; who is no longer among them reads nothing more."""
        contact = self._people.by_id(person_id)
        return contact if contact and contact.person.roles else None

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
    """The lines of a text, with one empty line between paragraphs."""
    lines = [line.rstrip() for line in words.strip().split("\n")]
    return [line for place, line in enumerate(lines) if line or lines[place - 1]]


def _shortened(part: Answer) -> tuple[tuple[str, ...], tuple[OutFile, ...]]:
    """As many lines as a chat shows, and the whole as a file where that is not all."""
    text = "\n".join(part.lines)
    if len(text) <= _MOST_SHOWN:
        return part.lines, ()
    shown = text[:_MOST_SHOWN].rsplit(None, 1)[0]
    return (*shown.split("\n"), "… La suite est dans le fichier."), (OutFile("message.txt", text.encode()),)


def _one_line(words: str) -> str:
    return " ".join(words.split())


def _about(answer: Answer) -> Answer:
    """An answer of the bot's as it stands in a question about it."""
    fresh = (answer.freshness,) if answer.freshness else ()
    return Answer(f"À propos de cette réponse : {answer.title}", (*answer.lines, *fresh), table=answer.table)


def _author(mail: Mail, contact: Contact | None) -> str:
    """Who wrote, as the chat shows it. `contact`: the known person who did for certain."""
    name = mail.author if mail.author.lower() != mail.sender.lower() else ""
    role = ""
    if contact:
        role = next((label for role, label in _ROLES.items() if role in contact.person.roles), "")
    who = f"{name} ({mail.sender})" if name else mail.sender
    return f"{role} · {who}" if role else who


_ROLES: dict[Role, str] = {"équipe": "Équipe", "comptabilité": "Comptabilité"}


def _side(thread: Thread) -> str:
    """The person at the chat's end: who asked, or whom notices are for."""
    return thread.person_id or TECHNICAL


def _passed_on(files: Iterable[SentFile], most: int) -> tuple[tuple[OutFile, ...], tuple[str, ...]]:
    """The files that go on, and words about those that do not.

    :param most: bytes that one may have as it travels.
    """
    kept, refused = [], []
    for file in files:
        why = "programme" if _PROGRAM.search(file.name) else ""
        if as_it_travels(len(file.content)) > most:
            why = f"trop lourde : {french.volume(len(file.content))}"
        if why:
            refused.append(f"Pièce jointe laissée de côté : {french.quoted(file.name)} ({why})")
        else:
            kept.append(OutFile(file.name, file.content))
    return tuple(kept), tuple(refused)


def _joined(parts: list[Answer]) -> list[Answer]:
    """What one person said in a row stands under his name once."""
    joined: list[Answer] = []
    for part in parts:
        if joined and joined[-1].title == part.title:
            last = joined[-1]
            joined[-1] = replace(last, lines=(*last.lines, *part.lines), files=(*last.files, *part.files))
        else:
            joined.append(part)
    return joined


def _in_mails(parts: list[Answer], room: int) -> list[list[Answer]]:
    """The parts as mails whose files find room; those that find none follow in one of their own."""
    files = [file for part in parts for file in part.files]
    fitting, left = within_budget(files, room, _size)
    mails = [[replace(part, files=tuple(file for file in part.files if file in fitting)) for part in parts]]
    while left:
        fitting, left = within_budget(left, room, _size)
        if not fitting:
            break
        mails.append([Answer("Suite des pièces jointes", files=tuple(fitting))])
    return mails


def _size(file: OutFile) -> int:
    return len(file.content)

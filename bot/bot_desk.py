"""What commands ask of the running bot (`handlers.desk.Desk`), on the desk's store and the FTP."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlite_utils import Database

from bot import queues
from bot.admission import Admission
from bot.bridge import Bridge
from bot.desk import alerts, audit, buttons, faulty, pictures, progress, threads
from bot.desk.outbox import Outbox
from bot.desk.people import TECHNICAL, People
from bot.desk.profile import (
    CODE_LIFE,
    Pending,
    forget_outdated,
    is_verified,
    new_code,
    pending,
    profile_of,
    set_value,
    strike_off,
    take_code,
    used_code,
    verify,
    was_mailed_lately,
)
from bot.mail.letter import Letter, Letterhead, compose, foot_for
from bot.notices import routes
from bot.passes import sync_once
from bot.rio_watch import RioWatch
from bot.selftest import RoundTrips
from bot.state import state_of
from bot.supervision import LoopState
from bot.telegram.drawing import draw
from core import backup, copies, documents, sims
from core.folders import FRENCH
from core.ftp import connect, put
from core.profile import FIELDS, Name, Profile
from core.settings import Settings
from handlers import french, selftest, sync
from handlers.answer import Answer
from handlers.ask import Ask, Person, Role
from handlers.desk import (
    TOPICS,
    Alerts,
    AuditPage,
    Conversation,
    Draft,
    KnownPerson,
    Said,
    Selftest,
    Standing,
    State,
    SyncReport,
    Topic,
    Trip,
)

PERSONALISATION = FRENCH["personalisation"]

#: What a picture's name can end with on the FTP.
_EXTENSIONS = ("png", "jpg", "jpeg")

#: The mailboxes that the bot writes to by itself, and what goes there.
_MAILED: dict[Name, str] = {
    "accounting_email": "Les factures et la comptabilité",
    "technical_email": "Les messages techniques",
}


#: A code is not mailed again, to the same address, for so many seconds: it is on its way, or it is the same question
#: again after a crash.
_ON_ITS_WAY = 120


class BotDesk:
    """`handlers.desk.Desk`. The service says how it makes a pass and what does not work; without it, a pass is a
    process of its own."""

    def __init__(self, settings: Settings, desk: Database, outbox: Outbox, telecom: Database | None = None) -> None:
        self._settings = settings
        self._desk = desk
        self._outbox = outbox
        self._telecom = telecom
        self._vault = settings.vault
        self._people = People(desk)
        forget_outdated(desk, settings)
        self.make_pass: Callable[[], Coroutine[Any, Any, SyncReport]] = sync_once
        self.faults: Callable[[], tuple[Standing, ...]] = tuple
        self.loops: Callable[[], Mapping[str, LoopState]] = dict
        #: Seconds that a question waits for the end of a pass, None for as long as it takes; then who is told.
        self.patience: float | None = None
        self.tell_later: Callable[[Person, Answer], None] = lambda person, answer: None
        self.bridge = Bridge(settings, desk, self._people, self)
        self.admission = Admission(settings, desk, self._people, self)
        self._rios = RioWatch(desk, self._people, self)
        self._passes: set[asyncio.Task[SyncReport]] = set()
        self.round_trips = RoundTrips(settings, desk)
        self._testing: asyncio.Task[tuple[Trip, ...]] | None = None
        self._await_test: dict[str, Person] = {}
        #: Two who put pictures at once would write one `.part`.
        self._placing = asyncio.Lock()

    # -- the integrator

    def profile(self) -> Profile:
        return profile_of(self._desk, self._settings)

    def set_profile(self, person: Person, name: Name, value: str) -> None:
        with self._desk.atomic():
            strike_off(self._desk, name)  # an address that waited is not wanted any more
            self._give(person, name, value)

    def _give(self, person: Person, name: Name, value: str) -> None:
        former = self.profile().value(name)
        if value == former:
            return
        set_value(self._desk, self._settings, name, value)
        for address in (former, value):
            faulty.clear(self._desk, address)
        self._people.follow(self._settings)
        if name in _MAILED and former and former.lower() != value.lower():
            self._tell_former(person, name, former, value)

    def _tell_former(self, person: Person, name: Name, former: str, value: str) -> None:
        now = self.profile()
        if name == "technical_email":  # the new one is in question
            whom = f"la comptabilité ({now.accounting_email})"
        else:
            whom = f"{now.technical_contact} ({now.technical_email})"
        told = Answer(
            f"{_MAILED[name]} vont désormais à {value}",
            (
                f"Changé par {person.name} le {french.moment(int(time.time()))}.",
                "Cette adresse-ci n'en recevra plus.",
                f"Si ce n'est pas voulu, prévenir {whom}.",
            ),
        )
        self.write_letter(
            Letter(
                to=former,
                subject=f"{now.operator_name} : {_MAILED[name].lower()} vont à une autre adresse",
                greeting="Bonjour,",
                parts=(told,),
                foot=f"Message automatique de l'assistant de {now.operator_name}.",
            )
        )

    def is_verified(self, address: str) -> bool:
        return is_verified(self._desk, address)

    def mail_code(self, person: Person, name: Name, address: str) -> None:
        field = next(field for field in FIELDS if field.name == name)
        operator = self.profile().operator_name
        with self._desk.atomic():
            if was_mailed_lately(self._desk, name, address, _ON_ITS_WAY):
                return
            code = new_code(self._desk, Pending(name, address, person.id))
            told = Answer(
                f"Votre code : {code[:3]} {code[3:]}",
                (
                    f"{person.name} donne cette adresse pour {field.french} chez {operator}.",
                    "Pour confirmer, répondre à ce courriel avec le code, ou le lui dire.",
                    f"Le code vaut {CODE_LIFE // 86400} jours. Si cette demande vous surprend, ne rien faire.",
                ),
            )
            self.write_letter(
                Letter(
                    to=address,
                    subject=f"{operator} : confirmer cette adresse",
                    greeting="Bonjour,",
                    parts=(told,),
                    foot=f"Message automatique de l'assistant de {operator}.",
                )
            )

    def waiting_addresses(self) -> Mapping[Name, str]:
        return {waiting.name: waiting.address for waiting in pending(self._desk)}

    def take_code(self, code: str) -> Name | None:
        return self._took(take_code, code)

    def take_mailed_code(self, code: str, sender: str) -> Name | None:
        """The same for a code that comes by mail from the address itself."""
        return self._took(take_code, code, sender)

    def _took(self, take: Callable[..., Pending | None], *given: str) -> Name | None:
        with self._desk.atomic():
            proved = take(self._desk, *given)
            if proved is None:
                return self._proved_before(*given)
            verify(self._desk, proved.address)
            also = [it for it in pending(self._desk) if it.address.lower() == proved.address.lower()]
            for it in also:
                strike_off(self._desk, it.name)
            for it in (proved, *also):
                who = self._people.by_id(it.person_id)
                assert who
                if self.profile().value(it.name).lower() != it.address.lower():
                    self._give(who.person, it.name, it.address)
        return proved.name

    def _proved_before(self, code: str, sender: str = "") -> Name | None:
        """What a code that was used already gave, where that still holds."""
        used = used_code(self._desk, code)
        if used is None or (sender and used.address.lower() != sender.lower()):
            return None
        return used.name if self.profile().value(used.name).lower() == used.address.lower() else None

    def is_enrolled(self) -> bool:
        return bool(self._people.chats_of(TECHNICAL))

    # -- people

    def people(self) -> list[KnownPerson]:
        return self._people.known(int(time.time()))

    def planned(self, name: str, email: str, roles: frozenset[Role]) -> KnownPerson:
        return self.admission.planned(name, email, roles)

    def invite(self, by: str, name: str, email: str, roles: frozenset[Role]) -> KnownPerson:
        return self.admission.invite(by, name, email, roles)

    def revoke(self, person_id: str) -> bool:
        return self.admission.revoke(person_id)

    # -- pictures

    def add_draft(self, person: Person, picture: str, name: str, content: bytes) -> Draft:
        return pictures.add_draft(self._desk, person.id, picture, name, content)

    def draft(self, person: Person, token: str) -> Draft | None:
        return pictures.draft(self._desk, person.id, token)

    def drop_draft(self, person: Person, token: str) -> None:
        pictures.forget_draft(self._desk, person.id, token)

    async def place(self, person: Person, picture: str, content: bytes, extension: str) -> str:
        path = f"{PERSONALISATION}/{picture}.{extension}"
        others = [f"{picture}.{other}" for other in _EXTENSIONS if other != extension]
        async with self._placing:
            await put(self._settings.ftp, content, path, others)
            with self._desk.atomic():
                pictures.record_placed(self._desk, picture, path, content)
                pictures.forget_drafts(self._desk, person.id, picture)
        return path

    def placed(self, name: str) -> bytes | None:
        own = pictures.placed(self._desk, name)
        # Somebody may have put another one there since; a pass saw it.
        seen = documents.picture(self._telecom, name) if self._telecom else None
        if seen and (own is None or seen.fetched > own[1]):
            try:
                return copies.content(self._settings.data, seen.path)
            except FileNotFoundError:
                pass
        return own[0] if own else None

    # -- the dossier

    async def folders(self) -> list[str]:
        async with connect(self._settings.ftp, patience=15.0) as ftp:
            return await ftp.folders()

    def dossier_sent(self) -> int:
        return progress.get(self._desk, "dossier_sent")

    def send_dossier(self, dossier: Answer) -> None:
        now = self.profile()
        with self._desk.atomic():
            progress.put(self._desk, "dossier_sent", int(time.time()))
            self.write_letter(
                Letter(
                    to=self._settings.admin_email,
                    subject=f"{now.operator_name} : dossier d'ouverture de compte",
                    greeting="Bonjour,",
                    parts=(dossier,),
                    reply_to=now.technical_email,
                    foot=f"Envoyé par l'assistant de {now.operator_name}, pour {now.technical_contact}.",
                )
            )

    # -- questions to the staff

    def staff_of(self, person: Person) -> tuple[str, ...]:
        return tuple(contact.email for contact in self.bridge.staff(person.id))

    def contacts(self, person: Person) -> list[Conversation]:
        return self.bridge.contacts(person)

    def open_contact(self, ask: Ask, words: str, about: Answer | None) -> Conversation | None:
        return self.bridge.open_contact(ask, words, about)

    def say(self, ask: Ask, number: int, words: str) -> Said:
        return self.bridge.say(ask, number, words)

    def close_contact(self, ask: Ask, number: int) -> Conversation | None:
        return self.bridge.close_contact(ask, number)

    # -- chat

    def write_chat(
        self,
        chat_id: int,
        answers: list[Answer],
        *,
        question: int = 0,
        again: bool = False,
        edits: int = 0,
        silent: bool = False,
        thread: int = 0,
        reply_to: int = 0,
        person_id: str = "",
    ) -> None:
        """Put messages of a chat into the outbox, in the caller's transaction; see `drawing.draw`.

        :param person_id: whom it is for, where another person wrote it: it goes to him by mail if the chat is lost.
        """
        messages = draw(
            answers,
            lambda button: buttons.data_of(self._desk, self._vault, chat_id, button),
            question=question,
            again=again,
            edits=edits,
            silent=silent,
            thread=thread,
            reply_to=reply_to,
        )
        for message in messages:
            self._outbox.add(
                "chat",
                str(chat_id),
                message.payload(),
                attachment=message.attachment,
                thread_id=thread if person_id else 0,
                person_id=person_id,
            )

    def is_code(self, number: str) -> bool:
        """Whether a number is the PUK of one of the operator's cards."""
        return self._telecom is not None and sims.is_puk(self._telecom, number, self._settings.vault)

    # -- mail

    def write_letter(self, letter: Letter) -> None:
        """Put a mail into the outbox, in the caller's transaction."""
        now = self.profile()
        if not letter.foot:
            letter = replace(letter, foot=self._foot(letter))
        # A mail that one touch prepares answers nothing: its address says whose it is, or the receiving server does.
        touch = self._settings.bot_email if self._settings.mail_trusted_server else ""
        if letter.thread:
            letter = self._in_thread(letter)
            touch = letter.reply_to or touch
        sender = f"{now.operator_name} · assistant Origyne"
        head = Letterhead(self.placed("logo") or b"", now.colour, self._settings.mail_max_mb)
        message = compose(letter, sender, self._settings.bot_email, head, touch=touch)
        message_id = str(message["Message-ID"])
        if letter.thread:
            threads.add_mail(self._desk, letter.thread, letter.person_id, message_id)
        self._outbox.add(
            "mail",
            letter.to,
            message.as_bytes(),
            subject=str(message["Subject"]),
            message_id=message_id,
            thread_id=letter.thread,
            person_id=letter.person_id,
            secret=letter.secret,
        )

    def _in_thread(self, letter: Letter) -> Letter:
        """The same letter as what continues its thread in the mailbox that it goes to."""
        member = threads.member(self._desk, letter.thread, letter.person_id)
        before = [it for it in (member.first_id, *letter.references, member.last_id) if it]
        return replace(
            letter,
            references=tuple(dict.fromkeys(before)),
            reply_to=letter.reply_to or self._token_address(member.token),
        )

    def _foot(self, letter: Letter) -> str:
        reader = self._people.by_id(letter.person_id) or self._people.by_email(letter.to)
        return foot_for(reader.person.roles, int(time.time())) if reader else ""

    def _token_address(self, token: str) -> str:
        """Where a reply comes back with its secret; "" where the mail server takes no sub-addresses."""
        if self._settings.mail_subaddress == "none":
            return ""
        local, _, domain = self._settings.bot_email.rpartition("@")
        return f"{local}+{token}@{domain}"

    # -- rights

    def whom_to_ask(self) -> str:
        admins = [it.person.name for it in self._people.everyone() if "admin" in it.person.roles]
        return " ou ".join(admins) or self.profile().technical_contact

    def address_of(self, person: Person) -> str:
        contact = self._people.by_id(person.id)
        return contact.email if contact else ""

    def mail_password(self, person: Person, about: str, password: str) -> None:
        operator = self.profile().operator_name
        told = Answer(
            about,
            (
                f"Mot de passe : {password}",
                f"Il ouvre le fichier que {person.name} a demandé dans Telegram le {french.moment(int(time.time()))}, "
                "et aucun autre.",
                "Si cette demande vous surprend, quelqu'un d'autre tient votre Telegram : le faire couper aussitôt, "
                f"sur le serveur du robot, par origyne-bot people revoke {person.id} --chats",
            ),
        )
        with self._desk.atomic():
            self.write_letter(
                Letter(
                    to=self.address_of(person),
                    subject=f"{operator} : mot de passe d'un fichier",
                    greeting="Bonjour,",
                    parts=(told,),
                    foot=f"Message automatique de l'assistant de {operator}.",
                    secret=True,
                )
            )

    def rio_wait(self, number: str) -> int:
        return self._rios.wait(number)

    def rio_held(self) -> frozenset[str]:
        return self._rios.held()

    def rio_failed(self, person: Person, failures: Iterable[tuple[str, int]]) -> None:
        self._rios.failed(person, failures)

    # -- the service

    async def sync(self, person: Person) -> SyncReport:
        making = asyncio.create_task(self.make_pass())
        # Somebody else's question must not wait behind a pass, nor this person's next one.
        await asyncio.wait({making}, timeout=self.patience)
        if making.done():
            return making.result()
        self._passes.add(making)
        making.add_done_callback(lambda made: self._ended(person, made))
        return SyncReport(False)

    def _ended(self, person: Person, made: "asyncio.Task[SyncReport]") -> None:
        self._passes.discard(made)
        if not made.cancelled() and made.exception() is None:
            self.tell_later(person, sync.told(made.result(), int(time.time())))

    async def selftest(self, person: Person, *, wait: bool) -> Selftest:
        testing = self._testing
        joined = testing is not None
        if testing is None:
            if not self.round_trips.begin():
                return Selftest(elsewhere=True)
            chat_id = next((it for it in self._people.chats_of(person.id) if it > 0), 0)
            testing = self._testing = asyncio.create_task(self.round_trips.run(chat_id))
            testing.add_done_callback(self._tested)
        if wait:
            return Selftest(await asyncio.shield(testing), joined)
        self._await_test[person.id] = person
        return Selftest(joined=joined)

    def _tested(self, made: "asyncio.Task[tuple[Trip, ...]]") -> None:
        self._testing = None
        awaited, self._await_test = self._await_test, {}
        if not made.cancelled() and made.exception() is None:
            for person in awaited.values():
                self.tell_later(person, selftest.told(made.result(), int(time.time())))

    def close(self) -> None:
        """Nobody is told of the passes and tests that still go on."""
        for making in list(self._passes):
            making.cancel()
        if self._testing:
            self._testing.cancel()

    def state(self) -> State:
        now = int(time.time())
        newest = backup.newest(self._settings)
        return state_of(
            queues.look(self._desk, self._telecom, now),
            self.faults(),
            self.loops(),
            faulty.marked(self._desk, now),
            (newest.at if newest else 0) if newest or self._settings.backups_kept else None,
        )

    def audit(self, words: str, offset: int, limit: int) -> AuditPage:
        return audit.search(self._desk, words, offset=offset, limit=limit)

    def alerts_of(self, person: Person) -> Alerts:
        return alerts.alerts_of(self._desk, person.id)

    def set_alerts(self, person: Person, wanted: Alerts) -> None:
        alerts.set_alerts(self._desk, person.id, wanted)

    def topics_of(self, person: Person) -> tuple[Topic, ...]:
        contact = self._people.by_id(person.id)
        reach = routes.in_force(self._settings.data)[0].topics_of(contact) if contact else set()
        return tuple(topic for topic in TOPICS if topic in reach)

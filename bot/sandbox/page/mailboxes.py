"""The mailboxes: what the people at each of them read and write, by IMAP and SMTP."""

import asyncio
import mimetypes
import re
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from email.message import EmailMessage
from email.utils import getaddresses
from typing import TypeVar
from urllib.parse import quote

from aiohttp import web
from aiohttp.web_request import FileField

from bot.mail import smtp
from bot.mail.connection import NETWORK_FAULTS
from bot.mail.faults import MailError
from bot.sandbox.house import ACCOUNTING, ADMIN, CONTACT, GUEST, GUEST_NAME, SERVICE, STAFF, TECHNICAL, Sandbox
from bot.sandbox.page.inbox import Inbox
from bot.sandbox.page.journal import JournalPart
from bot.sandbox.page.parts import Refused, Tell, done, file_response
from bot.sandbox.page.replies import (
    FORMS,
    Draft,
    Form,
    html_of,
    one_line,
    pictures_of,
    quote_of,
    subject_of_reply,
    text_of,
    written,
)
from bot.sandbox.page.samples import SAMPLES

T = TypeVar("T")

#: Seconds after which the mailboxes are looked at although nothing was heard, and between two tries.
_LOOK, _AGAIN = 30, 1
#: Signs of a mail that a list shows after its subject, and of one that the journal shows.
_PREVIEW, _TOLD = 160, 90

#: A mail in its frame: no script, nothing from anywhere but the mail itself.
_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; font-src 'none'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)

_BREAKDOWN = "Le serveur de courriel ne répond pas : le remettre en marche dans « Pannes », puis réessayer."


@dataclass(frozen=True)
class Owner:
    """Whose mailbox it is. `who`: as the journal says it; `form`: the program that is written with."""

    address: str
    label: str
    name: str
    who: str
    form: Form
    minor: bool = False


OWNERS = (
    Owner(ACCOUNTING, "Comptabilité", "Comptabilité Télécom Exemple", "La comptabilité", "outlook"),
    Owner(TECHNICAL, "Technique", CONTACT, f"{CONTACT.split()[0]} (technique)", "gmail"),
    Owner(STAFF, "Équipe", "Équipe Télécom Exemple", "L'équipe", "thunderbird"),
    Owner(SERVICE, "Clients", "Service clients Télécom Exemple", "Le service clients", "gmail", minor=True),
    Owner(ADMIN, "Origyne", "Administration Origyne", "L'administrateur d'Origyne", "outlook", minor=True),
    Owner(GUEST, "Léa", GUEST_NAME, "Léa", "apple", minor=True),
)


@dataclass(frozen=True)
class File:
    """An attachment: the `number`th part of its mail. `size`: bytes."""

    number: int
    name: str
    size: int


@dataclass(frozen=True)
class Head:
    """A mail as a list shows it. `thread`: the Message-ID of its first mail; `date`: UTC seconds, as the mail says."""

    address: str
    uid: int
    message_id: str
    thread: str
    name: str
    sender: str
    to: str
    subject: str
    date: float
    preview: str
    unread: bool
    files: tuple[File, ...]


class MailPart:
    """Events: `mail` (the head of one, as it stands now)."""

    name = "mail"

    def __init__(self, sandbox: Sandbox, journal: JournalPart) -> None:
        self._box = sandbox
        self._journal = journal
        self._owners = {owner.address: owner for owner in OWNERS}
        self._inboxes = {owner.address: Inbox(sandbox.imap_of(owner.address)) for owner in OWNERS}
        self._heads: dict[str, dict[int, Head]] = {owner.address: {} for owner in OWNERS}
        self._tell: Tell = lambda event, data: None

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [
            web.post("/mail/{address}/write", self._write),
            web.get("/mail/{address}/{uid}", self._show),
            web.get("/mail/{address}/{uid}/html", self._show_html),
            web.get("/mail/{address}/{uid}/quote", self._show_quote),
            web.get("/mail/{address}/{uid}/parts/{number}", self._show_part),
            web.post("/mail/{address}/{uid}/seen", self._see),
            web.post("/mail/{address}/{uid}/reply", self._reply),
        ]

    async def snapshot(self) -> object:
        return {
            "mailboxes": [asdict(owner) for owner in OWNERS],
            "forms": FORMS,
            "mails": [asdict(head) for heads in self._heads.values() for head in heads.values()],
        }

    async def follow(self, tell: Tell) -> None:
        self._tell = tell
        known: dict[str, int] = {}
        try:
            while True:
                counts = await self._box.mail.arrivals(known, _LOOK)
                changed = [it for it in self._owners if counts[it] != known.get(it, 0)]
                try:
                    for address in changed or [it for it in self._owners if counts[it]]:
                        for head in await asyncio.to_thread(self._new_heads, address):
                            self._heads[address][head.uid] = head
                            tell("mail", asdict(head))
                    known = counts
                except NETWORK_FAULTS:  # it is cut for now
                    await asyncio.sleep(_AGAIN)
        finally:
            # In a thread: the server that is taken leave of answers in this very loop.
            await asyncio.to_thread(self._leave)

    def _leave(self) -> None:
        for inbox in self._inboxes.values():
            inbox.leave()

    def _new_heads(self, address: str) -> list[Head]:
        inbox = self._inboxes[address]
        found = []
        uids = inbox.uids_above(max(self._heads[address], default=0))
        unread = inbox.uids_with("UNSEEN") if uids else set()
        for uid in uids:
            message = inbox.mail(uid)
            if message is not None:
                found.append(_head_of(address, uid, message, uid in unread))
        return found

    # -- reading

    async def _show(self, request: web.Request) -> web.Response:
        address, uid, message = await self._asked(request)
        return done({**asdict(self._heads[address][uid]), "text": text_of(message), "html": bool(html_of(message))})

    async def _show_html(self, request: web.Request) -> web.Response:
        address, uid, message = await self._asked(request)
        page = _page_of(message, f"/mail/{quote(address)}/{uid}/parts")
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    async def _show_quote(self, request: web.Request) -> web.Response:
        _, _, message = await self._asked(request)
        form = _form(request.query.get("form", ""))
        subject = subject_of_reply(one_line(message["Subject"]), form)
        return done({"to": _answers_to(message), "subject": subject, "text": quote_of(message, form)})

    async def _show_part(self, request: web.Request) -> web.Response:
        _, _, message = await self._asked(request)
        parts = list(message.walk())
        number = request.match_info["number"]
        if not number.isdecimal() or int(number) >= len(parts) or parts[int(number)].is_multipart():
            raise web.HTTPNotFound
        part = parts[int(number)]
        content = part.get_payload(decode=True)
        return file_response(
            part.get_filename() or "piece", content if isinstance(content, bytes) else b"", part.get_content_type()
        )

    async def _see(self, request: web.Request) -> web.Response:
        address, uid, _ = await self._asked(request)
        head = self._heads[address][uid]
        if head.unread:
            await _reached(asyncio.to_thread(self._inboxes[address].mark_seen, uid))
            self._heads[address][uid] = head = replace(head, unread=False)
            self._tell("mail", asdict(head))
        return done()

    async def _asked(self, request: web.Request) -> tuple[str, int, EmailMessage]:
        address, number = self._owner(request).address, request.match_info["uid"]
        uid = int(number) if number.isdecimal() else 0
        if uid in self._heads[address]:
            message = await _reached(asyncio.to_thread(self._inboxes[address].mail, uid))
            if message is not None:
                return address, uid, message
        raise Refused("Ce courriel n'est plus là.")

    def _owner(self, request: web.Request) -> Owner:
        try:
            return self._owners[request.match_info["address"]]
        except KeyError:
            raise Refused("Cette boîte aux lettres n'existe pas.") from None

    # -- writing

    async def _reply(self, request: web.Request) -> web.Response:
        owner = self._owner(request)
        _, _, message = await self._asked(request)
        return await self._send(owner, await _given_draft(request, owner), message)

    async def _write(self, request: web.Request) -> web.Response:
        owner = self._owner(request)
        return await self._send(owner, await _given_draft(request, owner), None)

    async def _send(self, owner: Owner, given_draft: tuple[Draft, Form], answered: EmailMessage | None) -> web.Response:
        draft, form = given_draft
        message = await asyncio.to_thread(written, draft, form, answered)
        try:
            delivery = await smtp.send(self._box.smtp_of(owner.address), message, draft.to)
        except MailError as error:
            if error.permanent:
                raise Refused(_unknown(draft.to)) from None
            raise Refused(_BREAKDOWN) from None
        self._tell_journal(owner, draft, answered)
        if delivery.refused:
            raise Refused(f"Parti, sauf à certains. {_unknown(tuple(delivery.refused))}")
        return done({"message_id": str(message["Message-ID"])})

    def _tell_journal(self, owner: Owner, draft: Draft, answered: EmailMessage | None) -> None:
        words = " ".join(line.strip() for line in (draft.text or draft.subject).split("\n") if line.strip())
        said = _shortened(words, _TOLD) or ", ".join(name for name, _, _ in draft.files)
        self._journal.add("person", f"{owner.who} {'répond' if answered is not None else 'écrit'} : {said}")


async def _reached(work: Awaitable[T]) -> T:
    """What a work over IMAP gives.

    Raises:
        Refused: the server cannot be reached.
    """
    try:
        return await work
    except NETWORK_FAULTS:
        raise Refused(_BREAKDOWN) from None


def _unknown(addresses: Sequence[str]) -> str:
    return (
        f"Pas de boîte {' ni '.join(addresses)} ici : aucun courriel ne sort du bac à sable. Écrire au robot, ou à "
        "l'une des boîtes de cette page."
    )


# -- what somebody gives to send


async def _given_draft(request: web.Request, owner: Owner) -> tuple[Draft, Form]:
    fields = await request.post()
    text = str(fields.get("text", "")).replace("\r\n", "\n")
    subject = one_line(fields.get("subject", ""))
    to = [address for _, address in getaddresses([one_line(fields.get("to", ""))]) if address]
    files = [
        (part.filename, _kind_of(part.filename), part.file.read())
        for part in fields.getall("file", [])
        if isinstance(part, FileField)
    ]
    for name in fields.getall("sample", []):
        if name not in SAMPLES:
            raise Refused("Cet essai n'existe pas.")
        filename, make = SAMPLES[str(name)]
        files.append((filename, _kind_of(filename), await asyncio.to_thread(make)))
    wrong = [address for address in to if not smtp.BARE_ADDRESS.fullmatch(address)]
    if wrong or not to:
        raise Refused("Le destinataire n'est pas une adresse : écrire par exemple robot@telecom-exemple.test.")
    if not (text.strip() or subject or files):
        raise Refused("Le courriel est vide : écrire quelques mots, ou joindre un fichier.")
    draft = Draft((owner.name, owner.address), to, subject, text, files)
    return draft, _form(str(fields.get("form", owner.form)))


def _form(name: str) -> Form:
    for form in FORMS:
        if form == name:
            return form
    raise Refused("Ce logiciel de courriel n'est pas connu : en choisir un de la liste.")


def _kind_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


# -- what is shown of a mail


def _head_of(address: str, uid: int, message: EmailMessage, unread: bool) -> Head:
    sender = next(iter(message["From"].addresses), None) if message["From"] else None
    message_id = one_line(message["Message-ID"])
    references = one_line(message["References"] or message["In-Reply-To"]).split()
    date = message["Date"].datetime if message["Date"] else None
    return Head(
        address=address,
        uid=uid,
        message_id=message_id,
        thread=(*references, message_id)[0],
        name=str(sender.display_name) if sender else "",
        sender=str(sender.addr_spec) if sender else "",
        to=one_line(message["To"]),
        subject=one_line(message["Subject"]),
        date=date.timestamp() if date else 0.0,
        preview=_shortened(" ".join(re.sub(r"-{3,}|_{3,}", " ", text_of(message)).split()), _PREVIEW),
        unread=unread,
        files=tuple(_files_of(message)),
    )


def _files_of(message: EmailMessage) -> Iterator[File]:
    page = html_of(message)
    shown = [part for content_id, part in pictures_of(message) if f"cid:{content_id}" in page]
    for number, part in enumerate(message.walk()):
        name = part.get_filename()
        if part.is_multipart() or part in shown or not (name or part.get_content_disposition() == "attachment"):
            continue
        content = part.get_payload(decode=True)
        yield File(number, name or "sans nom", len(content) if isinstance(content, bytes) else 0)


def _answers_to(message: EmailMessage) -> str:
    return one_line(message["Reply-To"] or message["From"])


def _page_of(message: EmailMessage, parts: str) -> str:
    """The HTML with its pictures at `parts`. Where it says nothing of it, it is shown as a mail program shows plain
    words; one that has colours for light only stays light."""
    html = html_of(message)
    numbers = {id(part): number for number, part in enumerate(message.walk())}
    for content_id, part in pictures_of(message):
        html = html.replace(f"cid:{content_id}", f"{parts}/{numbers[id(part)]}")
    adapts = "prefers-color-scheme" in html or not re.search(r"color\s*[:=]", html, re.IGNORECASE)
    scheme = "light dark" if adapts else "light"
    base = (
        f"<style>:root{{color-scheme:{scheme}}}"
        "body{margin:16px;font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;"
        "overflow-wrap:break-word}</style>"
    )
    return "<!doctype html>" + base + re.sub(r"^\s*<!doctype[^>]*>", "", html, flags=re.IGNORECASE)


def _shortened(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"

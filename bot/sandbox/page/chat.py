"""The telephone: what the technical contact does and sees in Telegram."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from aiohttp import web
from aiohttp.web_request import FileField

from bot.sandbox.botapi import File, Message, Phone, Toast
from bot.sandbox.botapi.photos import BadPhoto
from bot.sandbox.page.parts import Refused, Tell, done, file_response, given
from bot.sandbox.page.samples import SAMPLES

#: Seconds after which the conversation is looked at although nothing was heard.
_LOOK = 30


class ChatPart:
    """Events: `message` (as it stands now), `toast`, `menu`."""

    name = "chat"

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [
            web.post("/chat/send", self._send),
            web.post("/chat/edit", self._edit),
            web.post("/chat/press", self._press),
            web.post("/chat/file", self._file),
            web.post("/chat/sample", self._sample),
            web.get("/chat/files/{message_id}", self._show_file),
        ]

    async def snapshot(self) -> object:
        return {
            "name": self._phone.user.first_name,
            "messages": [message_json(message, self._phone) for message in self._phone.conversation],
            "menu": self._menu(),
        }

    async def follow(self, tell: Tell) -> None:
        revision = max((message.revision for message in self._phone.conversation), default=0)
        toasts, menu = len(self._phone.toasts), self._menu()
        while True:
            await self._phone.changed(_LOOK)
            changed = [message for message in self._phone.conversation if message.revision > revision]
            for message in sorted(changed, key=lambda message: message.revision):
                tell("message", message_json(message, self._phone))
                revision = message.revision
            for toast in self._phone.toasts[toasts:]:
                tell("toast", toast_json(toast))
                toasts += 1
            if self._menu() != menu:
                menu = self._menu()
                tell("menu", menu)

    def _menu(self) -> list[dict[str, str]]:
        return [asdict(command) for command in self._phone.menu]

    async def _send(self, request: web.Request) -> web.Response:
        members = await given(request)
        reply_to = self._message(members["reply_to"]) if members.get("reply_to") else None
        try:
            sent = self._phone.send(str(members.get("text", "")), reply_to)
        except ValueError:
            raise Refused("Un message de Telegram a de 1 à 4 096 caractères.") from None
        return done({"message_id": sent.message_id})

    async def _edit(self, request: web.Request) -> web.Response:
        members = await given(request)
        try:
            self._phone.edit(self._message(members.get("message_id")), str(members.get("text", "")))
        except ValueError:
            raise Refused("Seuls vos propres messages se modifient, en 1 à 4 096 caractères.") from None
        return done()

    async def _press(self, request: web.Request) -> web.Response:
        members = await given(request)
        try:
            query = self._phone.press(self._message(members.get("message_id")), str(members.get("button", "")))
        except LookupError:
            raise Refused("Ce bouton n'est plus là : le message a changé.") from None
        return done({"query_id": query})

    async def _file(self, request: web.Request) -> web.Response:
        form = await request.post()
        part, caption = form.get("file"), str(form.get("caption", ""))
        if not isinstance(part, FileField):
            raise Refused("Aucun fichier n'a été choisi.")
        return self._send_file(part.filename, part.file.read(), form.get("as") == "photo", caption)

    async def _sample(self, request: web.Request) -> web.Response:
        members = await given(request)
        if members.get("name") not in SAMPLES:
            raise Refused("Cet essai n'existe pas.")
        name, make = SAMPLES[members["name"]]
        return self._send_file(name, await asyncio.to_thread(make), members.get("as") == "photo")

    def _send_file(self, name: str, content: bytes, as_photo: bool, caption: str = "") -> web.Response:
        if not content:
            raise Refused(f"{name} est vide : Telegram ne l'envoie pas.")
        try:
            sent = (
                self._phone.send_photo(content, caption) if as_photo else self._phone.send_file(name, content, caption)
            )
        except BadPhoto:
            raise Refused(f"{name} n'est pas une image que Telegram prend : l'envoyer comme fichier.") from None
        return done({"message_id": sent.message_id})

    async def _show_file(self, request: web.Request) -> web.Response:
        message = self._message(request.match_info["message_id"])
        file = message.document or message.photo
        if file is None:
            raise web.HTTPNotFound
        name = file.name or file.path.rpartition("/")[2]
        return file_response(name, file.content, file.mime)

    def _message(self, number: object) -> Message:
        found = {message.message_id: message for message in self._phone.conversation}
        try:
            return found[int(str(number))]
        except (KeyError, ValueError):
            raise Refused("Ce message n'est plus là.") from None


def message_json(message: Message, phone: Phone) -> dict[str, object]:
    """A message as it stands now."""
    return {
        "id": message.message_id,
        "mine": message.sender == phone.user,
        "date": message.date,
        "text": message.text or message.caption,
        "entities": [asdict(entity) for entity in message.entities],
        "buttons": [[asdict(button) for button in row] for row in message.buttons],
        "file": _file_json(message.document),
        "photo": _file_json(message.photo),
        "reply_to": message.reply_to,
        "album": message.media_group_id,
        "protected": message.protected,
        "edited": message.edited,
        "deleted": message.deleted,
        "revision": message.revision,
    }


def toast_json(toast: Toast) -> dict[str, object]:
    return {"query_id": toast.query_id, "text": toast.text, "alert": toast.alert}


def _file_json(file: File | None) -> dict[str, object] | None:
    if file is None:
        return None
    return {"name": file.name, "size": len(file.content), "width": file.width, "height": file.height}

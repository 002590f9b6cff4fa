"""What a pane of the page is to the server."""

import mimetypes
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from aiohttp import web

#: An event for the browsers: its name, and data for JSON.
Tell = Callable[[str, object], None]


#: What a browser shows without running anything of it.
_SHOWN = {"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp"}


class Refused(Exception):
    """What somebody asked for cannot be done; the message, in French, is shown to him."""


class Part(Protocol):
    """A pane. Its events may come twice, or be in the snapshot already: each says a whole thing, not a difference."""

    #: Of its data in the snapshot.
    name: str

    def routes(self) -> Sequence[web.AbstractRouteDef]: ...

    async def snapshot(self) -> object:
        """What a browser that opens the page shows first."""

    async def follow(self, tell: Tell) -> None:
        """Tell what happens, for ever."""


def done(result: object = None) -> web.Response:
    """The answer to what somebody did."""
    return web.json_response(result if result is not None else {})


async def given(request: web.Request) -> dict[str, Any]:
    """The members of a request's JSON object.

    Raises:
        Refused: it is none.
    """
    try:
        members = await request.json()
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise Refused("La page a envoyé une demande illisible : la recharger.")
    return members


def file_response(name: str, content: bytes, mime: str = "") -> web.Response:
    """A file: shown by the browser where nothing in it can run, else kept."""
    mime = mime or mimetypes.guess_type(name)[0] or "application/octet-stream"
    kind, mime = ("inline", mime) if mime in _SHOWN else ("attachment", "application/octet-stream")
    headers = {"Content-Disposition": f"{kind}; filename*=UTF-8''{quote(name, safe='')}"}
    return web.Response(body=content, content_type=mime, headers=headers)

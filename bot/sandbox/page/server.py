"""The page's server: its files, its parts' routes, and one stream of events for each browser."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.sandbox.botapi.calls import LARGEST_REQUEST
from bot.sandbox.page.parts import Part, Refused

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
STATIC = Path(__file__).parent / "static"

#: Events that a browser may be late by; one that is later starts anew.
_MOST_WAITING = 1000
#: Seconds between two signs of life: a stream whose browser is gone is noticed.
_SIGN_OF_LIFE = 15
#: Seconds before a part that stumbled is begun again.
_PAUSE = 1

#: No script but the page's own files, and nothing from anywhere else: mails are shown in it.
_POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page:
    """Serves the parts on 127.0.0.1 while the context lasts; `url` is where.

    :param port: 0 for a free one.
    """

    def __init__(self, parts: Sequence[Part], port: int = 0) -> None:
        self._parts = parts
        self._port = port
        self._browsers: set[asyncio.Queue[str | None]] = set()
        self._following: list[asyncio.Task[None]] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        application = web.Application(middlewares=[self._guard], client_max_size=LARGEST_REQUEST)
        application.router.add_get("/", _index)
        application.router.add_get("/events", self._events)
        application.router.add_static("/static", STATIC)
        for part in self._parts:
            application.router.add_routes(part.routes())
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.5, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://{HOST}:{self._port}/"
        self._following = [asyncio.create_task(self._follow(part), name=part.name) for part in self._parts]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        for browser in self._browsers:
            browser.put_nowait(None)
        await self._runner.cleanup()

    def tell(self, event: str, data: object) -> None:
        """Bring an event to every browser."""
        written = _event(event, data)
        for browser in tuple(self._browsers):
            try:
                browser.put_nowait(written)
            except asyncio.QueueFull:
                self._browsers.discard(browser)  # its stream ends, and it comes again
                browser.get_nowait()
                browser.put_nowait(None)

    async def _follow(self, part: Part) -> None:
        while True:
            try:
                await part.follow(self.tell)
            except Exception:
                log.exception("the part %s stumbled", part.name)
            await asyncio.sleep(_PAUSE)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        waiting: asyncio.Queue[str | None] = asyncio.Queue(_MOST_WAITING)
        self._browsers.add(waiting)  # before the snapshot: what happens amid it is told again
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        try:
            await stream.prepare(request)
            snapshot = {part.name: await part.snapshot() for part in self._parts}
            await stream.write(_event("everything", snapshot).encode())
            while True:
                try:
                    async with asyncio.timeout(_SIGN_OF_LIFE):
                        event = await waiting.get()
                except TimeoutError:
                    event = ": \n\n"
                if event is None:
                    break
                await stream.write(event.encode())
        except ConnectionError:
            pass  # the browser left
        finally:
            self._browsers.discard(waiting)
        return stream

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Only this machine's own page may ask: no other site that a browser shows, under whatever name it reaches
        127.0.0.1."""
        names = {f"{HOST}:{self._port}", f"localhost:{self._port}"}
        origin = request.headers.get("Origin", "").removeprefix("http://")
        if request.host not in names or (origin and origin not in names):
            raise web.HTTPForbidden(text="Cette page ne s'ouvre que sur cette machine.")
        try:
            response = await handler(request)
        except Refused as refusal:
            response = web.json_response({"error": str(refusal)}, status=422)
        if not response.prepared:
            response.headers.setdefault("Content-Security-Policy", _POLICY)
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _index(_: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "index.html")

"""The HTTP side: addresses, tokens, faults on request."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from aiohttp import web

from bot.sandbox.botapi.calls import LARGEST_REQUEST, ApiError, Call, bad_request, read_call
from bot.sandbox.botapi.delivery import deliver
from bot.sandbox.botapi.methods import LARGEST_DOWNLOAD, METHODS, allow
from bot.sandbox.botapi.phone import Group, Phone
from bot.sandbox.botapi.world import CONFLICT, Chat, User, World

Fault = Literal[
    "401",  # refused: the token is no bot's any more
    "409",  # refused: somebody else receives this bot's updates
    "429",  # refused, with retry_after
    "500",
    "502",
    "html",  # a proxy's error page instead of JSON
    "timeout",  # nothing is done, no answer ever comes
    "timeout_after",  # done, but no answer ever comes
    "disconnect",  # nothing is done, the connection breaks
    "disconnect_after",  # done, then the connection breaks
    "truncated",  # done, and half of the answer comes
    "slow",  # done, and the answer comes late
]
_UNDONE: frozenset[Fault] = frozenset({"401", "409", "429", "500", "502", "html", "timeout", "disconnect"})
_SENDING = frozenset({"sendmessage", "sendphoto", "senddocument", "sendmediagroup"})
_CALLS_KEPT = 1000


@dataclass(frozen=True)
class Answered:
    """A call of the bot and what came of it; `description` says why it was refused.

    `at`: when it came, in seconds of a clock that never goes back.
    """

    call: Call
    status: int
    description: str = ""
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Planned:
    """A fault that is to happen; `chat_id`: "" for any."""

    method: str
    fault: Fault
    retry_after: int
    after: float
    chat_id: str


class BotApi:
    """A Telegram of its own on 127.0.0.1, for one bot: `async with BotApi("123:secret") as api`.

    `now` gives the time in seconds that messages bear and that limits of age are measured with.
    """

    def __init__(self, token: str, username: str = "origyne_demo_bot", now: Callable[[], float] = time.time) -> None:
        self.token = token
        self.username = username
        self.url = ""
        self.calls: deque[Answered] = deque(maxlen=_CALLS_KEPT)  # without getUpdates
        self._world = World(token, username, now)
        self.misbehaved: list[tuple[str, Fault]] = []  # the faults that happened: method, what it did
        self._faults: list[_Planned] = []
        self._runner: web.AppRunner | None = None
        self._delivery: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_route("*", "/bot{token}/{method}", self._serve_method)
        application.router.add_get("/file/bot{token}/{path:.+}", self._serve_file)
        # Without cancellation, a poll whose client is gone would go on.
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.5, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        self._delivery = asyncio.create_task(deliver(self._world))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._world.closed = True
        self._world.bell.ring()
        assert self._runner is not None
        assert self._delivery is not None
        self._delivery.cancel()
        await asyncio.gather(self._delivery, return_exceptions=True)
        await self._runner.cleanup()

    def phone(
        self,
        user_id: int,
        first_name: str,
        last_name: str = "",
        username: str = "",
        language_code: str = "fr",
        started: bool = False,
    ) -> Phone:
        """A person's telephone. The bot can write to it once the person has written (or with `started`)."""
        user = User(user_id, first_name, last_name, username, language_code)
        chat = self._world.chats.setdefault(user_id, Chat(user_id, "private"))
        chat.user = user
        chat.reachable = chat.reachable or started
        return Phone(self, self._world, user, chat)

    def group(self, chat_id: int, title: str) -> Group:
        """A group that the bot is a member of; `chat_id` is negative."""
        chat = self._world.chats.setdefault(chat_id, Chat(chat_id, "group", title, reachable=True))
        return Group(self._world, chat)

    def fail_next(
        self,
        method: str,
        fault: Fault,
        times: int = 1,
        retry_after: int = 1,
        chat_id: int | None = None,
        after: float = 20.0,
    ) -> None:
        """Misbehave at the next calls of a method; "*" is any method, "send" any that sends a message to a chat, "file"
        the download of a file.

        `retry_after`: seconds that "429" asks for; `after`: seconds before the answer of "slow". `chat_id`: at calls
        about this chat only.
        """
        chat = "" if chat_id is None else str(chat_id)
        self._faults += [_Planned(method.lower(), fault, retry_after, after, chat)] * times

    @property
    def pending(self) -> int:
        """Updates that the bot has not confirmed."""
        return self._world.pending

    @property
    def faults_left(self) -> int:
        """Faults that have not happened yet."""
        return len(self._faults)

    def heal(self) -> None:
        """Forget the faults that have not happened yet."""
        self._faults.clear()

    async def _serve_method(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"].lower()
        call = Call(request.match_info["method"], {})
        came = time.monotonic()
        try:
            self._check_token(request)
            call = await self._read(request)
            planned = self._next_fault(method, call)
            if planned and planned.fault in _UNDONE:
                return await self._misbehave(request, planned)
            result = await self._run(method, call)
        except ApiError as refusal:
            if method != "getupdates":
                self.calls.append(Answered(call, refusal.status, refusal.description, came))
            return _refused(refusal)
        if method != "getupdates":
            self.calls.append(Answered(call, 200, at=came))
        response = web.json_response({"ok": True, "result": result})
        return await self._misbehave(request, planned, response) if planned else response

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        planned = self._next_fault("file", Call("file", {}))
        try:
            self._check_token(request)
            path = request.match_info["path"]
            found = [file for file in self._world.files.values() if file.path == path]
            if not found or len(found[0].content) > LARGEST_DOWNLOAD:
                raise ApiError(404, "Not Found")
        except ApiError as refusal:
            return _refused(refusal)
        response = web.Response(body=found[0].content, content_type="application/octet-stream")
        return await self._misbehave(request, planned, response) if planned else response

    async def _run(self, method: str, call: Call) -> object:
        if method == "getupdates":
            allow(self._world, call)
            limit = min(max(call.number("limit", 100), 1), 100)
            return await self._world.poll(call.number("offset"), limit, call.number("timeout"))
        if method not in METHODS:
            raise ApiError(404, "Not Found: method not found")
        return METHODS[method](self._world, call)

    def _check_token(self, request: web.Request) -> None:
        token = request.match_info["token"]
        if not re.fullmatch(r"\d+:[\w-]+", token):
            raise ApiError(404, "Not Found")
        if token != self.token:
            raise ApiError(401, "Unauthorized")

    async def _read(self, request: web.Request) -> Call:
        try:
            return await read_call(request)
        except web.HTTPRequestEntityTooLarge:
            raise ApiError(413, "Request Entity Too Large") from None
        except ValueError:
            raise bad_request("can't parse the request") from None

    def _next_fault(self, method: str, call: Call) -> _Planned | None:
        for name in (method, "send" if method in _SENDING else method, "*"):
            for planned in self._faults:
                if planned.method == name and planned.chat_id in ("", call.text("chat_id")):
                    self._faults.remove(planned)
                    self.misbehaved.append((method, planned.fault))
                    self._world.bell.ring()
                    return planned
        return None

    async def _misbehave(
        self, request: web.Request, planned: _Planned, response: web.Response | None = None
    ) -> web.StreamResponse:
        match planned.fault:
            case "401":
                return _refused(ApiError(401, "Unauthorized"))
            case "409":
                return _refused(ApiError(409, CONFLICT))
            case "429":
                description = f"Too Many Requests: retry after {planned.retry_after}"
                return _refused(ApiError(429, description, retry_after=planned.retry_after))
            case "slow" if response is not None:
                await asyncio.sleep(planned.after)
                return response
            case "500":
                return _refused(ApiError(500, "Internal Server Error"))
            case "502":
                return _refused(ApiError(502, "Bad Gateway"))
            case "html":
                return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
            case "timeout" | "timeout_after":
                while not self._world.closed:
                    await self._world.bell.wait(3600)
            case "truncated" if response is not None:
                await _send_half(request, response)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _refused(refusal: ApiError) -> web.Response:
    answer: dict[str, object] = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.parameters:
        answer["parameters"] = refusal.parameters
    return web.json_response(answer, status=refusal.status)


async def _send_half(request: web.Request, response: web.Response) -> None:
    body = response.body
    assert isinstance(body, bytes)
    half = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": response.content_type})
    await half.prepare(request)
    with suppress(ConnectionError):
        await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()  # what is written goes out first

"""What goes wrong on request: Telegram, the FTP, the mail servers, the robot itself; and how it comes right again."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.botapi import Fault
from bot.sandbox.house import Sandbox
from bot.sandbox.page.journal import JournalPart
from bot.sandbox.page.parts import Refused, Tell, done, given

#: Seconds between two looks at what nobody tells of.
_LOOK = 1
#: Seconds that Telegram asks to wait for.
_RETRY_AFTER = 3

#: What Telegram does at the next message that the robot sends, and what the journal says of it.
_TELEGRAM: dict[Fault, str] = {
    "429": f"Telegram refuse un envoi : trop de messages, attendre {_RETRY_AFTER} s (429)",
    "502": "Telegram refuse un envoi : passerelle en panne (502)",
    "timeout": "Telegram laisse un envoi sans réponse, et n'en fait rien",
    "timeout_after": "Telegram montre le message, mais sa réponse au robot se perd",
}


@dataclass(frozen=True)
class _Server:
    """Something that can be cut and restored."""

    cut: Callable[[], Awaitable[None]]
    restore: Callable[[], Awaitable[None]]
    when_cut: str
    when_restored: str


class FaultsPart:
    """Events: `faults`."""

    name = "faults"

    def __init__(self, sandbox: Sandbox, journal: JournalPart) -> None:
        self._box = sandbox
        self._journal = journal
        self._cut: set[str] = set()
        self._servers = {
            "ftp": _Server(sandbox.ftp.stop, sandbox.ftp.start, "Le FTP est coupé", "Le FTP est rétabli"),
            "mail": _Server(
                sandbox.mail.stop,
                sandbox.mail.start,
                "Le serveur de courriel est coupé",
                "Le serveur de courriel est rétabli",
            ),
            "robot": _Server(
                sandbox.kill_service, sandbox.start_service, "Le robot est tué net", "Le robot est relancé"
            ),
        }

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [
            web.post("/faults/telegram", self._plan),
            web.post("/faults/cut", self._cut_server),
            web.post("/faults/restore", self._restore_server),
        ]

    async def snapshot(self) -> object:
        return self._state()

    async def follow(self, tell: Tell) -> None:
        told: object = None
        happened = len(self._box.api.misbehaved)
        since, revision = 0.0, 0  # of the first fault that no message has followed yet
        while True:
            for _, fault in self._box.api.misbehaved[happened:]:
                happened += 1
                self._journal.add("fault", _TELEGRAM.get(fault, f"Telegram : panne « {fault} »"))
                if not since:
                    since, revision = time.time(), self._newest()
            if since and self._newest() > revision:
                self._journal.add("recovery", "Le message est passé", time.time() - since)
                since = 0.0
            if self._state() != told:
                told = self._state()
                tell("faults", told)
            await self._box.phone.changed(_LOOK)

    def _state(self) -> dict[str, object]:
        """How many faults of Telegram are still to come, and what is cut."""
        cut = self._cut if self._box.running else self._cut | {"robot"}
        return {"telegram": self._box.api.faults_left, "cut": sorted(cut)}

    def _newest(self) -> int:
        return max((message.revision for message in self._box.phone.messages), default=0)

    async def _plan(self, request: web.Request) -> web.Response:
        """A fault at the next message that the robot sends; "none" forgets those that have not happened."""
        fault = (await given(request)).get("fault")
        if fault == "none":
            self._box.api.heal()
        elif fault in _TELEGRAM:
            self._box.api.fail_next("send", fault, retry_after=_RETRY_AFTER)
        else:
            raise Refused("Cette panne n'existe pas.")
        return done(self._state())

    async def _cut_server(self, request: web.Request) -> web.Response:
        name, server = await self._named(request)
        if name not in self._cut:
            self._cut.add(name)
            await server.cut()
            self._journal.add("fault", server.when_cut)
        return done(self._state())

    async def _restore_server(self, request: web.Request) -> web.Response:
        name, server = await self._named(request)
        if name in self._cut or (name == "robot" and not self._box.running):
            try:
                await server.restore()
            except OSError as error:
                raise Refused(f"Impossible pour l'instant ({error.strerror}) : réessayer dans un moment.") from None
            self._cut.discard(name)
            self._journal.add("recovery", server.when_restored)
        return done(self._state())

    async def _named(self, request: web.Request) -> tuple[str, _Server]:
        name = str((await given(request)).get("server", ""))
        if name not in self._servers:
            raise Refused("Ce serveur n'existe pas.")
        return name, self._servers[name]

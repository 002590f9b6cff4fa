"""What is silent for too long is told on a channel that works, and started again where that helps."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.desk.outbox import Channel
from bot.house import House
from bot.pulse import Pulse, Sign
from bot.supervision import NAMES, Loops
from bot.sync_worker import SyncWorker
from bot.troubles import Subject, Troubles

#: Seconds between two looks.
LOOK = 10.0


@dataclass(frozen=True)
class Patience:
    """Seconds after which each is too silent. `poll`: one lasts half a minute at most; `imap`: IDLE lasts five;
    `queue`: for a message that is due while its channel works and sends nothing; `held`: for one that others overtake;
    `unwell`: for a loop that is broken off and does not come back, on which the whole service is given up."""

    poll: float = 180.0
    imap: float = 720.0
    queue: float = 900.0
    held: float = 3600.0
    unwell: float = 900.0


#: Stumbles in a row after which a loop is a fault by itself.
_MANY = 5

#: These tell their faults themselves.
_OWN_WORDS = ("chat", "sync")

_QUEUES: Mapping[Channel, tuple[Subject, Subject, Sign, str]] = {
    "chat": ("chat_queue", "telegram", "chat sent", "chat outbox"),
    "mail": ("mail_queue", "smtp", "mail sent", "mail outbox"),
}


class Watchdog:
    """:param ring: called when there is something to send."""

    def __init__(
        self,
        house: House,
        pulse: Pulse,
        loops: Loops,
        troubles: Troubles,
        worker: SyncWorker,
        ring: Callable[[], None],
        patience: Patience | None = None,
    ) -> None:
        self._house = house
        self._pulse = pulse
        self._loops = loops
        self._troubles = troubles
        self._worker = worker
        self._ring = ring
        self._patience = patience or Patience()
        self._looked = time.monotonic()
        self._due: dict[Channel, dict[int, float]] = {channel: {} for channel in _QUEUES}
        self._broken_off: dict[Channel, float] = {}

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK)

    def look(self) -> None:
        """Once."""
        self._looked = time.monotonic()
        self._loop("chat", "poll", self._patience.poll, "telegram", "Telegram")
        self._loop("mail", "imap", self._patience.imap, "imap", "Le serveur IMAP")
        if self._worker.overdue > 0 and self._loops.restart("sync", "the worker says nothing"):
            self._troubles.report("ftp", "le programme qui lit les fichiers ne répondait plus ; il redémarre.")
        for channel in _QUEUES:
            self._queue(channel)
        self._stumbling()

    def is_well(self) -> bool:
        """Whether this process is worth keeping: nothing hangs that cannot be broken off."""
        most = self._patience
        return (
            time.monotonic() - self._looked < most.unwell
            and not self._is_still("chat", "poll", most.poll + most.unwell)
            and not self._is_still("mail", "imap", most.imap + most.unwell)
            and self._worker.overdue < most.unwell
        )

    def _loop(self, name: str, sign: Sign, patience: float, subject: Subject, who: str) -> None:
        if self._is_still(name, sign, patience) and self._loops.restart(name, "it gave no sign of life"):
            minutes = _minutes(self._pulse.stillness(sign))
            self._troubles.report(subject, f"{who} n'a rien répondu depuis {minutes} min ; la connexion est refaite.")

    def _is_still(self, name: str, sign: Sign, patience: float) -> bool:
        """What waits to be started again is not still: its fault is known."""
        return self._loops.states[name].running_since > 0 and self._pulse.stillness(sign) > patience

    def _queue(self, channel: Channel) -> None:
        subject, fault, sign, loop = _QUEUES[channel]
        now, most = time.monotonic(), self._patience
        before = {} if self._troubles.is_present(fault) else self._due[channel]
        self._due[channel] = due = {
            parcel: before.get(parcel, now) for parcel in self._house.outbox.to_go(channel, int(time.time()))
        }
        waited = now - min(due.values(), default=now)
        if waited > most.held or min(waited, self._pulse.silence(sign)) > most.queue:
            self._troubles.report(subject, f"le plus ancien attend depuis {_minutes(waited)} min")
            if now - self._broken_off.get(channel, 0.0) > most.queue and self._loops.restart(loop, "nothing leaves"):
                self._broken_off[channel] = now
        elif (not due or (waited < most.queue and self._pulse.last(sign))) and self._troubles.clear(subject):
            self._ring()

    def _stumbling(self) -> None:
        names = [
            f"« {NAMES.get(name, name)} », {state.in_a_row} fois de suite"
            for name, state in self._loops.states.items()
            if state.in_a_row >= _MANY and name not in _OWN_WORDS
        ]
        if names:
            self._troubles.report("loops", f"{' ; '.join(names)}.")
        elif self._troubles.clear("loops"):
            self._ring()


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))

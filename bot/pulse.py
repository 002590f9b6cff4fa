"""Signs of life: when each part of the service last did what it is there for, and when it last tried.

Seconds are measured on a clock that never goes back; what is shown to people is UTC.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

#: poll: Telegram answered a poll, or what it brings was looked at; imap: the mailbox was looked into; worker: a pass
#: ended; chat sent, mail sent: a server took a message; mail received: one was written down; notices: events were
#: looked at.
Sign = Literal["poll", "imap", "worker", "chat sent", "mail sent", "mail received", "notices"]
SIGNS: tuple[Sign, ...] = get_args(Sign)


@dataclass(frozen=True)
class _Beat:
    at: int
    ticks: float


class Pulse:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self._beats: dict[Sign, _Beat] = {}
        self._stirred: dict[Sign, float] = {}

    def beat(self, sign: Sign) -> None:
        """It just worked."""
        self._beats[sign] = _Beat(int(time.time()), time.monotonic())
        self.stir(sign)

    def stir(self, sign: Sign, pause: float = 0.0) -> None:
        """It just began, or tried and failed: it is not stuck. It may be silent for `pause` seconds from now on."""
        self._stirred[sign] = time.monotonic() + pause

    def last(self, sign: Sign) -> int:
        """UTC seconds; 0 when it did not work since the start."""
        beat = self._beats.get(sign)
        return beat.at if beat else 0

    def silence(self, sign: Sign) -> float:
        """Seconds since it worked, or since the start."""
        beat = self._beats.get(sign)
        return time.monotonic() - (beat.ticks if beat else self._began)

    def stillness(self, sign: Sign) -> float:
        """Seconds since it gave any sign, or since the start; negative as long as it may be silent."""
        return time.monotonic() - self._stirred.get(sign, self._began)

    def all(self) -> Mapping[Sign, int]:
        """UTC seconds of each that worked since the start."""
        return {sign: beat.at for sign, beat in self._beats.items()}

"""Signs of life: when each part of the service last did what it is there for.

Seconds of silence are measured on a clock that never goes back; what is shown to people is UTC.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

#: poll: Telegram answered a poll (or brought an update); imap: the mailbox was looked into; worker: a pass ended;
#: chat sent, mail sent: a server took a message; mail received: one was written down; notices: events were looked at.
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

    def beat(self, sign: Sign) -> None:
        """It just worked."""
        self._beats[sign] = _Beat(int(time.time()), time.monotonic())

    def last(self, sign: Sign) -> int:
        """UTC seconds; 0 when it did not work since the start."""
        beat = self._beats.get(sign)
        return beat.at if beat else 0

    def silence(self, sign: Sign) -> float:
        """Seconds since it worked, or since the start."""
        beat = self._beats.get(sign)
        return time.monotonic() - (beat.ticks if beat else self._began)

    def all(self) -> Mapping[Sign, int]:
        """UTC seconds of each that worked since the start."""
        return {sign: beat.at for sign, beat in self._beats.items()}

"""The end of the service: signals are heard, and time runs out, also while the event loop is held up."""

import asyncio
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress

log = logging.getLogger(__name__)

#: Seconds from the first signal to the end of the process, whatever is going on.
LIMIT = 9.0

#: Seconds that a second signal leaves.
HURRIED = 1.0

#: Seconds after which it is logged where the event loop is held up.
HELD_UP = 30.0


class Stop(threading.Thread):
    """Started on the event loop: `asked` is set by SIGTERM and SIGINT. What is not over in time is left as after a
    crash, from which everything recovers.

    A thread, since SQLite waits for another process's lock in the loop's own, and a name that no server resolves is
    waited for at the end of the loop.

    :param limit: seconds from the first signal to the end of the process.
    """

    def __init__(self, limit: float = LIMIT) -> None:
        super().__init__(name="stop", daemon=True)
        self.asked = asyncio.Event()
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._main = threading.get_ident()
        self._ticked = time.monotonic()
        self._heard, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        # The numbers of signals are written there by Python itself, as soon as they come.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        self._tick()

    def run(self) -> None:
        deadline, was_held_up = float("inf"), False
        while True:
            if select.select([self._heard], [], [], 0.5)[0]:
                for number in self._heard.recv(64):
                    if number not in (signal.SIGTERM, signal.SIGINT):
                        continue
                    limit = self._limit if deadline == float("inf") else HURRIED
                    deadline = min(deadline, time.monotonic() + limit)
                    with suppress(RuntimeError):  # the loop is at its end
                        self._loop.call_soon_threadsafe(self.asked.set)
            if time.monotonic() >= deadline:
                log.warning("not all ended in time: what was under way is taken up at the next start")
                os._exit(0)
            held_up = time.monotonic() - self._ticked > HELD_UP
            if held_up and not was_held_up:
                log.error("the service is held up:\n%s", self._where())
            was_held_up = held_up

    def _tick(self) -> None:
        self._ticked = time.monotonic()
        self._loop.call_later(1.0, self._tick)

    def _where(self) -> str:
        frame = sys._current_frames().get(self._main)
        places = traceback.extract_stack(frame)[-12:] if frame else []
        return "\n".join(f"  {place.filename}:{place.lineno} {place.name}" for place in places)

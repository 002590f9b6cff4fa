"""What systemd is told: that the service is ready, lives, stops, and how it is (sd_notify(3)).

A datagram or two: the library for it (sdnotify) has had no release since 2017, and systemd's own needs a compiler.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress

#: Seconds between two words of a start that lasts, and those that each of them asks for.
_AGAIN, _MORE = 10.0, 60

#: Seconds between two looks at how the service is, where nobody watches it.
_LOOK = 30.0


class Notifier:
    """Says nothing where systemd does not listen. Processes that are started later are not to speak for this one."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        address = environment.pop("NOTIFY_SOCKET", "")
        pid = environment.pop("WATCHDOG_PID", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        # An abstract name begins with a zero byte, which is written "@".
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._interval = _LOOK
        if microseconds.isdecimal() and pid in ("", str(os.getpid())):
            self._interval = int(microseconds) / 2_000_000

    def say(self, *lines: str) -> None:
        if not self._address:
            return
        # Who does not listen any more is not waited for.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), self._address)

    def ready(self) -> None:
        self.say("READY=1")

    def stopping(self) -> None:
        self.say("STOPPING=1", "STATUS=Le service s'arrête.")

    @contextmanager
    def patience(self, status: str) -> Iterator[None]:
        """The start may take longer than the unit allows, as long as this lasts."""
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                self.say(f"EXTEND_TIMEOUT_USEC={_MORE * 1_000_000}", f"STATUS={status}")
                over.wait(_AGAIN)

        asking = threading.Thread(target=ask, name="start", daemon=True)
        asking.start()
        try:
            yield
        finally:
            over.set()
            asking.join()

    async def keep(self, is_well: Callable[[], bool], status: Callable[[], str]) -> None:
        """Give signs of life for ever, on the event loop, and none while the service is not well.

        :param status: one line of French.
        """
        while True:
            self.say(*(["WATCHDOG=1"] if is_well() else []), f"STATUS={status()}")
            await asyncio.sleep(self._interval)

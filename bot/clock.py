"""A clock of the machine that goes back, or leaps: what is due is brought to where it belongs, and it is said once.

Times are kept as UTC seconds of the machine's own clock. Where it goes back, what was to be done in five seconds would
wait for an hour or a month, and what was counted in the last hour would count for as long. So all that is due comes
nearer by as much as the clock went back, and nothing that happened stays in the future. Nothing is ever put off: a code
does not live longer than it may, but for what a clock did while nobody watched it.
"""

import asyncio
import time
from collections.abc import Callable

from sqlite_utils import Database

from bot.desk import audit, progress
from bot.house import House
from bot.notices.digest import announce
from bot.notices.news import News
from handlers import french

#: Seconds between two looks at the clock.
INTERVAL = 5.0

#: Seconds that a clock is put right by without being noticed.
SLIGHT = 30

#: After a leap of so many seconds forward, nothing that has a term is deleted for a while (`GRACE`): a wrong clock can
#: be put right. Between two runs a longer one is needed, for a service may be off.
LEAP, LONG_OFF, GRACE = 2 * 86400, 31 * 86400, 3 * 86400

#: What is to be done, or ends, at a time to come.
_DUE = (
    ("outbox", "next_try_at"),
    ("fleeting", "due_at"),
    ("confirmations", "until"),
    ("codes", "expires_at"),
    ("address_codes", "expires_at"),
    ("awaited_files", "until"),
    ("awaited_words", "until"),
)

#: What happened. The audit is not among it: its rows are in the order of their numbers, and are never changed.
_PAST = (
    ("outbox", "created_at"),
    ("outbox", "sent_at"),
    ("inbox", "received_at"),
    ("strangers", "told_at"),
    ("strangers", "last_failure_at"),
    ("mail_strangers", "told_at"),
    ("senders", "at"),
    ("rio_failures", "at"),
    ("faulty_addresses", "last_at"),
    ("faulty_addresses", "told_at"),
    ("thread_members", "spoke_at"),
    ("threads", "opened_at"),
    ("threads", "puzzled_at"),
    ("held", "at"),
    ("codes", "created_at"),
    ("faults", "began_at"),
    ("faults", "last_at"),
    ("faults", "told_at"),
    ("faults", "gone_at"),
    ("faults", "cleared_at"),
    ("drafts", "at"),
    ("buttons", "at"),
    ("replies", "at"),
)

#: News waits for an hour of the day, which a clock that went back by less than this has not changed.
_SAME_DAY = 86400


class Clock:
    """:param set_back: called once the times of the store are others.
    :param wall: UTC seconds; `steady`: seconds that never go back.
    """

    def __init__(
        self,
        house: House,
        set_back: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._house = house
        self._set_back = set_back
        self._wall = wall
        self._steady = steady
        self._wall_then = float(progress.get(house.desk, "clock")) or wall()
        self._steady_then: float | None = None

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            await asyncio.sleep(INTERVAL)

    def look(self) -> None:
        """Compare with the last look; the first one, with the last time that an earlier run wrote down."""
        wall, steady = self._wall(), self._steady()
        # How long the machine was off nobody knows: an earlier run tells at least that the clock went back.
        passed = 0.0 if self._steady_then is None else steady - self._steady_then
        leap = wall - self._wall_then - passed
        if leap < -SLIGHT:
            self._went_back(int(-leap), int(wall))
        elif leap > (LONG_OFF if self._steady_then is None else LEAP):
            self._went_forward(int(leap), int(wall))
        self._wall_then, self._steady_then = wall, steady

    def _went_back(self, seconds: int, now: int) -> None:
        desk = self._house.desk
        with desk.atomic():
            put_back(desk, seconds, now)
            progress.put(desk, "clock", now)
            self._tell(
                now,
                "⚠️ L'horloge de la machine a reculé",
                f"De {_long(seconds)} ; il est maintenant {french.moment(now)}. Ce qui devait partir part à temps ; "
                "les codes et les confirmations gardent leur durée.",
            )
        self._set_back()

    def _went_forward(self, seconds: int, now: int) -> None:
        desk = self._house.desk
        with desk.atomic():
            progress.put(desk, "leapt_at", now)
            self._tell(
                now,
                "⚠️ L'horloge de la machine a avancé",
                f"De {_long(seconds)} ; il serait maintenant {french.moment(now)}. Si c'est faux, la corriger : ni "
                f"message ni audit n'est effacé à son terme avant {GRACE // 86400} jours.",
            )
        self._set_back()

    def _tell(self, now: int, title: str, line: str) -> None:
        lines = [line, "Vérifier la synchronisation de l'heure sur cette machine (« timedatectl »)."]
        announce(
            self._house, News("trouble.clock", "", {"title": title, "lines": lines, "thread": f"trouble.clock:{now}"})
        )
        audit.record(self._house.desk, "", "service", "horloge", "done")


def may_purge(desk: Database, now: int) -> bool:
    """Whether what is past its term may go: not while a clock that leapt may still be put right."""
    return not 0 <= now - progress.get(desk, "leapt_at") < GRACE


def put_back(desk: Database, seconds: int, now: int) -> None:
    """Bring the times of the store to a clock that went back; in the caller's transaction."""
    for table, column in _DUE:
        desk.execute(f"UPDATE {table} SET {column} = max({column} - ?, ?) WHERE {column} > ?", (seconds, now, now))
    for table, column in _PAST:
        desk.execute(f"UPDATE {table} SET {column} = ? WHERE {column} > ?", (now, now))
    if seconds >= _SAME_DAY:
        desk.execute("UPDATE waiting_news SET due_at = ? WHERE due_at > ?", (now, now + _SAME_DAY))
    desk.execute(
        "UPDATE progress SET value = ? WHERE name IN ('guesses_told', 'told_until', 'leapt_at') AND value > ?",
        (now, now),
    )


def _long(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    return french.count(days, "jour") if days > 1 else french.duration(days * 86400 + rest)

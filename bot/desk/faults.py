"""Faults that last or come back: each is told once, then at most once a day with how often it came, until it is over.

A fault that comes back within a day of its all-clear is told anew, for the last word must be true; from then on its end
is believed only after some hours, so that one which comes and goes is told seldom.
"""

from dataclasses import dataclass, replace

from sqlite_utils import Database

#: Seconds between two reminders of a fault that keeps coming back, and for which one that is over is remembered.
DAY = 24 * 3600

#: Seconds for which a fault that came back is to stay away before its end is told.
CALM = 3 * 3600


@dataclass(frozen=True)
class Fault:
    """See `bot.desk.schema`. The times are UTC seconds."""

    key: str
    reason: str
    began_at: int
    last_at: int
    told_at: int = 0
    times: int = 0
    gone_at: int | None = None
    cleared_at: int | None = None
    relapses: int = 0

    def came(self, reason: str, now: int) -> "Fault":
        """It is there (again)."""
        if self.cleared_at is not None:
            relapses = self.relapses + 1 if now - self.cleared_at < DAY else 0
            return Fault(self.key, reason, now, now, relapses=relapses)
        return replace(self, reason=reason, last_at=now, times=self.times + 1, gone_at=None)

    def told(self, now: int) -> "Fault":
        return replace(self, told_at=now, times=0)

    def gone(self, now: int) -> "Fault":
        """It is not there any more."""
        return self if self.gone_at is not None else replace(self, gone_at=now)

    def cleared(self, now: int) -> "Fault":
        """Its end is told."""
        return replace(self, cleared_at=now)

    @property
    def is_open(self) -> bool:
        """Whether somebody believes that it lasts."""
        return self.told_at > 0 and self.cleared_at is None

    def is_over(self, now: int, calm: int) -> bool:
        """Whether its end can be told: it stayed away for `calm` seconds, longer once it came back."""
        return self.is_open and self.gone_at is not None and now - self.gone_at >= (CALM if self.relapses else calm)

    def is_to_be_recalled(self, now: int) -> bool:
        """Whether it kept coming for a day since it was told."""
        return self.is_open and self.times > 0 and now - self.told_at >= DAY

    def is_forgotten(self, now: int) -> bool:
        return self.cleared_at is not None and now - self.cleared_at >= DAY


_COLUMNS = "key, reason, began_at, last_at, told_at, times, gone_at, cleared_at, relapses"


def known(db: Database, prefix: str) -> dict[str, Fault]:
    """The faults whose keys begin so."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM faults WHERE substr(key, 1, ?) = ?", (len(prefix), prefix))
    return {row[0]: Fault(*row) for row in rows}


def keep(db: Database, fault: Fault) -> None:
    """In the transaction of the mails and messages that tell it."""
    db.execute(
        f"INSERT OR REPLACE INTO faults ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fault.key,
            fault.reason,
            fault.began_at,
            fault.last_at,
            fault.told_at,
            fault.times,
            fault.gone_at,
            fault.cleared_at,
            fault.relapses,
        ),
    )


def forget(db: Database, key: str) -> None:
    db.execute("DELETE FROM faults WHERE key = ?", (key,))

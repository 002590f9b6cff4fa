"""After a restore: what may have been told between the backup and its return is told once more, and says so.

That is what the events of the restored store bring, up to the first pass that followed the FTP to its end: whatever
came before the restore is in it, and nobody knows any more what was said of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from bot.desk import progress
from bot.notices.news import News
from core.events import Event
from handlers import french

#: The key of a piece of news that tells when the stores were restored (UTC seconds).
_KEY = "doubtful"

MARK = " (peut-être déjà reçu)"


@dataclass(frozen=True)
class Doubt:
    """`last_event`: the last one that may have been told before, None while that is not known."""

    restored_at: int
    last_event: int | None

    def of(self, events: Sequence[Event]) -> list[Event]:
        """Those that may have been told before: the others come later."""
        return [event for event in events if self.last_event is None or event.id <= self.last_event]

    def on(self, news: News) -> News:
        return replace(news, data={**news.data, _KEY: self.restored_at})


def begin(desk: Database, last_pass: int, now: int) -> None:
    """From now on; in the transaction that makes a restored desk fit for use.

    :param last_pass: the last one that may be told of with the first good one from it on, itself included.
    """
    progress.put(desk, "restored_at", now)
    progress.put(desk, "doubted_pass", max(last_pass, 1))
    desk.execute(
        "UPDATE waiting_news SET data = json_set(data, ?, ?) WHERE due_at <= ?", (f"$.{_KEY}", now, now)
    )  # what waits for a later hour was not told


def present(desk: Database, telecom: Database) -> Doubt | None:
    doubted = progress.get(desk, "doubted_pass")
    if not doubted:
        return None
    row = telecom.execute(
        "SELECT last_event FROM passes WHERE id >= ? AND error = '' ORDER BY id LIMIT 1", (doubted,)
    ).fetchone()
    return Doubt(progress.get(desk, "restored_at"), row[0] if row else None)


def settle(desk: Database, doubt: Doubt | None) -> None:
    """What was doubtful is told; in the transaction that tells it."""
    if doubt and doubt.last_event is not None:
        progress.put(desk, "doubted_pass", 0)


def words(told: Sequence[News]) -> str:
    """What a reader is told of it (French), "" when nothing is doubtful."""
    at = max((int(it.data.get(_KEY, 0)) for it in told), default=0)
    return f"Les bases ont été remises en état le {french.moment(at)} : ceci a peut-être déjà été dit." if at else ""

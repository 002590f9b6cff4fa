"""What there is to tell, and the news that waits for its hour in `desk.db`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from bot.desk.outbox import Channel
from core.events import Event


@dataclass(frozen=True)
class News:
    """An event of a file (`core.events`), or what the service itself has to say. `kind`: of `routes.GROUPS`.

    `event_id`: of the store, 0 for the service's own, whose `data` has a title, lines and the key of its thread.
    """

    kind: str
    path: str
    data: dict[str, Any]
    event_id: int = 0

    @classmethod
    def of(cls, event: Event) -> "News":
        return cls(event.kind, event.path, event.data, event.id)

    @property
    def name(self) -> str:
        """The file's, without its folders."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Waiting:
    """News kept for a person until its hour, by the rule of when it was kept."""

    id: int
    person_id: str
    channel: Channel
    news: News


def keep(db: Database, person_id: str, channel: Channel, due_at: int, news: Iterable[News]) -> None:
    """In the transaction of what it was made of."""
    db.conn.executemany(
        "INSERT INTO waiting_news (person_id, channel, due_at, event_id, kind, path, data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (person_id, channel, due_at, it.event_id, it.kind, it.path, json.dumps(it.data, ensure_ascii=False))
            for it in news
        ],
    )


def due(db: Database, now: int) -> list[Waiting]:
    """What can be told at last, oldest first."""
    rows = db.execute(
        "SELECT id, person_id, channel, kind, path, data, event_id FROM waiting_news WHERE due_at <= ? ORDER BY id",
        (now,),
    )
    return [
        Waiting(number, person_id, channel, News(kind, path, json.loads(data), event_id))
        for number, person_id, channel, kind, path, data, event_id in rows
    ]


def take(db: Database, told: Iterable[Waiting]) -> None:
    """It is told; in the transaction of the mails and messages that say it."""
    db.conn.executemany("DELETE FROM waiting_news WHERE id = ?", [(it.id,) for it in told])

"""What waits, and what went well last: read from the stores, by the service and by commands beside it.

Each look takes well under a millisecond whatever the stores hold: counts come from indexes, and the last of something
is looked for among the newest rows only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from sqlite_utils import Database

from bot.desk.inbox import Inbox
from bot.desk.outbox import KEPT, Channel, Outbox

#: Rows, from the newest, among which the last message of a channel is looked for.
_LOOKED_AT = 2000


@dataclass(frozen=True)
class Outgoing:
    """What goes out by a channel. `waiting`: how many messages are to be sent, `oldest`: when the first of them was
    written, `failed`: how many could not be delivered, `sent_at`: when a server last took one. Times: UTC seconds, 0
    for never, or for too long ago."""

    waiting: int = 0
    oldest: int = 0
    failed: int = 0
    sent_at: int = 0


@dataclass(frozen=True)
class Queues:
    """`incoming`: questions that wait for an answer, `oldest`: when the first of them came, `received`: when something
    last came, by channel; `uncertain`: messages that may have arrived twice, these days; `aside`: mails that could not
    be dealt with; `events`: what files brought and nobody was told yet. Times: UTC seconds, 0 for none."""

    incoming: int = 0
    oldest: int = 0
    received: Mapping[str, int] = field(default_factory=dict)
    outgoing: Mapping[str, Outgoing] = field(default_factory=dict)
    uncertain: int = 0
    aside: int = 0
    events: int = 0


def look(desk: Database, telecom: Database | None, now: int) -> Queues:
    """:param now: UTC seconds.
    :raises sqlite3.DatabaseError: a store cannot be read.
    """
    channels: tuple[Channel, ...] = get_args(Channel)
    return Queues(
        incoming=_number(desk, "SELECT count(*) FROM inbox WHERE state = 'new'"),
        oldest=_number(
            desk, "SELECT received_at FROM inbox WHERE id = (SELECT min(id) FROM inbox WHERE state = 'new')"
        ),
        received={channel: _received(desk, channel) for channel in channels},
        outgoing={channel: _outgoing(desk, channel) for channel in channels},
        uncertain=_number(
            desk, "SELECT count(*) FROM outbox WHERE uncertain = 1 AND state = 'sent' AND sent_at > ?", now - KEPT
        ),
        aside=Inbox(desk).count_aside("mail"),
        events=_events(desk, telecom) if telecom else 0,
    )


def _outgoing(desk: Database, channel: Channel) -> Outgoing:
    outbox = Outbox(desk)
    return Outgoing(
        waiting=outbox.waiting(channel),
        oldest=_number(
            desk,
            "SELECT created_at FROM outbox WHERE id = "
            "(SELECT min(id) FROM outbox WHERE channel = ? AND state IN ('queued', 'sending'))",
            channel,
        ),
        failed=outbox.failures(channel),
        sent_at=_number(
            desk,
            "SELECT sent_at FROM outbox WHERE id > (SELECT max(id) FROM outbox) - ? AND channel = ? AND state = 'sent' "
            "ORDER BY id DESC LIMIT 1",
            _LOOKED_AT,
            channel,
        ),
    )


def _received(desk: Database, channel: Channel) -> int:
    return _number(
        desk,
        "SELECT received_at FROM inbox WHERE id > (SELECT max(id) FROM inbox) - ? AND door = ? "
        "ORDER BY id DESC LIMIT 1",
        _LOOKED_AT,
        channel,
    )


def _events(desk: Database, telecom: Database) -> int:
    cursor = _number(desk, "SELECT value FROM progress WHERE name = 'event_cursor'")
    last = _number(telecom, "SELECT max(last_event) FROM passes")
    return _number(telecom, "SELECT count(*) FROM events WHERE id > ? AND id <= ?", cursor, last)


def _number(db: Database, query: str, *values: object) -> int:
    row = db.execute(query, values).fetchone()
    return int(row[0] or 0) if row else 0

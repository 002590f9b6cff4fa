"""What is to be sent: on disk before it is sent, and struck off only once the server said yes."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sqlite_utils import Database

from bot.desk import lightly

Channel = Literal["chat", "mail"]

#: Seconds before the next attempt after 1, 2, 3… temporary failures; after the last, once a day is given up.
DELAYS = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)


# "IN ('queued', 'sending')" is the index's own condition: said otherwise, all that was ever sent would be read.
_FIRST = (
    "id IN (SELECT min(id) FROM outbox WHERE channel = ? AND state IN ('queued', 'sending') GROUP BY recipient) "
    "AND state = 'queued'"
)
_FIRST_OF = (
    "id = (SELECT min(id) FROM outbox WHERE channel = ? AND recipient = ? AND state IN ('queued', 'sending')) "
    "AND state = 'queued'"
)


@dataclass(frozen=True)
class Parcel:
    """Something to be sent. `payload`: JSON of a chat message, or a whole mail; `attachment`: a chat's file."""

    id: int
    channel: Channel
    recipient: str
    subject: str
    payload: bytes = field(repr=False)
    attachment: bytes | None = field(repr=False, default=None)
    tries: int = 0


class Outbox:
    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self,
        channel: Channel,
        recipient: str,
        payload: bytes,
        *,
        subject: str = "",
        message_id: str = "",
        attachment: bytes | None = None,
        thread_id: int = 0,
        person_id: str = "",
    ) -> None:
        """To be called in the transaction of what causes it. `subject` is for people who look into the queue."""
        self._db.execute(
            "INSERT INTO outbox (channel, recipient, subject, message_id, payload, attachment, thread_id, person_id, "
            "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (channel, recipient, subject, message_id, payload, attachment, thread_id, person_id, int(time.time())),
        )

    def recover(self, channel: Channel) -> int:
        """Before the first sending: what was being sent may have arrived: it is sent again, marked. Says how many."""
        with self._db.atomic():
            lost = self._db.execute(
                "UPDATE outbox SET state = 'queued', uncertain = 1 WHERE state = 'sending' AND channel = ?", (channel,)
            )
        return lost.rowcount

    def due(self, channel: Channel, now: int) -> list[Parcel]:
        """What can be sent now: each recipient's oldest parcel, so that none overtakes one that must wait or that is
        being sent."""
        rows = self._db.execute(
            "SELECT id, channel, recipient, subject, payload, attachment, tries FROM outbox "
            f"WHERE {_FIRST} AND next_try_at <= ? ORDER BY id",
            (channel, now),
        )
        return [Parcel(*row) for row in rows]

    def ready(self, channel: Channel, now: int) -> list[str]:
        """The recipients who have a parcel that is due."""
        rows = self._db.execute(
            f"SELECT recipient FROM outbox WHERE {_FIRST} AND next_try_at <= ? ORDER BY id", (channel, now)
        )
        return [recipient for (recipient,) in rows]

    def next_of(self, channel: Channel, recipient: str, now: int) -> Parcel | None:
        """A recipient's oldest parcel, if it is due."""
        row = self._db.execute(
            f"SELECT id, channel, recipient, subject, payload, attachment, tries FROM outbox WHERE {_FIRST_OF} "
            "AND next_try_at <= ?",
            (channel, recipient, now),
        ).fetchone()
        return Parcel(*row) if row else None

    def is_due(self, channel: Channel, recipient: str, now: int) -> bool:
        """Whether `next_of` has something to give."""
        found = self._db.execute(
            f"SELECT 1 FROM outbox WHERE {_FIRST_OF} AND next_try_at <= ?", (channel, recipient, now)
        )
        return found.fetchone() is not None

    def sending(self, parcel: Parcel) -> None:
        """Before an attempt, so that a copy that follows a crash is marked. Somebody waits for an answer in a chat: its
        mark only has to outlive this process."""
        with lightly(self._db) if parcel.channel == "chat" else self._db.atomic():
            self._db.execute("UPDATE outbox SET state = 'sending', tries = tries + 1 WHERE id = ?", (parcel.id,))

    def sent(self, parcel: Parcel, note: str = "") -> None:
        """Delivered. The content goes: it is personal data, and the recipient has it."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE outbox SET state = 'sent', sent_at = ?, payload = NULL, attachment = NULL, error = ? "
                "WHERE id = ?",
                (int(time.time()), note, parcel.id),
            )

    def again(self, parcel: Parcel, error: str, *, after: float | None = None, uncertain: bool = False) -> bool:
        """A temporary failure: try later. False when it was tried long enough, and is given up.

        :param after: seconds that the server asked for, which is no failed try; else the delay grows with each.
        """
        if after is None and parcel.tries >= len(DELAYS):
            self.failed(parcel, error)
            return False
        wait = after if after is not None else DELAYS[parcel.tries]
        with self._db.atomic():
            self._db.execute(
                "UPDATE outbox SET state = 'queued', next_try_at = ?, error = ?, uncertain = max(uncertain, ?), "
                "tries = iif(?, ?, tries) WHERE id = ?",
                (math.ceil(time.time() + wait), error, uncertain, after is not None, parcel.tries, parcel.id),
            )
        return True

    def failed(self, parcel: Parcel, error: str, *, keep: bool = True) -> None:
        """A permanent failure, reported by whoever calls. `keep`: with its content, for who looks into it."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE outbox SET state = 'failed', error = ?, payload = iif(?, payload, NULL), "
                "attachment = iif(?, attachment, NULL) WHERE id = ?",
                (error, keep, keep, parcel.id),
            )

    def give_up(self, channel: Channel, recipient: str, error: str) -> int:
        """Nothing reaches this recipient any more: what waits for it fails, and its content goes. Says how much."""
        with self._db.atomic():
            given_up = self._db.execute(
                "UPDATE outbox SET state = 'failed', error = ?, payload = NULL, attachment = NULL "
                "WHERE channel = ? AND recipient = ? AND state IN ('queued', 'sending') AND state = 'queued'",
                (error, channel, recipient),
            )
        return given_up.rowcount

    def readdress(self, channel: Channel, old: str, new: str, change: Callable[[bytes], bytes]) -> None:
        """A recipient has another address from now on; `change` makes each payload fit for it."""
        with self._db.atomic():
            rows = self._db.execute(
                "SELECT id, payload FROM outbox WHERE channel = ? AND recipient = ? AND state IN ('queued', 'sending')",
                (channel, old),
            ).fetchall()
            for parcel_id, payload in rows:
                self._db.execute(
                    "UPDATE outbox SET recipient = ?, payload = ? WHERE id = ?", (new, change(payload), parcel_id)
                )

    def is_ours(self, message_id: str, recipient: str) -> bool:
        """Whether we wrote a mail of this Message-ID to this address."""
        found = self._db.execute(
            "SELECT 1 FROM outbox WHERE message_id = ? AND lower(recipient) = lower(?) AND channel = 'mail'",
            (message_id, recipient),
        )
        return found.fetchone() is not None

    def wrote(self, message_id: str) -> bool:
        """Whether a mail of this Message-ID is one of ours."""
        found = self._db.execute("SELECT 1 FROM outbox WHERE message_id = ? AND channel = 'mail'", (message_id,))
        return bool(message_id) and found.fetchone() is not None

    def waiting(self, channel: Channel) -> int:
        """How many parcels are to be sent."""
        found = self._db.execute(
            "SELECT count(*) FROM outbox WHERE channel = ? AND state IN ('queued', 'sending')", (channel,)
        )
        return int(found.fetchone()[0])

    def next_try(self, channel: Channel) -> int | None:
        """When the earliest waiting parcel is due (UTC seconds), or None."""
        (when,) = self._db.execute(f"SELECT min(next_try_at) FROM outbox WHERE {_FIRST}", (channel,)).fetchone()
        return None if when is None else int(when)

"""What is to be sent: on disk before it is sent, and struck off only once the server said yes."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlite_utils import Database

from bot.desk import lightly
from core import disk, logs
from core.trace import trace

log = logging.getLogger(__name__)

Channel = Literal["chat", "mail"]

#: dropped: given up by hand.
State = Literal["queued", "sending", "sent", "failed", "dropped"]

#: Seconds before the next attempt after 1, 2, 3… temporary failures. Together nearly a day: who fails once more after
#: the last of them is given up.
DELAYS = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)

#: The same for a chat, where somebody waits and all that follows stands behind: minutes at most.
CHAT_DELAYS = (5, 15, 30, 60, *(120,) * 20, *(600,) * 138)

#: Seconds at least where each attempt may have left a copy.
CHAT_DOUBT = (5, 30, 120, 300, 600)

#: Seconds that the content of a mail is kept once it was sent, for it can still come back.
KEPT = 7 * 24 * 3600


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
    """Something to be sent. `payload`: JSON of a chat message, or a whole mail; `attachment`: a chat's file; `cause`:
    what made it be written, as the log names it (`core.logs`), "" when unknown."""

    id: int
    channel: Channel
    recipient: str
    subject: str
    payload: bytes = field(repr=False)
    attachment: bytes | None = field(repr=False, default=None)
    tries: int = 0
    cause: str = ""


@dataclass(frozen=True)
class Entry:
    """A parcel as who looks into the queue sees it. `has_content`: it can be sent (again); `cause`: that of `Parcel`;
    times: UTC seconds."""

    id: int
    channel: Channel
    recipient: str
    subject: str
    message_id: str
    person_id: str
    state: State
    uncertain: bool
    tries: int
    next_try_at: int
    error: str
    created_at: int
    sent_at: int | None
    has_content: bool
    cause: str = ""


_ENTRY = (
    "SELECT id, channel, recipient, subject, message_id, person_id, state, uncertain != 0, tries, next_try_at, error, "
    "created_at, sent_at, payload IS NOT NULL, cause FROM outbox"
)


class Outbox:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._owed: list[Callable[[], object]] = []

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
        secret: bool = False,
    ) -> None:
        """To be called in the transaction of what causes it. `subject` is for people who look into the queue.

        :param secret: it lets somebody in: its content is kept no longer than until the server has it, or refuses it.
        """
        self._db.execute(
            "INSERT INTO outbox (channel, recipient, subject, message_id, payload, attachment, thread_id, person_id, "
            "secret, created_at, cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                channel,
                recipient,
                subject,
                message_id,
                payload,
                attachment,
                thread_id,
                person_id,
                secret,
                int(time.time()),
                logs.cause(),
            ),
        )

    def recover(self, channel: Channel) -> int:
        """Before the first sending: what was being sent may have arrived: it is sent again, marked. Says how many.

        :raises sqlite3.OperationalError: the disk does not take yet what came of earlier attempts (`settle`).
        """
        while self._owed:
            self._pay_one()
        with self._db.atomic():
            lost = self._db.execute(
                "UPDATE outbox SET state = 'queued', uncertain = 1 WHERE state = 'sending' AND channel = ?", (channel,)
            )
        return lost.rowcount

    def due(self, channel: Channel, now: int) -> list[Parcel]:
        """What can be sent now: each recipient's oldest parcel, so that none overtakes one that must wait or that is
        being sent."""
        rows = self._db.execute(
            "SELECT id, channel, recipient, subject, payload, attachment, tries, cause FROM outbox "
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
            f"SELECT id, channel, recipient, subject, payload, attachment, tries, cause FROM outbox WHERE {_FIRST_OF} "
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

    def sending(self, parcel: Parcel) -> bool:
        """Before an attempt, so that a copy that follows a crash is marked. Somebody waits for an answer in a chat: its
        mark only has to outlive this process. False when it is not to be sent (there) any more: somebody dropped it, or
        gave it another address, since it was read."""
        with lightly(self._db) if parcel.channel == "chat" else self._db.atomic():
            begun = self._db.execute(
                "UPDATE outbox SET state = 'sending', tries = tries + 1 "
                "WHERE id = ? AND recipient = ? AND state = 'queued'",
                (parcel.id, parcel.recipient),
            )
        return begun.rowcount == 1

    def settle(self, write: Callable[[], object]) -> None:
        """Write down what came of an attempt, now or as soon as the disk takes it (`pay`). Until then the parcel counts
        as being sent, so that it is not sent again.

        :param write: changes all or nothing, or can be called again.
        """
        self._owed.append(write)
        self.pay()

    def pay(self) -> bool:
        """Write down what the disk did not take before. Whether there was any, and all of it is written."""
        had_any = bool(self._owed)
        while self._owed:
            try:
                self._pay_one()
            except Exception as error:
                if not disk.refusal_of(error):
                    raise
                log.error("what came of an attempt cannot be written yet: %s", trace(error))
                return False
        return had_any

    def _pay_one(self) -> None:
        try:
            self._owed[0]()
        except Exception as error:
            if not disk.refusal_of(error):
                del self._owed[0]
            raise
        del self._owed[0]

    def rewrite(self, parcel: Parcel, payload: bytes) -> None:
        """What is being sent is sent so from now on, also after a crash; in the caller's transaction."""
        self._db.execute(
            "UPDATE outbox SET payload = ? WHERE id = ? AND state IN ('queued', 'sending')", (payload, parcel.id)
        )

    def sent(self, parcel: Parcel, note: str = "") -> None:
        """The server has it. The content goes, for it is personal data; that of a mail later (`forget_sent`)."""
        with self._db.atomic():
            # A mail can have come back before its server said goodbye: it stays failed.
            self._db.execute(
                "UPDATE outbox SET state = 'sent', sent_at = ?, "
                "payload = iif(channel = 'mail' AND NOT secret, payload, NULL), attachment = NULL, error = ? "
                "WHERE id = ? AND state != 'failed'",
                (int(time.time()), note, parcel.id),
            )

    def forget_sent(self, now: int) -> int:
        """The content of the mails that were sent long enough ago goes. Says how many."""
        with self._db.atomic():
            forgotten = self._db.execute(
                "UPDATE outbox SET payload = NULL WHERE state = 'sent' AND payload IS NOT NULL AND sent_at <= ?",
                (now - KEPT,),
            )
        return forgotten.rowcount

    def again(self, parcel: Parcel, error: str, *, after: float | None = None, uncertain: bool = False) -> bool:
        """A temporary failure: try later. False when it was tried long enough, and is given up.

        :param after: seconds that the server asked for, which is no failed try; else the delay grows with each.
        """
        delays = CHAT_DELAYS if parcel.channel == "chat" else DELAYS
        if after is None and parcel.tries >= len(delays):
            self.failed(parcel, error)
            return False
        wait = after if after is not None else delays[parcel.tries]
        if uncertain and after is None and parcel.channel == "chat":
            wait = max(wait, CHAT_DOUBT[min(parcel.tries, len(CHAT_DOUBT) - 1)])
        with self._db.atomic():
            self._db.execute(
                "UPDATE outbox SET state = 'queued', next_try_at = ?, error = ?, uncertain = max(uncertain, ?), "
                "tries = iif(?, ?, tries) WHERE id = ? AND state NOT IN ('failed', 'dropped')",
                (math.ceil(time.time() + wait), error, uncertain, after is not None, parcel.tries, parcel.id),
            )
        return True

    def failed(self, parcel: Parcel, error: str, *, keep: bool = True) -> None:
        """A permanent failure, reported by whoever calls. `keep`: with its content, for who looks into it."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE outbox SET state = 'failed', error = ?, payload = iif(? AND NOT secret, payload, NULL), "
                "attachment = iif(?, attachment, NULL) WHERE id = ? AND state != 'dropped'",
                (error, keep, keep, parcel.id),
            )

    def of_people(self, recipient: str) -> list[tuple[int, str, bytes, bytes | None]]:
        """What waits for a chat that a person wrote to another: its thread, the other, payload and attachment."""
        rows = self._db.execute(
            "SELECT thread_id, person_id, payload, attachment FROM outbox WHERE channel = 'chat' AND recipient = ? "
            "AND state IN ('queued', 'sending') AND person_id != '' ORDER BY id",
            (recipient,),
        )
        return [(thread_id, person_id, payload, attachment) for thread_id, person_id, payload, attachment in rows]

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
            "SELECT 1 FROM outbox WHERE message_id = ? AND message_id != '' AND lower(recipient) = lower(?) "
            "AND channel = 'mail'",
            (message_id, recipient),
        )
        return found.fetchone() is not None

    def wrote(self, message_id: str) -> bool:
        """Whether a mail of this Message-ID is one of ours."""
        found = self._db.execute(
            "SELECT 1 FROM outbox WHERE message_id = ? AND message_id != '' AND channel = 'mail'", (message_id,)
        )
        return found.fetchone() is not None

    def waiting(self, channel: Channel) -> int:
        """How many parcels are to be sent."""
        found = self._db.execute(
            "SELECT count(*) FROM outbox WHERE channel = ? AND state IN ('queued', 'sending')", (channel,)
        )
        return int(found.fetchone()[0])

    def to_go(self, channel: Channel, now: int) -> list[int]:
        """The parcels (by their ids) that are on their way, or that nothing but the sending holds up."""
        rows = self._db.execute(
            "SELECT id FROM outbox WHERE id IN (SELECT min(id) FROM outbox WHERE channel = ? "
            "AND state IN ('queued', 'sending') GROUP BY recipient) AND (state = 'sending' OR next_try_at <= ?)",
            (channel, now),
        )
        return [parcel_id for (parcel_id,) in rows]

    def next_try(self, channel: Channel) -> int | None:
        """When the earliest waiting parcel is due (UTC seconds), or None."""
        (when,) = self._db.execute(f"SELECT min(next_try_at) FROM outbox WHERE {_FIRST}", (channel,)).fetchone()
        return None if when is None else int(when)

    # -- what came back

    def named(self, message_id: str, envid: str) -> Entry | None:
        """The mail of ours that a report is about, by its Message-ID or by the ENVID that it was sent with."""
        if found := self._one("message_id = ? AND message_id != '' AND channel = 'mail'", message_id):
            return found
        if not envid:
            return None
        # "A" is the sign after "@": every Message-ID that begins so, by its index.
        begins = "message_id > ? AND message_id < ? AND message_id != '' AND channel = 'mail'"
        return self._one(begins, f"<{envid}@", f"<{envid}A")

    def came_back(self, entry: Entry, error: str) -> bool:
        """A mail that the server took was not delivered; in the caller's transaction. False when that was known, or
        when it is to be sent again since."""
        failed = self._db.execute(
            "UPDATE outbox SET state = 'failed', error = ? "
            "WHERE id = ? AND (state IN ('sent', 'sending') OR state = 'queued' AND tries > 0)",
            (error, entry.id),
        )
        return failed.rowcount == 1

    def late(self, entry: Entry, note: str) -> None:
        """A server on the way says that it still tries; in the caller's transaction."""
        self._db.execute("UPDATE outbox SET error = ? WHERE id = ? AND state = 'sent'", (note, entry.id))

    # -- by hand, and from another process than the service: each change is one statement that asks for the state it
    # -- changes, and `sending` asks in the same way, so that whoever comes first wins and the other one is told.

    def entry(self, parcel_id: int) -> Entry | None:
        return self._one("id = ?", parcel_id)

    def unsettled(self, now: int) -> list[Entry]:
        """What waits, what failed, and what was sent lately with a copy that may have arrived too, oldest first."""
        return self._entries(
            "state IN ('queued', 'sending', 'failed') OR state = 'sent' AND uncertain = 1 AND sent_at > ?", now - KEPT
        )

    def everything(self, limit: int, *, only_sent: bool = False) -> list[Entry]:
        """The newest parcels, oldest first."""
        where = "state = 'sent'" if only_sent else "1"
        return self._entries(f"id IN (SELECT id FROM outbox WHERE {where} ORDER BY id DESC LIMIT ?)", limit)

    def content(self, parcel_id: int) -> tuple[bytes | None, bytes | None]:
        """(payload, attachment) of a parcel, as far as they are kept."""
        row = self._db.execute("SELECT payload, attachment FROM outbox WHERE id = ?", (parcel_id,)).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def retry(self, entry: Entry, recipient: str = "", payload: bytes | None = None) -> bool:
        """Queue it anew, as if it had never been tried; with `recipient`, to that address, which `payload` names too.
        False when it is being sent, or its content is gone."""
        with self._db.atomic():
            queued = self._db.execute(
                "UPDATE outbox SET state = 'queued', tries = 0, next_try_at = 0, error = '', recipient = ?, "
                "payload = coalesce(?, payload), uncertain = max(uncertain, state = 'sent') "
                "WHERE id = ? AND state NOT IN ('sending', 'dropped') AND payload IS NOT NULL",
                (recipient or entry.recipient, payload, entry.id),
            )
        return queued.rowcount == 1

    def drop(self, entry: Entry) -> bool:
        """It is not sent, and its content goes. False when it is being sent, or was."""
        with self._db.atomic():
            dropped = self._db.execute(
                "UPDATE outbox SET state = 'dropped', payload = NULL, attachment = NULL "
                "WHERE id = ? AND state IN ('queued', 'failed')",
                (entry.id,),
            )
        return dropped.rowcount == 1

    def failures(self, channel: Channel) -> int:
        """How many parcels could not be delivered and were neither sent again nor dropped."""
        found = self._db.execute("SELECT count(*) FROM outbox WHERE state = 'failed' AND channel = ?", (channel,))
        return int(found.fetchone()[0])

    def _one(self, where: str, *values: str | int) -> Entry | None:
        row = self._db.execute(f"{_ENTRY} WHERE {where}", values).fetchone()
        return _entry(row) if row else None

    def _entries(self, where: str, *values: str | int) -> list[Entry]:
        return [_entry(row) for row in self._db.execute(f"{_ENTRY} WHERE {where} ORDER BY id", values)]


def envid_of(message_id: str) -> str:
    """What a mail of ours is named by in its envelope (ENVID, RFC 3461), for the report that quotes nothing of it."""
    return message_id.strip("<>").partition("@")[0]


def _entry(row: tuple[Any, ...]) -> Entry:
    found = Entry(*row)
    return replace(found, uncertain=bool(found.uncertain), has_content=bool(found.has_content))

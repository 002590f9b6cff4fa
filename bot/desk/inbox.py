"""What people wrote: on disk before Telegram or the mail server is told that we have it."""

import json
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlite_utils import Database

from bot.desk import lightly

#: A question that fails that often is set aside, and its author told so.
MOST_TRIES = 3

#: Why what has no other reason was set aside: no attempt at it came to its end.
CRASHED = "le service s'est arrêté à chaque essai"

#: Items of strangers that are looked at together: they may be a flood.
MOST_STRANGERS = 8

#: Begins the part of a name that stands for one message of a conversation.
_SAID = "said-"

#: What a conversation can be asked for.
Awaited = Literal["files", "words"]

#: Where a mail goes in the mailbox once nothing more is to be done with it; "removed": it goes from there.
Filing = Literal["handled", "set aside", "removed"]


class Postponed(Exception):
    """What was to be answered is not looked at before `seconds` have passed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class Item:
    """Something to be answered. `door`: chat or mail; `conversation`: answered one after the other.

    `payload`: read only once it is the item's turn (`Inbox.taken`), for all that wait would fill the memory.
    `truncated`: a mail that was not taken whole; its payload is its headers, or its beginning. `received_at`: UTC
    seconds. `stranger`: of nobody we know, as it seemed when it came.
    """

    id: int
    door: str
    conversation: str
    payload: bytes = field(repr=False, default=b"")
    tries: int = 0
    truncated: bool = False
    received_at: int = 0
    stranger: bool = False


@dataclass(frozen=True)
class Aside:
    """Something that could not be dealt with, kept as it came. `reason`: French; `received_at`: UTC seconds."""

    id: int
    door: str
    payload: bytes = field(repr=False)
    reason: str
    received_at: int
    truncated: bool


class Inbox:
    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self,
        door: str,
        key: str,
        conversation: str,
        payload: bytes,
        message_id: str = "",
        *,
        truncated: bool = False,
        stranger: bool = False,
    ) -> None:
        """Write down what came; the same key again is the same thing and changes nothing."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR IGNORE INTO inbox (door, key, conversation, message_id, payload, truncated, stranger, "
                "received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (door, key, conversation, message_id, payload, truncated, stranger, int(time.time())),
            )
            if not stranger:
                # What he wrote before he was known goes before this.
                self._db.execute(
                    "UPDATE inbox SET stranger = 0 WHERE state = 'new' AND stranger = 1 AND conversation = ?",
                    (conversation,),
                )

    def new(self, busy: Collection[str] = (), doors: Collection[str] = ("chat", "mail")) -> list[Item]:
        """The first item of each conversation that waits for an answer, without its payload: those of people we know,
        oldest first, then a few of strangers.

        :param busy: conversations that are not to be looked at; doors: those that are.
        """
        columns = "id, door, conversation, tries, truncated, received_at, stranger"
        known = self._db.execute(
            f"SELECT {columns} FROM inbox WHERE id IN (SELECT min(id) FROM inbox "
            "WHERE state = 'new' AND stranger = 0 GROUP BY conversation) ORDER BY id"
        ).fetchall()
        # However many wait, these few are found at once.
        strangers = self._db.execute(
            f"SELECT {columns} FROM inbox WHERE state = 'new' AND stranger = 1 "
            "AND conversation NOT IN (SELECT value FROM json_each(?)) AND door IN (SELECT value FROM json_each(?)) "
            "ORDER BY id LIMIT ?",
            (json.dumps(list(busy)), json.dumps(list(doors)), MOST_STRANGERS),
        ).fetchall()
        first: dict[str, Item] = {}
        for number, door, conversation, tries, truncated, received_at, stranger in (*known, *strangers):
            item = Item(number, door, conversation, b"", tries, bool(truncated), received_at, bool(stranger))
            first.setdefault(conversation, item)
        return [item for conversation, item in first.items() if conversation not in busy and item.door in doors]

    def taken(self, item: Item) -> Item:
        """The item with its payload."""
        (payload,) = self._db.execute("SELECT payload FROM inbox WHERE id = ?", (item.id,)).fetchone()
        return replace(item, payload=payload)

    def waiting_bytes(self, door: str) -> int:
        """What the content of all that waits for an answer weighs."""
        found = self._db.execute(
            "SELECT coalesce(sum(length(payload)), 0) FROM inbox WHERE state = 'new' AND door = ?", (door,)
        )
        return int(found.fetchone()[0])

    def begin(self, item: Item) -> None:
        """Count an attempt before it is made, so that one that kills the process is counted too."""
        with lightly(self._db):
            self._db.execute("UPDATE inbox SET tries = tries + 1 WHERE id = ?", (item.id,))

    def postpone(self, item: Item) -> None:
        """The attempt was none: it is made later."""
        with self._db.atomic():
            self._db.execute("UPDATE inbox SET tries = tries - 1 WHERE id = ?", (item.id,))

    def done(self, item: Item, *, file: bool = True, remove: bool = False) -> None:
        """To be called in the transaction that writes the answer into the outbox.

        :param file: a mail is moved to where handled ones go; else it stays where it is, unread.
        :param remove: a mail goes from the mailbox.
        """
        filing = "removed" if remove else "handled" if file else ""
        self._db.execute(
            "UPDATE inbox SET state = 'done', payload = NULL, filing = iif(door = 'mail', ?, '') WHERE id = ?",
            (filing, item.id),
        )

    def stumbled(self, item: Item, reason: str) -> None:
        """An attempt failed; why (French), for who looks into it once it is set aside."""
        with lightly(self._db):
            self._db.execute("UPDATE inbox SET reason = ? WHERE id = ?", (reason, item.id))

    def failed(self, item: Item, reason: str = "") -> None:
        """Set aside, with what was written; to be called in the transaction that tells the author.

        :param reason: French; else that of the last attempt that failed.
        """
        self._db.execute(
            "UPDATE inbox SET state = 'failed', filing = iif(door = 'mail', 'set aside', ''), "
            "reason = coalesce(nullif(?, ''), nullif(reason, ''), ?) WHERE id = ?",
            (reason, CRASHED, item.id),
        )

    def aside(self, door: str) -> list[Aside]:
        """What was set aside, oldest first."""
        return self._aside("door = ? ORDER BY id", door)

    def one_aside(self, door: str, item_id: int) -> Aside | None:
        return next(iter(self._aside("door = ? AND id = ?", door, item_id)), None)

    def count_aside(self, door: str) -> int:
        found = self._db.execute("SELECT count(*) FROM inbox WHERE state = 'failed' AND door = ?", (door,))
        return int(found.fetchone()[0])

    def replay(self, aside: Aside, payload: bytes | None = None) -> bool:
        """To be dealt with anew, as `payload` where that is given. False when it is no longer set aside."""
        with self._db.atomic():
            again = self._db.execute(
                "UPDATE inbox SET state = 'new', tries = 0, reason = '', payload = coalesce(?, payload), "
                "truncated = iif(? IS NULL, truncated, 0) WHERE id = ? AND state = 'failed'",
                (payload, payload, aside.id),
            )
        return again.rowcount == 1

    def drop(self, aside: Aside) -> bool:
        """What was set aside is given up, and its content goes. False when it is no longer set aside."""
        with self._db.atomic():
            dropped = self._db.execute(
                "UPDATE inbox SET state = 'done', payload = NULL WHERE id = ? AND state = 'failed'", (aside.id,)
            )
        return dropped.rowcount == 1

    def _aside(self, where: str, *values: str | int) -> list[Aside]:
        rows = self._db.execute(
            "SELECT id, door, payload, reason, received_at, truncated FROM inbox "
            f"WHERE state = 'failed' AND payload IS NOT NULL AND {where}",
            values,
        )
        return [
            Aside(number, its_door, payload, reason, received_at, bool(truncated))
            for number, its_door, payload, reason, received_at, truncated in rows
        ]

    def already_answered(self, item: Item, message_id: str) -> bool:
        """Whether a mail of this Message-ID was dealt with under another UID (moved, or UIDVALIDITY changed)."""
        found = self._db.execute(
            "SELECT 1 FROM inbox WHERE message_id = ? AND message_id != '' AND id != ? AND state != 'new'",
            (message_id, item.id),
        )
        return found.fetchone() is not None

    def has_mail(self, message_id: str) -> bool:
        """Whether a mail of this Message-ID was received."""
        found = self._db.execute("SELECT 1 FROM inbox WHERE message_id = ? AND message_id != ''", (message_id,))
        return found.fetchone() is not None

    def mail_uids(self, folder: str, uidvalidity: int) -> set[int]:
        """The UIDs already written down in a folder of the mailbox."""
        return {uid for uid, _ in self._mails(folder, uidvalidity, "door = 'mail'")}

    def to_file(self, folder: str, uidvalidity: int) -> dict[int, Filing]:
        """The mails, by UID, that wait to be marked as seen and moved, and where to."""
        return dict(self._mails(folder, uidvalidity, "filing != '' AND +door = 'mail'"))

    def waits_for_filing(self) -> bool:
        """Whether some mail waits to be moved."""
        return self._db.execute("SELECT 1 FROM inbox WHERE filing != ''").fetchone() is not None

    def filed(self, folder: str, uidvalidity: int, uids: Iterable[int]) -> None:
        """These lie where they belong, or are gone."""
        with self._db.atomic():
            for uid in uids:
                self._db.execute(
                    "UPDATE inbox SET filing = '' WHERE door = 'mail' AND key = ?",
                    (mail_key(folder, uidvalidity, uid),),
                )

    def _mails(self, folder: str, uidvalidity: int, condition: str) -> Iterator[tuple[int, Filing]]:
        prefix = mail_key(folder, uidvalidity, "")
        rows = self._db.execute(
            # "0" is the sign after "/": a range, for the index ("+door" is none: the index of what waits is shorter).
            f"SELECT substr(key, ?), filing FROM inbox WHERE {condition} AND key > ? AND key < ?",
            (len(prefix) + 1, prefix, f"{prefix[:-1]}0"),
        )
        return ((int(uid), filing) for uid, filing in rows)

    def awaited(self, what: Awaited, conversation: str, now: int) -> str:
        """The command that a file, or plain words, sent now belong to, or ""."""
        row = self._db.execute(
            f"SELECT command FROM awaited_{what} WHERE conversation = ? AND until > ?", (conversation, now)
        ).fetchone()
        return str(row[0]) if row else ""

    def answered(self, conversation: str, message_id: int, now: int) -> str:
        """The command that these plain words of a chat were taken for, "" when they stood for themselves."""
        return self.awaited("words", f"{conversation}:{_SAID}{message_id}", now)

    def remember(self, conversation: str, message_id: int, command: str, now: int, until: int) -> None:
        """What plain words were taken for, so that their correction is taken for the same."""
        self._db.execute("DELETE FROM awaited_words WHERE until <= ?", (now,))
        self.await_next("words", f"{conversation}:{_SAID}{message_id}", command, until)

    def await_next(self, what: Awaited, conversation: str, command: str, until: int) -> None:
        """Remember, or forget with an empty command; in the transaction of the answer that asks for it."""
        if command:
            self._db.execute(
                f"INSERT OR REPLACE INTO awaited_{what} (conversation, command, until) VALUES (?, ?, ?)",
                (conversation, command, until),
            )
        else:
            self._db.execute(f"DELETE FROM awaited_{what} WHERE conversation = ?", (conversation,))

    def move(self, old: str, new: str) -> None:
        """Conversations whose name is `old`, or begins with it and a colon, go on under the new one."""
        with self._db.atomic():
            for table, also in (("inbox", " AND state = 'new'"), ("awaited_files", ""), ("awaited_words", "")):
                self._db.execute(
                    f"UPDATE OR REPLACE {table} SET conversation = ? || substr(conversation, ?) "
                    f"WHERE (conversation = ? OR substr(conversation, 1, ?) = ?){also}",
                    (new, len(old) + 1, old, len(old) + 1, f"{old}:"),
                )


def mail_key(folder: str, uidvalidity: int, uid: int | str) -> str:
    return f"{folder}/{uidvalidity}/{uid}"

"""Who is known, by which address and chat, and how a chat comes to be known."""

import hashlib
import json
import secrets
from dataclasses import dataclass

from sqlite_utils import Database

from bot.desk.profile import profile_of, verify
from core.settings import Settings
from handlers.ask import Person, Role

#: An enrolment code lives that long (seconds).
CODE_LIFE = 7 * 24 * 3600

#: Unknown chats that are told within an hour that the bot is private; others are told when they write again.
MOST_TOLD = 30

#: After that many wrong codes a chat is not listened to for PAUSE seconds.
MOST_FAILURES = 5
PAUSE = 3600

TECHNICAL, ACCOUNTING = "technique", "comptabilite"


@dataclass(frozen=True)
class Contact:
    """A known person with an address to write to."""

    person: Person
    email: str


class People:
    """The people of the settings and their chats."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def follow(self, settings: Settings) -> None:
        """Make the known people those of the profile and the settings; whoever is no longer named has no role left."""
        known = profile_of(self._db, settings)
        named: list[tuple[str, str, Role, str]] = [
            (TECHNICAL, known.technical_contact, "technique", known.technical_email),
            (ACCOUNTING, "Comptabilité", "comptabilité", known.accounting_email),
            *((f"equipe:{email.lower()}", email, "équipe", email) for email in settings.staff_emails),
        ]
        with self._db.atomic():
            self._db.execute("UPDATE people SET roles = '[]'")
            for person_id, name, role, email in named:
                former = self._one("people.id = ?", person_id)
                if former and former.email.lower() != email.lower():
                    self._forget_codes(person_id)  # what was mailed there binds no chat any more
                self._db.execute(
                    "INSERT INTO people (id, name, roles, email) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
                    "SET name = excluded.name, roles = excluded.roles, email = excluded.email",
                    (person_id, name, json.dumps([role], ensure_ascii=False), email),
                )

    def by_id(self, person_id: str) -> Contact | None:
        return self._one("people.id = ?", person_id)

    def by_email(self, address: str) -> Contact | None:
        """The person who has this address; the one with most to say to when several share it."""
        return self._one("lower(email) = lower(?) AND roles != '[]' ORDER BY id != 'technique', id", address)

    def by_chat(self, chat_id: int) -> Contact | None:
        """Whose chat this is, be it dead or not."""
        return self._one("roles != '[]' AND people.id = (SELECT person_id FROM chats WHERE chat_id = ?)", chat_id)

    def _one(self, where: str, value: str | int) -> Contact | None:
        row = self._db.execute(f"SELECT id, name, roles, email FROM people WHERE {where}", (value,)).fetchone()
        if row is None:
            return None
        return Contact(Person(row[0], row[1], frozenset(json.loads(row[2]))), row[3])

    def everyone(self) -> list[Contact]:
        ids = [person_id for (person_id,) in self._db.execute("SELECT id FROM people WHERE roles != '[]' ORDER BY id")]
        return [contact for person_id in ids if (contact := self.by_id(person_id))]

    def chats_of(self, person_id: str) -> list[int]:
        """The chats in which this person can be written to."""
        rows = self._db.execute(
            "SELECT chat_id FROM chats WHERE person_id = ? AND dead_at IS NULL ORDER BY chat_id", (person_id,)
        )
        return [chat_id for (chat_id,) in rows]

    def mark_dead(self, chat_id: int, now: int) -> bool:
        """Nothing reaches this chat any more; whose it is stays known. Whether that is new."""
        with self._db.atomic():
            marked = self._db.execute(
                "UPDATE chats SET dead_at = ? WHERE chat_id = ? AND dead_at IS NULL", (now, chat_id)
            )
        return marked.rowcount == 1

    def revive(self, chat_id: int) -> bool:
        """Its person wrote there, or let the bot in again. Whether it was dead."""
        with self._db.atomic():
            revived = self._db.execute(
                "UPDATE chats SET dead_at = NULL WHERE chat_id = ? AND dead_at IS NOT NULL", (chat_id,)
            )
        return revived.rowcount == 1

    def move_chat(self, old: int, new: int) -> None:
        """A chat has another id from now on; what is known of the new one wins."""
        with self._db.atomic():
            self._db.execute("UPDATE OR IGNORE chats SET chat_id = ? WHERE chat_id = ?", (new, old))
            self._db.execute("DELETE FROM chats WHERE chat_id = ?", (old,))

    def needs_code(self, person_id: str, now: int) -> bool:
        """Whether this person has neither a chat that can be written to nor a code that still works."""
        live = self._db.execute(
            "SELECT 1 FROM codes WHERE person_id = ? AND used_at IS NULL AND expires_at > ?", (person_id, now)
        ).fetchone()
        return not live and not self.chats_of(person_id)

    def new_code(self, person_id: str, now: int) -> str:
        """A one-time code, kept only as a hash; to be used in the caller's transaction, with the mail that tells it."""
        code = secrets.token_urlsafe(16)
        self._db.execute(
            "INSERT INTO codes (hash, person_id, expires_at) VALUES (?, ?, ?)",
            (_hash(code), person_id, now + CODE_LIFE),
        )
        return code

    def _forget_codes(self, person_id: str) -> None:
        self._db.execute("DELETE FROM codes WHERE person_id = ? AND used_at IS NULL", (person_id,))

    def enrol(self, chat_id: int, code: str, now: int) -> Contact | None:
        """Bind a chat to the person whose code this is; None when it is wrong, used, too old or tried too often."""
        with self._db.atomic():
            self._db.execute(
                "INSERT INTO strangers (chat_id, told_at) VALUES (?, 0) ON CONFLICT DO NOTHING", (chat_id,)
            )
            failures, last = self._db.execute(
                "SELECT failures, last_failure_at FROM strangers WHERE chat_id = ?", (chat_id,)
            ).fetchone()
            if failures >= MOST_FAILURES and now - last < PAUSE:
                return None
            used = self._db.execute(
                "UPDATE codes SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?",
                (now, _hash(code), now),
            )
            if used.rowcount != 1:
                self._db.execute(
                    "UPDATE strangers SET failures = iif(? - last_failure_at < ?, failures, 0) + 1, "
                    "last_failure_at = ? WHERE chat_id = ?",
                    (now, PAUSE, now, chat_id),
                )
                return None
            (person_id,) = self._db.execute("SELECT person_id FROM codes WHERE hash = ?", (_hash(code),)).fetchone()
            self._db.execute(
                "INSERT OR REPLACE INTO chats (chat_id, person_id, bound_at) VALUES (?, ?, ?)",
                (chat_id, person_id, now),
            )
            self._db.execute("DELETE FROM strangers WHERE chat_id = ?", (chat_id,))
            contact = self.by_id(person_id)
            if contact:
                verify(self._db, contact.email)  # the code was mailed there
        return contact

    def tell_stranger(self, chat_id: int, now: int) -> bool:
        """Whether this unknown chat is still to be told, the one time, that the bot is private."""
        (lately,) = self._db.execute("SELECT count(*) FROM strangers WHERE told_at > ?", (now - 3600,)).fetchone()
        if lately >= MOST_TOLD:
            return False
        told = self._db.execute(
            "INSERT INTO strangers (chat_id, told_at) VALUES (?, ?) "
            "ON CONFLICT (chat_id) DO UPDATE SET told_at = excluded.told_at WHERE told_at = 0",
            (chat_id, now),
        )
        return told.rowcount == 1


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()

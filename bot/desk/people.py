"""Who is known, by which addresses and chats, with which rights, and how a chat comes to be known.

A person has the roles that the settings give him and those that were granted by hand; none once his rights were taken,
which outlives every restart. He has the same roles by every door.
"""

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from bot.desk.leaving import drop_codes, empty_chat, take_back
from bot.desk.profile import profile_of, verify
from core.settings import Settings
from handlers.ask import Person, Role
from handlers.desk import KnownPerson

#: An enrolment code lives that long (seconds).
CODE_LIFE = 48 * 3600

#: Who did not use his code is not mailed another one, unasked, before so many seconds have passed.
CODE_REST = 7 * 24 * 3600

#: After that many wrong codes a chat is not listened to for PAUSE seconds.
MOST_FAILURES = 5
PAUSE = 3600

TECHNICAL, ACCOUNTING = "technique", "comptabilite"

#: Begins the id of somebody whom the settings name among the staff; his address follows.
STAFF = "equipe:"

#: Who has rights: a person of the settings while they name him, an invited one while a role is granted to him.
_ACTIVE = "(revoked_at IS NULL AND (roles != '[]' OR origin = 'invited' AND granted != '[]'))"


#: Unknown chats that are told within an hour that the bot is private; others are told when they write again.
MOST_TOLD = 30


@dataclass(frozen=True)
class Contact:
    """A known person with an address to write to. Without roles: his rights were taken, or the settings forgot him."""

    person: Person
    email: str


class People:
    """The people of the settings, those who were invited, and their chats."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def follow(self, settings: Settings) -> None:
        """Make the known people those of the profile and the settings, beside those invited; whoever is no longer named
        has no role left, and at a place of the settings another address is another person."""
        known = profile_of(self._db, settings)
        named: list[tuple[str, str, Role, str]] = [
            (TECHNICAL, known.technical_contact, "technique", known.technical_email),
            (ACCOUNTING, "Comptabilité", "comptabilité", known.accounting_email),
            *((f"{STAFF}{email.lower()}", email, "équipe", email) for email in settings.staff_emails),
        ]
        with self._db.atomic():
            self.lock()
            before = {contact.person.id for contact in self.everyone()}
            self._db.execute("UPDATE people SET roles = '[]'")
            for person_id, name, role, email in named:
                former = self._one("people.id = ?", person_id)
                if former and former.email.lower() != email.lower():
                    self._succeed(person_id)
                self._db.execute(
                    "INSERT INTO people (id, name, roles, email) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
                    "SET name = excluded.name, roles = excluded.roles, email = excluded.email",
                    (person_id, name, json.dumps([role], ensure_ascii=False), email),
                )
                self._db.execute("DELETE FROM addresses WHERE address = ?", (email.lower(),))
            for person_id in before - {contact.person.id for contact in self.everyone()}:
                self._db.execute("UPDATE people SET granted = '[]' WHERE id = ?", (person_id,))
                self._take_back(person_id)

    def lock(self) -> None:
        """Begin a transaction that reads before it writes: nobody else changes anything until its end."""
        self._db.execute("UPDATE people SET roles = roles WHERE 0")

    def _succeed(self, person_id: str) -> None:
        """Another person takes this place of the settings: nothing that was given to, or taken from, the former one by
        hand is his."""
        self._forget_codes(person_id)  # what was mailed there binds no chat any more
        self._db.execute("DELETE FROM addresses WHERE person_id = ?", (person_id,))
        self._db.execute("UPDATE people SET granted = '[]', revoked_at = NULL WHERE id = ?", (person_id,))

    # -- who is it

    def by_id(self, person_id: str) -> Contact | None:
        return self._one("people.id = ?", person_id)

    def has_still(self, contact: Contact) -> bool:
        """Whether he has every role that he had when this was read."""
        now = self.by_id(contact.person.id)
        return now is not None and bool(now.person.roles) and contact.person.roles <= now.person.roles

    def by_email(self, address: str) -> Contact | None:
        """The person who has this address; the one with most to say to when several share it."""
        return self._one(f"lower(email) = lower(?) AND {_ACTIVE} ORDER BY id != 'technique', id", address) or self._one(
            f"id = (SELECT person_id FROM addresses WHERE address = ?) AND {_ACTIVE}", address.lower()
        )

    def by_chat(self, chat_id: int) -> Contact | None:
        """Whose chat this is, be it dead or not."""
        return self._one(f"{_ACTIVE} AND people.id = (SELECT person_id FROM chats WHERE chat_id = ?)", chat_id)

    def _one(self, where: str, value: str | int) -> Contact | None:
        row = self._db.execute(
            f"SELECT id, name, iif({_ACTIVE}, roles, '[]'), iif({_ACTIVE}, granted, '[]'), email FROM people "
            f"WHERE {where}",
            (value,),
        ).fetchone()
        if row is None:
            return None
        return Contact(Person(row[0], row[1], frozenset([*json.loads(row[2]), *json.loads(row[3])])), row[4])

    def everyone(self) -> list[Contact]:
        """Who has rights."""
        ids = [person_id for (person_id,) in self._db.execute(f"SELECT id FROM people WHERE {_ACTIVE} ORDER BY id")]
        return [contact for person_id in ids if (contact := self.by_id(person_id))]

    def known(self, now: int) -> list[KnownPerson]:
        """Who has rights, then those whose rights were taken."""
        rows = self._db.execute(
            f"SELECT id, granted, coalesce(revoked_at, 0) FROM people WHERE {_ACTIVE} OR revoked_at IS NOT NULL "
            "ORDER BY revoked_at IS NOT NULL, id"
        ).fetchall()
        return [self._known(person_id, json.loads(granted), gone, now) for person_id, granted, gone in rows]

    def _known(self, person_id: str, granted: Iterable[Role], revoked_at: int, now: int) -> KnownPerson:
        contact = self.by_id(person_id)
        assert contact
        bound = self._db.execute(
            "SELECT bound_at FROM chats WHERE person_id = ? AND dead_at IS NULL ORDER BY bound_at", (person_id,)
        )
        (seen,) = self._db.execute(
            "SELECT coalesce(max(at), 0) FROM audit WHERE person = ? AND door IN ('chat', 'groupe', 'mail')",
            (person_id,),
        ).fetchone()
        (until,) = self._db.execute(
            "SELECT coalesce(max(expires_at), 0) FROM codes WHERE person_id = ? AND used_at IS NULL AND expires_at > ?",
            (person_id, now),
        ).fetchone()
        return KnownPerson(
            contact.person,
            contact.email,
            addresses=self.addresses_of(person_id),
            granted=frozenset(granted),
            chats_since=tuple(bound_at for (bound_at,) in bound),
            last_seen=seen,
            invited_until=until,
            revoked_at=revoked_at,
        )

    def addresses_of(self, person_id: str) -> tuple[str, ...]:
        """The further addresses that he writes from (lower case)."""
        rows = self._db.execute("SELECT address FROM addresses WHERE person_id = ? ORDER BY address", (person_id,))
        return tuple(address for (address,) in rows)

    # -- by hand; each in the caller's transaction

    def admit(self, name: str, email: str, roles: Collection[Role]) -> str:
        """Give roles to who reads this address, beside those that he has; whoever lost his rights has these alone, and
        those of the settings. Returns his id."""
        known = self.by_email(email) or self._one("lower(email) = lower(?) ORDER BY revoked_at IS NULL, id", email)
        if known is None:
            person_id = self._new_id(name)
            self._db.execute(
                "INSERT INTO people (id, name, roles, email, origin) VALUES (?, ?, '[]', ?, 'invited')",
                (person_id, name, email),
            )
            self._db.execute("DELETE FROM addresses WHERE address = ?", (email.lower(),))
        else:
            person_id = known.person.id
            if not known.person.roles:  # the name is that of a new beginning, unless the settings say it
                self._db.execute(
                    "UPDATE people SET granted = '[]', revoked_at = NULL, name = iif(roles = '[]', ?, name), "
                    "origin = iif(roles = '[]', 'invited', origin) WHERE id = ?",
                    (name, person_id),
                )
        self.grant(person_id, {*self.granted(person_id), *roles})
        return person_id

    def granted(self, person_id: str) -> frozenset[Role]:
        """The roles given by hand."""
        row = self._db.execute("SELECT granted FROM people WHERE id = ?", (person_id,)).fetchone()
        return frozenset(json.loads(row[0])) if row else frozenset()

    def of_settings(self, person_id: str) -> frozenset[Role]:
        """The roles that the settings give, whether they are his now or not."""
        row = self._db.execute("SELECT roles FROM people WHERE id = ?", (person_id,)).fetchone()
        return frozenset(json.loads(row[0])) if row else frozenset()

    def grant(self, person_id: str, roles: Collection[Role]) -> None:
        """These are the roles given by hand from now on, beside those of the settings."""
        kept = sorted(set(roles) - self.of_settings(person_id))
        if self.granted(person_id) - set(kept):
            drop_codes(self._db, self._all_chats(person_id))
        self._db.execute(
            "UPDATE people SET granted = ? WHERE id = ?", (json.dumps(kept, ensure_ascii=False), person_id)
        )

    def add_address(self, person_id: str, address: str) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO addresses (address, person_id) VALUES (?, ?)", (address.lower(), person_id)
        )

    def remove_address(self, person_id: str, address: str) -> bool:
        """Whether it was a further one of his."""
        removed = self._db.execute(
            "DELETE FROM addresses WHERE address = ? AND person_id = ?", (address.lower(), person_id)
        )
        return removed.rowcount == 1

    def revoke(self, person_id: str, now: int) -> bool:
        """Take all rights: his chats are unknown chats from now on, his codes bind none, and nothing that waits for him
        leaves. Whether he had some."""
        taken = self._db.execute(
            f"UPDATE people SET revoked_at = ?, granted = '[]' WHERE id = ? AND {_ACTIVE}", (now, person_id)
        )
        if taken.rowcount != 1:
            return False
        self._take_back(person_id)
        self._db.execute("DELETE FROM chats WHERE person_id = ?", (person_id,))
        self._db.execute("DELETE FROM addresses WHERE person_id = ?", (person_id,))
        return True

    def unbind(self, person_id: str) -> int:
        """His chats are unknown chats from now on; he keeps his rights, and asks by mail, or is invited again. How
        many."""
        chats = self._all_chats(person_id)
        for chat_id in chats:
            empty_chat(self._db, chat_id)
            self._db.execute("DELETE FROM chats WHERE chat_id = ?", (chat_id,))
        self._forget_codes(person_id)
        return len(chats)

    def _take_back(self, person_id: str) -> None:
        contact = self.by_id(person_id)
        own = {*self.addresses_of(person_id), contact.email.lower() if contact else ""}
        self._forget_codes(person_id)
        take_back(
            self._db,
            person_id,
            self._all_chats(person_id),
            {address for address in own if address and self.by_email(address) is None},
        )

    def _all_chats(self, person_id: str) -> list[int]:
        rows = self._db.execute("SELECT chat_id FROM chats WHERE person_id = ?", (person_id,))
        return [chat_id for (chat_id,) in rows]

    def _new_id(self, name: str) -> str:
        """lea-martin, or lea-martin-2 where that is somebody."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "personne"
        taken = {person_id for (person_id,) in self._db.execute("SELECT id FROM people")}
        number, found = 1, base
        while found in taken:
            number += 1
            found = f"{base}-{number}"
        return found

    # -- chats

    def chats_of(self, person_id: str) -> list[int]:
        """The chats in which this person can be written to."""
        rows = self._db.execute(
            f"SELECT chat_id FROM chats WHERE person_id = (SELECT id FROM people WHERE id = ? AND {_ACTIVE}) "
            "AND dead_at IS NULL ORDER BY chat_id",
            (person_id,),
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

    # -- codes

    def needs_code(self, person_id: str, now: int) -> bool:
        """Whether to mail this person a code unasked: he has rights, no chat that can be written to, and was not mailed
        one lately that he did not use."""
        contact = self.by_id(person_id)
        mailed = self._db.execute(
            "SELECT 1 FROM codes WHERE person_id = ? AND used_at IS NULL AND created_at > ?",
            (person_id, now - CODE_REST),
        ).fetchone()
        return bool(contact and contact.person.roles) and not mailed and not self.chats_of(person_id)

    def new_code(self, person_id: str, now: int) -> str:
        """A one-time code, kept only as a hash, in the place of every other one of this person; to be used in the
        caller's transaction, with the mail that tells it."""
        code = secrets.token_urlsafe(16)
        self._forget_codes(person_id)
        self._db.execute(
            "INSERT INTO codes (hash, person_id, expires_at, created_at) VALUES (?, ?, ?, ?)",
            (_hash(code), person_id, now + CODE_LIFE, now),
        )
        return code

    def _forget_codes(self, person_id: str) -> None:
        self._db.execute("DELETE FROM codes WHERE person_id = ? AND used_at IS NULL", (person_id,))

    def enrol(self, chat_id: int, code: str, now: int) -> Contact | None:
        """Bind a chat to the person whose code this is; None when it is wrong, used, too old or tried too often, or
        when he has no rights any more."""
        with self._db.atomic():
            self._db.execute(
                "INSERT INTO strangers (chat_id, told_at) VALUES (?, 0) ON CONFLICT DO NOTHING", (chat_id,)
            )
            failures, last = self._db.execute(
                "SELECT failures, last_failure_at FROM strangers WHERE chat_id = ?", (chat_id,)
            ).fetchone()
            if failures >= MOST_FAILURES and now - last < PAUSE:
                return None
            row = self._db.execute(
                "SELECT person_id FROM codes WHERE hash = ? AND used_at IS NULL AND expires_at > ?", (_hash(code), now)
            ).fetchone()
            contact = self.by_id(row[0]) if row else None
            if contact is None or not contact.person.roles:
                self._db.execute(
                    "UPDATE strangers SET failures = iif(? - last_failure_at < ?, failures, 0) + 1, "
                    "last_failure_at = ? WHERE chat_id = ?",
                    (now, PAUSE, now, chat_id),
                )
                return None
            self._db.execute("UPDATE codes SET used_at = ? WHERE hash = ?", (now, _hash(code)))
            self._bind(chat_id, contact.person.id, now)
            verify(self._db, contact.email)  # the code was mailed there
        return contact

    def _bind(self, chat_id: int, person_id: str, now: int) -> None:
        former = self._db.execute("SELECT person_id FROM chats WHERE chat_id = ?", (chat_id,)).fetchone()
        if former and former[0] != person_id:
            empty_chat(self._db, chat_id)
        self._db.execute(
            "INSERT OR REPLACE INTO chats (chat_id, person_id, bound_at) VALUES (?, ?, ?)", (chat_id, person_id, now)
        )
        self._db.execute("DELETE FROM strangers WHERE chat_id = ?", (chat_id,))

    def is_paused(self, chat_id: int, now: int) -> bool:
        """Whether this unknown chat tried so many wrong codes that it is not listened to."""
        found = self._db.execute(
            "SELECT 1 FROM strangers WHERE chat_id = ? AND failures >= ? AND last_failure_at > ?",
            (chat_id, MOST_FAILURES, now - PAUSE),
        )
        return found.fetchone() is not None

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

"""What is known of the integrator: said by /profil, else by the settings; and the mailboxes that were proved."""

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlite_utils import Database

from core.profile import NAMES, Name, Profile
from core.settings import Settings

#: A code mailed to an address lives that long (seconds), and for that many wrong guesses.
CODE_LIFE = 2 * 24 * 3600
MOST_FAILURES = 5


@dataclass(frozen=True)
class Pending:
    """An address that waits for the code that was mailed to it, to become a field's value; who asked for it."""

    name: Name
    address: str
    person_id: str


def profile_of(db: Database, settings: Settings) -> Profile:
    """Each field by its newest word: /profil's, unless the settings changed since."""
    named = _of_settings(settings)
    said = {
        name: value
        for name, value, instead_of in db.execute("SELECT name, value, instead_of FROM profile")
        if named.get(name, "") == instead_of
    }
    return Profile(**{name: said.get(name, named.get(name, "")) for name in NAMES})


def set_value(db: Database, settings: Settings, name: Name, value: str) -> None:
    """To be called in the transaction of what follows from it."""
    db.execute(
        "INSERT OR REPLACE INTO profile (name, value, instead_of, at) VALUES (?, ?, ?, ?)",
        (name, value, _of_settings(settings).get(name, ""), int(time.time())),
    )


def forget_outdated(db: Database, settings: Settings) -> None:
    """What the settings overruled stays so when they are changed back: it was not said anew."""
    named = _of_settings(settings)
    with db.atomic():
        for name, instead_of in db.execute("SELECT name, instead_of FROM profile").fetchall():
            if named.get(name, "") != instead_of:
                db.execute("DELETE FROM profile WHERE name = ?", (name,))


def _of_settings(settings: Settings) -> dict[str, str]:
    return {
        "operator_name": settings.operator_name,
        "accounting_email": settings.accounting_email,
        "technical_email": settings.technical_email,
        "technical_contact": settings.technical_contact,
    }


# -- Mailboxes


def is_verified(db: Database, address: str) -> bool:
    return db.execute("SELECT 1 FROM mailboxes WHERE address = ?", (address.lower(),)).fetchone() is not None


def verify(db: Database, address: str) -> None:
    """Somebody reads what is mailed there; in the transaction of what proves it."""
    db.execute("INSERT OR REPLACE INTO mailboxes (address, verified_at) VALUES (?, ?)", (address.lower(), _now()))


def new_code(db: Database, pending: Pending) -> str:
    """A code for this address, which takes the place of one for the same field; in the transaction of its mail."""
    code = f"{secrets.randbelow(10**6):06}"
    db.execute(
        "INSERT OR REPLACE INTO address_codes (name, address, hash, person_id, expires_at) VALUES (?, ?, ?, ?, ?)",
        (pending.name, pending.address, _hash(pending, code), pending.person_id, _now() + CODE_LIFE),
    )
    return code


def pending(db: Database) -> list[Pending]:
    """The addresses whose code can still come back."""
    rows = db.execute(
        "SELECT name, address, person_id FROM address_codes WHERE expires_at > ? AND failures < ? ORDER BY rowid",
        (_now(), MOST_FAILURES),
    )
    return [Pending(*row) for row in rows]


def was_mailed_lately(db: Database, name: Name, address: str, seconds: int) -> bool:
    """Whether a code that nobody guessed at yet went there within the last `seconds`."""
    found = db.execute(
        "SELECT 1 FROM address_codes WHERE name = ? AND lower(address) = lower(?) AND failures = 0 AND expires_at > ?",
        (name, address, _now() + CODE_LIFE - seconds),
    )
    return found.fetchone() is not None


def strike_off(db: Database, name: Name) -> None:
    """No code makes another address of this field any more; in the transaction of what makes it stale."""
    db.execute("DELETE FROM address_codes WHERE name = ?", (name,))


def take_code(db: Database, code: str, address: str = "") -> Pending | None:
    """What a code was mailed for, which counts as used then; None counts against each code that it could have been.

    :param address: where it comes from by mail; "" for codes of all addresses.
    """
    waiting = [it for it in pending(db) if not address or it.address.lower() == address.lower()]
    for it in waiting:
        if _is_of(db, it, code):
            db.execute("UPDATE address_codes SET expires_at = ? WHERE name = ?", (_USED, it.name))
            return it
    if used_code(db, code):
        return None
    for it in waiting:
        db.execute("UPDATE address_codes SET failures = failures + 1 WHERE name = ?", (it.name,))
    return None


def used_code(db: Database, code: str) -> Pending | None:
    """What a code proved already: who says it again, as after a crash that lost the answer, guesses at nothing."""
    rows = db.execute("SELECT name, address, person_id FROM address_codes WHERE expires_at = ?", (_USED,)).fetchall()
    return next((it for row in rows if _is_of(db, it := Pending(*row), code)), None)


#: In the place of the time when a code ends.
_USED = 0


def _is_of(db: Database, of: Pending, code: str) -> bool:
    (kept,) = db.execute("SELECT hash FROM address_codes WHERE name = ?", (of.name,)).fetchone()
    return secrets.compare_digest(kept, _hash(of, code))


def _hash(of: Pending, code: str) -> str:
    return hashlib.sha256(f"{of.name}\n{of.address.lower()}\n{code}".encode()).hexdigest()


def _now() -> int:
    return int(time.time())

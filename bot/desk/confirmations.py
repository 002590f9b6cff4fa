"""What a touch confirms: a code is shown once somebody said that he really wants it, in that chat, within some minutes.

A button that is touched later, or twice, only asks again.
"""

import secrets
import time
from dataclasses import dataclass

from sqlite_utils import Database

from bot.mail.codes import without_codes
from core.vault import Vault, VaultError, is_sealed

#: Begins the data of a button that confirms.
MARK = "!"

#: Seconds in which a touch confirms.
LIFE = 10 * 60


@dataclass(frozen=True)
class Confirmed:
    """`command`: "" when nobody knows any more what was asked; `in_time`: whether the touch confirms it."""

    command: str
    in_time: bool


def data_of(db: Database, vault: Vault, chat_id: int, command: str) -> str:
    """What Telegram is given for the button; to be called in the transaction that writes the message.

    A command that holds a code is kept sealed.

    :raises VaultError: it holds a code, and there is no key.
    """
    token = secrets.token_urlsafe(16)
    if vault.has_key:
        kept = vault.seal(command, _place(token))
    elif without_codes(command) == command:
        kept = command
    else:
        raise VaultError("la clé de chiffrement manque (ORIGYNE_SECRET_KEY)", missing=True)
    db.execute(
        "INSERT INTO confirmations (token, chat_id, command, until) VALUES (?, ?, ?, ?)",
        (token, chat_id, kept, int(time.time()) + LIFE),
    )
    return MARK + token


def read(db: Database, vault: Vault, chat_id: int, data: str) -> Confirmed:
    """What a touched button stands for."""
    token = data.removeprefix(MARK)
    row = db.execute(
        "SELECT command, until FROM confirmations WHERE token = ? AND chat_id = ?", (token, chat_id)
    ).fetchone()
    if row is None:
        return Confirmed("", in_time=False)
    try:
        command = vault.open(row[0], _place(token)) if is_sealed(row[0]) else row[0]
    except VaultError:
        command = ""
    return Confirmed(command, in_time=row[1] > time.time())


def use(db: Database, chat_id: int, data: str) -> None:
    """It confirms nothing more; to be called in the transaction of the answer. What it asked is known for a day, so
    that a second touch asks again."""
    now = int(time.time())
    db.execute(
        "UPDATE confirmations SET until = min(until, ?) WHERE token = ? AND chat_id = ?",
        (now, data.removeprefix(MARK), chat_id),
    )
    db.execute("DELETE FROM confirmations WHERE until < ?", (now - 24 * 3600,))


def _place(token: str) -> str:
    return f"confirmations {token}"

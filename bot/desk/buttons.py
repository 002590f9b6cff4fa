"""What stands behind a button: Telegram keeps 64 bytes for it, what is longer is kept here.

Nothing of it depends on what the bot remembers of a conversation, so that old buttons still answer.
"""

import hashlib
import time
from dataclasses import dataclass

from sqlite_utils import Database

from bot.desk import confirmations
from bot.mail.codes import without_codes
from core.vault import Vault
from handlers.answer import Button

MOST_BYTES = 64

#: Begins the data of a button whose answer takes the place of its message, and of one whose command is kept here.
_IN_PLACE, _KEPT = "~", "#"


@dataclass(frozen=True)
class Pressed:
    """What a touched button asks. `command`: "" when nobody knows it any more; `in_place`: its answer takes the place
    of its message; `confirms`: it confirms, or did; `confirmed`: it does, in time."""

    command: str
    in_place: bool
    confirms: bool = False
    confirmed: bool = False


def data_of(db: Database, vault: Vault, chat_id: int, button: Button) -> str:
    """What Telegram is given; to be called in the transaction that writes the message.

    :raises VaultError: it confirms a command that holds a code, and there is no key.
    """
    mark = _IN_PLACE if button.in_place else ""
    if button.confirms:
        return mark + confirmations.data_of(db, vault, chat_id, button.command)
    data = mark + button.command
    if len(data.encode()) <= MOST_BYTES and not button.command.startswith((_IN_PLACE, _KEPT, confirmations.MARK)):
        return data
    # Words for the staff leave without their codes anyway, and none is kept here in clear.
    command = without_codes(button.command) if button.command.startswith("contact ") else button.command
    token = hashlib.sha256(command.encode()).hexdigest()[:24]
    db.execute(
        "INSERT INTO buttons (token, command, at) VALUES (?, ?, ?) ON CONFLICT (token) DO UPDATE SET at = excluded.at",
        (token, command, int(time.time())),
    )
    return mark + _KEPT + token


def read(db: Database, vault: Vault, chat_id: int, data: str) -> Pressed:
    in_place = data.startswith(_IN_PLACE)
    command = data.removeprefix(_IN_PLACE)
    if command.startswith(confirmations.MARK):
        it = confirmations.read(db, vault, chat_id, command)
        return Pressed(it.command, in_place, confirms=True, confirmed=it.in_time)
    if command.startswith(_KEPT):
        row = db.execute("SELECT command FROM buttons WHERE token = ?", (command.removeprefix(_KEPT),)).fetchone()
        command = row[0] if row else ""
    return Pressed(command, in_place)


def used(db: Database, chat_id: int, data: str) -> None:
    """A button that confirms was answered: it confirms nothing more. In the transaction of the answer."""
    confirmations.use(db, chat_id, data.removeprefix(_IN_PLACE))

"""What stands behind a button: Telegram keeps 64 bytes for it, what is longer is kept here.

Nothing of it depends on what the bot remembers of a conversation, so that old buttons still answer.
"""

import hashlib

from sqlite_utils import Database

from handlers.answer import Button

MOST_BYTES = 64

#: Begins the data of a button whose answer takes the place of its message, and of one whose command is kept here.
_IN_PLACE, _KEPT = "~", "#"


def data_of(db: Database, button: Button) -> str:
    """What Telegram is given; to be called in the transaction that writes the message."""
    mark = _IN_PLACE if button.in_place else ""
    data = mark + button.command
    if len(data.encode()) <= MOST_BYTES and not button.command.startswith((_IN_PLACE, _KEPT)):
        return data
    token = hashlib.sha256(button.command.encode()).hexdigest()[:24]
    db.execute("INSERT OR IGNORE INTO buttons (token, command) VALUES (?, ?)", (token, button.command))
    return mark + _KEPT + token


def read(db: Database, data: str) -> tuple[str, bool]:
    """The command, and whether its answer takes the message's place; "" when nobody knows the button any more."""
    in_place = data.startswith(_IN_PLACE)
    command = data.removeprefix(_IN_PLACE)
    if command.startswith(_KEPT):
        row = db.execute("SELECT command FROM buttons WHERE token = ?", (command.removeprefix(_KEPT),)).fetchone()
        command = row[0] if row else ""
    return command, in_place

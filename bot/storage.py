"""When the disk does not take what must be written: who is told, and how, since the outbox cannot be written then."""

from bot.house import House


class Storage:
    def __init__(self, house: House) -> None:
        self._house = house

    def note(self, error: Exception) -> None:
        """A loop stumbled over this; told if the disk or a store is the cause."""

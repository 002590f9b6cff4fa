"""What a delivery report says: which addresses a mail did not reach, and why."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Undelivered:
    """`status`: as RFC 3463 writes it ("5.1.1"), "" when unknown; `diagnostic`: the server's words, on one line."""

    address: str
    status: str
    action: Literal["failed", "delayed"]
    diagnostic: str


@dataclass(frozen=True)
class Bounce:
    """A delivery report. `message_id`: of our mail, and `envid`: the envelope's own name (RFC 3461); "" when unknown.

    Anybody can write one: whoever acts upon it looks first whether the Message-ID is one of ours.
    """

    recipients: tuple[Undelivered, ...]
    message_id: str
    envid: str

"""One person's INBOX, by IMAP."""

import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import TypeVar

from imap_tools import BaseMailBox

from bot.mail.connection import NETWORK_FAULTS, capabilities_of, leave, open_mailbox
from bot.mail.folder import Folder
from core.settings import MailAccess

#: Bytes of a mail; a sandbox has no larger one.
_MOST = 64 * 1024 * 1024
#: Mails that are kept as they were read: those that somebody looks at.
_KEPT = 6

T = TypeVar("T")

_Open = tuple[BaseMailBox, Folder]


class Inbox:
    """Over one connection, made when it is needed and made anew when it is lost. Every method blocks; threads may share
    it.

    Raises one of `NETWORK_FAULTS`: the server cannot be reached.
    """

    def __init__(self, access: MailAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._kept: dict[int, EmailMessage] = {}

    def uids_above(self, uid: int) -> list[int]:
        """Of the mails that came after one, in their order."""
        found = self._with(lambda folder: folder.search(f"UID {uid + 1}:*"))  # the last one at least, RFC 3501
        return sorted(each for each in found if each > uid)

    def uids_with(self, criteria: str) -> set[int]:
        return self._with(lambda folder: folder.search(criteria))

    def mail(self, uid: int) -> EmailMessage | None:
        """None when there is no such mail."""
        kept = self._kept.get(uid)
        if kept is not None:
            return kept
        raw = self._with(lambda folder: folder.fetch(uid, "BODY.PEEK[]", _MOST))
        if raw is None:
            return None
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        self._kept[uid] = message
        for old in list(self._kept)[:-_KEPT]:
            self._kept.pop(old, None)
        return message

    def mark_seen(self, uid: int) -> None:
        self._with(lambda folder: folder.mark_seen([uid]))

    def leave(self) -> None:
        with self._lock:
            self._drop()

    def _with(self, act: Callable[[Folder], T]) -> T:
        with self._lock:
            if self._open is not None:
                try:
                    self._open[0].client.noop()  # a search finds what the server had told of before it
                    return act(self._open[1])
                except NETWORK_FAULTS:  # lost since: one more try says whether for long
                    self._drop()
            mailbox = open_mailbox(self._access)
            self._open = mailbox, Folder(mailbox, self._access.folder, capabilities_of(mailbox))
            try:
                return act(self._open[1])
            except NETWORK_FAULTS:
                self._drop()
                raise

    def _drop(self) -> None:
        if self._open is not None:
            leave(self._open[0])
            self._open = None

"""The selected folder of a mailbox, by UID commands only, and the folders that its mails are moved to."""

import imaplib
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import cast

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError
from imap_tools.utils import encode_folder

log = logging.getLogger(__name__)

#: UIDs in one command: keeps the line short for servers that limit it.
BATCH = 200


class Folder:
    """`uidvalidity`: 0 where the server does not give it."""

    def __init__(self, mailbox: BaseMailBox, name: str, capabilities: set[str]) -> None:
        self._mailbox = mailbox
        self._capabilities = capabilities
        self._places: dict[str, str] = {}
        self.name = name
        self.uidvalidity = self._told("UIDVALIDITY")
        self._uidnext = self._told("UIDNEXT")

    def next_uid(self) -> int:
        """What the UIDs of later mails are not below, as the folder was selected."""
        return self._uidnext or max(self.search("ALL"), default=0) + 1

    def search(self, criteria: str) -> set[int]:
        self._mailbox.client.untagged_responses.pop("EXISTS", None)
        return {int(uid) for uid in self._mailbox.uids(criteria, charset=None)}

    def news_told(self) -> bool:
        """Whether the server told of new mails since the last search began."""
        return bool(self._mailbox.client.untagged_responses.get("EXISTS"))

    def sizes(self, uids: Sequence[int]) -> Iterator[tuple[int, int]]:
        """(UID, size in bytes) of the mails that still exist, in order."""
        for batch in batches(uids):
            sizes: dict[int, int] = {}
            for line in self._command("FETCH", uid_set(batch), "(UID RFC822.SIZE)"):
                uid, size = _number(b"UID", line), _number(b"RFC822.SIZE", line)
                if uid is not None and size is not None:
                    sizes[uid] = size
            yield from ((uid, sizes[uid]) for uid in batch if uid in sizes)

    def fetch(self, uid: int, part: str, most: int) -> bytes | None:
        """The first `most` bytes of one part of one mail; None if the server gave another mail's, or nothing."""
        data = self._command("FETCH", str(uid), f"(UID {part}<0.{most}>)")
        for position, item in enumerate(data):
            if not isinstance(item, tuple):
                continue
            # The UID stands before the literal on some servers, after it on others.
            after = data[position + 1] if position + 1 < len(data) else b""
            if uid in (_number(b"UID", item), _number(b"UID", after)):
                return bytes(item[1])
        return None

    def mark_seen(self, uids: Sequence[int]) -> None:
        # Neither flag() nor delete(): they expunge, and so erase what other people marked as deleted.
        self._command("STORE", uid_set(uids), "+FLAGS.SILENT", r"(\Seen)")

    def move(self, uids: Sequence[int], target: str) -> None:
        """Move mails, if they are still there; a server that can do so in no safe way leaves them where they are.

        :raises IMAP4.error, ImapToolsError: the target cannot be made, or takes nothing.
        """
        if not self._capabilities & {"MOVE", "UIDPLUS"}:
            return
        place = self.place(target)
        # Moved onto itself it would be a new mail each time.
        if place == self.name or place.upper() == self.name.upper() == "INBOX":
            return
        command = "MOVE" if "MOVE" in self._capabilities else "COPY"
        try:
            self._command(command, uid_set(uids), encode_folder(place))
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            # Somebody may have removed the folder since it was looked for.
            del self._places[target]
            self._command(command, uid_set(uids), encode_folder(self.place(target)))
        if command == "COPY":
            try:
                self.remove(uids)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:  # copied again, they would be there twice
                log.warning("Mails %s were copied and not removed: %s", uid_set(uids), error)

    def remove(self, uids: Sequence[int]) -> None:
        """Erase these mails; where the server cannot expunge them alone (RFC 4315), they are only marked as deleted."""
        self._command("STORE", uid_set(uids), "+FLAGS.SILENT", r"(\Deleted)")
        if "UIDPLUS" in self._capabilities:
            self._command("EXPUNGE", uid_set(uids))

    def place(self, target: str) -> str:
        """A folder's full name, made and subscribed to if need be: names begin where the person's own begin (RFC 2342).

        :raises ImapToolsError: it cannot be made.
        """
        if target not in self._places:
            prefix = self._prefix()
            name = target if target.upper().startswith(prefix.upper()) else prefix + target
            if not self._mailbox.folder.exists(name):
                self._mailbox.folder.create(name)
                with suppress(ImapToolsError):  # it is there, if only for who looks for it
                    self._mailbox.folder.subscribe(name, True)
            self._places[target] = name
        return self._places[target]

    def _prefix(self) -> str:
        if "NAMESPACE" not in self._capabilities:
            return ""
        _, lines = self._mailbox.client.namespace()
        own = re.match(rb'\(\("((?:[^"\\]|\\.)*)"', lines[-1]) if lines and isinstance(lines[-1], bytes) else None
        return re.sub(r"\\(.)", r"\1", own[1].decode("ascii", "replace")) if own else ""

    def _told(self, name: str) -> int:
        """A number that the server told as the folder was selected."""
        _, values = self._mailbox.client.response(name)
        value = values[-1] if values else None
        return int(value) if isinstance(value, bytes) and value.isdigit() else 0

    def _command(self, command: str, *arguments: str | bytes) -> list[object]:
        # imaplib passes bytes through, whatever its annotations say.
        status, data = self._mailbox.client.uid(command, *cast("tuple[str, ...]", arguments))
        if status != "OK":
            raise imaplib.IMAP4.error(f"UID {command}: {status}")
        return list(data)


def uid_set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))


def batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (uids[start : start + BATCH] for start in range(0, len(uids), BATCH))


def _number(name: bytes, item: object) -> int | None:
    text = item[0] if isinstance(item, tuple) else item
    found = re.search(rb"\b" + re.escape(name) + rb" (\d+)", text) if isinstance(text, bytes) else None
    return int(found[1]) if found else None

"""Receiving mail over IMAP: a mail is marked as seen only once it is written down.

imap-tools is synchronous and a connection belongs to one thread: the receiver is that thread.
"""

import imaplib
import logging
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from typing import cast

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError
from imap_tools.utils import encode_folder

from bot.mail.faults import MailError, in_words
from core.settings import MailAccess, tls_context

log = logging.getLogger(__name__)

#: What `on_state` is told once the mailbox is open; anything else it is told is a French sentence about a fault.
CONNECTED = "connecté"

#: A larger mail (in bytes) is not fetched: only its headers are, so that its sender can be answered.
LARGEST = 30 * 1024 * 1024

NETWORK_FAULTS = (OSError, imaplib.IMAP4.error, ImapToolsError, MailError)
NETWORK_SECONDS = 30.0
#: Far below the 29 minutes of RFC 2177: also how soon a link that died without a word is noticed.
IDLE_SECONDS = 5 * 60.0
FIRST_DELAY = 1.0
LONGEST_DELAY = 5 * 60.0
#: A connection that held this long was a good one: the next loss is a new one, not one more.
STEADY_SECONDS = 10.0

#: UIDs in one command: keeps the line short for servers that limit it.
BATCH = 200


@dataclass(frozen=True)
class RawMail:
    """One mail as the server gave it; `truncated`: it was too large, `content` is its headers alone."""

    folder: str
    uidvalidity: int
    uid: int
    content: bytes
    truncated: bool = False


class Receiver(threading.Thread):
    """Hands over each new mail of one folder, waits for more, and reconnects by itself.

    :param known: (folder, UIDVALIDITY) -> the UIDs already written down.
    :param keep: returns once the mail is durably written down. If it raises, the mail stays unseen
        and is handed over again at the next round; the others go on.
    :param on_state: told `CONNECTED`, or a French sentence when the mailbox cannot be read.
    :param poll_seconds: between two looks where the server has no IDLE, or after a mail failed.
    :param handled_folder: where to move mails once written down, if the server can move (RFC 6851).

    The three callables run in this thread.
    """

    def __init__(
        self,
        access: MailAccess,
        known: Callable[[str, int], set[int]],
        keep: Callable[[RawMail], None],
        *,
        on_state: Callable[[str], None] | None = None,
        poll_seconds: float = 60.0,
        handled_folder: str | None = None,
    ) -> None:
        super().__init__(name=f"imap {access.login}", daemon=True)
        self._access = access
        self._known = known
        self._keep = keep
        self._on_state = on_state or (lambda state: None)
        self._poll_seconds = poll_seconds
        self._handled_folder = handled_folder
        self._stopping = threading.Event()
        self._bell, self._bell_heard = socket.socketpair()  # wakes the wait on the server's socket
        self._mailbox: BaseMailBox | None = None
        self._delay = FIRST_DELAY
        self._told = ""

    def stop(self) -> None:
        """End the thread, even amid a silent read; returns after two seconds at most.

        It blocks, and `keep` may need the event loop to return: call it through `asyncio.to_thread`.
        """
        self._stopping.set()
        with suppress(OSError):
            self._bell.send(b"!")
        if self.is_alive():
            self.join(1.0)
        if self.is_alive() and self._mailbox is not None:
            with suppress(OSError):
                # Past the TLS layer, which only its own thread may touch.
                socket.socket.shutdown(self._mailbox.client.sock, socket.SHUT_RDWR)
            self.join(1.0)

    def run(self) -> None:
        with self._bell, self._bell_heard:
            self._serve_until_stopped()

    def _serve_until_stopped(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except NETWORK_FAULTS as error:
                self._lost(str(_mail_error(error, self._access)))
            except Exception as error:  # a thread that dies unseen would lose every later mail
                log.exception("The IMAP receiver stumbled")
                self._lost(f"erreur interne à la réception du courriel ({type(error).__name__}).")

    def _lost(self, sentence: str) -> None:
        if self._stopping.is_set():
            return
        log.warning("IMAP: %s", sentence)
        self._tell(sentence)
        self._stopping.wait(self._delay)
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _tell(self, state: str) -> None:
        if state == self._told:
            return
        self._told = state
        try:
            self._on_state(state)
        except Exception:
            log.exception("Nobody could be told about the state of the mailbox")

    def _serve(self) -> None:
        """One connection, from login to stop(); raises when it is lost."""
        mailbox = _open(self._access)
        self._mailbox = mailbox
        opened = time.monotonic()
        try:
            capabilities = _capabilities(mailbox)
            folder = _Folder(
                mailbox,
                self._access.folder,
                _uidvalidity(mailbox),
                _ready_folder(mailbox, self._handled_folder) if "MOVE" in capabilities else None,
            )
            self._acknowledge_left_over(folder)
            handed_over: set[int] = set()
            while not self._stopping.is_set():
                look = self._take_new(folder, handed_over)
                self._tell(CONNECTED)
                if look.failed:
                    self._stopping.wait(self._poll_seconds)
                elif look.more:
                    continue
                elif "IDLE" in capabilities:
                    self._idle(mailbox)
                else:
                    self._stopping.wait(self._poll_seconds)
        finally:
            if time.monotonic() - opened > STEADY_SECONDS:
                self._delay = FIRST_DELAY
            _leave(mailbox)
            self._mailbox = None

    def _take_new(self, folder: "_Folder", handed_over: set[int]) -> "_Look":
        """Hand over what the ledger does not have."""
        listed = folder.uids("ALL")
        new = sorted(listed - handed_over - self._known(folder.name, folder.uidvalidity))
        taken, failed = 0, False
        for uid, size in folder.sizes(new):
            if self._stopping.is_set():
                break
            truncated = size > LARGEST
            content = folder.fetch(uid, "BODY.PEEK[HEADER]" if truncated else "BODY.PEEK[]")
            if content is None:
                log.warning("Mail %d was listed but not given", uid)
                failed = True
                continue
            try:
                self._keep(RawMail(folder.name, folder.uidvalidity, uid, content, truncated))
            except Exception as error:  # its text may quote the mail: only its kind is logged
                log.error("Mail %d could not be written down (%s)", uid, type(error).__name__)
                failed = True
                continue
            taken += 1
            handed_over.add(uid)
            folder.acknowledge([uid])
        return _Look(failed, more=taken > 0 or folder.count_told() > len(listed))

    def _acknowledge_left_over(self, folder: "_Folder") -> None:
        """Finish what a crash left between writing down and marking."""
        listed = folder.uids("ALL" if folder.move_to else "UNSEEN")
        written = sorted(listed & self._known(folder.name, folder.uidvalidity))
        for batch in _batches(written):
            folder.acknowledge(batch)

    def _idle(self, mailbox: BaseMailBox) -> None:
        """Wait for the server to speak, for `stop`, or for the time to renew."""
        mailbox.idle.start()  # type: ignore[no-untyped-call]
        # Not idle.poll(): it loses half a line that came alone, and takes a dead link for a quiet one.
        # What the server says, or that it is gone, is read below.
        with selectors.DefaultSelector() as selector:
            selector.register(mailbox.client.sock, selectors.EVENT_READ)
            selector.register(self._bell_heard, selectors.EVENT_READ)
            if not _more_was_read(mailbox.client):
                selector.select(IDLE_SECONDS)
        mailbox.idle.stop()  # type: ignore[no-untyped-call]


def check(access: MailAccess) -> str:
    """Log in and open the folder; a French summary.

    :raises MailError: with what to mend.
    """
    try:
        mailbox = _open(access)
        try:
            count = int(mailbox.folder.status(access.folder, ["MESSAGES"])["MESSAGES"])
            idle = "IDLE" in _capabilities(mailbox)
        finally:
            _leave(mailbox)
    except NETWORK_FAULTS as error:
        raise _mail_error(error, access) from error
    news = "annonce les nouveaux messages (IDLE)" if idle else "n'annonce pas les nouveaux messages (pas d'IDLE)"
    return f"IMAP {access.host}:{access.port} : {count} message(s) dans {access.folder} ; le serveur {news}."


def _open(access: MailAccess) -> BaseMailBox:
    """Connect, log in and select the folder."""
    mailbox: BaseMailBox
    if access.tls == "none":
        mailbox = MailBoxUnencrypted(access.host, access.port, timeout=NETWORK_SECONDS)
    elif access.tls == "tls":
        mailbox = MailBox(access.host, access.port, timeout=NETWORK_SECONDS, ssl_context=tls_context(access.ca_file))
    elif access.port == 993:
        raise MailError(f"{access.host}:993 attend tls, non starttls : corriger ORIGYNE_IMAP_TLS.", permanent=True)
    else:
        mailbox = MailBoxStartTls(
            access.host, access.port, timeout=NETWORK_SECONDS, ssl_context=tls_context(access.ca_file)
        )
    try:
        ascii_only = access.login.isascii() and access.password.isascii()
        login = mailbox.login if ascii_only else mailbox.login_utf8
        login(access.login, access.password, initial_folder=None)
        mailbox.folder.set(access.folder)
    except BaseException:
        _leave(mailbox)
        raise
    return mailbox


def _leave(mailbox: BaseMailBox) -> None:
    # LOGOUT, never CLOSE: CLOSE expunges.
    with suppress(*NETWORK_FAULTS):
        mailbox.logout()
    with suppress(OSError):
        mailbox.client.shutdown()


def _mail_error(error: Exception, access: MailAccess) -> MailError:
    where = f"{access.host}:{access.port}"
    match error:
        case MailError():
            return error
        case MailboxLoginError():
            return MailError(
                f"{where} : identifiant ou mot de passe refusé pour {access.login} ; "
                "vérifier ORIGYNE_IMAP_LOGIN et ORIGYNE_IMAP_PASSWORD.",
                permanent=True,
            )
        case MailboxFolderSelectError():
            return MailError(
                f"{where} : le dossier « {access.folder} » ne s'ouvre pas ; vérifier ORIGYNE_IMAP_FOLDER.",
                permanent=True,
            )
    return MailError(in_words(error, access))


def _uidvalidity(mailbox: BaseMailBox) -> int:
    _, values = mailbox.client.response("UIDVALIDITY")
    value = values[-1] if values else None
    if not isinstance(value, bytes):
        raise MailError("Le serveur IMAP ne donne pas UIDVALIDITY : les messages ne peuvent pas être suivis.")
    return int(value)


def _capabilities(mailbox: BaseMailBox) -> set[str]:
    # Asked again after login: before it, a server need not tell all.
    _, lines = mailbox.client.capability()
    return {word.upper() for line in lines if isinstance(line, bytes) for word in line.decode().split()}


def _ready_folder(mailbox: BaseMailBox, name: str | None) -> str | None:
    """The folder, made if need be; None where it cannot be, for mail matters more than its place."""
    if name and not mailbox.folder.exists(name):
        try:
            mailbox.folder.create(name)
        except ImapToolsError as error:
            log.warning("Handled mails stay where they are: %s", error)
            return None
    return name


@dataclass(frozen=True)
class _Look:
    """`more`: look again at once, for mails came meanwhile or may have."""

    failed: bool
    more: bool


@dataclass(frozen=True)
class _Folder:
    """The selected folder, by UID commands only; `move_to`: where handled mails go, if anywhere."""

    mailbox: BaseMailBox
    name: str
    uidvalidity: int
    move_to: str | None

    def uids(self, criteria: str) -> set[int]:
        self.mailbox.client.untagged_responses.pop("EXISTS", None)
        return {int(uid) for uid in self.mailbox.uids(criteria, charset=None)}

    def count_told(self) -> int:
        """How many mails the server told of since the last search, 0 if it did not.

        It tells of a new mail once, in its answer to any command: IDLE would not mention that one again.
        """
        counts = self.mailbox.client.untagged_responses.get("EXISTS") or [b"0"]
        return int(counts[-1]) if isinstance(counts[-1], bytes) else 0

    def sizes(self, uids: Sequence[int]) -> Iterator[tuple[int, int]]:
        """(UID, size in bytes) of the mails that still exist, in order."""
        for batch in _batches(uids):
            sizes: dict[int, int] = {}
            for line in self._command("FETCH", _uid_set(batch), "(UID RFC822.SIZE)"):
                uid, size = _number(b"UID", line), _number(b"RFC822.SIZE", line)
                if uid is not None and size is not None:
                    sizes[uid] = size
            yield from ((uid, sizes[uid]) for uid in batch if uid in sizes)

    def fetch(self, uid: int, part: str) -> bytes | None:
        """The bytes of one part of one mail; None if the server gave another mail's, or nothing."""
        data = self._command("FETCH", str(uid), f"(UID {part})")
        for position, item in enumerate(data):
            if not isinstance(item, tuple):
                continue
            # The UID stands before the literal on some servers, after it on others.
            after = data[position + 1] if position + 1 < len(data) else b""
            if uid in (_number(b"UID", item), _number(b"UID", after)):
                return bytes(item[1])
        return None

    def acknowledge(self, uids: Sequence[int]) -> None:
        """Mark as seen, then move; a refusal is only logged, for the ledger knows these mails already."""
        try:
            # Neither flag() nor delete(): they expunge, and so erase what other people marked as deleted.
            self._command("STORE", _uid_set(uids), "+FLAGS.SILENT", r"(\Seen)")
            if self.move_to:
                self._command("MOVE", _uid_set(uids), encode_folder(self.move_to))
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            log.warning("Mails %s were not marked or moved: %s", _uid_set(uids), error)

    def _command(self, command: str, *arguments: str | bytes) -> list[object]:
        # imaplib passes bytes through, whatever its annotations say.
        status, data = self.mailbox.client.uid(command, *cast("tuple[str, ...]", arguments))
        if status != "OK":
            raise imaplib.IMAP4.error(f"UID {command}: {status}")
        return list(data)


def _number(name: bytes, item: object) -> int | None:
    text = item[0] if isinstance(item, tuple) else item
    found = re.search(rb"\b" + re.escape(name) + rb" (\d+)", text) if isinstance(text, bytes) else None
    return int(found[1]) if found else None


def _uid_set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))


def _batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (uids[start : start + BATCH] for start in range(0, len(uids), BATCH))


def _more_was_read(client: imaplib.IMAP4) -> bool:
    """Whether more came along with the last line: it lies in imaplib's buffer, where select() cannot see it."""
    chunks = getattr(client, "_readbuf", None)  # Python 3.14 and later
    if chunks is not None:
        return any(chunks)
    client.sock.settimeout(0)
    try:
        return bool(cast("BufferedReader", client.file).peek(1))
    except OSError:
        return False
    finally:
        client.sock.settimeout(NETWORK_SECONDS)

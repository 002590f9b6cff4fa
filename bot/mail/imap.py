"""Receiving mail over IMAP: a mail is marked as seen, and moved, only once it was dealt with.

imap-tools is synchronous and a connection belongs to one thread: the receiver is that thread.
"""

import imaplib
import logging
import re
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BufferedReader
from typing import Any, cast

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError

from bot.mail import connection
from bot.mail.bounded import MOST_HEADERS
from bot.mail.connection import NETWORK_FAULTS, capabilities_of, leave, mail_error, open_mailbox
from bot.mail.faults import MailError
from bot.mail.folder import Folder, batches, uid_set
from core.settings import MailAccess

log = logging.getLogger(__name__)

#: What `on_state` is told once the mailbox is open; anything else it is told is a French sentence about a fault.
CONNECTED = "connecté"

#: A larger mail (in bytes) is not fetched: only its headers are, so that its sender can be answered.
LARGEST = 30 * 1024 * 1024

#: A mail of so many bytes is fetched at once; of a larger one, its headers first.
SMALL = 32 * 1024

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")

#: Far below the 29 minutes of RFC 2177: also how soon a link that died without a word is noticed.
IDLE_SECONDS = 5 * 60.0
#: A server that refuses IDLE, or drops the connection in it twice in a row, is polled for so long.
WITHOUT_IDLE_SECONDS = 3600.0
FIRST_DELAY = 1.0
LONGEST_DELAY = 5 * 60.0
#: A connection that held this long was a good one: the next loss is a new one, not one more.
STEADY_SECONDS = 10.0

#: Mails that came longer ago than that, by the server's clock, are not listed when a connection begins: they would be
#: left as they are (`bot.mail.answering.TOO_OLD`, with room for clocks that go wrong).
FIRST_LOOK_DAYS = 7

#: A mail that failed so often is tried again whenever there is another reason to look, and no sooner.
MOST_TRIES = 3

#: Looks in a row at a folder whose server tells of mails that are not there.
MOST_FRUITLESS = 3

#: Seconds after which a folder that could not be filed into is tried again.
FILING_DELAY = 3600.0


@dataclass(frozen=True)
class RawMail:
    """One mail as the server gave it; `truncated`: it was not taken whole, `content` is its headers, or its beginning.
    `most`: bytes that it was allowed."""

    folder: str
    uidvalidity: int
    uid: int
    content: bytes
    truncated: bool = False
    most: int = LARGEST


class NotNow(Exception):
    """A mail is to be left on the server for a while."""


class Receiver(threading.Thread):
    """Hands over each new mail of one folder, files those that were dealt with, and reconnects by itself.

    :param known: (folder, UIDVALIDITY) -> the UIDs already written down.
    :param keep: returns once the mail is durably written down. If it raises, the mail is handed over again later; the
        others go on.
    :param look: the headers of a mail -> the bytes of it that are fetched at most, 0 for these headers alone. `NotNow`
        leaves it on the server for a while.
    :param to_file: (folder, UIDVALIDITY) -> the UIDs to mark as seen, with the folder to move each to: "" for none,
        None to remove it.
    :param filed: (folder, UIDVALIDITY, UIDs) of those that lie where they belong, or are gone.
    :param on_state: told `CONNECTED`, or a French sentence when the mailbox cannot be read.
    :param on_look: told each time that the folder was looked into, or could not be, whether it went well.
    :param seen_until: mails that came up to that day and are marked as seen were dealt with, whatever the ledger knows.
    :param poll_seconds: between two looks where the server has no IDLE, or after a mail failed.

    All callables run in this thread.
    """

    def __init__(
        self,
        access: MailAccess,
        known: Callable[[str, int], set[int]],
        keep: Callable[[RawMail], None],
        *,
        look: Callable[[bytes], int] | None = None,
        to_file: Callable[[str, int], Mapping[int, str | None]] | None = None,
        filed: Callable[[str, int, list[int]], None] | None = None,
        on_state: Callable[[str], None] | None = None,
        on_look: Callable[[bool], None] | None = None,
        seen_until: date | None = None,
        poll_seconds: float = 60.0,
    ) -> None:
        super().__init__(name=f"imap {access.login}", daemon=True)
        self._access = access
        self._known = known
        self._keep = keep
        self._look = look or (lambda headers: LARGEST)
        self._to_file = to_file or (lambda folder, uidvalidity: {})
        self._filed = filed or (lambda folder, uidvalidity, uids: None)
        self._on_state = on_state or (lambda state: None)
        self._on_look = on_look or (lambda went_well: None)
        self._seen_until = seen_until
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._bell, self._bell_heard = socket.socketpair()  # wakes the wait on the server's socket
        self._bell.setblocking(False)
        self._bell_heard.setblocking(False)
        self._mailbox: BaseMailBox | None = None
        self._delay = FIRST_DELAY
        self._told = ""
        self._dropped_in_idle = 0
        self._polls_until = 0.0
        # Folders that could not be filed into, and until when they are let be; None for removals.
        self._unfit: dict[str | None, float] = {}

    def file_now(self) -> None:
        """There is something to file."""
        with suppress(OSError):  # full of rings that were not heard yet, or the thread is at its end
            self._bell.send(b"!")

    def stop(self) -> None:
        """End the thread, even amid a silent read; returns after two seconds at most.

        It blocks, and `keep` may need the event loop to return: call it through `asyncio.to_thread`.
        """
        self._stopping.set()
        self.file_now()
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
                self._lost(str(mail_error(error, self._access)))
            except Exception as error:  # a thread that dies unseen would lose every later mail
                log.exception("The IMAP receiver stumbled")
                self._lost(f"erreur interne à la réception du courriel ({type(error).__name__}).")

    def _lost(self, sentence: str) -> None:
        if self._stopping.is_set():
            return
        log.warning("IMAP: %s", sentence)
        self._on_look(False)
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
        mailbox = open_mailbox(self._access)
        self._mailbox = mailbox
        opened = time.monotonic()
        try:
            capabilities = capabilities_of(mailbox)
            folder = Folder(mailbox, self._access.folder, capabilities)
            if not folder.uidvalidity:
                raise MailError("Le serveur IMAP ne donne pas UIDVALIDITY : les messages ne peuvent pas être suivis.")
            waiting = _Waiting(folder, self._known(folder.name, folder.uidvalidity), self._seen_until)
            fruitless = 0
            while not self._stopping.is_set():
                taken = self._take_new(folder, waiting)
                self._file(folder)
                self._on_look(True)
                self._tell(CONNECTED)
                # It tells of a new mail once, in its answer to any command: IDLE would not mention that one again.
                fruitless = 0 if taken else fruitless + 1
                if (taken or folder.news_told()) and fruitless < MOST_FRUITLESS:
                    continue
                fruitless = 0
                self._wait(mailbox, "IDLE" in capabilities, waiting.again)
        finally:
            if time.monotonic() - opened > STEADY_SECONDS:
                self._delay = FIRST_DELAY
            leave(mailbox)
            self._mailbox = None

    def _take_new(self, folder: Folder, waiting: "_Waiting") -> int:
        """Hand over what the ledger does not have; says how many."""
        taken = 0
        for uid, size in folder.sizes(waiting.list()):
            if self._stopping.is_set():
                break
            try:
                mail = self._fetch(folder, uid, size)
            except NotNow:
                log.warning("Mail %d is left on the server for a while: enough is held", uid)
                waiting.postponed(uid)
                continue
            if mail is None or not self._is_kept(mail):
                waiting.failed(uid)
                continue
            taken += 1
        return taken

    def _fetch(self, folder: Folder, uid: int, size: int) -> RawMail | None:
        """A mail, never more of it than allowed, whatever the server says of its size; None where it was not given.

        :raises NotNow: it is left on the server for a while.
        """
        small = size <= SMALL
        begun = folder.fetch(uid, *(("BODY.PEEK[]", SMALL + 1) if small else ("BODY.PEEK[HEADER]", MOST_HEADERS + 1)))
        if begun is None:
            log.warning("Mail %d was listed but not given", uid)
            return None
        end = _END_OF_HEADERS.search(begun)
        headers = begun[: end.end()] if end else begun
        most = self._most_of(uid, headers)
        if most is None:
            return None
        if most == 0 or LARGEST == most < size:
            return RawMail(folder.name, folder.uidvalidity, uid, headers, True, most)
        content = begun if small and len(begun) <= SMALL else folder.fetch(uid, "BODY.PEEK[]", most + 1)
        if content is None:
            return None
        truncated = len(content) > most
        if truncated:
            content = headers if most == LARGEST else content[:most]
        return RawMail(folder.name, folder.uidvalidity, uid, content, truncated, most)

    def _most_of(self, uid: int, headers: bytes) -> int | None:
        """Bytes of a mail that are fetched; None where that cannot be told.

        :raises NotNow: none yet.
        """
        try:
            return min(self._look(headers), LARGEST)
        except NotNow:
            raise
        except Exception as error:  # its text may quote the mail: only its kind is logged
            log.error("Mail %d could not be looked at (%s)", uid, type(error).__name__)
        return None

    def _is_kept(self, mail: RawMail) -> bool:
        try:
            self._keep(mail)
        except Exception as error:  # as above
            log.error("Mail %d could not be written down (%s)", mail.uid, type(error).__name__)
            return False
        return True

    def _file(self, folder: Folder) -> None:
        """Mark and move what was dealt with. What a folder does not take is marked, and tried again later."""
        by_target: dict[str | None, list[int]] = {}
        for uid, target in sorted(self._to_file(folder.name, folder.uidvalidity).items()):
            by_target.setdefault(target, []).append(uid)
        for target, uids in by_target.items():
            if self._unfit.get(target, 0.0) > time.monotonic():
                continue
            for batch in batches(uids):
                if self._stopping.is_set():
                    return
                try:
                    folder.mark_seen(batch)
                    if target is None:
                        folder.remove(batch)
                    elif target:
                        folder.move(batch, target)
                except imaplib.IMAP4.abort:
                    raise
                except (imaplib.IMAP4.error, ImapToolsError) as error:
                    log.warning("Mails %s were not moved to %r: %s", uid_set(batch), target, error)
                    self._unfit[target] = time.monotonic() + FILING_DELAY
                    break
                self._filed(folder.name, folder.uidvalidity, list(batch))

    def _wait(self, mailbox: BaseMailBox, has_idle: bool, again: bool) -> None:
        """Until the server speaks, `file_now` or `stop` is called, or it is time to look again."""
        if has_idle and time.monotonic() >= self._polls_until:
            try:
                self._idle(mailbox, self._poll_seconds if again else IDLE_SECONDS)
                self._dropped_in_idle = 0
                return
            except _IdleRefusedError as error:
                self._without_idle(f"refuses it ({error})")
            except NETWORK_FAULTS:
                self._dropped_in_idle += 1
                if self._dropped_in_idle > 1:
                    self._without_idle("drops the connection in it")
                raise
        self._listen([], self._poll_seconds)

    def _without_idle(self, why: str) -> None:
        log.warning("The IMAP server offers IDLE and %s: polling for %d minutes", why, WITHOUT_IDLE_SECONDS // 60)
        self._polls_until = time.monotonic() + WITHOUT_IDLE_SECONDS
        self._dropped_in_idle = 0

    def _idle(self, mailbox: BaseMailBox, seconds: float) -> None:
        # Not mailbox.idle: it takes news that come before the answer for a refusal, loses half a line that came alone,
        # and takes a dead link for a quiet one. What the server says, or that it is gone, is read after DONE.
        client: Any = mailbox.client
        tag = client._command("IDLE")
        news = False
        while client._get_response() is not None:
            if refusal := client.tagged_commands.get(tag):
                raise _IdleRefusedError(refusal[0])
            news = True
        if not news and not _more_was_read(mailbox.client):
            self._listen([mailbox.client.sock], seconds)
        client.send(b"DONE\r\n")
        mailbox.consume_until_tagged_response(tag)

    def _listen(self, sockets: Sequence[socket.socket], seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            for each in (*sockets, self._bell_heard):
                selector.register(each, selectors.EVENT_READ)
            selector.select(seconds)
        with suppress(OSError):
            self._bell_heard.recv(4096)


class _IdleRefusedError(Exception):
    """NO or BAD, as the server said it."""


class _Waiting:
    """Which UIDs of a folder are still to be taken, for one connection: those that came lately, when it begins; then
    the later ones, for UIDs only grow (RFC 9051, 2.3.1.1)."""

    def __init__(self, folder: Folder, known: set[int], seen_until: date | None) -> None:
        self._folder = folder
        self._known = known
        self._seen_until = seen_until
        self._next = 0
        self._tries: Counter[int] = Counter()
        self._failed: set[int] = set()

    @property
    def again(self) -> bool:
        """Whether some are to be tried again soon."""
        return any(self._tries[uid] < MOST_TRIES for uid in self._failed)

    def list(self) -> list[int]:
        """To be taken now, in order."""
        if not self._next:
            # Before the search, so that what comes between the two is found by the next one.
            self._next = self._folder.next_uid()
            criteria = _since(datetime.now(UTC).date() - timedelta(days=FIRST_LOOK_DAYS))
            if self._seen_until:
                criteria += f" OR UNSEEN {_since(self._seen_until + timedelta(days=1))}"
            found = self._folder.search(criteria)
        else:
            # "n:*" is never empty: it names the last mail, whose UID may be smaller.
            found = {uid for uid in self._folder.search(f"UID {self._next}:*") if uid >= self._next}
        self._next = max([self._next - 1, *found]) + 1
        listed = sorted((found | self._failed) - self._known)
        self._known |= found
        self._failed.clear()
        return listed

    def failed(self, uid: int) -> None:
        self._tries[uid] += 1
        self.postponed(uid)

    def postponed(self, uid: int) -> None:
        """It was not tried."""
        self._known.discard(uid)
        self._failed.add(uid)


def _since(day: date) -> str:
    return f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}"


#: As in IMAP dates, whatever the locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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
        client.sock.settimeout(connection.NETWORK_SECONDS)

"""From the mirror's copies to the store: one transaction a file holds its rows, its totals and its events."""

import hashlib
import json
import logging
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import copies, events, sealing, sims
from core.copies import MIRROR
from core.folders import folder_of, invoice_of
from core.forgotten import Forgotten
from core.history import History, Unsettled
from core.layouts import Layouts
from core.ledger import File
from core.ledger import file as ledger_file
from core.readers import Reject, Waiting
from core.readers.sims import read_sims
from core.reasons import fit_to_tell
from core.rejects import set_aside
from core.soundness import is_damage
from core.trace import trace
from core.traffic import BILLED, RATED, Traffic
from core.vault import UNKEPT, Vault, VaultError

__all__ = ["MIRROR", "Intake"]

log = logging.getLogger(__name__)

_SOURCES = {"rated_cdrs": RATED, "billed_cdrs": BILLED}
_CDR_EVENTS: dict[int, events.Kind] = {RATED: "rated.arrived", BILLED: "billed.arrived"}

#: Whether a listing dates the card, and not an AccountStatus.
_IS_LISTED = "EXISTS (SELECT 1 FROM files WHERE id = sims.file_id AND folder = 'sims')"

#: What goes of a card with its line (`core.privacy`).
_ERASED_OF_CARDS = ("msisdn", *sims.CODES)

#: The cells of a card, each with the column that says whether the new one takes its place.
_CELLS = {name: name for name in ("imsi", "msisdn", *sims.CODES)} | {"puk_mark": "puk", "puk2_mark": "puk2"}
_IS_NEWER = "(excluded.seen_at, excluded.file_id) >= (seen_at, file_id)"
_STAYS = (
    f"excluded.{{it}} = '' OR ({{it}} NOT IN ('', '{UNKEPT}') AND (NOT {_IS_NEWER} OR excluded.{{it}} = '{UNKEPT}'))"
)
_UPSERT_SIM = (
    f"INSERT INTO sims (iccid, {', '.join(_CELLS)}, seen_at, file_id) VALUES ({', '.join('?' * (len(_CELLS) + 3))}) "
    "ON CONFLICT (iccid) DO UPDATE SET "
    + ", ".join(f"{name} = iif({_STAYS.format(it=it)}, {name}, excluded.{name})" for name, it in _CELLS.items())
    + f", seen_at = iif({_IS_LISTED}, max(seen_at, excluded.seen_at), excluded.seen_at), "
    f"file_id = iif({_IS_LISTED} AND NOT {_IS_NEWER}, file_id, excluded.file_id)"
)

#: Begins the reason of a file whose copy cannot be opened (French).
CLOSED = "la copie gardée ne s'ouvre pas"

_TABLES = (".csv", ".txt", ".csv.gz", ".gz")


class Intake:
    """Reads what the mirror fetched, oldest first. To be used by one process at a time.

    :param shortest: percent of the known lines that an AccountStatus must list, see `core.history`.
    :param vault: seals the codes; without a key none is kept.
    """

    def __init__(self, db: Database, data: Path, shortest: int = 80, vault: Vault | None = None) -> None:
        self._db = db
        self._data = data
        self._vault = vault or Vault()
        self.layouts = Layouts.load(data)
        self._traffic = Traffic(db, data, self.layouts)
        self._history = History(db, data, self.layouts, shortest, self._vault)

    def pending(self, *, retry_waiting: bool = False) -> list[int]:
        """Files to be read, in the order of what they tell; AccountStatus first, for it names the clients.

        When the layouts are others than the last time, files that wait or have rejected rows are tried again.

        Codes that are not kept as they should be are put right first.

        :param retry_waiting: try those that wait in any case; this program may be newer than they are.
        """
        self._settle_codes()
        if retry_waiting:
            with self._db.atomic():
                self._db.execute("UPDATE files SET state = 'retry' WHERE state = 'waiting'")
        if self._layouts_changed():
            with self._db.atomic():
                newest = "(SELECT max(as_of) FROM files WHERE folder = 'account_status')"
                self._db.execute(
                    "UPDATE files SET state = 'retry' WHERE state = 'waiting' OR (state = 'read' AND rejected_rows > 0 "
                    f"AND (folder != 'account_status' OR as_of = {newest}))"
                )
                self._db.execute(
                    "INSERT OR REPLACE INTO marks (name, value) VALUES ('layouts', ?)", (self._layouts_mark(),)
                )
        rows = self._db.execute(
            "SELECT id FROM files WHERE state IN ('fetched', 'retry') "
            "ORDER BY folder != 'account_status', coalesce(as_of, modified_at, 0), path"
        )
        return [file_id for (file_id,) in rows]

    def _settle_codes(self) -> None:
        """Seal what an older store has in clear; when a key is there that was not, read again what only it can keep."""
        sealing.settle(self._db, self._vault)
        if not self._vault.has_key:
            sealing.missed(self._db)
        elif sealing.has_missed(self._db):
            with self._db.atomic():
                listings = self._db.execute("SELECT id, path FROM files WHERE folder = 'sims' AND state = 'read'")
                self._db.conn.executemany(
                    "UPDATE files SET state = 'fetched' WHERE id = ?",
                    [
                        (file_id,)
                        for file_id, path in listings.fetchall()
                        if copies.exists(self._data, path) and not copies.why_closed(self._data, path, self._vault)
                    ],
                )
                self._history.fill_rios()
                sealing.caught_up(self._db)

    def _layouts_changed(self) -> bool:
        return self._layouts_mark() != next(
            (value for (value,) in self._db.execute("SELECT value FROM marks WHERE name = 'layouts'")), ""
        )

    def _layouts_mark(self) -> str:
        return hashlib.sha256(json.dumps(self.layouts.raw, sort_keys=True).encode()).hexdigest()

    def read(self, file_id: int, *, just_came: bool = False) -> bool:
        """Take one file in: everything of it, or a reason to wait. Nothing of it stays half-done.

        :param just_came: no pass has found it unchanged yet.
        :return: False when it is to be read once one has: it might still be being written.
        """
        file = ledger_file(self._db, file_id)
        try:
            with self._db.atomic():
                # The transaction begins with a write, so that it never has to be raised from reading to writing.
                self._db.execute("UPDATE files SET state = 'read', reason = '' WHERE id = ?", (file_id,))
                former = self._forget_rejects(file)
                self._take(file, just_came=just_came)
                self._report_mended(file, former)
                self._db.execute("UPDATE files SET told = version WHERE id = ?", (file_id,))
        except Unsettled:
            log.info("%s lists fewer lines: it is read once it is the same at the next pass", file.path)
            return False
        except Waiting as waiting:
            self._wait(file, str(waiting))
        except FileNotFoundError as gone:
            log.warning("%s is gone: the next pass over the FTP fetches it again", gone.filename)
        except VaultError as error:
            self._wait(file, closed(error))
        except (sqlite3.OperationalError, OSError):
            raise  # disk full, database locked: the file is as good as before, the pass is not
        except Exception as error:
            if is_damage(error):
                raise
            # A fault of ours in one file must not stop the others; the file waits, and is reported.
            log.error("reading %s: %s", file.path, trace(error))
            self._wait(file, f"lecture impossible ({type(error).__name__})")
        return True

    def compress(self) -> None:
        """Keep tables that were read compressed, and files with codes sealed.

        Without a key the newest AccountStatus stays plain, for the next one to compare."""
        newest = self._db.execute(
            "SELECT path FROM files WHERE folder = 'account_status' AND state = 'read' ORDER BY as_of DESC LIMIT 1"
        ).fetchone()
        rows = self._db.execute(
            "SELECT path, folder, state FROM files WHERE folder IN ('account_status', 'rated_cdrs', 'billed_cdrs', "
            "'sims') AND state NOT IN ('fetched', 'retry')"
        )
        for path, folder, state in rows.fetchall():
            if folder in copies.CODED and self._vault.has_key:
                if copies.is_clear(self._data, path):
                    copies.seal(self._data, path, self._vault)
            elif state in ("read", "superseded") and (not newest or path != newest[0]):
                copies.compress(self._data, path)

    def _wait(self, file: File, reason: str) -> None:
        reason = fit_to_tell(file.folder, reason)
        with self._db.atomic():
            self._db.execute("UPDATE files SET state = 'waiting', reason = ? WHERE id = ?", (reason, file.id))
            if file.waited != reason:
                events.write(self._db, "file.waiting", file.id, reason=reason)

    def _tell(self, kind: events.Kind, file: File, **data: Any) -> None:
        """Write an event, unless this version of the file was told before: reading it again is no news."""
        if file.told < file.version:
            events.write(self._db, kind, file.id, **data)

    def _take(self, file: File, *, just_came: bool) -> None:
        folder = folder_of(file.path)
        is_table = file.path.lower().endswith(_TABLES)
        if folder in _SOURCES and is_table:
            self._take_cdrs(file, _SOURCES[folder])
        elif folder == "account_status" and is_table:
            self._report_rejects(file, self._history.take(file, just_came=just_came))
        elif folder == "sims" and is_table:
            self._take_sims(file)
        elif invoice := invoice_of(file.path):
            self._take_invoice(file, invoice.side, invoice.month, invoice.client)
        else:
            self._db.execute("UPDATE files SET state = 'kept' WHERE id = ?", (file.id,))
            if folder != "personalisation":  # what the bot itself put there
                kind: events.Kind = {
                    "documents": "document.arrived",
                    "tariffs": "tariffs.arrived",
                }.get(folder, "other.arrived")  # type: ignore[assignment]
                self._tell(kind, file, replaced=file.version > 1)

    def _take_cdrs(self, file: File, source: int) -> None:
        taken = self._traffic.take(file, source)
        self._tell(
            _CDR_EVENTS[source],
            file,
            rows=taken.rows,
            new=taken.new,
            rejected=len(taken.rejects),
            unknown_types=taken.unknown_types,
            replaced=file.version > 1,
            **({"old": taken.old} if taken.old else {}),
        )
        self._report_rejects(file, taken.rejects)

    # -- SIM listings and invoices

    def _take_sims(self, file: File) -> None:
        listing = read_sims(copies.content(self._data, file.path, self._vault), self.layouts)
        forgotten = Forgotten.load(self._db)
        for row in listing.rows:
            erased = _ERASED_OF_CARDS if forgotten.has_card(row["iccid"]) else ()
            self._upsert_sim(file, {**row, **dict.fromkeys(erased, "")})
        self._db.execute(
            "UPDATE files SET rows = ?, rejected_rows = ? WHERE id = ?",
            (len(listing.rows), len(listing.rejects), file.id),
        )
        self._tell("sims.arrived", file, cards=len(listing.rows), replaced=file.version > 1)
        self._report_rejects(file, listing.rejects)

    def _upsert_sim(self, file: File, row: dict[str, str]) -> None:
        """The newest file that gives a cell has the word, in whatever order they are read; but a code that could not be
        kept gives way to any that is.

        The card is dated by the newest listing that names it, however new the AccountStatus that named it before.
        """
        card = row["iccid"]
        sealed = {name: self._vault.keep(row[name], sealing.place("sims", card, name)) for name in sims.CODES}
        found = {f"{name}_mark": next(iter(self._vault.marks(row[name])), "") for name in ("puk", "puk2")}
        self._db.execute(
            _UPSERT_SIM,
            (card, row["imsi"], row["msisdn"], *sealed.values(), *found.values(), file.as_of, file.id),
        )

    def _take_invoice(self, file: File, side: str, month: int, client: str) -> None:
        copy = self._db.execute(
            "SELECT 1 FROM invoices JOIN files ON files.id = file_id WHERE sha256 = ? AND file_id != ? AND side = ?",
            (file.sha256, file.id, side),
        ).fetchone()
        self._db.execute(
            "INSERT OR REPLACE INTO invoices (file_id, side, month, client) VALUES (?, ?, ?, ?)",
            (file.id, side, month, client),
        )
        if not copy:
            kind: events.Kind = "invoice.operator" if side == "operator" else "invoice.client"
            self._tell(kind, file, month=month, client=client, replaced=file.version > 1)

    # -- Rows set aside

    def _forget_rejects(self, file: File) -> int:
        """Returns how many they were."""
        return self._db.execute("DELETE FROM rejects WHERE file_id = ?", (file.id,)).rowcount

    def _report_mended(self, file: File, former: int) -> None:
        """Rows that went in at last, since the layouts know more."""
        (left,) = self._db.execute("SELECT count(*) FROM rejects WHERE file_id = ?", (file.id,)).fetchone()
        if file.told >= file.version and left < former:
            events.write(self._db, "file.mended", file.id, entered=former - left, left=left)

    def _report_rejects(self, file: File, rejects: list[Reject]) -> None:
        if not rejects:
            return
        rejects = [replace(reject, reason=fit_to_tell(file.folder, reject.reason)) for reject in rejects]
        set_aside(self._db, file, rejects, self._vault)
        if file.folder == "account_status" and self._told_an_hour_ago(file, rejects):
            return
        first = min(rejects, key=lambda reject: reject.line)
        self._tell("file.rejects", file, count=len(rejects), line=first.line, reason=first.reason)

    def _told_an_hour_ago(self, file: File, rejects: list[Reject]) -> bool:
        """Whether the AccountStatus before this one had the same faults: a bad row comes back every hour."""
        former = self._db.execute(
            "SELECT reason FROM rejects WHERE file_id = (SELECT id FROM files WHERE folder = ? AND state = 'read' "
            "AND as_of < ? ORDER BY as_of DESC LIMIT 1)",
            (file.folder, file.as_of),
        )
        return sorted(reason for (reason,) in former) == sorted(reject.reason for reject in rejects)


def closed(why: VaultError | str) -> str:
    """Why a file waits whose copy cannot be opened (French)."""
    return f"{CLOSED} ({why}) : le fichier est lu au prochain démarrage avec la bonne clé"

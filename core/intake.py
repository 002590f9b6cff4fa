"""From the mirror's copies to the store: one transaction a file holds its rows, its totals and its events."""

import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import events
from core.folders import folder_of, invoice_of
from core.layouts import Layouts, fold
from core.readers import Reject, Waiting
from core.readers.account_status import AccountStatus, read_account_status
from core.readers.cdrs import FIELDS, read_cdrs
from core.readers.sims import read_sims
from core.trace import trace

log = logging.getLogger(__name__)

#: Where the mirror keeps the operator's files, below the data folder.
MIRROR = "ftp"

_SOURCES = {"rated_cdrs": 0, "billed_cdrs": 1}
_CDR_EVENTS: dict[int, events.Kind] = {0: "rated.arrived", 1: "billed.arrived"}


_COLUMNS = ", ".join("client_id" if name == "client" else name for name in FIELDS)
_TOTALS = (
    "SELECT source, month, msisdn, client_id, kind, out_of_bundle, count(*), sum(seconds), sum(bytes), sum(amount)"
)
_BY = "GROUP BY source, month, msisdn, client_id, kind, out_of_bundle"


@dataclass(frozen=True)
class _Taken:
    """What one CDR file gave: `new` rows were not known from another file."""

    rows: int
    new: int
    months: set[int]
    rejects: list[Reject]
    unknown_types: list[str]


@dataclass(frozen=True)
class _File:
    id: int
    path: str
    folder: str
    version: int
    as_of: int
    sha256: str
    waited: str


class Intake:
    """Reads what the mirror fetched, oldest first. To be used by one process at a time."""

    def __init__(self, db: Database, data: Path) -> None:
        self._db = db
        self._data = data
        self.layouts = Layouts.load(data)

    def pending(self, with_waiting: bool) -> list[int]:
        """Files to be read, in the order of what they tell; AccountStatus first, for it names the clients."""
        states = ("fetched", "waiting") if with_waiting else ("fetched", "fetched")
        rows = self._db.execute(
            "SELECT id FROM files WHERE state IN (?, ?) "
            "ORDER BY folder != 'account_status', coalesce(as_of, modified_at, 0), path",
            states,
        )
        return [file_id for (file_id,) in rows]

    def read(self, file_id: int) -> None:
        """Take one file in: everything of it, or a reason to wait. Nothing of it stays half-done."""
        file = self._file(file_id)
        try:
            with self._db.atomic():
                # The transaction begins with a write, so that it never has to be raised from reading to writing.
                self._db.execute("UPDATE files SET state = 'read', reason = '' WHERE id = ?", (file_id,))
                self._db.execute("DELETE FROM rejects WHERE file_id = ?", (file_id,))
                self._take(file)
        except Waiting as waiting:
            self._wait(file, str(waiting))
        except FileNotFoundError as gone:
            log.warning("%s is gone: the next pass over the FTP fetches it again", gone.filename)
        except (sqlite3.OperationalError, OSError):
            raise  # disk full, database locked: the file is as good as before, the pass is not
        except Exception as error:
            # A fault of ours in one file must not stop the others; the file waits, and is reported.
            log.error("reading %s: %s", file.path, trace(error))
            self._wait(file, f"lecture impossible ({type(error).__name__})")

    def _file(self, file_id: int) -> _File:
        row = self._db.execute(
            "SELECT id, path, folder, version, coalesce(as_of, modified_at, fetched_clock), sha256, "
            "CASE state WHEN 'waiting' THEN reason ELSE '' END FROM files WHERE id = ?",
            (file_id,),
        ).fetchone()
        return _File(*row)

    def _wait(self, file: _File, reason: str) -> None:
        with self._db.atomic():
            self._db.execute("UPDATE files SET state = 'waiting', reason = ? WHERE id = ?", (reason, file.id))
            if file.waited != reason:
                events.write(self._db, "file.waiting", file.id, reason=reason)

    def _content(self, path: str) -> bytes:
        return (self._data / MIRROR / path).read_bytes()

    def _take(self, file: _File) -> None:
        folder = folder_of(file.path)
        is_table = file.path.lower().endswith((".csv", ".txt", ".csv.gz", ".gz"))
        if folder in _SOURCES and is_table:
            self._take_cdrs(file, _SOURCES[folder])
        elif folder == "account_status" and is_table:
            self._take_account_status(file)
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
                events.write(self._db, kind, file.id, replaced=file.version > 1)

    # -- CDRs

    def _take_cdrs(self, file: _File, source: int) -> None:
        forgotten = self._forget_cdrs(file, source) if file.version > 1 else set()
        taken = self._insert_cdrs(file, source)
        self._db.execute(
            "UPDATE files SET rows = ?, known_rows = ?, rejected_rows = ?, first_month = ?, last_month = ? "
            "WHERE id = ?",
            (
                taken.rows,
                taken.rows - taken.new,
                len(taken.rejects),
                min(taken.months, default=None),
                max(taken.months, default=None),
                file.id,
            ),
        )
        # Rows that other files also held had been counted once, under the file that is now replaced.
        for other in self._overlapping(file, forgotten) if forgotten else []:
            found = self._insert_cdrs(other, source)
            self._db.execute("UPDATE files SET known_rows = known_rows - ? WHERE id = ?", (found.new, other.id))
        events.write(
            self._db,
            _CDR_EVENTS[source],
            file.id,
            rows=taken.rows,
            new=taken.new,
            rejected=len(taken.rejects),
            unknown_types=taken.unknown_types,
            replaced=file.version > 1,
        )
        self._report_rejects(file, taken.rejects)

    def _insert_cdrs(self, file: _File, source: int) -> _Taken:
        cdrs = read_cdrs(self._content(file.path), self.layouts)
        place, month = FIELDS.index("client"), FIELDS.index("month")
        clients = {name: self._client(name) or 0 for name in dict.fromkeys(row[place] for row in cdrs.rows)}
        rows = ((*row[:place], clients[row[place]], *row[place + 1 :]) for row in cdrs.rows)
        new = self._insert_and_total(file, source, rows)
        return _Taken(len(cdrs.rows), new, {row[month] for row in cdrs.rows}, cdrs.rejects, cdrs.unknown_types)

    def _insert_and_total(self, file: _File, source: int, rows: Iterable[tuple[Any, ...]]) -> int:
        """Insert the rows that no file gave yet, and add them to the totals; returns how many they are."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS arrived AS SELECT * FROM cdrs LIMIT 0")
        self._db.execute("DELETE FROM arrived")
        self._db.conn.executemany(
            f"INSERT INTO arrived (source, file_id, {_COLUMNS}) "
            f"VALUES ({source}, {file.id}, {', '.join('?' * len(FIELDS))})",
            rows,
        )
        self._db.execute(
            "DELETE FROM arrived WHERE EXISTS (SELECT 1 FROM cdrs WHERE (source, month, msisdn, start, id) = "
            "(arrived.source, arrived.month, arrived.msisdn, arrived.start, arrived.id))"
        )
        inserted = self._db.execute(
            f"INSERT INTO cdrs (source, file_id, {_COLUMNS}) SELECT source, file_id, {_COLUMNS} FROM arrived "
            "ORDER BY month, msisdn, start, id"
        )
        self._db.execute(
            f"INSERT INTO usage {_TOTALS} FROM arrived WHERE true {_BY} ON CONFLICT DO UPDATE SET "
            "count = count + excluded.count, seconds = seconds + excluded.seconds, bytes = bytes + excluded.bytes, "
            "amount = coalesce(amount + excluded.amount, amount, excluded.amount)"
        )
        return inserted.rowcount

    def _forget_cdrs(self, file: _File, source: int) -> set[int]:
        first, last = self._db.execute(
            "SELECT coalesce(first_month, 0), coalesce(last_month, 0) FROM files WHERE id = ?", (file.id,)
        ).fetchone()
        where = "source = ? AND month BETWEEN ? AND ?"
        months = {
            month
            for (month,) in self._db.execute(f"SELECT DISTINCT month FROM usage WHERE {where}", (source, first, last))
        }
        self._db.execute(f"DELETE FROM cdrs WHERE {where} AND file_id = ?", (source, first, last, file.id))
        self._db.execute(f"DELETE FROM usage WHERE {where}", (source, first, last))
        self._db.execute(f"INSERT INTO usage {_TOTALS} FROM cdrs WHERE {where} {_BY}", (source, first, last))
        return months

    def _overlapping(self, file: _File, months: set[int]) -> list[_File]:
        rows = self._db.execute(
            "SELECT id FROM files WHERE folder = ? AND state = 'read' AND known_rows > 0 AND id != ? "
            "AND first_month <= ? AND last_month >= ? ORDER BY id",
            (file.folder, file.id, max(months), min(months)),
        )
        return [self._file(file_id) for (file_id,) in rows.fetchall()]

    # -- AccountStatus

    def _take_account_status(self, file: _File) -> None:
        status = read_account_status(self._content(file.path), self.layouts)
        self._db.execute(
            "UPDATE files SET rows = ?, rejected_rows = ? WHERE id = ?",
            (len(status.lines) + len(status.sims), len(status.rejects), file.id),
        )
        self._report_rejects(file, status.rejects)
        newest = self._db.execute("SELECT coalesce(max(seen_at), 0), count(*) FROM lines").fetchone()
        if file.as_of < newest[0]:
            return  # a late copy of an older hour says nothing of the present
        self._compare_lines(file, status, first=newest[1] == 0)
        for row in status.sims:
            self._upsert_sim(file, {**row, "msisdn": ""}, ("imsi", "status", "word"))

    def _compare_lines(self, file: _File, status: AccountStatus, first: bool) -> None:
        known = {
            row["msisdn"]: row
            for row in self._db.query(
                "SELECT lines.*, clients.name AS client FROM lines LEFT JOIN clients ON clients.id = client_id"
            )
        }
        clients = {name: self._client(name) for name in dict.fromkeys(row["client"] for row in status.lines)}
        rows = []
        for row in status.lines:
            msisdn, name = row["msisdn"], row["client"]
            before = known.get(msisdn)
            after: dict[str, Any] = {
                **{field: row[field] for field in ("iccid", "imsi", "status", "word", "plan", "activated_on", "rio")},
                "client_id": clients[name],
                "since": file.as_of,
            }
            if before:
                # A column that this file lacks, or an empty cell, takes nothing away from what is known.
                after = {field: value or before[field] for field, value in after.items()}
                if after["status"] == before["status"]:
                    after["since"] = before["since"]
                for change, old, new in _changes(before, after, name):
                    self._record_change(file, msisdn, name or before["client"] or "", change, old, new)
            elif not first:
                change = "activated" if after["status"] == "active" else "new"
                self._record_change(file, msisdn, name, change, "", after["word"])
            rows.append({**after, "msisdn": msisdn, "seen_at": file.as_of, "file_id": file.id})
        self._db.conn.executemany(
            "INSERT OR REPLACE INTO lines (msisdn, iccid, imsi, client_id, status, word, plan, activated_on, rio, "
            "since, seen_at, file_id) VALUES (:msisdn, :iccid, :imsi, :client_id, :status, :word, :plan, "
            ":activated_on, :rio, :since, :seen_at, :file_id)",
            rows,
        )
        if first and len(status.lines):
            named = len(clients.keys() - {""})
            events.write(self._db, "lines.loaded", file.id, lines=len(status.lines), clients=named)

    def _record_change(self, file: _File, msisdn: str, client: str, change: str, before: str, after: str) -> None:
        self._db.execute(
            "INSERT INTO line_changes (msisdn, at, change, before, after, file_id) VALUES (?, ?, ?, ?, ?, ?)",
            (msisdn, file.as_of, change, before, after, file.id),
        )
        events.write(
            self._db,
            f"line.{change}",  # type: ignore[arg-type]
            file.id,
            msisdn=msisdn,
            client=client,
            before=before,
            after=after,
            at=file.as_of,
        )

    def _client(self, name: str) -> int | None:
        folded = fold(name)
        if not folded:
            return None
        found = self._db.execute("SELECT id FROM clients WHERE folded = ?", (folded,)).fetchone()
        if found:
            return int(found[0])
        cursor = self._db.execute("INSERT INTO clients (name, folded) VALUES (?, ?)", (name, folded))
        return cursor.lastrowid

    # -- SIM listings and invoices

    def _take_sims(self, file: _File) -> None:
        listing = read_sims(self._content(file.path), self.layouts)
        for row in listing.rows:
            self._upsert_sim(file, row, ("imsi", "msisdn", "pin", "puk", "pin2", "puk2"))
        self._db.execute(
            "UPDATE files SET rows = ?, rejected_rows = ? WHERE id = ?",
            (len(listing.rows), len(listing.rejects), file.id),
        )
        events.write(self._db, "sims.arrived", file.id, cards=len(listing.rows), replaced=file.version > 1)
        self._report_rejects(file, listing.rejects)

    def _upsert_sim(self, file: _File, row: dict[str, str], fields: tuple[str, ...]) -> None:
        names = ("iccid", *fields, "seen_at", "file_id")
        updates = ", ".join(f"{name} = iif(excluded.{name} = '', {name}, excluded.{name})" for name in fields)
        self._db.execute(
            f"INSERT INTO sims ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
            f"ON CONFLICT (iccid) DO UPDATE SET {updates}, seen_at = excluded.seen_at, file_id = excluded.file_id",
            (row["iccid"], *(row[name] for name in fields), file.as_of, file.id),
        )

    def _take_invoice(self, file: _File, side: str, month: int, client: str) -> None:
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
            events.write(self._db, kind, file.id, month=month, client=client, replaced=file.version > 1)

    def _report_rejects(self, file: _File, rejects: list[Reject]) -> None:
        if not rejects:
            return
        self._db.conn.executemany(
            "INSERT OR REPLACE INTO rejects (file_id, line, reason, content) VALUES (?, ?, ?, ?)",
            [(file.id, reject.line, reject.reason, reject.content) for reject in rejects],
        )
        if file.folder == "account_status" and self._told_an_hour_ago(file, rejects):
            return
        first = min(rejects, key=lambda reject: reject.line)
        events.write(self._db, "file.rejects", file.id, count=len(rejects), line=first.line, reason=first.reason)

    def _told_an_hour_ago(self, file: _File, rejects: list[Reject]) -> bool:
        """Whether the AccountStatus before this one had the same faults: a bad row comes back every hour."""
        former = self._db.execute(
            "SELECT reason FROM rejects WHERE file_id = (SELECT id FROM files WHERE folder = ? AND state = 'read' "
            "AND as_of < ? ORDER BY as_of DESC LIMIT 1)",
            (file.folder, file.as_of),
        )
        return sorted(reason for (reason,) in former) == sorted(reject.reason for reject in rejects)


def _changes(before: dict[str, Any], after: dict[str, Any], client: str) -> list[tuple[str, str, str]]:
    """What changed on a line: (change, before, after), the words being the operator's own."""
    found = []
    if before["status"] != after["status"] or (after["status"] == "unknown" and before["word"] != after["word"]):
        found.append((_transition(before["status"], after["status"]), before["word"], after["word"]))
    if before["iccid"] and before["iccid"] != after["iccid"]:
        found.append(("sim", before["iccid"], after["iccid"]))
    if before["client_id"] and before["client_id"] != after["client_id"]:
        found.append(("client", before["client"], client))
    if before["plan"] and before["plan"] != after["plan"]:
        found.append(("plan", before["plan"], after["plan"]))
    return found


def _transition(before: str, after: str) -> str:
    if after == "active":
        return "resumed" if before.startswith("suspended") else "activated"
    if after.startswith("suspended") and not before.startswith("suspended"):
        return "suspended"
    return "terminated" if after == "terminated" else "status"

"""AccountStatus files against the present state of the lines: what changed, on which line, and from when.

The lines and their changes are what the read files give in the order of what they tell (`as_of`, then path), in
whatever order they come. A file that looks cut short changes nothing and waits for a person's word.
"""

import csv
import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlite_utils import Database

from core import copies, events, ledger, numbers
from core.clients import client_id
from core.delta import Delta, delta, is_regular, plain_text, rows_begin
from core.forgotten import Forgotten
from core.layouts import Layouts, fold
from core.ledger import File
from core.readers import Reject, Waiting
from core.readers.account_status import REPEATED, AccountStatus, Row, read_account_status
from core.readers.sheet import Sheet, read_sheet
from core.rejects import of_file, set_aside
from core.sealing import place
from core.vault import UNKEPT, Vault, VaultError, is_sealed

log = logging.getLogger(__name__)

#: The row of `marks` that says which files the present state of the lines comes from.
MARK = "lines"

#: A file with more rejected rows than that is not searched for the lines that they hide.
_MOST_REJECTS = 1000

#: How many files back the state of a card is looked for, in the rare case that it must: a week of hours.
_MOST_FILES_FOR_CARDS = 72

#: Says in `line_changes` that there was, or is, a RIO: itself a credential, it stands in `lines` only.
_KNOWN_RIO = "connu"

#: Changes of what a line is, and the column of `lines` that each of them is about.
_STATUS_CHANGES = ("new", "activated", "suspended", "resumed", "terminated", "status")
_COLUMNS = {"sim": "iccid", "plan": "plan", "options": "options", "imsi": "imsi", "activation": "activated_on"}

#: The key of a file in the order of what the files tell.
_KEY = "(coalesce(as_of, modified_at, fetched_clock), path)"

#: What a person may do with a doubtful file; its reason says so, and is known by it.
_ACCEPT = "origyne-bot accept"
_SUPERSEDED = "un état plus récent a été pris depuis : il n'y a plus rien à décider"


_IS_OLDER = """EXISTS (
    SELECT 1 FROM files WHERE id = sims.file_id AND folder = 'account_status' AND (:at, :path) < (sims.seen_at, path)
)"""
_WRITE_SIM = f"""
INSERT INTO sims (iccid, imsi, status, word, seen_at, file_id) VALUES (:iccid, :imsi, :status, :word, :at, :file)
ON CONFLICT (iccid) DO UPDATE SET
    imsi = iif(excluded.imsi = '', imsi, excluded.imsi),
    status = excluded.status,
    word = excluded.word,
    seen_at = iif({_IS_OLDER}, excluded.seen_at, seen_at),
    file_id = iif({_IS_OLDER}, excluded.file_id, file_id)
WHERE (status, word) != (excluded.status, excluded.word) OR excluded.imsi NOT IN ('', imsi) OR {_IS_OLDER}
"""


class Unsettled(Exception):
    """It came in this very pass and no longer lists some lines: whole, or still being written up to a row's end?"""


class Doubtful(Waiting):
    """The file can be read, and looks cut short: a person may say that it is right."""


class Known(NamedTuple):
    """A line as the store has it, but for its RIO: opened, or as it is where no key of ours opens it."""

    msisdn: str
    iccid: str
    imsi: str
    client_id: int | None
    status: str
    word: str
    plan: str
    options: str
    activated_on: str
    rio: str
    since: int
    gone_at: int | None
    file_id: int


_RIO = Known._fields.index("rio")

Key = tuple[int, str]


@dataclass(frozen=True)
class _Mark:
    """Which files the state comes from. `first_…`: the one before all others, whose lines have no change of their own
    (0 as long as none has lines); `file`, `version`, `as_of`, `path`: the newest one. `lines`: how many it lists.

    `odd`: it left lines unseen that it may list, lists some more than once, or has rows that do not stand on a line
    each; the next file is then read whole.
    `layouts`: what it was read with.
    """

    first_file: int
    first_as_of: int
    first_path: str
    file: int
    version: int
    as_of: int
    path: str
    lines: int
    odd: bool
    layouts: str


@dataclass(frozen=True)
class _Change:
    msisdn: str
    change: str
    before: str
    after: str


@dataclass
class _Found:
    """What a file shows. `status`: its rows, without those that are as in the former file; `known`: the lines of the
    store that these are about; `missing`: lines that are presently listed, and of which it has no good row."""

    status: AccountStatus
    known: dict[str, Known]
    missing: list[str]
    listed: int
    lines: int
    sims: int
    repeated: bool


@dataclass(frozen=True)
class _Former:
    """The file that the present state comes from."""

    sha256: str
    rejects: list[Reject]
    sims: int

    def again(self, lines: int) -> _Found:
        """The same bytes once more: nothing changed."""
        return _Found(AccountStatus([], [], self.rejects), {}, [], lines, lines, self.sims, repeated=False)


class History:
    """Takes AccountStatus files, within the caller's transaction.

    :param shortest: percent of the lines presently listed that a file must list as well; 0 to take any.
    :param vault: seals the RIOs; without a key none is kept.
    """

    def __init__(
        self,
        db: Database,
        data: Path,
        layouts: Layouts,
        shortest: float,
        vault: Vault | None = None,
        *,
        whole: bool = False,
    ) -> None:
        self._db = db
        self._data = data
        self._vault = vault or Vault()
        self._layouts = layouts
        self._shortest = shortest
        self._whole = whole  # read every file whole, as tests do to compare
        self._layouts_hash = hashlib.sha256(json.dumps(layouts.raw, sort_keys=True).encode()).hexdigest()
        self._may_grow = False
        self._told_before: set[_Change] = set()  # of this very file, at its former version
        self._old_news: tuple[int, bool] | None = None
        self._clients: dict[int | None, str] = {}

    def take(self, file: File, *, just_came: bool = False) -> list[Reject]:
        """Bring the lines to what this file says, and those after it where it comes late; returns its rejected rows.

        :param just_came: no pass has found it unchanged yet; if it is the newest, it may be read later.
        :raises Waiting: it cannot be read, or looks cut short; the caller undoes what was done.
        :raises Unsettled: it is to be read once a pass found it unchanged.
        """
        self._told_before, self._old_news = set(), None
        self._may_grow = just_came and file.accepted < file.version and self._is_newest(file)
        mark = self._mark()
        if mark is None or (mark.as_of, mark.path) < _key(file):
            rejects = self._compare(file, mark)
            if waiting := self._later(file):
                self._take_again(waiting)  # what was too short beside the state before may not be beside this one
            self._supersede()
            return rejects
        later = self._later(file)
        try:
            with self._db.atomic():
                self._rewind(file, mark)
                rejects = self._compare(file, None)
                self._take_again(later)
        except Doubtful:
            if not any(state == "read" for _, state in later):
                raise
            # What it would have said of its hour matters less than a person's time.
            self._db.execute("UPDATE files SET state = 'superseded', reason = ? WHERE id = ?", (_SUPERSEDED, file.id))
            return []
        self._supersede()
        return rejects

    # -- One file

    def _compare(self, file: File, mark: _Mark | None) -> list[Reject]:
        """:param mark: None when the state is not that of a file, but of what was rewound to."""
        self._clients = {}  # of a transaction that may have been undone
        former = self._former(mark) if mark else None
        if mark and former and former.sha256 == file.sha256:
            found = former.again(mark.lines)
            self._write_rows(file, found)
            self._remember(file, found.lines, first=False, odd=False)
            return found.status.rejects
        content = plain_text(copies.content(self._data, file.path, self._vault))
        first = not self._db.execute("SELECT EXISTS (SELECT 1 FROM lines)").fetchone()[0]
        if _is_blank(content):
            sheet, regular = None, True
            if file.accepted < file.version:
                raise self._doubt(file, "le fichier est vide", self._listed())
            found = self._whole_file(AccountStatus([], [], []))
        else:
            if content.startswith(b"\x1f\x8b") and file.accepted < file.version and (listed := self._listed()):
                raise self._doubt(file, "l'archive gzip est abîmée", listed)
            if b"\n" not in content and file.accepted < file.version and (listed := self._listed()):
                raise self._doubt(file, "le fichier s'arrête dans sa première ligne", listed)
            sheet = read_sheet(content, self._layouts)
            quick = self._difference(content, mark, former) if mark and former and not first else None
            found = quick or self._whole_file(read_account_status(content, self._layouts))
            regular = quick is not None or _is_regular(content, sheet, self._layouts)
        if file.accepted < file.version:
            self._check(file, content, sheet, found)
        whole = regular or (sheet is not None and _has_whole_rows(content, sheet, found, self._layouts))
        hidden = self._hidden(sheet, found) if whole else None
        gone = [found.known[msisdn] for msisdn in found.missing if hidden is not None and msisdn not in hidden]
        if gone and self._may_grow:
            raise Unsettled
        self._write_lines(file, found, gone, first=first)
        for row in found.status.sims:
            self._write_sim(file, row)
        self._write_rows(file, found)
        odd = found.repeated or not regular or len(gone) < len(found.missing)
        self._remember(file, found.lines, first=first and found.lines > 0, odd=odd)
        return found.status.rejects

    def _write_rows(self, file: File, found: _Found) -> None:
        self._db.execute(
            "UPDATE files SET rows = ?, rejected_rows = ? WHERE id = ?",
            (found.lines + found.sims, len(found.status.rejects), file.id),
        )

    def _whole_file(self, status: AccountStatus) -> _Found:
        known = {line.msisdn: line for line in self._known("")}
        present = {row["msisdn"] for row in status.lines}
        listed = [line.msisdn for line in known.values() if line.gone_at is None]
        cards = [row["iccid"] for row in status.sims]
        return _Found(
            status,
            known,
            sorted(msisdn for msisdn in listed if msisdn not in present),
            len(listed),
            len(status.lines),
            len(status.sims),
            len(set(cards)) < len(cards) or any(reject.reason == REPEATED for reject in status.rejects),
        )

    def _former(self, mark: _Mark) -> "_Former | None":
        """The file that the state comes from; None when the next one must be read whole."""
        if self._whole or mark.odd or not mark.lines or mark.layouts != self._layouts_hash:
            return None
        former = self._db.execute(
            "SELECT sha256, rows, rejected_rows FROM files WHERE id = ? AND version = ? AND state = 'read'",
            (mark.file, mark.version),
        ).fetchone()
        if former is None:
            return None
        digest, rows, rejected_rows = former
        rejects = of_file(self._db, ledger.file(self._db, mark.file), self._vault)
        if len(rejects) != rejected_rows:
            return None
        return _Former(digest, rejects, rows - mark.lines)

    def _difference(self, content: bytes, mark: _Mark, former: "_Former") -> _Found | None:
        """The same as `_whole_file`, from the rows that changed since the former file; None when it must be that."""
        rejects, sims = former.rejects, former.sims
        try:
            former_content = plain_text(copies.content(self._data, mark.path, self._vault))
        except (FileNotFoundError, VaultError):
            return None
        change = delta(former_content, content, [reject.line for reject in rejects], self._layouts)
        if change is None:
            return None
        added, removed = change.added, change.removed
        came = {row["msisdn"] for row in added.lines}
        went = {row["msisdn"] for row in removed.lines}
        known = {line.msisdn: line for line in self._known_among(came | went)}
        if self._may_be_repeated(change, came, went, known):
            return None
        return _Found(
            added,
            known,
            sorted(went - came),
            mark.lines,
            mark.lines - len(removed.lines) + len(added.lines),
            sims - len(removed.sims) + len(added.sims),
            repeated=False,
        )

    def _may_be_repeated(self, change: Delta, came: set[str], went: set[str], known: dict[str, Known]) -> bool:
        """Whether a line or a card of the added rows may also stand in a row that did not change."""
        if any(reject.reason == REPEATED for reject in change.added.rejects):
            return True
        if any(msisdn in known and known[msisdn].gone_at is None for msisdn in came - went):
            return True
        cards = [row["iccid"] for row in change.added.sims]
        if len(set(cards)) < len(cards):
            return True
        before = {row["iccid"] for row in change.removed.sims}
        return any(
            self._db.execute("SELECT 1 FROM sims WHERE iccid = ? AND status != ''", (iccid,)).fetchone()
            for iccid in cards
            if iccid not in before
        )

    def _known(self, where: str, values: Sequence[str] = ()) -> Iterator[Known]:
        rows = self._db.execute(f"SELECT {', '.join(Known._fields)} FROM lines {where}", values)
        return (Known._make((*row[:_RIO], self._opened(row), *row[_RIO + 1 :])) for row in rows.fetchall())

    def _opened(self, row: Sequence[Any]) -> str:
        """Its RIO, sealed where no key of ours opens it."""
        if not row[_RIO] or not self._vault.has_key:
            return str(row[_RIO])
        try:
            return self._vault.open(row[_RIO], _rio_place(row[0]))
        except VaultError:
            return str(row[_RIO])

    def _known_among(self, numbers_: Iterable[str]) -> Iterator[Known]:
        wanted = sorted(numbers_)
        for begin in range(0, len(wanted), 500):
            some = wanted[begin : begin + 500]
            yield from self._known(f"WHERE msisdn IN ({', '.join('?' * len(some))})", some)

    def _listed(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM lines WHERE gone_at IS NULL").fetchone()[0])

    # -- Files that look cut short

    def _check(self, file: File, content: bytes, sheet: Sheet | None, found: _Found) -> None:
        """:raises Doubtful: the file is cut, has no row, or lists far fewer lines than are known."""
        if sheet and (cut := _cut_row(content, sheet)):
            raise self._doubt(file, f"le fichier s'arrête au milieu d'une rangée ({cut})", found.listed, found)
        if not found.listed:
            return
        if not (found.lines or found.sims or found.status.rejects):
            raise self._doubt(file, "le fichier n'a que son en-tête", found.listed, found)
        if (found.listed - len(found.missing)) * 100 < self._shortest * found.listed:
            raise self._doubt(
                file, f"le fichier a perdu plus de {100 - self._shortest:g} % des lignes", found.listed, found
            )

    def _doubt(self, file: File, what: str, listed: int, found: _Found | None = None) -> Doubtful:
        told = f"{listed - len(found.missing)} de ces lignes s'y trouvent" if found else "aucune ne s'y trouve"
        rejected = _unreadable(len(found.status.rejects)) if found else ""
        return Doubtful(
            f"{what} : {listed} lignes étaient connues, {told}{rejected}. Rien n'a été changé. "
            f'Si ce fichier est juste : {_ACCEPT} "{file.path}" ; sinon ne rien faire, '
            "le prochain fichier entier sera pris de lui-même."
        )

    def _hidden(self, sheet: Sheet | None, found: _Found) -> set[str] | None:
        """The lines that are missing only because their rows were rejected; None: any of those missing may be."""
        if not found.missing or sheet is None:
            return set()
        if len(found.status.rejects) > _MOST_REJECTS:
            return None
        hidden: set[str] = set()
        for reject in found.status.rejects:
            named = self._lines_named(reject, sheet)
            # Its line cannot be told, so it may be any of those missing: none of them is known to be gone.
            if named is None:
                return None
            hidden |= named
        return hidden

    def _lines_named(self, reject: Reject, sheet: Sheet) -> set[str] | None:
        """The lines that a rejected row is about; None when it does not tell, or may be about several."""
        if "\n" in reject.content or "\r" in reject.content:
            return None
        try:
            cells = next(csv.reader([reject.content], delimiter=sheet.separator, skipinitialspace=True), [])
        except csv.Error:
            return None
        if len(cells) > sheet.width:
            return None  # perhaps two rows whose line end was lost
        if len(cells) < sheet.width:
            named = [line for cell in cells for line in (*self._of_number(cell), *self._of_card(cell))]
            return set(named) or None
        places = {name: place for name, (place, _) in sheet.columns.items()}
        of_card = set(self._of_card(cells[places["iccid"]])) if "iccid" in places else set()
        if "msisdn" in places:
            try:
                return {numbers.msisdn(cells[places["msisdn"]]), *of_card}
            except numbers.NumberError:
                pass
        return of_card or None

    def _of_number(self, cell: str) -> list[str]:
        try:
            return [line.msisdn for line in self._known("WHERE msisdn = ?", [numbers.msisdn(cell)])]
        except numbers.NumberError:
            return []

    def _of_card(self, cell: str) -> list[str]:
        try:
            return [line.msisdn for line in self._known("WHERE iccid = ?", [numbers.iccid(cell)])]
        except numbers.NumberError:
            return []

    # -- Changes

    def _write_lines(self, file: File, found: _Found, gone: list[Known], *, first: bool) -> None:
        ids = self._client_ids(row["client"] for row in found.status.lines)
        lines: list[Known] = []
        changes: list[tuple[_Change, int | None]] = []  # and the client's id
        forgotten = Forgotten.load(self._db)
        for whole_row in found.status.lines:
            row = forgotten.bare(whole_row, file.as_of)
            client = ids[row["client"]]
            before = found.known.get(row["msisdn"])
            if before is None:
                lines.append(_new_line(row, client, file))
                if not first:
                    kind = "activated" if row["status"] == "active" else "new"
                    changes.append((_Change(row["msisdn"], kind, "", row["word"]), client))
            elif (after := self._after(before, row, client, file)) != before:
                lines.append(after._replace(file_id=file.id))
                changes += [(change, after.client_id) for change in _changes(before, after, self._client)]
        for line in gone:
            lines.append(line._replace(gone_at=file.as_of, file_id=file.id))
            changes.append((_Change(line.msisdn, "vanished", line.word, ""), line.client_id))
        changes = [(it, of) for it, of in changes if not forgotten.is_old_state(it.msisdn, file.as_of)]
        self._put(lines)
        self._db.conn.executemany(
            "INSERT INTO line_changes (msisdn, at, change, before, after, file_id) VALUES (?, ?, ?, ?, ?, ?)",
            [(it.msisdn, file.as_of, it.change, it.before, it.after, file.id) for it, _ in changes],
        )
        if first and lines:
            named = len({line.client_id for line in lines} - {None})
            self._tell(file, [("lines.loaded", {"lines": len(lines), "clients": named})])
        news = [(change, client) for change, client in changes if _is_news(change) and change not in self._told_before]
        self._tell(file, [self._event(file, change, client) for change, client in news])

    def _after(self, before: Known, row: Row, client: int | None, file: File) -> Known:
        if before.rio and not self._vault.has_key:
            row = {**row, "rio": ""}  # whether it is another one cannot be told
        return _after(before, row, client, file)

    def _event(self, file: File, change: _Change, client: int | None) -> tuple[events.Kind, dict[str, Any]]:
        data = {
            "msisdn": change.msisdn,
            "client": self._client(client),
            "before": change.before,
            "after": change.after,
            "at": file.as_of,
        }
        return f"line.{change.change}", data  # type: ignore[return-value]

    def _put(self, lines: Iterable[Known]) -> None:
        self._db.conn.executemany(
            f"INSERT OR REPLACE INTO lines ({', '.join(Known._fields)}) VALUES ({', '.join('?' * len(Known._fields))})",
            [line._replace(rio=self._sealed(line.rio, line.msisdn)) for line in lines],
        )

    def _sealed(self, rio: str, msisdn: str) -> str:
        return rio if is_sealed(rio) else self._vault.keep(rio, _rio_place(msisdn))

    def _client_ids(self, names: Iterable[str]) -> dict[str, int | None]:
        known = {name: number for number, name in self._db.execute("SELECT id, name FROM clients")}
        return {name: known.get(name) or client_id(self._db, name) for name in dict.fromkeys(names)}

    def _client(self, number: int | None) -> str:
        if number not in self._clients:
            row = self._db.execute("SELECT name FROM clients WHERE id = ?", (number,)).fetchone()
            self._clients[number] = row[0] if row else ""
        return self._clients[number]

    def _write_sim(self, file: File, row: Row) -> None:
        """A card without line. Files come in order here, so the last one has the word on its state; the time and file
        are those of the first that names the card, unless a listing of cards does."""
        self._db.execute(_WRITE_SIM, {**row, "at": file.as_of, "file": file.id, "path": file.path})

    def _tell(self, file: File, found: list[tuple[events.Kind, dict[str, Any]]]) -> None:
        """Write events, unless this version of the file was told before: reading it again is no news."""
        if found and file.told < file.version and not self._is_old_news(file):
            events.write_all(self._db, file.id, found)

    def _is_old_news(self, file: File) -> bool:
        """Whether a file after it was told: what still holds of a late file was told with that one."""
        if self._old_news is None or self._old_news[0] != file.id:
            later = self._db.execute(
                "SELECT 1 FROM files WHERE folder = 'account_status' AND told >= version AND id != ? "
                f"AND {_KEY} > (?, ?) LIMIT 1",
                (file.id, *_key(file)),
            ).fetchone()
            self._old_news = (file.id, later is not None)
        return self._old_news[1]

    # -- Order

    def _is_newest(self, file: File) -> bool:
        """Whether nothing of a later hour came yet, read or not."""
        later = self._db.execute(
            f"SELECT 1 FROM files WHERE folder = 'account_status' AND id != ? AND {_KEY} > (?, ?) LIMIT 1",
            (file.id, *_key(file)),
        )
        return later.fetchone() is None

    def _later(self, file: File) -> list[tuple[int, str]]:
        """The files after it that were read or wait, in order, with their states."""
        return self._db.execute(
            "SELECT id, state FROM files WHERE folder = 'account_status' AND id != ? "
            f"AND state IN ('read', 'waiting', 'superseded') AND {_KEY} > (?, ?) "
            "ORDER BY coalesce(as_of, modified_at, fetched_clock), path",
            (file.id, *_key(file)),
        ).fetchall()

    def _rewind(self, file: File, mark: _Mark) -> None:
        """Bring the lines back to what they were before this file and all after it."""
        if not mark.first_file or _key(file) <= (mark.first_as_of, mark.first_path):
            for table in ("lines", "line_changes"):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("DELETE FROM marks WHERE name = ?", (MARK,))
            return
        undone = self._db.execute(
            "SELECT line_changes.id, msisdn, change, before, after, file_id FROM line_changes "
            "JOIN files ON files.id = file_id WHERE at >= ? AND (at, path) >= (?, ?) ORDER BY line_changes.id DESC",
            (file.as_of, *_key(file)),
        ).fetchall()
        lines = {line.msisdn: line._asdict() for line in self._known_among({row[1] for row in undone})}
        lost_rios: set[str] = set()
        for _, msisdn, change, before, after, file_id in undone:
            if file_id == file.id and file.told:
                self._told_before.add(_Change(msisdn, change, before, after))
            self._undo(lines[msisdn], change, before)
            if change == "rio":
                (lost_rios.add if before else lost_rios.discard)(msisdn)
        self._db.conn.executemany("DELETE FROM line_changes WHERE id = ?", [row[:1] for row in undone])
        self._db.conn.executemany("DELETE FROM lines WHERE msisdn = ?", [(msisdn,) for msisdn in lines])
        rio_files: dict[int, set[str]] = defaultdict(set)
        kept = []
        for msisdn, line in lines.items():
            if line["status"]:
                kept.append(Known(**line | self._dates(msisdn, mark)))
                if msisdn in lost_rios:
                    rio_files[self._rio_file(msisdn, mark)].add(msisdn)
        self._put(kept)
        for file_id, those in rio_files.items():
            self._restore_rios(file_id, those)

    def _undo(self, line: dict[str, Any], change: str, before: str) -> None:
        """Undo one change; a line that is no more has no status."""
        if change in _STATUS_CHANGES:
            line["word"] = before
            line["status"] = self._layouts.status(before) if before else ""
        elif change == "client":
            line["client_id"] = client_id(self._db, before)
        elif change in _COLUMNS:
            line[_COLUMNS[change]] = before
        elif change == "rio" and not before:
            line["rio"] = ""

    def _dates(self, msisdn: str, mark: _Mark) -> dict[str, int | None]:
        """The columns of a line that follow from its changes."""
        since, gone_at, last_file = mark.first_as_of, None, mark.first_file
        for at, change, file_id in self._db.execute(
            "SELECT at, change, file_id FROM line_changes WHERE msisdn = ? ORDER BY id", (msisdn,)
        ):
            last_file = file_id
            if change in _STATUS_CHANGES:
                since = at
            elif change in ("vanished", "returned"):
                gone_at = at if change == "vanished" else None
        return {"since": since, "gone_at": gone_at, "file_id": last_file}

    def _rio_file(self, msisdn: str, mark: _Mark) -> int:
        """The file that gave the line the RIO that it has by its changes."""
        row = self._db.execute(
            "SELECT file_id FROM line_changes WHERE msisdn = ? AND (change = 'rio' OR "
            "(change IN ('new', 'activated') AND before = '')) ORDER BY id DESC LIMIT 1",
            (msisdn,),
        ).fetchone()
        return int(row[0]) if row else mark.first_file

    def _restore_rios(self, file_id: int, msisdns: set[str]) -> None:
        """Changes hold no RIO: it is read again where it came from. Without that file the line keeps the one it has."""
        file = ledger.file(self._db, file_id)
        try:
            status = self._read(file)
        except (FileNotFoundError, Waiting, VaultError):
            log.warning("%s cannot be read again: some lines may keep a RIO that came later", file.path)
            return
        self._db.conn.executemany(
            "UPDATE lines SET rio = ? WHERE msisdn = ?",
            [
                (self._sealed(row["rio"], row["msisdn"]), row["msisdn"])
                for row in status.lines
                if row["msisdn"] in msisdns and row["rio"]
            ],
        )

    def fill_rios(self) -> None:
        """Give the lines the RIOs that could not be kept while there was no key: those of the newest file, else those
        of the files that brought them. That is no change, and no news. Within the caller's transaction."""
        mark = self._mark()
        if mark is None:
            return
        forgotten = Forgotten.load(self._db)
        wanted = {line for (line,) in self._db.execute("SELECT msisdn FROM lines WHERE rio != ''")}
        self._restore_rios(mark.file, {line for line in wanted if not forgotten.is_old_state(line, mark.as_of)})
        rio_files: dict[int, set[str]] = defaultdict(set)
        for (msisdn,) in self._db.execute("SELECT msisdn FROM lines WHERE rio = ?", (UNKEPT,)).fetchall():
            rio_files[self._rio_file(msisdn, mark)].add(msisdn)
        for file_id, msisdns in rio_files.items():
            self._restore_rios(file_id, msisdns)

    def _take_again(self, later: list[tuple[int, str]]) -> None:
        """Take files in order, each on what the one before it left; some may wait now, or no longer."""
        self._told_before = set()
        waiting: list[tuple[File, str]] = []
        for file_id, state in later:
            file = ledger.file(self._db, file_id)
            try:
                with self._db.atomic():
                    self._db.execute("UPDATE files SET state = 'read', reason = '' WHERE id = ?", (file_id,))
                    rejects = self._compare(file, self._mark())
                    self._db.execute("UPDATE files SET told = version WHERE id = ?", (file_id,))
            except FileNotFoundError as gone:
                log.warning("%s is no longer there and is left out of the lines' history", gone.filename)
                continue
            except VaultError:
                if state == "read":
                    raise  # what it says of its hour must not be lost for a key that is not there
                continue
            except Waiting as reason:
                rejects = []
                self._db.execute(
                    "UPDATE files SET state = 'waiting', reason = ?, rows = 0, rejected_rows = 0 WHERE id = ?",
                    (str(reason), file_id),
                )
                if state == "read":
                    self._forget_cards(file)
                if state != "superseded" and file.waited != str(reason):
                    waiting.append((file, str(reason)))
            self._db.execute("DELETE FROM rejects WHERE file_id = ?", (file_id,))
            set_aside(self._db, file, rejects, self._vault)
        self._supersede()
        for file, text in waiting:
            # A file that went in before and waits now is news, whatever was told of it.
            if self._db.execute("SELECT 1 FROM files WHERE id = ? AND state = 'waiting'", (file.id,)).fetchone():
                events.write(self._db, "file.waiting", file.id, reason=text)

    def _forget_cards(self, file: File) -> None:
        """A file that went in before waits now: the cards that it names are again what the files before it say."""
        self._db.execute(
            "DELETE FROM sims WHERE file_id = ? AND (msisdn, pin, puk, pin2, puk2) = ('', '', '', '', '')", (file.id,)
        )
        cards = {row["iccid"] for row in self._read(file).sims}
        self._db.conn.executemany("UPDATE sims SET status = '', word = '' WHERE iccid = ?", [(card,) for card in cards])
        left = cards & {iccid for (iccid,) in self._db.execute("SELECT iccid FROM sims")}
        before = self._db.execute(
            "SELECT id FROM files WHERE folder = 'account_status' AND state = 'read' "
            f"AND {_KEY} < (?, ?) ORDER BY coalesce(as_of, modified_at, fetched_clock) DESC, path DESC LIMIT ?",
            (*_key(file), _MOST_FILES_FOR_CARDS),
        ).fetchall()
        for (file_id,) in before:
            if not left:
                return
            former = ledger.file(self._db, file_id)
            try:
                # The last row of a card is the one that counts.
                named = {row["iccid"]: row for row in self._read(former).sims if row["iccid"] in left}
            except (FileNotFoundError, Waiting, VaultError):
                continue
            for row in named.values():
                self._write_sim(former, row)
            left -= named.keys()

    def _read(self, file: File) -> AccountStatus:
        return read_account_status(plain_text(copies.content(self._data, file.path, self._vault)), self._layouts)

    def _supersede(self) -> None:
        """Files that were doubtful need no person's word any more, once a newer one is taken."""
        if mark := self._mark():
            self._db.execute(
                "UPDATE files SET state = 'superseded', reason = ? WHERE folder = 'account_status' "
                f"AND state = 'waiting' AND instr(reason, ?) AND {_KEY} < (?, ?)",
                (_SUPERSEDED, _ACCEPT, mark.as_of, mark.path),
            )

    # -- What is remembered

    def _mark(self) -> _Mark | None:
        row = self._db.execute("SELECT value FROM marks WHERE name = ?", (MARK,)).fetchone()
        return _Mark(**json.loads(row[0])) if row else None

    def _remember(self, file: File, lines: int, *, first: bool, odd: bool) -> None:
        before = self._mark()
        begin = (before.first_file, before.first_as_of, before.first_path) if before else (0, 0, "")
        if first:
            begin = (file.id, *_key(file))
        mark = _Mark(*begin, file.id, file.version, *_key(file), lines, odd, self._layouts_hash)
        self._db.execute("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", (MARK, json.dumps(asdict(mark))))


def _rio_place(msisdn: str) -> str:
    return place("lines", msisdn, "rio")


def _key(file: File) -> Key:
    return file.as_of, file.path


def _unreadable(count: int) -> str:
    return f", {count} rangées sont illisibles" if count > 1 else ", 1 rangée est illisible" if count else ""


# -- One line


def _new_line(row: Row, client: int | None, file: File) -> Known:
    cells = (
        row["iccid"],
        row["imsi"],
        client,
        row["status"],
        row["word"],
        row["plan"],
        row.get("options", ""),
        row["activated_on"],
        row["rio"],
    )
    return Known(row["msisdn"], *cells, since=file.as_of, gone_at=None, file_id=file.id)


def _after(before: Known, row: Row, client: int | None, file: File) -> Known:
    """The line as the row has it. A column that the file lacks, or an empty cell, takes nothing away; but an empty cell
    of options says that the last one is gone.

    The word stays the one in which the status was first given: another one for the same status is no change.
    """
    after = before._replace(
        iccid=row["iccid"] or before.iccid,
        imsi=row["imsi"] or before.imsi,
        client_id=client or before.client_id,
        plan=row["plan"] or before.plan,
        options=row.get("options", before.options),
        activated_on=row["activated_on"] or before.activated_on,
        rio=row["rio"] or before.rio,
        gone_at=None,
    )
    unknown = before.status == row["status"] == "unknown"
    if before.status != row["status"] or (unknown and fold(before.word) != fold(row["word"])):
        return after._replace(status=row["status"], word=row["word"], since=file.as_of)
    return after


def _changes(before: Known, after: Known, client: Callable[[int | None], str]) -> list[_Change]:
    found = []
    if before.gone_at is not None:
        found.append(("returned", "", after.word))
    if (before.status, before.word) != (after.status, after.word):
        found.append((_transition(before.status, after.status), before.word, after.word))
    if before.iccid != after.iccid:
        found.append(("sim", before.iccid, after.iccid))
    if before.client_id != after.client_id:
        found.append(("client", client(before.client_id), client(after.client_id)))
    for change in ("plan", "options", "imsi", "activation"):
        column = _COLUMNS[change]
        if getattr(before, column) != getattr(after, column):
            found.append((change, getattr(before, column), getattr(after, column)))
    if before.rio != after.rio and not is_sealed(before.rio):
        found.append(("rio", _KNOWN_RIO if before.rio else "", _KNOWN_RIO))
    return [_Change(before.msisdn, *change) for change in found]


def _transition(before: str, after: str) -> str:
    if after == "active":
        return "resumed" if before.startswith("suspended") else "activated"
    if after.startswith("suspended") and not before.startswith("suspended"):
        return "suspended"
    return "terminated" if after == "terminated" else "status"


def _is_news(change: _Change) -> bool:
    """Whether people are told. A card, client or plan that was not known before did not change."""
    if change.change in ("sim", "client", "plan"):
        return bool(change.before)
    return change.change in (*_STATUS_CHANGES, "vanished", "returned")


# -- A file's bytes


def _is_blank(content: bytes) -> bool:
    signs = b"\xef\xbb\xbf\r\n \t"
    return not content[:1000].strip(signs) and not content.strip(signs)


def _cut_row(content: bytes, sheet: Sheet) -> str:
    """Which row the file ends in the middle of; "" when it does not. Only a row without line end can be cut."""
    if content.endswith((b"\n", b"\r")):
        return ""
    last = content[content.rfind(b"\n") + 1 :].decode("latin-1")
    if not last.strip():
        return ""
    try:
        cells = next(csv.reader([last], delimiter=sheet.separator, skipinitialspace=True))
    except csv.Error:
        return ""
    line = content.count(b"\n") + 1
    return f"ligne {line} : {len(cells)} colonnes au lieu de {sheet.width}" if len(cells) < sheet.width else ""


def _is_regular(content: bytes, sheet: Sheet, layouts: Layouts) -> bool:
    start = rows_begin(content, sheet, layouts)
    return start is None or is_regular(content, start, sheet.separator)


def _has_whole_rows(content: bytes, sheet: Sheet, found: _Found, layouts: Layouts) -> bool:
    """Whether no row holds another one: a quote that is never closed swallows the rows that follow it."""
    start = rows_begin(content, sheet, layouts) or 0
    blank = f'{sheet.separator} \t\r"'.encode()
    full = sum(1 for line in content[start:].split(b"\n") if line.strip(blank))
    return full == found.lines + found.sims + len(found.status.rejects)

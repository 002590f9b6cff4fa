"""The operator's FTP: its tree as the integrator's account shows it, and the operator's next deliveries."""

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web
from aiohttp.web_request import FileField

from bot.sandbox.house import Sandbox
from bot.sandbox.operator import PERSONALISATION
from bot.sandbox.page.account import FtpAccount, Item, Unreachable
from bot.sandbox.page.deliveries import STATUSES, Deliveries
from bot.sandbox.page.journal import JournalPart
from bot.sandbox.page.parts import Refused, Tell, done, file_response, given
from core.folders import MONTHS
from core.numbers import NumberError, msisdn, show
from core.quiet import WEEKDAYS

#: Seconds between two looks at the folders that others than the operator may write into.
_LOOK = 2
#: Rows of a table that are shown, and signs of each of its fields.
_ROWS, _FIELD = 30, 200
#: Names of files that the journal tells one by one.
_NAMED = 3


@dataclass(frozen=True)
class _Table:
    """The beginning of a CSV file; `total`: its rows, the header not counted."""

    columns: list[str]
    rows: list[list[str]]
    total: int
    encoding: str


class FilesPart:
    """Events: `folder` (its whole content), `operator` (its clock, and what it is about to tell), `ftp` (whether it
    answers)."""

    name = "files"

    def __init__(self, sandbox: Sandbox, journal: JournalPart) -> None:
        self._box = sandbox
        self._journal = journal
        self._account = FtpAccount(sandbox)
        self._deliveries = Deliveries(sandbox.operator, sandbox.today)
        self._tree: dict[str, list[Item]] = {}
        self._open = PERSONALISATION
        self._reached = True
        self._whole = True
        self._wanted = asyncio.Event()
        self._playing = asyncio.Lock()

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return [
            web.get("/files/folder", self._show_folder),
            web.get("/files/file", self._show_file),
            web.get("/files/table", self._show_table),
            web.post("/files/drop", self._drop),
            web.post("/files/play", self._play),
            web.post("/files/line", self._change_line),
        ]

    async def snapshot(self) -> object:
        return {
            "folders": [_folder_json(path, items) for path, items in self._tree.items()],
            "operator": self._operator_json(),
            "statuses": STATUSES,
            "reached": self._reached,
        }

    async def follow(self, tell: Tell) -> None:
        told: dict[str, list[Item]] = {}
        told_reached, told_operator = True, self._operator_json()
        try:
            while True:
                self._wanted.clear()
                await self._look()
                for path, items in tuple(self._tree.items()):
                    if told.get(path) != items:
                        told[path] = items
                        tell("folder", _folder_json(path, items))
                if self._reached != told_reached:
                    told_reached = self._reached
                    tell("ftp", told_reached)
                if self._operator_json() != told_operator:
                    told_operator = self._operator_json()
                    tell("operator", told_operator)
                try:
                    async with asyncio.timeout(_LOOK):
                        await self._wanted.wait()
                except TimeoutError:
                    pass
        finally:
            await self._account.close()

    async def _look(self) -> None:
        """At all of it when much may have changed, else where somebody else may write."""
        try:
            if self._whole:
                self._whole = False  # asked for again meanwhile, it is looked at once more
                self._tree = await self._account.tree()
            else:
                for path in {PERSONALISATION, self._open}:
                    self._tree[path] = await self._account.folder(path)
            self._reached = True
        except Unreachable:
            self._reached, self._whole = False, True
        except Refused:  # the open folder is gone
            self._open, self._whole = PERSONALISATION, True

    def _look_at_all(self) -> None:
        self._whole = True
        self._wanted.set()

    def _operator_json(self) -> dict[str, object]:
        asked = [{"msisdn": show(number), "status": status} for number, status in self._deliveries.asked.items()]
        return {"clock": moment(self._deliveries.now), "asked": asked}

    async def _show_folder(self, request: web.Request) -> web.Response:
        path = _path(request.query.get("path", ""))
        self._tree[path] = items = await self._account.folder(path)
        self._open = path
        self._wanted.set()
        return done(_folder_json(path, items))

    async def _show_file(self, request: web.Request) -> web.Response:
        path = _path(request.query.get("path", ""))
        return file_response(path.rpartition("/")[2], await self._account.read(path))

    async def _show_table(self, request: web.Request) -> web.Response:
        content = await self._account.read(_path(request.query.get("path", "")))
        return done(asdict(await asyncio.to_thread(_table, content)))

    async def _drop(self, request: web.Request) -> web.Response:
        form = await request.post()
        part, folder = form.get("file"), _path(str(form.get("folder", "")))
        if not isinstance(part, FileField):
            raise Refused("Aucun fichier n'a été choisi.")
        name = part.filename.replace("\\", "/").rpartition("/")[2].strip()
        content = part.file.read()
        if not content:
            raise Refused(f"{name} est vide : il n'y a rien à déposer.")
        path = _path(f"{folder}/{name}" if folder else name)
        await self._account.store(path, content)
        self._journal.deposited("person", f"L'intégrateur dépose {name} dans {folder or 'la racine du FTP'}", 1)
        self._look_at_all()
        return done({"path": path})

    async def _play(self, request: web.Request) -> web.Response:
        what = (await given(request)).get("what")
        plays = {"hour": self._deliveries.hour, "day": self._deliveries.day, "month": self._deliveries.month}
        if what not in plays:
            raise Refused("L'opérateur livre une heure, un jour ou un mois.")
        async with self._playing:
            paths = await asyncio.to_thread(plays[what])
            self._journal.deposited("operator", f"L'opérateur dépose {_listed(paths)}", len(paths))
        self._look_at_all()
        names = [path.relative_to(self._box.operator.root).as_posix() for path in paths]
        return done({"paths": names, "words": _listed(paths), **self._operator_json()})

    async def _change_line(self, request: web.Request) -> web.Response:
        members = await given(request)
        status = str(members.get("status", ""))
        if status not in STATUSES:
            raise Refused("L'opérateur n'a pas cet état.")
        try:
            number = msisdn(str(members.get("msisdn", "")))
        except NumberError as error:
            raise Refused(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        try:
            before = self._box.operator.line(number).status
        except LookupError:
            raise Refused(
                f"Le {show(number)} n'est pas une ligne de l'opérateur : essayer le 06 39 98 00 01."
            ) from None
        if before == status:
            raise Refused(f"Le {show(number)} a déjà l'état « {status} ».")
        await asyncio.to_thread(self._deliveries.change_line, number, status)
        self._journal.add(
            "operator", f"L'opérateur passe le {show(number)} à « {status} » : son prochain AccountStatus le dira"
        )
        self._wanted.set()
        return done(self._operator_json())


def moment(at: datetime) -> str:
    """jeudi 26 novembre, 9:00"""
    day = "1er" if at.day == 1 else str(at.day)
    return f"{WEEKDAYS[at.weekday()]} {day} {MONTHS[at.month - 1]}, {at.hour}:{at.minute:02d}"


def _folder_json(path: str, items: Sequence[Item]) -> dict[str, object]:
    return {"path": path, "items": [asdict(item) for item in items]}


def _path(text: str) -> str:
    """A path in the tree, as it is written.

    Raises:
        Refused: it leads elsewhere.
    """
    parts = text.split("/") if text else []
    if len(text) > 1000 or not text.isprintable() or any(part.strip() in ("", ".", "..") for part in parts):
        raise Refused("Ce chemin ne mène nulle part dans le FTP : choisir un dossier de la liste.")
    return text


def _listed(paths: Sequence[Path]) -> str:
    """The files by name, or how many of each kind when there are many."""
    names = [path.name for path in paths]
    if len(names) <= _NAMED:
        return " et ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    kinds = Counter("factures" if name.startswith("Facture_") else name.partition("_")[0] for name in names)
    return f"{len(names)} fichiers : " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def _table(content: bytes) -> _Table:
    try:
        text, encoding = content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        text, encoding = content.decode("cp1252", "replace"), "cp1252"
    first = text.partition("\n")[0]
    separator = max(";,\t|", key=first.count)
    rows = [[field[:_FIELD] for field in row] for row in csv.reader(io.StringIO(text), delimiter=separator) if row]
    return _Table(rows[0] if rows else [], rows[1 : 1 + _ROWS], max(len(rows) - 1, 0), encoding)

"""`origyne-bot export`: the data as files, for spreadsheets, programs and analysis."""

import re
import signal
import sqlite3
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from bot.desk import audit, open_desk
from core import clients, store
from core.clients import Client
from core.layouts import fold
from core.settings import Settings
from handlers import french

if TYPE_CHECKING:  # loading the command line must not load what reads files
    from sqlite_utils import Database

    from core.export.tables import Export

ANSWERED, REFUSED, UNUSABLE = 0, 1, 2

NAMES = ("lines", "history", "cdrs", "billed", "sims", "rejects", "usage")
FORMATS = ("csv", "json", "xlsx")

_EPILOG = """\
csv : UTF-8 sans BOM, virgules, point décimal (RFC 4180), pour les programmes ; un texte qui serait une formule y est
précédé d'une apostrophe. json : un tableau d'objets, un par ligne. xlsx : pour Excel et LibreOffice, avec d'autres
feuilles au-delà d'un million de rangées. Les codes PIN, PUK et RIO ne sont dans aucun export, et les numéros appelés y
sont sans leurs quatre derniers chiffres. Les fichiers ne sont lisibles que par leur propriétaire."""


class _Refused(Exception):
    """What is asked cannot be done; `status` is the command's."""

    def __init__(self, text: str, status: int = REFUSED) -> None:
        super().__init__(text)
        self.status = status


def declare(command: ArgumentParser) -> None:
    command.epilog = _EPILOG
    command.add_argument("what", nargs="?", choices=NAMES, metavar="QUOI", help=", ".join(NAMES))
    command.add_argument(
        "--format", choices=FORMATS, help="csv, json ou xlsx (par défaut : ce que dit --output, sinon csv)"
    )
    command.add_argument("--month", metavar="MOIS", help="2026-10, 202610 ou « octobre 2026 »")
    command.add_argument("--client", metavar="CLIENT", help="un morceau du nom suffit")
    command.add_argument(
        "--output", type=Path, metavar="FICHIER", help="où l'écrire (par défaut : ici, nommé d'après le contenu)"
    )
    command.add_argument("--force", action="store_true", help="remplacer un fichier qui existe")
    command.add_argument(
        "--parquet",
        type=Path,
        metavar="DOSSIER",
        help="lignes, communications et totaux en Parquet, par mois ; remplace l'export qui s'y trouve",
    )
    command.add_argument("--columns", action="store_true", help="dire les colonnes et leurs unités")


def run(options: Namespace, out: Console, err: Console) -> int:
    """Write what is asked; nothing is left of an export that was interrupted."""
    if options.columns:
        from core.export.tables import documentation

        out.print(Text(documentation()))
        return ANSWERED
    try:
        _check(options)
        data = Settings.load().open_data_folder()
        store.open_to_write(data).close()
        with _stoppable(), closing(store.open_to_read(data)) as db:
            db.execute("BEGIN")  # one state of the store, even while a pass goes on
            (_parquet if options.parquet else _table)(db, options, out, err)
        with closing(open_desk(data)) as desk:
            audit.record_by_hand(desk, "export", shown=options.what or "parquet")
    except _Refused as refusal:
        err.print(Text(str(refusal)))
        return refusal.status
    except OSError as error:
        where = f"{error.filename} : " if error.filename else ""
        err.print(Text(f"L'export ne s'écrit pas : {where}{error.strerror or error}.", style="bold red"))
        return REFUSED
    except sqlite3.OperationalError as error:
        err.print(Text(f"La base ne se lit pas : {error}.", style="bold red"))
        return REFUSED
    return ANSWERED


def _check(options: Namespace) -> None:
    if bool(options.what) == bool(options.parquet):
        raise _Refused(f"Que faut-il exporter ? Une table ({', '.join(NAMES)}), ou --parquet DOSSIER.", UNUSABLE)
    if options.parquet:
        given = [name for name in ("format", "month", "client", "output", "force") if getattr(options, name)]
        if given:
            what = ", ".join(f"--{name}" for name in given)
            raise _Refused(f"--parquet écrit tout, par mois : enlever {what}.", UNUSABLE)


def _table(db: "Database", options: Namespace, out: Console, err: Console) -> None:
    from core.export import files
    from core.export.tables import Choice, expected, export_named, month_name

    export = export_named(options.what)
    month = _month(options.month, export) if options.month is not None else 0
    client = _client(db, options.client, export) if options.client is not None else None
    choice = Choice(month, client.id if client else 0)
    suffix = options.output.suffix[1:].lower() if options.output else ""
    form = options.format or (suffix if suffix in FORMATS else "csv")
    parts = [export.name, month_name(month) if month else "", _file_name(client) if client else ""]
    to = options.output or Path("_".join(part for part in parts if part) + f".{form}")
    if to.exists() and not to.is_file():
        raise _Refused(f"{to} n'est pas un fichier : donner à --output le nom d'un fichier.")
    if to.exists() and not options.force:
        raise _Refused(f"{to} existe déjà : donner --output, ou --force pour le remplacer.")
    with _counting(err, expected(db, export, choice)) as told:
        count = files.write(db, export, choice, to, form, told)
    out.print(Text(f"{to} : {french.count(count, 'rangée', 'rangées')}."))


def _month(words: str, export: "Export") -> int:
    left, month = french.take_month(words, int(time.time()))
    if not month or left:
        raise _Refused(f"Mois non compris : « {words} ». Exemples : 2026-10, « octobre 2026 ».", UNUSABLE)
    if not export.of_month:
        raise _Refused(f"« {export.name} » n'a pas de mois : c'est l'état présent. Enlever --month.", UNUSABLE)
    return month


def _client(db: "Database", words: str, export: "Export") -> Client:
    if not export.of_client:
        raise _Refused("Une rangée mise de côté n'a pas de client connu. Enlever --client.", UNUSABLE)
    found = clients.find(db, words)
    names = ", ".join(client.name for client in found.clients) + (", …" if found.others else "")
    # The nearest name is good for a question, whose answer is seen; a file may go to that client unread.
    if found.corrected or not found.clients:
        near = f" Noms proches : {names}." if names else ""
        raise _Refused(f"Aucun client n'a « {words} » dans son nom.{near}")
    if not found.sure:
        raise _Refused(f"Plusieurs clients ressemblent à « {words} », en choisir un : {names}.")
    return found.clients[0]


def _file_name(client: Client) -> str:
    return re.sub(r"[^a-z0-9]", "", fold(client.name)) or str(client.id)


def _parquet(db: "Database", options: Namespace, out: Console, err: Console) -> None:
    from core.export import parquet

    with _counting(err, None) as told:
        try:
            count = parquet.write(db, options.parquet, told)
        except parquet.NotOurs as other:
            raise _Refused(
                f"{options.parquet} contient autre chose qu'un export ({other.path}) : choisir un autre dossier."
            ) from None
    out.print(Text(f"{options.parquet} : {french.count(count, 'rangée', 'rangées')}."))


@contextmanager
def _counting(console: Console, total: int | None) -> Iterator[Callable[[int], None]]:
    """How many rows are written, on a terminal."""
    bar = Progress(
        TextColumn("Export"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total, rows="")
        yield lambda count: bar.update(task, completed=count, rows=french.count(count, "rangée", "rangées"))


@contextmanager
def _stoppable() -> Iterator[None]:
    """A supervisor's SIGTERM ends the command as Ctrl-C does: what was begun is taken away."""

    def stop(number: int, _: Any) -> None:
        sys.exit(128 + number)

    former = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)

"""`origyne-bot export`: the data as files, for spreadsheets, programs and analysis."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from core import store, usage
from core.layouts import fold
from core.settings import Settings
from handlers import french

if TYPE_CHECKING:  # loading the command line must not load what reads files
    from sqlite_utils import Database

ANSWERED, REFUSED, UNUSABLE = 0, 1, 2

NAMES = ("lines", "history", "cdrs", "billed", "sims", "rejects", "usage")


def declare(command: ArgumentParser) -> None:
    command.add_argument("what", nargs="?", choices=NAMES, metavar="QUOI", help=", ".join(NAMES))
    command.add_argument(
        "--format", choices=("csv", "json", "xlsx"), default="csv", help="csv (par défaut), json ou xlsx"
    )
    command.add_argument("--month", metavar="MOIS", help="2026-10, 202610 ou « octobre 2026 »")
    command.add_argument("--client", metavar="CLIENT", help="un morceau du nom suffit")
    command.add_argument(
        "--output", type=Path, metavar="FICHIER", help="où l'écrire (par défaut : ici, nommé d'après le contenu)"
    )
    command.add_argument("--force", action="store_true", help="remplacer un fichier qui existe")
    command.add_argument(
        "--parquet", type=Path, metavar="DOSSIER", help="communications et totaux en Parquet, par mois"
    )
    command.add_argument("--columns", action="store_true", help="dire les colonnes et leurs unités")


def run(options: Namespace, out: Console, err: Console) -> int:
    """Write what is asked; nothing is left of an export that was interrupted."""
    if options.columns:
        from core.export.tables import documentation

        out.print(Text(documentation()))
        return ANSWERED
    if bool(options.what) == bool(options.parquet):
        err.print(Text(f"Que faut-il exporter ? Une table ({', '.join(NAMES)}), ou --parquet DOSSIER."))
        return UNUSABLE
    data = Settings.load().open_data_folder()
    store.open_to_write(data).close()
    with closing(store.open_to_read(data)) as db:
        db.execute("BEGIN")  # one state of the store, even while a pass goes on
        try:
            return _parquet(db, options, out, err) if options.parquet else _table(db, options, out, err)
        except OSError as error:
            err.print(Text(f"L'export ne s'écrit pas : {error.filename or ''} {error.strerror}.", style="bold red"))
            return REFUSED


def _table(db: "Database", options: Namespace, out: Console, err: Console) -> int:
    from core.export import files
    from core.export.tables import Choice, export_named

    export = export_named(options.what)
    month = 0
    if options.month:
        left, found = french.take_month(options.month, 0)
        month = found or 0
        if not month or left:
            err.print(Text(f"Mois non compris : « {options.month} ». Exemples : 2026-10, « octobre 2026 »."))
            return UNUSABLE
        if not export.of_month:
            err.print(Text(f"« {export.name} » n'a pas de mois : c'est l'état présent. Enlever --month."))
            return UNUSABLE
    client, name = 0, ""
    if options.client:
        if export.name == "rejects":
            err.print(Text("Une rangée mise de côté n'a pas de client connu. Enlever --client."))
            return UNUSABLE
        clients = usage.find_clients(db, options.client)
        if len(clients) != 1:
            known = f" : {', '.join(it.name for it in clients[:10])}" if clients else ""
            which = "Plusieurs clients ressemblent" if clients else "Aucun client ne ressemble"
            err.print(Text(f"{which} à « {options.client} »{known}."))
            return REFUSED
        client, name = clients[0].id, fold(clients[0].name)
    parts = [export.name, f"{month // 100}-{month % 100:02}" if month else "", name]
    to = options.output or Path("_".join(part for part in parts if part) + f".{options.format}")
    if to.exists() and not options.force:
        err.print(Text(f"{to} existe déjà : donner --output, ou --force pour le remplacer."))
        return REFUSED
    with _counting(err) as told:
        count = files.write(db, export, Choice(month, client), to, options.format, told)
    out.print(Text(f"{to} : {french.count(count, 'rangée', 'rangées')}."))
    return ANSWERED


def _parquet(db: "Database", options: Namespace, out: Console, err: Console) -> int:
    from core.export import parquet

    with _counting(err) as told:
        try:
            count = parquet.write(db, options.parquet, told)
        except parquet.NotOurs:
            err.print(Text(f"{options.parquet} contient autre chose qu'un export : choisir un autre dossier."))
            return REFUSED
    out.print(Text(f"{options.parquet} : {french.count(count, 'rangée', 'rangées')}."))
    return ANSWERED


@contextmanager
def _counting(console: Console) -> Iterator[Callable[[int], None]]:
    """How many rows are written, on a terminal."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("Export : {task.completed:,.0f} rangées"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None)
        yield lambda count: bar.update(task, completed=count)

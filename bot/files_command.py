"""`origyne-bot rejects`, `accept` and `rebuild`: what the operator's files held that did not go in, and what to do."""

import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bot.desk import audit, open_desk
from bot.mail.codes import without_codes
from bot.restoring import told
from core import rejects, store
from core.layouts import LayoutError
from core.settings import Settings
from core.vault import VaultError
from handlers import french

ANSWERED, REFUSED, UNUSABLE = 0, 1, 2

#: Rows of one file that are shown without --all.
_MOST = 20


def show_rejects(options: Namespace, out: Console, err: Console) -> int:
    """All files with rows set aside, or the rows of one."""
    settings = Settings.load()
    data = settings.open_data_folder()
    store.open_to_write(data).close()
    with closing(store.open_to_read(data)) as db:
        found = rejects.files_with_rejects(db, options.file or "")
        waiting = rejects.waiting_files(db)
        if options.file:
            if not found:
                err.print(Text(f"Aucune rangée de « {options.file} » n'est de côté."))
                return REFUSED
            for file in found:
                most = file.rejected if options.all else _MOST
                _show_file(out, file, rejects.rows_of(db, file.path, most, settings.vault))
            _record(data, "rejects", "rangées de côté")
            return ANSWERED
        _show_waiting(out, waiting)
        if not found:
            out.print("Aucune rangée n'est mise de côté.")
            return ANSWERED
        table = Table("Fichier", "Date", "Entrées", "De côté", box=None, pad_edge=False)
        for file in found:
            table.add_row(file.path, french.moment(file.as_of), french.whole(file.rows), french.whole(file.rejected))
        out.print(table)
        out.print("Les rangées d'un fichier, et pourquoi : origyne-bot rejects FICHIER")
    return ANSWERED


def _record(data: Path, command: str, shown: str) -> None:
    with closing(open_desk(data)) as desk:
        audit.record_by_hand(desk, command, shown=shown)


def _show_waiting(out: Console, waiting: list[rejects.WaitingFile]) -> None:
    if not waiting:
        return
    out.print(Text(french.count(len(waiting), "fichier attend", "fichiers attendent") + " :", style="bold"))
    for file in waiting:
        out.print(Text(f"  {file.path} : {file.reason}"))
    out.print("Voir comment un fichier est lu : origyne-bot layout check FICHIER")
    out.print("")


def _show_file(out: Console, file: rejects.FileWithRejects, rows: list[rejects.RejectedRow]) -> None:
    out.print(Text(f"{file.path} : {french.count(file.rejected, 'rangée', 'rangées')} de côté", style="bold"))
    for row in rows:
        out.print(Text(f"  ligne {row.line} : {row.reason}"))
        # A listing of cards holds PUK codes.
        if row.content and file.folder != "sims":
            out.print(Text(f"    {_masked(row.content)}", style="dim"))
    if file.rejected > len(rows):
        out.print(Text(f"  … et {file.rejected - len(rows)} autres : --all les montre toutes"))
    out.print(
        "Elles sont reprises d'elles-mêmes quand data/layouts.toml change, ou quand l'opérateur corrige le fichier."
    )


_NUMBER = re.compile(r"(?<!\d)(?:\+?\d{9,}|\d\d(?: \d\d){4})(?!\d)")


def _masked(content: str) -> str:
    """Without codes, numbers without their last four digits (CNIL norm NS-47), and not more than a screen's width."""
    hidden = _NUMBER.sub(
        lambda found: found[0][:-5] + "XX XX" if found[0][-3] == " " else found[0][:-4] + "XXXX", content
    )
    hidden = without_codes(hidden)
    return hidden if len(hidden) <= 200 else f"{hidden[:200]}…"


def accept_file(options: Namespace, out: Console, err: Console) -> int:
    """Let a file in that waits because it looks cut short."""
    data = Settings.load().open_data_folder()
    try:
        with FileLock(data / "sync.lock", timeout=60), closing(store.open_to_write(data)) as db:
            accepted = rejects.accept(db, options.file)
    except Timeout:
        err.print(Text("Une passe est en cours depuis plus d'une minute ; recommencer ensuite."))
        return REFUSED
    if not accepted:
        err.print(Text(f"Aucun fichier « {options.file} » n'attend. La commande « rejects » dit ceux qui attendent."))
        return REFUSED
    out.print(
        Text(f"{options.file} sera pris tel quel à la prochaine passe (origyne-bot sync pour la faire maintenant).")
    )
    return ANSWERED


def rebuild_store(_: Namespace, out: Console, err: Console) -> int:
    """Read all kept files again."""
    from core.rebuild import rebuild

    settings = Settings.load()
    with _bar(err) as reading:
        try:
            count = rebuild(settings, reading, told(settings.data)[1])
        except LayoutError as error:
            err.print(Text(str(error), style="bold red"))
            return UNUSABLE
        except VaultError as error:
            err.print(Text(f"La base n'est pas refaite : {error}.", style="bold red"))
            return REFUSED
    out.print(f"La base est refaite : {french.count(count, 'fichier relu', 'fichiers relus')}.")
    return ANSWERED


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, silent elsewhere; gives the function that moves it."""
    bar = Progress(
        TextColumn("Lecture"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("Lecture", total=None)
        yield lambda done, total: bar.update(task, total=total, completed=done)

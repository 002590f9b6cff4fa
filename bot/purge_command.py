"""`origyne-bot purge`: what is past its term goes, from both stores, and it is said what went and what stays."""

import time
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlite_utils import Database

from bot.desk import audit, open_desk, retention
from bot.desk.retention import Gone
from core import retention as cdrs
from core import store
from core.settings import Settings
from handlers import french

DONE, REFUSED = 0, 1

#: Files that are named; of more, how many there are.
_MOST_FILES = 20

#: Seconds that a pass over the FTP is waited for.
_PATIENCE = 60


def declare(command: ArgumentParser) -> None:
    """What can be said on the command line."""
    command.description = (
        "Le service le fait de lui-même chaque jour. Les totaux et les factures restent ; "
        "ORIGYNE_RETENTION_MONTHS, ORIGYNE_RETENTION_MAILS et ORIGYNE_RETENTION_AUDIT fixent les durées."
    )
    command.add_argument("--dry-run", action="store_true", help="dire ce qui serait effacé, sans rien effacer")


def run(options: Namespace, out: Console, err: Console) -> int:
    """Purge, or say what would go."""
    settings = Settings.load()
    data = settings.open_data_folder()
    now = int(time.time())
    try:
        telecom = _telecom(data, settings, now, dry=options.dry_run)
    except Timeout:
        err.print(Text("Une passe est en cours depuis plus d'une minute ; recommencer ensuite."))
        return REFUSED
    except OSError as error:
        err.print(Text(f"Un fichier ne s'efface pas : {error}.", style="bold red"))
        return REFUSED
    with closing(open_desk(data)) as desk:
        gone, audited = _desk(desk, settings, now, dry=options.dry_run)
        _tell(telecom, gone, audited, settings, out, dry=options.dry_run)
        with desk.atomic():
            done = f"{telecom.rows} CDR, {french.count(len(telecom.files), 'fichier')}"
            audit.record_by_hand(desk, "purge", shown="simulation" if options.dry_run else done)
    return DONE


def _telecom(data: Path, settings: Settings, now: int, *, dry: bool) -> cdrs.Purge:
    """:raises Timeout: a pass goes on."""
    if dry:
        store.open_to_write(data).close()
        with closing(store.open_to_read(data)) as db:
            return cdrs.plan(db, now, settings.retention_months)
    with FileLock(data / "sync.lock", timeout=_PATIENCE), closing(store.open_to_write(data)) as db:
        return cdrs.purge(db, data, now, settings.retention_months)


def _desk(desk: Database, settings: Settings, now: int, *, dry: bool) -> tuple[list[Gone], int]:
    if dry:
        return retention.plan(desk, settings, now)
    counts: dict[tuple[str, str], Gone] = {}
    for gone in retention.purge(desk, settings, now):
        known = counts.get(gone.rule.what)
        counts[gone.rule.what] = Gone(gone.rule, gone.count + (known.count if known else 0))
    return list(counts.values()), retention.purge_audit(desk, settings, now)


def _tell(purge: cdrs.Purge, gone: list[Gone], audited: int, settings: Settings, out: Console, *, dry: bool) -> None:
    went = "À effacer" if dry else "Effacé"
    out.print(
        Text(
            f"Communications : gardées {settings.retention_months} mois au plus, par mois entiers ; "
            f"{french.month(purge.first_kept)} est le mois le plus ancien qui peut rester."
        )
    )
    if purge.months:
        table = Table("Mois", "Quotidiens", "Facturation", box=None, pad_edge=False)
        for it in purge.months:
            table.add_row(french.month(it.month), french.whole(it.rated), french.whole(it.billed))
        out.print(Text(f"{went} : {french.count(purge.rows, 'communication', 'communications')}", style="bold"))
        out.print(table)
    else:
        out.print("Aucune communication n'a passé ce terme.")
    if purge.files:
        aside = french.count(purge.rejects, "rangée mise de côté", "rangées mises de côté")
        out.print(Text(f"{went} : {french.count(len(purge.files), 'fichier gardé', 'fichiers gardés')} ({aside})"))
        for path in purge.files[:_MOST_FILES]:
            out.print(Text(f"  {path}"))
        if len(purge.files) > _MOST_FILES:
            out.print(Text(f"  … et {len(purge.files) - _MOST_FILES} autres"))
    out.print("")
    if gone or audited:
        out.print(Text(f"Messages et accès. {went} :", style="bold"))
        for kind in gone:
            out.print(Text(f"  {french.count(kind.count, *kind.rule.what)}, après {kind.rule.term}"))
        if audited:
            rows = french.count(audited, "ligne du journal d'audit", "lignes du journal d'audit")
            out.print(Text(f"  {rows}, après {settings.retention_audit} mois"))
    else:
        out.print("Messages et accès : rien n'a passé son terme.")
    out.print("")
    out.print(Text("Ce qui reste, et pourquoi :", style="bold"))
    kept = (
        "les totaux par mois et les factures : pièces comptables, dix ans (Code de commerce, art. L123-22)",
        f"le détail des communications depuis {french.month(purge.first_kept)} : la facturation en a besoin "
        "(CPCE, art. L34-2), un an au plus (art. R10-14)",
        "les lignes, leur historique et leurs cartes : le contrat en a besoin ; une ligne résiliée s'efface "
        "par origyne-bot privacy erase",
        f"le journal d'audit : {settings.retention_audit} mois",
    )
    for line in kept:
        out.print(Text(f"  • {line}{'.' if line is kept[-1] else ' ;'}"))
    if dry:
        out.print("Rien n'a été effacé.")

"""`origyne-bot backup`: copies of the stores, made while the service runs."""

from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.desk import audit, open_desk
from core import backup as backups
from core import soundness
from core.background import step_back
from core.backup import BackupError
from core.settings import Settings
from handlers import french

DONE, REFUSED = 0, 1


def declare(command: ArgumentParser) -> None:
    """What can be said on the command line."""
    command.description = (
        "Le service en fait une chaque nuit vers 3 h 30 (ORIGYNE_BACKUP_FOLDER, ORIGYNE_BACKUPS_KEPT). "
        "La clé des codes n'y est jamais : la garder ailleurs."
    )
    command.set_defaults(action="make", to=None)
    command.add_argument(
        "--to", type=Path, metavar="DOSSIER", help="dans ce dossier plutôt que dans celui des réglages"
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION")
    action = actions.add_parser("list", help="celles qui sont là, et si elles sont entières")
    action.set_defaults(action="list")


def run(options: Namespace, out: Console, err: Console) -> int:
    """Do what was asked."""
    settings = Settings.load()
    root = (options.to or settings.backups).expanduser()
    if options.action == "list":
        return _list(root, out)
    data = settings.open_data_folder()
    step_back()  # a service may be answering beside
    try:
        made = backups.make(data, root, settings.vault.name, settings.backups_kept if options.to is None else 0)
    except BackupError as error:
        if error.damaged:
            soundness.suspect(data)
        mend = " Redémarrer le service, qui la remet en état." if error.damaged else ""
        err.print(Text(f"Pas de sauvegarde : {error}.{mend}", style="bold red"))
        return REFUSED
    with closing(open_desk(data)) as desk:
        audit.record_by_hand(desk, "backup", shown=made.path.name)
    out.print(Text(f"Sauvegarde faite : {made.path} ({french.volume(made.size)})."))
    out.print(Text(f"Elle contient : {', '.join(made.files)}."))
    if made.copies.is_dir():
        out.print(Text(f"Les fichiers reçus de l'opérateur sont dans {made.copies}."))
    out.print(
        Text(
            f"Pour la remettre en place, le service arrêté : origyne-bot restore {made.path}\n"
            "La clé des codes (ORIGYNE_SECRET_KEY) n'y est pas, ni le reste de .env : les garder ailleurs."
        )
    )
    return DONE


def _list(root: Path, out: Console) -> int:
    found = backups.find(root)
    if not found:
        out.print(Text(f"Aucune sauvegarde dans {root}."))
        return DONE
    table = Table("Sauvegarde", "Faite le", "Taille", "État", box=None, pad_edge=False)
    whole = True
    for it in found:
        wrong = backups.faults(it)
        whole = whole and not wrong
        table.add_row(it.path.name, french.moment(it.at), french.volume(it.size), "; ".join(wrong) or "entière")
    out.print(Text(f"Dans {root} :"))
    out.print(table)
    return DONE if whole else REFUSED

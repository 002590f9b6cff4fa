"""`origyne-bot restore`: a backup put in the place of the stores."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bot import mending, restoring
from bot.running import AlreadyRunning, held
from core import backup as backups
from core.backup import Backup
from core.settings import Settings
from handlers import french

DONE, REFUSED = 0, 1


def declare(command: ArgumentParser) -> None:
    """What can be said on the command line."""
    command.description = "Le service doit être arrêté. Rien n'est effacé : les bases présentes changent de nom."
    command.add_argument(
        "backup",
        nargs="?",
        metavar="SAUVEGARDE",
        help="son nom (« origyne-bot backup list ») ou son dossier ; la plus récente par défaut",
    )
    command.add_argument("--yes", action="store_true", help="sans demander")


def run(options: Namespace, out: Console, err: Console) -> int:
    """Check the backup, ask, and put it in place."""
    settings = Settings.load()
    backup = _chosen(settings, options.backup)
    if backup is None:
        err.print(Text(_not_there(settings, options.backup)))
        return REFUSED
    try:
        with held(settings.open_data_folder()):
            return _restore(settings, backup, out, err, sure=options.yes)
    except AlreadyRunning as error:
        err.print(Text(f"{str(error).capitalize()} : l'arrêter d'abord.", style="bold red"))
        return REFUSED


def _chosen(settings: Settings, name: str | None) -> Backup | None:
    if name is None:
        return next(iter(backups.find(settings.backups)), None)
    return backups.read(settings.backups / name) or backups.read(Path(name).expanduser())


def _not_there(settings: Settings, name: str | None) -> str:
    if not backups.find(settings.backups):
        which = f"« {name} » n'est pas une sauvegarde, et il" if name else "Il"
        return (
            f"{which} n'y en a aucune dans {settings.backups} (ORIGYNE_BACKUP_FOLDER). Celle d'un autre dossier : "
            "origyne-bot restore, suivi de son chemin."
        )
    return f"« {name} » n'est pas une sauvegarde. « origyne-bot backup list » montre celles de {settings.backups}."


def _restore(settings: Settings, backup: Backup, out: Console, err: Console, *, sure: bool) -> int:
    if wrong := backups.faults(backup):
        err.print(Text(f"{backup.path} n'est pas entière : {' ; '.join(wrong)}. Rien n'est changé.", style="bold red"))
        return REFUSED
    out.print(Text(f"{backup.path}, du {french.moment(backup.at)} : entière ({', '.join(backup.stores)})."))
    if warning := _about_the_key(settings, backup):
        err.print(Text(warning, style="bold"))
    if not sure and not _is_confirmed(out):
        out.print("Rien n'est changé.")
        return REFUSED
    try:
        plan = restoring.plan(settings.data, backup, backup.stores, by_hand=True)
        said = restoring.restore(settings, plan)
    except OSError as error:
        err.print(
            Text(
                f"Interrompu ({error}) : refaire cette commande, ou démarrer le service, qui la finit.",
                style="bold red",
            )
        )
        return REFUSED
    mending.to_tell(settings.data, said)
    for words in said:
        out.print(Text(f"  • {words}"))
    out.print("Le service peut démarrer.")
    return DONE


def _about_the_key(settings: Settings, backup: Backup) -> str:
    if not backup.key or settings.vault.has_key_named(bytes.fromhex(backup.key)):
        return ""
    which = "n'est pas celle de cette sauvegarde" if settings.vault.has_key else "manque"
    return (
        f"⚠️ La clé (ORIGYNE_SECRET_KEY) {which} : les PUK, PIN et RIO ne s'ouvriront pas tant que la sienne n'y est "
        "pas remise. Tout le reste marche ; « origyne-bot key status » dit où on en est."
    )


def _is_confirmed(out: Console) -> bool:
    if not sys.stdin.isatty():
        out.print("Pour la remettre en place : la même commande avec --yes")
        return False
    return out.input("La remettre en place ? (oui/non) ").strip().lower() in ("oui", "o")

"""`origyne-bot key`: the key that seals PUK, PIN and RIO: a new one, whether it fits, another one in its place."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Literal

from filelock import FileLock, Timeout
from rich.console import Console
from rich.text import Text
from sqlite_utils import Database

from bot.desk import audit, open_desk
from bot.running import is_running
from core import sealing, store
from core.sealing import Sealed
from core.settings import Settings, SettingsError
from core.vault import VaultError, new_key
from handlers.french import count

DONE, REFUSED = 0, 1

Level = Literal["ok", "warning", "fault"]

_NAME = "ORIGYNE_SECRET_KEY"

#: Seconds that a pass over the FTP is waited for.
_PATIENCE = 60


def declare(command: ArgumentParser) -> None:
    """What can be said on the command line."""
    command.description = (
        f"PUK, PIN et RIO sont chiffrés avec la clé de {_NAME}. "
        "Sans elle la base ne les garde pas, les fichiers reçus où ils sont restent en clair, et tout le reste marche."
    )
    command.set_defaults(action="status", yes=False)
    actions = command.add_subparsers(title="actions", metavar="ACTION")

    action = actions.add_parser("status", help="ce qui est chiffré, et avec quelle clé")
    action.set_defaults(action="status")

    action = actions.add_parser("new", help="donner une nouvelle clé, sans rien changer")
    action.set_defaults(action="new")

    action = actions.add_parser("rotate", help=f"tout chiffrer de nouveau avec la première clé de {_NAME}")
    action.set_defaults(action="rotate")

    action = actions.add_parser("forget", help="abandonner ce que chiffre une clé perdue")
    action.add_argument("--yes", action="store_true", help="la clé est perdue pour de bon")
    action.set_defaults(action="forget")


def run(options: Namespace, out: Console, err: Console) -> int:
    """Do what was asked."""
    if options.action == "new":
        return _new(out)
    settings = Settings.load()
    try:
        if options.action == "rotate":
            return _rotate(settings, out, err)
        if options.action == "forget":
            return _forget(settings, out, err, sure=options.yes)
    except VaultError as error:
        err.print(Text(f"Impossible : {error}. « origyne-bot key new » en donne une.", style="bold red"))
        return REFUSED
    except Timeout:
        err.print(Text("Une passe est en cours depuis plus d'une minute ; recommencer ensuite."))
        return REFUSED
    level, words = state(settings)
    out.print(Text(words[:1].upper() + words[1:] + ".", style="" if level == "ok" else "bold"))
    _record(settings, "status")
    return DONE if level != "fault" else REFUSED


def state(settings: Settings) -> tuple[Level, str]:
    """How the codes stand with the key (French), and whether something is to be done."""
    vault = settings.vault
    found = Sealed()
    if (settings.data / store.FILE_NAME).exists():
        with closing(store.open_to_read(settings.data)) as db:
            found = sealing.count(db, settings.data, vault)
    if found.closed or found.closed_copies:
        what = _both(found.closed, found.closed_copies)
        why = f"par une clé qui n'est pas dans {_NAME}" if vault.has_key else f"et {_NAME} est vide"
        return "fault", (
            f"{what} sont chiffrés {why} : y remettre cette clé, après une virgule s'il y en a une autre, puis "
            "redémarrer le service ; si elle est perdue, « origyne-bot key forget » dit ce qui peut être repris du FTP"
        )
    if not vault.has_key:
        return "warning", (
            f"pas de clé ({_NAME}) : la base ne garde pas les PUK, PIN et RIO reçus, mais les copies des "
            "fichiers où ils sont restent en clair sur le disque ; tout le reste marche ; "
            "« origyne-bot key new » en donne une"
        )
    if found.clear or found.unkept:
        waiting = count(found.clear + found.unkept, "code n'est pas chiffré", "codes ne sont pas chiffrés")
        return "warning", f"la clé est là ; {waiting} : la prochaine passe relit ceux dont le fichier est encore là"
    if found.older or found.older_copies:
        what = _both(found.older, found.older_copies)
        return "warning", f"{what} sont encore chiffrés avec une ancienne clé : « origyne-bot key rotate » les reprend"
    return "ok", f"la clé est là ; {_both(found.newest, found.newest_copies)} sont chiffrés avec elle"


def _both(codes: int, copies: int) -> str:
    return f"{count(codes, 'code', 'codes')} et {count(copies, 'copie de fichier', 'copies de fichiers')}"


def _new(out: Console) -> int:
    out.print(Text(f"{_NAME}={new_key()}"))
    out.print("")
    out.print(
        Text(
            "Mettre cette ligne dans .env, lisible du seul compte du service, puis redémarrer le service.\n"
            "Garder la clé aussi ailleurs, hors de cette machine et loin de ses sauvegardes : sans elle, les PUK, PIN "
            "et RIO gardés sont perdus, et avec une sauvegarde elle les ouvre.\n"
            "S'il y a déjà une clé : mettre la nouvelle devant, une virgule, puis l'ancienne ; redémarrer le service ; "
            "puis « origyne-bot key rotate », qui dit quand retirer l'ancienne."
        )
    )
    with suppress(SettingsError):  # a key can be made before anything else is set
        _record(Settings.load(), "new")
    return DONE


def _rotate(settings: Settings, out: Console, err: Console) -> int:
    with _written(settings) as db:
        if is_running(settings.data) and sealing.key_in_use(db) != settings.vault.name:
            err.print(Text("Le service chiffre encore avec l'ancienne clé : le redémarrer, puis recommencer."))
            return REFUSED
        done = sealing.rotate(db, settings.data, settings.vault)
    _record(settings, f"rotate : {_both(done.values, done.copies)}")
    out.print(Text(f"{_both(done.values, done.copies)} sont chiffrés de nouveau, avec la première clé de {_NAME}."))
    if done.closed:
        what = count(done.closed, "code ou copie ne s'ouvre", "codes ou copies ne s'ouvrent")
        err.print(Text(f"{what} avec aucune des clés : n'en retirer aucune, et voir « origyne-bot key status »."))
        return REFUSED
    out.print("S'il y a d'autres clés, elles peuvent être retirées, puis le service redémarré.")
    return DONE


def _forget(settings: Settings, out: Console, err: Console, *, sure: bool) -> int:
    if not sure:
        err.print(
            Text(
                "Cela efface les codes et les copies de fichiers qu'aucune clé n'ouvre. Ce que le FTP garde encore "
                "(90 jours environ) est repris à la prochaine passe, le reste est perdu. "
                "Si la clé est perdue pour de bon : origyne-bot key forget --yes"
            )
        )
        return REFUSED
    with _written(settings) as db:
        gone = sealing.forget_closed(db, settings.data, settings.vault)
    _record(settings, f"forget : {_both(gone.values, gone.copies)}")
    what = _both(gone.values, gone.copies)
    out.print(Text(f"{what} sont abandonnés ; ce que le FTP a encore revient à la prochaine passe."))
    return DONE


@contextmanager
def _written(settings: Settings) -> Iterator[Database]:
    """The store, while no pass goes on.

    :raises Timeout: one goes on for more than a minute.
    """
    data = settings.open_data_folder()
    with FileLock(data / "sync.lock", timeout=_PATIENCE), closing(store.open_to_write(data)) as db:
        yield db


def _record(settings: Settings, what: str) -> None:
    with closing(open_desk(settings.open_data_folder())) as desk, desk.atomic():
        audit.record_by_hand(desk, "key", shown=what)

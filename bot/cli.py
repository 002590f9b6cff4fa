"""The command line `origyne-bot`."""

import argparse
import asyncio
import gettext
import imaplib
import importlib
import logging
import os
import sqlite3
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from bot import __version__
from bot.export_command import declare as declare_export
from core import disk, logs
from core.settings import PREFIX, Settings, SettingsError
from core.soundness import DAMAGED, is_damage
from core.trace import trace
from handlers import french

ANSWERED, REFUSED, UNUSABLE = 0, 1, 2

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_FRENCH = {
    "usage: ": "usage : ",
    "positional arguments": "arguments",
    "options": "options",
    "show this help message and exit": "afficher cette aide",
    "%(prog)s: error: %(message)s\n": "%(prog)s : %(message)s\n",
    "the following arguments are required: %s": "il manque : %s",
    "unrecognized arguments: %s": "argument inconnu : %s",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)r n'existe pas ; choisir parmi %(choices)s",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s : %(message)s",
    "expected one argument": "il faut une valeur",
    "invalid %(type)s value: %(value)r": "%(value)r n'est pas un numéro",
    "expected at least one argument": "il faut au moins une valeur",
}


#: Commands whose module bot/NAME_command.py declares them.
_MODULES = {
    "people": "qui a accès à quoi : inviter, lister, changer de rôles, retirer",
    "key": "la clé qui chiffre les codes : en créer une, en changer",
    "purge": "effacer ce que la loi ne laisse plus garder",
    "privacy": "les données d'une personne : les lui donner, les effacer",
    "audit": "qui a demandé quoi : chercher, vérifier",
    "status": "comment va le service : boucles, files d'attente, derniers succès",
    "selftest": "un vrai aller et retour par courriel, Telegram et FTP, avec les durées",
    "backup": "sauvegarder les bases, pendant que le service tourne",
    "restore": "remettre une sauvegarde en place, le service arrêté",
    "unit": "le fichier systemd de cette installation, à copier",
}


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its status: 0 done, 1 refused or not understood, 2 wrong settings or usage, 3 a store
    is damaged, which a start of the service mends."""
    # argparse takes its words from gettext; French ones need no catalogue file.
    vars(argparse)["_"] = lambda text: _FRENCH.get(text, gettext.gettext(text))
    options = _parser().parse_args(arguments)
    if arguments is None:  # the process is ours
        logs.set_up(_settings_if_any(), logging.WARNING, form="%(message)s")
    try:
        sys.exit(options.run(options))
    except SettingsError as error:
        if not Path(".env").exists() and not any(name.startswith(PREFIX) for name in os.environ):
            err.print(Text(f"Il n'y a pas de réglages ici : aucun fichier .env dans {Path.cwd()}.", style="bold red"))
            err.print(Text("Aller dans le dossier de l'installation ; la première fois : cp .env.example .env"))
            sys.exit(UNUSABLE)
        err.print(Text("Les réglages ne conviennent pas :", style="bold red"))
        for fault in error.faults:
            err.print(Text(f"  • {fault}"))
        err.print(Text("Ils se lisent dans l'environnement et dans le fichier .env ; .env.example les explique."))
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if isinstance(error, sqlite3.Error):
            if is_damage(error):
                err.print(Text("Une des bases est abîmée.", style="bold red"))
                err.print(Text("Redémarrer le service : il la remet en état, et dit au contact technique comment."))
                sys.exit(DAMAGED)
            if refusal := disk.refusal_of(error):
                err.print(Text(f"Impossible pour l'instant : {refusal.reason}.", style="bold red"))
                sys.exit(REFUSED)
        err.print(Text(f"Erreur inattendue : {trace(error)}", style="bold red"))
        err.print(Text("Signaler cette ligne, avec la commande : elle ne contient aucune donnée."))
        sys.exit(REFUSED)


def _settings_if_any() -> Settings | None:
    """Their secrets are what no log may hold; whoever needs them says himself what is wrong with them."""
    try:
        return Settings.load()
    except SettingsError:
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="origyne-bot",
        description="L'assistant des intégrateurs d'Origyne : le FTP de l'opérateur en base, des avis, des réponses.",
    )
    parser.add_argument("--version", action="version", version=f"origyne-bot {__version__}", help="afficher la version")
    commands = parser.add_subparsers(title="commandes", metavar="COMMANDE", required=True)

    command = commands.add_parser("serve", help="le service : FTP, Telegram et courriel")
    command.set_defaults(run=_serve)

    command = commands.add_parser("demo", help="tout essayer, sur des serveurs embarqués et des données inventées")
    command.add_argument("--script", action="store_true", help="jouer le scénario écrit dans ce terminal, sans page")
    command.add_argument("--port", type=int, default=0, help="le port de la page sur 127.0.0.1 (un libre par défaut)")
    command.set_defaults(run=_demo)

    command = commands.add_parser("sync", help="une passe sur le FTP, maintenant")
    command.set_defaults(run=_sync)

    command = commands.add_parser("ask", help="poser une question, comme dans le chat")
    command.add_argument("question", help="par exemple : status 0639980001")
    command.add_argument(
        "--as",
        dest="person",
        metavar="PERSONNE",
        default="technique",
        help="qui demande : technique, comptabilite, ou l'adresse d'une personne connue (technique par défaut)",
    )
    command.add_argument("--yes", action="store_true", help="confirmer d'avance ce qui doit l'être (un code)")
    command.add_argument("--file", type=Path, nargs="+", default=[], metavar="FICHIER", help="fichiers joints")
    command.set_defaults(run=_ask)

    command = commands.add_parser("rejects", help="les rangées mises de côté, et les fichiers qui attendent")
    command.add_argument(
        "file", nargs="?", metavar="FICHIER", help="les rangées de ce fichier, par exemple RatedCDRs/x.csv"
    )
    command.add_argument("--all", action="store_true", help="toutes les rangées, et non les premières")
    command.set_defaults(run=_rejects)

    command = commands.add_parser(
        "accept", help="prendre tel quel un AccountStatus qui attend parce qu'il semble tronqué"
    )
    command.add_argument("file", metavar="FICHIER", help="son chemin sur le FTP, comme l'avis le donne")
    command.set_defaults(run=_accept)

    _add_layout(commands)

    command = commands.add_parser("rebuild", help="refaire la base à partir des fichiers gardés")
    command.set_defaults(run=_rebuild)

    command = commands.add_parser("export", help="les données en fichiers : CSV, JSON, XLSX ou Parquet")
    declare_export(command)
    command.set_defaults(run=_export)

    _add_outbox(commands)
    _add_mail(commands)

    command = commands.add_parser("routes", help="qui est averti de quoi, par où et quand")
    command.add_argument("--example", action="store_true", help="la table d'origine, expliquée, pour en écrire une")
    command.set_defaults(run=_routes)

    for name, summary in _MODULES.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        module = importlib.import_module(f"bot.{name}_command")
        module.declare(command)
        command.set_defaults(run=partial(_run, module))

    command = commands.add_parser("doctor", help="essayer chaque réglage et chaque serveur, dire quoi faire")
    command.set_defaults(run=_doctor)
    return parser


def _add_layout(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("layout", help="comment un fichier est lu, et quoi écrire dans layouts.toml")
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument(
        "--folder", metavar="DOSSIER", help="RatedCDRs, BilledCDRs, AccountStatus ou Cartes SIM, si rien ne le dit"
    )

    action = actions.add_parser("check", parents=[folder], help="dire comment des fichiers sont lus")
    action.add_argument(
        "files",
        nargs="+",
        metavar="FICHIER",
        help="un fichier d'ici, ou du FTP comme un avis le nomme (RatedCDRs/x.csv)",
    )
    action.set_defaults(run=_layout_check)

    action = actions.add_parser("suggest", parents=[folder], help="proposer un bloc pour layouts.toml")
    action.add_argument("file", metavar="FICHIER", help="un fichier dont l'en-tête n'est pas connu")
    action.set_defaults(run=_layout_suggest)


def _add_outbox(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("outbox", help="ce qui attend d'être envoyé, ou n'a pas pu l'être")
    command.add_argument("--all", action="store_true", help="aussi ce qui est parti ou abandonné")
    command.add_argument("--sent", action="store_true", help="ce qui est parti")
    command.set_defaults(run=_outbox, action="list")
    actions = command.add_subparsers(title="actions", metavar="ACTION")

    action = actions.add_parser("show", help="lire un message, sans ses codes")
    action.add_argument("id", type=int, metavar="ID", help="son numéro, comme « outbox » le montre")
    action.set_defaults(action="show")

    action = actions.add_parser("retry", help="envoyer de nouveau, dès maintenant")
    action.add_argument("ids", nargs="+", metavar="ID", help="les numéros que « outbox » montre, ou all")
    action.add_argument("--to", metavar="ADRESSE", default="", help="à cette adresse plutôt qu'à la sienne")
    action.set_defaults(action="retry")

    action = actions.add_parser("drop", help="ne pas envoyer, et effacer")
    action.add_argument("ids", nargs="+", type=int, metavar="ID", help="les numéros que « outbox » montre")
    action.add_argument("--yes", action="store_true", help="sans demander")
    action.set_defaults(action="drop")


def _add_mail(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("mail", help="les courriels reçus qui n'ont pas pu être traités")
    command.set_defaults(run=_mail, action="list")
    actions = command.add_subparsers(title="actions", metavar="ACTION")

    action = actions.add_parser("show", help="ses en-têtes, et ce qui s'y lit")
    action.add_argument("id", type=int, metavar="ID", help="son numéro, comme « mail » le montre")
    action.set_defaults(action="show")

    action = actions.add_parser("export", help="le courriel tel qu'il est arrivé, dans un fichier .eml")
    action.add_argument("id", type=int, metavar="ID", help="son numéro, comme « mail » le montre")
    action.add_argument("file", type=Path, metavar="FICHIER", help="un nom qui n'existe pas encore")
    action.set_defaults(action="export")

    action = actions.add_parser("replay", help="le traiter de nouveau, tel quel ou réparé")
    action.add_argument("id", metavar="ID", help="le numéro que « mail » montre, ou all")
    action.add_argument("file", type=Path, nargs="?", metavar="FICHIER", help="le courriel réparé (.eml)")
    action.set_defaults(action="replay")

    action = actions.add_parser("drop", help="l'abandonner, et l'effacer d'ici")
    action.add_argument("ids", nargs="+", type=int, metavar="ID", help="les numéros que « mail » montre")
    action.add_argument("--yes", action="store_true", help="sans demander")
    action.set_defaults(action="drop")


def _log_to_terminal(settings: Settings) -> None:
    if sys.stderr.isatty() and settings.log_format == "text":
        shown = RichHandler(console=err, markup=False)
        logs.set_up(settings, form="%(about)s%(message)s", handler=shown, whole_stream=True)
    else:
        logs.set_up(settings, whole_stream=True, objects=settings.log_format == "json", process="service")
    if settings.log_level == "debug":
        vars(imaplib)["Debug"] = 4  # what both sides say, on standard error


def _serve(_: argparse.Namespace) -> int:
    from bot.mending import MendingError
    from bot.running import AlreadyRunning
    from bot.service import StoreDamaged, serve

    settings = Settings.load()
    _log_to_terminal(settings)
    try:
        logs.run(serve(settings))
    except StoreDamaged as error:
        err.print(Text(f"Le service s'arrête : {error} ; il la remet en état en redémarrant.", style="bold red"))
        return DAMAGED
    except MendingError as error:
        err.print(Text(f"Le service ne démarre pas : {error}.", style="bold red"))
        return UNUSABLE
    except AlreadyRunning as error:
        err.print(Text(f"Le service ne démarre pas : {error}.", style="bold red"))
        return UNUSABLE
    return ANSWERED


def _demo(options: argparse.Namespace) -> int:
    try:
        from bot.sandbox import demo
    except ModuleNotFoundError as error:
        err.print(Text(f"La démonstration a besoin de {error.name} : pip install 'origyne-bot[demo]'."))
        return UNUSABLE
    return asyncio.run(demo.play(out) if options.script else demo.serve(out, options.port))


def _sync(_: argparse.Namespace) -> int:
    from core.layouts import LayoutError
    from core.mirror import Progress as Fetching
    from core.sync import Syncer

    settings = Settings.load()
    logs.set_up(settings, logging.ERROR, form="%(message)s")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[size]}"),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
    )
    with bar:
        fetching = bar.add_task("Réception", total=None, size="")
        reading = bar.add_task("Lecture  ", total=None, size="", visible=False)

        def fetched(state: Fetching) -> None:
            size = f"{state.bytes / 1e6:.1f} / {state.of_bytes / 1e6:.1f} Mo".replace(".", ",")
            bar.update(fetching, total=state.of_files, completed=state.files, size=size)

        def read(done: int, total: int) -> None:
            bar.update(reading, total=total, completed=done, visible=total > 0)

        try:
            made = asyncio.run(Syncer(settings).run(fetched, read))
        except LayoutError as error:
            err.print(Text(str(error), style="bold red"))
            return UNUSABLE
    counts = f"{french.count(made.fetched, 'fichier reçu', 'fichiers reçus')}, {french.count(made.read, 'lu')}"
    out.print(f"{counts}, {made.waiting} en cours d'envoi par l'opérateur.")
    for _path, reason in made.failed[:10]:
        err.print(Text(reason, style="bold red"))
    if made.error:
        err.print(Text(f"Le FTP n'a pas été suivi jusqu'au bout : {made.error}", style="bold red"))
        return REFUSED
    return REFUSED if made.failed else ANSWERED


def _ask(options: argparse.Namespace) -> int:
    from bot.ask_command import ask

    return ask(options, out, err)


def _rejects(options: argparse.Namespace) -> int:
    from bot.files_command import show_rejects

    return show_rejects(options, out, err)


def _accept(options: argparse.Namespace) -> int:
    from bot.files_command import accept_file

    return accept_file(options, out, err)


def _export(options: argparse.Namespace) -> int:
    from bot.export_command import run

    return run(options, out, err)


def _routes(options: argparse.Namespace) -> int:
    from bot.routes_command import show_routes

    return show_routes(options, out, err)


def _rebuild(options: argparse.Namespace) -> int:
    from bot.files_command import rebuild_store

    return rebuild_store(options, out, err)


def _layout_check(options: argparse.Namespace) -> int:
    from bot.layout_command import check

    return check(options, out, err)


def _layout_suggest(options: argparse.Namespace) -> int:
    from bot.layout_command import suggest

    return suggest(options, out, err)


def _outbox(options: argparse.Namespace) -> int:
    from bot.outbox_command import run

    return run(options, out, err)


def _mail(options: argparse.Namespace) -> int:
    from bot.mail_command import run

    return run(options, out, err)


def _run(module: ModuleType, options: argparse.Namespace) -> int:
    return int(module.run(options, out, err))


def _doctor(_: argparse.Namespace) -> int:
    from bot.doctor import examine

    async def tell() -> bool:
        sound = True
        async for finding in examine(Settings.load()):
            mark, style = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "fault": ("✗", "bold red")}[finding.level]
            out.print(Text(f"{mark} {finding.subject} : {finding.text}", style=style))
            sound = sound and finding.level != "fault"
        return sound

    return ANSWERED if asyncio.run(tell()) else REFUSED

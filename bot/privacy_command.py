"""`origyne-bot privacy`: what is held about a line or a client, handed over or erased."""

import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console
from rich.text import Text
from sqlite_utils import Database

from bot.desk import audit, open_desk
from bot.outbox_command import is_confirmed
from core import privacy, store
from core.layouts import fold
from core.numbers import show
from core.privacy import Erasure, LineErasure, PrivacyError, Subject, Terms
from core.settings import Settings
from core.words import STATUS
from handlers import french
from handlers.audit import OUTCOMES

DONE, REFUSED = 0, 1

#: Seconds that a pass over the FTP is waited for.
_PATIENCE = 60


def declare(command: ArgumentParser) -> None:
    """What can be said on the command line."""
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)

    action = actions.add_parser("export", help="tout ce qui est gardé d'une ligne ou d'un client, en fichiers")
    _add_who(action)
    action.add_argument("--to", type=Path, metavar="DOSSIER", help="un nom qui n'existe pas encore")
    action.set_defaults(action="export")

    action = actions.add_parser("erase", help="effacer ce que la loi ne fait pas garder ; dit d'abord quoi")
    _add_who(action)
    action.add_argument("--yes", action="store_true", help="sans demander")
    action.set_defaults(action="erase")


def _add_who(action: ArgumentParser) -> None:
    action.add_argument("who", nargs="+", metavar="NUMÉRO|CLIENT", help="un numéro, ou un morceau du nom d'un client")


def run(options: Namespace, out: Console, err: Console) -> int:
    """`options.action`: export or erase."""
    settings = Settings.load()
    data = settings.open_data_folder()
    words = " ".join(options.who)
    try:
        if options.action == "export":
            return _export(words, options, settings, data, out)
        return _erase(words, options, settings, data, out)
    except PrivacyError as refused:
        err.print(Text(str(refused)))
    except Timeout:
        err.print(Text("Une passe est en cours depuis plus d'une minute ; recommencer ensuite."))
    except OSError as error:
        err.print(Text(f"Rien n'est écrit : {error.strerror or error}.", style="bold red"))
    return REFUSED


def _record(data: Path, command: str, who: Subject, shown: str) -> None:
    with closing(open_desk(data)) as desk, desk.atomic():
        about = who.name if who.client_id is not None else who.msisdns[0]
        audit.record_by_hand(desk, f"privacy {command}", about=about, shown=shown)


# -- export


def _export(words: str, options: Namespace, settings: Settings, data: Path, out: Console) -> int:
    store.open_to_write(data).close()
    now = int(time.time())
    terms = Terms(settings.retention_months, settings.retention_audit)
    with closing(store.open_to_read(data)) as db, closing(open_desk(data)) as desk:
        db.execute("BEGIN")  # one state of the store, even while a pass goes on
        who = privacy.subject(db, words)
        to = options.to or Path(f"donnees_{_file_name(who)}_{time.strftime('%Y%m%d', time.localtime(now))}")
        counts = privacy.export(
            db, who, to, settings.vault, [_audited(desk, who, privacy.cards_of(db, who.msisdns), terms)], terms, now
        )
    _record(data, "export", who, "données")
    out.print(Text(f"{to} : {who.name}", style="bold"))
    for name, count in counts.items():
        out.print(Text(f"  {name}.csv : {french.count(count, 'rangée')}"))
    out.print("  donnees.json : les mêmes, pour un programme")
    out.print("  LISEZ-MOI.txt : ce qu'est chaque fichier, d'où il vient, combien de temps il est gardé et pourquoi")
    out.print("Ces fichiers sont confidentiels : ne les remettre qu'à la personne concernée, par un moyen sûr.")
    return DONE


def _file_name(who: Subject) -> str:
    return re.sub(r"[^a-z0-9]", "", fold(who.name))[:60] or str(who.client_id)


def _audited(desk: Database, who: Subject, cards: list[str], terms: Terms) -> privacy.Table:
    """Who asked is left out: he is another person."""
    about = [*who.msisdns, *cards] + ([who.name] if who.client_id is not None else [])

    def rows() -> Sequence[Sequence[Any]]:
        found = []
        for begin in range(0, len(about), 500):
            some = about[begin : begin + 500]
            found += desk.execute(
                "SELECT at, door, command, outcome, about, shown, why FROM audit "
                f"WHERE about IN ({', '.join('?' * len(some))})",
                some,
            ).fetchall()
        return [
            (at, door, command, OUTCOMES.get(outcome, outcome), *rest)
            for at, door, command, outcome, *rest in sorted(found)
        ]

    return privacy.Table(
        "acces",
        "qui a consulté quoi à ce sujet par le robot, sans le nom de qui a demandé",
        "journal d'audit du robot",
        f"{terms.audit} mois : pour montrer qui a vu quoi",
        (
            ("le", "moment"),
            ("par", "text"),
            ("commande", "text"),
            ("issue", "text"),
            ("au_sujet_de", "text"),
            ("montre", "text"),
            ("raison", "text"),
        ),
        rows,
    )


# -- erase


def _erase(words: str, options: Namespace, settings: Settings, data: Path, out: Console) -> int:
    with closing(store.open_to_write(data)) as db:
        who = privacy.subject(db, words)
        plan = privacy.plan_erasure(db, who, settings.vault)
        _tell(plan, settings, out)
        if plan.is_empty:
            out.print("Rien à effacer.")
            return DONE if plan.lines else REFUSED
        if not is_confirmed("Ce qui est effacé ne revient pas, même avec « rebuild ».", options, out):
            out.print("Rien n'a été effacé.")
            return REFUSED
        with FileLock(data / "sync.lock", timeout=_PATIENCE):
            if privacy.plan_erasure(db, who, settings.vault) != plan:
                raise PrivacyError("Une passe vient de changer ces lignes, rien n'a été effacé : relancer la commande.")
            privacy.erase(db, data, plan, int(time.time()))
    _record(data, "erase", who, _summary(plan))
    out.print(f"Effacé : {french.count(sum(not line.is_empty for line in plan.lines), 'ligne')}.")
    return DONE


def _tell(plan: Erasure, settings: Settings, out: Console) -> None:
    out.print(Text(plan.who.name, style="bold"))
    for line in plan.lines:
        out.print(
            Text(
                f"{show(line.msisdn)}, {_status(line)} : "
                + ("à effacer" if not line.is_empty else "plus rien à effacer")
            )
        )
        for words in _parts(line, plan.until):
            out.print(Text(f"  • {words}"))
    for number, status in plan.in_service:
        out.print(Text(f"{show(number)}, {STATUS.get(status, status)} : contrat en cours, rien n'est effacé"))
    if plan.in_service:
        out.print(
            "Le contrat d'une ligne en service a besoin de son état, de son historique, de sa carte et de ses codes, "
            "la facturation de ses communications jusqu'à leur terme. Une fois la ligne résiliée, relancer la commande."
        )
    out.print("")
    out.print(Text("Ce qui reste, et pourquoi :", style="bold"))
    unbilled = sum(line.unbilled for line in plan.lines)
    kept = ["les totaux par mois et les factures : pièces comptables, dix ans (Code de commerce, art. L123-22)"]
    if plan.lines:
        kept.append("le numéro, son client, son statut et son forfait : les totaux et les factures s'y rapportent")
    if unbilled:
        rows = french.count(unbilled, "communication pas encore facturée", "communications pas encore facturées")
        kept.append(
            f"{rows} : la facturation en a besoin (CPCE, art. L34-2) ; "
            "relancer après la facturation, ou elles partent à leur terme"
        )
    kept += [
        "les fichiers reçus de l'opérateur, où toutes les lignes sont mêlées : ceux des communications partent à "
        f"{settings.retention_months} mois au plus ; rien de ce qui est effacé n'en revient",
        f"le journal d'audit, {settings.retention_audit} mois, et les messages échangés avec le robot, à leur terme",
    ]
    for words in kept:
        out.print(Text(f"  • {words}{'.' if words is kept[-1] else ' ;'}"))


def _status(line: LineErasure) -> str:
    if line.status == "gone":
        return "disparue de l'état"
    return STATUS[line.status] if line.status else "dans aucun état"


def _parts(line: LineErasure, until: int) -> list[str]:
    """What goes of a line, in words."""
    last = (date(1970, 1, 1) + timedelta(days=until)).strftime("%d/%m/%Y")
    counted: list[tuple[int, Callable[[int], str]]] = [
        (line.changes, lambda n: f"son historique : {french.count(n, 'changement')}"),
        (line.events, lambda n: french.count(n, "avis de changement", "avis de changements")),
        (line.has_rio, lambda _: "son RIO"),
        (
            len(line.cards),
            lambda n: (
                f"le lien avec {french.count(n, 'carte SIM', 'cartes SIM')}"
                + (", dont les codes PIN et PUK" if line.coded else "")
            ),
        ),
        (
            len(line.rejects),
            lambda n: f"le contenu de {french.count(n, 'rangée mise de côté', 'rangées mises de côté')}",
        ),
        (line.rows, lambda n: f"{french.count(n, 'communication')}, celles des mois facturés, jusqu'au {last}"),
    ]
    return [words(number) for number, words in counted if number]


def _summary(plan: Erasure) -> str:
    return f"{french.count(len(plan.lines), 'ligne')}, {sum(line.rows for line in plan.lines)} CDR"

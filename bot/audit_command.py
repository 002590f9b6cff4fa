"""`origyne-bot audit`: who asked what, searched, exported, and proved to be as it was written."""

import argparse
import csv
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text
from sqlite_utils import Database

from bot.desk import audit, open_desk
from bot.desk.chain import SHORTEST_HEAD, Verdict
from bot.terminal import draw
from core.settings import Settings
from handlers import french
from handlers.answer import Answer, Table
from handlers.audit import DOORS, OUTCOMES, became, what, who
from handlers.desk import Audited, AuditPage
from handlers.periods import Period, take_period

DONE, REFUSED = 0, 1

#: Rows that are shown where nobody says how many.
_SHOWN = 50

_HEADERS = ("numéro", "quand", "utc", "personne", "nom", "par", "commande", "issue", "sur", "montré", "motif")


def declare(command: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = (
        "audit puk hier                      les PUK d'hier\n"
        "audit refusé --since 2026-11-01     ce qui a été refusé depuis le 1er novembre\n"
        "audit verify [--head NUMÉRO:HASH]   prouver que rien n'a été changé ni enlevé\n"
        "audit export FICHIER.csv            tout, ou ce que les options limitent, dans un fichier"
    )
    command.add_argument(
        "words",
        nargs="*",
        metavar="MOTS",
        help="personne, commande, numéro, carte, client, issue, période ; ou verify, ou export FICHIER.csv",
    )
    command.add_argument("--since", type=_since, metavar="JOUR", help="à partir de ce jour (2026-11-01, hier, octobre)")
    command.add_argument("--until", type=_until, metavar="JOUR", help="jusqu'à ce jour compris")
    command.add_argument("--person", default="", metavar="PERSONNE", help="les questions d'une seule personne")
    command.add_argument(
        "--limit", type=_limit, default=None, metavar="N", help=f"les N dernières ({_SHOWN} par défaut)"
    )
    command.add_argument("--head", default="", metavar="HASH", help="avec verify : une empreinte notée auparavant")


def run(options: argparse.Namespace, out: Console, err: Console) -> int:
    """Search, or the action that the first word names: verify or export."""
    action, *rest = options.words or [""]
    if action == "export" and len(rest) != 1:
        err.print(Text("Il manque le fichier : origyne-bot audit export FICHIER.csv", style="bold red"))
        return REFUSED
    if options.head and action != "verify":
        err.print(Text("--head va avec verify : origyne-bot audit verify --head NUMÉRO:HASH", style="bold red"))
        return REFUSED
    with closing(open_desk(Settings.load().open_data_folder())) as db:
        if action == "verify" and not rest:
            return _verify(db, options.head, out, err)
        if action == "export":
            return _export(db, options, Path(rest[0]), out, err)
        return _show(db, options, out)


def _note(db: Database, action: str) -> None:
    audit.record_by_hand(db, action, shown="audit")


# -- search


def _found(db: Database, options: argparse.Namespace, words: str, limit: int) -> AuditPage:
    return audit.search(db, words, person=options.person, since=options.since, until=options.until, limit=limit)


def _show(db: Database, options: argparse.Namespace, out: Console) -> int:
    words = " ".join(options.words)
    page = _found(db, options, words, options.limit or _SHOWN)
    _note(db, "audit")
    title = french.count(page.total, "entrée")
    if page.total > len(page.rows):
        title += f", dont les {len(page.rows)} dernières"
    if page.period:
        title += f" ({page.period})"
    rows = tuple(
        (_moment(row.at), who(row), DOORS.get(row.door, row.door), what(row), became(row)) for row in page.rows
    )
    table = Table(("Quand", "Qui", "Par", "Quoi", "Issue"), rows) if rows else None
    draw(Answer(title, table=table), out)
    return DONE


def _moment(seconds: int) -> str:
    """24/11/2026 08:00:05, in Paris."""
    return datetime.fromtimestamp(seconds, french.PARIS).strftime("%d/%m/%Y %H:%M:%S")


# -- export


def _export(db: Database, options: argparse.Namespace, path: Path, out: Console, err: Console) -> int:
    page = _found(db, options, "", options.limit or -1)
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        err.print(Text(f"{path} existe déjà : choisir un autre nom.", style="bold red"))
        return REFUSED
    except OSError as error:
        err.print(Text(f"On ne peut pas écrire {path} : {error.strerror}.", style="bold red"))
        return REFUSED
    # The mark at the beginning tells spreadsheets that it is UTF-8.
    with os.fdopen(opened, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(_HEADERS)
        writer.writerows(_cells(page.rows))
    _note(db, "audit export")
    out.print(Text(f"{french.count(len(page.rows), 'entrée')} dans {path}, lisible par vous seul."))
    return DONE


def _cells(rows: tuple[Audited, ...]) -> Iterator[list[str]]:
    for row in reversed(rows):
        told = (row.person, row.name, DOORS.get(row.door, row.door), row.command)
        became_ = (OUTCOMES.get(row.outcome, row.outcome), row.about, row.shown, row.why)
        yield [str(row.id), _moment(row.at), str(row.at), *map(_text, told), *map(_text, became_)]


def _text(value: str) -> str:
    """A cell that a spreadsheet takes for a text: what a stranger chose may begin like a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


# -- proof


def _verify(db: Database, head: str, out: Console, err: Console) -> int:
    if head and len(head.strip().rpartition(":")[2]) < SHORTEST_HEAD:
        err.print(
            Text(f"Une empreinte a au moins {SHORTEST_HEAD} signes ; verify donne la dernière.", style="bold red")
        )
        return REFUSED
    verdict = audit.verify(db, head)
    _note(db, "audit verify")
    for line in _in_words(verdict, head):
        out.print(Text(line, style="" if verdict.is_whole else "bold red"))
    return DONE if verdict.is_whole else REFUSED


def _in_words(verdict: Verdict, head: str) -> list[str]:
    told = [_fault(verdict) or _whole(verdict)]
    if verdict.purged[0]:
        told.append(
            f"Les lignes 1 à {verdict.purged[0]} ont été purgées, leur durée de garde passée : la dernière était du "
            f"{_moment(verdict.purged[1])}."
        )
    if head and verdict.noted_is_purged:
        told.append("L'empreinte notée est celle d'une ligne purgée depuis : elle ne prouve plus rien.")
    elif verdict.noted:
        told.append(
            f"L'empreinte notée est celle de la ligne {verdict.noted} : rien n'a changé ni ne manque jusque-là."
        )
    elif verdict.noted == 0:
        told.append(
            "L'empreinte notée n'est plus dans la chaîne : des lignes ont été enlevées à la fin, ou la chaîne refaite."
        )
    number, written = verdict.head
    if number and not verdict.fault:
        told.append(f"Dernière empreinte, à noter ailleurs qu'ici : {number}:{written}")
    return told


def _whole(verdict: Verdict) -> str:
    if not verdict.rows:
        return "Le journal d'audit est entier : il est vide."
    lines = french.count(verdict.rows, "ligne")
    return f"Le journal d'audit est entier : {lines}, du {_moment(verdict.first_at)} au {_moment(verdict.last_at)}."


def _fault(verdict: Verdict) -> str:
    match verdict.fault:
        case "changed":
            return f"Le journal d'audit a été changé : la ligne {verdict.broken} n'est pas celle qui fut écrite."
        case "missing":
            return f"Le journal d'audit n'est pas entier : il manque des lignes avant la ligne {verdict.broken}."
        case "anchor":
            return "Le journal d'audit a été changé : son point de départ n'est plus là."
    return ""


# -- arguments


def _period(text: str) -> Period:
    rest, period = take_period(text, int(datetime.now(french.PARIS).timestamp()))
    if period is None or rest:
        raise argparse.ArgumentTypeError(f"« {text} » n'est pas un jour (2026-11-01, hier, octobre)")
    return period


def _since(text: str) -> int:
    return french.start_of(_period(text).first)


def _until(text: str) -> int:
    return french.start_of(_period(text).last + 1)


def _limit(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"« {text} » n'est pas un nombre de lignes")
    return int(text)

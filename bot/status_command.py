"""`origyne-bot status`: how the service is, from outside: by what it last wrote of itself and by the stores, which are
only read. Nothing is asked of the service, so that one that hangs, or is gone, is told as well."""

import sqlite3
import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass

from pydantic import TypeAdapter
from rich.console import Console
from rich.text import Text

from bot import health, running
from bot.desk import faulty
from bot.health import Health, looking
from bot.queues import Queues, look
from bot.state import state_of
from bot.supervision import NAMES
from bot.terminal import draw
from bot.verdict import Finding, Verdict, ago, judge
from core import backup, freshness
from core.folders import FRENCH
from core.freshness import FolderState, LastPass
from core.settings import Settings
from core.system_words import in_french
from handlers import etat, french
from handlers.answer import Answer, Table

_STATUS = {"well": 0, "unwell": 1, "down": 2}

#: Columns before what is told.
_LABEL = 16


@dataclass(frozen=True)
class Report:
    """All that is known. `health`: what the service last wrote; the rest comes from the stores and is of now, with None
    where they cannot be read; `backup_at`: UTC seconds, 0 for none yet, None where none is to be made."""

    verdict: Verdict
    health: Health | None
    queues: Queues | None = None
    last_pass: LastPass | None = None
    next_pass: int = 0
    folders: tuple[FolderState, ...] = ()
    backup_at: int | None = None


def declare(command: ArgumentParser) -> None:
    """What can be said on the command line."""
    command.epilog = (
        "Statut rendu : 0 le service va bien, 1 quelque chose est à voir, 2 il ne tourne pas ou ne répond plus. Une "
        "livraison en retard n'est pas une panne du service."
    )
    command.add_argument("--json", action="store_true", help="la même chose, pour un programme")
    command.add_argument("--check", action="store_true", help="une seule ligne, pour une surveillance")


def run(options: Namespace, out: Console, err: Console) -> int:
    """Tell, and say by the exit status how it is."""
    settings, now = Settings.load(), int(time.time())
    if options.check:
        verdict = judge(health.read(settings.data), running=_is_running(settings), now=now)
        out.print(Text(" ; ".join([verdict.words, *(it.words for it in verdict.findings if it.serious)])))
        return _STATUS[verdict.level]
    report = _report(settings, now)
    if options.json:
        out.print(Text(TypeAdapter(Report).dump_json(report, indent=1).decode()))
    else:
        draw(Answer(report.verdict.words, tuple(_lines(report, now))), out)
        if report.folders:
            draw(Answer("", table=_table(report.folders, now)), out)
    return _STATUS[report.verdict.level]


def _is_running(settings: Settings) -> bool:
    return settings.data.is_dir() and running.is_running(settings.data)


def _report(settings: Settings, now: int) -> Report:
    wrote, is_running = health.read(settings.data), _is_running(settings)
    newest = backup.newest(settings)
    backup_at = (newest.at if newest else 0) if newest or settings.backups_kept else None
    try:
        with looking(settings.data) as (desk, telecom):
            queues, last = look(desk, telecom, now), freshness.last_pass(telecom)
            folders = tuple(it for it in freshness.folders(telecom, now) if it.files)
            state = state_of(queues, wrote.faults if wrote else (), {}, faulty.marked(desk, now), backup_at)
            others = [Finding(words) for words in etat.to_see(telecom, settings, state, folders, now)]
    except sqlite3.Error as error:
        unread = Finding(
            f"Les bases de {settings.data} ne se lisent pas ({in_french(error)})", "origyne-bot doctor dit quoi faire."
        )
        return Report(judge(wrote, running=is_running, now=now, others=(unread,) if wrote else ()), wrote)
    others += _left(queues)
    verdict = judge(wrote, running=is_running, now=now, others=tuple(others))
    following = freshness.next_pass(freshness.rhythm_of(settings), now, last.ended if last else None)
    return Report(verdict, wrote, queues, last, following, folders, backup_at)


def _left(queues: Queues) -> list[Finding]:
    failed = sum(it.failed for it in queues.outgoing.values())
    found = []
    if failed:
        words = french.count(failed, "message n'a pas pu être remis", "messages n'ont pas pu être remis")
        found.append(Finding(words, "origyne-bot outbox les montre."))
    if queues.aside:
        words = french.count(queues.aside, "courriel reçu est resté", "courriels reçus sont restés")
        found.append(Finding(f"{words} de côté", "origyne-bot mail les montre."))
    return found


# -- on the screen


def _lines(report: Report, now: int) -> list[str]:
    wrote, told = report.health, list[str]()
    if wrote:
        told.append(
            f"version {wrote.version} · processus {wrote.pid} · {french.volume(wrote.stores.memory)} de mémoire · "
            f"{french.volume(wrote.stores.disk_free)} libres sur le disque"
        )
    for finding in report.verdict.findings:
        told.append(f"⚠️ {finding.words}")
        told += [f"   → {finding.to_do}"] if finding.to_do else []
    told.append("")
    if wrote and report.verdict.level != "down":
        told += _labelled("Boucles", _loops(wrote, now))
    if report.queues:
        told += _labelled("À faire", _to_do(report.queues, now))
    told += _labelled("Telegram", [_channel(report, "chat", wrote.signs.get("poll", 0) if wrote else 0, now)])
    told += _labelled("Courriel", [_channel(report, "mail", wrote.signs.get("imap", 0) if wrote else 0, now)])
    told += _labelled("FTP", [_ftp(report, now)])
    if report.backup_at is not None:
        told += _labelled("Sauvegarde", [ago(report.backup_at, now) if report.backup_at else "aucune encore"])
    return told


def _labelled(label: str, lines: list[str]) -> list[str]:
    return [f"{label if number == 0 else '':<{_LABEL}}{line}" for number, line in enumerate(lines)]


def _loops(wrote: Health, now: int) -> list[str]:
    running_now = sum(state.running_since > 0 for state in wrote.loops.values())
    stumbled = [
        f"{NAMES.get(name, name)} : {french.count(state.restarts, 'redémarrage')}, le dernier "
        f"{ago(state.fault_at, now)} ({state.fault})"
        for name, state in wrote.loops.items()
        if state.restarts
    ]
    return [f"{running_now} sur {len(wrote.loops)} tournent", *stumbled]


def _to_do(queues: Queues, now: int) -> list[str]:
    def since(at: int) -> str:
        return f" (depuis {ago(at, now).removeprefix('il y a ')})" if at else ""

    chat, mail = queues.outgoing["chat"], queues.outgoing["mail"]
    rest = [
        french.count(queues.uncertain, "message peut-être reçu deux fois", "messages peut-être reçus deux fois"),
        french.count(queues.events, "événement à annoncer", "événements à annoncer"),
    ]
    return [
        f"{french.count(queues.incoming, 'question attend', 'questions attendent')} une réponse{since(queues.oldest)}",
        f"à envoyer : {chat.waiting} dans Telegram{since(chat.oldest)}, "
        f"{mail.waiting} par courriel{since(mail.oldest)}",
        " · ".join(rest),
    ]


def _channel(report: Report, channel: str, looked_at: int, now: int) -> str:
    told = [_when("relevé", looked_at, now)]
    if report.queues:
        sent_at = report.queues.outgoing[channel].sent_at
        told += [_when("reçu", report.queues.received.get(channel, 0), now), _when("envoyé", sent_at, now)]
    return " · ".join(told)


def _when(done: str, at: int, now: int) -> str:
    return f"{done} {ago(at, now)}" if at else f"jamais {done}"


def _ftp(report: Report, now: int) -> str:
    last = report.last_pass
    if last is None:
        return "aucune passe ne s'est encore terminée"
    fetched = french.count(last.fetched, "fichier reçu", "fichiers reçus") if last.fetched else "rien de nouveau"
    following = max(0, report.next_pass - now)
    soon = f"au plus tard dans {following // 60 + 1}{french.NBSP}min" if following else "imminente"
    incomplete = "incomplète, " if last.error else ""
    return f"dernière passe {ago(last.ended, now)} ({incomplete}{fetched}) ; prochaine : {soon}"


def _table(folders: tuple[FolderState, ...], now: int) -> Table:
    rows = tuple((FRENCH[it.folder], it.path.rsplit("/", 1)[-1], ago(it.at, now)) for it in folders)
    return Table(("Dossier", "Dernier fichier", "Reçu"), rows)

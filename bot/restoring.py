"""A backup put in the place of the stores, in such a way that nothing is done twice in silence.

Nothing is deleted: what was there gets another name. Whatever breaks off is ended by the next start (`PENDING`).
"""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock
from sqlite_utils import Database

from bot.desk import FILE_NAME as DESK
from bot.desk import audit, open_desk, progress
from bot.notices import doubt
from core import backup as backups
from core import returning, store
from core.backup import Backup
from core.settings import Settings
from core.soundness import put_in_place, sync_folder, trust
from core.store import FILE_NAME as TELECOM
from handlers import french

#: Says what is being put in place, until it is.
PENDING = "restore.json"

#: Where the stores are made ready.
_WORKSHOP = "restoring"


@dataclass(frozen=True)
class Plan:
    """`stores`: those that the backup replaces; `damaged`: those of them that are; `cursor`: the last event that people
    were told of, and `told_until`: all that was fetched by then (UTC seconds) was told, as far as the desk that is
    there knows; None where nobody does. `by_hand`: somebody asked for it."""

    backup: str
    stores: tuple[str, ...]
    damaged: tuple[str, ...]
    by_hand: bool
    cursor: int = 0
    told_until: int | None = None


def plan(data: Path, backup: Backup, stores: Sequence[str], damaged: Sequence[str] = (), *, by_hand: bool) -> Plan:
    """What is to be done, with what the present desk knows."""
    cursor, until = (0, None) if DESK in damaged else told(data)
    if until is None and DESK in stores:
        until = backup.at  # whatever came since is told, as doubtful
    return Plan(str(backup.path.resolve()), tuple(stores), tuple(damaged), by_hand, cursor, until)


def told(data: Path) -> tuple[int, int | None]:
    """The last event that people were told of, and until when (UTC seconds) all that was fetched is told; None where
    there is no desk that knows."""
    if not (data / DESK).exists():
        return 0, None
    try:
        with closing(store.connect(data / DESK)) as desk:
            return progress.get(desk, "event_cursor"), progress.get(desk, "told_until") or None
    except sqlite3.DatabaseError:
        return 0, None


def restore(settings: Settings, wanted: Plan) -> list[str]:
    """Put it in place; what was done and what is to be known (French). Nobody else uses the data folder meanwhile, and
    the backup was found to be whole.

    :raises OSError: something cannot be written; the next start, or the next call, ends it.
    """
    data = settings.open_data_folder()
    backup = backups.read(Path(wanted.backup))
    if backup is None:
        raise FileNotFoundError(wanted.backup)
    with FileLock(data / "sync.lock"), workshop(data) as made:
        _write(data / PENDING, json.dumps(asdict(wanted)))
        now = int(time.time())
        brought = backups.bring_back_files(backup, data)
        for name in ("erasures.json", *(() if not wanted.by_hand else ("layouts.toml", "routes.toml"))):
            if name in backup.files and not (data / name).exists():
                shutil.copy2(backup.path / name, data / name)
        for name in wanted.stores:
            shutil.copyfile(backup.path / name, made / name)
            (made / name).chmod(0o600)
        said = [f"La sauvegarde du {french.moment(backup.at, now)} est remise en place ({' et '.join(wanted.stores)})."]
        if brought:
            said.append(
                f"{french.count(brought, 'fichier reçu', 'fichiers reçus')} de l'opérateur en reviennent aussi."
            )
        if TELECOM in wanted.stores:
            with closing(store.open_to_write(made)) as telecom:
                said += _make_present(telecom, data, made, backup, wanted, settings)
        if DESK in wanted.stores:
            with closing(open_desk(made)) as desk:
                said += _make_safe(desk, _last_pass(made, data, wanted), backup, now)
        for name in wanted.stores:
            put_in_place(made / name, data / name, damaged=name in wanted.damaged)
            said += _where_the_former_is(data, name)
        if wanted.by_hand:
            backups.be(data, backup)
        (data / PENDING).unlink()
        sync_folder(data)
        trust(data)
    return said


@contextmanager
def workshop(data: Path) -> Iterator[Path]:
    """An empty folder where stores are made ready, on the disk of those that they replace."""
    folder = data / _WORKSHOP
    shutil.rmtree(folder, ignore_errors=True)  # what a crash left
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def _where_the_former_is(data: Path, name: str) -> list[str]:
    former = max((it for it in data.glob(f"{name}.*.*") if not it.name.endswith("-wal")), default=None)
    return [f"L'ancienne base reste un mois sous {former.name}."] if former else []


def _last_pass(workshop: Path, data: Path, wanted: Plan) -> int:
    """The first pass that may bring what was told before."""
    folder = workshop if TELECOM in wanted.stores else data
    if not (folder / TELECOM).exists():
        return 1
    with closing(store.connect(folder / TELECOM)) as telecom:
        (last,) = telecom.execute("SELECT coalesce(max(id), 0) FROM passes").fetchone()
    return int(last) + (TELECOM in wanted.stores)


# -- telecom.db


def _make_present(
    telecom: Database, data: Path, workshop: Path, backup: Backup, wanted: Plan, settings: Settings
) -> list[str]:
    erased = returning.erase_again(telecom, data, workshop, settings.vault)
    taken_up = returning.take_up(telecom, data, backup.at, wanted.told_until, settings.vault)
    if DESK not in wanted.stores:
        returning.go_on_after(telecom, wanted.cursor)
    said = []
    if erased:
        lines = french.count(erased, "ligne", "lignes")
        said.append(f"Ce qui a été effacé sur demande depuis l'est de nouveau ({lines}).")
    if taken_up:
        files = french.count(taken_up, "fichier reçu", "fichiers reçus")
        said.append(f"La prochaine passe relit {files} depuis.")
    said.append("Ce que l'opérateur a livré depuis et que le FTP a encore revient à la prochaine passe.")
    return said


# -- desk.db


def _make_safe(desk: Database, last_pass: int, backup: Backup, now: int) -> list[str]:
    """What the backup had under way may have been done since: it is marked, or not done again."""
    with desk.atomic():
        audit.record_by_hand(desk, "restore", shown=f"sauvegarde du {french.moment(backup.at, now)}")
        doubt.begin(desk, last_pass, now)
        unsure = desk.execute(
            "UPDATE outbox SET state = 'queued', uncertain = 1, next_try_at = 0 WHERE state IN ('queued', 'sending')"
        ).rowcount
        for held_id, lines in desk.execute("SELECT id, lines FROM held").fetchall():
            marked = [f"Peut-être déjà reçu : une sauvegarde a été remise en place le {french.moment(now)}."]
            desk.execute("UPDATE held SET lines = ? WHERE id = ?", (json.dumps(marked + json.loads(lines)), held_id))
        # A mail that nobody answered is still in the mailbox and comes in again; one that was answered has left it.
        desk.execute("DELETE FROM inbox WHERE door = 'mail' AND state = 'new'")
        # Telegram does not give again what it was told we have: what was being answered was, moments later.
        questions = desk.execute(
            "UPDATE inbox SET state = 'done', payload = NULL WHERE door = 'chat' AND state = 'new'"
        ).rowcount
        # A code that was used since must not work twice.
        desk.execute("UPDATE codes SET expires_at = min(expires_at, ?) WHERE used_at IS NULL", (now,))
        desk.execute("UPDATE address_codes SET expires_at = min(expires_at, ?)", (now,))
        desk.execute("DELETE FROM confirmations")
        # Of what was wrong then, the end may have been told; what still is wrong is told anew.
        desk.execute(
            "UPDATE faults SET gone_at = coalesce(gone_at, ?), cleared_at = ? "
            "WHERE key LIKE 'trouble.%' AND cleared_at IS NULL",
            (now, now),
        )
    at = french.moment(backup.at, now)
    said = [
        f"Ce qui a été annoncé depuis le {at} peut l'être une seconde fois, avec la mention « peut-être déjà reçu ».",
        f"Perdu depuis le {at} : les accès donnés, changés ou retirés (origyne-bot people list les montre, les "
        "refaire), les conversations, les réglages d'alertes et les lignes du journal d'audit.",
        "Les codes d'invitation et les confirmations en attente ne valent plus.",
    ]
    if unsure:
        parcels = french.count(unsure, "message attendait", "messages attendaient")
        said.append(f"{parcels} au moment de la sauvegarde : nouvel envoi, marqué incertain (origyne-bot outbox).")
    if questions:
        asked = french.count(questions, "question du chat était en cours", "questions du chat étaient en cours")
        said.append(f"{asked} alors, et a sans doute eu sa réponse : la reposer si besoin.")
    return said

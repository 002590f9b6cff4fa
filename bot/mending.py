"""Before anything is opened: are the stores sound? A damaged one is set aside and made anew, and that is told.

`telecom.db` comes from the newest whole backup, and the files that came since are read again: a backup alone has the
totals of months whose files are purged. Without one it is made from the kept files. `desk.db` can only come from a
backup; without one there is a new one, and what is lost is said.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from bot import restoring
from bot.desk import FILE_NAME as DESK
from bot.desk import audit, open_desk, progress
from bot.house import House
from bot.notices import doubt
from bot.notices.digest import announce
from bot.notices.news import News
from core import backup as backups
from core import copies, soundness, store
from core.backup import Backup
from core.settings import Settings
from core.store import FILE_NAME as TELECOM

log = logging.getLogger(__name__)

#: What was mended and nobody was told yet.
_WORDS = "mended.json"

#: A store that was damaged so often within a day is not mended once more: its disk is.
MOST_A_DAY = 3


class MendingError(Exception):
    """A store is damaged and could not be made anew (French, with what to do)."""


def mend(settings: Settings) -> list[str]:
    """Look at both stores; what was wrong and what was done about it (French) since somebody was told last, nothing
    where all is well. Nobody else uses them meanwhile.

    :raises MendingError: one cannot be mended.
    """
    data = settings.open_data_folder()
    for words in (*_end_restore(settings, data), *_mend(settings, data)):
        log.warning("%s", words)
        to_tell(data, [words])
    return _kept(data)


def tell(house: House, words: Sequence[str]) -> None:
    """Tell the technical contact what `mend` found and did."""
    if not words:
        return
    now = house.context.now()
    told = {"title": "⚠️ Les bases ont été remises en état", "lines": list(words), "thread": f"trouble.store:{now}"}
    with house.desk.atomic():
        announce(house, News("trouble.store", "", told))
    (house.data / _WORDS).unlink(missing_ok=True)


def to_tell(data: Path, words: Sequence[str]) -> None:
    """Let the next start of the service tell that too; what it is to tell already, once."""
    kept = _kept(data)
    new = [said for said in words if said not in kept]
    if new:
        part = data / f".{_WORDS}.part"
        part.write_text(json.dumps([*kept, *new], ensure_ascii=False), "utf-8")
        part.replace(data / _WORDS)


def _kept(data: Path) -> list[str]:
    with suppress(FileNotFoundError, ValueError):
        return [str(words) for words in json.loads((data / _WORDS).read_text("utf-8"))]
    return []


def _end_restore(settings: Settings, data: Path) -> list[str]:
    """One that broke off."""
    try:
        said = json.loads((data / restoring.PENDING).read_text("utf-8"))
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise MendingError(
            f"une remise en place a été interrompue et {data / restoring.PENDING} ne se lit pas : la refaire par "
            "« origyne-bot restore »"
        ) from error
    wanted = restoring.Plan(**{**said, "stores": tuple(said["stores"]), "damaged": tuple(said["damaged"])})
    try:
        return restoring.restore(settings, wanted)
    except OSError as error:
        raise MendingError(
            f"une remise en place a été interrompue et ne peut pas être finie ({error}) : rendre lisible "
            f"{wanted.backup}, ou en choisir une autre par « origyne-bot restore »"
        ) from error


def _mend(settings: Settings, data: Path) -> list[str]:
    whole = soundness.is_suspected(data)
    wrong = {name: why for name in (DESK, TELECOM) if (why := _fault(data, name, settings, whole=whole))}
    if not wrong:
        soundness.trust(data)
        return []
    lately = int(time.time()) - 86400
    for name, why in wrong.items():
        log.error("%s: %s", name, why)
        if soundness.times_damaged(data / name, lately) >= MOST_A_DAY:
            raise MendingError(
                f"{data / name} est encore abîmée ({why}), pour la {MOST_A_DAY + 1}e fois en un jour : le disque est "
                "sans doute en cause. En changer, puis « origyne-bot restore »"
            )
    # Before anything is done about it: who is killed meanwhile leaves sound stores and no other trace.
    # And what such a start left has no other cause than the one that it found.
    kept = _kept(data)
    heads = {f"La base {name} était abîmée : ": why for name, why in wrong.items()}
    to_tell(data, [f"{head}{why}." for head, why in heads.items() if not any(it.startswith(head) for it in kept)])
    backup = _newest_whole(settings, set(wrong))
    if backup:
        damaged = [name for name in wrong if (data / name).exists()]
        return restoring.restore(settings, restoring.plan(data, backup, list(wrong), damaged, by_hand=False))
    said = []
    if DESK in wrong:
        said += _new_desk(data, keep_telecom=TELECOM not in wrong)
    if TELECOM in wrong:
        said += _rebuilt(data)
    soundness.trust(data)
    return said


def _fault(data: Path, name: str, settings: Settings, *, whole: bool) -> str:
    path = data / name
    if path.exists():
        return soundness.fault(path, whole=whole)
    other = data / (TELECOM if name == DESK else DESK)
    if not other.exists():
        return ""  # the first start
    # Set aside and not replaced: a start that made it anew was cut short.
    was_there = soundness.times_damaged(path, 0) > 0
    was_there = was_there or any(name in it.files for it in backups.ours(data, settings.backups))
    if name == TELECOM:
        was_there = was_there or bool(copies.paths(data)) or restoring.told(data)[0] > 0
    return "le fichier manque" if was_there else ""


def _newest_whole(settings: Settings, needed: set[str]) -> Backup | None:
    for backup in backups.ours(settings.data, settings.backups):
        if needed <= set(backup.stores):
            if not (found := backups.faults(backup)):
                return backup
            log.error("backup %s: %s", backup.path, "; ".join(found))
    return None


def _new_desk(data: Path, *, keep_telecom: bool) -> list[str]:
    last = 0
    if keep_telecom:
        with closing(store.open_to_write(data)) as telecom:
            (last,) = telecom.execute("SELECT coalesce(max(last_event), 0) FROM passes").fetchone()
    with restoring.workshop(data) as workshop:  # one without its cursor would tell all that was ever told
        with closing(open_desk(workshop)) as desk, desk.atomic():
            audit.record_by_hand(desk, "restore", shown="nouvelle base, sans sauvegarde")
            progress.put(desk, "event_cursor", last)
            progress.put(desk, "restored_at", int(time.time()))
        soundness.put_in_place(workshop / DESK, data / DESK, damaged=True)
    return [
        "Il n'y a pas de sauvegarde entière de desk.db : elle est refaite vide.",
        "Perdu : les personnes invitées à la main et leurs rôles, les chats reliés (un nouveau code part à l'adresse "
        "technique), les conversations, les messages qui attendaient, les réglages d'alertes, le dossier saisi et le "
        "journal d'audit.",
        "Les nouvelles des dernières heures n'ont peut-être pas été annoncées : /historique les montre.",
    ]


def _rebuilt(data: Path) -> list[str]:
    """From the kept files, in a process of its own, for what reads them stays out of this one."""
    had_copies = bool(copies.paths(data))
    # A fixed command, with this very interpreter.
    done = subprocess.run(  # nosec B603
        [sys.executable, "-m", "bot", "rebuild"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MendingError(
            f"{data / TELECOM} ne se refait pas à partir des fichiers gardés ({done.stderr.strip()[-300:]}). "
            "Mettre cela en ordre, puis « origyne-bot rebuild », ou « origyne-bot restore »"
        )
    if not had_copies:
        with closing(open_desk(data)) as desk, desk.atomic():
            doubt.begin(desk, 1, int(time.time()))
    return [
        "Il n'y a pas de sauvegarde entière de telecom.db : elle est refaite à partir des fichiers gardés. "
        f"{done.stdout.strip()}",
        "Perdu : les totaux des mois dont les fichiers ont passé leur terme.",
        *(
            []
            if had_copies
            else ["Aucun fichier n'était gardé : tout ce que le FTP a encore revient, et sera annoncé."]
        ),
    ]

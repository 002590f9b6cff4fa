"""What does not work at the moment, and who is told: once it lasts, on a channel that works, and when it is over."""

import time
from dataclasses import replace
from typing import Literal

from bot.desk import faults
from bot.desk.faults import Fault
from bot.desk.outbox import Channel
from bot.house import House
from bot.notices.digest import announce
from bot.notices.news import News
from bot.notices.part import times
from handlers import french
from handlers.desk import Standing

Subject = Literal[
    "ftp",
    "ftp_files",
    "telegram",
    "smtp",
    "imap",
    "chat_queue",
    "mail_queue",
    "loops",
    "routes",
    "disk",
    "intake",
    "backup",
]

#: A fault that mends itself within that time (seconds) is told to nobody.
PATIENCE = 300

_WORDS: dict[Subject, tuple[str, str]] = {
    "ftp": ("Le FTP de l'opérateur ne se lit plus", "Le FTP de l'opérateur se lit de nouveau"),
    "ftp_files": (
        "Des fichiers du FTP ne se laissent pas prendre",
        "Tous les fichiers du FTP se laissent de nouveau prendre",
    ),
    "telegram": ("Le robot Telegram ne répond plus", "Le robot Telegram répond de nouveau"),
    "smtp": ("Les courriels ne partent plus", "Les courriels partent de nouveau"),
    "chat_queue": (
        "Des messages Telegram attendent sans partir",
        "Les messages Telegram qui attendaient sont partis",
    ),
    "mail_queue": ("Des courriels attendent sans partir", "Les courriels qui attendaient sont partis"),
    "loops": (
        "Une partie du service s'arrête et redémarre sans cesse",
        "Toutes les parties du service tournent de nouveau",
    ),
    "disk": (
        "Le disque du robot est bientôt plein",
        "Le disque du robot a de nouveau de la place",
    ),
    "intake": (
        "Les fichiers de l'opérateur ne peuvent plus être rangés",
        "Les fichiers de l'opérateur sont de nouveau rangés",
    ),
    "backup": ("Les sauvegardes ne se font plus", "Une sauvegarde est faite de nouveau"),
    "routes": (
        "routes.toml ne se lit pas : les avis suivent la règle d'origine",
        "routes.toml se lit de nouveau",
    ),
    "imap": ("La boîte aux lettres du robot ne se lit plus", "La boîte aux lettres du robot se lit de nouveau"),
}


#: What to do, where `doctor` does not tell.
_TO_DO: dict[Subject, str] = {
    "chat_queue": "La commande « origyne-bot outbox » montre ce qui attend ; si cela dure, redémarrer le service.",
    "mail_queue": "La commande « origyne-bot outbox » montre ce qui attend ; si cela dure, redémarrer le service.",
    "backup": "La commande « origyne-bot backup » en fait une tout de suite, et dit ce qui l'empêche.",
    "loops": "Le journal du service dit pourquoi ; « origyne-bot doctor » essaie chaque réglage et chaque serveur.",
}

_PREFIX = "trouble."


class Troubles:
    """Kept in `desk.db`, so that a restart neither tells again nor forgets to tell the end."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: dict[str, Fault] = faults.known(house.desk, _PREFIX)

    def reload(self) -> None:
        """The times of what was told are others (`bot.clock`); what was not is found again."""
        self._known = faults.known(self._house.desk, _PREFIX)

    def report(self, subject: Subject, reason: str) -> None:
        """Something failed; `reason` is French and holds no secret."""
        now, key = _now(), f"{_PREFIX}{subject}"
        before = self._known.get(key)
        if before is None:
            self._known[key] = Fault(key, reason, now, now)
        elif before.gone_at is None:
            self._known[key] = replace(before, reason=reason, last_at=now)
        else:
            self._known[key] = before.came(reason, now)

    def clear(self, subject: Subject) -> bool:
        """It worked. Whether somebody is told so now."""
        key = f"{_PREFIX}{subject}"
        fault = self._known.get(key)
        if fault is None or fault.cleared_at is not None:
            return False
        if not fault.is_open:  # nobody heard of it
            if fault.relapses:  # the end that was told is true
                self._known[key] = fault.gone(_now()).cleared(_now())
            else:
                del self._known[key]
            return False
        self._known[key] = fault.gone(_now())
        return self._tell_ends()

    def present(self) -> tuple[Standing, ...]:
        """What does not work now."""
        return tuple(
            Standing(f"{_WORDS[subject][0]} : {fault.reason}", fault.began_at, subject, _to_do(subject))
            for key, fault in self._known.items()
            for subject in (_subject(key),)
            if fault.gone_at is None and fault.cleared_at is None
        )

    def is_present(self, subject: Subject) -> bool:
        """Whether it fails now."""
        fault = self._known.get(f"{_PREFIX}{subject}")
        return fault is not None and fault.gone_at is None and fault.cleared_at is None

    def in_a_line(self) -> str:
        """How the service is, for who looks at the machine."""
        present = [
            f"{_WORDS[_subject(key)][0]} (depuis le {french.moment(fault.began_at, _now())})"
            for key, fault in self._known.items()
            if self.is_present(_subject(key))
        ]
        return f"En service, mais : {' ; '.join(present)}." if present else "En service."

    def tell(self, patience: float = PATIENCE) -> bool:
        """Tell what has lasted, once each, and once a day what goes on; and what is over. Whether there was any."""
        now, told = _now(), False
        for key, fault in list(self._known.items()):
            is_new = not fault.told_at and fault.gone_at is None and now - fault.began_at >= patience
            if fault.cleared_at is None and (is_new or fault.is_to_be_recalled(now)):
                self._announce(fault.told(now), f"⚠️ {_WORDS[_subject(key)][0]}", _alert(fault, now))
                told = True
            elif fault.is_forgotten(now):
                del self._known[key]
                faults.forget(self._house.desk, key)
        return self._tell_ends() or told

    def _tell_ends(self) -> bool:
        now, told = _now(), False
        for key, fault in list(self._known.items()):
            if fault.is_over(now, 0):
                lasted = f"La panne a duré depuis le {french.moment(fault.began_at, now)}."
                self._announce(fault.cleared(now), _WORDS[_subject(key)][1], lasted)
                told = True
        return told

    def _announce(self, fault: Fault, title: str, line: str) -> None:
        subject = _subject(fault.key)
        data = {
            "title": title,
            "lines": [line, _to_do(subject)],
            "thread": f"{fault.key}:{fault.began_at}",
        }
        with self._house.desk.atomic():
            faults.keep(self._house.desk, fault)
            announce(self._house, News(fault.key, "", data), but=_DEAD.get(subject, frozenset()))
        self._known[fault.key] = fault  # now that it is said


#: The channel that does not work then.
_DEAD: dict[Subject, frozenset[Channel]] = {
    "telegram": frozenset({"chat"}),
    "smtp": frozenset({"mail"}),
    "imap": frozenset({"mail"}),
    "chat_queue": frozenset({"chat"}),
    "mail_queue": frozenset({"mail"}),
}


def _alert(fault: Fault, now: int) -> str:
    if fault.told_at:
        return f"Par moments, {times(fault.times, fault.told_at, now)} : {fault.reason}"
    again = "De nouveau depuis" if fault.relapses else "Depuis"
    return f"{again} le {french.moment(fault.began_at, now)} : {fault.reason}"


def _to_do(subject: Subject) -> str:
    return _TO_DO.get(subject, "La commande « origyne-bot doctor » dit quoi faire.")


def _subject(key: str) -> Subject:
    subject = key.removeprefix(_PREFIX)
    return next(known for known in _WORDS if known == subject)


def _now() -> int:
    return int(time.time())

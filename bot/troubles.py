"""What does not work at the moment, and who is told: once it lasts, on a channel that works, and when it is over."""

import time
from dataclasses import dataclass
from typing import Literal

from bot.desk.people import TECHNICAL
from bot.house import House
from bot.mail.letter import Letter
from handlers import french
from handlers.answer import Answer

Subject = Literal["ftp", "ftp_files", "telegram", "smtp", "imap"]

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
    "imap": ("La boîte aux lettres du robot ne se lit plus", "La boîte aux lettres du robot se lit de nouveau"),
}


@dataclass
class _Trouble:
    reason: str
    since: float
    told: bool = False


class Troubles:
    """Kept in memory: after a restart, what still does not work is found out again."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._present: dict[Subject, _Trouble] = {}

    def report(self, subject: Subject, reason: str) -> None:
        """Something failed; `reason` is French and holds no secret."""
        known = self._present.setdefault(subject, _Trouble(reason, time.time()))
        known.reason = reason

    def clear(self, subject: Subject) -> bool:
        """It worked. Whether somebody is told so now."""
        known = self._present.pop(subject, None)
        if known is None or not known.told:
            return False
        self._tell(subject, _WORDS[subject][1], f"La panne a duré depuis le {french.moment(int(known.since))}.")
        return True

    def present(self) -> tuple[tuple[str, int], ...]:
        """What does not work now (French), and since when (UTC seconds)."""
        return tuple(
            (f"{_WORDS[subject][0]} : {trouble.reason}", int(trouble.since))
            for subject, trouble in self._present.items()
        )

    def tell(self, patience: float = PATIENCE) -> bool:
        """Tell what has lasted, once each. Whether there was something to tell."""
        lasting = [
            (subject, trouble)
            for subject, trouble in self._present.items()
            if not trouble.told and time.time() - trouble.since >= patience
        ]
        for subject, trouble in lasting:
            trouble.told = True
            since = french.moment(int(trouble.since))
            self._tell(subject, f"⚠️ {_WORDS[subject][0]}", f"Depuis le {since} : {trouble.reason}")
        return bool(lasting)

    def _tell(self, subject: Subject, title: str, line: str) -> None:
        contact = self._house.people.by_id(TECHNICAL)
        if contact is None:
            return
        answer = Answer(title, (line, "La commande « origyne-bot doctor » dit quoi faire."))
        with self._house.desk.atomic():
            if subject in ("ftp", "ftp_files", "telegram"):
                self._house.write_letter(
                    Letter(
                        to=contact.email,
                        subject=f"{self._house.profile.operator_name} : {title.removeprefix('⚠️ ')}",
                        greeting=f"Bonjour {contact.person.name},",
                        parts=(answer,),
                    )
                )
            if subject != "telegram":
                self._house.tell(TECHNICAL, [("troubles", answer)])

"""What the technical contact is told of files and lines.

Operator's card, B-5: CDR deliveries, provisioning confirmations and technical information go to the technical address,
by name of the contact, and to his chat.
"""

from collections.abc import Sequence
from typing import Any

from bot.house import House
from bot.notices.news import News
from core.numbers import show
from handlers import french
from handlers.answer import Answer, Button, Table
from handlers.desk import Topic

#: Lines that changed and are a touch away; of more, the list alone is shown.
_MOST_BUTTONS = 6

_CHANGES = {
    "line.new": "nouvelle",
    "line.activated": "activée",
    "line.suspended": "suspendue",
    "line.resumed": "rétablie",
    "line.terminated": "résiliée",
    "line.sim": "SIM changée",
    "line.client": "client changé",
    "line.plan": "forfait changé",
    "line.status": "statut changé",
    "line.vanished": "disparue de l'état",
    "line.returned": "de retour dans l'état",
}


def say(house: House, news: Sequence[News]) -> list[tuple[Topic, Answer]]:
    """The parts of one digest, with what each is muted by in a chat."""
    return [
        *(("lines", part) for part in (*_lines_loaded(news), *_line_changes(house, news))),
        *_arrivals(news),
        *(("faults", part) for part in _faults(news)),
    ]


def _lines_loaded(news: Sequence[News]) -> list[Answer]:
    return [
        Answer(
            f"Première lecture : {french.count(it.data['lines'], 'ligne')}, "
            f"{french.count(it.data['clients'], 'client')}",
            ("Les changements d'état seront signalés au fil des fichiers.",),
        )
        for it in _of(news, "lines.loaded")
    ]


def _line_changes(house: House, news: Sequence[News]) -> list[Answer]:
    changes = [it for it in news if it.kind in _CHANGES]
    if not changes:
        return []
    now = house.context.now()
    numbers = list(dict.fromkeys(it.data["msisdn"] for it in changes))
    rows = tuple(
        (
            show(it.data["msisdn"]),
            it.data["client"] or "—",
            _CHANGES[it.kind],
            _before_after(it.data),
            french.moment(it.data["at"], now),
        )
        for it in changes
    )
    return [
        Answer(
            french.count(len(changes), "changement de ligne", "changements de lignes"),
            table=Table(("Ligne", "Client", "Changement", "Détail", "Vu dans l'état du"), rows),
            buttons=tuple(Button(show(msisdn), f"status {msisdn}") for msisdn in numbers)
            if len(numbers) <= _MOST_BUTTONS
            else (),
        )
    ]


def _before_after(data: dict[str, Any]) -> str:
    return " → ".join(word for word in (data["before"], data["after"]) if word)


def _arrivals(news: Sequence[News]) -> list[tuple[Topic, Answer]]:
    parts: list[tuple[Topic, Answer]] = []
    rated = _of(news, "rated.arrived")
    if rated:
        rows = sum(it.data["new"] for it in rated)
        known = sum(it.data["rows"] for it in rated) - rows
        told = [f"{french.count(rows, 'nouvelle communication', 'nouvelles communications')}."]
        if known:
            told.append(f"{french.whole(known)} étaient déjà connues et ne comptent qu'une fois.")
        types = sorted({word for it in rated for word in it.data["unknown_types"]})
        if types:
            told.append(f"Types inconnus, comptés à part : {', '.join(types)}.")
        names = [it.name for it in rated]
        told.append("Fichiers : " + ", ".join(names[:6]) + (f" et {len(names) - 6} autres." if len(names) > 6 else "."))
        parts.append(("cdrs", Answer(french.count(len(rated), "fichier de CDR", "fichiers de CDR"), tuple(told))))
    sims = _of(news, "sims.arrived")
    if sims:
        cards = sum(it.data["cards"] for it in sims)
        told = [f"{it.name} : {french.count(it.data['cards'], 'carte')}" for it in sims[:20]]
        parts.append(
            ("sims", Answer(f"Cartes SIM : {french.count(cards, 'carte reçue', 'cartes reçues')}", tuple(told)))
        )
    others = _of(news, "document.arrived", "tariffs.arrived", "other.arrived")
    if others:
        told = [it.path for it in others[:20]]
        if len(others) > 20:
            told.append(f"… et {len(others) - 20} autres")
        title = french.count(len(others), "autre fichier reçu", "autres fichiers reçus")
        parts.append(("documents", Answer(title, tuple(told))))
    return parts


def _faults(news: Sequence[News]) -> list[Answer]:
    parts = []
    waiting = _of(news, "file.waiting")
    if waiting:
        told = [f"{it.path} : {it.data['reason']}{_times(it)}" for it in waiting[:20]]
        told.append("Voir comment un fichier est lu, et quoi écrire : origyne-bot layout check FICHIER")
        parts.append(
            Answer(
                "⚠️ " + french.count(len(waiting), "fichier attend", "fichiers attendent") + " : illisible en l'état",
                tuple(told),
            )
        )
    rejects = _of(news, "file.rejects")
    if rejects:
        count = sum(it.data["count"] for it in rejects)
        told = [
            f"{it.name}, ligne {it.data['line']} : {it.data['reason']}"
            + (f" (et {it.data['count'] - 1} autres)" if it.data["count"] > 1 else "")
            + _times(it)
            for it in rejects[:20]
        ]
        told.append("Les voir : origyne-bot rejects FICHIER")
        parts.append(Answer("⚠️ " + french.count(count, "rangée mise de côté", "rangées mises de côté"), tuple(told)))
    if over := _of(news, "file.waiting.over", "file.rejects.over"):
        told = [f"{it.data['folder']} : {it.data['reason']}, depuis le {it.data['since']}" for it in over[:20]]
        parts.append(Answer("✅ De nouveau lu sans faute", tuple(told)))
    mended = _of(news, "file.mended")
    if mended:
        count = sum(it.data["entered"] for it in mended)
        told = [
            f"{it.name} : {french.count(it.data['entered'], 'rangée entrée', 'rangées entrées')}"
            + (f", {it.data['left']} encore de côté" if it.data["left"] else "")
            for it in mended[:20]
        ]
        parts.append(
            Answer(
                french.count(count, "rangée mise de côté est entrée", "rangées mises de côté sont entrées"), tuple(told)
            )
        )
    return parts


def _times(it: News) -> str:
    """How often a fault came since it was told last."""
    times = it.data.get("times", 0)
    return f" ({french.whole(times)} fois depuis le {french.moment(it.data['since'])})" if times else ""


def subject(parts: Sequence[Answer]) -> str:
    """2 changements de lignes, 3 fichiers de CDR et d'autres nouvelles."""
    titles = [part.title.removeprefix("⚠️ ").removeprefix("✅ ") for part in parts]
    return ", ".join(titles[:2]) + (" et d'autres nouvelles" if len(titles) > 2 else "")


def _of(news: Sequence[News], *kinds: str) -> list[News]:
    return [it for it in news if it.kind in kinds]

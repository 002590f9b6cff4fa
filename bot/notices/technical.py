"""What is told of lines and files.

Operator's card, B-5: CDR deliveries, provisioning confirmations and technical information go to the technical address,
by name of the contact, and to his chat.
"""

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bot.house import House
from bot.notices.news import News
from bot.notices.part import Part, first_of, since, times
from core.numbers import show
from core.workbook import Column
from handlers import french
from handlers.answer import Answer, Button, Table

#: Lines that changed and are a touch away; of more, the list alone is shown.
_MOST_BUTTONS = 6

#: Changes that a glance takes in; of more, they are counted by kind too.
_AT_A_GLANCE = 10

#: What a line, or several, became.
_CHANGES = {
    "line.new": ("nouvelle", "nouvelles"),
    "line.activated": ("activée", "activées"),
    "line.suspended": ("suspendue", "suspendues"),
    "line.resumed": ("rétablie", "rétablies"),
    "line.terminated": ("résiliée", "résiliées"),
    "line.sim": ("SIM changée", "SIM changées"),
    "line.client": ("client changé", "clients changés"),
    "line.plan": ("forfait changé", "forfaits changés"),
    "line.status": ("statut changé", "statuts changés"),
    "line.vanished": ("disparue de l'état", "disparues de l'état"),
    "line.returned": ("de retour dans l'état", "de retour dans l'état"),
}


def say(house: House, news: Sequence[News]) -> list[Part]:
    """The parts of one digest."""
    now = house.context.now()
    return [
        *_lines_loaded(news),
        *_line_changes([it for it in news if it.kind in _CHANGES], now),
        *_rated(_of(news, "rated.arrived")),
        *_purged(_of(news, "cdrs.purged")),
        *_sims(_of(news, "sims.arrived")),
        *_documents(_of(news, "document.arrived", "tariffs.arrived", "other.arrived")),
        *_waiting(_of(news, "file.waiting")),
        *_rejects(_of(news, "file.rejects")),
        *_again(_of(news, "file.waiting.again", "file.rejects.again"), now),
        *_mended(_of(news, "file.mended")),
        *_over(_of(news, "file.waiting.over", "file.rejects.over"), now),
    ]


def cannot_wait(house: House, news: Sequence[News]) -> bool:
    """Whether the operator suspended a line by himself (fraud, for instance): its client cannot call any more."""
    suspended = [it.data["msisdn"] for it in _of(news, "line.suspended")]
    return any(
        house.context.telecom.execute(
            "SELECT 1 FROM lines WHERE msisdn = ? AND status = 'suspended_by_operator'", (msisdn,)
        ).fetchone()
        for msisdn in suspended
    )


# -- lines


def _lines_loaded(news: Sequence[News]) -> list[Part]:
    parts = []
    for it in _of(news, "lines.loaded"):
        lines, clients = french.count(it.data["lines"], "ligne"), french.count(it.data["clients"], "client")
        told = Answer(
            f"Première lecture : {lines}, {clients}",
            ("Les changements d'état seront signalés au fil des fichiers.",),
        )
        parts.append(Part("lines", f"première lecture ({lines}, {clients})", told))
    return parts


def _line_changes(changes: Sequence[News], now: int) -> list[Part]:
    if not changes:
        return []
    numbers = list(dict.fromkeys(it.data["msisdn"] for it in changes))
    rows = tuple(
        (
            show(it.data["msisdn"]),
            it.data["client"] or "—",
            _CHANGES[it.kind][0],
            _before_after(it.data),
            french.moment(it.data["at"], now),
        )
        for it in changes
    )
    title = french.count(len(changes), "changement de ligne", "changements de lignes")
    counted = Counter(it.kind for it in changes)
    by_kind = ", ".join(french.count(count, *_CHANGES[kind]) for kind, count in counted.most_common())
    if len(changes) == 1:  # a subject has room for one line, or for two kinds
        what = f"{rows[0][0]} {rows[0][2]}"
    elif len(counted) == 1:
        what = _CHANGES[changes[0].kind][1]
    else:
        what = by_kind if len(counted) == 2 else ""
    return [
        Part(
            "lines",
            f"{title} ({what})" if what else title,
            Answer(
                title,
                (f"En tout : {by_kind}.",) if len(changes) > _AT_A_GLANCE else (),
                table=Table(("Ligne", "Client", "Changement", "Détail", "Vu dans l'état du"), rows),
                buttons=tuple(Button(show(msisdn), f"status {msisdn}") for msisdn in numbers)
                if len(numbers) <= _MOST_BUTTONS
                else (),
            ),
            "Changements de lignes",
            (
                Column("Ligne"),
                Column("Client"),
                Column("Changement"),
                Column("Avant"),
                Column("Après"),
                Column("Vu dans l'état du", "minute"),
            ),
            tuple(
                (
                    it.data["msisdn"],
                    it.data["client"],
                    _CHANGES[it.kind][0],
                    it.data["before"],
                    it.data["after"],
                    it.data["at"],
                )
                for it in changes
            ),
        )
    ]


def _before_after(data: dict[str, Any]) -> str:
    return " → ".join(word for word in (data["before"], data["after"]) if word)


# -- files that came


def _rated(rated: Sequence[News]) -> list[Part]:
    if not rated:
        return []
    rows = sum(it.data["new"] for it in rated)
    old = sum(it.data.get("old", 0) for it in rated)
    known = sum(it.data["rows"] for it in rated) - rows - old
    new = french.count(rows, "nouvelle communication", "nouvelles communications")
    told = [f"{new}."]
    if known:
        told.append(f"{french.whole(known)} étaient déjà connues et ne comptent qu'une fois.")
    if old:
        past = french.count(old, "n'a pas été reprise", "n'ont pas été reprises")
        told.append(f"{past} : d'un mois dont le détail est effacé, ou effacées sur demande.")
    types = sorted({word for it in rated for word in it.data["unknown_types"]})
    if types:
        told.append(f"Types inconnus, comptés à part : {', '.join(types)}.")
    names = [it.name for it in rated]
    told.append("Fichiers : " + ", ".join(names[:6]) + (f" et {len(names) - 6} autres." if len(names) > 6 else "."))
    title = french.count(len(rated), "fichier de CDR", "fichiers de CDR")
    return [
        Part(
            "cdrs",
            f"{title} ({new})",
            Answer(title, tuple(told)),
            "CDR",
            (Column("Fichier"), Column("Communications", "whole"), Column("dont nouvelles", "whole")),
            tuple((it.path, it.data["rows"], it.data["new"]) for it in rated),
        )
    ]


def _purged(purged: Sequence[News]) -> list[Part]:
    parts = []
    for it in purged:
        rows = french.count(it.data["rows"], "communication effacée", "communications effacées")
        files = french.count(it.data["files"], "fichier gardé effacé", "fichiers gardés effacés")
        what, told = rows if it.data["rows"] else files, []
        if it.data["rows"]:
            first, last = it.data["first_month"], it.data["last_month"]
            span = french.of_month(first) if first == last else f"de {french.month(first)} à {french.month(last)}"
            told.append(f"Détail {span}, dont le terme est passé : la loi le limite à un an.")
            told.append(f"Avec elles : {files}.")
        told.append("Les totaux et les factures restent. Ce qui est gardé, et pourquoi : origyne-bot purge --dry-run")
        parts.append(Part("cdrs", what, Answer(f"Fin de conservation : {what}", tuple(told))))
    return parts


def _sims(sims: Sequence[News]) -> list[Part]:
    if not sims:
        return []
    cards = sum(it.data["cards"] for it in sims)
    title = f"Cartes SIM : {french.count(cards, 'carte reçue', 'cartes reçues')}"
    return [
        Part(
            "sims",
            french.count(cards, "carte SIM reçue", "cartes SIM reçues"),
            Answer(title, tuple(first_of([f"{it.name} : {french.count(it.data['cards'], 'carte')}" for it in sims]))),
            "Cartes SIM",
            (Column("Fichier"), Column("Cartes", "whole")),
            tuple((it.path, it.data["cards"]) for it in sims),
        )
    ]


def _documents(others: Sequence[News]) -> list[Part]:
    if not others:
        return []
    title = french.count(len(others), "autre fichier reçu", "autres fichiers reçus")
    name = f" ({others[0].name})" if len(others) == 1 else ""
    return [
        Part(
            "documents",
            f"{title}{name}",
            Answer(title, tuple(first_of([it.path for it in others]))),
            "Autres fichiers",
            (Column("Fichier"),),
            tuple((it.path,) for it in others),
        )
    ]


# -- faults of files


def _waiting(waiting: Sequence[News]) -> list[Part]:
    if not waiting:
        return []
    counted = french.count(len(waiting), "fichier attend", "fichiers attendent")
    told = first_of([f"{it.path} : {it.data['reason']}" for it in waiting])
    told.append(f"Voir comment un fichier est lu, et quoi écrire : origyne-bot layout check {_one(waiting)}")
    return [
        Part(
            "faults",
            counted,
            Answer(f"⚠️ {counted} : illisible en l'état", tuple(told)),
            "Fichiers qui attendent",
            (Column("Fichier"), Column("Raison")),
            tuple((it.path, it.data["reason"]) for it in waiting),
        )
    ]


def _rejects(rejects: Sequence[News]) -> list[Part]:
    if not rejects:
        return []
    title = french.count(sum(it.data["count"] for it in rejects), "rangée mise de côté", "rangées mises de côté")
    told = first_of(
        [
            f"{it.name}, ligne {it.data['line']} : {it.data['reason']}"
            + (f" (et {it.data['count'] - 1} autres)" if it.data["count"] > 1 else "")
            for it in rejects
        ]
    )
    told.append(f"Les voir : origyne-bot rejects {_one(rejects)}")
    return [
        Part(
            "faults",
            title,
            Answer(f"⚠️ {title}", tuple(told)),
            "Rangées de côté",
            (Column("Fichier"), Column("Rangées", "whole"), Column("Première", "whole"), Column("Raison")),
            tuple((it.path, it.data["count"], it.data["line"], it.data["reason"]) for it in rejects),
        )
    ]


def _again(again: Sequence[News], now: int) -> list[Part]:
    if not again:
        return []
    told = [f"{it.path} : {it.data['reason']} ({times(it.data['times'], it.data['since'], now)})" for it in again]
    title = french.count(len(again), "faute revient", "fautes reviennent")
    return [Part("faults", title, Answer(f"⚠️ {title}", tuple(first_of(told))))]


def _mended(mended: Sequence[News]) -> list[Part]:
    if not mended:
        return []
    count = sum(it.data["entered"] for it in mended)
    told = [
        f"{it.name} : {french.count(it.data['entered'], 'rangée entrée', 'rangées entrées')}"
        + (f", {it.data['left']} encore de côté" if it.data["left"] else "")
        for it in mended
    ]
    title = french.count(count, "rangée mise de côté est entrée", "rangées mises de côté sont entrées")
    return [Part("faults", title, Answer(title, tuple(first_of(told))))]


def _over(over: Sequence[News], now: int) -> list[Part]:
    """What is over; "all" is said of a folder only where nothing of it is left."""
    parts = []
    for it in over:
        left, lines = it.data["left"], [f"C'est fini : {it.data['reason']} (depuis {since(it.data['since'], now)})."]
        what = "tout est de nouveau lu"
        if left and it.kind == "file.waiting.over":
            what = "ces fichiers-là sont lus"
            lines.append("D'autres attendent encore, pour une autre raison : /rejets")
        elif left:
            what = "les nouveaux fichiers se lisent sans faute"
            aside = french.count(left, "rangée d'avant reste de côté", "rangées d'avant restent de côté")
            lines.append(f"{aside} : origyne-bot rejects")
        parts.append(Part("faults", f"{it.path}, {what}", Answer(f"✅ {it.path} : {what}", tuple(lines))))
    return parts


def _one(news: Sequence[News]) -> str:
    """The file, as a command takes it, or what stands for one of several."""
    paths = {it.path for it in news}
    return shlex.quote(paths.pop()) if len(paths) == 1 else "FICHIER"


def _of(news: Sequence[News], *kinds: str) -> list[News]:
    return [it for it in news if it.kind in kinds]

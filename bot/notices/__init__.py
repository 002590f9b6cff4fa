"""From events to notices: what happened in a pass becomes one digest a person, and one mail a kind of document.

Operator's card, B-5: invoices and accounting go to the accounting address; CDR deliveries, provisioning and technical
information to the technical address, by name of the contact, and to his chat.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bot.desk import progress
from bot.desk.people import TECHNICAL
from bot.house import House
from bot.mail.letter import MOST_ATTACHED, Letter
from core import events, usage
from core.copies import MIRROR
from core.events import Event
from core.numbers import show
from handlers import french
from handlers.answer import Answer, Button, OutFile, Table
from handlers.desk import Topic

#: Lines that changed and are a touch away; of more, the list alone is shown.
_MOST_BUTTONS = 6

_COPY = "Copie pour consultation : la facture légale est celle reçue par votre plateforme agréée."

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


def notify(house: House) -> int:
    """Turn the events of finished passes into mails and messages; the cursor moves in the same transaction.

    Returns how many events were dealt with.
    """
    found = events.since(house.context.telecom, progress.get(house.desk, "event_cursor"))
    if not found:
        return 0
    letters = [*_operator_invoices(house, found), *_client_invoices(house, found), *_billing(house, found)]
    technical = _technical(house, found)
    contact = house.people.by_id(TECHNICAL)
    with house.desk.atomic():
        progress.put(house.desk, "event_cursor", found[-1].id)
        for letter in letters:
            house.write_letter(letter)
        if technical and contact:
            # What a touch asks in the chat is one more line to read in a mail.
            parts = [replace(part, buttons=()) for _, part in technical]
            house.write_letter(
                Letter(
                    to=contact.email,
                    subject=f"{house.profile.operator_name} : {_summary(parts)}",
                    greeting=f"Bonjour {contact.person.name},",
                    parts=tuple(parts),
                )
            )
            house.tell(TECHNICAL, technical)
    return len(found)


def _of(found: Iterable[Event], *kinds: events.Kind) -> list[Event]:
    return [event for event in found if event.kind in kinds]


def _name(event: Event) -> str:
    return event.path.rsplit("/", 1)[-1]


# -- accounting


def _operator_invoices(house: House, found: list[Event]) -> list[Letter]:
    invoices = _of(found, "invoice.operator")
    if not invoices:
        return []
    invoices.sort(key=lambda event: (event.data["month"], event.path))
    months = list(dict.fromkeys(event.data["month"] for event in invoices))
    if len(invoices) == 1:
        what = f"facture Origyne {french.of_month(months[0])}"
    else:
        what = f"{len(invoices)} factures Origyne ({_period(months)})"
    return [_invoice_letter(house, what, invoices, with_client=False)]


def _client_invoices(house: House, found: list[Event]) -> list[Letter]:
    """One mail a month."""
    invoices = _of(found, "invoice.client")
    letters = []
    for month in sorted({event.data["month"] for event in invoices}):
        those = sorted((event for event in invoices if event.data["month"] == month), key=lambda event: event.path)
        count = french.count(len(those), "facture client", "factures clients")
        letters.append(_invoice_letter(house, f"{count} {french.of_month(month)}", those, with_client=True))
    return letters


def _invoice_letter(house: House, what: str, invoices: list[Event], *, with_client: bool) -> Letter:
    files, left = _attached(house, invoices)
    rows = tuple(
        (
            *((event.data["client"] or "—",) if with_client else ()),
            french.month(event.data["month"]),
            _name(event) + (" (remplace la précédente)" if event.data["replaced"] else ""),
        )
        for event in invoices
    )
    lines = [_COPY]
    if left:
        lines.insert(0, f"Non jointes, à prendre sur le FTP : {', '.join(map(_name, left))}.")
    part = Answer(
        what[0].upper() + what[1:],
        tuple(lines),
        table=Table((*(("Client",) if with_client else ()), "Mois", "Fichier"), rows),
        files=tuple(files),
    )
    return Letter(
        to=house.profile.accounting_email,
        subject=f"{house.profile.operator_name} : {what}",
        greeting="Bonjour,",
        parts=(part,),
    )


def _attached(house: House, invoices: list[Event]) -> tuple[list[OutFile], list[Event]]:
    """The newest invoices first, as long as the mail stays light enough; then what is left."""
    files: list[OutFile] = []
    left: list[Event] = []
    room = MOST_ATTACHED
    for event in sorted(invoices, key=lambda event: -event.data["month"]):
        path = house.data / MIRROR / event.path
        # A copy that is gone from the disk must not hold back all other notices.
        size = path.stat().st_size if path.is_file() else MOST_ATTACHED + 1
        if size > room:
            left.append(event)
            continue
        content = path.read_bytes()
        room -= len(content)
        files.append(OutFile(_name(event), content))
    return files, left


def _billing(house: House, found: list[Event]) -> list[Letter]:
    billed = _of(found, "billed.arrived")
    if not billed:
        return []
    parts = [
        Answer(
            "Relevé de facturation (BilledCDRs)",
            table=Table(
                ("Fichier", "Communications", "Mises de côté"),
                tuple(
                    (_name(event), french.whole(event.data["rows"]), french.whole(event.data["rejected"]))
                    for event in billed
                ),
                frozenset({1, 2}),
            ),
        )
    ]
    months = usage.months_of_files(house.context.telecom, [event.path for event in billed])
    for month in months:
        totals = usage.by_client(house.context.telecom, month, usage.BILLED)
        amount = sum(total.amount or 0 for total in totals)
        parts.append(
            Answer(
                f"{french.month(month).capitalize()} par client",
                # Not a row of the table, whose end a long one loses.
                (
                    f"Total : {french.count(sum(total.count for total in totals), 'communication')}, "
                    f"{french.euros(amount)} HT",
                ),
                table=Table(
                    ("Client", "Communications", "Montant HT"),
                    tuple((total.name, french.whole(total.count), french.euros(total.amount)) for total in totals),
                    frozenset({1, 2}),
                ),
            )
        )
    return [
        Letter(
            to=house.profile.accounting_email,
            subject=f"{house.profile.operator_name} : relevé de facturation {_period(months)}".strip(),
            greeting="Bonjour,",
            parts=tuple(parts),
        )
    ]


def _period(months: list[int]) -> str:
    known = sorted(month for month in months if month)
    if not known:
        return "mois inconnu"
    first, last = known[0], known[-1]
    if first == last:
        return french.month(first)
    begin = french.month(first).split()[0] if first // 100 == last // 100 else french.month(first)
    return f"{begin} {'et' if len(known) == 2 else 'à'} {french.month(last)}"


# -- technical


def _technical(house: House, found: list[Event]) -> list[tuple[Topic, Answer]]:
    """What the technical contact is told, with what he may mute it by."""
    return [
        *(("lines", part) for part in (*_lines_loaded(found), *_line_changes(house, found))),
        *_arrivals(found),
        *(("faults", part) for part in _faults(found)),
    ]


def _lines_loaded(found: list[Event]) -> list[Answer]:
    return [
        Answer(
            f"Première lecture : {french.count(event.data['lines'], 'ligne')}, "
            f"{french.count(event.data['clients'], 'client')}",
            ("Les changements d'état seront signalés au fil des fichiers.",),
        )
        for event in _of(found, "lines.loaded")
    ]


def _line_changes(house: House, found: list[Event]) -> list[Answer]:
    changes = [event for event in found if event.kind in _CHANGES]
    if not changes:
        return []
    now = house.context.now()
    numbers = list(dict.fromkeys(event.data["msisdn"] for event in changes))
    rows = tuple(
        (
            show(event.data["msisdn"]),
            event.data["client"] or "—",
            _CHANGES[event.kind],
            _before_after(event.data),
            french.moment(event.data["at"], now),
        )
        for event in changes
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


def _arrivals(found: list[Event]) -> list[tuple[Topic, Answer]]:
    parts: list[tuple[Topic, Answer]] = []
    rated = _of(found, "rated.arrived")
    if rated:
        rows = sum(event.data["new"] for event in rated)
        known = sum(event.data["rows"] for event in rated) - rows
        told = [f"{french.count(rows, 'nouvelle communication', 'nouvelles communications')}."]
        if known:
            told.append(f"{french.whole(known)} étaient déjà connues et ne comptent qu'une fois.")
        types = sorted({word for event in rated for word in event.data["unknown_types"]})
        if types:
            told.append(f"Types inconnus, comptés à part : {', '.join(types)}.")
        names = [_name(event) for event in rated]
        told.append("Fichiers : " + ", ".join(names[:6]) + (f" et {len(names) - 6} autres." if len(names) > 6 else "."))
        parts.append(("cdrs", Answer(french.count(len(rated), "fichier de CDR", "fichiers de CDR"), tuple(told))))
    sims = _of(found, "sims.arrived")
    if sims:
        cards = sum(event.data["cards"] for event in sims)
        told = [f"{_name(event)} : {french.count(event.data['cards'], 'carte')}" for event in sims[:20]]
        parts.append(
            ("sims", Answer(f"Cartes SIM : {french.count(cards, 'carte reçue', 'cartes reçues')}", tuple(told)))
        )
    others = _of(found, "document.arrived", "tariffs.arrived", "other.arrived")
    if others:
        told = [event.path for event in others[:20]]
        if len(others) > 20:
            told.append(f"… et {len(others) - 20} autres")
        title = french.count(len(others), "autre fichier reçu", "autres fichiers reçus")
        parts.append(("documents", Answer(title, tuple(told))))
    return parts


def _faults(found: list[Event]) -> list[Answer]:
    parts = []
    waiting = _of(found, "file.waiting")
    if waiting:
        told = [f"{event.path} : {event.data['reason']}" for event in waiting[:20]]
        told.append("Voir comment un fichier est lu, et quoi écrire : origyne-bot layout check FICHIER")
        parts.append(
            Answer(
                "⚠️ " + french.count(len(waiting), "fichier attend", "fichiers attendent") + " : illisible en l'état",
                tuple(told),
            )
        )
    rejects = _of(found, "file.rejects")
    if rejects:
        count = sum(event.data["count"] for event in rejects)
        told = [
            f"{_name(event)}, ligne {event.data['line']} : {event.data['reason']}"
            + (f" (et {event.data['count'] - 1} autres)" if event.data["count"] > 1 else "")
            for event in rejects[:20]
        ]
        told.append("Les voir : origyne-bot rejects FICHIER")
        parts.append(Answer("⚠️ " + french.count(count, "rangée mise de côté", "rangées mises de côté"), tuple(told)))
    mended = _of(found, "file.mended")
    if mended:
        count = sum(event.data["entered"] for event in mended)
        told = [
            f"{_name(event)} : {french.count(event.data['entered'], 'rangée entrée', 'rangées entrées')}"
            + (f", {event.data['left']} encore de côté" if event.data["left"] else "")
            for event in mended[:20]
        ]
        parts.append(
            Answer(
                french.count(count, "rangée mise de côté est entrée", "rangées mises de côté sont entrées"), tuple(told)
            )
        )
    return parts


def _summary(parts: list[Answer]) -> str:
    titles = [part.title.removeprefix("⚠️ ") for part in parts]
    return ", ".join(titles[:2]) + (" et d'autres nouvelles" if len(titles) > 2 else "")

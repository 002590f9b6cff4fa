"""Which line or client a person means; where that is not certain, the answer that asks."""

import re
from collections.abc import Callable

from core import clients, lines, sims, usage
from core.clients import Client
from core.lines import Line
from core.numbers import NumberError, msisdn, show
from core.sims import Card
from handlers import french
from handlers.answer import Answer, Button
from handlers.command import Command, Context

#: Lines that a phone offers as buttons.
_MOST_LINES = 8
_MOST_FOUND = 20

#: Small words before a number or a name: "conso de la ligne 06…", "status du client Dupont".
_FILLING = re.compile(
    r"^(?:(?:de|du|des|le|la|les|l|d|un|une|pour|sur|est|c|numéro|numero|n°|no|tél|tel|ligne|sim|carte|client|société)"
    r"(?:['’]\s*|\s*:\s*|\s+))+",
    re.IGNORECASE,
)


def plain(words: str) -> str:
    """The words without those that only lead to a number or a name, nor a question mark at their end."""
    return _FILLING.sub("", words.strip().rstrip(" ?!.")).strip()


def about(card: Card) -> str:
    """The card as the audit names it."""
    return f"SIM {card.iccid}" + (f" · {card.msisdn}" if card.msisdn else "")


def number_in(words: str) -> str:
    """The words as a number (canonical form), "" when they are none."""
    try:
        return msisdn(plain(words))
    except NumberError:
        return ""


def line(words: str, ask: Callable[[str], str], command: Command, context: Context) -> Line | Answer:
    """The one line that the words name.

    :param ask: the question to put for another line, from its number, for buttons.
    """
    words = plain(words)
    if not words:
        return command.how_to("Quelle ligne ?")
    found = lines.find(context.telecom, words)
    if len(found) == 1:
        return found[0]
    delivery = usage.last_delivery(context.telecom, "account_status")
    if not delivery:
        return Answer("Aucun état des lignes n'a encore été reçu de l'opérateur.")
    freshness = state_of(delivery.as_of, delivery.path, context.now())
    if not found:
        return _unknown(words, ask, command, context, freshness)
    if len(found) > _MOST_FOUND:
        return command.how_to(f"Plus de 20 lignes finissent par {french.quoted(words)} : en donner davantage.")
    return Answer(
        f"{len(found)} lignes correspondent : laquelle ?",
        tuple(f"{show(line.msisdn)} · {line.client or 'sans client'} · {in_short(line)}" for line in found),
        buttons=tuple(Button(show(line.msisdn), ask(line.msisdn)) for line in found[:_MOST_LINES]),
        freshness=freshness,
    )


def _unknown(words: str, ask: Callable[[str], str], command: Command, context: Context, freshness: str) -> Answer:
    digits = re.sub(r"\D", "", words)
    if len(digits) < 4:
        meant = clients.find(context.telecom, words)
        if meant.sure:
            (client,) = meant.clients
            return Answer(
                f"{client.name} est un client : de quelle ligne ?",
                buttons=(Button(f"Lignes {client.name}"[:40], f"lignes {client.name}"),),
                refused=True,
            )
        return command.how_to(f"{french.quoted(words)} n'est ni un numéro ni un ICCID.")
    number = number_in(words)
    near = lines.near(context.telecom, number)[:_MOST_LINES] if number else []
    told = ["Vérifier le numéro ; les quatre derniers chiffres, ou l'ICCID de la carte, conviennent aussi."]
    if near:
        told = ["Vouliez-vous dire :", *(f"{show(line.msisdn)} · {line.client or 'sans client'}" for line in near)]
    return Answer(
        f"Aucune ligne ne correspond à {french.quoted(show(number) if number else words)}.",
        tuple(told),
        buttons=tuple(Button(show(line.msisdn), ask(line.msisdn)) for line in near),
        freshness=freshness,
        refused=True,
    )


def card(words: str, ask: Callable[[str], str], command: Command, context: Context) -> Card | Answer:
    """The one SIM card that a number, an ICCID or its last digits name. Never one of several: its code would be wrong.

    :param ask: the question to put for another card, from its ICCID, for buttons.
    """
    if sum(sign.isdigit() for sign in words) < sims.FEWEST_DIGITS:
        return command.how_to(f"{french.quoted(words)} n'est ni un numéro ni un ICCID.")
    cards = sims.find(context.telecom, words)
    if not cards:
        return Answer(
            f"Aucune carte SIM ne correspond à {french.quoted(words)}.",
            ("Un numéro de ligne, ou l'ICCID imprimé sur la carte ; ses quatre derniers chiffres suffisent.",),
            refused=True,
        )
    if len(cards) == 1:
        return cards[0]
    shown = cards[:_MOST_LINES]
    told = [f"{it.iccid} · {_place(it)}" for it in shown]
    if len(cards) > len(shown):
        told.append("… et d'autres : donner plus de chiffres.")
    return Answer(
        f"{french.count(len(cards), 'carte')} : laquelle ?",
        tuple(told),
        buttons=tuple(Button(show(it.msisdn) if it.msisdn else f"… {it.iccid[-8:]}", ask(it.iccid)) for it in shown),
    )


def _place(card: Card) -> str:
    if card.msisdn:
        return show(card.msisdn) + (f" · {card.client}" if card.client else "")
    return french.STATUS.get(card.status, "sur aucune ligne")


def client(words: str, ask: Callable[[str], str], context: Context) -> tuple[Client, str] | Answer:
    """The one client that the words name, and a line to say so when that took a correction.

    :param ask: the question to put for another client, from its name, for buttons.
    """
    words = plain(words)
    found = clients.find(context.telecom, words)
    if found.sure:
        (meant,) = found.clients[:1]
        said = f"{french.quoted(words)} lu comme {meant.name}." if found.corrected else ""
        return meant, said
    if not found.clients:
        return Answer(
            f"Aucun client ne ressemble à {french.quoted(words)}.",
            ("Un morceau du nom suffit, avec ou sans accents.",),
            buttons=(Button("Tous les clients", "clients"),),
            refused=True,
        )
    others = found.others
    return Answer(
        f"{french.quoted(words)} : lequel de ces clients ?"
        if len(found.clients) > 1
        else f"Aucun client ne s'appelle {french.quoted(words)} : celui-ci ?",
        (
            *(each.name for each in found.clients),
            *((f"… et {others} autres : en écrire davantage.",) if others else ()),
        ),
        buttons=tuple(Button(each.name, ask(each.name)) for each in found.clients),
    )


def state_of(as_of: int, path: str, now: int) -> str:
    """état au 23/11 à 14:00 (il y a 2 h), fichier …."""
    return f"état au {french.moment(as_of, now)} ({french.age(as_of, now)}), fichier {path.rsplit('/', 1)[-1]}"


def status_words(line: Line) -> str:
    """Our word for its status; the operator's own when no list knows it."""
    return french.STATUS.get(line.status, f"« {line.word} » (mot de l'opérateur)")


def in_short(line: Line) -> str:
    words = status_words(line)
    return words if line.gone_at is None else f"plus dans l'état des lignes (était {words})"


MARKS = {
    "active": "🟢",
    "suspended": "🟠",
    "suspended_by_operator": "🟠",
    "terminated": "🔴",
    "reserved": "⚪",
    "stock": "⚪",
}


def mark(line: Line) -> str:
    return "❔" if line.gone_at is not None else MARKS.get(line.status, "❔")

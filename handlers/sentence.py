"""What a sentence asks, as people write it in a mail: "Pouvez-vous m'envoyer la conso de Dupont en octobre ?"

One thing is asked, by its everyday word, of one line or client, in a form that asks; what tells something ("la facture
d'octobre est payée") asks nothing.
"""

import re

from sqlite_utils import Database

from core import clients
from core.layouts import fold
from handlers.periods import Period, take_period
from handlers.which import number_in

#: Longer, it says more than one question.
MOST_SIGNS = 300

#: The words by which a sentence asks for each command; those that read alone.
_WORDS: dict[str, frozenset[str]] = {
    "status": frozenset({"status", "statut", "etat"}),
    "conso": frozenset({"conso", "consos", "consommation", "consommations", "consomme"}),
    "factures": frozenset({"facture", "factures"}),
    "historique": frozenset({"historique"}),
    "lignes": frozenset({"lignes", "parc"}),
    "puk": frozenset({"puk"}),
    "cdr": frozenset({"cdr", "cdrs"}),
}
_OF_A_LINE = frozenset({"status", "historique", "puk", "cdr"})
_OF_A_CLIENT = frozenset({"lignes"})

_ASKS = re.compile(
    r"\?|\b(?:pouvez|pourriez|pourrais|peux|peut[- ]on|merci de|envoy\w+|renvoy\w+|donne\w*|transmett\w+|indique[rz]"
    r"|besoin|voudrai\w+|souhait\w+|aimerai\w+|svp|stp|s['’ ]il (?:vous|te) pla[iî]t|quel(?:le)?s?|combien|cherche)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<!\w)(?:\+33|0)[ .]?[1-9](?:[ .-]?\d\d){4}(?!\d)|(?<!\d)89\d{17,18}(?!\d)")
_LEADS = frozenset({"de", "du", "d", "des", "client", "cliente", "pour", "chez", "societe", "entreprise"})
_MOST_NAME_WORDS = 5


def asked_in(text: str, telecom: Database, now: int) -> tuple[str, str] | None:
    """The command and its arguments, None when the sentence asks nothing that is sure.

    :param now: UTC seconds.
    """
    if len(text) > MOST_SIGNS or not _ASKS.search(text):
        return None
    words = {fold(word) for word in re.findall(r"[^\W\d_]+", text)}
    numbers = [found.strip() for found in _NUMBER.findall(text)]
    named = [name for name, forms in _WORDS.items() if forms & words and not (name in _OF_A_CLIENT and numbers)]
    if len(named) != 1 or len(numbers) > 1:
        return None
    (name,) = named
    if numbers:
        if name == "factures":
            return None
        period = take_period(_NUMBER.sub(" ", text), now)[1] if name in ("conso", "cdr") else None
        return name, _joined(number_in(numbers[0]) or numbers[0], period)
    if name in _OF_A_LINE:
        return None
    rest, period = take_period(text.rstrip(" ?!."), now) if name != "lignes" else (text, None)
    who = _client(rest, telecom)
    if not who and name == "factures" and "origyne" in words:
        who = "Origyne"
    if name == "factures":  # a month, or all of them
        period = period if period and len(period.months) == 1 else None
    if not who and not (name == "factures" and period):
        return None
    return name, _joined(who, period)


def _joined(who: str, period: Period | None) -> str:
    return f"{who} {period.command if period else ''}".strip()


def _client(text: str, telecom: Database) -> str:
    """The one client whose name stands in the text: after a word that leads to a name, or with a capital."""
    words = re.findall(r"[\w&.+-]*[\w+]", text)
    found: dict[str, None] = {}
    taken = -1
    for start, word in enumerate(words):
        if start <= taken or fold(word) in _LEADS:
            continue
        if not (word[0].isupper() and start) and not (start and fold(words[start - 1]) in _LEADS):
            continue
        for length in range(min(_MOST_NAME_WORDS, len(words) - start), 0, -1):
            meant = clients.find(telecom, " ".join(words[start : start + length]))
            if meant.sure and not meant.corrected:
                found[meant.clients[0].name] = None
                taken = start + length - 1
                break
    return next(iter(found)) if len(found) == 1 else ""

"""/alertes: what a person is told in his chat without asking, and when without sound."""

import re
from dataclasses import replace

from core.layouts import fold
from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context
from handlers.desk import Alerts, Topic

#: Topics in words, and the word that names each as an argument.
_WORDS: dict[Topic, tuple[str, str]] = {
    "invoices": ("factures et relevés de facturation", "factures"),
    "lines": ("changements de lignes", "lignes"),
    "cdrs": ("arrivées de communications", "communications"),
    "sims": ("cartes SIM reçues", "cartes"),
    "documents": ("documents et autres fichiers reçus", "documents"),
    "faults": ("rangées de côté et fichiers qui attendent", "rejets"),
    "late": ("livraisons en retard", "retards"),
    "troubles": ("pannes du FTP, du courriel ou de Telegram", "pannes"),
}
#: Other words for some of them.
_ALSO: dict[str, Topic] = {
    "cdr": "cdrs",
    "sim": "sims",
    "fichiers": "documents",
    "livraisons": "late",
    "erreurs": "faults",
}
#: Quiet hours that never come, and the words for those of the settings.
_NEVER = (0, 0)
_BY_SETTINGS = ("reglages", "reglage", "robot", "service", "defaut")
_YES, _NO = ("oui", "on", "activer"), ("non", "off", "couper")
_QUIET = re.compile(
    r"^(?:silence|calme|nuit)\s+(?:de\s+)?(\d{1,2})\s*h?\s*(?:à|a|-|–|\s)\s*(\d{1,2})\s*h?$", re.IGNORECASE
)


async def run(ask: Ask, context: Context) -> Answer:
    alerts = context.desk.alerts_of(ask.person)
    words = ask.arguments.strip()
    if words:
        changed = _changed(alerts, words)
        if isinstance(changed, Answer):
            return changed
        alerts = changed
        context.desk.set_alerts(ask.person, alerts)
    return _shown(alerts, ask, context)


def _changed(alerts: Alerts, words: str) -> Alerts | Answer:
    if found := _QUIET.match(words):
        begin, end = int(found[1]), int(found[2])
        if begin > 24 or end > 24 or begin % 24 == end % 24:
            return COMMAND.how_to("Des heures entre 0 et 24, par exemple : /alertes silence 20h à 8h")
        return replace(alerts, quiet=(begin % 24, end % 24))
    name, _, value = words.partition(" ")
    folded, wanted = fold(name), fold(value) or value
    if folded in ("silence", "calme", "nuit"):
        if wanted in _NO:
            return replace(alerts, quiet=_NEVER)
        if wanted in _BY_SETTINGS:
            return replace(alerts, quiet=None)
        return COMMAND.how_to("Le silence de quelle heure à quelle heure ?")
    named = {**{word: topic for topic, (_, word) in _WORDS.items()}, **_ALSO}
    topic = next((topic for word, topic in named.items() if folded and word.startswith(folded.removesuffix("s"))), None)
    if topic is None:
        return COMMAND.how_to(
            f"{french.quoted(name)} n'est pas une alerte. Il y a : {', '.join(word for _, word in _WORDS.values())}."
        )
    muted = set(alerts.muted)
    if wanted in _YES:
        muted.discard(topic)
    elif wanted in _NO:
        muted.add(topic)
    else:
        return COMMAND.how_to(f"Les {_WORDS[topic][0]} : oui ou non ?")
    return replace(alerts, muted=frozenset(muted))


def _shown(alerts: Alerts, ask: Ask, context: Context) -> Answer:
    # What the routes never send to this chat cannot be muted there.
    topics = context.desk.topics_of(ask.person)
    told = [f"{_mark(topic, alerts)} {_WORDS[topic][0]}" for topic in topics]
    if not topics:
        told.append("Rien : la table des avis n'envoie rien dans votre chat. Sur le serveur : origyne-bot routes")
    told.append(f"🌙 {_silence(alerts, context)}")
    told.append("Les courriels arrivent dans tous les cas. Un bouton coupe ou rétablit.")
    switches = tuple(
        Button(
            f"{_mark(topic, alerts)} {_WORDS[topic][1]}",
            f"alertes {_WORDS[topic][1]} {'oui' if topic in alerts.muted else 'non'}",
            in_place=True,
        )
        for topic in topics
    )
    return Answer("Ce que je signale dans ce chat", tuple(told), buttons=(*switches, *_nights(alerts, context)))


def _silence(alerts: Alerts, context: Context) -> str:
    """What applies, and where it comes from."""
    by_settings = context.settings.quiet.in_words()
    if alerts.quiet is None:
        if not by_settings:
            return "La sonnerie n'est jamais coupée."
        return (
            f"Sans sonnerie {by_settings}, par les réglages du robot ; "
            "sauf une panne ou une ligne que l'opérateur suspend de lui-même."
        )
    begin, end = alerts.quiet
    own = "La sonnerie n'est jamais coupée" if begin == end else f"Sans sonnerie de {begin} h à {end} h"
    return f"{own} : c'est votre choix, les réglages du robot sont {by_settings}." if by_settings else f"{own}."


def _nights(alerts: Alerts, context: Context) -> list[Button]:
    """What else could be chosen."""
    by_settings = bool(context.settings.quiet.in_words())
    nights = []
    if alerts.quiet is not None and by_settings:
        nights.append(Button("🌙 comme le robot", "alertes silence réglages", in_place=True))
    if (alerts.quiet or _NEVER) != _NEVER or (alerts.quiet is None and by_settings):
        nights.append(Button("🌙 toujours sonner", "alertes silence non", in_place=True))
    else:
        nights.append(Button("🌙 silence de 20 h à 8 h", "alertes silence 20h à 8h", in_place=True))
    return nights


def _mark(topic: Topic, alerts: Alerts) -> str:
    return "🔕" if topic in alerts.muted else "🔔"


COMMAND = Command(
    name="alertes",
    summary="Ce que je signale ici, et les heures de silence",
    usage="alertes [ALERTE oui ou non, ou silence DE À]",
    examples=("alertes", "alertes lignes non", "alertes silence 20h à 8h", "alertes silence non"),
    spoken=("alerte", "notifications"),
    run=run,
    roles=TECHNICAL,
)

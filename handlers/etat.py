"""/etat: how fresh the data is, and whether the bot itself is well."""

from collections.abc import Mapping

from core import freshness
from core.folders import FRENCH
from core.freshness import FolderState, LastPass
from handlers import french
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.desk import State

#: Folders in which the operator delivers by a rhythm; of the others, only what came is told.
_LIVELY = ("account_status", "rated_cdrs", "billed_cdrs")


async def run(_: Ask, context: Context) -> Answer:
    now = context.now()
    db = context.telecom
    last = freshness.last_pass(db)
    late = freshness.late(db, now, context.settings)
    folders = [it for it in freshness.folders(db, now) if it.files or it.folder in _LIVELY]
    state = context.desk.state()
    faults = state.faults
    troubles = [f"⚠️ {it.words} (depuis le {french.moment(it.since, now)})" for it in faults]
    troubles += [f"⚠️ {FRENCH[kind]} en retard depuis le {french.moment(it.since, now)}" for kind, it in late.items()]
    troubles += [
        f"⚠️ Les courriels n'arrivent pas à {it.address} (depuis le {french.moment(it.since, now)}) : {it.reason}"
        for it in state.faulty
    ]
    waiting = sum(folder.waiting for folder in folders)
    rejected = sum(folder.rejected for folder in folders)
    if waiting:
        troubles.append(f"⚠️ {french.count(waiting, 'fichier attend', 'fichiers attendent')} un mot de votre part")
    if last and last.error and not faults:
        troubles.append(f"⚠️ Dernière passe incomplète : {last.error}")
    if not context.vault.has_key:
        troubles.append("⚠️ Les codes (PUK, RIO) ne sont ni gardés ni montrés : la clé de chiffrement manque")
    told = [*troubles]
    if rejected:
        told.append(french.count(rejected, "rangée de côté", "rangées de côté"))
    told += _passes(last, context)
    told += [
        f"Erreur passée : {it.error} ({french.count(it.times, 'passe')}, jusqu'au {french.moment(it.last, now)})"
        for it in freshness.last_errors(db)
        if not it.lasts
    ]
    told += _mails(state)
    return Answer(
        f"⚠️ {french.count(len(troubles), 'chose', 'choses')} à voir" if troubles else "✅ Tout va bien",
        tuple(told),
        table=Table(("Dossier", "Dernier fichier", "Aujourd'hui"), tuple(_row(it, now) for it in folders)),
        buttons=(
            Button("Actualiser", "etat", in_place=True),
            *((Button("Rejets", "rejets"),) if rejected or waiting else ()),
        ),
        freshness=f"le {french.moment(now, now)}",
    )


def _row(state: FolderState, now: int) -> tuple[str, str, str]:
    if not state.files:
        return FRENCH[state.folder], "rien encore", ""
    today = french.count(state.today, "fichier ce jour", "fichiers ce jour") if state.today else ""
    return FRENCH[state.folder], f"{french.moment(state.at, now)} ({french.age(state.at, now)})", today


def _mails(state: State) -> list[str]:
    told = []
    # One is being sent at any moment: this answer, for instance.
    if any(number > 1 for number in state.waiting.values()):
        told.append(f"À envoyer encore : {_by_channel(state.waiting, 1)}")
    if any(state.failed.values()):
        told.append(f"Pas remis : {_by_channel(state.failed)} (« origyne-bot outbox » sur le serveur du robot)")
    if state.aside:
        set_aside = french.count(state.aside, "courriel reçu est resté", "courriels reçus sont restés")
        told.append(f"{set_aside} de côté (« origyne-bot mail » sur le serveur du robot)")
    return told


def _by_channel(numbers: Mapping[str, int], more_than: int = 0) -> str:
    words = {"chat": "dans Telegram", "mail": "par courriel"}
    return ", ".join(f"{number} {words[name]}" for name, number in numbers.items() if number > more_than)


def _passes(last: LastPass | None, context: Context) -> list[str]:
    now = context.now()
    rhythm = freshness.rhythm_of(context.settings)
    if last is None:
        return ["Aucune passe sur le FTP ne s'est encore terminée."]
    fetched = french.count(last.fetched, "fichier reçu", "fichiers reçus") if last.fetched else "rien de nouveau"
    following = freshness.next_pass(rhythm, now, last.ended)
    soon = "imminente" if following <= now else f"au plus tard le {french.moment(following, now)}"
    return [f"Dernière passe sur le FTP : {french.age(last.ended, now)}, {fetched} ; prochaine : {soon}"]


COMMAND = Command(
    name="etat",
    summary="La fraîcheur des données, et la santé du robot",
    usage="etat",
    examples=("etat",),
    spoken=("santé", "fraîcheur"),
    run=run,
    roles=EVERYONE,
)

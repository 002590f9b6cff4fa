"""/etat: how fresh the data is, and whether the bot itself is well.

Who has no technical role is told of deliveries and of mails that do not arrive; that something is wrong with the
machine, but not what, nor commands that he cannot type.
"""

from collections.abc import Iterable, Mapping

from sqlite_utils import Database

from core import freshness
from core.folders import FRENCH
from core.freshness import FolderState, LastPass
from core.layouts import fold
from core.settings import Settings
from handlers import french, selftest
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, TECHNICAL, Command, Context
from handlers.desk import State

#: Folders in which the operator delivers by a rhythm; of the others, only what came is told.
_LIVELY = ("account_status", "rated_cdrs", "billed_cdrs")

_HEADERS = ("Dossier", "Dernier fichier", "Aujourd'hui")

#: Seconds after which a message that waits is worth a word.
_LONG = 300


async def run(ask: Ask, context: Context) -> Answer:
    now = context.now()
    db = context.telecom
    last = freshness.last_pass(db)
    folders = [it for it in freshness.folders(db, now) if it.files or it.folder in _LIVELY]
    state = context.desk.state()
    in_detail = fold(ask.arguments) == "detail"
    is_technical = bool(ask.person.roles & TECHNICAL)
    troubles = [
        f"⚠️ {it.words.rstrip('.')} (depuis le {french.moment(it.since, now)})"
        + (f" → {it.to_do}" if in_detail and it.to_do else "")
        for it in state.faults
    ]
    troubles += [
        f"⚠️ « {it.name} » redémarre sans cesse : {it.times} fois de suite, la dernière {french.age(it.at, now)}"
        for it in state.stumbling
    ]
    troubles += [f"⚠️ {words}" for words in to_see(db, context.settings, state, folders, now)]
    if not context.vault.has_key:
        troubles.append("⚠️ Les codes (PUK, RIO) ne sont ni gardés ni montrés : la clé de chiffrement manque")
    if not is_technical:
        troubles = _without_the_machine(troubles, _for_everyone(db, context.settings, state, now))
    told = [*troubles]
    rejected = sum(folder.rejected for folder in folders) if is_technical else 0
    if rejected:
        told.append(french.count(rejected, "rangée de côté", "rangées de côté"))
    told += _passes(last, context)
    if is_technical:
        told += _mails(state, now)
    if in_detail:
        told += _successes(state, now)
    if in_detail and is_technical:
        told += _backup(state, now)
        told += [
            f"Erreur passée : {it.error} ({french.count(it.times, 'passe')}, jusqu'au {french.moment(it.last, now)})"
            for it in freshness.last_errors(db)
            if not it.lasts
        ]
    # A phone shows a table before the lines: what there is to see would be below.
    on_top = bool(troubles) and ask.door == "chat" and not in_detail
    waiting = any(it.waiting for it in folders)
    here = "etat détail" if in_detail else "etat"
    other = Button("Moins", "etat", in_place=True) if in_detail else Button("Détail", "etat détail", in_place=True)
    return Answer(
        f"⚠️ {french.count(len(troubles), 'chose', 'choses')} à voir" if troubles else "✅ Tout va bien",
        tuple(told),
        table=None if on_top else Table(_HEADERS, tuple(_row(it, now) for it in folders)),
        buttons=(
            Button("Actualiser", here, in_place=True),
            other,
            *((Button("Rejets", "rejets"),) if rejected or (waiting and is_technical) else ()),
            *((Button("Autotest", "selftest"),) if in_detail and _may_test(ask) else ()),
        ),
        freshness=f"le {french.moment(now, now)}",
    )


def to_see(db: Database, settings: Settings, state: State, folders: Iterable[FolderState], now: int) -> list[str]:
    """What is no fault of the service's, and yet somebody should look at (French).

    :param now: UTC seconds.
    """
    last = freshness.last_pass(db)
    troubles = _for_everyone(db, settings, state, now)
    waiting = sum(folder.waiting for folder in folders)
    if waiting:
        troubles.append(f"{french.count(waiting, 'fichier attend', 'fichiers attendent')} un mot de votre part")
    if last and last.error and not state.faults:
        troubles.append(f"Dernière passe incomplète : {last.error}")
    return troubles


def _for_everyone(db: Database, settings: Settings, state: State, now: int) -> list[str]:
    late = freshness.late(db, now, settings)
    troubles = [f"{FRENCH[kind]} en retard depuis le {french.moment(it.since, now)}" for kind, it in late.items()]
    troubles += [
        f"Les courriels n'arrivent pas à {it.address} (depuis le {french.moment(it.since, now)}) : {it.reason}"
        for it in state.faulty
    ]
    return troubles


def _without_the_machine(troubles: list[str], shared: list[str]) -> list[str]:
    others = len(troubles) - len(shared)
    told = [f"⚠️ {words}" for words in shared]
    if others:
        told.append(f"⚠️ Le robot ou ses serveurs : {french.count(others, 'chose', 'choses')} pour le contact technique")
    return told


def _may_test(ask: Ask) -> bool:
    return ask.private and bool(ask.person.roles & selftest.COMMAND.roles)


def _row(state: FolderState, now: int) -> tuple[str, str, str]:
    if not state.files:
        return FRENCH[state.folder], "rien encore", ""
    today = french.count(state.today, "fichier ce jour", "fichiers ce jour") if state.today else ""
    return FRENCH[state.folder], f"{french.moment(state.at, now)} ({french.age(state.at, now)})", today


def _mails(state: State, now: int) -> list[str]:
    told = []
    # One is being sent at any moment: this answer, for instance.
    waiting = {
        channel: number
        for channel, number in state.waiting.items()
        if number > 1 or (number and now - state.oldest.get(channel, now) >= _LONG)
    }
    if waiting:
        oldest = min(state.oldest.get(channel, now) for channel in waiting)
        since = f" (le plus ancien {french.age(oldest, now)})" if now - oldest >= _LONG else ""
        told.append(f"À envoyer encore : {_by_channel(waiting)}{since}")
    if any(state.failed.values()):
        told.append(f"Pas remis : {_by_channel(state.failed)} (« origyne-bot outbox » sur le serveur du robot)")
    if state.aside:
        set_aside = french.count(state.aside, "courriel reçu est resté", "courriels reçus sont restés")
        told.append(f"{set_aside} de côté (« origyne-bot mail » sur le serveur du robot)")
    return told


def _by_channel(numbers: Mapping[str, int]) -> str:
    words = {"chat": "dans Telegram", "mail": "par courriel"}
    return ", ".join(f"{number} {words[name]}" for name, number in numbers.items() if number)


def _successes(state: State, now: int) -> list[str]:
    return [
        f"{name} : {_when('reçu', state.received.get(channel), now)}, {_when('envoyé', state.sent.get(channel), now)}"
        for channel, name in (("chat", "Telegram"), ("mail", "Courriel"))
    ]


def _backup(state: State, now: int) -> list[str]:
    if state.backup_at is None:
        return []
    return [f"Sauvegarde : {french.age(state.backup_at, now) if state.backup_at else 'aucune encore'}"]


def _when(done: str, at: int | None, now: int) -> str:
    return f"{done} {french.age(at, now)}" if at else f"rien {done} encore"


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
    usage="etat [détail]",
    examples=("etat", "etat détail"),
    spoken=("santé", "fraîcheur"),
    run=run,
    roles=EVERYONE,
)

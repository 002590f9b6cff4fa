"""/sync: look at the FTP now."""

from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context
from handlers.desk import SyncReport

_STATE = Button("État du robot", "etat")


async def run(ask: Ask, context: Context) -> Answer:
    report = await context.desk.sync(ask.person)
    if report.ended:
        return told(report, context.now())
    later = (
        "Je dirai ici ce qu'elle aura trouvé." if ask.door == "chat" else "La commande etat dira quand elle aura fini."
    )
    return Answer("La passe sur le FTP est en cours.", (later,), buttons=(_STATE,))


def told(report: SyncReport, now: int) -> Answer:
    """How a pass that came to its end went.

    :param now: UTC seconds.
    """
    counts = _counts(report.fetched, report.read, report.waiting)
    if report.error:
        return Answer("Le FTP n'a pas été lu jusqu'au bout.", (report.error, *counts), buttons=(_STATE,), refused=True)
    nothing = not (counts or report.failed)
    return Answer(
        "Passe terminée : rien de nouveau." if nothing else "Passe terminée.",
        (*counts, *(f"⚠️ {reason}" for reason in report.failed[:5])),
        buttons=(_STATE,),
        freshness=f"fait le {french.moment(now, now)}",
    )


def _counts(fetched: int, read: int, waiting: int) -> list[str]:
    told = []
    if fetched:
        told.append(french.count(fetched, "fichier reçu", "fichiers reçus"))
    if read:
        told.append(french.count(read, "fichier lu", "fichiers lus"))
    if waiting:
        told.append(
            french.count(waiting, "fichier que l'opérateur envoie encore", "fichiers que l'opérateur envoie encore")
        )
    return told


COMMAND = Command(
    name="sync",
    summary="Regarder le FTP maintenant",
    usage="sync",
    examples=("sync",),
    aliases=("synchro",),
    spoken=("actualiser",),
    run=run,
    roles=TECHNICAL,
)

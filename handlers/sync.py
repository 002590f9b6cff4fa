"""/sync: look at the FTP now."""

from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context


async def run(_: Ask, context: Context) -> Answer:
    report = await context.desk.sync()
    state = Button("État du robot", "etat")
    if not report.ended:
        return Answer(
            "La passe sur le FTP est en cours.",
            ("Elle dure plus que d'habitude ; ce qui arrive sera signalé comme toujours.",),
            buttons=(state,),
        )
    if report.error:
        return Answer(
            "Le FTP n'a pas été lu jusqu'au bout.",
            (report.error, *_counts(report.fetched, report.read, report.waiting)),
            buttons=(state,),
            refused=True,
        )
    nothing = not (report.fetched or report.read or report.waiting or report.failed)
    return Answer(
        "Passe terminée : rien de nouveau." if nothing else "Passe terminée.",
        (*_counts(report.fetched, report.read, report.waiting), *(f"⚠️ {reason}" for reason in report.failed[:5])),
        buttons=(state,),
        freshness=f"fait le {french.moment(context.now(), context.now())}",
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

"""/selftest: a real round trip by mail, Telegram and FTP."""

from collections.abc import Sequence

from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import Command, Context
from handlers.desk import Trip

_STATE = Button("État du robot", "etat")


async def run(ask: Ask, context: Context) -> Answer:
    if not ask.private:
        return Answer("/selftest ne se demande qu'en conversation privée avec le robot.", refused=True, denied=True)
    test = await context.desk.selftest(ask.person, wait=ask.door != "chat")
    if test.elsewhere:
        return Answer(
            "Un autotest est déjà en cours, demandé depuis un autre programme.",
            ("Réessayer dans une minute ou deux.",),
            refused=True,
        )
    if test.trips:
        return told(test.trips, context.now())
    if test.joined:
        return Answer("Un autotest est déjà en cours…", ("Son résultat viendra ici aussi.",))
    return Answer(
        "Autotest lancé…",
        ("Un aller et retour par courriel, Telegram et FTP ; le résultat vient ici, en deux minutes au plus.",),
    )


def told(trips: Sequence[Trip], now: int) -> Answer:
    """How a test went.

    :param now: UTC seconds.
    """
    failed = sum(bool(trip.fault) for trip in trips)
    title = f"❌ Autotest : {french.count(failed, 'canal en panne', 'canaux en panne')} sur {len(trips)}"
    return Answer(
        title if failed else "✅ Autotest : tout fonctionne",
        tuple(map(_line, trips)),
        buttons=(_STATE,),
        freshness=f"fait le {french.moment(now, now)}",
        refused=bool(failed),
    )


def _line(trip: Trip) -> str:
    if trip.fault:
        return f"❌ {trip.channel} : {trip.fault}"
    steps = ", ".join(f"{step} {_seconds(took)}" for step, took in trip.steps)
    return f"✅ {trip.channel} : {trip.done} en {_seconds(trip.seconds)}{f' ({steps})' if steps else ''}"


def _seconds(value: float) -> str:
    return f"{value:.1f}".replace(".", ",") + french.NBSP + "s"


COMMAND = Command(
    name="selftest",
    summary="Vérifier courriel, Telegram et FTP par un vrai aller et retour",
    usage="selftest",
    examples=("selftest",),
    aliases=("autotest",),
    run=run,
    roles=frozenset({"technique", "admin"}),
)

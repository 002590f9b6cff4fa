"""/puk: the codes of a line's card."""

from core import sims
from core.numbers import show
from handlers import french, which
from handlers.answer import Answer, Code
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    words = which.plain(ask.arguments)
    if not words:
        return COMMAND.how_to("Le PUK de quelle ligne, ou de quelle carte ?")
    card = which.card(words, lambda iccid: f"puk {iccid}", COMMAND, context)
    if isinstance(card, Answer):
        return card
    codes = sims.codes(context.telecom, card.iccid)
    whose = f"{show(card.msisdn)} · {card.client}" if card.msisdn and card.client else show(card.msisdn)
    title = f"PUK de la SIM {card.iccid}"
    if codes is None or not codes.puk:
        return Answer(
            f"{title} : inconnu",
            (
                *((f"Ligne : {whose}",) if whose else ()),
                "Aucune liste de cartes reçue de l'opérateur ne le donne : le demander à l'opérateur.",
            ),
        )
    shown = (("Code PUK", codes.puk), ("Code PUK2", codes.puk2), ("Code PIN d'origine", codes.pin))
    return Answer(
        title,
        (f"Ligne : {whose}" if whose else "Ligne : aucune", "Dix essais faux bloquent la carte pour de bon."),
        codes=tuple(Code(label, code) for label, code in shown if code),
        freshness=f"d'après {codes.path.rsplit('/', 1)[-1]} du {french.moment(codes.seen_at, context.now())}"
        if codes.path
        else "d'après une liste de cartes de l'opérateur",
    )


COMMAND = Command(
    name="puk",
    summary="Le code PUK d'une carte",
    usage="puk NUMÉRO ou ICCID",
    examples=("puk 0639980001", "puk 8933019900000000012"),
    spoken=("pin", "code", "codes"),
    run=run,
    roles=TECHNICAL,
    sensitive=True,
)

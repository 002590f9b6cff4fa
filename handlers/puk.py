"""/puk: the codes of a line's card."""

from dataclasses import replace

from core import sims
from core.numbers import show
from core.vault import VaultError
from handlers import confirming, french, which
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
    whose = f"{show(card.msisdn)} · {card.client}" if card.msisdn and card.client else show(card.msisdn)
    title = f"PUK de la SIM {card.iccid}"
    about = which.about(card)
    if not context.vault.has_key:
        return replace(confirming.NO_KEY, about=about)
    if not card.has_puk:
        return Answer(
            f"{title} : inconnu",
            (
                *((f"Ligne : {whose}",) if whose else ()),
                "Aucune liste de cartes reçue de l'opérateur ne le donne : le demander à l'opérateur.",
            ),
            about=about,
        )
    line = f"Ligne : {whose}" if whose else "Ligne : aucune"
    if not ask.confirmed:
        asked = confirming.confirm(f"{title} : le montrer ?", (line,), "Montrer le code", f"puk {card.iccid}")
        return replace(asked, about=about)
    try:
        codes = sims.codes(context.telecom, card.iccid, context.vault)
    except VaultError as error:
        return Answer(f"{title} : {error}.", (confirming.CALL_ADMINISTRATOR,), refused=True, about=about)
    assert codes
    shown = (("Code PUK", codes.puk), ("Code PUK2", codes.puk2), ("Code PIN d'origine", codes.pin))
    return Answer(
        title,
        (line, "Dix essais faux bloquent la carte pour de bon.", *confirming.told(ask, context)),
        codes=tuple(Code(label, code) for label, code in shown if code),
        freshness=f"d'après {codes.path.rsplit('/', 1)[-1]} du {french.moment(codes.seen_at, context.now())}"
        if codes.path
        else "d'après une liste de cartes de l'opérateur",
        about=about,
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
    confirmed=True,
)

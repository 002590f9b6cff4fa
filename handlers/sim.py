"""/sim: the cards in stock, or one card."""

from core import sims, usage
from core.numbers import show
from handlers import french, which
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import EVERYONE, TECHNICAL, Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    words = which.plain(ask.arguments)
    if not words:
        return _stock(context)
    card = which.card(words, lambda iccid: f"sim {iccid}", COMMAND, context)
    return card if isinstance(card, Answer) else _card(card, ask, context).of(which.about(card))


def _card(card: sims.Card, ask: Ask, context: Context) -> Answer:
    told = [f"Ligne : {show(card.msisdn)}" if card.msisdn else "Ligne : aucune"]
    if card.client:
        told.append(f"Client : {card.client}")
    if card.gone:
        told.append("La ligne n'est plus dans l'état des lignes.")
    if card.line_status:
        told.append(f"État de la ligne : {french.STATUS.get(card.line_status, card.line_status)}")
    elif card.status:
        told.append(f"État de la carte : {french.STATUS.get(card.status, f'« {card.word} » (mot de l’opérateur)')}")
    if card.imsi:
        told.append(f"IMSI : {card.imsi}")
    if card.delivered_for and card.delivered_for != card.msisdn:
        told.append(f"Livrée pour le {show(card.delivered_for)}")
    told.append("Code PUK : connu" if card.has_puk else "Code PUK : pas dans les fichiers reçus")
    if card.is_odd:
        told.append("⚠️ La clé de cet ICCID est fausse : un chiffre a pu être mal recopié.")
    buttons = [Button("État de la ligne", f"status {card.msisdn}")] if card.msisdn else []
    if card.has_puk and ask.shows_codes and TECHNICAL & ask.person.roles:
        buttons.append(Button("PUK", f"puk {card.iccid}"))
    return Answer(
        f"SIM {card.iccid}",
        tuple(told),
        buttons=tuple(buttons),
        freshness=_freshness(card, context),
    )


def _freshness(card: sims.Card, context: Context) -> str:
    """What is told of a card on a line is of the newest state of the lines."""
    now = context.now()
    state = usage.last_delivery(context.telecom, "account_status") if card.line_status else None
    if state:
        return which.state_of(state.as_of, state.path, now)
    return f"vue le {french.moment(card.seen_at, now)}, fichier {card.path.rsplit('/', 1)[-1]}"


def _stock(context: Context) -> Answer:
    now = context.now()
    stock = sims.stock(context.telecom)
    spare = sum(stock.spare.values())
    total = stock.on_lines + stock.used + spare
    if not total:
        return Answer("Aucune carte SIM n'a encore été reçue de l'opérateur.")
    told = [f"Sur une ligne : {french.whole(stock.on_lines)}", f"Sur aucune ligne : {french.whole(spare)}"]
    told += [
        f"• {french.STATUS.get(status, 'sans état connu')} : {french.whole(count)}"
        for status, count in sorted(stock.spare.items())
        if count != spare
    ]
    if stock.used:
        told.append(f"Remplacées par une autre : {french.whole(stock.used)}")
    if stock.orders:
        told.append("Dernières livraisons :")
    told += [
        f"{french.moment(order.at, now)} · {french.count(order.cards, 'carte')} · {order.path.rsplit('/', 1)[-1]}"
        for order in stock.orders
    ]
    return Answer(
        french.count(total, "carte SIM connue", "cartes SIM connues"),
        tuple(told),
        freshness="d'après les listes de cartes et le dernier état des lignes",
    )


COMMAND = Command(
    name="sim",
    summary="Une carte SIM, ou le stock de cartes",
    usage="sim [ICCID ou derniers chiffres]",
    examples=("sim", "sim 8933019900000000012", "sim 0000012"),
    aliases=("iccid",),
    spoken=("carte", "cartes", "sims"),
    run=run,
    roles=EVERYONE,
)

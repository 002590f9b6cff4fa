"""/status: the state of a line, with its date."""

from core import sims, usage
from core.lines import Line
from core.numbers import show
from handlers import books, french, which
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import EVERYONE, TECHNICAL, Command, Context

#: Days without traffic after which an active line deserves a look.
QUIET_DAYS = 7


async def run(ask: Ask, context: Context) -> Answer:
    words, as_sheet = books.asked(ask.arguments)
    line = which.line(words, lambda msisdn: f"status {msisdn}", COMMAND, context)
    if isinstance(line, Answer):
        return line
    if as_sheet:
        return (await books.of_line(line, context)).of(line.msisdn)
    return _line(line, ask, context).of(line.msisdn)


def _line(line: Line, ask: Ask, context: Context) -> Answer:
    now = context.now()
    told = [f"Client : {line.client or 'aucun'}"]
    if line.status not in ("active", "stock") and line.gone_at is None:
        # The operator's file gives the state, not when it changed: the first file that shows it is what is known.
        since = french.moment(line.since, now)
        told.append(f"Depuis : état du {since}" if line.changed else f"Depuis : déjà dans l'état du {since}, ou avant")
    if line.plan:
        told.append(f"Forfait : {line.plan}")
    if line.options:
        told.append(f"Options : {line.options}")
    if line.iccid:
        told.append(f"SIM : {line.iccid}")
    if line.activated_on:
        told.append(f"Mise en service : {line.activated_on}")
    told += _traffic(line, context)
    here = french.today(now)
    month = here.year * 100 + here.month
    totals = usage.of_line(context.telecom, line.msisdn, month, usage.source_of(context.telecom, month))
    if totals:
        told.append(f"Conso {french.of_month(month)} : {short_totals(totals)}")
    return Answer(
        f"{which.mark(line)} {show(line.msisdn)} : {_state(line, now)}",
        tuple(told),
        buttons=_buttons(line, ask, context),
        freshness=which.state_of(line.seen_at, line.path, now),
    )


def _traffic(line: Line, context: Context) -> list[str]:
    """The last communication, and what is odd about it."""
    now = context.now()
    last = usage.last_traffic(context.telecom, line.msisdn)
    told = ["Dernier trafic : aucun connu"]
    if last:
        told = [f"Dernier trafic : {french.moment(last[0], now)} ({french.KIND_IN_SENTENCE[last[1]]})"]
    if line.gone_at is not None:
        return told
    if last and line.status.startswith("suspended") and last[0] > line.since:
        told.append("⚠️ Du trafic a été vu depuis la suspension.")
    if last and line.status == "terminated" and last[0] > line.since:
        told.append("⚠️ Du trafic a été vu depuis la résiliation.")
    # What the last file of communications does not hold yet is not missed.
    delivery = usage.last_delivery(context.telecom, "rated_cdrs") if line.status == "active" else None
    if delivery and last and (days := (delivery.as_of - last[0]) // 86400) >= QUIET_DAYS:
        told.append(f"⚠️ Ligne active sans trafic depuis {days} jours.")
    elif delivery and not last and (delivery.as_of - line.since) // 86400 >= QUIET_DAYS:
        told.append("⚠️ Ligne active dont aucun trafic n'est connu.")
    return told


def _buttons(line: Line, ask: Ask, context: Context) -> tuple[Button, ...]:
    buttons = [Button("Conso", f"conso {line.msisdn}"), Button("Historique", f"historique {line.msisdn}")]
    # Not in a group, nor to who may not: a button that refuses is worse than none.
    if ask.shows_codes and TECHNICAL & ask.person.roles and _has_codes(line, context):
        buttons.append(Button("PUK", f"puk {line.msisdn}"))
    buttons.append(Button("Exporter", f"status {line.msisdn} tableur"))
    if context.desk.staff_of(ask.person):
        buttons.append(Button("Demander à l'équipe", f"contact ? status {line.msisdn}"))
    return tuple(buttons)


def _has_codes(line: Line, context: Context) -> bool:
    return bool(line.iccid) and any(card.has_puk for card in sims.find(context.telecom, line.iccid))


def _state(line: Line, now: int) -> str:
    if line.gone_at is None:
        return which.status_words(line)
    # The operator's file leaves it out, which is all that is known.
    gone = french.moment(line.gone_at, now)
    return f"n'est plus dans l'état des lignes depuis le {gone} ; dernier état connu : {which.status_words(line)}"


def short_totals(totals: list[usage.Total]) -> str:
    """voix 1 h 02 min, 12 SMS, data 1,2 Go, 3,40 € HT."""
    parts = []
    for total in totals:
        if total.kind == "voice":
            parts.append(f"voix {french.duration(total.seconds)}")
        elif total.kind == "data":
            parts.append(f"data {french.volume(total.bytes)}")
        else:
            parts.append(f"{french.whole(total.count)} {french.KIND[total.kind]}")
    amounts = [total.amount for total in totals if total.amount is not None]
    if amounts:
        parts.append(f"{french.euros(sum(amounts))} HT")
    return ", ".join(parts)


COMMAND = Command(
    name="status",
    summary="L'état d'une ligne, daté",
    usage="status NUMÉRO, ICCID ou derniers chiffres",
    examples=("status 0639980001", "status 06 39 98 00 01", "status 0001"),
    aliases=("statut",),
    run=run,
    roles=EVERYONE,
)

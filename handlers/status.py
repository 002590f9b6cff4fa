"""/status: the state of a line, with its date."""

from core import lines, usage
from core.numbers import show
from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    if not ask.arguments.strip():
        return COMMAND.how_to("Quelle ligne ?")
    found = lines.find(context.telecom, ask.arguments)
    if len(found) == 1:
        return _line(found[0], context)
    delivery = usage.last_delivery(context.telecom, "account_status")
    freshness = _freshness(delivery.as_of, delivery.path, context.now()) if delivery else ""
    if not delivery:
        return Answer("Aucun état des lignes n'a encore été reçu de l'opérateur.", freshness="")
    if not found:
        if sum(sign.isdigit() for sign in ask.arguments) < 4:
            return COMMAND.how_to(f"{french.quoted(ask.arguments)} n'est ni un numéro ni un ICCID.")
        return Answer(
            f"Aucune ligne ne correspond à {french.quoted(ask.arguments)}.",
            ("Vérifier le numéro ; les quatre derniers chiffres, ou l'ICCID de la carte, conviennent aussi.",),
            freshness=freshness,
        )
    if len(found) > 20:
        return COMMAND.how_to(f"Plus de 20 lignes finissent par {french.quoted(ask.arguments)} : en donner davantage.")
    return Answer(
        f"{len(found)} lignes correspondent : laquelle ?",
        tuple(f"{show(line.msisdn)} · {line.client} · {_in_short(line)}" for line in found),
        buttons=tuple(Button(show(line.msisdn), f"status {line.msisdn}") for line in found[:8]),
        freshness=freshness,
    )


def _line(line: lines.Line, context: Context) -> Answer:
    now = context.now()
    told = [f"Client : {line.client or 'aucun'}"]
    if line.status not in ("active", "stock") and line.gone_at is None:
        # The operator's file gives the state, not when it changed: the first file that shows it is what is known.
        since = french.moment(line.since, now)
        told.append(f"Depuis : état du {since}" if line.changed else f"Depuis : déjà dans l'état du {since}, ou avant")
    if line.plan:
        told.append(f"Forfait : {line.plan}")
    if line.iccid:
        told.append(f"SIM : {line.iccid}")
    if line.activated_on:
        told.append(f"Mise en service : {line.activated_on}")
    last = usage.last_traffic(context.telecom, line.msisdn)
    if last:
        told.append(f"Dernier trafic : {french.moment(last[0], now)} ({french.KIND_IN_SENTENCE[last[1]]})")
        if line.status.startswith("suspended") and last[0] > line.since:
            told.append("⚠️ Du trafic a été vu depuis la suspension.")
    else:
        told.append("Dernier trafic : aucun connu")
    here = french.today(now)
    month = here.year * 100 + here.month
    totals = usage.of_line(context.telecom, line.msisdn, month, usage.source_of(context.telecom, month))
    if totals:
        told.append(f"Conso {french.of_month(month)} : {short_totals(totals)}")
    return Answer(
        f"{_mark(line)} {show(line.msisdn)} : {_state(line, now)}",
        tuple(told),
        buttons=(Button("Conso", f"conso {line.msisdn}"),),
        freshness=_freshness(line.seen_at, line.path, now),
    )


_MARKS = {
    "active": "🟢",
    "suspended": "🟠",
    "suspended_by_operator": "🟠",
    "terminated": "🔴",
    "reserved": "⚪",
    "stock": "⚪",
}


def _mark(line: lines.Line) -> str:
    return "❔" if line.gone_at is not None else _MARKS.get(line.status, "❔")


def _state(line: lines.Line, now: int) -> str:
    if line.gone_at is None:
        return _words(line)
    # The operator's file leaves it out, which is all that is known.
    gone = french.moment(line.gone_at, now)
    return f"n'est plus dans l'état des lignes depuis le {gone} ; dernier état connu : {_words(line)}"


def _in_short(line: lines.Line) -> str:
    return _words(line) if line.gone_at is None else f"plus dans l'état des lignes (était {_words(line)})"


def _words(line: lines.Line) -> str:
    """Our word; the operator's own when no list knows it."""
    return french.STATUS.get(line.status, f"« {line.word} » (mot de l'opérateur)")


def _freshness(as_of: int, path: str, now: int) -> str:
    return f"état au {french.moment(as_of, now)} ({french.age(as_of, now)}), fichier {path.rsplit('/', 1)[-1]}"


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
    usage="status NUMÉRO ou ICCID",
    examples=("status 0639980001", "status 06 39 98 00 01"),
    aliases=("statut",),
    run=run,
)

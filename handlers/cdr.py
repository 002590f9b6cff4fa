"""/cdr: a line's communications one by one, as a spreadsheet. Called numbers lack their last four digits, but for who
gives a reason to see them (`handlers.detail`)."""

from core import books as core_books
from core import usage
from core.forgotten import first_day, first_kept
from core.numbers import show
from handlers import books, detail, french, periods, which
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    said, why = detail.taken(ask.arguments)
    if why is not None and (refusal := detail.refusal(ask, context)):
        return refusal
    words, _ = books.asked(said)
    rest, period = periods.take_period(which.plain(words), context.now())
    if not rest:
        return COMMAND.how_to("Le détail de quelle ligne ?")
    known = usage.months(context.telecom)
    if not known:
        return Answer("Aucun relevé de communications n'a encore été reçu de l'opérateur.")
    suffix = (f" {period.command}" if period else "") + (detail.argument(why) if why is not None else "")
    number = which.number_in(rest)
    if not number:
        line = which.line(rest, lambda msisdn: f"cdr {msisdn}{suffix}", COMMAND, context)
        if isinstance(line, Answer):
            return line
        number = line.msisdn
    period = period or periods.whole_months(known[0], known[0])
    count = sum(
        total.count
        for month in period.months
        for total in usage.of_line(context.telecom, number, month, usage.source_of(context.telecom, month))
    )
    if period.months and not count:
        months = ", ".join(french.month(month) for month in known[:6])
        return Answer(f"{show(number)} : aucune communication en {period.words}", (f"Mois connus : {months}.",)).of(
            number
        )
    kept = first_kept(context.telecom)
    if kept and period.last < first_day(kept):
        return Answer(
            f"{show(number)} : le détail {period.of} est effacé",
            (f"La loi le limite à un an ; {french.month(kept)} est le mois le plus ancien qui reste.",),
            buttons=(Button("Les totaux", f"conso {number} {period.command}"),),
        ).of(number)
    if why is not None:
        return await detail.answer(ask, number, period, why, context)
    what = french.count(count, "communication") if period.months else "communications"
    made = await books.made(
        f"{show(number)} : {what} {period.of}",
        f"Communications {number} {period.command}",
        context,
        core_books.cdr,
        context.settings.data,
        number,
        period.first,
        period.last,
    )
    return made if made.refused else _told(made).of(number)


def _told(made: Answer) -> Answer:
    return Answer(
        made.title,
        ("Les quatre derniers chiffres des numéros appelés sont cachés, comme la loi le demande.",),
        files=made.files,
    )


COMMAND = Command(
    name="cdr",
    summary="Le détail des communications d'une ligne, en tableur",
    usage="cdr NUMÉRO [MOIS ou PÉRIODE]",
    examples=("cdr 0639980001 octobre", "cdr 0639980001 du 1 au 15 octobre", "cdr 0639980001 octobre complet"),
    aliases=("cdrs",),
    spoken=("détail", "communications", "appels"),
    run=run,
    roles=EVERYONE,
    for_admin="les numéros appelés entiers (« complet »)",
)

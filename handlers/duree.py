"""/duree: the time calculator, for durations, days between dates and the end of a commitment."""

from dataclasses import replace
from datetime import date

from core import duration
from core.duration import Between, Calculation, Day, DurationError, Moved, Question, clock, decimal, show
from core.duration.dates import WEEKDAYS, Move
from core.duration.days import Measure
from core.duration.writing import ABOUT, SECONDS, is_shown_whole
from core.folders import MONTHS
from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.french import NBSP


async def run(ask: Ask, context: Context) -> Answer:
    question = duration.understand(ask.arguments)
    if not question.text:
        return replace(
            COMMAND.how_to("Que faut-il calculer ?"),
            lines=(*(f"Exemple : /{example}" for example in COMMAND.examples[:3]), _COLUMN),
        )
    today = french.today(context.now()).date()
    try:
        found = duration.answer(question, today)
    except DurationError as error:
        return Answer(
            str(error),
            () if error.remedies else ("Des exemples : /duree",),
            buttons=tuple(Button(label, f"duree {text}") for label, text in error.remedies),
            refused=True,
        )
    if isinstance(found, Calculation):
        return _calculated(found, question)
    if isinstance(found, Between):
        return _between(found, today)
    if isinstance(found, Moved):
        return _moved(found, today)
    return _day(found, today)


# -- Durations


def _calculated(found: Calculation, question: Question) -> Answer:
    if not found.is_duration:
        shown = decimal(found.value, 4)
        return Answer(
            shown, (*found.steps, f"Soit {decimal(found.value * 100, 2)}{NBSP}%"), buttons=_other(found, question)
        )
    rounded = not is_shown_whole(found.value)
    title = (ABOUT if rounded else "") + show(found.value)
    if question.wanted:
        title = f"{_in_unit(found, question)}, soit {title}"
    told = _reading(found, question)
    if found.column:
        title += f" au total, pour {french.count(found.column.count, 'durée')}"
    told += found.steps
    if column := found.column:
        told.append(f"Moyenne : {'' if is_shown_whole(column.mean) else ABOUT}{show(column.mean)}")
        told.append(f"De {show(column.least)} à {show(column.most)}")
    told.append(f"Soit {' · '.join(_in_units(found))}")
    if rounded or any("≈" in line for line in told[:-1]):
        told.append("Le calcul est exact, seul l'affichage est arrondi.")
    return Answer(title, tuple(told), buttons=_other(found, question))


def _reading(found: Calculation, question: Question) -> list[str]:
    """How what can be read in two ways was read, and what was not counted."""
    told = []
    if found.column and found.column.heading:
        told.append(f"{french.quoted(found.column.heading)} : un titre, non compté")
    if found.two_parts:
        written, seconds = found.two_parts
        as_ = "heures:minutes" if question.two_parts == "h:mm" else "minutes:secondes"
        others = " ; les autres de même" if found.more_two_parts else ""
        told.append(f"{written} lu comme {show(seconds)} ({as_}){others}")
    return told


def _other(found: Calculation, question: Question) -> tuple[Button, ...]:
    """The same question with the other reading of 1:23."""
    if not found.two_parts:
        return ()
    if question.two_parts == "h:mm":
        return (Button("Lire en minutes:secondes", f"duree {question.read_as(two_parts='mm:ss')}"),)
    return (Button("Lire en heures:minutes", f"duree {question.read_as(two_parts='h:mm')}"),)


def _in_unit(found: Calculation, question: Question) -> str:
    assert question.wanted
    value = found.value / SECONDS[question.wanted]
    unit = question.wanted if question.wanted != "semaine" else "semaines" if abs(value) >= 2 else "semaine"
    return f"{decimal(value, 4)}{NBSP}{unit}"


def _in_units(found: Calculation) -> list[str]:
    """What spreadsheets and invoices count in."""
    seconds = found.value
    told = [clock(seconds), f"{decimal(seconds, 3)}{NBSP}s"]
    told += [f"{decimal(seconds / 60, 2)}{NBSP}min", f"{decimal(seconds / 3600, 4)}{NBSP}h"]
    return [*told, *filter(None, [duration.show_in_days(seconds)])]


# -- Dates


def _between(found: Between, today: date) -> Answer:
    measure = found.measure
    told = list(found.notes)
    if found.turned:
        told.append("La fin était avant le début : les dates ont été remises dans l'ordre.")
    told.append(f"Du {_long(measure.first)} au {_long(measure.last)}")
    if len(measure.parts) > 1:
        told.append(
            " + ".join(f"{_part(year, month)}{NBSP}{days}" for year, month, days in measure.parts)
            + f" = {french.count(measure.days, 'jour')}"
        )
    told.append(f"{french.count(measure.both_counted, 'jour')} en comptant le premier et le dernier")
    told += _larger(measure)
    told.append(f"{french.count(measure.weekdays, 'jour')} du lundi au vendredi, bornes et jours fériés compris")
    if measure.first <= today < measure.last:
        told.append(f"Il reste {french.count((measure.last - today).days, 'jour')} ({_today(today)}).")
    return Answer(
        f"{french.count(measure.days, 'jour')}, du {_short(measure.first)} au {_short(measure.last)}", tuple(told)
    )


def _larger(measure: Measure) -> list[str]:
    """Soit 34 semaines, ou 7 mois et 24 jours."""
    weeks, rest = divmod(measure.days, 7)
    told = []
    if weeks:
        told.append(_and(french.count(weeks, "semaine"), rest))
    if measure.months:
        years, months = divmod(measure.months, 12)
        parts = [french.count(years, "an")] if years else []
        parts += [f"{months} mois"] if months else []
        told.append(_and(" ".join(parts), measure.days_beyond))
    return [f"Soit {', ou '.join(told)}"] if told else []


def _and(larger: str, days: int) -> str:
    return f"{larger} et {french.count(days, 'jour')}" if days else larger


def _part(year: int, month: int) -> str:
    return MONTHS[month - 1] if month else f"{year}{NBSP}:"


def _moved(found: Moved, today: date) -> Answer:
    told = [*found.notes, *(line for move in found.moves for line in _steps(move))]
    if last := found.last_day:
        what = "l'engagement" if any(move.span.months for move in found.moves) else "la période"
        count = french.count((last - found.start).days + 1, "jour")
        told.append(f"Si {what} commence le {_short(found.start)}, le dernier jour est le {_long(last)} : {count}")
        told.append(_left(found.start, last, today))
    elif found.end != today:
        told.append(_away(found.end, today))
    return Answer(_long(found.end).capitalize(), tuple(told))


def _steps(move: Move) -> list[str]:
    sign = "+" if move.sign > 0 else "−"
    months, extra = move.span.months, move.span.days
    told = [f"{_short(move.before)} {sign} {move.told} = {_short(move.after)}"]
    if months and not move.cut:
        told[0] += ", de quantième à quantième" if not extra else ""
    elif months:
        told.append(
            f"{MONTHS[move.turn.month - 1].capitalize()} {move.turn.year} n'a pas de {move.before.day} : "
            f"c'est le dernier jour du mois qui compte, le {move.turn.day}."
        )
    if months and extra:
        told.append(f"Les mois d'abord, jusqu'au {_short(move.turn)}, puis les jours.")
    if move.cut or (months and extra):
        told[-1] = f"{told[-1].removesuffix('.')} (code de procédure civile, art. 641)."
    return told


def _left(first: date, last: date, today: date) -> str:
    if today < first:
        return f"Début dans {french.count((first - today).days, 'jour')} ({_today(today)})."
    if today < last:
        return f"Il reste {french.count((last - today).days, 'jour')} ({_today(today)})."
    if today > last:
        return f"Fini depuis {french.count((today - last).days, 'jour')} ({_today(today)})."
    return f"Le dernier jour est aujourd'hui, {_short(today)}."


def _day(found: Day, today: date) -> Answer:
    day = found.day
    told = [*found.notes]
    if day != today:
        told.append(_away(day, today))
    number = (day - date(day.year, 1, 1)).days + 1
    told.append(f"Semaine {day.isocalendar().week}, {number}{'er' if number == 1 else 'e'} jour de l'année")
    return Answer(_long(day).capitalize(), tuple(told))


def _away(day: date, today: date) -> str:
    """Il y a 257 jours, dans 12 jours, from today."""
    count = french.count(abs((day - today).days), "jour")
    return f"{'Dans' if day > today else 'Il y a'} {count} ({_today(today)})."


def _today(today: date) -> str:
    return f"aujourd'hui : {_short(today)}"


def _short(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _long(day: date) -> str:
    """jeudi 12 mars 2026."""
    return f"{WEEKDAYS[day.weekday()]} {'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"


_COLUMN = "Plusieurs durées, une par ligne ou séparées par un point-virgule, sont additionnées."

COMMAND = Command(
    name="duree",
    summary="Calculer des durées, des jours entre deux dates, une fin d'engagement",
    usage="duree CALCUL",
    examples=(
        "duree 1:23:45 + 59 min",
        "duree du 12/03/2026 au 05/11/2026",
        "duree 12/03/2026 + 24 mois",
        "duree 2h15 x 3",
    ),
    aliases=("calculatrice",),
    spoken=("calcul", "calcule", "calculer"),
    run=run,
    roles=EVERYONE,
)

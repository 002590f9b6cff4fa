"""The time calculator: durations put together, days between dates, the end of a commitment (operator's card, B-5).

Exact throughout, bounded in size, and nothing is guessed in silence: what can be read in two ways is told.
"""

import re
from dataclasses import dataclass, replace
from datetime import date

from core.duration import dates, expression
from core.duration.dates import Between, Day, Moved
from core.duration.expression import MOST_SIGNS, Calculation, Column, UnitMissing
from core.duration.faults import DurationError
from core.duration.writing import TwoParts, Unit, clock, decimal, show, show_in_days, whole

__all__ = [
    "MOST_SIGNS", "Between", "Calculation", "Column", "Day", "DurationError", "Moved", "Question", "TwoParts", "Unit",
    "answer", "clock", "decimal", "looks_like", "show", "show_in_days", "understand", "whole",
]  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is to be calculated, without the words around it.

    `two_parts`: what 1:23 is. `unit`: that of bare numbers, None when nobody said. `wanted`: the unit asked for.
    """

    text: str
    two_parts: TwoParts = "h:mm"
    unit: Unit | None = None
    wanted: Unit | None = None

    def read_as(self, *, two_parts: TwoParts | None = None, unit: Unit | None = None) -> str:
        """The words that ask the same, read otherwise; on one line."""
        two_parts, unit = two_parts or self.two_parts, unit or self.unit
        words: list[str] = [two_parts] if two_parts != "h:mm" else []
        words += [f"en {_NAMES[unit]}s"] if unit else []
        words.append("; ".join(filter(None, map(str.strip, re.split(r"[\n\r\t;]+", self.text)))))
        words += [f"en {_NAMES[self.wanted]}s"] if self.wanted else []
        return " ".join(words)


def understand(text: str) -> Question:
    """Take off the words that only lead to a calculation, and those that say how to read or show it.

    "mm:ss 1:23 + 2:10", "en secondes 83; 130", "combien de jours du … au …", "2h15 x 3 en minutes".
    """
    question = Question(text.strip().lstrip(":").strip())
    while found := _LEADING.match(question.text):
        rest = question.text[found.end() :].strip()
        if found["parts"]:
            parts: TwoParts = "h:mm" if found["parts"][0].lower() == "h" else "mm:ss"
            question = replace(question, text=rest, two_parts=parts)
        else:
            question = replace(question, text=rest, unit=_unit(found["unit"]) or question.unit)
    if found := _TRAILING.search(question.text, max(0, len(question.text) - _LONGEST_TRAILING)):
        question = replace(question, text=question.text[: found.start()].strip(), wanted=_unit(found["unit"]))
    return question


def answer(question: Question, today: date) -> Calculation | Between | Moved | Day:
    """What a question comes to.

    :param today: in Paris.
    :raises DurationError: it cannot be calculated.
    """
    if dates.is_about_dates(question.text):
        return dates.answer(question.text, today)
    try:
        return expression.evaluate(question.text, question.two_parts, question.unit)
    except UnitMissing as error:
        remedies = (("En minutes", question.read_as(unit="min")), ("En secondes", question.read_as(unit="s")))
        raise DurationError(str(error), remedies) from None


def looks_like(text: str) -> bool:
    """Whether a text is a calculation and nothing else, right or wrong, so that no command need name it.

    Neither a number nor a duration nor a date alone is one, and no text that holds one word more.
    """
    if len(text) > MOST_SIGNS:
        return False
    question = understand(text)
    if question.wanted and expression.is_duration(question.text):
        return True
    return dates.looks_like(question.text) or expression.looks_like(question.text)


# -- The words around a calculation

_NAMES: dict[Unit, str] = {"semaine": "semaine", "j": "jour", "h": "heure", "min": "minute", "s": "seconde"}
_UNIT = r"(?P<unit>semaines?|jours?|heures?|minutes?|secondes?|j|h|min|s)"
_LEADING = re.compile(
    rf"""
    (?:
      (?P<parts>h+:mm?|mm?:ss?|h:min|min:s(?:ec)?)
    | en\s+{_UNIT}
    | combien(?:\s+(?:de\s+)?(?:jours|semaines|mois|temps|heures|minutes|secondes))?
      (?:\s+(?:font|fait|y\s+a-t-il|il\s+y\s+a|dans))?
    | nombre\s+de\s+jours | calcule[rz]? | calcul(?:\s+de)? | durée(?=\s+(?:du|de|entre)\b)
    )
    (?!\w)\s*:?(?=\s|$)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TRAILING = re.compile(rf"(?:^|\s)en\s+{_UNIT}[\s?.!=]*$", re.IGNORECASE)
_LONGEST_TRAILING = 40


def _unit(word: str | None) -> Unit | None:
    return next((unit for unit, name in _NAMES.items() if word and word.lower() in (unit, name, f"{name}s")), None)

"""From what a person wrote to a command and its arguments; the same words with or without slash."""

import re
import time

from sqlite_utils import Database

from core import clients, duration, rio
from core.layouts import fold
from core.numbers import NumberError, msisdn
from core.pictures import RULES
from handlers import registry
from handlers.files import PICTURES, SPREADSHEETS
from handlers.periods import take_period
from handlers.which import number_in, plain

#: A RIO and its number in their widest spacing; a longer text says something else.
MOST_SIGNS_OF_RIO = 80

#: What is asked of one line, and its number or card within a sentence.
_OF_A_LINE = frozenset({"status", "conso", "historique", "puk", "sim", "cdr"})
_NUMBER = re.compile(r"(?<!\w)(?:\+33|0)[1-9](?:[ .-]?\d\d){4}(?!\d)|(?<!\d)89\d{17,18}(?!\d)")

_SLASH = re.compile(r"^/(\S+?)(?:@\w+)?(?:\s+(.*))?$", re.DOTALL)


def understand(text: str, telecom: Database | None = None) -> tuple[str, str] | None:
    """The command's name and its arguments, or None when nothing is understood.

    A number alone asks for its status; a RIO alone, or with a number, is checked; a client's name alone asks for its
    consumption; a calculation on durations or dates is made.

    :param telecom: where one speaks to the robot alone: names of clients are looked up there, and everyday words name
        commands. Without it, as in a mail, neither is understood, nor a calculation without its command.
    """
    text = text.strip()
    if found := _SLASH.match(text):
        command = registry.named(found[1])
        return (command.name, (found[2] or "").strip()) if command else None
    words = text.split(maxsplit=1)
    if not words:
        return None
    command = registry.named(words[0].rstrip(":"), spoken=telecom is not None)
    arguments = words[1].strip() if len(words) > 1 else ""
    colon = words[0].endswith(":") or arguments.startswith(":")
    if command and (telecom is not None or not command.free_text or colon):
        return command.name, arguments.removeprefix(":").strip()
    try:
        return "status", msisdn(text)
    except NumberError:
        pass
    if re.fullmatch(r"89\d{17,18}", re.sub(r"\s", "", text)):
        return "status", text
    if telecom is not None and duration.looks_like(text) and not clients.is_name(telecom, text):
        return "duree", text
    if len(text) > MOST_SIGNS_OF_RIO:
        return None
    if _is_rio(text):
        return "rio", text
    return _spoken(text, telecom) if telecom is not None and "\n" not in text else None


def _is_rio(text: str) -> bool:
    """Whether a text is a mobile RIO, with its number or not. A wrong one is one too: else who tries many would see by
    what is understood which is right, and nobody would count."""
    code, number = rio.read(text)
    verdict = rio.check(code, number)
    if len(code) != 12 or verdict.quality == "fixe":
        return False
    if verdict.right is not False:
        return True
    # In several words, twelve signs without a digit among the last nine are words: "12 par exemple".
    looks_so = code in text.upper() or any(map(str.isdigit, code[3:]))
    return verdict.fault == "key" and number.startswith(("06", "07")) and looks_so


def _spoken(text: str, telecom: Database) -> tuple[str, str] | None:
    """A client or a number with or without a period; a sentence with one command's word and one number in it."""
    rest, period = take_period(text, int(time.time()))
    if period and number_in(rest):
        return "conso", text
    meant = clients.find(telecom, plain(rest))
    if meant.sure and not meant.corrected:
        return "conso", text
    asked = {command.name for word in re.findall(r"[^\W\d]+", text) if (command := registry.named(word))}
    numbers = _NUMBER.findall(text)
    if len(numbers) == 1 and len(asked & _OF_A_LINE) == 1:
        (name,) = asked & _OF_A_LINE
        return name, f"{numbers[0]} {period.command}" if period and name in ("conso", "cdr") else numbers[0]
    return None


def understand_file(name: str, words: str = "", *, alone: bool = False) -> tuple[str, str] | None:
    """The command that a file is for by what it is: a spreadsheet that somebody sends is a list of RIOs, a picture is
    the logo or the banner that the words with it say.

    :param alone: where one speaks to the robot alone, each picture is for it, and its name says which one it is; a mail
        carries those of signatures.
    """
    if name.lower().endswith(SPREADSHEETS):
        return "rio", ""
    if not name.lower().endswith(PICTURES):
        return None
    for text in (words, name) if alone else (words,):
        meant = [rule.name for rule in RULES.values() if rule.name in fold(text)]
        if len(meant) == 1:
            return "upload", meant[0]
    return ("upload", "") if alone else None

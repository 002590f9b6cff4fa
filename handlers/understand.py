"""From what a person wrote to a command and its arguments; the same words with or without slash."""

import difflib
import re

from core import rio
from core.numbers import NumberError, msisdn
from handlers import registry

#: A RIO and its number in their widest spacing; a longer text says something else.
MOST_SIGNS_OF_RIO = 80

_SLASH = re.compile(r"^/(\S+?)(?:@\w+)?(?:\s+(.*))?$", re.DOTALL)


def understand(text: str) -> tuple[str, str] | None:
    """The command's name and its arguments, or None when nothing is understood.

    A number alone asks for its status; a RIO alone, or with a number, is checked.
    """
    text = text.strip()
    if found := _SLASH.match(text):
        command = registry.named(found[1])
        return (command.name, (found[2] or "").strip()) if command else None
    words = text.split(maxsplit=1)
    if not words:
        return None
    if command := registry.named(words[0].rstrip(":")):
        return command.name, words[1].strip() if len(words) > 1 else ""
    try:
        return "status", msisdn(text)
    except NumberError:
        pass
    if re.fullmatch(r"89\d{17,18}", re.sub(r"\s", "", text)):
        return "status", text
    if len(text) > MOST_SIGNS_OF_RIO:
        return None
    code, number = rio.read(text)
    if len(code) == 12 and rio.check(code, number).right is not False and rio.check(code, number).quality != "fixe":
        return "rio", text
    return None


def nearest(text: str) -> str | None:
    """The command that a mistyped first word resembles, or None."""
    word = text.strip().lstrip("/").split(maxsplit=1)[0].lower() if text.strip().lstrip("/") else ""
    names = [name for command in registry.commands() for name in (command.name, *command.aliases)]
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    command = registry.named(close[0]) if close else None
    return command.name if command else None

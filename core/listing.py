"""A folder's listing as FTP servers write it: MLSD, and LIST of Unix and Windows styles in any language."""

import re
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_LINE = 2048


@dataclass(frozen=True)
class Listed:
    """One line of a folder's listing; `name` byte for byte (as latin-1)."""

    name: str
    is_folder: bool
    size: int
    stamp: str


def read_listing(text: bytes, parse: Callable[[bytes], Listed | None]) -> tuple[list[Listed], list[bytes]]:
    """What a folder holds, and the lines that could not be read or whose name would leave the folder."""
    found: list[Listed] = []
    odd: list[bytes] = []
    for line in text.replace(b"\r\n", b"\n").split(b"\n"):
        try:
            if len(line) > LONGEST_LINE:  # no name is so long, and the patterns take the square of it
                raise ValueError(line)
            listed = parse(line)
        except ValueError:
            odd.append(line)
            continue
        if listed and stays_inside(listed.name):
            found.append(listed)
        elif listed and listed.name not in (".", ".."):
            odd.append(line)
    return found, odd


def parse_mlsd_line(line: bytes) -> Listed | None:
    """One line of MLSD (RFC 3659, 7.2): `facts; name`. None for what is neither a file nor a sub-folder.

    :raises ValueError: not such a line.
    """
    if not line.strip():
        return None
    facts_text, space, name = line.partition(b" ")
    facts = {}
    for fact in facts_text.rstrip(b";").split(b";"):
        key, equals, value = fact.partition(b"=")
        if not equals:
            raise ValueError(line)
        facts[key.lower()] = value
    if not (space and name and b"type" in facts):
        raise ValueError(line)
    kind = facts[b"type"].lower()
    if kind not in (b"file", b"dir"):
        return None
    is_folder = kind == b"dir"
    return Listed(
        name=name.decode("latin-1"),
        is_folder=is_folder,
        size=0 if is_folder else _size(facts.get(b"size", b"")),
        stamp=facts.get(b"modify", b"").decode("latin-1"),
    )


# Months are any short word and dates come in three orders: servers speak the language of their owner.
_TIME = rb"(?:\d{1,2}[:h]\d{2}(?::\d{2})?|(?:19|20)\d{2})"
_DATE = (
    rb"(?P<stamp>[^\s\d]{3,9}\s+\d{1,2}\.?\s+" + _TIME + rb"|\d{1,2}\.?\s+[^\s\d]{3,9}\s+" + _TIME + rb"|"
    rb"\d{4}-\d{2}-\d{2}\s+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s[+-]\d{4})?)"
)
_MODE = rb"(?P<type>[-a-zA-Z?])[-a-zA-Z]{9}[.+@]?"
_UNIX = (
    re.compile(_MODE + rb"\s+\d+\s+\S+\s+\S+\s+(?P<size>\d+)\s+" + _DATE + rb" (?P<name>.+)", re.DOTALL),
    # The group can be missing, or be two words.
    re.compile(_MODE + rb"\s.*?(?P<size>\d+)\s+" + _DATE + rb" (?P<name>.+)", re.DOTALL),
)
_WINDOWS = re.compile(
    rb"(?P<stamp>\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\s+\d{1,2}:\d{2}(?:\s?[AaPp][Mm])?)\s+"
    rb"(?:(?P<folder><[A-Z]+>)\s+|(?P<size>\d[\d.,]*) )(?P<name>.+)",
    re.DOTALL,
)


def parse_list_line(line: bytes) -> Listed | None:
    """One line of LIST, as Unix or Windows servers write it. None for links, devices and `total 12`.

    :raises ValueError: no known form.
    """
    if not line.strip() or re.fullmatch(rb"[a-zA-Z]+ \d+\S*\s*", line):
        return None
    for pattern in _UNIX:
        if unix := pattern.fullmatch(line):
            if unix["type"] not in b"-d":
                return None
            return _listed(unix, is_folder=unix["type"] == b"d")
    if windows := _WINDOWS.fullmatch(line):
        if windows["folder"] not in (None, b"<DIR>"):
            return None
        return _listed(windows, is_folder=windows["folder"] is not None)
    if re.match(rb"[bclps][-a-zA-Z]{9}", line):
        return None  # a device has no size, a link may have anything
    raise ValueError(line)


def _listed(match: re.Match[bytes], *, is_folder: bool) -> Listed:
    return Listed(
        name=match["name"].decode("latin-1"),
        is_folder=is_folder,
        size=0 if is_folder else _size(re.sub(rb"[.,]", b"", match["size"])),
        stamp=match["stamp"].decode("latin-1"),
    )


def _size(digits: bytes) -> int:
    if not re.fullmatch(rb"\d{1,18}", digits):
        raise ValueError(digits)
    return int(digits)


def stays_inside(name: str) -> bool:
    """Whether a name, sent by a server or a person, is one plain name, that cannot lead out of its folder."""
    return name not in ("", ".", "..") and not any(c == "/" or ord(c) < 32 or ord(c) == 127 for c in name)

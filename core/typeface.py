"""The typeface of the drawn banner and page: DejaVu Sans, which matplotlib ships, the same on every machine."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

Face = ImageFont.FreeTypeFont

#: Left, top, right, bottom, in pixels; right and bottom are the first ones outside.
Box = tuple[int, int, int, int]


@lru_cache(maxsize=128)
def face(size: int, bold: bool = False) -> Face:
    """The typeface at a size in pixels."""
    spec = find_spec("matplotlib")  # found, not loaded: matplotlib brings numpy, which drawing text needs not
    assert spec
    assert spec.origin
    fonts = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    # Pillow's own layout: the other engine is not in every build, and sets signs otherwise.
    return ImageFont.truetype(fonts / name, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def ink(text: str, size: int, bold: bool = False) -> Box:
    """What a text covers when its baseline begins at (0, 0)."""
    left, top, right, bottom = face(size, bold).getbbox(text, anchor="ls")
    return (min(0, int(left)), int(top), int(right), int(bottom))


def width(text: str, size: int, bold: bool = False) -> int:
    """Pixels from the text's origin to its right end."""
    return ink(text, size, bold)[2]


def wrapped(text: str, size: int, bold: bool, most: int, room: int | None = None) -> list[str]:
    """The text on lines at most `most` pixels wide, broken between words, and amid a word that is wider than a line.

    `room`: how wide the first line can be, which is "" when nothing fits there.
    """
    lines = [""]

    def fits(more: str) -> bool:
        return width(lines[-1] + more, size, bold) <= (most if room is None or len(lines) > 1 else room)

    for word in text.split():
        rest = f" {word}" if lines[-1] else word
        if not fits(rest) and width(word, size, bold) <= most:
            lines.append("")
            rest = word
        while not fits(rest):
            count = next(count for count in range(len(rest)) if not fits(rest[: count + 1]))
            lines[-1] += rest[:count].rstrip()
            rest = rest[count:].lstrip()
            lines.append("")
        lines[-1] += rest
    return lines


def balanced(text: str, size: int, bold: bool, most: int, lines: int) -> list[str]:
    """The text on exactly that many lines, as narrow as can be, no word broken; [] where it does not fit so."""
    words = text.split()
    if lines == 1:
        return [" ".join(words)] if width(" ".join(words), size, bold) <= most else []
    found: list[str] = []
    for count in range(1, len(words) - lines + 2):
        first = " ".join(words[:count])
        rest = balanced(" ".join(words[count:]), size, bold, most, lines - 1)
        if rest and width(first, size, bold) <= most:
            widest = max(width(line, size, bold) for line in (first, *rest))
            if not found or widest < max(width(line, size, bold) for line in found):
                found = [first, *rest]
    return found


def lacking(text: str) -> str:
    """The signs of a text that the typeface has not."""
    return "".join(dict.fromkeys(sign for sign in text if not sign.isspace() and _mask(sign) == _mask("\uffff")))


@lru_cache(maxsize=1024)
def _mask(sign: str) -> bytes:
    return bytes(face(20).getmask(sign))

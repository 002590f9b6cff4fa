"""A banner's text as reading gives it, made ready to be searched and compared."""

import re
import unicodedata
from collections.abc import Sequence

from rapidfuzz import fuzz

#: Signs that are read for digits. Taken for them where that makes a key right or a number whole, and nowhere else.
LIKE_DIGITS = str.maketrans("OoQDIil|SsB", "00001111558")

#: Signs that reading takes for one another, in letters too.
_ALIKE = str.maketrans("oqil|sb", "0011158")

#: A banner says some 300 signs.
_LONGEST = 5000

_MARKS = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "−": "-", "½": "/"})

#: Labels, as they are misread too; a number may be glued to them.
_LABELS = (
    (re.compile(r"(?<![A-Za-z])[S5] ?[I1l|] ?R ?E ?[T7](?:\b|(?=[0-9]))[ :.°]*", re.I), "SIRET: "),
    (re.compile(r"(?<![A-Za-z])[S5] ?[I1l|] ?R ?E ?N(?:\b|(?=[0-9]))[ :.°]*", re.I), "SIREN: "),
    (re.compile(r"(?<![A-Za-z])R\.?C\.?S\.?(?![A-Za-z])[ :]*", re.I), "RCS: "),
    (re.compile(r"(?<![A-Za-z])T\.?V\.?A\.?(?=FR|[^A-Za-z]|$)[ :]*", re.I), "TVA: "),
)


def cleaned(lines: Sequence[str]) -> str:
    """One text, a line each; labels are written in one way, with a colon and a space ("SIRET: ")."""
    # The models know Chinese too: their colons and brackets can be the wide ones.
    text = unicodedata.normalize("NFKC", "\n".join(lines)[:_LONGEST].translate(_MARKS))
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r"(?<![0-9A-Za-z])[1|]'(?=[A-Za-zÀ-ÿ])", "l'", text)
    for label, written in _LABELS:
        text = label.sub(written, text)
    return text


def without(text: str, *spans: tuple[int, int]) -> str:
    """The text with a bar in the place of each span; an empty one is none."""
    for start, end in sorted(spans, reverse=True):
        if end > start:
            text = f"{text[:start]}|{text[end:]}"
    return text


def digits_of(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def squeeze(text: str, keep: str = "") -> tuple[str, list[int]]:
    """Letters and digits alone (and signs to keep), in lower case without accents, and where each stood in the text."""
    signs, places = [], []
    for place, sign in enumerate(text):
        for part in unicodedata.normalize("NFKD", sign).casefold():
            if part.isalnum() or part in keep:
                signs.append(part)
                places.append(place)
    return "".join(signs), places


def alike(text: str, keep: str = "") -> tuple[str, list[int]]:
    """Squeezed, and one sign for those that reading takes for one another."""
    squeezed, places = squeeze(text, keep)
    return squeezed.translate(_ALIKE), places


def likeness(known: str, text: str) -> tuple[float, str]:
    """How well a text holds what is known (100: all of its signs, but for what reading confuses), and what it holds."""
    wanted, (held, places) = alike(known)[0], alike(text)
    if not wanted or not held:
        return 0, ""
    for found in re.finditer(re.escape(wanted), held):
        first, last = places[found.start()], places[found.end() - 1]
        # A short name is not to be found within a word.
        if len(wanted) > 4 or not (text[first - 1 : first].isalnum() or text[last + 1 : last + 2].isalnum()):
            return 100, text[first : last + 1]
    # Of two texts, the shorter one is looked for in the other: it is to be what is known.
    best = fuzz.partial_ratio_alignment(wanted, held) if 4 < len(wanted) <= len(held) else None
    if best is None or best.dest_end <= best.dest_start:
        return 0, ""
    start, end = places[best.dest_start], places[best.dest_end - 1] + 1
    # Whole words, those of which at least half was compared.
    words = [
        word[0]
        for word in re.finditer(r"[^\s,|]+", text)
        if 2 * (min(end, word.end()) - max(start, word.start())) >= word.end() - word.start()
    ]
    read = " ".join(words).strip(" -|;:()·•")
    return (min(best.score, 99), read) if read else (0, "")

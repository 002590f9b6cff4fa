"""Codes taken out of what servers and telephones show of a mail before it is opened: its subject, its preview."""

import re

_RIO = re.compile(
    r"""(?<!\w)\d{2}(?:
        [PE][A-Z0-9]{6}[A-Z0-9+]{3}
        # In groups, one without a digit in its last nine signs is taken for words: "12 erreurs par".
        | [ .-]?[PE][ .-]?(?=[A-Z .+-]{0,9}\d)[A-Z0-9]{6}[ .-]?[A-Z0-9+]{3}
    )(?![\w+])""",
    re.IGNORECASE | re.VERBOSE,
)
#: A number after the word that says what it is.
_NAMED = re.compile(r"(?<!\w)((?:puk|pin|codes?)\d?\b[^\d]{0,30})\d[\d ]{2,14}\d(?!\w)", re.IGNORECASE)


def without_codes(text: str) -> str:
    """The text with dots for each RIO, and for each PUK, PIN or code that is called so."""
    return _NAMED.sub(lambda found: f"{found[1]}•••", _RIO.sub("•••", text))

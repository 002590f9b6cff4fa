"""Codes taken out of what goes by mail, and of what servers and telephones show of one before it is opened."""

import re

_RIO = re.compile(
    r"""(?<!\w)\d{2}(?:
        [PE][A-Z0-9]{6}[A-Z0-9+]{3}
        # In groups, one without a digit in its last nine signs is taken for words: "12 erreurs par".
        | [ .-]?[PE][ .-]?(?=[A-Z .+-]{0,9}\d)[A-Z0-9]{6}[ .-]?[A-Z0-9+]{3}
    )(?![\w+])""",
    re.IGNORECASE | re.VERBOSE,
)

_LINE = r"(?:(?:(?:\+|00)33[ .]?|0)[1-9](?:[ .]?\d\d){4}|89\d{16,18})(?!\w)"
_CODE = rf"(?!{_LINE})\d[\d ]{{2,14}}\d(?!\w)"
#: Numbers after the word that says what they are; a line or a card that stands between is none.
_NAMED = re.compile(
    rf"(?<!\w)(?:puk|pin|codes?)(?: ?\d)?\b(?:\D{{0,30}}{_LINE})*\D{{0,30}}{_CODE}"
    rf"(?:[\s,;/:&-]*(?:(?:et|ou|puis|puk|pin)\d?\b)?[\s,;/:&-]*{_CODE})*",
    re.IGNORECASE,
)
#: "12345678 est le PUK".
_SAID_AFTER = re.compile(r"(?<![\w+])(?<!\d[ .])(?:\d{8}|\d{4})(?=[^\d\n]{1,15}\b(?:puk|pin)\d?\b)", re.IGNORECASE)
#: "Mot de passe : k3fa-…", as the bot writes it.
_PASSWORD = re.compile(r"(\bmot de passe\s*:\s*)[^\s•]\S*", re.IGNORECASE)
_EITHER = re.compile(rf"(?<!\w)(?:(?P<line>{_LINE})|{_CODE})")


def without_codes(text: str) -> str:
    """The text with dots for each RIO, and for each PUK, PIN, code or password called so; lines and cards stay."""
    text = _PASSWORD.sub(r"\1•••", text)
    return _SAID_AFTER.sub("•••", _NAMED.sub(_masked, _RIO.sub("•••", text)))


def _masked(found: re.Match[str]) -> str:
    return _EITHER.sub(lambda number: number[0] if number["line"] else "•••", found[0])

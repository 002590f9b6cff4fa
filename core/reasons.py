"""What a reason says, without what the cells that it quotes may hold: where columns are shifted, or a header is
missing, one can be a code or a called number."""

import re

from core.copies import CODED
from core.numbers import mask

_CDRS = ("rated_cdrs", "billed_cdrs")

_CODE_CELL = re.compile(
    r"(?<=[«|:]\s)(?:\d{4}|\d{8}|\d\d[PE][A-Z0-9]{6}[A-Z0-9+]{3})(?=\s?(?:»|\||\.(?!\d)))", re.IGNORECASE
)
#: Nine digits or more, grouped or not; a date with its time has a colon after fewer.
_NUMBER = re.compile(r"(?<![\d+])\+?\d(?:[ .\-/()\u00a0\u202f]{0,2}\d){8,}(?![\d:])")


def fit_to_tell(folder: str, reason: str) -> str:
    """A reason as it is kept and told, about a file of that folder: without codes, called numbers masked."""
    if folder in CODED:
        return without_codes(reason)
    return _NUMBER.sub(lambda found: mask(found[0]), reason) if folder in _CDRS else reason


def without_codes(reason: str) -> str:
    """A reason without what looks like a PIN, a PUK or a RIO among the cells that it quotes."""
    return _CODE_CELL.sub("…", reason)


def without_values(reason: str) -> str:
    """A reason without the cells that it quotes, where they hold a digit."""
    return re.sub(r"«[^»]*\d[^»]*(?:»|$)", "« … »", reason)

"""The six mandatory mentions of a banner (operator's card, B-1): its text is read, and they are looked for in it.

`look` does both and is for a workshop of its own, closed afterwards, for it needs some 250 MB.
"""

from core.mentions.judge import Mention, Mentions, judge
from core.mentions.ocr import OcrMissing, is_installed, read
from core.profile import Profile

__all__ = ["Mention", "Mentions", "OcrMissing", "is_installed", "judge", "look", "read"]


def look(banner: bytes, profile: Profile) -> Mentions:
    """Read a right banner and judge its text; where something is left to be compared, read it once more, enlarged.

    :raises OcrMissing: as `read` does.
    """
    found = judge(read(banner), profile)
    return found if found.certain else found.or_better(judge(read(banner, enlarged=2), profile))

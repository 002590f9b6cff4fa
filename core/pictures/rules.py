"""What the operator's card (B-1 and B-5) wants of a logo and of a banner."""

from dataclasses import dataclass

#: Telegram's own limit for a bot is 20 MB; a right picture weighs some kilobytes.
MAX_BYTES = 20 * 1024 * 1024

#: Far above any rule, far below what would fill the memory once unpacked.
MAX_PIXELS = 40_000_000

DPI = 300


@dataclass(frozen=True)
class Rule:
    """What a picture must be: `width` x `height` pixels exactly, JPG or PNG, 300 dpi. `name`: on the FTP."""

    name: str
    french: str
    width: int
    height: int


LOGO = Rule("logo", "logo", 95, 95)
BANNER = Rule("bandeau", "bandeau", 760, 95)
RULES = {rule.name: rule for rule in (LOGO, BANNER)}

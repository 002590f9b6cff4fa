"""The integrator's logo and banner: the operator's rules (card, B-1 and B-5), judged on the bytes themselves.

`check` tells every fault; `correct` makes the nearest right picture. Both unpack pixels: run them in the workshop.
"""

from core.pictures.correction import Correction, correct
from core.pictures.judgement import Verdict, check
from core.pictures.rules import BANNER, DPI, LOGO, MAX_BYTES, MAX_PIXELS, RULES, Rule

__all__ = [
    "BANNER",
    "DPI",
    "LOGO",
    "MAX_BYTES",
    "MAX_PIXELS",
    "RULES",
    "Correction",
    "Rule",
    "Verdict",
    "check",
    "correct",
]

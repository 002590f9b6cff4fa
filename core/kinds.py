"""The kinds of traffic, in the order in which they are shown; a kind's place here is its number in the store."""

from typing import Literal, get_args

Kind = Literal["voice", "sms", "mms", "data", "premium", "other"]

KINDS: tuple[Kind, ...] = get_args(Kind)

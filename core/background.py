"""Processes that let everything else on this machine go first."""

import os

#: A tenth of what they would have beside who needs the processor as well: idle time alone would be none at all on a
#: machine that is always busy, and what the operator delivers must be read there too.
STEPS = 10


def step_back() -> None:
    """Let everything else on this machine go first: an answer in the chat must not wait for a month that loads."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(STEPS)

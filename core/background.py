"""Processes that let everything else on this machine go first."""

import os


def step_back() -> None:
    """Let everything else on this machine go first: an answer in the chat must not wait for a month that loads."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):  # not Linux, or forbidden
        os.nice(10)

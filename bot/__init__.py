"""The running service: channels, desk, notices, supervision, command line, sandbox."""

import core  # noqa: F401  (before anything else: it sees to it that sqlite-utils loads nothing heavy)

__version__ = "0.1.0"

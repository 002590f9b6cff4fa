"""The running service: channels, desk, notices, supervision, command line, sandbox."""

__version__ = "0.1.0"

"""Fixtures of all rooms: real servers on loopback (see `tests/peers/`)."""

from hypothesis import settings

pytest_plugins = ["tests.peers.tls", "tests.peers.ftp", "tests.peers.mail"]

# A store on a busy disk takes its time; only a test that hangs is at fault, and has its own limit.
settings.register_profile("origyne", deadline=None)
settings.load_profile("origyne")

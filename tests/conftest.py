"""Fixtures of all rooms: real servers on loopback (see `tests/peers/`)."""

pytest_plugins = ["tests.peers.tls", "tests.peers.ftp", "tests.peers.mail"]

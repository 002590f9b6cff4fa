"""Servers that misbehave, one for each protocol, with named faults; a test chooses by a mark (`.marks`)."""

from tests.peers.misbehaving.ftp import OddFtp
from tests.peers.misbehaving.imap import OddImap
from tests.peers.misbehaving.link import Link
from tests.peers.misbehaving.serving import ALWAYS, DROP, HOST, SILENCE
from tests.peers.misbehaving.smtp import REFUSALS, TAKEN_UNSAID, OddSmtp

__all__ = ["ALWAYS", "DROP", "HOST", "REFUSALS", "SILENCE", "TAKEN_UNSAID", "Link", "OddFtp", "OddImap", "OddSmtp"]

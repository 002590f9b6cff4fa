"""The service as it is, but that people are told of a fault at once, and another poller is looked for again soon.

`python -m tests.peers.hasty_service`, configured by the environment.
"""

from functools import partialmethod

from bot import cli, supervision
from bot.telegram import poller, sender
from bot.troubles import Troubles


def main() -> None:
    Troubles.tell = partialmethod(Troubles.tell, 0)  # type: ignore[assignment]
    poller.OWN_POLL, poller.CONFLICT_WAIT = 1.0, 3.0
    sender.TOKEN_WAIT = 1.0
    supervision.LONGEST_DELAY = 3.0
    cli.main(["serve"])


if __name__ == "__main__":
    main()

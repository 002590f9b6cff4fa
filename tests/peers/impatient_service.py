"""The service as it is, with a watchdog that waits for seconds where it should wait for minutes.

`python -m tests.peers.impatient_service`, configured by the environment.
"""

from functools import partial

from bot import cli, sync_worker, watchdog


def main() -> None:
    watchdog.LOOK = 0.2
    watchdog.Patience = partial(watchdog.Patience, poll=4.0, imap=4.0)  # type: ignore[misc,assignment]
    sync_worker.PATIENCE = 8.0
    cli.main(["serve"])


if __name__ == "__main__":
    main()

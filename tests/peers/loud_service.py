"""The service as it is, with every library at its loudest, and a command that fails with a secret in its words.

`python -m tests.peers.loud_service`, configured by the environment. `/bonnet PHRASE` fails.
"""

import imaplib
import logging

from bot import cli
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context

#: Loggers that are told elsewhere to be quiet.
LOUD = (
    "httpx",
    "httpcore",
    "asyncio",
    "telegram",
    "telegram.ext",
    "aioftp",
    "aioftp.client",
    "PIL",
    "hpack",
    "mail.log",
)


class _Loud(logging.Logger):
    """One that nobody can quieten."""

    def setLevel(self, level: int | str) -> None:  # noqa: N802
        super().setLevel(logging.DEBUG)


async def _fail(ask: Ask, _: Context) -> Answer:
    try:
        raise KeyError(ask.arguments)
    except KeyError as inner:
        logging.getLogger("handlers.bonnet").exception("refused: %s", ask.arguments, stack_info=True)
        raise ValueError(f"no {ask.arguments} here") from inner


def main() -> None:
    logging.setLoggerClass(_Loud)
    for name in LOUD:
        logger = logging.getLogger(name)
        logger.__class__ = _Loud
        logger.setLevel(logging.DEBUG)
    vars(imaplib)["Debug"] = 5
    bonnet = Command(
        name="bonnet",
        summary="Échoue",
        usage="bonnet PHRASE",
        examples=("bonnet x",),
        run=_fail,
        roles=EVERYONE,
        free_text=True,
    )
    commands = (*registry.commands(), bonnet)
    registry.commands = lambda: commands  # type: ignore[assignment]
    cli.main(["serve"])


if __name__ == "__main__":
    main()

"""The service as it is, with one command more, `/echo`, that looks nothing up: what the way through the stack costs.

`python -m tests.bench.echoing_service`, configured by the environment.
"""

import asyncio

from bot.service import serve
from core.settings import Settings
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context


async def _echo(ask: Ask, _: Context) -> Answer:
    return Answer(ask.arguments)


def main() -> None:
    echo = Command(
        name="echo",
        summary="Le même texte",
        usage="echo TEXTE",
        examples=("echo bonjour",),
        run=_echo,
        roles=EVERYONE,
    )
    commands = (*registry.commands(), echo)
    registry.commands = lambda: commands  # type: ignore[assignment]
    asyncio.run(serve(Settings.load()))


if __name__ == "__main__":
    main()

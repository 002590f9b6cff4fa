"""`origyne-bot demo`: the assistant on embedded servers, in a browser, or by a written scenario at the terminal."""

import asyncio
import errno
import os
import signal
import sys
import webbrowser

from rich.console import Console
from rich.text import Text

from bot.sandbox.house import Sandbox
from bot.sandbox.page import page_of
from bot.sandbox.script import Play

_TITLE = "origyne-bot · démonstration"
_WHERE = "Tout se passe sur cette machine, avec des données inventées. Préparation…"


async def play(console: Console) -> int:
    """Play the scenario and print what each person sees; 0 when every step really happened."""
    _announce(console)
    async with Sandbox() as sandbox:
        return 0 if await Play(sandbox, console).run() else 1


async def serve(console: Console, port: int = 0) -> int:
    """Serve the page until Ctrl-C, SIGTERM or the end of its terminal; 1 when the port is taken.

    :param port: 0 for a free one.
    """
    _announce(console)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with Sandbox() as sandbox:
        try:
            async with page_of(sandbox, port) as page:
                console.print(Text("La page est ouverte ici : ").append(page.url, "bold cyan"))
                console.print(Text("Ctrl-C arrête la démonstration et efface ses données.", style="dim"))
                if _has_screen():
                    await asyncio.to_thread(webbrowser.open, page.url)
                await ended.wait()
                console.print(Text("Arrêt de la démonstration.", style="dim"))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "un autre programme l'utilise" if error.errno == errno.EADDRINUSE else "il faut être root pour cela"
            console.print(Text(f"La page ne peut pas s'ouvrir sur le port {port} : {why}.", style="bold red"))
            console.print(Text("En choisir un autre, ou se passer de --port : un libre est pris."))
            return 1
    return 0


def _announce(console: Console) -> None:
    console.print(Text(_TITLE, style="bold"))
    console.print(Text(_WHERE, style="dim"))


def _has_screen() -> bool:
    """Whether a person is before it: neither a script nor a machine that is reached by SSH."""
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

"""`origyne-bot unit`: the systemd unit of this installation, with its real paths."""

import re
import shlex
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rich.console import Console
from rich.text import Text

from core.settings import Settings

#: Where systemd keeps what a service writes (StateDirectory=).
_STATE = Path("/var/lib")

#: What ProtectHome= hides.
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))


def declare(command: ArgumentParser) -> None:
    command.add_argument(
        "--user",
        type=_account,
        default="origyne",
        metavar="COMPTE",
        help="le compte sous lequel le service tourne (origyne par défaut)",
    )


def run(options: Namespace, out: Console, err: Console) -> int:
    """Print it; what stands in its way goes to standard error.

    :raises SettingsError: which folders it writes cannot be told.
    """
    settings = Settings.load()
    python, folder = Path(sys.executable), Path.cwd()
    written = [settings.data.expanduser().absolute()]
    backups = settings.backups.expanduser().absolute()
    if not backups.is_relative_to(written[0]):
        written.append(backups)
    out.print(Text(unit(python, folder, written, options.user)), end="")
    for path in (*_read(python, folder), *written):
        if path.is_relative_to("/root"):
            err.print(Text(f"⚠️ {path} : le compte {options.user} ne peut rien lire dans /root ; installer ailleurs."))
    return 0


def unit(python: Path, folder: Path, written: Sequence[Path], user: str) -> str:
    """The text of the unit.

    :param folder: where `.env` is.
    :param written: the folders that the service writes; the data folder first.
    """
    under_home = any(path.is_relative_to(home) for path in (*_read(python, folder), *written) for home in _HOMES)
    in_state = [path for path in written if path != _STATE and path.is_relative_to(_STATE)]
    others = [path for path in written if path not in in_state]
    state = []
    if in_state:
        names = " ".join(_word(str(path.relative_to(_STATE))) for path in in_state)
        state += [f"StateDirectory={names}", "StateDirectoryMode=0700"]
    if others:
        state.append(f"ReadWritePaths={' '.join(_word(str(path)) for path in others)}")
    return (
        (files("bot.deploy") / "origyne-bot.service")
        .read_text("utf-8")
        .format(
            python=_word(str(python)).replace("$", "$$"),
            folder=str(folder).replace("%", "%%"),
            shell_python=shlex.quote(str(python)),
            shell_folder=shlex.quote(str(folder)),
            env=shlex.quote(str(folder / ".env")),
            home=shlex.quote(str(written[0])),
            folders=shlex.join(map(str, written)),
            user=user,
            state="\n".join(state),
            protect_home="read-only" if under_home else "yes",
        )
    )


def _read(python: Path, folder: Path) -> tuple[Path, ...]:
    """What the service reads: the interpreter may be a link, and the program lie elsewhere."""
    return python, python.resolve(), folder, Path(__file__).resolve().parent


def _word(text: str) -> str:
    """One word of a unit's line (systemd.syntax(7))."""
    text = text.replace("%", "%%")
    if re.fullmatch(r"[\w./@%+:,=~-]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _account(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,30}", name):
        raise ArgumentTypeError("un nom de compte est en minuscules, chiffres, - et _")
    return name

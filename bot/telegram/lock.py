"""One service of this machine for a bot, whatever its data folder: two would take its updates from each other."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.telegram.updates import ReceivingError
from core.settings import TelegramAccess

log = logging.getLogger(__name__)

#: Seconds before the other service is looked for again.
WAIT = 60.0


@contextmanager
def token_lock(access: TelegramAccess) -> Iterator[None]:
    """Held as long as updates are received; it ends with its process. The file's name tells nothing of the token.

    :raises ReceivingError: another service holds it.
    """
    name = hashlib.sha256(f"{access.api} {access.token}".encode()).hexdigest()[:32]
    lock = FileLock(Path(tempfile.gettempdir()) / f"origyne-bot-{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ReceivingError(
            "un autre service de cette machine, avec un autre dossier de données, relève déjà les messages de ce robot "
            "Telegram : arrêter l'autre, ou changer de jeton avec @BotFather",
            wait=WAIT,
        ) from None
    except OSError as error:
        # Another account's file, for example: if its service runs, Telegram will say so.
        log.warning("no lock for the token: %s", os.strerror(error.errno or 0))
    try:
        yield
    finally:
        lock.release()

"""An answer's picture as a file, for channels that show none by themselves."""

import logging

from bot.house import House
from core import charts
from core.workshop import WorkshopError
from handlers.answer import Answer, OutFile
from handlers.books import file_name

log = logging.getLogger(__name__)


async def as_file(answer: Answer, house: House) -> tuple[OutFile, ...]:
    """The picture, or nothing where the answer has none or it could not be drawn: the words matter more."""
    if answer.picture is None:
        return ()
    try:
        content = await house.context.studio.make(charts.draw, house.data, answer.picture)
    except WorkshopError as error:
        log.warning("picture left out: %s", error)
        return ()
    return (OutFile(f"{file_name(answer.picture.title)}.png", content),)

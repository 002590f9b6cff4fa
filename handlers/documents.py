"""/documents: contracts, Kbis and the like, and fetching one."""

from core import documents
from core.layouts import fold
from handlers import files, french
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import EVERYONE, Command, Context
from handlers.paging import fetched, take_page

_MOST_SEARCHED, _MOST_OFFERED = 2000, 8


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    if words:
        return _named(words, context)
    page, shown, total = fetched(page, lambda offset, limit: documents.documents(context.telecom, offset, limit))
    if not total:
        return Answer("Aucun document n'a encore été reçu de l'opérateur.")
    now = context.now()
    return Answer(
        french.count(total, "document") + page.range(total),
        table=Table(
            ("Fichier", "Dossier", "Du"),
            tuple(
                (it.path.rsplit("/", 1)[-1], it.path.rsplit("/", 1)[0], french.moment(it.as_of, now)) for it in shown
            ),
        ),
        buttons=(
            *(Button(f"📄 {it.path.rsplit('/', 1)[-1]}", f"documents {it.path}") for it in shown),
            *page.buttons("documents", total),
        ),
    )


def _named(words: str, context: Context) -> Answer:
    """The document of that name, or those whose name holds the words."""
    if documents.path_named(context.telecom, words):
        return files.fetched(words, COMMAND, context)
    every, _ = documents.documents(context.telecom, 0, _MOST_SEARCHED)
    pieces = [fold(word) for word in words.split()]
    found = [it.path for it in every if all(piece in fold(it.path) for piece in pieces)]
    if len(found) == 1:
        return files.fetched(found[0], COMMAND, context)
    if not found:
        return files.fetched(words, COMMAND, context)
    return Answer(
        f"{french.count(len(found), 'document')} : lequel ?",
        tuple(found[:_MOST_OFFERED]),
        buttons=tuple(Button(f"📄 {path.rsplit('/', 1)[-1]}", f"documents {path}") for path in found[:_MOST_OFFERED]),
    )


COMMAND = Command(
    name="documents",
    summary="Les documents reçus, et les prendre",
    usage="documents [FICHIER]",
    examples=("documents", "documents Kbis.pdf"),
    aliases=("docs",),
    spoken=("document",),
    run=run,
    roles=EVERYONE,
)

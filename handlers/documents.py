"""/documents: contracts, Kbis and the like, and fetching one."""

from core import documents
from handlers import files, french
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import Command, Context
from handlers.paging import take_page


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    if words:
        return files.fetched(words, COMMAND, context)
    shown, total = documents.documents(context.telecom, page.offset, page.size)
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


COMMAND = Command(
    name="documents",
    summary="Les documents reçus, et les prendre",
    usage="documents [FICHIER]",
    examples=("documents", "documents Kbis.pdf"),
    aliases=("docs",),
    spoken=("document",),
    run=run,
)

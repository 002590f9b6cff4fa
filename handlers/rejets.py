"""/rejets: rows that were set aside, and files that wait for a person's word."""

from core import rejects
from core.reasons import without_values
from handlers import french
from handlers.answer import Answer, Button, Table
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context
from handlers.paging import fetched, take_page

_MOST_ROWS = 15


async def run(ask: Ask, context: Context) -> Answer:
    words, page = take_page(ask.arguments)
    if words:
        return _of_file(words, context)
    waiting = rejects.waiting_files(context.telecom)
    files = rejects.files_with_rejects(context.telecom)
    if not waiting and not files:
        return Answer("✅ Aucune rangée n'est de côté, aucun fichier n'attend.")
    told = []
    if waiting and page.number == 1:
        told += [f"⚠️ {french.count(len(waiting), 'fichier attend', 'fichiers attendent')} :"]
        told += [f"• {file.path} : {file.reason}" for file in waiting[:5]]
        if len(waiting) > 5:
            told.append(f"… et {len(waiting) - 5} autres")
    page, shown, _ = fetched(page, lambda offset, limit: (files[offset : offset + limit], len(files)))
    rows = sum(file.rejected for file in files)
    title = french.count(rows, "rangée de côté", "rangées de côté") + page.range(len(files))
    return Answer(
        title,
        tuple(told),
        table=Table(
            ("Fichier", "De côté", "Entrées"),
            tuple(
                (
                    file.path.rsplit("/", 1)[-1],
                    french.count(file.rejected, "rangée de côté", "rangées de côté"),
                    french.count(file.rows, "entrée", "entrées"),
                )
                for file in shown
            ),
        )
        if shown
        else None,
        buttons=(
            *(Button(file.path.rsplit("/", 1)[-1], f"rejets {file.path}") for file in shown),
            *page.buttons("rejets", len(files)),
        ),
    )


def _of_file(path: str, context: Context) -> Answer:
    waits = [file for file in rejects.waiting_files(context.telecom) if file.path.endswith(path)]
    if waits:
        file = waits[0]
        return Answer(
            f"{file.path} attend",
            (file.reason, "Comment il est lu, et quoi écrire dans layouts.toml : origyne-bot layout check"),
        )
    files = rejects.files_with_rejects(context.telecom, path)
    if not files:
        return Answer(f"Rien n'est de côté pour {french.quoted(path)}.", buttons=(Button("Tous les rejets", "rejets"),))
    found = files[0]
    rows = rejects.rows_of(context.telecom, found.path, _MOST_ROWS)
    told = [f"ligne {row.line} : {without_values(row.reason)}" for row in rows]
    if found.rejected > len(rows):
        told.append(f"… et {found.rejected - len(rows)} autres")
    told.append(f'Leur contenu : origyne-bot rejects "{found.path}"')
    return Answer(
        f"{found.path.rsplit('/', 1)[-1]} : {french.count(found.rejected, 'rangée de côté', 'rangées de côté')}",
        tuple(told),
        freshness=f"fichier du {french.moment(found.as_of, context.now())}",
    )


COMMAND = Command(
    name="rejets",
    summary="Les rangées mises de côté, et les fichiers qui attendent",
    usage="rejets [FICHIER]",
    examples=("rejets", "rejets RatedCDRs_20261123_090000.csv"),
    aliases=("rejet",),
    run=run,
    roles=TECHNICAL,
)

"""A file of the operator's, handed over as it was received."""

from core import copies, documents, usage
from handlers import french
from handlers.answer import Answer, Button, OutFile
from handlers.command import Command, Context

#: How files end that can hold a list of RIOs.
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".csv", ".txt", ".tsv")

#: How pictures end, right or wrong ones.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".svg")

#: What Telegram takes from a robot, with room for its own words.
_MOST_BYTES = 49 * 1024 * 1024


def fetched(name: str, command: Command, context: Context, told: tuple[str, ...] = ()) -> Answer:
    """The file of that path or name, or why it cannot be had."""
    paths = documents.path_named(context.telecom, name)
    if not paths:
        return Answer(
            f"Aucun fichier ne s'appelle {french.quoted(name)}.",
            (f"/{command.name} donne la liste.",),
            buttons=(Button("La liste", command.name),),
            refused=True,
        )
    if len(paths) > 1:
        return Answer(
            f"{len(paths)} fichiers s'appellent ainsi : lequel ?",
            tuple(paths[:8]),
            buttons=tuple(Button(path[-40:], f"{command.name} {path}") for path in paths[:8]),
        )
    path = paths[0]
    try:
        content = copies.content(context.settings.data, path)
    except FileNotFoundError:
        return Answer(
            f"{path.rsplit('/', 1)[-1]} n'est plus dans les copies.",
            ("La prochaine passe sur le FTP la reprendra, si l'opérateur l'a encore : /sync en fait une.",),
            refused=True,
        )
    if len(content) > _MOST_BYTES:
        return Answer(
            f"{path.rsplit('/', 1)[-1]} est trop gros pour Telegram.",
            (f"Il fait {french.volume(len(content))} ; le prendre sur le FTP : {path}.",),
            refused=True,
        )
    return Answer(
        path.rsplit("/", 1)[-1],
        told,
        files=(OutFile(path.rsplit("/", 1)[-1], content, f"{command.name} {path}"),),
    )


def freshness(delivery: usage.Delivery | None, context: Context) -> str:
    """dernière reçue le 03/11 à 09:00."""
    return f"dernière reçue le {french.moment(delivery.as_of, context.now())}" if delivery else ""

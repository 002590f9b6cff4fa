"""A right picture, shown as it will be on an invoice, for a person to accept before it goes to the FTP."""

from dataclasses import replace

from core import mentions, preview
from core.pictures import DPI, Rule
from core.workshop import Workshop, WorkshopError
from handlers.answer import Answer, Button, OutFile
from handlers.ask import Ask
from handlers.command import Context


async def propose(
    answer: Answer, content: bytes, name: str, rule: Rule, ask: Ask, context: Context, accept: str = "Déposer"
) -> Answer:
    """The answer with the picture's preview and the buttons that take it or leave it.

    :param name: under which it came. :param accept: what the button that takes it is called.
    """
    draft = context.desk.add_draft(ask.person, rule.name, name, content)
    files, told = await _preview(content, rule, context)
    return replace(
        answer,
        lines=(*answer.lines, *told),
        files=(*answer.files, *files),
        buttons=(
            *answer.buttons,
            Button(f"✅ {accept}", f"upload accepter {draft.token}"),
            Button("Abandonner", f"upload annuler {draft.token}"),
        ),
        awaits_file=f"upload {rule.name}",
    )


async def _preview(content: bytes, rule: Rule, context: Context) -> tuple[tuple[OutFile, ...], tuple[str, ...]]:
    pictures = {name: context.desk.placed(name) for name in ("logo", "bandeau")} | {rule.name: content}
    try:
        page = await context.studio.make(preview.draw, context.desk.profile(), pictures["logo"], pictures["bandeau"])
    except WorkshopError as error:
        return (), (f"L'aperçu n'a pas pu être fait ({error}).",)
    files = (OutFile("Aperçu facture.png", page.png), OutFile("Aperçu facture.pdf", page.pdf))
    width, height = (f"{pixels / DPI * 25.4:.0f}" for pixels in (rule.width, rule.height))
    return files, (f"Aperçu d'une facture client, en vraie grandeur : {width} × {height} mm sur le papier.",)


async def read_mentions(content: bytes, context: Context) -> tuple[str, ...]:
    """What the banner's text says and lacks, one line a mention. It warns and refuses nothing: a person confirms."""
    if not mentions.is_installed():
        return (
            "La lecture du texte (OCR) n'est pas installée : vérifier à l'œil le nom, l'adresse, le SIRET, la TVA, "
            "le téléphone avec son coût par minute et l'email.",
        )
    # The models take a quarter of a gigabyte, for a question of once a year: a process of its own, that ends with it.
    reader = Workshop()
    try:
        found = await reader.make(mentions.look, content, context.desk.profile())
    except (mentions.OcrMissing, WorkshopError) as error:
        return (f"Le texte du bandeau n'a pas pu être lu ({error}) : le vérifier à l'œil.",)
    finally:
        reader.close()
    head = "Les six mentions y sont, à confirmer à l'œil :" if found.complete else "À vérifier avant de déposer :"
    return (head, *found.lines())

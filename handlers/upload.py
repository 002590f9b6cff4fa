"""/upload: the logo and the banner, checked, then put into Personnalisation on the FTP."""

from core.ftp import FtpError
from core.layouts import fold
from core.pictures import DPI, RULES, check
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context


async def run(ask: Ask, context: Context) -> Answer:
    wanted = fold(ask.arguments)
    rule = next(
        (rule for name, rule in RULES.items() if wanted.startswith(name) or name.startswith(wanted or "?")), None
    )
    if rule is None:
        return COMMAND.how_to("Quelle image : le logo ou le bandeau ?")
    needed = f"JPG ou PNG, exactement {rule.width} × {rule.height} pixels, {DPI} dpi"
    if not ask.files:
        return Answer(
            f"Envoyer maintenant le {rule.french}, comme fichier.",
            (f"Il faut : {needed}.", "Une image envoyée comme photo est recompressée par Telegram et ne convient pas."),
            awaits_file=f"upload {rule.name}",
        )
    if len(ask.files) > 1:
        return Answer(
            f"{len(ask.files)} fichiers reçus : envoyer seulement le {rule.french}.",
            awaits_file=f"upload {rule.name}",
            refused=True,
        )
    picture = ask.files[0]
    if picture.as_photo:
        return Answer(
            "Cette image est arrivée comme photo : Telegram l'a recompressée et sa densité est perdue.",
            (
                "Sur un téléphone : trombone 📎, Fichier, puis choisir l'image.",
                "Sur un ordinateur : trombone 📎, décocher « Compresser l'image ».",
            ),
            awaits_file=f"upload {rule.name}",
            refused=True,
        )
    verdict = check(picture.content, rule)
    if verdict.faults:
        return Answer(
            f"❌ {rule.french.capitalize()} refusé : {picture.name}",
            (
                *(f"• {fault}" for fault in verdict.faults),
                f"Il faut : {needed}. Le {rule.french} en place n'a pas changé.",
            ),
            awaits_file=f"upload {rule.name}",
            refused=True,
        )
    path = f"Personnalisation/{rule.name}.{verdict.extension}"
    try:
        await context.desk.upload(picture.content, path)
    except FtpError as error:
        return Answer(
            f"Le {rule.french} est bon, mais le dépôt sur le FTP a échoué.",
            (str(error), "L'envoyer de nouveau un peu plus tard ; l'ancien fichier n'est jamais effacé."),
            awaits_file=f"upload {rule.name}",
            refused=True,
        )
    return Answer(
        f"✅ {rule.french.capitalize()} déposé : {path}",
        (
            f"{verdict.width} × {verdict.height} pixels, {DPI} dpi, relu sur le FTP à l'identique.",
            "L'ancien fichier du même nom, s'il y en avait un, est gardé à côté sous un nom daté.",
        ),
    )


COMMAND = Command(
    name="upload",
    summary="Déposer le logo ou le bandeau",
    usage="upload logo (ou bandeau), puis le fichier",
    examples=("upload logo", "upload bandeau"),
    run=run,
    roles=TECHNICAL,
    takes_files=True,
)

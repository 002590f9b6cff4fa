"""/upload: the logo and the banner, judged, shown as they will be, then put into Personnalisation on the FTP."""

from collections.abc import Sequence
from dataclasses import replace

from core.folders import FRENCH
from core.ftp import FtpError
from core.layouts import fold
from core.pictures import BANNER, DPI, RULES, Correction, Rule, Verdict, check, correct
from core.workshop import WorkshopError
from handlers import french
from handlers.answer import Answer, Button, OutFile
from handlers.ask import Ask, SentFile
from handlers.command import TECHNICAL, Command, Context
from handlers.desk import Draft, token_of
from handlers.proposal import propose, read_mentions


async def run(ask: Ask, context: Context) -> Answer:
    words = ask.arguments.split()
    first = fold(words[0]) if words else ""
    if first in ("accepter", "annuler") and len(words) == 2:
        return await _decided(first, words[1], ask, context)
    rule = _rule_named(first)
    if rule is None and first:
        return COMMAND.how_to("Quelle image : le logo ou le bandeau ?")
    if rule and len(words) == 3 and fold(words[1]) == "avec":
        kept = context.desk.draft(ask.person, words[2])
        return await _judged(SentFile(kept.name, kept.content), rule, ask, context) if kept else _gone()
    if ask.files:
        return await _received(rule, ask, context)
    if rule is None:
        return replace(
            COMMAND.how_to("Quelle image : le logo ou le bandeau ?"),
            buttons=tuple(Button(_capital(rule.french), f"upload {rule.name}") for rule in RULES.values()),
        )
    return Answer(
        f"Envoyer maintenant le {rule.french}, comme fichier.",
        (
            f"Il faut : {_needed(rule)}.",
            "Une image envoyée comme photo est recompressée par Telegram et ne convient pas.",
            *(("Pas encore de bandeau ? /bandeau creer en fait un d'après le profil.",) if rule is BANNER else ()),
        ),
        awaits_file=f"upload {rule.name}",
    )


def _rule_named(word: str) -> Rule | None:
    return next(
        (rule for name, rule in RULES.items() if word and (word.startswith(name) or name.startswith(word))), None
    )


def _needed(rule: Rule) -> str:
    return f"JPG ou PNG, exactement {rule.width} × {rule.height} pixels, {DPI} dpi"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


# -- A file came


async def _received(rule: Rule | None, ask: Ask, context: Context) -> Answer:
    picture = _meant(ask.files, rule)
    if picture is None:
        what = rule.french if rule else "logo ou le bandeau"
        return Answer(
            f"{len(ask.files)} fichiers reçus : envoyer seulement le {what}.",
            ("Ou nommer les fichiers logo et bandeau : chacun est alors pris pour ce qu'il est.",),
            awaits_file=f"upload {rule.name}" if rule else "",
            refused=True,
        )
    if picture.as_photo:
        return Answer(
            "Cette image est arrivée comme photo : Telegram l'a recompressée et sa densité est perdue.",
            (
                "Sur un téléphone : trombone 📎, Fichier, puis choisir l'image.",
                "Sur un ordinateur : trombone 📎, décocher « Compresser l'image ».",
            ),
            awaits_file=f"upload {rule.name}" if rule else "",
            refused=True,
        )
    rule = rule or await _rule_of(picture, context)
    if rule is None:
        draft = context.desk.add_draft(ask.person, "", picture.name, picture.content)
        return Answer(
            f"Que faire de {french.quoted(picture.name)} ?",
            ("Le logo est carré, le bandeau huit fois plus large que haut ; cette image n'est ni l'un ni l'autre.",),
            buttons=tuple(
                Button(f"C'est le {rule.french}", f"upload {rule.name} avec {draft.token}") for rule in RULES.values()
            ),
        )
    return await _judged(picture, rule, ask, context)


def _meant(files: Sequence[SentFile], rule: Rule | None) -> SentFile | None:
    """The one file that is for this rule; of several, the one that is called so."""
    if len(files) == 1:
        return files[0]
    named = [file for file in files if rule and rule.name in fold(file.name)]
    return named[0] if len(named) == 1 else None


async def _rule_of(picture: SentFile, context: Context) -> Rule | None:
    """What a picture must be by its proportions, None when they are of neither."""
    try:
        verdict = await context.studio.make(check, picture.content, BANNER)
    except WorkshopError:
        return None
    if not verdict.height:
        return None
    proportions = verdict.width / verdict.height
    near = [rule for rule in RULES.values() if 0.7 < proportions / (rule.width / rule.height) < 1.4]
    return near[0] if near else None


async def _judged(picture: SentFile, rule: Rule, ask: Ask, context: Context) -> Answer:
    try:
        verdict = await context.studio.make(check, picture.content, rule)
        mended = await context.studio.make(correct, picture.content, rule) if _is_mendable(verdict) else None
    except WorkshopError as error:
        return Answer(
            f"{_capital(rule.french)} : l'image n'a pas pu être examinée.",
            (f"{error}.", "L'enregistrer en PNG et l'envoyer de nouveau."),
            awaits_file=f"upload {rule.name}",
            refused=True,
        )
    if verdict.faults:
        return await _wrong(picture, rule, verdict, mended, ask, context)
    told = [f"{verdict.width} × {verdict.height} pixels, {DPI} dpi, {verdict.extension.upper()}."]
    told += [f"⚠️ {warning}" for warning in verdict.warnings]
    if rule is BANNER:
        told += await read_mentions(picture.content, context)
    answer = Answer(f"✅ {_capital(rule.french)} conforme : {picture.name}", tuple(told))
    if mended:
        draft = context.desk.add_draft(ask.person, rule.name, picture.name, mended.content)
        answer = replace(
            answer,
            lines=(*answer.lines, "Version sans ce défaut : " + " ; ".join(mended.changes) + "."),
            buttons=(Button("✅ Déposer la version corrigée", f"upload accepter {draft.token}"),),
        )
    return await propose(
        answer,
        picture.content,
        picture.name,
        rule,
        ask,
        context,
        accept="Déposer telle quelle" if mended else "Déposer",
    )


def _is_mendable(verdict: Verdict) -> bool:
    return bool(verdict.faults or verdict.warnings)


async def _wrong(
    picture: SentFile, rule: Rule, verdict: Verdict, mended: Correction | None, ask: Ask, context: Context
) -> Answer:
    stands = f"Le {rule.french} en place n'a pas changé." if context.desk.placed(rule.name) else ""
    answer = Answer(
        f"❌ {_capital(rule.french)} refusé : {picture.name}",
        (
            *(f"• {fault}" for fault in verdict.faults),
            *(f"⚠️ {warning}" for warning in verdict.warnings),
            f"Il faut : {_needed(rule)}. {stands}".strip(),
        ),
        awaits_file=f"upload {rule.name}",
        refused=True,
    )
    if mended is None:
        return answer
    told = ["", "Version corrigée, à accepter ou non :", *(f"→ {change}" for change in mended.changes)]
    if rule is BANNER:
        told += await read_mentions(mended.content, context)
    stem = picture.name.rsplit(".", 1)[0] or rule.name
    file = OutFile(f"{stem} corrigé.{mended.extension}", mended.content)
    answer = replace(answer, lines=(*answer.lines, *told), files=(file,))
    return await propose(answer, mended.content, file.name, rule, ask, context, accept="Déposer la version corrigée")


# -- A person decided


async def _decided(what: str, token: str, ask: Ask, context: Context) -> Answer:
    draft = context.desk.draft(ask.person, token)
    rule = RULES.get(draft.picture) if draft else None
    if draft is None or rule is None:
        return await _already(token, context) if what == "accepter" else _gone()
    if what == "annuler":
        context.desk.drop_draft(ask.person, token)
        stands = "celui en place n'a pas changé" if context.desk.placed(rule.name) else "rien n'a été déposé"
        return Answer(
            f"Abandonné : {stands}.", ("Une autre image peut être envoyée.",), awaits_file=f"upload {rule.name}"
        )
    return await _put(draft, rule, ask, context)


async def _put(draft: Draft, rule: Rule, ask: Ask, context: Context) -> Answer:
    # What is put is what the rules allow, whatever was kept.
    try:
        verdict = await context.studio.make(check, draft.content, rule)
    except WorkshopError as error:
        return Answer("L'image n'a pas pu être relue avant son dépôt.", (f"{error}. Recommencer.",), refused=True)
    if verdict.faults:
        return _gone()
    former = context.desk.placed(rule.name)
    try:
        path = await context.desk.place(ask.person, rule.name, draft.content, verdict.extension)
    except FtpError as error:
        return Answer(
            f"Le {rule.french} est bon, mais le dépôt sur le FTP a échoué.",
            (str(error), "Rien n'est perdu : réessayer plus tard avec ce bouton."),
            buttons=(Button("Réessayer", f"upload accepter {draft.token}"),),
            refused=True,
        )
    # A crash after it was put can have let a pass see it there before it was said.
    return _placed(rule, path, verdict, former=bool(former) and former != draft.content)


def _placed(rule: Rule, path: str, verdict: Verdict, *, former: bool = False) -> Answer:
    told = [f"{verdict.width} × {verdict.height} pixels, {DPI} dpi, relu sur le FTP à l'identique."]
    if former:
        told.append("L'ancien est gardé à côté, sous un nom daté.")
    return Answer(
        f"✅ {_capital(rule.french)} déposé : {path}", tuple(told), buttons=(Button("Où en est le dossier", "dossier"),)
    )


async def _already(token: str, context: Context) -> Answer:
    """What a second touch is answered, and a first one whose answer a crash lost: the same."""
    for rule in RULES.values():
        content = context.desk.placed(rule.name)
        if content and token_of(content) == token:
            try:
                verdict = await context.studio.make(check, content, rule)
            except WorkshopError:
                break
            return _placed(rule, f"{FRENCH['personalisation']}/{rule.name}.{verdict.extension}", verdict)
    return _gone()


def _gone() -> Answer:
    return Answer(
        "Cette image n'est plus en attente.",
        ("Elle a été déposée, abandonnée ou remplacée, ou attend depuis plus de 7 jours : /upload pour recommencer.",),
        buttons=(Button("Où en est le dossier", "dossier"),),
        refused=True,
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

"""/rio: whether a RIO belongs to a number; a workbook that says so without the bot."""

import re
from dataclasses import replace

from core import lines, rio, rio_list, rio_model, rio_words, usage
from core.layouts import fold
from core.numbers import show
from core.vault import VaultError
from core.workshop import WorkshopError
from handlers import books, confirming, french, which
from handlers.answer import Answer, Code, OutFile
from handlers.ask import Ask, SentFile
from handlers.command import TECHNICAL, Command, Context
from handlers.files import SPREADSHEETS

#: What asks for the workbook, folded.
_MODEL = frozenset({"modele", "lemodele", "fichier", "excel", "tableur"})


async def run(ask: Ask, context: Context) -> Answer:
    # With a list, "fichier" means the list; a mail often has a picture at its foot.
    if fold(ask.arguments) in _MODEL and not _lists(ask):
        return await _model(context)
    if ask.files:
        return await _of_file(ask, context)
    words = re.sub(r"^\s*(check|verif\w*|vérif\w*)\b", "", ask.arguments, flags=re.IGNORECASE).strip()
    if not words:
        return COMMAND.how_to("Quel RIO, et pour quel numéro ?")
    # Of several, the right one would be picked out.
    if rio.count(words) > 1:
        return COMMAND.how_to("Un seul RIO à la fois ; pour plusieurs, envoyer un tableur.")
    code, number = rio.read(words)
    if not code:
        return _stored(ask, number, context)
    if wait := context.desk.rio_wait(number) if number else 0:
        return Answer(
            f"Trop de RIO faux ont été essayés pour le {show(number)}.",
            (f"Celui-ci n'a pas été vérifié : réessayer dans {french.duration(wait)}.",),
            refused=True,
            about=number,
        )
    return replace(_verdict(ask, code, number, context), about=number)


def _verdict(ask: Ask, code: str, number: str, context: Context) -> Answer:
    verdict = rio.check(code, number)
    if verdict.right is False:
        if verdict.is_guess:
            context.desk.rio_failed(ask.person, [(number, 1)])
        return Answer(
            f"❌ RIO faux : {verdict.rio}" + (f" pour le {show(number)}" if number else ""), tuple(_why(verdict))
        )
    if verdict.right is None:
        return Answer(
            f"❔ {verdict.rio} a la bonne forme, mais sa clé ne se vérifie qu'avec le numéro de la ligne.",
            (
                f"Offre : {rio_words.QUALITIES[verdict.quality]}",
                "Envoyer aussi le numéro, par exemple : /rio check " + verdict.rio + " 06 39 98 00 01",
            ),
        )
    told = [f"Opérateur actuel : {verdict.operator}"] if verdict.operator else []
    told.append(f"Offre : {rio_words.QUALITIES[verdict.quality]}")
    told.append(rio_words.RIGHT)
    told.append("Ne pas résilier la ligne avant son portage.")
    return Answer(f"✅ RIO correct : {verdict.rio} va avec le {show(number)}", tuple(told))


def _stored(ask: Ask, number: str, context: Context) -> Answer:
    """The RIO that the operator's files give for a line of ours, which its holder needs to leave."""
    missing = COMMAND.how_to("Il manque le RIO : 12 signes, que le client obtient en appelant le 3179.")
    if not number or not lines.has_rio(context.telecom, number):
        return missing
    title = f"RIO du {show(number)}"
    if not context.vault.has_key:
        return replace(confirming.NO_KEY, about=number)
    if not ask.confirmed:
        asked = confirming.confirm(
            f"{title} : le montrer ?",
            ("Avec le numéro, il permet de prendre la ligne.",),
            "Montrer le RIO",
            f"rio {number}",
        )
        return replace(asked, about=number)
    try:
        code = lines.rio(context.telecom, number, context.vault)
    except VaultError as error:
        return Answer(f"{title} : {error}.", (confirming.CALL_ADMINISTRATOR,), refused=True, about=number)
    state = usage.last_delivery(context.telecom, "account_status")
    return Answer(
        title,
        ("Ne pas résilier la ligne avant son portage.", *confirming.told(ask, context)),
        codes=(Code("RIO", code),),
        freshness=which.state_of(state.as_of, state.path, context.now()) if state else "",
        about=number,
    )


async def _model(context: Context) -> Answer:
    made = await books.made("Le classeur qui vérifie les RIO sans connexion.", rio_model.TITLE, context, rio_model.make)
    if made.refused:
        return made
    return replace(
        made,
        lines=(
            "Écrire ou coller (valeurs seules) numéros et RIO dans les cases jaunes : le verdict s'affiche à côté.",
            "Une fois rempli, il contient des codes : ne pas l'envoyer par courriel ni dans un groupe.",
        ),
    )


async def _of_file(ask: Ask, context: Context) -> Answer:
    """The list as it was sent, with a verdict on each row."""
    lists = _lists(ask)
    if len(lists) != 1:
        return Answer(
            "Envoyer un seul fichier à la fois, un tableur (.xlsx) ou un .csv."
            if lists
            else "Ce fichier n'est pas une liste de RIO : il faut un tableur (.xlsx) ou un .csv.",
            ("Il lui faut une colonne de RIO et une colonne de numéros.",),
            refused=True,
        )
    # A whole RIO never leaves by mail: who asked has it already.
    hide = ask.door == "mail"
    try:
        held = context.desk.rio_held()
        made = await context.workshop.make(rio_list.annotate, lists[0].name, lists[0].content, hide, held)
    except rio_list.RioListError as error:
        return Answer(f"{lists[0].name} n'a pas pu être vérifié.", (str(error),), refused=True)
    except WorkshopError as error:
        return Answer(
            f"{lists[0].name} n'a pas pu être vérifié.",
            (f"{error}.", "Le renvoyer, en deux parties s'il est long."),
            refused=True,
        )
    context.desk.rio_failed(ask.person, made.failures)
    told = [f"✅ {french.count(made.right, 'juste', 'justes')}", f"❌ {french.count(made.wrong, 'faux', 'faux')}"]
    if made.unverifiable:
        told.append(
            f"❔ {french.count(made.unverifiable, 'sans numéro, non vérifiable', 'sans numéro, non vérifiables')}"
        )
    if made.held:
        told.append(f"⏳ {french.count(made.held, 'non vérifié', 'non vérifiés')} : trop d'essais pour le même numéro")
    if made.unread:
        told.append(f"⚠️ {french.count(made.unread, 'illisible', 'illisibles')}")
    if made.proposals:
        words = ("correction proposée", "corrections proposées")
        told.append(f"{french.count(made.proposals, *words)} (O et 0 confondus), à confirmer avec le client")
    told += [f"ligne {row} : {reason}" for row, reason in made.first_wrong]
    if made.wrong > len(made.first_wrong) > 0:
        told.append(f"… et {french.whole(made.wrong - len(made.first_wrong))} autres, dans le fichier")
    if hide:
        told.append("Les RIO sont masqués dans ce courriel ; dans le chat, le fichier revient entier.")
    return Answer(
        f"{lists[0].name} : {french.count(made.rows, 'RIO vérifié', 'RIO vérifiés')}",
        tuple(told),
        files=(OutFile(made.name, made.content),),
    )


def _lists(ask: Ask) -> list[SentFile]:
    return [file for file in ask.files if file.name.lower().endswith(SPREADSHEETS)]


def _why(verdict: rio.Verdict) -> list[str]:
    told = [rio_words.fault(verdict)] if verdict.fault else []
    if verdict.correction:
        told.append(f"Confusion probable entre O et 0 : {verdict.correction} serait juste. À confirmer avec le client.")
    elif verdict.fault:
        told.append(rio_words.ASK_AGAIN)
    return told


COMMAND = Command(
    name="rio",
    summary="Vérifier un RIO avec son numéro, ou une liste",
    usage="rio RIO NUMÉRO, ou un tableur de RIO",
    examples=("rio 01E4K7P2QEM3 0639980001", "rio check 01E4K7P2QEM3 06 39 98 00 01", "rio modele"),
    run=run,
    roles=TECHNICAL,
    sensitive=True,
    confirmed=True,
    takes_files=True,
    files_by_mail=True,
    harmless=_MODEL,
)

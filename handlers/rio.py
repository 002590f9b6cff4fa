"""/rio: whether a RIO belongs to a number."""

import re

from core import rio
from core.numbers import show
from handlers.answer import Answer
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context


async def run(ask: Ask, _: Context) -> Answer:
    words = re.sub(r"^\s*(check|verif\w*|vérif\w*)\b", "", ask.arguments, flags=re.IGNORECASE).strip()
    if not words:
        return COMMAND.how_to("Quel RIO, et pour quel numéro ?")
    code, number = rio.read(words)
    if not code:
        return COMMAND.how_to("Il manque le RIO : 12 signes, que le client obtient en appelant le 3179.")
    verdict = rio.check(code, number)
    if verdict.right is False:
        return Answer(
            f"❌ RIO faux : {verdict.rio}" + (f" pour le {show(number)}" if number else ""), tuple(_why(verdict))
        )
    if verdict.right is None:
        return Answer(
            f"❔ {verdict.rio} a la bonne forme, mais sa clé ne se vérifie qu'avec le numéro de la ligne.",
            (
                f"Offre : {_QUALITIES[verdict.quality]}",
                "Envoyer aussi le numéro, par exemple : /rio check " + verdict.rio + " 06 39 98 00 01",
            ),
        )
    told = [f"Opérateur actuel : {verdict.operator}"] if verdict.operator else []
    told.append(f"Offre : {_QUALITIES[verdict.quality]}")
    told.append("La clé est juste ; seul l'opérateur actuel confirmera que la ligne est portable.")
    told.append("Ne pas résilier la ligne avant son portage.")
    return Answer(f"✅ RIO correct : {verdict.rio} va avec le {show(number)}", tuple(told))


_QUALITIES = {
    "": "",
    "particulier": "grand public (P)",
    "entreprise": "entreprise (E)",
    "fixe": "ligne fixe",
}


def _why(verdict: rio.Verdict) -> list[str]:
    mobile = verdict.number.startswith(("06", "07"))
    reasons = {
        "length": f"Un RIO a 12 signes, celui-ci en a {len(verdict.rio)}.",
        "signs": "Un RIO n'a que des lettres sans accent, des chiffres et le signe +.",
        "operator": "Les deux premiers signes, le code de l'opérateur, doivent être des chiffres."
        if mobile
        else "Les deux premiers signes, le code de l'opérateur, doivent être des lettres ou des chiffres.",
        "quality": "Le troisième signe doit être P (grand public) ou E (entreprise) pour un mobile."
        if mobile
        else "Le troisième signe doit être P ou E pour un mobile, de F à Z pour un fixe.",
        "reference": "Les signes 4 à 9, la référence du contrat, sont des lettres et des chiffres.",
        "key": "La clé (trois derniers signes) ne correspond pas : un signe du RIO ou du numéro est faux.",
    }
    told = [reasons[verdict.fault]] if verdict.fault else []
    if verdict.correction:
        told.append(f"Confusion probable entre O et 0 : {verdict.correction} serait juste. À confirmer avec le client.")
    elif verdict.fault:
        told.append("Demander au client de rappeler le 3179 et de recopier le SMS reçu.")
    return told


COMMAND = Command(
    name="rio",
    summary="Vérifier un RIO avec son numéro",
    usage="rio RIO NUMÉRO",
    examples=("rio 01E4K7P2QEM3 0639980001", "rio check 01E4K7P2QEM3 06 39 98 00 01"),
    run=run,
    roles=TECHNICAL,
    sensitive=True,
)

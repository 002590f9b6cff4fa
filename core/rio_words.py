"""What is said of a RIO, in French: the same words in the chat, by mail and in a checked list. None holds a code."""

from core.rio import Verdict

QUALITIES = {
    "": "",
    "particulier": "grand public (P)",
    "entreprise": "entreprise (E)",
    "fixe": "ligne fixe",
}

RIGHT = "La clé est juste ; seul l'opérateur actuel confirmera que la ligne est portable."
UNVERIFIABLE = "La forme est bonne, mais la clé ne se vérifie qu'avec le numéro de la ligne."
ASK_AGAIN = "Demander au client de rappeler le 3179 et de recopier le SMS reçu."


def fault(verdict: Verdict) -> str:
    """Why a RIO is wrong; empty when it is not."""
    if verdict.fault is None:
        return ""
    mobile = verdict.number.startswith(("06", "07"))
    return {
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
    }[verdict.fault]

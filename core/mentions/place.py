"""Address and company name in a banner's text, when nothing is known of them."""

import re

from core.mentions.text import digits_of

_STREET = (
    r"(?:rue|avenue|av\.?|boulevard|bd\.?|blvd|place|pl\.?|chemin|che?\.?|impasse|imp\.?|all[ée]es?|route|rte\.?|quai|"
    r"cours|square|sq\.?|passage|villa|cit[ée]|mail|parvis|esplanade|faubourg|fg\.?|voie|sentier|mont[ée]e|lotissement|"
    r"zone|z\.?[aic]\.?|parc|r[ée]sidence|b[âa]timent|lieu[ -]dit|rond-point|promenade)"
)
_NUMBER = r"[0-9]{1,4}(?: ?[-/] ?[0-9]{1,4})? ?,? ?(?:(?:bis|ter|quater)(?![a-z])|[A-D](?![A-Za-z]))? ?,? ?"
#: A street's name begins behind a space or an apostrophe; "1 cheminde l'Essai" lost it.
_ADDRESS = re.compile(
    rf"(?<![0-9A-Za-zÀ-ÿ])(?:{_NUMBER})?"
    rf"(?:{_STREET}[ '](?=\S)|(?<=[0-9 ])(?:rue|avenue|boulevard|place|chemin|impasse|route|quai)(?=d[eu']|l[ae']))"
    r"[^\n|·•;]*",
    re.I,
)
_CEDEX = r"(?:(?<=cedex)|(?<=Cedex)|(?<=CEDEX)) [0-9]{1,2}"
_TOWN = re.compile(
    r"(?<![0-9])(?<![0-9][,.])([0-9Oo](?: ?[0-9Oo]){4})[ ,\-]{0,2}"
    rf"([^\W\d_](?:[^\W\d_]|['\-.]| (?=[^\W\d_])|{_CEDEX})*)"
)
_TOWN_ENDS = re.compile(
    r" - |[ \-]+(?=(?:SIRET|SIREN|RCS|TVA|T[ée]l|Service|N°|Num[ée]ro|[Cc]apital|E-?mail|Courriel|Contact|Fax|APE|NAF)"
    r"(?![a-zà-ÿ]{3}))"
)


def find_address(text: str) -> str:
    """A street, as far as there is one, then postal code and town; "" without these two."""
    for found in _TOWN.finditer(text):
        code = re.sub(" ", "", found[1].upper()).replace("O", "0")
        town = _TOWN_ENDS.split(found[2])[0].rstrip(" -'.")
        line = text.rfind("\n", 0, found.start()) + 1
        street = _last_street(text[line : found.start()])
        if (
            len(town) < 2
            or len(digits_of(found[1])) < 2
            or found[1].count(" ") > 1
            or re.match(r"(?:eur|euros?|ttc|ht)\b", town, re.I)
            or (town[0].islower() and not street)
        ):
            continue
        # In a column, the street stands above; what is beside it may have come between.
        street = street or _last_street(text[:line])
        return ", ".join(filter(None, [street, f"{code} {town}"]))
    return ""


def _last_street(text: str) -> str:
    streets = [found[0] for found in _ADDRESS.finditer(text)]
    return re.sub(r"(?<=[0-9])(?=[A-Za-z]{3})", " ", streets[-1].strip(" ,-–—/(")) if streets else ""


_NO_NAME = re.compile(
    r"(?:(?:service|relation)s? ?clients?|SIRET|SIREN|RCS|TVA|t[ée]l(?:[ée]phone)?|fax|e-?mail|courriel|contact|n°|"
    r"num[ée]ro|appel|prix|co[ûu]t|gratuit|capital|ape|naf|assistance|support|site|www)(?![^\W_])|"
    rf"(?:[0-9]{{1,2}} ?)?(?:€|euros?|c|cts?|min)(?![a-z])|{_STREET}[ ']|[0-9]{{5}}",
    re.I,
)
_NAME_ENDS = re.compile(rf" au capita[l1I]|(?<![0-9A-Za-z]){_NUMBER}{_STREET}[ ']", re.I)


def find_name(text: str) -> str:
    """The first words that can be a company's name; "" without any."""
    for segment in re.split(r" [-–—/] |[\n|·•,;()]", text):
        words = _NAME_ENDS.split(segment)[0].strip(" -–—:")
        if sum(sign.isalpha() for sign in words) >= 2 and not _NO_NAME.match(words):
            return words
    return ""

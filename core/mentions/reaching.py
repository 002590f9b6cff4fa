"""How the customer service is reached, in a banner's text: phone, what a call costs, email."""

import re
import unicodedata

from core.mentions.text import LIKE_DIGITS, alike, digits_of, squeeze, without

# -- The phone

_PHONE = (
    r"(?<![0-9+])(\(?(?:\+|00) ?(?:33|590|594|596|262)\)?[ .]?(?:\( ?0 ?\) ?|0(?=[ .]?[1-9]))?|\( ?0 ?\) ?|{zero} ?)"
    r"({first}(?:[ .\-/·{line}]{{0,2}}{sign}){{8}})(?![0-9])"
)
#: As it is; with letters read for digits; in two lines. The first that finds one counts.
_PHONES = (
    re.compile(_PHONE.format(zero="0", first="[1-9]", sign="[0-9]", line="")),
    re.compile(_PHONE.format(zero="[0OoQ]", first="[1-9Il|S]", sign="[0-9OoQIl|SB]", line="")),
    re.compile(_PHONE.format(zero="0", first="[1-9]", sign="[0-9]", line=r"\n")),
)
_SHORT = re.compile(r"(?<![0-9,.])([13][0-9] ?[0-9]{2})(?![0-9]|[.,][0-9]| ?€)")

#: What stands before a number that is called; a short number is told by it alone.
_CALLED = re.compile(
    r"(?:t[ée]l(?:[ée]phone)?|appel(?:ez|er)?|composez|service[ -]?clients?|assistance|support|s\.?a\.?v)"
    r"[^0-9A-Za-z]{0,4}(?:(?:au|le|n°|no) ?){0,2}$",
    re.I,
)


def find_phone(text: str, known: str) -> tuple[str, str]:
    """The text without its phone numbers, and the customer service's: the known one where it stands there, else the one
    that its label tells, else the first ("" without one)."""
    ranked: list[tuple[int, str]] = []
    spans: list[tuple[int, int]] = []
    for pattern in _PHONES:
        for found in pattern.finditer(text):
            if len(digits_of(found[2])) < 5:  # letters, not digits read as letters
                continue
            number = f"0{digits_of(found[2].translate(LIKE_DIGITS))}"
            label = re.split(r"[|·•;\n]", text[max(0, found.start() - 30) : found.start()])[-1].lower()
            rank = 100 * (number == known) + 10 * bool(_CALLED.search(label)) - 50 * ("fax" in label[-14:])
            rank += 5 * bool(re.search("client|sav|service", label))
            ranked.append((-rank, number))
            spans.append(found.span())
        if ranked:
            break
    for found in _SHORT.finditer(text):
        number = digits_of(found[1])
        called = not ranked and _CALLED.search(text[max(0, found.start() - 30) : found.start()])
        if (number == known or called) and not any(start <= found.start() < end for start, end in spans):
            ranked.append((-100 * (number == known), number))
            spans.append(found.span())
    return without(text, *spans), min(ranked, key=lambda one: one[0])[1] if ranked else ""


# -- What a call costs

_MINUTE = r"(?:minutes?|min|mn|mim|rnin|m1n|man)(?![a-z])"
_PER = r"\s*(?:ttc|ht)?\s*(?:/|par|[li1]a|[li|1])?\s*"  # the stroke is read as l, I or 1
_EUROS = (
    re.compile(
        r"(?<![0-9])([0-9o]{1,2})\s?[.,]\s?([0-9o](?:\s?[0-9o]){0,2})\s?"
        rf"(?:€|euros?|eur|[ec£ø¢](?![a-z]))?{_PER}{_MINUTE}",
        re.I,
    ),
    re.compile(rf"(?<![0-9,.])(?<![0-9,.] )([0-9]{{1,2}})()\s?(?:€|euros?|eur){_PER}{_MINUTE}", re.I),
)
_CENTS = re.compile(
    r"(?<![0-9])([0-9]{1,2})(?:[.,]([0-9]{1,2}))?\s?(?:c€|cts?|cents?|centimes?|c)\.?\s?(?:d'euros?)?"
    rf"{_PER}{_MINUTE}",
    re.I,
)
_BY_CALL = re.compile(
    r"(?<![0-9,.])([0-9]{1,2})\s?[.,]\s?([0-9]{1,3})\s?(?:€|euros?|eur)\s*(?:ttc)?\s*(?:/|par|l')\s*appel", re.I
)
_PLUS_CALL = re.compile(r"\+(?:le)?prix(?:dun|del|d)?ap")

#: In squeezed text, for spaces get lost. The first that is found counts.
_IN_WORDS = (
    (re.compile(r"service(?:est)?gratuit\+?(?:le)?prix(?:dun|del|d)?ap"), "service gratuit + prix appel"),
    (re.compile(r"serviceetappels?gratuits?"), "service et appel gratuits"),
    (re.compile(r"nonsurtax"), "appel non surtaxé"),
    (
        re.compile(
            r"(?:prix|couts?|tarif)(?:dun|dune|del|de|d)?(?:appel|communication|com)?local|appel(?:autarif)?local"
        ),
        "prix d'un appel local",
    ),
    (re.compile(r"(?:prix|couts?|tarif)(?:dun|dune|del|de|d)?(?:appel|communication)"), "prix d'un appel"),
    (re.compile(r"(?:appel|numero|communication|service)s?(?:est)?gratuit|numerovert|[0-9(]gratuit"), "appel gratuit"),
)


def find_cost(text: str) -> tuple[str, str]:
    """What a call costs, in the profile's words ("0,15 €/min"), and the price of a call where it is not by the minute
    ("0,50 €"); "" without."""
    squeezed = squeeze(text, "+(")[0]
    text = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    plus = " + prix appel" if _PLUS_CALL.search(squeezed) else ""
    for pattern in _EUROS:
        if found := pattern.search(text):
            whole, part = (re.sub(r"\s", "", value.lower().replace("o", "0")) for value in found.groups())
            return f"{int(whole)},{part.ljust(2, '0')} €/min{plus}", ""
    if found := _CENTS.search(text):
        return f"0,{int(found[1]):02}{found[2] or ''} €/min{plus}", ""
    for said, cost in _IN_WORDS:
        if said.search(squeezed):
            return cost, ""
    if found := _BY_CALL.search(text):
        return "", f"{int(found[1])},{found[2].ljust(2, '0')} €"
    return "", ""


# -- The email address

_AT = "@©®"  # as it is read
_LOCAL = r"(?=-*[A-Za-z0-9_%+])[A-Za-z0-9_%+\-]+(?:\.[A-Za-z0-9_%+\-]+)*"
_STRICT = re.compile(rf"({_LOCAL}) ?[{_AT}] ?([A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{{2,}})(?![A-Za-z0-9@])")
#: With the spaces that reading puts around dots, a comma for a dot, and a dot that it lost before a usual ending.
_LOOSE = re.compile(
    rf"({_LOCAL}) ?[{_AT}] ?([A-Za-z0-9\-]+"
    r"(?: ?[.,] ?[A-Za-z0-9\-]+| (?:fr|com|net|org|eu|example)(?![A-Za-z0-9]))*)"
    rf"(?![A-Za-z0-9\-]* ?[{_AT}])"  # "appel @ clients@exemple.fr": the first one is a sign
)
_FURTHER = re.compile(r"(?: ?\. ?[a-z]{2,10})+(?![A-Za-z0-9])")
_CUT_OFF = re.compile(r"([a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*)(?: ?\. ?|,)$")
_NO_LOCAL_PART = frozenset({"mail", "email", "e-mail", "courriel", "contact", "tel", "fr", "com"})
_GLUED_LABEL = re.compile(r"^-*(?:E-?mail(?=[a-z])|Mail(?=[a-z])|Courriel(?=[a-z]))?")
_SITE = re.compile(r"(?:https?://)?www ?\. ?[a-z0-9.\- ]*?\. ?[a-z]{2,}(?![a-z])|https?://\S+", re.I)


def find_email(text: str, known: str) -> tuple[str, str]:
    """The text without addresses and sites, and the customer service's address: the known one where it stands there,
    whatever reading made of its dots, else the most likely ("" without one)."""
    if span := _where(known, text):
        return find_email(without(text, span), "")[0], known
    ranked: list[tuple[int, str]] = []
    spans: list[tuple[int, int]] = []
    for loose in _LOOSE.finditer(text):
        local, start = loose[1], loose.start()
        if strict := _STRICT.match(text, start):
            domain, end = strict[2], strict.end()
            # "lignesetcie. example.com": nothing but lower-case endings go on behind a dot.
            if further := _FURTHER.match(text, end):
                domain, end = domain + further[0].replace(" ", ""), further.end()
        else:
            domain, end = re.sub(" ?[ .,] ?", ".", loose[2]), loose.end()
        cut = _CUT_OFF.search(text[max(0, start - 60) : start])
        if cut and cut[1] not in _NO_LOCAL_PART:
            local, start = f"{cut[1]}.{local}", start - len(cut[0])
        address = f"{_GLUED_LABEL.sub('', local)}@{domain}"
        rank = 10 * ("." in domain) + bool(re.search("client|sav|service|support|contact|aide", local.lower()))
        ranked.append((-rank, address))
        spans.append((start, end))
    return _SITE.sub("|", without(text, *spans)), min(ranked, key=lambda one: one[0])[1] if ranked else ""


def _where(known: str, text: str) -> tuple[int, int] | None:
    local, _, domain = (alike(part)[0] for part in known.rpartition("@"))
    if not (local and domain):
        return None
    held, places = alike(text, _AT)
    # Any sign, for the @ is also read as O or Q.
    for found in re.finditer(f"{re.escape(local)}.{re.escape(domain)}", held):
        first, last = places[found.start()], places[found.end() - 1]
        if not (text[first - 1 : first].isalnum() or text[last + 1 : last + 2].isalnum()):
            return first, last + 1
    return None

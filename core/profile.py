"""The integrator's profile (operator's card, B-1 and B-5): what the account opening, the banner and the models need.

Each field checks what is written for it and keeps one canonical form; `show` writes it for people.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, get_args
from unicodedata import normalize

from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

from core.layouts import fold
from core.numbers import NumberError, msisdn
from core.setting_values import email_address

Name = Literal[
    "operator_name",
    "address",
    "siret",
    "vat",
    "phone",
    "phone_cost",
    "service_email",
    "accounting_email",
    "technical_email",
    "technical_contact",
    "colour",
]
NAMES: tuple[Name, ...] = get_args(Name)

#: What the banner must show at least (card, B-1).
ON_BANNER: tuple[Name, ...] = ("operator_name", "address", "siret", "vat", "phone", "phone_cost", "service_email")


class ProfileError(Exception):
    """What was written cannot be the value of a field; the message says why, in French."""


@dataclass(frozen=True)
class Profile:
    """Canonical values, "" for what is not known. `address`: one line with postal code and town; `siret`: 14 digits;
    `vat`: FR and 11 digits; `phone`: 10 digits, or a short number of 4; `phone_cost`: in words ("0,15 €/min",
    "appel non surtaxé"); `colour`: #rrggbb, the banner's."""

    operator_name: str = ""
    address: str = ""
    siret: str = ""
    vat: str = ""
    phone: str = ""
    phone_cost: str = ""
    service_email: str = ""
    accounting_email: str = ""
    technical_email: str = ""
    technical_contact: str = ""
    colour: str = ""

    def value(self, name: Name) -> str:
        return str(getattr(self, name))


@dataclass(frozen=True)
class Field:
    """One entry. `word`: how a command names it; `label`: how a list does; `french`: how a sentence does.

    `question`: what is asked for it.

    `check`: gives the canonical value of what was written beside the rest of the profile, or raises `ProfileError`.
    `optional`: the account opens without it. `mailbox`: it is verified by a code that is mailed there.
    """

    name: Name
    word: str
    label: str
    french: str
    question: str
    example: str
    check: Callable[[str, Profile], str]
    optional: bool = False
    mailbox: bool = False


def field_named(word: str) -> Field | None:
    """The field that a word means, without regard to case and accents."""
    folded = fold(word)
    return next(
        (
            field
            for field in FIELDS
            if folded and folded in {fold(field.word), *map(fold, _ALIASES.get(field.name, ()))}
        ),
        None,
    )


#: Numbers whose service is paid for by the call, and what can then not be said of its cost.
_CHARGED = ("081", "082", "089")
_FREE = ("appel non surtaxé", "appel gratuit", "service et appel gratuits", "prix d'un appel", "prix d'un appel local")


def missing(profile: Profile) -> list[Field]:
    """What the account opening still needs, in the order in which it is asked."""
    return [field for field in FIELDS if not field.optional and not profile.value(field.name)]


def contradictions(profile: Profile) -> list[str]:
    """Values that are right by themselves and do not go together (French)."""
    found = []
    if profile.siret and profile.vat and profile.vat[4:] != profile.siret[:9]:
        wanted = show("vat", vat_of(profile.siret))
        found.append(f"le numéro de TVA ne va pas avec le SIRET : il devrait être {wanted}")
    if profile.phone.startswith(_CHARGED) and profile.phone_cost in _FREE:
        found.append(
            f"un appel au {show('phone', profile.phone)} est surtaxé : son coût n'est pas « {profile.phone_cost} »"
        )
    return found


def vat_of(siret: str) -> str:
    """The intra-community VAT number of a company: its key is (12 + 3 x (SIREN mod 97)) mod 97."""
    siren = siret[:9]
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02}{siren}"


def show(name: Name, value: str) -> str:
    """A value as people write it."""
    if name == "siret" and value:
        return f"{value[:3]} {value[3:6]} {value[6:9]} {value[9:]}"
    if name == "vat" and value:
        return f"{value[:2]} {value[2:4]} {value[4:7]} {value[7:10]} {value[10:]}"
    if name == "phone" and len(value) == 10:
        return " ".join(value[place : place + 2] for place in range(0, 10, 2))
    if name == "phone" and len(value) == 4:
        return f"{value[:2]} {value[2:]}"
    return value


# -- What each field takes


def _line(most: int) -> Callable[[str, Profile], str]:
    def check(written: str, _: Profile) -> str:
        if any(not sign.isprintable() and not sign.isspace() for sign in written):
            raise ProfileError("il y a là un signe invisible : le retaper à la main")
        value = normalize("NFC", " ".join(written.split()))
        if len(value) < 2:
            raise ProfileError("c'est trop court")
        if len(value) > most:
            raise ProfileError(f"{len(value)} signes, il en faut {most} au plus : l'abréger")
        return value

    return check


def _name(written: str, profile: Profile) -> str:
    value = _line(60)(written, profile)
    if not any(sign.isalpha() for sign in value):
        raise ProfileError("il n'y a là aucune lettre")
    if "@" in value:
        raise ProfileError("c'est une adresse de courriel, pas un nom")
    # It would stand in every subject, and a RIO with its number is enough to take a line over.
    if _RIO.search(value):
        raise ProfileError("cela ressemble à un RIO")
    return value


#: As a mobile RIO is written.
_RIO = re.compile(r"\b\d{2}[PE][A-Z0-9]{6}[A-Z0-9+]{3}(?![A-Z0-9+])")


def _address(written: str, profile: Profile) -> str:
    # A postal address is often pasted on several lines.
    value = _line(110)(re.sub(r"\s*\n\s*", ", ", written.strip()), profile)
    if not re.search(r"(?<!\d)\d{5}[\s,]+\D{2,}", value):
        raise ProfileError("il y manque le code postal (5 chiffres) suivi de la ville")
    return value


def _without_label(written: str, label: str) -> str:
    """What is pasted from a letterhead comes with its name: n° SIRET : …"""
    return re.sub(rf"(?i)^\s*(?:n\s*°|num[ée]ro)?\s*(?:de\s+)?(?:{label})?\b\.?\s*(?:n\s*°)?\s*:?\s*", "", written)


def _siret(written: str, _: Profile) -> str:
    digits = re.sub(r"[\s.\-]", "", _without_label(written, "siret"))
    if re.fullmatch(r"\d{9}", digits):
        raise ProfileError(
            "c'est un SIREN (9 chiffres) ; le SIRET en a 14 : le SIREN, puis le numéro de l'établissement"
        )
    if not re.fullmatch(r"[0-9]{14}", digits):
        raise ProfileError(f"un SIRET a 14 chiffres, il y en a {len(re.findall('[0-9]', digits))} ici")
    try:
        stdnum_siren.validate(digits[:9])
    except InvalidChecksum:
        raise ProfileError("la clé du SIREN (9 premiers chiffres) est fausse : un chiffre est mal copié") from None
    except ValidationError:
        raise ProfileError("ce n'est pas un SIRET") from None
    try:
        return stdnum_siret.validate(digits)
    except ValidationError:
        raise ProfileError("la clé du SIRET (5 derniers chiffres) est fausse : un chiffre est mal copié") from None


def _vat(written: str, profile: Profile) -> str:
    value = re.sub(r"[\s.\-]", "", _without_label(written, "tva|tva intracommunautaire")).upper()
    if re.fullmatch(r"\d{11}", value):
        value = f"FR{value}"
    if not re.fullmatch(r"FR[0-9]{11}", value):
        raise ProfileError("un numéro de TVA français s'écrit FR, une clé de 2 chiffres, puis le SIREN (9 chiffres)")
    try:
        stdnum_siren.validate(value[4:])
    except ValidationError:
        raise ProfileError("les 9 derniers chiffres ne sont pas un SIREN : un chiffre est mal copié") from None
    if profile.siret and value[4:] != profile.siret[:9]:
        raise ProfileError(
            f"il ne va pas avec le SIRET {show('siret', profile.siret)} : {show('vat', vat_of(profile.siret))} irait"
        )
    if value != vat_of(value[4:]):
        raise ProfileError(f"sa clé est fausse : {show('vat', vat_of(value[4:]))} serait juste")
    return value


def _phone(written: str, _: Profile) -> str:
    bare = _without_label(written, "t[ée]l|t[ée]l[ée]phone")
    if re.fullmatch(r"[13][0-9]{3}", short := re.sub(r"[\s.]", "", bare)):
        return short
    with suppress(NumberError):
        if re.fullmatch(r"0[1-9][0-9]{8}", number := msisdn(bare)):
            return number
    raise ProfileError("un numéro de téléphone français a 10 chiffres et commence par 0 (ou 4 chiffres, pour un court)")


#: Ways to say that a call costs what a call costs, or nothing.
_COSTS = {
    "gratuit": "appel gratuit",
    "appelgratuit": "appel gratuit",
    "gratuite": "appel gratuit",
    "serviceetappelgratuits": "service et appel gratuits",
    "servicegratuit+prixappel": "service gratuit + prix appel",
    "servicegratuit+prixdunappel": "service gratuit + prix appel",
    "nonsurtaxe": "appel non surtaxé",
    "appelnonsurtaxe": "appel non surtaxé",
    "numerononsurtaxe": "appel non surtaxé",
    "prixappel": "prix d'un appel",
    "prixdunappel": "prix d'un appel",
    "prixdunappellocal": "prix d'un appel local",
    "coutdunappellocal": "prix d'un appel local",
    "appellocal": "prix d'un appel local",
}

_PRICE = re.compile(
    r"(\d{1,2})(?:[.,](\d{1,3}))?\s*(€|euros?|eur|cts?|centimes?|c€)?\s*(?:ttc)?\s*(?:/|par|la)?\s*(minutes?|mn|min)?\.?\s*(?:ttc)?"
)


def _cost(written: str, _: Profile) -> str:
    text = " ".join(written.lower().replace("\u00a0", " ").replace("\u202f", " ").split())
    if said := _COSTS.get(fold(text)):
        return said
    plus = ""
    for ending in ("+ prix appel", "+ prix d'un appel", "+ prix de l'appel"):
        if text.endswith(ending):
            text, plus = text.removesuffix(ending).strip(), " + prix appel"
    found = _PRICE.fullmatch(text)
    if not found or not (found[3] or found[4]):
        raise ProfileError("écrire un prix par minute (0,15 €/min), « appel non surtaxé » ou « gratuit »")
    whole, part = int(found[1]), (found[2] or "")
    if (found[3] or "").startswith("c"):
        if part:
            raise ProfileError("écrire le prix en euros : 0,15 €/min")
        return f"{whole / 100:.2f} €/min".replace(".", ",") + plus
    return f"{whole},{part.ljust(2, '0')} €/min{plus}"


def _email(written: str, _: Profile) -> str:
    try:
        value = email_address(written.strip().removeprefix("mailto:").strip("<>").rstrip("."))
    except ValueError as error:
        raise ProfileError(str(error)) from None
    # A mail goes there at once: no group, comment or literal, which two mail programs can read as two addresses.
    if not _MAILBOX.fullmatch(value) or len(value) > 254:
        raise ProfileError(f"« {value[:80]} » n'est pas une adresse de courriel : ni accent, ni deux « @ »")
    return value


_MAILBOX = re.compile(
    r"[a-z0-9.!#$%&*+/=?^_`{|}~-]+"  # some houses give out addresses with two dots, or one at the end
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
    re.IGNORECASE | re.ASCII,
)


#: French names of colours that bear white text.
_COLOURS = {
    "bleu": "#1f5fa8",
    "bleunuit": "#182d54",
    "bleumarine": "#182d54",
    "marine": "#182d54",
    "turquoise": "#117a72",
    "vert": "#2a7a3b",
    "rouge": "#b3261e",
    "bordeaux": "#7a1f3d",
    "orange": "#b85a00",
    "violet": "#5b3a8c",
    "rose": "#b3266f",
    "gris": "#4a5158",
    "noir": "#1c1c1c",
    "marron": "#6b4423",
}


def _colour(written: str, _: Profile) -> str:
    if named := _COLOURS.get(fold(written)):
        return named
    code = written.strip().lower().removeprefix("#")
    found = re.fullmatch(r"[0-9a-f]{3}(?:[0-9a-f]{3})?", code)
    if not found:
        raise ProfileError("écrire un nom (bleu, bleu nuit, vert, rouge, orange, violet…) ou un code : #182D54")
    return "#" + (code if len(code) == 6 else "".join(sign * 2 for sign in code))


FIELDS: tuple[Field, ...] = (
    Field(
        "operator_name",
        "nom",
        "Nom",
        "le nom d'opérateur",
        "Sous quel nom opérez-vous ?",
        "Télécom Exemple",
        _name,
    ),
    Field(
        "address",
        "adresse",
        "Adresse",
        "l'adresse",
        "Quelle est l'adresse de la société, avec code postal et ville ?",
        "12 rue de l'Exemple, 00000 Ville-Fictive",
        _address,
    ),
    Field("siret", "siret", "SIRET", "le SIRET", "Quel est le SIRET ? (14 chiffres)", "123 456 782 00010", _siret),
    Field(
        "vat",
        "tva",
        "TVA",
        "le numéro de TVA",
        "Quel est le numéro de TVA intracommunautaire ?",
        "FR 11 123 456 782",
        _vat,
    ),
    Field(
        "phone",
        "téléphone",
        "Téléphone client",
        "le téléphone du service client",
        "Quel est le téléphone du service client ?",
        "06 39 98 00 00",
        _phone,
    ),
    Field(
        "phone_cost",
        "coût",
        "Coût de l'appel",
        "le coût de l'appel",
        "Combien coûte un appel à ce numéro, par minute ?",
        "0,15 €/min, ou : appel non surtaxé",
        _cost,
    ),
    Field(
        "service_email",
        "email",
        "Email client",
        "l'adresse du service client",
        "Quelle est l'adresse de courriel du service client ?",
        "clients@exemple.fr",
        _email,
        mailbox=True,
    ),
    Field(
        "accounting_email",
        "compta",
        "Email comptabilité",
        "l'adresse de la comptabilité",
        "À quelle adresse vont les factures et la comptabilité ?",
        "compta@exemple.fr",
        _email,
        mailbox=True,
    ),
    Field(
        "technical_email",
        "technique",
        "Email technique",
        "l'adresse technique",
        "À quelle adresse vont les messages techniques ?",
        "technique@exemple.fr",
        _email,
        mailbox=True,
    ),
    Field(
        "technical_contact",
        "contact",
        "Contact technique",
        "le nom du contact technique",
        "Comment s'appelle le contact technique ?",
        "Camille Martin",
        _name,
    ),
    Field(
        "colour",
        "couleur",
        "Couleur du bandeau",
        "la couleur du bandeau",
        "De quelle couleur est le bandeau ?",
        "bleu nuit, ou #182D54",
        _colour,
        optional=True,
    ),
)

_ALIASES: dict[Name, tuple[str, ...]] = {
    "operator_name": ("operateur", "nom operateur", "societe"),
    "vat": ("tva intracommunautaire",),
    "phone": ("tel", "numero", "service client"),
    "phone_cost": ("prix", "tarif"),
    "service_email": ("mail", "courriel", "email client"),
    "accounting_email": ("comptabilite", "email comptabilite"),
    "technical_email": ("email technique",),
    "technical_contact": ("contact technique",),
    "colour": ("color",),
}

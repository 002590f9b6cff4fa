"""What the models are filled with: the profile's values as people write them, and a mark where one lacks."""

from core.marketing.markup import NBSP, Span
from core.profile import FIELDS, Name, Profile, show

#: As the document names itself.
TITLES = {
    "cgv": "Conditions générales de vente et d’abonnement",
    "contrat": "Contrat d’abonnement",
}

#: The name that stands in the texts, the field it comes from, and what is written where it lacks.
_VALUES: tuple[tuple[str, Name, str], ...] = (
    ("nom", "operator_name", "nom d’opérateur"),
    ("adresse", "address", "adresse"),
    ("siret", "siret", "SIRET"),
    ("siren", "siret", "SIREN"),
    ("tva", "vat", "numéro de TVA"),
    ("telephone", "phone", "téléphone"),
    ("cout", "phone_cost", "coût de l’appel"),
    ("email", "service_email", "courriel du service client"),
)
NEEDED = frozenset(field for _, field, _ in _VALUES)

_WORDS = {field.name: field.word for field in FIELDS}

#: Values that must not break at the end of a line.
_WHOLE: frozenset[Name] = frozenset({"siret", "vat", "phone", "phone_cost"})


def values(profile: Profile, client: str) -> dict[str, Span]:
    """The values by their names in the texts; one that lacks names the command that gives it."""
    found = {"client": Span(clean(client))}
    for name, field, lacking in _VALUES:
        text = clean(show(field, profile.value(field)))
        if name == "siren":
            text = text[:11]
        if field in _WHOLE:
            text = text.replace(" ", NBSP)
        found[name] = (
            Span(text) if text else Span(f"[{lacking} : /profil {_WORDS[field]}]".replace(" ", NBSP), False, True)
        )
    return found


def clean(value: str) -> str:
    """A value on one line, without the signs that XML cannot hold or nobody can see."""
    return " ".join("".join(sign if sign.isprintable() else " " * sign.isspace() for sign in value).split())

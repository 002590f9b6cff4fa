"""Models for the integrator's customers (operator's card, Dossier Marketing): general terms, subscription contract.

The texts are `cgv.md` and `contrat.md`, in the light markup of `core.marketing.markup`: whoever knows the law changes
them there. They are models: each says so on its first page and on every other. Heavy: made in the workshop (see
`core.workshop`).
"""

from importlib import resources
from typing import Literal, get_args

from core.marketing import filling, markup
from core.marketing.filling import clean
from core.profile import FIELDS, Field, Profile

__all__ = ["KINDS", "Kind", "blocks_of", "clean", "make", "missing", "source"]

Kind = Literal["cgv", "contrat"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def make(kind: Kind, profile: Profile, logo: bytes | None, banner: bytes | None, client: str = "") -> bytes:
    """A model as DOCX, with what the profile says; what it does not say stands there marked, with the command for it.

    The same arguments give the same bytes.

    :param logo: PNG or JPEG, as it stands in Personnalisation; left out when it is neither. So is the banner.
    :param client: the customer's name, for the contract; "" leaves its place to be filled by hand.
    """
    from core.marketing.paper import Paper

    blocks = blocks_of(kind, profile, client)
    paper = Paper(filling.TITLES[kind], clean(profile.operator_name), profile.colour, logo, banner)
    for block in blocks:
        paper.add(block)
    return paper.saved()


def blocks_of(kind: Kind, profile: Profile, client: str = "") -> list[markup.Block]:
    """The model's text, filled."""
    return markup.parse(source(kind), filling.values(profile, client))


def source(kind: Kind) -> str:
    return resources.files(__name__).joinpath(f"{kind}.md").read_text("utf-8")


def missing(profile: Profile) -> list[Field]:
    """What the models need and the profile lacks, in the order in which it is asked."""
    return [field for field in FIELDS if field.name in filling.NEEDED and not profile.value(field.name)]

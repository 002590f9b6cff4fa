"""/marketing: the models of general terms and of a subscription contract, filled with the profile, in Word."""

import re
from dataclasses import dataclass

from core import clients, marketing, pictures
from core.layouts import fold
from core.marketing import KINDS, Kind
from core.profile import Profile, contradictions
from core.workshop import WorkshopError
from handlers import french
from handlers.answer import Answer, Button, OutFile
from handlers.ask import Ask
from handlers.books import file_name
from handlers.command import EVERYONE, TECHNICAL, Command, Context

#: Longer than any company's name.
_MOST_SIGNS = 120

_FRENCH: dict[Kind, str] = {"cgv": "CGV", "contrat": "contrat d'abonnement"}

_ASKED = re.compile(
    r"(?P<kinds>(?:(?:cgv|contrats?|conditions(?: g[ée]n[ée]rales)?)(?!\w)[\s,:]*(?:et\s+)?(?:(?:le|les)\s+)?)*)"
    r"(?P<said>(?:pour\s+)?(?:le\s+)?client(?!\w)\s*:?)?\s*(?:pour\s+)?(?P<name>.*)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[«\"“]\s*(.*?)\s*[»\"”]")


@dataclass(frozen=True)
class _Client:
    """The customer the contract is for: how the name is written there, what to say of it, what else may be meant."""

    name: str = ""
    told: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()


async def run(ask: Ask, context: Context) -> Answer:
    found = _ASKED.fullmatch(next(iter(ask.arguments.strip().splitlines()), ""))
    assert found
    asked = fold(found["kinds"]).replace("conditions", "cgv")
    kinds = [kind for kind in KINDS if kind in asked] or KINDS
    client = _client(marketing.clean(found["name"]), context, said=bool(found["said"]))
    if isinstance(client, Answer):
        return client
    profile = context.desk.profile()
    logo, banner = await _placed("logo", context), await _placed("bandeau", context)
    files = []
    for kind in kinds:
        try:
            made = await context.workshop.make(marketing.make, kind, profile, logo, banner, client.name)
        except WorkshopError as error:
            told = f"{error}. Le redemander un peu plus tard."
            return Answer("Le document n'a pas pu être fait.", (told,), refused=True)
        files.append(OutFile(_name(kind, profile, client.name), made))
    names = " et ".join(_FRENCH[kind] for kind in kinds)
    return Answer(
        (f"{'Modèle' if len(kinds) == 1 else 'Modèles'} : {names}")
        + (f", pour {client.name}" if client.name and "contrat" in kinds else ""),
        (
            *(client.told if "contrat" in kinds else ()),
            *(("Les CGV sont les mêmes pour tous les clients.",) if client.name and "cgv" in kinds else ()),
            "À faire relire par un avocat avant tout usage.",
            *_lacking(profile, ask),
            *_without(logo, banner, ask),
            "Le reste en jaune (forme juridique, délais, tribunal…) se complète dans le document.",
        ),
        files=tuple(files),
        buttons=client.buttons if "contrat" in kinds else (),
    )


def _client(name: str, context: Context, *, said: bool) -> _Client | Answer:
    """The client that was named. A new one is in none of the operator's files: its name is then written as typed.

    :param said: the word "client" stood before it. Without that, only a known client's name is taken for one.
    """
    if not name:
        return COMMAND.how_to("Quel client ?") if said else _Client()
    quoted = _QUOTED.fullmatch(name)
    name = quoted[1] if quoted else name
    if not name:
        return COMMAND.how_to("Quel client ?")
    if len(name) > _MOST_SIGNS:
        return COMMAND.how_to(f"Ce nom de client a {len(name)} signes, il en faut {_MOST_SIGNS} au plus.")
    as_typed = Button(f"Tel quel : {name}"[:40], f"marketing client « {name} »")
    if quoted:
        return _Client(name, (f"Client : {name}, écrit tel quel.",))
    known = clients.find(context.telecom, name)
    if known.sure:
        meant = known.clients[0].name
        if fold(meant) == fold(name):
            return _Client(meant, (f"Client : {meant}, écrit comme dans les fichiers de l'opérateur.",))
        return _Client(meant, (f"{french.quoted(name)} lu comme {meant}, client connu.",), (as_typed,))
    others = tuple(Button(each.name, f"marketing client {each.name}") for each in known.clients)
    if not said:
        return Answer(
            f"{french.quoted(name)} n'est pas un client connu.",
            ("Pour un nouveau client : /marketing client, suivi de son nom.", f"Usage : /{COMMAND.usage}"),
            buttons=(*others, as_typed),
            refused=True,
        )
    told = [f"Client : {name}, écrit comme tapé : il n'est pas encore dans les fichiers de l'opérateur."]
    if others:
        told = [f"Client : {name}, écrit comme tapé. Des clients connus s'en approchent :"]
        told += [f"• {each.name}" for each in known.clients]
    return _Client(name, tuple(told), others)


async def _placed(name: str, context: Context) -> bytes | None:
    """The picture in place, unless it can be shown in no document."""
    content = context.desk.placed(name)
    if content is None:
        return None
    try:
        verdict = await context.studio.make(pictures.check, content, pictures.RULES[name])
    except WorkshopError:
        return None
    return content if verdict.extension else None


def _lacking(profile: Profile, ask: Ask) -> list[str]:
    told = [f"⚠️ Profil : {what}." for what in contradictions(profile)]
    if lacking := marketing.missing(profile):
        told.append("Il manque au profil, en jaune dans le document :")
        told += [f"• {field.french}{_by(ask, f'profil {field.word}')}" for field in lacking]
    return told


def _by(ask: Ask, command: str) -> str:
    """The command that mends it, for who may use it."""
    return f" : /{command}" if ask.person.roles & TECHNICAL else ""


def _without(logo: bytes | None, banner: bytes | None, ask: Ask) -> list[str]:
    lacking = [rule for rule, content in ((pictures.LOGO, logo), (pictures.BANNER, banner)) if not content]
    return [f"Sans {rule.french}, car aucun n'est en place{_by(ask, f'upload {rule.name}')}" for rule in lacking]


def _name(kind: Kind, profile: Profile, client: str) -> str:
    operator = marketing.clean(profile.operator_name)
    words = f"CGV {operator}" if kind == "cgv" else f"Contrat {' - '.join(filter(None, [operator, client]))}"
    return f"{file_name(words).strip()} (modèle).docx"


COMMAND = Command(
    name="marketing",
    summary="Modèles de CGV et de contrat, en Word",
    usage="marketing [cgv ou contrat] [client NOM]",
    examples=("marketing", "marketing client Dupont BTP", "marketing contrat"),
    spoken=("cgv",),
    run=run,
    roles=EVERYONE,
)

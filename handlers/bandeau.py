"""/bandeau: the footer banner, made from the profile."""

from dataclasses import replace

from core import banner, profile
from core.layouts import fold
from core.pictures import BANNER
from core.profile import ProfileError
from core.workshop import WorkshopError
from handlers.answer import Answer, Button, OutFile
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context
from handlers.proposal import propose

_CREATE = frozenset({"creer", "cree", "creation", "faire", "refaire", "nouveau"})


async def run(ask: Ask, context: Context) -> Answer:
    word, _, rest = ask.arguments.strip().partition(" ")
    if fold(word) not in _CREATE:
        stands = context.desk.placed(BANNER.name) is not None
        return Answer(
            "Un bandeau est en place." if stands else "Aucun bandeau n'est en place.",
            (
                f"Il figure au pied des factures clients : {BANNER.width} × {BANNER.height} pixels, 300 dpi.",
                "Je peux en faire un d'après le profil, ou vérifier le vôtre.",
            ),
            buttons=(Button("En créer un", "bandeau creer"), Button("Envoyer le mien", "upload bandeau")),
        )
    return await _create(rest, ask, context)


async def _create(colour: str, ask: Ask, context: Context) -> Answer:
    known = context.desk.profile()
    if colour.strip():
        field = profile.field_named("couleur")
        assert field
        try:
            known = replace(known, colour=field.check(colour.strip().removeprefix("en "), known))
        except ProfileError as error:
            return Answer(f"Cette couleur n'est pas comprise : {error}.", refused=True)
    needed = [field for field in profile.missing(known) if field.name in profile.ON_BANNER]
    if needed:
        return Answer(
            "Le profil ne suffit pas encore pour un bandeau.",
            tuple(f"⬜ {field.label} : /profil {field.word}" for field in needed),
            buttons=(Button(f"Remplir ce qui manque ({len(needed)})", "profil suite"),),
            refused=True,
        )
    try:
        content = await context.studio.make(banner.draw, known, context.desk.placed("logo"))
    except (banner.BannerError, WorkshopError) as error:
        return Answer("Le bandeau n'a pas pu être fait.", (f"{error}",), refused=True)
    told = [f"{profile.show(name, known.value(name))}" for name in profile.ON_BANNER]
    told += [f"⚠️ {fault}" for fault in profile.contradictions(known)]
    if not context.desk.placed("logo"):
        told.append("Sans logo : une fois le logo déposé, /bandeau creer le refait avec lui.")
    answer = Answer(
        "Bandeau fait d'après le profil : est-il bon ?",
        tuple(told),
        files=(OutFile("bandeau.png", content),),
        buttons=(Button("Autre couleur", "profil couleur"),),
    )
    return await propose(answer, content, "bandeau.png", BANNER, ask, context)


COMMAND = Command(
    name="bandeau",
    summary="Créer le bandeau d'après le profil",
    usage="bandeau creer [COULEUR]",
    examples=("bandeau creer", "bandeau creer vert"),
    run=run,
    roles=TECHNICAL,
)

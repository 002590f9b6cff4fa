"""/dossier: where the account opening stands (operator's card, B-1 to B-5), and its sending to the operator."""

from dataclasses import dataclass

from core import freshness, profile
from core.folders import FRENCH, Folder, folder_of
from core.ftp import FtpError
from core.layouts import fold
from core.pictures import RULES, check
from core.profile import FIELDS
from core.workshop import WorkshopError
from handlers import french
from handlers.answer import Answer, Button, OutFile, Table
from handlers.ask import Ask
from handlers.command import TECHNICAL, Command, Context

#: The folders that an integrator's account has; "Tables tarifaires" is not concerned.
_NEEDED: tuple[Folder, ...] = (
    "account_status",
    "rated_cdrs",
    "billed_cdrs",
    "sims",
    "documents",
    "client_invoices",
    "operator_invoices",
    "personalisation",
)

_PNG = b"\x89PNG"


@dataclass(frozen=True)
class _Item:
    """One thing that the opening needs. `command`: what brings it about, "" when only the operator can; `button`: what
    the button that asks it is called."""

    done: bool
    text: str
    command: str = ""
    button: str = ""


async def run(ask: Ask, context: Context) -> Answer:
    words = fold(ask.arguments)
    if words.startswith(("envoyer", "renvoyer", "preparer")):
        return await _send(words, ask, context)
    if words:
        return COMMAND.how_to("Le dossier se regarde, ou s'envoie.")
    return _checklist(await _items(context), ask, context)


def _checklist(items: list[_Item], ask: Ask, context: Context) -> Answer:
    done = sum(item.done for item in items)
    lines = [
        f"{'✅' if item.done else '⬜'} {item.text}" + (f" → /{item.command}" if item.command and not item.done else "")
        for item in items
    ]
    sent = context.desk.dossier_sent()
    if sent:
        lines.append(f"Envoyé à Origyne le {french.moment(sent, context.now())}.")
    left = [item for item in items if not item.done]
    labels = {item.command: item.button for item in reversed(left) if item.button}
    buttons = [Button(label, command) for command, label in reversed(labels.items())][:4]
    if left:
        title = f"Dossier d'ouverture : {done} sur {len(items)}"
    else:
        title = "✅ Le dossier d'ouverture est complet"
        if context.settings.admin_email:
            buttons.append(Button("Le renvoyer" if sent else "Préparer l'envoi à Origyne", "dossier preparer"))
        else:
            lines.append("Pour l'envoyer d'ici, l'adresse d'Origyne manque aux réglages : ORIGYNE_ADMIN_EMAIL.")
    return Answer(title, tuple(lines), buttons=tuple(buttons), freshness=f"vu le {french.moment(context.now())}")


async def _items(context: Context) -> list[_Item]:
    return [
        *_of_profile(context),
        *[await _of_picture(name, context) for name in RULES],
        *await _of_ftp(context),
        *_of_files(context),
        _Item(context.desk.is_enrolled(), "Contact technique relié à Telegram"),
    ]


def _of_profile(context: Context) -> list[_Item]:
    known, waiting = context.desk.profile(), context.desk.waiting_addresses()
    missing = [field for field in profile.missing(known) if field.name not in waiting]
    faults = profile.contradictions(known)
    if missing:
        lacking = ", ".join(field.label for field in missing)
        items = [_Item(False, f"Profil ; il manque : {lacking}", "profil suite", "Remplir le profil")]
    else:
        items = [
            _Item(
                not faults,
                "Profil" + "".join(f" ; {fault}" for fault in faults),
                "profil modifier",
                "Corriger le profil",
            )
        ]
    for field in FIELDS:
        if not field.mailbox:
            continue
        address = waiting.get(field.name) or known.value(field.name)
        if not address:
            continue  # told with the profile
        text = f"{field.label} vérifié : {address}"
        if field.name in waiting:
            items.append(_Item(False, f"{field.label} : code envoyé à {address}", "profil code", "Taper le code"))
        elif context.desk.is_verified(address):
            items.append(_Item(True, text))
        else:
            command = f"profil vérifier {field.word}"
            items.append(_Item(False, f"{field.label} à vérifier : {address}", command, f"Vérifier {address}"[:40]))
    return items


async def _of_picture(name: str, context: Context) -> _Item:
    rule = RULES[name]
    label = rule.french.capitalize()
    content = context.desk.placed(name)
    if content is None:
        command = (
            "bandeau creer" if name == "bandeau" and not profile.missing(context.desk.profile()) else f"upload {name}"
        )
        made = "Créer" if command.startswith("bandeau") else "Déposer"
        return _Item(False, f"{label} à déposer", command, f"{made} le {rule.french}")
    try:
        faults = (await context.studio.make(check, content, rule)).faults
    except WorkshopError as error:
        faults = (str(error),)
    if faults:
        return _Item(
            False,
            f"{label} à refaire ; celui du FTP : {' ; '.join(faults)}",
            f"upload {name}",
            f"Déposer le {rule.french}",
        )
    return _Item(True, f"{label} déposé")


async def _of_ftp(context: Context) -> list[_Item]:
    try:
        present = {folder_of(f"{folder}/x") for folder in await context.desk.folders()}
    except FtpError as error:
        return [_Item(False, f"FTP injoignable : {error}", "sync"), _Item(False, "Dossiers du FTP : pas vus")]
    absent = [FRENCH[folder] for folder in _NEEDED if folder not in present]
    told = f"Dossiers du FTP ; il manque : {', '.join(absent)} (à demander à Origyne)" if absent else "Dossiers du FTP"
    return [_Item(True, "FTP joint"), _Item(not absent, told)]


def _of_files(context: Context) -> list[_Item]:
    came = {state.folder: state for state in freshness.folders(context.telecom, context.now())}
    cdrs = came["rated_cdrs"].files or came["billed_cdrs"].files
    return [
        _Item(came["account_status"].files > 0, "Premier AccountStatus reçu", "sync"),
        _Item(cdrs > 0, "Premiers CDR reçus", "sync"),
    ]


# -- Its sending


async def _send(words: str, ask: Ask, context: Context) -> Answer:
    items = await _items(context)
    if any(not item.done for item in items):
        return _checklist(items, ask, context)
    to = context.settings.admin_email
    if not to:
        return Answer(
            "L'adresse d'Origyne manque aux réglages : rien n'est envoyé.",
            ("L'administrateur du robot la note dans ORIGYNE_ADMIN_EMAIL.",),
            refused=True,
        )
    sent = context.desk.dossier_sent()
    again = words.startswith("renvoyer")
    if words not in ("envoyeroui", "renvoyeroui"):
        when = (f"Déjà envoyé le {french.moment(sent, context.now())}.",) if sent else ()
        return Answer(
            f"Envoyer le dossier à {to} ?",
            (
                *when,
                "Il contient :",
                *(f"{label} : {value}" for label, value in _rows(context)),
                "Avec le logo et le bandeau en pièces jointes.",
                f"La réponse d'Origyne ira à {context.desk.profile().technical_email}.",
            ),
            buttons=(
                Button(
                    f"✅ {'Renvoyer' if sent else 'Envoyer'}", "dossier renvoyer oui" if sent else "dossier envoyer oui"
                ),
                Button("Corriger le profil", "profil modifier"),
            ),
        )
    if sent and not again:
        return Answer(
            f"Le dossier est parti le {french.moment(sent, context.now())}.",
            (f"À {to}.",),
            buttons=(Button("Le renvoyer", "dossier renvoyer"),),
        )
    context.desk.send_dossier(_letter(context))
    return Answer(
        f"✅ Dossier envoyé à {to}.",
        (f"La réponse d'Origyne ira à {context.desk.profile().technical_email}.",),
        freshness=f"le {french.moment(context.now())}",
    )


def _rows(context: Context) -> list[tuple[str, str]]:
    known = context.desk.profile()
    return [(field.label, profile.show(field.name, known.value(field.name))) for field in FIELDS if not field.optional]


def _letter(context: Context) -> Answer:
    known = context.desk.profile()
    pictures = {name: context.desk.placed(name) for name in RULES}
    return Answer(
        f"Ouverture de compte : {known.operator_name}",
        (
            "Le logo et le bandeau, joints, sont aussi sur notre FTP, dans Personnalisation.",
            "Le FTP est joint, ses dossiers sont en place, les premiers AccountStatus et CDR sont lus.",
            "Le dossier est donc complet de notre côté.",
        ),
        table=Table(("Élément", "Valeur"), tuple(_rows(context))),
        files=tuple(
            OutFile(f"{name}.png" if content.startswith(_PNG) else f"{name}.jpg", content)
            for name, content in pictures.items()
            if content
        ),
    )


COMMAND = Command(
    name="dossier",
    summary="Où en est l'ouverture de compte",
    usage="dossier",
    examples=("dossier",),
    run=run,
    aliases=("ouverture",),
    roles=TECHNICAL,
)

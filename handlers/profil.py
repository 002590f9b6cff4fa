"""/profil: the integrator's own data, asked one by one, each checked, and changed later one by one."""

import re
from dataclasses import replace

from core import profile
from core.layouts import fold
from core.profile import FIELDS, Field, ProfileError
from handlers import french
from handlers.answer import Answer, Button
from handlers.ask import Ask, Role
from handlers.command import EVERYONE, Command, Context

#: Who changes what; who does not may look at it.
_CHANGES_ALL: frozenset[Role] = frozenset({"technique", "admin"})
_CHANGES_ACCOUNTING: frozenset[Role] = _CHANGES_ALL | {"comptabilité"}

_NEXT = "suite"
_LATER = frozenset({"passer", "passe", "suivant", "plustard"})
_STOP = frozenset({"stop", "fin", "arreter", "annuler", "arrete", "annule", "abandonner", "quitter", "retour", "non"})
#: What leaves a value that there is as it is.
_SAME = frozenset({"ok", "oui", "idem", "pareil", "inchange", "rien", "merci", "cestbon"})

#: Answers that one touch gives.
_PROPOSED: dict[profile.Name, tuple[str, ...]] = {
    "phone_cost": ("appel non surtaxé", "appel gratuit", "prix d'un appel local"),
    "colour": ("bleu nuit", "turquoise", "vert", "bordeaux", "orange", "gris"),
}


async def run(ask: Ask, context: Context) -> Answer:
    word, _, rest = ask.arguments.strip().partition(" ")
    action = fold(word)
    if not action:
        return _overview(ask, context)
    if action == _NEXT:
        return (
            _in_turn(rest.strip(), ask, context)
            if ask.person.roles & _CHANGES_ALL
            else _not_yours("le profil", context)
        )
    if action in ("modifier", "changer") and not rest.strip():
        return _menu(context)
    if action == "code":
        return _code(rest, ask, context)
    if action in ("verifier", "verifie", "confirmer"):
        return _verify(rest, ask, context)
    found = _named(rest if action in ("modifier", "changer") else ask.arguments)
    if found is None:
        words = ", ".join(field.word for field in FIELDS)
        return Answer(
            f"Le profil n'a pas de {french.quoted(word)}.",
            (f"Ses mots : {words}.", f"Exemple : /profil siret {FIELDS[2].example}"),
            refused=True,
        )
    field, value = found
    return _set(field, value, ask, context) if value else _question(field, ask, context, f"profil {field.word} :")


def _named(words: str, most: int = 2) -> tuple[Field, str] | None:
    """The field that the first word, or the first `most`, name, and what follows."""
    parts = words.split(maxsplit=2)
    for size in range(most, 0, -1):
        if len(parts) >= size and (field := profile.field_named(" ".join(parts[:size]))):
            rest = words.strip()
            for part in parts[:size]:
                rest = rest.removeprefix(part).lstrip()
            return field, rest.removeprefix(":").strip()
    return None


# -- What is known


def _overview(ask: Ask, context: Context) -> Answer:
    known, waiting = context.desk.profile(), context.desk.waiting_addresses()
    rows = []
    for field in FIELDS:
        value = known.value(field.name)
        said = profile.show(field.name, value) if value else ("par défaut" if field.optional else "manque")
        mark = "⬜" if not value and not field.optional else "•"
        if field.mailbox and value:
            said += " (vérifiée)" if context.desk.is_verified(value) else " (non vérifiée)"
        if field.name in waiting:
            said += f", code attendu de {waiting[field.name]}"
        rows.append(f"{mark} {field.label} : {said}")
    rows += [f"⚠️ {fault}" for fault in profile.contradictions(known)]
    buttons = []
    if ask.person.roles & _CHANGES_ALL:
        if asked := _still_asked(context):
            buttons.append(Button(f"Remplir ce qui manque ({len(asked)})", f"profil {_NEXT}"))
        buttons.append(Button("Modifier", "profil modifier"))
        buttons += [Button(f"Vérifier {value}"[:40], f"profil vérifier {word}") for word, value in _unverified(context)]
    return Answer(f"Profil de {known.operator_name}", tuple(rows), buttons=tuple(buttons))


def _still_asked(context: Context) -> list[Field]:
    """What is missing and does not wait for a code."""
    waiting = context.desk.waiting_addresses()
    return [field for field in profile.missing(context.desk.profile()) if field.name not in waiting]


def _unverified(context: Context) -> list[tuple[str, str]]:
    """The mailboxes, by the word of their field, that nobody proved to read and that wait for no code."""
    known, waiting = context.desk.profile(), context.desk.waiting_addresses()
    return [
        (field.word, value)
        for field in FIELDS
        if field.mailbox
        and (value := known.value(field.name))
        and field.name not in waiting
        and not context.desk.is_verified(value)
    ]


def _menu(context: Context) -> Answer:
    known = context.desk.profile()
    return Answer(
        f"Que changer dans le profil de {known.operator_name} ?",
        buttons=tuple(Button(field.label, f"profil {field.word}") for field in FIELDS),
    )


# -- Asked one after the other


def _in_turn(words: str, ask: Ask, context: Context) -> Answer:
    """The next question, after an answer to the last one where there is one."""
    if not words:
        return _next(ask, context)
    found = _named(words, 1)  # what follows is what a person typed: "Opérateur Exemple" after "nom"
    if found is None:
        return _next(ask, context)
    field, value = found
    if not value:
        return _asked(field, ask, context)
    if fold(value) in _STOP:
        return Answer("Le profil est gardé tel quel.", (_reminder(context),), buttons=_resume(context))
    if fold(value) in _LATER:
        return _next(ask, context, after=field)
    if _is_code(value, field, context):
        return _told_then(_code(value, ask, context), _asked(field, ask, context))
    done = _set(field, value, ask, context)
    if done.refused:
        return replace(done, awaits_words=f"profil {_NEXT} {field.word}")
    return _told_then(done, _next(ask, context, after=field))


def _told_then(done: Answer, then: Answer) -> Answer:
    """What became of an answer, and the next question, in one message."""
    return replace(then, title=done.title, lines=(*done.lines, "", then.title, *then.lines))


def _is_code(value: str, field: Field, context: Context) -> bool:
    """Whether this is a mailed code that comes while something else is asked."""
    is_one = re.fullmatch(r"\d{3}\s?\d{3}", value) and field.name != "colour"  # 182054 is one too
    return bool(is_one and context.desk.waiting_addresses())


def _next(ask: Ask, context: Context, after: Field | None = None) -> Answer:
    asked = _still_asked(context)
    place = FIELDS.index(after) + 1 if after else 0
    # What was passed over comes again at the next round only.
    coming = [field for field in asked if FIELDS.index(field) >= place]
    return _asked(coming[0], ask, context) if coming else _end(context)


def _asked(field: Field, ask: Ask, context: Context) -> Answer:
    """One question of the row, with how many are left."""
    asked = _still_asked(context)
    left = f" (encore {len(asked)})" if len(asked) > 1 else " (la dernière)" if asked else ""
    question = _question(field, ask, context, f"profil {_NEXT} {field.word}")
    return replace(
        question,
        title=question.title + left,
        lines=(*question.lines, *(("« passer » pour plus tard, « stop » pour arrêter.",) if _talks(ask) else ())),
    )


def _end(context: Context) -> Answer:
    """No question is left: what else the mailboxes need."""
    if _still_asked(context):
        return Answer("Le reste du profil attend.", (_reminder(context),), buttons=_resume(context))
    lines = [f"⚠️ {fault}" for fault in profile.contradictions(context.desk.profile())]
    waiting = context.desk.waiting_addresses()
    if waiting:
        lines.append(f"Un code est attendu de {_enumerated(list(waiting.values()))}.")
    buttons = [Button(f"Vérifier {value}"[:40], f"profil vérifier {word}") for word, value in _unverified(context)]
    if buttons:
        lines.append(
            "Il reste à vérifier que les autres adresses sont lues."
            if waiting
            else "Il reste à vérifier que les adresses sont lues : un code y est envoyé."
        )
    buttons.append(Button("Où en est le dossier", "dossier"))
    title = "Le profil est rempli." if waiting else "Le profil est complet."
    return Answer(title, tuple(lines), buttons=tuple(buttons), awaits_words="profil code" if waiting else "")


def _reminder(context: Context) -> str:
    asked = _still_asked(context)
    return f"Il y manque {_enumerated([field.french for field in asked])}." if asked else "Il est complet."


def _resume(context: Context) -> tuple[Button, ...]:
    asked = _still_asked(context)
    return (Button(f"Remplir ce qui manque ({len(asked)})", f"profil {_NEXT}"),) if asked else ()


def _enumerated(words: list[str]) -> str:
    return " et ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _question(field: Field, ask: Ask, context: Context, command: str) -> Answer:
    known = context.desk.profile()
    value = known.value(field.name)
    lines = [f"Aujourd'hui : {profile.show(field.name, value)}"] if value else []
    if _talks(ask):
        lines.append(f"Exemple : {field.example}")
    else:
        lines.append(f"Répondre par une ligne comme : profil {field.word} {field.example.partition(', ou')[0]}")
    proposed = _PROPOSED.get(field.name, ())
    if field.name == "vat" and known.siret:
        proposed = (profile.show("vat", profile.vat_of(known.siret)),)
    buttons = tuple(Button(choice, f"{command} {choice}") for choice in proposed)
    return Answer(field.question, tuple(lines), buttons=buttons, awaits_words=command)


# -- One value


def _set(field: Field, value: str, ask: Ask, context: Context) -> Answer:
    may = _CHANGES_ACCOUNTING if field.name == "accounting_email" else _CHANGES_ALL
    if not ask.person.roles & may:
        return _not_yours(field.french, context)
    again = f"profil {field.word} :"
    known = context.desk.profile()
    if fold(value) in _STOP | _LATER or (known.value(field.name) and fold(value) in _SAME):
        # An address that waits for its code is given up with it.
        context.desk.set_profile(ask.person, field.name, known.value(field.name))
        return Answer(f"{_capital(field.french)} ne change pas.")
    if _is_code(value, field, context):
        return replace(_code(value, ask, context), awaits_words=again)
    try:
        kept = field.check(value, known)
    except ProfileError as error:
        return Answer(
            f"❌ {_capital(field.french)} : {error}.", (f"Exemple : {field.example}",), refused=True, awaits_words=again
        )
    if field.mailbox and kept.lower() == context.settings.bot_email.lower():
        return Answer(f"❌ {kept} est ma propre adresse : personne ne l'y lirait.", refused=True, awaits_words=again)
    if field.mailbox and not context.desk.is_verified(kept):
        return _mail_code(field, kept, ask, context)
    former = known.value(field.name)
    context.desk.set_profile(ask.person, field.name, kept)
    lines = [f"Avant : {profile.show(field.name, former)}"] if former and former != kept else []
    if field.name == "accounting_email" and former and former.lower() != kept.lower():
        lines.append(f"Les prochains avis y vont ; {former} en est prévenue.")
    lines += [f"⚠️ {fault}" for fault in profile.contradictions(context.desk.profile())]
    return Answer(f"✅ {field.label} : {profile.show(field.name, kept)}", tuple(lines), buttons=_redraw(field, context))


def _not_yours(what: str, context: Context) -> Answer:
    return Answer(
        f"Changer {what} revient au contact technique.",
        (f"C'est {context.desk.profile().technical_contact}.",),
        refused=True,
    )


def _redraw(field: Field, context: Context) -> tuple[Button, ...]:
    """What is on the banner, when there is one already, is on it no more."""
    if (
        field.name in (*profile.ON_BANNER, "colour")
        and context.desk.placed("bandeau")
        and not profile.missing(context.desk.profile())
    ):
        return (Button("Refaire le bandeau", "bandeau creer"),)
    return ()


def _talks(ask: Ask) -> bool:
    """Whether what is typed next answers what is asked: in the chat, between two."""
    return ask.door == "chat" and ask.private


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


# -- Mailboxes


def _mail_code(field: Field, address: str, ask: Ask, context: Context) -> Answer:
    context.desk.mail_code(ask.person, field.name, address)
    return Answer(
        f"✉️ Un code est parti vers {address}.",
        (
            "Le taper ici ; ou qui le reçoit répond à ce courriel avec le code."
            if _talks(ask)
            else "Le donner par la ligne « profil code » suivie du code ; ou qui le reçoit y répond avec lui.",
            f"Rien reçu ? Voir les indésirables, ou corriger l'adresse : /profil {field.word}",
        ),
        awaits_words="profil code",
    )


def _verify(words: str, ask: Ask, context: Context) -> Answer:
    found = _named(words)
    field = found[0] if found else None
    if field is None or not field.mailbox:
        unverified = _unverified(context)
        return Answer(
            "Quelle adresse vérifier ?",
            () if unverified else ("Toutes le sont, ou attendent leur code.",),
            buttons=tuple(Button(value[:40], f"profil vérifier {word}") for word, value in unverified),
        )
    address = context.desk.waiting_addresses().get(field.name) or context.desk.profile().value(field.name)
    if not address:
        return _question(field, ask, context, f"profil {field.word}")
    if context.desk.is_verified(address):
        return Answer(f"{address} est déjà vérifiée.")
    may = _CHANGES_ACCOUNTING if field.name == "accounting_email" else _CHANGES_ALL
    if not ask.person.roles & may:
        return Answer("Vérifier une adresse revient au contact technique.", refused=True)
    return _mail_code(field, address, ask, context)


def _code(words: str, ask: Ask, context: Context) -> Answer:
    code = re.sub(r"\D", "", words) if _A_CODE.fullmatch(words) else ""
    if not ask.person.roles & _CHANGES_ACCOUNTING:
        return Answer("Confirmer une adresse revient au contact technique.", refused=True)
    waiting = context.desk.waiting_addresses()
    if fold(words) in _STOP | _LATER:
        return Answer("Le code peut venir plus tard.", ("/profil dit quelles adresses l'attendent.",))
    name = context.desk.take_code(code) if len(code) == 6 else None
    if name is None and not waiting:
        return Answer("Aucune adresse n'attend de code.", ("/profil dit où en est chacune.",), refused=True)
    if len(code) != 6:
        return Answer(
            "Le code a 6 chiffres.",
            (f"Il a été envoyé à {_enumerated(list(waiting.values()))}.",),
            refused=True,
            awaits_words="profil code",
        )
    if name is None:
        left = context.desk.waiting_addresses()
        told = "Le relire dans le courriel." if left else "Trop d'essais : demander un nouveau code par /profil."
        return Answer("❌ Ce n'est pas le bon code.", (told,), refused=True, awaits_words="profil code" if left else "")
    field = next(field for field in FIELDS if field.name == name)
    address = context.desk.profile().value(name)
    rest = context.desk.waiting_addresses()
    also = [it.french for it in FIELDS if it.name in waiting and it.name not in rest and it.name != name]
    lines = [f"C'est aussi {_enumerated(also)}."] if also else []
    lines += [f"Un code est encore attendu de {other}." for other in rest.values()]
    if name == "accounting_email":
        lines.append("Les prochains avis y vont.")
    return Answer(
        f"✅ {address} est vérifiée : c'est {field.french}.",
        tuple(lines),
        buttons=(*_resume(context), Button("Où en est le dossier", "dossier")),
        awaits_words="profil code" if rest else "",
    )


#: Six digits among words; other digits (a number, a month) make it something else.
_A_CODE = re.compile(r"[\d\s]*|\D*\d{3}\s?\d{3}\D*")


COMMAND = Command(
    name="profil",
    summary="Les données de la société, une par une",
    usage="profil, ou profil CHAMP VALEUR",
    examples=("profil", "profil siret 123 456 782 00010"),
    run=run,
    roles=EVERYONE,
)

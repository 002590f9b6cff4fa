"""What could not be delivered is told on the channel that works, with what to do."""

from bot.desk import audit, faulty
from bot.desk.outbox import Entry, Parcel
from bot.desk.people import ACCOUNTING, STAFF, TECHNICAL, Contact
from bot.house import House
from bot.mail.letter import Letter
from bot.mail.refusals import OF_ADDRESS, Kind, Refusal, understood
from handlers.answer import Answer, Button

#: A chat that messages do not reach is told of once in that time (seconds).
DAY = 24 * 3600


def tell_mail(house: House, mail: Parcel | Entry, answer: str, *, came_back: bool = False) -> None:
    """A mail was refused for good, tried long enough, or came back; in the caller's transaction.

    An address that takes nothing is marked, and told of once a day, however many mails fail there.

    :param answer: the server's, or why it could not be asked.
    """
    refusal = understood(answer)
    marks = refusal.kind in OF_ADDRESS or (came_back and refusal.kind != "size")
    if marks and not faulty.mark(house.desk, mail.recipient, str(refusal), house.context.now()):
        return
    title = "⚠️ Un courriel est revenu" if came_back else "⚠️ Un courriel n'a pas pu être remis"
    owner = house.people.by_email(mail.recipient)
    lines = [
        f"À : {_whose(owner)}{mail.recipient}",
        f"Objet : {mail.subject}",
        f"Raison : {refusal}",
        _what_to_do(refusal, owner),
        f"Le renvoyer ensuite, sur le serveur du robot : origyne-bot outbox retry {mail.id}",
    ]
    buttons: tuple[Button, ...] = ()
    if owner and owner.person.id == ACCOUNTING:
        lines.append("En attendant, les factures sont dans /factures.")
        buttons = (Button("Factures", "factures"),)
    if marks:
        lines.append(
            "S'il en échoue d'autres à cette adresse aujourd'hui, ce ne sera pas redit : « origyne-bot outbox » les "
            "montre tous."
        )
    tell_technical(house, Answer(title, tuple(lines), buttons=buttons), mail.recipient)


def tell_chat(house: House, parcel: Parcel, reason: str) -> None:
    """Telegram refuses a message, or could not be reached for a day; in the caller's transaction. Once a day a chat."""
    owner = house.people.by_chat(int(parcel.recipient))
    who = owner.person.id if owner else "chat"
    if audit.was_lately(house.desk, who, "failed", DAY):
        return
    audit.record(house.desk, who, "chat", "", "failed")
    told = Answer(
        "Un message n'a pas pu être remis dans Telegram",
        (
            f"À : {owner.person.name if owner else 'un chat'}",
            f"Raison : {reason}",
            f"Le voir ou le renvoyer, sur le serveur du robot : origyne-bot outbox show {parcel.id}, "
            f"origyne-bot outbox retry {parcel.id}",
            "S'il en échoue d'autres aujourd'hui, ce ne sera pas redit : « origyne-bot outbox » les montre tous.",
        ),
    )
    _write(house, told, "")


def tell_technical(house: House, told: Answer, failing: str = "") -> None:
    """Tell the technical contact in his chats, or by mail while he has none; in the caller's transaction.

    :param failing: an address that mails do not reach.
    """
    if house.people.chats_of(TECHNICAL):
        house.tell(TECHNICAL, [("troubles", told)])
    else:
        _write(house, told, failing)


def _write(house: House, told: Answer, failing: str) -> None:
    """By mail to the technical contact; where his own address is what fails, to accounting."""
    for person_id in (TECHNICAL, ACCOUNTING):
        reader = house.people.by_id(person_id)
        if reader and reader.person.roles and reader.email.lower() != failing.lower():
            title = told.title.removeprefix("⚠️ ")
            house.write_letter(
                Letter(
                    to=reader.email,
                    subject=f"{house.profile.operator_name} : {title[0].lower()}{title[1:]}",
                    greeting=f"Bonjour {reader.person.name}," if person_id == TECHNICAL else "Bonjour,",
                    parts=(told,),
                    person_id=person_id,
                )
            )
            return


def _whose(owner: Contact | None) -> str:
    if owner is None:
        return ""
    if owner.person.id in (TECHNICAL, ACCOUNTING):
        return {TECHNICAL: "vous, ", ACCOUNTING: "la comptabilité, "}[owner.person.id]
    return "l'équipe, " if owner.person.id.startswith(STAFF) else f"{owner.person.name}, "


def _what_to_do(refusal: Refusal, owner: Contact | None) -> str:
    if refusal.kind in ("unknown", "closed"):
        return f"Que faire : {_correct(owner)}"
    return f"Que faire : {_ADVICE[refusal.kind]}"


def _correct(owner: Contact | None) -> str:
    match owner.person.id if owner else "":
        case "technique":
            return "si l'adresse n'est plus la bonne, la corriger : /profil technique ADRESSE"
        case "comptabilite":
            return "si l'adresse n'est plus la bonne, la corriger : /profil compta ADRESSE"
        case "":
            return "demander à la personne une autre adresse (outbox retry accepte --to ADRESSE)."
    if owner and not owner.person.id.startswith(STAFF):
        return "si l'adresse n'est plus la bonne, retirer la personne et l'inviter de nouveau : origyne-bot people."
    return "si l'adresse n'est plus la bonne, la corriger dans ORIGYNE_STAFF_EMAILS et redémarrer le service."


_ADVICE: dict[Kind, str] = {
    "full": "demander à la personne de faire de la place dans sa boîte.",
    "size": "demander ses fichiers un à un dans le chat, ou baisser ORIGYNE_MAIL_MAX_MB.",
    "policy": "demander à qui tient ce serveur de laisser passer l'adresse du robot.",
    "sender": "vérifier SPF, DKIM et DMARC du domaine de l'adresse du robot.",
    "later": "rien si la panne est passée ; sinon, demander à qui tient le serveur du destinataire.",
    "other": "« origyne-bot doctor » dit si le serveur de courriel du robot répond.",
}

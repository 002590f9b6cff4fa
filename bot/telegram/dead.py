"""Chats that nothing reaches any more: written to no longer, and their person told so by mail, once."""

from html import unescape

from bot.house import House
from bot.mail.letter import Letter
from bot.telegram.drawing import TAG, Message
from handlers.answer import Answer, OutFile

#: Why a chat is lost (French, within a sentence).
BLOCKED = "le robot y est bloqué"
REMOVED = "le robot en a été retiré"
DEACTIVATED = "ce compte Telegram n'existe plus"
UNKNOWN = "Telegram ne connaît pas ce chat pour ce robot"


def reason_of(refusal: str) -> str:
    """The reason in Telegram's words of a refusal."""
    words = refusal.lower()
    if "deactivated" in words or "deleted" in words:
        return DEACTIVATED
    if "kicked" in words or "not a member" in words:
        return REMOVED
    return BLOCKED if "blocked" in words else UNKNOWN


def lose_chat(house: House, chat_id: int, reason: str) -> bool:
    """Write there no more, until its person does (`People.revive`). What waited is given up; what people wrote to him
    goes by mail. He is told by mail once each time that his chat dies. Whether there is a mail to send. In the caller's
    transaction, if there is one.
    """
    with house.desk.atomic():
        wrote = _by_mail(house, chat_id)
        house.outbox.give_up("chat", str(chat_id), f"le chat n'est plus joignable ({reason})")
        contact = house.people.by_chat(chat_id)
        if not house.people.mark_dead(chat_id, house.context.now()) or contact is None:
            return wrote
        part = Answer(
            "Votre chat Telegram n'est plus joignable",
            (
                f"Le robot ne peut plus y écrire : {reason}. Ce qui y attendait ne sera pas remis"
                + (", sauf ce que l'on vous écrivait, qui part par courriel." if wrote else "."),
                "Pour le rétablir : débloquer le robot dans Telegram, puis lui écrire (par exemple /aide).",
                "En attendant, les courriels continuent d'arriver.",
            ),
        )
        house.write_letter(
            Letter(
                to=contact.email,
                subject=f"{house.profile.operator_name} : votre chat Telegram n'est plus joignable",
                greeting=f"Bonjour {contact.person.name},",
                parts=(part,),
            )
        )
    return True


def _by_mail(house: House, chat_id: int) -> bool:
    waiting = house.outbox.of_people(str(chat_id))
    for thread_id, person_id, payload, attachment in waiting:
        message = Message.restored(payload, attachment)
        file = OutFile(message.file_name, message.attachment) if message.attachment is not None else None
        house.own.bridge.not_shown(thread_id, person_id, unescape(TAG.sub("", message.html)), file)
    return bool(waiting)

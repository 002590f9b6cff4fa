"""Chats that nothing reaches any more: written to no longer, and their person told so by mail, once."""

from bot.house import House
from bot.mail.letter import Letter
from handlers.answer import Answer

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
    """Write there no more, until its person does (`People.revive`). What waited is given up. Whether a mail was written
    to tell him, which happens once each time that his chat dies. In the caller's transaction, if there is one.
    """
    with house.desk.atomic():
        house.outbox.give_up("chat", str(chat_id), f"le chat n'est plus joignable ({reason})")
        contact = house.people.by_chat(chat_id)
        if not house.people.mark_dead(chat_id, house.context.now()) or contact is None:
            return False
        part = Answer(
            "Votre chat Telegram n'est plus joignable",
            (
                f"Le robot ne peut plus y écrire : {reason}. Ce qui y attendait ne sera pas remis.",
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

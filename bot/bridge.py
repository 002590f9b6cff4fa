"""Between a chat and the staff's mailboxes."""

from bot.desk.threads import Thread
from bot.house import House
from bot.mail.reading import Mail


def take_mail(house: House, mail: Mail, thread: Thread, person_id: str, *, verified: bool) -> bool:
    """Write what a mail says into its thread, in the caller's transaction; False when it says nothing."""
    return False

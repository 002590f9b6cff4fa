"""Mails that come back: which of ours a delivery report (RFC 3464) is about, and what follows.

Anybody can write such a report. It counts only if it names a mail of ours by what nobody else knows (its Message-ID, or
the ENVID that its envelope said) and the address that this mail went to.
"""

import logging

from bot import undelivered
from bot.desk import faulty
from bot.house import House
from bot.mail.reading import Mail

#: How the error of a mail begins, in the outbox, that was taken and did not arrive (yet); the server's answer follows.
CAME_BACK, LATE = "revenu : ", "retardé : "

log = logging.getLogger(__name__)


def take(house: House, mail: Mail) -> bool:
    """Take note of a delivery report, in the caller's transaction. Whether the mail is one, trusted or not: nothing
    else is to be done with it then. Any other mail clears the mark of the address that it comes from."""
    bounce = mail.bounce
    if bounce is None:
        if mail.verdict != "fail":
            faulty.clear(house.desk, mail.sender)
        return False
    entry = house.outbox.named(bounce.message_id, bounce.envid)
    told = [it for it in bounce.recipients if entry and it.address.lower() == entry.recipient.lower()]
    if entry is None or not told:
        log.warning("a delivery report that names no mail of ours is ignored")
        return True
    answers = {it.action: f"{it.diagnostic} {it.status}".strip() for it in told}
    if "failed" in answers:
        answer = answers["failed"]
        log.warning("mail parcel %s came back", entry.id)
        if house.outbox.came_back(entry, f"{CAME_BACK}{answer}"):
            undelivered.tell_mail(house, entry, answer, came_back=True)
    elif "delayed" in answers:
        house.outbox.late(entry, f"{LATE}{answers['delayed']}")
    return True

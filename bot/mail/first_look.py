"""How much of a mail is taken from the mail server, by its headers alone: a flood of strangers' mails is never held."""

from bot.house import House
from bot.mail.imap import LARGEST, NotNow
from bot.mail.reading import MailUnreadable, read
from bot.mail.standing import standing

#: Bytes of a delivery report that are taken: what came back, and why, stands at its beginning.
REPORT = 256 * 1024

#: Bytes of a mail that nobody can attribute, for who looks into it.
UNREADABLE = 64 * 1024

#: Mails that wait for their turn weigh that much (bytes) before further ones are left on the server for a while.
MOST_WAITING = 256 * 1024 * 1024


def most_of(house: House, headers: bytes) -> int:
    """Bytes that are taken of the mail with these headers, 0 for its headers alone.

    All of it from who may ask something, answers a thread or is to bring a code; the beginning of what programs report;
    nothing else of strangers, nor of who only poses as somebody we know.

    :raises NotNow: enough is held already.
    """
    most = _most_of(house, headers)
    if most == LARGEST and house.inbox.waiting_bytes("mail") > MOST_WAITING:
        raise NotNow
    return most


def is_strangers(most: int) -> bool:
    """Whether a mail that so much was taken of is of nobody we know."""
    return most < LARGEST


def _most_of(house: House, headers: bytes) -> int:
    try:
        mail = read(headers, house.settings.mail_trusted_server)
    except MailUnreadable:
        return UNREADABLE
    stands = standing(house, mail)
    awaited = {address.lower() for address in house.own.waiting_addresses().values()}
    known = stands.contact or stands.member or mail.sender.lower() in awaited
    if known and stands.trust != "forged":
        return LARGEST
    return REPORT if mail.automatic else 0

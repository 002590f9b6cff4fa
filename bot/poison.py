"""A mail that cannot be dealt with is set aside as it came, and reported."""

import logging

from bot.desk import audit
from bot.desk.inbox import Item
from bot.house import House
from bot.mail import replies
from bot.mail.codes import without_codes
from bot.mail.reading import Mail, read
from bot.mail.standing import standing
from bot.undelivered import tell_technical
from core.trace import trace
from handlers import french
from handlers.answer import Answer

log = logging.getLogger(__name__)

#: Seconds in which one mail is reported, however many are set aside: strangers can send what they like.
PAUSE = 3600

#: Bytes of headers that are looked at: what cannot be dealt with may be endless.
_MOST_HEADERS = 64 * 1024


def set_aside(house: House, item: Item, reason: str = "") -> None:
    """Set a mail aside; its author is told if he is known and it is surely his. In the caller's transaction.

    :param reason: French; else that of the last attempt.
    """
    house.inbox.failed(item, reason)
    try:
        with house.desk.atomic():
            _tell(house, item)
    except Exception as error:  # whatever cannot be said of it, it must not come again
        log.error("mail item %s was set aside, and nobody told: %s", item.id, trace(error))


def headers_of(raw: bytes) -> bytes:
    """The headers of a mail alone, as far as they are looked at."""
    head, _, _ = raw[:_MOST_HEADERS].replace(b"\r\n", b"\n").partition(b"\n\n")
    return head + b"\n\n"


def _tell(house: House, item: Item) -> None:
    told_lately = audit.was_lately(house.desk, "", "failed", PAUSE)
    audit.record(house.desk, "", "mail", "", "failed")
    mail = _headers(item, house)
    if not told_lately:
        aside = house.inbox.one_aside("mail", item.id)
        assert aside
        tell_technical(house, _report(house, aside.id, aside.reason, mail))
    if mail and not mail.automatic:
        stands = standing(house, mail)
        if stands.contact and stands.trust == "vouched":
            told = Answer(
                "Je n'ai pas pu traiter ce courriel : une erreur s'est produite de mon côté.",
                ("Elle est notée. La question peut être écrite autrement, dans un autre courriel.",),
                refused=True,
            )
            replies.reply(house, mail, stands.contact, None, [told])


def _headers(item: Item, house: House) -> Mail | None:
    try:
        return read(headers_of(item.payload), house.settings.mail_trusted_server)
    except Exception as error:  # they may be what is wrong with it
        log.warning("the headers of mail item %s cannot be read: %s", item.id, trace(error))
        return None


def _report(house: House, item_id: int, reason: str, mail: Mail | None) -> Answer:
    others = house.inbox.count_aside("mail") - 1
    lines = [f"De : {mail.sender}", f"Objet : {without_codes(mail.subject)}"] if mail else []
    lines += [
        f"Raison : {reason}",
        f"Le voir, sur le serveur du robot : origyne-bot mail show {item_id} ; le faire traiter de nouveau : "
        f"origyne-bot mail replay {item_id}",
    ]
    if others:
        lines.append(f"Avec {french.count(others, 'autre', 'autres')} qui attend{'ent' if others > 1 else ''} de côté.")
    return Answer("⚠️ Un courriel reçu n'a pas pu être traité", tuple(lines))

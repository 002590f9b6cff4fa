"""Looking for one mail in the mailbox, over a connection of its own, and taking it out."""

import time
from collections.abc import Iterator

from imap_tools import BaseMailBox

from bot.mail.connection import NETWORK_FAULTS, capabilities_of, leave, mail_error, open_mailbox
from bot.mail.folder import Folder
from core.layouts import fold
from core.settings import MailAccess

#: Seconds between two looks.
_LOOK = 0.5

#: Folders of junk, by their last name, where the server does not say which they are (RFC 6154).
_JUNK = frozenset({"junk", "junkemail", "junkmail", "spam", "indesirables", "courrierindesirable", "pourriel"})


def take_out(access: MailAccess, message_id: str, seconds: float) -> str:
    """Look for a mail in the folder of the bot for so long (seconds), then once among the junk, and remove it. Returns
    the folder that it was in, "" when it is nowhere.

    It blocks. What is not this mail is left alone.
    :raises MailError: the mailbox cannot be read.
    """
    until = time.monotonic() + seconds
    try:
        mailbox = open_mailbox(access)
        try:
            capabilities = capabilities_of(mailbox)
            while not (found := _removed(mailbox, access.folder, capabilities, message_id)):
                if time.monotonic() >= until:
                    break
                time.sleep(_LOOK)
                mailbox.client.noop()  # some tell of new mails only then
            if found:
                return access.folder
            for name in _junk(mailbox):
                mailbox.folder.set(name)
                if _removed(mailbox, name, capabilities, message_id):
                    return name
            return ""
        finally:
            leave(mailbox)
    except NETWORK_FAULTS as error:
        raise mail_error(error, access) from error


def _removed(mailbox: BaseMailBox, name: str, capabilities: set[str], message_id: str) -> bool:
    folder = Folder(mailbox, name, capabilities)
    # One that is only marked as deleted was found before.
    uids = sorted(folder.search(f'UNDELETED HEADER Message-ID "{message_id}"'))
    if uids:
        folder.remove(uids)
    return bool(uids)


def _junk(mailbox: BaseMailBox) -> Iterator[str]:
    for folder in mailbox.folder.list():
        last = folder.name.rpartition(folder.delim)[2] if folder.delim else folder.name
        if "\\Noselect" not in folder.flags and ("\\Junk" in folder.flags or fold(last) in _JUNK):
            yield folder.name

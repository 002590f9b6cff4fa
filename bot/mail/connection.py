"""A connection to the IMAP server: made, tried (`doctor`), and left."""

import imaplib
from collections.abc import Sequence
from contextlib import suppress

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

from bot.mail import oauth
from bot.mail.faults import MailError, in_words, refused_login
from bot.mail.folder import Folder
from core.settings import MailAccess, tls_context
from handlers import french

NETWORK_FAULTS = (OSError, imaplib.IMAP4.error, ImapToolsError, MailError)
NETWORK_SECONDS = 30.0


def check(access: MailAccess, folders: Sequence[str] = ()) -> str:
    """Log in, open the folder, and make those that mails are moved to, as the service would; a French summary.

    :raises MailError: with what to mend.
    """
    try:
        mailbox = open_mailbox(access)
        try:
            count = int(mailbox.folder.status(access.folder, ["MESSAGES"])["MESSAGES"])
            capabilities = capabilities_of(mailbox)
            filing = _filing(Folder(mailbox, access.folder, capabilities), capabilities, folders)
        finally:
            leave(mailbox)
    except NETWORK_FAULTS as error:
        raise mail_error(error, access) from error
    way = "par jeton OAuth2" if access.oauth else "par mot de passe"
    news = "annonce" if "IDLE" in capabilities else "n'annonce pas"
    idle = "IDLE" if "IDLE" in capabilities else "pas d'IDLE"
    return (
        f"IMAP {access.host}:{access.port} : {french.count(count, 'message')} dans {access.folder}, connexion {way} ; "
        f"le serveur {news} les nouveaux messages ({idle}) ; {filing}."
    )


def _filing(folder: Folder, capabilities: set[str], targets: Sequence[str]) -> str:
    if not targets:
        return "les courriels traités restent où ils sont"
    if not capabilities & {"MOVE", "UIDPLUS"}:
        return "le serveur ne sait pas déplacer : les courriels traités restent où ils sont, marqués comme lus"
    try:
        places = [folder.place(target) for target in targets]
    except ImapToolsError:
        quoted = " et ".join(f"« {target} »" for target in targets)
        return (
            f"les dossiers {quoted} ne peuvent pas être créés : les courriels traités restent où ils sont, marqués "
            "comme lus (les créer à la main, ou corriger ORIGYNE_IMAP_HANDLED et ORIGYNE_IMAP_SET_ASIDE)"
        )
    return f"rangement prêt dans {' et '.join(f'« {place} »' for place in places)}"


def open_mailbox(access: MailAccess) -> BaseMailBox:
    """Connect, log in and select the folder."""
    mailbox: BaseMailBox
    if access.tls == "none":
        mailbox = MailBoxUnencrypted(access.host, access.port, timeout=NETWORK_SECONDS)
    elif access.tls == "tls":
        mailbox = MailBox(access.host, access.port, timeout=NETWORK_SECONDS, ssl_context=tls_context(access.ca_file))
    elif access.port == 993:
        raise MailError(f"{access.host}:993 attend tls, non starttls : corriger ORIGYNE_IMAP_TLS.", permanent=True)
    else:
        mailbox = MailBoxStartTls(
            access.host, access.port, timeout=NETWORK_SECONDS, ssl_context=tls_context(access.ca_file)
        )
    try:
        if access.oauth:
            _bring_token(mailbox, access)
        else:
            ascii_only = access.login.isascii() and access.password.isascii()
            login = mailbox.login if ascii_only else mailbox.login_utf8
            login(access.login, access.password, initial_folder=None)
        mailbox.folder.set(access.folder)
    except BaseException:
        leave(mailbox)
        raise
    return mailbox


def _bring_token(mailbox: BaseMailBox, access: MailAccess) -> None:
    token = oauth.access_token(access)
    try:
        _xoauth2(mailbox, access.login, token)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        # Revoked before its end; one more that is refused is no accident.
        token = oauth.access_token(access, refused=token)
        try:
            _xoauth2(mailbox, access.login, token)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise refused_login(access, "IMAP") from None


def _xoauth2(mailbox: BaseMailBox, login: str, token: str) -> None:
    given = f"user={login}\1auth=Bearer {token}\1\1".encode()
    # A challenge that is not empty says why the token is refused; its answer is empty.
    mailbox.client.authenticate("XOAUTH2", lambda challenge: b"" if challenge else given)


def leave(mailbox: BaseMailBox) -> None:
    # LOGOUT, never CLOSE: CLOSE expunges.
    with suppress(*NETWORK_FAULTS):
        mailbox.logout()
    with suppress(OSError):
        mailbox.client.shutdown()


def mail_error(error: Exception, access: MailAccess) -> MailError:
    where = f"{access.host}:{access.port}"
    match error:
        case MailError():
            return error
        case MailboxLoginError() if "[UNAVAILABLE]" in str(error.command_result):  # RFC 5530
            return MailError(f"{where} : pas de connexion pour le moment, le serveur le dit passager.")
        case MailboxLoginError():
            return refused_login(access, "IMAP")
        case MailboxFolderSelectError():
            return MailError(
                f"{where} : le dossier « {access.folder} » ne s'ouvre pas ; vérifier ORIGYNE_IMAP_FOLDER.",
                permanent=True,
            )
    return MailError(in_words(error, access))


def capabilities_of(mailbox: BaseMailBox) -> set[str]:
    # Asked again after login: before it, a server need not tell all.
    _, lines = mailbox.client.capability()
    return {word.upper() for line in lines if isinstance(line, bytes) for word in line.decode().split()}

"""What goes wrong with a mail server, in words that a person can act on."""

import imaplib
import socket
import ssl

from core.redact import hide
from core.settings import MailAccess
from core.system_words import in_french


class MailError(Exception):
    """A mail could not be sent, or a mailbox could not be read; the message is French.

    `permanent`: trying again with the same mail and settings is useless.
    `of_account`: the account is refused, not this mail: every mail would fail alike until the settings are mended.
    `uncertain`: the server may have taken the mail all the same; send it again with the same Message-ID only.
    """

    def __init__(
        self, message: str, *, permanent: bool = False, of_account: bool = False, uncertain: bool = False
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.of_account = of_account
        self.uncertain = uncertain


def in_words(error: BaseException, access: MailAccess) -> str:
    """A French sentence about a failed connection; it never holds the password."""
    return without_secret(f"{access.host}:{access.port} : {_cause(error)}", access)


def without_secret(text: str, access: MailAccess) -> str:
    """Words that may be a server's, on one line, without the password that it may have repeated."""
    return hide(" ".join(text.split()), access.password)


def refused_login(access: MailAccess, protocol: str, code: str = "") -> MailError:
    """The server does not let the account in. Its own words are not repeated: they may hold what it was given.

    :param protocol: SMTP or IMAP, as in the settings' names.
    """
    where, why = f"{access.host}:{access.port}", f" ({code})" if code else ""
    if access.oauth:
        sentence = (
            f"{where} : jeton OAuth2 refusé pour {access.login}{why} ; vérifier ORIGYNE_{protocol}_LOGIN, que "
            f"{protocol} est permis pour cette boîte, et que l'autorisation a été donnée par elle."
        )
    else:
        sentence = (
            f"{where} : identifiant ou mot de passe refusé pour {access.login}{why} ; "
            f"vérifier ORIGYNE_{protocol}_LOGIN et ORIGYNE_{protocol}_PASSWORD."
        )
    return MailError(sentence, permanent=True, of_account=True)


def _cause(error: BaseException) -> str:
    for link in _chain(error):
        match link:
            case ssl.SSLCertVerificationError():
                return (
                    f"le certificat du serveur n'est pas reconnu ({link.verify_message}) ; "
                    "vérifier le nom du serveur, ou indiquer son autorité dans ORIGYNE_TLS_CA."
                )
            case ssl.SSLError():
                return "la connexion chiffrée échoue ; vérifier le port et le mode (none, starttls ou tls)."
            case socket.gaierror():
                return "nom de serveur inconnu."
            case ConnectionRefusedError():
                return "connexion refusée ; vérifier l'adresse et le port."
    match error:
        case TimeoutError():
            return "le serveur ne répond pas à temps."
        case imaplib.IMAP4.abort() | ConnectionError():
            return "le serveur a coupé la connexion."
        case OSError():
            return f"{in_french(error)}."
    return f"réponse inattendue du serveur ({error})."


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links

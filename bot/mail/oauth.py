"""Access tokens instead of a password (OAuth2, RFC 6749): renewed before their end, never shown.

A token serves both IMAP and SMTP. What is here blocks: a thread calls it.
"""

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from bot.mail.faults import MailError
from core.settings import MailAccess, OAuthGrant, tls_context

log = logging.getLogger(__name__)

#: Seconds for one answer of the server that gives tokens.
PATIENCE = 20.0

#: Seconds before its end at which a token is renewed; and how long one lasts of which nobody says it.
_EARLY, _USUAL = 300.0, 3600.0

_TO_DO = "refaire l'autorisation de la boîte du robot, puis mettre le nouveau jeton dans ORIGYNE_OAUTH_REFRESH_TOKEN"


def access_token(access: MailAccess, *, refused: str = "") -> str:
    """A token that is still good; another one than that which the mail server `refused`.

    :raises MailError: with what to do; `of_account` when nothing helps but a new authorisation.
    """
    assert access.oauth
    return _tokens(access.oauth, access.ca_file).get(refused)


@cache
def _tokens(grant: OAuthGrant, ca_file: Path | None) -> "_Tokens":
    """One for all: the two servers share a token, and a refresh token is used by one at a time."""
    return _Tokens(grant, ca_file)


class _Tokens:
    def __init__(self, grant: OAuthGrant, ca_file: Path | None) -> None:
        # httpx logs addresses at INFO.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._grant = grant
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def get(self, refused: str) -> str:
        with self._lock:
            if not self._token or self._token == refused or time.monotonic() > self._good_until:
                self._renew()
            return self._token

    def _renew(self) -> None:
        # Another process may have been given a new one; the setting's own is the last hope.
        candidates = [token for token in dict.fromkeys([_kept(self._grant), self._grant.refresh_token]) if token]
        for last, refresh_token in ((token == candidates[-1], token) for token in candidates):
            answer = self._ask(refresh_token)
            if answer.get("error") == "invalid_grant" and not last:
                continue
            self._take(answer, refresh_token)
            return

    def _take(self, answer: dict[str, Any], refresh_token: str) -> None:
        token, error = answer.get("access_token"), answer.get("error")
        if error or not isinstance(token, str) or not token:
            raise _refusal(self._grant, str(error or ""))
        lasts = answer.get("expires_in")
        seconds = float(str(lasts)) if str(lasts).isdecimal() else _USUAL
        self._token = token
        self._good_until = time.monotonic() + max(seconds - _EARLY, seconds / 2)
        rotated = answer.get("refresh_token")
        if isinstance(rotated, str) and rotated not in ("", refresh_token):
            _keep(self._grant, rotated)

    def _ask(self, refresh_token: str) -> dict[str, Any]:
        """What the server says, be it an error (RFC 6749, 5.2).

        :raises MailError: it says nothing, or nothing that can be understood.
        """
        form = {
            "grant_type": "refresh_token",
            "client_id": self._grant.client_id,
            "refresh_token": refresh_token,
            "client_secret": self._grant.client_secret,
            "scope": self._grant.scope,
        }
        where = httpx.URL(self._grant.token_url).host
        try:
            with httpx.Client(verify=tls_context(self._ca_file), timeout=PATIENCE, follow_redirects=False) as client:
                answer = client.post(self._grant.token_url, data={name: value for name, value in form.items() if value})
            said = answer.json()
        except httpx.TimeoutException:
            raise MailError(f"{where}, qui donne les jetons de la messagerie, ne répond pas à temps.") from None
        except (httpx.HTTPError, OSError) as error:
            kind = type(error).__name__
            raise MailError(f"{where}, qui donne les jetons de la messagerie, n'est pas joignable ({kind}).") from None
        except ValueError:
            said = None
        if not isinstance(said, dict) or answer.status_code >= 500 or answer.status_code == 429:
            raise MailError(
                f"{where}, qui donne les jetons de la messagerie, répond {answer.status_code} ; nouvel essai plus tard."
            )
        return said


def _refusal(grant: OAuthGrant, error: str) -> MailError:
    where = httpx.URL(grant.token_url).host
    match error:
        case "invalid_grant" | "interaction_required" | "consent_required":
            sentence = f"{where} n'accepte plus le jeton de renouvellement ({error}) : {_TO_DO}."
        case "invalid_client" | "unauthorized_client":
            sentence = (
                f"{where} refuse l'application ({error}) : vérifier ORIGYNE_OAUTH_CLIENT_ID et "
                "ORIGYNE_OAUTH_CLIENT_SECRET (un secret expire), et que l'application est encore autorisée."
            )
        case "invalid_scope":
            sentence = f"{where} refuse ce qui est demandé ({error}) : vérifier ORIGYNE_OAUTH_SCOPE ; sinon {_TO_DO}."
        case "temporarily_unavailable" | "server_error" | "":
            return MailError(f"{where} n'a pas donné de jeton ; nouvel essai plus tard.")
        case _:
            shown = error if error.isascii() and error.replace("_", "").isalpha() and len(error) < 40 else "?"
            sentence = f"{where} refuse de donner un jeton ({shown}) : vérifier les réglages ORIGYNE_OAUTH_…"
    return MailError(sentence, permanent=True, of_account=True)


# -- the refresh token that took another's place


def _kept(grant: OAuthGrant) -> str:
    """It wins over the setting, until the setting changes; "" when there is none."""
    try:
        said = json.loads(grant.kept.read_text("utf-8"))
        return str(said["refresh_token"]) if said["instead_of"] == _mark(grant) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _keep(grant: OAuthGrant, refresh_token: str) -> None:
    new = grant.kept.with_suffix(".new")
    try:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"instead_of": _mark(grant), "refresh_token": refresh_token}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(grant.kept)
    except OSError as error:
        log.error("The new refresh token could not be kept (%s): the old one serves on", error.strerror)


def _mark(grant: OAuthGrant) -> str:
    return hashlib.sha256(f"{grant.client_id} {grant.refresh_token}".encode()).hexdigest()

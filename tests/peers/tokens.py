"""A server that gives OAuth2 access tokens, and tells dovecot whose they are (RFC 6749, RFC 7662)."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from core.settings import OAuthGrant

HOST = "127.0.0.1"

#: What it does instead of giving a token.
BUSY, NO_LONGER_GRANTED, WRONG_SECRET, NO_JSON, SLOW = "busy", "invalid_grant", "invalid_client", "no json", "slow"

FIRST = "premier-jeton-de-renouvellement"


class TokenServer:
    """`refresh_tokens`: those that it takes, each with its user. `rotates`: each use gives another, and ends the first.
    `instead`: what it does for the next requests; `given`: access tokens, with their user, newest last."""

    def __init__(self) -> None:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer._introspect(self)

            def do_POST(self) -> None:
                peer._give(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="tokens")
        self.url = f"http://{HOST}:{self._server.server_address[1]}"
        self.begin_anew()

    def begin_anew(self) -> None:
        self.refresh_tokens = {FIRST: "bot@client.test"}
        self.rotates = False
        self.lasts: object = 3600
        self.instead: list[str] = []
        self.given: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def grant(self, folder: Path, refresh_token: str = FIRST) -> OAuthGrant:
        """What a client was given in an authorisation; `folder`: where it keeps what it is given later."""
        return OAuthGrant(f"{self.url}/token", "robot", "secret-du-robot", refresh_token, "mail", folder / "oauth.json")

    def revoke(self) -> None:
        """End every access token before its time."""
        self.given.clear()

    def _introspect(self, request: BaseHTTPRequestHandler) -> None:
        user = self.given.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        _say(request, 200, {"active": True, "username": user} if user else {"active": False})

    def _give(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.asked.append(form)
        instead = self.instead.pop(0) if self.instead else ""
        user = self.refresh_tokens.get(form["refresh_token"])
        if instead == SLOW:
            time.sleep(1.5)
        elif instead == BUSY:
            _say(request, 503, {"error": "server_error"})
            return
        elif instead == NO_JSON:
            _say(request, 200, None)
            return
        if instead == WRONG_SECRET:
            _say(request, 401, {"error": WRONG_SECRET})
        elif instead == NO_LONGER_GRANTED or user is None:
            _say(request, 400, {"error": NO_LONGER_GRANTED, "error_description": f"expired: {form['refresh_token']}"})
        else:
            token = f"acces-{secrets.token_hex(12)}"
            self.given[token] = user
            answer: dict[str, object] = {"access_token": token, "token_type": "Bearer", "expires_in": self.lasts}
            if self.rotates:
                answer["refresh_token"] = f"suivant-{secrets.token_hex(12)}"
                self.refresh_tokens = {str(answer["refresh_token"]): user}
            _say(request, 200, answer)


def _say(request: BaseHTTPRequestHandler, status: int, said: dict[str, object] | None) -> None:
    content = b"<html>Maintenance</html>" if said is None else json.dumps(said).encode()
    try:
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
    except OSError:
        pass  # who asked waits no longer


@pytest.fixture(scope="session")
def token_servers() -> Iterator[TokenServer]:
    server = TokenServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def tokens(token_servers: TokenServer) -> TokenServer:
    token_servers.begin_anew()
    return token_servers

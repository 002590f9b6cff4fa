"""OAuth2: tokens instead of a password, at dovecot and postfix, and what the server that gives them does wrong."""

import asyncio
import logging
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.mail import connection, oauth, smtp
from bot.mail.smtp import MailError
from core.settings import MailAccess, Settings, SettingsError
from tests.bot.posting import Ledger, a_mail, odd, receiving
from tests.core.test_settings import GOOD
from tests.peers.mail import MailPeer
from tests.peers.misbehaving import OddSmtp
from tests.peers.tokens import BUSY, FIRST, NO_JSON, NO_LONGER_GRANTED, SLOW, WRONG_SECRET, TokenServer


@pytest.fixture(autouse=True)
def no_tokens_of_others() -> Iterator[None]:
    oauth._tokens.cache_clear()
    yield
    oauth._tokens.cache_clear()


def by_token(access: MailAccess, tokens: TokenServer, folder: Path, refresh_token: str = FIRST) -> MailAccess:
    return replace(access, password="", oauth=tokens.grant(folder, refresh_token))


def access_token(tokens: TokenServer, folder: Path, refresh_token: str = FIRST, **more: str) -> str:
    return oauth.access_token(by_token(odd(1), tokens, folder, refresh_token), **more)


# At the mail servers


async def test_mail_is_sent_and_received_with_a_token(
    postfix_dovecot: MailPeer, tokens: TokenServer, tmp_path: Path
) -> None:
    await smtp.send(by_token(postfix_dovecot.smtp("bot"), tokens, tmp_path), a_mail("un"), ["bot@client.test"])
    ledger = Ledger()
    with receiving(by_token(postfix_dovecot.imap("bot"), tokens, tmp_path), ledger):
        await ledger.holds(1)
    assert ledger.subjects() == ["un"]
    assert len(tokens.asked) == 1  # one token for both
    assert tokens.asked[0]["grant_type"] == "refresh_token"
    assert tokens.asked[0]["client_secret"] == "secret-du-robot"


async def test_a_token_that_was_revoked_is_renewed_once(
    postfix_dovecot: MailPeer, tokens: TokenServer, tmp_path: Path
) -> None:
    receiving_access = by_token(postfix_dovecot.imap("bot"), tokens, tmp_path)
    sending_access = by_token(postfix_dovecot.smtp("bot"), tokens, tmp_path)
    await asyncio.to_thread(connection.check, receiving_access)
    tokens.revoke()
    await asyncio.to_thread(connection.check, receiving_access)
    tokens.revoke()
    await smtp.check(sending_access)
    assert len(tokens.asked) == 3


async def test_a_token_of_somebody_else_is_refused_in_words(
    postfix_dovecot: MailPeer, tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.refresh_tokens = {FIRST: "nobody@client.test"}
    for protocol, check in (
        ("IMAP", asyncio.to_thread(connection.check, by_token(postfix_dovecot.imap("bot"), tokens, tmp_path))),
        ("SMTP", smtp.check(by_token(postfix_dovecot.smtp("bot"), tokens, tmp_path))),
    ):
        with pytest.raises(MailError, match=f"jeton OAuth2 refusé.*ORIGYNE_{protocol}_LOGIN") as told:
            await check
        assert told.value.of_account
        assert not any(token in str(told.value) for token in tokens.given)


async def test_the_doctor_says_that_it_comes_with_a_token(
    postfix_dovecot: MailPeer, tokens: TokenServer, tmp_path: Path
) -> None:
    said = await asyncio.to_thread(connection.check, by_token(postfix_dovecot.imap("bot"), tokens, tmp_path))
    assert "par jeton OAuth2" in said
    assert "par jeton OAuth2" in await smtp.check(by_token(postfix_dovecot.smtp("bot"), tokens, tmp_path))


async def test_a_login_put_off_by_the_mail_server_is_temporary_and_repeats_nothing(
    tokens: TokenServer, tmp_path: Path
) -> None:
    async with OddSmtp({"AUTH": "454 4.7.0 try later dXNlcj0="}, offers=["AUTH XOAUTH2"]).running() as port:
        with pytest.raises(MailError, match="454") as told:
            await smtp.check(by_token(replace(odd(port), login="bot@client.test"), tokens, tmp_path))
    assert not told.value.permanent
    assert "dXNlcj0" not in str(told.value)


# Tokens


def test_a_token_serves_until_shortly_before_its_end(
    tokens: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("bot.mail.oauth.time.monotonic", lambda: now[0])
    first = access_token(tokens, tmp_path)
    now[0] += 3600 - oauth._EARLY - 1
    assert access_token(tokens, tmp_path) == first
    now[0] += 2
    assert access_token(tokens, tmp_path) != first


@pytest.mark.parametrize("lasts", ["3600", None, "soon", -5])
def test_an_odd_lifetime_is_no_fault(tokens: TokenServer, tmp_path: Path, lasts: object) -> None:
    tokens.lasts = lasts
    assert access_token(tokens, tmp_path).startswith("acces-")


def test_a_refresh_token_that_took_anothers_place_outlives_the_process(tokens: TokenServer, tmp_path: Path) -> None:
    tokens.rotates = True
    for _ in range(3):
        access_token(tokens, tmp_path)
        oauth._tokens.cache_clear()  # as a restart does
    assert [form["refresh_token"].partition("-")[0] for form in tokens.asked] == ["premier", "suivant", "suivant"]


def test_the_kept_token_is_readable_by_its_owner_only(tokens: TokenServer, tmp_path: Path) -> None:
    tokens.rotates = True
    access_token(tokens, tmp_path)
    assert stat.S_IMODE((tmp_path / "oauth.json").stat().st_mode) == 0o600
    assert FIRST not in (tmp_path / "oauth.json").read_text()


def test_a_new_setting_wins_over_the_kept_token(tokens: TokenServer, tmp_path: Path) -> None:
    tokens.rotates = True
    access_token(tokens, tmp_path)
    tokens.refresh_tokens["nouvelle-autorisation"] = "bot@client.test"
    access_token(tokens, tmp_path, "nouvelle-autorisation")
    assert [form["refresh_token"] for form in tokens.asked] == [FIRST, "nouvelle-autorisation"]


def test_a_kept_token_that_is_no_longer_good_gives_way_to_the_setting(tokens: TokenServer, tmp_path: Path) -> None:
    tokens.rotates = True
    access_token(tokens, tmp_path)
    oauth._tokens.cache_clear()
    tokens.refresh_tokens = {FIRST: "bot@client.test"}
    assert access_token(tokens, tmp_path).startswith("acces-")


def test_a_kept_file_that_is_damaged_is_no_fault(tokens: TokenServer, tmp_path: Path) -> None:
    (tmp_path / "oauth.json").write_text("[")
    assert access_token(tokens, tmp_path).startswith("acces-")


def test_a_full_disk_loses_no_access(tokens: TokenServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokens.rotates = True
    assert access_token(tokens, tmp_path / "absent").startswith("acces-")
    assert "could not be kept" in caplog.text
    assert "suivant-" not in caplog.text


# What goes wrong


@pytest.mark.parametrize(
    ("instead", "told", "for_good"),
    [
        (BUSY, "répond 503 ; nouvel essai plus tard", False),
        (NO_JSON, "répond 200", False),
        (SLOW, "ne répond pas à temps", False),
        (NO_LONGER_GRANTED, "refaire l'autorisation.*ORIGYNE_OAUTH_REFRESH_TOKEN", True),
        (WRONG_SECRET, "ORIGYNE_OAUTH_CLIENT_SECRET", True),
    ],
)
def test_a_server_that_gives_no_token_says_what_to_do(
    tokens: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: str, told: str, for_good: bool
) -> None:
    monkeypatch.setattr(oauth, "PATIENCE", 0.4)
    tokens.instead = [instead]
    with pytest.raises(MailError, match=told) as error:
        access_token(tokens, tmp_path)
    assert (error.value.permanent, error.value.of_account) == (for_good, for_good)
    assert access_token(tokens, tmp_path).startswith("acces-")  # and the next try may succeed


def test_no_server_that_gives_tokens_is_temporary(tokens: TokenServer, tmp_path: Path) -> None:
    grant = replace(tokens.grant(tmp_path), token_url="http://127.0.0.1:1/token")
    with pytest.raises(MailError, match="n'est pas joignable") as told:
        oauth.access_token(replace(odd(1), oauth=grant))
    assert not told.value.permanent


def test_no_token_is_ever_logged_or_told(tokens: TokenServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = []
    with caplog.at_level(logging.DEBUG, "bot"), caplog.at_level(logging.INFO):
        tokens.rotates = True
        access_token(tokens, tmp_path)
        for instead in (BUSY, NO_JSON, WRONG_SECRET):
            oauth._tokens.cache_clear()
            tokens.instead = [instead]
            with pytest.raises(MailError) as error:
                access_token(tokens, tmp_path)
            told += [str(error.value), repr(tokens.grant(tmp_path))]
        oauth._tokens.cache_clear()
        tokens.refresh_tokens = {}
        with pytest.raises(MailError) as error:
            access_token(tokens, tmp_path)
        told.append(str(error.value))
    everything = "\n".join([caplog.text, *told])
    assert tokens.given
    for secret in (FIRST, "suivant-", "acces-", "secret-du-robot"):
        assert secret not in everything


# Settings


def settings(**values: str) -> Settings:
    given = {**GOOD, **{f"ORIGYNE_{name.upper()}": value for name, value in values.items()}}
    return Settings.load({name: value for name, value in given.items() if value}, Path("absent"))


def test_with_tokens_no_password_is_needed() -> None:
    loaded = settings(
        mail_auth="oauth2",
        oauth_provider="microsoft",
        oauth_tenant="annuaire",
        oauth_client_id="c",
        oauth_refresh_token="r",
        imap_password="",
    )
    assert loaded.imap.oauth
    assert loaded.imap.oauth == loaded.smtp.oauth
    assert loaded.imap.oauth.token_url == "https://login.microsoftonline.com/annuaire/oauth2/v2.0/token"
    assert "offline_access" in loaded.imap.oauth.scope


def test_what_tokens_need_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        settings(mail_auth="oauth2", imap_password="")
    assert [fault.split()[0] for fault in told.value.faults] == [
        "ORIGYNE_OAUTH_CLIENT_ID",
        "ORIGYNE_OAUTH_REFRESH_TOKEN",
        "ORIGYNE_OAUTH_PROVIDER",
    ]


def test_without_tokens_the_password_is_needed() -> None:
    with pytest.raises(SettingsError, match="ORIGYNE_IMAP_PASSWORD manque"):
        settings(imap_password="")
    assert settings().imap.oauth is None


@pytest.mark.parametrize("url", ["http://idp.exemple.fr/token", "ftp://idp.exemple.fr", "idp.exemple.fr"])
def test_tokens_are_asked_for_over_tls_only(url: str) -> None:
    with pytest.raises(SettingsError, match="ORIGYNE_OAUTH_TOKEN_URL : doit commencer par https://"):
        settings(oauth_token_url=url)


def test_mails_can_stay_where_they_are() -> None:
    assert (settings().handled_folder, settings().set_aside_folder) == ("Traités", "À voir")
    assert settings(imap_handled="none", imap_set_aside="Robot/Erreurs").handled_folder == ""

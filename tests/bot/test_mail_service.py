"""The service's own receiving: from the mailbox to the answer, and back to the folder where the mail belongs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from pathlib import Path

import pytest

from bot import clerk, service
from bot.house import House, open_house
from core.settings import MailAccess, Settings
from tests.bot.posting import a_mail, odd
from tests.peers.mail import MailPeer, eventually
from tests.peers.misbehaving import OddImap

TRUSTED = "mx.client.test"


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[list[House]]:
    made: list[House] = []
    yield made
    for house in made:
        house.context.close()
        house.desk.close()
        house.context.telecom.close()


@asynccontextmanager
async def served(houses: list[House], data: Path, imap: MailAccess, **more: str) -> AsyncIterator[House]:
    """A service that only receives mail and answers it."""
    house = open_house(
        Settings.model_validate(
            {
                "operator_name": "Télécom Exemple",
                "accounting_email": "compta@client.test",
                "technical_email": "technique@client.test",
                "technical_contact": "Camille Martin",
                "bot_email": "bot@client.test",
                "data": data,
                "telegram_token": "123456789:test-token-of-no-bot",
                "ftp_host": "localhost",
                "ftp_login": "o",
                "ftp_password": "p",
                "smtp_host": "localhost",
                "imap_host": imap.host,
                "imap_port": imap.port,
                "imap_login": imap.login or "x",
                "imap_password": imap.password,
                "imap_tls": imap.tls,
                "tls_ca": imap.ca_file,
                "mail_trusted_server": TRUSTED,
                **more,
            }
        )
    )
    houses.append(house)
    running = service._Service(house)
    tasks = [asyncio.create_task(running._receive_mail()), asyncio.create_task(running._clerk.run())]
    try:
        yield house
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def moved(peer: MailPeer, folder: str, count: int) -> list[bytes]:
    def there() -> list[bytes]:
        with peer.mailbox("bot") as box:
            if not box.folder.exists(folder):
                return []
        return peer.messages("bot", folder)

    return await asyncio.to_thread(eventually, there, lambda found: len(found) >= count)


async def eventually_in_loop(look: Callable[[], object], wanted: object) -> None:
    """For what lives in the loop's own thread."""
    async with asyncio.timeout(20):
        while look() != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def states(house: House) -> list[tuple[str, str]]:
    return house.desk.execute("SELECT state, filing FROM inbox ORDER BY id").fetchall()


async def test_a_mail_that_was_answered_is_moved_at_once(
    postfix_dovecot: MailPeer, houses: list[House], tmp_path: Path
) -> None:
    async with served(houses, tmp_path, postfix_dovecot.imap("bot")) as house:
        mail = a_mail("/aide", sender="compta@client.test", to="bot@client.test")
        await asyncio.to_thread(postfix_dovecot.deliver, mail.as_bytes(), ["bot"], user="compta")
        assert len(await moved(postfix_dovecot, "Traités", 1)) == 1
        assert postfix_dovecot.messages("bot") == []
        assert house.outbox.waiting("mail") == 1
    assert states(house) == [("done", "")]


async def test_a_mail_that_cannot_be_answered_is_moved_aside(
    postfix_dovecot: MailPeer, houses: list[House], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clerk, "MOST_TRIES", 0)
    async with served(houses, tmp_path, postfix_dovecot.imap("bot")) as house:
        await asyncio.to_thread(postfix_dovecot.deliver, a_mail(sender="compta@client.test").as_bytes(), ["bot"])
        assert len(await moved(postfix_dovecot, "À voir", 1)) == 1
    assert states(house) == [("failed", "")]


async def test_folders_that_are_not_wanted_are_not_made(
    postfix_dovecot: MailPeer, houses: list[House], tmp_path: Path
) -> None:
    async with served(houses, tmp_path, postfix_dovecot.imap("bot"), imap_handled="none") as house:
        await asyncio.to_thread(postfix_dovecot.deliver, a_mail(sender="x@ailleurs.test").as_bytes(), ["bot"])
        await asyncio.to_thread(eventually, lambda: postfix_dovecot.flags("bot"), lambda all_: "\\Seen" in str(all_))
    assert states(house) == [("done", "")]
    with postfix_dovecot.mailbox("bot") as box:
        assert [folder.name for folder in box.folder.list()] == ["INBOX"]


async def test_a_mail_that_lay_there_for_days_is_left_unread_where_it_is(
    postfix_dovecot: MailPeer, houses: list[House], tmp_path: Path
) -> None:
    old = a_mail("/aide", sender="compta@client.test")
    del old["Date"]
    old["Date"] = formatdate(0)
    postfix_dovecot.put("bot", old.as_bytes())
    async with served(houses, tmp_path, postfix_dovecot.imap("bot")) as house:
        await eventually_in_loop(lambda: states(house), [("done", "")])
    assert postfix_dovecot.flags("bot") == [()]


async def test_a_changed_uidvalidity_answers_nothing_twice(houses: list[House], tmp_path: Path) -> None:
    mail = a_mail("/aide", sender="compta@client.test", to="bot@client.test")
    head = f"Authentication-Results: {TRUSTED}; dmarc=pass header.from=client.test\r\n".encode()
    server = OddImap({1: head + mail.as_bytes()}, capabilities="IMAP4rev1 IDLE")
    async with server.running() as port:
        for uidvalidity in (7, 8):
            server.uidvalidity = uidvalidity
            async with served(houses, tmp_path, odd(port)) as house:
                await eventually_in_loop(lambda: states(house), [("done", "")] * (uidvalidity - 6))
    subjects = house.desk.execute("SELECT subject FROM outbox WHERE channel = 'mail'").fetchall()
    assert len(subjects) == 1


async def test_a_mail_that_is_too_large_is_known_as_such(
    houses: list[House], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.mail.imap.LARGEST", 100)
    server = OddImap({1: b"From: compta@client.test\r\nSubject: x\r\n\r\n" + b"x" * 200})
    async with server.running() as port, served(houses, tmp_path, odd(port)) as house:
        await eventually_in_loop(lambda: house.desk.execute("SELECT truncated FROM inbox").fetchall(), [(1,)])

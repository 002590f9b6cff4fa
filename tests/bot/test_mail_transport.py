"""The servers of the tests and of the sandbox: their verdict on who wrote, and that they leave nothing behind."""

import asyncio
import email.policy
from pathlib import Path

import pytest

from bot.mail import smtp
from bot.mail.imap import Receiver
from bot.sandbox.mailserver import SandboxMail, vouched
from core.settings import MailAccess
from tests.bot.posting import Ledger, a_mail, in_idle, read
from tests.peers.mail import MailPeer
from tests.peers.misbehaving import HOST

# The receiving server's verdict


def verdicts(raw: bytes, server_name: str) -> list[str]:
    fields = read(raw).get_all("Authentication-Results", [])
    return [str(field) for field in fields if str(field).startswith(f"{server_name};")]


def a_forgery(server_name: str, sender: str = "compta@client.test") -> bytes:
    forged = (
        f"Authentication-Results: {server_name}; dmarc=pass header.from=client.test\r\n"
        f"authentication-results: {server_name.upper()};\r\n\tdmarc=pass header.from=client.test\r\n"
        f"Authentication-Results: (trust me) {server_name}; dmarc=pass header.from=client.test\r\n"
        "Authentication-Results: mx.ailleurs.test; dmarc=pass header.from=client.test\r\n"
    )
    return forged.encode() + a_mail(sender=sender, to="bot@client.test").as_bytes(policy=email.policy.SMTP)


@pytest.mark.parametrize(("user", "verdict"), [("compta", "pass"), (None, "fail")])
async def test_only_the_servers_own_verdict_remains(any_mail: MailPeer, user: str | None, verdict: str) -> None:
    any_mail.deliver(a_forgery(any_mail.server_name), ["bot"], user=user)
    [raw] = any_mail.wait_for("bot")
    assert verdicts(raw, any_mail.server_name) == [f"{any_mail.server_name}; dmarc={verdict} header.from=client.test"]
    everything = [str(field).lower() for field in read(raw).get_all("Authentication-Results", [])]
    assert sum(any_mail.server_name in field for field in everything) == 1
    assert sum("mx.ailleurs.test" in field for field in everything) == 1


@pytest.mark.parametrize(
    "sender",
    ["equipe@client.test", "compta@ailleurs.test", "compta@client.test, equipe@client.test", "compta"],
)
def test_the_sandbox_vouches_only_for_the_very_address_that_logged_in(sender: str) -> None:
    raw = vouched(f"From: {sender}\r\nSubject: x\r\n\r\n".encode(), "compta@client.test")
    assert b"dmarc=fail" in raw
    assert b"dmarc=pass" not in raw


# The sandbox's servers, in the loop of those who use them


async def test_the_sandbox_shows_and_awaits_what_a_mailbox_holds(tmp_path: Path) -> None:
    async with SandboxMail({"Bot@Client.test": "mdp-du-bot"}, tmp_path) as mail:
        access = MailAccess(HOST, mail.smtp_port, "bot@client.test", "mdp-du-bot", ca_file=mail.ca_file)
        assert await mail.messages("bot@client.test") == []
        waiting = asyncio.create_task(mail.wait_for("bot@client.test", lambda raw: b"Subject: 2" in raw))
        for subject in ("1", "2"):
            await smtp.send(access, a_mail(subject), ["BOT+x@client.test"])
        assert b"Subject: 2" in await waiting
        assert len(await mail.messages("bot@client.test")) == 2
        with pytest.raises(TimeoutError):
            await mail.wait_for("bot@client.test", lambda raw: b"Subject: 3" in raw, seconds=0.05)


async def test_the_sandbox_leaves_no_connection_behind(tmp_path: Path) -> None:
    async with SandboxMail({"bot@client.test": "mdp-du-bot"}, tmp_path) as mail:
        access = MailAccess(HOST, mail.imap_port, "bot@client.test", "mdp-du-bot", ca_file=mail.ca_file)
        ledger = Ledger()
        receiver = Receiver(access, ledger.known, ledger.keep, on_state=ledger.states.append)
        receiver.start()
        await in_idle(ledger)
    await ledger.state(lambda states: len(states) >= 2)
    await asyncio.to_thread(receiver.stop)
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []

"""A question to two colleagues: the unmodified service, restarted amid it, between a chat and two mailboxes."""

import re
from collections.abc import AsyncIterator
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
import pytest_asyncio

from bot.sandbox.botapi import Message
from bot.sandbox.house import SERVICE, STAFF, TECHNICAL, Sandbox

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

PATIENCE = 45


class TwoColleagues(Sandbox):
    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "ORIGYNE_STAFF_EMAILS": f"{STAFF}, {SERVICE}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Sandbox]:
    async with TwoColleagues(date(2026, 11, 24)) as sandbox:
        yield sandbox


async def mail_to(box: Sandbox, address: str, words: str) -> EmailMessage:
    """The mail in this mailbox that says this."""

    def fits(raw: bytes) -> bool:
        return words in text(message_from_bytes(raw, policy=default))

    message = message_from_bytes(await box.mail.wait_for(address, fits, PATIENCE), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text(message: object) -> str:
    assert isinstance(message, EmailMessage)
    part = message.get_body(preferencelist=("plain",))
    return " ".join(str(part.get_content()).split()) if part else ""


async def shown(box: Sandbox, words: str) -> Message:
    return await box.phone.wait(lambda it: words in (it.text or it.caption or ""), timeout=PATIENCE)


async def test_a_conversation_of_a_chat_and_two_mailboxes(box: Sandbox) -> None:
    code = re.search(r"/start (\S+)", text(await mail_to(box, TECHNICAL, "/start")))
    assert code
    await box.phone.ask(f"/start {code[1]}", timeout=PATIENCE)

    asked = box.phone.send("/contact Qui suit le portage de Dupont ?").message_id
    # The notices of the first pass come before it, or after.
    left = await box.phone.wait(lambda it: it.reply_to == asked, timeout=PATIENCE)
    assert left.text.startswith("Envoyé à l'équipe")
    first = await mail_to(box, STAFF, "Qui suit le portage de Dupont ?")
    second = await mail_to(box, SERVICE, "Qui suit le portage de Dupont ?")

    # While the service is down, both write.
    await box.stop_service()
    await box.write_mail(STAFF, f"Re: {first['Subject']}", "Moi, voici.", answers=first, files={"devis.pdf": b"%PDF-1"})
    box.phone.send("C'est urgent", reply_to=left)
    await box.start_service()
    answer = await shown(box, "Moi, voici.")
    assert answer.text.startswith(f"💬 Équipe · {STAFF}") or answer.caption.startswith(f"💬 Équipe · {STAFF}")
    assert answer.reply_to == left.reply_to
    assert answer.document
    assert answer.document.content == b"%PDF-1"
    for address, before in ((STAFF, first), (SERVICE, second)):
        assert str(before["Message-ID"]) in str((await mail_to(box, address, "C'est urgent"))["References"])
    copy = await mail_to(box, SERVICE, "Moi, voici.")
    assert [part.get_filename() for part in copy.iter_attachments()] == ["devis.pdf"]

    await box.write_mail(SERVICE, f"Re: {copy['Subject']}", "/clore", answers=copy)
    await shown(box, "a clos cette conversation")
    await mail_to(box, STAFF, "a clos cette conversation")
    for address in (STAFF, SERVICE):
        written = [text(message_from_bytes(raw, policy=default)) for raw in await box.mail.messages(address)]
        assert len(written) == len(set(written))  # nothing twice
        own = "Moi, voici." if address == STAFF else "a clos cette conversation"
        assert not any(own in it for it in written)

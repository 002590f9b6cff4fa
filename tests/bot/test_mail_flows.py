"""The unmodified service between postfix, dovecot and a chat, with TLS: what comes by mail, and what becomes of it."""

import asyncio
import re
import time
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from bot.sandbox.botapi import BotApi, Phone
from bot.sandbox.botapi import Message as Shown
from bot.sandbox.operator import Operator
from tests.peers.ftp import FtpPeer
from tests.peers.mail import MailPeer
from tests.peers.service import TOKEN, Service, env_of

PATIENCE = 60.0
NUMBER = "0639980001"
PDF = b"%PDF-1.4 invented"


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain",))
    return " ".join(str(part.get_content()).split()) if part else ""


async def mail_to(mail: MailPeer, user: str, words: str, *, after: int = 0) -> EmailMessage:
    """The first mail of a person's, after so many, whose subject or text has these words."""
    deadline = time.monotonic() + PATIENCE
    subjects: list[str] = []
    while time.monotonic() < deadline:
        found = [parsed(raw) for raw in await asyncio.to_thread(mail.messages, user)]
        subjects = [str(message["Subject"]) for message in found]
        for message in found[after:]:
            if words in str(message["Subject"]) or words in text_of(message):
                return message
        await asyncio.sleep(0.3)
    raise AssertionError(f"no mail « {words} » for {user}; there are {subjects}")


async def shown_in(phone: Phone, words: str) -> Shown:
    """The last message of the chat, text or caption, that has these words."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for message in reversed(phone.messages):
            if words in (message.text or message.caption or ""):
                return message
        await asyncio.sleep(0.1)
    raise AssertionError(f"no « {words} » in {[message.text or message.caption for message in phone.messages]}")


async def send(
    mail: MailPeer,
    user: str,
    text: str,
    *,
    answers: EmailMessage | None = None,
    verified: bool = True,
    subject: str = "Bonjour",
    pdf: bytes = b"",
) -> EmailMessage:
    """A person writes to the bot, or answers a mail of its with that quoted below."""
    message = EmailMessage(policy=default)
    message["From"] = mail.address(user)
    message["To"] = str(answers["Reply-To"]) if answers else mail.address("bot")
    message["Subject"] = f"Re: {answers['Subject']}" if answers else subject
    message["Message-ID"] = f"<{time.monotonic_ns()}@poste.test>"
    quoted = ""
    if answers:
        message["In-Reply-To"] = str(answers["Message-ID"])
        quoted = f"\n\nLe 24/11/2026 à 10:05, Télécom Exemple a écrit :\n> status {NUMBER}\n> /clore\n"
    message.set_content(f"{text}{quoted}\n")
    if pdf:
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename="devis été.pdf")
    await asyncio.to_thread(mail.deliver, message.as_bytes(), [str(message["To"])], user=user if verified else None)
    return message


async def enrol(mail: MailPeer, phone: Phone) -> None:
    invitation = await mail_to(mail, "technique", "relier votre Telegram")
    code = re.search(r"/start (\S+)", text_of(invitation))
    assert code
    await phone.ask(f"/start {code[1]}", timeout=PATIENCE)


async def test_what_comes_by_mail_reaches_whom_it_is_for(
    vsftpd_tls: FtpPeer, postfix_dovecot: MailPeer, tmp_path: Path
) -> None:
    operator = Operator(vsftpd_tls.root, today=date(2026, 11, 24), lines=60, clients=5, months=2)
    operator.fill()
    mail = postfix_dovecot
    async with BotApi(TOKEN) as api:
        env = env_of(vsftpd_tls, mail, api)
        env["ORIGYNE_STAFF_EMAILS"] = f"{mail.address('equipe')}, absent@client.test"
        service = Service(tmp_path, env)
        phone = api.phone(user_id=7001, first_name="Camille")
        service.start()
        try:
            await enrol(mail, phone)

            # The accountant answers a notice: her own words alone are a question, and the answer comes in the thread.
            invoices = await mail_to(mail, "compta", "facture")
            assert re.fullmatch(r"bot\+\w+@client\.test", str(invoices["Reply-To"]))
            had = len(await asyncio.to_thread(mail.messages, "compta"))
            asked = await send(mail, "compta", "Quelle est la conso de Dupont en octobre 2026 ?", answers=invoices)
            answer = await mail_to(mail, "compta", "conso d'octobre 2026", after=had)
            assert answer["In-Reply-To"] == asked["Message-ID"]
            assert "06 39 98 00 01 :" not in text_of(answer)

            # A question to the staff, the answer under it in the chat, and back.
            left = await phone.ask("/contact Qui suit le portage de Durand ?", timeout=PATIENCE)
            assert "Envoyé à l'équipe" in left.text
            question = await mail_to(mail, "equipe", "Qui suit le portage de Durand ?")
            await send(mail, "equipe", "Moi, voici le devis.", answers=question, pdf=PDF)
            shown = await shown_in(phone, "Moi, voici le devis.")
            assert shown.caption.startswith("💬 Équipe · equipe@client.test")
            assert shown.reply_to == left.reply_to
            assert shown.document
            assert shown.document.content == PDF
            phone.send("Merci, le client attend", reply_to=shown)
            back = await mail_to(mail, "equipe", "Merci, le client attend")
            assert str(question["Message-ID"]) in str(back["References"])
            await send(mail, "equipe", "/clore", answers=back)
            await shown_in(phone, "a clos cette conversation")

            # One of the staff has no mailbox: told once, with what to do.
            bounced = await shown_in(phone, "absent@client.test")
            assert "outbox" in bounced.text
            outbox = await asyncio.to_thread(service.run, "outbox")
            assert "absent@client.test" in outbox.stdout

            # A code is asked by mail, confirmed in the chat, and answered there alone.
            await send(mail, "technique", f"Pouvez-vous me donner le PUK du {NUMBER} ?")
            confirm = await shown_in(phone, "Demandé par courriel")
            phone.press(confirm, "C'est bien moi, répondre ici")
            told = await shown_in(phone, "PUK :")
            puk = re.search(r"\b\d{8}\b", told.text)
            assert puk

            # Somebody who is not who he says he is.
            await send(mail, "technique", f"status {NUMBER}", verified=False, subject="Faux")
            await shown_in(phone, "a été refusé")

            # A mail that nobody can read is set aside, reported, and does not stop the next.
            poison = b"From: compta@client.test\r\nTo: bot@client.test\r\nMessage-ID: <p@poste.test>\r\n"
            poison += b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000
            await asyncio.to_thread(mail.deliver, poison, ["bot"], user="compta")
            await shown_in(phone, "n'a pas pu être traité")
            listed = await asyncio.to_thread(service.run, "mail")
            assert "compta@client.test" in listed.stdout
            had = len(await asyncio.to_thread(mail.messages, "compta"))
            await send(mail, "compta", "factures Origyne", subject="Une question")
            await mail_to(mail, "compta", "Re: Une question", after=had)

            # All of it was moved to where it belongs.
            deadline = time.monotonic() + PATIENCE
            while await asyncio.to_thread(mail.messages, "bot"):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.3)
            assert len(await asyncio.to_thread(mail.messages, "bot", "À voir")) == 1
            assert len(await asyncio.to_thread(mail.messages, "bot", "Traités")) >= 6

            people = ("compta", "technique", "equipe")
            everything = [raw for user in people for raw in await asyncio.to_thread(mail.messages, user)]
            assert puk[0].encode() not in b"".join(everything)
        finally:
            status_code = service.stop()
        assert status_code == 0
        assert puk[0] not in service.words

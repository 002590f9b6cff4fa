"""Mail in and out, over the sandbox's servers and over postfix and dovecot."""

import asyncio
import email
import email.policy
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import pytest

from bot.mail import imap, smtp
from bot.mail.imap import CONNECTED, RawMail, Receiver
from bot.mail.smtp import MailError
from bot.sandbox.mailserver import SandboxMail, vouched
from core.settings import MailAccess
from tests.peers.mail import MailPeer, eventually
from tests.peers.misbehaving import DROP, HOST, SILENCE, Link, OddImap, OddSmtp

PDF = bytes(range(256)) * 40


def a_mail(
    subject: str = "Relevé d’été — 15 €", sender: str = "bot@client.test", to: str = "compta@client.test"
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="client.test")
    mail.set_content("Voilà les 12 € de l’été.\n.\n..deux points 😀\n" + "é" * 1200 + "\n")
    return mail


def read(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def odd(port: int) -> MailAccess:
    return MailAccess(HOST, port, login="", password="", tls="none")


class Ledger:
    """What a receiver's owner writes down; `refuse`: called before, and may raise or block."""

    def __init__(self, refuse: Callable[[RawMail], None] | None = None) -> None:
        self.mails: list[RawMail] = []
        self.tries: list[int] = []
        self.states: list[str] = []
        self._refuse = refuse or (lambda mail: None)

    def known(self, folder: str, uidvalidity: int) -> set[int]:
        return {mail.uid for mail in self.mails if (mail.folder, mail.uidvalidity) == (folder, uidvalidity)}

    def keep(self, mail: RawMail) -> None:
        self.tries.append(mail.uid)
        self._refuse(mail)
        self.mails.append(mail)

    def subjects(self) -> list[str]:
        return [read(mail.content)["Subject"] for mail in self.mails]

    async def holds(self, count: int) -> None:
        await asyncio.to_thread(eventually, lambda: list(self.mails), lambda mails: len(mails) >= count)

    async def state(self, good: Callable[[list[str]], bool]) -> None:
        await asyncio.to_thread(eventually, lambda: list(self.states), good)


@contextmanager
def receiving(access: MailAccess, ledger: Ledger, **options: object) -> Iterator[Receiver]:
    receiver = Receiver(access, ledger.known, ledger.keep, on_state=ledger.states.append, **options)  # type: ignore[arg-type]
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
        assert not receiver.is_alive()


async def in_idle(ledger: Ledger) -> None:
    """Let the receiver look once and settle into its wait."""
    await ledger.state(lambda states: CONNECTED in states)
    await asyncio.sleep(0.5)


# Sending


async def test_accents_and_an_attachment_arrive_intact(any_mail: MailPeer) -> None:
    mail = a_mail()
    mail.add_attachment(PDF, maintype="application", subtype="pdf", filename="Facture d’été.pdf")

    delivery = await smtp.send(any_mail.smtp("bot"), mail, ["compta@client.test"])

    assert delivery == smtp.Delivery(("compta@client.test",))
    [raw] = await asyncio.to_thread(any_mail.wait_for, "compta")
    assert raw.isascii()
    got = read(raw)
    assert got["Subject"] == "Relevé d’été — 15 €"
    assert got["Message-ID"] == mail["Message-ID"]
    body = got.get_body()
    assert body
    assert body.get_content().splitlines() == mail.get_body().get_content().splitlines()  # type: ignore[union-attr]
    [attachment] = got.iter_attachments()
    assert attachment.get_filename() == "Facture d’été.pdf"
    assert attachment.get_content() == PDF


async def test_a_mail_to_a_plus_address_goes_to_the_account(any_mail: MailPeer) -> None:
    await smtp.send(any_mail.smtp("compta"), a_mail(sender="compta@client.test"), ["bot+jeton@client.test"])
    assert len(await asyncio.to_thread(any_mail.wait_for, "bot")) == 1


async def test_one_refused_recipient_is_told_and_the_other_gets_the_mail(any_mail: MailPeer) -> None:
    delivery = await smtp.send(any_mail.smtp("bot"), a_mail(), ["personne@client.test", "compta@client.test"])
    assert delivery.accepted == ("compta@client.test",)
    assert list(delivery.refused) == ["personne@client.test"]
    assert delivery.refused["personne@client.test"].startswith("550")
    assert len(await asyncio.to_thread(any_mail.wait_for, "compta")) == 1


async def test_a_mail_that_every_recipient_refuses_is_a_permanent_error(any_mail: MailPeer) -> None:
    with pytest.raises(MailError, match="personne@") as told:
        await smtp.send(any_mail.smtp("bot"), a_mail(), ["personne@client.test"])
    assert (told.value.permanent, told.value.uncertain) == (True, False)


async def test_a_wrong_password_is_permanent_and_is_not_repeated(any_mail: MailPeer) -> None:
    access = replace(any_mail.smtp("bot"), password="pas-le-bon-secret")
    with pytest.raises(MailError, match="mot de passe refusé") as told:
        await smtp.send(access, a_mail(), ["compta@client.test"])
    assert told.value.permanent
    assert "pas-le-bon-secret" not in str(told.value)
    with pytest.raises(MailError, match="mot de passe refusé"):
        await smtp.check(access)


async def test_an_unknown_certificate_is_refused(any_mail: MailPeer) -> None:
    with pytest.raises(MailError, match="certificat"):
        await smtp.send(replace(any_mail.smtp("bot"), ca_file=None), a_mail(), ["compta@client.test"])
    with pytest.raises(MailError, match="certificat"):
        await asyncio.to_thread(imap.check, replace(any_mail.imap("bot"), ca_file=None))
    assert any_mail.messages("compta") == []


async def test_a_server_without_starttls_gets_nothing_in_clear() -> None:
    server = OddSmtp()
    async with server.running() as port:
        with pytest.raises(MailError) as told:
            await smtp.send(replace(odd(port), tls="starttls"), a_mail(), ["a@b.fr"])
    assert not told.value.permanent
    assert server.taken == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
async def test_a_4xx_is_temporary(verb: str) -> None:
    async with OddSmtp({verb: "451 4.7.1 revenez plus tard"}).running() as port:
        with pytest.raises(MailError, match="revenez plus tard") as told:
            await smtp.send(odd(port), a_mail(), ["a@b.fr"])
    assert (told.value.permanent, told.value.uncertain) == (False, False)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
async def test_a_5xx_is_permanent(verb: str) -> None:
    async with OddSmtp({verb: "554 5.7.1 non"}).running() as port:
        with pytest.raises(MailError, match="554") as told:
            await smtp.send(odd(port), a_mail(), ["a@b.fr"])
    assert (told.value.permanent, told.value.uncertain) == (True, False)


async def test_a_recipient_put_off_is_told_apart_from_a_refused_one() -> None:
    answers = {"RCPT <gris@b.fr>": "450 4.2.0 greylisted", "RCPT <non@b.fr>": "550 5.1.1 unknown"}
    async with OddSmtp(answers).running() as port:
        delivery = await smtp.send(odd(port), a_mail(), ["gris@b.fr", "non@b.fr", "oui@b.fr"])
    assert delivery.accepted == ("oui@b.fr",)
    assert dict(delivery.deferred) == {"gris@b.fr": "450 4.2.0 greylisted"}
    assert dict(delivery.refused) == {"non@b.fr": "550 5.1.1 unknown"}


async def test_nobody_accepted_but_one_put_off_is_temporary() -> None:
    answers = {"RCPT <gris@b.fr>": "450 4.2.0 greylisted", "RCPT <non@b.fr>": "550 5.1.1 unknown"}
    async with OddSmtp(answers).running() as port:
        with pytest.raises(MailError) as told:
            await smtp.send(odd(port), a_mail(), ["gris@b.fr", "non@b.fr"])
    assert not told.value.permanent


@pytest.mark.parametrize("fault", [DROP, SILENCE])
async def test_a_server_lost_after_the_mail_was_sent_leaves_it_uncertain(fault: str) -> None:
    server = OddSmtp({".": fault})
    async with server.running() as port:
        with pytest.raises(MailError) as told:
            await smtp.send(odd(port), a_mail(), ["a@b.fr"], seconds=1)
    assert (told.value.permanent, told.value.uncertain) == (False, True)
    assert len(server.taken) == 1


@pytest.mark.parametrize("fault", [DROP, SILENCE])
@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT"])
async def test_a_server_lost_before_the_mail_was_sent_has_certainly_not_got_it(verb: str, fault: str) -> None:
    async with OddSmtp({verb: fault}).running() as port:
        with pytest.raises(MailError) as told:
            await smtp.send(odd(port), a_mail(), ["a@b.fr"], seconds=1)
    assert (told.value.permanent, told.value.uncertain) == (False, False)


@pytest.mark.parametrize("fault", [DROP, "500 what"])
async def test_a_server_that_fails_at_quit_has_the_mail_all_the_same(fault: str) -> None:
    async with OddSmtp({"QUIT": fault}).running() as port:
        delivery = await smtp.send(odd(port), a_mail(), ["a@b.fr"])
    assert delivery.accepted == ("a@b.fr",)


@pytest.mark.parametrize("name", ["Message-ID", "Date", "From"])
async def test_a_mail_without_its_identity_is_not_sent(name: str) -> None:
    mail = a_mail()
    del mail[name]
    with pytest.raises(ValueError, match=name):
        await smtp.send(odd(1), mail, ["a@b.fr"])


async def test_an_address_that_smtp_cannot_carry_is_refused_and_the_others_go() -> None:
    impossible = ["rené@b.fr", "b@b.fr>\r\nDATA", "B <b@b.fr>", "b@b.fr,c@b.fr", "b", "", "b@b.fr SIZE=1"]
    async with OddSmtp().running() as port:
        delivery = await smtp.send(odd(port), a_mail(), [*impossible, "a@b.fr"])
    assert delivery.accepted == ("a@b.fr",)
    assert list(delivery.refused) == impossible


async def test_no_server_at_all_is_temporary() -> None:
    with pytest.raises(MailError, match="connexion refusée") as told:
        await smtp.send(odd(1), a_mail(), ["a@b.fr"])
    assert not told.value.permanent


# Receiving


async def test_mail_that_was_there_before_is_received(any_mail: MailPeer) -> None:
    sent = a_mail(sender="compta@client.test", to="bot@client.test").as_bytes()
    any_mail.deliver(sent, ["bot"], user="compta")
    [stored] = any_mail.wait_for("bot")
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.holds(1)
    [mail] = ledger.mails
    assert mail.content == stored
    assert (mail.folder, mail.truncated) == ("INBOX", False)
    assert mail.uidvalidity > 0


async def test_mail_that_comes_during_idle_is_received_without_a_poll(any_mail: MailPeer) -> None:
    ledger = Ledger()
    with receiving(any_mail.imap_starttls("bot"), ledger, poll_seconds=3600):
        await in_idle(ledger)
        for count in (1, 2, 3):
            any_mail.deliver(a_mail(f"n° {count}").as_bytes(), ["bot"])
            await ledger.holds(count)
    assert ledger.subjects() == ["n° 1", "n° 2", "n° 3"]
    assert ledger.states == [CONNECTED]


async def test_many_mails_at_once_are_all_received(any_mail: MailPeer) -> None:
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger, poll_seconds=3600):
        await asyncio.gather(
            *(asyncio.to_thread(any_mail.deliver, a_mail(f"{n}").as_bytes(), ["bot"]) for n in range(12))
        )
        await ledger.holds(12)
    assert sorted(ledger.subjects(), key=int) == [str(n) for n in range(12)]


async def test_a_mail_in_the_ledger_is_never_handed_over_again(any_mail: MailPeer) -> None:
    ledger = Ledger()
    any_mail.deliver(a_mail("un").as_bytes(), ["bot"])
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.holds(1)
    any_mail.deliver(a_mail("deux").as_bytes(), ["bot"])
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.holds(2)
        await in_idle(ledger)
    assert ledger.subjects() == ["un", "deux"]
    assert len(ledger.tries) == 2


async def test_a_mail_is_seen_only_once_it_is_written_down(any_mail: MailPeer) -> None:
    asked, written = threading.Event(), threading.Event()

    def slow_disk(mail: RawMail) -> None:
        asked.set()
        assert written.wait(20)

    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    any_mail.wait_for("bot")
    ledger = Ledger(slow_disk)
    with receiving(any_mail.imap("bot"), ledger):
        assert await asyncio.to_thread(asked.wait, 20)
        assert "\\Seen" not in any_mail.flags("bot")[0]
        written.set()
        await asyncio.to_thread(eventually, lambda: any_mail.flags("bot"), lambda flags: "\\Seen" in flags[0])


async def test_a_mail_that_cannot_be_written_down_stops_no_other_and_is_tried_again(
    any_mail: MailPeer, caplog: pytest.LogCaptureFixture
) -> None:
    def full_disk_once(mail: RawMail) -> None:
        if ledger.tries.count(mail.uid) == 1 and b"poison" in mail.content:
            raise OSError("no room for: secret words of the mail")

    ledger = Ledger(full_disk_once)
    any_mail.deliver(a_mail("poison").as_bytes(), ["bot"])
    any_mail.wait_for("bot")
    any_mail.deliver(a_mail("bon").as_bytes(), ["bot"])
    any_mail.wait_for("bot", 2)
    with caplog.at_level(logging.DEBUG, "bot"), receiving(any_mail.imap("bot"), ledger, poll_seconds=0.1):
        await ledger.holds(2)
    assert ledger.subjects() == ["bon", "poison"]
    assert ledger.states == [CONNECTED]
    assert "OSError" in caplog.text
    assert "secret words" not in caplog.text


async def test_mails_that_others_marked_as_deleted_are_not_expunged(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail("à garder").as_bytes(), ["bot"])
    any_mail.wait_for("bot")
    with any_mail.mailbox("bot") as box:
        box.client.uid("STORE", box.uids(charset=None)[0], "+FLAGS", "(\\Deleted)")
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.holds(1)
        any_mail.deliver(a_mail("nouveau").as_bytes(), ["bot"])
        await ledger.holds(2)
        await asyncio.to_thread(eventually, lambda: any_mail.flags("bot"), lambda all_: "\\Seen" in all_[-1])
    assert [read(raw)["Subject"] for raw in any_mail.messages("bot")] == ["à garder", "nouveau"]


async def test_handled_mails_are_moved_where_the_owner_wants_them(any_mail: MailPeer) -> None:
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger, handled_folder="Traités", poll_seconds=3600):
        for count in (1, 2):
            any_mail.deliver(a_mail(f"n° {count}").as_bytes(), ["bot"])
            await ledger.holds(count)
        await asyncio.to_thread(eventually, lambda: any_mail.messages("bot"), lambda left: not left)
    assert len(any_mail.messages("bot", "Traités")) == 2
    assert len(ledger.tries) == 2


async def test_what_a_crash_left_unmarked_is_marked_at_the_next_start(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    any_mail.wait_for("bot")
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.holds(1)
    with any_mail.mailbox("bot") as box:
        box.client.uid("STORE", box.uids(charset=None)[0], "-FLAGS", "(\\Seen)")
    with receiving(any_mail.imap("bot"), ledger):
        await asyncio.to_thread(eventually, lambda: any_mail.flags("bot"), lambda flags: "\\Seen" in flags[0])
    assert len(ledger.tries) == 1


async def test_of_a_mail_that_is_too_large_only_the_headers_are_fetched(
    any_mail: MailPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "LARGEST", 20_000)
    big = a_mail("énorme")
    big.add_attachment(PDF * 4, maintype="application", subtype="pdf", filename="gros.pdf")
    any_mail.deliver(big.as_bytes(), ["bot"])
    any_mail.deliver(a_mail("petit").as_bytes(), ["bot"])
    any_mail.wait_for("bot", 2)
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.holds(2)
    by_subject = {read(mail.content)["Subject"]: mail for mail in ledger.mails}
    assert by_subject["énorme"].truncated
    assert len(by_subject["énorme"].content) < 5_000
    assert not by_subject["petit"].truncated


async def test_the_receiver_comes_back_after_the_server_closed_the_connection(any_mail: MailPeer) -> None:
    link = Link(any_mail.imap_starttls_port)
    ledger = Ledger()
    async with link.running() as port:
        access = replace(any_mail.imap_starttls("bot"), port=port)
        with receiving(access, ledger, poll_seconds=3600) as receiver:
            await in_idle(ledger)
            link.cut()
            await ledger.state(lambda states: len(states) >= 2)
            await asyncio.to_thread(any_mail.deliver, a_mail("après").as_bytes(), ["bot"])
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert ledger.subjects() == ["après"]
    assert [state == CONNECTED for state in ledger.states] == [True, False, True]
    assert link.accepted == 2


async def test_stop_ends_a_receiver_in_idle_promptly(any_mail: MailPeer) -> None:
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger) as receiver:
        await in_idle(ledger)
        began = time.monotonic()
        receiver.stop()
        assert not receiver.is_alive()
        assert time.monotonic() - began < 2.5


async def test_stop_ends_a_receiver_whose_server_fell_silent(any_mail: MailPeer) -> None:
    link = Link(any_mail.imap_starttls_port)
    ledger = Ledger()
    async with link.running() as port:
        with receiving(replace(any_mail.imap_starttls("bot"), port=port), ledger) as receiver:
            await in_idle(ledger)
            link.silent = True
            began = time.monotonic()
            await asyncio.to_thread(receiver.stop)
            assert not receiver.is_alive()
            assert time.monotonic() - began < 2.5


async def test_news_in_the_same_packet_as_the_answer_to_idle_is_not_missed() -> None:
    server = OddImap(on_idle={1: b"Subject: 1\r\n\r\n"}, idle_says=[b"* 1 EXISTS\r\n"])
    ledger = Ledger()
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=3600) as receiver:
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert ledger.subjects() == ["1"]


async def test_news_in_the_answer_to_a_search_is_not_missed() -> None:
    server = OddImap({1: b"Subject: 1\r\n\r\n"}, after_search={2: b"Subject: 2\r\n\r\n"})
    ledger = Ledger()
    ledger.mails.append(RawMail("INBOX", 7, 1, b"Subject: 1\r\n\r\n"))
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=3600) as receiver:
            await ledger.holds(2)
            await asyncio.to_thread(receiver.stop)
    assert ledger.tries == [2]


async def test_a_server_that_drops_every_idle_does_not_make_the_receiver_spin() -> None:
    server = OddImap(drop_in_idle=True)
    ledger = Ledger()
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await asyncio.sleep(1.6)
            await asyncio.to_thread(receiver.stop)
    assert 1 <= server.commands.count("IDLE") <= 2


async def test_without_idle_the_folder_is_polled() -> None:
    server = OddImap(capabilities="IMAP4rev1")
    ledger = Ledger()
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.1) as receiver:
            await ledger.state(lambda states: CONNECTED in states)
            server.mails[5] = b"Subject: 5\r\n\r\n"
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert "IDLE" not in server.commands


async def test_a_mail_that_is_listed_but_not_given_hides_no_other() -> None:
    server = OddImap({uid: f"Subject: {uid}\r\n\r\n".encode() for uid in (1, 2, 3)}, hides=frozenset({1, 2}))
    ledger = Ledger()
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.1) as receiver:
            await ledger.holds(1)
            server.hides = frozenset()
            await ledger.holds(3)
            await asyncio.to_thread(receiver.stop)
    assert sorted(ledger.subjects()) == ["1", "2", "3"]


async def test_a_server_that_lets_nothing_be_marked_or_made_still_gives_its_mail() -> None:
    mails = {uid: f"Subject: {uid}\r\n\r\n".encode() for uid in (1, 2)}
    server = OddImap(mails, capabilities="IMAP4rev1 MOVE", refuses=("UID STORE", "CREATE"))
    ledger = Ledger()
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, handled_folder="Ailleurs") as receiver:
            await ledger.holds(2)
            await asyncio.to_thread(receiver.stop)
    assert ledger.tries == [1, 2]
    assert all(state == CONNECTED for state in ledger.states)


async def test_a_ledger_that_fails_does_not_kill_the_receiver(any_mail: MailPeer) -> None:
    ledger = Ledger()
    failures = [OSError("disk"), ValueError("database is locked")]

    def known(folder: str, uidvalidity: int) -> set[int]:
        if failures:
            raise failures.pop()
        return ledger.known(folder, uidvalidity)

    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    receiver = Receiver(any_mail.imap("bot"), known, ledger.keep, on_state=ledger.states.append)
    receiver.start()
    try:
        await ledger.holds(1)
    finally:
        receiver.stop()
    assert not failures


async def test_a_wrong_imap_password_is_told_and_is_not_repeated(any_mail: MailPeer) -> None:
    access = replace(any_mail.imap("bot"), password="pas-le-bon-secret")
    ledger = Ledger()
    with receiving(access, ledger):
        await ledger.state(bool)
    assert "mot de passe refusé" in ledger.states[0]
    assert "pas-le-bon-secret" not in ledger.states[0]
    with pytest.raises(MailError, match="mot de passe refusé") as told:
        await asyncio.to_thread(imap.check, access)
    assert told.value.permanent


async def test_the_doctor_learns_how_many_mails_and_whether_idle(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    any_mail.wait_for("bot")
    said = await asyncio.to_thread(imap.check, any_mail.imap("bot"))
    assert "1 message" in said
    assert "annonce les nouveaux messages (IDLE)" in said
    assert "bot@client.test" in await smtp.check(any_mail.smtp("bot"))
    assert any_mail.flags("bot") == [()]
    with pytest.raises(MailError, match="Absent"):
        await asyncio.to_thread(imap.check, replace(any_mail.imap("bot"), folder="Absent"))


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

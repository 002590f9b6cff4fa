"""Mail out, over the sandbox's servers, over postfix, and over servers that do one thing wrong."""

import asyncio
from dataclasses import replace

import pytest

from bot.mail import connection, smtp
from bot.mail.smtp import MailError
from tests.bot.posting import PDF, a_mail, odd, read
from tests.peers.mail import MailPeer
from tests.peers.misbehaving import DROP, SILENCE, OddSmtp


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
        await asyncio.to_thread(connection.check, replace(any_mail.imap("bot"), ca_file=None))
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

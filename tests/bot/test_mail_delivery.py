"""From the outbox to servers that do one thing wrong: nothing is lost, only what is marked uncertain comes twice."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import service
from bot.house import House, open_house
from bot.mail import smtp
from bot.mail.letter import Letter
from bot.mail.smtp import MailError
from core.settings import Settings
from handlers.answer import Answer
from tests.bot.posting import a_mail, odd, read
from tests.peers.mail import GONE, MailPeer
from tests.peers.misbehaving import ALWAYS, HOST, REFUSALS, TAKEN_UNSAID, Link, OddSmtp
from tests.peers.misbehaving.marks import each
from tests.peers.misbehaving.smtp import FAULTS as SMTP_FAULTS

SOON = 10**10  # a time after every next try


@contextmanager
def a_house(data: Path, *, port: int, tls: str = "none", ca_file: Path | None = None) -> Iterator[House]:
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
                "smtp_host": HOST,
                "smtp_port": port,
                "smtp_tls": tls,
                "imap_host": "localhost",
                "imap_login": "robot",
                "tls_ca": ca_file,
            }
        )
    )
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


def write(house: House, *recipients: str) -> None:
    with house.desk.atomic():
        for to in recipients:
            house.write_letter(Letter(to=to, subject="Facture", greeting="Bonjour,", parts=(Answer("Voici"),)))


async def post(house: House, *, rounds: int = 3, seconds: float = 1.0) -> None:
    """What the service does with its outbox, whenever it is time again."""
    running = service._Service(house)
    running._postman.connection = smtp.Connection(house.settings.smtp, seconds)
    for _ in range(rounds):
        for parcel in house.outbox.due("mail", SOON):
            await running._postman.post(parcel)
    await running._postman.connection.close()


def parcels(house: House) -> list[tuple[str, str, int]]:
    """(recipient, state, uncertain) of each mail that `write` made."""
    return house.desk.execute(
        "SELECT recipient, state, uncertain FROM outbox WHERE subject = 'Facture' ORDER BY id"
    ).fetchall()


def reason(house: House) -> str:
    (error,) = house.desk.execute("SELECT error FROM outbox WHERE channel = 'mail' ORDER BY id").fetchone()
    return str(error)


@pytest.mark.parametrize("wrong", each(*(name for name in SMTP_FAULTS if name not in REFUSALS)))
async def test_nothing_is_lost_and_only_the_uncertain_comes_twice(
    tmp_path: Path, odd_smtp: OddSmtp, wrong: str
) -> None:
    recipients = ["compta@client.test", "equipe@client.test"]
    async with odd_smtp.running() as port:
        with a_house(tmp_path, port=port) as house:
            write(house, *recipients)
            await post(house)
            twice = wrong in TAKEN_UNSAID  # the first of the two
            doubtful = twice or wrong == "drop at DATA"
            assert parcels(house) == [(recipients[0], "sent", int(doubtful)), (recipients[1], "sent", 0)]
    ids = [read(content)["Message-ID"] for content in odd_smtp.taken]
    assert len(set(ids)) == 2
    assert len(ids) == 2 + twice


@pytest.mark.parametrize("wrong", each(*REFUSALS, times=ALWAYS))
async def test_what_no_server_will_take_is_told_and_stops_no_other(
    tmp_path: Path, odd_smtp: OddSmtp, wrong: str
) -> None:
    async with odd_smtp.running() as port:
        with a_house(tmp_path, port=port) as house:
            write(house, "compta@client.test", "equipe@client.test")
            await post(house)
            assert [state for _, state, _ in parcels(house)] == ["failed", "failed"]
            assert REFUSALS[wrong] in reason(house)
    assert odd_smtp.taken == []


async def test_one_refused_recipient_does_not_hold_back_the_other(tmp_path: Path) -> None:
    server = OddSmtp({"RCPT <compta@client.test>": "550 5.1.1 unknown"})
    async with server.running() as port:
        with a_house(tmp_path, port=port) as house:
            write(house, "compta@client.test", "equipe@client.test")
            await post(house)
            assert [state for _, state, _ in parcels(house)] == ["failed", "sent"]
    # The other one got his; the technical contact, who has no chat here, is told of the failure by mail.
    assert [read(content)["To"] for content in server.taken] == ["equipe@client.test", "technique@client.test"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_link_that_is_not_safe_carries_nothing_and_the_mail_waits(tmp_path: Path, tls: str) -> None:
    server = OddSmtp()
    async with server.running() as port:
        with a_house(tmp_path, port=port, tls=tls) as house:
            write(house, "compta@client.test")
            await post(house, rounds=2)
            assert parcels(house) == [("compta@client.test", "queued", 0)]
            if tls == "starttls":
                assert "n'offre pas STARTTLS" in reason(house)
    assert not any(command.startswith(("MAIL", "AUTH")) for command in server.commands)


async def test_a_wrong_certificate_carries_nothing_and_the_mail_waits(tmp_path: Path, any_mail: MailPeer) -> None:
    with a_house(tmp_path, port=any_mail.smtp_port, tls="starttls") as house:
        write(house, "compta@client.test")
        await post(house, rounds=2, seconds=10)
        assert parcels(house) == [("compta@client.test", "queued", 0)]
        assert "certificat" in reason(house)
    assert any_mail.messages("compta") == []


async def test_a_network_that_dies_leaves_the_mail_for_later(tmp_path: Path, any_mail: MailPeer) -> None:
    link = Link(any_mail.smtp_port, silent=True)
    async with link.running() as port:
        with a_house(tmp_path, port=port, tls="starttls", ca_file=any_mail.ca_file) as house:
            write(house, "compta@client.test")
            await post(house, rounds=1, seconds=0.5)
            assert parcels(house) == [("compta@client.test", "queued", 0)]
            link.silent = False
            await post(house, rounds=1, seconds=20)
            assert parcels(house) == [("compta@client.test", "sent", 0)]
    assert len(await asyncio.to_thread(any_mail.wait_for, "compta")) == 1


async def test_a_batch_goes_over_one_connection() -> None:
    server = OddSmtp()
    async with server.running() as port:
        connection = smtp.Connection(odd(port))
        for n in range(3):
            await connection.send(a_mail(str(n)), ["a@b.fr"])
        await connection.close()
        await connection.send(a_mail("plus tard"), ["a@b.fr"])
        await connection.close()
    assert len(server.taken) == 4
    assert server.connections == 2
    assert server.commands.count("QUIT") == 2


async def test_a_connection_closed_between_two_mails_is_made_again_at_once() -> None:
    server = OddSmtp(closes_after=1)
    async with server.running() as port:
        connection = smtp.Connection(odd(port))
        for n in range(3):
            await connection.send(a_mail(str(n)), ["a@b.fr"])
        await connection.close()
    assert len(server.taken) == server.connections == 3


async def test_a_batch_over_the_real_servers(any_mail: MailPeer) -> None:
    connection = smtp.Connection(any_mail.smtp("bot"))
    for n in range(3):
        await connection.send(a_mail(str(n)), ["compta@client.test"])
    with pytest.raises(MailError):
        await connection.send(a_mail(), ["personne@client.test"])
    await connection.send(a_mail("3"), ["compta@client.test"])
    await connection.close()
    got = await asyncio.to_thread(any_mail.wait_for, "compta", 4)
    assert sorted(read(raw)["Subject"] for raw in got) == ["0", "1", "2", "3"]


# What the envelope says


async def test_the_envelope_asks_for_reports_of_failure_where_the_server_can_give_them() -> None:
    server = OddSmtp(offers=["DSN", "SIZE 1000000"])
    async with server.running() as port:
        await smtp.send(odd(port), a_mail(), ["a@b.fr"], envid="jeton=1+2 é")
    assert any(
        command.startswith("MAIL FROM:<bot@client.test> SIZE=") and command.endswith("RET=HDRS ENVID=jeton+3D1+2B2+20")
        for command in server.commands
    )
    assert "RCPT TO:<a@b.fr> NOTIFY=FAILURE" in server.commands


async def test_a_server_without_extensions_is_told_none_of_them() -> None:
    server = OddSmtp()  # no DSN, no SIZE, no 8BITMIME, no SMTPUTF8
    async with server.running() as port:
        await smtp.send(odd(port), a_mail("été"), ["a@b.fr"], envid="jeton")
    assert "MAIL FROM:<bot@client.test>" in server.commands
    assert "RCPT TO:<a@b.fr>" in server.commands
    [content] = server.taken
    assert content.isascii()


async def test_a_report_of_failure_names_the_envelope(postfix_dovecot: MailPeer) -> None:
    message = a_mail(to=GONE)
    await smtp.send(postfix_dovecot.smtp("bot"), message, [GONE], envid="jeton-42")
    [report] = await asyncio.to_thread(postfix_dovecot.wait_for, "bot")
    assert b"Original-Envelope-Id: jeton-42" in report
    assert str(message["Message-ID"]).encode() in report


async def test_a_mail_that_is_too_big_is_refused_before_it_is_sent() -> None:
    server = OddSmtp(offers=["SIZE 2000"])
    async with server.running() as port:
        with pytest.raises(MailError, match=r"trop gros pour 127\.0\.0\.1 .*qui en prend 0,1 Mo.*MAIL_MAX_MB") as told:
            await smtp.send(odd(port), a_mail(), ["a@b.fr"])
    assert (told.value.permanent, told.value.uncertain) == (True, False)
    assert not any(command.startswith("MAIL") for command in server.commands)


async def test_a_full_disk_at_the_server_is_not_a_mail_that_is_too_big() -> None:
    async with OddSmtp({"MAIL": "452 4.3.1 insufficient system storage"}).running() as port:
        with pytest.raises(MailError, match="452") as told:
            await smtp.send(odd(port), a_mail(), ["a@b.fr"])
    assert not told.value.permanent


async def test_the_doctor_learns_how_it_logs_in_and_whether_there_are_reports(any_mail: MailPeer) -> None:
    said = await smtp.check(any_mail.smtp("bot"))
    assert "authentifiée (bot@client.test, par mot de passe)" in said
    assert "DSN" in said
    async with OddSmtp(offers=["DSN", "SIZE 25000000"]).running() as port:
        said = await smtp.check(odd(port))
    assert "sans authentification" in said
    assert "rend compte des non-remises (DSN), et prend jusqu'à 25,0 Mo" in said

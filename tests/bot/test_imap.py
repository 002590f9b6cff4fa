"""Mail in, over the sandbox's servers, over dovecot, and over servers that do one thing wrong."""

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.mail import answering, connection, imap
from bot.mail.imap import CONNECTED, RawMail, Receiver
from bot.mail.smtp import MailError
from tests.bot.posting import PDF, Ledger, a_mail, in_idle, odd, read, receiving
from tests.peers.mail import MailPeer, eventually
from tests.peers.misbehaving import ALWAYS, Link, OddImap


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


@pytest.mark.fault("news with the answer to IDLE")
async def test_news_in_the_same_packet_as_the_answer_to_idle_is_not_missed(odd_imap: OddImap) -> None:
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=3600) as receiver:
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert ledger.subjects() == ["1"]


@pytest.mark.fault("news in the answer to a search")
async def test_news_in_the_answer_to_a_search_is_not_missed(odd_imap: OddImap) -> None:
    odd_imap.mails = {1: b"Subject: 1\r\n\r\n"}
    ledger = Ledger()
    ledger.mails.append(RawMail("INBOX", 7, 1, b"Subject: 1\r\n\r\n"))
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=3600) as receiver:
            await ledger.holds(2)
            await asyncio.to_thread(receiver.stop)
    assert ledger.tries == [2]


@pytest.mark.fault("drop in IDLE")
async def test_a_server_that_drops_every_idle_does_not_make_the_receiver_spin(odd_imap: OddImap) -> None:
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await asyncio.to_thread(eventually, lambda: odd_imap.count("IDLE"), bool)
            await asyncio.sleep(1.6)
            await asyncio.to_thread(receiver.stop)
    assert 1 <= odd_imap.commands.count("IDLE") <= 2


@pytest.mark.fault("no IDLE")
async def test_without_idle_the_folder_is_polled(odd_imap: OddImap) -> None:
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.1) as receiver:
            await ledger.state(lambda states: CONNECTED in states)
            odd_imap.mails[5] = b"Subject: 5\r\n\r\n"
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert "IDLE" not in odd_imap.commands


@pytest.mark.fault("listed and not given")
async def test_a_mail_that_is_listed_but_not_given_hides_no_other(odd_imap: OddImap) -> None:
    odd_imap.mails = {uid: f"Subject: {uid}\r\n\r\n".encode() for uid in (1, 2, 3)}
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.1) as receiver:
            await ledger.holds(1)
            odd_imap.hides = frozenset()
            await ledger.holds(3)
            await asyncio.to_thread(receiver.stop)
    assert sorted(ledger.subjects()) == ["1", "2", "3"]


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
        await asyncio.to_thread(connection.check, access)
    assert told.value.permanent


# A server that does one thing wrong


async def test_half_open_idle_is_noticed_and_the_next_mail_comes(
    any_mail: MailPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "IDLE_SECONDS", 0.5)
    monkeypatch.setattr(connection, "NETWORK_SECONDS", 1.0)
    link = Link(any_mail.imap_starttls_port)
    ledger = Ledger()
    async with link.running() as port:
        with receiving(replace(any_mail.imap_starttls("bot"), port=port), ledger) as receiver:
            await ledger.state(lambda states: CONNECTED in states)
            link.silent = True
            await ledger.state(lambda states: len(states) >= 2)
            link.silent = False
            await asyncio.to_thread(any_mail.deliver, a_mail("après").as_bytes(), ["bot"])
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert ledger.subjects() == ["après"]
    assert "ne répond pas à temps" in ledger.states[1]


@pytest.mark.fault("silence after DONE")
async def test_half_open_noop_a_server_that_falls_silent_after_done_is_left(
    monkeypatch: pytest.MonkeyPatch, odd_imap: OddImap
) -> None:
    monkeypatch.setattr(imap, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(connection, "NETWORK_SECONDS", 0.5)
    odd_imap.mails = {1: b"Subject: 1\r\n\r\n"}
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.state(lambda states: len(states) >= 3)
            await asyncio.to_thread(receiver.stop)
    assert ledger.tries == [1]


async def test_idle_is_renewed_before_the_server_would_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert imap.IDLE_SECONDS < 29 * 60
    monkeypatch.setattr(imap, "IDLE_SECONDS", 0.1)
    server = OddImap()
    ledger = Ledger()
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await asyncio.to_thread(eventually, lambda: server.count("IDLE"), lambda count: count >= 3)
            await asyncio.to_thread(receiver.stop)
    assert ledger.states == [CONNECTED]


@pytest.mark.fault("IDLE refused", times=ALWAYS)
async def test_idle_refused_although_it_is_offered_is_polled_for_an_hour(odd_imap: OddImap) -> None:
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.1) as receiver:
            await asyncio.to_thread(eventually, lambda: odd_imap.count("IDLE"), bool)
            odd_imap.mails[5] = b"Subject: 5\r\n\r\n"
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert odd_imap.count("IDLE") == 1
    assert ledger.states == [CONNECTED]


@pytest.mark.fault("drop in IDLE")
async def test_idle_dropped_twice_in_a_row_is_polled_for_an_hour(
    monkeypatch: pytest.MonkeyPatch, odd_imap: OddImap
) -> None:
    monkeypatch.setattr(imap, "FIRST_DELAY", 0.05)
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.1) as receiver:
            await asyncio.to_thread(eventually, lambda: odd_imap.count("IDLE"), lambda count: count == 2)
            odd_imap.mails[5] = b"Subject: 5\r\n\r\n"
            await ledger.holds(1)
            odd_imap.mails[6] = b"Subject: 6\r\n\r\n"
            await ledger.holds(2)
            await asyncio.to_thread(receiver.stop)
    assert odd_imap.count("IDLE") == 2
    assert ledger.states[-1] == CONNECTED


@pytest.mark.fault("IDLE refused")
async def test_idle_that_is_mended_after_an_hour_is_used_again(
    monkeypatch: pytest.MonkeyPatch, odd_imap: OddImap
) -> None:
    monkeypatch.setattr(imap, "WITHOUT_IDLE_SECONDS", 0.2)
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.1) as receiver:
            await asyncio.to_thread(eventually, lambda: odd_imap.count("IDLE"), lambda count: count == 2)
            await asyncio.to_thread(receiver.stop)


@pytest.mark.fault("news before the answer to IDLE")
async def test_news_before_the_answer_to_idle_is_no_refusal_and_is_not_missed(odd_imap: OddImap) -> None:
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=3600) as receiver:
            await ledger.holds(1)
            await asyncio.to_thread(receiver.stop)
    assert ledger.states == [CONNECTED]


@pytest.mark.fault("news in every answer")
async def test_news_in_every_answer_do_not_make_the_receiver_spin(odd_imap: OddImap) -> None:
    odd_imap.mails = {1: b"Subject: 1\r\n\r\n"}
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await asyncio.to_thread(eventually, lambda: odd_imap.count("IDLE"), bool)
            await asyncio.to_thread(receiver.stop)
    assert odd_imap.count("UID SEARCH") <= imap.MOST_FRUITLESS + 2


@pytest.mark.fault("stray FETCH")
async def test_a_stray_fetch_is_taken_for_no_other_mail(odd_imap: OddImap) -> None:
    odd_imap.mails = {uid: f"Subject: {uid}\r\n\r\n".encode() for uid in (1, 2)}
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.holds(2)
            await asyncio.to_thread(receiver.stop)
    assert [(mail.uid, mail.content) for mail in ledger.mails] == list(odd_imap.mails.items())


@pytest.mark.fault("listed and gone")
async def test_a_mail_that_is_listed_and_gone_is_forgotten(odd_imap: OddImap) -> None:
    odd_imap.mails = {2: b"Subject: 2\r\n\r\n"}
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.05) as receiver:
            await asyncio.to_thread(eventually, lambda: odd_imap.count("IDLE"), bool)
            await asyncio.to_thread(receiver.stop)
    assert ledger.subjects() == ["2"]
    assert ledger.states == [CONNECTED]


@pytest.mark.fault("listed and not given")
async def test_a_mail_that_is_never_given_is_not_asked_for_at_every_poll(odd_imap: OddImap) -> None:
    odd_imap.mails = {1: b"Subject: 1\r\n\r\n"}
    ledger = Ledger()
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.05) as receiver:
            await asyncio.to_thread(eventually, lambda: odd_imap.count("IDLE"), lambda count: count >= imap.MOST_TRIES)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(receiver.stop)
    assert odd_imap.count("UID FETCH 1 (UID BODY") == imap.MOST_TRIES


async def test_a_changed_uidvalidity_gives_every_mail_again_under_its_new_name() -> None:
    server = OddImap({1: b"Message-ID: <un@x>\r\n\r\n"})
    ledger = Ledger()
    async with server.running() as port:
        for uidvalidity in (7, 8):
            server.uidvalidity = uidvalidity
            with receiving(replace(odd(port), login="x"), ledger) as receiver:
                await ledger.holds(uidvalidity - 6)
                await asyncio.to_thread(receiver.stop)
    assert [(mail.uidvalidity, mail.uid) for mail in ledger.mails] == [(7, 1), (8, 1)]


# A large mailbox


async def test_after_the_first_look_only_later_mails_are_listed() -> None:
    server = OddImap({uid: f"Subject: {uid}\r\n\r\n".encode() for uid in (3, 5)})
    ledger = Ledger()
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger, poll_seconds=0.05) as receiver:
            await ledger.holds(2)
            await asyncio.to_thread(eventually, lambda: server.count("IDLE"), bool)
            server.mails[9] = b"Subject: 9\r\n\r\n"
            receiver.file_now()
            await ledger.holds(3)
            await asyncio.to_thread(receiver.stop)
    searches = [command for command in server.commands if command.startswith("UID SEARCH")]
    assert searches[0].startswith("UID SEARCH SINCE")
    assert set(searches[1:]) <= {"UID SEARCH UID 6:*", "UID SEARCH UID 10:*"}
    assert server.count("UID FETCH 3 (") == 1


async def test_mails_that_came_long_ago_are_neither_fetched_nor_touched(postfix_dovecot: MailPeer) -> None:
    assert imap.FIRST_LOOK_DAYS * 86400 >= answering.TOO_OLD + 2 * 86400
    now = datetime.now(UTC)
    postfix_dovecot.put("bot", a_mail("ancien").as_bytes(), at=now - timedelta(days=imap.FIRST_LOOK_DAYS + 2))
    postfix_dovecot.put("bot", a_mail("hier").as_bytes(), at=now - timedelta(days=1))
    ledger = Ledger()
    with receiving(postfix_dovecot.imap("bot"), ledger):
        await in_idle(ledger)
    assert ledger.subjects() == ["hier"]
    assert postfix_dovecot.flags("bot") == [(), ()]

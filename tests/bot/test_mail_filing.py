"""Mails that were dealt with are marked as seen and moved; the others are not touched."""

import asyncio
import threading
from dataclasses import replace

import pytest

from bot.mail import connection
from bot.mail.imap import RawMail
from bot.mail.smtp import MailError
from tests.bot.posting import Ledger, a_mail, in_idle, odd, read, receiving
from tests.peers.mail import MailPeer, eventually
from tests.peers.misbehaving import OddImap


async def test_a_mail_is_seen_only_once_it_was_dealt_with(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger, poll_seconds=3600) as receiver:
        await ledger.holds(1)
        await in_idle(ledger)
        assert "\\Seen" not in any_mail.flags("bot")[0]
        ledger.waiting[ledger.mails[0].uid] = ""
        receiver.file_now()
        await ledger.has_filed(1)
        assert "\\Seen" in any_mail.flags("bot")[0]
    assert len(ledger.tries) == 1


async def test_mails_that_were_dealt_with_are_moved_each_where_it_belongs(any_mail: MailPeer) -> None:
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger, poll_seconds=3600) as receiver:
        for count, target in ((1, "Traités"), (2, "À voir"), (3, "Traités")):
            any_mail.deliver(a_mail(f"n° {count}").as_bytes(), ["bot"])
            await ledger.holds(count)
            ledger.waiting[ledger.mails[-1].uid] = target
            receiver.file_now()
            await ledger.has_filed(count)
    assert any_mail.messages("bot") == []
    assert [read(raw)["Subject"] for raw in any_mail.messages("bot", "Traités")] == ["n° 1", "n° 3"]
    assert [read(raw)["Subject"] for raw in any_mail.messages("bot", "À voir")] == ["n° 2"]
    assert any_mail.flags("bot", "À voir") == [("\\Seen",)] or "\\Seen" in any_mail.flags("bot", "À voir")[0]
    assert len(ledger.tries) == 3


async def test_the_folders_are_subscribed_to(postfix_dovecot: MailPeer) -> None:
    postfix_dovecot.deliver(a_mail().as_bytes(), ["bot"])
    ledger = Ledger()
    with receiving(postfix_dovecot.imap("bot"), ledger) as receiver:
        await ledger.holds(1)
        ledger.waiting[ledger.mails[0].uid] = "Traités"
        receiver.file_now()
        await ledger.has_filed(1)
    with postfix_dovecot.mailbox("bot") as box:
        assert "Traités" in [folder.name for folder in box.folder.list(subscribed_only=True)]


async def test_mails_that_others_marked_as_deleted_are_not_expunged(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail("à garder").as_bytes(), ["bot"])
    any_mail.wait_for("bot")
    with any_mail.mailbox("bot") as box:
        box.client.uid("STORE", box.uids(charset=None)[0], "+FLAGS", "(\\Deleted)")
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger) as receiver:
        await ledger.holds(1)
        any_mail.deliver(a_mail("nouveau").as_bytes(), ["bot"])
        await ledger.holds(2)
        ledger.waiting[ledger.mails[1].uid] = "Traités"
        receiver.file_now()
        await ledger.has_filed(1)
    assert [read(raw)["Subject"] for raw in any_mail.messages("bot")] == ["à garder"]


async def test_what_a_crash_left_unfiled_is_filed_at_the_next_start(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.holds(1)
    ledger.waiting[ledger.mails[0].uid] = "Traités"
    with receiving(any_mail.imap("bot"), ledger):
        await ledger.has_filed(1)
    assert len(any_mail.messages("bot", "Traités")) == 1


async def test_a_mail_that_is_no_longer_there_counts_as_filed(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    ledger = Ledger()
    with receiving(any_mail.imap("bot"), ledger) as receiver:
        await ledger.holds(1)
        with any_mail.mailbox("bot") as box:
            box.delete(box.uids(charset=None))
        ledger.waiting[ledger.mails[0].uid] = "Traités"
        receiver.file_now()
        await ledger.has_filed(1)


@pytest.mark.fault("drop after MOVE")
async def test_a_connection_lost_between_the_move_and_its_record_moves_nothing_twice(
    odd_imap: OddImap,
) -> None:
    odd_imap.mails = {1: b"Subject: 1\r\n\r\n"}
    ledger = Ledger()
    ledger.waiting[1] = "Traités"
    async with odd_imap.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.has_filed(1)
            await asyncio.to_thread(receiver.stop)
    assert len(odd_imap.folders["Traités"]) == 1
    assert ledger.tries == [1]


async def test_a_folder_that_was_removed_is_made_again(postfix_dovecot: MailPeer) -> None:
    ledger = Ledger()
    with receiving(postfix_dovecot.imap("bot"), ledger, poll_seconds=3600) as receiver:
        for count in (1, 2):
            postfix_dovecot.deliver(a_mail(f"n° {count}").as_bytes(), ["bot"])
            await ledger.holds(count)
            ledger.waiting[ledger.mails[-1].uid] = "Traités"
            receiver.file_now()
            await ledger.has_filed(count)
            if count == 1:
                with postfix_dovecot.mailbox("bot") as box:
                    box.folder.delete("Traités")
    assert [read(raw)["Subject"] for raw in postfix_dovecot.messages("bot", "Traités")] == ["n° 2"]


# Servers that cannot do it as they should


async def test_own_folders_that_begin_with_a_prefix_and_no_move(prefixed_dovecot: MailPeer) -> None:
    prefixed_dovecot.empty()
    ledger = Ledger()
    with receiving(prefixed_dovecot.imap("bot"), ledger, poll_seconds=3600) as receiver:
        for count in (1, 2):
            prefixed_dovecot.put("bot", a_mail(f"n° {count}").as_bytes())
        await ledger.holds(2)
        ledger.waiting[ledger.mails[0].uid] = "Traités"
        receiver.file_now()
        await ledger.has_filed(1)
    assert [read(raw)["Subject"] for raw in prefixed_dovecot.messages("bot", "INBOX.Traités")] == ["n° 1"]
    assert [read(raw)["Subject"] for raw in prefixed_dovecot.messages("bot")] == ["n° 2"]
    said = await asyncio.to_thread(connection.check, prefixed_dovecot.imap("bot"), ["Traités", "INBOX.À voir"])
    assert "rangement prêt dans « INBOX.Traités » et « INBOX.À voir »" in said


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 IDLE MOVE NAMESPACE", "IMAP4rev1 IDLE UIDPLUS NAMESPACE"])
async def test_namespace_with_prefix_names_the_folder(capabilities: str) -> None:
    server = OddImap(dict.fromkeys((1, 2), b"Subject: x\r\n\r\n"), capabilities=capabilities, prefix="INBOX.")
    ledger = Ledger()
    ledger.waiting |= {1: "Traités", 2: "INBOX.À voir"}
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.has_filed(2)
            await asyncio.to_thread(receiver.stop)
    assert {name: len(mails) for name, mails in server.folders.items()} == {"INBOX.Traités": 1, "INBOX.À voir": 1}
    assert sorted(server.subscribed) == sorted(server.folders)
    assert server.mails == {}


async def test_move_and_uidplus_absent_leaves_the_mail_marked_as_seen() -> None:
    server = OddImap({1: b"Subject: 1\r\n\r\n"}, capabilities="IMAP4rev1 IDLE")
    ledger = Ledger()
    ledger.waiting[1] = "Traités"
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.has_filed(1)
            await asyncio.to_thread(receiver.stop)
    assert (list(server.mails), server.seen, server.deleted) == ([1], {1}, set())


@pytest.mark.parametrize("refused", ["UID STORE", "CREATE", "UID MOVE"])
async def test_a_server_that_lets_nothing_be_marked_made_or_moved_still_gives_its_mail(refused: str) -> None:
    mails = {uid: f"Subject: {uid}\r\n\r\n".encode() for uid in (1, 2)}
    server = OddImap(mails, capabilities="IMAP4rev1 IDLE MOVE", refuses=(refused,))
    ledger = Ledger()
    ledger.waiting[1] = "Traités"
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.holds(2)
            for _ in range(5):
                receiver.file_now()
            await asyncio.to_thread(receiver.stop)
    assert ledger.tries == [1, 2]
    assert all(state.startswith("connecté") for state in ledger.states)
    assert server.count(refused) <= 2  # it is not asked again at every look


async def test_a_copy_that_cannot_be_removed_is_not_copied_again() -> None:
    server = OddImap(
        {1: b"Subject: 1\r\n\r\n"}, capabilities="IMAP4rev1 IDLE UIDPLUS", refuses=("UID STORE 1 +FLAGS.SILENT (\\Del",)
    )
    ledger = Ledger()
    ledger.waiting[1] = "Traités"
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.has_filed(1)
            receiver.file_now()
            await asyncio.to_thread(receiver.stop)
    assert len(server.folders["Traités"]) == 1


async def test_a_mail_is_never_moved_onto_its_own_folder() -> None:
    server = OddImap({1: b"Subject: 1\r\n\r\n"}, capabilities="IMAP4rev1 IDLE MOVE", folders={"Inbox": []})
    ledger = Ledger()
    ledger.waiting[1] = "Inbox"
    async with server.running() as port:
        with receiving(replace(odd(port), login="x"), ledger) as receiver:
            await ledger.has_filed(1)
            await asyncio.to_thread(receiver.stop)
    assert server.count("UID MOVE") == 0


async def test_a_slow_ledger_does_not_mark_what_it_does_not_have(any_mail: MailPeer) -> None:
    asked, written = threading.Event(), threading.Event()

    def slow_disk(mail: RawMail) -> None:
        asked.set()
        assert written.wait(20)

    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    ledger = Ledger(slow_disk)
    with receiving(any_mail.imap("bot"), ledger):
        assert await asyncio.to_thread(asked.wait, 20)
        assert "\\Seen" not in any_mail.flags("bot")[0]
        written.set()
        await asyncio.to_thread(eventually, lambda: list(ledger.mails), bool)


async def test_the_doctor_learns_how_many_mails_whether_idle_and_where_they_go(any_mail: MailPeer) -> None:
    any_mail.deliver(a_mail().as_bytes(), ["bot"])
    any_mail.wait_for("bot")
    said = await asyncio.to_thread(connection.check, any_mail.imap("bot"), ["Traités", "À voir"])
    assert "1 message" in said
    assert "par mot de passe" in said
    assert "annonce les nouveaux messages (IDLE)" in said
    assert "rangement prêt dans « Traités » et « À voir »" in said
    assert any_mail.flags("bot") == [()]
    with pytest.raises(MailError, match="Absent"):
        await asyncio.to_thread(connection.check, replace(any_mail.imap("bot"), folder="Absent"))


async def test_the_doctor_says_that_folders_cannot_be_made() -> None:
    server = OddImap(capabilities="IMAP4rev1 MOVE", refuses=("CREATE",))
    async with server.running() as port:
        said = await asyncio.to_thread(connection.check, replace(odd(port), login="x"), ["Traités", "À voir"])
    assert "les dossiers « Traités » et « À voir » ne peuvent pas être créés" in said

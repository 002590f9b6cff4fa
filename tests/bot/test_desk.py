"""The desk: who is known, what came in, what goes out; all of it on disk, and as it should be after a crash."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.desk import FILE_NAME, audit, open_desk, progress, replies, threads
from bot.desk.inbox import CRASHED, Aside, Inbox, mail_key
from bot.desk.outbox import CHAT_DELAYS, DELAYS, KEPT, Entry, Outbox, Parcel, envid_of
from bot.desk.people import ACCOUNTING, CODE_LIFE, CODE_REST, MOST_FAILURES, PAUSE, TECHNICAL, People
from bot.desk.replies import Reply
from tests.handlers.filled import NOW, settings

CHAT, OTHER = 4200001, 4200002


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = open_desk(tmp_path)
    yield db
    db.close()


@pytest.fixture
def people(db: Database, tmp_path: Path) -> People:
    people = People(db)
    people.follow(settings(tmp_path))
    return people


@pytest.fixture
def inbox(db: Database) -> Inbox:
    return Inbox(db)


@pytest.fixture
def outbox(db: Database) -> Outbox:
    return Outbox(db)


def test_the_store_is_its_owners_alone(db: Database, tmp_path: Path) -> None:
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0


# People


def test_the_people_of_the_settings_have_their_roles(people: People) -> None:
    found = {contact.email: contact.person.roles for contact in people.everyone()}
    assert found == {
        "technique@telecom.example": {"technique"},
        "compta@telecom.example": {"comptabilité"},
        "equipe@telecom.example": {"équipe"},
    }


def test_an_address_is_known_without_regard_to_case(people: People) -> None:
    contact = people.by_email("Technique@TELECOM.example")
    assert contact
    assert contact.person.name == "Camille Martin"


def test_who_is_no_longer_in_the_settings_has_no_role_left(people: People, tmp_path: Path) -> None:
    people.follow(settings(tmp_path, staff_emails=""))
    assert people.by_email("equipe@telecom.example") is None


def test_a_code_mailed_to_an_address_that_the_settings_replaced_binds_nothing(people: People, tmp_path: Path) -> None:
    code = people.new_code(TECHNICAL, NOW)
    people.follow(settings(tmp_path))
    kept = people.new_code(TECHNICAL, NOW)
    assert people.enrol(OTHER, kept, NOW)
    people.follow(settings(tmp_path, technical_email="autre@telecom.example"))
    assert people.enrol(CHAT, code, NOW) is None


def test_an_address_of_two_roles_has_the_technical_one(people: People, tmp_path: Path) -> None:
    people.follow(settings(tmp_path, accounting_email="technique@telecom.example"))
    contact = people.by_email("technique@telecom.example")
    assert contact
    assert contact.person.id == TECHNICAL


def test_a_chat_outlives_new_settings(people: People, tmp_path: Path) -> None:
    people.enrol(CHAT, people.new_code(TECHNICAL, NOW), NOW)
    people.follow(settings(tmp_path, technical_contact="Dominique Durand"))
    contact = people.by_chat(CHAT)
    assert contact
    assert contact.person.name == "Dominique Durand"


def test_a_code_binds_the_chat_to_its_person(people: People) -> None:
    contact = people.enrol(CHAT, people.new_code(TECHNICAL, NOW), NOW)
    assert contact
    assert contact.person.id == TECHNICAL
    assert people.chats_of(TECHNICAL) == [CHAT]


def test_a_code_serves_once(people: People) -> None:
    code = people.new_code(TECHNICAL, NOW)
    people.enrol(CHAT, code, NOW)
    assert people.enrol(OTHER, code, NOW) is None
    assert people.by_chat(OTHER) is None


def test_a_code_ends_after_two_days(people: People) -> None:
    code = people.new_code(TECHNICAL, NOW)
    assert people.enrol(CHAT, code, NOW + CODE_LIFE) is None
    assert people.enrol(CHAT, code, NOW + CODE_LIFE - 1)


def test_a_code_is_kept_as_a_hash_only(people: People, db: Database, tmp_path: Path) -> None:
    code = people.new_code(TECHNICAL, NOW)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert code.encode() not in (tmp_path / FILE_NAME).read_bytes()


def test_two_codes_are_never_the_same(people: People) -> None:
    codes = {people.new_code(TECHNICAL, NOW) for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code) >= 20 for code in codes)


def test_a_wrong_code_binds_nobody(people: People) -> None:
    people.new_code(TECHNICAL, NOW)
    assert people.enrol(CHAT, "un-code-invente", NOW) is None
    assert people.by_chat(CHAT) is None


def test_after_too_many_wrong_codes_even_the_right_one_must_wait(people: People) -> None:
    code = people.new_code(TECHNICAL, NOW)
    for _ in range(MOST_FAILURES):
        people.enrol(CHAT, "faux", NOW)
    assert people.enrol(CHAT, code, NOW + PAUSE - 1) is None
    assert people.enrol(CHAT, code, NOW + PAUSE)


def test_wrong_codes_of_one_chat_do_not_hinder_another(people: People) -> None:
    code = people.new_code(TECHNICAL, NOW)
    for _ in range(MOST_FAILURES + 3):
        people.enrol(CHAT, "faux", NOW)
    assert people.enrol(OTHER, code, NOW)


def test_a_wrong_code_after_the_pause_starts_a_new_count(people: People) -> None:
    code = people.new_code(TECHNICAL, NOW)
    for _ in range(MOST_FAILURES):
        people.enrol(CHAT, "faux", NOW)
    people.enrol(CHAT, "faux", NOW + PAUSE)
    assert people.enrol(CHAT, code, NOW + PAUSE)


def test_a_person_needs_a_code_until_he_has_a_chat_or_was_mailed_one_lately(people: People) -> None:
    assert people.needs_code(TECHNICAL, NOW)
    code = people.new_code(TECHNICAL, NOW)
    assert not people.needs_code(TECHNICAL, NOW)
    assert not people.needs_code(TECHNICAL, NOW + CODE_LIFE)
    assert people.needs_code(TECHNICAL, NOW + CODE_REST)
    people.enrol(CHAT, code, NOW)
    assert not people.needs_code(TECHNICAL, NOW + CODE_REST)


def test_a_stranger_is_told_once(people: People) -> None:
    assert people.tell_stranger(CHAT, NOW)
    assert not people.tell_stranger(CHAT, NOW + 10**6)


def test_a_stranger_who_tried_a_code_first_is_still_told_once(people: People) -> None:
    people.enrol(CHAT, "faux", NOW)
    assert [people.tell_stranger(CHAT, NOW) for _ in range(2)] == [True, False]


def test_a_dead_chat_is_written_to_no_more_but_still_known(people: People) -> None:
    people.enrol(CHAT, people.new_code(TECHNICAL, NOW), NOW)
    assert [people.mark_dead(CHAT, NOW) for _ in range(2)] == [True, False]
    assert people.chats_of(TECHNICAL) == []
    assert people.by_chat(CHAT)
    assert people.needs_code(TECHNICAL, NOW)


def test_a_dead_chat_can_be_alive_again(people: People) -> None:
    people.enrol(CHAT, people.new_code(TECHNICAL, NOW), NOW)
    people.mark_dead(CHAT, NOW)
    assert [people.revive(CHAT) for _ in range(2)] == [True, False]
    assert people.chats_of(TECHNICAL) == [CHAT]
    assert people.mark_dead(CHAT, NOW)


def test_a_dead_chat_is_so_on_disk(people: People, tmp_path: Path) -> None:
    people.enrol(CHAT, people.new_code(TECHNICAL, NOW), NOW)
    people.mark_dead(CHAT, NOW)
    other = sqlite3.connect(tmp_path / FILE_NAME)
    assert other.execute("SELECT dead_at FROM chats").fetchone() == (NOW,)
    other.close()


def test_a_new_code_revives_a_dead_chat(people: People) -> None:
    people.enrol(CHAT, people.new_code(TECHNICAL, NOW), NOW)
    people.mark_dead(CHAT, NOW)
    people.enrol(CHAT, people.new_code(TECHNICAL, NOW), NOW)
    assert people.chats_of(TECHNICAL) == [CHAT]


# Inbox


def add(inbox: Inbox, key: str = "1", conversation: str = "chat:1", message_id: str = "") -> None:
    inbox.add("chat", key, conversation, b"{}", message_id)


def test_the_same_key_is_written_down_once(inbox: Inbox) -> None:
    add(inbox)
    add(inbox)
    assert len(inbox.new()) == 1


def test_the_same_key_is_not_new_again_once_it_is_answered(inbox: Inbox) -> None:
    add(inbox)
    inbox.done(inbox.new()[0])
    add(inbox)
    assert inbox.new() == []


def test_the_same_key_by_another_door_is_another_thing(inbox: Inbox) -> None:
    add(inbox)
    inbox.add("mail", "1", "mail", b"")
    assert len(inbox.new()) == 2


def test_what_waits_comes_oldest_first(inbox: Inbox) -> None:
    for key in ("9", "3", "5"):
        add(inbox, key, conversation=key)
    assert [item.conversation for item in inbox.new()] == ["9", "3", "5"]


def test_an_attempt_is_counted_before_its_end(inbox: Inbox) -> None:
    add(inbox)
    inbox.begin(inbox.new()[0])
    inbox.begin(inbox.new()[0])
    assert inbox.new()[0].tries == 2


def test_what_is_answered_leaves_no_content(inbox: Inbox, db: Database) -> None:
    add(inbox)
    inbox.done(inbox.new()[0])
    assert list(db.query("SELECT state, payload FROM inbox")) == [{"state": "done", "payload": None}]


def test_what_failed_keeps_its_content_and_is_not_tried_again(inbox: Inbox, db: Database) -> None:
    add(inbox)
    inbox.failed(inbox.new()[0])
    assert inbox.new() == []
    assert list(db.query("SELECT state, payload FROM inbox")) == [{"state": "failed", "payload": b"{}"}]


def a_mail_aside(inbox: Inbox, reason: str = "", key: str = "INBOX/1/1") -> Aside:
    inbox.add("mail", key, "mail", b"broken")
    item = inbox.new()[0]
    inbox.begin(item)
    inbox.failed(item, reason)
    return inbox.aside("mail")[-1]


def test_what_was_set_aside_says_why(inbox: Inbox) -> None:
    inbox.add("mail", "INBOX/1/1", "mail", b"broken")
    item = inbox.new()[0]
    inbox.stumbled(item, "erreur interne (ValueError)")
    inbox.failed(item)
    a_mail_aside(inbox, "expéditeur absent", "INBOX/1/2")
    a_mail_aside(inbox, key="INBOX/1/3")
    add(inbox)
    inbox.failed(inbox.new()[0])
    assert [it.reason for it in inbox.aside("mail")] == ["erreur interne (ValueError)", "expéditeur absent", CRASHED]
    assert inbox.count_aside("mail") == 3


def test_what_was_set_aside_is_tried_anew_as_it_came_or_repaired(inbox: Inbox) -> None:
    aside = a_mail_aside(inbox)
    assert inbox.replay(aside)
    assert [(inbox.taken(it).payload, it.tries) for it in inbox.new()] == [(b"broken", 0)]
    assert not inbox.replay(aside)
    inbox.failed(inbox.new()[0])
    assert inbox.replay(aside, b"repaired")
    assert [inbox.taken(it).payload for it in inbox.new()] == [b"repaired"]


def test_what_was_set_aside_can_be_given_up_with_its_content(inbox: Inbox, db: Database) -> None:
    aside = a_mail_aside(inbox)
    assert inbox.drop(aside)
    assert inbox.one_aside("mail", aside.id) is None
    assert not inbox.replay(aside)
    assert db.execute("SELECT payload FROM inbox").fetchone() == (None,)


def test_an_answer_that_is_rolled_back_leaves_the_question_to_be_answered(inbox: Inbox, db: Database) -> None:
    add(inbox)
    with suppress(ZeroDivisionError), db.atomic():
        inbox.done(inbox.new()[0])
        raise ZeroDivisionError
    assert len(inbox.new()) == 1


def test_a_mail_that_moved_is_known_by_its_message_id(inbox: Inbox) -> None:
    add(inbox, "INBOX/1/1", message_id="<a@x.test>")
    inbox.done(inbox.new()[0])
    add(inbox, "INBOX/2/1", message_id="<a@x.test>")
    assert inbox.already_answered(inbox.new()[0], "<a@x.test>")


def test_a_mail_without_message_id_is_never_taken_for_another(inbox: Inbox) -> None:
    add(inbox, "1")
    inbox.done(inbox.new()[0])
    add(inbox, "2")
    assert not inbox.already_answered(inbox.new()[0], "")


def test_the_uids_known_are_those_of_their_folder_and_validity(inbox: Inbox) -> None:
    for folder, validity, uid in (("INBOX", 1, 7), ("INBOX", 1, 12), ("INBOX", 2, 8), ("INBOX_%", 1, 9)):
        inbox.add("mail", mail_key(folder, validity, uid), "mail", b"")
    assert inbox.mail_uids("INBOX", 1) == {7, 12}


def test_mails_wait_to_be_filed_where_they_belong_until_they_are(inbox: Inbox) -> None:
    for uid in range(1, 5):
        inbox.add("mail", mail_key("INBOX", 7, uid), f"mail:{uid}", b"x")
    inbox.add("mail", mail_key("INBOX", 8, 1), "mail:5", b"x")
    inbox.add("chat", "1", "chat:1", b"x")
    handled, aside, left, _, other, chat = inbox.new()
    for item in (handled, other, chat):
        inbox.done(item)
    inbox.failed(aside)
    inbox.done(left, file=False)
    assert inbox.to_file("INBOX", 7) == {1: "handled", 2: "set aside"}
    inbox.filed("INBOX", 7, [1, 2])
    assert inbox.to_file("INBOX", 7) == {}
    assert inbox.to_file("INBOX", 8) == {1: "handled"}
    assert inbox.waits_for_filing()


def test_an_awaited_file_belongs_to_its_conversation_until_its_time(inbox: Inbox) -> None:
    inbox.await_next("files", "chat:1", "upload logo", until=NOW + 60)
    assert inbox.awaited("files", "chat:1", NOW) == "upload logo"
    assert inbox.awaited("files", "chat:2", NOW) == ""
    assert inbox.awaited("files", "chat:1", NOW + 60) == ""


def test_the_last_command_that_asked_for_a_file_counts(inbox: Inbox) -> None:
    inbox.await_next("files", "chat:1", "upload logo", until=NOW + 60)
    inbox.await_next("files", "chat:1", "upload bandeau", until=NOW + 60)
    assert inbox.awaited("files", "chat:1", NOW) == "upload bandeau"


def test_an_awaited_file_can_be_given_up(inbox: Inbox) -> None:
    inbox.await_next("files", "chat:1", "upload logo", until=NOW + 60)
    inbox.await_next("files", "chat:1", "", until=NOW + 60)
    assert inbox.awaited("files", "chat:1", NOW) == ""


# Outbox


def now() -> int:
    return int(time.time())


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock stands: a second that ends amid a test moves nothing."""
    moment = float(now())
    monkeypatch.setattr(time, "time", lambda: moment)


def due(outbox: Outbox, at: int | None = None) -> list[bytes]:
    return [parcel.payload for parcel in outbox.due("mail", at or now())]


def first(outbox: Outbox, at: int | None = None) -> Parcel:
    return outbox.due("mail", at or now())[0]


def entry(outbox: Outbox) -> Entry:
    (only,) = outbox.everything(2)
    return only


def state(db: Database) -> dict[str, object]:
    (row,) = db.query("SELECT state, uncertain, tries, payload, attachment, error FROM outbox")
    return row


def test_a_recipients_parcels_come_in_their_order(outbox: Outbox) -> None:
    for word in (b"one", b"two", b"three"):
        outbox.add("mail", "a@x.test", word)
    sent = []
    while parcels := outbox.due("mail", now()):
        for parcel in parcels:
            outbox.sending(parcel)
            outbox.sent(parcel)
            sent.append(parcel.payload)
    assert sent == [b"one", b"two", b"three"]


def test_none_overtakes_a_parcel_that_fails_in_the_same_round(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.add("mail", "a@x.test", b"two")
    sent = []
    for number, parcel in enumerate(outbox.due("mail", now())):
        outbox.sending(parcel)
        if number == 0:
            outbox.again(parcel, "plus tard")
        else:
            sent.append(parcel.payload)
    assert sent == []


def test_none_overtakes_a_parcel_that_waits(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.again(first(outbox), "plus tard")
    outbox.add("mail", "a@x.test", b"two")
    assert due(outbox) == []


def test_another_recipient_does_not_wait(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.again(first(outbox), "plus tard")
    outbox.add("mail", "b@x.test", b"two")
    assert due(outbox) == [b"two"]


def test_a_parcel_given_up_frees_the_way(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.add("mail", "a@x.test", b"two")
    outbox.failed(first(outbox), "adresse inconnue")
    assert due(outbox) == [b"two"]


def test_the_channels_do_not_mix(outbox: Outbox) -> None:
    outbox.add("chat", "42", b"chat")
    outbox.add("mail", "a@x.test", b"mail")
    assert due(outbox) == [b"mail"]


def test_the_next_try_is_that_of_the_parcel_at_the_head(outbox: Outbox) -> None:
    assert outbox.next_try("mail") is None
    outbox.add("mail", "a@x.test", b"one")
    outbox.again(first(outbox), "plus tard", after=500)
    outbox.add("mail", "a@x.test", b"two")
    when = outbox.next_try("mail")
    assert when is not None
    assert when > now() + 400


def test_what_was_being_sent_at_a_crash_is_sent_again_and_marked(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.sending(first(outbox))
    assert outbox.due("mail", now()) == []
    assert Outbox(db).recover("mail") == 1
    assert state(db)["uncertain"] == 1
    assert due(outbox) == [b"one"]


def test_what_only_waited_at_a_crash_is_certain(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    assert outbox.recover("mail") == 0
    assert state(db)["uncertain"] == 0


def test_an_uncertain_parcel_stays_so_after_a_certain_failure(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.again(first(outbox), "pas de réponse", uncertain=True)
    outbox.again(first(outbox, now() + 60), "refusé pour l'instant")
    assert state(db)["uncertain"] == 1


@pytest.mark.usefixtures("still")
def test_the_delays_grow_until_the_parcel_is_given_up(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    waits = []
    at = now()
    while True:
        (parcel,) = outbox.due("mail", at)
        outbox.sending(parcel)
        if not outbox.again(parcel, "plus tard"):
            break
        when = outbox.next_try("mail")
        assert when is not None
        waits.append(when - now())
        at = when
    assert len(waits) == len(DELAYS)
    assert waits == list(DELAYS)
    assert list(DELAYS) == sorted(DELAYS)
    assert state(db)["state"] == "failed"


@pytest.mark.usefixtures("still")
def test_a_chat_stands_still_for_two_minutes_at_most_while_telegram_fails_for_half_an_hour(
    outbox: Outbox, db: Database
) -> None:
    outbox.add("chat", "7", b"one")
    began = at = now()
    while at < began + 1800:
        (parcel,) = outbox.due("chat", at)
        outbox.sending(parcel)
        assert outbox.again(parcel, "Telegram ne répond pas")
        when = outbox.next_try("chat")
        assert when is not None
        assert when - now() <= 120
        at += when - now()
    assert 22 * 3600 < sum(CHAT_DELAYS) <= 24 * 3600


@pytest.mark.usefixtures("still")
def test_a_message_that_may_have_come_is_sent_again_more_seldom(outbox: Outbox, db: Database) -> None:
    outbox.add("chat", "7", b"one")
    waits, at = [], now()
    for _ in range(6):
        (parcel,) = outbox.due("chat", at)
        outbox.sending(parcel)
        assert outbox.again(parcel, "pas de réponse", uncertain=True)
        when = outbox.next_try("chat")
        assert when is not None
        waits.append(when - now())
        at += waits[-1]
    assert waits == [5, 30, 120, 300, 600, 600]


@pytest.mark.usefixtures("still")
def test_the_delay_that_a_server_asks_for_is_kept(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.again(first(outbox), "attendre", after=41.5)
    assert due(outbox, now() + 41) == []
    assert due(outbox, now() + 42) == [b"one"]


def test_a_delay_that_a_server_asks_for_is_no_failed_try(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    for _ in range(2 * len(DELAYS)):
        parcel = first(outbox, now() + 10)
        outbox.sending(parcel)
        assert outbox.again(parcel, "attendre", after=1)
    assert (state(db)["state"], state(db)["tries"]) == ("queued", 0)


def test_none_overtakes_a_parcel_that_is_being_sent(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.add("mail", "a@x.test", b"two")
    outbox.sending(first(outbox))
    assert due(outbox) == []
    assert outbox.ready("mail", now()) == []
    assert outbox.next_of("mail", "a@x.test", now()) is None
    assert not outbox.is_due("mail", "a@x.test", now())


def test_what_was_sent_costs_the_search_for_what_is_to_be_sent_nothing(outbox: Outbox, db: Database) -> None:
    for call in (
        lambda: outbox.due("chat", NOW),
        lambda: outbox.ready("chat", NOW),
        lambda: outbox.next_of("chat", "1", NOW),
        lambda: outbox.is_due("chat", "1", NOW),
        lambda: outbox.next_try("chat"),
        lambda: outbox.waiting("chat"),
        lambda: outbox.give_up("chat", "1", ""),
    ):
        asked: list[str] = []
        with db.tracer(lambda sql, _, asked=asked: asked.append(sql)):  # type: ignore[misc]
            call()
        (sql,) = (sql for sql in asked if "outbox" in sql)
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", ["chat"] * sql.count("?"))]
        assert not [step for step in plan if step.startswith("SCAN")], (sql, plan)


def test_what_waits_for_who_is_gone_is_given_up_without_its_content(outbox: Outbox, db: Database) -> None:
    outbox.add("chat", "1", b"one", attachment=b"file")
    outbox.add("chat", "2", b"two")
    assert outbox.give_up("chat", "1", "bloqué") == 1
    assert [parcel.payload for parcel in outbox.due("chat", now())] == [b"two"]
    (row,) = db.query("SELECT state, payload, attachment FROM outbox WHERE recipient = '1'")
    assert row == {"state": "failed", "payload": None, "attachment": None}


def test_the_content_of_a_chat_message_goes_once_it_is_delivered(outbox: Outbox, db: Database) -> None:
    outbox.add("chat", "42", b"secret", attachment=b"file")
    (parcel,) = outbox.due("chat", now())
    outbox.sending(parcel)
    outbox.sent(parcel)
    row = state(db)
    assert (row["state"], row["payload"], row["attachment"]) == ("sent", None, None)


def test_the_content_of_a_mail_stays_for_a_week_for_it_can_come_back(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    parcel = first(outbox)
    outbox.sending(parcel)
    outbox.sent(parcel)
    assert outbox.forget_sent(now() + KEPT - 60) == 0
    assert state(db)["payload"] == b"one"
    assert outbox.forget_sent(now() + KEPT + 60) == 1
    assert state(db)["payload"] is None
    assert outbox.forget_sent(now() + KEPT + 60) == 0


def test_what_waits_or_failed_keeps_its_content_however_old(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.failed(first(outbox), "adresse inconnue")
    outbox.add("mail", "a@x.test", b"two")
    assert outbox.forget_sent(now() + 10 * KEPT) == 0
    assert [payload for (payload,) in db.execute("SELECT payload FROM outbox ORDER BY id")] == [b"one", b"two"]


def test_the_delays_of_the_tries_are_nearly_a_day_and_each_is_longer() -> None:
    assert 22 * 3600 < sum(DELAYS) <= 24 * 3600
    assert list(DELAYS) == sorted(set(DELAYS))


def test_what_was_dropped_since_it_was_read_is_not_sent(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    parcel = first(outbox)
    assert outbox.drop(entry(outbox))
    assert not outbox.sending(parcel)
    assert due(outbox) == []


def test_what_was_given_another_address_since_it_was_read_is_not_sent_to_the_former(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    parcel = first(outbox)
    assert outbox.retry(entry(outbox), "b@x.test", b"to b")
    assert not outbox.sending(parcel)
    moved = first(outbox)
    assert (moved.recipient, moved.payload) == ("b@x.test", b"to b")
    assert outbox.sending(moved)


def test_what_is_being_sent_is_neither_dropped_nor_sent_twice(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.sending(first(outbox))
    assert not outbox.drop(entry(outbox))
    assert not outbox.retry(entry(outbox))


def test_a_retry_begins_anew(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    for _ in DELAYS:
        parcel = first(outbox, now() + 10**6)
        outbox.sending(parcel)
        outbox.again(parcel, "plus tard")
    outbox.failed(first(outbox, now() + 10**6), "trop longtemps")
    assert outbox.retry(entry(outbox))
    assert due(outbox) == [b"one"]
    assert (state(db)["tries"], state(db)["error"], state(db)["uncertain"]) == (0, "", 0)


def test_a_mail_that_was_sent_and_is_sent_again_may_arrive_twice(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.sent(first(outbox))
    assert outbox.retry(entry(outbox))
    assert state(db)["uncertain"] == 1


def test_without_its_content_nothing_is_sent_again(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.sent(first(outbox))
    outbox.forget_sent(now() + KEPT + 60)
    assert not outbox.retry(entry(outbox))


def test_a_mail_that_comes_back_before_its_server_said_goodbye_stays_failed(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one", message_id="<1@x.test>")
    parcel = first(outbox)
    outbox.sending(parcel)
    assert outbox.came_back(entry(outbox), "revenu")
    outbox.sent(parcel)
    assert (state(db)["state"], state(db)["error"]) == ("failed", "revenu")


def test_a_second_report_of_what_came_back_is_no_news(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.sent(first(outbox))
    assert [outbox.came_back(entry(outbox), "revenu") for _ in range(2)] == [True, False]
    outbox.retry(entry(outbox))
    assert not outbox.came_back(entry(outbox), "revenu")


def test_a_mail_is_named_by_its_message_id_or_by_what_its_envelope_said(outbox: Outbox) -> None:
    for number in (1, 2):
        outbox.add("mail", "a@x.test", b"", message_id=f"<abc{number}@x.test>")
    outbox.add("mail", "a@x.test", b"")
    found = [outbox.named(*names) for names in (("<abc1@x.test>", ""), ("", "abc2"), ("<autre@x.test>", "abc2"))]
    assert [it.message_id for it in found if it] == ["<abc1@x.test>", "<abc2@x.test>", "<abc2@x.test>"]
    assert envid_of("<abc2@x.test>") == "abc2"
    for names in (("", ""), ("<abc@x.test>", ""), ("", "abc"), ("", "abc3")):
        assert outbox.named(*names) is None


def test_what_was_sent_costs_the_search_for_a_mail_by_its_name_nothing(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"", message_id="<1@x.test>")
    for call in (
        lambda: outbox.is_ours("<1@x.test>", "a@x.test"),
        lambda: outbox.wrote("<1@x.test>"),
        lambda: outbox.named("<2@x.test>", "2"),
        lambda: outbox.failures("mail"),
        lambda: outbox.forget_sent(NOW),
        lambda: threads.by_mail(db, "<1@x.test>"),
    ):
        asked: list[str] = []
        with db.tracer(lambda sql, _, asked=asked: asked.append(sql)):  # type: ignore[misc]
            call()
        for sql in (sql for sql in asked if "outbox" in sql):
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", ["x"] * sql.count("?"))]
            assert not [step for step in plan if step.startswith("SCAN")], (sql, plan)


def test_the_content_stays_when_it_is_refused_for_good(outbox: Outbox, db: Database) -> None:
    outbox.add("mail", "a@x.test", b"one")
    outbox.failed(first(outbox), "adresse inconnue")
    row = state(db)
    assert (row["state"], row["payload"], row["error"]) == ("failed", b"one", "adresse inconnue")


def test_a_mail_is_ours_for_whom_it_was_written_to_only(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one", message_id="<1@x.test>")
    assert outbox.is_ours("<1@x.test>", "A@X.test")
    assert not outbox.is_ours("<1@x.test>", "b@x.test")
    assert not outbox.is_ours("<2@x.test>", "a@x.test")


def test_a_mail_is_still_ours_once_it_is_delivered(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"one", message_id="<1@x.test>")
    outbox.sent(first(outbox))
    assert outbox.is_ours("<1@x.test>", "a@x.test")


def test_a_parcel_never_shows_its_content_when_printed(outbox: Outbox) -> None:
    outbox.add("mail", "a@x.test", b"the code is 1234", attachment=b"5678")
    assert "1234" not in repr(first(outbox))
    assert "5678" not in repr(first(outbox))


# Replies


def test_the_messages_of_an_answer_are_known_by_their_part(db: Database) -> None:
    replies.record(db, CHAT, 10, 0, Reply(11, "text"))
    replies.record(db, CHAT, 10, 1, Reply(12, "file"))
    replies.record(db, OTHER, 10, 0, Reply(99, "text"))
    replies.record(db, CHAT, 10, 0, Reply(13, "text"))
    assert replies.replies_to(db, CHAT, 10) == {0: Reply(13, "text"), 1: Reply(12, "file")}
    replies.forget(db, CHAT, 10, 1)
    assert replies.replies_to(db, CHAT, 10) == {0: Reply(13, "text")}


def test_answers_of_days_ago_are_forgotten(db: Database) -> None:
    replies.record(db, CHAT, 10, 0, Reply(11, "text"))
    db.execute("UPDATE replies SET at = at - ?", (replies.KEPT + 10,))
    replies.record(db, CHAT, 20, 0, Reply(21, "text"))
    assert db.execute("SELECT question_id FROM replies").fetchall() == [(20,)]


# The rest of the desk


def test_the_audit_has_no_room_for_an_argument(db: Database) -> None:
    began = now()
    audit.record(db, TECHNICAL, "chat", "rio", "answered")
    (row,) = db.query("SELECT * FROM audit")
    assert {name: row[name] for name in row if name not in ("id", "at")} == {
        "person": TECHNICAL,
        "door": "chat",
        "command": "rio",
        "outcome": "answered",
        "about": "",
        "shown": "",
        "why": "",
        "hash": audit.head(db)[1],
    }
    assert began <= row["at"] <= now()


def test_progress_starts_at_nothing_and_keeps_the_last_value(db: Database) -> None:
    assert progress.get(db, "event_cursor") == 0
    progress.put(db, "event_cursor", 5)
    progress.put(db, "event_cursor", 7)
    assert (progress.get(db, "event_cursor"), progress.get(db, "telegram_offset")) == (7, 0)


# Writes until its standard input ends; its pauses leave the other process a turn.
_WRITER = """
import select, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO audit (at, person, door, command, outcome) VALUES (0, 'x', 'terminal', 'x', 'answered')")
    time.sleep(0.01)
    db.execute("COMMIT")
"""


def test_another_process_that_writes_disturbs_nothing(
    db: Database, tmp_path: Path, inbox: Inbox, outbox: Outbox, people: People
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / FILE_NAME)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin
    assert other.stdout
    assert other.stdout.readline() == "ready\n"
    written = "SELECT count(*) FROM audit WHERE person = 'x'"
    rounds = 0
    while rounds < 10 or db.execute(written).fetchone()[0] < 3:
        rounds += 1
        add(inbox, str(rounds))
        item = inbox.new()[0]
        inbox.begin(item)
        with db.atomic():
            inbox.done(item)
            outbox.add("mail", "a@x.test", b"one")
            audit.record(db, TECHNICAL, "chat", "status", "answered")
        parcel = first(outbox)
        outbox.sending(parcel)
        outbox.sent(parcel)
        people.enrol(CHAT, people.new_code(ACCOUNTING, NOW), NOW)
    other.stdin.close()
    other.wait(timeout=30)
    other.stdout.close()
    assert other.returncode == 0
    assert db.execute("SELECT count(*) FROM outbox WHERE state = 'sent'").fetchone() == (rounds,)

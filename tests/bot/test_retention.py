"""What `desk.db` holds goes when its term is over, and not before."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.desk import open_desk, retention, threads
from bot.desk.inbox import Inbox, Item, mail_key
from bot.desk.outbox import Outbox
from core.settings import Settings
from tests.handlers.filled import settings

DAY = 86400
YEAR = 366 * DAY


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = open_desk(tmp_path)
    yield db
    db.close()


@pytest.fixture
def terms(tmp_path: Path) -> Settings:
    return settings(tmp_path, retention_mails=30, retention_audit=6)


def purge(db: Database, terms: Settings, after: int) -> dict[str, int]:
    """What goes, by table, when everything that was written just now is `after` seconds old."""
    gone: dict[str, int] = {}
    for it in retention.purge(db, terms, int(time.time()) + after):
        gone[it.rule.table] = gone.get(it.rule.table, 0) + it.count
    return gone


def arrived(db: Database, uid: int, *, failed: bool = False, door: str = "mail") -> Item:
    inbox = Inbox(db)
    inbox.add(door, mail_key("INBOX", 1, uid), "mail:camille@example.org", b"content", f"<{uid}@example.org>")
    item = inbox.new()[0]
    with db.atomic():
        (inbox.failed if failed else inbox.done)(item)
    return item


def test_a_mail_set_aside_keeps_its_content_for_its_term(db: Database, terms: Settings) -> None:
    arrived(db, 1, failed=True)
    assert purge(db, terms, 29 * DAY) == {}
    assert Inbox(db).count_aside("mail") == 1
    assert purge(db, terms, 31 * DAY) == {"inbox": 1}
    assert Inbox(db).count_aside("mail") == 0
    assert db.execute("SELECT payload, reason FROM inbox").fetchall() == [(None, "")]


def test_a_mail_of_long_ago_is_still_known_to_be_answered(db: Database, terms: Settings) -> None:
    """It may still lie in the mailbox: nobody gets an answer of a year ago again."""
    arrived(db, 1)
    assert purge(db, terms, YEAR) == {"inbox": 1}
    assert b"camille" not in repr(db.execute("SELECT * FROM inbox").fetchall()).encode()
    assert Inbox(db).mail_uids("INBOX", 1) == {1}
    inbox = Inbox(db)
    inbox.add("mail", mail_key("INBOX", 2, 1), "mail:camille@example.org", b"content", "<1@example.org>")
    assert inbox.already_answered(inbox.new()[0], "<1@example.org>")


def test_what_waits_to_be_filed_in_the_mailbox_still_is(db: Database, terms: Settings) -> None:
    arrived(db, 1, failed=True)
    purge(db, terms, YEAR)
    assert Inbox(db).to_file("INBOX", 1) == {1: "set aside"}


def test_a_chat_question_leaves_no_trace_after_a_year(db: Database, terms: Settings) -> None:
    arrived(db, 1, door="chat")
    assert purge(db, terms, YEAR - 2 * DAY) == {}
    assert purge(db, terms, YEAR) == {"inbox": 1}
    assert db.table("inbox").count == 0


def test_what_still_waits_never_goes(db: Database, terms: Settings) -> None:
    inbox = Inbox(db)
    inbox.add("mail", mail_key("INBOX", 1, 1), "mail:a@example.org", b"content")
    with db.atomic():
        Outbox(db).add("mail", "a@example.org", b"content")
    assert purge(db, terms, 10 * YEAR) == {}
    assert len(inbox.new()) == 1
    assert Outbox(db).waiting("mail") == 1


def test_a_mail_that_could_not_be_delivered_loses_its_content_then_its_trace(db: Database, terms: Settings) -> None:
    outbox = Outbox(db)
    with db.atomic():
        outbox.add("mail", "a@example.org", b"content")
    parcel = outbox.due("mail", int(time.time()))[0]
    outbox.failed(parcel, "refusé")
    assert purge(db, terms, 31 * DAY) == {"outbox": 1}
    assert outbox.content(parcel.id) == (None, None)
    entry = outbox.entry(parcel.id)
    assert entry
    assert entry.state == "dropped"
    assert purge(db, terms, YEAR) == {"outbox": 1}
    assert outbox.entry(parcel.id) is None


def test_a_silent_conversation_goes_whole_and_a_living_one_stays(db: Database, terms: Settings) -> None:
    with db.atomic():
        silent = threads.open_thread(db, "contact", "contact:1", "Question", person_id="a")
        living = threads.open_thread(db, "contact", "contact:2", "Question", person_id="a")
        for thread in (silent, living):
            threads.add_mail(db, thread.id, "a", "<1@example.org>")
            threads.add_message(db, thread.id, 4200001, thread.id)
        held = db.execute(
            "INSERT INTO held (thread_id, readers, title, lines, at) VALUES (?, '[]', '', '[]', ?)",
            (silent.id, int(time.time())),
        ).lastrowid
        db.execute("INSERT INTO held_files (held_id, name, content) VALUES (?, 'a.txt', x'00')", (held,))
        db.execute("UPDATE thread_members SET spoke_at = ? WHERE thread_id = ?", (int(time.time()) + YEAR, living.id))
        threads.close(db, living.id)
    assert purge(db, terms, YEAR - 2 * DAY) == {}
    assert purge(db, terms, YEAR)["threads"] == 1
    assert threads.by_id(db, silent.id) is None
    assert threads.by_id(db, living.id)
    assert [db.table(name).count for name in ("thread_members", "thread_messages", "held", "held_files")] == [
        1,
        1,
        0,
        0,
    ]


def test_a_conversation_lasts_as_long_as_a_mail_of_it_is_known(db: Database, terms: Settings) -> None:
    with db.atomic():
        thread = threads.open_thread(db, "notice", "invoices:202610", "Factures")
        Outbox(db).add("mail", "a@example.org", b"content", thread_id=thread.id)
    purge(db, terms, YEAR)
    assert threads.by_id(db, thread.id)


def test_more_than_one_step_of_rows_goes(db: Database, terms: Settings) -> None:
    with db.atomic():
        db.conn.executemany("INSERT INTO buttons VALUES (?, 'status', 1)", [(str(number),) for number in range(1200)])
        db.execute("INSERT INTO buttons VALUES ('young', 'status', ?)", (int(time.time()),))
    assert purge(db, terms, 0) == {"buttons": 1200}
    assert db.execute("SELECT token FROM buttons").fetchall() == [("young",)]


def test_short_lived_things_go_after_a_day_or_a_month(db: Database, terms: Settings) -> None:
    now = int(time.time())
    with db.atomic():
        db.execute("INSERT INTO people (id, name, roles, email) VALUES ('a', 'A', '[]', 'a@example.org')")
        db.execute("INSERT INTO rio_failures VALUES ('0639980001', 'a', ?)", (now,))
        db.execute("INSERT INTO senders VALUES ('a@example.org', ?)", (now,))
        db.execute("INSERT INTO confirmations VALUES ('t', 1, 'puk 0639980001', ?)", (now,))
        db.execute("INSERT INTO codes (hash, person_id, expires_at) VALUES ('h', 'a', ?)", (now,))
        db.execute("INSERT INTO awaited_words VALUES ('chat:1', 'rio', ?)", (now,))
    assert purge(db, terms, DAY // 2) == {}
    assert purge(db, terms, 2 * DAY) == {"rio_failures": 1, "senders": 1, "confirmations": 1, "awaited_words": 1}
    assert purge(db, terms, 31 * DAY) == {"codes": 1}


def test_the_dry_run_says_what_goes(db: Database, terms: Settings) -> None:
    for uid in range(3):
        arrived(db, uid, failed=uid > 0)
    now = int(time.time()) + 31 * DAY
    found, audited = retention.plan(db, terms, now)
    assert [(gone.rule.table, gone.count) for gone in found] == [("inbox", 2)]
    assert audited == 0
    assert Inbox(db).count_aside("mail") == 2
    assert list(retention.purge(db, terms, now)) == found


#: Tables that grow with nothing but what the integrator is, or that others empty; and why.
WITHOUT_TERM = {
    "people": "who has access, until he is taken out",
    "chats": "with their person",
    "addresses": "with their person",
    "alerts": "with their person",
    "mailboxes": "addresses of the integrator",
    "profile": "the integrator",
    "pictures": "the integrator's, one of each",
    "progress": "a few numbers",
    "lateness": "gone with the all-clear",
    "faults": "one row a kind of fault",
    "waiting_news": "gone when it is told",
    "replies": "three days (bot.desk.replies)",
    "fleeting": "gone with the message",
    "held": "with its thread",
    "held_files": "with its thread",
    "thread_members": "with their thread",
    "thread_messages": "with their thread",
    "menus": "one row a chat",
    "facts": "a few values",
    "audit": "its own term, see bot.desk.audit",
    "audit_anchor": "one row",
}


def test_every_table_has_a_term_or_a_reason_to_have_none(db: Database, terms: Settings) -> None:
    tables = {name for name in db.table_names() if not name.startswith(("_", "sqlite_"))}
    with_term = {rule.table for rule in retention.rules(terms, 0)}
    assert tables - with_term - WITHOUT_TERM.keys() == set()


def test_each_rule_is_one_that_the_store_understands(db: Database, terms: Settings) -> None:
    for rule in retention.rules(terms, int(time.time())):
        assert db.execute(f"SELECT count(*) FROM ({rule.chosen})", {"before": rule.before}).fetchone() == (0,)

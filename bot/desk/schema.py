"""The schema of `desk.db`, by numbered migrations; what has been released is never edited. Times: UTC seconds."""

from sqlite_utils import Database, Migrations

from bot.desk.chain import chain_all

migrations = Migrations("desk")


@migrations(name="0001_first")
def first(db: Database) -> None:
    db.executescript(_FIRST)


@migrations(name="0002_lateness")
def lateness(db: Database) -> None:
    db.executescript(_LATENESS)


@migrations(name="0003_chat")
def chat(db: Database) -> None:
    db.executescript(_CHAT)


@migrations(name="0004_dossier")
def dossier(db: Database) -> None:
    db.executescript(_DOSSIER)


@migrations(name="0005_mail")
def mail(db: Database) -> None:
    db.executescript(_MAIL)


@migrations(name="0006_rights")
def rights(db: Database) -> None:
    db.executescript(_RIGHTS)
    chain_all(db)
    db.executescript(_APPEND_ONLY)


@migrations(name="0007_health")
def health(db: Database) -> None:
    db.executescript(_HEALTH)


_FIRST = """
-- roles: JSON list. A person whose settings went away stays, without role.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    email TEXT NOT NULL
) STRICT;

CREATE TABLE chats (
    chat_id INTEGER PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    bound_at INTEGER NOT NULL
) STRICT;

-- One-time enrolment codes, hashed.
CREATE TABLE codes (
    hash TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

-- Unknown chats: whether they were told so, and how often they guessed a code.
CREATE TABLE strangers (
    chat_id INTEGER PRIMARY KEY,
    told_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    last_failure_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What came in, written down before it is acknowledged. key: update or (folder, UIDVALIDITY, UID).
-- state: new, done, failed. The payload goes once it is done, but for what failed.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    door TEXT NOT NULL,
    key TEXT NOT NULL,
    conversation TEXT NOT NULL,
    message_id TEXT NOT NULL DEFAULT '',
    payload BLOB,
    state TEXT NOT NULL DEFAULT 'new',
    tries INTEGER NOT NULL DEFAULT 0,
    received_at INTEGER NOT NULL,
    UNIQUE (door, key)
) STRICT;
CREATE INDEX inbox_new ON inbox (id) WHERE state = 'new';
CREATE INDEX inbox_by_message ON inbox (message_id) WHERE message_id != '';

-- What goes out, written down before it is sent. payload: JSON for chat, the whole message for mail.
-- state: queued, sending, sent, failed. uncertain: the server's answer to an attempt was lost, a copy may exist.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL DEFAULT '',
    payload BLOB,
    attachment BLOB,
    state TEXT NOT NULL DEFAULT 'queued',
    uncertain INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    sent_at INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (channel, next_try_at) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_by_message ON outbox (message_id) WHERE message_id != '';

-- The command that the next file of a conversation belongs to.
CREATE TABLE awaited_files (
    conversation TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- Who asked what, by which door, and whether he got it; never the answer's content nor a code.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    person TEXT NOT NULL,
    door TEXT NOT NULL,
    command TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;

-- event_cursor: the last event that notices were made of; telegram_offset: the next update to ask for.
CREATE TABLE progress (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
"""

_LATENESS = """
-- Kinds of files (see core.deliveries) that somebody was told are late; the row goes with the all-clear.
-- month: the one that BilledCDRs are missed for (YYYYMM), else 0; last_at: when the newest file by then had come.
CREATE TABLE lateness (
    kind TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    month INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL
) STRICT;
"""

_CHAT = """
-- dead_at: when Telegram said that nothing can be written there any more (blocked, deleted), NULL while it can.
ALTER TABLE chats ADD COLUMN dead_at INTEGER;

-- Which messages answer which one in a chat, in their order, so that an edited question edits its answer.
-- kind: text or file (an edit can turn no file into a text).
CREATE TABLE replies (
    chat_id INTEGER NOT NULL,
    question_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (chat_id, question_id, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX replies_by_time ON replies (at);

-- What a button asks, where that does not fit into the 64 bytes that Telegram keeps for it. Old buttons still answer.
CREATE TABLE buttons (
    token TEXT PRIMARY KEY,
    command TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a person hears of in his chats: topics that are muted (JSON list), and the hours (Paris) without sound.
CREATE TABLE alerts (
    person_id TEXT PRIMARY KEY REFERENCES people (id),
    muted TEXT NOT NULL,
    quiet_from INTEGER,
    quiet_to INTEGER
) STRICT;
"""

_DOSSIER = """
-- What was said of the integrator, field by field (core.profile). instead_of: what the settings said then; once they
-- say something else, theirs is the newer word.
CREATE TABLE profile (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    instead_of TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Addresses (lower case) whose mailbox somebody proved to read.
CREATE TABLE mailboxes (
    address TEXT PRIMARY KEY,
    verified_at INTEGER NOT NULL
) STRICT;

-- Addresses that a code was mailed to, kept as a hash; the address becomes its field's value once the code is back.
CREATE TABLE address_codes (
    name TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    hash TEXT NOT NULL,
    person_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Pictures that wait for a person's word. picture: logo, bandeau, or '' while nobody said which.
CREATE TABLE drafts (
    token TEXT NOT NULL,
    person_id TEXT NOT NULL,
    picture TEXT NOT NULL,
    name TEXT NOT NULL,
    content BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (person_id, token, picture)
) STRICT;

-- Pictures that were put on the FTP.
CREATE TABLE pictures (
    picture TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    content BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- The command that the next plain words of a conversation belong to.
CREATE TABLE awaited_words (
    conversation TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
"""

_MAIL = """
-- Mails and chat messages that belong together. key: what the thread is about, once (invoices:202610,
-- late:rated_cdrs:…, contact:…, mail:…). person_id: who opened it; chat_id, question_id: the chat, and the message of
-- it, where a question to the staff was asked, 0 for none. closed_at: when it was ended, NULL while it lasts.
-- puzzled_at: when somebody was last told there that the bot did not understand him.
CREATE TABLE threads (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    person_id TEXT NOT NULL DEFAULT '',
    chat_id INTEGER NOT NULL DEFAULT 0,
    question_id INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    puzzled_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Who is written to in a thread by mail. token: the secret in the Reply-To of what only he gets; first_id, last_id: the
-- Message-IDs of the first and the last mail of the thread in his mailbox; spoke_at: when he last wrote there himself.
CREATE TABLE thread_members (
    thread_id INTEGER NOT NULL REFERENCES threads (id),
    person_id TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    first_id TEXT NOT NULL DEFAULT '',
    last_id TEXT NOT NULL DEFAULT '',
    spoke_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (thread_id, person_id)
) STRICT;

-- The chat messages of threads: who answers one of them answers the thread.
CREATE TABLE thread_messages (
    chat_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL REFERENCES threads (id),
    PRIMARY KEY (chat_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_messages_by_thread ON thread_messages (thread_id);

-- What was said in a thread and is mailed a little later, with what follows (bot.desk.held). readers: ids of persons,
-- lines: JSON lists.
CREATE TABLE held (
    id INTEGER PRIMARY KEY,
    thread_id INTEGER NOT NULL REFERENCES threads (id),
    readers TEXT NOT NULL,
    title TEXT NOT NULL,
    lines TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE held_files (
    id INTEGER PRIMARY KEY,
    held_id INTEGER NOT NULL REFERENCES held (id),
    name TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;

-- When each address wrote (lower case), for an hour.
CREATE TABLE senders (
    address TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX senders_by_address ON senders (address, at);

-- Unknown addresses that were told, for a day, that the bot is private.
CREATE TABLE mail_strangers (
    address TEXT PRIMARY KEY,
    told_at INTEGER NOT NULL
) STRICT;

-- filing: what a mail still waits for in the mailbox: '' for nothing, handled or set aside once it is done or failed,
-- until it is marked as seen and moved. truncated: it was too large to be taken whole, payload is its headers alone.
ALTER TABLE inbox ADD COLUMN filing TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN truncated INTEGER NOT NULL DEFAULT 0;
CREATE INDEX inbox_to_file ON inbox (id) WHERE filing != '';

ALTER TABLE outbox ADD COLUMN thread_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
-- One more state: dropped, by hand. The content of a mail stays for a week after it was sent.
CREATE INDEX outbox_failed ON outbox (channel) WHERE state = 'failed';
CREATE INDEX outbox_kept ON outbox (sent_at) WHERE state = 'sent' AND payload IS NOT NULL;

-- Addresses (lower case) that mails could not be delivered to: since when, the last reason (French), how many mails.
CREATE TABLE faulty_addresses (
    address TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    mails INTEGER NOT NULL,
    told_at INTEGER NOT NULL
) STRICT;

-- reason: why it was set aside (French).
ALTER TABLE inbox ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE INDEX inbox_failed ON inbox (id) WHERE state = 'failed';

-- News that waits for its hour (bot.notices.routes): for whom, by which channel, until when. event_id: of telecom.db,
-- 0 for what the service itself has to say; data: JSON.
CREATE TABLE waiting_news (
    id INTEGER PRIMARY KEY,
    person_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX waiting_news_by_time ON waiting_news (due_at);

-- Faults that last or come back (bot.desk.faults). key: what is wrong, once; reason: the last one (French); began_at,
-- told_at: told last, 0 for never; times: how often it came since; gone_at: since when it is not there, NULL while it
-- is; cleared_at: when its end was told, NULL for not yet; relapses: how often it came back within a day of that.
CREATE TABLE faults (
    key TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    gone_at INTEGER,
    cleared_at INTEGER,
    relapses INTEGER NOT NULL
) STRICT;
"""

_RIGHTS = """
-- origin: settings, or invited. granted: roles given by hand, beside those of the settings (JSON list). revoked_at:
-- when all rights were taken, NULL while there are some; a person of the settings whose address changes is another one.
ALTER TABLE people ADD COLUMN origin TEXT NOT NULL DEFAULT 'settings';
ALTER TABLE people ADD COLUMN granted TEXT NOT NULL DEFAULT '[]';
ALTER TABLE people ADD COLUMN revoked_at INTEGER;

-- Further addresses (lower case) that a person writes from; we write to people.email.
CREATE TABLE addresses (
    address TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id)
) STRICT, WITHOUT ROWID;

ALTER TABLE codes ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
UPDATE codes SET created_at = expires_at - 604800;

-- What a touch confirms, once and in that chat alone: the command, sealed where there is a key (core.vault).
CREATE TABLE confirmations (
    token TEXT PRIMARY KEY,
    chat_id INTEGER NOT NULL,
    command TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages of a chat that are to go: those with codes. tries: attempts that failed.
CREATE TABLE fleeting (
    chat_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chat_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX fleeting_by_time ON fleeting (due_at);

-- The menu that each chat shows, as what it is made of: it follows the rights of who is there.
CREATE TABLE menus (
    chat_id INTEGER PRIMARY KEY,
    shown TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the running service found out and commands beside it need: bot_username.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- secret: a mail with a code that lets somebody in: its content goes as soon as the server has it.
ALTER TABLE outbox ADD COLUMN secret INTEGER NOT NULL DEFAULT 0;

-- RIOs that did not go with a number, for a day.
CREATE TABLE rio_failures (
    msisdn TEXT NOT NULL,
    person_id TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX rio_failures_by_number ON rio_failures (msisdn, at);

ALTER TABLE buttons ADD COLUMN at INTEGER NOT NULL DEFAULT 0;

-- stranger: of nobody we knew when it came: looked at after what people we know wrote.
ALTER TABLE inbox ADD COLUMN stranger INTEGER NOT NULL DEFAULT 0;
CREATE INDEX inbox_known ON inbox (conversation, id) WHERE state = 'new' AND stranger = 0;
CREATE INDEX inbox_strangers ON inbox (id, conversation) WHERE state = 'new' AND stranger = 1;
CREATE INDEX strangers_by_time ON strangers (told_at);

-- about: the line, card or client; shown: the kind of what was shown; why: of a refusal, or the reason that was given;
-- hash: of the row and of the hash before it (bot.desk.chain).
ALTER TABLE audit ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN shown TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN why TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_by_person ON audit (person, outcome, at);

-- The last row that was purged, its hash, which the chain goes on from, and its time.
CREATE TABLE audit_anchor (
    id INTEGER NOT NULL,
    hash TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO audit_anchor VALUES (0, '', 0);
"""

_APPEND_ONLY = """
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit WHEN old.id > (SELECT id FROM audit_anchor)
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;
-- "INSERT OR REPLACE" would delete past the trigger above. An id that is not given is no row's yet.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN new.id > 0 AND new.id <= (SELECT max(coalesce((SELECT max(id) FROM audit), 0), id) FROM audit_anchor)
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;
-- The anchor moves to a row that stands, and forward only.
CREATE TRIGGER audit_anchor_only_advances BEFORE UPDATE ON audit_anchor
WHEN (new.id, new.hash) IS NOT (old.id, old.hash)
    AND (new.id <= old.id OR new.hash IS NOT (SELECT hash FROM audit WHERE id = new.id))
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_anchor_is_one BEFORE INSERT ON audit_anchor
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_anchor_stays BEFORE DELETE ON audit_anchor
BEGIN SELECT RAISE (ABORT, 'the audit is append-only'); END;
"""

_HEALTH = """
-- cause: what made it be written, as the log names it (core.logs), "" when unknown.
ALTER TABLE outbox ADD COLUMN cause TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_uncertain ON outbox (state, sent_at) WHERE uncertain = 1;
"""

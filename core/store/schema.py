"""The schema of `telecom.db`, by numbered migrations; what has been released is never edited."""

from sqlite_utils import Database, Migrations

migrations = Migrations("telecom")


@migrations(name="0001_first")
def first(db: Database) -> None:
    db.executescript(_FIRST)


@migrations(name="0002_compact_cdrs_and_line_history")
def second(db: Database) -> None:
    """All that derives from the files' content is made anew, by reading the kept files again."""
    db.executescript(_SECOND)


@migrations(name="0003_options_of_lines_and_indexes")
def third(db: Database) -> None:
    """Options come in with the next AccountStatus, which is read whole as the layouts are others; listings of cards are
    read again."""
    db.executescript(_THIRD)


@migrations(name="0004_sealed_codes")
def fourth(db: Database) -> None:
    """Codes that an older store holds in clear are sealed by the first pass (`core.sealing`), which knows the key."""
    db.executescript(_FOURTH)


@migrations(name="0005_retention_and_erasures")
def fifth(db: Database) -> None:
    db.executescript(_FIFTH)


_FIRST = """
-- The mirror's ledger: one row a path on the FTP, at its present version.
-- state: fetched (on disk, to be read), read, waiting (needs a person's word, see reason), kept (nothing to read).
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL,
    size INTEGER NOT NULL,
    stamp TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    modified_at INTEGER,
    as_of INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    rows INTEGER NOT NULL DEFAULT 0,
    known_rows INTEGER NOT NULL DEFAULT 0,
    rejected_rows INTEGER NOT NULL DEFAULT 0,
    first_month INTEGER,
    last_month INTEGER,
    fetched_clock INTEGER NOT NULL
) STRICT;
CREATE INDEX files_by_state ON files (state) WHERE state IN ('fetched', 'waiting');
CREATE INDEX files_by_folder ON files (folder, as_of);
CREATE INDEX files_by_content ON files (sha256);

CREATE TABLE rejects (
    file_id INTEGER NOT NULL REFERENCES files (id),
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (file_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE
) STRICT;

-- status: stock, reserved, active, suspended, suspended_by_operator, terminated, unknown; word: the operator's own.
-- since: as_of of the file in which this status was first seen; seen_at: as_of of the last file that says so.
CREATE TABLE lines (
    msisdn TEXT PRIMARY KEY,
    iccid TEXT NOT NULL,
    imsi TEXT NOT NULL,
    client_id INTEGER REFERENCES clients (id),
    status TEXT NOT NULL,
    word TEXT NOT NULL,
    plan TEXT NOT NULL,
    activated_on TEXT NOT NULL,
    rio TEXT NOT NULL,
    since INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    file_id INTEGER NOT NULL REFERENCES files (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lines_by_client ON lines (client_id);
CREATE INDEX lines_by_iccid ON lines (iccid);

CREATE TABLE line_changes (
    id INTEGER PRIMARY KEY,
    msisdn TEXT NOT NULL,
    at INTEGER NOT NULL,
    change TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    file_id INTEGER NOT NULL REFERENCES files (id)
) STRICT;
CREATE INDEX line_changes_by_line ON line_changes (msisdn, at);

-- A SIM card: from a listing (with its codes), or from an AccountStatus row that carries no line.
CREATE TABLE sims (
    iccid TEXT PRIMARY KEY,
    imsi TEXT NOT NULL DEFAULT '',
    msisdn TEXT NOT NULL DEFAULT '',
    pin TEXT NOT NULL DEFAULT '',
    puk TEXT NOT NULL DEFAULT '',
    pin2 TEXT NOT NULL DEFAULT '',
    puk2 TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '',
    word TEXT NOT NULL DEFAULT '',
    seen_at INTEGER NOT NULL,
    file_id INTEGER NOT NULL REFERENCES files (id)
) STRICT, WITHOUT ROWID;

-- source: 0 rated (daily), 1 billed (monthly). month: YYYYMM of the local day. start: UTC seconds.
-- id: hash of the rest of the row and of its rank among identical rows of its file, so that a row delivered
-- again is the same row, and two identical rows of one file are two.
-- kind: voice, sms, mms, data, premium, other. amount: NULL when the file has none; client_id: 0 likewise.
CREATE TABLE cdrs (
    source INTEGER NOT NULL,
    month INTEGER NOT NULL,
    msisdn TEXT NOT NULL,
    start INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    called TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER,
    out_of_bundle INTEGER NOT NULL,
    zone TEXT NOT NULL,
    client_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL REFERENCES files (id),
    PRIMARY KEY (source, month, msisdn, start, id)
) STRICT, WITHOUT ROWID;

-- Totals of cdrs, kept in the same transaction.
CREATE TABLE usage (
    source INTEGER NOT NULL,
    month INTEGER NOT NULL,
    msisdn TEXT NOT NULL,
    client_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    out_of_bundle INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER,
    PRIMARY KEY (source, month, msisdn, client_id, kind, out_of_bundle)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_client ON usage (source, client_id, month);

-- side: operator (to the integrator) or client. month: YYYYMM, 0 when the path does not tell.
CREATE TABLE invoices (
    file_id INTEGER PRIMARY KEY REFERENCES files (id),
    side TEXT NOT NULL,
    month INTEGER NOT NULL,
    client TEXT NOT NULL
) STRICT;
CREATE INDEX invoices_by_month ON invoices (side, month);

-- What people may be told; written in the transaction of what happened. data: JSON.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    file_id INTEGER REFERENCES files (id),
    data TEXT NOT NULL
) STRICT;

-- One row a pass over the FTP that came to its end; last_event: the newest event by then.
CREATE TABLE passes (
    id INTEGER PRIMARY KEY,
    started_clock INTEGER NOT NULL,
    ended_clock INTEGER NOT NULL,
    fetched INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    error TEXT NOT NULL DEFAULT ''
) STRICT;
"""

_SECOND = """
DROP TABLE cdrs;
DROP TABLE usage;
DROP TABLE lines;
DROP TABLE line_changes;
DROP TABLE sims;
DROP TABLE rejects;
DROP TABLE invoices;
DROP TABLE clients;

-- told: the version of the file whose events were written; reading that version again writes none.
-- state, besides: retry (read or waiting before, to be read with other layouts), superseded (waited until a newer
-- file made it pointless).
-- accepted: the version that a person said is right, though it looked cut short. first_day, last_day: of its CDRs.
ALTER TABLE files ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN first_day INTEGER;
ALTER TABLE files ADD COLUMN last_day INTEGER;
UPDATE files SET told = version WHERE state != 'waiting';
UPDATE files SET state = 'fetched', rows = 0, known_rows = 0, rejected_rows = 0, first_month = NULL, last_month = NULL
WHERE state = 'read';

CREATE TABLE rejects (
    file_id INTEGER NOT NULL REFERENCES files (id),
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (file_id, line)
) STRICT, WITHOUT ROWID;

-- What the worker remembers between passes. layouts: hash of the layouts that files were last tried with.
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE clients (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE
) STRICT;

-- The present state, one row a line. status: stock, reserved, active, suspended, suspended_by_operator, terminated,
-- unknown; word: the operator's own. since: as_of of the first file that shows this status; gone_at: as_of of the
-- first file that no longer lists the line, NULL while it is listed; file_id: the last file that changed this row.
CREATE TABLE lines (
    msisdn TEXT PRIMARY KEY,
    iccid TEXT NOT NULL,
    imsi TEXT NOT NULL,
    client_id INTEGER REFERENCES clients (id),
    status TEXT NOT NULL,
    word TEXT NOT NULL,
    plan TEXT NOT NULL,
    activated_on TEXT NOT NULL,
    rio TEXT NOT NULL,
    since INTEGER NOT NULL,
    gone_at INTEGER,
    file_id INTEGER NOT NULL REFERENCES files (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lines_by_client ON lines (client_id);
CREATE INDEX lines_by_iccid ON lines (iccid);

-- What changed, one row a field, so that the state at any time can be had back from the present one.
-- change: new, activated, suspended, resumed, terminated, status, sim, client, plan, imsi, activation, rio,
-- vanished, returned. at: as_of of the file in which it was seen. before, after: the operator's own words.
CREATE TABLE line_changes (
    id INTEGER PRIMARY KEY,
    msisdn TEXT NOT NULL,
    at INTEGER NOT NULL,
    change TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    file_id INTEGER NOT NULL REFERENCES files (id)
) STRICT;
CREATE INDEX line_changes_by_line ON line_changes (msisdn, at);
CREATE INDEX line_changes_by_time ON line_changes (at);

-- A SIM card: from a listing (with its codes), or from an AccountStatus row that carries no line.
CREATE TABLE sims (
    iccid TEXT PRIMARY KEY,
    imsi TEXT NOT NULL DEFAULT '',
    msisdn TEXT NOT NULL DEFAULT '',
    pin TEXT NOT NULL DEFAULT '',
    puk TEXT NOT NULL DEFAULT '',
    pin2 TEXT NOT NULL DEFAULT '',
    puk2 TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '',
    word TEXT NOT NULL DEFAULT '',
    seen_at INTEGER NOT NULL,
    file_id INTEGER NOT NULL REFERENCES files (id)
) STRICT, WITHOUT ROWID;

-- What a communication is: kind (0 voice, 1 sms, 2 mms, 3 data, 4 premium, 5 other), in or out of bundle (1 out, 0 in,
-- -1 when the file does not say), zone and type in the operator's words.
CREATE TABLE natures (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    out_of_bundle INTEGER NOT NULL,
    zone TEXT NOT NULL,
    type TEXT NOT NULL,
    UNIQUE (kind, out_of_bundle, zone, type)
) STRICT;

-- source: 0 rated (daily), 1 billed (monthly). day: days since 1970 of the local day (Paris). line: the MSISDN
-- without its leading 0, 0 for a row of the account. start: UTC seconds. called: a French number without its leading
-- 0, else a text. amount: NULL when the file gives none; client_id: 0 likewise.
-- id: hash of the rest of the row and of its rank among identical rows of its file, so that a row delivered
-- again is the same row, and two identical rows of one file are two. The day comes first, so that a new file
-- is written at the end of the table, whatever its size.
CREATE TABLE cdrs (
    source INTEGER NOT NULL,
    day INTEGER NOT NULL,
    line INTEGER NOT NULL,
    start INTEGER NOT NULL,
    id INTEGER NOT NULL,
    nature_id INTEGER NOT NULL,
    called ANY,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER,
    client_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL,
    PRIMARY KEY (source, day, line, start, id)
) STRICT, WITHOUT ROWID;

-- Totals of cdrs, kept in the same transaction. month: YYYYMM. last_start: of the newest communication.
CREATE TABLE usage_by_line (
    source INTEGER NOT NULL,
    month INTEGER NOT NULL,
    line INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    out_of_bundle INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER,
    last_start INTEGER NOT NULL,
    PRIMARY KEY (source, month, line, client_id, kind, out_of_bundle)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_line_of_client ON usage_by_line (source, month, client_id);

CREATE TABLE usage_by_day (
    source INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    out_of_bundle INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER,
    PRIMARY KEY (source, client_id, day, kind, out_of_bundle)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_by_zone (
    source INTEGER NOT NULL,
    month INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    nature_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER,
    PRIMARY KEY (source, month, client_id, nature_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE invoices (
    file_id INTEGER PRIMARY KEY REFERENCES files (id),
    side TEXT NOT NULL,
    month INTEGER NOT NULL,
    client TEXT NOT NULL
) STRICT;
CREATE INDEX invoices_by_month ON invoices (side, month);
"""

_THIRD = """
-- options: in the operator's words, "" for none or not known. Their change in line_changes is "options".
ALTER TABLE lines ADD COLUMN options TEXT NOT NULL DEFAULT '';

-- A card is dated by its listing now.
UPDATE files SET state = 'fetched' WHERE folder = 'sims' AND state = 'read';

-- The newest file of a folder.
DROP INDEX files_by_folder;
CREATE INDEX files_by_folder ON files (folder, coalesce(as_of, modified_at, fetched_clock));

-- What counts lines reads this alone.
DROP INDEX lines_by_client;
CREATE INDEX lines_by_client ON lines (client_id, status, gone_at);
"""

_FOURTH = """
-- sims.pin, puk, pin2 and puk2, lines.rio, and rejects.content of the folders whose files hold them are sealed (see
-- core.vault): "s1:…", or "s0:" for what there was no key for. puk_mark, puk2_mark: find a PUK without opening any.
-- marks, besides: codes_clear, codes_unkept (core.sealing).
ALTER TABLE sims ADD COLUMN puk_mark TEXT NOT NULL DEFAULT '';
ALTER TABLE sims ADD COLUMN puk2_mark TEXT NOT NULL DEFAULT '';
CREATE INDEX sims_by_puk ON sims (puk_mark) WHERE puk_mark != '';
CREATE INDEX sims_by_puk2 ON sims (puk2_mark) WHERE puk2_mark != '';
INSERT INTO marks (name, value) SELECT 'codes_clear', '' WHERE
    EXISTS (SELECT 1 FROM files WHERE folder IN ('sims', 'account_status'));
"""

_FIFTH = """
-- files.state, besides: purged (its CDRs are past retention: there is no copy any more, and none is fetched).
-- marks, besides: first_kept, the oldest month whose CDRs are kept (YYYYMM); purging, what a purge that is not at its
-- end deleted so far (JSON); purged_on, the day of the last one (days since 1970).

-- Lines whose data were erased on demand (core.privacy), which must not come in again: of a state as old as state_until
-- (as_of), or that says that the line is terminated, only that; of CDRs up to the day cdrs_until, nothing.
CREATE TABLE erasures (
    msisdn TEXT PRIMARY KEY,
    state_until INTEGER NOT NULL,
    cdrs_until INTEGER NOT NULL,
    erased_clock INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Their cards, whose codes do not come in again.
CREATE TABLE erased_cards (
    iccid TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What CDRs erased on demand were in the totals, which stay: a recount adds them to the rows that are left.
CREATE TABLE erased_by_line (
    source INTEGER NOT NULL,
    month INTEGER NOT NULL,
    line INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    out_of_bundle INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER,
    last_start INTEGER NOT NULL
) STRICT;
CREATE INDEX erased_by_line_by_month ON erased_by_line (source, month);
CREATE TABLE erased_by_day (
    source INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    out_of_bundle INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER
) STRICT;
CREATE INDEX erased_by_day_by_day ON erased_by_day (source, day);
CREATE TABLE erased_by_zone (
    source INTEGER NOT NULL,
    month INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    nature_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    amount INTEGER
) STRICT;
CREATE INDEX erased_by_zone_by_month ON erased_by_zone (source, month);
"""

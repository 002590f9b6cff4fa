"""How long `desk.db` keeps what it holds, and the daily purge of what is past its term.

Messages, in and out, are personal data: a mail that could not be dealt with is kept for who repairs it
(`ORIGYNE_RETENTION_MAILS`), what is known of the others for a year, the audit for `ORIGYNE_RETENTION_AUDIT`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from bot.desk import audit
from core.folders import PARIS
from core.settings import Settings

DAY = 86400

#: Rows that one transaction changes: who waits for an answer does not wait for more.
_STEP = 500


@dataclass(frozen=True)
class Rule:
    """One kind of thing and its term. `what`: (French) of one, of several; `term`: in words; `key`: what names a row;
    `change`: what is written over rather than deleting the row, "" for deletion; `before`: UTC seconds."""

    table: str
    what: tuple[str, str]
    term: str
    where: str
    before: int
    key: str = "id"
    change: str = ""

    @property
    def chosen(self) -> str:
        return f"SELECT {self.key} FROM {self.table} WHERE {self.where}"


@dataclass(frozen=True)
class Gone:
    """How many of what a rule purged, or would."""

    rule: Rule
    count: int


def rules(settings: Settings, now: int) -> list[Rule]:
    """All terms but that of the audit, in the order in which they are applied."""
    year, mails = _months_before(now, 12), now - settings.retention_mails * DAY
    mail_term = f"{settings.retention_mails} jours"
    return [
        Rule(
            "inbox",
            ("message reçu non traité (son contenu)", "messages reçus non traités (leur contenu)"),
            mail_term,
            "state = 'failed' AND received_at < :before",
            mails,
            change="state = 'done', payload = NULL, reason = ''",
        ),
        Rule(
            "outbox",
            ("message non remis (son contenu)", "messages non remis (leur contenu)"),
            mail_term,
            "state = 'failed' AND payload IS NOT NULL AND created_at < :before",
            mails,
            change="state = 'dropped', payload = NULL, attachment = NULL",
        ),
        Rule(
            "inbox",
            ("question reçue par le chat (sa trace)", "questions reçues par le chat (leur trace)"),
            "12 mois",
            "state = 'done' AND door != 'mail' AND received_at < :before",
            year,
        ),
        # The mailbox may still hold the mail: its UID and its Message-ID are all that keeps it from being answered
        # again, and all that stays.
        Rule(
            "inbox",
            ("courriel reçu (son expéditeur)", "courriels reçus (leur expéditeur)"),
            "12 mois",
            "state = 'done' AND door = 'mail' AND (conversation != '' OR reason != '') AND received_at < :before",
            year,
            change="conversation = '', reason = ''",
        ),
        Rule(
            "outbox",
            ("message envoyé ou abandonné (sa trace)", "messages envoyés ou abandonnés (leur trace)"),
            "12 mois",
            "state NOT IN ('queued', 'sending') AND max(created_at, coalesce(sent_at, 0)) < :before",
            year,
        ),
        # Whoever of them is still spoken with makes his thread's newest sign.
        Rule(
            "threads",
            ("conversation finie ou muette", "conversations finies ou muettes"),
            "12 mois",
            "max(opened_at, coalesce(closed_at, 0), puzzled_at, "
            "(SELECT coalesce(max(spoke_at), 0) FROM thread_members WHERE thread_id = threads.id), "
            "(SELECT coalesce(max(at), 0) FROM held WHERE thread_id = threads.id)) < :before "
            "AND id NOT IN (SELECT thread_id FROM outbox)",
            year,
        ),
        Rule("drafts", ("image en attente", "images en attente"), "12 mois", "at < :before", year, key="rowid"),
        Rule("buttons", ("bouton", "boutons"), "12 mois", "at < :before", year, key="token"),
        Rule(
            "strangers",
            ("chat inconnu", "chats inconnus"),
            "12 mois",
            "max(told_at, last_failure_at) < :before",
            year,
            key="chat_id",
        ),
        Rule(
            "mail_strangers",
            ("adresse inconnue", "adresses inconnues"),
            "12 mois",
            "told_at < :before",
            year,
            key="address",
        ),
        Rule(
            "faulty_addresses",
            ("adresse en défaut", "adresses en défaut"),
            "12 mois",
            "last_at < :before",
            year,
            key="address",
        ),
        Rule("senders", ("courriel compté", "courriels comptés"), "1 jour", "at < :before", now - DAY, key="rowid"),
        Rule(
            "rio_failures",
            ("contrôle de RIO raté", "contrôles de RIO ratés"),
            "1 jour",
            "at < :before",
            now - DAY,
            key="rowid",
        ),
        Rule(
            "confirmations",
            ("confirmation demandée", "confirmations demandées"),
            "1 jour",
            "until < :before",
            now - DAY,
            key="token",
        ),
        Rule(
            "codes",
            ("code d'invitation périmé", "codes d'invitation périmés"),
            "30 jours",
            "expires_at < :before",
            now - 30 * DAY,
            key="hash",
        ),
        Rule(
            "address_codes",
            ("code d'adresse périmé", "codes d'adresse périmés"),
            "30 jours",
            "expires_at < :before",
            now - 30 * DAY,
            key="name",
        ),
        Rule(
            "awaited_words",
            ("question restée sans suite", "questions restées sans suite"),
            "1 jour",
            "until < :before",
            now - DAY,
            key="conversation",
        ),
        Rule(
            "awaited_files",
            ("fichier attendu en vain", "fichiers attendus en vain"),
            "1 jour",
            "until < :before",
            now - DAY,
            key="conversation",
        ),
    ]


def audit_before(settings: Settings, now: int) -> int:
    """Rows of the audit older than that (UTC seconds) go."""
    return _months_before(now, settings.retention_audit)


def plan(db: Database, settings: Settings, now: int) -> tuple[list[Gone], int]:
    """What `purge` would find now, and how many rows of the audit; changes nothing.

    What one rule leaves for the next (a trace that goes as its content does) is counted as it stands.
    """
    found = [Gone(rule, _count(db, rule)) for rule in rules(settings, now)]
    (audited,) = db.execute("SELECT count(*) FROM audit WHERE at < ?", (audit_before(settings, now),)).fetchone()
    return [gone for gone in found if gone.count], int(audited)


def purge(db: Database, settings: Settings, now: int) -> Iterator[Gone]:
    """Delete what is past its term, some rows a transaction; each step says what it did, so that others get their turn
    in between."""
    for rule in rules(settings, now):
        while True:
            with db.atomic():
                count = _apply(db, rule)
            if count:
                yield Gone(rule, count)
            if count < _STEP:
                break


def purge_audit(db: Database, settings: Settings, now: int) -> int:
    """Says how many rows of the audit went."""
    return audit.purge(db, audit_before(settings, now))


def _count(db: Database, rule: Rule) -> int:
    (count,) = db.execute(f"SELECT count(*) FROM ({rule.chosen})", {"before": rule.before}).fetchone()
    return int(count)


def _apply(db: Database, rule: Rule) -> int:
    keys = db.execute(f"{rule.chosen} LIMIT {_STEP}", {"before": rule.before}).fetchall()
    if rule.table == "threads":
        for statement in _OF_THREADS:
            db.conn.executemany(statement, keys)
    begin = f"UPDATE {rule.table} SET {rule.change}" if rule.change else f"DELETE FROM {rule.table}"
    db.conn.executemany(f"{begin} WHERE {rule.key} = ?", keys)
    return len(keys)


#: What hangs on a thread.
_OF_THREADS = (
    "DELETE FROM held_files WHERE held_id IN (SELECT id FROM held WHERE thread_id = ?)",
    "DELETE FROM held WHERE thread_id = ?",
    "DELETE FROM thread_members WHERE thread_id = ?",
    "DELETE FROM thread_messages WHERE thread_id = ?",
)


def _months_before(now: int, months: int) -> int:
    """The same day and hour that many months ago (UTC seconds); on a day that the month lacks, its last one."""
    here = datetime.fromtimestamp(now, PARIS)
    count = here.year * 12 + here.month - 1 - months
    for day in range(here.day, 27, -1):
        try:
            return int(here.replace(year=count // 12, month=count % 12 + 1, day=day).timestamp())
        except ValueError:
            continue
    return int(here.replace(year=count // 12, month=count % 12 + 1).timestamp())

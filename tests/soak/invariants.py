"""What must hold at the end, and what must never be otherwise: each check says what is wrong, or nothing."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from io import BytesIO

from openpyxl import load_workbook

from bot.desk import chain
from bot.sandbox.traffic import Cdr, Usage, total
from core.folders import PARIS
from core.numbers import show
from core.store import connect
from handlers import french
from tests.soak.life import WORDS, Life
from tests.soak.people import People, is_from_staff, parsed, text_of
from tests.soak.watch import Watch, growths, read_only
from tests.soak.world import ACCOUNTING, BOT, STAFF, STRANGER, TECHNICAL, World

#: Bytes that the log of a store may reach: SQLite empties it every 1000 pages of 8 KB, as soon as no reader holds it.
LARGEST_LOG = 64_000_000

_KINDS = {0: "voice", 1: "sms", 2: "mms", 3: "data"}
_RATED, _BILLED = 0, 1


@dataclass
class Seen:
    """Everything that the checks look at; `uncertain`: by channel, copies that the outbox says may have been sent."""

    world: World
    life: Life
    people: People
    watch: Watch
    oldest_least: float
    doubles: list[str] = field(default_factory=list)

    def query(self, store: str, words: str) -> list[tuple[object, ...]]:
        with closing(read_only(self.world.service.data / f"{store}.db")) as db:
            return db.execute(words).fetchall()

    def mails(self, address: str) -> dict[str, EmailMessage]:
        """By Message-ID: a copy has the same."""
        found = [parsed(raw) for raw in self.world.mail.arrived[address]]
        return {str(mail["Message-ID"]): mail for mail in found}


def light(seen: Seen) -> Iterator[str]:
    """What can be asked at any moment, while the service runs."""
    for store in ("telecom", "desk"):
        if (found := seen.query(store, "PRAGMA quick_check")) != [("ok",)]:
            yield f"{store}.db: {found}"
    ((counted,),) = seen.query("telecom", f"SELECT count(*) FROM cdrs WHERE source = {_RATED}")
    if int(str(counted)) > len(seen.life.operator.cdrs):
        yield f"{counted} communications of {len(seen.life.operator.cdrs)} that there are"
    yield from _nothing_told_twice(seen)


def final(seen: Seen) -> list[str]:
    found = []
    for check in _CHECKS:
        found += [f"{check.__name__.strip('_').replace('_', ' ')}: {fault}" for fault in check(seen)]
    return found


# -- files


def _every_file_is_read(seen: Seen) -> Iterator[str]:
    states = dict(seen.query("telecom", "SELECT path, state FROM files"))
    yield from (f"{path} never came" for path in sorted(seen.life.sent - states.keys(), key=str))
    yield from (f"{path} is {state}" for path, state in states.items() if state not in ("read", "kept"))
    arriving = seen.world.service.data / "arriving"
    if arriving.is_dir():
        yield from (f"{path.name} was left in {arriving.name}/" for path in arriving.iterdir())


def _rows_are_set_aside_where_they_should(seen: Seen) -> Iterator[str]:
    for path, rejected in seen.query("telecom", "SELECT path, rejected_rows FROM files"):
        expected = seen.life.unreadable.get(str(path), 0)
        if rejected != expected:
            yield f"{path}: {rejected} rows instead of {expected}"


def _each_communication_counts_once(seen: Seen) -> Iterator[str]:
    cdrs = seen.life.operator.cdrs
    billed = {
        int(str(month))
        for (month,) in seen.query("telecom", "SELECT last_month FROM files WHERE folder = 'billed_cdrs'")
    }
    of_month: dict[tuple[str, int], list[Cdr]] = defaultdict(list)
    for cdr in cdrs:
        of_month[cdr.client, cdr.start.year * 100 + cdr.start.month].append(cdr)
    truth = {key: total(those) for key, those in of_month.items()}
    for source, expected in (
        (_RATED, truth),
        (_BILLED, {key: usage for key, usage in truth.items() if key[1] in billed}),
    ):
        for table, query in (("usage_by_line", _TOTALS), ("cdrs", _RECOUNTED)):
            counted = _usages(seen.query("telecom", query.format(source=source)))
            for key in sorted(expected.keys() | counted.keys()):
                if expected.get(key) != counted.get(key):
                    yield f"{table}, source {source}, {key}: {counted.get(key)} instead of {expected.get(key)}"


_TOTALS = (
    "SELECT clients.name, month, kind, sum(count), sum(seconds), sum(bytes), sum(amount) FROM usage_by_line "
    "JOIN clients ON clients.id = client_id WHERE source = {source} GROUP BY 1, 2, 3"
)
_RECOUNTED = (
    "SELECT clients.name, CAST(strftime('%Y%m', day * 86400, 'unixepoch') AS INTEGER), kind, count(*), sum(seconds), "
    "sum(bytes), sum(amount) FROM cdrs JOIN clients ON clients.id = client_id JOIN natures ON natures.id = nature_id "
    "WHERE source = {source} GROUP BY 1, 2, 3"
)


def _usages(rows: Iterable[tuple[object, ...]]) -> dict[tuple[str, int], Usage]:
    sums: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for client, month, kind, count, seconds, size, amount in rows:
        found = sums[str(client), int(str(month))]
        name = _KINDS[int(str(kind))]
        found[f"{name}_count"] += int(str(count))
        found["voice_seconds"] += int(str(seconds))
        found["data_bytes"] += int(str(size))
        found["amount"] += int(str(amount))
    return {key: Usage(**found) for key, found in sums.items()}


# -- lines


def _lines_are_as_the_operator_says(seen: Seen) -> Iterator[str]:
    rows = seen.query(
        "telecom",
        "SELECT msisdn, iccid, coalesce(clients.name, ''), word FROM lines LEFT JOIN clients ON clients.id = client_id "
        "WHERE gone_at IS NULL",
    )
    # A card in stock is no line of ours; the product keeps it as the file says.
    told = {(line.msisdn, line.iccid, line.client, line.status) for line in seen.life.told.values()}
    yield from (f"{row} instead of what the last AccountStatus says" for row in sorted(set(rows) ^ told, key=str))


def _history_is_what_happened(seen: Seen) -> Iterator[str]:
    changes = {(it.msisdn, it.kind.removeprefix("line."), it.at) for it in seen.life.changes}
    kinds = ", ".join(f"'{kind}'" for kind in sorted({kind for _, kind, _ in changes}))
    since = min((at for _, _, at in changes), default=0)
    rows = seen.query(
        "telecom", f"SELECT msisdn, change, at FROM line_changes WHERE at >= {since} AND change IN ({kinds})"
    )
    for row, times in Counter(rows).items():
        if times > 1 or row not in changes:
            yield f"{row} is there {times} times, and {row in changes} is whether it happened"
    yield from (f"{change} is missing" for change in sorted(changes - set(rows)))


def _each_change_is_an_event_once(seen: Seen) -> Iterator[str]:
    """What a late AccountStatus says alone is history, and no news: of what it says, what still holds was told with a
    newer one, and the change that follows it may have been none when it was read."""
    told, late = _told_changes(seen), late_states(seen)
    since = min((it.at for it in seen.life.changes), default=0)
    truth = {(it.msisdn, it.kind, it.at) for it in seen.life.changes}
    came_late = {(it.msisdn, it.at) for it in seen.life.changes if it.at in late}
    for change, times in told.items():
        msisdn, _, at = change
        if times > 1:
            yield f"{change} {times} times"
        if at >= since and change not in truth and not any(of == msisdn and then < at for of, then in came_late):
            yield f"{change} never happened"
    before: dict[str, int] = {}
    for it in seen.life.changes:  # in the order of their states
        known = it.at in late or before.get(it.msisdn, 0) in late
        if (it.msisdn, it.kind, it.at) not in told and not known:
            yield f"{it} was not told"
        before[it.msisdn] = it.at


def _told_changes(seen: Seen) -> Counter[tuple[str, str, int]]:
    rows = seen.query(
        "telecom",
        "SELECT json_extract(data, '$.msisdn'), kind, json_extract(data, '$.at') FROM events WHERE kind GLOB 'line.*'",
    )
    return Counter((str(msisdn), str(kind), int(str(at))) for msisdn, kind, at in rows)


def late_states(seen: Seen) -> set[int]:
    """`as_of` of each AccountStatus that was fetched when a newer one had been."""
    rows = seen.query(
        "telecom", "SELECT as_of, fetched_clock FROM files WHERE folder = 'account_status' ORDER BY as_of DESC"
    )
    late, earliest = set(), float("inf")
    for as_of, fetched in rows:
        if float(str(fetched)) > earliest:
            late.add(int(str(as_of)))
        earliest = min(earliest, float(str(fetched)))
    return late


# -- what people are told


def _each_event_is_mailed_once(seen: Seen) -> Iterator[str]:
    found = Counter(change for mail in seen.mails(TECHNICAL).values() for change in _changes_in(mail))
    for msisdn, kind, at in _told_changes(seen):
        row = (show(msisdn), WORDS.get(kind, kind), french.moment(at))
        if found[row] != 1:
            yield f"{row} stands in {found[row]} mails"


#: A row of the table of changes: in columns, or one cell a line where it is too wide.
_CHANGED = re.compile(
    r"^(0\d(?: \d\d){4})(?: {2,}.*?|(?:\n(?! *Changement).*)*?\n *Changement :) +"
    rf"({'|'.join(WORDS.values())})(?: {{2,}}.*?|(?:\n(?! *Vu dans).*)*?\n *Vu dans l'état du :) +"
    r"(\d\d/\d\d(?:/\d{4})? à \d\d:\d\d)$",
    re.MULTILINE,
)


def _changes_in(mail: EmailMessage) -> list[tuple[str, str, str]]:
    """Number, what it became, and the state that says so; of the spreadsheet where the mail shows but the first."""
    for part in mail.iter_attachments():
        if str(part.get_filename()).startswith("Détail du"):
            book = load_workbook(BytesIO(part.get_content()), read_only=True)
            if "Changements de lignes" in book.sheetnames:
                rows = list(book["Changements de lignes"].iter_rows(min_row=2, values_only=True))
                return [
                    (show(str(row[0])), str(row[2]), french.moment(int(row[5].replace(tzinfo=PARIS).timestamp())))
                    for row in rows
                    if isinstance(row[5], datetime)
                ]
    found: list[tuple[str, str, str]] = _CHANGED.findall(text_of(mail).replace("\r\n", "\n"))
    return found


def _each_invoice_is_mailed_once(seen: Seen) -> Iterator[str]:
    questions = seen.people.ledger.mails
    notices = [mail for mail in seen.mails(ACCOUNTING).values() if str(mail["In-Reply-To"]) not in questions]
    attached = Counter(part.get_filename() for mail in notices for part in mail.iter_attachments())
    named = Counter(name for mail in notices for name in set(_INVOICE.findall(text_of(mail))))
    for invoice in seen.life.operator.invoices:
        times = sum(count for name, count in attached.items() if name and invoice.number in name)
        if (times, named[invoice.number]) != (1, 1):
            yield f"{invoice.number} is attached to {times} mails, and named in {named[invoice.number]}"


_INVOICE = re.compile(r"F[CO]\d{4}-\d{3}")


def _each_question_by_mail_is_answered_once(seen: Seen) -> Iterator[str]:
    replies = Counter(str(mail["In-Reply-To"]) for mail in seen.mails(ACCOUNTING).values())
    for question in seen.people.ledger.mails:
        if replies[question] != 1:
            yield f"{question} has {replies[question]} answers"


def _each_question_in_the_chat_is_answered_once_and_in_order(seen: Seen) -> Iterator[str]:
    answers: dict[int, list[int]] = defaultdict(list)
    texts: dict[int, str] = {}
    for message in seen.people.phone.messages:
        if message.reply_to and not is_from_staff(message):
            answers[message.reply_to].append(message.born)
            texts[message.reply_to] = message.text
    before = 0
    for asked in seen.people.ledger.chat:
        found = answers[asked.message_id]
        if not found:
            yield f"« {_bare(asked.words)} » has no answer"
            continue
        if len(found) > 1:
            seen.doubles += [f"chat: {len(found)} answers to « {_bare(asked.words)} »"] * (len(found) - 1)
        if min(found) < before:
            yield f"« {_bare(asked.words)} » was answered before what was asked earlier"
        before = min(found)
        if asked.corrections and show(asked.words.split()[1]) not in texts[asked.message_id]:
            yield f"« {_bare(asked.words)} » (corrected) reads {texts[asked.message_id]!r}"


def _bare(words: str) -> str:
    """Without a RIO."""
    return re.sub(r"\b\d\d[EP]\w{6}[\w+]{3}", "RIO", words)


def _each_question_ran_once(seen: Seen) -> Iterator[str]:
    ledger = seen.people.ledger
    ((rows,),) = seen.query("desk", "SELECT count(*) FROM audit WHERE door = 'chat' AND person = 'technique'")
    asked = 1 + len(ledger.chat) + ledger.presses + sum(it.corrections for it in ledger.chat)
    if rows != asked:
        yield f"{rows} rows in the audit for {asked} questions, corrections and buttons"


def _words_cross_the_bridge_once(seen: Seen) -> Iterator[str]:
    to_staff = [text_of(mail) for mail in seen.mails(STAFF).values()]
    for token in seen.people.ledger.to_staff:
        times = sum(token in text for text in to_staff)
        if times != 1:
            yield f"{token} reached the staff {times} times"
    shown = [message.text for message in seen.people.phone.messages]
    for words in seen.people.ledger.to_chat:
        times = sum(words in text for text in shown)
        if times == 0:
            yield f"« {words} » did not reach the chat"
        elif times > 1:
            seen.doubles += [f"chat: « {words} »"] * (times - 1)


def _strangers_learn_nothing(seen: Seen) -> Iterator[str]:
    told = [message.text for message in seen.people.stranger.messages]
    if len(set(told)) > 1 or len(seen.mails(STRANGER)) > 1:
        yield f"{told}, {len(seen.mails(STRANGER))} mails"


def _codes_are_gone_from_the_chat(seen: Seen) -> Iterator[str]:
    puks = {sim.puk1 for sim in seen.life.operator.sims}
    for message in seen.people.phone.messages:
        if not message.deleted and puks & set(re.findall(r"\d{8}", message.text)):
            yield f"message {message.message_id} still shows one"


def _every_mail_that_was_sent_arrived_and_no_other(seen: Seen) -> Iterator[str]:
    """Also a copy under another Message-ID would show here."""
    rows = seen.query("desk", "SELECT message_id, subject FROM outbox WHERE channel = 'mail' AND state = 'sent'")
    sent = {str(message_id): subject for message_id, subject in rows}
    arrived = {
        key: mail for address in seen.world.mail.arrived if address != BOT for key, mail in seen.mails(address).items()
    }
    yield from (f"« {sent[key]} » did not arrive" for key in sorted(sent.keys() - arrived.keys()))
    yield from (f"« {arrived[key]['Subject']} » is not known" for key in sorted(arrived.keys() - sent.keys()))


def _nothing_told_twice(seen: Seen) -> Iterator[str]:
    for change, times in _told_changes(seen).items():
        if times > 1:
            yield f"{change} was told {times} times"


def _doubles_are_known_as_uncertain(seen: Seen) -> Iterator[str]:
    """Each copy that people saw is one that the outbox marked: a lost answer, or a crash while it was sent."""
    for address, arrived in seen.world.mail.arrived.items():
        if address == BOT:
            continue
        for message_id, times in Counter(str(parsed(raw)["Message-ID"]) for raw in arrived).items():
            if times > 1:
                seen.doubles.append(f"mail: {times} copies to {address}")
                rows = seen.query("desk", f"SELECT uncertain, tries FROM outbox WHERE message_id = '{message_id}'")
                if not any(uncertain and int(str(tries)) >= times for uncertain, tries in rows):
                    yield f"{message_id} came {times} times, the outbox says {rows}"
    in_chat = sum(it.startswith("chat:") for it in seen.doubles)
    rows = seen.query("desk", "SELECT tries FROM outbox WHERE channel = 'chat' AND uncertain = 1")
    possible = sum(max(1, int(str(tries)) - 1) for (tries,) in rows)
    if in_chat > possible:
        yield f"{in_chat} in the chat, {possible} copies are known"


# -- the house


def _nothing_waits_or_failed(seen: Seen) -> Iterator[str]:
    last = seen.watch.waiting[-1]
    if last.queued or last.failed:
        yield f"{last}"
    for door, conversation, reason in seen.query(
        "desk", "SELECT door, conversation, reason FROM inbox WHERE state != 'done'"
    ):
        yield f"{door} {conversation}: {reason}"
    for channel, subject, error in seen.query(
        "desk", "SELECT channel, subject, error FROM outbox WHERE state NOT IN ('sent')"
    ):
        yield f"{channel} « {subject} »: {error}"


def _stores_are_whole(seen: Seen) -> Iterator[str]:
    for store in ("telecom", "desk"):
        for check, good in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            if (found := seen.query(store, f"PRAGMA {check}")) != good:
                yield f"{store}.db, {check}: {found[:5]}"


def _the_audit_is_whole(seen: Seen) -> Iterator[str]:
    db = connect(seen.world.service.data / "desk.db")
    try:
        verdict = chain.verify(db)
    finally:
        db.close()
    if verdict.fault:
        yield f"row {verdict.broken}: {verdict.fault}"


def _no_secret_is_in_the_log(seen: Seen) -> Iterator[str]:
    words = seen.world.service.words
    operator = seen.life.operator
    secrets = {"a password or the token": seen.world.secrets, "the code that lets in": [seen.people.code]}
    secrets["a RIO"] = [line.rio for line in operator.lines if line.rio]
    yield from (f"{what} is" for what, values in secrets.items() if any(value in words for value in values))
    puks = {code for sim in operator.sims for code in (sim.puk1, sim.puk2)}
    if found := puks & set(re.findall(r"(?<!\d)\d{8}(?!\d)", words)):
        yield f"{len(found)} PUKs are"


def _memory_and_descriptors_stay_flat(seen: Seen) -> Iterator[str]:
    for growth in growths(seen.watch.usages, seen.oldest_least):
        if not growth.is_flat:
            yield f"{growth}"


def _logs_of_the_stores_stay_small(seen: Seen) -> Iterator[str]:
    for store in ("telecom_log", "desk_log"):
        if (largest := max(getattr(it, store) for it in seen.watch.waiting)) > LARGEST_LOG:
            yield f"{store} reached {largest} bytes"


_CHECKS: tuple[Callable[[Seen], Iterator[str]], ...] = (
    _nothing_waits_or_failed,
    _every_file_is_read,
    _rows_are_set_aside_where_they_should,
    _each_communication_counts_once,
    _lines_are_as_the_operator_says,
    _history_is_what_happened,
    _each_change_is_an_event_once,
    _each_event_is_mailed_once,
    _each_invoice_is_mailed_once,
    _every_mail_that_was_sent_arrived_and_no_other,
    _each_question_by_mail_is_answered_once,
    _each_question_in_the_chat_is_answered_once_and_in_order,
    _each_question_ran_once,
    _words_cross_the_bridge_once,
    _strangers_learn_nothing,
    _codes_are_gone_from_the_chat,
    _doubles_are_known_as_uncertain,
    _stores_are_whole,
    _the_audit_is_whole,
    _no_secret_is_in_the_log,
    _memory_and_descriptors_stay_flat,
    _logs_of_the_stores_stay_small,
)

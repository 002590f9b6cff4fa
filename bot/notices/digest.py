"""From events to notices: each piece of news goes where the table of routes says, in one digest a person and channel.

The cursor over the events, what waits for its hour, and the mails and messages move in one transaction.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from bot.desk import progress, threads
from bot.desk.outbox import Channel
from bot.desk.people import Contact
from bot.house import House
from bot.mail.attachments import LeftOut, as_it_travels, room_for_files
from bot.mail.letter import Letter
from bot.notices import accounting, news, repeats, routes, technical
from bot.notices import doubt as doubts
from bot.notices.doubt import Doubt
from bot.notices.news import News, Waiting
from bot.notices.part import Part
from bot.notices.repeats import Sifted
from bot.notices.routes import Routes
from core import books, deliveries, events, logs
from core.layouts import fold
from core.workbook import MOST_ROWS, Column
from core.workshop import WorkshopError
from handlers import french
from handlers.answer import Answer, OutFile

log = logging.getLogger(__name__)

#: Rows beyond which a spreadsheet goes along, and which a chat shows of a table, and of it when there are more.
SHEET_ROWS, CHAT_ROWS, FIRST_ROWS = 20, 12, 8

#: Headlines that a subject has room for, and their signs.
_MOST_HEADLINES, _MOST_SIGNS = 3, 85

_Reader = tuple[str, Channel]
_Sheet = tuple[str, tuple[Column, ...], tuple[tuple[str | int | None, ...], ...]]


@dataclass
class _Plan:
    """`now`: what each reader is told, `later`: what is kept for him, until when."""

    now: dict[_Reader, list[News]] = field(default_factory=dict)
    later: list[tuple[_Reader, int, News]] = field(default_factory=list)


@dataclass(frozen=True)
class _Digest:
    """What one reader is told of files and lines at once. `thread`: its key."""

    subject: str
    parts: tuple[Part, ...]
    thread: str


async def notify(house: House) -> int:
    """Turn the events of finished passes, and what waited for its hour, into mails and messages.

    Returns how many events and pieces of news were dealt with.
    """
    async with house.telling:
        now = house.context.now()
        cursor = progress.get(house.desk, "event_cursor")
        found = events.since(house.context.telecom, cursor)
        doubt = doubts.present(house.desk, house.context.telecom)
        if doubt:
            found = doubt.of(found)
        waited = news.due(house.desk, now)
        sifted = repeats.sift(house.desk, house.context.telecom, [News.of(event) for event in found], now)
        if doubt:
            sifted.news = [doubt.on(it) for it in sifted.news]
        if not (found or waited or sifted.news):
            if sifted.is_new or doubt:
                with house.desk.atomic():
                    _keep(house, sifted, cursor, doubt)
            return 0
        plan = _planned(house, sifted.news, waited, now)
        digests = {reader: _digest(house, told, now) for reader, told in plan.now.items()}
        sheets = await _sheets(house, digests, now)
        last = found[-1].id if found else cursor
        with logs.about(f"n{last}"), house.desk.atomic():
            # A spreadsheet takes its time. Nobody else tells events, but whoever did must not be repeated.
            if progress.get(house.desk, "event_cursor") != cursor:
                return 0
            _keep(house, sifted, last, doubt)
            news.take(house.desk, waited)
            for (person_id, channel), due_at, it in plan.later:
                news.keep(house.desk, person_id, channel, due_at, [it])
            for reader, told in plan.now.items():
                _tell(house, reader, told, digests[reader], sheets.get(reader), (reader[0], "mail") in plan.now)
            log.info("notices: %s events, %s readers", len(found), len(plan.now))
        return len(sifted.news) + len(waited) or len(found)


#: Seconds by which the copy of a file may be older than its row.
_BEFORE = 2


def _keep(house: House, sifted: Sifted, cursor: int, doubt: Doubt | None) -> None:
    """Until where all is told, in the transaction that tells it: a store that is restored meanwhile must not bring it
    once more, nor leave out what came and waits to be read."""
    progress.put(house.desk, "event_cursor", cursor)
    telecom = house.context.telecom
    # A pass that ended since the events were read is of the next time.
    (until,) = telecom.execute(
        "SELECT coalesce(max(ended_clock), 0) FROM passes WHERE last_event <= ?", (cursor,)
    ).fetchone()
    (unread,) = telecom.execute("SELECT min(fetched_clock) FROM files WHERE state = 'fetched'").fetchone()
    if unread is not None:
        until = min(until, unread - _BEFORE)
    progress.put(house.desk, "told_until", max(until, progress.get(house.desk, "told_until")))
    sifted.keep(house.desk)
    doubts.settle(house.desk, doubt)


def announce(house: House, told: News, *, but: frozenset[Channel] = frozenset()) -> None:
    """Tell what the service itself has to say where the routes send it; in the caller's transaction.

    :param told: its `data` has `title`, `lines`, and the key of its `thread`.
    :param but: channels that do not work: who is told by them alone is told by the other.
    """
    now = house.context.now()
    ways: dict[str, dict[Channel, int]] = {}
    for (person_id, channel), due_at in _readers(
        house, routes.in_force(house.settings.data)[0], told.kind, now
    ).items():
        ways.setdefault(person_id, {})[channel] = due_at
    for person_id, own in ways.items():
        open_ways = {
            channel: due_at
            for channel, due_at in own.items()
            if channel not in but and (channel == "mail" or house.people.chats_of(person_id))
        }
        if but and not open_ways:
            has_chat = "chat" not in but and house.people.chats_of(person_id)
            open_ways = {"chat" if has_chat else "mail": now}
        for channel, due_at in open_ways.items():
            if due_at > now:
                news.keep(house.desk, person_id, channel, due_at, [told])
            elif contact := house.people.by_id(person_id):
                _tell_alert(house, contact, channel, told)


# -- who, by what, when


def _planned(house: House, found: Iterable[News], waited: Iterable[Waiting], now: int) -> _Plan:
    table, _ = routes.in_force(house.settings.data)
    plan = _Plan()
    for it in waited:
        plan.now.setdefault((it.person_id, it.channel), []).append(it.news)
    readers: dict[str, dict[_Reader, int]] = {}
    for told in found:
        if told.kind not in readers:
            readers[told.kind] = _readers(house, table, told.kind, now)
        for reader, due_at in readers[told.kind].items():
            if due_at > now:
                plan.later.append((reader, due_at, told))
            else:
                plan.now.setdefault(reader, []).append(told)
    return plan


def _readers(house: House, table: Routes, kind: str, now: int) -> dict[_Reader, int]:
    """Who is told of a kind of news by which channel, and when; the sooner where two routes reach one person."""
    found: dict[_Reader, int] = {}
    for route in table.of(kind):
        for contact in _people(house, route.reader):
            due_at = route.due(now, house.settings.holidays)
            # Who has two roles and one mailbox reads there once.
            one = house.people.by_email(contact.email) if route.channel == "mail" else None
            reader = ((one or contact).person.id, route.channel)
            found[reader] = min(due_at, found.get(reader, due_at))
    return found


def _people(house: House, reader: str) -> list[Contact]:
    if "@" in reader:
        contact = house.people.by_email(reader)
        return [contact] if contact else []
    return [it for it in house.people.everyone() if reader in {fold(role) for role in it.person.roles}]


# -- what one person is told by one channel


def _digest(house: House, told: Sequence[News], now: int) -> _Digest | None:
    """Of files and lines; None when there is nothing but alerts."""
    files = [it for it in told if not _is_alert(it)]
    money = [it for it in files if it.kind in accounting.KINDS]
    said = accounting.say(house, money) if money else None
    others = technical.say(house, [it for it in files if it.kind not in accounting.KINDS])
    if not said and not others:
        return None
    headlines = [part.headline for part in others]
    most = _MOST_HEADLINES
    while most > 1 and len(", ".join(headlines[:most])) > _MOST_SIGNS:
        most -= 1
    more = "et d'autres nouvelles" if len(headlines) > most else ""
    rest = " ".join(filter(None, [", ".join(headlines[:most]), more]))
    subject = " ; ".join(filter(None, [said.subject if said else "", rest]))
    key = f"invoices:{said.month}" if said else f"day:{french.today(now).date().isoformat()}"
    parts = (*(said.parts if said else ()), *others)
    if doubtful := doubts.words(files):
        subject += doubts.MARK
        first = parts[0].answer
        answer = replace(first, title=first.title + doubts.MARK, lines=(doubtful, *first.lines))
        parts = (replace(parts[0], answer=answer), *parts[1:])
    return _Digest(subject, parts, key)


async def _sheets(house: House, digests: dict[_Reader, _Digest | None], now: int) -> dict[_Reader, OutFile]:
    """One spreadsheet for each reader of long tables; who reads the same has the same. In a chat, where no mail of now
    has it."""
    made: dict[tuple[_Sheet, ...], OutFile | None] = {}
    found: dict[_Reader, OutFile] = {}
    for reader, digest in digests.items():
        if digest is None or (reader[1] == "chat" and (reader[0], "mail") in digests):
            continue
        long = tuple(
            (part.sheet, part.columns, part.rows[:MOST_ROWS]) for part in digest.parts if len(part.rows) > SHEET_ROWS
        )
        if long and long not in made:
            made[long] = await _sheet(house, digest.subject, long, now)
        if long and (sheet := made[long]):
            found[reader] = sheet
    return found


async def _sheet(house: House, title: str, sheets: tuple[_Sheet, ...], now: int) -> OutFile | None:
    try:
        content = await house.context.workshop.make(books.tables, title[0].upper() + title[1:], sheets)
    except WorkshopError:
        return None  # the words matter more
    return OutFile(f"Détail du {french.today(now):%Y-%m-%d}.xlsx", content)


def _tell(
    house: House, reader: _Reader, told: Sequence[News], digest: _Digest | None, sheet: OutFile | None, mailed: bool
) -> None:
    """One digest of files and lines, and each alert by itself, for it has a thread of its own.

    :param mailed: whether he is told the same by mail.
    """
    contact = house.people.by_id(reader[0])
    if contact is None or not contact.person.roles:
        return  # no longer named by the settings
    if digest and reader[1] == "mail":
        _mail_digest(house, contact, told, digest, sheet)
    elif digest:
        thread = threads.open_thread(house.desk, "notice", digest.thread, digest.subject)
        parts = [(part.topic, _for_phone(part, mailed=mailed)) for part in digest.parts]
        if sheet:
            parts[0] = (parts[0][0], replace(parts[0][1], files=(sheet,)))
        urgent = technical.cannot_wait(house, told)
        house.tell(contact.person.id, parts, thread=thread.id, urgent=urgent)
    for it in told:
        if _is_alert(it):
            _tell_alert(house, contact, reader[1], it)


def _mail_digest(house: House, contact: Contact, told: Sequence[News], digest: _Digest, sheet: OutFile | None) -> None:
    room = room_for_files(house.settings.mail_max_mb) - (as_it_travels(len(sheet.content)) if sheet else 0)
    money = [it for it in told if it.kind in accounting.KINDS]
    files, left = accounting.attached(house, money, room)
    # What a touch asks in the chat is one more line to read in a mail.
    answers = [_with_sheet(replace(part.answer, buttons=()), part, sheet) for part in digest.parts]
    answers[0] = replace(answers[0], files=(*([sheet] if sheet else []), *files.values()))
    thread = threads.open_thread(house.desk, "notice", digest.thread, digest.subject)
    _write(house, contact, digest.subject, answers, thread.id, left)


def _with_sheet(answer: Answer, part: Part, sheet: OutFile | None) -> Answer:
    """With what has all rows, where the first are shown; the mail itself names it below a table."""
    if sheet is None or len(part.rows) <= SHEET_ROWS:
        return answer
    lines = answer.lines if answer.table else (*answer.lines, f"La liste entière est dans {sheet.name}, ci-joint.")
    return replace(answer, lines=lines, files=(sheet,))


def _for_phone(part: Part, *, mailed: bool) -> Answer:
    """The first rows of a long table; no files, which are a question away."""
    answer = part.answer
    if answer.table is None or len(answer.table.rows) <= CHAT_ROWS:
        return answer
    more = french.whole(len(answer.table.rows) - FIRST_ROWS)
    return replace(
        answer,
        table=replace(answer.table, rows=answer.table.rows[:FIRST_ROWS]),
        lines=(f"… et {more} autres" + (", dans le courriel." if mailed else "."), *answer.lines),
    )


def _is_alert(told: News) -> bool:
    """Whether the service itself says it."""
    return "thread" in told.data


def _tell_alert(house: House, contact: Contact, channel: Channel, told: News) -> None:
    title, urgent = str(told.data["title"]), _cannot_wait(house, told)
    doubtful = doubts.words([told])
    if doubtful:
        title += doubts.MARK
    words = title.removeprefix("⚠️ ")
    thread = threads.open_thread(house.desk, "notice", str(told.data["thread"]), words)
    answer = Answer(title, (*([doubtful] if doubtful else []), *told.data["lines"]))
    if channel == "mail":
        _write(house, contact, words, [answer], thread.id)
    else:
        part = (routes.topic_of(told.kind), answer)
        house.tell(contact.person.id, [part], thread=thread.id, follows=True, urgent=urgent)


def _cannot_wait(house: House, told: News) -> bool:
    """What stops is; what works again, or is late, is not, and at night the operator delivers nothing."""
    if not told.kind.startswith("trouble.") or not str(told.data["title"]).startswith("⚠️"):
        return False
    if told.kind in _NO_STANDSTILL:
        return False
    return told.kind not in ("trouble.ftp", "trouble.ftp_files") or deliveries.is_open(house.context.now())


#: Nobody is to be woken for these: all goes on meanwhile.
_NO_STANDSTILL = ("trouble.backup", "trouble.store", "trouble.routes", "trouble.clock")


def _write(
    house: House,
    contact: Contact,
    subject: str,
    parts: Sequence[Answer],
    thread: int,
    left: tuple[LeftOut, ...] = (),
) -> None:
    house.write_letter(
        Letter(
            to=contact.email,
            subject=f"{house.profile.operator_name} : {subject}",
            greeting=f"Bonjour {contact.person.name}," if "technique" in contact.person.roles else "Bonjour,",
            parts=tuple(parts),
            person_id=contact.person.id,
            thread=thread,
            left=left,
        )
    )

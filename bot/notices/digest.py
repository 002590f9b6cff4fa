"""From events to notices: each piece of news goes where the table of routes says, in one digest a person and channel.

The cursor over the events, what waits for its hour, and the mails and messages move in one transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from bot.desk import progress, threads
from bot.desk.outbox import Channel
from bot.desk.people import Contact
from bot.house import House
from bot.mail.attachments import LeftOut
from bot.mail.letter import Letter
from bot.notices import accounting, news, repeats, routes, technical
from bot.notices.news import News, Waiting
from bot.notices.routes import Routes
from core import books, events
from core.layouts import fold
from core.workshop import WorkshopError
from handlers import french
from handlers.answer import Answer, OutFile
from handlers.desk import Topic

#: Rows of a table beyond which a spreadsheet goes along by mail, and which a chat shows.
SHEET_ROWS, CHAT_ROWS = 20, 10

_Reader = tuple[str, Channel]


@dataclass
class _Plan:
    """`now`: what each reader is told, `later`: what is kept for him, until when."""

    now: dict[_Reader, list[News]] = field(default_factory=dict)
    later: list[tuple[_Reader, int, News]] = field(default_factory=list)


async def notify(house: House) -> int:
    """Turn the events of finished passes, and what waited for its hour, into mails and messages.

    Returns how many events and pieces of news were dealt with.
    """
    async with house.telling:
        now = house.context.now()
        cursor = progress.get(house.desk, "event_cursor")
        found = events.since(house.context.telecom, cursor)
        waited = news.due(house.desk, now)
        sifted = repeats.sift(house.desk, [News.of(event) for event in found], now)
        if not found and not waited and not sifted.news:
            return 0
        plan = _planned(house, sifted.news, waited, now)
        sheets = {reader: await _sheets(house, told) for reader, told in plan.now.items() if reader[1] == "mail"}
        with house.desk.atomic():
            # A spreadsheet took its time: the desk is this process's own, but the cursor may have moved meanwhile.
            if progress.get(house.desk, "event_cursor") != cursor:
                return 0
            if found:
                progress.put(house.desk, "event_cursor", found[-1].id)
            sifted.keep(house.desk)
            for (person_id, channel), due_at, it in plan.later:
                news.keep(house.desk, person_id, channel, due_at, [it])
            news.take(house.desk, waited)
            for (person_id, channel), told in plan.now.items():
                if contact := house.people.by_id(person_id):
                    _tell(house, contact, channel, told, sheets.get((person_id, channel), {}))
        return len(found) + len(waited)


def announce(house: House, told: News, *, but: frozenset[Channel] = frozenset()) -> None:
    """Tell what the service itself has to say where the routes send it; in the caller's transaction.

    :param told: its `data` has `title`, `lines`, and the key of its `thread`.
    :param but: channels that do not work: who is told by them alone is told by the other.
    """
    now = house.context.now()
    plan = _planned(house, [told], [], now)
    readers = dict.fromkeys(plan.now, now) | {reader: due_at for reader, due_at, _ in plan.later}
    for person_id in dict.fromkeys(person_id for person_id, _ in readers):
        own: dict[Channel, int] = {channel: due for (who, channel), due in readers.items() if who == person_id}
        live = {channel: due for channel, due in own.items() if channel not in but}
        other: Channel = "mail" if "chat" in but else "chat"
        for channel, due_at in (live or {other: now}).items():
            if due_at > now:
                news.keep(house.desk, person_id, channel, due_at, [told])
            elif contact := house.people.by_id(person_id):
                _tell(house, contact, channel, [told], {})


# -- who, by what, when


def _planned(house: House, found: Iterable[News], waited: Iterable[Waiting], now: int) -> _Plan:
    table, _ = routes.in_force(house.settings.data)
    plan = _Plan()
    for it in waited:
        plan.now.setdefault((it.person_id, it.channel), []).append(it.news)
    for told in found:
        for reader, due_at in _readers(house, table, told.kind, now).items():
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


def _tell(house: House, contact: Contact, channel: Channel, told: Sequence[News], sheets: dict[str, OutFile]) -> None:
    """One digest of files and lines, and each thing that has a thread of its own by itself."""
    own = [it for it in told if _is_own(it)]
    files = [it for it in told if not _is_own(it)]
    if files:
        _digest(house, contact, channel, files, sheets)
    for it in own:
        key, title = str(it.data["thread"]), str(it.data["title"]).removeprefix("⚠️ ")
        thread = threads.open_thread(house.desk, "notice", key, title)
        answer = Answer(str(it.data["title"]), tuple(it.data["lines"]))
        if channel == "chat":
            follows = bool(threads.messages_of(house.desk, thread.id))
            urgent = it.kind.startswith("trouble.")
            house.tell(
                contact.person.id,
                [(routes.topic_of(it.kind), answer)],
                thread=thread.id,
                follows=follows,
                urgent=urgent,
            )
        else:
            _write(house, contact, title, [answer], thread.id)


def _is_own(told: News) -> bool:
    """Whether the service itself says it."""
    return told.event_id == 0 and "thread" in told.data


def _digest(house: House, contact: Contact, channel: Channel, told: list[News], sheets: dict[str, OutFile]) -> None:
    money = [it for it in told if it.kind in accounting.KINDS]
    billed = accounting.say(house, money) if money else None
    parts: list[tuple[Topic, Answer]] = [("invoices", part) for part in billed.parts] if billed else []
    parts += technical.say(house, [it for it in told if it.kind not in accounting.KINDS])
    if not parts:
        return
    rest = technical.subject([part for _, part in parts[len(billed.parts) if billed else 0 :]])
    subject = " ; ".join(filter(None, [billed.subject if billed else "", rest]))
    day = french.today(house.context.now()).date().isoformat()
    key = f"invoices:{billed.month}" if billed else f"technical:{day}"
    thread = threads.open_thread(house.desk, "notice", key, subject)
    if channel == "chat":
        house.tell(contact.person.id, [(topic, _for_phone(part)) for topic, part in parts], thread=thread.id)
        return
    # What a touch asks in the chat is one more line to read in a mail.
    shown = [
        replace(part, buttons=(), files=(*part.files, *([sheets[part.title]] if part.title in sheets else [])))
        for _, part in parts
    ]
    _write(house, contact, subject, shown, thread.id, left=billed.left if billed else ())


def _for_phone(part: Answer) -> Answer:
    """The first rows of a long table; no files, which are a question away."""
    table, more = part.table, len(part.table.rows) - CHAT_ROWS if part.table else 0
    lines = part.lines
    if table and more > 0:
        table = replace(table, rows=table.rows[:CHAT_ROWS])
        lines = (f"… et {french.whole(more)} autres : le tableur est dans le courriel.", *lines)
    return replace(part, table=table, lines=lines, files=())


async def _sheets(house: House, told: Sequence[News]) -> dict[str, OutFile]:
    """The spreadsheets of long tables, by the title of their part."""
    found: dict[str, OutFile] = {}
    for _, part in technical.say(house, [it for it in told if it.kind not in accounting.KINDS and not _is_own(it)]):
        if part.table is None or len(part.table.rows) <= SHEET_ROWS:
            continue
        day = french.today(house.context.now()).date().isoformat()
        try:
            content = await house.context.workshop.make(
                books.table, part.title, part.table.headers, [list(row) for row in part.table.rows]
            )
        except WorkshopError:
            continue  # the mail shows the first rows; the words matter more
        found[part.title] = OutFile(f"{part.title} {day}.xlsx", content)
    return found


def _write(
    house: House,
    contact: Contact,
    subject: str,
    parts: Sequence[Answer],
    thread: int,
    *,
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

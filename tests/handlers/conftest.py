"""What the commands answer with: a filled store, a clock that stands still, a real FTP for what is sent."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.bot_desk import BotDesk
from bot.desk import open_desk
from bot.desk.outbox import Outbox
from bot.desk.people import People
from bot.sandbox.operator import Operator
from core import store
from core.workshop import Workshop
from handlers import registry
from handlers.answer import Answer
from handlers.ask import Ask, Door, Person, SentFile
from handlers.command import Context
from handlers.understand import understand
from tests.handlers.filled import NOW, make_pass, settings, small_operator, write_status
from tests.peers.ftp import FtpPeer

TECHNICIAN = Person("technique", "Camille Martin", frozenset({"technique"}))
ACCOUNTANT = Person("comptabilite", "Comptabilité", frozenset({"comptabilité"}))


@dataclass(frozen=True)
class Filled:
    operator: Operator
    data: Path


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Made once: commands only read it."""
    folder = tmp_path_factory.mktemp("filled")
    operator = small_operator(folder / "ftp")
    write_status(
        operator.root,
        "0830",
        [
            ("Dupont BTP", "0639981000", "8933019900000990001", "Gelée"),
            *(("Dupont BTP", f"063998{1100 + n}", f"8933019900{n:05}7777", "Active") for n in range(21)),
            *(("Dupont BTP", f"063998{1200 + n}", f"8933019900{n:05}5555", "Active") for n in range(2)),
        ],
    )
    data = folder / "data"
    done = asyncio.run(make_pass(operator.root, data))
    assert not done.error
    return Filled(operator, data)


class QuietDesk(BotDesk):
    """The bot's own desk, where nothing may be put on the FTP."""

    async def place(self, person: Person, picture: str, content: bytes, extension: str) -> str:
        pytest.fail("nothing is to be put on the FTP here")


@pytest.fixture(scope="session")
def workshops() -> Iterator[tuple[Workshop, Workshop]]:
    """One for spreadsheets and one for pictures, as the service has them; starting them takes longer than a test."""
    both = Workshop(), Workshop()
    yield both
    for workshop in both:
        workshop.close()


@pytest.fixture
def context(filled: Filled, tmp_path: Path, workshops: tuple[Workshop, Workshop]) -> Iterator[Context]:
    db = store.open_to_read(filled.data)
    desk = open_desk(tmp_path)
    given = settings(filled.data)
    People(desk).follow(given)
    context = Context(db, given, QuietDesk(given, desk, Outbox(desk)), lambda: NOW, given.vault, *workshops)
    yield context
    desk.close()
    db.close()


@pytest.fixture
def uploading(context: Context, embedded_ftp: FtpPeer, tmp_path: Path) -> Context:
    """The same, with an FTP that takes what is sent."""
    desk = open_desk(tmp_path)
    given = settings(context.settings.data, embedded_ftp.access())
    return replace(context, desk=BotDesk(given, desk, Outbox(desk)))


Say = Callable[..., Awaitable[Answer]]


@pytest.fixture
def say(context: Context) -> Say:
    """What the technician is answered to a text, by private chat if nothing else is said."""

    async def say(
        text: str,
        *,
        person: Person = TECHNICIAN,
        files: tuple[SentFile, ...] = (),
        context: Context = context,
        door: Door = "chat",
        confirmed: bool = False,
    ) -> Answer:
        understood = understand(text)
        assert understood, f"not understood: {text}"
        ask = Ask(understood[0], understood[1], person, door, True, files, confirmed=confirmed)
        return await registry.answer(ask, context)

    return say


def words(answer: Answer) -> str:
    """All that an answer says, on one line a text."""
    rows = answer.table.rows if answer.table else ()
    return "\n".join([answer.title, *answer.lines, *(" | ".join(row) for row in rows), answer.freshness])

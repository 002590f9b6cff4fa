"""/selftest: what is said of round trips, and to whom. The trips themselves: `tests/bot/test_selftest.py`."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.bot_desk import BotDesk
from bot.desk import open_desk
from bot.desk.outbox import Outbox
from bot.desk.people import People
from bot.selftest import RoundTrips
from core.settings import Settings
from handlers import registry, selftest
from handlers.answer import Answer
from handlers.ask import Ask, Person
from handlers.command import Context
from handlers.desk import Trip
from tests.handlers.conftest import Say, words

CAMILLE = Person("technique", "Camille Martin", frozenset({"technique"}))
ALICE = Person("alice", "Alice Exemple", frozenset({"admin"}))

WELL = (
    Trip("Courriel", "envoyé puis retrouvé", 2.14, (("envoi", 0.4), ("arrivée", 1.74))),
    Trip("Telegram", "envoyé puis effacé", 0.3),
    Trip("FTP", "écrit, relu et retiré", 0.75),
)
BROKEN = (*WELL[:2], Trip("FTP", "écrit, relu et retiré", 60.0, fault="550 refusé ; vérifier les droits."))


@pytest.fixture
def desk(context: Context, tmp_path: Path) -> Iterator[BotDesk]:
    with closing(open_desk(tmp_path)) as db:
        People(db).follow(context.settings)
        yield BotDesk(replacing_data(context, tmp_path), db, Outbox(db))


def replacing_data(context: Context, data: Path) -> Settings:
    return context.settings.model_copy(update={"data": data})


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[Trip, ...]], None]:
    """Say how tests end, without any server."""

    def ending(trips: tuple[Trip, ...]) -> None:
        async def run(self: RoundTrips, chat_id: int) -> tuple[Trip, ...]:
            self._lock.release()
            return trips

        monkeypatch.setattr(RoundTrips, "run", run)

    return ending


async def test_each_channel_has_its_line_with_its_times(
    say: Say, context: Context, desk: BotDesk, ending: Callable[[tuple[Trip, ...]], None]
) -> None:
    ending(WELL)
    answer = await say("selftest", context=replace(context, desk=desk), door="terminal")
    assert answer.title == "✅ Autotest : tout fonctionne"
    assert [line.replace("\u00a0", " ") for line in answer.lines] == [
        "✅ Courriel : envoyé puis retrouvé en 2,1 s (envoi 0,4 s, arrivée 1,7 s)",
        "✅ Telegram : envoyé puis effacé en 0,3 s",
        "✅ FTP : écrit, relu et retiré en 0,8 s",
    ]
    assert not answer.refused


async def test_a_channel_that_fails_is_told_with_what_to_do_and_counts_as_a_failure(
    say: Say, context: Context, desk: BotDesk, ending: Callable[[tuple[Trip, ...]], None]
) -> None:
    ending(BROKEN)
    answer = await say("autotest", context=replace(context, desk=desk), door="mail")
    assert answer.title == "❌ Autotest : 1 canal en panne sur 3"
    assert answer.lines[2] == "❌ FTP : 550 refusé ; vérifier les droits."
    assert answer.refused


async def test_in_the_chat_it_is_answered_at_once_and_each_who_asked_is_told_the_end(
    say: Say, context: Context, desk: BotDesk, ending: Callable[[tuple[Trip, ...]], None]
) -> None:
    ending(WELL)
    told: list[tuple[str, Answer]] = []
    desk.tell_later = lambda person, answer: told.append((person.id, answer))
    here = replace(context, desk=desk)
    first = await say("/selftest", context=here, person=CAMILLE)
    second = await say("/selftest", context=here, person=ALICE)
    again = await say("/selftest", context=here, person=ALICE)
    assert first.title == "Autotest lancé…"
    assert second.title == again.title == "Un autotest est déjà en cours…"
    assert told == []
    assert desk._testing
    await desk._testing
    assert [(who, answer.title) for who, answer in told] == [
        ("technique", "✅ Autotest : tout fonctionne"),
        ("alice", "✅ Autotest : tout fonctionne"),
    ]


async def test_one_of_another_process_is_not_disturbed(
    say: Say, context: Context, desk: BotDesk, tmp_path: Path
) -> None:
    others = RoundTrips(desk.round_trips._settings, desk._desk)
    assert others.begin()
    try:
        answer = await say("/selftest", context=replace(context, desk=desk))
    finally:
        others._lock.release()
    assert answer.refused
    assert "déjà en cours" in words(answer)


async def test_a_group_is_refused(context: Context) -> None:
    answer = await registry.answer(Ask("selftest", "", CAMILLE, "chat", private=False), context)
    assert answer.denied
    assert "conversation privée" in answer.title


def test_two_channels_that_fail_are_counted() -> None:
    failed = replace(WELL[0], fault="rien")
    assert selftest.told((failed, failed, WELL[2]), 0).title == "❌ Autotest : 2 canaux en panne sur 3"

"""A clock that goes back, or leaps: nothing waits for it, nothing is sent twice, and no code lives on."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.clock import GRACE, Clock, may_purge
from bot.desk import audit, confirmations, fleeting, progress, rio_failures, senders
from bot.desk.people import TECHNICAL
from bot.house import House, open_house
from bot.troubles import Troubles
from core.settings import Settings
from core.vault import Vault
from tests.handlers.filled import settings

CHAT = 7001
HOUR, DAY, MONTH = 3600, 86400, 30 * 86400

#: What people's clocks do: an hour, a day, a month.
JUMPS = pytest.mark.parametrize("jump", [HOUR, DAY, MONTH])


class Wall:
    """The machine's clock, and one that never goes back; `time.time` shows the first."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = float(int(time.time()))
        self.steady = 1000.0
        patch.setattr(time, "time", lambda: self.now)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    def jumps(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    return settings(tmp_path / "data")


@pytest.fixture
def house(configured: Settings, wall: Wall) -> Iterator[House]:
    house = open_house(configured)
    now = int(wall.now)
    assert house.people.enrol(CHAT, house.people.new_code(TECHNICAL, now), now)
    yield house
    house.context.close()
    house.desk.close()
    house.context.telecom.close()


def _clock(house: House, wall: Wall) -> Clock:
    clock = Clock(house, wall=lambda: wall.now, steady=lambda: wall.steady)
    clock.look()
    return clock


def _said(house: House) -> list[str]:
    rows = house.desk.execute("SELECT payload FROM outbox WHERE channel = 'chat' AND payload IS NOT NULL ORDER BY id")
    return [json.loads(payload)["html"] for (payload,) in rows]


@JUMPS
def test_a_retry_does_not_wait_for_a_clock_that_went_back(house: House, wall: Wall, jump: int) -> None:
    clock = _clock(house, wall)
    with house.desk.atomic():
        house.outbox.add("mail", "compta@telecom.example", b"x")
    (parcel,) = house.outbox.due("mail", int(wall.now))
    assert house.outbox.sending(parcel)
    assert house.outbox.again(parcel, "pas de réponse")
    wall.jumps(-jump)
    wall.passes(5)
    clock.look()
    assert parcel.id in [it.id for it in house.outbox.due("mail", int(wall.now) + 1)]


@JUMPS
def test_a_clock_that_went_back_is_said_once_and_is_in_the_audit(house: House, wall: Wall, jump: int) -> None:
    clock = _clock(house, wall)
    wall.jumps(-jump)
    wall.passes(5)
    for _ in range(3):
        clock.look()
        wall.passes(5)
    assert sum("L'horloge de la machine a reculé" in it for it in _said(house)) == 1
    assert audit.how_often(house.desk, "", "done", DAY) == 1


@JUMPS
def test_a_code_that_is_shown_or_sent_does_not_outlive_its_time(house: House, wall: Wall, jump: int) -> None:
    clock = _clock(house, wall)
    now = int(wall.now)
    code = house.people.new_code(TECHNICAL, now)
    (ends,) = house.desk.execute("SELECT max(expires_at) FROM codes").fetchone()
    with house.desk.atomic():
        fleeting.add(house.desk, CHAT, 12, now + 300)
        touch = confirmations.data_of(house.desk, Vault(), CHAT, "puk")
    wall.jumps(-jump)
    clock.look()
    wall.passes(301)
    assert [it.message_id for it in fleeting.due(house.desk, int(wall.now))] == [12]
    assert confirmations.read(house.desk, Vault(), CHAT, touch).in_time
    wall.passes(confirmations.LIFE)
    assert not confirmations.read(house.desk, Vault(), CHAT, touch).in_time
    wall.passes(ends - now)
    assert house.people.enrol(7002, code, int(wall.now)) is None


def test_a_clock_that_went_back_between_two_runs_is_seen_by_the_next_one(house: House, wall: Wall) -> None:
    _clock(house, wall)
    with house.desk.atomic():
        progress.put(house.desk, "clock", int(wall.now))
        fleeting.add(house.desk, CHAT, 12, int(wall.now) + 300)
    wall.jumps(-MONTH)
    wall.steady = 5.0  # the machine was started anew
    _clock(house, wall)
    assert fleeting.next_due(house.desk) == int(wall.now) + 300
    assert sum("a reculé" in it for it in _said(house)) == 1


def test_what_was_counted_does_not_count_for_a_month(house: House, wall: Wall) -> None:
    clock = _clock(house, wall)
    now = int(wall.now)
    with house.desk.atomic():
        for _ in range(senders.MOST_AN_HOUR):
            senders.count(house.desk, "a@b.test", now)
        rio_failures.add(house.desk, "0639980001", "technique", now, 9)
        audit.record(house.desk, "", "mail", "", "failed")
    wall.jumps(-MONTH)
    clock.look()
    assert not audit.was_lately(house.desk, "", "failed", HOUR)
    wall.passes(2 * HOUR)
    assert senders.wait_of(house.desk, "a@b.test", int(wall.now)) == 0
    assert rio_failures.wait_of(house.desk, "0639980001", int(wall.now)) == 0


def test_a_fault_that_was_told_is_over_in_its_time(house: House, wall: Wall) -> None:
    troubles = Troubles(house)
    clock = Clock(house, troubles.reload, lambda: wall.now, lambda: wall.steady)
    clock.look()
    troubles.report("ftp", "connexion refusée")
    assert troubles.tell(patience=0)
    wall.jumps(-MONTH)
    clock.look()
    wall.passes(60)
    assert troubles.clear("ftp")
    assert [began <= int(wall.now) for (began,) in house.desk.execute("SELECT began_at FROM faults")] == [True]


def test_a_clock_that_is_put_right_by_little_changes_nothing(house: House, wall: Wall) -> None:
    clock = _clock(house, wall)
    wall.jumps(-10)
    clock.look()
    wall.jumps(20)
    clock.look()
    assert not [it for it in _said(house) if "horloge" in it]


def test_after_a_leap_nothing_is_deleted_until_the_clock_can_have_been_put_right(house: House, wall: Wall) -> None:
    clock = _clock(house, wall)
    assert may_purge(house.desk, int(wall.now))
    wall.jumps(400 * DAY)
    clock.look()
    assert not may_purge(house.desk, int(wall.now))
    assert sum("a avancé" in it for it in _said(house)) == 1
    wall.passes(GRACE)
    clock.look()
    assert may_purge(house.desk, int(wall.now))


def test_the_chain_of_the_audit_holds_whatever_the_clock_does(house: House, wall: Wall) -> None:
    clock = _clock(house, wall)
    for jump in (-MONTH, 3 * MONTH, -HOUR):
        wall.jumps(jump)
        clock.look()
        audit.record(house.desk, "technique", "chat", "status", "answered")
    assert audit.verify(house.desk).broken == 0

"""When to look for deliveries and what is overdue, at given times: no test here depends on the hour it runs at."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from core import deliveries, store
from core.deliveries import Deliveries, Delivery, Kind, Rhythm, Rules, late
from core.folders import PARIS, folder_of, stamp_of
from core.settings import Settings, SettingsError
from tests.core.test_settings import GOOD

HOUR, DAY = 3600, 86400
RULES = Rules(status_hours=2, rated_hour=12, billed_day=5)
RHYTHM = Rhythm(inside=300, outside=3600)

# Clocks change on Sunday 29 March and on Sunday 25 October 2026. 24 November is a Tuesday.


def paris(words: str) -> int:
    """UTC seconds of "2026-11-24 10:00" in Paris."""
    return int(datetime.fromisoformat(words).replace(tzinfo=PARIS).timestamp())


# -- the window


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-24 07:59:59", False),
        ("2026-11-24 08:00", True),
        ("2026-11-24 19:59:59", True),
        ("2026-11-24 20:00", False),
        ("2026-11-28 10:00", True),  # Saturday
        ("2026-11-29 10:00", False),  # Sunday
        ("2026-03-28 08:00", True),
        ("2026-03-30 07:59", False),
        ("2026-03-30 08:00", True),
        ("2026-10-24 19:59", True),
        ("2026-10-26 07:59", False),
        ("2026-10-26 08:00", True),
    ],
)
def test_the_window_is_open_from_monday_to_saturday_from_8_to_20_in_paris(when: str, is_open: bool) -> None:
    assert deliveries.is_open(paris(when)) is is_open


@pytest.mark.parametrize(
    ("when", "opens", "closes"),
    [
        ("2026-11-24 07:00", "2026-11-24 08:00", "2026-11-24 20:00"),
        ("2026-11-24 08:00", "2026-11-25 08:00", "2026-11-24 20:00"),
        ("2026-11-24 20:00", "2026-11-25 08:00", "2026-11-25 20:00"),
        ("2026-11-28 20:00", "2026-11-30 08:00", "2026-11-30 20:00"),
        ("2026-11-29 12:00", "2026-11-30 08:00", "2026-11-30 20:00"),
        ("2026-03-28 21:00", "2026-03-30 08:00", "2026-03-30 20:00"),
        ("2026-10-24 21:00", "2026-10-26 08:00", "2026-10-26 20:00"),
    ],
)
def test_the_window_tells_when_it_opens_and_closes_next(when: str, opens: str, closes: str) -> None:
    assert deliveries.next_opening(paris(when)) == paris(opens)
    assert deliveries.next_closing(paris(when)) == paris(closes)


def test_the_weekend_is_an_hour_shorter_in_march_and_an_hour_longer_in_october() -> None:
    lengths = [
        deliveries.next_opening(saturday) - saturday
        for saturday in map(paris, ("2026-03-21 20:00", "2026-03-28 20:00", "2026-10-24 20:00"))
    ]
    assert lengths == [36 * HOUR, 35 * HOUR, 37 * HOUR]


# -- the rhythm


@pytest.mark.parametrize(
    ("when", "pause"),
    [
        ("2026-11-24 08:00", 300),
        ("2026-11-24 19:59", 300),
        ("2026-11-24 20:29", 300),  # the last delivery of the day is still looked for
        ("2026-11-24 20:30", 3600),
        ("2026-11-28 20:29", 300),
        ("2026-11-29 08:10", 3600),
        ("2026-11-29 20:10", 3600),
        ("2026-11-25 07:10", 50 * 60),
        ("2026-11-25 07:59:50", 10),
        ("2026-03-29 01:30", 3600),
        ("2026-03-30 07:45", 15 * 60),
        ("2026-10-26 07:45", 15 * 60),
    ],
)
def test_passes_are_frequent_in_the_window_and_rare_outside(when: str, pause: int) -> None:
    assert RHYTHM.until_next(paris(when)) == pause


@given(st.integers(paris("2026-01-01 00:00"), paris("2027-12-31 00:00")), st.integers(1, 10 * DAY))
def test_no_pause_outside_the_window_goes_past_its_opening(now: int, outside: int) -> None:
    pause = Rhythm(300, outside).until_next(now)
    assert pause > 0
    assert deliveries.is_open(now) or now + pause <= deliveries.next_opening(now)


def test_a_growing_file_is_looked_at_again_soon_then_less_and_less() -> None:
    now = paris("2026-11-24 10:00")
    assert [RHYTHM.until_next(now, growing=times) for times in range(7)] == [300, 30, 60, 120, 240, 300, 300]


def test_a_growing_file_never_makes_the_next_pass_later() -> None:
    assert Rhythm(1, 1).until_next(paris("2026-11-24 10:00"), growing=1) == 1


def test_an_unfinished_file_that_nobody_takes_away_does_not_keep_the_bot_busy_at_night() -> None:
    assert RHYTHM.until_next(paris("2026-11-24 22:00"), growing=10_000) == 3600


def test_a_fault_of_the_night_is_tried_again_before_it_counts_as_one_that_lasts() -> None:
    now = paris("2026-11-24 22:00")
    assert [RHYTHM.until_next(now, failed=times) for times in range(4)] == [3600, 120, 240, 480]


# -- what is late: AccountStatus


def _kinds(when: str, came: Deliveries, rules: Rules = RULES) -> list[Kind]:
    return [found.kind for found in late(paris(when), came, rules)]


def _status(when: str) -> Deliveries:
    return Deliveries(account_status=Delivery("AccountStatus/a.csv", paris(when)))


@pytest.mark.parametrize(
    ("last", "now", "is_late"),
    [
        ("2026-11-24 09:05", "2026-11-24 11:05", False),
        ("2026-11-24 09:05", "2026-11-24 11:06", True),
        ("2026-11-28 20:00", "2026-11-29 14:00", False),  # a Sunday
        ("2026-11-28 20:00", "2026-11-30 08:30", False),  # Monday morning
        ("2026-11-28 18:30", "2026-11-30 09:59", False),
        ("2026-11-28 18:30", "2026-11-30 10:01", True),
        ("2026-11-24 17:00", "2026-11-24 19:59", True),
        ("2026-11-24 17:00", "2026-11-24 21:00", False),  # closed
        ("2026-03-28 20:00", "2026-03-30 10:00", False),
        ("2026-03-28 20:00", "2026-03-30 10:01", True),
        ("2026-10-24 20:00", "2026-10-26 10:00", False),
        ("2026-10-24 20:00", "2026-10-26 10:01", True),
    ],
)
def test_account_status_is_late_after_two_hours_of_open_window(last: str, now: str, is_late: bool) -> None:
    assert _kinds(now, _status(last)) == (["account_status"] if is_late else [])


def test_late_account_status_says_since_when_and_what_came_last() -> None:
    came = _status("2026-11-28 18:30")
    (found,) = late(paris("2026-11-30 10:30"), came, RULES)
    assert (found.since, found.last) == (paris("2026-11-30 08:00"), came.account_status)


# -- what is late: RatedCDRs


def _rated(when: str) -> Deliveries:
    return Deliveries(rated_cdrs=Delivery("RatedCDRs/r.csv", paris(when)))


@pytest.mark.parametrize(
    ("last", "now", "is_late"),
    [
        ("2026-11-23 20:00", "2026-11-24 11:59", False),
        ("2026-11-23 20:00", "2026-11-24 12:00", True),
        ("2026-11-23 20:00", "2026-11-24 19:59", True),
        ("2026-11-24 08:10", "2026-11-24 19:59", False),
        ("2026-11-24 00:10", "2026-11-24 12:00", False),
        ("2026-11-28 20:00", "2026-11-29 12:00", False),  # a Sunday
        ("2026-11-28 20:00", "2026-11-30 11:59", False),
        ("2026-11-28 20:00", "2026-11-30 12:00", True),
        ("2026-03-28 20:00", "2026-03-30 11:59", False),
        ("2026-03-28 20:00", "2026-03-30 12:00", True),
        ("2026-10-24 20:00", "2026-10-26 11:59", False),
        ("2026-10-24 20:00", "2026-10-26 12:00", True),
    ],
)
def test_rated_cdrs_are_late_at_noon_of_a_delivery_day_without_any(last: str, now: str, is_late: bool) -> None:
    assert _kinds(now, _rated(last)) == (["rated_cdrs"] if is_late else [])


# -- what is late: BilledCDRs


def _billed(*billed: tuple[str, int], began: str = "2026-01-10 08:00") -> Deliveries:
    """(when it came, last month) of each file."""
    files = tuple(Delivery(f"BilledCDRs/{month}.csv", paris(when), month) for when, month in billed)
    return Deliveries(billed_cdrs=files, began=paris(began))


@pytest.mark.parametrize(
    ("billed", "now", "is_late"),
    [
        (("2026-10-03 09:00", 202609), "2026-11-05 11:59", False),
        (("2026-10-03 09:00", 202609), "2026-11-05 12:00", True),
        (("2026-10-03 09:00", 202609), "2026-11-30 12:00", True),
        (("2026-10-03 09:00", 202609), "2026-12-02 12:00", False),  # November's turn, which is not due yet
        (("2026-11-03 09:00", 202610), "2026-11-05 12:00", False),
        (("2026-10-31 18:00", 202610), "2026-11-05 12:00", False),  # billed at the month's end
        (("2026-12-03 09:00", 202611), "2026-12-05 12:00", False),  # a Saturday
        (("2026-11-03 09:00", 202611), "2026-12-05 12:00", True),  # November's first communications alone
        (("2026-05-03 09:00", 202604), "2026-07-05 12:00", False),  # a Sunday: Monday's noon counts
        (("2026-05-03 09:00", 202604), "2026-07-06 11:59", False),
        (("2026-05-03 09:00", 202604), "2026-07-06 12:00", True),
    ],
)
def test_billed_cdrs_are_late_at_noon_of_the_5th_without_the_month_before(
    billed: tuple[str, int], now: str, is_late: bool
) -> None:
    assert _kinds(now, _billed(billed)) == (["billed_cdrs"] if is_late else [])


def test_late_billed_cdrs_say_which_month_is_missed() -> None:
    (found,) = late(paris("2027-01-05 12:00"), _billed(("2026-12-03 09:00", 202611)), RULES)
    assert (found.month, found.since) == (202612, paris("2027-01-05 12:00"))


@pytest.mark.parametrize(("began", "is_late"), [("2026-09-30 18:00", True), ("2026-10-01 08:00", False)])
def test_a_new_account_is_not_missed_a_bill_before_it_lived_a_whole_month(began: str, is_late: bool) -> None:
    assert _kinds("2026-11-05 12:00", _billed(began=began)) == (["billed_cdrs"] if is_late else [])


# -- accounts without files, and rules switched off


def test_an_account_without_any_file_misses_nothing() -> None:
    assert _kinds("2026-11-24 15:00", Deliveries()) == []


def test_a_kind_of_daily_file_that_never_came_is_not_missed() -> None:
    came = Deliveries(_status("2026-11-24 14:30").account_status, began=paris("2026-11-20 08:00"))
    assert _kinds("2026-11-24 15:00", came) == []


def test_a_rule_of_zero_is_switched_off() -> None:
    when = paris("2026-11-02 09:00")
    came = Deliveries(Delivery("a", when), Delivery("r", when), (), began=paris("2026-01-10 08:00"))
    assert _kinds("2026-11-24 15:00", came) == ["account_status", "rated_cdrs", "billed_cdrs"]
    assert _kinds("2026-11-24 15:00", came, Rules(0, 0, 0)) == []


# -- what came, from the ledger


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return store.open_to_write(tmp_path)


def _fetch(db: Database, path: str, fetched: str, *, state: str = "read", modified: str = "", month: int = 0) -> None:
    with db.atomic():
        db.execute(
            "INSERT INTO files (path, folder, size, stamp, sha256, modified_at, as_of, state, last_month, "
            "fetched_clock) VALUES (?, ?, 1, '', ?, ?, ?, ?, ?, ?)",
            (
                path,
                folder_of(path),
                path,
                paris(modified) if modified else None,
                stamp_of(path),
                state,
                month or None,
                paris(fetched),
            ),
        )


def test_an_empty_ledger_tells_of_no_delivery(db: Database) -> None:
    assert deliveries.read(db) == Deliveries()


def test_the_newest_file_counts_from_when_it_was_fetched(db: Database) -> None:
    _fetch(db, "AccountStatus/AccountStatus_20261124_080000.csv", "2026-11-24 08:05")
    _fetch(db, "AccountStatus/AccountStatus_20261124_090000.csv", "2026-11-24 09:05")
    came = deliveries.read(db)
    assert came.account_status == Delivery("AccountStatus/AccountStatus_20261124_090000.csv", paris("2026-11-24 09:05"))
    assert came.began == paris("2026-11-24 08:00")


def test_the_newest_of_files_fetched_at_once_is_the_newest_by_name(db: Database) -> None:
    for name in ("b_20261124_100000.csv", "a_20261124_110000.csv", "c_20261124_090000.csv"):
        _fetch(db, f"AccountStatus/{name}", "2026-11-24 11:05")
    newest = deliveries.read(db).account_status
    assert newest is not None
    assert newest.path == "AccountStatus/a_20261124_110000.csv"


@pytest.mark.parametrize("state", ["fetched", "read", "waiting"])
def test_a_file_that_cannot_be_read_yet_was_delivered(db: Database, state: str) -> None:
    _fetch(db, "RatedCDRs/RatedCDRs_20261124.csv", "2026-11-24 09:05", state=state)
    assert deliveries.read(db).rated_cdrs is not None


def test_what_is_no_table_is_no_delivery(db: Database) -> None:
    _fetch(db, "RatedCDRs/LISEZMOI.pdf", "2026-11-24 09:05", state="kept")
    assert deliveries.read(db) == Deliveries()


@pytest.mark.parametrize(
    ("path", "modified"),
    [("AccountStatus/AccountStatus_20261110_090000.csv", ""), ("AccountStatus/etat.csv", "2026-11-10 09:00")],
)
def test_a_late_copy_of_an_old_file_is_news_of_its_own_day(db: Database, path: str, modified: str) -> None:
    _fetch(db, path, "2026-11-24 09:05", modified=modified)
    assert deliveries.read(db).account_status == Delivery(path, paris("2026-11-10 09:00"))


def test_saturday_s_cdrs_that_come_on_monday_are_monday_s_delivery(db: Database) -> None:
    _fetch(db, "RatedCDRs/RatedCDRs_20261121.csv", "2026-11-23 19:50")
    assert _kinds("2026-11-23 19:55", deliveries.read(db)) == []


def test_the_first_pass_over_an_account_with_history_raises_nothing_that_the_newest_files_answer(db: Database) -> None:
    now = "2026-11-24 15:00"
    for day in ("20260801", "20261120", "20261124"):
        _fetch(db, f"AccountStatus/AccountStatus_{day}_120000.csv", now)
        _fetch(db, f"RatedCDRs/RatedCDRs_{day}_110000.csv", now)
    _fetch(db, "BilledCDRs/BilledCDRs_202610.csv", now, modified="2026-11-03 09:00", month=202610)
    assert _kinds(now, deliveries.read(db)) == []


def test_the_first_pass_over_an_account_that_stopped_long_ago_says_so(db: Database) -> None:
    now = "2026-11-24 15:00"
    _fetch(db, "AccountStatus/AccountStatus_20260801_120000.csv", now)
    _fetch(db, "RatedCDRs/RatedCDRs_20260801_110000.csv", now)
    assert _kinds(now, deliveries.read(db)) == ["account_status", "rated_cdrs", "billed_cdrs"]


@pytest.mark.parametrize(
    ("path", "state", "rows_until", "month"),
    [
        ("BilledCDRs/BilledCDRs_202609.csv", "read", 202610, 202610),
        ("BilledCDRs/BilledCDRs_202610.csv", "waiting", 0, 202610),
        ("BilledCDRs/BilledCDRs_202610.csv", "waiting", 202609, 202610),  # the rows of the file that it replaces
        ("BilledCDRs/facturation.csv", "waiting", 0, 202610),
        ("BilledCDRs/BilledCDRs_202610.csv", "read", 202712, 202611),  # one wrong date among its rows
    ],
)
def test_a_billing_file_s_month_comes_from_its_rows_then_its_name_then_its_arrival(
    db: Database, path: str, state: str, rows_until: int, month: int
) -> None:
    _fetch(db, path, "2026-11-03 09:00", state=state, month=rows_until)
    (billed,) = deliveries.read(db).billed_cdrs
    assert billed.month == month
    assert billed.bills(202610)
    assert not billed.bills(202611)


# -- the settings


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("FTP_INTERVAL_OUTSIDE", "1", True),
        ("FTP_INTERVAL_OUTSIDE", "0", False),
        ("LATE_STATUS", "0", True),
        ("LATE_STATUS", "11", True),
        ("LATE_STATUS", "12", False),
        ("LATE_STATUS", "-1", False),
        ("LATE_RATED", "0", True),
        ("LATE_RATED", "9", True),
        ("LATE_RATED", "8", False),
        ("LATE_RATED", "20", False),
        ("LATE_BILLED", "0", True),
        ("LATE_BILLED", "27", True),
        ("LATE_BILLED", "28", False),
    ],
)
def test_a_setting_that_could_never_work_is_refused(tmp_path: Path, name: str, value: str, accepted: bool) -> None:
    environ = {**GOOD, f"ORIGYNE_{name}": value}
    if accepted:
        Settings.load(environ, tmp_path / "absent")
        return
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ, tmp_path / "absent")
    (fault,) = caught.value.faults
    assert fault.startswith(f"ORIGYNE_{name} : ")


def test_the_defaults_are_those_of_the_operator_s_card(tmp_path: Path) -> None:
    settings = Settings.load(GOOD, tmp_path / "absent")
    assert (settings.late_status, settings.late_rated, settings.late_billed) == (2, 12, 5)
    assert (settings.ftp_interval, settings.ftp_interval_outside) == (300, 3600)

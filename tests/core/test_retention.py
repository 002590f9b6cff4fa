"""CDRs past the law's term go, whatever files they came in and come in again; nothing else does."""

import asyncio
import multiprocessing
import os
import signal
import sys
from contextlib import closing
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core import copies, events, retention, store
from core.folders import PARIS
from core.forgotten import first_day, first_kept
from core.ftp import Entry
from core.layouts import LayoutError
from core.mirror import _is_new
from core.reasons import fit_to_tell
from core.rebuild import rebuild
from core.retention import Month, oldest_kept
from core.sync import Syncer
from tests.core.contents import contents
from tests.core.test_intake import Telecom, cdr_file
from tests.handlers.filled import NOW, settings

OCTOBER, NOVEMBER, DECEMBER = (
    "RatedCDRs/R_20251030_1000.csv",
    "RatedCDRs/R_20251130_1000.csv",
    "RatedCDRs/R_20251231.csv",
)
BILLED = "BilledCDRs/BilledCDRs_202512.csv"
RECENT = "RatedCDRs/R_20261123_1000.csv"
USAGE = ("usage_by_line", "usage_by_day", "usage_by_zone")


def at(year: int, month: int, day: int, hour: int = 12) -> int:
    return int(datetime(year, month, day, hour, tzinfo=PARIS).timestamp())


def row(day: str, line: int = 1, amount: str = "0,10", kind: str = "Voix") -> str:
    return f"063998{line:04d};{day} 10:00:00;{kind};60;;{amount};Dupont BTP;Oui"


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    """Four files, the billed one from November to December; on 24/11/2026, December 2025 is the first month to stay."""
    return filled(tmp_path)


def filled(data: Path) -> Telecom:
    telecom = Telecom(data)
    telecom.put(OCTOBER, cdr_file(row("30/10/2025"), row("30/10/2025", 2, kind="SMS"), "x;y"))
    telecom.put(NOVEMBER, cdr_file(row("24/11/2025"), row("30/11/2025"), row("30/11/2025", 2)))
    telecom.put(DECEMBER, cdr_file(row("01/12/2025"), row("31/12/2025", 2)))
    telecom.put(BILLED, cdr_file(row("30/11/2025"), row("01/12/2025"), row("31/12/2025", 2)))
    telecom.put(RECENT, cdr_file(row("23/11/2026"), row("23/11/2026", 3)))
    telecom.read()
    telecom.intake.compress()
    return telecom


def purge(telecom: Telecom, now: int = NOW) -> retention.Purge:
    return retention.purge(telecom.db, telecom.data, now, 12)


# -- Which months


@pytest.mark.parametrize(
    ("now", "months", "oldest"),
    [
        (at(2026, 11, 1), 12, 202511),  # its first day is a year old, and not older
        (at(2026, 11, 2), 12, 202512),
        (at(2026, 11, 30), 12, 202512),
        (at(2026, 12, 1), 12, 202512),
        (at(2027, 1, 1), 12, 202601),
        (at(2026, 12, 2), 12, 202601),
        (at(2026, 3, 31), 1, 202603),
        (at(2026, 3, 1), 1, 202602),
        (at(2026, 1, 15), 6, 202508),
        (int(datetime(2026, 11, 1, 0, 30, tzinfo=PARIS).timestamp()), 12, 202511),  # October in UTC
    ],
)
def test_no_day_of_the_oldest_month_is_older_than_the_term(now: int, months: int, oldest: int) -> None:
    assert oldest_kept(now, months) == oldest


# -- What goes and what stays


def test_a_month_past_its_term_goes_with_its_files(telecom: Telecom) -> None:
    done = purge(telecom)
    assert done.first_kept == 202512
    assert done.months == (Month(202510, 2, 0), Month(202511, 3, 1))
    assert done.files == (BILLED, OCTOBER, NOVEMBER)
    assert done.rejects == 1
    assert telecom.one("SELECT min(date(day * 86400, 'unixepoch')) FROM cdrs") == "2025-12-01"
    assert telecom.cdrs == 6
    assert copies.paths(telecom.data) == [DECEMBER, RECENT]
    assert telecom.rows("SELECT path FROM files WHERE state = 'purged' ORDER BY path") == [
        (path,) for path in done.files
    ]
    assert telecom.one("SELECT count(*) FROM rejects") == 0


def test_totals_stay(telecom: Telecom) -> None:
    before = contents(telecom.data)
    purge(telecom)
    after = contents(telecom.data)
    for table in USAGE:
        assert after[table] == before[table]
        assert len(after[table]) > 0


def test_the_dry_run_says_what_the_purge_does(telecom: Telecom) -> None:
    before = contents(telecom.data)
    said = retention.plan(telecom.db, NOW, 12)
    assert contents(telecom.data) == before
    assert purge(telecom) == said


def test_a_second_purge_finds_nothing_and_says_nothing(telecom: Telecom) -> None:
    purge(telecom)
    before = contents(telecom.data)
    assert not purge(telecom)
    assert not retention.plan(telecom.db, NOW, 12)
    assert contents(telecom.data) == before


def test_the_purge_is_told_once(telecom: Telecom) -> None:
    purge(telecom)
    with telecom.db.atomic():
        telecom.db.execute(
            "INSERT INTO passes (started_clock, ended_clock, fetched, last_event) SELECT 1, 2, 0, max(id) FROM events"
        )
    (told,) = [event for event in events.since(telecom.db, 0) if event.kind == "cdrs.purged"]
    assert told.path == ""
    assert told.data == {
        "rows": 6,
        "first_month": 202510,
        "last_month": 202511,
        "files": 3,
        "rejects": 1,
        "kept": 202512,
    }


def test_nothing_is_left_in_the_store_s_bytes(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    called = "0639981234 poste 77"
    telecom.take(OCTOBER, f"Ligne;Date;Type;Durée (s);Appelé\n0639980001;30/10/2025 10:00:00;Voix;60;{called}\n")
    telecom.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    (stored,) = [it for (it,) in telecom.rows("SELECT called FROM cdrs")]
    assert str(stored).encode() in (tmp_path / store.FILE_NAME).read_bytes()
    purge(telecom)
    for path in tmp_path.glob("telecom.db*"):
        assert str(stored).encode() not in path.read_bytes(), path.name


def test_a_file_that_waits_goes_with_the_month_before_its_date(telecom: Telecom) -> None:
    old, young = "RatedCDRs/attend_20251231_1000.csv", "RatedCDRs/attend_20260103_1000.csv"
    telecom.take(old, "Chose;Machin\n1;2\n")
    telecom.take(young, "Chose;Machin\n1;2\n")
    assert old in purge(telecom).files
    assert not copies.exists(telecom.data, old)
    assert copies.exists(telecom.data, young)


def test_other_folders_are_left_alone(telecom: Telecom) -> None:
    telecom.put("Factures/Clients/2025-10/Dupont BTP.pdf", b"%PDF")
    telecom.put("AccountStatus/AccountStatus_20251001_080000.csv", "Ligne;Statut\n0639980001;Active\n")
    telecom.read()
    purge(telecom)
    assert telecom.one("SELECT count(*) FROM invoices") == 1
    assert len([path for path in copies.paths(telecom.data) if not path.startswith("RatedCDRs/")]) == 2


def test_a_damaged_store_that_was_set_aside_goes_after_a_month(telecom: Telecom) -> None:
    old, young = (telecom.data / f"telecom.db.{NOW - days * 86400}.damaged" for days in (31, 29))
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    purge(telecom)
    assert not old.exists()
    assert young.exists()


def test_what_a_rebuild_that_broke_off_left_goes_too(telecom: Telecom) -> None:
    workshop = telecom.data / store.WORKSHOP
    workshop.mkdir()
    store.open_to_write(workshop).close()
    purge(telecom)
    assert not workshop.exists()


def test_a_clock_that_ran_ahead_does_not_keep_the_next_day_s_purge_away(telecom: Telecom) -> None:
    purge(telecom, NOW + 40 * 86400)
    assert retention.is_due(telecom.db, NOW)
    purge(telecom)
    assert not retention.is_due(telecom.db, NOW)


def test_a_clock_that_is_far_ahead_purges_nothing_and_is_told(telecom: Telecom) -> None:
    rows = telecom.one("SELECT count(*) FROM cdrs")
    done = asyncio.run(Syncer(settings(telecom.data), clock=lambda: at(2099, 1, 1)).run())
    assert [path for path, _ in done.failed] == [""]
    assert "horloge" in done.failed[0][1]
    assert telecom.one("SELECT count(*) FROM cdrs") == rows
    assert first_kept(telecom.db) == 0
    purge(telecom, at(2099, 1, 1))  # by hand it is done, when the date is right
    assert telecom.one("SELECT count(*) FROM cdrs") == 0


def test_a_clock_that_leapt_by_months_purges_nothing_for_three_days(telecom: Telecom) -> None:
    def make_pass(now: int) -> None:
        asyncio.run(Syncer(settings(telecom.data), clock=lambda: now).run())

    make_pass(NOW)
    assert first_kept(telecom.db) == 202512
    rows = telecom.one("SELECT count(*) FROM cdrs")
    leapt = NOW + 90 * 86400
    for later in (leapt, leapt + 86400, leapt + 3 * 86400 - 60):
        make_pass(later)
    assert first_kept(telecom.db) == 202512
    assert telecom.one("SELECT count(*) FROM cdrs") == rows
    make_pass(leapt + 3 * 86400 + 60)  # nobody put it right: it is so
    assert first_kept(telecom.db) == 202603
    assert telecom.one("SELECT count(*) FROM cdrs") < rows


def test_the_terms_hold_while_the_layouts_cannot_be_read(telecom: Telecom) -> None:
    (telecom.data / "layouts.toml").write_text("[")
    with pytest.raises(LayoutError):
        asyncio.run(Syncer(settings(telecom.data), clock=lambda: NOW).run())
    assert telecom.one("SELECT min(date(day * 86400, 'unixepoch')) FROM cdrs") == "2025-12-01"


def test_a_called_number_that_stands_in_another_column_is_told_of_masked(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    told = telecom.take(RECENT, cdr_file("0639980001;0639984321;Voix;60;;0,10;Dupont BTP;Oui"))
    assert "date illisible : « 06 39 98 XX XX »" in [event.data.get("reason") for event in told]
    assert telecom.one("SELECT reason FROM rejects") == "date illisible : « 06 39 98 XX XX »"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("date illisible : « +33 6 39 98 43 21 »", "date illisible : « +33 6 39 98 XX XX »"),
        ("date impossible : « 31/11/2026 10:00:00 »", "date impossible : « 31/11/2026 10:00:00 »"),
        ("date impossible : « 20261131 »", "date impossible : « 20261131 »"),
        ("unité inconnue (exemple : 0044 7911 123456).", "unité inconnue (exemple : 0044 7911 12XXXX)."),
    ],
)
def test_numbers_are_masked_in_reasons_and_dates_are_not(reason: str, told: str) -> None:
    assert fit_to_tell("rated_cdrs", reason) == told


def test_a_shorter_term_later_purges_more_and_a_longer_one_brings_nothing_back(telecom: Telecom) -> None:
    assert retention.purge(telecom.db, telecom.data, NOW, 6).first_kept == 202606
    assert telecom.cdrs == 2
    assert retention.purge(telecom.db, telecom.data, NOW, 12).first_kept == 202606


# -- What must not come in again


def test_a_file_that_comes_late_brings_nothing_of_a_purged_month(telecom: Telecom) -> None:
    purge(telecom)
    before = contents(telecom.data)
    late = cdr_file(row("30/11/2025"), row("02/12/2025"))
    (event,) = [it for it in telecom.take("RatedCDRs/tard_20251130_1400.csv", late) if it.kind == "rated.arrived"]
    assert (event.data["rows"], event.data["new"], event.data["old"]) == (2, 1, 1)
    after = contents(telecom.data)
    assert len(after["cdrs"]) == len(before["cdrs"]) + 1
    november = [row for row in before["usage_by_line"] if row[1] == 202511]
    assert [row for row in after["usage_by_line"] if row[1] == 202511] == november
    assert purge(telecom).files == ("RatedCDRs/tard_20251130_1400.csv",)


@pytest.mark.parametrize("kept_rows", [[], [row("01/12/2025")], [row("01/12/2025"), row("31/12/2025", 2)]])
def test_a_purged_file_that_is_replaced_counts_nothing_twice(telecom: Telecom, kept_rows: list[str]) -> None:
    purge(telecom)
    before = contents(telecom.data)
    telecom.take(BILLED, cdr_file(row("30/11/2025"), row("29/11/2025", 2), *kept_rows))
    after = contents(telecom.data)
    for table in USAGE:
        is_old = {"usage_by_day": lambda it: it[2] < 20423}.get(table, lambda it: it[1] < 202512)
        assert list(filter(is_old, after[table])) == list(filter(is_old, before[table])), table
    counted = "SELECT coalesce(sum(count), 0) FROM usage_by_line WHERE source = 1 AND month = 202512"
    assert telecom.one(counted) == telecom.one("SELECT count(*) FROM cdrs WHERE source = 1") == len(kept_rows)


def test_a_purged_file_is_not_fetched_again_unless_it_changes(telecom: Telecom) -> None:
    purge(telecom)
    (size, stamp) = telecom.rows("SELECT size, stamp FROM files WHERE path = ?", OCTOBER)[0]
    known, purged = {OCTOBER: (size, stamp)}, {OCTOBER}
    assert not _is_new(known, purged, telecom.data, Entry(OCTOBER, OCTOBER, size, stamp))
    assert _is_new(known, purged, telecom.data, Entry(OCTOBER, OCTOBER, size + 1, stamp))
    assert _is_new(known, set(), telecom.data, Entry(OCTOBER, OCTOBER, size, stamp))


def test_a_store_that_begins_today_takes_nothing_that_is_past_its_term(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    retention.raise_floor(telecom.db, NOW, 12)
    (event,) = telecom.take(NOVEMBER, cdr_file(row("30/11/2025"), row("01/12/2025")))
    assert event.data["old"] == 1
    assert telecom.cdrs == 1
    telecom.check_totals()


# -- The store made anew


def test_a_rebuilt_store_holds_what_was_kept_and_all_totals(telecom: Telecom) -> None:
    purge(telecom)
    telecom.take("RatedCDRs/tard_20251130_1400.csv", cdr_file(row("30/11/2025"), row("02/12/2025")))
    before = contents(telecom.data, any_order=True)
    telecom.db.close()
    assert len([row for row in before["cdrs"] if row[0] == 1]) == 2  # of the billed file, which is no more
    rebuild(settings(telecom.data))
    assert contents(telecom.data, any_order=True) == before


def test_after_a_rebuild_a_late_file_still_brings_nothing_old(telecom: Telecom) -> None:
    purge(telecom)
    telecom.db.close()
    rebuild(settings(telecom.data))
    again = Telecom(telecom.data)
    before = again.cdrs
    (event,) = [it for it in again.take("RatedCDRs/t_20251130.csv", cdr_file(row("30/11/2025"))) if "old" in it.data]
    assert event.data["old"] == 1
    assert again.cdrs == before


# -- Cut short


def _purge_dying(data: Path, point: int, told: Any) -> None:
    """Purge, and die at a statement or at the removal of a copy."""
    points = count(1)

    def step() -> None:
        if next(points) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(lambda event, _: step() if event == "os.remove" else None)
    with closing(store.open_to_write(data)) as db:
        db.conn.set_trace_callback(lambda _: step())
        retention.purge(db, data, NOW, 12)
        db.conn.set_trace_callback(None)
    told.send(next(points) - 1)


def _run(data: Path, point: int) -> int:
    receiving, sending = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_purge_dying, args=(data, point, sending))
    process.start()
    sending.close()
    process.join(60)
    assert process.exitcode == (-signal.SIGKILL if point else 0)
    return 0 if point else int(receiving.recv())


def test_a_purge_killed_at_any_point_ends_the_same(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    expected = filled(tmp_path / "whole")
    expected.db.close()
    steps = _run(expected.data, 0)
    assert steps > 40
    whole, kept = contents(expected.data), copies.paths(expected.data)
    for point in range(1, steps + 1, 3):
        data = tmp_path / f"killed-{point}"
        data.mkdir()
        filled(data).db.close()
        _run(data, point)
        _run(data, 0)
        assert contents(data) == whole, f"killed at {point} of {steps}"
        assert copies.paths(data) == kept


def test_readers_are_served_while_it_goes_on(telecom: Telecom) -> None:
    with closing(store.open_to_read(telecom.data)) as reader:
        reader.execute("BEGIN")
        seen = reader.execute("SELECT count(*) FROM cdrs").fetchone()
        purge(telecom)
        assert reader.execute("SELECT count(*) FROM cdrs").fetchone() == seen
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM cdrs").fetchone() == (6,)


# -- Whatever happens in whatever order

DAYS = ("15/10/2025", "02/11/2025", "30/11/2025", "01/12/2025", "31/12/2025", "15/01/2026")
ROWS = st.lists(st.builds(row, st.sampled_from(DAYS), st.integers(1, 2), st.sampled_from(["0,10", ""])), max_size=5)
PATHS = st.sampled_from(["RatedCDRs/a_20251201_1000.csv", "RatedCDRs/b_20260101_1000.csv", "BilledCDRs/c_202512.csv"])
STEPS = st.lists(st.one_of(st.tuples(PATHS, ROWS), st.sampled_from([202511, 202512, 202601])), min_size=1, max_size=7)


@given(STEPS)
@hypothesis_settings(max_examples=40)
def test_whatever_comes_and_goes_totals_of_purged_months_stand_and_a_rebuild_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | tuple[str, list[str]]]
) -> None:
    telecom = Telecom(tmp_path_factory.mktemp("any"))
    purged: dict[str, list[tuple[Any, ...]]] = {}
    for step in steps:
        if isinstance(step, int):
            purge(telecom, at(step // 100 + 1, step % 100, 1))
            purged = old_totals(telecom)
        else:
            telecom.take(step[0], cdr_file(*step[1]))
        floor = first_day(first_kept(telecom.db) or 190001)
        assert telecom.one("SELECT count(*) FROM cdrs WHERE day < ?", floor) == 0
        assert not purged or old_totals(telecom) == purged
        kept = "SELECT source, count(*), sum(amount) FROM cdrs WHERE day >= ? GROUP BY source"
        totals = "SELECT source, sum(count), sum(amount) FROM usage_by_day WHERE day >= ? GROUP BY source"
        assert telecom.rows(totals, floor) == telecom.rows(kept, floor)
    before = told(telecom)
    telecom.db.close()
    rebuild(settings(telecom.data))
    assert told(telecom) == before


def told(telecom: Telecom) -> dict[str, list[tuple[Any, ...]]]:
    """All that the store says; what no row names any more is nothing it says."""
    said = contents(telecom.data, any_order=True)
    return {table: rows for table, rows in said.items() if table not in ("clients", "natures")}


def old_totals(telecom: Telecom) -> dict[str, list[tuple[Any, ...]]]:
    month = first_kept(telecom.db)
    return {
        "usage_by_line": telecom.rows("SELECT * FROM usage_by_line WHERE month < ?", month),
        "usage_by_day": telecom.rows("SELECT * FROM usage_by_day WHERE day < ?", first_day(month)),
        "usage_by_zone": telecom.rows("SELECT * FROM usage_by_zone WHERE month < ?", month),
    }

"""What the sandbox's operator delivers as its clock goes on, by the hour, the day and the month."""

import csv
import io
from datetime import date, datetime
from pathlib import Path

import pytest

from bot.sandbox.operator import ACTIVE, SUSPENDED, TERMINATED, Operator
from bot.sandbox.page.deliveries import STATUSES, Deliveries
from core.folders import PARIS

FRIDAY = date(2026, 11, 27)
FIRST = "0639980001"


def filled(root: Path, today: date) -> Operator:
    operator = Operator(root / "ftp", today, lines=60, clients=4, months=2)
    operator.fill()
    return operator


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return filled(tmp_path, FRIDAY)


@pytest.fixture
def deliveries(operator: Operator) -> Deliveries:
    """At 8:00 on Friday 27 November 2026."""
    return Deliveries(operator, FRIDAY)


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def at(day: int, hour: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=PARIS)


def states(path: Path) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(path.read_bytes().decode("cp1252")), delimiter=";")
    return {row["Numéro de ligne"]: row["Statut"] for row in rows}


def test_an_hour_brings_the_next_states(deliveries: Deliveries) -> None:
    assert names(deliveries.hour()) == ["AccountStatus_20261127_090000.csv"]
    assert deliveries.now == at(27, 9)


def test_rated_cdrs_come_at_10_14_and_19(deliveries: Deliveries) -> None:
    hours = {}
    while deliveries.now.hour < 20:
        written = names(deliveries.hour())
        hours[deliveries.now.hour] = [name for name in written if name.startswith("RatedCDRs")]
    assert {hour: found for hour, found in hours.items() if found} == {
        10: ["RatedCDRs_20261127_1000_01.csv"],
        14: ["RatedCDRs_20261127_1400_02.csv"],
        19: ["RatedCDRs_20261127_1900_03.csv"],
    }


def test_a_day_is_what_is_left_of_it(deliveries: Deliveries) -> None:
    deliveries.hour()
    written = names(deliveries.day())
    assert [name for name in written if "Account" in name] == [
        f"AccountStatus_20261127_{hour}0000.csv" for hour in range(10, 21)
    ]
    assert deliveries.now == at(27, 20)


def test_after_the_evening_comes_the_next_days_first_hour(deliveries: Deliveries) -> None:
    deliveries.day()
    deliveries.hour()
    assert deliveries.now == at(28, 8)


def test_nothing_is_delivered_on_a_sunday(deliveries: Deliveries) -> None:
    deliveries.day()
    deliveries.day()
    assert deliveries.now == at(28, 20)
    written = names(deliveries.day())
    assert written[0] == "AccountStatus_20261130_080000.csv"
    assert sum("Account" in name for name in written) == 13
    assert deliveries.now == at(30, 20)


def test_a_month_ends_with_its_bill_and_its_invoices_on_the_third(deliveries: Deliveries) -> None:
    written = names(deliveries.month())
    assert deliveries.now == at(3, 9, month=12)
    invoices = written[written.index("BilledCDRs_202611.csv") + 1 :]
    assert invoices[0] == "Facture_Origyne_202611_FO2611-001.pdf"
    assert [name[:15] for name in invoices[1:]] == ["Facture_202611_"] * 4
    days = {name[14:22] for name in written if name.startswith("AccountStatus")}
    assert days == {"20261127", "20261128", "20261130", "20261201", "20261202", "20261203"}


def test_what_is_delivered_appears_at_once(
    operator: Operator, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path for path in operator.root.rglob("*") if path.is_file()}
    during: list[set[Path]] = []
    made = operator.deliver_client_invoices
    monkeypatch.setattr(
        operator,
        "deliver_client_invoices",
        lambda month: (made(month), during.append({it for it in operator.root.rglob("*") if it.is_file()}))[0],
    )
    written = deliveries.month()
    assert during == [before]
    assert {path for path in operator.root.rglob("*") if path.is_file()} == before | set(written)


def test_the_bill_of_a_month_is_all_of_its_rated_cdrs(operator: Operator, deliveries: Deliveries) -> None:
    deliveries.hour()
    deliveries.month()
    billed = (operator.root / "BilledCDRs" / "BilledCDRs_202611.csv").read_bytes().decode("utf-8-sig")
    november = [cdr for cdr in operator.cdrs if (cdr.start.year, cdr.start.month) == (2026, 11)]
    assert len(list(csv.reader(io.StringIO(billed)))) == 1 + len(november)
    assert {cdr.start.day for cdr in november} == set(range(1, 31))  # the Sundays as well


def test_another_month_goes_on_with_the_following_one(operator: Operator, deliveries: Deliveries) -> None:
    deliveries.month()
    written = names(deliveries.month())
    assert "BilledCDRs_202612.csv" in written
    assert operator.months == ("2026-10", "2026-11", "2026-12", "2027-01")


def test_a_bill_of_a_sunday_comes_on_the_monday(deliveries: Deliveries) -> None:
    deliveries.month()
    deliveries.month()  # 3 January 2027 is a Sunday
    assert deliveries.now == datetime(2027, 1, 4, 8, tzinfo=PARIS)


def test_a_month_that_ended_unbilled_is_billed_first(tmp_path: Path) -> None:
    second = date(2026, 12, 2)
    written = names(Deliveries(filled(tmp_path, second), second).month())
    assert "BilledCDRs_202611.csv" in written


def test_hours_bring_the_bill_too_when_its_time_comes(tmp_path: Path) -> None:
    third = date(2026, 12, 3)
    written = names(Deliveries(filled(tmp_path, third), third).hour())
    assert "BilledCDRs_202611.csv" in written


def test_a_line_or_two_change_each_hour_and_never_the_named_ones(operator: Operator, deliveries: Deliveries) -> None:
    for _ in range(30):
        before = {line.msisdn: line.status for line in operator.lines}
        told = states(deliveries.hour()[0])
        changed = [number for number, status in told.items() if status != before[number]]
        assert len(changed) in (1, 2)
        assert all(number > "0639980005" for number in changed)


def test_a_change_that_is_asked_for_is_told_next_and_alone(operator: Operator, deliveries: Deliveries) -> None:
    before = {line.msisdn: line.status for line in operator.lines}
    deliveries.change_line(FIRST, SUSPENDED)
    assert deliveries.asked == {FIRST: SUSPENDED}
    told = states(deliveries.hour()[0])
    assert {number: status for number, status in told.items() if status != before[number]} == {FIRST: SUSPENDED}
    assert deliveries.asked == {}


def test_a_line_that_somebody_changed_stays_as_he_left_it(operator: Operator, deliveries: Deliveries) -> None:
    number = next(line.msisdn for line in operator.lines[5:] if line.status == ACTIVE)
    deliveries.change_line(number, TERMINATED)
    deliveries.month()
    assert operator.line(number).status == TERMINATED


def test_a_line_that_the_operator_has_not_cannot_change(deliveries: Deliveries) -> None:
    with pytest.raises(LookupError):
        deliveries.change_line("0639989999", ACTIVE)


def test_every_state_offered_is_the_operators_own(operator: Operator) -> None:
    assert {line.status for line in operator.lines[:5]} == set(STATUSES)

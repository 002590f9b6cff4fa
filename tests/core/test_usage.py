"""Consumption: totals, first lines and destinations, of rows that name their client and of rows that do not."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import usage
from core.clients import Client
from core.usage import BILLED, RATED, LineTotal, ZoneTotal
from tests.core.test_intake import Telecom, status_at, status_file

HEADER = "Ligne;Date;Type;Durée (s);Volume (Ko);Montant HT;Client;Hors forfait;Destination"
RATED_FILE = "RatedCDRs/RatedCDRs_20261124_1000.csv"


def row(line: int, kind: str, quantity: int, amount: str, client: str, zone: str, day: str = "24/11/2026") -> str:
    seconds, volume = ("", quantity) if kind == "Data" else (quantity, "")
    return f"063998{line:04d};{day} 10:00:00;{kind};{seconds};{volume};{amount};{client};Oui;{zone}"


#: Of Dupont BTP, whose lines are 1 and 2: one row names its client, one that was its line names it too, two name none.
ROWS = (
    row(1, "Voix", 60, "0,10", "Dupont BTP", "France"),
    row(3, "Voix", 30, "0,50", "Dupont BTP", "Espagne"),
    row(1, "Data", 2, "0,20", "", "France"),
    row(2, "Voix", 90, "0,05", "", "Espagne"),
    row(3, "Voix", 10, "9,00", "", "Espagne"),
    row(4, "SMS", 0, "1,00", "", "France"),
    row(2, "Voix", 40, "0,01", "Atelier Martin", "France"),
    row(1, "Voix", 99, "7,00", "Dupont BTP", "Italie", day="31/10/2026"),
)


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    telecom = Telecom(tmp_path)
    telecom.take(
        status_at(8),
        status_file(
            "0639980001;;;Active;Dupont BTP;", "0639980002;;;Active;Dupont BTP;", "0639980003;;;Active;Atelier Martin;"
        ),
    )
    telecom.take(RATED_FILE, "\n".join([HEADER, *ROWS, ""]))
    return telecom


def client(telecom: Telecom, name: str) -> Client:
    return Client(telecom.one("SELECT id FROM clients WHERE name = ?", name), name)


def test_a_client_s_totals_are_of_its_rows_and_of_its_lines_rows_that_name_none(telecom: Telecom) -> None:
    totals = usage.of_client(telecom.db, client(telecom, "Dupont BTP"), 202611, RATED)
    assert [(it.kind, it.count, it.seconds, it.bytes, it.amount) for it in totals] == [
        ("voice", 3, 180, 0, 650_000),
        ("data", 1, 0, 2048, 200_000),
    ]


def test_the_first_lines_are_those_that_cost_most(telecom: Telecom) -> None:
    assert usage.top_lines(telecom.db, client(telecom, "Dupont BTP"), 202611, RATED) == [
        LineTotal("0639980003", 500_000, 30, 0),
        LineTotal("0639980001", 300_000, 60, 2048),
        LineTotal("0639980002", 50_000, 90, 0),
    ]
    assert len(usage.top_lines(telecom.db, client(telecom, "Dupont BTP"), 202611, RATED, most=2)) == 2
    assert usage.top_lines(telecom.db, client(telecom, "Atelier Martin"), 202611, RATED) == [
        LineTotal("0639980003", 9_000_000, 10, 0),
        LineTotal("0639980002", 10_000, 40, 0),
    ]


def test_a_row_of_the_account_is_no_line(telecom: Telecom) -> None:
    telecom.take(
        "BilledCDRs/BilledCDRs_202611.csv",
        f"{HEADER}\n{row(1, 'Voix', 60, '0,10', 'Dupont BTP', 'France')}\n;;Abonnement;;;12;Dupont BTP;;\n",
    )
    assert usage.top_lines(telecom.db, client(telecom, "Dupont BTP"), 202611, BILLED) == [
        LineTotal("0639980001", 100_000, 60, 0)
    ]
    assert [it.kind for it in usage.of_client(telecom.db, client(telecom, "Dupont BTP"), 202611, BILLED)] == [
        "voice",
        "other",
    ]


def test_a_client_s_destinations_are_those_of_its_totals(telecom: Telecom) -> None:
    dupont = client(telecom, "Dupont BTP")
    zones = usage.zones_of_client(telecom.db, dupont, 202611, RATED)
    assert zones == [
        ZoneTotal("Espagne", "voice", 2, 120, 0, 550_000),
        ZoneTotal("France", "data", 1, 0, 2048, 200_000),
        ZoneTotal("France", "voice", 1, 60, 0, 100_000),
    ]
    assert usage.zones_of_client(telecom.db, dupont, 202611, RATED, most=1) == zones[:1]
    assert [zone.zone for zone in usage.zones_of_client(telecom.db, dupont, 202610, RATED)] == ["Italie"]
    assert usage.zones_of_client(telecom.db, dupont, 202611, BILLED) == []


def test_a_line_s_destinations_are_those_of_its_month(telecom: Telecom) -> None:
    assert usage.zones_of_line(telecom.db, "0639980001", 202611, RATED) == [
        ZoneTotal("France", "data", 1, 0, 2048, 200_000),
        ZoneTotal("France", "voice", 1, 60, 0, 100_000),
    ]
    assert usage.zones_of_line(telecom.db, "0639980001", 202610, RATED) == [
        ZoneTotal("Italie", "voice", 1, 99, 0, 7_000_000)
    ]
    assert usage.zones_of_line(telecom.db, "0639980001", 202612, RATED) == []


def test_destinations_without_amounts_come_by_what_was_consumed(telecom: Telecom) -> None:
    rows = [row(5, "Voix", seconds, "", "", zone) for seconds, zone in ((10, "A"), (30, "B"), (20, ""))]
    telecom.take(RATED_FILE.replace("1000", "1400"), "\n".join([HEADER, *rows, ""]))
    zones = usage.zones_of_line(telecom.db, "0639980005", 202611, RATED)
    assert [(zone.zone, zone.amount) for zone in zones] == [("B", None), ("", None), ("A", None)]


def test_each_client_s_month_counts_the_rows_that_name_nobody_for_their_line_s_client(telecom: Telecom) -> None:
    assert [(it.name, it.count, it.amount) for it in usage.by_client(telecom.db, 202611, RATED)] == [
        ("Atelier Martin", 2, 9_010_000),
        ("Dupont BTP", 4, 850_000),
        ("—", 1, 1_000_000),
    ]


def test_the_newest_file_of_a_folder_is_the_one_that_tells_of_the_newest_time(telecom: Telecom) -> None:
    for hour in (11, 9, 10):
        telecom.take(status_at(hour), status_file(*(f"063998000{n};;;Active;Dupont BTP;" for n in (1, 2, 3))))
    assert usage.last_delivery(telecom.db, "sims") is None
    telecom.rows("UPDATE files SET state = 'waiting' WHERE path = ?", status_at(11))
    newest = usage.last_delivery(telecom.db, "account_status")
    assert newest
    assert newest.path == status_at(10)
    for month, path in ((202611, RATED_FILE), (202610, RATED_FILE)):
        found = usage.last_delivery(telecom.db, "rated_cdrs", month)
        assert found
        assert found.path == path
    assert usage.last_delivery(telecom.db, "rated_cdrs", 202609) is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 90), st.integers(0, 1), st.integers(0, 2), st.none() | st.integers(-2, 3), st.integers(0, 3)
        ),
        max_size=150,
    ),
    st.integers(1, 6),
)
def test_first_lines_are_those_of_the_sums_whatever_ties_and_missing_amounts(
    telecom: Telecom, rows: list[tuple[int, int, int, int | None, int]], most: int
) -> None:
    db = telecom.db
    with db.atomic():
        db.execute("DELETE FROM usage_by_line")
        for line, kind, of, amount, seconds in rows:
            db.execute(
                "INSERT OR IGNORE INTO usage_by_line VALUES (0, 202611, ?, ?, ?, -1, 1, ?, 0, ?, 0)",
                (639980000 + line, 100 + of, kind, seconds, amount),
            )
    for of in (100, 101):
        sums: dict[int, tuple[int | None, int]] = {}
        for line, amount, seconds in db.execute(
            "SELECT line, amount, seconds FROM usage_by_line WHERE client_id = ?", (of,)
        ):
            former = sums.get(line, (None, 0))
            total = former[0] if amount is None else (former[0] or 0) + amount
            sums[line] = (total, former[1] + seconds)
        ordered = sorted(sums, key=lambda line: (sums[line][0] is None, -(sums[line][0] or 0), -sums[line][1], line))
        found = usage.top_lines(db, Client(of, "x"), 202611, RATED, most)
        assert [(int(it.msisdn), it.amount, it.seconds) for it in found] == [
            (line, *sums[line]) for line in ordered[:most]
        ]

"""Traffic by day, line and destination, against the totals that intake keeps."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from sqlite_utils import Database

from core import daily, store, usage
from core.clients import Client
from core.usage import BILLED, RATED, Total
from tests.core.test_intake import Telecom, cdr_file, status_file

OCTOBER, NOVEMBER = daily.days_of(202610), daily.days_of(202611)
DUPONT, CAFE = "dupontbtp", "cafedelete"
#: The second line's rows name no client: they are of the one that has the line.
STATE = status_file("0639980001;;1;Active;Dupont BTP;Pro", "0639980002;;2;Active;Dupont BTP;")
ROWS = (
    "0639980001;01/11/2026 00:00:00;Voix;60;;0,10;Dupont BTP;Oui",
    "0639980001;01/11/2026 23:59:59;Voix;30;;0,20;Dupont BTP;Non",
    "0639980001;02/11/2026 10:00:00;Data;;1024;;Dupont BTP;",
    "0639980002;02/11/2026 11:00:00;SMS;;;0,05;;Oui",
    "0639980002;03/11/2026 11:00:00;Voix;120;;-1,50;;",
    "0639980002;03/11/2026 12:00:00;Voix;45;;;Café de l'Été;",
    "0639980003;03/11/2026 12:00:00;Voix;7;;1;;Oui",
    "0639980004;04/11/2026 12:00:00;Voix;9;;2;Dupont BTP;Oui",
    "0639980001;31/10/2026 12:00:00;Voix;600;;9,99;Dupont BTP;Oui",
)
BILLED_OCTOBER = (
    "Date;Appelant;Appelé;Type;Montant HT;Durée (s);Client;Destination\n"
    "30/10/2026 10:00:00;0639980001;0639981234;Voix;1,5;90;Dupont BTP;Suisse\n"
    "31/10/2026 10:00:00;0639980002;0639981234;Voix;2;30;;France\n"
    ";;;Abonnement;12;;Dupont BTP;\n"
)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    data = tmp_path_factory.mktemp("daily")
    telecom = Telecom(data)
    telecom.take("AccountStatus/AccountStatus_20261124_080000.csv", STATE)
    telecom.take("RatedCDRs/RatedCDRs_20261104_1900.csv", cdr_file(*ROWS))
    telecom.take("BilledCDRs/BilledCDRs_202610.csv", BILLED_OCTOBER)
    telecom.db.close()
    with closing(store.open_to_read(data)) as db:
        yield db


def client(db: Database, folded: str) -> Client:
    return Client(*db.execute("SELECT id, name FROM clients WHERE folded = ?", (folded,)).fetchone())


def said(totals: dict[int, list[Total]]) -> dict[int, list[tuple[str, int, int]]]:
    return {key: [(it.kind, it.count, it.seconds) for it in several] for key, several in totals.items()}


def test_a_client_s_days_hold_its_own_rows_and_those_of_its_lines_that_name_nobody(db: Database) -> None:
    first = NOVEMBER[0]
    assert said(daily.by_day(db, client(db, DUPONT), *NOVEMBER)) == {
        first: [("voice", 2, 90)],
        first + 1: [("sms", 1, 0), ("data", 1, 0)],
        first + 2: [("voice", 1, 120)],
        first + 3: [("voice", 1, 9)],
    }
    assert said(daily.by_day(db, client(db, CAFE), *NOVEMBER)) == {first + 2: [("voice", 1, 45)]}


def test_amounts_are_unknown_where_files_give_none_and_credits_count(db: Database) -> None:
    days = daily.by_day(db, client(db, DUPONT), *NOVEMBER)
    assert [(it.amount, it.out_of_bundle) for it in days[NOVEMBER[0]]] == [(300_000, 100_000)]
    assert [(it.amount, it.out_of_bundle) for it in days[NOVEMBER[0] + 1]] == [(50_000, 50_000), (None, None)]
    assert [it.amount for it in days[NOVEMBER[0] + 2]] == [-1_500_000]


def test_a_line_s_days_are_its_own_whoever_they_name(db: Database) -> None:
    assert said(daily.by_day(db, "0639980002", *NOVEMBER)) == {
        NOVEMBER[0] + 1: [("sms", 1, 0)],
        NOVEMBER[0] + 2: [("voice", 2, 165)],
    }


def test_a_range_crosses_months_with_the_source_of_each(db: Database) -> None:
    billed = daily.billed_months(db, OCTOBER[1], NOVEMBER[0])
    assert billed == (202610,)
    found = daily.by_day(db, client(db, DUPONT), OCTOBER[1] - 1, NOVEMBER[0], billed)
    assert said(found) == {
        OCTOBER[1] - 1: [("voice", 1, 90)],
        OCTOBER[1]: [("voice", 1, 30)],
        NOVEMBER[0]: [("voice", 2, 90)],
    }


@pytest.mark.parametrize(("month", "source"), [(202611, RATED), (202610, BILLED), (202610, RATED)])
@pytest.mark.parametrize("folded", [DUPONT, CAFE])
def test_the_days_lines_and_destinations_of_a_month_add_up_to_its_totals(
    db: Database, month: int, source: int, folded: str
) -> None:
    whose, billed = client(db, folded), (month,) * source
    expected = usage.of_client(db, whose, month, source)
    days = daily.days_of(month)
    assert daily.merged(daily.by_day(db, whose, *days, billed).values()) == expected
    assert daily.merged(daily.by_line(db, whose, *days, billed).values()) == expected
    assert daily.merged(daily.by_zone(db, whose, *days, billed).values()) == expected
    assert daily.by_kind(db, whose, *days, billed) == expected


@pytest.mark.parametrize("msisdn", ["0639980001", "0639980002", "0639980009"])
def test_the_days_of_a_line_add_up_to_its_month(db: Database, msisdn: str) -> None:
    expected = usage.of_line(db, msisdn, 202611, RATED)
    assert daily.merged(daily.by_day(db, msisdn, *NOVEMBER).values()) == expected
    assert daily.merged(daily.by_zone(db, msisdn, *NOVEMBER).values()) == expected
    assert daily.by_kind(db, msisdn, *NOVEMBER) == expected


@pytest.mark.parametrize("whose", [DUPONT, "0639980002"])
def test_parts_of_a_month_add_up_to_the_whole_in_every_respect(db: Database, whose: str) -> None:
    of = client(db, whose) if whose == DUPONT else whose
    middle = NOVEMBER[0] + 1
    by_zone = [daily.by_zone(db, of, *days) for days in ((NOVEMBER[0], middle), (middle + 1, NOVEMBER[1]), NOVEMBER)]
    first, rest, whole = [daily.merged(found.values()) for found in by_zone]
    assert daily.merged([first, rest]) == whole
    if isinstance(of, Client):
        parts = [daily.by_line(db, of, NOVEMBER[0], middle), daily.by_line(db, of, middle + 1, NOVEMBER[1])]
        assert said(parts[0]) == {639980001: [("voice", 2, 90), ("data", 1, 0)], 639980002: [("sms", 1, 0)]}
        assert said(parts[1]) == {639980002: [("voice", 1, 120)], 639980004: [("voice", 1, 9)]}


def test_rows_of_the_account_count_for_their_client_alone(db: Database) -> None:
    lines = daily.by_line(db, client(db, DUPONT), *OCTOBER, (202610,))
    assert [(it.kind, it.amount) for it in lines[0]] == [("other", 12_000_000)]


def test_what_is_known_ends_with_the_last_file_and_its_day_is_not_over(db: Database) -> None:
    known = daily.known_days(db, *NOVEMBER)
    assert (known.first, known.last, known.partial) == (NOVEMBER[0], NOVEMBER[0] + 3, True)
    assert NOVEMBER[0] + 3 in known
    assert NOVEMBER[0] + 4 not in known


def test_a_billed_month_is_known_to_its_end(db: Database) -> None:
    assert daily.known_days(db, *OCTOBER, (202610,)) == daily.Known(*OCTOBER, partial=False)
    assert daily.known_days(db, *OCTOBER) == daily.Known(OCTOBER[1], OCTOBER[1], partial=False)


def test_nothing_is_known_of_months_without_files(db: Database) -> None:
    known = daily.known_days(db, *daily.days_of(202703))
    assert daily.days_of(202703)[0] not in known
    assert daily.by_day(db, client(db, DUPONT), *daily.days_of(202703)) == {}


def test_a_wrong_date_years_ahead_makes_nothing_known(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    row = "0639980001;01/11/2026 00:00:00;Voix;60;;0,10;Dupont BTP;Oui"
    telecom.take("RatedCDRs/RatedCDRs_20261104_1900.csv", cdr_file(row, row.replace("2026", "2031")))
    with closing(telecom.db) as db:
        assert daily.known_days(db, *NOVEMBER).last == daily.day_of(date(2026, 11, 4))


def test_months_between_days_cross_years() -> None:
    first, last = daily.day_of(date(2026, 11, 30)), daily.day_of(date(2027, 2, 1))
    assert daily.months_between(first, last) == [202611, 202612, 202701, 202702]
    assert daily.days_of(202612) == (daily.day_of(date(2026, 12, 1)), daily.day_of(date(2026, 12, 31)))
    assert daily.months_between(first, first) == [202611]

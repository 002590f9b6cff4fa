"""Lines: listed, counted, by client, with what became of them, and the near ones of a number that nobody has."""

from pathlib import Path

import pytest

from core import lines
from tests.core.test_history import at
from tests.core.test_intake import CARD, OTHER_CARD, Telecom, status_at, status_file

ROWS = (
    f"0639980001;{CARD};208019900000001;Active;Dupont BTP;Pro 5 Go",
    "0639980002;;;Suspendue;Dupont BTP;",
    "0639980003;;;Active;Atelier Martin;",
    "0639980004;;;Disponible;;",
    "0639980005;;;Active;Dupont BTP;",
    "0639980006;;;Résiliée;Dupont BTP;",
)


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    """Six lines; the fifth is gone since nine."""
    telecom = Telecom(tmp_path)
    telecom.take(status_at(8), status_file(*ROWS))
    telecom.take(status_at(9), status_file(*(row for row in ROWS if not row.startswith("0639980005"))))
    return telecom


def client(telecom: Telecom, name: str) -> int:
    return int(telecom.one("SELECT id FROM clients WHERE name = ?", name))


def numbers(found: tuple[list[lines.Line], int]) -> tuple[str, int]:
    """The last digits of a page of lines, and the total."""
    return "".join(line.msisdn[-1] for line in found[0]), found[1]


# -- Listing and counts


def test_lines_are_listed_by_number_without_those_that_are_gone(telecom: Telecom) -> None:
    assert numbers(lines.listing(telecom.db)) == ("12346", 5)


def test_a_page_of_lines_says_how_many_there_are_in_all(telecom: Telecom) -> None:
    assert numbers(lines.listing(telecom.db, offset=2, limit=2)) == ("34", 5)
    assert numbers(lines.listing(telecom.db, offset=9)) == ("", 5)


def test_a_client_s_lines_are_listed_alone(telecom: Telecom) -> None:
    assert numbers(lines.listing(telecom.db, client(telecom, "Dupont BTP"))) == ("126", 3)


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        ({"active"}, "13"),
        ({"active", "suspended"}, "123"),
        ({"gone"}, "5"),
        ({"active", "gone"}, "135"),
        ({"reserved"}, ""),
    ],
)
def test_lines_of_some_statuses_are_listed_alone(telecom: Telecom, statuses: set[str], found: str) -> None:
    assert numbers(lines.listing(telecom.db, None, frozenset(statuses))) == (found, len(found))


def test_lines_of_a_client_and_a_status_are_those_of_both(telecom: Telecom) -> None:
    dupont = client(telecom, "Dupont BTP")
    assert numbers(lines.listing(telecom.db, dupont, frozenset({"active", "gone"}))) == ("15", 2)


def test_a_listed_line_is_as_it_is_found_alone(telecom: Telecom) -> None:
    listed, _ = lines.listing(telecom.db, None, frozenset({"active", "gone"}))
    assert listed == [line for number in "135" for line in lines.find(telecom.db, f"063998000{number}")]


def test_lines_are_counted_by_status_and_those_gone_apart(telecom: Telecom) -> None:
    assert lines.counts(telecom.db) == {"active": 2, "suspended": 1, "stock": 1, "terminated": 1, "gone": 1}
    assert lines.counts(telecom.db, client(telecom, "Atelier Martin")) == {"active": 1}


def test_each_client_has_its_lines_by_status_and_lines_of_nobody_come_last(telecom: Telecom) -> None:
    assert [(it.name, it.by_status) for it in lines.by_client(telecom.db)] == [
        ("Atelier Martin", {"active": 1}),
        ("Dupont BTP", {"active": 1, "suspended": 1, "terminated": 1}),
        ("", {"stock": 1}),
    ]
    assert lines.by_client(telecom.db)[1].client_id == client(telecom, "Dupont BTP")


def test_a_client_without_lines_is_one_of_the_clients(telecom: Telecom) -> None:
    telecom.rows("INSERT INTO clients (name, folded) VALUES ('Bureau Vide', 'bureauvide')")
    assert ("Bureau Vide", {}) in [(it.name, it.by_status) for it in lines.by_client(telecom.db)]


# -- History


def test_the_changes_of_a_line_come_newest_first_with_their_files(telecom: Telecom) -> None:
    changed = ROWS[0].replace("Active", "Suspendue").replace(CARD, OTHER_CARD)
    telecom.take(status_at(10), status_file(changed, *ROWS[1:]))
    telecom.take(status_at(11), status_file(changed.replace("Suspendue", "Active"), *ROWS[1:]))
    found, total = lines.history(telecom.db, "0639980001")
    assert found == [
        lines.Change(at(11), "resumed", "Suspendue", "Active", status_at(11)),
        lines.Change(at(10), "sim", CARD, OTHER_CARD, status_at(10)),
        lines.Change(at(10), "suspended", "Active", "Suspendue", status_at(10)),
    ]
    assert total == 3
    assert lines.history(telecom.db, "0639980001", offset=1, limit=1) == (found[1:2], 3)


def test_a_line_that_went_and_came_back_says_so(telecom: Telecom) -> None:
    telecom.take(status_at(10), status_file(*ROWS))
    found, _ = lines.history(telecom.db, "0639980005")
    assert [(change.change, change.at) for change in found] == [("returned", at(10)), ("vanished", at(9))]


def test_a_change_of_rio_is_told_without_any_value(telecom: Telecom) -> None:
    content = "Ligne;Statut;RIO\n" + "".join(f"{row[:10]};{row.split(';')[3]};{{}}\n" for row in ROWS)
    telecom.take(status_at(10), content.format(*["01E4K7P2QEM3"] * 6))
    telecom.take(status_at(11), content.format(*["01PEROY4P4TR"] * 6))
    found, _ = lines.history(telecom.db, "0639980001")
    assert [(change.change, change.before, change.after) for change in found] == [("rio", "", "")] * 2


def test_a_line_that_never_changed_has_no_history(telecom: Telecom) -> None:
    assert lines.history(telecom.db, "0639980004") == ([], 0)


# -- Near numbers


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("0639980011", "1"),  # one digit
        ("06 39 98 00 41", "1"),
        ("+33639980091", "1"),
        ("0639980100", ""),  # two digits
        ("0639980010", "1"),  # a swap
        ("0693980002", "2"),
        ("0639980007", "123465"),  # a line that is gone comes last
        ("0639980099", ""),
        ("980001", ""),
        ("dupont", ""),
    ],
)
def test_near_lines_differ_by_a_digit_or_a_swap(telecom: Telecom, asked: str, found: str) -> None:
    assert "".join(line.msisdn[-1] for line in lines.near(telecom.db, asked)) == found


def test_a_swap_is_nearer_than_another_digit(telecom: Telecom) -> None:
    telecom.take(status_at(10), status_file(*ROWS, "0639980020;;;Active;;", "0639980092;;;Active;;"))
    assert [line.msisdn for line in lines.near(telecom.db, "0639980029", most=2)] == ["0639980092", "0639980020"]


def test_a_known_number_is_not_near_itself(telecom: Telecom) -> None:
    assert "1" not in [line.msisdn[-1] for line in lines.near(telecom.db, "0639980001")]

"""SIM cards: found by what is written on them or by their line, with their codes, and counted."""

from pathlib import Path

import pytest

from core import sims
from core.folders import stamp_of
from tests.core.contents import VAULT
from tests.core.test_history import at
from tests.core.test_intake import Telecom, status_at

#: Their last digits are right check digits.
FIRST, SECOND, THIRD, FOURTH = (
    "8933019900000000012",
    "8933019900000000020",
    "8933019900000000038",
    "8933019900000000046",
)
#: As those of other issuers: twenty digits.
LONG = "89330199000000000128"
LISTING = "Cartes SIM/SIM_20261120_CMD0001.csv"


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    return Telecom(tmp_path)


def listing(*rows: str) -> str:
    """Rows: NSCE;Numéro;PUK."""
    codes = [
        f"{card};2080199{card[-8:]};{number};0042;{puk};0043;" for card, number, puk in (r.split(";") for r in rows)
    ]
    return "\n".join(["NSCE;IMSI;Numéro;PIN1;PUK1;PIN2;PUK2", *codes, ""])


def state(*rows: str) -> str:
    """Rows: Ligne;NSCE;Statut;Client."""
    return "\n".join(["Ligne;NSCE;Statut;Client", *rows, ""])


def one(telecom: Telecom, words: str) -> sims.Card:
    (card,) = sims.find(telecom.db, words)
    return card


# -- Finding


def test_a_card_tells_its_line_its_listing_and_whether_it_has_a_puk(telecom: Telecom) -> None:
    telecom.take(status_at(8), state(f"0639980001;{FIRST};Suspendue;Dupont BTP"))
    telecom.take(LISTING, listing(f"{FIRST};0639980001;00012345"))
    assert one(telecom, FIRST) == sims.Card(
        iccid=FIRST,
        imsi="208019900000012",
        msisdn="0639980001",
        client="Dupont BTP",
        line_status="suspended",
        gone=False,
        delivered_for="0639980001",
        status="",
        word="",
        seen_at=stamp_of(LISTING) or 0,
        path=LISTING,
        has_puk=True,
    )


@pytest.mark.parametrize(
    "words",
    [
        FIRST,
        "8933 0199 0000 0000 012",
        FIRST[:-1],
        FIRST[-13:],
        FIRST[-14:-1],  # thirteen printed digits that lack the check digit
        "0012",
        "06 39 98 00 01",
        "+33639980001",
    ],
)
@pytest.mark.parametrize("listed", [FIRST, FIRST[:-1]])
@pytest.mark.parametrize("known", [FIRST, FIRST[:-1]])
def test_a_card_is_found_however_it_is_written(telecom: Telecom, words: str, listed: str, known: str) -> None:
    others = [f"06399800{n:02d};{FIRST[:15]}{n}3{n};Active;" for n in range(20, 30)]
    telecom.take(status_at(8), state(f"0639980001;{known};Active;Dupont BTP", *others))
    telecom.take(LISTING, listing(f"{listed};;00012345", f"{THIRD};;87654321"))
    if words == "0012" and FIRST not in (listed, known):
        assert sims.find(telecom.db, words) == []  # nothing says what its last digit is
        return
    card = one(telecom, words)
    assert (card.msisdn, card.client, card.has_puk) == ("0639980001", "Dupont BTP", True)
    assert card.iccid == max(listed, known, key=len)


def test_twenty_digits_are_the_same_card_as_their_first_nineteen(telecom: Telecom) -> None:
    telecom.take(status_at(8), state(f"0639980001;{LONG};Active;"))
    telecom.take(LISTING, listing(f"{LONG[:-1]};;00012345"))
    assert one(telecom, LONG[:-1]) == one(telecom, LONG) == one(telecom, "0639980001")
    found = sims.codes(telecom.db, LONG, VAULT)
    assert found
    assert found.puk == "00012345"


def test_last_digits_that_several_cards_have_give_all_of_them(telecom: Telecom) -> None:
    telecom.take(status_at(8), state(f"0639980001;{FIRST};Active;", "0639980002;8933019900000010012;Active;"))
    telecom.take(LISTING, listing("8933019900000020012;;00012345"))
    assert [card.iccid[-6:] for card in sims.find(telecom.db, "0012")] == ["000012", "010012", "020012"]
    assert len(sims.find(telecom.db, "0012", most=2)) == 2


@pytest.mark.parametrize("words", ["", "012", "dupont", "9" * 21, "0639980009"])
def test_what_names_no_card_finds_none(telecom: Telecom, words: str) -> None:
    telecom.take(LISTING, listing(f"{FIRST};0639980001;00012345"))
    assert sims.find(telecom.db, words) == []


def test_a_line_s_number_names_the_card_that_it_has_now(telecom: Telecom) -> None:
    telecom.take(LISTING, listing(f"{FIRST};0639980001;00012345", f"{SECOND};;87654321"))
    telecom.take(status_at(8), state(f"0639980001;{FIRST};Active;"))
    telecom.take(status_at(9), state(f"0639980001;{SECOND};Active;"))
    assert one(telecom, "0639980001").iccid == SECOND
    former = one(telecom, FIRST)
    assert (former.msisdn, former.delivered_for) == ("", "0639980001")


def test_a_listing_alone_tells_the_line_of_a_card(telecom: Telecom) -> None:
    telecom.take(LISTING, listing(f"{FIRST};0639980001;00012345"))
    card = one(telecom, "0639980001")
    assert (card.iccid, card.msisdn, card.line_status) == (FIRST, "0639980001", "")


def test_a_line_whose_state_names_no_card_has_the_one_that_was_delivered_for_it(telecom: Telecom) -> None:
    telecom.take(LISTING, listing(f"{FIRST};0639980001;00012345"))
    telecom.take(status_at(8), "Ligne;Statut;Client\n0639980001;Active;Dupont BTP\n")
    card = one(telecom, "0639980001")
    assert (card.iccid, card.client, card.line_status) == (FIRST, "Dupont BTP", "active")


def test_a_card_that_no_listing_names_is_dated_by_the_state(telecom: Telecom) -> None:
    telecom.take(status_at(8), state(f"0639980001;{FIRST};Active;"))
    card = one(telecom, FIRST)
    assert (card.seen_at, card.path, card.has_puk) == (at(8), status_at(8), False)


def test_a_card_without_a_line_has_its_own_status(telecom: Telecom) -> None:
    telecom.take(status_at(8), state(f"0639980001;{FIRST};Active;", f";{SECOND};Disponible;"))
    card = one(telecom, SECOND)
    assert (card.status, card.word, card.msisdn, card.line_status) == ("stock", "Disponible", "", "")


def test_the_line_of_a_card_can_be_gone(telecom: Telecom) -> None:
    rows = [f"063998001{n};;Active;" for n in range(8)]
    telecom.take(status_at(8), state(f"0639980001;{FIRST};Active;", *rows))
    telecom.take(status_at(9), state(*rows))
    assert (one(telecom, FIRST).msisdn, one(telecom, FIRST).gone) == ("0639980001", True)


@pytest.mark.parametrize(
    ("iccid", "odd"), [(FIRST, False), (f"{FIRST[:-1]}3", True), (FIRST[:-1], False), (LONG, False)]
)
def test_nineteen_digits_with_a_wrong_check_digit_are_odd(telecom: Telecom, iccid: str, odd: bool) -> None:
    telecom.take(LISTING, listing(f"{iccid};;00012345"))
    assert one(telecom, iccid).is_odd is odd


# -- Codes


@pytest.mark.parametrize("listed", [FIRST, FIRST[:-1]])
@pytest.mark.parametrize("asked", [FIRST, FIRST[:-1]])
def test_the_codes_are_those_of_the_listing_with_their_leading_zeros(telecom: Telecom, listed: str, asked: str) -> None:
    telecom.take(LISTING, listing(f"{listed};;00012345"))
    assert sims.codes(telecom.db, asked, VAULT) == sims.Codes(
        "0042", "00012345", "0043", "", LISTING, stamp_of(LISTING) or 0
    )


def test_a_card_without_listing_has_no_codes(telecom: Telecom) -> None:
    telecom.take(status_at(8), state(f"0639980001;{FIRST};Active;", f";{SECOND};Disponible;"))
    assert sims.codes(telecom.db, FIRST, VAULT) is None
    assert sims.codes(telecom.db, SECOND, VAULT) is None


def test_the_row_of_a_state_does_not_hide_the_codes_of_the_listing(telecom: Telecom) -> None:
    telecom.take(LISTING, listing(f"{FIRST[:-1]};;00012345"))
    telecom.take(status_at(8), state(f";{FIRST};Disponible;"))
    found = sims.codes(telecom.db, FIRST, VAULT)
    assert found
    assert found.puk == "00012345"
    assert one(telecom, FIRST).has_puk


@pytest.mark.parametrize("order", ["state, old, new", "new, state, old", "old, new, state", "state, new, old"])
def test_codes_are_those_of_the_newest_listing_whatever_came_first_and_dated_by_it(
    telecom: Telecom, order: str
) -> None:
    newer = "Cartes SIM/SIM_20261122_CMD0002.csv"
    files = {
        "state": (status_at(8), state(f";{FIRST};Disponible;")),
        "old": (LISTING, listing(f"{FIRST};;00012345")),
        "new": (newer, listing(f"{FIRST};;87654321")),
    }
    for name in order.split(", "):
        telecom.take(*files[name])
    found = sims.codes(telecom.db, FIRST, VAULT)
    assert found
    assert (found.puk, found.path, found.seen_at) == ("87654321", newer, stamp_of(newer))
    assert one(telecom, FIRST).path == newer


def test_codes_that_could_be_of_several_cards_are_nobody_s(telecom: Telecom) -> None:
    odd = [f"{FIRST[:-1]}{key}" for key in "57"]
    telecom.take(LISTING, listing(*(f"{card};;0001234{n}" for n, card in enumerate(odd))))
    assert sims.codes(telecom.db, FIRST[:-1], VAULT) is None
    telecom.take(LISTING.replace("0001.", "0002."), listing(f"{FIRST};;99999999"))
    found = sims.codes(telecom.db, FIRST[:-1], VAULT)
    assert found
    assert found.puk == "99999999"


def test_codes_do_not_show_when_they_are_printed(telecom: Telecom) -> None:
    telecom.take(LISTING, listing(f"{FIRST};;00012345"))
    found = sims.codes(telecom.db, FIRST, VAULT)
    assert "00012345" not in repr(found)
    assert "0042" not in repr(found)


# -- Stock


def test_cards_are_counted_by_where_they_are(telecom: Telecom) -> None:
    telecom.take(
        LISTING,
        listing(
            f"{FIRST[:-1]};0639980001;00012345",
            f"{SECOND};0639980002;00012345",
            f"{THIRD};;00012345",
            f"{FOURTH};;00012345",
            "8933019900000000053;;00012345",
        ),
    )
    telecom.take("Cartes SIM/SIM_20261121_CMD0002.csv", listing("8933019900000000061;;00012345"))
    rows = f"0639980001;{FIRST};Active;", f"0639980002;{SECOND};Active;"
    telecom.take(status_at(8), state(*rows, f";{FOURTH};Disponible;"))
    telecom.take(status_at(9), state(rows[0], f"0639980002;{THIRD};Active;", f";{FOURTH};Disponible;"))
    assert sims.stock(telecom.db) == sims.Stock(
        on_lines=2,
        used=1,
        spare={"": 2, "stock": 1},
        orders=(
            sims.Order("Cartes SIM/SIM_20261121_CMD0002.csv", stamp_of("SIM_20261121") or 0, 1),
            sims.Order(LISTING, stamp_of(LISTING) or 0, 5),
        ),
    )
    assert len(sims.stock(telecom.db, orders=1).orders) == 1


def test_an_empty_store_has_no_cards(telecom: Telecom) -> None:
    assert sims.stock(telecom.db) == sims.Stock(0, 0, {}, ())

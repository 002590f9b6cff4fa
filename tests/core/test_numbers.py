import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import numbers
from core.numbers import NumberError

FORMS = [
    "0612345678",
    "06 12 34 56 78",
    "06.12.34.56.78",
    "06-12-34-56-78",
    "06\u00a012\u202f34\u00a056\u00a078",
    "+33612345678",
    "+33 6 12 34 56 78",
    "+33 (0)6 12 34 56 78",
    "+33 06 12 34 56 78",
    "0033612345678",
    "33612345678",
    "612345678",
    "612345678.0",
    "'0612345678",
    "  0612345678  ",
]
OVERSEAS = [
    ("+590 690 12 34 56", "0690123456"),
    ("590691123456", "0691123456"),
    ("+594694123456", "0694123456"),
    ("00596 696 12 34 56", "0696123456"),
    ("596697123456", "0697123456"),
    ("+262692123456", "0692123456"),
    ("262693123456", "0693123456"),
    ("+262 639 98 00 01", "0639980001"),
    ("0690123456", "0690123456"),
    ("690123456", "0690123456"),
    ("590123456", "0590123456"),
]
MACHINES = ["07001234567890", "+337001234567890", "00337001234567890", "337001234567890", "7001234567890"]
NOT_NUMBERS = [
    "",
    "abc",
    "3179",
    "061234567",
    "06123456789",
    "0612345678901",
    "+447911123456",
    "0044 7911 123456",
    "06 12 34 56 7O",
    "٠٦١٢٣٤٥٦٧٨",
    "06123456781234",
]


@pytest.mark.parametrize("written", FORMS)
def test_each_writing_of_a_number_has_one_canonical_form(written: str) -> None:
    assert numbers.msisdn(written) == "0612345678"


@pytest.mark.parametrize(("written", "canonical"), OVERSEAS)
def test_an_overseas_number_keeps_its_national_digits(written: str, canonical: str) -> None:
    assert numbers.msisdn(written) == canonical


@pytest.mark.parametrize("written", MACHINES)
def test_a_machine_to_machine_number_has_fourteen_digits(written: str) -> None:
    assert numbers.msisdn(written) == "07001234567890"


@pytest.mark.parametrize("written", ["0639980001", "0710000000", "0690000000", "0999999999"])
def test_no_range_is_refused(written: str) -> None:
    assert numbers.msisdn(written) == written


@pytest.mark.parametrize("written", NOT_NUMBERS)
def test_what_is_no_french_number_is_refused(written: str) -> None:
    with pytest.raises(NumberError):
        numbers.msisdn(written)


@pytest.mark.parametrize("written", ["3,36123E+10", "3.36123E+10", "6,12E+8", "3E10", "3,3640e+10"])
def test_a_number_that_a_spreadsheet_destroyed_is_refused_with_the_reason(written: str) -> None:
    with pytest.raises(NumberError, match="tableur"):
        numbers.msisdn(written)


separators = st.sampled_from(["", " ", ".", "-", "\u00a0", "\u202f", "/", "  "])
prefixes = st.sampled_from(["0", "+33", "33", "0033", "", "+33(0)", "+330"])


@given(st.from_regex(r"[1-9][0-9]{8}", fullmatch=True), prefixes, st.lists(separators, min_size=9, max_size=9))
def test_any_spacing_and_prefix_give_the_same_canonical_form(digits: str, prefix: str, between: list[str]) -> None:
    written = prefix + "".join(gap + digit for gap, digit in zip(between, digits, strict=True))
    assert numbers.msisdn(written) == "0" + digits


@given(st.from_regex(r"0[1-9][0-9]{8}|0700[0-9]{10}", fullmatch=True))
def test_a_canonical_form_shown_is_read_back(number: str) -> None:
    assert numbers.msisdn(numbers.show(number)) == number


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_reason(text: str) -> None:
    try:
        canonical = numbers.msisdn(text)
    except NumberError:
        return
    assert len(canonical) in (10, 14)
    assert canonical.startswith("0")


def test_a_number_is_shown_in_pairs() -> None:
    assert numbers.show("0639980001") == "06 39 98 00 01"
    assert numbers.show("07001234567890") == "07 00 12 34 56 78 90"


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("0612345678", "06 12 34 XX XX"),
        ("07001234567890", "0700123456XXXX"),
        ("+447911123456", "+44791112XXXX"),
        ("3179", "3179"),
        ("888", "888"),
        ("", ""),
    ],
)
def test_the_last_four_digits_of_a_called_number_are_hidden(number: str, masked: str) -> None:
    assert numbers.mask(number) == masked


@given(st.from_regex(r"\+?[0-9]{5,15}", fullmatch=True))
def test_no_mask_leaves_the_last_four_digits(number: str) -> None:
    masked = numbers.mask(number).replace(" ", "")
    assert masked == number[:-4] + "XXXX"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+33 6 12 34 56 78", "0612345678"),
        ("3179", "3179"),
        ("118 218", "118218"),
        ("+44 7911 123456", "+447911123456"),
        ("Info Conso", "Info Conso"),
    ],
)
def test_a_called_number_is_canonical_when_french_and_kept_when_not(written: str, stored: str) -> None:
    assert numbers.called(written) == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("8933019900000000018", "8933019900000000018"),
        ("89 33 01 99 00 00 00 00 018", "8933019900000000018"),
        ("89330199000000000182", "89330199000000000182"),
        ("893301990000000001", "893301990000000001"),
        ("8933019900000000018F", "8933019900000000018"),
    ],
)
def test_an_iccid_is_eighteen_to_twenty_digits(written: str, stored: str) -> None:
    assert numbers.iccid(written) == stored


@pytest.mark.parametrize("written", ["", "89330199", "7933019900000000018", "89330199000000000x8", "8" * 21])
def test_what_is_no_iccid_is_refused(written: str) -> None:
    with pytest.raises(NumberError, match="ICCID"):
        numbers.iccid(written)


def test_an_iccid_that_a_spreadsheet_destroyed_is_refused_with_the_reason() -> None:
    with pytest.raises(NumberError, match="tableur"):
        numbers.iccid("8,93302E+18")


def test_the_luhn_key_is_right_for_one_last_digit_only() -> None:
    body = "893301990000000001"
    assert [digit for digit in "0123456789" if numbers.luhn_is_right(body + digit)] == ["2"]


@given(st.from_regex(r"89[0-9]{16}", fullmatch=True), st.integers(0, 17), st.integers(1, 9))
def test_the_luhn_key_sees_any_single_wrong_digit(body: str, place: int, shift: int) -> None:
    right = next(body + digit for digit in "0123456789" if numbers.luhn_is_right(body + digit))
    wrong = right[:place] + str((int(right[place]) + shift) % 10) + right[place + 1 :]
    assert not numbers.luhn_is_right(wrong)

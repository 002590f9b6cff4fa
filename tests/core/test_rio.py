from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import rio
from tests.corpus.rio import VALID

INVALID = [
    ("01PEROY4P4TR", "0612345679", "key"),
    ("01PER0Y4P4TR", "0612345678", "key"),
    ("01EEROY4P4TR", "0612345678", "key"),
    ("01PEROY4P4RT", "0612345678", "key"),
    ("04A1B2C3D4E5", "0612345678", "quality"),
    ("A1PEROY4P4TR", "0612345678", "operator"),
    ("+1PEROY4P4TR", "0612345678", "operator"),
    ("01+EROY4P4TR", "0612345678", "quality"),
    ("01PE+OY4P4TR", "0612345678", "reference"),
    ("01PEROY4P4T", "0612345678", "length"),
    ("01PEROY4P4TRX", "0612345678", "length"),
    ("", "0612345678", "length"),
    ("01PÉROY4P4TR", "0612345678", "signs"),
]

references = st.text(rio.ALPHABET.removesuffix("+"), min_size=6, max_size=6)
mobiles = st.from_regex(r"0[67][0-9]{8}", fullmatch=True)


def made(start: str, number: str) -> str:
    return start + rio.key(start, number)


@pytest.mark.parametrize(("code", "number"), VALID)
def test_a_right_rio_is_right(code: str, number: str) -> None:
    assert rio.check(code, number).right is True


@pytest.mark.parametrize(("code", "number", "fault"), INVALID)
def test_a_wrong_rio_is_wrong_and_says_where(code: str, number: str, fault: str) -> None:
    verdict = rio.check(code, number)
    assert verdict.right is False
    assert verdict.fault == fault


@pytest.mark.parametrize(("code", "number"), VALID)
def test_a_rio_may_be_written_in_small_letters_and_groups(code: str, number: str) -> None:
    written = f" {code[:2]} {code[2]}-{code[3:9]}\u00a0{code[9:]} ".lower()
    assert rio.check(written, number).rio == code
    assert rio.check(written, number).right is True


def test_every_single_wrong_sign_is_seen() -> None:
    code, number = "01PEROY4P4TR", "0612345678"
    wrong = [
        code[:place] + sign + code[place + 1 :] for place in range(12) for sign in rio.ALPHABET if sign != code[place]
    ]
    assert len(wrong) == 12 * 36
    assert [one for one in wrong if rio.check(one, number).right is not False] == []


def test_every_single_wrong_digit_of_the_number_is_seen() -> None:
    code, number = "01PEROY4P4TR", "0612345678"
    wrong = [
        number[:place] + digit + number[place + 1 :]
        for place in range(2, 10)
        for digit in "0123456789"
        if digit != number[place]
    ]
    assert [one for one in wrong if rio.check(code, one).right is not False] == []


def test_every_swap_of_two_signs_is_seen() -> None:
    code, number = "01PEROY4P4TR", "0612345678"
    for first, second in combinations(range(12), 2):
        signs = list(code)
        signs[first], signs[second] = signs[second], signs[first]
        swapped = "".join(signs)
        if swapped != code:
            assert rio.check(swapped, number).right is False, swapped


@given(st.sampled_from(["01", "02", "03", "04", "56", "77"]), st.sampled_from("PE"), references, mobiles)
def test_a_rio_with_its_key_is_right_for_any_number(operator: str, quality: str, reference: str, number: str) -> None:
    assert rio.check(made(operator + quality + reference, number), number).right is True


@pytest.mark.parametrize("code", ["01PABC123+BX", "01PABC123SE+"])
@pytest.mark.parametrize("spacing", ["", " ", "-", "\u00a0", ".", " / "])
def test_a_plus_sign_is_kept_whatever_separates_the_parts(code: str, spacing: str) -> None:
    number = "0639983999" if code.endswith("BX") else "0639980048"
    for parts in permutations([spacing.join([code[:2], code[2], code[3:9], code[9:]]), number]):
        assert rio.read(" ".join(parts)) == (code, number)


def test_a_plus_sign_alone_is_kept() -> None:
    assert rio.read("01 P ABC123 + B X 06 39 98 39 99") == ("01PABC123+BX", "0639983999")


def test_the_plus_of_an_international_number_is_not_the_rio_s() -> None:
    assert rio.read("+33 6 39 98 00 48 01PABC123SE+") == ("01PABC123SE+", "0639980048")
    assert rio.read("01PABC123SE+ +33639980048") == ("01PABC123SE+", "0639980048")


@given(st.sampled_from(VALID), st.lists(st.integers(1, 11), max_size=4), st.lists(st.integers(1, 9), max_size=5))
def test_a_rio_is_read_in_any_spacing_and_order(pair: tuple[str, str], cuts: list[int], number_cuts: list[int]) -> None:
    code, number = pair
    spaced = "".join(" " * (place in cuts) + sign for place, sign in enumerate(code))
    grouped = "".join(" " * (place in number_cuts) + sign for place, sign in enumerate(number))
    assert rio.read(f"{spaced} {grouped}") == (code, number)
    assert rio.read(f"{grouped}, {spaced}") == (code, number)


def test_a_rio_is_read_in_the_middle_of_a_sentence() -> None:
    sentence = "Bonjour, le RIO du client est 01PEROY4P4TR pour le 06 12 34 56 78, merci"
    assert rio.read(sentence) == ("01PEROY4P4TR", "0612345678")


def test_a_wrong_rio_is_still_read_in_a_sentence() -> None:
    assert rio.read("le rio du clien 01PEROY4P4RT 0612345678") == ("01PEROY4P4RT", "0612345678")


def test_a_rio_that_lacks_a_sign_is_told_from_its_number() -> None:
    assert rio.read("01PEROY4P4T 0612345678") == ("01PEROY4P4T", "0612345678")
    assert rio.read("01PEROY4P4T +33612345678") == ("01PEROY4P4T", "0612345678")


def test_a_number_alone_is_no_rio() -> None:
    assert rio.read("06 12 34 56 78") == ("", "0612345678")


def test_a_very_long_text_is_read_at_once() -> None:
    filler = "bonjour madame " * 2000
    assert rio.read(f"{filler} 01PEROY4P4TR 0612345678 {filler}") == ("01PEROY4P4TR", "0612345678")


@given(st.text(max_size=60))
def test_any_text_can_be_read_and_checked(text: str) -> None:
    code, number = rio.read(text)
    assert rio.check(code, number).right in (True, False, None)


def test_a_zero_written_for_an_o_is_proposed() -> None:
    assert rio.check("01PER0Y4P4TR", "0612345678").correction == "01PEROY4P4TR"


def test_an_o_written_for_a_zero_is_proposed() -> None:
    assert rio.check("O1PEROY4P4TR", "0612345678").correction == "01PEROY4P4TR"


def test_two_exchanges_are_proposed_when_one_does_not_do() -> None:
    assert rio.check("O1PER0Y4P4TR", "0612345678").correction == "01PEROY4P4TR"


def tried_one_by_one(code: str, number: str) -> str:
    doubtful = [place for place, sign in enumerate(code) if sign in "O0"]
    for count in range(1, len(doubtful) + 1):
        for places in combinations(doubtful, count):
            other = "".join({"O": "0", "0": "O"}[sign] if at in places else sign for at, sign in enumerate(code))
            if rio.check(other, number).right:
                return other
    return ""


@given(
    st.text("O0O0PEF1", min_size=6, max_size=6),
    st.sampled_from(["0639980001", "0123456789", "07001234567890"]),
    st.sets(st.integers(0, 11), max_size=6),
    st.sampled_from(["00P", "O0P", "0OE", "O0O", "01P"]),
)
def test_the_correction_is_the_first_that_trying_one_by_one_finds(
    reference: str, number: str, exchanged: set[int], start: str
) -> None:
    right = made(start + reference, number)
    code = "".join(sign.translate({48: 79, 79: 48}) if at in exchanged else sign for at, sign in enumerate(right))
    verdict = rio.check(code, number)
    if not verdict.right:
        assert verdict.correction == tried_one_by_one(code, number)


def test_no_correction_is_proposed_where_none_makes_the_key_right() -> None:
    assert rio.check("01PEROY4P4TR", "0612345679").correction == ""


def test_no_correction_is_proposed_for_a_right_rio() -> None:
    assert rio.check("01PEROY4P4TR", "0612345678").correction == ""


@pytest.mark.parametrize(
    ("code", "name"),
    [("01", "Orange"), ("02", "SFR"), ("03", "Bouygues Telecom"), ("04", "Free Mobile"), ("56", "Bazile")],
)
def test_a_mainland_mobile_names_its_operator(code: str, name: str) -> None:
    assert rio.check(made(f"{code}P123456", "0612345678"), "0612345678").operator == name


@pytest.mark.parametrize("prefix", ["0690", "0691", "0694", "0696", "0697", "0692", "0693", "0639"])
def test_no_operator_is_named_overseas(prefix: str) -> None:
    number = f"{prefix}123456"
    verdict = rio.check(made("02P123456", number), number)
    assert verdict.right is True
    assert verdict.operator == ""


def test_no_operator_is_named_without_the_number() -> None:
    verdict = rio.check("01PEROY4P4TR")
    assert verdict.right is None
    assert verdict.operator == ""


def test_an_unknown_operator_code_is_not_a_fault() -> None:
    for operator in (f"{number:02d}" for number in range(100)):
        code = made(f"{operator}E123456", "0612345678")
        assert rio.check(code, "0612345678").right is True


def test_the_quality_tells_business_from_consumer() -> None:
    assert rio.check("01E4K7P2QEM3", "0639980001").quality == "entreprise"
    assert rio.check("01PEROY4P4TR", "0612345678").quality == "particulier"


@pytest.mark.parametrize("letter", "FGPTZ")
def test_a_fixed_line_has_a_letter_of_its_operator(letter: str) -> None:
    verdict = rio.check(made(f"A1{letter}123456", "0123456789"), "0123456789")
    assert verdict.right is True
    assert verdict.quality == "fixe"
    assert verdict.operator == ""


@pytest.mark.parametrize("letter", "AE0")
def test_a_fixed_line_has_no_letter_before_f(letter: str) -> None:
    assert rio.check(made(f"01{letter}123456", "0123456789"), "0123456789").fault == "quality"


@pytest.mark.parametrize("code", ["01PEROY4P4TR", "01E4K7P2QEM3", "A1F123456ABC"])
def test_a_rio_without_its_number_is_neither_right_nor_wrong(code: str) -> None:
    assert rio.check(code).right is None


@pytest.mark.parametrize("code", ["04A1B2C3D4E5", "A1E123456ABC", "01PEROY4P4T", "01PE+OY4P4TR"])
def test_a_wrong_form_is_seen_without_the_number(code: str) -> None:
    assert rio.check(code).right is False

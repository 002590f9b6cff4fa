"""Codes that a person wrote, taken out of what goes by mail."""

import pytest

from bot.mail.codes import without_codes


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("PUK de la ligne 0639980001 : 12345678", "PUK de la ligne 0639980001 : •••"),
        ("Le PUK du 06 39 98 00 01 est 1234 5678", "Le PUK du 06 39 98 00 01 est •••"),
        ("PUK de 8933010000000000001 et +33639980001 : 12345678", "PUK de 8933010000000000001 et +33639980001 : •••"),
        ("PIN/PUK : 0123 / 12345678", "PIN/PUK : ••• / •••"),
        ("PUK 12345678 et 87654321", "PUK ••• et •••"),
        ("PUK 1 : 12345678", "PUK 1 : •••"),
        ("PUK :\n12345678", "PUK :\n•••"),
        ("12345678 est son PUK", "••• est son PUK"),
        ("son rio 01e4k7p2qem3", "son rio •••"),
    ],
)
def test_a_code_is_masked_and_the_line_that_it_belongs_to_is_not(text: str, left: str) -> None:
    assert without_codes(text) == left


@pytest.mark.parametrize("text", ["puk 0639980001", "facture 20261105 : 1 200 €", "carte 8933010000000000001"])
def test_what_is_no_code_stays(text: str) -> None:
    assert without_codes(text) == text

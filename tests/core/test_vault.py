"""Codes sealed one by one: what opens, where, and with which key."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.vault import KEY_SIGNS, UNKEPT, Vault, VaultError, is_sealed, new_key, read_keys

OLD, NEW = b"an old invented key of 32 bytes.", b"a new invented key of 32 bytes.."
PLACE = "sims 8933019900000000012 puk"


@given(st.text())
def test_what_is_sealed_opens_at_its_place(text: str) -> None:
    vault = Vault([OLD])
    assert vault.open(vault.seal(text, PLACE), PLACE) == text


def test_the_same_code_is_never_sealed_alike_and_does_not_show() -> None:
    vault = Vault([OLD])
    one, other = vault.seal("00012345", PLACE), vault.seal("00012345", PLACE)
    assert one != other
    assert is_sealed(one)
    assert "00012345" not in one
    assert b"00012345" not in base64.b64decode(one[3:])


def test_what_was_moved_to_another_card_does_not_open() -> None:
    vault = Vault([OLD])
    with pytest.raises(VaultError) as refused:
        vault.open(vault.seal("00012345", PLACE), PLACE.replace("12 puk", "20 puk"))
    assert not refused.value.missing


@pytest.mark.parametrize("place", [3, 20, 40, -2])
def test_what_was_changed_does_not_open(place: int) -> None:
    vault = Vault([OLD])
    sealed = vault.seal("00012345", PLACE)
    other = "B" if sealed[place] == "A" else "A"
    changed = sealed[:place] + other + sealed[place:][1:]
    with pytest.raises(VaultError):
        vault.open(changed, PLACE)


@pytest.mark.parametrize("text", ["00012345", "s1:", "s1:é", "s1:AAAA", "s2:AAAA"])
def test_what_is_not_sealed_is_not_taken_for_a_code(text: str) -> None:
    with pytest.raises(VaultError):
        Vault([OLD]).open(text, PLACE)


def test_without_its_key_nothing_opens_and_it_says_so() -> None:
    sealed = Vault([OLD]).seal("00012345", PLACE)
    for vault, words in ((Vault(), "manque"), (Vault([NEW]), "autre clé")):
        with pytest.raises(VaultError, match=words) as refused:
            vault.open(sealed, PLACE)
        assert refused.value.missing
        assert "00012345" not in str(refused.value)


def test_without_a_key_nothing_is_kept_but_that_there_was_something() -> None:
    vault = Vault()
    assert (vault.keep("00012345", PLACE), vault.keep("", PLACE)) == (UNKEPT, "")
    with pytest.raises(VaultError, match="manque"):
        vault.seal("00012345", PLACE)
    with pytest.raises(VaultError, match="pas été gardé") as refused:
        Vault([OLD]).open(UNKEPT, PLACE)
    assert refused.value.missing


def test_the_first_key_seals_and_all_of_them_open() -> None:
    old, both = Vault([OLD]), Vault([NEW, OLD])
    sealed = old.seal("00012345", PLACE)
    assert both.open(sealed, PLACE) == "00012345"
    assert (both.is_newest(sealed), both.is_newest(both.seal("1", PLACE))) == (False, True)
    assert both.open(both.seal("00012345", PLACE), PLACE) == Vault([NEW]).open(both.seal("00012345", PLACE), PLACE)


def test_a_few_signs_tell_of_which_key_a_code_is() -> None:
    sealed = Vault([OLD]).seal("00012345", PLACE)[:KEY_SIGNS]
    assert sealed == Vault([OLD]).seals_as()
    assert [vault.opens(sealed) for vault in (Vault([OLD]), Vault([NEW, OLD]), Vault([NEW]), Vault())] == [
        True,
        True,
        False,
        False,
    ]
    assert Vault().seals_as() == ""


def test_marks_find_a_code_by_each_key_and_tell_nothing_without() -> None:
    assert Vault([NEW, OLD]).marks("00012345") == [*Vault([NEW]).marks("00012345"), *Vault([OLD]).marks("00012345")]
    assert Vault([OLD]).marks("00012345") != Vault([OLD]).marks("00012346")
    assert Vault().marks("00012345") == []


def test_keys_come_from_the_environment_and_a_wrong_one_is_not_repeated() -> None:
    first, second = new_key(), new_key()
    assert len(read_keys(f" {first} , {second}")) == 2
    with pytest.raises(ValueError, match="la 2e") as refused:
        read_keys(f"{first},short-and-wrong")
    assert "short" not in str(refused.value)

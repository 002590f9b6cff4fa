"""What each field of the profile takes, and what it says of the rest."""

from contextlib import suppress
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.fr import siren, siret

from core import profile
from core.profile import FIELDS, NAMES, Profile, ProfileError, field_named, show

NOTHING = Profile()


def kept(word: str, written: str, known: Profile = NOTHING) -> str:
    field = field_named(word)
    assert field
    return field.check(written, known)


def refused(word: str, written: str, known: Profile = NOTHING) -> str:
    with pytest.raises(ProfileError) as caught:
        kept(word, written, known)
    return str(caught.value)


def test_each_name_is_a_field_of_the_profile_and_has_its_entry() -> None:
    assert tuple(field.name for field in fields(Profile)) == NAMES
    assert tuple(field.name for field in FIELDS) == NAMES


def test_each_word_means_its_field_alone() -> None:
    assert [field_named(field.word) for field in FIELDS] == list(FIELDS)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("TVA", "vat"),
        ("Téléphone", "phone"),
        ("comptabilité", "accounting_email"),
        ("coût", "phone_cost"),
        ("Nom opérateur", "operator_name"),
    ],
)
def test_a_field_is_named_without_regard_to_case_and_accents(word: str, name: str) -> None:
    field = field_named(word)
    assert field
    assert field.name == name


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.word)
def test_each_example_is_taken(field: profile.Field) -> None:
    assert field.check(field.example.partition(", ou")[0], Profile())


@pytest.mark.parametrize(
    "written",
    [
        "n° 123 456 782 00010",
        "N° SIRET : 12345678200010",
        "123 456 782 00010",
        "12345678200010",
        "123.456.782-00010",
        " 123 456 782 00010 ",
    ],
)
def test_a_siret_is_kept_as_fourteen_digits(written: str) -> None:
    assert kept("siret", written) == "12345678200010"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("123456782", "SIREN (9 chiffres)"),
        ("1234567820001", "14 chiffres, il y en a 13"),
        ("12345678300010", "clé du SIREN"),
        ("12345678200011", "clé du SIRET"),
        ("bonjour", "il y en a 0"),
        ("١٢٣٤٥٦٧٨٢٠٠٠١٠", "14 chiffres"),
    ],
)
def test_a_wrong_siret_is_told_why(written: str, reason: str) -> None:
    assert reason in refused("siret", written)


def test_an_establishment_of_la_poste_has_its_own_key() -> None:
    written = "35600000049837"
    assert not sum(map(int, written)) % 5  # its key, in place of Luhn's
    assert kept("siret", written) == written


@pytest.mark.parametrize(
    "written",
    [
        "TVA : FR11123456782",
        "N° TVA FR 11 123456782",
        "FR11123456782",
        "fr 11 123 456 782",
        "11123456782",
        "FR 11 123-456-782",
    ],
)
def test_a_vat_number_is_kept_in_one_form(written: str) -> None:
    assert kept("tva", written) == "FR11123456782"


def test_a_vat_number_with_a_wrong_key_is_told_the_right_one() -> None:
    assert "FR 11 123 456 782 serait juste" in refused("tva", "FR12123456782")


def test_a_vat_number_of_another_company_is_told_the_one_that_goes_with_the_siret() -> None:
    known = Profile(siret="12345678200010")
    assert "FR 11 123 456 782 irait" in refused("tva", profile.vat_of("35600000000048"), known)


@pytest.mark.parametrize("written", ["FR1112345678", "DE123456789", "FR11123456783", "FRXX123456782"])
def test_what_is_no_vat_number_is_refused(written: str) -> None:
    assert refused("tva", written)


@given(st.integers(0, 10**8 - 1))
def test_the_vat_number_of_a_siret_is_always_taken_with_it(number: int) -> None:
    body = f"{number:08}"
    whole = next(f"{body}{key}" for key in range(10) if siren.is_valid(f"{body}{key}"))
    establishment = next(f"{whole}0001{key}" for key in range(10) if siret.is_valid(f"{whole}0001{key}"))
    known = Profile(siret=kept("siret", establishment))
    assert kept("tva", profile.vat_of(establishment), known) == profile.vat_of(establishment)


@pytest.mark.parametrize(
    "written",
    [
        "06 39 98 00 00",
        "06.39.98.00.00",
        "+33 6 39 98 00 00",
        "+33 (0)6 39 98 00 00",
        "0033639980000",
        "Tél. : 06 39 98 00 00",
        "639980000",
    ],
)
def test_a_telephone_is_kept_as_ten_digits(written: str) -> None:
    assert kept("telephone", written) == "0639980000"


def test_a_short_number_is_a_telephone() -> None:
    assert kept("telephone", "39 98") == "3998"


@pytest.mark.parametrize("written", ["06 39 98 00", "0039", "00 39 98 00 00", "+32 2 555 12 12", "accueil"])
def test_what_is_no_french_telephone_is_refused(written: str) -> None:
    assert "10 chiffres" in refused("telephone", written)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0,15 €/min", "0,15 €/min"),
        ("0.15 euros par minute", "0,15 €/min"),
        ("15 centimes la minute", "0,15 €/min"),
        ("0,2 €/mn", "0,20 €/min"),
        ("0,06 € TTC la minute", "0,06 €/min"),
        ("0,15 €/min + prix appel", "0,15 €/min + prix appel"),
        ("Non surtaxé", "appel non surtaxé"),
        ("0,15 €/min TTC", "0,15 €/min"),
        ("15 c€/min.", "0,15 €/min"),
        ("gratuit", "appel gratuit"),
        ("Service gratuit + prix appel", "service gratuit + prix appel"),
        ("Prix d’un appel local", "prix d'un appel local"),
    ],
)
def test_a_cost_is_kept_in_the_words_of_the_banner(written: str, value: str) -> None:
    assert kept("cout", written) == value


@pytest.mark.parametrize("written", ["15", "cher", "0,15", "voir le site"])
def test_a_cost_without_unit_is_refused(written: str) -> None:
    assert "0,15 €/min" in refused("cout", written)


def test_an_address_on_several_lines_becomes_one() -> None:
    assert kept("adresse", "12 rue de l'Exemple\n00000 Ville-Fictive") == "12 rue de l'Exemple, 00000 Ville-Fictive"


def test_a_comma_may_stand_between_postal_code_and_town() -> None:
    assert kept("adresse", "12 rue de l'Exemple, 00000, Ville-Fictive").endswith("00000, Ville-Fictive")


def test_a_number_of_overseas_is_kept_with_its_zero() -> None:
    assert kept("telephone", "+262 639 98 00 00") == "0639980000"


def test_a_cost_that_the_number_belies_is_told() -> None:
    (fault,) = profile.contradictions(Profile(phone="0899399800", phone_cost="appel non surtaxé"))
    assert "08 99 39 98 00" in fault
    assert not profile.contradictions(Profile(phone="0899399800", phone_cost="0,80 €/min"))


def test_an_address_is_no_name() -> None:
    assert "pas un nom" in refused("contact", "camille@exemple.fr")


def test_an_address_without_postal_code_is_told_so() -> None:
    assert "code postal" in refused("adresse", "12 rue de l'Exemple, Ville-Fictive")


def test_a_name_that_is_too_long_is_told_the_limit() -> None:
    assert "60 au plus" in refused("nom", "x" * 61)


def test_a_name_with_an_invisible_sign_is_refused() -> None:
    assert "invisible" in refused("nom", "Télécom\u200bExemple")


@pytest.mark.parametrize("written", ["compta", "compta@exemple", "a@b.fr, c@d.fr", "Camille <a@b.fr>"])
def test_what_is_no_address_of_a_mailbox_is_refused(written: str) -> None:
    assert refused("compta", written)


@pytest.mark.parametrize(
    ("written", "value"), [("bleu nuit", "#182d54"), ("#182D54", "#182d54"), ("182d54", "#182d54"), ("#FA0", "#ffaa00")]
)
def test_a_colour_is_a_name_or_a_code(written: str, value: str) -> None:
    assert kept("couleur", written) == value


def test_what_is_kept_is_kept_again() -> None:
    known = Profile()
    for field in FIELDS:
        value = field.check(field.example.partition(", ou")[0], known)
        assert field.check(show(field.name, value), known) == value


@given(st.sampled_from(FIELDS), st.text(max_size=150))
def test_no_text_does_worse_than_be_refused(field: profile.Field, written: str) -> None:
    with suppress(ProfileError):
        value = field.check(written, NOTHING)
        assert value
        assert "\n" not in value


def test_what_is_missing_is_asked_in_order_without_what_is_optional() -> None:
    known = Profile(operator_name="Télécom Exemple", siret="12345678200010")
    words = [field.word for field in profile.missing(known)]
    assert words[:2] == ["adresse", "tva"]
    assert "couleur" not in words


def test_a_vat_number_that_the_new_siret_contradicts_is_told() -> None:
    (fault,) = profile.contradictions(Profile(siret="12345678200010", vat="FR39356000000"))
    assert "FR 11 123 456 782" in fault
    assert profile.contradictions(Profile(siret="12345678200010", vat="FR11123456782")) == []


@pytest.mark.parametrize(
    "written",
    [
        "a@b@exemple.fr",
        "a\x00b@exemple.fr",
        "liste:a@exemple.fr",
        "(a)b@exemple.fr",
        "a@exemple..fr",
        "a@-exemple.fr",
        "é@exemple.fr",
        "a@[127.0.0.1]",
        "=?utf-8?q?a?=@télécom.fr",
        "a@exemple.fr\u200b",
        "a" * 300 + "@exemple.fr",
    ],
)
def test_an_address_that_mail_programs_could_read_otherwise_is_refused(written: str) -> None:
    assert "adresse de courriel" in refused("compta", written)


def test_an_address_may_have_a_plus() -> None:
    assert kept("compta", "compta+origyne@exemple.fr") == "compta+origyne@exemple.fr"


@pytest.mark.parametrize("word", ["nom", "contact"])
def test_a_number_is_no_name(word: str) -> None:
    assert "aucune lettre" in refused(word, "06 39 98 00 01")


def test_a_rio_is_no_name() -> None:
    assert "RIO" in refused("nom", "01E4K7P2QEM3 0639980001")
    assert kept("nom", "12 Entreprise Exemple") == "12 Entreprise Exemple"


def test_a_siret_may_come_with_its_word() -> None:
    assert kept("siret", "SIRET : 123 456 782 00010") == "12345678200010"

"""The six mandatory mentions in lines of text, with what reading a picture does to them. No picture is read here."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mentions import Mentions, judge
from core.profile import NAMES, Profile, ProfileError, field_named

PROFILE = Profile(
    operator_name="Télécom Exemple",
    address="12 rue de l'Exemple, 00000 Ville-Fictive",
    siret="12345678200010",
    vat="FR11123456782",
    phone="0639980000",
    phone_cost="0,15 €/min",
    service_email="clients@exemple.fr",
)
UNKNOWN = Profile()
LINES = (
    "Télécom Exemple - 12 rue de l'Exemple, 00000 Ville-Fictive",
    "SIRET 123 456 782 00010 - TVA FR 11 123 456 782",
    "Service client : 06 39 98 00 00 (0,15 €/min) - clients@exemple.fr",
)


def found(*changes: tuple[str, str], profile: Profile = PROFILE) -> Mentions:
    text = "\n".join(LINES)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return judge(text.split("\n"), profile)


# -- All is there


def test_a_right_banner_is_complete_and_certain() -> None:
    assert found().complete
    assert found().certain
    assert found().remarks() == ()


def test_the_lines_of_the_answer_say_what_was_read() -> None:
    assert found().lines() == (
        "✅ nom : Télécom Exemple",
        "✅ adresse : 12 rue de l'Exemple, 00000 Ville-Fictive",
        "✅ SIRET : 123 456 782 00010 (clé juste)",
        "✅ TVA : FR 11 123 456 782 (clé juste)",
        "✅ téléphone : 06 39 98 00 00 (0,15 €/min)",
        "✅ courriel : clients@exemple.fr",
    )


def test_without_a_profile_name_and_email_are_to_be_confirmed_by_eye() -> None:
    assert found(profile=UNKNOWN).lines() == (
        "❓ nom : Télécom Exemple, à confirmer à l'œil",
        "✅ adresse : 12 rue de l'Exemple, 00000 Ville-Fictive",
        "✅ SIRET : 123 456 782 00010 (clé juste)",
        "✅ TVA : FR 11 123 456 782 (clé juste)",
        "✅ téléphone : 06 39 98 00 00 (0,15 €/min)",
        "❓ courriel : clients@exemple.fr, à confirmer à l'œil",
    )
    assert found(profile=UNKNOWN).complete
    assert not found(profile=UNKNOWN).certain


@pytest.mark.parametrize("profile", [PROFILE, UNKNOWN], ids=["known", "unknown"])
def test_of_an_empty_text_all_six_are_absent(profile: Profile) -> None:
    mentions = judge((), profile)
    assert [mention.state for mention in mentions.all] == ["absent"] * 6
    assert [mention.read for mention in mentions.all] == [""] * 6
    assert len(mentions.remarks()) == 6
    assert all(line.startswith("⚠️ ") for line in mentions.lines())
    assert not mentions.complete


# -- SIRET


@pytest.mark.parametrize(
    "written",
    [
        "SIRET 12345678200010",
        "SIRET12345678200010",
        "N° SIRET : 123.456.782.00010",
        "Siret: 123 456 782 00010",
        "123 456782 00010",
        "S1RET 123 456 782 00010",
        "SlRET : 123-456-782-00010",
        "SIRET 123 456 782 0001O",
        "SIRET I23 4S6 7B2 OO010",
        "SIRET l23 456 782 000 I0",
        "SIRET 123 456 782 000101",  # a bar behind it
        "SIREN 123 456 782 SIRET 123 456 782 00010",
        "123 456 782 123 456 782 00010",
        "SIRET 123 456 782\n00010",
        "ＳＩＲＥＴ：123 456 782 00010",
    ],
)
def test_a_siret_is_read_in_any_usual_writing_and_misreading(written: str) -> None:
    siret = found(("SIRET 123 456 782 00010", written)).siret
    assert (siret.state, siret.read) == ("right", "123 456 782 00010")


def test_la_poste_has_a_key_of_its_own() -> None:
    assert judge(["SIRET 356 000 000 00001"], UNKNOWN).siret.line == "✅ SIRET : 356 000 000 00001 (clé juste)"
    assert judge(["SIRET 356 000 000 00002"], UNKNOWN).siret.line == "⚠️ SIRET : 356 000 000 00002, clé fausse"


def test_a_wrong_key_of_a_siret_is_told() -> None:
    siret = found(("00010", "00011")).siret
    assert siret.line == "⚠️ SIRET : 123 456 782 00011, clé fausse"
    assert siret.remark == (
        "la clé du SIRET lu, 123 456 782 00011, est fausse : un chiffre est mal écrit, ou mal lu"
        " ; au profil : 123 456 782 00010"
    )


@pytest.mark.parametrize("label", ["RCS Ville-Fictive", "R.C.S. Ville-Fictive B", "Siren", "SIRET :", "n°"])
def test_a_siren_is_no_siret(label: str) -> None:
    siret = found(("SIRET 123 456 782 00010", f"{label} 123 456 782")).siret
    assert (siret.state, siret.read) == ("absent", "")
    assert siret.remark == "123 456 782 est un SIREN (9 chiffres) ; il faut le SIRET, qui en a 14"
    assert siret.line == "⚠️ SIRET : absent, 123 456 782 n'est que le SIREN"


def test_the_siren_within_a_vat_number_is_not_told_for_one() -> None:
    assert found(("SIRET 123 456 782 00010 - ", "")).siret.remark == "le SIRET ne se lit pas"


@pytest.mark.parametrize(("written", "count"), [("123 456 782 0001", 13), ("123 456 782 000 105", 15)])
def test_a_siret_with_a_digit_too_few_or_too_many_is_told(written: str, count: int) -> None:
    siret = found(("123 456 782 00010", written)).siret
    assert siret.state == "wrong"
    assert siret.short == f", {count} chiffres au lieu de 14"


def test_another_siret_than_the_profiles_is_told() -> None:
    siret = found(("123 456 782 00010", "123 456 782 00028")).siret
    assert siret.remark == "le SIRET lu, 123 456 782 00028, n'est pas celui du profil, 123 456 782 00010"
    assert siret.line == "⚠️ SIRET : 123 456 782 00028 ; au profil : 123 456 782 00010"


# -- VAT number


@pytest.mark.parametrize(
    "written",
    [
        "TVA FR11123456782",
        "TVAFR11123456782",
        "N° TVA intracommunautaire : FR 11123456782",
        "TVA intracom. FR11 123 456 782",
        "T.V.A. FR.11.123.456.782",
        "TVA FR Il l23 456 7B2",
        "TVA\nFR 11\n123 456 782",
        "TVA FR 11 123 456 7821",  # a bar behind it
    ],
)
def test_a_vat_number_is_read_in_any_usual_writing_and_misreading(written: str) -> None:
    vat = found(("TVA FR 11 123 456 782", written)).vat
    assert (vat.state, vat.read) == ("right", "FR 11 123 456 782")


def test_an_absent_vat_number_is_proposed_from_the_siret() -> None:
    vat = found((" - TVA FR 11 123 456 782", "")).vat
    assert vat.line == "⚠️ TVA : absente"
    assert vat.remark.endswith("ne se lit pas ; FR 11 123 456 782 irait avec le SIRET")


def test_a_wrong_key_of_a_vat_number_is_told_with_the_right_one() -> None:
    vat = found(("FR 11", "FR 12")).vat
    assert vat.line == "⚠️ TVA : FR 12 123 456 782, clé fausse"
    assert vat.remark.endswith("; FR 11 123 456 782 irait avec le SIRET")


@pytest.mark.parametrize("profile", [PROFILE, UNKNOWN], ids=["known", "unknown"])
def test_the_vat_number_of_another_company_than_the_siret_is_told(profile: Profile) -> None:
    vat = found(("FR 11 123 456 782", "FR 27 123 489 056"), profile=profile).vat
    assert vat.line == "⚠️ TVA : FR 27 123 489 056, ne va pas avec le SIRET"
    assert vat.remark == (
        "le numéro de TVA lu, FR 27 123 489 056, n'est pas de la même société que le SIRET"
        " ; FR 11 123 456 782 irait avec le SIRET"
    )


def test_another_vat_number_than_the_profiles_is_told() -> None:
    changed = (("FR 11 123 456 782", "FR 27 123 489 056"), ("123 456 782 00010", "123 489 056 00010"))
    assert found(*changed).vat.remark == (
        "le numéro de TVA lu, FR 27 123 489 056, n'est pas celui du profil, FR 11 123 456 782"
    )


def test_a_vat_number_without_its_country_is_doubtful() -> None:
    vat = found(("TVA FR 11 123 456 782", "N° TVA : 11 123 456 782")).vat
    assert vat.line == "❓ TVA : FR 11 123 456 782, « FR » à vérifier à l'œil"
    assert vat.remark == "« FR » ne se lit pas devant le numéro de TVA, 11 123 456 782"


def test_a_vat_number_with_a_digit_too_few_is_told() -> None:
    assert found(("FR 11 123 456 782", "FR 11 123 456 78")).vat.state == "wrong"


# -- Phone


@pytest.mark.parametrize(
    "written",
    [
        "0639980000",
        "06.39.98.00.00",
        "06-39-98-00-00",
        "0639 98 0000",
        "0 639 980 000",
        "+33 6 39 98 00 00",
        "+33 (0)6 39 98 00 00",
        "(+33) 6 39 98 00 00",
        "0033 6 39 98 00 00",
        "O6 39 98 OO OO",
        "06 39 98\n00 00",
    ],
)
@pytest.mark.parametrize("profile", [PROFILE, UNKNOWN], ids=["known", "unknown"])
def test_a_phone_number_is_read_in_any_usual_writing_and_misreading(written: str, profile: Profile) -> None:
    phone = found(("06 39 98 00 00", written), profile=profile).phone
    assert (phone.state, phone.read) == ("right", "06 39 98 00 00")


def test_a_phone_without_its_cost_is_named() -> None:
    phone = found((" (0,15 €/min)", "")).phone
    assert phone.line == "⚠️ téléphone : 06 39 98 00 00, sans coût par minute"
    assert phone.remark == "le téléphone 06 39 98 00 00 est là, mais pas son coût par minute"
    assert not found((" (0,15 €/min)", "")).complete


def test_another_phone_than_the_profiles_is_told() -> None:
    phone = found(("06 39 98 00 00", "06 39 98 00 01")).phone
    assert phone.remark == "le téléphone lu, 06 39 98 00 01, n'est pas celui du profil, 06 39 98 00 00"
    assert phone.line == "⚠️ téléphone : 06 39 98 00 01 (0,15 €/min) ; au profil : 06 39 98 00 00"


def test_the_profiles_phone_is_found_among_others() -> None:
    line = ("Service client : 06 39 98 00 00", "Service client : 06 39 98 00 05 ou 06 39 98 00 00")
    assert found(line).phone.read == "06 39 98 00 00"


def test_of_several_numbers_that_of_the_customer_service_counts() -> None:
    line = ("Service client :", "Fax 06 39 98 00 01 - Siège 06 39 98 00 02 - Service client :")
    assert found(line, profile=UNKNOWN).phone.read == "06 39 98 00 00"


def test_a_fax_comes_after_a_number_without_a_label() -> None:
    line = ("Service client : 06 39 98 00 00", "Fax : 06 39 98 00 01 - 06 39 98 00 00")
    assert found(line, profile=UNKNOWN).phone.read == "06 39 98 00 00"


def test_a_short_number_counts_where_it_is_called() -> None:
    assert found(("06 39 98 00 00", "31 79"), profile=UNKNOWN).phone.read == "31 79"


@pytest.mark.parametrize("odd", ["capital de 1000 €", "depuis 1998", "SIRET 123 456 782 00010"])
def test_four_digits_elsewhere_are_no_short_number(odd: str) -> None:
    assert judge([odd], UNKNOWN).phone.state == "absent"


# -- Its cost

COSTS = [
    ("0,15 €/min", "0,15 €/min"),
    ("0,15€/min", "0,15 €/min"),
    ("0.15€ TTC/min", "0,15 €/min"),
    ("0,15 EUR/mn", "0,15 €/min"),
    ("0,15 euro par minute", "0,15 €/min"),
    ("0,15 € la minute", "0,15 €/min"),
    ("0,15 € TTC par min.", "0,15 €/min"),
    ("0, 15 € / min", "0,15 €/min"),
    ("0,1 5 EUR/mn", "0,15 €/min"),
    ("O,15 €/min", "0,15 €/min"),
    ("0,15 €lmin", "0,15 €/min"),
    ("0,15 € Ia minute", "0,15 €/min"),
    ("0,15 €½min", "0,15 €/min"),
    ("0,15/min", "0,15 €/min"),
    ("0,15 E/rnin", "0,15 €/min"),
    ("0,5 €/min", "0,50 €/min"),
    ("0,045 €/min", "0,045 €/min"),
    ("2,99 €/min", "2,99 €/min"),
    ("1 €/min", "1,00 €/min"),
    ("15 cts/min", "0,15 €/min"),
    ("15 centimes la minute", "0,15 €/min"),
    ("15c€/min", "0,15 €/min"),
    ("4,5 cts/min", "0,045 €/min"),
    ("0,15 €/min + prix appel", "0,15 €/min + prix appel"),
    ("0,15 €/min+prix d'un appel", "0,15 €/min + prix appel"),
    ("appel non surtaxé", "appel non surtaxé"),
    ("Appelnonsurtaxé", "appel non surtaxé"),
    ("NUMÉRO NON SURTAXÉ", "appel non surtaxé"),
    ("prix d'un appel local", "prix d'un appel local"),
    ("coût d'une communication locale", "prix d'un appel local"),
    ("tarif local", "prix d'un appel local"),
    ("prix d'un appel", "prix d'un appel"),
    ("appel gratuit", "appel gratuit"),
    ("numéro gratuit", "appel gratuit"),
    ("gratuit", "appel gratuit"),
    ("Numéro vert", "appel gratuit"),
    ("service gratuit + prix appel", "service gratuit + prix appel"),
    ("service gratuit + prix d'un appel", "service gratuit + prix appel"),
    ("service et appel gratuits", "service et appel gratuits"),
]


@pytest.mark.parametrize(("written", "cost"), COSTS)
def test_a_cost_is_read_in_any_usual_writing_and_misreading(written: str, cost: str) -> None:
    mentions = found(("0,15 €/min", written), profile=replace(PROFILE, phone_cost=cost))
    assert mentions.cost == cost
    assert mentions.phone.line == f"✅ téléphone : 06 39 98 00 00 ({cost})"


def test_gratuit_counts_behind_the_number_without_brackets() -> None:
    assert found((" (0,15 €/min)", ", gratuit"), profile=UNKNOWN).cost == "appel gratuit"


@pytest.mark.parametrize(
    "odd", ["devis gratuits", "au capital de 10 000 €", "forfaits dès 9,99 €", "0,15 €", "prix bas"]
)
def test_what_is_no_cost_of_a_call_is_not_taken_for_one(odd: str) -> None:
    mentions = found((" (0,15 €/min)", f" - {odd}"))
    assert mentions.cost == ""
    assert mentions.phone.state == "wrong"


def test_a_cost_by_the_call_is_not_one_by_the_minute() -> None:
    phone = found(("0,15 €/min", "0,50 € / appel")).phone
    assert phone.line == "⚠️ téléphone : 06 39 98 00 00, 0,50 € par appel, rien par minute"
    assert phone.remark == "le téléphone 06 39 98 00 00 est là, à 0,50 € par appel, mais pas son coût par minute"


def test_another_cost_than_the_profiles_is_told() -> None:
    phone = found(("0,15 €/min", "0,80 €/min")).phone
    assert phone.remark == "le coût de l'appel lu, 0,80 €/min, n'est pas celui du profil, 0,15 €/min"


@pytest.mark.parametrize("cost", sorted({cost for _, cost in COSTS} - {"0,15 €/min", "service gratuit + prix appel"}))
def test_what_is_read_of_a_cost_is_what_the_profile_takes(cost: str) -> None:
    field = field_named("cout")
    assert field
    try:
        assert field.check(cost, UNKNOWN) == cost
    except ProfileError as error:
        pytest.fail(str(error))


# -- Email


@pytest.mark.parametrize(
    "written",
    [
        "Clients@Exemple.fr",
        "clients @exemple.fr",
        "clients @ exemple.fr",
        "clients@exemple. fr",
        "clients@exemple .fr",
        "clients@exemple,fr",
        "clients@exemple fr",
        "clients©exemple.fr",
        "c1ients@exemple.fr",
        "clientsOexemple.fr",
        "E-mail : clients@exemple.fr - www.exemple.fr",
        "contact@exemple.fr ou clients@exemple.fr",
    ],
)
def test_the_profiles_address_is_found_however_it_is_misread(written: str) -> None:
    email = found(("clients@exemple.fr", written)).email
    assert (email.state, email.read) == ("right", "clients@exemple.fr")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("clients @ exemple . fr", "clients@exemple.fr"),
        ("clients@exemple,fr", "clients@exemple.fr"),
        ("clients@exemple fr", "clients@exemple.fr"),
        ("clients@exemple.fr, www.exemple.fr", "clients@exemple.fr"),
        ("clients@exemple.fr.", "clients@exemple.fr"),
        ("Courriel:clients@exemple.fr", "clients@exemple.fr"),
        ("Courrielclients@exemple.fr", "clients@exemple.fr"),
        ("service . client@exemple.fr", "service.client@exemple.fr"),
        ("service,client@exemple.fr", "service.client@exemple.fr"),
        ("mail. clients@exemple.fr", "clients@exemple.fr"),
        ("aide@lignesetcie. example.com", "aide@lignesetcie.example.com"),
        ("clients-pro_1@exemple-mobile.fr", "clients-pro_1@exemple-mobile.fr"),
        ("dpo@exemple.fr - clients@exemple.fr", "clients@exemple.fr"),
    ],
)
def test_spaces_and_commas_in_an_address_are_repaired(written: str, read: str) -> None:
    email = found(("clients@exemple.fr", written), profile=UNKNOWN).email
    assert (email.state, email.read) == ("doubtful", read)


def test_an_address_that_differs_by_a_sign_is_to_be_compared() -> None:
    email = found(("clients@", "client@")).email
    assert email.line == "❓ courriel : client@exemple.fr ; au profil : clients@exemple.fr"


def test_an_address_that_only_ends_like_the_profiles_is_another() -> None:
    email = found(("clients@", "nosclients@")).email
    assert email.line == "⚠️ courriel : nosclients@exemple.fr ; au profil : clients@exemple.fr"


def test_a_site_is_no_address() -> None:
    assert found(("clients@exemple.fr", "www.exemple.fr")).email.line == "⚠️ courriel : absent"


def test_half_an_address_is_to_be_confirmed() -> None:
    email = found(("clients@exemple.fr", "clients@exemple")).email
    assert email.line == "❓ courriel : clients@exemple, à confirmer à l'œil ; au profil : clients@exemple.fr"


# -- Address


@pytest.mark.parametrize(
    "written",
    [
        "12 RUE DE L'EXEMPLE, 00000 VILLE-FICTIVE",
        "12rue del'Exemple,00000Ville-Fictive",
        "12 rue de 1'Exemple 000 00 Ville Fictive",
        "12, rue de l’Exemple - 00000 Ville-Fictive",
        "12 rue de l'Exemple\nSIREN\n00000 Ville-Fictive",
        "12 rue de l'Exemple, OOOOO Ville-Fictive",
    ],
)
def test_the_profiles_address_is_found_whatever_its_case_spaces_and_lines(written: str) -> None:
    address = found(("12 rue de l'Exemple, 00000 Ville-Fictive", written)).address
    assert (address.state, address.read) == ("right", "12 rue de l'Exemple, 00000 Ville-Fictive")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("8 bis avenue des Modèles, 00420 Bourg-Imaginaire", "8 bis avenue des Modèles, 00420 Bourg-Imaginaire"),
        ("X SARL, 27impasse du Brouillon 00890 Mont-Factice", "27 impasse du Brouillon, 00890 Mont-Factice"),
        ("1 cheminde l'Essai,001 60 Épreuve-les-Bains", "1 cheminde l'Essai, 00160 Épreuve-les-Bains"),
        ("place du Conte\nService client\n00310 Saint-Modèle", "place du Conte, 00310 Saint-Modèle"),
        ("ZA du Modèle - 00310 Fable CEDEX 09 - Tél.", "ZA du Modèle, 00310 Fable CEDEX 09"),
        ("3 quai de l'Essai - 00310 Fable-SIRET 123 456 782 00010", "3 quai de l'Essai, 00310 Fable"),
        ("capital de 10000 EUR - 3 rue d'Essai - 00310 fable", "3 rue d'Essai, 00310 fable"),
    ],
)
def test_without_a_profile_an_address_is_street_postal_code_and_town(text: str, read: str) -> None:
    address = judge(text.split("\n"), UNKNOWN).address
    assert (address.state, address.read) == ("right", read)


def test_a_town_without_a_street_is_doubtful() -> None:
    address = judge(["Télécom Exemple - 00000 Ville-Fictive"], UNKNOWN).address
    assert address.line == "❓ adresse : 00000 Ville-Fictive, rue à vérifier à l'œil"


@pytest.mark.parametrize(
    "odd", ["au capital de 10000 euros", "10 000 € de capital", "10000 cartes vendues", "TVA FR 11 123 456 782 Paris"]
)
def test_an_amount_is_no_postal_code(odd: str) -> None:
    assert judge([odd], UNKNOWN).address.state == "absent"


def test_a_misread_address_is_to_be_compared() -> None:
    address = found(("Ville-Fictive", "Vile-Fictve")).address
    assert address.line == (
        "❓ adresse : 12 rue de l'Exemple, 00000 Vile-Fictve ; au profil : 12 rue de l'Exemple, 00000 Ville-Fictive"
    )


def test_another_number_in_the_street_is_not_the_same_address() -> None:
    assert found(("12 rue", "17 rue")).address.state == "doubtful"


def test_another_address_than_the_profiles_is_told() -> None:
    address = found(("12 rue de l'Exemple, 00000 Ville-Fictive", "9 quai du Port, 00750 Ailleurs")).address
    assert (address.state, address.read) == ("wrong", "9 quai du Port, 00750 Ailleurs")
    assert address.remark.startswith("l'adresse lue, 9 quai du Port, 00750 Ailleurs, n'est pas celle du profil")


# -- Name


@pytest.mark.parametrize("written", ["TELECOM EXEMPLE SAS", "Télécom  Exemple", "TélécomExemple", "Té1écom Exemp1e"])
def test_the_profiles_name_is_found_whatever_its_case_accents_and_spaces(written: str) -> None:
    name = found(("Télécom Exemple", written)).name
    assert (name.state, name.read) == ("right", "Télécom Exemple")


def test_a_misread_name_is_to_be_compared() -> None:
    assert found(("Télécom Exemple", "Tlécom Exmple")).name.line == (
        "❓ nom : Tlécom Exmple ; au profil : Télécom Exemple"
    )


@pytest.mark.parametrize("before", ["@ ", "gratuit - @ ", "prix appel @"])
def test_a_sign_before_the_email_is_no_part_of_it(before: str) -> None:
    email = judge([f"{before}clients@exemple.fr"], Profile()).email
    assert email.read == "clients@exemple.fr"


def test_a_name_that_stands_in_the_email_alone_is_absent() -> None:
    name = found(("Télécom Exemple - ", ""), ("clients@exemple.fr", "clients@telecom-exemple.fr")).name
    assert name.line == "⚠️ nom : « Télécom Exemple » ne se lit pas"


def test_a_scrap_of_text_is_not_the_name_in_part() -> None:
    assert judge(["Exem"], PROFILE).name.state == "absent"


def test_a_short_name_is_not_found_within_a_word() -> None:
    assert found(profile=replace(PROFILE, operator_name="Tel")).name.state == "absent"
    assert found(("Télécom Exemple", "TEL")).name.state == "absent"
    assert found(("Télécom", "Tel"), profile=replace(PROFILE, operator_name="Tel")).name.state == "right"


@pytest.mark.parametrize(
    ("first", "read"),
    [
        ("Télécom Exemple, 12 rue de l'Exemple", "Télécom Exemple"),
        ("Kappa Réseaux SARL·1 chemin de l'Essai", "Kappa Réseaux SARL"),
        ("Mobilia Pro SAS 8 bis avenue des Modèles", "Mobilia Pro SAS"),
        ("Lignes & Cie au capital de 10 000 €", "Lignes & Cie"),
        ("Service client\nOcéane Mobiles", "Océane Mobiles"),
        ("SIRET 123 456 782 00010\nBORÉAL", "BORÉAL"),
    ],
)
def test_without_a_profile_the_name_is_the_first_words_that_are_nothing_else(first: str, read: str) -> None:
    assert judge(first.split("\n"), UNKNOWN).name.read == read


# -- Two readings of one picture


def test_of_two_readings_the_better_one_counts_for_each_mention() -> None:
    one = found(("06 39 98 00 00", "0 39 98 00 00"), ("clients@", "cliems@"))
    other = found(("00010", "00O1l"))
    assert not one.complete
    assert not other.complete
    both = one.or_better(other)
    assert both.certain
    assert both.cost == "0,15 €/min"


def test_the_first_of_two_equal_readings_counts() -> None:
    one, other = found(profile=UNKNOWN), found(("clients@", "cliems@"), profile=UNKNOWN)
    assert one.or_better(other).email.read == "clients@exemple.fr"


# -- Whatever comes

PIECES = st.sampled_from(
    [
        *("SIRET", "SIREN", "RCS", "TVA", "FR", "Tél.", "Service client", "fax", "@", "©", ".", ",", "-", "|", "\n"),
        *(
            "123",
            "456",
            "782",
            "00010",
            "11",
            "06",
            "39",
            "98",
            "+33",
            "(0)",
            "31 79",
            "O",
            "l",
            "I",
            "B",
            "S",
            "²",
            "٣",
        ),
        *("0,15", "€", "/min", "cts", "gratuit", "prix d'un appel", "€ / appel", "rue de l'", "12 bis", "00000"),
        *(
            "Ville-Fictive",
            "Télécom",
            "clients",
            "exemple",
            "fr",
            "www",
            "https://",
            "½",
            "œ",
            "ﬁ",
            "\u00a0",
            "：",
            "İ",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES).map(" ".join))
PROFILES = st.one_of(
    st.just(PROFILE),
    st.just(UNKNOWN),
    st.dictionaries(st.sampled_from(NAMES), TEXTS).map(lambda values: Profile(**values)),
)


@settings(deadline=None, max_examples=400)
@given(st.lists(TEXTS, max_size=8), PROFILES)
def test_no_text_makes_judging_fail(lines: list[str], profile: Profile) -> None:
    mentions = judge(lines, profile)
    assert len(mentions.lines()) == 6
    for mention in mentions.all:
        assert (mention.read == "") == (mention.state == "absent")
        assert (mention.remark == "") == (mention.state == "right")


def test_a_long_text_is_judged_all_the_same() -> None:
    for piece in ("a", "a.", "a@", "0 ", "12 rue ", "1.2,", "www."):
        assert len(judge([piece * 20_000], PROFILE).all) == 6


def test_six_mentions_and_a_cost_are_all_there_is() -> None:
    assert [field.name for field in fields(Mentions)] == ["name", "address", "siret", "vat", "phone", "email", "cost"]

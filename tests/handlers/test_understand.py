"""From a person's words to a command, and no further."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import store
from core.clients import client_id
from handlers import registry
from handlers.command import Context
from handlers.understand import understand, understand_file
from tests.handlers.conftest import ACCOUNTANT, TECHNICIAN


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("/status 0639980001", ("status", "0639980001")),
        ("status 0639980001", ("status", "0639980001")),
        ("STATUS 0639980001", ("status", "0639980001")),
        ("Statut 06 39 98 00 01", ("status", "06 39 98 00 01")),
        ("/status@origyne_demo_bot 0639980001", ("status", "0639980001")),
        ("/status@origyne_demo_bot", ("status", "")),
        ("  /conso   Dupont BTP  octobre ", ("conso", "Dupont BTP  octobre")),
        ("conso : Dupont", ("conso", "Dupont")),
        ("conso: Dupont", ("conso", "Dupont")),
        ("/conso\nDupont", ("conso", "Dupont")),
        ("Consommation Dupont", ("conso", "Dupont")),
        ("/help", ("aide", "")),
        ("?", ("aide", "")),
        ("/?", ("aide", "")),
        ("Aide", ("aide", "")),
    ],
)
def test_a_command_is_understood_with_or_without_slash(text: str, understood: tuple[str, str]) -> None:
    assert understand(text) == understood


@pytest.mark.parametrize("text", ["0639980001", "06 39 98 00 01", "+33 6 39 98 00 01", "06.39.98.00.01"])
def test_a_number_alone_asks_for_its_status(text: str) -> None:
    assert understand(text) == ("status", "0639980001")


def test_an_iccid_alone_asks_for_its_status() -> None:
    assert understand("8933 0199 0000 0000 017") == ("status", "8933 0199 0000 0000 017")


@pytest.mark.parametrize("text", ["01E4K7P2QEM3", "01E4K7P2QEM3 0639980001", "06 39 98 00 01 01E4K7P2QEM3"])
def test_a_rio_alone_or_with_a_number_is_checked(text: str) -> None:
    assert understand(text) == ("rio", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "Bonjour,",
        "Merci beaucoup pour votre réponse",
        "Le client Dupont demande où en est sa ligne",
        "Pouvez-vous me rappeler demain à 10 h ?",
        "Aide-moi, s'il te plaît",
        "Facture du 24/11/2026 : 1 234,56 €",
        "Le client a écrit : status 0639980001",
        "Je n'ai pas demandé de status 0639980001",
        "Camille Martin - 06 39 98 12 34",
        "Tél. : 06 39 98 12 34",
        "123 456",
        "75012 Paris",
        "/commande_inconnue 0639980001",
        "RETROUVAILLE",  # twelve letters with the form of a fixed line's RIO
        "Portabilités",
        "https://exemple.test/status/0639980001",
    ],
)
def test_what_is_no_command_is_not_understood(text: str) -> None:
    assert understand(text) is None


@pytest.mark.parametrize("text", ["01E4K7P2QEM4 0639980001", "01 E 4K7P2Q EM4 0639980001", "01PABCDEFGHI 0639980001"])
def test_a_wrong_rio_is_understood_as_a_right_one_is(text: str) -> None:
    assert understand(text) == ("rio", text)


@pytest.mark.parametrize("text", ["12 par exemple 0639980001", "il y a 12 erreurs par 0639980001"])
def test_words_before_a_number_are_no_rio(text: str) -> None:
    assert understand(text) is None


def test_a_whole_letter_is_no_rio() -> None:
    assert understand("Bonjour, " + "le client demande la portabilité. " * 20 + "01E4K7P2QEM3") is None


@given(st.text(max_size=300))
def test_any_text_is_understood_or_not_but_never_a_fault(text: str) -> None:
    understood = understand(text)
    assert understood is None or registry.named(understood[0])


@given(st.sampled_from(["status", "/rio", "conso", "/upload@x", "aide"]), st.text(max_size=100))
def test_any_argument_leaves_the_command_what_it_is(command: str, argument: str) -> None:
    understood = understand(f"{command} {argument}")
    assert understood
    assert understood[0] == command.strip("/").partition("@")[0]


@given(st.text(max_size=100))
def test_the_nearest_command_is_found_or_not_but_never_a_fault(text: str) -> None:
    close = registry.nearest(text, TECHNICIAN)
    assert close is None or registry.named(close.name)


@pytest.mark.parametrize(
    ("word", "command"),
    [("statsu", "status"), ("cosno", "conso"), ("uplaod", "upload"), ("historqiue", "historique"), ("bonjour", None)],
)
def test_a_mistyped_command_is_recognised(word: str, command: str | None) -> None:
    close = registry.nearest(word, TECHNICIAN)
    assert (close.name if close else None) == command


def test_no_command_is_proposed_to_who_may_not_use_it() -> None:
    close = registry.nearest("pukk", ACCOUNTANT)
    assert close is None or close.name != "puk"


@pytest.mark.parametrize(("text", "command"), [("facture Dupont", "factures"), ("client Dupont", "clients")])
def test_everyday_words_name_commands_where_one_speaks_to_the_robot(context: Context, text: str, command: str) -> None:
    assert understand(text, context.telecom) == (command, "Dupont")
    assert understand(text) is None


@pytest.mark.parametrize("text", ["Dupont BTP", "dupont", "DUPONT btp"])
def test_a_client_s_name_alone_asks_for_its_consumption(context: Context, text: str) -> None:
    assert understand(text, context.telecom) == ("conso", text)
    assert understand(text) is None


@pytest.mark.parametrize("text", ["Duont BTP", "bonjour", "merci", "ok", "Bonjour Dupont, comment allez-vous ?"])
def test_what_only_resembles_a_client_is_not_taken_for_it(context: Context, text: str) -> None:
    assert understand(text, context.telecom) is None


@pytest.mark.parametrize(
    ("name", "understood"),
    [("rio.xlsx", ("rio", "")), ("Liste.CSV", ("rio", "")), ("logo.png", None), ("facture.pdf", None)],
)
def test_a_spreadsheet_alone_is_a_list_of_rios(name: str, understood: tuple[str, str] | None) -> None:
    assert understand_file(name) == understood


@pytest.mark.parametrize(
    ("name", "words", "understood"),
    [
        ("image.png", "Bonjour, voici notre logo.", ("upload", "logo")),
        ("image.jpg", "le BANDEAU", ("upload", "bandeau")),
        ("image.png", "logo et bandeau", None),
        ("logo.png", "Cordialement", None),  # a signature's
        ("contrat.pdf", "notre logo", None),
    ],
)
def test_a_picture_in_a_mail_is_what_its_words_say(name: str, words: str, understood: tuple[str, str] | None) -> None:
    assert understand_file(name, words) == understood


@pytest.mark.parametrize(
    ("name", "words", "understood"),
    [
        ("Logo final.png", "", ("upload", "logo")),
        ("bandeau-v2.jpeg", "", ("upload", "bandeau")),
        ("bandeau.png", "en fait c'est le logo", ("upload", "logo")),
        ("IMG_0042.PNG", "", ("upload", "")),
    ],
)
def test_a_picture_sent_to_the_robot_alone_is_for_it(name: str, words: str, understood: tuple[str, str]) -> None:
    assert understand_file(name, words, alone=True) == understood


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("Dupont octobre", ("conso", "Dupont octobre")),
        ("0639980001 octobre 2026", ("conso", "0639980001 octobre 2026")),
        ("quel est le statut du 06 39 98 00 01 ?", ("status", "06 39 98 00 01")),
        ("donne-moi le puk du 0639980001 stp", ("puk", "0639980001")),
        ("il me faut l'historique de 8933019900000000012", ("historique", "8933019900000000012")),
        ("la conso du 0639980001 en octobre 2026", ("conso", "0639980001 2026-10")),
        ("status ou puk du 0639980001 ?", ("status", "ou puk du 0639980001 ?")),
        ("le statut ou le puk du 0639980001 ?", None),
        ("le statut du 0639980001 et du 0639980002", None),
        ("bonjour, le client rappelle à 10 h", None),
        ("rappelle-moi le 0639980001", None),
    ],
)
def test_a_sentence_with_one_command_and_one_number_is_understood(
    context: Context, text: str, understood: tuple[str, str] | None
) -> None:
    assert understand(text, context.telecom) == understood


@pytest.mark.parametrize("text", ["quel est le statut du 06 39 98 00 01 ?", "Dupont octobre"])
def test_in_a_mail_sentences_ask_nothing(text: str) -> None:
    assert understand(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "1:23:45 + 59 min",
        "2h15 x 3",
        "10 h / 4",
        "3 h 15 plus 1 h 45 mn",  # twelve signs of it have the form of a RIO
        "1:75 + 2:10",
        "0:01:23\n0:02:10\n0:00:45",
        "\n".join(["0:01:23"] * 40),
        "du 12/03/2026 au 05/11/2026",
        "12/03/2026 + 24 mois",
        "24 mois à partir du 12/03/2026",
        "combien de jours du 12/03/2026 au 05/11/2026 ?",
    ],
)
def test_a_calculation_alone_is_made(context: Context, text: str) -> None:
    assert understand(text, context.telecom) == ("duree", text)


@pytest.mark.parametrize("text", ["1:23:45 + 59 min", "du 12/03/2026 au 05/11/2026", "12/03/2026 + 24 mois"])
def test_in_a_mail_a_calculation_needs_its_command(text: str) -> None:
    assert understand(text) is None
    assert understand(f"duree {text}") == ("duree", text)


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("Dupont du 12/03/2026 au 05/11/2026", ("conso", "Dupont du 12/03/2026 au 05/11/2026")),
        ("0639980001 du 12/03/2026 au 05/11/2026", ("conso", "0639980001 du 12/03/2026 au 05/11/2026")),
        ("du 12/03/2026 au 05/11/2026 Dupont", ("conso", "du 12/03/2026 au 05/11/2026 Dupont")),
        ("conso Dupont du 12/03/2026 au 05/11/2026", ("conso", "Dupont du 12/03/2026 au 05/11/2026")),
        ("conso du 12/03/2026 au 05/11/2026", ("conso", "du 12/03/2026 au 05/11/2026")),
        ("la conso du 0639980001 du 12/03/2026 au 05/11/2026", ("conso", "0639980001 2026-03-12..2026-11-05")),
        ("06-39-98-00-01", ("status", "0639980001")),
        ("8933 0199 0000 0000 017", ("status", "8933 0199 0000 0000 017")),
        ("01PABC123SE+ 0639980048", ("rio", "01PABC123SE+ 0639980048")),
        ("octobre 2026", None),
        ("hier", None),
        ("10h-12h", None),
        ("10 h", None),
        ("Dupont\n0:01:23\n0:02:10", None),
        ("0639980001 + 1 h", None),
    ],
)
def test_what_was_no_calculation_keeps_its_meaning(
    context: Context, text: str, understood: tuple[str, str] | None
) -> None:
    assert understand(text, context.telecom) == understood


def test_a_client_whose_name_is_a_calculation_is_a_client(context: Context, tmp_path: Path) -> None:
    db = store.open_to_write(tmp_path)
    client_id(db, "24h / 7j")
    assert understand("24h / 7j", db) == ("conso", "24h / 7j")
    assert understand("24h / 7j", context.telecom) == ("duree", "24h / 7j")

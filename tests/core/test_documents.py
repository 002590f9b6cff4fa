"""Invoices and documents: listed by pages, whose they are, and found by their names."""

from pathlib import Path

import pytest

from core import copies, documents
from core.folders import stamp_of
from tests.core.test_intake import Telecom, status_at, status_file

OPERATOR = "Factures/Intégrateur/2026-{0}/Facture_Origyne_2026{0}_FO26{0}-001.pdf"
CLIENT = "Factures/Clients/2026-{}/Facture_2026{}_{}_FC26{}-{:03}.pdf"
CONTRACT = "Documents/Contrat intégrateur - SPÉCIMEN.pdf"


def of_client(month: int, name: str, number: int = 1) -> str:
    return CLIENT.format(month, month, name, month, number)


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    telecom = Telecom(tmp_path)
    telecom.take(
        status_at(8),
        status_file(
            "0639980001;;;Active;Dupont BTP;",
            "0639980002;;;Active;Dupont BTP Services;",
            "0639980003;;;Active;Café de l'Été;",
        ),
    )
    for month in (9, 10, 11):
        telecom.put(OPERATOR.format(f"{month:02}"), f"o{month}")
    for month in (10, 11):
        telecom.put(of_client(month, "Dupont BTP"), f"d{month}")
        telecom.put(of_client(month, "Dupont BTP Services", 2), f"s{month}")
    telecom.put(of_client(11, "CAFE de l'ete SARL", 3), "c11")
    telecom.read()
    return telecom


def found(telecom: Telecom, client: str, **others: int) -> set[str]:
    return {invoice.client for invoice in documents.invoices(telecom.db, None, client, **others)[0]}


# -- Invoices


def test_invoices_come_newest_month_first_the_operator_s_before_the_clients(telecom: Telecom) -> None:
    shown, total = documents.invoices(telecom.db)
    assert total == 8
    assert [(invoice.month, invoice.side, invoice.client) for invoice in shown] == [
        (202611, "operator", ""),
        (202611, "client", "CAFE de l'ete SARL"),
        (202611, "client", "Dupont BTP"),
        (202611, "client", "Dupont BTP Services"),
        (202610, "operator", ""),
        (202610, "client", "Dupont BTP"),
        (202610, "client", "Dupont BTP Services"),
        (202609, "operator", ""),
    ]
    assert shown[0].path == OPERATOR.format(11)


def test_a_page_of_invoices_says_how_many_there_are_in_all(telecom: Telecom) -> None:
    shown, total = documents.invoices(telecom.db, "operator", offset=1, limit=1)
    assert ([invoice.month for invoice in shown], total) == ([202610], 3)
    assert documents.invoices(telecom.db, "operator", offset=3) == ([], 3)


def test_the_invoices_of_a_month_and_of_one_side(telecom: Telecom) -> None:
    assert documents.invoices(telecom.db, None, month=202610)[1] == 3
    assert documents.invoices(telecom.db, "client", month=202610)[1] == 2
    assert documents.invoices(telecom.db, "client", month=202609) == ([], 0)


def test_an_invoice_that_no_month_dates_comes_last(telecom: Telecom) -> None:
    telecom.take("Factures/Intégrateur/avoir.pdf", "x")
    shown, _ = documents.invoices(telecom.db, "operator")
    assert [invoice.month for invoice in shown] == [202611, 202610, 202609, 0]


@pytest.mark.parametrize("words", ["Café de l'Été", "cafe ete", "CAFÉ", "cafedelete", "Cafe de lété SA", "Ete Café"])
def test_a_client_s_invoices_are_found_however_its_name_is_written(telecom: Telecom, words: str) -> None:
    assert found(telecom, words) == {"CAFE de l'ete SARL"}


@pytest.mark.parametrize("words", ["Martin", "x", "-", "operator"])
def test_a_client_that_no_invoice_names_has_none(telecom: Telecom, words: str) -> None:
    assert documents.invoices(telecom.db, None, words) == ([], 0)


def test_a_client_s_whole_name_does_not_mean_another_s_that_begins_with_it(telecom: Telecom) -> None:
    assert found(telecom, "dupont btp") == {"Dupont BTP"}
    assert found(telecom, "Dupont BTP Services") == {"Dupont BTP Services"}
    assert found(telecom, "dupont") == {"Dupont BTP", "Dupont BTP Services"}


def test_the_operator_s_invoices_are_no_client_s(telecom: Telecom) -> None:
    assert documents.invoices(telecom.db, "operator", "Dupont BTP") == ([], 0)
    assert documents.invoices(telecom.db, None, "Dupont BTP", 202610)[1] == 1


# -- Documents


def test_documents_come_newest_first_and_tables_are_none(telecom: Telecom) -> None:
    for path in (
        CONTRACT,
        "Tables tarifaires/Tarifs_20260101.csv",
        "notes/lisez-moi_20260601.txt",
        "Personnalisation/logo.png",
    ):
        telecom.take(path, path)
    shown, total = documents.documents(telecom.db)
    assert [document.path for document in shown] == [
        CONTRACT,
        "notes/lisez-moi_20260601.txt",
        "Tables tarifaires/Tarifs_20260101.csv",
    ]
    assert total == 3
    assert shown[1] == documents.Document(
        "notes/lisez-moi_20260601.txt", "other", stamp_of("notes/lisez-moi_20260601.txt") or 0
    )
    assert documents.documents(telecom.db, 1, 1) == (shown[1:2], 3)


@pytest.mark.parametrize(
    "name",
    [
        CONTRACT,
        CONTRACT.lower(),
        "documents/contrat integrateur - specimen.pdf",
        "Contrat intégrateur - SPÉCIMEN.pdf",
        "contrat INTEGRATEUR specimen.pdf",
        "contrat intégrateur spécimen",
    ],
)
def test_a_document_is_found_by_its_path_or_its_name(telecom: Telecom, name: str) -> None:
    telecom.take(CONTRACT, "le contrat")
    assert documents.path_named(telecom.db, name) == [CONTRACT]
    assert copies.content(telecom.data, CONTRACT) == b"le contrat"


def test_a_name_that_several_files_have_gives_all_newest_first(telecom: Telecom) -> None:
    for path in ("Documents/2025_20250101/Kbis.pdf", "Documents/b/Kbis_20260101.pdf", "Documents/a/kbis-20260101.pdf"):
        telecom.take(path, path)
    assert documents.path_named(telecom.db, "kbis 20260101") == [
        "Documents/a/kbis-20260101.pdf",
        "Documents/b/Kbis_20260101.pdf",
    ]
    assert documents.path_named(telecom.db, "Documents/b/Kbis_20260101.pdf") == ["Documents/b/Kbis_20260101.pdf"]


@pytest.mark.parametrize(
    "name", ["", " ", "..", status_at(8), "AccountStatus_20261124_080000.csv", "../telecom.db", "%"]
)
def test_tables_and_other_things_are_not_handed_over(telecom: Telecom, name: str) -> None:
    telecom.take("Cartes SIM/SIM_20261120_CMD0001.csv", "NSCE;PUK1\n8933019900000000012;00012345\n")
    telecom.take(CONTRACT, "le contrat")
    assert documents.path_named(telecom.db, name) == []
    assert documents.path_named(telecom.db, "Cartes SIM/SIM_20261120_CMD0001.csv") == []


def test_the_picture_in_place_is_the_newest_that_lies_right_in_its_folder(telecom: Telecom) -> None:
    for name in ("logo.jpg", "Anciens/logo.png", "logo.psd", "logo.20261120-101112.png", "bandeau.png"):
        telecom.take(f"Personnalisation/{name}", b"content")
    telecom.db.execute("UPDATE files SET fetched_clock = fetched_clock + id WHERE folder = 'personalisation'")
    placed = documents.picture(telecom.db, "logo")
    assert placed
    assert placed.path == "Personnalisation/logo.jpg"

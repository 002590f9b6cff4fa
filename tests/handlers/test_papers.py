"""/factures and /documents: what there is, and the very bytes that the operator sent."""

import pytest

from tests.handlers.conftest import ACCOUNTANT, Filled, Say


async def test_invoices_newest_first(say: Say, filled: Filled) -> None:
    answer = await say("factures")
    assert answer.title.startswith(f"{len(filled.operator.invoices)} facture")
    assert answer.table
    assert answer.table.rows[0][:2] == ("Origyne", "octobre 2026")


@pytest.mark.parametrize("name", ["dupont", "DUPONT BTP", "duont btp"])
async def test_invoices_of_a_client(say: Say, name: str) -> None:
    answer = await say(f"factures {name}")
    assert answer.title == "Dupont BTP : 1 facture"
    assert answer.table
    assert {row[0] for row in answer.table.rows} == {"Dupont BTP"}


async def test_a_button_brings_the_pdf_as_it_was_sent(say: Say, filled: Filled) -> None:
    answer = await say("factures origyne octobre")
    (file,) = (await say(answer.buttons[0].command)).files
    (path,) = (filled.operator.root / "Factures/Intégrateur/2026-10").iterdir()
    assert (file.name, file.content) == (path.name, path.read_bytes())


async def test_a_copy_is_said_to_be_one(say: Say) -> None:
    answer = await say("factures origyne octobre")
    assert "Copie pour consultation" in (await say(answer.buttons[0].command)).lines[0]


async def test_by_mail_the_invoices_of_a_month_come_along(say: Say, filled: Filled) -> None:
    answer = await say("factures octobre", door="mail")
    sent = [
        path
        for side in ("Clients", "Intégrateur")
        for path in (filled.operator.root / f"Factures/{side}/2026-10").iterdir()
    ]
    assert {file.name: file.content for file in answer.files} == {path.name: path.read_bytes() for path in sent}
    assert answer.buttons == ()
    assert answer.lines[0].startswith("Copie pour consultation")


async def test_by_mail_all_invoices_are_only_listed(say: Say) -> None:
    answer = await say("factures", door="mail")
    assert answer.files == ()
    assert answer.buttons


@pytest.mark.parametrize("said", ["path", "name", "client and month"])
async def test_what_names_an_invoice_in_a_mail_brings_that_file_alone(say: Say, filled: Filled, said: str) -> None:
    (path,) = (filled.operator.root / "Factures/Clients/2026-10").glob("*Dupont*")
    words = {
        "path": str(path.relative_to(filled.operator.root)),
        "name": path.name,
        "client and month": "Dupont octobre",
    }
    (file,) = (await say(f"factures {words[said]}", door="mail", person=ACCOUNTANT)).files
    assert (file.name, file.content) == (path.name, path.read_bytes())


async def test_a_file_that_comes_along_says_what_asks_for_it_alone(say: Say) -> None:
    for file in (await say("factures octobre", door="mail")).files:
        assert [(it.name, it.content) for it in (await say(file.command, door="mail")).files] == [
            (file.name, file.content)
        ]


async def test_a_month_without_invoice_says_so(say: Say) -> None:
    assert (await say("factures mars 2024")).title == "Aucune facture de mars 2024"


async def test_documents_are_listed_and_fetched(say: Say, filled: Filled) -> None:
    answer = await say("documents")
    for button in answer.buttons:
        (file,) = (await say(button.command)).files
        assert file.content == (filled.operator.root / button.command.removeprefix("documents ")).read_bytes()


async def test_a_document_is_found_by_a_word_of_its_name(say: Say) -> None:
    (file,) = (await say("documents kbis")).files
    assert file.name.startswith("Kbis")
    assert len((await say("documents spécimen")).buttons) == 2


@pytest.mark.parametrize(
    "name",
    [
        "../../desk.db",
        "../telecom.db",
        "/etc/passwd",
        "Cartes SIM/SIM_20260301_CMD0001.csv",
        "RatedCDRs/x.csv",
        "nul.pdf",
    ],
)
async def test_nothing_but_papers_is_handed_over(say: Say, name: str) -> None:
    for command in ("documents", "factures"):
        answer = await say(
            f"{command} {name}" if name.endswith(".pdf") or command == "documents" else "factures nul.pdf"
        )
        assert answer.refused
        assert answer.files == ()

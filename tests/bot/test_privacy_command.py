"""`origyne-bot privacy`, as who types it sees it."""

import csv
import io
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from bot import privacy_command
from bot.desk import audit, open_desk
from core import store
from tests.core.test_privacy import ACTIVE, CARD, GONE, Held
from tests.core.test_settings import GOOD
from tests.handlers.filled import KEY


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    for name, value in {**GOOD, "ORIGYNE_DATA": str(data), "ORIGYNE_SECRET_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Held.filled(data).db.close()
    return data


def said(*words: str) -> tuple[int, str]:
    parser = ArgumentParser()
    privacy_command.declare(parser)
    options: Namespace = parser.parse_args(words)
    out = io.StringIO()
    console = Console(file=out, highlight=False, soft_wrap=True, width=200)
    return privacy_command.run(options, console, console), out.getvalue()


def audited(data: Path) -> list[tuple[str, ...]]:
    with closing(open_desk(data)) as desk:
        return desk.execute("SELECT door, command, outcome, about, shown FROM audit ORDER BY id").fetchall()


def cdrs_of_the_line(data: Path) -> int:
    with closing(store.open_to_read(data)) as db:
        return int(db.execute("SELECT count(*) FROM cdrs WHERE line = ?", (int(GONE),)).fetchone()[0])


def test_the_data_of_a_line_are_put_into_a_folder(data: Path, tmp_path: Path) -> None:
    status, text = said("export", "06 39 98 00 01", "--to", "remis")
    assert status == 0
    assert "remis : 06 39 98 00 01" in text
    assert "communications.csv : 5 rangées" in text
    assert "confidentiels" in text
    assert {path.name for path in (tmp_path / "remis").iterdir()} >= {"LISEZ-MOI.txt", "donnees.json", "acces.csv"}
    assert audited(data) == [("terminal", "privacy export", "done", GONE, "données")]


def test_who_saw_it_is_in_there_without_his_name(data: Path, tmp_path: Path) -> None:
    with closing(open_desk(data)) as desk, desk.atomic():
        audit.record(desk, "technique", "chat", "puk", "answered", about=GONE, shown="PUK")
        audit.record(desk, "technique", "chat", "puk", "answered", about=CARD, shown="PUK")
        audit.record(desk, "technique", "chat", "puk", "answered", about=ACTIVE, shown="PUK")
    said("export", GONE, "--to", "remis")
    with (tmp_path / "remis" / "acces.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [row["au_sujet_de"] for row in rows] == [GONE, CARD]
    assert {(row["commande"], row["montre"]) for row in rows} == {("puk", "PUK")}
    assert all("technique" not in row.values() for row in rows)


def test_without_a_name_the_folder_is_named_after_the_client(data: Path, tmp_path: Path) -> None:
    assert said("export", "Dupont", "BTP")[0] == 0
    assert [path.name for path in tmp_path.glob("donnees_dupontbtp_*")]


def test_nobody_is_guessed(data: Path) -> None:
    status, text = said("erase", "Dupond", "--yes")
    assert status == 1
    assert "Noms proches : Dupont BTP" in text
    assert audited(data) == []


def test_the_plan_says_what_goes_and_what_stays_and_why_and_asks(data: Path) -> None:
    status, text = said("erase", GONE)
    assert status == 1  # nobody sits at this terminal
    assert "06 39 98 00 01, résiliée : à effacer" in text
    for words in (
        "son historique : 1 changement",
        "son RIO",
        "le lien avec 1 carte SIM, dont les codes PIN et PUK",
        "le contenu de 1 rangée mise de côté",
        "4 communications, celles des mois facturés, jusqu'au 31/10/2026",
        "1 communication pas encore facturée : la facturation en a besoin (CPCE, art. L34-2)",
        "dix ans (Code de commerce, art. L123-22)",
        "Ce qui est effacé ne revient pas",
        "Rien n'a été effacé.",
    ):
        assert words in text
    assert cdrs_of_the_line(data) == 5
    assert audited(data) == []


def test_once_confirmed_it_goes(data: Path) -> None:
    status, text = said("erase", GONE, "--yes")
    assert status == 0
    assert "Effacé : 1 ligne." in text
    assert cdrs_of_the_line(data) == 1
    assert audited(data) == [("terminal", "privacy erase", "done", GONE, "1 ligne, 4 CDR")]
    assert "Rien à effacer." in said("erase", GONE, "--yes")[1]


def test_of_a_line_in_service_nothing_goes_and_it_is_said_why(data: Path) -> None:
    status, text = said("erase", ACTIVE, "--yes")
    assert status == 1
    assert "06 39 98 00 02, active : contrat en cours, rien n'est effacé" in text
    assert "Le contrat d'une ligne en service a besoin" in text
    assert audited(data) == []


def test_of_a_client_only_the_lines_that_are_over_go(data: Path) -> None:
    status, text = said("erase", "Dupont", "--yes")
    assert status == 0
    assert "06 39 98 00 01, résiliée : à effacer" in text
    assert "06 39 98 00 02, active : contrat en cours, rien n'est effacé" in text
    assert audited(data) == [("terminal", "privacy erase", "done", "Dupont BTP", "1 ligne, 4 CDR")]


def test_it_waits_for_no_pass_that_does_not_end(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy_command, "_PATIENCE", 0.1)
    with FileLock(data / "sync.lock"):
        status, text = said("erase", GONE, "--yes")
    assert status == 1
    assert "Une passe est en cours" in text
    assert cdrs_of_the_line(data) == 5


def test_no_code_is_said_on_the_way(data: Path) -> None:
    for words in (("erase", GONE), ("erase", GONE, "--yes"), ("export", GONE, "--to", "remis")):
        text = said(*words)[1]
        for secret in ("01234567", "0639981234", "01E4K7P2QEM3"):
            assert secret not in text

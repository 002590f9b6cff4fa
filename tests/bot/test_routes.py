"""The table of routes: what a person writes, what it means, and what is said of a fault."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from bot.cli import main
from bot.desk.people import Contact
from bot.notices.routes import GROUPS, Route, Routes, RoutesError, in_force
from core.folders import PARIS
from core.holidays import MAINLAND
from handlers.ask import Person
from tests.core.test_settings import GOOD


def table(folder: Path, text: str) -> Routes:
    (folder / "routes.toml").write_text(text, "utf-8")
    return Routes.load(folder)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(RoutesError) as caught:
        table(folder, text)
    return [fault.removeprefix(f"{folder / 'routes.toml'}") for fault in caught.value.faults]


def told(routes: Routes, kind: str) -> list[str]:
    """Who is told by what and when."""
    words = {"mail": "courriel", "chat": "chat"}
    return [
        f"{route.reader} {words[route.channel]} {route.in_words()}".replace("\u00a0", " ") for route in routes.of(kind)
    ]


BOTH = ["technique courriel aussitôt", "technique chat aussitôt"]


# The card's rule


@pytest.mark.parametrize("kind", ["invoice.operator", "invoice.client", "billed.arrived"])
def test_invoices_and_accounting_go_to_the_accounting_address_alone(kind: str) -> None:
    assert told(Routes.load(), kind) == ["comptabilite courriel aussitôt"]


@pytest.mark.parametrize(
    "kind", ["rated.arrived", "line.activated", "line.new", "sims.arrived", "tariffs.arrived", "file.rejects"]
)
def test_technical_information_goes_to_the_technical_address_and_chat(kind: str) -> None:
    assert told(Routes.load(), kind) == BOTH


def test_accounting_hears_of_late_bills_and_of_no_other_delay() -> None:
    assert told(Routes.load(), "late.billed_cdrs") == [*BOTH, "comptabilite courriel aussitôt"]
    assert told(Routes.load(), "late.rated_cdrs") == BOTH


def test_the_staff_is_told_nothing_unless_somebody_says_so() -> None:
    kinds = [kind for group in GROUPS for detail in group.details for kind in detail.kinds]
    assert kinds
    assert not [route for kind in kinds for route in Routes.load().of(kind) if route.reader == "equipe"]


# A person's own table


def test_a_line_takes_the_place_of_the_same_one_and_leaves_the_others(tmp_path: Path) -> None:
    routes = table(tmp_path, '[lignes]\nequipe = "courriel à 18h"\n[communications]\ntechnique = "chat"\n')
    assert told(routes, "line.new") == [*BOTH, "equipe courriel chaque jour à 18 h"]
    assert told(routes, "rated.arrived") == ["technique chat aussitôt"]
    assert told(routes, "sims.arrived") == BOTH


def test_a_part_of_a_group_can_go_elsewhere(tmp_path: Path) -> None:
    routes = table(tmp_path, '[lignes]\nequipe = "courriel à 18h"\n[lignes.suspendue]\nequipe = "courriel"\n')
    assert told(routes, "line.suspended") == [*BOTH, "equipe courriel aussitôt"]
    assert told(routes, "line.resumed") == [*BOTH, "equipe courriel chaque jour à 18 h"]


def test_never_for_a_group_is_never_for_its_parts(tmp_path: Path) -> None:
    routes = table(tmp_path, '[retards]\ncomptabilite = "jamais"\n')
    assert told(routes, "late.billed_cdrs") == BOTH


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"courriel"', ["courriel aussitôt"]),
        ('"mail"', ["courriel aussitôt"]),
        ('"chat"', ["chat aussitôt"]),
        ('"Telegram, aussitôt"', ["chat aussitôt"]),
        ('"courriel à 18h"', ["courriel chaque jour à 18 h"]),
        ('"courriel chaque jour à 18h30"', ["courriel chaque jour à 18 h 30"]),
        ('"courriel tous les jours à 7h"', ["courriel chaque jour à 7 h"]),
        ('"courriel à 18h, jours ouvrés"', ["courriel à 18 h, jours ouvrés"]),
        ('"chat de 8h à 20h"', ["chat de 8 h à 20 h"]),
        ('"chat 8h-20h, jours ouvrables"', ["chat de 8 h à 20 h, jours ouvrables"]),
        ('"chat entre 8h et 20h en semaine"', ["chat de 8 h à 20 h, jours ouvrés"]),
        ('"courriel et chat"', ["courriel aussitôt", "chat aussitôt"]),
        ('"courriel à 18h et chat"', ["courriel chaque jour à 18 h", "chat aussitôt"]),
        ('["courriel à 18h", "chat"]', ["courriel chaque jour à 18 h", "chat aussitôt"]),
        ('"jamais"', []),
        ("[]", []),
    ],
)
def test_what_a_person_writes_is_understood(tmp_path: Path, written: str, meant: list[str]) -> None:
    routes = table(tmp_path, f"[lignes]\ntechnique = {written}\n")
    assert told(routes, "line.new") == [f"technique {words}" for words in meant]


@pytest.mark.parametrize("name", ["comptabilite", '"comptabilité"', "compta", '"Comptabilité"', '"COMPTA@Exemple.fr"'])
def test_people_are_named_in_several_ways(tmp_path: Path, name: str) -> None:
    (route,) = table(tmp_path, f'[sims]\ntechnique = "jamais"\n{name} = "chat"\n').of("sims.arrived")
    assert route.reader == ("compta@exemple.fr" if "@" in name else "comptabilite")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[lignes]\ncomptabilité = "chat"', 'ligne 2 : « comptabilité = "chat" » ne se lit pas. À gauche, écrire sans'),
        ("[lignes]\ntechnique = chat", 'À droite, mettre des guillemets : technique = "chat".'),
        ('[lignes]\na@b.fr = "chat"', 'a@b.fr = "chat" » ne se lit pas. Mettre l\'adresse entre guillemets'),
        ('[lines]\ntechnique = "chat"', "[lines] n'existe pas. Vouliez-vous dire lignes ?"),
        ('[lignes]\ntecnique = "chat"', "[lignes] : « tecnique » n'est personne. Vouliez-vous dire technique ?"),
        ('[lignes]\nequipe = "fax"', '[lignes] equipe : « fax » n\'est pas compris ; écrire "courriel", "chat"'),
        ('[lignes]\nequipe = "chat le soir"', "« le soir » n'est pas compris dans « chat le soir »"),
        ('[lignes]\nequipe = "chat à 18h, de 8h à 20h"', "dit une heure et des heures"),
        ('[lignes]\nequipe = ["chat", "chat à 8h"]', "le même canal deux fois"),
        ("[lignes]\nequipe = 18", "[lignes] equipe : écrire"),
        ('[lignes.suspndue]\nequipe = "chat"', "[lignes.suspndue] n'existe pas. Vouliez-vous dire suspendue ?"),
        ('lignes = "chat"', "« lignes » est à mettre entre crochets"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    (fault,) = faults(tmp_path, text)
    assert said in fault


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, '[x]\n[lignes]\ny = "chat"\nequipe = "z"\n')) == 3


def test_with_a_fault_the_packaged_table_holds(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text('[lignes]\ntechnique = "jamais"\nequipe = "fax"\n', "utf-8")
    routes, fault = in_force(tmp_path)
    assert told(routes, "line.new") == BOTH
    assert "« fax »" in fault
    assert in_force(tmp_path / "nowhere")[1] == ""


def test_what_reaches_a_chat_is_what_the_table_sends_there(tmp_path: Path) -> None:
    routes = table(tmp_path, '[lignes.suspendue]\nequipe = "chat"\n[factures]\n"e@exemple.fr" = "chat"\n')
    somebody = Contact(Person("equipe:e", "E", frozenset({"équipe"})), "E@exemple.fr")
    assert routes.topics_of(somebody) == {"lines", "invoices"}


# When


def paris(words: str) -> int:
    return int(datetime.fromisoformat(words).replace(tzinfo=PARIS).timestamp())


@pytest.mark.parametrize(
    ("route", "now", "expected"),
    [
        (Route("x", "mail"), "2026-11-24 03:00", "2026-11-24 03:00"),
        (Route("x", "mail", at=18 * 60), "2026-11-24 17:59", "2026-11-24 18:00"),
        (Route("x", "mail", at=18 * 60), "2026-11-24 18:01", "2026-11-25 18:00"),
        (Route("x", "mail", at=18 * 60, days="ouvrés"), "2026-11-27 19:00", "2026-11-30 18:00"),
        (Route("x", "chat", hours=(480, 1200)), "2026-11-24 07:30", "2026-11-24 08:00"),
        (Route("x", "chat", hours=(480, 1200)), "2026-11-24 12:30", "2026-11-24 12:30"),
        (Route("x", "chat", hours=(480, 1200)), "2026-11-24 20:00", "2026-11-25 08:00"),
        (Route("x", "chat", hours=(1200, 480)), "2026-11-24 12:00", "2026-11-24 20:00"),
        (Route("x", "chat", hours=(1200, 480)), "2026-11-24 02:00", "2026-11-24 02:00"),
        (Route("x", "chat", days="ouvrables"), "2026-11-29 12:00", "2026-11-30 00:00"),
        # A holiday, on a Wednesday; and the night in which the clocks change.
        (Route("x", "chat", hours=(480, 1200), days="ouvrés"), "2026-11-10 21:00", "2026-11-12 08:00"),
        (Route("x", "mail", at=18 * 60), "2026-10-24 19:00", "2026-10-25 18:00"),
    ],
)
def test_news_goes_out_at_once_or_at_the_next_time_that_it_may(route: Route, now: str, expected: str) -> None:
    assert route.due(paris(now), MAINLAND) == paris(expected)


def test_the_holidays_are_those_of_the_region() -> None:
    route = Route("x", "chat", days="ouvrés")
    good_friday = paris("2026-04-03 12:00")
    assert route.due(good_friday, MAINLAND) == good_friday
    assert route.due(good_friday, "Alsace-Moselle") == paris("2026-04-07 00:00")  # Easter Monday is one everywhere


# The command


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("ORIGYNE_")]:
        monkeypatch.delenv(name)
    for name, value in {**GOOD, "ORIGYNE_STAFF_EMAILS": "equipe@exemple.fr"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ORIGYNE_DATA", str(tmp_path / "d"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    return tmp_path / "d"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["routes", *arguments])
    return int(ended.value.code or 0)


def test_the_command_says_the_table_in_words(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "routes.toml").write_text('[lignes]\nequipe = "courriel à 18h"\n"x@y.fr" = "chat"\n', "utf-8")
    assert run() == 0
    said = " ".join(capsys.readouterr().out.replace("\u00a0", " ").split())
    assert "factures comptabilité : courriel, aussitôt" in said
    assert (
        "changements de lignes * technique : courriel et chat, aussitôt équipe : courriel, chaque jour à 18 h" in said
    )
    assert "comptabilité : compta@exemple.fr (pas encore de chat)" in said
    assert "! x@y.fr n'est pas connue : rien n'y part." in said
    assert "* d'après" in said


def test_the_table_fits_80_columns(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = "une.adresse.plutot.longue@telecom-exemple.fr"
    (data / "routes.toml").write_text(f'[lignes]\n"{address}" = "courriel à 18h, jours ouvrés"\n', "utf-8")
    assert run() == 0
    rows = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert len(rows) > 10
    assert max(len(row.rstrip()) for row in rows) <= 80


def test_the_command_tells_each_fault(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "routes.toml").write_text('[lignes]\nequipe = "fax"\n[x]\n', "utf-8")
    assert run() == 2
    said = capsys.readouterr().err
    assert "« fax »" in said
    assert "[x] n'existe pas" in said


def test_the_packaged_table_is_its_own_example(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--example") == 0
    example = capsys.readouterr().out
    # What its comments show as an example is understood.
    shown = "\n".join(line.removeprefix("#   ") for line in example.splitlines() if line.startswith("#   "))
    shown = shown[shown.index("[lignes]\nequipe") :]
    assert told(table(data, shown), "line.suspended") == [*BOTH, "equipe courriel aussitôt"]


def test_the_packaged_table_names_every_part(tmp_path: Path) -> None:
    text = Path(__file__).parents[2].joinpath("bot/notices/routes.toml").read_text("utf-8")
    missing = [
        f"[{group.name}.{detail.name}]"
        for group in GROUPS
        for detail in group.details
        if detail.name and f"[{group.name}.{detail.name}]" not in text
    ]
    assert missing == []
    assert all(f"\n[{group.name}]\n" in text for group in GROUPS)

"""What is held about a line or a client is handed over whole; what may go of it goes, and does not come back."""

import csv
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from core import privacy, retention, store
from core.intake import Intake
from core.privacy import Erasure, PrivacyError, Subject, Terms
from core.rebuild import rebuild
from core.store import FILE_NAME
from tests.core.contents import contents
from tests.core.test_intake import Telecom
from tests.handlers.filled import NOW, settings

GONE, ACTIVE, OTHER = "0639980001", "0639980002", "0639980003"
CARD, CARD_2, CARD_3 = "8933010000000000017", "8933010000000000025", "8933010000000000033"
RIO = "01E4K7P2QEM3"
USAGE = ("usage_by_line", "usage_by_day", "usage_by_zone")
CDRS = "Ligne;Date;Type;Durée (s);Montant HT;Client;Hors forfait;Numéro appelé"
VOICE = "{};{} 10:00:00;Voix;60;0,10;Dupont BTP;Oui;0639981234"
LISTING = f"NSCE;Ligne;PIN;PUK\n{CARD};{GONE};0123;01234567\n{CARD_2};{ACTIVE};4567;89012345\n"
RATED, LATE = "RatedCDRs/R_20261105_1000.csv", "RatedCDRs/R_20261106_1000.csv"


def status(hour: int, gone: str = "Résiliée", card: str = CARD) -> tuple[str, str]:
    rows = [
        f"{GONE};{card};{gone};Dupont BTP;Pro;{RIO}",
        f"{ACTIVE};{CARD_2};Active;Dupont BTP;Pro;",
        f"{OTHER};{CARD_3};Active;Garage Sud;Pro;",
    ]
    path = f"AccountStatus/AccountStatus_20261110_{hour:02}0000.csv"
    return path, "\n".join(["Ligne;NSCE;Statut;Client;Forfait;RIO", *rows, ""])


def cdrs(*rows: str) -> str:
    return "\n".join([CDRS, *rows, ""])


class Held(Telecom):
    """A store with a key, in which one line of Dupont BTP is terminated; October is billed, November is not."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.intake = Intake(self.db, data, vault=settings(data).vault)
        self._seen = 0

    @classmethod
    def filled(cls, data: Path) -> "Held":
        telecom = cls(data)
        telecom.put("Cartes SIM/cartes_20261001.csv", LISTING)
        telecom.put(*status(8, gone="Active"))
        telecom.put(*status(9))
        rows = [VOICE.format(line, day) for line in (GONE, ACTIVE) for day in ("05/10/2026", "06/10/2026")]
        telecom.put("BilledCDRs/BilledCDRs_202610.csv", cdrs(*rows))
        telecom.put("RatedCDRs/R_20261006_1000.csv", cdrs(*rows))
        november = [VOICE.format(line, "05/11/2026") for line in (GONE, ACTIVE)]
        telecom.put(RATED, cdrs(*november, f"+33 6 39 98 00 01;hier;Voix;60;0,10;Dupont BTP;Oui;{OTHER}"))
        telecom.put("Factures/Clients/2026-10/Dupont BTP.pdf", b"%PDF")
        telecom.put("Factures/Clients/2026-10/Garage Sud.pdf", b"%PDF")
        telecom.read()
        return telecom

    def plan(self, words: str = GONE) -> Erasure:
        return privacy.plan_erasure(self.db, privacy.subject(self.db, words), settings(self.data).vault)

    def erase(self, words: str = GONE) -> None:
        privacy.erase(self.db, self.data, self.plan(words), NOW)


@pytest.fixture
def telecom(tmp_path: Path) -> Held:
    return Held.filled(tmp_path)


# -- Who is meant


def test_a_number_in_any_writing_or_a_piece_of_a_client_s_name_say_who_is_meant(telecom: Held) -> None:
    assert privacy.subject(telecom.db, "+33 6 39 98 00 01") == Subject("06 39 98 00 01", (GONE,))
    client = privacy.subject(telecom.db, "dupont")
    assert (client.name, client.msisdns) == ("Dupont BTP", (GONE, ACTIVE))


@pytest.mark.parametrize("words", ["0639989999", "Dupond BTP", "personne", ""])
def test_nobody_is_guessed(telecom: Held, words: str) -> None:
    with pytest.raises(PrivacyError):
        privacy.subject(telecom.db, words)


# -- What is handed over


def exported(
    telecom: Held, words: str
) -> tuple[Path, dict[str, list[dict[str, str]]], dict[str, list[dict[str, Any]]]]:
    to = telecom.data / "out"
    who = privacy.subject(telecom.db, words)
    privacy.export(telecom.db, who, to, settings(telecom.data).vault, [], Terms(12, 12), NOW)
    sheets = {}
    for path in to.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            sheets[path.stem] = list(csv.DictReader(file, delimiter=";"))
    return to, sheets, json.loads((to / "donnees.json").read_text("utf-8"))


def test_all_that_is_held_about_a_line_is_handed_over(telecom: Held) -> None:
    _, sheets, _ = exported(telecom, GONE)
    assert {name: len(rows) for name, rows in sheets.items()} == {
        "lignes": 1,
        "historique": 1,
        "cartes": 1,
        "communications": 5,
        "totaux": 3,
        "factures": 1,
        "rangees_de_cote": 1,
        "fichiers": 5,
    }
    assert sheets["lignes"][0]["statut"] == "résiliée"
    assert sheets["lignes"][0]["rio_detenu"] == "oui"
    assert sheets["cartes"][0]["codes_detenus"] == "oui"
    assert sheets["communications"][0]["montant_ht_eur"] == "0,100000"
    assert sheets["communications"][0]["debut"] == "05/10/2026 10:00:00"
    assert sheets["factures"][0]["chemin"] == "Factures/Clients/2026-10/Dupont BTP.pdf"


def test_a_client_has_all_his_lines_and_nothing_of_others(telecom: Held) -> None:
    to, sheets, _ = exported(telecom, "Dupont")
    assert [row["numero"] for row in sheets["lignes"]] == [GONE, ACTIVE]
    assert len(sheets["communications"]) == 10
    assert all(OTHER.encode() not in path.read_bytes() for path in to.iterdir())
    assert all(b"Garage" not in path.read_bytes() for path in to.iterdir())


def test_a_client_has_nothing_of_what_his_line_was_at_another(telecom: Held) -> None:
    for hour, client, plan in ((11, "Dupont BTP", "Max"), (12, "Garage Sud", "Mini"), (13, "Garage Sud", "Pro")):
        path, content = status(hour)
        line = f"{ACTIVE};{CARD_2};Active;Dupont BTP;Pro;"
        assert line in content
        telecom.put(path, content.replace(line, f"{ACTIVE};{CARD_2};Active;{client};{plan};"))
    telecom.read()
    _, sheets, _ = exported(telecom, "Garage Sud")
    assert [(row["changement"], row["avant"], row["apres"]) for row in sheets["historique"]] == [
        ("client changé", "", "Garage Sud"),
        ("forfait changé", "", "Mini"),
        ("forfait changé", "Mini", "Pro"),
    ]
    assert "Dupont" not in json.dumps(sheets["historique"])


def test_no_code_and_no_whole_called_number_is_handed_over(telecom: Held) -> None:
    to, sheets, _ = exported(telecom, "Dupont")
    assert {row["appele"] for row in sheets["communications"]} == {"06 39 98 XX XX"}
    for path in to.iterdir():
        for secret in ('0123"', ";0123;", "01234567", "89012345", RIO, "0639981234"):
            assert secret not in path.read_text("utf-8"), (path.name, secret)


def test_the_json_holds_the_same(telecom: Held) -> None:
    _, sheets, data = exported(telecom, GONE)
    assert {name: len(rows) for name, rows in data.items()} == {name: len(rows) for name, rows in sheets.items()}
    assert data["communications"][0]["debut"] == "2026-10-05T10:00:00+02:00"
    assert data["communications"][0]["montant_ht_eur"] == "0.100000"


def test_each_file_says_what_it_is_where_it_comes_from_and_how_long_it_is_kept(telecom: Held) -> None:
    to, sheets, _ = exported(telecom, GONE)
    text = (to / "LISEZ-MOI.txt").read_text("utf-8")
    for name in sheets:
        assert f"{name}.csv (" in text
    assert text.count("Ce que c'est :") == text.count("D'où cela vient :") == text.count("Gardé :") == len(sheets)
    assert "L123-22" in text
    assert "L34-2" in text
    assert "06 39 98 00 01" in text


def test_the_files_are_their_owner_s_alone_and_replace_none(telecom: Held) -> None:
    to, _, _ = exported(telecom, GONE)
    assert to.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in to.iterdir())
    with pytest.raises(PrivacyError, match="existe déjà"):
        exported(telecom, GONE)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("+33 6 39 98 XX XX", "+33 6 39 98 XX XX"),
        ("-12,50", "-12,50"),
        ("Dupont BTP", "Dupont BTP"),
    ],
)
def test_no_cell_is_a_formula(cell: str, written: str) -> None:
    assert privacy.harmless(cell) == written


# -- What goes


def test_the_plan_counts_what_goes_of_a_terminated_line(telecom: Held) -> None:
    before = contents(telecom.data)
    (line,) = telecom.plan().lines
    assert (line.status, line.changes, line.events, line.cards, line.coded) == ("terminated", 1, 1, (CARD,), 1)
    assert (line.has_rio, len(line.rejects), line.rows, line.unbilled) == (True, 1, 4, 1)
    assert contents(telecom.data) == before


def test_of_a_line_in_service_nothing_goes(telecom: Held) -> None:
    plan = telecom.plan(ACTIVE)
    assert plan.lines == ()
    assert plan.in_service == ((ACTIVE, "active"),)
    before = contents(telecom.data)
    privacy.erase(telecom.db, telecom.data, plan, NOW)
    assert contents(telecom.data) == before


def test_what_is_not_needed_any_more_of_a_terminated_line_is_erased(telecom: Held) -> None:
    before = contents(telecom.data)
    telecom.erase()
    after = contents(telecom.data)
    assert telecom.rows("SELECT status, plan, iccid, imsi, rio FROM lines WHERE msisdn = ?", GONE) == [
        ("terminated", "Pro", "", "", "")
    ]
    assert telecom.rows("SELECT msisdn, pin, puk, puk_mark FROM sims WHERE iccid = ?", CARD) == [("", "", "", "")]
    assert telecom.one("SELECT count(*) FROM line_changes WHERE msisdn = ?", GONE) == 0
    assert telecom.one("SELECT count(*) FROM events WHERE data LIKE ?", f"%{GONE}%") == 0
    assert telecom.rows("SELECT content FROM rejects") == [("",)]
    assert telecom.one("SELECT count(*) FROM cdrs WHERE line = ?", int(GONE)) == 1  # of November, not billed yet
    for table in (*USAGE, "invoices"):
        assert after[table] == before[table]


def test_other_lines_are_left_as_they_were(telecom: Held) -> None:
    query = "SELECT * FROM {} WHERE msisdn != ? ORDER BY msisdn"
    lines, cards = (telecom.rows(query.format(table), GONE) for table in ("lines", "sims"))
    rows = telecom.rows("SELECT * FROM cdrs WHERE line != ?", int(GONE))
    telecom.erase("Dupont")
    assert telecom.rows(query.format("lines"), GONE) == lines
    assert [card for card in telecom.rows(query.format("sims"), GONE) if card[0] != CARD] == cards
    assert telecom.rows("SELECT * FROM cdrs WHERE line != ?", int(GONE)) == rows


def test_nothing_of_it_is_left_in_the_store_s_bytes(telecom: Held) -> None:
    needle = CARD.encode()
    telecom.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert needle in (telecom.data / FILE_NAME).read_bytes()
    telecom.erase()
    rest = (telecom.data / FILE_NAME).read_bytes()
    # The card is known to be erased, and to exist; that it was this line's is not.
    assert rest.count(needle) <= 3
    assert b"+33 6 39 98 00 01" not in rest
    assert (telecom.data / f"{FILE_NAME}-wal").stat().st_size == 0


def test_a_second_time_there_is_nothing_to_erase(telecom: Held) -> None:
    telecom.erase()
    assert telecom.plan().is_empty


def test_a_line_that_vanished_is_erased_too(telecom: Held) -> None:
    telecom.take(*status(10, gone="Active"))
    path, content = status(11)
    telecom.put(path, "\n".join(row for row in content.splitlines() if GONE not in row) + "\n")
    with telecom.db.atomic():
        telecom.db.execute("UPDATE files SET accepted = version")  # one line of three is a lot
    telecom.read()
    assert [line.status for line in telecom.plan().lines] == ["gone"]


def test_a_card_that_went_on_to_a_line_in_service_keeps_its_codes(telecom: Held) -> None:
    path, content = status(10)
    telecom.take(path, content.replace(CARD_2, CARD))
    assert telecom.plan().lines[0].cards == ()
    puk = telecom.one("SELECT puk FROM sims WHERE iccid = ?", CARD)
    telecom.erase()
    assert telecom.one("SELECT puk FROM sims WHERE iccid = ?", CARD) == puk


# -- What must not come back


def erased(db: Database) -> bool:
    (line,) = db.execute("SELECT iccid || imsi || rio || options FROM lines WHERE msisdn = ?", (GONE,)).fetchone()
    (changes,) = db.execute("SELECT count(*) FROM line_changes WHERE msisdn = ?", (GONE,)).fetchone()
    (card,) = db.execute("SELECT msisdn || pin || puk || puk_mark FROM sims WHERE iccid = ?", (CARD,)).fetchone()
    (rows,) = db.execute("SELECT count(*) FROM cdrs WHERE line = ? AND source = 1", (int(GONE),)).fetchone()
    (aside,) = db.execute("SELECT count(*) FROM rejects WHERE content LIKE '%39 98 00 01%'").fetchone()
    return not (line or changes or card or rows or aside)


def test_a_store_made_anew_has_nothing_of_what_was_erased_and_all_totals(telecom: Held) -> None:
    telecom.erase()
    before = contents(telecom.data, any_order=True)
    telecom.db.close()
    rebuild(settings(telecom.data))
    after = contents(telecom.data, any_order=True)
    with closing(store.open_to_read(telecom.data)) as db:
        assert erased(db)
    # What is sealed is never twice the same.
    for table in before.keys() - {"sims", "lines", "rejects"}:
        assert after[table] == before[table], table


def test_even_a_store_that_was_lost_has_nothing_of_it_when_made_from_the_copies(telecom: Held) -> None:
    telecom.erase()
    telecom.db.close()
    for path in telecom.data.glob(f"{FILE_NAME}*"):
        path.unlink()
    rebuild(settings(telecom.data))
    with closing(store.open_to_read(telecom.data)) as db:
        assert erased(db)
        assert db.execute("SELECT count(*) FROM lines").fetchone() == (3,)


def test_what_cannot_be_written_down_as_erased_is_not_erased(telecom: Held) -> None:
    (telecom.data / "erasures.json").mkdir()
    before = contents(telecom.data)
    with pytest.raises(IsADirectoryError):
        telecom.erase()
    assert contents(telecom.data) == before


def test_a_file_that_comes_again_brings_nothing_back(telecom: Held) -> None:
    telecom.erase()
    totals = {table: contents(telecom.data)[table] for table in USAGE}
    rows = [VOICE.format(line, day) for line in (GONE, ACTIVE) for day in ("05/10/2026", "06/10/2026")]
    telecom.take("BilledCDRs/copie_202610.csv", cdrs(*rows))
    telecom.take("Cartes SIM/cartes_20261112.csv", LISTING)
    telecom.take(*status(11))
    telecom.take(*status(7, gone="Active"))  # late, of an hour before all others
    assert erased(telecom.db)
    assert {table: contents(telecom.data)[table] for table in USAGE} == totals


@pytest.mark.parametrize("kept_rows", [0, 1])
def test_a_file_of_its_months_that_shrinks_changes_the_totals_by_what_it_lost(telecom: Held, kept_rows: int) -> None:
    telecom.erase()
    rows = [VOICE.format(ACTIVE, "05/10/2026")][:kept_rows]
    telecom.take("BilledCDRs/BilledCDRs_202610.csv", cdrs(*rows))
    by_line = "SELECT line, count FROM usage_by_line WHERE source = 1 ORDER BY line"
    assert telecom.rows(by_line) == [(int(GONE), 2), (int(ACTIVE), 1)][: 1 + kept_rows]
    for table in ("usage_by_day", "usage_by_zone"):
        assert telecom.one(f"SELECT sum(count) FROM {table} WHERE source = 1") == 2 + kept_rows


def test_a_line_that_is_in_service_again_has_its_new_life_alone(telecom: Held) -> None:
    telecom.erase()
    telecom.take(*status(12, gone="Active", card=CARD_3[:-2] + "41"))
    (line,) = telecom.rows("SELECT status, iccid FROM lines WHERE msisdn = ?", GONE)
    assert line == ("active", CARD_3[:-2] + "41")
    changes = [change for (change,) in telecom.rows("SELECT change FROM line_changes WHERE msisdn = ?", GONE)]
    assert "activated" in changes
    telecom.take(LATE, cdrs(VOICE.format(GONE, "06/11/2026")))
    assert telecom.one("SELECT count(*) FROM cdrs WHERE line = ?", int(GONE)) == 2
    telecom.db.close()
    rebuild(settings(telecom.data))
    with closing(store.open_to_read(telecom.data)) as db:
        assert db.execute("SELECT iccid FROM lines WHERE msisdn = ?", (GONE,)).fetchone() == (line[1],)
        found = db.execute("SELECT change FROM line_changes WHERE msisdn = ?", (GONE,)).fetchall()
        assert [change for (change,) in found] == changes


def test_what_was_erased_and_then_purged_is_still_in_the_totals_of_a_store_made_anew(telecom: Held) -> None:
    telecom.erase()
    retention.purge(telecom.db, telecom.data, NOW, 1)  # October goes
    before = contents(telecom.data, any_order=True)
    assert len([row for row in before["usage_by_line"] if row[1] == 202610]) > 0
    telecom.db.close()
    rebuild(settings(telecom.data))
    after = contents(telecom.data, any_order=True)
    for table in (*USAGE, "cdrs"):
        assert after[table] == before[table]

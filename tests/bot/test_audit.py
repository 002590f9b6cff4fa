"""The audit: found by words, proved to be whole, purged from its beginning; each way to tamper with it shows."""

import csv
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from bot import cli
from bot.desk import FILE_NAME, audit, chain, open_desk
from bot.desk.people import ACCOUNTING, TECHNICAL
from bot.desk.schema import migrations
from handlers import french
from tests.core.test_settings import GOOD

DAY = 86400
NOW = 1795507200  # 24/11/2026 at 9:00 in Paris

#: Everything that keeps the audit as it is; who can write the file can take it away.
GUARDS = (
    "audit_is_not_changed",
    "audit_is_not_deleted",
    "audit_is_not_replaced",
    "audit_anchor_only_advances",
    "audit_anchor_is_one",
    "audit_anchor_stays",
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = open_desk(tmp_path)
    db.execute(
        "INSERT INTO people (id, name, roles, email) VALUES (?, 'Camille Martin', '[]', 'c@client.test')", [TECHNICAL]
    )
    db.execute(
        "INSERT INTO people (id, name, roles, email) VALUES (?, 'Léa Durand', '[]', 'l@client.test')", [ACCOUNTING]
    )
    yield db
    db.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the audit takes for now; a test moves it."""
    now = [NOW]
    monkeypatch.setattr("bot.desk.audit.time.time", lambda: now[0])
    return now


@pytest.fixture
def eight(db: Database, clock: list[int]) -> Database:
    """Eight rows, a day apart, the last one now."""
    for number in range(1, 9):
        clock[0] = NOW - (8 - number) * DAY
        audit.record(db, TECHNICAL, "chat", "status", "answered", about=f"063998000{number}", shown="texte")
    return db


def tampered(db: Database, script: str) -> chain.Verdict:
    """The verdict after what somebody did who can write the file, and took the guards away."""
    db.executescript("".join(f"DROP TRIGGER {name};" for name in GUARDS) + script)
    return audit.verify(db)


# -- whole


def test_an_audit_as_it_was_written_is_whole(eight: Database) -> None:
    verdict = audit.verify(eight)
    assert verdict.is_whole
    assert (verdict.rows, verdict.broken, verdict.head) == (8, 0, audit.head(eight))
    assert (verdict.first_at, verdict.last_at) == (NOW - 7 * DAY, NOW)


def test_an_empty_audit_is_whole(db: Database) -> None:
    assert audit.verify(db).is_whole


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5))
def test_whatever_was_said_the_chain_holds(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, ...]]
) -> None:
    db = open_desk(tmp_path_factory.mktemp("desk"))
    for person, about, why in said:
        texts = [text.encode("utf-8", "replace").decode().replace("\0", "") for text in (person, about, why)]
        audit.record(db, texts[0], "chat", "status", "answered", about=texts[1], why=texts[2])
    assert audit.verify(db).is_whole
    db.close()


# -- tampered with


@pytest.mark.parametrize("column", ["at", "person", "door", "command", "outcome", "about", "shown", "why"])
def test_a_row_that_was_changed_is_named(eight: Database, column: str) -> None:
    value = 5 if column == "at" else "'x'"
    verdict = tampered(eight, f"UPDATE audit SET {column} = {value} WHERE id = 4")
    assert (verdict.is_whole, verdict.fault, verdict.broken) == (False, "changed", 4)


def test_a_changed_row_with_a_fresh_hash_breaks_the_one_after(eight: Database) -> None:
    row = list(eight.execute(f"SELECT {', '.join(chain.COVERED)} FROM audit WHERE id = 4").fetchone())
    (before,) = eight.execute("SELECT hash FROM audit WHERE id = 3").fetchone()
    row[2] = ACCOUNTING
    verdict = tampered(
        eight, f"UPDATE audit SET person = '{ACCOUNTING}', hash = '{chain.link(before, row)}' WHERE id = 4"
    )
    assert (verdict.fault, verdict.broken) == ("changed", 5)


def test_a_row_taken_from_the_middle_is_missed(eight: Database) -> None:
    verdict = tampered(eight, "DELETE FROM audit WHERE id = 4")
    assert (verdict.fault, verdict.broken) == ("missing", 5)


def test_a_row_taken_out_is_missed_though_the_others_were_numbered_anew(eight: Database) -> None:
    verdict = tampered(eight, "DELETE FROM audit WHERE id = 4; UPDATE audit SET id = id - 1 WHERE id > 4")
    assert (verdict.fault, verdict.broken) == ("changed", 4)


def test_a_row_put_in_between_shows(eight: Database) -> None:
    verdict = tampered(
        eight,
        "UPDATE audit SET id = -id WHERE id > 4; UPDATE audit SET id = 1 - id WHERE id < 0;"
        "INSERT INTO audit (id, at, person, door, command, outcome) VALUES (5, 1, 'x', 'chat', 'puk', 'denied')",
    )
    assert (verdict.fault, verdict.broken) == ("changed", 5)


def test_a_row_put_at_the_end_without_the_chain_shows(eight: Database) -> None:
    verdict = tampered(
        eight, "INSERT INTO audit (at, person, door, command, outcome) VALUES (1, 'x', 'chat', 'puk', 'denied')"
    )
    assert (verdict.fault, verdict.broken) == ("changed", 9)


def test_rows_that_changed_places_show(eight: Database) -> None:
    verdict = tampered(
        eight,
        "UPDATE audit SET id = 0 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 6;"
        "UPDATE audit SET id = 6 WHERE id = 0",
    )
    assert (verdict.fault, verdict.broken) == ("changed", 3)


def test_rows_taken_from_the_beginning_are_missed(eight: Database) -> None:
    verdict = tampered(eight, "DELETE FROM audit WHERE id <= 3")
    assert (verdict.fault, verdict.broken) == ("missing", 4)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("UPDATE audit_anchor SET id = 3", "missing"),
        ("UPDATE audit_anchor SET hash = 'x'", "changed"),
        ("UPDATE audit_anchor SET id = 3, hash = 'x'; DELETE FROM audit WHERE id <= 3", "changed"),
        ("DELETE FROM audit_anchor", "anchor"),
        ("INSERT INTO audit_anchor VALUES (3, 'x', 0)", "anchor"),
    ],
)
def test_an_anchor_that_was_moved_shows(eight: Database, script: str, fault: str) -> None:
    verdict = tampered(eight, script)
    assert (verdict.is_whole, verdict.fault) == (False, fault)


def test_rows_taken_from_the_end_show_by_a_head_noted_earlier(eight: Database) -> None:
    head = audit.head_in_words(eight)
    assert audit.verify(eight, head).noted == 8
    assert tampered(eight, "DELETE FROM audit WHERE id >= 7").is_whole
    verdict = audit.verify(eight, head)
    assert (verdict.is_whole, verdict.noted) == (False, 0)


def test_a_chain_made_anew_shows_by_a_head_noted_earlier(eight: Database) -> None:
    head = audit.head_in_words(eight)
    tampered(eight, "UPDATE audit SET person = 'x' WHERE id = 4")
    chain.chain_all(eight)
    assert audit.verify(eight).is_whole
    assert not audit.verify(eight, head).is_whole


def test_a_head_noted_earlier_stands_as_long_as_the_chain_grows(eight: Database) -> None:
    head = audit.head_in_words(eight)
    audit.record(eight, TECHNICAL, "chat", "aide", "answered")
    for noted in (head, head.upper(), head.partition(":")[2], head.partition(":")[2][: chain.SHORTEST_HEAD]):
        verdict = audit.verify(eight, noted)
        assert (verdict.is_whole, verdict.noted) == (True, 8)


def test_the_hash_of_one_row_is_not_taken_for_anothers(eight: Database) -> None:
    written = audit.head(eight)[1]
    assert audit.verify(eight, f"7:{written}").noted == 0


# -- append-only


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET person = 'x'",
        "UPDATE audit SET hash = 'x' WHERE id = 8",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 8",
        "INSERT OR REPLACE INTO audit (id, at, person, door, command, outcome) VALUES (4, 1, 'x', 'mail', '', '')",
        "UPDATE audit_anchor SET id = 9",
        "UPDATE audit_anchor SET id = 8, hash = 'x'",
        "UPDATE audit_anchor SET hash = 'x'",
        "DELETE FROM audit_anchor",
        "INSERT INTO audit_anchor VALUES (8, '', 0)",
    ],
)
def test_a_statement_that_goes_astray_cannot_touch_the_audit(eight: Database, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        eight.execute(statement)
    assert audit.verify(eight).is_whole
    assert audit.verify(eight).rows == 8


def test_what_was_purged_cannot_be_written_again(eight: Database) -> None:
    audit.purge(eight, NOW - 3 * DAY)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        eight.execute(
            "INSERT INTO audit (id, at, person, door, command, outcome) VALUES (2, 1, 'x', 'chat', '', 'answered')"
        )


# -- purged


def test_the_chain_goes_on_from_what_was_purged(eight: Database) -> None:
    assert audit.purge(eight, NOW - 3 * DAY) == 4
    verdict = audit.verify(eight)
    assert verdict.is_whole
    assert (verdict.rows, verdict.purged, verdict.first_at) == (4, (4, NOW - 4 * DAY), NOW - 3 * DAY)
    audit.record(eight, TECHNICAL, "chat", "aide", "answered")
    assert audit.verify(eight).is_whole


def test_a_row_that_is_changed_after_a_purge_is_named(eight: Database) -> None:
    audit.purge(eight, NOW - 3 * DAY)
    assert tampered(eight, "UPDATE audit SET why = 'x' WHERE id = 5").broken == 5


def test_an_audit_that_was_purged_whole_goes_on(eight: Database) -> None:
    assert audit.purge(eight, NOW + 1) == 8
    assert audit.verify(eight).is_whole
    audit.record(eight, TECHNICAL, "chat", "aide", "answered")
    verdict = audit.verify(eight)
    assert (verdict.is_whole, verdict.rows, verdict.head[0]) == (True, 1, 9)


def test_a_purge_that_finds_nothing_changes_nothing(eight: Database) -> None:
    head = audit.head(eight)
    assert audit.purge(eight, NOW - 30 * DAY) == 0
    assert (audit.head(eight), audit.verify(eight).purged) == (head, (0, 0))


def test_a_head_of_a_purged_row_proves_nothing_and_accuses_nobody(eight: Database) -> None:
    (written,) = eight.execute("SELECT hash FROM audit WHERE id = 2").fetchone()
    audit.purge(eight, NOW - 3 * DAY)
    verdict = audit.verify(eight, f"2:{written}")
    assert (verdict.is_whole, verdict.noted, verdict.noted_is_purged) == (True, None, True)


def test_the_head_of_the_last_purged_row_still_stands(eight: Database) -> None:
    (written,) = eight.execute("SELECT hash FROM audit WHERE id = 4").fetchone()
    audit.purge(eight, NOW - 3 * DAY)
    assert audit.verify(eight, f"4:{written}").noted == 4


def test_a_clock_that_went_back_lets_no_younger_row_be_purged(db: Database, clock: list[int]) -> None:
    for at in (NOW - 9 * DAY, NOW, NOW - 9 * DAY):
        clock[0] = at
        audit.record(db, TECHNICAL, "chat", "status", "answered")
    assert audit.purge(db, NOW - DAY) == 1
    assert (audit.verify(db).is_whole, audit.verify(db).rows) == (True, 2)


def test_a_purge_that_is_cut_short_leaves_all(eight: Database) -> None:
    eight.execute("CREATE TRIGGER cut BEFORE DELETE ON audit WHEN old.id = 3 BEGIN SELECT RAISE (ABORT, 'cut'); END")
    with pytest.raises(sqlite3.IntegrityError, match="cut"):
        audit.purge(eight, NOW - DAY)
    verdict = audit.verify(eight)
    assert (verdict.is_whole, verdict.rows, verdict.purged) == (True, 8, (0, 0))


def test_the_head_is_logged_at_each_purge(eight: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "bot.desk.audit"):
        audit.purge(eight, NOW - 3 * DAY)
    assert audit.head_in_words(eight) in caplog.text


# -- several processes, and older stores

_RECORDER = """
import sys
from pathlib import Path
from bot.desk import audit, open_desk
db = open_desk(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(40):
    with db.atomic():
        audit.record(db, sys.argv[2], "terminal", "status", "answered")
"""


def test_two_processes_that_record_at_once_make_one_chain(db: Database, tmp_path: Path) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _RECORDER, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        for name in ("one", "two")
    ]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for _ in range(20):
        audit.record(db, "three", "chat", "status", "answered")
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    verdict = audit.verify(db)
    assert (verdict.is_whole, verdict.rows) == (True, 100)
    counts = dict(db.execute("SELECT person, count(*) FROM audit GROUP BY person").fetchall())
    assert counts == {"one": 40, "two": 40, "three": 20}


def test_an_older_store_gets_its_chain(tmp_path: Path) -> None:
    db = Database(tmp_path / FILE_NAME)
    migrations.apply(db, stop_before="0006_rights")
    for number in (1, 2, 5):
        db.execute(
            "INSERT INTO audit (id, at, person, door, command, outcome) VALUES (?, ?, ?, 'chat', 'puk', 'answered')",
            [number, NOW + number, TECHNICAL],
        )
    db.close()
    db = open_desk(tmp_path)
    verdict = audit.verify(db)
    assert (verdict.is_whole, verdict.rows, verdict.first_at, verdict.last_at) == (True, 3, NOW + 1, NOW + 5)
    audit.record(db, TECHNICAL, "chat", "aide", "answered")
    assert audit.verify(db).is_whole
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("UPDATE audit SET person = 'x'")
    db.close()


# -- search


@pytest.fixture
def various(db: Database, clock: list[int]) -> Database:
    """A day's questions, then one of today's, by several people."""
    clock[0] = NOW - DAY
    audit.record(db, TECHNICAL, "chat", "puk", "answered", about="8933019900000000012", shown="Code PUK")
    audit.record(db, TECHNICAL, "chat", "status", "answered", about="0639980001", shown="tableau")
    audit.record(db, ACCOUNTING, "mail", "conso", "answered", about="Dupont BTP", shown="tableau, graphique")
    audit.record(db, ACCOUNTING, "chat", "puk", "denied", why="il faut le rôle technique")
    audit.record(db, "", "mail", "", "unverified")
    clock[0] = NOW
    audit.record(db, "chat 7001", "chat", "", "refused")
    audit.record(db, "terminal:100%_x", "terminal", "purge", "done")
    return db


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [7, 6, 5, 4, 3, 2, 1]),
        ("puk", [4, 1]),
        ("/puk", [4, 1]),
        ("camille", [2, 1]),
        ("Lea", [4, 3]),
        ("l@client.test", [4, 3]),
        ("06 39 98 00 01", [2]),
        ("+33639980001", [2]),
        ("0639980001 status", [2]),
        ("8933019900000000012", [1]),
        ("dupont", [3]),
        ("dupont btp graphique", [3]),
        ("refusé", [6, 5, 4]),
        ("REFUSE", [6, 5, 4]),
        ("droit", [4]),
        ("courriel", [5, 3]),
        ("terminal", [7]),
        ("rôle", [4]),
        ("camille refusé", []),
        ("hier", [5, 4, 3, 2, 1]),
        ("aujourd'hui", [7, 6]),
        ("puk hier", [4, 1]),
        ("2026-11-24", [7, 6]),
        ("octobre", []),
        ("novembre 2026 camille", [2, 1]),
        ("100%", [7]),
        ("100%_x", [7]),
        ("%", []),
        ("_", []),
        ("'; DROP TABLE audit; --", []),
    ],
)
def test_rows_are_found_by_words(various: Database, words: str, found: list[int]) -> None:
    page = audit.search(various, words, now=NOW)
    assert [row.id for row in page.rows] == found
    assert page.total == len(found)


def test_rows_are_found_by_person_and_between_times(various: Database) -> None:
    assert [row.id for row in audit.search(various, person=TECHNICAL).rows] == [2, 1]
    assert [row.id for row in audit.search(various, person="Camille").rows] == [2, 1]
    assert [row.id for row in audit.search(various, person="terminal:").rows] == [7]
    assert [row.id for row in audit.search(various, since=NOW).rows] == [7, 6]
    assert [row.id for row in audit.search(various, until=NOW).rows] == [5, 4, 3, 2, 1]


def test_rows_come_in_pages_the_newest_first(various: Database) -> None:
    page = audit.search(various, limit=3, offset=3)
    assert ([row.id for row in page.rows], page.total) == ([4, 3, 2], 7)
    assert (page.rows[0].name, page.rows[0].why) == ("Léa Durand", "il faut le rôle technique")


def test_a_period_is_told_in_words(various: Database) -> None:
    assert audit.search(various, "octobre 2026", now=NOW).period == "octobre 2026"


# -- the command


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Terminal":
    for name, value in {**GOOD, "ORIGYNE_DATA": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)


class Terminal:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str]:
        """The exit status, and what was said."""
        with pytest.raises(SystemExit) as ended:
            cli.main(["audit", *words])
        said = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out + said.err


def test_the_terminal_shows_what_was_found_with_dates_in_paris(various: Database, terminal: Terminal) -> None:
    status, said = terminal("0639980001")
    assert status == 0
    assert "1 entrée" in said
    assert "23/11/2026 09:00:00" in said
    assert "Camille Martin" in said
    assert "/status 0639980001" in said
    assert "répondu (tableau)" in said


def test_the_terminal_bounds_what_it_shows(various: Database, terminal: Terminal) -> None:
    assert "7 entrées, dont les 2 dernières" in terminal("--limit", "2")[1]
    assert "3 entrées" in terminal("--since", "2026-11-24", "--until", "24 novembre 2026")[1]  # the search before too
    assert "5 entrées" in terminal("--until", "2026-11-23")[1]
    assert "2 entrées" in terminal("--person", "Camille")[1]
    status, said = terminal("--since", "bientôt")
    assert (status, "n'est pas un jour" in said) == (2, True)


def test_each_use_from_a_terminal_is_in_the_audit(db: Database, terminal: Terminal, tmp_path: Path) -> None:
    terminal()
    terminal("verify")
    terminal("export", str(tmp_path / "a.csv"))
    rows = db.execute("SELECT person, door, command, outcome FROM audit ORDER BY id").fetchall()
    assert [row[1:] for row in rows] == [
        ("terminal", "audit", "done"),
        ("terminal", "audit verify", "done"),
        ("terminal", "audit export", "done"),
    ]
    assert all(row[0].startswith("terminal:") for row in rows)


def test_verify_says_that_all_is_whole_and_which_head_to_note(eight: Database, terminal: Terminal) -> None:
    head = audit.head_in_words(eight)
    status, said = terminal("verify")
    assert status == 0
    assert "entier : 8 lignes, du 17/11/2026 09:00:00 au 24/11/2026 09:00:00" in said
    assert head in said
    status, said = terminal("verify", "--head", head)
    assert status == 0
    assert "celle de la ligne 8" in said


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("UPDATE audit SET person = 'x' WHERE id = 4", "la ligne 4 n'est pas celle qui fut écrite"),
        ("DELETE FROM audit WHERE id = 4", "il manque des lignes avant la ligne 5"),
        ("DELETE FROM audit_anchor", "son point de départ n'est plus là"),
        ("DELETE FROM audit WHERE id > 6", "L'empreinte notée n'est plus dans la chaîne"),
    ],
)
def test_verify_says_what_is_wrong(eight: Database, terminal: Terminal, script: str, words: str) -> None:
    head = audit.head_in_words(eight)
    tampered(eight, script)
    status, said = terminal("verify", "--head", head)
    assert status == 1
    assert words in said


def test_verify_tells_what_was_purged(eight: Database, terminal: Terminal) -> None:
    audit.purge(eight, NOW - 3 * DAY)
    status, said = terminal("verify")
    assert status == 0
    assert "Les lignes 1 à 4 ont été purgées" in said


def test_a_head_without_verify_or_too_short_is_refused(eight: Database, terminal: Terminal) -> None:
    assert terminal("--head", "0123456789")[0] == 1
    assert terminal("verify", "--head", "8:abc")[0] == 1


def test_the_audit_is_exported_with_formulas_as_texts(various: Database, terminal: Terminal, tmp_path: Path) -> None:
    audit.record(various, "=cmd()", "mail", "", "refused", why="@SUM(A1)")
    path = tmp_path / "audit.csv"
    assert terminal("export", str(path))[0] == 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) == 8
    assert (rows[0]["commande"], rows[0]["sur"], rows[0]["quand"]) == (
        "puk",
        "8933019900000000012",
        "23/11/2026 09:00:00",
    )
    assert (rows[-1]["personne"], rows[-1]["motif"]) == ("'=cmd()", "'@SUM(A1)")
    assert path.stat().st_mode & 0o777 == 0o600
    status, said = terminal("export", str(path))
    assert (status, "existe déjà" in said) == (1, True)
    assert terminal("export")[0] == 1


def test_days_begin_in_paris() -> None:
    assert time.gmtime(french.start_of(20781))[:5] == (2026, 11, 23, 23, 0)
    assert time.gmtime(french.start_of(20781 - 150))[:5] == (2026, 6, 26, 22, 0)

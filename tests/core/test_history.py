"""AccountStatus files against the state of the lines: what changed, from when, whatever comes, in whatever order."""

import gzip
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import copies, layouts, lines
from core.delta import Delta, delta
from core.events import Event
from core.folders import stamp_of
from core.history import History
from core.intake import Intake
from core.layouts import Layouts
from core.readers.account_status import read_account_status
from tests.core.contents import VAULT, opened
from tests.core.test_intake import ACTIVE, CARD, OTHER_CARD, Telecom, kinds, status_at, status_file

LAYOUTS = Layouts.load()

#: Nine more lines, so that one that is gone is no sudden loss.
OTHERS = [f"063998{n:04d};;;Active;Atelier Martin;Pro" for n in range(11, 20)]


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    return Telecom(tmp_path)


def at(hour: int) -> int:
    when = stamp_of(status_at(hour))
    assert when
    return when


def state_of(telecom: Telecom, hour: int) -> str:
    return str(telecom.one("SELECT state FROM files WHERE path = ?", status_at(hour)))


def dump(telecom: Telecom) -> dict[str, list[tuple[Any, ...]]]:
    """All that the AccountStatus files gave, without the numbers that the store itself hands out."""
    return {
        name: telecom.rows(query)
        for name, query in {
            "lines": "SELECT msisdn, iccid, imsi, folded, status, word, plan, options, activated_on, "
            f"{opened('lines', 'rio')}, since, "
            "gone_at, path FROM lines JOIN files ON files.id = file_id LEFT JOIN clients ON clients.id = client_id "
            "ORDER BY msisdn",
            "changes": "SELECT at, path, msisdn, change, before, after FROM line_changes "
            "JOIN files ON files.id = file_id ORDER BY at, path, msisdn, change, before, after",
            "order": "SELECT count(*) FROM line_changes a JOIN line_changes b ON a.id < b.id AND a.at > b.at",
            "sims": "SELECT iccid, imsi, status, word, seen_at, path FROM sims JOIN files ON files.id = file_id "
            "ORDER BY iccid",
            "files": "SELECT path, state, rows, rejected_rows FROM files ORDER BY path",
            "rejects": f"SELECT path, line, rejects.reason, {opened('rejects', 'content')} FROM rejects "
            "JOIN files ON files.id = file_id "
            "ORDER BY path, line",
        }.items()
    }


# -- Changes and their events


def test_the_first_load_gives_one_event(telecom: Telecom) -> None:
    rows = [f"063998{n:04d};;;Active;Client {n % 3};Pro" for n in range(1, 31)]
    (event,) = telecom.take(status_at(8), status_file(*rows))
    assert event.kind == "lines.loaded"
    assert event.data == {"lines": 30, "clients": 3}
    assert telecom.one("SELECT count(*) FROM lines") == 30
    assert telecom.rows("SELECT * FROM line_changes") == []


def test_an_hour_without_change_gives_no_event(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    assert telecom.take(status_at(9), status_file(ACTIVE)) == []
    (line,) = lines.find(telecom.db, "0639980001")
    assert (line.since, line.seen_at, line.path) == (at(8), at(9), status_at(9))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("Réservée", "Active", "line.activated"),
        ("Disponible", "Active", "line.activated"),
        ("Résiliée", "Active", "line.activated"),
        ("Active", "Suspendue", "line.suspended"),
        ("Active", "Suspended by the provider (anti-fraud)", "line.suspended"),
        ("Suspendue", "Active", "line.resumed"),
        ("Suspended by the provider (anti-fraud)", "Active", "line.resumed"),
        ("Active", "Résiliée", "line.terminated"),
        ("Suspendue", "Terminated", "line.terminated"),
        ("Active", "Volée", "line.status"),
        ("Volée", "Gelée", "line.status"),
        ("Suspendue", "Suspended by the provider (anti-fraud)", "line.status"),
    ],
)
def test_a_change_of_status_has_its_event(telecom: Telecom, before: str, after: str, change: str) -> None:
    telecom.take(status_at(8), status_file(ACTIVE.replace("Active", before)))
    (event,) = telecom.take(status_at(9), status_file(ACTIVE.replace("Active", after)))
    assert event.kind == change
    assert (event.data["before"], event.data["after"]) == (before, after)
    assert (event.data["msisdn"], event.data["client"]) == ("0639980001", "Dupont BTP")
    assert event.data["at"] == int(datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp())


def test_another_word_of_the_same_status_is_no_change(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    assert telecom.take(status_at(9), status_file(ACTIVE.replace("Active", "activée"))) == []
    assert telecom.rows("SELECT * FROM line_changes") == []


def test_a_suspended_line_says_since_when(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    for hour in (9, 10, 11):
        telecom.take(status_at(hour), status_file(ACTIVE.replace("Active", "Suspendue")))
    (line,) = lines.find(telecom.db, "0639980001")
    assert (line.since, line.changed, line.seen_at) == (at(9), True, at(11))


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (CARD, OTHER_CARD, "line.sim"),
        ("Dupont BTP", "Atelier Martin", "line.client"),
        ("Pro 5 Go", "Pro 40 Go", "line.plan"),
    ],
)
def test_another_card_client_or_plan_has_its_event(telecom: Telecom, old: str, new: str, change: str) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    (event,) = telecom.take(status_at(9), status_file(ACTIVE.replace(old, new)))
    assert (event.kind, event.data["before"], event.data["after"]) == (change, old, new)
    assert telecom.rows(
        "SELECT change, at, before, after, path FROM line_changes JOIN files ON files.id = file_id"
    ) == [(change.removeprefix("line."), at(9), old, new, status_at(9))]


@pytest.mark.parametrize("cell", [CARD, "Dupont BTP", "Pro 5 Go", "208019900000001"])
def test_a_cell_that_was_empty_before_is_recorded_and_not_told(telecom: Telecom, cell: str) -> None:
    telecom.take(status_at(8), status_file(ACTIVE.replace(cell, "")))
    assert telecom.take(status_at(9), status_file(ACTIVE)) == []
    assert telecom.rows("SELECT before, after FROM line_changes") == [("", cell)]


def test_an_imsi_and_an_activation_that_change_are_recorded_and_not_told(telecom: Telecom) -> None:
    content = "Ligne;Statut;IMSI;Date activation\n0639980001;Active;{};{}\n"
    telecom.take(status_at(8), content.format("208019900000001", "01/10/2026"))
    assert telecom.take(status_at(9), content.format("208019900000002", "02/10/2026")) == []
    assert telecom.rows("SELECT change, before, after FROM line_changes") == [
        ("imsi", "208019900000001", "208019900000002"),
        ("activation", "01/10/2026", "02/10/2026"),
    ]


WITH_OPTIONS = "Ligne;Statut;Options\n0639980001;Active;{}\n"


def test_options_that_change_are_recorded_and_not_told(telecom: Telecom) -> None:
    for hour, said in enumerate(("Roaming Europe", "Roaming Europe, Data 4G", "", "Blocage SVA"), 8):
        events = telecom.take(status_at(hour), WITH_OPTIONS.format(said))
        assert kinds(events) == (["lines.loaded"] if hour == 8 else [])
    assert telecom.rows("SELECT at, change, before, after FROM line_changes") == [
        (at(9), "options", "Roaming Europe", "Roaming Europe, Data 4G"),
        (at(10), "options", "Roaming Europe, Data 4G", ""),
        (at(11), "options", "", "Blocage SVA"),
    ]
    (line,) = lines.find(telecom.db, "0639980001")
    assert line.options == "Blocage SVA"


def test_a_file_without_a_column_of_options_takes_none_away(telecom: Telecom) -> None:
    telecom.take(status_at(8), WITH_OPTIONS.format("Data 4G"))
    assert telecom.take(status_at(9), "Ligne;Statut\n0639980001;Active\n") == []
    assert telecom.one("SELECT options FROM lines") == "Data 4G"


def test_options_that_a_late_file_undoes_are_those_before_it(telecom: Telecom) -> None:
    telecom.take(status_at(8), WITH_OPTIONS.format("Data 4G"))
    telecom.take(status_at(11), WITH_OPTIONS.format("Blocage SVA"))
    telecom.take(status_at(10), WITH_OPTIONS.format("Roaming Europe"))
    assert telecom.rows("SELECT at, before, after FROM line_changes ORDER BY id") == [
        (at(10), "Data 4G", "Roaming Europe"),
        (at(11), "Roaming Europe", "Blocage SVA"),
    ]


def test_the_options_of_an_older_store_s_lines_come_with_the_next_file_whatever_else_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    older = tmp_path / "layouts.toml"
    text = Path(layouts._PACKAGED).read_text("utf-8")
    older.write_text("\n".join(row for row in text.splitlines() if not row.startswith("options =")), "utf-8")
    content = status_file(*(f"{row};Data 4G" for row in (ACTIVE, *OTHERS))).replace("Forfait", "Forfait;Options")
    with monkeypatch.context() as former:
        former.setattr(layouts, "_PACKAGED", older)
        telecom = Telecom(data)
        telecom.take(status_at(8), content)
        assert telecom.one("SELECT max(options) FROM lines") == ""
        telecom.rows("ALTER TABLE lines DROP COLUMN options")
        telecom.rows("DELETE FROM _sqlite_migrations WHERE name LIKE '0003%'")
        telecom.db.close()
    telecom = Telecom(data)
    telecom._seen = telecom.one("SELECT max(id) FROM events")
    assert telecom.one("SELECT max(options) FROM lines") == ""
    assert telecom.take(status_at(9), content) == []
    assert telecom.rows("SELECT DISTINCT options FROM lines") == [("Data 4G",)]


def test_a_rio_that_changes_stands_in_no_change_and_no_event(telecom: Telecom) -> None:
    content = "Ligne;Statut;RIO\n0639980001;{};{}\n"
    telecom.take(status_at(8), content.format("Active", "01E4K7P2QEM3"))
    telecom.take(status_at(9), content.format("Suspendue", "01PEROY4P4TR"))
    assert telecom.rows("SELECT change FROM line_changes ORDER BY id") == [("suspended",), ("rio",)]
    written = str(telecom.rows("SELECT * FROM line_changes") + telecom.rows("SELECT * FROM events"))
    assert "01E4K7P2QEM3" not in written
    assert "01PEROY4P4TR" not in written
    assert telecom.one(f"SELECT {opened('lines', 'rio')} FROM lines") == "01PEROY4P4TR"


def test_a_client_written_otherwise_is_the_same_client(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    assert telecom.take(status_at(9), status_file(ACTIVE.replace("Dupont BTP", "DUPONT  B.T.P."))) == []
    assert telecom.rows("SELECT name FROM clients") == [("Dupont BTP",)]


@pytest.mark.parametrize(("word", "kind"), [("Active", "line.activated"), ("Réservée", "line.new")])
def test_a_line_that_appears_later_has_its_event(telecom: Telecom, word: str, kind: str) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    events = telecom.take(status_at(9), status_file(ACTIVE, f"0639980002;;;{word};Dupont BTP;"))
    assert [(event.kind, event.data["msisdn"]) for event in events] == [(kind, "0639980002")]


def test_an_empty_cell_takes_nothing_away(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    assert telecom.take(status_at(9), status_file("0639980001;;;Active;;")) == []
    assert telecom.rows("SELECT iccid, imsi, plan, name FROM lines JOIN clients ON clients.id = client_id") == [
        (CARD, "208019900000001", "Pro 5 Go", "Dupont BTP")
    ]


def test_a_missing_column_takes_nothing_away(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    assert telecom.take(status_at(9), "Ligne;Statut\n0639980001;Active\n") == []
    assert telecom.one("SELECT iccid FROM lines") == CARD


def test_a_bad_row_that_comes_back_every_hour_is_told_once(telecom: Telecom) -> None:
    bad = "Ligne;Date;Statut\n0639980001;24/11/2026 {0}:00;Active\n06;24/11/2026 {0}:00;Active\n"
    assert "file.rejects" in kinds(telecom.take(status_at(8), bad.format("08")))
    assert telecom.take(status_at(9), bad.format("09")) == []
    assert kinds(telecom.take(status_at(10), bad.format("10") + "07;x;Active\n")) == ["file.rejects"]
    assert telecom.one("SELECT count(*) FROM rejects") == 4


def test_the_status_words_of_new_layouts_count_from_the_next_file_on(telecom: Telecom) -> None:
    for hour in (8, 9):
        telecom.take(status_at(hour), status_file(ACTIVE.replace("Active", "Gelée"), *OTHERS))
    (telecom.data / "layouts.toml").write_text('[status]\nsuspended = ["gelée"]\n', "utf-8")
    telecom.intake = Intake(telecom.db, telecom.data, vault=VAULT)
    assert kinds(telecom.take(status_at(10), status_file(ACTIVE.replace("Active", "Gelée"), *OTHERS))) == [
        "line.suspended"
    ]


# -- Lines that vanish


def test_a_line_that_a_file_leaves_out_has_vanished_and_is_not_terminated(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    (event,) = telecom.take(status_at(9), status_file(*OTHERS))
    assert event.kind == "line.vanished"
    assert event.data == {
        "msisdn": "0639980001", "client": "Dupont BTP", "before": "Active", "after": "", "at": at(9),
    }  # fmt: skip
    telecom.take(status_at(10), status_file(*OTHERS))
    (line,) = lines.find(telecom.db, "0639980001")
    assert (line.status, line.gone_at) == ("active", at(9))
    assert (line.seen_at, line.path) == (at(8), status_at(8))


def test_a_line_that_comes_back_has_its_event_and_its_changes(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(9), status_file(*OTHERS))
    events = telecom.take(status_at(10), status_file(ACTIVE.replace("Active", "Suspendue"), *OTHERS))
    assert kinds(events) == ["line.returned", "line.suspended"]
    (line,) = lines.find(telecom.db, "0639980001")
    assert (line.gone_at, line.seen_at, line.since) == (None, at(10), at(10))


@pytest.mark.parametrize(
    "row",
    [
        "0639980001;;;;;",  # no status
        f"3,3640E+10;{CARD};;Active;;",  # its card names it
        "0639980001;Active",  # cut short within
        f"Dupont BTP;{CARD}",
    ],
)
def test_a_line_whose_row_was_rejected_has_not_vanished(telecom: Telecom, row: str) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, OTHERS[0], *OTHERS[1:]))
    (rejects, gone) = telecom.take(status_at(9), status_file(row, *OTHERS[1:]))
    assert (rejects.kind, gone.kind) == ("line.vanished", "file.rejects")
    assert rejects.data["msisdn"] == "0639980011"
    # And in the next hour it is gone for good.
    assert [event.data.get("msisdn") for event in telecom.take(status_at(10), status_file(*OTHERS[1:]))] == [
        "0639980001"
    ]


@pytest.mark.parametrize(
    "row",
    [
        "Total;;;1;;",
        "3,3640E+10;;;Active;;",
        f"{OTHERS[1]};{OTHERS[0]}",  # two rows whose line end was lost
        f"3,3640E+10;{OTHER_CARD};;Active;;",  # a card that no line has
    ],
)
def test_no_line_vanishes_from_a_file_with_a_row_that_may_be_any_line_s(telecom: Telecom, row: str) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    assert kinds(telecom.take(status_at(9), status_file(row, *OTHERS))) == ["file.rejects"]
    assert telecom.rows("SELECT * FROM line_changes") == []
    assert kinds(telecom.take(status_at(10), status_file(*OTHERS))) == ["line.vanished"]


def test_no_line_vanishes_in_a_cell_whose_quote_is_never_closed(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    # From the first plan to the last client: three lines in one cell.
    swallowing = [OTHERS[0].replace(";Pro", ';"Pro'), OTHERS[1], OTHERS[2].replace("Atelier Martin;Pro", '"')]
    telecom.take(status_at(9), status_file(ACTIVE, *swallowing, *OTHERS[3:]))
    assert telecom.rows("SELECT * FROM lines WHERE gone_at NOT NULL") == []


# -- Files that look cut short


WAITS = "origyne-bot accept"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\r\n\r\n",
        "\ufeff",
        status_file(),
        status_file()[:-1],
        status_file()[:20],
        status_file(ACTIVE, *OTHERS[:6]),
        status_file(*OTHERS[:6], *(f"063998{n};;;Active;;" for n in range(2000, 2010))),
        status_file(ACTIVE, *OTHERS)[:-20],
        status_file(ACTIVE, *OTHERS, *(f"063998{n};;;Active;;" for n in range(2000, 2010)), "0639"),
    ],
)
def test_a_file_that_is_empty_cut_or_much_shorter_changes_nothing_and_waits(telecom: Telecom, content: str) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    before = dump(telecom)
    (event,) = telecom.take(status_at(9), content.rstrip("\n") if content.endswith("0639\n") else content)
    assert event.kind == "file.waiting"
    assert f'{WAITS} "{status_at(9)}"' in event.data["reason"]
    assert "10 lignes étaient connues" in event.data["reason"]
    assert state_of(telecom, 9) == "waiting"
    for table in ("lines", "changes", "sims"):
        assert dump(telecom)[table] == before[table]


def test_the_reason_tells_how_many_lines_are_found_and_known(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    (event,) = telecom.take(status_at(9), status_file(*OTHERS[:4], "x;;;Active;;"))
    assert event.data["reason"] == (
        "le fichier a perdu plus de 20 % des lignes : 10 lignes étaient connues, 4 de ces lignes s'y trouvent, "
        "1 rangée est illisible. Rien n'a été changé. Si ce fichier est juste : "
        f'origyne-bot accept "{status_at(9)}" ; sinon ne rien faire, le prochain fichier entier sera pris de lui-même.'
    )


@pytest.mark.parametrize(("shortest", "left", "waits"), [(80, 8, False), (80, 7, True), (50, 5, False), (50, 4, True),
                                                         (0, 1, False), (100, 9, True)])  # fmt: skip
def test_how_short_a_file_may_be_is_a_setting(telecom: Telecom, shortest: int, left: int, waits: bool) -> None:
    telecom.intake = Intake(telecom.db, telecom.data, shortest, VAULT)
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(9), status_file(*OTHERS[:left]))
    assert state_of(telecom, 9) == ("waiting" if waits else "read")


@pytest.mark.parametrize(
    "content", ["", status_file(), status_file(*OTHERS[:2]), status_file(*OTHERS[:2], "0639")[:-1]]
)
def test_a_doubtful_file_goes_in_once_a_person_says_that_it_is_right(telecom: Telecom, content: str) -> None:
    telecom.take(status_at(8), status_file(*OTHERS))
    telecom.take(status_at(9), content)
    telecom.rows("UPDATE files SET accepted = version, state = 'retry' WHERE path = ?", status_at(9))
    events = telecom.read()
    assert state_of(telecom, 9) == "read"
    left = content.count("Active")
    # A cut row may be any line's.
    gone = 0 if "0639\n" not in f"{content}\n" or content.endswith("\n") else 9
    assert kinds(events).count("line.vanished") == (9 - left if not gone else 0)


def test_a_word_given_for_a_file_does_not_hold_for_its_next_version(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(*OTHERS))
    telecom.take(status_at(9), status_file(*OTHERS[:2]))
    telecom.rows("UPDATE files SET accepted = version, state = 'retry' WHERE path = ?", status_at(9))
    telecom.put(status_at(9), status_file(*OTHERS[:1]))
    assert kinds(telecom.read()) == ["file.waiting"]


def test_a_doubtful_file_is_no_longer_asked_about_once_a_whole_one_came(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(9), status_file(ACTIVE))
    assert telecom.take(status_at(10), status_file(ACTIVE, *OTHERS)) == []
    assert telecom.rows("SELECT state, reason FROM files WHERE path = ?", status_at(9)) == [
        ("superseded", "un état plus récent a été pris depuis : il n'y a plus rien à décider")
    ]


def test_a_doubtful_file_that_comes_late_is_not_asked_about(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(10), status_file(ACTIVE, *OTHERS))
    before = dump(telecom)
    assert telecom.take(status_at(9), status_file(ACTIVE)) == []
    assert state_of(telecom, 9) == "superseded"
    assert dump(telecom)["changes"] == before["changes"]


def test_a_file_that_no_layout_knows_still_waits_when_a_newer_one_came(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    telecom.take(status_at(9), "Abonné;Situation\n1;2\n")
    telecom.take(status_at(10), status_file(ACTIVE))
    assert state_of(telecom, 9) == "waiting"


def test_a_damaged_archive_waits_and_is_left_when_a_whole_file_came(telecom: Telecom) -> None:
    path = "AccountStatus/AccountStatus_20261124_090000.csv.gz"
    whole = gzip.compress(status_file(ACTIVE).encode())
    telecom.take(status_at(8), status_file(ACTIVE))
    assert kinds(telecom.take(path, whole[:-12])) == ["file.waiting"]
    telecom.take(status_at(10), status_file(ACTIVE))
    assert telecom.one("SELECT state FROM files WHERE path = ?", path) == "superseded"


HEADER_BYTES = status_file().encode()


@settings(max_examples=80)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.binary(max_size=400).map(HEADER_BYTES.__add__),
        st.binary(max_size=60).map(lambda raw: status_file(ACTIVE, *OTHERS).encode()[:-30] + raw),
    )
)
@example(b"\xff\xfe" + status_file(ACTIVE, *OTHERS).encode("utf-16-le")[:-3])
@example(HEADER_BYTES + b"\x00\n;\x00;;;\n")
def test_garbage_is_rejected_or_waits_and_changes_no_line(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    telecom = Telecom(tmp_path_factory.mktemp("data"))
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    before = telecom.rows("SELECT msisdn, status, iccid, gone_at FROM lines WHERE msisdn < '0639980019'")
    telecom.take(status_at(9), garbage)
    assert "impossible" not in telecom.one("SELECT reason FROM files WHERE path = ?", status_at(9))
    assert telecom.rows("SELECT msisdn, status, iccid, gone_at FROM lines WHERE msisdn < '0639980019'") == before
    telecom.db.close()


# -- Order


def test_files_are_read_in_the_order_of_their_hours_whatever_their_arrival(telecom: Telecom) -> None:
    for hour, word in ((10, "Active"), (8, "Active"), (9, "Suspendue")):
        telecom.put(status_at(hour), status_file(ACTIVE.replace("Active", word)))
    assert kinds(telecom.read()) == ["lines.loaded", "line.suspended", "line.resumed"]


def test_an_older_hour_that_arrives_late_takes_its_place_in_the_history_and_is_no_news(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(10), status_file(ACTIVE, *OTHERS))
    late = status_file(ACTIVE.replace("Active", "Suspendue"), *OTHERS, "0639980002;;;Active;Nouveau;")
    assert telecom.take(status_at(9), late) == []
    assert telecom.rows("SELECT at, msisdn, change FROM line_changes ORDER BY id") == [
        (at(9), "0639980001", "suspended"),
        (at(9), "0639980002", "activated"),
        (at(10), "0639980001", "resumed"),
        (at(10), "0639980002", "vanished"),
    ]
    (line,) = lines.find(telecom.db, "0639980001")
    assert (line.status, line.since, line.seen_at) == ("active", at(10), at(10))


def test_an_older_first_file_that_arrives_late_becomes_the_first(telecom: Telecom) -> None:
    telecom.take(status_at(9), status_file(ACTIVE, *OTHERS))
    assert telecom.take(status_at(8), status_file(ACTIVE.replace("Active", "Suspendue"), *OTHERS)) == []
    assert telecom.rows("SELECT at, change FROM line_changes") == [(at(9), "resumed")]
    assert telecom.one("SELECT min(since) FROM lines") == at(8)


def test_a_replaced_file_tells_only_what_its_former_version_did_not(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    suspended = ACTIVE.replace("Active", "Suspendue")
    telecom.take(status_at(9), status_file(suspended, *OTHERS))
    events = telecom.take(status_at(9), status_file(suspended, *OTHERS, "0639980002;;;Réservée;Nouveau;"))
    assert kinds(events) == ["line.new"]
    assert telecom.take(status_at(9), status_file(ACTIVE, *OTHERS)) == []
    assert telecom.rows("SELECT * FROM line_changes") == []
    assert telecom.rows("SELECT status, since FROM lines WHERE msisdn = '0639980001'") == [("active", at(8))]


def test_a_file_without_a_date_of_its_own_that_is_replaced_every_hour_keeps_the_history(telecom: Telecom) -> None:
    path = "AccountStatus/etat.csv"
    for hour, word in ((8, "Active"), (9, "Suspendue"), (10, "Suspendue"), (11, "Active")):
        telecom.put(path, status_file(ACTIVE.replace("Active", word), *OTHERS))
        telecom.rows("UPDATE files SET modified_at = ?", at(hour))
        telecom.read()
    assert telecom.rows("SELECT at, change FROM line_changes") == [(at(9), "suspended"), (at(11), "resumed")]


def test_files_told_before_are_read_again_in_silence(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(9), status_file(*OTHERS))
    before = dump(telecom)
    telecom.rows("DELETE FROM lines")
    telecom.rows("DELETE FROM line_changes")
    telecom.rows("UPDATE files SET state = 'fetched'")
    assert telecom.read() == []
    assert dump(telecom) == before


def test_a_late_file_makes_a_later_one_wait_that_is_short_beside_it(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    telecom.take(status_at(10), status_file(ACTIVE))
    (event,) = telecom.take(status_at(9), status_file(ACTIVE, *OTHERS))
    assert event.kind == "file.waiting"
    assert state_of(telecom, 10) == "waiting"
    assert telecom.one("SELECT count(*) FROM lines WHERE gone_at IS NULL") == 10


def test_a_doubtful_file_waits_again_when_the_one_that_made_it_pointless_waits_itself(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    telecom.take(status_at(10), status_file())
    telecom.take(status_at(11), status_file(ACTIVE))
    assert state_of(telecom, 10) == "superseded"
    telecom.take(status_at(9), status_file(ACTIVE, *OTHERS))
    assert (state_of(telecom, 10), state_of(telecom, 11)) == ("waiting", "waiting")
    telecom.take(status_at(12), status_file(ACTIVE, *OTHERS))
    assert (state_of(telecom, 10), state_of(telecom, 11)) == ("superseded", "superseded")


def test_a_rio_is_read_again_when_the_change_that_brought_another_is_undone(telecom: Telecom) -> None:
    content = "Ligne;Statut;RIO\n0639980001;Active;{}\n"
    telecom.take(status_at(8), content.format("01E4K7P2QEM3"))
    telecom.take(status_at(10), content.format("01PEROY4P4TR"))
    telecom.take(status_at(10), content.format(""))
    assert telecom.one(f"SELECT {opened('lines', 'rio')} FROM lines") == "01E4K7P2QEM3"


def test_a_copy_that_is_gone_is_left_out_with_a_word_in_the_log(
    telecom: Telecom, caplog: pytest.LogCaptureFixture
) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(10), status_file(ACTIVE.replace("Active", "Suspendue"), *OTHERS))
    copies.plain_path(telecom.data, status_at(10)).unlink()
    with caplog.at_level(logging.WARNING):
        telecom.take(status_at(9), status_file(ACTIVE, *OTHERS))
    assert "AccountStatus_20261124_100000.csv" in caplog.text


def test_compressed_copies_are_read_as_well(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    telecom.take(status_at(10), status_file(ACTIVE.replace("Active", "Suspendue"), *OTHERS))
    for hour in (8, 10):
        copies.compress(telecom.data, status_at(hour))
    telecom.take(status_at(9), status_file(*OTHERS))
    telecom.take(status_at(11), status_file(ACTIVE, *OTHERS))
    assert telecom.rows("SELECT at, change FROM line_changes ORDER BY id") == [
        (at(9), "vanished"),
        (at(10), "returned"),
        (at(10), "suspended"),
        (at(11), "resumed"),
    ]


cards = st.sampled_from(["", CARD, OTHER_CARD])
words = st.sampled_from(["Active", "activée", "Suspendue", "Résiliée", "Volée", "Gelée", "Disponible", ""])
clients = st.sampled_from(["", "Dupont BTP", "Atelier Martin"])
plans = st.sampled_from(["", "Pro", "Pro 5 Go"])
rios = st.sampled_from(["", "01E4K7P2QEM3", "01PEROY4P4TR"])
options = st.sampled_from(["", "", "Roaming Europe", "Data 4G, Blocage SVA"])
FULL_HEADER = "Ligne;NSCE;IMSI;Statut;Client;Forfait;RIO;Options"


def row_of(msisdn: str) -> st.SearchStrategy[str]:
    cells = (cards, st.just(""), words, clients, plans, rios, options)
    return st.builds(lambda *cells: ";".join((msisdn, *cells)), *cells)


msisdns = st.sampled_from([*(f"063998000{n}" for n in range(1, 6)), "", "3,3640E+10", "06 39 98 00 01"])
stray = st.sampled_from(["Total;;;;;;;", "0639980002;x", ";;;;;;;", "", f";{CARD};;Disponible;;;;", 'x;"y;;;;;;'])
any_row = st.one_of(msisdns.flatmap(row_of), msisdns.flatmap(row_of), msisdns.flatmap(row_of), stray)
any_file = st.lists(any_row, max_size=8).map(lambda rows: "\n".join([FULL_HEADER, *rows, ""]))
names = st.sampled_from([*map(status_at, range(8, 13)), status_at(9).replace(".csv", "_b.csv"), "AccountStatus/x.csv"])


def taken_in(order: Iterable[tuple[str, str]], data: Path, shortest: int) -> dict[str, list[tuple[Any, ...]]]:
    telecom = Telecom(data)
    telecom.intake = Intake(telecom.db, data, shortest, VAULT)
    for path, content in order:
        telecom.put(path, content)
        telecom.rows("UPDATE files SET modified_at = ?", at(11) + 1800)
        telecom.read()
    result = dump(telecom)
    telecom.db.close()
    return result


@settings(max_examples=40)
@given(st.dictionaries(names, any_file, min_size=1, max_size=6), st.data(), st.sampled_from([0, 40, 80]))
def test_any_order_and_repetition_of_files_gives_what_their_own_order_gives(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, str], data: st.DataObject, shortest: int
) -> None:
    ordered = sorted(files.items(), key=lambda file: (stamp_of(file[0]) or at(11) + 1800, file[0]))
    again = data.draw(st.lists(st.sampled_from(ordered), max_size=3))
    order = data.draw(st.permutations([*ordered, *again]))
    expected = taken_in(ordered, tmp_path_factory.mktemp("ordered"), shortest)
    assert taken_in(order, tmp_path_factory.mktemp("any"), shortest) == expected
    assert expected["order"] == [(0,)]


# -- Only the rows that changed are read


def both_ways(data: Path, contents: Iterable[str | bytes], shortest: int = 0) -> list[tuple[Any, list[list[Event]]]]:
    """What a store tells and holds after each file, reading only what changed, then reading each file whole."""
    results = []
    for whole in (False, True):
        folder = data / str(whole)
        folder.mkdir()
        telecom = Telecom(folder)
        telecom.intake = Intake(telecom.db, telecom.data, shortest, VAULT)
        telecom.intake._history = History(
            telecom.db, telecom.data, telecom.intake.layouts, shortest, VAULT, whole=whole
        )
        told = [telecom.take(status_at(8 + hour), content) for hour, content in enumerate(contents)]
        results.append((dump(telecom), told))
        telecom.db.close()
    return results


base_rows = st.lists(st.integers(1, 8), min_size=3, max_size=8, unique=True).flatmap(
    lambda numbers: st.tuples(*(row_of(f"063998000{n}") for n in numbers)).map(list)
)
edits = st.lists(
    st.tuples(
        st.sampled_from(["change", "add", "remove", "swap", "pad", "garble", "repeat"]), st.integers(0, 20), any_row
    ),
    max_size=4,
)


def edited(rows: list[str], changes: list[tuple[str, int, str]]) -> list[str]:
    rows = list(rows)
    for kind, number, row in changes:
        place = number % len(rows) if rows else 0
        if kind == "add" or not rows:
            rows.insert(place, row)
        elif kind == "change":
            rows[place] = row
        elif kind == "remove":
            del rows[place]
        elif kind == "swap":
            rows.append(rows.pop(place))
        elif kind == "pad":
            rows[place] = rows[place].replace(";", " ; ", 2)
        elif kind == "garble":
            rows[place] = rows[place][: number % 15] + "é\x80"[number % 2] + rows[place][number % 15 + 1 :]
        else:
            rows.append(rows[place])
    return rows


def stamped(rows: list[str], hour: int, place: int, encoding: str, end: str, quoted: bool) -> bytes:
    """A file as written at an hour, with the hour in a column of its own."""
    stamp = f"24/11/2026 {hour:02d}:00:00"
    lines_ = []
    for number, row in enumerate([FULL_HEADER, *rows]):
        cells = row.split(";")
        if quoted and '"' not in row:
            cells = [f'"{cell}"' for cell in cells]
        if place <= len(cells):
            cells.insert(place, "Date de l'état" if number == 0 else stamp)
        lines_.append(";".join(cells))
    return end.join([*lines_, ""]).encode(encoding, "replace")


@settings(max_examples=80)
@given(
    base_rows,
    st.lists(edits, min_size=1, max_size=3),
    st.sampled_from([0, 3, 8, 99]),
    st.sampled_from(["utf-8", "cp1252", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from([0, 60]),
)
def test_reading_only_the_rows_that_changed_gives_what_reading_all_gives(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[str],
    steps: list[list[tuple[str, int, str]]],
    place: int,
    encoding: str,
    end: str,
    quoted: bool,
    shortest: int,
) -> None:
    contents = [stamped(rows, 8, place, encoding, end, quoted)]
    for hour, changes in enumerate(steps, 9):
        rows = edited(rows, changes)
        contents.append(stamped(rows, hour, place, encoding, end, quoted))
    quick, whole = both_ways(tmp_path_factory.mktemp("both"), contents, shortest)
    assert quick == whole


def difference(old: str | bytes, new: str | bytes) -> Delta | None:
    former, content = (it.encode() if isinstance(it, str) else it for it in (old, new))
    rejected = [reject.line for reject in read_account_status(former, LAYOUTS).rejects]
    return delta(former, content, rejected, LAYOUTS)


def test_only_the_rows_that_changed_are_read() -> None:
    change = difference(status_file(ACTIVE, *OTHERS), status_file(*OTHERS, ACTIVE.replace("Active", "Suspendue")))
    assert change
    assert [row["word"] for row in change.added.lines] == ["Suspendue"]
    assert [row["word"] for row in change.removed.lines] == ["Active"]


@pytest.mark.parametrize("place", [0, 3, 8])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_column_that_dates_the_file_in_each_row_makes_no_row_another_one(place: int, end: str, quoted: bool) -> None:
    rows = [f"{row};;" for row in (ACTIVE, *OTHERS)]
    change = difference(
        stamped(rows, 8, place, "cp1252", end, quoted),
        stamped([*rows[1:], rows[0].replace("Pro 5 Go", "Pro")], 9, place, "cp1252", end, quoted),
    )
    if quoted and place == 3:
        assert change is None or len(change.added.lines) == 10  # among quoted cells it is not looked for
    else:
        assert change
        assert [row["plan"] for row in change.added.lines] == ["Pro"]


def test_rows_that_came_or_went_do_not_make_those_below_them_others() -> None:
    change = difference(status_file(*OTHERS), status_file(ACTIVE, *OTHERS[:3], *OTHERS[5:], "x;;;Active;;"))
    assert change
    assert [row["msisdn"] for row in change.added.lines] == ["0639980001"]
    assert [row["msisdn"] for row in change.removed.lines] == ["0639980014", "0639980015"]
    assert [reject.line for reject in change.added.rejects] == [10]


def test_rows_in_another_order_are_no_others() -> None:
    rows = [f"06{number:08};;;Active;;" for number in range(1000)]
    change = difference(status_file(*rows), status_file(*rows[500:], *rows[:500], ACTIVE))
    assert change
    assert [row["msisdn"] for row in change.added.lines] == ["0639980001"]
    assert change.removed.lines == []


def test_a_rejected_row_that_comes_again_further_down_is_rejected_at_its_new_line() -> None:
    bad = "x;;;Active;;"
    change = difference(status_file(*OTHERS[1:4], bad, ACTIVE), status_file(*OTHERS[:4], bad, ACTIVE))
    assert change
    assert [(reject.line, reject.content) for reject in change.added.rejects] == [(6, bad)]


def test_a_line_in_a_second_row_of_its_own_is_noticed(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE, *OTHERS))
    events = telecom.take(status_at(9), status_file(ACTIVE, *OTHERS, ACTIVE.replace("Active", "Résiliée")))
    assert kinds(events) == ["file.rejects"]
    assert telecom.one("SELECT status FROM lines WHERE msisdn = '0639980001'") == "active"


def test_a_date_that_stands_in_a_column_of_its_own_and_in_another_is_left_where_it_is() -> None:
    content = "Date;Ligne;Statut;Date activation;x\n{0};0639980001;Active;{0};y\n{0};0639980002;Active;{1};y\n"
    change = difference(content.format("24/11/2026", "23/11/2026"), content.format("25/11/2026", "23/11/2026"))
    assert change
    assert [row["activated_on"] for row in change.added.lines] == ["25/11/2026"]


@pytest.mark.parametrize(
    "odd",
    [
        status_file(ACTIVE, *OTHERS).replace("NSCE", "SIM"),  # another header
        status_file(ACTIVE, *OTHERS).replace(";", ","),
        status_file(ACTIVE, *OTHERS).replace("Dupont BTP", '"Dupont\nBTP"'),
        status_file(ACTIVE, *OTHERS).replace("Dupont BTP", 'Le "Zinc'),
        status_file(ACTIVE, *OTHERS).replace("Active", "Activ\rée", 1),
        status_file(ACTIVE, *OTHERS).replace("Dupont", "Dupönt").encode("cp1252"),
        status_file(ACTIVE, *OTHERS).encode("utf-16"),
    ],
)
def test_what_is_odd_is_read_whole(odd: str | bytes) -> None:
    assert difference(status_file(ACTIVE, *OTHERS), odd) is None

"""The store does not depend on how the operator cuts, repeats, overlaps or orders its files; and can be made anew."""

import random
import shutil
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from bot.sandbox.operator import Operator
from core import copies, events, rejects, store
from core.intake import Intake
from core.rebuild import rebuild
from core.store import FILE_NAME
from core.store.schema import migrations
from tests.core.contents import VAULT, contents
from tests.core.test_intake import CDR_HEADER, Telecom, cdr, cdr_file, kinds
from tests.handlers.filled import make_pass
from tests.handlers.filled import settings as settings_of

PATHS = [f"RatedCDRs/RatedCDRs_202611{day}_1000.csv" for day in (21, 22, 23, 24)]
BILLED = "BilledCDRs/BilledCDRs_202611.csv"

ROWS = [cdr(line, minute, seconds) for line in (1, 2) for minute in (0, 1, 2) for seconds in (30, 60)]
ROWS += [cdr(3, month=10), cdr(3, amount=""), cdr(4).replace("Dupont BTP", "DUPONT BTP"), cdr(4).replace("Oui", "")]
ROWS += ["x;y", cdr().replace("Voix", "Télétexte"), ";01/11/2026 00:00:00;Abonnement;;;12,00;Dupont BTP;"]

files = st.dictionaries(
    st.sampled_from([*PATHS, BILLED]), st.lists(st.sampled_from(ROWS), max_size=8).map(tuple), min_size=1
)


def store_of(folder: Path, deliveries: list[tuple[str, tuple[str, ...]]], passes: list[int]) -> Path:
    """A store to which these came, in order; `passes`: how many at once, in turn."""
    telecom = Telecom(folder)
    coming = list(deliveries)
    for count in [*passes, len(coming)]:
        for path, rows in coming[:count]:
            telecom.put(path, cdr_file(*rows))
        del coming[:count]
        telecom.read()
    telecom.check_totals()
    telecom.db.close()
    return folder


@settings(max_examples=40)
@given(present=files, former=files, seed=st.integers(0, 1000), passes=st.lists(st.integers(1, 3), max_size=4))
# The new version has a nature of its own, made within what is undone when the former's rows turn out to be gone.
@example(present={PATHS[1]: (ROWS[0],)}, former={PATHS[1]: (ROWS[-4],)}, seed=0, passes=[1, 1])
def test_any_order_repetition_and_overlap_of_files_give_the_same_store(
    tmp_path_factory: pytest.TempPathFactory,
    present: dict[str, tuple[str, ...]],
    former: dict[str, tuple[str, ...]],
    seed: int,
    passes: list[int],
) -> None:
    orderly = store_of(tmp_path_factory.mktemp("orderly"), sorted(present.items()), [])
    chance = random.Random(seed)
    disorder = [(path, rows) for path, rows in former.items() if path in present]
    again = [*present.items(), *chance.choices(list(present.items()), k=2)]
    chance.shuffle(again)
    shuffled = store_of(tmp_path_factory.mktemp("shuffled"), [*disorder, *again], passes)
    first, second = contents(orderly, any_order=True), contents(shuffled, any_order=True)
    # What people were told, and how often a file was replaced, is of the deliveries; clients outlive their rows.
    for told in (first, second):
        del told["events"], told["clients"], told["natures"], told["files"]
    assert first == second


@settings(max_examples=30)
@given(
    rows=st.lists(st.sampled_from(ROWS), min_size=1, max_size=12, unique=True),
    cuts=st.lists(st.integers(0, 12), max_size=3),
)
def test_any_split_of_a_file_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], cuts: list[int]
) -> None:
    whole = store_of(tmp_path_factory.mktemp("whole"), [(PATHS[0], tuple(rows))], [])
    places = sorted({0, len(rows), *(cut for cut in cuts if cut <= len(rows))})
    pieces = [(path, tuple(rows[a:b])) for path, a, b in zip(PATHS, places, places[1:], strict=False)]
    split = store_of(tmp_path_factory.mktemp("split"), pieces, [1])
    for table in ("cdrs", "usage_by_line", "usage_by_day", "usage_by_zone"):
        assert contents(whole, any_order=True)[table] == contents(split, any_order=True)[table]


@settings(max_examples=60)
@given(
    garbage=st.binary(max_size=300),
    folder=st.sampled_from(["RatedCDRs", "BilledCDRs", "AccountStatus", "Cartes SIM"]),
    header=st.sampled_from([b"", CDR_HEADER.encode() + b"\n", b"Ligne;NSCE;Statut\n", b"NSCE;PUK\n"]),
)
def test_any_garbage_is_set_aside_and_changes_no_line(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, folder: str, header: bytes
) -> None:
    telecom = Telecom(tmp_path_factory.mktemp("data"))
    card = "8933019900000000018"
    telecom.take("AccountStatus/AccountStatus_20261124_080000.csv", f"Ligne;NSCE;Statut\n0639980001;{card};Active\n")
    before = telecom.rows("SELECT msisdn, status, iccid, gone_at FROM lines")
    told = telecom.take(f"{folder}/x_20261124_090000.csv", header + garbage)
    assert not any("lecture impossible" in str(event.data) for event in told)
    assert telecom.rows("SELECT msisdn, status, iccid, gone_at FROM lines") == before
    telecom.check_totals()
    telecom.db.close()


# -- The store made anew


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, Path]:
    """An operator's tree, and the data folder of which it has not yet been read."""
    root = tmp_path / "ftp"
    root.mkdir()
    Operator(root, date(2026, 11, 24), lines=24, clients=4, months=2).fill()
    return root, tmp_path / "data"


async def test_a_rebuilt_store_holds_the_same(filled: tuple[Path, Path]) -> None:
    root, data = filled
    await make_pass(root, data)
    rated = sorted((root / "RatedCDRs").iterdir())
    rated[0].write_bytes(rated[0].read_bytes() + rated[1].read_bytes().split(b"\n", 1)[1] + b"x;y\n")
    shutil.copy(rated[2], rated[2].with_name("copie.csv"))
    (root / "RatedCDRs" / "attend.csv").write_bytes(b"Chose;Machin\n1;2\n")
    await make_pass(root, data)
    before = contents(data, any_order=True)
    assert before["rejects"]
    assert rebuild(settings_of(data)) > 100
    assert contents(data, any_order=True) == before
    assert list(data.glob("rebuild*")) == []
    assert (await make_pass(root, data)).fetched == 0


async def test_who_reads_the_store_meanwhile_sees_it_whole(filled: tuple[Path, Path]) -> None:
    root, data = filled
    await make_pass(root, data)
    with closing(store.open_to_read(data)) as reader:
        count = reader.execute("SELECT count(*) FROM cdrs").fetchone()
        seen = []
        rebuild(settings_of(data), lambda *_: seen.append(reader.execute("SELECT count(*) FROM cdrs").fetchone()))
        assert set(seen) == {count}
        assert reader.execute("SELECT count(*) FROM cdrs").fetchone() == count


@pytest.mark.parametrize("damage", ["gone", "damaged"])
async def test_without_a_sound_store_it_is_made_from_the_copies(filled: tuple[Path, Path], damage: str) -> None:
    root, data = filled
    await make_pass(root, data)
    before = contents(data, any_order=True)
    for suffix in ("-wal", "-shm"):
        (data / (FILE_NAME + suffix)).unlink(missing_ok=True)
    if damage == "gone":
        (data / FILE_NAME).unlink()
    else:
        (data / FILE_NAME).write_bytes(b"not a database" * 1000)
    rebuild(settings_of(data))
    after = contents(data, any_order=True)
    for table in (
        "cdrs",
        "usage_by_line",
        "usage_by_day",
        "usage_by_zone",
        "lines",
        "line_changes",
        "sims",
        "invoices",
    ):
        assert after[table] == before[table], table
    assert after["events"] == []
    assert len(list(data.glob("*.damaged"))) == (damage == "damaged")


# -- Rows set aside


def test_rows_set_aside_are_tried_again_when_the_layouts_change(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    telecom.take(PATHS[0], cdr_file(cdr(), cdr(2).replace("Oui", "peut-être")))
    (file,) = rejects.files_with_rejects(telecom.db)
    assert (file.path, file.rows, file.rejected) == (PATHS[0], 1, 1)
    (row,) = rejects.rows_of(telecom.db, PATHS[0], 10)
    assert (row.line, row.reason) == (3, "ni oui ni non : « peut-être »")
    assert telecom.read() == []
    (tmp_path / "layouts.toml").write_text('[words]\nyes = ["peut-être"]\n', "utf-8")
    telecom.intake = Intake(telecom.db, tmp_path, vault=VAULT)
    (event,) = telecom.read()
    assert (event.kind, event.data) == ("file.mended", {"entered": 1, "left": 0})
    assert rejects.files_with_rejects(telecom.db) == []
    assert telecom.cdrs == 2
    telecom.check_totals()
    assert telecom.read() == []


def test_a_grand_total_that_says_otherwise_is_reported(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    told = telecom.take(BILLED, cdr_file(cdr(1, amount="1,25"), cdr(2, amount="2,00"), "TOTAL;;;;;3,30;;"))
    assert kinds(told) == ["billed.arrived", "file.rejects"]
    assert "3,3 €" in told[1].data["reason"]
    assert "3,25 €" in told[1].data["reason"]
    assert kinds(telecom.take(PATHS[0], cdr_file(cdr(1, amount="1,25"), "TOTAL;;;;;1,25;;"))) == ["rated.arrived"]


def test_tables_are_kept_compressed_once_read(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    content = cdr_file(cdr(), cdr(2))
    telecom.take(PATHS[0], content)
    telecom.intake.compress()
    assert not copies.plain_path(tmp_path, PATHS[0]).exists()
    assert copies.content(tmp_path, PATHS[0]) == content.encode()
    telecom.take(PATHS[0], cdr_file(cdr()))
    telecom.intake.compress()
    assert copies.content(tmp_path, PATHS[0]) == cdr_file(cdr()).encode()
    assert copies.paths(tmp_path) == [PATHS[0]]


def test_a_version_read_before_is_announced_no_more(tmp_path: Path) -> None:
    telecom = Telecom(tmp_path)
    telecom.take(PATHS[0], cdr_file(cdr()))
    with telecom.db.atomic():
        telecom.db.execute("UPDATE files SET state = 'fetched'")
    assert telecom.read() == []
    assert telecom.cdrs == 1
    assert events.since(telecom.db, 0) == []  # no pass came to its end


def test_a_store_of_the_first_schema_is_made_anew_in_silence(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with closing(Database(path)) as old:
        migrations.apply(old, stop_before="0002_compact_cdrs_and_line_history")
        with old.atomic():
            for number, state in enumerate(("read", "kept", "waiting")):
                old.execute(
                    "INSERT INTO files (path, folder, size, stamp, sha256, state, reason, fetched_clock) "
                    "VALUES (?, 'rated_cdrs', 1, '', 'x', ?, ?, 0)",
                    (PATHS[number], state, "pas lisible" if state == "waiting" else ""),
                )
            old.execute("INSERT INTO events (kind, file_id, data) VALUES ('rated.arrived', 1, '{}')")
    copy = copies.plain_path(tmp_path, PATHS[0])
    copy.parent.mkdir(parents=True)
    copy.write_text(cdr_file(cdr(), cdr(2)))
    telecom = Telecom(tmp_path)
    assert kinds(telecom.read()) == ["rated.arrived"]  # the one that was told before
    assert telecom.cdrs == 2
    telecom.check_totals()
    assert telecom.rows("SELECT state FROM files ORDER BY id")[:2] == [("read",), ("kept",)]

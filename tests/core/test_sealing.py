"""No code in clear on the disk, whatever the store was before and whenever the key comes, goes or changes."""

import gzip
import hashlib
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.sandbox.operator import Operator
from core import copies, lines, rejects, sealing, sims, store
from core.folders import folder_of, stamp_of
from core.intake import Intake
from core.layouts import Layouts
from core.reasons import without_codes
from core.rebuild import rebuild
from core.sealing import Sealed
from core.store.schema import migrations
from core.sync import Syncer
from core.vault import UNKEPT, Vault, VaultError, is_sealed
from tests.core.contents import SEALED, VAULT
from tests.core.test_history import OTHERS, at
from tests.core.test_intake import CARD, Telecom, cdr, cdr_file, kinds, status_at
from tests.handlers.filled import NOW, make_pass, small_operator
from tests.handlers.filled import settings as settings_of

LISTING = "Cartes SIM/SIM_20261120_CMD0001.csv"
LISTED = f"NSCE;IMSI;Numéro;PIN1;PUK1;PUK2\n{CARD};1;;0042;00012345;77712345\n"
RIO, OTHER_RIO = "01E4K7P2QEM3", "01PEROY4P4TR"
NUMBER = "0639980001"
OTHER_KEY = Vault([b"another invented key of 32 bytes"])
CODED = "SELECT id FROM files WHERE folder IN ('sims', 'account_status')"
BOTH = Vault([b"another invented key of 32 bytes", b"an invented key of 32 bytes long"])


def status(rio: str = RIO, word: str = "Active") -> str:
    rows = [f"{number};Active;" for number in (row.partition(";")[0] for row in OTHERS)]
    return "\n".join(["Ligne;Statut;RIO", f"{NUMBER};{word};{rio}", *rows, ""])


def telecom_with(data: Path, vault: Vault) -> Telecom:
    telecom = Telecom(data)
    with_key(telecom, vault)
    return telecom


def with_key(telecom: Telecom, vault: Vault) -> None:
    """As the next start of the service."""
    telecom.intake = Intake(telecom.db, telecom.data, vault=vault)


def a_pass(telecom: Telecom) -> list[str]:
    told = telecom.read(with_waiting=True)
    telecom.intake.compress()
    return kinds(told)


def clear_places(data: Path, codes: Iterable[str], pattern: str = "*") -> list[str]:
    """The files below the data folder in which a code stands, unpacked or not."""
    found = []
    for path in sorted(it for it in data.rglob(pattern) if it.is_file()):
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
        found += [f"{path.relative_to(data)}: {code}" for code in codes if code.encode() in raw]
    return found


def all_sealed(db: Database) -> list[str]:
    return [
        value
        for table, names in SEALED.items()
        for name in names
        for (value,) in db.execute(f"SELECT {name} FROM {table} WHERE {name} != '' AND file_id IN ({CODED})")
    ]


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    """With a listing, two hours and the key."""
    telecom = telecom_with(tmp_path, VAULT)
    telecom.put(LISTING, LISTED)
    telecom.put(status_at(8), status())
    telecom.put(status_at(9), status(word="Suspendue"))
    a_pass(telecom)
    return telecom


# -- At rest


async def test_after_a_pass_no_file_of_the_data_folder_holds_a_code(tmp_path: Path) -> None:
    operator = small_operator(tmp_path / "ftp")
    folder = operator.root / "Cartes SIM"
    (folder / "SIM_20261123_CMD0777.csv").write_text(f"NSCE;PIN1;PUK1\nabîmé;0042;55500123\n{CARD};0042;55500124\n")
    (folder / "SIM_20261123_CMD0778.csv").write_text(f"{CARD};0042;55500125\n{CARD[:-1]};0043;55500126\n")
    (folder / "commande.pdf").write_bytes(b"%PDF 55500127")
    data = tmp_path / "data"
    assert not (await make_pass(operator.root, data)).error
    codes = [f"5550012{n}" for n in range(3, 8)] + codes_of(operator)
    assert len(codes) > 40
    assert clear_places(operator.root, codes)
    assert clear_places(data, codes) == []
    with closing(store.open_to_read(data)) as db:
        values = all_sealed(db)
        assert len(values) > 40
        assert all(map(is_sealed, values))
        (told,) = db.execute("SELECT group_concat(data) FROM events").fetchone()
        assert "55500" not in told


def codes_of(operator: Operator) -> list[str]:
    return [code for sim in operator.sims for code in (sim.puk1, sim.puk2)] + [
        line.rio for line in operator.lines if line.rio
    ]


def test_a_card_s_codes_open_with_the_key_alone(telecom: Telecom) -> None:
    found = sims.codes(telecom.db, CARD, VAULT)
    assert found
    assert (found.pin, found.puk, found.puk2) == ("0042", "00012345", "77712345")
    for vault in (Vault(), OTHER_KEY):
        with pytest.raises(VaultError):
            sims.codes(telecom.db, CARD, vault)
        with pytest.raises(VaultError):
            lines.rio(telecom.db, NUMBER, vault)
        assert sims.has_puk(telecom.db, CARD)
    assert lines.rio(telecom.db, NUMBER, VAULT) == RIO
    assert lines.rio(telecom.db, "0639980011", VAULT) == ""


def test_a_puk_is_known_by_its_mark(telecom: Telecom) -> None:
    assert [sims.is_puk(telecom.db, it, VAULT) for it in ("00012345", "77712345", "00012346", "")] == [
        True,
        True,
        False,
        False,
    ]
    assert not sims.is_puk(telecom.db, "00012345", OTHER_KEY)
    (plan,) = telecom.rows("EXPLAIN QUERY PLAN SELECT 1 FROM sims WHERE puk_mark != '' AND puk_mark = 'x'")
    assert "sims_by_puk" in plan[3]


def test_a_code_moved_to_another_card_is_not_shown(telecom: Telecom) -> None:
    telecom.take("Cartes SIM/SIM_20261121_CMD0002.csv", f"NSCE;PIN1;PUK1\n{CARD[:-2]}99;0001;11112222\n")
    with telecom.db.atomic():
        telecom.db.execute("UPDATE sims SET puk = (SELECT puk FROM sims WHERE iccid = ?)", (CARD[:-2] + "99",))
    with pytest.raises(VaultError, match="déplacé"):
        sims.codes(telecom.db, CARD, VAULT)


def test_a_clear_code_slipped_into_the_store_is_not_shown(telecom: Telecom) -> None:
    with telecom.db.atomic():
        telecom.db.execute("UPDATE sims SET puk = '99999999'")
        telecom.db.execute("UPDATE lines SET rio = ?", (OTHER_RIO,))
    with pytest.raises(VaultError):
        sims.codes(telecom.db, CARD, VAULT)
    with pytest.raises(VaultError):
        lines.rio(telecom.db, NUMBER, VAULT)


def test_an_unchanged_rio_is_no_change_and_stays_as_it_was_sealed(telecom: Telecom) -> None:
    before = telecom.one("SELECT rio FROM lines WHERE msisdn = ?", NUMBER)
    telecom.take(status_at(10), status(word="Suspendue"))
    telecom.take(status_at(11), status(OTHER_RIO, "Suspendue"))
    assert telecom.rows("SELECT at, before, after FROM line_changes WHERE change = 'rio'") == [
        (at(11), "connu", "connu")
    ]
    assert lines.rio(telecom.db, NUMBER, VAULT) == OTHER_RIO
    assert telecom.one("SELECT rio FROM lines WHERE msisdn = ?", NUMBER) != before


def test_what_a_rejected_row_holds_shows_with_the_key_alone(telecom: Telecom) -> None:
    bad = f"{NUMBER};;{OTHER_RIO}"
    telecom.take(status_at(10), status() + bad + "\n")
    telecom.take("Cartes SIM/SIM_20261121_CMD0002.csv", f"NSCE;PIN1;PUK1\n{CARD};0042;123\n")
    assert [row.content for row in rejects.rows_of(telecom.db, status_at(10), 5, VAULT)] == [bad]
    assert [row.content for row in rejects.rows_of(telecom.db, status_at(10), 5)] == [""]
    (row,) = rejects.rows_of(telecom.db, "Cartes SIM/SIM_20261121_CMD0002.csv", 5, OTHER_KEY)
    assert (row.line, row.content) == (2, "")
    assert "PUK" in row.reason
    telecom.take(status_at(11), status() + bad + "\n")  # the same bytes: no reading
    assert [row.content for row in rejects.rows_of(telecom.db, status_at(11), 5, VAULT)] == [bad]


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("numéro « 00012345 » illisible", "numéro « … » illisible"),
        ("numéro « 01E4K7P2QEM3 » illisible", "numéro « … » illisible"),
        (
            "En-tête lu : 8933019900000000012 | 0042 | 00012345. Ajouter",
            "En-tête lu : 8933019900000000012 | … | …. Ajouter",
        ),
        ("numéro « 3,3640E+10 » illisible", "numéro « 3,3640E+10 » illisible"),
        ("ligne 1234 : 3 colonnes", "ligne 1234 : 3 colonnes"),
        ('accept "AccountStatus/AccountStatus_20261124_080000.csv"',) * 2,
    ],
)
def test_what_may_be_a_code_is_taken_out_of_reasons(reason: str, shown: str) -> None:
    assert without_codes(reason) == shown


# -- A store from before


def old_store(data: Path) -> None:
    """A store of the third schema, with its codes in clear, and the copies that it kept."""
    mark = {
        "first_file": 2,
        "first_as_of": at(8),
        "first_path": status_at(8),
        "file": 2,
        "version": 1,
        "as_of": at(8),
        "path": status_at(8),
        "lines": 10,
        "odd": False,
        "layouts": hashlib.sha256(json.dumps(Layouts.load().raw, sort_keys=True).encode()).hexdigest(),
    }
    bad = "x;0043;55500129"
    for path, content in ((LISTING, LISTED + bad + "\n"), (status_at(8), status())):
        target = copies.plain_path(data, path)
        target.parent.mkdir(parents=True)
        target.write_text(content)
    copies.compress(data, LISTING)
    with closing(Database(data / store.FILE_NAME)) as old:
        migrations.apply(old, stop_before="0004_sealed_codes")
        with old.atomic():
            for number, path in ((1, LISTING), (2, status_at(8))):
                content = copies.content(data, path)
                old.execute(
                    "INSERT INTO files (id, path, folder, size, stamp, sha256, as_of, state, told, rows, "
                    "rejected_rows, fetched_clock) VALUES (?, ?, ?, ?, '', ?, ?, 'read', 1, ?, ?, 0)",
                    (
                        number,
                        path,
                        folder_of(path),
                        len(content),
                        hashlib.sha256(content).hexdigest(),
                        stamp_of(path),
                        (0, 1, 10)[number],
                        number % 2,
                    ),
                )
            old.execute(
                "INSERT INTO sims (iccid, imsi, pin, puk, puk2, seen_at, file_id) VALUES (?, '1', ?, ?, ?, ?, 1)",
                (CARD, "0042", "00012345", "77712345", stamp_of(LISTING)),
            )
            for row in status().splitlines()[1:]:
                number, word, rio = row.split(";")
                old.execute(
                    "INSERT INTO lines (msisdn, iccid, imsi, status, word, plan, activated_on, rio, since, file_id) "
                    "VALUES (?, '', '', 'active', ?, '', '', ?, ?, 2)",
                    (number, word, rio, at(8)),
                )
            old.execute("INSERT INTO rejects VALUES (1, 3, 'ICCID illisible', ?)", (bad,))
            old.execute("INSERT INTO marks (name, value) VALUES ('lines', ?)", (json.dumps(mark),))
            old.execute("INSERT INTO marks (name, value) VALUES ('layouts', ?)", (mark["layouts"],))


CODES = ("00012345", "77712345", "55500129", RIO)


def test_the_clear_codes_of_an_older_store_are_sealed_in_place(tmp_path: Path) -> None:
    old_store(tmp_path)
    assert len(clear_places(tmp_path, CODES, "telecom.db*")) == len(CODES)
    telecom = telecom_with(tmp_path, VAULT)
    with pytest.raises(VaultError, match="prochaine passe"):
        sims.codes(telecom.db, CARD, VAULT)
    assert a_pass(telecom) == []
    found = sims.codes(telecom.db, CARD, VAULT)
    assert found
    assert (found.pin, found.puk, found.puk2) == ("0042", "00012345", "77712345")
    assert lines.rio(telecom.db, NUMBER, VAULT) == RIO
    assert sims.is_puk(telecom.db, "77712345", VAULT)
    assert [row.content for row in rejects.rows_of(telecom.db, LISTING, 5, VAULT)] == ["x;0043;55500129"]
    assert clear_places(tmp_path, CODES) == []
    assert telecom.rows("SELECT * FROM line_changes") == []
    assert sealing.count(telecom.db, tmp_path, VAULT) == Sealed(newest=5, newest_copies=2)
    # And what comes next is compared as ever.
    assert kinds(telecom.take(status_at(9), status(OTHER_RIO, "Suspendue"))) == ["line.suspended"]


def test_a_sealing_that_broke_off_is_ended_by_the_next_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_store(tmp_path)
    telecom = telecom_with(tmp_path, VAULT)
    monkeypatch.setattr(sealing, "overwrite_free_pages", lambda db: 1 / 0)  # sealed, but old pages are left
    with pytest.raises(ZeroDivisionError):
        telecom.intake.pending()
    monkeypatch.undo()
    assert a_pass(telecom) == []
    assert clear_places(tmp_path, CODES) == []
    assert lines.rio(telecom.db, NUMBER, VAULT) == RIO


def test_what_an_older_store_said_of_its_files_loses_its_codes_too(tmp_path: Path) -> None:
    old_store(tmp_path)
    coded = 1
    with closing(store.connect(tmp_path / store.FILE_NAME)) as db:
        said = "« 55500130 » n'est pas un ICCID"
        with db.atomic():
            db.execute("UPDATE files SET reason = ? WHERE id = ?", (said, coded))
            db.execute("INSERT INTO rejects VALUES (?, 77, ?, '')", (coded, said))
            for kind in ("file.rejects", "file.waiting"):
                data = json.dumps({"reason": said, "count": 1})
                db.execute("INSERT INTO events (kind, file_id, data) VALUES (?, ?, ?)", (kind, coded, data))
    assert clear_places(tmp_path, ["55500130"], "telecom.db*")
    with closing(store.open_to_write(tmp_path)) as db:
        sealing.settle(db, VAULT)
    assert clear_places(tmp_path, ["55500130"], "telecom.db*") == []


def test_without_a_key_an_older_store_loses_its_codes_and_gets_them_back_with_one(tmp_path: Path) -> None:
    old_store(tmp_path)
    telecom = telecom_with(tmp_path, Vault())
    assert a_pass(telecom) == []
    assert clear_places(tmp_path, CODES, "telecom.db*") == []
    assert set(all_sealed(telecom.db)) == {UNKEPT}
    assert sims.has_puk(telecom.db, CARD)
    with pytest.raises(VaultError, match="pas été gardé"):
        sims.codes(telecom.db, CARD, Vault())
    with_key(telecom, VAULT)
    assert a_pass(telecom) == []
    found = sims.codes(telecom.db, CARD, VAULT)
    assert found
    assert (found.pin, found.puk) == ("0042", "00012345")
    assert lines.rio(telecom.db, NUMBER, VAULT) == RIO
    assert telecom.rows("SELECT * FROM line_changes") == []
    assert telecom.rows("SELECT DISTINCT state FROM files") == [("read",)]
    assert clear_places(tmp_path, CODES) == []
    assert telecom.intake.pending() == []


# -- Without a key


@pytest.fixture
def keyless(tmp_path: Path) -> Telecom:
    telecom = telecom_with(tmp_path, Vault())
    telecom.put(LISTING, LISTED)
    telecom.put(status_at(8), status())
    telecom.put("RatedCDRs/a.csv", cdr_file(cdr()))
    a_pass(telecom)
    return telecom


def test_without_a_key_everything_else_works(keyless: Telecom) -> None:
    assert a_pass(keyless) == []
    assert kinds(keyless.take(status_at(9), status(OTHER_RIO, "Suspendue"))) == ["line.suspended"]
    assert keyless.cdrs == 1
    assert set(all_sealed(keyless.db)) == {UNKEPT}
    assert clear_places(keyless.data, CODES, "telecom.db*") == []
    (card,) = sims.find(keyless.db, CARD)
    assert card.has_puk
    assert sealing.count(keyless.db, keyless.data, Vault()) == Sealed(unkept=4)


def test_a_key_that_comes_late_brings_the_newest_codes_and_no_news(keyless: Telecom) -> None:
    keyless.take(status_at(9), status(OTHER_RIO))
    keyless.take(status_at(10), status(""))
    with_key(keyless, VAULT)
    assert a_pass(keyless) == []
    assert sims.is_puk(keyless.db, "00012345", VAULT)
    # The newest file gives none, so it is that of the file that brought one.
    assert lines.rio(keyless.db, NUMBER, VAULT) == RIO
    assert keyless.rows("SELECT * FROM line_changes") == []
    assert kinds(keyless.take(status_at(11), status(OTHER_RIO))) == []
    assert lines.rio(keyless.db, NUMBER, VAULT) == OTHER_RIO


def test_codes_whose_files_are_gone_stay_unkept_and_that_is_said(keyless: Telecom) -> None:
    for path in (LISTING, status_at(8)):
        copies.remove(keyless.data, path)
    with_key(keyless, VAULT)
    assert a_pass(keyless) == []
    with pytest.raises(VaultError, match="pas été gardé"):
        sims.codes(keyless.db, CARD, VAULT)
    assert keyless.rows("SELECT DISTINCT state FROM files") == [("read",)]


def test_an_older_listing_s_code_returns_although_a_newer_one_names_the_card(tmp_path: Path) -> None:
    telecom = telecom_with(tmp_path, Vault())
    telecom.put(LISTING, LISTED)
    telecom.put("Cartes SIM/SIM_20261122_CMD0002.csv", f"NSCE;PIN1;PUK1\n{CARD};0099;\n")
    a_pass(telecom)
    with_key(telecom, VAULT)
    a_pass(telecom)
    found = sims.codes(telecom.db, CARD, VAULT)
    assert found
    assert (found.pin, found.puk) == ("0099", "00012345")


# -- A key that is no longer there


def test_when_the_key_is_gone_the_next_hours_are_compared_all_the_same(telecom: Telecom) -> None:
    with_key(telecom, Vault())
    assert a_pass(telecom) == []
    assert kinds(telecom.take(status_at(10), status(OTHER_RIO))) == ["line.resumed"]
    assert telecom.rows("SELECT * FROM line_changes WHERE change = 'rio'") == []
    with pytest.raises(VaultError):
        lines.rio(telecom.db, NUMBER, Vault())
    with_key(telecom, VAULT)
    assert a_pass(telecom) == []
    assert lines.rio(telecom.db, NUMBER, VAULT) == OTHER_RIO
    assert sims.is_puk(telecom.db, "00012345", VAULT)


def test_with_another_key_nothing_is_told_as_changed(telecom: Telecom) -> None:
    with_key(telecom, OTHER_KEY)
    assert a_pass(telecom) == []
    assert kinds(telecom.take(status_at(10), status())) == ["line.resumed"]
    assert telecom.rows("SELECT * FROM line_changes WHERE change = 'rio'") == []
    assert lines.rio(telecom.db, NUMBER, OTHER_KEY) == RIO
    held = sealing.count(telecom.db, telecom.data, OTHER_KEY)
    assert (held.newest, held.closed, held.closed_copies) == (1, 3, 3)


def test_a_late_file_waits_where_the_hours_after_it_cannot_be_read_again(telecom: Telecom) -> None:
    with_key(telecom, Vault())
    before = telecom.rows("SELECT * FROM lines ORDER BY msisdn")
    late = status_at(8).replace(".csv", "_b.csv")
    assert kinds(telecom.take(late, status())) == ["file.waiting"]
    assert "clé" in telecom.one("SELECT reason FROM files WHERE path = ?", late)
    assert telecom.rows("SELECT * FROM lines ORDER BY msisdn") == before
    with_key(telecom, VAULT)
    assert a_pass(telecom) == []
    assert telecom.one("SELECT state FROM files WHERE path = ?", late) == "read"


def test_a_rebuild_without_the_key_changes_nothing_and_says_why(telecom: Telecom) -> None:
    telecom.db.close()
    with pytest.raises(VaultError, match="3 copies chiffrées ne s'ouvrent pas"):
        rebuild(settings_of(telecom.data, secret_key=""))
    with closing(store.open_to_read(telecom.data)) as db:
        assert lines.rio(db, NUMBER, VAULT) == RIO
    assert rebuild(settings_of(telecom.data)) == 3
    with closing(store.open_to_read(telecom.data)) as db:
        assert lines.rio(db, NUMBER, VAULT) == RIO
        assert sims.is_puk(db, "00012345", VAULT)


def test_a_rebuild_that_meets_a_damaged_copy_changes_nothing(telecom: Telecom) -> None:
    sealed = telecom.data / copies.KEPT / f"{LISTING}.sealed"
    raw = bytearray(sealed.read_bytes())
    raw[-1] ^= 1
    sealed.write_bytes(raw)
    with pytest.raises(VaultError, match="rien n'a été changé"):
        rebuild(settings_of(telecom.data))
    assert sims.codes(telecom.db, CARD, VAULT) is not None


def test_a_lost_store_is_made_anew_of_what_opens_and_the_rest_waits_for_the_key(telecom: Telecom) -> None:
    telecom.take("RatedCDRs/a.csv", cdr_file(cdr()))
    telecom.db.close()
    (telecom.data / store.FILE_NAME).unlink()
    rebuild(settings_of(telecom.data, secret_key=""))
    telecom = telecom_with(telecom.data, Vault())
    assert telecom.cdrs == 1
    assert [file.path for file in rejects.waiting_files(telecom.db)] == [status_at(8), status_at(9), LISTING]
    assert "clé" in rejects.waiting_files(telecom.db)[0].reason
    assert a_pass(telecom) == []  # nor is it news at each start
    with_key(telecom, VAULT)
    assert "file.waiting" not in a_pass(telecom)
    assert lines.rio(telecom.db, NUMBER, VAULT) == RIO
    assert rejects.waiting_files(telecom.db) == []


def test_what_a_lost_key_sealed_is_given_up_and_comes_again_from_the_ftp(telecom: Telecom) -> None:
    with pytest.raises(VaultError):
        sealing.forget_closed(telecom.db, telecom.data, Vault())
    gone = sealing.forget_closed(telecom.db, telecom.data, OTHER_KEY)
    assert (gone.values, gone.copies) == (4, 3)
    assert not copies.exists(telecom.data, LISTING)
    # As the mirror does: the same bytes again are no new version.
    for path, content in ((LISTING, LISTED), (status_at(9), status(word="Suspendue"))):
        target = copies.plain_path(telecom.data, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    with_key(telecom, OTHER_KEY)
    assert a_pass(telecom) == []
    assert lines.rio(telecom.db, NUMBER, OTHER_KEY) == RIO
    assert sims.is_puk(telecom.db, "00012345", OTHER_KEY)
    assert sealing.count(telecom.db, telecom.data, OTHER_KEY) == Sealed(newest=4, newest_copies=2)


# -- Another key


def test_after_a_rotation_the_former_key_may_go(telecom: Telecom) -> None:
    telecom.take(status_at(10), status() + f"{NUMBER};;{RIO}\n")
    telecom.intake.compress()
    held = sealing.count(telecom.db, telecom.data, BOTH)
    assert (held.older, held.older_copies, held.newest) == (5, 4, 0)
    done = sealing.rotate(telecom.db, telecom.data, BOTH)
    assert (done.values, done.copies, done.closed) == (5, 4, 0)
    assert sealing.count(telecom.db, telecom.data, OTHER_KEY) == Sealed(newest=5, newest_copies=4)
    found = sims.codes(telecom.db, CARD, OTHER_KEY)
    assert found
    assert found.puk == "00012345"
    assert sims.is_puk(telecom.db, "77712345", OTHER_KEY)
    assert lines.rio(telecom.db, NUMBER, OTHER_KEY) == RIO
    with_key(telecom, OTHER_KEY)
    assert a_pass(telecom) == []
    assert kinds(telecom.take(status_at(11), status(word="Suspendue"))) == ["line.suspended"]
    assert VAULT.seals_as().encode() not in (telecom.data / store.FILE_NAME).read_bytes()
    assert sealing.rotate(telecom.db, telecom.data, OTHER_KEY).values == 0


def test_a_rotation_that_broke_off_is_ended_by_another(telecom: Telecom) -> None:
    def die(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sealing.rotate(telecom.db, telecom.data, BOTH, die)
    assert sealing.count(telecom.db, telecom.data, BOTH).older_copies == 2
    sealing.rotate(telecom.db, telecom.data, BOTH)
    assert sealing.count(telecom.db, telecom.data, OTHER_KEY) == Sealed(newest=4, newest_copies=3)


def test_a_rotation_says_what_none_of_the_keys_opens_and_leaves_it(telecom: Telecom) -> None:
    done = sealing.rotate(telecom.db, telecom.data, OTHER_KEY)
    assert (done.values, done.copies, done.closed) == (0, 0, 4 + 3)
    assert lines.rio(telecom.db, NUMBER, VAULT) == RIO
    with pytest.raises(VaultError, match="manque"):
        sealing.rotate(telecom.db, telecom.data, Vault())


def test_a_listing_from_before_the_rotation_is_read_again_as_ever(telecom: Telecom) -> None:
    sealing.rotate(telecom.db, telecom.data, BOTH)
    with_key(telecom, OTHER_KEY)
    newer = LISTED.replace("00012345", "00054321")
    assert kinds(telecom.take("Cartes SIM/SIM_20261123_CMD0003.csv", newer)) == ["sims.arrived"]
    assert [sims.is_puk(telecom.db, it, OTHER_KEY) for it in ("00012345", "00054321")] == [False, True]


async def test_what_was_given_up_comes_back_although_the_ftp_was_away_at_first(tmp_path: Path) -> None:
    operator, data = small_operator(tmp_path / "ftp"), tmp_path / "data"
    await make_pass(operator.root, data)
    with closing(store.open_to_write(data)) as db:
        sealing.forget_closed(db, data, OTHER_KEY)
        codes = sealing.count(db, data, VAULT).unkept
    assert codes > 40
    assert (await Syncer(settings_of(data), clock=lambda: NOW).run()).error
    for _ in range(2):
        assert not (await make_pass(operator.root, data)).error
    with closing(store.open_to_read(data)) as db:
        found = sealing.count(db, data, VAULT)
    assert (found.newest, found.unkept) == (codes, 0)


def test_what_a_compression_left_in_clear_goes_when_the_copy_is_sealed(tmp_path: Path) -> None:
    kept = tmp_path / copies.KEPT / LISTING
    left = kept.with_name(f".{kept.name}.gz.part")
    left.parent.mkdir(parents=True)
    left.write_bytes(gzip.compress(LISTED.encode()))
    plain = copies.plain_path(tmp_path, LISTING)
    plain.parent.mkdir(parents=True)
    plain.write_text(LISTED)
    assert copies.seal(tmp_path, LISTING, VAULT)
    assert clear_places(tmp_path, ["00012345"]) == []
    assert not left.exists()


def test_what_is_deleted_is_overwritten_however_sqlite_was_built(tmp_path: Path) -> None:
    for name in (store.FILE_NAME, "desk.db"):
        (tmp_path / name).touch()
        with closing(store.connect(tmp_path / name)) as db:
            assert db.execute("PRAGMA secure_delete").fetchone() == (1,)

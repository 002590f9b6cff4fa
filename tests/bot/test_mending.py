"""What a start does with damaged stores, and what `restore` puts in place: nothing lost in silence, nothing twice
without a mark."""

import asyncio
import shutil
import time
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock
from sqlite_utils import Database

from bot import backup_command, mending, restore_command, restoring
from bot.desk import FILE_NAME as DESK
from bot.desk import audit, open_desk, progress
from bot.desk.inbox import Inbox
from bot.desk.outbox import Outbox
from bot.house import House, open_house
from bot.mending import MendingError
from bot.notices.digest import notify
from bot.running import LOCK
from core import backup as backups
from core import copies, soundness, store
from core.backup import Backup
from core.privacy import erase, plan_erasure, subject
from core.settings import Settings
from core.store import FILE_NAME as TELECOM
from core.vault import new_key
from tests.bot.test_key_command import printed
from tests.core.contents import contents
from tests.core.test_intake import Telecom, cdr, cdr_file
from tests.core.test_settings import GOOD
from tests.handlers.filled import settings as settings_of
from tests.peers.service import KEY

Damage = Callable[[Path], None]
LATER = "RatedCDRs/RatedCDRs_20261124_190000.csv"


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_store(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xa5" * 8 * 8192)


def gone(path: Path) -> None:
    path.unlink()


DAMAGES = [empty, no_store, cut, garbage, gone]


@pytest.fixture(scope="module")
def told(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after a pass whose news was told and sent."""
    data = tmp_path_factory.mktemp("told") / "data"
    shutil.copytree(filled, data)
    settings = settings_of(data)
    with closing(store.connect(data / TELECOM)) as db, db.atomic():
        db.execute("UPDATE passes SET ended_clock = ?", (int(time.time()),))  # the clock that its copies are of
    tell_news(settings)
    settle(settings)
    close_logs(settings)
    return data


@pytest.fixture
def settings(told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A copy of it, in the environment of a service."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    shutil.copytree(told, data)
    monkeypatch.setenv("ORIGYNE_DATA", str(data))
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    return Settings.load()


def opened(settings: Settings) -> "closing[_Open]":
    return closing(_Open(open_house(settings)))


class _Open:
    def __init__(self, house: House) -> None:
        self.house = house

    def close(self) -> None:
        self.house.context.close()
        self.house.desk.close()
        self.house.context.telecom.close()


def tell_news(settings: Settings) -> list[str]:
    """What a service tells that starts now: the subjects of its mails."""
    with opened(settings) as it:
        before = len(it.house.outbox.everything(1000))
        asyncio.run(notify(it.house))
        return [entry.subject for entry in it.house.outbox.everything(1000)[before:]]


def settle(settings: Settings) -> None:
    """All that waits is sent."""
    with closing(open_desk(settings.data)) as desk, desk.atomic():
        desk.execute("UPDATE outbox SET state = 'sent', sent_at = created_at")


def back_up(settings: Settings) -> Backup:
    return backups.make(settings.data, settings.backups, settings.vault.name)


def deliver(settings: Settings, path: str = LATER, minute: int = 0) -> None:
    """One more file, fetched and read, in a pass of its own."""
    telecom = Telecom(settings.data)
    telecom.take(path, cdr_file(cdr(), cdr(2, minute)))
    telecom.intake.compress()
    now = int(time.time())
    with telecom.db.atomic():
        telecom.db.execute(
            "INSERT INTO passes (started_clock, ended_clock, fetched, last_event, error) "
            "VALUES (?, ?, 1, (SELECT max(id) FROM events), '')",
            (now, now),
        )
    telecom.db.close()


def make_pass(settings: Settings) -> None:
    """Read what is pending, as the worker's next pass does."""
    telecom = Telecom(settings.data)
    telecom.read()
    telecom.intake.compress()
    now = int(time.time())
    with telecom.db.atomic():
        telecom.db.execute(
            "INSERT INTO passes (started_clock, ended_clock, fetched, last_event, error) "
            "VALUES (?, ?, 1, (SELECT coalesce(max(id), 0) FROM events), '')",
            (now, now),
        )
    telecom.db.close()


def close_logs(settings: Settings) -> None:
    for name in (DESK, TELECOM):
        with closing(store.connect(settings.data / name)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def said(module: ModuleType, *arguments: str) -> tuple[int, str]:
    parser = ArgumentParser()
    module.declare(parser)
    return printed(module.run, parser.parse_args(arguments))


def without_events(data: Path) -> dict[str, list[tuple[object, ...]]]:
    return {name: rows for name, rows in contents(data, any_order=True).items() if name != "events"}


# -- telecom.db


def test_sound_stores_are_left_as_they_are(settings: Settings) -> None:
    assert mending.mend(settings) == []
    assert list(settings.data.glob("*.damaged")) == []


def test_a_first_start_finds_nothing_to_mend(settings: Settings, tmp_path: Path) -> None:
    assert mending.mend(settings.model_copy(update={"data": tmp_path / "new"})) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_telecom_comes_from_the_backup_and_what_came_since_is_read_again(settings: Settings, damage: Damage) -> None:
    back_up(settings)
    deliver(settings)
    assert tell_news(settings) != []
    settle(settings)
    before = without_events(settings.data)
    close_logs(settings)
    damage(settings.data / TELECOM)
    words = " ".join(mending.mend(settings))
    assert "telecom.db était abîmée" in words
    assert "sauvegarde du" in words
    make_pass(settings)
    assert without_events(settings.data) == before
    assert tell_news(settings) == []
    deliver(settings, LATER.replace("_19", "_20"), 5)
    assert tell_news(settings) != []  # later events are not below the cursor
    assert len(list(settings.data.glob("telecom.db.*.damaged"))) == (damage is not gone)


def test_without_a_backup_telecom_is_made_from_the_kept_files(settings: Settings) -> None:
    before = without_events(settings.data)
    close_logs(settings)
    garbage(settings.data / TELECOM)
    words = " ".join(mending.mend(settings))
    assert "refaite à partir des fichiers gardés" in words
    after = without_events(settings.data)
    assert {name: after[name] for name in ("cdrs", "lines", "sims", "usage_by_line", "invoices")} == {
        name: before[name] for name in ("cdrs", "lines", "sims", "usage_by_line", "invoices")
    }
    make_pass(settings)
    assert tell_news(settings) == []


def test_what_was_fetched_and_not_told_is_told_after_mending(settings: Settings) -> None:
    back_up(settings)
    with closing(open_desk(settings.data)) as desk, desk.atomic():
        progress.put(desk, "told_until", int(time.time()) - 100)
    deliver(settings)
    close_logs(settings)
    garbage(settings.data / TELECOM)
    mending.mend(settings)
    make_pass(settings)
    assert any("communication" in it or "CDR" in it for it in tell_news(settings))


def test_what_was_just_told_is_not_told_again_after_mending(settings: Settings) -> None:
    """No later pass has ended: the store breaks right after the mail."""
    back_up(settings)
    with closing(open_desk(settings.data)) as desk, desk.atomic():
        progress.put(desk, "told_until", int(time.time()) - 100)
    deliver(settings)
    assert tell_news(settings) != []
    close_logs(settings)
    garbage(settings.data / TELECOM)
    mending.mend(settings)
    make_pass(settings)
    assert tell_news(settings) == []


def test_what_came_and_still_waited_to_be_read_is_told_after_mending(settings: Settings) -> None:
    back_up(settings)
    telecom = Telecom(settings.data)
    telecom.put(LATER, cdr_file(cdr(), cdr(2, 7)))  # by a pass that ended without reading it
    telecom.db.execute(
        "INSERT INTO passes (started_clock, ended_clock, fetched, last_event, error) "
        "SELECT ended_clock, ?, 1, last_event, '' FROM passes ORDER BY id DESC LIMIT 1",
        (int(time.time()),),
    )
    telecom.db.close()
    assert tell_news(settings) == []
    close_logs(settings)
    garbage(settings.data / TELECOM)
    mending.mend(settings)
    make_pass(settings)
    assert any("CDR" in it for it in tell_news(settings))


def test_a_damaged_backup_is_passed_over_for_an_older_one(settings: Settings) -> None:
    older, newer = back_up(settings), back_up(settings)
    garbage(newer.path / TELECOM)
    close_logs(settings)
    garbage(settings.data / TELECOM)
    assert "sauvegarde du" in " ".join(mending.mend(settings))
    assert without_events(settings.data) == without_events(older.path)


def test_a_disk_that_damages_again_and_again_is_not_trusted(settings: Settings) -> None:
    back_up(settings)
    for number in range(mending.MOST_A_DAY):
        (settings.data / f"{TELECOM}.{int(time.time()) - number}.damaged").touch()
    close_logs(settings)
    garbage(settings.data / TELECOM)
    with pytest.raises(MendingError, match="disque"):
        mending.mend(settings)


def test_a_large_store_is_read_whole_only_once_it_is_suspected(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(store.connect(settings.data / TELECOM)) as db, db.atomic():
        db.execute("CREATE TABLE padding (text TEXT)")
        db.conn.executemany("INSERT INTO padding VALUES (?)", [("x" * 4000,)] * 1000)  # the middle is far from its root
    back_up(settings)
    monkeypatch.setattr(soundness, "SMALL", 0)
    close_logs(settings)
    garbage(settings.data / TELECOM)
    assert mending.mend(settings) == []
    soundness.suspect(settings.data)
    assert "telecom.db était abîmée" in " ".join(mending.mend(settings))
    assert not soundness.is_suspected(settings.data)


# -- desk.db


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_desk_comes_from_the_backup_and_later_news_is_told_once_more_and_marked(
    settings: Settings, damage: Damage
) -> None:
    with closing(open_desk(settings.data)) as desk, desk.atomic():
        desk.execute("INSERT INTO facts VALUES ('bot_username', 'robot_exemple')")
    back_up(settings)
    deliver(settings)
    (told,) = [subject for subject in tell_news(settings) if subject]
    close_logs(settings)
    damage(settings.data / DESK)
    assert "desk.db était abîmée" in " ".join(mending.mend(settings))
    with closing(open_desk(settings.data)) as desk:
        assert desk.execute("SELECT value FROM facts").fetchone() == ("robot_exemple",)
        assert audit.verify(desk).is_whole
        assert desk.execute("SELECT command FROM audit ORDER BY id DESC").fetchone() == ("restore",)
    assert [subject for subject in tell_news(settings) if subject] == [f"{told} (peut-être déjà reçu)"]
    deliver(settings, LATER.replace("_19", "_20"), 5)
    assert not any("déjà reçu" in subject for subject in tell_news(settings))


@pytest.mark.parametrize("damage", [garbage, cut, empty])
def test_without_a_backup_there_is_a_new_desk_that_tells_nothing_old(settings: Settings, damage: Damage) -> None:
    close_logs(settings)
    damage(settings.data / DESK)
    words = " ".join(mending.mend(settings))
    assert "refaite vide" in words
    assert "Perdu" in words
    assert tell_news(settings) == []
    deliver(settings)
    assert tell_news(settings) != []


def test_both_damaged_come_from_the_same_backup(settings: Settings) -> None:
    back_up(settings)
    deliver(settings)
    tell_news(settings)
    before = without_events(settings.data)
    close_logs(settings)
    garbage(settings.data / DESK)
    cut(settings.data / TELECOM)
    mending.mend(settings)
    make_pass(settings)
    assert without_events(settings.data) == before
    assert all(subject.endswith("(peut-être déjà reçu)") for subject in tell_news(settings) if subject)
    assert tell_news(settings) == []


def test_what_was_mended_is_told_by_mail_once_even_after_a_crash(settings: Settings) -> None:
    back_up(settings)
    close_logs(settings)
    garbage(settings.data / TELECOM)
    words = mending.mend(settings)
    assert mending.mend(settings) == words  # it was not told
    with opened(settings) as it:
        mending.tell(it.house, words)
        (mail,) = [entry for entry in it.house.outbox.everything(1) if entry.channel == "mail"]
        payload, _ = it.house.outbox.content(mail.id)
        assert payload
        text = message_from_bytes(payload, policy=default).get_body(("plain",))  # type: ignore[attr-defined]
        assert "telecom.db était abîmée" in text.get_content()
    assert mending.mend(settings) == []


# -- restore


def waiting_desk(settings: Settings) -> Database:
    """A desk with a mail and an answer under way, a question of each door, a code, and an open fault."""
    desk = open_desk(settings.data)
    outbox, inbox = Outbox(desk), Inbox(desk)
    with desk.atomic():
        desk.execute("DELETE FROM outbox")
        outbox.add("mail", "compta@client.test", b"mail", message_id="<a@b>")
        outbox.add("chat", "4200001", b"{}")
        desk.execute("UPDATE outbox SET state = 'sending' WHERE channel = 'chat'")
    inbox.add("mail", "INBOX/1/7", "mail:a@b.test", b"raw", "<question@b>")
    inbox.add("chat", "12", "chat:4200001", b"{}")
    with desk.atomic():
        desk.execute("INSERT INTO codes (hash, person_id, expires_at, created_at) VALUES ('h', 'technique', 9e9, 0)")
        desk.execute("INSERT INTO confirmations VALUES ('t', 1, 'c', 9e9)")
        desk.execute("INSERT INTO faults VALUES ('trouble.ftp', 'r', 1, 1, 1, 0, NULL, NULL, 0)")
    return desk


def test_what_was_under_way_is_marked_and_nothing_is_answered_twice(settings: Settings) -> None:
    waiting_desk(settings).close()
    made = back_up(settings)
    status, words = said(restore_command, made.path.name, "--yes")
    assert status == 0
    assert "2 messages attendaient" in words
    assert "1 question du chat" in words
    with closing(open_desk(settings.data)) as desk:
        assert desk.execute("SELECT state, uncertain FROM outbox").fetchall() == [("queued", 1)] * 2
        assert desk.execute("SELECT door, state FROM inbox").fetchall() == [("chat", "done")]
        assert desk.execute("SELECT count(*) FROM codes WHERE expires_at > ?", (int(time.time()),)).fetchone() == (0,)
        assert desk.execute("SELECT count(*) FROM confirmations").fetchone() == (0,)
        assert desk.execute("SELECT gone_at = cleared_at FROM faults WHERE key = 'trouble.ftp'").fetchone() == (1,)
        assert audit.verify(desk).is_whole
    assert len(list(settings.data.glob("*.replaced"))) == 2
    assert any("sauvegarde du" in it for it in mending.mend(settings))  # told by the next start


def test_a_backup_goes_to_another_machine_whole(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(settings.data)
    made = backups.make(settings.data, tmp_path / "disk", settings.vault.name)
    monkeypatch.setenv("ORIGYNE_DATA", str(tmp_path / "machine"))
    status, words = said(restore_command, str(made.path), "--yes")
    assert status == 0, words
    assert contents(tmp_path / "machine") == before
    assert copies.paths(tmp_path / "machine") == copies.paths(settings.data)
    assert mending.mend(Settings.load()) != []
    assert tell_news(Settings.load()) == []


def test_what_was_erased_since_stays_erased(settings: Settings) -> None:
    with closing(store.open_to_write(settings.data)) as db:
        (number,) = db.execute("SELECT msisdn FROM lines WHERE status = 'terminated' LIMIT 1").fetchone() or ("",)
        if not number:
            (number,) = db.execute("SELECT msisdn FROM lines LIMIT 1").fetchone()
            with db.atomic():
                db.execute("UPDATE lines SET status = 'terminated' WHERE msisdn = ?", (number,))
    back_up(settings)
    with closing(store.open_to_write(settings.data)) as db:
        who = subject(db, number)
        erase(db, settings.data, plan_erasure(db, who, settings.vault), int(time.time()))
    before = contents(settings.data)
    erasures = (settings.data / "erasures.json").read_text("utf-8")
    status, words = said(restore_command, "--yes")
    assert status == 0
    assert "effacé sur demande" in words
    assert contents(settings.data) == before
    assert (settings.data / "erasures.json").read_text("utf-8") == erasures


def test_another_key_is_warned_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(settings)
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", new_key())
    status, words = said(restore_command, "--yes")
    assert status == 0
    assert "n'est pas celle de cette sauvegarde" in words
    monkeypatch.setenv("ORIGYNE_SECRET_KEY", "")
    assert "(ORIGYNE_SECRET_KEY) manque" in said(restore_command, "--yes")[1]


def test_restore_refuses_while_a_service_runs_and_a_backup_that_is_not_whole(settings: Settings) -> None:
    made = back_up(settings)
    before = contents(settings.data)
    with FileLock(settings.data / LOCK):
        status, words = said(restore_command, "--yes")
    assert (status, "service tourne" in words) == (1, True)
    assert said(restore_command)[0] == 1  # nobody said yes
    garbage(made.path / TELECOM)
    status, words = said(restore_command, "--yes")
    assert (status, "n'est pas entière" in words) == (1, True)
    assert said(restore_command, "nothing")[0] == 1
    assert contents(settings.data) == before


@pytest.mark.parametrize("breaks", [DESK, TELECOM])
def test_a_restore_that_breaks_off_is_ended_by_the_next_start(
    settings: Settings, breaks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = back_up(settings)
    before = contents(settings.data)
    deliver(settings)
    put = soundness.put_in_place

    def broken(new: Path, path: Path, *, damaged: bool) -> None:
        if path.name == breaks:
            soundness.set_aside(path, damaged=damaged)
            raise OSError("power cut")
        put(new, path, damaged=damaged)

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "put_in_place", broken)
        with pytest.raises(OSError, match="power cut"):
            restoring.restore(settings, restoring.plan(settings.data, made, made.stores, by_hand=True))
    assert mending.mend(settings) != []
    copies.remove(settings.data, LATER)
    after = contents(settings.data)
    assert {name: after[name] for name in after if name != "files"} == {
        name: before[name] for name in before if name != "files"
    }
    assert not (settings.data / restoring.PENDING).exists()


# -- backup, as who types it sees it


def test_a_backup_by_hand_says_where_it_is_and_how_it_comes_back(settings: Settings, tmp_path: Path) -> None:
    status, words = said(backup_command)
    (made,) = backups.find(settings.backups)
    assert status == 0
    assert f"origyne-bot restore {made.path}" in words
    assert "La clé des codes (ORIGYNE_SECRET_KEY) n'y est pas" in words
    assert KEY not in "".join(it.read_text("utf-8", "replace") for it in made.path.iterdir())
    status, words = said(backup_command, "--to", str(tmp_path / "disk"))
    assert (status, len(backups.find(tmp_path / "disk"))) == (0, 1)
    status, words = said(backup_command, "list")
    assert (status, made.path.name in words, "entière" in words) == (0, True, True)
    garbage(made.path / TELECOM)
    assert said(backup_command, "list")[0] == 1


def test_a_backup_that_finds_damage_lets_the_next_start_look(settings: Settings) -> None:
    close_logs(settings)
    garbage(settings.data / TELECOM)
    status, words = said(backup_command)
    assert (status, "abîmée" in words) == (1, True)
    assert soundness.is_suspected(settings.data)
    assert backups.find(settings.backups) == []

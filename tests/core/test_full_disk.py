"""A pass over the FTP while the disk is full, or its store is held: it says so, and a later one does the work."""

from contextlib import closing
from pathlib import Path

from core import copies, store
from core.store import FILE_NAME
from core.sync import Syncer
from tests.handlers.filled import settings, small_operator
from tests.peers.ftp import FtpPeer
from tests.peers.pressure import SmallDisk, held_by_another


def _files(data: Path) -> set[tuple[str, str]]:
    with closing(store.open_to_read(data)) as db:
        return set(db.execute("SELECT path, state FROM files"))


async def test_a_pass_whose_store_another_program_holds_says_so_and_the_next_one_does_it(
    embedded_ftp: FtpPeer, tmp_path: Path
) -> None:
    small_operator(embedded_ftp.root)
    syncer = Syncer(settings(tmp_path / "data", embedded_ftp.access()))
    store.open_to_write(tmp_path / "data").close()
    with held_by_another(tmp_path / "data" / FILE_NAME):
        held = await syncer.run()
    assert held.unwritten
    assert "un autre programme tient la base" in held.error
    done = await syncer.run()
    assert not done.error
    assert not done.unwritten
    assert {state for _, state in _files(tmp_path / "data")} <= {"read", "kept", "superseded"}


async def test_a_pass_on_a_full_disk_names_no_file_that_is_not_whole_and_the_next_one_takes_them_all(
    embedded_ftp: FtpPeer, small_disk: SmallDisk
) -> None:
    small_operator(embedded_ftp.root)
    syncer = Syncer(settings(small_disk.folder, embedded_ftp.access()))
    store.open_to_write(small_disk.folder).close()
    small_disk.fill()
    full = await syncer.run()
    assert full.fetched == 0
    assert full.unwritten
    assert "le disque est plein" in full.error
    small_disk.free()
    assert all(copies.exists(small_disk.folder, path) for path, _ in _files(small_disk.folder))
    done = await syncer.run()
    assert not done.error
    assert not done.failed
    assert {state for _, state in _files(small_disk.folder)} <= {"read", "kept", "superseded"}
    assert not list(small_disk.folder.rglob("*.part"))


async def test_a_file_that_would_fill_the_disk_waits_for_room_and_the_others_come(
    embedded_ftp: FtpPeer, small_disk: SmallDisk
) -> None:
    (embedded_ftp.root / "Documents").mkdir()
    (embedded_ftp.root / "Documents" / "enorme.pdf").write_bytes(bytes(60 * 1024 * 1024))
    (embedded_ftp.root / "Documents" / "contrat.pdf").write_bytes(b"%PDF")
    report = await Syncer(settings(small_disk.folder, embedded_ftp.access())).run()
    assert report.fetched == 1
    ((path, reason),) = report.failed
    assert path == "Documents/enorme.pdf"
    assert "pas assez de place" in reason

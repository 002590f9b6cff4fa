import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot.sandbox.operator import Operator
from core import events, store
from core.copies import MIRROR
from core.ftp import Entry, FtpError, FtpSession, connect
from core.mirror import Fetched, MirrorError, Progress, mirror
from core.settings import FtpAccess, Settings
from core.sync import Pass, Syncer
from tests.peers.ftp import FtpPeer
from tests.peers.programs import free_port

STATUS = "AccountStatus/AccountStatus_20261124_080000.csv"


def settings_for(access: FtpAccess, data: Path) -> Settings:
    return Settings.model_validate(
        {
            "operator_name": "Télécom Exemple",
            "accounting_email": "compta@exemple.fr",
            "technical_email": "technique@exemple.fr",
            "technical_contact": "Camille Martin",
            "bot_email": "robot@exemple.fr",
            "telegram_token": "123456789:un-jeton-de-test",
            "data": data,
            "ftp_host": access.host,
            "ftp_port": access.port,
            "ftp_login": access.login,
            "ftp_password": access.password,
            "ftp_tls": access.tls,
            "ftp_settle": access.settle_seconds,
            "tls_ca": access.ca_file,
            "smtp_host": "localhost",
            "imap_host": "localhost",
            "imap_login": "robot",
            "imap_password": "",
        }
    )


def plant(root: Path, path: str, content: bytes) -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def files_under(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def fetch(access: FtpAccess, data: Path, progress: Callable[[Progress], None] = lambda _: None) -> Fetched:
    data.mkdir(exist_ok=True)
    db = store.open_to_write(data)
    try:
        return await mirror(access, db, data, progress)
    finally:
        db.close()


def ledger(data: Path) -> dict[str, tuple[int, int]]:
    """Size and version of each path."""
    db = store.open_to_read(data)
    try:
        return {path: (size, version) for path, size, version in db.execute("SELECT path, size, version FROM files")}
    finally:
        db.close()


def small_operator(root: Path) -> Operator:
    operator = Operator(root, today=date(2026, 11, 4), lines=40, clients=4, months=2)
    operator.fill()
    return operator


# -- Each server in turn


async def test_the_whole_account_is_mirrored_byte_for_byte(any_ftp: FtpPeer, tmp_path: Path) -> None:
    small_operator(any_ftp.root)
    plant(any_ftp.root, "Documents/Été à l'œuvre & co [2026].pdf", b"%PDF accents")
    fetched = await fetch(any_ftp.access(), tmp_path / "data")
    source = files_under(any_ftp.root)
    assert {path.split("/")[0] for path in source} >= {"Cartes SIM", "RatedCDRs", "Factures", "AccountStatus"}
    assert files_under(tmp_path / "data" / MIRROR) == source
    assert list((tmp_path / "data" / "arriving").iterdir()) == []
    assert fetched == Fetched(len(source), 0)
    assert {path: size for path, (size, _) in ledger(tmp_path / "data").items()} == {
        path: len(content) for path, content in source.items()
    }


async def test_a_second_pass_fetches_nothing(any_ftp: FtpPeer, tmp_path: Path) -> None:
    for number in range(3):
        plant(any_ftp.root, f"RatedCDRs/RatedCDRs_2026112{number}_1000.csv", b"x" * number)
    assert (await fetch(any_ftp.access(), tmp_path)).files == 3
    assert await fetch(any_ftp.access(), tmp_path) == Fetched(0, 0)


async def test_a_changed_file_is_fetched_again_as_a_new_version(any_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(any_ftp.root, STATUS, b"one")
    plant(any_ftp.root, "Documents/Kbis.pdf", b"%PDF")
    await fetch(any_ftp.access(), tmp_path)
    plant(any_ftp.root, STATUS, b"another")
    assert await fetch(any_ftp.access(), tmp_path) == Fetched(1, 0)
    assert (tmp_path / MIRROR / STATUS).read_bytes() == b"another"
    assert ledger(tmp_path) == {STATUS: (7, 2), "Documents/Kbis.pdf": (4, 1)}


async def test_a_file_that_still_grows_waits_for_the_next_pass(any_ftp: FtpPeer, tmp_path: Path) -> None:
    growing = plant(any_ftp.root, "RatedCDRs/grandit.csv", b"x")
    plant(any_ftp.root, STATUS, b"still")
    stop = asyncio.Event()

    async def grow() -> None:
        while not stop.is_set():
            with growing.open("ab") as file:
                file.write(b"x")
            await asyncio.sleep(0.01)

    growth = asyncio.create_task(grow())
    first = await fetch(any_ftp.access(settle_seconds=0.3), tmp_path)
    stop.set()
    await growth
    assert first == Fetched(1, 1)
    assert list(ledger(tmp_path)) == [STATUS]
    assert await fetch(any_ftp.access(settle_seconds=0.3), tmp_path) == Fetched(1, 0)
    assert (tmp_path / MIRROR / "RatedCDRs/grandit.csv").read_bytes() == growing.read_bytes()


async def test_unfinished_names_wait_for_their_final_one(any_ftp: FtpPeer, tmp_path: Path) -> None:
    sent = [plant(any_ftp.root, f"RatedCDRs/{name}", b"x") for name in ("a.csv.tmp", "b.csv.part", "c.CSV.PART")]
    assert await fetch(any_ftp.access(), tmp_path) == Fetched(0, 3)
    assert files_under(tmp_path / MIRROR) == {}
    sent[0].rename(sent[0].with_suffix(""))
    assert await fetch(any_ftp.access(), tmp_path) == Fetched(1, 2)
    assert list(files_under(tmp_path / MIRROR)) == ["RatedCDRs/a.csv"]


async def test_a_file_deleted_from_the_server_stays(any_ftp: FtpPeer, tmp_path: Path) -> None:
    gone = plant(any_ftp.root, STATUS, b"old")
    await fetch(any_ftp.access(), tmp_path)
    gone.unlink()
    assert await fetch(any_ftp.access(), tmp_path) == Fetched(0, 0)
    assert (tmp_path / MIRROR / STATUS).read_bytes() == b"old"
    assert STATUS in ledger(tmp_path)


# -- One server is enough


async def test_the_same_bytes_under_a_new_date_are_no_new_version(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    planted = plant(embedded_ftp.root, STATUS, b"same")
    await fetch(embedded_ftp.access(), tmp_path)
    os.utime(planted, (1_700_000_000, 1_700_000_000))
    assert (await fetch(embedded_ftp.access(), tmp_path)).files == 1
    assert ledger(tmp_path) == {STATUS: (4, 1)}
    assert (await fetch(embedded_ftp.access(), tmp_path)).files == 0


async def test_a_copy_that_is_gone_is_fetched_again(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(embedded_ftp.root, STATUS, b"copy")
    await fetch(embedded_ftp.access(), tmp_path)
    (tmp_path / MIRROR / STATUS).unlink()
    await fetch(embedded_ftp.access(), tmp_path)
    assert (tmp_path / MIRROR / STATUS).read_bytes() == b"copy"
    assert ledger(tmp_path) == {STATUS: (4, 1)}


async def test_the_transfer_is_told_as_it_goes(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    for number in range(3):
        plant(embedded_ftp.root, f"Documents/{number}.pdf", b"x" * 10)
    told: list[Progress] = []
    await fetch(embedded_ftp.access(), tmp_path, told.append)
    # A word comes with each block too.
    assert [(p.files, p.of_files, p.bytes, p.of_bytes) for p in dict.fromkeys(told)] == [
        (number, 3, 10 * number, 30) for number in range(4)
    ]


@pytest.mark.parametrize("path", ["../évasion.csv", "/etc/évasion", "a/../../évasion", "a/..", "..", "", "a\0b"])
async def test_a_path_that_would_leave_the_folder_is_refused(
    embedded_ftp: FtpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    plant(embedded_ftp.root, "évasion", b"x")

    async def hostile(self: FtpSession) -> list[Entry]:
        return [Entry(path, "évasion", 1, "x")]

    monkeypatch.setattr(FtpSession, "list_files", hostile)
    with pytest.raises(FtpError, match="impossible") as caught:
        await fetch(embedded_ftp.access(), tmp_path / "data")
    assert caught.value.permanent
    assert not any(found.is_file() and "vasion" in found.name for found in tmp_path.rglob("*"))


async def test_a_file_that_the_server_refuses_does_not_hold_back_the_others(vsftpd: FtpPeer, tmp_path: Path) -> None:
    plant(vsftpd.root, "Documents/a.pdf", b"a")
    plant(vsftpd.root, "Documents/b.pdf", b"b").chmod(0)
    plant(vsftpd.root, "Documents/c.pdf", b"c")
    fetched = await fetch(vsftpd.access(), tmp_path)
    assert (fetched.files, [path for path, _ in fetched.failed]) == (2, ["Documents/b.pdf"])
    assert "550" in fetched.failed[0][1]
    assert set(ledger(tmp_path)) == {"Documents/a.pdf", "Documents/c.pdf"}


async def test_several_refused_files_do_not_either(vsftpd: FtpPeer, tmp_path: Path) -> None:
    for number in range(5):
        plant(vsftpd.root, f"Documents/{number}.pdf", b"x").chmod(0)
    plant(vsftpd.root, "Documents/z.pdf", b"z")
    fetched = await fetch(replace(vsftpd.access(), connections=1), tmp_path)
    assert (fetched.files, len(fetched.failed)) == (1, 5)
    assert set(ledger(tmp_path)) == {"Documents/z.pdf"}


async def test_an_account_that_refuses_everything_ends_the_pass(
    embedded_ftp: FtpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        plant(embedded_ftp.root, f"Documents/{number}.pdf", b"x")

    async def refused(self: FtpSession, entry: Entry, part: Path, progress: object = None) -> str:
        raise FtpError(f"{entry.path} : 550", permanent=True)

    monkeypatch.setattr(FtpSession, "fetch", refused)
    with pytest.raises(MirrorError, match="550") as caught:
        await fetch(embedded_ftp.access(), tmp_path)
    assert caught.value.fetched == 0


async def test_a_file_in_the_place_of_a_folder_does_not_hold_back_the_others(
    embedded_ftp: FtpPeer, tmp_path: Path
) -> None:
    former = plant(embedded_ftp.root, "Documents/2026", b"a file")
    await fetch(embedded_ftp.access(), tmp_path)
    former.unlink()
    plant(embedded_ftp.root, "Documents/2026/Kbis.pdf", b"in a folder")
    plant(embedded_ftp.root, "Documents/Z.pdf", b"z")
    ((path, reason),) = (await fetch(embedded_ftp.access(), tmp_path)).failed
    assert path == "Documents/2026/Kbis.pdf"
    assert "écriture impossible" in reason
    assert "Documents/Z.pdf" in ledger(tmp_path)


# -- Several connections, and what a cut left


async def test_a_server_that_allows_few_connections_is_read_by_those(vsftpd_of_two: FtpPeer, tmp_path: Path) -> None:
    for number in range(40):
        plant(vsftpd_of_two.root, f"Documents/{number}.pdf", b"%d" % number)
    fetched = await fetch(replace(vsftpd_of_two.access(), connections=8), tmp_path)
    assert fetched == Fetched(40, 0)
    assert files_under(tmp_path / MIRROR) == files_under(vsftpd_of_two.root)


async def test_a_cut_file_is_completed_from_where_it_stopped(any_ftp: FtpPeer, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    plant(any_ftp.root, "Documents/grand.pdf", content)
    async with connect(any_ftp.access()) as session:
        (entry,) = await session.list_files()
        part = tmp_path / "part"
        part.write_bytes(content[:700_001])
        told: list[int] = []
        assert await session.fetch(entry, part, told.append) == hashlib.sha256(content).hexdigest()
        assert part.read_bytes() == content
        if any_ftp.name != "embedded":  # which knows no REST: from the beginning
            assert told[0] > 700_001
        part.write_bytes(content + b"more than there is")
        assert await session.fetch(entry, part) == hashlib.sha256(content).hexdigest()
        assert part.read_bytes() == content


async def test_a_pass_completes_what_the_one_before_began(
    vsftpd: FtpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(5_000_000)
    plant(vsftpd.root, "Documents/grand.pdf", content)
    received: list[int] = []
    whole = FtpSession.fetch

    async def cut(self: FtpSession, entry: Entry, part: Path, progress: object = None) -> str:
        def stop(count: int) -> None:
            if count > 2_000_000:
                raise ConnectionResetError

        return await whole(self, entry, part, stop)

    async def watched(self: FtpSession, entry: Entry, part: Path, progress: object = None) -> str:
        received.append(part.stat().st_size)
        return await whole(self, entry, part)

    monkeypatch.setattr(FtpSession, "fetch", cut)
    assert [path for path, _ in (await fetch(vsftpd.access(), tmp_path)).failed] == ["Documents/grand.pdf"]
    assert ledger(tmp_path) == {}
    monkeypatch.setattr(FtpSession, "fetch", watched)
    assert (await fetch(vsftpd.access(), tmp_path)).files == 1
    assert received[0] > 2_000_000
    assert (tmp_path / MIRROR / "Documents/grand.pdf").read_bytes() == content
    assert list((tmp_path / "arriving").iterdir()) == []


async def test_the_beginning_of_another_version_is_not_completed(vsftpd: FtpPeer, tmp_path: Path) -> None:
    planted = plant(vsftpd.root, "Documents/grand.pdf", b"new content")
    await fetch(vsftpd.access(), tmp_path)
    (tmp_path / "arriving" / ("0" * 8)).write_bytes(b"old")
    planted.write_bytes(b"newer content")
    assert (await fetch(vsftpd.access(), tmp_path)).files == 1
    assert (tmp_path / MIRROR / "Documents/grand.pdf").read_bytes() == b"newer content"


# -- A whole pass


async def test_a_pass_reads_what_it_fetched(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    operator = small_operator(embedded_ftp.root)
    syncer = Syncer(settings_for(embedded_ftp.access(), tmp_path))
    made = await syncer.run()
    count = len(files_under(embedded_ftp.root))
    assert made == Pass(count, count, 0, number=1)
    db = store.open_to_read(tmp_path)
    assert db.execute("SELECT count(*) FROM cdrs WHERE source = 0").fetchone() == (len(operator.cdrs),)
    assert db.execute("SELECT count(*) FROM lines").fetchone() == (40,)
    assert db.execute("SELECT count(*) FROM sims WHERE puk != ''").fetchone() == (len(operator.sims),)
    assert db.execute("SELECT count(*) FROM invoices").fetchone() == (len(operator.invoices),)
    assert db.execute("SELECT path FROM files WHERE state = 'waiting'").fetchall() == []
    for month in operator.months:
        for client in operator.clients:
            wanted = operator.usage(client.name, month)
            found = db.execute(
                "SELECT coalesce(sum(seconds) FILTER (WHERE kind = 0), 0), coalesce(sum(bytes), 0), "
                "coalesce(sum(amount), 0) FROM usage_by_line JOIN clients ON clients.id = client_id "
                "WHERE source = 0 AND name = ? AND month = ?",
                (client.name, int(month.replace("-", ""))),
            ).fetchone()
            assert found == (wanted.voice_seconds, wanted.data_bytes, wanted.amount), (client.name, month)
    db.close()
    assert await syncer.run() == Pass(0, 0, 0, number=2)


async def test_an_unreachable_server_is_told_in_french(tmp_path: Path) -> None:
    nowhere = FtpAccess("127.0.0.1", free_port(), "demo", "secret-du-ftp")
    made = await Syncer(settings_for(nowhere, tmp_path)).run()
    assert (made.fetched, made.read) == (0, 0)
    assert "injoignable" in made.error
    assert "ORIGYNE_FTP_HOST" in made.error
    assert "secret-du-ftp" not in made.error


async def test_a_refused_password_is_told_in_french_and_not_shown(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    made = await Syncer(settings_for(replace(embedded_ftp.access(), password="un-faux-mot"), tmp_path)).run()
    assert "ORIGYNE_FTP_PASSWORD" in made.error
    assert "un-faux-mot" not in made.error


async def test_what_had_arrived_before_a_break_is_read(
    embedded_ftp: FtpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(embedded_ftp.root, STATUS, b"Ligne;Statut\n0639980001;Active\n")
    for hour in range(9, 24):
        plant(embedded_ftp.root, STATUS.replace("_08", f"_{hour:02d}"), b"never arrives")
    whole = FtpSession.fetch

    async def breaking(self: FtpSession, entry: Entry, part: Path, progress: object = None) -> str:
        if entry.path != STATUS:
            raise FtpError("la connexion a été coupée", permanent=False)
        return await whole(self, entry, part)

    monkeypatch.setattr(FtpSession, "fetch", breaking)
    made = await Syncer(settings_for(embedded_ftp.access(), tmp_path)).run()
    assert made.error == "la connexion a été coupée"
    assert (made.fetched, made.read) == (1, 1)
    db = store.open_to_read(tmp_path)
    assert db.execute("SELECT msisdn FROM lines").fetchall() == [("0639980001",)]
    assert db.execute("SELECT error FROM passes").fetchall() == [("la connexion a été coupée",)]
    db.close()


async def test_waiting_files_are_read_by_the_pass_after_the_layouts_changed(
    embedded_ftp: FtpPeer, tmp_path: Path
) -> None:
    plant(embedded_ftp.root, STATUS, "Abonné;Situation;Statut\n0639980001;x;Active\n".encode())
    syncer = Syncer(settings_for(embedded_ftp.access(), tmp_path))
    await syncer.run()
    assert (await syncer.run()).read == 0
    (tmp_path / "layouts.toml").write_text('[columns]\nmsisdn = ["abonné"]\n', "utf-8")
    assert (await syncer.run()).read == 1
    db = store.open_to_read(tmp_path)
    assert [kind for (kind,) in db.execute("SELECT kind FROM events ORDER BY id")] == ["file.waiting", "lines.loaded"]
    db.close()


async def test_the_store_and_the_copies_are_closed_to_others(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(embedded_ftp.root, "Cartes SIM/SIM_20261120_CMD0001.csv", b"NSCE;PUK\n8933019900000000018;00012345\n")
    await Syncer(settings_for(embedded_ftp.access(), tmp_path / "data")).run()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / store.FILE_NAME).stat().st_mode & 0o077 == 0


async def test_a_pass_logs_no_code_and_no_password(
    embedded_ftp: FtpPeer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    plant(embedded_ftp.root, "Cartes SIM/SIM_20261120_CMD0001.csv", b"NSCE;PUK\n8933019900000000018;00012345\n8;0\n")
    await Syncer(settings_for(embedded_ftp.access(), tmp_path)).run()
    own = "".join(record.getMessage() for record in caplog.records if record.name.startswith("core"))
    assert "00012345" not in own
    assert embedded_ftp.password not in own


async def test_events_are_read_once_their_pass_has_ended(embedded_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(embedded_ftp.root, STATUS, b"Ligne;Statut\n0639980001;Active\n")
    await Syncer(settings_for(embedded_ftp.access(), tmp_path)).run()
    db = store.open_to_write(tmp_path)
    (event,) = events.since(db, 0)
    assert (event.kind, event.path, event.data) == ("lines.loaded", STATUS, {"lines": 1, "clients": 0})
    with db.atomic():
        events.write(db, "line.new", 1, msisdn="0639980002")
    assert events.since(db, event.id) == []
    assert json.loads(db.execute("SELECT data FROM events WHERE id = 2").fetchone()[0]) == {"msisdn": "0639980002"}
    db.close()

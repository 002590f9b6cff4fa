import asyncio
import hashlib
import logging
import os
import re
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aioftp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import ftp as ftp_module
from core.ftp import Entry, FtpError, connect
from core.listing import Listed, parse_list_line, parse_mlsd_line, read_listing
from core.settings import FtpAccess, tls_context
from tests.peers.ftp import FtpPeer
from tests.peers.programs import free_port

TREE = {
    "AccountStatus/état des lignes.csv": b"a;b\n",
    "AccountStatus/vide.csv": b"",
    "Cartes SIM/commande 12.csv": b"puk" * 100,
    "Factures/Intégrateur/2026-10.pdf": b"%PDF",
    "Factures/Clients/[2026] *.csv": b"x",
    "-tiret/-l": b"dash",
    "a/b/c/d/e/f/ espace devant": b"deep",
    "RatedCDRs/cdr_20261123.csv.tmp": b"t" * 7,
}


def plant(root: Path, tree: dict[str, bytes]) -> None:
    for path, content in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def files_under(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def entry_at(peer: FtpPeer, path: str) -> Entry:
    async with connect(peer.access()) as ftp:
        (entry,) = [entry for entry in await ftp.list_files() if entry.path == path]
    return entry


async def test_the_whole_tree_is_listed_with_its_odd_names(any_ftp: FtpPeer) -> None:
    plant(any_ftp.root, TREE)
    (any_ftp.root / "Documents").mkdir()
    async with connect(any_ftp.access()) as ftp:
        entries = await ftp.list_files()
    assert {entry.path: entry.size for entry in entries} == {path: len(text) for path, text in TREE.items()}
    assert [entry.path for entry in entries] == sorted(TREE)
    assert all(entry.stamp for entry in entries)
    assert ftp.ignored == []


async def test_every_listed_file_downloads_with_equal_bytes(any_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(any_ftp.root, TREE)
    async with connect(any_ftp.access()) as ftp:
        for entry in await ftp.list_files():
            await ftp.download(entry, tmp_path / "copy" / entry.path)
    assert files_under(tmp_path / "copy") == TREE


async def test_a_large_file_downloads_with_its_progress(any_ftp: FtpPeer, tmp_path: Path) -> None:
    content = os.urandom(5_000_000)
    plant(any_ftp.root, {"BilledCDRs/facturé.csv": content})
    seen: list[int] = []
    async with connect(any_ftp.access()) as ftp:
        (entry,) = await ftp.list_files()
        await ftp.download(entry, tmp_path / "out", seen.append)
    assert (tmp_path / "out").read_bytes() == content
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == len(content)


async def test_a_name_that_is_not_utf8_is_shown_and_downloaded(real_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(real_ftp.root, {os.fsdecode(b"Int\xe9grateur/relev\xe9 5\x80.csv"): b"latin", "été.csv": b"utf8"})
    async with connect(real_ftp.access()) as ftp:
        entries = await ftp.list_files()
        assert [entry.path for entry in entries] == ["Intégrateur/relevé 5€.csv", "été.csv"]
        await ftp.download(entries[0], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"latin"


async def test_one_name_in_two_encodings_stays_two_files(real_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(real_ftp.root, {os.fsdecode(b"\xe9t\xe9.csv"): b"latin", "été.csv": b"utf8"})
    async with connect(real_ftp.access()) as ftp:
        entries = await ftp.list_files()
        assert len({entry.path for entry in entries}) == 2
        for entry in entries:
            await ftp.download(entry, tmp_path / entry.path)
    assert sorted(files_under(tmp_path).values()) == [b"latin", b"utf8"]


async def test_a_latin1_account_reads_and_writes_latin1_names(vsftpd: FtpPeer) -> None:
    plant(vsftpd.root, {os.fsdecode(b"\xe9t\xe9.csv"): b"x"})
    async with connect(replace(vsftpd.access(), encoding="latin-1")) as ftp:
        assert [entry.path for entry in await ftp.list_files()] == ["été.csv"]
        await ftp.upload(b"y", "Noël.png")
        with pytest.raises(FtpError, match="ORIGYNE_FTP_ENCODING"):
            await ftp.upload(b"y", "€.png")
    assert (vsftpd.root / os.fsdecode(b"No\xebl.png")).read_bytes() == b"y"


async def test_symbolic_links_are_left_out(real_ftp: FtpPeer) -> None:
    plant(real_ftp.root, {"real/file": b"1"})
    (real_ftp.root / "loop").symlink_to(".")
    (real_ftp.root / "link").symlink_to("real/file")
    async with connect(real_ftp.access()) as ftp:
        assert [entry.path for entry in await ftp.list_files()] == ["real/file"]


async def test_a_folder_that_contains_itself_is_walked_to_a_limit(embedded_ftp: FtpPeer) -> None:
    plant(embedded_ftp.root, {"file": b"1"})
    (embedded_ftp.root / "loop").symlink_to(".")  # this server follows links
    async with connect(embedded_ftp.access()) as ftp:
        entries = await ftp.list_files()
    assert len(entries) == ftp_module.DEEPEST + 1
    assert "niveaux" in ftp.ignored[0]


async def test_a_closed_folder_does_not_hide_the_others(real_ftp: FtpPeer) -> None:
    plant(real_ftp.root, {"closed/in": b"1", "open/out": b"2"})
    (real_ftp.root / "closed").chmod(0)
    async with connect(real_ftp.access()) as ftp:
        assert [entry.path for entry in await ftp.list_files()] == ["open/out"]
    assert len(ftp.ignored) == 1
    assert "closed" in ftp.ignored[0]


async def test_only_what_is_under_the_chosen_root_is_seen(any_ftp: FtpPeer) -> None:
    plant(any_ftp.root, {"Intégrateur 1/a/b.csv": b"1", "outside.csv": b"2"})
    async with connect(replace(any_ftp.access(), root="/Intégrateur 1")) as ftp:
        assert [entry.path for entry in await ftp.list_files()] == ["a/b.csv"]
        await ftp.upload(b"logo", "Personnalisation/logo.png")
    assert (any_ftp.root / "Intégrateur 1/Personnalisation/logo.png").read_bytes() == b"logo"


async def test_a_root_that_does_not_exist_is_a_permanent_error(any_ftp: FtpPeer) -> None:
    with pytest.raises(FtpError, match="/absent") as caught:
        async with connect(replace(any_ftp.access(), root="/absent")):
            pass
    assert caught.value.permanent


async def test_the_time_of_change_is_in_utc_with_its_seconds(real_ftp: FtpPeer) -> None:
    plant(real_ftp.root, {"old file.csv": b"1"})
    moment = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
    os.utime(real_ftp.root / "old file.csv", (0, moment.timestamp()))
    async with connect(real_ftp.access()) as ftp:
        (entry,) = await ftp.list_files()
        assert await ftp.modified(entry) == moment


async def test_a_server_without_mdtm_gives_the_time_of_its_listing(embedded_ftp: FtpPeer) -> None:
    plant(embedded_ftp.root, {"file": b"1"})
    changed = datetime(2026, 11, 23, 14, 5, 9, tzinfo=UTC)
    os.utime(embedded_ftp.root / "file", (changed.timestamp(), changed.timestamp()))
    async with connect(embedded_ftp.access()) as ftp:
        (entry,) = await ftp.list_files()
        assert await ftp.modified(entry) == changed
        assert await ftp.modified(replace(entry, stamp="Nov 23 14:05")) is None
        assert await ftp.list_files() == [entry]


async def test_a_file_that_grew_since_its_listing_is_not_taken(any_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(any_ftp.root, {"cdr.csv": b"1" * 1000})
    (tmp_path / "cdr.csv").write_bytes(b"former")
    entry = await entry_at(any_ftp, "cdr.csv")
    (any_ftp.root / "cdr.csv").write_bytes(b"1" * 1500)
    with pytest.raises(FtpError, match="1500 octets reçus, 1000 annoncés") as caught:
        async with connect(any_ftp.access()) as ftp:
            await ftp.download(entry, tmp_path / "cdr.csv")
    assert not caught.value.permanent
    assert files_under(tmp_path) == {"cdr.csv": b"former"}


async def test_a_file_that_vanished_is_an_error_and_not_a_wait(any_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(any_ftp.root, {"cdr.csv": b"1"})
    entry = await entry_at(any_ftp, "cdr.csv")
    (any_ftp.root / "cdr.csv").unlink()
    async with asyncio.timeout(30), connect(any_ftp.access()) as ftp:
        with pytest.raises(FtpError, match=r"cdr\.csv.*550") as caught:
            await ftp.download(entry, tmp_path / "cdr.csv")
        assert caught.value.permanent
        with pytest.raises(FtpError, match="session FTP est fermée"):
            await ftp.list_files()
    assert files_under(tmp_path) == {}


async def test_a_disk_that_refuses_is_named_as_ours(vsftpd: FtpPeer, tmp_path: Path) -> None:
    plant(vsftpd.root, {"cdr.csv": b"1"})
    (tmp_path / "in the way").write_bytes(b"")
    async with connect(vsftpd.access()) as ftp:
        (entry,) = await ftp.list_files()
        with pytest.raises(FtpError, match=r"in the way.*écriture impossible"):
            await ftp.download(entry, tmp_path / "in the way" / "cdr.csv")


async def test_an_upload_arrives_whole_in_a_new_folder(any_ftp: FtpPeer) -> None:
    content = os.urandom(2_000_000)
    async with connect(any_ftp.access()) as ftp:
        await ftp.upload(content, "Personnalisation/Été 2026/mon logo.png")
        await ftp.upload(b"", "vide.txt")
    assert files_under(any_ftp.root) == {"Personnalisation/Été 2026/mon logo.png": content, "vide.txt": b""}


async def test_the_former_file_is_kept_beside_the_new_one(any_ftp: FtpPeer) -> None:
    plant(any_ftp.root, {"Personnalisation/logo.png": b"former"})
    async with connect(any_ftp.access()) as ftp:
        await ftp.upload(b"second", "Personnalisation/logo.png")
        await ftp.upload(b"third", "Personnalisation/logo.png")
    files = files_under(any_ftp.root)
    assert files.pop("Personnalisation/logo.png") == b"third"
    assert sorted(files.values()) == [b"former", b"second"]
    for name in files:
        day = name.removeprefix("Personnalisation/logo.").removesuffix(".png")[:15]
        assert abs((datetime.now() - datetime.strptime(day, "%Y%m%d-%H%M%S")).days) <= 1


async def test_a_file_that_the_new_one_replaces_is_kept_under_a_dated_name(any_ftp: FtpPeer) -> None:
    plant(any_ftp.root, {"Personnalisation/logo.jpg": b"former", "Personnalisation/bandeau.jpg": b"another"})
    async with connect(any_ftp.access()) as ftp:
        await ftp.upload(b"new", "Personnalisation/logo.png", instead_of=("logo.jpg", "logo.jpeg"))
    files = files_under(any_ftp.root)
    assert files.pop("Personnalisation/logo.png") == b"new"
    assert files.pop("Personnalisation/bandeau.jpg") == b"another"
    ((kept, content),) = files.items()
    assert content == b"former"
    assert re.fullmatch(r"Personnalisation/logo\.\d{8}-\d{6}\.jpg", kept)


async def test_the_same_file_put_again_leaves_no_copy(any_ftp: FtpPeer) -> None:
    plant(any_ftp.root, {"Personnalisation/logo.jpg": b"former"})
    for _ in range(2):
        async with connect(any_ftp.access()) as ftp:
            await ftp.upload(b"new", "Personnalisation/logo.png", instead_of=("logo.jpg",))
    files = files_under(any_ftp.root)
    assert files.pop("Personnalisation/logo.png") == b"new"
    assert list(files.values()) == [b"former"]


async def test_a_file_put_instead_of_itself_stays(embedded_ftp: FtpPeer) -> None:
    plant(embedded_ftp.root, {"logo.png": b"former", "logo.jpg": b"older"})
    async with connect(embedded_ftp.access()) as ftp:
        await ftp.upload(b"new", "logo.png", instead_of=("logo.png", "logo.jpg", "logo.jpg"))
    files = files_under(embedded_ftp.root)
    assert files.pop("logo.png") == b"new"
    assert sorted(files.values()) == [b"former", b"older"]
    assert "logo.jpg" not in files


async def test_a_folder_is_never_set_aside_for_a_file(embedded_ftp: FtpPeer) -> None:
    plant(embedded_ftp.root, {"logo.jpg/inside": b"kept"})
    async with connect(embedded_ftp.access()) as ftp:
        await ftp.upload(b"new", "logo.png", instead_of=("logo.jpg",))
    assert files_under(embedded_ftp.root) == {"logo.png": b"new", "logo.jpg/inside": b"kept"}


@pytest.mark.parametrize("other", ["../logo.jpg", "autre/logo.jpg", "", ".."])
async def test_only_a_file_beside_the_new_one_is_replaced_by_it(embedded_ftp: FtpPeer, other: str) -> None:
    tree = {"logo.jpg": b"above", "Personnalisation/autre/logo.jpg": b"below"}
    plant(embedded_ftp.root, tree)
    async with connect(embedded_ftp.access()) as ftp:
        with pytest.raises(FtpError) as caught:
            await ftp.upload(b"new", "Personnalisation/logo.png", instead_of=(other,))
    assert caught.value.permanent
    assert files_under(embedded_ftp.root) == tree


async def test_what_an_earlier_upload_left_is_overwritten(any_ftp: FtpPeer) -> None:
    plant(any_ftp.root, {"logo.png.part": b"half of a longer file"})
    async with connect(any_ftp.access()) as ftp:
        await ftp.upload(b"whole", "logo.png")
    assert files_under(any_ftp.root) == {"logo.png": b"whole"}


async def test_an_interrupted_upload_leaves_the_final_name_alone(any_ftp: FtpPeer) -> None:
    plant(any_ftp.root, {"logo.png": b"former"})

    async def upload() -> None:
        async with connect(any_ftp.access()) as ftp:
            await ftp.upload(bytes(100_000_000), "logo.png")

    task = asyncio.create_task(upload())
    part = any_ftp.root / "logo.png.part"
    async with asyncio.timeout(20):
        while not (part.exists() and part.stat().st_size):  # noqa: ASYNC110
            await asyncio.sleep(0)  # the server writes it, and tells nobody
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert (any_ftp.root / "logo.png").read_bytes() == b"former"
    assert {path.name for path in any_ftp.root.iterdir()} == {"logo.png", "logo.png.part"}


@pytest.mark.parametrize("path", ["", "..", "../logo.png", "a//b", "a/../b", "a\r\nDELE b", "a/./b"])
async def test_an_upload_cannot_leave_the_account(embedded_ftp: FtpPeer, path: str) -> None:
    async with connect(embedded_ftp.access()) as ftp:
        with pytest.raises(FtpError, match="chemin") as caught:
            await ftp.upload(b"x", path)
    assert caught.value.permanent


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_carries_many_transfers_in_one_session(
    secure_ftp: FtpPeer, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    contexts = []

    def only(ca_file: Path | None) -> ssl.SSLContext:
        context = tls_context(ca_file)
        context.minimum_version = context.maximum_version = version
        contexts.append(context)
        return context

    monkeypatch.setattr(ftp_module, "tls_context", only)
    plant(secure_ftp.root, {f"cdr {n}.csv": os.urandom(300_000) for n in range(8)})
    async with asyncio.timeout(30), connect(secure_ftp.access()) as ftp:
        for entry in await ftp.list_files():
            await ftp.download(entry, tmp_path / entry.path)
        await ftp.upload(b"logo", "logo.png")
        assert len(await ftp.list_files()) == 9
    assert len(contexts) == 1
    assert files_under(tmp_path) | {"logo.png": b"logo"} == files_under(secure_ftp.root)


async def test_tls_is_never_dropped_in_silence(secure_ftp: FtpPeer) -> None:
    with pytest.raises(FtpError, match="ORIGYNE_FTP_TLS=explicit") as caught:
        async with connect(replace(secure_ftp.access(), tls="none")):
            pass
    assert caught.value.permanent


async def test_a_server_without_tls_is_a_permanent_error(embedded_ftp: FtpPeer) -> None:
    with pytest.raises(FtpError, match="ORIGYNE_FTP_TLS") as caught:
        async with connect(replace(embedded_ftp.access(), tls="explicit")):
            pass
    assert caught.value.permanent


async def test_an_unknown_certificate_is_refused(secure_ftp: FtpPeer) -> None:
    with pytest.raises(FtpError, match=r"certificat.*ORIGYNE_TLS_CA") as caught:
        async with connect(replace(secure_ftp.access(), ca_file=None)):
            pass
    assert caught.value.permanent


def fingerprint_of(peer: FtpPeer) -> str:
    """As the peer's own certificate file gives it."""
    found = subprocess.run(
        ["openssl", "s_client", "-connect", f"{peer.host}:{peer.port}", "-starttls", "ftp"],
        input=b"",
        capture_output=True,
        check=False,
    ).stdout.decode()
    return hashlib.sha256(
        ssl.PEM_cert_to_DER_cert(found[found.index("-----BEGIN") : found.index("-----END") + 25])
    ).hexdigest()


async def test_a_pinned_certificate_needs_no_authority(secure_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(secure_ftp.root, {"Documents/a.pdf": b"a"})
    pinned = replace(secure_ftp.access(), ca_file=None, host="127.0.0.1", fingerprint=fingerprint_of(secure_ftp))
    async with connect(pinned) as ftp:
        (entry,) = await ftp.list_files()
        await ftp.download(entry, tmp_path / "a.pdf")
        await ftp.upload(b"logo", "Personnalisation/logo.png")
    assert (tmp_path / "a.pdf").read_bytes() == b"a"


async def test_another_certificate_than_the_pinned_one_is_refused(secure_ftp: FtpPeer) -> None:
    pinned = replace(secure_ftp.access(), fingerprint="0" * 64)
    with pytest.raises(FtpError, match="ORIGYNE_FTP_FINGERPRINT") as caught:
        async with connect(pinned):
            pass
    assert caught.value.permanent
    assert fingerprint_of(secure_ftp) in str(caught.value)


async def test_a_certificate_file_that_is_none_is_named(vsftpd_tls: FtpPeer, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("rien")
    with pytest.raises(FtpError, match=r"ca\.pem") as caught:
        async with connect(replace(vsftpd_tls.access(), ca_file=tmp_path / "ca.pem")):
            pass
    assert caught.value.permanent


async def test_a_wrong_password_is_a_permanent_error_that_does_not_show_it(
    any_ftp: FtpPeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(FtpError, match="ORIGYNE_FTP_PASSWORD") as caught:
        async with connect(replace(any_ftp.access(), password="wr0ng-passw0rd")):
            pass
    assert caught.value.permanent
    assert "wr0ng-passw0rd" not in f"{caught.value} {caplog.text}"


async def test_a_server_that_cannot_be_reached_is_a_temporary_error() -> None:
    access = FtpAccess(host="127.0.0.1", port=free_port(), login="origyne", password="secret-password")
    with pytest.raises(FtpError, match="injoignable") as caught:
        async with connect(access):
            pass
    assert not caught.value.permanent


@asynccontextmanager
async def misbehaving(root: Path, **commands: Callable[..., object]) -> AsyncIterator[FtpAccess]:
    """aioftp's server, some of whose commands are replaced; each takes (connection, argument)."""
    password = "a-password-nobody-sees"
    server = aioftp.Server(
        [aioftp.User("origyne", password, base_path=root)], ipv4_pasv_forced_response_address="192.0.2.1"
    )
    server.commands_mapping |= commands  # type: ignore[arg-type]
    await server.start("127.0.0.1")
    try:
        yield FtpAccess("127.0.0.1", server.server_port, "origyne", password, settle_seconds=0.1)
    finally:
        await server.close()


def answering(code: str, text: str = "as the test says") -> Callable[..., object]:
    async def handler(connection: aioftp.Connection, rest: object) -> bool:
        connection.response(code, text)
        return True

    return handler


def listing(*lines: bytes) -> Callable[..., object]:
    """LIST or RETR that sends these lines and closes."""

    async def handler(connection: aioftp.Connection, rest: object) -> bool:
        connection.response("150", "here it comes")
        stream = await connection["data_connection"]
        await stream.write(b"".join(line + b"\r\n" for line in lines))
        stream.close()
        del connection.data_connection
        connection.response("226", "done")
        return True

    return handler


@pytest.mark.parametrize("code", ["500", "502", "550"])
async def test_epsv_refused_falls_back_to_pasv_on_the_same_host(tmp_path: Path, code: str) -> None:
    plant(tmp_path, {"cdr.csv": b"1"})
    async with misbehaving(tmp_path, epsv=answering(code)) as access, connect(access) as ftp:
        assert [entry.path for entry in await ftp.list_files()] == ["cdr.csv"]  # PASV named 192.0.2.1


async def test_odd_lines_are_reported_and_the_others_listed(tmp_path: Path) -> None:
    lines = listing(
        b"total 12",
        b"-rw-r--r--   1 1000  1000     7 Nov 23 14:00 good.csv",
        b"Le serveur vous salue bien",
        b"-rw-r--r--   1 1000  1000     7 Nov 23 14:00 ../../etc/cron.d/evil",
        b"drwxr-xr-x   2 1000  1000  4096 Nov 23 14:00 ..",
    )
    async with misbehaving(tmp_path, mlsd=answering("500"), list=lines) as access, connect(access) as ftp:
        assert await ftp.list_files() == [Entry("good.csv", "good.csv", 7, "Nov 23 14:00")]
    assert ["salue bien" in ftp.ignored[0], "evil" in ftp.ignored[1], len(ftp.ignored)] == [True, True, 2]


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a goodbye is told at a glance from who only runs on a busy machine."""
    monkeypatch.setattr(ftp_module, "GRACE", 60.0)


@pytest.mark.usefixtures("no_grace")
async def test_cancelling_a_download_is_prompt(tmp_path: Path) -> None:
    plant(tmp_path / "served", {"cdr.csv": b"1"})
    async with misbehaving(tmp_path / "served", retr=answering("150")) as access:
        async with connect(access) as ftp:
            (entry,) = await ftp.list_files()
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ftp.download(entry, tmp_path / "copy" / "cdr.csv"), 0.3)
        assert time.monotonic() - began < 30
    assert files_under(tmp_path / "copy") == {}


@pytest.mark.usefixtures("no_grace")
async def test_cancelling_a_download_over_tls_is_prompt(secure_ftp: FtpPeer, tmp_path: Path) -> None:
    plant(secure_ftp.root, {"cdr.csv": bytes(200_000_000)})
    entry = await entry_at(secure_ftp, "cdr.csv")
    reached = asyncio.Event()

    async def download() -> None:
        async with connect(secure_ftp.access()) as ftp:
            await ftp.download(entry, tmp_path / "cdr.csv", lambda _: reached.set())

    task = asyncio.create_task(download())
    async with asyncio.timeout(20):
        await reached.wait()
    began = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert time.monotonic() - began < 30
    assert files_under(tmp_path) == {}


@pytest.mark.parametrize("command", ["mlsd", "retr", "type", "pwd"])
async def test_a_silent_server_is_not_waited_for(tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftp_module, "GRACE", 0.2)
    plant(tmp_path / "served", {"cdr.csv": b"1"})

    async def silent(connection: aioftp.Connection, rest: object) -> bool:
        return True

    async def mirror(access: FtpAccess) -> None:
        async with connect(access, patience=0.3) as ftp:
            (entry,) = await ftp.list_files()
            await ftp.download(entry, tmp_path / "copy")

    async with misbehaving(tmp_path / "served", **{command: silent}) as access:
        began = time.monotonic()
        with pytest.raises(FtpError, match=r"aucune réponse en 0\.3 s") as caught:
            await mirror(access)
        assert time.monotonic() - began < 30, "the whole patience of a pass"
    assert not caught.value.permanent


async def test_a_full_disk_on_the_server_is_told_in_its_words(tmp_path: Path) -> None:
    async def full(connection: aioftp.Connection, rest: object) -> bool:
        connection.response("150", "go on")
        stream = await connection["data_connection"]
        stream.writer.transport.abort()
        del connection.data_connection
        connection.response("452", "No space left")
        return True

    async with misbehaving(tmp_path, stor=full) as access, connect(access) as ftp:
        with pytest.raises(FtpError, match="452 No space left") as caught:
            await ftp.upload(bytes(5_000_000), "logo.png")
    assert not caught.value.permanent
    assert files_under(tmp_path) == {}


async def test_an_upload_that_comes_short_replaces_nothing(tmp_path: Path) -> None:
    plant(tmp_path, {"logo.png": b"former"})

    async def short(connection: aioftp.Connection, rest: object) -> bool:
        connection.response("150", "go on")
        stream = await connection["data_connection"]
        (tmp_path / "logo.png.part").write_bytes((await stream.readexactly(5))[:3])
        stream.close()
        del connection.data_connection
        connection.response("226", "all well, says the server")
        return True

    async with misbehaving(tmp_path, stor=short) as access, connect(access) as ftp:
        with pytest.raises(FtpError, match="3 octets sur 5"):
            await ftp.upload(b"whole", "logo.png")
    assert files_under(tmp_path)["logo.png"] == b"former"


async def test_an_upload_that_reads_back_otherwise_is_an_error(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, retr=listing(b"other")) as access, connect(access) as ftp:
        with pytest.raises(FtpError, match="relu sur le serveur diffère"):
            await ftp.upload(b"thing", "logo.png")


async def test_the_former_file_comes_back_when_the_new_one_cannot_take_its_name(tmp_path: Path) -> None:
    plant(tmp_path, {"logo.png": b"former"})
    real = aioftp.Server([]).commands_mapping["rnto"]
    server_side: list[object] = []

    async def once_refused(connection: aioftp.Connection, rest: str) -> object:
        server_side.append(rest)
        if len(server_side) == 2:
            connection.response("553", "this name is not allowed")
            return True
        return await real(connection, rest)

    async with misbehaving(tmp_path, rnto=once_refused) as access, connect(access) as ftp:
        with pytest.raises(FtpError, match="553"):
            await ftp.upload(b"new", "logo.png")
    assert files_under(tmp_path)["logo.png"] == b"former"


async def test_a_replaced_file_that_cannot_be_renamed_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    plant(tmp_path, {"logo.png": b"former", "logo.jpg": b"older"})
    real = aioftp.Server([]).commands_mapping["rnfr"]

    async def not_the_old_one(connection: aioftp.Connection, rest: str) -> object:
        if rest.endswith("logo.jpg"):
            connection.response("550", "in use")
            return True
        return await real(connection, rest)

    async with misbehaving(tmp_path, rnfr=not_the_old_one) as access, connect(access) as ftp:
        with pytest.raises(FtpError, match=r"logo\.png est en place.*« 550 in use »"):
            await ftp.upload(b"new", "logo.png", instead_of=("logo.jpg",))
    files = files_under(tmp_path)
    assert (files.pop("logo.png"), files.pop("logo.jpg")) == (b"new", b"older")
    assert list(files.values()) == [b"former"]


async def test_a_file_to_be_replaced_stays_until_the_new_one_is_read_back(tmp_path: Path) -> None:
    plant(tmp_path, {"logo.jpg": b"former"})
    async with misbehaving(tmp_path, retr=listing(b"other")) as access, connect(access) as ftp:
        with pytest.raises(FtpError, match="relu sur le serveur diffère"):
            await ftp.upload(b"thing", "logo.png", instead_of=("logo.jpg",))
    assert files_under(tmp_path)["logo.jpg"] == b"former"


async def test_a_server_that_repeats_the_password_does_not_get_it_into_the_error(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, **{"pass": answering("530", "no: a-password-nobody-sees")}) as access:
        with pytest.raises(FtpError) as caught:
            async with connect(access):
                pass
    assert "a-password-nobody-sees" not in str(caught.value)
    assert "a-password-nobody-sees" not in repr(access)


async def test_a_server_that_is_full_is_worth_another_try(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, **{"pass": answering("530", "Too many connections")}) as access:
        with pytest.raises(FtpError) as caught:
            async with connect(access):
                pass
    assert not caught.value.permanent


UNIX = b"-rw-r--r--   1 1000     1000         1234 "


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (UNIX + b"Nov 23 14:00 a.csv", Listed("a.csv", False, 1234, "Nov 23 14:00")),
        (UNIX + b"Nov 23  2024 a.csv", Listed("a.csv", False, 1234, "Nov 23  2024")),
        (UNIX + b"Nov  3 14:00  two  spaces ", Listed(" two  spaces ", False, 1234, "Nov  3 14:00")),
        (UNIX + b"Nov 23 14:00 Nov 24 15:00 b", Listed("Nov 24 15:00 b", False, 1234, "Nov 23 14:00")),
        (UNIX + b"f\xc3\xa9vr.  3 14:00 a", Listed("a", False, 1234, "fÃ©vr.  3 14:00")),
        (UNIX + b"23 ao\xfbt  2024 a", Listed("a", False, 1234, "23 août  2024")),
        (UNIX + b"23 d\xe9c. 14:00 a", Listed("a", False, 1234, "23 déc. 14:00")),
        (UNIX + b"2024-11-23 14:00 a b", Listed("a b", False, 1234, "2024-11-23 14:00")),
        (b"drwxr-sr-t 2 20 staff 2013 Jan  1 00:00 d", Listed("d", True, 0, "Jan  1 00:00")),
        (b"-rwSr-xr-T+ 1 u g 5 Jan  1 2024 s", Listed("s", False, 5, "Jan  1 2024")),
        (b"-rw-rw-rw- 1 user 5 Jan  1 2024 no group", Listed("no group", False, 5, "Jan  1 2024")),
        (b"-rw------- 1 ADM\\u Domain Users 5 Jan  1 2024 g", Listed("g", False, 5, "Jan  1 2024")),
        (b"11-23-26  02:03PM       <DIR>          Cartes SIM", Listed("Cartes SIM", True, 0, "11-23-26  02:03PM")),
        (b"11-23-2026  14:03           12,345 a b.csv", Listed("a b.csv", False, 12345, "11-23-2026  14:03")),
        (b"lrwxrwxrwx 1 u g 5 Jan  1 2024 l -> a", None),
        (b"brw-rw---- 1 root disk 8, 0 Jan  1 2024 sda", None),
        (b"11-23-26  02:03PM    <JUNCTION>     j", None),
        (b"total 12", None),
        (b"Total 12K", None),
        (b"", None),
    ],
)
def test_a_line_of_list_is_read(line: bytes, expected: Listed | None) -> None:
    assert parse_list_line(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"type=file;size=7;modify=20261123140000; a b ", Listed("a b ", False, 7, "20261123140000")),
        (b"Type=dir;Modify=20261123140000.123;UNIX.mode=0755; d", Listed("d", True, 0, "20261123140000.123")),
        (b"type=cdir;modify=1; .", None),
        (b"type=OS.unix=slink:/a;modify=1; l", None),
        (b"", None),
    ],
)
def test_a_line_of_mlsd_is_read(line: bytes, expected: Listed | None) -> None:
    assert parse_mlsd_line(line) == expected


@pytest.mark.parametrize(
    ("parse", "line"),
    [
        (parse_list_line, b"drwxr-xr-x but nothing more"),
        (parse_list_line, b"bonjour tout le monde"),
        (parse_mlsd_line, b"type=file;modify=1; no size"),
        (parse_mlsd_line, b"type=file;size=1;"),
        (parse_mlsd_line, b"-rw-r--r-- 1 u g 5 Jan  1 2024 a"),
    ],
)
def test_a_line_of_no_known_form_is_refused(parse: Callable[[bytes], Listed | None], line: bytes) -> None:
    assert read_listing(line, parse) == ([], [line])


pieces = st.sampled_from(
    [
        b" ",
        b"\r",
        b"\n",
        b"/",
        b"..",
        b"-rw-r--r--",
        b"drwxr-xr-x",
        b" 1 u g ",
        b"5",
        b"Jan  1 2024",
        b"<DIR>",
        b";",
        b"11-23-26  02:03PM",
        b"type=file",
        b"size=",
        b"modify=1",
        b"\xe9",
        b"\x00",
        b"total",
        b"9" * 30,
    ]
)
garbage = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=20).map(b"".join))


@given(garbage, st.sampled_from([parse_list_line, parse_mlsd_line]))
def test_no_listing_whatever_it_holds_raises_or_leaves_its_folder(
    text: bytes, parse: Callable[[bytes], Listed | None]
) -> None:
    found, _ = read_listing(text, parse)
    for listed in found:
        assert listed.name not in ("", ".", "..")
        assert not set(listed.name) & set("/\r\n\0")
        assert listed.size >= 0

"""A hostile FTP server: its names, its listings, its sizes and its archives."""

import gzip
import io
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from core import copies
from core.ftp import FtpError, connect
from core.listing import parse_list_line, parse_mlsd_line, read_listing
from tests.core.test_ftp import answering, listing, misbehaving, plant
from tests.core.test_intake import Telecom, cdr_file, status_file
from tests.core.test_mirror import STATUS, fetch, files_under, ledger
from tests.peers.ftp import FtpPeer

TOP = Path(__file__).parents[2]

#: Names that would lead out of their folder, or break a line of a protocol, a log or a terminal.
HOSTILE = (
    b"../evil.csv",
    b"..",
    b"../../../../etc/cron.d/evil",
    b"/etc/cron.d/evil",
    b"a/../../evil",
    b"evil\0.csv",
    b"evil\x1b[2J.csv",
    b"evil\x7f.csv",
    b"evil\x08.csv",
)


def lines_of(names: tuple[bytes, ...]) -> list[bytes]:
    return [b"-rw-r--r--   1 1000  1000     4 Nov 23 14:00 " + name for name in names]


async def test_a_name_that_leads_out_of_its_folder_is_told_and_never_fetched(tmp_path: Path) -> None:
    root, data = tmp_path / "ftp", tmp_path / "data"
    plant(root, {"good.csv": b"good"})
    names = listing(*lines_of((*HOSTILE, b"good.csv")))
    async with misbehaving(root, mlsd=answering("500"), list=names) as access:
        async with connect(access) as ftp:
            assert [entry.path for entry in await ftp.list_files()] == ["good.csv"]
            assert len(ftp.ignored) >= len(HOSTILE) - 1  # ".." alone is every folder's own
        await fetch(access, data)
    assert set(ledger(data)) == {"good.csv"}
    assert not [path for path in files_under(tmp_path) if "evil" in path]


@pytest.mark.parametrize("name", HOSTILE[2:])
def test_such_a_name_is_refused_in_either_form_of_listing(name: bytes) -> None:
    for line, parse in (
        (b"type=file;size=4;modify=20261123140000; " + name, parse_mlsd_line),
        (lines_of((name,))[0], parse_list_line),
    ):
        assert read_listing(line, parse) == ([], [line])  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "a/..", "a\0b", "", ".", "a/./../../x"])
def test_the_folder_of_the_copies_has_no_way_out(tmp_path: Path, path: str) -> None:
    with pytest.raises(copies.PathError):
        copies.plain_path(tmp_path, path)


def test_a_backslash_is_a_letter_and_no_way_out(tmp_path: Path) -> None:
    made = copies.plain_path(tmp_path, "Documents/..\\..\\evil.csv")
    assert made.resolve().is_relative_to(tmp_path / copies.MIRROR / "Documents")
    assert made.name == "..\\..\\evil.csv"


async def test_a_link_of_the_server_is_not_followed(vsftpd: FtpPeer, tmp_path: Path) -> None:
    secret = plant_one(tmp_path / "outside" / "secret.csv", b"secret")
    (vsftpd.root / "link.csv").symlink_to(secret)
    (vsftpd.root / "folder").symlink_to(secret.parent)
    await fetch(vsftpd.access(), tmp_path / "data")
    assert ledger(tmp_path / "data") == {}


async def test_a_name_that_looks_like_a_link_brings_no_link(tmp_path: Path) -> None:
    lines = listing(b"lrwxrwxrwx   1 0 0     4 Nov 23 14:00 link.csv -> /etc/passwd")
    async with misbehaving(tmp_path, mlsd=answering("500"), list=lines) as access, connect(access) as ftp:
        assert await ftp.list_files() == []


async def test_a_name_too_long_for_the_disk_holds_nothing_up(tmp_path: Path) -> None:
    root, data = tmp_path / "ftp", tmp_path / "data"
    plant(root, {"good.csv": b"good"})
    names = listing(*lines_of((b"e" * 1500 + b".csv", b"f" * 3000, b"good.csv")))
    async with misbehaving(root, mlsd=answering("500"), list=names) as access:
        fetched = await fetch(access, data)
    assert set(ledger(data)) == {"good.csv"}
    assert len(fetched.failed) <= 1


async def test_a_listing_without_end_is_cut_off(tmp_path: Path) -> None:
    async def endless(connection: object, rest: object) -> bool:
        connection.response("150", "here it comes")  # type: ignore[attr-defined]
        stream = await connection["data_connection"]  # type: ignore[index]
        try:
            while True:
                await stream.write(b"x" * 65536 + b"\r\n")
        except OSError:
            return True

    (tmp_path / "ftp").mkdir()
    tracemalloc.start()
    try:
        async with misbehaving(tmp_path / "ftp", mlsd=answering("500"), list=endless) as access:
            with pytest.raises(FtpError):
                async with connect(access) as ftp:
                    await ftp.list_files()
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


async def test_a_size_that_is_a_lie_brings_no_file_into_the_ledger(tmp_path: Path) -> None:
    root, data = tmp_path / "ftp", tmp_path / "data"
    plant(root, {"cdr.csv": b"more bytes than were announced" * 1000, "good.csv": b"good"})
    names = listing(*lines_of((b"cdr.csv", b"good.csv")))
    async with misbehaving(root, mlsd=answering("500"), list=names) as access:
        fetched = await fetch(access, data)
    assert set(ledger(data)) == {"good.csv"}
    assert [path for path, _ in fetched.failed] == ["cdr.csv"]


async def test_a_size_beyond_all_disks_is_no_size(tmp_path: Path) -> None:
    lines = listing(b"-rw-r--r--   1 1000  1000 99999999999999999999999 Nov 23 14:00 cdr.csv")
    async with misbehaving(tmp_path, mlsd=answering("500"), list=lines) as access, connect(access) as ftp:
        assert await ftp.list_files() == []
        assert len(ftp.ignored) == 1


def plant_one(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# -- what the files hold


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    (tmp_path / "data").mkdir()
    return Telecom(tmp_path / "data")


def bomb(unpacked: int) -> bytes:
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=1) as packed:
        block = b"0639980001;24/11/2026 10:00:00;Voix;60;;0,10;Dupont BTP;Oui\r\n" * 1000
        for _ in range(unpacked // len(block)):
            packed.write(block)
    return made.getvalue()


async def test_an_archive_that_unpacks_to_hundreds_of_megabytes_takes_no_such_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(bomb(600_000_000))
    peak = peak_of(_READ, str(tmp_path / "bomb.gz"))
    assert peak < 450_000_000


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xef\xbb\xbf", b"Date;Appelant;Type;Dur\xe9e (s)\n"])
async def test_an_archive_of_one_endless_line_is_refused_before_it_fills_the_memory(
    tmp_path: Path, mark: bytes
) -> None:
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as packed:
        packed.write(mark)
        for _ in range(600):
            packed.write(b"\x41\x00" * 500_000 if mark == b"\xff\xfe" else b"A" * 1_000_000)
    peak = peak_of(_READ, str(tmp_path / "bomb.gz"))
    assert peak < 450_000_000


#: Reads a file as the intake does, row by row, to its end, or to what is refused.
_READ = """
import sys
from core.layouts import Layouts
from core.readers import Waiting
from core.readers.sheet import read_sheet
from pathlib import Path
try:
    with open(sys.argv[1], "rb") as file:
        for portion in read_sheet(file, Layouts.load(Path("/nonexistent")), "RatedCDRs").portions():
            len(portion)
except Waiting as refused:
    print("refused:", refused, file=sys.stderr)
"""


def peak_of(code: str, *arguments: str) -> int:
    """Bytes that a process has resident at most while it runs `code` to its end."""
    # Not getrusage, which begins with what the parent had.
    code += "\nprint(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=TOP, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout.split()[-1]) * 1024


def test_a_quote_that_is_never_closed_spoils_no_other_row(telecom: Telecom) -> None:
    good = "0639980001;24/11/2026 10:00:00;Voix;60;;0,10;Dupont BTP;Oui"
    telecom.take("RatedCDRs/RatedCDRs_20261124_1000.csv", cdr_file(good, '0639980002;"24/11/2026', good))
    assert telecom.one("SELECT count(*) FROM cdrs") >= 1


def test_a_cell_of_ten_megabytes_is_set_aside_and_the_others_are_read(telecom: Telecom) -> None:
    good = "0639980001;24/11/2026 10:00:00;Voix;60;;0,10;Dupont BTP;Oui"
    huge = f"0639980001;24/11/2026 10:00:00;Voix;{'9' * 10_000_000};;0,10;Dupont BTP;Oui"
    telecom.take("RatedCDRs/RatedCDRs_20261124_1000.csv", cdr_file(good, huge))
    assert telecom.one("SELECT count(*) FROM cdrs") == 1
    assert telecom.one("SELECT max(length(reason)) FROM rejects") < 2000


def test_a_figure_beyond_all_accounts_is_set_aside(telecom: Telecom) -> None:
    rows = [
        "0639980001;24/11/2026 10:00:00;Voix;60;;0,10;Dupont BTP;Oui",
        f"0639980001;24/11/2026 10:00:00;Voix;{10**30};;0,10;Dupont BTP;Oui",
        f"0639980001;24/11/2026 10:00:00;Voix;60;;{10**30},10;Dupont BTP;Oui",
        "0639980001;24/11/2026 10:00:00;Voix;60;;1e400;Dupont BTP;Oui",
        "0639980001;24/11/2026 10:00:00;Voix;60;;NaN;Dupont BTP;Oui",
    ]
    telecom.take("RatedCDRs/RatedCDRs_20261124_1000.csv", cdr_file(*rows))
    assert (telecom.one("SELECT count(*) FROM cdrs"), telecom.one("SELECT count(*) FROM rejects")) == (1, 4)


def test_words_of_sql_in_a_file_are_words(telecom: Telecom) -> None:
    name = "'); DROP TABLE lines; --"
    telecom.take(STATUS, status_file(f'0639980001;893301990000000001;1;Active;"{name}";Pro'))
    assert telecom.one("SELECT name FROM clients WHERE name LIKE '%DROP%'") == name
    assert telecom.one("SELECT count(*) FROM lines") == 1

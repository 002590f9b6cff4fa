"""FTP servers that do one thing wrong: what is told, what is tried again, and that nothing is lost or taken twice."""

import asyncio
import os
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.operator import PERSONALISATION
from core import ftp as ftp_module
from core.copies import MIRROR
from core.ftp import SLOWEST, FtpError, ReplacingError, connect, put
from core.settings import FtpAccess
from core.sync import Pass, Syncer
from tests.core.contents import contents
from tests.core.test_ftp import files_under, plant
from tests.core.test_mirror import fetch, ledger
from tests.handlers.filled import NOW, make_pass, settings, small_operator
from tests.peers.misbehaving import ALWAYS, OddFtp
from tests.peers.misbehaving.ftp import DRIP, PASSWORD
from tests.peers.misbehaving.marks import each

#: Of the small operator's files, enough to fill each part of a store; the first one has its date in its name.
FILES = (
    "RatedCDRs/RatedCDRs_20261102_1900_02.csv",
    "RatedCDRs/RatedCDRs_20261123_1900_03.csv",
    "AccountStatus/AccountStatus_20261123_200000.csv",
    "AccountStatus/AccountStatus_20261124_080000.csv",
    "BilledCDRs/BilledCDRs_202610.csv",
    "Cartes SIM/SIM_20261001_CMD0003.csv",
    "Documents/Kbis Télécom Exemple - SPÉCIMEN.pdf",
)
Contents = dict[str, list[tuple[Any, ...]]]

LOGO = f"{PERSONALISATION}/logo.png"
FORMER, NEW = b"former picture", os.urandom(3000)


#: What leaves a client waiting.
SILENT = {"silence at RETR", "slow drip", "never a 226", "listing by drip"}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent server is waited for as long as a test can bear; one that is sound, as long as a machine that stalls may
    need."""
    monkeypatch.setattr(ftp_module, "GRACE", 0.2)
    misbehave, heal = OddFtp.misbehave, OddFtp.heal

    def fallen_silent(odd: OddFtp, name: str, times: int = 1, only: str = "") -> None:
        if name in SILENT:
            monkeypatch.setattr(ftp_module, "PATIENCE", 0.6)
        misbehave(odd, name, times, only)

    def healed(odd: OddFtp) -> None:
        monkeypatch.setattr(ftp_module, "PATIENCE", 60.0)
        heal(odd)

    monkeypatch.setattr(OddFtp, "misbehave", fallen_silent)
    monkeypatch.setattr(OddFtp, "heal", healed)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the operator has on his account."""
    folder = tmp_path_factory.mktemp("operator")
    small_operator(folder / "all")
    for path in FILES:
        (folder / "few" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "all" / path, folder / "few" / path)
    return folder / "few"


@pytest.fixture(scope="module")
def sound(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What a pass over a sound server leaves in the store."""
    data = tmp_path_factory.mktemp("sound")
    asyncio.run(make_pass(tree, data))
    return contents(data, any_order=True)


@pytest.fixture
def syncer(odd_ftp: OddFtp, odd_access: FtpAccess, tree: Path, tmp_path: Path) -> Syncer:
    """Makes passes over that account, on the odd server."""
    shutil.copytree(tree, odd_ftp.root, dirs_exist_ok=True)
    return Syncer(settings(tmp_path / "data", odd_access), clock=lambda: NOW)


def told(made: Pass) -> str:
    """All that a pass has to say."""
    return " ".join((made.error, *(reason for _, reason in made.failed)))


def counts(made: Pass) -> tuple[int, int, int]:
    """Fetched, read and waiting, of a pass that has nothing to complain of."""
    assert told(made) == ""
    return made.fetched, made.read, made.waiting


NEXT = "Nouvel essai au prochain passage"
ONCE = {
    "421 at login": f"« 421 Too many connections, come back later ».*{NEXT}",
    "password refused": "refuse le compte origyne.*ORIGYNE_FTP_PASSWORD",
    "550 on EPSV and PASV": "refuse EPSV et PASV.*mode passif",
    "drop mid-file": f"Téléchargement de .* : la connexion a été coupée.*{NEXT}",
    "silence at RETR": rf"Téléchargement de .* : aucune réponse en 0\.6 s.*{NEXT}",
    "slow drip": rf"Téléchargement de .* : moins de {SLOWEST} octets par seconde pendant 0\.6 s.*{NEXT}",
    "endless file": "plus de [0-9]+ octets reçus, [0-9]+ annoncés",
    "never a 226": rf"Téléchargement de .* : aucune réponse en 0\.6 s.*{NEXT}",
    "listing by drip": f"Lecture des dossiers : moins de {SLOWEST} octets par seconde.*{NEXT}",
}


@pytest.mark.parametrize("fault", each(*ONCE, times=2))
async def test_what_goes_wrong_for_a_moment_is_told_and_the_next_pass_has_everything_once(
    odd_ftp: OddFtp, syncer: Syncer, sound: Contents, tmp_path: Path, fault: str
) -> None:
    first = await syncer.run()
    assert fault in odd_ftp.hits
    assert re.search(ONCE[fault], told(first))
    assert PASSWORD not in told(first)
    odd_ftp.heal()
    assert told(await syncer.run()) == ""
    assert counts(await syncer.run()) == (0, 0, 0)
    assert contents(tmp_path / "data", any_order=True) == sound
    assert list((tmp_path / "data" / "arriving").iterdir()) == []


@pytest.mark.fault("550 on EPSV", times=ALWAYS)
async def test_a_server_without_epsv_is_read_at_once_by_pasv(
    odd_ftp: OddFtp, syncer: Syncer, sound: Contents, tmp_path: Path
) -> None:
    assert counts(await syncer.run()) == (len(FILES), len(FILES), 0)
    assert contents(tmp_path / "data", any_order=True) == sound
    logins = sum(command.startswith("USER") for command in odd_ftp.commands)
    assert odd_ftp.hits == ["550 on EPSV"] * logins  # it is not asked for twice on a connection


@pytest.mark.fault("listing empty", times=3)
async def test_a_listing_that_is_empty_for_a_moment_removes_nothing(
    odd_ftp: OddFtp, syncer: Syncer, sound: Contents, tmp_path: Path
) -> None:
    assert counts(await syncer.run()) == (0, 0, 0)
    odd_ftp.heal()
    assert (await syncer.run()).fetched == len(FILES)
    odd_ftp.misbehave("listing empty", times=3)
    assert counts(await syncer.run()) == (0, 0, 0)
    odd_ftp.heal()
    assert counts(await syncer.run()) == (0, 0, 0)
    assert contents(tmp_path / "data", any_order=True) == sound


@pytest.mark.parametrize("command", ["mlsd", "list"])
@pytest.mark.fault("listing of garbage", times=ALWAYS)
async def test_a_listing_of_garbage_is_told_in_few_words_and_its_files_are_taken(
    odd_ftp: OddFtp, syncer: Syncer, sound: Contents, tmp_path: Path, command: str
) -> None:
    if command == "list":
        odd_ftp.unknown.add("mlsd")
    made = await syncer.run()
    assert (made.error, made.fetched) == ("", len(FILES))
    ((path, reason),) = made.failed
    assert path == ""
    assert re.search("Dans la liste des fichiers, .* : ligne refusée « .* » ; [0-9]+ autres au journal", reason)
    assert len(reason) < 500
    assert reason.isprintable()
    found = contents(tmp_path / "data", any_order=True)
    if command == "list":  # which gives no time to the second
        found["files"] = sound["files"]
    assert found == sound
    assert not [path for path in files_under(tmp_path) if "evil" in path]


# -- Files that always fail


@pytest.mark.parametrize("fault", each("size announced too large", "size announced too small"))
async def test_a_file_whose_size_is_a_lie_is_told_and_taken_once_it_is_true(
    odd_ftp: OddFtp, syncer: Syncer, sound: Contents, tmp_path: Path, fault: str
) -> None:
    odd_ftp.heal()
    odd_ftp.misbehave(fault, ALWAYS, only=FILES[0].rpartition("/")[2])
    for _ in range(2):
        made = await syncer.run()
        assert [path for path, _ in made.failed] == [FILES[0]]
        assert re.search("[0-9]+ octets reçus, [0-9]+ annoncés ; .* relu au prochain passage", told(made))
    assert made.fetched == 0  # the others had come before
    odd_ftp.heal()
    assert counts(await syncer.run()) == (1, 1, 0)
    assert contents(tmp_path / "data", any_order=True) == sound


@pytest.mark.parametrize("fault", ["slow drip", "drop mid-file"])
async def test_files_that_always_break_off_do_not_keep_away_those_behind_them(
    odd_ftp: OddFtp, odd_access: FtpAccess, tmp_path: Path, fault: str
) -> None:
    for number in range(1, 5):
        plant(odd_ftp.root, {f"Documents/2026010{number} bad.pdf": b"x" * 5000})
    plant(odd_ftp.root, {"Documents/20261101 good.pdf": b"good"})
    odd_ftp.misbehave(fault, ALWAYS, only="bad.pdf")
    with pytest.raises(FtpError):
        await fetch(odd_access, tmp_path / "data")
    assert len(odd_ftp.hits) == 3  # in a row: the pass ends, and what came is read
    # Whether the good one is written down before the others fail decides whether they fail in a row.
    with suppress(FtpError):
        await fetch(odd_access, tmp_path / "data")
    assert set(ledger(tmp_path / "data")) == {"Documents/20261101 good.pdf"}
    odd_ftp.heal()
    await fetch(odd_access, tmp_path / "data")
    assert files_under(tmp_path / "data" / MIRROR) == files_under(odd_ftp.root)


async def test_a_server_that_falls_silent_amid_many_files_is_not_waited_for_at_each(
    odd_ftp: OddFtp, odd_access: FtpAccess, tmp_path: Path
) -> None:
    for number in range(40):
        plant(odd_ftp.root, {f"Documents/{number:02d} {'good' if number < 20 else 'bad'}.pdf": b"x"})
    odd_ftp.misbehave("silence at RETR", ALWAYS, only="bad.pdf")
    with pytest.raises(FtpError, match="aucune réponse"):
        await fetch(replace(odd_access, connections=2), tmp_path / "data")
    assert len(ledger(tmp_path / "data")) == 20
    assert len(odd_ftp.hits) <= 5


async def test_a_file_that_drips_gets_on_by_each_pass(odd_ftp: OddFtp, odd_access: FtpAccess, tmp_path: Path) -> None:
    plant(odd_ftp.root, {"Documents/slow.pdf": os.urandom(5000)})
    sizes = []
    for _ in range(2):
        odd_ftp.misbehave("slow drip")
        assert (await fetch(odd_access, tmp_path)).files == 0
        (part,) = (tmp_path / "arriving").iterdir()
        sizes.append(part.stat().st_size)
    assert 0 < sizes[0] < sizes[1]
    odd_ftp.heal()
    assert (await fetch(odd_access, tmp_path)).files == 1
    assert (tmp_path / MIRROR / "Documents/slow.pdf").read_bytes() == (odd_ftp.root / "Documents/slow.pdf").read_bytes()


async def test_a_slow_link_that_gets_on_is_no_fault(
    odd_ftp: OddFtp, odd_access: FtpAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ftp_module, "SLOWEST", DRIP // 5)
    plant(odd_ftp.root, {"Documents/slow.pdf": b"x" * (5 * DRIP)})  # several times as long as patience lasts
    odd_ftp.misbehave("slow drip")
    monkeypatch.setattr(ftp_module, "PATIENCE", 1.5)
    assert (await fetch(odd_access, tmp_path)).files == 1


# -- Uploads: what is in place is the former picture or the new one, and it is said which


UPLOADS = {
    "disk full amid an upload": ("452 No space left.*plus de place.*n'a pas changé", FORMER),
    "quota exceeded amid an upload": ("552 Quota exceeded.*plus de place.*n'a pas changé", FORMER),
    "drop amid an upload": ("la connexion a été coupée.*n'a pas changé ; recommencer", FORMER),
    "never a 226": (r"aucune réponse en 0\.6 s.*n'a pas changé ; recommencer", FORMER),
}


@pytest.mark.parametrize("fault", each(*UPLOADS))
async def test_an_upload_that_fails_leaves_the_former_picture_says_so_and_works_later(
    odd_ftp: OddFtp, odd_access: FtpAccess, fault: str
) -> None:
    plant(odd_ftp.root, {LOGO: FORMER})
    words, stands = UPLOADS[fault]
    with pytest.raises(FtpError, match=words):
        await put(odd_access, NEW, LOGO)
    assert files_under(odd_ftp.root)[LOGO] == stands
    odd_ftp.heal()
    await put(odd_access, NEW, LOGO)
    files = files_under(odd_ftp.root)
    assert files.pop(LOGO) == NEW
    assert list(files.values()) == [FORMER]


@pytest.mark.parametrize("fault", each("drop before a renaming", "drop after a renaming", only="/logo.png"))
@pytest.mark.parametrize("former", [FORMER, None])
async def test_a_connection_lost_amid_the_renaming_is_made_again_at_once(
    odd_ftp: OddFtp, odd_access: FtpAccess, fault: str, former: bytes | None
) -> None:
    plant(odd_ftp.root, {LOGO: former} if former else {})
    await put(odd_access, NEW, LOGO)
    assert odd_ftp.hits == [fault]
    files = files_under(odd_ftp.root)
    assert files.pop(LOGO) == NEW
    assert list(files.values()) == ([former] if former else [])


async def test_an_upload_that_loses_the_renaming_for_good_says_where_the_former_picture_is(
    odd_ftp: OddFtp, odd_access: FtpAccess
) -> None:
    plant(odd_ftp.root, {LOGO: FORMER})
    odd_ftp.misbehave("drop before a renaming", ALWAYS, only="/logo.png")
    with pytest.raises(ReplacingError, match=r"porte peut-être le nom logo\.\d{8}-\d{6}\.png"):
        async with connect(odd_access) as session:
            await session.upload(NEW, LOGO)
    odd_ftp.heal()
    await put(odd_access, NEW, LOGO)
    files = files_under(odd_ftp.root)
    assert files.pop(LOGO) == NEW
    assert list(files.values()) == [FORMER]


@pytest.mark.fault("silence at RETR")
async def test_an_upload_that_cannot_be_read_back_says_that_the_new_picture_is_in_place(
    odd_ftp: OddFtp, odd_access: FtpAccess
) -> None:
    with pytest.raises(FtpError, match=rf"{LOGO} est en place, mais n'a pas pu être relu : aucune réponse"):
        await put(odd_access, NEW, LOGO)
    assert files_under(odd_ftp.root) == {LOGO: NEW}

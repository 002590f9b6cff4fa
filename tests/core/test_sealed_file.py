"""Files sealed in chunks."""

import gzip
import os
from pathlib import Path

import pytest

from core import copies
from core.vault import Vault, VaultError

OLD, NEW = b"an old invented key of 32 bytes.", b"a new invented key of 32 bytes.."
LISTING = "Cartes SIM/SIM_20261120_CMD0001.csv"
MEBI = 1024 * 1024


def put(data: Path, content: bytes, path: str = LISTING) -> Path:
    plain = copies.plain_path(data, path)
    plain.parent.mkdir(parents=True, exist_ok=True)
    plain.write_bytes(content)
    return plain


def sealed_file(data: Path, path: str = LISTING) -> Path:
    return data / copies.KEPT / f"{path}.sealed"


@pytest.mark.parametrize("size", [0, 1, MEBI - 40, 3 * MEBI + 7])
def test_a_sealed_copy_gives_the_bytes_that_came(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)  # which gzip cannot shrink
    plain = put(tmp_path, content)
    assert copies.seal(tmp_path, LISTING, Vault([OLD]))
    assert not plain.exists()
    assert copies.content(tmp_path, LISTING, Vault([OLD])) == content
    assert copies.paths(tmp_path) == [LISTING]
    assert copies.exists(tmp_path, LISTING)
    assert not copies.is_clear(tmp_path, LISTING)


def test_it_can_be_read_from_any_place(tmp_path: Path) -> None:
    content = os.urandom(2 * MEBI)
    put(tmp_path, content)
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    with copies.open_copy(tmp_path, LISTING, Vault([OLD])) as file:
        assert file.seek(0, os.SEEK_END) == len(content)
        file.seek(MEBI - 3)
        assert file.read(6) == content[MEBI - 3 : MEBI + 3]
        file.seek(0)
        assert file.read() == content


def test_a_copy_that_was_compressed_before_is_sealed_too(tmp_path: Path) -> None:
    put(tmp_path, b"00012345")
    copies.compress(tmp_path, LISTING)
    assert copies.seal(tmp_path, LISTING, Vault([OLD]))
    assert not copies.seal(tmp_path, LISTING, Vault([OLD]))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [sealed_file(tmp_path)]
    assert copies.content(tmp_path, LISTING, Vault([OLD])) == b"00012345"


def test_a_newer_file_of_the_same_name_is_the_one_that_counts(tmp_path: Path) -> None:
    put(tmp_path, b"first")
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    put(tmp_path, b"second")
    assert copies.content(tmp_path, LISTING) == b"second"
    copies.compress(tmp_path, LISTING)  # as without a key
    assert copies.content(tmp_path, LISTING) == b"second"
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    assert copies.content(tmp_path, LISTING, Vault([OLD])) == b"second"
    copies.remove(tmp_path, LISTING)
    assert copies.paths(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 15, 16, MEBI + 16])
def test_a_copy_that_was_cut_does_not_open(tmp_path: Path, cut: int) -> None:
    put(tmp_path, os.urandom(2 * MEBI))
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    path = sealed_file(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    with pytest.raises(VaultError, match="abîmée"):
        copies.content(tmp_path, LISTING, Vault([OLD]))


def test_a_copy_cut_where_a_chunk_ends_does_not_open(tmp_path: Path) -> None:
    put(tmp_path, os.urandom(3 * MEBI))
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    os.truncate(sealed_file(tmp_path), 24 + 2 * (MEBI + 16))
    with pytest.raises(VaultError, match="abîmée"):
        copies.content(tmp_path, LISTING, Vault([OLD]))


@pytest.mark.parametrize("place", [2, 5, 20, 30, -1])
def test_a_copy_that_was_changed_does_not_open(tmp_path: Path, place: int) -> None:
    put(tmp_path, b"00012345" * 100)
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    raw = bytearray(sealed_file(tmp_path).read_bytes())
    raw[place] ^= 1
    sealed_file(tmp_path).write_bytes(raw)
    with pytest.raises(VaultError):
        copies.content(tmp_path, LISTING, Vault([OLD]))


def test_a_copy_that_was_put_in_another_s_place_does_not_open(tmp_path: Path) -> None:
    put(tmp_path, b"00012345")
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    other = LISTING.replace("0001", "0002")
    sealed_file(tmp_path).rename(sealed_file(tmp_path, other))
    with pytest.raises(VaultError, match="déplacée"):
        copies.content(tmp_path, other, Vault([OLD]))


def test_without_its_key_a_copy_says_so(tmp_path: Path) -> None:
    put(tmp_path, b"00012345")
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    assert "manque" in copies.why_closed(tmp_path, LISTING, Vault())
    assert "autre clé" in copies.why_closed(tmp_path, LISTING, Vault([NEW]))
    assert copies.why_closed(tmp_path, LISTING, Vault([NEW, OLD])) == ""
    assert copies.seal(tmp_path, LISTING, Vault([NEW, OLD]))
    assert copies.why_closed(tmp_path, LISTING, Vault([NEW])) == ""


def test_a_crash_while_a_copy_is_sealed_leaves_it_readable(tmp_path: Path) -> None:
    put(tmp_path, b"00012345")
    copies.seal(tmp_path, LISTING, Vault([OLD]))
    left = tmp_path / copies.KEPT / "Cartes SIM" / ".SIM_20261120_CMD0001.csv.sealed.part"
    left.write_bytes(gzip.compress(b"half"))
    assert copies.content(tmp_path, LISTING, Vault([OLD])) == b"00012345"
    assert copies.paths(tmp_path) == [LISTING]

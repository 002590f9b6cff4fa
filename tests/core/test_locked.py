"""Workbooks that open with a password alone, read back by another program than what closed them."""

import io
import random
import re
import zipfile
from pathlib import Path

import msoffcrypto
import openpyxl
import pytest
from msoffcrypto.exceptions import FileFormatError, InvalidKeyError

from core.locked import locked, new_password
from core.workbook import Book, Column
from tests.peers.office import unlock

CALLED = "06 39 98 12 34"


def book(rows: int = 3) -> bytes:
    with Book("Détail") as made:
        made.sheet("Communications", (Column("Numéro appelé"), Column("Durée", "duration")), [(CALLED, 60)] * rows)
        return made.finished()


def opened(content: bytes, password: str) -> bytes:
    file = msoffcrypto.OfficeFile(io.BytesIO(content))
    file.load_key(password, verify_password=True)
    plain = io.BytesIO()
    file.decrypt(plain, verify_integrity=True)
    return plain.getvalue()


def test_the_password_gives_the_very_workbook_back() -> None:
    plain, password = book(), new_password()
    assert opened(locked(plain, password), password) == plain


@pytest.mark.parametrize("wrong", ["other", "K3FA-K3FA-K3FA-K3FA", "k3fa-k3fa-k3fa-k3f"])
def test_nothing_else_opens_it(wrong: str) -> None:
    closed = locked(book(), "k3fa-k3fa-k3fa-k3fa")
    with pytest.raises(InvalidKeyError):
        opened(closed, wrong)


def test_nothing_of_it_is_in_clear() -> None:
    plain = book(300)
    closed = locked(plain, "k3fa-k3fa-k3fa-k3fa")
    assert not zipfile.is_zipfile(io.BytesIO(closed))
    for clear in (CALLED, "Communications", "xl/worksheets", "sharedStrings", "k3fa"):
        assert clear.encode() not in closed
        assert clear.encode("utf-16-le") not in closed
    assert plain[:64] not in closed


def test_a_workbook_closed_twice_has_nothing_in_common() -> None:
    plain = book()
    first, second = (opened_key(locked(plain, "k3fa-k3fa-k3fa-k3fa")) for _ in range(2))
    assert first != second


def opened_key(content: bytes) -> bytes:
    file = msoffcrypto.OfficeFile(io.BytesIO(content))
    file.load_key("k3fa-k3fa-k3fa-k3fa", verify_password=True)
    return bytes(file.secret_key)


def test_a_changed_byte_is_noticed() -> None:
    closed = bytearray(locked(book(300), "k3fa-k3fa-k3fa-k3fa"))
    closed[len(closed) // 2] ^= 1
    with pytest.raises(InvalidKeyError):
        opened(bytes(closed), "k3fa-k3fa-k3fa-k3fa")


def test_what_is_no_workbook_is_not_closed() -> None:
    with pytest.raises(FileFormatError):
        locked(b"Num\xc3\xa9ro;Dur\xc3\xa9e", "k3fa-k3fa-k3fa-k3fa")


def test_passwords_differ_and_can_be_copied_by_hand() -> None:
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"([a-km-np-z2-9]{4}-){3}[a-km-np-z2-9]{4}", it) for it in made)


@pytest.mark.parametrize("rows", [3, 600], ids=["small", "more sectors than the header names"])
def test_libreoffice_opens_it_with_the_password(tmp_path: Path, rows: int) -> None:
    chance = random.Random(7)
    values = [f"{number} {chance.randbytes(14_000).hex()}" for number in range(rows)]
    with Book("Détail") as made:
        made.sheet("Communications", (Column("Remarque"),), [(value,) for value in values])
        plain = made.finished()
    password, closed = new_password(), tmp_path / "détail.xlsx"
    closed.write_bytes(locked(plain, password))
    # A compound file's header names 109 sectors of 128 entries, each for 512 bytes; what is larger needs others.
    assert (closed.stat().st_size > 109 * 128 * 512) == (rows > 3)
    shown = openpyxl.load_workbook(unlock(closed, password), read_only=True)["Communications"]
    assert [row[0] for row in shown.iter_rows(min_row=2, max_col=1, values_only=True)] == values

"""Pictures that are bombs: refused, or read within bounds."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core.pictures import LOGO, check, correct
from tests.corpus.images import (
    gigantic_bmp,
    gigantic_jpeg,
    gigantic_png,
    gigantic_tiff,
    picture,
    png_of,
    with_chunk,
)
from tests.security.test_ftp import peak_of


def refused(content: bytes) -> str:
    """The faults of a picture that is also never redrawn."""
    faults = " ".join(check(content, LOGO).faults)
    assert faults
    assert correct(content, LOGO) is None
    return faults


@pytest.mark.parametrize("build", [gigantic_png, gigantic_jpeg, gigantic_bmp, gigantic_tiff])
def test_a_picture_of_billions_of_pixels_is_refused_by_its_header(tmp_path: Path, build: Callable[[], bytes]) -> None:
    content = build()
    assert "démesurée" in refused(content)
    (tmp_path / "bomb").write_bytes(content)
    assert peak_of(_CHECK, str(tmp_path / "bomb")) < 150_000_000


#: Judges and mends a picture as the workshop does.
_CHECK = """
import sys
from core.pictures import LOGO, check, correct
content = open(sys.argv[1], "rb").read()
check(content, LOGO)
correct(content, LOGO)
"""


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_note_of_a_png_that_unpacks_to_hundreds_of_megabytes_takes_no_such_memory(
    tmp_path: Path, name: bytes
) -> None:
    packed = zlib.compress(bytes(400_000_000), 9)
    body = {
        b"zTXt": b"Comment\0\0" + packed,
        b"iTXt": b"Comment\0\1\0\0\0" + packed,
        b"iCCP": b"profile\0\0" + packed,
    }[name]
    (tmp_path / "bomb").write_bytes(with_chunk(picture(), name, body))
    assert peak_of(_CHECK, str(tmp_path / "bomb")) < 200_000_000


def test_pixels_that_unpack_to_more_than_the_header_says_take_no_such_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(png_of(95, 95, 8, 2, bytes(400_000_000)))
    assert peak_of(_CHECK, str(tmp_path / "bomb")) < 200_000_000


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_picture_that_moves_is_refused_and_its_frames_are_not_unpacked(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("P", (1500, 1500), number % 256) for number in range(150)]
    content = io.BytesIO()
    frames[0].save(content, kind, save_all=True, append_images=frames[1:], duration=10)
    assert check(content.getvalue(), LOGO).faults
    (tmp_path / "bomb").write_bytes(content.getvalue())
    assert peak_of(_CHECK, str(tmp_path / "bomb")) < 200_000_000


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 hidden in a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 95 95\n(/etc/passwd) (r) file",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0" * 1000,
        b"GIF89a" + b"\xff" * 1000,
        b"MZ\x90\0" + bytes(1000),
    ],
    ids=["pdf", "svg", "eps", "png", "jpeg", "gif", "exe"],
)
def test_what_is_no_picture_or_runs_as_a_program_is_refused(content: bytes) -> None:
    refused(content)


def test_a_picture_and_a_program_in_one_file_leave_the_program_behind() -> None:
    made = correct(picture(size=(95, 95), dpi=72) + b"<?php system($_GET['x']); ?>", LOGO)
    assert made is not None
    assert b"<?php" not in made.content


def test_the_density_of_a_png_cannot_be_nonsense_that_stops_the_reader() -> None:
    for body in (struct.pack(">IIB", 0, 0, 1), struct.pack(">IIB", 0xFFFFFFFF, 1, 1), b"", b"\0" * 3):
        assert check(with_chunk(picture(dpi=None), b"pHYs", body), LOGO).faults

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.pictures import BANNER, LOGO, Rule, Verdict, check


def picture(
    kind: str = "PNG", size: tuple[int, int] = (95, 95), mode: str = "RGB", dpi: int | None = 300, **options: object
) -> bytes:
    image = Image.radial_gradient("L").resize(size).convert(mode)
    content = io.BytesIO()
    image.save(content, kind, **({"dpi": (dpi, dpi)} if dpi else {}), **options)
    return content.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_jfif_density(content: bytes, unit: int, across: int, down: int) -> bytes:
    """The JPEG with other words in its JFIF header."""
    place = content.index(b"JFIF\0") + 7
    return content[:place] + struct.pack(">BHH", unit, across, down) + content[place + 5 :]


def exif_density(across: float, unit: int = 2) -> Image.Exif:
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = across, across, unit
    return exif


@pytest.mark.parametrize("rule", [LOGO, BANNER], ids=lambda rule: rule.name)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_follows_the_card_is_right(rule: Rule, kind: str) -> None:
    verdict = check(picture(kind, (rule.width, rule.height)), rule)
    assert verdict.faults == ()
    assert verdict.extension == {"PNG": "png", "JPEG": "jpg"}[kind]
    assert (verdict.width, verdict.height) == (rule.width, rule.height)


def test_the_card_s_sizes_are_exact() -> None:
    assert (LOGO.width, LOGO.height) == (95, 95)
    assert (BANNER.width, BANNER.height) == (760, 95)


@pytest.mark.parametrize("size", [(94, 95), (95, 96), (760, 95), (190, 190)])
def test_a_logo_of_another_size_is_told_both_sizes(size: tuple[int, int]) -> None:
    (fault,) = check(picture(size=size), LOGO).faults
    assert f"{size[0]} × {size[1]}" in fault
    assert "95 × 95" in fault


def test_a_png_s_density_in_pixels_per_metre_is_three_hundred_dpi() -> None:
    content = picture()
    assert struct.pack(">II", 11811, 11811) in content
    verdict = check(content, LOGO)
    assert verdict.dpi == pytest.approx((299.9994, 299.9994))
    assert verdict.faults == ()


def test_a_png_s_aspect_ratio_is_no_density() -> None:
    content = picture(dpi=None)
    header = content.index(b"IDAT") - 4
    aspect = png_chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 0))
    (fault,) = check(content[:header] + aspect + content[header:], LOGO).faults
    assert "densité absente" in fault


def test_a_jpeg_s_density_per_inch_is_read() -> None:
    assert check(with_jfif_density(picture("JPEG"), 1, 300, 300), LOGO).faults == ()


def test_a_jpeg_s_density_per_centimetre_is_read() -> None:
    assert check(with_jfif_density(picture("JPEG"), 2, 118, 118), LOGO).faults == ()


def test_a_jpeg_s_aspect_ratio_is_no_density() -> None:
    (fault,) = check(with_jfif_density(picture("JPEG"), 0, 300, 300), LOGO).faults
    assert "densité absente" in fault


@pytest.mark.parametrize(("across", "unit"), [(300.0, 2), (118.11, 3)], ids=["inch", "centimetre"])
def test_a_jpeg_s_density_can_stand_in_exif_only(across: float, unit: int) -> None:
    content = picture("JPEG", dpi=None, exif=exif_density(across, unit))
    assert check(content, LOGO).faults == ()


def test_a_jpeg_whose_exif_says_no_density_has_none() -> None:
    exif = Image.Exif()
    exif[0x010E] = "description"
    (fault,) = check(picture("JPEG", dpi=None, exif=exif), LOGO).faults
    assert "densité absente" in fault


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_without_density_is_told_so(kind: str) -> None:
    (fault,) = check(picture(kind, dpi=None), LOGO).faults
    assert fault == "densité absente du fichier, il faut 300 dpi"


@pytest.mark.parametrize("dpi", [72, 96, 299, 301, 600])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_another_density_is_told_with_the_right_one(kind: str, dpi: int) -> None:
    (fault,) = check(picture(kind, dpi=dpi), LOGO).faults
    assert fault == f"densité de {dpi} dpi, il faut 300 dpi"


def test_a_density_that_differs_by_direction_is_told_both_ways() -> None:
    (fault,) = check(with_jfif_density(picture("JPEG"), 1, 300, 72), LOGO).faults
    assert "300 × 72" in fault


def test_every_fault_is_told_at_once() -> None:
    faults = check(picture("GIF", (120, 90), "P", dpi=None), LOGO).faults
    assert [fault.split()[0] for fault in faults] == ["format", "120", "densité"]


def test_a_truncated_picture_of_another_size_is_told_both() -> None:
    content = picture(size=(200, 200), dpi=72)
    faults = check(content[: len(content) // 2], LOGO).faults
    assert len(faults) == 3
    assert "tronqué" in faults[-1]


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("JPEG", "jpg")])
def test_the_content_tells_the_format_for_no_name_is_asked(kind: str, extension: str) -> None:
    assert check(picture(kind), LOGO).extension == extension


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_another_format_is_named(kind: str) -> None:
    verdict = check(picture(kind, mode="P" if kind == "GIF" else "RGB"), LOGO)
    assert f"format {kind}, il faut JPG ou PNG" in verdict.faults
    assert verdict.extension == ""


def test_an_animated_png_is_refused() -> None:
    frames = [Image.new("RGB", (95, 95), colour) for colour in ("red", "blue")]
    content = io.BytesIO()
    frames[0].save(content, "PNG", dpi=(300, 300), save_all=True, append_images=frames[1:])
    assert check(content.getvalue(), LOGO).faults == ("image animée, il faut une image fixe",)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_cut_anywhere_in_its_pixels_is_refused(kind: str) -> None:
    content = picture(kind)
    # What a JPEG's last two bytes and a PNG's last checksum say is known without them.
    whole = [size for size in range(0, len(content) - 4, 7) if not check(content[:size], LOGO).faults]
    assert whole == []


def test_a_damaged_png_is_refused() -> None:
    content = bytearray(picture())
    content[content.index(b"IDAT") + 40] ^= 0xFF
    assert "tronqué ou abîmé" in check(bytes(content), LOGO).faults[0]


def test_a_gigantic_header_is_refused_without_unpacking() -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    content = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")
    (fault,) = check(content, LOGO).faults
    assert "démesurée" in fault
    assert "95 × 95" in fault


def test_a_large_header_is_judged_without_unpacking() -> None:
    header = struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    content = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")
    assert "9000 × 9000" in check(content, LOGO).faults[0]


@pytest.mark.parametrize("content", [b"", b"Bonjour\n" * 50, b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"%PDF-1.7"])
def test_what_is_no_picture_is_told_so(content: bytes) -> None:
    assert check(content, LOGO).faults == ("ce fichier n'est pas une image JPG ou PNG lisible",)


def test_too_large_a_file_is_told_the_limit() -> None:
    (fault,) = check(b"\0" * (21 * 1024 * 1024), LOGO).faults
    assert "20 Mo" in fault


def test_a_cmyk_jpeg_is_right_for_the_card_says_nothing_of_colours() -> None:
    assert check(picture("JPEG", mode="CMYK"), LOGO).faults == ()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_any_kind_of_png_pixels_is_right(mode: str) -> None:
    assert check(picture(mode=mode), LOGO).faults == ()


@given(
    st.sampled_from(["PNG", "JPEG", "GIF"]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 2000),
)
def test_damaged_bytes_give_a_verdict_and_no_error(kind: str, changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(picture(kind, mode="P" if kind == "GIF" else "RGB"))
    for place, value in changes:
        content[place % len(content)] = value
    assert isinstance(check(bytes(content[: max(len(content) - cut, 0)]), LOGO), Verdict)

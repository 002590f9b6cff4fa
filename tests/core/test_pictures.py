import pickle
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from core.pictures import BANNER, LOGO, MAX_PIXELS, Rule, Verdict, check
from tests.corpus.images import (
    CASES,
    Case,
    animation,
    cmyk_jpeg,
    cut,
    deep_png,
    exif,
    flipped,
    gigantic_bmp,
    gigantic_jpeg,
    gigantic_png,
    gigantic_tiff,
    picture,
    png_chunk,
    png_of,
    rgb_jpeg,
    saved,
    turned,
    with_chunk,
    with_jfif_density,
    with_segment,
)


def begin_as(sentences: Sequence[str], beginnings: Sequence[str]) -> bool:
    return len(sentences) == len(beginnings) and all(map(str.startswith, sentences, beginnings))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_picture_of_the_table_is_judged_as_it_says(case: Case) -> None:
    verdict = check(case.build(), case.rule)
    assert begin_as(verdict.faults, case.faults), verdict.faults
    assert begin_as(verdict.warnings, case.warnings), verdict.warnings


def test_the_table_is_long_and_names_each_picture_once() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("rule", [LOGO, BANNER], ids=lambda rule: rule.name)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_follows_the_card_is_right(rule: Rule, kind: str) -> None:
    verdict = check(picture(kind, (rule.width, rule.height)), rule)
    assert (verdict.faults, verdict.warnings) == ((), ())
    assert verdict.extension == {"PNG": "png", "JPEG": "jpg"}[kind]
    assert (verdict.width, verdict.height) == (rule.width, rule.height)


def test_the_card_s_sizes_are_exact() -> None:
    assert (LOGO.width, LOGO.height) == (95, 95)
    assert (BANNER.width, BANNER.height) == (760, 95)


@pytest.mark.parametrize("size", [(94, 95), (95, 96), (760, 95), (190, 190)])
def test_a_logo_of_another_size_is_told_both_sizes(size: tuple[int, int]) -> None:
    (fault,) = check(picture(size=size), LOGO).faults
    assert fault == f"{size[0]} × {size[1]} pixels, il en faut exactement 95 × 95"


def test_a_png_s_density_in_pixels_per_metre_is_three_hundred_dpi() -> None:
    content = picture()
    assert struct.pack(">II", 11811, 11811) in content
    verdict = check(content, LOGO)
    assert verdict.dpi == pytest.approx((299.9994, 299.9994))
    assert verdict.faults == ()


def test_a_jpeg_s_density_per_centimetre_is_read() -> None:
    assert check(with_jfif_density(picture("JPEG"), 2, 118, 118), LOGO).dpi == pytest.approx((299.72, 299.72))


@pytest.mark.parametrize(("across", "unit"), [(300.0, 2), (118.11, 3)], ids=["inch", "centimetre"])
def test_a_jpeg_s_density_can_stand_in_exif_only(across: float, unit: int) -> None:
    content = picture("JPEG", dpi=None, exif=exif(density=across, unit=unit))
    assert check(content, LOGO).faults == ()


@pytest.mark.parametrize("order", ["<", ">"], ids=["Intel", "Motorola"])
def test_exif_is_read_in_both_byte_orders(order: str) -> None:
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, 6, 0)
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)
    content = with_segment(picture("JPEG", (760, 95)), 0xE1, b"Exif\0\0" + tiff)
    (fault,) = check(content, BANNER).faults
    assert fault.startswith("95 × 760 pixels à l'affichage")


def test_a_jpeg_whose_exif_says_no_density_has_none() -> None:
    described = Image.Exif()
    described[0x010E] = "description"
    (fault,) = check(picture("JPEG", dpi=None, exif=described), LOGO).faults
    assert "densité absente" in fault


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_without_density_is_told_so(kind: str) -> None:
    verdict = check(picture(kind, dpi=None), LOGO)
    assert verdict.faults == ("densité absente du fichier, il faut 300 dpi",)
    assert verdict.dpi is None


@pytest.mark.parametrize("dpi", [72, 96, 299, 301, 600])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_another_density_is_told_with_the_right_one(kind: str, dpi: int) -> None:
    (fault,) = check(picture(kind, dpi=dpi), LOGO).faults
    assert fault == f"densité de {dpi} dpi, il faut 300 dpi"


def test_a_rotation_noted_does_not_make_up_for_stored_pixels() -> None:
    content = turned(6, (760, 95))
    verdict = check(content, BANNER)
    assert (verdict.width, verdict.height) == (95, 760)
    assert verdict.faults == (
        "95 × 760 pixels, il en faut exactement 760 × 95 "
        "(l'image n'est tournée de 90° vers la droite que par une note du fichier, EXIF)",
    )


def test_a_rotation_noted_that_spoils_the_size_on_show_is_a_fault() -> None:
    (fault,) = check(picture("JPEG", (760, 95), exif=exif(6)), BANNER).faults
    assert fault.endswith("il en faut exactement 760 × 95")
    assert fault.startswith("95 × 760 pixels à l'affichage")


def test_every_fault_is_told_at_once() -> None:
    faults = check(animation("GIF", (120, 90)), LOGO).faults
    assert [fault.split()[0] for fault in faults] == ["format", "120", "densité", "image"]


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("JPEG", "jpg")])
def test_the_content_tells_the_format_for_no_name_is_asked(kind: str, extension: str) -> None:
    assert check(picture(kind), LOGO).extension == extension


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_another_format_is_named(kind: str) -> None:
    verdict = check(picture(kind, mode="P" if kind == "GIF" else "RGB"), LOGO)
    assert f"format {kind}, il faut JPG ou PNG" in verdict.faults
    assert verdict.extension == ""


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
def test_a_jpeg_cut_anywhere_is_refused(options: dict[str, object]) -> None:
    content = picture("JPEG", **options)
    whole = [size for size in range(0, len(content), 5) if not check(content[:size], LOGO).faults]
    assert whole == []


def test_a_png_cut_anywhere_is_refused() -> None:
    content = picture()
    assert [size for size in range(len(content)) if not check(content[:size], LOGO).faults] == []


def test_a_png_s_every_bit_counts() -> None:
    content = picture()
    unseen = [place for place in range(len(content)) if check(flipped(content, b"", place), LOGO).faults == ()]
    assert unseen == []


@pytest.mark.parametrize("rows", [0, 1, 94])
def test_a_png_that_lacks_rows_is_refused(rows: int) -> None:
    assert "tronqué" in check(png_of(95, 95, 8, 2, (b"\0" + b"\x40" * 285) * rows), LOGO).faults[0]


@pytest.mark.parametrize("build", [gigantic_png, gigantic_jpeg, gigantic_bmp, gigantic_tiff])
def test_a_gigantic_header_is_refused_without_unpacking(build: Callable[[], bytes]) -> None:
    # Were its pixels looked for, they would be said to be missing.
    assert check(build(), BANNER).faults == (
        "image démesurée, trop grande pour être lue : il faut exactement 760 × 95 pixels",
    )


def test_a_picture_above_the_limit_is_judged_without_unpacking() -> None:
    side = 6400
    assert side * side > MAX_PIXELS
    # Its pixels are missing too: nobody looked.
    assert check(gigantic_png(side), LOGO).faults == ("6400 × 6400 pixels, il en faut exactement 95 × 95",)


def with_bomb(packed: bytes) -> bytes:
    content = picture()
    start = content.index(b"IDAT") - 4
    return content[:start] + png_chunk(b"IDAT", packed) + content[content.index(b"IEND") - 4 :]


def test_a_bomb_of_endless_rows_is_not_unpacked_to_its_end() -> None:
    bomb = zlib.compress(bytes(300_000_000))
    content = with_bomb(bomb)
    tracemalloc.start()
    try:
        check(content, LOGO)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_jpeg_of_a_thousand_scans_is_not_unpacked() -> None:
    content = picture("JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    scan = content[last:-2]
    assert check(content[:-2] + scan * 1000 + b"\xff\xd9", LOGO).faults == (
        "fichier tronqué ou abîmé : l'image ne se lit pas jusqu'au bout",
    )


def test_what_is_no_picture_at_all_is_told_so() -> None:
    assert check(b"Bonjour\n" * 50, LOGO).faults == ("ce fichier n'est pas une image JPG ou PNG lisible",)


def test_a_png_whose_text_names_another_format_is_a_png() -> None:
    assert check(with_chunk(picture(), b"tEXt", b"Source\0%PDF-1.7 <svg"), LOGO).faults == ()


def test_too_large_a_file_is_told_the_limit() -> None:
    (fault,) = check(bytes(21 * 1024 * 1024), LOGO).faults
    assert "20 Mo" in fault


def test_a_cmyk_jpeg_is_right_with_a_warning_for_the_card_says_nothing_of_colours() -> None:
    verdict = check(cmyk_jpeg(), LOGO)
    assert verdict.faults == ()
    assert "imprimerie" in verdict.warnings[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_any_kind_of_png_pixels_is_right(mode: str) -> None:
    assert check(picture(mode=mode), LOGO) == check(picture(), LOGO)


def test_a_verdict_can_come_from_another_process() -> None:
    verdict = check(picture(dpi=72), LOGO)
    assert pickle.loads(pickle.dumps(verdict)) == verdict


REAL = [
    picture(),
    picture(exif=exif(6, 300.0)),
    picture("JPEG", exif=exif(6, 300.0)),
    picture("JPEG", progressive=True),
    cmyk_jpeg(),
    rgb_jpeg(),
    deep_png(),
    animation("PNG"),
    animation("GIF"),
    animation("WEBP"),
    animation("TIFF"),
    animation("MPO"),
    picture("TIFF", compression="tiff_lzw"),
    picture("BMP"),
    saved(Image.new("P", (95, 95)), transparency=0),
]


@given(
    st.sampled_from(REAL),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=8),
    st.integers(0, 2000),
)
@example(cut(REAL[0], 1), [], 0)
def test_damaged_bytes_give_a_verdict_and_no_error(real: bytes, changes: list[tuple[int, int]], off: int) -> None:
    content = bytearray(real)
    for place, value in changes:
        content[place % len(content)] = value
    assert isinstance(check(bytes(content[: max(len(content) - off, 0)]), LOGO), Verdict)


@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"RIFF"]), st.binary())
def test_any_bytes_give_a_verdict_with_a_fault(beginning: bytes, rest: bytes) -> None:
    assert check(beginning + rest, LOGO).faults

import io
import pickle
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageStat

from core.pictures import BANNER, LOGO, Correction, Rule, check, correct
from tests.corpus.images import (
    CASES,
    TURNED_WORDS,
    Case,
    adobe_rgb_profile,
    animation,
    cmyk_jpeg,
    cmyk_jpeg_without_adobe,
    deep_png,
    drawing,
    exif,
    half_seen_through,
    on,
    photoshop_density,
    picture,
    pixels,
    press_profile,
    rgb_jpeg,
    saved,
    seen_through,
    turned,
    with_chunk,
    with_jfif_density,
    with_segment,
)

OFFERED = [case for case in CASES if case.offer]


def mended(content: bytes, rule: Rule = LOGO) -> Correction:
    made = correct(content, rule)
    assert made
    return made


def image_of(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean over all pixels, of 255."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def scan_data(jpeg: bytes) -> bytes:
    return jpeg[jpeg.index(b"\xff\xda") :]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_picture_of_the_table_is_corrected_as_it_says(case: Case) -> None:
    made = correct(case.build(), case.rule)
    assert ("" if made is None else "lossless" if made.lossless else "redrawn") == case.offer


@pytest.mark.parametrize("case", OFFERED, ids=lambda case: case.name)
def test_what_is_offered_is_right_without_a_warning(case: Case) -> None:
    made = mended(case.build(), case.rule)
    verdict = check(made.content, case.rule)
    assert (verdict.faults, verdict.warnings) == ((), ())
    assert verdict.extension == made.extension
    assert made.changes
    assert correct(made.content, case.rule) is None


@pytest.mark.parametrize("case", [case for case in OFFERED if case.offer == "lossless"], ids=lambda case: case.name)
def test_where_nothing_is_lost_every_pixel_is_what_it_was(case: Case) -> None:
    content = case.build()
    made = mended(content, case.rule)
    assert image_of(made.content).convert("RGBA").tobytes() == image_of(content).convert("RGBA").tobytes()


@pytest.mark.parametrize(
    "content",
    [
        picture("JPEG", dpi=72),
        picture("JPEG", dpi=None, progressive=True),
        picture("JPEG", exif=exif(density=72.0)),
        with_segment(picture("JPEG"), 0xED, photoshop_density(72)),
        rgb_jpeg(),
        picture("JPEG", dpi=96, icc_profile=adobe_rgb_profile()),
    ],
)
def test_a_jpeg_s_density_is_mended_beside_its_picture_data(content: bytes) -> None:
    assert scan_data(mended(content).content) == scan_data(content)


@pytest.mark.parametrize("content", [picture(mode="P", dpi=72), picture(dpi=None), picture(exif=exif(density=72.0))])
def test_a_png_s_density_is_mended_beside_its_pixels(content: bytes) -> None:
    made = mended(content).content
    start, end = content.index(b"IDAT"), content.index(b"IEND")
    assert content[start:end] in made
    assert pixels(made) == pixels(content)
    assert made.count(b"pHYs") == 1


def test_a_jpeg_of_red_green_and_blue_gets_no_header_that_would_change_its_colours() -> None:
    made = mended(rgb_jpeg())
    assert b"JFIF" not in made.content
    assert pixels(made.content) == pixels(rgb_jpeg())


def test_a_density_that_is_mended_is_told_with_the_former_one() -> None:
    told = "densité notée : 300 dpi au lieu de 72 ; l'image elle-même ne change pas"
    assert mended(picture(dpi=72)).changes == (told,)


def test_a_density_that_was_missing_is_told_so() -> None:
    told = "densité notée : 300 dpi (elle manquait) ; l'image elle-même ne change pas"
    assert mended(picture("JPEG", dpi=None)).changes == (told,)


def test_contradictory_densities_all_become_the_right_one() -> None:
    content = with_jfif_density(picture("JPEG", exif=exif(density=28.0, unit=3)), 1, 96, 96)
    made = mended(with_segment(content, 0xED, photoshop_density(72)))
    assert made.changes[0].startswith(
        "densité notée : 300 dpi partout au lieu de 96 (JFIF) et 71 (EXIF) et 72 (Photoshop)"
    )
    noted = image_of(made.content)
    assert noted.info["jfif_density"] == (300, 300)
    assert (noted.getexif()[0x011A], noted.getexif()[0x0128]) == (300, 2)
    assert struct.pack(">I", 300 << 16) in made.content


def test_what_else_exif_tells_stays_where_the_density_alone_is_mended() -> None:
    described = exif(density=72.0)
    described[0x010E] = "Telecom Exemple"
    assert image_of(mended(picture("JPEG", exif=described)).content).getexif()[0x010E] == "Telecom Exemple"


def test_the_second_picture_of_a_jpeg_stays_in_it() -> None:
    content = with_jfif_density(animation("MPO"), 1, 72, 72)
    image = Image.open(io.BytesIO(mended(content).content))
    assert getattr(image, "n_frames", 1) == 2
    image.seek(1)
    image.load()


def test_a_rotation_left_behind_on_right_pixels_is_taken_out() -> None:
    content = picture("JPEG", (760, 95), exif=exif(6))
    made = mended(content, BANNER)
    assert made.lossless
    assert made.changes == (
        "note « tournée de 90° vers la droite » (EXIF) retirée : l'image s'affichera partout en 760 × 95 ; "
        "l'image elle-même ne change pas",
    )
    assert scan_data(made.content) == scan_data(content)
    assert image_of(made.content).getexif()[0x0112] == 1


@pytest.mark.parametrize("orientation", TURNED_WORDS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_turned_by_a_note_is_turned_in_its_pixels(kind: str, orientation: int) -> None:
    made = mended(turned(orientation, kind=kind))
    assert difference(image_of(made.content), drawing()) < 6
    (told,) = made.changes
    assert told == f"{TURNED_WORDS[orientation]} dans ses pixels, et non plus par une note (EXIF)"


def test_a_banner_stored_upright_is_laid_down() -> None:
    made = mended(turned(6, (760, 95)), BANNER)
    assert difference(image_of(made.content), drawing((760, 95))) < 3


def test_a_larger_picture_of_the_same_proportions_is_reduced() -> None:
    made = mended(picture(size=(190, 190)))
    assert made.changes == ("réduite de 190 × 190 à 95 × 95",)
    assert not made.lossless
    assert difference(image_of(made.content), drawing()) < 5


def test_an_enlarged_picture_is_said_to_be_blurred() -> None:
    assert mended(picture(size=(40, 40))).changes == ("agrandie de 40 × 40 à 95 × 95 : elle sera floue",)


@pytest.mark.parametrize(("side", "offered"), [(24, True), (23, False)])
def test_a_picture_is_enlarged_four_times_at_most(side: int, offered: bool) -> None:
    assert bool(correct(picture(size=(side, side)), LOGO)) is offered


def test_other_proportions_get_margins_and_lose_nothing() -> None:
    made = mended(picture(size=(300, 200)))
    assert made.changes == ("réduite de 300 × 200 à 95 × 63, puis 16 pixels de blanc ajoutés en haut et en bas",)
    image = image_of(made.content)
    within = image.crop((0, 16, 95, 79))
    assert difference(within, drawing((95, 63))) < 6
    for margin in (image.crop((0, 0, 95, 16)), image.crop((0, 79, 95, 95))):
        assert margin.getcolors() == [(95 * 16, (255, 255, 255))]


def test_a_pixel_more_on_one_side_is_a_margin_and_no_distortion() -> None:
    made = mended(picture(size=(96, 95)))
    assert made.changes == ("réduite de 96 × 95 à 95 × 94, puis 1 pixel de blanc ajouté en bas",)


def test_one_pixel_on_each_side_is_told_in_the_singular() -> None:
    made = correct(picture(size=(3840, 481)), BANNER)
    assert made
    assert made.changes == ("réduite de 3840 × 481 à 758 × 95, puis 1 pixel de blanc ajouté à gauche et à droite",)


def test_margins_that_differ_are_told_one_by_one() -> None:
    assert mended(picture(size=(95, 80))).changes == ("7 pixels de blanc ajoutés en haut et 8 en bas",)
    assert mended(picture(size=(95, 92))).changes == ("1 pixel de blanc ajouté en haut et 2 en bas",)
    assert mended(picture(size=(88, 90))).changes == (
        "3 pixels de blanc ajoutés à gauche, 4 à droite, 2 en haut et 3 en bas",
    )


def test_a_picture_that_nearly_fills_the_frame_is_not_enlarged_for_its_text_to_stay_sharp() -> None:
    content = picture(size=(700, 90))
    made = mended(content, BANNER)
    within = image_of(made.content).crop((30, 2, 730, 92))
    assert within.convert("RGB").tobytes() == image_of(content).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_margins_have_the_colour_of_a_uniform_border(kind: str) -> None:
    made = mended(saved(on("#182d54", (300, 200)), kind))
    assert made.changes[0].endswith("ajoutés en haut et en bas")
    assert "16 pixels de la couleur du bord (#" in made.changes[0]
    corner = image_of(made.content).convert("RGB").getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert all(abs(found - wanted) <= 3 for found, wanted in zip(corner, (0x18, 0x2D, 0x54), strict=True))


@pytest.mark.parametrize(("mode", "colour", "words"), [("RGB", "black", "noir"), ("L", "white", "blanc")])
def test_black_and_white_margins_are_called_so(mode: str, colour: str, words: str) -> None:
    told = mended(saved(on(colour, (300, 200)).convert(mode))).changes[0]
    assert told.endswith(f"16 pixels de {words} ajoutés en haut et en bas")


def test_margins_are_white_where_the_border_has_several_colours() -> None:
    image = Image.linear_gradient("L").rotate(90).resize((300, 200)).convert("RGB")
    assert "16 pixels de blanc" in mended(saved(image)).changes[0]


def test_margins_of_a_transparent_picture_are_transparent() -> None:
    made = mended(saved(half_seen_through((300, 200))))
    assert "16 pixels transparents ajoutés" in made.changes[0]
    assert image_of(made.content).getpixel((47, 3)) == (0, 0, 0, 0)


@pytest.mark.parametrize("size", [(760, 95), (300, 150), (95, 300)])
def test_a_picture_that_would_fill_less_than_half_of_the_frame_is_not_offered(size: tuple[int, int]) -> None:
    offered = correct(picture(size=size), LOGO)
    assert bool(offered) is (size == (300, 150))  # half of it, to a pixel


def test_a_transparent_picture_keeps_clean_edges_when_reduced() -> None:
    # Blue hidden under what is transparent must not come through at the edge of the red.
    image = Image.new("RGBA", (190, 190), (0, 0, 255, 0))
    image.paste((255, 0, 0, 255), (40, 40, 151, 151))
    small = image_of(mended(saved(image)).content)
    seen = [small.getpixel((x, 47)) for x in range(95)]
    assert all(point[2] == 0 for point in seen if isinstance(point, tuple) and point[3] > 0)


def test_transparency_of_a_palette_is_kept() -> None:
    image = drawing((190, 190)).quantize(16)
    clear = image.getpixel((0, 0))
    small = image_of(mended(saved(image, transparency=clear)).content)
    assert small.mode == "RGBA"
    assert small.getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("build", [cmyk_jpeg, cmyk_jpeg_without_adobe])
def test_cmyk_becomes_rgb_and_is_told_without_a_profile(build: object) -> None:
    made = mended(build())  # type: ignore[operator]
    assert image_of(made.content).mode == "RGB"
    assert made.changes == ("couleurs CMJN converties en RVB, sans profil : les teintes peuvent changer un peu",)


def test_cmyk_with_a_profile_becomes_what_the_profile_says() -> None:
    content = picture("JPEG", mode="CMYK", icc_profile=press_profile())
    made = mended(content)
    assert made.changes == ("couleurs CMJN converties en RVB d'après le profil « Presse d'essai »",)
    image = image_of(made.content)
    assert "icc_profile" not in image.info
    # The drawing's disc is of cyan ink mostly, which this press prints red.
    red, green, _ = image.getpixel((62, 75))  # type: ignore[misc]
    assert red > green
    assert all(value > 245 for value in image.getpixel((2, 2)))  # type: ignore[union-attr]


def test_adobe_s_inverted_cmyk_keeps_its_colours() -> None:
    assert difference(image_of(mended(cmyk_jpeg()).content), drawing()) < 3


@pytest.mark.parametrize("colours", [1, 3, 4])
def test_sixteen_bits_become_eight_of_the_same_colours(colours: int) -> None:
    made = mended(deep_png(colours))
    assert made.changes == ("16 bits par couleur ramenés à 8",)
    wanted = drawing(mode="L") if colours == 1 else drawing()
    assert difference(image_of(made.content), wanted) <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_the_first_picture_of_an_animation_is_kept(kind: str) -> None:
    made = mended(animation(kind))
    assert made.changes[0] == "seule la première image de l'animation est gardée"
    assert made.extension == "png"
    assert difference(image_of(made.content), drawing()) < 8


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_another_format_becomes_a_png_and_is_told(kind: str) -> None:
    made = mended(picture(kind, mode="P" if kind == "GIF" else "RGB"))
    assert made.extension == "png"
    assert f"convertie de {kind} en PNG" in made.changes


def test_a_webp_turned_by_a_note_is_turned_in_its_pixels() -> None:
    made = mended(turned(6, kind="WEBP"))
    assert difference(image_of(made.content), drawing()) < 6
    assert made.changes[1].startswith("tournée de 90° vers la droite")


def test_a_tiff_turned_by_a_note_is_turned_once() -> None:
    made = mended(turned(6, kind="TIFF"))
    assert difference(image_of(made.content), drawing()) < 3


def test_the_profile_of_a_picture_that_is_redrawn_is_followed_and_told() -> None:
    content = picture(size=(190, 190), icc_profile=adobe_rgb_profile())
    made = mended(content)
    assert "couleurs converties en sRGB d'après le profil « Rouge et vert »" in made.changes
    image = image_of(made.content)
    assert "icc_profile" not in image.info
    # The red square of the drawing: its display shows green for red.
    red, green, _ = image.convert("RGB").getpixel((20, 74))  # type: ignore[misc]
    assert green > red


def test_a_picture_that_is_srgb_by_its_profile_keeps_its_colours() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert mended(picture(size=(190, 190), icc_profile=profile)).changes == ("réduite de 190 × 190 à 95 × 95",)


def test_a_profile_that_cannot_be_read_is_left_aside() -> None:
    assert mended(picture(size=(190, 190), icc_profile=b"no profile")).changes == ("réduite de 190 × 190 à 95 × 95",)


def test_how_a_png_s_colours_are_to_be_read_stays_in_it() -> None:
    content = with_chunk(picture(size=(190, 190)), b"gAMA", struct.pack(">I", 100_000))
    assert image_of(mended(content).content).info["gamma"] == 1.0


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_where_a_photo_was_taken_is_not_carried_over_when_it_is_redrawn(kind: str) -> None:
    place = exif(1)
    place.get_ifd(0x8825)[1] = "N"
    content = picture(kind, (190, 190), exif=place)
    assert image_of(content).getexif().get_ifd(0x8825) == {1: "N"}
    made = mended(content)
    assert not image_of(made.content).getexif()
    assert b"Exif" not in made.content
    assert b"eXIf" not in made.content


def test_a_jpeg_stays_a_jpeg_and_a_png_a_png() -> None:
    assert mended(picture("JPEG", (190, 190))).extension == "jpg"
    assert mended(picture("PNG", (190, 190))).extension == "png"


def test_a_right_picture_has_no_correction() -> None:
    assert correct(picture(), LOGO) is None
    assert correct(saved(seen_through()), LOGO) is None


def test_a_correction_can_come_from_another_process() -> None:
    made = mended(picture(dpi=72))
    assert pickle.loads(pickle.dumps(made)) == made


sizes = st.tuples(st.integers(1, 400), st.integers(1, 400))


@settings(deadline=None)
@given(
    sizes,
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA"]),
    st.sampled_from(["PNG", "JPEG"]),
    st.sampled_from([None, 72, 300]),
    st.integers(0, 8),
    st.sampled_from([LOGO, BANNER]),
)
def test_whatever_is_offered_is_right_and_told(
    size: tuple[int, int], mode: str, kind: str, dpi: int | None, orientation: int, rule: Rule
) -> None:
    mode = "L" if kind == "JPEG" and mode in {"LA", "P", "RGBA"} else mode
    content = picture(kind, size, mode, dpi, exif=exif(orientation))
    made = correct(content, rule)
    if made is None:
        return
    verdict = check(made.content, rule)
    assert (verdict.faults, verdict.warnings, verdict.extension) == ((), (), made.extension)
    assert made.changes
    if size != (rule.width, rule.height):
        assert not made.lossless


@settings(deadline=None)
@given(
    st.sampled_from([case.build() for case in OFFERED if case.name != "photo of a phone"]),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6),
    st.sampled_from([0, 0, 0, 1, 500]),
)
def test_damaged_bytes_give_no_error_and_never_a_wrong_correction(
    real: bytes, changes: list[tuple[int, int]], off: int
) -> None:
    content = bytearray(real)
    for place, value in changes:
        content[place % len(content)] = value
    made = correct(bytes(content[: max(len(content) - off, 0)]), LOGO)
    if made:
        verdict = check(made.content, LOGO)
        assert (verdict.faults, verdict.warnings) == ((), ())

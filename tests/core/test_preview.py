"""The client's invoice to look at: the two pictures stand on it pixel for pixel, whatever they are like."""

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops
from pypdf import PdfReader

from bot.sandbox import pictures
from bot.sandbox.pictures import PROFILE
from core import preview
from core.preview import (
    BANNER_PLACE,
    HEIGHT,
    ITEMS,
    LOGO_PLACE,
    NBSP,
    THIN,
    VAT_PERCENT,
    WIDTH,
    Preview,
    amount,
    millimetres,
    total,
)
from core.profile import Profile
from core.workshop import Workshop

LOGO, BANNER = pictures.logo(), pictures.banner()
LIGHT = 300_000


@pytest.fixture(scope="module")
def shown() -> Preview:
    return preview.draw(PROFILE, LOGO, BANNER)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None


def on_paper(content: bytes) -> Image.Image:
    """A picture as it looks on white."""
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def at_the_top(page: Image.Image, size: tuple[int, int] = (95, 95)) -> Image.Image:
    x, y = LOGO_PLACE
    return page.crop((x, y, x + size[0], y + size[1]))


def at_the_foot(page: Image.Image, size: tuple[int, int] = (760, 95)) -> Image.Image:
    middle, bottom = BANNER_PLACE
    left = middle - size[0] // 2
    return page.crop((left, bottom - size[1], left + size[0], bottom))


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    image.save(content, kind, dpi=(300, 300))
    return content.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    bands = [Image.effect_noise((width, height), 90) for _ in mode]
    return Image.merge(mode, bands)


def test_the_page_is_an_a4_page_at_300_dpi(shown: Preview) -> None:
    page = Image.open(io.BytesIO(shown.png))
    assert (page.format, page.mode, page.size) == ("PNG", "RGB", (2480, 3508))
    assert [round(density) for density in page.info["dpi"]] == [300, 300]
    assert page.size == (WIDTH, HEIGHT)


def test_the_logo_and_the_banner_stand_on_it_pixel_for_pixel(shown: Preview) -> None:
    page = opened(shown.png)
    assert same(at_the_top(page), opened(LOGO))
    assert same(at_the_foot(page), opened(BANNER))


def test_the_banner_stands_in_the_middle_of_the_foot() -> None:
    left = BANNER_PLACE[0] - 760 // 2
    assert left == WIDTH - (left + 760)
    assert HEIGHT * 0.9 < BANNER_PLACE[1] < HEIGHT


@pytest.mark.parametrize(
    "logo",
    [
        file_of(noise(95, 95)),
        file_of(noise(95, 95, "RGBA")),
        file_of(noise(95, 95).convert("L")),
        file_of(noise(95, 95).convert("1")),
        file_of(noise(95, 95).quantize(200)),
        pictures.logo(kind="JPEG"),
    ],
    ids=["noise", "transparent", "grey", "black and white", "palette", "jpeg"],
)
def test_a_logo_of_any_kind_is_shown_as_it_is(logo: bytes) -> None:
    page = opened(preview.draw(PROFILE, logo, None).png)
    assert same(at_the_top(page), on_paper(logo))


def test_a_cmyk_picture_is_shown_in_its_colours() -> None:
    logo = file_of(Image.new("CMYK", (95, 95), (255, 0, 255, 0)), "JPEG")
    red, green, blue = at_the_top(opened(preview.draw(PROFILE, logo, None).png)).getpixel((47, 47))
    assert (red < 15, green > 240, blue < 15) == (True, True, True)


@pytest.mark.parametrize(
    ("logo_size", "banner_size"), [((96, 94), (759, 96)), ((200, 180), (1200, 220)), ((1, 1), (95, 95))]
)
def test_a_picture_of_another_size_is_shown_as_it_is(logo_size: tuple[int, int], banner_size: tuple[int, int]) -> None:
    logo, foot = noise(*logo_size), noise(*banner_size)
    page = opened(preview.draw(PROFILE, file_of(logo), file_of(foot)).png)
    assert same(at_the_top(page, logo_size), logo)
    assert same(at_the_foot(page, banner_size), foot)


FRAMED = preview.draw(PROFILE, None, None)


def is_framed(part: Image.Image) -> bool:
    """Dashes along all four edges: paper and ink by turns, and nothing else but a text within."""
    w, h = part.size
    edges = [(0, 0, w, 1), (0, h - 1, w, h), (0, 0, 1, h), (w - 1, 0, w, h)]
    return all(len(part.crop(edge).getcolors() or ()) == 2 for edge in edges)


def test_a_dashed_frame_of_its_size_stands_for_a_picture_that_is_missing() -> None:
    page = opened(FRAMED.png)
    assert is_framed(at_the_top(page))
    assert is_framed(at_the_foot(page))


@pytest.mark.parametrize(
    "wrong",
    [b"", b"no picture", LOGO[:300], file_of(noise(3000, 400)), file_of(Image.new("1", (9000, 9000)))],
    ids=["empty", "text", "truncated", "too large", "gigantic"],
)
def test_so_it_does_for_one_that_cannot_be_shown(wrong: bytes) -> None:
    page = opened(preview.draw(PROFILE, wrong, wrong).png)
    assert is_framed(at_the_top(page))
    assert is_framed(at_the_foot(page))


def test_a_missing_logo_does_not_move_the_banner() -> None:
    assert same(at_the_foot(opened(preview.draw(PROFILE, None, BANNER).png)), opened(BANNER))


@pytest.mark.parametrize(
    "profile",
    [
        Profile(),
        replace(PROFILE, operator_name="W" * 60, address="W" * 99 + " 00000 Vue"),
        replace(PROFILE, colour="#fff"),
    ],
    ids=["empty", "widest", "white"],
)
def test_nothing_is_written_in_the_page_s_edges_nor_between_its_parts(profile: Profile) -> None:
    """Whatever the profile holds: the head ends above the client's address, and right of it stands nothing."""
    page = opened(preview.draw(profile, file_of(noise(420, 260)), BANNER).png)
    for empty in ((0, 0, WIDTH, 100), (0, 0, 40, HEIGHT), (WIDTH - 200, 0, WIDTH, HEIGHT), (0, 505, WIDTH, 535)):
        assert page.crop(empty).getcolors() == [((empty[2] - empty[0]) * (empty[3] - empty[1]), (255, 255, 255))]


def test_the_page_says_the_profile_s_name_and_address() -> None:
    def head(profile: Profile) -> Image.Image:
        return opened(preview.draw(profile, LOGO, BANNER).png).crop((0, 0, WIDTH, 500))

    usual = head(PROFILE)
    assert not same(usual, head(replace(PROFILE, operator_name="Autre Exemple")))
    assert not same(usual, head(replace(PROFILE, address="14 rue de l'Exemple, 00000 Ville-Fictive")))
    assert not same(usual, head(replace(PROFILE, colour="#7a1f3d")))


# The document


def test_the_document_is_one_a4_page(shown: Preview) -> None:
    (page,) = PdfReader(io.BytesIO(shown.pdf)).pages
    assert [round(float(side), 2) for side in page.mediabox] == [0, 0, 595.28, 841.89]


def test_the_document_holds_the_same_pixels(shown: Preview) -> None:
    (page,) = PdfReader(io.BytesIO(shown.pdf)).pages
    (drawn,) = page.images
    assert drawn.image
    assert drawn.image.size == (WIDTH, HEIGHT)
    assert same(drawn.image, opened(shown.png))


def test_the_document_shows_it_over_the_whole_page(shown: Preview) -> None:
    (page,) = PdfReader(io.BytesIO(shown.pdf)).pages
    content = page.get_contents()
    assert content is not None
    found = re.search(rb"([\d.]+) 0 0 ([\d.]+) ([-\d.]+) ([-\d.]+) cm", content.get_data())
    assert found
    assert [float(part) for part in found.groups()] == pytest.approx([595.28, 841.89, 0, 0], abs=0.01)


def test_both_files_are_light_and_always_the_same(shown: Preview) -> None:
    assert max(len(shown.png), len(shown.pdf)) < LIGHT
    assert preview.draw(PROFILE, LOGO, BANNER) == shown


async def test_it_is_made_in_the_workshop(shown: Preview) -> None:
    workshop = Workshop()
    try:
        assert await workshop.make(preview.draw, PROFILE, LOGO, BANNER) == shown
    finally:
        workshop.close()


# The invoice's figures


def test_the_totals_add_up() -> None:
    without, vat, with_tax = total(ITEMS)
    assert without == sum(item.quantity * item.unit_price for item in ITEMS)
    assert abs(vat - without * VAT_PERCENT / 100) <= 0.5
    assert with_tax == without + vat


@pytest.mark.parametrize(
    ("cents", "written"),
    [
        (0, "0,00 €"),
        (5, "0,05 €"),
        (1490, "14,90 €"),
        (123456, f"1{THIN}234,56 €"),
        (100000000, f"1{THIN}000{THIN}000,00 €"),
    ],
)
def test_an_amount_is_written_in_french(cents: int, written: str) -> None:
    assert amount(cents) == written.replace(" €", f"{NBSP}€")


@given(st.integers(0, 10**10))
def test_an_amount_never_breaks(cents: int) -> None:
    assert " " not in amount(cents)


@pytest.mark.parametrize(("pixels", "written"), [(95, "8"), (760, "64,3"), (300, "25,4"), (2480, "210")])
def test_measures_are_in_millimetres_at_300_dpi(pixels: int, written: str) -> None:
    assert millimetres(pixels) == written

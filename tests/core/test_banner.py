"""The banner made from the profile: nothing overflows, nothing is lost, whatever the profile holds."""

import io
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bot.sandbox import pictures
from bot.sandbox.pictures import PROFILE
from core import banner
from core.banner import MARGIN, MENTIONS, SMALLEST, WHITE, BannerError, Layout, Rgb, contrast, layout, text_colour
from core.pictures import BANNER, check
from core.profile import FIELDS, Name, Profile, show
from core.typeface import Box

LONG = replace(
    PROFILE,
    operator_name="Compagnie Générale des Télécommunications d'Entreprise SARL",
    address="Bâtiment des Glycines, 128 boulevard du Général-Exemple, BP 40012, 00000 Ville-Fictive-sur-Rivière Cedex",
    phone_cost="0,15 €/min + prix appel",
    service_email="service.clients.professionnels@telecommunications-entreprises.example",
)
SHORT = replace(
    PROFILE,
    operator_name="Oz",
    address="1 rue A, 00000 Vue",
    phone="3199",
    phone_cost="0,15 €/min",
    service_email="a@oz.example",
)
#: As long as `core.profile` takes them, in the widest letter.
WIDEST = replace(
    PROFILE,
    operator_name="W" * 60,
    address=f"{'W' * 52} 00000 {'W' * 51}",
    phone_cost="99,999 €/min + prix appel",
    service_email=f"{'W' * 64}@{'W' * 55}.example",
)

LETTERS = st.sampled_from("aeimnprstuWWMÉÀÇŒgjqyœéè0189'-,.&")


def words(most: int) -> st.SearchStrategy[str]:
    """Of any lengths, no longer than that altogether."""
    texts = st.lists(st.text(LETTERS, min_size=1, max_size=most), min_size=1, max_size=12)
    return texts.map(lambda parts: " ".join(parts)[:most].strip())


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """What the dialog can have taken, up to its longest values."""
    town = draw(words(42)).translate(str.maketrans("0189", "OlBq"))
    written: dict[Name, str] = {
        "operator_name": f"N{draw(words(59))}",
        "address": f"{draw(words(57))}, 00000 Vi{town}",
        "siret": PROFILE.siret,
        "vat": PROFILE.vat,
        "phone": draw(st.sampled_from(["0639980000", "3199"])),
        "phone_cost": draw(
            st.sampled_from(["0,15 €/min", "service et appel gratuits", "99,999 €/min + prix appel", "non surtaxé"])
        ),
        "service_email": draw(st.text(st.sampled_from("abcmwW.-_1"), min_size=1, max_size=64)) + "@telecom.example",
    }
    checks = {field.name: field.check for field in FIELDS}
    return Profile(**{name: checks[name](value, Profile()) for name, value in written.items()})


def boxes_of(found: Layout) -> list[Box]:
    return [text.box for text in found.texts] + [box for box in (found.logo, found.rule) if box]


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG", dpi=(300, 300))
    return content.getvalue()


def a_mark(colour: str, ground: str | tuple[int, int, int, int]) -> bytes:
    image = Image.new("RGBA", (95, 95), ground)
    ImageDraw.Draw(image).ellipse((10, 10, 85, 85), fill=colour)
    return png(image)


TRANSPARENT = (0, 0, 0, 0)
LOGOS = {
    "none": None,
    "opaque": pictures.logo(),
    "jpeg": pictures.logo(kind="JPEG"),
    "transparent": a_mark("#c8283c", TRANSPARENT),
    "white on nothing": a_mark("#ffffff", TRANSPARENT),
    "tall": pictures.logo(40, 190),
}


@pytest.mark.parametrize("logo", LOGOS.values(), ids=LOGOS)
@pytest.mark.parametrize("profile", [PROFILE, LONG, SHORT, WIDEST], ids=["usual", "long", "short", "widest"])
def test_a_made_banner_is_right(profile: Profile, logo: bytes | None) -> None:
    content = banner.draw(profile, logo)
    assert check(content, BANNER).faults == ()
    assert Image.open(io.BytesIO(content)).mode == "RGB"


@given(profile=profiles(), has_logo=st.booleans())
@example(WIDEST, True)
@example(WIDEST, False)
@example(LONG, True)
@example(SHORT, False)
@settings(max_examples=60, deadline=None)
def test_nothing_overflows_nothing_overlaps_and_nothing_is_too_small(profile: Profile, has_logo: bool) -> None:
    found = layout(profile, has_logo)
    assert (found.logo is not None) == has_logo
    for left, top, right, bottom in boxes_of(found):
        assert left >= MARGIN
        assert top >= MARGIN
        assert right <= BANNER.width - MARGIN
        assert bottom <= BANNER.height - MARGIN
    for one, other in combinations(boxes_of(found), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    assert min(text.size for text in found.texts) >= SMALLEST


@given(profile=profiles(), has_logo=st.booleans())
@example(WIDEST, True)
@example(LONG, True)
@settings(max_examples=40, deadline=None)
def test_all_six_mentions_are_wholly_there(profile: Profile, has_logo: bool) -> None:
    texts = layout(profile, has_logo).texts
    for name in MENTIONS:
        written = "".join(text.text for text in texts if text.mention == name)
        assert written.replace(" ", "") == show(name, profile.value(name)).replace(" ", "")


@pytest.mark.parametrize("profile", [PROFILE, LONG, SHORT, WIDEST], ids=["usual", "long", "short", "widest"])
@pytest.mark.parametrize("logo", [None, pictures.logo()], ids=["no logo", "logo"])
def test_what_is_drawn_stands_in_its_place_and_the_margin_stays_empty(profile: Profile, logo: bytes | None) -> None:
    image = opened(banner.draw(profile, logo))
    paper = image.getpixel((0, 0))
    for box in boxes_of(layout(profile, logo is not None)):
        assert image.crop(box).getcolors() != [((box[2] - box[0]) * (box[3] - box[1]), paper)]
        image.paste(paper, box)
    assert image.getcolors() == [(BANNER.width * BANNER.height, paper)]


@pytest.mark.parametrize(("profile", "size"), [(PROFILE, 14), (SHORT, 14), (LONG, 12)], ids=["usual", "short", "long"])
def test_usual_values_are_written_large_and_the_name_largest(profile: Profile, size: int) -> None:
    texts = layout(profile, True).texts
    small = min(text.size for text in texts if text.mention)
    assert small >= size
    assert max(texts, key=lambda text: text.size).mention == "operator_name"


def test_a_usual_name_address_and_email_are_not_broken() -> None:
    texts = [text.text for text in layout(PROFILE, True).texts]
    assert {PROFILE.operator_name, PROFILE.address, PROFILE.service_email} <= set(texts)


def test_an_address_on_two_lines_is_broken_at_a_comma() -> None:
    profile = replace(PROFILE, address="Bâtiment des Glycines, 128 boulevard du Général-Exemple, 00000 Ville-Fictive")
    first, second = [text.text for text in layout(profile, True).texts if text.mention == "address"]
    assert (first[-1], f"{first} {second}") == (",", profile.address)


def test_both_columns_end_on_the_same_line() -> None:
    found = layout(PROFILE, True)
    assert found.rule
    left = [text.baseline for text in found.texts if text.x < found.rule[0]]
    right = [text.baseline for text in found.texts if text.x > found.rule[0]]
    assert max(left) == max(right)


@given(st.tuples(*[st.integers(0, 255)] * 3))
@example((138, 148, 163))
@example((118, 118, 118))
def test_a_text_is_legible_on_any_colour(paper: Rgb) -> None:
    assert contrast(text_colour(paper), paper) >= 4.5


@pytest.mark.parametrize("colour", ["#182d54", "#8a94a3", "#117a72", "#ffd54a", "#ffffff", "#000000", "#767676"])
def test_labels_too_are_legible(colour: str) -> None:
    """Every word of ours by itself, its strongest pixel against the paper."""
    profile = replace(PROFILE, colour=colour)
    image = opened(banner.draw(profile, None))
    paper = image.getpixel((0, 0))
    for text in layout(profile, False).texts:
        pixels = image.crop(text.box).getcolors(10_000)
        assert max(contrast(pixel, paper) for _, pixel in pixels) >= 4.5


@pytest.mark.parametrize(
    ("colour", "paper", "is_light"),
    [("", (24, 45, 84), True), ("#ffd54a", (255, 213, 74), False)],
    ids=["dark", "light"],
)
def test_the_paper_has_the_profile_s_colour_and_the_text_what_goes_with_it(
    colour: str, paper: Rgb, is_light: bool
) -> None:
    assert opened(banner.draw(replace(PROFILE, colour=colour), None)).getpixel((0, 0)) == paper
    assert (text_colour(paper) == WHITE) == is_light


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast((0, 0, 0), WHITE) == pytest.approx(21)
    assert contrast((118, 118, 118), WHITE) == pytest.approx(4.54, abs=0.01)


def test_the_same_profile_and_logo_make_the_same_bytes() -> None:
    assert banner.draw(LONG, pictures.logo()) == banner.draw(LONG, pictures.logo())


# The logo


@pytest.mark.parametrize("paper", ["#182d54", "#ffffff", "#c8283c", "#8a94a3"])
@pytest.mark.parametrize("mark", ["#ffffff", "#c8283c", "#182d54"])
def test_a_transparent_logo_is_seen_on_any_colour(mark: str, paper: str) -> None:
    image = opened(banner.draw(replace(PROFILE, colour=paper), a_mark(mark, TRANSPARENT)))
    box = layout(PROFILE, True).logo
    assert box
    across = [image.getpixel((x, (box[1] + box[3]) // 2)) for x in range(box[0], box[2])]
    inside = across[len(across) // 2]
    assert inside == opened(a_mark(mark, TRANSPARENT)).getpixel((47, 47))
    assert max(contrast(inside, other) for other in across) >= 2


def test_a_logo_keeps_its_proportions() -> None:
    image = opened(banner.draw(replace(PROFILE, colour="#ffffff"), png(Image.new("RGB", (40, 80), "red"))))
    box = layout(PROFILE, True).logo
    assert box
    red = [
        (x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3]) if image.getpixel((x, y)) == (255, 0, 0)
    ]
    # A red card with its round corners stands below: the whole square.
    assert (min(red)[0], max(red)[0]) == (box[0], box[2] - 1)
    image = opened(banner.draw(replace(PROFILE, colour="#ffffff"), a_mark("#ff0000", TRANSPARENT)))
    red = [
        (x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3]) if image.getpixel((x, y)) == (255, 0, 0)
    ]
    wide = max(x for x, _ in red) - min(x for x, _ in red)
    high = max(y for _, y in red) - min(y for _, y in red)
    assert abs(wide - high) <= 1


def test_a_logo_of_sixteen_bits_keeps_its_greys() -> None:
    deep = Image.new("I;16", (95, 95), 0x8080)
    image = opened(banner.draw(PROFILE, png(deep)))
    assert image.getpixel((47, 47)) == (128, 128, 128)


def test_a_cmyk_logo_has_its_colours() -> None:
    content = io.BytesIO()
    Image.new("CMYK", (95, 95), (0, 255, 255, 0)).save(content, "JPEG", dpi=(300, 300), quality=95)
    red, green, blue = opened(banner.draw(PROFILE, content.getvalue())).getpixel((47, 47))
    assert (red > 240, green < 15, blue < 15) == (True, True, True)


@pytest.mark.parametrize("logo", [b"", b"no picture", pictures.logo()[:300]], ids=["empty", "text", "truncated"])
def test_a_logo_that_cannot_be_read_is_left_out(logo: bytes) -> None:
    assert banner.draw(PROFILE, logo) == banner.draw(PROFILE, None)


# What cannot be made


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("operator_name", "/profil nom"),
        ("address", "/profil adresse"),
        ("siret", "/profil siret"),
        ("vat", "/profil tva"),
        ("phone", "/profil téléphone"),
        ("phone_cost", "/profil coût"),
        ("service_email", "/profil email"),
    ],
)
def test_a_missing_mention_is_named_with_the_command_for_it(name: Name, word: str) -> None:
    with pytest.raises(BannerError, match="il manque") as refused:
        banner.draw(replace(PROFILE, **{name: ""}), None)
    assert str(refused.value).count("/profil") == 1
    assert word in str(refused.value)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(BannerError) as refused:
        banner.draw(Profile(), None)
    assert str(refused.value).count("/profil") == len(MENTIONS)


def test_what_the_banner_does_not_need_can_be_missing() -> None:
    profile = replace(PROFILE, accounting_email="", technical_email="", technical_contact="", colour="")
    assert check(banner.draw(profile, None), BANNER).faults == ()


def test_an_email_that_is_far_too_long_is_named() -> None:
    with pytest.raises(BannerError, match=r"abréger l'adresse du service client \(/profil email\)"):
        banner.draw(replace(PROFILE, service_email=f"{'W' * 600}@telecom.example"), None)


def test_signs_that_the_typeface_has_not_are_named() -> None:
    with pytest.raises(BannerError, match=r"東京.*/profil nom"):
        banner.draw(replace(PROFILE, operator_name="Télécom 東京"), None)


def test_an_accent_apart_from_its_letter_is_drawn_on_it() -> None:
    apart = replace(PROFILE, operator_name="Te\u0301le\u0301com Exemple")
    assert banner.draw(apart, None) == banner.draw(PROFILE, None)

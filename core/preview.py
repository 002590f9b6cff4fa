"""A client's invoice as the operator would print it, with the integrator's logo and banner: a page to look at before
they go to Personnalisation. All but them is invented.

The page is A4 at 300 dpi, as the pictures are: what has 95 pixels measures 8 mm.
"""

import io
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from core.banner import WHITE, Rgb, colour_of, contrast, opened, text_colour
from core.pictures import BANNER, DPI, LOGO, Rule
from core.profile import Profile
from core.typeface import face, width, wrapped

WIDTH, HEIGHT = 2480, 3508
_MARGIN = 236

#: Where the top left corner of the logo stands, and the middle of the banner's lower edge.
LOGO_PLACE = (_MARGIN, 190)
BANNER_PLACE = (WIDTH // 2, HEIGHT - 190)

#: Larger pictures are wrong, and would cover what stands beside them.
_MOST_LOGO, _MOST_BANNER = (420, 260), (WIDTH - 2 * _MARGIN, 300)

NBSP = "\u00a0"
THIN = "\u202f"

_INK: Rgb = (28, 36, 48)
_SOFT: Rgb = (98, 108, 122)
_FAINT: Rgb = (150, 158, 170)
_HAIR: Rgb = (214, 219, 226)
_BAND: Rgb = (245, 247, 250)
_WATERMARK: Rgb = (246, 247, 249)

VAT_PERCENT = 20


@dataclass(frozen=True)
class Preview:
    """The same page twice: a picture at 300 dpi, and a document of one A4 page."""

    png: bytes = field(repr=False)
    pdf: bytes = field(repr=False)


@dataclass(frozen=True)
class Item:
    """A line of the invoice; `unit_price` in cents, without tax."""

    label: str
    detail: str
    quantity: int
    unit_price: int

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


ITEMS = (
    Item("Forfait mobile Pro", "Appels et SMS illimités, 50 Go ; novembre 2026", 48, 1490),
    Item("Forfait mobile Essentiel", "Appels 2 h, SMS illimités, 1 Go ; novembre 2026", 35, 650),
    Item("Option Europe", "Novembre 2026", 6, 400),
    Item("Communications hors forfait", "Du 1er au 31 octobre 2026, détail joint", 1, 13746),
    Item("Cartes SIM", "Livrées le 12/11/2026", 10, 500),
)
_CLIENT = ("Société Exemple SAS", "Service comptabilité", "8 avenue du Modèle", "00000 Ville-Fictive")
_FACTS = (
    ("Facture n°", "SPÉCIMEN-0001"),
    ("Date d'émission", "30/11/2026"),
    ("Période", "Novembre 2026"),
    ("Échéance", "30/12/2026"),
    ("N° client", "C-00042"),
)
_TERMS = (
    "Par virement à 30 jours, au plus tard le 30/12/2026. Pas d'escompte pour paiement anticipé.",
    "En cas de retard : pénalités au taux de trois fois l'intérêt légal et indemnité forfaitaire de 40 € pour frais de "
    "recouvrement (article L441-10 du code de commerce).",
)
_NOTICE = (
    "Aperçu sans valeur : client, lignes et montants sont inventés. Logo et bandeau sont à leur taille d'impression."
)


def draw(profile: Profile, logo: bytes | None, banner: bytes | None) -> Preview:
    """The page with the pictures pixel for pixel, whatever is wrong with them; a dashed frame stands for one that is
    missing, cannot be read or is far too large."""
    page = Image.new("RGB", (WIDTH, HEIGHT), WHITE)
    _draw_watermark(page)
    pen = _Pen(page, colour_of(profile))
    beside = _draw_logo(pen, logo)
    _draw_sender(pen, profile, beside)
    _draw_client(pen)
    below = _draw_totals(pen, _draw_table(pen))
    _draw_terms(pen, below)
    _draw_banner(pen, banner)
    return Preview(_png(page), _pdf(page))


def total(items: tuple[Item, ...]) -> tuple[int, int, int]:
    """Cents without tax, of VAT, and with tax."""
    without = sum(item.amount for item in items)
    vat = (without * VAT_PERCENT + 50) // 100
    return without, vat, without + vat


def amount(cents: int) -> str:
    """As it is written in French: 1 234,56 €."""
    return f"{cents // 100:,}".replace(",", THIN) + f",{cents % 100:02}{NBSP}€"


def millimetres(pixels: int) -> str:
    """What so many pixels measure at 300 dpi: 64,3."""
    return f"{pixels / DPI * 25.4:.1f}".removesuffix(".0").replace(".", ",")


# -- The two pictures


def _draw_logo(pen: "_Pen", content: bytes | None) -> int:
    """Where the text beside it begins."""
    x, y = LOGO_PLACE
    picture = _showable(content, _MOST_LOGO)
    if picture:
        pen.page.paste(picture, (x, y), picture)
        wide, high = picture.size
    else:
        wide, high = LOGO.width, LOGO.height
        pen.frame(x, y, wide, high)
        pen.text(x, y - 18, _caption(LOGO, content), 24, _SOFT)
    pen.upright_measure(x - 26, y, high)
    return x + wide + 40


def _draw_banner(pen: "_Pen", content: bytes | None) -> None:
    middle, bottom = BANNER_PLACE
    picture = _showable(content, _MOST_BANNER)
    wide, high = picture.size if picture else (BANNER.width, BANNER.height)
    x, y = middle - wide // 2, bottom - high
    if picture:
        pen.page.paste(picture, (x, y), picture)
    else:
        pen.frame(x, y, wide, high)
        pen.text(middle, y + high // 2, _caption(BANNER, content), 30, _SOFT, anchor="mm")
    pen.upright_measure(x - 26, y, high)
    pen.flat_measure(x, bottom + 26, wide)
    pen.text(WIDTH - _MARGIN, bottom, "1 / 1", 26, _SOFT, anchor="rs")


def _showable(content: bytes | None, most: tuple[int, int]) -> Image.Image | None:
    picture = opened(content) if content else None
    return picture if picture and picture.width <= most[0] and picture.height <= most[1] else None


def _caption(rule: Rule, content: bytes | None) -> str:
    if content:
        return f"{rule.french} illisible ou bien trop grand"
    return f"{rule.french} {rule.width} × {rule.height} px, à venir"


# -- The invoice


def _draw_watermark(page: Image.Image) -> None:
    word = "SPÉCIMEN"
    size = 380
    wide = width(word, size, True)
    mask = Image.new("L", (wide, 2 * size))
    ImageDraw.Draw(mask).text((0, size), word, 255, face(size, True), anchor="lm")
    # So pale that hard edges cannot be seen, and they make the files a fifth lighter.
    turned = mask.rotate(32, Image.Resampling.BICUBIC, expand=True).convert("1", dither=Image.Dither.NONE)
    page.paste(_WATERMARK, ((WIDTH - turned.width) // 2, 2180 - turned.height // 2), turned)


def _draw_sender(pen: "_Pen", profile: Profile, x: int) -> None:
    pen.text(WIDTH - _MARGIN, LOGO_PLACE[1] + 72, "FACTURE", 92, pen.accent, bold=True, anchor="rs")
    room = WIDTH - _MARGIN - width("FACTURE", 92, True) - 80 - x
    name = profile.operator_name or "Nom d'opérateur, à venir"
    size = next((size for size in (52, 46, 40) if len(wrapped(name, size, True, room)) == 1), 32)
    y = LOGO_PLACE[1] + 42
    for text in wrapped(name, size, True, room):
        pen.text(x, y, text, size, _INK, bold=True)
        y += round(1.2 * size)
    y += 50 - round(1.2 * size)
    for text in wrapped(profile.address or "adresse, à venir", 30, False, room):
        pen.text(x, y, text, 30, _SOFT)
        y += 40


def _draw_client(pen: "_Pen") -> None:
    top = 590
    for place, (word, value) in enumerate(_FACTS):
        y = top + 58 * place
        pen.text(_MARGIN, y, word, 32, _SOFT)
        pen.text(_MARGIN + 360, y, value, 32, _INK, bold=place == 0)
    x = 1340
    pen.ink.rectangle((x, top - 50, x + 5, top + 58 * 4 + 20), pen.colour)
    pen.text(x + 44, top - 20, "Client", 26, _SOFT)
    for place, line in enumerate(_CLIENT):
        pen.text(x + 44, top + 44 + 56 * place, line, 38 if place == 0 else 34, _INK, bold=place == 0)


#: Where the columns of the table end on the right: quantity, unit price, amount.
_QUANTITY, _PRICE, _AMOUNT = 1490, 1890, WIDTH - _MARGIN - 36


def _draw_table(pen: "_Pen") -> int:
    """Where the table ends."""
    top, high = 1050, 84
    pen.ink.rounded_rectangle((_MARGIN, top, WIDTH - _MARGIN - 1, top + high), 10, pen.colour)
    if contrast(pen.colour, WHITE) < 1.3:
        pen.ink.rounded_rectangle((_MARGIN, top, WIDTH - _MARGIN - 1, top + high), 10, outline=_HAIR, width=3)
    on_colour = text_colour(pen.colour)
    pen.text(_MARGIN + 36, top + 54, "Désignation", 32, on_colour, bold=True)
    for x, word in ((_QUANTITY, "Quantité"), (_PRICE, "Prix unitaire HT"), (_AMOUNT, "Montant HT")):
        pen.text(x, top + 54, word, 32, on_colour, bold=True, anchor="rs")
    y = top + high
    for item in ITEMS:
        pen.text(_MARGIN + 36, y + 60, item.label, 36, _INK, bold=True)
        pen.text(_MARGIN + 36, y + 108, item.detail, 29, _SOFT)
        pen.text(_QUANTITY, y + 60, str(item.quantity), 36, _INK, anchor="rs")
        pen.text(_PRICE, y + 60, amount(item.unit_price), 36, _INK, anchor="rs")
        pen.text(_AMOUNT, y + 60, amount(item.amount), 36, _INK, anchor="rs")
        y += 142
        pen.ink.rectangle((_MARGIN, y, WIDTH - _MARGIN - 1, y + 1), _HAIR)
    return y


def _draw_totals(pen: "_Pen", top: int) -> int:
    """Where they begin."""
    without, vat, with_tax = total(ITEMS)
    left = 1340
    y = top + 100
    for word, value in (("Total HT", without), (f"TVA {VAT_PERCENT}{NBSP}%", vat)):
        pen.text(left + 36, y, word, 36, _SOFT)
        pen.text(_AMOUNT, y, amount(value), 36, _INK, anchor="rs")
        y += 72
    box = (left, y - 30, WIDTH - _MARGIN - 1, y + 80)
    pen.ink.rounded_rectangle(
        box, 10, pen.colour, outline=_HAIR if contrast(pen.colour, WHITE) < 1.3 else None, width=3
    )
    pen.text(left + 36, y + 40, "Total TTC à payer", 40, text_colour(pen.colour), bold=True)
    pen.text(_AMOUNT, y + 40, amount(with_tax), 44, text_colour(pen.colour), bold=True, anchor="rs")
    return top + 100


def _draw_terms(pen: "_Pen", top: int) -> None:
    pen.text(_MARGIN, top, "Règlement", 32, _INK, bold=True)
    y = top + 52
    for paragraph in _TERMS:
        for text in wrapped(paragraph, 27, False, 980):
            pen.text(_MARGIN, y, text, 27, _SOFT)
            y += 39
        y += 10
    pen.text(WIDTH // 2, BANNER_PLACE[1] - 340, _NOTICE, 27, _SOFT, anchor="ms")


# -- How it is drawn


class _Pen:
    """Draws on the page. `accent`: the profile's colour where it is legible on white."""

    def __init__(self, page: Image.Image, colour: Rgb) -> None:
        self.page = page
        self.ink = ImageDraw.Draw(page)
        self.colour = colour
        self.accent = colour if contrast(colour, WHITE) >= 4.5 else _INK

    def text(
        self, x: int, y: int, text: str, size: int, colour: Rgb, *, bold: bool = False, anchor: str = "ls"
    ) -> None:
        self.ink.text((x, y), text, colour, face(size, bold), anchor=anchor)

    def frame(self, x: int, y: int, wide: int, high: int) -> None:
        """Dashes within a rectangle's edges."""
        for start in range(0, wide, 18):
            end = min(start + 10, wide) - 1
            self.ink.rectangle((x + start, y, x + end, y + 1), _FAINT)
            self.ink.rectangle((x + start, y + high - 2, x + end, y + high - 1), _FAINT)
        for start in range(0, high, 18):
            end = min(start + 10, high) - 1
            self.ink.rectangle((x, y + start, x + 1, y + end), _FAINT)
            self.ink.rectangle((x + wide - 2, y + start, x + wide - 1, y + end), _FAINT)

    def upright_measure(self, x: int, y: int, high: int) -> None:
        self.ink.rectangle((x, y, x + 1, y + high - 1), _FAINT)
        for end in (y, y + high - 2):
            self.ink.rectangle((x - 7, end, x + 8, end + 1), _FAINT)
        self.text(x - 18, y + high // 2, f"{millimetres(high)}{NBSP}mm", 24, _SOFT, anchor="rm")

    def flat_measure(self, x: int, y: int, wide: int) -> None:
        self.ink.rectangle((x, y, x + wide - 1, y + 1), _FAINT)
        for end in (x, x + wide - 2):
            self.ink.rectangle((end, y - 7, end + 1, y + 8), _FAINT)
        self.text(x + wide // 2, y + 38, f"{millimetres(wide)}{NBSP}mm", 24, _SOFT, anchor="ms")


def _png(page: Image.Image) -> bytes:
    content = io.BytesIO()
    page.save(content, "PNG", dpi=(DPI, DPI), optimize=True)
    return content.getvalue()


def _pdf(page: Image.Image) -> bytes:
    from datetime import UTC, datetime

    from fpdf import FPDF

    document = FPDF(unit="mm", format="A4")
    document.set_auto_page_break(False)
    document.set_title("Aperçu d'une facture client")
    document.set_lang("fr-FR")
    document.set_creation_date(datetime(2026, 11, 30, tzinfo=UTC))  # the page's own: the same page, the same bytes
    document.add_page()
    document.image(page, 0, 0, document.w, document.h)
    return bytes(document.output())

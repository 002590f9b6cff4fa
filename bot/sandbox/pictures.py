"""The integrator's logo and banner, drawn: right by default, wrong in any way the parameters say."""

import io
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

#: What the banner must show, all invented (operator's card, B-1: the footer banner).
COMPANY = "Télécom Exemple"
ADDRESS = "12 rue de l'Exemple, 00000 Ville-Fictive"
SIREN = "123 456 782"
SIRET = f"{SIREN} 00010"
VAT_NUMBER = f"FR11{SIREN.replace(' ', '')}"
CUSTOMER_SERVICE = "06 39 98 00 00"
CUSTOMER_SERVICE_COST = "0,00 EUR/min"
CUSTOMER_EMAIL = "clients@telecom.example"

_Rgb = tuple[int, int, int]
NAVY: _Rgb = (24, 45, 84)
TEAL: _Rgb = (23, 162, 152)
WHITE: _Rgb = (255, 255, 255)
_MIST: _Rgb = (238, 243, 247)

#: Drawn larger, then reduced: Pillow's shapes have no smooth edges of their own.
_SCALE = 4

Format = Literal["PNG", "JPEG"]


def logo(width: int = 95, height: int = 95, dpi: float | None = 300, kind: Format = "PNG") -> bytes:
    """The logo as a file's bytes; the card wants 95 x 95 px at 300 dpi. `dpi=None` states no density."""
    image = Image.new("RGB", (width * _SCALE, height * _SCALE), WHITE)
    draw = ImageDraw.Draw(image)
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2

    def box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return left + x0 * side, top + y0 * side, left + x1 * side, top + y1 * side

    draw.rounded_rectangle(box(0.03, 0.03, 0.97, 0.97), radius=0.2 * side, fill=NAVY)
    for reach in (0.56, 0.4, 0.24):
        draw.arc(box(0.26 - reach, 0.74 - reach, 0.26 + reach, 0.74 + reach), 270, 360, TEAL, round(0.08 * side))
    draw.ellipse(box(0.18, 0.66, 0.34, 0.82), fill=WHITE)
    return _file(image, (width, height), dpi, kind)


def banner(width: int = 760, height: int = 95, dpi: float | None = 300, kind: Format = "PNG") -> bytes:
    """The footer banner as a file's bytes; the card wants 760 x 95 px at 300 dpi."""
    image = Image.new("RGB", (width * _SCALE, height * _SCALE), _MIST)
    draw = ImageDraw.Draw(image)
    unit = min(image.width / 760, image.height / 95)
    draw.rectangle((0, 0, image.width, 5 * unit), fill=TEAL)
    _text(draw, 20 * unit, 50 * unit, COMPANY, 27 * unit)
    lines = (
        f"{ADDRESS} · SIRET {SIRET}",
        f"TVA intracommunautaire {VAT_NUMBER}",
        f"Service client : {CUSTOMER_SERVICE} ({CUSTOMER_SERVICE_COST}) · {CUSTOMER_EMAIL}",
    )
    for place, line in enumerate(lines):
        _text(draw, 250 * unit, (26 + 24 * place) * unit, line, 14 * unit)
    return _file(image, (width, height), dpi, kind)


def _text(draw: ImageDraw.ImageDraw, x: float, y: float, text: str, size: float) -> None:
    """Text in Pillow's own font, the same on every machine; it has no accents: the acute one is drawn."""
    font = ImageFont.load_default(size)
    plain = text.replace("é", "e")
    draw.text((x, y), plain, NAVY, font, anchor="lm")
    for place, sign in enumerate(text):
        if sign == "é":
            middle = x + font.getlength(plain[:place]) + font.getlength("e") / 2
            stroke = (middle - 0.05 * size, y - 0.27 * size, middle + 0.1 * size, y - 0.4 * size)
            draw.line(stroke, NAVY, max(1, round(0.08 * size)))


def _file(image: Image.Image, size: tuple[int, int], dpi: float | None, kind: Format) -> bytes:
    small = image.resize(size, Image.Resampling.LANCZOS)
    content = io.BytesIO()
    if dpi is None:
        small.save(content, kind, quality=92)
    else:
        small.save(content, kind, quality=92, dpi=(dpi, dpi))
    return content.getvalue()

"""The integrator's profile, all invented, its logo and its banner: right by default, wrong in any way the parameters
say."""

import io
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw

from core import banner as made_banner
from core.profile import Profile

PROFILE = Profile(
    operator_name="Télécom Exemple",
    address="12 rue de l'Exemple, 00000 Ville-Fictive",
    siret="12345678200010",
    vat="FR11123456782",
    phone="0639980000",
    phone_cost="appel non surtaxé",
    service_email="clients@telecom.example",
    accounting_email="compta@telecom.example",
    technical_email="technique@telecom.example",
    technical_contact="Camille Martin",
    colour="#182d54",
)
COMPANY, ADDRESS = PROFILE.operator_name, PROFILE.address
SIREN = "123 456 782"

_Rgb = tuple[int, int, int]
NAVY: _Rgb = (24, 45, 84)
TEAL: _Rgb = (23, 162, 152)
WHITE: _Rgb = (255, 255, 255)

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
    right = _right_banner()
    if (width, height, dpi, kind) == (760, 95, 300, "PNG"):
        return right
    with Image.open(io.BytesIO(right)) as image:
        return _file(image, (width, height), dpi, kind)


@lru_cache
def _right_banner() -> bytes:
    return made_banner.draw(PROFILE, logo())


def _file(image: Image.Image, size: tuple[int, int], dpi: float | None, kind: Format) -> bytes:
    small = image.resize(size, Image.Resampling.LANCZOS)
    content = io.BytesIO()
    if dpi is None:
        small.save(content, kind, quality=92)
    else:
        small.save(content, kind, quality=92, dpi=(dpi, dpi))
    return content.getvalue()

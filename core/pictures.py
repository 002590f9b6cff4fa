"""The integrator's logo and banner: the operator's rules (card, B-1 and B-5), judged on the bytes themselves."""

import io
import struct
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image, UnidentifiedImageError

#: Telegram's own limit for a bot is 20 MB; a right picture weighs some kilobytes.
MAX_BYTES = 20 * 1024 * 1024

#: Far above any rule, far below what would fill the memory once unpacked.
MAX_PIXELS = 40_000_000

DPI = 300


#: What Pillow raises on damaged bytes.
_UNREADABLE = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError, struct.error)


@dataclass(frozen=True)
class Rule:
    """What a picture must be: `width` x `height` pixels exactly, JPG or PNG, 300 dpi. `name`: on the FTP."""

    name: str
    french: str
    width: int
    height: int


LOGO = Rule("logo", "logo", 95, 95)
BANNER = Rule("bandeau", "bandeau", 760, 95)
RULES = {rule.name: rule for rule in (LOGO, BANNER)}


@dataclass(frozen=True)
class Verdict:
    """`faults`: every one, in French, with what was found and what is wanted; empty when the picture is right.

    `extension`: "png" or "jpg" by content, "" for anything else. `dpi`: horizontal and vertical, None when absent.
    """

    faults: tuple[str, ...]
    extension: str = ""
    width: int = 0
    height: int = 0
    dpi: tuple[float, float] | None = None


def check(content: bytes, rule: Rule) -> Verdict:
    """Judge a picture. The file's name plays no part: a JPEG named .png is a JPEG."""
    if len(content) > MAX_BYTES:
        return Verdict((f"fichier de {len(content) / 1e6:.0f} Mo, alors que la limite est de 20 Mo".replace(".", ","),))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # Only the header is read here, before any pixel is unpacked.
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")) as header:
                width, height = header.size
                found = header.format or ""
                dpi = _density(header)
                frames = getattr(header, "n_frames", 1)
    except Image.DecompressionBombError:
        wanted = f"{rule.width} × {rule.height}"
        return Verdict((f"image démesurée, trop grande pour être lue : il faut exactement {wanted} pixels",))
    except _UNREADABLE:
        return Verdict(("ce fichier n'est pas une image JPG ou PNG lisible",))
    extension = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg"}.get(found, "")
    faults = []
    if not extension:
        faults.append(f"format {found}, il faut JPG ou PNG")
    if (width, height) != (rule.width, rule.height):
        faults.append(f"{width} × {height} pixels, il en faut exactement {rule.width} × {rule.height}")
    if dpi is None:
        faults.append(f"densité absente du fichier, il faut {DPI} dpi")
    elif {round(dpi[0]), round(dpi[1])} != {DPI}:
        shown = " × ".join(dict.fromkeys(f"{round(value)}" for value in dpi))
        faults.append(f"densité de {shown} dpi, il faut {DPI} dpi")
    if frames > 1 and extension == "png":
        faults.append("image animée, il faut une image fixe")
    if width * height <= MAX_PIXELS and not _whole(content):
        faults.append("fichier tronqué ou abîmé : l'image ne se lit pas jusqu'au bout")
    return Verdict(tuple(faults), extension, width, height, dpi)


def _density(image: Image.Image) -> tuple[float, float] | None:
    """Dots per inch. PNG stores pixels per metre (300 dpi reads back as 299.9994), JPEG also per centimetre."""
    if image.format == "JPEG" and image.info.get("jfif_unit", 0) == 0:
        # Neither inches nor centimetres: EXIF may tell. Pillow answers 72 dpi where it tells nothing.
        exif = image.getexif()
        if not (exif.get(ExifTags.Base.XResolution) and exif.get(ExifTags.Base.ResolutionUnit) in (2, 3)):
            return None
    dpi = image.info.get("dpi")
    try:
        return (float(dpi[0]), float(dpi[1])) if dpi else None
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def _whole(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.verify()  # a PNG's checksums, to its last chunk
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
    except _UNREADABLE:
        return False
    return True

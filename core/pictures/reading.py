"""What there is to know of a picture before it is judged or corrected."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Literal

from PIL import Image

from core.pictures import exif, jpeg, png
from core.pictures.rules import MAX_BYTES, MAX_PIXELS, Rule
from core.pictures.signatures import READABLE, begins_as, what_it_is

Density = tuple[float, float]

#: A picture larger than that is far from any rule: whether it is all white is not asked.
_LARGEST_LOOKED_AT = 4_000_000

#: Between two colours that nobody tells apart, and that JPEG's rounding makes of one.
_SAME_COLOUR = 4


class NotAPicture(Exception):
    """The bytes are no picture that can be judged further; the message is the fault, in French."""


@dataclass(frozen=True)
class Reading:
    """`kind`: PNG, JPEG, GIF, BMP, TIFF or WEBP. `width`, `height`: of the stored pixels; `orientation`: how EXIF has
    them turned (1: not at all). `densities`: in dots per inch, by who notes them; the one that counts is first.
    `several`: it moves, or has pages. `bits`: for each colour of a pixel. `whole`: None where the picture is too large
    to be unpacked. `single`: "", or the colour that is all there is to see on white paper.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    densities: dict[str, Density] = field(default_factory=dict)
    several: bool = False
    cmyk: bool = False
    bits: int = 8
    whole: bool | None = None
    single: Literal["", "white", "another"] = ""

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height where EXIF is followed."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def read(content: bytes, rule: Rule) -> Reading:
    """:raises NotAPicture: neither JPG nor PNG nor anything near."""
    if not content:
        raise NotAPicture("fichier vide (0 octet), il faut une image JPG ou PNG")
    if len(content) > MAX_BYTES:
        weight = f"{len(content) / 1e6:.0f}"
        raise NotAPicture(f"fichier de {weight} Mo, alors que la limite est de 20 Mo")
    if other := what_it_is(content):
        raise NotAPicture(f"ce fichier est {other}, il faut une image JPG ou PNG")
    try:
        return _with_pixels(_read_header(content), content)
    except Image.DecompressionBombError:
        raise NotAPicture(
            f"image démesurée, trop grande pour être lue : il faut exactement {rule.width} × {rule.height} pixels"
        ) from None
    except Exception as error:
        # Whatever a stranger's bytes make Pillow's readers stumble over: a dozen types, RuntimeError and AssertionError
        # among them.
        fault = "ce fichier n'est pas une image JPG ou PNG lisible"
        if begun := begins_as(content):
            fault += f" : il commence comme un {begun}, mais il est tronqué ou abîmé"
        raise NotAPicture(fault) from error


@contextmanager
def unpacked(content: bytes) -> Iterator[Image.Image]:
    """The first picture of the file, with its pixels; raises anything on damaged bytes."""
    with _opened(content) as image:
        if image.format == "TIFF":
            _refuse_vast_tiles(image)
        image.load()
        yield image


def plain(image: Image.Image) -> Image.Image | None:
    """In one of the modes L, RGB, RGBA and CMYK, 8 bits each, RGBA only where something shows through.

    None for what has no sure meaning as colours on a screen.
    """
    deep = image.mode.startswith("I;16")
    if "transparency" in image.info and (deep or (image.mode == "RGB" and max(_key(image)) > 255)):
        return None  # Pillow compares the 16-bit key with pixels it has already cut to 8
    if deep:
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"):
        return None
    if image.mode == "CMYK":
        return image
    if image.has_transparency_data:
        seen_through = image.convert("RGBA")
        if int(seen_through.getchannel("A").getextrema()[0]) < 255:  # type: ignore[arg-type]
            return seen_through
        image = seen_through
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """Only the header is read, before any pixel is unpacked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=READABLE) as image:
            yield image


def _read_header(content: bytes) -> Reading:
    with _opened(content) as image:
        kind = {"MPO": "JPEG"}.get(image.format or "", image.format or "")  # a JPEG that others follow
        reading = Reading(kind, *image.size, cmyk=image.mode == "CMYK", whole=True)
        if kind == "PNG":
            return _png(reading, content)
        if kind == "JPEG":
            return _jpeg(reading, content)
        density = _pillows_density(image)
        # Pillow turns a TIFF itself when it unpacks it.
        tags = image.info.get("exif", b"") if kind == "WEBP" else b""
        return replace(
            reading,
            densities={kind: density} if density else {},
            orientation=exif.read_exif(tags.removeprefix(b"Exif\0\0")).orientation,
            several=bool(getattr(image, "is_animated", False)),
            bits=_tiff_bits(image),
        )


def _png(reading: Reading, content: bytes) -> Reading:
    notes = png.read_png(content)
    densities = {"PNG": notes.density, "EXIF": notes.exif.density}
    return replace(
        reading,
        densities={who: density for who, density in densities.items() if density},
        orientation=notes.exif.orientation,
        several=notes.frames > 1,
        bits=notes.bits,
        whole=notes.whole,
    )


def _jpeg(reading: Reading, content: bytes) -> Reading:
    notes = jpeg.read_jpeg(content)
    return replace(
        reading,
        densities=notes.densities,
        orientation=notes.exif.orientation,
        whole=notes.whole and notes.scans <= jpeg.MOST_SCANS,
    )


def _with_pixels(reading: Reading, content: bytes) -> Reading:
    pixels = reading.width * reading.height
    if not reading.whole:
        return reading
    if pixels > MAX_PIXELS:
        return replace(reading, whole=None)
    if reading.kind == "PNG" and not png.is_filled(content):
        return replace(reading, whole=False)
    try:
        with unpacked(content) as image:
            return replace(reading, single=_single(image) if pixels <= _LARGEST_LOOKED_AT else "")
    except Exception:  # see `read`
        return replace(reading, whole=False)


def _pillows_density(image: Image.Image) -> Density | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if isfinite(across) and isfinite(down) and across > 0 and down > 0 else None


def _tiff_bits(image: Image.Image) -> int:
    bits = getattr(image, "tag_v2", {}).get(258, (8,))
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _refuse_vast_tiles(image: Image.Image) -> None:
    """A small TIFF may consist of one vast tile, which libtiff unpacks whole."""
    tags = getattr(image, "tag_v2", {})
    if int(tags.get(322, 0)) * int(tags.get(323, 0)) > MAX_PIXELS:
        raise ValueError("vast tiles")


def _key(image: Image.Image) -> tuple[int, ...]:
    key = image.info["transparency"]
    return key if isinstance(key, tuple) else (0,)


def _single(image: Image.Image) -> Literal["", "white", "another"]:
    picture = plain(image)
    if picture is None:
        return ""
    if picture.mode == "RGBA":
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    ranges = picture.convert("RGB").getextrema()
    if any(high - low > _SAME_COLOUR for low, high in ranges):  # type: ignore[misc]
        return ""
    return "white" if all(low >= 255 - _SAME_COLOUR for low, _ in ranges) else "another"  # type: ignore[misc]

"""Pictures of every kind that people send for a logo or a banner, with what is to be said of them.

All are drawn here, by Pillow and by bytes changed by hand.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageCms, ImageDraw, ImageOps

from core.pictures import BANNER, LOGO, Rule

Offer = Literal["", "lossless", "redrawn"]

#: EXIF orientation -> what undoes it, by Pillow's own words.
UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class Case:
    """`faults`, `warnings`: how each one begins, in their order. `offer`: "" where no correction is offered."""

    name: str
    build: Callable[[], bytes]
    rule: Rule = LOGO
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    offer: Offer = ""


def drawing(size: tuple[int, int] = (95, 95), mode: str = "RGB") -> Image.Image:
    """Nothing in it is symmetric: a picture turned or mirrored is another one. Its edges are white."""
    width, height = size
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((width * 0.1, height * 0.1, width * 0.7, height * 0.6), fill=(24, 45, 84))
    draw.ellipse((width * 0.4, height * 0.4, width * 0.9, height * 0.9), fill=(23, 162, 152))
    draw.rectangle((width * 0.15, height * 0.7, width * 0.3, height * 0.85), fill=(200, 30, 30))
    return image.convert(mode)


def picture(
    kind: str = "PNG", size: tuple[int, int] = (95, 95), mode: str = "RGB", dpi: float | None = 300, **options: object
) -> bytes:
    return saved(drawing(size, mode), kind, dpi, **options)


def saved(image: Image.Image, kind: str = "PNG", dpi: float | None = 300, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **({"dpi": (dpi, dpi)} if dpi else {}), **options)
    return content.getvalue()


def pixels(content: bytes) -> tuple[str, tuple[int, int], bytes]:
    """What a decoder sees, first picture only."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return image.mode, image.size, image.tobytes()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(content: bytes, name: bytes, body: bytes) -> bytes:
    """The PNG with one more chunk before its pixels."""
    place = content.index(b"IDAT") - 4
    return content[:place] + png_chunk(name, body) + content[place:]


def with_jfif_density(content: bytes, unit: int, across: int, down: int) -> bytes:
    """The JPEG with other words in its JFIF header."""
    place = content.index(b"JFIF\0") + 7
    return content[:place] + struct.pack(">BHH", unit, across, down) + content[place + 5 :]


def without_jfif(content: bytes) -> bytes:
    assert content[2:4] == b"\xff\xe0"
    return content[:2] + content[4 + struct.unpack_from(">H", content, 4)[0] :]


def with_segment(content: bytes, marker: int, body: bytes) -> bytes:
    """The JPEG with one more segment, behind its JFIF header."""
    place = content.index(b"\xff\xdb")
    return content[:place] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + content[place:]


def exif(orientation: int = 0, density: float = 0, unit: int | None = 2) -> Image.Exif:
    made = Image.Exif()
    if orientation:
        made[0x0112] = orientation
    if density:
        made[0x011A], made[0x011B] = density, density
        if unit:
            made[0x0128] = unit
    return made


def photoshop_density(dpi: int) -> bytes:
    """Photoshop's APP13: another note, then the resolution."""
    other = b"8BIM" + struct.pack(">HBBI", 0x0404, 0, 0, 3) + b"abc\0"
    body = struct.pack(">IHHIHH", dpi << 16, 1, 1, dpi << 16, 1, 1)
    return b"Photoshop 3.0\0" + other + b"8BIM" + struct.pack(">HBBI", 0x03ED, 0, 0, len(body)) + body


def turned(orientation: int, size: tuple[int, int] = (95, 95), kind: str = "JPEG") -> bytes:
    """Stored turned, with the EXIF orientation by which it shows as `drawing(size)`."""
    return saved(drawing(size).transpose(UNDO[orientation]), kind, exif=exif(orientation))


def png_of(width: int, height: int, bits: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand: `rows` with their filter bytes, at 300 dpi."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    density = png_chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
    others = b"".join(png_chunk(name, body) for name, body in chunks)
    end = png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + density + others + end


def deep_png(colours: int = 3, size: tuple[int, int] = (95, 95)) -> bytes:
    """16 bits a colour, in grey (1), RGB (3) or RGBA (4)."""
    mode, kind = {1: ("L", 0), 3: ("RGB", 2), 4: ("RGBA", 6)}[colours]
    data = drawing(size, mode).tobytes()
    width = size[0] * colours
    rows = (data[start : start + width] for start in range(0, len(data), width))
    deep = b"".join(b"\0" + b"".join(bytes((value, value)) for value in row) for row in rows)
    return png_of(*size, 16, kind, deep)


def interlaced_png() -> bytes:
    """Adam7: seven smaller pictures in turn."""
    image = drawing()
    rows = b""
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for y in range(top, 95, down):
            points = (image.getpixel((x, y)) for x in range(left, 95, across))
            rows += b"\0" + b"".join(bytes(point) for point in points)  # type: ignore[arg-type]
    header = struct.pack(">IIBBBBB", 95, 95, 8, 2, 0, 0, 1)
    density = png_chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
    body = png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + density + body


def animation(kind: str, size: tuple[int, int] = (95, 95)) -> bytes:
    frames = [drawing(size), ImageOps.mirror(drawing(size))]
    dpi = 300 if kind in {"PNG", "TIFF", "MPO"} else None
    return saved(frames[0], kind, dpi, save_all=True, append_images=frames[1:])


def adobe_rgb_profile() -> bytes:
    """A display profile that is not sRGB: what its reds are, sRGB has not."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Red and green columns exchanged: an absurd display, whose name says nothing of sRGB.
    exchanged = profile.replace(b"rXYZ", b"@@@@").replace(b"gXYZ", b"rXYZ").replace(b"@@@@", b"gXYZ")
    name = "sRGB built-in".encode("utf-16-be")
    assert name in exchanged
    return exchanged.replace(name, "Rouge et vert".encode("utf-16-be"))


def press_profile() -> bytes:
    """A printing press (CMYK) whose cyan ink is red: what follows it shows."""
    lab = []
    for ink in range(16):
        cyan, magenta, yellow, black = (ink >> place & 1 for place in (3, 2, 1, 0))
        light = 255 if not ink else 0 if black else 120
        red = 200 if cyan and not black else 128
        lab += [light, red, red if not (magenta or yellow) else 128]
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    table = b"mft1\0\0\0\0\4\3\2\0" + identity + straight * 4 + bytes(lab) + straight * 3
    name = b"Presse d'essai\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    directory, data = b"", b""
    tags = ((b"desc", description), (b"wtpt", white), (b"A2B0", table))
    for tag, body in tags:
        directory += struct.pack(">4sII", tag, 132 + 12 * len(tags) + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    size = 132 + len(directory) + len(data)
    head = struct.pack(">I4sI4s4s4s12x4s", size, b"", 0x02100000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + directory + data


def gigantic_png(side: int = 60_000) -> bytes:
    return png_of(side, side, 8, 2, b"\0" * 1000)


def gigantic_jpeg() -> bytes:
    content = picture("JPEG")
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", 65_000, 65_000) + content[place + 4 :]


def gigantic_bmp() -> bytes:
    content = picture("BMP")
    return content[:18] + struct.pack("<ii", 60_000, 60_000) + content[26:]


def gigantic_tiff() -> bytes:
    content = bytearray(picture("TIFF"))
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", content, place)
        if tag in (256, 257):
            struct.pack_into("<HII", content, place + 2, 4, 1, 60_000)
    return bytes(content)


def cut(content: bytes, part: float) -> bytes:
    return content[: int(len(content) * part)]


def flipped(content: bytes, after: bytes, distance: int) -> bytes:
    changed = bytearray(content)
    changed[content.index(after) + distance] ^= 1
    return bytes(changed)


def text_at_the_end() -> bytes:
    return picture()[:-12] + png_chunk(b"tEXt", b"Author\0nobody") + png_chunk(b"IEND", b"")


def cmyk_jpeg(size: tuple[int, int] = (95, 95), dpi: float | None = 300) -> bytes:
    """As Pillow and Photoshop write it: marked by Adobe, and inverted."""
    content = picture("JPEG", size, "CMYK", dpi)
    assert b"Adobe" in content
    return content


def cmyk_jpeg_without_adobe() -> bytes:
    content = cmyk_jpeg()
    place = content.index(b"\xff\xee")
    return content[:place] + content[place + 2 + struct.unpack_from(">H", content, place + 2)[0] :]


def rgb_jpeg() -> bytes:
    """Red, green and blue as they are, as Adobe's marker says; a JFIF header would make decoders see YCbCr."""
    content = picture("JPEG", dpi=None, keep_rgb=True)
    assert b"JFIF" not in content
    return content


def seen_through() -> Image.Image:
    image = drawing(mode="RGBA")
    image.putalpha(Image.radial_gradient("L").resize((95, 95)).point(lambda value: 255 if value < 160 else 0))
    return image


def half_seen_through(size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGBA", size)
    ImageDraw.Draw(image).ellipse((2, 2, size[0] - 3, size[1] - 3), fill=(24, 45, 84, 255))
    return image


def on(colour: str, size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).ellipse((10, 10, size[0] - 11, size[1] - 11), fill=(240, 240, 240))
    return image


NO_DENSITY = "densité absente du fichier, il faut 300 dpi"
SIZE = "{} × {} pixels, il en faut exactement 95 × 95"
CUT = "fichier tronqué ou abîmé"
CMYK = "couleurs CMJN"
DEEP = "16 bits par couleur"
TURN = "image {} à l'affichage par une note"
VAST = "image démesurée"
UNREADABLE = "ce fichier n'est pas une image JPG ou PNG lisible"


TURNED_WORDS = {
    2: "mise en miroir",
    3: "tournée de 180°",
    4: "tournée de 180° et mise en miroir",
    5: "tournée de 90° et mise en miroir",
    6: "tournée de 90° vers la droite",
    7: "tournée de 90° et mise en miroir",
    8: "tournée de 90° vers la gauche",
}


def _wide(kind: str = "PNG", **options: object) -> bytes:
    return picture(kind, (760, 95), **options)  # type: ignore[arg-type]


RIGHT = [
    Case("png", picture),
    Case("jpeg", lambda: picture("JPEG")),
    Case("banner png", _wide, BANNER),
    Case("banner jpeg", lambda: _wide("JPEG"), BANNER),
    Case("png palette", lambda: picture(mode="P")),
    Case("png 1 bit", lambda: picture(mode="1")),
    Case("png grey", lambda: picture(mode="L")),
    Case("png grey alpha", lambda: picture(mode="LA")),
    Case("png rgba", lambda: picture(mode="RGBA")),
    Case("png transparent", lambda: saved(seen_through())),
    Case("png transparent palette", lambda: saved(drawing().quantize(16), transparency=0)),
    Case("png interlaced", interlaced_png),
    Case("png bytes after the end", lambda: picture() + b"\r\n<!-- -->"),
    Case("png exif agrees", lambda: picture(exif=exif(1, 300))),
    Case("png of a single frame of animation", lambda: with_chunk(picture(), b"acTL", struct.pack(">II", 1, 0))),
    Case("jpeg grey", lambda: picture("JPEG", mode="L")),
    Case("jpeg progressive", lambda: picture("JPEG", progressive=True)),
    Case("jpeg optimized", lambda: picture("JPEG", optimize=True, quality=40)),
    Case("jpeg restarts", lambda: picture("JPEG", restart_marker_blocks=2)),
    Case("jpeg bytes after the end", lambda: picture("JPEG") + b"\0" * 50),
    Case("jpeg of two pictures (MPO)", lambda: animation("MPO")),
    Case("jpeg density in cm", lambda: with_jfif_density(picture("JPEG"), 2, 118, 118)),
    Case("jpeg density in exif only", lambda: picture("JPEG", dpi=None, exif=exif(density=300.0))),
    Case("jpeg density in exif, cm", lambda: picture("JPEG", dpi=None, exif=exif(density=118.11, unit=3))),
    Case("jpeg density in exif, no unit", lambda: picture("JPEG", dpi=None, exif=exif(density=300.0, unit=None))),
    Case("jpeg exif agrees", lambda: picture("JPEG", exif=exif(1, 300.0))),
    Case("jpeg photoshop agrees", lambda: with_segment(picture("JPEG"), 0xED, photoshop_density(300))),
    Case("jpeg profile", lambda: picture("JPEG", icc_profile=adobe_rgb_profile())),
]

WRONG_DENSITY = [
    Case("png no density", lambda: picture(dpi=None), LOGO, (NO_DENSITY,), offer="lossless"),
    Case("png 72", lambda: picture(dpi=72), LOGO, ("densité de 72 dpi, il faut 300 dpi",), offer="lossless"),
    Case("png 299", lambda: picture(dpi=299), LOGO, ("densité de 299 dpi",), offer="lossless"),
    Case("png 301", lambda: picture(dpi=301), LOGO, ("densité de 301 dpi",), offer="lossless"),
    Case(
        "png aspect only",
        lambda: with_chunk(picture(dpi=None), b"pHYs", struct.pack(">IIB", 11811, 11811, 0)),
        LOGO,
        (NO_DENSITY,),
        offer="lossless",
    ),
    Case(
        "png density in exif only",
        lambda: picture(dpi=None, exif=exif(density=300.0)),
        LOGO,
        ("densité notée dans un bloc EXIF seulement (300 dpi)",),
        offer="lossless",
    ),
    Case(
        "png contradicted by exif",
        lambda: picture(exif=exif(density=72.0)),
        LOGO,
        ("densités contradictoires dans le fichier : 300 dpi (PNG) et 72 dpi (EXIF)",),
        offer="lossless",
    ),
    Case("png palette 96", lambda: picture(mode="P", dpi=96), LOGO, ("densité de 96 dpi",), offer="lossless"),
    Case("png interlaced 1 bit 96", lambda: picture(mode="1", dpi=96), LOGO, ("densité de 96 dpi",), offer="lossless"),
    Case("banner png 96", lambda: _wide(dpi=96), BANNER, ("densité de 96 dpi",), offer="lossless"),
    Case("jpeg no density", lambda: picture("JPEG", dpi=None), LOGO, (NO_DENSITY,), offer="lossless"),
    Case("jpeg 96", lambda: picture("JPEG", dpi=96), LOGO, ("densité de 96 dpi",), offer="lossless"),
    Case(
        "jpeg aspect only",
        lambda: with_jfif_density(picture("JPEG"), 0, 300, 300),
        LOGO,
        (NO_DENSITY,),
        offer="lossless",
    ),
    Case(
        "jpeg aspect only, exif 72",
        lambda: picture("JPEG", dpi=None, exif=exif(density=72.0)),
        LOGO,
        ("densité de 72 dpi",),
        offer="lossless",
    ),
    Case(
        "jpeg 300 across, 72 down",
        lambda: with_jfif_density(picture("JPEG"), 1, 300, 72),
        LOGO,
        ("densité de 300 × 72 dpi",),
        offer="lossless",
    ),
    Case(
        "jpeg 300 per cm",
        lambda: with_jfif_density(picture("JPEG"), 2, 300, 300),
        LOGO,
        ("densité de 762 dpi",),
        offer="lossless",
    ),
    Case(
        "jpeg jfif 72, exif 300",
        lambda: with_jfif_density(picture("JPEG", exif=exif(density=300.0)), 1, 72, 72),
        LOGO,
        ("densités contradictoires dans le fichier : 72 dpi (JFIF) et 300 dpi (EXIF), il faut 300 dpi partout",),
        offer="lossless",
    ),
    Case(
        "jpeg jfif 300, exif 28 per cm",
        lambda: picture("JPEG", exif=exif(density=28.0, unit=3)),
        LOGO,
        ("densités contradictoires dans le fichier : 300 dpi (JFIF) et 71 dpi (EXIF)",),
        offer="lossless",
    ),
    Case(
        "jpeg jfif 300, photoshop 72",
        lambda: with_segment(picture("JPEG"), 0xED, photoshop_density(72)),
        LOGO,
        ("densités contradictoires dans le fichier : 300 dpi (JFIF) et 72 dpi (Photoshop)",),
        offer="lossless",
    ),
    Case(
        "jpeg density from photoshop only",
        lambda: with_segment(without_jfif(picture("JPEG")), 0xED, photoshop_density(300)),
        LOGO,
        ("densité notée dans un bloc Photoshop seulement (300 dpi)",),
        offer="lossless",
    ),
    Case("jpeg without jfif", lambda: without_jfif(picture("JPEG")), LOGO, (NO_DENSITY,), offer="lossless"),
    Case("jpeg rgb without jfif", rgb_jpeg, LOGO, (NO_DENSITY,), offer="lossless"),
    Case(
        "jpeg grey without jfif",
        lambda: without_jfif(picture("JPEG", mode="L")),
        LOGO,
        (NO_DENSITY,),
        offer="lossless",
    ),
    Case(
        "jpeg progressive 72",
        lambda: _wide("JPEG", progressive=True, dpi=72),
        BANNER,
        ("densité de 72 dpi",),
        offer="lossless",
    ),
    Case(
        "jpeg of two pictures 72",
        lambda: with_jfif_density(animation("MPO"), 1, 72, 72),
        LOGO,
        ("densité de 72 dpi",),
        offer="lossless",
    ),
]

WRONG_SIZE = [
    Case("png 96 x 95", lambda: picture(size=(96, 95)), LOGO, (SIZE.format(96, 95),), offer="redrawn"),
    Case("png twice", lambda: picture(size=(190, 190)), LOGO, (SIZE.format(190, 190),), offer="redrawn"),
    Case("png 512", lambda: picture(size=(512, 512), mode="RGBA"), LOGO, (SIZE.format(512, 512),), offer="redrawn"),
    Case(
        "png one pixel of rounding", lambda: picture(size=(200, 199)), LOGO, (SIZE.format(200, 199),), offer="redrawn"
    ),
    Case("png small", lambda: picture(size=(40, 40)), LOGO, (SIZE.format(40, 40),), offer="redrawn"),
    Case("png tiny", lambda: picture(size=(16, 16)), LOGO, (SIZE.format(16, 16),)),
    Case("png one pixel", lambda: picture(size=(1, 1)), LOGO, (SIZE.format(1, 1),), ("image d'une seule couleur",)),
    Case("png 3 by 2", lambda: picture(size=(300, 200)), LOGO, (SIZE.format(300, 200),), offer="redrawn"),
    Case("jpeg 2 by 3", lambda: picture("JPEG", (200, 300)), LOGO, (SIZE.format(200, 300),), offer="redrawn"),
    Case("png 3 by 1", lambda: picture(size=(300, 100)), LOGO, (SIZE.format(300, 100),)),
    Case("png a little small", lambda: picture(size=(95, 80)), LOGO, (SIZE.format(95, 80),), offer="redrawn"),
    Case("png dark border", lambda: saved(on("#182d54", (300, 200))), LOGO, (SIZE.format(300, 200),), offer="redrawn"),
    Case(
        "png transparent 3 by 2",
        lambda: saved(half_seen_through((300, 200))),
        LOGO,
        (SIZE.format(300, 200),),
        offer="redrawn",
    ),
    Case(
        "jpeg twice, 72",
        lambda: picture("JPEG", (190, 190), dpi=72),
        LOGO,
        (SIZE.format(190, 190), "densité de 72 dpi"),
        offer="redrawn",
    ),
    Case("a banner for a logo", _wide, LOGO, (SIZE.format(760, 95),)),
    Case("a logo for a banner", picture, BANNER, ("95 × 95 pixels, il en faut exactement 760 × 95",)),
    Case(
        "banner twice",
        lambda: picture(size=(1520, 190)),
        BANNER,
        ("1520 × 190 pixels, il en faut exactement 760 × 95",),
        offer="redrawn",
    ),
    Case(
        "banner a little high",
        lambda: picture(size=(760, 120)),
        BANNER,
        ("760 × 120 pixels",),
        offer="redrawn",
    ),
    Case("banner of half a height", lambda: picture(size=(400, 60)), BANNER, ("400 × 60 pixels",), offer="redrawn"),
    Case(
        "png palette twice", lambda: picture(size=(190, 190), mode="P"), LOGO, (SIZE.format(190, 190),), offer="redrawn"
    ),
    Case(
        "png 1 bit twice", lambda: picture(size=(190, 190), mode="1"), LOGO, (SIZE.format(190, 190),), offer="redrawn"
    ),
    Case(
        "png profile twice",
        lambda: picture(size=(190, 190), icc_profile=adobe_rgb_profile()),
        LOGO,
        (SIZE.format(190, 190),),
        offer="redrawn",
    ),
    Case("photo of a phone", lambda: picture("JPEG", (4000, 3000)), LOGO, (SIZE.format(4000, 3000),), offer="redrawn"),
]

TURNED = [
    *(
        Case(
            f"jpeg turned, orientation {orientation}",
            lambda o=orientation: turned(o),
            LOGO,
            (),
            (TURN.format(words),),
            "redrawn",
        )  # type: ignore[misc]
        for orientation, words in TURNED_WORDS.items()
    ),
    Case(
        "png turned",
        lambda: turned(6, kind="PNG"),
        LOGO,
        (),
        (TURN.format("tournée de 90° vers la droite"),),
        "redrawn",
    ),
    Case(
        "banner stored upright, shown right",
        lambda: turned(6, (760, 95)),
        BANNER,
        ("95 × 760 pixels, il en faut exactement 760 × 95 (l'image n'est tournée de 90° vers la droite que par",),
        offer="redrawn",
    ),
    Case(
        "banner stored right, shown upright",
        lambda: _wide("JPEG", exif=exif(6)),
        BANNER,
        ("95 × 760 pixels à l'affichage",),
        offer="lossless",
    ),
    Case(
        "banner png stored right, shown upright, 72",
        lambda: _wide(exif=exif(8), dpi=72),
        BANNER,
        ("95 × 760 pixels à l'affichage", "densité de 72 dpi"),
        offer="lossless",
    ),
    Case("banner upside down", lambda: turned(3, (760, 95)), BANNER, (), (TURN.format("tournée de 180°"),), "redrawn"),
    Case("orientation 9 means nothing", lambda: picture("JPEG", exif=exif(9))),
    Case(
        "photo of a phone, held upright",
        lambda: turned(6, (300, 400)),
        LOGO,
        (SIZE.format(400, 300),),
        offer="redrawn",
    ),
]

COLOURS = [
    Case("cmyk, adobe", cmyk_jpeg, LOGO, (), (CMYK,), "redrawn"),
    Case("cmyk, not adobe", cmyk_jpeg_without_adobe, LOGO, (), (CMYK,), "redrawn"),
    Case("cmyk, 72", lambda: cmyk_jpeg(dpi=72), LOGO, ("densité de 72 dpi",), (CMYK,), "redrawn"),
    Case("cmyk twice", lambda: cmyk_jpeg((190, 190)), LOGO, (SIZE.format(190, 190),), (CMYK,), "redrawn"),
    Case(
        "cmyk, profile",
        lambda: picture("JPEG", mode="CMYK", icc_profile=press_profile()),
        LOGO,
        (),
        (CMYK,),
        "redrawn",
    ),
    Case("16 bits", deep_png, LOGO, (), (DEEP,), "redrawn"),
    Case("16 bits grey", lambda: deep_png(1), LOGO, (), (DEEP,), "redrawn"),
    Case("16 bits alpha", lambda: deep_png(4), LOGO, (), (DEEP,), "redrawn"),
    Case("16 bits twice", lambda: deep_png(3, (190, 190)), LOGO, (SIZE.format(190, 190),), (DEEP,), "redrawn"),
    Case("all white", lambda: saved(Image.new("RGB", (95, 95), "white")), warnings=("sur du papier blanc",)),
    Case("all transparent", lambda: saved(Image.new("RGBA", (95, 95))), warnings=("sur du papier blanc",)),
    Case(
        "white on transparent",
        lambda: saved(Image.merge("RGBA", [*[Image.new("L", (95, 95), 255)] * 3, drawing(mode="L")])),
        warnings=("sur du papier blanc",),
    ),
    Case("all red", lambda: saved(Image.new("RGB", (95, 95), "red")), warnings=("image d'une seule couleur",)),
    Case("all grey jpeg", lambda: saved(Image.new("L", (95, 95), 90), "JPEG"), warnings=("image d'une seule couleur",)),
]

MOVING = [
    Case("apng", lambda: animation("PNG"), LOGO, ("image animée",), (), "redrawn"),
    Case("gif animation", lambda: animation("GIF"), LOGO, ("format GIF", NO_DENSITY, "image animée"), (), "redrawn"),
    Case("webp animation", lambda: animation("WEBP"), LOGO, ("format WEBP", NO_DENSITY, "image animée"), (), "redrawn"),
    Case("tiff of two pages", lambda: animation("TIFF"), LOGO, ("format TIFF", "plusieurs pages"), (), "redrawn"),
    Case(
        "gif animation twice",
        lambda: animation("GIF", (190, 190)),
        LOGO,
        ("format GIF", SIZE.format(190, 190), NO_DENSITY, "image animée"),
        (),
        "redrawn",
    ),
]

FORMATS = [
    Case("gif", lambda: picture("GIF", mode="P", dpi=None), LOGO, ("format GIF", NO_DENSITY), (), "lossless"),
    Case("bmp", lambda: picture("BMP"), LOGO, ("format BMP, il faut JPG ou PNG",), (), "lossless"),
    Case("bmp 72", lambda: picture("BMP", dpi=72), LOGO, ("format BMP", "densité de 72 dpi"), (), "lossless"),
    Case("tiff", lambda: picture("TIFF"), LOGO, ("format TIFF",), (), "lossless"),
    Case("tiff lzw", lambda: picture("TIFF", compression="tiff_lzw"), LOGO, ("format TIFF",), (), "lossless"),
    Case("tiff cmyk", lambda: picture("TIFF", mode="CMYK"), LOGO, ("format TIFF",), (CMYK,), "redrawn"),
    Case("tiff float", lambda: picture("TIFF", mode="F"), LOGO, ("format TIFF",), ("32 bits par couleur",)),
    Case("webp", lambda: picture("WEBP", dpi=None, lossless=True), LOGO, ("format WEBP", NO_DENSITY), (), "lossless"),
    Case(
        "gif banner twice",
        lambda: picture("GIF", (1520, 190), "P", None),
        BANNER,
        ("format GIF", "1520 × 190 pixels", NO_DENSITY),
        (),
        "redrawn",
    ),
]

DAMAGED = [
    *(
        Case(f"{kind} cut at {part:.0%}", lambda k=kind, p=part: cut(picture(k), p), LOGO, (CUT,))  # type: ignore[misc]
        for kind, part in (("PNG", 0.3), ("PNG", 0.6), ("PNG", 0.9), ("JPEG", 0.75), ("JPEG", 0.9))
    ),
    Case("png without its end", lambda: picture()[:-12], LOGO, (CUT,)),
    Case("jpeg without its end", lambda: picture("JPEG")[:-2], LOGO, (CUT,)),
    Case("jpeg progressive cut", lambda: cut(picture("JPEG", progressive=True), 0.9), LOGO, (CUT,)),
    Case("png cut in its header", lambda: picture()[:20], LOGO, (f"{UNREADABLE} : il commence comme un PNG",)),
    Case("jpeg cut in its header", lambda: picture("JPEG")[:20], LOGO, (f"{UNREADABLE} : il commence comme un JPEG",)),
    Case("gif cut in its header", lambda: b"GIF89a", LOGO, (f"{UNREADABLE} : il commence comme un GIF",)),
    Case("png with a flipped bit", lambda: flipped(picture(), b"IDAT", 40), LOGO, (CUT,)),
    Case("png with a flipped bit after its pixels", lambda: flipped(text_at_the_end(), b"tEXt", 8), LOGO, (CUT,)),
    Case("png with a flipped bit in its density", lambda: flipped(picture(), b"pHYs", 5), LOGO, (UNREADABLE,)),
    Case("png with too few rows", lambda: png_of(95, 95, 8, 2, (b"\0" + b"\x40" * 285) * 50), LOGO, (CUT,)),
    Case(
        "wrong size, wrong density and cut",
        lambda: cut(picture(size=(200, 200), dpi=72), 0.5),
        LOGO,
        (SIZE.format(200, 200), "densité de 72 dpi", CUT),
    ),
    Case("gigantic png", gigantic_png, LOGO, (VAST,)),
    Case("gigantic jpeg", gigantic_jpeg, LOGO, (VAST,)),
    Case("gigantic bmp", gigantic_bmp, LOGO, (VAST,)),
    Case("gigantic tiff", gigantic_tiff, LOGO, (VAST,)),
    Case("large png, never unpacked", lambda: gigantic_png(9000), LOGO, (SIZE.format(9000, 9000),)),
]

OTHERS = [
    Case("empty", lambda: b"", LOGO, ("fichier vide (0 octet)",)),
    Case("text", lambda: b"Bonjour\n" * 50, LOGO, (UNREADABLE,)),
    Case("pdf", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", LOGO, ("ce fichier est un PDF, il faut",)),
    Case("html", lambda: b"\n<!DOCTYPE html>\n<html><img src=logo.png>", LOGO, ("ce fichier est une page web (HTML)",)),
    Case("svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', LOGO, ("ce fichier est un dessin SVG",)),
    Case(
        "svg with a declaration",
        lambda: b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- logo -->\n<svg/>',
        LOGO,
        ("ce fichier est un dessin SVG",),
    ),
    Case("xml", lambda: b'<?xml version="1.0"?><facture/>', LOGO, ("ce fichier est un fichier XML",)),
    Case(
        "heic",
        lambda: b"\0\0\0\x24ftypheic\0\0\0\0mif1MiHE",
        LOGO,
        ("ce fichier est une image HEIC (photo d'iPhone), il faut une image JPG ou PNG",),
    ),
    Case("avif", lambda: b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", LOGO, ("ce fichier est une image AVIF",)),
    Case("video", lambda: b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", LOGO, ("ce fichier est une vidéo",)),
    Case("photoshop", lambda: b"8BPS\0\1" + b"\0" * 40, LOGO, ("ce fichier est un document Photoshop (PSD)",)),
    Case("eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", LOGO, ("ce fichier est un dessin EPS",)),
    Case("word", lambda: b"PK\x03\x04" + b"\0" * 40 + b"word/document.xml", LOGO, ("ce fichier est un document Word",)),
    Case("zip", lambda: b"PK\x03\x04" + b"\0" * 40 + b"logo.png", LOGO, ("ce fichier est une archive ZIP",)),
    Case("icon", lambda: picture("ICO", (64, 64), dpi=None), LOGO, ("ce fichier est une icône Windows (ICO)",)),
    Case("too heavy", lambda: picture() + bytes(21 * 1024 * 1024), LOGO, ("fichier de 22 Mo, alors que la limite",)),
]

CASES = [
    *RIGHT,
    *WRONG_DENSITY,
    *WRONG_SIZE,
    *TURNED,
    *COLOURS,
    *MOVING,
    *FORMATS,
    *DAMAGED,
    *OTHERS,
]

"""A PNG as chunks (PNG specification, third edition): what they note beside the pixels, and other notes put there."""

import struct
import zlib
from dataclasses import dataclass

from core.pictures import exif
from core.pictures.rules import DPI

SIGNATURE = b"\x89PNG\r\n\x1a\n"

#: A real picture has some dozens, and some thousands where an encoder writes small ones.
_MOST_CHUNKS = 200_000
_INCH = 0.0254  # metres
_BLOCK = 1 << 20
#: First column and row of each pass, and the steps to its next ones.
_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
_EXIF_PREFIX = b"Exif\0\0"  # does not belong there, and some programs write it


@dataclass(frozen=True)
class Chunk:
    name: bytes
    start: int
    end: int


@dataclass(frozen=True)
class Png:
    """`whole`: every checksum is right, from the signature to the end. Densities are in dots per inch."""

    whole: bool
    bits: int
    frames: int
    density: tuple[float, float] | None
    exif: exif.Exif


def read_png(content: bytes) -> Png:
    chunks, whole = _chunks(content)
    bits, frames, density, noted = 8, 1, None, exif.Exif()
    for chunk in _before_pixels(chunks):
        body = _body(content, chunk)
        if chunk.name == b"IHDR" and len(body) >= 9:
            bits = body[8]
        elif chunk.name == b"acTL" and len(body) >= 4:
            (frames,) = struct.unpack_from(">I", body)
        elif chunk.name == b"pHYs" and len(body) >= 9:
            across, down, unit = struct.unpack_from(">IIB", body)
            density = (across * _INCH, down * _INCH) if unit == 1 and across and down else None
    for chunk in chunks:
        if chunk.name == b"eXIf":
            noted = exif.read_exif(_body(content, chunk).removeprefix(_EXIF_PREFIX))
            break
    return Png(whole, bits, frames, density, noted)


def is_filled(content: bytes) -> bool:
    """Whether the pixels come to their last row: Pillow takes those that are missing for black."""
    chunks, _ = _chunks(content)
    wanted = _unpacked_size(_body(content, chunks[0])) if chunks else 0
    stream = zlib.decompressobj()
    found = 0
    try:
        for chunk in chunks:
            packed_part = _body(content, chunk) if chunk.name == b"IDAT" else b""
            while packed_part and found < wanted and not stream.eof:
                found += len(stream.decompress(packed_part, _BLOCK))
                packed_part = stream.unconsumed_tail
    except zlib.error:
        return False
    return 0 < wanted <= found


def with_density(content: bytes, *, upright: bool) -> bytes:
    """The same pixels, byte for byte, at 300 dpi. `upright`: and no rotation noted."""
    chunks, _ = _chunks(content)
    made = bytearray(content[: len(SIGNATURE)])
    placed = False
    for chunk in chunks:
        if chunk.name == b"IDAT" and not placed:
            # 11811 pixels per metre, which reads back as 299.9994 dpi: the unit knows no better.
            per_metre = round(DPI / _INCH)
            made += packed(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))
            placed = True
        if chunk.name == b"eXIf":
            body = _body(content, chunk)
            prefix = _EXIF_PREFIX if body.startswith(_EXIF_PREFIX) else b""
            made += packed(b"eXIf", prefix + exif.rewritten(body.removeprefix(prefix), upright=upright))
        elif chunk.name != b"pHYs":
            made += content[chunk.start : chunk.end]
    if chunks and chunks[-1].name == b"IEND":
        return bytes(made)  # what follows a picture is none
    return bytes(made) + content[chunks[-1].end if chunks else len(SIGNATURE) :]


def colour_notes(content: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks that say how to read the colours where no profile does."""
    chunks, _ = _chunks(content)
    wanted = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
    return [(chunk.name, _body(content, chunk)) for chunk in _before_pixels(chunks) if chunk.name in wanted]


def packed(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _chunks(content: bytes) -> tuple[list[Chunk], bool]:
    """To the end of the picture, and whether it is reached unharmed; what follows it is not looked at."""
    chunks: list[Chunk] = []
    place = len(SIGNATURE)
    unharmed = True
    while place + 12 <= len(content) and len(chunks) < _MOST_CHUNKS:
        (length,) = struct.unpack_from(">I", content, place)
        end = place + 12 + length
        if end > len(content):
            break
        name = content[place + 4 : place + 8]
        (sum_noted,) = struct.unpack_from(">I", content, end - 4)
        unharmed = unharmed and zlib.crc32(memoryview(content)[place + 4 : end - 4]) == sum_noted
        chunks.append(Chunk(name, place, end))
        if name == b"IEND":
            return chunks, unharmed
        place = end
    return chunks, False


def _unpacked_size(header: bytes) -> int:
    """Bytes of all rows, each with its filter's; of the seven passes where it is interlaced. 0: there is no telling."""
    if len(header) != 13:
        return 0
    width, height, bits, colours, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    per_pixel = bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colours, 0)
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else [(0, 0, 1, 1)]:
        columns, rows = -((left - width) // across), -((top - height) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * per_pixel + 7) // 8)
    return total


def _before_pixels(chunks: list[Chunk]) -> list[Chunk]:
    first = next((place for place, chunk in enumerate(chunks) if chunk.name == b"IDAT"), len(chunks))
    return chunks[:first]


def _body(content: bytes, chunk: Chunk) -> bytes:
    return content[chunk.start + 8 : chunk.end - 4]
